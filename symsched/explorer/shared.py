"""What every schedule of the page shares: levels, frames, data laws and steps, as formulas in its α and β.

The letters a and b are α and β at one time, a2 and b2 at a later one.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from symsched.catalog import vp
from symsched.data import DataLaw, Gaussian, GaussianMixture
from symsched.explorer.entries import SHIFT, shift
from symsched.inversion import R, closed_inverse
from symsched.schedule import Schedule
from symsched.sde.equation import beta_rate, drift_forms, rate
from symsched.steps import laws
from symsched.steps.identities import JETS, means
from symsched.symbols import alpha, beta, kappa, rho, t, x

a, b, a2, b2 = (sp.Symbol(name, positive=True) for name in ("a", "b", "a2", "b2"))
eta, noise, h = sp.Symbol("eta", real=True), sp.Symbol("noise", real=True), sp.Symbol("h", positive=True)
eps, variance = sp.Symbol("eps", nonnegative=True), sp.Symbol("variance", positive=True)
earlier, later = (sp.Symbol(name, positive=True) for name in ("earlier", "later"))  # frames of source and target
slope, pace, clock_pace = sp.symbols("slope pace clock_pace", real=True)

#: Two modes of total standard deviation ρ: 12² + 5² = 13².
MODES = (sp.Rational(12, 13), sp.Rational(5, 13))
LAWS: dict[str, DataLaw] = {
    "one": Gaussian(0, rho),
    "two": GaussianMixture([sp.S.Half, sp.S.Half], [-MODES[0] * rho, MODES[0] * rho], [MODES[1] * rho] * 2),
}
_generic = Schedule(alpha, beta)


def _plain(form: sp.Expr) -> sp.Expr:
    return form.subs({alpha: a, beta: b}, simultaneous=True)


@cache
def frame() -> sp.Expr:
    """c of the conversion from `vp` to any schedule, in its α and β (theory C2): α/α_vp(τ) with τ = r⁻¹(β/α)."""
    base = vp()
    inverse = closed_inverse(base)
    assert inverse is not None, "the ratio of vp is a tangent"
    return sp.simplify(a / base.alpha.subs(t, inverse.subs(R, b / a)))


@cache
def ancestral() -> tuple[sp.Expr, sp.Expr]:
    """(mean, deviation) of the exponential step from (a, b) to (a2, b2): exact if η_X stood still."""
    stays, comes = (form.subs(laws.ratio, b * a2 / (a * b2)) for form in laws.retained())
    own = {laws.alpha_next: a2, laws.beta_next: b2, laws.kept: stays, laws.fresh: comes, laws.data: eta}
    by_state, by_data = (JETS.put(form, alpha=a, beta=b) for form in means("noise", "data"))
    step = laws.HELD.subs({**own, laws.noise: sp.factor(by_state * x + by_data * eta)}, simultaneous=True)
    return step.subs(laws.z, 0), step.diff(laws.z)


@cache
def ancestral_gaussian() -> tuple[sp.Expr, sp.Expr]:
    """(factor of x, variance of the noise) of that step on Gaussian data."""
    mean, deviation = ancestral()
    posterior = _plain(LAWS["one"].eta_x(_generic))
    return sp.factor(mean.subs(eta, posterior).diff(x)), deviation**2


def formulas() -> dict[str, tuple[tuple[sp.Symbol, ...], sp.Expr]]:
    """Name, arguments and formula of each function of the page that no schedule owns."""
    mean, deviation = ancestral()
    factor, spread = ancestral_gaussian()
    relative = variance / rho**2
    return {
        "shift": ((t, shift), SHIFT),
        "shift_inverse": ((t, shift), sp.factor(_shift_inverse())),
        "shift_rate": ((t, shift), sp.factor(SHIFT.diff(t))),
        "retime": ((slope, clock_pace, pace), slope * clock_pace * pace),
        "log_snr": ((a, b), _plain(_generic.log_snr)),
        "variance": ((a, b, rho), _plain(_generic.variance(rho))),
        "frame": ((a, b), frame()),
        "rescale": ((later, earlier), later / earlier),
        "scale": ((kappa, eps), kappa * eps),
        **{f"eta_{name}": ((x, a, b, rho), _plain(law.eta_x(_generic))) for name, law in LAWS.items()},
        "ancestral_mean": ((x, eta, a, b, a2, b2, kappa), mean),
        "ancestral_deviation": ((a, b, a2, b2, kappa), deviation),
        "ancestral_factor": ((a, b, a2, b2, rho, kappa), factor),
        "ancestral_spread": ((a, b, a2, b2, kappa), spread),
        "euler": ((variance, h, slope, eps), (1 + h * slope) ** 2 * variance + 2 * eps * h),
        "affine": ((variance, slope, eps), slope**2 * variance + eps),
        "w2": ((variance, rho), sp.Abs(sp.sqrt(variance) - rho)),
        "kl": ((variance, rho), (relative - 1 - sp.log(relative)) / 2),
        "density_one": ((x, rho), _density("one")),
        "density_two": ((x, rho), _density("two")),
    }


def _shift_inverse() -> sp.Expr:
    """t of the shifted time."""
    y = sp.Symbol("y", positive=True)
    return sp.solve(sp.Eq(SHIFT, y), t)[0].subs(y, t)


def _density(name: str) -> sp.Expr:
    """The density of a data law."""
    parts = [p.weight * sp.exp(-((x - p.mean) ** 2) / (2 * p.std**2)) / p.std for p in LAWS[name].components()]
    return sp.Add(*parts) / sp.sqrt(2 * sp.pi)


def drift_of_ancestral() -> tuple[sp.Expr, sp.Expr]:
    """d/dh of the mean step at h → 0, and the drift A x + B η_X it must equal; in the jets (a check, not a formula)."""
    mean, _ = ancestral()
    moved = mean.diff(a2) * JETS.alpha * rate + mean.diff(b2) * JETS.beta * beta_rate
    at = moved.subs({a2: a, b2: b}).subs({a: JETS.alpha, b: JETS.beta}, simultaneous=True)
    forms = drift_forms()
    scale = kappa * JETS.alpha**2 * (beta_rate - rate)
    return at, (forms.state * x + forms.data * eta).subs(JETS.eps, scale)
