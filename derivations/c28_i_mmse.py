"""C28.  I-MMSE in any schedule: information and likelihood are integrals over r², and no schedule changes them.

Seen from a schedule, a data point ξ has at I_t = x the density of N(βξ, α²).  Over that of the noise alone it is

    N(x; βξ, α²)/N(x; 0, α²) = exp(uξ − γξ²/2),      u = βx/α²,  γ = r² = β²/α²,

so that (u, γ) are all that there is of the schedule.  W(γ, u) = E exp(uX − γX²/2) is the likelihood of all data, and
∂_u log W = η_X.  Given X = ξ, u moves in the clock γ as dU = ξ dγ + dB.  The information that I_t has about ξ is
D(ξ, γ) = E[uξ − γξ²/2 − log W | X = ξ], a divergence, and Itô's formula makes its slope, for every law of X,

    d/dγ D(ξ, γ) = ½ E[(ξ − η_X)² | X = ξ],      on average   d/d(r²) I(X; I_t) = ½ mmse.

If X has a density p, completing the square in W gives D(ξ, γ) = −log p(ξ) + ½ log γ − ½ log 2πe + o(1), hence

    −log p(ξ) = ½ log 2πe − ½ ∫₀^∞ (1/(1+γ) − E[(ξ − η_X)² | X = ξ]) dγ:

a likelihood from the denoiser alone.  In a schedule d(r²) = 2r²(ε*/α²) dt, and a conversion (γ̄ = γ(τ), the same η_X)
changes no value.  For a model of another law Q the same slope gives ½ E[(η_X − η_X^Q)²], the divergence of C6 at ε*.

Proof.  The kernel solves ∂_γ = −½∂_u²; then (∂_γ + ξ∂_u + ½∂_u²)(uξ − γξ²/2 − log W) = ½(ξ − ∂_u log W)².

Source: Guo, Shamai, Verdú, IEEE Trans. Inf. Theory 51 (2005) 1261; the pointwise form: Kong et al., arXiv:2302.03792.
"""

import sympy as sp

import symsched as ss
from symsched.exact import limit_at
from symsched.exhibit import Record
from symsched.likelihood import gained
from symsched.symbols import alpha, beta, rho, t, x
from symsched.theorem import Evidence, Theorem

theorem = Theorem(
    name="C28",
    title="I-MMSE in any schedule",
    statement="d/d(r²) I(X; I_t) = ½ mmse, and −log p(ξ) = ½ log 2πe − ½ ∫ (1/(1+γ) − E[(ξ − η_X)² | X = ξ]) dγ over "
    "γ = r²: the same in every schedule.",
    hypotheses=(
        "E X² < ∞",
        "the likelihood: X has a continuous density p, p(ξ) > 0",
        "r from 0 to ∞ for the whole integral",
    ),
    assumptions=(
        "differentiation under the expectation; the stochastic integral in Itô's formula has mean 0",
        "Laplace's method: W √(γ/2π) e^(−u²/2γ) → p(ξ) along u ~ γξ",
    ),
    source="doi:10.1109/TIT.2005.844072; arXiv:2302.03792",
)

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
source = ss.Schedule(alpha, beta)
xi, u = sp.symbols("xi u", real=True)
gamma = sp.Symbol("gamma", positive=True)

# -- what there is of the schedule ----------------------------------------------------------------------------------

kernel = sp.exp(u * xi - gamma * xi**2 / 2)


@theorem.step("N(x; βξ, α²)/N(x; 0, α²) = exp(uξ − γξ²/2) at u = βx/α², γ = β²/α²")
def likelihood_ratio(level=beta**2 / alpha**2):
    own = -((x - beta * xi) ** 2) / (2 * alpha**2) + x**2 / (2 * alpha**2)
    return own - sp.log(kernel).expand(force=True).subs({u: beta * x / alpha**2, gamma: level})


@theorem.step("dγ = 2γ (ε*/α²) dt, and a conversion keeps γ = r² and u ξ: γ̄ = γ(τ), β̄x̄/ᾱ² = (βx/α²)(τ) at x̄ = cx")
def clock(factor=2):
    target = ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))
    return {
        "level": source.snr - (beta / alpha) ** 2,
        "rate": source.snr.diff(t) - factor * source.snr * source.eps_star / alpha**2,
        "γ": target.snr - source.snr.subs(t, tau),
        "u": target.beta * (c * x) / target.alpha**2 - (beta * x / alpha**2).subs(t, tau),
    }


@theorem.step("The kernel solves ∂_γ = −½∂_u², and ∂_u brings down ξ: so W solves it, and ∂_u log W = η_X")
def heat(half=sp.S.Half):
    return {
        "equation": kernel.diff(gamma) + half * kernel.diff(u, 2),
        "mean": kernel.diff(u) - xi * kernel,
    }


theorem.sabotage(likelihood_ratio, "r for r²", level=beta / alpha)
theorem.sabotage(clock, "dγ = γ(ε*/α²)dt", factor=1)
theorem.sabotage(heat, "∂_γ = −∂_u²", half=1)

# -- the slope of the divergence ------------------------------------------------------------------------------------

eta, spread = sp.symbols("eta_X v", real=True)  # ∂_u log W and ∂_u² log W


@theorem.step("Itô along dU = ξdγ + dB: (∂_γ + ξ∂_u + ½∂_u²)(uξ − γξ²/2 − log W) = ½(ξ − η_X)²")
def slope(share=sp.S.Half):
    # ∂_γ log W = −½W_uu/W = −½(v + η²), as W_uu/W = ∂_u² log W + (∂_u log W)².
    log_w_rate = -(spread + eta**2) / 2
    plain = u * xi - gamma * xi**2 / 2
    own = plain.diff(gamma) + xi * plain.diff(u) + plain.diff(u, 2) / 2
    return own - (log_w_rate + xi * eta + spread / 2) - share * (xi - eta) ** 2


W = sp.Function("W", positive=True)


@theorem.step("W_uu/W = ∂_u² log W + (∂_u log W)², for any W")
def second_log(square=2):
    w = W(u)
    return w.diff(u, 2) / w - sp.log(w).diff(u, 2) - sp.log(w).diff(u) ** square


other = sp.Symbol("eta_Q", real=True)


@theorem.step(
    "A model of another law Q: ½(ξ − η_Q)² − ½(ξ − η_X)² is ½(η_X − η_Q)² and a term of mean 0, (ξ − η_X)(η_X − η_Q)"
)
def mismatch(share=sp.S.Half):
    gap = (xi - other) ** 2 / 2 - (xi - eta) ** 2 / 2
    return gap - share * (eta - other) ** 2 - (xi - eta) * (eta - other)


@theorem.step("That is C6 at ε*: ½(Δη_X)² dγ = ε* (Δs)² dt, Δs = βΔη_X/α²")
def path_space(rate=source.snr.diff(t)):
    gap = sp.Symbol("Delta", real=True)
    return gap**2 / 2 * rate - source.eps_star * (beta * gap / alpha**2) ** 2


theorem.sabotage(slope, "(ξ − η)² without ½", share=1)
theorem.sabotage(second_log, "∂_u log W for its square", square=1)
theorem.sabotage(mismatch, "(η_X − η_Q)² without ½", share=1)
theorem.sabotage(path_space, "dr for dr²", rate=source.r.diff(t))

# -- the likelihood -------------------------------------------------------------------------------------------------

n = sp.Symbol("n", real=True)  # the noise: u = γξ + √γ n


@theorem.step(
    "The kernel at ξ′ is e^(u²/2γ) e^(−γ(ξ′−u/γ)²/2); at u = γξ + √γn, uξ − γξ²/2 − u²/2γ = −n²/2, of mean −½"
)
def square(width=gamma):
    completed = u**2 / (2 * gamma) - width * (xi - u / gamma) ** 2 / 2
    reached = gamma * xi + sp.sqrt(gamma) * n
    return {
        "square": u * xi - gamma * xi**2 / 2 - completed,
        "exponent": (u * xi - gamma * xi**2 / 2 - u**2 / (2 * gamma)).subs(u, reached) + n**2 / 2,
    }


gaussian_error = (xi**2 + gamma * rho**4) / (1 + gamma * rho**2) ** 2  # E[(ξ − η_X)² | X = ξ]


@theorem.step("N(0, ρ²): η_X = ρ²u/(1 + γρ²), so E[(ξ − η_X)² | ξ] = (ξ² + γρ⁴)/(1 + γρ²)², on average ρ²/(1 + γρ²)")
def gaussian(variance=gamma):
    log_w = rho**2 * u**2 / (2 * (1 + gamma * rho**2)) - sp.log(1 + gamma * rho**2) / 2
    mean = log_w.diff(u)
    bias = xi - mean.subs(u, gamma * xi)
    return {
        "W": log_w.diff(gamma) + (log_w.diff(u, 2) + mean**2) / 2,
        "error": bias**2 + variance * mean.diff(u) ** 2 - gaussian_error,
        "average": gaussian_error.subs(xi**2, rho**2) - rho**2 / (1 + gamma * rho**2),
    }


information = sp.log(1 + gamma * rho**2) / 2
primitive = (sp.log(1 + gamma * rho**2) - (xi**2 / rho**2 - 1) / (1 + gamma * rho**2)) / 2


@theorem.step("Its primitives: I = ½ log(1 + γρ²), and ½(log(1 + γρ²) − (ξ²/ρ² − 1)/(1 + γρ²)) of the pointwise error")
def integrals(pointwise=primitive):
    return {
        "information": information.diff(gamma) - rho**2 / (1 + gamma * rho**2) / 2,
        "pointwise": pointwise.diff(gamma) - gaussian_error / 2,
    }


@theorem.step("The package's rate of log p is ½(1/(1+γ) − E[(ξ − η_X)² | ξ]) dγ/dt, with ξ − η_X = (η_Z − n)/r")
def package_rate(power=2):
    error = sp.Symbol("e", positive=True)  # E[(ξ − η_X)² | X = ξ]
    level = source.snr
    rate = gained(source.log_r_dot, level / (1 + level), (beta / alpha) ** power * error)
    missed = (x - alpha * n) / beta - (x - alpha * other) / beta  # ξ − η_X at I_t = x, for noise n and η_Z
    return {
        "rate": rate - level.diff(t) / 2 * (1 / (1 + level) - error),
        "error": missed - (other - n) / source.r,
    }


theorem.sabotage(package_rate, "r for r²", power=1)
theorem.sabotage(square, "half the width", width=gamma / 2)
theorem.sabotage(gaussian, "noise of variance 1 for γ", variance=sp.S.One)
theorem.sabotage(integrals, "sign of ξ²", pointwise=primitive.subs(xi**2, -(xi**2)))


@theorem.values("The likelihood of N(0, 4) at ξ = 1 by the integral: ½ log 8π + 1/8")
def gaussian_likelihood(constant=sp.log(2 * sp.pi * sp.E) / 2):
    put = {rho: 2, xi: 1}
    level = t / (1 - t)  # γ from 0 to ∞
    rest = (primitive.subs(put) - sp.log(1 + gamma) / 2).subs(gamma, level)
    rest = sp.logcombine(sp.expand_log(rest), force=True)
    yield "−log p(1)", constant + limit_at(rest, 1) - limit_at(rest, 0), sp.log(8 * sp.pi) / 2 + sp.Rational(1, 8)


@theorem.values("I in linear and in VP at the same r = 3: ½ log 10 for ρ = 1")
def same_information(ratio=3):
    places = (ss.schedules.linear(), sp.Rational(3, 4)), (ss.schedules.vp(), 2 * sp.atan(ratio) / sp.pi)
    for schedule, place in places:
        level = schedule.snr.subs(t, place)
        yield str(schedule), information.subs({rho: 1, gamma: level}), sp.log(10) / 2


@theorem.interval(
    "Information grows and the error falls: dγ/dt > 0, and d/dγ of ρ²/(1 + γρ²) < 0, γ = t/(1 − t), ρ = 2"
)
def signs(sign=1):
    for schedule in (ss.schedules.linear(), ss.schedules.vp(), ss.schedules.follmer()):
        yield f"dγ/dt, {schedule}", sign * schedule.snr.diff(t), "positive"
    yield "d mmse", -sign * (rho**2 / (1 + gamma * rho**2)).diff(gamma).subs({rho: 2, gamma: t / (1 - t)}), "positive"


theorem.sabotage(gaussian_likelihood, "½ log 2π for ½ log 2πe", constant=sp.log(2 * sp.pi) / 2)
theorem.sabotage(same_information, "r = 2 in one of them", ratio=2)
theorem.sabotage(signs, "wrong sign", sign=-1)

# -- samples --------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # of each Monte Carlo check: the probability that it rejects a true claim
MIXTURE = ((0.3, -1.2, 0.04), (0.7, 0.8, 0.25))  # weight, mean, variance
RATIO = 3.0  # r at the last time
POINT = 0.1


def schedules():
    """(last time, α, β and dγ/dt) of linear and of VP, as functions of arrays."""
    import numpy as np

    for schedule in (ss.schedules.linear(), ss.schedules.vp()):
        parts = [sp.lambdify(t, part, "numpy") for part in (schedule.alpha, schedule.beta, schedule.snr.diff(t))]
        last = RATIO / (1 + RATIO) if schedule == ss.schedules.linear() else 2 * np.arctan(RATIO) / np.pi
        yield str(schedule), last, parts


def eta_and_log_density(a, b, state):
    """η_X and log p_t of the mixture."""
    import numpy as np

    w, m, v = (np.array(column)[:, None] for column in zip(*MIXTURE, strict=True))
    V = a**2 + b**2 * v
    gap = (state - b * m) / V
    weight = w / np.sqrt(2 * np.pi * V) * np.exp(-gap * (state - b * m) / 2)
    total = weight.sum(axis=0)
    return (weight * (m + b * v * gap)).sum(axis=0) / total, np.log(total)


def exact(point):
    """D(ξ, γ) at the last r, or its mean I(X; I_t), by quadrature of the densities alone, in the schedule (1, r)."""
    import numpy as np
    from scipy import integrate

    def entropy_part(state):
        _, log_density = eta_and_log_density(1.0, RATIO, np.array([state]))
        own = np.exp(log_density) if point is None else np.exp(-((state - RATIO * point) ** 2) / 2) / np.sqrt(2 * np.pi)
        return -float((own * log_density)[0])

    return integrate.quad(entropy_part, -14, 14, limit=400)[0] - float(np.log(2 * np.pi * np.e)) / 2


def squared_error(guess, truth):
    return (truth - guess) ** 2


def prior_error(_guess, truth):
    """As if nothing had been observed."""
    mean = sum(w * m for w, m, _ in MIXTURE)
    return (truth - mean) ** 2


@theorem.monte_carlo(
    "A mixture: ½ ∫ mmse d(r²) is I(X; I_t), and at one point D(ξ, γ), in linear and in VP; t is drawn"
)
def integral(setting, share=0.5, error=squared_error):
    import numpy as np

    record, spreads = Record(), [0.0]
    wanted = {"I(X; I_t)": (None, exact(None)), f"D({POINT}, γ)": (POINT, exact(POINT))}

    def test(size, seed):
        rng, found = np.random.default_rng(seed), []
        for name, last, (a_of, b_of, rate_of) in schedules():
            for label, (point, known) in wanted.items():
                time = last * rng.random(size)  # one time for each sample: the mean is the integral, without bias
                half = (rng.random(size) > MIXTURE[0][0]).astype(int)
                m, v = (np.array([part[k] for part in MIXTURE])[half] for k in (1, 2))
                truth = m + np.sqrt(v) * rng.standard_normal(size) if point is None else np.full(size, point)
                a, b = a_of(time), b_of(time)
                guess, _ = eta_and_log_density(a, b, a * rng.standard_normal(size) + b * truth)
                parts = share * last * rate_of(time) * error(guess, truth)
                record.mean(f"{label}, {name}", parts, known)
                spreads.append(float(parts.std()) / known)
                found.append(ss.verdicts.difference_p_value(parts, known))
        return ss.verdicts.combine(found)

    size = setting.size(40_000)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    known = wanted["I(X; I_t)"][1]
    power = ss.verdicts.mean_power(1, max(spreads), size, LEVEL / 4)  # the weakest twin is off by the value itself
    measured = f"I = {known:.4f}: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, power, record.points)


theorem.sabotage(integral, "mmse for ½ mmse", share=1.0)
theorem.sabotage(integral, "the variance of the data for the error of the denoiser", error=prior_error)
