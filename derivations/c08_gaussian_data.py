"""C8.  Gaussian data: every field in closed form, and the drift is linear.

Let X ~ N(m, ρ²) and I_t = α_t Z + β_t X, V = α² + ρ²β² its variance.  Then

    s = −(x − βm)/V,   η_X = m + ρ²β(x − βm)/V,   η_Z = α(x − βm)/V,
    b^ε = b + ε s = ((V̇/2 − ε)/V)(x − βm) + β̇ m.

Two derivations meet here.  (1) Conditioning: the joint density of (I_t, X) at (x, ξ) is the product of the noise
kernel and the prior; completing the square in ξ splits it into the posterior N(η_X, α²ρ²/V) of X and the marginal
N(βm, V) of I_t.  (2) Differentiation: the score is the derivative of the log of that marginal, and Tweedie's formula
η_Z = −α s, η_X = (x + α² s)/β gives the mean fields back.  The drift is then put together from the fields, and its
Fokker–Planck equation confirms that it transports N(βm, V).

α and β are undefined functions, so all of this holds for every schedule; catalogue schedules are put in afterwards.

Source: classical (conditioning of a joint Gaussian); Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797.
"""

import mpmath
import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.precision import digits
from symsched.symbols import alpha, beta, eps, kappa, rho, t, x
from symsched.symbols import mean as m
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C8",
    title="Gaussian data",
    statement="X ~ N(m, ρ²), V = α² + ρ²β²: s = −(x − βm)/V, η_X = m + ρ²β(x − βm)/V, η_Z = α(x − βm)/V, "
    "b^ε = ((V̇/2 − ε)/V)(x − βm) + β̇m.",
    hypotheses=("α, β > 0 and C¹ on (0, 1)", "X ~ N(m, ρ²), ρ > 0", "ε ≥ 0"),
    assumptions=("the velocity is α̇ η_Z + β̇ η_X (definition)",),
    source="arXiv:2303.08797",
)

variance = alpha**2 + rho**2 * beta**2
offset = x - beta * m  # what the state says beyond its mean
data_field = m + rho**2 * beta * offset / variance
noise_field = alpha * offset / variance
score_field = -offset / variance
drift_slope = (variance.diff(t) / 2 - eps) / variance


def log_normal(point, centre, spread):
    """log N(point; centre, spread)."""
    return -((point - centre) ** 2) / (2 * spread) - sp.log(2 * sp.pi * spread) / 2


# -- (1) by conditioning ---------------------------------------------------------------------------------------

xi = sp.Symbol("xi", real=True)
posterior_variance = alpha**2 * rho**2 / variance


@theorem.step("Completing the square: noise kernel × prior = posterior of X × marginal of I_t")
def conditioning(data=data_field, spread=posterior_variance):
    joint = log_normal(x, beta * xi, alpha**2) + log_normal(xi, m, rho**2)
    split = log_normal(xi, data, spread) + log_normal(x, beta * m, variance)
    return sp.expand_log(joint - split, force=True)  # log of a product of positive numbers


@theorem.step("α η_Z + β η_X = x gives the other mean field")
def noise_by_balance(noise=noise_field):
    return alpha * noise + beta * data_field - x


@theorem.step("The package's fields, from the matrix form of the same conditioning, agree")
def library_fields(data=data_field, noise=noise_field, score=score_field):
    law, schedule = ss.Gaussian(m, rho), ss.Schedule(alpha, beta)
    return {
        "η_X": law.eta_x(schedule) - data,
        "η_Z": law.eta_z(schedule) - noise,
        "s": law.score(schedule) - score,
    }


@theorem.step("The package's mean and variance of I_t are βm and V")
def library_moments(spread=variance):
    law, schedule = ss.Gaussian(m, rho), ss.Schedule(alpha, beta)
    found = {"law": law.moments(alpha, beta), "equation": ss.InterpolantSDE(schedule, law).marginal}
    means = {f"mean, {name}": mean - beta * m for name, (mean, _) in found.items()}
    return means | {f"V, {name}": own - spread for name, (_, own) in found.items()}


# -- (2) by differentiation ------------------------------------------------------------------------------------


@theorem.step("The score is the derivative of log N(βm, V)")
def score_by_derivative(score=score_field):
    return log_normal(x, beta * m, variance).diff(x) - score


@theorem.step("Tweedie: η_Z = −α s and η_X = (x + α² s)/β, the same fields as by conditioning")
def tweedie(weight=alpha**2):
    return {
        "η_X": (x + weight * score_field) / beta - data_field,
        "η_Z": -weight * score_field / alpha - noise_field,
    }


# -- the drift -------------------------------------------------------------------------------------------------


@theorem.step("Assembled from the fields, the drift is linear with slope (V̇/2 − ε)/V")
def drift(slope=drift_slope):
    assembled = alpha.diff(t) * noise_field + beta.diff(t) * data_field + eps * score_field
    return slope * offset + beta.diff(t) * m - assembled


@theorem.step("Fokker–Planck: with this drift, N(βm, V) solves ∂ₜp + ∂ₓ(b p) = ε ∂ₓ²p")
def transport(slope=drift_slope):
    log_p, b = log_normal(x, beta * m, variance), slope * offset + beta.diff(t) * m
    log_x = log_p.diff(x)  # everything divided by p > 0
    return log_p.diff(t) + b.diff(x) + b * log_x - eps * (log_p.diff(x, 2) + log_x**2)


catalogue = (ss.schedules.linear(), ss.schedules.vp(), ss.schedules.ddpm(), ss.schedules.follmer())


@theorem.step("Catalogue schedules put in, ε = κε*: the package's drift is the formula")
def drift_of_catalogue(half=sp.Rational(1, 2)):
    residuals = {}
    for schedule in catalogue:
        v, scale = schedule.variance(rho), kappa * schedule.eps_star
        formula = (half * v.diff(t) - scale) / v * (x - schedule.beta * m) + schedule.beta_dot * m
        sde = ss.InterpolantSDE(schedule, ss.Gaussian(m, rho), kappa=kappa)
        residuals[str(schedule)] = sde.A * x + sde.B * sde.eta_x - formula
    return residuals


@theorem.values("E[X | I = x] and E[Z | I = x] by 50-digit quadrature over the data")
def quadrature(data=data_field, noise=noise_field):
    put = {alpha: "3/5", beta: "7/10", m: "-3/10", rho: "7/5", x: "9/10"}
    put = {letter: sp.Rational(value) for letter, value in put.items()}
    with digits(60):
        a, b, mean, std, point = (mpmath.mpf(v.p) / v.q for v in put.values())

        def weight(v):
            return mpmath.exp(-(((point - b * v) / a) ** 2) / 2 - ((v - mean) / std) ** 2 / 2)

        ends = [-12, -3, 0, 1, 2, 5, 14]  # the posterior has a width below 1
        first = mpmath.quad(lambda v: v * weight(v), ends) / mpmath.quad(weight, ends)
        return [
            ("η_X", data.subs(put, simultaneous=True), first),
            ("η_Z", noise.subs(put, simultaneous=True), (point - b * first) / a),
        ]


@theorem.interval("V > 0, and observing I_t always sharpens the data: ρ² − α²ρ²/V > 0 at ρ = 2")
def sharpening(prior=sp.Integer(4)):
    signs = []
    for schedule in catalogue:
        v = schedule.variance(2)
        signs += [(f"V of {schedule}", v, "positive")]
        signs += [(f"gain of {schedule}", prior - 4 * schedule.alpha**2 / v, "positive")]
    return signs


@theorem.monte_carlo("X − η_X(I_t) is N(0, α²ρ²/V), independent of I_t")
def regression(setting, data=data_field, spread=posterior_variance):
    import numpy as np

    from symsched import verdicts

    seen = Record()
    put = {alpha: sp.Rational(3, 5), beta: sp.Rational(4, 5), m: 1, rho: 2}  # one time; the claim is pointwise
    field = sp.lambdify(x, data.subs(put, simultaneous=True), "numpy")
    width = float(spread.subs(put, simultaneous=True))

    def test(size, seed):
        noise, point = np.random.default_rng(seed).standard_normal((2, size))
        point = 1 + 2 * point
        state = 0.6 * noise + 0.8 * point
        error = point - field(state)
        seen.mean("E[X − η_X]", error, 0)
        seen.variance("Var(X − η_X)", error, width)
        seen.correlation("corr(X − η_X, I_t)", error, state)
        law = verdicts.sample_gaussian_p_value(error, 0, width)
        return verdicts.combine([law, verdicts.correlation_p_value(error, state)])

    size = setting.size(PATHS)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(0.5, size, found.level)  # the twins are off by more than a factor 2
    measured = f"residual of η_X: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


theorem.sabotage(library_moments, "ρ for ρ²", spread=alpha**2 + rho * beta**2)
theorem.sabotage(conditioning, "ρ for ρ² in the gain", data=m + rho * beta * offset / variance)
theorem.sabotage(conditioning, "posterior as wide as the prior", spread=rho**2)
theorem.sabotage(noise_by_balance, "wrong sign of η_Z", noise=-noise_field)
theorem.sabotage(library_fields, "wrong sign of the score", score=-score_field)
theorem.sabotage(library_fields, "mean not removed", data=m + rho**2 * beta * x / variance)
theorem.sabotage(score_by_derivative, "√V for V", score=-offset / sp.sqrt(variance))
theorem.sabotage(tweedie, "α for α²", weight=alpha)
theorem.sabotage(drift, "V̇ for V̇/2", slope=(variance.diff(t) - eps) / variance)
theorem.sabotage(transport, "wrong sign of ε", slope=(variance.diff(t) / 2 + eps) / variance)
theorem.sabotage(drift_of_catalogue, "V̇ for V̇/2", half=1)
theorem.sabotage(quadrature, "ρ for ρ² in the gain", data=m + rho * beta * offset / variance)
theorem.sabotage(sharpening, "prior variance ρ for ρ²", prior=sp.Integer(2))
theorem.sabotage(regression, "ρ for ρ² in the gain", data=m + rho * beta * offset / variance)
theorem.sabotage(regression, "ρ²/√V for α²ρ²/V as the posterior variance", spread=rho**2 / sp.sqrt(variance))
