"""Path-steps per second of the Monte Carlo engine, of other libraries, and of C, on one job on one machine.

    python benchmarks/montecarlo.py --peers PYTHON [--repeats 3] [--seconds 1] [--only NAME …] [--out FILE.json]

PYTHON is the interpreter of an environment with the peers (any that are missing are listed as such):

    python -m venv peers && peers/bin/pip install numpy numba torch jax diffrax torchsde sdeint jitcsde \\
        pathwise-sde sde-sim-rs

The job is stated in montecarlo_peers.py.  Everybody uses all cores; every rate is the best of the repeats, which are
interleaved, so that a busy moment of the machine does not fall on one contender.  The roofline is our generator of
normals alone, and generator plus one multiply-add.  Rates are wall-clock; the load of the machine is recorded, and
beside each rate stands the work done in a second of CPU time, which other people's work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from symsched.writing import whole

HERE = Path(__file__).parent
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
STEPS = 1000
SINGLE = {"torch_loop", "jax_scan", "diffrax", "torchsde"}  # the libraries that run this job in float32
C_PROGRAMS = {
    "c_scalar_ziggurat": ("ziggurat.c", ["-O3", "-march=native", "-fopenmp"], ["-lm"], 100_000),
    "c_libmvec": ("libmvec.c", ["-O3", "-march=native", "-ffast-math", "-fopenmp"], ["-lmvec", "-lm"], 400_000),
}


# -- our side --------------------------------------------------------------------------------------------------------


def our_sde(kind: str):
    """The job of montecarlo_peers.py."""
    import sympy as sp
    from montecarlo_peers import MEANS

    from symsched.data import Gaussian, GaussianMixture
    from symsched.montecarlo import Diffusion
    from symsched.montecarlo.program.averages import written_out
    from symsched.schedule import Schedule
    from symsched.sde import InterpolantSDE
    from symsched.symbols import t, x

    if kind == "linear":
        return Diffusion(-x, sp.Rational(1, 2), Gaussian(0, 1))
    law = GaussianMixture([sp.Rational(1, 8)] * 8, [sp.Integer(int(m)) for m in MEANS], [sp.Rational(3, 10)] * 8)
    eta = written_out(InterpolantSDE(Schedule(1 - t, t), law), (x,))[0]
    return Diffusion(eta - x, sp.Rational(1, 2), Gaussian(0, 1))


def ours(kind: str, paths: int, steps: int = STEPS, dtype: str = "float64", threads: int = CORES) -> dict:
    """Seconds of a warm call of `simulate`, everything included."""
    from symsched.montecarlo import simulate

    sde = our_sde(kind)
    simulate(sde, 1024, steps, dtype=dtype, threads=threads)
    begin, cpu = time.perf_counter(), time.process_time()
    r = simulate(sde, paths, steps, dtype=dtype, threads=threads, seed=1)
    used = {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}
    return {**used, "mean": float(r.mean[-1]), "var": float(r.var[-1])}


def roofline(paths: int, update: bool, dtype: str) -> dict:
    """Our generator alone, or with one multiply-add for each number, on all cores."""
    from symsched.kernels import random as streams
    from symsched.kernels.compiled import LANES, fma, kernel

    fill = streams.fill64 if dtype == "float64" else streams.fill32
    per, u64 = streams.NORMALS[dtype], np.uint64

    @kernel
    def run(first, blocks, steps, out):
        z = np.zeros(per * LANES, out.dtype)
        x = np.zeros(LANES, out.dtype)
        p, s = out[0], out[1]
        for b in range(first, first + blocks):
            for n in range(0, steps, per):
                fill(z, 0, u64(b * LANES), u64(n // per), u64(0), u64(1), u64(2))
                if update:
                    for j in range(per):
                        for lane in range(LANES):
                            x[lane] = fma(p, x[lane], s * z[j * LANES + lane])
            out[2] += x[0] + z[0]

    blocks = paths // LANES // CORES
    outs = [np.array([0.999, 0.03, 0], dtype) for _ in range(CORES)]
    run(0, 1, STEPS, outs[0])
    with ThreadPoolExecutor(CORES) as pool:
        begin, cpu = time.perf_counter(), time.process_time()
        list(pool.map(lambda k: run(k * blocks, blocks, STEPS, outs[k]), range(CORES)))
        used = {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}
        return {**used, "paths": blocks * LANES * CORES}


# -- the others ------------------------------------------------------------------------------------------------------


def peer(python: str, name: str, paths: int, kind: str) -> dict:
    """One run of a peer in its own process, or the reason why there is none."""
    command = [python, str(HERE / "montecarlo_peers.py"), name, str(paths), str(STEPS), kind]
    with tempfile.TemporaryDirectory() as folder:  # jitcsde builds its module in the working directory
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, cwd=folder)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "Error" in line] or [f"exit {done.returncode}"]
        return {"error": lines[-1].strip()[:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def compiled(folder: str) -> dict[str, str]:
    """Paths of the C programs, those that compile."""
    found = {}
    for name, (source, flags, libraries, _) in C_PROGRAMS.items():
        out = str(Path(folder) / name)
        command = ["gcc", *flags, str(HERE / "c" / source), "-o", out, *libraries]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as problem:
            print(f"{name}: not compiled ({problem})", file=sys.stderr)
            continue
        found[name] = out
    return found


def c_program(path: str, paths: int, kind: str) -> dict:
    """One run of a C program."""
    arguments = [path, str(paths), str(STEPS), str(CORES), str(int(kind == "mixture"))]
    return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


# -- the table -------------------------------------------------------------------------------------------------------


def contenders(python: str | None, programs: dict[str, str], kind: str, scale: float) -> dict:
    """name -> (paths, function that runs once)."""
    from montecarlo_peers import PEERS

    mix = 0.2 if kind == "mixture" else 1.0
    n = int(400_000 * scale * mix)
    found = {
        "symsched_f64": (n, lambda: ours(kind, n)),
        "symsched_f32": (2 * n, lambda: ours(kind, 2 * n, dtype="float32")),
        "symsched_f64_one_thread": (n // 2, lambda: ours(kind, n // 2, threads=1)),
    }
    if kind == "linear":
        for dtype in ("float64", "float32"):
            short = dtype.replace("float", "f")
            found[f"roofline_generator_{short}"] = (n, lambda d=dtype: roofline(n, False, d))
            found[f"roofline_multiply_add_{short}"] = (n, lambda d=dtype: roofline(n, True, d))
    for name, path in programs.items():
        m = int(C_PROGRAMS[name][3] * scale * mix)
        found[name] = (m, lambda p=path, m=m: c_program(p, m, kind))
    if python:
        for name, (_, paths, kinds) in PEERS.items():
            if kind in kinds:
                small = name in ("sdeint", "jitcsde", "sde_sim_rs")
                m = paths if small else max(1000, int(paths * scale * mix))
                found[name] = (m, lambda name=name, m=m: peer(python, name, m, kind))
    return found


def measure(table: dict, repeats: int) -> dict:
    """Best rate of each contender, in interleaved repeats."""
    results: dict[str, dict] = {}
    for k in range(repeats):
        for name, (paths, run) in table.items():
            entry = results.setdefault(name, {"rates": []})
            if "error" in entry:
                continue
            try:
                out = run()
            except Exception as problem:
                out = {"error": f"{type(problem).__name__}: {problem}"[:200]}
            if "error" in out:
                entry["error"] = out["error"]
                continue
            entry["paths"] = out.get("paths", paths)
            entry["rates"].append(entry["paths"] * STEPS / out["seconds"])
            entry["rate"] = max(entry["rates"])
            entry["per_cpu_second"] = max(entry.get("per_cpu_second", 0), entry["paths"] * STEPS / out["cpu"])
            entry |= {key: out[key] for key in ("mean", "var") if key in out}
            print(f"  [{k + 1}/{repeats}] {name:28s} {entry['rates'][-1] / 1e6:10.1f} M/s", file=sys.stderr, flush=True)
    return results


def sweep(repeats: int) -> dict:
    """Rate against the number of paths (1000 steps), and against the number of steps (10⁸ path-steps)."""
    best = lambda *a: max(a[0] * a[1] / ours("linear", *a)["seconds"] for _ in range(repeats))  # noqa: E731
    paths, steps = [10**k for k in range(2, 7)], [1, 3, 10, 30, 100, 300, 1000, 3000]
    return {
        "paths": {n: best(n, STEPS) for n in paths},
        "steps": {n: best(min(2_000_000, 10**8 // n), n) for n in steps},
    }


def machine() -> dict:
    """What it ran on."""
    import numba

    model = platform.processor()
    flags: list[str] = []
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
            if line.startswith("flags"):
                flags = [f for f in line.split() if f in ("avx2", "fma", "avx512f")]
    except OSError:
        pass
    return {
        "cpu": model, "vectors": flags, "cores": CORES, "load": os.getloadavg()[0], "python": platform.python_version(),
        "numba": numba.__version__, "numpy": np.__version__, "system": platform.system(),
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
    }  # fmt: skip


def ratios(linear: dict, mixture: dict, key: str = "rate") -> dict[str, float]:
    """The ratios that the project promises, of wall-clock rates or of work done in a CPU second."""

    def rate(table: dict, name: str) -> float:
        return table.get(name, {}).get(key, math.nan)

    libraries = {k for k in linear if not k.startswith(("symsched", "roofline", "c_"))}
    ran = {k for k in libraries if key in linear[k]}
    best_single, best_double = (
        max((rate(linear, k) for k in some), default=math.nan) for some in (ran & SINGLE, ran - SINGLE)
    )
    own, own_single = rate(linear, "symsched_f64"), rate(linear, "symsched_f32")
    return {
        "over scalar C (goal 2.5)": own / rate(linear, "c_scalar_ziggurat"),
        "over libmvec C": own / rate(linear, "c_libmvec"),
        "over the best library in float64 (goal 5)": own / best_double,
        "float32, over the best library in float32": own_single / best_single,
        "float64, over the best library in float32": own / best_single,
        "of our roofline (goal 0.75)": own / rate(linear, "roofline_multiply_add_f64"),
        "float32 over float64 (goal 1.5)": own_single / own,
        "two threads over one (goal 1.85)": own / rate(linear, "symsched_f64_one_thread"),
        "mixture: over JAX's scan in float32 (goal 4)": rate(mixture, "symsched_f64") / rate(mixture, "jax_scan"),
        "mixture: over libmvec C": rate(mixture, "symsched_f64") / rate(mixture, "c_libmvec"),
    }


def report(results: dict) -> None:
    """The tables, on standard output."""
    for kind in ("linear", "mixture"):
        print(f"\n{kind} drift, {STEPS} steps, {results['machine']['cores']} cores")
        own = results[kind]["symsched_f64"]["rate"]
        for name, entry in sorted(results[kind].items(), key=lambda item: -item[1].get("rate", 0)):
            if "rate" in entry:
                wall, cpu = entry["rate"] / 1e6, entry["per_cpu_second"] / 1e6
                print(f"  {name:28s} {wall:10.1f} M/s wall {cpu:10.1f} M/CPU-s   ours is {own / entry['rate']:8.2f} ×")
            else:
                print(f"  {name:28s} not run: {entry['error']}")
    print()
    for name, value in results["ratios"].items():
        print(f"  {name:46s} {value:8.2f} wall {results['ratios_per_cpu_second'][name]:8.2f} per CPU second")


def figure(results: dict, path: Path) -> None:
    """Rates of all contenders, and ours against paths and steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, (bars, lines) = plt.subplots(1, 2, figsize=(12, 5), width_ratios=(1.3, 1))
    table = {k: v["per_cpu_second"] / 1e6 for k, v in results["linear"].items() if "rate" in v}
    names = sorted(table, key=table.get)
    colours = [
        "#c44e52" if n.startswith("symsched") else "#8c8c8c" if n.startswith("roof") else "#4c72b0" for n in names
    ]
    bars.barh(names, [table[n] for n in names], color=colours)
    bars.set(xscale="log", xlabel="million path-steps per second of CPU time", title="linear drift, 1000 steps")
    for key, label in (("paths", "against paths (1000 steps)"), ("steps", "against steps (10⁸ path-steps)")):
        points = {int(k): v / 1e6 for k, v in results["sweep"][key].items()}
        lines.plot(list(points), list(points.values()), "o-", label=label)
    lines.set(xscale="log", yscale="log", xlabel="paths, or steps", ylabel="million path-steps per second (wall)")
    lines.legend()
    where = results["machine"]
    fig.suptitle(f"{where['cpu']}, {where['cores']} cores, load {where['load']:.1f} when it began")
    fig.tight_layout()
    fig.savefig(path, dpi=150, metadata={"Software": None})


def main() -> None:
    """Command line."""
    sys.path.insert(0, str(HERE))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="interpreter of an environment with the other libraries")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on every number of paths")
    parser.add_argument("--only", nargs="*", help="names to run")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "montecarlo.json")
    options = parser.parse_args()
    results: dict = {"machine": machine(), "steps": STEPS}
    with tempfile.TemporaryDirectory() as folder:
        programs = compiled(folder)
        for kind in ("linear", "mixture"):
            table = contenders(options.peers, programs, kind, options.scale)
            chosen = {k: v for k, v in table.items() if not options.only or k in options.only or k == "symsched_f64"}
            results[kind] = measure(chosen, options.repeats)
    results["sweep"] = sweep(2)
    results["ratios"] = ratios(results["linear"], results["mixture"])
    results["ratios_per_cpu_second"] = ratios(results["linear"], results["mixture"], "per_cpu_second")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with whole(options.out) as file:
        file.write(json.dumps(results, indent=1) + "\n")
    figure(results, options.out.with_suffix(".png"))
    report(results)


if __name__ == "__main__":
    main()
