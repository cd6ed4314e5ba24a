"""Formulas at random points, read by mpmath: the numeric route.

Nothing is rewritten.  A formula is a tree, and its value is that of its parts; undefined functions become concrete
ones, a derivative of a concrete function is written down, any other is taken by differences (`mpmath.diff`), and a
substitution is a simultaneous change of the variables' values.  Each value is computed twice, with 60 digits and with
120: only digits on which both agree are believed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp
from mpmath.libmp import NoConvergence
from sympy.core.function import AppliedUndef

from symsched.concrete import Concrete, draw
from symsched.errors import InputError, clipped
from symsched.precision import digits
from symsched.substitutions import substitutions

FEW, MANY = 60, 120  # decimal digits of the two evaluations
POINTS, MORE = 3, 5  # more where signs are free
TRIES = 24  # points, some of which may lie where the formula has no value
MOST_TERMS = 10_000  # of a finite sum
MOST_BITS = 100_000  # before or after the point: mpmath writes them all out when it takes the exponential or the sine
MOST_READ = 1_200_000  # parts of a formula, at all points together; an integral in an integral has as many at one

NUMBERS = {sp.pi: "pi", sp.E: "e", sp.GoldenRatio: "phi", sp.EulerGamma: "euler", sp.Catalan: "catalan", sp.I: "j"}
SAME_NAME = (
    *("exp", "log", "sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "acot", "sinh", "cosh", "tanh"),
    *("coth", "sech", "csch", "asinh", "acosh", "atanh", "erf", "erfc", "gamma", "floor", "sign", "re", "im", "atan2"),
)
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(mpmath, name) for name in SAME_NAME}
FUNCTIONS |= {"Abs": abs, "Max": max, "Min": min, "ceiling": mpmath.ceil, "conjugate": mpmath.conj}


@dataclass(frozen=True)
class Reading:
    """What the numbers say: `zero` is True, False, or None where they say nothing, and `detail` says why."""

    zero: bool | None
    detail: str
    size: float = 0.0
    real: bool = True  # whether all its parts were


class TooMuchError(Exception):
    """More parts of a formula were read than are worth waiting for."""


def read(residual: sp.Expr) -> Reading:
    """Whether `residual` vanishes at random points within the assumptions on its symbols and functions.

    Raises:
        InputError: a node that has no value in numbers, or symbols that no real number can stand for.
    """
    return _remembered(residual, substitutions(residual))


@lru_cache(maxsize=1024)
def _remembered(residual: sp.Expr, _written: Any) -> Reading:
    """The reading; `_written` tells apart what SymPy takes for equal."""
    symbols = sorted(residual.free_symbols, key=sp.default_sort_key)
    if not all(s.is_commutative for s in residual.atoms(sp.Symbol)):  # SymPy says it of every `Limit`, for nothing
        raise InputError(f"{str(residual)[:80]}: symbols that do not commute have no values in numbers")
    samples = {f.func: f for f in sorted(residual.atoms(AppliedUndef), key=sp.default_sort_key)}
    heads = sorted(samples, key=lambda head: (str(head), str(sorted(head._kwargs.items()))))
    moves = bool(symbols or heads)  # a number is the same everywhere
    signed = [s for s in (*symbols, *samples.values()) if s.is_nonnegative is None and s.is_nonpositive is None]
    size, seen, beyond = mpmath.mpf(0), 0, ""
    work = itertools.count()
    for k in range(TRIES):
        point = {s: draw(s, i, k) for i, s in enumerate(symbols)}
        functions = {head: Concrete.of(samples[head], i + len(symbols), k) for i, head in enumerate(heads)}
        try:
            found = _at(residual, point, functions, work)
        except TooMuchError:
            return Reading(None, "takes too many values to be read in numbers")
        if found is None:
            continue
        if found.zero is False and not found.real:
            beyond = found.detail
            continue
        if found.zero is not True:
            return found
        size, seen = max(size, found.size), seen + 1
        if seen == (MORE if signed else POINTS if moves else 1) and not beyond:
            return Reading(True, "", size)
    if beyond:
        return Reading(None, f"{beyond}, but not all its parts are real there: declare signs of its letters")
    return Reading(None, f"has a value at {seen} of {TRIES} random points: nothing is known from that")


def _at(
    residual: sp.Expr, point: Mapping[sp.Symbol, sp.Expr], functions: Mapping[Any, Concrete], work: Iterator[int]
) -> Reading | None:
    """The reading at one point; None where the formula has no value there."""
    few, many = (_evaluated(residual, point, functions, count, work) for count in (FEW, MANY))
    if few is None or many is None:
        return None
    with digits(MANY):
        for base, divisor in many.divisors.items():
            if not _agree(divisor, few.divisors.get(base, divisor)):
                return Reading(None, f"is divided by {clipped(base)}, which has no digit that differs from 0")
        value, rough = many.value, few.value
        if not _agree(value, rough):
            noise = max(abs(rough) * mpmath.mpf(10) ** -40, many.largest * mpmath.mpf(10) ** -100)
            if abs(value) <= noise:
                return Reading(True, "", abs(rough) / few.largest)
            return Reading(None, f"has no digit that {FEW} and {MANY} digits of work agree on")
        where = ", ".join(f"{s} = {mpmath.nstr(mpmath.mpmathify(sp.N(v, 20)), 6)}" for s, v in list(point.items())[:4])
        place = f" at {where}" if where else ""
        told = f"is {mpmath.nstr(value, 8)}{place}{', for some functions' * bool(functions)}"
        return Reading(False, told, real=many.real or residual.has(sp.I))


def _agree(one: Any, other: Any) -> bool:
    return bool(one != 0 and abs(one - other) <= abs(one) * mpmath.mpf(10) ** -10)


@dataclass
class _Values:
    value: Any
    largest: Any  # of the values on the way, and 1
    divisors: dict[Any, Any]
    real: bool


def _evaluated(
    residual: sp.Expr,
    point: Mapping[sp.Symbol, sp.Expr],
    functions: Mapping[Any, Concrete],
    count: int,
    work: Iterator[int],
) -> _Values | None:
    with digits(count):
        reader = Reader({s: Reader({}, {}).value(v) for s, v in point.items()}, functions, work=work)
        try:
            value = reader.value(residual)
        except InputError:
            raise
        except (ZeroDivisionError, OverflowError, ValueError, NoConvergence):
            return None  # a pole, or too large: another point will do
        return _Values(value, reader.largest(), reader.divisors, not reader.unreal) if mpmath.isfinite(value) else None


# -- reading ---------------------------------------------------------------------------------------------------


@dataclass
class Reader:
    """Values of expressions where the symbols have the values `point`; what was divided by is kept in `divisors`."""

    point: Mapping[sp.Symbol, Any]
    functions: Mapping[Any, Concrete]
    divisors: dict[Any, Any] = field(default_factory=dict)
    unreal: list[sp.Basic] = field(default_factory=list)  # parts whose values are not
    work: Iterator[int] = field(default_factory=itertools.count)  # how many parts were read, here and wherever else
    _memo: dict[sp.Basic, Any] = field(default_factory=dict)

    def value(self, expr: sp.Basic) -> Any:
        """The value of `expr` at the working precision.

        Raises:
            InputError: a node that is not read here.
        TooMuchError: it would take too long.
            ZeroDivisionError, OverflowError, ValueError: there is none at this point.
        """
        found = self._memo.get(expr)
        if found is None:
            if next(self.work) > MOST_READ:
                raise TooMuchError
            found = self._memo[expr] = self._read(expr)
            if found and mpmath.isfinite(found) and abs(mpmath.mag(found)) > MOST_BITS:
                raise OverflowError
            if abs(mpmath.im(found)) > mpmath.mpf(10) ** -20 * abs(found):
                self.unreal.append(expr)
        return found

    def largest(self) -> Any:
        """The largest absolute value on the way, at least 1: rounding errors are small beside it."""
        return max(1, *map(abs, self._memo.values()))

    def _moved(self, point: Mapping[sp.Symbol, Any]) -> Reader:
        return Reader({**self.point, **point}, self.functions, unreal=self.unreal, work=self.work)

    def _read(self, expr: Any) -> Any:
        if expr.is_Symbol:
            if expr not in self.point:
                raise InputError(f"{expr}: bound where it is not known")
            return self.point[expr]
        if expr.is_Rational:
            return mpmath.mpf(expr.p) / expr.q
        if expr.is_Float:
            return mpmath.mpf(expr)
        if expr in NUMBERS:
            return +getattr(mpmath, NUMBERS[expr])
        if expr.is_Add:
            return sum((self.value(a) for a in expr.args[1:]), self.value(expr.args[0]))
        if expr.is_Mul:
            return self._product(expr)
        if isinstance(expr, sp.exp):
            return mpmath.exp(self.value(expr.exp))
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        if isinstance(expr, AppliedUndef):
            return self.functions[expr.func].value([self.value(a) for a in expr.args])
        special = SPECIAL.get(type(expr))
        return special(self, expr) if special else self._function(expr)

    def _product(self, expr: sp.Mul) -> Any:
        total = self.value(expr.args[0])
        for factor in expr.args[1:]:
            total *= self.value(factor)
        return total

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Any:
        below, above = self.value(base), self.value(exponent)
        if mpmath.re(above) < 0 and not base.is_number:
            self.divisors[base] = below
        if exponent.is_Integer:
            return below ** int(exponent)
        return mpmath.sqrt(below) if exponent == sp.S.Half else mpmath.power(below, above)

    def _function(self, expr: Any) -> Any:
        known = FUNCTIONS.get(type(expr).__name__) if isinstance(expr, sp.Function | sp.Max | sp.Min) else None
        if known is not None and (known is not mpmath.log or len(expr.args) == 1):
            return known(*(self.value(a) for a in expr.args))
        if not isinstance(expr, sp.Function):
            raise InputError(f"{clipped(expr)}: {type(expr).__name__} is not read in numbers")
        printed, values = _printed(expr.func, len(expr.args)), [self.value(a) for a in expr.args]
        try:
            return printed(*values)
        except (NameError, TypeError, AttributeError, NotImplementedError):  # a name that mpmath has not, or not so
            raise InputError(f"{expr.func}: not read in numbers") from None

    def _substituted(self, expr: sp.Subs) -> Any:
        """All variables change at once."""
        body, values = expr.expr, dict[sp.Symbol, Any]()
        for by, place in zip(expr.variables, expr.point, strict=True):
            variable, body = (by, body) if by.is_Symbol else _lettered(expr, by, body)
            values[variable] = self.value(place)
        inside = self._moved(values)
        found = inside.value(body)
        self.divisors.update({(expr, base): value for base, value in inside.divisors.items()})
        return found

    def _derivative(self, expr: sp.Derivative) -> Any:
        body, point, orders = expr.expr, dict[sp.Symbol, Any](), dict[sp.Symbol, int]()  # x, y, x is x twice
        for by, count in expr.variable_count:
            if by.is_Symbol and by not in body.free_symbols:
                return mpmath.mpf(0)
            if not by.is_Symbol and (
                body.has(sp.Derivative, sp.Subs, sp.Integral) or _meets(by, [v for v, _ in expr.variable_count])
            ):
                raise InputError(f"{clipped(expr)}: a derivative by {clipped(by)} is not read in numbers")
            variable, body = (by, body) if by.is_Symbol else _lettered(expr, by, body)
            point[variable] = self.value(by)
            orders[variable] = orders.get(variable, 0) + self._order(expr, count)
        if isinstance(body, AppliedUndef) and all([a for a in body.args if a.has(v)] == [v] for v in point):
            values = [point[a] if a in point else self.value(a) for a in body.args]
            return self.functions[body.func].value(values, tuple(orders.get(a, 0) for a in body.args))

        def moving(*values: Any) -> Any:
            return self._moved(dict(zip(point, values, strict=True))).value(body)

        return mpmath.diff(moving, tuple(point.values()), tuple(orders.values()))

    def _order(self, expr: sp.Derivative, count: sp.Expr) -> int:
        """A number, or a letter of a sum around it."""
        order = self.value(count)
        if not (mpmath.isint(order) and order >= 0):
            raise InputError(f"{clipped(expr)}: a derivative of order {clipped(count)} is not read in numbers")
        return int(order)

    def _integral(self, expr: sp.Integral) -> Any:
        if any(len(limit) != 3 for limit in expr.limits):
            raise InputError(f"{clipped(expr)}: an integral without limits is not read in numbers")
        return self._integrated(expr.function, expr.limits)

    def _integrated(self, function: sp.Expr, limits: Sequence[Any]) -> Any:
        """Over the last letter outermost, with the others inside it."""
        if not limits:
            return self.value(function)
        *inside, (variable, low, high) = limits
        ends = [mpmath.inf * int(sp.sign(e)) if e.is_infinite else self.value(e) for e in (low, high)]
        return mpmath.quad(lambda place: self._moved({variable: place})._integrated(function, inside), ends)

    def _summed(self, expr: sp.Sum | sp.Product, limits: Sequence[Any]) -> Any:
        """The sum or product over some of its letters, the last outermost."""
        if not limits:
            return self.value(expr.function)
        *inside, (variable, low, high) = limits
        first, last = (mpmath.inf if e.is_infinite else self.value(e) for e in (low, high))
        if not (mpmath.isint(first) and mpmath.isint(last) and -1 <= last - first <= MOST_TERMS):
            raise InputError(f"{clipped(expr)}: expected whole, rising limits, at most {MOST_TERMS} terms apart")
        places = (mpmath.mpf(n) for n in range(int(first), int(last) + 1))
        terms = [self._moved({variable: place})._summed(expr, inside) for place in places]
        return mpmath.fprod(terms) if isinstance(expr, sp.Product) else mpmath.fsum(terms)

    def _piecewise(self, expr: sp.Piecewise) -> Any:
        for value, condition in expr.args:
            if self._holds(condition):
                return self.value(value)
        raise ValueError("no case applies")

    def _holds(self, condition: Any) -> bool:
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, sp.And | sp.Or):
            return (all if isinstance(condition, sp.And) else any)(map(self._holds, condition.args))
        if isinstance(condition, sp.Not):
            return not self._holds(condition.args[0])
        compared = COMPARED.get(type(condition))
        if compared is None:
            raise InputError(f"{clipped(condition)}: this condition is not read in numbers")
        return bool(compared(*(self.value(side) for side in condition.args)))


SPECIAL: dict[type, Callable[[Reader, Any], Any]] = {
    sp.Subs: Reader._substituted,
    sp.Derivative: Reader._derivative,
    sp.Integral: Reader._integral,
    **dict.fromkeys((sp.Sum, sp.Product), lambda reader, expr: reader._summed(expr, expr.limits)),
    sp.Piecewise: Reader._piecewise,
}
COMPARED: dict[type, Callable[[Any, Any], bool]] = {
    sp.StrictLessThan: lambda a, b: a < b,
    sp.LessThan: lambda a, b: a <= b,
    sp.StrictGreaterThan: lambda a, b: a > b,
    sp.GreaterThan: lambda a, b: a >= b,
    sp.Equality: lambda a, b: a == b,
    sp.Unequality: lambda a, b: a != b,
}


def _meets(by: sp.Expr, variables: Sequence[sp.Expr]) -> bool:
    """Whether u(t) is a variable of its own in one step of a derivative, and in another moves with t."""
    return variables.count(by) > 1 or any(v.is_Symbol and by.has(v) for v in variables)


def _lettered(expr: sp.Expr, by: sp.Expr, body: sp.Expr) -> tuple[sp.Symbol, sp.Expr]:
    """`body` with a letter for u(t), which is a variable of its own in ∂/∂u(t) and where u(t) is put at a point."""
    if not isinstance(by, AppliedUndef):
        raise InputError(f"{clipped(expr)}: {clipped(by)} in the place of a variable is not read in numbers")
    letter = sp.Dummy("u")
    return letter, body.xreplace({by: letter})


@lru_cache(maxsize=256)
def _printed(function: Any, arguments: int) -> Callable[..., Any]:
    """SymPy's own translation of one function into mpmath."""
    letters = sp.symbols(f"z:{arguments}", cls=sp.Dummy)
    try:
        return sp.lambdify(letters, function(*letters), "mpmath")
    except Exception:  # whatever SymPy makes of a function that mpmath has not
        raise InputError(f"{function}: not read in numbers") from None
