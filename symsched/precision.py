"""One thread at a time does algebra, at a precision that nobody else can change under it.

flint keeps its working precision, and mpmath (and so SymPy's `evalf`) its own, in one place for the whole process.  A
thread that raised it for a while would raise it for all; the next would lower it again in the middle of a bound that
was meant to be rigorous.  Python threads cannot do algebra at the same time anyway, so they take turns: the lock here
is held wherever the precision is set, and by every public door behind which formulas are worked on.  Compiled
simulations run outside it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from functools import partial, wraps
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

import mpmath
from flint import ctx

from symsched.ceiling import bounded

P = ParamSpec("P")
T = TypeVar("T")

#: What both libraries start with: bits of flint, terms of its series, bits of mpmath.
USUAL = 53, 10, 53


class _Lock:
    """The lock, and how often the thread that holds it has entered."""

    def __init__(self) -> None:
        self.held, self.depth = threading.RLock(), 0


_lock = _Lock()


def _renew() -> None:
    """A forked process must not inherit a lock held by a thread that it does not have."""
    global _lock
    _lock = _Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


class turn:  # noqa: N801 - used like a function, as are the others here
    """Wait for this thread's turn, and keep it: `with turn(): …`.

    The outermost starts from the usual precisions, whatever was in force before, and puts back what was."""

    def __enter__(self) -> None:
        self._lock = _lock
        self._lock.held.acquire()
        self._found = in_force()
        self._lock.depth += 1
        self._depth = self._lock.depth
        if self._depth == 1 and self._found != USUAL:
            ctx.prec, ctx.cap, mpmath.mp.prec = USUAL

    def __exit__(self, *_: object) -> None:
        if in_force() != self._found:
            ctx.prec, ctx.cap, mpmath.mp.prec = self._found
        # A door that is interrupted from outside may not have left the turns inside this one.
        if self._depth == 1:
            self._lock.depth = 0
            self._lock.held._release_save()  # type: ignore[attr-defined]
            return
        while self._lock.depth >= self._depth:
            self._lock.depth -= 1
            self._lock.held.release()


class precision(turn):  # noqa: N801
    """Work with `bits` bits in flint, and `terms` terms in its power series (by default, as many as before)."""

    def __init__(self, bits: int, terms: int | None = None) -> None:
        self._wanted = bits, terms

    def __enter__(self) -> None:
        super().__enter__()
        bits, terms = self._wanted
        ctx.prec, ctx.cap = bits, ctx.cap if terms is None else terms


class digits(turn):  # noqa: N801
    """Work with this many decimal digits in mpmath."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> None:
        super().__enter__()
        mpmath.mp.dps = self._count


def working_bits() -> int:
    """The precision in force, in bits."""
    return int(ctx.prec)


def in_force() -> tuple[int, int, int]:
    """Bits of flint, terms of its series, bits of mpmath; `USUAL` outside of all turns."""
    return ctx.prec, ctx.cap, mpmath.mp.prec


class cached_property(functools.cached_property[T]):  # noqa: N801
    """functools' without its lock, which Python 3.11 holds, one for all instances, while it computes.

    A thread that has it and waits for its turn, and the one whose turn it is and that needs the property, would wait
    for each other for ever.  Two threads may compute the same; the first to be done decides for both."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        kept, name = vars(instance), cast(str, self.attrname)
        return kept[name] if name in kept else kept.setdefault(name, self.func(instance))


def alone(door: Callable[P, T]) -> Callable[P, T]:
    """A function that algebra is done behind: it waits for its turn, and works no longer than `ceiling` lets it."""

    @wraps(door)
    def in_turn(*args: P.args, **kwargs: P.kwargs) -> T:
        with turn():
            if _lock.depth > 1:  # a door behind a door
                return door(*args, **kwargs)
            try:
                return bounded(partial(door, *args, **kwargs), door.__qualname__)
            finally:
                while _lock.depth > 1:  # an interrupt may leave what was entered
                    _lock.depth -= 1
                    _lock.held.release()

    return in_turn


def alone_all(house: type[T]) -> type[T]:
    """A class every public method and property of which is such a door, and its construction too."""
    for name, door in list(vars(house).items()):
        if name.startswith("_") and name != "__post_init__":
            continue
        if isinstance(door, FunctionType):
            setattr(house, name, alone(door))
        elif isinstance(door, property):
            setattr(house, name, property(alone(cast(Callable[..., Any], door.fget)), doc=door.__doc__))
        elif isinstance(door, cached_property):
            kept = cached_property(alone(door.func))
            kept.__set_name__(house, name)
            setattr(house, name, kept)
    return house
