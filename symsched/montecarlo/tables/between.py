"""Saved times inside a step: a shorter step of the same scheme, driven by the same Brownian motion.

The step itself is not touched: what is saved does not change the paths.  With B the Brownian motion of a step on its
own clock (B(1) = z is the step's normal; for scheme sra1, ∫B gives its second one), the step to a share θ of the clock
is driven by B(θ) given B(1) and, where it is used, ∫B: Gaussians, drawn at addresses of their own.  The clock is time
for euler, heun and sra1, the variance of the noise for lazy, and for exponential that variance as it has decayed at
the step's end; there the joint law of all times is that of the exact transition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symsched.montecarlo.program import Program
from symsched.montecarlo.tables.schemes import Tables, fill

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


def between(program: Program, grid: Array, times: Array, at_zero: bool) -> tuple[Between, ...]:
    """The `times` that are not on the grid, step by step."""
    steps = np.searchsorted(grid, times) - 1
    return tuple(_inside(program, grid, int(n), times[steps == n], at_zero and n == 0) for n in np.unique(steps))


def _inside(program: Program, grid: Array, n: int, times: Array, at_zero: bool) -> Between:
    left, right, dim = grid[n], grid[n + 1], program.model.dim
    tables = tuple(fill(program, np.array([left, time]), at_zero) for time in times)
    clock = np.repeat(((times - left) / (right - left))[:, None], dim, axis=1)
    if program.scheme in ("lazy", "exponential"):
        whole = fill(program, np.array([left, right]), at_zero).noise(dim)
        shares = np.stack([part.noise(dim) for part in tables])
        rest = [fill(program, np.array([time, right]), False) for time in times]
        kept = np.stack([part.kept(dim) for part in rest]) if program.scheme == "exponential" else 1.0
        found = (kept * shares) ** 2
        clock = np.where((whole > 0) & (found > 0), found / np.where(whole > 0, whole, 1) ** 2, clock)
    laws = [_conditional(np.minimum(clock[:, i], 1.0), program.kind.area) for i in range(dim)]
    return Between(n, times, tables, np.stack([gain for gain, _ in laws]), np.stack([root for _, root in laws]))


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
