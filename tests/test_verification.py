"""Collecting, running and reporting theorems: files of the project and of the user."""

import json
import os
import subprocess
import sys

import pytest

from symsched.collection import collect, derivations_folder
from symsched.errors import InputError
from symsched.verification import verify

TRUE = """
from symsched.symbols import alpha, t
from symsched.theorem import Theorem

theorem = Theorem("SQ", "square", "(α²)' = 2αα'", assumptions=("none",))


@theorem.step("chain rule")
def chain(factor=2):
    return (alpha**2).diff(t) - factor * alpha * alpha.diff(t)


theorem.sabotage(chain, "factor", factor=3)
"""


@pytest.fixture
def true_file(tmp_path):
    path = tmp_path / "square.py"
    path.write_text(TRUE)
    return str(path)


def test_a_users_file_is_verified(true_file):
    report = verify(true_file, level="symbolic")
    (verdict,) = report
    assert report.passed
    assert (verdict.name, verdict.exact, verdict.numeric, verdict.montecarlo) == ("SQ", True, True, None)
    assert verdict.sabotage == (1, 1)


def test_processes_and_one_process_agree(true_file, tmp_path):
    second = tmp_path / "again.py"
    second.write_text(TRUE.replace("SQ", "SQ2"))
    names = [true_file, str(second)]

    def gist(report):
        return [(v.name, v.exact, v.numeric, v.sabotage, v.failures) for v in report]

    assert gist(verify(names, workers=1)) == gist(verify(names, workers=2))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every script needs the guard")
def test_a_script_with_threads_is_told_of_the_guard_that_it_needs(true_file, tmp_path):
    """Beside a thread nothing is forked, so that the script itself is imported by each process."""
    second, script = tmp_path / "again.py", tmp_path / "script.py"
    second.write_text(TRUE.replace("SQ", "SQ2"))
    bare = "import threading; from symsched.verification import verify; stop = threading.Event()\n"
    bare += (
        f"threading.Thread(target=stop.wait, daemon=True).start()\nprint(verify({[true_file, str(second)]}).passed)\n"
    )
    script.write_text(bare)
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert found.returncode == 1
    assert "InputError: a process of this run ended early: in a script, work belongs under" in found.stderr
    script.write_text(bare.replace("print(", 'if __name__ == "__main__": print('))
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert (found.stdout, found.stderr) == ("True\n", "")


def test_the_json_form_is_stable_and_complete(true_file):
    document = json.loads(json.dumps(verify(true_file, workers=1).document()))
    assert document["passed"] is True
    (claim,) = document["claims"]
    wanted = {"name", "exact", "numeric", "interval", "coq", "montecarlo", "sabotage", "assumptions", "seconds"}
    assert wanted <= set(claim)
    assert claim["interval"] is None
    assert claim["sabotage"] == {"tried": 1, "rejected": 1}
    assert claim["assumptions"] == ["none"]


def test_progress_is_told_of_each_theorem(true_file):
    seen = []
    verify(true_file, workers=1, progress=lambda done, total, title: seen.append((done, total, title)))
    assert [s[0] for s in seen] == [1, 2]
    assert {s[1] for s in seen} == {2}


def test_a_false_theorem_ends_in_exit_1_and_names_step_and_residual(tmp_path):
    path = tmp_path / "false.py"
    path.write_text(TRUE.replace("factor=2", "factor=1"))
    run = subprocess.run(
        [sys.executable, "-m", "symsched.cli", "verify", str(path)], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 1
    assert "chain rule" in run.stdout
    assert "residual = alpha(t)*Derivative(alpha(t), t)" in run.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name\n", "line 1: the file does not run: ModuleNotFoundError"),
        ("x = 1\ny = (\n", "line 2: the file does not run: SyntaxError"),
        ("x = 1\n", "binds no Theorem"),
    ],
)
def test_files_that_are_no_derivations_are_refused(tmp_path, text, message):
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        verify(str(path))


def test_unknown_names_and_levels_are_refused():
    with pytest.raises(InputError, match=r"no claim 'C99': .*expected one of C1"):
        collect(["C99"])
    with pytest.raises(InputError, match="expected a Python file"):
        collect([os.path.join("no", "such", "file.py")])
    with pytest.raises(InputError, match=r"unknown level 'exact'.*known: symbolic, interval, montecarlo, all"):
        verify("C1", level="exact")


def test_every_derivation_states_its_claim_and_sabotages_every_check():
    """The form that the theory's own files keep."""
    from symsched.collection import load, theory

    files = theory()
    assert files
    assert all(path.parent == derivations_folder() for path in files)
    for path in files:
        for theorem in load(str(path)):
            assert theorem.statement
            assert theorem.source or theorem.assumptions
            assert theorem.checks
            untested = [check.description for check in theorem.checks if not check.twins]
            assert not untested, f"{theorem.name}: no twin for {untested}"
