"""What the plots are given: schedules, data laws, counts and lists, checked with one line each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from symsched.catalog import as_schedule
from symsched.data import DataLaw, Gaussian, from_text
from symsched.errors import InputError
from symsched.parsing.text import quoted
from symsched.schedule import Schedule, as_expression
from symsched.sde import InterpolantSDE

MOST_CURVES = 12  # more cannot be told apart


def schedules_of(given: Any, what: str = "schedules") -> list[Schedule]:
    """Schedules from one or several schedules or texts.

    Raises:
        InputError: none, too many, or one that is not a schedule.
    """
    items = [given] if isinstance(given, str | Schedule) else list(listed(given, what))
    if not items:
        raise InputError(f"{what}: the list is empty; give at least one schedule, such as linear")
    if len(items) > MOST_CURVES:
        raise InputError(
            f"{what}: {len(items)} given; a figure shows at most {MOST_CURVES} curves that can be told apart"
        )
    found = [as_schedule(item) for item in items]
    for schedule in found:
        schedule.validate()
        if schedule.parameters:
            names = ", ".join(sorted(map(str, schedule.parameters)))
            raise InputError(f"{schedule}: {names} has no value; use .subs() to give numbers before plotting")
    return found


def listed(given: Any, what: str) -> Iterable[Any]:
    """The items of a list.  Raises InputError if it is none."""
    try:
        return list(given)
    except TypeError:
        raise InputError(f"{what} = {given!r}: expected a list") from None


def numbers_of(given: Any, what: str, least: float = 0.0, infinite: bool = False) -> list[Any]:
    """Exact numbers ≥ `least` (also ∞ where it makes sense), sorted, without repetition.

    Raises:
        InputError: an empty list, or an item that is no such number.
    """
    items = [given] if isinstance(given, str | int | float) or hasattr(given, "is_number") else listed(given, what)
    found = []
    for item in items:
        if infinite and (item in ("inf", "oo") or item == math.inf):
            found.append(as_expression("1", what) * math.inf)
            continue
        number = as_expression(item, what)
        if not number.is_number or not number.is_real or not number.is_finite or number < least:
            raise InputError(f"{what} {quoted(str(item))}: expected a number ≥ {least:g}")
        found.append(number)
    if not found:
        raise InputError(f"{what}: the list is empty; give at least one number")
    if len(found) > MOST_CURVES:
        raise InputError(f"{what}: {len(found)} given; a figure shows at most {MOST_CURVES} that can be told apart")
    return sorted(set(found), key=float)


def count_of(value: Any, what: str, least: int, most: int) -> int:
    """A whole number in [least, most].  Raises InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{what} = {value!r}: expected a whole number from {least} to {most:,}")
    return value


def steps_of(given: Any, most: int = 4096) -> list[int]:
    """Increasing numbers of steps.  Raises InputError for an empty list or one outside 1 … most."""
    items = [count_of(n, "steps", 1, most) for n in listed(given, "steps")]
    if not items:
        raise InputError("steps: the list is empty; give at least one number of steps")
    if len(items) > 64:
        raise InputError(f"steps: {len(items)} given; at most 64 fit a figure")
    return sorted(set(items))


def data_of(given: Any) -> DataLaw:
    """A data law from a law, text or None (the standard Gaussian).  Raises InputError unless one-dimensional."""
    law = Gaussian(0, 1) if given is None else from_text(given) if isinstance(given, str) else given
    if not isinstance(law, DataLaw):
        raise InputError(f"data = {given!r}: expected a data law or its text, such as gaussian(0, 1)")
    if law.dim != 1:
        raise InputError(f"data {law.summary}: {law.dim} dimensions; the plots show one")
    if law.parameters:
        raise InputError(f"data {law}: {', '.join(sorted(map(str, law.parameters)))} has no value")
    return law


def gaussian_of(given: Any) -> Gaussian:
    """One-dimensional Gaussian data.  Raises InputError for any other law."""
    law = data_of(given)
    if not isinstance(law, Gaussian):
        raise InputError(f"data {law.summary}: the exact law after N steps needs gaussian(mean, std)")
    return law


def equation(schedule: Any, data: DataLaw, kappa: Any) -> InterpolantSDE:
    """The SDE of a schedule on data with scale κ ε*."""
    return InterpolantSDE(as_schedule(schedule), data, kappa=kappa)


def kappas_for(given: Any, schedules: Sequence[Schedule]) -> list[Any]:
    """One κ for each schedule: a single number for all, or a list as long.  Raises InputError otherwise."""
    items = list(given) if isinstance(given, list | tuple) else [given] * len(schedules)
    if len(items) != len(schedules):
        raise InputError(f"kappa: {len(items)} given for {len(schedules)} schedules; give one, or one for each")
    return [numbers_of(item, "kappa")[0] for item in items]
