"""Machine code on disk: one file for each function and signature, named by the hash of all that it depends on.

Numba's own cache unpickles whatever lies in its folder, breaks on a truncated file, a full disk and a read-only
installation, and keeps an index that two processes may interleave.  Here there is no index, a file is read only
if it is the user's own and its content has the hash that it opens with, and whatever goes wrong means compiling anew.

Numba has no public place for another cache: `_Cache`, a dispatcher's `_cache`, `CompileResult._reduce` and `_rebuild`
are private.  A test says what is relied on of them, so that a Numba without it fails there.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from symsched.kernels import store

_DIGEST = 64


class MachineCode(_Cache):
    """The cache of one function, in the form that a Numba dispatcher asks for."""

    def __init__(self, function: Callable[..., Any]) -> None:
        code = function.__code__
        self.label = f"{function.__module__}.{function.__qualname__}:{code.co_firstlineno}"
        # What an inner function closes over is part of it: two of one text may call different kernels.
        self.code = code.co_code + dumps(tuple(cell.cell_contents for cell in function.__closure__ or ()))
        self.enabled = True

    @property
    def cache_path(self) -> str:
        """The directory."""
        return str(store.directory())

    def enable(self) -> None:
        """Read and write from now on."""
        self.enabled = True

    def disable(self) -> None:
        """Neither read nor write from now on."""
        self.enabled = False

    def flush(self) -> None:
        """Nothing: an entry is never stale, since its name says what it was made from."""

    def entry(self, signature: Any, codegen: Any) -> str:
        """Name of the entry: hash of the function, the signature, the processor and the versions."""
        digest = hashlib.sha256(f"{store.fingerprint()} {self.label} {signature} {codegen.magic_tuple()}".encode())
        digest.update(self.code)
        return f"symsched_code_{digest.hexdigest()[:40]}.bin"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, or None where there is none that can be trusted."""
        target_context.refresh()
        if not self.enabled:
            return None
        name = self.entry(sig, target_context.codegen())
        payload = _opened(name, store.read(name))
        if payload is None:
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:  # made by this very version: whatever Numba has against it, compiling anew is right
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if Numba can restore it and there is room."""
        if not self.enabled or data.library.has_dynamic_globals or any(not x.can_cache for x in data.lifted):
            return
        name = self.entry(sig, data.codegen)
        store.write(name, _sealed(name, dumps(data._reduce())))


def _sealed(name: str, payload: bytes) -> bytes:
    """The payload behind a hash of itself and of the name: an entry under another's name is no entry."""
    return hashlib.sha256(name.encode() + payload).hexdigest().encode() + payload


def _opened(name: str, content: bytes | None) -> bytes | None:
    if content is None:
        return None
    payload = content[_DIGEST:]
    return payload if content == _sealed(name, payload) else None


def compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`njit` with these options, its results kept here."""

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = njit(**options)(function)
        dispatcher._cache = MachineCode(function)
        return dispatcher

    return compiled
