"""Quality against the number of evaluations of the model, for many solvers on four fields.

    python benchmarks/few_steps.py --data mnist10k.npz            # three quarters of an hour on two cores
    python benchmarks/few_steps.py --data mnist10k.npz --quick    # a smaller everything

Fields: the shipped digits model; exact fields of mixtures in 2 and 64 dimensions, and of four hundred digits.
Endpoint error: RMSE and PSNR (data range 2) to the converged ODE endpoint of the same noise. Laws: sliced Wasserstein
and MMD, of digits in classifier features, with their Fréchet distance, and in pixels; all squared, each with its 95 %
interval over seeds; to data, where the model's own defects count too, and ("own_…") to the converged sampler's law,
from noise of its own, where only the solver's do. Options of a contender are those with the least endpoint error on
other noise. Writes benchmarks/results/few_steps.json and figures beside it; what is done is kept in few_steps.parts
until all is, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
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
from benchmarks.arenas import ARENAS, FEATURES, Arena, make, plain
from benchmarks.contenders import CONTENDERS, SHOWN, Contender
from benchmarks.verdicts import JUDGED, LAW_COUNTS, OWN, Laws, Row, control, verdict
from symsched.bridge import Calibration
from symsched.version import __version__
from symsched.writing import whole
from training.data import find, run

COUNTS = (2, 4, 6, 8, 12, 16, 24, 50)
PICTURED = (2, 4, 6, 8, 12)
PILOT, TEST, LAW, OTHER = 101, 102, 103, 104  # seeds of the noise: chooses options, is compared, makes laws, their goal
BY_NAME = {contender.name: contender for contender in CONTENDERS}
RESULTS = Path(__file__).parent / "results"
CONVERGED = Contender("converged", "floor", lambda *_: None)


@dataclass(frozen=True)
class Ground:
    """What all contenders in an arena share: noise and converged endpoints, by seed, and the field's calibration."""

    noise: dict[int, Tensor]
    ends: dict[int, Tensor]
    error: float  # of the tested endpoints, RMS
    calibration: Any

    def save(self, path: Path) -> None:
        parts = {"noise": self.noise, "ends": self.ends, "error": self.error, "calibration": None}
        with whole(path, "wb") as file:
            torch.save(parts | {"calibration": json.dumps(self.calibration.to_json())}, file)

    @classmethod
    def load(cls, path: Path) -> Ground:
        parts = torch.load(path, weights_only=True)
        return cls(**parts | {"calibration": Calibration.from_json(json.loads(parts["calibration"]))})


@lru_cache
def arena(name: str, data: Path, quick: bool) -> Arena:
    """The arena, made once in each process; one thread each."""
    torch.set_num_threads(1)
    return make(name, data, quick)


@torch.inference_mode()
def prepare(name: str, data: Path, quick: bool, parts: Path) -> Ground:
    """Solve for the endpoints; calibrate a field that has not been."""
    kept = parts / f"{name}.pt"
    if kept.exists():
        return Ground.load(kept)
    place = arena(name, data, quick)
    sizes = {PILOT: place.pilot, TEST: place.endpoints, LAW: place.samples, OTHER: place.samples}
    noise = {seed: place.noise(size, seed) for seed, size in sizes.items()}
    tested, error = place.endpoint(noise[TEST])
    ends = {seed: tested if seed == TEST else place.converged(z) for seed, z in noise.items()}
    ground = Ground(noise, ends, error, place.calibrated())
    ground.save(kept)
    return ground


@torch.inference_mode()
def contest(
    name: str, who: str, ground: Ground, data: Path, quick: bool, parts: Path
) -> tuple[list[Row], dict[int, Laws]]:
    """Every count of one contender in one arena: rows of the table, and its bootstrapped distances; kept in `parts`."""
    kept = parts / f"{name}, {who}.json"
    if not kept.exists():
        rows, laws = compute(name, who, ground, data, quick)
        drawn = {n: {key: [d.plain, d.drawn.tolist()] for key, d in found.items()} for n, found in laws.items()}
        with whole(kept) as file:
            json.dump({"rows": rows, "laws": drawn}, file)
    known = json.loads(kept.read_text())
    laws = {
        int(n): {key: quality.Draws(plain, np.array(drawn)) for key, (plain, drawn) in found.items()}
        for n, found in known["laws"].items()
    }
    return known["rows"], laws


def compute(name: str, who: str, ground: Ground, data: Path, quick: bool) -> tuple[list[Row], dict[int, Laws]]:
    """What `contest` keeps.  Beyond the judged counts the option of the last of them serves."""
    place = arena(name, data, quick)
    if who == CONVERGED.name:
        return floor(place, ground)
    contender = BY_NAME[who]
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
            made = attempt(contender, place, ground.noise[LAW], count, option)
            laws[count] = {key: quality.bootstrap(d) for key, d in distances(made, place, ground).items()}
            row |= {key: draws.interval().to_json() for key, draws in laws[count].items()}
        if name == "digits" and who in SHOWN and count in PICTURED:
            row["pictures"] = pictured(samples)
        rows.append(row | {"seconds": round(time.perf_counter() - began, 2)})
    return rows, laws


def floor(place: Arena, ground: Ground) -> tuple[list[Row], dict[int, Laws]]:
    """What no solver of this model can beat but by luck: the distances of its converged law."""
    found = {key: quality.bootstrap(d) for key, d in distances(ground.ends[LAW], place, ground).items()}
    row = {"field": place.name, "contender": CONVERGED.name, "group": "floor", "evaluations": place.settled}
    row |= {key: draws.interval().to_json() for key, draws in found.items()}
    row |= {"pictures": pictured(ground.ends[TEST])} if place.name == "digits" else {}
    return [row], dict.fromkeys(LAW_COUNTS, found)


def pictured(samples: Tensor) -> list[str]:
    """Four images, the bytes of each in hexadecimal."""
    levels = np.rint((samples[:4, 0].clamp(-1, 1).numpy() + 1) * 127.5).astype(np.uint8)
    return [image.tobytes().hex() for image in levels]


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


def distances(made: Tensor, place: Arena, ground: Ground) -> dict[str, quality.Distance]:
    """The distances between the law of the samples and those of the data and of the converged sampler."""
    found = {}
    for prefix, goal in (("", place.reference), (OWN, ground.ends[OTHER])):
        for view, see in place.views.items():
            points, reference = see(made), see(goal)
            found[f"{prefix}{view}sliced"] = quality.sliced_wasserstein(points, reference, directions=32)
            found[f"{prefix}{view}mmd"] = quality.mmd(points, reference)
            if view == FEATURES:
                found[f"{prefix}fid"] = quality.frechet(points, reference)
    return found


# -- the run ---------------------------------------------------------------------------------------------------------


def compete(data: Path, quick: bool, names: list[str], fields: list[str], workers: int, parts: Path) -> Row:
    """The whole table: every contender in every arena, spread over processes."""
    chosen = [who for who in BY_NAME if not names or any(name.lower() in who.lower() for name in names)]
    chosen.insert(0, CONVERGED.name)
    rows: list[Row] = []
    laws: dict[str, dict[tuple[str, int], Laws]] = {name: {} for name in fields}
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of the workers: one thread each
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool, Progress(disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("few steps", total=len(fields) * (1 + len(chosen)))
        grounds = {name: pool.submit(prepare, name, data, quick, parts) for name in fields}
        jobs = {}
        for name, ground in grounds.items():
            found = ground.result()
            jobs |= {pool.submit(contest, name, who, found, data, quick, parts): (name, who) for who in chosen}
            bar.advance(task)
        for job in as_completed(jobs):
            (name, who), (found, drawn) = jobs[job], job.result()
            rows += found
            laws[name] |= {(who, count): draws for count, draws in drawn.items()}
            bar.advance(task)
    order = [*BY_NAME, CONVERGED.name]
    rows.sort(key=lambda row: (fields.index(row["field"]), order.index(row["contender"]), row["evaluations"]))
    places = {name: arena(name, data, quick) for name in fields}
    errors = {name: ground.result().error for name, ground in grounds.items()}
    return about(places, errors, quick) | {"verdicts": verdicts(rows, laws), "rows": rows}


def verdicts(rows: list[Row], laws: dict[str, Any]) -> list[Row]:
    """`verdict` on every contender of ours in every arena, and on the converged sampler, if there were peers."""
    ours = [c.name for c in CONTENDERS if c.group == "ours"]
    run = {(row["field"], row["contender"]) for row in rows}
    rivals = any(row["group"] == "rival" for row in rows)
    found = [verdict(f, rows, laws[f], who) for f in laws for who in ours if rivals and (f, who) in run]
    peers = [c.name for c in CONTENDERS if c.group == "rival"]
    return found + [control(f, laws[f], CONVERGED.name, peers) for f in laws if rivals]


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
    parts = given.output.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    table = compete(find(given.data), given.quick, given.only, given.fields, given.workers, parts)
    table["seconds"] = round(time.perf_counter() - began, 1)
    with whole(given.output) as file:
        json.dump(table, file, indent=1)
    from benchmarks.few_steps_figures import draw

    draw(table, given.output)
    shutil.rmtree(parts)


if __name__ == "__main__":
    run(main)
