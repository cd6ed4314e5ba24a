"""Third station, the tables: all numbers of a run, on its grid and for its saved times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.montecarlo.model import Model
from symsched.montecarlo.program import Program
from symsched.montecarlo.tables.between import Between, between
from symsched.montecarlo.tables.schemes import Tables, fill
from symsched.montecarlo.tables.start import Start, start_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Timetable:
    """What is stepped through and what is saved on the way, as numbers; picklable.

    `save` says after how many steps of the `grid` the states are wanted, `between` at which times inside steps;
    `times` are all of them.
    """

    label: str
    steps: Tables
    start: Start
    basis: Array | None
    grid: Array
    times: Array
    save: NDArray[np.int64]
    between: tuple[Between, ...]


def timetable_of(program: Program, grid: Array, saved: Array, given: bool, asked: bool) -> Timetable:
    """The program's tables on the grid, and the way to the saved times.

    `given` says that the first time was, so that it stands; `asked` that the saved times were.  Raises InputError
    where a coefficient is not finite.
    """
    model = program.model
    start = start_of(model, grid[0])
    steps = fill(program, grid, start.at_zero)
    if not given and grid[0] == 0 and model.interpolant is not None and not steps.finite_rows()[0]:
        _check_later(model, grid, saved, asked)
        # The marginal at the first later time is known, so nothing is lost.
        grid = grid[1:]
        saved = saved if asked else np.unique(np.append(grid[0], saved[saved >= grid[0]]))
        start = start_of(model, grid[0])
        steps = fill(program, grid, start.at_zero)
    on_grid = np.isin(saved, grid)
    inside = between(program, grid, saved[~on_grid], start.at_zero)
    parts = (pair for one in inside for pair in zip(one.tables, one.times[:, None], strict=True))
    for tables, times in ((steps, grid), *parts):
        bad = ~tables.finite_rows()
        if bad.any():
            raise InputError(
                f"a coefficient of {model.label} is not finite at t = {times[int(np.argmax(bad))]:.6g}; "
                "use start or grid to keep away from it, or another scheme"
            )
    places = np.searchsorted(grid, saved[on_grid]).astype(np.int64)
    return Timetable(model.label, steps, start, model.basis, grid, saved, places, inside)


def _check_later(model: Model, grid: Array, saved: Array, asked: bool) -> None:
    """Raise InputError where paths cannot begin at the first time after 0."""
    if asked and saved[0] == 0:
        raise InputError(
            f"a coefficient of {model.label} is infinite at t = 0, so nothing can be saved there; "
            f"save times from {grid[1]:.6g} on, or use scheme 'exponential'"
        )
    if asked and saved[0] < grid[1]:
        raise InputError(
            f"a coefficient of {model.label} is infinite at t = 0, so paths begin at {grid[1]:.6g}, after the saved "
            f"time {saved[0]:.6g}; save times from there on, or give start={saved[0]:.6g}"
        )
    if len(grid) < 3:
        raise InputError(
            f"a coefficient of {model.label} is infinite at t = 0 and there is one step only; "
            "use more steps, start > 0, or scheme 'exponential'"
        )
