"""C7.  ε* is time reversal.

Run time from data to noise, u = 1 − t.  There is one linear SDE whose marginals are those of the interpolant for every
data law: given X = ξ the law must be N(βξ, α²), and the mean and the variance of dY = f Y du + √(2g) dB then force

    f = −β̇/β,      g = ε* = α²β̇/β − αα̇        (taken at t = 1 − u).

Anderson's reversal of an SDE with drift a and diffusion g has drift −a + 2g ∂log p and the same diffusion; here that is

    (β̇/β) x + 2ε* s = b + ε* s,

the interpolant's SDE with ε = ε*.  With another scale the reversal has the forward drift −(β̇/β) x + (ε − ε*) s, linear
for some data laws (Gaussian ones) but not for all.  For a variance-preserving schedule ε* = β̇/β.

From the same linear algebra comes the family of samplers.  With η_X frozen, x − βη_X is an Ornstein–Uhlenbeck process
that keeps the share (α′/α)(r/r′)^κ over a step and gains the variance α′²(1 − (r/r′)^(2κ)): κ = 0 is DDIM, and κ = 1 is
DDPM's ancestral step, whose variance is that of the forward posterior.

Source: Anderson, Stoch. Proc. Appl. 12 (1982) 313; Song et al., arXiv:2011.13456; Song et al., DDIM, arXiv:2010.02502.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, eps, kappa, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C7",
    title="ε* is time reversal",
    statement="The reversal of the linear SDE with the marginals of I_t is the interpolant's SDE with ε = ε*, and no "
    "other scale reverses a linear SDE for every data law; α² + β² = 1 gives ε* = β̇/β. DDPM's ancestral step is κ = 1, "
    "DDIM is κ = 0.",
    hypotheses=("α, β > 0 and C¹ on (0, 1)",),
    assumptions=("Anderson's theorem: duality of the generators with respect to p makes the reversed path law",),
    source="doi:10.1016/0304-4149(82)90051-5",
)

source = ss.Schedule(alpha, beta)
xi = sp.Symbol("xi", real=True)

# -- the forward SDE ----------------------------------------------------------------------------------------------


@theorem.step("The moments force f = −β̇/β and g = ε*")
def forward_coefficients(diffusion=source.eps_star):
    # d/du = −d/dt:  mean′ = f mean and variance′ = 2f variance + 2g, for the mean βξ and the variance α².
    f, g = sp.symbols("f g", real=True)
    mean, variance = beta * xi, alpha**2
    equations = (-mean.diff(t) - f * mean, -variance.diff(t) - 2 * f * variance - 2 * g)
    (found,) = sp.solve(equations, [f, g], dict=True)
    return {"f": found[f] + beta.diff(t) / beta, "g": found[g] - diffusion}


noise = (x - beta * xi) / alpha
kernel = sp.exp(-(noise**2) / 2) / (sp.sqrt(2 * sp.pi) * alpha)
f, g = -beta.diff(t) / beta, source.eps_star


@theorem.step("Its Fokker–Planck equation, from data to noise, is solved by the kernel of every data point")
def forward_equation(diffusion=g):
    return -kernel.diff(t) + (f * x * kernel).diff(x) - (diffusion * kernel).diff(x, 2)


theorem.sabotage(forward_coefficients, "half the diffusion", diffusion=source.eps_star / 2)
theorem.sabotage(forward_equation, "α and β exchanged in ε*", diffusion=ss.Schedule(beta, alpha).eps_star)

# -- the reversal -------------------------------------------------------------------------------------------------

p, test, a = (sp.Function(name, real=True, positive=(name == "p") or None)(x) for name in ("p", "phi", "a"))
rate = sp.Symbol("g", positive=True)


@theorem.step("Duality: L†(pφ) = φ L†p + p L̃φ with L̃ = (−a + 2g ∂log p)∂ + g∂²; so L̃ runs the paths of L backwards")
def duality(correction=2 * rate):
    def forward(density):  # L†, the forward equation's operator
        return -(a * density).diff(x) + rate * density.diff(x, 2)

    reversed_drift = -a + correction * sp.log(p).diff(x)
    generator = reversed_drift * test.diff(x) + rate * test.diff(x, 2)
    return forward(p * test) - test * forward(p) - p * generator


s = sp.Symbol("s", real=True)  # the score at one point
eta_x = (x + alpha**2 * s) / beta  # from s = (βη_X − x)/α²
drift = alpha.diff(t) * (-alpha * s) + beta.diff(t) * eta_x + eps * s  # η_Z = −αs


@theorem.step("The reversal of the linear SDE, −f x + 2g s, is the interpolant's drift with ε = ε*")
def reversal_is_optimal(scale=source.eps_star):
    return -f * x + 2 * g * s - drift.subs(eps, scale)


@theorem.step("With any scale the forward drift is −(β̇/β)x + (ε − ε*)s: linear for every data law only at ε*")
def no_other(excess=eps - source.eps_star):
    forward_drift = -drift + 2 * eps * s
    return {"forward drift": forward_drift - (f * x + excess * s), "at ε*": excess.subs(eps, source.eps_star)}


theorem.sabotage(duality, "g for 2g", correction=rate)
theorem.sabotage(reversal_is_optimal, "2ε*", scale=2 * source.eps_star)
theorem.sabotage(no_other, "ε + ε*", excess=eps + source.eps_star)


@theorem.step("Variance preserving: α² = 1 − β² gives ε* = β̇/β")
def variance_preserving(noise=sp.sqrt(1 - beta**2)):
    rate = ss.Schedule(noise, beta).eps_star - beta.diff(t) / beta
    return {"ε*": rate, "preserved": noise**2 + beta**2 - 1, "α ≥ 0": sp.sqrt(noise**2) - noise}


theorem.sabotage(variance_preserving, "α = 1 − β, which preserves nothing", noise=1 - beta)

# -- the samplers -------------------------------------------------------------------------------------------------

start = sp.Symbol("s0", positive=True)
alpha0, beta0 = alpha.subs(t, start), beta.subs(t, start)
kept_ratio = (beta0 / alpha0) / (beta / alpha)  # r/r′ < 1


@theorem.step("With η_X frozen: the share (α′/α)(r/r′)^κ is kept and the variance α′²(1 − (r/r′)^(2κ)) gained")
def frozen_step(power=kappa):
    # d(x − βη_X) = A (x − βη_X) dt + √(2κε*) dW with A the coefficient of x in the drift.
    A = alpha.diff(t) / alpha - kappa * source.eps_star / alpha**2
    share = alpha / alpha0 * kept_ratio**power
    gained = alpha**2 * (1 - kept_ratio ** (2 * power))
    return {
        "share": share.diff(t) - A * share,
        "share at the start": share.subs(t, start) - 1,
        "variance": gained.diff(t) - 2 * A * gained - 2 * kappa * source.eps_star,
        "variance at the start": gained.subs(t, start),
    }


@theorem.step("κ = 1: that variance, and that share, are those of DDPM's posterior given X")
def ancestral(power=1):
    # Given X = ξ, forward from t to the noisier s0: Y = (β₀/β) I_t + independent noise, so Cov(I_t, Y) = (β₀/β) α².
    covariance = beta0 / beta * alpha**2
    posterior = alpha**2 - covariance**2 / alpha0**2
    share = covariance / alpha0**2
    return {
        "variance": alpha**2 * (1 - kept_ratio ** (2 * power)) - posterior,
        "share": alpha / alpha0 * kept_ratio**power - share,
    }


@theorem.step("κ = 0: nothing is gained and the noise prediction is rescaled, x′ = β′η_X + α′η_Z: DDIM")
def deterministic(power=0):
    eta = sp.Symbol("eta_X", real=True)
    moved = beta * eta + alpha / alpha0 * kept_ratio**power * (x - beta0 * eta)
    noise_prediction = (x - beta0 * eta) / alpha0
    return moved - (beta * eta + alpha * noise_prediction)


theorem.sabotage(frozen_step, "κ doubled", power=2 * kappa)
theorem.sabotage(ancestral, "κ = 2", power=2)
theorem.sabotage(deterministic, "κ = 1", power=1)

# -- the catalogue ------------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def preserving():
    """Variance-preserving schedules."""
    return catalogue.vp(), catalogue.linear_vp(), catalogue.ddpm(), catalogue.cosine(), catalogue.geometric(3)


@theorem.step("Catalogue: ε* = β̇/β for the variance-preserving schedules")
def catalogue_preserving(power=1):
    return {str(one): one.eps_star - one.beta_dot / one.beta**power for one in preserving()}


@theorem.step("DDPM: ε* is half the noise rate b(s) = b₀ + s(b₁ − b₀) of dY = −½bY ds + √b dB, for all b₀, b₁")
def ddpm_rate(half=sp.S.Half):
    b0, b1 = sp.symbols("b0 b1", positive=True)
    return catalogue.ddpm(b0, b1).eps_star - half * (b0 + (1 - t) * (b1 - b0))


@theorem.values("Reference numbers: DDPM's ε*(1/2) = 5.025, the trigonometric ε*(1/4) = (π/2) cot(π/8)")
def reference(factor=1):
    yield "DDPM", factor * catalogue.ddpm().eps_star.subs(t, sp.Rational(1, 2)), sp.Rational(201, 40)
    trigonometric = sp.pi / 2 * sp.cot(sp.pi / 8)
    yield "vp", factor * catalogue.vp().eps_star.subs(t, sp.Rational(1, 4)), trigonometric


@theorem.interval("The forward SDE contracts and diffuses: −f > 0 and g = ε* > 0")
def forward_signs(sign=1):
    for one in preserving():
        yield f"−f of {one}", sign * one.beta_dot / one.beta, "positive"
        yield f"g of {one}", sign * one.eps_star, "positive"


theorem.sabotage(catalogue_preserving, "β̇/β²", power=2)
theorem.sabotage(ddpm_rate, "the whole rate", half=1)
theorem.sabotage(reference, "factor 2", factor=2)
theorem.sabotage(forward_signs, "wrong sign", sign=-1)

# -- paths --------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # of each Monte Carlo check: the probability that it rejects a true claim
TIMES = (sp.Rational(1, 4), sp.Rational(3, 4))
STD = sp.Rational(1, 2)


def moments(schedule):
    """The forward SDE's exact Cov(I_s, I_t) = (β_s/β_t) V_t, V_s and V_t at TIMES: noise is added to I_t, s < t."""
    (b_s, V_s), (b_t, V_t) = ((schedule.beta.subs(t, u), schedule.variance(STD).subs(t, u)) for u in TIMES)
    return float(b_s / b_t * V_t), float(V_s), float(V_t)


def linear_run(slope, scale, law, size, seed, times):
    """Pairs of states at two times of dX = slope X dt + √(2 scale) dW: exact transitions, no discretisation bias."""
    import numpy as np

    grid = np.linspace(float(times[0]), float(times[1]), 9)
    sde = ss.Diffusion(slope * x, scale, law)
    save = [grid[0], grid[-1]]
    return ss.simulate(sde, size, scheme="exponential", grid=grid, save=save, seed=seed, keep_paths=size).paths


def regression_p_value(pairs, law):
    """p-value of a joint Gaussian law: X_t less its regression on X_s is Gaussian, and independent of X_s."""
    cov, V_s, V_t = law
    rest = pairs[1] - cov / V_s * pairs[0]
    own_law = ss.verdicts.sample_gaussian_p_value(rest, 0, V_t - cov**2 / V_s)
    return ss.verdicts.combine([own_law, ss.verdicts.correlation_p_value(rest, pairs[0])])


@theorem.monte_carlo("The interpolant's SDE with ε* has the two-time covariance of the forward SDE")
def same_paths(setting, multiple=1):
    schedule = catalogue.linear_vp()
    law, points = moments(schedule), Record()
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, STD), kappa=multiple)

    def test(size, seed):
        pairs = linear_run(sde.affine[0], sde.eps, ss.Gaussian(0, law[1] ** 0.5), size, seed, TIMES)
        points.mean("Cov(X_s, X_t)", pairs[0] * pairs[1], law[0])  # both have mean 0
        points.variance("Var X_t", pairs[1], law[2])
        return regression_p_value(pairs, law)

    size = setting.size(PATHS)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    # With κ = 2 the correlation is squared; what is left of X_t is then correlated with X_s.
    cov, V_s, V_t = law
    shift = cov**2 / (V_s * V_t) ** 0.5 - cov
    seen = shift / (V_s * (V_t - cov**2 / V_s + shift**2 / V_s)) ** 0.5
    power = ss.verdicts.correlation_power(seen, size, LEVEL / 2)
    measured = f"paths reversed: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, power, points.points)


MIXTURE = ss.GaussianMixture([0.25, 0.75], [-1, 1], [0.5, 0.5])


@theorem.monte_carlo("The forward SDE, started from a mixture, has the marginals of the interpolant")
def forward_marginals(setting, multiple=1):
    import numpy as np
    from scipy import stats

    schedule, ends = catalogue.ddpm(), (0, sp.Rational(1, 2))
    slope, scale = (part.subs(t, 1 - t) for part in (-schedule.beta_dot / schedule.beta, schedule.eps_star))
    a, b = (float(part.subs(t, 1 - ends[1])) for part in (schedule.alpha, schedule.beta))

    def cdf(points, noise=1):
        parts = zip(MIXTURE.weights, MIXTURE.means, MIXTURE.stds, strict=True)
        return sum(
            float(w) * stats.norm.cdf(points, b * float(m), (noise * a**2 + (b * float(d)) ** 2) ** 0.5)
            for w, m, d in parts
        )

    def test(size, seed):
        return ss.verdicts.sample_ks_p_value(linear_run(slope, multiple * scale, MIXTURE, size, seed, ends)[1], cdf)

    size = setting.size(PATHS)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    # The SDE is linear: m times the diffusion brings m times the noise, so the twins' laws are known.
    places = np.linspace(-5, 5, 1001)
    apart = min(abs(cdf(places, noise) - cdf(places)).max() for noise in (0.5, 2))
    power = ss.verdicts.ks_power(apart, size, LEVEL)
    return Evidence(decision.accepted, f"forward marginals: p = {decision.p_values[-1]:.2g}", LEVEL, power)


theorem.sabotage(same_paths, "2ε*, which has the same marginals", multiple=2)
theorem.sabotage(forward_marginals, "twice the diffusion", multiple=2)
theorem.sabotage(forward_marginals, "half the diffusion", multiple=sp.S.Half)
