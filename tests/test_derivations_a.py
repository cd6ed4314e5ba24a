"""Derivations C1 to C7: every check passes, every twin is rejected, and false theorems are found out."""

import json
import subprocess
import sys

import pytest
import sympy as sp

from symsched.collection import load, theory
from symsched.exact.zero import decide_zero
from symsched.symbols import t
from symsched.theorem import Setting, run_check
from symsched.verification import verify

CLAIMS = [f"C{k}" for k in range(1, 8)]
HEAVY = ("C1", "C2", "C3", "C4")  # of which the whole catalogue is asked
LONG = ("Catalogue", "There and back")  # checks of theirs
QUICK = ("C7",)  # Monte Carlo on the kernel of affine steps


def theorem_of(name):
    (path,) = [path for path in theory() if path.name.startswith(f"c{int(name[1:]):02d}_")]
    (found,) = load(str(path))
    return found


def checks(kinds, names=CLAIMS):
    return [
        pytest.param(
            check,
            id=f"{name}: {check.description}",
            marks=[pytest.mark.slow] * (name in HEAVY and any(word in check.description for word in LONG)),
        )
        for name in names
        for check in theorem_of(name).checks
        if check.kind in kinds
    ]


@pytest.mark.parametrize("check", checks(("step", "values", "interval")))
def test_exact_checks_pass_and_their_twins_are_rejected(check):
    result = run_check(check, Setting())
    assert all(o.passed for o in result.outcomes), [o.detail for o in result.outcomes]
    assert result.twins, "a check without a twin proves nothing"
    for wrong, rejected, how in result.twins:
        assert rejected, f"{wrong}: {how}"


@pytest.mark.parametrize("check", checks(("monte_carlo",), QUICK))
def test_simulations_accept_the_claim_and_reject_the_twins(check):
    accept_and_reject(check)


@pytest.mark.slow
@pytest.mark.parametrize("check", checks(("monte_carlo",), sorted(set(CLAIMS) - set(QUICK))))
def test_slower_simulations_accept_the_claim_and_reject_the_twins(check):
    accept_and_reject(check)


def accept_and_reject(check):
    result = run_check(check, Setting(seed=7))
    (outcome,) = result.outcomes
    assert outcome.passed, outcome.detail
    assert "false positives" in outcome.detail
    for wrong, rejected, how in result.twins:
        assert rejected, f"{wrong}: {how}"


@pytest.mark.parametrize("name", CLAIMS)
def test_each_claim_says_what_it_supposes_and_where_it_comes_from(name):
    theorem = theorem_of(name)
    assert theorem.name == name
    assert theorem.hypotheses
    assert theorem.source
    assert {"step", "values", "interval"} <= {check.kind for check in theorem.checks}


# -- a false theorem of a user -------------------------------------------------------------------------------------

FALSE = """
import symsched as ss
from symsched.symbols import alpha, beta
from symsched.theorem import Theorem

claim = Theorem(name="U1", title="ε* without its square", statement="ε* = α d/dt log r")


@claim.step("ε* is α times the rate of log r")
def wrong(power=1):
    schedule = ss.Schedule(alpha, beta)
    return {"difference": schedule.eps_star - alpha**power * schedule.log_r_dot}


claim.sabotage(wrong, "α³", power=3)
"""


@pytest.fixture
def false_theorem(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FALSE, encoding="utf-8")
    return str(path)


@pytest.mark.slow
def test_a_false_theorem_is_rejected_with_its_step_and_its_residual(false_theorem):
    command = [sys.executable, "-m", "symsched.cli", "verify", false_theorem, "--level", "symbolic"]
    run = subprocess.run([*command, "--json", "-"], capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    (verdict,) = json.loads(run.stdout)["claims"]
    assert verdict["exact"] is False
    assert verdict["numeric"] is False
    assert verdict["sabotage"] == {"tried": 1, "rejected": 1}
    shown = " ".join(verdict["failures"])
    assert "ε* is α times the rate of log r" in shown
    assert "difference = " in shown
    assert "alpha(t)" in shown


def test_a_false_theorem_is_named_in_the_table_too(false_theorem):
    report = verify(false_theorem, level="symbolic", workers=1)
    assert not report.passed
    assert any("ε* is α times the rate of log r" in line for v in report for line in v.failures)


def test_the_same_theorem_with_the_square_holds(tmp_path):
    path = tmp_path / "mended.py"
    path.write_text(FALSE.replace("power=1", "power=2"), encoding="utf-8")
    assert verify(str(path), level="symbolic", workers=1).passed


# -- decisions on which these derivations rest --------------------------------------------------------------------

A, B = sp.exp(20 * t), sp.exp(10 * t)


@pytest.mark.parametrize(
    "zero",
    [
        sp.sqrt(3 * A - 1) - sp.sqrt(3 * B**2 - 1),  # one base, in two powers
        sp.sqrt(B**2 - t**2) - sp.sqrt(B - t) * sp.sqrt(B + t),  # a base that splits once √A is known to be B
        sp.sqrt(1 / (A - t)) * sp.sqrt(A - t) - 1,  # the sign of one unknown factor is that of its base
    ],
    ids=str,
)
def test_radicals_of_one_base_are_recognised(zero):
    assert decide_zero(zero).zero is True


def test_one_function_at_equal_arguments_is_never_refuted():
    """√A − B = 0 is seen late: two letters for f at the same place must not bear witness against f − f = 0."""
    f = sp.Function("f", positive=True)
    one, other = f(sp.sqrt(3 * A - 1)), f(sp.sqrt(3 * B**2 - 1))
    assert decide_zero(one - other).zero is not False
    assert decide_zero(one - f(t)).zero is False
