"""Interval certificates: proved, refuted or undecided; the independent checker believes nothing that was touched."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
import sympy as sp

import symsched as ss
from symsched.catalog.registry import from_text
from symsched.certify import check_signs
from symsched.certify.interval import certify_schedule, certify_sign, document
from symsched.cli.app import run
from symsched.errors import UndecidedError
from symsched.symbols import t

SCHEDULES = {
    "linear": "linear()",
    "roots": "linear_vp()",
    "trigonometric": "vp()",
    "exponential": "ddpm()",
    "point mass": "follmer()",
    "nobody's": "alpha=(1-t)*exp(-t); beta=log(1+t)/log(2)",
}


@pytest.mark.parametrize("text", SCHEDULES.values(), ids=SCHEDULES)
def test_conditions_of_a_schedule_are_certified(text):
    *conditions, variance = certify_schedule(from_text(text))
    assert [one.outcome for one in conditions] == ["proved"] * 4
    assert all(check_signs.proved(one.evidence) for one in conditions)
    slope = sp.lambdify(t, from_text(text).variance(1).diff(t), "mpmath")
    falls = any(slope(k / 64) < -1e-12 for k in range(1, 64))
    assert variance.outcome == ("refuted" if falls else "proved")


def test_a_refutation_has_a_time_at_which_it_fails():
    one = certify_sign("t > 1/3", t - sp.Rational(1, 3))
    assert one.outcome == "refuted"
    assert sp.Rational(one.evidence["witness"]["t"]) < sp.Rational(1, 3)


def test_zero_is_no_strict_sign():
    assert certify_sign("0 > 0", sp.sin(t) ** 2 + sp.cos(t) ** 2 - 1).outcome == "refuted"
    assert certify_sign("0 >= 0", sp.Integer(0)).outcome == "proved"


@pytest.mark.parametrize(
    "expr",
    [(t - sp.Rational(1, 3)) ** 2, sp.erf(t), t**sp.pi, sp.exp(-1 / t)],
    ids=["touches 0", "unknown to the checker", "an irrational power", "flat at the end"],
)
def test_what_no_subdivision_shows_is_undecided_and_says_so(expr):
    one = certify_sign("f > 0", expr)
    assert one.outcome == "undecided"
    assert "no subdivision found" in one.how


CERTIFICATE = certify_sign("f", sp.sin(3 * t) * (1 - t) * sp.exp(t)).evidence


def spoil_tape(one):
    one["tape"][next(i for i, op in enumerate(one["tape"]) if op[0] == "3")] = ["13"]


def spoil_all_tapes(one):
    """A formula that is negative in between, said everywhere alike."""
    for tape in (one["tape"], one["low"]["tape"], one["high"]["tape"]):
        for operation in tape:
            if operation == ["3"]:
                operation[0] = "5"


SPOILERS = {
    "a piece is missing": lambda one: one["pieces"].pop(len(one["pieces"]) // 2),
    "a piece is shortened": lambda one: one["pieces"][0].__setitem__(1, "1/3"),
    "one piece for all": lambda one: one.__setitem__("pieces", [[one["pieces"][0][0], one["pieces"][-1][1]]]),
    "no pieces": lambda one: one.__setitem__("pieces", []),
    "another formula in between": spoil_tape,
    "another formula": spoil_all_tapes,
    "a longer reach": lambda one: one["low"].__setitem__("reach", "1"),
    "a shorter reach": lambda one: one["high"].__setitem__("reach", "1/1000000"),
    "another order": lambda one: one["low"].__setitem__("order", 0),
    "a higher order": lambda one: one["low"].__setitem__("order", 2),
    "another root": lambda one: one["high"].__setitem__("root", 2),
    "the other end": lambda one: one["low"].update(one["high"]),
}


def test_the_certificate_that_is_spoiled_below_is_sound():
    assert len(CERTIFICATE["pieces"]) > 1
    assert check_signs.proved(CERTIFICATE)


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
def test_a_corrupted_certificate_is_not_believed(spoil):
    wrong = copy.deepcopy(CERTIFICATE)
    spoil(wrong)
    assert not check_signs.proved(wrong)


def test_the_checker_works_alone_on_what_the_command_writes(tmp_path, capsys):
    assert run(["certify", "--schedule", "vp()", "-o", str(tmp_path), "--json", str(tmp_path / "same.json")]) == 0
    assert capsys.readouterr().out.count("proved") == 5
    written = json.loads((tmp_path / "signs.json").read_text())
    assert written == json.loads((tmp_path / "same.json").read_text())

    def checked():
        command = [sys.executable, "-I", "check_signs.py", "signs.json"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "symsched" not in "".join(
        line
        for line in Path(tmp_path, "check_signs.py").read_text().splitlines()
        if line.startswith(("import", "from"))
    )
    assert (checked().returncode, checked().stdout.count("confirmed")) == (0, 4)
    written["certificates"][0]["pieces"].pop()
    (tmp_path / "signs.json").write_text(json.dumps(written))
    assert checked().returncode == 1
    assert "WRONG" in checked().stdout


def test_a_refuted_condition_is_exit_1(tmp_path, capsys):
    assert run(["certify", "--schedule", "linear()", "-o", str(tmp_path)]) == 1
    assert "refuted" in capsys.readouterr().out


def test_the_document_is_json():
    found = document(certify_schedule(ss.schedules.follmer(), sp.Rational(1, 2)))
    assert json.loads(json.dumps(found)) == found


def test_what_takes_too_long_is_refused_as_a_whole(monkeypatch):
    """Each condition has doors of its own behind it: five times as long without one around them."""
    monkeypatch.setenv("SYMSCHED_SECONDS", "0.5")
    waves = sp.Mul(*(1 + sp.sin(k * t) / (40 * k) for k in range(1, 16)))
    with pytest.raises(UndecidedError, match=r"^certify_schedule: more than 0.5 s of a processor were needed"):
        certify_schedule(ss.Schedule(1 - t, t * waves / waves.subs(t, 1)))
