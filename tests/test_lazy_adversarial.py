"""Lazy schedules under hostile input: integrals that run away, solutions that are no schedules, false solutions."""

import re

import mpmath
import pytest
import sympy as sp
from slowness import slow

from symsched import families, lazy
from symsched.errors import InputError, UndecidedError
from symsched.exact.zero import decide_zero
from symsched.parsing import parse_expression
from symsched.symbols import kappa, rho, t


@pytest.mark.parametrize(
    "given",
    [
        slow({"kappa": "(t**5+2)/(t**7+t+1)"}),
        slow({"kappa": "1/(1+t**9)"}),
        {"kappa": "exp(exp(t))"},
        slow({"eps": "exp(-1/t)"}),
        slow({"eps": "(t**5+2)/(t**7+t+1)"}),
        slow({"eps": "log(1+t)**9*exp(t)"}),
        slow({"eps": "exp(sin(t))"}),
        {"eps": "t**t"},
    ],
    ids=str,
)
def test_what_cannot_be_integrated_ends_in_one_line(given):
    with pytest.raises(UndecidedError) as caught:
        lazy.solve(**given)
    assert "\n" not in str(caught.value)
    assert re.search(r"no closed solution|elementary|not confirmed|rational function", str(caught.value))


@pytest.mark.slow
def test_an_answer_does_not_hang_on_the_form_of_a_number():
    """V = 1 − 2 ∫_t^1 sin(s²) ds: SymPy writes it with Γ(3/4) or with Γ(7/4), as it was asked other things before."""
    schedule = lazy.solve(eps="sin(t**2)")
    for time in (0.25, 0.75):
        tail = mpmath.quad(lambda s: mpmath.sin(s**2), [time, 1])
        assert schedule.at(time)[0] ** 2 == pytest.approx(float(1 - 2 * tail) - time**2, rel=1e-14)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give exactly one of kappa and eps"),
        ({"kappa": 1, "eps": 1}, "give exactly one of kappa and eps"),
        ({"kappa": -1}, "kappa = -1 is negative: expected values ≥ 0 on (0, 1)"),
        ({"kappa": "t-1/2"}, "kappa = t - 1/2 is negative at t = 0.4375: expected values ≥ 0"),
        ({"kappa": sp.Rational(1, 10**9)}, "too steep to work with; expected 0, or at least 1/1999"),
        ({"kappa": float("nan")}, "kappa = nan: expected a SymPy expression in t, a number, or text"),
        ({"kappa": "oo"}, "not a finite real number"),
        ({"kappa": 1, "rho": 0}, "rho = 0: expected a finite number > 0"),
        ({"kappa": 1, "rho": -1}, "rho = -1: expected a finite number > 0"),
        ({"kappa": 1, "rho": "t"}, "rho = t: expected a finite number > 0"),
        ({"eps": -1}, "eps = -1 is negative: expected values ≥ 0"),
        ({"eps": 1}, "must be real and finite on (0, 1)"),
        ({"eps": "t"}, "alpha must be positive on (0, 1), but alpha is identically 0"),
        ({"kappa": 1, "beta": "1-t"}, "r = beta/alpha must increase strictly"),
        ({"kappa": sp.Symbol("k", negative=True)}, "kappa = k is negative"),
        ({"kappa": sp.Symbol("k", imaginary=True)}, "kappa = k: k is imaginary; expected real letters"),
        ({"eps": sp.Symbol("k", complex=True)}, "eps = k: k is complex; expected real letters"),
        ({"kappa": sp.I}, "kappa = I: expected finite values"),
        ({"kappa": 1, "rho": sp.Symbol("r", negative=True)}, "rho = r: expected a finite number > 0"),
        ({"kappa": sp.Abs(t - sp.Rational(1, 2))}, "expected a rational function of t"),
        ({"eps": 1 / (1 - t)}, "no solution of Derivative(V(t), t) = 2/(1 - t) is known to be 1 at t = 1"),
        ({"kappa": 1, "beta": "2*t"}, "not smooth and real on all of (0, 1)"),
    ],
    ids=str,
)
def test_refusals(given, message):
    with pytest.raises(InputError, match=re.escape(message)):
        lazy.solve(**given)


@pytest.mark.parametrize("ratio", [slow("0.001"), "1/100", 100, "pi", "sqrt(2)", "123/457"])
def test_extreme_and_irrational_ratios(ratio):
    schedule = lazy.solve(kappa=ratio)
    assert schedule.kind == "point-mass"
    assert schedule.validate().proved
    exact = parse_expression(str(ratio))
    q = 2 * exact / (1 + exact)
    assert decide_zero(schedule.alpha**2 - schedule.beta**q + schedule.beta**2).zero is True


def test_a_false_solution_is_not_confirmed():
    found = lazy.family()
    unknown = sp.Function("u", positive=True)(t)
    assert families._confirmed(found.equation, sp.Eq(unknown, found.alpha_squared))
    for wrong in (
        found.alpha_squared + t**2,
        rho**2 * (t ** (kappa / (1 + kappa)) - t**2),
        rho * (t ** (2 * kappa / (1 + kappa)) - t**2),
    ):
        assert not families._confirmed(found.equation, sp.Eq(unknown, wrong))


@pytest.mark.parametrize(
    ("mean", "cov", "message"),
    [
        ([0, 0], [[1, 2], [2, 1]], "covariance has a negative eigenvalue -1"),
        ([0, 0], [[1, 0.2], [0.5, 1]], "covariance is not symmetric"),
        ([0, 0, 0], [[1, 0], [0, 1]], "covariance has shape (2, 2); a mean of length 3 needs shape (3, 3)"),
        ([0, 0], [[1, 0], [0, 0]], "covariance has the eigenvalue 0: every direction needs a positive variance"),
        ([0, 0], [[1, 0], [0, float("nan")]], "covariance has 1 NaN or infinite entries"),
    ],
)
def test_covariances_without_a_frame(mean, cov, message):
    with pytest.raises(InputError, match=re.escape(message)):
        lazy.spectral(mean, cov)


@pytest.mark.parametrize("kappa", [1000, sp.Rational(1, 1999), sp.Rational(355, 113), sp.Rational(13, 1000), 10**4])
def test_any_rational_kappa_is_decided(kappa):
    """α² = β^q − β² with q = 2κ/(1 + κ) (theory C10), here by mpmath."""
    schedule = lazy.solve(kappa=kappa)
    assert schedule.validate().kind == "point-mass"
    assert schedule.validate().proved
    for time in (0.03125, 0.5, 0.875):
        alpha, beta = (float(value) for value in schedule.at(time)[:2])
        with mpmath.workdps(60):
            k = mpmath.mpf(sp.Rational(kappa).p) / sp.Rational(kappa).q
            exact = mpmath.mpf(time) ** (max((1 + k) / (2 * k), 1) if k < 1 else 1)
            assert beta == pytest.approx(float(exact), rel=1e-15)
            assert alpha == pytest.approx(float(mpmath.sqrt(exact ** (2 * k / (1 + k)) - exact**2)), rel=1e-15)
