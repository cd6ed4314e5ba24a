"""The grid of equal length in angles: one mode in closed form, several by the exact law of DDIM's steps."""

import numpy as np
import pytest
from scipy import integrate

import symsched as ss


@pytest.mark.parametrize("rho", [1e-3, 1, 20])
def test_one_mode_takes_equal_angles(rho):
    wanted = np.tan(np.pi / 2 * np.arange(8) / 8) / rho
    for spectrum in (rho, [rho, rho, 0], ss.Gaussian(5, rho)):
        found = ss.optimal_grid(spectrum, 8)
        np.testing.assert_allclose(found[:-1], wanted, rtol=1e-8)
        assert found[-1] == np.inf


def test_it_begins_where_a_truncated_schedule_does():
    found = ss.optimal_grid(2, 4, start=0.5)
    np.testing.assert_allclose(np.diff(np.arctan(2 * found)), np.pi / 16, rtol=1e-8)


def loss(ratios, data):
    """½ log(det Σ/det Σ_N) of DDIM: Euler in the linear schedule (C22), by its exact law."""
    times = np.append(ratios[:-1] / (1 + ratios[:-1]), 1.0)
    law = ss.discretize.trajectory(ss.InterpolantSDE(ss.schedules.linear(), data, kappa=0), times)
    return np.log(law.target[-1] / law.variance[-1]).sum() / 2


def test_two_modes_lose_what_the_length_says_and_every_other_grid_more():
    data, steps = ss.Gaussian([0, 0], [[1, 0], [0, 100]]), 200
    pace = lambda u: sum(1 / (2 * np.cosh(u + np.log(rho))) ** 2 for rho in (1, 10)) ** 0.5  # noqa: E731
    length = integrate.quad(pace, -30, 30, points=[-np.log(10), 0], epsabs=1e-12)[0]
    best = loss(ss.optimal_grid(data, steps), data)
    assert steps * best == pytest.approx(length**2 / 2, rel=1e-4)
    for rho in (1, np.sqrt(10), 10):  # equal angles of one mode
        assert loss(ss.optimal_grid(rho, steps), data) > 1.02 * best


def test_a_mixture_counts_by_its_covariance():
    law = ss.GaussianMixture((0.5, 0.5), (-0.8, 0.8), (0.6, 0.6))
    np.testing.assert_allclose(ss.optimal_grid(law, 5), ss.optimal_grid(1, 5), rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ((1, 0), "steps is 0"),
        ((0, 4), "not only 0"),
        (([1, -1], 4), "finite numbers >= 0"),
        (([1, 1e13], 4), "within 10^12"),
        (("wide", 4), "spectrum is 'wide'"),
        ((1, 4, -1), "start is -1"),
        ((1, 4, [1, 2]), "start is [1, 2]"),
        (([], 4), "not only 0"),
        ([[[2, 1], [1, 2]], 4], "for a covariance give its law"),
        ((1, 4, 1e20), "no mode has 1e-17 of its angle left"),
        ((1e-308, 4000), "floats do not tell"),
    ],
)
def test_what_is_no_spectrum_is_refused_in_one_line(given, part):
    with pytest.raises(ss.InputError) as caught:
        ss.optimal_grid(*given)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", [1e6, 1e12, 1e16])
def test_a_late_start_steps_in_one_over_r(start):
    """Beyond the modes dθ_k = d(1/ρ_k r), so equal steps of length are equal steps of 1/r."""
    ratios = ss.optimal_grid([1, 3], 4, start=start)
    np.testing.assert_allclose(1 / ratios[:-1], np.array([4, 3, 2, 1]) / 4 / start, rtol=1e-9)


def test_standard_deviations_at_the_edge_of_the_floats_make_no_noise():
    np.testing.assert_allclose(ss.optimal_grid(1e300, 4)[1:-1] * 1e300, ss.optimal_grid(1, 4)[1:-1], rtol=1e-12)
