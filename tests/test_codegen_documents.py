"""What no machine here runs: LaTeX is compiled where pdflatex is, Julia is read by a real parser where there is one."""

import shutil
import subprocess

import pytest

import symsched as ss
from symsched.codegen.emit import emit
from symsched.codegen.module import Module


@pytest.fixture(scope="module")
def modules():
    linear, follmer = ss.schedules.linear(), ss.schedules.follmer()
    return {
        "closed": Module(follmer, linear),
        "newton": Module(follmer, ss.Schedule("1 - t**3", "t"), kappa=1),
        "label": Module(ss.Schedule("1 - t", "t", name="50 % & #1 {x} \\input_y $")),
    }


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", ["closed", "newton", "label"])
def test_the_sheet_compiles_and_nothing_sticks_out(modules, name, tmp_path):
    (tmp_path / "sheet.tex").write_text(emit(modules[name], "latex"))
    for _ in range(2):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"], cwd=tmp_path, capture_output=True
        )
    assert done.returncode == 0, done.stdout[-800:]
    assert b"Overfull" not in done.stdout
    assert (tmp_path / "sheet.pdf").stat().st_size > 10_000


def test_the_sheet_holds_the_reference_formulas(modules):
    text = emit(modules["closed"], "latex")
    assert r"\tau_t = \frac{\bar\beta_{t}}{\bar\alpha_{t} + \bar\beta_{t}}" in text
    assert r"\bar\varepsilon^*_t = \frac{1}{2}" in text


def test_formulas_are_written_as_a_person_would(modules):
    """κ + 1 is kept together, roots are apart, and no sine stands over a sum of squares that is 1."""
    sheet = emit(modules["closed"], "latex")
    assert r"B_{\eta_X} = \frac{\kappa + 1}{2 \left(1 - t\right)}" in sheet
    assert r"\bar\alpha_t = \sqrt{t} \sqrt{1 - t}" in sheet
    header = emit(Module(ss.schedules.follmer(), ss.schedules.vp()), "c").splitlines()
    assert {" * alpha = sqrt(t)*sqrt(1 - t)", " *   tau = 2*asin(sqrt(t))/pi", " *   scale = sqrt(t)"} <= set(header)


def parser():
    pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
    grammar = pytest.importorskip("tree_sitter_julia", reason="the Julia grammar is not installed")
    from tree_sitter import Language, Parser

    return Parser(Language(grammar.language()))


@pytest.mark.parametrize("name", ["closed", "newton", "label"])
def test_julia_parses(modules, name):
    tree = parser().parse(emit(modules[name], "julia", True).encode())
    assert not tree.root_node.has_error


def test_the_parser_rejects_what_is_not_julia(modules):
    broken = emit(modules["closed"], "julia").replace("return (;", "return (;;", 1).replace("end\n", "", 1)
    assert parser().parse(broken.encode()).root_node.has_error


@pytest.mark.skipif(shutil.which("julia") is None, reason="julia is not installed")
@pytest.mark.parametrize("name", ["closed", "newton"])
def test_julia_passes_its_self_test(modules, name, tmp_path):
    text = emit(modules[name], "julia", True)
    module = text.split("\nmodule ", 1)[1].split("\n", 1)[0]
    (tmp_path / "emitted.jl").write_text(f"{text}\n{module}.self_test()\n")
    done = subprocess.run(["julia", "emitted.jl"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
