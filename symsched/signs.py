"""The sign of an expression on the open interval (0, 1), by proof.

Routes, in order of preference; the one that succeeded is named in the result:

1. *refutation*: rigorous balls at a few rational points; two opposite signs settle the matter at once;
2. *structure*: sums of terms of one sign, products, powers, monotone functions of something whose sign is known;
3. *Sturm*: a rational function's roots in (0, 1), counted exactly;
4. *balls*: mean-value enclosures over an adaptive subdivision of [δ, 1 − δ], and leading terms at the ends.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import ctx

from symsched.enclose import Ball, compile_tape, enclose, interval
from symsched.endpoints import limit_at
from symsched.errors import InputError, UndecidedError
from symsched.normalform import canonical, decide_zero
from symsched.symbols import t

PROBES = tuple(sp.Rational(1, 10**k) for k in (9, 6, 4, 2)) + tuple(sp.Rational(k, 16) for k in range(1, 16))
PROBES += tuple(1 - p for p in PROBES[:4])
DELTA = 2.0**-20
MAX_PIECES = 4000
MAX_LEVEL = 2
_level: ContextVar[int] = ContextVar("level", default=0)  # derivatives of derivatives under way


@dataclass(frozen=True)
class Sign:
    """`value` is one of positive, nonnegative, zero, nonpositive, negative, mixed, unknown; `method` says how.

    For `mixed`, `witness` is (t, value) where the sign differs from that at the first probe; for nonnegative
    and nonpositive it is a zero inside (0, 1)."""

    value: str
    method: str
    witness: tuple[float, float] | None = None

    @property
    def nonnegative(self) -> bool:
        return self.value in ("positive", "nonnegative", "zero")

    @property
    def positive(self) -> bool:
        return self.value == "positive"

    @property
    def decided(self) -> bool:
        return self.value != "unknown"

    def __neg__(self) -> Sign:
        flipped = {"positive": "negative", "nonnegative": "nonpositive"}
        flipped |= {b: a for a, b in flipped.items()}
        return Sign(flipped.get(self.value, self.value), self.method, self.witness)


@lru_cache(maxsize=4096)
def sign_on_unit(expr: sp.Expr, symbol: sp.Symbol = t) -> Sign:
    """Prove the sign of `expr` for every `symbol` in (0, 1).

    Returns a `Sign`; `unknown` when no route settles it (with free parameters only structure is tried).

    Raises:
        InputError: the expression is not real somewhere in (0, 1).
    """
    expr = sp.sympify(expr)
    if decide_zero(expr):
        return Sign("zero", "normal form")
    numeric = expr.free_symbols <= {symbol}
    refuted = _refute(expr, symbol) if numeric else None
    if refuted is not None:
        return refuted
    for route in (_structure, _sturm, _balls) if numeric else (_structure,):
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


def _refute(expr: sp.Expr, symbol: sp.Symbol) -> Sign | None:
    """Two probes of opposite, rigorous sign."""
    first: int | None = None
    for probe in PROBES:
        ball = enclose(expr, {symbol: probe}, bits=256)
        if not ball.is_finite():
            raise InputError(f"{str(expr)[:80]} is not a finite real number at {symbol} = {float(probe):.6g}")
        here = (ball > 0) - (ball < 0)
        first = first or here
        if here and here != first:
            return Sign("mixed", "balls at two points", (float(probe), float(ball.mid())))
    return None


# -- structure ------------------------------------------------------------------------------------------------


def _structure(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    """Compose signs from the leaves up; the symbol itself is in (0, 1)."""
    forms: list[Callable[[], sp.Expr]] = [lambda: expr, lambda: sp.factor_terms(expr)]
    if expr.is_rational_function(symbol):  # factoring powers of exponentials can take forever
        forms.append(lambda: sp.factor(canonical(expr)))
    for form in forms:
        value = _compose(form(), symbol)
        if value:
            return Sign("positive" if value > 0 else "negative", "structure")
    return Sign("unknown", "structure")


def _compose(expr: sp.Expr, symbol: sp.Symbol) -> int:
    """1, −1, or 0 for unknown."""
    if expr.is_positive or expr.is_negative:
        return 1 if expr.is_positive else -1
    if expr.is_Mul:
        result = 1
        for factor in expr.args:
            result *= _compose(factor, symbol)
        return result
    if expr.is_Pow:
        return _compose_power(expr, symbol)
    if expr.is_Add:
        return _compose_sum(expr, symbol)
    if isinstance(expr, sp.log):
        return _compose(expr.args[0] - 1, symbol)
    if isinstance(expr, (sp.sinh, sp.tanh, sp.asinh, sp.atan, sp.erf, sp.asin, sp.atanh)):
        return _compose(expr.args[0], symbol)
    if isinstance(expr, (sp.sin, sp.cos, sp.tan, sp.cot)):
        return _compose_trig(expr, symbol)
    return 0


def _compose_power(expr: sp.Pow, symbol: sp.Symbol) -> int:
    base = _compose(expr.base, symbol)
    if base > 0:
        return 1
    if base < 0 and expr.exp.is_integer:
        return 1 if expr.exp.is_even else -1 if expr.exp.is_odd else 0
    # An even root is real by the domain check, and positive wherever its base does not vanish: not known here.
    return 0


def _compose_sum(expr: sp.Add, symbol: sp.Symbol) -> int:
    signs = {_compose(term, symbol) for term in expr.args}
    if len(signs) == 1 and 0 not in signs:
        return signs.pop()
    if expr.is_polynomial(symbol) and expr.free_symbols == {symbol}:
        sturm = _sturm(expr, symbol)
        return {"positive": 1, "negative": -1}.get(sturm.value, 0)
    return _compose_monotone(expr, symbol)


def _compose_monotone(expr: sp.Expr, symbol: sp.Symbol) -> int:
    """A function that vanishes at an end and whose derivative has one sign: 1 − cos t, 1 − e^(−t), t − sin t.

    Few levels only: 1 − tanh² t is a factor of its own derivative, so the descent need not end by itself."""
    if expr.free_symbols != {symbol} or expr.count_ops() > 40 or _level.get() >= MAX_LEVEL:
        return 0
    slope = expr.diff(symbol)
    if slope.is_Add or not (sign := _compose_deeper(slope, symbol)):
        return 0
    if sign > 0:
        return 1 if _vanishes(expr, 0, symbol) else -1 if _vanishes(expr, 1, symbol) else 0
    return 1 if _vanishes(expr, 1, symbol) else -1 if _vanishes(expr, 0, symbol) else 0


def _compose_deeper(slope: sp.Expr, symbol: sp.Symbol) -> int:
    token = _level.set(_level.get() + 1)
    try:
        return _compose(slope, symbol)
    finally:
        _level.reset(token)


def _vanishes(expr: sp.Expr, end: int, symbol: sp.Symbol) -> bool:
    at_end = expr.subs(symbol, end)
    return not at_end.has(sp.AccumBounds) and bool(at_end.is_finite) and bool(decide_zero(at_end))


def _compose_trig(expr: sp.Expr, symbol: sp.Symbol) -> int:
    """Signs of trigonometric functions whose angle, monotone in the symbol, stays in one quadrant."""
    angle = expr.args[0]
    if angle.free_symbols != {symbol} or not _monotone(angle, symbol):
        return 0
    ends = [angle.subs(symbol, end) / (sp.pi / 2) for end in (0, 1)]
    if not all(e.is_finite and e.is_real for e in ends):
        return 0
    low, high = sorted(ends, key=lambda e: float(e))
    quadrant = sp.floor(low)
    if (high <= quadrant + 1) != True:  # noqa: E712 - a SymPy relation, undecided ones must not pass
        return 0
    sine = 1 if int(quadrant) % 4 in (0, 1) else -1
    cosine = 1 if int(quadrant) % 4 in (0, 3) else -1
    return {sp.sin: sine, sp.cos: cosine, sp.tan: sine * cosine, sp.cot: sine * cosine}[expr.func]


def _monotone(angle: sp.Expr, symbol: sp.Symbol) -> bool:
    return _compose(angle.diff(symbol), symbol) != 0


# -- Sturm ----------------------------------------------------------------------------------------------------


def _sturm(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    """Exact root counts of numerator and denominator of a rational function with rational coefficients."""
    rational = canonical(expr)
    if not rational.is_rational_function(symbol):
        return Sign("unknown", "Sturm")
    value, zero = 1, None
    for part in sp.fraction(rational):
        polynomial = sp.Poly(part, symbol)
        if not polynomial.domain.is_ZZ and not polynomial.domain.is_QQ:
            return Sign("unknown", "Sturm")
        value *= _sign_between(polynomial)
        zero = zero or _double_root(polynomial)
        if value == 0:
            return Sign("unknown", "Sturm")
    strict, weak = ("positive", "nonnegative") if value > 0 else ("negative", "nonpositive")
    return Sign(strict, "Sturm") if zero is None else Sign(weak, "Sturm", (zero, 0.0))


def _sign_between(polynomial: sp.Poly) -> int:
    """The sign on (0, 1) of a polynomial without roots of odd multiplicity there; 0 if it has one."""
    content, factors = polynomial.sqf_list()
    sign = 1 if content > 0 else -1
    for factor, power in factors:
        if power % 2 == 0:
            continue
        if _roots_inside(factor):
            return 0
        sign *= 1 if factor.eval(sp.Rational(1, 2)) > 0 else -1
    return sign


def _roots_inside(polynomial: sp.Poly) -> int:
    return int(polynomial.count_roots(0, 1)) - sum(polynomial.eval(end) == 0 for end in (0, 1))


def _double_root(polynomial: sp.Poly) -> float | None:
    inside = [r for r in polynomial.real_roots(multiple=False) if 0 < r[0] < 1] if not polynomial.is_ground else []
    return float(inside[0][0]) if inside else None


# -- balls ----------------------------------------------------------------------------------------------------


def _balls(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    """Mean-value enclosures on [δ, 1 − δ] by bisection, and the leading terms at both ends."""
    sign = _end_sign(expr, 0, symbol)
    if sign == 0 or sign != _end_sign(expr, 1, symbol):
        return Sign("unknown", "balls")
    if not _holds_between(sign * expr, symbol, DELTA, 1 - DELTA):
        return Sign("unknown", "balls")
    return Sign("positive" if sign > 0 else "negative", "balls and leading terms")


def _end_sign(expr: sp.Expr, end: int, symbol: sp.Symbol) -> int:
    """Sign next to an end: of the limit if it is not 0, else of a tiny step inside (checked at three scales)."""
    try:
        limit = limit_at(expr, end, symbol)
    except UndecidedError:
        limit = sp.S.Zero
    if limit.is_positive or limit.is_negative:
        return 1 if limit.is_positive else -1
    signs = set()
    for k in (21, 60, 200, 800):
        step = sp.Rational(1, 2**k)
        ball = enclose(expr, {symbol: step if end == 0 else 1 - step}, bits=4096)
        signs.add((ball > 0) - (ball < 0))
    return signs.pop() if len(signs) == 1 else 0


def _holds_between(expr: sp.Expr, symbol: sp.Symbol, low: float, high: float) -> bool:
    """Whether expr > 0 on [low, high]: on each piece f(X) > 0 or f(mid) + f'(X)(X − mid) > 0."""
    tape = compile_tape((expr, expr.diff(symbol)), (symbol,))
    pieces, budget = [(low, high)], MAX_PIECES
    with ctx.workprec(128):
        while pieces:
            a, b = pieces.pop()
            budget -= 1
            if budget < 0:
                return False
            if not _piece_positive(tape.run, a, b):
                middle = (a + b) / 2 if b < 4 * a else (a * b) ** 0.5
                if 1 - a > 4 * (1 - b) and a > 0.25:
                    middle = 1 - ((1 - a) * (1 - b)) ** 0.5
                pieces += [(a, middle), (middle, b)]
    return True


def _piece_positive(run: Callable[..., list[Ball]], a: float, b: float) -> bool:
    whole, middle = interval(a, b), interval((a + b) / 2, (a + b) / 2)
    value, slope = run([whole])
    if value > 0:
        return True
    centre = run([middle])[0]
    return bool(centre + slope * (whole - middle) > 0)
