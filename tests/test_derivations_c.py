"""The derivations of C16 to C22: everything they claim holds, and every sabotaged twin is rejected."""

from functools import lru_cache

import pytest
from slowness import slow

from symsched.collection import load, theory
from symsched.theorem import Setting, run_check

THEOREMS = {one.name: one for path in theory() if "c16" <= path.name[:3] <= "c22" for one in load(str(path))}
RANDOM = [name for name, one in THEOREMS.items() if any(check.kind == "monte_carlo" for check in one.checks)]


@lru_cache
def results(name, kinds):
    return [run_check(check, Setting()) for check in THEOREMS[name].checks if check.kind in kinds]


def assert_all_hold(found):
    for result in found:
        for outcome in result.outcomes:
            assert outcome.passed, f"{result.description}: {outcome.detail}"
        for wrong, rejected, how in result.twins:
            assert rejected, f"{result.description}: accepts {wrong!r} ({how})"


@pytest.mark.parametrize("name", [slow(c) if c in ("C21", "C22") else c for c in THEOREMS])
def test_steps_values_and_signs_hold_and_their_twins_do_not(name):
    found = results(name, ("step", "values", "interval"))
    assert {result.kind for result in found} >= {"step", "values", "interval"}
    assert_all_hold(found)


@pytest.mark.parametrize("name", RANDOM)
def test_monte_carlo_agrees_rejects_its_twins_and_states_its_error_rates(name):
    found = results(name, ("monte_carlo",))
    assert_all_hold(found)
    for check in THEOREMS[name].checks:
        if check.kind == "monte_carlo":
            evidence = check(Setting(seed=1))
            assert evidence.accepted
            assert evidence.false_positive <= 1e-6
            assert evidence.power > 0.99


@pytest.mark.parametrize("name", THEOREMS)
def test_the_statement_comes_first_and_every_check_has_a_twin(name):
    found = THEOREMS[name]
    assert found.statement
    assert found.hypotheses
    assert found.source
    assert all(check.twins for check in found.checks)
