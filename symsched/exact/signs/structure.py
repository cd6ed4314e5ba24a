"""Signs composed from the leaves up: products, powers, ranges of functions, and monotonicity."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from flint import arb

from symsched.errors import InputError
from symsched.exact.balls import enclose, sign_of_number, without_cancellation
from symsched.exact.budget import within
from symsched.exact.facts import known
from symsched.exact.functions import HYPERBOLIC, POSITIVE, ROWS, SAME_SIGN, TRIGONOMETRIC, holds_of
from symsched.exact.generators import canonical
from symsched.exact.limits import end_if_continuous
from symsched.exact.signs.sign import Sign, strict
from symsched.exact.signs.sturm import MAX_POWER, by_sturm, highest_power
from symsched.exact.zero import decide_zero
from symsched.precision import precision

MAX_LEVELS = 12  # derivatives of derivatives: e^t − 1 − t − … − t^9/9! needs ten
MAX_OPERATIONS = 60  # of a formula whose slope is looked at: slopes grow, and so do those of slopes
MAX_STEPS = 600  # signs asked in one descent: without it the levels would multiply
FACTOR_CALLS = 200_000  # of Python functions, some 0.6 s


def by_structure(expr: sp.Expr, symbol: sp.Symbol) -> Sign:
    """The strict sign of `expr` where its structure shows it.  Without parameters `expr` must be real and smooth on
    all of (0, 1), as `proof` sees to."""
    for form in _forms(expr, symbol):
        value = _Composer(symbol).sign(form)
        if value:
            return strict(value, "structure")
    return Sign("unknown", "structure")


def _forms(expr: sp.Expr, symbol: sp.Symbol) -> Iterator[sp.Expr]:
    yield expr
    yield sp.factor_terms(expr)
    if expr.has(*HYPERBOLIC):
        yield without_cancellation(expr)
    if expr.is_rational_function(symbol):  # factoring powers of exponentials can take forever
        low = highest_power(expr) <= MAX_POWER  # t^2000 − 1 has factors without end
        found = within(FACTOR_CALLS, lambda: sp.factor(canonical(expr)) if low else sp.expand(expr))
        if found is not None:
            yield found


class _Composer:
    """1, −1, or 0 for unknown; `levels` bounds the descent into derivatives, and the steps bound all the rest."""

    def __init__(self, symbol: sp.Symbol) -> None:
        self.symbol, self.steps = symbol, 0
        self.known: dict[tuple[sp.Expr, int], int] = {}

    def sign(self, expr: sp.Expr, levels: int = MAX_LEVELS) -> int:
        key = expr, levels
        if key not in self.known:
            self.steps += 1
            self.known[key] = 0  # an expression met again inside itself
            self.known[key] = self._sign(expr, levels) if self.steps <= MAX_STEPS else 0
        return self.known[key]

    def _sign(self, expr: sp.Expr, levels: int) -> int:
        if not expr.has(self.symbol) and not expr.free_symbols:
            return sign_of_number(expr)
        if expr == self.symbol:
            return 1
        if expr.is_Mul:
            return self._product(expr.args, levels)
        if holds_of(POSITIVE, expr.func) or isinstance(expr, sp.exp):
            return 1
        if isinstance(expr, sp.Abs):
            return abs(self.sign(expr.args[0], levels))
        if expr.is_Pow:
            return self._power(expr, levels)
        if expr.is_Add:
            return self._sum(expr, levels)
        if isinstance(expr, sp.log):
            return self.sign(expr.args[0] - 1, levels)
        if isinstance(expr, sp.acos):
            return max(self.sign(1 - expr.args[0], levels), 0)
        if holds_of(SAME_SIGN, expr.func):
            if len(expr.args) == 2:  # the lower branch of LambertW
                return -1
            return self.sign(expr.args[0], levels)
        if expr.func in TRIGONOMETRIC:
            return self._trigonometric(expr, levels)
        known = _assumed(expr)
        return known or self._monotone(expr, levels) if expr.free_symbols == {self.symbol} else known

    def _product(self, factors: tuple[sp.Expr, ...], levels: int) -> int:
        result = 1
        for factor in factors:
            result *= self.sign(factor, levels)
            if result == 0:
                break
        return result

    def _power(self, expr: sp.Pow, levels: int) -> int:
        fractional = expr.exp.is_number and not expr.exp.is_integer and expr.free_symbols == {self.symbol}
        if fractional and not isinstance(expr.base, sp.Abs):
            return 1  # its base has been shown to be positive; that of |f|^p, which may be 0, has not (see `domain`)
        base = self.sign(expr.base, levels)
        if base > 0 and expr.exp.is_real is not False:
            return 1
        if base < 0 and expr.exp.is_integer:
            return 1 if expr.exp.is_even else -1 if expr.exp.is_odd else 0
        return 0

    def _sum(self, expr: sp.Add, levels: int) -> int:
        signs = {self.sign(term, levels) for term in expr.args}
        if len(signs) == 1 and 0 not in signs:
            return signs.pop()
        if expr.free_symbols != {self.symbol}:
            return _assumed(expr)
        # Before slopes: a count of roots needs no descent through the levels.
        sturm = by_sturm(expr, self.symbol) if expr.is_rational_function(self.symbol) else None
        if sturm is not None and sturm.decided:
            return {"positive": 1, "negative": -1}.get(sturm.value, 0)
        terms = [_power_of(term, self.symbol) for term in expr.args]
        lowest = min((e for _, e in terms), key=float)
        if lowest != 0:  # t^(4/3) − t² = t^(4/3) (1 − t^(2/3)), of which the second factor is monotone
            return self.sign(sp.Add(*(c * self.symbol ** (e - lowest) for c, e in terms)), levels)
        return self._monotone(expr, levels)

    def _monotone(self, expr: sp.Expr, levels: int) -> int:
        """A function that starts at or above 0 and increases, and the three mirror images: t − sin t, 1 − e^(−t)."""
        if levels == 0 or expr.count_ops() > MAX_OPERATIONS:
            return 0
        slope = self.sign(expr.diff(self.symbol), levels - 1)
        for end, sign in ((0, slope), (1, -slope)):
            value = end_if_continuous(expr, end, self.symbol) if slope else None
            if value is not None and (_is_zero(value) or sign_of_number(value) == sign):
                return sign
        return 0

    def _trigonometric(self, expr: sp.Expr, levels: int) -> int:
        """An angle, monotone in the symbol, that stays in one quadrant."""
        angle = expr.args[0]
        slope = self.sign(angle.diff(self.symbol), levels) if angle.free_symbols == {self.symbol} else 0
        ends = [end_if_continuous(angle, end, self.symbol) for end in (0, 1)]
        if not slope or ends[0] is None or ends[1] is None:
            return 0
        low, high = (end / (sp.pi / 2) for end in ends[::slope])
        quadrant = _floor(low)
        if quadrant is None or not _is_at_least(quadrant + 1, high):
            return 0
        return ROWS[expr.func].signs[quadrant % 4]


def _power_of(term: sp.Expr, symbol: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """(c, e) with term = c·symbol^e, e a real number and c whatever is left."""
    powers = [factor.as_base_exp() for factor in sp.Mul.make_args(term)]
    moved = [e for base, e in powers if base == symbol and e.is_number]
    return sp.Mul(*(b**e for b, e in powers if b != symbol or not e.is_number)), sp.Add(*moved)


def _floor(number: sp.Expr) -> int | None:
    """⌊number⌋ by balls and exact zeros; None where they do not tell on which side of an integer it lies."""
    try:
        ball = enclose(number, {}, bits=512)
    except InputError:
        return None
    with precision(512):
        nearest = (ball + arb(0.5)).mid().floor().unique_fmpz() if ball.is_finite() else None
    if nearest is None:
        return None
    n = int(nearest)
    if _is_at_least(number, n):
        return n if sign_of_number(n + 1 - number) > 0 else None
    return n - 1 if sign_of_number(n - number) > 0 and _is_at_least(number, n - 1) else None


def _is_at_least(a: sp.Expr, b: sp.Expr) -> bool:
    """Whether a ≥ b is shown."""
    return sign_of_number(a - b) > 0 or _is_zero(a - b)


def _is_zero(number: sp.Expr) -> bool:
    try:
        return bool(decide_zero(number))
    except InputError:
        return False


def _assumed(expr: sp.Expr) -> int:
    """What the assumptions on the parameters say."""
    if expr.count_ops() > MAX_OPERATIONS:
        return 0
    return 1 if known(expr, "positive") else -1 if known(expr, "negative") else 0
