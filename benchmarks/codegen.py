"""Emitted code against what a careful person would type: error over (0, 1), and speed.

    python benchmarks/codegen.py                          # linear -> follmer, every language at hand
    python benchmarks/codegen.py --pairs all              # every pair of the catalogue in NumPy (an hour)
    python benchmarks/codegen.py --pairs linear:vp,vp:linear

Errors are relative, in units of 2^-52 (float64) or 2^-23 (float32), against balls of 700 bits; next to a zero inside
(0, 1) they are relative to min(t, 1 - t) |f'| instead.  Speed is the best of several runs of the same array job.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import platform
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from symsched import catalog
from symsched.codegen import selftest
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.errors import InputError

ENDS = (1e-12, 1e-9, 1e-6, 1e-3)
TIMES = (*ENDS, 0.03, 0.1, 0.23, 0.31, 0.43, 0.49, 0.53, 0.61, 0.77, 0.9, 0.97, *(1 - e for e in ENDS[::-1]))
EXAMPLES = {"lazy": "lazy(kappa=1)", "shifted": "shifted(3)", "geometric": "geometric(2)"}
SIZE = 200_000

HAND_NUMPY = """
import numpy as np

def conversion(t):
    u = 1 - t
    b = t
    a = np.sqrt(t * u)
    da = (u - t) / (2 * a)
    s = a + b
    tau = b / s
    tau_dot = (b * 0 + 1) * a / (s * s) - b * da / (s * s)
    return (np.where(t == 0, 0.0, tau), s, np.where((t == 0) | (t == 1), np.inf, tau_dot),
            np.where(t == 0, np.inf, np.where(t == 1, -np.inf, da + 1)))
"""

HAND_C = """
#include <math.h>
typedef struct { double tau, scale, tau_dot, scale_dot; } hand_t;
static inline hand_t hand(double t)
{
    const double u = 1 - t, b = t, a = sqrt(t*u), s = a + b, da = (u - t)/(2*a);
    const double end = t == 0 ? HUGE_VAL : -HUGE_VAL;
    const int edge = t == 0 || t == 1;
    const hand_t r = { t == 0 ? 0 : b/s, s, edge ? HUGE_VAL : (a - b*da)/(s*s), edge ? end : da + 1 };
    return r;
}
"""

MAIN_C = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(void) { struct timespec s; timespec_get(&s, TIME_UTC); return s.tv_sec + 1e-9*s.tv_nsec; }
#define TIMED(CALL) do { best = 1e9; for (int r = 0; r < 30; ++r) { const double from = now(); \\
    for (int k = 0; k < n; ++k) { CALL; \\
        out[k] = v.tau; out[n+k] = v.scale; out[2*n+k] = v.tau_dot; out[3*n+k] = v.scale_dot; } \\
    const double took = now() - from; if (took < best) best = took; } printf("%.9g\\n", best); } while (0)
int main(void)
{
    const int n = 20000;
    double *t = malloc(n*sizeof *t), *out = malloc(4*n*sizeof *out), best;
    for (int k = 0; k < n; ++k) t[k] = k/(n - 1.0);
    for (int again = 0; again < 3; ++again) {
        TIMED(const hand_t v = hand(t[k]));
        TIMED(const linear_to_follmer_conversion_t v = linear_to_follmer_conversion(t[k]));
    }
    return 0;
}
"""


def schedule(name: str) -> object:
    return catalog.from_text(EXAMPLES.get(name, name))


def load(text: str) -> dict:
    names: dict = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output
    return names


def errors(module: Module, text: str, dtype: type = np.float64) -> dict[str, float]:
    """The worst error of each quantity of a NumPy module."""
    names, unit, worst = load(text), float(np.finfo(dtype).eps), {}
    for function in module.functions:
        given = selftest.samples(function)
        for output in function.outputs:
            worst[output.name] = 0.0
        for at in sorted({float(dtype(x)) for x in TIMES} - {0.0, 1.0}):
            found = names[function.name](dtype(at), *map(float, given.values()))
            found = found if isinstance(found, tuple) else (found,)
            for output, got in zip(function.outputs, found, strict=True):
                worst[output.name] = max(worst[output.name], _error(module, output, at, given, float(got), unit))
    return worst


def _error(module: Module, output: object, at: float, given: dict, got: float, unit: float) -> float:
    try:
        want, slope = selftest.evaluate(module, output.quantity.exact, at, given)
    except InputError:
        return 0.0  # outside what a truncated source covers
    if not want.is_finite():
        return 0.0
    exact = 0.0 if want.contains(0) else float(want)
    size = max(abs(exact), abs(float(slope)) * min(at, 1 - at))
    if size == 0:
        return 0.0 if got == 0 else math.inf
    error = abs(got - exact) / (unit * size)
    return error if error == error else math.inf


def naive_errors(dtype: type = np.float64) -> float:
    """The conversion as typed from the formulas by hand, without a thought for cancellation."""
    module = Module(schedule("follmer"), schedule("linear"))
    typed = "import numpy as np\nsqrt = np.sqrt\ndef conversion(t):\n"
    forms = (module.conversion.tau, module.conversion.scale, module.conversion.tau_dot, module.conversion.scale_dot)
    typed += f"    return {', '.join(str(f) for f in forms)}\n"
    only = Module(schedule("follmer"), schedule("linear"))
    only.functions = tuple(f for f in module.functions if f.name == "conversion")
    with np.errstate(all="ignore"):
        return max(errors(only, typed, dtype).values())


def best(run: object, repeat: int = 30) -> float:
    took = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return min(took)


def numpy_speed(text: str) -> float:
    """Hand-written time over emitted time; above 1 the emitted code is faster."""
    emitted, hand, times = load(text)["conversion"], load(HAND_NUMPY)["conversion"], np.linspace(0, 1, SIZE)
    with np.errstate(all="ignore"):
        pairs = [(best(lambda: hand(times), 10), best(lambda: emitted(times), 10)) for _ in range(5)]
    return min(h for h, _ in pairs) / min(e for _, e in pairs)


def c_speed(text: str) -> float | None:
    """The same for C with gcc -O3."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "main.c").write_text(text + HAND_C + MAIN_C)
        try:
            subprocess.run(["gcc", "-std=c11", "-O3", "main.c", "-o", "main", "-lm"], cwd=path, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            return None
        lines = subprocess.run([path / "main"], capture_output=True, text=True, check=True).stdout.split()
    return min(map(float, lines[::2])) / min(map(float, lines[1::2]))


def rival_errors() -> dict[str, float] | None:
    """flow_matching's ScheduleTransformedModel on CondOT -> VP: the time it asks the model at, near t = 1."""
    try:
        import torch
        from flow_matching.path.scheduler import CondOTScheduler, CosineScheduler
        from flow_matching.path.scheduler.schedule_transform import ScheduleTransformedModel
        from flow_matching.utils import ModelWrapper
    except ImportError:
        return None

    class Asked(ModelWrapper):
        def forward(self, x, t, **_):
            self.time = t
            return x

    model = Asked(None)
    moved = ScheduleTransformedModel(model, CondOTScheduler(), CosineScheduler())
    found = {}
    for at in (1e-12, 0.5, 1 - 1e-12, 0.0, 1.0):
        velocity = moved(x=torch.ones(1, dtype=torch.float64), t=torch.tensor(at, dtype=torch.float64))
        found[repr(at)] = float(velocity)
    return found


def report(pairs: list[tuple[str, str]]) -> dict:
    rows = []
    for source, target in pairs:
        start = time.perf_counter()
        module = Module(schedule(target), schedule(source))
        try:
            text = emit(module, "numpy")
            worst = errors(module, text)
            single = errors(module, text, np.float32)
        except InputError as refused:
            print(f"{source} -> {target}: {refused}", flush=True)
            continue
        rows.append({
            "source": source, "target": target, "closed": module.closed, "lines": text.count("\n"),
            "seconds": round(time.perf_counter() - start, 1),
            "worst64": max(worst.values()), "at64": max(worst, key=worst.get),
            "worst32": max(single.values()), "at32": max(single, key=single.get),
        })  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    return {"machine": platform.processor() or platform.machine(), "pairs": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default="linear:follmer", help="source:target,… or all")
    parser.add_argument("--json", type=Path, help="where to write the results")
    given = parser.parse_args()
    names = catalog.names()
    pairs = (
        list(itertools.product(names, names))
        if given.pairs == "all"
        else [tuple(pair.split(":")) for pair in given.pairs.split(",")]
    )
    found = report(pairs)
    module = Module(schedule("follmer"), schedule("linear"))
    found["numpy speed ratio"] = numpy_speed(emit(module, "numpy"))
    found["c speed ratio"] = c_speed(emit(module, "c"))
    found["typed by hand, worst64"] = naive_errors()
    found["flow_matching"] = rival_errors()
    print(json.dumps({k: v for k, v in found.items() if k != "pairs"}))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
