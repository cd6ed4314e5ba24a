"""Sampler steps: the law of one step on Gaussian data, the equation that the data step solves, the ends."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from slowness import slow

import symsched as ss
from symsched.codegen import generate
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.steps import laws
from symsched.symbols import kappa, t

KAPPAS = (0.0, 0.5, 1.0, 2.0)


def loaded(text):
    names = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output, from whitelisted nodes
    return names


@pytest.fixture(scope="module")
def emitted():
    names = ("linear", "follmer", "vp")
    return {name: loaded(generate(getattr(ss.schedules, name)(), "numpy")) for name in names}


def test_what_a_step_keeps_is_derived():
    kept, added = laws.retained()
    assert kept == laws.ratio**kappa
    assert sp.simplify(added - (1 - laws.ratio ** (2 * kappa))) == 0


@pytest.mark.parametrize("name", ["linear", slow("follmer"), slow("vp")])
@pytest.mark.parametrize("at", KAPPAS)
def test_the_data_step_solves_its_equation(emitted, name, at):
    """Mean and variance of dx = (A x + B p) dt + √(2ε) dW with p held, integrated by mpmath at 30 digits."""
    start, end = 0.25, 0.75
    x, p, z = emitted[name]["data_step"](start, end, at)
    module = Module(getattr(ss.schedules, name)())
    forms = {o.name: o.quantity.exact for f in module.functions for o in f.outputs}
    with mp.workdps(30):
        a, b, eps = (sp.lambdify((t, kappa), forms[n], "mpmath") for n in ("A_data", "B_data", "eps"))

        def grown(since):
            return mp.exp(mp.quad(lambda s: a(s, at), [since, end]))

        assert float(x) == pytest.approx(float(grown(start)), rel=1e-13)
        held = mp.quad(lambda s: grown(s) * b(s, at), [start, end])
        assert float(p) == pytest.approx(float(held), rel=1e-12)
        noise = mp.quad(lambda s: grown(s) ** 2 * 2 * eps(s, at), [start, end])
        assert float(z) ** 2 == pytest.approx(float(noise), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("at", [slow(0.5), 1.0])
def test_one_lazy_step_has_the_law_of_the_data(at):
    """C11: in a lazy schedule with its own κ one step from the start has the law N(0, 1), drift held and zero."""
    names = loaded(generate(ss.schedules.lazy(at), "numpy", kappa=at))
    for start in (0.25, 0.5):
        x, p, z = names["lazy_step"](start, 1.0)
        alpha, beta, *_ = names["schedule"](start)
        variance = alpha**2 + beta**2
        # For N(0, 1) data E[X | x] = β x/V: the drift vanishes, and the noise makes the variance.
        assert float(x + p * beta / variance) == pytest.approx(1.0, abs=1e-13)
        assert float(variance + z**2) == pytest.approx(1.0, abs=1e-13)


def test_a_lazy_step_in_another_schedule_is_not_exact():
    names = loaded(generate(ss.schedules.linear(), "numpy", kappa=1))
    x, p, z = names["lazy_step"](0.5, 0.9)
    alpha, beta, *_ = names["schedule"](0.5)
    variance = float(alpha**2 + beta**2)
    after, before = 0.9**2 + 0.1**2, float((x + p * beta / variance) ** 2 * variance + z**2)
    assert abs(before - after) > 1e-2


@pytest.mark.parametrize("at", KAPPAS)
def test_a_point_mass_start_draws_the_noise(emitted, at):
    weights = emitted["follmer"]["data_step"](0.0, 0.5, at)
    assert [float(w) for w in weights] == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("times", [(0.0, 0.5), ([0.0, 0.25], 0.5), (0.0, [0.5, 0.75])])
def test_a_point_mass_start_draws_the_noise_where_kappa_is_written_in(emitted, times):
    """A κ of 0 takes the noise out of all other steps, and with it what the first would need."""
    now, then = (np.asarray(time) for time in times)
    written = loaded(generate(ss.schedules.follmer(), "numpy", kappa=0))["data_step"](now, then)
    for found, wanted in zip(written, emitted["follmer"]["data_step"](now, then, 0.0), strict=True):
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize("written", [False, slow(True)])
def test_the_first_step_forgets_nothing_that_is_there(written):
    """From t = 0, where β = 0: x' = α'/α E x + β' p + α'√(1 − E²) z, with E = 0 unless κ = 0; t√t·expm1(∞) is no p."""
    schedule = ss.Schedule("sqrt(1 - t**3)", "t**(3/2)")
    given = {"kappa": 0} if written else {}
    step = loaded(generate(schedule, "numpy", **given))["data_step"]
    for then in (1e-9, 0.25, 1.0):
        alpha, beta = (float(v) for v in schedule.at(then)[:2])
        assert [float(w) for w in step(0.0, then)] == pytest.approx([alpha, beta, 0.0], rel=4e-16)
        if not written:
            assert [float(w) for w in step(0.0, then, 0.5)] == pytest.approx([0.0, beta, alpha], rel=4e-16)


def test_a_lazy_step_has_its_noise_in_short_steps_and_at_the_start(emitted):
    """∫2ε dt = 2κ (log(t'/t) − h) in the linear schedule: a difference of near numbers, and 0·∞ at t = κ = 0."""
    lazy_step = emitted["linear"]["lazy_step"]
    for start, step in ((0.5, 2.0**-47), (1e-4, 1e-12), (0.9, 1e-6), (0.25, 0.5)):
        with mp.workdps(40):
            end, at = mp.mpf(start + step), mp.mpf(start)
            wanted = mp.sqrt(mp.mpf("1.5") * (mp.log(end / at) - (end - at)))
        assert float(lazy_step(start, start + step, 0.75)[2]) == pytest.approx(float(wanted), rel=1e-14)
    assert [float(w) for w in lazy_step(0.0, 0.25)] == [0.75, 0.25, 0.0]
    assert float(lazy_step(0.0, 0.25, 0.75)[2]) == math.inf


@pytest.mark.slow
def test_a_lazy_step_from_a_start_at_which_its_noise_is_infinite_minus_infinite():
    """∫2ε dt = 2κ(1/t + 4t − t²/2 − 2 log t …): ∞ − ∞ at t = 0, where it said NaN; at κ = 0 it is 0."""
    names = {"__name__": "emitted"}
    exec(generate(ss.Schedule("1-t", "exp(1 - 1/t)"), "numpy"), names)  # noqa: S102 - our own output
    assert [float(names["lazy_step"](0.0, 0.5, kappa)[2]) for kappa in (0.0, 0.5)] == [0.0, math.inf]


@pytest.mark.parametrize("name", ["linear", "follmer", "vp"])
def test_the_last_step_gives_the_prediction(emitted, name):
    for at in KAPPAS:
        assert [float(w) for w in emitted[name]["data_step"](0.5, 1.0, at)] == [0.0, 1.0, 0.0]


def test_ddim_and_ancestral_steps(emitted):
    """κ = 0 is DDIM's update, κ = 1 DDPM's posterior of a variance-preserving schedule (textbook forms)."""
    alpha, beta = math.cos(math.pi / 8), math.sin(math.pi / 8)
    alpha_next, beta_next = math.cos(math.pi / 3), math.sin(math.pi / 3)
    x, p, z = (float(w) for w in emitted["vp"]["data_step"](0.25, 2 / 3, 0.0))
    assert (x, p, z) == pytest.approx((alpha_next / alpha, beta_next - beta * alpha_next / alpha, 0.0), abs=1e-14)
    x, p, z = (float(w) for w in emitted["vp"]["data_step"](0.25, 2 / 3, 1.0))
    one = (beta / beta_next) ** 2
    assert x == pytest.approx(beta / beta_next * alpha_next**2 / alpha**2, rel=1e-13)
    assert p == pytest.approx(beta_next * (1 - one) / alpha**2, rel=1e-13)
    assert z**2 == pytest.approx(alpha_next**2 / alpha**2 * (1 - one), rel=1e-13)


def test_a_scale_of_the_source_has_an_euler_step():
    module = Module(ss.schedules.follmer(), ss.schedules.linear(), source_eps="1 - t")
    names = loaded(emit(module, "numpy", True))
    assert "data_step" not in names
    tau, scale, tau_dot, _ = (float(v) for v in names["conversion"](0.25))
    _, _, z = names["euler_step"](0.25, 0.5)
    assert float(z) ** 2 == pytest.approx(2 * 0.25 * scale**2 * tau_dot * (1 - tau), rel=1e-14)
    names["self_test"]()


@pytest.mark.slow
def test_the_drift_beside_a_scale_of_the_source_is_that_of_this_scale():
    """b = A x + B η_X with ε̄, as `InterpolantSDE` has it; the drift of the flow, κ = 0, is another one."""
    source, target = ss.schedules.linear(), ss.schedules.vp()
    names = loaded(emit(Module(target, source, source_eps="1 - t"), "numpy", True))
    carried = ss.convert(source, target).eps("1 - t")
    for time in (0.125, 0.25, 0.75):
        right, flow = (
            [float(part.subs(ss.t, sp.Float(time, 30))) for part in (sde.A, sde.B)]
            for sde in (ss.InterpolantSDE(target, ss.Gaussian(0, 1), eps=eps) for eps in (carried, 0))
        )
        assert [float(w) for w in names["drift_data"](time)] == pytest.approx(right, rel=1e-13)
        assert [float(w) for w in names["drift_data"](time)] != pytest.approx(flow, rel=1e-3)
        x_weight, p_weight, _ = (float(w) for w in names["euler_step"](time, time + 0.125))
        assert [(x_weight - 1) / 0.125, p_weight / 0.125] == pytest.approx(right, rel=1e-13)
    names["self_test"]()
