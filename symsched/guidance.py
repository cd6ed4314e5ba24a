"""Guided fields, and the laws that they sample: weight 1 + w on the conditional data, −w on the unconditional (C25).

The weights have sum 1, so guided fields obey C2 and C3 as any others, and the guided law is a function of r, κ and w
alone.  With V_a, V_v the variances of I_t for data N(m_c, a) and N(m_u, v), k = V_a/V_v, and Y of density s y^(s−1),

    e(s, p) = E[(k + (1 − k) Y)^p] = k^p ₂F₁(−p, s; s + 1; 1 − 1/k),
    variance = V_a e(κ, (1 + κ)w),    mean = β m_c + wβ (m_c − m_u) k e(q, qw − 1),   q = (1 + κ)/2,

from pure noise.  As κ → ∞ it becomes p_c^(1+w)/p_u^w, which guidance is said to sample; no finite κ does (Bradley and
Nakkiran, arXiv:2408.09000).  Other data of one dimension: the Fokker-Planck equation, by quadrature.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import mp
from mpmath.libmp import NoConvergence
from numpy.typing import NDArray
from sympy import Expr, Symbol, sqrt

from symsched.catalog import as_schedule
from symsched.data import DataLaw, Gaussian, as_law
from symsched.data.checks import exact, known
from symsched.errors import InputError, UndecidedError
from symsched.exact import end_value, times_array, values
from symsched.given import reals
from symsched.precision import alone_all, cached_property, digits
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import x

Array = NDArray[np.float64]
#: The equation runs over |log r| ≤ REACH: what is left out is of size e^(−2 REACH).
REACH = 8.0
#: Steps of the coarsest level, cells of it, levels tried, and the agreement of two levels, in standard deviations.
STEPS, CELLS, LEVELS, AGREED = 100, 250, 5, 1e-4
#: Density beside its largest at the edge of the states, at most.
EDGE = 1e-7


@alone_all
@dataclass(frozen=True)
class Guided:
    """dX = b_w dt + √(2κε*) dW with b_w = (1 + w) b_c − w b_u, each of scale κε*.

    Args:
        schedule: the schedule.
        conditional, unconditional: data laws of one dimension number, the same in both.
        weight: w, a number or a letter; 0 is no guidance, and `guidance=` of a `bridge.FlowField` is 1 + w.
        kappa: κ = ε/ε* ≥ 0 (default 0, the ODE).

    Raises InputError for dimensions that differ, a weight that is no real number, and as `InterpolantSDE`.
    """

    schedule: Schedule
    conditional: DataLaw
    unconditional: DataLaw
    weight: Any
    kappa: Any = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        for name in ("conditional", "unconditional"):
            object.__setattr__(self, name, as_law(getattr(self, name), name))
        given = exact(self.weight, "weight")
        object.__setattr__(self, "weight", given)
        pair = self.sdes
        object.__setattr__(self, "kappa", pair[0].kappa)
        if pair[0].dim != pair[1].dim:
            raise InputError(f"the two laws have dimensions {pair[0].dim} and {pair[1].dim}; they should agree")

    # -- fields ----------------------------------------------------------------------------------------------------

    @cached_property
    def sdes(self) -> tuple[InterpolantSDE, InterpolantSDE]:
        """The equations of the conditional and of the unconditional law."""
        laws = (self.conditional, self.unconditional)
        first, second = (InterpolantSDE(self.schedule, law, kappa=self.kappa) for law in laws)
        return first, second

    @property
    def parameters(self) -> frozenset[Symbol]:
        """Letters left open, besides t."""
        return frozenset(self.weight.free_symbols | self.sdes[0].parameters | self.sdes[1].parameters)

    def mixed(self, conditional: Any, unconditional: Any) -> Any:
        """(1 + w) conditional − w unconditional."""
        weight = self.weight if isinstance(conditional, Expr) else float(self.weight)
        return mixed(weight, conditional, unconditional)

    @property
    def eps(self) -> Expr:
        """κε*, an expression in t."""
        return self.sdes[0].eps

    @cached_property
    def eta_x(self) -> Expr:
        """The guided η_X(t, x).  Raises InputError when dim > 1, as `drift`."""
        return self.mixed(*(sde.eta_x for sde in self.sdes))

    @cached_property
    def drift(self) -> Expr:
        """b_w(t, x), for `Diffusion(guided.drift, guided.eps, …)`: affine in x for Gaussian data."""
        if all(isinstance(sde.data, Gaussian) and sde.dim == 1 for sde in self.sdes):
            slopes, constants = zip(*(sde.affine for sde in self.sdes), strict=True)
            return self.mixed(*slopes) * x + self.mixed(*constants)
        return self.mixed(*(sde.drift for sde in self.sdes))

    def drift_at(self, times: Any, states: Any) -> Any:
        """b_w at times that broadcast over the batch of `states` (…,) or (…, dim); as `InterpolantSDE.drift_at`."""
        self._known()
        return self.mixed(*(sde.drift_at(times, states) for sde in self.sdes))

    # -- laws ------------------------------------------------------------------------------------------------------

    def law_at(self, time: float) -> tuple[float, float]:
        """Mean and variance of the guided law at one time, from pure noise: exact for Gaussian data, else by quadrature
        to 1e-4 of a standard deviation.

        Raises:
            InputError: more than one dimension, letters without values, κ that depends on t, a schedule whose r does
                not begin at 0, a variance beyond the floats.
            UndecidedError: the quadrature did not settle, or the exact formula has too large a power.
        """
        alpha, beta = self._at(time)
        if not (isinstance(self.conditional, Gaussian) and isinstance(self.unconditional, Gaussian)):
            mean, std, *_ = self._quadrature(alpha, beta)
            return mean, std**2
        w, kappa = float(self.weight), float(self.kappa)
        (m_c, a), (m_u, v) = ((law.mean, law.std**2) for law in (self.conditional, self.unconditional))
        with digits(40):
            first, second = (mp.mpf(alpha) ** 2 + mp.mpf(beta) ** 2 * mp.mpmathify(one) for one in (a, v))
            shift, scale = beta * mp.mpmathify(m_c - m_u), mp.mpf(kappa)
            variance = _float(variance_terms(first, second, w, scale).value()) if first else 0.0
            push = push_terms(first, second, shift, w, scale).value() if first else 0
            mean = _float(beta * mp.mpmathify(m_c) + push)
        if not np.isfinite([mean, variance]).all() or (variance == 0 and first):
            raise InputError(f"weight = {self.weight}: the guided variance at t = {time:.6g} is beyond the floats")
        return mean, variance

    def density_at(self, time: float, states: Any) -> Any:
        """Density of the guided law at one time, of the shape of `states`.  Raises as `law_at`."""
        here = reals(states, "x", "real states, in an array")
        mean, variance = self.law_at(time)
        if isinstance(self.conditional, Gaussian) and isinstance(self.unconditional, Gaussian):
            if variance == 0:
                raise InputError(f"the guided law at t = {time:.6g} is a point, which has no density")
            with np.errstate(over="ignore"):
                return np.exp(-((here - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        from scipy.interpolate import CubicSpline

        _, _, points, density = self._quadrature(*self._at(time))
        inside = (here >= points[0]) & (here <= points[-1])
        return np.where(
            inside | np.isnan(here), CubicSpline(points, density)(np.clip(here, points[0], points[-1])), 0.0
        )

    def tilted(self) -> Gaussian:
        """p_c^(1+w)/p_u^w of the data, for Gaussian laws: the limit of the guided law at t = 1 as κ → ∞.

        Raises InputError where its variance 1/((1 + w)/a − w/v) would be infinite or negative: it is no law, and the
        guided variance grows without bound in κ.
        """
        laws = (self.conditional, self.unconditional)
        if not all(isinstance(law, Gaussian) and law.dim == 1 for law in laws):
            raise InputError("p_c^(1+w)/p_u^w is in closed form for Gaussian laws of one dimension only")
        self._known()
        a, v = (law.covariance for law in laws)
        precision, weighted = tilt(self.weight, *((law.expectation, law.covariance) for law in laws))
        if not precision > 0:
            told = "infinite" if precision == 0 else "negative"
            bound = f"w < {v / (a - v)}" if a > v else f"w > {-v / (v - a)}"
            raise InputError(
                f"weight = {self.weight} with variances {a} and {v}: the variance of p_c^(1+w)/p_u^w would be {told},"
                f" and the guided one grows without bound in kappa; give {bound}"
            )
        return Gaussian(weighted / precision, 1 / sqrt(precision))

    def _known(self) -> None:
        known(self.parameters, f"the guided equation of {self.schedule}", "asking for numbers")

    def _at(self, time: float) -> tuple[float, float]:
        """(α, β) at a time, where the law is known."""
        self._known()
        if self.sdes[0].dim > 1:
            raise InputError(f"the guided law is known in one dimension, and these have {self.sdes[0].dim}")
        if not self.kappa.is_number:
            raise InputError(f"kappa = {self.kappa}: the guided law is known for a kappa that does not depend on t")
        if end_value(self.schedule.r, 0) != 0:
            raise InputError(f"{self.schedule} does not begin in pure noise, from which the guided law is known")
        grid = times_array(time)
        if grid.ndim:
            raise InputError(f"time has shape {grid.shape}; it should be one time in [0, 1]")
        alpha, beta = (float(part) for part in values((self.schedule.alpha, self.schedule.beta), grid))
        return alpha, beta

    def _quadrature(self, alpha: float, beta: float) -> tuple[float, float, Array, Array]:
        """Mean, standard deviation, states and density."""
        size = float(np.hypot(alpha, beta))
        if size == 0:
            raise InputError("the guided law at a point-mass start is a point; ask at a later time")
        with np.errstate(divide="ignore"):
            last = float(min(np.log(beta) - np.log(alpha), REACH))
        mean, std, points, density = _solved(
            self.conditional, self.unconditional, float(self.weight), float(self.kappa), last
        )
        return size * mean, size * std, size * points, density / size


def guided(
    schedule: Schedule | str, conditional: DataLaw | str, unconditional: DataLaw | str, weight: Any, kappa: Any = 0
) -> Guided:
    """The guided equation of two data laws; see `Guided`."""
    return Guided(schedule, conditional, unconditional, weight, kappa)  # type: ignore[arg-type]


# -- formulas, of numbers, arrays or expressions alike; theory C25 decides them --------------------------------------


def mixed(weight: Any, conditional: Any, unconditional: Any) -> Any:
    """(1 + w) conditional − w unconditional."""
    return (1 + weight) * conditional - weight * unconditional


@dataclass(frozen=True)
class PowerMean:
    """size · E[(share + (1 − share) Y)^power] for Y of density shape·y^(shape−1) on (0, 1)."""

    size: Any
    share: Any
    shape: Any
    power: Any

    def integrand(self, y: Expr) -> Expr:
        """What is integrated over y in (0, 1)."""
        density = self.shape * y ** (self.shape - 1)
        return self.size * density * (self.share + (1 - self.share) * y) ** self.power

    def value(self) -> Any:
        """By the hypergeometric function, an mpmath number.  Raises UndecidedError where that has no value found."""
        k, power = self.share, self.power
        try:
            return self.size * k**power * mp.hyp2f1(-power, self.shape, self.shape + 1, 1 - 1 / k)
        except (NoConvergence, ValueError):
            raise UndecidedError(
                f"the guided law has no value found for a power of {float(power):g}, a multiple of (1 + kappa) weight:"
                " take smaller ones; for large kappa, tilted() is its limit"
            ) from None


def variance_terms(first: Any, second: Any, weight: Any, kappa: Any) -> PowerMean:
    """The guided variance, of V_a and V_v."""
    return PowerMean(first, first / second, kappa, (1 + kappa) * weight)


def push_terms(first: Any, second: Any, shift: Any, weight: Any, kappa: Any) -> PowerMean:
    """The guided mean beyond βm_c, of V_a, V_v and β(m_c − m_u)."""
    q = (1 + kappa) / 2
    return PowerMean(weight * shift * first / second, first / second, q, q * weight - 1)


def tilt(weight: Any, conditional: tuple[Any, Any], unconditional: tuple[Any, Any]) -> tuple[Any, Any]:
    """1/variance and mean/variance of p_c^(1+w)/p_u^w, of the (mean, variance) of both."""
    (m_c, a), (m_u, v) = conditional, unconditional
    return mixed(weight, 1 / a, 1 / v), mixed(weight, m_c / a, m_u / v)


def _float(value: Any) -> float:
    return float(value) if mp.isfinite(value) else float("nan")


# -- the Fokker-Planck equation, in the variance-preserving frame, with log r for the time -----------------------------


@lru_cache(maxsize=16)
def _solved(one: DataLaw, other: DataLaw, w: float, kappa: float, last: float) -> tuple[float, float, Array, Array]:
    """Mean, standard deviation, states and density at log r = last: two levels extrapolated, of those that agree."""
    before, edge, previous, level, widened = None, _reach((one, other)), None, 0, 0
    while level < LEVELS and widened < LEVELS:
        points, density = _level((one, other), w, kappa, last, edge, level)
        if max(density[:2].max(), density[-2:].max()) > EDGE * density.max():
            edge, before, previous, level, widened = 1.5 * edge, None, None, 0, widened + 1
            continue
        if before is not None:
            refined = (4 * density[::2] - before) / 3  # both of second order
            mean, std = _moments(points[::2], refined)
            if previous is not None and max(abs(mean - previous[0]), abs(std - previous[1])) <= AGREED * std:
                return mean, std, points[::2], np.maximum(refined, 0)
            previous = (mean, std)
        before, level = density, level + 1
    raise UndecidedError(
        f"the guided law for weight = {w:g} and kappa = {kappa:g} did not settle in {LEVELS} levels of its quadrature"
    )


def _reach(laws: tuple[DataLaw, DataLaw]) -> float:
    """States that hold the law, at first."""
    return max(6.5 * max(1.0, float(law.covariance) ** 0.5) + abs(float(law.expectation)) for law in laws)


def _level(
    laws: tuple[DataLaw, DataLaw], w: float, kappa: float, last: float, edge: float, level: int
) -> tuple[Array, Array]:
    """States and density: central fluxes, Crank and Nicolson's steps."""
    from scipy.linalg import solve_banded

    points = np.linspace(-edge, edge, CELLS * 2**level + 1)
    between, dx = (points[1:] + points[:-1]) / 2, points[1] - points[0]
    first = min(-REACH, last)
    centre = np.exp(first) * mixed(w, *(float(law.expectation) for law in laws))
    density = np.exp(-((points - centre) ** 2) / 2) / np.sqrt(2 * np.pi)
    times = np.linspace(first, last, STEPS * 2**level + 1) if first < last else np.zeros(1)
    h = (last - first) / (STEPS * 2**level)
    for middle in (times[1:] + times[:-1]) / 2:
        beta, alpha = 1 / np.hypot(1, np.exp(-middle)), 1 / np.hypot(1, np.exp(middle))
        data = mixed(w, *(law.eta_x_at(alpha, beta, between) for law in laws))
        # α̇ = −αβ², β̇ = α²β, ε* = α², and αη_Z = x − βη_X
        drift = -(beta**2 + kappa) * (between - beta * data) + alpha**2 * beta * data
        spread = kappa * alpha**2 / dx
        left, right = (drift / 2 + spread) / dx, (drift / 2 - spread) / dx  # flux/dx = left p_i + right p_(i+1)
        rate = np.zeros((3, len(points)))
        rate[1, :-1] -= left
        rate[0, 1:] -= right
        rate[1, 1:] += right
        rate[2, :-1] += left
        moved = density + h / 2 * (rate[1] * density)
        moved[:-1] += h / 2 * rate[0, 1:] * density[1:]
        moved[1:] += h / 2 * rate[2, :-1] * density[:-1]
        system = -h / 2 * rate
        system[1] += 1
        density = solve_banded((1, 1), system, moved)
    return points, density


def _moments(points: Array, density: Array) -> tuple[float, float]:
    mass = density.sum()
    mean = float(points @ density / mass)
    return mean, float(np.sqrt(max((points - mean) ** 2 @ density / mass, 0)))
