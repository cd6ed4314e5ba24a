"""A conversion as its quantities are sought: exact values in t and τ(t), and the source at its own time.

Exact values everywhere come from the source time as a ball at each sample, however τ is emitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sympy as sp
from flint import arb

from symsched.codegen.quantities.alphabet import (
    IN_SOURCE,
    TAU,
    TIME,
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    explicit,
    scale,
    scale_dot,
    tau,
    tau_dot,
    tau_left,
)
from symsched.codegen.quantities.coverage import covered, source_time
from symsched.codegen.quantities.ledger import Ledger, Quantity
from symsched.codegen.quantities.sources import SourceForms, source_forms
from symsched.codegen.stable import SMALLEST, Rounded, Sample, Stabiliser, in_factors, log1p, u
from symsched.errors import InputError, UndecidedError
from symsched.exact import Ball
from symsched.inversion import closed_inverse
from symsched.precision import cached_property, precision
from symsched.schedule import Schedule
from symsched.symbols import t

BETTER = 1.3  # errors of conversions add up: a form that is better by so much may be longer


@dataclass(frozen=True)
class Change:
    """The conversion from a source to a target."""

    origin: Schedule
    target: Schedule
    alone: Ledger  # what the target states by itself
    newton: bool = False  # τ is solved for though it has a closed form

    @property
    def source(self) -> SourceForms:
        return source_forms(self.origin)

    @cached_property
    def exact(self) -> dict[sp.Symbol, sp.Expr]:
        """τ, 1 − τ, c, τ̇, ċ in t and τ(t)."""
        source, target = self.origin, self.target
        pace = target.log_r_dot / source.log_r_dot.subs(t, TIME)
        ratio = target.alpha / source.alpha.subs(t, TIME)
        if not source.beta.has(t):
            ratio = target.beta / source.beta
        slope = target.beta_dot / target.beta - pace * (source.beta_dot / source.beta).subs(t, TIME)
        return {tau: TIME, tau_left: 1 - TIME, scale: ratio, tau_dot: pace, scale_dot: ratio * slope}

    # -- where it begins --------------------------------------------------------------------------------------------

    @cached_property
    def start(self) -> Ledger:
        """The target's ledger at the samples at which the source has a time at all, with that time."""
        pace = explicit(self.exact[tau_dot], sp.S.Zero)
        samples = tuple(filter(None, map(self._timed, self.alone.samples)))
        made = self.source.own.ledger.made
        offers = [Quantity(s, self._in_names(x), made[x].exact.subs(t, TIME), 0.0) for x, s in IN_SOURCE.items()]
        return replace(
            self.alone,
            samples=samples,
            stabilise=Stabiliser(samples),
            pace=pace,
            offered=tuple(offers),
            covered=covered(self.origin, self.target),
        )

    def _timed(self, sample: Sample) -> Sample | None:
        if closed_inverse(self.origin) is None and sample.bits > 700:
            return None  # Newton steps at thousands of bits take long
        given = {p: _dyadic(sample.known[p].value) for p in self.alone.parameters}
        with precision(sample.bits + 200):
            try:
                value = source_time(self.origin, self.target, sample.known[t].value, given)
            except (InputError, UndecidedError):
                return None
            if not (value > SMALLEST and 1 - value > SMALLEST):
                return None  # no float is that time, or what is left of it
            precise = value.is_finite() and (1 - value).rel_accuracy_bits() > 60 and value.rel_accuracy_bits() > 60
            return sample.knowing(TAU, Rounded(value, arb(0))) if precise else None

    # -- the source at its own time ---------------------------------------------------------------------------------

    def at(self, form: sp.Expr) -> sp.Expr:
        """A form of the source, at its own time."""
        return near_both_ends(form).subs({t: tau, u: tau_left}, simultaneous=True)

    def inlined(self, symbol: sp.Symbol) -> sp.Expr:
        """α, β, … of the source in its own time."""
        form = self.at(self.source.own.ledger.made[symbol].shape)
        return form.xreplace({s: self.inlined(s) for s in form.free_symbols if s in IN_SOURCE})

    def named(self, symbol: sp.Symbol) -> sp.Expr:
        """α, β, … of the source as a quantity of its own, or the number, or the name, it is."""
        form = self._in_names(symbol)
        return form if form.is_Symbol or not form.free_symbols else IN_SOURCE[symbol]

    def _in_names(self, symbol: sp.Symbol) -> sp.Expr:
        form = self.at(self.source.own.ledger.made[symbol].shape)
        return form.xreplace({s: self.named(s) for s in form.free_symbols if s in IN_SOURCE})

    # -- forms in the target's α and β ------------------------------------------------------------------------------

    @cached_property
    def times(self) -> tuple[sp.Expr, sp.Expr] | None:
        """τ and 1 − τ in closed form, in t and u or in α and β; None where they are solved for."""
        if self.start.always(TIME / t, 1):
            return t, u
        if self.newton or self.source.times is None:
            return None
        return self.with_sums(self.source.times[0]), self.with_sums(self.source.times[1])

    def choose(self, ledger: Ledger, symbol: sp.Symbol, forms: Iterable[sp.Expr]) -> Ledger:
        """The ledger with τ, 1 − τ, c, τ̇ or ċ."""
        return ledger.add(symbol, self.exact[symbol], forms, limits=False, better=BETTER)

    def rootless(self, form: sp.Expr) -> Iterator[sp.Expr]:
        """The form with α and β as they are made, where their roots cancel: β² without the root."""
        shapes = {x: self.start.made[x].shape for x in (alpha, beta, alpha_dot, beta_dot)}
        made = {x: shapes[x] for x in (alpha, beta)}
        made |= {x: shapes[x].xreplace(made) for x in (alpha_dot, beta_dot)}
        whole = form.xreplace(made)
        if len(roots(whole)) < len(set().union(*(roots(made[x]) for x in form.free_symbols & set(made)))):
            yield whole

    def with_sums(self, form: sp.Expr) -> sp.Expr:
        """α + β and α² + β² replaced by 1 where the target keeps them so: β + α²/β is then 1/β."""
        for kept in self.kept:
            for given in (form, in_factors(form)):
                if given.has(kept):
                    return given.xreplace({kept: sp.S.One})
        return form

    @cached_property
    def kept(self) -> list[sp.Expr]:
        """Which of them it keeps."""
        put = {alpha: self.target.alpha, beta: self.target.beta}
        return [kept for kept in (alpha + beta, alpha**2 + beta**2) if self.start.always(kept.subs(put), 1)]


def near_both_ends(form: sp.Expr) -> sp.Expr:
    """log t as −log1p(u/t), and log u likewise: of τ and 1 − τ either may be so small that the other is 1."""
    return form.xreplace({sp.log(t): -log1p(u / t), sp.log(u): -log1p(t / u)})


def roots(form: sp.Expr) -> set[sp.Expr]:
    """What roots are taken of."""
    return {p.base for p in form.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q == 2 and p.free_symbols}


def _dyadic(ball: Ball) -> sp.Rational:
    """The number that an exact ball of a parameter holds."""
    return sp.Rational(float(ball.mid()))
