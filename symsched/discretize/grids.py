"""Time grids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.given import count, is_whole, memory, reals


def as_grid(grid: Any) -> NDArray[np.float64]:
    """A number of uniform steps over [0, 1], or increasing times inside it, as float64 times (steps + 1,)."""
    if is_whole(grid):
        steps = count(grid, "steps")
        memory(64 * steps, f"{steps} steps")
        return np.linspace(0.0, 1.0, steps + 1)
    times = reals(grid, "grid", "a number of steps, or at least two times")
    if times.ndim != 1 or len(times) < 2:
        raise InputError(f"grid has shape {times.shape}; give a number of steps, or at least two times")
    if not (times[0] >= 0 and times[-1] <= 1 and (np.diff(times) > 0).all()):
        raise InputError(f"grid {_brief(times)} should increase strictly inside [0, 1]")
    return times


def _brief(times: NDArray[np.float64]) -> str:
    shown = [f"{value:g}" for value in times]
    return f"[{', '.join(shown if len(shown) <= 6 else [*shown[:3], '…', *shown[-2:]])}]"
