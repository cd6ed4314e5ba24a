"""Limits are exact, checked, and finite work; tables are right at 0 and 1 too."""

import math
import re

import numpy as np
import pytest
import sympy as sp

from symsched import schedules
from symsched.errors import InputError, UndecidedError
from symsched.exact import limits
from symsched.exact.budget import within
from symsched.exact.limits import continuous_value, end_value, limit_at, values
from symsched.exact.series import leading_term, limit_of
from symsched.exact.terms import BeyondSeriesError, L
from symsched.parsing import parse_expression
from symsched.symbols import kappa, rho, t

u = sp.Symbol("u", positive=True)

LIMITS = [
    ("sin(t)/t", 0, 1),
    ("(t-sin(t))/t**3", 0, sp.Rational(1, 6)),
    ("(1-cos(t))/t**2", 0, sp.Rational(1, 2)),
    ("(exp(t)-1-t-t**2/2-t**3/6)/t**4", 0, sp.Rational(1, 24)),
    ("log(1+t)/t", 0, 1),
    ("t**t", 0, 1),
    ("t*log(t)", 0, 0),
    ("log(t)", 0, -sp.oo),
    ("log(1-t)", 1, -sp.oo),
    ("1/log(t)", 0, 0),
    ("1/(1-log(t))", 0, 0),
    ("exp(-1/t)/t**9", 0, 0),
    ("t**0.001", 0, 0),
    ("t**(-0.001)", 0, sp.oo),
    ("atan(1/t)", 0, sp.pi / 2),
    ("acos(t)/sqrt(1-t)", 1, sp.sqrt(2)),
    ("asin(t)", 1, sp.pi / 2),
    ("atanh(t)", 1, sp.oo),
    ("tan(pi*t/2)*(1-t)", 1, 2 / sp.pi),
    ("sqrt(t-t**2)/sqrt(t)", 0, 1),
    ("erf(1/t)", 0, 1),
    ("erfc(1/t)", 0, 0),
    ("tanh(1/t)", 0, 1),
    ("t**(1/log(t))", 0, sp.E),
    ("cos(pi*t/2)*(pi/2)/sin(pi*t/2)*t", 0, 1),
]


@pytest.mark.parametrize(("text", "end", "expected"), LIMITS)
def test_limits(text, end, expected):
    assert sp.simplify(limit_at(parse_expression(text), end) - expected) == 0 or limit_at(
        parse_expression(text), end
    ) == sp.sympify(expected)


@pytest.mark.parametrize(("text", "end", "expected"), LIMITS)
def test_end_values_are_the_same_limits_as_floats(text, end, expected):
    assert end_value(parse_expression(text), end) == pytest.approx(float(expected), rel=1e-15, abs=0)


def test_limits_with_parameters():
    assert limit_at(rho**2 * (1 - t), 0) == rho**2
    assert limit_at(kappa * sp.sin(t) / t, 0) == kappa
    assert limit_at(sp.S(3), 0) == 3
    assert limit_at(rho / t, 0) == sp.oo


above_one = 1 + sp.Symbol("a", positive=True)
below_one = 1 / above_one


@pytest.mark.parametrize(("factor", "expected"), [(above_one, 0), (below_one, sp.oo), (1, sp.Rational(1, 2))])
def test_the_optimal_scale_of_a_lazy_family_at_the_start(factor, expected):
    """ε* ~ (1 − q/2) t^(q − 1) with q = 2κ/(1 + κ): Gruntz's algorithm takes the exponent for negative."""
    assert limit_at(schedules.lazy(kappa=factor).eps_star, 0) == expected


def test_a_limit_that_depends_on_the_parameters_is_undecided():
    with pytest.raises(UndecidedError):
        limit_at(schedules.lazy(kappa=sp.Symbol("a", positive=True)).eps_star, 0)


a = sp.Symbol("a", positive=True)
free = sp.Symbol("b", real=True)
two_pi = 2 * sp.pi
wave = two_pi * sp.log(t) / sp.log(2)  # a whole number of turns at every 2^-k

NO_LIMIT = [  # at t = 0; the second kind repeats at 2^-k, where whoever samples looks
    sp.sin(1 / t),
    sp.cos(two_pi / t),
    sp.cos(two_pi / t) ** 2,
    1 + sp.sin(1 / t**2) / 10**40,
    (t**2 * sp.sin(two_pi / t)).diff(t),
    (t**3 * sp.cos(1 / t**2)).diff(t),
    sp.exp(sp.sin(sp.pi / t)),
    sp.atan(sp.tan(1 / t)),
    1 / (2 + sp.cos(two_pi / t)),
    sp.cos(wave),
    sp.sin(wave / 2) ** 2,
    t + sp.cos(wave) / 3,
    1 / (3 + sp.cos(wave)),
    sp.cos(two_pi / t) / t,
    sp.besselj(0, sp.log(t)) * sp.log(t),
]
DEPENDS = [  # on the parameter: 0 for some of its values and something else for others
    t * sp.exp((a - 20) / t),
    t * sp.exp((20 - a) / t),
    t ** (a - 40),
    t ** (a - sp.Rational(1, 40)),
    t**free,
    sp.tanh((a - 100) / t),
    sp.atan((free**2 - 1000) / t),
    sp.log(t) ** 2 * (a - 60),
    sp.exp(-free / t),
]
SQUEEZED = [
    (t * sp.sin(1 / t), 0),
    (t * sp.cos(two_pi / t), 0),
    (t**2 * sp.sin(two_pi / t), 0),
    (3 + t * sp.cos(wave), 3),
    (sp.exp(t * sp.cos(1 / t)), 1),
    (sp.cos(t * sp.sin(1 / t)), 1),
    ((1 + t) ** ((a - 10) / t), sp.exp(a - 10)),
    (sp.sqrt(t) * sp.atan(sp.exp(1 / t)), 0),
    (rho + t**a * sp.sin(rho / t), rho),
    ((t + t**2 * sp.sin(1 / t)) / t, 1),
    (t / (2 * t + t**2 * sp.cos(wave)), sp.Rational(1, 2)),
]


@pytest.mark.parametrize("expr", NO_LIMIT + DEPENDS, ids=str)
def test_where_there_is_no_one_limit_none_is_given(expr):
    with pytest.raises(UndecidedError, match="could not be determined"):
        limit_at(expr, 0)


@pytest.mark.parametrize("expr", NO_LIMIT, ids=str)
def test_nor_a_number(expr):
    with pytest.raises(UndecidedError, match="could not be determined"):
        end_value(expr, 0)
    with pytest.raises(UndecidedError, match="could not be determined"):
        end_value(expr.subs(t, 1 - t), 1)


@pytest.mark.parametrize(("expr", "expected"), SQUEEZED, ids=str)
def test_what_oscillates_less_and_less_has_a_limit(expr, expected):
    assert limit_at(expr, 0) == expected
    assert limit_at(expr.subs(t, 1 - t), 1) == expected


@pytest.mark.parametrize("c", [sp.Rational(1, 10**40), 1 + sp.Rational(1, 10**40), -sp.Rational(1, 10**300)])
@pytest.mark.parametrize(
    "rest", [t, -t * sp.log(t), sp.exp(-1 / t), 1 / (1 - sp.log(t)), t ** sp.Rational(1, 50)], ids=str
)
def test_tiny_limits_are_not_rounded_to_others(c, rest):
    try:
        assert limit_at(c + rest, 0) == c
    except UndecidedError:
        assert rest.has(sp.log)  # 1/(1 − log t) is known to Gruntz alone, and closes in too slowly to be checked


# -- where there is nothing real to have a limit, and where a parameter decides ---------------------------------------

v, q = sp.Symbol("v", real=True), sp.Symbol("q", positive=True)
BELOW = [-t, sp.sin(t) - t, t * sp.log(t), t**2 - t, -(t**sp.pi), sp.cos(t) - 1, -q * t]  # < 0 next to 0, and 0 there
ROOTS = [sp.sqrt, lambda f: f**sp.pi, lambda f: sp.acos(1 - f), lambda f: sp.asin(f - 1), lambda f: sp.acosh(1 + f)]


@pytest.mark.parametrize("f", BELOW, ids=str)
@pytest.mark.parametrize("root", ROOTS, ids=["sqrt", "power", "acos", "asin", "acosh"])
def test_a_root_needs_an_argument_that_stays_in_its_domain(root, f):
    for expr, end in ((f, 0), (f.subs(t, 1 - t), 1)):
        with pytest.raises((UndecidedError, InputError)):
            limit_at(root(expr), end)
        try:  # the twin, of which the limit is the value at 0
            assert limit_at(root(-expr), end) == root(sp.S.Zero)
        except UndecidedError:
            assert expr.has(sp.log, sp.cos, q, sp.pi)
    assert limit_at(root(t), 0) == root(sp.S.Zero)


@pytest.mark.parametrize("exponent", [t, -t, 2 + t, t - 1, 1 / (1 + t)], ids=str)
@pytest.mark.parametrize("base", [-sp.S.One, -t, t - 1, 2 * t - 1, sp.Symbol("w", negative=True), v], ids=str)
def test_a_moving_power_of_what_may_be_negative_has_no_limit(base, exponent):
    """(−1)^t is real at t = 0, where it is 1, and nowhere near."""
    with pytest.raises(UndecidedError, match="could not be determined"):
        limit_at(base**exponent, 0)
    assert limit_at((1 + t) ** exponent, 0) == 1


def test_a_moving_order_is_not_the_whole_number_that_it_ends_in():
    """J_0(−1) is real, and J_t(−1) is not; J_t(1) → J_0(1)."""
    for moving in (sp.besselj(1 + t, t - 1), sp.besseli(t, 2 * t - 1), sp.expint(t, -1), sp.polygamma(1 + t, 2)):
        with pytest.raises(UndecidedError, match="could not be determined"):
            limit_at(moving, 0)
    with pytest.raises(InputError, match="LambertW is real on the branches 0 and -1"):
        limit_at(sp.LambertW(-sp.Rational(1, 10), t - 1), 0)
    assert limit_at(sp.besselj(t, 1), 0) == sp.besselj(0, 1)


def test_what_is_not_real_has_no_limit():
    for expr in (sp.zoo, sp.nan * t, sp.I * t, sp.binomial(-1, t)):
        with pytest.raises(InputError, match="expected a real expression"):
            limit_at(expr, 0)


def test_what_has_no_value_is_named_in_the_letters_of_the_caller():
    for expr in (sp.floor(t) / 2, sp.harmonic(t), sp.frac(t) / t):
        with pytest.raises(InputError, match=r"^cannot evaluate \w+\(t\): no numeric value is known for \w+$"):
            limit_at(expr, 0)
    with pytest.raises(UndecidedError, match="could not be determined"):  # SymPy's candidate is not real
        limit_at(sp.li(1 - t) - sp.log(t), 0)


MAYBE_ZERO = [kappa, v, q - 1, v**2, kappa * v, v + kappa]
NEVER_ZERO = [q, 1 + kappa, 1 + v**2, sp.exp(v), q + kappa]
# f(c, t) whose limit at 0 jumps where c = 0; the limit for c > 0.
JUMPS = [
    (lambda c: t / (c + t), lambda _: 0),
    (lambda c: sp.sin(t) / (sp.sin(t) + c * sp.cos(t)), lambda _: 0),
    (lambda c: (c + t) ** -1, lambda c: 1 / c),
    (lambda c: t**2 / (c * t + t**2), lambda _: 0),
    (lambda c: sp.atan(c / t), lambda _: sp.pi / 2),
    (lambda c: sp.exp(-(c**2) / t), lambda _: 0),
    (lambda c: c / t, lambda _: sp.oo),
]


@pytest.mark.parametrize(("form", "limit"), JUMPS, ids=range(len(JUMPS)))
def test_a_parameter_that_may_be_0_is_not_divided_by(form, limit):
    for c in MAYBE_ZERO:
        with pytest.raises(UndecidedError, match=r"; give .* a value$"):
            limit_at(form(c), 0)
    for c in NEVER_ZERO:
        assert sp.simplify(limit_at(form(c), 0) - limit(c)) in (0, sp.nan), c  # ∞ − ∞


@pytest.mark.parametrize("c", MAYBE_ZERO + NEVER_ZERO, ids=str)
def test_a_parameter_that_may_be_0_may_be_factored_out(c):
    """Limits that have one formula for all values."""
    for expr, expected in ((c + t, c), ((c * t + t**2) / t, c), (c * sp.sin(t) / t, c), (t + c * t**2, 0)):
        assert sp.simplify(limit_at(expr, 0) - expected) == 0


EQUAL = [  # one exponent, written in two ways
    (sp.sin(1) ** 2 + sp.cos(1) ** 2, sp.S.One),
    (sp.log(6) - sp.log(2), sp.log(3)),
    ((sp.sqrt(2) + 1) * (sp.sqrt(2) - 1), sp.S.One),
    (sp.sqrt(5 + 2 * sp.sqrt(6)), sp.sqrt(2) + sp.sqrt(3)),
]


@pytest.mark.parametrize("c", [sp.S.One, q], ids=str)
@pytest.mark.parametrize(("one", "other"), EQUAL, ids=str)
def test_equal_exponents_cancel_and_close_ones_do_not(one, other, c):
    try:
        assert limit_at((c * (t**one - t**other) + t**4) / t**4, 0) == 1
    except UndecidedError:
        assert one.has(sp.sqrt(6))  # whose equality is not decided
    for gap in (sp.Rational(1, 10**60), -sp.Rational(1, 10**60)):
        assert limit_at(c * (t**one - t ** (other + gap)) / t**4, 0) == sp.oo * gap


@pytest.mark.parametrize("value", [t, q, q * t], ids=str)
def test_a_formula_with_branches_has_no_limit_here(value):
    for condition in (t < sp.Rational(1, 2), q < 1):
        with pytest.raises(UndecidedError, match="has branches: expected one formula"):
            limit_at(t + sp.Piecewise((value, condition), (7, True)), 1)


def test_limits_are_taken_at_the_ends_only():
    with pytest.raises(InputError, match=re.escape("end = 2: limits are taken at 0 or 1")):
        limit_at(t, 2)


@pytest.mark.parametrize("wrong", [sp.Rational(101, 100), sp.S(0), sp.oo, -sp.oo, sp.Rational(10**9 + 1, 10**9)])
def test_a_wrong_candidate_is_rejected(monkeypatch, wrong):
    """The check against balls is what stands between a mistake of the algebra and the user."""
    monkeypatch.setattr(limits, "_series_value", lambda _: None)
    monkeypatch.setattr(limits, "_candidates", lambda _: iter([wrong]))
    with pytest.raises(UndecidedError):
        limit_at.__wrapped__(sp.sin(t) / t, 0)


@pytest.mark.parametrize("wrong", [sp.S(2), sp.S(0), sp.oo, -sp.oo])
def test_a_wrong_series_is_rejected_too(monkeypatch, wrong):
    monkeypatch.setattr(limits, "limit_of", lambda *_: wrong)
    assert limits._series_value((1 + sp.sqrt(limits._u)) * sp.sin(limits._u) / limits._u) is None


def test_the_budget_turns_a_runaway_limit_into_a_message():
    tower = sp.exp(sp.sin(sp.exp(1 / sp.log(t)) / t)) ** sp.log(sp.log(3 - sp.log(t)))
    with pytest.raises(UndecidedError, match="could not be determined"):
        limit_at(tower, 0)


# -- parts ----------------------------------------------------------------------------------------------------------


def test_continuity_by_composition():
    assert continuous_value(sp.exp(u) * sp.cos(u) + sp.sqrt(u), u) == 1
    assert continuous_value(sp.sin(u) / u, u) is None
    assert continuous_value(sp.log(u), u) is None
    assert continuous_value(sp.sqrt(u - 1), u) is None
    v = sp.Symbol("v", positive=True)
    assert continuous_value((1 + u) / (1 + v), u, v) == 1
    assert continuous_value(u / v, u, v) is None


def test_series_leave_the_class_without_guessing():
    for expr in (sp.sin(1 / u), 1 / (1 + sp.log(u)), sp.exp(1 / u), sp.gamma(u)):
        with pytest.raises(BeyondSeriesError):
            limit_of(expr, u)
    with pytest.raises(BeyondSeriesError):
        leading_term(sp.sin(u) ** 2 + sp.cos(u) ** 2 - 1, u)


def test_leading_terms():
    assert leading_term(u - sp.sin(u), u) == (3, sp.Rational(1, 6))
    assert leading_term(sp.sqrt(2 * u - u**2), u) == (sp.Rational(1, 2), sp.sqrt(2))
    assert leading_term(u + u**below_one + u**above_one, u) == (below_one, 1)
    exponent, coefficient = leading_term(u**2 * sp.log(u) + u**3, u)
    assert (exponent, coefficient) == (2, L)


# -- tables ---------------------------------------------------------------------------------------------------------


def test_tables_join_limits_and_values():
    (table,) = values((sp.sin(t) / t,), [[0.0, 1e-300], [0.5, 1.0]])
    assert table.shape == (2, 2)
    assert table.tolist() == [[1.0, 1.0], [math.sin(0.5) / 0.5, math.sin(1)]]
    (pole,) = values((1 / (1 - t),), [0, 1])
    assert pole.tolist() == [1.0, math.inf]
    assert values((t,), [])[0].shape == (0,)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), float("inf")])
def test_times_outside(bad):
    message = f"t = {bad!r} is outside [0, 1]: times run from 0 (noise) to 1 (data)"
    with pytest.raises(InputError, match=re.escape(message)):
        values((t,), np.array([0.5, bad]))


# -- the budget -----------------------------------------------------------------------------------------------------


def spin(n):
    for k in range(n):
        step(k)
    return n


def step(k):
    return k


def test_a_budget_stops_work_and_only_then():
    assert within(10_000, lambda: spin(1000)) == 1000
    assert within(500, lambda: spin(1000)) is None
    assert spin(10_000) == 10_000  # no ceiling is left behind


def test_budgets_nest():
    assert within(5000, lambda: (within(100, lambda: spin(1000)), spin(1000))) == (None, 1000)
    assert within(500, lambda: within(10**9, lambda: spin(1000))) is None
    # The second inner budget is cut short by the outer one: that is no answer of its own, so both end.
    assert within(1500, lambda: [within(1000, lambda: spin(900)) for _ in range(2)]) is None


def test_a_budget_cannot_be_swallowed():
    def stubborn():
        while True:
            try:
                spin(100)
            except Exception:
                continue

    assert within(5000, stubborn) is None


def test_errors_pass_through_a_budget():
    with pytest.raises(ZeroDivisionError):
        within(1000, lambda: 1 / 0)


def test_long_numbers_in_a_series_do_not_hide_the_limit():
    """Sigmoid: r ~ c sqrt(t) at 0, with coefficients in exp(3) of many hundred operations."""
    sigmoid = schedules.sigmoid()
    assert limit_at(sigmoid.log_snr, 0) == -sp.oo
    assert limit_at(sigmoid.log_r_dot, 0) == sp.oo


negative = sp.Symbol("n", negative=True)


@pytest.mark.parametrize(
    "expr",
    [
        t * sp.cos(3 * sp.acos(2 * q / t)),  # as a polynomial 32 q³/t² − 6 q, and real nowhere near 0
        t * sp.sin(2 * sp.asin(q / t)),
        t * sp.sin(sp.log(-q * t)),
        t * sp.cos(sp.acosh(q * t)),
        t * sp.erf(sp.sqrt(negative / t)),
        t * sp.tanh(sp.sqrt(v) / t),
    ],
    ids=str,
)
def test_a_bounded_function_is_bounded_at_real_arguments(expr):
    with pytest.raises(UndecidedError, match="could not be determined"):
        limit_at(expr, 0)
