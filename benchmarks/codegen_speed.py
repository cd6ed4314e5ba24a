"""Speed of emitted code beside what a careful person types, language by language; and the ends beside flow_matching.

    python benchmarks/codegen_speed.py --json benchmarks/results/codegen_speed.json

The job is the conversion linear -> follmer (τ, c, τ̇, ċ with their limits at 0 and 1) on an array of times.  A ratio is
the time of the hand-written code over that of the emitted one, each the best of many interleaved runs: above 1 the
emitted code is faster.  flow_matching's ScheduleTransformedModel is asked for the velocity of a model b(t, x) = x at
x = 1, which is ċ/c + τ̇; relative errors are against 700-bit balls.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np

from symsched import catalog
from symsched.codegen import references
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.writing import whole

SIZE, REPEAT = 20_000, 60
TIMES = (0.0, 1e-12, 1e-6, 0.5, 1 - 1e-6, 1 - 1e-12, 1.0)
PAIRS = {"CondOT -> LinearVP": ("linear", "linear_vp"), "Cosine -> CondOT": ("vp", "linear"),
         "CondOT -> Cosine": ("linear", "vp")}  # fmt: skip

ARRAYS = """
def conversion(t):
    u = 1 - t
    a = np.sqrt(t*u)
    da = (u - t)/(2*a)
    s = a + t
    end = (t == 0) | (t == 1)
    return (np.where(t == 0, 0.0, t/s), s, np.where(end, np.inf, (a - t*da)/(s*s)),
            np.where(end, np.where(t == 0, np.inf, -np.inf), da + 1))
"""
HAND = {
    "numpy": "import numpy as np\n@np.errstate(all='ignore')" + ARRAYS,
    "torch": "import torch\n" + ARRAYS.replace("np.", "torch."),
    "jax": "import jax.numpy as jnp\n" + ARRAYS.replace("np.", "jnp."),
    "numba": """
import math
from numba import njit

@njit(error_model="numpy")
def conversion(t):
    u = 1.0 - t
    a = math.sqrt(t*u)
    s = a + t
    if t == 0.0:
        return 0.0, 0.0, math.inf, math.inf
    if t == 1.0:
        return 1.0, 1.0, math.inf, -math.inf
    da = (u - t)/(2.0*a)
    return t/s, s, (a - t*da)/(s*s), da + 1.0
""",
}
LOOP = """
from numba import njit

def over(conversion):
    @njit
    def loop(t, out):
        for k in range(t.size):
            out[0, k], out[1, k], out[2, k], out[3, k] = conversion(t[k])
    return loop
"""
HAND_C = """
typedef struct { REAL tau, scale, tau_dot, scale_dot; } hand_t;
static inline hand_t hand(REAL t)
{
    const REAL u = 1 - t, a = SQRT(t*u), s = a + t, da = (u - t)/(2*a);
    hand_t r = { t/s, s, (a - t*da)/(s*s), da + 1 };
    if (t == 0) { r.tau = 0; r.tau_dot = r.scale_dot = HUGE_VAL; }
    if (t == 1) { r.tau_dot = HUGE_VAL; r.scale_dot = -HUGE_VAL; }
    return r;
}
static void hand_n(size_t n, const REAL *restrict t,
    REAL *restrict a, REAL *restrict b, REAL *restrict c, REAL *restrict d)
{
    for (size_t k = 0; k < n; ++k) {
        const hand_t v = hand(t[k]);
        a[k] = v.tau; b[k] = v.scale; c[k] = v.tau_dot; d[k] = v.scale_dot;
    }
}
"""
MAIN_C = """
#include <stdio.h>
#include <time.h>
#define N 20000
static REAL t[N], out[4*N];
static double now(void) { struct timespec s; timespec_get(&s, TIME_UTC); return s.tv_sec + 1e-9*s.tv_nsec; }
int main(void)
{
    double best[2] = {1e9, 1e9};
    for (int k = 0; k < N; ++k) t[k] = k/(N - (REAL)1);
    for (int r = 0; r < 800; ++r) for (int which = 0; which < 2; ++which) {
        const double from = now();
        (which ? EMITTED : hand_n)(N, t, out, out + N, out + 2*N, out + 3*N);
        const double took = now() - from;
        if (took < best[which]) best[which] = took;
    }
    printf("%.9g %.9g %.9g\\n", best[0], best[1], (double)out[N/2]);
    return 0;
}
"""


def load(text: str, name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - our own output
    return module


def race(hand: Callable[[], object], emitted: Callable[[], object]) -> dict[str, float]:
    """Best times of interleaved runs, in nanoseconds an element, and their ratio."""
    best = [math.inf, math.inf]
    for _ in range(REPEAT):
        for k, job in enumerate((hand, emitted)):
            start = time.perf_counter()
            job()
            best[k] = min(best[k], time.perf_counter() - start)
    return {"hand ns": best[0] / SIZE * 1e9, "emitted ns": best[1] / SIZE * 1e9, "ratio": best[0] / best[1]}


def jobs(lang: str, text: str) -> list[Callable[[], object]]:
    """The two array jobs of a language, warmed up."""
    modules = [load(HAND[lang], f"hand_{lang}"), load(text, f"emitted_{lang}")]
    made = [job(lang, module.conversion, np.linspace(0, 1, SIZE)) for module in modules]
    for run in made:
        run()
    return made


def job(lang: str, call: Callable[..., object], times: np.ndarray) -> Callable[[], object]:
    if lang == "numba":
        loop, out = load(LOOP, f"loop_{call.__module__}").over(call), np.empty((4, SIZE))
        return lambda: loop(times, out)
    if lang == "torch":
        import torch

        torch.set_num_threads(1)
        tensor = torch.from_numpy(times)
        return lambda: call(tensor)
    if lang == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        compiled, array = jax.jit(call), jax.numpy.asarray(times)
        return lambda: jax.block_until_ready(compiled(array))
    return lambda: call(times)


def c_race(module: Module, lang: str) -> dict[str, float] | None:
    single = lang == "c_float"
    prefix = "linear_to_follmer" + ("_f32" if single else "")
    top = f"#define REAL {'float' if single else 'double'}\n#define SQRT {'sqrtf' if single else 'sqrt'}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "main.c").write_text(
            emit(module, lang) + top + f"#define EMITTED {prefix}_conversion_n\n" + HAND_C + MAIN_C
        )
        flags = ["-std=c11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-march=native"]
        try:
            subprocess.run(["gcc", *flags, "main.c", "-o", "main", "-lm"], cwd=path, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            return None
        hand, emitted, _ = map(float, subprocess.run([path / "main"], capture_output=True, check=True).stdout.split())
    return {"hand ns": hand / SIZE * 1e9, "emitted ns": emitted / SIZE * 1e9, "ratio": hand / emitted}


def speeds() -> dict[str, object]:
    module, found = Module(catalog.follmer(), catalog.linear()), {}
    for lang in ("numpy", "numba", "torch", "jax"):
        try:
            found[lang] = race(*jobs(lang, emit(module, lang)))
        except ImportError as missing:
            found[lang] = f"not run: {missing}"
    return {**found, **{lang: c_race(module, lang) for lang in ("c", "c_float")}}


def rivals() -> dict[str, object] | str:
    """Relative error of ċ/c + τ̇ at each time, flow_matching's and ours, in float64."""
    try:
        import torch
        from flow_matching.path.scheduler import CondOTScheduler, CosineScheduler, LinearVPScheduler
        from flow_matching.path.scheduler.schedule_transform import ScheduleTransformedModel
        from flow_matching.utils import ModelWrapper
    except ImportError as missing:
        return f"not run: {missing}"

    class Identity(ModelWrapper):
        def forward(self, x, **_):  # type: ignore[no-untyped-def]
            return x

    theirs = {"linear": CondOTScheduler, "vp": CosineScheduler, "linear_vp": LinearVPScheduler}
    found: dict[str, object] = {}
    for label, (source, target) in PAIRS.items():
        module = Module(catalog.from_text(target), catalog.from_text(source))
        ours = load(emit(module, "torch"), "ours")
        moved = ScheduleTransformedModel(Identity(None), theirs[source](), theirs[target]())
        rows = {}
        for at in TIMES:
            t = torch.tensor(at, dtype=torch.float64)
            _, scale, tau_dot, scale_dot = ours.conversion(t)
            want = _exact(module, at)
            values = {
                "ours": float(scale_dot / scale + tau_dot),
                "flow_matching": float(moved(x=torch.ones(1).double(), t=t)),
            }
            rows[repr(at)] = {"exact": _shown(want), **{k: _error(v, want) for k, v in values.items()}}
        found[label] = rows
    return found


def _exact(module: Module, at: float) -> float:
    if at in (0.0, 1.0):
        exprs = [(q.exact, q.ends[int(at)]) for q in (o.quantity for o in module.functions[2].outputs[1:])]
        scale, tau_dot, scale_dot = (float(limit) for _, limit in exprs)
        return scale_dot / scale + tau_dot
    scale, tau_dot, scale_dot = (
        references.evaluate(module, o.quantity.exact, at, {})[0] for o in module.functions[2].outputs[1:]
    )
    return float(scale_dot / scale + tau_dot)


def _shown(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _error(value: float, want: float) -> float | str:
    if math.isnan(value) or math.isinf(value) or math.isinf(want):
        return "exact" if value == want else str(value)
    return abs(value - want) / abs(want) if want else abs(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the results")
    given = parser.parse_args()
    found = {"machine": platform.processor() or platform.machine(), "python": platform.python_version(),
             "elements": SIZE, "speed": speeds(), "velocity of b = x": rivals()}  # fmt: skip
    text = json.dumps(found, indent=2)
    print(text)
    if given.json:
        with whole(given.json) as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
