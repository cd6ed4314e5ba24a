"""Files written whole or not at all: into a neighbour with another name, which then takes the file's place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def whole(path: str | Path, mode: str = "w", *, private: bool = False, suffix: str = "") -> Iterator[IO[Any]]:
    """The neighbour, open for writing (text in UTF-8); it replaces `path` when the block ends well, else it is removed.

    `private` leaves the file to its owner alone; otherwise the process's mask decides, as for any new file.

    Raises OSError where the folder or the file cannot be written; the file that was there stays as it was.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=suffix)
    os.close(handle)
    try:
        with open(name, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not private:
            os.chmod(name, 0o666 & ~_mask())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _mask() -> int:
    mask = os.umask(0)  # there is no way to ask without setting it
    os.umask(mask)
    return mask
