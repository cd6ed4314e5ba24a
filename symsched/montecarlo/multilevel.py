"""estimate: an expectation to a stated tolerance, by multilevel Monte Carlo on coupled grids.

E f(X_1) = E f_0 + Σ_l E(f_l − f_{l−1}), where level l takes 2^l times the coarsest level's steps and both terms of a
difference see one Brownian motion.  The variances V_l of the differences decrease, so most paths are cheap: with
N_l ∝ √(V_l/C_l) the cost of a root-mean-square error τ grows like τ⁻² for a scheme of strong order above ½.

Reference: M. Giles, "Multilevel Monte Carlo path simulation", Oper. Res. 56 (2008) 607–617, doi:10.1287/opre.1070.0496.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.given import count, seed_of
from symsched.montecarlo.arguments import workers_of
from symsched.montecarlo.coupling import Coupler, System
from symsched.montecarlo.model import model_of
from symsched.parsing import parse_expression
from symsched.progress import foretold
from symsched.shown import Shown, Table, brief
from symsched.symbols import state

Array = NDArray[np.float64]
Functional = Callable[[Array], Array]

#: Paths of the first look at level k, by which its variance is judged: PILOT/2^k, so that a look costs the same at
#: every level, but no fewer than LEAST.
PILOT, LEAST = 2048, 128
#: Share of τ² that is left to the bias.
BIAS_SHARE = 0.25
#: Weak orders by which a level's difference is extrapolated to the bias that remains.
WEAK_ORDER = {"euler": 1, "lazy": 1, "exponential": 1, "heun": 1, "sra1": 1}
#: Steps of paths that an estimate may take: some hours.
MOST_STEPS = 1e12
#: Finest level: 2^LEVELS times the coarsest steps.
LEVELS = 14
#: Chunks that are handed out at once.
BATCH = 64


@dataclass(frozen=True)
class Level:
    """What one level did: its steps, paths, the mean and variance of its difference, and its cost in path-steps."""

    steps: int
    paths: int
    mean: float
    variance: float
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
        head = ("steps", "paths", "mean", "variance", "path-steps")
        return head, [(one.steps, one.paths, one.mean, one.variance, one.cost) for one in self.levels]

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


@dataclass
class _Pace:
    """What is left of a growth, in steps of paths, of which its cost is foretold once."""

    what: str
    left: float = 0.0
    told: bool = False

    def took(self, steps: int, seconds: float) -> None:
        self.left -= steps
        self.told = self.told or foretold(self.left / steps * seconds, self.what)


@dataclass
class _Running:
    """One level while it grows."""

    coupler: Coupler
    functional: Functional
    steps: int
    fine_cost: int
    paths: int = 0
    rows: list[tuple[float, float]] = field(default_factory=list)

    def chunks(self, wanted: int) -> Iterator[tuple[int, int]]:
        while self.paths < wanted:
            width = min(self.coupler.size, wanted - self.paths)
            yield self.paths, width
            self.paths += width

    def differences(self, chunk: tuple[int, int]) -> tuple[float, float]:
        states = [s[-1] for s in self.coupler.chunk(*chunk)]
        values = [_applied(self.functional, s) for s in states]
        gap = values[0] if len(values) == 1 else values[0] - values[1]
        return math.fsum(gap), math.fsum(gap * gap)

    def grow(self, wanted: int, pool: ThreadPoolExecutor, pace: _Pace | None = None) -> None:
        """Take paths until there are `wanted` of them; sums are kept chunk by chunk, in order."""
        chunks = self.chunks(wanted)
        while batch := list(islice(chunks, BATCH)):
            began = time.perf_counter()
            self.rows += pool.map(self.differences, batch)
            if pace is not None:
                pace.took(sum(width for _, width in batch) * self.fine_cost, time.perf_counter() - began)

    @property
    def mean(self) -> float:
        return math.fsum(s for s, _ in self.rows) / self.paths

    @property
    def variance(self) -> float:
        square = math.fsum(q for _, q in self.rows) / self.paths
        return max(square - self.mean**2, 0.0) * self.paths / (self.paths - 1)

    @property
    def cost(self) -> float:
        return float(self.paths * self.fine_cost)


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
    steps, seed, began = count(steps, "steps"), seed_of(seed), time.perf_counter()
    f = functional_of(functional, model_of(sde).dim)
    with ThreadPoolExecutor(workers_of(threads)) as pool:
        levels = _run(sde, f, tolerance, (scheme, steps, seed, start), pool)
    done = tuple(Level(v.steps, v.paths, v.mean, v.variance, v.cost) for v in levels)
    error = math.sqrt(sum(v.variance / v.paths for v in done))
    return Estimate(
        math.fsum(v.mean for v in done), error, _bias(levels, scheme), tolerance, done, time.perf_counter() - began
    )


def _run(
    sde: Any, f: Functional, tolerance: float, how: tuple[str, int, int, float | None], pool: ThreadPoolExecutor
) -> list[_Running]:
    levels, pace = [_level(sde, f, how, k) for k in range(3)], _Pace(f"a tolerance of {tolerance:g}")
    while True:
        _sample(levels, tolerance, pool, pace)
        if _bias(levels, how[0]) <= math.sqrt(BIAS_SHARE) * tolerance:
            return levels
        if len(levels) > LEVELS:
            raise InputError(
                f"the bias is still {_bias(levels, how[0]):.3g} with {levels[-1].steps} steps, above the tolerance "
                f"{tolerance:g}; use a larger tolerance, another scheme, or a start away from a singular end"
            )
        levels.append(_level(sde, f, how, len(levels)))


def _level(sde: Any, f: Functional, how: tuple[str, int, int, float | None], k: int) -> _Running:
    scheme, coarsest, seed, start = how
    fine = coarsest * 2**k
    systems = [System(sde, fine, scheme)] + ([System(sde, fine // 2, scheme)] if k else [])
    own = int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0])
    coupler = Coupler(systems, own, start, [1.0])
    return _Running(coupler, f, fine, fine if k == 0 else fine + fine // 2)


def _sample(levels: list[_Running], tolerance: float, pool: ThreadPoolExecutor, pace: _Pace) -> None:
    """Grow every level to its optimal number of paths, which is looked at again after each growth."""
    for k, level in enumerate(levels):
        level.grow(max(LEAST, PILOT >> k), pool)
    for _ in range(8):
        target = (1 - BIAS_SHARE) * tolerance**2
        total = sum(math.sqrt(v.variance * v.fine_cost) for v in levels)
        wanted = [math.ceil(total * math.sqrt(v.variance / v.fine_cost) / target) for v in levels]
        cost = sum(n * v.fine_cost for v, n in zip(levels, wanted, strict=True))
        if cost > MOST_STEPS:
            raise InputError(f"tolerance {tolerance:g} takes some {cost:.1e} steps of paths; use a larger one")
        if all(v.paths >= 0.99 * n for v, n in zip(levels, wanted, strict=True)):
            return
        pace.left = sum(max(0, n - v.paths) * v.fine_cost for v, n in zip(levels, wanted, strict=True))
        for level, n in zip(levels, wanted, strict=True):
            level.grow(n, pool, pace)


def _bias(levels: list[_Running], scheme: str) -> float:
    """The part that the levels not taken would add: the last two differences, extrapolated at the weak order."""
    factor = 2 ** WEAK_ORDER[scheme]
    last, before = abs(levels[-1].mean), abs(levels[-2].mean) / factor
    return max(last, before) / (factor - 1)


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


def _applied(f: Functional, states: Array) -> Array:
    rows = states[0] if len(states) == 1 else states.T
    values = np.asarray(f(rows), dtype=np.float64)
    if values.shape != (states.shape[1],):
        raise InputError(f"functional returned shape {values.shape} for {states.shape[1]} paths; it should return (n,)")
    if not np.isfinite(values).all():
        lost = int((~np.isfinite(values)).sum())
        raise InputError(f"functional is not finite on {lost} of {states.shape[1]} paths; use more steps, or another f")
    return values
