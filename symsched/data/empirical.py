"""Empirical data: n equally likely points, the case ρ_k = 0 of a mixture (theory 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np
from sympy import Expr, Integer, Rational

from symsched.data import checks
from symsched.data.axes import decimal
from symsched.data.checks import Array
from symsched.data.conditioning import Component
from symsched.data.law import DataLaw
from symsched.data.numeric import POINTS, Block, Points
from symsched.errors import InputError
from symsched.precision import cached_property


@dataclass(frozen=True, eq=False, repr=False)
class Empirical(DataLaw):
    """X is one of n given points, each with probability 1/n: `points` has shape (n,) or (n, dim).

    Raises InputError for no points, NaN or infinite entries, or an array with more than two axes.
    """

    points: Any

    def __post_init__(self) -> None:
        if not checks.is_sequence(self.points):
            raise InputError(f"empirical points are {self.points!r}; give a list of numbers or of vectors")
        points = checks.array(self.points, "empirical points")
        if points.ndim > 2:
            raise InputError(f"empirical points have shape {points.shape}; flatten each to get (n, dim)")
        if points.size == 0:
            raise InputError(f"empirical points have shape {points.shape}: there are none; give at least one")
        object.__setattr__(self, "points", points[:, 0] if points.ndim == 2 and points.shape[1] == 1 else points)

    @property
    def dim(self) -> int:
        """Coordinates of a point."""
        return 1 if self.points.ndim == 1 else self.points.shape[1]

    @property
    def chunk(self) -> int:
        """Points handled at a time."""
        return min(len(self.points), POINTS)

    @property
    def summary(self) -> str:
        """Number of points, not the points."""
        return f"{len(self.points)} empirical points"

    @property
    def expectation(self) -> Any:
        """The average point."""
        return self._exact_average(1) if self.dim == 1 else self.points.mean(axis=0)

    @property
    def covariance(self) -> Any:
        """The average squared deviation (divided by n, not n − 1: this law is the population)."""
        if self.dim == 1:
            return self._exact_average(2) - self._exact_average(1) ** 2
        offsets = self.points - self.points.mean(axis=0)
        return offsets.T @ offsets / len(offsets)

    def _exact_average(self, power: int) -> Expr:
        return sum((c.weight * c.mean**power for c in self.components()), Integer(0))

    def components(self) -> Iterator[Component]:
        """One component of no spread per point."""
        for point in self.points:
            yield Component(Rational(1, len(self.points)), checks.exact(float(point), "point"), Integer(0))

    def blocks(self) -> Iterator[Block]:
        """Chunks of points."""
        table, log_weight = self.points.reshape(len(self.points), -1), -float(np.log(len(self.points)))
        for start in range(0, len(table), POINTS):
            some = slice(start, start + POINTS)
            yield Points(log_weight, table[some], None if self._lacking is None else self._lacking[some])

    @cached_property
    def _lacking(self) -> Array | None:
        """The decimals of points on a line less their float64s, (n, 1); arrays of vectors are what they hold."""
        if self.dim > 1:
            return None
        gaps = (float(decimal(v) - Fraction(v)) for v in self.points.tolist())
        return np.array([[gap] for gap in gaps])

    def key(self) -> tuple[Any, ...]:
        """Shape and digest of the points."""
        return (self.points.shape, sha256(np.ascontiguousarray(self.points)).hexdigest())

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Points picked with replacement."""
        return np.asarray(self.points[rng.integers(len(self.points), size=n)])

    def __str__(self) -> str:
        return f"empirical({self.points.tolist()})" if len(self.points) <= 32 else f"empirical({self.summary})"
