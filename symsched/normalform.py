"""Is this expression zero?  A decision, not a heuristic.

An expression is rewritten as a rational function of generators (see `generators`).  If the expanded numerator has
no terms left, the expression *is* zero: only equals were put for equals.  If terms remain, a ball evaluation at a
random admissible point that excludes 0 is a *witness* that it is not.  When neither happens (a relation between
generators that is not known here), the answer is "undecided", never a guess.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from symsched.budget import within
from symsched.enclose import compile_tape, enclose, to_ball
from symsched.errors import InputError
from symsched.generators import Generators, canonical, reduce_radicals
from symsched.precision import alone, precision
from symsched.rewriter import OPAQUE, TRIG, Rewriter
from symsched.symbols import t

__all__ = ["Decision", "canonical", "decide_zero"]


MAX_EXPANSION = 400  # terms; a schedule's formula of more than that is worked on within a budget
HEAVY_CALLS = 1_000_000


@dataclass(frozen=True)
class Decision:
    """Outcome of a zero test: `zero` is True, False or None (undecided); `normal_form` is what was left.

    `witness` is an enclosed value of the expression, and the point where, when it is not zero.
    """

    zero: bool | None
    normal_form: sp.Expr
    witness: str | None = None

    def __bool__(self) -> bool:
        return self.zero is True


@lru_cache(maxsize=4096)
@alone
def decide_zero(expr: sp.Expr, where: tuple[tuple[sp.Symbol, sp.Expr], ...] = (), bounded: bool = True) -> Decision:
    """Decide whether `expr` vanishes identically, for t in (0, 1) and other symbols within their assumptions.

    Args:
        expr: a real expression; undefined functions and their derivatives are free.
        where: symbols that stand for expressions, as pairs.
        bounded: give up, undecided, on expressions whose expansion is too much work for a formula typed by a user;
            theorems, whose authors can wait, switch this off.

    Returns a `Decision`: zero is True with normal form 0; False with a witness; None when undecided, and then the
    normal form shows what remains.

    Raises:
        InputError: the expression contains something that is not a real number (∞, NaN, i).
    """
    expr = sp.sympify(expr, strict=True)
    if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
        raise InputError(f"cannot decide {str(expr)[:80]}: expected a finite real expression")
    if not bounded or expansion(expr) <= MAX_EXPANSION:
        return _decide_twice(expr, where)
    witness = None if where else _direct_witness(expr)
    if witness is not None:
        return Decision(False, expr, witness)
    return within(HEAVY_CALLS, lambda: _decide_twice(expr, where)) or Decision(None, expr)


def expansion(expr: sp.Expr) -> float:
    """About how many terms `expr` has when multiplied out, in all its parts."""
    if not expr.args or isinstance(expr, OPAQUE):
        return 1.0
    if isinstance(expr, TRIG):
        return 3.0  # 1 − T² over 1 + T²
    sizes = [expansion(a) for a in expr.args]
    if expr.is_Mul:
        return min(math.prod(sizes), 1e9)
    if expr.is_Pow and expr.exp.is_Integer:
        n = min(abs(int(expr.exp)), 1000)
        return float(math.comb(int(min(sizes[0], 1000)) + n - 1, n))
    return sum(sizes) if expr.is_Add else max(sum(sizes), 1.0)


def _direct_witness(expr: sp.Expr) -> str | None:
    """A nonzero value of an expression in t alone, without rewriting it."""
    if expr.free_symbols != {t} or expr.has(*OPAQUE):
        return None
    for point in (sp.Rational(271, 1000), sp.Rational(577, 1000), sp.Rational(912, 1000)):
        ball = enclose(expr, {t: point}, bits=512)
        if ball.is_finite() and not ball.contains(0):
            return f"value {ball.str(8, radius=False)} at t = {float(point)}"
    return None


def _decide_twice(expr: sp.Expr, where: tuple[tuple[sp.Symbol, sp.Expr], ...]) -> Decision:
    rewriter = Rewriter(dict(where))
    rewriter.rewrite(expr)
    if rewriter.known.measure_angles():
        rewriter.restart()
    decision = _decide(expr, rewriter)
    if decision.zero is None:  # powers met late may split the base of a radical met early
        rewriter.restart()
        decision = _decide(expr, rewriter)
    return decision


def _decide(expr: sp.Expr, rewriter: Rewriter) -> Decision:
    rational, relations = rewriter.known.unify(rewriter.rewrite(expr))
    numerator, denominator = reduce_radicals(rational, relations)
    if numerator == 0 or (numerator.free_symbols and sp.Poly(numerator, *numerator.free_symbols).is_zero):
        return Decision(True, sp.S.Zero)
    normal_form = rewriter.known.show(sp.factor_terms(numerator) / denominator)
    witness = _witness(rational, rewriter.known)
    return Decision(None if witness is None else False, normal_form, witness)


def _witness(expr: sp.Expr, known: Generators, tries: int = 24) -> str | None:
    """A value that balls prove to differ from 0, and the point where; None if no try gives one."""
    if known.sealed:
        return None
    source = random.Random(0)
    for _ in range(tries):
        with precision(256):
            values = _sample(known, source)
            if values is None or _confused(known, values):
                continue
            ball = compile_tape((expr,), tuple(values)).run(list(values.values()))[0]
            if ball.is_finite() and not ball.contains(0):
                return f"value {ball.str(8, radius=False)}{_where(known, values)}"
    return None


def _confused(known: Generators, values: dict[sp.Dummy, Any]) -> bool:
    """Whether two generators may be one value of one function, at equal arguments that nothing showed to be equal."""
    seen: dict[Any, list[list[Any]]] = {}
    for function, orders, args in known.jets.values():
        places = compile_tape(args, tuple(values)).run(list(values.values()))
        others = seen.setdefault((function, orders), [])
        if any(all(a.overlaps(b) for a, b in zip(places, other, strict=True)) for other in others):
            return True
        others.append(places)
    return False


def _where(known: Generators, values: dict[sp.Dummy, Any]) -> str:
    free = [d for d in values if known.meaning[d] is None][:4]
    point = ", ".join(f"{known.shown[d]} = {values[d].str(4, radius=False)}" for d in free)
    return f" at {point}" if point else ""


def _sample(known: Generators, source: random.Random) -> dict[sp.Dummy, Any] | None:
    """A random admissible value for each free generator, and the ball that follows for each other one."""
    values: dict[sp.Dummy, Any] = {}
    for dummy, meaning in known.meaning.items():
        if meaning is None:
            values[dummy] = to_ball(_admissible(known.shown[dummy], source))
        else:
            values[dummy] = compile_tape((meaning,), tuple(values)).run(list(values.values()))[0]
        if not values[dummy].is_finite():
            return None
    return values


def _admissible(what: sp.Expr, source: random.Random) -> sp.Rational:
    if what == t:
        return sp.Rational(source.randint(1, 999), 1000)
    if what.is_integer:
        return sp.Integer(source.randint(1, 6))
    size = sp.Rational(source.randint(100, 2000), 1000)
    signed = not (what.is_positive or what.is_nonnegative)
    return -size if signed and source.random() < 0.5 else size
