"""Arguments of a simulation, checked: each mistake gets one line."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.given import count, memory, reals

Array = NDArray[np.float64]
#: Times nearer than this are the same time.
SAME = 1e-12


def boolean(value: Any, name: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {value!r}; it should be True or False")
    return bool(value)


def workers_of(threads: Any) -> int:
    """Worker threads: as many as cores, unless given."""
    return (os.cpu_count() or 1) if threads is None else count(threads, "threads")


def type_of(value: Any) -> str:
    """'float64' or 'float32'."""
    try:
        name = np.dtype(value).name
    except TypeError:
        name = str(value)
    if name not in ("float64", "float32"):
        raise InputError(f"dtype is {value!r}; it should be 'float64' or 'float32'")
    return name


def times_of(values: Any, name: str) -> Array:
    """A non-empty vector of finite times in [0, 1]."""
    times = np.atleast_1d(reals(values, name, "a list of times in [0, 1]"))
    if times.ndim != 1 or not times.size:
        raise InputError(f"{name} has shape {times.shape}; it should be a list of times in [0, 1]")
    bad = times[~((times >= 0) & (times <= 1))]
    if bad.size:
        raise InputError(f"{name} has the time {bad[0]:.6g}; times should lie in [0, 1]")
    return times


def grid_of(steps: Any, grid: Any, start: Any) -> Array:
    """The grid of a run: given, or equal steps from `start` to 1."""
    if grid is None:
        first = 0.0 if start is None else _start(start)
        number = count(steps, "steps")
        memory(64 * number, f"{number} steps")
        return np.linspace(first, 1.0, number + 1)
    times = times_of(grid, "grid")
    if len(times) < 2:
        raise InputError("grid has one time; it should have at least two, increasing")
    wrong = np.flatnonzero(np.diff(times) <= 0)
    if wrong.size:
        a, b = times[wrong[0]], times[wrong[0] + 1]
        raise InputError(f"grid goes from {a:.6g} to {b:.6g}; its times should increase strictly")
    if start is not None and abs(_start(start) - times[0]) > SAME:
        raise InputError(f"start is {start} and the grid begins at {times[0]:.6g}; give one of them")
    return times


def _start(value: Any) -> float:
    time = times_of(value, "start")
    if time.size != 1 or time[0] >= 1:
        raise InputError(f"start is {value!r}; it should be one time in [0, 1)")
    return float(time[0])


def make_grid(steps: Any, grid: Any, start: Any, save: Any) -> tuple[Array, Array]:
    """(grid, saved times in order, each once): those that mean a time of the grid are that time exactly."""
    times = grid_of(steps, grid, start)
    if save is None:
        return times, times[[0, -1]]
    saved = np.unique(snapped(times_of(save, "save"), times))
    outside = saved[(saved < times[0]) | (saved > times[-1])]
    if outside.size:
        raise InputError(f"save has the time {outside[0]:.6g}, outside the grid's [{times[0]:.6g}, {times[-1]:.6g}]")
    return times, saved


def snapped(given: Array, grid: Array) -> Array:
    """The times given, with those of the grid where that is what they are up to rounding.

    Either of a sum of float64 steps (`SAME`, but never more than a thousandth of the steps there), or to float32: the
    time is the float32 nearest to one time of the grid, and to no other.
    """
    right = np.clip(np.searchsorted(grid, given), 1, len(grid) - 1)
    at = np.where(given - grid[right - 1] < grid[right] - given, right - 1, right)
    near, gaps = grid[at], np.diff(grid)
    step = np.minimum(np.append(np.inf, gaps)[at], np.append(gaps, np.inf)[at])
    short = grid.astype(np.float32)
    alone = np.append(True, np.diff(short) > 0) & np.append(np.diff(short) > 0, True)
    rounded = (short[at] == given) & alone[at]
    return np.where((np.abs(given - near) <= np.minimum(SAME, 1e-3 * step)) | rounded, near, given)
