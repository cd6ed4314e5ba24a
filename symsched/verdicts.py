"""Statistical decisions: p-values against exact laws, a sequential test with stated error rates, order fits.

A test answers with a p-value that is uniform (or larger) when the claim holds.  `sequential` repeats a test on fresh
paths until the answer is clear, and its total probability of rejecting a true claim is what was stated: the level of
round k is a fixed share of it, so rounds replace both retries and lucky seeds.  (The idea of repeating a test at
adapted levels is from Gandy & Scott, arXiv:2001.06465.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from symsched.errors import InputError

Array = NDArray[np.float64]


# -- p-values ----------------------------------------------------------------------------------------------------


def mean_p_value(result: Any, exact: float, index: int = -1, coordinate: int = 0) -> float:
    """Two-sided p-value of E X = exact at one saved time: (x̄ − m) √n / s, normal for large n."""
    mean, error = _entry(result.mean, index, coordinate), _entry(result.mean_error, index, coordinate)
    return _two_sided(mean - exact, error)


def variance_p_value(result: Any, exact: float, index: int = -1, coordinate: int = 0) -> float:
    """Two-sided p-value of Var X = exact, with the standard error from the fourth moment."""
    return _two_sided(_entry(result.var, index, coordinate) - exact, _entry(result.var_error, index, coordinate))


def gaussian_variance_p_value(result: Any, exact: float, index: int = -1, coordinate: int = 0) -> float:
    """Two-sided p-value of Var X = exact for a Gaussian X, where (n − 1) s²/σ² is exactly χ²."""
    n, var = result.n_paths, _entry(result.var, index, coordinate)
    if exact == 0:
        return 1.0 if var == 0 else 0.0
    law = stats.chi2(n - 1)
    share = (n - 1) * var / exact
    return float(min(1.0, 2 * min(law.cdf(share), law.sf(share))))


def covariance_p_value(result: Any, exact: ArrayLike, index: int = -1) -> float:
    """p-value of Cov X = exact for a Gaussian X in d dimensions: the modified likelihood-ratio test.

    (n − 1)(log|Σ| − log|S| + tr(SΣ⁻¹) − d), Bartlett-corrected, is χ² with d(d+1)/2 degrees of freedom
    (Anderson, An Introduction to Multivariate Statistical Analysis, 10.8).
    """
    wanted = np.asarray(exact, dtype=np.float64)
    d, n = wanted.shape[0], result.n_paths - 1
    ratio = np.linalg.solve(wanted, result.cov[index])
    sign, logdet = np.linalg.slogdet(ratio)
    if sign <= 0:
        return 0.0
    statistic = n * (np.trace(ratio) - d - logdet)
    correction = 1 - (2 * d + 1 - 2 / (d + 1)) / (6 * n)
    return float(stats.chi2(d * (d + 1) / 2).sf(correction * statistic))


def ks_p_value(result: Any, cdf: Callable[[Array], ArrayLike], index: int = -1, coordinate: int = 0) -> float:
    """Kolmogorov–Smirnov p-value of the law `cdf`, with the supremum over histogram edges (so never too small)."""
    edges, found = result.cdf(index, coordinate)
    finite = np.isfinite(edges)
    gap = float(np.abs(found[finite] - np.asarray(cdf(edges[finite]))).max())
    return float(stats.kstwo(result.n_paths).sf(gap)) if gap > 0 else 1.0


def sample_ks_p_value(values: ArrayLike, cdf: Callable[[Array], ArrayLike]) -> float:
    """Kolmogorov–Smirnov p-value of a sample."""
    return float(stats.kstest(np.asarray(values, dtype=np.float64), cdf).pvalue)


def sample_gaussian_p_value(values: ArrayLike, mean: float, variance: float) -> float:
    """p-value of a sample of N(mean, variance): exact z-test of its mean and exact χ² test of Σ(x − mean)².

    A variance of 0 is a point: p is 1 if every value is the mean, else 0.
    """
    gaps = np.asarray(values, dtype=np.float64) - mean
    if variance == 0:
        return 1.0 if not gaps.any() else 0.0
    share, law = float((gaps**2).sum() / variance), stats.chi2(gaps.size)
    spread = float(min(1.0, 2 * min(law.cdf(share), law.sf(share))))
    return combine([_two_sided(float(gaps.mean()), math.sqrt(variance / gaps.size)), spread])


def correlation_p_value(one: ArrayLike, other: ArrayLike) -> float:
    """Two-sided p-value of independence from Pearson's correlation: exact when either sample is Gaussian."""
    first, second = (np.asarray(v, dtype=np.float64) for v in (one, other))
    return float(stats.pearsonr(first, second).pvalue)


def difference_p_value(differences: ArrayLike, exact: float = 0.0) -> float:
    """Two-sided p-value of E D = exact from a sample of D: coupled differences, free of discretisation bias."""
    sample = np.asarray(differences, dtype=np.float64)
    return _two_sided(float(sample.mean()) - exact, float(sample.std(ddof=1) / math.sqrt(sample.size)))


def combine(p_values: Sequence[float]) -> float:
    """One p-value from several, dependent or not: k times the smallest (Bonferroni)."""
    if not p_values:
        raise InputError("combine got no p-values")
    return min(1.0, len(p_values) * min(p_values))


def _entry(values: Array, index: int, coordinate: int) -> float:
    row = values[index]
    return float(row if np.ndim(row) == 0 else row[coordinate])


def _two_sided(gap: float, error: float) -> float:
    if error == 0:
        return 1.0 if gap == 0 else 0.0
    return math.erfc(abs(gap) / error / math.sqrt(2))


# -- the sequential test -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ruling:
    """What a sequential test found: accepted or not, each round's p-value, and the total level."""

    accepted: bool
    p_values: tuple[float, ...]
    level: float
    sizes: tuple[int, ...]

    def __bool__(self) -> bool:
        return self.accepted

    @property
    def rounds(self) -> int:
        """Rounds that were needed."""
        return len(self.p_values)


def sequential(
    test: Callable[[int, int], float],
    *,
    size: int = 20_000,
    level: float = 1e-6,
    rounds: int = 4,
    growth: int = 2,
    clear: float = 0.05,
    seed: int = 0,
) -> Ruling:
    """Decide a claim from `test(size, seed) -> p-value` with total false-positive rate at most `level`.

    Round k uses size·growth^k fresh paths and its own seed.  It rejects if p ≤ level/rounds, accepts if p > clear,
    and is followed by the next round in between; the last round accepts what it does not reject.  By the union
    bound a true claim is rejected with probability at most `level`; and because it is accepted in the first round
    with probability 1 − clear, the mean cost is hardly more than one round.

    Raises InputError for a level or a share outside (0, 1), or fewer than one round.
    """
    if not (0 < level < clear < 1) or rounds < 1 or size < 2 or growth < 1:
        raise InputError(
            f"level = {level}, clear = {clear}, rounds = {rounds}, size = {size}, growth = {growth}; "
            "needed: 0 < level < clear < 1, rounds >= 1, size >= 2, growth >= 1"
        )
    found: list[float] = []
    sizes: list[int] = []
    for k in range(rounds):
        sizes.append(size * growth**k)
        found.append(float(test(sizes[-1], derived_seed(seed, k))))
        if not found[-1] > level / rounds:  # also when it is NaN
            return Ruling(False, tuple(found), level, tuple(sizes))
        if found[-1] > clear:
            break
    return Ruling(True, tuple(found), level, tuple(sizes))


def derived_seed(seed: int, k: int) -> int:
    """A seed for round k: independent of the others, and the same in every run."""
    return int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0])


def mean_power(shift: float, std: float, size: int, level: float = 1e-6, rounds: int = 4) -> float:
    """A lower bound of the probability that `sequential` rejects in its first round when the mean is off by `shift`.

    Power of the two-sided z-test with n = size at the first round's level; later rounds can only add to it.
    """
    z = stats.norm.isf(level / rounds / 2)
    moved = abs(shift) * math.sqrt(size) / std
    return float(stats.norm.sf(z - moved) + stats.norm.cdf(-z - moved))


def variance_power(ratio: float, size: int, level: float = 1e-6, rounds: int = 4) -> float:
    """Power of `gaussian_variance_p_value` in the first round when the variance is `ratio` times what is claimed."""
    law, share = stats.chi2(size - 1), level / rounds / 2
    return float(law.cdf(law.ppf(share) / ratio) + law.sf(law.isf(share) / ratio))


def correlation_power(correlation: float, size: int, level: float = 1e-6, rounds: int = 4) -> float:
    """Power of `correlation_p_value` in the first round at a true correlation, by Fisher's z transformation."""
    return mean_power(math.atanh(correlation), 1.0, size - 3, level, rounds)


def ks_power(distance: float, size: int, level: float = 1e-6, rounds: int = 4) -> float:
    """A lower bound of the power of the KS test against a law at uniform distance `distance`.

    By the triangle inequality it rejects unless the empirical distance to the true law exceeds distance − the
    critical value.
    """
    spare = distance - stats.kstwo(size).isf(level / rounds)
    return float(stats.kstwo(size).cdf(spare)) if spare > 0 else 0.0


# -- orders --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OrderFit:
    """error ≈ constant · h^order: the weighted log-log slope, its standard error, and the goodness of fit."""

    order: float
    error: float
    constant: float
    chi_squared_p: float
    used: int

    def agrees(self, expected: float, level: float = 1e-6, curvature: float = 0.0) -> bool:
        """Whether |order − expected| is within the normal quantile of `level`, plus a bound for higher-order terms."""
        return abs(self.order - expected) <= stats.norm.isf(level / 2) * self.error + curvature


def fit_order(h: ArrayLike, errors: ArrayLike, standard_errors: ArrayLike, significant: float = 4.0) -> OrderFit:
    """Weighted least squares of log error on log h, over the levels whose error exceeds 4 standard errors.

    The slope's standard error is the larger of what the standard errors imply and what the residuals show.
    Raises InputError where fewer than three levels are significant.
    """
    h, e, s = (np.asarray(v, dtype=np.float64) for v in (h, errors, standard_errors))
    use = (np.abs(e) > significant * s) & (e != 0)
    if use.sum() < 3:
        raise InputError(
            f"{int(use.sum())} of {len(h)} levels have an error above {significant:g} standard errors; "
            "an order needs three: take more paths or coarser steps"
        )
    u, v, w = np.log(h[use]), np.log(np.abs(e[use])), (np.abs(e[use]) / np.maximum(s[use], 1e-300)) ** 2
    w = np.minimum(w, 1e12)
    centre = (w * u).sum() / w.sum()
    spread = (w * (u - centre) ** 2).sum()
    slope = float((w * (u - centre) * v).sum() / spread)
    offset = float((w * v).sum() / w.sum() - slope * centre)
    chi = float((w * (v - slope * u - offset) ** 2).sum())
    freedom = int(use.sum()) - 2
    error = math.sqrt(max(1.0, chi / freedom) / spread)
    return OrderFit(slope, error, math.exp(offset), float(stats.chi2(freedom).sf(chi)), int(use.sum()))
