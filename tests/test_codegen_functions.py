"""Every function that a formula may use, in every language: the code runs and is right, or the function is refused."""

import subprocess

import numpy as np
import pytest
import sympy as sp

import symsched.codegen as codegen
from symsched.codegen.emit import language
from symsched.codegen.languages.c import OPENING
from symsched.codegen.languages.julia import Julia
from symsched.codegen.languages.numba import Numba
from symsched.codegen.program import Output, Routine
from symsched.codegen.quantities import Quantity
from symsched.errors import InputError
from symsched.exact.balls import Evaluator
from symsched.parsing.whitelist import FUNCTIONS
from symsched.schedule import Schedule
from symsched.symbols import t

TIMES = (0.0625, 0.375, 0.6, 0.9375)
ABSENT = {"LambertW"}
FROM_ONE = {"acosh": 1 + t, "log": 2 + t}
UNITS = 16.0  # of 2^-52: what a library may be off by, in a function of a sum that is rounded


def applied(name):
    """The function at an argument in its domain, whose values stay away from 0."""
    return FUNCTIONS[name].build(FROM_ONE.get(name, (1 + t) / 4))


def probe(names):
    """A function of t that returns them all."""
    bare = sp.Symbol("t")
    outputs, lines = [], []
    for name in names:
        letter = sp.Symbol(f"y_{name}")
        lines.append((letter, applied(name).subs(t, bare)))
        outputs.append(Output(Quantity(letter, letter, applied(name), 4.0, (None, None)), (None, None)))
    return Routine("probe", "all functions", (), tuple(lines), tuple(outputs))


PRESENT = [name for name in FUNCTIONS if name not in ABSENT]
EXACT = np.array([Evaluator(tuple(map(applied, PRESENT)), t).at(time) for time in TIMES])


def worst(found):
    return float(np.max(np.abs(np.array(found, dtype=float) / EXACT - 1)) * 2**52)


def executed(text):
    names = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output
    return names["probe"]


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_arrays(library):
    module, dialect = pytest.importorskip(library), language(library)()
    if library == "jax":
        module.config.update("jax_enable_x64", True)
    text = dialect.function(probe(PRESENT))
    times = module.tensor(TIMES, dtype=module.float64) if library == "torch" else np.array(TIMES)
    found = executed(dialect.joined([*dialect.opening(text), text]))(times)
    assert worst(np.array([np.asarray(v) for v in found]).T) < UNITS


def test_numba():
    found = executed("import math\nfrom numba import njit\n" + Numba().function(probe(PRESENT)))
    assert worst([found(time) for time in TIMES]) < UNITS


@pytest.mark.parametrize("lang", ["c", "c_float"])
def test_c(lang, tmp_path):
    emitter, single = language(lang)("p"), lang == "c_float"
    name = f"{emitter.name}_probe"
    shown = "".join(f'printf("%.17g ", (double)v.y_{name}); ' for name in PRESENT)
    kind, suffix = ("float", "f") if single else ("double", "")
    calls = "\n".join(f"    {{ const {name}_t v = {name}({time}{suffix}); {shown} }}" for time in TIMES)
    header = f"#include <stdio.h>\n{OPENING}{emitter.function(probe(PRESENT))}"
    (tmp_path / "probe.c").write_text(f"{header}\nint main(void)\n{{\n{calls}\n    return 0;\n}}\n")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run(["gcc", *flags, "probe.c", "-o", "probe", "-lm"], cwd=tmp_path, check=True)
    text = subprocess.run([tmp_path / "probe"], capture_output=True, text=True, check=True).stdout
    found = np.array(text.split(), dtype=float).reshape(EXACT.shape)
    assert kind in header
    assert worst(found) < UNITS * (2**29 if single else 1)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_julia_has_it_or_it_is_refused(name):
    function = probe([name])
    if name in {"LambertW", "erf", "erfc"}:
        with pytest.raises(NotImplementedError, match=rf"^{name}$"):
            Julia().function(function)
    else:
        assert f"y_{name} = " in Julia().function(function)
        assert not {"cot", "sec", "csc", "coth", "sech", "csch"} & set(
            Julia().function(function).replace("(", " ").split()
        )


@pytest.mark.parametrize("lang", [name for name in codegen.LANGUAGES if name not in ("latex", "mathematica", "sigmas")])
def test_what_is_refused_is_named_as_it_was_written(lang):
    schedule = Schedule(1 - t, sp.LambertW(t) / sp.LambertW(1))
    with pytest.raises(InputError, match="there is no LambertW in"):
        codegen.generate(schedule, lang)
