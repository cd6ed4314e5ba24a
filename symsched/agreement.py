"""Numbers that must agree: |v − e| ≤ tolerance · max(|v|, |e|), with as many digits as that takes."""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import mpmath
import sympy as sp

from symsched.errors import InputError, clipped
from symsched.exact import decide_zero, parts_of, settled
from symsched.precision import digits

WORK = (60, 120, 240, 480)  # decimal digits, until enough of them are known


DECIMAL = re.compile(r"[+-]?\d{1,999}(\.\d{0,999})?([eE][+-]?\d{1,3})?")
INFINITE = (sp.oo, -sp.oo)


@dataclass(frozen=True)
class Agreement:
    """`same` is True, False, or None where no digit is known; the gap is relative to the larger number."""

    same: bool | None
    value: Any
    expected: Any
    gap: Any


def known_tolerance(tolerance: Any) -> float:
    """A relative tolerance: a number of at least 0 and below 1.

    Raises:
        InputError: it would let anything pass, or is no number.
    """
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 0 <= tolerance < 1:
        raise InputError(f"tolerance = {tolerance}: expected a relative error, at least 0 and below 1")
    return tolerance


def agree(value: Any, expected: Any, tolerance: float) -> Agreement:
    """Whether two numbers agree; infinities agree with themselves.

    Two numbers of which no digit emerges are equal if their difference has the normal form 0, and else undecided.

    Raises:
        InputError: something is no number, or not a finite one and no infinity with a sign.
    """
    with digits(2 * WORK[-1]):  # no digit of what is given is lost
        one, other = _number(value), _number(expected)
        if one == other:
            return Agreement(True, _shown(one), _shown(other), mpmath.mpf(0))
        if any(n in INFINITE for n in (one, other)):
            return Agreement(False, _shown(one), _shown(other), mpmath.inf)
        for (v, v_error), (e, e_error) in zip(_refined(one), _refined(other), strict=True):
            size, gap, error = max(abs(v), abs(e)), abs(v - e), v_error + e_error
            if gap + error <= tolerance * size:
                return Agreement(True, v, e, (gap + error) / size if size else gap)
            if gap - error > tolerance * (size + error):
                return Agreement(False, v, e, gap / size)
        exactly = decide_zero(one - other).zero
        return Agreement(True if exactly else None, v, e, gap)


def _number(value: Any) -> sp.Expr:
    if isinstance(value, Decimal):  # of which SymPy makes a binary number
        value = str(value)
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return sp.Rational(value)
    if isinstance(value, bool | str) or (getattr(value, "ndim", 0) != 0):
        raise InputError(f"{clipped(value)}: expected a number")
    if isinstance(value, numbers.Number) and hasattr(value, "item"):
        value = value.item()  # of NumPy
    try:
        found = sp.sympify(value, strict=True)
    except (sp.SympifyError, TypeError, ValueError):
        raise InputError(f"{clipped(value)}: expected a number") from None
    if not isinstance(found, sp.Expr) or not found.is_commutative or found.free_symbols:
        raise InputError(f"{clipped(value)}: expected a number")
    if found not in INFINITE and any(part in (sp.nan, sp.zoo, *INFINITE) for part in parts_of(found)):
        raise InputError(f"{clipped(value)}: expected a number, or an infinity with its sign")
    return found


def _refined(number: sp.Expr) -> Iterator[tuple[Any, Any]]:
    """(value, error) with more and more digits; the error is what twice as many digits change, ten times, and never
    less than a few units of the last digit that is claimed, nor of the last of the fewer digits.  Of a number that
    comes out as 0 no digit is known."""
    finer, share = _evaluated(number, WORK[0])
    for count in WORK:
        value, (finer, share) = finer, _evaluated(number, 2 * count)
        if not share or share == mpmath.inf:
            yield finer, share
        else:
            yield finer, max(10 * abs(finer - value), abs(finer) * max(share, mpmath.mpf(10) ** (3 - count)))


def _evaluated(number: sp.Expr, count: int) -> tuple[Any, Any]:
    """(value, relative error): 0 if it is exact, else what SymPy says that it reached, a `Float` by its bits."""
    if number.is_Float or number.is_Rational:
        return mpmath.mpmathify(number), mpmath.mpf(0)
    plain = settled(number, count)
    if plain.is_Rational:
        return mpmath.mpmathify(plain), mpmath.mpf(0)
    found = sp.N(plain, count)
    parts = found.as_real_imag()
    if not all(part.is_number and part.is_finite and (part.is_Float or part.is_Rational) for part in parts):
        raise InputError(f"{clipped(number)}: no value at {count} digits")
    value = mpmath.mpmathify(parts[0]) if parts[1] == 0 else mpmath.mpc(*map(mpmath.mpmathify, parts))
    bits = min((part._prec for part in parts if part.is_Float), default=0)
    return value, mpmath.mpf(2) ** (4 - bits) if value and bits else mpmath.inf


def _shown(number: sp.Expr) -> Any:
    if number in INFINITE:
        return mpmath.inf if number == sp.oo else -mpmath.inf
    return _evaluated(number, WORK[0])[0]
