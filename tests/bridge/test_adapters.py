"""The adapters against the real libraries: the same bits where nothing changes, the same endpoints elsewhere."""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import sys
import types
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the bridge needs torch: pip install 'symsched[torch]'")
torch.set_num_threads(1)

import symsched as ss  # noqa: E402
from symsched.bridge import calibrate, exact_field, sample  # noqa: E402
from symsched.bridge.adapters.k_diffusion import lazy_sigmas, sample_lazy  # noqa: E402

LAW = ss.GaussianMixture([0.4, 0.6], [[-1.0, 0.2], [0.8, -0.3]], [0.3, 0.2])
FIELD = exact_field(LAW)
EXAMPLES = Path(__file__).parents[2] / "examples"


def noise(count=64, dtype=torch.float32, seed=0):
    return torch.randn(count, 2, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def converged(z):
    return sample(FIELD, noise=z.double(), target="lazy(kappa=0, rho=1)", steps=400, solver="ab3c")


def rms(a, b):
    return float((a.double() - b.double()).square().mean().sqrt())


# -- diffusers -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adapters():
    pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")
    from symsched.bridge.adapters import diffusers

    return diffusers


def flow_loop(scheduler, z, sign=1, edit=None, begin=None, **timing):
    """What a flow pipeline does: the model's answer is Z − X, and latents stay in linear coordinates."""
    scheduler.set_timesteps(**timing)
    scheduler.set_begin_index(begin or 0)
    x = z
    for k, time in enumerate(scheduler.timesteps[begin or 0 :]):
        sigma = float(time) / 1000
        x = x if edit is None else edit(k, x, sigma)
        velocity = FIELD.velocity(x.double(), 1 - sigma) if sigma < 1 else FIELD.data(x.double(), 0.0) - x.double()
        x = scheduler.step(sign * -velocity.to(x.dtype), time, x, return_dict=False)[0]
    return x


@pytest.mark.parametrize("config", [{}, {"shift": 3.0}, {"use_dynamic_shifting": True}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_linear_euler_is_the_stock_scheduler_to_the_bit(adapters, config, dtype):
    from diffusers import FlowMatchEulerDiscreteScheduler

    stock = FlowMatchEulerDiscreteScheduler(**config)
    ours = adapters.LazyScheduler.from_config(stock.config, target="linear", kappa=0, solver="euler")
    timing = {"sigmas": np.linspace(1, 1 / 8, 8).tolist()} | ({"mu": 0.8} if "use_dynamic_shifting" in config else {})
    z = noise().to(dtype)
    assert torch.equal(flow_loop(stock, z, **timing), flow_loop(ours, z, **timing))
    assert torch.equal(stock.sigmas, ours.sigmas)
    assert not torch.equal(flow_loop(stock, z, **timing), flow_loop(ours, z, **timing | {"sigmas": [1.0, 0.6, 0.1]}))


@pytest.mark.parametrize("solver", ["lazy-auto", "ab3c", "dpmpp2m", "unipc2", "euler", "ddim"])
def test_any_target_and_solver_comes_to_the_same_endpoints(adapters, solver):
    z = noise()
    scheduler = adapters.LazyScheduler(solver=solver, shift=2.0)
    few, many = (rms(flow_loop(scheduler, z, num_inference_steps=n), converged(z)) for n in (10, 80))
    assert many < few / 4
    assert many < 0.05
    assert rms(flow_loop(scheduler, z, sign=-1, num_inference_steps=80), converged(z)) > 0.5  # a wrong sign is noticed


def test_it_is_our_own_sampler_on_the_same_levels(adapters):
    z = noise(dtype=torch.float64)
    scheduler = adapters.LazyScheduler(target="lazy(kappa=0, rho=2)", solver="ab2c", grid="angle(rho=2)")
    ours = sample(FIELD, noise=z, target="lazy(kappa=0, rho=2)", steps=7, solver="ab2c")
    assert rms(flow_loop(scheduler, z, num_inference_steps=7), ours) < 1e-6  # levels travel as float32


def test_custom_sigmas_mu_and_shift_act_exactly_once(adapters):
    scheduler = adapters.LazyScheduler(shift=3.0)
    scheduler.set_timesteps(4)
    sigma = np.array([1, 0.75, 0.5, 0.25])
    assert scheduler.sigmas.tolist() == pytest.approx([*(3 * sigma / (1 + 2 * sigma)), 0], rel=1e-6)
    scheduler.set_timesteps(sigmas=[0.9, 0.3])
    assert scheduler.sigmas.tolist() == pytest.approx([3 * 0.9 / 2.8, 3 * 0.3 / 1.6, 0], rel=1e-6)
    dynamic = adapters.LazyScheduler(use_dynamic_shifting=True)
    dynamic.set_timesteps(4, mu=np.log(3.0))
    assert dynamic.sigmas.tolist() == pytest.approx([*(3 * sigma / (1 + 2 * sigma)), 0], rel=1e-6)


@pytest.fixture(scope="module")
def fitted():
    return calibrate(FIELD, 96, steps=(5, 6), tries=10, from_noise=True, pilot_steps=48)


def test_a_calibration_works_inside_a_pipeline(adapters, fitted, tmp_path):
    """It is `sample` with the same table, nearer than the analytic solver; the file and the saved config do as well."""
    z = noise(dtype=torch.float64, seed=4)
    fitted.save(tmp_path / "model.json")
    scheduler = adapters.LazyScheduler(calibration=str(tmp_path / "model.json"), shift=3.0)
    made = flow_loop(scheduler, z, num_inference_steps=6)
    assert rms(made, sample(FIELD, noise=z, steps=6, calibration=fitted)) < 1e-6  # levels travel as float32
    assert (
        rms(made, converged(z)) < rms(flow_loop(adapters.LazyScheduler(), z, num_inference_steps=6), converged(z)) / 2
    )
    inside = adapters.LazyScheduler(calibration=fitted.to_json())
    inside.save_config(tmp_path)
    again = adapters.LazyScheduler.from_pretrained(tmp_path)
    assert torch.equal(flow_loop(again, z, num_inference_steps=6), flow_loop(inside, z, num_inference_steps=6))
    other = flow_loop(again, z, num_inference_steps=7)  # no table for 7
    assert torch.equal(other, flow_loop(adapters.LazyScheduler(), z, num_inference_steps=7))


def test_a_calibration_with_a_scaled_start_is_refused_in_a_pipeline(adapters, fitted):
    free = calibrate(FIELD, 16, steps=(5,), tries=2, pilot_steps=24)
    scheduler = adapters.LazyScheduler(calibration=free.to_json())
    with pytest.raises(ss.InputError, match="from_noise=True"):
        scheduler.set_timesteps(5)
    assert fitted.from_noise(5)
    assert not free.from_noise(5)


def test_image_to_image_with_a_calibration_uses_its_levels(adapters, fitted):
    scheduler = adapters.LazyScheduler(calibration=fitted.to_json())
    scheduler.set_timesteps(6)
    image = torch.as_tensor(LAW.sample(64, seed=3)).float()
    start = scheduler.scale_noise(image, scheduler.timesteps[1:2], noise())
    end = flow_loop(scheduler, start, begin=1, num_inference_steps=6)
    exact = flow_loop(adapters.LazyScheduler(), start, sigmas=np.linspace(float(scheduler.sigmas[1]), 0, 200)[:-1])
    assert rms(end, exact) < rms(start, exact) / 4


def test_image_to_image_begins_in_the_middle(adapters):
    z, scheduler = noise(), adapters.LazyScheduler()
    image = torch.as_tensor(LAW.sample(64, seed=3)).float()
    scheduler.set_timesteps(60)
    scheduler.set_begin_index(20)
    start = scheduler.scale_noise(image, scheduler.timesteps[20:21], z)
    sigma = float(scheduler.sigmas[20])
    assert torch.allclose(start, sigma * z + (1 - sigma) * image)
    stock = adapters.LazyScheduler(target="linear", solver="euler")
    exact = flow_loop(stock, start, begin=800, num_inference_steps=2400)
    assert rms(flow_loop(scheduler, start, begin=20, num_inference_steps=60), exact) < 0.01


def test_inpainting_keeps_what_the_pipeline_puts_back(adapters):
    """One coordinate is set back to its noised value before every model call; it must arrive, and disturb nothing."""
    z, known = noise(), 0.7

    def put_back(_, x, sigma):
        return torch.stack([x[:, 0], sigma * z[:, 1] + (1 - sigma) * known], dim=1)

    ends = [flow_loop(adapters.LazyScheduler(solver=s), z, edit=put_back, num_inference_steps=n)
            for s, n in (("lazy-auto", 40), ("euler", 600))]  # fmt: skip
    assert rms(ends[0], ends[1]) < 0.03
    assert rms(ends[0], flow_loop(adapters.LazyScheduler(), z, num_inference_steps=40)) > 0.1


def test_noise_comes_from_its_own_seed(adapters):
    z = noise()
    one, same, other = (
        flow_loop(adapters.LazyScheduler(kappa=1, seed=seed), z, num_inference_steps=12) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert rms(one, other) > 0.1


def test_schedulers_are_saved_and_loaded(adapters, tmp_path):
    scheduler = adapters.LazyScheduler(target="lazy(kappa=0, rho=1.5)", solver="ab3c", shift=2.0, grid="angle(rho=1)")
    scheduler.save_pretrained(tmp_path)
    again = adapters.LazyScheduler.from_pretrained(tmp_path)
    z = noise()
    assert torch.equal(*(flow_loop(s, z, num_inference_steps=5) for s in (scheduler, again)))
    assert json.loads((tmp_path / "scheduler_config.json").read_text())["target"] == "lazy(kappa=0, rho=1.5)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "lasy(kappa=0)"}, "lasy"),
        ({"solver": "eular"}, "eular"),
        ({"solver": "heun"}, "more than once"),
        ({"kappa": -1}, "kappa"),
        ({"stochastic_sampling": True}, "stochastic_sampling"),
    ],
)
def test_bad_options_are_refused_at_once(adapters, options, said):
    with pytest.raises(ss.InputError, match=said):
        adapters.LazyScheduler(**options)


@pytest.mark.parametrize("timing", [{"num_inference_steps": 0}, {"sigmas": [0.5, 0.9]}, {"sigmas": [1.0, 0.0]}])
def test_bad_levels_are_refused(adapters, timing):
    with pytest.raises(ss.InputError, match="expected"):
        adapters.LazyScheduler().set_timesteps(**timing)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
def test_vp_models(adapters, prediction):
    """A DDPM table of 1000 levels: DDIM of 500 steps is what ten lazy steps come near to."""
    from diffusers import DDIMScheduler

    config = {"prediction_type": prediction, "timestep_spacing": "trailing", "clip_sample": False}

    def loop(scheduler, steps):
        scheduler.set_timesteps(steps)
        x = noise(dtype=torch.float64)
        for time in scheduler.timesteps:
            kept = float(scheduler.alphas_cumprod.double()[time])
            alpha, beta = np.sqrt(1 - kept), np.sqrt(kept)
            data = torch.as_tensor(LAW.eta_x_at(alpha, beta, x.numpy()))
            z = (x - beta * data) / alpha
            output = {"epsilon": z, "sample": data, "v_prediction": beta * z - alpha * data}[prediction]
            x = scheduler.step(output, time, x, return_dict=False)[0]
        return x

    exact = loop(DDIMScheduler(**config), 1000)
    ours = adapters.LazyVPScheduler.from_config(DDIMScheduler(**config).config, grid="angle(rho=1)")
    stock = DDIMScheduler(**config)
    assert rms(loop(ours, 12), exact) < rms(loop(stock, 12), exact) / 2
    with pytest.raises(ss.InputError, match="eta"):
        ours.step(noise(), 999, noise(), eta=1.0)
    with pytest.raises(ss.InputError, match="do not fit"):
        adapters.LazyVPScheduler(grid="logsnr(0.01, 0.011)").set_timesteps(50)


# -- k-diffusion -----------------------------------------------------------------------------------------------------


def denoiser(x, sigma):
    return torch.as_tensor(LAW.eta_x_at(float(sigma[0]), 1.0, x.double().numpy())).to(x.dtype)


@pytest.fixture
def k_sampling(monkeypatch):
    """k-diffusion's own samplers, without its package, which imports training code and torchvision."""
    found = importlib.util.find_spec("k_diffusion")
    if found is None:
        pytest.skip("needs k-diffusion")
    for needed in ("torchdiffeq", "torchsde", "tqdm", "PIL"):
        pytest.importorskip(needed, reason=f"k-diffusion needs {needed}")
    package, vision = types.ModuleType("k_diffusion"), types.ModuleType("torchvision.transforms")
    package.__path__ = found.submodule_search_locations
    vision.functional = None
    stand_ins = {"k_diffusion": package, "torchvision": types.ModuleType("torchvision")}
    for name, module in (stand_ins | {"torchvision.transforms": vision}).items():
        monkeypatch.setitem(sys.modules, name, module)
    yield importlib.import_module("k_diffusion.sampling")
    for name in [name for name in sys.modules if name.startswith("k_diffusion.")]:
        monkeypatch.delitem(sys.modules, name)


def test_k_diffusion_sampler_comes_to_the_same_endpoints(k_sampling):
    sample_heun = k_sampling.sample_heun
    x = 80.0 * noise(dtype=torch.float64)
    exact = sample_heun(denoiser, x, lazy_sigmas(400, 0.002, 80).double(), disable=True)
    seen = []
    few = sample_lazy(denoiser, x, lazy_sigmas(12, 0.02, 80), disable=True, callback=seen.append)
    assert rms(few, exact) < 0.05
    assert [s["i"] for s in seen] == list(range(12))
    assert rms(sample_heun(denoiser, x, lazy_sigmas(6, 0.02, 80).double(), disable=True), exact) > rms(few, exact)


def test_comfy_flow_models():
    """σ Z + (1 − σ) X with the denoised image as the answer."""
    z = noise(dtype=torch.float64)
    levels = torch.linspace(1, 0, 41, dtype=torch.float64)

    def model(x, sigma):
        s = float(sigma[0])
        return torch.as_tensor(LAW.eta_x_at(s, 1 - s, x.numpy()))

    assert rms(sample_lazy(model, z, levels, flow=True, disable=True), converged(z)) < 0.01
    assert rms(sample_lazy(model, z, levels, flow=True, disable=True, kappa=1, seed=3), converged(z)) > 0.1


def test_lazy_sigmas_are_uniform_in_the_angle():
    sigmas = lazy_sigmas(9, 0.02, 50, rho=0.5).double().numpy()
    assert sigmas[0] == pytest.approx(50, rel=1e-5)
    assert (sigmas[-2], sigmas[-1]) == (pytest.approx(0.02, rel=1e-5), 0)
    assert np.ptp(np.diff(np.arctan(0.5 / sigmas[:-1]))) < 1e-6


@pytest.mark.parametrize("sigmas", [[1.0, 2.0, 0.0], [1.0], [1.0, 0.5], [[1.0, 0.0]]])
def test_bad_sigmas_are_refused(sigmas):
    with pytest.raises(ss.InputError, match="decrease strictly"):
        sample_lazy(denoiser, noise(), torch.tensor(sigmas), disable=True)
    for options in ({"sigma_min": 0}, {"sigma_min": 90}, {"rho": 0}, {"n": 0}):
        with pytest.raises(ss.InputError, match="expected"):
            lazy_sigmas(**{"n": 4, "sigma_min": 0.1, "sigma_max": 80} | options)


# -- flow_matching ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def matching():
    pytest.importorskip("flow_matching", reason="needs flow_matching")
    from symsched.bridge.adapters import flow_matching

    return flow_matching


def velocity(x, t):
    """A network answers at t = 1 too; the exact field is 0/0 there."""
    return FIELD.velocity(x.double(), min(float(t), 1 - 1e-6)).to(x.dtype)


def test_symbolic_schedulers_have_limits_where_the_stock_ones_have_nan(matching):
    from flow_matching.path.scheduler import CondOTScheduler, CosineScheduler

    times = torch.linspace(0, 1, 11)
    for ours, stock in (("linear", CondOTScheduler()), ("vp", CosineScheduler())):
        scheduler = matching.SymbolicScheduler(ours)
        for one, other in zip(vars(scheduler(times)).values(), vars(stock(times)).values(), strict=True):
            assert torch.allclose(one, other.expand(11), atol=1e-6)
        assert torch.allclose(
            scheduler.snr_inverse(torch.tensor([0.0, 0.5, 2.0])), stock.snr_inverse(torch.tensor([0.0, 0.5, 2.0]))
        )
    assert matching.SymbolicScheduler("vp").snr_inverse(torch.tensor([torch.inf])) == 1


def test_lazy_model_in_the_real_solver(matching):
    from flow_matching.solver import ODESolver

    z = noise(dtype=torch.float64)
    for target, start in (("vp", 1), ("lazy(kappa=0, rho=2)", 2), ("linear", 1)):
        model = matching.LazyModel(velocity, "linear", target)
        end = ODESolver(model).sample(x_init=start * z, step_size=0.01, method="midpoint")
        assert rms(end, converged(z)) < 1e-3
    for t in (0.0, 1.0):
        assert torch.isfinite(matching.LazyModel(velocity, "linear", "vp")(z, torch.tensor(t))).all()
    with pytest.raises(ss.InputError, match="infinite at t = 0"):
        matching.LazyModel(velocity, "linear", "follmer")(z, torch.tensor(0.0))


def test_lazy_model_transforms_as_the_library_does_inside(matching):
    from flow_matching.path.scheduler import CondOTScheduler, CosineScheduler
    from flow_matching.path.scheduler.schedule_transform import ScheduleTransformedModel
    from flow_matching.utils import ModelWrapper

    class Wrapped(ModelWrapper):
        def forward(self, x, t, **_):
            return velocity(x, t)

    theirs = ScheduleTransformedModel(Wrapped(torch.nn.Identity()), CondOTScheduler(), CosineScheduler())
    ours = matching.LazyModel(velocity, "linear", "vp")
    z = noise(dtype=torch.float64)
    for t in (0.2, 0.5, 0.8):
        assert torch.allclose(theirs(z, torch.tensor(t)), ours(z, torch.tensor(t)), atol=1e-5)


# -- examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("flux_pipeline", ("diffusers", "transformers")),
        ("ddpm_pipeline", ("diffusers",)),
        ("k_diffusion_loop", ()),
        ("flow_matching_solver", ("flow_matching",)),
    ],
)
def test_examples_run_offline(name, needs, capsys, monkeypatch):
    for library in needs:
        pytest.importorskip(library, reason=f"the example needs {library}")
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert said.count("rms distance") == 2
