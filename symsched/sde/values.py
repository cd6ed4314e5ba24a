"""Numbers of an interpolant's drift, in whichever pair of fields is finite where it is asked.

Inside (0, 1) the drift is (ε − αα̇) s + β̇ η_X, which loses no digits as α → 0.  At an end it is the first of

    (ε − αα̇) s + β̇ η_X        where I has a density,
    A x + B η_X                 (the point-mass start),
    (α̇ − ε/α) η_Z + β̇ η_X    (points at t = 1, on which η_Z = 0)

whose two coefficients have finite limits.  At a point-mass start the state is 0 and grows like √V: a coefficient A with
A√V → 0 adds nothing there, though A itself may be infinite (theory C12).

Gaussian data has the affine drift of theory C8 in each eigendirection.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Rational, Symbol

from symsched.data import DataLaw, Gaussian
from symsched.data.checks import known
from symsched.data.numeric import Eigenframe, has_density, per_state
from symsched.errors import InputError, UndecidedError
from symsched.exact import limit_at, times_array, values
from symsched.given import joint_shape, reals
from symsched.schedule import Schedule

Array = NDArray[np.float64]
#: Distinct standard deviations for which separate affine coefficients are worth their time.
_DIRECTIONS = 64


class Equation(Protocol):
    """What is asked of an equation here; see `InterpolantSDE`."""

    @property
    def schedule(self) -> Schedule: ...
    @property
    def data(self) -> DataLaw: ...
    @property
    def dim(self) -> int: ...
    @property
    def parameters(self) -> frozenset[Symbol]: ...
    @property
    def eps(self) -> Any: ...
    @property
    def A(self) -> Expr: ...
    @property
    def B(self) -> Expr: ...
    @property
    def score_weight(self) -> Expr: ...
    @property
    def noise_weight(self) -> Expr: ...
    def along(self, std: Any) -> tuple[Expr, Expr]: ...


def drift_values(sde: Equation, times: Any, states: Any) -> Any:
    """See `InterpolantSDE.drift_at`."""
    known(sde.parameters, f"the equation ({sde.schedule}, {sde.data.summary})", "asking for numbers")
    grid, x = times_array(times), reals(states, "x", "real states, in an array")
    if sde.dim > 1 and (x.ndim == 0 or x.shape[-1] != sde.dim):
        raise InputError(f"states have shape {x.shape}; this law needs the last axis to be {sde.dim}")
    batch = joint_shape("times and states", grid.shape, x.shape if sde.dim == 1 else x.shape[:-1])
    grid = np.broadcast_to(grid, batch)
    x = np.broadcast_to(x, batch if sde.dim == 1 else (*batch, sde.dim))
    if isinstance(sde.data, Gaussian) and len(np.unique(sde.data.frame.stds)) <= _DIRECTIONS:
        return _affine(sde, sde.data.frame, grid, x)
    out = np.empty_like(x)
    for end in (None, 0, 1):
        here = (grid > 0) & (grid < 1) if end is None else grid == end
        if here.any():
            out[here] = _mixed(sde, end, grid[here], x[here])
    return out if out.shape else out[()]


def by_time(exprs: tuple[Expr, ...], grid: Array) -> list[Array]:
    """`values`, each distinct time once."""
    distinct, inverse = np.unique(grid, return_inverse=True)
    return [table[inverse].reshape(grid.shape) for table in values(exprs, distinct)]


def affine_tables(sde: Equation, frame: Eigenframe, grid: Array) -> tuple[Array, Array]:
    """Slopes and constants along the axes at each time: two arrays of shape (…, dim)."""
    stds, which = np.unique(frame.stds, return_inverse=True)
    exprs = [form for std in stds for form in sde.along(Rational(float(std)))]
    tables = np.stack(by_time(tuple(exprs), grid), axis=-1)
    return tables[..., 0::2][..., which], tables[..., 1::2][..., which] * frame.into(frame.mean)


@lru_cache(maxsize=1024)
def vanishes_at_start(schedule: Schedule, coefficient: Expr) -> bool:
    """Whether coefficient × X_t → 0 as t → 0 along paths that start at a point: α → 0 and coefficient × α → 0.

    (X_t is of size √V, and √V ~ α because r → 0.)
    """
    alpha = schedule.alpha
    try:
        return bool(limit_at(alpha, 0).is_zero and limit_at(coefficient * alpha, 0).is_zero)
    except UndecidedError:
        return False


def start_slopes(sde: Equation, frame: Eigenframe) -> Array:
    """Per axis, whether the slope of the affine drift may be taken as 0 at t = 0 because the state is 0 there."""
    stds, which = np.unique(frame.stds, return_inverse=True)
    slopes = (sde.along(Rational(float(std)))[0] for std in stds)
    return np.array([vanishes_at_start(sde.schedule, slope) for slope in slopes])[which]


def without_start(sde: Equation, frame: Eigenframe, grid: Array, slopes: Array, at_origin: Any) -> Array:
    """`slopes` with 0 for ±∞ at t = 0 where the state is the origin and the product vanishes along paths."""
    infinite = np.isinf(slopes) & ((grid == 0) & at_origin)[..., None]
    return np.where(infinite & start_slopes(sde, frame), 0.0, slopes) if infinite.any() else slopes


def _affine(sde: Equation, frame: Eigenframe, grid: Array, x: Array) -> Any:
    slopes, constants = affine_tables(sde, frame, grid)
    column = x[..., None] if sde.dim == 1 else x
    slopes = without_start(sde, frame, grid, slopes, ~column.any(axis=-1))
    bad = ~(np.isfinite(slopes) & np.isfinite(constants))
    if bad.any():
        where = float(grid[bad.any(axis=-1)].flat[0])
        tends = f"its slope tends to {slopes[bad].flat[0]:g} there"
        raise InputError(f"the drift is infinite at t = {where:g}: {tends}; {_advice(where)}")
    beta, beta_dot = (part[..., None] for part in by_time((sde.schedule.beta, sde.schedule.beta_dot), grid))
    if np.isfinite(beta_dot).all():  # g (x − βm) + β̇ m: the same, and nothing cancels where g and m are large
        drift = frame.back(slopes * frame.offset(beta, column)) + beta_dot * frame.mean
    else:
        drift = frame.back(slopes * frame.into(column) + constants)
    return drift[..., 0] if sde.dim == 1 else drift


def _advice(where: float) -> str:
    side = "start after" if where == 0 else "stop before"
    return f"{side} t = {where:g}, take a smaller kappa there, or convert to a schedule whose drift is finite"


def _mixed(sde: Equation, end: int | None, grid: Array, x: Array) -> Array:
    """Coefficients times fields, at interior times or at one end."""
    schedule = sde.schedule
    alpha, beta, beta_dot, weight = by_time((schedule.alpha, schedule.beta, schedule.beta_dot, sde.score_weight), grid)
    law = sde.data

    def combine(first: Array, field: Array, second: Array) -> Array:
        # No part of a field beyond the floats is nothing: at x = 1e308 the score is, and its weight may be 0.
        weight = per_state(first, sde.dim)
        part = weight * np.where(weight == 0, 0.0, field)
        return part + per_state(second, sde.dim) * law.eta_x_at(alpha, beta, x)

    if has_density(law, alpha, beta) and _finite(weight, beta_dot):
        return combine(weight, law.score_at(alpha, beta, x), beta_dot)
    state, data, noise = by_time((sde.A, sde.B, sde.noise_weight), grid)
    if end == 0 and not x.any() and not _finite(state) and vanishes_at_start(sde.schedule, sde.A):
        state = np.zeros_like(state)
    if _finite(state, data):
        return combine(state, x, data)
    if end == 1 and _finite(noise, beta_dot):
        return combine(noise, law.eta_z_at(alpha, beta, x), beta_dot)
    named = {"A": state, "B": data}
    infinite = ", ".join(f"{name} → {value.flat[0]:g}" for name, value in named.items() if not _finite(value))
    raise InputError(f"the drift is infinite at t = {end}: {infinite} there; {_advice(float(end or 0))}")


def _finite(*values: Array) -> bool:
    return all(bool(np.isfinite(value).all()) for value in values)
