"""The formulas of the page, derived: each schedule in its own time, each clock, and what all of them share.

A schedule of the page is a function of its own time t, of κ and of ρ.  The lazy family is split where its formulas or
their limits change: κ = 0, below 1, 1, above 1.  A clock φ is a change of time, under which ε* and the slope of the
drift are multiplied by φ̇ (theory C5); their limits are taken of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from symsched import catalog, lazy
from symsched.errors import InputError
from symsched.exact import limit_at, neat, shortest
from symsched.inversion import closed_inverse
from symsched.precision import cached_property
from symsched.schedule import Schedule
from symsched.sde.equation import tidy
from symsched.symbols import kappa, rho, t

NAMES = ("linear", "vp", "ddpm", "follmer", "lazy")
ANGLE = sp.sin(sp.pi * t / 2)
CLOCKS = {"own": t, "angle": ANGLE, "square": t**2, "smooth": ANGLE**2}
#: The lazy family is derived at each of these; `below` and `above` keep κ as a symbol, with limits from `SAMPLES`.
REGIMES = {"zero": sp.Integer(0), "below": kappa, "one": sp.Integer(1), "above": kappa}
SAMPLES = {"below": (sp.Rational(1, 3), sp.Rational(3, 4)), "above": (sp.Rational(3, 2), sp.Integer(4))}
QUANTITIES = ("alpha", "beta", "eps_star", "slope")
shift = sp.Symbol("shift", positive=True)
#: The timestep shift s of flow models, σ' = sσ/(1 + (s − 1)σ) with σ = 1 − t (theory C13), in t.
SHIFT = sp.cancel(1 - shift * (1 - t) / (1 + (shift - 1) * (1 - t)))


@dataclass(frozen=True)
class PageEntry:
    """A schedule of the page in one regime of κ ("any" where its formulas do not depend on it)."""

    name: str
    regime: str = "any"

    @cached_property
    def schedule(self) -> Schedule:
        """(α, β) in its own time, κ and ρ."""
        if self.name != "lazy":
            return catalog.from_text(self.name)
        clock = t ** ((1 + kappa) / (2 * kappa)) if self.regime == "below" else t
        square = lazy.family().alpha_squared.subs({kappa: REGIMES[self.regime], t: clock}, simultaneous=True)
        factors = sp.Mul.make_args(sp.factor_terms(tidy_powers(sp.expand(square))))
        return Schedule(sp.sqrt(sp.Mul(*factors)), clock, name="lazy")

    @property
    def kappa(self) -> sp.Expr:
        """κ as this regime knows it."""
        return REGIMES.get(self.regime, kappa)

    @cached_property
    def variance(self) -> sp.Expr:
        """V = α² + ρ²β²."""
        return short(self.schedule.variance(rho))

    @cached_property
    def growth(self) -> sp.Expr:
        """V̇/(2V), the slope of the drift of the ODE on Gaussian data (theory C8)."""
        return short(self.variance.diff(t) / (2 * self.variance))

    @cached_property
    def forms(self) -> dict[str, sp.Expr]:
        """`QUANTITIES`, where slope is g of the drift g x on Gaussian data, (V̇/2 − κ ε*)/V."""
        eps_star = short(self.schedule.eps_star)
        slope = tidy(self.growth - self.kappa * eps_star / self.variance)
        return dict(zip(QUANTITIES, (self.schedule.alpha, self.schedule.beta, eps_star, slope), strict=True))

    @cached_property
    def inverse(self) -> sp.Expr:
        """The own time at which β/α = R; proved by `closed_inverse`."""
        found = closed_inverse(self.schedule)
        if found is None:
            raise InputError(f"{self.name}: the page needs a closed inverse of r")
        return tidy_powers(found)

    def clock(self, name: str) -> sp.Expr:
        """φ; the lazy schedule of κ = 0 keeps even angles for its own."""
        return ANGLE if (self.regime, name) == ("zero", "own") else CLOCKS[name]

    def timed(self, form: sp.Expr, clock: str) -> sp.Expr:
        """A function of own time, at the time of the clock."""
        return form.subs(t, self.clock(clock))

    def ends(self, clock: str, end: int) -> dict[str, sp.Expr]:
        """Exact limits of `QUANTITIES` in that clock at t = 0 or 1, by κ and ρ."""
        pace = self.clock(clock).diff(t)
        own = {name: self._end(self.timed(self.forms[name], clock), end) for name in ("alpha", "beta")}
        eps_star = self._end(self.timed(self.forms["eps_star"], clock) * pace, end)
        return {**own, "eps_star": eps_star, "slope": self._slope_end(clock, end)}

    def _slope_end(self, clock: str, end: int) -> sp.Expr:
        """By κ: affine where both parts are finite; else κ = 0 and κ = 1 stand out, where infinities may cancel."""
        if self.forms["slope"] == 0:
            return sp.S.Zero
        pace = self.clock(clock).diff(t)
        calm = self._end(self.timed(self.growth, clock) * pace, end)
        noisy = self._end(self.timed(self.forms["eps_star"] / self.variance, clock) * pace, end)
        if calm.is_finite is not False and noisy.is_finite is not False:
            return calm - kappa * noisy
        whole = self.timed(self.forms["slope"], clock) * pace
        special = [
            (limit_at(tidy_powers(tidy(whole.subs(kappa, value))), end), sp.Eq(kappa, value)) for value in (0, 1)
        ]
        return sp.Piecewise(*special, (sp.nan if calm == sp.oo else -sp.oo, True))

    def _end(self, form: sp.Expr, end: int) -> sp.Expr:
        if not form.has(kappa):
            return limit_at(form, end)
        found = {limit_at(form.subs(kappa, value), end) for value in SAMPLES[self.regime]}
        return found.pop() if len(found) == 1 else short(form.subs(t, end))  # continuous there: a function of κ


@cache
def entries() -> tuple[PageEntry, ...]:
    """Every schedule of the page in every regime."""
    return tuple(PageEntry(name, regime) for name in NAMES for regime in (REGIMES if name == "lazy" else ("any",)))


@cache
def clock_inverse(clock: sp.Expr) -> sp.Expr:
    """t with φ(t) = `y`, on (0, 1)."""
    y = sp.Symbol("y", positive=True)
    found = [s for s in sp.solve(sp.Eq(clock, y), t) if abs(s.subs(y, clock.subs(t, 0.3)).evalf() - 0.3) < 1e-9]
    return found[0]


def tidy_powers(expr: sp.Expr) -> sp.Expr:
    """Powers of powers joined, and exponents cancelled."""
    joined = sp.powdenest(expr, force=True)
    return joined.replace(lambda e: e.is_Pow and e.exp.has(kappa), lambda e: e.base ** sp.factor(sp.cancel(e.exp)))


def short(expr: sp.Expr) -> sp.Expr:
    """The shortest of a few equal forms."""
    reduced = tidy_powers(tidy(expr))
    return shortest(tidy_powers(neat(reduced)), sp.powsimp(reduced), reduced)
