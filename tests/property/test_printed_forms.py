"""parse(print(x)) = x for whatever is printed, and generated code that agrees with SymPy, on random schedules."""

import ctypes
import importlib.util
import json
import shutil
import subprocess

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from random_schedules import TIMES, combinations, lazies, schedules

from symsched import catalog
from symsched.cli.app import run
from symsched.codegen import generate
from symsched.conversion import convert
from symsched.exact import neat
from symsched.parsing import parse_expression
from symsched.schedule import Schedule

ULPS = 64  # what the accuracy of a stable form is held to; the module's own test is sharper
INSIDE = np.array(TIMES)
GCC = shutil.which("gcc")
STRICT = (GCC, "-std=c99", "-Wall", "-Wextra", "-Werror")


@given(schedules)
def test_a_printed_schedule_parses_to_itself(schedule):
    printed = f"alpha={schedule.alpha}; beta={schedule.beta}"
    again = catalog.from_text(printed)
    assert again == schedule
    assert str(again) == printed


@given(schedules | lazies().map(lambda drawn: drawn[0]))
def test_printed_quantities_parse_to_themselves(schedule):
    for expr in (schedule.alpha_dot, schedule.beta_dot, schedule.r, schedule.eps_star, schedule.variance(2)):
        settled = parse_expression(str(expr))  # the form that printing and reading leaves alone
        assert parse_expression(str(settled)) == settled
        half = {symbol: sp.Rational(1, 3) for symbol in expr.free_symbols}
        assert abs(sp.N((settled - expr).subs(half), 30)) < 1e-25


@pytest.mark.slow
@settings(max_examples=4)
@given(schedules)
def test_json_of_the_command_line_parses_back(schedule):
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(["derive", "epsstar", "--schedule", f"alpha={schedule.alpha}; beta={schedule.beta}",
                    "--format", "json"]) == 0  # fmt: skip
    (formula,) = json.loads(out.getvalue())["formulas"]
    third = sp.Rational(1, 3)
    (symbol,) = schedule.alpha.free_symbols
    found = parse_expression(formula["expression"]).subs(symbol, third)
    assert abs(sp.N(found - schedule.eps_star.subs(symbol, third), 30)) < 1e-25


@pytest.mark.slow
@given(schedules)
@settings(max_examples=4)
def test_what_is_written_anew_keeps_its_value_and_stays(schedule):
    for expr in (schedule.r, schedule.eps_star, schedule.log_r_dot):
        written = neat(expr)
        third = {symbol: sp.Rational(1, 3) for symbol in expr.free_symbols}
        assert abs(sp.N((written - expr).subs(third), 30)) < 1e-25 * (1 + abs(sp.N(expr.subs(third))))
        assert neat(written) == written


# -- generated code ---------------------------------------------------------------------------------------------------


def loaded(text, path):
    """The module written to a file and imported from there."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_agrees(found, exact):
    for one, other in zip(found, exact, strict=True):
        assert (np.abs(one - other) <= ULPS * 2.0**-52 * np.abs(other)).all(), (one, other)


@pytest.mark.slow
@settings(max_examples=3)
@given(combinations())
def test_emitted_code_agrees_with_sympy(tmp_path_factory, schedule):
    """A schedule and the conversion to it, in NumPy, and the schedule in C."""
    folder, conversion = tmp_path_factory.mktemp("code"), convert(catalog.linear(), schedule)
    module = loaded(generate(conversion, "numpy"), folder / "emitted.py")
    assert_agrees(module.schedule(INSIDE), schedule.at(INSIDE))
    assert_agrees(module.conversion(INSIDE)[:2], conversion.at(INSIDE)[:2])
    if GCC is not None:
        (folder / "emitted.h").write_text(generate(schedule, "c", self_test=True))
        subprocess.run([*STRICT, "-DSELF_TEST", "-x", "c", "emitted.h", "-o", "check", "-lm"], cwd=folder, check=True)
        subprocess.run(["./check"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        assert_agrees(c_schedule(folder), schedule.at(INSIDE))


@pytest.mark.slow
def test_the_self_test_of_a_combination_passes(tmp_path):
    schedule = Schedule("3/4 - 3*t**2/4 + cos(pi*t/2)/4", "4*t**3/25 + 21*t**2/25")
    loaded(generate(schedule, "numpy", self_test=True), tmp_path / "emitted.py").self_test()


def test_the_comparison_sees_a_wrong_module(tmp_path):
    text = generate(Schedule("1 - t", "t**2"), "numpy")
    module = loaded(text, tmp_path / "emitted.py")
    with pytest.raises(AssertionError):
        assert_agrees(module.schedule(INSIDE), Schedule("1 - t", "t**2*(1 + (1-t)/10**10)").at(INSIDE))


def c_schedule(folder):
    """α, β, α̇, β̇ at the times, from the C header through a shared library."""
    (folder / "use.c").write_text(
        '#include "emitted.h"\nvoid at(double t, double *out) {\n'
        "    const custom_schedule_t v = custom_schedule(t);\n"
        "    out[0] = v.alpha; out[1] = v.beta; out[2] = v.alpha_dot; out[3] = v.beta_dot;\n}\n"
    )
    subprocess.run([*STRICT, "-shared", "-fPIC", "use.c", "-o", "use.so", "-lm"], cwd=folder, check=True)
    library, row = ctypes.CDLL(str(folder / "use.so")), (ctypes.c_double * 4)()
    rows = []
    for time in INSIDE:
        library.at(ctypes.c_double(time), row)
        rows.append(list(row))
    return np.array(rows).T
