"""LazyVPScheduler in the loops of DDPM and DDIM pipelines."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from adapting import LAW, noise, rms
from torched import torch

import symsched as ss
from symsched.bridge import calibrate, sample

pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")

from diffusers import DDIMScheduler

from symsched.bridge.adapters.diffusers import LazyVPScheduler

PREDICTIONS = ("epsilon", "sample", "v_prediction")
KEPT = DDIMScheduler().alphas_cumprod.double().numpy()
LOG_R = np.log(KEPT / (1 - KEPT)) / 2


def levels(timestep):
    """(α, β) at a timestep, also between the model's own."""
    ratio = np.exp(np.interp(float(timestep), np.arange(1000), LOG_R))
    return 1 / np.hypot(1, ratio), ratio / np.hypot(1, ratio)


def network(prediction):
    """The exact network of the law, called as a U-Net is."""

    def answer(x, timestep):
        alpha, beta = levels(timestep.flatten()[0])
        data = torch.as_tensor(LAW.eta_x_at(alpha, beta, x.double().numpy()))
        z = (x.double() - beta * data) / alpha
        return {"epsilon": z, "sample": data, "v_prediction": beta * z - alpha * data}[prediction].to(x.dtype)

    return answer


def loop(scheduler, steps, x, *, scaled=False, begin=0):
    """What a pipeline does; those of Stable Diffusion call `scale_model_input`."""
    model = network(scheduler.config.prediction_type)
    scheduler.set_timesteps(steps)
    for time in scheduler.timesteps[begin:]:
        seen = scheduler.scale_model_input(x, time) if scaled else x
        x = scheduler.step(model(seen, time), time, x, return_dict=False)[0]
    return x


def fit(prediction, **options):
    field = LazyVPScheduler(prediction_type=prediction).field(network(prediction), shape=(2,), dtype=torch.float64)
    return field, calibrate(field, 48, **{"steps": (6,), "tries": 6, "pilot_steps": 48, "from_noise": True} | options)


@pytest.fixture(scope="module")
def fitted():
    return fit("epsilon")


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_twelve_lazy_steps_come_near_to_two_hundred_of_ddim(prediction):
    config = {"prediction_type": prediction, "timestep_spacing": "trailing", "clip_sample": False}
    z = noise(dtype=torch.float64)
    exact = loop(DDIMScheduler(**config), 200, z)
    ours = LazyVPScheduler.from_config(DDIMScheduler(**config).config, grid="angle(rho=1)")
    assert rms(loop(ours, 12, z), exact) < rms(loop(DDIMScheduler(**config), 12, z), exact) / 2


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ss.InputError, match="eta"):
        LazyVPScheduler().step(noise(), 999, noise(), eta=1.0)
    with pytest.raises(ss.InputError, match="do not fit"):
        LazyVPScheduler(grid="logsnr(0.01, 0.011)").set_timesteps(50)
    with pytest.raises(ss.InputError, match="prediction_type"):
        LazyVPScheduler(prediction_type="flow")


def test_a_scheduler_is_made_from_ours_with_all_it_was_told():
    told = {"prediction_type": "v_prediction", "beta_schedule": "scaled_linear", "timestep_spacing": "leading"}
    ours = LazyVPScheduler.from_config(DDIMScheduler(**told).config, grid="angle(rho=1)")
    again = LazyVPScheduler.from_config(ours.config, seed=3)
    assert dict(again.config) | told | {"grid": "angle(rho=1)", "seed": 3} == dict(again.config)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_calibrated_pipeline_is_our_own_sampler(prediction):
    """To rounding where the pipeline shows the model our first input; else to r_0², the data in the first level."""
    field, known = fit(prediction)
    z = noise(dtype=torch.float64, seed=4)
    own = sample(field, noise=z, steps=6, calibration=known)
    ours = LazyVPScheduler(prediction_type=prediction, calibration=known.to_json())
    assert rms(loop(ours, 6, z, scaled=True), own) < 1e-6  # timesteps travel as float32
    assert rms(loop(ours, 6, z), own) < np.exp(2 * LOG_R[-1])
    rows = [list(row) for row in known.tables[6]["rows"]]
    rows[3][-1] *= 1.01
    spoilt = replace(known, tables={6: {**known.tables[6], "rows": rows}})
    wrong = LazyVPScheduler(prediction_type=prediction, calibration=spoilt.to_json())
    assert rms(loop(wrong, 6, z), own) > 10 * np.exp(2 * LOG_R[-1])


def test_a_calibration_serves_where_the_solver_does_not(fitted):
    field, known = fitted
    z = noise(dtype=torch.float64, seed=5)
    end = sample(field, noise=z, steps=300, target="lazy(kappa=0, rho=1)", solver="ab3c", calibration=False)
    ours = LazyVPScheduler(calibration=known.to_json())
    assert rms(loop(ours, 6, z), end) < rms(loop(LazyVPScheduler(grid="angle(rho=1)"), 6, z), end) / 2
    assert torch.equal(loop(ours, 7, z), loop(LazyVPScheduler(), 7, z))  # no table for 7
    assert torch.equal(loop(LazyVPScheduler(calibration=known.to_json(), grid="angle(rho=2)"), 6, z), loop(ours, 6, z))


def test_the_calibration_is_saved_and_loaded_with_the_scheduler(fitted, tmp_path):
    _, known = fitted
    known.save(tmp_path / "model.json")
    z = noise(dtype=torch.float64, seed=6)
    by_path = LazyVPScheduler.from_config(
        DDIMScheduler(clip_sample=False).config, calibration=str(tmp_path / "model.json")
    )
    inside = LazyVPScheduler(calibration=known.to_json())
    inside.save_pretrained(tmp_path)
    again = LazyVPScheduler.from_pretrained(tmp_path)
    assert torch.equal(loop(again, 6, z), loop(inside, 6, z))
    assert rms(loop(by_path, 6, z), loop(inside, 6, z)) < 1e-4  # the file keeps five digits of the mean


def test_a_network_in_single_precision(fitted):
    """A noise prediction says 1/β_0 times less about the data than about itself: so much of its rounding is seen."""
    field, known = fitted
    z = noise(seed=7)
    made = loop(LazyVPScheduler(calibration=known.to_json()), 6, z, scaled=True)
    assert made.dtype == torch.float32
    own = sample(field, noise=z.double(), steps=6, calibration=known)
    assert rms(made, own) < np.exp(-LOG_R[-1]) * torch.finfo(torch.float32).eps


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prediction_type": "v_prediction"}, "epsilon.*v_prediction.*field"),
        ({"beta_schedule": "squaredcos_cap_v2"}, "1000 betas"),
        ({"num_train_timesteps": 500}, "500 betas"),
    ],
)
def test_the_calibration_of_another_model_is_refused(fitted, options, said):
    scheduler = LazyVPScheduler(calibration=fitted[1].to_json(), **options)
    with pytest.raises(ss.InputError, match=said):
        scheduler.set_timesteps(6)


@pytest.mark.slow
def test_a_source_by_name_is_known_by_its_levels(fitted):
    """The continuous schedule of the same betas is accepted, that of a flow or of other betas is not."""
    _, known = fitted
    LazyVPScheduler(calibration=replace(known, source="ddpm").to_json()).set_timesteps(6)
    for other in ("linear", "cosine", "another table", "alpha=t; beta=1-t", "lazy(kappa=k)"):
        scheduler = LazyVPScheduler(calibration=replace(known, source=other).to_json())
        with pytest.raises(ss.InputError, match="'" + re.escape(other)):
            scheduler.set_timesteps(6)


def test_a_fitted_start_is_refused():
    _, free = fit("epsilon", from_noise=False, tries=2)
    with pytest.raises(ss.InputError, match="from_noise=True"):
        LazyVPScheduler(calibration=free.to_json()).set_timesteps(6)


def test_image_to_image_uses_the_levels_and_not_the_table(fitted):
    scheduler = LazyVPScheduler(calibration=fitted[1].to_json())
    scheduler.set_timesteps(6)
    image = torch.as_tensor(LAW.sample(64, seed=3))
    time = scheduler.timesteps[1:2]
    alpha, beta = levels(time)
    start = scheduler.add_noise(image, noise(dtype=torch.float64), time)
    assert torch.allclose(start, alpha * noise(dtype=torch.float64) + beta * image, atol=1e-6)
    whole = torch.tensor([999, 0] * 32)
    assert torch.allclose(
        scheduler.add_noise(image, noise(dtype=torch.float64), whole),
        DDIMScheduler().add_noise(image, noise(dtype=torch.float64), whole), atol=1e-6,
    )  # fmt: skip
    end = loop(scheduler, 6, start, begin=1, scaled=True)
    exact = end_from(start, float(time))
    assert rms(end, exact) < rms(start, exact) / 4


def end_from(x, timestep):
    """Where the ODE goes from here: many steps of DDIM."""
    model, steps = network("sample"), np.linspace(timestep, 0, 400)
    for here, there in pairwise(steps):
        data = model(x, torch.tensor(here))
        (alpha, beta), (after, then) = levels(here), levels(there)
        x = after / alpha * (x - beta * data) + then * data
    return model(x, torch.tensor(0.0))


def test_a_real_pipeline():
    """DDIMPipeline with a small random U-Net: its images are those of `sample` from the same noise."""
    from diffusers import DDIMPipeline, UNet2DModel

    torch.manual_seed(0)
    down, up = ("DownBlock2D", "DownBlock2D"), ("UpBlock2D", "UpBlock2D")
    unet = UNet2DModel(8, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, down_block_types=down,
                       up_block_types=up)  # fmt: skip
    pipe = DDIMPipeline(unet, DDIMScheduler(prediction_type="sample", clip_sample=False))
    pipe.set_progress_bar_config(disable=True)
    field = LazyVPScheduler(prediction_type="sample").field(unet, shape=(3, 8, 8))
    known = calibrate(field, 4, steps=(5,), tries=2, pilot_steps=16, from_noise=True)
    pipe.scheduler = LazyVPScheduler.from_config(pipe.scheduler.config, calibration=known.to_json())
    made = pipe(2, generator=torch.Generator().manual_seed(1), num_inference_steps=5, output_type="np").images
    z = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    own = sample(field, noise=z, steps=5, calibration=known)
    own = (own / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    first = np.exp(LOG_R[-1])  # a random network is no mean: it may tell inputs apart that differ by β_0 m
    assert np.abs(made - own).max() < first
    pipe.scheduler = LazyVPScheduler.from_config(DDIMScheduler(prediction_type="sample", clip_sample=False).config)
    stock = pipe(2, generator=torch.Generator().manual_seed(1), num_inference_steps=5, output_type="np").images
    assert np.abs(stock - own).max() > 10 * first
