"""A source schedule as conversions use it: its time, scale and pace as functions of the target's α and β alone.

τ = r⁻¹(β/α), N = β/β_source(τ) (so that c = N(ᾱ, β̄)) and λ_source(τ) are derived once for each source, over samples of
the ratios that the source reaches, and serve every target.  1 − τ is the inverse of the schedule read backwards, so
that neither end is a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import sympy as sp
from flint import arb

from symsched.codegen.quantities.alphabet import alpha, beta, tau
from symsched.codegen.quantities.coefficients import ScheduleForms
from symsched.codegen.stable import Rounded, Sample, Stabiliser, cost, named, reduced, simplified, unit_samples, worst
from symsched.errors import InputError
from symsched.exact import Ball, compile_tape, decide_zero, within
from symsched.inversion import R, closed_inverse
from symsched.precision import cached_property, precision
from symsched.schedule import Schedule
from symsched.symbols import t

INVERSE_TOLERANCE = 6.0  # ulps: a closed inverse that may lose more gives way to the Newton inverse
CALLS = 400_000  # a budget for the simplification of one form


def backwards(schedule: Schedule) -> Schedule:
    """The schedule with time, and the roles of noise and data, reversed: its r at 1 − t is 1/r at t."""
    return Schedule(schedule.beta.subs(t, 1 - t), schedule.alpha.subs(t, 1 - t))


@dataclass(frozen=True)
class SourceForms:
    """Everything that conversions from one schedule share."""

    schedule: Schedule

    @cached_property
    def own(self) -> ScheduleForms:
        """The forms of the schedule in its own time."""
        return ScheduleForms(self.schedule)

    @cached_property
    def inverses(self) -> tuple[sp.Expr, sp.Expr] | None:
        """τ and 1 − τ in closed form as expressions in α and β, not yet stable; None when there is none."""
        forward, back = closed_inverse(self.schedule), self._back()
        if forward is None or back is None:
            return None
        return forward.subs(R, beta / alpha), back.subs(R, alpha / beta)

    def _back(self) -> sp.Expr | None:
        try:
            return closed_inverse(backwards(self.schedule))
        except InputError:
            return None

    @cached_property
    def samples(self) -> list[Sample]:
        """Samples of (α, β) at ratios from end to end, with α = 1 below the diagonal and β = 1 above."""
        parameters = sorted(self.schedule.parameters, key=str)
        tape = compile_tape((self.schedule.r,), (t, *parameters))
        found = []
        for sample in unit_samples(parameters):
            with precision(sample.bits):
                ratio = tape.run([sample.known[s].value for s in (t, *parameters)])[0]
                known: dict[sp.Basic, Rounded] = {p: sample.known[p] for p in parameters}
                pair = (1 / ratio, arb(1)) if ratio > 1 else (arb(1), ratio)
                known[alpha], known[beta] = (Rounded(value, arb(0)) for value in pair)
                found.append(Sample(sample.bits, known))
        return found

    def _reach(self, form: sp.Expr) -> list[Ball | None]:
        """|∂f/∂ log r| at the samples: what τ is measured by where it crosses 0 or 1 (a truncated end)."""
        slope = form.diff(beta) * beta
        scales: list[Ball | None] = []
        for sample in self.samples:
            with precision(sample.bits):
                found = abs(sample.evaluate(slope).value)
                scales.append(found if found.is_finite() else None)
        return scales

    @cached_property
    def times(self) -> tuple[sp.Expr, sp.Expr] | None:
        """Stable forms of τ and 1 − τ in α and β; None when there are none."""
        if self.inverses is None:
            return None
        forward, back = self.inverses
        scales, stabilise = self._reach(forward), Stabiliser(self.samples)
        best = _chosen(self.samples, _inverse_forms(stabilise, forward), scales)
        if best is None:
            return None
        forms = (*_inverse_forms(stabilise, back), *_left_forms(stabilise, forward))
        left = _chosen(named(self.samples, tau, best), forms, scales)
        return None if left is None else (best, left)

    @cached_property
    def scale(self) -> sp.Expr | None:
        """N(α, β) = β/β_source(τ), where it is short: at once where the source keeps β, α + β or α² + β²."""
        s = self.schedule
        if not s.beta.has(t):
            return beta / s.beta
        if self.kept is not None:
            return self._kept_scale(self.kept)
        return self._short([beta / s.beta, alpha / s.alpha])

    @cached_property
    def kept(self) -> sp.Expr | None:
        """α^i + β^j with i, j in {1, 2}, where the source keeps it at 1."""
        at = {alpha: self.schedule.alpha, beta: self.schedule.beta}
        laws = (alpha + beta, alpha**2 + beta**2, alpha + beta**2, alpha**2 + beta)
        return next((law for law in laws if decide_zero(law.subs(at) - 1)), None)

    @staticmethod
    def _kept_scale(kept: sp.Expr) -> sp.Expr:
        """The N > 0 with which (α/N, β/N) keeps it at 1 too."""
        size = sp.Dummy("N", positive=True)
        roots = sp.solve(kept.subs({alpha: alpha / size, beta: beta / size}, simultaneous=True) - 1, size)
        (positive,) = [root for root in roots if root.subs({alpha: 2, beta: 3}) > 0]
        return positive

    @cached_property
    def pace(self) -> sp.Expr | None:
        """λ_source(τ) in α and β, where it is short."""
        return self._short([self.schedule.log_r_dot])

    def _short(self, exprs: Sequence[sp.Expr]) -> sp.Expr | None:
        if self.inverses is None:
            return None
        made: list[sp.Expr] = []
        for time in dict.fromkeys((self.inverses[0], *(self.times or ())[:1])):
            for expr in exprs:
                form = _simple(expr.subs(t, time))
                if form is not None and form.count_ops() <= 14 and worst(self.samples, form) <= 5:
                    made.append(form)
        return min(made, key=lambda f: (cost(f), sp.default_sort_key(f)), default=None)


def _chosen(samples: Sequence[Sample], forms: Iterable[sp.Expr], scales: Sequence[Ball | None]) -> sp.Expr | None:
    errors = {form: worst(samples, form, scales) for form in dict.fromkeys(forms) if not form.has(sp.I, sp.nan)}
    good = [form for form, error in errors.items() if error <= INVERSE_TOLERANCE]
    return min(good, key=lambda f: (errors[f] > 3, cost(f), sp.default_sort_key(f)), default=None)


@lru_cache(maxsize=64)
def source_forms(schedule: Schedule) -> SourceForms:
    return SourceForms(schedule)


def _simple(form: sp.Expr) -> sp.Expr | None:
    if form.count_ops() > 40:
        return None
    return within(CALLS, lambda: simplified(reduced(form)))


def _inverse_forms(stabilise: Stabiliser, form: sp.Expr) -> Iterator[sp.Expr]:
    short = within(CALLS, partial(_shortened, form)) or form
    yield from (short, form)
    for given in (short, form):
        found = within(5 * CALLS, partial(stabilise, given))
        if found is not None:
            yield found


def _shortened(form: sp.Expr) -> sp.Expr:
    return simplified(reduced(form)) if form.count_ops() < 40 else reduced(form)


def _left_forms(stabilise: Stabiliser, forward: sp.Expr) -> Iterator[sp.Expr]:
    """1 − τ as (1 − τ²)/(1 + τ), in which a root disappears, and as the logarithm of one quotient."""
    square = reduced(forward**2)
    if not square.has(sp.log, sp.exp):
        yield stabilise(simplified(1 - square)) / (1 + tau)
    above, below = sp.fraction(sp.together(1 - forward))
    combined = sp.logcombine(sp.expand_log(above, force=True), force=True)
    if isinstance(combined, sp.log):
        yield stabilise(sp.log(reduced(combined.args[0]))) / below
