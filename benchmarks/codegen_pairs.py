"""Emitted code for every pair of catalogue schedules: does it run alone, pass its self-test, and how wrong is it?

    python benchmarks/codegen_pairs.py                        # all pairs, resuming from results/codegen.json
    python benchmarks/codegen_pairs.py --redo ddpm,edm        # again where one of these takes part
    python benchmarks/codegen_pairs.py --redo all             # again wherever the emitted code has changed
    python benchmarks/codegen_pairs.py --pairs linear:vp      # some

Each schedule is emitted and measured once, each pair for what a conversion adds (τ, c, τ̇, ċ), in NumPy, where every
value is compared with balls of 700 bits, and in C, where the self-test runs with gcc -Wall -Wextra -Werror.  Errors
are in units of 2^-52 (2^-23 in float32) of the larger of |f| and min(t, 1 - t)|f'|, which differ next to a zero inside
(0, 1): there, moving t by a rounding changes all digits of f.  `relative` are the errors relative to |f| alone.  A pair
that runs out of time or fails is a row that says so.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from symsched import catalog
from symsched.codegen import references
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.codegen.sampler_steps import trial_values
from symsched.errors import InputError, UndecidedError
from symsched.schedule import Schedule
from symsched.writing import whole

ENDS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2)
TIMES = (*ENDS, *(k / 61 for k in range(2, 60, 3)), *(1 - e for e in ENDS))
EXAMPLES = {"lazy": "lazy(kappa=1)", "shifted": "shifted(3)", "geometric": "geometric(2)"}
RESULTS = Path(__file__).parent / "results" / "codegen.json"
GCC = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-DSELF_TEST", "-x", "c"]
LANGUAGES = ("numba", "torch", "jax")
ALONE = """
import json, sys
sys.modules["symsched"] = None
for name in sys.argv[1:]:
    names = {"__name__": "emitted"}
    try:
        exec(compile(open(name).read(), name, "exec"), names)
        print(json.dumps([name, names["self_test"](), None]))
    except Exception as error:
        print(json.dumps([name, None, f"{type(error).__name__}: {error}"]))
"""


class OutOfTimeError(Exception):
    pass


def _alarm(*_: object) -> None:
    raise OutOfTimeError


class Worst(dict):
    """Quantity -> worst error."""

    def meet(self, name: str, error: float) -> None:
        self[name] = max(self.get(name, 0.0), error if error == error else math.inf)


def measure(module: Module, names: dict, wanted: tuple[str, ...], dtype: type) -> tuple[Worst, Worst]:
    """The worst errors of each quantity over (0, 1): in the unit of the measure, and relative to the value."""
    unit, worst, relative = float(np.finfo(dtype).eps), Worst(), Worst()
    for function in (f for f in module.functions if f.name in wanted):
        given = trial_values(function)
        low, high = function.covered or (0.0, 1.0)
        within = {float(dtype(low + (high - low) * x)) for x in TIMES}  # next to where a source runs out
        for at in sorted(({float(dtype(x)) for x in TIMES} | {x for x in within if low <= x <= high}) - {0.0, 1.0}):
            found = names[function.name](dtype(at), *map(float, given.values()))
            for output, got in zip(function.outputs, found if isinstance(found, tuple) else (found,), strict=True):
                if not low <= at <= high:
                    worst.meet(output.name, 0.0 if math.isnan(got) else math.inf)
                    continue
                error, plain = _error(module, output, at, given, float(got))
                worst.meet(output.name, error / unit)
                relative.meet(output.name, plain / unit)
    return worst, relative


def _error(module: Module, output: object, at: float, given: dict, got: float) -> tuple[float, float]:
    want, slope = references.evaluate(module, output.quantity.exact, at, given)
    exact = 0.0 if want.contains(0) else float(want)
    off = abs(float(got - want)) if exact else abs(got)
    if off == 0 or (got == exact and abs(exact) < 1e-290):
        return 0.0, 0.0
    size = max(abs(exact), abs(float(slope)) * min(at, 1 - at))
    return (off / size if size else math.inf), (off / abs(exact) if exact else math.inf)


def ends(module: Module, names: dict, wanted: tuple[str, ...]) -> list[str]:
    """What is wrong at t = 0 and 1: a finite limit missed, an infinite one not infinite, a NaN."""
    wrong: list[str] = []
    for function in (f for f in module.functions if f.name in wanted):
        given = trial_values(function)
        for end in (0.0, 1.0):
            found = names[function.name](np.float64(end), *map(float, given.values()))
            for output, value in zip(function.outputs, found if isinstance(found, tuple) else (found,), strict=True):
                got = float(value)
                limit = output.quantity.ends[int(end)]
                text = references._limit(limit, given)
                outside = function.covered is not None and not function.covered[0] <= end <= function.covered[1]
                want = math.nan if outside or text is None else float(text)
                if not (want == got or math.isclose(want, got, rel_tol=4e-16) or (outside and math.isnan(got))):
                    wrong.append(f"{output.name}({end:.0f}) = {got!r}, limit {text or limit}")
    return wrong


def examine(module: Module, wanted: tuple[str, ...], before: dict | None = None) -> tuple[dict, str, str]:
    """A row, and the two sources; the row `before` where it measured the same sources."""
    text, header = emit(module, "numpy", True), emit(module, "c", True)
    digest = hashlib.sha256((text + header).encode()).hexdigest()[:16]
    if before is not None and before.get("digest") == digest:
        return before, text, header
    names: dict = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output
    worst, relative = measure(module, names, wanted, np.float64)
    single, _ = measure(module, names, wanted, np.float32)
    row = {"digest": digest, "closed": module.closed, "covered": module.ledger.covered, "lines": text.count("\n")}
    row |= {key: _short(value) for key, value in (("errors", worst), ("relative", relative), ("errors32", single))}
    return row | {"ends": ends(module, names, wanted)}, text, header


def _short(errors: Worst) -> dict[str, float]:
    return {name: round(error, 2) if math.isfinite(error) else "inf" for name, error in errors.items()}


def run_c(header: str, folder: Path, name: str) -> dict:
    (folder / f"{name}.h").write_text(header)
    built = subprocess.run([*GCC, f"{name}.h", "-o", name, "-lm"], cwd=folder, capture_output=True, text=True)
    if built.returncode:
        return {"c": f"does not compile: {built.stderr[:300]}"}
    done = subprocess.run([folder / name], capture_output=True, text=True)
    return {"c": float(done.stdout.split("error ")[1].split()[0]) if done.returncode == 0 else done.stdout[:300]}


def run_numpy(folder: Path, texts: dict[str, str]) -> dict[str, dict]:
    for name, text in texts.items():
        (folder / name).write_text(text)
    done = subprocess.run([sys.executable, "-I", "-c", ALONE, *texts], cwd=folder, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: {"numpy": worst if problem is None else problem} for name, worst, problem in rows}


def row_of(
    key: str,
    schedules: dict[str, Schedule],
    limit: int,
    folder: Path,
    texts: dict[str, str],
    before: dict | None,
    sources: Path | None = None,
) -> dict:
    source, _, target = key.rpartition(":")
    start = time.process_time()
    signal.signal(signal.SIGVTALRM, _alarm)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)
    try:
        module = Module(schedules[target], schedules[source] if source else None)
        wanted = ("conversion",) if source else tuple(f.name for f in module.functions)
        row, text, header = examine(module, wanted, before)
        for language in LANGUAGES if sources else ():
            (sources / f"{key.replace(':', '_to_')}.{language}.py").write_text(emit(module, language, True))
    except OutOfTimeError:
        return {"failed": f"not finished after {limit} s of processor time"}
    except (InputError, UndecidedError, ArithmeticError, ValueError, TypeError, KeyError, AttributeError) as error:
        return {"failed": f"{type(error).__name__}: {error}"[:300]}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    if row is before:
        return row
    name = key.replace(":", "_to_") or target
    texts[f"{name}.py"] = text
    return row | run_c(header, folder, name) | {"seconds": round(time.process_time() - start, 1)}


def keys_of(given: argparse.Namespace) -> list[str]:
    names = catalog.names()
    if given.pairs:
        return given.pairs.split(",")
    every = [key for target in names for key in (target, *(f"{source}:{target}" for source in names))]
    again = set(given.redo.split(",")) if given.redo else set()
    if again == {"all"}:
        return every
    return [key for key in every if again & set(key.split(":"))] if again else every


def sweep(given: argparse.Namespace) -> dict:
    found = json.loads(given.json.read_text())["rows"] if given.json.exists() else {}
    schedules = {name: catalog.from_text(EXAMPLES.get(name, name)) for name in catalog.names()}
    todo = [key for key in keys_of(given) if given.redo or given.pairs or key not in found]
    for target, keys in itertools.groupby(todo, key=lambda key: key.rpartition(":")[2]):
        with tempfile.TemporaryDirectory() as name:
            texts: dict[str, str] = {}
            new = {
                key: row_of(key, schedules, given.limit, Path(name), texts, found.get(key), given.sources)
                for key in keys
            }
            alone = run_numpy(Path(name), texts)
        for key in [key for key in new if new[key] is not found.get(key)]:
            new[key] |= alone.get(f"{key.replace(':', '_to_') or target}.py", {})
            print(key, json.dumps(new[key]), flush=True)
        found |= new
        write(given.json, found)
    return found


def write(path: Path, rows: dict) -> None:
    order = {name: k for k, name in enumerate(catalog.names())}
    rows = dict(sorted(rows.items(), key=lambda item: [order[n] for n in reversed(item[0].split(":"))]))
    shown = ",\n".join(f'  "{key}": {json.dumps(row)}' for key, row in rows.items())
    head = f'"summary": {json.dumps(summary(rows))},\n"rows": {{\n'
    with whole(path) as file:
        file.write("{\n" + head + shown + "\n}\n}\n")


def summary(rows: dict) -> dict:
    """How many pairs there are, pass, fail, and stay within 4 units; the worst of all."""
    pairs = {key: row for key, row in rows.items() if ":" in key}
    done = {key: row for key, row in rows.items() if "errors" in row}
    worst = {key: max(map(float, row["errors"].values())) for key, row in done.items()}
    top = sorted(worst, key=lambda key: -worst[key])[:5]
    return {
        "pairs": len(pairs),
        "not measured yet": len(catalog.names()) ** 2 - len(pairs),
        "schedules": len(rows) - len(pairs),
        "produced": sum("errors" in row for row in pairs.values()),
        "self-test passed, numpy": sum(isinstance(row.get("numpy"), float) for row in pairs.values()),
        "self-test passed, c": sum(isinstance(row.get("c"), float) for row in pairs.values()),
        **_others(rows),
        "within 4 units": sum(worst.get(key, math.inf) <= 4 for key in pairs),
        "ends right": sum(row.get("ends") == [] for row in pairs.values()),
        "worst": {
            key: f"{max(done[key]['errors'], key=lambda q: float(done[key]['errors'][q]))} {worst[key]}" for key in top
        },
        "failed": {key: row["failed"] for key, row in rows.items() if "failed" in row},
    }


def _others(rows: dict) -> dict[str, str]:
    """The languages of codegen_languages.py: how many ran, passed, and the worst error of a self-test."""
    found = {}
    for column in ("torch", "jax", "numba"):
        worst = [row[column] for row in rows.values() if column in row]
        passed = [w for w in worst if isinstance(w, float)]
        if worst:
            found[column] = f"{len(passed)} of {len(worst)} pass, worst {max(passed, default=math.nan):.2f}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", help="source:target or target, comma separated, instead of all")
    parser.add_argument("--redo", help="names: measure again whatever they take part in")
    parser.add_argument("--sources", type=Path, help="a folder for the same modules in other languages")
    parser.add_argument("--limit", type=int, default=60, help="seconds of processor time for one pair")
    parser.add_argument("--json", type=Path, default=RESULTS, help="results, also read to resume")
    print(json.dumps(summary(sweep(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
