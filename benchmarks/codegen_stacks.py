"""Emitted code in the languages that are no Python, compiled and run: the worst error of each over a dozen pairs.

    python -m benchmarks.codegen_stacks                     # every language whose tool this machine has
    python -m benchmarks.codegen_stacks cpp rust            # some

A module's self-test is run on the times of benchmarks/codegen_pairs.py and the ends, for the coefficients and what a
conversion adds; errors are in its units.  An error at an end, or a value that is no number, fails the row.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.codegen_pairs import EXAMPLES, TIMES
from symsched import catalog
from symsched.codegen import references
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.codegen.references import Reference
from symsched.codegen.sampler_steps import trial_values
from symsched.errors import InputError

PAIRS = (
    "linear:follmer", "linear:vp", "vp:linear", "linear:lazy", "cosine:linear", "sigmoid:linear", "ddpm:linear",
    "edm:linear", "sub_vp:vp", "trigflow:follmer", "scaled_linear:vp", "geometric:linear",
)  # fmt: skip
ANY = 10**6  # what the self-test is allowed here: it is to say how much it is
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-DSELF_TEST")

RUSTC = ("rustc", "--edition", "2021", "--test", "-D", "warnings")
GFORTRAN = ("gfortran", "-std=f2018", "-Wall", "-Wno-unused-dummy-argument", "-pedantic", "-Werror", "-J", ".")
FORTRAN = "program main\n    use {}\n    print '(f0.2)', self_test()\nend program main\n"
OCTAVE = ("octave-cli", "--no-init-file", "--eval")
NODE = 'import("./x.mjs").then((m) => console.log(m.self_test()))'


@dataclass(frozen=True)
class Stack:
    """How a module of a language becomes a file, and the commands that end in its self-test."""

    tool: str
    file: str
    commands: tuple[tuple[str, ...], ...]
    main: str = ""  # what calls the self-test, where that is no program of its own

    @property
    def is_here(self) -> bool:
        return shutil.which(self.tool) is not None

    def run(self, name: str, text: str, folder: Path) -> str:
        """What the self-test of a module of this name prints; raises CalledProcessError where it fails."""
        (folder / self.file.format(name)).write_text(text + self.main.format(name))
        for command in self.commands:
            told = [part.format(name) if "{}" in part else part for part in command]
            done = subprocess.run(told, cwd=folder, capture_output=True, text=True, timeout=120)
            if done.returncode:
                said = "\n".join(part for part in (done.stdout, done.stderr) if part)
                raise subprocess.CalledProcessError(done.returncode, told, said[:2000])
        return done.stdout

    def worst(self, name: str, text: str, folder: Path) -> float:
        """The worst error that the self-test reports."""
        return float(self.run(name, text, folder).rpartition("worst error")[2].split()[0])


STACKS = {
    "c": Stack("gcc", "x.h", (("gcc", "-std=c99", *STRICT, "-x", "c", "x.h", "-o", "x", "-lm"), ("./x",))),
    "cpp": Stack("g++", "x.h", (("g++", "-std=c++17", "-Wshadow", *STRICT, "-x", "c++", "x.h", "-o", "x"), ("./x",))),
    "javascript": Stack("node", "x.mjs", (("node", "-e", NODE),)),
    "rust": Stack("rustc", "x.rs", ((*RUSTC, "x.rs", "-o", "x"), ("./x", "--nocapture"))),
    "fortran": Stack("gfortran", "x.f90", ((*GFORTRAN, "x.f90", "-o", "x"), ("./x",)), FORTRAN),
    "matlab": Stack("octave-cli", "{}.m", ((*OCTAVE, "m = {}(); disp(m.self_test())"),)),
}  # fmt: skip


def everywhere(module: Module) -> Module:
    """The module with its coefficients and conversion alone, tested at all times of the benchmark."""
    found = copy.copy(module)
    functions = tuple(f for f in module.functions if f.name in ("schedule", "conversion"))
    vars(found).update(functions=functions, steps=(), references=tuple(_references(module, functions)))
    return found


def _references(module, functions):
    for function in functions:
        given = trial_values(function)
        low, high = function.covered or (0.0, 1.0)
        for time in sorted({0.0, 1.0, *(low + (high - low) * x for x in TIMES)}):
            if function.covered is None or low < time < high:
                expected = tuple(references._value(module, output, time, given) for output in function.outputs)
                yield Reference(function.name, (time, *map(float, given.values())), ANY, expected)


def main() -> None:
    asked = sys.argv[1:] or [name for name, stack in STACKS.items() if stack.is_here]
    worst = dict.fromkeys(asked, 0.0)
    for pair in PAIRS:
        source, target = (catalog.from_text(EXAMPLES.get(name, name)) for name in pair.split(":"))
        module = everywhere(Module(target, source))
        row = {}
        for lang in asked:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    row[lang] = STACKS[lang].worst(module.name, emit(module, lang, True), Path(folder))
                    worst[lang] = max(worst[lang], row[lang])
                except (InputError, subprocess.CalledProcessError) as error:
                    row[lang] = f"{error} {getattr(error, 'output', '') or ''}"[:300]
        print(pair, json.dumps(row), flush=True)
    print("worst", json.dumps(worst))


if __name__ == "__main__":
    main()
