"""How long until a new process steps: importing, then the first simulation, with kernels compiled before and with none.

    python -m benchmarks.start_up [--runs 5] [-o benchmarks/results/start_up.json]

Each run is a fresh interpreter.  `libraries` imports NumPy, SymPy, Numba, SciPy's linear algebra and FLINT; what
follows is our own: `import symsched`, then a first and a second simulation (deriving the drift, tables, kernels, 20
steps).  `cold` begins with an empty cache directory: everything is compiled.  `new` has run another right-hand side
before, as on a machine in use: only the new module is compiled.  `warm` has run this very SDE before.  Seconds are wall
time, CPU seconds those of the process; medians of the runs (cold: the first).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from symsched.writing import whole

CASES = {
    "linear drift": "ss.InterpolantSDE(ss.schedules.linear(), ss.Gaussian(0, 1), kappa=1)",
    "mixture of 3": (
        "ss.InterpolantSDE(ss.schedules.linear(), ss.GaussianMixture([.2, .3, .5], [-1, 0, 1], [.3, .3, .3]), kappa=1)"
    ),
    "mixture of 100": (
        "ss.InterpolantSDE(ss.schedules.linear(), ss.Empirical([(k * 0.37) % 3 for k in range(100)]), kappa=1)"
    ),
    "any drift": "ss.Diffusion('tanh(3*x) - x*(1+t)', '1/2', 0)",
}
OTHER = "ss.Diffusion('sin(x) - 2*x', 't', ss.Gaussian(0, 1))"
PROBE = """
import json, time
marks = [(time.perf_counter(), time.process_time())]
import numpy, sympy, numba, flint, scipy.linalg, llvmlite.binding
marks.append((time.perf_counter(), time.process_time()))
import symsched as ss
marks.append((time.perf_counter(), time.process_time()))
sde = {sde}
ss.simulate(sde, 1024, 20, threads=1)
marks.append((time.perf_counter(), time.process_time()))
ss.simulate(sde, 1024, 20, threads=1, seed=1)
marks.append((time.perf_counter(), time.process_time()))
print(json.dumps([[b - a for a, b in zip(one, two)] for one, two in zip(marks, marks[1:])]))
"""
#: Numba itself asks for scipy.linalg when it first reads or compiles a kernel.
PARTS = ("libraries", "import symsched", "first run", "second run")


def fresh(sde: str, cache: str) -> list[list[float]]:
    """[wall, CPU] seconds of each part in a fresh interpreter."""
    environment = {**os.environ, "SYMSCHED_CACHE_DIR": cache}
    command = [sys.executable, "-c", PROBE.format(sde=sde)]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def case(sde: str, runs: int) -> dict[str, dict[str, list[float]]]:
    """Medians for the three states of the cache."""
    with tempfile.TemporaryDirectory() as cache:
        cold = [fresh(sde, cache)]
        warm = [fresh(sde, cache) for _ in range(runs)]
        shutil.rmtree(cache)
        os.mkdir(cache)
        fresh(OTHER, cache)
        new = [fresh(sde, cache)]
    return {name: _medians(found) for name, found in {"cold": cold, "new": new, "warm": warm}.items()}


def _medians(found: list[list[list[float]]]) -> dict[str, list[float]]:
    return {
        part: [round(statistics.median(run[k][j] for run in found), 4) for j in (0, 1)] for k, part in enumerate(PARTS)
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    found = {}
    for name, sde in CASES.items():
        found[name] = case(sde, options.runs)
        for state, parts in found[name].items():
            shown = "   ".join(f"{part} {wall:6.2f} s ({cpu:.2f} CPU)" for part, (wall, cpu) in parts.items())
            print(f"{name:15s} {state:5s} {shown}", flush=True)
        if options.output is not None:
            keep(found, options.output)


def keep(found: dict, output: Path) -> None:
    """Write what is there so far, with the machine and its load."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    machine["load"] = round(os.getloadavg()[0], 1)
    with whole(output) as file:
        file.write(json.dumps({"machine": machine, "wall and CPU seconds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
