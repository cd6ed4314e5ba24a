"""Signs of rational functions, from exact root counts."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import sympy as sp

from symsched.exact.generators import canonical
from symsched.exact.signs.sign import Sign

UNKNOWN = Sign("unknown", "Sturm")


def by_sturm(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    """Exact root counts of numerator and denominator of a rational function with rational coefficients.

    A rational function of t^(1/n) is one of u = t^(1/n), which also runs through (0, 1).
    """
    expr, n = _in_root(expr, symbol)
    if n > 1:
        found = by_sturm(expr, symbol)
        return replace(found, witness=found.witness and (found.witness[0] ** n, found.witness[1]))
    if not expr.is_rational_function(symbol) or highest_power(expr) > MAX_POWER:
        return UNKNOWN
    numerator, denominator = (sp.Poly(part, symbol) for part in sp.fraction(canonical(expr)))
    if not all(p.domain.is_ZZ or p.domain.is_QQ for p in (numerator, denominator)):
        return UNKNOWN
    if any(_roots_inside(factor) for factor, _ in denominator.sqf_list()[1]):
        return UNKNOWN  # a pole
    crossings, touching = _roots(numerator)
    if crossings:
        return _mixed(numerator, denominator, crossings + touching)
    # Without a crossing one value tells the sign everywhere.
    positive = (numerator.eval(_CENTRE) > 0) == (denominator.eval(_CENTRE) > 0)
    if touching:
        off_the_roots = min(touching) / 2
        positive = (numerator.eval(off_the_roots) > 0) == (denominator.eval(_CENTRE) > 0)
        return Sign("nonnegative" if positive else "nonpositive", "Sturm", (float(min(touching)), 0.0))
    return Sign("positive" if positive else "negative", "Sturm")


MAX_POWER = 120  # degree above which roots are not counted
_CENTRE = sp.Rational(1, 2)
_MAX_ROOT = 12  # t^(1/n) as a letter multiplies all powers by n


def highest_power(expr: sp.Expr) -> int:
    return max((abs(int(p.exp)) for p in expr.atoms(sp.Pow) if p.exp.is_Integer), default=1)


def _in_root(expr: sp.Expr, symbol: sp.Symbol) -> tuple[sp.Expr, int]:
    """`expr` in terms of u = symbol^(1/n), with u called `symbol` again; n = 1 where there are no such powers."""
    powers = [p for p in expr.atoms(sp.Pow) if p.base == symbol]
    n = math.lcm(*(int(p.exp.q) for p in powers if p.exp.is_Rational))
    if n == 1 or n > _MAX_ROOT or not all(p.exp.is_Rational for p in powers):
        return expr, 1
    u = sp.Dummy(positive=True)
    rooted = expr.xreplace({p: u ** (p.exp * n) for p in powers}).subs(symbol, u**n)
    return rooted.xreplace({u: symbol}), n


def _roots(polynomial: sp.Poly) -> tuple[list[sp.Rational], list[sp.Rational]]:
    """Roots inside (0, 1), closely enclosed: those of odd multiplicity and those of even multiplicity."""
    found: tuple[list[sp.Rational], list[sp.Rational]] = [], []
    for factor, power in polynomial.sqf_list()[1]:
        inside = _roots_inside(factor)
        bits = 40
        while inside:  # a root at 10^-400 is told from 0 by 2048 bits
            intervals = [ends for ends, _ in factor.intervals(inf=0, sup=1, eps=sp.Rational(1, 2**bits))]
            inner = [(low + high) / 2 for low, high in intervals if low > 0 and high < 1]
            if len(inner) == inside:
                found[1 - power % 2].extend(inner)
                break
            bits *= 2
    return found


def _mixed(numerator: sp.Poly, denominator: sp.Poly, roots: list[sp.Rational]) -> Sign:
    """A sign change, shown by the first point between crossings where the value is negative."""
    stops = [sp.S.Zero, *sorted(roots), sp.S.One]
    points = [(a + b) / 2 for a, b in pairwise(stops)]
    values = [numerator.eval(p) / denominator.eval(p) for p in points]
    negative = [(float(p), float(v)) for p, v in zip(points, values, strict=True) if v < 0]
    return Sign("mixed", "Sturm", negative[0]) if negative and max(values) > 0 else UNKNOWN


def _roots_inside(polynomial: sp.Poly) -> int:
    return int(polynomial.count_roots(0, 1)) - sum(bool(polynomial.eval(end) == 0) for end in (0, 1))
