"""LazyScheduler in the loops of flow pipelines: the stock scheduler's bits, or its endpoints."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from adapting import FIELD, LAW, converged, noise, rms
from slowness import quick
from torched import torch

import symsched as ss
from symsched.bridge import calibrate, sample

pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")

from symsched.bridge.adapters import diffusers as adapters


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
def test_linear_euler_is_the_stock_scheduler_to_the_bit(config, dtype):
    from diffusers import FlowMatchEulerDiscreteScheduler

    stock = FlowMatchEulerDiscreteScheduler(**config)
    ours = adapters.LazyScheduler.from_config(stock.config, target="linear", kappa=0, solver="euler")
    timing = {"sigmas": np.linspace(1, 1 / 8, 8).tolist()} | ({"mu": 0.8} if "use_dynamic_shifting" in config else {})
    z = noise().to(dtype)
    assert torch.equal(flow_loop(stock, z, **timing), flow_loop(ours, z, **timing))
    assert torch.equal(stock.sigmas, ours.sigmas)
    assert not torch.equal(flow_loop(stock, z, **timing), flow_loop(ours, z, **timing | {"sigmas": [1.0, 0.6, 0.1]}))


@pytest.mark.parametrize("solver", quick(["lazy-auto"], ["lazy-auto", "ab3c", "dpmpp2m", "unipc2", "euler", "ddim"]))
def test_any_target_and_solver_comes_to_the_same_endpoints(solver):
    z = noise()
    scheduler = adapters.LazyScheduler(solver=solver, shift=2.0)
    few, many = (rms(flow_loop(scheduler, z, num_inference_steps=n), converged(z)) for n in (10, 80))
    assert many < few / 4
    assert many < 0.05
    assert rms(flow_loop(scheduler, z, sign=-1, num_inference_steps=80), converged(z)) > 0.5  # a wrong sign is noticed


def test_it_is_our_own_sampler_on_the_same_levels():
    z = noise(dtype=torch.float64)
    scheduler = adapters.LazyScheduler(target="lazy(kappa=0, rho=2)", solver="ab2c", grid="angle(rho=2)")
    ours = sample(FIELD, noise=z, target="lazy(kappa=0, rho=2)", steps=7, solver="ab2c")
    assert rms(flow_loop(scheduler, z, num_inference_steps=7), ours) < 1e-6  # levels travel as float32


def test_custom_sigmas_mu_and_shift_act_exactly_once():
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


@pytest.mark.slow
def test_a_calibration_works_inside_a_pipeline(fitted, tmp_path):
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


def test_a_calibration_with_a_scaled_start_is_refused_in_a_pipeline(fitted):
    free = calibrate(FIELD, 16, steps=(5,), tries=2, pilot_steps=24)
    scheduler = adapters.LazyScheduler(calibration=free.to_json())
    with pytest.raises(ss.InputError, match="from_noise=True"):
        scheduler.set_timesteps(5)
    assert fitted.from_noise(5)
    assert not free.from_noise(5)


@pytest.mark.slow
def test_the_calibration_of_another_model_is_refused(fitted):
    """A model of the same linear flow under another name is accepted."""
    adapters.LazyScheduler(calibration=replace(fitted, source="alpha=1-t; beta=t").to_json()).set_timesteps(6)
    for other in ("ddpm", "shifted(s=3)", "a table"):
        scheduler = adapters.LazyScheduler(calibration=replace(fitted, source=other).to_json())
        with pytest.raises(ss.InputError, match=r"here it is 'linear'"):
            scheduler.set_timesteps(6)


def test_image_to_image_with_a_calibration_uses_its_levels(fitted):
    scheduler = adapters.LazyScheduler(calibration=fitted.to_json())
    scheduler.set_timesteps(6)
    image = torch.as_tensor(LAW.sample(64, seed=3)).float()
    start = scheduler.scale_noise(image, scheduler.timesteps[1:2], noise())
    end = flow_loop(scheduler, start, begin=1, num_inference_steps=6)
    exact = flow_loop(adapters.LazyScheduler(), start, sigmas=np.linspace(float(scheduler.sigmas[1]), 0, 200)[:-1])
    assert rms(end, exact) < rms(start, exact) / 4


@pytest.mark.slow
def test_image_to_image_begins_in_the_middle():
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


@pytest.mark.slow
def test_inpainting_keeps_what_the_pipeline_puts_back():
    """One coordinate is set back to its noised value before every model call; it must arrive, and disturb nothing."""
    z, known = noise(), 0.7

    def put_back(_, x, sigma):
        return torch.stack([x[:, 0], sigma * z[:, 1] + (1 - sigma) * known], dim=1)

    ends = [flow_loop(adapters.LazyScheduler(solver=s), z, edit=put_back, num_inference_steps=n)
            for s, n in (("lazy-auto", 40), ("euler", 600))]  # fmt: skip
    assert rms(ends[0], ends[1]) < 0.03
    assert rms(ends[0], flow_loop(adapters.LazyScheduler(), z, num_inference_steps=40)) > 0.1


def test_noise_comes_from_its_own_seed():
    z = noise()
    one, same, other = (
        flow_loop(adapters.LazyScheduler(kappa=1, seed=seed), z, num_inference_steps=12) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert rms(one, other) > 0.1


def test_schedulers_are_saved_and_loaded(tmp_path):
    scheduler = adapters.LazyScheduler(target="lazy(kappa=0, rho=1.5)", solver="ab3c", shift=2.0, grid="angle(rho=1)")
    scheduler.save_pretrained(tmp_path)
    again = adapters.LazyScheduler.from_pretrained(tmp_path)
    z = noise()
    assert torch.equal(*(flow_loop(s, z, num_inference_steps=5) for s in (scheduler, again)))
    assert json.loads((tmp_path / "scheduler_config.json").read_text())["target"] == "lazy(kappa=0, rho=1.5)"


def test_a_scheduler_is_made_from_ours_with_all_it_was_told():
    ours = adapters.LazyScheduler(shift=3.0, solver="ab3c")
    again = adapters.LazyScheduler.from_config(ours.config, grid="angle(rho=1)")
    assert (again.config.shift, again.config.solver, again.config.grid) == (3.0, "ab3c", "angle(rho=1)")


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
def test_bad_options_are_refused_at_once(options, said):
    with pytest.raises(ss.InputError, match=said):
        adapters.LazyScheduler(**options)


@pytest.mark.parametrize("timing", [{"num_inference_steps": 0}, {"sigmas": [0.5, 0.9]}, {"sigmas": [1.0, 0.0]}])
def test_bad_levels_are_refused(timing):
    with pytest.raises(ss.InputError, match="expected"):
        adapters.LazyScheduler().set_timesteps(**timing)


@pytest.mark.parametrize("name", ["sigmas", "timesteps"])
@pytest.mark.parametrize(
    "given",
    [[[1.0, 0.5]], {1.0: 2}, torch.tensor(1.0), [10**400, 1], ["1", "0.5"], [1 + 0j, 0.5], [1.0, None], [1.0, np.nan]],
    ids=range(8),
)
def test_levels_and_times_are_numbers_in_a_row(name, given):
    with pytest.raises(ss.InputError, match=f"{name} is .*real numbers, in a row"):
        adapters.LazyScheduler().set_timesteps(**{"sigmas": [1.0, 0.5], name: given})


def test_a_timestep_that_the_model_does_not_have_is_refused_by_its_name():
    ours = adapters.LazyVPScheduler(timestep_spacing="leading", steps_offset=2)
    with pytest.raises(ss.InputError, match="begins at 1000: the model knows timesteps 0 to 999"):
        ours.set_timesteps(500)
    ours.set_timesteps(499)
    assert int(ours.timesteps.max()) == 998
