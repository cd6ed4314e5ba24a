"""A sampler inside a loop that is not ours: the caller asks the model, and may touch the state between steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from symsched.bridge.adapters.draws import Draws, Source
from symsched.bridge.calibration import Calibration
from symsched.bridge.fitting import NOISE
from symsched.bridge.grids import ROUNDING, brief
from symsched.bridge.levels import SAME_LEVEL, Frame, Native, SymbolicNative
from symsched.bridge.plan import Plan
from symsched.bridge.planning import AUTO, Recipe
from symsched.bridge.prediction import relation_at
from symsched.bridge.solvers import as_solver
from symsched.bridge.stepping import Stepper, Table
from symsched.catalog import as_schedule
from symsched.errors import InputError
from symsched.exact import end_value
from symsched.precision import cached_property

Array = NDArray[np.float64]
Limit = Callable[[Any], Any]
Given = Calibration | str | Path | Mapping[str, Any] | None  # a calibration, its file, or the file's contents
RESTARTS = "a list that rises again is run in parts, each to 0, with noise of the next level put on between"
SAME_CLOCK = 0.01  # of all native times; a table of a thousand betas is a thousandth beside the schedule it was made of


def flow_ratios(levels: Array) -> Array:
    """r = (1 − σ)/σ of noise levels of a flow, decreasing in (0, 1]; what rounding put above 1 is 1.

    Raises InputError for others.
    """
    levels = np.where((levels > 1) & (levels <= 1 + ROUNDING), 1.0, levels)
    if not (len(levels) and np.isfinite(levels).all() and (np.diff(levels) < 0).all() and levels[-1] > 0):
        raise InputError(f"sigmas {brief(levels)}: expected them to decrease strictly towards 0; {RESTARTS}")
    if levels[0] > 1:
        raise InputError(f"sigmas begin at {levels[0]:g}: a flow's noise level is at most 1")
    return (1 - levels) / levels


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
class Guest:
    """A recipe in a loop that is not ours, for a model of a native schedule and prediction; the loop gives the levels.

    `sign` is −1 where the model answers with the negative: the velocity of diffusers is Z − X, towards noise.

    Raises InputError for unknown names, κ < 0, and solvers that ask the model twice in a step.
    """

    native: Native
    prediction: str
    recipe: Recipe
    sign: int = 1

    @cached_property
    def frame(self) -> Frame:
        """Where it steps."""
        return self.recipe.frame(self.native)

    def plan(self, ratios: ArrayLike, end: float = np.inf) -> Plan:
        """The plan through signal-to-noise ratios, increasing, to `end`, the data; it starts from the state as it is.

        Raises InputError for others, and for an end before the data in a target that never reaches them.
        """
        inside = np.asarray(ratios, dtype=np.float64)
        if (
            inside.ndim != 1
            or not len(inside)
            or not (np.diff(inside) > 0).all()
            or not 0 <= inside[0] <= inside[-1] < end
        ):
            raise InputError(f"noise levels with r = {brief(inside.ravel())}: expected r to increase, from 0 or later")
        if end < np.inf and end_value(self.frame.target.alpha, 1) > 0:
            raise InputError(f"target {self.frame.target} never reaches the data: its steps cannot end before them")
        times = (
            self.frame.time_at(np.append(inside, end)) if end < np.inf else np.append(self.frame.time_at(inside), 1.0)
        )
        solver = self.recipe.solver
        stages = as_solver(solver)[1](self.frame, times)
        if len(stages) != len(inside):
            raise InputError(f"solver {solver} asks the model more than once a step: take euler, ab2c, dpmpp2m, …")
        label = f"{solver} in {self.frame.target}, steps={len(stages)}"
        return Plan(stages, start=stages[0].alpha, label=label).validate()

    def begin(
        self, ratios: ArrayLike, state: Any, draws: Draws, limit: Limit | None = None, end: float = np.inf
    ) -> Loop:
        """The loop from a state at the first ratio to `end`."""
        return Loop(self, self.plan(ratios, end), state, draws, limit=limit)

    def require_automatic(self, calibration: Calibration | None) -> None:
        """Refuse a calibration beside a target, κ > 0 or a solver, for which it has no tables."""
        told = self.recipe
        if calibration is not None and not told.automatic:
            raise InputError(
                f"calibration with target = {told.target}, kappa = {told.kappa}, solver = {told.solver}: its tables "
                f"are for target auto, kappa 0 and {AUTO}; leave either away"
            )

    def fitted(self, calibration: Calibration | None, steps: int, remedy: str) -> Plan | None:
        """The calibration's table for a pipeline, which gives the model the noise itself; None where none applies.

        Raises InputError, with the remedy, for a calibration of another schedule or of scaled noise.
        """
        if calibration is None:
            return None
        require_source(calibration, self.native, remedy)
        if steps not in calibration.tables:
            return None
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
    return unscaled and bool(ratios_of(calibration, steps)[0] <= max(native.span[0], NOISE) * (1 + SAME_LEVEL))


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
    late = np.abs((times - first) / (last - first) - clock)
    return bool(np.abs(norms - 1).max() < SAME_LEVEL and late.max() < SAME_CLOCK)


class Loop:
    """One run: `advance(output, state)` is the next state, for the state that the model saw.

    Args:
        guest, plan: the model's schedule and prediction, and the table.
        state: the first state.
        draws: the run's noise.
        noise: the state is noise z to which the plan gives its scale and its β m: the first input is `self.input`.
        limit: what becomes of each estimate of the data, such as clipping.

    Raises InputError for states and answers that are no such tensors, and once the run is over if an answer or a state
    was NaN or infinite: the device is waited for at the end alone.
    """

    def __init__(
        self, guest: Guest, plan: Plan, state: Any, draws: Draws, *, noise: bool = False, limit: Limit | None = None
    ) -> None:
        require_floats("sample", state)
        like = state.to(torch.promote_types(state.dtype, torch.float32))
        self.times = np.array([stage.time for stage in plan.stages])
        self.relations = [(p, guest.sign * q) for p, q in relation_at(guest.native, guest.prediction, self.times)]
        self.draws, self.limit = draws, limit
        self.source: Source | None = None
        self.stepper = Stepper(Table(plan, like, self.relations), like, self._drawn, state=None if noise else like)
        self.fine = torch.zeros(2, dtype=torch.int64, device=like.device)  # answers, and steps, before the first NaN

    @property
    def input(self) -> Any:
        """What the model is to see next; the caller's own, to do with as it likes."""
        return self.stepper.input.clone()

    def advance(self, output: Any, state: Any, source: Source | None = None) -> Any:
        """The next state, in the output's dtype.  Where the state is not what was returned last, the edit stays
        in it; a fitted table, which weights the state as its own noise, passes on less of it than the flow would.

        `source` makes this step's noise in the place of the run's own.
        """
        ours = self.stepper.input
        require_floats("sample", state, ours)
        answer = self._answer(output, state)
        # ours is rounded as the caller had it: a pipeline in half precision must not look like one that edits
        edit = state.to(ours.dtype) - ours.to(state.dtype).to(ours.dtype)
        return self._advance(answer, edit, source, output.dtype)

    def advance_from(self, output: Any, seen: Any) -> Any:
        """The same for an answer at `seen`, a little beside the input: its estimate of the data is taken as it is."""
        (p, q), ours = self.relations[self.stepper.index], self.stepper.input
        answer = self._answer(output, seen) + p / q * (seen.to(ours.dtype) - ours)
        return self._advance(answer, None, None, output.dtype)

    def _answer(self, output: Any, seen: Any) -> Any:
        """The model's answer in the state's dtype, with its estimate of the data p x + q answer kept to the limit."""
        require_floats("the model's answer", output, self.stepper.current)
        (p, q), dtype = self.relations[self.stepper.index], self.stepper.current.dtype
        answer = output.to(dtype)
        if self.limit is not None:
            pull = p * seen.to(dtype)
            answer = (self.limit(pull + q * answer) - pull) / q
        return answer

    def _advance(self, answer: Any, edit: Any, source: Source | None, dtype: Any) -> Any:
        """The next state in the caller's dtype."""
        k, self.source = self.stepper.index, source
        self.stepper.advance(answer, edit)
        following = self.stepper.input.to(dtype, copy=True)
        answered, stepped = torch.isfinite(answer).all(), torch.isfinite(following).all()
        if edit is not None:
            stepped = stepped & torch.isfinite(edit).all()
        # counted on the device, and read at the end: each count stops at its own first NaN
        self.fine = self.fine + (torch.stack([answered, stepped]) & (self.fine == k))
        if self.stepper.done and int(self.fine.min()) <= k:
            self._explain(*self.fine.tolist())
        return following

    def _explain(self, answers: int, steps: int) -> None:
        if answers <= steps:
            raise InputError(
                f"the model returned NaN or infinity at step {answers}, native time {self.times[answers]:.6g}: check "
                "its dtype and its times"
            )
        raise InputError(
            f"NaN or infinity in the state or the noise of step {steps}, native time {self.times[steps]:.6g}, and not "
            "in the model's answer: check the first noise, what changes the state between steps, and its dtype"
        )

    def _drawn(self, _: int) -> Any:
        return (self.source or self.draws)(self.stepper.current)


def require_numbers(**numbers: Any) -> None:
    """Refuse what is no real number."""
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
            raise InputError(f"{name} = {value!r}: expected a number")


def require_floats(what: str, given: Any, like: Any = None) -> None:
    """Refuse what is no tensor of floating-point numbers, or of another shape or place than `like`."""
    if not isinstance(given, torch.Tensor) or not given.is_floating_point():
        kind = given.dtype if isinstance(given, torch.Tensor) else type(given).__name__
        raise InputError(f"{what} is {kind}: expected a tensor of floating-point numbers")
    if not given.ndim:
        raise InputError(f"{what} has no axes: expected one for the samples, and their own")
    if like is not None and (given.shape != like.shape or given.device != like.device):
        raise InputError(
            f"{what} has shape {tuple(given.shape)} on {given.device}, and the run's samples {tuple(like.shape)} on "
            f"{like.device}: expected the same"
        )
