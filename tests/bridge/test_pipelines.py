"""Pipelines, written out or built from small networks, each against what plain arithmetic says of its images.

Every pixel of the data is N(m, s²), independently, and the networks are exact.  So with κ = 0 an image is a known
function of its noise: the ODE carries quantiles, x at (α, β) to m + s (x − β m)/√(α² + β² s²).  With κ > 0 it has the
data's law, and calls differ.
"""

from __future__ import annotations

import numpy as np
import pytest
from torched import torch

import symsched as ss
from symsched.bridge import FlowField, sample
from symsched.bridge.adapters.k_diffusion import lazy_sigmas, sample_lazy

pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")

from diffusers import (
    ConfigMixin,
    DDIMPipeline,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    FlowMatchEulerDiscreteScheduler,
    ModelMixin,
    UniPCMultistepScheduler,
)
from diffusers.configuration_utils import register_to_config

from symsched.bridge.adapters.diffusers import LazyScheduler, LazyVPScheduler

M, S, SIZE = 0.1, 0.3, 12
SHAPE = (3, SIZE, SIZE)
ODE = {"target": f"lazy(kappa=0, rho={S})"}  # of these data: few steps leave no error to hide others behind
SDE = {"target": f"lazy(kappa=1, rho={S})", "kappa": 1, "solver": "lazy"}
KEPT = DDIMScheduler().alphas_cumprod.double()


def data(x, alpha, beta, mean=M):
    """E[X | αZ + βX = x]."""
    return mean + S**2 * beta / (alpha**2 + beta**2 * S**2) * (x - beta * mean)


def end(x, alpha=1.0, beta=0.0):
    return M + S * (x - beta * M) / np.hypot(alpha, beta * S)


def levels(timestep, kept=KEPT):
    signal = float(kept[round(float(timestep))])
    return (1 - signal) ** 0.5, signal**0.5


def answer(x, timestep, prediction="epsilon", mean=M, kept=KEPT):
    """The network of betas."""
    alpha, beta = levels(timestep, kept)
    found = data(x, alpha, beta, mean)
    return {
        "epsilon": (x - beta * found) / alpha,
        "sample": found,
        "v_prediction": beta * (x - beta * found) / alpha - alpha * found,
    }[prediction]


def velocity(x, sigma, mean=M):
    """The network of a flow as diffusers has it: Z − X at noise level σ."""
    found = data(x, sigma, 1 - sigma, mean)
    return (x - found) / sigma


def near(images, wanted):
    """Where nothing is clipped; both settings and pictures keep to [−1, 1]."""
    wanted = wanted.to(images.dtype)
    free = wanted.abs() < 0.9
    return torch.allclose(images[free], wanted[free], atol=5e-3)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def has_the_law(images, bias=0.01):
    """Mean and deviation within five of their own deviations, and a bias of the discretisation."""
    images = images.double()
    count = images.numel()
    return (
        abs(float(images.mean()) - M) < 5 * S / np.sqrt(count) + bias
        and abs(float(images.std()) - S) < 5 * S / np.sqrt(2 * count) + bias
    )


def apart(a, b):
    """Correlation about the mean, in its deviations for independent images."""
    a, b = (x.double().flatten() - M for x in (a, b))
    return abs(float(a @ b / (a.norm() * b.norm()))) * np.sqrt(a.numel())


class Network(ModelMixin, ConfigMixin):
    """What a pipeline takes for a U-Net."""

    @register_to_config
    def __init__(self, sample_size=SIZE, in_channels=3, prediction="epsilon", terminal=False):  # noqa: ARG002
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        scheduler = DDIMScheduler(rescale_betas_zero_snr=terminal, prediction_type="v_prediction")
        self.kept = scheduler.alphas_cumprod.double()

    def forward(self, x, timestep, **_):
        class Output:
            sample = answer(x.double(), timestep, self.config.prediction, kept=self.kept).to(x.dtype)

        return Output


def piped(pipeline, stock, network, generator, count=2, **options):
    """Images in [−1, 1] of a real pipeline with our scheduler in the place of its own."""
    pipe = pipeline(network, stock)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = LazyVPScheduler.from_config(stock.config, timestep_spacing="trailing", **options)
    made = pipe(count, generator=generator, num_inference_steps=30, output_type="np").images
    return 2 * torch.as_tensor(made).permute(0, 3, 1, 2) - 1


def seeded(*seeds):
    found = [torch.Generator().manual_seed(seed) for seed in seeds]
    return found if len(found) > 1 else found[0]


# -- betas -----------------------------------------------------------------------------------------------------------


DDIM, DDPM = (DDIMPipeline, DDIMScheduler), (DDPMPipeline, DDPMScheduler)


@pytest.mark.parametrize(
    ("pipeline", "scheduler", "prediction"),
    [(*DDIM, "epsilon"), (*DDIM, "sample"), (*DDIM, "v_prediction"), (*DDPM, "epsilon")],
)
def test_ddim_and_ddpm_pipelines(pipeline, scheduler, prediction):
    stock, network = scheduler(prediction_type=prediction), Network(prediction=prediction)
    images = piped(pipeline, stock, network, seeded(3), **ODE)
    z = torch.randn(2, *SHAPE, generator=seeded(3))
    assert near(images, end(z, *levels(999)))
    assert not near(images, end(z.flip(0), *levels(999)))


@pytest.mark.parametrize("pipeline", [DDIMPipeline, DDPMPipeline])
def test_pipelines_with_noise_and_generators_for_each_image(pipeline):
    stock, network = DDPMScheduler(), Network()
    images = piped(pipeline, stock, network, seeded(*range(8)), 8, **SDE)
    assert has_the_law(images)
    again = piped(pipeline, stock, network, seeded(*range(8)), 8, **SDE)
    assert torch.equal(again, images)
    alone = piped(pipeline, stock, network, seeded(5), 1, **SDE)
    assert torch.allclose(alone[0], images[5], atol=1e-4)
    others = piped(pipeline, stock, network, seeded(*range(10, 18)), 8, **SDE)
    assert apart(images, others) < 5.5


def test_a_pipeline_without_generator_has_new_images_each_time():
    stock, network = DDIMScheduler(), Network()
    calls = [piped(DDIMPipeline, stock, network, None, 4, **SDE) for _ in range(3)]
    assert has_the_law(torch.cat(calls))
    assert max(apart(calls[j], calls[k]) for j, k in ((0, 1), (0, 2), (1, 2))) < 5.5


def test_a_pipeline_of_a_model_with_zero_terminal_ratio():
    stock = DDIMScheduler(rescale_betas_zero_snr=True, prediction_type="v_prediction")
    images = piped(DDIMPipeline, stock, Network(prediction="v_prediction", terminal=True), seeded(4), **ODE)
    assert near(images, end(torch.randn(2, *SHAPE, generator=seeded(4))))


def test_the_loop_of_stable_diffusion():
    """Guidance outside of the scheduler: w = 3 between exact networks of means m₁ and m₀ is one of the mean m."""
    scheduler = LazyVPScheduler.from_config(DDIMScheduler(clip_sample=False).config, grid="angle(rho=1)", **ODE)
    scheduler.set_timesteps(40, device="cpu")
    z = normal(2, *SHAPE)
    x, weight, null = z * scheduler.init_noise_sigma, 3.0, 0.05
    for time in scheduler.timesteps:
        seen = scheduler.scale_model_input(torch.cat([x, x]), time)
        halves = seen.chunk(2)
        conditional = answer(halves[1], time, mean=null + (M - null) / weight)
        unconditional = answer(halves[0], time, mean=null)
        x = scheduler.step(unconditional + weight * (conditional - unconditional), time, x, eta=0.0).prev_sample
    assert torch.allclose(x, end(z, *levels(999)), atol=5e-3)


def test_image_to_image_of_betas():
    """Strength 0.6: the pipeline takes the last of the timesteps."""
    scheduler = LazyVPScheduler(**ODE)
    scheduler.set_timesteps(60)
    image, z = M + S * normal(4, *SHAPE, seed=1), normal(4, *SHAPE, seed=2)
    times = scheduler.timesteps[24:]
    x = start = scheduler.add_noise(image, z, times[:1])
    for time in times:
        x = scheduler.step(answer(x, time), time, x, return_dict=False)[0]
    assert torch.allclose(x, end(start, *levels(times[0])), atol=5e-3)


# -- flows -----------------------------------------------------------------------------------------------------------


def flow(scheduler, x, network=velocity, begin=None, edit=None, dtype=None):
    """From set_timesteps on, what Flux and Stable Diffusion 3 do; the model is told t/1000."""
    if begin is not None:
        scheduler.set_begin_index(begin)
    for time in scheduler.timesteps[begin or 0 :]:
        x = x if edit is None else edit(x, float(time) / 1000)
        out = network(x.double(), float(time) / 1000).to(dtype or x.dtype)
        x = scheduler.step(out, time, x, return_dict=False)[0]
    return x


def test_the_loop_of_flux():
    scheduler = LazyScheduler.from_config(
        FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True).config, **ODE
    )
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / 30, 30), mu=0.8, device="cpu")
    z = normal(2, 16, 64)  # packed latents
    assert torch.allclose(flow(scheduler, z, begin=0), end(z), atol=5e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_the_loop_of_stable_diffusion_3(dtype):
    """Half precision: answers and states are rounded at each of the steps."""
    scheduler = LazyScheduler.from_config(FlowMatchEulerDiscreteScheduler(shift=3.0).config, **ODE)
    scheduler.set_timesteps(30)
    z = normal(2, *SHAPE).to(dtype)

    def guided(x, sigma, weight=5.0, null=0.3):
        conditional = velocity(x, sigma, mean=null + (M - null) / weight)
        return velocity(x, sigma, mean=null) + weight * (conditional - velocity(x, sigma, mean=null))

    images = flow(scheduler, z, guided)
    assert images.dtype == dtype
    assert torch.allclose(images.double(), end(z.double()), atol=5e-3 + 4 * torch.finfo(dtype).eps)


def test_the_loop_of_wan():
    """A video, and a scheduler of another class: its flow_shift places the levels."""
    config = {"use_flow_sigmas": True, "flow_shift": 5.0, "prediction_type": "flow_prediction"}
    scheduler = LazyScheduler.from_config(UniPCMultistepScheduler(**config).config, **ODE)
    scheduler.set_timesteps(30, device="cpu")
    assert float(scheduler.sigmas[15]) == pytest.approx(5 * 0.5 / 3)
    z = normal(1, 4, 3, 8, 8)
    assert torch.allclose(flow(scheduler, z), end(z), atol=5e-3)


def test_the_loop_of_cogview():
    """The model is told times that are not its noise levels: sigmas are shifted, timesteps are not."""
    scheduler = LazyScheduler(shift=3.0, **ODE)
    times = np.linspace(1000, 1, 30)
    scheduler.set_timesteps(sigmas=times / 1000, timesteps=times)
    told, z = [], normal(2, *SHAPE)

    def network(x, time):
        told.append(1000 * time)
        return velocity(x, 3 * time / (1 + 2 * time))

    assert torch.allclose(flow(scheduler, z, network), end(z), atol=5e-3)
    assert told == pytest.approx(times.tolist())


def test_image_to_image_of_flows():
    scheduler = LazyScheduler(**ODE)
    scheduler.set_timesteps(60)
    image, z = M + S * normal(2, *SHAPE, seed=1), normal(2, *SHAPE, seed=2)
    start = scheduler.scale_noise(image, scheduler.timesteps[24:25], z)
    sigma = float(scheduler.sigmas[24])
    assert torch.allclose(flow(scheduler, start, begin=24), end(start, sigma, 1 - sigma), atol=5e-3)


def test_inpainting_of_flows():
    """What is known comes back as it was, and the rest, independent here, is what it is without."""
    scheduler = LazyScheduler(**ODE)
    scheduler.set_timesteps(40)
    z, image = normal(2, *SHAPE), M + S * normal(2, *SHAPE, seed=1)
    mask = torch.arange(SIZE) % 2 == 0

    def put_back(x, sigma):
        return torch.where(mask, sigma * z + (1 - sigma) * image, x)

    made = flow(scheduler, z, edit=put_back)
    assert torch.allclose(made[..., ~mask], end(z)[..., ~mask], atol=5e-3)
    assert torch.allclose(torch.where(mask, image, made), torch.where(mask, image, end(z)), atol=5e-3)


@pytest.mark.parametrize("options", [{"kappa": 1, "shift": 3.0}, SDE, {**SDE, "grid": "angle(rho=2)"}])
def test_flows_with_noise(options):
    """Flux gives `step` no generator: each call has noise of its own, recorded."""
    scheduler, ends = LazyScheduler(**options), []
    for _ in range(3):
        scheduler.set_timesteps(40)
        ends.append(flow(scheduler, normal(8, *SHAPE), begin=0))
    assert has_the_law(torch.cat(ends), 0.02)
    assert max(apart(ends[j], ends[k]) for j, k in ((0, 1), (0, 2), (1, 2))) < 5.5
    again = LazyScheduler(**options, seed=scheduler.last_seed)
    again.set_timesteps(40)
    assert torch.equal(flow(again, normal(8, *SHAPE), begin=0), ends[-1])


def test_two_pipelines_share_a_scheduler():
    """One after the other, of other shapes and numbers of steps."""
    scheduler = LazyScheduler(shift=2.0, **ODE)
    for shape, steps in ((SHAPE, 30), ((4, 8), 20), (SHAPE, 25)):
        scheduler.set_timesteps(steps)
        z = normal(2, *shape)
        assert torch.allclose(flow(scheduler, z, begin=0), end(z), atol=5e-3)


# -- others' loops ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kappa", [0, 1])
def test_a_loop_of_k_diffusion(kappa):
    sigmas, z = lazy_sigmas(40, 0.02, 80.0, rho=S), normal(8, *SHAPE)
    x = 80 * z
    how = SDE if kappa else ODE
    made = [sample_lazy(lambda x, s: data(x, float(s[0]), 1.0), x, sigmas, disable=True, **how) for _ in range(2)]
    if kappa:
        assert has_the_law(made[0])
        assert apart(*made) < 5.5
    else:
        assert torch.allclose(made[0], end(x, 80.0, 1.0), atol=5e-3)


def test_a_sampler_of_comfy():
    """model(x, σ, model_options, seed) of a flow model; extra_args carries both."""
    z, sigmas = normal(8, *SHAPE, dtype=torch.float32), torch.linspace(1, 0, 41)

    def model(x, sigma, denoise_mask=None, model_options=None, **_):
        assert (model_options, denoise_mask) == ({}, None)
        return data(x, float(sigma[0]), 1 - float(sigma[0]))

    def call(seed):
        extra = {"model_options": {}, "seed": seed}
        return sample_lazy(model, z, sigmas, extra_args=extra, disable=True, flow=True, **SDE)

    made = [call(seed) for seed in (1, 2, 1)]
    assert has_the_law(made[0])
    assert apart(made[0], made[1]) < 5.5
    assert torch.equal(made[0], made[2])


def test_restarts_in_parts():
    """What the refusal of a rising list says: each part to 0, with noise of the next level put on between."""
    x = 80 * normal(8, *SHAPE)
    with pytest.raises(ss.InputError, match="run in parts, each to 0"):
        sample_lazy(lambda x, _: x, x, torch.tensor([80.0, 1.0, 5.0, 0.0]), disable=True)
    for seed, largest in ((1, 80.0), (2, 1.0), (3, 0.3)):
        x = x if seed == 1 else x + largest * normal(8, *SHAPE, seed=seed)
        sigmas = lazy_sigmas(30, 0.01, largest, rho=S)
        x = sample_lazy(lambda x, s: data(x, float(s[0]), 1.0), x, sigmas, disable=True, **ODE)
        assert has_the_law(x)


def test_a_solver_of_flow_matching():
    pytest.importorskip("flow_matching", reason="needs flow_matching")
    from flow_matching.solver import ODESolver

    from symsched.bridge.adapters.flow_matching import LazyModel, LazySolver

    def towards_data(x, t, **_):
        return -velocity(x, 1 - float(t)) if float(t) < 1 else M + 0 * x

    z = normal(4, *SHAPE)
    assert torch.allclose(LazySolver(towards_data, **ODE).sample(z, 1 / 30), end(z), atol=5e-3)
    model = LazyModel(towards_data, "linear", "lazy(kappa=0, rho=0.3)")
    start = float(model.conversion.target.at(0.0)[0]) * z
    made = ODESolver(model).sample(x_init=start, step_size=1 / 20, method="midpoint")
    assert torch.allclose(made, end(z), atol=0.02)
    noisy = LazySolver(towards_data, **SDE)
    assert has_the_law(noisy.sample(z, 1 / 40))
    assert apart(noisy.sample(z, 1 / 40), noisy.sample(z, 1 / 40)) < 5.5


def test_guidance_of_our_own():
    """FlowField's doubled batch: w = 4 between means, and new noise for each call that names no seed."""
    field = FlowField(
        lambda x, t, mean: torch.where(t.view(-1, 1, 1, 1) < 1, -velocity(x, 1 - t[0], mean.view(-1, 1, 1, 1)), 0),
        guidance=4.0, null={"mean": torch.zeros(1, dtype=torch.float64)}, shape=SHAPE, dtype=torch.float64,
    )  # fmt: skip
    conditions = {"mean": torch.full((8,), M / 4, dtype=torch.float64)}
    z = normal(8, *SHAPE)
    assert torch.allclose(sample(field, noise=z, steps=30, conditions=conditions, **ODE), end(z), atol=5e-3)
    made = [sample(field, noise=z, steps=40, conditions=conditions, **SDE) for _ in range(2)]
    assert has_the_law(made[0])
    assert apart(*made) < 5.5
