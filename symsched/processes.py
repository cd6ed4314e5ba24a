"""Processes for symbolic work, which holds one core each; none of them outlives the process that asked for them."""

from __future__ import annotations

import gc
import os
import signal
import sys
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

from symsched.ceiling import lift

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ProcessPoolExecutor

#: Packages whose threads Python does not count, and whose locks a fork would copy as they stand.
THREADED = ("jax",)
SELDOM = 200_000  # objects made between two looks for cycles; Python's 700 cost a twentieth of the time


class Inline(Executor):
    """Runs each task at once, in this process and thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done; what the task raises is raised here."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def fresh(count: int, preload: str, tasks_per_child: int | None = None) -> ProcessPoolExecutor:
    """Processes that remember nothing of this one; on Linux they start with the module `preload` already imported.

    With `tasks_per_child=1` none remembers a task before its own.  A script that gets here needs the usual
    `if __name__ == "__main__":`, because they import it.
    """
    import multiprocessing

    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([preload])
    return _crew(count, context, apart=tasks_per_child is not None)


def quick(count: int, preload: str) -> ProcessPoolExecutor:
    """Processes that share what is imported and known here, by a fork; `fresh` ones where a fork could deadlock.

    They give way to this one, which compiles and simulates meanwhile on one core and is the last to be done.
    """
    import multiprocessing
    import threading

    if sys.platform != "linux" or threading.active_count() > 1 or any(name in sys.modules for name in THREADED):
        return fresh(count, preload)
    return _crew(count, multiprocessing.get_context("fork"), apart=False, niceness=5)


def _crew(count: int, context: Any, *, apart: bool, niceness: int = 0) -> ProcessPoolExecutor:
    """On Linux each task `apart` gets a fork of a process that has done nothing.

    A process that ends after one task, as `max_tasks_per_child` has it, may in Python 3.11 be gone before its pool has
    put its number down: a KeyError in the pool's thread, after which nobody is answered.
    """
    from concurrent.futures import ProcessPoolExecutor

    forks = apart and sys.platform == "linux"

    class Crew(ProcessPoolExecutor):
        """A pool that, left by an error or an interrupt, ends its processes instead of waiting for their work."""

        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            if forks:
                return super().submit(_apart, function, *args, **kwargs)
            return super().submit(function, *args, **kwargs)

        def __exit__(self, kind: Any, value: Any, trace: Any) -> bool | None:
            if kind is not None:
                for process in list((self._processes or {}).values()):
                    process.kill()
                self.shutdown(wait=False, cancel_futures=True)
            return super().__exit__(kind, value, trace)

    return Crew(max(count, 1), context, _enter, (niceness,), max_tasks_per_child=1 if apart and not forks else None)


def _apart(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What the function gives, or raises, in a fork of this process that ends with it."""
    import pickle

    reader, writer = os.pipe()
    asker = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent(asker)
            os.close(reader)
            answer = _answer(function, args, kwargs)
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(answer)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        value, error = pickle.loads(said)
    except (EOFError, pickle.UnpicklingError):
        raise RuntimeError(f"a process ended before its task did ({status})") from None
    if error is not None:
        raise error
    return value


def _answer(function: Callable[..., Any], args: Any, kwargs: Any) -> bytes:
    """(value, None) or (None, error), pickled."""
    import pickle

    try:
        return pickle.dumps((function(*args, **kwargs), None))
    except Exception as error:
        try:
            return pickle.dumps((None, error))
        except Exception:
            return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))


def _enter(niceness: int) -> None:
    """What a process of a crew does first: it leaves Ctrl-C, which the terminal sends to all, to the one that waits
    for it, and it ends when that one ends.  Its tasks are whole theorems, which take their time, and make many
    expressions and hardly a cycle: the collector seldom looks, and never at what was there before."""
    lift()
    gc.freeze()
    gc.set_threshold(SELDOM, 20, 20)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    die_with_parent(os.getppid())
    _die_with_asker()
    if niceness:
        os.nice(niceness)


def die_with_parent(parent: int) -> None:
    """Have the kernel (of Linux) kill this process when `parent`, which started it, ends, however it ends."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before it was asked
            os._exit(1)


def _die_with_asker() -> None:
    """The same for the process that asked for this one, which need not be its parent: a pipe from it closes.

    On Linux the kernel tells by a signal that ends this process whatever it does; elsewhere a thread waits for it.
    """
    import multiprocessing
    import select

    asker = multiprocessing.parent_process()
    if asker is None:
        return
    if sys.platform == "linux":
        import fcntl

        pipe = asker.sentinel
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([pipe], [], [], 0)[0]:
            os._exit(1)
    else:
        import threading

        threading.Thread(target=lambda: (asker.join(), os._exit(1)), daemon=True).start()
