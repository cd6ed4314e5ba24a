"""The recommended default for levels that are given, by a grid or by a pipeline.

Where they are not, `planning` chooses them too: the fitted table of a calibrated model, else a general method.
"""

from __future__ import annotations

import sympy as sp

from symsched.bridge.levels import Array, Frame
from symsched.bridge.plan import Stage
from symsched.bridge.solvers.adams import ab2c
from symsched.bridge.solvers.exponential import sde_dpmpp


def lazy_auto(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """κ = 0: Adams-Bashforth 2 with the trapezoid rule as corrector; κ > 0: the data-prediction SDE step."""
    return ab2c(frame, times) if sp.sympify(frame.kappa, strict=True).is_zero else sde_dpmpp(frame, times)
