"""What is emitted, as named quantities in order: each written in t, u = 1 − t and the names before it.

Several equal forms of a quantity are derived (from the schedule itself, from the jets α, β, α̇, β̇, λ = d/dt log r,
from the form already chosen for α); the shortest of those with a small error bound is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp
from flint import arb

from symsched.codegen.carry import MAX_OPERATIONS, carried
from symsched.codegen.distance import distance
from symsched.codegen.kernels import paired, reduced, spread
from symsched.codegen.logslope import log_slope, slope, without_exponentials
from symsched.codegen.rounding import HALF_ULP, SMALLEST, Point, Rounded, name, u, unit_points, worst
from symsched.codegen.stable import Stabiliser, cost, operations
from symsched.conversion import tau_function
from symsched.errors import InputError, UndecidedError
from symsched.exact import compile_tape, decide_zero, end_value, limit_at
from symsched.precision import cached_property, precision
from symsched.schedule import Schedule
from symsched.symbols import t

alpha, beta, rate = (
    sp.Symbol("alpha", positive=True),
    sp.Symbol("beta", positive=True),
    sp.Symbol("rate", positive=True),
)
r = sp.Symbol("r", positive=True)
alpha_dot, beta_dot = sp.Symbol("alpha_dot", real=True), sp.Symbol("beta_dot", real=True)

LOSSY, HOPELESS = 9.0, 1e4  # ulps between which rounding errors are carried along
SHORT = 14  # operations of a logarithmic derivative that is tried first
ENOUGH = 6.0  # ulps: no further forms are sought below this bound
TAU = sp.Dummy("tau", positive=True)  # the source time, where it is known as a ball
TIME = tau_function(t)


@dataclass(frozen=True)
class Quantity:
    """A name, the form that is emitted for it, the exact expression in t it equals, and its error bound in ulps.

    `ends` are the exact limits at t = 0 and 1 (±oo allowed), None where no limit was found."""

    name: sp.Symbol
    form: sp.Expr
    exact: sp.Expr
    bound: float
    ends: tuple[sp.Expr | None, sp.Expr | None]
    plain: sp.Expr | None = None  # the form before its constants were folded, or its rounding errors carried along

    @property
    def shape(self) -> sp.Expr:
        """The form as algebra may go on with it."""
        return self.form if self.plain is None else self.plain


@dataclass
class Workshop:
    """Collects quantities over one set of samples; every new one may use the names of those before."""

    parameters: Sequence[sp.Symbol] = ()
    points: list[Point] = field(default_factory=list)
    made: dict[sp.Symbol, Quantity] = field(default_factory=dict)
    implicit: bool = False  # the source time is solved for, not computed
    pace: sp.Expr = sp.S.Zero  # dτ/dt in t and TAU, for exact expressions in τ(t)
    of_source: frozenset[sp.Symbol] = frozenset()  # what a conversion added
    covered: tuple[float, float] | None = None  # the times at which its source has a time, if not all

    def __post_init__(self) -> None:
        self.points = self.points or unit_points(self.parameters)
        self.stabilise = Stabiliser(points=self.points)

    def copy(self) -> Workshop:
        """The same quantities and samples, to be added to independently."""
        points = [Point(p.bits, dict(p.known)) for p in self.points]
        return Workshop(self.parameters, points, dict(self.made))

    def explicit(self, expr: sp.Expr) -> sp.Expr:
        """An exact expression with the source time as a letter."""
        return expr.xreplace({TIME.diff(t): self.pace}).xreplace({TIME: TAU})

    def add(
        self,
        symbol: sp.Symbol,
        exact: sp.Expr,
        forms: Iterable[sp.Expr],
        limits: bool = True,
        enough: float = ENOUGH,
        better: float = 2,
    ) -> Quantity:
        """Choose among `forms` (tried in order until one is good enough) and give it the name `symbol`.

        Beyond `enough`, a form must be `better` times as good to be preferred to a shorter one."""
        scales = self._scales(exact)
        tried: dict[sp.Expr, float] = {}
        shapes: dict[sp.Expr, sp.Expr] = {}
        for given in forms:
            if given.has(sp.nan, sp.zoo, sp.I):
                continue
            form = self._spread(given, scales)
            shapes.setdefault(form, spread(given))
            tried.setdefault(form, self.bound(form, scales))
            named = bool(form.free_symbols & self.made.keys())
            if tried[form] <= enough or (named and self._carry_bound(form, tried[form], scales) <= enough):
                break
        best = min(tried, key=lambda f: (_bucket(tried[f], enough, better), cost(f), sp.default_sort_key(f)))
        self._check_equal(best, exact, symbol)
        ends = (_limit(exact, 0), _limit(exact, 1)) if limits else (None, None)
        bound = self._carry_bound(best, tried[best], scales)
        if bound < tried[best]:
            return self._carry(Quantity(symbol, best, exact, bound, ends, plain=best))
        name(self.points, symbol, best)
        self.made[symbol] = Quantity(symbol, best, exact, tried[best], ends, plain=shapes[best])
        return self.made[symbol]

    def _spread(self, form: sp.Expr, scales: Sequence[object]) -> sp.Expr:
        """With constants folded into sums, where that helps and the errors are not to be carried along."""
        form, wide = spread(form), spread(form, rational=True)
        return wide if wide != form and self.bound(wide, scales) < self.bound(form, scales) <= LOSSY else form

    def give(self, symbol: sp.Symbol, exact: sp.Expr, form: sp.Expr) -> None:
        """Add a helper whose form is meant for some of the times only, so that no bound is asked for."""
        self._check_equal(form, exact, symbol)
        name(self.points, symbol, form)
        self.made[symbol] = Quantity(symbol, form, exact, 0.0, (None, None))

    def _carry_bound(self, form: sp.Expr, bound: float, scales: Sequence[object]) -> float:
        """The error when that of every sum and product is carried along; `bound` where that is not worth it."""
        if not LOSSY < bound < HOPELESS or form.count_ops() > MAX_OPERATIONS:
            return bound
        found = worst([p.carrying() for p in self.points], form, scales) + 0.5
        return found if found < bound / 2 else bound

    def _carry(self, quantity: Quantity) -> Quantity:
        lines, form = carried(quantity.name.name, quantity.form)
        for symbol, line in lines:
            self.made[symbol] = Quantity(symbol, line, quantity.exact, quantity.bound, (None, None))
        for sample in self.points:
            with precision(sample.bits):
                value = sample.evaluate(quantity.form).value
                error = 2 * quantity.bound * HALF_ULP * abs(value)
                sample.known[quantity.name] = Rounded(value, error.mid())
        self.made[quantity.name] = replace(quantity, form=form)
        return self.made[quantity.name]

    def bound(self, form: sp.Expr, scales: Sequence[object]) -> float:
        """The worst error of a form over the samples, in ulps."""
        try:
            return worst(self.points, form, scales)
        except (InputError, ValueError, ZeroDivisionError):
            return float("inf")

    def _scales(self, exact: sp.Expr) -> list[object]:
        """min(t, u) |f'|: what a quantity that crosses zero inside (0, 1) is measured by, there."""
        slope = self.explicit(exact.diff(t))
        symbols = tuple(sorted(slope.free_symbols, key=str))
        scales: list[object] = []
        try:
            tape = compile_tape((slope,), symbols)
            for point in self.points:
                with precision(point.bits):
                    near = min(point.known[t].value, point.known[u].value)
                    found = abs(tape.run([point.known[s].value for s in symbols])[0]) * near
                    scales.append(found if found.is_finite() and found > SMALLEST else None)
        except (InputError, UndecidedError):
            return [None] * len(self.points)
        return scales

    def always(self, exact: sp.Expr, number: int) -> bool:
        """Whether `exact` is that number at every sample, as far as hundreds of bits tell."""
        exact = self.explicit(exact)
        symbols = tuple(sorted(exact.free_symbols, key=str))
        tape = compile_tape((exact,), symbols)
        for point in self.points:
            with precision(point.bits):
                if not tape.run([point.known[s].value for s in symbols])[0].overlaps(arb(number)):
                    return False
        return True

    def _check_equal(self, form: sp.Expr, exact: sp.Expr, symbol: sp.Symbol) -> None:
        """The form and the expression it stands for agree in high-precision balls at every sample."""
        exact = self.explicit(exact)
        symbols = tuple(sorted(exact.free_symbols, key=str))
        tape = compile_tape((exact,), symbols)
        for point in self.points:
            with precision(point.bits):
                there = tape.run([point.known[s].value for s in symbols])[0]
                if not there.overlaps(point.evaluate(form).value):
                    raise UndecidedError(f"{symbol}: the form {form} is not equal to {exact}")


def _limit(expr: sp.Expr, end: int) -> sp.Expr | None:
    try:
        return limit_at(expr, end)
    except (UndecidedError, InputError):
        pass
    try:
        value = end_value(expr, end) if expr.free_symbols <= {t} else None
    except (UndecidedError, InputError):
        return None
    return (
        None
        if value is None
        else sp.oo
        if value == float("inf")
        else -sp.oo
        if value == -float("inf")
        else sp.Float(value, 17)
    )


@dataclass
class ScheduleForms:
    """Stable forms of α, β, α̇, β̇ and λ = d/dt log r for one schedule."""

    schedule: Schedule
    parameters: tuple[sp.Symbol, ...] = ()  # of another schedule, which are to have samples too

    @cached_property
    def workshop(self) -> Workshop:
        parameters = sorted({*self.schedule.parameters, *self.parameters}, key=str)
        shop = Workshop(parameters)
        s = self.schedule
        shop.add(beta, s.beta, self._coefficient(shop, s.beta))
        shop.add(alpha, s.alpha, self._coefficient(shop, s.alpha))
        shop.add(beta_dot, s.beta_dot, self._derivative(shop, beta, s.beta_dot))
        shop.add(alpha_dot, s.alpha_dot, self._derivative(shop, alpha, s.alpha_dot))
        shop.add(rate, s.log_r_dot, self._rate(shop))
        return shop

    def alone(self, symbol: sp.Symbol) -> sp.Expr:
        """The form of a quantity in t and u alone, other names replaced by their forms."""
        return in_times(self.workshop, symbol)

    @cached_property
    def ratio(self) -> sp.Expr:
        """r in t and u alone."""
        return ratio_forms(self.schedule, self.workshop)[0]

    def distance(self, end: int) -> sp.Expr:
        """|log r(t)/r(end)| in the form that is best next to a truncated end."""
        return distance(ratio_forms(self.schedule, self.workshop), end, self.workshop.stabilise)

    @cached_property
    def preserves_variance(self) -> bool:
        s = self.schedule
        return bool(decide_zero(s.alpha**2 + s.beta**2 - 1))

    def _coefficient(self, shop: Workshop, exact: sp.Expr) -> Iterator[sp.Expr]:
        yield paired(exact)
        stable = shop.stabilise(exact)
        yield from _halved(shop, stable)
        yield stable

    def _derivative(self, shop: Workshop, of: sp.Symbol, exact: sp.Expr) -> Iterator[sp.Expr]:
        form = shop.made[of].shape
        if exact.count_ops() <= 6:
            yield paired(exact)
        base, power = form.as_base_exp()
        if power.is_Integer and power > 1 and base.is_Add:
            yield power * shop.stabilise(slope(base)) * of / base
        relative = self._log_derivative(of)
        if operations(relative) <= SHORT:
            yield sp.factor_terms(of * shop.stabilise(relative))
        if of == alpha and self.preserves_variance:
            yield -beta * beta_dot / alpha
        direct = slope(form)
        yield direct
        yield direct.subs(form, of)
        if power.is_Rational and not power.is_Integer:
            yield power * shop.stabilise(slope(base)) * of / base
        yield shop.stabilise(direct)
        yield shop.stabilise(exact)
        if SHORT < operations(relative) <= 2 * SHORT:
            stable = shop.stabilise(relative)
            for made in (*_halved(shop, stable), stable):
                yield form * made
                yield of * made

    def _log_derivative(self, of: sp.Symbol) -> sp.Expr:
        """α̇/α or β̇/β, by way of the square, in which roots cancel."""
        square = (self.schedule.alpha if of == alpha else self.schedule.beta) ** 2
        return reduced(square.diff(t) / (2 * square))

    def _rate(self, shop: Workshop) -> Iterator[sp.Expr]:
        s = self.schedule
        if s.log_r_dot.is_rational_function(t):
            yield shop.stabilise(s.log_r_dot)
        by_factors = log_slope(ratio_forms(s, shop)[0])
        short = [*self._rate_by_parts(shop), sp.factor_terms(by_factors)]
        yield from short
        if any(shop.bound(form, [None] * len(shop.points)) <= ENOUGH for form in short):
            return
        yield shop.stabilise(by_factors)
        if s.log_r_dot.count_ops() <= 60:
            yield shop.stabilise(s.log_r_dot)

    def _rate_by_parts(self, shop: Workshop) -> Iterator[sp.Expr]:
        parts = [self._log_derivative(x) for x in (beta, alpha)]
        shown = [
            shop.stabilise(part) if part.count_ops() <= 12 else dot / of
            for part, dot, of in zip(parts, (beta_dot, alpha_dot), (beta, alpha), strict=True)
        ]
        if self.preserves_variance:
            yield shown[0] / alpha**2
            yield -shown[1] / beta**2
        yield shown[0] - shown[1]
        yield beta_dot / beta - alpha_dot / alpha


def _halved(shop: Workshop, form: sp.Expr) -> Iterator[sp.Expr]:
    """Its forms in sinh and cosh."""
    for made in without_exponentials(form):
        yield shop.stabilise.rewrite(made)


def ratio_forms(schedule: Schedule, shop: Workshop) -> list[sp.Expr]:
    """Forms of r in t and u alone, without the factors that α and β share; the best one first."""
    forms = [in_times(shop, beta) / in_times(shop, alpha)]
    if schedule.r.count_ops() <= 30:
        forms.append(shop.stabilise(reduced(schedule.r)))
    forms += [made for form in forms for made in without_exponentials(form)]
    none: list[object] = [None] * len(shop.points)
    return sorted(set(forms), key=lambda f: (_bucket(shop.bound(f, none)), cost(f), sp.default_sort_key(f)))


def in_times(shop: Workshop, symbol: sp.Symbol) -> sp.Expr:
    form = shop.made[symbol].shape
    for quantity in reversed(shop.made.values()):
        form = form.xreplace({quantity.name: quantity.shape})
    return form


def _bucket(error: float, enough: float = ENOUGH, better: float = 2) -> int:
    """Bounds up to `enough` are as good as none; beyond, a form must be `better` times as good to be preferred."""
    steps = 0
    while error > enough and steps < 2000:
        error, steps = error / better, steps + 1
    return steps


def add_levels(shop: Workshop, s: Schedule) -> None:
    """r, log SNR and ε* = α² λ."""
    shop.add(r, s.r, _ratios(s, shop))
    shop.add(sp.Symbol("log_snr"), s.log_snr, _log_forms(s, shop))
    shop.add(sp.Symbol("eps_star"), s.eps_star, [*_direct(shop, s.eps_star), alpha**2 * rate])


def _log_forms(s: Schedule, shop: Workshop) -> Iterator[sp.Expr]:
    """Of log r²: a logarithm of what is no float has lost all."""
    yield 2 * sp.log(r)
    yield 2 * (sp.expand_log(sp.log(shop.made[beta].shape), force=True) - sp.log(alpha))
    for ratio in ratio_forms(s, shop):
        yield 2 * sp.expand_log(sp.log(ratio), force=True)


def _ratios(s: Schedule, shop: Workshop) -> Iterator[sp.Expr]:
    yield beta / alpha
    yield from ratio_forms(s, shop)


def _direct(shop: Workshop, exact: sp.Expr) -> Iterator[sp.Expr]:
    """The quantity written in t itself, when that is short."""
    short = reduced(exact)
    if short.count_ops() <= 12:
        yield shop.stabilise(short)
