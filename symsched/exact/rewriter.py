"""Rewriting an expression, bottom up, as a rational function of generators (see `generators`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from symsched.errors import UndecidedError
from symsched.exact.binders import BINDING, alike
from symsched.exact.factors import NegativeError, factors_of, orientation, positive_factors, split_exponent
from symsched.exact.facts import known
from symsched.exact.functions import HYPERBOLIC, TRIGONOMETRIC, WRITTEN
from symsched.exact.generators import (
    MAX_MULTIPLE,
    Angle,
    Generators,
    canonical,
    defined,
    multiple,
    reduce_radicals,
    turned,
)
from symsched.exact.points import known_function
from symsched.exact.quotients import NowhereDefinedError
from symsched.exact.undefined import OPAQUE, as_jet, as_written, carried_out, is_ambiguous

#: Equal where both sides are real, but for the one point where the argument of what JUMPS is 0.
EQUIVALENT: Mapping[type, Callable[..., sp.Expr]] = {
    **WRITTEN,
    sp.sign: lambda a: a / sp.Abs(a),
    sp.Heaviside: lambda a, _at_zero: (1 + a / sp.Abs(a)) / 2,
    sp.re: lambda a: a,
    sp.im: lambda _a: sp.S.Zero,
    sp.conjugate: lambda a: a,
}
JUMPS = (sp.acot, sp.sign, sp.Heaviside)
#: Functions of such values are constant where they are smooth: their derivatives are not free.
DISCRETE = {"zero", "integer", "even", "odd", "prime", "composite", "rational", "irrational", "algebraic"}


class Rewriter:
    """Turns an expression into a rational function of generators, bottom up.

    `where` gives symbols that stand for expressions: s with r(s) = R, say, without SymPy expanding r at that s.
    """

    def __init__(self, where: Mapping[sp.Symbol, sp.Expr] | None = None) -> None:
        self.known = Generators()
        self._where = dict(where or {})
        self.restart()

    def restart(self) -> None:
        """Forget what was rewritten, but not the generators: bases of radicals are then written in all of them."""
        self._memo: dict[sp.Expr, sp.Expr] = {}
        self.known.forget_angles()
        for symbol, expr in self._where.items():
            self._memo[symbol] = self._reduced(self.rewrite(expr))

    def rewrite(self, expr: sp.Expr) -> sp.Expr:
        """The rational function of generators that `expr` is."""
        if expr not in self._memo:
            self._memo[expr] = self._rewrite(expr)
        return self._memo[expr]

    def vanishes(self, expr: sp.Expr) -> bool:
        """Whether `expr` reduces to 0."""
        return bool(self._reduced(self.rewrite(expr)) == 0)

    def _rewrite(self, expr: sp.Expr) -> sp.Expr:
        if expr.is_Rational:
            return expr
        if expr.is_Float:
            return sp.Rational(expr)
        if expr.is_Add:
            return sp.Add(*[self.rewrite(a) for a in expr.args])
        if expr.is_Mul or _exponent_of(expr) is not None:
            return self._product(expr)
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        if isinstance(expr, sp.log):
            return self._logarithm(expr.args[0])
        if isinstance(expr, TRIGONOMETRIC):
            return self._trigonometric(expr)
        if isinstance(expr, HYPERBOLIC):
            return self.rewrite(expr.rewrite(sp.exp, deep=False))
        if isinstance(expr, sp.Abs):
            return self._root(self.rewrite(expr.args[0]) ** 2)
        if expr.func in EQUIVALENT:
            return self._equivalent(expr)
        # Γ(x + n) is a polynomial times Γ(x), the generator of them all.
        if isinstance(expr, sp.gamma) and 0 < abs(shift := sp.floor(expr.args[0].as_coeff_Add()[0])) <= MAX_MULTIPLE:
            lower = expr.args[0] - shift
            return self.rewrite(sp.gamma(lower)) * self.rewrite(sp.expand_func(sp.rf(lower, shift)))
        return self._atom(expr)

    def _equivalent(self, expr: sp.Expr) -> sp.Expr:
        if isinstance(expr, JUMPS):
            factors = factors_of(self._reduced(self.rewrite(expr.args[0])))[1]
            for factor, _ in factors:
                if orientation(factor, self.known) == 0:
                    self.known.suppose(factor, "≠", needed=False)
        return self.rewrite(EQUIVALENT[expr.func](*expr.args))

    def _reduced(self, expr: sp.Expr) -> sp.Expr:
        """Canonical form in which radicals that combine have done so."""
        unified, relations = self.known.unify(defined(canonical(expr)))
        if not relations:
            return defined(canonical(unified))
        numerator, denominator = reduce_radicals(unified, relations)
        below, above = reduce_radicals(denominator, relations)
        if below == 0:
            raise NowhereDefinedError
        return defined(canonical(numerator * above / below))

    # -- generators without structure ------------------------------------------------------------------------------

    def _atom(self, expr: sp.Expr) -> sp.Expr:
        if expr.is_zero:
            return sp.S.Zero
        if isinstance(expr, OPAQUE) or as_jet(expr) is not None:
            return self._opaque(expr)
        if isinstance(expr, BINDING) or not (expr.is_Symbol or known_function(expr)):
            return self._sealed(expr)
        if not expr.args:
            return self.known.named(expr, None if expr.is_Symbol else expr, expr, _sign(expr))
        args = [self._reduced(self.rewrite(a)) for a in expr.args]
        meaning = defined(expr.func(*args))
        if not meaning.free_symbols and meaning != expr:  # asin(sin² + cos²) is asin 1, which is π/2
            return self.rewrite(meaning)
        return self.known.named((expr.func, *args), meaning, expr, _sign(expr))

    def _opaque(self, expr: sp.Expr) -> sp.Expr:
        """η(τ, x/c) is the same generator however its arguments are written."""
        if is_ambiguous(expr):
            raise UndecidedError(
                f"SymPy takes {expr} for any derivative at these points: put in one variable at a time"
            )
        jet = as_jet(expr)
        if jet is None:
            plain = carried_out(expr)
            return self._sealed(plain) if plain == expr else self.rewrite(plain)
        function, orders, args = jet
        reduced = tuple(self._reduced(self.rewrite(a)) for a in args)
        shown = as_written((function, orders, tuple(self.known.show(a) for a in reduced)))
        dummy = self.known.named((function, orders, *reduced), None, shown, _sign(expr))
        self.known.jets[dummy] = (function, orders, reduced)
        if any(orders) and DISCRETE & {fact for fact, value in function._kwargs.items() if value}:
            self.known.sealed.add(dummy)
        return dummy

    def _sealed(self, expr: sp.Expr) -> sp.Expr:
        """What has a value of which nothing is known here: equal to itself alone, whatever its own variables' names."""
        plain = carried_out(expr)
        if not isinstance(plain, type(expr)):  # a short sum, written out
            return self.rewrite(plain)
        dummy = self.known.named(alike(plain), None, expr, _sign(expr))
        self.known.sealed.add(dummy)
        self.known.hypotheses[f"{expr} is real and finite"] = None
        return dummy

    # -- powers, exp, log ------------------------------------------------------------------------------------------

    def _product(self, expr: sp.Expr) -> sp.Expr:
        """Exponentials are brought together first, so that their exponents may cancel."""
        factors = sp.Mul.make_args(expr)
        exponents = [e for f in factors if (e := _exponent_of(f)) is not None]
        others = [self.rewrite(f) for f in factors if _exponent_of(f) is None]
        if exponents:
            others.append(self._raise(sp.E, self._reduced(self.rewrite(sp.Add(*exponents)))))
        return sp.Mul(*others)

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if exponent.is_Integer:
            written = self.rewrite(base)
            if written == 0 and exponent.is_negative:
                raise NowhereDefinedError
            return written**exponent
        power_of, written = self._reduced(self.rewrite(exponent)), self._reduced(self.rewrite(base))
        if written == 0:
            if not known(exponent, "positive"):
                raise NowhereDefinedError
            return sp.S.Zero
        if power_of.is_Integer:
            return written**power_of
        if exponent.is_integer:
            return self._whole_power(written, power_of)
        try:
            factors = list(positive_factors(written, self.known, needed=power_of.is_Rational))
        except NegativeError:
            if power_of.is_Rational:
                raise
            return self._signed(written, power_of)  # real if the exponent is whole, for all that is known
        return sp.Mul(*[self._raise(factor, power * power_of) for factor, power in factors])

    def _whole_power(self, base: sp.Expr, n: sp.Expr) -> sp.Expr:
        """base^n for a whole number n that is not known; the factors of the base may be negative."""
        content, factors = factors_of(base)
        result = self._signed(sp.S.NegativeOne, n) if content < 0 else sp.S.One
        for p, power in sp.factorrat(abs(content)).items():
            result *= self._raise(sp.Integer(p), power * n)
        for factor, power in factors:
            positive = orientation(factor, self.known) > 0
            result *= self._raise(factor, power * n) if positive else self._signed(factor, power * n)
        return result

    def _signed(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        """base^exponent where the base may be negative, and the exponent whole."""
        parts = split_exponent(exponent)
        if not all(c.is_Integer and self.known.show(monomial).is_integer for monomial, c in parts):
            parts = [(exponent, sp.S.One)]  # n(n+1)/2 is whole, n²/2 is not
        result = sp.S.One
        for monomial, c in parts:
            power = base if monomial == 1 else self.known.member(sp.Tuple(base), monomial, abs(c))
            result *= power ** (c if monomial == 1 else sp.sign(c))
        return result

    def _raise(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        """base^exponent, both written in generators; powers of powers and exponentials of logarithms collapse."""
        if base in self.known.powers:
            base, inner = self.known.powers[base]
            return self._raise(base, self._reduced(inner * exponent))
        result = sp.S.One
        for monomial, coefficient in split_exponent(exponent):
            logs = [f for f in sp.Mul.make_args(monomial) if f in self.known.logs] if base == sp.E else []
            if len(logs) == 1:
                result *= self._raise(self.known.logs[logs[0]], self._reduced(coefficient * monomial / logs[0]))
            elif monomial == 1 and coefficient.is_Integer and base != sp.E:
                result *= base**coefficient
            else:
                result *= self.known.member(base, monomial, abs(coefficient)) ** sp.sign(coefficient)
        return result

    def _logarithm(self, argument: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        written = self._reduced(self.rewrite(argument))
        if written == 0:
            raise NowhereDefinedError
        for factor, power in positive_factors(written, self.known):
            total += power * self._log_of(factor)
        return total

    def _log_of(self, factor: sp.Expr) -> sp.Expr:
        if factor == 1 or factor == sp.E:
            return sp.S.Zero if factor == 1 else sp.S.One
        if factor in self.known.powers:
            base, exponent = self.known.powers[factor]
            return exponent * self._log_of(base)
        dummy = self.known.named(("log", factor), sp.log(factor), sp.log(self.known.show(factor)), None)
        self.known.logs[dummy] = factor
        return dummy

    # -- trigonometry ----------------------------------------------------------------------------------------------

    def _trigonometric(self, expr: sp.Expr) -> sp.Expr:
        sine, cosine = sp.S.Zero, sp.S.One
        for monomial, coefficient in split_exponent(self._reduced(self.rewrite(expr.args[0]))):
            s, c = self._angle(monomial, coefficient)
            sine, cosine = sine * c + cosine * s, cosine * c - sine * s
        ratios: dict[type, Callable[[], sp.Expr]] = {
            sp.sin: lambda: sine,
            sp.cos: lambda: cosine,
            sp.tan: lambda: sine / cosine,
            sp.cot: lambda: cosine / sine,
            sp.sec: lambda: 1 / cosine,
            sp.csc: lambda: 1 / sine,
        }
        return ratios[expr.func]()

    def _angle(self, monomial: sp.Expr, coefficient: sp.Rational) -> Angle:
        """(sin, cos) of coefficient × monomial, through a known unit angle or the tangent of half of it."""
        meaning = self.known.meaning.get(monomial)
        if meaning == sp.pi:
            exact = sp.sin(coefficient * sp.pi), sp.cos(coefficient * sp.pi)
            if not exact[0].has(*TRIGONOMETRIC) and not exact[1].has(*TRIGONOMETRIC):
                return self.rewrite(exact[0]), self.rewrite(exact[1])
            if coefficient > sp.Rational(1, 4):
                # sin(125π/252) is cos(π/252): without this it would be a polynomial of degree 125 in tan(π/504).
                cosine, sine = self._angle(monomial, sp.Rational(1, 2) - coefficient)
                return sine, cosine
        short = coefficient.is_Integer and abs(coefficient) <= MAX_MULTIPLE
        if short and isinstance(meaning, (sp.atan, sp.asin, sp.acos)):
            return multiple(self._known_angle(meaning), int(coefficient))
        # sin 2x and sin 3x are rational in tan(x/2), once x is known for their common measure.
        unit = self.known.angles.get(monomial, coefficient)
        n = abs(coefficient / unit)
        unit, n = (unit, int(n)) if n.is_Integer else (coefficient, 1)
        tangent = self.known.member("tan", monomial, abs(unit))
        sine, cosine = (part / (1 + tangent**2) ** n for part in turned(sp.S.One, tangent, 2 * n))
        return (sine if coefficient > 0 else -sine), cosine

    def _known_angle(self, inverse: sp.Expr) -> Angle:
        """(sin, cos) of atan u, asin u, acos u; u is written in generators."""
        u = inverse.args[0]
        if isinstance(inverse, sp.atan):
            cosine = self._root(1 / (1 + u**2))
            return u * cosine, cosine
        other = self._root(1 - u**2)
        return (u, other) if isinstance(inverse, sp.asin) else (other, u)

    def _root(self, base: sp.Expr) -> sp.Expr:
        """√base for a base already written in generators."""
        written = self._reduced(base)
        factors = positive_factors(written, self.known) if written != 0 else [(sp.S.Zero, sp.Integer(2))]
        return sp.Mul(*[self._raise(factor, power / 2) for factor, power in factors])


def _exponent_of(expr: sp.Expr) -> sp.Expr | None:
    """The exponent over e of exp(f), of e, and of b^f with a positive number b and a moving f; else None."""
    if isinstance(expr, sp.exp):
        return expr.exp
    if expr == sp.E:
        return sp.S.One
    if expr.is_Pow and expr.base.is_number and expr.base.is_positive and not expr.exp.is_number:
        return expr.exp * sp.log(expr.base)
    return None


def _sign(expr: sp.Expr) -> bool | None:
    """Whether `expr` is positive, as far as it is known to be positive or negative."""
    return True if known(expr, "positive") else False if known(expr, "negative") else None
