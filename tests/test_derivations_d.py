"""The derivations of C23 to C30, as far as they are there: all that they claim holds, and every twin is rejected."""

from functools import lru_cache

import pytest
from slowness import slow

from symsched.collection import load, theory
from symsched.theorem import Setting, run_check

PATHS = {f"C{number}": path for path in theory() if (number := int(path.name[1:3])) >= 23}


def theorem(name):
    (found,) = load(str(PATHS[name]))
    return found


@lru_cache
def results(name, *kinds):
    return [run_check(check, Setting(seed=3)) for check in theorem(name).checks if check.kind in kinds]


def assert_all_hold(found):
    assert found
    for result in found:
        for outcome in result.outcomes:
            assert outcome.passed, f"{result.description}: {outcome.detail}"
        assert result.twins, f"{result.description}: a check without a twin proves nothing"
        for wrong, rejected, how in result.twins:
            assert rejected, f"{result.description}: accepts {wrong!r} ({how})"


@pytest.mark.parametrize("name", [slow(c) if c in ("C25", "C29", "C30") else c for c in PATHS])
def test_steps_and_values_hold_and_their_twins_do_not(name):
    assert_all_hold(results(name, "step", "values"))


@pytest.mark.parametrize("name", PATHS)
def test_signs_are_proved_on_the_whole_interval(name):
    assert_all_hold(results(name, "interval"))


@pytest.mark.parametrize("name", [slow(c) if c in ("C23", "C26") else c for c in PATHS])
def test_simulations_accept_the_claim_and_reject_the_twins(name):
    assert_all_hold(results(name, "monte_carlo"))


@pytest.mark.parametrize("name", [slow(c) if c == "C26" else c for c in PATHS])
def test_simulations_state_their_error_rates(name):
    for check in theorem(name).checks:
        if check.kind == "monte_carlo":
            evidence = check(Setting(seed=1, most=20_000))
            assert evidence.accepted
            assert evidence.false_positive <= 1e-6
            assert evidence.power > 0.99


@pytest.mark.parametrize("name", PATHS)
def test_the_claim_is_called_as_its_file_is_and_says_what_it_supposes(name):
    found = theorem(name)
    assert found.name == name
    assert found.statement
    assert found.hypotheses
    assert found.source
