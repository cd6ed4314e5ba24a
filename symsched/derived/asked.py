"""What is asked of a derivation: schedules, data and scale, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Expr

from symsched import symbols as letters
from symsched.catalog import as_schedule
from symsched.data import ANY_DATA, DataLaw, as_law
from symsched.errors import InputError
from symsched.families import positive
from symsched.parsing import parse_expression
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.sde.equation import diffusion_scale


@dataclass(frozen=True)
class Asked:
    """None where nothing was given.  `dashes` stand before the names of options in messages to the command line."""

    given: Schedule | None
    target: Schedule | None
    data: DataLaw | None
    kappa: Expr | None
    eps: Expr | None
    rho: Expr | None
    dashes: str = ""

    @classmethod
    def read(cls, schedule: Any, target: Any, data: Any, kappa: Any, eps: Any, rho: Any, dashes: str = "") -> Asked:
        """Texts, numbers, expressions, schedules and laws as they are."""
        if kappa is not None and eps is not None:
            raise InputError(f"{dashes}kappa and {dashes}eps are both given; give one: kappa is eps/eps_star")
        source = None if schedule is None else as_schedule(schedule, f"{dashes}schedule")
        return cls(
            source,
            None if target is None else as_schedule(target, f"{dashes}target"),
            None if data is None else as_law(data, f"{dashes}data"),
            None if kappa is None else diffusion_scale(kappa, f"{dashes}kappa", source),
            None if eps is None else diffusion_scale(eps, f"{dashes}eps", source),
            None if rho is None else _deviation(rho, f"{dashes}rho"),
            dashes,
        )

    @property
    def schedule(self) -> Schedule:
        """The given schedule, proved valid; or the general pair α(t), β(t)."""
        if self.given is None:
            return Schedule(letters.alpha, letters.beta, name="any schedule")
        self.given.validate()
        return self.given

    @property
    def scale(self) -> dict[str, Expr]:
        """The diffusion scale as the library's keyword: κ stays a symbol unless given."""
        if self.eps is not None:
            return {"eps": self.eps}
        return {"kappa": letters.kappa if self.kappa is None else self.kappa}

    @property
    def spread(self) -> Expr:
        """The standard deviation of the data, or ρ."""
        return letters.rho if self.rho is None else self.rho

    def equation(self, **scale: Any) -> InterpolantSDE:
        """The equation of all that was given, at this scale."""
        return InterpolantSDE(self.schedule, self.data or ANY_DATA, **(scale or self.scale))

    def only(self, what: str, names: tuple[str, ...]) -> None:
        """Raises InputError where something was given that this quantity does not depend on."""
        for name in ("target", "data", "kappa", "eps", "rho"):
            if getattr(self, name) is not None and name not in names:
                taken = " or ".join(self.dashes + n for n in names)
                raise InputError(
                    f"{self.dashes}{name} changes nothing in this {what}, which depends on "
                    + (f"the schedule and {taken}" if taken else "the schedule alone")
                    + "; leave it away"
                )

    def need(self, what: str, *names: str) -> None:
        """Raises InputError where one of these was not given."""
        if any(getattr(self, name) is None for name in (n.replace("schedule", "given") for n in names)):
            examples = {"schedule": "follmer", "target": "vp", "data": '"gaussian(m, rho)"'}
            wanted = " and ".join(f"{self.dashes}{name}" for name in names)
            example = f"{self.dashes}{names[-1]}{' ' if self.dashes else '='}{examples[names[-1]]}"
            raise InputError(f"{what}: give {wanted}, such as {example}")


def _deviation(given: Any, what: str) -> Expr:
    return positive(parse_expression(given, {"rho": letters.rho}) if isinstance(given, str) else given, what)
