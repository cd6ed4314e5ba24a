"""Fourth station, the run: chunks of paths on threads or executors, merged in the order of the paths."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np

from symsched.errors import InputError
from symsched.given import memory
from symsched.kernels import moments
from symsched.kernels.compiled import LANES
from symsched.montecarlo.arguments import workers_of
from symsched.montecarlo.run.checkpoint import Checkpoint
from symsched.montecarlo.run.chunks import ChunkSums, Job, states, work
from symsched.montecarlo.run.result import Result
from symsched.processes import Inline
from symsched.progress import Bar, foretold

#: Seconds after which the cost of a run is foretold, and until five times which, as compilers are slow at first.
PILOT = 2.0


def run(job: Job, threads: int | None, executor: Any, progress: bool, checkpoint: Any) -> Result:
    """Run the job's chunks and merge them in the order of the paths."""
    began, dim, saved = time.perf_counter(), job.dim, len(job.times)
    memory(8 * saved * job.keep * dim, f"{job.keep} stored paths of dimension {dim} at {saved} times")
    memory(8 * saved * moments.row_length(dim), f"covariances of dimension {dim} at {saved} times")
    record = Checkpoint(checkpoint, job)
    totals = record.load()
    partial, complete = False, job.paths // moments.UNIT
    first, told = totals.next_unit, False
    with Bar(job.paths, progress, "paths") as bar, _pool(job, executor, threads) as pool:
        try:
            for part in ordered(job, pool, totals.next_unit):
                record.save(totals, final=part.first_unit == complete)
                totals.add(part, dim)
                bar.at(min(job.paths, totals.next_unit * moments.UNIT))
                spent = time.perf_counter() - began
                if not told and spent > PILOT:
                    left = spent / (totals.next_unit - first) * (job.units - totals.next_unit)
                    told = foretold(left, f"{job.paths} paths of {len(job.table.grid) - 1} steps") or spent > 5 * PILOT
        except KeyboardInterrupt:
            if totals.next_unit == 0:
                raise
            partial = True
    if totals.next_unit <= complete:
        record.save(totals, final=True)
    if totals.lost:
        raise InputError(diagnose(job, totals.lost))
    beyond = ~np.isfinite(totals.rows[:, : 1 + dim + dim**2]).all(axis=1)
    if beyond.any():
        bad = job.times[int(np.argmax(beyond))]
        raise InputError(
            f"the paths of {job.table.label} grow so far that their variance at t = {bad:.6g} is beyond the floats; "
            "use more steps, another scheme, or a later start"
        )
    return Result(job, totals, partial, time.perf_counter() - began)


@contextmanager
def _pool(job: Job, executor: Any, threads: int | None) -> Iterator[tuple[Any, int]]:
    """The executor, and how many chunks to keep in flight."""
    if executor is None:
        workers = workers_of(threads)
        alone = workers == 1 or job.units <= job.units_per_chunk
        with Inline() if alone else ThreadPoolExecutor(workers) as own:
            yield own, 1 if alone else 2 * workers
        return
    runner = executor.get_executor() if hasattr(executor, "get_executor") else executor
    if not isinstance(runner, Executor):
        raise InputError(
            f"executor is a {type(executor).__name__}; give a concurrent.futures executor or a Dask client"
        )
    yield runner, 4 * (os.cpu_count() or 1)


def ordered(job: Job, pool: tuple[Any, int], first_unit: int) -> Iterator[ChunkSums]:
    """Parts in order, with a bounded number in flight."""
    runner, limit = pool
    size = job.units_per_chunk
    waiting: list[Future[ChunkSums]] = []
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
    grid = job.table.grid
    for unit in range(job.units):
        first = unit * moments.UNIT
        width = min(moments.UNIT, job.paths - first)
        ends = states(job, first, width)
        bad = np.flatnonzero(~np.isfinite(ends).all(axis=(0, 1)))
        if bad.size:
            base = first + int(bad[0]) // LANES * LANES
            every = np.arange(len(grid), dtype=np.int64)
            story = states(job, base, min(LANES, job.paths - base), every)
            broken = ~np.isfinite(story).all(axis=(1, 2))
            when = grid[max(0, int(np.argmax(broken)) - 1)]
            turns = any(name in job.table.steps.text for name in ("sin64(", "cos64(", "sin32(", "cos32("))
            known = " (sin and cos are known up to 1e14, in float32 up to 1e6)" if turns else ""
            return (
                f"the drift of {job.table.label} is not finite at t = {when:.6g} on some paths{known}: {lost} of "
                f"{job.paths} were lost with {len(grid) - 1} steps; use more steps, another scheme, or a later start"
            )
    return f"{lost} of {job.paths} paths of {job.table.label} are not finite"
