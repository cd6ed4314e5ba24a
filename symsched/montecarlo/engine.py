"""One chunk of a simulation: a pure function of the job and of the paths' numbers, so that it may run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.kernels import moments, store
from symsched.kernels.compiled import LANES
from symsched.kernels.random import key
from symsched.montecarlo.model import Start, turn
from symsched.montecarlo.schemes import Tables

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
    """Everything a worker needs; picklable."""

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
        path_bytes = 8 * self.dim * (len(self.save) + 1)
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
    kind = np.dtype(job.dtype).type
    wanted = job.save if save is None else save
    x0 = job.start.sample(first, count, job.seed)
    x0 = x0 if job.basis is None else turn(job.basis.T, x0)
    out = np.empty((len(wanted), job.dim, count), kind)
    module = store.load(job.tables.text)
    none = np.empty((0, 0, 0), kind)
    parts = (np.ascontiguousarray(a, kind) for a in job.tables.arrays)
    numbers = (np.uint64(first), *key(job.seed))
    module.run(np.ascontiguousarray(x0, kind), *numbers, *parts, wanted, none, none, out)
    return out if job.basis is None else turn(job.basis, out)


def work(job: Job, first_unit: int, units: int) -> Part:
    """Simulate the units first_unit … first_unit + units − 1 and sum them up."""
    first = first_unit * moments.UNIT
    count = min(job.paths - first, units * moments.UNIT)
    found = states(job, first, count)
    rows = np.empty((units, len(job.save), moments.row_length(job.dim)))
    moments.unit_moments(rows, found, LANES)
    lost = int(count - np.isfinite(found).all(axis=(0, 1)).sum())
    kept = found[:, :, : max(0, min(count, job.keep - first))].astype(np.float64)
    return Part(first_unit, rows, _bins(job, found), kept.transpose(0, 2, 1), lost)


def _bins(job: Job, found: Array) -> tuple[NDArray[Any], NDArray[Any]]:
    if job.digits < 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    counts = np.zeros((len(job.save), job.dim, moments.bin_count(job.digits)), np.int64)
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
