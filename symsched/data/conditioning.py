"""The one derivation behind every data law: condition the joint Gaussian (Z, X) on I = αZ + βX = x.

With Z ~ N(0, 1) and X ~ N(m, ρ²) independent, write w = (α, β), Σ = diag(1, ρ²), μ = (0, m).  Then
V = wΣwᵀ is the variance of I, the gain is G = Σwᵀ/V, and E[(Z, X) | I = x] = μ + G (x − wμ).  Mixtures average
these over components, points are the case ρ = 0, and a full covariance is one such pair per eigendirection, so no
other field formula is written anywhere in the package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sympy import Dummy, Expr, Matrix, cancel, diag, diff, exp, factor, lambdify, log, pi, sqrt

from symsched.errors import InputError
from symsched.symbols import x

#: Values of α, β and the data's standard deviation; nonnegative, so that the points of an empirical law fit too.
a, b, spread = (Dummy(name, nonnegative=True) for name in ("a", "b", "s"))
m = Dummy("m", real=True)
#: √V.  Dividing by it, never by α or β alone, is what keeps both ends finite.
width = Dummy("sigma", positive=True)
_other = Dummy("m_other", real=True)


@dataclass(frozen=True)
class Component:
    """One Gaussian of a one-dimensional law: weight w, mean m, standard deviation s, as expressions."""

    weight: Expr
    mean: Expr
    std: Expr


@dataclass(frozen=True)
class Conditional:
    """Closed forms in (a, b, m, s, x) for I = aZ + bX, X ~ N(m, s²)."""

    centre: Expr
    variance: Expr
    eta_z: Expr
    eta_x: Expr
    exponent: Expr
    log_density: Expr
    score: Expr

    def put(self, name: str, alpha: Expr, beta: Expr, component: Component) -> Expr:
        """The closed form called `name`, with the component and the schedule's values put in.

        Raises InputError when α or β has the state for a parameter: the two could not be told apart.
        """
        if alpha.has(x) or beta.has(x):
            raise InputError(f"alpha = {alpha}, beta = {beta} use the state {x} as a parameter; rename the parameter")
        values = {a: alpha, b: beta, m: component.mean, spread: component.std}
        return getattr(self, name).xreplace(values)


def _derive(variance: Expr | None = None) -> Conditional:
    weights, prior, prior_mean = Matrix([[a, b]]), diag(1, spread**2), Matrix([0, m])
    variance = (weights * prior * weights.T)[0] if variance is None else variance
    centre = (weights * prior_mean)[0]
    eta_z, eta_x = prior_mean + prior * weights.T / variance * (x - centre)
    exponent = -((x - centre) ** 2) / (2 * variance)
    log_density = exponent - log(2 * pi * variance) / 2
    score = (x - centre) * cancel(diff(log_density, x) / (x - centre))
    return Conditional(centre, variance, eta_z, eta_x, exponent, log_density, score)


@cache
def conditional() -> Conditional:
    """E[Z | I], E[X | I], log density and score of I = aZ + bX, derived by Gaussian conditioning (theory C8)."""
    return _derive()


@dataclass(frozen=True)
class Standardised:
    """The same fields as NumPy callables of (a, b, s, σ, u), where x = bm + σu and σ = √V.

    `noise`, `data`, `score` are E[Z|I], E[X|I] − m, ∇ log p; each is u times a share that is bounded (or, for the
    score, 1/σ) however small a or b is.
    """

    noise: Callable[..., Any]
    data: Callable[..., Any]
    score: Callable[..., Any]
    log_density: Callable[..., Any]


@cache
def standardised() -> Standardised:
    """Lambdified from the same derivation as `conditional()`, with V kept as σ².

    In the shares c = a/σ and d = bs/σ, both at most 1: no square of a, s or σ is ever formed.
    """
    form, u = _derive(width**2), Dummy("u", real=True)
    c, d = Dummy("c", nonnegative=True), Dummy("d", nonnegative=True)

    def scaled(expr: Expr) -> Callable[..., Any]:
        in_u = expr.subs(x, form.centre + width * u).expand(log=True)
        shares = in_u.subs(a, c * width).subs(b, d * width / spread)
        inner = lambdify((c, d, spread, width, u), shares, "numpy")
        return lambda a, b, s, sigma, u: inner(a / sigma, b * s / sigma, s, sigma, u)

    return Standardised(scaled(form.eta_z), scaled(form.eta_x - m), scaled(form.score), scaled(form.log_density))


@cache
def _gap_at_equal_variance() -> Expr:
    """log N(x; b m', V) − log N(x; b m, V), factored so that no two large squares are subtracted; m' is `_other`."""
    exponent = conditional().exponent
    return factor(exponent.subs(m, _other) - exponent)


def density_ratio(one: Component, other: Component, alpha: Expr, beta: Expr) -> Expr:
    """w' p'(x) / (w p(x)) for two components of I_t.

    A posterior weight is 1/Σ (ratios): one of the terms is 1, so it never becomes 0/0 in floating point.
    """
    form, odds = conditional(), other.weight / one.weight
    if one.std == other.std:
        with_gap = replace(form, exponent=_gap_at_equal_variance().subs(_other, other.mean))
        return odds * exp(with_gap.put("exponent", alpha, beta, one))
    mine, theirs = (form.put("variance", alpha, beta, which) for which in (one, other))
    gap = form.put("exponent", alpha, beta, other) - form.put("exponent", alpha, beta, one)
    return odds * sqrt(mine / theirs) * exp(gap)
