"""Pipelines of diffusers calibrated as they are: tiny Flux and Stable Diffusion 3 with random weights, no downloads."""

from __future__ import annotations

import pytest
from torched import torch

pytest.importorskip("diffusers")

from diffusers import (
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)

import symsched as ss
from symsched.bridge import LazyScheduler, LazyVPScheduler, calibrate, calibrate_pipeline, sample
from symsched.bridge.adapters.pipelines import pipeline_field

PROMPTS = ["a lighthouse", "two owls", "snow"]
SIZE = {"height": 64, "width": 64}


def embedded(texts, *shape):
    """Numbers that belong to each text."""
    made = [torch.randn(shape, generator=torch.Generator().manual_seed(sum(map(ord, text)))) for text in texts]
    return torch.stack(made)


def listed(prompt):
    return [prompt] if isinstance(prompt, str) else prompt


class Flux(FluxPipeline):
    """Flux without its text encoders."""

    def encode_prompt(self, prompt, **_):
        self.__class__.encoded.append(prompt)
        texts = listed(prompt)
        return embedded(texts, 3, 32), embedded(texts, 32), torch.zeros(3, 3)


class SD3(StableDiffusion3Pipeline):
    """Stable Diffusion 3 without its text encoders."""

    def encode_prompt(self, prompt, negative_prompt=None, **_):
        self.__class__.encoded.append(prompt)
        texts, none = listed(prompt), [negative_prompt or ""] * len(listed(prompt))
        return embedded(texts, 3, 32), embedded(none, 3, 32), embedded(texts, 64), embedded(none, 64)


def flux():
    torch.manual_seed(0)
    network = FluxTransformer2DModel(
        patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=True,
    )  # fmt: skip
    return Flux(
        FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True), None, None, None, None, None, network
    )


def sd3():
    torch.manual_seed(0)
    network = SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=64, out_channels=4,
    )  # fmt: skip
    return SD3(network, FlowMatchEulerDiscreteScheduler(shift=3.0), None, None, None, None, None, None, None)


MADE = {"flux": (flux, {"guidance_scale": 2.0}), "sd3": (sd3, {"guidance_scale": 3.0, "negative_prompt": "blur"})}


@pytest.fixture(params=MADE)
def piped(request):
    """A pipeline with counts of what its network and its text encoders were asked, and options of its call."""
    make, options = MADE[request.param]
    pipe = make()
    type(pipe).encoded, asked = [], []
    pipe.transformer.register_forward_pre_hook(lambda *_: asked.append(1))
    pipe.set_progress_bar_config(disable=True)
    return pipe, asked, SIZE | options


def test_a_calibration_within_its_budget(piped, capsys):
    pipe, asked, options = piped
    before = {key: value for key, value in pipe.__dict__.items() if key != "_progress_bar_config"}
    known = calibrate_pipeline(pipe, PROMPTS, steps=[3], budget=60, **options)
    assert len(asked) <= 60
    assert all(value is before[key] for key, value in pipe.__dict__.items() if key in before)
    first, second = capsys.readouterr().err.splitlines()[:2]
    assert f"60 evaluations of {type(pipe).__name__}" in first
    assert "minutes" in second
    assert sorted(map(str, type(pipe).encoded)) == sorted(str([text]) for text in PROMPTS)
    assert known.valid["options"] == options
    assert known.valid["model"]["parameters"] == sum(p.numel() for p in pipe.transformer.parameters())


def test_the_pipeline_runs_the_table(piped):
    """What the pipeline makes with the scheduler is what `sample` makes of it as a field, and nearer to the end."""
    pipe, _, options = piped
    known = calibrate_pipeline(pipe, PROMPTS, steps=[4], budget=130, batch=3, **options)
    field = pipeline_field(pipe, PROMPTS[0], **options)
    z = torch.randn(2, *field.shape, generator=torch.Generator().manual_seed(0))
    asked = {"prompt": PROMPTS[:2]}
    end = sample(field, noise=z, steps=40, solver="ab3", target="linear", conditions=asked)
    ours = sample(field, noise=z, steps=4, calibration=known, conditions=asked)

    def run(scheduler):
        pipe.scheduler = scheduler
        return pipe(prompt=PROMPTS[:2], latents=z, num_inference_steps=4, output_type="latent", **options).images

    stock = pipe.scheduler
    lazy = run(LazyScheduler.from_config(stock.config, calibration=known.to_json()))
    assert torch.allclose(lazy, ours, atol=1e-4)
    assert float((lazy - end).square().mean()) < float((run(stock) - end).square().mean()) / 4


def test_a_field_asks_as_the_pipeline_does(piped):
    """The velocity at a time is what the pipeline's own scheduler is handed there, with the other sign."""
    pipe, _, options = piped
    field = pipeline_field(pipe, PROMPTS[0], **options)
    handed = []
    inner = pipe.scheduler.step

    def step(output, t, x, **rest):
        handed.append((float(t), x, output))
        return inner(output, t, x, **rest)

    pipe.scheduler.step = step
    pipe(prompt=PROMPTS[1], num_inference_steps=3, output_type="latent", **options)
    for t, x, output in handed:
        assert torch.allclose(field.velocity(x, 1 - t / 1000, prompt=[PROMPTS[1]]), -output, atol=1e-5)


def test_a_flow_models_own_field():
    """`LazyScheduler.field`, as `LazyVPScheduler.field`: the calibration of the network is that of the pipeline."""
    pipe, options = sd3(), {"y": 1.0}

    def network(x, timesteps, y):  # noqa: ARG001
        return torch.tanh(x) - timesteps[:, None] / 1000

    field = LazyScheduler().field(network, shape=(2,))
    x = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(field.velocity(x, 0.25, **options), -(torch.tanh(x) - 0.75), atol=1e-6)
    assert LazyScheduler().field(pipe.transformer).dtype is torch.float32
    known = calibrate(field, 8, steps=[3], pilot_steps=16, tries=1, from_noise=True, conditions=options)
    scheduler = LazyScheduler(calibration=known)
    scheduler.set_timesteps(3)
    images = x
    for t in scheduler.timesteps:
        images = scheduler.step(network(images, t.expand(3), 1.0), t, images).prev_sample
    assert torch.allclose(images, sample(field, noise=x, steps=3, calibration=known, conditions=options), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"budget": 10}, "expected .* evaluations at least"),
        ({"budget": "all"}, "budget = 'all'"),
        ({"budget": 30}, "budget = 30: expected 50 evaluations at least"),
        ({"steps": [0]}, "steps = 0"),
        ({"steps": 0}, "steps = 0"),
        ({"steps": 4.5}, r"steps = 4.5: expected a list of whole numbers, steps=\[4, 8\]"),
        ({"steps": []}, "expected a list of whole numbers"),
        ({"steps": "8"}, "expected a list of whole numbers"),
        ({"seed": "x"}, "seed = 'x'"),
        ({"batch": 0}, "batch = 0: expected a whole number ≥ 1"),
        ({"step": [4]}, "takes no such option; did you mean steps"),
        ({"prompts": {"a": "b"}}, "prompts = "),
        ({"prompts": None}, "prompts = "),
        ({"prompts": []}, "prompts = "),
        ({"prompts": [3]}, "prompts = "),
        ({"guidance": 3}, "guidance: the call of Flux takes no such option"),
        ({"latents": None}, "latents: calibrate_pipeline decides it"),
        ({"pipe": 3}, "pipe = int"),
        ({"pipe": torch.tanh}, "pipe = "),
    ],
)
def test_bad_input(change, said, capsys):
    given = {"pipe": flux(), "prompts": PROMPTS, "budget": 100} | change
    with pytest.raises(ss.InputError, match=said):
        calibrate_pipeline(given.pop("pipe"), given.pop("prompts"), **given)
    assert "minutes" not in capsys.readouterr().err


@pytest.mark.parametrize("scheduler", [DDIMScheduler(), LazyVPScheduler()])
def test_a_pipeline_of_betas_is_told_where_to_go(scheduler):
    pipe = flux()
    pipe.scheduler = scheduler
    with pytest.raises(ss.InputError, match=r"LazyVPScheduler….field\(pipe.unet\)"):
        calibrate_pipeline(pipe, PROMPTS)
