"""Limits by cases: one thing below a value of κ, or of an open parameter, another at it, and a third above.

What is emitted is affine in κ, p + κ q.  Where p and q diverge together, their leading terms cancel at one κ only,
κ = −lim p/q: below it the limit is infinite with one sign, above it with the other.

d/dt t^p is ∞ at t = 0 for p < 1, 1 for p = 1 and 0 for p > 1.  On each stretch of p between `TURNS` the limit is found
with p written in a letter q > 0 that covers exactly that stretch, so that the sign of every exponent is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import sympy as sp

from symsched.codegen.quantities.ledger import as_limit
from symsched.codegen.stable import reduced, simplified
from symsched.errors import InputError, UndecidedError
from symsched.exact import end_value, limit_at
from symsched.symbols import kappa, t

TURNS = (sp.S.Half, sp.S.One, sp.Integer(2))
q = sp.Dummy("q", positive=True)


def by_kappa(exact: sp.Expr, end: int) -> sp.Expr | None:
    """The limit at t = `end`, piecewise constant in κ ≥ 0; None where it is neither that nor known."""
    turn = _turn(exact, end)
    if turn is None:
        return None
    below = _common(exact, end, [turn / 4, turn / 2]) if turn > 0 else None
    at, above = (_common(exact, end, ks) for ks in ([turn], [turn + sp.S.Half, 2 * turn + 1, turn + 3]))
    if at is None or above is None or (turn > 0 and below is None):
        return None
    if at == above == (at if below is None else below):
        return at
    cases = [(at, sp.Eq(kappa, turn)), *([] if below is None else [(below, kappa < turn)]), (above, True)]
    return sp.Piecewise(*cases, evaluate=False)


def _turn(exact: sp.Expr, end: int) -> sp.Expr | None:
    """The κ ≥ 0 at which the leading terms cancel, 0 where they never do."""
    still, slope = exact.subs(kappa, 0), exact.diff(kappa)
    try:
        turn = limit_at(reduced(-still / slope), end)
    except (UndecidedError, InputError):
        return None
    if not turn.is_extended_real or (turn.is_finite and not turn.is_number):
        return None
    return turn if turn.is_finite and turn > 0 else sp.S.Zero


def _common(exact: sp.Expr, end: int, kappas: Sequence[sp.Expr]) -> sp.Expr | None:
    """The limit that all these κ share."""
    try:
        found = {_limit(exact.subs(kappa, k), end) for k in kappas}
    except (UndecidedError, InputError):
        return None
    return found.pop() if len(found) == 1 else None


def _limit(expr: sp.Expr, end: int) -> sp.Expr:
    try:
        return limit_at(expr, end)
    except UndecidedError:
        return as_limit(end_value(expr, end))


def by_parameter(exact: sp.Expr, end: int) -> sp.Expr | None:
    """The limit at t = `end`, piecewise in the one open parameter p > 0; None where it is not known for all p."""
    open_ones = exact.free_symbols - {t, kappa}
    if len(open_ones) != 1 or not (parameter := open_ones.pop()).is_positive:
        return None
    short = reduced(exact)
    found: list[tuple[sp.Expr, sp.Expr]] = []  # up to where (∞ at last), limit there; a turn has its own
    for put, back, upto in _stretches(parameter):
        limit = _limit_or_case(short.subs(parameter, put), end)
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


def _limit_or_case(exact: sp.Expr, end: int) -> sp.Expr | None:
    try:
        return limit_at(exact, end)
    except (InputError, UndecidedError):
        return by_kappa(exact, end) if exact.has(kappa) else None


def _cases(parameter: sp.Symbol, found: list[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    """As few cases as there are: a turn at which nothing changes is none."""
    stretches, turns = found[0::2], found[1::2]
    cases: list[tuple[sp.Expr, sp.Basic]] = []
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
