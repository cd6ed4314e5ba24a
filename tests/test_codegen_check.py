"""No module is handed out unrun: what it returns at both ends, next to them and inside is held to ball arithmetic."""

import dataclasses
import math

import numpy as np
import pytest
import sympy as sp
from slowness import quick

import symsched.codegen as codegen
from symsched import schedules
from symsched.codegen import check
from symsched.codegen.languages.numpy import NumPy
from symsched.codegen.module import Module
from symsched.codegen.references import FIRST, LAST, SUBNORMAL, Value, measured
from symsched.codegen.stable.ieee import evaluate
from symsched.codegen.stable.letters import expanded, is_steep, reduced, simplified
from symsched.codegen.stable.ranges import grouped
from symsched.conversion import convert
from symsched.errors import InputError
from symsched.exact.generators import canonical
from symsched.schedule import Schedule
from symsched.symbols import t

EDGES = (0.0, SUBNORMAL, 1e-310, FIRST, 1e-12, 0.3, 1 - 2.0**-40, LAST, 1.0)
STEEP = {  # of t, of 1 − t, a root, and what is flat of every order
    "power": Schedule(1 - t, t**200),
    "root": Schedule(1 - t, t ** sp.Rational(2469, 5000)),
    "mixed": Schedule(1 - t, (1 - t) * t ** sp.Rational(24999, 25000) + t),
}


def loaded(text):
    names = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output
    return names


@pytest.fixture(scope="module")
def linear():
    return Module(Schedule(1 - t, t))


@pytest.mark.parametrize("name", quick(["root"], STEEP))
def test_steep_schedules_are_emitted_and_right_at_the_edges(name):
    schedule = STEEP[name]
    names = loaded(codegen.generate(schedule, "numpy", self_test=True))
    assert names["self_test"]() < 350  # an exponent that is no float: |p log t|/2 at t = 1e-300
    alpha, beta, *_ = (np.asarray(v) for v in names["schedule"](np.array(EDGES)))
    assert not np.isnan([alpha, beta]).any()
    for time, found in zip(EDGES, beta, strict=True):
        exact = 0.0 if time < 2.0**-1022 else float(schedule.beta.subs(t, sp.Rational(time)).evalf(30))
        assert found == pytest.approx(exact, rel=1e-12, abs=0)


def test_a_wrong_digit_is_refused_before_anything_is_returned(linear, monkeypatch):
    check.check(linear)
    text = NumPy().body(linear)
    wrong = text.replace("return alpha, beta.copy()", "return alpha, beta*(1 + 1e-12)")
    assert wrong != text
    assert {miss.what for miss in check.misses(linear, wrong)} == {"schedule.beta"}
    monkeypatch.setattr(NumPy, "body", lambda *_: wrong)
    with pytest.raises(InputError, match=r"no code for Schedule .*: schedule\.beta at t = .* would be .*, and is "):
        codegen.generate(Schedule(1 - t, t), "c")


@pytest.mark.parametrize("end", ["np.nan", "np.inf"])
def test_nan_or_inf_at_an_edge_is_seen(linear, end):
    text = NumPy().body(linear)
    for time in (0.0, FIRST, LAST, 1.0):
        wrong = text.replace("return alpha, beta", f"return np.where(t == {time!r}, {end}, alpha), beta")
        assert any(miss.time == time for miss in check.misses(linear, wrong))


def test_next_to_a_zero_the_error_is_measured_by_how_much_the_value_moves():
    from flint import arb

    assert (measured(arb(2), arb(1)).number, measured(arb(2), arb(1)).size) == (2.0, 0.0)
    assert measured(arb(2), arb(200)).size == 200
    assert measured(arb(2) ** 2000, arb(1)) == Value("inf")
    assert measured(-(arb(2) ** 2000), arb(1)) == Value("-inf")
    assert float(measured(arb(2) ** -2000, arb(0)).number) == 0.0
    assert measured(arb("1 +/- 0.1"), arb(1)) is None


@pytest.mark.parametrize("power", [1, -1, 2])
def test_a_norm_whose_squares_are_no_floats_is_taken_by_way_of_a_quotient(power):
    alpha, beta, time, size = sp.symbols("alpha beta t size")
    lines = [(alpha, 3 * time ** sp.Rational(2, 3)), (beta, time)]
    made = grouped([*lines, (size, (alpha**2 + beta**2) ** sp.Rational(-power, 2) * alpha)])
    values = {"t": 1e-300}
    for symbol, form in made:
        values[symbol.name] = evaluate(form, values)
    exact = {1: 1.0, -1: 9e-400, 2: 1 / 3e-200}[power]
    assert values["size"] == pytest.approx(exact, rel=1e-12, abs=0)
    small = [(alpha, 1 - time), (beta, time), (size, sp.sqrt(alpha**2 + beta**2))]
    assert grouped(small) == small


@pytest.mark.slow
@pytest.mark.parametrize("source", ["linear", "simple_linear", "trigflow"])
def test_a_target_that_vanishes_at_the_start_is_emitted_and_right_next_to_it(source):
    """lazy(kappa=2): at t = 1e-300 alpha is 1e-200, whose square is no float; c of linear is alpha + beta."""
    text = codegen.generate(convert(schedules.from_text(source), schedules.lazy(kappa=2)), "numpy", self_test=True)
    assert loaded(text)["self_test"]() < 10_000


@pytest.mark.slow
def test_a_scale_whose_slope_vanishes_at_one_end_keeps_its_digits_at_both():
    """c′ is 0 at t = 0, where each of β̇/β and τ̇β̇/β of the source is 1/t, and −1.16 at 1."""
    source = schedules.from_text("alpha=1-t**2; beta=44*t**3/89+45*t*(2-t)/89")
    text = codegen.generate(convert(source, schedules.vp()), "numpy", self_test=True)
    assert loaded(text)["self_test"]() < 300


@pytest.mark.slow
def test_a_difference_of_hyperbolic_tangents_keeps_its_digits():
    """1 − tanh 3t/tanh 3 is 2 (e⁶ − e⁶ᵗ)/((e⁶ᵗ + 1)(e⁶ − 1)), and 10⁻¹⁶ at t = 1 − 2⁻⁵³."""
    text = codegen.generate(Schedule(1 - sp.tanh(3 * t) / sp.tanh(3), t), "numpy", self_test=True)
    assert loaded(text)["self_test"]() < 40


LOGISTIC = "alpha=1/(1+exp(1000*(t-1/2))); beta=1/(1+exp(-1000*(t-1/2)))"
STRETCHED = "alpha=exp(-1000*(t-1/2)); beta=exp(1000*(t-1/2))"  # r is e^-1000, which is no float, at the start


@pytest.mark.slow
@pytest.mark.parametrize(("source", "slope"), [(LOGISTIC, 1000), (STRETCHED, 2000)])
def test_a_source_whose_ratio_reaches_what_no_float_is(source, slope):
    """τ = 1/2 + log(t/(1 − t))/slope wherever that lies between 0 and 1."""
    names = loaded(codegen.generate(convert(schedules.from_text(source), schedules.linear()), "numpy"))
    times = np.array([FIRST, 1e-200, 1e-12, 0.3, 0.5, 1 - 2.0**-40])
    tau = 0.5 + (np.log(times) - np.log1p(-times)) / slope
    inside = tau > 0
    assert list(inside) == [slope == 2000, True, True, True, True, True]
    assert np.asarray(names["conversion"](times)[0])[inside] == pytest.approx(tau[inside], rel=1e-13)
    found = [float(np.asarray(part)) for part in names["conversion"](0.0)]
    assert np.isnan(found).all() == (slope == 1000)  # the logistic one never has the ratio 0


@pytest.mark.slow
def test_a_closed_form_that_fails_gives_way_to_newton_steps(monkeypatch):
    conversion = convert(schedules.linear(), schedules.vp())
    closed = codegen.generate(conversion, "numpy")
    assert "_source_time" not in closed
    kept = check.check

    def refuse_closed(module):
        if module.closed:
            raise InputError("a digit is wrong")
        kept(module)

    monkeypatch.setattr(check, "check", refuse_closed)
    newton = codegen.generate(conversion, "numpy")
    assert "_source_time" in newton
    times = np.array([0.0, FIRST, 1e-12, 0.3, LAST, 1.0])
    for name in ("conversion", "diffusion"):
        given = (times,) if name == "conversion" else (times, 0.5)
        for one, other in zip(loaded(closed)[name](*given), loaded(newton)[name](*given), strict=True):
            assert np.asarray(one) == pytest.approx(np.asarray(other), rel=1e-14)
    with pytest.raises(InputError, match="a digit is wrong"):
        codegen.generate(schedules.vp(), "numpy")


def test_a_logarithm_with_a_large_factor_is_no_polynomial():
    form = sp.Rational(24999, 25000) * sp.log(t) + t
    assert simplified(form) == form


def test_products_are_multiplied_in_an_order_that_stays_inside_the_floats():
    alpha, beta, rate, t_, out = sp.symbols("alpha beta rate t out")
    lines = [(alpha, sp.sqrt(t_)), (beta, t_), (rate, 1 / t_), (out, alpha * beta * rate)]
    made = grouped(lines)
    values = {"t": 1e-300}
    for symbol, form in made:
        value = 1.0
        for factor in sp.Mul.make_args(form):
            value *= float(factor.xreplace({s: sp.Float(values[s.name], 17) for s in factor.free_symbols}))
        values[symbol.name] = value
    assert values["out"] == pytest.approx(1e-150)
    assert len(made) == len(lines) + 1
    assert 1e-150 * 1e-300 * 1e300 == 0  # the order that was given
    plain = [(alpha, 1 - t_), (beta, t_), (out, alpha * beta)]
    assert grouped(plain) == plain


def test_no_polynomial_of_large_degree_is_made():
    root = t ** sp.Rational(1, 10**9)
    assert reduced((root**2 - 1) / (root - 1)) == root + 1
    assert canonical(root * t / root) == t
    fraction = t ** sp.Rational(99999, 100000)
    assert canonical(fraction / t ** sp.Rational(-1, 100000)) == t
    assert is_steep((1 - t) ** 200)
    assert not is_steep((1 - t) ** 3)
    assert expanded(t * (1 + (1 - t) ** 200)) == t + t * (1 - t) ** 200
    assert reduced(t**200 / t**199 * (1 + t)) == t + t**2


@pytest.mark.slow
def test_what_was_asked_before_changes_nothing():
    schedule = Schedule(1 - t, t**3)
    first = codegen.generate(schedule, "numpy")
    codegen.generate(Schedule(1 - t, t**200), "numpy")
    assert codegen.generate(schedule, "numpy") == first


def test_a_value_knows_its_measure():
    value = Value("0.0", 3.0)
    assert value.measure == 3.0
    assert dataclasses.replace(value, text="-inf").measure == math.inf
