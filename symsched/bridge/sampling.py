"""Sampling: a request read, a calibration if one is wanted, a plan, and the loop.

images = sample(field, (16, 1, 28, 28), steps=8, seed=0)
images = sample(field, 10_000, target="lazy(kappa=1)", kappa=1, solver="sde-dpmpp", steps=24, seed=0, batch=500)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from symsched.bridge.calibrating import calibrate
from symsched.bridge.calibration import Calibration
from symsched.bridge.fields import FlowField
from symsched.bridge.keywords import keywords_of
from symsched.bridge.plan import Plan
from symsched.bridge.planning import Recipe
from symsched.bridge.requests import Conditions, check_kinds, dtype_of, part_of, sizes
from symsched.bridge.running import Running, run
from symsched.bridge.validity import made_for, of_samples, require_valid
from symsched.errors import InputError

PILOT_PATHS, FEW_TRIES = 64, 12  # paths, and grids tried, where `sample` calibrates by itself
#: What `sample` measured by itself, as long as the field lives: the field is the caller's, and stays as it is.
_measured: WeakKeyDictionary[FlowField, Calibration] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Sampling(Running, Recipe):
    """What `sample` is asked for besides the model: samples, a recipe for them, and how to run it.

    Attributes:
        shape: (count, …), or the count where the field knows the shape of a sample; not needed with `noise`.
        recipe: a `Recipe`, in place of target, kappa, steps, solver, grid and calibration.
        plan: a table made before for this schedule, in place of them all.
        guidance: weight of classifier-free guidance, in place of the field's own; the field needs a null.
    """

    shape: int | Sequence[int] | None = None
    _: KW_ONLY
    recipe: Recipe | None = None
    plan: Plan | None = None
    guidance: float | None = None


@keywords_of(Sampling)
def sample(field: FlowField, given: Mapping[str, Any]) -> Any:
    """Samples of the field's data law, float32 (float64 for a float64 model), of shape (count, …).

    Without a calibration, lazy-auto is the method of `symsched.bridge.planning.blind`, for data in about [−1, 1].

    Args:
        field: the model.
        {keywords}

    Raises InputError for bad input, an answer of another shape or dtype, and NaN (with the step and the time).
    """
    asked = Sampling(**given)
    recipe = asked if asked.recipe is None else asked.recipe
    check_kinds(field, asked, recipe)
    _require_one(asked, given)
    field = field if asked.guidance is None else field.guided(asked.guidance)
    size, plan = sizes(field, asked.shape, asked.noise, asked.indices), asked.plan
    if plan is None:
        known = _known(field, recipe, size, asked.batch, asked.conditions or {})
        plan = replace(recipe, calibration=known).plan_for(field.native, math.prod(size[1:]))
        fitted = known is not None and recipe.automatic and recipe.grid is None and recipe.steps in known.tables
        if known is not None and fitted:
            other = {} if asked.dtype is None else of_samples(dtype_of(asked.dtype, field), size[1:])
            require_valid(known, made_for(field, size[1:]) | other, stacklevel=4)
    return run(field, plan, size, asked)


def _require_one(asked: Sampling, given: Mapping[str, Any]) -> None:
    """Refuse a second answer to what a plan or a recipe says; a plan's own steps, and defaults beside it, are none."""
    words = {word.name: word.default for word in fields(Recipe) if word.name in given}
    if asked.plan is not None:
        whole, words["steps"] = "plan", asked.plan.nfe
        told = [name for name in words if name in given and not _same(given[name], words[name])]
        told = [name for name in told if given[name] is not False] + ["recipe"] * (asked.recipe is not None)
    elif asked.recipe is not None:
        whole, told = "recipe", list(words)
    else:
        return
    if told:
        remedy = "build_plan with them" if whole == "plan" else "dataclasses.replace(recipe, …)"
        raise InputError(f"{whole} and {', '.join(told)}: a {whole} has them already; give either, or {remedy}")


def _same(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, str | int | float) and value == default)


def _known(
    field: FlowField, recipe: Recipe, size: tuple[int, ...], batch: int | None, conditions: Conditions
) -> Calibration | None:
    """The calibration to use, made where that was asked for; None for none."""
    if recipe.calibration is True:
        return _calibrated(field, size, recipe.steps, batch, conditions)
    return field.calibration if recipe.calibration is None else recipe.calibration or None


def _calibrated(
    field: FlowField, size: tuple[int, ...], steps: int, batch: int | None, conditions: Conditions
) -> Calibration:
    """A calibration of the field that has a table for `steps`."""
    old = _measured.get(field, field.calibration)
    if old is not None and steps in old.tables:
        return old
    count = min(size[0], PILOT_PATHS)
    given = part_of(conditions, slice(0, count), size[0])
    new = calibrate(field, (count, *size[1:]), steps=(steps,), tries=FEW_TRIES, batch=batch, conditions=given)
    # another count of samples is another pilot, with another mean and ρ, in whose units the older tables are not
    same = old is not None and np.array_equal(old.mean, new.mean) and old.rho == new.rho
    _measured[field] = replace(new, tables={**old.tables, **new.tables}) if same else new
    return _measured[field]
