"""Factors of a base and terms of an exponent: what a power falls apart into.

√x √y is not √(xy) where both are negative: a base is split only as far as each factor is positive, and what has to be
supposed for that is noted.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symsched.errors import InputError, UndecidedError
from symsched.exact.generators import Generators, canonical
from symsched.symbols import t


class NegativeError(InputError):
    """A power that is not whole, or a logarithm, of a negative number."""


def split_exponent(expr: sp.Expr) -> list[tuple[sp.Expr, sp.Rational]]:
    """expr = Σ coefficient × monomial, with canonical monomials and rational coefficients; the monomial 1 is the
    rational part: 2κ/(1+κ) is 2·1 − 2·(1/(1+κ)), so β^(2κ/(1+κ)) and β^(−2/(1+κ)) share their generators."""
    numerator, denominator = sp.fraction(canonical(expr))
    quotient, remainder = sp.div(numerator, denominator) if denominator.free_symbols else (numerator / denominator, 0)
    terms = [*sp.Add.make_args(sp.expand(quotient))]
    terms += [term / denominator for term in sp.Add.make_args(sp.expand(remainder))]
    split: dict[sp.Expr, sp.Rational] = {}
    for term in terms:
        coefficient, monomial = term.as_coeff_Mul(rational=True)
        split[monomial] = split.get(monomial, sp.S.Zero) + coefficient
    return [(m, c) for m, c in split.items() if c != 0]


def positive_factors(base: sp.Expr, known: Generators, needed: bool = True) -> Iterator[tuple[sp.Expr, sp.Rational]]:
    """Factors of a base, each of them positive if the base is; those not proved so stay together as one factor.

    `needed` tells that the power is not real if the base is negative.
    """
    content, factors = factors_of(base)
    unknown, sign, squares = [], 1 if content > 0 else -1, False
    for factor, power in factors:
        side = orientation(factor, known)
        if side:
            sign *= side ** abs(int(power))
            yield side * factor, sp.Integer(power)
        elif power % 2:
            unknown.append((factor, power))
        else:
            squares |= not factor.is_nonzero
            yield sp.expand(factor**2), sp.Integer(power) / 2
    if len(unknown) == 1:  # its sign is that which makes the base positive
        positive = sign * unknown[0][0]
        known.suppose(canonical(positive), ">", needed)
        yield canonical(positive), sp.Integer(unknown[0][1])
    elif unknown:
        positive = sign * sp.Mul(*(factor for factor, _ in unknown))
        known.suppose(canonical(positive), ">", needed)
        yield canonical(positive), sp.S.One
        yield from ((sp.expand(f**2), sp.Rational(n - 1, 2)) for f, n in unknown if n != 1)
    elif sign < 0:
        shown = known.show(base)
        if needed and (squares or known.positive):  # these may be 0 for all that is known, and the base with them
            raise UndecidedError(f"{shown} may be 0 wherever all its parts are real")
        where = " on (0, 1)" if shown.has(t) else ""
        raise NegativeError(f"{shown} is negative{where}: its roots and its logarithm are not real")
    yield from ((sp.Integer(p), sp.Integer(n)) for p, n in sp.factorrat(abs(content)).items())


def factors_of(base: sp.Expr) -> tuple[sp.Rational, list[tuple[sp.Expr, int]]]:
    content, factors = sp.S.One, []
    for part, sign in zip(sp.fraction(sp.together(base)), (1, -1), strict=True):
        constant, found = sp.factor_list(part)
        content *= constant**sign
        factors += [(f, sign * n) for f, n in found]
    return content, factors


def orientation(factor: sp.Expr, known: Generators) -> int:
    """1 or −1 when the factor is positive or negative wherever its generators may be; 0 when that is unknown."""
    if factor.is_positive or factor.is_negative:
        return 1 if factor.is_positive else -1
    if factor in known.positive or -factor in known.positive:
        return 1 if factor in known.positive else -1
    free = factor.free_symbols
    if len(free) == 1 and known.shown.get(next(iter(free))) == t:
        polynomial = sp.Poly(factor, next(iter(free)))
        ends = sum(polynomial.eval(end) == 0 for end in (0, 1))
        if polynomial.count_roots(0, 1) == ends:
            return 1 if polynomial.eval(sp.Rational(1, 2)) > 0 else -1
    return 0
