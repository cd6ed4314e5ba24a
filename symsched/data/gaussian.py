"""Gaussian data N(m, ρ²) in one dimension, N(m, C) in more (theory C8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Expr, Integer, Rational, Symbol, sqrt

from symsched.data import checks
from symsched.data.axes import diagonalise
from symsched.data.checks import Array
from symsched.data.conditioning import Component
from symsched.data.law import DataLaw
from symsched.data.numeric import Block, Eigenframe
from symsched.errors import InputError
from symsched.precision import alone
from symsched.symbols import assigned


@dataclass(frozen=True, eq=False, repr=False)
class Gaussian(DataLaw):
    """X ~ N(mean, std²), or N(mean, cov) for a mean vector.

    Scalars may be numbers or expressions (`Gaussian(m, rho)`); a mean vector goes with a covariance matrix
    (dim, dim), or with one number, the standard deviation of every direction; a vector of length one is a scalar.

    Raises InputError for std ≤ 0, a covariance that is not symmetric positive semidefinite, bad shapes, NaN.
    """

    mean: Any = 0
    spread: Any = 1
    _frame: Eigenframe | None = field(init=False, default=None)

    @alone
    def __post_init__(self) -> None:
        put = object.__setattr__
        if not checks.is_sequence(self.mean):
            if checks.is_sequence(self.spread):
                raise InputError("a covariance matrix needs a mean vector; for one dimension give two scalars")
            put(self, "mean", checks.exact(self.mean, "mean"))
            put(self, "spread", checks.positive(self.spread, "std"))
            return
        mean = checks.array(self.mean, "mean")
        if mean.ndim != 1 or not len(mean):
            raise InputError(f"mean has shape {mean.shape}; it should be a scalar or a vector")
        if len(mean) == 1:
            put(self, "mean", checks.exact(float(mean[0]), "mean"))
            put(self, "spread", scalar_std(self.spread, "covariance"))
            return
        frame = component_frame(mean, self.spread, Integer(1), "covariance")
        matrix = checks.array(self.spread, "covariance") if checks.is_sequence(self.spread) else frame.covariance
        put(self, "mean", mean)
        put(self, "spread", matrix)
        put(self, "_frame", frame)

    @property
    def dim(self) -> int:
        """1 for scalars, else the length of the mean."""
        return 1 if self._frame is None else len(self.mean)

    @property
    def std(self) -> Expr:
        """ρ, in one dimension."""
        if self._frame is not None:
            raise InputError("std is for one dimension; this Gaussian has a covariance: use .covariance")
        return self.spread

    @property
    def expectation(self) -> Any:
        """The mean."""
        return self.mean

    @property
    def covariance(self) -> Any:
        """ρ² in one dimension, else the matrix."""
        return self.spread**2 if self._frame is None else self.spread

    @property
    def frame(self) -> Eigenframe:
        """Mean, axes and standard deviations as arrays; a scalar Gaussian is a frame of one direction."""
        return self._frame or scalar_frame(Component(Integer(1), self.mean, self.spread))

    @property
    def parameters(self) -> frozenset[Symbol]:
        """Letters left open in mean and std."""
        return frozenset() if self._frame is not None else self.mean.free_symbols | self.spread.free_symbols

    @alone
    def subs(self, **values: Any) -> Gaussian:
        """The law with letters replaced by name: `Gaussian(m, rho).subs(m=0, rho=2)`."""
        exprs = () if self._frame is not None else (self.mean, self.spread)
        new = substitute(exprs, values)
        return Gaussian(*new) if new else self

    def components(self) -> Iterator[Component]:
        """Itself."""
        yield Component(Integer(1), self.mean, self.spread)

    def blocks(self) -> Iterator[Block]:
        """Itself, along its axes."""
        yield self.frame

    def key(self) -> tuple[Any, ...]:
        """Mean and spread, as values."""
        if self._frame is None:
            return (self.mean, self.spread)
        return (self.mean.tobytes(), self.spread.tobytes())

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """mean + Q (ρ ξ)."""
        frame = self.frame
        out = frame.mean + frame.back(frame.stds * rng.standard_normal((n, self.dim)))
        return out[:, 0] if self.dim == 1 else out

    def __str__(self) -> str:
        if self._frame is None:
            return f"gaussian({self.mean}, {self.spread})"
        return f"gaussian({self.mean.tolist()}, {self.covariance.tolist()})"


def scalar_std(spread: Any, what: str) -> Expr:
    """The standard deviation of a one-dimensional law given as one, or as a 1 × 1 covariance."""
    if not checks.is_sequence(spread):
        return checks.positive(spread, "std")
    return sqrt(checks.positive(float(checks.covariance(spread, 1, what)[0, 0]), what))


@lru_cache(maxsize=4096)
def scalar_frame(component: Component) -> Eigenframe:
    """A one-dimensional component in numbers."""
    mean, std = (np.array([float(value)]) for value in (component.mean, component.std))
    return Eigenframe(component.weight, mean, std, mean_low=lacking(component.mean))


def lacking(exact: Expr) -> float:
    """The exact number less the float64 nearest to it."""
    return float(exact - Rational(float(exact)))


def component_frame(mean: Array, spread: Any, weight: Expr, what: str) -> Eigenframe:
    """Mean vector with a standard deviation or a covariance matrix, diagonalised once."""
    if not checks.is_sequence(spread):
        std = float(checks.positive(spread, "std"))
        return Eigenframe(weight, mean, np.full(len(mean), std))
    matrix = checks.covariance(spread, len(mean), what)
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return Eigenframe(weight, mean, np.sqrt(np.diag(matrix)))
    return Eigenframe(weight, mean, *diagonalise(matrix), matrix)


def substitute(exprs: tuple[Expr, ...], values: dict[str, Any]) -> tuple[Expr, ...]:
    """Replace symbols by name, all at once.  Raises InputError as `symbols.assigned`."""
    letters = frozenset().union(*(expr.free_symbols for expr in exprs))
    table = assigned(letters, {name: checks.exact(value, name) for name, value in values.items()}, "the law")
    return tuple(expr.subs(table, simultaneous=True) for expr in exprs)
