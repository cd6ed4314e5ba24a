"""The parts of the report: formulas as MathML, prose in the letters of the theory, and pictures of estimates."""

from importlib.resources import files

import pytest
import sympy as sp
from fontTools.ttLib import TTFont

from symsched.exhibit import Point, Record
from symsched.report.html import element
from symsched.report.mathml import LONGEST, formula
from symsched.report.picture import normal_quantile, scale_of, strip
from symsched.report.section import _equation
from symsched.report.words import finding, prose, statement
from symsched.symbols import alpha, beta, kappa, rho, t


def test_text_is_escaped_and_markup_is_not():
    assert element("p", "a < b", element("b", "&")) == "<p>a &lt; b<b>&amp;</b></p>"
    assert (
        element("td", None, ["x", "y"], data_label='"', hidden=True, id=None)
        == '<td data-label="&quot;" hidden>xy</td>'
    )


tau = sp.Function("tau")(t)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (alpha, "<mi>α</mi>"),
        (alpha.diff(t), "<mover><mi>α</mi>"),
        (beta.diff(t, 2), "¨"),
        (sp.Function("g")(t, rho), "<mi>g</mi><mrow><mo>(</mo><mi>t</mi><mo>,</mo>"),
        (sp.Subs(alpha.diff(t), t, rho), "<msup><mi>α</mi><mo>′</mo></msup>"),
        (sp.Derivative(sp.Function("alpha")(tau), tau), "<msup><mi>α</mi><mo>′</mo></msup><mrow><mo>(</mo><mi>τ</mi>"),
        (sp.Function("alphabar")(t), '<mover><mi>α</mi><mo scriptlevel="-1">¯</mo></mover>'),
        (beta**kappa, "<msup><mi>β</mi><mi>κ</mi></msup>"),
        (sp.Symbol("eta_X"), "<msub><mi>η</mi><mi>X</mi></msub>"),
        (-t, "<mo>−</mo>"),
        (sp.Piecewise((t, t < 1), (1, True)), "otherwise"),
    ],
)
def test_formulas_are_in_the_notation_of_the_theory(expression, wanted):
    assert wanted in formula(expression)


def test_long_sums_break_between_terms_and_huge_ones_tell_their_size():
    terms = sum(alpha**k * beta.diff(t) / (k + 1) for k in range(12))
    assert formula(terms, "= 0").count("<math") == 13
    huge = sum(alpha**k * beta.diff(t) / (k + sp.pi) for k in range(LONGEST))
    assert "operations in 600 terms" in formula(huge)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("b^ε = Ax + Bη_X", "b<sup>ε</sup> = Ax + Bη<sub>X</sub>"),
        ("snake_case and x_{12}", "snake_case and x<sub>12</sub>"),
        ("β^{-1/2} & c", "β<sup>-1/2</sup> &amp; c"),
        ("e^(−Q(s)) and t^(1/q) dW_τ", "e<sup>−Q(s)</sup> and t<sup>1/q</sup> dW<sub>τ</sub>"),
    ],
)
def test_prose_lowers_indices_and_raises_powers(text, wanted):
    assert prose(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("σ′ divides r by a factor", "<var>σ</var>′ divides <var>r</var> by a factor"),
        ("X ~ N(m, ρ²) & dt", "<var>X</var> ~ <var>N</var>(<var>m</var>, <var>ρ</var>²) &amp; <var>dt</var>"),
        ("αα̇ and η_X", "<var>αα̇</var> and <var>η</var><sub><var>X</var></sub>"),
        ("see arXiv:2602.03789", 'see <a href="https://arxiv.org/abs/2602.03789">arXiv:2602.03789</a>'),
    ],
)
def test_a_statement_has_its_letters_in_italics(text, wanted):
    assert statement(text) == wanted


def test_a_step_is_shown_as_the_equation_that_it_was():
    shown = _equation(2 * alpha * beta - t**2)
    assert shown.index("<mi>α</mi>") < shown.index("<mo>=</mo>") < shown.index("<mi>t</mi>")
    assert "−" not in shown
    assert "<mn>0</mn>" in _equation(alpha * beta)  # nothing is taken away: the product is 0


@pytest.mark.parametrize("letter", "αβεκρτη𝛼𝑥=→√()∫")
def test_the_font_of_the_page_has_what_formulas_need(letter):
    font = TTFont(files("symsched.report").joinpath("maths.woff"))
    assert ord(letter) in font.getBestCmap()
    assert "MATH" in font
    assert "Open Font License" in str(font["name"].getName(13, 3, 1))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("alpha(t)*Derivative(beta(t), t)", "α*β\u0307"),
        ("value -0.5 at xi = 1e-06", "value −0.5 at ξ = 10<sup>−6</sup>"),
        ("betabar = 1, beta(tau(t)) and a bar", "β\u0304 = 1, β(τ) and a bar"),
        ("Derivative(V(t), (t, 2))", "V\u0308"),
        ("alphabet(t) and 2.5e+3", "alphabet(t) and 2.5 × 10<sup>3</sup>"),
    ],
)
def test_findings_are_told_in_letters(text, wanted):
    assert finding(text) == wanted


def test_a_strip_shows_estimate_intervals_and_exact_value():
    near, far = Point("near", 1.02, 0.01, 1.0), Point("far", 9.0, 0.01, 1.0)
    scale = scale_of([near], 1e-6)
    assert normal_quantile(1e-6) == pytest.approx(4.8916, abs=1e-4)
    assert scale > near.deviation + normal_quantile(1e-6)
    assert "95% interval 1.0004 to 1.0396, exact value 1, 2 standard errors above" in strip(near, scale, 1e-6)
    assert "<circle" not in strip(far, scale, 1e-6)
    assert "arrow" in strip(far, scale, 1e-6)


def test_a_record_keeps_the_last_round():
    import numpy as np

    seen = Record()
    for size in (100, 400):
        seen.mean("m", np.arange(size) % 2, 0.5)
        seen.variance("v", np.arange(size) % 2, 0.25)
    mean, variance = seen.points
    assert (mean.estimate, mean.exact) == (0.5, 0.5)
    assert mean.standard_error == pytest.approx(0.025, rel=1e-2)
    assert variance.standard_error == 0
    assert abs(Point("certain", 1.0, 0.0, 2.0).deviation) == float("inf")
