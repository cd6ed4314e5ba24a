"""Saved times inside a step: a shorter step of the same scheme, driven by the same Brownian motion.

The step itself is not touched: what is saved does not change the paths.  With B the Brownian motion of a step on its
own clock (B(1) = z is the step's normal; for scheme sra1, ∫B gives its second one), the step to a share θ of the clock
is driven by B(θ) given B(1) and, where it is used, ∫B: Gaussians, drawn at addresses of their own.  The clock is time
for euler, heun and sra1, the variance of the noise for lazy, and for exponential that variance as it has decayed at
the step's end; there the joint law of all times is that of the exact transition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.kernels import store
from symsched.kernels.random import AREA, BRIDGE, BROWNIAN, key, step_normals
from symsched.montecarlo.model import Model
from symsched.montecarlo.schemes import Tables, build

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Between:
    """Times inside one step: the tables that lead to each, and how their normals follow from the step's.

    Normals of the times (z₁ z₂ …, or z₁ z′₁ z₂ z′₂ … where the scheme has second ones) are `gain` times the step's own
    plus `root` times fresh ones, coordinate by coordinate: gain (dim, k, 1 or 2), root (dim, k, k).  `root` is lower
    triangular: what is saved at a time does not depend on later ones.
    """

    step: int
    times: Array
    tables: tuple[Tables, ...]
    gain: Array
    root: Array


def between(model: Model, scheme: str, grid: Array, times: Array, dtype: str, at_zero: bool) -> tuple[Between, ...]:
    """The `times` that are not on the grid, step by step."""
    steps = np.searchsorted(grid, times) - 1
    return tuple(_inside(model, scheme, grid, int(n), times[steps == n], dtype, at_zero) for n in np.unique(steps))


def _inside(model: Model, scheme: str, grid: Array, n: int, times: Array, dtype: str, at_zero: bool) -> Between:
    left, right = grid[n], grid[n + 1]
    first = at_zero and n == 0
    tables = tuple(build(model, scheme, np.array([left, time]), dtype, first) for time in times)
    clock = np.repeat(((times - left) / (right - left))[:, None], model.dim, axis=1)
    if scheme in ("lazy", "exponential"):
        whole = _noise(build(model, scheme, np.array([left, right]), dtype, first), model.dim)
        shares = np.stack([_noise(table, model.dim) for table in tables])
        rest = [build(model, scheme, np.array([time, right]), dtype, False) for time in times]
        kept = np.stack([_kept(table, model.dim) for table in rest]) if scheme == "exponential" else 1.0
        found = (kept * shares) ** 2
        clock = np.where((whole > 0) & (found > 0), found / np.where(whole > 0, whole, 1) ** 2, clock)
    laws = [_conditional(np.minimum(clock[:, i], 1.0), tables[0].shape.area) for i in range(model.dim)]
    return Between(n, times, tables, np.stack([gain for gain, _ in laws]), np.stack([root for _, root in laws]))


def _noise(tables: Tables, dim: int) -> Array:
    """Standard deviation of the first step's noise, in each coordinate."""
    if tables.jump.size:
        return np.asarray(tables.jump[dim:])
    return np.asarray(tables.S[0, 2 * dim :] if tables.shape.form == "affine" else np.full(dim, tables.S[0, 2]))


def _kept(tables: Tables, dim: int) -> Array:
    """What a deviation at the first step's begin is multiplied by."""
    return np.asarray(tables.S[0, :dim] if tables.shape.form == "affine" else np.full(dim, tables.S[0, 0]))


def _conditional(clock: Array, area: bool) -> tuple[Array, Array]:
    """gain and root of the normals at shares `clock` of a step, given the normals of the whole step."""
    ends = np.append(clock, 1.0)
    cov = _brownian(ends)
    make = _to_normals(ends)
    joint, kinds = make @ cov @ make.T, range(2 if area else 1)
    free = [k + kind * len(ends) for k in range(len(clock)) for kind in kinds]
    given = [len(clock) + kind * len(ends) for kind in kinds]
    # The normals of a step are independent, with variance 1: the gain is their covariance with the others.
    gain = joint[np.ix_(free, given)]
    rest = joint[np.ix_(free, free)] - gain @ gain.T
    return gain, np.asarray(np.linalg.cholesky(rest + 1e-12 * np.eye(len(free))))


def _brownian(s: Array) -> Array:
    """Covariance of (B(s₁) …, ∫₀^s₁ B …)."""
    low, high = np.minimum.outer(s, s), np.maximum.outer(s, s)
    column, row = s[:, None], s[None, :]
    mixed = np.where(row <= column, row**2 / 2, column * (row - column / 2))
    return np.block([[low, mixed], [mixed.T, low**2 * (3 * high - low) / 6]])


def _to_normals(s: Array) -> Array:
    """z = B(s)/√s and z′ = √3 (2 ∫₀^s B / s^{3/2} − z), as a matrix on (B, ∫B)."""
    to_z = np.diag(s**-0.5)
    return np.block([[to_z, 0 * to_z], [-np.sqrt(3) * to_z, np.diag(2 * np.sqrt(3) * s**-1.5)]])


def states_inside(inside: Between, x: Array, first: int, seed: int, kind: Any) -> Array:
    """States (times, dim, paths) at the times inside a step that begins at x (dim, paths), in working coordinates."""
    area = inside.tables[0].shape.area
    address = (seed, first, x.shape[1], inside.step, x.shape[0])
    own = [step_normals(*address, np.dtype(kind).name, purpose) for purpose in (BROWNIAN, AREA)[: 1 + area]]
    fresh = [step_normals(*address, "float64", BRIDGE, k) for k in range(inside.root.shape[1])]
    normals = []
    for k in range(len(fresh)):
        terms = [inside.gain[:, k, q, None] * own[q] for q in range(len(own))]
        terms += [inside.root[:, k, j, None] * fresh[j] for j in range(k + 1)]
        normals.append(np.ascontiguousarray(sum(terms[1:], terms[0])[None], kind))
    count = len(inside.times)
    none, out = np.empty((0, 0, 0), kind), np.empty((count, *x.shape), kind)
    for j, tables in enumerate(inside.tables):
        parts = (np.ascontiguousarray(a, kind) for a in tables.arrays)
        drivers = (normals[2 * j], normals[2 * j + 1]) if area else (normals[j], none)
        at = np.ones(1, np.int64)
        module = store.load(tables.text)
        module.run(np.ascontiguousarray(x, kind), np.uint64(0), *key(0), *parts, at, *drivers, out[j : j + 1])
    return out
