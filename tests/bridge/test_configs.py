"""from_config: each scheduler class of the installed diffusers, each key of its config, is taken over or refused."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
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
