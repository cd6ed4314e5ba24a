"""Steps of the target's SDE dx̄ = (A x̄ + B η_X) dt + √(2ε) dW with ε = κ ε*, in its own coordinates and time (κ > 0).

A lazy target is where they belong: there the drift of Gaussian data is 0, and the lazy step has exactly their law for
any number of steps (theory C9, C11).  Both end with the noise of the last step in the sample, as the SDE does; with
clean = 1 they return the model's estimate of the data instead.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import sympy as sp

from symsched.bridge.levels import Array, Frame
from symsched.bridge.plan import IDENTITY, Row, Stage
from symsched.bridge.solvers.classical import row, slopes
from symsched.bridge.solvers.common import finished, stage
from symsched.errors import InputError


def em(frame: Frame, times: Array, /, clean: float = 0) -> tuple[Stage, ...]:
    """Euler-Maruyama: x̄' = x̄ + h F + √(2εh) ξ with ε at the step's start.  Weak order 1."""
    _require_sde(frame, "em")
    return _explicit(frame, times, frame.noise_rate(times[:-1]) * np.sqrt(np.diff(times)), bool(clean))


def lazy(frame: Frame, times: Array, /, clean: float = 0) -> tuple[Stage, ...]:
    """x̄' = x̄ + h F + √(∫2ε dt) ξ: the exact variance of the noise.  Weak order 1; exact in a lazy frame."""
    _require_sde(frame, "lazy")
    return _explicit(frame, times, frame.noise_between(times), bool(clean))


def _explicit(frame: Frame, times: Array, noise: Array, clean: bool) -> tuple[Stage, ...]:
    levels, h = frame.levels(times), np.diff(times)
    table = slopes(frame, levels)
    stages = [stage(levels, k, table[k], row(levels, k, k + 1, (h[k],), noise[k])) for k in range(len(h))]
    if clean:
        stages[-1] = replace(stages[-1], slope=IDENTITY, predict=Row(0.0, (1.0,)))
    return finished(stages, frame)


def _require_sde(frame: Frame, name: str) -> None:
    if sp.sympify(frame.kappa, strict=True).is_zero:
        raise InputError(
            f"solver {name} is for kappa > 0, and kappa = 0: take euler, ab2c, unipc3 or another ODE solver"
        )
