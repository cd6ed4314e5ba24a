"""The grid on which DDIM loses least of Gaussian data's spread (theory C20).

A mode of standard deviation ρ has at r = β/α the angle θ = atan ρr, and a step keeps cos Δθ of its relative deviation.
For modes ρ_k the loss ½ log(det Σ/det Σ_N) is, to leading order, least on N equal steps of the length of the curve of
angles, ℓ = ∫ √Σ_k dθ_k², where it is ℓ²/(2N).  One mode: equal angles, and best for every N.  A conversion keeps r, so
the grid is one of ratios, for every schedule.

Source: derivations/c20_ddim_gaussian.py; leading order cf. arXiv:2601.13602, arXiv:2502.00180.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Symbol, cosh, lambdify

from symsched.data import DataLaw
from symsched.data.checks import known
from symsched.errors import InputError
from symsched.given import count, reals

Array = NDArray[np.float64]
LEVEL = Symbol("u", real=True)  # log ρr
TAIL = 40.0  # of log r beyond the outermost modes: 1e-17 of the length
SPACING = 1 / 64
WIDEST = 1e12  # ratio of standard deviations
MOST = 1_000_000  # steps


def optimal_grid(spectrum: Any, steps: int, start: float = 0.0) -> Array:
    """The steps + 1 ratios r = β/α, from `start` (0: pure noise) to inf (the data), float64 and increasing.

    `spectrum` is a data law, of which the eigenvalues of the covariance count, or the standard deviations ρ_k of the
    modes (one number for one mode).  The times of a schedule are its r⁻¹ of them: r/(1 + r) for the linear one.

    Raises InputError for fewer than one step, a start that is negative, infinite or beyond all modes, standard
    deviations that are negative, infinite, all 0, or 10^12 apart, and ratios that floats do not tell apart.
    """
    steps = count(steps, "steps", most=MOST)
    stds, times = np.unique(_stds(spectrum), return_counts=True)
    first = float(reals(start, "start", "a number >= 0").reshape(-1)[0]) if np.ndim(start) == 0 else np.nan
    if not 0 <= first < np.inf:
        raise InputError(f"start is {start}; it should be a ratio β/α, a finite number >= 0")
    centres = np.log(stds)
    with np.errstate(divide="ignore"):
        begin = float(np.log(first))
    if begin > TAIL - centres.min():
        raise InputError(f"start is {start}: no mode has 1e-17 of its angle left beyond; give a smaller ratio")
    low, high = max(begin, -centres.max() - TAIL), max(begin, -centres.min()) + TAIL
    u = np.linspace(low, high, int((high - low) / SPACING) + 2)
    pace = _pace(u, centres, times)
    length = _lengths(u, pace)
    wanted = length(high) * np.arange(1, steps) / steps
    found = np.interp(wanted, length(u), u)
    for _ in range(4):  # Newton, from 1e-4
        found = np.clip(found - (length(found) - wanted) / _pace(found, centres, times), low, high)
    with np.errstate(over="ignore"):
        grid = np.concatenate([[first], np.exp(found), [np.inf]])
    if not (grid[1:] > grid[:-1]).all():
        raise InputError(f"steps = {steps} from {first:g}: floats do not tell all of their ratios apart; take fewer")
    return grid


def _pace(u: Array, centres: Array, times: NDArray[np.signedinteger[Any]]) -> Array:
    """√Σ (dθ_k/d log r)²."""
    rate, squares = _turning(), np.zeros_like(u)
    for centre, often in zip(centres, times, strict=True):
        squares += often * rate(u + centre) ** 2
    return np.asarray(np.sqrt(squares))


@cache
def turning() -> Expr:
    """dθ/d log r, of log ρr; theory C20 decides it."""
    return 1 / (2 * cosh(LEVEL))


@cache
def _turning() -> Callable[[Array], Array]:
    found: Callable[[Array], Array] = lambdify(LEVEL, turning(), "numpy")
    return found


def _lengths(u: Array, pace: Array) -> Any:
    """The length of the curve up to log r, as a function."""
    from scipy.interpolate import CubicSpline

    return CubicSpline(u, pace).antiderivative()


def _stds(spectrum: Any) -> Array:
    if isinstance(spectrum, DataLaw):
        known(spectrum.parameters, spectrum.summary, "asking for a grid")
        squares = np.linalg.eigvalsh(np.asarray(spectrum.covariance, dtype=np.float64).reshape(2 * (spectrum.dim,)))
        squares = np.where(squares > squares.max() / WIDEST, squares, 0.0)  # below it, rounding of the eigenvalues
        given = np.sqrt(squares)
    else:
        given = np.atleast_1d(reals(spectrum, "spectrum", "a data law, or standard deviations"))
        if given.ndim > 1:
            raise InputError(
                f"spectrum of shape {given.shape}: expected a list of standard deviations; for a covariance give its"
                " law, Gaussian(mean, covariance)"
            )
    if not (np.isfinite(given).all() and (given >= 0).all() and given.any()):
        raise InputError("the spectrum should hold standard deviations: finite numbers >= 0, and not only 0")
    kept = given[given > 0]  # a mode without spread has nothing to lose
    if kept.max() / WIDEST > kept.min():
        raise InputError(f"standard deviations from {kept.min():g} to {kept.max():g}: expected them within 10^12")
    return np.asarray(kept)
