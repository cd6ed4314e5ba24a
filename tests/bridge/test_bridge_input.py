"""Bad input: one line that names what was given, what is wrong and what would be right.  Grids and levels."""

import math

import numpy as np
import pytest
from oracle import GAUSSIAN, frame
from torched import torch

import symsched as ss
from symsched.bridge import FlowField, Plan, Row, Slope, Stage, build_plan, calibrate, exact_field, grids, sample
from symsched.bridge.plan import IDENTITY
from symsched.errors import InputError


def model(x, _):
    return 0 * x


FIELD = FlowField(model, shape=(4,))


def raises(match):
    return pytest.raises(InputError, match=match)


# -- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (lambda x, _: x[:, :2], r"returned shape \(2, 2\) for \(2, 4\): expected the same"),
        (lambda x, _: x.double(), "returned torch.float64 for torch.float32: expected the same"),
        (lambda x, _: (x,), "returned tuple: expected a tensor"),
    ],
)
def test_a_model_of_another_shape_or_dtype(bad, match):
    with raises(match):
        sample(FlowField(bad, shape=(4,)), 2, steps=2)


@pytest.mark.parametrize("check", ["end", "step"])
def test_nan_is_told_with_its_step_and_time(check):
    def broken(x, time):
        return torch.where(time[:, None] == 0.5, torch.nan, 0.0) * x

    with raises(r"NaN or infinity at step 2, native time 0\.5, for 2 of 2 samples"):
        sample(FlowField(broken, shape=(4,)), 2, target="linear", solver="euler", steps=4, check=check)


def test_nan_of_one_sample_in_a_later_batch_is_found():
    def broken(x, _):
        return torch.where((x > 2.5).any(1, keepdim=True), torch.inf, 0.0) * x

    with raises(r"NaN or infinity at step \d, native time .*, for 1 of 1 samples"):
        sample(FlowField(broken, shape=(4,)), 200, steps=3, batch=1, seed=0)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: FlowField(model, prediction="velocty"), "unknown prediction 'velocty'; did you mean velocity"),
        (lambda: FlowField(model, "linar"), "linar"),
        (lambda: FlowField(model, guidance=2.0), "guidance = 2.0 without null"),
        (lambda: FlowField(model, time="1000*s"), "s"),
        (
            lambda: exact_field(GAUSSIAN, "linear", "noise").data(torch.zeros(1, 1), 0.0),
            "nothing about the data.*beta = 0",
        ),
    ],
)
def test_a_field_that_cannot_be(make, match):
    with raises(match):
        make()


# -- what is asked of sample -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"steps": 0}, "steps = 0: expected a whole number ≥ 1"),
        ({"steps": 2.5}, "steps = 2.5: expected a whole number ≥ 1"),
        ({"kappa": -1}, "kappa = -1: expected a finite number ≥ 0"),
        ({"kappa": "t"}, "kappa = t: expected a finite number ≥ 0"),
        ({"solver": "unipc4"}, "unknown solver 'unipc4'.*unipc3.*known"),
        ({"solver": "deis(corrected=7)", "kappa": 0}, "solver deis: corrected = 7; expected 1, or 0"),
        ({"solver": "ab2(order=3)"}, "solver ab2 has no option 'order'"),
        ({"solver": "heun", "kappa": 1}, "solver heun is for the ODE, and kappa = 1"),
        ({"solver": "em"}, "solver em is for kappa > 0, and kappa = 0"),
        ({"solver": "em", "kappa": 1, "target": "linear"}, "drift of linear with kappa = 1 is infinite at t = 0"),
        ({"solver": "euler", "target": "follmer"}, "starts at a point, which an ODE cannot leave"),
        ({"grid": "optimal"}, r"grid 'optimal': stds is missing; write optimal\(stds=…\)"),
        ({"grid": "sigmas()"}, r"levels is missing; write sigmas\(levels=…\)"),
        ({"grid": "angel(rho=2)"}, "unknown grid 'angel.*did you mean angle"),
        ({"grid": "shift(s=0)"}, "grid shift: s = 0; expected a number > 0"),
        ({"grid": [0, 0.5, 0.4, 1]}, "expected target times that increase strictly"),
        ({"grid": [0, 0.5, 1], "steps": 5}, "grid of 3 times with steps = 5: expected steps = 2"),
        ({"grid": [0, float("nan"), 1]}, "finite numbers"),
        (
            {"grid": "sigmas([3, 5, 1])", "steps": 3},
            r"sigmas \[3, 5, 1\]: expected noise levels that decrease",
        ),
        ({"grid": "flow([1.5, 1])", "steps": 2}, "of at most 1 that decrease strictly"),
        ({"grid": "karras(sigma_min=9, sigma_max=1)"}, "expected 0 < lower < upper"),
        ({"seed": -1}, "seed = -1: expected a whole number"),
        ({"batch": 0}, "batch = 0: expected a whole number ≥ 1"),
        ({"indices": [1]}, "1 indices for 2 samples"),
        ({"indices": [1, -2]}, "indices: expected whole numbers"),
        ({"check": "never"}, "unknown check 'never' .known: end, step"),
        ({"compile": "all"}, "compile = 'all': expected False, True"),
        ({"device": "tpu9"}, "device = 'tpu9': expected cpu, cuda"),
        ({"dtype": "int8"}, "dtype = 'int8': expected one of float16"),
        ({"target": "lnear"}, "lnear"),
    ],
)
def test_a_wrong_option_is_one_line(options, match):
    with raises(match) as error:
        sample(FIELD, 2, **{"steps": 3, "seed": 0, **options})
    assert "\n" not in str(error.value)


def test_a_device_where_the_model_is_not():
    with raises("device = meta: the model is on cpu; move it there first"):
        sample(FlowField(torch.nn.Linear(4, 4), shape=(4,)), 2, device="meta")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: FlowField(None), r"model = None: expected a function or a module"),
        (lambda: FlowField("digits"), r"model = 'digits': expected a function or a module"),
        (lambda: FlowField(model, shape=3), r"shape = 3: expected the positive sizes of one sample"),
        (lambda: FlowField(model, shape=(-3,)), r"shape = \(-3,\): expected the positive sizes"),
        (lambda: FlowField(model, shape=()), r"shape = \(\): expected the positive sizes"),
        (lambda: sample(model, 2), "field = .*: expected a FlowField, made as FlowField"),
        (lambda: sample(FIELD, 2, plan="euler"), "plan = 'euler': expected a Plan"),
        (lambda: sample(FIELD, 2, calibration="x.json"), r"calibration = 'x.json': expected a Calibration \(Calibr"),
        (lambda: sample(FIELD, 2, solver=None), "solver = 'None': expected a name"),
        (lambda: sample(FIELD, 2, conditions=[1]), r"conditions = '\[1\]': expected a dict"),
        (lambda: sample(FIELD, 2, callback="x"), "callback = 'x': expected a function"),
        (lambda: sample(FIELD, noise=torch.full((2, 4), float("nan"))), "noise: it holds NaN or infinity"),
        (lambda: sample(FIELD, (5, 4), noise=torch.zeros(2, 4)), r"shape = \(5, 4\) and noise of shape \(2, 4\)"),
        (lambda: calibrate(FIELD, 4, steps=2), r"steps = 2: expected a list of whole numbers, steps=\[2\]"),
    ],
    ids=range(14),
)
def test_what_is_of_another_kind_is_one_line(call, match):
    with raises(match) as error:
        call()
    assert "\n" not in str(error.value)


GUIDED = FlowField(lambda x, _, y: x * 0 + y[:, None], shape=(4,), guidance=2.0, null={"y": torch.zeros(1)})


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: sample(FIELD, noise=torch.zeros(2, 5)), r"samples of shape \(5,\), and the field's have \(4,\)"),
        (lambda: sample(FIELD, (2, 5)), r"samples of shape \(5,\), and the field's have \(4,\)"),
        (lambda: calibrate(FIELD, (4, 5), steps=(2,)), r"samples of shape \(5,\), and the field's have \(4,\)"),
        (lambda: sample(GUIDED, 2, steps=2), r"guidance = 2.0 without conditions.*give conditions with y"),
        (lambda: GUIDED.velocity(torch.zeros(2, 4), 0.5), "guidance = 2.0 without conditions"),
        (lambda: sample(GUIDED, 2, conditions={"y": torch.zeros(3)}), r"condition of shape \(3,\) for 2 samples"),
        (lambda: FlowField(model, guidance=float("nan"), null={"y": 0}), "guidance = nan: expected a finite number"),
        (lambda: FlowField(model, guidance="3", null={"y": 0}), "guidance = '3': expected a finite number"),
        (lambda: FlowField(model, guidance=3.0, null=["y"]), "null = .*expected a dict"),
        (lambda: FlowField(model, "edm", "edm", sigma_data=-1), "sigma_data = -1: expected a finite number > 0"),
        (lambda: FlowField(model, device="tpu9"), "device = 'tpu9': expected cpu"),
        (lambda: sample(FlowField(model, shape=(4,), dtype="int8"), 2), "dtype = 'int8': expected one of float16"),
        (
            lambda: sample(FlowField(model, shape=(4,), time="log(t)"), 2),
            "model's time is infinite or NaN at .* time 0",
        ),
        (
            lambda: sample(FlowField(model, shape=(4,), time=lambda t: t[:2]), 2),
            r"time: it made shape \(2,\) of \(8,\)",
        ),
        (lambda: sample(FIELD, 2, device="meta"), "device = meta: it holds shapes and no numbers; use cpu"),
        (lambda: sample(FIELD, 2, indices="ab"), "indices: expected whole numbers"),
        (lambda: sample(FIELD, 2, indices=[2**70, 1]), "indices: expected whole numbers"),
        (lambda: sample(FIELD, 2, indices=2), "indices: expected whole numbers"),
        (lambda: sample(FIELD, 2, indices=(k for k in (1, 2))), "indices: expected whole numbers"),
        (lambda: sample(FIELD, 2, conditions={3: torch.zeros(2)}), "expected a dict of tensors by name"),
        (lambda: sample(FIELD, 2, solver=3), "solver = '3': expected a name"),
    ],
    ids=range(21),
)
def test_what_does_not_fit_the_field(call, match):
    with raises(match) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_count_of_numpy_is_a_count():
    right = sample(FIELD, 2, steps=2, seed=0)
    for shape in (np.int64(2), (np.int64(2), np.int32(4))):
        assert torch.equal(sample(FIELD, shape, steps=2, seed=0), right)


def test_a_condition_for_each_sample_or_one_for_all():
    """One in doubled batches: w (c − 0) of a model that answers with its condition c."""
    x = torch.zeros(2, 4)
    assert GUIDED.output(x, torch.zeros(2), y=torch.tensor([1.0, 2.0]))[:, 0].tolist() == [2.0, 4.0]
    assert GUIDED.output(x, torch.zeros(2), y=torch.tensor([3.0]))[:, 0].tolist() == [6.0, 6.0]


def test_a_flow_level_that_rounding_put_above_one_is_one():
    """np.float32 of a product may be 1 + 1.2e-7; what is farther off is no rounding."""
    levels = np.array([1, 0.5, 0.25])
    found = grids.flow(levels * (1 + 2.0**-23)).times(frame(), 3)
    np.testing.assert_allclose(found, grids.flow(levels).times(frame(), 3), atol=1e-6)
    assert found[0] == 0
    with raises("of at most 1"):
        grids.flow(levels * (1 + 1e-5))


def test_a_count_beside_noise_of_that_count_is_no_conflict():
    assert sample(FIELD, 2, noise=torch.zeros(2, 4), steps=2).shape == (2, 4)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an MPS device")
def test_a_device_that_torch_knows_and_has_not():
    with raises("device = mps: this build of torch cannot use it here; use cpu"):
        sample(FIELD, 2, device="mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_asked_for_and_absent():
    with raises("device = cuda: this machine .* has no CUDA device; use cpu"):
        sample(FIELD, 2, device="cuda")


@pytest.mark.parametrize("shape", [None, 3.5, (3,), (0, 4), "3"])
def test_a_shape_that_is_none(shape):
    with raises("shape|expected"):
        sample(FlowField(model), shape)
    with raises("noise: expected a floating-point tensor"):
        sample(FIELD, noise=torch.zeros(3, 4, dtype=torch.int64))


# -- plans and grids -------------------------------------------------------------------------------------------------


def test_a_plan_that_is_none():
    with raises("this is not a plan"):
        Plan.from_json({"stages": [{}]})
    with raises("no stages"):
        Plan((), 1.0).validate()
    stage = Stage(0.0, 1.0, 0.0, 0.0, IDENTITY, Row(np.inf, (1.0,)))
    with raises("predict.state of step 0 .* is infinite"):
        Plan((stage,), 1.0).validate()
    with raises("coefficients for 4 modes"):
        wide = Stage(0.0, 1.0, 0.0, 0.0, Slope(np.ones(3), 1.0), Row(1.0, (1.0,)))
        sample(FIELD, 2, plan=Plan((wide,), 1.0))
    with raises("expected a square matrix of 4 rows"):
        sample(FIELD, 2, plan=Plan((Stage(0.0, 1.0, 0.0, 0.0, IDENTITY, Row(1.0, (1.0,))),), 1.0, basis=np.eye(3)))


def test_a_table_of_levels_that_is_none():
    good = np.array([0.1, 0.5, 0.9])
    with raises("must increase from noise to data"):
        ss.bridge.TabulatedNative(good, good[::-1], good[::-1])
    with raises("three finite tables of one length"):
        ss.bridge.TabulatedNative(good, good[:2], good)
    native = ss.bridge.TabulatedNative(good, good[::-1], good)
    with raises("needs derivatives, which a table of levels lacks"):
        FlowField(model, native, "velocity").data(torch.zeros(1, 4), 0.5)


def test_a_grid_beyond_the_models_levels():
    with raises("8 steps do not fit between the first and last level of ve"):
        build_plan("ve(sigma_min=1, sigma_max=2)", "linear", steps=8, solver="euler", grid="angle(rho=0.001)")


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        ("uniform", [0, 0.25, 0.5, 0.75, 1]),
        ("shift(s=3)", [0, 0.1, 0.25, 0.5, 1]),  # σ' = 3σ/(1 + 2σ) of σ = 1, ¾, ½, ¼, 0
        ("flow([1, 0.75, 0.5, 0.25])", [0, 0.25, 0.5, 0.75, 1]),
        ("sigmas([3, 1, 0.5, 0.25, 0])", [0.25, 0.5, 2 / 3, 0.8, 1]),
        ("angle(rho=1)", [0, *(np.tan(a) / (1 + np.tan(a)) for a in np.pi / 8 * np.arange(1, 4)), 1]),
        ("logsnr(low=0.1, high=10)", [0, *(r / (1 + r) for r in 10 ** np.linspace(-1, 1, 4)[1:]), 1]),
    ],
)
def test_a_grid_is_what_its_name_says(grid, expected):
    found = grids.as_grid(grid).times(frame(), 4)
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_the_optimal_grid_of_one_mode_is_equal_angles():
    for rho in (1, 20):
        found = grids.as_grid(f"optimal([{rho}, {rho}])").times(frame(), 4)
        np.testing.assert_allclose(found, grids.angle(rho).times(frame(), 4), atol=1e-9)
    apart = grids.as_grid("optimal(stds=[1, 10])").times(frame(), 4)
    assert np.abs(apart - grids.angle(1).times(frame(), 4)).max() > 0.01
    with pytest.raises(ss.InputError, match="not only 0"):
        grids.as_grid("optimal(0)")


def test_a_list_of_noise_levels_is_interpolated_in_its_logarithm():
    found = grids.sigmas([8, 2, 0.5]).times(frame(), 5)
    np.testing.assert_allclose(1 / found[:-1] - 1, [8, 4, 2, 1, 0.5], atol=1e-13)


def test_the_levels_are_those_of_the_conversion():
    setting, times = frame("vp", "linear"), np.linspace(0, 1, 9)
    levels = setting.levels(times)
    tau, scale, *_ = ss.convert(ss.schedules.vp(), ss.schedules.linear()).at(times)
    np.testing.assert_allclose(levels.native, tau, atol=1e-14)
    np.testing.assert_allclose(levels.scale, scale, atol=1e-14)


HUGE = 2_000_000_000
COUNTS = {  # what is asked for, and the one line that says why not
    "steps": (lambda f: sample(f, 2, steps=HUGE), "steps = .*: expected a whole number from 1 to 100000"),
    "samples": (lambda f: sample(f, 10**15), "samples of shape .* need .* GiB and .* are free; ask for fewer"),
    "at once": (lambda f: sample(f, 10**9, batch=10**9), "need .* GiB and .* are free"),
    "pilot": (lambda f: calibrate(f, 10**9), "a pilot of shape .* in 64 steps need .* GiB"),
    "pilot steps": (lambda f: calibrate(f, 4, pilot_steps=HUGE), "pilot_steps = .*: expected a whole number"),
    "tables": (lambda f: calibrate(f, 4, steps=[HUGE]), "steps = .*: expected a whole number from 1"),
    "tries": (lambda f: calibrate(f, 4, tries=HUGE), "tries = .*: expected a whole number from 1"),
    "levels": (lambda _: ss.bridge.lazy_sigmas(HUGE), "n = .*: expected a whole number from 1"),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_beyond_reason_ends_in_one_line(name, monkeypatch):
    monkeypatch.setattr("symsched.given.available", lambda: 16 << 30)
    ask, message = COUNTS[name]
    with pytest.raises(InputError, match=message):
        ask(exact_field(ss.Gaussian(0, 1)))


def test_a_kappa_of_a_thousand_is_soon_planned():
    """In lazy(κ) the ratio is r = (t^(−2/(1+κ)) − 1)^(−1/2), from α² = t^q − t²; linear has β = r/(1 + r)."""
    plan = build_plan("linear", kappa=1000, steps=4)
    for stage, time in zip(plan.stages[1:], (0.25, 0.5, 0.75), strict=True):
        r = math.expm1(-2 * math.log(time) / 1001) ** -0.5
        assert (stage.alpha, stage.beta) == pytest.approx((1 / (1 + r), r / (1 + r)), rel=1e-12)
