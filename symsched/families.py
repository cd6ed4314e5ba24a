"""The lazy families α² = ρ²(β^q − β²), q = 2κ/(1 + κ), and their like for κ(t) and ε(t): solved for, not typed (C10).

With ε = κ ε* the lazy condition ε = V̇/2 is a linear equation for u = α²; its solutions that end in the data,
u(β = 1) = 0, are the lazy families.  SymPy's `dsolve` finds them and `checkodesol` confirms them.

Reference: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.errors import InputError, UndecidedError
from symsched.exact import decide_zero, limit_at, resolve_abs, sign_on_unit, within
from symsched.precision import alone
from symsched.schedule import STEEPEST, Schedule, as_expression
from symsched.symbols import kappa as kappa_symbol
from symsched.symbols import rho as rho_symbol
from symsched.symbols import t

DSOLVE_CALLS = 1_500_000
NOT_ELEMENTARY = (sp.I, sp.Integral, sp.RootSum, sp.exp_polar, sp.hyper, sp.meijerg, sp.uppergamma, sp.expint, sp.Ei)
SOURCE = "Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789"


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
    require_nonnegative(kappa, "kappa")
    if kappa.has(t):
        return _solve_moving(kappa, rho, t if beta is None else as_expression(beta, "beta"))
    clock = _default_clock(kappa) if beta is None else as_expression(beta, "beta")
    solution = general_family().subs({kappa_symbol: kappa, rho_symbol: rho, t: clock}, simultaneous=True)
    return _schedule(solution, clock, f"lazy(kappa={kappa}, rho={rho})")


@lru_cache(maxsize=1)
def general_family() -> sp.Expr:
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
    require_nonnegative(eps, "eps")
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


def require_nonnegative(expr: sp.Expr, name: str) -> None:
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
