"""Are the random numbers random?  A billion normals, and dieharder on the raw words.

    python benchmarks/random_streams.py [--draws 1e9] [--dieharder PROGRAM] [--tests 0 1 2 …] [--twin] [--out FILE.json]

The normals are tested in nine ways at once (first four moments, chi-squared and Kolmogorov–Smirnov on 4096 equal
cells, correlation of neighbours in step and in path, and the count beyond 5 σ), each as the simulation draws them:
paths in blocks, steps in pairs.  The words go to dieharder step after step, all paths of a step together: the order in
which a correlation between neighbouring paths would show.  Every dieharder test has a seed of its own.

What an earlier run found stays in FILE.json, so that a long battery can be run in pieces; dieharder's own lines are
kept in FILE.txt.  With --twin the same tests read wrong numbers and must reject them: normals 0.05 % too wide, normals
cut off at 5 σ, and words of Philox with 2 rounds in place of 10.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy import stats

from symsched.kernels import random as streams
from symsched.kernels.compiled import LANES, kernel
from symsched.kernels.random import fill32, fill64, philox
from symsched.writing import whole

SEED = 2026
CELLS = 4096
PATHS = 1 << 14
SUMS = 8
u64 = np.uint64
#: dieharder's tests, quick ones first; of those with tuples, the sizes.  14 ("do not use") is left out.
TESTS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 100, 101, 102, 200, 201, 202, 203)
TESTS += (204, 205, 206, 207, 208, 209)
SIZES = {200: (1, 2, 4, 8, 12), 201: (2, 3, 4, 5), 202: (2, 3, 4, 5), 203: (0, 1, 3, 7, 15, 31)}
EDGES = stats.norm.ppf(np.arange(1, CELLS) / CELLS)


def _digest(fill, dtype):
    """Kernel: sums of z … z⁴, neighbour products, tail counts and cells, of PATHS paths for a range of blocks."""
    per = streams.NORMALS[dtype]

    @kernel
    def run(first, blocks, seed, scale, cut, edges, sums, cells):
        z = np.zeros(per * LANES, dtype)
        for n in range(first, first + blocks):
            for base in range(0, PATHS, LANES):
                fill(z, 0, u64(base), u64(n), u64(0), seed, u64(0))
                part = np.zeros(SUMS)
                for j in range(per):
                    for lane in range(LANES):
                        v = min(max(float(z[j * LANES + lane]) * scale, -cut), cut)
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


def normals(draws: float, dtype: str, seed: int, scale: float = 1.0, cut: float = np.inf) -> dict:
    """p-values of the nine tests.  The twins have another scale, or are cut off."""
    fill, per = (fill64, 2) if dtype == "float64" else (fill32, 4)
    run = _digest(fill, dtype)
    blocks = max(1, int(draws) // (per * PATHS))
    workers = os.cpu_count() or 1
    pieces = np.linspace(0, blocks, 8 * workers + 1).astype(int)

    def piece(k: int) -> tuple[np.ndarray, np.ndarray]:
        sums, cells = np.zeros(SUMS), np.zeros(CELLS, np.int64)
        run(pieces[k], pieces[k + 1] - pieces[k], u64(seed), scale, cut, EDGES, sums, cells)
        return sums, cells

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(piece, range(len(pieces) - 1)))
    values = _p_values(sum(s for s, _ in found), sum(c for _, c in found), per)
    return {"draws": blocks * per * PATHS, "seed": seed, "p_values": values}


def _p_values(sums: np.ndarray, cells: np.ndarray, per: int) -> dict[str, float]:
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
    return values


def _normal(gap: float, error: float) -> float:
    return math.erfc(abs(gap) / error / math.sqrt(2))


@kernel
def raw_words(out, step, seed):
    """out[path, 0:4]: the 128 bits of each path at one block of steps."""
    for path in range(out.shape[0]):
        a, b, c, d = philox(u64(path), u64(0), u64(step), u64(0), u64(seed), u64(0))
        out[path, 0], out[path, 1], out[path, 2], out[path, 3] = a, b, c, d


@kernel
def twin_words(out, step, seed):
    """The same with 2 rounds: too few to mix."""
    low, half = u64(0xFFFFFFFF), u64(32)
    for path in range(out.shape[0]):
        a, b, c, d, k0, k1 = u64(path), u64(0), u64(step), u64(0), u64(seed), u64(0)
        for _ in range(2):
            p0, p1 = u64(0xD2511F53) * a, u64(0xCD9E8D57) * c
            a, b, c, d = (p1 >> half) ^ b ^ k0, p1 & low, (p0 >> half) ^ d ^ k1, p0 & low
            k0, k1 = (k0 + u64(0x9E3779B9)) & low, (k1 + u64(0xBB67AE85)) & low
        out[path, 0], out[path, 1], out[path, 2], out[path, 3] = a, b, c, d


def dieharder(program: str, number: int, size: int | None, seed: int, words=raw_words) -> tuple[str, list[dict]]:
    """One dieharder test on a stream of raw words, with tuples of `size`: its text, and a row for each verdict."""
    options = [program, "-g", "200", "-d", str(number), "-c", ","] + ([] if size is None else ["-n", str(size)])
    tester = subprocess.Popen(options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(_feed, tester.stdin, seed, words)
        text = tester.stdout.read().decode()
        tester.wait()
        feeding.result()
    lines = [line for line in text.splitlines() if line.split(",")[-1].strip() in ("PASSED", "WEAK", "FAILED")]
    return "\n".join(lines), [_row(line, number, seed) for line in lines]


def _feed(pipe, seed: int, words) -> None:
    out = np.empty((PATHS, 4), np.uint32)
    try:
        for step in range(1 << 30):
            words(out, step, seed)
            pipe.write(out.tobytes())
        pipe.close()
    except (BrokenPipeError, ValueError):
        pass


def _row(line: str, number: int, seed: int) -> dict:
    name, size, samples, repeats, p, verdict = (cell.strip() for cell in line.split(","))
    counts = {"tuple": int(size), "samples": int(samples), "repeats": int(repeats)}
    return {"number": number, "test": name, **counts, "seed": seed, "p": float(p), "assessment": verdict}


def battery(results: dict, options: argparse.Namespace) -> None:
    """The dieharder tests asked for, each kept as soon as it is done."""
    words, part = (twin_words, "dieharder_twin") if options.twin else (raw_words, "dieharder")
    report = options.out.with_suffix(".txt")
    for number in TESTS if options.tests is None else options.tests:
        for size in SIZES.get(number, (None,)):
            seed = options.seed + 1000 * number + (size or 0)
            began = time.perf_counter()
            text, rows = dieharder(options.dieharder, number, size, seed, words)
            print(f"{text}\n{time.perf_counter() - began:.0f} s", flush=True)
            results.setdefault(part, []).extend(rows)
            mark = "twin (2 rounds), " if options.twin else ""
            with report.open("a") as file:
                file.write("".join(f"{mark}seed {seed}: {line}\n" for line in text.splitlines()))
            keep(results, options.out)


def billion(results: dict, options: argparse.Namespace) -> None:
    """The tests of the normals, or of their twins."""
    changes = {"too wide": {"scale": 1.0005}, "cut off": {"cut": 5.0}} if options.twin else {"": {}}
    for name, change in changes.items():
        for dtype in ("float64", "float32"):
            begin = time.perf_counter()
            found = normals(options.draws, dtype, options.seed, **change)
            found["seconds"] = round(time.perf_counter() - begin, 1)
            print(dtype, name, json.dumps(found, indent=1), flush=True)
            again = "" if options.seed == SEED else f", seed {options.seed}"
            results[f"{dtype}{again}, twin {name}" if name else f"{dtype}{again}"] = found
            keep(results, options.out)


def keep(results: dict, out: Path) -> None:
    """Write the file in one go."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as file:
        file.write(json.dumps(results, indent=1) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=float, default=1e9, help="normals of each type; 0 for none")
    parser.add_argument("--dieharder", help="the program; without it only the normals are tested")
    parser.add_argument("--tests", type=int, nargs="*", help="dieharder's numbers of tests (default: nearly all)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--twin", action="store_true", help="test wrong numbers, which must be rejected")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "random_streams.json")
    options = parser.parse_args()
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    results["generator"] = f"Philox4x32-{streams.ROUNDS}"
    if options.draws:
        billion(results, options)
    if options.dieharder:
        battery(results, options)


if __name__ == "__main__":
    main()
