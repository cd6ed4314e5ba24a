"""Each promise of SECURITY.md, attacked."""

import ast
import builtins
import contextlib
import html.parser
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symsched as ss
from symsched.cli.app import run
from symsched.codegen import generate
from symsched.endpoints import end_value, limit_at
from symsched.errors import InputError
from symsched.kernels import store
from symsched.montecarlo import Diffusion, simulate
from symsched.normalform import decide_zero
from symsched.schedule import Schedule
from symsched.signs import sign_on_unit
from symsched.symbols import t, x

ROOT = Path(__file__).parent.parent
PACKAGE = Path(ss.__file__).parent
CODE = "__import__('pathlib').Path('canary').touch()"
LINEAR, VP = ss.schedules.linear(), ss.schedules.vp()


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """Runs an attack; fails if code of it ran, by `eval`, `exec`, `compile` or anything that writes a file."""
    monkeypatch.chdir(tmp_path)

    def attack(call, *expected):
        with monkeypatch.context() as guard:
            for name in ("eval", "exec", "compile"):
                guard.setattr(builtins, name, guarded(getattr(builtins, name)))
            with contextlib.suppress(InputError, *expected):
                call()
        assert list(tmp_path.iterdir()) == []

    return attack


def guarded(function):
    def call(source, *args, **kwargs):
        tree_only = function.__name__ == "compile" and len(args) > 2 and args[2] & ast.PyCF_ONLY_AST
        assert tree_only or "canary" not in str(source), f"{function.__name__} on text from outside"
        if function.__name__ != "compile" and not args:
            frame = sys._getframe(1)
            args = (frame.f_globals, frame.f_locals)
        return function(source, *args, **kwargs)

    return call


# -- 1. text is never evaluated ---------------------------------------------------------------------------------------

SDE = ss.InterpolantSDE(VP, ss.Gaussian(0, 1), kappa=0)
TEXT_DOORS = {
    "alpha": lambda: Schedule(CODE, "t"),
    "rho of a variance": lambda: VP.variance(CODE),
    "parameter of a schedule": lambda: ss.schedules.shifted(sp.Symbol("s", positive=True)).subs(s=CODE),
    "catalogue": lambda: ss.schedules.lazy(kappa=CODE),
    "kappa": lambda: ss.InterpolantSDE(VP, ss.Gaussian(0, 1), kappa=CODE),
    "eps": lambda: ss.InterpolantSDE(VP, ss.Gaussian(0, 1), eps=CODE),
    "carried eps": lambda: ss.convert(LINEAR, VP).eps(CODE),
    "mean and std": lambda: ss.Gaussian(CODE, CODE),
    "mixture": lambda: ss.GaussianMixture([CODE], [CODE], [CODE]),
    "points": lambda: ss.Empirical([CODE]),
    "lazy kappa": lambda: ss.lazy.solve(kappa=CODE),
    "lazy eps": lambda: ss.lazy.solve(eps=CODE, rho=CODE, beta=CODE),
    "drift": lambda: Diffusion(CODE, CODE, 0),
    "scheme": lambda: simulate(SDE, 8, 2, CODE),
    "code for kappa": lambda: generate(LINEAR, "numpy", kappa=CODE),
    "code for eps": lambda: generate(ss.convert(LINEAR, VP), "numpy", eps=CODE),
    "plot": lambda: ss.plot.plane(kappa=[CODE], rho=[CODE]),
    "claim": lambda: ss.verify(CODE),
    "sign": lambda: sign_on_unit(CODE),
    "zero": lambda: decide_zero(CODE),
    "limit": lambda: limit_at(CODE, 0),
    "end": lambda: end_value(CODE, 0),
}


@pytest.mark.parametrize("door", TEXT_DOORS)
def test_text_given_to_the_library_is_never_evaluated(canary, door):
    canary(TEXT_DOORS[door], sp.SympifyError, AttributeError, TypeError)


COMMANDS = [
    ["derive", "drift", "--schedule", CODE],
    ["derive", "drift", "--schedule", f"alpha={CODE}; beta=t"],
    ["derive", "drift", "--schedule", f"lazy(kappa={CODE})"],
    ["derive", "drift", "--schedule", "vp", "--data", f"gaussian({CODE})"],
    ["derive", "drift", "--schedule", "vp", "--data", f"empirical([{CODE}])"],
    ["derive", "drift", "--kappa", CODE],
    ["derive", "drift", "--eps", CODE],
    ["derive", "variance", "--rho", CODE],
    ["derive", CODE],
    ["convert", "--from", "linear", "--to", "vp", "--at", CODE],
    ["codegen", "--to", "linear", "--lang", CODE],
    ["simulate", "--schedule", "vp", "--data", "gaussian(0,1)", "--save", CODE],
    ["simulate", "--schedule", "vp", "--data", "gaussian(0,1)", "--quantiles", CODE],
    ["plot", "families", "--kappa", CODE, "-o", "x.svg"],
    ["verify", CODE],
    ["schedules", CODE],
]


@pytest.mark.parametrize("args", COMMANDS, ids=range(len(COMMANDS)))
def test_text_on_the_command_line_is_never_evaluated(canary, args, capsys):
    canary(lambda: run(args))
    assert "Traceback" not in capsys.readouterr().err


def test_the_guard_sees_an_evaluation(canary):
    with pytest.raises(AssertionError, match="eval on text from outside"):
        canary(lambda: sp.sympify(CODE))


# What may turn text or bytes into something that runs, and the only files that may name it.
DANGEROUS = {
    "eval": set(),
    "exec": set(),
    "compile": set(),
    "__import__": set(),
    "parse_expr": set(),
    "system": set(),
    "popen": set(),
    "loads": {"machinecode.py", "json"},  # verified by hash, owner and mode
    "load": {"numpy without pickles", "store.py", "verification.py", "safetensors"},
    "exec_module": {"selftest.py", "store.py", "verification.py"},
}
MODULES = {"pickle": {"machinecode.py", "exhibit.py"}, "marshal": set(), "shelve": set(), "dill": set(), "yaml": set()}


def calls(tree):
    """(name, node) of every call in a file: f(…) and a.b.f(…) are both f; of re.compile and torch.compile, nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            owner = getattr(getattr(node.func, "value", None), "id", None)
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if name in ("compile", "eval") and not isinstance(node.func, ast.Name):
                continue  # re.compile, torch.compile, Poly.eval, Module.eval
            yield owner, name, node


def sources():
    return sorted([*PACKAGE.rglob("*.py"), *(ROOT / "derivations").glob("*.py")])


def test_no_file_of_the_package_names_what_evaluates_text():
    seen = []
    for path in sources():
        for owner, name, node in calls(ast.parse(path.read_text(encoding="utf-8"))):
            if name in ("loads", "load") and owner in ("json", "np", "numpy"):
                wrong = owner != "json" and not any(
                    k.arg == "allow_pickle" and getattr(k.value, "value", None) is False for k in node.keywords
                )
            elif name in ("loads", "load"):
                wrong = owner in ("pickle", "torch", "joblib") and path.name not in DANGEROUS[name]
            else:
                wrong = name in DANGEROUS and (name != "system" or owner == "os") and path.name not in DANGEROUS[name]
            seen += [f"{path.name}:{node.lineno} {name}"] * wrong
            seen += [f"{path.name}:{node.lineno} a shell" for k in node.keywords if k.arg == "shell"]
    assert seen == []


def test_sympy_is_never_asked_to_read_text():
    lax = [
        f"{path.name}:{node.lineno}"
        for path in sources()
        for _, name, node in calls(ast.parse(path.read_text(encoding="utf-8")))
        if name == "sympify" and not any(k.arg == "strict" for k in node.keywords)
    ]
    assert lax == []


def test_pickle_is_named_only_where_bytes_are_verified_or_written():
    found = {
        (alias.name.split(".")[0], path.name)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.split(".")[0] in MODULES
    }
    assert found <= {(module, file) for module, files in MODULES.items() for file in files}


# -- 2. generated source ----------------------------------------------------------------------------------------------

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


# -- 3. the cache -----------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMSCHED_CACHE_DIR", str(tmp_path))
    return store.directory()


def test_the_cache_is_private_and_so_are_its_files(cache, monkeypatch):
    monkeypatch.setattr(os, "umask", os.umask)
    old = os.umask(0)
    try:
        store.write("symsched_code_x.bin", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE((cache / "symsched_code_x.bin").stat().st_mode) == 0o600


def test_a_planted_module_is_not_run(cache):
    text = "value = 'right'  # asked for here alone\n"
    path = cache / f"{store.name_of(text)}.py"
    path.write_text("value = 'planted'\n")
    folder = cache / "__pycache__"
    folder.mkdir()
    (folder / f"{path.stem}.cpython-311.pyc").write_bytes(b"planted")
    assert store.load(text).value == "right"
    assert path.read_text() == text


class Evil:
    """A pickle that runs code when it is read."""

    def __reduce__(self):
        return (Path.touch, (Path("canary"),))


def test_a_planted_pickle_is_not_read(cache, monkeypatch):
    import pickle

    from numba import float64

    from symsched.kernels.machinecode import MachineCode

    kept = MachineCode(test_a_planted_pickle_is_not_read)
    monkeypatch.setattr(kept, "entry", lambda *_: "symsched_code_x.bin")
    (cache / "symsched_code_x.bin").write_bytes(b"0" * 64 + pickle.dumps(Evil()))
    dispatcher = __import__("symsched.kernels.compiled", fromlist=["kernel"]).kernel(lambda a: a)
    monkeypatch.chdir(cache)
    assert kept.load_overload((float64,), dispatcher.targetctx) is None
    assert not (cache / "canary").exists()


# -- 4. files that are read -------------------------------------------------------------------------------------------


def test_a_checkpoint_with_a_pickle_is_refused_unread(tmp_path, canary):
    file = tmp_path.parent / "planted.npz"
    content = np.array([Evil()], dtype=object)
    with open(file, "wb") as out:
        np.savez(out, job=content, rows=content, counts=content, kept=content, next_unit=content, lost=content)
    with pytest.raises(InputError, match="cannot be read; delete it to start anew"):
        simulate(Diffusion(t - x, 0.5, 0), 8, 2, checkpoint=file)
    canary(lambda: None)


# -- 5. pages ---------------------------------------------------------------------------------------------------------

MARKUP = '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="alert(1)\' </style></title>&lt;'
THEOREM = """
from symsched.symbols import alpha, t
from symsched.theorem import Theorem

evil = {evil!r}
theorem = Theorem("C13x", evil, evil, (evil,), (evil,), evil)


@theorem.step(evil)
def chain(factor=2):
    return {{evil: (alpha**2).diff(t) - factor * alpha * alpha.diff(t)}}


theorem.sabotage(chain, evil, factor=3)
"""


class Scripts(html.parser.HTMLParser):
    """What in a page would run."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "img", "iframe", "object", "embed", "base", "form"):
            self.found.append(tag)
        self.found += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]


def test_names_of_a_theorem_are_text_in_the_report(tmp_path):
    (tmp_path / "evil.py").write_text(THEOREM.format(evil=MARKUP))
    assert run(["verify", str(tmp_path / "evil.py"), "--level", "symbolic", "--report", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;script&gt;" in page
    scripts = Scripts()
    scripts.feed(page)
    assert scripts.found == []


@pytest.fixture
def hostile_explorer(monkeypatch):
    """The explorer's page with markup for every name, and no formulas, which take long."""
    from symsched.explorer import page

    for name in ("TITLES", "CLOCK_TITLES", "CURVES"):
        monkeypatch.setattr(page, name, dict.fromkeys([*getattr(page, name), MARKUP], MARKUP))
    monkeypatch.setattr(page, "__version__", MARKUP)
    for name, nothing in (("formulas", {}), ("entries", []), ("_schedules", {}), ("_conversions", {})):
        monkeypatch.setattr(page, name, lambda nothing=nothing: nothing)
    return page.render(quiet=True)


def test_names_are_text_in_the_explorer(hostile_explorer):
    scripts = Scripts()
    scripts.feed(hostile_explorer)
    assert scripts.found == ["form", "script", "script"]  # its own
    assert hostile_explorer.count("</script>") == 2
    assert "&lt;script&gt;" in hostile_explorer


def test_the_probe_sees_a_script():
    scripts = Scripts()
    scripts.feed(MARKUP)
    assert scripts.found == ["script", "img", "onerror"]


# -- 6. names are no paths --------------------------------------------------------------------------------------------


def test_a_name_is_no_path(tmp_path, monkeypatch):
    from symsched.codegen.emit import identifier
    from symsched.codegen.module import Module

    monkeypatch.chdir(tmp_path)
    for name in ("../../etc/passwd", "/etc/passwd", "a/b", "..", "con", "a b"):
        assert re.fullmatch(r"[A-Za-z0-9_]*", identifier(Module(Schedule("1-t", "t", name=name))))
    assert run(["verify", "../../etc/passwd.py"]) == 2
    assert run(["schedules", "../linear"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_what_was_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["codegen", "--to", "linear", "--lang", "latex", "-o", "a.tex"]) == 0
    assert run(["schedules", "linear", "--json", "b.json"]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tex", "b.json"]
    assert json.loads((tmp_path / "b.json").read_text())["schedules"][0]["name"] == "linear"
    capsys.readouterr()


def test_a_message_cannot_steer_the_terminal(capsys):
    assert run(["schedules", "\x1b[2J\x07"]) == 2
    assert run(["\x1b[2J"]) == 2
    assert run(["derive", "drift", "--\x1b]0;x\x07"]) == 2
    assert "\x1b" not in capsys.readouterr().err
