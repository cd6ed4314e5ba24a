"""Generated modules and machine code on disk, so that a second process need not compile.

The directory is `SYMSCHED_CACHE_DIR`, else `$XDG_CACHE_HOME/symsched`, else `~/.cache/symsched`, always private
to the user.  A file is written under a temporary name and renamed.  Of a module, what is run is the text it was
made from, never what lies there; machine code is read only where its hash is right (`machinecode`).  Where nothing can
be written, everything works, from memory.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.abc
import importlib.util
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

from symsched.writing import whole

_PREFIX = "symsched_kernel_"
#: Whether files have an owner and bits that say who may write; on Windows a profile's folder is its user's already.
_OWNED = hasattr(os, "getuid")
#: A link is not followed, a pipe not waited for, a line's end not changed: whichever of these a system has.
_PLAINLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_lock = threading.Lock()


def home() -> Path:
    """The directory of all that is kept, whether or not it can be written."""
    chosen = os.environ.get("SYMSCHED_CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "symsched"


def wanted_directory() -> Path:
    """Where generated modules should go."""
    return home() / "kernels"


def _prepare(directory: Path) -> Path:
    """Create the directory, private; refuse one that another user owns or may write."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if _OWNED:
        status = directory.stat()
        if status.st_uid != os.getuid():
            raise PermissionError(f"{directory} belongs to another user")
        if stat.S_IMODE(status.st_mode) != 0o700:
            directory.chmod(0o700)
    with tempfile.TemporaryFile(dir=directory):
        return directory


@cache
def _temporary() -> Path:
    """A private directory for this process alone; a path that does not exist where even that cannot be made."""
    try:
        path = Path(tempfile.mkdtemp(prefix="symsched-"))
    except OSError:
        return Path(os.devnull) / "symsched"
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def _usable(wanted: Path) -> Path:
    try:
        found = _prepare(wanted)
    except OSError as problem:
        _warn(wanted, problem)
        return _temporary()
    _sweep(found)
    return found


def _warn(where: Path, problem: OSError) -> None:
    warnings.warn(
        f"symsched cannot keep compiled kernels in {where} ({problem.strerror or problem}); every process will compile "
        "anew. Set SYMSCHED_CACHE_DIR to a directory that you own, with room in it.",
        RuntimeWarning,
        stacklevel=4,
    )


@cache
def _warn_full(where: Path, problem: str) -> None:
    """Once for each directory and reason."""
    _warn(where, OSError(problem))


def _sweep(directory: Path) -> None:
    """Remove what killed processes left behind: temporary files that nobody has touched for an hour."""
    with contextlib.suppress(OSError):
        for file in directory.glob("*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > 3600:
                    file.unlink()


def directory() -> Path:
    """The directory in use: the wanted one, or a temporary one, with a warning, where that cannot be written."""
    return _usable(wanted_directory())


class _Verified(importlib.abc.SourceLoader):
    """Loads the verified bytes, never a byte-code file that lies beside them."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self.content = path, content

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002
        return str(self.path)

    def get_data(self, path: bytes | str) -> bytes:  # noqa: ARG002
        return self.content


def read(name: str) -> bytes | None:
    """The content of a file of the directory; None unless it is a plain file that this user alone may write."""
    try:
        handle = os.open(directory() / name, _PLAINLY)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return None
        if _OWNED and (status.st_uid != os.getuid() or status.st_mode & 0o022):
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    except OSError:
        return None
    finally:
        os.close(handle)


def write(name: str, content: bytes) -> None:
    """Write a file of the directory whole, or not at all with a warning: the cache is a convenience."""
    path = directory() / name
    try:
        with whole(path, "wb", private=True, suffix=".tmp") as file:
            file.write(content)
    except OSError as problem:
        _warn_full(path.parent, problem.strerror or str(problem))


def name_of(text: str) -> str:
    """The name of the module with this source."""
    return _PREFIX + hashlib.sha256(text.encode()).hexdigest()[:40]


def save(text: str) -> Path:
    """Write the module, unless a file with the right content is there already."""
    content, file = text.encode(), f"{name_of(text)}.py"
    if read(file) != content:
        write(file, content)
    return directory() / file


def load(text: str) -> ModuleType:
    """The module with this source, imported once per process.

    What is run is `text` itself; the file is there for the reader of an error message.
    """
    name = name_of(text)
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        path = save(text)
        loader = _Verified(path, text.encode())
        spec = importlib.util.spec_from_loader(name, loader, origin=str(path))
        if spec is None:
            raise RuntimeError(f"{path} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        sys.modules[name] = module
        return module


@cache
def fingerprint() -> str:
    """Hash of everything a compiled kernel depends on besides its own source: a change makes new files."""
    import llvmlite
    import numba

    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version_info[:2]}".encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
