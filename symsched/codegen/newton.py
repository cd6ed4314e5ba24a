"""The guarded Newton inverse, for sources whose r has no closed inverse that is also stable.

log r is solved for z = logit τ inside a bracket that only shrinks: a Newton step that leaves it becomes a bisection, so
60 steps always suffice for the last two, which act on τ and 1 − τ directly and bring both to full relative precision.

Where the source is truncated log r tends to a number, and Newton steps would creep.  With d the distance of log r from
that number, what is solved there is log(e^d − 1), which moves like z again: four steps do for every catalogue schedule.
The last two steps take d in the stable form of `distance`, where the target is truncated at that end too.

torch unrolls its loops when it compiles, so it takes as many steps as this source is proved (`passes`) or was
seen to need, and two more.
Gradients come from the last two steps alone: a Newton step from the solution has the slope of the inverse.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symsched.codegen.lines import plain
from symsched.codegen.quantities import Brief, near_both_ends, rate, source_forms
from symsched.codegen.stable import ends_of, expm1, log_end, log_slope, u
from symsched.schedule import Schedule
from symsched.symbols import t

STEPS = 60
above, below, log_r, inverse_r, close = sp.symbols("above below log_r inverse_r close")
PLACES = {  # what is solved, by the truncated ends of the source; and what its logarithm is that of
    (): (log_r, sp.exp(t)),
    (0,): (above + sp.log(-expm1(-above)), expm1(t)),
    (1,): (-below - sp.log(-expm1(-below)), 1 / expm1(u)),
    (0, 1): (sp.log(above) - sp.log(below), t / u),
}


@dataclass(frozen=True)
class Inverse:
    """What every language writes: r and λ of the source in s and left = 1 − s, what is solved, distances from ends."""

    ratio: sp.Expr
    pace: sp.Expr
    ends: tuple[int, ...]
    distances: tuple[tuple[sp.Symbol, sp.Expr], ...]  # from log r
    place: sp.Expr
    slope: sp.Expr
    close: sp.Expr  # r_source(s)/r, but for the roots in it
    gap: sp.Expr  # log r_source(s) − log r, in `close`
    near: tuple[tuple[sp.Symbol, sp.Expr, float], ...]  # distances at s, stable next to an end: used below a number
    parameters: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether the source has no open parameters."""
        return self.ratio.free_symbols <= set(sp.symbols("s left"))

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of the function that solves for the source time."""
        return "alpha", "beta", "inverse_r", *(f"near_{symbol}" for symbol, *_ in self.near), *self.parameters


def inverse_of(brief: Brief) -> Inverse:
    """The Newton inverse of the source of a module."""
    source = source_forms(brief.source).own
    letters = {sp.Symbol("t"): sp.Symbol("s"), sp.Symbol("u"): sp.Symbol("left")}

    def lettered(form: sp.Expr) -> sp.Expr:
        return plain(near_both_ends(form)).xreplace(letters)

    ends = ends_of(source.schedule)
    signed = {0: (above, log_r, -1), 1: (below, -log_r, 1)}
    far = tuple((signed[e][0], signed[e][1] + signed[e][2] * lettered(log_end(source.schedule, e))) for e in ends)
    near = tuple((signed[e][0], lettered(source.distance(e)), _nearness(source.schedule, e)) for e in ends)
    place, inner = PLACES[ends]
    slope = log_slope(inner).subs({t: above, u: below}, simultaneous=True)
    parameters = tuple(p.name for p in brief.parameters if p.name != "kappa")
    ratio, pace = lettered(source.ratio), lettered(source.alone(rate))
    return Inverse(ratio, pace, ends, far, place, slope, *_gap(ratio), near, parameters)


def _gap(ratio: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """(what `close` is, log(r_source/r) in it), by squares where r_source has a root: what is rounded then counts half.

    What stands outside the roots is brought `close` to 1 by 1/r before it is squared: that of 1/r alone is no float.
    """
    factors = sp.Mul.make_args(ratio)
    roots = [f for f in factors if f.is_Pow and not isinstance(f, sp.exp) and abs(f.exp) == sp.S.Half]
    rest = sp.Mul(inverse_r, *(f for f in factors if f not in roots))
    return rest, sp.log(close**2 * sp.Mul(*(f**2 for f in roots))) / 2 if roots else sp.log(close)


def _nearness(schedule: Schedule, end: int) -> float:
    """Up to which distance the stable form loses less than log r does, whose size at the end is `log_end`."""
    size = log_end(schedule, end)
    return 1.0 if size.free_symbols else max(1.0, float(round(abs(float(size)) / 2)))
