"""Untuned against untuned, on models that the default was chosen on and on models that it never saw.

    python benchmarks/untuned.py                       # an hour on one core; what is done is kept, model by model
    python benchmarks/untuned.py --fields "HSC 32"     # one more model into the same table

PSNR in decibels (data range 2) to the converged endpoint of the same noise, all error pooled and the mean of the
samples' own, with 95 % bootstrap intervals over samples.  A peer is a scheduler of diffusers for flow models, at its
defaults (flow_shift = 1) and at the best of SHIFTS, chosen on these very samples: a generous rival.  Ours has none.
UniPC's other form, bh1, is left out: where the last noise level is 0, as here, diffusers 0.42 multiplies 0 by infinity.
The table of few_steps.py is another: it has laws, SDEs and calibrated tables, on our own models.
Writes benchmarks/results/untuned.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from torch import Tensor

from benchmarks import galaxies, quality
from benchmarks.arenas import Split, cloud, ring
from symsched.bridge import FlowField, build_plan, digits, sample
from symsched.version import __version__
from symsched.writing import whole
from training.data import run

COUNTS = (4, 6, 8, 12)
SHIFTS = {True: (1, 2, 3.5, 6, 10), False: (0.15, 0.25, 0.35, 0.5, 0.7, 1, 2, 3)}  # of images, of points
CHOSEN_ON = ("mixture2", "mixture64", "digits", "HSC 32", "ZTF 64")
REPORTED_ON = ("HSC 64", "ZTF 32", "LSST 60", "quasars 72")
SEED, RESAMPLES = 2027, 400
OURS, BEFORE = "lazy-auto, uncalibrated", "the default before"
PEERS = {
    "UniPC-2": ("UniPCMultistepScheduler", {"solver_order": 2}),
    "UniPC-3": ("UniPCMultistepScheduler", {"solver_order": 3}),
    "DPM-Solver++(2M)": ("DPMSolverMultistepScheduler", {"solver_order": 2}),
    "DPM-Solver++(3M)": ("DPMSolverMultistepScheduler", {"solver_order": 3}),
}
OLD = {"target": "lazy(kappa=0, rho=1.5)", "solver": "ab3", "grid": "tailed(rho=2, p=0.9, q=1.4)"}


@dataclass(frozen=True)
class Place:
    """A model, and noise with its converged endpoints."""

    field: FlowField
    noise: Tensor
    ends: Tensor
    error: float  # of the ends, RMS: their difference from half as many steps

    def psnr(self, samples: Tensor) -> dict[str, Any]:
        square = (samples - self.ends).double().square().flatten(1).mean(1).clamp(min=1e-30).numpy()
        level = 10 * np.log10(quality.DATA_RANGE**2 / square)
        drawn = np.random.default_rng(0).integers(len(square), size=(RESAMPLES, len(square)))
        pooled = 10 * np.log10(quality.DATA_RANGE**2 / square[drawn].mean(1))
        ranges = {"pooled_95": pooled, "mean_95": level[drawn].mean(1)}
        found = {"pooled": 10 * np.log10(quality.DATA_RANGE**2 / square.mean()), "mean": level.mean()}
        found |= {"median": np.median(level)}
        values = {key: round(float(value), 2) for key, value in found.items()}
        return values | {key: np.quantile(draws, [0.025, 0.975]).round(2).tolist() for key, draws in ranges.items()}


def place(name: str, samples: int) -> Place:
    """The model of that name; `samples` of an image of 32 × 32, more of smaller samples and fewer of larger."""
    if name in ("mixture2", "mixture64"):
        field, fine = (ring if name == "mixture2" else cloud)(quick=False).field, 512
        samples *= 8
    elif name == "digits":
        field, fine = digits.load(), 128
        field.calibration = None
    else:
        field, fine = galaxies.field(name), 128
        samples = samples // 2 if field.shape[1] > 32 else samples
    if len(field.shape) > 1:
        field.model = Split(field.model)
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(samples, *field.shape, generator=generator, dtype=field.dtype)
    ends = [
        sample(field, noise=noise, steps=n, target="lazy(kappa=0, rho=2)", solver="ab3", calibration=False)
        for n in (fine // 2, fine)
    ]
    return Place(field, noise, ends[1], float((ends[1] - ends[0]).double().square().mean().sqrt()))


def as_linear(field: FlowField) -> FlowField:
    """The same model in a linear flow's coordinates, which the flow schedulers of diffusers are for (theory C2)."""

    def model(x: Tensor, time: Tensor) -> Tensor:
        now = float(time[0])
        native, alpha, beta = (float(part[0]) for part in field.native.find(np.array([now / (1 - now)])))
        return field.data((alpha + beta) * x, native)

    return FlowField(model, "linear", "data", shape=field.shape, dtype=field.dtype)


def peer(scheduler: str, options: dict[str, Any]) -> Callable[[FlowField, Tensor, int, float], Tensor]:
    """A scheduler of diffusers as it stands, told the shift."""

    def run(field: FlowField, z: Tensor, count: int, shift: float) -> Tensor:
        import diffusers

        flow = {"use_flow_sigmas": True, "prediction_type": "sample", "flow_shift": shift}
        made = getattr(diffusers, scheduler)(**options, **flow)
        made.set_timesteps(count)
        x = z
        for time, sigma in zip(made.timesteps, made.sigmas, strict=False):
            x = made.step(field.data(x, 1 - float(sigma)), time, x).prev_sample.to(z.dtype)
        return x

    return run


@torch.inference_mode()
def contest(name: str, samples: int) -> dict[str, Any]:
    """All contenders on one model."""
    here, rows = place(name, samples), []
    linear, shifts = as_linear(here.field), SHIFTS[len(here.field.shape) > 1]
    size = here.noise[0].numel()
    for n in COUNTS:
        plans = {OURS: build_plan(here.field.native, steps=n, size=size)}
        plans[BEFORE] = build_plan(here.field.native, steps=n, **OLD)
        for who, plan in plans.items():
            found = here.psnr(sample(here.field, noise=here.noise, plan=plan))
            rows.append({"contender": who, "evaluations": n, "shift": None} | found)
        for who, (scheduler, options) in PEERS.items():
            ask = peer(scheduler, options)
            for shift in shifts:
                found = here.psnr(ask(linear, here.noise, n, shift))
                rows.append({"contender": who, "evaluations": n, "shift": shift} | found)
    return {"size": size, "samples": len(here.noise), "endpoint_error_rms": here.error, "rows": rows}


def judge(name: str, found: dict[str, Any]) -> None:
    """Add what the rows of a model say: ours beside the peers, by number of evaluations and measure."""
    found["chosen_on"] = name in CHOSEN_ON
    found["leads"] = [lead(found["rows"], n, key) for key in ("pooled", "mean") for n in COUNTS]


def lead(rows: list[dict[str, Any]], n: int, key: str) -> dict[str, Any]:
    """Ours, what it was before, UniPC-3 as it comes, and the best peer at its best shift."""
    here = [row for row in rows if row["evaluations"] == n]
    peers = [row for row in here if row["contender"] in PEERS]
    best = max(peers, key=lambda row: row[key])
    plain = next(row for row in peers if row["contender"] == "UniPC-3" and row["shift"] == 1)
    ours, before = (next(row[key] for row in here if row["contender"] == who) for who in (OURS, BEFORE))
    values = {"ours": ours, "before": before, "UniPC-3": plain[key], "best": best[key]}
    return {"measure": key, "evaluations": n} | values | {"best_is": f"{best['contender']}, shift {best['shift']:g}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", nargs="*", default=[*CHOSEN_ON, *REPORTED_ON], choices=[*CHOSEN_ON, *REPORTED_ON])
    parser.add_argument("--samples", type=int, default=64, help="of an image of 32 × 32")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results" / "untuned.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(given.output.read_text())["fields"] if given.output.exists() else {}
    for name in given.fields:
        known[name] = contest(name, given.samples)
        judge(name, known[name])
        versions = {"symsched": __version__} | {key: version(key) for key in ("torch", "diffusers")}
        with whole(given.output) as file:
            json.dump({"versions": versions, "seed": SEED, "fields": known}, file, indent=1)
        for lead in known[name]["leads"]:
            print(name, *(f"{key}: {value}" for key, value in lead.items()), sep="  ", flush=True)


if __name__ == "__main__":
    run(main)
