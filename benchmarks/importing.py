"""What `import symsched` costs beside `import sympy`, and which heavy packages a first use pulls in.

    python -m benchmarks.importing [--runs 7] [-o benchmarks/results/importing.json]

Each figure is the median wall time of fresh interpreters, the cases taken in turn so that a drifting machine moves
them alike; ratios are to `import sympy`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from symsched.writing import whole

CASES = {
    "python alone": "pass",
    "import sympy": "import sympy",
    "import symsched": "import symsched",
    "first schedule": "import symsched; symsched.Schedule('1-t', 't').eps_star",
    "first conversion": "import symsched as s; s.convert(s.schedules.linear(), s.schedules.follmer()).at(0.25)",
}
HEAVY = ("numpy", "scipy", "numba", "matplotlib", "torch")
PROBE = "\nimport sys; print([m for m in {heavy} if m in sys.modules])"


def run(code: str) -> tuple[float, list[str]]:
    """(seconds, heavy packages loaded) of one fresh interpreter."""
    start = time.perf_counter()
    found = subprocess.run(
        [sys.executable, "-c", code + PROBE.format(heavy=HEAVY)], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - start, json.loads(found.stdout.strip().replace("'", '"'))


def measure(runs: int) -> dict[str, dict[str, object]]:
    """Median seconds, ratio to `import sympy`, and heavy packages, per case."""
    times: dict[str, list[float]] = {name: [] for name in CASES}
    loaded: dict[str, list[str]] = {}
    for _ in range(runs + 1):  # the first round warms the disk and is dropped
        for name, code in CASES.items():
            seconds, loaded[name] = run(code)
            times[name].append(seconds)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    return {
        name: {"seconds": round(s, 4), "ratio": round(s / medians["import sympy"], 3), "loads": loaded[name]}
        for name, s in medians.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    found = measure(options.runs)
    for name, row in found.items():
        print(f"{name:18s} {row['seconds']:7.3f} s   × {row['ratio']:<6} {', '.join(row['loads']) or '–'}")
    if options.output is not None:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
        with whole(options.output) as file:
            file.write(json.dumps({"machine": machine, "cases": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
