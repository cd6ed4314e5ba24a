"""How much rounding a formula does: a first-order bound on the error of evaluating it in floating point.

Each node of an expression adds one rounding of its own and passes on the errors of its arguments, weighed by its
condition; a sum that cancels therefore shows at once.  The exact values behind the weights are balls, so the bound
holds as close to an end as wanted, and needs no run of the formula: the choice between two equal forms is made by
arithmetic, the same on every machine.

Errors are in units of the last place, 2^-52 of the value; an elementary function is granted 1 of them.

Reference: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., SIAM 2002, ch. 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp
from flint import arb

from symsched.errors import InputError, UndecidedError
from symsched.exact import BALLS, Ball, compile_tape, remembered, to_ball
from symsched.precision import precision
from symsched.symbols import kappa, t

u = sp.Symbol("u", positive=True)  # 1 − t, exact for t ≥ 1/2
HALF_ULP = arb(2) ** -53
SMALLEST, LARGEST = arb(2) ** -1022, arb(2) ** 1023
LOST = arb(2) ** -1074


def _nothing(x: sp.Expr) -> sp.Expr | None:
    """Of 0 it is 0, as for κ = 0; of the form 0 only, because SymPy may look for long whether another one is."""
    return sp.S.Zero if x == 0 else None


class expm1(sp.Function):  # noqa: N801 - named as every library names it
    """e^x − 1, never rewritten (SymPy's own turns expm1(log x) back into x − 1)."""

    @classmethod
    def eval(cls, x: sp.Expr) -> sp.Expr | None:
        return _nothing(x)

    def fdiff(self, argindex: int = 1) -> sp.Expr:  # noqa: ARG002
        return sp.exp(self.args[0])


class log1p(sp.Function):  # noqa: N801
    """log(1 + x), never rewritten."""

    @classmethod
    def eval(cls, x: sp.Expr) -> sp.Expr | None:
        return _nothing(x)

    def fdiff(self, argindex: int = 1) -> sp.Expr:  # noqa: ARG002
        return 1 / (1 + self.args[0])


class sum_error(sp.Function):  # noqa: N801
    """a + b minus its value in floating point: what `carry` writes, exactly 0 in exact arithmetic."""

    nargs = 2


class product_error(sp.Function):  # noqa: N801
    """a b minus its value in floating point."""

    nargs = 2


KNOWN: dict[type, Callable[..., Ball]] = {**BALLS, expm1: lambda a: a.expm1(), log1p: lambda a: a.log1p()}

# Distances from an end, and interior times that no constant of a formula makes special.
NEAR = tuple(sp.Rational(1, 2**k) for k in (950, 300, 120, 60, 40, 27, 18, 12, 9, 7, 5, 4, 3))
INSIDE = tuple(sp.Rational(k, 23) for k in range(5, 19, 2))
KAPPAS = (sp.Rational(13, 16), sp.Integer(1), sp.Rational(5, 2))  # at 1, terms of a drift cancel when they can


@dataclass(frozen=True)
class Rounded:
    """An exact value (a ball) and a bound on the absolute error of its computed twin."""

    value: Ball
    error: Ball

    @property
    def ulps(self) -> float:
        """The error in units of 2^-52 of the value; infinite where nothing is left of it."""
        if not self.error.is_finite() or not self.value.is_finite():
            return float("inf")
        if self.value == 0:
            return 0.0 if self.error == 0 else float("inf")
        return float((self.error / abs(self.value) * 2**52).mid())


@dataclass(frozen=True)
class Sample:
    """One sample: what its letters stand for.  `known` also remembers the forms that were evaluated here."""

    bits: int
    known: dict[sp.Basic, Rounded]
    carried: bool = False  # sums, products and constants lose nothing: their errors are carried along

    def knowing(self, symbol: sp.Symbol, value: Rounded) -> Sample:
        """This one, with a new letter: no form that was evaluated so far has it."""
        return replace(self, known={**self.known, symbol: value})

    def carrying(self) -> Sample:
        """The same inputs, for forms whose rounding errors are carried along."""
        kept = {s: v for s, v in self.known.items() if s.is_Symbol}
        if u in kept and t in kept:
            kept[u] = Rounded(kept[u].value, arb(0))
        return Sample(self.bits, kept, carried=True)

    def evaluate(self, expr: sp.Expr) -> Rounded:
        """The exact value of `expr` here and the error bound of computing it as it is written."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self._in_range(self._evaluate(expr))
        return found

    def _in_range(self, made: Rounded) -> Rounded:
        size = abs(made.value)
        if size > LARGEST or not size.is_finite():
            return Rounded(made.value, arb("inf"))
        return Rounded(made.value, made.error + LOST.min(size)) if size < SMALLEST and made.value != 0 else made

    def _evaluate(self, expr: sp.Expr) -> Rounded:
        if not expr.free_symbols:
            value = compile_tape((_plain(expr),), ()).run([])[0]
            return Rounded(value, arb(0) if self.carried or is_exact(expr) else abs(value) * HALF_ULP)
        if expr.is_Add or expr.is_Mul:
            return (self._sum if expr.is_Add else self._product)(_gathered(expr))
        if expr.is_Pow and not isinstance(expr, sp.exp):
            return self._power(expr)
        return self._function(expr)

    def _sum(self, terms: Sequence[sp.Expr]) -> Rounded:
        parts = [self.evaluate(a) for a in terms]
        total, size, error = arb(0), arb(0), arb(0)
        for part in parts:
            total, size, error = total + part.value, size + abs(part.value), error + part.error
        own = arb(0) if self.carried else HALF_ULP * (abs(total) + (len(parts) - 2) * size)
        return Rounded(total, (error + own).mid())

    def _product(self, factors: Sequence[sp.Expr]) -> Rounded:
        value, error, rounds = arb(1), arb(0), -1
        parts = (single for f in factors for single in (singles(f) if not self.evaluate(f).error.is_finite() else [f]))
        for factor in parts:
            part = self.evaluate(factor)
            error = error * abs(part.value) + part.error * abs(value)
            value = value * part.value
            rounds += not self.carried and not (factor.is_Rational and _power_of_two(factor))
        return Rounded(value, (error + abs(value) * HALF_ULP * max(rounds, 0)).mid())

    def _power(self, expr: sp.Pow) -> Rounded:
        base, exponent = self.evaluate(expr.base), expr.exp
        value = compile_tape((_B**exponent,), (_B,)).run([base.value])[0] if exponent.is_number else None
        if value is not None:
            power = abs(compile_tape((exponent,), ()).run([])[0])
            if exponent.is_negative and not base.error < abs(base.value):
                return Rounded(value, arb("inf"))  # divided by what may be 0
            own = 1 if exponent in (-1, 2, sp.S.Half) else 2
            return Rounded(value, (abs(value) * (power * base.error / abs(base.value) + own * HALF_ULP)).mid())
        up = self.evaluate(exponent)
        value = base.value**up.value
        inner = abs(up.value) * base.error / abs(base.value) + abs(base.value.log()) * up.error
        return Rounded(value, (abs(value) * (inner + 2 * HALF_ULP)).mid())

    def _function(self, expr: sp.Expr) -> Rounded:
        if isinstance(expr, sum_error | product_error):
            return Rounded(arb(0), arb(0))
        parts = [self.evaluate(a) for a in expr.args]
        inputs = [p.value for p in parts]
        value = KNOWN[expr.func](*inputs)
        error = 2 * HALF_ULP * abs(value)
        for slope, part in zip(_slopes(expr.func, len(inputs)), parts, strict=True):
            if part.error != 0:
                error += abs(slope(inputs)) * part.error
        return Rounded(value, error.mid())


def singles(factor: sp.Expr) -> list[sp.Expr]:
    """A square or a cube of a name, or one over it, is two or three factors, multiplied in an order that stays inside
    the floats (see `ranges`)."""
    if factor.is_Pow and factor.base.is_Symbol and factor.exp in (2, 3, -2, -3):
        return [factor.base ** sp.sign(factor.exp)] * abs(int(factor.exp))
    return [factor]


_B = sp.Dummy("b", positive=True)


@remembered(maxsize=None)
def _slopes(function: type, arity: int) -> list[Callable[[list[Ball]], Ball]]:
    """The partial derivatives of a function, as ball programs."""
    args = sp.symbols(f"x0:{arity}", positive=True)
    tapes = [compile_tape((_plain(function(*args).diff(a)),), args) for a in args]
    return [lambda inputs, tape=tape: tape.run(inputs)[0] for tape in tapes]  # type: ignore[misc]


def _gathered(expr: sp.Expr) -> tuple[sp.Expr, ...]:
    """The terms or factors, constants joined to one as the printers fold them."""
    constants = [a for a in expr.args if not a.free_symbols]
    if len(constants) < 2:
        return expr.args
    return (expr.func(*constants), *(a for a in expr.args if a.free_symbols))


def _plain(expr: sp.Expr) -> sp.Expr:
    """exp(x) − 1 and log(1 + x) written out: the exact core knows them so."""
    return expr.replace(expm1, lambda a: sp.exp(a) - 1).replace(log1p, lambda a: sp.log(1 + a))


def written_out(expr: sp.Expr) -> sp.Expr:
    """The form as an expression in t alone and in SymPy's own functions: what it must be equal to."""
    return _plain(expr).subs(u, 1 - t)


def is_exact(number: sp.Expr) -> bool:
    """Whether a constant is a float64 as it stands."""
    return bool(number.is_Rational) and _power_of_two(sp.Integer(number.q)) and abs(number.p) < 2**53


def _power_of_two(number: sp.Expr) -> bool:
    sizes = (abs(int(number.p)), int(number.q))
    return all(n & (n - 1) == 0 and n > 0 for n in sizes)


def unit_samples(parameters: Sequence[sp.Symbol] = ()) -> tuple[Sample, ...]:
    """Samples of (t, u) over (0, 1), dense towards both ends, with a few values of κ and of each parameter."""
    found: list[Sample] = []
    for time in (*NEAR, *INSIDE, *(1 - near for near in NEAR if near > sp.Rational(1, 2**61))):
        for shift in (0, 1) if parameters else (0,):
            at = {p: sp.Rational(13 + 8 * ((k + shift) % 3), 16) for k, p in enumerate(parameters)}
            at |= {t: time, u: 1 - time, kappa: KAPPAS[len(found) % len(KAPPAS)]}
            found.append(sample_at(at, inexact=(u,) if 2 * time < 1 else ()))
    return tuple(found)


def sample_at(at: Mapping[sp.Symbol, sp.Rational], inexact: Sequence[sp.Symbol] = ()) -> Sample:
    """A sample with exact inputs, but for those in `inexact`, which were rounded once."""
    bits = 128 + 2 * max(int(q).bit_length() for v in at.values() for q in (v.p, v.q))
    with precision(bits):
        values = {symbol: to_ball(number) for symbol, number in at.items()}
        return Sample(bits, {s: Rounded(v, abs(v) * HALF_ULP if s in inexact else arb(0)) for s, v in values.items()})


def named(samples: Iterable[Sample], symbol: sp.Symbol, form: sp.Expr, ulps: float | None = None) -> tuple[Sample, ...]:
    """The samples, where `symbol` stands for the computed value of `form`, whose error is `ulps` if that is known."""
    found = []
    for sample in samples:
        with precision(sample.bits):
            value = sample.evaluate(form)
            if ulps is not None:
                value = Rounded(value.value, (2 * ulps * HALF_ULP * abs(value.value)).mid())
            found.append(sample.knowing(symbol, value))
    return tuple(found)


def worst(samples: Sequence[Sample], form: sp.Expr, scales: Sequence[Ball | None] | None = None) -> float:
    """The worst error bound of `form` over the samples, in ulps of the value, or of `scales` where larger.

    Infinite where the form is not real at all of them: never the one to take."""
    scales = [None] * len(samples) if scales is None else scales
    try:
        return max((_measured(s, form, scale) for s, scale in zip(samples, scales, strict=True)), default=0.0)
    except (InputError, UndecidedError, ValueError, ZeroDivisionError):
        return float("inf")


def _measured(sample: Sample, form: sp.Expr, scale: Ball | None) -> float:
    with precision(sample.bits):
        made = sample.evaluate(form)
        if scale is not None and abs(made.value) < scale:
            made = Rounded(scale, made.error)
        if abs(made.value) > LARGEST or (abs(made.value) < SMALLEST and made.error.is_finite()):
            return 0.0  # the true value is above or below the normal floats
        return made.ulps
