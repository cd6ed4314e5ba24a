"""The sign of an expression next to an end where it is not analytic: u^u, u^π log u, exp(−1/u).

Every part is written as u^a |log u|^b g(u) with a ball that contains g(u) for all u in (0, δ].  Of a sum, the part that
dominates as u → 0 is taken out; what the others are beside it is at most what they are at δ.  The ball of the whole
is a proof for all of (0, δ], with no limit in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy as sp
from flint import arb, arb_series

from symsched.errors import InputError
from symsched.exact.balls import enclose
from symsched.exact.functions import SERIES, Ball
from symsched.exact.terms import BeyondSeriesError, order_of
from symsched.exact.zero import MAX_EXPANSION, expansion
from symsched.precision import precision

BITS = 192
MAX_OPERATIONS = 200  # of a formula that is multiplied out as well, if not to very many terms


class _OpenError(Exception):
    """The ball of a part is not finite, or its form is not of this kind."""


@dataclass(frozen=True)
class Germ:
    """u^power |log u|^logs g(u) on (0, δ], with g(u) in the ball `factor`."""

    power: sp.Expr
    logs: int
    factor: Ball


def germ_sign(near: sp.Expr, symbol: sp.Symbol, delta: float) -> int:
    """The sign of `near` for every `symbol` in (0, delta]; 0 when this argument does not give it."""
    short = near.count_ops() < MAX_OPERATIONS and expansion(near) <= MAX_EXPANSION
    forms = (near, sp.expand(near)) if short else (near,)  # 4(1 − u)² − 4 is −8u + 4u²
    return next((sign for form in forms if (sign := _sign(form, symbol, delta))), 0)


def _sign(near: sp.Expr, symbol: sp.Symbol, delta: float) -> int:
    try:
        with precision(BITS, 2):
            factor = _Germs(symbol, delta).of(near).factor
    except (_OpenError, BeyondSeriesError, InputError, ValueError, ZeroDivisionError):
        return 0
    return int(factor > 0) - int(factor < 0)


class _Germs:
    def __init__(self, u: sp.Symbol, delta: float) -> None:
        self.u, self.delta = u, arb(delta)
        self.known: dict[sp.Expr, Germ] = {}

    def of(self, expr: sp.Expr) -> Germ:
        if expr not in self.known:
            found = self._of(expr)
            if not found.factor.is_finite():
                raise _OpenError
            self.known[expr] = found
        return self.known[expr]

    def _of(self, expr: sp.Expr) -> Germ:
        if not expr.has(self.u):
            return Germ(sp.S.Zero, 0, enclose(expr, {}, BITS))
        if expr == self.u:
            return Germ(sp.S.One, 0, arb(1))
        if expr.is_Add:
            return self._sum([self.of(a) for a in expr.args])
        if expr.is_Mul:
            return reduce(_times, map(self.of, expr.args))
        if isinstance(expr, sp.exp):
            return self._exponential(self.of(expr.exp))
        if expr.is_Pow:
            if expr.exp.has(self.u):
                return self._exponential(_times(self.of(expr.exp), self.of(sp.log(expr.base))))
            return _power(self.of(expr.base), expr.exp)
        if expr == sp.log(self.u):
            return Germ(sp.S.Zero, 1, arb(-1))
        if isinstance(expr, sp.log):
            return self._logarithm(self.of(expr.args[0]))
        if len(expr.args) != 1 or expr.func not in SERIES:
            raise _OpenError
        return self._smooth(expr.func, self.of(expr.args[0]))

    def _scale(self, power: sp.Expr, logs: int) -> Ball:
        """The range of u^power |log u|^logs, which must stay bounded, on (0, δ]."""
        if power == 0 and logs == 0:
            return arb(1)
        size, rises = -self.delta.log(), -order_of(sp.S.Zero, power)
        if rises > 0 or (rises == 0 and logs > 0) or (logs > 0 and not size * enclose(power, {}, BITS) > logs):
            raise _OpenError  # unbounded, or not increasing on all of (0, δ]
        return arb(0).union(self.delta ** enclose(power, {}, BITS) * size**logs)

    def _range(self, germ: Germ) -> Ball:
        return self._scale(germ.power, germ.logs) * germ.factor

    def _sum(self, parts: list[Germ]) -> Germ:
        lead = parts[0]
        for part in parts[1:]:
            later = order_of(lead.power, part.power)
            lead = part if later < 0 or (later == 0 and part.logs > lead.logs) else lead
        rest = (self._scale(p.power - lead.power, p.logs - lead.logs) * p.factor for p in parts)
        return Germ(lead.power, lead.logs, reduce(lambda a, b: a + b, rest))

    def _exponential(self, germ: Germ) -> Germ:
        side = order_of(sp.S.Zero, germ.power)
        if side > 0 or (side == 0 and germ.logs <= 0):
            return Germ(sp.S.Zero, 0, self._range(germ).exp())
        if not germ.factor < 0:
            raise _OpenError
        most = germ.factor.upper() / self._scale(-germ.power, -germ.logs).upper()
        return Germ(sp.S.Zero, 0, arb(0).union(most.exp()))

    def _logarithm(self, germ: Germ) -> Germ:
        """log(u^a |L|^b g) = −a |L| + b log |L| + log g."""
        if not germ.factor > 0:
            raise _OpenError
        parts = [Germ(sp.S.Zero, 0, germ.factor.log())]
        if germ.power != 0:
            parts.append(Germ(sp.S.Zero, 1, -enclose(germ.power, {}, BITS)))
        if germ.logs:
            size = -self.delta.log()
            if not size > 3:
                raise _OpenError
            parts.append(
                Germ(sp.S.Zero, 1, germ.logs * arb(0).union(size.log() / size))
            )  # log |L| / |L| falls from e on
        return self._sum(parts)

    def _smooth(self, function: Any, germ: Germ) -> Germ:
        whole = self._range(germ)
        if function(sp.S.Zero) == 0 and order_of(sp.S.Zero, germ.power) > 0:  # f(x) = x f'(ξ), ξ between 0 and x
            slope: Any = SERIES[function](arb_series([whole.union(arb(0)), 1]))[1]
            return Germ(germ.power, germ.logs, germ.factor * slope)
        return Germ(sp.S.Zero, 0, SERIES[function](arb_series([whole]))[0])


def _times(a: Germ, b: Germ) -> Germ:
    return Germ(a.power + b.power, a.logs + b.logs, a.factor * b.factor)


def _power(germ: Germ, exponent: sp.Expr) -> Germ:
    if exponent.is_Integer:
        n = int(exponent)
        factor = enclose(sp.Symbol("x") ** n, {sp.Symbol("x"): germ.factor}, BITS)
        return Germ(germ.power * n, germ.logs * n, factor)
    if germ.logs or not germ.factor > 0:
        raise _OpenError
    return Germ(germ.power * exponent, 0, germ.factor ** enclose(exponent, {}, BITS))
