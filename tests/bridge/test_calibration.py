"""Calibration: the pilot measures the data, fitted tables beat the methods they contain, and the file is faithful."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from slowness import slow

torch = pytest.importorskip("torch")

import symsched as ss  # noqa: E402
from symsched.bridge import Calibration, FlowField, build_plan, calibrate, exact_field, sample  # noqa: E402
from symsched.bridge.fitting import Fitter, GridShape, LeastSquares  # noqa: E402
from symsched.bridge.pilot import levels_at, run_pilot, spectrum  # noqa: E402
from symsched.bridge.running import Running  # noqa: E402

RING = [[math.cos(a), math.sin(a)] for a in np.arange(8) * math.pi / 4]
LAW = ss.GaussianMixture([1 / 8] * 8, RING, [0.1] * 8)


@pytest.fixture(scope="module")
def field():
    return exact_field(LAW)


@pytest.fixture(scope="module")
def known(field):
    return calibrate(field, 192, steps=(4, 6), tries=12, seed=3)


@pytest.fixture(scope="module")
def judged(field):
    """Fresh noise and converged ends."""
    z = torch.randn(512, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    return z, sample(field, noise=z, target="lazy(kappa=0, rho=1)", steps=300, solver="ab3c")


def psnr(x, y):
    return float(-10 * ((x - y).square().mean() / 4).log10())


def test_the_pilot_measures_the_data(field):
    pilot = run_pilot(field, (4000, 2), 32, Running(seed=1))
    mean, cov = LAW.moments(0.0, 1.0)
    true = math.sqrt(np.trace(cov) / 2)
    assert np.abs(pilot.mean.numpy() - mean).max() < 5 * true / math.sqrt(4000)
    assert abs(pilot.rho / true - 1) < 5 / math.sqrt(2 * 4000)
    assert not abs(pilot.rho / (2 * true) - 1) < 5 / math.sqrt(2 * 4000)  # a scale twice as large is noticed


def test_pilot_paths_are_read_between_their_nodes(field):
    fine, coarse = (run_pilot(field, (16, 2), n, Running(seed=2)) for n in (128, 64))
    angles = np.linspace(0.1, 1.5, 7)
    apart = max(float((fine.at(a) - coarse.at(a)).abs().max()) for a in angles)
    moved = max(float((fine.at(a + 0.02) - fine.at(a)).abs().max()) for a in angles)
    assert apart < moved / 10  # far less than two hundredths of a radian of motion


def test_levels_at_angles_are_the_schedules_own(field):
    angles = np.array([0.3, 0.9, math.pi / 2])
    levels = levels_at(field.native, angles, 0.5)
    assert levels.alpha + levels.times == pytest.approx(1, abs=1e-15)  # the linear schedule
    assert np.tan(angles[:2]) == pytest.approx(0.5 * levels.beta[:2] / levels.alpha[:2], rel=1e-14)
    assert (levels.alpha[2], levels.beta[2], levels.norm[2]) == (0, 1, 0.5)


def test_least_squares_finds_the_coefficients_that_made_the_goal():
    a, b, c = torch.randn(3, 50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    terms = LeastSquares(a)
    terms.add(b)
    terms.add(c)
    assert terms.solve(0.5 * a - 2 * b + 0.1 * c) == pytest.approx((0.5, -2, 0.1), abs=1e-6)
    assert terms.combine((0.5, -2.0, 0.1)).numpy() == pytest.approx((0.5 * a - 2 * b + 0.1 * c).numpy())


@pytest.mark.slow
@pytest.mark.parametrize("steps", [4, 6])
def test_fitted_tables_beat_the_best_adams_method_on_fresh_noise(field, known, judged, steps):
    z, end = judged
    fitted = psnr(sample(field, noise=z, plan=known.plan(field.native, steps)), end)
    adams = max(
        psnr(sample(field, noise=z, target=f"lazy(kappa=0, rho={rho})", steps=steps, solver=solver), end)
        for rho in (0.25, 0.5, 1, 2)
        for solver in ("ab2", "ab2c", "ab3c")
    )
    assert fitted > adams


@pytest.mark.slow
def test_a_sabotaged_table_is_worse(field, known, judged):
    z, end = judged
    table = known.tables[6]
    rows = [list(row) for row in table["rows"]]
    rows[3][-1] *= 1.1
    spoilt = replace(known, tables={6: {**table, "rows": rows}})
    good, bad = (psnr(sample(field, noise=z, plan=c.plan(field.native, 6)), end) for c in (known, spoilt))
    assert good > bad + 3


def test_the_plan_runs_the_table_that_was_fitted(field):
    """The error that the fit reports is the error of its plan on the pilot's own noise."""
    pilot = run_pilot(field, (64, 2), 48, Running(seed=9))
    fit = Fitter(field, pilot, Running()).fit(GridShape(0.4, 1.0, 1.0), 5)
    known = Calibration("linear", pilot.mean.numpy(), pilot.rho, {5: vars(fit)})
    ends = sample(field, noise=pilot.noise, plan=known.plan(field.native, 5))
    goal = pilot.rho * pilot.paths[-1] + pilot.mean
    assert float((ends - goal).square().mean().sqrt()) == pytest.approx(fit.error, rel=1e-9)
    assert float((ends - goal).square().mean(1).sqrt().mean()) == pytest.approx(fit.typical, rel=1e-9)


@pytest.mark.parametrize(("schedule", "prediction"), [slow("ddpm", "noise"), ("edm", "data"), slow("vp", "v")])
def test_other_models_are_calibrated_too(schedule, prediction):
    other = exact_field(LAW, schedule, prediction)
    known = calibrate(other, 128, steps=(6,), tries=8)
    z = torch.randn(256, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    end = sample(other, noise=z, target="lazy(kappa=0, rho=1)", steps=300, solver="ab3c", grid="logsnr(0.02, 200)")
    fitted = psnr(sample(other, noise=z, steps=6, calibration=known), end)
    assert fitted > psnr(
        sample(other, noise=z, target="lazy(kappa=0, rho=1)", steps=6, solver="ab2c", grid="logsnr(0.02, 200)"), end
    )


def test_lazy_auto_uses_the_table_only_where_it_applies(field, known):
    assert "calibrated" in build_plan(field.native, steps=6, calibration=known).label
    for other in (
        {"steps": 5},
        {"steps": 6, "solver": "ab2c"},
        {"steps": 6, "grid": "uniform"},
        {"steps": 6, "kappa": 1},
    ):
        assert "calibrated" not in build_plan(field.native, calibration=known, **other).label
    assert "calibrated" not in build_plan(field.native, steps=6).label


def test_a_network_that_could_be_trained_keeps_no_graph():
    """Its parameters want gradients; the pilot and the fit ask for none."""
    network, asked = torch.nn.Linear(2, 2).double(), []

    def velocity(x, time):  # noqa: ARG001
        asked.append(torch.is_grad_enabled())
        return network(x)

    calibrate(FlowField(velocity, "linear", "velocity", shape=(2,), dtype=torch.float64), 4, steps=(2,), tries=1)
    assert asked
    assert not any(asked)


def test_a_field_carries_its_calibration(field, known):
    z = torch.randn(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    own = exact_field(LAW)
    own.calibration = known
    assert torch.equal(sample(own, noise=z, steps=6), sample(field, noise=z, steps=6, calibration=known))
    assert torch.equal(sample(own, noise=z, steps=6, calibration=False), sample(field, noise=z, steps=6))


def test_sample_calibrates_where_it_is_asked_to(judged):
    """Once for each number of steps; the next call, and the other count, find what is there."""
    z, end = judged
    asked, own = [], exact_field(LAW)
    inner = own.model
    own.model = lambda *given: asked.append(1) or inner(*given)
    plain = psnr(sample(own, noise=z, steps=6), end)
    first = sample(own, noise=z, steps=6, calibration=True)
    assert psnr(first, end) > plain + 3
    asked.clear()
    assert torch.equal(sample(own, noise=z, steps=6, calibration=True), first)
    assert len(asked) == 6
    sample(own, noise=z, steps=4, calibration=True)
    asked.clear()
    assert torch.equal(sample(own, noise=z, steps=6, calibration=True), first)
    assert len(asked) == 6
    assert own.calibration is None  # the field is the caller's


@pytest.mark.slow
@pytest.mark.parametrize("prediction", ["noise", slow("score")])
def test_models_that_say_nothing_at_the_start_are_asked_from_later_on(prediction, judged):
    """Noise and score of the linear schedule have no data in them at t = 0: they begin at r = 0.01."""
    z, _ = judged
    silent, telling = exact_field(LAW, "linear", prediction), exact_field(LAW)
    assert silent.native.span[0] == 0.01
    assert telling.native.span[0] == 0
    with pytest.raises(ss.InputError, match="says nothing"):
        silent.data(z, 0.0)
    end = sample(telling, noise=z, target="lazy(kappa=0, rho=1)", steps=300, solver="ab3c")
    known = calibrate(silent, 128, steps=(6,), tries=8)
    assert psnr(sample(silent, noise=z, steps=6, calibration=known), end) > psnr(sample(telling, noise=z, steps=6), end)


def test_spectral_steps_are_exact_for_gaussian_data_with_that_spectrum():
    """Images with independent cosine modes: one step gives the data its covariance; a wrong spectrum is noticed."""
    from symsched.bridge.basis import cosines
    from symsched.bridge.levels import as_native

    scales = np.array([[2.0, 0.7], [0.5, 0.1]])
    basis = np.kron(cosines(2), cosines(2))
    law = ss.Gaussian([0.3, 0, 0, 0], (basis @ np.diag(scales.ravel() ** 2) @ basis.T).tolist())
    flat = exact_field(law)

    def estimate(x, time):
        return flat.data(x.flatten(1), float(time[0])).reshape(x.shape)

    images = ss.bridge.FlowField(estimate, "linear", "data", shape=(1, 2, 2), dtype=torch.float64)
    mean = np.array([[[0.3, 0], [0, 0]]])
    z = torch.randn(5, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    exact = torch.tensor(mean) + torch.tensor((z.flatten(1).numpy() @ basis * scales.ravel()) @ basis.T).reshape(
        z.shape
    )
    for steps in (1, 3):
        known = Calibration("linear", mean, 1.0, {}, scales)
        assert torch.allclose(
            sample(images, noise=z, plan=known.spectral(as_native("linear"), steps)), exact, atol=1e-12
        )
    wrong = Calibration("linear", mean, 1.0, {}, scales[::-1].copy())
    assert not torch.allclose(sample(images, noise=z, plan=wrong.spectral(as_native("linear"), 1)), exact, atol=1e-2)
    assert spectrum(exact, torch.tensor(mean)).shape == (2, 2)


def test_the_file_is_faithful(field, known, tmp_path):
    path = tmp_path / "ring.json"
    known.save(path)
    again = Calibration.load(path)
    z = torch.randn(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    for steps in known.tables:
        first, second = (sample(field, noise=z, plan=c.plan(field.native, steps)) for c in (known, again))
        assert torch.allclose(first, second, atol=2e-5)  # the mean is written with five digits
    assert json.dumps(again.to_json()["tables"]) == json.dumps(known.to_json()["tables"])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: d.update(format="another"), "this is not a calibration"),
        (lambda d: d.pop("rho"), "this is not a calibration"),
        (lambda d: d["tables"]["6"]["rows"].pop(), "other sizes"),
        (lambda d: d["tables"]["6"]["angles"].reverse(), "do not increase"),
        (lambda d: d.update(mean=[math.nan]), "not finite"),
    ],
)
def test_another_file_is_refused(known, tmp_path, spoil, said):
    document = json.loads(json.dumps(known.to_json()))
    spoil(document)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ss.InputError, match=said):
        Calibration.load(path)


def test_bad_input(field, tmp_path):
    for change, said in (
        ({"steps": (0,)}, "steps = 0"),
        ({"pilot_steps": 3}, "pilot_steps = 3"),
        ({"tries": 0}, "tries = 0"),
    ):
        with pytest.raises(ss.InputError, match=said):
            calibrate(field, 8, **{"steps": (2,), **change})
    with pytest.raises(ss.InputError, match="count = 1"):
        calibrate(field, 1)
    with pytest.raises(ss.InputError, match="cannot read"):
        Calibration.load(tmp_path / "none.json")
    with pytest.raises(ss.InputError, match="cannot write"):
        Calibration("linear", np.zeros(1), 1.0, {}).save(tmp_path / "no" / "where.json")
    with pytest.raises(ss.InputError, match="spectrum"):
        Calibration("linear", np.zeros(1), 1.0, {}).spectral(field.native, 2)
    with pytest.raises(ss.InputError, match="no table for 6"):
        Calibration("linear", np.zeros(1), 1.0, {}).sigmas(6)


def test_levels_for_other_software(known):
    sigmas = known.sigmas(6)
    assert sigmas[0] == 1
    assert sigmas[-1] == 0
    assert len(sigmas) == 7
    assert (np.diff(sigmas) < 0).all()


# -- units -----------------------------------------------------------------------------------------------------------


def in_units(unit, centre=0.0):
    """A mixture with modes at −1 and 1 about `centre`, of deviation 0.2, all of it in this unit."""
    means, stds = [[unit * (centre - 1)], [unit * (centre + 1)]], [0.2 * unit] * 2
    return exact_field(ss.GaussianMixture([3 / 10, 7 / 10], means, stds))


@pytest.mark.slow
@pytest.mark.parametrize(("unit", "centre"), [slow(1e-4, 0), slow(1e4, 0), (1e-4, 100), slow(1.0, 100)])
def test_a_calibration_knows_no_units(unit, centre):
    """Data of another size, or far from 0, are the same data: ρ, errors and levels scale.  ρ came out as 1e-8 of what
    it is, in silence, where the grid of the pilot ended before the data began."""
    deviation = math.sqrt(0.2**2 + 1 - 0.4**2)
    own, other = (calibrate(in_units(*where), 48, steps=[6], tries=8, seed=1) for where in ((1.0,), (unit, centre)))
    assert abs(other.rho / unit / deviation - 1) < 4 / math.sqrt(2 * 48)
    assert other.rho / unit == pytest.approx(own.rho, rel=1e-3)
    assert other.tables[6]["error"] / unit < 3 * own.tables[6]["error"]
    z = torch.randn(64, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    kept = Calibration.from_json(json.loads(json.dumps(other.to_json())))
    ends = [
        (sample(in_units(*where), noise=z, steps=6, calibration=known) - centre * unit * (where != (1.0,))) / where[0]
        for where, known in (((1.0,), own), ((unit, centre), other), ((unit, centre), kept))
    ]
    assert psnr(ends[1], ends[0]) > 30
    assert torch.allclose(ends[2], ends[1], atol=1e-4)  # the file's digits are those of the data


def test_a_scale_that_is_not_found_is_said(monkeypatch):
    monkeypatch.setattr("symsched.bridge.pilot.AGAIN", 1)
    with pytest.raises(ss.InputError, match="found no scale of the data in 1 runs"):
        calibrate(in_units(1e-4), 8, steps=[2], tries=1)
