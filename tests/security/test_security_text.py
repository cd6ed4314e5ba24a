"""Promise 1 of SECURITY.md, attacked: text is never evaluated."""

import ast
from pathlib import Path

import pytest
import sympy as sp

import symsched as ss
from symsched.cli.app import run
from symsched.codegen import generate
from symsched.exact.limits import end_value, limit_at
from symsched.exact.signs import sign_on_unit
from symsched.exact.zero import decide_zero
from symsched.montecarlo import Diffusion, simulate
from symsched.schedule import Schedule

ROOT = Path(__file__).parents[2]
PACKAGE = Path(ss.__file__).parent
CODE = "__import__('pathlib').Path('canary').touch()"
LINEAR, VP = ss.schedules.linear(), ss.schedules.vp()

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
    "exec": {"python.py"},  # emitted code, without any text of others, is run before it is handed out
    "compile": {"python.py"},
    "__import__": set(),
    "parse_expr": set(),
    "system": set(),
    "popen": set(),
    "loads": {"machinecode.py", "processes.py", "json"},  # verified by hash, owner and mode; a fork's own answer
    "load": {"numpy without pickles", "store.py", "verification.py", "safetensors"},
    "exec_module": {"selftest.py", "store.py", "collection.py"},
}
MODULES = {
    "pickle": {"machinecode.py", "exhibit.py", "processes.py"},
    "marshal": set(),
    "shelve": set(),
    "dill": set(),
    "yaml": set(),
}


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
