"""The drift b = A x + B p for every prediction p, derived, then put in a stable form: with ε = κ ε*, or a given ε̄."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sympy as sp

from symsched.codegen.quantities.alphabet import (
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    eps,
    eps_star,
    r,
    rate,
    weight_symbols,
)
from symsched.codegen.quantities.change import Change
from symsched.codegen.quantities.coefficients import in_times, preserves_variance, relative_slope
from symsched.codegen.quantities.ends import limits
from symsched.codegen.quantities.ledger import Ledger
from symsched.codegen.stable import expanded, log_slope, reduced, simplified
from symsched.schedule import Schedule
from symsched.steps import identities
from symsched.steps.identities import JETS
from symsched.symbols import kappa, t

PREDICTIONS = ("data", "noise", "score", "velocity", "v")
MONOMIALS = {"data": beta, "noise": alpha, "score": sp.S.One, "velocity": sp.S.One, "v": sp.S.One}
slope_a, slope_b = sp.Dummy("slope_a", real=True), sp.Dummy("slope_b", real=True)  # α̇/α and β̇/β
SLOPES = {slope_a: alpha, slope_b: beta}
JOINED = {alpha, beta, rate, r}
WITHOUT_DOT = ({beta_dot: beta * (rate + alpha_dot / alpha)}, {alpha_dot: alpha * (beta_dot / beta - rate)})


@cache
def prediction_weights(prediction: str, pace: sp.Expr = beta_dot / beta - alpha_dot / alpha) -> tuple[sp.Expr, sp.Expr]:
    """(A, B) of b^ε = A x + B p in the jets, for p a prediction and ε = κ α² λ, λ = β̇/β − α̇/α being `pace`."""
    jets = {"alpha": alpha, "beta": beta, "alpha_dot": alpha_dot, "beta_dot": beta_dot, "eps": kappa * alpha**2 * pace}
    state, out = (sp.cancel(sp.expand(JETS.put(form, **jets))) for form in identities.drift(prediction))
    return state, out


@cache
def _weight_forms(prediction: str) -> tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]:
    """The weights in short: as they are, and with α̇, or β̇, eliminated in favour of the rate λ."""
    pairs: list[list[sp.Expr]] = [[], []]
    for k, weight in enumerate(prediction_weights(prediction)):
        for put in WITHOUT_DOT:
            form = sp.factor(sp.cancel(weight.subs(put)))
            pairs[k].append(
                form if form.is_Mul and not any(f.is_Add and f.has(rate) for f in form.args) else _by_rate(form)
            )
    for k, weight in enumerate(prediction_weights(prediction, rate)):
        pairs[k].append(_by_rate(sp.cancel(weight)))
    for k, weight in enumerate(prediction_weights(prediction)):
        pairs[k] += _without_rate(weight)
    return tuple(pairs[0]), tuple(pairs[1])


def _without_rate(weight: sp.Expr) -> tuple[sp.Expr, ...]:
    """By α̇ and β̇, and by α̇/α and β̇/β: next to an end β may be no float where β̇ is one, or neither where β̇/β is."""
    logs = sp.factor(sp.cancel(weight.subs({alpha_dot: alpha * slope_a, beta_dot: beta * slope_b})))
    return sp.factor(weight), logs, _by_ratio(logs)


def _by_ratio(form: sp.Expr) -> sp.Expr:
    """The part with α² and that with β² over α² + β², by r: where no square is a float."""
    if not form.has(alpha**2 + beta**2):
        return form
    parts = sp.expand(form * (alpha**2 + beta**2))
    shares = {alpha**2: 1 / (1 + r**2), beta**2: 1 / (1 + r**-2), alpha * beta: 1 / (r + 1 / r)}
    return sp.Add(*[sp.factor(parts.coeff(square)) * share for square, share in shares.items()])


@cache
def _variance_forms(prediction: str) -> tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]:
    """The weights of a variance-preserving schedule, where β̇ = β ε*, α̇ = −β² ε*/α: by α² + β² = 1, short ones."""
    jets = {beta_dot: beta * eps_star, alpha_dot: -(beta**2) * eps_star / alpha}
    found = [_on_circle(sp.together(weight.subs(jets))) for weight in prediction_weights(prediction)]
    return found[0], found[1]


def _on_circle(form: sp.Expr) -> tuple[sp.Expr, ...]:
    parts = [sp.expand(part) for part in sp.fraction(form)]
    circle = alpha**2 + beta**2 - 1
    made = []
    for letter in (alpha, beta):
        above, below = (sp.rem(part, circle, letter) for part in parts)
        made.append(sp.factor(above / below))
    return tuple(made)


def _by_rate(form: sp.Expr) -> sp.Expr:
    """Terms without the rate, and one factored term with it."""
    rest, moving = sp.expand(form).as_independent(rate, as_Add=True)
    return sp.factor(rest) + sp.factor(moving)


def _rational_weight(schedule: Schedule, weight: sp.Expr, monomial: sp.Expr) -> sp.Expr | None:
    """The weight over its monomial in α, β as a quotient of polynomials in t, if it is one: roots have cancelled."""
    logs = {alpha: slope_a, beta: slope_b}
    jets = sp.cancel(weight.subs({alpha_dot: alpha * slope_a, beta_dot: beta * slope_b}) / monomial)
    squares = {x: sp.Dummy() for x in logs}
    even = jets.subs({x**2: y for x, y in squares.items()})
    full = even.subs({y: expanded(getattr(schedule, str(x)) ** 2) for x, y in squares.items()})
    full = full.subs({slope: relative_slope(getattr(schedule, str(x))) for x, slope in logs.items()})
    full = full.subs({alpha: schedule.alpha, beta: schedule.beta})
    return reduced(full) if full.is_rational_function(t) and full.count_ops() < 150 else None


def add_drift(ledger: Ledger, schedule: Schedule, at_kappa: sp.Expr = kappa) -> Ledger:
    """The pairs (A, B) for every prediction."""
    preserving = preserves_variance(schedule)
    for prediction in PREDICTIONS:
        exacts = prediction_weights(prediction)
        for symbol, exact, forms in zip(weight_symbols(prediction), exacts, _weight_forms(prediction), strict=True):
            full = exact.subs(_jets(schedule), simultaneous=True).subs(kappa, at_kappa)
            if full.free_symbols <= {kappa} or not full.has(t):
                full = simplified(full)
            monomial = sp.S.One if symbol.name.startswith("A") else MONOMIALS[prediction]
            if preserving:
                forms = (*_variance_forms(prediction)[symbol.name.startswith("B")], *forms)
            rational = _rational_weight(schedule, exact.subs(kappa, at_kappa), monomial)
            found = _drift_forms(ledger, rational, monomial, [f.subs(kappa, at_kappa) for f in forms])
            ledger = ledger.add(symbol, full, found)
    return ledger


def _jets(schedule: Schedule) -> dict[sp.Symbol, sp.Expr]:
    return {alpha: schedule.alpha, beta: schedule.beta, alpha_dot: schedule.alpha_dot, beta_dot: schedule.beta_dot}


def _drift_forms(
    ledger: Ledger, rational: sp.Expr | None, monomial: sp.Expr, forms: list[sp.Expr]
) -> Iterator[sp.Expr]:
    if rational is not None and rational.count_ops() <= 14:
        yield monomial * ledger.stabilise(rational)
    slopes: dict[sp.Expr, sp.Expr] = {}
    for form in forms:
        for slope in sorted(form.free_symbols & SLOPES.keys() - slopes.keys(), key=str):
            slopes[slope] = ledger.stabilise(log_slope(ledger.made[SLOPES[slope]].shape))
        yield form.xreplace(slopes)
    if rational is not None:
        yield monomial * ledger.stabilise(rational)
    for form in forms:
        if form.is_Mul and not form.has(*SLOPES):  # powers of t meet: t^(3/2)/t is √t where t^(3/2) is no float
            put = {x: in_times(ledger, x) for x in form.free_symbols & JOINED}
            yield sp.factor_terms(sp.together(form.xreplace(put)))


def add_scaled_drift(change: Change, ledger: Ledger) -> Ledger:
    """The pairs (A, B) of b = α̇ η_Z + β̇ η_X + ε̄ s, with ε̄ as it was carried over from the source."""
    share = ledger.made[eps].exact / change.target.eps_star
    for prediction in PREDICTIONS:
        for symbol, weight in zip(weight_symbols(prediction), prediction_weights(prediction), strict=True):
            exact = weight.subs(_jets(change.target), simultaneous=True).subs(kappa, share)
            ledger = ledger.add(symbol, exact, _scaled_forms(weight), limits=False)
            ledger = ledger.ending(symbol, limits(change, exact))
    return ledger


def _scaled_forms(weight: sp.Expr) -> list[sp.Expr]:
    """The weight with κ α² λ = ε̄: as it is, and with α̇, or β̇, eliminated in favour of λ or of ε* = α² λ."""
    whole = sp.expand(weight.subs(kappa, eps / (alpha**2 * (beta_dot / beta - alpha_dot / alpha))).cancel())
    found = [sp.expand(sp.cancel(whole.subs(put))) for put in ({}, *WITHOUT_DOT)]
    found += [sp.expand(form.subs(rate, eps_star / alpha**2)) for form in found[1:]]
    return list(dict.fromkeys([*found, *map(sp.factor_terms, found)]))
