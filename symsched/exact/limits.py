"""What happens at t = 0 and t = 1: exact limits, and numeric tables that are right at the ends too.

Rivals clamp t to [1e-3, 1 − 1e-3] or return NaN.  Here an end value is a limit, kept as an expression, and a
numeric table is the limit at the ends and a last-bit-correct value (see `enclose`) everywhere between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from symsched.errors import InputError, UndecidedError, clipped
from symsched.exact.balls import Evaluator, compile_tape, enclose, smooth_at
from symsched.exact.budget import within
from symsched.exact.facts import known
from symsched.exact.functions import STEADY, holds_of
from symsched.exact.generators import canonical, has_root_of_large_degree, shortest
from symsched.exact.series import leading_sign, limit_of
from symsched.exact.terms import BeyondSeriesError
from symsched.exact.zero import decide_zero
from symsched.given import reals
from symsched.precision import alone
from symsched.symbols import t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_u = sp.Dummy("u", positive=True)  # distance from the end
GRUNTZ_CALLS = 400_000  # of Python functions for each candidate, some 1.2 s


@lru_cache(maxsize=4096)
@alone
def limit_at(expr: sp.Expr, end: int, symbol: sp.Symbol = t) -> sp.Expr:
    """lim of `expr` as `symbol` → `end` from inside (0, 1); `end` is 0 or 1.  May be ±∞.

    Substitution where the expression is continuous by composition; cancellation; a generalised power series (see
    `leading`).  Without parameters, and where nothing oscillates, so that there is a limit, also SymPy's Gruntz
    algorithm, within a budget; what it says is checked against ball evaluations ever closer to the end.

    Raises:
        InputError: `end` is neither 0 nor 1.
        UndecidedError: no candidate survived the check, or the limit does not exist.
    """
    if end not in (0, 1):
        raise InputError(f"end = {end}: limits are taken at 0 or 1")
    expr = sp.sympify(expr, strict=True)
    if expr.has(sp.nan, sp.zoo, sp.I):
        raise InputError(f"no limit of {clipped(expr)}: expected a real expression")
    if not expr.has(symbol):
        return expr
    check_unbranched(expr)
    try:
        value = _limit_of(expr.subs(symbol, _u if end == 0 else 1 - _u))
    except InputError:
        compile_tape((expr,), tuple(expr.free_symbols))  # says what has no value in the caller's letters
        raise
    if value is not None:
        return value
    advice = give_a_value(expr.free_symbols - {symbol})
    raise UndecidedError(f"the limit of {clipped(expr)} at {symbol} = {end} could not be determined{advice}")


def _limit_of(near: sp.Expr) -> sp.Expr | None:
    """The limit as u → 0+; None where no candidate survives."""
    value = continuous_value(near, _u)
    if value is None:
        value = _series_value(near)
    if value is not None:
        return without_roots_of_zero(value)
    if near.free_symbols == {_u} and _is_real_near(near) and _is_steady(near):
        for candidate in _candidates(near):
            if _is_value(candidate) and _closes_in(near, candidate):
                return candidate
    return None


def without_roots_of_zero(value: sp.Expr) -> sp.Expr:
    """The value with 0 in the place of each root of an exact 0: a ball about it reaches below, whatever its size."""

    def is_root_of_zero(part: sp.Expr) -> bool:
        if not part.is_Pow or part.exp.is_Integer or not known(part.exp, "positive") or part.base.is_Rational:
            return False
        base = part.base
        near = not base.free_symbols and enclose(base, {}, bits=256).contains(0)
        return bool(near and decide_zero(base).zero)

    return value.replace(is_root_of_zero, lambda _: sp.S.Zero)


def give_a_value(parameters: Iterable[sp.Symbol]) -> str:
    """The end of a message about a formula that may hang on its parameters; empty if there are none."""
    letters = ", ".join(sorted(map(str, parameters)))
    return f"; give {letters} a value" if letters else ""


def check_unbranched(expr: sp.Expr) -> None:
    """Raises UndecidedError where a condition chooses between formulas."""
    if expr.has(sp.Piecewise, Relational, BooleanFunction):
        raise UndecidedError(f"{clipped(expr)} has branches: expected one formula for all of (0, 1)")


def _series_value(near: sp.Expr) -> sp.Expr | None:
    """The limit by exact series; balls, however slow the approach, must at least not move away from it."""
    cheap = near.is_rational_function(_u) and len(near.free_symbols) <= 3 and near.count_ops() < 120
    for form in (canonical(near), near) if cheap else (near,):
        value = continuous_value(form, _u)
        try:
            if value is None:
                value = limit_of(form, _u)
                value = shortest(value, sp.radsimp(value)) if value.count_ops() < 30 else value
        except BeyondSeriesError:
            continue
        if near.free_symbols != {_u}:
            return value
        far, nearer, nearest = (_distance(near, value, k) for k in (60, 240, 960))
        if nearest <= 2.0**-100 or (nearest < 0.95 * nearer and nearer < 0.95 * far):
            return value
    return None


def _candidates(near: sp.Expr) -> Iterator[sp.Expr]:
    """Ever more laborious routes to the limit as u → 0+."""
    yield _substituted(near)
    if has_root_of_large_degree(near):
        return
    for form in (lambda: near, lambda: canonical(near), lambda: sp.simplify(near)):
        found = within(GRUNTZ_CALLS, lambda form=form: _gruntz(form()))  # type: ignore[misc]
        if found is not None:
            yield found


def _gruntz(form: sp.Expr) -> sp.Expr:
    try:
        return sp.limit(form, _u, 0, "+")
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError, sp.PolynomialError):
        return sp.nan  # Gruntz gave up on this form


def continuous_value(expr: sp.Expr, *symbols: sp.Symbol) -> sp.Expr | None:
    """The value of `expr` where all `symbols` are 0, if every part is continuous there from the right; else None."""
    if not expr.has(*symbols):
        return expr if _is_real_constant(expr) else None
    if expr in symbols:
        return sp.S.Zero
    args = [continuous_value(a, *symbols) for a in expr.args]
    if any(a is None for a in args) or not _continuous_at(expr, args, symbols):
        return None
    if isinstance(expr, (sp.betainc, sp.betainc_regularized)) and args[2] == args[3]:
        return sp.S.Zero  # which SymPy leaves as it is, and the next one too
    return sp.S.One if isinstance(expr, sp.betainc_regularized) and args[2:] == [0, 1] else expr.func(*args)


def end_if_continuous(expr: sp.Expr, end: int, symbol: sp.Symbol = t) -> sp.Expr | None:
    """The exact value at the end where continuity by composition gives it; else None."""
    return continuous_value(expr.subs(symbol, _u if end == 0 else 1 - _u), _u)


def _continuous_at(expr: sp.Expr, args: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> bool:
    if isinstance(expr, (AppliedUndef, sp.Derivative)):
        return False  # free functions are smooth inside (0, 1)
    if isinstance(expr, (sp.Abs, sp.Max, sp.Min)):
        return True
    if isinstance(expr, (sp.asin, sp.acos)):
        return smooth_at(expr, tuple(args)) or all(
            _stays_nonnegative(1 + s * expr.args[0], 1 + s * args[0], symbols) for s in (1, -1)
        )
    if isinstance(expr, (sp.betainc, sp.betainc_regularized)) and all(known(p, "positive") for p in args[:2]):
        bounds = zip(expr.args[2:], args[2:], strict=True)
        return all(
            _stays_nonnegative(x, end, symbols) and _stays_nonnegative(1 - x, 1 - end, symbols) for x, end in bounds
        )
    if expr.is_Pow and known(args[1], "positive"):
        return bool(expr.exp.is_Integer) or _stays_nonnegative(expr.base, args[0], symbols)
    return smooth_at(expr, tuple(args))


def _is_real_constant(expr: sp.Expr) -> bool:
    if expr.has(sp.oo, sp.zoo, sp.nan, sp.I) or expr.is_real is False:
        return False
    try:
        return bool(expr.is_real or expr.free_symbols or enclose(expr, {}, bits=256).is_finite())
    except InputError:
        return False


def _stays_nonnegative(near: sp.Expr, end: sp.Expr, symbols: Sequence[sp.Symbol]) -> bool:
    """Whether `near` is shown to be ≥ 0 close to the end, where its value is `end`: a root needs more than end = 0."""
    if known(near, "nonnegative") or known(end, "positive"):
        return True
    if near.is_Mul and all(_stays_nonnegative(factor, sp.S.Zero, symbols) for factor in near.args):
        return True
    try:
        return len(symbols) == 1 and leading_sign(near, symbols[0]) > 0
    except BeyondSeriesError:
        return False


def _is_real_near(near: sp.Expr) -> bool:
    """False where no candidate would pass the check (see `_closes_in`): it is cheaper than to look for one."""
    try:
        return bool(enclose(near, {_u: sp.Rational(1, 2**960)}, bits=16384).is_finite())
    except InputError:
        return True


def _is_steady(near: sp.Expr) -> bool:
    """Whether `near` lies in a field of functions that are monotone in the end: sin and the like only of what has a
    finite limit."""
    for part in sp.preorder_traversal(near):
        if isinstance(part, sp.Function) and part.has(_u) and not holds_of(STEADY, part.func):
            try:
                if not all(limit_at(arg, 0, _u).is_finite for arg in part.args):
                    return False
            except UndecidedError:
                return False
    return True


def _substituted(near: sp.Expr) -> sp.Expr:
    try:
        return near.subs(_u, 0)
    except (ZeroDivisionError, ValueError, TypeError):
        return sp.nan


def _is_value(candidate: sp.Expr) -> bool:
    """Whether it is ±∞, or a number of which balls are known."""
    if candidate in (sp.oo, -sp.oo):
        return True
    if candidate.has(sp.oo, sp.zoo, sp.nan, sp.I, sp.AccumBounds, sp.Limit, _u):
        return False
    try:  # 0^q with a symbolic q is not evaluated
        return not any(p.base.is_zero for p in candidate.atoms(sp.Pow)) and enclose(candidate, {}, 256).is_finite()
    except InputError:
        return False


def _closes_in(near: sp.Expr, candidate: sp.Expr) -> bool:
    """Whether ball evaluations at u = 2^-60, 2^-240, 2^-960 close in on the candidate, at the rate of 1/√log u at
    least: mere nearness would let a slightly wrong value pass."""
    far, nearer, nearest = (_distance(near, candidate, k) for k in (60, 240, 960))
    return nearest <= 2.0**-900 or (nearer <= 0.6 * far and nearest <= 0.6 * nearer and nearest < 0.25)


def _distance(near: sp.Expr, candidate: sp.Expr, k: int) -> float:
    ball = enclose(near, {_u: sp.Rational(1, 2**k)}, bits=16384)
    if not ball.is_finite():
        return float("inf")
    if candidate in (sp.oo, -sp.oo):
        return float("inf") if (ball > 0) != (candidate == sp.oo) else float((1 / abs(ball)).mid())
    exact = enclose(candidate, {}, bits=16384)
    return float((abs(ball - exact) / (1 + abs(exact))).mid())


@alone
def end_value(expr: sp.Expr, end: int, symbol: sp.Symbol = t) -> float:
    """The exact limit as a float64, ±inf where it is infinite."""
    limit = limit_at(expr, end, symbol)
    return float(limit) if limit in (sp.oo, -sp.oo) else Evaluator((limit,), symbol).at(0.5)[0]


@alone
def values(
    exprs: Sequence[sp.Expr],
    points: ArrayLike,
    symbol: sp.Symbol = t,
    end: Callable[[sp.Expr, int, sp.Symbol], float] = end_value,
) -> list[NDArray[np.float64]]:
    """float64 tables of `exprs` at `points` in [0, 1]: limits at 0 and 1 (by `end`), last-bit-correct values between.

    Each returned array has the shape of `points`; entries are ±inf where a limit is infinite.

    Raises:
        InputError: a point lies outside [0, 1] or is NaN, or an expression has a parameter without a value.
        UndecidedError: an expression has no limit at an end that is asked for.
    """
    import numpy as np

    grid = times_array(points, symbol)
    inside = (grid > 0) & (grid < 1)
    tables = []
    for expr, found in zip(exprs, Evaluator(tuple(exprs), symbol)(grid[inside]), strict=True):
        table = np.empty(grid.shape)
        table[inside] = found
        for edge in (0, 1):
            if np.any(grid == edge):
                table[grid == edge] = end(expr, edge, symbol)
        tables.append(table)
    return tables


def times_array(points: ArrayLike, symbol: sp.Symbol = t) -> NDArray[np.float64]:
    """Times in [0, 1] as a float64 array.  Raises InputError for anything else."""
    grid = reals(points, str(symbol), "numbers in [0, 1], in an array")
    outside = ~((grid >= 0) & (grid <= 1))
    if outside.any():
        raise InputError(
            f"{symbol} = {float(grid[outside].flat[0])!r} is outside [0, 1]: times run from 0 (noise) to 1 (data)"
        )
    return grid
