"""`symsched simulate`: its JSON and table agree with the library, and its mistakes are one line and exit code 2."""

import dataclasses
import json

import numpy as np
import pytest

from symsched import montecarlo
from symsched.data import Gaussian
from symsched.montecarlo import simulate
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import t

COMMON = ("simulate", "--schedule", "linear", "--data", "gaussian(1,1/2)", "--paths", "3000", "--steps", "10")
SDE = InterpolantSDE(Schedule(1 - t, t), Gaussian(1, 0.5), eps=t / 2)


@pytest.mark.slow
def test_json_holds_what_the_library_returns(cli):
    code, out, _ = cli(*COMMON, "--eps", "t/2", "--save", "0.55,1", "--seed", "7", "--scheme", "heun", "--json")
    found, expected = json.loads(out), simulate(SDE, 3000, 10, "heun", seed=7, save=[0.55, 1])
    assert code == 0
    assert (found["paths"], found["steps"], found["partial"], found["eps"]) == (3000, 10, False, "t/2")
    rows = found["values"]
    assert [row["t"] for row in rows] == [0.55, 1]
    assert [row["mean"] for row in rows] == expected.mean.tolist()
    assert [row["var"] for row in rows] == expected.var.tolist()
    assert [row["quantiles"]["0.5"] for row in rows] == expected.quantiles([0.5])[:, 0].tolist()


def test_the_table_is_tab_separated_when_piped_and_nothing_else(cli):
    code, out, err = cli(*COMMON, "--quantiles", "1/4")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split("\t") == ["t", "mean", "±", "var", "± ", "q0.25"]
    np.testing.assert_allclose([float(v) for v in lines[2].split("\t")][:2], [1, 1], atol=0.1)
    assert len(lines) == 3
    assert err.startswith("3000 paths, 10 steps")


def test_the_table_is_aligned_on_a_terminal(cli, monkeypatch):
    """Right-aligned, with as many columns as are wide enough side by side, and no number cut."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    code, out, err = cli(*COMMON)
    *table, remark = out.splitlines()
    assert (code, err) == (0, "")
    assert remark.startswith("3000 paths")
    assert {len(line) for line in table[:3]} == {len(table[0])}
    assert table[0].split() == ["t", "mean", "±", "var", "±", "q0.05"]
    assert (table[3], table[4].split()) == ("", ["t", "q0.5", "q0.95"])


def test_a_checkpoint_goes_on(cli, tmp_path):
    file = str(tmp_path / "run")
    cli(*COMMON, "--checkpoint", file)
    first = json.loads(cli(*COMMON[:-4], "--paths", "5000", "--steps", "10", "--checkpoint", file, "--json")[1])
    whole = json.loads(cli(*COMMON[:-4], "--paths", "5000", "--steps", "10", "--json")[1])
    assert first["values"] == whole["values"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--paths", "0"), "paths is 0"),
        (("--steps", "-1"), "steps is -1"),
        (("--scheme", "magic"), "unknown scheme 'magic' (known: euler"),
        (("--save", "2"), "--save '2': '2' is not a time in [0, 1]"),
        (("--quantiles", "7"), "--quantiles '7': '7' is not a number in [0, 1]"),
        (("--kappa", "1", "--save", "0"), "infinite at t = 0"),
        (("--kappa", "1", "--eps", "1"), "--kappa and --eps are both given"),
        (("--eps", "-1"), "should be >= 0"),
        (("--data", "gaussian(0,rho)"), "parameters without a value: rho"),
        (("--dtype", "half"), "dtype is 'half'"),
        (("--checkpoint", "/no/such/folder/file"), "cannot write there"),
    ],
)
def test_mistakes(cli, extra, message):
    code, out, err = cli(*COMMON, *extra)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_run_that_was_cut_short_is_shown_and_not_called_whole(cli, monkeypatch):
    whole = montecarlo.simulate
    monkeypatch.setattr(montecarlo, "simulate", lambda *a, **k: dataclasses.replace(whole(*a, **k), partial=True))
    code, out, err = cli("simulate", "--schedule", "linear", "--data", "gaussian(0,1)", "--paths", "64", "--steps", "2")
    assert code == 130
    assert len(out.splitlines()) == 3
    assert "partial: the run was interrupted" in err
