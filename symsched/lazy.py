"""Lazy schedules: those whose drift vanishes for Gaussian data (theory C9, C10, C14).

For X ~ N(0, ρ²) the drift of the SDE with scale ε is ((V̇/2 − ε)/V) x, V = α² + ρ²β².  It vanishes iff ε = V̇/2: the
diffusion alone makes the variance.  `symsched.families` solves this for the schedule; here are the scale of a given
schedule, and the lazy frames that keep its clock.

Reference: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy as sp

from symsched.catalog import as_schedule
from symsched.data import DataLaw, Gaussian, as_law
from symsched.errors import InputError, UndecidedError
from symsched.exact import Sign, decide_zero, sign_on_unit
from symsched.families import SOURCE, general_family, positive, require_nonnegative
from symsched.families import Family as Family
from symsched.families import family as family
from symsched.families import solve as solve
from symsched.given import reals
from symsched.inversion import R, closed_inverse
from symsched.precision import alone
from symsched.schedule import Schedule, as_expression
from symsched.symbols import kappa as kappa_symbol
from symsched.symbols import rho as rho_symbol
from symsched.symbols import t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class LazyCondition:
    """The only scale that makes a schedule lazy, ε = V̇/2, and whether it is a scale at all (V̇ ≥ 0).

    `kappa` = ε/ε* is constant exactly for the lazy families; `centre` says that the data's mean must be removed
    first (convert X − m).
    """

    eps: sp.Expr
    variance: sp.Expr
    kappa: sp.Expr
    sign: Sign
    centre: bool

    @property
    def possible(self) -> bool | None:
        """True if V is non-decreasing, False if it decreases somewhere, None if undecided."""
        return self.sign.nonnegative if self.sign.decided else None


@alone
def condition(schedule: Schedule | str, data: DataLaw | str) -> LazyCondition:
    """The lazy condition ε = V̇/2 of a schedule for scalar Gaussian data (theory C9).

    Raises:
        InputError: the data are not Gaussian in one dimension, or the schedule is not valid.
    """
    data = as_law(data)
    if not isinstance(data, Gaussian) or data.dim != 1:
        raise InputError(f"lazy condition for {data}: expected gaussian(mean, std) in one dimension")
    schedule = as_schedule(schedule)
    schedule.validate()
    variance = schedule.variance(data.std)
    eps = variance.diff(t) / 2
    return LazyCondition(
        eps, variance, sp.simplify(eps / schedule.eps_star), sign_on_unit(eps), not decide_zero(data.mean)
    )


# -- frames ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
@alone
def frame_beta(kappa: sp.Expr = kappa_symbol) -> sp.Expr:
    """β̄ of the lazy schedule as a function of r, in `R` and `rho`: the inverse of r̄ = β̄/ᾱ (theory C10)."""
    alpha_squared = general_family().subs(kappa_symbol, kappa)
    inverse = closed_inverse(Schedule(sp.sqrt(alpha_squared), t))
    if inverse is None:
        raise UndecidedError(f"the lazy family of kappa = {kappa} has no closed clock")
    return inverse


@alone
def frame(schedule: Schedule | str, kappa: Any = 0, rho: Any = 1) -> Schedule:
    """The lazy schedule that keeps the clock of `schedule`: τ is the identity and c = β̄/β (theory C10).

    For κ = 0 this is (α, β)·ρ/√V: the frame in which a model keeps its own times and the drift of N(0, ρ²) is 0.

    Raises:
        InputError: κ < 0 or ρ ≤ 0.
    """
    schedule = as_schedule(schedule)
    kappa, rho = as_expression(kappa, "kappa"), positive(rho, "rho")
    require_nonnegative(kappa, "kappa")
    beta = frame_beta(kappa).subs({rho_symbol: rho, R: schedule.r}, simultaneous=True)
    return Schedule(beta / schedule.r, beta, f"lazy frame of {schedule} (kappa={kappa}, rho={rho})", SOURCE)


@lru_cache(maxsize=1)
def _axis_scale() -> Any:
    """c = β̄/β as a NumPy function of (α, β, ρ, κ), in a form without 0/0 at β = 0, proved equal to the frame's."""
    a, b = (sp.Dummy(name, positive=True) for name in ("a", "b"))
    variance = a**2 + rho_symbol**2 * b**2
    stable = (rho_symbol**2 / variance) ** ((1 + kappa_symbol) / 2) * b**kappa_symbol
    if not decide_zero(stable - frame_beta().subs(R, b / a) / b):
        raise UndecidedError("the scale of a spectral axis does not match the lazy frame")
    return sp.lambdify((a, b, rho_symbol, kappa_symbol), stable, "numpy")


@dataclass(frozen=True, eq=False)
class SpectralLazy:
    """One lazy frame for every principal direction of the data at once (theory C14).

    X ~ N(m, Q diag(ρ²) Qᵀ).  X̄ = C_t (X_t − β m) with C_t = Q diag(c_k(t)) Qᵀ, where c_k = β̄_k/β carries direction k
    to its own lazy schedule in the model's clock.  The drift of X̄ is zero, and c_k(1) = 1.
    """

    schedule: Schedule
    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    stds: NDArray[np.float64]
    kappa: sp.Expr

    def scales(self, times: ArrayLike) -> NDArray[np.float64]:
        """c_k at `times`, shape (n_times, dim)."""
        alpha, beta, *_ = self.schedule.at(times)
        return _axis_scale()(alpha[..., None], beta[..., None], self.stds, float(self.kappa))

    def _states(self, given: ArrayLike) -> NDArray[np.float64]:
        states = reals(given, "x", "real states, in an array")
        if states.ndim == 0 or states.shape[-1] != len(self.mean):
            raise InputError(f"states have shape {states.shape}; this frame needs the last axis to be {len(self.mean)}")
        return states

    def into(self, time: float, states: ArrayLike) -> NDArray[np.float64]:
        """X̄ = C_t (x − β m) for states of shape (..., dim)."""
        beta = float(self.schedule.at(time)[1])
        centred = (self._states(states) - beta * self.mean) @ self.axes
        return (centred * self.scales(time)) @ self.axes.T

    def back(self, time: float, lazy_states: ArrayLike) -> NDArray[np.float64]:
        """x = C_t⁻¹ X̄ + β m.  Raises InputError where C_t is singular (κ > 0 at t = 0)."""
        scale = self.scales(time)
        if not (scale > 0).all():
            raise InputError(f"at t = {time} the lazy frame is a point: x cannot be recovered; start from t > 0")
        beta = float(self.schedule.at(time)[1])
        return ((self._states(lazy_states) @ self.axes) / scale) @ self.axes.T + beta * self.mean

    def variances(self, times: ArrayLike) -> NDArray[np.float64]:
        """Variance of X̄ along each axis; its increments are the noise of an exact lazy step of any length."""
        alpha, beta, *_ = self.schedule.at(times)
        return self.scales(times) ** 2 * (alpha[..., None] ** 2 + self.stds**2 * beta[..., None] ** 2)


@alone
def spectral(mean: ArrayLike, cov: ArrayLike, kappa: Any = 0, schedule: Schedule | str = "linear") -> SpectralLazy:
    """The spectral lazy frame of N(mean, cov) data for a model with `schedule` (linear by default).

    Raises:
        InputError: κ < 0, shapes that do not fit, or a covariance that is not symmetric positive definite.
    """
    import numpy as np

    law = Gaussian(mean, cov)
    if law.dim == 1:
        raise InputError("spectral frame in one dimension: use lazy.frame(schedule, kappa, rho)")
    kappa = as_expression(kappa, "kappa")
    require_nonnegative(kappa, "kappa")
    eigen = law.frame
    if not (eigen.stds > 0).all():
        raise InputError(
            f"covariance has the eigenvalue {float(eigen.stds.min()) ** 2:.3g}: every direction needs a positive "
            "variance; add a small multiple of the identity"
        )
    chosen = as_schedule(schedule)
    chosen.validate()
    axes = eigen.into(np.eye(law.dim))
    return SpectralLazy(chosen, eigen.mean, axes, eigen.stds, kappa)
