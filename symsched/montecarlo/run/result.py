"""What a simulation returns: moments, quantiles, and the paths that were asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.given import reals
from symsched.kernels import moments
from symsched.montecarlo.run.chunks import ChunkSums, Job
from symsched.precision import cached_property
from symsched.shown import Shown, Table, brief

Array = NDArray[np.float64]


@dataclass
class Totals:
    """The running sums: moments of the complete units in order, bin counts, kept paths."""

    rows: Array
    counts: NDArray[np.int64]
    kept: list[Array] = field(default_factory=list)
    next_unit: int = 0
    lost: int = 0

    @classmethod
    def empty(cls, job: Job) -> Totals:
        """Nothing yet."""
        bins = moments.bin_count(job.digits) if job.digits >= 0 else 0
        rows = np.zeros((len(job.times), moments.row_length(job.dim)))
        return cls(rows, np.zeros((len(job.times), job.dim, bins), np.int64))

    def add(self, part: ChunkSums, dim: int) -> None:
        """Merge the next part: parts must come in the order of the paths."""
        moments.merge_units(self.rows, part.rows, dim)
        at, amount = part.bins
        self.counts.reshape(-1)[at] += amount
        if part.kept.size:
            self.kept.append(part.kept)
        self.next_unit = part.first_unit + len(part.rows)
        self.lost += part.lost


@dataclass(frozen=True, repr=False)
class Result(Shown):
    """Moments of X at `times`, from n_paths paths.

    `mean` (T,) or (T, d); `var` likewise; `cov` (T, d, d); `moments` {1: mean, 2: …, 3: …, 4: …} with the second to
    fourth central moments (sums over n); `paths` (T, k) or (T, k, d), the first k paths.  d = 1 drops its axis.
    `var` and `cov` divide by n − 1.  `partial` says that the run was cut short; n_paths is then what was done.
    """

    job: Job
    totals: Totals
    partial: bool = False
    seconds: float = 0.0

    @property
    def times(self) -> Array:
        """The saved times."""
        return self.job.times

    @property
    def grid(self) -> Array:
        """All times that the scheme stepped through."""
        return self.job.table.grid

    @property
    def n_paths(self) -> int:
        """Paths behind the numbers."""
        return int(self.totals.rows[0, 0])

    @property
    def dim(self) -> int:
        """Dimension of the state."""
        return self.job.dim

    def _line(self) -> str:
        last = "" if self.dim > 1 else f", mean {self._told('mean', -1, 0)}, variance {self._told('var', -1, 0)}"
        state = f"dimension {self.dim}" if self.dim > 1 else f"at t = {brief(self.times[-1])}{last}"
        partial = ", partial" if self.partial else ""
        steps = f"{len(self.grid) - 1} step" + "s" * (len(self.grid) != 2)
        return f"Result({self.n_paths} paths, {steps}{partial}: {state})"

    def _table(self) -> Table:
        rows = [
            (time, i, self._told("mean", k, i), self._told("var", k, i))
            for k, time in enumerate(self.times)
            for i in range(self.dim)
        ]
        drop = self.dim == 1  # no number of a coordinate where there is one
        head = ("t", "coordinate", "mean", "variance")
        return [h for h in head if not (drop and h == "coordinate")], [r[:1] + r[2:] if drop else r for r in rows]

    def _told(self, name: str, k: int, i: int) -> str:
        """An estimate and its standard error, to the digits that this leaves."""
        value, error = (
            float(np.reshape(array, (-1, self.dim))[k, i])
            for array in (getattr(self, name), getattr(self, f"{name}_error"))
        )
        if not 0 < error < np.inf:
            return brief(value)
        places = min(max(0, 1 - int(np.floor(np.log10(error)))), 15)
        return f"{value:.{places}f} ± {error:.{places}f}"

    def _squeeze(self, array: Array) -> Array:
        return array[..., 0] if self.dim == 1 else array

    def _columns(self, start: int) -> Array:
        return self._squeeze(self.totals.rows[:, start : start + self.dim])

    @cached_property
    def mean(self) -> Array:
        """Sample mean."""
        return self._columns(1)

    @cached_property
    def cov(self) -> Array:
        """Sample covariance (T, d, d), divided by n − 1."""
        d = self.dim
        sums = self.totals.rows[:, 1 + d : 1 + d + d * d].reshape(-1, d, d)
        return sums / max(1, self.n_paths - 1)

    @property
    def var(self) -> Array:
        """Sample variance, the diagonal of `cov`."""
        return self._squeeze(np.diagonal(self.cov, axis1=1, axis2=2))

    @cached_property
    def moments(self) -> dict[int, Array]:
        """{1: mean, k: central moment of order k = 2, 3, 4}, sums divided by n."""
        d, n = self.dim, self.n_paths
        second = self.var * (n - 1) / n
        third, fourth = self._columns(1 + d + d * d) / n, self._columns(1 + 2 * d + d * d) / n
        return {1: self.mean, 2: second, 3: third, 4: fourth}

    @property
    def mean_error(self) -> Array:
        """Standard error of `mean`."""
        return np.sqrt(self.var / self.n_paths)

    @property
    def var_error(self) -> Array:
        """Standard error of `var`, from the fourth moment."""
        return np.sqrt(np.maximum(self.moments[4] - self.moments[2] ** 2, 0) / self.n_paths)

    @property
    def paths(self) -> Array:
        """The first keep_paths paths."""
        kept = self.totals.kept
        shape = (len(self.times), 0, self.dim)
        return self._squeeze(np.concatenate(kept, axis=1) if kept else np.empty(shape))

    def cdf(self, time_index: int = -1, coordinate: int = 0) -> tuple[Array, Array]:
        """(edges, F): the empirical distribution function, exact at every edge of the histogram."""
        counts = self._counts()[time_index, coordinate]
        used = np.flatnonzero(counts)
        low, high = used[0], used[-1] + 1
        edges = moments.bin_edges(self.job.digits)[low : high + 1]
        return edges, np.append(0, np.cumsum(counts[low:high])) / counts.sum()

    def quantiles(self, q: Any) -> Array:
        """Quantiles (T, len(q)) or (T, len(q), d), from a histogram with bins of relative width 2^-digits.

        Linear inside a bin; the error is below |x| 2^-digits (digits = 10 unless many histograms are kept), and what
        is smaller than 2^-24 counts as 0.
        Raises InputError for q outside [0, 1], or where there are too many times and coordinates for histograms.
        """
        wanted = np.atleast_1d(reals(q, "q", "numbers in [0, 1]"))
        if wanted.ndim != 1 or not ((wanted >= 0) & (wanted <= 1)).all():
            raise InputError(f"q = {q}; quantiles are asked for numbers in [0, 1]")
        counts = self._counts()
        edges = moments.bin_edges(self.job.digits)
        edges = np.concatenate([edges[1:2], edges[1:-1], edges[-2:-1]])
        out = np.empty((len(self.times), len(wanted), self.dim))
        for k in range(len(self.times)):
            for i in range(self.dim):
                out[k, :, i] = _invert(counts[k, i], edges, wanted)
        return self._squeeze(out)

    def _counts(self) -> NDArray[np.int64]:
        if self.job.digits < 0:
            raise InputError(
                f"no histograms were kept for {len(self.times)} times and {self.dim} coordinates; save fewer times"
            )
        return self.totals.counts


def _invert(counts: NDArray[np.int64], edges: Array, q: Array) -> Array:
    """Quantiles of a histogram, linear inside each bin."""
    cumulative = np.append(0, np.cumsum(counts)).astype(np.float64)
    target = q * cumulative[-1]
    at = np.clip(np.searchsorted(cumulative, target, side="left") - 1, 0, len(counts) - 1)
    at = np.maximum(at, np.flatnonzero(counts)[0])
    low, high = edges[at], edges[at + 1]
    share = (target - cumulative[at]) / np.maximum(counts[at], 1)
    found = low + share * (high - low)
    return np.where(np.maximum(np.abs(low), np.abs(high)) <= 2.0**moments.LOWEST, 0.0, found)
