"""What is emitted, as named quantities in order: each written in t, u = 1 − t and the names before it.

Several equal forms of a quantity are derived (from the schedule itself, from the jets α, β, α̇, β̇, λ = d/dt log r,
from the form already chosen for α); the shortest of those with a small error bound is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp
from flint import arb

from symsched.codegen.quantities.alphabet import explicit
from symsched.codegen.stable import (
    MAX_OPERATIONS,
    SMALLEST,
    Sample,
    Stabiliser,
    bucket,
    carried,
    cost,
    named,
    spread,
    u,
    unit_samples,
    worst,
)
from symsched.errors import InputError, UndecidedError
from symsched.exact import Ball, compile_tape, end_value, limit_at
from symsched.precision import precision
from symsched.symbols import t

LOSSY, HOPELESS = 9.0, 1e4  # ulps between which rounding errors are carried along
ENOUGH = 6.0  # ulps: no further forms are sought below this bound
Ends = tuple[sp.Expr | None, sp.Expr | None]


@dataclass(frozen=True)
class Quantity:
    """A name, the form that is emitted for it, the exact expression in t it equals, and its error bound in ulps.

    `ends` are the exact limits at t = 0 and 1 (±oo allowed), None where no limit was found."""

    name: sp.Symbol
    form: sp.Expr
    exact: sp.Expr
    bound: float
    ends: Ends = (None, None)
    plain: sp.Expr | None = None  # the form before its constants were folded, or its rounding errors carried along

    @property
    def shape(self) -> sp.Expr:
        """The form as algebra may go on with it."""
        return self.form if self.plain is None else self.plain


@dataclass(frozen=True, eq=False)
class Ledger:
    """Quantities over one set of samples.  Adding one, which may use the names of those before, gives the next ledger.

    `offered` are names that have their form already, and are added when a form that is tried uses them."""

    parameters: tuple[sp.Symbol, ...]
    samples: tuple[Sample, ...]
    stabilise: Stabiliser
    made: dict[sp.Symbol, Quantity] = field(default_factory=dict)
    offered: tuple[Quantity, ...] = ()
    implicit: bool = False  # the source time is solved for, not computed
    pace: sp.Expr = sp.S.Zero  # dτ/dt in t and TAU, for exact expressions in τ(t)
    of_source: frozenset[sp.Symbol] = frozenset()  # what a conversion added
    covered: tuple[float, float] | None = None  # the times at which its source has a time, if not all

    @classmethod
    def over(cls, parameters: Iterable[sp.Symbol]) -> Ledger:
        """An empty one, over samples of (0, 1) and of the parameters."""
        ordered = tuple(sorted(set(parameters), key=str))
        samples = unit_samples(ordered)
        return cls(ordered, samples, Stabiliser(samples))

    def add(
        self,
        symbol: sp.Symbol,
        exact: sp.Expr,
        forms: Iterable[sp.Expr],
        limits: bool = True,
        enough: float = ENOUGH,
        better: float = 2,
        most: float | None = None,
    ) -> Ledger:
        """With the name `symbol` for the best of `forms`, which are tried in order until one is good enough.

        Beyond `enough`, a form must be `better` times as good to be preferred to a shorter one; `most` bounds its error
        where the sum of bounds is known to say too much."""
        ledger, scales = self, self._scales(exact)
        tried: dict[sp.Expr, float] = {}
        shapes: dict[sp.Expr, sp.Expr] = {}
        for given in forms:
            if given.has(sp.nan, sp.zoo, sp.I):
                continue
            ledger = ledger.with_offers(given)
            form = ledger._spread(given, scales)
            shapes.setdefault(form, spread(given))
            tried.setdefault(form, ledger.bound(form, scales))
            uses_names = bool(form.free_symbols & ledger.made.keys())
            if tried[form] <= enough or (uses_names and ledger._carry_bound(form, tried[form], scales) <= enough):
                break
        best = min(tried, key=lambda f: (bucket(tried[f], enough, better), cost(f), sp.default_sort_key(f)))
        ledger._check_equal(best, exact, symbol)
        ends = (_limit(exact, 0), _limit(exact, 1)) if limits else (None, None)
        bound = ledger._carry_bound(best, tried[best], scales)
        lines, form, plain = (*carried(symbol.name, best), best) if bound < tried[best] else ([], best, shapes[best])
        computed = bound == tried[best] and most is None  # sample by sample, by the form
        bound = bound if most is None else min(bound, most)
        made = [Quantity(name, line, exact, bound) for name, line in lines]
        made.append(Quantity(symbol, form, exact, bound, ends, plain))
        return ledger._entered(made, best, None if computed else bound)

    def with_offers(self, form: sp.Expr) -> Ledger:
        """With those of the offered names that a form uses."""
        ledger = self
        for offer in self.offered:
            if offer.name in form.free_symbols and offer.name not in ledger.made:
                ledger = ledger.add(offer.name, offer.exact, [offer.form], limits=False)
        return ledger

    def _spread(self, form: sp.Expr, scales: Sequence[Ball | None]) -> sp.Expr:
        """With constants folded into sums, where that helps and the errors are not to be carried along."""
        form, wide = spread(form), spread(form, rational=True)
        return wide if wide != form and self.bound(wide, scales) < self.bound(form, scales) <= LOSSY else form

    def _entered(self, quantities: Sequence[Quantity], form: sp.Expr, ulps: float | None = None) -> Ledger:
        """With the quantities, of which the last is computed as `form`, with an error of `ulps` where that is known."""
        samples = named(self.samples, quantities[-1].name, form, ulps)
        return replace(self, made={**self.made, **{q.name: q for q in quantities}}, samples=samples)

    def give(self, symbol: sp.Symbol, exact: sp.Expr, form: sp.Expr) -> Ledger:
        """With a helper whose form is meant for some of the times only, so that no bound is asked for."""
        self._check_equal(form, exact, symbol)
        return self._entered([Quantity(symbol, form, exact, 0.0)], form)

    def solved(self, symbol: sp.Symbol, exact: sp.Expr, ulps: float) -> Ledger:
        """With a name for what the Newton inverse returns, to within `ulps`."""
        return self._entered([Quantity(symbol, symbol, exact, ulps)], explicit(exact, self.pace), ulps)

    def ending(self, symbol: sp.Symbol, ends: Ends) -> Ledger:
        """With these limits of a quantity at 0 and 1."""
        return replace(self, made={**self.made, symbol: replace(self.made[symbol], ends=ends)})

    def _carry_bound(self, form: sp.Expr, bound: float, scales: Sequence[Ball | None]) -> float:
        """The error when that of every sum and product is carried along; `bound` where that is not worth it."""
        if not LOSSY < bound < HOPELESS or form.count_ops() > MAX_OPERATIONS:
            return bound
        found = worst([sample.carrying() for sample in self.samples], form, scales) + 0.5
        return found if found < bound / 2 else bound

    def bound(self, form: sp.Expr, scales: Sequence[Ball | None] | None = None) -> float:
        """The worst error of a form over the samples, in ulps."""
        return worst(self.samples, form, scales)

    def _scales(self, exact: sp.Expr) -> list[Ball | None]:
        """min(t, u) |f'|: what a quantity that crosses zero inside (0, 1) is measured by, there."""
        try:
            slopes = list(self._values(explicit(exact.diff(t), self.pace)))
        except (InputError, UndecidedError):
            return [None] * len(self.samples)
        scales: list[Ball | None] = []
        for sample, slope in zip(self.samples, slopes, strict=True):
            with precision(sample.bits):
                found = abs(slope) * min(sample.known[t].value, sample.known[u].value)
                scales.append(found if found.is_finite() and found > SMALLEST else None)
        return scales

    def always(self, exact: sp.Expr, number: int) -> bool:
        """Whether `exact` is that number at every sample, as far as hundreds of bits tell."""
        return all(value.overlaps(arb(number)) for value in self._values(explicit(exact, self.pace)))

    def _check_equal(self, form: sp.Expr, exact: sp.Expr, symbol: sp.Symbol) -> None:
        """The form and the expression it stands for agree in high-precision balls at every sample."""
        exact = explicit(exact, self.pace)
        for sample, there in zip(self.samples, self._values(exact), strict=True):
            with precision(sample.bits):
                if not there.overlaps(sample.evaluate(form).value):
                    raise UndecidedError(f"{symbol}: the form {form} is not equal to {exact}")

    def _values(self, exact: sp.Expr) -> Iterator[Ball]:
        """An exact expression at the samples, as far as they are asked for."""
        symbols = tuple(sorted(exact.free_symbols, key=str))
        tape = compile_tape((exact,), symbols)
        for sample in self.samples:
            with precision(sample.bits):
                value = tape.run([sample.known[s].value for s in symbols])[0]
            yield value


def _limit(expr: sp.Expr, end: int) -> sp.Expr | None:
    try:
        return limit_at(expr, end)
    except (UndecidedError, InputError):
        pass
    try:
        value = end_value(expr, end) if expr.free_symbols <= {t} else None
    except (UndecidedError, InputError):
        return None
    return None if value is None else as_limit(value)


def as_limit(value: float) -> sp.Expr:
    """A float as a limit that is known to its last bit."""
    return sp.Float(value, 17) if abs(value) < float("inf") else sp.oo if value > 0 else -sp.oo
