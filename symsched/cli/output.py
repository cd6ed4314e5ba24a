"""Writing results: to a terminal or a pipe, as JSON, and to files that are whole or absent."""

import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from symsched.errors import InputError
from symsched.parsing.text import quoted
from symsched.writing import whole


def writable(target: str | None, option: str) -> str | None:
    """`target` if a file can be written there (or it is '-', or None); asked before the work starts.

    Raises InputError naming the option and the path otherwise.
    """
    if target is None or target == "-":
        return target
    path = Path(target)
    if not target.strip():
        raise InputError(f"{option} {quoted(target)}: no name; give the name of a file, or - for stdout")
    if os.path.isdir(target):
        raise InputError(f"{option} {quoted(target)}: this is a directory; give the name of a file, or - for stdout")
    if _is_device(target):
        return target
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a file name"
        raise InputError(
            f"{option} {quoted(target)}: cannot write there ({why}); give a file in a folder you own"
        ) from None
    os.close(handle)
    os.unlink(name)
    return target


def writable_in(folder: str | None, name: str, option: str) -> str | None:
    """The path of `name` in a folder, which is made if need be, if a file can be written there; None for None.

    Raises InputError naming the option and the folder otherwise.
    """
    if folder is None:
        return None
    path = Path(folder)
    if not folder.strip() or (os.path.exists(folder) and not os.path.isdir(folder)):
        raise InputError(f"{option} {quoted(folder)}: this is not a folder; give the name of a folder, new or existing")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a folder name"
        raise InputError(
            f"{option} {quoted(folder)}: cannot make this folder ({why}); give one in a place you own"
        ) from None
    return writable(str(path / name), option)


def _is_device(target: str) -> bool:
    """Whether this is a device or a pipe, such as /dev/null, which no file may replace."""
    return os.path.exists(target) and not os.path.isfile(target) and not os.path.isdir(target)


def write_text(target: str, text: str, option: str) -> None:
    """Write to stdout ('-') or to a temporary neighbour that then replaces the file, so it is never half-written."""
    if target == "-":
        sys.stdout.write(text)
        return
    path = Path(target)
    try:
        if _is_device(target):
            path.write_text(text, encoding="utf-8")
            return
        with whole(path) as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{option} {quoted(target)}: could not be written ({error.strerror})") from None


def write_json(target: str, document: Any, option: str = "--json") -> None:
    """Strict JSON with stable key order, one trailing newline; infinities are the strings "inf" and "-inf"."""
    text = json.dumps(_strict(document), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(target, text + "\n", option)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
