"""Languages that are no Python, where their tools are: compiled without a warning, every function right or refused."""

import copy
import re
import subprocess
from fractions import Fraction

import pytest
import sympy as sp

from benchmarks.codegen_stacks import STACKS
from symsched import catalog
from symsched.codegen.emit import emit, language
from symsched.codegen.module import Module
from symsched.codegen.program import Output, Routine
from symsched.codegen.quantities import Quantity
from symsched.codegen.references import Reference, Value
from symsched.codegen.stable import product_error, sum_error
from symsched.exact.balls import Evaluator
from symsched.parsing.whitelist import FUNCTIONS
from symsched.symbols import t

LANGUAGES = [
    pytest.param(name, marks=pytest.mark.skipif(not stack.is_here, reason=f"no {stack.tool} here"))
    for name, stack in STACKS.items()
    if name != "c"
]
TIMES = (0.0625, 0.375, 0.6, 0.9375)
FROM_ONE = {"acosh": 1 + t, "log": 2 + t}
UNITS = 16  # of 2^-52: what a library may be off by, in a function of a sum that is rounded


@pytest.fixture(scope="module")
def modules():
    pairs = {"closed": ("linear", "follmer"), "truncated": ("ddpm", "linear")}
    return {name: Module(*map(catalog.from_text, reversed(pair))) for name, pair in pairs.items()}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["closed", "truncated"])
def test_it_compiles_without_a_warning_and_passes_its_own_test(modules, lang, name, tmp_path):
    module = modules[name]
    assert module.closed is (name == "closed")
    assert 0 < STACKS[lang].worst(module.name, emit(module, lang, True), tmp_path) < 10


@pytest.mark.parametrize("lang", LANGUAGES)
def test_its_own_test_rejects_a_wrong_sign(modules, lang, tmp_path):
    text = emit(modules["closed"], lang, True)
    wrong = re.sub(r"\bscale = ", "scale = -", text)
    assert wrong != text
    with pytest.raises(subprocess.CalledProcessError) as found:
        STACKS[lang].run(modules["closed"].name, wrong, tmp_path)
    assert "conversion" in found.value.output


# -- every function that a formula may use, and the helpers that carry errors ------------------------------------


def probe(outputs):
    """A function of t that returns these, and what it must return."""
    bare = {name: form.subs(t, sp.Symbol("t")) for name, (form, _) in outputs.items()}
    lines = [(sp.Symbol("u"), 1 - sp.Symbol("t")), *((sp.Symbol(name), form) for name, form in bare.items())]
    made = [
        Output(Quantity(sp.Symbol(name), sp.Symbol(name), form, 4.0, (None, None)), (None, None))
        for name, (form, _) in outputs.items()
    ]
    references = [
        Reference("probe", (time,), UNITS, tuple(Value(repr(exact(time))) for _, exact in outputs.values()))
        for time in TIMES
    ]
    return Routine("probe", "all functions", (), tuple(lines), tuple(made)), references


def applied(name):
    """The function at an argument in its domain, whose values stay away from 0; and its value."""
    form = FUNCTIONS[name].build(FROM_ONE.get(name, (1 + t) / 4))
    return form, lambda time: float(Evaluator((form,), t).at(time)[0])


def error_of(whole, rounded):
    """What a float operation loses."""
    return lambda time: float(whole(Fraction(time)) - Fraction(rounded(time)))


HELPED = {
    "y_sum": (sum_error(t, sp.Float(3)), error_of(lambda x: x + 3, lambda x: x + 3.0)),
    "y_product": (product_error(t, t), error_of(lambda x: x * x, lambda x: x * x)),
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_function_is_right_or_refused(modules, lang, tmp_path):
    lacks = {function.__name__ for function in language(lang).forms.lacks} | {"LambertW"}
    present = {f"y_{name}": applied(name) for name in FUNCTIONS if name not in lacks}
    made, references = probe(present | HELPED)
    module = copy.copy(modules["closed"])
    vars(module).update(functions=(made,), steps=(), references=tuple(references))
    assert STACKS[lang].worst(module.name, emit(module, lang, True), tmp_path) < UNITS
    for name in lacks & set(FUNCTIONS):
        assert language(lang)().absent([FUNCTIONS[name].build(t)]) == name
