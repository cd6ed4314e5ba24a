"""The measures of benchmarks/quality.py against known answers, each beside a twin that must be caught."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import binom

from benchmarks import quality, verdicts
from symsched.errors import InputError

RNG = np.random.default_rng


def points_with(mean, cov, n, seed=0):
    """n points whose sample mean and covariance are exactly these."""
    raw = RNG(seed).standard_normal((n, len(mean)))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    return mean + white @ np.linalg.cholesky(cov).T


def test_rmse_and_psnr_of_a_constant_error():
    ends = RNG(0).uniform(-1, 1, (5, 1, 4, 4))
    assert quality.rmse(ends + 0.2, ends) == pytest.approx(0.2)
    assert quality.psnr(ends + 0.2, ends) == pytest.approx(20.0)  # 20 log₁₀(2 / 0.2)
    assert quality.psnr(ends + 0.2, ends, data_range=1.0) == pytest.approx(20 - 20 * np.log10(2))
    assert quality.psnr(ends, ends) == np.inf


def test_mean_psnr_is_taken_sample_by_sample():
    ends = np.zeros((2, 3))
    samples = np.array([[0.2] * 3, [0.02] * 3])
    assert quality.mean_psnr(samples, ends) == pytest.approx(30.0)
    assert quality.psnr(samples, ends) == pytest.approx(10 * np.log10(4 / 0.0202))


COV_A = np.array([[4.0, 1.9], [1.9, 1.0]])
COV_B = np.array([[4.0, -1.9], [-1.9, 1.0]])  # does not commute with COV_A


def test_frechet_is_the_closed_form_for_given_moments():
    a, b = points_with([1.0, 0], COV_A, 50, 1), points_with([0.0, 2], COV_B, 70, 2)
    exact = 5 + np.trace(COV_A + COV_B - 2 * sqrtm(COV_A @ COV_B).real)
    assert quality.frechet(a, b)(np.ones(50)) == pytest.approx(exact, rel=1e-9)
    commuting = 5 + ((sqrtm(COV_A) - sqrtm(COV_B)).real ** 2).sum()  # the twin: right only for commuting covariances
    assert abs(commuting - exact) > 0.05


def test_frechet_weights_repeat_samples():
    a, b = RNG(0).standard_normal((30, 3)), RNG(1).standard_normal((40, 3))
    weights = RNG(2).multinomial(30, np.full(30, 1 / 30)).astype(float)
    repeated = np.repeat(a, weights.astype(int), axis=0)
    assert quality.frechet(a, b)(weights) == pytest.approx(quality.frechet(repeated, b)(np.ones(30)), rel=1e-9)


def test_sliced_wasserstein_of_a_shift_and_of_a_scale():
    x = RNG(0).standard_normal((400, 3))
    axes = RNG(7).standard_normal((3, 64))
    axes /= np.linalg.norm(axes, axis=0)
    shift, shuffled = np.array([1.0, -2.0, 0.5]), RNG(1).permutation(x)
    moved = quality.sliced_wasserstein(x + shift, shuffled, seed=7)(np.ones(400))
    assert moved == pytest.approx(np.mean((shift @ axes) ** 2), rel=1e-9)
    scaled = quality.sliced_wasserstein(3 * x, shuffled, seed=7)(np.ones(400))
    assert scaled == pytest.approx(4 * np.mean((x @ axes) ** 2), rel=1e-9)
    unsorted = np.mean(((x + shift - shuffled) @ axes) ** 2)  # the twin: pairs points as they come
    assert abs(unsorted - moved) > 0.3


def test_sliced_wasserstein_weights_repeat_samples():
    x, y = RNG(0).standard_normal((50, 2)), RNG(1).standard_normal((80, 2)) + 1
    weights = RNG(2).multinomial(50, np.full(50, 0.02)).astype(float)
    repeated = np.repeat(x, weights.astype(int), axis=0)
    expected = quality.sliced_wasserstein(repeated, y)(np.ones(50))
    assert quality.sliced_wasserstein(x, y)(weights) == pytest.approx(expected, rel=1e-9)


def gaussian_mmd(gap, d, median):
    """The squared MMD of N(0, I) and N(m, I), |m|² = gap, under the benchmark's kernel: Gaussian integrals."""
    total = 0.0
    for scale in (0.5, 1.0, 2.0):
        width = scale**2 * median
        factor = (width / (width + 2)) ** (d / 2)
        total += 2 * factor * (1 - np.exp(-gap / (2 * (width + 2))))
    return total / 3


def biased_mmd(x, y):
    """The twin: the plain mean over all pairs, each point with itself among them."""
    median = np.median(quality._squares(y, y)[np.triu_indices(len(y), 1)])
    means = [quality._kernel(quality._squares(*pair), median).mean() for pair in ((x, x), (y, y), (x, y))]
    return means[0] + means[1] - 2 * means[2]


def mmd_error(shift, repeats, measure):
    """Mean error, and its standard error, over independent sets of 60 points in the plane."""
    errors = []
    for seed in range(repeats):
        x, y = RNG([seed, 0]).standard_normal((60, 2)) + shift, RNG([seed, 1]).standard_normal((60, 2))
        median = np.median(quality._squares(y, y)[np.triu_indices(60, 1)])
        errors.append(measure(x, y) - gaussian_mmd(2 * shift**2, 2, median))
    return np.mean(errors), np.std(errors, ddof=1) / np.sqrt(repeats)


@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_mmd_is_unbiased_and_the_biased_one_is_caught(shift):
    mean, error = mmd_error(shift, 200, lambda x, y: quality.mmd(x, y)(np.ones(60)))
    assert abs(mean) < 4 * error
    mean, error = mmd_error(shift, 200, biased_mmd)
    assert abs(mean) > 4 * error


def test_mmd_weights_count_no_sample_against_itself():
    x, y = RNG(0).standard_normal((40, 2)), RNG(1).standard_normal((30, 2))
    weights = RNG(2).multinomial(40, np.full(40, 1 / 40)).astype(float)
    rows = np.repeat(np.arange(40), weights.astype(int))
    median = np.median(quality._squares(y, y)[np.triu_indices(30, 1)])
    own = quality._kernel(quality._squares(x[rows], x[rows]), median)[rows[:, None] != rows].mean()
    across = quality._kernel(quality._squares(x[rows], y), median).mean()
    within = quality._kernel(quality._squares(y, y), median)[~np.eye(30, dtype=bool)].mean()
    assert quality.mmd(x, y)(weights) == pytest.approx(own + within - 2 * across, rel=1e-9)


DIMENSION, COUNT, REPEATS = 12, 150, 100


def coverage(reflect=True):
    """How often the interval of a Fréchet distance holds the true one; resampling is biased when n is not ≫ d²."""
    mean = np.full(DIMENSION, 0.3)
    truth, held = float((mean**2).sum()), 0
    for seed in range(REPEATS):
        samples = RNG([5, seed]).standard_normal((COUNT, DIMENSION)) + mean
        distance = quality.frechet(samples, RNG([6, seed]).standard_normal((400, DIMENSION)))
        found = quality.bootstrap(distance, seed).interval()
        plain = distance(np.ones(COUNT))
        low, high = (found.low, found.high) if reflect else (2 * plain - found.high, 2 * plain - found.low)
        held += low <= truth <= high
    return held / REPEATS


@pytest.mark.slow
def test_the_interval_covers_and_the_unreflected_one_does_not():
    assert coverage() >= 0.85  # nominally 0.95; 0.85 lies four standard errors of 100 repetitions below
    assert coverage(reflect=False) < 0.5


def test_a_difference_of_one_noise_is_sharper_than_two_intervals():
    z, reference = RNG(0).standard_normal((300, 3)), RNG(1).standard_normal((2000, 3))
    near, far = quality.frechet(1.2 * z, reference), quality.frechet(1.25 * z, reference)
    first, second = quality.bootstrap(far), quality.bootstrap(near)
    assert (first - second).interval().low > 0
    assert first.interval().low < second.interval().high  # the twin sees nothing
    same = (second - quality.bootstrap(near)).interval()
    assert same.low == same.high == 0


def called_far(measure, repeats=80):
    """How often samples of the data's own law are called farther from it, one-sided at 2.5 %, than 0.997 of them."""
    found = 0
    for seed in range(repeats):
        x, data = (RNG([place, seed]).standard_normal((n, 2)) for place, n in ((8, 250), (9, 1000)))
        x, data = [0.3 * p + np.sign(p) for p in (x, data)]
        exact, shrunk = (quality.bootstrap(measure(points, data), seed) for points in (x, 0.997 * x))
        found += verdicts.side(exact - shrunk, 1) > 0
    return found


def root_of_sliced(x, y):
    """The twin: not squared, so that resampling does not show its bias."""
    squared = quality.sliced_wasserstein(x, y, 4)
    return quality.Distance(lambda *weights: squared.measure(*weights) ** 0.5, squared.n, squared.m)


@pytest.mark.slow
def test_exact_samples_are_seldom_called_far():
    """Binomial bound at 10⁻³ for 80 tests at 2.5 %; of the root the same test is wrong more often than that."""
    allowed = binom(80, 0.025).isf(1e-3)
    assert called_far(lambda x, y: quality.sliced_wasserstein(x, y, 4)) <= allowed
    assert called_far(root_of_sliced) > allowed


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"samples \(2, 3\) and endpoints \(3, 3\) differ"):
        quality.rmse(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"samples \(2, 3\) and reference \(5, 2\): want"):
        quality.mmd(np.zeros((2, 3)), np.zeros((5, 2)))
