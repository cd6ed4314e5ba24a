"""What one step of a scheme does: the weights of the state, of the data prediction or a constant, and of the noise.

- explicit   the drift b = A x + B η_X held at t:  x' = x + h b + √q z.  Euler-Maruyama has q = 2εh; the lazy scheme the
             exact variance q = ∫2ε dt, so that one step has the right law where the drift vanishes (C11).
- trapezoid  explicit, corrected by the drift at its end (Heun).
- held       only η_X held, everything else exact:  x' = β' η_X + α' (E η_Z + √(1 − E²) z), E = exp(−∫ ε/α² dt).
             With ε = κ ε* that is E = (r/r')^κ: κ = 0 is DDIM (Song et al., arXiv:2010.02502), κ = 1 DDPM's ancestral
             step (Ho et al., arXiv:2006.11239), all κ the first-order SDE-DPM-Solver++ (Lu et al., arXiv:2211.01095).

The exact transition for Gaussian data has the last form too: of the deviation from β m, with √V in the place of α.
A dash (') is what is taken at the end of the step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from sympy import (
    Dummy,
    Expr,
    Function,
    S,
    cancel,
    dsolve,
    exp,
    factor_terms,
    lambdify,
    log,
    powsimp,
    simplify,
    sqrt,
)
from sympy.codegen.cfunctions import expm1

from symsched.errors import UndecidedError
from symsched.steps import identities
from symsched.steps.identities import JETS
from symsched.symbols import kappa, x

h, ratio = Dummy("h"), Dummy("ratio", positive=True)  # the length of a step, and r/r'
drift, drift_next, rest, rest_next = (Dummy(name, real=True) for name in ("A", "A'", "B", "B'"))  # of b = A x + B
width = Dummy("u", nonnegative=True)  # of the noise: its standard deviation √q
alpha, beta, alpha_next, beta_next = (Dummy(name, positive=True) for name in ("a", "b", "a'", "b'"))
kept, fresh = Dummy("E", nonnegative=True), Dummy("F", nonnegative=True)
data, noise, z = Dummy("eta_x", real=True), Dummy("eta_z", real=True), Dummy("z", real=True)
growth = Dummy("l", positive=True)  # of log r over the step


class Weights(NamedTuple):
    """x' = state · x + data · η_X + noise · z, with z standard normal."""

    state: Expr
    data: Expr
    noise: Expr

    def put(self, **values: Expr) -> Weights:
        """With letters of this module replaced by their names here, all at once."""
        table = {globals()[name]: value for name, value in values.items()}
        return Weights(*(form.subs(table, simultaneous=True) for form in self))


EXPLICIT = x + h * (drift * x + rest) + width * z
TRAPEZOID = x + h / 2 * (drift * x + rest + drift_next * EXPLICIT + rest_next) + width * z
HELD = beta_next * data + alpha_next * (kept * noise + sqrt(fresh) * z)


@cache
def explicit() -> Weights:
    """The step with the drift held at its start, in A, B and √q; also of a drift with a constant B."""
    return _weights(EXPLICIT, S.One)


@cache
def trapezoid() -> Weights:
    """Heun's step of an affine drift: x + h/2 (b(t, x) + b(t', x̂)) + √q z with x̂ the explicit step; B is a constant."""
    return _weights(TRAPEZOID, S.One)


def _weights(step: Expr, of: Expr) -> Weights:
    """The coefficients of x, of the data prediction (or of nothing), and of z."""
    whole = step.expand()
    constant = whole.subs({x: 0, z: 0}, simultaneous=True) if of == 1 else whole.coeff(of)
    return Weights(whole.coeff(x), constant, whole.coeff(z))


@cache
def retained() -> tuple[Expr, Expr]:
    """(E, 1 − E²) for ε = κ ε*, in κ and `ratio` = r/r'.

    y = x − β p obeys dy = A y dt + √(2ε) dW, for B = β̇ − A β; so y/α has decay rate (A − α̇/α)/λ and noise 2ε/(α² λ)
    per unit of log r, both constant for ε = κ α² λ.
    """
    pace = JETS.beta_dot / JETS.beta - JETS.alpha_dot / JETS.alpha
    a, b = (JETS.put(form, eps=kappa * JETS.alpha**2 * pace) for form in identities.drift("data"))
    if cancel(b - JETS.beta_dot + a * JETS.beta) != 0:
        raise UndecidedError("x - beta p does not obey an equation of its own")
    decay = cancel((a - JETS.alpha_dot / JETS.alpha) / pace)
    mean, variance = Function("m")(growth), Function("v")(growth)
    solved = dsolve(mean.diff() - decay * mean, mean, ics={mean.subs(growth, 0): 1})
    gained = dsolve(variance.diff() - 2 * decay * variance - 2 * kappa, variance, ics={variance.subs(growth, 0): 0})
    found = (simplify(e.rhs.subs(growth, -log(ratio))) for e in (solved, gained))
    return next(found), next(found)


@cache
def held() -> Weights:
    """The step with η_X held, in α, β, α', β', E and 1 − E²."""
    by_state, by_data = (JETS.put(form, alpha=alpha, beta=beta) for form in identities.means("noise", "data"))
    return _weights(HELD.subs(noise, by_state * x + by_data * data), data)


@cache
def held_in_log_r() -> Weights:
    """The same for ε = κ ε*, in α, α', β', κ and `growth` = log r'/r: no difference of near numbers is left."""
    stays, comes = (form.subs(ratio, exp(-growth)) for form in retained())
    own = {kept: stays, fresh: comes, beta: beta_next * alpha / alpha_next * exp(-growth)}
    forms = (form.subs(own, simultaneous=True) for form in held())
    return Weights(*(_without_differences(form) for form in forms))


def _without_differences(form: Expr) -> Expr:
    """1 − e^u as −expm1(u)."""
    short = factor_terms(powsimp(form))
    return short.replace(lambda e: e.is_Add and isinstance(1 - e, exp), lambda e: -expm1((1 - e).exp))


def evaluated(step: Callable[[], Weights | Expr], *letters: Expr) -> Callable[..., Any]:
    """A step for numbers or arrays in the place of these letters."""

    @cache  # derived and written at the first call: an import waits for neither SymPy's printer nor all of NumPy
    def compiled() -> Callable[..., Any]:
        return lambdify(letters, step(), "numpy")

    return lambda *values: compiled()(*values)


explicit_at = evaluated(explicit, h, drift, rest, width)
trapezoid_at = evaluated(trapezoid, h, drift, drift_next, rest, rest_next, width)
held_at = evaluated(held, alpha, beta, alpha_next, beta_next, kept, fresh)

__all__ = [
    "HELD",
    "Weights",
    "evaluated",
    "explicit",
    "explicit_at",
    "held",
    "held_at",
    "held_in_log_r",
    "retained",
    "trapezoid",
    "trapezoid_at",
]
