"""C25.  Guidance converts, and keeps κ: the guided law depends on κ and w, and on no schedule.

Guidance with weight w extrapolates from the unconditional to the conditional model, field by field:

    b_w = (1 + w) b_c − w b_u,      s_w = (1 + w) s_c − w s_u.

Both fields obey C2, and the weights have sum 1; so the guided fields obey it too, the term (ċ/c) x with them, and C3
carries the guided SDE, b_w + ε s_w with noise √(2ε), path by path, with ε̄ = c²τ̇ε and the same κ.  But b_w and s_w are
the fields of no interpolant: the law that they lead to is not p_c^(1+w)/p_u^w, and it depends on κ.

Gaussian data, N(m_c, a) with the condition and N(m_u, v) without it (variances), V_a = α² + aβ², V_v = α² + vβ²,
from pure noise at t = 0.  With Y of density κy^(κ−1) on (0, 1), that is Y = U^(1/κ), the guided variance is

    M_t = V_a E[G(Y)^((1+κ)w)],      G(y) = (V_a + (V_v − V_a) y)/V_v,

and the guided mean, with q = (1 + κ)/2 and Y′ of density q y^(q−1),

    β m_c + w β (m_c − m_u) (V_a/V_v) E[G(Y′)^(qw−1)].

At t = 1, for k = a/v: κ = 0 gives a k^w, and then every κ its own law.  As κ → ∞, κ(1 − Y) becomes an exponential
variable and M₁ → a/(1 + w(1 − k)) = 1/((1 + w)/a − w/v): the law p_c^(1+w)/p_u^w, with its mean.  Only there does
guidance sample what it is said to sample.  The limit is finite if wa < (1 + w)v, which is when that law exists; for
wider conditional laws M₁ grows without bound in κ.

Proof.  V̇/2V = β̇/β − ε*/V makes the slope of the guided drift β̇/β − (1 + κ)ε*((1 + w)/V_a − w/V_v).  The integrands
above, in t and y, differ from solutions of the equations for variance and mean by a derivative in y, whose boundary
values are the source terms.  All of it holds for undefined α and β.

Source: derived here; that guided DDIM (κ = 0) and guided DDPM (κ = 1) differ, and that neither samples the tilted law:
Bradley and Nakkiran, arXiv:2408.09000, whose example of Gaussian laws is k = ½.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.guidance import push_terms, tilt, variance_terms
from symsched.symbols import alpha, beta, eps, kappa, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C25",
    title="Guidance converts and keeps κ",
    statement="Guided fields obey C2 and C3: the guided law depends on κ and w, not on the schedule. Gaussian data: "
    "its variance is V_a E[((V_a + (V_v − V_a)Y)/V_v)^((1+κ)w)], Y = U^(1/κ); κ = 0 gives a^(1+w)/v^w, κ → ∞ the "
    "law p_c^(1+w)/p_u^w.",
    hypotheses=(
        "w ≥ 0, κ ≥ 0",
        "Gaussian data: pure noise at t = 0; κ → ∞: wa < (1 + w)v",
    ),
    assumptions=("differentiation under the integral in y", "dominated convergence, for κ → ∞"),
    source="derived here; cf. arXiv:2408.09000",
)

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
s, y = sp.Symbol("s", positive=True), sp.Symbol("y", positive=True)
w = sp.Symbol("w", nonnegative=True)
WEIGHTS = (1 + w, -w)
source = ss.Schedule(alpha, beta)
optimal = source.eps_star

a, v = sp.symbols("a v", positive=True)  # variances with and without the condition
m_c, m_u = sp.symbols("m_c m_u", real=True)


def guided(weight=w, scale=kappa):
    """The package's guided equation of Gaussian data."""
    return ss.guided(source, ss.Gaussian(m_c, sp.sqrt(a)), ss.Gaussian(m_u, sp.sqrt(v)), weight, scale)


# -- any data: conversion -------------------------------------------------------------------------------------------

state = sp.Symbol("x'", real=True)  # of the source
models = ("c", "u")
speeds = [sp.Function(f"b_{name}", real=True)(s, state) for name in models]
scores = [sp.Function(f"s_{name}", real=True)(s, state) for name in models]


def seen(field):
    """A source field of (s, x′), seen from the target's (t, x): at (τ, x/c)."""
    return field.subs(s, tau).subs(state, x / c)


def mixed(fields, weights):
    return sum(weight * field for weight, field in zip(weights, fields, strict=True))


@theorem.step("Guided fields obey C2 and C3: b̄_w + ε̄ s̄_w is the drift of c X_τ, as the weights have sum 1")
def converted(weights=WEIGHTS, scale=c**2 * tau.diff(t) * eps.subs(t, tau)):
    stretch = c.diff(t) / c * x
    bars = [stretch + c * tau.diff(t) * seen(speed) for speed in speeds]
    guided = mixed(bars, weights) + scale * mixed([seen(score) / c for score in scores], weights)
    own = mixed(speeds, WEIGHTS) + eps.subs(t, s) * mixed(scores, WEIGHTS)
    return guided - stretch - c * tau.diff(t) * seen(own)


@theorem.step("Any prediction may be guided: with sum 1, αη_Z + βη_X = x and b = α̇η_Z + β̇η_X hold for the guided ones")
def predictions(weights=WEIGHTS):
    data = sp.symbols("eta_c eta_u", real=True)
    noises = [(x - beta * one) / alpha for one in data]
    own = [alpha.diff(t) * z + beta.diff(t) * one for z, one in zip(noises, data, strict=True)]
    z, one = mixed(noises, weights), mixed(data, weights)
    return {
        "state": alpha * z + beta * one - x,
        "velocity": alpha.diff(t) * (x - beta * one) / alpha + beta.diff(t) * one - mixed(own, weights),
    }


@theorem.step("The package's guided η_X, for undefined α and β, is the mixture of the two")
def package_fields(weight=w):
    own = guided(weight)
    return own.eta_x - mixed([law.eta_x(source) for law in (own.conditional, own.unconditional)], WEIGHTS)


theorem.sabotage(package_fields, "2w for w", weight=2 * w)
theorem.sabotage(converted, "the score alone is guided twice", weights=(1 + 2 * w, -w))
theorem.sabotage(converted, "τ̇ dropped from ε̄", scale=c**2 * eps.subs(t, tau))
theorem.sabotage(predictions, "weights 1 and w", weights=(1, w))

# -- Gaussian data --------------------------------------------------------------------------------------------------

V_a, V_v = (alpha**2 + one * beta**2 for one in (a, v))


def drift(variance, mean, scale):
    """C8 for data N(mean, variance)."""
    V = alpha**2 + variance * beta**2
    return (V.diff(t) / 2 - scale) / V * (x - beta * mean) + beta.diff(t) * mean


slope = beta.diff(t) / beta - (1 + kappa) * optimal * ((1 + w) / V_a - w / V_v)


@theorem.step("The guided drift with ε = κε* has the slope β̇/β − (1 + κ)ε*((1 + w)/V_a − w/V_v)")
def guided_slope(found=slope):
    guided = mixed([drift(a, m_c, kappa * optimal), drift(v, m_u, kappa * optimal)], WEIGHTS)
    return guided.diff(x) - found


@theorem.step("At the mean βm_c of the conditional law it exceeds β̇m_c by (1 + κ)ε* wβ(m_c − m_u)/V_v")
def guided_push(push=(1 + kappa) * optimal * w * beta * (m_c - m_u) / V_v):
    guided = mixed([drift(a, m_c, kappa * optimal), drift(v, m_u, kappa * optimal)], WEIGHTS)
    return guided.subs(x, beta * m_c) - beta.diff(t) * m_c - push


G = (V_a + (V_v - V_a) * y) / V_v
EXPONENT = (1 + kappa) * w


def balance(part, rate):
    """(∂_t part − rate·part − ∂_y flux)/part, by logarithms, and the flux: 2ε* y/V_a times the part."""
    flux = 2 * optimal * y / V_a * part
    log_part, log_flux = (sp.expand_log(sp.log(one), force=True) for one in (part, flux))
    return log_part.diff(t) - rate - 2 * optimal * y / V_a * log_flux.diff(y), flux


@theorem.step(
    "Variance: ∂_t of the integrand is 2 slope times itself and ∂_y of 2κε* y^κ G^((1+κ)w), which is 2κε* at y = 1"
)
def variance(exponent=EXPONENT):
    part = V_a * kappa * y ** (kappa - 1) * G**exponent
    equation, flux = balance(part, 2 * slope)
    return {"equation": equation, "source": flux.subs(y, 1) - 2 * kappa * optimal}


@theorem.step("The package's drift is that of C8, guided, and its integrands for variance and mean solve the equations")
def package_law(scale=kappa):
    law = variance_terms(V_a, V_v, w, scale).integrand(y)
    push = push_terms(V_a, V_v, beta, w, scale).integrand(y)
    spread, inflow = balance(law, 2 * slope)
    moved, pushed = balance(push, slope)
    pair = [drift(a, m_c, kappa * optimal), drift(v, m_u, kappa * optimal)]
    return {
        "drift": guided(scale=scale).drift - mixed(pair, WEIGHTS),
        "variance": spread,
        "noise": inflow.subs(y, 1) - 2 * kappa * optimal,
        "mean": moved,
        "push": pushed.subs(y, 1) - (1 + kappa) * optimal * w * beta / V_v,
    }


@theorem.step("κ = 0: V_a (V_a/V_v)^w solves it without noise; and it is the integrand's power of G at y = 0")
def deterministic(power=w):
    law = V_a * (V_a / V_v) ** power
    return {"equation": law.diff(t) / law - 2 * slope.subs(kappa, 0), "at y = 0": law / V_a - G.subs(y, 0) ** w}


q = sp.Symbol("q", positive=True)  # (1 + κ)/2


@theorem.step("Mean: the same with slope times itself, and ∂_y of a flux that is the push at y = 1")
def mean(exponent=q * w):
    shift = w * beta / V_v  # per unit of m_c − m_u
    part = shift * V_a * q * y ** (q - 1) * G ** (exponent - 1)
    equation, flux = balance(part, slope.subs(kappa, 2 * q - 1))
    return {"equation": equation, "source": flux.subs(y, 1) - 2 * q * optimal * shift}


@theorem.step("Invariance: V_a and V_v carry c², so M/V_a, and with it the law at t = 1, is a function of r, κ, w")
def invariance(scale=c**2):
    target = ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))
    bars = [target.alpha**2 + one * target.beta**2 for one in (a, v)]
    return {
        "V": bars[0] - scale * V_a.subs(t, tau),
        "G": (bars[0] + (bars[1] - bars[0]) * y) / bars[1] - G.subs(t, tau),
    }


theorem.sabotage(guided_slope, "w for 1 + w", found=slope + (1 + kappa) * optimal / V_a)
theorem.sabotage(guided_push, "κ for 1 + κ", push=kappa * optimal * w * beta * (m_c - m_u) / V_v)
theorem.sabotage(variance, "κw for (1 + κ)w", exponent=kappa * w)
theorem.sabotage(package_law, "2κ for κ", scale=2 * kappa)
theorem.sabotage(deterministic, "w + 1 for w", power=w + 1)
theorem.sabotage(mean, "(1 + κ)w for qw", exponent=2 * q * w)
theorem.sabotage(invariance, "c for c²", scale=c)

# -- κ → ∞ ----------------------------------------------------------------------------------------------------------

k = sp.Symbol("k", positive=True)  # a/v
T = sp.Symbol("T", positive=True)  # −log U, an exponential variable
h = sp.Symbol("h", positive=True)  # 1/κ


@theorem.step("(1 + κ)w log G(e^(−T/κ)) → −w(1 − k)T: its limit is w times the slope of log G(e^(−Th)) at h = 0")
def exponent_limit(rate=1 - k):
    power = sp.log(k + (1 - k) * sp.exp(-T * h))
    return {"value at 0": power.subs(h, 0), "slope at 0": power.diff(h).subs(h, 0) + rate * T}


@theorem.step("E e^(−w(1−k)T) = 1/(1 + w(1 − k)), and a times that is the variance of p_c^(1+w)/p_u^w")
def tilted_variance(weights=WEIGHTS):
    lam = sp.Symbol("lambda", positive=True)
    primitive = -sp.exp(-(1 + lam) * T) / (1 + lam)
    precision = mixed([1 / a, 1 / v], weights)
    return {
        "primitive": primitive.diff(T) - sp.exp(-T) * sp.exp(-lam * T),
        "from 0": -primitive.subs(T, 0) - 1 / (1 + lam),
        "variance": a / (1 + w * (1 - a / v)) - 1 / precision,
    }


@theorem.step("The mean's limit m_c + wk(m_c − m_u)/(1 + w(1 − k)) is that of p_c^(1+w)/p_u^w")
def tilted_mean(shift=w * a / v * (m_c - m_u)):
    precision = mixed([1 / a, 1 / v], WEIGHTS)
    return m_c + shift / (1 + w * (1 - a / v)) - mixed([m_c / a, m_u / v], WEIGHTS) / precision


@theorem.step("The package's limit is this law")
def package_limit(weight=w):
    precision, weighted = tilt(weight, (m_c, a), (m_u, v))
    return {
        "precision": precision - mixed([1 / a, 1 / v], WEIGHTS),
        "mean": weighted - mixed([m_c / a, m_u / v], WEIGHTS),
    }


theorem.sabotage(package_limit, "w − 1 for w", weight=w - 1)
theorem.sabotage(exponent_limit, "k for 1 − k", rate=k)
theorem.sabotage(tilted_variance, "p_c^w/p_u^(w−1)", weights=(w, 1 - w))
theorem.sabotage(tilted_mean, "shift without k", shift=w * (m_c - m_u))

# -- numbers --------------------------------------------------------------------------------------------------------


def variance_at_data(power, weight, conditional, free):
    """M₁ for (1 + κ)w an integer: the moments of Y are κ/(κ + j)."""
    n, share = sp.Integer((1 + power) * weight), conditional / sp.S(free)
    if power == 0:
        return conditional * share**weight
    moments = [sp.binomial(n, j) * share ** (n - j) * (1 - share) ** j * power / (power + j) for j in range(int(n) + 1)]
    return conditional * sum(moments)


HALF, QUARTER = sp.S.Half, sp.Rational(1, 4)


@theorem.values("w = 2, a = ¼, v = 1: .0156, .0518, .0666, .0794 at κ = 0, ½, 1, 2, and exactly", tolerance=2e-3)
def reference(weight=2):
    for power, known in ((sp.S.Zero, 0.0156), (HALF, 0.0518), (sp.S.One, 0.0666), (sp.S(2), 0.0794)):
        yield f"κ = {power}", variance_at_data(power, weight, QUARTER, 1), known


@theorem.values("The same from ∫(u + v)^((1+κ)w)/(u + a)^((1+κ)(1+w)) du, in closed form: κ = w = 1, k = ¼")
def by_noise_level(free=1):
    u = sp.Symbol("u", positive=True)
    density = sp.apart((u + free) ** 2 / (u + QUARTER) ** 4, u)
    yield (
        "κ = 1",
        variance_at_data(1, 1, QUARTER, 1),
        QUARTER**4 / sp.S(free) ** 2 * sp.integrate(density, (u, 0, sp.oo)),
    )


@theorem.interval(
    "k ≤ G ≤ 1, so a k^((1+κ)w) ≤ M₁ ≤ a; at w = κ = 1 M₁ lies between a k and the tilted a/(2 − k), k = t"
)
def between(sign=1):
    share = sp.Rational(1, 3)
    yield "1 − G", sign * (1 - (share + (1 - share) * t)), "positive"
    yield "G − k", sign * (1 - share) * t, "positive"
    guided = (1 + t + t**2) / 3
    yield "above κ = 0", sign * (guided - t), "positive"
    yield "below the tilted law", sign * (1 / (2 - t) - guided), "positive"


theorem.sabotage(reference, "w = 1", weight=1)
theorem.sabotage(by_noise_level, "v = 2", free=2)
theorem.sabotage(between, "wrong sign", sign=-1)

# -- paths ----------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
FIRST, LAST = 0.05, 1.0
WEIGHT, KAPPA = 2, sp.S.Half


@cache
def model(schedule, scale=KAPPA):
    """Guidance of N(1, ¼) away from N(−½, 1)."""
    return ss.guided(schedule, ss.Gaussian(1, HALF), ss.Gaussian(-HALF, 1), WEIGHT, scale)


def law_at_data(schedule):
    """Mean and variance of the package's guided law at t = 1, by the formulas decided above."""
    return model(schedule).law_at(LAST)


def tilted_law(schedule):
    """The law p_c^(1+w)/p_u^w where the guided law is claimed."""
    law = model(schedule).tilted()
    return float(law.mean), float(law.std) ** 2


def other_kappa(schedule):
    """The law of 2κ."""
    return model(schedule, 2 * KAPPA).law_at(LAST)


@cache
def guided_sde(schedule):
    """The guided SDE with κε*, from the guided law at the first time."""
    own = model(schedule)
    centre, spread = own.law_at(FIRST)
    drift_ = own.drift.expand()
    return ss.Diffusion(drift_.coeff(x, 1) * x + drift_.coeff(x, 0), own.eps, ss.Gaussian(centre, spread**0.5))


@theorem.monte_carlo("The guided SDE, exact transitions: its law at t = 1 is the formula's, in linear and in VP")
def guided_law(setting, claimed=law_at_data):
    import numpy as np

    record, grid = Record(), np.linspace(FIRST, LAST, 17)
    schedules = (ss.schedules.linear(), ss.schedules.vp())

    def test(size, seed):
        found = []
        for number, schedule in enumerate(schedules):
            centre, spread = claimed(schedule)
            result = ss.simulate(guided_sde(schedule), size, scheme="exponential", grid=grid, seed=seed + number)
            record.moments(f"X₁, {schedule}", result, centre, spread)
            found.append(ss.verdicts.mean_p_value(result, centre))
            found.append(ss.verdicts.gaussian_variance_p_value(result, spread))
        return ss.verdicts.combine(found)

    size = setting.size(PATHS // 10)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    one, other = (claim(schedules[0])[1] for claim in (law_at_data, other_kappa))
    power = ss.verdicts.variance_power(one / other, size, LEVEL / 4)
    measured = f"guided law, κ = 1/2, w = 2: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, power, record.points)


theorem.sabotage(guided_law, "the law p_c^(1+w)/p_u^w", claimed=tilted_law)
theorem.sabotage(guided_law, "the law of 2κ", claimed=other_kappa)
