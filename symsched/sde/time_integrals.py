"""Integrals over all times of a schedule, with ends where coefficients vanish or diverge.

∫₀¹ f dt by the trapezium rule in s, t = 1/(1 + e^(−π sinh s)) (Takahasi, Mori, 1974): at both ends the nodes come
closer than any power of t needs.  Times beyond ½ are kept as their distance 1 − t, and expressions are evaluated there,
so that no digit is lost beside t = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sympy import Expr

from symsched.errors import UndecidedError
from symsched.exact import values
from symsched.symbols import t

Array = NDArray[np.float64]
REACH = 4.5  # s to which the rule goes: 1e-61 from the ends
LEVELS = 8
TOLERANCE = 1e-9  # between two levels, of each value


def over_time(exprs: Sequence[Expr], rate: Callable[[list[Array], int], Array], what: str, floor: float = 0.0) -> Array:
    """∫₀¹ rate dt.  `rate` gets the tables of `exprs` at n times and the level, and gives an array (…, n).

    Levels halve the steps until two agree, to nine digits of each value or of `floor`.  Raises UndecidedError
    where they do not, or where something is left at an end.
    """
    beside_one = [expr.subs(t, 1 - t) for expr in exprs]
    last: Array | None = None
    for level in range(LEVELS):
        step = 2.0 ** -(level + 3)
        s = step * np.arange(-round(REACH / step), round(REACH / step) + 1)
        near = 1 / (1 + np.exp(np.pi * np.sinh(np.abs(s))))  # the distance to the nearer end
        weight = step * np.pi * np.cosh(s) * near * (1 - near)
        early = s < 0
        halves = values(exprs, near[early]), values(beside_one, near[~early])
        parts = rate([np.concatenate(pair) for pair in zip(*halves, strict=True)], level) * weight
        total = parts.sum(axis=-1)
        allowed = np.maximum(TOLERANCE * np.maximum(np.abs(total), floor), np.finfo(np.float64).tiny)
        left = np.abs(parts[..., [0, -1]]).max(axis=-1)
        if not np.isfinite(total).all() or (left / step > allowed).any():
            raise UndecidedError(f"{what} is infinite, or its integral over time converges too slowly at an end")
        if last is not None and (np.abs(total - last) <= allowed).all():
            return np.asarray(total)
        last = total
    raise UndecidedError(f"{what} is not settled to {TOLERANCE:g} by {len(s)} times")
