"""Terms c u^p of a series: which exponent is larger, which coefficient is 0, where the leading one tends to.

Exponents and coefficients may have parameters in them.  Whatever these leave open is given up, never guessed: another
value of a parameter would have another term lead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cmp_to_key, lru_cache, reduce

import sympy as sp

from symsched.errors import InputError
from symsched.exact.balls import enclose, finite_ball
from symsched.exact.budget import remembered
from symsched.exact.facts import known
from symsched.exact.generators import canonical
from symsched.exact.zero import decide_zero

L = sp.Dummy("L", negative=True)  # log u
MAX_TERMS = 40  # kept of one series; the rest counts as error
MAX_COEFFICIENT = 2_000  # operations


class BeyondSeriesError(Exception):
    """The expression has no expansion of this kind (or none was found to the orders tried)."""


@dataclass(frozen=True)
class Series:
    """Σ terms[p] u^p + O(u^order); no kept coefficient is identically 0, but a parameter may make it 0."""

    terms: tuple[tuple[sp.Expr, sp.Expr], ...]  # (exponent, coefficient), increasing
    order: sp.Expr

    @property
    def lead(self) -> sp.Expr:
        """The exponent of the first term, or of the error if there is none."""
        return self.terms[0][0] if self.terms else self.order


def value_of(exponent: sp.Expr, coefficient: sp.Expr) -> sp.Expr:
    if exponent == 0 and not coefficient.has(L):
        return coefficient
    leading = sp.LC(coefficient, L) * (-1) ** sp.degree(coefficient, L) if coefficient.has(L) else coefficient
    return sp.oo if positive(leading) else -sp.oo


def positive(number: sp.Expr) -> bool:
    """The sign of a number (or of a parameter) that does not vanish."""
    if number.free_symbols:
        if (above := known(number, "positive")) or known(number, "negative"):
            return bool(above)
        raise BeyondSeriesError
    ball = enclose(number, {}, bits=1024)
    if ball > 0 or ball < 0:
        return bool(ball > 0)
    raise BeyondSeriesError


@lru_cache(maxsize=4096)
def vanishes(number: sp.Expr) -> bool:
    """Whether a constant is exactly 0, or a parameter's formula identically; BeyondSeriesError where undecided."""
    if number.is_Rational:
        return bool(number == 0)
    try:
        if not number.free_symbols:
            ball = finite_ball(number, {}, 256, 2048)
            if ball is None:
                raise BeyondSeriesError
            if not ball.contains(0):
                return False
        found = decide_zero(number).zero
    except InputError:
        found = None
    if found is None:
        raise BeyondSeriesError
    return found


def check_nonzero(coefficient: sp.Expr) -> None:
    """Raises BeyondSeriesError where some admissible value of a parameter might make it 0: then another term leads."""
    if not coefficient.free_symbols - {L} or all(map(_has_one_sign, sp.fraction(sp.together(coefficient)))):
        return
    short = coefficient.count_ops() < 100  # SymPy looks for the roots of longer ones
    if not short or not any(known(form, "nonzero") for form in (coefficient, sp.factor(coefficient))):
        raise BeyondSeriesError


def _has_one_sign(part: sp.Expr) -> bool:
    """Whether all coefficients of a polynomial in letters ≥ 0 have one sign, and one of its terms is never 0."""
    letters = sorted(part.free_symbols, key=sp.default_sort_key)
    if not letters:
        return not vanishes(part)
    if L in letters or not all(letter.is_nonnegative for letter in letters) or not part.is_polynomial(*letters):
        return False
    terms = sp.Poly(part, *letters).terms()
    never = [
        all(n == 0 or letter.is_positive for n, letter in zip(powers, letters, strict=True)) for powers, _ in terms
    ]
    return any(never) and len({positive(number) for _, number in terms}) == 1


def series_of(terms: dict[sp.Expr, sp.Expr], order: sp.Expr) -> Series:
    written: dict[sp.Expr, sp.Expr] = {}
    for p, c in terms.items():
        exponent = p if p.is_number else sp.cancel(p)
        written[exponent] = written.get(exponent, sp.S.Zero) + c
    kept = [(p, c) for p, given in written.items() if (c := _kept(given, p, order)) != 0]
    by_order = cmp_to_key(lambda p, q: -order_of(p, q))
    kept.sort(key=lambda term: by_order(term[0]))
    increasing: list[tuple[sp.Expr, sp.Expr]] = []
    for p, c in kept:
        if increasing and order_of(increasing[-1][0], p) == 0:  # one exponent, written in two ways
            p, other = increasing.pop()
            c = _kept(c + other, p, order)
        if c != 0:
            increasing.append((p, c))
    if len(increasing) > MAX_TERMS:
        order, increasing = increasing[MAX_TERMS][0], increasing[:MAX_TERMS]
    return Series(tuple(increasing), order)


def _kept(coefficient: sp.Expr, exponent: sp.Expr, order: sp.Expr) -> sp.Expr:
    """The coefficient, expanded, or as a quotient where it is long; 0 where it vanishes or the term is in the error."""
    if not less(exponent, order):
        return sp.S.Zero
    if coefficient.count_ops() > MAX_COEFFICIENT:
        raise BeyondSeriesError
    coefficient = _written(coefficient)
    parts = sp.Poly(coefficient, L).coeffs() if coefficient.has(L) else (coefficient,)
    return sp.S.Zero if all(vanishes(part) for part in parts) else coefficient


@remembered(maxsize=4096)
def _written(coefficient: sp.Expr) -> sp.Expr:
    """Expanded, or as a quotient where it is long.  A longer series has the coefficients of a shorter one again."""
    short = coefficient.count_ops() < 40 or coefficient.has(L)
    return sp.expand(coefficient) if short else canonical(coefficient)


@lru_cache(maxsize=4096)
def order_of(a: sp.Expr, b: sp.Expr) -> int:
    """1, 0 or −1 as a < b, a = b or a > b, by proof; BeyondSeriesError where parameters or balls do not tell."""
    if sp.oo in (a, b):
        return int(b == sp.oo) - int(a == sp.oo)
    gap = b - a
    if gap.is_Rational:
        return int(sp.sign(gap))
    if not gap.free_symbols:
        return 0 if vanishes(gap) else 1 if positive(gap) else -1
    gap = sp.factor(sp.cancel(gap))
    for sign, fact in ((1, "positive"), (0, "zero"), (-1, "negative")):
        if known(gap, fact):
            return sign
    raise BeyondSeriesError  # the parameters decide


def less(a: sp.Expr, b: sp.Expr) -> bool:
    return order_of(a, b) > 0


def least(*exponents: sp.Expr) -> sp.Expr:
    return reduce(lambda a, b: a if less(a, b) else b, exponents)
