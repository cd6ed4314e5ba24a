"""The inverse of r: closed forms are the right branch from end to end, roots are right to the last bit."""

import math
import re

import mpmath
import pytest
import sympy as sp
from flint import arb, ctx
from slowness import slow

from symsched import catalog
from symsched.conversion import convert
from symsched.errors import InputError, UndecidedError
from symsched.exact.balls import enclose, sharpen
from symsched.inversion import MonotoneInverse, R, _is_inverse, closed_inverse
from symsched.schedule import Schedule
from symsched.symbols import rho, t

CLOSED = {
    "linear": ("1-t", "t"),
    "follmer": ("sqrt(t-t**2)", "t"),
    "vp": ("cos(pi*t/2)", "sin(pi*t/2)"),
    "cos2": ("cos(pi*t/2)**2", "sin(pi*t/2)"),
    "ddpm": ("sqrt(1-exp(-199*(1-t)**2/20-(1-t)/10))", "exp(-199*(1-t)**2/40-(1-t)/20)"),
    "ve": ("80**(1-t)/50**t", "1"),
    "edm": ("(80**(1/7) + t*(0.002**(1/7) - 80**(1/7)))**7", "1"),
    "cubes": ("1-t**3", "t**3"),
    "cosmap": ("cos(pi*t/2)/(cos(pi*t/2)+sin(pi*t/2))", "sin(pi*t/2)/(cos(pi*t/2)+sin(pi*t/2))"),
    "lazy0": ("sqrt(1-t**2)", "t"),
    "geometric": ("sqrt((9-9**t)/8)", "sqrt((9**t-1)/8)"),
}
LINEAR = Schedule(1 - t, t)
OPEN = {
    "log": ("(1-t)*exp(-t)", "log(1+t)/log(2)"),
    "poly": ("1-t**2", "t**3"),
    "t40": ("1-t", "t**40"),
    "tsin": ("1-t", "(t-sin(t))/(1-sin(1))"),
    "wave": ("1-t", "t-0.1*sin(2*pi*t)"),
    "erf": ("1-t", "erf(t)/erf(1)"),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_inverses_undo_r_everywhere(name):
    schedule = Schedule(*CLOSED[name])
    inverse = closed_inverse(schedule)
    assert inverse is not None
    for k in (1, 2, 77, 333, 500, 650, 901, 999):
        time = sp.Rational(k, 1000)
        back = enclose(inverse, {R: enclose(schedule.r, {t: time}, bits=300)}, bits=300)
        assert back.overlaps(enclose(time, {}, bits=300))
        assert back.rad() < 1e-60


@pytest.mark.parametrize("name", OPEN)
def test_what_has_no_closed_inverse_is_not_given_one(name):
    assert closed_inverse(Schedule(*OPEN[name])) is None


def test_parameters_are_kept():
    scaled = Schedule(rho * (1 - t), t)
    inverse = closed_inverse(scaled)
    assert sp.simplify(scaled.r.subs(t, inverse) - R) == 0


# log r = −cot(θ): the inverse by atan(1/·) leaves its branch where the angle passes π/2, here at t = 0.95 only.
LATE = sp.exp(-sp.cot(sp.pi * t * sp.Rational(10, 19)))


def test_a_branch_left_near_an_end_is_noticed():
    late = Schedule(1 / (1 + LATE), LATE / (1 + LATE))
    assert late.kind == "truncated"
    wrong = sp.Rational(19, 10) / sp.pi * sp.atan(-1 / sp.log(R))
    assert not _is_inverse(wrong, late, ({},))
    inverse = closed_inverse(late)
    for time in (0.5, 0.9499, 0.9501, 0.99):
        if inverse is not None:
            back = enclose(inverse, {R: enclose(late.r, {t: time})})
            assert abs(float(back.mid()) - time) < 1e-12


@pytest.mark.parametrize(
    "wrong", [R / (1 - R), R / (2 + R), 1 / (1 + R), -R / (1 + R), R, sp.sqrt(R) / (1 + sp.sqrt(R))]
)
def test_wrong_candidates_are_rejected(wrong):
    assert not _is_inverse(wrong, Schedule("1-t", "t"), ({},))
    assert _is_inverse(R / (1 + R), Schedule("1-t", "t"), ({},))


# -- by balls -------------------------------------------------------------------------------------------------------


def solved(schedule, ratio):
    """The float64 of r⁻¹(ratio), for a rational ratio."""
    inverse = MonotoneInverse(schedule)
    exact = sp.Rational(ratio)
    return sharpen(lambda: [inverse.solve((arb(int(exact.p)) / arb(int(exact.q))).log())], lambda: "s")[0]


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("ratio", [1e-12, 0.3, 1.0, 7.0, 1e12])
def test_roots_are_right_to_the_last_bit(name, ratio):
    """mpmath, at 150 digits, sees r cross the ratio within 0.51 ulp of the root."""
    schedule = Schedule(*OPEN[name])
    found = solved(schedule, ratio)
    with mpmath.workdps(150):
        r, half = sp.lambdify(t, schedule.r, "mpmath"), mpmath.mpf(math.ulp(found)) * 51 / 100
        assert r(found - half) < ratio < r(found + half)


def test_balls_agree_with_closed_forms():
    assert solved(Schedule("1-t", "t"), 1e-300) == 1e-300
    assert solved(Schedule("1-t", "t"), 3.0) == 0.75
    assert solved(Schedule("1-t", "t"), 1e300) == 1.0
    assert solved(Schedule("1-t", "t"), 1.0) == 0.5


def test_a_root_far_below_the_least_float_is_separated():
    inverse = MonotoneInverse(Schedule("1-t", "(t-sin(t))/(1-sin(1))"))
    with ctx.workprec(6000):
        root = inverse.solve(arb(2).log() * -2000)
    assert 0 < root < arb(2) ** -600


def test_ratios_a_truncated_schedule_never_has():
    cut = Schedule("80**(1-t)/50**t", "1", name="ve")
    with pytest.raises(
        InputError, match=re.escape("ve never has r = 0.001: it is truncated; choose a narrower target")
    ):
        solved(cut, 0.001)


def test_a_ratio_that_would_need_an_unreachable_time():
    with pytest.raises(UndecidedError, match="too close to an end"):
        solved(Schedule("1-t", "1/(1-log(t))"), sp.Rational(1, 10**2000))
    assert solved(Schedule("1-t", "1/(1-log(t))"), sp.Rational(1, 10**7)) == 0.0  # exp(1 − 10⁷), below all floats


@pytest.mark.parametrize("shift", [slow(sp.Rational(1, 10)), slow(1), slow(2), sp.Symbol("a", positive=True)])
def test_a_formula_for_the_inverse_has_a_value_at_every_time(shift):
    """r = t(a + 1 − t)/((1 − t)(a + t)) is R where (R − 1)t² + (a + 1 + (a − 1)R)t − aR = 0, whose leading term is
    gone at R = 1, in the middle: there t = a/(2a) = 1/2."""
    schedule = Schedule((1 - t) * (shift + t) / shift, t * (shift + 1 - t) / shift)
    found = closed_inverse(schedule)
    assert sp.simplify(found.subs(R, 1) - sp.Rational(1, 2)) == 0
    if not schedule.parameters:
        assert convert(schedule, catalog.linear()).at(0.5)[0] == 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assumed", "values"), [({"negative": True}, (-5, -1, -0.25)), ({"positive": True}, (0.75, 2, 10))]
)
def test_the_branch_is_that_of_the_letters_own_sign(assumed, values):
    """t(4g − t)/(4g − 1) rises from 0 to 1 for g < 0 and for g > 1/2, and the root of the quadratic is not the same."""
    g = sp.Symbol("g", **assumed)
    schedule = Schedule(1 - t, t * (4 * g - t) / (4 * g - 1))
    tau = convert(schedule, LINEAR).tau
    for value in values:
        level = convert(schedule.subs(g=value), LINEAR).at([0.1, 0.5, 0.9])[0]
        for time, exact in zip((0.1, 0.5, 0.9), level, strict=True):
            assert float(tau.subs({g: sp.Rational(value), t: time})) == pytest.approx(exact, rel=1e-12)


def test_of_a_letter_of_either_sign_a_root_is_given_only_if_it_fits_both():
    z = sp.Symbol("z", real=True, nonzero=True)
    schedule = Schedule(1 - t, t * (4 * z**3 - t) / (4 * z**3 - 1))
    assert closed_inverse(schedule) is None
    assert closed_inverse(Schedule(1 - t, t * (z**2 + t) / (z**2 + 1))) is not None


@pytest.mark.slow
def test_the_branch_is_that_of_the_declared_numbers():
    """One formula, two gaps apart: its letter's range decides, whichever was asked for first."""
    form = "alpha=1-t; beta=t*(10-4*p-t)/(9-4*p)"
    for declared, value, exact in (("5/2<p<4", 3, 0.541381265149110), ("0<p<2", 1, 0.475062189439555)):
        schedule = catalog.from_text(f"{form}; {declared}")
        (p,) = schedule.parameters
        tau = convert(schedule, LINEAR).tau
        assert float(tau.subs({p: value, t: 0.5})) == pytest.approx(exact, rel=1e-12)
        assert convert(schedule.subs(p=value), LINEAR).at(0.5)[0] == pytest.approx(exact, rel=1e-12)


@pytest.mark.slow
def test_a_closed_inverse_has_a_value_where_a_letter_is_0():
    """(1 − t)(1 + at): one of the two ways to write the root divides by a."""
    schedule = catalog.from_text("alpha=(1-t)*(1+a*t); beta=t; -1<a<1")
    (a,) = schedule.parameters
    tau = convert(schedule, LINEAR).tau
    for value, exact in ((0, 0.3), (-0.5, 0.270406945594675), (0.5, 1 / 3)):
        assert float(tau.subs({a: value, t: 0.3})) == pytest.approx(exact, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["alpha=1-t; beta=t*(1+b*t)/(1+b); b>=0", "alpha=1-t; beta=t/(1+b*(1-t)); b>=0"])
def test_a_quadratic_whose_first_coefficient_may_vanish_is_solved_for_0_too(form):
    schedule = catalog.from_text(form)
    (b,) = schedule.parameters
    for value in (0, 2):
        exact = convert(schedule.subs(b=value), LINEAR).at(0.3)[0]
        assert float(convert(schedule, LINEAR).tau.subs({b: value, t: 0.3})) == pytest.approx(exact, rel=1e-12)
