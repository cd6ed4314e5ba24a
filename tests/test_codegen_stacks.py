"""Languages that are no Python, where their tools are: compiled without a warning, every function right or refused."""

import copy
import re
import subprocess
from contextlib import nullcontext
from fractions import Fraction
from types import SimpleNamespace

import pytest
import sympy as sp
from slowness import slow
from sympy.parsing.mathematica import parse_mathematica

from benchmarks.codegen_stacks import STACKS
from symsched import catalog
from symsched.codegen.emit import emit, language
from symsched.codegen.languages.fortran import _check_case
from symsched.codegen.module import Module
from symsched.codegen.program import Output, Routine
from symsched.codegen.quantities import Quantity, explicit
from symsched.codegen.references import Reference, Value
from symsched.codegen.stable import product_error, sum_error
from symsched.errors import InputError
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
@pytest.mark.parametrize("name", ["closed", slow("truncated")])
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


@pytest.mark.parametrize(("name", "refused"), [("Z", True), ("Q", False)])
def test_two_names_that_are_one_to_fortran_are_refused(name, refused):
    module = SimpleNamespace(functions=(), steps=(), parameters=(sp.Symbol(name),))
    with pytest.raises(InputError, match=r"^fortran: 'Z' and 'z' are one name") if refused else nullcontext():
        _check_case(module)


VECTORS = """
t = [0, 5e-324, linspace(0, 1, 33)(2:33)];
for name = {{'schedule', 'conversion', 'diffusion', 'drift_data', 'drift_v', 'euler_step'}}
    f = m.(name{{1}}); rest = {{}}; if strcmp(name{{1}}, 'euler_step'), rest = {{1}}; end
    all_at_once = cell(1, nargout(f)); [all_at_once{{:}}] = f(t, rest{{:}});
    for k = 1:numel(t)
        one = cell(1, nargout(f)); [one{{:}}] = f(t(k), rest{{:}});
        for o = 1:numel(one)
            got = all_at_once{{o}}(k); want = one{{o}};  % the Newton loop of an array ends when all have settled
            assert(isequaln(got, want) || abs(got - want) <= 4*eps*abs(want), name{{1}});
            assert(isreal(all_at_once{{o}}), 'complex');
        end
    end
end
disp('ok')
"""


@pytest.mark.skipif(not STACKS["matlab"].is_here, reason="no octave-cli here")
@pytest.mark.parametrize("name", ["closed", slow("truncated")])
def test_arrays_of_matlab_are_its_numbers(modules, name, tmp_path):
    module = modules[name]
    (tmp_path / f"{module.name}.m").write_text(emit(module, "matlab"))
    script = f"m = {module.name}();" + VECTORS.format()
    done = subprocess.run(["octave-cli", "--eval", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "ok", done.stderr


# -- what no tool here runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["closed", "truncated"])
def test_formulas_of_mathematica_are_read_back(modules, name):
    """SymPy's parser of Mathematica finds the exact quantities again; a wrong digit is found, too."""
    module = modules[name]
    text = re.sub(r"\(\*.*?\*\)", "", emit(module, "mathematica"), flags=re.DOTALL)
    assert [text.count(mark) for mark in "[{("] == [text.count(mark) for mark in "]})"]
    assert "_" not in re.sub(r'"\w+"|\b[a-z]\w*_(?=[,\]])', "", text)
    at = {"t": sp.Rational(2, 5), "kappa": sp.Rational(3, 4)}
    at["tau"] = read(re.search(r"sourceTime\[t_\] := (.*)", text).group(1), {"t": sp.Rational(2, 5)})
    for output in (o for function in module.functions for o in function.outputs):
        shown = re.findall(rf'"{output.name}" -> (.*?)(?:,\n|\|>)', text)[-1]
        exact = explicit(output.quantity.exact, module.ledger.pace)
        want = sp.N(exact.subs({s: at[s.name] for s in exact.free_symbols}), 30)
        assert abs(read(shown, at) / want - 1) < 1e-25, output.name
        assert abs(read(f"{shown} + 1/10^9", at) / want - 1) > 1e-25  # the twin


def read(text, at):
    form = parse_mathematica(text)
    return sp.N(form.subs({s: at[s.name] for s in form.free_symbols}), 30)
