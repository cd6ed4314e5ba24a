"""What a module must return: reference values at 50 digits, at times from one end of (0, 1) to the other.

Each comes with the size that its error is measured by: the value, or min(t, 1 − t)|f′| where that is larger, since
there moving t by a rounding changes the value as much.  So no time is left out for being next to a zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import arb

from symsched.codegen.program import Output, Routine
from symsched.codegen.quantities import TAU, TIME, Brief, explicit, source_time
from symsched.codegen.sampler_steps import PAIRS, rounding_of, trial_values
from symsched.codegen.stable import SMALLEST, is_exact
from symsched.errors import InputError, UndecidedError
from symsched.exact import Tape, compile_tape, to_ball
from symsched.precision import precision
from symsched.schedule import Schedule
from symsched.symbols import kappa, t

SUBNORMAL = 5e-324  # counts as 0
FIRST, LAST = 1e-300, 1 - 2.0**-53
TIMES = (FIRST, 1e-12, 0.0625, 0.25, 0.5, 0.75, 0.9375, 1 - 2.0**-40, LAST)
BITS, BITS_NEXT_TO_0 = 700, 2800
DIGITS = 50
LARGEST = arb(2) ** 1024
FLOOR = 1e-280  # a smaller value may be off by units of this one: 0 is as good as 10^-300
WORST = 10_000  # ulps: nothing that loses more is emitted


@dataclass(frozen=True)
class Value:
    """The digits of a value, "inf" among them, and what its error is measured by where that is more than itself."""

    text: str
    size: float = 0.0

    @property
    def number(self) -> float:
        return float(self.text)

    @property
    def measure(self) -> float:
        return max(abs(self.number), self.size)

    def literal(self, infinity: str) -> str:
        """The digits for a compiler, which takes none that denote no double: t² at 1e-300 is 0 to it."""
        if self.number == 0:
            return "0.0"
        return ("-" if self.number < 0 else "") + infinity if math.isinf(self.number) else self.text

    @property
    def shown_size(self) -> float:
        """The size to three digits, for a self-test."""
        return float(f"{self.size:.2e}")


@dataclass(frozen=True)
class Reference:
    """What `function` must return at `time`, with errors up to `ulps`; None where no limit was found."""

    function: str
    arguments: tuple[float, ...]
    ulps: int
    expected: tuple[Value | None, ...]


def references(brief: Brief, functions: Iterable[Routine], steps: Iterable[Routine]) -> Iterator[Reference]:
    """All reference values of a brief."""
    for routine in functions:
        given = trial_values(routine)
        bound, inexact = max(o.quantity.bound for o in routine.outputs), _inexact_exponents(routine)
        times = (0.0, SUBNORMAL, *_times(routine), 1.0)
        if brief.source_eps is not None and routine.name.startswith("drift"):
            # Beside a given ε terms cancel next to the ends, to 2⁻⁵² of the terms, not of what is left of them.
            times = tuple(time for time in times if 1e-3 < time < 1 - 1e-3)
        for time in times:
            expected = tuple(_value(brief, output, time, given) for output in routine.outputs)
            ulps = _allowed(bound + inexact * _logarithm(time))
            yield Reference(routine.name, (time, *(float(v) for v in given.values())), ulps, expected)
    for routine in steps:
        yield from step_references(routine)


def _allowed(bound: float) -> int:
    return 4 + int(min(bound, WORST))


def _inexact_exponents(routine: Routine) -> float:
    """2Σ|p| over the powers whose exponent p is no float: half a unit in it moves t^p by |p log t|/2 units, and of
    what is made of such powers squares are taken."""
    powers = set().union(*(form.atoms(sp.Pow) for _, form in routine.lines))
    exponents = [p.exp for p in powers if p.exp.is_Rational and p.exp.q > 2 and not is_exact(p.exp)]
    return 2 * float(sum(map(abs, exponents)))


def _logarithm(time: float) -> float:
    """|log d|/2 for the distance d to the nearer end, where it counts."""
    near = min(time, 1 - time)
    return -math.log(near) / 2 if SUBNORMAL < near < 1e-3 else 0.0


def _times(routine: Routine) -> tuple[float, ...]:
    """Interior times, drawn together into what a truncated source covers."""
    if routine.covered is None:
        return TIMES
    low, high = routine.covered
    inside = dict.fromkeys(low + (high - low) * time for time in TIMES)
    return tuple(time for time in inside if low < time < high)


def _value(brief: Brief, output: Output, time: float, given: dict[str, sp.Rational]) -> Value | None:
    if time in (0.0, SUBNORMAL, 1.0):
        text = _limit(output.quantity.ends[int(time)], given)
        return None if text is None else Value(text)
    exact, levels = output.quantity.exact, (brief.target.alpha, brief.target.beta)
    try:
        if exact.has(TIME) and exact not in (TIME, 1 - TIME):
            tau, _ = evaluate(brief, TIME, time, given)
            if not (tau > SMALLEST and 1 - tau > SMALLEST):
                return None  # τ or 1 − τ is 0 to the machine, and nothing is promised of the rest
        value, slope = evaluate(brief, exact, time, given)
        if abs(value) > LARGEST and any(not abs(evaluate(brief, e, time, given)[0]) > SMALLEST for e in levels):
            return None  # α or β is 0 to the machine, and nothing is promised of what is infinite
    except (InputError, UndecidedError):
        return None
    return measured(value, abs(slope) * min(time, 1 - time))


def measured(value: arb, moves: arb) -> Value | None:
    """A ball as a value, `moves` being how much it changes where t does by a factor; None where digits are missing."""
    if abs(value) > LARGEST:  # no float is that large
        return Value("inf" if value > 0 else "-inf")
    if not value.is_finite() or not (moves.is_finite() or moves > 0):
        return None
    small = abs(value) < SMALLEST
    if (value.rel_accuracy_bits() < 60 and not small) or abs(value) > LARGEST / 2:
        return None
    size = float(moves.mid()) if moves.is_finite() and moves > abs(value) else 0.0
    return Value(digits(value), max(size, FLOOR) if abs(value) < FLOOR and value != 0 else size)


def step_references(routine: Routine) -> Iterator[Reference]:
    """Reference values of a step from t to t_next, with the bound of its own rounding there."""
    given = trial_values(routine)
    exacts = [o.quantity.exact for o in routine.outputs]
    symbols = sorted(set().union(*(e.free_symbols for e in exacts)), key=str)
    if any(e.has(TIME) for e in exacts):
        return
    for pair in PAIRS:
        at = {**given, "t": sp.Rational(pair[0]), "t_next": sp.Rational(pair[1])}
        with precision(BITS):
            values = compile_tape(tuple(exacts), tuple(symbols)).run([to_ball(at[s.name]) for s in symbols])
        expected = tuple(Value(digits(v)) if v.is_finite() else None for v in values)
        ulps = _allowed(rounding_of(routine, [pair]))
        yield Reference(routine.name, (*pair, *(float(v) for v in given.values())), ulps, expected)


def digits(value: arb) -> str:
    """50 significant digits."""
    if value.contains(0):
        return "0.0"  # hundreds of bits do not tell it from 0: it is 0
    text = value.str(DIGITS, radius=False)
    return text if "." in text or "e" in text else text + ".0"


def evaluate(brief: Brief, exact: sp.Expr, time: float, given: Mapping[str, sp.Rational]) -> tuple[arb, arb]:
    """The exact value at a float time as a narrow ball, and its slope there.

    Raises:
        InputError: the truncated source never has the ratio of the target at this time.
    """
    # A parameter that the function does not have cannot matter to it: any value serves.
    numbers = {s: given.get(s.name, sp.Rational(13, 16)) for s in (*brief.parameters, kappa)}
    pace = brief.ledger.pace if exact.has(TIME) else sp.S.Zero
    values, slopes = _compiled(exact, pace, (t, TAU, *numbers))
    with precision(BITS if time > 1e-100 else BITS_NEXT_TO_0):
        known = tuple((s, v) for s, v in numbers.items() if s != kappa)
        tau = _solved(brief.source, brief.target, time, known) if exact.has(TIME) else arb(0)
        inputs = [to_ball(sp.Rational(time)), tau, *map(to_ball, numbers.values())]
        return values.run(inputs)[0], slopes.run(inputs)[0]


@lru_cache(maxsize=1024)
def _compiled(exact: sp.Expr, pace: sp.Expr, where: tuple[sp.Symbol, ...]) -> tuple[Tape, Tape]:
    """Programs for an exact expression and its derivative in time, with the source time as a letter."""
    value, slope = (explicit(expr, pace) for expr in (exact, exact.diff(t)))
    return compile_tape((value,), where), compile_tape((slope,), where)


@lru_cache(maxsize=4096)
def _solved(source: Schedule, target: Schedule, time: float, given: tuple[tuple[sp.Symbol, sp.Rational], ...]) -> arb:
    return source_time(source, target, to_ball(sp.Rational(time)), dict(given))


def _limit(limit: sp.Expr | None, given: dict[str, sp.Rational]) -> str | None:
    if limit in (None, sp.nan):
        return None
    if isinstance(limit, sp.Piecewise):
        limit = limit.subs({s: given[s.name] for s in limit.free_symbols})
    if limit in (sp.oo, -sp.oo):
        return "inf" if limit == sp.oo else "-inf"
    symbols = sorted(limit.free_symbols, key=str)
    if limit.is_Float:
        return repr(float(limit))
    with precision(400):
        return digits(compile_tape((limit,), tuple(symbols)).run([to_ball(given[s.name]) for s in symbols])[0])
