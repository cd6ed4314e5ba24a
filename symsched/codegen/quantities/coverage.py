"""Where a conversion has a source time, and which, in balls: a truncated source does not have every noise level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import sympy as sp
from flint import arb

from symsched.errors import InputError, UndecidedError
from symsched.exact import Ball, compile_tape, end_value, sharpen, to_ball
from symsched.inversion import MonotoneInverse, R, closed_inverse
from symsched.schedule import Schedule
from symsched.symbols import t


def source_time(source: Schedule, target: Schedule, time: Ball, given: Mapping[sp.Symbol, sp.Rational]) -> Ball:
    """The ball of τ at a target time, at the working precision.

    Raises:
        InputError: the truncated source never has the ratio of the target there.
        UndecidedError: the working precision does not tell.
    """
    names, inputs = tuple(given), [time, *map(to_ball, given.values())]
    low, high, ratio = compile_tape((*reach(source), target.r), (t, *names)).run(inputs)
    if ratio < low or (high > 0 and ratio > high):
        raise InputError(f"{source} has no time at which its ratio is that of {target} there")
    inverse = closed_inverse(source)
    if inverse is None:
        return _solver(source, tuple(given.items())).solve(ratio.log())
    value = compile_tape((inverse.subs(R, target.r),), (t, *names)).run(inputs)[0]
    if not (value > 0 and value < 1):
        raise UndecidedError("this precision does not tell the source time from an end")
    return value


@lru_cache(maxsize=64)
def reach(source: Schedule) -> tuple[sp.Expr, sp.Expr]:
    """The ratios at the ends of a truncated source; (0, 0) where every ratio is reached."""
    low, high = (source.limit("r", end) for end in (0, 1))
    return low, sp.S.Zero if high == sp.oo else high


@lru_cache(maxsize=64)
def _solver(source: Schedule, given: tuple[tuple[sp.Symbol, sp.Rational], ...]) -> MonotoneInverse:
    return MonotoneInverse(source.subs(**{s.name: v for s, v in given if s in source.parameters}))


@lru_cache(maxsize=1024)
def covered(source: Schedule, target: Schedule) -> tuple[float, float] | None:
    """The target times whose ratio a truncated source reaches, rounded inwards; None when it is all of [0, 1].

    With open parameters the interval depends on them, and is not known here."""
    if source.parameters or target.parameters or reach(source) == (0, 0):
        return None
    low, high = (_time_of(source, target, end) for end in (0, 1))
    return None if (low, high) == (0.0, 1.0) else (low, high)


def _time_of(source: Schedule, target: Schedule, end: int) -> float:
    """The target time at which a source with this end has run out, or the end itself."""
    ratio, own = (end_value(s.r, end) for s in (source, target))
    within = own >= ratio * (1 - 2**-50) if end == 0 else own <= ratio * (1 + 2**-50)
    if within:
        return float(end)
    level, inverse = compile_tape((sp.log(reach(source)[end]),), ()), MonotoneInverse(target)

    def inwards() -> list[Ball]:
        time = inverse.solve(level.run([])[0])
        nearest = float(time.mid())
        inside = time < nearest if end == 0 else time > nearest
        return [arb(nearest if inside else math.nextafter(nearest, 1.0 - end))]

    return sharpen(inwards, lambda: f"where {target} leaves what {source} covers")[0]
