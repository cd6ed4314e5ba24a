"""The self-tests of emitted torch, JAX and Numba modules, each alone: adds them to results/codegen.json.

    python benchmarks/codegen_pairs.py --redo all --sources FOLDER       # emits them
    python -m benchmarks.codegen_languages FOLDER torch jax             # where torch and JAX are installed
    python -m benchmarks.codegen_languages FOLDER numba --compiled 20   # compiling one takes ten seconds

A process runs the modules of one language in FOLDER, with no symsched to import; JAX counts in float64.  What is
recorded is the worst error of the self-test in units of 2^-52, or why it failed.  Numba compiles as many modules as
asked for, evenly spread: it takes long, and as plain Python a division by zero would be an error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.codegen_pairs import RESULTS, write

ALONE = """
import json, sys
sys.modules["symsched"] = None
language, *names = sys.argv[1:]
if language == "jax":
    import jax
    jax.config.update("jax_enable_x64", True)
if language == "torch":
    import torch
    torch.set_num_threads(1)
for name in names:
    scope = {"__name__": "emitted"}
    try:
        exec(compile(open(name).read(), name, "exec"), scope)
        print(json.dumps([name, scope["self_test"]()]), flush=True)
    except Exception as error:
        print(json.dumps([name, f"{type(error).__name__}: {error}"[:300]]), flush=True)
"""


def run(folder: Path, language: str, names: list[str]) -> dict[str, float | str]:
    """Key of the row -> worst error, or the failure."""
    command = [sys.executable, "-I", "-c", ALONE, language, *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {name.split(".")[0].replace("_to_", ":"): worst for name, worst in found}


def results(folder: Path, language: str, compiled: int) -> dict[str, dict[str, float | str]]:
    """What is to be recorded, by the name of the column."""
    names = sorted(path.name for path in folder.glob(f"*.{language}.py"))
    if language != "numba":
        return {language: run(folder, language, names)}
    return {language: run(folder, language, names[:: max(1, len(names) // compiled)])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("languages", nargs="+", choices=["torch", "jax", "numba"])
    parser.add_argument("--compiled", type=int, default=20, help="how many modules Numba compiles")
    parser.add_argument("--json", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = json.loads(given.json.read_text())["rows"]
    for language in given.languages:
        for column, found in results(given.folder, language, given.compiled).items():
            for key, worst in found.items():
                rows[key][column] = worst
            passed = sum(isinstance(worst, float) for worst in found.values())
            print(f"{column}: {passed} of {len(found)} pass")
            print(*(f"  {key}: {worst}" for key, worst in found.items() if isinstance(worst, str)), sep="\n")
    write(given.json, rows)


if __name__ == "__main__":
    main()
