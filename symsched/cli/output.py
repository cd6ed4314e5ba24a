"""Writing results: to a terminal or a pipe, as JSON, and to files that are whole or absent."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symsched.errors import InputError
from symsched.parsing.text import quoted
from symsched.writing import whole

if TYPE_CHECKING:
    from symsched.schedule import Schedule


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


def write_text(target: str, text: str | bytes, option: str) -> None:
    """Write to stdout ('-') or to a temporary neighbour that then replaces the file, so it is never half-written."""
    if target == "-":
        (sys.stdout if isinstance(text, str) else sys.stdout.buffer).write(text)  # type: ignore[arg-type]
        return
    content = text.encode() if isinstance(text, str) else text
    path = Path(target)
    try:
        if _is_device(target):
            path.write_bytes(content)
            return
        with whole(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"{option} {quoted(target)}: could not be written ({error.strerror})") from None


def write_json(target: str, document: Any, option: str = "--json") -> None:
    """Strict JSON with stable key order, one trailing newline; infinities are the strings "inf" and "-inf"."""
    text = json.dumps(_strict(document), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(target, text + "\n", option)


def described(schedule: Schedule | None) -> dict[str, Any] | None:
    """A schedule in JSON: its text and its formulas."""
    if schedule is None:
        return None
    return {"text": str(schedule), "alpha": str(schedule.alpha), "beta": str(schedule.beta)}


def show_rows(rows: list[dict[str, float]], digits: int = 16) -> None:
    """Aligned columns on a terminal, as many side by side as it is wide; in a pipe tab-separated, in full precision."""
    names = list(rows[0])
    if not sys.stdout.isatty():
        lines = ["\t".join(names), *("\t".join(map(repr, row.values())) for row in rows)]
    else:
        cells = [names, *([f"{value:.{digits}g}" for value in row.values()] for row in rows)]
        lines = _aligned(cells, shutil.get_terminal_size().columns)
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _aligned(cells: list[list[str]], width: int) -> list[str]:
    """Lines of the cells, each column as wide as its widest; what does not fit follows below, after the first again."""
    columns = [[cell.rjust(max(map(len, column))) for cell in column] for column in zip(*cells, strict=True)]
    first, *rest = columns
    lines: list[str] = []
    while rest:
        room, taken = width - len(first[0]), 0
        while taken < len(rest) and (room := room - 2 - len(rest[taken][0])) >= 0:
            taken += 1
        block, rest = rest[: max(taken, 1)], rest[max(taken, 1) :]
        lines += [""] * bool(lines) + ["  ".join(row) for row in zip(first, *block, strict=True)]
    return lines


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
