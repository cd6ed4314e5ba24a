"""A sign is claimed only with a proof; adversarial dips, poles and gaps in the domain are found or left open."""

import re

import pytest
import sympy as sp
from flint import arb

from symsched.errors import InputError
from symsched.exact.balls import enclose, smooth_at
from symsched.exact.signs import Sign, sign_on_unit
from symsched.exact.signs.germ import germ_sign
from symsched.exact.signs.pieces import by_balls
from symsched.exact.signs.structure import by_structure
from symsched.exact.signs.sturm import by_sturm
from symsched.exact.signs.taylor import taylor_sign
from symsched.parsing import parse_expression
from symsched.symbols import alpha, kappa, rho, t

SIGNS = [
    ("1-t", "positive"),
    ("t-1", "negative"),
    ("t-t**2", "positive"),
    ("t-sin(t)", "positive"),
    ("t-log(1+t)", "positive"),
    ("sin(t)-t+t**3/6", "positive"),
    ("exp(t)-1-t-t**2/2-t**3/6-t**4/24-t**5/120-t**6/720-t**7/5040-t**8/40320-t**9/362880", "positive"),
    ("cos(pi*t/2)", "positive"),
    ("cos(pi*(1+t)/2)", "negative"),
    ("tan(pi*t/2)", "positive"),
    ("cot(pi*(2-t)/4)", "positive"),
    ("exp(-1/(1-t))", "positive"),
    ("log(t)", "negative"),
    ("acos(t)", "positive"),
    ("1-sqrt(1-t**2)", "positive"),
    ("LambertW(t)", "positive"),
    ("LambertW(-t/3, -1)", "negative"),
    ("1-LambertW(t)", "positive"),
    ("LambertW(-(1+t)/10, -1)+1", "negative"),  # from −2.58 to −1.54
    ("t*LambertW(-(1+t)/10, -1)+t/2", "negative"),
    ("LambertW(-(1+t)/10, -1)+5", "positive"),
    ("t-0.1*sin(2*pi*t)", "positive"),
    ("1-t+0.01*sin(50*t)*(1-t)", "positive"),
    ("2*t**2-2*t+1", "positive"),
    ("(2*t-1)**2", "nonnegative"),
    ("-(2*t-1)**2*(3*t-1)**2", "nonpositive"),
    ("t-1/2", "mixed"),
    ("(t-0.3000001)*(t-0.3000002)*(2-t)", "mixed"),
    ("sin(t)**2+cos(t)**2-1", "zero"),
    ("t**40", "positive"),
    ("(80**(1/7)+t*(0.002**(1/7)-80**(1/7)))**7", "positive"),
    ("1-erf(t)/erf(1)", "positive"),
    ("sech(3*(1-t))-sech(3)", "positive"),
]


@pytest.mark.parametrize(("text", "expected"), SIGNS)
def test_signs(text, expected):
    found = sign_on_unit(parse_expression(text))
    assert found.value == expected
    assert found.decided


@pytest.mark.parametrize(("text", "expected"), SIGNS)
def test_the_opposite_has_the_opposite_sign(text, expected):
    mirror = -Sign(expected, "")
    assert sign_on_unit(-parse_expression(text)).value == mirror.value


@pytest.mark.parametrize(("text", "expected"), SIGNS)
def test_signs_agree_with_values(text, expected):
    """An independent look: balls at points of no special kind."""
    balls = [enclose(parse_expression(text), {t: sp.Rational(2 * k + 1, 202)}, bits=400) for k in range(101)]
    seen = {"positive" if b > 0 else "negative" if b < 0 else "zero" for b in balls}
    allowed = {
        "positive": {"positive"},
        "negative": {"negative"},
        "nonnegative": {"positive", "zero"},
        "nonpositive": {"negative", "zero"},
        "zero": {"zero"},
        "mixed": {"positive", "negative", "zero"},
    }
    assert seen <= allowed[expected]


# -- adversaries --------------------------------------------------------------------------------------------------


def dip(where, width, depth):
    """1 minus a narrow bump; it goes below 0 when depth > 1."""
    return 1 - depth * sp.exp(-(((t - where) / width) ** 2))


@pytest.mark.parametrize("where", [sp.Rational(1, 3), sp.Rational(1, 10**8), 1 - sp.Rational(1, 10**8)])
def test_a_narrow_dip_below_zero_is_never_called_positive(where):
    width = where * (1 - where) / 100
    assert sign_on_unit(dip(where, width, sp.Rational(11, 10))).value in ("mixed", "unknown")


def test_the_same_dip_above_zero_is_positive():
    shallow = dip(sp.Rational(1, 3), sp.Rational(1, 100), sp.Rational(9, 10))
    assert sign_on_unit(shallow).value == "positive"
    deep = dip(sp.Rational(1, 3), sp.Rational(1, 100), sp.Rational(11, 10))
    found = sign_on_unit(deep)
    assert found.value == "mixed"
    point, value = found.witness
    assert value < 0
    assert deep.subs(t, sp.Float(point, 30)) < 0


@pytest.mark.parametrize(
    "text",
    [
        "sqrt((t-1/3)**2-1/10**10)+1-t",
        "1-t+1/((t-0.3)**2*1000000)",
        "1-t+exp(t)/((t-0.3)**2*1000000)",
        "log((t-0.3)**2)+9",
        "2+tan(pi*(t+0.01))",
        "asin(1.2*sin(3*t))+4",
        "1+1/(t-0.3001)-1/(t-0.3002)",
        "acosh(1/2+t)+1",
    ],
)
def test_gaps_in_the_domain_are_refused_or_left_open(text):
    assert claim(parse_expression(text)) in ("undefined", "unknown", "mixed")


def claim(expr):
    try:
        return sign_on_unit(expr).value
    except InputError:
        return "undefined"


def test_the_message_shows_the_part_that_is_undefined():
    with pytest.raises(InputError, match=re.escape("sqrt(t - 1/3) is not smooth and real on all of (0, 1)")):
        sign_on_unit(1 + sp.sqrt(t - sp.Rational(1, 3)))
    with pytest.raises(InputError, match="not a finite real number"):
        sign_on_unit(t * sp.asin(sp.Integer(2), evaluate=False))


def test_slopes_sums_and_substitutions_under_a_function():
    """exp(α̇) > 0; of the slope of |t − 1/2|, and of what is summed or put in, nothing is known."""
    a, s = sp.symbols("a s", positive=True)
    assert sign_on_unit(a * sp.exp(alpha.diff(t))).value == "positive"
    kink, f = sp.Abs(t - sp.Rational(1, 2)), sp.Function("f")
    inner = [sp.Derivative(g, t) for g in (kink, sp.exp(kink), f(kink))]
    inner += [sp.Sum(t**s, (s, 1, sp.oo)), sp.Subs(f(s).diff(s), s, 1 / (2 * t - 1)), sp.Integral(1 / s, (s, 0, t))]
    for part in inner:
        assert sign_on_unit(a * sp.exp(part)).value == "unknown"


def test_the_gamma_function_is_smooth_between_its_poles():
    """Γ < 0 on (−1, 0), and ψ′ > 0 wherever it is defined; Γ(t − 1/2) has a pole at t = 1/2."""
    a = sp.Symbol("a", positive=True)
    assert sign_on_unit(a * sp.polygamma(1, t - 1)).value == "positive"
    assert sign_on_unit(sp.polygamma(3, t / 2 - 9)).value == "positive"
    assert sign_on_unit(a * sp.gamma(t - 1)).value == "unknown"
    assert smooth_at(sp.lowergamma(-t, t), (-sp.Rational(1, 2), sp.Rational(1, 2)))
    assert not smooth_at(sp.lowergamma(-t, t), (-sp.S.One, sp.S.One))
    assert sign_on_unit(-3 - sp.gamma(t / 2 - sp.Rational(3, 4))).value == "positive"  # its top there is −3.54
    for f in (sp.gamma, lambda x: sp.polygamma(1, x)):
        with pytest.raises(InputError, match="not smooth and real"):
            sign_on_unit(a * f(t - sp.Rational(1, 2)))
    for order in (1, 2, 5):
        found = enclose(sp.polygamma(order, t - 7), {t: sp.Rational(1, 3)}, bits=200)
        assert found.overlaps(arb(str(sp.polygamma(order, -sp.Rational(20, 3)).evalf(50))))


# -- the routes alone ---------------------------------------------------------------------------------------------


def test_structure_uses_assumptions_on_parameters():
    assert sign_on_unit(rho**2 * (t - t**2) / (1 + kappa)).value == "positive"
    assert sign_on_unit(-(rho**2) - t).value == "negative"
    assert sign_on_unit(rho - t).value == "unknown"
    assert by_structure(kappa + t, t).value == "positive"


def test_sturm_counts_roots():
    assert by_sturm(1 / (t**2 + 1) - sp.Rational(1, 3), t).value == "positive"
    assert by_sturm(sp.sqrt(1 + t), t).value == "unknown"
    assert by_sturm(sp.sqrt(t) - t, t).value == "positive"  # rational in √t
    assert by_sturm(sp.sqrt(t) - t - sp.Rational(1, 5), t).value == "mixed"
    assert by_sturm(sp.sqrt(2) * t - 1, t).value == "unknown"
    assert by_sturm(1 / (2 * t - 1) ** 2, t).value == "unknown"  # a pole inside
    touching = by_sturm((3 * t - 1) ** 2 * (t + 1), t)
    assert touching.value == "nonnegative"
    assert touching.witness == (pytest.approx(1 / 3), 0.0)
    crossing = by_sturm((3 * t - 1) * (3 * t - 2) ** 2, t)
    assert crossing.value == "mixed"
    assert crossing.witness[1] < 0


def test_balls_alone():
    assert by_balls(t - sp.sin(t), t) == Sign("positive", "balls and Taylor remainders")
    assert by_balls(t**t - sp.Rational(1, 2), t) == Sign("positive", "balls and leading terms")
    assert by_balls(sp.sin(5 * t) ** 2 * (1 - t) + (1 - t) * t / 10, t).value == "positive"
    assert not by_balls(sp.exp(t) - sp.Rational(3, 2), t).positive
    assert by_balls((sp.exp(t) - sp.sqrt(sp.E)) ** 2, t).value == "unknown"  # it touches 0 at ½


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("route", [sign_on_unit, by_sturm, by_balls])
def test_a_change_of_sign_is_shown_where_the_value_is_negative(route, sign):
    expr = sign * (t - sp.Rational(1, 3))
    found = route(expr, t)
    point, value = found.witness
    assert found.value == "mixed"
    assert value == pytest.approx(float(expr.subs(t, point)), rel=1e-9)
    assert value < 0


def test_taylor_at_an_end():
    u = sp.Symbol("u", positive=True)
    assert taylor_sign(u - sp.sin(u), u, 0.1) == 1
    assert taylor_sign(sp.cos(u) - 1, u, 0.1) == -1
    assert taylor_sign(u - 100 * u**2, u, 0.1) == 0  # changes sign before δ
    assert taylor_sign(sp.sqrt(u), u, 0.1) == 0
    assert taylor_sign(1 / sp.sin(u), u, 0.1) == 0
    assert taylor_sign(sp.LambertW(u), u, 0.1) == 0


@pytest.mark.parametrize(
    ("expr", "place"),
    [
        (sp.tan(t + 1), sp.pi / 2 - 1),
        (1 / (t - sp.Rational(1, 3)), sp.Rational(1, 3)),
        (sp.sign(t - sp.sqrt(2) / 2), sp.sqrt(2) / 2),
        (sp.gamma(t - sp.Rational(1, 2)), sp.Rational(1, 2)),
        (1 / sp.sin(3 * t + 1), (sp.pi - 1) / 3),
    ],
    ids=str,
)
def test_a_pole_is_told_where_it_is(expr, place):
    """Not at a time where all is well and what is below has its other sign."""
    with pytest.raises(InputError, match=re.escape(f"(see t = {float(place):.6g})")):
        sign_on_unit(expr + 10**6)


@pytest.mark.parametrize("inside", ["(2*t - 1)/10", "(1 - 2*t)/10"])
def test_what_must_be_negative_is_told_where_it_is_not(inside):
    argument = sp.sympify(inside, locals={"t": t})
    with pytest.raises(InputError, match="see t = ") as refused:
        sign_on_unit(sp.LambertW(argument, -1) + 10)
    assert argument.subs(t, sp.Rational(str(refused.value).split("see t = ")[1].rstrip(")"))) >= 0


def test_a_product_of_many_sums_is_not_multiplied_out_next_to_an_end():
    """Of two to the twentieth terms; each of its factors is near 1."""
    waves = sp.Mul(*(1 + sp.sin(k * t) / (40 * k) for k in range(1, 21)))
    assert germ_sign(waves - sp.Rational(1, 2), t, 2.0**-6) == 1
    assert germ_sign(sp.Rational(1, 2) - waves, t, 2.0**-6) == -1
    assert germ_sign(4 * (1 - t) ** 2 - 4, t, 2.0**-6) == -1  # which is, to -8t + 4t^2
