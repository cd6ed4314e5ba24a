"""How far samples are from where they should be: endpoint error, and distances between laws with intervals.

Endpoint error compares sample by sample with the converged ODE endpoint of the same noise; a distance compares the law
of the samples with reference data. Every distance is a `Distance`: prepared once, then evaluated under weights on the
samples, so that the bootstrap resamples (each sample is one seed) without drawing or measuring anything twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError

Array = NDArray[np.float64]
Distance = Callable[[Array], float]  # weights (n,) that sum to n -> the distance

DATA_RANGE = 2.0  # images live in [−1, 1]
RESAMPLES = 100
LEVEL = 0.95


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
    nu, T = _moments(reference, np.ones(len(reference)))
    root_T = _root(T)

    def distance(weights: Array) -> float:
        mu, S = _moments(samples, weights)
        cross = np.linalg.eigvalsh(root_T @ S @ root_T)
        return float(((mu - nu) ** 2).sum() + np.trace(S) + np.trace(T) - 2 * np.sqrt(cross.clip(0)).sum())

    return distance


def sliced_wasserstein(samples: Array, reference: Array, directions: int = 64, seed: int = 0) -> Distance:
    """The root mean square, over random directions, of the 2-Wasserstein distance of the projections.

    Quantile functions are compared at the midpoints of as many levels as there are samples. Arrays are (n, d), (m, d).
    """
    _same_dimension(samples, reference)
    axes = np.random.default_rng(seed).standard_normal((samples.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    ours, theirs = samples @ axes, np.sort(reference @ axes, axis=0)
    levels = (np.arange(len(samples)) + 0.5) / len(samples)
    target = theirs[(levels * len(theirs)).astype(int)]
    order = np.argsort(ours, axis=0)
    ours = np.take_along_axis(ours, order, axis=0)

    def distance(weights: Array) -> float:
        mass = np.cumsum(weights[order], axis=0) / weights.sum()
        square = [_quantile_gap(*column, levels) for column in zip(ours.T, mass.T, target.T, strict=True)]
        return float(np.sqrt(np.mean(square)))

    return distance


def mmd(samples: Array, reference: Array) -> Distance:
    """The squared maximum mean discrepancy, unbiased (Gretton et al., JMLR 13:723, 2012), for arrays (n, d) and (m, d).

    The kernel is the mean of three Gaussians, of ½, 1 and 2 times the median distance within the reference: it does not
    move with the samples. A value may be negative; its mean is 0 when the laws agree.
    """
    _same_dimension(samples, reference)
    square = _squares(reference, reference)
    median = np.median(square[np.triu_indices(len(reference), 1)])
    m = len(reference)
    within = (_kernel(square, median).sum() - m) / (m * (m - 1))
    own = _kernel(_squares(samples, samples), median)
    across = _kernel(_squares(samples, reference), median).mean(axis=1)
    np.fill_diagonal(own, 0.0)

    def distance(weights: Array) -> float:
        total = weights.sum()
        pairs = total**2 - (weights**2).sum()  # drawing one sample twice makes no pair
        return float(weights @ own @ weights / pairs - 2 * weights @ across / total + within)

    return distance


@dataclass(frozen=True)
class Interval:
    """A value with its bootstrap interval, corrected for the bias that the bootstrap sees."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high}


def interval(distance: Distance, n: int, seed: int = 0) -> Interval:
    """The distance of n samples, and the interval that contains the true one in 95 of 100 repetitions.

    Samples are drawn with replacement; the interval is the basic one, 2 d − (quantiles of d*): resampling inflates a
    distance just as sampling does, and reflecting takes that off. The value returned is d less the bootstrap's bias.
    """
    plain = distance(np.ones(n))
    return _reflected(plain, np.array([distance(w) for w in resamples(n, seed)]))


def difference(first: Distance, second: Distance, n: int, seed: int = 0) -> Interval:
    """first − second for two sets of n samples made from the same noise: both are resampled alike."""
    plain = first(np.ones(n)) - second(np.ones(n))
    return _reflected(plain, np.array([first(w) - second(w) for w in resamples(n, seed)]))


def resamples(n: int, seed: int) -> Iterator[Array]:
    """Weights of bootstrap samples: how often each of n samples is drawn in n draws with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield rng.multinomial(n, np.full(n, 1 / n)).astype(float)


def _reflected(plain: float, drawn: Array) -> Interval:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(2 * plain - drawn.mean()), float(2 * plain - high), float(2 * plain - low))


def _moments(points: Array, weights: Array) -> tuple[Array, Array]:
    total = weights.sum()
    mean = weights @ points / total
    centred = points - mean
    return mean, (weights[:, None] * centred).T @ centred / (total - 1)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _quantile_gap(points: Array, mass: Array, target: Array, levels: Array) -> float:
    quantiles = points[np.searchsorted(mass, levels).clip(max=len(points) - 1)]
    return float(np.mean((quantiles - target) ** 2))


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
