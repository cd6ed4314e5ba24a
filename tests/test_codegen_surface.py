"""`symsched.codegen` as people call it: the function on the public surface, and the command line with its refusals."""

import os
import subprocess
import sys

import pytest

import symsched as ss
from symsched.errors import InputError


def fresh(code, **environment):
    """What a new Python process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_codegen_is_a_function_of_a_fresh_symsched():
    text = fresh("import symsched as ss; print(ss.codegen(ss.schedules.linear(), lang='c', kappa=1))")
    assert "linear_schedule(double t)" in text


def test_codegen_stays_a_package():
    out = fresh("import symsched as ss; from symsched.codegen import LANGUAGES, generate; print(ss.codegen.LANGUAGES)")
    assert "'latex'" in out


def test_an_unknown_language_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"unknown language 'cobol': expected one of numpy, numba, .*flow_matching$"):
        ss.codegen(ss.schedules.linear(), lang="cobol")


def test_codegen_of_something_else_is_refused():
    with pytest.raises(InputError, match="cannot generate code from str: expected a Schedule or a Conversion"):
        ss.codegen("linear")


@pytest.mark.parametrize("lang", ["numpy", "c", "julia"])
def test_bytes_do_not_depend_on_the_hash_seed(lang):
    code = f"import symsched as ss; print(ss.codegen(ss.schedules.follmer(), lang={lang!r}, self_test=True))"
    texts = {fresh(code, PYTHONHASHSEED=seed) for seed in ("1", "2", "4711")}
    assert len(texts) == 1
