"""The generated code that the page offers to copy, made ahead: deriving a stable form takes seconds for each pair.

    python -m symsched.explorer.shelf          # make what is missing; with --all, make everything again

What is kept is exactly what `symsched codegen` writes, for schedules of the page at a few values of κ, with ρ a
parameter of the code or, where that cannot be derived, 1.  A test derives entries again and compares them.
"""

from __future__ import annotations

import gzip
import json
import signal
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from symsched import catalog
from symsched.codegen.emit import emit
from symsched.codegen.module import Module
from symsched.errors import InputError, UndecidedError
from symsched.writing import whole

FIXED = ("linear", "vp", "follmer")
KAPPAS = ("1", "0", "1/2", "2")
LANGUAGES = {  # all that are text: of onnx's bytes a page shows nothing
    "numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "numba": "Numba", "c": "C", "c_float": "C, float", "cpp": "C++",
    "javascript": "JavaScript", "rust": "Rust", "fortran": "Fortran", "julia": "Julia", "matlab": "MATLAB, Octave",
    "mathematica": "Mathematica", "latex": "LaTeX",
}  # fmt: skip
SHELF = "code.json.gz"
PATIENCE = 150  # seconds for one pair; what takes longer is left to the command line


def text_of(name: str, kappa: str, rho: str) -> str:
    """The catalogue call behind a name of the page."""
    return f"lazy(kappa={kappa}, rho={rho})" if name == "lazy" else name


def keys() -> Iterator[tuple[str, str, str]]:
    """(source, target, κ) of every entry, the likeliest first; κ is "" where no schedule depends on it."""
    for kappa in KAPPAS:
        yield from ((source, "lazy", kappa) for source in FIXED)
    yield from ((source, target, "") for source in FIXED for target in FIXED)
    for kappa in KAPPAS:
        yield "lazy", "lazy", kappa
        yield from (("lazy", target, kappa) for target in FIXED)


def make(source: str, target: str, kappa: str, rho: str = "rho") -> dict[str, str]:
    """The modules of one pair by language; of the schedule alone where both are the same."""
    start = None if source == target else catalog.from_text(text_of(source, kappa, rho))
    module = Module(catalog.from_text(text_of(target, kappa, rho)), start, kappa or None)
    return {lang: emit(module, lang) for lang in LANGUAGES}


def _made(key: tuple[str, str, str]) -> tuple[str, dict[str, str]]:
    """The entry and its name: with ρ a parameter, else with ρ = 1."""
    name = "|".join(key)
    try:
        return name, make(*key)
    except InputError:
        return f"{name}|1", make(*key, rho="1")


def load() -> dict[str, dict[str, str]]:
    """What is kept, by "source|target|κ", with "|1" where ρ is 1."""
    kept = files("symsched.explorer").joinpath(SHELF)
    return _turned(json.loads(gzip.decompress(kept.read_bytes()))) if kept.is_file() else {}


def _turned(shelf: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """By name for by language, and back: the page has it by language, which compresses to six tenths."""
    names = dict.fromkeys(name for code in shelf.values() for name in code)
    return {name: {key: code[name] for key, code in shelf.items() if name in code} for name in names}


def _save(shelf: dict[str, dict[str, str]], path: Path) -> None:
    text = json.dumps(_turned(shelf), ensure_ascii=False, sort_keys=True, indent=0)
    with whole(path, "wb") as file:
        file.write(gzip.compress(text.encode(), 9, mtime=0))


def _late(*_: object) -> None:
    raise TimeoutError


def main(arguments: list[str]) -> None:
    """Make the entries that are missing, or all of them; exit code 1 if one could not be made."""
    left = 0
    path = Path(__file__).with_name(SHELF)
    shelf = {} if "--all" in arguments else load()
    signal.signal(signal.SIGALRM, _late)
    for key in keys():
        if {"|".join(key), "|".join((*key, "1"))} & set(shelf):
            continue
        signal.alarm(PATIENCE)
        try:
            name, code = _made(key)
        except (InputError, UndecidedError, TimeoutError) as error:
            print(f"{'|'.join(key)}: left out ({type(error).__name__}: {error})", flush=True)
            left += 1
            continue
        finally:
            signal.alarm(0)
        shelf[name] = code
        print(f"{name}: {sum(map(len, code.values()))} characters", flush=True)
        _save(shelf, path)
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
