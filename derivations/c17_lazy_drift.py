"""C17.  The lazy drift is the non-Gaussian part of the denoiser.

In the lazy frame of κ, for data of mean 0 and variance ρ², C10 gives the drift of any data law,

    b = β̇/(1 − w) (η_X − η_X^G),    η_X^G = (w/β) x,    w = β^(2−q),    q = 2κ/(1 + κ).

η_X^G is the denoiser of N(0, ρ²), and for the true data the best linear one: X − η_X^G(I_t) is orthogonal to I_t, with
E|X − η_X^G|² = lmmse = ρ²(1 − w).  η_X is the best of all, with E|X − η_X|² = mmse, and X − η_X is orthogonal to every
function of I_t (tower property).  Pythagoras does the rest:

    E|b|² = β̇²/(1 − w)² (lmmse − mmse),    E[b · I_t] = 0,    E b = β̇ E[X].

So a lazy drift is what a linear denoiser cannot do, and nothing else: it is uncorrelated with the state, and as large
as nonlinear denoising is better than linear.  In an arbitrary schedule with an arbitrary ε the same orthogonality
splits the drift into b = g x + B (η_X − η_X^G), g = (V̇/2 − ε)/V, B = (ε* + ε)β/α², and its energy into

    E|b|² = g²V + B² (lmmse − mmse):

laziness is g = 0; the second part is left in every frame.

No mean is needed for this: with ρ² = E|X|² in the place of the variance, η_X^G is the best denoiser of the form ℓx.

Source: derived here from C10 (arXiv:2602.03789).  The orthogonality is that of conditional expectations; the gap
lmmse − mmse is the one of mismatched estimation, cf. Kong et al., arXiv:2302.03792.
"""

from functools import cache

import mpmath
import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.precision import digits
from symsched.sde.energy import affine_rate, pace
from symsched.symbols import alpha, beta, eps, kappa, rho, t, x
from symsched.symbols import mean as m
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C17",
    title="The lazy drift is non-Gaussian",
    statement="Lazy frame of κ, E X = 0, Var X = ρ²: b = β̇/(1 − w) (η_X − η_X^G), η_X^G = (w/β)x, w = β^(2−q); "
    "E|b|² = β̇²/(1 − w)² (lmmse − mmse), lmmse = ρ²(1 − w), and E[b · I_t] = 0.  In any schedule and with any ε: "
    "E|b|² = g²V + ((ε* + ε)β/α²)² (lmmse − mmse), g = (V̇/2 − ε)/V.",
    hypotheses=("κ ≥ 0", "E|X|² = ρ² < ∞, ρ > 0", "β increasing from 0 to 1, C¹ on (0, 1)"),
    assumptions=("E[X f(I_t)] = E[η_X f(I_t)] for f(I_t) of finite variance (definition of a conditional mean)",),
    source="derived here; C10 of arXiv:2602.03789; cf. arXiv:2302.03792",
)

q = 2 * kappa / (1 + kappa)
w = beta ** (2 - q)
rate = beta.diff(t) / (1 - w)
own = ss.Schedule(sp.sqrt(rho**2 * (beta**q - beta**2)), beta)  # the lazy family, in any clock
general = ss.Schedule(alpha, beta)

# -- the drift --------------------------------------------------------------------------------------------------

X, Z, eta = sp.symbols("X Z eta_X", real=True)
kept = sp.Symbol("h", positive=True)  # E|η_X|²


def drift(schedule, scale, state, prediction):
    """Velocity and score from the means, as C1 has them: nothing is cancelled, nothing comes from C10."""
    noise = (state - schedule.beta * prediction) / schedule.alpha**2  # η_Z/α
    return ((schedule.alpha**2).diff(t) / 2 - scale) * noise + schedule.beta_dot * prediction


def gaussian_denoiser(schedule):
    """The ℓ of η_X^G = ℓ x: the denoiser of N(0, ρ²), from the package's conditioning."""
    return ss.Gaussian(0, rho).eta_x(schedule).diff(x)


@theorem.step("The lazy drift: β̇/(1 − w) times the difference of the denoisers of the data and of N(0, ρ²)")
def difference_of_denoisers(factor=rate, linear=w / beta):
    b = drift(own, kappa * own.eps_star, x, eta)
    return {"drift": b - factor * (eta - linear * x), "η_X^G": gaussian_denoiser(own) - linear}


@theorem.step("Any schedule, any ε: b = g x + B (η_X − η_X^G), g = (V̇/2 − ε)/V, B = (ε* + ε)β/α²")
def split(weight=(general.eps_star + eps) * beta / alpha**2):
    variance = general.variance(rho)
    linear = (variance.diff(t) / 2 - eps) / variance * x
    return drift(general, eps, x, eta) - linear - weight * (eta - gaussian_denoiser(general) * x)


# -- the second moments -----------------------------------------------------------------------------------------


def mean_of_product(schedule, one, other, cross=1):
    """E[one · other] of two linear forms in X, Z and η_X, in terms of ρ² = E|X|² and h = E|η_X|².

    E[η_X X] = E|η_X|² and E[η_X I_t] = E[X I_t] = βρ² by the tower property; the second gives E[η_X Z].
    """
    moments = {(2, 0, 0): rho**2, (0, 2, 0): 1, (1, 1, 0): 0, (0, 0, 2): kept, (1, 0, 1): kept}
    moments[0, 1, 1] = cross * schedule.beta * (rho**2 - kept) / schedule.alpha
    return sum(c * moments[powers] for powers, c in sp.Poly(sp.expand(one * other), X, Z, eta).terms())


def state_of(schedule):
    return schedule.alpha * Z + schedule.beta * X


@theorem.step("The error X − η_X is orthogonal to I_t and to η_X, and mmse = ρ² − E|η_X|²")
def projection(cross=1):
    state = state_of(general)
    return {
        "I_t": mean_of_product(general, X - eta, state, cross),
        "η_X": mean_of_product(general, X - eta, eta, cross),
        "mmse": mean_of_product(general, X - eta, X - eta, cross) - (rho**2 - kept),
    }


@theorem.step("η_X^G is the best linear denoiser of every law with this ρ²: its error is orthogonal to I_t")
def best_linear(linear=w / beta, lmmse=rho**2 * (1 - w)):
    state = state_of(own)
    error, error_anywhere = X - linear * state, X - gaussian_denoiser(general) * state_of(general)
    least = rho**2 * alpha**2 / general.variance(rho)
    return {
        "orthogonal": mean_of_product(own, error, state),
        "lmmse": mean_of_product(own, error, error) - lmmse,
        "in every schedule": mean_of_product(general, error_anywhere, error_anywhere) - least,
    }


@theorem.step("E[b · I_t] = 0: the lazy drift does not push paths out or in")
def uncorrelated(linear=w / beta):
    state = state_of(own)
    return mean_of_product(own, rate * (eta - linear * state), state)


@theorem.step("E|b|² = β̇²/(1 − w)² (lmmse − mmse)")
def energy(share=1, lmmse=rho**2 * (1 - w)):
    nonlinear = eta - w / beta * state_of(own)  # times β̇/(1 − w): the drift, by the first step
    return rate**2 * (mean_of_product(own, nonlinear, nonlinear) - (lmmse - share * (rho**2 - kept)))


@theorem.step("Any schedule, any ε: E|b|² = g²V + B²(lmmse − mmse); the frame only decides about the first part")
def energy_in_any_schedule(linear_part=1):
    variance = general.variance(rho)
    g, lmmse = (variance.diff(t) / 2 - eps) / variance, rho**2 * alpha**2 / variance
    nonlinear = ((general.eps_star + eps) * beta / alpha**2) ** 2 * (lmmse - (rho**2 - kept))
    b = drift(general, eps, state_of(general), eta)
    return mean_of_product(general, b, b) - linear_part * g**2 * variance - nonlinear


@theorem.step(
    "The package's energy of the linear part is (g²V + β̇²m²)/(4ε), and what the rest costs B²/(4ε), s for β/α² η_X"
)
def package_energy(scale=eps):
    sde, variance = ss.InterpolantSDE(general, ss.Gaussian(m, rho), eps=scale), general.variance(rho)
    g = (variance.diff(t) / 2 - eps) / variance
    weight = (general.eps_star + eps) * beta / alpha**2
    per_score = beta / alpha**2  # s − s_G = β/α² (η_X − η_X^G)
    return {
        "linear": affine_rate(sde, m, rho) - (g**2 * variance + beta.diff(t) ** 2 * m**2) / (4 * eps),
        "rest": pace(sde) * per_score**2 - weight**2 / (4 * eps),
    }


@theorem.step("A mean m of the data is kept by the drift: E b = β̇ m, and it is a part of E|X|², not of the variance")
def mean_of_drift(pushed=beta.diff(t) * m):
    b = drift(own, kappa * own.eps_star, state_of(own), eta)
    return b.subs({X: m, Z: 0, eta: m}, simultaneous=True) - pushed  # b is linear in X, Z, η_X, and E η_X = E X = m


@theorem.step("Gaussian data N(0, s²) in the frame of ρ ≠ s: b is linear, β̇(s² − ρ²)w x/(β(s²w + ρ²(1 − w)))")
def other_width(gap=lambda s: s**2 - rho**2):
    s = sp.Symbol("s", positive=True)
    field = ss.Gaussian(0, s).eta_x(own)
    b = drift(own, kappa * own.eps_star, x, field)
    return b - beta.diff(t) * gap(s) * w * x / (beta * (s**2 * w + rho**2 * (1 - w)))


@theorem.step("κ = 3 in the clock β = t: the package's drift is this difference")
def of_the_package(power=q):
    sde = ss.InterpolantSDE(ss.lazy.solve(kappa=3, rho=rho), ss.Gaussian(0, rho), kappa=3)
    weight = t ** (2 - power.subs(kappa, 3))
    return sde.A * x + sde.B * eta - (eta - weight / t * x) / (1 - weight)


# -- numbers ----------------------------------------------------------------------------------------------------

#: Mean 0, variance 1, skewed.
WEIGHTS, CENTRES, WIDTH = (sp.Rational(1, 4), sp.Rational(3, 4)), (sp.Rational(-3, 2), sp.S.Half), sp.S.Half
MIXTURE = ss.GaussianMixture(WEIGHTS, CENTRES, (WIDTH, WIDTH))


def posterior(a, b, point):
    """(density of I, E[X | I], Var[X | I]) of the mixture at a point, in mpmath numbers."""
    width = mpmath.mpf(1) / 4
    variance = a**2 + width * b**2
    gaps = [point - b * mpmath.mpf(c.p) / c.q for c in CENTRES]
    parts = [mpmath.mpf(v.p) / v.q * mpmath.exp(-(g**2) / (2 * variance)) for v, g in zip(WEIGHTS, gaps, strict=True)]
    means = [mpmath.mpf(c.p) / c.q + width * b * g / variance for c, g in zip(CENTRES, gaps, strict=True)]
    total = sum(parts)
    first = sum(p * v for p, v in zip(parts, means, strict=True)) / total
    second = sum(p * v**2 for p, v in zip(parts, means, strict=True)) / total + width * a**2 / variance
    return total / mpmath.sqrt(2 * mpmath.pi * variance), first, second - first**2


@theorem.values("A skewed mixture, by quadrature: energy, correlation and mean, κ = 0, ½, 2", tolerance=1e-35)
def by_quadrature(share=1, correlation=0):
    # The trapezium rule on the line: for such integrands its error falls like e^(−c/h).
    found = []
    with digits(50):
        h, b = mpmath.mpf(1) / 16, mpmath.mpf(3) / 5
        for k in (sp.S.Zero, sp.S.Half, sp.Integer(2)):
            power = mpmath.mpf(2 * k.p) / (k.p + k.q)
            a, weight = mpmath.sqrt(b**power - b**2), b ** (2 - power)
            energy = error = product = pushed = mpmath.mpf(0)
            for n in range(-208, 209):
                point = n * h
                density, field, spread = posterior(a, b, point)
                value = (field - weight / b * point) / (1 - weight)
                energy += h * density * value**2
                error += h * density * spread
                product += h * density * value * point
                pushed += h * density * value
            found += [
                (f"E|b|², κ = {k}", energy, (1 - weight - share * error) / (1 - weight) ** 2),
                (f"1 + E[b I], κ = {k}", 1 + product, 1 + correlation),
                (f"1 + E b, κ = {k}", 1 + pushed, 1),
            ]
    return found


@theorem.interval("0 < w < 1: the weight β̇/(1 − w) is positive and finite inside, and lmmse = ρ²(1 − w) decreases")
def signs(flip=1):
    found = []
    for k in (sp.S.Zero, sp.S.Half, sp.S.One, sp.Integer(3)):
        weight = t ** (2 - q.subs(kappa, k))
        found += [
            (f"1 − w, κ = {k}", flip * (1 - weight), "positive"),
            (f"d lmmse/dβ, κ = {k}", -flip * weight.diff(t), "negative"),
        ]
    return found


# -- samples ----------------------------------------------------------------------------------------------------

KAPPAS = (sp.S.Half, sp.Integer(3))


@cache
def instants():
    """(κ, α, β, w) of lazy frames of ρ = 1 at β = 0.3 and 0.8."""
    found = []
    for k in KAPPAS:
        for b in (0.3, 0.8):
            power = float(q.subs(kappa, k))
            found.append((k, (b**power - b**2) ** 0.5, b, b ** (2 - power)))
    return found


@theorem.monte_carlo("On samples of the interpolant of a mixture: E[b I] = 0 and E|b|² + (β̇/(1 − w))² mmse is known")
def on_samples(setting, power=1, error_weight=1):
    import numpy as np

    from symsched import verdicts

    seen = Record()

    def test(size, seed):
        rng, found = np.random.default_rng(seed), []
        data, noise = MIXTURE.sample(size, rng), rng.standard_normal(size)
        for k, a, b, weight in instants():
            state = a * noise + b * data
            field = MIXTURE.eta_x_at(a, b, state)
            drift = (field - weight / b**power * state) / (1 - weight)
            error = (data - field) / (1 - weight)  # its square has the mean mmse/(1 − w)²
            both, whole = drift**2 + error_weight * error**2, 1 / (1 - weight)
            seen.mean(f"E|b|² + mmse/(1 − w)², κ = {k}, β = {b}", both, whole)
            seen.mean(f"E[b I], κ = {k}, β = {b}", drift * state, 0)
            found += [verdicts.difference_p_value(both, whole), verdicts.difference_p_value(drift * state)]
        return verdicts.combine(found)

    size = setting.size(PATHS // 16)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.mean_power(0.1, 1.5, size, found.level)
    measured = f"E[b I] = 0, κ = ½, 3: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


theorem.sabotage(difference_of_denoisers, "β̇ without 1/(1 − w)", factor=beta.diff(t))
theorem.sabotage(difference_of_denoisers, "w for w/β", linear=w)
theorem.sabotage(split, "ε* left out of B", weight=eps * beta / alpha**2)
theorem.sabotage(projection, "E[η_X Z] of the wrong sign", cross=-1)
theorem.sabotage(best_linear, "w for w/β", linear=w)
theorem.sabotage(best_linear, "lmmse = ρ²w", lmmse=rho**2 * w)
theorem.sabotage(uncorrelated, "the linear denoiser x/β", linear=1 / beta)
theorem.sabotage(energy, "mmse left out", share=0)
theorem.sabotage(energy, "lmmse + mmse", share=-1)
theorem.sabotage(energy, "ρ for ρ²", lmmse=rho * (1 - w))
theorem.sabotage(energy_in_any_schedule, "the linear part left out", linear_part=0)
theorem.sabotage(package_energy, "half of ε", scale=eps / 2)
theorem.sabotage(mean_of_drift, "centred by itself", pushed=0)
theorem.sabotage(other_width, "s² + ρ²", gap=lambda s: s**2 + rho**2)
theorem.sabotage(of_the_package, "q = κ/(1 + κ)", power=q / 2)
theorem.sabotage(by_quadrature, "mmse left out", share=0)
theorem.sabotage(by_quadrature, "a correlation of 10⁻²", correlation=sp.Rational(1, 100))
theorem.sabotage(signs, "w > 1", flip=-1)
theorem.sabotage(on_samples, "w for w/β", power=0)
theorem.sabotage(on_samples, "mmse left out", error_weight=0)
