"""The derivations of C8 to C15: everything they claim holds, and every sabotaged twin is rejected."""

from functools import lru_cache

import pytest
from slowness import quick

import symsched as ss
from symsched.collection import load, theory
from symsched.theorem import Setting, run_check

NAMES = [f"C{k}" for k in range(8, 16)]


def theorem(name):
    path = next(p for p in theory() if p.name.startswith(f"c{int(name[1:]):02}_"))
    (found,) = load(str(path))
    return found


@lru_cache
def results(name, kinds):
    return [run_check(check, Setting()) for check in theorem(name).checks if check.kind in kinds]


def assert_all_hold(found):
    assert found
    for result in found:
        for outcome in result.outcomes:
            assert outcome.passed, f"{result.description}: {outcome.detail}"
        for wrong, rejected, how in result.twins:
            assert rejected, f"{result.description}: accepts {wrong!r} ({how})"


@pytest.mark.parametrize("name", quick(["C12", "C13", "C15"], NAMES))
def test_steps_and_values_hold_and_their_twins_do_not(name):
    assert_all_hold(results(name, ("step", "values")))


@pytest.mark.parametrize("name", NAMES)
def test_signs_are_proved_on_the_whole_interval(name):
    assert_all_hold(results(name, ("interval",)))


@pytest.mark.parametrize("name", ["C8", "C11", "C12"])
def test_monte_carlo_agrees_and_rejects_its_twins(name):
    assert_all_hold(results(name, ("monte_carlo",)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["C9", "C10", "C14", "C15"])
def test_slower_monte_carlo_agrees_and_rejects_its_twins(name):
    assert_all_hold(results(name, ("monte_carlo",)))


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_comes_first_and_every_check_has_a_twin(name):
    found = theorem(name)
    assert found.name == name
    assert found.statement
    assert found.hypotheses
    assert found.source
    assert all(check.twins for check in found.checks)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["C8", "C9", "C10", "C11", "C12", "C14", "C15"])
def test_monte_carlo_states_its_error_rates(name):
    for check in theorem(name).checks:
        if check.kind == "monte_carlo":
            evidence = check(Setting(seed=1))
            assert evidence.accepted
            assert evidence.false_positive <= 1e-6
            assert evidence.power > 0.99


def test_the_lazy_drift_of_any_data_is_the_package_s():
    """C10's closed form for any data, against the drift of a mixture at numbers."""
    sde = ss.InterpolantSDE(ss.schedules.lazy(2, rho=3), ss.GaussianMixture([0.25, 0.75], [-1, 2], [0.5, 1]), kappa=2)
    time, state = 0.3, 0.7
    weight = time ** (2 / 3)  # w = β^(2/(1+κ)) in the clock β = t
    eta = sde.data.eta_x_at(*(float(v[0]) for v in sde.schedule.at([time])[:2]), state)
    expected = (eta - weight / time * state) / (1 - weight)
    assert sde.drift_at(time, state) == pytest.approx(float(expected), rel=1e-13)
