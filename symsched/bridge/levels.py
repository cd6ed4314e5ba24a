"""The levels of a sampler: where the target's times fall in the model's own schedule, and how the drift acts there.

Everything is float64 from the symbolic schedules, once per run.  The signal-to-noise ratio r = β/α carries one
schedule to another (theory C2): the native time is τ = r⁻¹(r̄(t)), and c = (ᾱ + β̄)/(α + β) there is the scale.  Ends
are limits; a truncated model keeps to the ratios that it knows; the last level is always the data, α = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from symsched.catalog import as_schedule, linear
from symsched.conversion import convert
from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.exact import end_value, values
from symsched.precision import cached_property
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.steps.integrals import noise_variance

Array = NDArray[np.float64]
FAINTEST = 0.01  # r: σ = 100, where the noise levels of usual models end
#: Relative: levels so near are taken for the same; far above what float32 and rounded betas make of a level, far below
#: what tells two schedules apart.
SAME_LEVEL = 1e-3


class Native(Protocol):
    """The schedule a model was trained with, as a map from ratios to its own times and coefficients."""

    @property
    def span(self) -> tuple[float, float]:
        """The ratios r the model knows; (0, ∞) unless truncated."""
        ...

    def find(self, ratios: ArrayLike) -> tuple[Array, Array, Array]:
        """(τ, α, β) at ratios in [0, ∞]; beyond the span, its ends."""
        ...

    def at(self, times: ArrayLike) -> tuple[Array, Array]:
        """(α, β) at native times."""
        ...


@dataclass(frozen=True)
class SymbolicNative:
    """A `Schedule` as a model's own schedule, from the ratio `least` on."""

    schedule: Schedule
    least: float = 0.0

    def __str__(self) -> str:
        return str(self.schedule)

    @cached_property
    def span(self) -> tuple[float, float]:
        """r(0), or `least`, and r(1)."""
        self.schedule.validate()
        return max(end_value(self.schedule.r, 0), self.least), end_value(self.schedule.r, 1)

    def find(self, ratios: ArrayLike) -> tuple[Array, Array, Array]:
        """(τ, α, β) at ratios in [0, ∞]."""
        known = np.maximum(np.asarray(ratios, dtype=np.float64), self.least)
        times = times_of(self.schedule, (end_value(self.schedule.r, 0), self.span[1]), known)
        return times, *self.at(times)

    def at(self, times: ArrayLike) -> tuple[Array, Array]:
        """(α, β) at native times."""
        alpha, beta = values((self.schedule.alpha, self.schedule.beta), times)
        return alpha, beta


def times_of(schedule: Schedule, span: tuple[float, float], ratios: Array) -> Array:
    """r⁻¹(ratios), through the linear schedule's clock u = r/(1 + r); the ends beyond the span."""
    inside = (ratios > span[0]) & (ratios < span[1])
    times = np.where(ratios >= span[1], 1.0, 0.0)
    clock = convert(schedule, linear())
    times[inside] = clock.values((clock.tau,), 1 / (1 + 1 / ratios[inside]))[0]
    return times


@dataclass(frozen=True, eq=False)
class TabulatedNative:
    """A table of levels (times, α, β), such as DDPM's thousand: log r is interpolated, and (α, β) keep their shape.

    Args:
        times: increasing from noise to data.
        alpha, beta: positive at each, with β/α increasing.  Between nodes α² + β² is interpolated along with log r.
            The first β may be 0, nothing but noise; from there to the next level r itself is interpolated.

    Raises InputError for tables that do not increase or do not fit.
    """

    times: Array
    alpha: Array
    beta: Array
    name: str = "table"

    def __post_init__(self) -> None:
        table = [np.asarray(part, dtype=np.float64) for part in (self.times, self.alpha, self.beta)]
        for key, part in zip(("times", "alpha", "beta"), table, strict=True):
            object.__setattr__(self, key, part)
        sizes = {part.shape for part in table}
        if len(sizes) > 1 or table[0].ndim != 1 or len(table[0]) < 2 or not np.isfinite(table).all():
            raise InputError(f"{self.name}: expected three finite tables of one length ≥ 2, got shapes {sorted(sizes)}")
        if not ((table[1] > 0).all() and (table[2][1:] > 0).all() and table[2][0] >= 0):
            raise InputError(f"{self.name}: alpha and beta must be positive at every level (beta may begin at 0)")
        if not ((np.diff(table[0]) > 0).all() and (np.diff(table[2] / table[1]) > 0).all()):
            raise InputError(f"{self.name}: times and beta/alpha must increase from noise to data")

    def __str__(self) -> str:
        return self.name

    @property
    def span(self) -> tuple[float, float]:
        """The ratios of the first and the last level."""
        return float(self.beta[0] / self.alpha[0]), float(self.beta[-1] / self.alpha[-1])

    def find(self, ratios: ArrayLike) -> tuple[Array, Array, Array]:
        """(τ, α, β) at ratios in [0, ∞]."""
        known = np.clip(np.asarray(ratios, dtype=np.float64), *self.span)
        return self._clock(known, self.times), *self._levels(known)

    def at(self, times: ArrayLike) -> tuple[Array, Array]:
        """(α, β) at native times."""
        given = np.asarray(times, dtype=np.float64)
        first, second = self.times[:2]
        ratios = np.exp(np.interp(given, self.times[self._late :], self._log_r))
        if self._late:
            ratios = np.where(given < second, (given.clip(first) - first) / (second - first) * self._least, ratios)
        return self._levels(ratios)

    @property
    def _late(self) -> int:
        """The first level with data in it."""
        return int(self.beta[0] == 0)

    @property
    def _least(self) -> float:
        return float(self.beta[self._late] / self.alpha[self._late])

    @cached_property
    def _log_r(self) -> Array:
        return np.log(self.beta[self._late :]) - np.log(self.alpha[self._late :])

    def _clock(self, ratios: Array, nodes: Array) -> Array:
        """The nodes' values at ratios within the span."""
        with np.errstate(divide="ignore"):
            found = np.interp(np.log(ratios), self._log_r, nodes[self._late :])
        if self._late:
            found = np.where(ratios < self._least, nodes[0] + ratios / self._least * (nodes[1] - nodes[0]), found)
        return found

    def _levels(self, ratios: Array) -> tuple[Array, Array]:
        norm = np.exp(self._clock(ratios, np.log(np.hypot(self.alpha, self.beta))))
        angle = np.arctan(ratios)
        return norm * np.cos(angle), norm * np.sin(angle)


def as_native(source: Schedule | str | Native) -> Native:
    """A model's schedule from a `Schedule`, its text, or a table.

    One that starts at a point is known from the ratio `FAINTEST` on: its states at the point are all the same.
    """
    if not isinstance(source, Schedule | str) and hasattr(source, "find"):
        return source
    schedule = as_schedule(source, "the model's schedule")
    return SymbolicNative(schedule, FAINTEST if schedule.kind == "point-mass" else 0.0)


def from_data(native: Native) -> Native:
    """The same schedule without its levels of nothing but noise: from the ratio `FAINTEST` on."""
    known = isinstance(native, SymbolicNative) and native.span[0] == 0
    return replace(native, least=FAINTEST) if known else native  # type: ignore[type-var]


@dataclass(frozen=True, eq=False)
class Levels:
    """The nodes of a grid: target times, native times, native α and β, and c with target coordinates x̄ = c x."""

    times: Array
    native: Array
    alpha: Array
    beta: Array
    scale: Array

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def log_r(self) -> Array:
        """log β/α; −∞ where there is no data, ∞ at the end."""
        with np.errstate(divide="ignore"):
            return np.log(self.beta) - np.log(self.alpha)


@dataclass(frozen=True)
class Frame:
    """Where a solver steps: the target's coordinates x̄ = c x and time, for a model with schedule `source`.

    dx̄ = (A x̄ + B η_X) dt + √(2κε*) dW.  Everything asked for is a float64 table over target times.
    """

    source: Native
    target: Schedule
    kappa: Any = 0

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"

    @cached_property
    def sde(self) -> InterpolantSDE:
        """The target's equation; its coefficients A, B, ε do not depend on the data law."""
        return _sde(self.target, self.kappa)

    @cached_property
    def span(self) -> tuple[float, float]:
        """Target times of the model's first and last level, within [0, 1]."""
        low, high = (float(self.time_at(np.array([end]))[0]) for end in self.source.span)
        return low, high

    def time_at(self, ratios: Array) -> Array:
        """The target time of signal-to-noise ratios."""
        return times_of(self.target, SymbolicNative(self.target).span, ratios)

    def ratio_at(self, times: Array) -> Array:
        """The signal-to-noise ratio at target times; ∞ at t = 1."""
        alpha, beta = values((self.target.alpha, self.target.beta), times)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(times >= 1, np.inf, np.where(beta == 0, 0.0, beta / alpha))

    def levels(self, times: ArrayLike) -> Levels:
        """The levels at increasing target times; where t = 1 the level is the data, α = 0 and β = 1."""
        grid = np.asarray(times, dtype=np.float64)
        native, alpha, beta = self.source.find(self.ratio_at(grid))
        target_alpha, target_beta = values((self.target.alpha, self.target.beta), grid)
        end = grid >= 1
        alpha, beta = np.where(end, 0.0, alpha), np.where(end, 1.0, beta)
        # c by the sums, not by ᾱ/α or β̄/β: each of those is 0/0 at one of the ends
        scale = np.where(end, target_beta, (target_alpha + target_beta) / (alpha + beta))
        return Levels(grid, native, alpha, beta, scale)

    def drift(self, times: ArrayLike) -> tuple[Array, Array]:
        """(A, B) at target times, limits at the ends; A is 0 at a point start, where A x̄ → 0.

        Raises InputError where the drift along the paths is infinite at t = 0.
        """
        grid = np.asarray(times, dtype=np.float64)
        state, data = values((self.sde.A, self.sde.B), grid)
        if self.target.kind == "point-mass" and (grid == 0).any():
            self._require_rest()
            state[grid == 0] = 0.0
        if not (np.isfinite(state).all() and np.isfinite(data).all()):
            bad = grid[~(np.isfinite(state) & np.isfinite(data))][0]
            raise InputError(
                f"the drift of {self.target} with kappa = {self.kappa} is infinite at t = {bad:g}: take a lazy target, "
                "a smaller kappa, or a solver that steps in the ratio alone (ddim, sde-dpmpp)"
            )
        return state, data

    def _require_rest(self) -> None:
        """At a point start x̄ is 0 of size √V: the drift A x̄ must vanish with it."""
        if not sp.sympify(self.kappa, strict=True).is_positive:
            raise InputError(
                f"{self.target} starts at a point, which an ODE cannot leave: take kappa > 0, a target with "
                "kappa = 0 such as lazy(kappa=0), or a solver that steps in the ratio alone (ddim, dpmpp2m, unipc2)"
            )
        (pull,) = values((self.sde.A * self.target.alpha,), np.array([0.0]))
        if not abs(pull[0]) < np.inf:
            raise InputError(f"{self.target}: the drift diverges at its point start; take another clock beta")

    def noise_rate(self, times: ArrayLike) -> Array:
        """√(2ε) at target times."""
        return np.sqrt(2 * values((self.sde.eps,), np.asarray(times, dtype=np.float64))[0])

    def noise_between(self, times: Array) -> Array:
        """√∫2ε dt over each step: the exact standard deviation of the noise."""
        return np.sqrt(noise_variance(self.sde.eps, times))


@lru_cache(maxsize=64)
def _sde(target: Schedule, kappa: Any) -> InterpolantSDE:
    return InterpolantSDE(target, Gaussian(0, 1), kappa=kappa)
