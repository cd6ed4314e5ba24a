"""Are the random numbers random?  A billion normals, and dieharder on the raw words.

    python benchmarks/random_streams.py [--draws 1e9] [--dieharder PROGRAM] [--tests 0 1 2 …] [--out FILE.json]

The normals are tested in eight ways at once (first four moments, Kolmogorov–Smirnov on 4096 equal cells, correlation
of neighbours in step and in path, and the count beyond 5 σ), each as the simulation draws them: paths in blocks,
steps in pairs.  The words go to dieharder step after step, all paths of a step together: the order in which a
correlation between neighbouring paths would show.  The report is kept beside the other results.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy import stats

from symsched.kernels import random as streams
from symsched.kernels.compiled import LANES, kernel
from symsched.kernels.random import fill32, fill64, philox

CELLS = 4096
PATHS = 1 << 14
SUMS = 8
u64 = np.uint64
EDGES = stats.norm.ppf(np.arange(1, CELLS) / CELLS)


def _digest(fill, dtype):
    """Kernel: sums of z … z⁴, neighbour products, tail counts and cells, of PATHS paths for a range of blocks."""
    per = streams.NORMALS[dtype]

    @kernel
    def run(first, blocks, seed, edges, sums, cells):
        z = np.zeros(per * LANES, dtype)
        for n in range(first, first + blocks):
            for base in range(0, PATHS, LANES):
                fill(z, 0, u64(base), u64(n), u64(0), seed, u64(0))
                part = np.zeros(SUMS)
                for j in range(per):
                    for lane in range(LANES):
                        v = float(z[j * LANES + lane])
                        square = v * v
                        part[0] += v
                        part[1] += square
                        part[2] += square * v
                        part[3] += square * square
                        part[6] += 1.0 if square > 25.0 else 0.0
                        cells[np.searchsorted(edges, v)] += 1
                        if lane:
                            part[4] += v * float(z[j * LANES + lane - 1])
                        if j:
                            part[5] += v * float(z[(j - 1) * LANES + lane])
                sums += part

    return run


def normals(draws: float, dtype: str) -> dict:
    """p-values of the eight tests."""
    fill, per = (fill64, 2) if dtype == "float64" else (fill32, 4)
    run = _digest(fill, dtype)
    blocks = max(1, int(draws) // (per * PATHS))
    workers = os.cpu_count() or 1
    pieces = np.linspace(0, blocks, 8 * workers + 1).astype(int)

    def piece(k: int) -> tuple[np.ndarray, np.ndarray]:
        sums, cells = np.zeros(SUMS), np.zeros(CELLS, np.int64)
        run(pieces[k], pieces[k + 1] - pieces[k], u64(2026), EDGES, sums, cells)
        return sums, cells

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(piece, range(len(pieces) - 1)))
    sums, cells = sum(s for s, _ in found), sum(c for _, c in found)
    n = int(cells.sum())
    variances = [1, 2, 15, 96]
    values = {}
    for k, (exact, variance) in enumerate(zip([0, 1, 0, 3], variances, strict=True)):
        values[f"moment {k + 1}"] = _normal(sums[k] / n - exact, math.sqrt(variance / n))
    values["neighbouring paths"] = _normal(sums[4], math.sqrt(n * (1 - 1 / LANES)))
    values["neighbouring steps"] = _normal(sums[5], math.sqrt(n * (1 - 1 / per)))
    values["beyond 5 sigma"] = float(stats.binomtest(int(sums[6]), n, 2 * stats.norm.sf(5)).pvalue)
    values["chi-squared of 4096 cells"] = float(stats.chisquare(cells).pvalue)
    gap = np.abs(np.cumsum(cells)[:-1] / n - np.arange(1, CELLS) / CELLS).max()
    values["Kolmogorov-Smirnov on the cells"] = float(stats.kstwo(n).sf(gap))
    return {"draws": n, "p_values": values}


def _normal(gap: float, error: float) -> float:
    return math.erfc(abs(gap) / error / math.sqrt(2))


@kernel
def raw_words(out, step, seed):
    """out[path, 0:4]: the 128 bits of each path at one block of steps."""
    for path in range(out.shape[0]):
        a, b, c, d = philox(u64(path), u64(0), u64(step), u64(0), u64(seed), u64(0))
        out[path, 0], out[path, 1], out[path, 2], out[path, 3] = a, b, c, d


def dieharder(program: str, tests: list[int] | None) -> list[dict]:
    """Each dieharder test on a stream of raw words; the assessment is dieharder's own."""
    rows = []
    for number in tests or range(18):
        options = [program, "-g", "200", "-d", str(number), "-D", "default", "-D", "show_num", "-c", ","]
        tester = subprocess.Popen(options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with ThreadPoolExecutor(1) as pool:
            feeding = pool.submit(_feed, tester.stdin)
            text = tester.stdout.read().decode()
            tester.wait()
            feeding.result()
        print(text, file=sys.stderr, flush=True)
        rows += [_row(line) for line in text.splitlines() if line.count(",") >= 5 and "ASSESSMENT" not in line.upper()]
    return rows


def _feed(pipe) -> None:
    words = np.empty((PATHS, 4), np.uint32)
    try:
        for step in range(1 << 30):
            raw_words(words, step, 2026)
            pipe.write(words.tobytes())
    except (BrokenPipeError, ValueError):
        pass


def _row(line: str) -> dict:
    cells = [cell.strip() for cell in line.split(",")]
    p = next(float(c) for c in reversed(cells) if c.replace(".", "", 1).isdigit())
    return {"test": cells[0], "p": p, "assessment": cells[-1], "line": line.strip()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=float, default=1e9)
    parser.add_argument("--dieharder", help="the program; without it only the normals are tested")
    parser.add_argument("--tests", type=int, nargs="*", help="dieharder's numbers of tests (default 0 … 17)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "random_streams.json")
    options = parser.parse_args()
    results: dict = {"generator": f"Philox4x32-{streams.ROUNDS}"}
    for dtype in ("float64", "float32"):
        begin = time.perf_counter()
        results[dtype] = normals(options.draws, dtype)
        results[dtype]["seconds"] = round(time.perf_counter() - begin, 1)
        print(dtype, json.dumps(results[dtype], indent=1))
    smallest = min(p for dtype in ("float64", "float32") for p in results[dtype]["p_values"].values())
    results["normals_pass_at_1e-6"] = smallest > 1e-6 / 18
    if options.dieharder:
        results["dieharder"] = dieharder(options.dieharder, options.tests)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
