"""What a model may predict, as linear relations D = p x + q output, solved from the definitions by SymPy.

With α Z + β X = x, each prediction is one more linear equation for (Z, X):

    velocity  α̇ Z + β̇ X          noise  Z          v    β Z − α X   (Salimans, Ho, arXiv:2202.00512, for α² + β² = 1)
    data      X                   score  −Z/α       edm  the network F of D = c_skip x/β + c_out F (arXiv:2206.00364)

An EDM denoiser that returns the image itself predicts `data`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.bridge.levels import Native, SymbolicNative
from symsched.endpoints import values
from symsched.errors import InputError
from symsched.parsing import did_you_mean, quoted

Array = NDArray[np.float64]
_a, _b, _a_dot, _b_dot, _width = sp.symbols("a b a' b' sigma_data")
_x, _z, _data, _out = sp.symbols("x z X out")
_sigma = _a / _b
_norm = sp.sqrt(_sigma**2 + _width**2)

DEFINITIONS: dict[str, Any] = {
    "velocity": _a_dot * _z + _b_dot * _data - _out,
    "data": _data - _out,
    "noise": _z - _out,
    "score": _z / _a + _out,
    "v": _b * _z - _a * _data - _out,
    "edm": _width**2 / _norm**2 * _x / _b + _sigma * _width / _norm * _out - _data,
}
PREDICTIONS = tuple(DEFINITIONS)


def check_prediction(name: str) -> str:
    """The name.  Raises InputError for one that is not known."""
    if name not in DEFINITIONS:
        close = did_you_mean(str(name), list(DEFINITIONS))
        raise InputError(f"unknown prediction {quoted(name)}{close} (known: {', '.join(DEFINITIONS)})")
    return name


@cache
def relation(name: str) -> tuple[sp.Expr, sp.Expr]:
    """(p, q) of D = p x + q output, in a, b, a', b' (and sigma_data)."""
    solved = sp.solve([_a * _z + _b * _data - _x, DEFINITIONS[name]], [_z, _data], dict=True)[0][_data]
    solved = sp.expand(sp.simplify(solved))
    return sp.factor(solved.coeff(_x)), sp.factor(solved.coeff(_out))


@cache
def outputs(name: str) -> tuple[sp.Expr, sp.Expr]:
    """(u, w) of output = u x + w D, in the same letters: the relation the other way round."""
    p, q = relation(name)
    return sp.factor(-p / q), sp.factor(1 / q)


def relation_at(native: Native, name: str, times: Array, width: float = 0.5) -> list[tuple[float, float]]:
    """(p, q) at native times, limits at the ends.

    Raises InputError where the prediction says nothing about the data (noise and score at β = 0, a velocity that is 0
    or infinite there whatever the data), or needs the derivatives of a table.
    """
    found = _at(native, name, relation(name), times, width)
    mute = [float(time) for time, (_, q) in zip(times, found, strict=True) if q == 0]
    if mute and (native.at(mute)[1] == 0).any():
        raise _says_nothing(name, mute[0], native)
    return found


def outputs_at(native: Native, name: str, times: Array, width: float = 0.5) -> list[tuple[float, float]]:
    """(u, w) of output = u x + w D at native times.  Raises InputError as `relation_at`."""
    return _at(native, name, outputs(name), times, width)


def _at(
    native: Native, name: str, forms: tuple[sp.Expr, sp.Expr], times: Array, width: float
) -> list[tuple[float, float]]:
    put = {_width: sp.Rational(str(width))}
    grid = np.asarray(times, dtype=np.float64)
    if isinstance(native, SymbolicNative):
        own = native.schedule
        put |= {_a: own.alpha, _b: own.beta, _a_dot: own.alpha_dot, _b_dot: own.beta_dot}
        found = np.stack(values(tuple(form.subs(put, simultaneous=True) for form in forms), grid), axis=-1)
    else:
        found = np.stack([_tabulated(form.subs(put), native, name, grid) for form in forms], axis=-1)
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
    if form.has(_a_dot, _b_dot):
        raise InputError(f"prediction {name} needs derivatives, which a table of levels lacks: give a Schedule")
    alpha, beta = native.at(grid)
    return np.broadcast_to(sp.lambdify((_a, _b), form, "numpy")(alpha, beta), grid.shape)
