"""Streaming moments and histograms against NumPy on the whole sample."""

import numpy as np
import pytest

from symsched.kernels import moments
from symsched.kernels.compiled import LANES


def rows_of(sample, units=None):
    """Moment rows of a sample (times, dim, paths)."""
    times, dim, count = sample.shape
    units = -(-count // moments.UNIT) if units is None else units
    rows = np.empty((units, times, moments.row_length(dim)))
    moments.unit_moments(rows, sample, LANES)
    return rows


def merged(rows, dim):
    total = np.zeros(rows.shape[1:])
    moments.merge_units(total, rows, dim)
    return total


@pytest.fixture
def sample():
    z = np.random.default_rng(4).standard_normal((2, 3, 5000))
    z[:, 1] += 0.5 * z[:, 0] ** 2 + 1e4
    return z


def test_moments_equal_those_of_the_whole_sample(sample):
    total = merged(rows_of(sample), 3)
    for t in range(2):
        x = sample[t]
        gap = x - x.mean(axis=1, keepdims=True)
        assert total[t, 0] == 5000
        np.testing.assert_allclose(total[t, 1:4], x.mean(axis=1), rtol=1e-13)
        np.testing.assert_allclose(total[t, 4:13].reshape(3, 3), gap @ gap.T, rtol=1e-11, atol=1e-9)
        np.testing.assert_allclose(total[t, 13:16], (gap**3).sum(axis=1), rtol=1e-10, atol=1e-8)
        np.testing.assert_allclose(total[t, 16:19], (gap**4).sum(axis=1), rtol=1e-11)


def test_the_sum_does_not_depend_on_how_units_are_grouped(sample):
    rows = rows_of(sample)
    once = merged(rows, 3)
    twice = np.zeros_like(once)
    moments.merge_units(twice, rows[:2], 3)
    moments.merge_units(twice, rows[2:], 3)
    assert np.array_equal(once, twice)


@pytest.mark.parametrize("digits", [4, 10])
def test_bins_count_what_lies_between_their_edges(digits):
    x = np.random.default_rng(5).standard_normal((1, 1, 20_000)) ** 3
    x[0, 0, :6] = [0.0, -0.0, 1.0, -1.0, 1e9, -1e9]
    counts = np.zeros((1, 1, moments.bin_count(digits)), np.int64)
    moments.count_bins(counts, x, digits)
    edges = moments.bin_edges(digits)
    assert len(edges) == moments.bin_count(digits) + 1
    assert (np.diff(edges[1:-1]) > 0).all()
    values = np.sort(x[0, 0])
    cumulative = np.cumsum(counts[0, 0])
    for k in np.random.default_rng(6).integers(1, len(edges) - 1, 500):
        below = np.searchsorted(values, edges[k], side="left")
        at_most = np.searchsorted(values, edges[k], side="right")
        assert below <= cumulative[k - 1] <= at_most
    assert counts.sum() == x.size
