"""The formats people paste: a scheduler class beside flow_matching's own, and sigmas that diffusers takes."""

import math
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import sympy as sp
from slowness import quick, slow

import symsched as ss
from symsched.codegen import generate

torch = pytest.importorskip("torch", reason="torch is not installed")

SCHEDULES = {
    "linear": ss.schedules.linear(),
    "vp": ss.schedules.vp(),
    "follmer": ss.schedules.follmer(),
    "ddpm": ss.schedules.ddpm(),
    "cubic": ss.Schedule("1 - t**3", "t", name="cubic"),
    "open": ss.Schedule(ss.Schedule("1 - t", "t").alpha * sp.Symbol("rho", positive=True), ss.t),
}


def loaded(text):
    names = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output, from whitelisted nodes
    return names


HERE = quick(["linear", "vp", "follmer"], SCHEDULES)


@cache
def emitted(name):
    names = loaded(generate(SCHEDULES[name], "flow_matching"))
    (cls,) = (v for k, v in names.items() if k.endswith("Scheduler") and k != "Scheduler")
    return cls(1.25) if name == "open" else cls()


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_data_first_and_derivatives(name):
    t = torch.linspace(0.05, 0.95, 7, dtype=torch.float64, requires_grad=True)
    out = emitted(name)(t)
    given = {"rho": 1.25} if name == "open" else {}
    alpha, beta, alpha_dot, beta_dot = _values(SCHEDULES[name].subs(**given) if given else SCHEDULES[name], t)
    for got, want in ((out.alpha_t, beta), (out.sigma_t, alpha), (out.d_alpha_t, beta_dot), (out.d_sigma_t, alpha_dot)):
        np.testing.assert_allclose(got.detach(), want, rtol=1e-14, atol=1e-15)
    (slope,) = torch.autograd.grad(out.sigma_t.sum(), t)
    torch.testing.assert_close(slope, out.d_sigma_t, rtol=1e-12, atol=1e-12)


def _values(schedule, t):
    from symsched.exact.limits import values

    exprs = (schedule.alpha, schedule.beta, schedule.alpha_dot, schedule.beta_dot)
    return values(exprs, t.detach().numpy())


@pytest.mark.parametrize("name", HERE)
def test_snr_inverse_and_the_ends(name):
    t = torch.tensor([0.0, 1e-6, 0.2, 0.5, 0.9, 1.0], dtype=torch.float64)
    out = emitted(name)(t)
    snr = out.alpha_t / out.sigma_t
    if SCHEDULES[name].kind == "point-mass":
        snr[0] = 0.0  # the limit of 0/0
    back = emitted(name).snr_inverse(snr)
    assert back.isfinite().all()
    # A truncated schedule starts at r > 0: there the inverse is only as good as its condition.
    inside = slice(2, -1) if SCHEDULES[name].kind == "truncated" else slice(1, -1)
    torch.testing.assert_close(back[inside], t[inside], rtol=1e-13, atol=0)
    if SCHEDULES[name].kind != "truncated":
        assert (float(back[0]), float(back[-1])) == (0.0, 1.0)
    assert out.alpha_t.isfinite().all()
    assert out.sigma_t.isfinite().all()


@pytest.mark.parametrize("name", HERE)
def test_it_is_one_of_flow_matchings_schedulers(name):
    library = pytest.importorskip("flow_matching.path.scheduler", reason="flow_matching is not installed")
    assert isinstance(emitted(name), library.Scheduler)


def test_it_serves_in_flow_matchings_place():
    library = pytest.importorskip("flow_matching.path.scheduler", reason="flow_matching is not installed")
    from flow_matching.path import AffineProbPath

    t = torch.linspace(0, 1, 5)
    ours, theirs = emitted("linear")(t), library.CondOTScheduler()(t)
    for field in ("alpha_t", "sigma_t", "d_alpha_t", "d_sigma_t"):
        torch.testing.assert_close(getattr(ours, field), getattr(theirs, field))
    cosine, vp = library.CosineScheduler()(t), emitted("vp")(t)
    torch.testing.assert_close(vp.d_alpha_t, cosine.d_alpha_t)
    x0, x1 = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(3))
    sample = AffineProbPath(scheduler=emitted("vp")).sample(x_0=x0, x_1=x1, t=t)
    torch.testing.assert_close(sample.x_t[-1], x1[-1])
    assert sample.dx_t.isfinite().all()


@pytest.mark.slow
def test_the_class_stands_alone(tmp_path):
    code = "import sys; sys.modules['flow_matching'] = None\n" + generate(SCHEDULES["vp"], "flow_matching")
    (tmp_path / "alone.py").write_text(code.replace('"""', "'''", 1).replace('"""', "'''", 1).replace("'''", "\n'''", 1)
                                       + "\nprint(float(VpScheduler()(torch.tensor(1.0)).alpha_t))\n")  # fmt: skip
    done = subprocess.run([sys.executable, "-I", "alone.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "1.0\n", done.stderr


# -- sigmas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "vp", "follmer", slow("ddpm")])
def test_sigmas_load_into_diffusers(name):
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    names = loaded(generate(SCHEDULES[name], "sigmas", steps=6))
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=1.0)
    scheduler.set_timesteps(sigmas=names["sigmas"][:-1])
    np.testing.assert_allclose(scheduler.sigmas.numpy(), np.float32(names["sigmas"]), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(scheduler.timesteps.numpy(), np.float32(names["timesteps"]), rtol=1e-6)
    x = torch.ones(1, 2)
    for time in scheduler.timesteps:
        x = scheduler.step(torch.ones_like(x), time, x, return_dict=False)[0]
    # The velocity noise - data held at 1: x moves by minus the first sigma in all.
    assert float(x[0, 0]) == pytest.approx(1 - names["sigmas"][0], abs=1e-6)


def test_sigmas_are_those_of_the_schedule():
    names = loaded(generate(SCHEDULES["vp"], "sigmas", steps=4))
    want = [math.cos(math.pi * k / 8) / (math.cos(math.pi * k / 8) + math.sin(math.pi * k / 8)) for k in range(4)]
    assert names["sigmas"][:-1] == pytest.approx(want, rel=1e-15)
    assert names["sigmas"][-1] == 0.0
