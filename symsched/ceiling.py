"""A ceiling on what one call from a program may work: below every budget, a net that holds for all of Python.

Budgets (see `symsched.exact.budget`) stop the calls that are known to run away, and the same formula is stopped at the
same point always.  What is not known to run away ends here: a thread that has worked behind one door for `SECONDS` of
its own processor time is interrupted, under a profiler and beside other threads too, and the door says so.  Nothing is
answered otherwise than it would have been; it is answered, or refused.

The thread that looks after this exists while there is something to look after.  A single call into a library in C
cannot be interrupted; what is too large for one is refused by its size.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from symsched.errors import UndecidedError

T = TypeVar("T")

SECONDS = 60.0
TICK = 0.5
IDLE_TICKS = 4


class _TooLongError(BaseException):
    """Raised from outside; not an Exception: no handler on the way may swallow it."""


class _Work:
    """What one thread does behind a door."""

    def __init__(self, seconds: float) -> None:
        self.thread, self.seconds = _thread.get_ident(), seconds
        self.clock = time.pthread_getcpuclockid(self.thread)
        self.until = time.clock_gettime(self.clock) + seconds
        self.told = False


# One door is open at a time: `symsched.precision` sees to that.
_gate = _thread.allocate_lock()
_now: _Work | None = None
_looking = False
_lifted = 0


def bounded(door: Callable[[], T], name: str) -> T:
    """What the door gives, within the ceiling; doors behind this one are under the same.

    Raises:
        UndecidedError: it worked for longer.
    """
    if _now is not None or _lifted or not hasattr(time, "pthread_getcpuclockid"):
        return door()
    work = _begin()
    hooks = sys.getprofile(), sys.gettrace()
    try:
        return door()
    except _TooLongError:
        _end(work)
        if sys.getprofile() is not hooks[0] or sys.gettrace() is not hooks[1]:
            sys.setprofile(hooks[0])
            sys.settrace(hooks[1])
        wrong = f"{name}: more than {work.seconds:.3g} s of a processor were needed"
        raise UndecidedError(f"{wrong}; give a simpler formula") from None
    finally:
        _end(work)


@contextmanager
def lifted() -> Iterator[None]:
    """No ceiling here: theorems, whose authors can wait."""
    global _lifted
    _lifted += 1
    try:
        yield
    finally:
        _lifted -= 1


def lift() -> None:
    """No ceiling in this process from here on."""
    global _lifted
    _lifted += 1


def _begin() -> _Work:
    global _now, _looking
    work = _Work(_seconds())
    with _gate:
        _now = work
        if not _looking:
            _looking = True
            _thread.start_new_thread(_look_after, ())
    return work


def _seconds() -> float:
    try:
        given = float(os.environ.get("SYMSCHED_SECONDS", ""))
    except ValueError:
        return SECONDS
    return given if 0 < given < 1e9 else SECONDS


def _end(work: _Work) -> None:
    global _now
    with _gate:
        if _now is work:
            _now = None
    if work.told:  # one more may be on its way: let it arrive here, not in the code of whoever asked
        with suppress(_TooLongError):
            for _ in range(100):
                pass


def _look_after() -> None:
    global _looking
    idle = 0
    while True:
        time.sleep(TICK)
        with _gate:
            idle = idle + 1 if _now is None else 0
            if idle > IDLE_TICKS:
                _looking = False
                return
            if _now is not None and time.clock_gettime(_now.clock) > _now.until:
                _now.told = True  # and again at the next tick, if a callback from C swallowed it
                error = ctypes.py_object(_TooLongError)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(_now.thread), error)


def _renew() -> None:
    """A forked process has neither the thread that looked after this, nor the work."""
    global _gate, _now, _looking
    _gate, _now, _looking = _thread.allocate_lock(), None, False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
