"""The drift weights of every prediction, derived, then put in a stable form; and what a target alone determines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache

import sympy as sp
from flint import arb

from symsched.codegen.by_parameter import by_parameter
from symsched.codegen.changes import eps
from symsched.codegen.kappa import by_kappa
from symsched.codegen.kernels import expanded, reduced, simplified
from symsched.codegen.logslope import log_slope
from symsched.codegen.quantities import (
    ScheduleForms,
    Workshop,
    add_levels,
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    in_times,
    r,
    rate,
)
from symsched.codegen.rounding import Rounded
from symsched.exact import decide_zero, to_ball
from symsched.precision import precision
from symsched.schedule import Schedule
from symsched.steps import identities
from symsched.steps.identities import JETS
from symsched.symbols import kappa, t

eps_star = sp.Symbol("eps_star")
KAPPAS = (sp.Rational(13, 16), sp.Integer(1), sp.Rational(5, 2))  # at 1, terms of A cancel when they can
PREDICTIONS = ("data", "noise", "score", "velocity", "v")


@lru_cache(maxsize=64)
def target_quantities(schedule: Schedule, at_kappa: sp.Expr | None, parameters: tuple[sp.Symbol, ...]) -> Workshop:
    """All that a target alone determines, whatever it is converted from: copy it before adding to it."""
    shop = ScheduleForms(schedule, parameters).workshop
    add_levels(shop, schedule)
    if at_kappa is not None and at_kappa.free_symbols:
        for k, point in enumerate(shop.points):
            with precision(point.bits):
                point.known[kappa] = Rounded(to_ball(KAPPAS[k % len(KAPPAS)]), arb(0))
    if at_kappa is not None:
        exact = at_kappa * schedule.eps_star
        short = simplified(exact) if exact.count_ops() < 30 else exact
        merged = short.atoms(sp.log) - exact.atoms(sp.log)  # κ log a as log a^κ loses digits at the ends
        shop.add(eps, exact if merged else short, [at_kappa * eps_star])
        add_drift(shop, schedule, at_kappa)
    settle_ends(shop, list(shop.made), lambda exact: exact)
    return shop


def settle_ends(shop: Workshop, symbols: Iterable[sp.Symbol], in_time: Callable[[sp.Expr], sp.Expr | None]) -> None:
    """Limits that depend on how large κ, or an open parameter, is."""
    for symbol in symbols:
        quantity = shop.made[symbol]
        exact = in_time(quantity.exact) if None in quantity.ends and quantity.exact.free_symbols - {t} else None
        if exact is not None:
            ends = [_by_cases(exact, end) if e is None else e for end, e in enumerate(quantity.ends)]
            shop.made[symbol] = replace(quantity, ends=(ends[0], ends[1]))


def _by_cases(exact: sp.Expr, end: int) -> sp.Expr | None:
    found = by_kappa(exact, end) if exact.has(kappa) else None
    return by_parameter(exact, end) if found is None else found


@cache
def prediction_weights(prediction: str, pace: sp.Expr = beta_dot / beta - alpha_dot / alpha) -> tuple[sp.Expr, sp.Expr]:
    """(A, B) of b^ε = A x + B p in the jets, for p a prediction and ε = κ α² λ, λ = β̇/β − α̇/α being `pace`."""
    jets = {"alpha": alpha, "beta": beta, "alpha_dot": alpha_dot, "beta_dot": beta_dot, "eps": kappa * alpha**2 * pace}
    state, out = (sp.cancel(sp.expand(JETS.put(form, **jets))) for form in identities.drift(prediction))
    return state, out


MONOMIALS = {"data": beta, "noise": alpha, "score": sp.S.One, "velocity": sp.S.One, "v": sp.S.One}
slope_a, slope_b = sp.Dummy("slope_a", real=True), sp.Dummy("slope_b", real=True)  # α̇/α and β̇/β
SLOPES = {slope_a: alpha, slope_b: beta}
JOINED = {alpha, beta, rate, r}


@cache
def _weight_forms(prediction: str) -> tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]:
    """The weights in short: as they are, and with α̇, or β̇, eliminated in favour of the rate λ."""
    pairs: list[list[sp.Expr]] = [[], []]
    for k, weight in enumerate(prediction_weights(prediction)):
        for put in ({beta_dot: beta * (rate + alpha_dot / alpha)}, {alpha_dot: alpha * (beta_dot / beta - rate)}):
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
    full = full.subs({slope: _relative(getattr(schedule, str(x))) for x, slope in logs.items()})
    full = full.subs({alpha: schedule.alpha, beta: schedule.beta})
    return reduced(full) if full.is_rational_function(t) and full.count_ops() < 150 else None


@cache
def _relative(coefficient: sp.Expr) -> sp.Expr:
    """d/dt of the logarithm, by way of the square, in which roots cancel."""
    return reduced((coefficient**2).diff(t) / (2 * coefficient**2))


def weight_symbols(prediction: str) -> tuple[sp.Symbol, sp.Symbol]:
    return sp.Symbol(f"A_{prediction}", real=True), sp.Symbol(f"B_{prediction}", real=True)


def add_drift(shop: Workshop, schedule: Schedule, at_kappa: sp.Expr = kappa) -> None:
    """The pairs (A, B) for every prediction."""
    preserving = bool(decide_zero(schedule.alpha**2 + schedule.beta**2 - 1))
    jets = {alpha: schedule.alpha, beta: schedule.beta, alpha_dot: schedule.alpha_dot, beta_dot: schedule.beta_dot}
    for prediction in PREDICTIONS:
        exacts = prediction_weights(prediction)
        for symbol, exact, forms in zip(weight_symbols(prediction), exacts, _weight_forms(prediction), strict=True):
            full = exact.subs(jets, simultaneous=True).subs(kappa, at_kappa)
            if full.free_symbols <= {kappa} or not full.has(t):
                full = simplified(full)
            monomial = sp.S.One if symbol.name.startswith("A") else MONOMIALS[prediction]
            if preserving:
                forms = (*_variance_forms(prediction)[symbol.name.startswith("B")], *forms)
            rational = _rational_weight(schedule, exact.subs(kappa, at_kappa), monomial)
            shop.add(symbol, full, _drift_forms(shop, rational, monomial, [f.subs(kappa, at_kappa) for f in forms]))


def _drift_forms(
    shop: Workshop, rational: sp.Expr | None, monomial: sp.Expr, forms: list[sp.Expr]
) -> Iterator[sp.Expr]:
    if rational is not None and rational.count_ops() <= 14:
        yield monomial * shop.stabilise(rational)
    slopes: dict[sp.Expr, sp.Expr] = {}
    for form in forms:
        for slope in form.free_symbols & SLOPES.keys() - slopes.keys():
            slopes[slope] = shop.stabilise(log_slope(shop.made[SLOPES[slope]].shape))
        yield form.xreplace(slopes)
    if rational is not None:
        yield monomial * shop.stabilise(rational)
    for form in forms:
        if form.is_Mul and not form.has(*SLOPES):  # powers of t meet: t^(3/2)/t is √t where t^(3/2) is no float
            yield sp.factor_terms(
                sp.together(form.xreplace({x: in_times(shop, x) for x in form.free_symbols & JOINED}))
            )
