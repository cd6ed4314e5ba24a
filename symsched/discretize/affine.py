"""What one step of a scheme does to Gaussian data, as numbers (theory C11).

For X ~ N(m, C) every scheme here is affine in each eigendirection of C.  With d = x − β m the deviation from the mean,

    d_{k+1} = a_k d_k + s_k m + √q_k ξ_k,    ξ_k ~ N(0, 1).

    euler        a = 1 + h g,  s = h β̇ − Δβ,  q = 2 ε h                      (g the slope of the drift, at t_k)
    lazy         the same with q = ∫ 2ε dt, the exact variance of the noise
    exponential  the data prediction held, all else exact
    heun         the explicit trapezoid rule, for ε = 0

The steps themselves are in `symsched.steps.laws`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Rational

from symsched.data import Gaussian
from symsched.data.checks import known
from symsched.data.numeric import Eigenframe
from symsched.errors import InputError, UndecidedError
from symsched.exact import decide_zero, limit_at
from symsched.given import count, is_whole, memory, reals
from symsched.parsing import one_of
from symsched.precision import alone
from symsched.sde import InterpolantSDE
from symsched.sde.values import by_time, without_start
from symsched.steps import integrals, laws
from symsched.symbols import t

Array = NDArray[np.float64]
Tables = tuple[Array, Array, Array]
SCHEMES = ("euler", "lazy", "exponential", "heun")
# Of Gaussian data, whose data and noise predictions are shares of the deviation.
_held = laws.evaluated(
    lambda: laws.HELD.subs(laws.z, 0), laws.beta_next, laws.data, laws.alpha_next, laws.noise, laws.kept
)


@dataclass(frozen=True, eq=False)
class AffineSteps:
    """Affine steps along the eigendirections: `slope`, `source`, `noise` have shape (steps, dim).

    `source` already carries the mean; `noise` is a variance.  `beta` and `times` have shape (steps + 1,).
    """

    times: Array
    beta: Array
    slope: Array
    source: Array
    noise: Array
    start_variance: Array
    frame: Eigenframe

    def __len__(self) -> int:
        return len(self.slope)

    def advance(self, k: int, states: Any, noise: Any) -> Any:
        """Step k of sample paths: states and standard normal `noise` of shape (…,), or (…, dim)."""
        flat = len(self.frame.mean) == 1
        x, xi = (np.asarray(value)[..., None] if flat else np.asarray(value) for value in (states, noise))
        deviation = self.frame.into(x - self.beta[k] * self.frame.mean)
        moved = self.slope[k] * deviation + self.source[k] + np.sqrt(self.noise[k]) * self.frame.into(xi)
        out = self.beta[k + 1] * self.frame.mean + self.frame.back(moved)
        return out[..., 0] if flat else out


@alone
def affine_steps(sde: InterpolantSDE, grid: Any, scheme: str = "euler", centre: bool = False) -> AffineSteps:
    """The steps of a scheme for Gaussian data of any dimension.

    `grid` is a number of uniform steps over [0, 1], or increasing times in it; `scheme` is one of `SCHEMES`.
    `centre=True` applies the scheme to X − m and adds β m back exactly, so that the mean has no error.

    Raises InputError for data that is not Gaussian, an unknown scheme, Heun with ε ≠ 0, a bad grid, and coefficients
    that are infinite at a time the scheme evaluates.
    """
    if not isinstance(sde.data, Gaussian):
        raise InputError(f"the exact law of a scheme is known for Gaussian data, and the data is {sde.data.summary}")
    check_scheme(scheme, sde)
    known(sde.parameters, f"the equation ({sde.schedule}, {sde.data.summary})", "asking for numbers")
    times, frame = as_grid(grid), sde.data.frame
    alpha, beta = by_time((sde.schedule.alpha, sde.schedule.beta), times)
    slope, source, noise = getattr(_Setting(sde, frame, times, alpha, beta), scheme)()
    source = np.zeros_like(slope) if centre else source
    start = alpha[0] ** 2 + (frame.stds * beta[0]) ** 2
    _require_finite(times, scheme, slope=slope, source=source, noise=noise)
    return AffineSteps(times, beta, slope, source, np.broadcast_to(noise, slope.shape), start, frame)


def as_grid(grid: Any) -> NDArray[np.float64]:
    """A number of uniform steps over [0, 1], or increasing times inside it, as float64 times (steps + 1,)."""
    if is_whole(grid):
        steps = count(grid, "steps")
        memory(64 * steps, f"{steps} steps")
        return np.linspace(0.0, 1.0, steps + 1)
    times = reals(grid, "grid", "a number of steps, or at least two times")
    if times.ndim != 1 or len(times) < 2:
        raise InputError(f"grid has shape {times.shape}; give a number of steps, or at least two times")
    if not (times[0] >= 0 and times[-1] <= 1 and (np.diff(times) > 0).all()):
        raise InputError(f"grid {_brief(times)} should increase strictly inside [0, 1]")
    return times


def _brief(times: NDArray[np.float64]) -> str:
    shown = [f"{value:g}" for value in times]
    return f"[{', '.join(shown if len(shown) <= 6 else [*shown[:3], '…', *shown[-2:]])}]"


def check_scheme(scheme: str, sde: InterpolantSDE) -> None:
    """Refuse unknown schemes, and Heun when there is noise."""
    one_of(scheme, SCHEMES, "scheme")
    if scheme == "heun" and not decide_zero(sde.eps):
        raise InputError(f"scheme 'heun' is for the ODE, and eps = {sde.eps}; take kappa = 0, or another scheme")


def noise_variance(sde: InterpolantSDE, times: Array) -> Array:
    """∫ 2ε dt over each step; by the antiderivative V when ε = V̇/2 (the lazy case), or another one when known."""
    normal = sde.dim == 1 and isinstance(sde.data, Gaussian)
    return integrals.noise_variance(sde.eps, times, sde.marginal[1] if normal else None)


def retention(sde: InterpolantSDE, times: Array) -> tuple[Array, Array]:
    """(E, 1 − E²) over each step, E = exp(−∫ ε/α² dt) = exp(−∫ κ d log r): 0 across an end where κ > 0, and from a
    point (α = β = 0), which says nothing of the noise."""
    return integrals.retained(sde.schedule.alpha, sde.schedule.beta, sde.eps, sde.kappa, times)


def slopes(sde: InterpolantSDE, frame: Eigenframe, times: Array) -> Array:
    """The slope g(t) of the drift along each eigendirection, (len(times), dim); 0 at a point start, which has none."""
    stds, which = np.unique(frame.stds, return_inverse=True)
    tables = by_time(tuple(sde.along(Rational(float(std)))[0] for std in stds), times)
    found = without_start(sde, frame, times, np.stack(tables, axis=-1)[:, which], np.ones_like(times, dtype=bool))
    if times[0] == 0 and np.isinf(found[0]).any() and leaves_point(sde):
        found[0] = 0.0
    return found


def leaves_point(sde: InterpolantSDE) -> bool:
    """Whether the start is a point, x = 0, that paths leave in one way only: so a scheme's first step has no deviation.

    There V ~ α², the slope is (1 − k) V̇/(2V) with k = 2ε/V̇ at t → 0, and solutions differ by multiples of
    V^((1−k)/2): one alone begins at the point iff k ≥ 1 (theory C19).  Raises InputError for k < 1, and UndecidedError
    where k is not decided.
    """
    schedule = sde.schedule
    if not all(schedule.limit(name, 0).is_zero for name in ("alpha", "beta")):
        return False
    ratio = limit_at(sde.eps / (schedule.alpha * schedule.alpha_dot), 0)
    missing = ratio - 1
    if missing.is_extended_nonnegative:
        return True
    if missing.is_extended_negative:
        raise InputError(
            f"the start of {schedule} is a point, and eps is {ratio} times the lazy scale there: no unique start "
            "below 1; take eps at least alpha times its derivative there, or start after 0 from a law"
        )
    raise UndecidedError(f"whether paths leave the point in one way depends on whether {ratio} is at least 1")


@dataclass(frozen=True, eq=False)
class _Setting:
    """What the schemes share: the equation along its eigendirections, on a grid."""

    sde: InterpolantSDE
    frame: Eigenframe
    times: Array
    alpha: Array
    beta: Array

    @property
    def h(self) -> Array:
        return np.diff(self.times)[:, None]

    def sources(self, at: Array) -> Array:
        """(h β̇ − Δβ) m along the axes, β̇ taken at `at`; not asked for when m = 0, where β̇ may be infinite."""
        mean = self.frame.into(self.frame.mean)
        if not mean.any():
            return np.zeros((len(self.times) - 1, len(mean)))
        schedule, where = self.sde.schedule, integrals.START if at[0] == self.times[0] else integrals.END
        coarse = self.h[:, 0] * by_time((schedule.beta_dot,), at)[0] - np.diff(self.beta)
        start, end = (schedule.beta.subs(t, time) for time in (integrals.START, integrals.END))
        form = (integrals.END - integrals.START) * schedule.beta_dot.subs(t, where) - (end - start)
        return integrals.across(form, self.times, coarse)[:, None] * mean

    def euler(self) -> Tables:
        eps = by_time((self.sde.eps,), self.times[:-1])[0][:, None]
        return self._explicit(2 * eps * self.h)

    def lazy(self) -> Tables:
        return self._explicit(noise_variance(self.sde, self.times)[:, None])

    def _explicit(self, variance: Array) -> Tables:
        before = self.times[:-1]
        slope, _, _ = laws.explicit_at(self.h, slopes(self.sde, self.frame, before), 0.0, 0.0)
        return slope, self.sources(before), variance

    def heun(self) -> Tables:
        g, before, after = slopes(self.sde, self.frame, self.times), self.times[:-1], self.times[1:]
        rest, rest_next = (self.sources(at) / self.h for at in (before, after))
        slope, source, _ = laws.trapezoid_at(self.h, g[:-1], g[1:], rest, rest_next, 0.0)
        return slope, source, np.zeros_like(slope)

    def exponential(self) -> Tables:
        kept, fresh = (table[:, None] for table in retention(self.sde, self.times))
        a, b = self.alpha[:, None], self.beta[:, None] * self.frame.stds
        width = np.hypot(a, b)[:-1]
        # Where the start is a point (width 0) there is no deviation to carry over.
        safe = np.where(width > 0, width, 1.0)
        slope = _held(b[1:], b[:-1] / safe / safe, a[1:], a[:-1] / safe / safe, kept)
        return slope, np.zeros_like(slope), a[1:] ** 2 * fresh


def _require_finite(times: Array, scheme: str, **tables: Array) -> None:
    for name, table in tables.items():
        bad = ~np.isfinite(table)
        if bad.any():
            k = int(np.argwhere(bad.any(axis=1))[0, 0])
            raise InputError(
                f"the {name} of the {scheme} step from t = {times[k]:g} to {times[k + 1]:g} is infinite; start after "
                "0, stop before 1, take a smaller kappa, or convert to a schedule whose drift is finite"
            )
