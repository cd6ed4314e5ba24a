"""couple: grids that share a Brownian motion, and pathwise conversion with its strong order (theory C3)."""

import numpy as np
import pytest
import sympy as sp

from symsched.conversion import Conversion
from symsched.data import Gaussian, GaussianMixture
from symsched.montecarlo import Diffusion, System, couple, simulate
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import t, x
from symsched.verdicts import fit_order

LINEAR = Schedule(1 - t, t)
TRIG = Schedule(sp.cos(sp.pi * t / 2), sp.sin(sp.pi * t / 2))
BRIDGE = Schedule(sp.sqrt(t - t**2), t)
MIXTURE = GaussianMixture([0.5, 0.3, 0.2], [-1, 1, 2], [0.3, 0.3, 0.5])
NO_DRIFT = Diffusion(0 * x, (1 + t) / 2, 0.3)


@pytest.mark.parametrize("scheme", ["lazy", "exponential"])
def test_any_two_grids_agree_exactly_without_a_drift(scheme):
    """The noise of a coarse step is the sum of the fine ones, whatever the two grids are."""
    c = couple(System(NO_DRIFT, 7, scheme), System(NO_DRIFT, 3, scheme), System(NO_DRIFT, 100, scheme), paths=300)
    assert c.times.tolist() == [0, 1]
    assert c.rms(0, 1)[-1] < 1e-13
    assert c.rms(0, 2)[-1] < 1e-13


@pytest.mark.slow
def test_the_finest_system_is_the_one_that_simulate_runs():
    sde = Diffusion(sp.sin(x) - t, (1 + t) / 2, 0.3)
    alone = simulate(sde, 400, 16, "heun", seed=3, keep_paths=400).paths[-1]
    c = couple(System(sde, 16, "heun"), System(sde, 4), paths=400, seed=3)
    np.testing.assert_allclose(c.states[0][-1], alone, rtol=1e-13)


def test_the_area_of_a_coarse_step_is_that_of_the_fine_path():
    """dX = Y dt + dV, dY = dW has X_1 = ∫W + V_1: SRA1 takes ∫W from I₁₀, so all grids agree to rounding."""
    sde = Diffusion(["x1", "0"], "1/2", 0)
    c = couple(*(System(sde, n, "sra1") for n in (2, 6, 64)), paths=500, save=[1])
    assert c.rms(0, 2)[-1] < 1e-12
    assert c.rms(1, 2)[-1] < 1e-12
    assert c.states[0][0, :, 0].var() == pytest.approx(4 / 3, rel=6 * np.sqrt(2 / 500))


CONVERSIONS = {
    "linear to trigonometric": (LINEAR, TRIG, sp.Rational(1, 4)),
    "linear to bridge": (LINEAR, BRIDGE, sp.Rational(1, 4) + t / 2),
    "trigonometric to linear": (TRIG, LINEAR, (1 - t) / 2),
}


def conversion_errors(source, target, eps, sabotage=1, levels=(5, 6, 7, 8, 9), window=(0.2, 0.8)):
    """Strong distance of the converted path of the source SDE from the path of the target SDE, per level."""
    conversion = Conversion(source, target)
    one = InterpolantSDE(source, MIXTURE, eps=eps)
    other = InterpolantSDE(target, MIXTURE, eps=conversion.eps(eps) * sabotage)
    errors = []
    for level in levels:
        grid = np.linspace(*window, 2**level + 1)
        pair = System(one, grid=grid, through=conversion), System(other, grid=grid)
        c = couple(*pair, paths=2000, seed=1, save=np.linspace(*window, 5))
        errors.append(c.strong_error())
    return [2.0**-k for k in levels], errors


@pytest.mark.slow
@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversion_holds_path_by_path_with_strong_order_one(name):
    """C3: the distance vanishes with the step at Euler's strong order; with a wrong scale it stays where it is."""
    source, target, eps = CONVERSIONS[name]
    h, errors = conversion_errors(source, target, eps)
    fit = fit_order(h, *zip(*errors, strict=True))
    assert fit.agrees(1, curvature=0.15), fit
    h, wrong = conversion_errors(source, target, eps, sabotage=2, levels=(5, 7, 9))
    assert not fit_order(h, *zip(*wrong, strict=True)).agrees(1, curvature=0.15), "a factor 2 must be noticed"
    assert wrong[-1][0] > 10 * errors[-1][0]


def test_conversion_is_exact_for_gaussian_data_with_the_exponential_scheme_and_no_noise():
    """The ODE (ε = 0): converted and direct paths agree to rounding on any grid."""
    one, other = (InterpolantSDE(s, Gaussian(1, 0.5)) for s in (LINEAR, TRIG))
    through = Conversion(LINEAR, TRIG)
    grid = [0.1, 0.5, 0.7]
    pair = System(one, grid=grid, scheme="exponential", through=through), System(other, grid=grid, scheme="exponential")
    assert couple(*pair, paths=200).rms().max() < 1e-13


def test_both_clocks_have_their_own_exact_law():
    """The converted system's marginal variance is that of the source at τ, times c²: nothing of the coupling shows."""
    conversion = Conversion(LINEAR, BRIDGE)
    one = InterpolantSDE(LINEAR, Gaussian(0, 1), kappa=1)
    other = InterpolantSDE(BRIDGE, Gaussian(0, 1), kappa=1)
    grid = np.linspace(0.1, 0.9, 9)
    pair = System(one, grid=grid, scheme="exponential", through=conversion), System(other, grid=grid, scheme="lazy")
    c = couple(*pair, paths=20_000)
    for states in c.states:
        share = states.var(axis=1) / c.times  # V = t for the bridge
        assert np.abs(share - 1).max() < 6 * np.sqrt(2 / 20_000)


def test_a_start_that_cannot_be_carried_is_refused():
    conversion = Conversion(LINEAR, BRIDGE)
    pair = (
        System(InterpolantSDE(LINEAR, MIXTURE, eps=0.1), 8, through=conversion),
        System(InterpolantSDE(BRIDGE, MIXTURE, kappa=1), 8),
    )
    with pytest.raises(ValueError, match="cannot carry a start at t = 0"):
        couple(*pair, paths=10)


def test_strong_error_and_rms():
    c = couple(System(NO_DRIFT, 4, "euler"), System(NO_DRIFT, 8, "euler"), paths=100, save=[0.5, 1])
    gap = (c.states[0] - c.states[1]) ** 2
    np.testing.assert_allclose(c.rms(), np.sqrt(gap.mean(axis=1)))
    assert c.strong_error()[0] == pytest.approx(np.sqrt(gap.max(axis=0).mean()))
    assert c.strong_error()[1] > 0
