"""One level of `estimate`: the mean of f, or of its difference between two coupled grids, over a growing set of points.

Random points have an error of √(V/N).  Sobol' points are taken as `SHIFTS` scrambled sequences, whose means are
independent and unbiased, so that their spread is the error; their first coordinates choose and place the start, the
next make the Brownian path, its end first and then the midpoints of what is known, so that a few coordinates decide
most of it.  Coordinates beyond `COORDINATES` are random numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.kernels import sobol
from symsched.kernels.random import normals
from symsched.montecarlo.coupling import Coupler
from symsched.progress import foretold

Array = NDArray[np.float64]
Functional = Callable[[Array], Array]

#: Seconds after which the whole is foretold.
PILOT = 2.0
#: Chunks that are handed out at once.
BATCH = 64
#: Independent scramblings: their spread tells the error to one part in eight.
SHIFTS = 32
#: Coordinates of a path that are Sobol's.
COORDINATES = 256


@dataclass
class Pace:
    """What is left of a growth, in steps of paths, of which the cost is foretold once by the steps done so far."""

    what: str
    left: float = 0.0
    done: float = 0.0
    spent: float = 0.0
    told: bool = False

    def took(self, steps: float, seconds: float) -> None:
        """So many steps took so long."""
        self.left, self.done, self.spent = self.left - steps, self.done + steps, self.spent + seconds
        if not self.told and self.spent > PILOT:
            self.told = foretold(self.left / self.done * self.spent, self.what)


class PointSet(Protocol):
    """What `estimate` asks of a level.  The variance of its mean falls like points to the power −order."""

    name: ClassVar[str]
    order: ClassVar[float]
    steps: int
    fine_cost: int

    @property
    def paths(self) -> int: ...
    @property
    def cost(self) -> float:
        """Path-steps so far."""

    @property
    def mean(self) -> float: ...
    @property
    def variance(self) -> float:
        """Of the difference, at one random point."""

    @property
    def error(self) -> float:
        """Standard error of the mean."""

    def next(self, own: float, excess: float) -> int:
        """How many points to have next, where the variance of the mean is taken for `own`, too large by `excess`."""

    def grow(self, wanted: int, pool: ThreadPoolExecutor, pace: Pace | None = None) -> None:
        """Take points until there are `wanted` of them."""


@dataclass
class RandomPoints:
    """One level on random points; sums are kept chunk by chunk, in order."""

    name: ClassVar[str] = "random"
    order: ClassVar[float] = 1.0
    coupler: Coupler
    functional: Functional
    steps: int
    fine_cost: int
    paths: int = 0
    rows: list[tuple[float, float]] = field(default_factory=list)

    def _chunks(self, wanted: int) -> Iterator[tuple[int, int]]:
        while self.paths < wanted:
            width = min(self.coupler.size, wanted - self.paths)
            yield self.paths, width
            self.paths += width

    def _sums(self, chunk: tuple[int, int]) -> tuple[float, float]:
        gap = difference(self.functional, self.coupler.chunk(*chunk))
        return float(gap.sum()), float(np.square(gap).sum())

    def grow(self, wanted: int, pool: ThreadPoolExecutor, pace: Pace | None = None) -> None:
        """See `PointSet`."""
        chunks = self._chunks(wanted)
        while batch := list(islice(chunks, BATCH)):
            began = time.perf_counter()
            self.rows += pool.map(self._sums, batch)
            if pace is not None:
                pace.took(sum(width for _, width in batch) * self.fine_cost, time.perf_counter() - began)

    @property
    def cost(self) -> float:
        """See `PointSet`."""
        return float(self.paths * self.fine_cost)

    @property
    def mean(self) -> float:
        """See `PointSet`."""
        return math.fsum(s for s, _ in self.rows) / self.paths

    @property
    def variance(self) -> float:
        """See `PointSet`."""
        return _spread(self.mean, math.fsum(q for _, q in self.rows), self.paths)

    @property
    def error(self) -> float:
        """See `PointSet`."""
        return math.sqrt(self.variance / self.paths)

    def next(self, own: float, excess: float) -> int:
        """See `PointSet`: twice as many, or just enough."""
        return math.ceil(self.paths * own / max(own - excess, own / 2))


@dataclass
class SobolPoints:
    """One level on scrambled Sobol' points, as many in each shift: a power of two."""

    name: ClassVar[str] = "sobol"
    order: ClassVar[float] = 2.0  # 3 for smooth integrands of a few coordinates, 1 at worst
    coupler: Coupler
    functional: Functional
    steps: int
    fine_cost: int
    each: int = 0
    sums: Array = field(default_factory=lambda: np.zeros(SHIFTS))
    squares: float = 0.0

    def __post_init__(self) -> None:
        self.head = self.coupler.law.coordinates
        places = self.coupler.steps * self.coupler.dim * len(self.coupler.purposes)
        self.places = min(sum(self.head) + places, COORDINATES)
        self.random = sum(self.head) + places - self.places
        self.keys = sobol.keys(self.coupler.seed, self.places, SHIFTS)

    @property
    def paths(self) -> int:
        """PointSet in all."""
        return self.each * SHIFTS

    def grow(self, wanted: int, pool: ThreadPoolExecutor, pace: Pace | None = None) -> None:
        """See `PointSet`; what is there is doubled, so that `wanted` should be SHIFTS times a power of two."""
        while self.paths < wanted:
            began, first = time.perf_counter(), self.each
            count = self.each or wanted // SHIFTS
            width = min(count, 1 << self.coupler.size.bit_length() - 1)
            group = max(1, self.coupler.size // width)
            tasks = [
                (range(shift, min(shift + group, SHIFTS)), begin, width)
                for begin in range(first, first + count, width)
                for shift in range(0, SHIFTS, group)
            ]
            for (shifts, _, _), (sums, squares) in zip(tasks, pool.map(self._sums, tasks), strict=True):
                self.sums[shifts.start : shifts.stop] += sums
                self.squares += squares
            self.each += count
            if pace is not None:
                pace.took(float(count * SHIFTS * self.fine_cost), time.perf_counter() - began)

    def _sums(self, task: tuple[range, int, int]) -> tuple[Array, float]:
        shifts, first, count = task
        gap = difference(self.functional, self.coupler.driven(*self._drawn(shifts, first, count)))
        return gap.reshape(len(shifts), count).sum(axis=1), float(np.square(gap).sum())

    def _drawn(self, shifts: range, first: int, count: int) -> tuple[Array, Callable[[np.uint64], Array]]:
        """The start (dim, paths), and the normals (steps, dim, paths) of each purpose; paths run shift by shift."""
        from scipy.special import ndtri

        paths, (choices, moves) = len(shifts) * count, self.head
        points = sobol.uniforms(self.keys[:, shifts.start : shifts.stop], first, count).reshape(-1, paths)
        chosen = points[0] if choices else np.zeros(paths)
        z = ndtri(points[choices:])
        if self.random:  # the paths of a shift have their own numbers
            rest = [normals(self.coupler.seed, (s << sobol.BITS) + first, count, self.random)[:, 0] for s in shifts]
            z = np.concatenate([z, np.concatenate(rest, axis=1)])
        parts = np.split(z[moves:], len(self.coupler.purposes))
        shape = self.coupler.steps, self.coupler.dim, paths
        found = {int(p): bridged(part.reshape(shape)) for p, part in zip(self.coupler.purposes, parts, strict=True)}
        return self.coupler.law.placed(chosen, z[:moves]), lambda purpose: found[int(purpose)]

    @property
    def cost(self) -> float:
        """See `PointSet`."""
        return float(self.paths * self.fine_cost)

    @property
    def mean(self) -> float:
        """See `PointSet`."""
        return math.fsum(self.sums) / self.paths

    @property
    def variance(self) -> float:
        """See `PointSet`."""
        return _spread(self.mean, self.squares, self.paths)

    @property
    def error(self) -> float:
        """See `PointSet`."""
        return float((self.sums / self.each).std(ddof=1)) / math.sqrt(SHIFTS)

    def next(self, own: float, excess: float) -> int:  # noqa: ARG002
        """See `PointSet`: twice as many."""
        return 2 * self.paths


def bridged(z: Array) -> Array:
    """Independent standard increments of equal steps, of normals in the order of a Brownian bridge: (steps, …).

    The first are the increments over the longest steps that halving leads to; each next one splits a step: increments
    (p ± d)/√2 make p.
    """
    made = len(z) & -len(z)  # the power of two in the number of steps
    found, used = z[: len(z) // made], len(z) // made
    while len(found) < len(z):
        split = z[used : used + len(found)]
        used += len(found)
        found = np.stack([found + split, found - split], axis=1).reshape(-1, *z.shape[1:]) * math.sqrt(0.5)
    return np.ascontiguousarray(found)


def difference(functional: Functional, states: list[Any]) -> Array:
    """f at the end of the finer grid less f at the end of the coarser one, if there is one."""
    values = [_applied(functional, s[-1]) for s in states]
    return values[0] if len(values) == 1 else values[0] - values[1]


def _spread(mean: float, squares: float, count: int) -> float:
    return max(squares / count - mean**2, 0.0) * count / (count - 1)


def _applied(f: Functional, states: Array) -> Array:
    rows = states[0] if len(states) == 1 else states.T
    values = np.asarray(f(rows), dtype=np.float64)
    if values.shape != (states.shape[1],):
        raise InputError(f"functional returned shape {values.shape} for {states.shape[1]} paths; it should return (n,)")
    if not np.isfinite(values).all():
        lost = int((~np.isfinite(values)).sum())
        raise InputError(f"functional is not finite on {lost} of {states.shape[1]} paths; use more steps, or another f")
    return values
