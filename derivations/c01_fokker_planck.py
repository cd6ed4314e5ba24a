"""C1.  Fokker–Planck consistency: every diffusion scale has the same marginals.

Let I_t = α_t Z + β_t X with Z ~ N(0, 1) independent of X, let b be its velocity and s its score.  For every scale
ε_t ≥ 0 the SDE

    dX = (b + ε s)(t, X) dt + √(2ε) dW

has the law of I_t as its marginals.  The proof works on the kernel of one data point: given X = ξ, I_t is Gaussian
with density g(t, x; ξ), and p, b p and s p are the averages over ξ of g, (α̇ z + β̇ ξ) g and −(z/α) g, where
z = (x − βξ)/α is the noise that leads to x.  Whatever is linear in these holds for the average once it holds for
every ξ.

Source: Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.symbols import alpha, beta, eps, mean, rho, t, x
from symsched.theorem import Theorem

theorem = Theorem(
    name="C1",
    title="Fokker–Planck consistency",
    statement="dX = (b + εs) dt + √(2ε) dW has the marginals of I_t for every ε ≥ 0; "
    "b + εs = (β̇/β)x + (ε* + ε)s = Ax + Bη_X, ε* = α²β̇/β − αα̇.",
    hypotheses=("α, β > 0 and C¹ on (0, 1)", "ε ≥ 0 continuous"),
    assumptions=(
        "differentiation under the integral over the data",
        "the Fokker–Planck equation determines the law of the SDE (uniqueness)",
    ),
    source="arXiv:2303.08797",
)

xi = sp.Symbol("xi", real=True)
noise = (x - beta * xi) / alpha
kernel = sp.exp(-(noise**2) / 2) / (sp.sqrt(2 * sp.pi) * alpha)
velocity = alpha.diff(t) * noise + beta.diff(t) * xi
score = -noise / alpha


@theorem.step("The score of the kernel is −z/α")
def score_of_kernel(score=score):
    return kernel.diff(x) - score * kernel


@theorem.step("Continuity: the velocity α̇ z + β̇ ξ transports the kernel")
def continuity(velocity=velocity):
    return kernel.diff(t) + (velocity * kernel).diff(x)


@theorem.step("Fokker–Planck: adding ε times the score to the drift pays for the diffusion ε")
def fokker_planck(extra=eps * score):
    return kernel.diff(t) + ((velocity + extra) * kernel).diff(x) - (eps * kernel).diff(x, 2)


# The mean fields at one point (t, x), as free numbers: everything below is algebra in them.
eta_x = sp.Symbol("eta_X", real=True)
eta_z = (x - beta * eta_x) / alpha  # from α η_Z + β η_X = x
s = -eta_z / alpha
drift = alpha.diff(t) * eta_z + beta.diff(t) * eta_x + eps * s
schedule = ss.Schedule(alpha, beta)


@theorem.step("The drift is (β̇/β) x + (ε* + ε) s")
def drift_by_score(eps_star=schedule.eps_star):
    return beta.diff(t) / beta * x + (eps_star + eps) * s - drift


@theorem.step("ε* = α² d/dt log r")
def eps_star_by_ratio(rate=sp.log(beta / alpha).diff(t)):
    return alpha**2 * rate - schedule.eps_star


@theorem.step("Free of 1/β, the drift is A x + B η_X")
def drift_by_data(
    A=alpha.diff(t) / alpha - eps / alpha**2,
    B=beta.diff(t) - beta * alpha.diff(t) / alpha + eps * beta / alpha**2,
):
    return A * x + B * eta_x - drift


theorem.sabotage(score_of_kernel, "wrong sign of the score", score=-score)
theorem.sabotage(continuity, "α̇ and β̇ exchanged", velocity=beta.diff(t) * noise + alpha.diff(t) * xi)
theorem.sabotage(fokker_planck, "half of the correction", extra=eps * score / 2)
theorem.sabotage(drift_by_score, "ε* doubled", eps_star=2 * schedule.eps_star)
theorem.sabotage(eps_star_by_ratio, "d log r² for d log r", rate=sp.log(beta**2 / alpha**2).diff(t))
theorem.sabotage(
    drift_by_data, "ε/α for ε/α²", A=alpha.diff(t) / alpha - eps / alpha, B=beta.diff(t) - beta * alpha.diff(t) / alpha
)

# -- the catalogue ------------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def schedules():
    """Straight, radical, trigonometric, exponential, a point mass, and one that nobody has named."""
    return (
        catalogue.linear(),
        catalogue.linear_vp(),
        catalogue.vp(),
        catalogue.follmer(),
        catalogue.ddpm(),
        ss.Schedule("(1 - t)*exp(-t)", "log(1 + t)/log(2)"),
    )


def defect(log_density, drift, scale):
    """(∂p + ∂(b p) − ε ∂²p)/p, written in log p."""
    slope = log_density.diff(x)
    return log_density.diff(t) + drift.diff(x) + drift * slope - scale * (slope.diff(x) + slope**2)


@theorem.step("Catalogue: the drift that the library assembles solves the equation for Gaussian data N(m, ρ²)")
def catalogue_drifts(scale=eps):
    data, residuals = ss.Gaussian(mean, rho), {}
    for one in schedules():
        drift = ss.InterpolantSDE(one, data, eps=eps).drift
        residuals[str(one)] = defect(data.log_density(one), drift, scale)
    return residuals


@theorem.values("ε* at t = 1/4: 3 for linear, 1/2 for Föllmer, (π/2) cot(π/8) for trigonometric")
def reference(factor=1):
    linear, _, trigonometric, follmer, *_ = schedules()
    for one, expected in ((linear, 3), (follmer, sp.S.Half), (trigonometric, sp.pi / 2 * sp.cot(sp.pi / 8))):
        yield str(one), factor * one.eps_star.subs(t, sp.Rational(1, 4)), expected


@theorem.interval("ε* > 0: r increases strictly, and (ε* + ε)s is never without its score")
def increasing(sign=1):
    for one in schedules():
        yield str(one), sign * one.eps_star, "positive"


theorem.sabotage(catalogue_drifts, "a diffusion of 2ε", scale=2 * eps)
theorem.sabotage(reference, "factor 2", factor=2)
theorem.sabotage(increasing, "wrong sign", sign=-1)
