"""A ceiling on the work of a call that may run away.

Some computer algebra has no useful bound in the size of its input: limits, factorisation, cancellation over many
generators.  Where such a call is made on a user's formula, it gets a budget of Python function calls.  That counts
work, not seconds, so the outcome does not depend on how busy the machine is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class _SpentError(BaseException):
    """Not an Exception: no handler inside the call may swallow it."""


class _Meter:
    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call":
            self.left -= 1
            if self.left < 0 and _may_raise(frame):
                raise _SpentError(self)


def _may_raise(frame: FrameType) -> bool:
    """Not in a generator being closed or in the callback of a weak reference: Python would swallow the error there,
    and with it the ceiling."""
    return not frame.f_code.co_flags & CO_GENERATOR and frame.f_globals.get("__name__", "") not in ("weakref", "abc")


def within(calls: int, compute: Callable[[], T]) -> T | None:
    """The result of `compute`, or None when it made more than `calls` function calls (a million take about 3 s).

    Counting slows the call down some five times: use this on the last resort, not on the common route.  A budget
    inside another is no larger than what the other has left, and is charged to it.  Under a profiler, whose hook is
    the one needed here, there is no ceiling.
    """
    outer = sys.getprofile()
    if outer is not None and not isinstance(outer, _Meter):
        return compute()
    meter = _Meter(calls if outer is None else min(calls, outer.left))
    granted = meter.left
    sys.setprofile(meter)
    try:
        return compute()
    except _SpentError as spent:
        if spent.args[0] is not meter:
            raise
        return None
    finally:
        sys.setprofile(outer)
        if outer is not None:
            outer.left -= granted - max(meter.left, 0)
