"""Quality against the number of evaluations of the model, for many solvers on four fields.

    python benchmarks/few_steps.py --data mnist10k.npz            # ten minutes on two cores
    python benchmarks/few_steps.py --data mnist10k.npz --quick    # a smaller everything

Fields: the shipped digits model; exact fields of mixtures in 2 and 64 dimensions, and of four hundred digits.
Endpoint error: RMSE and PSNR (data range 2) to the converged ODE endpoint of the same noise. Laws: Fréchet distance
of classifier features (digits only), sliced Wasserstein and MMD to data, each with its 95 % interval over seeds. Writes
benchmarks/results/few_steps.json and two figures beside it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor

from benchmarks import quality
from benchmarks.arenas import ARENAS, Arena, make, plain
from benchmarks.contenders import CONTENDERS, Contender
from symsched.version import __version__
from symsched.writing import whole
from training.data import find, run

COUNTS = (2, 4, 6, 8, 12, 16, 24, 50)
LAW_COUNTS = (4, 6, 8, 12, 16)  # where laws are compared
JUDGED = (6, 8, 12, 16)  # where the default is held against the strongest peer
PICTURED = (2, 4, 6, 8, 12)
PILOT, TEST, LAW = 101, 102, 103  # seeds of the noise that chooses options, that is compared, that makes laws
BY_NAME = {contender.name: contender for contender in CONTENDERS}
RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]
Laws = dict[str, quality.Draws]  # by measure


@dataclass(frozen=True)
class Ground:
    """What all contenders in an arena share: noise and converged endpoints, by seed, and the field's calibration."""

    noise: dict[int, Tensor]
    ends: dict[int, Tensor]
    error: float  # of the tested endpoints, RMS
    calibration: Any


@lru_cache
def arena(name: str, data: Path, quick: bool) -> Arena:
    """The arena, made once in each process; one thread each."""
    torch.set_num_threads(1)
    return make(name, data, quick)


@torch.inference_mode()
def prepare(name: str, data: Path, quick: bool) -> Ground:
    """Solve for the endpoints; calibrate a field that has not been."""
    place = arena(name, data, quick)
    noise = {seed: place.noise(size, seed) for seed, size in ((PILOT, place.pilot), (TEST, place.endpoints))}
    ends = {seed: place.endpoint(z) for seed, z in noise.items()}
    return Ground(noise, {seed: end for seed, (end, _) in ends.items()}, ends[TEST][1], place.calibrated())


@torch.inference_mode()
def contest(name: str, who: str, ground: Ground, data: Path, quick: bool) -> tuple[list[Row], dict[int, Laws]]:
    """Every count of one contender in one arena: rows of the table, and its bootstrapped distances.

    Beyond the judged counts the option of the last of them serves.
    """
    place, contender = arena(name, data, quick), BY_NAME[who]
    place.field.calibration = ground.calibration
    rows, laws, option = [], {}, None
    for count in COUNTS:
        began = time.perf_counter()
        option = choose(contender, place, ground, count) if count <= max(JUDGED) else option
        samples = attempt(contender, place, ground.noise[TEST], count, option)
        if samples is None:
            continue
        row = {"field": name, "contender": contender.name, "group": contender.group, "evaluations": count}
        row |= {"option": option} | ({} if contender.stochastic else errors(samples, ground.ends[TEST]))
        if count in LAW_COUNTS:
            made = attempt(contender, place, place.noise(place.samples, LAW), count, option)
            laws[count] = {key: quality.bootstrap(d) for key, d in distances(place.view(made), place).items()}
            row |= {key: draws.interval().to_json() for key, draws in laws[count].items()}
        if name == "digits" and count in PICTURED:
            row["pictures"] = np.rint((samples[:4, 0].clamp(-1, 1).numpy() + 1) * 127.5).astype(int).tolist()
        rows.append(row | {"seconds": round(time.perf_counter() - began, 2)})
    return rows, laws


def attempt(contender: Contender, place: Arena, z: Tensor, count: int, option: Any) -> Tensor | None:
    """Samples, or None where the contender cannot take so few steps or the result is not finite."""
    samples = contender.run(place.field, z, count, option)
    return samples if samples is not None and bool(torch.isfinite(samples).all()) else None


def choose(contender: Contender, place: Arena, ground: Ground, count: int) -> Any:
    """The option that is best on the pilot: the least endpoint error, or the least sliced Wasserstein of an SDE."""
    if len(contender.options) == 1:
        return contender.options[0]

    def loss(option: Any) -> float:
        samples = attempt(contender, place, ground.noise[PILOT], count, option)
        if samples is None:
            return float("inf")
        if not contender.stochastic:
            return quality.rmse(samples.double().numpy(), ground.ends[PILOT].double().numpy())
        points = plain(samples)
        return quality.sliced_wasserstein(points, plain(place.reference))()

    return min(contender.options, key=loss)


def errors(samples: Tensor, ends: Tensor) -> Row:
    pair = samples.double().numpy(), ends.double().numpy()
    return {"rmse": quality.rmse(*pair), "psnr": quality.psnr(*pair), "mean_psnr": quality.mean_psnr(*pair)}


def distances(points: np.ndarray, place: Arena) -> dict[str, quality.Distance]:
    """The distances between the law of the points and that of the arena's data."""
    reference = place.view(place.reference)
    found = {
        "sliced": quality.sliced_wasserstein(points, reference, directions=32),
        "mmd": quality.mmd(points, reference),
    }
    return found | ({"fid": quality.frechet(points, reference)} if place.frechet else {})


# -- the verdict -----------------------------------------------------------------------------------------------------


def verdict(name: str, rows: list[Row], found: dict[tuple[str, int], Laws], ours: str) -> Row:
    """`ours` against the strongest peer: the one with the best mean PSNR over the judged counts."""
    table = {(row["contender"], row["evaluations"]): row for row in rows if row["field"] == name}
    peers = {row["contender"] for row in table.values() if row["group"] == "rival"}
    mean = {peer: np.mean([table[peer, n]["psnr"] for n in JUDGED]) for peer in peers if (peer, JUDGED[0]) in table}
    best = max(mean, key=lambda peer: mean[peer])
    gains = {n: table[ours, n]["psnr"] - max(table[peer, n]["psnr"] for peer in mean) for n in JUDGED}
    laws = {n: compare(found, n, ours, list(mean)) for n in LAW_COUNTS}
    return {
        "field": name,
        "ours": ours,
        "strongest": best,
        "mean_gain_over_strongest_db": float(np.mean([table[ours, n]["psnr"] for n in JUDGED]) - mean[best]),
        "gain_over_best_at_each_count_db": gains,
        "worse_in_law_than": {n: laws[n] for n in laws if laws[n]},
    }


def compare(found: dict[tuple[str, int], Laws], count: int, ours: str, peers: list[str]) -> list[str]:
    """Peers that are significantly closer to the data than ours: the paired interval of the difference is above 0."""
    worse = []
    for peer in peers:
        for key, draws in found.get((peer, count), {}).items():
            gap = (found[ours, count][key] - draws).interval()
            if gap.low > 0:
                worse.append(f"{peer}: {key} by {gap.value:.4g} [{gap.low:.4g}, {gap.high:.4g}]")
    return worse


# -- the run ---------------------------------------------------------------------------------------------------------


def compete(data: Path, quick: bool, names: list[str], fields: list[str], workers: int) -> Row:
    """The whole table: every contender in every arena, spread over processes."""
    chosen = [who for who in BY_NAME if not names or any(name.lower() in who.lower() for name in names)]
    rows: list[Row] = []
    laws: dict[str, dict[tuple[str, int], Laws]] = {name: {} for name in fields}
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of the workers: one thread each
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool, Progress(disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("few steps", total=len(fields) * (1 + len(chosen)))
        grounds = {name: pool.submit(prepare, name, data, quick) for name in fields}
        jobs = {}
        for name, ground in grounds.items():
            jobs |= {pool.submit(contest, name, who, ground.result(), data, quick): (name, who) for who in chosen}
            bar.advance(task)
        for job in as_completed(jobs):
            (name, who), (found, drawn) = jobs[job], job.result()
            rows += found
            laws[name] |= {(who, count): draws for count, draws in drawn.items()}
            bar.advance(task)
    rows.sort(key=lambda row: (fields.index(row["field"]), row["group"], row["contender"], row["evaluations"]))
    places = {name: arena(name, data, quick) for name in fields}
    errors = {name: ground.result().error for name, ground in grounds.items()}
    return about(places, errors, quick) | {"verdicts": verdicts(rows, laws), "rows": rows}


def verdicts(rows: list[Row], laws: dict[str, Any]) -> list[Row]:
    """`verdict` on every contender of ours in every arena, if there were peers."""
    ours = [c.name for c in CONTENDERS if c.group == "ours"]
    run = {(row["field"], row["contender"]) for row in rows}
    rivals = any(row["group"] == "rival" for row in rows)
    return [verdict(f, rows, laws[f], who) for f in laws for who in ours if rivals and (f, who) in run]


def about(places: dict[str, Arena], errors: dict[str, float], quick: bool) -> Row:
    """What was run, and on what."""
    return {
        "quick": quick,
        "psnr_data_range": quality.DATA_RANGE,
        "fields": {
            name: {
                "dimension": place.reference[0].numel(),
                "endpoints": place.endpoints,
                "law_samples": place.samples,
                "endpoint_error_rms": errors[name],
            }
            for name, place in places.items()
        },
        "versions": {"symsched": __version__} | {name: version(name) for name in ("torch", "diffusers")},
        "machine": {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()},
    }


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="mnist10k.npz (else $SYMSCHED_DIGITS)")
    parser.add_argument("--quick", action="store_true", help="fewer samples, a coarser endpoint")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="NAME", help="contenders whose name contains one of these"
    )
    parser.add_argument("--fields", nargs="*", default=list(ARENAS), choices=ARENAS)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "few_steps.json")
    given = parser.parse_args()
    began = time.perf_counter()
    table = compete(find(given.data), given.quick, given.only, given.fields, given.workers)
    table["seconds"] = round(time.perf_counter() - began, 1)
    with whole(given.output) as file:
        json.dump(table, file, indent=1)
    from benchmarks.few_steps_figures import draw

    draw(table, given.output)


if __name__ == "__main__":
    run(main)
