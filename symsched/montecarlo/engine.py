"""One chunk of a simulation: a pure function of the job and of the paths' numbers, so that it may run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.kernels import moments, store
from symsched.kernels.compiled import LANES
from symsched.kernels.random import key
from symsched.montecarlo.between import Between, states_inside
from symsched.montecarlo.model import Start, turn
from symsched.montecarlo.schemes import Tables
from symsched.precision import cached_property

Array = NDArray[np.float64]
#: Bytes of saved states that one chunk may hold.
CHUNK_BYTES = 1 << 24
#: Steps times paths times dimensions of a chunk: about a twentieth of a second.
CHUNK_WORK = 1 << 24
#: Units of a chunk at most, however few the steps.
CHUNK_UNITS = 64
#: Bytes that all histograms together may take.
HISTOGRAM_BYTES = 1 << 26


@dataclass(frozen=True)
class Job:
    """Everything a worker needs; picklable.

    `save` says after how many steps the states are wanted, `between` at which times inside steps; `times` are all.
    """

    tables: Tables
    start: Start
    basis: Array | None
    grid: Array
    save: NDArray[np.int64]
    seed: int
    dtype: str
    paths: int
    keep: int
    digits: int
    label: str = ""
    between: tuple[Between, ...] = ()

    @cached_property
    def times(self) -> Array:
        """The saved times."""
        return np.sort(np.concatenate([self.grid[self.save], *(inside.times for inside in self.between)]))

    @property
    def dim(self) -> int:
        """Dimension of the state."""
        return self.start.dim

    @property
    def units(self) -> int:
        """Units of paths, the last of which may be incomplete."""
        return -(-self.paths // moments.UNIT)

    @property
    def units_per_chunk(self) -> int:
        """Units in one chunk; the result does not depend on it."""
        path_bytes = 8 * self.dim * (len(self.times) + 1)
        by_memory = CHUNK_BYTES // (path_bytes * moments.UNIT)
        per_step = self.dim * (1 + len(self.tables.law))
        by_work = CHUNK_WORK // (moments.UNIT * per_step * max(1, len(self.grid) - 1))
        return max(1, min(by_memory, by_work, CHUNK_UNITS))


@dataclass(frozen=True)
class Part:
    """What a chunk sends back: moment rows (units, times, row), sparse bin counts, the paths to keep."""

    first_unit: int
    rows: Array
    bins: tuple[NDArray[np.int64], NDArray[np.int64]]
    kept: Array
    lost: int


def states(job: Job, first: int, count: int, save: NDArray[np.int64] | None = None) -> Array:
    """States (times, dim, count) of the paths from `first` on, in the original coordinates."""
    x0 = job.start.sample(first, count, job.seed)
    x0 = x0 if job.basis is None else turn(job.basis.T, x0)
    found = _stepped(job, x0, first, job.save if save is None else save)
    if job.between and save is None:
        found = _with_between(job, x0, first, found)
    return found if job.basis is None else turn(job.basis, found)


def _stepped(job: Job, x0: Array, first: int, wanted: NDArray[np.int64]) -> Array:
    """States after the wanted numbers of steps, in working coordinates."""
    kind = np.dtype(job.dtype).type
    out = np.empty((len(wanted), *x0.shape), kind)
    module = store.load(job.tables.text)
    none = np.empty((0, 0, 0), kind)
    parts = (np.ascontiguousarray(a, kind) for a in job.tables.arrays)
    numbers = (np.uint64(first), *key(job.seed))
    module.run(np.ascontiguousarray(x0, kind), *numbers, *parts, wanted, none, none, out)
    return out


def _with_between(job: Job, x0: Array, first: int, found: Array) -> Array:
    """The states at all saved times: those after whole steps, and those inside steps."""
    kind = np.dtype(job.dtype).type
    begins = _stepped(job, x0, first, np.array([inside.step for inside in job.between], np.int64))
    parts = [states_inside(b, x, first, job.seed, kind) for b, x in zip(job.between, begins, strict=True)]
    times = np.concatenate([job.grid[job.save], *(inside.times for inside in job.between)])
    return np.ascontiguousarray(np.concatenate([found, *parts])[np.argsort(times)])


def work(job: Job, first_unit: int, units: int) -> Part:
    """Simulate the units first_unit … first_unit + units − 1 and sum them up."""
    first = first_unit * moments.UNIT
    count = min(job.paths - first, units * moments.UNIT)
    found = states(job, first, count)
    rows = np.empty((units, len(job.times), moments.row_length(job.dim)))
    moments.unit_moments(rows, found, LANES)
    lost = int(count - np.isfinite(found).all(axis=(0, 1)).sum())
    kept = found[:, :, : max(0, min(count, job.keep - first))].astype(np.float64)
    return Part(first_unit, rows, _bins(job, found), kept.transpose(0, 2, 1), lost)


def _bins(job: Job, found: Array) -> tuple[NDArray[Any], NDArray[Any]]:
    if job.digits < 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    counts = np.zeros((len(job.times), job.dim, moments.bin_count(job.digits)), np.int64)
    moments.count_bins(counts, found, job.digits)
    flat = counts.ravel()
    at = np.flatnonzero(flat)
    return at, flat[at]


def digits_for(times: int, dim: int) -> int:
    """Binary digits of a histogram bin: at most 10, fewer where many histograms are kept, −1 for none."""
    for digits in range(10, 3, -1):
        if 8 * times * dim * moments.bin_count(digits) <= HISTOGRAM_BYTES:
            return digits
    return -1
