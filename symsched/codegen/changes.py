"""Adds τ, 1 − τ, c, τ̇ and ċ of a conversion to the quantities of its target.

Exact values everywhere come from the source time as a ball at each sample, however τ is emitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import sympy as sp
from flint import arb

from symsched.codegen.distance import distance, ends_of, log_end
from symsched.codegen.ieee import number
from symsched.codegen.kernels import in_factors, spread
from symsched.codegen.logslope import log_slope
from symsched.codegen.quantities import (
    ENOUGH,
    TAU,
    TIME,
    Quantity,
    ScheduleForms,
    Workshop,
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    rate,
    ratio_forms,
)
from symsched.codegen.rounding import HALF_ULP, SMALLEST, Point, Rounded, log1p, u
from symsched.codegen.sources import SourceForms, source_forms, tau, tau_left
from symsched.conversion import Conversion
from symsched.errors import InputError, UndecidedError
from symsched.exact import Ball, compile_tape, end_value, limit_at, numeric_limit, sharpen, to_ball
from symsched.inversion import MonotoneInverse, R, closed_inverse
from symsched.precision import cached_property, precision
from symsched.schedule import Schedule
from symsched.symbols import t

scale, tau_dot = sp.Symbol("scale", positive=True), sp.Symbol("tau_dot", positive=True)
scale_dot, eps = sp.Symbol("scale_dot", real=True), sp.Symbol("eps", positive=True)
SOURCE = {
    alpha: sp.Symbol("alpha_source", positive=True),
    beta: sp.Symbol("beta_source", positive=True),
    alpha_dot: sp.Symbol("alpha_dot_source", real=True),
    beta_dot: sp.Symbol("beta_dot_source", real=True),
    rate: sp.Symbol("rate_source", positive=True),
}
INVERSE_R = sp.Symbol("inverse_r", positive=True)
NEAR = sp.Symbol("near_above", real=True), sp.Symbol("near_below", real=True)
CLOSEST = 2.5  # ulps for what goes into the Newton inverse
BETTER = 1.3  # errors of conversions add up: a form that is better by so much may be longer
MOVABLE = 24  # operations of a form that is differentiated
MEAN_BOUND = 5.0  # ulps: the mean of two quotients, each of a few roundings


def source_time(source: Schedule, target: Schedule, time: Ball, given: Mapping[sp.Symbol, sp.Rational]) -> Ball:
    """The ball of τ at a target time, at the working precision.

    Raises:
        InputError: the truncated source never has the ratio of the target there.
        UndecidedError: the working precision does not tell.
    """
    names, inputs = tuple(given), [time, *map(to_ball, given.values())]
    low, high, ratio = compile_tape((*reach(source), target.r), (t, *names)).run(inputs)
    if ratio < low or (high > 0 and ratio > high):
        raise InputError(f"{source} has no time at which its ratio is that of {target} there")
    inverse = closed_inverse(source)
    if inverse is None:
        return _solver(source, tuple(given.items())).solve(ratio.log())
    value = compile_tape((inverse.subs(R, target.r),), (t, *names)).run(inputs)[0]
    if not (value > 0 and value < 1):
        raise UndecidedError("this precision does not tell the source time from an end")
    return value


@lru_cache(maxsize=64)
def reach(source: Schedule) -> tuple[sp.Expr, sp.Expr]:
    """The ratios at the ends of a truncated source; (0, 0) where every ratio is reached."""
    low, high = (source.limit("r", end) for end in (0, 1))
    return low, sp.S.Zero if high == sp.oo else high


@lru_cache(maxsize=64)
def _solver(source: Schedule, given: tuple[tuple[sp.Symbol, sp.Rational], ...]) -> MonotoneInverse:
    return MonotoneInverse(source.subs(**{s.name: v for s, v in given if s in source.parameters}))


@lru_cache(maxsize=1024)
def covered(source: Schedule, target: Schedule) -> tuple[float, float] | None:
    """The target times whose ratio a truncated source reaches, rounded inwards; None when it is all of [0, 1].

    With open parameters the interval depends on them, and is not known here."""
    if source.parameters or target.parameters or reach(source) == (0, 0):
        return None
    low, high = (_time_of(source, target, end) for end in (0, 1))
    return None if (low, high) == (0.0, 1.0) else (low, high)


def _time_of(source: Schedule, target: Schedule, end: int) -> float:
    """The target time at which a source with this end has run out, or the end itself."""
    ratio, own = (end_value(s.r, end) for s in (source, target))
    within = own >= ratio * (1 - 2**-50) if end == 0 else own <= ratio * (1 + 2**-50)
    if within:
        return float(end)
    level, inverse = compile_tape((sp.log(reach(source)[end]),), ()), MonotoneInverse(target)

    def inwards() -> list[Ball]:
        time = inverse.solve(level.run([])[0])
        nearest = float(time.mid())
        inside = time < nearest if end == 0 else time > nearest
        return [arb(nearest if inside else math.nextafter(nearest, 1.0 - end))]

    return sharpen(inwards, lambda: f"where {target} leaves what {source} covers")[0]


@dataclass
class ConversionForms:
    """Adds τ, 1 − τ, c, τ̇ and ċ of a conversion to the workshop of its target."""

    conversion: Conversion
    shop: Workshop
    newton: bool = False  # τ is solved for though it has a closed form

    def __post_init__(self) -> None:
        self.target, self.origin = self.conversion.target, self.conversion.source
        self.base: SourceForms = source_forms(self.origin)
        self.source: ScheduleForms = self.base.own
        self.exact = self._exacts()
        self._time: sp.Expr = tau  # in α and β, where it is that

    def _exacts(self) -> dict[sp.Symbol, sp.Expr]:
        """c, τ̇, ċ in t and τ(t)."""
        source, target = self.origin, self.target
        pace = target.log_r_dot / source.log_r_dot.subs(t, TIME)
        ratio = target.alpha / source.alpha.subs(t, TIME)
        if not source.beta.has(t):
            ratio = target.beta / source.beta
        slope = target.beta_dot / target.beta - pace * (source.beta_dot / source.beta).subs(t, TIME)
        return {tau: TIME, tau_left: 1 - TIME, scale: ratio, tau_dot: pace, scale_dot: ratio * slope}

    def add(self) -> None:
        self._keep_covered()
        self._add_time()
        self._add_scale()
        self._add_slopes()
        self._give_ends()
        self.shop.of_source = frozenset((tau, tau_left, scale, tau_dot, scale_dot, *SOURCE.values()))
        self.shop.covered = covered(self.origin, self.target)

    # -- samples ---------------------------------------------------------------------------------------------------

    def _keep_covered(self) -> None:
        """Samples at which the source has a time at all, with that time."""
        self.shop.pace = self.shop.explicit(self.exact[tau_dot])
        kept = [point for point in self.shop.points if self._solve(point)]
        self.shop.points[:] = kept
        self.shop.stabilise.points[:] = kept

    def _solve(self, point: Point) -> bool:
        if closed_inverse(self.origin) is None and point.bits > 700:
            return False  # Newton steps at thousands of bits take long
        given = {p: _dyadic(point.known[p].value) for p in self.shop.parameters}
        with precision(point.bits + 200):
            try:
                value = source_time(self.origin, self.target, point.known[t].value, given)
            except (InputError, UndecidedError):
                return False
            point.known[TAU] = Rounded(value, arb(0))
            if not (value > SMALLEST and 1 - value > SMALLEST):
                return False  # no float is that time, or what is left of it
            return bool(value.is_finite() and (1 - value).rel_accuracy_bits() > 60 and value.rel_accuracy_bits() > 60)

    # -- τ ---------------------------------------------------------------------------------------------------------

    def _add_time(self) -> None:
        if self.shop.always(TIME / t, 1):
            forms = (t, u)
        elif self.newton or self.base.times is None:
            self._add_implicit()
            return
        else:
            forms = self.base.times
        for symbol, form in zip((tau, tau_left), forms, strict=True):
            short = self._with_sums(form)
            self._choose(symbol, (short, *self._rootless(short)))
        self._time = self._with_sums(forms[0])

    def _choose(self, symbol: sp.Symbol, forms: Iterable[sp.Expr]) -> None:
        self.shop.add(symbol, self.exact[symbol], forms, limits=False, better=BETTER)

    def _rootless(self, form: sp.Expr) -> Iterator[sp.Expr]:
        """The form with α and β as they are made, where their roots cancel: β² without the root."""
        made = {x: self.shop.made[x].shape for x in (alpha, beta)}
        made |= {x: self.shop.made[x].shape.xreplace(made) for x in (alpha_dot, beta_dot)}
        whole = form.xreplace(made)
        if len(_roots(whole)) < len(set().union(*(_roots(made[x]) for x in form.free_symbols & set(made)))):
            yield whole

    def _add_implicit(self) -> None:
        """τ and 1 − τ to within 4 ulps, as the Newton inverse gives them."""
        self.shop.implicit = True
        self._add_distances()
        for symbol, exact in ((tau, TAU), (tau_left, 1 - TAU)):
            for point in self.shop.points:
                with precision(point.bits):
                    value = point.evaluate(exact).value
                    point.known[symbol] = Rounded(value, (8 * HALF_ULP * value).mid())
            self.shop.made[symbol] = Quantity(symbol, symbol, self.exact[symbol], 4.0, (None, None))

    def _add_distances(self) -> None:
        """1/r of the target, and how far its log r is from each truncated end of the source, precise next to it."""
        forms = (alpha / beta, *(1 / form for form in ratio_forms(self.target, self.shop)))
        self.shop.add(INVERSE_R, 1 / self.target.r, forms, limits=False, enough=CLOSEST, better=BETTER)
        for end in ends_of(self.origin):
            gap = log_end(self.target, end) - log_end(self.origin, end) if end in ends_of(self.target) else None
            side = 1 - 2 * end
            if gap is None:
                form = -side * self._log_of_product(INVERSE_R, self.origin.limit("r", end))
            else:
                form = distance(ratio_forms(self.target, self.shop), end, self.shop.stabilise) + side * gap
            self.shop.give(NEAR[end], side * (sp.log(self.target.r) - log_end(self.origin, end)), form)

    @staticmethod
    def _log_of_product(name: sp.Symbol, ratio: sp.Expr) -> sp.Expr:
        """One logarithm, which is precise where the product is near 1; two where the ratio is no float."""
        if ratio.free_symbols or 1e-300 < number(ratio) < 1e300:
            return sp.log(name * ratio)
        return sp.log(name) + sp.expand_log(sp.log(ratio), force=True)

    def _with_sums(self, form: sp.Expr) -> sp.Expr:
        """α + β and α² + β² replaced by 1 where the target keeps them so: β + α²/β is then 1/β."""
        for kept in self._kept:
            for given in (form, in_factors(form)):
                if given.has(kept):
                    return given.xreplace({kept: sp.S.One})
        return form

    @cached_property
    def _kept(self) -> list[sp.Expr]:
        return [kept for kept in (alpha + beta, alpha**2 + beta**2) if self._is_one(kept)]

    def _is_one(self, kept: sp.Expr) -> bool:
        return self.shop.always(kept.subs({alpha: self.target.alpha, beta: self.target.beta}), 1)

    # -- the source at its own time --------------------------------------------------------------------------------

    def at(self, form: sp.Expr) -> sp.Expr:
        """A form of the source, at its own time."""
        return near_both_ends(form).subs({t: tau, u: tau_left}, simultaneous=True)

    def _inlined(self, symbol: sp.Symbol) -> sp.Expr:
        """α, β, … of the source in its own time."""
        form = self.at(self.source.workshop.made[symbol].shape)
        return form.xreplace({s: self._inlined(s) for s in form.free_symbols if s in SOURCE})

    def _named(self, symbol: sp.Symbol) -> sp.Expr:
        """α, β, … of the source as a quantity of its own, or the number it is."""
        form = self.at(self.source.workshop.made[symbol].shape)
        form = form.xreplace({s: self._named(s) for s in form.free_symbols if s in SOURCE})
        if not form.free_symbols or form.is_Symbol:
            return form
        if SOURCE[symbol] not in self.shop.made:
            exact = self.source.workshop.made[symbol].exact.subs(t, TIME)
            self.shop.add(SOURCE[symbol], exact, [form], limits=False)
        return SOURCE[symbol]

    # -- c, τ̇, ċ ---------------------------------------------------------------------------------------------------

    def _add_scale(self) -> None:
        exact = self.exact[scale]
        if self.shop.always(exact, 1):
            self.shop.add(scale, exact, [sp.S.One], limits=False)
        elif self.base.scale is not None:
            self._choose(scale, [self._with_sums(self.base.scale)])
        else:
            self._add_mean_scale()

    def _add_mean_scale(self) -> None:
        """c = (β/β_s)(1 + w (α β_s/(α_s β) − 1)) with w = β̇_s/(β_s λ_s): errors of τ cancel to first order."""
        noise, data, slope, pace = (self._named(x) for x in (alpha, beta, beta_dot, rate))
        weight = slope / (data * pace)
        form = beta / data * (1 + weight * (alpha * data / (noise * beta) - 1))
        made = self.shop.add(scale, self.exact[scale], [form], limits=False)
        bound = min(made.bound, MEAN_BOUND)
        self.shop.made[scale] = replace(made, bound=bound)
        for point in self.shop.points:
            value = point.known[scale].value
            point.known[scale] = Rounded(value, (2 * bound * HALF_ULP * abs(value)).mid())

    def _add_slopes(self) -> None:
        self._choose(tau_dot, self._pace_forms())
        self._choose(scale_dot, self._slope_forms())

    def _pace_forms(self) -> Iterator[sp.Expr]:
        if self.shop.always(self.exact[tau_dot], 1):
            yield sp.S.One
        if self.base.pace is not None:
            share = self._share()
            if share.count_ops() <= 3:
                short = rate * tau * self._with_sums(share)
                yield short
                if self.shop.bound(short, [None] * len(self.shop.points)) <= 2 * ENOUGH:
                    return
            pace = self._with_sums(self.base.pace)
            yield from (rate / form for form in (pace, *self._rootless(pace)))
        yield from self._moved(self._time)
        whole = spread(self._inlined(rate), rational=self.shop.implicit)
        if not whole.has(sp.Add) or not _roots(whole):
            yield rate / whole
        yield rate / self._named(rate)

    def _moved(self, form: sp.Expr, root: sp.Expr = sp.S.One) -> Iterator[sp.Expr]:
        """d/dt of a form in α and β, by one jet alone too where the target keeps α + β or α² + β².

        Powers of what `root`, which is c, is the root of are written as powers of c."""
        if form.free_symbols <= {alpha, beta, scale} and form.count_ops() <= MOVABLE:
            slope = form.diff(alpha) * alpha_dot + form.diff(beta) * beta_dot
            for put in self._jets:
                moved = in_factors(slope.subs(put))
                if root.is_Pow:
                    moved = moved.replace(
                        lambda e: e.is_Pow and e.base == root.base, lambda e: scale ** (e.exp / root.exp)
                    )
                yield from (moved, *self._rootless(moved))

    @cached_property
    def _jets(self) -> list[dict[sp.Symbol, sp.Expr]]:
        jets: list[dict[sp.Symbol, sp.Expr]] = [{}]
        for kept in self._kept:
            weights = kept.diff(alpha), kept.diff(beta)
            jets.append({alpha_dot: -beta_dot * weights[1] / weights[0]})
            jets.append({beta_dot: -alpha_dot * weights[0] / weights[1]})
        return jets

    def _share(self) -> sp.Expr:
        """τ̇/(λ̄ τ): for the linear source 1 − τ = ᾱ/(ᾱ + β̄), one division where the sum of quotients takes three."""
        return in_factors(sp.together(1 / (self.base.pace * self.shop.made[tau].form)))

    def _slope_forms(self) -> Iterator[sp.Expr]:
        c = self.shop.made[scale].shape
        if c == 1:
            yield sp.S.Zero
            return
        if c.free_symbols <= {alpha, beta}:
            if not c.has(sp.Add):
                yield scale * log_slope(c.xreplace({x: self.shop.made[x].shape for x in (alpha, beta)}))
            yield sp.factor_terms(c.diff(alpha) * alpha_dot + c.diff(beta) * beta_dot)
            yield from self._moved(c, c)
            if self.base.kept is not None:
                law = self.base.kept.subs({alpha: alpha / scale, beta: beta / scale}, simultaneous=True)
                for moved in self._moved(law):
                    yield in_factors(sp.cancel(-moved / law.diff(scale)))
        by_noise = alpha_dot / alpha - tau_dot * self._named(alpha_dot) / self._named(alpha)
        by_data = beta_dot / beta - tau_dot * self._named(beta_dot) / self._named(beta)
        # Each cancels at one end, like 1/u and 1/t: their mean with weights u and t nowhere; where ċ is 0 at that end,
        # what is rounded must be too, and the weights are of second order.
        yield scale * (u * by_noise + t * by_data)
        yield scale * (u**2 * (1 + 2 * t) * by_noise + t**2 * (1 + 2 * u) * by_data)
        yield scale * by_noise
        yield scale * by_data

    def add_eps(self, given: sp.Expr) -> None:
        """ε̄ = c² τ̇ ε(τ) of a diffusion scale of the source."""
        form = scale**2 * tau_dot * self.at(self.source.workshop.stabilise(given))
        exact = self.exact[scale] ** 2 * self.exact[tau_dot] * given.subs(t, TIME)
        self.shop.add(eps, exact, [form], limits=False)
        ends = self._end(exact, 0), self._end(exact, 1)
        self.shop.made[eps] = replace(self.shop.made[eps], ends=ends)
        self.shop.of_source |= {eps}

    # -- ends ------------------------------------------------------------------------------------------------------

    def _give_ends(self) -> None:
        """The limits of τ, c, τ̇, ċ; NaN at an end which a truncated source does not cover."""
        low, high = covered(self.origin, self.target) or (0.0, 1.0)
        reached = low == 0, high == 1
        for symbol in (tau, scale, tau_dot, scale_dot):
            form = self.shop.made[symbol].form
            at_ends = [form.subs(t, 0), form.subs(t, 1)] if form.is_number or form == t else [None, None]
            for end, known in enumerate(at_ends):
                if not reached[end]:
                    at_ends[end] = sp.nan
                elif known is None:
                    at_ends[end] = self._end(self.exact[symbol], end)
            self.shop.made[symbol] = replace(self.shop.made[symbol], ends=(at_ends[0], at_ends[1]))

    def _end(self, exact: sp.Expr, end: int) -> sp.Expr | None:
        expr = self.shop.explicit(exact)
        if expr.free_symbols <= {t, TAU} and not self.shop.parameters:
            return self._numeric_end(expr, end, {})
        found = {self._numeric_end(expr, end, sample) for sample in self._samples()}
        value = found.pop()
        simple = value in (sp.oo, -sp.oo, sp.nan) or (value is not None and value.is_Integer)
        return value if simple and not found else self._symbolic_end(exact, end)

    def _samples(self) -> list[dict[sp.Symbol, sp.Rational]]:
        return [{p: sp.Rational(n + 3 * k, 16) for k, p in enumerate(self.shop.parameters)} for n in (11, 19)]

    def _symbolic_end(self, exact: sp.Expr, end: int) -> sp.Expr | None:
        inverse = closed_inverse(self.origin)
        if inverse is None:
            return None
        try:
            return limit_at(exact.subs(TIME, inverse.subs(R, self.target.r)).doit(), end)
        except (InputError, UndecidedError):
            return None

    def _numeric_end(self, expr: sp.Expr, end: int, given: Mapping[sp.Symbol, sp.Rational]) -> sp.Expr | None:
        try:
            value = numeric_limit(lambda near: self._near(expr, near if end == 0 else 1 - near, given))
        except InputError:
            return sp.nan
        except UndecidedError:
            return None
        if value in (float("inf"), -float("inf")):
            return sp.oo if value > 0 else -sp.oo
        return _exactly(value)

    def _near(self, expr: sp.Expr, time: sp.Rational, given: Mapping[sp.Symbol, sp.Rational]) -> float:
        tape = compile_tape((expr,), (t, TAU, *given))

        def compute() -> list[Ball]:
            here = to_ball(time)
            return tape.run([here, source_time(self.origin, self.target, here, given), *map(to_ball, given.values())])

        return sharpen(compute, lambda: f"{self.conversion} near an end")[0]


def near_both_ends(form: sp.Expr) -> sp.Expr:
    """log t as −log1p(u/t), and log u likewise: of τ and 1 − τ either may be so small that the other is 1."""
    return form.xreplace({sp.log(t): -log1p(u / t), sp.log(u): -log1p(t / u)})


def _roots(form: sp.Expr) -> set[sp.Expr]:
    """What roots are taken of."""
    return {p.base for p in form.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q == 2 and p.free_symbols}


def _exactly(value: float) -> sp.Expr:
    """A short fraction where the float is the nearest to one."""
    short = sp.Rational(value).limit_denominator(1000)
    return short if float(short) == value else sp.Float(value, 17)


def _dyadic(ball: Ball) -> sp.Rational:
    """The number that an exact ball of a parameter holds."""
    return sp.Rational(float(ball.mid()))
