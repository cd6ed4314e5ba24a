"""Ball arithmetic: every function is enclosed, every float64 is right to the last bit, bad requests are named."""

import math
import re

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb

from symsched.errors import InputError, UndecidedError
from symsched.exact.balls import Evaluator, enclose, interval, sharpen
from symsched.exact.functions import BALLS
from symsched.parsing import parse_expression
from symsched.parsing.whitelist import FUNCTIONS as READABLE
from symsched.symbols import kappa, t

NEAR_THE_ENDS = [1e-300, 1e-12, 0.3, 1 - 1e-12, 1 - 2**-53]
FORMULAS = [
    "(1-t)*exp(-t)",
    "log(1+t)/log(2)",
    "1-cos(t)",
    "t-sin(t)",
    "sqrt(t-t**2)",
    "1-sqrt(1-t**2)",
    "t**pi",
    "t**40",
    "(1-t)**(7/3)",
    "exp(exp(t))-E",
    "acos(t)*2/pi",
    "1-t+0.01*sin(50*t)",
    "erfc(3-3*t)",
    "erf(t)/erf(1)",
    "LambertW(t)/LambertW(1)",
    "sqrt(1-exp(-199*(1-t)**2/20-(1-t)/10))",
    "cos(pi*t/2)**2",
    "tan(pi*(1-t)/4)",
    "atanh(t)-t",
    "sech(3*(1-t))-sech(3)",
    "exp(1-1/t)",
]


def truth(expr, point):
    """mpmath at enough digits for any of these formulas, at the rational number that the float is."""
    with mpmath.workdps(2500):
        x = mpmath.mpf(sp.Rational(point).p) / mpmath.mpf(sp.Rational(point).q)
        return sp.lambdify(t, expr, "mpmath")(x)


def ulps(found, exact):
    with mpmath.workdps(60):
        return float(abs(mpmath.mpf(found) - exact) / math.ulp(float(exact)))


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("point", NEAR_THE_ENDS)
def test_last_bit(formula, point):
    expr = parse_expression(formula)
    found, slope = Evaluator((expr, expr.diff(t))).at(point)
    assert ulps(found, truth(expr, point)) < 0.51
    if abs(truth(expr.diff(t), point)) < mpmath.mpf("1e308"):
        assert ulps(slope, truth(expr.diff(t), point)) < 0.51


def test_a_plain_float_formula_would_fail_that_check():
    naive = 1e-12 - math.sin(1e-12)
    assert ulps(naive, truth(parse_expression("t-sin(t)"), 1e-12)) > 1e10


def test_every_readable_function_is_enclosed():
    for name, function in READABLE.items():
        point = sp.Rational(6, 5) if name == "acosh" else sp.Rational(2, 5)
        expr = function.build(t)
        ball = enclose(expr, {t: point}, bits=200)
        assert abs(float(ball.mid()) - function.value(float(point))) < 1e-14, name


def test_enclosures_over_an_interval_contain_every_value():
    for formula in FORMULAS:
        expr = parse_expression(formula)
        ball = enclose(expr, {t: interval(0.3, 0.4)})
        for point in (0.3, 0.34, 0.4):
            assert ball.overlaps(enclose(expr, {t: point}, bits=200))


def test_functions_of_several_arguments():
    assert enclose(sp.Max(t, 1 - t), {t: sp.Rational(1, 4)}) == arb(3) / 4
    assert enclose(sp.Min(t, 1 - t), {t: sp.Rational(1, 4)}) == arb(1) / 4
    assert abs(float(enclose(sp.LambertW(-t, -1), {t: 0.2}).mid()) + 2.5426413577735264) < 1e-15
    assert sp.Abs in BALLS


MORE = [
    *(f(n, t) for f in (sp.besselj, sp.bessely, sp.besseli, sp.besselk) for n in (0, 2, sp.Rational(1, 3))),
    *(f(t) for f in (sp.gamma, sp.loggamma, sp.zeta, sp.Ei, sp.li, sp.Si, sp.Ci, sp.Shi, sp.Chi, sp.erfi, sp.erfinv)),
    *(f(t) for f in (sp.fresnels, sp.fresnelc, sp.airyai, sp.airybi, sp.airyaiprime, sp.airybiprime, sp.acot)),
    *(f(-t) for f in (sp.Ei, sp.acot, sp.Abs, sp.sign, sp.airyai)),
    *(sp.polygamma(n, t) for n in range(4)),
    *(f(n, t) for f in (sp.expint, sp.uppergamma, sp.lowergamma) for n in (1, 2, sp.Rational(1, 2))),
    *(f(2, sp.Rational(1, 2), t / 3, t) for f in (sp.betainc, sp.betainc_regularized)),
    *(sp.atan2(y, x) for y in (t, -t) for x in (t, -1)),
    sp.LambertW(t),
    sp.LambertW(-t / 3, -1),
]


@pytest.mark.parametrize("expr", MORE, ids=str)
def test_special_functions_against_mpmath(expr):
    """By SymPy's evalf, that is by mpmath, at 40 digits."""
    for point in (sp.Rational(3, 10), sp.Rational(7, 8)):
        ball = enclose(expr, {t: point}, bits=200)
        with mpmath.workdps(50):
            exact = mpmath.mpf(expr.subs(t, point).evalf(40))
            assert abs(mpmath.mpf(ball.mid().str(45, radius=False)) - exact) < mpmath.mpf(10) ** -35 * (1 + abs(exact))


def test_functions_have_no_value_where_they_are_another():
    """SymPy's polygamma of an order that is not whole is not (−1)^(n+1) n! ζ(n + 1, a); betainc lives on [0, 1]."""
    half = sp.Rational(1, 2)
    for expr in (sp.polygamma(half, t), sp.polygamma(-half, t), sp.betainc(4, -half, 2, t), sp.betainc(1, 4, 5, t)):
        assert not enclose(expr, {t: sp.Rational(7, 8)}).is_finite()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10])
def test_powers_of_a_ball_about_zero(n):
    ball = enclose(t**n, {t: interval(-1, 2)})
    assert ball.contains(2**n)
    assert ball.contains((-1) ** n)
    assert ball < 2**n + 1
    assert ball >= 0 if n % 2 == 0 else ball > -(2**n) - 1


x = sp.Symbol("x", real=True)
JUMPING = [
    sp.acot(x),
    sp.atan2(x, -1),
    1 / x,
    sp.log(x),
    sp.sqrt(x),
    sp.cot(x),
    sp.csch(x),
    sp.gamma(x),
    sp.atan(1 / x),
]
JUMPING += [sp.Ei(x), sp.bessely(0, x), x ** sp.Rational(2, 3), x**sp.pi, sp.DiracDelta(x), sp.tan(2 * x)]


@pytest.mark.parametrize("expr", JUMPING, ids=str)
def test_no_ball_hides_a_jump_or_a_pole(expr):
    """None of these is continuous and real on all of [−1, 1]."""
    assert not enclose(expr, {x: interval(-1, 1)}).is_finite()


def test_shape_is_kept_and_cancellation_to_zero_is_zero():
    values, zero = Evaluator((t**2, sp.sin(t) ** 2 + sp.cos(t) ** 2 - 1))(np.array([[0.25, 0.5]]))
    assert values.tolist() == [[0.0625, 0.25]]
    assert zero.tolist() == [[0.0, 0.0]]


def test_underflow_and_the_least_number():
    least = 2.0**-1074
    assert Evaluator((t**2,)).at(1e-300) == [0.0]
    assert Evaluator((t,)).at(least) == [least]


def test_decimals_in_expressions_are_exact():
    assert Evaluator((sp.Float(0.5) * t,)).at(0.5) == [0.25]


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (kappa * t, "no value for kappa in kappa*t: give every parameter a number"),
        (
            sp.digamma(t) * sp.dirichlet_eta(t + 2),
            "cannot evaluate dirichlet_eta(t + 2): no numeric value is known for dirichlet_eta",
        ),
        (sp.LambertW(t, 1), "cannot evaluate LambertW(t, 1): LambertW is real on the branches 0 and -1"),
        (sp.I * t, "cannot enclose the constant I: expected a real number"),
    ],
)
def test_bad_requests(expr, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Evaluator((expr,)).at(0.5)


@pytest.mark.parametrize("formula", ["log(t-2)", "sqrt(t-1/2)", "asin(3*t)"])
def test_values_that_do_not_exist(formula):
    with pytest.raises(UndecidedError, match=r"at t = 0\.4 has no finite real value"):
        Evaluator((parse_expression(formula),)).at(0.4)


def test_sharpen_gives_up_on_a_number_that_never_settles():
    with pytest.raises(UndecidedError, match="nothing has no finite real value"):
        sharpen(lambda: [arb(1, 1)], lambda: "nothing")


@pytest.mark.parametrize("slope", [10, 10**4, 10**6, 10**9])
@pytest.mark.parametrize("time", [0.25, 0.5, 0.500001, 0.75])
def test_steep_hyperbolics(slope, time):
    """α = 1/(1 + e^(2kx)), β = 1 − α with x = t − ½: ε* = α² · 2k, since log r = 2kx."""
    wave = sp.tanh(slope * (t - sp.Rational(1, 2)))
    alpha, beta = (1 - wave) / 2, (1 + wave) / 2
    eps_star = alpha**2 * beta.diff(t) / beta - (alpha**2).diff(t) / 2
    with mpmath.workdps(60):
        exact = 2 * slope / (1 + mpmath.exp(2 * slope * (mpmath.mpf(time) - 0.5))) ** 2
    assert Evaluator((eps_star,)).at(time) == [pytest.approx(float(exact), rel=1e-15)]
