"""What the builders share."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from symsched.bridge.levels import Frame, Levels
from symsched.bridge.plan import IDENTITY, Row, Slope, Stage
from symsched.errors import InputError
from symsched.exact import end_value


def stage(levels: Levels, k: int, slope: Slope, predict: Row, correct: Row | None = None) -> Stage:
    """The evaluation at level k."""
    time, alpha, beta, target = (float(part[k]) for part in (levels.native, levels.alpha, levels.beta, levels.times))
    return Stage(time, alpha, beta, target, slope, predict, correct)


def require_ode(frame: Frame, name: str) -> None:
    """Refuse κ > 0."""
    if not sp.sympify(frame.kappa, strict=True).is_zero:
        raise InputError(
            f"solver {name} is for the ODE, and kappa = {frame.kappa}: take kappa = 0, or one of em, lazy, ddim, "
            "sde-dpmpp"
        )


def finished(stages: list[Stage], frame: Frame) -> tuple[Stage, ...]:
    """The stages; a target that never reaches the data ends, like EDM's samplers, in the model's estimate of it."""
    if end_value(frame.target.alpha, 1) > 0:  # its own last step would leave noise in
        stages[-1] = replace(stages[-1], slope=IDENTITY, predict=Row(0.0, (1.0,)), correct=None)
    return tuple(stages)
