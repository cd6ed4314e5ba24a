"""From a request (schedules, κ or ε) to the functions of the module, whatever the language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from symsched.codegen.changes import ConversionForms, eps, scale, scale_dot, tau_dot
from symsched.codegen.derive import PREDICTIONS, eps_star, settle_ends, target_quantities, weight_symbols
from symsched.codegen.names import check_parameters, identifier
from symsched.codegen.program import Function, function
from symsched.codegen.quantities import TIME, Workshop, alpha, alpha_dot, beta, beta_dot
from symsched.codegen.scaled import add_scaled_drift
from symsched.codegen.sources import tau
from symsched.codegen.tidy import tidied
from symsched.conversion import Conversion
from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.inversion import R, closed_inverse
from symsched.precision import cached_property
from symsched.schedule import Schedule, as_expression
from symsched.sde import InterpolantSDE
from symsched.symbols import check_names, kappa, t

if TYPE_CHECKING:
    from symsched.codegen.references import Reference

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
    newton: bool = False  # the source time is solved for though it has a closed form

    def __post_init__(self) -> None:
        check_names(self.parameters, "the module")
        check_parameters(self.parameters)
        self.target.validate()
        if self.kappa is not None and self.source_eps is not None:
            raise InputError("kappa and eps are both given; give one: kappa is eps/eps_star")
        if self.source_eps is not None and self.source is None:
            raise InputError("eps is a scale of the source, and there is none: give a source, or kappa")
        if self.source_eps is not None and self.source is not None:
            self.source_eps = InterpolantSDE(self.source, Gaussian(0, 1), eps=self.source_eps).eps  # checks its sign
            if unknown := self.source_eps.free_symbols - {t, *self.parameters}:
                raise InputError(
                    f"eps = {self.source_eps}: {unknown.pop()} is no parameter of the schedules; give it a value"
                )
        if self.kappa is not None:
            self.kappa = as_expression(self.kappa, "kappa")
            if self.kappa.is_nonnegative is False or self.kappa.free_symbols - {kappa}:
                raise InputError(f"kappa = {self.kappa}: expected a number >= 0")

    @property
    def name(self) -> str:
        """What it is called in every language: linear_to_follmer."""
        return identifier([s for s in (self.source, self.target) if s is not None])

    @property
    def closed(self) -> bool:
        """Whether the source time is computed, not solved for."""
        return not self.shop.implicit

    @property
    def shown_kappa(self) -> sp.Expr:
        return kappa if self.kappa is None else self.kappa

    @cached_property
    def conversion(self) -> Conversion | None:
        return None if self.source is None else Conversion(self.source, self.target)

    @cached_property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The open parameters of both schedules."""
        found = self.target.parameters | (self.source.parameters if self.source is not None else frozenset())
        return tuple(sorted(found, key=str))

    @cached_property
    def shop(self) -> Workshop:
        """All quantities of the module."""
        return self._of_target() if self.forms is None else self.forms.shop

    def _of_target(self) -> Workshop:
        """Beside a given ε of the source, without ε and the drift: they come with the conversion."""
        scaled = self.source_eps is not None
        return target_quantities(self.target, None if scaled else self.shown_kappa, self.parameters).copy()

    @cached_property
    def forms(self) -> ConversionForms | None:
        """The forms of the conversion, in the shop of its target; None without one."""
        if self.conversion is None:
            return None
        forms = ConversionForms(self.conversion, self._of_target(), self.newton)
        forms.add()
        if self.source_eps is not None:
            forms.add_eps(self.source_eps)
            add_scaled_drift(forms)
        if self.parameters:
            settle_ends(forms.shop, {tau, scale, tau_dot, scale_dot, eps} & forms.shop.of_source, self._in_time)
        return forms

    def _in_time(self, exact: sp.Expr) -> sp.Expr | None:
        """An exact expression in τ(t) in t alone, where τ has a closed form."""
        inverse = closed_inverse(self.source) if self.source is not None else None
        return None if inverse is None else exact.subs(TIME, inverse.subs(R, self.target.r)).doit()

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
        return tuple(tidied(f) for f in made)

    @cached_property
    def steps(self) -> tuple[Function, ...]:
        """Weights of sampler steps from t to t_next."""
        from symsched.codegen.steps import steps

        return steps(self)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """What it must return: values in ball arithmetic."""
        from symsched.codegen.references import references

        return tuple(references(self))
