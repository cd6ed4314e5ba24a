"""What the plots are given: schedules, data laws, counts and lists, checked with one line each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sympy as sp

from symsched.catalog import as_schedule
from symsched.data import DataLaw, Gaussian, as_law
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


def listed(given: Any, what: str) -> list[Any]:
    """The items of a list.  Raises InputError if it is none."""
    try:
        return list(given)
    except TypeError:
        raise InputError(f"{what} = {given!r}: expected a list") from None


def numbers_of(
    given: Any, what: str, positive: bool = False, infinite: bool = False, most: int = MOST_CURVES
) -> list[Any]:
    """Exact numbers ≥ 0 (or > 0; ∞ where it makes sense), sorted, without repetition.

    Raises:
        InputError: an empty list, a long one, or an item that is no such number.
    """
    items = [given] if isinstance(given, str | int | float | sp.Expr) else listed(given, what)
    found = [_number(item, what, positive, infinite) for item in items]
    if not found:
        raise InputError(f"{what}: the list is empty; give at least one number")
    if len(found) > most:
        raise InputError(f"{what}: {len(found)} given; at most {most} can be told apart in one figure")
    return sorted(set(found), key=float)


def _number(item: Any, what: str, positive: bool, infinite: bool) -> sp.Expr:
    if infinite and item in ("inf", "oo", math.inf, sp.oo):
        return sp.oo
    bound = "a number > 0" if positive else "a number ≥ 0"
    if isinstance(item, float) and not math.isfinite(item):
        raise InputError(f"{what} {item}: expected {bound}")
    number = as_expression(item, what)
    if not number.is_number or not number.is_real or not (number > 0 if positive else number >= 0):
        raise InputError(f"{what} {quoted(str(item))}: expected {bound}{', or inf' if infinite else ''}")
    if not number.is_finite or float(number) > 1e6:
        raise InputError(f"{what} {quoted(str(item))}: too large to draw; expected at most 1e6")
    return number


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
    law = Gaussian(0, 1) if given is None else as_law(given)
    if law.dim != 1:
        raise InputError(f"data {law.summary}: {law.dim} dimensions; the plots show one")
    if law.parameters:
        raise InputError(f"data {law}: {', '.join(sorted(map(str, law.parameters)))} has no value")
    return law


def laws_of(given: Any, most: int) -> list[DataLaw]:
    """One or several data laws.  Raises InputError for none, or more than `most`."""
    items = [given] if isinstance(given, str | DataLaw) else listed(given, "data")
    if not items:
        raise InputError("data: the list is empty; give at least one law, such as gaussian(0, 1)")
    if len(items) > most:
        raise InputError(f"data: {len(items)} laws given; at most {most} fit one figure")
    return [data_of(item) for item in items]


def gaussian_of(given: Any) -> Gaussian:
    """One-dimensional Gaussian data.  Raises InputError for any other law."""
    law = data_of(given)
    if not isinstance(law, Gaussian):
        raise InputError(f"data {law.summary}: the exact law after N steps needs gaussian(mean, std)")
    return law


def equation(schedule: Any, data: DataLaw, kappa: Any) -> InterpolantSDE:
    """The SDE of a schedule on data with scale κ ε*."""
    return InterpolantSDE(schedule, data, kappa=kappa)


def kappas_for(given: Any, schedules: Sequence[Schedule]) -> list[Any]:
    """One κ for each schedule: a single number for all, or a list as long.  Raises InputError otherwise."""
    items = list(given) if isinstance(given, list | tuple) else [given] * len(schedules)
    if len(items) != len(schedules):
        raise InputError(f"kappa: {len(items)} given for {len(schedules)} schedules; give one, or one for each")
    return [numbers_of(item, "kappa")[0] for item in items]
