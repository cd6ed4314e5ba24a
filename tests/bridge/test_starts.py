"""Where a model can first be asked: sources that begin at a point or too slowly, betas whose last level has no data.

For data N(m, s²) the ODE carries quantiles: from α₀ z at r₀ = β₀/α₀, whose law there is N(β₀ m, α₀² + β₀² s²),
to m + s (z − r₀ m)/√(1 + r₀² s²); for r₀ = 0 to m + s z.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from oracle import GAUSSIAN, MEAN, STD, Z
from torched import torch

import symsched as ss
from symsched.bridge import FlowField, TabulatedNative, build_plan, calibrate, exact_field, sample
from symsched.bridge.levels import FAINTEST, as_native
from symsched.bridge.prediction import relation_at

SLOW = ("sigmoid", "polynomial(p=3)", "alpha=1-t^2; beta=t^2", "alpha=sqrt(1-t); beta=sqrt(t)")
POINTS = ("follmer", "alpha=t*(1-t); beta=t^2", "alpha=sqrt(t)*(1-t); beta=t")
PREDICTIONS = ("velocity", "data", "v", "noise", "score", "edm")


def ends(field, steps=48):
    return sample(field, noise=torch.as_tensor(Z), steps=steps, target="lazy(kappa=0, rho=1)", solver="ab3c").numpy()


def expected(field):
    least = field.native.span[0]
    return MEAN + STD * (Z - least * MEAN) / np.sqrt(1 + (least * STD) ** 2)


BEGINNINGS = [(s, p) for s in POINTS for p in ("velocity", "data", "v")] + [(s, "velocity") for s in SLOW]


@pytest.mark.parametrize(("source", "prediction"), [*BEGINNINGS, ("sigmoid", "data")])
def test_a_source_that_begins_at_a_point_or_slowly_is_sampled(source, prediction):
    field = exact_field(GAUSSIAN, source, prediction)
    late = source in POINTS or prediction == "velocity"
    assert field.native.span[0] == (FAINTEST if late else 0)
    np.testing.assert_allclose(ends(field), expected(field), atol=1e-4)
    assert np.abs(ends(exact_field(ss.Gaussian(MEAN + 0.1, STD), source, prediction)) - expected(field)).max() > 0.05


def random_sources(count):
    draw = random.Random(13)
    for _ in range(count):
        noise, data = draw.choice([1, 2, "3/2"]), draw.choice([1, 2, 3, "1/2"])
        start = draw.choice(["", "", "t*", "sqrt(t)*"])
        lead = {"": 0, "t*": 1, "sqrt(t)*": 0.5}[start]
        if {"1/2": 0.5}.get(data, data) > lead:  # β/α must begin at 0
            yield f"alpha={start}(1-t)^({noise}); beta=t^({data})", draw.choice(PREDICTIONS)


@pytest.mark.parametrize(("source", "prediction"), list(random_sources(8)))
def test_random_sources(source, prediction):
    field = exact_field(GAUSSIAN, source, prediction)
    np.testing.assert_allclose(ends(field), expected(field), atol=2e-3)


def test_a_plan_of_a_source_that_begins_at_a_point():
    assert build_plan("follmer", "lazy(kappa=0)", steps=4, solver="ab2c").stages[0].beta > 0


@pytest.mark.parametrize("source", ["sigmoid", "polynomial(p=3)"])
def test_a_velocity_that_says_nothing_is_not_read(source):
    """β̇ = 0 or ∞ at β = 0: D = p x + q b would be infinite, or 0 whatever the data."""
    with pytest.raises(ss.InputError, match="velocity says nothing about the data at t = 0"):
        relation_at(as_native(source), "velocity", np.zeros(1))
    assert relation_at(as_native("cosine"), "v", np.ones(1)) == [(pytest.approx(1), pytest.approx(0, abs=1e-12))]


# -- betas whose last level has no data ------------------------------------------------------------------------------


def kept():
    """ᾱ rescaled to a terminal ratio of 0, as arXiv:2305.08891 has it."""
    root = np.sqrt(np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)))
    return ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2


def network(prediction, steps):
    """The exact network of N(m, s²) at whole timesteps."""
    signal = kept()

    def answer(x, timestep):
        steps.append(float(timestep))
        beta = np.sqrt(signal[int(timestep)])
        alpha = np.sqrt(1 - signal[int(timestep)])
        data = torch.as_tensor(GAUSSIAN.eta_x_at(alpha, beta, x.numpy()[:, 0]))[:, None]
        return data if prediction == "sample" else beta * (x - beta * data) / alpha - alpha * data

    return answer


@pytest.mark.parametrize("kappa", [0, 1])
@pytest.mark.parametrize("prediction", ["sample", "v_prediction"])
def test_zero_terminal_ratio(prediction, kappa):
    """At α = 1 the answer fixes the data: D = out, and D = −out for v.  The end is m + s z; with κ = 1 the law is."""
    pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")
    from symsched.bridge.adapters.diffusers import LazyVPScheduler

    options = {"rescale_betas_zero_snr": True, "prediction_type": prediction, "kappa": kappa, "seed": 5}
    scheduler, asked = LazyVPScheduler(**options), []
    scheduler.set_timesteps(100)
    z = torch.as_tensor(Z) if kappa == 0 else torch.zeros(4000, 1, dtype=torch.float64)
    x, model = z, network(prediction, asked)
    for time in scheduler.timesteps:
        x = scheduler.step(model(x, time), time, x).prev_sample
    assert asked[0] == 999
    if kappa == 0:
        np.testing.assert_allclose(x, MEAN + STD * Z, atol=2e-3)
    else:
        count = len(x)
        assert abs(float(x.mean()) - MEAN) < 4 * STD / np.sqrt(count) + 0.01
        assert abs(float(x.std()) - STD) < 4 * STD / np.sqrt(2 * count) + 0.01


def test_noise_predictions_at_a_zero_ratio_are_refused():
    pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")
    from symsched.bridge.adapters.diffusers import LazyVPScheduler

    with pytest.raises(ss.InputError, match=r"'epsilon': a noise prediction says nothing.*v_prediction"):
        LazyVPScheduler(rescale_betas_zero_snr=True)


def test_a_table_that_begins_without_data():
    """Between the first two levels r is linear in time; elsewhere it is the table without that level."""
    root = np.sqrt(kept()[::-1])
    whole = TabulatedNative(np.arange(1000.0), np.sqrt(1 - root**2), root)
    later = TabulatedNative(np.arange(1.0, 1000.0), np.sqrt(1 - root[1:] ** 2), root[1:])
    assert whole.span[0] == 0
    times = np.array([0, 0.25, 0.5, 1, 1.5, 3, 998.5, 999])
    alpha, beta = whole.at(times)
    np.testing.assert_allclose(beta[:4] / alpha[:4], np.array([0, 0.25, 0.5, 1]) * root[1] / np.sqrt(1 - root[1] ** 2))
    np.testing.assert_allclose(np.hypot(alpha, beta), 1, atol=1e-12)
    np.testing.assert_allclose(whole.find(beta / alpha)[0], times, atol=1e-9)
    np.testing.assert_allclose(whole.at(times[3:]), later.at(times[3:]), rtol=1e-12)
    with pytest.raises(ss.InputError, match="must be positive at every level"):
        TabulatedNative(np.arange(3.0), np.array([1.0, 1.0, 0.5]), np.array([0.0, 0.0, 0.5]))


@pytest.mark.slow
def test_a_calibration_of_such_a_model():
    """Its own sampler, by a field of the table, begins at pure noise."""
    root = np.sqrt(kept()[::-1])
    native = TabulatedNative(np.arange(1000.0), np.sqrt(1 - root**2), root)
    exact = exact_field(GAUSSIAN, native, "v")
    field = FlowField(exact.model, native, "v", shape=(1,), dtype=torch.float64)
    found = sample(field, noise=torch.as_tensor(Z), steps=6, calibration=True)
    assert calibrate(field, 64, steps=[6]).from_noise(6) is False  # the first level is fitted too
    np.testing.assert_allclose(found, MEAN + STD * Z, atol=0.02)
