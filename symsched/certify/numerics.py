"""Bounds that the kernels rely on, proved with balls: the error of their elementary functions, rounding included.

Each function of `symsched.kernels.vectormath` is run, as it stands, on values that carry

- its exact value as a power series about the middle of a piece, and over the whole piece, so that the distance from
  the true function is bounded by Taylor's theorem: what the polynomial leaves out;
- a bound on its relative rounding error, to which each operation adds half an ulp: the standard model of IEEE 754,
  without underflow.

The sum of both is bounded on pieces that cover the stated domain.  Arguments of log and exp are reduced first, by steps
that are exact but for the last, and these are not part of the domain here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import FunctionType
from typing import Any

from flint import arb, arb_series, fmpq

from symsched.precision import precision

BITS, ORDER = 192, 12
MAX_PIECES = 4000
Function = Callable[[Any], Any]


class UnboundedError(ArithmeticError):
    """A quotient by, or a relative error of, what may be 0 on the piece."""


@dataclass(frozen=True)
class Bound:
    """What is to be proved: |computed − true| ≤ `units` u |true| (or `units` u, `absolutely`) for low ≤ |x| ≤ high.

    u is the rounding of one operation, 2^-53 in float64 and 2^-24 in float32; `units` u are at most `units` ulps.
    """

    name: str
    arguments: tuple[float, ...]  # after the first
    true: Function
    low: Fraction
    high: Fraction
    units: float
    bits: int = 64
    absolutely: bool = False

    @property
    def statement(self) -> str:
        """In one line."""
        error = f"error <= {self.units:g} * 2^-{53 if self.bits == 64 else 24}"
        kind = "absolute" if self.absolutely else "relative"
        side = "" if self.name.startswith("log") else "|x| in "
        return f"{self.name.lstrip('_')}: {kind} {error}, {side}[{float(self.low):.4g}, {float(self.high):.5g}]"

    @property
    def unit(self) -> arb:
        """u."""
        return arb(2) ** (-53 if self.bits == 64 else -24)


@dataclass(frozen=True)
class Proof:
    """ "proved" or "undecided", with the largest bound that was found on a piece."""

    bound: Bound
    outcome: str
    most: float
    pieces: int

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        counts = {"most": round(self.most, 4), "pieces": self.pieces}
        return {"statement": self.bound.statement, "outcome": self.outcome, **counts}


def _log(x: Any) -> Any:
    return x.log()


_HALF, _ROOT = Fraction(1, 2), Fraction(14143, 10000)  # 1.4143 > √2


def _bounds(bits: int) -> Iterator[Bound]:
    """Domains reach down to where nothing underflows, and the logarithm's to the neighbours of 1."""
    small, nearest = (
        (Fraction(1, 2**60), Fraction(1, 2**53)) if bits == 64 else (Fraction(1, 2**40), Fraction(1, 2**24))
    )
    for name, arguments, true, low, high, units in (
        ("sinpi", (), lambda x: (x * arb.pi()).sin(), small, _HALF, 4.0),
        ("cospi", (), lambda x: (x * arb.pi()).cos(), small, _HALF, 3.5),
        ("log", (), _log, 1 / _ROOT, 1 - nearest / 2, 3.5),
        ("log", (), _log, 1 + nearest, _ROOT, 3.5),
        ("_exp_reduced", (), lambda x: x.exp(), small, Fraction(34658, 100000), 2.0),
        ("_sine", (0.0,), lambda x: x.sin(), small, Fraction(15709, 10000), 4.0),
    ):
        yield Bound(f"{name}{bits}", arguments, true, low, high, units, bits, name == "cospi")


BOUNDS = (*_bounds(64), *_bounds(32))


def prove(bound: Bound, function: Any = None) -> Proof:
    """Bisection of the domain (both signs where it is symmetric) until every piece is within the bound."""
    run = _on_balls(function or _kernel(bound.name))
    with precision(BITS, ORDER + 1):
        return _proof(bound, run)


def _proof(bound: Bound, run: Function) -> Proof:
    most, done, centre = 0.0, 0, _centre(bound)
    waiting = list(_domain(bound))
    while waiting:
        low, high = waiting.pop()
        done += 1
        found = _error(bound, run, low, high)
        if found is not None and found <= bound.units:
            most = max(most, float(found.upper()))
        elif done >= MAX_PIECES or high - low < max(abs(low - centre), abs(high - centre)) / 2**10:
            return Proof(bound, "undecided", float(found.upper()) if found is not None else float("inf"), done)
        else:
            middle = (low + high) / 2
            waiting += [(low, middle), (middle, high)]
    return Proof(bound, "proved", most, done)


def prove_all() -> Iterator[Proof]:
    """Every bound of `BOUNDS`."""
    yield from map(prove, BOUNDS)


def _domain(bound: Bound) -> Iterator[tuple[Fraction, Fraction]]:
    """Pieces that double in size away from 0 (away from 1 for the logarithm, whose zero is there)."""
    centre = _centre(bound)
    near, far = sorted((abs(bound.low - centre), abs(bound.high - centre)))
    signs = (1 if bound.low > 1 else -1,) if centre else (1, -1)
    while near < far:
        reach = min(2 * near, far)
        for sign in signs:
            low, high = sorted((centre + sign * near, centre + sign * reach))
            yield low, high
        near = reach


def _centre(bound: Bound) -> int:
    """Where the function is 0, or its argument is."""
    return 1 if bound.name.startswith("log") else 0


def _error(bound: Bound, run: Function, low: Fraction, high: Fraction) -> arb | None:
    """A bound of the error on [low, high] in half-ulps; None where nothing can be said."""
    middle, piece = _ball((low + high) / 2), _ball(low).union(_ball(high))
    half = (piece - middle).abs_upper()
    given = Computed(_series(middle), _series(piece), arb(0), arb(0), bound.unit)
    try:
        found = run(given, *bound.arguments)
        true_at, true_over = bound.true(given.at), bound.true(given.over)
        size = arb(1) if bound.absolutely else true_over[0].abs_lower()
        gap = _taylor(found.at - true_at, found.over - true_over, half)
    except UnboundedError:
        return None
    return None if not size > 0 else ((gap + found.gap) / size / bound.unit).upper()


def _taylor(at: Any, over: Any, half: arb) -> arb:
    """sup |f| on a piece, from its coefficients at the middle and the last one over the piece."""
    terms = [abs(at[k]) * half**k for k in range(ORDER)]
    return sum(terms, abs(over[ORDER]) * half**ORDER).upper()


def _ball(number: Fraction) -> arb:
    return arb(fmpq(number.numerator, number.denominator))


def _series(start: arb) -> Any:
    return arb_series([start, 1])


# -- a function of the kernels, run on balls -------------------------------------------------------------------


class Computed:
    """A computed number as a function of x on a piece: exact series, and bounds on its rounding error, absolute and
    relative (infinite where the number may be 0, unless it is exact)."""

    __array_ufunc__ = None  # NumPy's scalars leave arithmetic with it to it
    __slots__ = ("at", "error", "gap", "over", "unit")

    def __init__(self, at: Any, over: Any, gap: arb, error: arb, unit: arb) -> None:
        self.at, self.over, self.unit = at, over, unit
        self.gap = _smaller(gap, error * self.size)
        self.error = _smaller(error, self.gap / over[0].abs_lower()) if not over[0].contains(0) else error.upper()

    @property
    def size(self) -> arb:
        """At most this large."""
        return arb(self.over[0].abs_upper())

    def _of(self, other: Any) -> Computed:
        """A constant is what it is in binary, without error."""
        if isinstance(other, Computed):
            return other
        value = arb_series([arb(float(other))])
        return Computed(value, value, arb(0), arb(0), self.unit)

    def times(self, other: Any) -> Computed:
        """The product, not yet rounded."""
        one = self._of(other)
        gap = self.size * one.gap + one.size * self.gap + self.gap * one.gap
        error = self.error + one.error + self.error * one.error
        return Computed(self.at * one.at, self.over * one.over, gap, error, self.unit)

    def plus(self, other: Any) -> Computed:
        """The sum, not yet rounded."""
        one = self._of(other)
        exact = self.gap == 0 and one.gap == 0
        error = arb(0) if exact else arb("inf")
        return Computed(self.at + one.at, self.over + one.over, self.gap + one.gap, error, self.unit)

    def rounded(self) -> Computed:
        """To nearest."""
        gap = self.gap + self.unit * (self.size + self.gap)
        return Computed(self.at, self.over, gap, self.error + self.unit * (1 + self.error), self.unit)

    def __mul__(self, other: Any) -> Computed:
        return self.times(other).rounded()

    def __add__(self, other: Any) -> Computed:
        total, one = self.plus(other), self._of(other)
        ratio = -one.over[0] / self.over[0] if not self.over[0].contains(0) else arb("nan")
        sterbenz = total.gap == 0 and ratio >= arb(0.5) and ratio <= 2  # then the difference of two floats is one
        return total if sterbenz else total.rounded()

    def __neg__(self) -> Computed:
        return Computed(-self.at, -self.over, self.gap, self.error, self.unit)

    def __sub__(self, other: Any) -> Computed:
        return self + -self._of(other)

    def __truediv__(self, other: Any) -> Computed:
        one = self._of(other)
        if one.over[0].contains(0) or not one.error < 1:
            raise UnboundedError
        error = (1 + self.error) / (1 - one.error) - 1
        quotient = self.over / one.over
        gap = error * quotient[0].abs_upper()
        return Computed(self.at / one.at, quotient, gap, error, self.unit).rounded()

    __radd__, __rmul__ = __add__, __mul__


def _smaller(one: arb, other: arb) -> arb:
    """The smaller of two upper bounds, of which either may be missing."""
    found = [bound.upper() for bound in (one, other) if not bound.is_nan()]
    return min(found) if found else arb("inf")


class _Bits:
    """The bits of a number whose mantissa needs no scaling: its exponent is 0."""

    def __init__(self, number: Any) -> None:
        self.number = number

    def __add__(self, _: Any) -> _Bits:
        return self

    __sub__ = __add__

    def __rshift__(self, places: Any) -> Any:
        return type(places)(1024 if places == 52 else 128)


def _fma(a: Any, b: Any, c: Any) -> Any:
    first, second = (a, b) if isinstance(a, Computed) else (b, a)
    if not isinstance(first, Computed):
        return c if float(a) * float(b) == 0 else _refuse()
    return first.times(second).plus(c).rounded() if not _is_zero(c) else first.times(second).rounded()


def _is_zero(number: Any) -> bool:
    return not isinstance(number, Computed) and float(number) == 0


def _refuse() -> Any:
    raise UnboundedError


def _on_balls(function: FunctionType) -> Function:
    """The same code, with `fma` and the bits of a number as they are for balls."""
    stand_ins = {"fma": _fma, "bits64": _Bits, "bits32": _Bits, "u32": lambda bits: bits}
    stand_ins |= {"float64_of": lambda bits: bits.number, "float32_of": lambda bits: bits.number}
    return FunctionType(function.__code__, {**function.__globals__, **stand_ins}, closure=function.__closure__)


def _kernel(name: str) -> Any:
    from symsched.kernels import vectormath

    return getattr(vectormath, name).py_func
