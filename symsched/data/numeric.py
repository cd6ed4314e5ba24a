"""Mean fields, score and log density of I_t at given states, in any dimension, without a clamp at either end.

A law is a stream of blocks.  Each block tells, for a batch of states, its log mass w p(x) and the Gaussian it acts as;
`evaluate` averages the blocks' fields with a running log-sum-exp, so an empirical law of any size needs memory for one
chunk only.  All arithmetic is float64; float32 states give float32 answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symsched.data.checks import Array
from symsched.data.conditioning import standardised
from symsched.errors import InputError

#: Stands for √V where V = 0: so small that every weight is its limit, so large that its square does not overflow.
FLOOR = float(np.finfo(np.float64).tiny ** 0.4)
#: Entries of the largest temporary.
CHUNK = 1 << 22
#: Points that one block takes at a time.
POINTS = 1 << 12
#: Largest error in a log weight for which squared distances may come from a matrix product.
LOG_WEIGHT_ERROR = 1e-10


@dataclass(frozen=True, eq=False)
class Eigenframe:
    """A Gaussian N(mean, Q diag(stds²) Qᵀ) of weight e^log_weight; `axes` is Q, None for the identity."""

    log_weight: float
    mean: Array
    stds: Array
    axes: Array | None = None

    @property
    def covariance(self) -> Array:
        """Q diag(stds²) Qᵀ."""
        axes = np.eye(len(self.mean)) if self.axes is None else self.axes
        return (axes * self.stds**2) @ axes.T

    def centre(self, alpha: Array, beta: Array, x: Array) -> tuple[Array, Array]:
        """The log mass given by each direction's density, and the mean that the states are compared with."""
        offset = self.into(x - beta * self.mean)
        width = root_variance(alpha, beta, self.stds)
        logs = standardised().log_density(alpha, beta, self.stds, width, offset / width)
        return self.log_weight + logs.sum(axis=-1), np.broadcast_to(self.mean, x.shape)

    def into(self, vectors: Array) -> Array:
        """Coordinates along the axes."""
        return vectors if self.axes is None else vectors @ self.axes

    def back(self, vectors: Array) -> Array:
        """Inverse of `into`."""
        return vectors if self.axes is None else vectors @ self.axes.T


@dataclass(frozen=True, eq=False)
class Points:
    """Equally likely points (n, dim), each of weight e^log_weight: they act as one point, their posterior mean."""

    log_weight: float
    points: Array

    @property
    def stds(self) -> Array:
        """Points have no spread."""
        return np.zeros(1)

    def centre(self, alpha: Array, beta: Array, x: Array) -> tuple[Array, Array]:
        """log Σ p(x | point), and the posterior mean of the points."""
        width = root_variance(alpha, beta, self.stds)
        # A sum over coordinates of c + k u² is dim times its value at the root mean square of u.
        distance = np.sqrt(squared_distances(x, beta, self.points, width) / x.shape[1])
        logs = x.shape[1] * standardised().log_density(alpha, beta, 0.0, width, distance / width)
        top = logs.max(axis=1)
        shares = np.exp(logs - top[:, None])
        total = shares.sum(axis=1)
        return self.log_weight + top + np.log(total), shares @ self.points / total[:, None]

    def into(self, vectors: Array) -> Array:
        """Points are isotropic: any frame will do."""
        return vectors

    def back(self, vectors: Array) -> Array:
        """Inverse of `into`."""
        return vectors


Block = Eigenframe | Points


class Blocks(Protocol):
    """What is asked of a law here; see `DataLaw`."""

    @property
    def dim(self) -> int: ...
    @property
    def chunk(self) -> int: ...
    @property
    def summary(self) -> str: ...
    def blocks(self) -> Iterator[Block]: ...


def root_variance(alpha: Array, beta: Array, stds: Array) -> Array:
    """√(α² + β²s²) without overflow, and `FLOOR` in place of 0."""
    return np.maximum(np.hypot(alpha, beta * stds), FLOOR)


def squared_distances(x: Array, beta: Array, points: Array, width: Array) -> Array:
    """|x − β point|², shape (rows, points): a matrix product when that is harmless, else by differences."""
    norms, point_norms = (x * x).sum(axis=1, keepdims=True), (points * points).sum(axis=1)
    reach = np.sqrt(norms) + beta * np.sqrt(point_norms.max())
    if (np.finfo(np.float64).eps * x.shape[1] * (reach / width) ** 2).max() < LOG_WEIGHT_ERROR:
        return np.maximum(norms - 2 * beta * (x @ points.T) + beta**2 * point_norms, 0.0)
    from scipy.spatial.distance import cdist

    if np.ptp(beta) == 0:
        return np.asarray(cdist(x, beta[0] * points, "sqeuclidean"))
    return np.concatenate([cdist(row[None], scale * points, "sqeuclidean") for row, scale in zip(x, beta, strict=True)])


def _field(block: Block, name: str, alpha: Array, beta: Array, x: Array, mean: Array) -> Array:
    """The block's conditional field at x, the block acting as a Gaussian with this mean."""
    width = root_variance(alpha, beta, block.stds)
    standard = block.into(x - beta * mean) / width
    field = block.back(getattr(standardised(), name)(alpha, beta, block.stds, width, standard) + np.zeros_like(x))
    return field + mean if name == "data" else field


def _rows(blocks: Iterator[Block], name: str, alpha: Array, beta: Array, x: Array) -> Array:
    """Log-sum-exp average of the blocks' fields (or the log of the total mass) for one chunk of states."""
    top, total, average = np.full(len(x), -np.inf), np.zeros(len(x)), np.zeros_like(x)
    for block in blocks:
        log_mass, mean = block.centre(alpha, beta, x)
        new_top = np.maximum(top, log_mass)
        kept, added = np.exp(top - new_top), np.exp(log_mass - new_top)
        top, total = new_top, kept * total + added
        if name != "log_density":
            average = kept[:, None] * average + added[:, None] * _field(block, name, alpha, beta, x, mean)
    return top + np.log(total) if name == "log_density" else average / total[:, None]


def evaluate(law: Blocks, name: str, alpha: Array, beta: Array, x: Any) -> Any:
    """Field `name` (data, noise, score, log_density) of I = αZ + βX at states x; see `DataLaw` for shapes."""
    states = np.asarray(x)
    dtype = states.dtype if states.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    if law.dim > 1 and (states.ndim == 0 or states.shape[-1] != law.dim):
        raise InputError(f"states have shape {states.shape}; this law needs the last axis to be {law.dim}")
    batch = np.broadcast_shapes(states.shape if law.dim == 1 else states.shape[:-1], alpha.shape, beta.shape)
    flat = np.broadcast_to(states.reshape(states.shape if law.dim > 1 else (*states.shape, 1)), (*batch, law.dim))
    flat = flat.reshape(-1, law.dim).astype(np.float64)
    alphas, betas = (np.broadcast_to(value, batch).reshape(-1, 1) for value in (alpha, beta))
    if name in ("score", "log_density"):
        _need_density(law, alphas, betas)
    step = max(1, CHUNK // max(law.dim, law.chunk))
    parts = [
        _rows(law.blocks(), name, alphas[start : start + step], betas[start : start + step], flat[start : start + step])
        for start in range(0, len(flat), step)
    ]
    joined = np.concatenate(parts) if parts else np.zeros(flat.shape[: 1 if name == "log_density" else 2])
    shape = batch if name == "log_density" or law.dim == 1 else (*batch, law.dim)
    out = joined.reshape(shape).astype(dtype)
    return out if shape else out[()]


def has_density(law: Blocks, alpha: Any, beta: Any) -> bool:
    """Whether I = αZ + βX has a density: V > 0 in every direction of every component, for every α, β given."""
    noise, data = (np.asarray(value, dtype=np.float64).reshape(-1, 1) for value in (alpha, beta))
    if (noise > 0).all():
        return True
    return all((np.hypot(noise, data * block.stds) > 0).all() for block in law.blocks())


def _need_density(law: Blocks, alphas: Array, betas: Array) -> None:
    if not has_density(law, alphas, betas):
        raise InputError(
            f"the interpolant of {law.summary} has no density at alpha = 0, beta = {betas[alphas == 0].min():g}, "
            "so it has no score there; ask at alpha > 0, or for eta_x_at and eta_z_at, which exist"
        )


def per_state(value: Any, dim: int) -> Array:
    """A number per state, shaped to multiply a field of that dimension."""
    out = np.asarray(value, dtype=np.float64)
    return out if dim == 1 else out[..., None]
