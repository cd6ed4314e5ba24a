"""From schedules and names to a plan."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symsched.bridge.grids import as_grid
from symsched.bridge.levels import Frame, Native, as_native
from symsched.bridge.plan import Plan
from symsched.bridge.solvers import as_solver
from symsched.catalog import as_schedule, lazy
from symsched.errors import InputError
from symsched.schedule import Schedule, as_expression

RHO = 2  # data scale of the lazy ODE target when nothing is calibrated


def build_plan(
    source: Schedule | str | Native,
    target: Schedule | str = "auto",
    kappa: Any = 0,
    steps: int = 8,
    solver: Any = "lazy-auto",
    grid: Any = None,
    calibration: Any = None,
) -> Plan:
    """The table of a sampler.

    Args:
        source: the schedule the model was trained with.
        target: the schedule to sample in: a `Schedule`, its text, or "auto", the lazy one of κ.
        kappa: diffusion scale κ = ε/ε*, a number ≥ 0.
        steps: how many steps; most solvers ask the model once in each.
        solver: a name of `symsched.bridge.solvers`, with options, or a builder.
        grid: see `symsched.bridge.grids`; None is uniform in the target's time.
        calibration: a `Calibration`, whose ρ and grid are used where nothing else is said.

    Raises InputError for anything unknown, steps < 1, κ < 0, and coefficients that are infinite.
    """
    number = _kappa(kappa)
    chosen = _target(target, number, calibration)
    frame = Frame(as_native(source), chosen, number)
    name, build = as_solver(solver)
    times = as_grid(grid).times(frame, steps)
    stages = build(frame, times)
    text = f"{name} in {chosen}, kappa={number}, steps={steps}"
    return Plan(stages, start=float(frame.levels(times[:1]).alpha[0]), label=text).validate()


def _kappa(kappa: Any) -> sp.Expr:
    number = as_expression(kappa, "kappa")
    if not number.is_number or not number.is_nonnegative or not number.is_finite:
        raise InputError(f"kappa = {kappa}: expected a finite number ≥ 0")
    return number


def _target(target: Schedule | str, kappa: sp.Expr, calibration: Any) -> Schedule:
    if not isinstance(target, str) or target != "auto":
        return as_schedule(target)
    rho = getattr(calibration, "rho", None)
    return lazy(kappa=kappa, rho=rho or (1 if kappa else RHO))
