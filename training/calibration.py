"""Calibrate the shipped digits model: converged pilot paths and fitted tables, into symsched/bridge/digits/digits.json.

    python -m training.calibration [--output FILE] [--count 256] [--threads 1]

Nothing of the training data is used: the pilot's noise is all its input.  About a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from symsched.bridge import calibrate, digits

SEED = 2026
STEPS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=digits.CALIBRATION)
    parser.add_argument("--count", type=int, default=256, help="paths of the pilot")
    parser.add_argument("--steps", type=int, nargs="*", default=STEPS, help="numbers of evaluations to fit")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    field = digits.load()
    field.model.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = calibrate(field, options.count, steps=options.steps, spectrum=True, seed=SEED, batch=64, progress=True)
    found.save(options.output)
    for steps, table in found.tables.items():
        print(f"{steps:3d} evaluations: pilot error {table['error']:.5f} at {table['shape']}")


if __name__ == "__main__":
    main()
