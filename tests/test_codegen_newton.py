"""The Newton inverse: few steps for every source, no cancellation next to a truncated end, λ factor by factor."""

import numpy as np
import pytest
import sympy as sp
from mpmath import mp, mpf
from slowness import quick, slow

from benchmarks import codegen_pairs as sweep
from symsched import catalog
from symsched.codegen import sampler_steps
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.codegen.newton import PLACES, STEPS, inverse_of, log_r
from symsched.codegen.passes import steps_needed
from symsched.codegen.quantities import source_forms
from symsched.codegen.sampler_steps import MOST, rounding_of
from symsched.codegen.stable.end_distance import ends_of
from symsched.codegen.stable.ieee import evaluate
from symsched.codegen.stable.logslope import log_slope, without_exponentials
from symsched.codegen.stable.rounding import expm1, u, written_out
from symsched.symbols import t

TRUNCATED = ("ddpm", "sub_vp", "edm")


def module(source, target="linear"):
    return Module(catalog.from_text(target), catalog.from_text(source))


def needed(inverse, place, slope, distances):
    step = 1 / (inverse.pace * slope * sp.Symbol("s") * sp.Symbol("left"))
    return steps_needed(inverse.ratio, step, place, distances, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["ddpm", slow("sigmoid")])
def test_few_steps_do_from_end_to_end(source):
    made = module(source)
    assert not made.closed or made.ledger.implicit
    inverse = inverse_of(made)
    assert needed(inverse, inverse.place, inverse.slope, inverse.distances) <= 8
    if inverse.ends:  # log r itself creeps towards a truncated end
        assert needed(inverse, log_r, PLACES[()][1].subs(t, 0), ()) > 20


@pytest.mark.parametrize("name", quick(["ddpm", "sub_vp"], TRUNCATED))
def test_distances_keep_their_digits(name):
    schedule = catalog.from_text(name)
    forms = source_forms(schedule).own
    for end in ends_of(schedule):
        form = forms.distance(end)
        plain = (1 - 2 * end) * sp.log(schedule.r / schedule.limit("r", end))
        near = 2.0**-40
        values = {"t": near, "u": 1 - near} if end == 0 else {"t": 1 - near, "u": near}
        with mp.workdps(60):
            at = sp.Rational(values["t"])
            want = mpf(sp.N(plain.subs(t, at), 50))
            assert abs(mpf(evaluate(form, values)) / want - 1) < 8 * mpf(2) ** -52
            lossy = evaluate(written_out(plain), values)
            assert abs(mpf(lossy) / want - 1) > mpf(2) ** -30  # the twin: what one would type


@pytest.mark.parametrize("form", [
    sp.sqrt(expm1(6 * t)) * sp.exp(-2 * u) / sp.sqrt(-expm1(-6 * u)),
    sp.sin(sp.pi * t / 2) / sp.cos(sp.pi * t / 3), 3 ** (2 * t) * t / u**2, sp.tan(t) ** 3, 1 / sp.sinh(u * (u + 2)),
])  # fmt: skip
def test_slopes_by_factors_are_slopes(form):
    want = sp.diff(sp.log(written_out(form)), t)
    for at in (sp.Rational(1, 5), sp.Rational(7, 9)):
        got = written_out(log_slope(form)).subs(t, at)
        assert sp.N(got - want.subs(t, at), 30) == pytest.approx(0, abs=1e-25)
        assert abs(sp.N(got - want.subs(t, at + sp.Rational(1, 100)), 30)) > 1e-6  # elsewhere it differs


def test_exponentials_cancel_only_where_they_do():
    ratio = sp.exp(-3) * expm1(6 * t) / -expm1(-6 * u)
    found = list(without_exponentials(ratio))
    assert any(form.has(sp.sinh) and not form.has(sp.exp) for form in found)
    for form in found:
        gap = (written_out(form) - written_out(ratio)).subs(t, sp.Rational(1, 3))
        assert sp.N(gap, 30) == pytest.approx(0, abs=1e-25)
    assert list(without_exponentials(ratio * sp.exp(t))) == []


@pytest.mark.slow
def test_tau_next_to_where_a_source_runs_out():
    """Both start at nearly the same noise: as a difference of logarithms τ loses three digits there."""
    made = module("sub_vp", "ddpm")
    names = {"__name__": "emitted"}
    text = emit(made, "numpy")
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output
    worst, _ = sweep.measure(made, names, ("conversion",), np.float64)
    assert max(worst.values()) <= 4
    lossy = text.replace("own_above < ", "own_above < -1 + 0 * ")
    assert lossy != text
    exec(compile(lossy, "emitted", "exec"), names)  # noqa: S102 - our own output
    worst, _ = sweep.measure(made, names, ("conversion",), np.float64)
    assert worst["tau"] > 100


# -- steps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [slow("edm"), "ve"])
def test_the_exact_noise_of_an_exploding_schedule(name):
    made = Module(catalog.from_text(name))
    (step,) = (f for f in made.steps if f.name == "lazy_step")
    assert rounding_of(step) < MOST
    lines = {s.name: f for s, f in step.lines}
    assert lines["z_weight"].count_ops() < 60


def test_a_step_that_loses_its_digits_is_not_emitted(monkeypatch):
    schedule = catalog.follmer()
    assert "lazy_step" in {f.name for f in Module(schedule).steps}
    monkeypatch.setattr(sampler_steps, "MOST", 0.0)
    assert "lazy_step" not in {f.name for f in Module(schedule).steps}
