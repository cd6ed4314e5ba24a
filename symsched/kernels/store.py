"""Generated modules on disk: named by the hash of their content, so that a second process need not compile.

The directory is `SYMSCHED_CACHE_DIR`, else `$XDG_CACHE_HOME/symsched`, else `~/.cache/symsched`, always private
to the user.  A file is written under a temporary name and renamed; before it is imported its bytes must hash to
its name, and those very bytes are what is run.
"""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import os
import stat
import sys
import tempfile
import threading
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

_PREFIX = "symsched_kernel_"
_lock = threading.Lock()


def wanted_directory() -> Path:
    """Where generated modules should go, whether or not it can be written."""
    chosen = os.environ.get("SYMSCHED_CACHE_DIR")
    if chosen:
        return Path(chosen) / "kernels"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "symsched" / "kernels"


def _prepare(directory: Path) -> Path:
    """Create the directory, private; refuse one that another user owns or may write."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = directory.stat()
    if status.st_uid != os.getuid():
        raise PermissionError(f"{directory} belongs to another user")
    if stat.S_IMODE(status.st_mode) != 0o700:
        directory.chmod(0o700)
    with tempfile.TemporaryFile(dir=directory):
        return directory


@cache
def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="symsched-"))


@cache
def _usable(wanted: Path) -> Path:
    try:
        return _prepare(wanted)
    except OSError as problem:
        warnings.warn(
            f"symsched cannot keep compiled kernels in {wanted} ({problem}); every process will compile anew. "
            "Set SYMSCHED_CACHE_DIR to a directory that you own.",
            RuntimeWarning,
            stacklevel=4,
        )
        return _temporary()


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


def save(text: str) -> Path:
    """Write the module, unless a file with the right content is there already."""
    content = text.encode()
    path = directory() / f"{_PREFIX}{hashlib.sha256(content).hexdigest()[:40]}.py"
    if not (path.exists() and path.read_bytes() == content):
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    return path


def load(text: str) -> ModuleType:
    """The module with this source, imported once per process."""
    content = text.encode()
    name = _PREFIX + hashlib.sha256(content).hexdigest()[:40]
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        path = save(text)
        if path.read_bytes() != content:
            raise RuntimeError(f"{path} was changed between writing and reading; nothing was run")
        loader = _Verified(path, content)
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
