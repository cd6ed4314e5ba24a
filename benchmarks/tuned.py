"""Tuned against tuned, on the same pilot paths: least squares, descent from Euler, descent from least squares.

    python benchmarks/tuned.py                       # half an hour on one core; what is done is kept, row by row
    python benchmarks/tuned.py --fields "ZTF 32" --counts 4

"fitted" is `calibrate`'s table, "fitted from noise" the one that gives the model the noise itself first, "refined" and
"refined from noise" these after so many gradients.  "BNS" is Bespoke Non-Stationary solvers (Shaul et al.,
arXiv:2403.01329), written from the paper: times and all weights of Euler's method, from noise, by descent on the log of
the error at the end; it is given our whitened L-BFGS in the place of the paper's Adam, and as many gradients as ours.
PSNR in decibels (data range 2) to the converged ends of fresh noise: all error pooled, mean and median of the samples'
own, with 95 % bootstrap intervals.  The cost is that of tuning: evaluations of one sample forward, and back.
Writes benchmarks/results/tuned.json.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from benchmarks import galaxies
from benchmarks.arenas import Split
from benchmarks.untuned import Place
from symsched.bridge import FlowField, digits
from symsched.bridge.fitting import Fit, Fitter, GridShape
from symsched.bridge.pilot import Pilot, levels_at, run_pilot
from symsched.bridge.refining import refined
from symsched.bridge.running import Running
from symsched.version import __version__
from symsched.writing import whole
from training.data import run

COUNTS = (4, 6, 8)
FIELDS = ("digits", "ZTF 32")
SEED, TRIES, FINE = 2028, 10, 64


def field(name: str) -> FlowField:
    """The model of that name, without a calibration."""
    found = digits.load() if name == "digits" else galaxies.field(name)
    found.calibration = None
    found.model = Split(found.model.to(memory_format=torch.channels_last))
    return found


def halves(pilot: Pilot, count: int) -> tuple[Pilot, Pilot]:
    """Paths to tune on, and fresh ones, in the same units."""
    parts = (slice(count), slice(count, None))
    first, second = (replace(pilot, noise=pilot.noise[p], paths=pilot.paths[:, p]) for p in parts)
    return first, second


def euler(fitter: Fitter, steps: int) -> Fit:
    """Euler's method in the linear schedule's equal steps, as a table: where BNS begins."""
    ratios = np.append(np.arange(steps) / (steps - np.arange(steps)), np.inf)
    low = max(fitter.field.native.span[0], 1e-9)
    angles = np.append(np.arctan(fitter.pilot.rho * np.maximum(ratios[:-1], low)), math.pi / 2)
    levels = levels_at(fitter.field.native, angles, fitter.pilot.rho)
    rows, weights = [(1.0,)], np.array([1.0])  # of z and the answers D in the linear state x/(α + β)
    for k in range(steps):
        t = k / steps
        weights = np.append(weights * (1 - 1 / steps / (1 - t)), 1 / steps / (1 - t))
        scale = (levels.alpha + levels.beta)[k + 1] / levels.norm[k + 1]
        rows.append((float(scale * weights[0]), *(float(scale * fitter.pilot.rho * w) for w in weights[1:])))
    return fitter.judged(angles, rows, GridShape())


def contest(name: str, n: int, who: str, paths: tuple[Pilot, Pilot], refine: int, batch: int) -> dict[str, Any]:
    """One contender: tuned on the first paths, measured on the second."""
    how, given = Running(batch=batch), field(name)
    fitters = [Fitter(given, pilot, how, "from noise" in who or who.startswith("BNS")) for pilot in paths]
    count, began = len(paths[0].noise), time.process_time()
    fit = euler(fitters[0], n) if who.startswith("BNS") else fitters[0].search(n, GridShape(), TRIES)
    forward = count * n * (1 if who.startswith("BNS") else TRIES)
    descends = not who.startswith("fitted")
    if descends:
        fit = refined(fitters[0], fit, refine)
    spent = time.process_time() - began
    forward += count * n * (refine + 1) * descends
    judge = fitters[1]
    with torch.no_grad():
        end, _ = judge._run(np.asarray(fit.angles), lambda k, _: fit.rows[k])
    place = Place(given, judge.pilot.noise, judge.pilot.rho * judge.pilot.paths[-1], 0.0)
    row = {"contender": who, "evaluations": n} | place.psnr(judge.pilot.rho * end)
    tuned = 20 * math.log10(2 / fit.error)
    return row | {
        "pooled_on_pilot": round(tuned, 2), "forward": forward, "backward": count * n * refine * descends,
        "processor_seconds": round(spent, 1),
    }  # fmt: skip


CONTENDERS = ("fitted", "fitted from noise", "BNS", "refined", "refined from noise")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", nargs="*", default=list(FIELDS))
    parser.add_argument("--counts", nargs="*", type=int, default=list(COUNTS))
    parser.add_argument("--contenders", nargs="*", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--paths", type=int, default=64, help="of the pilot")
    parser.add_argument("--fresh", type=int, default=96, help="paths to measure on")
    parser.add_argument("--refine", type=int, default=32, help="gradients")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results" / "tuned.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(given.output.read_text())["fields"] if given.output.exists() else {}
    setting = {"paths": given.paths, "fresh": given.fresh, "refine": given.refine, "tries": TRIES}
    for name in given.fields:
        here = known.setdefault(name, {**setting, "rows": []})
        todo = [
            (n, who)
            for n in given.counts
            for who in given.contenders
            if not any(row["contender"] == who and row["evaluations"] == n for row in here["rows"])
        ]
        if not todo:
            continue
        kept = given.output.with_suffix(f".{name}.pt")
        if not kept.exists():
            whole_pilot = run_pilot(
                field(name), (given.paths + given.fresh, *field(name).shape), FINE, Running(seed=SEED)
            )
            torch.save(whole_pilot, kept)
        paths = halves(torch.load(kept, weights_only=False), given.paths)
        for n, who in todo:
            row = contest(name, n, who, paths, given.refine, 64)
            here["rows"].append(row)
            versions = {"symsched": __version__, "torch": version("torch")}
            with whole(given.output) as file:
                json.dump({"versions": versions, "seed": SEED, "fields": known}, file, indent=1)
            print(name, row, flush=True)
        kept.unlink()


if __name__ == "__main__":
    run(main)
