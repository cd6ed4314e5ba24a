"""Limits at the ends of what a conversion adds, from values in balls ever closer, and of what depends on κ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import sympy as sp

from symsched.codegen.quantities.alphabet import TAU, TIME, explicit, scale, scale_dot, tau, tau_dot
from symsched.codegen.quantities.cases import by_kappa, by_parameter
from symsched.codegen.quantities.change import Change
from symsched.codegen.quantities.coverage import source_time
from symsched.codegen.quantities.ledger import Ends, Ledger
from symsched.errors import InputError, UndecidedError
from symsched.exact import Ball, compile_tape, limit_at, sharpen, to_ball
from symsched.inversion import R, closed_inverse
from symsched.symbols import kappa, t


def add_ends(change: Change, ledger: Ledger) -> Ledger:
    """The limits of τ, c, τ̇, ċ; NaN at an end which a truncated source does not cover."""
    low, high = ledger.covered or (0.0, 1.0)
    for symbol in (tau, scale, tau_dot, scale_dot):
        form = ledger.made[symbol].form
        at_ends = [form.subs(t, 0), form.subs(t, 1)] if form.is_number or form == t else [None, None]
        for end, reached in enumerate((low == 0, high == 1)):
            if not reached:
                at_ends[end] = sp.nan
            elif at_ends[end] is None:
                at_ends[end] = _limit(change, change.exact[symbol], end)
        ledger = ledger.ending(symbol, (at_ends[0], at_ends[1]))
    return ledger


def limits(change: Change, exact: sp.Expr) -> Ends:
    """The limits of an exact expression in t and τ(t), None where they are not known."""
    return _limit(change, exact, 0), _limit(change, exact, 1)


def _limit(change: Change, exact: sp.Expr, end: int) -> sp.Expr | None:
    expr, parameters = explicit(exact, change.start.pace), change.start.parameters
    if expr.free_symbols <= {t, TAU} and not parameters:
        return _numeric_end(change, expr, end, {})
    samples = [{p: sp.Rational(n + 3 * k, 16) for k, p in enumerate(parameters)} for n in (11, 19)]
    found = {_numeric_end(change, expr, end, sample) for sample in samples}
    value = found.pop()
    simple = value in (sp.oo, -sp.oo, sp.nan) or (value is not None and value.is_Integer)
    if simple and not found:
        return value
    in_time = in_target_time(change, exact)
    try:
        return None if in_time is None else limit_at(in_time, end)
    except (InputError, UndecidedError):
        return None


def in_target_time(change: Change, exact: sp.Expr) -> sp.Expr | None:
    """An exact expression in τ(t) in t alone, where τ has a closed form."""
    inverse = closed_inverse(change.origin)
    return None if inverse is None else exact.subs(TIME, inverse.subs(R, change.target.r)).doit()


def _numeric_end(change: Change, expr: sp.Expr, end: int, given: Mapping[sp.Symbol, sp.Rational]) -> sp.Expr | None:
    def near(distance: sp.Rational) -> float:
        def compute() -> list[Ball]:
            here = to_ball(distance if end == 0 else 1 - distance)
            there = source_time(change.origin, change.target, here, given)
            return tape.run([here, there, *map(to_ball, given.values())])

        return sharpen(compute, lambda: f"{change.origin} → {change.target} near an end")[0]

    try:
        tape = compile_tape((expr,), (t, TAU, *given))
        value = numeric_limit(near)
    except InputError:
        return sp.nan
    except UndecidedError:
        return None
    if math.isinf(value):
        return sp.oo if value > 0 else -sp.oo
    short = sp.Rational(value).limit_denominator(1000)
    return short if float(short) == value else sp.Float(value, 17)


def numeric_limit(evaluate: Callable[[sp.Rational], float]) -> float:
    """lim of a function as u → 0+, from last-bit-correct values at u = 2^-200, 2^-400, 2^-600.

    An algebraic approach (error ~ u^p, p > 1/8) has then settled, vanished, or left for infinity.

    Raises:
        UndecidedError: none of these three happened.
    """
    near = [evaluate(sp.Rational(1, 2**k)) for k in (200, 400, 600)]
    if abs(near[2] - near[1]) <= 2**-48 * abs(near[1]):
        return near[2]
    if abs(near[2]) < 2**-20 * abs(near[1]) < 2**-40 * abs(near[0]):
        return 0.0
    if math.isinf(near[2]) and near[1] == near[2]:
        return near[2]  # beyond the floats at both
    if abs(near[2]) > 2**20 * abs(near[1]) > 2**40 * abs(near[0]):
        return float("inf") if near[2] > 0 else float("-inf")
    raise UndecidedError("no limit emerges from values ever closer to the end")


def settle_ends(ledger: Ledger, symbols: Iterable[sp.Symbol], in_time: Callable[[sp.Expr], sp.Expr | None]) -> Ledger:
    """Limits that depend on how large κ, or an open parameter, is."""
    for symbol in symbols:
        quantity = ledger.made[symbol]
        exact = in_time(quantity.exact) if None in quantity.ends and quantity.exact.free_symbols - {t} else None
        if exact is not None:
            ends = [_by_cases(exact, end) if e is None else e for end, e in enumerate(quantity.ends)]
            ledger = ledger.ending(symbol, (ends[0], ends[1]))
    return ledger


def _by_cases(exact: sp.Expr, end: int) -> sp.Expr | None:
    found = by_kappa(exact, end) if exact.has(kappa) else None
    return by_parameter(exact, end) if found is None else found
