"""One chunk of a simulation: a pure function of the job and of the paths' numbers, so that it may run anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.kernels import moments, store
from symsched.kernels.compiled import LANES
from symsched.kernels.random import AREA, BRIDGE, BROWNIAN, key, step_normals
from symsched.montecarlo.tables import Between, Tables, Timetable, turn
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
    """Everything a worker needs; picklable.  `keep` says how many paths are kept."""

    table: Timetable
    seed: int
    paths: int
    keep: int

    @property
    def times(self) -> Array:
        """The saved times."""
        return self.table.times

    @property
    def dim(self) -> int:
        """Dimension of the state."""
        return self.table.start.dim

    @cached_property
    def digits(self) -> int:
        """Binary digits of a histogram bin: at most 10, fewer where many histograms are kept, −1 for none."""
        for digits in range(10, 3, -1):
            if 8 * len(self.times) * self.dim * moments.bin_count(digits) <= HISTOGRAM_BYTES:
                return digits
        return -1

    @property
    def units(self) -> int:
        """Units of paths, the last of which may be incomplete."""
        return -(-self.paths // moments.UNIT)

    @property
    def units_per_chunk(self) -> int:
        """Units in one chunk; the result does not depend on it."""
        path_bytes = 8 * self.dim * (len(self.times) + 1)
        by_memory = CHUNK_BYTES // (path_bytes * moments.UNIT)
        per_step = self.dim * (1 + len(self.table.steps.law))
        by_work = CHUNK_WORK // (moments.UNIT * per_step * max(1, len(self.table.grid) - 1))
        return max(1, min(by_memory, by_work, CHUNK_UNITS))


@dataclass(frozen=True)
class ChunkSums:
    """What a chunk sends back: moment rows (units, times, row), sparse bin counts, the paths to keep."""

    first_unit: int
    rows: Array
    bins: tuple[NDArray[np.int64], NDArray[np.int64]]
    kept: Array
    lost: int


def stepped(
    tables: Tables,
    x0: Array,
    wanted: NDArray[np.int64],
    address: tuple[int, int] = (0, 0),
    given: Array | None = None,
    area: Array | None = None,
) -> Array:
    """States (times, dim, paths) after the wanted numbers of steps from x0 (dim, paths), in working coordinates.

    The normals (steps, dim, paths), and the second ones of a scheme with `area`, are given, or those at the address
    (seed, first path).
    """
    kind = np.dtype(tables.kind.dtype).type
    x0, given, area = (
        np.ascontiguousarray(np.empty((0, 0, 0)) if part is None else part, kind) for part in (x0, given, area)
    )
    arrays = (np.ascontiguousarray(part, kind) for part in tables.arrays)
    out = np.empty((len(wanted), *x0.shape), kind)
    seed, first = address
    store.load(tables.text).run(x0, np.uint64(first), *key(seed), *arrays, wanted, given, area, out)
    return out


def states(job: Job, first: int, count: int, save: NDArray[np.int64] | None = None) -> Array:
    """States (times, dim, count) of the paths from `first` on, in the original coordinates."""
    table, address = job.table, (job.seed, first)
    x0 = table.start.sample(first, count, job.seed)
    x0 = x0 if table.basis is None else turn(table.basis.T, x0)
    found = stepped(table.steps, x0, table.save if save is None else save, address)
    if table.between and save is None:
        begins = stepped(table.steps, x0, np.array([inside.step for inside in table.between], np.int64), address)
        parts = [_inside(one, x, address) for one, x in zip(table.between, begins, strict=True)]
        times = np.concatenate([table.grid[table.save], *(one.times for one in table.between)])
        found = np.ascontiguousarray(np.concatenate([found, *parts])[np.argsort(times)])
    return found if table.basis is None else turn(table.basis, found)


def _inside(inside: Between, x: Array, address: tuple[int, int]) -> Array:
    """States (times, dim, paths) at the times inside a step that begins at x (dim, paths)."""
    kind = inside.tables[0].kind
    area, place = kind.area, (*address, x.shape[1], inside.step, x.shape[0])
    own = [step_normals(*place, kind.dtype, purpose) for purpose in (BROWNIAN, AREA)[: 1 + area]]
    fresh = [step_normals(*place, "float64", BRIDGE, k) for k in range(inside.root.shape[1])]
    normals = []
    for k in range(len(fresh)):
        terms = [inside.gain[:, k, q, None] * own[q] for q in range(len(own))]
        terms += [inside.root[:, k, j, None] * fresh[j] for j in range(k + 1)]
        normals.append(sum(terms[1:], terms[0])[None])
    drivers = zip(normals[::2], normals[1::2], strict=True) if area else ((z, None) for z in normals)
    end = np.ones(1, np.int64)
    return np.concatenate([stepped(t, x, end, (0, 0), *z) for t, z in zip(inside.tables, drivers, strict=True)])


def work(job: Job, first_unit: int, units: int) -> ChunkSums:
    """Simulate the units first_unit … first_unit + units − 1 and sum them up."""
    first = first_unit * moments.UNIT
    count = min(job.paths - first, units * moments.UNIT)
    found = states(job, first, count)
    rows = np.empty((units, len(job.times), moments.row_length(job.dim)))
    moments.unit_moments(rows, found, LANES)
    lost = int(count - np.isfinite(found).all(axis=(0, 1)).sum())
    kept = found[:, :, : max(0, min(count, job.keep - first))].astype(np.float64)
    return ChunkSums(first_unit, rows, _bins(job, found), kept.transpose(0, 2, 1), lost)


def _bins(job: Job, found: Array) -> tuple[NDArray[Any], NDArray[Any]]:
    if job.digits < 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    counts = np.zeros((len(job.times), job.dim, moments.bin_count(job.digits)), np.int64)
    moments.count_bins(counts, found, job.digits)
    flat = counts.ravel()
    at = np.flatnonzero(flat)
    return at, flat[at]
