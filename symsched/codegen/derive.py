"""The quantities of a conversion and of the drift, each derived, then put in a stable form.

Everything of the source is its own stable form at (τ, 1 − τ), both of which come straight from the target's (α, β):
1 − τ is the inverse of the schedule read backwards, so that neither is a difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import sympy as sp
from flint import arb, ctx

from symsched.codegen.kernels import reduced
from symsched.codegen.quantities import (
    Quantity,
    ScheduleForms,
    Workshop,
    add_levels,
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    rate,
)
from symsched.codegen.rounding import HALF_ULP, Rounded, u
from symsched.conversion import Conversion, tau_function
from symsched.enclose import compile_tape
from symsched.errors import InputError
from symsched.inversion import MonotoneInverse, R, closed_inverse
from symsched.schedule import Schedule
from symsched.symbols import kappa, t

tau, tau_left = sp.Symbol("tau", positive=True), sp.Symbol("tau_left", positive=True)
scale, tau_dot = sp.Symbol("scale", positive=True), sp.Symbol("tau_dot", positive=True)
scale_dot, eps, eps_star = sp.Symbol("scale_dot", real=True), sp.Symbol("eps", positive=True), sp.Symbol("eps_star")
PREDICTIONS = ("data", "noise", "score", "velocity", "v")
INVERSE_TOLERANCE = 20.0  # ulps: a closed inverse that may lose more gives way to the Newton inverse


def backwards(schedule: Schedule) -> Schedule:
    """The schedule with time, and the roles of noise and data, reversed: its r at 1 − t is 1/r at t."""
    return Schedule(schedule.beta.subs(t, 1 - t), schedule.alpha.subs(t, 1 - t))


@dataclass
class ConversionForms:
    """Adds τ, 1 − τ, c, τ̇ and ċ of a conversion to the workshop of its target."""

    conversion: Conversion
    shop: Workshop

    @cached_property
    def source(self) -> ScheduleForms:
        return ScheduleForms(self.conversion.source)

    @cached_property
    def inverses(self) -> tuple[sp.Expr, sp.Expr] | None:
        """τ and 1 − τ in closed form, as expressions in the target's α and β; None when there is none to trust."""
        forward, back = closed_inverse(self.conversion.source), self._back()
        if forward is None or back is None:
            return None
        return forward.subs(R, beta / alpha), back.subs(R, alpha / beta)

    def _back(self) -> sp.Expr | None:
        try:
            return closed_inverse(backwards(self.conversion.source))
        except InputError:
            return None

    def add(self) -> bool:
        """Returns whether τ has a closed form that is also a stable one."""
        closed = self._add_inverse()
        if not closed:
            self._add_implicit()
        self._add_scale()
        self._add_slopes()
        return closed

    def _add_inverse(self) -> bool:
        if self.inverses is None:
            return False
        ratio = self.conversion.target.r
        exact = closed_inverse(self.conversion.source).subs(R, ratio)  # type: ignore[union-attr]
        forward, back = self.inverses
        left = itertools.chain(self._inverse_forms(back), self._left_forms(forward))
        found = [
            self.shop.add(symbol, expr, forms, limits=False)
            for symbol, expr, forms in ((tau, exact, self._inverse_forms(forward)), (tau_left, 1 - exact, left))
        ]
        if max(q.bound for q in found) <= INVERSE_TOLERANCE:
            self._give_ends()
            return True
        for quantity in found:
            del self.shop.made[quantity.name]
        return False

    def _inverse_forms(self, form: sp.Expr) -> Iterator[sp.Expr]:
        short = sp.simplify(reduced(form)) if form.count_ops() < 30 else reduced(form)
        yield short
        yield form
        yield self.shop.stabilise(short)
        yield self.shop.stabilise(form)

    def _left_forms(self, forward: sp.Expr) -> Iterator[sp.Expr]:
        """1 − τ as (1 − τ²)/(1 + τ), in which a root disappears, and as the logarithm of one quotient."""
        square = reduced(forward**2)
        if not square.has(sp.log, sp.exp):
            yield self.shop.stabilise(sp.simplify(1 - square)) / (1 + tau)
        above, below = sp.fraction(sp.together(1 - forward))
        combined = sp.logcombine(sp.expand_log(above, force=True), force=True)
        if isinstance(combined, sp.log):
            yield self.shop.stabilise(sp.log(reduced(combined.args[0]))) / below

    def _add_implicit(self) -> None:
        """τ and 1 − τ to within 4 ulps, as the Newton inverse gives them."""
        ratio = compile_tape((sp.log(self.conversion.target.beta) - sp.log(self.conversion.target.alpha),), (t,))
        inverse = MonotoneInverse(self.conversion.source)
        kept = []
        for point in self.shop.points:
            if point.bits > 700:
                continue
            with ctx.workprec(point.bits + 200):
                value = inverse.solve(ratio.run([point.known[t].value])[0])
                point.known[tau] = Rounded(value, (8 * HALF_ULP * value).mid())
                point.known[tau_left] = Rounded(1 - value, (8 * HALF_ULP * (1 - value)).mid())
                for symbol in (tau, tau_left):
                    point.known.pop(symbol, None) if not point.known[symbol].value.is_finite() else None
            kept.append(point)
        self.shop.points[:] = kept
        self.shop.stabilise.points[:] = kept
        self.shop.implicit = True
        time = self.conversion.tau
        self.shop.made[tau] = Quantity(tau, tau, time, 4.0, (None, None))
        self.shop.made[tau_left] = Quantity(tau_left, tau_left, 1 - time, 4.0, (None, None))

    def at(self, form: sp.Expr) -> sp.Expr:
        """A form of the source, at its own time."""
        return form.subs({t: tau, u: tau_left}, simultaneous=True)

    def _exact(self, expr: sp.Expr) -> sp.Expr:
        """An expression in the source time, as one in target time."""
        return expr.subs(t, self.conversion.tau if self.shop.implicit else self.shop.made[tau].exact)

    def _add_scale(self) -> None:
        target, source, made = self.conversion.target, self.conversion.source, self.source.workshop.made
        exact = target.alpha / self._exact(source.alpha)
        forms = [sp.S.One] if self.shop.always(exact, 1) else list(self._scale_forms())
        forms += [alpha / self.at(made[alpha].form), beta / self.at(made[beta].form)]
        self.shop.add(scale, exact, forms, limits=False)

    def _scale_forms(self) -> Iterator[sp.Expr]:
        """c in the target's α and β alone, where that is short."""
        if self.shop.implicit or self.inverses is None:
            return
        made, source = self.shop.made, self.conversion.source
        for time in (self.inverses[0], made[tau].form):
            for bar, coefficient in ((beta, source.beta), (alpha, source.alpha)):
                form = bar / coefficient.subs(t, time)
                if form.count_ops() < 25:
                    short = sp.simplify(reduced(form))
                    if short.count_ops() <= 12:
                        yield self.shop.stabilise(short)

    def _add_slopes(self) -> None:
        source, target = self.conversion.source, self.conversion.target
        exact = target.log_r_dot / self._exact(source.log_r_dot)
        pace = self.at(self.source.rate_alone)
        forms = [*self._short_pace(), rate / pace]
        self.shop.add(tau_dot, exact, forms, limits=False)
        c = self.shop.made[scale].form
        exact_c = self.shop.made[scale].exact
        slope_exact = exact_c * (target.alpha_dot / target.alpha - exact * self._exact(source.alpha_dot / source.alpha))
        at = {x: self.at(self.source.alone(x)) for x in (alpha, beta, alpha_dot, beta_dot)}
        parts = [sp.S.Zero] if self.shop.made[scale].form == 1 else []
        if not c.has(tau, tau_left):
            parts.append(sp.factor_terms(c.diff(alpha) * alpha_dot + c.diff(beta) * beta_dot))
        by_noise = alpha_dot / alpha - tau_dot * at[alpha_dot] / at[alpha]
        by_data = beta_dot / beta - tau_dot * at[beta_dot] / at[beta]
        # Each cancels at one end, like 1/u and 1/t: their mean with weights u and t nowhere.
        parts += [scale * by_noise, scale * by_data, scale * (u * by_noise + t * by_data)]
        self.shop.add(scale_dot, slope_exact, parts, limits=False)

    def _short_pace(self) -> Iterator[sp.Expr]:
        if self.shop.implicit or self.inverses is None:
            return
        form = self.conversion.source.log_r_dot.subs(t, self.inverses[0])
        if form.count_ops() < 40:
            short = sp.simplify(reduced(form))
            if short.count_ops() <= 14:
                yield rate / self.shop.stabilise(sp.factor(short))

    def _give_ends(self) -> None:
        pass


@cache
def prediction_weights(prediction: str) -> tuple[sp.Expr, sp.Expr]:
    """(A, B) of b^ε = A x + B p in the jets, for p the data, noise, score, velocity or v prediction.

    Derived by elimination of η_X, η_Z and s from b^ε = α̇ η_Z + β̇ η_X + ε s, α η_Z + β η_X = x, α s = −η_Z and the
    definition of p; ε = κ α² λ with λ = β̇/β − α̇/α.  The v prediction is p = β η_Z − α η_X (Salimans, Ho,
    arXiv:2202.00512, in this project's letters).
    """
    noise, data, score, x, p = sp.symbols("eta_z eta_x s x p")
    pace = beta_dot / beta - alpha_dot / alpha
    ode = alpha_dot * noise + beta_dot * data
    given = {"data": data, "noise": noise, "score": score, "velocity": ode, "v": beta * noise - alpha * data}
    identities = [alpha * noise + beta * data - x, alpha * score + noise, given[prediction] - p]
    (solved,) = sp.solve(identities, [noise, data, score], dict=True)
    drift = (ode + kappa * alpha**2 * pace * score).subs(solved).expand()
    return sp.cancel(drift.coeff(x)), sp.cancel(drift.coeff(p))


MONOMIALS = {"data": beta, "noise": alpha, "score": sp.S.One, "velocity": sp.S.One, "v": sp.S.One}
slope_a, slope_b = sp.symbols("slope_a slope_b", real=True)  # α̇/α and β̇/β


@cache
def _weight_forms(prediction: str) -> tuple[tuple[sp.Expr, ...], tuple[sp.Expr, ...]]:
    """The weights in short: with α̇, or β̇, eliminated in favour of the rate λ."""
    pairs: list[list[sp.Expr]] = [[], []]
    for k, weight in enumerate(prediction_weights(prediction)):
        for put in ({beta_dot: beta * (rate + alpha_dot / alpha)}, {alpha_dot: alpha * (beta_dot / beta - rate)}):
            form = sp.factor(sp.cancel(weight.subs(put)))
            pairs[k].append(
                form if form.is_Mul and not any(f.is_Add and f.has(rate) for f in form.args) else _by_rate(form)
            )
    return tuple(pairs[0]), tuple(pairs[1])


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
    full = even.subs({y: sp.expand(getattr(schedule, str(x)) ** 2) for x, y in squares.items()})
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
    jets = {alpha: schedule.alpha, beta: schedule.beta, alpha_dot: schedule.alpha_dot, beta_dot: schedule.beta_dot}
    for prediction in PREDICTIONS:
        exacts = prediction_weights(prediction)
        for symbol, exact, forms in zip(weight_symbols(prediction), exacts, _weight_forms(prediction), strict=True):
            full = exact.subs(jets, simultaneous=True).subs(kappa, at_kappa)
            if full.free_symbols <= {kappa} or not full.has(t):
                full = sp.simplify(full)
            monomial = sp.S.One if symbol.name.startswith("A") else MONOMIALS[prediction]
            rational = _rational_weight(schedule, exact.subs(kappa, at_kappa), monomial)
            shop.add(symbol, full, _drift_forms(shop, rational, monomial, [f.subs(kappa, at_kappa) for f in forms]))


def _drift_forms(
    shop: Workshop, rational: sp.Expr | None, monomial: sp.Expr, forms: list[sp.Expr]
) -> Iterator[sp.Expr]:
    if rational is not None and rational.count_ops() <= 14:
        yield monomial * shop.stabilise(rational)
    yield from forms
    if rational is not None:
        yield monomial * shop.stabilise(rational)


__all__ = ["PREDICTIONS", "ConversionForms", "add_drift", "add_levels", "arb", "prediction_weights", "tau_function"]
