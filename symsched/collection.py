"""Theorems in files: the project's own in `derivations/`, a user's anywhere; what a file binds, what a name means."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from symsched.errors import InputError
from symsched.theorem import Theorem, line_of, made, told, well_formed

Key = tuple[str, str]  # (file, theorem name)
MODULE = "symsched_derivation_"  # what the module of a file is named after


def derivations_folder() -> Path:
    """Where the project's own derivations are: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parent
    for folder in (package / "derivations", package.parent / "derivations"):
        if folder.is_dir():
            return folder
    raise InputError("the derivations are missing from this installation: reinstall symsched")


def theory() -> list[Path]:
    """The files of the project's own theorems, in order."""
    return sorted(derivations_folder().glob("c[0-9]*.py"))


@lru_cache(maxsize=64)
def load(path: str) -> tuple[Theorem, ...]:
    """The theorems bound at module level in a Python file, in order of definition.  Runs the file.

    Raises:
        InputError: the file cannot be read or run, binds no theorem, makes one that it loses, or two of one name.
    """
    spec = importlib.util.spec_from_file_location(f"{MODULE}{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise InputError(f"{path}: expected a Python file that binds Theorem objects")
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    try:
        with made() as new:
            spec.loader.exec_module(module)
        found = list(_bound(vars(module), set()))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also what leaves a program, such as sys.exit
        line = line_of(error, path)
        place = f"{path}, line {line}" if line else path
        raise InputError(f"{place}: the file does not run: {type(error).__name__}: {told(error)}") from error
    for theorem in found:
        well_formed(theorem)
    imported = [sys.modules[name] for name in set(sys.modules) - before]  # a theorem of theirs is bound there
    elsewhere = (
        [one for other in imported for one in _bound(dict(getattr(other, "__dict__", {})), set())]
        if len(new) > len(found)
        else []
    )
    for theorem in new:
        if all(theorem is not one for one in (*found, *elsewhere)):
            name = told(getattr(theorem, "name", None))
            how = "bind it at module level, or in a list, a mapping or a class that is bound there"
            raise InputError(f"{path}: theorem {name} is made and then lost; {how}")
    if not found:
        raise InputError(f"{path}: binds no Theorem; bind one at module level, as the files in derivations do")
    _one_of_each_name([(path, theorem.name) for theorem in found])
    return tuple(found)


def _bound(value: Any, seen: set[int]) -> Iterator[Theorem]:
    """The theorems in a value: itself, or in a container or a class, each once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Theorem):
        yield value
    elif type(value) in (dict, MappingProxyType):  # not the caches of other libraries
        for part in list(value.values()):
            yield from _bound(part, seen)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            yield from _bound(part, seen)
    elif isinstance(value, type) and str(value.__module__).startswith(MODULE):
        yield from _bound(dict(vars(value)), seen)


def _one_of_each_name(keys: Sequence[Key]) -> None:
    """Raises InputError where two theorems have one name: one of them would be taken for the other."""
    files: dict[str, str] = {}
    for file, name in keys:
        if name in files:
            where = f"twice in {file}" if files[name] == file else f"in {files[name]} and in {file}"
            raise InputError(f"theorem {name!r} is {where}: rename one of them")
        files[name] = file


def collect(names: Sequence[str] | None) -> list[Key]:
    """(file, theorem) for each name or path; the whole theory when there is none.

    Raises:
        InputError: an unknown claim, a file that binds no theorem, or two theorems of one name.
    """
    own = {theorem.name.lower(): (str(path), theorem.name) for path in theory() for theorem in load(str(path))}
    if not names:
        return list(own.values())
    keys: list[Key] = []
    for name in names:
        if name.lower() in own:
            keys.append(own[name.lower()])
        elif name.endswith(".py") or os.sep in name:
            keys += [(str(Path(name).resolve()), theorem.name) for theorem in load(str(Path(name).resolve()))]
        else:
            close = get_close_matches(name.lower(), own, 1)
            hint = f"did you mean {own[close[0]][1]}? " if close else ""
            known = ", ".join(key[1] for key in own.values())
            raise InputError(f"no claim {name!r}: {hint}expected one of {known}, or a path to a .py file")
    once = list(dict.fromkeys(keys))
    _one_of_each_name(once)
    return once


def find(key: Key) -> Theorem:
    """The theorem of a key."""
    for theorem in load(key[0]):
        if theorem.name == key[1]:
            return theorem
    raise InputError(f"{key[0]}: theorem {key[1]!r} has changed its name while it was run")
