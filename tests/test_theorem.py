"""The framework of theorems: what each kind of check accepts, refuses, and makes of its sabotaged twins."""

import pytest
import sympy as sp

from symsched.errors import InputError
from symsched.symbols import alpha, beta, kappa, t
from symsched.theorem import Evidence, Setting, Theorem, run_check

SETTING = Setting()


@pytest.fixture
def theorem():
    return Theorem("T", "a test", "nothing in particular")


def outcome(check, route):
    return next(o for o in run_check(check, SETTING).outcomes if o.route == route)


def test_a_true_step_passes_exactly_and_numerically(theorem):
    @theorem.step("product rule")
    def product():
        return (alpha * beta).diff(t) - alpha.diff(t) * beta - alpha * beta.diff(t)

    result = run_check(product, SETTING)
    assert result.passed
    assert [o.route for o in result.outcomes] == ["exact", "numeric"]


def test_a_false_step_names_its_residual_and_a_witness(theorem):
    @theorem.step("wrong product rule")
    def product():
        return {"slope": (alpha * beta).diff(t) - alpha.diff(t) * beta}

    exact = outcome(product, "exact")
    assert not exact.passed
    assert "slope = alpha(t)*Derivative(beta(t), t)" in exact.detail
    assert "value " in exact.detail
    assert not outcome(product, "numeric").passed


def test_the_two_routes_of_a_step_are_independent(theorem):
    """A residual that vanishes only for particular functions is caught even where one route is switched off."""

    @theorem.step("not an identity", numeric=False)
    def only_exact():
        return alpha - beta

    assert [o.route for o in run_check(only_exact, SETTING).outcomes] == ["exact"]
    assert not run_check(only_exact, SETTING).passed


def test_symbolic_exponents_are_decided(theorem):
    q = 2 * kappa / (1 + kappa)

    @theorem.step("powers")
    def powers(shift=2):
        return beta**q - beta ** (q - shift) * beta**2

    theorem.sabotage(powers, "wrong shift", shift=3)
    result = run_check(powers, SETTING)
    assert result.passed
    assert result.twins[0][:2] == ("wrong shift", True)


def test_a_twin_that_is_accepted_fails_the_check(theorem):
    @theorem.step("insensitive")
    def insensitive(factor=1):
        return factor * (alpha - alpha)

    theorem.sabotage(insensitive, "a factor that does not matter", factor=2)
    result = run_check(insensitive, SETTING)
    assert all(o.passed for o in result.outcomes)
    assert not result.passed


def test_a_twin_that_breaks_the_check_is_not_rejected_by_it(theorem):
    @theorem.step("sensitive")
    def sensitive(power=1):
        return alpha**power / alpha - alpha ** (power - 1)

    theorem.sabotage(sensitive, "not a number at all", power="oops")
    twin = run_check(sensitive, SETTING).twins[0]
    assert twin[1] is False
    assert "TypeError" in twin[2]


def test_an_undecided_residual_is_a_failure_and_says_so(theorem):
    @theorem.step("nested radicals", numeric=False)
    def nested():
        return sp.sqrt(3 + 2 * sp.sqrt(2), evaluate=False) - 1 - sp.sqrt(2)

    found = outcome(nested, "exact")
    assert not found.passed
    assert found.error
    assert "undecided" in found.detail


def test_values_compare_at_fifty_digits(theorem):
    @theorem.values("the linear to Föllmer scale at 1/4")
    def scale(root=3):
        return [("c", sp.Rational(1, 4) + sp.sqrt(root) / 4, (1 + sp.sqrt(3)) / 4)]

    theorem.sabotage(scale, "off in the 30th digit", root=3 + sp.Rational(1, 10**30))
    result = run_check(scale, SETTING)
    assert result.passed
    assert result.twins[0][1]


def test_signs_are_proved_and_a_violation_is_located(theorem):
    @theorem.interval("V is non-decreasing")
    def rising(variance=t):
        return [("V'", variance.diff(t), "nonnegative")]

    theorem.sabotage(rising, "a dip", variance=t - sp.sin(8 * t) / 2)
    result = run_check(rising, SETTING)
    assert result.passed
    assert "mixed at t = " in result.twins[0][2]


def test_evidence_states_its_error_rates(theorem):
    @theorem.monte_carlo("a coin")
    def coin(setting, fair=True):
        return Evidence(fair, f"{setting.size(1000)} tosses", 1e-6, 0.9995)

    theorem.sabotage(coin, "loaded", fair=False)
    result = run_check(coin, Setting(paths=10))
    assert result.passed
    assert result.outcomes[0].detail == "10 tosses [false positives ≤ 1e-06, power > 99.9%]"


def test_sabotage_needs_a_check_of_the_same_theorem(theorem):
    other = Theorem("U", "another", "nothing")

    @other.step("somewhere else")
    def elsewhere(sign=1):
        return sp.Integer(sign) - sign

    with pytest.raises(InputError, match="T: sabotage 'stray' needs a check of this theorem and a wrong formula"):
        theorem.sabotage(elsewhere, "stray", sign=-1)
    with pytest.raises(InputError, match="wrong formula"):
        other.sabotage(elsewhere, "nothing replaced")
