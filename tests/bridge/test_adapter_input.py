"""What other people's loops may do wrong: one line each, no wrong image instead.  What they may do is done right."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest
import sympy as sp
from torched import torch

import symsched as ss
from symsched.bridge import FlowField, calibrate
from symsched.bridge.adapters.k_diffusion import lazy_sigmas, sample_lazy

pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")

from diffusers import FlowMatchEulerDiscreteScheduler

from symsched.bridge.adapters.diffusers import LazyScheduler, LazyVPScheduler

ZERO = torch.zeros(2, 4)


def flow(**options):
    return LazyScheduler(**options)


def noisy(**options):
    return LazyVPScheduler(prediction_type="sample", **options)


def euler(**options):
    """The path that is the stock class's own."""
    return LazyScheduler(target="linear", solver="euler", **options)


MAKERS = pytest.mark.parametrize("make", [flow, noisy, euler])


def run(scheduler, sample=ZERO, answer=ZERO, at=None, steps=4):
    """All states but the first: a prediction of the data ends in it, whatever the noise was."""
    scheduler.set_timesteps(steps)
    states = []
    for time in scheduler.timesteps if at is None else at:
        sample = scheduler.step(answer, time, sample, return_dict=False)[0]
        states.append(sample)
    return torch.stack(states)


@MAKERS
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sample": ZERO.long()}, r"sample is torch.int64: expected a tensor of floating-point numbers"),
        ({"sample": [1.0]}, "sample is list"),
        ({"answer": ZERO.long()}, "the model's answer is torch.int64"),
        ({"answer": ZERO[:1]}, r"the model's answer has shape \(1, 4\) on cpu, and the run's samples \(2, 4\)"),
        ({"answer": torch.zeros(2, 8)}, r"the model's answer has shape \(2, 8\)"),
        ({"answer": torch.zeros(2, 4, device="meta")}, "the model's answer .* on meta"),
        ({"at": [333.5]}, r"timestep = 333.5 is not one of this run's"),
        ({"at": range(4)}, "timestep = 0 is not one of this run's"),
        ({"at": [torch.tensor([1.0, 2.0])]}, r"timestep of shape \(2,\): expected one time"),
        ({"at": [float("nan")]}, "timestep = nan is not one"),
        ({"steps": 0}, "num_inference_steps = 0: expected a whole number"),
        ({"steps": 2.5}, "num_inference_steps = 2.5"),
        ({"steps": "4"}, "num_inference_steps = '4'"),
    ],
)
def test_what_a_step_is_given(make, options, said):
    with pytest.raises(ss.InputError, match=said) as error:
        run(make(), **options)
    assert "\n" not in str(error.value)


@MAKERS
def test_a_step_before_a_run(make):
    with pytest.raises(ss.InputError, match="no run has begun; call set_timesteps"):
        make().step(ZERO, 999, ZERO)


@pytest.mark.parametrize("make", [flow, noisy])
def test_an_answer_that_is_nan_is_named_at_the_end(make):
    scheduler = make()
    scheduler.set_timesteps(4)
    x = ZERO
    for answer, time in zip((ZERO, ZERO, ZERO + torch.inf), scheduler.timesteps, strict=False):
        x = scheduler.step(answer, time, x).prev_sample
    with pytest.raises(ss.InputError, match=r"NaN or infinity at step 2, native time"):
        scheduler.step(ZERO, scheduler.timesteps[3], x)
    with pytest.raises(ss.InputError, match="NaN or infinity at step 0"):
        sample_lazy(lambda x, _: x * torch.nan, ZERO, [2.0, 1.0, 0.0], disable=True)


def test_steps_out_of_turn():
    """A flow's step index counts by itself, so a time that is not its own is refused; betas begin anew there."""
    for times, said in (([1000.0, 250.0], "expected 750, that of step 1"), ([1000.0, 750, 500, 250, 250], "is over")):
        with pytest.raises(ss.InputError, match=said):
            run(flow(), at=times)
    scheduler = flow()
    scheduler.set_timesteps(4)
    scheduler.set_begin_index(2)
    with pytest.raises(ss.InputError, match="expected 500, that of step 2"):
        scheduler.step(ZERO, scheduler.timesteps[0], ZERO)
    states = run(noisy(), torch.ones(2, 4), at=[999, 749, 499, 249, 749, 499])
    assert torch.equal(states[1], states[4]) is False  # from where the state then is
    assert torch.isfinite(states).all()


@pytest.mark.parametrize("device", ["tpu9", 3.5])
def test_a_device_that_is_none(device):
    with pytest.raises(ss.InputError, match=r"device = .*: expected cpu"):
        flow().set_timesteps(4, device=device)


# -- noise levels of flows -------------------------------------------------------------------------------------------


def levels(scheduler=None, **timing):
    scheduler = scheduler or flow()
    scheduler.set_timesteps(**timing)
    return scheduler.sigmas.double().numpy()


@pytest.mark.parametrize("terminal", [0.02, 0.1, 0.5])
def test_one_step_to_a_terminal_shift(terminal):
    """From noise there is one level, 1; stretching it is 0/0.  For more steps the levels are the stock class's."""
    assert levels(flow(shift_terminal=terminal), num_inference_steps=1).tolist() == [1, 0]
    for count in (2, 5):
        sigmas = np.linspace(1, 1 / count, count).tolist()
        stock = FlowMatchEulerDiscreteScheduler(shift_terminal=terminal)
        stock.set_timesteps(sigmas=sigmas)
        found = levels(flow(shift_terminal=terminal), sigmas=sigmas)
        np.testing.assert_allclose(found, stock.sigmas.numpy())
        assert found[-2] == pytest.approx(terminal, rel=1e-4)


@pytest.mark.parametrize("above", [2.0**-23, 2.0**-22, 5e-7])
def test_levels_that_rounding_put_above_one(above):
    z = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    ends = []
    for first in (1.0, 1.0 + above):
        scheduler = flow()
        scheduler.set_timesteps(sigmas=[first, 0.6, 0.3])
        x = z
        for time in scheduler.timesteps:
            x = scheduler.step(torch.tanh(x), time, x).prev_sample
        levels = torch.tensor([first, 0.6, 0.3, 0.0], dtype=torch.float64)
        ends.append((x, sample_lazy(lambda x, _: torch.tanh(x), z, levels, flow=True, disable=True)))
    assert torch.allclose(ends[0][0], ends[1][0], atol=1e-5)
    assert torch.allclose(ends[0][1], ends[1][1], atol=1e-5)
    for call in (
        lambda: flow().set_timesteps(sigmas=[1 + 1e-5, 0.6]),
        lambda: sample_lazy(lambda x, _: x, z, torch.tensor([1 + 1e-5, 0.5, 0]), flow=True, disable=True),
    ):
        with pytest.raises(ss.InputError, match="noise level is at most 1"):
            call()


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        ({"sigmas": [1.0, 0.3, 0.6]}, "decrease strictly.*run in parts, each to 0"),
        ({"sigmas": [float("nan"), 0.5]}, "real numbers, in a row"),
        ({"sigmas": ["a"]}, "real numbers, in a row"),
        ({"sigmas": []}, "expected a whole number"),
        ({}, "num_inference_steps = None: expected a whole number"),
        ({"num_inference_steps": 3, "sigmas": [1.0, 0.5]}, "num_inference_steps = 3 with 2 levels"),
        ({"sigmas": [1.0, 0.5], "timesteps": [1000.0]}, "with .* levels: expected one each"),
    ],
)
def test_levels_that_are_none(timing, said):
    with pytest.raises(ss.InputError, match=said) as error:
        flow().set_timesteps(**timing)
    assert "\n" not in str(error.value)


def test_timesteps_alone_are_levels_where_nothing_shifts_them():
    np.testing.assert_allclose(levels(timesteps=[900.0, 400.0]), [0.9, 0.4, 0], atol=1e-7)
    with pytest.raises(ss.InputError, match=r"timesteps without sigmas.*give sigmas, or both"):
        levels(flow(shift=3.0), timesteps=[900.0, 400.0])
    with pytest.raises(ss.InputError, match="mu"):
        levels(flow(use_dynamic_shifting=True), num_inference_steps=4)


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (LazyScheduler, {"shift": 0.0}, "shift = 0.0: expected a number > 0"),
        (LazyScheduler, {"shift_terminal": 1.5}, "shift_terminal = 1.5"),
        (LazyScheduler, {"num_train_timesteps": 0}, "num_train_timesteps = 0"),
        (LazyScheduler, {"use_karras_sigmas": True, "use_beta_sigmas": True}, "Only one of"),
        (LazyScheduler, {"grid": "karas"}, "unknown grid 'karas'"),
        (LazyScheduler, {"solver": 3}, "solver = 3: expected a name"),
        (LazyScheduler, {"seed": -1}, "seed = -1: expected a whole number"),
        (LazyScheduler, {"indices": 3}, "indices: expected whole numbers"),
        (LazyScheduler, {"indices": [-1]}, "indices: expected whole numbers"),
        (LazyVPScheduler, {"seed": "x"}, "seed = 'x'"),
        (LazyVPScheduler, {"beta_schedule": "exp"}, "exp is not implemented"),
        (LazyVPScheduler, {"trained_betas": [0.1, 0.2]}, "2 betas with num_train_timesteps = 1000"),
        (LazyVPScheduler, {"beta_start": -0.1}, r"betas: expected numbers in \(0, 1\)"),
        (LazyVPScheduler, {"clip_sample_range": -1.0}, "clip_sample_range = -1.0"),
        (LazyVPScheduler, {"dynamic_thresholding_ratio": 2.0}, "dynamic_thresholding_ratio = 2.0"),
        (LazyVPScheduler, {"grid": "karas"}, "unknown grid 'karas'"),
    ],
)
def test_settings_that_are_none(make, options, said):
    with pytest.raises(ss.InputError, match=said) as error:
        make(**options)
    assert "\n" not in str(error.value)


# -- sample_lazy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sigmas": [np.inf, 1.0, 0.0]}, "from a finite level to 0"),
        ({"sigmas": [np.nan, 1.0, 0.0]}, "decrease strictly"),
        ({"sigmas": [3.0, 1.0, 2.0, 0.0]}, "a list that rises again is run in parts"),
        ({"sigmas": "abc"}, "sigmas = 'abc': expected a tensor of noise levels"),
        ({"x": ZERO.long()}, "sample is torch.int64"),
        ({"model": lambda x, _: x[:1]}, r"answer has shape \(1, 4\)"),
        ({"model": lambda x, _: (x,)}, "answer is tuple"),
        ({"extra_args": {"seed": "x"}, "model": lambda x, _, **__: x}, "seed = 'x'"),
        ({"indices": [1]}, "1 indices for 2 samples"),
        ({"noise_sampler": lambda *_: torch.zeros(2, 3)}, r"noise_sampler's noise has shape \(2, 3\)"),
    ],
)
def test_what_sample_lazy_is_given(options, said):
    given = {"model": lambda x, _: x, "x": ZERO, "sigmas": [2.0, 1.0, 0.5, 0.0], "kappa": 1, "disable": True}
    with pytest.raises(ss.InputError, match=said) as error:
        sample_lazy(**given | options)
    assert "\n" not in str(error.value)


# -- copies ----------------------------------------------------------------------------------------------------------

COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda s: pickle.loads(pickle.dumps(s))}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("make", [flow, noisy])
def test_a_copy_in_the_middle_of_a_run_goes_on_alone(make, copied):
    """With κ = 1 both draw the noise that comes next, and neither moves the other."""
    whole, halved = make(kappa=1, seed=3), make(kappa=1, seed=3)
    expected = run(whole, torch.ones(2, 4))
    halved.set_timesteps(4)
    x = torch.ones(2, 4)
    for k, time in enumerate(halved.timesteps):
        if k == 2:
            other, y = copied(halved), x
            for j, later in enumerate(other.timesteps[2:], 2):
                y = other.step(ZERO, later, y).prev_sample
                assert torch.equal(y, expected[j])
        x = halved.step(ZERO, time, x).prev_sample
        assert torch.equal(x, expected[k])


@pytest.mark.parametrize("make", [flow, noisy])
def test_saved_schedulers_keep_their_settings(make, tmp_path):
    settings = {"target": "lazy(kappa=1, rho=2)", "kappa": 0.5, "solver": "sde-dpmpp", "grid": "angle(rho=2)"}
    settings |= {"seed": 4, "indices": [5, 6]}
    made = make(**settings)
    made.save_pretrained(tmp_path)
    again = type(made).from_pretrained(tmp_path)
    assert {key: again.config[key] for key in settings} == settings
    assert torch.equal(run(again, torch.ones(2, 4)), run(made, torch.ones(2, 4)))
    fresh = make(kappa=0.5)
    fresh.save_pretrained(tmp_path)
    again = type(fresh).from_pretrained(tmp_path)
    ends = [run(s, torch.ones(2, 4)) for s in (again, again, fresh)]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(ends, 2))


def test_lazy_sigmas_of_other_counts():
    with pytest.raises(ss.InputError, match="n = True"):
        lazy_sigmas(True)


# -- what a scheduler's file holds ------------------------------------------------------------------------------------

MINE = ss.Schedule("sqrt(4*(1-t^2))", "t", name="vp")  # a name that is another's


@pytest.mark.parametrize(
    ("cls", "options", "plain"),
    [
        (LazyScheduler, {"target": ss.schedules.lazy(kappa=0, rho=2)}, {"target": "lazy(kappa=0, rho=2)"}),
        (LazyScheduler, {"target": MINE}, {"target": "alpha=2*sqrt(1-t^2); beta=t"}),
        (LazyScheduler, {"kappa": sp.Rational(1, 2), "seed": np.int64(3)}, {"kappa": 0.5, "seed": 3}),
        (LazyScheduler, {"kappa": 1, "seed": 3, "indices": range(2)}, {"kappa": 1, "seed": 3, "indices": [0, 1]}),
        (LazyScheduler, {"shift": np.float32(3)}, {"shift": 3.0}),
        (LazyScheduler, {"calibration": "known"}, {"calibration": "file"}),
        (LazyVPScheduler, {"trained_betas": torch.linspace(1e-4, 0.02, 1000)}, {}),
    ],
    ids=["schedule", "named", "expression", "range", "float32", "calibration", "betas"],
)
def test_whatever_a_scheduler_is_made_of_it_can_be_saved(cls, options, plain, tmp_path):
    """Each was taken, and the file could not be written.  It is the scheduler made of plain settings."""
    if "calibration" in options:
        field = FlowField(lambda x, _: -x, "linear", shape=(4,))
        known = calibrate(field, 8, steps=[3], tries=1, pilot_steps=16, from_noise=True)
        known.save(tmp_path / "known.json")
        options, plain = {"calibration": known}, {"calibration": tmp_path / "known.json"}
    ends = []
    for scheduler in (cls(**plain), cls(**options)):
        scheduler.save_pretrained(tmp_path)
        for one in (scheduler, cls.from_pretrained(tmp_path), cls.from_config(scheduler.config)):
            one.set_timesteps(3)
            x = ZERO + 1
            for time in one.timesteps:
                x = one.step(torch.tanh(x), time, x).prev_sample
            ends.append(x)
    assert all(torch.allclose(end, ends[0], atol=1e-5) for end in ends)
