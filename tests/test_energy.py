"""Energies of drifts: C18's relative entropy, Gaussian laws by hand, and what is refused."""

import numpy as np
import pytest
from scipy import integrate

import symsched as ss
from symsched.sde.energy import energy_rates
from symsched.symbols import mean

SKEWED = ss.GaussianMixture((0.25, 0.75), (-1.5, 0.5), (0.5, 0.5))
UNEVEN = ss.GaussianMixture((0.3, 0.7), (-1, 2), (0.2, 0.9))  # not centred


def relative_entropy(law, width):
    """KL(law ‖ N(0, width²)) by adaptive quadrature of the density alone."""

    def part(point):
        own = float(law.log_density_at(0, 1, point))
        other = -(point**2) / (2 * width**2) - np.log(2 * np.pi * width**2) / 2
        return np.exp(own) * (own - other)

    return integrate.quad(part, -24, 24, points=[-1.5, -1, 0.5, 2], limit=400, epsabs=1e-12)[0]


def lazy(kappa, width, law):
    return ss.InterpolantSDE(ss.schedules.lazy(kappa, width), law, kappa=kappa)


@pytest.mark.parametrize("law", [SKEWED, UNEVEN, ss.Gaussian(0, 2), ss.Gaussian(1, 2)])
@pytest.mark.parametrize(("kappa", "width"), [(0.5, 1), (1, 1.5), (2, 1)])
def test_a_lazy_frames_energy_is_the_relative_entropy_of_the_data(law, kappa, width):
    wanted = (1 + kappa) ** 2 / (4 * kappa) * relative_entropy(law, width)
    assert lazy(kappa, width, law).energy() == pytest.approx(wanted, rel=1e-8)


def test_the_factor_of_another_kappa_is_told_apart():
    assert lazy(2, 1, SKEWED).energy() != pytest.approx(relative_entropy(SKEWED, 1), rel=1e-2)


def test_truncated_schedules_have_finite_energies_in_any_frame():
    """The right value: E|b|² by the drift itself, Gauss' rule in time and the trapezium rule over states."""
    sde = ss.InterpolantSDE(ss.Schedule("1 - t/2", "1/4 + t/2"), UNEVEN, eps="1/2 + t")
    nodes, weights = np.polynomial.legendre.leggauss(24)
    times, states = (nodes[:, None] + 1) / 2, np.linspace(-11, 12, 2301)
    alpha, beta = 1 - times / 2, 0.25 + times / 2
    rate = np.exp(UNEVEN.log_density_at(alpha, beta, states)) * sde.drift_at(times, states) ** 2 / (2 + 4 * times)
    wanted = np.trapezoid(rate, states, axis=1) @ weights / 2
    assert sde.energy() == pytest.approx(wanted, rel=1e-9)
    linear, modes = energy_rates(sde, times[:, 0])
    np.testing.assert_allclose(linear + modes, np.trapezoid(rate, states, axis=1), rtol=1e-9)
    assert linear @ weights / 2 < 0.99 * wanted  # the twin without the modes


def test_axes_add_up():
    axes = [ss.Gaussian(0.5, 2), ss.Gaussian(-1, 0.5)]
    both = ss.Gaussian([0.5, -1], [[4, 0], [0, 0.25]])
    assert lazy(1, 1, both).energy() == pytest.approx(sum(lazy(1, 1, axis).energy() for axis in axes), rel=1e-12)


def test_lazy_gaussian_data_cost_nothing_and_a_conversion_inside_the_family_changes_nothing():
    assert lazy(2, 1.5, ss.Gaussian(0, 1.5)).energy() == 0
    clock = ss.lazy.solve(kappa=1, rho=1, beta="(t + t**2)/2")
    assert ss.InterpolantSDE(clock, SKEWED, kappa=1).energy() == pytest.approx(lazy(1, 1, SKEWED).energy(), rel=1e-9)


@pytest.mark.parametrize(
    ("sde", "part"),
    [
        (ss.InterpolantSDE(ss.schedules.vp(), SKEWED), "eps is 0"),
        (ss.InterpolantSDE(ss.schedules.linear(), SKEWED, kappa=1), "is infinite at t = 0"),
        (ss.InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, 2), kappa=0.5), "is infinite at t"),
        (lazy(1, 1, ss.Empirical([0.0, 1.0])), "the data is"),
        (lazy(1, 1, ss.Gaussian([0, 0], [[1, 1], [1, 1]])), "is infinite at t = 1"),  # of a point beside N(0, 1)
        (lazy(1, 1, ss.GaussianMixture((0.5, 0.5), ((0, 0), (1, 1)), (1, 1))), "of dimension 2"),
        (ss.InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(mean, 2), kappa=1), "leaves m open"),
        (ss.InterpolantSDE(ss.schedules.follmer(), SKEWED, kappa="(2*t - 1)**2"), "not known to be positive"),
    ],
)
def test_what_has_no_energy_is_refused_in_one_line(sde, part):
    with pytest.raises(ss.InputError) as caught:
        sde.energy()
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
