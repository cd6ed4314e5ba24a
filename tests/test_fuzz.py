"""Every command, with arguments of every kind: an exit code of 0, 1 or 2, at most one line on stderr, and an end.

The commands and their options are read from the application, so that a new one is fuzzed from its first day.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from symsched.cli.app import app

KILL = 1500  # seconds; only a process that waits for something that never comes gets there

SCHEDULES = ["linear", "follmer", "vp", "lazy(kappa=1, rho=0.5)", "alpha=1-t; beta=t", "shifted(3)", "ddpm"]
BROKEN = ["alpha=t; beta=t", "alpha=1/t; beta=t", "lazy(kappa=-1)", "shifted(0)", "alpha=1-t", "nothing"]
DATA = ["gaussian(0,1)", "gaussian(1,.5)", "mixture(weights=[.5,.5],means=[-1,1],stds=[.3,.3])", "empirical([1,2])"]
NO_DATA = ["gaussian(0,-1)", "mixture(weights=[1],means=[],stds=[])", "empirical([])", "gaussian([0,0],[[1,2],[2,1]])"]
NUMBERS = ["0", "1", "1/2", "0.25,1", "2", "inf", "-1", "nan", "1e9999", "t", "0,1/4,1", "3,", "9" * 40]
COUNTS = ["1", "2", "7", "16", "0", "-3", "1.5", "x", "9" * 30, "1_0"]
FILES = ["out.svg", "out.png", "out.txt", "-", "", ".", "no/such/folder/x.png", "a" * 300 + ".png", "out.json"]
HOSTILE = [
    "", " ", "\0", "\n", "-", "--", "--help", "é", "🎲", "\ud800", "'; import os", "__import__('os')", "t" * 2000,
    "((((((((((((((((((((((((((((((((((((((((((((((", "{x}", "%s%n", "../../../x", "$(id)", "1" * 400, "alpha=;beta=",
]  # fmt: skip
VALUES = {
    "--schedule": SCHEDULES + BROKEN,
    "--from": SCHEDULES + BROKEN,
    "--to": SCHEDULES + BROKEN,
    "--target": SCHEDULES + BROKEN,
    "--data": DATA + NO_DATA,
    "--model": DATA + NO_DATA,
    "--paths": [*COUNTS, "500"],
    "--steps": COUNTS,
    "--threads": ["1", "2", "0", "x"],
    "--seed": [*COUNTS, str(2**64)],
    "--lang": ["numpy", "c", "latex", "sigmas", "rust", ""],
    "--level": ["symbolic", "interval", "exact"],
    "--format": ["text", "latex", "json", "xml"],
    "--scheme": ["euler", "lazy", "exponential", "heun", "sra1", "magic"],
    "--dtype": ["float64", "float32", "float16"],
    "--size": ["4x3", "0x0", "4", "axb", "nanxnan", "1e9x1"],
    "--output": FILES,
    "--json": FILES,
    "--report": ["report", "", ".", "out.txt"],
    "--checkpoint": ["run.npz", "", ".", "no/such/x"],
    "--title": ["a title", "", "$\\frac{", "<b>", "x" * 5000],
    "--dpi": ["30", "100", "0", "nan", "1e9"],
}
ARGUMENTS = {
    "verify": ["C13", "c13", "C99", "no_such.py", ".", "theorem.py", ""],
    "derive": ["drift", "score", "epsstar", "lazy", "kind", "limits", "conversion", "variance", "nothing"],
    "cache": ["path", "size", "sizes"],
    "schedules": ["lazy", "linear", "lazzy", ""],
}


def commands():
    """{("plot", "families"): its parameters, …} of the application."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():
        parts = getattr(command, "commands", {}).items() or [(None, command)]
        found |= {tuple(filter(None, (name, part))): each.params for part, each in parts}
    return found


COMMANDS = commands()
hostile = st.sampled_from(HOSTILE) | st.text(max_size=20)


def option(parameter):
    """[name, value] or [flag] of one option, the value usually of its kind."""
    names = st.sampled_from(parameter.opts)
    if getattr(parameter, "is_flag", False):
        return names.map(lambda name: [name])
    known = next((VALUES[o] for o in parameter.opts if o in VALUES), NUMBERS)
    return st.tuples(names, st.sampled_from(known) | st.sampled_from(known) | hostile).map(list)


@st.composite
def command_lines(draw):
    """A command with all it requires and some of the rest; now and then a word is lost, doubled or replaced."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    parts = [list(name)]
    for parameter in COMMANDS[name]:
        if parameter.param_type_name == "argument":
            parts.append([draw(st.sampled_from(ARGUMENTS.get(name[0], [""])) | hostile)])
        elif parameter.required or draw(st.integers(0, 3)) == 0:
            parts.append(draw(option(parameter)))
    words = [word for part in parts for word in part]
    if draw(st.integers(0, 2)) == 0:
        at = draw(st.integers(0, len(words) - 1))
        words[at : at + 1] = draw(st.sampled_from([[], [words[at]] * 2]) | hostile.map(lambda word: [word]))
    return words


class Worker:
    """The process of `fuzz_worker`, in a folder of its own."""

    def __init__(self, folder):
        (folder / "theorem.py").write_text("from symsched.theorem import Theorem\nx = Theorem('X', 'x', 'x')\n")
        (folder / "out.txt").write_text("not mine\n")
        self.folder, self.process = folder, None

    def ask(self, args):
        """The answer, or an assertion that says how the process ended."""
        if self.process is None or self.process.poll() is not None:
            worker = Path(__file__).parent / "fuzz_worker.py"
            self.process = subprocess.Popen(
                [sys.executable, str(worker)], cwd=self.folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        self.process.stdin.write(json.dumps(args) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{args} ended the process with {self.process.wait(KILL)}"
        return json.loads(line)

    def close(self):
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            self.process.wait(60)


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    one = Worker(tmp_path_factory.mktemp("fuzz"))
    yield one
    one.close()


def assert_well_behaved(args, found):
    assert found["code"] in (0, 1, 2), (args, found)
    assert "Traceback" not in found["err"] + found["out"], (args, found)
    if found["code"] == 2:
        assert found["err"].startswith("symsched: "), (args, found)
        assert found["err"].count("\n") == 1, (args, found)
    if found["code"] == 0:
        assert all(line.startswith("symsched: warning: ") for line in found["err"].splitlines()), (args, found)


def test_every_command_is_fuzzed():
    assert {name for name, *_ in COMMANDS} == set(typer.main.get_command(app).commands)
    assert {("verify",), ("derive",), ("explore",), ("certify",), ("plot", "families")} <= set(COMMANDS)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(args=command_lines())
@example(args=["convert", "--from", "linear", "--to", "vp", "--at", "\0"])
@example(args=["plot", "families", "-o", "a\0b.svg"])
@example(args=["simulate", "--schedule", "linear", "--data", "gaussian(0,1)", "--checkpoint", "a\0b", "--paths", "9"])
@example(args=["codegen", "--to", "linear", "--lang", "numpy", "-o", "a\0b"])
@example(args=["derive", "\ud800", "--schedule", "\ud800"])
@example(args=["explore", "-o", "a\0b"])
@example(args=["explore", "-o", "page.html"])
@example(args=["certify", "C13", "--no-check", "-o", "certificates"])
def test_any_command_line_ends_well(worker, args):
    assert_well_behaved(args, worker.ask(args))
    assert not [p for p in worker.folder.iterdir() if p.name.startswith(".")], "a temporary file was left"
    assert (worker.folder / "out.txt").read_text()


def test_the_check_sees_a_traceback_and_a_second_line():
    good = {"code": 2, "err": "symsched: no\n", "out": ""}
    assert_well_behaved([], good)
    for bad in ({"code": None}, {"err": "symsched: a\nb\n"}, {"out": "Traceback (most"}, {"code": 0}, {"code": 139}):
        with pytest.raises(AssertionError):
            assert_well_behaved([], {**good, **bad})
