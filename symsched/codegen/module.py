"""From a request (schedules, κ or ε) to the functions of the module, whatever the language."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy as sp
from flint import arb, ctx

from symsched.codegen.derive import (
    PREDICTIONS,
    ConversionForms,
    add_drift,
    eps,
    eps_star,
    scale,
    scale_dot,
    tau,
    tau_dot,
    tau_left,
    weight_symbols,
)
from symsched.codegen.program import Function, function
from symsched.codegen.quantities import (
    ScheduleForms,
    Workshop,
    add_levels,
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    rate,
)
from symsched.codegen.rounding import Rounded
from symsched.conversion import Conversion
from symsched.enclose import enclose, to_ball
from symsched.endpoints import end_value
from symsched.errors import InputError, UndecidedError
from symsched.schedule import Schedule, as_expression
from symsched.symbols import kappa, t

KAPPAS = (sp.Rational(13, 16), sp.Integer(1), sp.Rational(5, 2))  # at 1, terms of A cancel when they can
PREDICTED = {
    "data": "the data prediction E[X | x]",
    "noise": "the noise prediction E[Z | x]",
    "score": "the score",
    "velocity": "the velocity of the probability flow",
    "v": "the v prediction beta E[Z | x] - alpha E[X | x]",
}


@dataclass
class Module:
    """What is emitted: the target schedule, the conversion to it if there is a source, ε̄ and the drift.

    κ is a number, or None to stay a parameter; or `source_eps` is a diffusion scale of the source."""

    target: Schedule
    source: Schedule | None = None
    kappa: Any = None
    source_eps: Any = None
    closed: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self.target.validate()
        if self.kappa is not None and self.source_eps is not None:
            raise InputError("kappa and eps are both given; give one: kappa is eps/eps_star")
        if self.source_eps is not None and self.source is None:
            raise InputError("eps is a scale of the source, and there is none: give a source, or kappa")
        if self.kappa is not None:
            self.kappa = as_expression(self.kappa, "kappa")
            if self.kappa.is_nonnegative is False or self.kappa.has(t):
                raise InputError(f"kappa = {self.kappa}: expected a number >= 0")

    @property
    def shown_kappa(self) -> sp.Expr:
        return kappa if self.kappa is None else self.kappa

    @cached_property
    def conversion(self) -> Conversion | None:
        return None if self.source is None else Conversion(self.source, self.target)

    @cached_property
    def shop(self) -> Workshop:
        shop = ScheduleForms(self.target).workshop
        self._keep_covered(shop)
        add_levels(shop, self.target)
        if self.conversion is not None:
            self.forms = ConversionForms(self.conversion, shop)
            self.closed = self.forms.add()
            self._give_ends(shop)
        self._give_kappa(shop)
        self._add_eps(shop)
        add_drift(shop, self.target, self.shown_kappa)
        self._settle_kappa_ends(shop)
        return shop

    def _keep_covered(self, shop: Workshop) -> None:
        """Samples at which the source of a conversion has a time at all."""
        if self.source is None or self.source.kind != "truncated" or self.source.parameters:
            return
        low, high = (end_value(self.source.r, end) for end in (0, 1))
        kept = []
        for point in shop.points:
            ratio = float((point.known[beta].value / point.known[alpha].value).mid())
            if low <= ratio <= high:
                kept.append(point)
        shop.points[:] = kept
        shop.stabilise.points[:] = kept

    def _give_kappa(self, shop: Workshop) -> None:
        if self.kappa is not None and not self.kappa.free_symbols:
            return
        for k, point in enumerate(shop.points):
            with ctx.workprec(point.bits):
                point.known[kappa] = Rounded(to_ball(KAPPAS[k % 3]), arb(0))

    def _add_eps(self, shop: Workshop) -> None:
        if self.source_eps is None:
            exact = self.shown_kappa * self.target.eps_star
            shop.add(eps, sp.simplify(exact) if exact.count_ops() < 30 else exact, [self.shown_kappa * eps_star])
            return
        assert self.conversion is not None
        given = as_expression(self.source_eps, "eps")
        exact = self.conversion.eps(given)
        form = scale**2 * tau_dot * self.forms.at(self.forms.source.workshop.stabilise(given))
        shop.add(eps, exact, [form])

    def _give_ends(self, shop: Workshop) -> None:
        """The limits of τ, c, τ̇, ċ: numbers, from the conversion itself."""
        assert self.conversion is not None
        names = {tau: "tau", scale: "scale", tau_dot: "tau_dot", scale_dot: "scale_dot"}
        for symbol, name in names.items():
            if symbol in shop.made:
                expr = getattr(self.conversion, name)
                ends = (self._end(expr, 0.0), self._end(expr, 1.0))
                shop.made[symbol] = replace(shop.made[symbol], ends=ends)

    def _end(self, expr: sp.Expr, end: float) -> sp.Expr | None:
        assert self.conversion is not None
        try:
            value = float(self.conversion.values((expr,), [end])[0][0])
        except InputError:
            return None
        if value in (float("inf"), -float("inf")):
            return sp.oo if value > 0 else -sp.oo
        return sp.Rational(value) if value == int(value) else sp.Float(value, 17)

    def _settle_kappa_ends(self, shop: Workshop) -> None:
        """Limits that are one thing for κ = 0 and another for κ > 0."""
        for symbol, quantity in list(shop.made.items()):
            if kappa in quantity.exact.free_symbols and None in quantity.ends:
                low, high = (
                    found if found is not None else self._kappa_end(quantity.exact, end)
                    for end, found in enumerate(quantity.ends)
                )
                ends = (low, high)
                shop.made[symbol] = replace(quantity, ends=ends)

    @staticmethod
    def _kappa_end(exact: sp.Expr, end: int) -> sp.Expr | None:
        try:
            found = [end_value(exact.subs(kappa, k), end) for k in (0, sp.Rational(1, 2), 1, 3)]
        except (UndecidedError, InputError):
            return None
        still, *moving = found
        if len(set(moving)) != 1:
            return None
        put = [
            sp.oo if v == float("inf") else -sp.oo if v == -float("inf") else sp.nsimplify(v)
            for v in (still, moving[0])
        ]
        return put[0] if put[0] == put[1] else sp.Piecewise((put[0], sp.Eq(kappa, 0)), (put[1], True))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions in the order in which they are emitted."""
        shop = self.shop
        made = [
            function("schedule", "noise and data coefficients, and their time derivatives", shop,
                     (alpha, beta, alpha_dot, beta_dot)),
            function("levels", "signal-to-noise ratio beta/alpha, log of its square, optimal diffusion scale", shop,
                     (sp.Symbol("r", positive=True), sp.Symbol("log_snr"), eps_star)),
        ]  # fmt: skip
        if self.conversion is not None:
            summary = "source time and scale of the target, and their time derivatives"
            made.append(function("conversion", summary, shop, (tau, scale, tau_dot, scale_dot)))
        made.append(function("diffusion", "diffusion scale eps of dX = b dt + sqrt(2 eps) dW", shop, (eps,)))
        for prediction in PREDICTIONS:
            summary = f"drift b = A x + B p, where p is {PREDICTED[prediction]}"
            made.append(function(f"drift_{prediction}", summary, shop, weight_symbols(prediction)))
        return tuple(made)


__all__ = ["Module", "enclose", "rate", "tau_left"]
