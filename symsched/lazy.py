"""Lazy schedules: those whose drift vanishes for Gaussian data (theory C9, C10, C14).

For X ~ N(0, ρ²) the drift of the SDE with scale ε is ((V̇/2 − ε)/V) x, V = α² + ρ²β².  It vanishes iff ε = V̇/2: the
diffusion alone makes the variance.  With ε = κ ε* this is a linear equation for u = α²; its solutions that end in
the data, u(β = 1) = 0, are the lazy families.  SymPy's `dsolve` finds them and `checkodesol` confirms them.

Reference: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.data import Gaussian
from symsched.errors import InputError, UndecidedError
from symsched.exact import Sign, decide_zero, limit_at, resolve_abs, sign_on_unit, within
from symsched.given import reals
from symsched.inversion import R, closed_inverse
from symsched.precision import alone
from symsched.schedule import STEEPEST, Schedule, as_expression
from symsched.symbols import kappa as kappa_symbol
from symsched.symbols import rho as rho_symbol
from symsched.symbols import t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

DSOLVE_CALLS = 1_500_000
NOT_ELEMENTARY = (sp.I, sp.Integral, sp.RootSum, sp.exp_polar, sp.hyper, sp.meijerg, sp.uppergamma, sp.expint, sp.Ei)
SOURCE = "Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789"


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
def condition(schedule: Schedule, data: Gaussian) -> LazyCondition:
    """The lazy condition ε = V̇/2 of a schedule for scalar Gaussian data (theory C9).

    Raises:
        InputError: the data are not Gaussian in one dimension, or the schedule is not valid.
    """
    if not isinstance(data, Gaussian) or data.dim != 1:
        raise InputError(f"lazy condition for {data}: expected gaussian(mean, std) in one dimension")
    schedule.validate()
    variance = schedule.variance(data.std)
    eps = variance.diff(t) / 2
    return LazyCondition(
        eps, variance, sp.simplify(eps / schedule.eps_star), sign_on_unit(eps), not decide_zero(data.mean)
    )


@dataclass(frozen=True)
class Family:
    """The derivation of a lazy family in the clock β = t: equation, general solution, and u = α²."""

    equation: sp.Eq
    general: sp.Eq
    alpha_squared: sp.Expr
    confirmed: bool


@lru_cache(maxsize=64)
@alone
def family(kappa: sp.Expr = kappa_symbol, rho: sp.Expr = rho_symbol) -> Family:
    """Solve κ ε* = V̇/2 for u = α² with β = t and u(1) = 0.  κ may depend on t.

    Raises:
        UndecidedError: `dsolve` finds no closed solution, or `checkodesol` does not confirm it.
    """
    u = _unknown("u", kappa, rho)
    schedule = Schedule(sp.sqrt(u(t)), t)
    equation = sp.Eq(kappa * schedule.eps_star, schedule.variance(rho).diff(t) / 2)
    general = _solve_linear(equation, u(t))
    particular = _fix_constant(equation, general, 1, sp.S.Zero)
    return Family(equation, general, particular, _confirmed(equation, sp.Eq(u(t), particular)))


def _unknown(name: str, *given: sp.Expr) -> Any:
    """An undefined positive function whose name none of the functions in `given` has."""
    taken = {str(f.func) for expr in given for f in expr.atoms(AppliedUndef)}
    while name in taken:
        name += "_"
    return sp.Function(name, positive=True)


def _solve_linear(equation: sp.Eq, unknown: sp.Expr) -> sp.Eq:
    solution = sp.dsolve(equation, unknown, hint="1st_linear")
    if solution.has(sp.Integral, sp.Piecewise) or not solution.lhs == unknown:
        raise UndecidedError(f"no closed solution of {equation.lhs} = {equation.rhs}: try another kappa or eps")
    return solution


def _fix_constant(equation: sp.Eq, general: sp.Eq, at: int, value: sp.Expr) -> sp.Expr:
    """The solution that takes `value` at t = `at`; its constant is the one letter that the equation has not."""
    theirs = general.rhs.free_symbols - equation.free_symbols
    constant = sp.Dummy("C")
    found = general.rhs.subs(dict.fromkeys(theirs, constant))
    there = found.subs(t, at) - value
    solved = [] if there.has(sp.oo, -sp.oo, sp.zoo, sp.nan) else sp.solve(there, constant)
    if len(theirs) != 1 or len(solved) != 1:
        raise UndecidedError(f"no solution of {equation.lhs} = {equation.rhs} is known to be {value} at t = {at}")
    return sp.powsimp(sp.expand(found.subs(constant, solved[0]).rewrite(sp.Pow)))


def _confirmed(equation: sp.Eq, solution: sp.Eq) -> bool:
    """`checkodesol`, and the exact decision on the residual."""
    residual = (equation.lhs - equation.rhs).subs(solution.lhs, solution.rhs).doit()
    return bool(decide_zero(residual)) and bool(sp.checkodesol(equation, solution, solve_for_func=False)[0])


@alone
def solve(kappa: Any = None, eps: Any = None, rho: Any = 1, beta: Any = None) -> Schedule:
    """The lazy schedule of a scale: κ ε* (κ constant or a function of t), or ε given outright.

    Args:
        kappa: the scale in units of ε*; κ = 0 is the variance-preserving ODE, κ = 1 the Föllmer process.
        eps: alternatively, the scale itself; then V̇ = 2ε with V(1) = ρ².
        rho: standard deviation of the data.
        beta: the clock, an increasing expression in t from 0 to 1.  By default t for κ ≥ 1, t^((1+κ)/(2κ)) for
            0 < κ < 1 (so that α² is differentiable at 0), and sin(πt/2) for κ = 0 (uniform angle).  The family is
            the same for every clock; for κ(t) the dependence is on the time of this clock.

    Raises:
        InputError: both or neither of κ and ε, κ < 0, ρ ≤ 0, or a solution that is not a schedule.
        UndecidedError: the equation has no closed solution.
    """
    if (kappa is None) == (eps is None):
        raise InputError("lazy schedule: give exactly one of kappa and eps")
    rho = positive(rho, "rho")
    if eps is not None:
        return _solve_eps(as_expression(eps, "eps"), rho, t if beta is None else as_expression(beta, "beta"))
    kappa = as_expression(kappa, "kappa")
    _require_nonnegative(kappa, "kappa")
    if kappa.has(t):
        return _solve_moving(kappa, rho, t if beta is None else as_expression(beta, "beta"))
    clock = _default_clock(kappa) if beta is None else as_expression(beta, "beta")
    solution = _general_family().subs({kappa_symbol: kappa, rho_symbol: rho, t: clock}, simultaneous=True)
    return _schedule(solution, clock, f"lazy(kappa={kappa}, rho={rho})")


@lru_cache(maxsize=1)
def _general_family() -> sp.Expr:
    found = family()
    if not found.confirmed:
        raise UndecidedError("the lazy family was not confirmed by checkodesol")
    return found.alpha_squared


def _solve_moving(kappa: sp.Expr, rho: sp.Expr, clock: sp.Expr) -> Schedule:
    """κ(t): the linear equation in the given clock."""
    if not kappa.is_rational_function(t):
        raise UndecidedError(f"kappa = {kappa}: expected a rational function of t, for which a closed solution exists")
    u = _unknown("u", kappa, rho, clock)
    schedule = Schedule(sp.sqrt(u(t)), clock)
    equation = sp.Eq(kappa * schedule.eps_star, schedule.variance(rho).diff(t) / 2)
    solution = _solve_bounded(equation, u(t), sp.S.Zero, f"kappa = {kappa}")
    return _schedule(solution, clock, f"lazy(kappa={kappa}, rho={rho})")


def _solve_eps(eps: sp.Expr, rho: sp.Expr, clock: sp.Expr) -> Schedule:
    """V̇ = 2ε with V(1) = ρ²; what β does not explain is noise."""
    _require_nonnegative(eps, "eps")
    variance = _unknown("V", eps, rho)
    equation = sp.Eq(variance(t).diff(t), 2 * eps)
    solution = _solve_bounded(equation, variance(t), rho**2, f"eps = {eps}")
    if not _is_bounded_at_start(solution):  # whatever ρ is
        raise InputError(
            f"eps = {eps}: its integral from t = 0 is infinite, and no variance grows by that; try another"
        )
    return _schedule(solution - rho**2 * clock**2, clock, f"lazy(eps={eps}, rho={rho})")


def _is_bounded_at_start(variance: sp.Expr) -> bool:
    try:
        return limit_at(variance, 0) != -sp.oo
    except UndecidedError:
        return True


def _solve_bounded(equation: sp.Eq, unknown: sp.Expr, at_one: sp.Expr, given: str) -> sp.Expr:
    """The confirmed solution with that value at 1; integration of a user's formula may run away, so within a budget.

    Raises:
        UndecidedError: there is none, or none that is elementary and found in time.
    """

    def solve_it() -> sp.Expr:
        solution = _fix_constant(equation, _solve_linear(equation, unknown), 1, at_one)
        if solution.has(*NOT_ELEMENTARY):
            raise UndecidedError(f"{given}: expected one whose equation has an elementary solution")
        if not _confirmed(equation, sp.Eq(unknown, solution)):
            raise UndecidedError(f"the solution for {given} was not confirmed by checkodesol")
        return solution

    solution = within(DSOLVE_CALLS, solve_it)
    if solution is None:
        raise UndecidedError(f"{given}: no closed solution was found within the work allowed; try a simpler one")
    return solution


def _schedule(alpha_squared: sp.Expr, clock: sp.Expr, name: str) -> Schedule:
    factors = sp.Mul.make_args(sp.factor_terms(sp.powdenest(alpha_squared, force=True)))
    root = sp.sqrt(sp.Mul(*map(sp.trigsimp, factors)))  # by factors: ρ²(1 − sin²) is ρ² cos²
    schedule = Schedule(resolve_abs(root), clock, name, SOURCE)
    if not schedule.parameters:
        schedule.validate()
    return schedule


def _default_clock(kappa: sp.Expr) -> sp.Expr:
    if kappa.is_zero:
        return sp.sin(sp.pi * t / 2)
    if kappa.is_number and kappa < 1:
        power = (1 + kappa) / (2 * kappa)
        if 2 * power > STEEPEST:
            steep = "its clock t**((1 + kappa)/(2*kappa)) is too steep to work with"
            raise InputError(f"kappa = {float(kappa):.4g}: {steep}; expected 0, or at least 1/{STEEPEST - 1}")
        return t**power
    return t


def positive(value: Any, name: str) -> sp.Expr:
    """`value` as an expression.  Raises InputError unless it is positive (or a parameter)."""
    expr = as_expression(value, name)
    if (
        expr.has(sp.oo, sp.nan, sp.zoo, sp.I, t)
        or expr.is_positive is False
        or (expr.is_number and not expr.is_positive)
    ):
        raise InputError(f"{name} = {value}: expected a finite number > 0")
    return expr


def _require_nonnegative(expr: sp.Expr, name: str) -> None:
    if expr.has(sp.oo, sp.nan, sp.zoo, sp.I):
        raise InputError(f"{name} = {expr}: expected finite values ≥ 0")
    if expr.is_nonnegative:
        return
    sign = sign_on_unit(expr)
    if sign.decided and not sign.nonnegative:
        how = f"negative at t = {sign.witness[0]:.6g}" if sign.value == "mixed" and sign.witness else sign.value
        raise InputError(f"{name} = {expr} is {how}: expected values ≥ 0 on (0, 1)")
    if not sign.decided and expr.free_symbols <= {t}:
        raise UndecidedError(f"{name} = {expr}: could not decide whether it is ≥ 0 on (0, 1)")


# -- frames ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
@alone
def frame_beta(kappa: sp.Expr = kappa_symbol) -> sp.Expr:
    """β̄ of the lazy schedule as a function of r, in `R` and `rho`: the inverse of r̄ = β̄/ᾱ (theory C10)."""
    alpha_squared = _general_family().subs(kappa_symbol, kappa)
    inverse = closed_inverse(Schedule(sp.sqrt(alpha_squared), t))
    if inverse is None:
        raise UndecidedError(f"the lazy family of kappa = {kappa} has no closed clock")
    return inverse


@alone
def frame(schedule: Schedule, kappa: Any = 0, rho: Any = 1) -> Schedule:
    """The lazy schedule that keeps the clock of `schedule`: τ is the identity and c = β̄/β (theory C10).

    For κ = 0 this is (α, β)·ρ/√V: the frame in which a model keeps its own times and the drift of N(0, ρ²) is 0.

    Raises:
        InputError: κ < 0 or ρ ≤ 0.
    """
    kappa, rho = as_expression(kappa, "kappa"), positive(rho, "rho")
    _require_nonnegative(kappa, "kappa")
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
def spectral(mean: ArrayLike, cov: ArrayLike, kappa: Any = 0, schedule: Schedule | None = None) -> SpectralLazy:
    """The spectral lazy frame of N(mean, cov) data for a model with `schedule` (linear by default).

    Raises:
        InputError: κ < 0, shapes that do not fit, or a covariance that is not symmetric positive definite.
    """
    import numpy as np

    law = Gaussian(mean, cov)
    if law.dim == 1:
        raise InputError("spectral frame in one dimension: use lazy.frame(schedule, kappa, rho)")
    kappa = as_expression(kappa, "kappa")
    _require_nonnegative(kappa, "kappa")
    eigen = law.frame
    if not (eigen.stds > 0).all():
        raise InputError(
            f"covariance has the eigenvalue {float(eigen.stds.min()) ** 2:.3g}: every direction needs a positive "
            "variance; add a small multiple of the identity"
        )
    chosen = Schedule(1 - t, t, "linear") if schedule is None else schedule
    chosen.validate()
    axes = eigen.into(np.eye(law.dim))
    return SpectralLazy(chosen, eigen.mean, axes, eigen.stds, kappa)
