"""Sampler steps: the law of one step on Gaussian data, the equation that the data step solves, the ends."""

import math

import mpmath as mp
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
