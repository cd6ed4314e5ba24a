"""simulate: Monte Carlo of an SDE with results that depend on the seed and the number of paths alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.given import count, memory, seed_of
from symsched.kernels import moments
from symsched.kernels.compiled import LANES
from symsched.montecarlo import engine
from symsched.montecarlo.between import between
from symsched.montecarlo.checkpoint import Checkpoint
from symsched.montecarlo.checks import boolean, make_grid, type_of
from symsched.montecarlo.engine import Job, Part, work
from symsched.montecarlo.model import Model, Start, model_of
from symsched.montecarlo.result import Result
from symsched.montecarlo.schemes import Tables, build, check_scheme
from symsched.precision import alone
from symsched.progress import Bar

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
        scheme: 'euler', 'lazy', 'exponential', 'heun' or 'sra1' (see `montecarlo.schemes` for formulas and orders).
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
    job = prepare(sde, paths, steps, scheme, seed, save, grid, start, dtype, keep_paths)
    boolean(progress, "progress")
    return run(job, threads, executor, progress, checkpoint)


@alone
def prepare(
    sde: Any,
    paths: int,
    steps: int,
    scheme: str,
    seed: int,
    save: Sequence[float] | None,
    grid: Sequence[float] | Array | None,
    start: float | None,
    dtype: str,
    keep_paths: int,
) -> Job:
    """Check everything and build the tables."""
    check_scheme(scheme)
    paths, kind = count(paths, "paths"), type_of(dtype)
    keep = min(paths, count(keep_paths, "keep_paths", least=0))
    seed = seed_of(seed)
    model = model_of(sde)
    times, saved = make_grid(steps, grid, start, save)
    law = model.start(times[0])
    tables = build(model, scheme, times, kind, law.at_zero)
    if start is None and times[0] == 0 and model.fixed is None and not tables.finite_rows()[0]:
        times, saved, law, tables = _later_start(model, scheme, times, saved, kind, save is not None)
    _check_finite(tables, model, times)
    on_grid = np.isin(saved, times)
    places = np.searchsorted(times, saved[on_grid]).astype(np.int64)
    inside = between(model, scheme, times, saved[~on_grid], kind, law.at_zero)
    for part in (part for one in inside for part in one.tables):
        _check_finite(part, model, saved[~on_grid])
    memory(8 * len(saved) * keep * model.dim, f"{keep} stored paths of dimension {model.dim} at {len(saved)} times")
    digits = engine.digits_for(len(saved), model.dim)
    rows = 8 * len(saved) * moments.row_length(model.dim)
    memory(rows, f"covariances of dimension {model.dim} at {len(saved)} times")
    return Job(tables, law, model.basis, times, places, seed, kind, paths, keep, digits, label(model), inside)


def _later_start(
    model: Model, scheme: str, times: Array, saved: Array, kind: str, asked: bool
) -> tuple[Array, Array, Start, Tables]:
    """Begin at the first time after 0: the marginal there is known, so nothing is lost."""
    if asked and saved[0] == 0:
        raise InputError(
            f"a coefficient of {label(model)} is infinite at t = 0, so nothing can be saved there; "
            f"save times from {times[1]:.6g} on, or use scheme 'exponential'"
        )
    if asked and saved[0] < times[1]:
        raise InputError(
            f"a coefficient of {label(model)} is infinite at t = 0, so paths begin at {times[1]:.6g}, after the saved "
            f"time {saved[0]:.6g}; save times from there on, or give start={saved[0]:.6g}"
        )
    if len(times) < 3:
        raise InputError(
            f"a coefficient of {label(model)} is infinite at t = 0 and there is one step only; "
            "use more steps, start > 0, or scheme 'exponential'"
        )
    times = times[1:]
    saved = np.unique(np.append(times[0], saved[saved >= times[0]])) if not asked else saved
    law = model.start(times[0])
    return times, saved, law, build(model, scheme, times, kind, law.at_zero)


def label(model: Model) -> str:
    """The SDE in words, for messages."""
    sde = model.interpolant
    return model.source.name if sde is None else f"the SDE of {sde.schedule} for {sde.data.summary}"


def _check_finite(tables: Tables, model: Model, times: Array) -> None:
    bad = ~tables.finite_rows()
    if bad.any():
        where = times[int(np.argmax(bad))]
        raise InputError(
            f"a coefficient of {label(model)} is not finite at t = {where:.6g}; "
            "use start or grid to keep away from it, or another scheme"
        )


# -- running ---------------------------------------------------------------------------------------------------------


def run(job: Job, threads: int | None, executor: Any, progress: bool, checkpoint: Any) -> Result:
    """Run the job's chunks and merge them in the order of the paths."""
    began = time.perf_counter()
    record = Checkpoint(checkpoint, job)
    totals = record.load()
    partial, complete = False, job.paths // moments.UNIT
    with Bar(job.paths, progress, "paths") as bar, _pool(executor, threads) as pool:
        try:
            for part in ordered(job, pool, totals.next_unit):
                record.save(totals, final=part.first_unit == complete)
                totals.add(part, job.dim)
                bar.at(min(job.paths, totals.next_unit * moments.UNIT))
        except KeyboardInterrupt:
            if totals.next_unit == 0:
                raise
            partial = True
    if totals.next_unit <= complete:
        record.save(totals, final=True)
    if totals.lost:
        raise InputError(diagnose(job, totals.lost))
    beyond = ~np.isfinite(totals.rows[:, : 1 + job.dim + job.dim**2]).all(axis=1)
    if beyond.any():
        bad = job.times[int(np.argmax(beyond))]
        raise InputError(
            f"the paths of {job.label} grow so far that their variance at t = {bad:.6g} is beyond the floats; "
            "use more steps, another scheme, or a later start"
        )
    return Result(job, totals, partial, time.perf_counter() - began)


@contextmanager
def _pool(executor: Any, threads: int | None) -> Iterator[tuple[Any, int]]:
    """The executor, and how many chunks to keep in flight."""
    if executor is None:
        workers = count(threads, "threads") if threads is not None else (os.cpu_count() or 1)
        with ThreadPoolExecutor(workers) as own:
            yield own, 2 * workers
        return
    runner = executor.get_executor() if hasattr(executor, "get_executor") else executor
    if not isinstance(runner, Executor):
        raise InputError(
            f"executor is a {type(executor).__name__}; give a concurrent.futures executor or a Dask client"
        )
    yield runner, 4 * (os.cpu_count() or 1)


def ordered(job: Job, pool: tuple[Any, int], first_unit: int) -> Iterator[Part]:
    """Parts in order, with a bounded number in flight."""
    runner, limit = pool
    size = job.units_per_chunk
    waiting: list[Future[Part]] = []
    complete = job.paths // moments.UNIT
    chunks = chain(range(first_unit, complete, size), range(max(first_unit, complete), job.units))
    try:
        while True:
            for unit in chunks:
                waiting.append(runner.submit(work, job, unit, min(size, max(1, complete - unit))))
                if len(waiting) >= limit:
                    break
            if not waiting:
                return
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()


def diagnose(job: Job, lost: int) -> str:
    """The one line that says when the first path left the numbers; found by repeating its unit with every step."""
    for unit in range(job.units):
        first = unit * moments.UNIT
        width = min(moments.UNIT, job.paths - first)
        ends = engine.states(job, first, width)
        bad = np.flatnonzero(~np.isfinite(ends).all(axis=(0, 1)))
        if bad.size:
            base = first + int(bad[0]) // LANES * LANES
            every = np.arange(len(job.grid), dtype=np.int64)
            story = engine.states(job, base, min(LANES, job.paths - base), every)
            broken = ~np.isfinite(story).all(axis=(1, 2))
            when = job.grid[max(0, int(np.argmax(broken)) - 1)]
            turns = any(name in job.tables.text for name in ("sin64(", "cos64(", "sin32(", "cos32("))
            known = " (sin and cos are known up to 1e14, in float32 up to 1e6)" if turns else ""
            return (
                f"the drift of {job.label} is not finite at t = {when:.6g} on some paths{known}: {lost} of {job.paths} "
                f"were lost with {len(job.grid) - 1} steps; use more steps, another scheme, or a later start"
            )
    return f"{lost} of {job.paths} paths of {job.label} are not finite"
