"""Streaming moments and histograms: what comes back from a run without storing its paths.

Paths are summed in units of `UNIT`, a unit in blocks, each about its own mean; blocks and units are merged in
the order of the paths.  The tree of additions is thus fixed: results are bit-identical however the units were
divided among threads, and a checkpoint or an extension continues the same sum.

Layout of a moment row for dimension d: count, mean (d), second central sums (d × d), third (d), fourth (d).
Merging follows Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
statistical moments", Sandia report SAND2008-6212.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symsched.kernels.compiled import LANES, bits64, inline, kernel, u64

#: Paths whose moments are summed before they are merged.
UNIT = 4 * LANES
#: Binary exponents that the histogram resolves; smaller magnitudes count as 0, larger ones as overflow.
LOWEST, HIGHEST = -24, 16


def row_length(dim: int) -> int:
    """Numbers in a moment row."""
    return 1 + 3 * dim + dim * dim


@inline
def _merge_high(into: Any, row: Any, i: int, d: int, na: float, nb: float) -> None:
    """Third and fourth central sums of coordinate i; before the second sums and the mean are merged."""
    n = na + nb
    delta = row[1 + i] - into[1 + i]
    a2, b2 = into[1 + d + i * d + i], row[1 + d + i * d + i]
    at3, at4 = 1 + d + d * d + i, 1 + 2 * d + d * d + i
    a3, b3 = into[at3], row[at3]
    into[at4] += row[at4] + delta**4 * na * nb * (na * na - na * nb + nb * nb) / n**3
    into[at4] += 6 * delta**2 * (na * na * b2 + nb * nb * a2) / n**2 + 4 * delta * (na * b3 - nb * a3) / n
    into[at3] += b3 + delta**3 * na * nb * (na - nb) / n**2 + 3 * delta * (na * b2 - nb * a2) / n


@kernel
def merge(into: Any, row: Any, d: int) -> None:
    """Add the moments `row` to the moments `into`."""
    na, nb = into[0], row[0]
    if nb == 0:
        return
    n = na + nb
    for i in range(d):
        _merge_high(into, row, i, d, na, nb)
    for i in range(d):
        for j in range(d):
            gap = (row[1 + i] - into[1 + i]) * (row[1 + j] - into[1 + j])
            into[1 + d + i * d + j] += row[1 + d + i * d + j] + gap * na * nb / n
    for i in range(d):
        into[1 + i] += (row[1 + i] - into[1 + i]) * nb / n
    into[0] = n


@kernel
def block_moments(row: Any, x: Any) -> None:
    """Moments of one block x[d, width], about its mean."""
    d, width = x.shape
    row[:] = 0.0
    row[0] = width
    for i in range(d):
        total = 0.0
        for p in range(width):
            total += x[i, p]
        row[1 + i] = total / width
    for i in range(d):
        for j in range(i + 1):
            total = 0.0
            for p in range(width):
                total += (x[i, p] - row[1 + i]) * (x[j, p] - row[1 + j])
            row[1 + d + i * d + j] = row[1 + d + j * d + i] = total
        cubes = fourths = 0.0
        for p in range(width):
            gap = x[i, p] - row[1 + i]
            cubes += gap * gap * gap
            fourths += gap * gap * gap * gap
        row[1 + d + d * d + i], row[1 + 2 * d + d * d + i] = cubes, fourths


@kernel
def unit_moments(rows: Any, x: Any, block: int) -> None:
    """rows[u, t]: moments of each unit of x[t, d, paths] at each time."""
    times, d, count = x.shape
    row = np.empty(rows.shape[2])
    for u in range(rows.shape[0]):
        end = min(count, (u + 1) * UNIT)
        for t in range(times):
            rows[u, t] = 0.0
            for base in range(u * UNIT, end, block):
                block_moments(row, x[t, :, base : min(end, base + block)].astype(np.float64))
                merge(rows[u, t], row, d)


@kernel
def merge_units(into: Any, rows: Any, d: int) -> None:
    """Merge rows[u, t] into into[t], unit after unit."""
    for u in range(rows.shape[0]):
        for t in range(rows.shape[1]):
            merge(into[t], rows[u, t], d)


@kernel
def count_bins(counts: Any, x: Any, digits: int) -> None:
    """counts[t, i, bin] += paths of x[t, d, paths]; bins have 2^digits parts per binary octave and sign."""
    times, d, count = x.shape
    half = counts.shape[2] // 2
    lowest = u64(1023 + LOWEST) << u64(digits)
    for t in range(times):
        for i in range(d):
            for p in range(count):
                b = bits64(np.float64(x[t, i, p]))
                magnitude = (b & ~(u64(1) << u64(63))) >> u64(52 - digits)
                place = 0 if magnitude < lowest else min(np.int64(magnitude - lowest) + 1, half - 1)
                counts[t, i, half + place if b >> u64(63) == u64(0) else half - 1 - place] += 1


def bin_count(digits: int) -> int:
    """Bins of a histogram with 2^digits parts per octave."""
    return 2 * (((HIGHEST - LOWEST) << digits) + 2)


def bin_edges(digits: int) -> Any:
    """Ascending edges, one more than there are bins; the outermost are ±∞."""
    mantissas = 1 + np.arange(1 << digits) / (1 << digits)
    powers = 2.0 ** np.arange(LOWEST, HIGHEST)
    positive = np.append((powers[:, None] * mantissas).ravel(), [2.0**HIGHEST, np.inf])
    return np.concatenate([-positive[::-1], [0.0], positive])
