"""The verdicts: p-values are uniform under the claim, powers are what is stated, orders are recovered."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from slowness import slow

from symsched import verdicts
from symsched.errors import InputError
from symsched.kernels import moments
from symsched.kernels.compiled import LANES
from symsched.montecarlo.run.result import Result, Totals
from symsched.verdicts import (
    Ruling,
    combine,
    covariance_p_value,
    difference_p_value,
    fit_order,
    gaussian_variance_p_value,
    ks_p_value,
    ks_power,
    mean_p_value,
    mean_power,
    sample_ks_p_value,
    sequential,
    variance_p_value,
    variance_power,
)


def result_of(sample):
    """A Result around a sample (dim, n), as the engine would make it."""
    dim, n = sample.shape
    job = SimpleNamespace(dim=dim, digits=10, times=np.array([1.0]))
    totals = Totals.empty(job)
    rows = np.empty((-(-n // moments.UNIT), 1, moments.row_length(dim)))
    moments.unit_moments(rows, sample[None], LANES)
    moments.merge_units(totals.rows, rows, dim)
    moments.count_bins(totals.counts, sample[None], 10)
    return Result(job, totals)


TESTS = {
    "mean": lambda r: mean_p_value(r, 0),
    "variance": lambda r: variance_p_value(r, 1),
    "gaussian variance": lambda r: gaussian_variance_p_value(r, 1),
    "ks": lambda r: ks_p_value(r, stats.norm.cdf),
    "covariance": lambda r: covariance_p_value(r, np.eye(2)),
}


@pytest.mark.parametrize("name", [slow(name) if name == "ks" else name for name in TESTS])
def test_p_values_are_uniform_when_the_claim_holds(name):
    """600 p-values from true claims: their own KS test, at level 10⁻⁶ (KS on bin edges may only be larger)."""
    rng = np.random.default_rng(1)
    dim = 2 if name == "covariance" else 1
    found = [TESTS[name](result_of(rng.standard_normal((dim, 2000)))) for _ in range(600)]
    side = "greater" if name == "ks" else "two-sided"
    assert stats.kstest(found, "uniform", alternative=side).pvalue > 1e-6
    shifted = [TESTS[name](result_of(rng.standard_normal((dim, 2000)) * 1.08 + 0.08)) for _ in range(200)]
    assert stats.kstest(shifted, "uniform").pvalue < 1e-6, "the sabotaged twin must fail"


def test_a_variance_of_zero_is_exact():
    still = result_of(np.zeros((1, 50)))
    assert gaussian_variance_p_value(still, 0) == variance_p_value(still, 0) == mean_p_value(still, 0) == 1
    assert gaussian_variance_p_value(result_of(np.ones((1, 50)) * np.arange(50)), 0) == 0
    assert mean_p_value(still, 1e-9) == 0


def test_sample_versions():
    z = np.random.default_rng(0).standard_normal(5000)
    assert sample_ks_p_value(z, stats.norm.cdf) > 1e-6 > sample_ks_p_value(z + 0.2, stats.norm.cdf)
    assert difference_p_value(z) > 1e-6 > difference_p_value(z + 0.2)


def test_combine_is_bonferroni():
    assert combine([0.5, 0.01, 0.9]) == pytest.approx(0.03)
    assert combine([0.9, 0.8]) == 1
    with pytest.raises(InputError, match="no p-values"):
        combine([])


# -- the sequential test -------------------------------------------------------------------------------------------


def test_the_false_positive_rate_is_at_most_what_is_stated():
    """True claims at level 5 %: 4000 runs reject at most as often as a binomial bound at 10⁻⁶ allows."""
    rng = np.random.default_rng(7)
    runs = [sequential(lambda *_: rng.random(), level=0.05, clear=0.3) for _ in range(4000)]
    rejected = sum(not run for run in runs)
    assert rejected <= stats.binom(4000, 0.05).isf(1e-6)
    assert rejected >= 4000 * 0.05 / 4 * 0.5, "the first round alone rejects level/rounds"


def test_rounds_grow_and_use_their_own_seeds():
    seen = []

    def test(size, seed):
        seen.append((size, seed))
        return 0.01

    decision = sequential(test, size=100, growth=3, rounds=3, level=1e-4)
    assert decision.accepted
    assert [size for size, _ in seen] == [100, 300, 900]
    assert len({seed for _, seed in seen}) == 3
    again = []
    sequential(lambda size, seed: again.append((size, seed)) or 0.01, size=100, growth=3, rounds=3, level=1e-4)
    assert again == seen


def test_a_clear_answer_ends_at_once():
    assert sequential(lambda *_: 0.5).rounds == 1
    assert sequential(lambda *_: 1e-12) == Ruling(False, (1e-12,), 1e-6, (20_000,))
    assert not sequential(lambda *_: float("nan"))


def test_bad_levels_are_refused():
    with pytest.raises(InputError, match="0 < level < clear < 1"):
        sequential(lambda *_: 1.0, level=0.5, clear=0.1)


@pytest.mark.parametrize(
    ("power", "draw", "p_value"),
    [
        (
            mean_power(0.16, 1, 400, level=0.01, rounds=2),
            lambda rng: rng.standard_normal((1, 400)) + 0.16,
            lambda r: mean_p_value(r, 0),
        ),
        (
            variance_power(1.3, 400, level=0.01, rounds=2),
            lambda rng: rng.standard_normal((1, 400)) * math.sqrt(1.3),
            lambda r: gaussian_variance_p_value(r, 1),
        ),
        (
            ks_power(0.15, 400, level=0.01, rounds=2),
            lambda rng: rng.standard_normal((1, 400)) + 2 * stats.norm.isf(0.5 - 0.15 / 2),
            lambda r: ks_p_value(r, stats.norm.cdf),
        ),
    ],
    ids=["mean", "variance", "ks"],
)
def test_stated_powers_are_reached(power, draw, p_value):
    rng = np.random.default_rng(3)
    hits = sum(p_value(result_of(draw(rng))) <= 0.005 for _ in range(400))
    assert hits >= stats.binom(400, power).ppf(1e-6)
    assert 0.2 < power < 0.999999


# -- orders --------------------------------------------------------------------------------------------------------


def test_an_order_is_recovered_with_its_error():
    rng = np.random.default_rng(2)
    h = 2.0 ** -np.arange(2, 9)
    inside = 0
    for _ in range(300):
        s = 0.02 * h**1.5
        fit = fit_order(h, 3 * h**1.5 + s * rng.standard_normal(7), s)
        inside += abs(fit.order - 1.5) < 2 * fit.error
    assert inside >= stats.binom(300, 0.954).ppf(1e-6)
    assert fit.agrees(1.5)
    assert not fit.agrees(1.0)
    assert not fit.agrees(2.0)
    assert fit.constant == pytest.approx(3, rel=0.2)


def test_levels_lost_in_noise_are_left_out():
    h = np.array([1, 0.5, 0.25, 0.125])
    fit = fit_order(h, [1, 0.5, 0.25, 5.0], [1e-3, 1e-3, 1e-3, 2.0])
    assert fit.used == 3
    assert fit.order == pytest.approx(1)
    with pytest.raises(InputError, match="2 of 3 levels"):
        fit_order(h[:3], [1, 0.5, 0.1], [1e-3, 1e-3, 1])


def test_a_bent_line_has_a_larger_error():
    h = 2.0 ** -np.arange(1, 7)
    straight, bent = (fit_order(h, h + c * h**3, 1e-4 * h) for c in (0, 2))
    assert bent.error > 10 * straight.error
    assert bent.chi_squared_p < 1e-6 < straight.chi_squared_p


def test_a_gaussian_sample_is_accepted_and_a_wrong_law_rejected():
    sample = 1 + 2 * np.random.default_rng(5).standard_normal(20_000)
    assert verdicts.sample_gaussian_p_value(sample, 1, 4) > 1e-6
    assert verdicts.sample_gaussian_p_value(sample, 1.2, 4) < 1e-12
    assert verdicts.sample_gaussian_p_value(sample, 1, 2) < 1e-12
    assert verdicts.sample_gaussian_p_value(np.zeros(3), 0, 0) == 1
    assert verdicts.sample_gaussian_p_value(np.ones(3), 0, 0) == 0


def test_sample_p_values_are_uniform_when_the_law_is_right():
    draws = np.random.default_rng(6).standard_normal((2, 400, 50))
    correlations = [verdicts.correlation_p_value(a, b) for a, b in zip(*draws, strict=True)]
    laws = [verdicts.sample_gaussian_p_value(a, 0, 1) for a in draws[0]]
    assert verdicts.sample_ks_p_value(correlations, stats.uniform.cdf) > 1e-6
    assert np.mean(np.array(laws) < 0.1) < 0.2  # Bonferroni: at most 0.1 in expectation


def test_a_correlation_is_found_with_the_power_that_was_stated():
    x, y = np.random.default_rng(7).standard_normal((2, 20_000))
    assert verdicts.correlation_power(0.1, 20_000) > 0.999
    assert verdicts.correlation_p_value(x, y) > 1e-6
    assert verdicts.correlation_p_value(x, 0.1 * x + y) < 2.5e-7
    assert verdicts.correlation_power(0.01, 20_000) < 0.01
