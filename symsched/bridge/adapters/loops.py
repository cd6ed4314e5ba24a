"""A sampler inside a loop that is not ours: the caller asks the model, and may touch the state between steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from symsched.bridge.calibration import Calibration
from symsched.bridge.fitting import NOISE
from symsched.bridge.levels import Frame, Native, SymbolicNative
from symsched.bridge.noise import normal
from symsched.bridge.plan import Plan
from symsched.bridge.planning import AUTO, frame_of
from symsched.bridge.prediction import relation_at
from symsched.bridge.solvers import as_solver
from symsched.bridge.stepping import Stepper, Table
from symsched.catalog import as_schedule
from symsched.errors import InputError

Array = NDArray[np.float64]
Given = Calibration | str | Path | Mapping[str, Any] | None  # a calibration, its file, or the file's contents
NEAR, CLOCK = 1e-3, 0.01  # by how much levels, and the times they are at, may differ in one schedule


@dataclass(frozen=True)
class VarianceExploding:
    """The native schedule of k-diffusion: x = X + σ Z, so α = σ and β = 1; native time is σ itself."""

    largest: float

    def __str__(self) -> str:
        return f"x = X + sigma Z, sigma <= {self.largest:g}"

    @property
    def span(self) -> tuple[float, float]:
        """(1/σ_max, ∞)."""
        return 1 / self.largest, np.inf

    def find(self, ratios: ArrayLike) -> tuple[Array, Array, Array]:
        """(σ, α, β) at ratios in [0, ∞]; σ is at most the largest."""
        sigma = 1 / np.maximum(np.asarray(ratios, dtype=np.float64), self.span[0])
        return sigma, *self.at(sigma)

    def at(self, times: ArrayLike) -> tuple[Array, Array]:
        """(α, β) at native times σ."""
        sigma = np.asarray(times, dtype=np.float64)
        return sigma, np.ones_like(sigma)


@dataclass(frozen=True)
class Recipe:
    """What to sample with: target, κ, solver and seed, for a model of a native schedule and prediction.

    `sign` is −1 where the model answers with the negative: the velocity of diffusers is Z − X, towards noise.

    Raises InputError for unknown names, κ < 0, and solvers that ask the model twice in a step.
    """

    native: Native
    prediction: str
    target: str = "auto"
    kappa: float = 0
    solver: str = "lazy-auto"
    seed: int = 0
    sign: int = 1

    @cached_property
    def frame(self) -> Frame:
        """Where it steps."""
        return frame_of(self.native, self.target, self.kappa)

    def plan(self, ratios: ArrayLike) -> Plan:
        """The plan through signal-to-noise ratios, increasing, then the data; it starts from the state as it is."""
        inside = np.asarray(ratios, dtype=np.float64)
        if inside.ndim != 1 or not len(inside) or not (np.diff(inside) > 0).all() or not (inside >= 0).all():
            raise InputError(f"noise levels with r = {np.array2string(inside, precision=4)}: expected them to decrease")
        times = np.append(self.frame.time_at(inside), 1.0)
        stages = as_solver(self.solver)[1](self.frame, times)
        if len(stages) != len(inside):
            raise InputError(f"solver {self.solver} asks the model more than once a step: take euler, ab2c, dpmpp2m, …")
        label = f"{self.solver} in {self.frame.target}, steps={len(stages)}"
        return Plan(stages, start=stages[0].alpha, label=label).validate()

    def begin(self, ratios: ArrayLike, state: Any) -> Loop:
        """The loop from a state at the first ratio."""
        return Loop(self, self.plan(ratios), state)

    def chooses(self, calibration: Calibration | None, steps: int) -> bool:
        """Whether the calibration has a table for these steps, and nothing else was asked for."""
        automatic = self.target == "auto" and not self.kappa and self.solver == AUTO
        return automatic and calibration is not None and steps in calibration.tables

    def fitted(self, calibration: Calibration | None, steps: int, remedy: str) -> Plan | None:
        """The calibration's table for a pipeline, which gives the model the noise itself; None where none applies.

        Raises InputError, with the remedy, for a calibration of another schedule or of scaled noise.
        """
        if calibration is None or not self.chooses(calibration, steps):
            return None
        require_source(calibration, self.native, remedy)
        if not gives_noise(calibration, steps, self.native):
            raise InputError(
                "this calibration scales the noise before the first evaluation, which a pipeline does not: "
                "make one by calibrate(…, from_noise=True)"
            )
        return calibration.plan(self.native, steps)


def read_calibration(given: Given) -> Calibration | None:
    """A calibration from itself, its file, or the file's contents."""
    if given is None or isinstance(given, Calibration):
        return given
    return Calibration.load(given) if isinstance(given, str | Path) else Calibration.from_json(given)


def ratios_of(calibration: Calibration, steps: int) -> Array:
    """r = β/α of a table's N evaluations."""
    return np.tan(np.asarray(calibration.tables[steps]["angles"])[:-1]) / calibration.rho


def gives_noise(calibration: Calibration, steps: int, native: Native) -> bool:
    """Whether the model's first input in this table is the noise, at the model's first level."""
    unscaled = tuple(calibration.tables[steps]["rows"][0]) == (1.0,)
    return unscaled and bool(ratios_of(calibration, steps)[0] <= max(native.span[0], NOISE) * (1 + NEAR))


def require_source(calibration: Calibration, native: Native, remedy: str) -> None:
    """Refuse a calibration of a model with another schedule or, where the schedule's name has it, prediction."""
    if not same_schedule(calibration.source, native):
        raise InputError(
            f"this calibration is of a model with '{calibration.source}', and here it is '{native}': {remedy}"
        )


def same_schedule(source: str, native: Native) -> bool:
    """Whether a calibration's source is this schedule: by name, or by its levels at the same fractions of its times."""
    if source == str(native):
        return True
    ratios = np.geomspace(0.05, 20, 9)
    try:
        clock, *theirs = SymbolicNative(as_schedule(source)).find(ratios)
    except InputError:
        return False
    times, *ours = native.find(ratios)
    first, last = native.find(np.array([0.0, np.inf]))[0]
    norms = np.hypot(*ours) / np.hypot(*theirs)
    return bool(np.abs(norms - 1).max() < NEAR and np.abs((times - first) / (last - first) - clock).max() < CLOCK)


class Loop:
    """One run: `advance(output, state)` is the next state, for the state that the model saw.

    Args:
        recipe, plan: what to sample with.
        state: the first state.
        noise: it is noise z to which the plan gives its scale and its β m: the first input is `self.input`.
    """

    def __init__(self, recipe: Recipe, plan: Plan, state: Any, *, noise: bool = False) -> None:
        dtype = torch.promote_types(state.dtype, torch.float32)
        like = state.to(dtype)
        times = np.array([stage.time for stage in plan.stages])
        self.relations = [(p, recipe.sign * q) for p, q in relation_at(recipe.native, recipe.prediction, times)]
        table = Table(plan, like, self.relations)
        numbers = torch.arange(len(state), device=state.device)
        shape = tuple(state.shape[1:])
        self.stepper = Stepper(
            table, like, lambda k: normal(recipe.seed, numbers, k + 1, shape, dtype), state=None if noise else like
        )

    @property
    def input(self) -> Any:
        """What the model is to see next."""
        return self.stepper.input

    def advance(self, output: Any, state: Any) -> Any:
        """The next state, in the output's dtype.  Where the state is not what was returned last, the edit stays."""
        ours = self.stepper.input
        edit = state.to(ours.dtype) - ours.to(state.dtype).to(ours.dtype)
        self.stepper.advance(output.to(ours.dtype), edit)
        return self.stepper.input.to(output.dtype)

    def advance_from(self, output: Any, seen: Any) -> Any:
        """The same for an answer at `seen`, a little beside the input: its estimate of the data is taken as it is."""
        (p, q), ours = self.relations[self.stepper.index], self.stepper.input
        self.stepper.advance(output.to(ours.dtype) + p / q * (seen.to(ours.dtype) - ours))
        return self.stepper.input.to(output.dtype)
