"""How many Newton steps a source needs: its inverse, run for noise levels from end to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symsched.codegen.ieee import on_arrays
from symsched.codegen.newton import STEPS, Inverse

SPARE = 2  # steps more than were seen to be needed
LEVELS = np.concatenate([np.linspace(-600, 600, 601), np.linspace(-40, 40, 801), np.linspace(-6, 6, 601)])


def steps_needed(
    ratio: sp.Expr, step: sp.Expr, place: sp.Expr, distances: Sequence[tuple[sp.Symbol, sp.Expr]], most: int
) -> int:
    """The steps after which the slowest of `LEVELS` (as logit τ) has moved less than 10⁻⁶, and `SPARE`; ≤ `most`.

    `step` is dz/d(place); a source that needs bisections gets `most`."""

    def at(z: Any) -> Mapping[str, Any]:
        values: dict[str, Any] = {"s": 1 / (1 + np.exp(-z)), "left": 1 / (1 + np.exp(z))}
        values["log_r"] = np.log(on_arrays(ratio, values) + 0 * z)
        for symbol, form in distances:
            values[symbol.name] = np.maximum(on_arrays(form, values), 64 * 2.0**-52)
        return values

    with np.errstate(all="ignore"):
        z = goal = on_arrays(place, at(LEVELS)) + 0 * LEVELS
        for count in range(most - SPARE):
            values = at(z)
            moved = z - (on_arrays(place, values) - goal) * on_arrays(step, values)
            if np.all(np.abs(moved - z) < 1e-6):
                return count + SPARE
            z = moved
    return most


@lru_cache(maxsize=64)
def counted(inverse: Inverse) -> int:
    """Steps that the source was seen to need, and two more; all, where its parameters are open.

    Where it is truncated floats may never settle, next to the end: then all as well."""
    step = 1 / (inverse.pace * inverse.slope * sp.Symbol("s") * sp.Symbol("left"))
    return steps_needed(inverse.ratio, step, inverse.place, inverse.distances, STEPS) if inverse.is_known else STEPS
