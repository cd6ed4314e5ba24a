"""One quantity, derived: `symsched.derive("drift", "vp", data="gaussian(0, 1)", kappa=1)`."""

from __future__ import annotations

from typing import Any

from symsched.derived.asked import Asked
from symsched.derived.formula import Derived, Formula
from symsched.derived.quantities import QUANTITIES, answer
from symsched.precision import alone

__all__ = ["QUANTITIES", "Asked", "Derived", "Formula", "answer", "derive"]


@alone
def derive(
    quantity: str,
    schedule: Any = None,
    *,
    target: Any = None,
    data: Any = None,
    kappa: Any = None,
    eps: Any = None,
    rho: Any = None,
) -> Derived:
    """Derive a formula, as `symsched derive` does.

    Args:
        quantity: drift, score, velocity, eta_x, eta_z, diffusion, epsstar, variance, schedule, ratio, kind, limits,
            lazy or conversion.
        schedule: a schedule or its text; without one the formula holds for every (α, β).
        target: of a conversion.
        data: a data law or its text; without one the fields are written in η_X = E[X | I = x].
        kappa, eps: the diffusion scale in units of ε*, or itself; without either κ stays a letter.
        rho: standard deviation of the data (lazy, variance); without it ρ stays a letter.

    Raises InputError for an unknown quantity, what it needs and was not given, what it would ignore, and bad input.
    """
    return answer(quantity, Asked.read(schedule, target, data, kappa, eps, rho))
