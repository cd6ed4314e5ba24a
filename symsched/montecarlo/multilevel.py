"""estimate: an expectation to a stated tolerance, by multilevel Monte Carlo on coupled grids.

E f(X_1) = E f_0 + Σ_l E(f_l − f_{l−1}), where level l takes 2^l times the coarsest level's steps and both terms of a
difference see one Brownian motion.  The variances of the differences decrease, so most paths are cheap; on Sobol'
points (see `pointsets`) those of smooth functionals need few.  The cost of a root-mean-square error τ grows like τ⁻² on
random points for a scheme of strong order above ½, and like τ⁻¹ or so on Sobol' points.

Reference: M. Giles, "Multilevel Monte Carlo path simulation", Oper. Res. 56 (2008) 607–617, doi:10.1287/opre.1070.0496.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symsched.errors import InputError
from symsched.given import count, seed_of
from symsched.montecarlo.arguments import workers_of
from symsched.montecarlo.coupling import Coupler, System
from symsched.montecarlo.model import model_of
from symsched.montecarlo.pointsets import Array, Functional, Pace, PointSet, RandomPoints, SobolPoints
from symsched.parsing import one_of, parse_expression
from symsched.shown import Shown, Table, brief
from symsched.symbols import state

#: What points there are.
POINTS = ("auto", "sobol", "random")
#: Paths of the first look at level k: PILOT/2^k, so that a look costs the same at every level, but no fewer than LEAST.
PILOT, LEAST = 2048, 512
#: Paths of the coarsest level that must agree before a functional is taken to be constant; of Sobol' points it has as
#: many, or as random ones would take, before its error is believed: what is rare is in no error until a path meets it.
RARE = 1 << 17
#: The least share of a difference's variance that is left at the next level: paths that agree to strong order 1.
DECLINE = 1 / 4
#: What Sobol' points must gain over as many random ones at the first look, to be worth their making.
GAIN = 2.0
#: What is aimed at, of the tolerance: errors are estimated too, and growth ends where they look small.  Over 40 seeds
#: they came to 0.5 to 1.4 of the aim.
MARGIN = 0.7
#: Share of τ² that is left to the bias.
BIAS_SHARE = 0.25
#: Weak orders by which a level's difference is extrapolated to the bias that remains.
WEAK_ORDER = {"euler": 1, "lazy": 1, "exponential": 1, "heun": 1, "sra1": 1}
#: Steps of paths that an estimate may take: some hours.
MOST_STEPS = 1e12
#: Finest level: 2^LEVELS times the coarsest steps.
LEVELS = 14


@dataclass(frozen=True)
class Level:
    """What one level did: its steps and paths, what points they are ("sobol" or "random"), the mean of its difference,
    the variance at one path, the error of the mean, and the cost in path-steps."""

    steps: int
    paths: int
    points: str
    mean: float
    variance: float
    error: float
    cost: float


@dataclass(frozen=True, repr=False)
class Estimate(Shown):
    """An expectation, its standard error, the bias that the last levels show, and what it cost.

    √(standard_error² + bias²) ≤ tolerance.
    """

    value: float
    standard_error: float
    bias: float
    tolerance: float
    levels: tuple[Level, ...]
    seconds: float

    def _line(self) -> str:
        return (
            f"Estimate({brief(self.value)} ± {self.error:.2g}, {len(self.levels)} levels, {self.cost:.2g} path-steps)"
        )

    def _table(self) -> Table:
        head = ("steps", "paths", "points", "mean", "error", "path-steps")
        return head, [(one.steps, one.paths, one.points, one.mean, one.error, one.cost) for one in self.levels]

    @property
    def error(self) -> float:
        """Root-mean-square error, as estimated."""
        return math.hypot(self.standard_error, self.bias)

    @property
    def cost(self) -> float:
        """Path-steps in all."""
        return sum(level.cost for level in self.levels)

    @property
    def plain_cost(self) -> float:
        """Path-steps that plain Monte Carlo on the finest level would need for the same standard error."""
        spread = self.levels[0].variance
        return spread / max(self.standard_error, 1e-300) ** 2 * self.levels[-1].steps


def estimate(
    sde: Any,
    functional: Any,
    tolerance: float,
    *,
    scheme: str = "euler",
    steps: int = 4,
    seed: int = 0,
    start: float | None = None,
    threads: int | None = None,
    points: str = "auto",
) -> Estimate:
    """E f(X_1) with root-mean-square error at most `tolerance`; levels and paths are chosen on the way.

    Args:
        sde: an InterpolantSDE or a Diffusion.
        functional: f, as an expression in x (or x0, x1, …), text, or a function of an array of states (n,) or
            (n, d) that returns (n,).
        tolerance: root-mean-square error, of noise and bias together.
        scheme: a scheme of `simulate`.
        steps: steps of the coarsest level.
        seed, start, threads: as in `simulate`; the result depends on the seed and the tolerance alone.
        points: "sobol" fills the space of noises evenly, so that errors of smooth functionals fall faster than
            1/√N; "random" does not; "auto" looks at the coarsest level and at the first difference, and takes
            random ones from where they gain little.

    Raises:
        InputError: as `simulate`; a tolerance that is not positive, a functional that is not finite, or a bias that
            2^14 times the coarsest steps do not bring below the tolerance.
    """
    if (
        isinstance(tolerance, bool)
        or not isinstance(tolerance, int | float | np.number)
        or not 0 < tolerance < math.inf
    ):
        raise InputError(f"tolerance is {tolerance!r}; it should be a positive number")
    one_of(points, POINTS, "points")
    steps, seed, began = count(steps, "steps"), seed_of(seed), time.perf_counter()
    f = functional_of(functional, model_of(sde).dim)
    hierarchy = _Hierarchy(sde, f, tolerance, (scheme, steps, seed, start), points)
    with ThreadPoolExecutor(workers_of(threads)) as pool:
        levels = hierarchy.run(pool)
    done = tuple(
        Level(v.steps, v.paths, v.name, v.mean, v.variance, error, v.cost)
        for v, error in zip(levels, _errors(levels), strict=True)
    )
    error = math.hypot(*(v.error for v in done))
    value = math.fsum(v.mean for v in done)
    return Estimate(value, error, _bias(levels, scheme), tolerance, done, time.perf_counter() - began)


@dataclass
class _Hierarchy:
    """The levels of one estimate, and how they grow."""

    sde: Any
    functional: Functional
    tolerance: float
    how: tuple[str, int, int, float | None]
    points: str

    @property
    def aim(self) -> float:
        """The error that the estimates of it should show."""
        return MARGIN * self.tolerance

    @property
    def noise(self) -> float:
        """The variance that is left to the levels' means, of all levels together."""
        return (1 - BIAS_SHARE) * self.aim**2

    def run(self, pool: ThreadPoolExecutor) -> list[PointSet]:
        """Grow the levels until their errors are small enough, and add finer ones until the bias is."""
        levels, pace = [self._level(k, pool) for k in range(3)], Pace(f"a tolerance of {self.tolerance:g}")
        while True:
            self._grow(levels, pool, pace)
            bias, most = _bias(levels, self.how[0]), math.sqrt(BIAS_SHARE) * self.aim
            if bias <= most:
                return levels
            if len(levels) > LEVELS:
                raise InputError(
                    f"the bias may still be {bias:.3g} with {levels[-1].steps} steps, above {most:.3g}, its part of "
                    f"the tolerance {self.tolerance:g}; use a larger one, another scheme, or a start away from a "
                    "singular end"
                )
            levels.append(self._level(len(levels), pool))

    def _level(self, k: int, pool: ThreadPoolExecutor) -> PointSet:
        """The level, after the first look at it.  On finer levels than 1, where a look is at too few points to tell, as
        on that one: their differences are as smooth."""
        scheme, coarsest, seed, start = self.how
        fine = coarsest * 2**k
        systems = [System(self.sde, fine, scheme)] + ([System(self.sde, fine // 2, scheme)] if k else [])
        own = int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0])
        coupler, cost = Coupler(systems, own, start, [1.0]), fine if k == 0 else fine + fine // 2
        kind = RandomPoints if self.points == "random" else SobolPoints
        made: PointSet = kind(coupler, self.functional, fine, cost)
        made.grow(max(LEAST, PILOT >> k), pool)
        if k == 0 and not made.variance:
            made.grow(RARE, pool)
        if self.points == "auto" and k < 2 and made.error**2 * GAIN > made.variance / made.paths:
            self.points = "random"
            return self._level(k, pool)
        while k == 0 and kind is SobolPoints and made.paths < min(RARE, made.variance / self.noise):
            made.grow(2 * made.paths, pool)  # a mode of weight 0.001 that none of 2048 points met made no error
        return made

    def _grow(self, levels: list[PointSet], pool: ThreadPoolExecutor, pace: Pace) -> None:
        """Double the points of the level that gains most for its cost, until the errors are small enough.

        M. Giles, B. Waterhouse, "Multilevel quasi-Monte Carlo path simulation", Radon Ser. Comput. Appl. Math. 8
        (2009) 165–181, doi:10.1515/9783110213140.165.
        """
        target, errors = self.noise, _errors(levels)
        while (left := math.fsum(e**2 for e in errors)) > target:
            own, chosen = max(zip(errors, levels, strict=True), key=lambda one: one[0] ** 2 / one[1].cost)
            cost = sum(v.cost for v in levels)
            shared = sum(e * math.sqrt(v.cost) for e, v in zip(errors, levels, strict=True)) ** 2 / target
            pace.left = cost * ((shared / cost) ** (1 / chosen.order) - 1)  # random points, each level as many as best
            if cost + pace.left > MOST_STEPS:
                raise InputError(
                    f"tolerance {self.tolerance:g} takes some {cost + pace.left:.1e} steps of paths; use a larger one"
                )
            chosen.grow(chosen.next(own**2, left - target), pool, pace)
            errors = _errors(levels)


def _errors(levels: Sequence[PointSet]) -> list[float]:
    """Standard errors of the levels' means.

    A few paths may all miss what is rare: where a functional jumps, most differences are 0.  So a difference is taken
    to vary no less than `DECLINE` of the one before; the first, which may be far smaller than the functional itself,
    only where all its paths agree.
    """
    errors, least = [], 0.0
    for k, level in enumerate(levels):
        seen = level.variance
        least = 0.0 if k == 1 and seen else least
        errors.append(level.error * math.sqrt(max(1, least / seen)) if seen else math.sqrt(least / level.paths))
        least = DECLINE * max(least, seen)
    return errors


def _bias(levels: Sequence[PointSet], scheme: str) -> float:
    """The part that the levels not taken would add: the last three differences, extrapolated at the weak order.

    Each may be as large as its error makes possible: else the first one that chance makes small would be the last.
    """
    factor, errors = 2 ** WEAK_ORDER[scheme], _errors(levels)
    sizes = [abs(level.mean) + error for level, error in zip(levels[1:], errors[1:], strict=True)]
    return max(size / factor**back for back, size in enumerate(sizes[:-4:-1])) / (factor - 1)


def functional_of(given: Any, dim: int) -> Functional:
    """f as a function of states (n,) or (n, d)."""
    if callable(given) and not isinstance(given, sp.Basic):
        return given
    letters = state(dim)
    expr = parse_expression(given, {str(s): s for s in letters}, rough=True) if isinstance(given, str) else given
    if not isinstance(expr, sp.Expr):
        raise InputError(f"functional is {given!r}; it should be an expression in {letters[0]}, text, or a function")
    unknown = expr.free_symbols - set(letters)
    if unknown:
        raise InputError(f"functional contains {', '.join(sorted(map(str, unknown)))}; it should be in {letters} alone")
    compiled = sp.lambdify(letters, expr, "numpy")

    def f(states: Array) -> Array:
        columns = (states,) if dim == 1 else tuple(states.T)
        return np.broadcast_to(np.asarray(compiled(*columns), dtype=np.float64), columns[0].shape)

    return f
