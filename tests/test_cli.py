"""The command line: what it prints, what it refuses and how, and that its output serves people and programs."""

import json
import os
import shlex
import subprocess
import sys

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from symsched.cli.app import app, run
from symsched.cli.help import folded, spelled_out
from symsched.cli.output import _aligned, write_json, write_text
from symsched.codegen import generate
from symsched.errors import InputError
from symsched.parsing import did_you_mean


def process(*args, **env):
    """Runs one command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "symsched.cli", *args],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        check=False,
    )


# -- verify -----------------------------------------------------------------------------------------------------------

THEOREM = """
import sympy as sp
from symsched.symbols import t
from symsched.theorem import Theorem

print("a file may print")
double = Theorem("double", "Double angle", "sin 2t = 2 sin t cos t")


@double.step("the two sides agree")
def sides(right={right}):
    return sp.sin(2 * t) - right


double.sabotage(sides, "the cosine is forgotten", right={wrong})
"""
TRUE, FALSE = "2 * sp.sin(t) * sp.cos(t)", "2 * sp.sin(t)"


@pytest.fixture
def theorem(tmp_path):
    def write(right, wrong):
        file = tmp_path / "mine.py"
        file.write_text(THEOREM.format(right=right, wrong=wrong))
        return str(file)

    return write


def test_verify_a_true_theorem(cli, theorem):
    code, out, err = cli("verify", theorem(TRUE, FALSE))
    assert (code, err) == (0, "a file may print\n")
    header, row, outcome = out.splitlines()
    assert header.split()[:4] == ["claim", "title", "exact", "numeric"]
    assert row.startswith("double  Double angle  ✓      ✓")
    assert "1 of 1" in row
    assert outcome.startswith("1 claim holds")


def test_verify_a_false_theorem_names_step_and_residual(cli, theorem):
    code, out, _ = cli("verify", theorem(FALSE, TRUE))
    assert code == 1
    assert "✗" in out
    assert "double failed: step 'the two sides agree': residual =" in out
    assert "sabotage 'the cosine is forgotten' was not rejected" in out
    assert out.splitlines()[-1].startswith("1 of 1 failed: double")


def test_verify_json(cli, theorem, tmp_path):
    file = theorem(FALSE, TRUE)
    code, out, _ = cli("verify", file, "--json", "-")
    document = json.loads(out)
    assert code == 1
    assert document["passed"] is False
    (claim,) = document["claims"]
    assert {"name", "exact", "numeric", "interval", "coq", "montecarlo", "assumptions", "seconds"} <= set(claim)
    assert (claim["exact"], claim["interval"], claim["coq"]) == (False, None, None)
    assert claim["sabotage"] == {"tried": 1, "rejected": 0}
    target = tmp_path / "report.json"
    code, out, _ = cli("verify", file, "--json", str(target))
    assert code == 1
    assert "1 of 1 failed" in out
    assert json.loads(target.read_text(encoding="utf-8"))["passed"] is False


@pytest.mark.parametrize(
    ("text", "words"),
    [("x = 1", "binds no Theorem"), ("x = (", "line 1: the file does not run"), ("1/0", "ZeroDivisionError")],
)
def test_verify_refuses_files_that_state_nothing(cli, tmp_path, text, words):
    file = tmp_path / "broken.py"
    file.write_text(text)
    assert words in cli.refused("verify", str(file))


def test_verify_refuses_unknown_names(cli):
    assert "C999" in cli.refused("verify", "C999")
    assert "nope.py" in cli.refused("verify", "nope.py")


# -- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = {
    ("derive",): "Missing argument 'QUANTITY' (see 'symsched derive --help')",
    ("derive", "drif"): "unknown quantity 'drif'; did you mean drift? (known: drift, score,",
    ("derive", "drift", "--foo", "1"): "--foo",
    ("derive", "drift", "--format", "html"): "unknown --format 'html' (known: text, latex, json)",
    ("derive", "drift", "-s", "folmer"): "unknown schedule 'folmer'; did you mean follmer?",
    ("derive", "drift", "-s", "alpha=t; beta=1-t"): "r = beta/alpha must increase strictly",
    ("derive", "drift", "-s", "alpha=t-t**2-1/8; beta=t"): "alpha must be positive on (0, 1)",
    ("derive", "drift", "-s", "alpha=1-t; beta=t/2"): "beta(1) = 1",
    ("derive", "drift", "-s", "lazy(kappa=-1)"): "lazy: kappa is '-1', but must be >= 0",
    ("derive", "drift", "-s", "lazy(kappa=1, rho=0)"): "lazy: rho is '0', but must be > 0",
    ("derive", "drift", "-s", "__import__('os').system('id')"): "quotes are not allowed",
    ("derive", "drift", "-s", "alpha=1-t; beta=t.__class__"): "attribute access",
    ("derive", "drift", "-s", "alpha=9**9**9; beta=t"): "an exponent is too large",
    ("derive", "drift", "-s", "alpha=" + "1" * 5000 + "; beta=t"): "characters are read",
    ("derive", "drift", "--kappa", "-1"): "--kappa = -1 is negative on (0, 1); a diffusion scale should be >= 0",
    ("derive", "drift", "-s", "vp", "--kappa", "t-1/2"): "is negative at t =",
    ("derive", "drift", "-s", "vp", "--eps", "-t"): "a diffusion scale should be >= 0",
    ("derive", "drift", "--kappa", "1", "--eps", "1"): "--kappa and --eps are both given",
    ("derive", "drift", "--data", "gauss(0,1)"): "gauss",
    ("derive", "drift", "--data", "gaussian(0,-1)"): "std is -1",
    ("derive", "variance", "--rho", "0"): "--rho = 0: expected a finite number > 0",
    ("derive", "eta_x"): "give --data",
    ("derive", "kind"): "give --schedule",
    ("derive", "limits"): "give --schedule",
    ("derive", "conversion", "-s", "linear"): "give --schedule and --target",
    ("convert", "--from", "linear"): "--to",
    ("convert", "--from", "linear", "--to", "follmer", "--at", "1.5"): "'1.5' is not a time in [0, 1]",
    ("convert", "--from", "linear", "--to", "follmer", "--at", "0.5,"): "times separated by single commas",
    ("convert", "--from", "linear", "--to", "follmer", "--at", "t"): "unknown name 't'",
    ("convert", "--from", "ve", "--to", "linear", "--at", "0.001"): "truncated source only covers",
    (
        "verify",
        "--level",
        "symbolc",
    ): "unknown --level 'symbolc'; did you mean symbolic? (known: symbolic, interval, montecarlo, all)",
    ("verify", "--paths", "1"): "--paths '1': expected a whole number >= 2",
    ("verify", "--paths", "1e6"): "--paths '1e6': expected a whole number >= 2",
    ("verify", "--seed", "-1"): "--seed '-1': expected a whole number >= 0",
    ("verify", "--seed", "9" * 30): "expected a whole number >= 0 and below 2**63",
    ("verify", "--json", "no/such/folder/x.json"): "--json 'no/such/folder/x.json': cannot write there",
    ("schedules", "lazzy"): "did you mean lazy?",
    ("schedules", "--json", "/"): "this is a directory",
    ("schedules", "--json", "no/such/folder/x.json"): "cannot write there",
    ("schedules", "--json", "a\0b"): "cannot write there (not a file name)",
    ("verfy",): "unknown command 'verfy'; did you mean verify?",
    ("--frobnicate",): "--frobnicate",
}


@pytest.mark.parametrize(("args", "words"), REFUSED.items(), ids=range(len(REFUSED)))
def test_refusal_is_one_line_and_exit_code_2(cli, args, words):
    assert words in cli.refused(*args)


WORDS = (
    "derive convert schedules drift epsstar kind variance --schedule --from --to --kappa --at --format --json - linear"
)
SPACED = ["alpha=1-t; beta=t", "alpha=1/t; beta=t", "", "\x00", "lambda: 0", "no/such/file"]
words = st.sampled_from(
    [*WORDS.split(), *SPACED, "1", "-1", "0.5", "--", "-s", "gaussian(0,1)", "é", "--data", "--rho"]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(words, max_size=7))
def test_any_words_end_in_an_exit_code(args):
    assert run(args) in (0, 1, 2)


# -- output -----------------------------------------------------------------------------------------------------------


def test_schedules_lists_the_catalogue(cli):
    out = cli.printed("schedules", "vp", "ddpm")
    assert "vp()" in out
    assert "α = cos(πt/2), β = sin(πt/2)" in out
    assert "arXiv:2011.13456" in out


def test_schedules_json(cli, tmp_path):
    out = cli.printed("schedules", "vp", "geometric", "--json", "-")
    rows = json.loads(out)["schedules"]
    assert [row["name"] for row in rows] == ["vp", "geometric"]
    assert rows[1]["domain"] == "M > 0"
    target = tmp_path / "list.json"
    cli.printed("schedules", "vp", "geometric", "--json", str(target))
    assert json.loads(target.read_text()) == json.loads(out)
    assert [p.name for p in tmp_path.iterdir()] == ["list.json"]


JSON = {
    "verify": ("verify", "C13", "--level", "symbolic"),
    "derive": ("derive", "epsstar", "-s", "vp"),
    "convert": ("convert", "--from", "linear", "--to", "follmer"),
    "schedules": ("schedules", "vp"),
    "cache": ("cache", "size"),
}


@pytest.mark.parametrize("command", JSON)
def test_json_alone_is_stdout_and_with_a_file_the_rest_is_shown_too(cli, command, tmp_path):
    alone = json.loads(cli(*JSON[command], "--json")[1])
    assert json.loads(cli(*JSON[command], "--json", "-")[1]).keys() == alone.keys()
    target = tmp_path / "out.json"
    code, shown, _ = cli(*JSON[command], "--json", str(target))
    assert (code, json.loads(target.read_text()).keys()) == (0, alone.keys())
    assert shown.splitlines()
    assert shown[0] != "{"


def test_every_command_that_answers_has_the_same_json_option():
    commands = typer.main.get_command(app).commands
    with_json = {name for name, command in commands.items() if any("--json" in p.opts for p in command.params)}
    assert with_json == {"verify", "certify", "derive", "convert", "simulate", "sample", "schedules", "cache"}
    options = [p for c in with_json for p in commands[c].params if "--json" in p.opts]
    assert len({(p.help, p.metavar, p.is_flag) for p in options}) == 1


def test_json_before_another_option_takes_no_word_of_it():
    assert spelled_out(["x", "--json", "--from", "a"]) == ["x", "--json", "-", "--from", "a"]
    assert spelled_out(["--json", "-"]) == ["--json", "-"]
    assert spelled_out(["--json", "a", "--json"]) == ["--json", "a", "--json", "-"]


words_of_a_row = st.lists(st.sampled_from(["a", "1.5", "-1.25e-17", "x" * 12]), min_size=2, max_size=12)


@given(words_of_a_row, st.integers(5, 60))
def test_a_table_cuts_no_cell_and_keeps_to_the_width(row, width):
    """Blocks below each other; each begins with the first column, and together they have every cell in order."""
    blocks = [block.splitlines() for block in "\n".join(_aligned([row, row[::-1]], width)).split("\n\n")]
    for number, cells in enumerate((row, row[::-1])):
        found = [block[number].split() for block in blocks]
        assert {first for first, *_ in found} == {cells[0]}
        assert [cell for _, *rest in found for cell in rest] == cells[1:]
    assert all(len(line) <= width or len(line.split()) == 2 for block in blocks for line in block)


NEAR = {
    ("derive", "eps_star"): "epsstar",
    ("derive", "drift", "-s", "rectified_flow"): "linear",
    ("derive", "drift", "-s", "scaled-linear"): "scaled_linear",
    ("codegen", "--to", "vp", "--lang", "pytorch"): "torch",
    ("codegen", "--to", "vp", "--lang", "py"): "numpy",
    ("codegen", "--to", "vp", "--lang", "octave"): "matlab",
    ("codegen", "--to", "vp", "--lang", "onnxruntime"): "onnx",
    ("simulate", "--schedule", "vp", "--data", "gaussian(0,1)", "--scheme", "em"): "euler",
    ("cache", "clean"): "clear",
}


@pytest.mark.parametrize(("args", "ours"), NEAR.items())
def test_another_word_for_ours_is_understood(cli, args, ours):
    assert f"; did you mean {ours}?" in cli.refused(*args)


@pytest.mark.slow
def test_python_means_numpy_and_says_so():
    asked = process("codegen", "--to", "linear", "--lang", "python")
    assert asked.stderr == "symsched: --lang python means numpy here\n"
    assert asked.stdout == generate("linear", "numpy") == generate("linear", "python")


def test_another_word_names_nothing_where_ours_is_not_known():
    assert did_you_mean("x0", ["velocity", "noise"]) == ""
    assert did_you_mean("x0", ["velocity", "data"]) == "; did you mean data?"


def test_help_shows_no_type_of_an_option_without_a_value(cli):
    for command in ([], ["verify"], ["codegen"], ["plot"]):
        assert "bool" not in cli(*command, "--help")[1].lower()


def test_examples_fit_a_terminal_and_are_commands():
    """Each is one that the application reads, once its lines are joined, and none is wider than 78 columns."""
    commands, seen = typer.main.get_command(app).commands, 0
    for command in (*commands.values(), *commands["plot"].commands.values()):
        for line in command.help.splitlines():
            assert len(line) <= 78 or not line.startswith("  ")
            seen += line.startswith("  symsched ")
    assert seen > 40


def test_a_broken_example_is_the_same_to_a_shell():
    line = '  symsched convert --from "lazy(kappa=1, rho=0.5)" --to "alpha=1 - t**2; beta=t**3" --kappa 1 --at 0,1/4'
    broken = folded(f"Examples\n\n{line}").removeprefix("Examples\n\n")
    assert len(broken.splitlines()) == 2
    assert shlex.split(broken.replace("\\\n", "")) == shlex.split(line)


def test_completion_is_offered_and_leaves_with_0():
    asked = {"_SYMSCHED_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    done = process(**asked, COMP_WORDS="symsched cach")
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["cache"], "")
    done = process(**asked | {"COMP_CWORD": "3"}, COMP_WORDS="symsched convert --from tri")
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["trigflow"], "")


def test_the_cache_is_found_counted_and_cleared_of_what_is_ours(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("SYMSCHED_CACHE_DIR", str(tmp_path))
    assert "0 files" in cli.printed("cache")
    names = ("kernels/symsched_code_1.bin", "kernels/symsched_kernel_1.py", f"certificates/{'a' * 64}.json")
    for name in (*names, "kernels/mine.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 1000)
    assert cli.printed("cache", "path") == f"{tmp_path}\n"
    assert json.loads(cli.printed("cache", "--json")) | {"path": ""} == {
        "path": "", "cleared": False, "files": 3, "bytes": 3000,
        "kernels": {"files": 2, "bytes": 2000}, "certificates": {"files": 1, "bytes": 1000},
    }  # fmt: skip
    assert cli.printed("cache", "clear").startswith("removed 3 files")
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["mine.txt"]


def test_version(cli):
    import symsched

    assert cli.printed("--version") == f"symsched {symsched.__version__}\n"


@pytest.mark.parametrize("command", [[], ["derive"], ["convert"], ["schedules"], ["verify"]])
def test_help_teaches_with_examples(cli, command):
    code, out, err = cli(*command, "--help")
    assert (code, err) == (0, "")
    assert "Examples" in out
    assert "symsched " + " ".join(command) in out


def test_help_is_quick_because_nothing_heavy_is_imported():
    code = "import sys; from symsched.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in ('sympy', 'numpy', 'numba', 'matplotlib', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_process_has_no_colours_no_traceback_and_the_right_code():
    done = process("derive", "epsstar", "--schedule", "vp")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ε* = π/(2·tan(πt/2))\n", "")
    done = process("derive", "epsstar", "--schedule", "nope")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_terminal_without_greek_letters():
    done = process("derive", "epsstar", "--schedule", "vp", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "* = " in done.stdout


def test_reader_that_leaves_early_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)  # gone before the first word: whoever writes is told so each time
    command = [sys.executable, "-m", "symsched.cli", "schedules"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_files_are_replaced_whole(tmp_path, monkeypatch):
    target = tmp_path / "out.json"
    target.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(InputError, match=r"could not be written \(No space left on device\)"):
        write_text(str(target), "new", "--json")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_json_is_strict(tmp_path):
    target = tmp_path / "x.json"
    write_json(str(target), {"a": [float("inf"), float("nan"), 0.1, None, True], "b": ("ε",)})
    assert target.read_text(encoding="utf-8").endswith("}\n")
    assert json.loads(target.read_text(encoding="utf-8")) == {"a": ["inf", "nan", 0.1, None, True], "b": ["ε"]}
