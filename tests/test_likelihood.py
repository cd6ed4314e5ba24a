"""Likelihoods by denoising: the density itself is the right value, in every schedule."""

import numpy as np
import pytest

import symsched as ss
from symsched import likelihood
from symsched.symbols import mean

MIXTURE = ss.GaussianMixture((0.3, 0.7), (-1.2, 0.8), (0.2, 0.5))
SCHEDULES = (ss.schedules.linear(), ss.schedules.vp(), ss.schedules.follmer(), ss.schedules.lazy(0.5, 2))


def log_density(points):
    """The mixture's, by hand."""
    parts = [w * np.exp(-((points - m) ** 2) / (2 * s**2)) / s for w, m, s in ((0.3, -1.2, 0.2), (0.7, 0.8, 0.5))]
    return np.log(sum(parts) / np.sqrt(2 * np.pi))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_it_is_the_density_in_every_schedule(schedule):
    points = np.array([[-1.2, -0.4], [0.1, 2.0]])
    found = ss.log_likelihood(MIXTURE, points, schedule)
    np.testing.assert_allclose(found, log_density(points), atol=2e-8)


@pytest.mark.parametrize("width", [1e-2, 1e-4])
def test_midway_between_narrow_modes(width):
    """What counts there is a dip of the error, 1/r wide in the noise; p is N(1; 0, width²) there."""
    law = ss.GaussianMixture((0.4, 0.6), (-0.5, 1.5), (width, width))
    found = ss.log_likelihood(law, 0.5, SCHEDULES[2])
    assert found == pytest.approx(-1 / (2 * width**2) - np.log(2 * np.pi) / 2 - np.log(width), rel=1e-9)


@pytest.mark.slow
def test_a_value_does_not_lend_its_size_to_another():
    """Nine digits of each: one point is far from both modes, the other on the second, a third component between."""
    law = ss.GaussianMixture((0.2, 0.5, 0.3), (-1, 0.1, 1), (1e-3, 1e-1, 2e-4))
    points = np.array([0.0, 1.0001, 5.0])
    np.testing.assert_allclose(
        ss.log_likelihood(law, points, SCHEDULES[0]), law.log_density_at(0, 1, points), rtol=1e-8
    )


def test_gaussian_data_by_hand():
    found = ss.log_likelihood(ss.Gaussian(0, 2), 1, ss.schedules.linear())  # C28: −½ log 8π − 1/8
    assert float(found) == pytest.approx(-np.log(8 * np.pi) / 2 - 1 / 8, abs=1e-9)
    assert ss.log_likelihood(ss.Gaussian(0, 1), 1, ss.schedules.vp()) == pytest.approx(-np.log(2 * np.pi) / 2 - 0.5)


def test_half_the_clock_is_told_apart(monkeypatch):
    whole = likelihood.over_time
    monkeypatch.setattr(likelihood, "over_time", lambda *given, **options: whole(*given, **options) / 2)
    assert abs(ss.log_likelihood(MIXTURE, 0.1, SCHEDULES[0]) - log_density(0.1)) > 0.01


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ((ss.Empirical([0.0, 1.0]), 0, SCHEDULES[0]), "a Gaussian or a mixture"),
        ((ss.Gaussian([0, 0], 1), 0, SCHEDULES[0]), "of dimension 2"),
        ((3, 0, SCHEDULES[0]), "data is '3'"),
        ((MIXTURE, 0, 3), "should be a Schedule"),
        ((MIXTURE, 0, ss.schedules.ddpm()), "needs all from 0 to oo"),
        ((MIXTURE, [0, np.nan], SCHEDULES[0]), "NaN"),
        ((MIXTURE, np.zeros(65), SCHEDULES[0]), "65 points: expected at most 64"),
        ((MIXTURE, "one", SCHEDULES[0]), "points is 'one'"),
        ((ss.Gaussian(mean, 1), 0, SCHEDULES[0]), "leaves m open"),
    ],
)
def test_what_has_no_likelihood_is_refused_in_one_line(given, part):
    with pytest.raises(ss.InputError) as caught:
        ss.log_likelihood(*given)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
