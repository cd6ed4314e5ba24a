"""α, β, α̇, β̇ and λ of one schedule in stable forms, and what follows from them alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from symsched.codegen.quantities.alphabet import alpha, alpha_dot, beta, beta_dot, eps_star, log_snr, r, rate
from symsched.codegen.quantities.ledger import ENOUGH, Ledger
from symsched.codegen.stable import (
    bucket,
    cost,
    distance,
    log_slope,
    operations,
    paired,
    reduced,
    slope,
    without_exponentials,
)
from symsched.exact import decide_zero
from symsched.precision import cached_property
from symsched.schedule import Schedule
from symsched.symbols import t

SHORT = 14  # operations of a logarithmic derivative that is tried first


@dataclass(frozen=True)
class ScheduleForms:
    """Stable forms of α, β, α̇, β̇ and λ = d/dt log r for one schedule."""

    schedule: Schedule
    parameters: tuple[sp.Symbol, ...] = ()  # of another schedule, which are to have samples too

    @cached_property
    def ledger(self) -> Ledger:
        s, ledger = self.schedule, Ledger.over({*self.schedule.parameters, *self.parameters})
        for symbol, exact in ((beta, s.beta), (alpha, s.alpha)):
            ledger = ledger.add(symbol, exact, _coefficient(ledger, exact))
        for symbol, of, exact in ((beta_dot, beta, s.beta_dot), (alpha_dot, alpha, s.alpha_dot)):
            ledger = ledger.add(symbol, exact, self._derivative(ledger, of, exact))
        return ledger.add(rate, s.log_r_dot, self._rate(ledger))

    def alone(self, symbol: sp.Symbol) -> sp.Expr:
        """The form of a quantity in t and u alone, other names replaced by their forms."""
        return in_times(self.ledger, symbol)

    @cached_property
    def ratio(self) -> sp.Expr:
        """r in t and u alone."""
        return ratio_forms(self.schedule, self.ledger)[0]

    def distance(self, end: int) -> sp.Expr:
        """|log r(t)/r(end)| in the form that is best next to a truncated end."""
        return distance(ratio_forms(self.schedule, self.ledger), end, self.ledger.stabilise)

    def _derivative(self, ledger: Ledger, of: sp.Symbol, exact: sp.Expr) -> Iterator[sp.Expr]:
        form, stabilise = ledger.made[of].shape, ledger.stabilise
        if exact.count_ops() <= 6:
            yield paired(exact)
        base, power = form.as_base_exp()
        if power.is_Integer and power > 1 and base.is_Add:
            yield power * stabilise(slope(base)) * of / base
        relative = relative_slope(self.schedule.alpha if of == alpha else self.schedule.beta)
        if operations(relative) <= SHORT:
            yield sp.factor_terms(of * stabilise(relative))
        if of == alpha and preserves_variance(self.schedule):
            yield -beta * beta_dot / alpha
        direct = slope(form)
        yield direct
        yield direct.subs(form, of)
        if power.is_Rational and not power.is_Integer:
            yield power * stabilise(slope(base)) * of / base
        yield stabilise(direct)
        yield stabilise(exact)
        if SHORT < operations(relative) <= 2 * SHORT:
            stable = stabilise(relative)
            for made in (*_halved(ledger, stable), stable):
                yield form * made
                yield of * made

    def _rate(self, ledger: Ledger) -> Iterator[sp.Expr]:
        exact = self.schedule.log_r_dot
        if exact.is_rational_function(t):
            yield ledger.stabilise(exact)
        by_factors = log_slope(ratio_forms(self.schedule, ledger)[0])
        short = [*self._rate_by_parts(ledger), sp.factor_terms(by_factors)]
        yield from short
        if any(ledger.bound(form) <= ENOUGH for form in short):
            return
        yield ledger.stabilise(by_factors)
        if exact.count_ops() <= 60:
            yield ledger.stabilise(exact)

    def _rate_by_parts(self, ledger: Ledger) -> Iterator[sp.Expr]:
        parts = [relative_slope(x) for x in (self.schedule.beta, self.schedule.alpha)]
        shown = [
            ledger.stabilise(part) if part.count_ops() <= 12 else dot / of
            for part, dot, of in zip(parts, (beta_dot, alpha_dot), (beta, alpha), strict=True)
        ]
        if preserves_variance(self.schedule):
            yield shown[0] / alpha**2
            yield -shown[1] / beta**2
        yield shown[0] - shown[1]
        yield beta_dot / beta - alpha_dot / alpha


@lru_cache(maxsize=64)
def preserves_variance(schedule: Schedule) -> bool:
    return bool(decide_zero(schedule.alpha**2 + schedule.beta**2 - 1))


@lru_cache(maxsize=256)
def relative_slope(coefficient: sp.Expr) -> sp.Expr:
    """α̇/α or β̇/β, by way of the square, in which roots cancel."""
    return reduced((coefficient**2).diff(t) / (2 * coefficient**2))


def _coefficient(ledger: Ledger, exact: sp.Expr) -> Iterator[sp.Expr]:
    yield paired(exact)
    stable = ledger.stabilise(exact)
    yield from _halved(ledger, stable)
    yield stable


def _halved(ledger: Ledger, form: sp.Expr) -> Iterator[sp.Expr]:
    """Its forms in sinh and cosh."""
    return map(ledger.stabilise.rewrite, without_exponentials(form))


def ratio_forms(schedule: Schedule, ledger: Ledger) -> list[sp.Expr]:
    """Forms of r in t and u alone, without the factors that α and β share; the best one first."""
    forms = [in_times(ledger, beta) / in_times(ledger, alpha)]
    if schedule.r.count_ops() <= 30:
        forms.append(ledger.stabilise(reduced(schedule.r)))
    forms += [made for form in forms for made in without_exponentials(form)]
    return sorted(set(forms), key=lambda f: (bucket(ledger.bound(f), ENOUGH, 2), cost(f), sp.default_sort_key(f)))


def in_times(ledger: Ledger, symbol: sp.Symbol) -> sp.Expr:
    form = ledger.made[symbol].shape
    for quantity in reversed(ledger.made.values()):
        form = form.xreplace({quantity.name: quantity.shape})
    return form


def add_levels(ledger: Ledger, s: Schedule) -> Ledger:
    """r, log SNR and ε* = α² λ."""
    ledger = ledger.add(r, s.r, _ratios(s, ledger))
    ledger = ledger.add(log_snr, s.log_snr, _log_forms(s, ledger))
    return ledger.add(eps_star, s.eps_star, [*_direct(ledger, s.eps_star), alpha**2 * rate])


def _ratios(s: Schedule, ledger: Ledger) -> Iterator[sp.Expr]:
    yield beta / alpha
    yield from ratio_forms(s, ledger)


def _log_forms(s: Schedule, ledger: Ledger) -> Iterator[sp.Expr]:
    """Of log r²: a logarithm of what is no float has lost all."""
    yield 2 * sp.log(r)
    written = ledger.made[beta].shape
    for form in dict.fromkeys((written, sp.factor_terms(written))):  # t² stands before 21 + 4t, and not in it
        yield 2 * (sp.expand_log(sp.log(form), force=True) - sp.log(alpha))
    for ratio in ratio_forms(s, ledger):
        yield 2 * sp.expand_log(sp.log(ratio), force=True)


def _direct(ledger: Ledger, exact: sp.Expr) -> Iterator[sp.Expr]:
    """The quantity written in t itself, when that is short."""
    short = reduced(exact)
    if short.count_ops() <= 12:
        yield ledger.stabilise(short)
