"""The energy of a drift, ∫ E|b|²/(4ε) dt: what leaves the noise costs, in nats (theory C17, C18).

Let N(m, S) have the mean and variance of the data, and b_G, s_G be the drift and score that it would have.  By Tweedie
b − b_G = B(η_X − η_X^G) = (ε* + ε)(s − s_G), which is uncorrelated with all that is affine in the state, so that

    E|b|² = E|b_G|² + (ε* + ε)² E|s − s_G|²,      E|b_G|² = g² V + β̇² m²,   b_G = g (x − βm) + β̇m.

The first part vanishes in the lazy frame of ρ² = S (m = 0), and then the second costs (1 + κ)²/(4κ) times the
negentropy of the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Integer, Rational, sqrt

from symsched.data import DataLaw, Gaussian, GaussianMixture
from symsched.data.checks import known
from symsched.errors import InputError, UndecidedError
from symsched.exact import limit_at, sign_on_unit, times_array, values
from symsched.sde.time_integrals import over_time
from symsched.sde.values import Equation
from symsched.symbols import t

Array = NDArray[np.float64]
COMPONENTS = 64  # more would take minutes
SPANS = 9.0  # standard deviations around each component
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(8)


def energy(sde: Equation) -> float:
    """See `InterpolantSDE.energy`."""
    linear, what = _checked(sde), f"the energy of ({sde.schedule}, {sde.data.summary}, eps = {sde.eps})"
    for end in (0, 1):
        try:
            infinite = not limit_at(abs(t - end) * linear, end).is_zero
        except UndecidedError:
            continue  # the quadrature will tell
        if infinite:
            raise InputError(
                f"{what} is infinite at t = {end}: its linear part is not integrable there, as in most frames; "
                "take a lazy schedule, ss.schedules.lazy(kappa, rho)"
            )

    def rate(tables: list[Array], level: int) -> Array:
        return np.asarray(tables[0] + _modes(sde.data, tables[1:], level))

    return float(over_time(_needed(sde, linear), rate, what))


def energy_rates(sde: Equation, times: Any) -> tuple[Array, Array]:
    """E|b_G|²/(4ε) and (E|b|² − E|b_G|²)/(4ε) at times inside (0, 1): the linear part, and that of the data's modes."""
    linear, grid = _checked(sde), times_array(times)
    if not ((grid > 0) & (grid < 1)).all():
        raise InputError(f"the rate of an energy is asked for inside (0, 1), and the times reach {grid.min():g} or 1")
    rate, *tables = (table.reshape(-1) for table in values(_needed(sde, linear), grid))
    return rate.reshape(grid.shape), _modes(sde.data, tables, 2).reshape(grid.shape)


def _needed(sde: Equation, linear: Expr) -> tuple[Expr, ...]:
    return linear, sde.schedule.alpha, sde.schedule.beta, pace(sde)


def pace(sde: Equation) -> Expr:
    """(ε* + ε)²/(4ε): what E|s − s_G|² costs, as an error of the score does (theory C6)."""
    return (sde.schedule.eps_star + sde.eps) ** 2 / (4 * sde.eps)


def _checked(sde: Equation) -> Expr:
    """The linear part's rate, an expression in t.  Raises InputError as `InterpolantSDE.energy`."""
    law = sde.data
    if not isinstance(law, Gaussian | GaussianMixture) or (law.dim > 1 and not isinstance(law, Gaussian)):
        wanted = "Gaussian data, and mixtures in one dimension of components that have a width"
        raise InputError(f"an energy is computed for {wanted}; the data is {law.summary}, of dimension {law.dim}")
    known(sde.parameters, f"the equation ({sde.schedule}, {law.summary})", "asking for numbers")
    if len(list(law.blocks())) > COMPONENTS:
        raise InputError(f"an energy of {len(list(law.blocks()))} components: expected at most {COMPONENTS}")
    if not sign_on_unit(sde.eps).positive:
        told = "0, as for an ODE" if sde.eps == 0 else f"{sde.eps}, which is not known to be positive on (0, 1)"
        raise InputError(f"eps is {told}: the energy per unit of noise is infinite there; take a scale > 0")
    return sum((affine_rate(sde, *axis) for axis in _axes(law)), Integer(0))


def _axes(law: DataLaw) -> Iterator[tuple[Expr, Expr]]:
    """(mean, standard deviation) of the data along each axis."""
    if law.dim == 1:
        yield law.expectation, sqrt(law.covariance)
    elif isinstance(law, Gaussian):
        frame = law.frame
        for mean, std in zip(frame.into(frame.mean), frame.stds, strict=True):
            yield Rational(float(mean)), Rational(float(std))


def affine_rate(sde: Equation, mean: Expr, std: Expr) -> Expr:
    """E|b_G|²/(4ε) along an axis: (g²V + β̇²m²)/(4ε), an expression in t."""
    slope, _ = sde.along(std)
    variance = sde.schedule.alpha**2 + (std * sde.schedule.beta) ** 2
    return (slope**2 * variance + (sde.schedule.beta_dot * mean) ** 2) / (4 * sde.eps)


def _modes(law: DataLaw, tables: Sequence[Array], level: int) -> Array:
    """pace · E|s − s_G|² from tables of α, β and the pace, by Gauss' rule on panels around every component."""
    alpha, beta, pace = tables
    if isinstance(law, Gaussian):
        return np.zeros_like(alpha)
    a, b = alpha[:, None], beta[:, None]
    means, stds = (np.array([float(getattr(one, name)) for one in law.components()]) for name in ("mean", "std"))
    spans = np.linspace(-SPANS, SPANS, 18 * 2**level + 1)
    edges = (b * means)[..., None] + np.hypot(a, b * stds)[..., None] * spans
    edges = np.sort(edges.reshape(len(alpha), -1), axis=-1)
    half = np.diff(edges)[..., None] / 2
    x = ((edges[:, 1:] + edges[:, :-1])[..., None] / 2 + half * POINTS).reshape(len(alpha), -1)
    fitted = Gaussian(law.expectation, sqrt(law.covariance))
    excess = (law.score_at(a, b, x) - fitted.score_at(a, b, x)) ** 2 * np.exp(law.log_density_at(a, b, x))
    return np.asarray(pace * (excess * (half * WEIGHTS).reshape(x.shape)).sum(axis=-1))
