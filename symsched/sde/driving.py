"""The noise of a path: read from it, and used to drive another (theory C26).

Over a step of a path of dX = b dt + √(2ε) dW,

    ξ = (X' − X − h (b(t, X) + b(t', X'))/2)/√(∫2ε dt)

is read as its standard normal, and X' that solves this for a given ξ is the step that ξ makes.  Because one equation
serves for both, reading what was driven gives back ξ, to rounding: the maps between scales compose and invert exactly,
on any grid.  ∫2ε is exact; the trapezoid makes a strong error of first order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.steps.integrals import noise_variance

if TYPE_CHECKING:
    from symsched.sde.equation import InterpolantSDE

Array = NDArray[np.float64]
#: Iterations of one step, and the change that ends them, relative to the largest state.
TRIES, SETTLED = 100, 1e-14


# -- formulas, of arrays or expressions alike; theory C26 decides them -----------------------------------------------


def pushed(length: Any, first: Any, last: Any) -> Any:
    """The drift's part of a step: h (b + b')/2."""
    return length / 2 * (first + last)


def noise_of(step: Any, push: Any, width: Any) -> Any:
    """The standard normal of a step X' − X, of the drift's part and √(∫2ε dt)."""
    return (step - push) / width


def step_of(noise: Any, push: Any, width: Any) -> Any:
    """The step that a standard normal makes."""
    return push + width * noise


# -- paths -----------------------------------------------------------------------------------------------------------


def read(sde: InterpolantSDE, times: Array, paths: Array) -> Array:
    """Standard normals (steps, …) of paths (times, …) of the SDE.

    Raises InputError where its scale is 0 or not integrable over a step, or its drift infinite at one of the times.
    """
    variance = noise_variance(sde.eps, times)
    if not (variance > 0).all():
        k = int(np.argmin(variance > 0))
        raise InputError(
            f"the source scale is 0 from t = {times[k]:.6g} to {times[k + 1]:.6g}: a path without noise has none to"
            " drive another; the source needs eps > 0"
        )
    drift = sde.drift_at(times.reshape(_column(times, paths, sde.dim)), paths)
    push = pushed(_lengths(times, paths), drift[:-1], drift[1:])
    return np.asarray(noise_of(np.diff(paths, axis=0), push, np.sqrt(variance).reshape(-1, *[1] * (paths.ndim - 1))))


def driven(sde: InterpolantSDE, times: Array, start: Array, noise: Array) -> Array:
    """Paths (times, …) of the SDE from states `start` (…) that standard normals (steps, …) drive.

    Raises InputError where a step is too long for its equation to be solved, or the drift is infinite.
    """
    size = np.sqrt(noise_variance(sde.eps, times))
    found = [start]
    slope = sde.drift_at(times[0], start)
    for (now, then), width, fresh in zip(pairwise(times), size, noise, strict=True):
        half = pushed(then - now, slope, 0)
        begin = found[-1] + step_of(fresh, half, width)
        state = _settled(sde, (now, then), begin, begin + half)
        slope = 2 * (state - begin) / (then - now)
        found.append(state)
    return np.array(found)


def _settled(sde: InterpolantSDE, step: tuple[float, float], begin: Array, state: Array) -> Array:
    """The state with state = begin + ½h b(t', state), by iteration."""
    now, then = step
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(TRIES):
            state, before = begin + pushed(then - now, 0, sde.drift_at(then, state)), state
            if not np.isfinite(state).all():
                break
            if np.abs(state - before).max(initial=0) <= SETTLED * np.abs(state).max(initial=0):
                return state
    raise InputError(
        f"the step from t = {now:.6g} to {then:.6g} is too long for the drift of {sde.schedule} with eps = {sde.eps}"
        " there; give the paths at more times, or begin later"
    )


def _column(times: Array, paths: Array, dim: int) -> tuple[int, ...]:
    """The shape in which times stand beside the batch of the paths."""
    return (len(times), *[1] * (paths.ndim - 1 - (dim > 1)))


def _lengths(times: Array, paths: Array) -> Array:
    return np.diff(times).reshape(-1, *[1] * (paths.ndim - 1))
