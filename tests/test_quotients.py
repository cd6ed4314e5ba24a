"""Quotients in FLINT's arithmetic are those that SymPy reaches, and what is too large for it is left alone."""

import random

import pytest
import sympy as sp

from symsched.exact import decide_zero
from symsched.exact.quotients import NowhereDefinedError, reduced_quotient, remainder
from symsched.symbols import kappa, t

f = sp.Function("f")(t)
PARTS = (t, kappa, sp.Symbol("a"), sp.Dummy("g2", positive=True), sp.Dummy("g10", real=True))
LETTERS = (*PARTS, sp.sin(sp.pi * t / 2), sp.log(2), f, f.diff(t), sp.pi)


def an_expression(source: random.Random, depth: int, letters: tuple[sp.Expr, ...] = PARTS) -> sp.Expr:
    if depth == 0 or source.random() < 0.15:
        number = sp.Rational(source.randint(-5, 5), source.randint(1, 6))
        return source.choice(letters) if source.random() < 0.75 else number
    parts = [an_expression(source, depth - 1, letters) for _ in range(source.randint(2, 3))]
    return source.choice((sp.Add(*parts), sp.Mul(*parts), parts[0] ** source.choice((-2, -1, 2, 3))))


def random_expressions(count: int) -> list[sp.Expr]:
    source = random.Random(5)
    made = (an_expression(source, source.randint(1, 4), LETTERS) for _ in range(count))
    return [expr for expr in made if not expr.has(sp.zoo, sp.nan) and expr.free_symbols]


def test_reduced_quotients_are_sympys_term_by_term():
    seen = 0
    for expr in random_expressions(150):
        found = reduced_quotient(expr)
        if found is not None:
            assert found == sp.cancel(sp.together(expr)), expr
            assert found + 1 != sp.cancel(sp.together(expr))
            seen += 1
    assert seen > 100


def test_remainders_are_those_modulo_the_relations():
    root, inner = sp.Dummy("r", positive=True), sp.Dummy("s", positive=True)
    relations = [(root, 2, inner / t + 1), (inner, 3, kappa / (1 - t))]  # r² = s/t + 1 with s³ = κ/(1 − t)
    source = random.Random(3)
    for _ in range(30):
        expr = an_expression(source, 2) * (root + inner) ** source.randint(1, 5) + an_expression(source, 2) / (1 + t)
        if expr.has(sp.zoo, sp.nan):
            continue
        numerator, denominator = remainder(expr, relations)
        assert sp.degree(numerator, root) < 2
        assert sp.degree(numerator, inner) < 3
        at = {letter: sp.Rational(k + 2, 7) for k, letter in enumerate(PARTS)}
        s = sp.cbrt(kappa / (1 - t)).xreplace(at)
        at |= {inner: s, root: sp.sqrt(s / t + 1).xreplace(at)}
        difference = (numerator / denominator - expr).xreplace(at).evalf(40, maxn=200)
        assert abs(difference) < 1e-25, expr


def test_a_denominator_that_vanishes_is_seen():
    nothing = (t + 1) ** 2 - t**2 - 2 * t - 1
    assert reduced_quotient(kappa + 1 / nothing) is sp.zoo
    with pytest.raises(NowhereDefinedError):
        remainder(kappa / nothing, [])


@pytest.mark.parametrize(
    "expr", [t**100_000 - 1, (t + kappa + 1) ** 900, t + sp.sqrt(t), t * sp.exp(t), t / sp.log(t * kappa)]
)
def test_what_is_no_quotient_or_too_large_is_left_to_sympy(expr):
    assert reduced_quotient(expr) is None


@pytest.mark.slow
def test_what_would_take_minutes_to_factor_is_shown_multiplied_out():
    """It takes seconds; with factors, five minutes, of which most could not be stopped."""
    x, y, z = sp.symbols("x y z", real=True)
    one, other = 1 + 5 * x * y * z + z**999 * x, 3 * y**999
    sides = x**1000 * y**17 * z**900 + other * z + one, x**1001 * y**17 + other * z**7 + one
    assert decide_zero(1 / sides[0] - 1 / sides[1]).zero is False
    assert decide_zero(1 / sides[0] - sides[1] / (sides[0] * sides[1])).zero is True
    letters = sp.symbols("q0:13", real=True)
    many = sum(1 / (letters[i] ** 2 + letters[i + 1]) for i in range(10)) - x
    assert decide_zero(many, bounded=True).zero is not True
    assert decide_zero(1 / (t**2 - 1) - kappa).normal_form == -(kappa * t**2 - kappa - 1) / ((t - 1) * (t + 1))
