"""Mean fields, score and log density of I_t at given states, in any dimension, without a clamp at either end.

A law is a stream of blocks.  Each block tells, for a batch of states, its log mass w p(x) and the Gaussian it acts as;
`evaluate` averages the blocks' fields with a running log-sum-exp, so an empirical law of any size needs memory for one
chunk only.  All arithmetic is float64; float32 states give float32 answers.

The offset x − βm is formed without rounding.  What rounding remains in a log mass grows like the square of the
distance; each block says how much it is, and the states for which it matters (or at which a field cancels, or leaves
the range of float64) are worked out anew in ball arithmetic: `symsched.data.careful`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sympy import Expr

from symsched.data.checks import Array
from symsched.data.conditioning import Component, standardised
from symsched.data.twofold import residual, turned
from symsched.errors import InputError
from symsched.given import joint_shape, reals
from symsched.precision import cached_property

#: Stands for √V where V = 0: so small that every weight is its limit, so large that its square does not overflow.
FLOOR = float(np.finfo(np.float64).tiny ** 0.4)
#: Entries of the largest temporary.
CHUNK = 1 << 22
#: Points that one block takes at a time.
POINTS = 1 << 12
#: Largest error in a log weight, for one coordinate; those of many coordinates add up like the root of their number.
LOG_WEIGHT_ERROR = 1e-12
#: One that nobody should be given.
WRONG = 1e-6
#: Share of what it is the sum of that a field may come down to before digits are missed.
CANCELLED = 1e-3
#: A component whose log mass is this much below another's adds nothing to a float64 field.
BEYOND = 1500.0
Mask = NDArray[np.bool_]
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Acting:
    """What a block is at some states: log mass, the mean m it acts as and the offset x − βm, along `into`.

    `error` is the error of the log mass; `rival` tells how far below its nearest point's the next one's log mass is
    (−∞ for one Gaussian), and `doubt` what error the weights of those points have.  `size` is what was added to get
    the offset.
    """

    log_mass: Array
    mean: Array
    offset: Array
    error: Array
    rival: Array
    doubt: Array
    size: Array


@dataclass(frozen=True, eq=False)
class Eigenframe:
    """A Gaussian N(mean, Q diag(stds²) Qᵀ) of some weight; `axes` is Q, None for the identity.

    `axes_low` is what Q lacks in float64, where it is known, and `mean_low` the same of the mean (an array is what it
    holds; one number means its decimals); `matrix` is the covariance as it was given.
    """

    weight: Expr
    mean: Array
    stds: Array
    axes: Array | None = None
    axes_low: Array | None = None
    matrix: Array | None = None
    mean_low: Array | float = 0.0

    @cached_property
    def log_weight(self) -> float:
        """log of the weight, which may be beyond float64."""
        from sympy import log

        return float(log(self.weight))

    @property
    def covariance(self) -> Array:
        """Q diag(stds²) Qᵀ."""
        axes = np.eye(len(self.mean)) if self.axes is None else self.axes
        return (axes * self.stds**2) @ axes.T

    def acting(self, alpha: Array, beta: Array, x: Array) -> Acting:
        """See `Acting`; the offset is along the axes."""
        offset = self.offset(beta, x)
        width = root_variance(alpha, beta, self.stds)
        standard = offset / width
        logs = self.log_weight + standardised().log_density(alpha, beta, self.stds, width, standard).sum(axis=-1)
        # Each standardised coordinate has some three roundings, and those of the projection onto float64 axes.
        lost = 3 * np.abs(standard)
        if self.axes is not None and self.axes_low is None:
            lost = lost + np.sqrt((offset**2).sum(axis=-1, keepdims=True)) / width
        lost = np.sqrt(((standard * lost) ** 2).sum(axis=-1)) + np.abs(np.log(width)).sum(axis=-1)
        error = _EPS * (lost + np.abs(logs))
        mean, none = np.broadcast_to(self.mean, x.shape), np.zeros(len(x))
        return Acting(logs, mean, offset, error, none - np.inf, none, np.abs(offset))

    def offset(self, beta: Array, x: Array) -> Array:
        """x − β mean along the axes, with no digit lost to the difference."""
        apart = residual(x, beta, self.mean, self.mean_low)
        if self.axes is None:
            return apart[0] + apart[1]
        return self.into(apart[0] + apart[1]) if self.axes_low is None else turned(apart, self.axes, self.axes_low)

    def into(self, vectors: Array) -> Array:
        """Coordinates along the axes."""
        return vectors if self.axes is None else vectors @ self.axes

    def back(self, vectors: Array) -> Array:
        """Inverse of `into`."""
        return vectors if self.axes is None else vectors @ self.axes.T


@dataclass(frozen=True, eq=False)
class Points:
    """Equally likely points (n, dim), each of weight e^log_weight: they act as one point, their posterior mean.

    `low` is what the points lack in float64.
    """

    log_weight: float
    points: Array
    low: Array | None = None

    @cached_property
    def _apart(self) -> Array:
        """The points less the first."""
        apart = self.points - self.points[0]
        return apart if self.low is None else apart + (self.low - self.low[0])

    @property
    def stds(self) -> Array:
        """Points have no spread."""
        return np.zeros(1)

    def acting(self, alpha: Array, beta: Array, x: Array) -> Acting:
        """See `Acting`.  Means are taken about the nearest point, so that large coordinates do not cancel."""
        logs, lost = self.logs(alpha, beta, x)
        rows, nearest = np.arange(len(x)), logs.argmax(axis=1)
        top = logs[rows, nearest]
        shares = np.exp(logs - top[:, None])
        weights = np.sqrt(shares)
        weights[rows, nearest] = 0.0
        own = lost[rows, nearest]
        doubt = (weights * lost).max(axis=1) + own * np.minimum(weights.max(axis=1), 1)
        logs += lost
        logs[rows, nearest] = -np.inf
        rival = logs.max(axis=1) - top + own
        total = shares.sum(axis=1)
        place, beside = self.points[nearest], shares @ self._apart / total[:, None] - self._apart[nearest]
        beside[rival < -BEYOND] = 0.0
        apart, rest = residual(x, beta, place, 0.0 if self.low is None else self.low[nearest])
        width = root_variance(alpha, beta, self.stds)
        mass = standardised().log_density(alpha, beta, 0.0, width, (apart + rest) / width).sum(axis=1) + np.log(total)
        offset = apart + (rest - beta * beside)
        size = np.abs(apart) + np.where((rival > -80.0)[:, None], beta * np.abs(self._apart[nearest]), 0.0)
        error = _EPS * (np.sqrt(x.shape[1]) * np.abs(np.log(width[:, 0])) + 4 * np.abs(mass))
        return Acting(self.log_weight + mass, place + beside, offset, error, rival, doubt, size)

    def logs(self, alpha: Array, beta: Array, x: Array) -> tuple[Array, Array]:
        """log p(x | point), shape (rows, points), and the errors of that; from the first point as the origin."""
        width, dim = root_variance(alpha, beta, self.stds), x.shape[1]
        near, rest = residual(x, beta, self.points[0], 0.0 if self.low is None else self.low[0])
        squares, lost = squared_distances(near + rest, beta, self._apart, width)
        # A sum over coordinates of c + k u² is dim times its value at the root mean square of u.
        logs = dim * standardised().log_density(alpha, beta, 0.0, width, np.sqrt(squares / dim) / width)
        return logs, lost

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
    def components(self) -> Iterator[Component]: ...


def root_variance(alpha: Array, beta: Array, stds: Array) -> Array:
    """√(α² + β²s²) without overflow, and `FLOOR` in place of 0."""
    width = np.hypot(alpha, beta * stds)
    return np.where(width == 0, FLOOR, width)


def squared_distances(x: Array, beta: Array, points: Array, width: Array) -> tuple[Array, Array]:
    """|x − β point|², shape (rows, points), and the error of |x − β point|²/2V.

    A matrix product where that is harmless, else by differences.
    """
    norms, point_norms = (x * x).sum(axis=1, keepdims=True), (points * points).sum(axis=1)
    reach = (np.sqrt(norms) + beta * np.sqrt(point_norms.max())) / width
    crude = _EPS * reach**2
    if crude.max() < LOG_WEIGHT_ERROR:
        squares = np.maximum(norms - 2 * beta * (x @ points.T) + beta**2 * point_norms, 0.0)
        return squares, np.broadcast_to(crude, squares.shape)
    from scipy.spatial.distance import cdist

    if np.ptp(beta) == 0:
        squares = np.asarray(cdist(x, beta.flat[0] * points, "sqeuclidean"))
    else:
        rows = (cdist(row[None], scale * points, "sqeuclidean") for row, scale in zip(x, beta, strict=True))
        squares = np.concatenate(list(rows))
    far = np.sqrt(squares) / width
    return squares, _EPS * far * (reach + far)


def _field(block: Block, name: str, alpha: Array, beta: Array, acting: Acting) -> tuple[Array, Array]:
    """The block's conditional field, the block acting as a Gaussian; and the sizes of what was added for it."""
    width = root_variance(alpha, beta, block.stds)
    form = getattr(standardised(), name)
    part = form(alpha, beta, block.stds, width, acting.offset / width)
    field = block.back(part + np.zeros_like(acting.mean))
    if name == "data":
        return field + acting.mean, np.abs(field) + np.abs(acting.mean)
    scale = np.divide(acting.size, np.abs(acting.offset), out=np.ones_like(field), where=acting.offset != 0)
    return field, np.abs(field) * scale if isinstance(block, Points) else np.abs(field)


class _Average:
    """Posterior average over the blocks so far, with the error that the weights may have."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        rows = shape[0]
        self.top, self.total, self.log_error = np.full(rows, -np.inf), np.zeros(rows), np.zeros(rows)
        self.rival, self.doubt = np.full(rows, -np.inf), np.zeros(rows)
        self.field, self.size = np.zeros(shape), np.zeros(shape)

    def add(self, found: Acting, field: Array, size: Array) -> None:
        """One more block; `rival` and `doubt` are kept relative to the largest log mass."""
        better = found.log_mass > self.top
        new = np.where(better, found.log_mass, self.top)
        old_shift, shift = self.top - new, found.log_mass - new
        kept, added = np.exp(old_shift), np.exp(shift)
        loser = np.where(better, old_shift + self.log_error, shift + found.error)
        lost = np.where(better, self.log_error, found.error)
        self.rival = np.maximum(np.maximum(self.rival + old_shift, found.rival + shift), loser)
        tied = np.where(loser > -BEYOND, lost * np.exp(np.minimum(loser, 0) / 2), 0.0)
        self.doubt = np.maximum(np.maximum(self.doubt * np.sqrt(kept), found.doubt * np.sqrt(added)), tied)
        self.log_error = np.where(better, found.error, self.log_error)
        self.top, self.total = new, kept * self.total + added
        self.field = kept[:, None] * self.field + added[:, None] * field
        self.size = kept[:, None] * self.size + added[:, None] * size

    def uncertain(self) -> tuple[Mask, Mask]:
        """Which rows have too little to show (weights in doubt, or fields that cancel), and which have nothing."""
        own = self.log_error * np.exp(np.minimum(self.rival, 0) / 2)
        doubt = np.where(self.rival + self.log_error > -BEYOND, self.doubt + own, 0.0)
        length, sizes = (np.sqrt((part**2).sum(axis=1)) for part in (self.field, self.size))
        nothing = ~(np.isfinite(self.total) & (doubt <= WRONG))
        unsure = (doubt > LOG_WEIGHT_ERROR * np.sqrt(self.field.shape[1])) | ~(length >= CANCELLED * sizes)
        return unsure | nothing, nothing


def _rows(law: Blocks, name: str, alpha: Array, beta: Array, x: Array) -> Array:
    """Log-sum-exp average of the blocks' fields (or the log of the total mass) for one chunk of states."""
    from symsched.data.careful import redo

    if len(x) and np.ptp(alpha) == 0 and np.ptp(beta) == 0:
        alpha, beta = alpha[:1], beta[:1]
    average = _Average(x.shape)
    with np.errstate(all="ignore"):
        for block in law.blocks():
            found = block.acting(alpha, beta, x)
            field, size = (x, x) if name == "log_density" else _field(block, name, alpha, beta, found)
            average.add(found, field, size)
        unsure, nothing = average.uncertain()
        if name == "log_density":
            out = average.top + np.log(average.total)
            unsure |= ~(average.log_error <= LOG_WEIGHT_ERROR * np.abs(out))
        else:
            out = average.field / average.total[:, None]
        # Here the distances that decide between points may be smaller than what stands for no variance.
        unsure |= ((alpha == 0) & (beta > 0))[:, 0] & (np.abs(x).max(axis=1) < np.sqrt(FLOOR))
    redo(law, name, alpha, beta, x, out, unsure, nothing)
    return out


def evaluate(law: Blocks, name: str, alpha: Array, beta: Array, x: Any) -> Any:
    """Field `name` (data, noise, score, log_density) of I = αZ + βX at states x; see `DataLaw` for shapes."""
    states = reals(x, "x", "real states, in an array")
    dtype = np.float32 if getattr(x, "dtype", None) == np.float32 else np.float64
    if law.dim > 1 and (states.ndim == 0 or states.shape[-1] != law.dim):
        raise InputError(f"states have shape {states.shape}; this law needs the last axis to be {law.dim}")
    rows = states.shape if law.dim == 1 else states.shape[:-1]
    batch = joint_shape("states, alpha and beta", rows, alpha.shape, beta.shape)
    flat = np.broadcast_to(states.reshape(states.shape if law.dim > 1 else (*states.shape, 1)), (*batch, law.dim))
    flat = flat.reshape(-1, law.dim)
    alphas, betas = (np.broadcast_to(value, batch).reshape(-1, 1) for value in (alpha, beta))
    if name in ("score", "log_density"):
        _need_density(law, alphas, betas)
    step = max(1, CHUNK // max(law.dim, law.chunk))
    parts = [
        _rows(law, name, alphas[start : start + step], betas[start : start + step], flat[start : start + step])
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
