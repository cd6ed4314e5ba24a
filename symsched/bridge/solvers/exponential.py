"""Data prediction, exponential in log r: DDIM, DPM-Solver++, and their SDEs, from the step that holds η_X still.

The target's coordinates cancel: only its clock matters.  Both ends are limits: from r = 0 the state is forgotten if
κ > 0, and the last step, with α' = 0, returns D without noise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import sympy as sp

from symsched.bridge.levels import Array, Frame, Levels
from symsched.bridge.plan import IDENTITY, Row, Stage
from symsched.bridge.solvers.common import require_ode, stage
from symsched.steps import laws


def held(levels: Levels, k: int, kappa: float = 0.0) -> tuple[float, float, float]:
    """(state, data, noise) of the step from level k that holds η_X still."""
    alpha, beta, span = levels.alpha[k + 1], levels.beta[k + 1], levels.log_r[k + 1] - levels.log_r[k]
    if alpha == 0.0:
        return 0.0, float(beta), 0.0
    state, data, noise = _held(kappa)(alpha, levels.alpha[k], beta, span)
    return float(state), float(data), float(noise)


@lru_cache(maxsize=64)
def _held(kappa: float) -> Callable[..., tuple[float, float, float]]:
    step = laws.held_in_log_r().put(kappa=sp.Rational(kappa))
    return laws.evaluated(lambda: step, laws.alpha_next, laws.alpha, laws.beta_next, laws.growth)


def ddim(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """One evaluation a step; any κ.  Order 1."""
    return multistep(frame, times, 1)


def dpmpp2m(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """DPM-Solver++(2M), for κ = 0.  The first and the last step are of order 1.  Order 2."""
    require_ode(frame, "dpmpp2m")
    return multistep(frame, times, 2)


def sde_dpmpp(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """SDE-DPM-Solver++(2M), for any κ; the last step adds no noise."""
    return multistep(frame, times, 2)


def dpmpp3m(frame: Frame, times: Array, /, lower: float = 1) -> tuple[Stage, ...]:
    """DPM-Solver++(3M), for κ = 0; the last step but one has order 2 unless lower = 0.  Order 3 (its start: 2)."""
    require_ode(frame, "dpmpp3m")
    return multistep(frame, times, 3, bool(lower))


def multistep(frame: Frame, times: Array, order: int, lower: bool = True) -> tuple[Stage, ...]:
    """D is replaced by Taylor's polynomial in λ, with divided differences of its last values for derivatives."""
    levels, kappa = frame.levels(times), float(frame.kappa)
    last, stages = len(times) - 2, []
    for k in range(last + 1):
        state, data, noise = held(levels, k, kappa)
        left = last - k + 1 if lower or k == last else order
        weights = _taylor(levels, k, min(order, k + 1, left), data)
        stages.append(stage(levels, k, IDENTITY, Row(state, weights, noise)))
    return tuple(stages)


def _taylor(levels: Levels, k: int, order: int, data: float) -> tuple[float, ...]:
    """The weights of D_k, D_{k−1}, …; a level at r = 0 is infinitely far, so that its differences count for nothing."""
    if order == 1:
        return (data,)
    h = levels.log_r[k + 1] - levels.log_r[k]
    near = (levels.log_r[k] - levels.log_r[k - 1]) / h
    value, first = np.array([1.0, 0.0, 0.0]), np.array([1.0, -1.0, 0.0]) / near
    if order == 2:
        return tuple(float(w) for w in data * (value + first / 2)[:2])
    far = (levels.log_r[k - 1] - levels.log_r[k - 2]) / h
    change = first - np.array([0.0, 1.0, -1.0]) / far
    slope, bend = first + near / (near + far) * change, change / (near + far)
    decay, beta = -np.expm1(-h), levels.beta[k + 1]
    return tuple(float(w) for w in data * value + beta * ((1 - decay / h) * slope - ((h - decay) / h**2 - 0.5) * bend))
