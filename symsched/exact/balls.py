"""Numbers one can trust: SymPy expressions evaluated in ball arithmetic (Arb, through python-flint).

A ball is a number with a proved error bound.  The same evaluator serves three masters:

- *values*: the working precision is raised until every result is known to more bits than a float64 holds, so a
  value is right to the last bit (error below 0.51 ulp) however close t is to 0 or 1, and however much cancels;
- *signs*: evaluated over an interval, an expression yields an enclosure of its whole range;
- *witnesses*: a ball that excludes 0 proves that an expression is not identically zero.

An expression is flattened once into a tape (each common subexpression appears once), then replayed per point.

Reference: F. Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, mul
from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import arb, fmpq, fmpz

from symsched.errors import BeyondReachError, InputError, UndecidedError
from symsched.exact.budget import remembered
from symsched.exact.facts import known
from symsched.exact.functions import BALLS, CONSTANTS, HYPERBOLIC, Ball, Operation, needs
from symsched.precision import alone_all, precision
from symsched.symbols import t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

START_BITS, MAX_BITS = 96, 98304  # ten doublings
MAX_OPERATIONS = 400  # of a formula that is multiplied out
# float64 keeps 53 bits; six more leave the rounding error of the result below 0.51 ulp.
NEEDED_BITS = 59
SMALLEST = arb(2) ** -1075  # half the least float64; as a float it would itself be 0


def integer_power(n: int) -> Operation:
    """a^n; flint gives nan for a ball about 0."""

    def power(a: Ball) -> Ball:
        if n <= 0 or not a.contains(0):
            return a**n
        if n % 2 == 0:
            return arb.nonnegative_part(arb(0).union(a.abs_upper() ** n))
        return (a.lower() ** n).union(a.upper() ** n)

    return power


def _root_power(p: int, q: int) -> Operation:
    """a^(p/q) for a ≥ 0; nan for a ball that reaches below 0."""

    def power(a: Ball) -> Ball:
        if a.is_zero():
            return a
        if a.contains(0):
            return arb.nan() if a.lower() < 0 else arb.nonnegative_part(arb(0).union(a.upper().root(q) ** p))
        root = a.sqrt() if q == 2 else a.root(q)
        return root if p == 1 else root**p

    return power


def _constant(expr: sp.Expr) -> Operation:
    """A thunk: constants are remade at each working precision."""
    if expr.is_Integer:
        whole = fmpz(int(expr))
        return lambda: arb(whole)
    if expr.is_Rational:
        ratio = fmpq(int(expr.p), int(expr.q))
        return lambda: arb(ratio)
    if expr.is_Float:
        exact = sp.Rational(expr)
        return _constant(exact)
    if expr in CONSTANTS:
        return CONSTANTS[expr]
    raise InputError(f"cannot enclose the constant {expr}: expected a real number")


@dataclass(frozen=True)
class Tape:
    """A straight-line program: instruction k combines earlier slots; the first slots hold the inputs."""

    program: tuple[tuple[Operation, tuple[int, ...]], ...]
    outputs: tuple[int, ...]

    def run(self, inputs: Sequence[Ball]) -> list[Ball]:
        slots = list(inputs)
        for operation, where in self.program:
            slots.append(operation(*[slots[i] for i in where]))
        return [slots[i] for i in self.outputs]


class _Recorder:
    """Walks expressions depth first and records each distinct subexpression once."""

    def __init__(self, symbols: Sequence[sp.Symbol]) -> None:
        self.slot: dict[sp.Basic, int] = {s: i for i, s in enumerate(symbols)}
        self.program: list[tuple[Operation, tuple[int, ...]]] = []

    def record(self, expr: sp.Expr) -> int:
        found = self.slot.get(expr)
        if found is None:
            operation, args = self._decompose(expr)
            where = tuple(self.record(a) for a in args)
            self.program.append((operation, where))
            found = self.slot[expr] = len(self.slot)
        return found

    def _decompose(self, expr: sp.Expr) -> tuple[Operation, tuple[sp.Expr, ...]]:
        if expr.is_number and not expr.args:
            return _constant(expr), ()
        if expr.is_Add:
            return lambda *terms: reduce(add, terms), expr.args
        if expr.is_Mul:
            return lambda *factors: reduce(mul, factors), expr.args
        if isinstance(expr, sp.exp):
            return BALLS[sp.exp], (expr.exp,)
        if expr.is_Pow:
            return self._decompose_power(expr)
        operation = BALLS.get(expr.func)
        if isinstance(expr, sp.LambertW) and expr.args[1:] not in ((), (sp.S.NegativeOne,)):
            raise InputError(f"cannot evaluate {expr}: LambertW is real on the branches 0 and -1")
        if operation is None:
            raise InputError(f"cannot evaluate {expr}: no numeric value is known for {expr.func.__name__}")
        return operation, expr.args

    @staticmethod
    def _decompose_power(expr: sp.Expr) -> tuple[Operation, tuple[sp.Expr, ...]]:
        base, exponent = expr.args
        if exponent.is_Integer:
            n = int(exponent)
            return integer_power(n), (base,)
        if exponent.is_Rational and exponent.q <= 64:
            p, q = int(exponent.p), int(exponent.q)
            if p < 0:
                inner = _root_power(-p, q)
                return (lambda a: 1 / inner(a)), (base,)
            return _root_power(p, q), (base,)
        return pow, (base, exponent)


@remembered(maxsize=4096)
def compile_tape(exprs: tuple[sp.Expr, ...], symbols: tuple[sp.Symbol, ...]) -> Tape:
    """Flatten `exprs` into one tape over `symbols`.

    Raises:
        InputError: a free symbol has no value, or a function has no enclosure.
    """
    free = set().union(*(e.free_symbols for e in exprs)) - set(symbols)
    if free:
        names = ", ".join(sorted(map(str, free)))
        how = "give every parameter a number, as in 'alpha=1-t**p; beta=t; p=2'"
        told = [e for e in exprs if e.free_symbols & free and not e.atoms(sp.Dummy)]  # in the caller's own letters
        raise InputError(f"no value for {names}{f' in {_shorten(told)}' if told else ''}: {how}")
    recorder = _Recorder(symbols)
    outputs = tuple(recorder.record(sp.sympify(e, strict=True)) for e in exprs)
    return Tape(tuple(recorder.program), outputs)


def _shorten(exprs: Sequence[sp.Expr]) -> str:
    text = ", ".join(map(str, exprs))
    return text if len(text) <= 80 else text[:77] + "..."


def enclose(expr: sp.Expr, at: Mapping[sp.Symbol, Any], bits: int = 128) -> Ball:
    """Ball containing every value of `expr` when its symbols range over the balls (or exact numbers) `at`."""
    symbols = tuple(at)
    tape = compile_tape((expr,), symbols)
    with precision(bits):
        return tape.run([to_ball(v) for v in at.values()])[0]


def to_ball(value: Any) -> Ball:
    """A float, an integer or a rational as an exact ball (rationals to the working precision)."""
    if isinstance(value, arb):
        return value
    if isinstance(value, sp.Basic):
        value = fmpq(int(value.p), int(value.q)) if value.is_Rational else float(value)
    return arb(value)


def interval(low: float, high: float) -> Ball:
    """The ball that covers [low, high]."""
    return arb(low).union(arb(high))


def finite_ball(expr: sp.Expr, at: Mapping[sp.Symbol, Any], *precisions: int) -> Ball | None:
    """A finite ball, at the first precision that gives one; None where none is found: the expression is undefined
    there, or a denominator is not told from 0."""
    balls = (enclose(expr, at, bits) for bits in precisions)
    return next((ball for ball in balls if ball.is_finite()), None)


def sharpen(compute: Callable[[], list[Ball]], what: Callable[[], str]) -> list[float]:
    """Repeat `compute` at rising precision until each ball determines its float64, and return those.

    Raises:
        UndecidedError: a value is undefined there (a pole, a logarithm of a negative number).
    """
    bits = START_BITS
    while bits <= MAX_BITS:
        with precision(bits):
            try:
                balls = compute()
            except BeyondReachError:
                raise
            except UndecidedError:  # an inner root not separated yet: more bits may do it
                bits *= 2
                continue
            if all(b.is_finite() and (b.rel_accuracy_bits() >= NEEDED_BITS or abs(b) < SMALLEST) for b in balls):
                return [0.0 if abs(b) < SMALLEST else float(b.mid()) for b in balls]
        bits *= 2
    raise UndecidedError(f"{what()} has no finite real value that {MAX_BITS} bits could settle")


@remembered(maxsize=1024)
def without_cancellation(expr: sp.Expr) -> sp.Expr:
    """`expr` as a quotient of sums of exponentials, multiplied out, in which 1 − tanh(10^6 t) leaves nothing to cancel.

    The same where no hyperbolic function or exponential is in it, or where it is too long to be multiplied out."""
    if not expr.has(*HYPERBOLIC, sp.exp) or expr.count_ops() > MAX_OPERATIONS:
        return expr
    fraction = sp.fraction(sp.together(expr.rewrite(HYPERBOLIC, sp.exp)))
    above, below = (sp.Mul(*map(_multiplied_out, sp.Mul.make_args(part))) for part in fraction)
    return above / below


def _multiplied_out(factor: sp.Expr) -> sp.Expr:
    base, exponent = (factor, sp.S.One) if isinstance(factor, sp.exp) else factor.as_base_exp()
    return sp.expand(base, power_exp=False, log=False) ** exponent


@alone_all
@dataclass(frozen=True)
class Evaluator:
    """float64 values of `exprs` (functions of one symbol), each right to the last bit on the open interval.

    Raises:
        InputError: a parameter is left symbolic.
        UndecidedError: an expression has no finite real value at a requested point.
    """

    exprs: tuple[sp.Expr, ...]
    symbol: sp.Symbol = t

    def __call__(self, points: ArrayLike) -> list[NDArray[np.float64]]:
        import numpy as np

        grid = np.asarray(points, dtype=np.float64)
        rows = [self.at(float(point)) for point in grid.ravel()]
        table = np.array(rows, dtype=np.float64).reshape(grid.size, len(self.exprs))
        return [table[:, k].reshape(grid.shape) for k in range(len(self.exprs))]

    def at(self, point: float) -> list[float]:
        """The values at one point."""
        return self.at_rational(sp.Rational(point))

    def at_rational(self, point: sp.Rational) -> list[float]:
        """The values at a point that float64 may not resolve, such as 1 − 2^-200."""
        try:
            return self._sharp(self.exprs, point)
        except UndecidedError:
            # 1 − tanh(10^6) takes 2.9 million bits as it stands, and none as 2/(e^(2·10^6) + 1).
            plain = tuple(map(without_cancellation, self.exprs))
            if plain == self.exprs:
                raise
        return self._sharp(plain, point)

    def _sharp(self, exprs: tuple[sp.Expr, ...], point: sp.Rational) -> list[float]:
        tape = compile_tape(exprs, (self.symbol,))
        return sharpen(
            lambda: tape.run([to_ball(point)]), lambda: f"{_shorten(self.exprs)} at {self.symbol} = {float(point)!r}"
        )


def sign_of_number(number: sp.Expr) -> int:
    """The sign of a constant by balls; 0 when it is 0 or they cannot tell."""
    try:
        for form in (number, without_cancellation(number)):
            ball = enclose(form, {}, bits=512)
            if ball > 0 or ball < 0:
                return 1 if ball > 0 else -1
    except InputError:
        return 0
    return 0


def smooth_at(expr: sp.Expr, args: tuple[sp.Expr, ...]) -> bool:
    """Whether `expr` = f(args) is known, by assumptions or by balls, to be smooth where its arguments are `args`."""
    return any(all(_holds(*need) for need in group) for group in needs(expr, args))


def _holds(expr: sp.Expr, sign: str) -> bool:
    found = known(expr, sign)
    if found is None and not expr.free_symbols:
        return sign_of_number(expr) in {"nonzero": (1, -1), "positive": (1,), "negative": (-1,)}[sign]
    return bool(found)
