"""Rational functions of letters, as quotients of polynomials with whole coefficients, in FLINT's arithmetic.

Letters are symbols, functions such as sin(t) and f′(t), and π; nothing that holds between them is used.

SymPy would reach the same quotients by `cancel(together(expr))`; these are the innermost steps of every decision, and
take a fifth of the time here.  What is too large for it is left to SymPy, whose steps a budget can count.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, reduce
from math import comb

import sympy as sp
from flint import fmpz, fmpz_mpoly, fmpz_mpoly_ctx

from symsched.errors import UndecidedError

MOST_TERMS = 2000  # of a polynomial on the way
MOST_DEGREE = 1024
FACTORED_TERMS, FACTORED_DEGREE = 60, 24  # of a polynomial that is taken to factors, to be read

Quotient = tuple[fmpz_mpoly, fmpz_mpoly]  # numerator and denominator
Relation = tuple[sp.Dummy, int, sp.Expr]  # (G, q, base): G^q = base


class NowhereDefinedError(UndecidedError):
    """A denominator, or the base of a negative power, or what stands under a logarithm, vanishes identically."""

    def __init__(self) -> None:
        super().__init__("it divides by something that vanishes identically, or takes its logarithm")


class TooLargeError(Exception):
    """A polynomial has more terms or a larger degree than the arithmetic, which cannot be stopped, is asked for."""


def reduced_quotient(expr: sp.Expr) -> sp.Expr | None:
    """The reduced quotient that a rational function of letters is; zoo where a denominator vanishes identically.

    None for other expressions, and what is too large."""
    field = _field_of(expr)
    if field is None:
        return None
    try:
        numerator, denominator = field.read(expr)
    except TooLargeError:
        return None
    except ZeroDivisionError:
        return sp.zoo
    above, below = _reduced(numerator, denominator)
    return field.shown(above) / field.shown(below)


def remainder(expr: sp.Expr, relations: list[Relation]) -> tuple[sp.Expr, sp.Expr] | None:
    """(numerator, denominator) of `expr`, the numerator reduced modulo each G^q = base in turn; None as above.

    Raises NowhereDefinedError where a denominator vanishes identically."""
    field = _field_of(expr, *(part for root, _, base in relations for part in (root, base)))
    if field is None:
        return None
    try:
        numerator, denominator = field.read(expr)
        for root, q, base in relations:
            numerator, factor = field.modulo(numerator, root, q, field.read(base))
            denominator = _times(denominator, factor)
    except TooLargeError:
        return None
    except ZeroDivisionError:
        raise NowhereDefinedError from None
    above, below = _reduced(numerator, denominator)
    return field.shown(above), field.factored(below)


def _field_of(*exprs: sp.Expr) -> Field | None:
    letters = frozenset(leaf for expr in exprs for leaf in _leaves(expr))
    return _field(letters) if letters and all(map(_is_letter, letters)) else None


def _leaves(expr: sp.Expr) -> Iterator[sp.Expr]:
    """What +, ·, / and whole powers are taken of, but for rational numbers."""
    if expr.is_Add or expr.is_Mul:
        for part in expr.args:
            yield from _leaves(part)
    elif expr.is_Pow and expr.exp.is_Integer:
        yield from _leaves(expr.base)
    elif not expr.is_Rational:
        yield expr


def _is_letter(leaf: sp.Expr) -> bool:
    """Exponentials and roots are none: to SymPy e^(2t) is the square of e^t, and t that of √t."""
    kinds = leaf.is_Symbol or leaf.is_Function or leaf.is_Derivative or leaf.is_NumberSymbol
    return bool(leaf.is_commutative) and kinds and not isinstance(leaf, (sp.exp, sp.Piecewise))


@lru_cache(maxsize=1024)
def _field(letters: frozenset[sp.Expr]) -> Field | None:
    in_order = sp.Poly(sp.Add(*letters)).gens
    if letters != set(in_order):  # to SymPy log(tκ) is log t + log κ
        return None
    alike: dict[str, list[sp.Expr]] = {}  # what SymPy has in no order, by name: then it is that in which they were made
    for letter in sorted(letters, key=lambda letter: getattr(letter, "dummy_index", 0)):
        alike.setdefault(str(letter), []).append(letter)
    return Field(tuple(alike[str(letter)].pop(0) for letter in in_order))


class Field:
    """The rational functions of some letters."""

    def __init__(self, letters: tuple[sp.Expr, ...]) -> None:
        self.letters = letters
        self.context = fmpz_mpoly_ctx.get([f"x{k}" for k in range(len(letters))], "lex")
        self._generators = dict(zip(letters, self.context.gens(), strict=True))
        self._one = self.context.constant(1)

    def read(self, expr: sp.Expr) -> Quotient:
        """Raises ZeroDivisionError where a denominator vanishes, TooLargeError."""
        if expr in self._generators:
            return self._generators[expr], self._one
        if expr.is_Rational:
            return self.context.constant(int(expr.p)), self.context.constant(int(expr.q))
        if expr.is_Add:
            return self._sum([self.read(part) for part in expr.args])
        if expr.is_Mul:
            parts = [self.read(part) for part in expr.args]
            return reduce(_times, (n for n, _ in parts)), reduce(_times, (d for _, d in parts))
        above, below = self.read(expr.base)
        if expr.exp.is_negative:
            if above.is_zero():
                raise ZeroDivisionError
            above, below = below, above
        power = abs(int(expr.exp))
        return _power(above, power), _power(below, power)

    def _sum(self, parts: list[Quotient]) -> Quotient:
        common = self._one
        for _, denominator in parts:
            if denominator != common:
                common = _times(common, denominator / common.gcd(denominator))
        return sum((_times(n, common / d) for n, d in parts), self.context.constant(0)), common

    def modulo(self, polynomial: fmpz_mpoly, root: sp.Expr, q: int, base: Quotient) -> Quotient:
        """With base for root^q: a polynomial, and the power of the base's denominator that it is to be divided by."""
        place = self.letters.index(root)
        most = polynomial.degrees()[place] // q
        if most < 1:  # the degree of 0 is −1
            return polynomial, self._one
        by_power: list[dict[tuple[int, ...], fmpz]] = [{} for _ in range(most + 1)]
        for powers, number in polynomial.terms():
            whole, rest = divmod(int(powers[place]), q)
            by_power[whole][(*powers[:place], rest, *powers[place + 1 :])] = number
        above, below = ([_power(part, k) for k in range(most + 1)] for part in base)
        parts = (self.context.from_dict(terms) for terms in by_power)
        total = (_times(_times(part, above[k]), below[most - k]) for k, part in enumerate(parts))
        return sum(total, self.context.constant(0)), below[most]

    def factored(self, polynomial: fmpz_mpoly) -> sp.Expr:
        """As an expression, in factors where they are found at once: nothing stops FLINT."""
        if len(polynomial) > FACTORED_TERMS or max((0, *polynomial.degrees())) > FACTORED_DEGREE:
            return self.shown(polynomial)
        number, factors = polynomial.factor()
        return sp.Mul(sp.Integer(int(number)), *(self.shown(factor) ** int(power) for factor, power in factors))

    def shown(self, polynomial: fmpz_mpoly) -> sp.Expr:
        """As an expression, multiplied out."""
        return sp.Add(
            *(
                sp.Mul(sp.Integer(int(number)), *(s**n for s, n in zip(self.letters, powers, strict=True) if n))
                for powers, number in polynomial.terms()
            )
        )


def _reduced(numerator: fmpz_mpoly, denominator: fmpz_mpoly) -> Quotient:
    """Without common factors, and the first coefficient below positive."""
    common = numerator.gcd(denominator)
    if denominator.leading_coefficient() < 0:
        common = -common
    return numerator / common, denominator / common


def _times(one: fmpz_mpoly, other: fmpz_mpoly) -> fmpz_mpoly:
    if len(one) * len(other) > MOST_TERMS:
        raise TooLargeError
    return one * other


def _power(base: fmpz_mpoly, power: int) -> fmpz_mpoly:
    terms = len(base)
    if power * max((1, *base.degrees())) > MOST_DEGREE or (terms > 1 and comb(power + terms - 1, power) > MOST_TERMS):
        raise TooLargeError
    return base**power
