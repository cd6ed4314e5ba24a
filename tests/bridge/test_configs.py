"""from_config: each scheduler class of the installed diffusers, each key of its config, is taken over or refused."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from published import CONFIGS
from torched import torch

import symsched as ss

pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")

import diffusers

from symsched.bridge.adapters import configs
from symsched.bridge.adapters.diffusers import LazyScheduler, LazyVPScheduler

FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
NAMES = sorted(name for name in dir(diffusers) if name.endswith("Scheduler"))
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers")
SAMPLE = {bool: True, int: 7, float: 0.037, str: "nonsense", type(None): 0.37, list: [1]}


def config_of(name, **options):
    """As `from_pretrained` would read it: it says its class."""
    return json.loads(getattr(diffusers, name)(**options).to_json_string())


def configs_of(name):
    """As saved, and as in memory; of a class that cannot be made without arguments, its name."""
    if any(p.default is p.empty for p in list(inspect.signature(getattr(diffusers, name)).parameters.values())):
        return [{"_class_name": name}]
    return [config_of(name), getattr(diffusers, name)().config]


def reading(cls, config, **given):
    try:
        return cls.from_config(config, **given)
    except ss.InputError as error:
        return str(error)


def same_betas(ours, name, **options):
    """The stock class computes its ᾱ itself; EulerDiscrete and its kin move a last ᾱ of 0 to 2⁻²⁴."""
    stock = getattr(diffusers, name)(**options)
    return torch.equal(ours.alphas_cumprod, stock.alphas_cumprod)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_is_read_as_what_it_is_or_refused_by_name(name):
    """The models of `BETAS` and `EITHER` have the stock class's own ᾱ; no other class is taken."""
    for config in configs_of(name):
        flow, noisy = reading(LazyScheduler, config), reading(LazyVPScheduler, config)
        if name in (*configs.BETAS, *configs.EITHER):
            assert same_betas(noisy, name)
            assert "LazyVPScheduler" in flow
        elif name == "FlowMatchEulerDiscreteScheduler" or (name in configs.FLOWS and "_class_name" in config):
            assert flow.config.shift == 1
            assert "LazyScheduler" in noisy
        else:
            assert len(flow.splitlines()) == len(noisy.splitlines()) == 1
            assert name in flow or "_class_name" not in config


KEYS = {key: name for name in (*configs.BETAS, *configs.EITHER, *configs.FLOWS) for key in configs._classes()[name]}


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_taken_over_or_replaced_or_refused(key):
    """A value that nobody uses: it arrives, or is named, or the key is of the solver that ours takes the place of."""
    cls = LazyScheduler if KEYS[key] in configs.FLOWS else LazyVPScheduler
    config = config_of(KEYS[key])
    value = config[key]
    strange = not value if isinstance(value, bool) else SAMPLE[type(value)]
    read = reading(cls, config | {key: strange})
    if isinstance(read, str):
        assert key in read or ("beta" in key and "betas" in read)
    elif key in inspect.signature(cls).parameters:
        assert read.config[key] == strange
    else:
        # the last means something with use_dynamic_shifting alone, which is refused
        assert key in (*configs.REPLACED, "time_shift_type")


@pytest.mark.parametrize("name", configs.EITHER)
def test_a_flow_shift_is_the_shift(name):
    """Levels of Wan's scheduler: σ' = 5σ/(1 + 4σ), which the stock class computes from 1 down to 1/1000."""
    stock = getattr(diffusers, name)(**FLOW, flow_shift=5.0)
    stock.set_timesteps(4)
    for config in (stock.config, config_of(name, **FLOW, flow_shift=5.0)):
        ours = LazyScheduler.from_config(config)
        assert ours.config.shift == 5
        ours.set_timesteps(4)
        np.testing.assert_allclose(ours.sigmas[:-1], stock.sigmas[:4], atol=2e-3)
        assert np.abs(np.linspace(1, 0.25, 4) - stock.sigmas[:4].numpy()).max() > 0.1  # no shift would be noticed
        again = LazyScheduler.from_config(ours.config, seed=1)
        assert (again.config.shift, again.config.seed) == (5, 1)
        back = getattr(diffusers, name).from_config(again.config)
        assert (back.config.flow_shift, back.config.use_flow_sigmas) == (5, True)
    assert "take LazyScheduler" in reading(LazyVPScheduler, stock.config)


@pytest.mark.parametrize(
    ("cls", "name", "options", "said"),
    [
        (LazyVPScheduler, "EulerDiscreteScheduler", {"timestep_type": "continuous"}, "timestep_type = 'continuous'"),
        (LazyVPScheduler, "DDPMScheduler", {"variance_type": "learned_range"}, "variance_type = 'learned_range'"),
        (LazyVPScheduler, "CogVideoXDDIMScheduler", {}, "CogVideoXDDIMScheduler.*snr_shift_scale"),
        (LazyVPScheduler, "EDMEulerScheduler", {}, "EDMEulerScheduler"),
        (LazyScheduler, "EDMEulerScheduler", {}, "EDMEulerScheduler"),
        (LazyScheduler, "DDIMScheduler", {}, "DDIMScheduler.*take LazyVPScheduler"),
        (LazyVPScheduler, "FlowMatchEulerDiscreteScheduler", {}, "FlowMatchEuler.*take LazyScheduler"),
        (LazyVPScheduler, "LCMScheduler", {}, "LCMScheduler.*jump to the end"),
        (LazyScheduler, "UniPCMultistepScheduler", {"prediction_type": "flow_prediction"}, "use_flow_sigmas = False"),
        (LazyScheduler, "UniPCMultistepScheduler", {**FLOW, "use_karras_sigmas": True}, "use_karras_sigmas = True"),
        (LazyVPScheduler, "DDPMScheduler", {"beta_schedule": "sigmoid"}, "beta_schedule = 'sigmoid'.*trained_betas"),
        (LazyScheduler, "FlowMatchEulerDiscreteScheduler", {"invert_sigmas": True}, "invert_sigmas"),
    ],
)
def test_what_would_be_ignored_is_named(cls, name, options, said):
    with pytest.raises(ss.InputError, match=said):
        cls.from_config(config_of(name, **options))


def test_a_rule_for_the_levels_gives_way_to_one_of_ours():
    config = config_of("EulerDiscreteScheduler", use_karras_sigmas=True)
    assert "grid" in reading(LazyVPScheduler, config)
    for given in ({"grid": "karras(rho=7)"}, {"use_karras_sigmas": False}):
        assert not isinstance(reading(LazyVPScheduler, config, **given), str)


def test_a_class_keeps_its_own_defaults():
    """Heun's betas are 0.00085 to 0.012 where its config is silent, and DDIM's are not: a config of either kind."""
    for config in ({"_class_name": "HeunDiscreteScheduler"}, diffusers.HeunDiscreteScheduler().config):
        assert same_betas(LazyVPScheduler.from_config(config), "HeunDiscreteScheduler")
        assert not same_betas(LazyVPScheduler(), "HeunDiscreteScheduler")


def test_the_file_of_another_scheduler_is_read_like_its_config(tmp_path):
    diffusers.UniPCMultistepScheduler(**FLOW, flow_shift=3.0).save_pretrained(tmp_path)
    assert LazyScheduler.from_pretrained(tmp_path).config.shift == 3
    with pytest.raises(ss.InputError, match="take LazyScheduler"):
        LazyVPScheduler.from_pretrained(tmp_path)


def test_two_classes_of_the_same_keys_are_not_guessed_between():
    config = diffusers.FlowMatchHeunDiscreteScheduler(shift=3.0).config
    assert "_class_name" in reading(LazyScheduler, config)
    assert LazyScheduler.from_config({**config, "_class_name": "FlowMatchHeunDiscreteScheduler"}).config.shift == 3


@pytest.mark.parametrize(
    ("config", "given", "said"),
    [
        ({"shift": 3.0, "sift": 2.0}, {}, "sift"),
        ({"shift": 3.0}, {"kapa": 1}, "kapa given to from_config.*did you mean kappa"),
        ({"prediction_type": "epsilon"}, {}, "prediction_type = 'epsilon'"),
        ({"beta_start": 0.1}, {}, "beta_start = 0.1"),
        ({"_class_name": "TheirScheduler"}, {}, "TheirScheduler"),
        ("a/path", {}, "from_pretrained reads a folder"),
    ],
)
def test_a_config_written_by_hand(config, given, said):
    with pytest.raises(ss.InputError, match=said):
        LazyScheduler.from_config(config, **given)


def test_clipping_is_taken_over():
    """An estimate of 3 is clipped to 1, as the stock class does it; without the setting it is not."""
    for clip, expected in ((True, 1.0), (False, 3.0)):
        stock = diffusers.DDIMScheduler(prediction_type="sample", clip_sample=clip)
        for scheduler in (stock, LazyVPScheduler.from_config(stock.config, solver="ddim")):
            scheduler.set_timesteps(1)
            x = torch.zeros(1, 1, 2, 2)
            assert scheduler.step(x + 3, scheduler.timesteps[0], x).prev_sample.unique().tolist() == [expected]
    dynamic = diffusers.DDIMScheduler(prediction_type="epsilon", thresholding=True, sample_max_value=2.0)
    ours = LazyVPScheduler.from_config(dynamic.config, solver="ddim")
    answer = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for scheduler in (dynamic, ours):
        scheduler.set_timesteps(1)
    ours.timesteps = dynamic.timesteps
    theirs = dynamic.step(answer, dynamic.timesteps[0], 0 * answer).pred_original_sample
    assert torch.allclose(ours.step(answer, dynamic.timesteps[0], 0 * answer).prev_sample, theirs, atol=1e-5)


# -- published models ------------------------------------------------------------------------------------------------

EQUAL = np.array([1, 0.75, 0.5, 0.25])  # the levels that a pipeline asks for with four steps, before any shift


def shifted(by):
    """σ' = bσ/(1 + (b − 1)σ); a dynamic shift has b = exp μ."""
    return by * EQUAL / (1 + (by - 1) * EQUAL)


def stretched(levels, last):
    """1 − σ in proportion, so that the last level is `last`."""
    return 1 - (1 - levels) * (1 - last) / (1 - levels[-1])


MU = 1.15
LEVELS = {
    "SD3": [1, 0.9, 0.75, 0.5],  # by hand: 3σ/(1 + 2σ)
    "Z-Image": [1, 0.9, 0.75, 0.5],
    "Wan": [1, 0.9, 0.75, 0.5],
    "Sana": [1, 0.9, 0.75, 0.5],
    "Flux schnell": EQUAL,
    "Flux": shifted(np.exp(MU)),  # its own shift of 3 is no part of a dynamic one
    "Flux2": shifted(np.exp(MU)),
    "Qwen-Image": stretched(shifted(np.exp(MU)), 0.02),
    "LTX": stretched(shifted(np.exp(MU)), 0.1),
}


@pytest.mark.parametrize("name", LEVELS)
def test_a_published_flow_has_its_levels_and_no_betas(name):
    """As its pipeline sets them: sigmas with μ for FlowMatchEuler, a number for the others."""
    config = CONFIGS[name]
    ours = LazyScheduler.from_config(config)
    stock = getattr(diffusers, config["_class_name"]).from_config(config)
    dynamic = {"mu": MU} if config.get("use_dynamic_shifting") else {}
    given = {"sigmas": EQUAL.tolist()} if "flow_shift" not in config else {"num_inference_steps": 4}
    for scheduler, near in ((ours, 1e-6), (stock, 2e-3)):
        scheduler.set_timesteps(**given, **dynamic)
        np.testing.assert_allclose(scheduler.sigmas[:4].numpy(), LEVELS[name], atol=near)
    assert ours.sigmas[-1] == 0
    assert "take LazyScheduler" in reading(LazyVPScheduler, config)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("SD1", [999, 749, 499, 249]),  # the config says no spacing, and ours is trailing
        ("SDXL", [751, 501, 251, 1]),  # leading, with an offset of 1
    ],
)
def test_a_published_diffusion_has_its_betas_and_no_levels(name, times):
    """ᾱ by hand: the square roots of the betas are equally far apart."""
    config = CONFIGS[name]
    ours = LazyVPScheduler.from_config(config)
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    np.testing.assert_allclose(ours.alphas_cumprod.numpy(), kept, rtol=1e-5)
    assert (ours.config.prediction_type, ours.config.clip_sample) == ("epsilon", False)
    ours.set_timesteps(4)
    assert ours.timesteps.tolist() == times
    said = reading(LazyScheduler, config)
    assert config["_class_name"] in said
    assert "take LazyVPScheduler" in said


@pytest.mark.parametrize("name", CONFIGS)
def test_a_published_config_comes_back_to_its_own_class(name):
    config = CONFIGS[name]
    cls, stock = LazyScheduler if name in LEVELS else LazyVPScheduler, getattr(diffusers, config["_class_name"])
    back = stock.from_config(cls.from_config(config, kappa=0).config)
    assert {key: back.config[key] for key in config if key != "_class_name"} == {
        key: value for key, value in config.items() if key != "_class_name"
    }


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "beta_schedule, beta_start, beta_end missing.*take LazyScheduler"),
        ({"prediction_type": "epsilon", "beta_start": 1e-4}, "beta_schedule, beta_end missing in a config of no named"),
        ({"shift": 3.0, **{k: v for k, v in CONFIGS["SD1"].items() if k[:4] == "beta"}}, "take LazyScheduler"),
    ],
)
def test_betas_that_nobody_says_are_not_guessed(config, said):
    with pytest.raises(ss.InputError, match=said):
        LazyVPScheduler.from_config(config)
    betas = {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}
    assert same_betas(LazyVPScheduler.from_config({}, **betas), "DDPMScheduler")
