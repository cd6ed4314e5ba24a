"""What is assumed of letters says of an expression: SymPy's word for it, where a few numbers do not contradict.

Of letters that are rational or whole SymPy (seen in 1.14) draws some conclusions that are wrong at the edge: atan(m) is
never 0 as it is never rational, though m may be 0; binomial(n, 3) is below 0.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

NUMBERS = (*map(sp.Integer, (0, 1, -1, 2, -2, 3, 5, -3, 4, 9)), sp.Rational(1, 2), sp.Rational(-1, 3))
POINTS = 6
NO_VALUE = (sp.nan, sp.zoo, sp.oo, -sp.oo)


def known(expr: sp.Expr, fact: str) -> bool | None:
    """Whether `expr` is "positive", say, as far as the assumptions tell."""
    found: bool | None = getattr(expr, f"is_{fact}")
    if found is None or not expr.args or not any(letter.is_rational for letter in expr.free_symbols):
        return found
    return found if _holds(expr, fact, found) else None


@lru_cache(maxsize=4096)
def _holds(expr: sp.Expr, fact: str, found: bool) -> bool:
    """Whether it is so where the rational letters are numbers, among them 0 where that is one of theirs."""
    letters = sorted((letter for letter in expr.free_symbols if letter.is_rational), key=sp.default_sort_key)
    choices = [[number for number in NUMBERS if may_be(letter, number)] for letter in letters]
    if not all(choices):
        return True
    for k in range(POINTS):
        for step in (0, 1):  # all of them alike, and not
            numbers = (own[(k + step * i) % len(own)] for i, own in enumerate(choices))
            value = expr.subs(dict(zip(letters, numbers, strict=True)), simultaneous=True)
            if not value.has(*NO_VALUE) and getattr(value, f"is_{fact}") is not found:
                return False
    return True


def may_be(letter: sp.Symbol, number: sp.Rational) -> bool:
    """Whether the number meets all that is assumed of the letter."""
    return all(getattr(number, f"is_{fact}") in (value, None) for fact, value in letter.assumptions0.items())
