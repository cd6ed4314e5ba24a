"""Data laws as text, for the command line: `gaussian(0, 1)`, `mixture(weights=[…], means=[…], stds=[…])`, …"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sympy import Expr

from symsched.data.empirical import Empirical
from symsched.data.gaussian import Gaussian
from symsched.data.law import DataLaw
from symsched.data.mixture import GaussianMixture
from symsched.errors import InputError
from symsched.parsing import parse_call, quoted

_FORMS: dict[str, tuple[Callable[..., DataLaw], tuple[str, ...]]] = {
    "gaussian": (Gaussian, ("mean", "std")),
    "mixture": (GaussianMixture, ("weights", "means", "stds")),
    "empirical": (Empirical, ("points",)),
}
_ALIASES = {"cov": "std", "covs": "stds"}
USAGE = "gaussian(mean, std), mixture(weights=[…], means=[…], stds=[…]) or empirical([…])"


def from_text(text: str) -> DataLaw:
    """The law written as a call: `gaussian(0, 1)`, `gaussian([0, 0], [[1, 0], [0, 4]])`,
    `mixture(weights=[1/2, 1/2], means=[-1, 1], stds=[.3, .3])`, `empirical([-1, 0, 2])`.

    Raises InputError, in one line, for unknown names, wrong arguments, and whatever the law itself refuses.
    """
    call = parse_call(text, example="'gaussian(0, 1)'")
    if call.name not in _FORMS:
        raise InputError(f"data {call.name!r} is not known; it should be {USAGE}")
    build, names = _FORMS[call.name]
    if len(call.args) > len(names):
        raise InputError(f"{call.name} takes {len(names)} arguments ({', '.join(names)}), got {len(call.args)}")
    values = dict(zip(names, call.args, strict=False))
    for given, value in call.kwargs.items():
        name = _ALIASES.get(given, given)
        if name not in names or name in values:
            problem = "is given twice" if name in values else "is not an argument"
            raise InputError(f"{given!r} {problem} of {call.name}; the arguments are {', '.join(names)}")
        values[name] = value
    required = names if call.name != "gaussian" else ()
    missing = [name for name in required if name not in values]
    if missing:
        raise InputError(f"{call.name} lacks {', '.join(missing)}; write {USAGE}")
    defaults = {"mean": 0, "std": 1}
    return build(*(_plain(values.get(name, defaults.get(name)), call.name) for name in names))


def _plain(value: Any, law: str) -> Any:
    """Nested tuples as lists; expressions stay expressions (a law turns them into numbers where it must)."""
    if isinstance(value, list | tuple):
        return [_plain(entry, law) for entry in value]
    if isinstance(value, int | float | Expr | np.number):
        return value
    raise InputError(f"{quoted(value)} is not a number; {law} takes numbers and lists of numbers")
