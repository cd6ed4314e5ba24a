"""Promise 2 of SECURITY.md, attacked: generated source is made of known nodes and names."""

import ast
import re
import shutil
import subprocess

import pytest
import sympy as sp

from symsched.codegen import generate
from symsched.errors import InputError
from symsched.montecarlo import Diffusion, simulate
from symsched.schedule import Schedule
from symsched.symbols import t, x

EVIL = 'x */ int evil; """ ; import os #$\\input{/etc/passwd} % \\" ${}^~&_ */ \\write18{id} =# ```'
LABELLED = Schedule("1-t", "t", name=EVIL, source=EVIL)


def test_a_label_cannot_leave_the_docstring():
    tree = ast.parse(generate(LABELLED, "numpy"))
    kinds = {type(node) for node in tree.body}
    assert kinds <= {ast.Expr, ast.Import, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.ImportFrom}
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
    assert "os" not in imported
    assert sum(isinstance(node, ast.Expr) for node in tree.body) == 1


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")
def test_a_label_cannot_leave_the_comment_of_a_header(tmp_path):
    (tmp_path / "x.h").write_text(generate(LABELLED, "c"))
    call = ["gcc", "-std=c99", "-Wall", "-Werror", "-E", "-P", "-x", "c", "x.h"]
    plain = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "evil" not in plain
    assert "write18" not in plain


def test_a_label_is_no_command_of_latex():
    lines = generate(LABELLED, "latex").splitlines()
    body = [line for line in lines if not line.startswith("%")]
    assert not [line for line in body if re.search(r"\\(input|write|include|openout)", line)]
    assert any(r"\textbackslash{}input" in line for line in body)


def test_a_label_cannot_leave_the_comment_of_julia():
    lines = generate(LABELLED, "julia").splitlines()
    assert not [line for line in lines if "evil" in line and not line.startswith("#")]


def test_a_label_is_only_in_the_description_of_a_graph():
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    model = onnx.load_from_string(generate(LABELLED, "onnx"))
    assert EVIL in model.doc_string
    model.ClearField("doc_string")
    assert b"evil" not in model.SerializeToString()


@pytest.mark.parametrize("label", ["two\nlines", "a\rb", "a\0b", "\u2028", "a\x1b[31m", "", "x" * 301, 3])
def test_a_label_of_another_kind_is_refused(label):
    for key in ("name", "source"):
        with pytest.raises(InputError, match="expected one line of at most 300 printable characters"):
            Schedule("1-t", "t", **{key: label})


@pytest.mark.parametrize("name", ["a;b", "lambda", "import os", "for", "w1", "é", "__class__", "a" * 40, "exp", "t\n"])
@pytest.mark.parametrize("lang", ["numpy", "c", "latex"])
def test_a_parameter_is_an_identifier_or_refused(name, lang):
    schedule = Schedule(sp.Symbol(name, positive=True) * (1 - t), t)
    with pytest.raises(InputError, match="cannot be a name in generated code"):
        generate(schedule, lang)


def test_kernels_are_made_of_known_nodes_and_names():
    evil = sp.Function("__import__('os').system")(x)
    with pytest.raises(InputError):
        simulate(Diffusion(-evil, 1, 0), 8, 2)
    with pytest.raises(InputError):
        simulate(Diffusion(-sp.Symbol("x); import os; (") * x, 1, 0), 8, 2)
