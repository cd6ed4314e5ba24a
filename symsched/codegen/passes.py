"""How many steps the Newton inverse takes, proved with balls: for every noise level of a source, rounding aside.

In z = logit s a source is F(z) = `place` at log r(s).  What is solved is F(z) = F(z*), from z₀ = F(z*).  Balls on the
cells of a grid bound F' = λ s (1 − s) d(place)/d(log r), F'' and s(1 − s) λ'/λ.  For z* in a piece, e_k = z_k − z* is
bounded by the mean value theorem, with

    dz_{k+1}/dz* = F'(z*)/F'(z_k) + (F(z_k) − F(z*)) F''(z_k)/F'(z_k)² dz_k/dz*,

and by |e_{k+1}| ≤ ½ sup|F''|/inf F' e_k² over all between z* and z_k.  A piece is cut in two until no step is farther
from z* than the one before, so that the guard never bisects, and the N-th step moves by less than 10⁻⁶, after which
the loop ends.  For the two steps on s itself, with δ the error of s relative to s(1 − s), δ' ≤ ½ sup|s(1 − s) λ'/λ| δ²
(times 1 + O(δ)).

Not covered: s or 1 − s below 10^-50, or so close to a truncated end that log r is within 2^-36 of its value there; and
rounding, whose size `benchmarks/codegen_pairs.py` measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from flint import arb

from symsched.codegen.newton import STEPS, Inverse
from symsched.codegen.stable import on_arrays, with_constants, written_out
from symsched.errors import InputError
from symsched.exact import compile_tape
from symsched.precision import precision

MOVED = 1e-6  # a step that moves less is the last
LEFT = 4e-6  # the error in z is at most this, then
FULL = 2.0**-60  # a relative error that no float sees
REACH = 116  # |logit s| at most: s and 1 − s above 10^-50
MARGIN, SHORT = 12, 6  # how far steps may leave that range, and next to a truncated end
NEAREST = sp.Rational(1, 2**36)  # to log r at a truncated end
MAX_STEPS, MAX_CUTS, MAX_PIECES = 8, 5, 20_000
MAX_OPERATIONS = 2000  # of s(1 − s) F'': a proof for a longer one would take minutes
SPREAD = 40.0  # of F' between a step and the root
BITS = 320  # e^-128 and what is added to 1
SLACK = 1e-9  # for all that is rounded here in floats
INNER = 32  # where cells are small
SPARE = 2  # steps more than were seen to be needed
LEVELS = np.concatenate([np.linspace(-600, 600, 601), np.linspace(-40, 40, 801), np.linspace(-6, 6, 601)])
s, left, log_r = sp.Symbol("s"), sp.Symbol("left"), sp.Symbol("log_r")


@dataclass(frozen=True)
class Passes:
    """Passes through the loop, proved for low ≤ logit τ ≤ high; the error of τ relative to τ(1 − τ) after the last two
    steps; pieces of the proof."""

    count: int
    low: float
    high: float
    error: float
    pieces: int


class _TooWideError(Exception):
    """A piece on which the bounds say too little."""


def _need(known: bool) -> None:
    if not known:
        raise _TooWideError


@lru_cache(maxsize=64)
def prove(inverse: Inverse, finest: int = 128) -> Passes | None:
    """The number of steps of an inverse without open parameters; None where no proof is found."""
    if not inverse.is_known:
        return None
    cells = 64
    while cells <= finest:
        try:
            with precision(BITS):
                return _over(_Source(inverse, cells))
        except (InputError, _TooWideError, ZeroDivisionError, ValueError, OverflowError):
            cells *= 2
    return None


def _over(source: _Source) -> Passes:
    low, high = source.reach
    waiting = [(a, b, 0) for a, b in zip(source.edges, source.edges[1:], strict=False) if a >= low and b <= high]
    count, error, pieces = 0, 0.0, 0
    while waiting:
        a, b, cuts = waiting.pop()
        pieces += 1
        _need(pieces <= MAX_PIECES)
        try:
            found, rest = _piece(source, a, b)
            count, error = max(count, found), max(error, rest)
        except _TooWideError:
            _need(cuts < MAX_CUTS)
            waiting += [(a, (a + b) / 2, cuts + 1), ((a + b) / 2, b, cuts + 1)]
    return Passes(count, low, high, error, pieces)


def _piece(source: _Source, a: float, b: float) -> tuple[int, float]:
    """Steps, and what the two after them leave, for z* in [a, b]."""
    middle, radius = (a + b) / 2, (b - a) / 2
    slope = source.slope(a, b)
    goal = source.place(middle)
    at, moves = goal, slope  # z_k for z* in the middle, and dz_k/dz*
    low, high = _error(at, middle, moves, radius)
    before = max(-low, high)
    for step in range(1, MAX_STEPS):
        places = min(a, a + low), max(b, b + high)
        rate = source.contraction(*places)
        near = a + low, b + high
        steep, bend = source.slope(*near), source.second(*near)
        gap = source.slope(*places)[1] * before
        wander = gap * bend / steep[0] ** 2 * max(abs(moves[0]), abs(moves[1]))
        moves = slope[0] / steep[1] - wander - SLACK, slope[1] / steep[0] + wander + SLACK
        at = at - (source.place(at) - goal) / source.steep(at)
        least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
        low, high = _error(at, middle, moves, radius)
        after = max(-low, high)
        if rate * before < 1:
            after = min(after, rate * before**2 + 1e-18)
            low, high = max(low, -after), min(high, after)
        safe = rate * before <= 0.5 or least - after > MOVED  # nearer than before; and no end of the loop far away
        _need(safe)
        if before + after < MOVED:
            return step, source.polished(a, b)
        before = after
    raise _TooWideError


def _error(at: float, middle: float, moves: tuple[float, float], radius: float) -> tuple[float, float]:
    """z_k − z* over a piece, by its slope."""
    size = max(abs(moves[0] - 1), abs(moves[1] - 1)) * radius + SLACK * max(1.0, abs(at))
    return at - middle - size, at - middle + size


class _Source:
    """Bounds of F', F'' and s(1 − s) λ'/λ on a grid, and F itself."""

    def __init__(self, inverse: Inverse, cells: int) -> None:
        ratio, pace = (_without_tan(written_out(form)) for form in (inverse.ratio, inverse.pace))
        level = sp.log(ratio)
        far = {symbol: form.subs(log_r, level) for symbol, form in inverse.distances}
        place = written_out(inverse.place).subs(far).subs(log_r, level)
        slope = pace * written_out(inverse.slope).subs(far) * s * left
        second = s * left * _by_s(slope)
        _need(second.count_ops() <= MAX_OPERATIONS)
        self._place, self._slope, self._second = map(_at, (place, slope, second))
        self._third = _at(s * left * _by_s(second))
        self._bent = _at(s * left * _by_s(pace) / (2 * pace))
        low, high = self._limits(inverse, list(far.values()))
        margins = [SHORT if end in inverse.ends else MARGIN for end in (0, 1)]
        self.reach = low + margins[0], high - margins[1]
        self.edges = _grid(low, high, cells)
        bounds = [self._on_cell(a, b) for a, b in zip(self.edges, self.edges[1:], strict=False)]
        self.slopes_low, self.slopes_high, self.seconds, self.bends = (
            np.array(row) for row in zip(*bounds, strict=True)
        )
        rises = np.diff([self.place(z) for z in self.edges]) / np.diff(self.edges)
        _need(bool(((rises > self.slopes_low) & (rises < self.slopes_high) & (self.slopes_low > 0)).all()))

    @staticmethod
    def _limits(inverse: Inverse, distances: list[sp.Expr]) -> tuple[int, int]:
        """Between these no emitted distance from a truncated end is cut off."""
        bounds = [-REACH - MARGIN, REACH + MARGIN]
        for end, distance in zip(inverse.ends, distances, strict=True):
            beyond = _at(distance - NEAREST)
            inwards = range(bounds[0], 0) if end == 0 else range(bounds[1], 0, -1)
            bounds[end] = next(z for z in inwards if beyond(arb(z)) > 0)
        return bounds[0], bounds[1]

    def _on_cell(self, a: float, b: float) -> tuple[float, float, float, float]:
        where, middle = arb(a).union(arb(b)), arb((a + b) / 2)
        second = self._second(middle) + self._third(where) * (where - middle)
        slope = self._slope(middle) + second * (where - middle)
        bound = [slope.lower(), slope.upper(), second.abs_upper(), self._bent(where).abs_upper()]
        _need(slope.is_finite() and second.is_finite() and bound[3].is_finite())
        return float(bound[0]) - SLACK, float(bound[1]) + SLACK, float(bound[2]) + SLACK, float(bound[3]) + SLACK

    def _cells(self, a: float, b: float) -> slice:
        _need(self.edges[0] <= a <= b <= self.edges[-1])
        first, last = np.searchsorted(self.edges, [a, b])
        return slice(max(int(first) - 1, 0), max(int(last), 1))

    def place(self, z: float) -> float:
        """F."""
        return float(self._place(arb(z)))

    def steep(self, z: float) -> float:
        """F' at one place."""
        return float(self._slope(arb(z)))

    def slope(self, a: float, b: float) -> tuple[float, float]:
        """The least and the largest F'."""
        cells = self._cells(a, b)
        return float(self.slopes_low[cells].min()), float(self.slopes_high[cells].max())

    def second(self, a: float, b: float) -> float:
        """sup |F''|."""
        return float(self.seconds[self._cells(a, b)].max())

    def contraction(self, a: float, b: float) -> float:
        """½ sup|F''|/inf F'; infinite where a small step would not mean a small error."""
        low, high = self.slope(a, b)
        rate = self.second(a, b) / (2 * low)
        return rate if high < SPREAD * low and rate < SPREAD else math.inf

    def polished(self, a: float, b: float) -> float:
        """The error of τ relative to τ(1 − τ) after the two last steps."""
        rate, error = float(self.bends[self._cells(a - LEFT, b + LEFT)].max()), LEFT
        for _ in range(2):
            error = rate * error**2 * math.exp(4 * (rate + 1) * error) * (1 + SLACK)
            _need(error < LEFT)
        _need(error < FULL)
        return error


def _grid(low: int, high: int, cells: int) -> np.ndarray:
    """`cells` to the unit in the middle, a quarter of that beyond."""
    inner = np.arange(max(low, -INNER), min(high, INNER) + 1 / cells, 1 / cells)
    outer = np.arange(INNER, REACH + MARGIN + 1, 4 / cells)
    found = np.unique(np.concatenate([inner, outer, -outer]))
    return found[(found >= low) & (found <= high)]


def _by_s(form: sp.Expr) -> sp.Expr:
    return form.diff(s) - form.diff(left)


def _without_tan(form: sp.Expr) -> sp.Expr:
    """1/tan x, which is 0 where tan x has a pole, as cos x/sin x."""
    return form.replace(sp.tan, lambda x: sp.sin(x) / sp.cos(x))


def _at(form: sp.Expr) -> Callable[[arb], arb]:
    """A form in s and 1 − s as a function of z = logit s; its constants are computed once."""
    held: dict[sp.Expr, sp.Symbol] = {}
    lettered = with_constants(form, lambda c: held.setdefault(c, sp.Dummy(f"c{len(held)}")))
    tape = compile_tape((lettered,), (s, left, *held.values()))
    constants = [compile_tape((constant,), ()).run([])[0] for constant in held]
    return lambda z: tape.run([1 / (1 + (-z).exp()), 1 / (1 + z.exp()), *constants])[0]


# -- counted, where no proof is found ---------------------------------------------------------------------------


def steps_needed(
    ratio: sp.Expr, step: sp.Expr, place: sp.Expr, distances: Sequence[tuple[sp.Symbol, sp.Expr]], most: int
) -> int:
    """The steps after which the slowest of `LEVELS` (as logit τ) has moved less than 10⁻⁶, and `SPARE`; ≤ `most`.

    `step` is dz/d(place); a source that needs bisections gets `most`."""

    def at(z: Any) -> Mapping[str, Any]:
        values: dict[str, Any] = {"s": 1 / (1 + np.exp(-z)), "left": 1 / (1 + np.exp(z))}
        values["log_r"] = np.log(on_arrays(ratio, values) + 0 * z)
        for symbol, form in distances:
            values[symbol.name] = np.maximum(on_arrays(form, values), 64 * 2.0**-52)
        return values

    with np.errstate(all="ignore"):
        z = goal = on_arrays(place, at(LEVELS)) + 0 * LEVELS
        for count in range(most - SPARE):
            values = at(z)
            moved = z - (on_arrays(place, values) - goal) * on_arrays(step, values)
            if np.all(np.abs(moved - z) < 1e-6):
                return count + SPARE
            z = moved
    return most


@lru_cache(maxsize=64)
def counted(inverse: Inverse) -> int:
    """Steps that the source was seen to need, and two more; all, where its parameters are open.

    Where it is truncated floats may never settle, next to the end: then all as well."""
    step = 1 / (inverse.pace * inverse.slope * s * left)
    return steps_needed(inverse.ratio, step, inverse.place, inverse.distances, STEPS) if inverse.is_known else STEPS


def unrolled(inverse: Inverse) -> int:
    """Steps of a loop that does not ask whether it is done: as many as are proved, or were seen, to be needed."""
    proved = prove(inverse)
    return counted(inverse) if proved is None else proved.count + SPARE
