"""Is this expression zero?  A decision, not a heuristic.

An expression is rewritten as a rational function of *generators* that are algebraically independent as far as
the theory knows, and a rational function is zero exactly when its numerator, expanded, has no terms.

- Free generators: symbols, and jets, that is undefined functions and their derivatives (α, α̇, η(τ, x/c), …).
- Radicals and powers: β^(κ/(1+κ) − 2) = β^(-1) β^(-1/(1+κ)): exponents are split into a rational part and
  canonical monomials, so that powers which differ by an integer share a generator; a rational exponent p/q makes
  G with G^q = base, by which numerators are reduced.
- exp and log: of sums and products, split the same way.
- Trigonometric functions: rational functions of the tangent of the half angle, over a common angle.

If the numerator vanishes the expression *is* zero: only equals were put for equals.  If it does not, a ball
evaluation at a random rational point that excludes 0 is a *witness* that it is not.  When neither happens
(a relation between generators that is not known here), the answer is "undecided", never a guess.

Bases of fractional powers are taken to be positive, as everywhere in the theory (t in (0,1), α, β > 0); a base
is split into factors only when each factor is known to be positive.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import Any

import sympy as sp
from flint import ctx
from sympy.core.function import AppliedUndef

from symsched.enclose import compile_tape, to_ball
from symsched.errors import InputError
from symsched.symbols import t

TRIG = (sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc)
HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)
OPAQUE = (AppliedUndef, sp.Derivative, sp.Subs, sp.Integral)


@dataclass(frozen=True)
class Decision:
    """Outcome of a zero test: `zero` is True, False or None (undecided); `normal_form` is what was left.

    `witness` is a rigorous enclosure of the expression at a random admissible point, when it is not zero.
    """

    zero: bool | None
    normal_form: sp.Expr
    witness: str | None = None

    def __bool__(self) -> bool:
        return self.zero is True


@dataclass
class _Generators:
    """The generators met so far: a dummy for each, with its meaning in terms of earlier ones (None if free)."""

    meaning: dict[sp.Dummy, sp.Expr | None] = field(default_factory=dict)
    shown: dict[sp.Dummy, sp.Expr] = field(default_factory=dict)
    by_key: dict[Any, sp.Dummy] = field(default_factory=dict)
    # (base, monomial) -> {c: generator of base^(c monomial)}; base "tan" means tan(c monomial / 2).
    families: dict[tuple[sp.Expr | str, sp.Expr], dict[sp.Rational, sp.Dummy]] = field(default_factory=dict)

    def named(self, key: Any, meaning: sp.Expr | None, shown: sp.Expr, positive: bool) -> sp.Dummy:
        if key not in self.by_key:
            dummy = sp.Dummy(f"g{len(self.meaning)}", positive=True if positive else None, real=True)
            self.by_key[key], self.meaning[dummy], self.shown[dummy] = dummy, meaning, shown
        return self.by_key[key]

    def member(
        self,
        base: sp.Expr | str,
        monomial: sp.Expr,
        coefficient: sp.Rational,
        meaning: sp.Expr,
        shown: sp.Expr,
    ) -> sp.Dummy:
        """The generator of a family that belongs to |coefficient|."""
        size = abs(coefficient)
        family = self.families.setdefault((base, monomial), {})
        if size not in family:
            family[size] = self.named((base, monomial, size), meaning, shown, base != "tan")
        return family[size]

    def show(self, expr: sp.Expr) -> sp.Expr:
        """Put the meanings back, latest generator first."""
        for dummy in reversed(self.shown):
            expr = expr.subs(dummy, self.shown[dummy])
        return expr


def canonical(expr: sp.Expr) -> sp.Expr:
    """The reduced quotient of polynomials that a rational function is."""
    return sp.cancel(sp.together(expr))


class _Rewriter:
    """Turns an expression into a rational function of generators, bottom up."""

    def __init__(self) -> None:
        self.known = _Generators()
        self.memo: dict[sp.Expr, sp.Expr] = {}

    def rewrite(self, expr: sp.Expr) -> sp.Expr:
        if expr not in self.memo:
            self.memo[expr] = self._rewrite(expr)
        return self.memo[expr]

    def _rewrite(self, expr: sp.Expr) -> sp.Expr:
        if expr.is_Rational:
            return expr
        if expr.is_Float:
            return sp.Rational(expr)
        if expr.is_Add or expr.is_Mul:
            return expr.func(*[self.rewrite(a) for a in expr.args])
        if isinstance(expr, sp.exp) or expr == sp.E:
            return self._exponential(sp.log(expr) if expr == sp.E else expr.exp)
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        if isinstance(expr, sp.log):
            return self._logarithm(expr.args[0])
        if isinstance(expr, TRIG):
            return self._trigonometric(expr)
        if isinstance(expr, HYPERBOLIC):
            return self.rewrite(expr.rewrite(sp.exp))
        return self._atom(expr)

    # -- generators without structure -------------------------------------------------------------------------

    def _atom(self, expr: sp.Expr) -> sp.Dummy:
        if expr.is_Symbol:
            return self.known.named(expr, None, expr, bool(expr.is_positive))
        if isinstance(expr, OPAQUE):
            return self.known.named(self._opaque_key(expr), None, expr, bool(expr.is_positive))
        args = [canonical(self.rewrite(a)) for a in expr.args]
        meaning = expr.func(*args) if args else expr
        return self.known.named(
            (expr.func, *args, expr if not args else None), meaning, expr, bool(expr.is_positive)
        )

    def _opaque_key(self, expr: sp.Expr) -> Any:
        """η(τ, x/c) is the same generator however its arguments are written."""
        jet = _as_jet(expr)
        if jet is None:
            return expr
        function, orders, args = jet
        return (function, orders, *[canonical(self.rewrite(a)) for a in args])

    # -- powers -----------------------------------------------------------------------------------------------

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        if exponent.is_Integer:
            return self.rewrite(base) ** exponent
        parts = _split_exponent(exponent)
        result = sp.S.One
        for factor, power in _positive_factors(canonical(self.rewrite(base)), self.known):
            for monomial, coefficient in parts:
                result *= self._radical(factor, monomial, coefficient * power)
        return result

    def _radical(self, base: sp.Expr, monomial: sp.Expr, coefficient: sp.Rational) -> sp.Expr:
        """base^(coefficient × monomial), through the generator with that exponent made positive."""
        if monomial == 1 and coefficient.is_Integer:
            return base**coefficient
        exponent = canonical(self.rewrite(monomial)) * abs(coefficient)
        meaning = sp.Pow(base, exponent, evaluate=False)
        shown = self.known.show(base) ** (monomial * abs(coefficient))
        return self.known.member(base, monomial, coefficient, meaning, shown) ** sp.sign(coefficient)

    # -- exp, log, trigonometry -------------------------------------------------------------------------------

    def _exponential(self, argument: sp.Expr) -> sp.Expr:
        result = sp.S.One
        for monomial, coefficient in _split_exponent(argument):
            if isinstance(monomial, sp.log):
                result *= self._power(monomial.args[0], coefficient)
                continue
            size = abs(coefficient)
            meaning, shown = sp.exp(canonical(self.rewrite(monomial)) * size), sp.exp(monomial * size)
            result *= self.known.member(sp.E, monomial, coefficient, meaning, shown) ** sp.sign(coefficient)
        return result

    def _logarithm(self, argument: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for factor, power in _positive_factors(canonical(self.rewrite(argument)), self.known):
            if factor == 1:
                continue
            shown = sp.log(self.known.show(factor))
            total += power * self.known.named(("log", factor), sp.log(factor), shown, False)
        return total

    def _trigonometric(self, expr: sp.Expr) -> sp.Expr:
        sine, cosine = sp.S.Zero, sp.S.One
        for monomial, coefficient in _split_exponent(expr.args[0]):
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
        return canonical(ratios[expr.func]())

    def _angle(self, monomial: sp.Expr, coefficient: sp.Rational) -> tuple[sp.Expr, sp.Expr]:
        """(sin, cos) of coefficient × monomial, by the tangent T of half that angle."""
        if monomial == sp.pi:
            s, c = sp.sin(coefficient * sp.pi), sp.cos(coefficient * sp.pi)
            if not s.has(sp.sin, sp.cos):
                return self.rewrite(s), self.rewrite(c)
        if isinstance(monomial, sp.atan) and (coefficient / 2).is_Integer:
            return _multiple_angle(self.rewrite(monomial.args[0]), int(coefficient) // 2)
        half = abs(coefficient) / 2
        meaning, shown = sp.tan(canonical(self.rewrite(monomial)) * half), sp.tan(monomial * half)
        tangent = self.known.member("tan", monomial, coefficient, meaning, shown)
        return _multiple_angle(tangent, int(sp.sign(coefficient)))


def _multiple_angle(tangent: sp.Expr, n: int) -> tuple[sp.Expr, sp.Expr]:
    """(sin, cos) of n times the angle whose half has this tangent."""
    s, c = 2 * tangent / (1 + tangent**2), (1 - tangent**2) / (1 + tangent**2)
    sine, cosine = sp.S.Zero, sp.S.One
    for _ in range(abs(n)):
        sine, cosine = canonical(sine * c + cosine * s), canonical(cosine * c - sine * s)
    return (sine if n >= 0 else -sine), cosine


def _as_jet(expr: sp.Expr) -> tuple[Any, tuple[int, ...], tuple[sp.Expr, ...]] | None:
    """f, its order of differentiation in each slot, and the arguments: for f(…), ∂f(…) and ∂f|_{v = point}."""
    points: dict[sp.Symbol, sp.Expr] = {}
    if isinstance(expr, sp.Subs):
        points = dict(zip(expr.variables, expr.point, strict=True))
        expr = expr.expr
    counts: dict[sp.Symbol, int] = {}
    if isinstance(expr, sp.Derivative):
        counts = {v: int(n) for v, n in expr.variable_count}
        expr = expr.expr
    if not isinstance(expr, AppliedUndef) or any(expr.args.count(v) != 1 for v in counts):
        return None
    orders = tuple(counts.get(a, 0) for a in expr.args)
    return expr.func, orders, tuple(points.get(a, a) if a.is_Symbol else a.subs(points) for a in expr.args)


def _split_exponent(expr: sp.Expr) -> list[tuple[sp.Expr, sp.Rational]]:
    """expr = Σ coefficient × monomial, with monomials canonical and rational coefficients; the monomial 1 is the
    rational part: 2κ/(1+κ) is 2·1 − 2·(1/(1+κ)), so β^(2κ/(1+κ)) and β^(−2/(1+κ)) share their generators."""
    numerator, denominator = sp.fraction(canonical(expr))
    quotient, remainder = (
        sp.div(numerator, denominator) if denominator.free_symbols else (numerator / denominator, 0)
    )
    terms = [*sp.Add.make_args(sp.expand(quotient))]
    terms += [term / denominator for term in sp.Add.make_args(sp.expand(remainder))]
    split: dict[sp.Expr, sp.Rational] = {}
    for term in terms:
        coefficient, monomial = term.as_coeff_Mul(rational=True)
        split[monomial] = split.get(monomial, sp.S.Zero) + coefficient
    return [(m, c) for m, c in split.items() if c != 0]


def _positive_factors(base: sp.Expr, known: _Generators) -> Iterator[tuple[sp.Expr, sp.Rational]]:
    """Factors of a positive base, each of them positive; those not proved so stay together as one factor."""
    if base.is_Rational:
        for prime, power in sp.factorint(base).items():
            yield sp.Integer(prime), sp.Integer(power)
        return
    content, factors = _factors(base)
    rest, sign = sp.S.One, 1 if content > 0 else -1
    proved = []
    for factor, power in factors:
        orientation = _orientation(factor, known)
        if orientation == 0:
            rest *= factor**power
        else:
            proved.append((orientation * factor, sp.Integer(power)))
            sign *= orientation ** int(power)
    yield from proved
    if rest != 1:
        yield sp.expand_mul(sign * sp.together(rest)), sp.S.One
    yield from ((sp.Integer(p), sp.Integer(n)) for p, n in sp.factorint(abs(content)).items())


def _factors(base: sp.Expr) -> tuple[sp.Rational, list[tuple[sp.Expr, int]]]:
    content, factors = sp.S.One, []
    for part, sign in zip(sp.fraction(sp.together(base)), (1, -1), strict=True):
        constant, found = sp.factor_list(part)
        content *= constant**sign
        factors += [(f, sign * n) for f, n in found]
    return content, factors


def _orientation(factor: sp.Expr, known: _Generators) -> int:
    """1 or −1 when the factor is positive or negative wherever its generators may be; 0 when that is unknown."""
    if factor.is_positive:
        return 1
    if factor.is_negative:
        return -1
    free = factor.free_symbols
    if len(free) == 1 and known.shown.get(next(iter(free))) == t:
        polynomial = sp.Poly(factor, next(iter(free)))
        ends = sum(polynomial.eval(end) == 0 for end in (0, 1))
        if polynomial.count_roots(0, 1) == ends:
            return 1 if polynomial.eval(sp.Rational(1, 2)) > 0 else -1
    return 0


def _unify(expr: sp.Expr, known: _Generators) -> tuple[sp.Expr, list[tuple[sp.Dummy, int, sp.Expr]]]:
    """One generator per family: base^(1/2) and base^(1/3) become powers of base^(1/6), and likewise for angles.

    Returns the rewritten expression and the relations G^q = base^p of the radicals, latest first."""
    substitution, relations = {}, []
    for (base, monomial), family in list(known.families.items()):
        unit = reduce(lambda a, b: sp.Rational(sp.igcd(a.p * b.q, b.p * a.q), a.q * b.q), family)
        root = family.get(unit) or _root(base, monomial, unit, known)
        for size, dummy in family.items():
            if size != unit:
                substitution[dummy] = _in_terms_of(root, int(size / unit), base)
        if monomial == 1 and base not in ("tan", sp.E):
            relations.append((root, int(unit.q), base ** int(unit.p)))
    if substitution:
        expr = expr.xreplace(substitution)
        relations = [(g, q, sp.sympify(b).xreplace(substitution)) for g, q, b in relations]
    return expr, relations[::-1]


def _root(base: sp.Expr | str, monomial: sp.Expr, unit: sp.Rational, known: _Generators) -> sp.Dummy:
    """The generator for exponent `unit`, its meaning taken from a sibling's."""
    size, sibling = next(iter(known.families[base, monomial].items()))
    meaning, shown = known.meaning[sibling], known.shown[sibling]
    assert meaning is not None
    ratio = unit / size
    if base == "tan":
        forms = [sp.tan(form.args[0] * ratio) for form in (meaning, shown)]
    else:
        forms = [sp.Pow(form, ratio, evaluate=False) for form in (meaning, shown)]
    return known.named((base, monomial, unit), forms[0], forms[1], base != "tan")


def _in_terms_of(root: sp.Dummy, n: int, base: sp.Expr | str) -> sp.Expr:
    if base != "tan":
        return root**n
    sine, cosine = _multiple_angle(root, n)
    return canonical(sine / (1 + cosine))


def _reduce(numerator: sp.Expr, relations: list[tuple[sp.Dummy, int, sp.Expr]]) -> sp.Expr:
    """Remainder of the numerator modulo G^q = base, outermost radical first."""
    for root, q, base in relations:
        if not numerator.has(root):
            continue
        polynomial = sp.Poly(numerator, root)
        reduced = sp.Add(*[c * root ** (k % q) * base ** (k // q) for (k,), c in polynomial.terms()])
        numerator = sp.expand(sp.fraction(sp.together(reduced))[0])
    return numerator


def _vanishes(expr: sp.Expr) -> bool:
    return (
        expr == 0 or sp.Poly(expr, *sorted(expr.free_symbols, key=str)).is_zero
        if expr.free_symbols
        else expr == 0
    )


@lru_cache(maxsize=2048)
def decide_zero(expr: sp.Expr) -> Decision:
    """Decide whether `expr` vanishes identically, for t in (0,1) and other symbols within their assumptions.

    Returns a `Decision`: zero is True with normal form 0; False with a witness; None when undecided, and then
    the normal form shows what remains.

    Raises:
        InputError: the expression contains something that is not a number (∞, NaN, a matrix).
    """
    expr = sp.sympify(expr)
    if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
        raise InputError(f"cannot decide {str(expr)[:80]}: expected a finite real expression")
    rewriter = _Rewriter()
    rational, relations = _unify(rewriter.rewrite(expr), rewriter.known)
    numerator, denominator = sp.fraction(sp.together(rational))
    remainder = _reduce(sp.expand(numerator), relations)
    if _vanishes(remainder):
        return Decision(True, sp.S.Zero)
    normal_form = rewriter.known.show(sp.factor_terms(remainder) / denominator)
    witness = _witness(rational, rewriter.known)
    return Decision(None if witness is None else False, normal_form, witness)


# -- witnesses ------------------------------------------------------------------------------------------------


def _witness(expr: sp.Expr, known: _Generators, tries: int = 24) -> str | None:
    """A point, and a ball around the value there that excludes 0; None if no try gives one."""
    source = random.Random(0)
    for _ in range(tries):
        with ctx.workprec(256):
            values = _sample(known, source)
            if values is None:
                continue
            ball = compile_tape((expr,), tuple(values)).run(list(values.values()))[0]
            if ball.is_finite() and not ball.contains(0):
                return f"value {ball.str(8, radius=False)}{_where(known, values)}"
    return None


def _where(known: _Generators, values: dict[sp.Dummy, Any]) -> str:
    free = [d for d in values if known.meaning[d] is None][:4]
    point = ", ".join(f"{known.shown[d]} = {values[d].str(4, radius=False)}" for d in free)
    return f" at {point}" if point else ""


def _sample(known: _Generators, source: random.Random) -> dict[sp.Dummy, Any] | None:
    """A random admissible value for each free generator, and the ball that follows for each other one."""
    values: dict[sp.Dummy, Any] = {}
    for dummy, meaning in known.meaning.items():
        if meaning is None:
            values[dummy] = to_ball(_admissible(known.shown[dummy], source))
        else:
            values[dummy] = compile_tape((meaning,), tuple(values)).run(list(values.values()))[0]
        if not values[dummy].is_finite():
            return None
    return values


def _admissible(what: sp.Expr, source: random.Random) -> sp.Rational:
    if what == t:
        return sp.Rational(source.randint(1, 999), 1000)
    if what.is_integer:
        return sp.Integer(source.randint(1, 6))
    size = sp.Rational(source.randint(100, 2000), 1000)
    signed = not (what.is_positive or what.is_nonnegative)
    return -size if signed and source.random() < 0.5 else size
