"""The command line: what it prints, what it refuses and how, and that its output serves people and programs."""

import json
import os
import subprocess
import sys

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symsched.cli.app import run
from symsched.cli.notation import latex_line, named, oriented, unicode_line
from symsched.cli.output import write_json, write_text
from symsched.errors import InputError
from symsched.parsing import parse_expression
from symsched.symbols import alpha, beta, kappa, mean, rho, t, x

PARSED = {"t": t, "x": x, "kappa": kappa, "rho": rho, "m": mean, "eta_X": sp.Symbol("eta_X")}


@pytest.fixture
def cli(capsys):
    """Runs one command in this process: (exit code, stdout, stderr)."""

    def call(*args):
        code = run(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


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


def printed(cli, *args):
    code, out, err = cli(*args)
    assert (code, err) == (0, "")
    return out


def refused(cli, *args):
    """The one line on stderr of a command that must exit with 2 and print nothing else."""
    code, out, err = cli(*args)
    assert (code, out) == (2, "")
    assert err.startswith("symsched: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


# -- derive -----------------------------------------------------------------------------------------------------------

DERIVED = {
    "drift --schedule follmer --data gaussian(0,1) --kappa 1": "b = 0\nε = 1/2\n",
    "epsstar": "ε* = α²β̇/β − αα̇\n",
    "epsstar --schedule linear": "ε* = (1 − t)/t\n",
    "epsstar --schedule vp": "ε* = π/(2·tan(πt/2))\n",
    "epsstar --schedule follmer --format latex": "\\varepsilon^{*} = \\frac{1}{2}\n",
    "variance": "V = α² + β²ρ²\n",
    "variance --schedule follmer --rho 1": "V = t\n",
    "ratio --schedule vp": "r = tan(πt/2)\n",
    "eta_x --schedule follmer --data gaussian(0,1)": "η_X = x\n",
    "schedule --schedule shifted(2)": "α = (2 − 2t)/(2 − t)\nβ = t/(2 − t)\n",
    "kind --schedule ddpm": "truncated\n",
    "limits --schedule follmer": "α(0) = 0\nα(1) = 0\nβ(0) = 0\nβ(1) = 1\nα̇(0) = ∞\n",
    "conversion --schedule linear --target follmer": "τ = √t/(√t + √(1 − t))\nc = √t·√(1 − t) + t\n",
    "lazy --kappa 1 --rho 1": "α² = β(1 − β)\n",
}


@pytest.mark.parametrize(("command", "start"), DERIVED.items())
def test_derives(cli, command, start):
    assert printed(cli, "derive", *command.split()).startswith(start)


def test_lazy_in_latex_and_with_free_symbols(cli):
    pytest.importorskip("symsched.cli.lazy")
    assert printed(cli, "derive", "lazy", "--kappa", "1", "--rho", "1", "--format", "latex").splitlines()[0] == (
        r"\alpha^{2} = \beta \left(1 - \beta\right)"
    )
    general = printed(cli, "derive", "lazy").splitlines()[0]
    assert general == "α² = ρ²(β^(2κ/(κ + 1)) − β²)"


def test_unset_scale_stays_a_symbol(cli):
    assert "κ" in printed(cli, "derive", "drift", "--schedule", "linear")
    assert "η_X(t, x) = E[X | I_t = x]" in printed(cli, "derive", "drift")


@pytest.mark.parametrize(
    "quantity", ["drift", "score", "velocity", "eta_z", "diffusion", "epsstar", "variance", "ratio"]
)
def test_json_expressions_parse_back(cli, quantity):
    out = printed(cli, "derive", quantity, "--schedule", "vp", "--format", "json")
    document = json.loads(out)
    assert document["schedule"] == {"text": "vp", "alpha": "cos(pi*t/2)", "beta": "sin(pi*t/2)"}
    for formula in document["formulas"]:
        expr = parse_expression(formula["expression"], PARSED)
        assert formula["text"].endswith(unicode_line(oriented(named(expr))))


def test_drift_agrees_with_the_library(cli):
    from symsched import catalog
    from symsched.data import Gaussian
    from symsched.sde import InterpolantSDE

    out = printed(cli, "derive", "drift", "-s", "vp", "--data", "gaussian(2, 0.5)", "--kappa", "1", "--format", "json")
    printed_drift = parse_expression(json.loads(out)["formulas"][0]["expression"], PARSED)
    drift = InterpolantSDE(catalog.vp(), Gaussian(2, 0.5), kappa=1).drift
    point = {t: sp.Rational(3, 7), x: sp.Rational(-5, 4)}
    assert abs(sp.N((printed_drift - drift).subs(point), 30)) < 1e-25
    assert abs(sp.N((printed_drift + drift).subs(point), 30)) > 1e-3  # the sabotaged twin: a wrong sign


# -- convert ----------------------------------------------------------------------------------------------------------


def test_convert_values_and_closed_forms(cli):
    out = printed(cli, "convert", "--from", "linear", "--to", "follmer", "--at", "0.25", "--json")
    document = json.loads(out)
    (row,) = document["values"]
    assert row["t"] == 0.25
    assert abs(row["tau"] - 0.3660254037844386) < 2e-16
    assert abs(row["scale"] - 0.6830127018922193) < 2e-16
    assert document["closed_form"] is True
    tau = parse_expression(document["formulas"]["tau"]["expression"])
    assert sp.simplify(tau - sp.sqrt(t) / (sp.sqrt(t) + sp.sqrt(1 - t))) == 0
    assert "latex" in document["formulas"]["scale"]


def test_convert_carries_the_scale(cli):
    out = printed(cli, "convert", "--from", "linear", "--to", "follmer", "--kappa", "1", "--at", "0,1/4,1", "--json")
    document = json.loads(out)
    assert document["formulas"]["eps"]["expression"] == "1/2"
    assert [row["eps"] for row in document["values"]] == [0.5, 0.5, 0.5]
    assert document["values"][0]["tau_dot"] == "inf"
    assert document["values"][2]["scale_dot"] == "-inf"


def test_convert_piped_is_a_table_in_full_precision(cli):
    out = printed(cli, "convert", "--from", "linear", "--to", "follmer", "--at", "0.25")
    header, row = out.splitlines()[-2:]
    assert header.split("\t") == ["t", "tau", "scale", "tau_dot", "scale_dot"]
    assert float(row.split("\t")[2]) == 0.6830127018922193


def test_convert_without_closed_form_says_so(cli):
    source = "alpha=(1-t)*exp(-t); beta=log(1+t)/log(2)"
    out = printed(cli, "convert", "--from", source, "--to", "linear", "--at", "0.5", "--json")
    document = json.loads(out)
    assert document["closed_form"] is False
    tau = document["values"][0]["tau"]
    ratio = sp.log(1 + t) / sp.log(2) / ((1 - t) * sp.exp(-t))
    assert abs(ratio.subs(t, tau).evalf() - 1) < 1e-14


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
    assert words in refused(cli, "verify", str(file))


def test_verify_refuses_unknown_names(cli):
    assert "C999" in refused(cli, "verify", "C999")
    assert "nope.py" in refused(cli, "verify", "nope.py")


# -- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = {
    ("derive",): "Missing argument 'QUANTITY' (see 'symsched derive --help')",
    ("derive", "drif"): "cannot derive 'drif'; did you mean drift? (known: drift, score,",
    ("derive", "drift", "--foo", "1"): "--foo",
    ("derive", "drift", "--format", "html"): "--format 'html': expected text, latex or json",
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
    ("derive", "drift", "--kappa", "-1"): "--kappa '-1': must be >= 0",
    ("derive", "drift", "-s", "vp", "--kappa", "t-1/2"): "is negative at t =",
    ("derive", "drift", "-s", "vp", "--eps", "-t"): "must be >= 0",
    ("derive", "drift", "--kappa", "1", "--eps", "1"): "--kappa and --eps are both given",
    ("derive", "drift", "--data", "gauss(0,1)"): "gauss",
    ("derive", "drift", "--data", "gaussian(0,-1)"): "std is -1",
    ("derive", "variance", "--rho", "0"): "--rho '0': a standard deviation must be > 0",
    ("derive", "eta_x"): "give --data",
    ("derive", "kind"): "give --schedule",
    ("derive", "limits"): "give --schedule",
    ("derive", "conversion", "-s", "linear"): "give --schedule and --target",
    ("convert", "--from", "linear"): "--to",
    ("convert", "--from", "linear", "--to", "follmer", "--at", "1.5"): "'1.5' is not a time in [0, 1]",
    ("convert", "--from", "linear", "--to", "follmer", "--at", "0.5,"): "times separated by single commas",
    ("convert", "--from", "linear", "--to", "follmer", "--at", "t"): "unknown name 't'",
    ("convert", "--from", "ve", "--to", "linear", "--at", "0.001"): "truncated source only covers",
    ("verify", "--level", "symbolc"): "--level 'symbolc': expected one of symbolic, interval, montecarlo, all; did you",
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
    assert words in refused(cli, *args)


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
    out = printed(cli, "schedules", "vp", "ddpm")
    assert "vp()" in out
    assert "α = cos(πt/2), β = sin(πt/2)" in out
    assert "arXiv:2011.13456" in out


def test_schedules_json(cli, tmp_path):
    out = printed(cli, "schedules", "vp", "geometric", "--json", "-")
    rows = json.loads(out)["schedules"]
    assert [row["name"] for row in rows] == ["vp", "geometric"]
    assert rows[1]["domain"] == "M > 0"
    target = tmp_path / "list.json"
    printed(cli, "schedules", "vp", "geometric", "--json", str(target))
    assert json.loads(target.read_text()) == json.loads(out)
    assert [p.name for p in tmp_path.iterdir()] == ["list.json"]


def test_version(cli):
    import symsched

    assert printed(cli, "--version") == f"symsched {symsched.__version__}\n"


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
    with subprocess.Popen(
        [sys.executable, "-m", "symsched.cli", "schedules"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        running.stdout.read(1)
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


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


# -- notation ---------------------------------------------------------------------------------------------------------

b, eta = sp.symbols("beta eta_X")
LINES = {
    "β(1 − β)": -b * (b - 1),
    "√(t − t²)": sp.sqrt(t - t**2),
    "2t·cos(πt/2)/3": 2 * t * sp.cos(sp.pi * t / 2) / 3,
    "−∞": -sp.oo,
    "β·η_X": b * eta,
    "exp(−2tx)": sp.exp(-2 * t * x),
    "1/β²": b**-2,
    "1/√(t + 1)": 1 / sp.sqrt(1 + t),
    "x/(1 − t)": -x / (t - 1),
    "α̇²/β": alpha.diff(t) ** 2 / beta,
    "9t(t + 1)": 9 * t * (t + 1),
    "2·sin(t)": 2 * sp.sin(t),
    "10·exp(t)": 10 * sp.exp(t),
    "ρ²(β^(2κ/(κ + 1)) − β²)": rho**2 * (b ** (2 * kappa / (1 + kappa)) - b**2),
}


@pytest.mark.parametrize(("line", "expr"), LINES.items())
def test_notation(line, expr):
    assert unicode_line(oriented(named(expr))) == line


def test_latex_shows_letters_not_functions():
    assert latex_line(alpha.diff(t) * beta) == r"\dot{\alpha} \beta"


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.sampled_from([t - 1, 1 - t, t, x, t**2 - t, 1 + t, sp.Rational(-1, 3), 1 / (t - 1), x - 2]), max_size=5)
)
def test_turning_signs_round_never_changes_the_value(factors):
    expr = sp.Mul(*factors) + sp.Mul(*factors[:2])
    point = {t: sp.Rational(2, 7), x: sp.Rational(9, 4)}
    assert oriented(expr).subs(point) == expr.subs(point)
