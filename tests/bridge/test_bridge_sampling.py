"""Noise that belongs to samples, batches, dtypes, compilation, trajectories, guidance, and native schedules."""

import json
from dataclasses import replace

import numpy as np
import pytest
from oracle import GAUSSIAN, MEAN, MIXTURE, STD, quantile_map, run
from scipy import stats
from slowness import slow
from torched import torch

import symsched as ss
from symsched.bridge import Calibration, FlowField, Plan, Sampler, build_plan, exact_field, sample
from symsched.bridge.noise import normal, philox
from symsched.verdicts import correlation_p_value, derived_seed, sample_ks_p_value, sequential

SHAPE = (3, 8, 8)
SDE = {"target": "lazy(kappa=1)", "kappa": 1, "solver": "sde-dpmpp", "steps": 4}


class Network(torch.nn.Module):
    """A small convolution that knows the time and a label."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.label = torch.nn.Embedding(4, 3)

    def forward(self, x, time, y=None):
        shift = 0 if y is None else self.label(y)[:, :, None, None]
        return torch.tanh(self.inner(x) + shift) * time.to(x.dtype)[:, None, None, None]


@pytest.fixture
def field():
    with torch.no_grad():
        yield FlowField(Network().eval(), "linear", shape=SHAPE)


# -- noise -----------------------------------------------------------------------------------------------------------

KNOWN = [  # the known answers of the authors' Random123 library
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_known_answers(counter, key, answer):
    assert tuple(int(word) for word in philox(tuple(map(torch.tensor, counter)), key)) == answer


def test_the_noise_is_standard_normal_and_independent():
    def law(size, seed):
        drawn = normal(seed % 2**63, torch.arange(size // 50), 1, (50,), torch.float64)
        return sample_ks_p_value(drawn.numpy().ravel(), stats.norm.cdf)

    def too_wide(size, seed):
        drawn = normal(seed % 2**63, torch.arange(size // 50), 1, (50,), torch.float64)
        return sample_ks_p_value(1.02 * drawn.numpy().ravel(), stats.norm.cdf)

    def neighbours(size, seed):
        numbers = torch.arange(size // 50)
        one, other = (
            normal(seed % 2**63, numbers + shift, step, (50,), torch.float64) for shift, step in ((0, 1), (1, 1))
        )
        later = normal(seed % 2**63, numbers, 2, (50,), torch.float64)
        pairs = [(one, other), (one, later), (one[:, :-1], one[:, 1:])]
        return min(1.0, len(pairs) * min(correlation_p_value(a.flatten(), b.flatten()) for a, b in pairs))

    assert sequential(law, level=1e-6)
    assert sequential(neighbours, level=1e-6)
    assert not sequential(too_wide, size=200_000)


@pytest.mark.parametrize("options", [{"steps": 3}, SDE], ids=["ode", "sde"])
def test_a_sample_does_not_depend_on_its_batch(field, options):
    whole = sample(field, 7, seed=11, **options)
    for batch in (1, 3):
        torch.testing.assert_close(sample(field, 7, seed=11, batch=batch, **options), whole, atol=2e-6, rtol=0)
    shard = sample(field, 3, seed=11, indices=[5, 6, 2**33], **options)
    torch.testing.assert_close(shard[:2], whole[5:], atol=2e-6, rtol=0)
    assert (sample(field, 7, seed=12, **options) - whole).abs().max() > 0.1
    assert (shard[2] - whole[0]).abs().max() > 0.1


def test_without_a_seed_every_run_differs(field):
    assert (sample(field, 1, steps=1) - sample(field, 1, steps=1)).abs().max() > 0.1


# -- the loop --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prediction", ["data", "velocity", "v"])
def test_the_torch_loop_is_the_numpy_loop(prediction):
    plan = build_plan("linear", "lazy(kappa=0, rho=2)", steps=5, solver="ab3c")
    z = np.random.default_rng(0).standard_normal((6, 1))
    found = sample(exact_field(MIXTURE, "linear", prediction), noise=torch.as_tensor(z), plan=plan)
    np.testing.assert_allclose(found.numpy(), run(plan, MIXTURE, z), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("source", "prediction", "grid"),
    [
        ("linear", "velocity", None),
        ("vp", "v", None),
        ("ddpm", "noise", None),
        ("ddpm", "score", None),
        ("edm", "data", "karras(sigma_min=0.002, sigma_max=80)"),
        slow("edm", "edm", "karras(sigma_min=0.002, sigma_max=80)"),
        ("ve", "noise", "logsnr(low=0.02, high=100)"),
    ],
)
def test_every_native_schedule_reaches_the_endpoint(source, prediction, grid):
    """One law, one noise: all sources agree on the image, up to what their truncation leaves out."""
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    field = exact_field(GAUSSIAN, source, prediction)
    found = sample(field, noise=z, target="auto", solver="ab3c", steps=40, grid=grid)
    assert (found - (MEAN + STD * z)).abs().max() < 0.02


def test_the_discrete_table_of_ddpm_is_a_source():
    betas = np.linspace(1e-4, 0.02, 1000)
    signal = np.sqrt(np.cumprod(1 - betas))[::-1]
    native = ss.bridge.TabulatedNative(np.arange(1000.0), np.sqrt(1 - signal**2), signal)
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    found = sample(exact_field(GAUSSIAN, native, "noise"), noise=z, solver="ab3c", steps=40)
    assert (found - (MEAN + STD * z)).abs().max() < 0.02
    indices = FlowField(lambda x, _: x, native, "noise", time="999 - t").model_times(native.find([0, 1, np.inf])[0])
    assert indices[0] == 999
    assert indices[-1] == 0
    ratio = signal[::-1] / np.sqrt(1 - signal[::-1] ** 2)
    assert ratio[int(indices[1])] > 1 > ratio[int(indices[1]) + 1]


def test_the_model_sees_its_own_times():
    seen = []

    def model(x, time):
        seen.append(time)
        return 0 * x

    sample(FlowField(model, "linear", time="1000*(1-t)"), (2, 4), target="linear", solver="euler", steps=4)
    assert [float(t[0]) for t in seen] == [1000, 750, 500, 250]
    assert all(t.shape == (2,) for t in seen)


def test_half_precision_models_keep_a_float32_state(field):
    exact = sample(field, 4, seed=1, steps=6)
    for name in ("bfloat16", "float16"):
        half = FlowField(Network().to(getattr(torch, name)).eval(), "linear", shape=SHAPE)
        assert half.dtype == getattr(torch, name)
        found = sample(half, 4, seed=1, steps=6)
        assert found.dtype == torch.float32
        assert (found - exact).abs().max() < 0.05
    assert sample(field, 4, seed=1, steps=6, dtype="float32").dtype == torch.float32


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"steps": 3}, SDE], ids=["ode", "sde"])
def test_the_whole_loop_is_one_graph(field, options):
    plan = build_plan("linear", **options)
    sampler, numbers = Sampler(field, plan, SHAPE, seed=3), torch.arange(2)
    compiled = torch.compile(sampler.__call__, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(numbers), sampler(numbers), atol=1e-6, rtol=0)


def test_a_callback_and_a_trajectory_see_each_step(field):
    steps = []
    images, path = sample(field, 5, seed=2, steps=3, batch=2, trajectory=True, callback=steps.append)
    assert [step.index for step in steps] == [0, 1, 2] * 3
    assert path.states.shape == (4, 5, *SHAPE)
    assert path.times[0] == 0
    assert path.times[-1] == 1
    assert torch.equal(path.states[-1], images)
    torch.testing.assert_close(path.states[0], normal(2, torch.arange(5), 0, SHAPE))


# -- conditions ------------------------------------------------------------------------------------------------------


def test_conditions_are_split_with_the_samples(field):
    labels = torch.tensor([0, 1, 2, 3, 0])
    whole = sample(field, 5, seed=1, steps=2, conditions={"y": labels})
    torch.testing.assert_close(sample(field, 5, seed=1, steps=2, batch=2, conditions={"y": labels}), whole)
    assert (sample(field, 5, seed=1, steps=2, conditions={"y": labels.flip(0)}) - whole).abs().max() > 1e-3


def test_guidance_is_the_textbooks_combination(field):
    labels, null = torch.tensor([1, 2]), torch.tensor([0])
    guided = FlowField(field.model, "linear", guidance=2.5, null={"y": null})
    x, time = torch.randn(2, *SHAPE), torch.full((2,), 0.5)
    expected = field.model(x, time, null.expand(2)) * (1 - 2.5) + 2.5 * field.model(x, time, labels)
    torch.testing.assert_close(guided.output(x, time, y=labels), expected)


# -- fields ----------------------------------------------------------------------------------------------------------

PREDICTIONS = ("velocity", "data", "noise", "score", "v", "edm")


@pytest.mark.parametrize("source", ["linear", "vp", "ddpm", slow("edm")])
def test_every_prediction_tells_every_field(source):
    schedule, x = ss.schedules.from_text(source), np.linspace(-1, 1, 5)
    for time in (0.3, 0.8):
        a, b, a_dot, b_dot = (float(v) for v in schedule.at(time))
        exact = {
            "data": MIXTURE.eta_x_at(a, b, x),
            "noise": MIXTURE.eta_z_at(a, b, x),
            "score": MIXTURE.score_at(a, b, x),
            "velocity": MIXTURE.velocity_at(a, b, a_dot, b_dot, x),
        }
        for prediction in PREDICTIONS:
            field = exact_field(MIXTURE, source, prediction)
            for name, expected in exact.items():
                found = getattr(field, name)(torch.as_tensor(x)[:, None], time).numpy()[:, 0]
                np.testing.assert_allclose(found, expected, atol=1e-9 * max(1, np.abs(expected).max()), rtol=0)


def test_a_wrong_prediction_is_told_apart():
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    right = exact_field(GAUSSIAN, "linear", "velocity")
    wrong = FlowField(right.model, "linear", "data", dtype=torch.float64)
    assert (sample(wrong, noise=z, steps=20) - (MEAN + STD * z)).abs().max() > 0.1


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_plan_survives_json():
    plan = build_plan("linear", steps=4, solver="unipc3")
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("basis", ["dct", "matrix"])
def test_a_basis_with_equal_coefficients_changes_nothing(field, basis):
    plan = build_plan("linear", steps=3, solver="ab2c")
    size = 64 if basis == "dct" else 192
    chosen = "dct" if basis == "dct" else np.linalg.qr(np.random.default_rng(0).standard_normal((size, size)))[0]
    stages = [
        replace(s, predict=replace(s.predict, data=(np.full(size, s.predict.data[0]), *s.predict.data[1:])))
        for s in plan.stages
    ]
    spectral = replace(plan, stages=tuple(stages), basis=chosen)
    expected = sample(field, 2, seed=1, plan=plan)
    torch.testing.assert_close(sample(field, 2, seed=1, plan=spectral), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("prediction", ["data", "velocity"])
def test_with_its_mean_taken_out_a_law_may_stand_anywhere(prediction):
    """Moved data, less their mean, are the same data: the same errors to the last bits, far from the origin too."""
    plan, z = build_plan("linear", steps=4, solver="ab3c"), torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    moved = ss.GaussianMixture(MIXTURE.weights, [m + 5 for m in MIXTURE.means], MIXTURE.stds)
    expected = sample(exact_field(MIXTURE, "linear", prediction), noise=z, plan=plan) + 5
    centred = sample(exact_field(moved, "linear", prediction), noise=z, plan=replace(plan, mean=np.array([5.0])))
    torch.testing.assert_close(centred, expected, atol=1e-9, rtol=0)
    assert (sample(exact_field(moved, "linear", prediction), noise=z, plan=plan) - expected).abs().max() > 0.01


# -- invariants ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 5])
def test_converting_to_the_schedule_itself_changes_nothing(field, steps):
    z = torch.randn(3, *SHAPE)
    found = sample(field, noise=z, target="linear", solver="euler", steps=steps)
    x = z
    for k in range(steps):
        x = x + (1 / steps) * field.output(x, torch.full((3,), k / steps))
    torch.testing.assert_close(found, x, atol=1e-6, rtol=0)
    other = sample(field, noise=z, target="vp", solver="euler", steps=steps)
    assert steps == 1 or (other - x).abs().max() > 1e-4


@pytest.mark.parametrize("middle", ["vp", "lazy(kappa=0, rho=2)", "lazy(kappa=1)"])
def test_there_and_back_again_is_the_same_path(middle):
    """A → B → A: the model's path, converted to another schedule and back."""
    plan = build_plan("linear", "vp", steps=6, solver="midpoint")
    z = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    _, path = sample(exact_field(MIXTURE), noise=z, plan=plan, trajectory=True)
    there = ss.convert(ss.schedules.linear(), ss.schedules.from_text(middle))
    states = path.states[1:, :, 0].numpy()  # a point start would forget where it came from
    times = path.times[1:]
    in_middle = there.path(times, states)
    times_back, states_back = there.inverse().path(*in_middle)
    np.testing.assert_allclose(times_back, times, atol=1e-12)
    np.testing.assert_allclose(states_back, states, atol=1e-11)


@pytest.mark.parametrize("target", ["linear", slow("vp"), slow("lazy(kappa=0, rho=1/2)")])
def test_every_schedule_has_the_same_endpoint_map(target):
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    exact = quantile_map(MIXTURE, z.numpy())
    field, errors = exact_field(MIXTURE), []
    for steps in (32, 64, 128):
        found = sample(field, noise=z, target=target, solver="heun", steps=steps)
        errors.append(np.abs(found.numpy() - exact).max())
    assert np.log2(errors[1] / errors[2]) > 1.75
    wrong = sample(field, noise=1.01 * z, target=target, solver="heun", steps=128)
    assert np.abs(wrong.numpy() - exact).max() > 3 * errors[2]


def mixture_cdf(x):
    return sum(float(p.weight) * stats.norm.cdf((x - float(p.mean)) / float(p.std)) for p in MIXTURE.components())


def marginal_test(options, spoil=None):
    plan = build_plan("linear", **options)
    if spoil is not None:
        stages = [replace(s, predict=replace(s.predict, noise=spoil * s.predict.noise)) for s in plan.stages]
        plan = replace(plan, stages=tuple(stages))
    field = exact_field(MIXTURE)

    def test(size, seed):
        drawn = sample(field, size, plan=plan, seed=derived_seed(seed, 0))
        return sample_ks_p_value(drawn.numpy()[:, 0], mixture_cdf)

    return test


@pytest.mark.slow
@pytest.mark.parametrize("kappa", [slow("1/4"), 1])
def test_the_marginals_are_right_on_a_mixture_at_any_kappa(kappa):
    target = f"lazy(kappa={kappa})"
    options = {"target": target, "kappa": kappa, "solver": "lazy", "steps": 300}
    assert sequential(marginal_test(options), size=4000, growth=2)
    assert not sequential(marginal_test(options, spoil=2**0.5), size=4000, growth=2)


# -- waiting for the device ------------------------------------------------------------------------------------------


TABLE = {"angles": (0.5, 1.0, np.pi / 2), "rows": [(1.0,), (0.6, 0.5), (0.1, -0.5, 1.5)]}
FITTED = {"steps": 2, "calibration": Calibration("linear", np.full(SHAPE, 0.1), 0.5, {2: TABLE})}
LOOPS = {"ab": {"steps": 3}, "unipc": {"steps": 3, "solver": "unipc3"}, "sde": SDE, "fitted": FITTED}


@pytest.mark.parametrize("options", LOOPS.values(), ids=LOOPS)
def test_the_loop_never_looks_at_a_number(options):
    """On torch's meta device tensors have no values: whatever waited for one, or branched on it, would fail."""
    field = FlowField(Network().to("meta").eval(), "linear", shape=SHAPE)
    sampler, numbers = Sampler(field, build_plan("linear", **options), SHAPE), torch.arange(2, device="meta")
    assert sampler(numbers).shape == (2, *SHAPE)
    inner = field.model
    field.model = lambda x, time: inner(x, time) if bool((x > 0).any()) else x
    with pytest.raises(RuntimeError, match="meta"):
        sampler(numbers)
