"""Who competes in few_steps.py: to add one, add a line to CONTENDERS.

A contender takes a field, noise, a number of evaluations of the model and one of its options (a shift, a data scale),
and returns samples. `{}` in its texts stands for the option. Peers run with sigmas that are given outright, so that a
shift is applied once: set_timesteps of a pipeline may apply it again. Heun's last step is Euler's, so it asks the model
once less than it may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from symsched.bridge import FlowField, build_plan, sample

Run = Callable[[FlowField, Tensor, int, Any], Tensor | None]  # None: not with this many evaluations
SEED = 11  # of the noise inside stochastic samplers
SHIFTS = (0.1, 0.17, 0.25, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
SCALES = (0.12, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
NEARLY_ONE = (0.999, 1 - 1e-6)  # first noise levels: diffusers' solvers cannot start from 1, where log-SNR is −∞


@dataclass(frozen=True)
class Contender:
    """One line of the table; the best option for each field and count is chosen on noise that is not used again."""

    name: str
    group: str  # rival | paper | ours
    run: Run
    options: tuple[Any, ...] = (None,)
    stochastic: bool = False


def planned(
    solver: str, target: str = "linear", grid: str | None = None, kappa: float = 0, evaluations: int = 1, **more: Any
) -> Run:
    """A solver of symsched.bridge in a target schedule; `evaluations` of the model in each step."""

    def run(field: FlowField, z: Tensor, count: int, option: Any) -> Tensor | None:
        if count % evaluations:
            return None
        texts = [text and text.replace("{}", f"{option}") for text in (target, solver, grid)]
        steps = count // evaluations
        plan = build_plan(field.native, texts[0], kappa, steps, *texts[1:], size=z[0].numel(), **more)
        return sample(field, noise=z, plan=plan, seed=SEED)

    return run


def default(field: FlowField, z: Tensor, count: int, option: Any) -> Tensor:  # noqa: ARG001
    """What `sample` does when it is told nothing: lazy-auto, with the field's calibration."""
    return sample(field, noise=z, steps=count, seed=SEED)


def spectral(field: FlowField, z: Tensor, count: int, option: Any) -> Tensor | None:
    """Spectral lazy steps in the cosine basis, where the calibration measured a spectrum; option ρ of the grid."""
    if field.calibration.spectrum is None:
        return None
    return sample(field, noise=z, plan=field.calibration.spectral(field.native, count, option))


def diffusers(name: str, order: int) -> Run:
    """A multistep scheduler of diffusers on the same field, as a data prediction; its option is (shift, first σ)."""

    def run(field: FlowField, z: Tensor, count: int, option: Any) -> Tensor:
        import diffusers as peer

        sigmas = shifted(count, *option)
        flow = {"use_flow_sigmas": True, "prediction_type": "sample", "flow_shift": 1.0}
        scheduler = getattr(peer, name)(solver_order=order, **flow)
        scheduler.set_timesteps(count)
        scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float32)
        scheduler.timesteps = scheduler.sigmas[:-1] * 1000
        scheduler.set_begin_index(0)
        x = z
        for time, sigma in zip(scheduler.timesteps, sigmas[:-1], strict=True):
            x = scheduler.step(field.data(x, 1 - sigma), time, x).prev_sample.to(z.dtype)
        return x

    return run


def shifted(count: int, shift: float, first: float) -> np.ndarray:
    """σ' = sσ/(1 + (s−1)σ) of equal steps of σ from 1 to 0; the first is `first`."""
    sigma = np.linspace(1, 0, count + 1)
    return np.minimum(shift * sigma / (1 + (shift - 1) * sigma), first)


def peer(name: str, scheduler: str, order: int) -> Contender:
    pairs = tuple((shift, first) for shift in SHIFTS for first in NEARLY_ONE)
    return Contender(name, "rival", diffusers(scheduler, order), pairs)


lazy = partial(planned, target="lazy(kappa=0, rho={})")

SHOWN = ("Euler, best shift", "DPM-Solver++(2M)", "UniPC-3", "lazy VP, best rho", "lazy AB2 corrected", "lazy-auto")

CONTENDERS = [
    Contender("Euler", "rival", planned("euler")),
    Contender("Euler, best shift", "rival", planned("euler", grid="shift({})"), SHIFTS),
    Contender("Heun, best shift", "rival", planned("heun", grid="shift({})", evaluations=2), SHIFTS),
    Contender("midpoint, best shift", "rival", planned("midpoint", grid="shift({})", evaluations=2), SHIFTS),
    Contender("DDIM, VP angle", "rival", planned("ddim", grid="angle(1)")),
    Contender("DDIM, log-SNR", "rival", planned("ddim", grid="logsnr({}, 30)"), (0.01, 0.03, 0.1)),
    peer("DPM-Solver++(2M)", "DPMSolverMultistepScheduler", 2),
    peer("DPM-Solver++(3M)", "DPMSolverMultistepScheduler", 3),
    peer("UniPC-2", "UniPCMultistepScheduler", 2),
    peer("UniPC-3", "UniPCMultistepScheduler", 3),
    Contender("lazy VP, rho=1", "paper", planned("euler", "lazy(kappa=0, rho=1)")),
    Contender("lazy VP, best rho", "paper", lazy("euler"), SCALES),
    *(
        Contender(f"lazy kappa={k:g}", "paper", planned("lazy", f"lazy(kappa={k:g}, rho={{}})", kappa=k), SCALES, True)
        for k in (0.1, 0.3, 1)
    ),
    Contender("lazy AB2", "ours", lazy("ab2"), SCALES),
    Contender("lazy AB3", "ours", lazy("ab3"), SCALES),
    Contender("lazy AB2 corrected", "ours", lazy("ab2c"), SCALES),
    Contender("lazy AB3 corrected", "ours", lazy("ab3c"), SCALES),
    Contender("spectral lazy", "ours", spectral, SCALES),
    Contender("lazy-auto, uncalibrated", "ours", planned("lazy-auto", "auto")),
    Contender("lazy-auto", "ours", default),
]
