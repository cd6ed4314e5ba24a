"""The formulas of the catalogue are printed as `written/forms.txt` has them, which was looked at line by line."""

import time

import pytest
import sympy as sp
from sympy.polys import polyroots
from written.forms import KEPT, SCHEDULES, converted, derived

import symsched as ss
from symsched.derived.formula import Formula, short
from symsched.exact import decide_zero, neat
from symsched.symbols import alpha, beta, kappa, rho, t, x

LINES = KEPT.read_text(encoding="utf-8").splitlines()
OF = {name: [line for line in LINES if line.split(" ", 1)[0] == name] for name in ["any", *SCHEDULES]}


@pytest.mark.slow
def test_what_holds_for_any_schedule_is_printed_as_before():
    assert list(derived(None)) == OF["any"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SCHEDULES)
def test_what_is_derived_and_converted_is_printed_as_before(name):
    pairs = [line for line in OF[name] if line.startswith(f"{name} →")]
    single = [line for line in OF[name] if line not in pairs]
    assert (list(derived(name)) if single else []) == single
    assert (list(converted(name)) if pairs else []) == pairs


def test_what_is_kept_fits_a_reader():
    """Drifts of three schedules fill more than two lines: sums of exponentials of polynomials with roots in them."""
    long = {line.split(" ", 1)[0] for line in LINES if len(line) > 360}
    assert long <= {"scaled_linear", "sigmoid", "sub_vp"}
    assert not [line for line in LINES if "Abs" in line or "τ = τ" in line]


NUMBER = sp.cos(sp.pi / 252)
WAVES = sp.sin(sp.pi * t / 2), sp.cos(sp.pi * t / 2)
SHORT = [
    ((2 - 2 * t**2) / (t - t**3), 2 / t),
    (-(kappa + t) / (t - t**2), "-(kappa + t)/(t*(1 - t))"),
    (sp.log(t**2 / (1 - t) ** 2 + 1) - 2 * sp.log(t / (1 - t)), sp.log((2 * t**2 - 2 * t + 1) / t**2)),
    (rho**2 * sp.exp(-t) + 1 - sp.exp(-t), 1 + (rho**2 - 1) * sp.exp(-t)),
    (sp.exp(3 * t) / (sp.exp(2 * t) * sp.exp(t)), sp.S.One),
    (sum(w**3 + w * v**2 for w, v in (WAVES, WAVES[::-1])), sp.Add(*WAVES)),
    (sp.sqrt(1 - sp.cos(sp.pi * (sp.S.Half - t)) ** 2 / NUMBER**2),
     sp.sqrt(NUMBER**2 - sp.sin(sp.pi * t) ** 2) / NUMBER),
    (kappa * beta.diff(t) * alpha + beta.diff(t) * alpha, alpha * (kappa + 1) * beta.diff(t)),
]  # fmt: skip


@pytest.mark.parametrize(("form", "short"), SHORT, ids=[str(k) for k in range(len(SHORT))])
def test_a_person_would_write_it_so(form, short):
    found = neat(form)  # the short one as it is printed: a product that is not multiplied out prints otherwise
    assert str(found) == str(short)
    assert decide_zero((found - form).xreplace({NUMBER: sp.Symbol("c", positive=True)}))


@pytest.mark.slow
def test_the_scale_of_a_variance_preserving_source_needs_no_inverse():
    conversion = ss.convert("scaled_linear", "linear")
    assert conversion.scale == sp.sqrt(2 * t**2 - 2 * t + 1)
    found = ss.derive("conversion", "scaled_linear", target="linear")
    assert str(found).startswith("τ = r⁻¹(t/(1 − t))")
    assert found.latex.startswith(r"\tau = r^{-1}\left(")
    assert ss.convert("trigflow", "linear").scale.has(t)  # twin: α² + β² moves, and the scale asks for τ


@pytest.mark.slow
def test_a_conversion_takes_five_seconds_at_most():
    begun = time.process_time()
    assert "log" in str(ss.derive("conversion", "ddpm", target="linear"))
    assert time.process_time() - begun < 5


def test_what_stands_at_several_places_of_a_long_line_gets_a_name():
    part = sp.exp(-(1 - t) * (201 - 199 * t) / 20)
    expr = x * part / (1 - part) ** 3 + sp.sqrt(1 - part) * kappa / (1 + part) - t * part**2 / (2 - part)
    formula = Formula("b", "b", "b", expr)
    assert formula.text.startswith("b = ")
    line, told = formula.text.split(" with ")
    assert "w₁" in line
    assert "exp(" in told
    assert r", \quad w_{1} = " in formula.latex
    assert " with " not in Formula("b", "b", "b", part).text


@pytest.mark.parametrize("name", ["sub_vp", "sigmoid", "edm", "alpha=1-t; beta=t*exp(t-1)"])
def test_a_schedule_is_converted_to_itself_by_nothing(name):
    """With an inverse or without: sub_vp has none."""
    same = ss.convert(name, name)
    assert (same.tau, same.scale, same.tau_dot, same.scale_dot, same.eps(1 + t)) == (t, 1, 1, 0, 1 + t)
    assert [part.tolist() for part in same.at([0.25, 1])] == [[0.25, 1], [1, 1], [1, 1], [0, 0]]


def test_sums_with_roots_of_numbers_are_letters_while_a_form_is_sought_and_told(monkeypatch):
    """SymPy looked for the roots of polynomials of degree 13 with 80^(1/7) in them: 40 seconds for four formulas."""
    asked, roots = [], polyroots.roots
    monkeypatch.setattr(polyroots, "roots", lambda f, *args, **options: asked.append(f) or roots(f, *args, **options))
    conversion = ss.convert("ddpm", "edm")
    told = short("tau", "τ", r"\tau", conversion.tau).text
    assert told == "τ = 200/199 − √(4 − 15920·log(1/(w₁¹⁴ + 1)))/398 with w₁ = 20000^(1/7)·t/10 + 80^(1/7)(1 − t)"
    assert short("c_dot", "ċ", r"\dot c", conversion.scale_dot).text.startswith("ċ = −7w₁¹³")
    assert max((sp.degree(f, t) for f in asked), default=0) < 7
    here = sp.Rational(1, 3)
    assert abs((conversion.scale**2 - 1 - conversion.target.alpha**2).subs(t, here).n(40)) < 1e-25
    slope = (conversion.scale.subs(t, here + sp.Rational(1, 10**9)) - conversion.scale.subs(t, here)).n(40) * 10**9
    assert abs(slope / conversion.scale_dot.subs(t, here).n(40) - 1) < 1e-7
