"""Formulas on the command line: `derive`, `convert`, and how they are written."""

import json

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symsched.notation import latex_line, named, oriented, unicode_line
from symsched.parsing import parse_expression
from symsched.symbols import alpha, beta, kappa, mean, rho, t, x

PARSED = {"t": t, "x": x, "kappa": kappa, "rho": rho, "m": mean, "eta_X": sp.Symbol("eta_X")}


# -- derive -----------------------------------------------------------------------------------------------------------

DERIVED = {
    "drift --schedule follmer --data gaussian(0,1) --kappa 1": "b = 0\nε = 1/2\n",
    "epsstar": "ε* = α(αβ̇ − α̇β)/β\n",
    "epsstar --schedule linear": "ε* = (1 − t)/t\n",
    "epsstar --schedule vp": "ε* = π/(2·tan(πt/2))\n",
    "epsstar --schedule follmer --format latex": "\\varepsilon^{*} = \\frac{1}{2}\n",
    "variance": "V = α² + β²ρ²\n",
    "variance --schedule follmer --rho 1": "V = t\n",
    "ratio --schedule vp": "r = tan(πt/2)\n",
    "eta_x --schedule follmer --data gaussian(0,1)": "η_X = x\n",
    "schedule --schedule shifted(2)": "α = 2(1 − t)/(2 − t)\nβ = t/(2 − t)\n",
    "kind --schedule ddpm": "truncated\n",
    "limits --schedule follmer": "α(0) = 0\nα(1) = 0\nβ(0) = 0\nβ(1) = 1\nα̇(0) = ∞\n",
    "conversion --schedule linear --target follmer": "τ = √t/(√t + √(1 − t))\nc = √t·√(1 − t) + t\n",
    "lazy --kappa 1 --rho 1": "α² = β(1 − β)\n",
}


@pytest.mark.parametrize(("command", "start"), DERIVED.items())
def test_derives(cli, command, start):
    assert cli.printed("derive", *command.split()).startswith(start)


def test_lazy_in_latex_and_with_free_symbols(cli):
    assert cli.printed("derive", "lazy", "--kappa", "1", "--rho", "1", "--format", "latex").splitlines()[0] == (
        r"\alpha^{2} = \beta \left(1 - \beta\right)"
    )
    general = cli.printed("derive", "lazy").splitlines()[0]
    assert general == "α² = ρ²(β^(2κ/(κ + 1)) − β²)"


def test_unset_scale_stays_a_symbol(cli):
    assert "κ" in cli.printed("derive", "drift", "--schedule", "linear")
    assert "η_X(t, x) = E[X | I_t = x]" in cli.printed("derive", "drift")


@pytest.mark.parametrize(
    "quantity", ["drift", "score", "velocity", "eta_z", "diffusion", "epsstar", "variance", "ratio"]
)
def test_json_expressions_parse_back(cli, quantity):
    out = cli.printed("derive", quantity, "--schedule", "vp", "--format", "json")
    document = json.loads(out)
    assert document["schedule"] == {"text": "vp", "alpha": "cos(pi*t/2)", "beta": "sin(pi*t/2)"}
    for formula in document["formulas"]:
        expr = parse_expression(formula["expression"], PARSED)
        assert formula["text"].endswith(unicode_line(oriented(named(expr))))


def test_drift_agrees_with_the_library(cli):
    from symsched import catalog
    from symsched.data import Gaussian
    from symsched.sde import InterpolantSDE

    out = cli.printed("derive", "drift", "-s", "vp", "--data", "gaussian(2, 0.5)", "--kappa", "1", "--format", "json")
    printed_drift = parse_expression(json.loads(out)["formulas"][0]["expression"], PARSED)
    drift = InterpolantSDE(catalog.vp(), Gaussian(2, 0.5), kappa=1).drift
    point = {t: sp.Rational(3, 7), x: sp.Rational(-5, 4)}
    assert abs(sp.N((printed_drift - drift).subs(point), 30)) < 1e-25
    assert abs(sp.N((printed_drift + drift).subs(point), 30)) > 1e-3  # the sabotaged twin: a wrong sign


# -- convert ----------------------------------------------------------------------------------------------------------


def test_convert_values_and_closed_forms(cli):
    out = cli.printed("convert", "--from", "linear", "--to", "follmer", "--at", "0.25", "--json")
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
    out = cli.printed("convert", "--from", "linear", "--to", "follmer", "--kappa", "1", "--at", "0,1/4,1", "--json")
    document = json.loads(out)
    assert document["formulas"]["eps"]["expression"] == "1/2"
    assert [row["eps"] for row in document["values"]] == [0.5, 0.5, 0.5]
    assert document["values"][0]["tau_dot"] == "inf"
    assert document["values"][2]["scale_dot"] == "-inf"


def test_convert_piped_is_a_table_in_full_precision(cli):
    out = cli.printed("convert", "--from", "linear", "--to", "follmer", "--at", "0.25")
    header, row = out.splitlines()[-2:]
    assert header.split("\t") == ["t", "tau", "scale", "tau_dot", "scale_dot"]
    assert float(row.split("\t")[2]) == 0.6830127018922193


@pytest.mark.slow
def test_convert_without_closed_form_says_so(cli):
    source = "alpha=(1-t)*exp(-t); beta=log(1+t)/log(2)"
    out = cli.printed("convert", "--from", source, "--to", "linear", "--at", "0.5", "--json")
    document = json.loads(out)
    assert document["closed_form"] is False
    tau = document["values"][0]["tau"]
    ratio = sp.log(1 + t) / sp.log(2) / ((1 - t) * sp.exp(-t))
    assert abs(ratio.subs(t, tau).evalf() - 1) < 1e-14


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
