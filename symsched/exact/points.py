"""Values of an expression at admissible points, in balls: what tells that it is not 0, and that it is defined at all.

The expression is walked as it stands, so nothing here rests on the rewriting of `rewriter`.  Letters get random real
numbers that meet all that is assumed of them, t a number in (0, 1).  A value that is not real and finite, in any part,
is no value.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import add, mul
from typing import Any

import sympy as sp
from flint import arb, fmpq

from symsched.errors import InputError
from symsched.exact.balls import integer_power
from symsched.exact.functions import BALLS, CONSTANTS, Ball
from symsched.symbols import t

NAN = arb("nan")

FACTS = (
    *("positive", "negative", "zero", "nonnegative", "nonpositive", "nonzero"),
    *("integer", "even", "odd", "prime", "composite", "rational", "irrational", "algebraic", "transcendental"),
)
SCALES = [sp.Integer(1)] * 5 + [sp.Integer(10), sp.Integer(200), sp.Rational(1, 20)]
SMALL = (0, 1, -1, 2, -2, sp.Rational(1, 2), sp.Rational(-1, 2))


def admissible(what: sp.Expr, source: random.Random, special: float) -> sp.Expr | None:
    """A random real number that `what`, a symbol or the value of a function, may be; one of `SMALL` with probability
    `special`.  None if none of 200 met what is assumed of it."""
    if what == t:
        return sp.Rational(source.randint(1, 999), 1000)
    facts = _facts(what)
    for _ in range(200):
        number = _number(facts, source, special)
        if all(getattr(number, f"is_{fact}") == value for fact, value in facts):
            return number
    return None


@lru_cache(maxsize=1024)
def _facts(what: sp.Expr) -> tuple[tuple[str, bool], ...]:
    told = ((fact, getattr(what, f"is_{fact}")) for fact in FACTS)
    return tuple((fact, value) for fact, value in told if value is not None)


def _number(facts: tuple[tuple[str, bool], ...], source: random.Random, special: float) -> sp.Expr:
    if ("zero", True) in facts:
        return sp.S.Zero
    sign = -1 if ("negative", True) in facts or (("positive", True) not in facts and source.random() < 0.5) else 1
    if ("integer", True) in facts:
        return sp.Integer(sign * source.choice((0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, source.randint(8, 40))))
    if source.random() < special and ("irrational", True) not in facts:
        return sp.sympify(source.choice(SMALL), strict=True)
    size = sign * sp.Rational(source.randint(100, 2000), 1009) * source.choice(SCALES)
    if ("transcendental", True) in facts:
        return size * sp.pi
    return size * sp.sqrt(2) if ("irrational", True) in facts or ("rational", False) in facts else size


def known_function(expr: sp.Expr) -> bool:
    """Whether balls are known for a constant, or for the outermost operation of `expr`."""
    if not expr.args:
        return expr.is_Rational or expr in CONSTANTS
    if isinstance(expr, sp.LambertW) and len(expr.args) == 2 and expr.args[1] != -1:
        return False
    return expr.is_Add or expr.is_Mul or expr.is_Pow or expr.func in BALLS or expr.func in STEPS


def value(expr: sp.Expr, leaves: Mapping[sp.Basic, Ball], clipped: list[sp.Expr] | None = None) -> Ball:
    """The ball of `expr`, given balls of its letters and of whatever else is in `leaves`; NaN where undefined.

    `clipped` collects bases of roots that may be negative for all that their balls tell, and are taken for 0 or more.
    """
    found: dict[sp.Basic, Ball] = dict(leaves)

    def visit(e: Any) -> Ball:
        if e not in found:
            found[e] = evaluate(e)
        return found[e]

    def evaluate(e: Any) -> Ball:
        if e.is_Rational:
            return arb(fmpq(int(e.p), int(e.q)))
        if not e.args:
            if e not in CONSTANTS:
                raise InputError(f"no value is known for {e}: expected a number")
            return CONSTANTS[e]()
        if isinstance(e, sp.Piecewise):
            return next((NAN if met is None else visit(b) for b, c in e.args if (met := holds(c)) is not False), NAN)
        if isinstance(e, sp.exp):
            return visit(e.exp).exp()
        if e.is_Pow:
            base = visit(e.base)
            if clipped is not None and e.exp.is_Rational and not e.exp.is_Integer and not base >= 0:
                clipped.append(e.base)
            return _power(base, e.exp, visit)
        if e.is_Add or e.is_Mul:
            return reduce(add if e.is_Add else mul, map(visit, e.args))
        return (STEPS.get(e.func) or BALLS[e.func])(*map(visit, e.args))

    def holds(condition: Any) -> bool | None:
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, (sp.And, sp.Or)):
            met = [holds(c) for c in condition.args]
            ends = isinstance(condition, sp.Or)  # one True settles an Or, one False an And
            return ends if ends in met else None if None in met else not ends
        if isinstance(condition, sp.Not):
            met_one = holds(condition.args[0])
            return None if met_one is None else not met_one
        if isinstance(condition, sp.core.relational.Relational):
            return _compare(condition.rel_op, visit(condition.lhs) - visit(condition.rhs))
        return None

    return visit(sp.sympify(expr, strict=True))


def _compare(relation: str, gap: Ball) -> bool | None:
    """Whether gap < 0, say; None where the ball does not tell."""
    if not gap.is_finite():
        return None
    if gap == 0:
        return relation in ("<=", ">=", "==")
    if gap.contains(0):
        return None
    return relation == "!=" or (
        (gap > 0) if relation in (">", ">=") else (gap < 0) if relation in ("<", "<=") else False
    )


def _power(base: Ball, exponent: sp.Expr, visit: Any) -> Ball:
    if exponent.is_Integer:
        return integer_power(int(exponent))(base)
    if exponent.is_Rational:
        if base.contains(0):  # a root of what is 0 but for rounding
            base = arb.nonnegative_part(base)
        root = base.sqrt() if exponent.q == 2 else base.root(int(exponent.q))
        return integer_power(int(exponent.p))(root)
    return base ** visit(exponent)


def _sign(a: Ball) -> Ball:
    if a == 0:
        return arb(0)
    return NAN if a.contains(0) or not a.is_finite() else arb(1 if a > 0 else -1)


def _step(a: Ball, at_zero: Ball | None = None) -> Ball:
    if a == 0 and at_zero is not None:
        return at_zero
    return (1 + _sign(a)) / 2


def _whole(a: Ball, up: bool) -> Ball:
    """⌊a⌋ or ⌈a⌉ where the ball settles it."""
    rounded = a.ceil() if up else a.floor()
    return rounded if rounded.is_exact() else NAN


#: What is constant between jumps, at which nothing is said.
STEPS: dict[type, Any] = {
    sp.sign: _sign,
    sp.Heaviside: _step,
    sp.floor: lambda a: _whole(a, False),
    sp.ceiling: lambda a: _whole(a, True),
    sp.frac: lambda a: a - _whole(a, False),
    sp.re: lambda a: a,
    sp.im: lambda a: 0 * a,
    sp.conjugate: lambda a: a,
}
