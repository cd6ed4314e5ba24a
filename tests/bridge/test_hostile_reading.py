"""What the bridge was found to do in silence: it is done right now, or refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
from torched import torch

import symsched as ss
from symsched.bridge import FlowField, build_plan, sample

ZERO, TIMES = torch.zeros(2, 2), torch.zeros(2)


def adding(x, _, y):
    """A model whose answer is its condition."""
    if isinstance(y, dict | list):
        y = y["emb"] if isinstance(y, dict) else len(y[0])
    return (x * 0 + (0 if y is None else torch.as_tensor(y))).to(x.dtype)


@pytest.mark.parametrize(
    ("null", "given", "right"),
    [
        (0, 5, 15),
        (2, 5, 11),
        (None, 5, 15),
        (["", ""], ["ab", "cd"], 6),
        ({"emb": 1}, {"emb": 2}, 4),
        (np.zeros((2, 1)), np.full((2, 1), 5.0), 15),
        (torch.zeros(2, 1), torch.full((2, 1), 5.0), 15),
        (None, torch.full((1, 1), 5.0), 15),
        (2, torch.full((2, 2), 5.0), 11),
        (2, torch.tensor([[5], [5]]), 11),
        (2.0, np.full((2, 1), 5.0), 11),
    ],
)
def test_guidance_holds_for_conditions_of_any_kind(null, given, right):
    """By hand: null + 3 (conditional - null)."""

    field = FlowField(adding, "linear", guidance=3.0, null={"y": null}, shape=(2,))
    assert torch.equal(field.output(ZERO, TIMES, y=given), torch.full((2, 2), float(right)))


LABELS = torch.tensor([5.0, 7.0])


def labelled(x, _, y):
    return x * 0 + y[:, None]


def test_a_null_that_is_a_number_is_that_of_the_one_condition():
    """By hand: 1 + 3 (5 - 1) and 1 + 3 (7 - 1)."""
    field = FlowField(labelled, "linear", guidance=3.0, null=1, shape=(2,))
    assert field.output(ZERO, TIMES, y=LABELS).tolist() == [[13, 13], [19, 19]]
    assert "null=1" in repr(field)
    with pytest.raises(ss.InputError, match=r"null = 1 for the conditions y, z: say of which, null=\{name: 1\}"):
        field.output(ZERO, TIMES, y=LABELS, z=LABELS)
    with pytest.raises(ss.InputError, match="without conditions"):
        field.output(ZERO, TIMES)


def test_guidance_for_one_call():
    """The field keeps its own; with the weight 0 the condition says nothing, and 1 is no guidance at all."""
    field = FlowField(labelled, "linear", null={"y": 1}, shape=(2,))
    found = {w: field.guided(w).output(ZERO, TIMES, y=LABELS)[:, 0].tolist() for w in (None, 0.0, 1.0, 3.0)}
    assert found == {None: [5, 7], 0.0: [1, 1], 1.0: [5, 7], 3.0: [13, 19]}
    assert field.guidance is None
    ask = {"steps": 2, "seed": 0, "conditions": {"y": LABELS}}
    again = FlowField(labelled, "linear", null={"y": 1}, shape=(2,), guidance=3.0)
    assert torch.equal(ss.bridge.sample(field, 2, guidance=3.0, **ask), ss.bridge.sample(again, 2, **ask))
    assert torch.equal(ss.bridge.sample(again, 2, guidance=1.0, **ask), ss.bridge.sample(field, 2, **ask))


@pytest.mark.parametrize(
    ("given", "conditions", "said"),
    [
        ({"guidance": 3.0}, None, "guidance = 3.0 without conditions.*give conditions with y"),
        ({"guidance": "3"}, {"y": LABELS}, "guidance = '3': expected a finite number"),
        ({"guidance": True}, {"y": LABELS}, "guidance = True: expected a finite number"),
    ],
)
def test_guidance_that_means_nothing_is_refused(given, conditions, said):
    field = FlowField(labelled, "linear", null={"y": 1}, shape=(2,))
    with pytest.raises(ss.InputError, match=said):
        ss.bridge.sample(field, 2, steps=2, conditions=conditions, **given)
    bare = FlowField(labelled, "linear", shape=(2,))
    with pytest.raises(ss.InputError, match=r"guidance = 2\.0 without null"):
        ss.bridge.sample(bare, 2, steps=2, conditions={"y": LABELS}, guidance=2.0)


@pytest.mark.parametrize(
    ("null", "given"),
    [
        ("none", torch.zeros(2, 1)),
        (torch.zeros(1, 3), torch.zeros(2, 4)),
        (torch.zeros(4), torch.zeros(2, 4)),
        ([""], ["a", "b"]),
        ("", ["a", "b"]),
    ],
)
def test_a_null_that_does_not_fit_is_refused(null, given):
    field = FlowField(lambda x, _time, **_: x, "linear", guidance=3.0, null={"y": null}, shape=(2,))
    with pytest.raises(ss.InputError, match="null for y"):
        field.output(ZERO, TIMES, y=given)


@pytest.mark.parametrize(
    "wrap", [list, tuple, np.array, torch.tensor, lambda v: {"in": torch.tensor(v)}, lambda v: {"in": [np.array(v)]}]
)
def test_each_sample_has_its_own_condition_in_any_batch(wrap):
    def model(x, _, y):
        while isinstance(y, dict) or (isinstance(y, list) and not isinstance(y[0], float)):
            y = y["in"] if isinstance(y, dict) else y[0]
        return x * 0 + torch.as_tensor(y, dtype=x.dtype)[: len(x), None]

    field = FlowField(model, "linear", "data", shape=(2,))
    given = {"y": wrap([1.0, 2.0, 3.0, 4.0])}
    whole = sample(field, 4, steps=2, seed=0, conditions=given)
    assert torch.equal(whole, sample(field, 4, steps=2, seed=0, conditions=given, batch=2))


def test_a_list_of_tensors_that_may_be_split_either_way_is_refused():
    field = FlowField(lambda x, _time, **_: x, "linear", "data", shape=(2,))
    with pytest.raises(ss.InputError, match="split either way"):
        sample(field, 2, steps=2, seed=0, batch=1, conditions={"y": [torch.zeros(2), torch.zeros(2)]})


def exact(schedule, **options):
    return FlowField(lambda x, _: x * 0, schedule, "data", shape=(2,), **options)


def test_a_plan_of_another_schedule_is_refused():
    with pytest.raises(ss.InputError, match="its levels are not those of the field's schedule"):
        sample(exact("cosine"), 4, plan=build_plan("linear", steps=4), seed=0)
    assert sample(exact("cosine"), 4, plan=build_plan("cosine", steps=4), seed=0).shape == (4, 2)


@pytest.mark.parametrize(
    "options",
    [{"kappa": 1}, {"steps": 9}, {"solver": "euler"}, {"target": "linear"}, {"grid": "angle(rho=2)"}],
    ids=lambda options: next(iter(options)),
)
def test_options_beside_a_plan_are_refused(options):
    with pytest.raises(ss.InputError, match=f"plan and {next(iter(options))}: a plan has them already"):
        sample(exact("linear"), 4, plan=build_plan("linear", steps=4), seed=0, **options)


def test_a_trajectory_ends_at_the_last_of_the_models_own_times():
    """999 of a thousand betas, 1 of a schedule."""
    pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")
    from symsched.bridge.adapters.diffusers import LazyVPScheduler

    field = LazyVPScheduler(prediction_type="sample").field(lambda x, _: x * 0, shape=(2,), dtype=torch.float32)
    assert sample(field, 2, steps=4, seed=0, trajectory=True)[1].times[-1] == 999
    assert sample(exact("linear"), 2, steps=4, seed=0, trajectory=True)[1].times[-1] == 1


def test_levels_for_a_flow_are_levels_of_a_flow():
    """Uniform in atan(rho (1 - sigma)/sigma)."""
    k = pytest.importorskip("symsched.bridge.adapters.k_diffusion")
    sigmas = k.lazy_sigmas(8, flow=True, rho=0.5).double().numpy()
    assert (sigmas[0], sigmas[-1]) == (1, 0)
    angles = np.arctan(0.5 * (1 - sigmas[:-1]) / sigmas[:-1])
    assert np.allclose(np.diff(angles), angles[-1] / 7, atol=1e-6)
    assert np.isclose(sigmas[-2], 0.02)
    with pytest.raises(ss.InputError, match="a flow's noise level is at most 1"):
        k.lazy_sigmas(8, 0.02, 80.0, flow=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"sigma_min": "a"}, "sigma_min = 'a': expected a number"), ({"device": "foo"}, "device = 'foo'")],
)
def test_levels_of_what_is_no_number_are_refused(given, said):
    from symsched.bridge.adapters.k_diffusion import lazy_sigmas

    with pytest.raises(ss.InputError, match=said):
        lazy_sigmas(4, **given)


@pytest.fixture(scope="module")
def known():
    from symsched.bridge import calibrate

    return calibrate(FlowField(lambda x, _: -x, "linear", shape=(2,)), 8, steps=[2], tries=1, from_noise=True)


@pytest.mark.parametrize("options", [{"kappa": 1}, {"kappa": "1"}, {"solver": "euler"}, {"target": "linear"}])
def test_a_calibration_beside_what_it_has_no_tables_for_is_refused(known, options):
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers")
    from symsched.bridge.adapters.k_diffusion import lazy_sigmas, sample_lazy

    with pytest.raises(ss.InputError, match="its tables are for target auto, kappa 0 and lazy-auto"):
        diffusers.LazyScheduler(calibration=known.to_json(), **options)
    with pytest.raises(ss.InputError, match="its tables are for target auto, kappa 0 and lazy-auto"):
        diffusers.LazyVPScheduler(calibration=known.to_json(), **options)
    sigmas = lazy_sigmas(2, calibration=known, flow=True)
    with pytest.raises(ss.InputError, match="its tables are for target auto, kappa 0 and lazy-auto"):
        sample_lazy(lambda x, _: x, ZERO, sigmas, calibration=known, flow=True, disable=True, **options)


def test_a_kappa_of_0_as_text_keeps_the_calibration(known):
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers")
    found = []
    for kappa in (0, "0"):
        scheduler = diffusers.LazyScheduler(calibration=known.to_json(), kappa=kappa)
        scheduler.set_timesteps(2)
        found.append(scheduler.sigmas.tolist())
    assert found[0] == found[1] == pytest.approx(known.sigmas(2).tolist())


def test_a_calibration_of_another_schedule_is_refused_for_any_number_of_steps(known):
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers")
    with pytest.raises(ss.InputError, match="this calibration is of a model with"):
        diffusers.LazyVPScheduler(calibration=known.to_json()).set_timesteps(5)


def test_a_flow_shift_and_a_shift_are_one():
    diffusers = pytest.importorskip("diffusers")
    from symsched.bridge.adapters.diffusers import LazyScheduler

    flow = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 5.0}
    theirs = diffusers.UniPCMultistepScheduler(**flow)
    lazy = LazyScheduler.from_config(theirs.config)
    assert lazy.config.shift == 5
    again = LazyScheduler.from_config(lazy.config, flow_shift=9.0)
    assert again.config.shift == 9
    assert diffusers.UniPCMultistepScheduler.from_config(again.config).config.flow_shift == 9
    other = LazyScheduler.from_config(theirs.config, shift=1.0)
    assert other.config.shift == 1
    assert diffusers.UniPCMultistepScheduler.from_config(other.config).config.flow_shift == 1
    with pytest.raises(ss.InputError, match="they are one; give either"):
        LazyScheduler.from_config(lazy.config, flow_shift=9.0, shift=2.0)


@pytest.mark.parametrize("rule", ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"])
def test_a_grid_takes_the_place_of_another_rule_for_levels(rule):
    pytest.importorskip("diffusers")
    from symsched.bridge.adapters.diffusers import LazyScheduler

    found = []
    for options in ({}, {rule: True}):
        scheduler = LazyScheduler(grid="angle(rho=2)", **options)
        scheduler.set_timesteps(6)
        found.append(scheduler.sigmas)
    assert torch.equal(*found)


@pytest.mark.parametrize(
    "theirs",
    [{"method": "midpoint"}, {"time_grid": torch.tensor([1.0, 0.0])}, {"return_intermediates": True}, {"atol": 1e-5}],
    ids=lambda theirs: next(iter(theirs)),
)
def test_options_of_the_other_solver_are_refused(theirs):
    matching = pytest.importorskip("symsched.bridge.adapters.flow_matching")
    with pytest.raises(ss.InputError, match="an option of ODESolver"):
        matching.LazySolver(lambda x, **_: -x).sample(ZERO, 1 / 8, **theirs)


@pytest.mark.parametrize("options", [{"foo": 4}, {"steps": 4}, {"conditions": {}}, {"noise": ZERO}])
def test_options_that_the_solver_has_not_are_refused_when_it_is_made(options):
    matching = pytest.importorskip("symsched.bridge.adapters.flow_matching")
    with pytest.raises(ss.InputError, match="LazySolver has no option"):
        matching.LazySolver(lambda x, **_: -x, **options)


@pytest.mark.parametrize(("x", "size", "said"), [(ZERO, None, "step_size = None"), ([0.0], 0.5, "x_init is list")])
def test_what_is_no_noise_or_no_step_is_refused(x, size, said):
    matching = pytest.importorskip("symsched.bridge.adapters.flow_matching")
    with pytest.raises(ss.InputError, match=said):
        matching.LazySolver(lambda x, **_: -x).sample(x, size)


def test_beyond_the_end_there_is_no_velocity_and_the_line_says_what_to_do():
    matching = pytest.importorskip("symsched.bridge.adapters.flow_matching")
    with pytest.raises(ss.InputError, match="take midpoint, rk4 or euler with a step_size"):
        matching.LazyModel(lambda x, **_: -x, "linear", "vp")(x=ZERO, t=torch.tensor(1.0017))
    with pytest.raises(ss.InputError, match="snr: NaN"):
        matching.SymbolicScheduler("linear").snr_inverse(torch.tensor([float("nan")]))


def schedulers():
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers")
    return [
        diffusers.LazyScheduler(),
        diffusers.LazyScheduler(target="linear", solver="euler"),
        diffusers.LazyVPScheduler(prediction_type="sample"),
    ]


def run(scheduler, x, answer, spoilt=None):
    for place, time in enumerate(scheduler.timesteps):
        seen = torch.full_like(x, torch.nan) if place == spoilt else x
        x = scheduler.step(answer, time, seen).prev_sample
    return x


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("k", range(3))
def test_a_state_of_nan_is_told_at_the_end(k, place):
    scheduler = schedulers()[k]
    scheduler.set_timesteps(3)
    x = torch.ones(2, 2)
    with pytest.raises(ss.InputError, match="NaN or infinity"):
        run(scheduler, x, ZERO, place)


def test_noise_of_nan_and_a_state_that_overflows_are_told_at_the_end():
    k = pytest.importorskip("symsched.bridge.adapters.k_diffusion")
    sigmas = k.lazy_sigmas(4, 0.1, 10.0)
    with pytest.raises(ss.InputError, match="in the state or the noise of step 0"):
        k.sample_lazy(
            lambda x, _: x * 0, torch.ones(2, 2), sigmas, kappa=1, disable=True, noise_sampler=lambda *_: ZERO / 0
        )
    scheduler = schedulers()[0]
    scheduler.set_timesteps(3)
    x = torch.full((2, 2), 6e4, dtype=torch.float16)
    with pytest.raises(ss.InputError, match="in the state or the noise"):
        run(scheduler, x, torch.full_like(x, -6e4))


def test_a_run_keeps_no_gradients():
    """As k-diffusion's own samplers."""
    k = pytest.importorskip("symsched.bridge.adapters.k_diffusion")
    weight = torch.ones((), requires_grad=True)
    made = k.sample_lazy(lambda x, _: weight * x * 0, torch.ones(2, 2), k.lazy_sigmas(4), disable=True)
    assert not made.requires_grad


@pytest.mark.parametrize("times", [[1000], [-5], [2000], [3, 4], [float("nan")]])
def test_noise_is_added_at_times_of_the_model_alone(times):
    scheduler = schedulers()[2]
    with pytest.raises(ss.InputError, match="timesteps"):
        scheduler.add_noise(torch.zeros(3, 2), torch.zeros(3, 2), torch.tensor(times))


def test_the_mean_of_other_samples_is_refused(known):
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers")
    field = FlowField(lambda x, _: -x, "linear", shape=(3,))
    with pytest.raises(ss.InputError, match=r"its mean has shape \(2,\), and the samples \(3,\)"):
        sample(field, 4, steps=2, seed=0, calibration=known)
    scheduler = diffusers.LazyScheduler(calibration=known.to_json())
    scheduler.set_timesteps(2)
    with pytest.raises(ss.InputError, match=r"its mean has shape \(2,\), and the samples \(3,\)"):
        scheduler.step(torch.zeros(4, 3), scheduler.timesteps[0], torch.zeros(4, 3))


def test_a_pilot_has_as_many_steps_as_fit_between_the_models_levels():
    """The betas of Stable Diffusion leave no room for 64."""
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers")
    from symsched.bridge import calibrate

    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "prediction_type": "sample"}
    field = diffusers.LazyVPScheduler(**betas).field(lambda x, _: x * 0.5, shape=(2,), dtype=torch.float32)
    assert 16 <= calibrate(field, 8, steps=[1], tries=1).pilot["steps"] < 64


def test_small_things_that_were_tracebacks():
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers")
    with pytest.raises(ss.InputError, match="time = None"):
        FlowField(lambda x, _: x, "linear", time=None)
    with pytest.raises(ss.InputError, match="mu = 'a': expected a number"):
        diffusers.LazyScheduler(use_dynamic_shifting=True).set_timesteps(4, mu="a")
    assert '"indices": [\n    1,\n    2\n  ]' in diffusers.LazyScheduler(indices=np.array([1, 2])).to_json_string()
