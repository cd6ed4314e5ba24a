"""The self-tests of emitted torch, JAX and Numba modules, each alone: adds them to results/codegen.json.

    python benchmarks/codegen_pairs.py --redo all --sources FOLDER   # emits them
    python -m benchmarks.codegen_languages FOLDER numba              # every module, compiled
    python -m benchmarks.codegen_languages FOLDER torch jax          # where torch and JAX are installed

A process runs `--chunk` modules of one language in FOLDER, with no symsched to import; JAX counts in float64.  What is
recorded is the worst error of the self-test in units of 2^-52, or why it failed, and a digest of the module: results
are written after each chunk, and a module that was run before is not run again.  For Numba the seconds are recorded
too, from the source to the end of its self-test: nearly all of them compile.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.codegen_pairs import RESULTS, write

ALONE = """
import json, sys, time
sys.modules["symsched"] = None
language, *names = sys.argv[1:]
if language == "jax":
    import jax
    jax.config.update("jax_enable_x64", True)
if language == "torch":
    import torch
    torch.set_num_threads(1)
if language == "numba":
    from numba import njit
    njit(lambda x: x + 1)(1.0)  # Numba itself is loaded when it first compiles
for name in names:
    scope = {"__name__": "emitted"}
    start = time.process_time()
    try:
        exec(compile(open(name).read(), name, "exec"), scope)
        worst = scope["self_test"]()
    except Exception as error:
        worst = f"{type(error).__name__}: {error}"[:300]
    print(json.dumps([name, worst, round(time.process_time() - start, 2)]), flush=True)
"""


def key_of(path: Path) -> str:
    """linear_to_vp.numba.py holds the pair linear:vp."""
    return path.name.split(".")[0].replace("_to_", ":")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def todo(folder: Path, language: str, rows: dict) -> list[Path]:
    """The modules whose text is not the one that was run last; those without a row are left out."""
    every = [path for path in sorted(folder.glob(f"*.{language}.py")) if key_of(path) in rows]
    return [path for path in every if rows[key_of(path)].get("modules", {}).get(language) != digest(path)]


def run(folder: Path, language: str, paths: Iterable[Path]) -> dict[str, dict]:
    """Key of the row -> what is to be added to it; a module that ends its process is a failure."""
    left, found = [path.name for path in paths], {}
    digests = {name: digest(folder / name) for name in left}
    while left:
        command = [sys.executable, "-I", "-c", ALONE, language, *left]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        made = [json.loads(line) for line in done.stdout.splitlines()]
        if len(made) < len(left):
            made.append([left[len(made)], f"the process ended: {done.stderr[-200:]}", 0.0])
        for name, worst, seconds in made:
            row = {language: worst, "modules": {language: digests[name]}}
            found[key_of(Path(name))] = row | ({"numba seconds": seconds} if language == "numba" else {})
        left = left[len(made) :]
    return found


def merge(path: Path, found: dict[str, dict]) -> None:
    """Read, add, write at once: others may have written since."""
    rows = json.loads(path.read_text())["rows"]
    for key, new in found.items():
        rows[key] |= new | {"modules": rows[key].get("modules", {}) | new["modules"]}
    write(path, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("languages", nargs="+", choices=["torch", "jax", "numba"])
    parser.add_argument("--chunk", type=int, default=20, help="modules in one process")
    parser.add_argument("--json", type=Path, default=RESULTS)
    given = parser.parse_args()
    for language in given.languages:
        waiting = iter(todo(given.folder, language, json.loads(given.json.read_text())["rows"]))
        while paths := list(itertools.islice(waiting, given.chunk)):
            found = run(given.folder, language, paths)
            merge(given.json, found)
            passed = sum(isinstance(row[language], float) for row in found.values())
            seconds = sum(row.get("numba seconds", 0) for row in found.values())
            print(f"{language}: {passed} of {len(found)} pass, {seconds:.0f} s", flush=True)
            for key, row in found.items():
                if isinstance(row[language], str):
                    print(f"  {key}: {row[language]}", flush=True)


if __name__ == "__main__":
    main()
