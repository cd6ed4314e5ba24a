"""Two-sided interpolants I_t = αX₀ + βX₁ + γz between two laws, and when one becomes another (theory C24).

A conversion Ī_t = c_t I_τ(t) uses neither a Gaussian base nor independence, so τ and c are those of (α, β): τ = r̄ into
r⁻¹, r = β/α.  One time has three coefficients to match, so it holds for all laws of (X₀, X₁) if and only if γ̄ = cγ(τ),
that is if the curves [α:β:γ] of the two in the projective plane are one: γ/α is then the same function of r.  All
(α, β, √(2aαβ)) lie on one curve, that of the Brownian bridges between X₀ and X₁.

Derived here; the framework is that of Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import Expr, I, Integer, Symbol, expand_trig, nan, oo, zoo
from sympy.core.function import AppliedUndef

from symsched.conversion import Conversion, convert, same_schedule
from symsched.errors import InputError, UndecidedError, clipped
from symsched.exact import Sign, canonical, decide_zero, shortest, sign_on_unit, values, within
from symsched.inversion import R, closed_inverse
from symsched.parsing import quoted
from symsched.precision import alone_all, cached_property
from symsched.schedule import Schedule, as_expression
from symsched.symbols import foreign_time, t, x

#: Times at which two curves are compared in numbers, and the relative difference that tells them apart.
TIMES, APART = np.linspace(0.05, 0.95, 19), 1e-12
READING = 400_000  # function calls that a curve's formula may cost
RATIO = Symbol("r", positive=True)


@alone_all
@dataclass(frozen=True)
class TwoSided:
    """I_t = α X₀ + β X₁ + γ z with z ~ N(0, I) independent of (X₀, X₁), which may have any joint law.

    Args:
        alpha, beta: coefficients of X₀ and X₁, as of a `Schedule`: positive on (0, 1), r = β/α increasing.
        gamma: coefficient of z, ≥ 0 on (0, 1); 0 is the plain interpolant of any base.

    Expressions in `symsched.t`, numbers or text.  Raises InputError for a pair that is no schedule, a γ that is
    negative somewhere, or one that is no expression in t.
    """

    alpha: Any
    beta: Any
    gamma: Any = 0

    def __post_init__(self) -> None:
        pair = Schedule(self.alpha, self.beta)
        pair.validate()
        gamma = as_expression(self.gamma, "gamma")
        if foreign_time(gamma) or gamma.has(x, oo, -oo, zoo, nan, I, AppliedUndef):
            raise InputError(f"gamma = {gamma}: expected a real, finite expression in symsched.t alone")
        sign: Sign = sign_on_unit(gamma)
        if sign.decided and not sign.nonnegative:
            where = f"at t = {sign.witness[0]:.6g}" if sign.value == "mixed" and sign.witness else "on (0, 1)"
            raise InputError(f"gamma = {gamma} is negative {where}; the coefficient of the noise should be >= 0")
        object.__setattr__(self, "alpha", pair.alpha)
        object.__setattr__(self, "beta", pair.beta)
        object.__setattr__(self, "gamma", gamma)

    def __str__(self) -> str:
        return f"alpha={self.alpha}; beta={self.beta}; gamma={self.gamma}"

    @cached_property
    def schedule(self) -> Schedule:
        """The pair (α, β)."""
        return Schedule(self.alpha, self.beta)

    @cached_property
    def curve(self) -> Expr | None:
        """γ/α as a function of r = β/α: all that conversions keep.  None where r has no closed inverse, or the function
        no form that is soon found."""
        inverse = closed_inverse(self.schedule)
        return None if inverse is None else within(READING, lambda: self._along(inverse))

    def _along(self, inverse: Expr) -> Expr:
        found = (self.gamma / self.alpha).subs(t, inverse)
        return shortest(canonical(expand_trig(found)), found).subs(R, RATIO)

    def at(self, times: Any) -> tuple[Any, ...]:
        """(α, β, γ) at times in [0, 1], float64 of their shape; limits at the ends."""
        return tuple(values((self.alpha, self.beta, self.gamma), times))

    def convert(self, target: TwoSided) -> Conversion:
        """The conversion (τ, c) to `target`, with Ī_t = c_t I_τ(t) for all laws of (X₀, X₁).

        Its `path` carries sampled paths, and its `eps` the scale of an SDE (b + ε ∂log p).

        Raises:
            InputError: the curves [α:β:γ] of the two differ: both are shown, and a time where they do.
            UndecidedError: they agree in numbers, and no proof of it was found.
        """
        if not isinstance(target, TwoSided):
            raise InputError(f"target is {quoted(target)}; it should be a TwoSided")
        conversion = convert(self.schedule, target.schedule)
        decided = next((one for one in (_carried(self, target), _carried(target, self)) if one is not None), None)
        if decided:
            return conversion
        letters = (self.gamma.free_symbols | target.gamma.free_symbols | conversion.tau.free_symbols) - {t}
        time, share = (None, 0.0) if letters else _apart(conversion, self, target)
        if decided is None and share <= APART:
            wanted = f": give {', '.join(sorted(map(str, letters)))} a number" if letters else ""
            raise UndecidedError(f"{self} and {target}: could not decide whether their curves are one{wanted}")
        raise InputError(f"no conversion from {self} to {target}: {_shown(self, target, time)}")


def carried_gamma(gamma: Expr, tau: Expr, scale: Expr) -> Expr:
    """cγ(τ): what a conversion makes of the coefficient of z."""
    return scale * gamma.subs(t, tau)


def _carried(source: TwoSided, target: TwoSided) -> bool | None:
    """Whether γ̄ = cγ(τ); None where that is not known: the same may be known the other way round.

    Both sides are ≥ 0, so their squares decide, in which square roots cancel.
    """
    conversion = convert(source.schedule, target.schedule)
    same = same_schedule(source.schedule, target.schedule)
    tau, scale = (t, Integer(1)) if same else (conversion.tau, conversion.scale)
    gap = target.gamma**2 - carried_gamma(source.gamma, tau, scale) ** 2
    decided = decide_zero(gap).zero
    if decided is None:
        algebraic = within(READING, lambda: expand_trig(gap))  # sin(2 atan r) is
        decided = None if algebraic is None else decide_zero(algebraic).zero
    known = same or conversion.closed_form  # else 0 for every function τ is 0, and nothing else is known
    return decided if known or decided else None


def _apart(conversion: Conversion, source: TwoSided, target: TwoSided) -> tuple[float, float]:
    """The time at which γ̄ and cγ(τ) differ most, and by what share."""
    carried = carried_gamma(source.gamma, conversion.tau, conversion.scale)
    own, made = conversion.values((target.gamma, carried), TIMES)
    size = np.maximum(np.abs(own), np.abs(made))
    share = np.divide(np.abs(own - made), size, out=np.zeros_like(size), where=size > 0)
    return float(TIMES[int(np.argmax(share))]), float(share.max())


def _shown(source: TwoSided, target: TwoSided, time: float | None) -> str:
    """Both curves: as functions of r where they are known, and at one time."""
    curves = [f"{clipped(part.curve)}" for part in (source, target) if part.curve is not None]
    if len(curves) == 2:
        return f"with r = beta/alpha, gamma/alpha is {curves[0]} on the curve of the first and {curves[1]} on the other"
    if time is None:
        return f"their curves differ: gamma is {clipped(source.gamma)} and {clipped(target.gamma)}"
    alpha, beta, gamma = (float(part) for part in target.at(time))
    (tau, *_) = convert(source.schedule, target.schedule).at(time)
    own_alpha, _, own_gamma = (float(part) for part in source.at(float(tau)))
    return (
        f"where beta/alpha = {beta / alpha:.6g}, gamma/alpha is {own_gamma / own_alpha:.6g} on the curve of the first"
        f" and {gamma / alpha:.6g} on the other"
    )
