"""The sign of an expression on the open interval (0, 1), by proof.

Routes, in order of preference; the one that succeeded is named in the result:

1. *refutation*: rigorous balls at a few rational points; two opposite signs settle the matter at once;
2. *domain*: every root, logarithm, quotient … in the expression is shown to be defined on the whole of (0, 1);
3. *structure*: sums of terms of one sign, products, powers, monotone functions of something whose sign is known;
4. *Sturm*: a rational function's roots in (0, 1), counted exactly;
5. *balls*: mean-value enclosures over an adaptive subdivision, and Taylor remainders or leading terms at the ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from symsched.errors import InputError, clipped
from symsched.exact.balls import finite_ball, sign_of_number
from symsched.exact.facts import known
from symsched.exact.functions import Need, needs
from symsched.exact.signs.pieces import by_balls
from symsched.exact.signs.sign import Sign, strict
from symsched.exact.signs.structure import by_structure
from symsched.exact.signs.sturm import by_sturm
from symsched.exact.zero import decide_zero
from symsched.precision import alone
from symsched.symbols import t

PROBES = tuple(sp.Rational(1, 10**k) for k in (9, 6, 4, 2)) + tuple(sp.Rational(k, 16) for k in range(1, 16))
PROBES += tuple(1 - p for p in PROBES[:4])

HALVINGS = 40  # of the way to a pole: more digits than are told

ALLOWED = {"positive": ("positive",), "negative": ("negative",), "nonzero": ("positive", "negative")}
# Signs for which a need is met at no time.
NOWHERE = {
    "positive": ("negative", "nonpositive", "zero"),
    "negative": ("positive", "nonnegative", "zero"),
    "nonzero": ("zero",),
}


@lru_cache(maxsize=4096)
@alone
def sign_on_unit(expr: sp.Expr, symbol: sp.Symbol = t, *, balls: bool = True) -> Sign:
    """Prove the sign of `expr` for every `symbol` in (0, 1); `balls` = False leaves out the costly last route.

    Returns a `Sign`; `unknown` when no route settles it (with free parameters only structure is tried).

    Raises:
        InputError: the expression is not real and finite somewhere in (0, 1).
    """
    expr = sp.sympify(expr, strict=True)
    if expr.has(sp.Piecewise, Relational, BooleanFunction):
        raise InputError(f"{clipped(expr)} has branches: expected one formula for all of (0, 1)")
    parameters = expr.free_symbols - {symbol}
    seen = Sign("unknown", "parameters") if parameters else _seen(expr, symbol)
    if seen.value == "mixed":  # proved, whatever else is open
        return seen
    if not seen.decided and decide_zero(expr):
        return Sign("zero", "normal form")
    if not _defined(expr, symbol):  # which every route below supposes
        return Sign("unknown", "domain")
    if parameters:
        return by_structure(expr, symbol)
    for route in (by_structure, by_sturm, by_balls) if balls else (by_structure, by_sturm):
        found = route(expr, symbol)
        if found.decided:
            return found
    return Sign("unknown", "no route decided")


def resolve_abs(expr: sp.Expr) -> sp.Expr:
    """|f| is f or −f when f keeps its sign on (0, 1); SymPy, which knows only t > 0, leaves |t − 1|."""
    signed = {}
    for absolute in expr.atoms(sp.Abs):
        sign = sign_on_unit(absolute.args[0])
        if sign.value in ("positive", "negative"):
            signed[absolute] = absolute.args[0] * (1 if sign.positive else -1)
    return expr.xreplace(signed)


def _seen(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    """What rigorous balls at a few probes say: mixed, a sign at those that are not 0, or unknown."""
    balls = [(probe, finite_ball(expr, {symbol: probe}, 256, 2048, 8192)) for probe in PROBES]
    signs = [(probe, ball, (ball > 0) - (ball < 0)) for probe, ball in balls if ball is not None]
    if not signs:
        raise InputError(f"{clipped(expr)} is not a finite real number at {symbol} = {float(PROBES[0]):.6g}")
    negative = [(float(probe), float(ball.mid())) for probe, ball, sign in signs if sign < 0]
    positive = any(sign > 0 for _, _, sign in signs)
    if negative and positive:
        return Sign("mixed", "balls at two points", min(negative, key=lambda found: abs(found[0] - 0.5)))
    return strict(int(positive) - bool(negative), "balls at points")


def _defined(expr: sp.Expr, symbol: sp.Symbol) -> bool:
    """Whether every part is shown to be real and smooth on (0, 1), up to kinks |f|; False when that stays open.

    Raises:
        InputError: a part is shown not to be.
    """
    return all(_part_defined(part, symbol) for part in _smooth_parts(expr))


def _part_defined(part: sp.Expr, symbol: sp.Symbol) -> bool:
    missed: list[tuple[Need, Sign]] = []
    groups = needs(part)
    for group in groups:
        found = [(need, _sign_needed(need.expr, symbol)) for need in group]
        failed = [(need, sign) for need, sign in found if sign.decided and sign.value not in ALLOWED[need.sign]]
        if not failed and all(sign.decided for _, sign in found):
            return True
        missed += failed[:1]
    somewhere = [(need, sign) for need, sign in missed if sign.value not in NOWHERE[need.sign]]
    ways = {sp.expand(need.expr**2) for need, _ in somewhere}
    # Where the last fails, the others fail too; and what changes its sign is 0 on the way, neither above nor below.
    if groups and len(missed) == len(groups) and len(ways) <= 1:
        place = next((_place(need, sign, symbol, len(groups) > 1) for need, sign in somewhere), None)
        where = f" (see {symbol} = {place:.6g})" if place is not None else ""
        raise InputError(f"{clipped(part)} is not smooth and real on all of (0, 1){where}")
    return False


def _place(need: Need, sign: Sign, symbol: sp.Symbol, either: bool) -> float | None:
    """A time at which the need is not met, as far as one is known: a pole is where the sign of what is below changes,
    not where it is negative.  So is what may have `either` sign."""
    crossed = either or need.sign == "nonzero"
    if sign.value != "mixed" or sign.witness is None or (need.sign == "positive" and not crossed):
        return sign.witness[0] if sign.witness else None
    balls = ((probe, finite_ball(need.expr, {symbol: probe}, 256)) for probe in PROBES)
    above = next((probe for probe, ball in balls if ball is not None and ball > 0), None)
    if above is None or not crossed:
        return None if above is None else float(above)
    below = sp.Rational(sign.witness[0])
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        ball = finite_ball(need.expr, {symbol: middle}, 256)
        if ball is None or ball.contains(0):
            return float(middle)
        below, above = (below, middle) if ball > 0 else (middle, above)
    return float(above)


def _sign_needed(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    if known(expr, "positive"):
        return strict(1, "assumption")
    return sign_on_unit(expr, symbol) if expr.free_symbols else strict(sign_of_number(expr), "number")


def _smooth_parts(expr: sp.Expr) -> Iterator[sp.Expr]:
    """Parts that must be smooth: not |f|^p, of which continuity is enough, nor the sign(f) in f^p sign(f), p > 0."""
    if not isinstance(expr, sp.Expr) or not expr.free_symbols:
        return  # the bounds of a sum, or a number, which balls show to be finite
    args, (base, exponent) = expr.args, expr.as_base_exp()
    if isinstance(expr, sp.Mul):
        vanishing = [f.as_base_exp()[0] for f in args if f.as_base_exp()[1].is_positive]
        args = tuple(f.args[0] if _is_tamed(f, vanishing) else f for f in args)
    for arg in args:
        yield from _smooth_parts(arg)
    if args and not (isinstance(base, sp.Abs) and known(exponent, "positive")):
        yield expr


def _is_tamed(factor: sp.Expr, vanishing: list[sp.Expr]) -> bool:
    """Whether it is sign(f), and another factor is 0 where f is."""
    if not isinstance(factor, sp.sign):
        return False
    bases = [base.args[0] if isinstance(base, sp.Abs) else base for base in vanishing]
    return any(not sp.cancel(base / factor.args[0]).free_symbols for base in bases)
