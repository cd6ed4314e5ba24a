"""Where paths start: the exact law of the first state, drawn path by path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.data.numeric import Eigenframe
from symsched.exact import values
from symsched.kernels.random import CHOICE, START, key, normals, uniforms
from symsched.montecarlo.model import Model
from symsched.precision import cached_property

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Start:
    """The law of the first state: β X + α Z for a data law (blocks), or given rows."""

    dim: int
    rows: Array | None = None
    blocks: tuple[Any, ...] = ()
    alpha: float = 0.0
    beta: float = 1.0

    @property
    def at_zero(self) -> bool:
        """Whether every path starts at exactly 0: the point-mass start."""
        if self.rows is not None:
            return not self.rows.any()
        return self.alpha == 0 and self.beta == 0

    def sample(self, first: int, count: int, seed: int) -> Array:
        """States (dim, count) of the paths first … first + count − 1: exact, and a function of seed and path."""
        if self.rows is not None:
            return np.ascontiguousarray(self.rows[np.arange(first, first + count) % len(self.rows)].T)
        chosen, (choices, moves) = np.zeros(count), self.coordinates
        if choices:
            uniforms(chosen, np.uint64(first), CHOICE, *key(seed))
        return self.placed(chosen, normals(seed, first, count, 1, moves, START)[0])

    @property
    def coordinates(self) -> tuple[int, int]:
        """How many uniform numbers choose a component or a row, and how many normals place the state there."""
        if self.rows is not None or self.at_zero:
            return int(self.rows is not None and len(self.rows) > 1), 0
        return int(len(self._ladder) > 1), self.dim

    def placed(self, chosen: Array, z: Array) -> Array:
        """States (dim, count) from uniform numbers (count,) and normals (dim, count), as `coordinates` says."""
        if self.rows is not None:
            return np.ascontiguousarray(self.rows[(chosen * len(self.rows)).astype(np.int64)].T)
        if self.at_zero:
            return np.zeros((self.dim, len(chosen)))
        if len(self._ladder) == 1:
            return self._turned(self.blocks[0], z)
        which = np.minimum(np.searchsorted(self._ladder, chosen, side="right"), len(self._ladder) - 1)
        if not any(getattr(block, "axes", None) is not None for block in self.blocks):
            means, spreads = self._columns
            return means[:, which] + spreads[:, which] * z
        out = np.empty_like(z)
        for k in np.unique(which):
            out[:, which == k] = self._turned(self.blocks[k], z[:, which == k])
        return out

    @cached_property
    def _ladder(self) -> Array:
        """Sums of the weights up to each component, points one by one."""
        sums = np.cumsum(np.exp(np.concatenate([np.full(len(_means(b)), b.log_weight) for b in self.blocks])))
        return np.asarray(sums / sums[-1])

    @cached_property
    def _columns(self) -> tuple[Array, Array]:
        """Mean and standard deviation of the state, (dim, components)."""
        means = np.concatenate([_means(block) for block in self.blocks])
        stds = [np.broadcast_to(block.stds, (len(_means(block)), self.dim)) for block in self.blocks]
        spreads = np.hypot(self.alpha, self.beta * np.concatenate(stds))
        return np.ascontiguousarray(self.beta * means.T), np.ascontiguousarray(spreads.T)

    def _turned(self, block: Any, z: Array) -> Array:
        """States of one component, turned to its axes."""
        spread = np.broadcast_to(np.hypot(self.alpha, self.beta * block.stds), self.dim)
        own = z * spread[:, None]
        own = own if getattr(block, "axes", None) is None else turn(block.axes, own)
        return np.asarray((self.beta * _means(block)[0])[:, None] + own)


def turn(matrix: Array, x: Array) -> Array:
    """matrix @ x for x[…, dim, paths], term by term: a path's bits do not depend on how many paths there are."""
    out = matrix[:, 0, None] * x[..., 0, None, :]
    for k in range(1, matrix.shape[1]):
        out += matrix[:, k, None] * x[..., k, None, :]
    return np.asarray(out)


def _means(block: Any) -> Any:
    """The means of a block's components (components, dim): one, or each of its points."""
    return block.mean[None] if isinstance(block, Eigenframe) else block.points


def start_of(model: Model, time: float) -> Start:
    """The law of the model's state at `time`, in the original coordinates."""
    sde, initial = model.interpolant, model.initial
    if sde is not None:
        alpha, beta = (float(v[0]) for v in values((sde.schedule.alpha, sde.schedule.beta), np.array([time])))
        return Start(model.dim, None, tuple(sde.data.blocks()), alpha, beta)
    rows = initial if isinstance(initial, np.ndarray) else None
    return Start(model.dim, rows, () if rows is not None else tuple(initial.blocks()))
