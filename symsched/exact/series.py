"""Generalised power series at u → 0+, exact and without search: the workhorse of limits.

A series is Σ c_p u^p + O(u^order) with real exponents p, which may have parameters in them as long as the assumptions
of these tell which exponent is larger; a coefficient may be a polynomial in L = log u.  Sums, products, powers,
logarithms, exponentials and Taylor expansions of smooth functions are done on the truncated series; whatever leaves
this class (an essential singularity, a quotient by a sum of logarithms) is given up, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import sympy as sp

from symsched.exact.balls import smooth_at
from symsched.exact.functions import BOUNDED, TAYLOR, WRITTEN, holds_of
from symsched.exact.terms import (
    MAX_TERMS,
    BeyondSeriesError,
    L,
    Series,
    check_nonzero,
    least,
    less,
    positive,
    series_of,
    value_of,
    vanishes,
)

_v = sp.Dummy("v", real=True)
ORDERS = (2, 5, 12)  # relative orders, tried in turn: a product costs the square of the length
MAX_PRODUCTS = 20_000  # of coefficients, in all
MAX_ROUNDS = 16  # iterates of s(u), each of which adds an order


def limit_of(expr: sp.Expr, u: sp.Symbol) -> sp.Expr:
    """lim of `expr` as u → 0+.  Raises BeyondSeriesError when the expansion does not tell."""
    return _limit(lambda order: _Expansion(u, order).of(expr))


def limit_along(expr: sp.Expr, u: sp.Symbol, s: sp.Symbol, f: sp.Expr, g: sp.Expr) -> sp.Expr:
    """lim of `expr`, in u and s, as u → 0+ where s → 0+ solves f(s) = g(u).

    Raises BeyondSeriesError when the expansions, which may have no logarithms, do not tell.
    """

    def expand(order: sp.Expr) -> Series:
        here = _Expansion(u, order)
        solution = _solved(_Expansion(s, order).of(f), here.of(g), here)
        here.known[s] = solution
        here.moving |= {s}
        return here.of(expr)

    return _limit(expand)


def _limit(expand: Callable[[sp.Expr], Series]) -> sp.Expr:
    for series in _ever_longer(expand):
        if series.terms and not less(sp.S.Zero, series.lead):
            return value_of(*series.terms[0])
        if less(sp.S.Zero, series.order):
            return sp.S.Zero
    raise BeyondSeriesError


def _ever_longer(expand: Callable[[sp.Expr], Series]) -> Iterator[Series]:
    """The expansions to rising orders: a short one may break off where all that it knows has cancelled."""
    for order in ORDERS:
        try:
            yield expand(sp.Integer(order))
        except BeyondSeriesError:
            continue


def _solved(f: Series, g: Series, here: _Expansion) -> Series:
    """s(u) with f(s) = c s^p (1 + φ(s)) = g(u): iterates s ← (g/c)^(1/p) (1 + φ(s))^(−1/p), each of which adds an
    order of φ to what is known of s."""
    if not f.terms or not g.terms or any(c.has(L) for _, c in (*f.terms, *g.terms)):
        raise BeyondSeriesError
    (p, c), *rest = f.terms
    check_nonzero(c)
    first = here._power(here._times(g, here._constant(1 / c)), 1 / p)
    nearest = least(*(q for q, _ in rest), f.order) - p
    found = Series(first.terms[:1], first.lead + least(first.order - first.lead, nearest * first.lead))
    if len(first.terms) > 1:
        found = Series(found.terms, least(found.order, first.terms[1][0]))
    for _ in range(MAX_ROUNDS):
        phi = [here._times(here._constant(d / c), here._power(found, q - p)) for q, d in rest]
        error = Series((), (f.order - p) * first.lead) if f.order != sp.oo else Series((), sp.oo)
        better = here._times(first, here._power(here._sum([here._constant(sp.S.One), *phi, error]), -1 / p))
        if better == found:
            break
        found = better
    return found


def leading_term(expr: sp.Expr, u: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """(p, c) with `expr` ~ c u^p as u → 0+; c may be a polynomial in `L` = log u.  Raises BeyondSeriesError."""
    for series in _ever_longer(lambda order: _Expansion(u, order).of(expr)):
        if series.terms:
            check_nonzero(series.terms[0][1])
            return series.terms[0]
    raise BeyondSeriesError


def leading_sign(expr: sp.Expr, u: sp.Symbol) -> int:
    """The sign of `expr` for all u > 0 that are small enough.  Raises BeyondSeriesError."""
    return 1 if value_of(sp.S.NegativeOne, leading_term(expr, u)[1]) == sp.oo else -1


class _Expansion:
    """Expands expressions in u, keeping about `order` of relative precision."""

    def __init__(self, u: sp.Symbol, order: sp.Expr) -> None:
        self.u, self.order = u, order
        self.moving = {u}  # what depends on u: u itself, and what is known as a series in it
        self.known: dict[sp.Expr, Series] = {}
        self.products = 0

    def of(self, expr: sp.Expr) -> Series:
        if expr not in self.known:
            self.known[expr] = self._of(expr)
        return self.known[expr]

    def _of(self, expr: sp.Expr) -> Series:
        if not expr.has(*self.moving):
            return self._constant(expr)
        if expr == self.u:
            return Series(((sp.S.One, sp.S.One),), sp.oo)
        if expr.is_Add:
            return self._sum([self.of(a) for a in expr.args])
        if expr.is_Mul:
            product = self._constant(sp.S.One)
            for factor in expr.args:
                product = self._times(product, self.of(factor))
            return product
        if isinstance(expr, sp.exp):
            return self._exponential(self.of(expr.exp))
        if expr.is_Pow:
            if expr.exp.has(*self.moving):
                return self._exponential(self._times(self.of(expr.exp), self._logarithm(self.of(expr.base))))
            return self._power(self.of(expr.base), expr.exp)
        if isinstance(expr, sp.log):
            return self._logarithm(self.of(expr.args[0]))
        if expr.func in WRITTEN and not holds_of(TAYLOR, expr.func):
            return self.of(WRITTEN[expr.func](*expr.args))
        return self._smooth(expr)

    def _constant(self, number: sp.Expr) -> Series:
        if number.has(sp.oo, sp.zoo, sp.nan, sp.I):
            raise BeyondSeriesError
        return Series(() if vanishes(number) else ((sp.S.Zero, number),), sp.oo)

    # -- arithmetic ------------------------------------------------------------------------------------------------

    def _sum(self, parts: list[Series]) -> Series:
        total: dict[sp.Expr, sp.Expr] = {}
        for part in parts:
            for p, c in part.terms:
                total[p] = total.get(p, sp.S.Zero) + c
        return series_of(total, least(*(part.order for part in parts)))

    def _times(self, a: Series, b: Series) -> Series:
        order = least(a.order + b.lead, b.order + a.lead, a.lead + b.lead + self.order)
        total: dict[sp.Expr, sp.Expr] = {}
        # The terms of powers of sums multiply: this is what bounds the work, not the depth of the formula.
        self.products += len(a.terms) * len(b.terms)
        if self.products > MAX_PRODUCTS:
            raise BeyondSeriesError
        for p, c in a.terms:
            for q, d in b.terms:
                total[p + q] = total.get(p + q, sp.S.Zero) + c * d
        exact = a.order == sp.oo and b.order == sp.oo
        within = all(less(p, order) for p in total)
        return series_of(total, sp.oo if exact and within else order)

    def _split(self, a: Series) -> tuple[sp.Expr, sp.Expr, Series]:
        """a = c u^p (1 + h) with h → 0."""
        if not a.terms or a.terms[0][1].has(L):
            raise BeyondSeriesError
        p, c = a.terms[0]
        check_nonzero(c)
        return p, c, Series(tuple((q - p, d / c) for q, d in a.terms[1:]), a.order - p)

    def _compose(self, coefficient: Callable[[int], sp.Expr], h: Series) -> Series:
        """Σ coefficient(k) h^k for h → 0."""
        if not less(sp.S.Zero, h.lead):
            raise BeyondSeriesError
        total, power, k = [self._constant(coefficient(0))], self._constant(sp.S.One), 0
        limit = least(self.order + h.lead, h.order)
        while h.terms and k < MAX_TERMS and less((k + 1) * h.lead, limit):
            k += 1
            power = self._times(power, h)
            total.append(self._times(self._constant(coefficient(k)), power))
        if not h.terms and h.order == sp.oo:
            return total[0]
        return self._sum([*total, Series((), least(limit, (k + 1) * h.lead))])

    def _power(self, a: Series, exponent: sp.Expr) -> Series:
        if not exponent.is_real:
            raise BeyondSeriesError
        if len(a.terms) == 1 and a.order == sp.oo and not a.terms[0][1].has(L):
            p, c = a.terms[0]
            if (exponent.is_Integer and exponent > 0) or positive(c):
                return Series(((p * exponent, c**exponent),), sp.oo)
        if exponent.is_Integer and 0 < exponent <= 4:
            power = a
            for _ in range(int(exponent) - 1):
                power = self._times(power, a)
            return power
        p, c, h = self._split(a)
        if not exponent.is_Integer and not positive(c):
            raise BeyondSeriesError
        body = self._compose(lambda k: sp.expand_func(sp.binomial(exponent, k)), h)
        scale = c**exponent
        return Series(tuple((q + p * exponent, d * scale) for q, d in body.terms), body.order + p * exponent)

    def _logarithm(self, a: Series) -> Series:
        p, c, h = self._split(a)
        if not positive(c):
            raise BeyondSeriesError
        start = Series(((sp.S.Zero, sp.expand(sp.log(c) + p * L)),), sp.oo) if p != 0 else self._constant(sp.log(c))
        return self._sum([start, self._compose(lambda k: sp.Rational((-1) ** (k + 1), k) if k else sp.S.Zero, h)])

    def _exponential(self, a: Series) -> Series:
        """exp of (b + m L + h): e^b u^m exp(h); an argument that leaves for −∞ is smaller than every power."""
        if a.terms and less(a.lead, sp.S.Zero):
            if value_of(*a.terms[0]) == -sp.oo:
                return Series((), self.order)
            raise BeyondSeriesError
        if not less(sp.S.Zero, a.order):
            raise BeyondSeriesError
        constant = dict(a.terms).get(sp.S.Zero, sp.S.Zero)
        shift = sp.expand(constant).coeff(L, 1)
        start = sp.expand(constant - shift * L)
        if start.has(L) or shift.has(L):
            if value_of(sp.S.Zero, constant) == -sp.oo:
                return Series((), self.order)
            raise BeyondSeriesError
        h = Series(tuple((p, c) for p, c in a.terms if p != 0), a.order)
        body = self._compose(lambda k: 1 / sp.factorial(k), h)
        scale = sp.exp(start)
        return Series(tuple((p + shift, c * scale) for p, c in body.terms), body.order + shift)

    # -- other functions -------------------------------------------------------------------------------------------

    def _smooth(self, expr: sp.Expr) -> Series:
        if not holds_of(TAYLOR, expr.func):
            return self._analytic(expr)
        if not holds_of(BOUNDED, expr.func):
            return self._smooth_of_one(expr.func, expr.args[0])
        try:
            return self._smooth_of_one(expr.func, expr.args[0])
        except BeyondSeriesError:
            # With parameters the argument must be shown to be real, as these are bounded there alone; without them the
            # value itself is looked at (see `limits`).
            if not (expr.args[0].is_real or expr.args[0].free_symbols <= self.moving):
                raise
            return Series((), sp.S.Zero)  # t sin(1/t) is of the order of t

    def _smooth_of_one(self, function: type, argument: sp.Expr) -> Series:
        a = self.of(argument)
        if a.terms and less(a.lead, sp.S.Zero):
            return self._at_infinity(function, a, argument)
        if not less(sp.S.Zero, a.order):
            raise BeyondSeriesError
        centre = dict(a.terms).get(sp.S.Zero, sp.S.Zero)
        if centre.has(L):
            return self._at_infinity(function, a, argument)
        if not smooth_at(function(_v), (centre,)):
            if vanishes(1 - centre**2):
                return self._at_branch_point(function, argument, centre)
            raise BeyondSeriesError
        h = Series(tuple((p, c) for p, c in a.terms if p != 0), a.order)
        return self._compose(lambda k: taylor(function, centre, k), h)

    def _analytic(self, expr: sp.Expr) -> Series:
        """Any function that is smooth where its one moving argument ends; |a| and sign(a) keep the sign of a."""
        moving = [i for i, arg in enumerate(expr.args) if arg.has(*self.moving)]
        if len(moving) != 1:
            raise BeyondSeriesError
        a = self.of(expr.args[moving[0]])
        if isinstance(expr, (sp.Abs, sp.sign)):
            if not a.terms:
                raise BeyondSeriesError
            sign = 1 if value_of(sp.S(-1), a.terms[0][1]) == sp.oo else -1
            return (
                self._times(self._constant(sp.Integer(sign)), a) if expr.func is sp.Abs else self._constant(sp.S(sign))
            )
        if (a.terms and less(a.lead, sp.S.Zero)) or not less(sp.S.Zero, a.order):
            raise BeyondSeriesError
        centre = dict(a.terms).get(sp.S.Zero, sp.S.Zero)
        args = tuple(centre if i in moving else arg for i, arg in enumerate(expr.args))
        if centre.has(L) or not smooth_at(expr, args):
            raise BeyondSeriesError
        h = Series(tuple((p, c) for p, c in a.terms if p != 0), a.order)
        form = expr.func(*(_v if i in moving else arg for i, arg in enumerate(expr.args)))
        return self._compose(lambda k: (form.diff(_v, k) if k else form).subs(_v, centre).doit() / sp.factorial(k), h)

    def _at_infinity(self, function: type, a: Series, argument: sp.Expr) -> Series:
        sign = 1 if value_of(*a.terms[0]) == sp.oo else -1
        if function is sp.atan:
            return self._sum([self._constant(sign * sp.pi / 2), self.of(-sp.atan(1 / argument))])
        # What is left out of tanh, erf and erfc, e^(−2a) or e^(−a²), is smaller than every power of u.
        if function in (sp.tanh, sp.erf) and not a.terms[0][1].has(L):
            return Series(((sp.S.Zero, sp.Integer(sign)),), self.order)
        if function is sp.erfc and not a.terms[0][1].has(L):
            return self._sum([self._constant(sp.Integer(1 - sign)), Series((), self.order)])
        raise BeyondSeriesError

    def _at_branch_point(self, function: type, argument: sp.Expr, centre: sp.Expr) -> Series:
        """acos v = 2 atan √((1−v)/(1+v)) next to 1, and mirrored next to −1."""
        if function is sp.atanh:
            return self.of((sp.log(1 + argument) - sp.log(1 - argument)) / 2)
        sign = 1 if positive(centre) else -1
        angle = 2 * sp.atan(sp.sqrt((1 - sign * argument) / (1 + sign * argument)))
        cosine = angle if sign > 0 else sp.pi - angle
        return self.of(cosine if function is sp.acos else sp.pi / 2 - cosine)


@lru_cache(maxsize=4096)
def taylor(function: type, centre: sp.Expr, k: int) -> sp.Expr:
    """The k-th Taylor coefficient at `centre`."""
    return _derivative(function, k).subs(_v, centre) / sp.factorial(k)


@lru_cache(maxsize=512)
def _derivative(function: type, k: int) -> sp.Expr:
    return function(_v) if k == 0 else sp.together(_derivative(function, k - 1).diff(_v))
