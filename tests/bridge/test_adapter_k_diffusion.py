"""sample_lazy beside k-diffusion's own samplers, and in ComfyUI's convention."""

from __future__ import annotations

import importlib.util
import sys
import types

import numpy as np
import pytest
from adapting import FIELD, LAW, converged, noise, rms
from torched import torch

import symsched as ss
from symsched.bridge import calibrate, exact_field, sample
from symsched.bridge.adapters.k_diffusion import lazy_sigmas, sample_lazy


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


@pytest.mark.slow
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


@pytest.mark.parametrize("sigmas", [[1.0, 2.0, 0.0], [1.0], [1.0, -0.5], [[1.0, 0.0]]])
def test_bad_sigmas_are_refused(sigmas):
    with pytest.raises(ss.InputError, match="decrease strictly"):
        sample_lazy(denoiser, noise(), torch.tensor(sigmas), disable=True)
    for options in ({"sigma_min": 0}, {"sigma_min": 90}, {"rho": 0}, {"n": 0}):
        with pytest.raises(ss.InputError, match="expected"):
            lazy_sigmas(**{"n": 4, "sigma_min": 0.1, "sigma_max": 80} | options)


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize(("solver", "kappa"), [("lazy-auto", 0), ("dpmpp2m", 0), ("deis", 0), ("lazy", 1)])
def test_a_run_may_end_above_0_where_another_goes_on(flow, solver, kappa):
    """On Gaussian data, where every level's law is known: C2 for κ = 0, the variance of I_t for any."""
    mean, std = 0.4, 0.5

    def at(sigma):
        sigma = torch.as_tensor(sigma, dtype=torch.float64)
        beta = 1 - sigma if flow else torch.ones_like(sigma)
        return beta, (sigma**2 + (beta * std) ** 2).sqrt()

    def model(x, sigma):
        beta, spread = at(sigma[:, None])
        return mean + beta * (std / spread) ** 2 * (x - beta * mean)

    sigmas = lazy_sigmas(64, flow=flow).double()
    z = torch.randn(4096 if kappa else 8, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    options = {"flow": flow, "solver": solver, "kappa": kappa, "disable": True, "seed": 3}
    half = sample_lazy(model, sigmas[0] * z, sigmas[:33], **options)
    (beta, spread), (first, width) = at(sigmas[32]), at(sigmas[0])
    if kappa:
        assert float(half.std() / spread) == pytest.approx(1, abs=0.05)  # 4 standard errors, and the steps' own error
    else:
        assert rms(half, beta * mean + spread * (sigmas[0] * z - first * mean) / width) < 2e-3
        whole = sample_lazy(model, sigmas[0] * z, sigmas, **options)
        assert rms(sample_lazy(model, half, sigmas[32:], **options), whole) < 2e-3


def test_a_target_that_never_reaches_the_data_cannot_end_before_them():
    with pytest.raises(ss.InputError, match="target edm never reaches the data"):
        sample_lazy(denoiser, noise(), lazy_sigmas(8)[:4], target="edm", solver="dpmpp2m", disable=True)


# -- calibrations ----------------------------------------------------------------------------------------------------

EDM = exact_field(LAW, "edm", "data")


@pytest.fixture(scope="module", params=[False, True], ids=["fitted start", "from noise"])
def fitted(request):
    return calibrate(EDM, 48, steps=(5, 7), tries=6, pilot_steps=48, from_noise=request.param)


def test_a_calibrated_run_is_our_own_sampler(fitted, k_sampling, tmp_path):
    """`sample` from the same z, with either kind of start; nearer to the end than k-diffusion's own sampler."""
    z = noise(dtype=torch.float64, seed=4)
    sigmas = lazy_sigmas(7, sigma_max=80.0, calibration=fitted)
    seen = []
    x = sigmas[0].double() * z
    made = sample_lazy(denoiser, x, sigmas, calibration=fitted, disable=True, callback=seen.append)
    assert rms(made, sample(EDM, noise=z, steps=7, calibration=fitted)) < 1e-5  # sigmas are float32
    assert [float(s["sigma"]) for s in seen] == pytest.approx(sigmas[:-1].tolist())
    fitted.save(tmp_path / "model.json")
    again = sample_lazy(denoiser, x, sigmas, calibration=tmp_path / "model.json", disable=True)
    assert rms(again, made) < 1e-4  # the file keeps five digits of the mean
    exact = k_sampling.sample_heun(denoiser, 80 * z, lazy_sigmas(300, 0.002, 80.0).double(), disable=True)
    theirs = k_sampling.sample_dpmpp_2m(
        denoiser, 80 * z, k_sampling.get_sigmas_karras(7, 0.02, 80.0).double(), disable=True
    )
    assert rms(made, exact) < rms(theirs, exact) / 2
    wrong = sample_lazy(denoiser, x.flip(0), sigmas, calibration=fitted, disable=True)
    assert rms(wrong, made) > 0.1


@pytest.mark.usefixtures("k_sampling")
def test_a_model_calibrated_in_its_own_schedule_and_run_through_a_wrapper():
    """A DDPM network, calibrated as what it is, inside k-diffusion's denoiser of such networks."""
    external = importlib.import_module("k_diffusion.external")
    kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    beta, alpha = kept.sqrt().flip(0).numpy(), (1 - kept).sqrt().flip(0).numpy()
    native = ss.bridge.TabulatedNative(np.arange(1000.0), alpha, beta)
    field = exact_field(LAW, native, "noise")
    asked = ss.bridge.FlowField(field.model, native, "noise", shape=(2,), dtype=torch.float64)
    known = calibrate(asked, 48, steps=(6,), tries=6, pilot_steps=48, from_noise=True)
    wrapped = external.DiscreteEpsDDPMDenoiser(lambda x, t: field.model(x, 999 - t), kept, quantize=False)
    z = noise(dtype=torch.float64, seed=5)
    sigmas = lazy_sigmas(6, sigma_max=float(wrapped.sigma_max), calibration=known).double()
    made = sample_lazy(wrapped, sigmas[0] * z, sigmas, calibration=known, disable=True)
    assert rms(made, sample(asked, noise=z, steps=6, calibration=known)) < 1e-5


@pytest.mark.parametrize("from_noise", [False, True])
def test_a_calibrated_flow_model_in_comfy(from_noise):
    known = calibrate(FIELD, 48, steps=(6,), tries=6, pilot_steps=48, from_noise=from_noise)
    z = noise(dtype=torch.float64, seed=6)
    sigmas = lazy_sigmas(6, calibration=known, flow=True).double()

    def model(x, sigma):
        return torch.as_tensor(LAW.eta_x_at(float(sigma[0]), 1 - float(sigma[0]), x.numpy()))

    assert (sigmas[0] == 1) == from_noise
    made = sample_lazy(model, sigmas[0] * z, sigmas, flow=True, calibration=known, disable=True)
    assert rms(made, sample(FIELD, noise=z, steps=6, calibration=known)) < 1e-5


def test_a_flow_calibration_begins_at_sigma_max_where_noise_must_end():
    """Fitted at σ = ∞, run from σ = 80: what is cut off is a part in ρ/80 of the noise."""
    known = calibrate(FIELD, 48, steps=(6,), tries=6, pilot_steps=48, from_noise=True)
    z = noise(dtype=torch.float64, seed=6)
    sigmas = lazy_sigmas(6, sigma_max=80.0, calibration=known)
    assert float(sigmas[0]) == 80
    made = sample_lazy(denoiser, 80 * z, sigmas, calibration=known, disable=True)
    assert rms(made, sample(FIELD, noise=z, steps=6, calibration=known)) < 2 / 80


def test_image_to_image_takes_the_last_of_the_levels(fitted):
    sigmas = lazy_sigmas(7, sigma_max=80.0, calibration=fitted)[2:]
    start = torch.as_tensor(LAW.sample(64, seed=3)) + float(sigmas[0]) * noise(dtype=torch.float64)
    made = sample_lazy(denoiser, start, sigmas, calibration=fitted, disable=True)  # five steps, and a table for five
    fine = torch.cat([torch.linspace(float(sigmas[0]), 0.01, 300), torch.zeros(1)])
    exact = sample_lazy(denoiser, start, fine, solver="ab2c", disable=True)
    assert rms(made, exact) < rms(start, exact) / 4


def test_levels_that_are_not_the_calibrations_are_refused(fitted):
    with pytest.raises(ss.InputError, match=r"not the levels that the calibration fitted for any of 5, 7 steps"):
        sample_lazy(denoiser, noise(), lazy_sigmas(7, 0.02, 80.0), calibration=fitted, disable=True)
    with pytest.raises(ss.InputError, match=r"no table for 6 evaluations \(there are: 5, 7\)"):
        lazy_sigmas(6, sigma_max=80.0, calibration=fitted)
    with pytest.raises(ss.InputError, match=r"sigma_max = 0\.1 cuts off"):
        lazy_sigmas(7, 0.02, 0.1, calibration=fitted)
    with pytest.raises(ss.InputError, match="cannot read"):
        lazy_sigmas(7, calibration="nowhere.json")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": None}, "model = 'None': expected a function"),
        ({"callback": 3}, "callback = '3': expected a function"),
        ({"noise_sampler": 3, "kappa": 1}, "noise_sampler = '3': expected a function"),
        ({"extra_args": [1]}, r"extra_args = '\[1\]': expected a dict"),
        ({"x": torch.tensor(1.0)}, "sample has no axes"),
    ],
)
def test_what_is_not_of_the_right_kind_is_refused_before_the_model_is_asked(given, said):
    def model(*_):
        raise AssertionError

    given = {"model": model, "x": torch.ones(2, 2), "sigmas": lazy_sigmas(3), "disable": True} | given
    with pytest.raises(ss.InputError, match=said):
        sample_lazy(**given)
