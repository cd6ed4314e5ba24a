"""Limits that are one thing below a value of κ, another at it, and a third above.

What is emitted is affine in κ, p + κ q.  Where p and q diverge together, their leading terms cancel at one κ only,
κ = −lim p/q: below it the limit is infinite with one sign, above it with the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symsched.codegen.kernels import reduced
from symsched.errors import InputError, UndecidedError
from symsched.exact import end_value, limit_at
from symsched.symbols import kappa


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
        value = end_value(expr, end)
        return sp.Float(value, 17) if abs(value) < float("inf") else sp.oo if value > 0 else -sp.oo
