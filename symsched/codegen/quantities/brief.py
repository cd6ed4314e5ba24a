"""What is asked for, the schedules, κ or ε; and all that a module states of them, whatever the language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import sympy as sp

from symsched.codegen.names import check_parameters, identifier
from symsched.codegen.quantities.alphabet import eps, eps_star, scale, scale_dot, tau, tau_dot
from symsched.codegen.quantities.change import Change
from symsched.codegen.quantities.coefficients import ScheduleForms, add_levels
from symsched.codegen.quantities.drift import add_drift, add_scaled_drift
from symsched.codegen.quantities.ends import add_ends, in_target_time, limits, settle_ends
from symsched.codegen.quantities.ledger import Ledger
from symsched.codegen.quantities.scaling import add_scale, scaled_eps
from symsched.codegen.quantities.slopes import add_slopes
from symsched.codegen.quantities.times import add_time
from symsched.codegen.stable import simplified
from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.precision import cached_property
from symsched.schedule import Schedule, as_expression
from symsched.sde import InterpolantSDE
from symsched.symbols import check_names, kappa, t


@dataclass(frozen=True)
class Brief:
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
        for schedule in (self.target, self.source):
            if schedule is not None:
                schedule.validate()
        if self.kappa is not None and self.source_eps is not None:
            raise InputError("kappa and eps are both given; give one: kappa is eps/eps_star")
        if self.source_eps is not None and self.source is None:
            raise InputError("eps is a scale of the source, and there is none: give a source, or kappa")
        if self.source_eps is not None and self.source is not None:
            given = InterpolantSDE(self.source, Gaussian(0, 1), eps=self.source_eps).eps  # checks its sign
            if unknown := given.free_symbols - {t, *self.parameters}:
                raise InputError(f"eps = {given}: {unknown.pop()} is no parameter of the schedules; give it a value")
            object.__setattr__(self, "source_eps", given)  # as an expression, from here on
        if self.kappa is not None:
            given = as_expression(self.kappa, "kappa")
            if given.is_nonnegative is False or given.free_symbols - {kappa}:
                raise InputError(f"kappa = {given}: expected a number >= 0")
            object.__setattr__(self, "kappa", given)

    @property
    def name(self) -> str:
        """What it is called in every language: linear_to_follmer."""
        return identifier([s for s in (self.source, self.target) if s is not None])

    @property
    def closed(self) -> bool:
        """Whether the source time is computed, not solved for."""
        return not self.ledger.implicit

    @property
    def shown_kappa(self) -> sp.Expr:
        return kappa if self.kappa is None else self.kappa

    @cached_property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The open parameters of both schedules."""
        found = self.target.parameters | (self.source.parameters if self.source is not None else frozenset())
        return tuple(sorted(found, key=str))

    @cached_property
    def ledger(self) -> Ledger:
        """All quantities.  Beside a given ε of the source, ε and the drift come with the conversion."""
        at_kappa = None if self.source_eps is not None else self.shown_kappa
        alone = target_ledger(self.target, at_kappa, self.parameters)
        if self.source is None:
            return alone
        return _converted(Change(self.source, self.target, alone, self.newton), self.source_eps)


@lru_cache(maxsize=64)
def target_ledger(schedule: Schedule, at_kappa: sp.Expr | None, parameters: Sequence[sp.Symbol]) -> Ledger:
    """All that a target alone determines, whatever it is converted from; without ε and the drift where κ is None."""
    ledger = add_levels(ScheduleForms(schedule, tuple(parameters)).ledger, schedule)
    if at_kappa is not None:
        exact = at_kappa * schedule.eps_star
        short = simplified(exact) if exact.count_ops() < 30 else exact
        merged = short.atoms(sp.log) - exact.atoms(sp.log)  # κ log a as log a^κ loses digits at the ends
        ledger = ledger.add(eps, exact if merged else short, [at_kappa * eps_star])
        ledger = add_drift(ledger, schedule, at_kappa)
    return settle_ends(ledger, ledger.made, lambda exact: exact)


def _converted(change: Change, source_eps: sp.Expr | None) -> Ledger:
    """What the target states alone, and the conversion; with a diffusion scale of the source, ε̄ and the drift."""
    ledger = change.start
    for add in (add_time, add_scale, add_slopes, add_ends):
        ledger = add(change, ledger)
    if source_eps is not None:
        exact, form = scaled_eps(change, source_eps)
        ledger = ledger.add(eps, exact, [form], limits=False).ending(eps, limits(change, exact))
        ledger = add_scaled_drift(change, ledger)
    ledger = replace(ledger, of_source=frozenset(ledger.made.keys() - change.alone.made.keys()))
    if ledger.parameters:
        wanted = {tau, scale, tau_dot, scale_dot, eps} & ledger.of_source
        ledger = settle_ends(ledger, wanted, partial(in_target_time, change))
    return ledger
