"""What a data law accepts, and what it says when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Integer, Rational, Symbol, nan, oo, zoo

from symsched.errors import InputError
from symsched.given import count, is_whole, reals
from symsched.parsing import quoted
from symsched.symbols import check_real, foreign_time, t, x

Array = NDArray[np.float64]
_WEIGHT_SLACK = Rational(1, 10**9)


def exact(value: Any, what: str) -> Expr:
    """A number or expression as an exact SymPy expression; a float means its shortest decimal (0.1 is 1/10)."""
    if isinstance(value, Expr):
        check_real(value, what)
        expr = value.xreplace({f: Rational(str(f)) for f in value.atoms() if f.is_Float})
    elif isinstance(value, bool | str | bytes) or not np.isscalar(value):
        raise InputError(f"{what} is {quoted(value)}; it should be a number or a SymPy expression")
    elif is_whole(value):
        expr = Integer(int(value))
    elif isinstance(value, Fraction | Decimal) and isfinite(value):
        expr = Rational(str(value))
    elif isinstance(value, float | np.floating) and np.isfinite(value):
        expr = Rational(repr(float(value)))
    else:
        raise InputError(f"{what} is {value!r}; it should be finite and real")
    if expr.free_symbols & {t, x} or foreign_time(expr) or expr.is_real is False or expr.has(nan, oo, -oo, zoo):
        raise InputError(f"{what} is {expr}; it should be finite, real and free of t and x")
    return expr


def positive(value: Any, what: str) -> Expr:
    """`exact`, refused when it is known not to be > 0."""
    expr = exact(value, what)
    if expr.is_positive is False:
        raise InputError(f"{what} is {expr}; it should be positive")
    return expr


def weights(values: Iterable[Any]) -> tuple[Expr, ...]:
    """Positive weights that sum to 1 (a rounding error in the sum is divided out)."""
    given = tuple(positive(value, f"mixture weight {k}") for k, value in enumerate(values))
    if not given:
        raise InputError("the mixture has no components; give at least one weight, mean and std")
    total = sum(given, Integer(0))
    if total.free_symbols or total == 1:
        return given
    if abs(total - 1) > _WEIGHT_SLACK:
        raise InputError(f"mixture weights sum to {float(total):.12g}; they should sum to 1")
    return tuple(weight / total for weight in given)


def is_sequence(value: Any) -> bool:
    """True for what has entries (lists, tuples, arrays with an axis), False for scalars."""
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def array(values: Any, what: str) -> Array:
    """A read-only float64 array of finite entries."""
    out = reals(values, what).copy()
    if not np.isfinite(out).all():
        raise InputError(f"{what} has {int((~np.isfinite(out)).sum())} NaN or infinite entries; all must be finite")
    out.flags.writeable = False
    return out


def covariance(values: Any, dim: int, what: str) -> Array:
    """A symmetric positive semidefinite (dim, dim) matrix."""
    matrix = array(values, what)
    if matrix.shape != (dim, dim):
        raise InputError(f"{what} has shape {matrix.shape}; a mean of length {dim} needs shape ({dim}, {dim})")
    scale = max(float(np.abs(matrix).max()), np.finfo(np.float64).tiny)
    skew = float(np.abs(matrix - matrix.T).max())
    if skew > 1e-9 * scale:
        raise InputError(f"{what} is not symmetric: entries differ by {skew:.3g}; it should equal its transpose")
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest < -1e-9 * scale * dim:
        raise InputError(f"{what} has a negative eigenvalue {lowest:.6g}; it should be positive semidefinite")
    return matrix


def time_values(alpha: Any, beta: Any) -> tuple[Array, Array]:
    """α and β as finite nonnegative float64 arrays."""
    out = reals(alpha, "alpha"), reals(beta, "beta")
    for name, value in zip(("alpha", "beta"), out, strict=True):
        if not (np.isfinite(value).all() and (value >= 0).all()):
            raise InputError(f"{name} is {value}; the schedule's values should be finite and not negative")
    return out


def generator(seed: Any) -> np.random.Generator:
    """The generator of a seed; a generator as it is.  Raises InputError for what is neither, nor None."""
    if seed is None or isinstance(seed, np.random.Generator):
        return np.random.default_rng(seed)
    return np.random.default_rng(count(seed, "seed", least=0, most=(1 << 128) - 1))


def known(symbols: Iterable[Symbol], law: str, asked: str) -> None:
    """Refuse a numeric question about a law that still has letters in it."""
    names = sorted(symbol.name for symbol in symbols)
    if names:
        raise InputError(f"{law} leaves {', '.join(names)} open; give values with .subs(...) before {asked}")
