"""Generators: the indeterminates over which every formula is a rational function.

Generators are algebraically independent as far as the theory knows, but for the relations G^q = base of radicals:

- *free*: symbols, and jets, that is undefined functions and their derivatives (α, α̇, η(τ, x/c), …);
- *powers*: exponents are split into a rational part and monomials, so that β^(κ/(1+κ) − 2) is β^(−1) times a power
  of the generator β^(1/(1+κ)), and powers that differ by an integer share a generator;
- *exp, log*: of sums and products, split the same way;
- *trigonometric*: rational functions of the tangent of the half angle, over a common angle.

- *whole powers*: x^n with a whole n not known, where x may be negative: nothing but x^(m+n) = x^m x^n is used.

A power that is not whole, and a logarithm, are real for positive bases alone.  Where a base is not known to be
positive, that is noted among the hypotheses; it is split into factors f^n only as far as each is positive: f^(2n) is
(f²)^n, and √(f²) is a generator of its own, |f|.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import sympy as sp

from symsched.exact.facts import known
from symsched.exact.quotients import NowhereDefinedError, Relation, reduced_quotient, remainder

MAX_MULTIPLE = 64  # e^(50t) is read as a power of e^t, e^(1000t) is not
MAX_DEGREE = 1024  # of t as a power of its roots: t^(1/7) t^(1/9) has 63, t^(1/10^9) has 10^9
MAX_ANGLE = 64  # likewise sin(9t) as a polynomial in tan(t/2)

Angle = tuple[sp.Expr, sp.Expr]  # (sin, cos)
Base = Any  # of a family: an expression, "tan", or (f,) where f^n is a whole power of an f that may be negative


def defined(expr: sp.Expr) -> sp.Expr:
    """The same, unless a division by 0 has left its mark."""
    if expr.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
        raise NowhereDefinedError
    return expr


def canonical(expr: sp.Expr) -> sp.Expr:
    """The reduced quotient of polynomials that a rational function is.

    To SymPy t is the n-th power of t^(1/n): roots whose common n is large are letters meanwhile, one for the powers
    that differ by an integer."""
    if expr.is_Symbol or expr.is_Rational:
        return expr
    if (quotient := reduced_quotient(expr)) is not None:
        return quotient
    put, back = _roots_as_letters(expr)
    found = sp.cancel(sp.together(expr.xreplace(put) if put else expr))
    return found.xreplace(back) if back else found


def shortest(*forms: sp.Expr | None) -> sp.Expr:
    """The form with the fewest operations, the first of equals; None, what no budget was enough for, is no form."""
    return min((form for form in forms if form is not None), key=sp.count_ops)


def has_root_of_large_degree(expr: sp.Expr) -> bool:
    """Whether SymPy, which reads t as the n-th power of t^(1/n), would meet powers beyond any use."""
    return bool(_roots_as_letters(expr)[0])


def _roots_as_letters(expr: sp.Expr) -> tuple[dict[sp.Expr, sp.Expr], dict[sp.Expr, sp.Expr]]:
    """Powers whose roots have too large a common degree, written with letters for base^(fraction); and back."""
    roots: dict[sp.Expr, list[sp.Pow]] = {}
    for power in sorted(expr.atoms(sp.Pow), key=sp.default_sort_key):
        if power.exp.is_Rational and not power.exp.is_Integer and power.base.free_symbols:
            roots.setdefault(power.base, []).append(power)
    put: dict[sp.Expr, sp.Expr] = {}
    back: dict[sp.Expr, sp.Expr] = {}
    for base, powers in roots.items():
        common = sp.ilcm(1, *(power.exp.q for power in powers))
        if common * max(1, *(abs(power.exp) for power in powers)) <= MAX_DEGREE:
            continue
        letters: dict[sp.Rational, sp.Dummy] = {}
        for power in powers:
            whole = sp.floor(power.exp)
            whole, part = (whole, power.exp - whole) if abs(whole) <= MAX_MULTIPLE else (0, power.exp)
            letter = letters.setdefault(part, sp.Dummy(positive=True))
            put[power], back[letter] = letter * base**whole, base**part
    return put, back


@dataclass
class Generators:
    """The generators met so far: a dummy for each, with its meaning in terms of earlier ones (None if free)."""

    meaning: dict[sp.Dummy, sp.Expr | None] = field(default_factory=dict)
    shown: dict[sp.Dummy, sp.Expr] = field(default_factory=dict)
    logs: dict[sp.Dummy, sp.Expr] = field(default_factory=dict)
    powers: dict[sp.Dummy, tuple[sp.Expr, sp.Expr]] = field(default_factory=dict)  # G -> (base, exponent)
    jets: dict[sp.Dummy, tuple[Any, tuple[int, ...], tuple[sp.Expr, ...]]] = field(default_factory=dict)
    angles: dict[sp.Expr, sp.Rational] = field(default_factory=dict)  # monomial -> common measure of its multiples
    sealed: set[sp.Dummy] = field(default_factory=set)  # an integral, say: a number that no sample can respect
    hypotheses: dict[str, None] = field(default_factory=dict)  # what was supposed of bases, in order
    positive: set[sp.Expr] = field(default_factory=set)  # bases that are positive wherever the expression is defined
    restricted: bool = False  # a hypothesis may fail where the expression is defined
    _by_key: dict[Any, sp.Dummy] = field(default_factory=dict)
    # (base, monomial) -> {c: generator of base^(c monomial)}; base "tan" means tan(c monomial / 2).
    _families: dict[tuple[Base, sp.Expr], dict[sp.Rational, sp.Dummy]] = field(default_factory=dict)

    def named(self, key: Any, meaning: sp.Expr | None, shown: sp.Expr, positive: bool | None) -> sp.Dummy:
        """The generator filed under `key`, made on first use; `positive` is False for a negative number."""
        if key not in self._by_key:
            sign = {} if positive is None else {"positive" if positive else "negative": True}
            dummy = sp.Dummy(f"g{len(self.meaning)}", real=True, **sign)
            self._by_key[key], self.meaning[dummy], self.shown[dummy] = dummy, meaning, shown
        return self._by_key[key]

    def is_sealed(self, expr: sp.Expr) -> bool:
        """Whether the value of an expression in generators hangs on one that no sample can respect."""
        return any(
            dummy in self.sealed
            or (self.meaning[dummy] is not None and self.is_sealed(self.meaning[dummy]))
            or any(map(self.is_sealed, self.jets[dummy][2] if dummy in self.jets else ()))
            for dummy in expr.free_symbols
        )

    def suppose(self, what: sp.Expr, relation: str, needed: bool) -> None:
        """Note a hypothesis, such as x > 0; `needed` if the expression is not real without it."""
        self.hypotheses[f"{self.show(what)} {relation} 0"] = None
        self.restricted |= not needed
        if needed:
            self.positive.add(what)

    def member(self, base: Base, monomial: sp.Expr, size: sp.Rational) -> sp.Dummy:
        """The generator base^(size × monomial), or tan(size × monomial / 2)."""
        family = self._families.setdefault((base, monomial), {})
        if size not in family:
            family[size] = self._make_member(base, monomial, size)
        return family[size]

    def _make_member(self, base: Base, monomial: sp.Expr, size: sp.Rational) -> sp.Dummy:
        exponent = size * monomial
        if isinstance(base, str):
            return self.named((base, exponent), sp.tan(exponent / 2), sp.tan(self.show(exponent) / 2), None)
        if isinstance(base, sp.Tuple):
            shown = self.show(base[0]) ** self.show(exponent)
            meaning = sp.Pow(base[0], exponent, evaluate=False)
            return self.named((base, exponent), meaning, shown, known(shown, "positive") or None)
        meaning = sp.exp(exponent) if base == sp.E else sp.Pow(base, exponent, evaluate=False)
        dummy = self.named((base, exponent), meaning, self.show(base) ** self.show(exponent), True)
        self.powers[dummy] = (base, exponent)
        return dummy

    def measure_angles(self) -> bool:
        """Find the common measure of the angles met so far; whether there is a new one."""
        before = dict(self.angles)
        for (base, monomial), family in self._families.items():
            if base == "tan" and len(family) > 1:
                groups = list(_commensurate(family, MAX_ANGLE))
                if len(groups) == 1:
                    self.angles[monomial] = groups[0][0]
        return self.angles != before

    def forget_angles(self) -> None:
        """Drop the tangents that the common measures replace."""
        self._families = {key: family for key, family in self._families.items() if key[0] != "tan"}

    def show(self, expr: sp.Expr) -> sp.Expr:
        """Put the meanings back."""
        return expr.xreplace(self.shown)

    def unify(self, expr: sp.Expr) -> tuple[sp.Expr, list[Relation]]:
        """One generator per family: base^(1/2) and base^(1/3) become powers of base^(1/6); likewise for angles.

        Returns the rewritten expression and the relations of the radicals, latest first."""
        substitution: dict[sp.Dummy, sp.Expr] = {}
        relations: list[Relation] = []
        for (base, monomial), family in list(self._families.items()):
            radical = monomial == 1 and isinstance(base, sp.Expr) and base != sp.E
            for unit, sizes in _commensurate(family, MAX_ANGLE if base == "tan" else MAX_MULTIPLE):
                root = self.member(base, monomial, unit)
                for size in sizes:
                    if size != unit:
                        substitution[family[size]] = _in_terms_of(root, int(size / unit), base)
                if base == sp.Tuple(-1):  # (−1)^n with a whole n
                    relations.append((root, 2, sp.S.One))
                if radical:
                    relations.append((root, int(unit.q), sp.sympify(base, strict=True) ** int(unit.p)))
        if substitution:
            expr = expr.xreplace(substitution)
            relations = [(g, q, sp.sympify(b, strict=True).xreplace(substitution)) for g, q, b in relations]
            expr, relations = _merged(expr, relations)
        return expr, relations[::-1]


def _merged(expr: sp.Expr, relations: list[Relation]) -> tuple[sp.Expr, list[Relation]]:
    """Radicals whose bases have become equal are one: √(a² − b) may have been written with √c for c = a² before."""
    first: dict[tuple[int, sp.Expr], sp.Dummy] = {}
    same: dict[sp.Dummy, sp.Expr] = {}
    kept: list[Relation] = []
    for root, q, base in relations:
        reduced = canonical(base.xreplace(same))
        known = first.setdefault((q, reduced), root)
        if known is root:
            kept.append((root, q, reduced))
        else:
            same[root] = known
    return expr.xreplace(same), kept


def _common_measure(a: sp.Rational, b: sp.Rational) -> sp.Rational:
    """The largest rational of which a and b are multiples."""
    return sp.Rational(sp.igcd(a.p * b.q, b.p * a.q), a.q * b.q)


def _commensurate(sizes: Iterable[sp.Rational], most: int) -> Iterator[tuple[sp.Rational, list[sp.Rational]]]:
    """Groups with their common measure; sizes that would need too high powers of it stay apart, unrelated."""
    together = list(sizes)
    unit = reduce(_common_measure, together)
    if max(together) <= most * unit:
        yield unit, together
    else:
        yield from ((size, [size]) for size in together)


def _in_terms_of(root: sp.Dummy, n: int, base: Base) -> sp.Expr:
    if base != "tan":
        return root**n
    sine, cosine = turned(sp.S.One, root, n)
    return sine / cosine


def multiple(unit: Angle, n: int) -> Angle:
    """(sin, cos) of n times an angle."""
    sine, cosine = (canonical(part) for part in turned(unit[1], unit[0], abs(n)))
    return (sine if n >= 0 else -sine), cosine


def turned(c: sp.Expr, s: sp.Expr, n: int) -> Angle:
    """Imaginary and real part of (c + i s)^n."""
    terms = [sp.binomial(n, k) * c ** (n - k) * s**k for k in range(n + 1)]
    return (
        sp.Add(*[terms[k] * (-1) ** (k // 2) for k in range(1, n + 1, 2)]),
        sp.Add(*[terms[k] * (-1) ** (k // 2) for k in range(0, n + 1, 2)]),
    )


def reduce_radicals(expr: sp.Expr, relations: list[Relation]) -> tuple[sp.Expr, sp.Expr]:
    """(numerator, denominator) of `expr`, the numerator reduced modulo G^q = base, outermost radical first."""
    if (found := remainder(expr, relations)) is not None:
        return found
    numerator, denominator = _fraction(expr)
    for root, q, base in relations:
        if numerator.has(root):
            above, below = _fraction(base)
            terms = [(c * root ** (k % q), k // q) for (k,), c in sp.Poly(numerator, root).terms()]
            most = max(power for _, power in terms)
            numerator = sp.expand(sp.Add(*[c * above**power * below ** (most - power) for c, power in terms]))
            denominator *= below**most
    return numerator, denominator


def _fraction(expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """(numerator, denominator), the numerator multiplied out."""
    numerator, denominator = sp.fraction(expr)
    if not all(part.is_polynomial(*expr.free_symbols) for part in (numerator, denominator)):
        numerator, denominator = sp.fraction(sp.together(expr))
    return sp.expand(numerator), denominator
