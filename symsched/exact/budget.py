"""A ceiling on the work of a call that may run away.

Some computer algebra has no useful bound in the size of its input: limits, factorisation, cancellation over many
generators.  Where such a call is made on a user's formula, it gets a budget of Python function calls.  That counts
work, not seconds, so the outcome does not depend on how busy the machine is.

Nor does it depend on what was asked before.  What SymPy and this library remember makes work cheaper, and a budget
last longer; so a metered call starts from nothing remembered, and with SymPy's random numbers from a fixed seed.
What was cut off is never remembered, only whole answers are.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any, ParamSpec, TypeVar, cast

from sympy.core import random as sympy_random
from sympy.core.cache import clear_cache

from symsched.precision import turn

T = TypeVar("T")
P = ParamSpec("P")

#: Calls for what must be put back on the way out; who swallows the error altogether is stopped again after as many.
GRACE = 1000


class _SpentError(BaseException):
    """Not an Exception: no handler inside the call may swallow it."""


class _Meter:
    """Counts the calls of one thread; `memory` holds what `remembered` functions found under the outermost meter."""

    def __init__(self, calls: int, outer: _Meter | None) -> None:
        self.outer = outer
        self.left: int = calls if outer is None else min(calls, outer.left)
        self.cut = outer is not None and outer.left < calls  # the ceiling met first is the outer one
        self.granted, self.next_stop = self.left, 0
        self.loading: FrameType | None = None
        self.memory: dict[Hashable, Any] = {} if outer is None else outer.memory

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if self.loading is not None:  # SymPy imports much on first use, which is nobody's work
            self.loading = None if frame is self.loading and event == "return" else self.loading
        elif event == "call" and frame.f_code.co_name == "<module>":
            self.loading = frame
            return self  # as a trace hook, to be told of its return
        elif event == "call":
            self.left -= 1
            if self.left < self.next_stop and _may_raise(frame):
                self.next_stop = self.left - GRACE
                raise _SpentError(self)
        return None


class _Now(threading.local):
    meter: _Meter | None = None


_now = _Now()


def _may_raise(frame: FrameType) -> bool:
    """Not where Python would swallow the error, in a generator being closed or in the callback of a weak reference;
    and not on the way into or out of a `with`, where what was taken or changed for a while would stay so for ever."""
    if frame.f_code.co_flags & CO_GENERATOR or frame.f_globals.get("__name__", "") in ("weakref", "abc"):
        return False
    above: FrameType | None = frame
    while above is not None and above.f_code is not within.__code__:
        if above.f_code.co_name in ("__enter__", "__exit__", "__del__"):
            return False
        above = above.f_back
    return True


def within(calls: int, compute: Callable[[], T]) -> T | None:
    """The result of `compute`, or None when it made more than `calls` function calls (a million take about 3 s).

    Counting slows the call down some three times: use this on the last resort, not on the common route.  A budget
    inside another is no larger than what the other has left, and is charged to it; when the other is what ran out,
    both end.  The count is this thread's own.  A profiler keeps its hook, and sees nothing of the call.
    """
    outer = _now.meter
    meter = _Meter(calls, outer)
    _now.meter = meter
    try:
        with turn(), _forgetful(outer is None), _counting(meter):
            return compute()
    except _SpentError as spent:
        if spent.args[0] is not meter:
            raise
        if meter.cut:
            raise _SpentError(outer) from None
        return None
    finally:
        _now.meter = outer
        if outer is not None:
            outer.left -= meter.granted - max(meter.left, 0)


@contextmanager
def _counting(meter: _Meter) -> Iterator[None]:
    """The meter as this thread's profile hook; as its trace hook where a profiler, which may be written in C and
    cannot be put back, has the other."""
    before = sys.getprofile()
    free = before is None or isinstance(before, _Meter)
    get: Callable[[], Any] = sys.getprofile if free else sys.gettrace
    put: Callable[[Any], None] = sys.setprofile if free else sys.settrace
    kept = get()
    put(meter)
    try:
        yield
    finally:
        put(kept)


@contextmanager
def _forgetful(outermost: bool) -> Iterator[None]:
    """Nothing remembered, and no chance: SymPy asks for properties in an order that it draws at random."""
    if not outermost:
        yield
        return
    sources = [getattr(sympy_random, name) for name in ("rng", "_assumptions_rng")]
    states = [source.getstate() for source in sources]
    clear_cache()
    sympy_random.seed(0)
    try:
        yield
    finally:
        for source, state in zip(sources, states, strict=True):
            source.setstate(state)


def remembered(maxsize: int | None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`lru_cache` for functions that are asked inside budgets too: there they remember no more than the budget's own,
    so that its length is the same whatever was asked before."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        kept = lru_cache(maxsize)(function)

        @wraps(function)
        def ask(*args: P.args, **kwargs: P.kwargs) -> T:
            if _now.meter is None:
                return kept(*args, **cast(Any, kwargs))
            memory, key = _now.meter.memory, (function, args, tuple(sorted(kwargs.items())))
            if key not in memory:
                memory[key] = function(*args, **kwargs)
            return cast(T, memory[key])

        return ask

    return decorate
