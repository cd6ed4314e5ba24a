"""`symsched.codegen` as people call it: the function on the public surface, and the command line with its refusals."""

import os
import subprocess
import sys

import pytest
import sympy as sp

import symsched as ss
from symsched.cli.app import run
from symsched.errors import InputError


def fresh(code, **environment):
    """What a new Python process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_codegen_is_a_function_of_a_fresh_symsched():
    text = fresh("import symsched as ss; print(ss.codegen(ss.schedules.linear(), lang='c', kappa=1))")
    assert "linear_schedule(double t)" in text


def test_codegen_stays_a_package():
    out = fresh("import symsched as ss; from symsched.codegen import LANGUAGES, generate; print(ss.codegen.LANGUAGES)")
    assert "'latex'" in out


def test_an_unknown_language_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"unknown language 'cobol'.*known: numpy, numba, .*flow_matching\)$"):
        ss.codegen(ss.schedules.linear(), lang="cobol")


def test_codegen_of_something_else_is_refused():
    with pytest.raises(InputError, match=r"code from is '3' \(int\); it should be a Schedule"):
        ss.codegen(3)


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_hash_seed():
    asked = "print(ss.codegen(ss.schedules.follmer(), lang=lang, self_test=True))"
    code = f"import symsched as ss\nfor lang in ('numpy', 'c', 'julia'): {asked}"
    texts = {fresh(code, PYTHONHASHSEED=seed) for seed in ("1", "2", "4711")}
    assert len(texts) == 1


# -- bad input, from the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "vp", "--lang", "cobol"], "unknown language"),
        (["--to", "vp", "--lang", "pytorch"], "did you mean"),
        (["--to", "nope", "--lang", "c"], "unknown schedule"),
        (["--from", "nope", "--to", "vp", "--lang", "c"], "unknown schedule"),
        (["--to", "alpha=1-t", "--lang", "c"], "beta"),
        (["--to", "alpha=t; beta=1-t", "--lang", "c"], ""),
        (["--to", "geometric", "--lang", "c"], "geometric"),
        (["--to", "geometric(-1)", "--lang", "c"], "geometric"),
        (["--to", "lazy(kappa=-1)", "--lang", "c"], "kappa"),
        (["--to", "vp", "--lang", "c", "--kappa", "-1"], ">= 0"),
        (["--to", "vp", "--lang", "c", "--kappa", "soon"], "soon"),
        (["--to", "vp", "--lang", "c", "--kappa", "t"], "kappa"),
        (["--to", "vp", "--lang", "c", "--eps", "t"], "source"),
        (["--from", "linear", "--to", "vp", "--lang", "c", "--eps", "q"], "q"),
        (["--from", "linear", "--to", "vp", "--lang", "c", "--eps", "t", "--kappa", "1"], "both"),
        (["--from", "linear", "--to", "vp", "--lang", "c", "--eps", "-1"], "eps = -1 is negative on (0, 1)"),
        (["--from", "linear", "--to", "vp", "--lang", "c", "--eps", "t-1/2"], "is negative at t = 0.4375"),
        (["--to", "vp", "--lang", "sigmas", "--steps", "0"], "steps = 0"),
        (["--to", "vp", "--lang", "c", "--steps", "8"], "only --lang sigmas is a list of steps"),
        (["--to", "vp", "--lang", "latex", "--self-test"], "latex carries no self-test: expected one of numpy"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(arguments, message, capsys, tmp_path):
    path = tmp_path / "out.h"
    assert run(["codegen", *arguments, "-o", str(path)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["missing/out.py", "", "folder"])
def test_an_unwritable_path(where, capsys, tmp_path):
    (tmp_path / "folder").mkdir()
    assert run(["codegen", "--to", "linear", "--lang", "numpy", "-o", f"{tmp_path}/{where}"]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "-o" in captured.err
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_device_is_written_into_and_a_name_is_asked_for(capsys):
    assert run(["codegen", "--to", "linear", "--lang", "numpy", "-o", os.devnull]) == 0
    assert run(["codegen", "--to", "linear", "--lang", "numpy", "-o", ""]) == 2
    assert "-o '': no name; give the name of a file" in capsys.readouterr().err


def test_an_existing_file_stays_whole_without_force(capsys, tmp_path):
    path = tmp_path / "out.py"
    path.write_text("mine")
    assert run(["codegen", "--to", "linear", "--lang", "numpy", "-o", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert run(["codegen", "--to", "nope", "--lang", "numpy", "-o", str(path), "--force"]) == 2
    assert path.read_text() == "mine"
    assert run(["codegen", "--to", "linear", "--lang", "numpy", "-o", str(path), "--force"]) == 0
    assert "def schedule" in path.read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["out.py"]


@pytest.mark.parametrize("name", ["h", "n", "keep", "t_next", "alpha"])
def test_a_parameter_with_a_name_of_the_generated_code_is_refused(name):
    open_schedule = ss.Schedule(sp.Symbol(name, positive=True) * (1 - ss.t), ss.t)
    with pytest.raises(InputError, match="rename it"):
        ss.codegen(open_schedule, lang="c")
