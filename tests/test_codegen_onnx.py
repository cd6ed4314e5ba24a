"""ONNX: one graph, run by onnxruntime or as onnx defines it, right to the ends; what it lacks is refused."""

import copy
import importlib.util
import re
import sys
from contextlib import nullcontext
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_array_equal
from slowness import quick

import symsched as ss
from symsched.cli.app import run as command
from symsched.codegen import generate
from symsched.codegen.languages.onnx import Graph, Onnx
from symsched.codegen.module import Module
from symsched.codegen.program import Output, Routine
from symsched.codegen.quantities import Quantity
from symsched.codegen.references import Reference, Value
from symsched.codegen.stable import product_error, sum_error
from symsched.errors import InputError
from symsched.exact import values
from symsched.schedule import Schedule
from symsched.symbols import t

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

TIMES = np.array([0.0, 1e-300, 1e-12, 0.25, 0.4, 0.75, 1 - 2.0**-40, 1.0])
UNIT = 2.0**-52


def run(content, names, **given):
    """Outputs of a file."""
    session = onnxruntime.InferenceSession(content)
    shapes = {one.name: [1] * len(one.shape) for one in session.get_inputs()}
    return session.run(names, {name: np.asarray(given.get(name, np.zeros(s)), float) for name, s in shapes.items()})


PAIRS = {
    "closed": ("linear", "follmer"),
    "newton": ("alpha=1 - t**2; beta=sqrt(t)", "linear"),
    "truncated": ("ddpm", "linear"),
}


@lru_cache
def module(name):
    source, target = map(ss.catalog.from_text, PAIRS[name])
    return Module(target, source)


@pytest.fixture(scope="module")
def closed():
    return Onnx(module("closed").name).text(module("closed"), True)


# -- the file ---------------------------------------------------------------------------------------------------------


def test_values_are_those_of_the_symbolic_engine(closed):
    conversion = ss.convert("linear", "follmer")
    exact = {s: getattr(conversion.target, s) for s in ("alpha", "beta")}
    exact |= {name: getattr(conversion, name) for name in ("tau", "scale", "tau_dot", "scale_dot")}
    exact |= {f"{name}_dot": exact[name].diff(t) for name in ("alpha", "beta")}
    found = run(closed, list(exact), t=TIMES)
    for name, got, want in zip(exact, found, values(tuple(exact.values()), TIMES), strict=True):
        assert_array_equal(got[[0, -1]], want[[0, -1]], name)
        got, want = got[1:-1], want[1:-1]
        assert np.max(np.abs(got / want - 1)) < 4 * UNIT, name
        assert np.max(np.abs(got * (1 + 9 * UNIT) / want - 1)) > 4 * UNIT, name  # the twin


@pytest.mark.parametrize("name", quick(["closed"], ["closed", "newton", "truncated"]))
def test_it_is_valid_and_passes_its_own_test(name):
    """Without the self-test it is the same graph, and the same bytes each time."""
    made = module(name)
    tested, plain = (Onnx(made.name).text(made, test) for test in (True, False))
    for content in (tested, plain):
        onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    assert 0 < run(tested, ["self_test"])[0] < 10
    assert plain == Onnx(made.name).text(made)
    names = [o.name for function in made.functions for o in function.outputs]
    assert [o.name for o in onnx.load_from_string(plain).graph.output] == names
    with_test = run(tested, names, t=TIMES, kappa=0.75)
    for one, other in zip(run(plain, names, t=TIMES, kappa=0.75), with_test, strict=True):
        assert_array_equal(one, other)


def test_the_opset_is_stated(closed):
    model = onnx.load_from_string(closed)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 15)]
    assert "ONNX, opset 15, float64" in model.doc_string
    assert "x_weight" not in model.doc_string  # of steps, which are not in it
    assert [one.name for one in model.graph.input] == ["t", "kappa"]


@pytest.mark.parametrize("library", ["onnxruntime", "onnx"])
def test_a_graph_that_is_wrong_is_not_written(library, monkeypatch):
    """With or without onnxruntime; the twin is the graph as it is."""
    found = importlib.util.find_spec
    hidden = {"onnx": "onnxruntime"}.get(library)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == hidden else found(name))
    assert Onnx("right").text(module("closed"))
    body = Onnx.body
    monkeypatch.setattr(Onnx, "body", lambda *given: re.sub(r"\bscale = ", "scale = -", body(*given)))
    with pytest.raises(InputError, match=rf"^no onnx for Conversion .*: run by {library} [\d.]+ it is not"):
        Onnx("wrong").text(module("closed"))


def test_what_a_runtime_says_is_one_line(monkeypatch):
    def failing(*_):
        raise RuntimeError("no kernel\nfor Cos(7)")

    monkeypatch.setattr("symsched.codegen.languages.onnx._runner", failing)
    with pytest.raises(
        InputError, match=r"run by onnxruntime [\d.]+ it fails \(no kernel for Cos\(7\)\); take a newer"
    ):
        Onnx("failing").text(module("closed"))


# -- functions that onnxruntime lacks, and the helpers that carry errors ---------------------------------------------

RANDOM = np.random.default_rng(20)
SMALL = RANDOM.uniform(-1, 1, 60) * 10.0 ** -RANDOM.integers(0, 300, 60)
ONE = np.concatenate([[-1, -0.5, 0, 0.5, 1], RANDOM.uniform(-1, 1, 200), SMALL, 1 - 10.0 ** -np.arange(1.0, 16)])
WIDE = np.concatenate([[-np.inf, np.inf, -1, 0, 1], RANDOM.uniform(-4, 4, 200), SMALL, 1 / SMALL])
MADE = {
    "log1p": np.concatenate([ONE, np.abs(WIDE)]),
    "expm1": np.concatenate([WIDE[:265], RANDOM.uniform(-700, 700, 99)]),
    "cos": np.concatenate([RANDOM.uniform(-1.6, 1.6, 300), np.pi / 2 - SMALL]),
    "tan": RANDOM.uniform(-1.5, 1.5, 300),
    "sinh": np.concatenate([SMALL, RANDOM.uniform(-3, 3, 200), RANDOM.uniform(-700, 700, 99)]),
    "cosh": np.concatenate([SMALL, RANDOM.uniform(-700, 700, 300)]),
    "asin": ONE,
    "acos": ONE,
    "atan": WIDE,
    "asinh": WIDE[2:],
    "acosh": 1 + np.abs(WIDE[5:]),
    "atanh": ONE,
}


@pytest.mark.parametrize("name", MADE)
def test_a_function_that_is_made_of_others_is_right_to_few_units(name):
    graph = Graph()
    code = {"np": graph}
    exec(Onnx.prelude, code)  # noqa: S102 - our own text
    made = graph.model("made", "", {"y": (code[f"_{name}"](graph.input("x", ["n"])), ["n"], "")})
    (found,) = run(made.SerializeToString(), ["y"], x=MADE[name])
    with np.errstate(all="ignore"):
        want = getattr(np, re.sub("^a(?=.{3})", "arc", name))(MADE[name])
        error = np.where(found == want, 0, np.abs(found / want - 1)) / UNIT
    assert np.max(error) < 6  # a unit of them may be NumPy's


LOST = {
    "y_sum": (sum_error(sp.Symbol("t"), sp.Float(3)), lambda time: Fraction(time) + 3 - Fraction(time + 3)),
    "y_product": (product_error(*[sp.Symbol("t")] * 2), lambda time: Fraction(time) ** 2 - Fraction(time * time)),
}


@pytest.mark.parametrize("wrong", [0.0, 2.0**-20])
def test_what_a_sum_and_a_product_lose_is_exact(wrong):
    time = 0.25 + 2.0**-54
    lines = tuple((sp.Symbol(name), form) for name, (form, _) in LOST.items())
    outputs = tuple(Output(Quantity(s, s, form, 0.0, (None, None)), (None, None)) for s, form in lines)
    lost = [float(exact(time)) for _, exact in LOST.values()]
    assert all(lost)
    references = (Reference("probe", (time,), 0, tuple(Value(repr(x * (1 + wrong))) for x in lost)),)
    made = copy.copy(module("closed"))
    vars(made).update(functions=(Routine("probe", "errors", (), lines, outputs),), steps=(), references=references)
    with pytest.raises(InputError, match="it is not what was derived") if wrong else nullcontext():
        Onnx("probe").text(made)


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_what_onnxruntime_has_not_in_float64_is_refused(name):
    function = getattr(sp, name)
    schedule = Schedule((function(t) - function(1)) / (function(0) - function(1)), t)
    with pytest.raises(InputError, match=rf"^there is no {name} in onnx alone, "):
        generate(schedule, "onnx")


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_the_file_or_its_bytes(capsysbinary, tmp_path):
    file = tmp_path / "schedule.onnx"
    asked = ["codegen", "--to", "linear", "--lang", "onnx", "--kappa", "1"]
    assert command([*asked, "-o", str(file)]) == 0
    (alpha,) = run(file.read_bytes(), ["alpha"], t=TIMES)
    assert_array_equal(alpha, 1 - TIMES)
    assert command(asked) == 0
    assert capsysbinary.readouterr() == (file.read_bytes(), b"")


def test_bytes_are_not_written_to_a_terminal(cli, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "give the file with -o" in cli.refused("codegen", "--to", "linear", "--lang", "onnx")


def test_without_the_package_it_is_refused_before_anything_is_derived(cli, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install 'symsched[onnx]'" in cli.refused("codegen", "--to", "linear", "--lang", "onnx", "-o", "x")
