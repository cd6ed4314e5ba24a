"""How far log r of a truncated schedule is from its value at an end, |log r(t)/r(end)|, without cancellation there.

Next to a truncated end r hardly moves: log r − log r(end) has no digits left just where τ is small.  Factor by factor,
e^g gives g − g(end), e^g − 1 gives log1p(e^g₀ expm1(g − g₀)/expm1(g₀)), sinh g likewise, and g − g₀ has the factor t.
"""

from __future__ import annotations

import sympy as sp

from symsched.codegen.kernels import reduced
from symsched.codegen.rounding import expm1, log1p, u, written_out
from symsched.codegen.stable import Stabiliser
from symsched.schedule import Schedule
from symsched.symbols import t


def distance(ratio: sp.Expr, end: int, stabilise: Stabiliser) -> sp.Expr:
    """A stable form of |log r(t)/r(end)| for a ratio in t and u that is finite and positive there."""
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
    if isinstance(factor, expm1):
        (inner,) = factor.args
        start = at_end(inner, end)
        return log1p(expm1(_moved(inner, end, stabilise)) * (1 + 1 / (sp.exp(start) - 1)))
    if isinstance(factor, sp.sinh):
        (inner,) = factor.args
        start = at_end(inner, end)
        middle = stabilise(sp.factor(sp.expand(written_out(inner) + start)) / 2)
        return log1p(2 * sp.cosh(middle) * sp.sinh(_moved(inner, end, stabilise) / 2) / sp.sinh(start))
    return log1p(stabilise(reduced(written_out(factor) / at_end(factor, end) - 1)))


def _moved(form: sp.Expr, end: int, stabilise: Stabiliser) -> sp.Expr:
    """g(t) − g(end)."""
    return stabilise(sp.factor(sp.expand(written_out(form) - at_end(form, end))))


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
