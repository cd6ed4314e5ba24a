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

AUTO = "lazy-auto"
SCALE = 2.0  # data scale of the lazy ODE's frame where nothing is calibrated
BLIND = {"target": "lazy(kappa=0, rho=1.5)", "solver": "ab3", "grid": "tailed(rho=2, p=0.9, q=1.4)"}  # nothing is known


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
        calibration: a `Calibration`: for `lazy-auto` in the target "auto" its fitted table, if it has one for `steps`;
            else its ρ, where nothing else is said.

    Where nothing is said and nothing known (target "auto", κ = 0, `lazy-auto`, no grid, no calibration) it is Adams-
    Bashforth 3 in lazy(κ=0, ρ=1.5) on the grid tailed(ρ=2, p=0.9, q=1.4), whose levels go far enough towards the data
    for narrow modes: chosen on the digits model and on mixtures.

    A model that begins at β_0 > 0 starts from α_0 z; with a calibration, which knows the mean m, from α_0 z + β_0 m.

    Raises InputError for anything unknown, steps < 1, κ < 0, and coefficients that are infinite.
    """
    number, native = _kappa(kappa), as_native(source)
    default = number.is_zero and isinstance(target, str) and target == "auto" and solver == AUTO and grid is None
    if default and calibration is None:
        return _plan(native, as_schedule(BLIND["target"]), number, steps, BLIND["solver"], BLIND["grid"], None)
    fitted = calibration.plan(native, steps) if default else None
    if fitted is not None:
        return fitted
    mean = calibration.mean if calibration is not None and native.span[0] > 0 else None
    return _plan(native, _target(target, number, calibration, steps), number, steps, solver, grid, mean)


def _plan(native: Native, target: Schedule, kappa: sp.Expr, steps: int, solver: Any, grid: Any, mean: Any) -> Plan:
    frame = Frame(native, target, kappa)
    name, build = as_solver(solver)
    times = as_grid(grid).times(frame, steps)
    stages = build(frame, times)
    text = f"{name} in {frame.target}, kappa={kappa}, steps={steps}"
    return Plan(stages, start=float(frame.levels(times[:1]).alpha[0]), label=text, mean=mean).validate()


def frame_of(native: Native, target: Schedule | str, kappa: Any = 0, calibration: Any = None, steps: int = 8) -> Frame:
    """The frame of a target, "auto" being the lazy one of κ.  Raises InputError for an unknown target, κ < 0."""
    number = _kappa(kappa)
    return Frame(native, _target(target, number, calibration, steps), number)


def _target(target: Schedule | str, kappa: sp.Expr, calibration: Any, steps: int) -> Schedule:
    automatic = isinstance(target, str) and target == "auto"
    return _lazy(kappa, calibration, steps) if automatic else as_schedule(target)


def _kappa(kappa: Any) -> sp.Expr:
    number = as_expression(kappa, "kappa")
    if not number.is_number or not number.is_nonnegative or not number.is_finite:
        raise InputError(f"kappa = {kappa}: expected a finite number ≥ 0")
    return number


def _lazy(kappa: sp.Expr, calibration: Any, steps: int) -> Schedule:
    """The lazy target of κ, in the calibrated scale: the data's own, or for the ODE its grid's."""
    if kappa.is_zero:
        return lazy(kappa=0, rho=SCALE if calibration is None else calibration.scale(steps))
    return lazy(kappa=kappa, rho=1 if calibration is None else float(f"{calibration.rho:.4g}"))
