"""The numeric route: formulas read at random points that the assumptions allow, without any rewriting."""

import ast
import inspect
import random

import pytest
import sympy as sp
from slowness import slow

import symsched.agreement
import symsched.concrete
import symsched.pointwise
import symsched.residuals
import symsched.substitutions
from symsched.errors import InputError
from symsched.pointwise import read
from symsched.symbols import t

x, y = sp.symbols("x y", real=True)
p, q = sp.symbols("p q", positive=True)
m, n, o = sp.Symbol("m", negative=True), sp.Symbol("n", integer=True), sp.Symbol("o", zero=True)
f, fr, fp = sp.Function("f"), sp.Function("f", real=True), sp.Function("fp", positive=True)
slot = sp.Subs(sp.Derivative(f(p, y), p), (p, y), (x, 2 * x))
other_slot = sp.Subs(sp.Derivative(f(p, y), y), (p, y), (x, 2 * x))

ZERO = [
    sp.Subs(f(p, q), (p, q), (y, x)) - f(y, x),
    sp.Derivative(f(x, 2 * x), x) - slot - 2 * other_slot,
    sp.Subs(sp.Derivative(f(x), x), x, x**2) - sp.Derivative(f(x**2), x) / (2 * x),
    sp.Derivative(f(fp(t)), fp(t)) - sp.Subs(sp.Derivative(f(x), x), x, fp(t)),
    sp.Subs(sp.Derivative(f(fp(y)), fp(y)), fp(y), t) - sp.Derivative(f(t), t),
    sp.Derivative(sp.sin(x) ** 2, x, 2) - 2 * sp.cos(2 * x),
    sp.Derivative(x**3 * fr(y), x, y, x) - 6 * x * sp.Derivative(fr(y), y),  # SymPy leaves the three in this order
    sp.Derivative(x * fr(x) ** 3, (fr(x), 2)) - 6 * x * fr(x),
    sp.sqrt(p**n) - p ** (n / 2),
    sp.sqrt(m**2, evaluate=False) + m,
    sp.sqrt(fr(x) ** 2) - sp.Abs(fr(x)),
    o + 0,
    sp.GoldenRatio - (1 + sp.sqrt(5)) / 2,
    sp.Sum(n**2, (n, 1, 4)) - 30,
    sp.Product(n, (n, 1, 4)) - 24,
    sp.Sum(sp.Derivative(f(x), (x, n)), (n, 0, 2)) - f(x) - sp.Derivative(f(x), x) - sp.Derivative(f(x), x, 2),
    sp.Sum(n * x, (n, 1, y), (y, 1, 3)) - 10 * x,  # 1 + 3 + 6
    sp.Integral(x * y, (x, 0, y), (y, 0, 1)) - sp.Rational(1, 8),
    sp.Derivative(sp.Integral(f(y), (y, 0, x), (x, 0, 1)), p, evaluate=False),
    sp.Integral(sp.exp(x), (x, 0, 1)) - sp.E + 1,
    sp.Piecewise((x, x > 0), (-x, True)) - sp.Abs(x),
    sp.cosh(200) - sp.sinh(200) - sp.exp(-200),
    sp.gamma(p + 1) - p * sp.gamma(p),
    sp.log(p * q) - sp.log(p) - sp.log(q),
]
NOT_ZERO = [
    sp.Subs(f(p, q), (p, q), (y, x)) - f(x, x),  # one variable after the other
    sp.Derivative(f(x, 2 * x), x) - slot,  # a term of the chain rule left out
    sp.Derivative(x**3 * fr(y), x, y, x) - 3 * x**2 * sp.Derivative(fr(y), y),
    sp.Derivative(f(x, 2 * x), x) - other_slot,
    sp.sqrt(x**2) - x,
    sp.sqrt(x**n) - x ** (n / 2),
    sp.sqrt(m**2, evaluate=False) - m,
    sp.sqrt(fr(x) ** 2) - fr(x),
    sp.Symbol("x") - sp.Symbol("x", positive=True),
    sp.Dummy("x") - sp.Dummy("x"),
    f(x) - fr(x),
    sp.exp(-300) * x,
    sp.cosh(x) - sp.sinh(x) - sp.exp(-x) * (1 + sp.Rational(1, 10**30)),
    sp.Abs(x - 3) + x - 3,
    sp.Float("0.1") + sp.Float("0.2") - sp.Rational(3, 10),
    sp.atan2(x, y) - sp.atan(x / y),
]


LONG = 15, 17


@pytest.mark.parametrize("residual", [slow(r) if k in LONG else r for k, r in enumerate(ZERO)], ids=range(len(ZERO)))
def test_what_vanishes_is_seen_to(residual):
    assert read(residual).zero is True


@pytest.mark.parametrize("residual", NOT_ZERO, ids=range(len(NOT_ZERO)))
def test_what_does_not_vanish_is_refuted_at_a_point(residual):
    found = read(residual)
    assert found.zero is False
    assert found.detail.startswith("is ")


def test_a_divisor_that_vanishes_says_nothing():
    circle, hyperbola = sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1, sp.cosh(y) ** 2 - sp.sinh(y) ** 2 - 1
    for quotient in (circle / hyperbola, hyperbola / circle, x / circle, sp.Subs(1 / hyperbola, y, x)):
        assert read(quotient - 5).zero is None
        assert "divided by" in read(quotient).detail


@pytest.mark.parametrize(
    "residual",
    [
        sp.Mul(*sp.symbols("A B", commutative=False)),
        sp.Symbol("I", imaginary=True) ** 2 + 1,
        sp.Limit(sp.sin(x) / x, x, 0) - 1,
        sp.Sum(n, (n, 1, p)),
        sp.Sum(1 / n**2, (n, 1, sp.oo)),
        sp.Sum(n, (n, 3, 1)),
        sp.Derivative(sp.exp(x), (x, p)),
        sp.DiracDelta(x),
        sp.O(x),
        sp.Function("k", integer=True)(x),
        sp.Derivative(f(sp.Derivative(f(x), x)), sp.Derivative(f(x), x)),
        sp.Derivative(x * f(x) ** 3, f(x), x, f(x)),  # 6 f(x) + 6 x f'(x): f(x) moves with x in the middle step alone
    ],
    ids=str,
)
def test_what_is_not_read_is_refused_in_one_line(residual):
    with pytest.raises(InputError) as caught:
        read(residual)
    assert "\n" not in str(caught.value)


def test_a_limit_is_refused_as_what_it_is():
    """SymPy calls every `Limit` non-commutative, though its letters do commute."""
    with pytest.raises(InputError, match="Limit is not read in numbers"):
        read(sp.Limit(sp.sin(x) / x, x, 0) - 1)


def test_what_takes_too_many_values_is_left_open(monkeypatch):
    """Two integrals in each other take a million values at a point, three as many millions: minutes, and hours."""
    monkeypatch.setattr(symsched.pointwise, "MOST_READ", 30_000)
    found = read(sp.Integral(fr(x * y), (x, 0, y), (y, 0, 2)) - p)
    assert (found.zero, found.detail) == (None, "takes too many values to be read in numbers")
    assert read(sp.Integral(x * y, (x, 0, 1)) - y / 2).zero is True


def test_a_tower_of_powers_is_left_out_where_it_is_too_high_to_be_written():
    """At w = 8 and more than a few units of p, 2^(w^(8^p)) has more digits than any memory."""
    w = sp.Symbol("w", prime=True)
    tower = 2 ** (w ** (w ** (p + 3)))
    assert read(tower - tower * (1 + sp.exp(p))).zero is None
    assert read(sp.Rational(1, 3) ** (w**y) * (p + 1) - sp.Rational(1, 3) ** (w**y) * p - 3 ** (-(w**y))).zero is True


KINDS = (
    "positive",
    "negative",
    "nonnegative",
    "nonpositive",
    "real",
    "nonzero",
    "integer",
    "even",
    "odd",
    "irrational",
)


@pytest.mark.parametrize("kind", KINDS)
def test_symbols_and_functions_are_drawn_within_their_assumptions(kind):
    """At each of eight draws the number has every property that the symbol has."""
    symbol = sp.Symbol("z", **{kind: True})
    for k in range(8):
        value = symsched.concrete.draw(symbol, 0, k)
        assert getattr(value, f"is_{kind}") is True
    assert all(0 < symsched.concrete.draw(t, 0, k) < 1 for k in range(8))


def test_nothing_is_shared_with_the_exact_route():
    """Neither the rewriter, nor the generators, nor the normal form, not even through another module.

    `substitutions` only refuses what can be read in two ways; it computes nothing."""
    for module in (symsched.pointwise, symsched.concrete, symsched.residuals, symsched.substitutions):
        tree = ast.parse(inspect.getsource(module))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in names if name and name.startswith("symsched")} - {
            "symsched.concrete",
            "symsched.errors",
            "symsched.precision",
            "symsched.substitutions",
            "symsched.symbols",
        }


def random_identity(source):
    """lhs and rhs that are one function by a rule of analysis, in random subexpressions."""
    one, other = (random_part(source) for _ in range(2))
    rules = [
        (sp.Derivative(one * other, x), sp.Derivative(one, x) * other + one * sp.Derivative(other, x)),
        (sp.Derivative(f(one), x), sp.Subs(sp.Derivative(f(y), y), y, one) * sp.Derivative(one, x)),
        (sp.Subs(f(x, y) * x, (x, y), (one, other)), f(one, other) * one),
        (sp.exp(one) * sp.exp(other, evaluate=False), sp.exp(one + other, evaluate=False)),
        (sp.sin(one + other), sp.sin(one) * sp.cos(other) + sp.cos(one) * sp.sin(other)),
    ]
    return source.choice(rules)


def random_part(source):
    leaves = [x, fr(x), x * t, sp.sin(x), sp.Rational(source.randint(1, 9), 7) * x**2, 1 / (1 + x**2)]
    return source.choice(leaves) + source.choice(leaves)


def test_random_identities_hold_and_their_spoiled_twins_do_not():
    source = random.Random(13)
    for _ in range(25):
        left, right = random_identity(source)
        assert read(left - right).zero is True, left
        assert read(left - right * (1 + sp.Rational(1, 10**20))).zero is False, left


@pytest.mark.parametrize(
    "residual",
    [sp.cbrt(x**3) - x, sp.sqrt(x) * sp.sqrt(y) - sp.sqrt(x * y), sp.log(x**2) - 2 * sp.log(x)],
)
def test_what_fails_only_where_it_is_not_real_is_neither_accepted_nor_refuted(residual):
    """They are 0 for x, y > 0; elsewhere they have no real value, and say nothing of real numbers."""
    found = read(residual)
    assert found.zero is None
    assert "declare" in found.detail
    assert read(residual.subs({x: p, y: q})).zero is True
    assert read(residual + p / 10**9).zero is not True
