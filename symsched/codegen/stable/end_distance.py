"""How far log r of a truncated schedule is from its value at an end, |log r(t)/r(end)|, without cancellation there.

Next to a truncated end r hardly moves: log r − log r(end) has no digits left just where τ is small.  Factor by factor,
e^g gives g − g(end), e^g − 1 gives log1p(e^g₀ expm1(g − g₀)/expm1(g₀)), sinh g likewise, and g − g₀ has the factor t.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symsched.codegen.stable.letters import expanded, in_factors, reduced
from symsched.codegen.stable.rewriting import Stabiliser, cost
from symsched.codegen.stable.rounding import expm1, log1p, u, worst, written_out
from symsched.schedule import Schedule
from symsched.symbols import t

NEAR = 0.26  # times this close to the end decide


def distance(ratios: Sequence[sp.Expr], end: int, stabilise: Stabiliser) -> sp.Expr:
    """A stable form of |log r(t)/r(end)|, from forms of r in t and u: the best next to the end, where r is not 0 or ∞.

    Terms of one sign lose nothing: e^−x/(1 − e^−2x) gives two, of which one is a polynomial."""
    forms = [_of_ratio(ratio, end, stabilise) for ratio in ratios]
    near = [sample for sample in stabilise.samples if bool(sample.known[(t, u)[end]].value < NEAR)]
    return min(dict.fromkeys(forms), key=lambda f: (worst(near, f), cost(f), sp.default_sort_key(f)))


def _of_ratio(ratio: sp.Expr, end: int, stabilise: Stabiliser) -> sp.Expr:
    terms = [_of_factor(factor, end, stabilise) for factor in sp.Mul.make_args(ratio) if factor.has(t, u)]
    return sp.factor_terms(sp.Add(*terms) * (1 if end == 0 else -1))


def _of_factor(factor: sp.Expr, end: int, stabilise: Stabiliser) -> sp.Expr:
    """log f(t)/f(end) for one factor."""
    if isinstance(factor, sp.exp):
        return _moved(factor.exp, end, stabilise)
    if factor.is_Pow and not factor.base.has(t, u):
        return sp.log(factor.base) * _moved(factor.exp, end, stabilise)
    if factor.is_Pow:
        return factor.exp * _of_factor(factor.base, end, stabilise)
    if factor.could_extract_minus_sign():
        factor = -factor
    up, down = _relative(factor, end, stabilise)
    return log1p(up) if _is_positive(up) else -log1p(down)


def _relative(factor: sp.Expr, end: int, stabilise: Stabiliser) -> tuple[sp.Expr, sp.Expr]:
    """f/f(end) − 1 and f(end)/f − 1: of the two, the one that is positive never cancels against 1."""
    start = at_end(factor, end)
    if not isinstance(factor, expm1 | sp.sinh):
        quotient = written_out(factor) / start
        return stabilise(reduced(quotient - 1)), stabilise(reduced(1 / quotient - 1))
    (inner,) = factor.args
    moved, began = _moved(inner, end, stabilise), at_end(inner, end)
    if isinstance(factor, expm1):
        return expm1(moved) * (1 + 1 / (sp.exp(began) - 1)), -expm1(-moved) / expm1(-inner)
    middle = stabilise(in_factors(expanded(written_out(inner) + began)) / 2)
    change = 2 * sp.cosh(middle) * sp.sinh(moved / 2)
    return change / start, -change / factor


def _is_positive(form: sp.Expr) -> bool:
    """Whether a form of one sign is positive, at the middle and at some value of every parameter."""
    at = written_out(form).subs(t, sp.S.Half)
    return bool(sp.N(at.subs(dict.fromkeys(at.free_symbols, sp.Rational(13, 16)))) > 0)


def _moved(form: sp.Expr, end: int, stabilise: Stabiliser) -> sp.Expr:
    """g(t) − g(end)."""
    return stabilise(in_factors(expanded(written_out(form) - at_end(form, end))))


def at_end(form: sp.Expr, end: int) -> sp.Expr:
    """The value of a form that has one at the end."""
    return written_out(form).subs(t, end)


def ends_of(schedule: Schedule) -> tuple[int, ...]:
    """The ends at which r is finite and positive: where the schedule is truncated."""
    low, high = (schedule.limit("r", end) for end in (0, 1))
    return (() if low == 0 else (0,)) + (() if high == sp.oo else (1,))


def log_end(schedule: Schedule, end: int) -> sp.Expr:
    """log r at a truncated end."""
    return sp.log(schedule.limit("r", end))
