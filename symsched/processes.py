"""Processes for symbolic work, which holds one core each."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

#: Packages whose threads Python does not count, and whose locks a fork would copy as they stand.
THREADED = ("jax",)


def fresh(count: int, preload: str, tasks_per_child: int | None = None) -> ProcessPoolExecutor:
    """Processes that remember nothing of this one; on Linux they start with the module `preload` already imported.

    A script that gets here needs the usual `if __name__ == "__main__":`, because they import it.
    """
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([preload])
    return ProcessPoolExecutor(max(count, 1), context, max_tasks_per_child=tasks_per_child)


def quick(count: int, preload: str) -> ProcessPoolExecutor:
    """Processes that share what is imported and known here, by a fork; `fresh` ones where a fork could deadlock."""
    if sys.platform != "linux" or threading.active_count() > 1 or any(name in sys.modules for name in THREADED):
        return fresh(count, preload)
    return ProcessPoolExecutor(max(count, 1), multiprocessing.get_context("fork"))
