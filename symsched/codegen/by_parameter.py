"""Limits that depend on an open parameter: one below a value of it, another at it, a third above.

d/dt t^p is ∞ at t = 0 for p < 1, 1 for p = 1 and 0 for p > 1.  On each stretch of p between `TURNS` the limit is found
with p written in a letter q > 0 that covers exactly that stretch, so that the sign of every exponent is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import sympy as sp

from symsched.codegen.kappa import by_kappa
from symsched.codegen.kernels import reduced, simplified
from symsched.errors import InputError, UndecidedError
from symsched.exact import limit_at
from symsched.symbols import kappa, t

TURNS = (sp.S.Half, sp.S.One, sp.Integer(2))
q = sp.Dummy("q", positive=True)
Case = tuple[sp.Expr, sp.Basic]


def by_parameter(exact: sp.Expr, end: int) -> sp.Expr | None:
    """The limit at t = `end`, piecewise in the one open parameter p > 0; None where it is not known for all p."""
    open_ones = exact.free_symbols - {t, kappa}
    if len(open_ones) != 1 or not (parameter := open_ones.pop()).is_positive:
        return None
    short = reduced(exact)
    found: list[tuple[sp.Expr, sp.Expr]] = []  # up to where (∞ at last), limit there; a turn has its own
    for put, back, upto in _stretches(parameter):
        limit = _limit(short.subs(parameter, put), end)
        if limit is None or limit.has(sp.nan, sp.zoo, sp.AccumBounds):
            return None
        found.append((upto, simplified(limit.subs(q, back)) if limit.has(q) else limit))
    return _cases(parameter, found)


def _stretches(parameter: sp.Symbol) -> Iterator[tuple[sp.Expr, sp.Expr, sp.Expr]]:
    """(p in q, q in p, where it ends): an open stretch, the turn after it, and so on."""
    for low, high in pairwise((sp.S.Zero, *TURNS, sp.oo)):
        if high == sp.oo:
            yield low + q, parameter - low, sp.oo
        else:
            yield (low + high * q) / (1 + q), (parameter - low) / (high - parameter), high
            yield high, q, high


def _limit(exact: sp.Expr, end: int) -> sp.Expr | None:
    try:
        return limit_at(exact, end)
    except (InputError, UndecidedError):
        return by_kappa(exact, end) if exact.has(kappa) else None


def _cases(parameter: sp.Symbol, found: list[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    """As few cases as there are: a turn at which nothing changes is none."""
    stretches, turns = found[0::2], found[1::2]
    cases: list[Case] = []
    limit = stretches[0][1]
    for (turn, there), (_, beyond) in zip(turns, stretches[1:], strict=True):
        if _same(limit, there, parameter, turn) and _same(beyond, there, parameter, turn) and limit == beyond:
            continue
        cases += [(limit, parameter < turn)]
        cases += [] if _same(beyond, there, parameter, turn) else [(there, sp.Eq(parameter, turn))]
        limit = beyond
    return sp.Piecewise(*cases, (limit, True), evaluate=False) if cases else limit


def _same(limit: sp.Expr, there: sp.Expr, parameter: sp.Symbol, turn: sp.Expr) -> bool:
    return bool(limit.subs(parameter, turn) == there)
