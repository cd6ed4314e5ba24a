"""How far samples are from where they should be: endpoint error, and distances between laws with intervals.

Endpoint error compares sample by sample with the converged ODE endpoint of the same noise; a distance compares the law
of the samples with reference data. Every distance is a `Distance`: prepared once, then evaluated under weights on the
samples and on the reference, so that the bootstrap resamples both (each sample is one seed) without drawing or
measuring anything twice. A reference held fixed would favour samplers whose errors happen to lean towards it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError

Array = NDArray[np.float64]

DATA_RANGE = 2.0  # images live in [−1, 1]
RESAMPLES = 100
LEVEL = 0.95


@dataclass(frozen=True)
class Distance:
    """A distance of n samples from m reference points, as a function of weights (n,) and (m,) on them."""

    measure: Callable[[Array, Array], float]
    n: int
    m: int

    def __call__(self, weights: Array | None = None, others: Array | None = None) -> float:
        """The distance; weights are how often each point counts, by default once."""
        ours = np.ones(self.n) if weights is None else weights
        return self.measure(ours, np.ones(self.m) if others is None else others)


def rmse(samples: Array, endpoints: Array) -> float:
    """√ mean (x − y)² over all samples and coordinates, for two arrays of one shape (n, …)."""
    _same_shape(samples, endpoints)
    return float(np.sqrt(np.mean((samples - endpoints) ** 2)))


def psnr(samples: Array, endpoints: Array, data_range: float = DATA_RANGE) -> float:
    """20 log₁₀(data range / RMSE) in decibels; images in [−1, 1] have range 2. Infinite where the two are equal."""
    error = rmse(samples, endpoints)
    return float(20 * np.log10(data_range / error)) if error > 0 else float("inf")


def mean_psnr(samples: Array, endpoints: Array, data_range: float = DATA_RANGE) -> float:
    """The mean over samples of each sample's own PSNR: a single sample that went elsewhere cannot dominate."""
    _same_shape(samples, endpoints)
    square = ((samples - endpoints) ** 2).reshape(len(samples), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        return float(np.mean(10 * np.log10(data_range**2 / square)))


def frechet(samples: Array, reference: Array) -> Distance:
    """‖μ − ν‖² + tr(S + T − 2 (S^½ T S^½)^½), the squared 2-Wasserstein distance of two normal laws with these moments.

    On the features of a classifier this is the FID (Heusel et al., arXiv:1706.08500). Arrays are (n, d) and (m, d).
    """
    _same_dimension(samples, reference)

    def distance(weights: Array, others: Array) -> float:
        (mu, S), (nu, T) = _moments(samples, weights), _moments(reference, others)
        root = _root(T)
        cross = np.linalg.eigvalsh(root @ S @ root)
        return float(((mu - nu) ** 2).sum() + np.trace(S) + np.trace(T) - 2 * np.sqrt(cross.clip(0)).sum())

    return Distance(distance, len(samples), len(reference))


def sliced_wasserstein(samples: Array, reference: Array, directions: int = 64, seed: int = 0) -> Distance:
    """The mean, over random directions, of the squared 2-Wasserstein distance of the projections.

    It is squared like the other two, because near 0 its bias falls with 1/n and the bootstrap takes that off; of its
    root it does not, and then calls exact samples significantly far (test_quality.py). Quantile functions are compared
    at the midpoints of as many levels as there are samples. Arrays are (n, d), (m, d).
    """
    _same_dimension(samples, reference)
    axes = np.random.default_rng(seed).standard_normal((samples.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    levels = (np.arange(len(samples)) + 0.5) / len(samples)
    ours, theirs = _sorted(samples @ axes), _sorted(reference @ axes)

    def distance(weights: Array, others: Array) -> float:
        gaps = _quantiles(*ours, weights, levels) - _quantiles(*theirs, others, levels)
        return float(np.mean(gaps**2))

    return Distance(distance, len(samples), len(reference))


def mmd(samples: Array, reference: Array) -> Distance:
    """The squared maximum mean discrepancy, unbiased (Gretton et al., JMLR 13:723, 2012), for arrays (n, d) and (m, d).

    The kernel is the mean of three Gaussians, of ½, 1 and 2 times the median distance within the reference: it does not
    move with the samples. A value may be negative; its mean is 0 when the laws agree.
    """
    _same_dimension(samples, reference)
    square = _squares(reference, reference)
    median = np.median(square[np.triu_indices(len(reference), 1)])
    within, own = _kernel(square, median), _kernel(_squares(samples, samples), median)
    across = _kernel(_squares(samples, reference), median)
    np.fill_diagonal(within, 0.0)
    np.fill_diagonal(own, 0.0)

    def distance(weights: Array, others: Array) -> float:
        total = weights.sum() * others.sum()
        return float(_pairs(own, weights) + _pairs(within, others) - 2 * (weights @ across @ others) / total)

    return Distance(distance, len(samples), len(reference))


@dataclass(frozen=True)
class Interval:
    """A value with its bootstrap interval, corrected for the bias that the bootstrap sees."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Draws:
    """A distance, and what it was on each bootstrap sample."""

    plain: float
    drawn: Array

    def __sub__(self, other: Draws) -> Draws:
        """The difference, for two sets of samples made from the same noise: both were resampled alike."""
        return Draws(self.plain - other.plain, self.drawn - other.drawn)

    def interval(self) -> Interval:
        """The value, and the interval that contains the true one in 95 of 100 repetitions.

        It is the basic one, 2 d − (quantiles of d*): resampling inflates a distance just as sampling does, and
        reflecting takes that off. The value is d less the bootstrap's bias.
        """
        low, high = np.quantile(self.drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        twice = 2 * self.plain
        return Interval(float(twice - self.drawn.mean()), float(twice - high), float(twice - low))


def bootstrap(distance: Distance, seed: int = 0) -> Draws:
    """The distance again and again, points drawn with replacement; alike for distances of the same sizes."""
    return Draws(distance(), np.array([distance(*weights) for weights in resamples(distance, seed)]))


def resamples(distance: Distance, seed: int) -> Iterator[tuple[Array, Array]]:
    """Weights of bootstrap samples: how often each point is drawn in as many draws with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield tuple(rng.multinomial(k, np.full(k, 1 / k)).astype(float) for k in (distance.n, distance.m))


def _moments(points: Array, weights: Array) -> tuple[Array, Array]:
    total = weights.sum()
    mean = weights @ points / total
    centred = points - mean
    return mean, (weights[:, None] * centred).T @ centred / (total - 1)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _sorted(points: Array) -> tuple[Array, Array]:
    """Each column in order, and the order."""
    order = np.argsort(points, axis=0)
    return np.take_along_axis(points, order, axis=0), order


def _quantiles(points: Array, order: Array, weights: Array, levels: Array) -> Array:
    """The quantiles of each sorted column at the levels, (levels, columns)."""
    mass = np.cumsum(weights[order], axis=0) / weights.sum()
    columns = [p[np.searchsorted(m, levels).clip(max=len(p) - 1)] for p, m in zip(points.T, mass.T, strict=True)]
    return np.stack(columns, axis=1)


def _pairs(kernel: Array, weights: Array) -> float:
    """The mean over pairs of two draws; drawing one point twice makes no pair, as the kernel's diagonal is 0."""
    return float(weights @ kernel @ weights / (weights.sum() ** 2 - (weights**2).sum()))


def _squares(a: Array, b: Array) -> Array:
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0.0)


def _kernel(square: Array, median: float) -> Array:
    return sum(np.exp(-square / (2 * scale**2 * median)) for scale in (0.5, 1.0, 2.0)) / 3


def _same_shape(a: Array, b: Array) -> None:
    if a.shape != b.shape or a.size == 0:
        raise InputError(
            f"samples {a.shape} and endpoints {b.shape} differ: each sample needs the endpoint of its noise"
        )


def _same_dimension(a: Array, b: Array) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise InputError(f"samples {a.shape} and reference {b.shape}: want (n, d) and (m, d) with n, m ≥ 2")
