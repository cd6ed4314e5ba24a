"""Schedules that are optimal for something: Föllmer, the lazy families, the Lipschitz-optimal one."""

from dataclasses import replace

from sympy import Dummy, Expr, limit, solve, sqrt, together

from symsched.catalog.registry import INCREASING, NONNEGATIVE, POSITIVE, Number, Pair, schedule
from symsched.families import solve as solve_lazy
from symsched.symbols import t


@schedule(source="Chen et al., arXiv:2403.13724; arXiv:2602.10989", kind="point-mass")
def follmer() -> Pair:
    """Föllmer process: starts at a point, and its optimal diffusion scale is constant.

    α = √(t - t²), β = t, so ε* = ½: the lazy schedule of κ = 1, ρ = 1 with β = t.  Point mass; no parameters.
    """
    return sqrt(t - t**2), t


@schedule(
    source="Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789",
    kind="point-mass (kappa > 0); scaled or standard (kappa = 0)",
    kappa=replace(NONNEGATIVE, moves=True),
    rho=POSITIVE,
    beta=INCREASING,
)
def lazy(kappa: Number, rho: Number = 1, beta: Number = None) -> Pair:
    """Zero drift on Gaussian data N(0, ρ²) when the diffusion scale is κ ε*.

    α² = ρ²(β^q - β²) with q = 2κ/(1 + κ), for any increasing β.  Derived, not typed: `symsched.lazy.solve` obtains it
    from the lazy condition, and chooses β (t for κ >= 1, t^(1/q) for 0 < κ < 1, sin(πt/2) for κ = 0) unless given.
    kappa >= 0, a number or an expression in t; rho > 0; beta an increasing expression in t.
    """
    found = solve_lazy(kappa=kappa, rho=rho, beta=beta)
    return found.alpha, found.beta


@schedule(source="Chen, Vanden-Eijnden, Xu, arXiv:2509.01629", kind="standard", M=POSITIVE)
def geometric(M: Number) -> Pair:
    """Geometric variance: the least averaged squared Lipschitz constant for data N(0, M²).

    The variance-preserving pair with V = α² + M²β² = M^(2t): α² = (M² - M^(2t))/(M² - 1), β² = 1 - α².
    For M = 1 its limit, α² = 1 - t.  Standard; M > 0.
    """
    noise, data = _geometric()
    if M == 1:
        return sqrt(limit(noise, _M, 1)), sqrt(limit(data, _M, 1))
    return sqrt(noise.subs(_M, M)), sqrt(data.subs(_M, M))


_M = Dummy("M", positive=True)


def _geometric() -> tuple[Expr, Expr]:
    noise, data = Dummy("noise"), Dummy("data")
    (found,) = solve([noise + data - 1, noise + _M**2 * data - _M ** (2 * t)], [noise, data], dict=True)
    return together(found[noise]), together(found[data])
