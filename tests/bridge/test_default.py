"""What `sample` does when it is told nothing: where the levels go, and what that is worth on narrow modes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracle import frame
from torched import torch

import symsched as ss
from symsched.bridge import Calibration, build_plan, digits, exact_field, grids, sample
from symsched.bridge.levels import TabulatedNative

LINEAR = {"solver": "unipc3", "target": "linear", "calibration": False}  # UniPC-3 on a flow's equal steps
COUNTS = (4, 6, 8, 12)
RING = ss.GaussianMixture(
    [1 / 8] * 8, [[0.8 * math.cos(a), 0.8 * math.sin(a)] for a in np.arange(8) * math.pi / 4], [0.08] * 8
)
CLOUDS = ss.GaussianMixture([0.5, 0.5], [[0.6] * 64, [-0.2] * 64], [0.1, 0.2])


def gains(field, z, fine=128):
    """Decibels by which the default is nearer to the converged ends than UniPC-3 on a flow's own levels."""
    end = sample(field, noise=z, target="lazy(kappa=0, rho=2)", steps=fine, solver="ab3", calibration=False)

    def level(**options):
        return float(10 * (sample(field, noise=z, **options) - end).double().square().mean().log10())

    return [level(steps=n, **LINEAR) - level(steps=n, calibration=False) for n in COUNTS]


def test_it_is_used_where_nothing_is_said_and_nothing_known():
    said = {"target": "lazy(kappa=0, rho=2)", "solver": "deis", "grid": "tailed(rho=1.333, p=0.85, q=1.4)"}
    default = build_plan("linear", steps=7, size=64)
    assert default == build_plan("linear", steps=7, **said)
    for other in ({"grid": "uniform"}, {"solver": "deis"}, {"kappa": 1}, {"target": "lazy(kappa=0, rho=1.5)"}):
        assert build_plan("linear", steps=7, **other, size=64) != default
    points = exact_field(CLOUDS)
    z = torch.randn(3, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sample(points, noise=z, steps=7), sample(points, noise=z, plan=default))


def test_the_size_of_a_sample_decides_between_two_values_and_some_thousands():
    """The larger a sample, the more of the steps go to the noise; beyond what was measured nothing changes."""
    plans = {size: build_plan("linear", steps=6, size=size) for size in (1, 2, 64, 784, 4096, 16 * 128 * 128)}
    second = {size: plan.stages[1].beta for size, plan in plans.items()}
    assert second[2] > second[64] > second[784] > second[4096]
    assert (plans[1], plans[16 * 128 * 128]) == (plans[2], plans[4096])
    assert build_plan("linear", steps=6) == build_plan("linear", steps=6, size=32 * 32)
    for wrong in (0, 2.5, "many"):
        with pytest.raises(ss.InputError, match="size"):
            build_plan("linear", size=wrong)


@pytest.mark.parametrize("law", [RING, CLOUDS], ids=["a ring in the plane", "two clouds in 64 dimensions"])
def test_nothing_is_lost_to_unipc_on_narrow_modes(law):
    z = torch.randn(128, law.dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert min(gains(exact_field(law), z)) > 0


@pytest.mark.slow
def test_nothing_is_lost_to_unipc_on_the_digits():
    z = torch.randn(8, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    assert min(gains(digits.load(), z, fine=64)) > 0


def test_a_tailed_grid_is_a_shift_where_its_powers_are_one():
    assert grids.tailed(3, 1, 1).times(frame(), 6) == pytest.approx(grids.shift(3).times(frame(), 6), abs=1e-15)
    ratios = frame().ratio_at(grids.tailed(2, 0.9, 1.4).times(frame(), 5))
    assert ratios[1:-1] == pytest.approx([u**0.9 / (1 - u) ** 1.4 / 2 for u in (0.2, 0.4, 0.6, 0.8)])
    assert not np.allclose(grids.tailed(3, 1, 1.4).times(frame(), 6), grids.shift(3).times(frame(), 6))


@pytest.mark.parametrize("steps", [1, 2, 60, 400])
def test_a_tailed_grid_keeps_to_the_models_levels(steps):
    """EDM's levels end at σ = 0.002; however many steps there are, they fit before it."""
    setting = frame("edm", "lazy(kappa=0, rho=2)")
    ratios = setting.ratio_at(grids.tailed().times(setting, steps))[:-1]
    assert len(ratios) == steps
    assert ratios[0] == pytest.approx(1 / 80)
    assert ratios[-1] <= 500 * (1 + 1e-9)
    assert (np.diff(ratios) > 0).all()


# -- the start of a truncated model ----------------------------------------------------------------------------------


def test_a_truncated_model_starts_with_the_mean_that_a_calibration_knows():
    """From α_0 z + β_0 m the ODE of N(m, s²) goes to m + s z α_0/V_0; from α_0 z it misses by β_0 m s/V_0."""
    mean, std = 3.0, 0.5
    ratios = np.geomspace(0.1, 1000, 400)
    native = TabulatedNative(np.arange(400.0), 1 / (1 + ratios), ratios / (1 + ratios))
    field = exact_field(ss.Gaussian(mean, std), native)
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    known = Calibration(str(native), np.array([mean]), std, {})
    alpha, beta = native.alpha[0], native.beta[0]
    norm = math.hypot(alpha, std * beta)
    exact, missing = mean + std * alpha / norm * z, beta * mean * std / norm
    for options in ({}, {"target": "linear", "solver": "heun", "grid": "logsnr(low=0.1, high=1000)"}):
        found = sample(field, noise=z, steps=60, calibration=known, **options)
        assert (found - exact).abs().max() < missing / 20
        without = sample(field, noise=z, steps=60, calibration=False, **options)
        assert (without - exact + missing).abs().max() < missing / 20
    first = []
    sample(field, noise=z, steps=3, calibration=known, callback=lambda step: first.append(step.state))
    assert torch.allclose(first[0], alpha * z + beta * mean)


def test_a_model_that_starts_from_noise_alone_is_given_just_that():
    known = Calibration("linear", np.array([3.0]), 0.5, {})
    assert build_plan("linear", "linear", steps=4, solver="euler", calibration=known).mean is None
