"""Sampling: a request read, a calibration if one is wanted, a plan, and the loop.

images = sample(field, (16, 1, 28, 28), steps=8, seed=0)
images = sample(field, 10_000, target="lazy(kappa=1)", kappa=1, solver="sde-dpmpp", steps=24, seed=0, batch=500)
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from symsched.bridge.calibrating import calibrate
from symsched.bridge.calibration import Calibration
from symsched.bridge.fields import FlowField
from symsched.bridge.plan import Plan
from symsched.bridge.planning import build_plan
from symsched.bridge.requests import Conditions, as_seed, check_kinds, part_of, sizes
from symsched.bridge.running import Watch, run
from symsched.errors import InputError

PILOT, TRIES = 64, 12  # paths, and grids tried, where `sample` calibrates by itself
#: What `sample` measured by itself, as long as the field lives: the field is the caller's, and stays as it is.
_measured: WeakKeyDictionary[FlowField, Calibration] = WeakKeyDictionary()


def sample(
    field: FlowField,
    shape: int | Sequence[int] | None = None,
    *,
    noise: Any = None,
    target: Any = "auto",
    kappa: Any = 0,
    steps: int = 8,
    solver: Any = "lazy-auto",
    grid: Any = None,
    calibration: Any = None,
    plan: Plan | None = None,
    seed: int | None = None,
    indices: Sequence[int] | None = None,
    batch: int | None = None,
    conditions: Conditions | None = None,
    callback: Watch | None = None,
    progress: bool = False,
    trajectory: bool = False,
    check: str = "end",
    compile: bool | str = False,
    device: Any = None,
    dtype: Any = None,
) -> Any:
    """Samples of the field's data law, float32 (float64 for a float64 model), of shape (count, …).

    Args:
        field: the model.
        shape: (count, …), or the count where the field knows the shape of a sample; not needed with `noise`.
        noise: standard normal noise (count, …) to start from, instead of that of the seed.
        target, kappa, steps, solver, grid: see `build_plan`; or `plan`, a table made before for this schedule.
        calibration: the field's own by default; False for none; True makes one if the field has none for `steps`, from
            a pilot of at most 64 of the samples (64 + 12 N evaluations of each, and 64 or more for data of another
            size than 1), and knows it the next time.
            Without one, lazy-auto is the general method that `build_plan` names, for data in about [−1, 1].
        seed: noise belongs to (seed, sample number, evaluation), so a sample does not depend on its batch.
        indices: the samples' numbers, by default 0, 1, …; a shard draws its own part.
        batch: how many samples the model takes at a time; by default all.
        conditions: passed to the model; tensors, arrays and lists whose first axis is the count, in dicts and lists
            too, are split with the samples.
        callback: called with a `Step` after each evaluation of each batch.
        progress: a bar, on a terminal.
        trajectory: return (samples, Trajectory).
        check: "end" looks for NaN once, after the loop, and for the step only if there is one; "step" looks each time.
        compile: True compiles the model, "loop" the whole loop (torch.compile).
        device, dtype: of the model's input, instead of the field's own.

    Raises InputError for bad input, an answer of another shape or dtype, and NaN (with the step and the time).
    """
    check_kinds(field, plan, calibration, solver, conditions, callback)
    size = sizes(field, shape, noise, indices)
    if plan is not None:
        _require_alone(plan, calibration, target=target, kappa=kappa, steps=steps, solver=solver, grid=grid)
    else:
        known = _known(field, calibration, size, steps, batch, conditions or {})
        plan = build_plan(field.native, target, kappa, steps, solver, grid, known)
    options = {"progress": progress, "trajectory": trajectory, "check": check, "compile": compile}
    options |= {"noise": noise, "indices": indices, "batch": batch, "conditions": conditions, "callback": callback}
    return run(field, plan, size, seed=as_seed(seed), device=device, dtype=dtype, **options)


def _require_alone(plan: Plan, calibration: Any, **options: Any) -> None:
    """Refuse options beside a plan that is made already."""
    defaults = inspect.signature(sample).parameters
    told = [name for name, value in options.items() if not _same(value, defaults[name].default)]
    told = [name for name in told if name != "steps" or options["steps"] != plan.nfe]
    told += ["calibration"] if calibration not in (None, False) else []
    if told:
        raise InputError(f"plan and {', '.join(told)}: a plan has them already; give either, or build_plan with them")


def _same(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, str | int | float) and value == default)


def _known(
    field: FlowField, calibration: Any, size: tuple[int, ...], steps: int, batch: int | None, conditions: Conditions
) -> Calibration | None:
    """The calibration to use, made where that was asked for; None for none."""
    if calibration is True:
        return _calibrated(field, size, steps, batch, conditions)
    return field.calibration if calibration is None else calibration or None


def _calibrated(
    field: FlowField, size: tuple[int, ...], steps: int, batch: int | None, conditions: Conditions
) -> Calibration:
    """A calibration of the field that has a table for `steps`."""
    old = _measured.get(field, field.calibration)
    if old is not None and steps in old.tables:
        return old
    count = min(size[0], PILOT)
    given = part_of(conditions, slice(0, count), size[0])
    new = calibrate(field, (count, *size[1:]), steps=(steps,), tries=TRIES, batch=batch, conditions=given)
    same = old is not None and np.array_equal(old.mean, new.mean) and old.rho == new.rho  # tables belong to both
    _measured[field] = replace(new, tables={**old.tables, **new.tables}) if same else new
    return _measured[field]
