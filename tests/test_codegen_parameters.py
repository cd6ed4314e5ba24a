"""Limits that depend on an open parameter: the right case on every stretch, or none at all."""

import math

import mpmath as mp
import pytest
import sympy as sp

import symsched as ss
from symsched.codegen.header import _shown
from symsched.codegen.languages.c import CForms
from symsched.codegen.languages.julia import JuliaForms
from symsched.codegen.languages.latex import _limit
from symsched.codegen.languages.numpy import NumPyForms
from symsched.codegen.languages.torch import TorchForms
from symsched.codegen.module import Module
from symsched.codegen.quantities import cases
from symsched.codegen.quantities.cases import by_parameter
from symsched.schedule import Schedule
from symsched.symbols import kappa, t

p = sp.Symbol("p", positive=True)
POWERS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.5)


def near(expr, end, power):
    """The value 1e-60 from the end."""
    with mp.workdps(200):
        time = mp.mpf(10) ** -60 if end == 0 else 1 - mp.mpf(10) ** -60
        return sp.lambdify((t, p), expr, "mpmath")(time, mp.mpf(power))


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize(
    "expr", [p * t ** (p - 1), p * (1 - t) ** (2 * p - 1) / t, -((1 - t) ** (p - 1)) * p, t**p * (1 - t) ** (2 - p)]
)
def test_the_case_is_the_limit(expr, end):
    found = by_parameter(expr, end)
    assert found is not None
    for power in POWERS:
        got, close = found.subs(p, sp.Rational(power)), near(expr, end, power)
        if got.is_infinite:
            assert abs(close) > 1e10
            assert sp.sign(close) == sp.sign(got)
        else:
            assert abs(close - float(got)) < 1e-10, power


def test_no_more_cases_than_there_are():
    assert by_parameter(t**p + p, 0) == p
    assert len(by_parameter(p * t ** (p - 1), 0).args) == 3
    assert len(by_parameter(t ** (p - 1) * (1 + t), 1).free_symbols) == 0


@pytest.mark.parametrize("expr", [t ** (p - sp.Rational(3, 4)), t ** (p - sp.Symbol("w", positive=True))])
def test_none_where_it_turns_elsewhere_or_by_two(expr):
    assert by_parameter(expr, 0) is None


def test_a_turn_that_is_not_known_is_not_guessed(monkeypatch):
    """The twin: without 1/2 among the turns the rule must say nothing, not one of two answers."""
    expr = (1 - t) ** (2 * p - 1)
    assert by_parameter(expr, 1) is not None
    monkeypatch.setattr(cases, "TURNS", (sp.S.One,))
    assert by_parameter(expr, 1) is None


def test_a_parameter_of_any_sign_has_no_cases():
    assert by_parameter(t ** (sp.Symbol("a", real=True) - 1), 0) is None


# -- how it is written ------------------------------------------------------------------------------------------

CASES = sp.Piecewise((sp.oo, p < 1), (1, sp.Eq(p, 1)), (0, True), evaluate=False)


def test_every_language_asks_for_the_parameter():
    assert CForms().limit(CASES) == "(p < 1.0 ? HUGE_VAL : (p == 1.0 ? 1.0 : 0.0))"
    assert JuliaForms().limit(CASES) == "(p < 1.0 ? Inf : (p == 1.0 ? 1.0 : 0.0))"
    assert NumPyForms().limit(CASES) == "np.where(p < 1.0, np.inf, np.where(p == 1.0, 1.0, 0.0))"
    assert _shown(CASES) == "inf if p < 1, 1 if p = 1, else 0"
    assert _limit(CASES) == r"\infty\;(p < 1),\;1\;(p = 1),\;0\;(p > 1)"


def test_cases_of_kappa_are_written_as_before():
    cases = sp.Piecewise((0, sp.Eq(kappa, 1)), (sp.oo, kappa < 1), (-sp.oo, True), evaluate=False)
    assert _shown(cases) == "0 if kappa = 1, inf if kappa < 1, else -inf"
    assert _limit(cases) == r"\infty\;(\kappa < 1),\;0\;(\kappa = 1),\;-\infty\;(\kappa > 1)"
    both = sp.Piecewise((cases, p < 1), (0, True), evaluate=False)
    assert _shown(both) == "(0 if kappa = 1, inf if kappa < 1, else -inf) if p < 1, else 0"


def test_torch_keeps_the_digits_of_a_case():
    """torch.where of two numbers is a float32, whatever the parameter is."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    value = -sp.pi / 2
    text = TorchForms().limit(sp.Piecewise((value, sp.Eq(kappa, 0)), (-sp.oo, True), evaluate=False))
    names = {"torch": torch, "kappa": torch.tensor(0.0, dtype=torch.float64)}
    assert float(eval(text, names)) == float(value)  # noqa: S307 - our own output
    lossy = text.replace(text[text.index("torch.full_like(") : text.index("),") + 1], repr(float(value)))
    assert float(eval(lossy, names)) != float(value)  # noqa: S307 - our own output
    names["kappa"] = torch.tensor(1.0, dtype=torch.float64)
    assert float(eval(text, names)) == -math.inf  # noqa: S307 - our own output


@pytest.mark.exhaustive
def test_a_module_with_an_open_power():
    module = Module(Schedule((1 - t) ** p, t**p), ss.schedules.linear())
    names = {"__name__": "emitted"}
    exec(compile(ss.codegen(module.conversion, lang="numpy"), "emitted", "exec"), names)  # noqa: S102 - our own output
    (made,) = (f for f in module.functions if f.name == "schedule")
    for power in POWERS:
        for end in (0, 1):
            for got, output in zip(names["schedule"](float(end), power), made.outputs, strict=True):
                close = near(output.quantity.exact, end, power)
                assert float(got) == pytest.approx(float(close), abs=1e-10) or abs(close) > 1e10, output.name
