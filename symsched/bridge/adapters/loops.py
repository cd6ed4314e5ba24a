"""A sampler inside a loop that is not ours: the caller asks the model, and may touch the state between steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from symsched.bridge.calibration import Calibration
from symsched.bridge.levels import Frame, Native
from symsched.bridge.noise import normal
from symsched.bridge.plan import Plan
from symsched.bridge.planning import AUTO, frame_of
from symsched.bridge.prediction import relation_at
from symsched.bridge.solvers import as_solver
from symsched.bridge.stepping import Stepper, Table
from symsched.errors import InputError

Array = NDArray[np.float64]


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
        """(σ, α, β) at ratios in (0, ∞]."""
        sigma = 1 / np.asarray(ratios, dtype=np.float64)
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

    def fitted(self, calibration: Calibration, steps: int) -> Plan | None:
        """The calibration's table for these steps, if it has one and nothing else was asked for.

        Raises InputError for a table whose first input is not the noise as it is.
        """
        chosen = self.target == "auto" and not self.kappa and self.solver == AUTO
        plan = calibration.plan(self.native, steps) if chosen else None
        if plan is not None and not calibration.from_noise(steps):
            raise InputError(
                "this calibration scales the noise before the first evaluation, which a pipeline does not: "
                "make one by calibrate(…, from_noise=True)"
            )
        return plan


class Loop:
    """One run: `advance(output, state)` is the next state, for the state that the model saw."""

    def __init__(self, recipe: Recipe, plan: Plan, state: Any) -> None:
        dtype = torch.promote_types(state.dtype, torch.float32)
        like = state.to(dtype)
        times = np.array([stage.time for stage in plan.stages])
        relations = [(p, recipe.sign * q) for p, q in relation_at(recipe.native, recipe.prediction, times)]
        table = Table(plan, like, relations)
        numbers = torch.arange(len(state), device=state.device)
        shape = tuple(state.shape[1:])
        self.stepper = Stepper(table, like, lambda k: normal(recipe.seed, numbers, k + 1, shape, dtype), state=like)

    def advance(self, output: Any, state: Any) -> Any:
        """The next state, in the output's dtype.  Where the state is not what was returned last, the edit stays."""
        ours = self.stepper.input
        edit = state.to(ours.dtype) - ours.to(state.dtype).to(ours.dtype)
        self.stepper.advance(output.to(ours.dtype), edit)
        return self.stepper.input.to(output.dtype)
