"""Runge-Kutta methods in the target's own coordinates and time: Euler, Heun, midpoint (κ = 0).

In native coordinates a step of x̄ = c x by h is x' = (c/c') x + (h/c') Σ w F, with F = A c x + B D the target's drift.
"""

from __future__ import annotations

import numpy as np

from symsched.bridge.levels import Array, Frame, Levels
from symsched.bridge.plan import KEEP, Row, Slope, Stage
from symsched.bridge.solvers.common import finished, require_ode, stage


def slopes(frame: Frame, levels: Levels) -> list[Slope]:
    """F = A c x + B D at each level but the last, where A and B are infinite."""
    state, data = frame.drift(levels.times[:-1])
    return [Slope(a * c, b) for a, b, c in zip(state, data, levels.scale[:-1], strict=True)]


def row(levels: Levels, start: int, end: int, weights: tuple[float, ...], noise: float = 0.0) -> Row:
    """x̄' = x̄ + Σ w F + noise ξ from level `start` to level `end`, in native coordinates."""
    unit = levels.scale[end]
    return Row(levels.scale[start] / unit, tuple(w / unit for w in weights), noise / unit)


def euler(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """x̄' = x̄ + h F.  Order 1."""
    require_ode(frame, "euler")
    levels, h = frame.levels(times), np.diff(times)
    table = slopes(frame, levels)
    return finished([stage(levels, k, table[k], row(levels, k, k + 1, (h[k],))) for k in range(len(h))], frame)


def heun(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """x̄' = x̄ + h/2 (F + F') with F' at Euler's guess; the last step is Euler's (EDM, arXiv:2206.00364).  Order 2."""
    require_ode(frame, "heun")
    levels, h = frame.levels(times), np.diff(times)
    table, stages = slopes(frame, levels), []
    for k in range(len(h)):
        stages.append(stage(levels, k, table[k], row(levels, k, k + 1, (h[k],))))
        if k + 1 < len(h):  # asked again at Euler's guess, and stepped from where the guess began: KEEP
            stages.append(stage(levels, k + 1, table[k + 1], row(levels, k, k + 1, (h[k] / 2, h[k] / 2)), KEEP))
    return finished(stages, frame)


def midpoint(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """x̄' = x̄ + h F(t + h/2); a last step whose middle is beyond the model's levels is Euler's.  Order 2."""
    require_ode(frame, "midpoint")
    middles = (times[:-1] + times[1:]) / 2
    refined = np.stack([times, np.append(middles, 0.0)], axis=1).ravel()[:-1]
    levels, h = frame.levels(refined), np.diff(times)
    table, stages = slopes(frame, levels), []
    for k in range(0, len(refined) - 2, 2):
        if middles[k // 2] > frame.span[1]:
            stages.append(stage(levels, k, table[k], row(levels, k, k + 2, (h[k // 2],))))
            continue
        stages.append(stage(levels, k, table[k], row(levels, k, k + 1, (h[k // 2] / 2,))))
        stages.append(stage(levels, k + 1, table[k + 1], row(levels, k, k + 2, (h[k // 2],)), KEEP))
    return finished(stages, frame)
