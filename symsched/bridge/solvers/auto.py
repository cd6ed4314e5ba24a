"""The recommended default, for a model about which nothing is known: a calibrated one gets its fitted table instead."""

from __future__ import annotations

import sympy as sp

from symsched.bridge.levels import Array, Frame
from symsched.bridge.plan import Stage
from symsched.bridge.solvers.adams import ab2c
from symsched.bridge.solvers.exponential import sde_dpmpp


def lazy_auto(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """κ = 0: Adams-Bashforth 2 with the trapezoid rule as corrector; κ > 0: the data-prediction SDE step."""
    return ab2c(frame, times) if sp.sympify(frame.kappa, strict=True).is_zero else sde_dpmpp(frame, times)
