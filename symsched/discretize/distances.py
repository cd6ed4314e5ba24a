"""Distances between Gaussians that stay accurate when the two nearly agree.

    W2²(N₁, N₂) = |m₁ − m₂|² + min_U ‖S₁ − S₂U‖²,  S = C^{1/2}, U orthogonal      (in one dimension (σ₁ − σ₂)²)
    KL(N₁ ‖ N₂) = ½ [ Σ (δ − log(1+δ)) + (m₁ − m₂)ᵀ C₂⁻¹ (m₁ − m₂) ],  δ the eigenvalues of C₂⁻¹(C₁ − C₂)

The usual trace formula for W2 loses half the digits near equality, the usual KL loses them all; these do not.
W2 in Procrustes form: Dowson & Landau (1982); Olkin & Pukelsheim (1982).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.given import joint_shape, reals

Array = NDArray[np.float64]


def w2(mean: Any, cov: Any, other_mean: Any, other_cov: Any) -> Any:
    """Wasserstein-2 distance between two Gaussians.

    Scalars (or arrays of scalars, elementwise): `cov` is the variance.  Mean vectors (dim,) go with covariances
    (dim, dim), and the answer is one number.  InputError for negative variances and shapes that do not fit.
    """
    if not _have_vectors((mean, other_mean), (cov, other_cov)):
        gap, variance, other_variance = _scalars(mean, cov, other_mean, other_cov)
        return np.hypot(gap, np.sqrt(variance) - np.sqrt(other_variance))
    one, other, gap = _matrices(mean, cov, other_mean, other_cov)
    root, other_root = _root(one), _root(other)
    left, _, right = np.linalg.svd(other_root @ root)
    return float(np.hypot(np.linalg.norm(gap), np.linalg.norm(root - other_root @ (left @ right))))


def kl(mean: Any, cov: Any, other_mean: Any, other_cov: Any) -> Any:
    """Kullback-Leibler divergence KL(N(mean, cov) ‖ N(other_mean, other_cov)), in nats; shapes as for `w2`.

    `inf` where the second law, or the first alone, is degenerate.
    """
    if not _have_vectors((mean, other_mean), (cov, other_cov)):
        return kl_scalar(*_scalars(mean, cov, other_mean, other_cov))
    one, other, gap = _matrices(mean, cov, other_mean, other_cov)
    _spectrum(one), _spectrum(other)
    try:
        lower = np.linalg.cholesky(other)
    except np.linalg.LinAlgError:
        return float("inf")
    half = np.linalg.solve(lower, one - other)
    delta = np.linalg.eigvalsh(np.linalg.solve(lower, half.T))
    return float(excess(np.maximum(delta, -1.0)).sum() + (np.linalg.solve(lower, gap) ** 2).sum()) / 2


def kl_scalar(gap: Any, variance: Any, other_variance: Any) -> Any:
    """KL between scalar Gaussians whose means differ by `gap`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = np.subtract(variance, other_variance) / other_variance
        value = (excess(delta) + np.square(gap) / other_variance) / 2
    return np.where(np.equal(other_variance, 0), np.inf, value)[()]


def excess(delta: Any) -> Any:
    """δ − log(1 + δ) for δ ≥ −1, to full relative accuracy: inf at −1.

    With y = δ/(2+δ), log(1+δ) = 2 artanh y, so the difference is δy − 2(y³/3 + y⁵/5 + …): no cancellation near 0.
    """
    delta = np.asarray(delta, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = delta - np.log1p(delta)
    near = np.where(np.abs(delta) < 0.5, delta, 0.0)
    y = near / (2 + near)
    tail = np.zeros_like(y)
    for order in range(31, 2, -2):
        tail = (tail + 1 / order) * y**2
    series = near * y - 2 * y * tail
    return np.where(np.abs(delta) < 0.5, series, direct)[()]


def _have_vectors(means: tuple[Any, Any], covs: tuple[Any, Any]) -> bool:
    """Mean vectors with a covariance matrix in either law; else arrays of scalars."""
    vectors = max(reals(mean, "mean").ndim for mean in means) == 1
    return vectors and max(reals(cov, "variance").ndim for cov in covs) > 1


def _scalars(mean: Any, cov: Any, other_mean: Any, other_cov: Any) -> tuple[Array, Array, Array]:
    """The gap between the means, and both variances."""
    means = [reals(value, "mean") for value in (mean, other_mean)]
    variances = [reals(value, "variance") for value in (cov, other_cov)]
    joint_shape("means and variances", *(value.shape for value in (*means, *variances)))
    for variance in variances:
        if not ((variance >= 0) & (variance < np.inf)).all():
            raise InputError(f"variance {float(np.min(variance))} is not allowed; variances should be finite and >= 0")
    return means[0] - means[1], variances[0], variances[1]


def _matrices(mean: Any, cov: Any, other_mean: Any, other_cov: Any) -> tuple[Array, Array, Array]:
    one, other = reals(cov, "covariance"), reals(other_cov, "covariance")
    means = [reals(value, "mean") for value in (mean, other_mean)]
    joint_shape("means", *(value.shape for value in means))
    gap = means[0] - means[1]
    if not one.shape == other.shape == (len(gap), len(gap)):
        raise InputError(f"covariances of shape {one.shape} and {other.shape} do not fit means of length {len(gap)}")
    return one, other, gap


def _root(matrix: Array) -> Array:
    values, axes = _spectrum(matrix)
    return (axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T


def _spectrum(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues and axes of a covariance.  Raises InputError where it is none."""
    if not np.isfinite(matrix).all():
        raise InputError("covariance has NaN or infinite entries; all should be finite")
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    if values.min(initial=0.0) < -1e-9 * np.abs(values).max(initial=np.finfo(np.float64).tiny):
        raise InputError(f"covariance has a negative eigenvalue {values.min():.6g}; it should be positive semidefinite")
    return values, axes
