"""What a model predicts, as numbers: D = p x + q output at its own times, by the identities of `symsched.steps`."""

from __future__ import annotations

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.bridge.levels import Native, SymbolicNative
from symsched.errors import InputError
from symsched.exact import values
from symsched.parsing import one_of
from symsched.steps.identities import JETS, PREDICTIONS, means

Array = NDArray[np.float64]


def check_prediction(name: str) -> str:
    """The name.  Raises InputError for one that is not known."""
    return one_of(name, PREDICTIONS, "prediction")


def relation_at(native: Native, name: str, times: Array, width: float = 0.5) -> list[tuple[float, float]]:
    """(p, q) at native times, limits at the ends.

    Raises InputError where the prediction says nothing about the data (noise and score at β = 0, a velocity that is 0
    or infinite there whatever the data), or needs the derivatives of a table.
    """
    found = _at(native, name, means("data", name), times, width)
    mute = [float(time) for time, (_, q) in zip(times, found, strict=True) if q == 0]
    if mute and (native.at(mute)[1] == 0).any():
        raise _says_nothing(name, mute[0], native)
    return found


def outputs_at(native: Native, name: str, times: Array, width: float = 0.5) -> list[tuple[float, float]]:
    """(u, w) of output = u x + w D at native times.  Raises InputError as `relation_at`."""
    return _at(native, name, means(name, "data"), times, width)


def _at(
    native: Native, name: str, forms: tuple[sp.Expr, sp.Expr], times: Array, width: float
) -> list[tuple[float, float]]:
    fixed = {"width": sp.Rational(str(width))}  # 0.1 is meant as 1/10, not as the float next to it
    grid = np.asarray(times, dtype=np.float64)
    if isinstance(native, SymbolicNative):
        own = native.schedule
        jets = {key: getattr(own, key) for key in ("alpha", "beta", "alpha_dot", "beta_dot")}
        found = np.stack(values(tuple(JETS.put(form, **jets, **fixed) for form in forms), grid), axis=-1)
    else:
        found = np.stack([_tabulated(JETS.put(form, **fixed), native, name, grid) for form in forms], axis=-1)
    if not np.isfinite(found).all():
        bad = float(grid[~np.isfinite(found).all(axis=-1)][0])
        raise _says_nothing(name, bad, native)
    return [(float(p), float(q)) for p, q in found]


def _says_nothing(name: str, time: float, native: Native) -> InputError:
    return InputError(
        f"prediction {name} says nothing about the data at t = {time:g} of {native}, where beta = 0: give a grid "
        "that starts later, or a schedule truncated at its start such as ddpm"
    )


def _tabulated(form: sp.Expr, native: Native, name: str, grid: Array) -> Array:
    if form.has(JETS.alpha_dot, JETS.beta_dot):
        raise InputError(f"prediction {name} needs derivatives, which a table of levels lacks: give a Schedule")
    alpha, beta = native.at(grid)
    return np.broadcast_to(sp.lambdify((JETS.alpha, JETS.beta), form, "numpy")(alpha, beta), grid.shape)
