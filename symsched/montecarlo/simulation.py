"""simulate: Monte Carlo of an SDE with results that depend on the seed and the number of paths alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.given import count, seed_of
from symsched.montecarlo.arguments import boolean, make_grid, type_of
from symsched.montecarlo.model import model_of
from symsched.montecarlo.program import program_of
from symsched.montecarlo.run import Job, Result, run
from symsched.montecarlo.tables import Timetable, timetable_of
from symsched.precision import alone

Array = NDArray[np.float64]


def simulate(
    sde: Any,
    paths: int = 100_000,
    steps: int = 1000,
    scheme: str = "euler",
    *,
    seed: int = 0,
    save: Sequence[float] | None = None,
    grid: Sequence[float] | Array | None = None,
    start: float | None = None,
    dtype: str = "float64",
    threads: int | None = None,
    keep_paths: int = 0,
    executor: Any = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Result:
    """Simulate dX = f dt + √(2ε) dW and return moments, quantiles and paths at the saved times.

    Args:
        sde: an InterpolantSDE, or a `Diffusion` for any right-hand side.
        paths: number of paths; a larger number leaves the first ones as they are.
        steps: steps from `start` to 1, equal ones unless `grid` gives the times.
        scheme: 'euler', 'lazy', 'exponential', 'heun' or 'sra1' (`montecarlo.tables.schemes` has formulas, orders).
        seed: 0 … 2⁶⁴ − 1; with the path's number and the step's it addresses every random number.
        save: times in [start, 1] (default: the first and the last).  What is saved does not change the paths: a time
            inside a step is reached by a shorter step, driven by the same Brownian motion.
        grid: increasing times in [0, 1] in place of `steps`.
        start: time of the first state (default 0).  The law of I_start is sampled exactly.  Where a coefficient
            diverges at 0 and `start` is not given, paths begin at the first later time of the grid.
        dtype: 'float64' or 'float32'; sums are float64 in both.
        threads: worker threads (default: all cores); the result does not depend on it.
        keep_paths: how many paths to return in full, at the saved times.
        executor: a concurrent.futures executor or a Dask client to run chunks on.
        progress: show a bar, if standard error is a terminal.
        checkpoint: file that keeps the state of the run; a later call with the same arguments goes on from it.

    Raises:
        InputError: a bad argument, an unknown symbol, a coefficient or a path that is not finite (with the time and
            the number of paths), or more memory than the machine has.
    """
    paths, seed, kind = count(paths, "paths"), seed_of(seed), type_of(dtype)
    keep = min(paths, count(keep_paths, "keep_paths", least=0))
    boolean(progress, "progress")
    times, saved = make_grid(steps, grid, start, save)
    table = prepare(sde, scheme, kind, times, saved, start is not None, save is not None)
    return run(Job(table, seed, paths, keep), threads, executor, progress, checkpoint)


@alone
def prepare(sde: Any, scheme: str, dtype: str, grid: Array, saved: Array, given: bool, asked: bool) -> Timetable:
    """The three stations before the run: those that do algebra."""
    model = model_of(sde)
    program = program_of(model, scheme, dtype)
    return timetable_of(program, grid, saved, given, asked)
