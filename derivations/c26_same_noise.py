"""C26.  The same noise at another scale: every (schedule, scale) becomes every other, path by path.

A map of points keeps κ (C5).  A path of an SDE carries more than its points: its noise.  Let X solve the source SDE
with scale ε > 0.  Its noise is read back from it,

    dW = (dX − b^ε(t, X) dt)/√(2ε),

and, after the time change of C3, W̄ = ∫ τ̇^(−1/2) dW_τ, drives the SDE of any other schedule and any scale ε̄ ≥ 0:

    dX̄ = b̄^ε̄(t, X̄) dt + √(2ε̄) dW̄.

W̄ is a Brownian motion, so X̄ is a path of the target with scale ε̄; X̄ read in turn gives back W, so these maps compose
and invert.  Where ε̄ = c²τ̇ε(τ) and X̄ begins as c X_τ, it stays c X_τ: the main theorem (C3) is the case of one κ.  This
is the second reading of the paper's "another arbitrary schedule and diffusion coefficient".

How near do the two paths stay?  By C3 it is enough to look in one schedule.  For data N(0, ρ²) the cross covariance
C = E[X X̄] obeys Ċ = (g + ḡ) C + 2√(εε̄) with g = (V̇/2 − ε)/V.  For ε = κε*, ε̄ = κ̄ε*, and R = C/V, h = β²/V,

    R = R∞ + (R₀ − R∞)(h₀/h)^((κ+κ̄)/2),       R∞ = 2√(κκ̄)/(κ + κ̄),

the geometric over the arithmetic mean.  From pure noise h₀ → 0: the correlation is R∞ at *every* time, in every pair of
schedules, whatever the start, and E|X̄ − cX_τ|² = 2V̄(1 − R∞) = 2V̄(√κ − √κ̄)²/(κ + κ̄).

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789 (abstract); derived here.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.sde import driving
from symsched.sde.driving import noise_of, pushed, step_of
from symsched.steps.integrals import noise_variance
from symsched.symbols import alpha, beta, kappa, rho, t
from symsched.theorem import Evidence, Theorem

theorem = Theorem(
    name="C26",
    title="The same noise at another scale",
    statement="dW = (dX − b^ε dt)/√(2ε), time-changed by C3, drives the SDE of every schedule and scale: every pair "
    "becomes every other, path by path. Gaussian data, κ and κ̄: the correlation is 2√(κκ̄)/(κ + κ̄) at every time.",
    hypotheses=(
        "the conversion (τ, c) of C2, with τ̇ > 0",
        "ε > 0 on (0, 1), ε̄ ≥ 0",
        "drifts Lipschitz in x on closed subintervals of (0, 1)",
    ),
    assumptions=("an SDE with Lipschitz drift has one strong solution", "Lévy's characterisation; Itô's product rule"),
    source="arXiv:2602.03789 (abstract); derived here",
)

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
source = ss.Schedule(alpha, beta)
optimal, V = source.eps_star, alpha**2 + rho**2 * beta**2

# -- the noise, read and used ---------------------------------------------------------------------------------------

dt = sp.Symbol("dt", positive=True)
noise_of_step, step_of_path = sp.symbols("dW dX", real=True)
drifts, scales = sp.symbols("b1:4", real=True), sp.symbols("e1:4", positive=True)


def read(increment, drift, scale):
    """The noise of an increment."""
    return (increment - drift * dt) / sp.sqrt(2 * scale)


def driven(noise, drift, scale):
    """The increment that a noise makes."""
    return drift * dt + sp.sqrt(2 * scale) * noise


@theorem.step("Read and used again it gives back the path; through a third scale it is as if read from the first")
def groupoid(reader=read):
    (b1, b2, b3), (e1, e2, e3) = drifts, scales
    second = driven(reader(step_of_path, b1, e1), b2, e2)
    return {
        "noise": reader(driven(noise_of_step, b1, e1), b1, e1) - noise_of_step,
        "there and back": driven(reader(second, b2, e2), b1, e1) - step_of_path,
        "composed": driven(reader(second, b2, e2), b3, e3) - driven(reader(step_of_path, b1, e1), b3, e3),
    }


@theorem.step("What is read has the bracket dt: (√(2ε))²/(2ε) = 1, and after the time change τ̇^(−1)·τ̇ = 1")
def brownian(square=2 * scales[0]):
    unit = driven(noise_of_step, 0, scales[0]).coeff(noise_of_step)
    return {"read": unit**2 / square - 1, "changed": (tau.diff(t) ** -sp.S.Half) ** 2 * tau.diff(t) - 1}


@theorem.step("With ε̄ = c²τ̇ε the noise of X̄ − cX_τ is 0: its equation has the solution 0, C3")
def same_kappa(scale=c**2 * tau.diff(t) * scales[0]):
    # dW_τ = √τ̇ dW̄ in  d(cX_τ) = (…)dt + c√(2ε) dW_τ
    return 2 * scale - (c * sp.sqrt(2 * scales[0]) * sp.sqrt(tau.diff(t))) ** 2


@theorem.step("The package's step is this one, with the drifts of both ends, and reading gives back its noise")
def package_step(share=sp.S.Half):
    b1, b2, _ = drifts
    width = sp.Symbol("u", positive=True)
    push = pushed(dt, b1, b2)
    return {
        "drift": push - share * dt * (b1 + b2),
        "driven": step_of(noise_of_step / sp.sqrt(dt), pushed(dt, b1, b1), sp.sqrt(2 * scales[0] * dt))
        - driven(noise_of_step, b1, scales[0]),
        "read": noise_of(step_of(noise_of_step, push, width), push, width) - noise_of_step,
    }


theorem.sabotage(package_step, "both drifts in full", share=1)


def half_read(increment, drift, scale):
    return (increment - drift * dt) / sp.sqrt(scale)


theorem.sabotage(groupoid, "√ε for √(2ε)", reader=half_read)
theorem.sabotage(groupoid, "the drift left in", reader=lambda increment, _, scale: increment / sp.sqrt(2 * scale))
theorem.sabotage(brownian, "ε for 2ε", square=scales[0])
theorem.sabotage(same_kappa, "τ̇ dropped", scale=c**2 * scales[0])

# -- Gaussian data --------------------------------------------------------------------------------------------------

kappa_bar = sp.Symbol("kappa'", positive=True)
one, other = sp.symbols("x x'", real=True)
eps, eps_bar = sp.symbols("epsilon epsilon'", positive=True)
g, g_bar = ((V.diff(t) / 2 - scale) / V for scale in (eps, eps_bar))


def generator(f, shared):
    """Of (X, X̄), driven by one Brownian motion."""
    own = g * one * f.diff(one) + g_bar * other * f.diff(other) + eps * f.diff(one, 2) + eps_bar * f.diff(other, 2)
    return own + shared * f.diff(one, other)


@theorem.step("Itô: L(x²) = 2gx² + 2ε, L(x̄²) = 2ḡx̄² + 2ε̄, L(xx̄) = (g + ḡ)xx̄ + 2√(εε̄)")
def moments(shared=2 * sp.sqrt(eps * eps_bar)):
    return {
        "x²": generator(one**2, shared) - 2 * g * one**2 - 2 * eps,
        "x̄²": generator(other**2, shared) - 2 * g_bar * other**2 - 2 * eps_bar,
        "xx̄": generator(one * other, shared) - (g + g_bar) * one * other - sp.sqrt(2 * eps) * sp.sqrt(2 * eps_bar),
    }


@theorem.step("ε*/V = ½ d/dt log h, h = β²/V: the signal's share of the variance is the clock of every κ")
def clock(rate=optimal / V):
    return {"V": source.variance(rho) - V, "clock": sp.log(beta**2 / V).diff(t) / 2 - rate}


R0, h0 = sp.Symbol("R0", real=True), sp.Symbol("h0", positive=True)
LIMIT = 2 * sp.sqrt(kappa * kappa_bar) / (kappa + kappa_bar)


@theorem.step("R = R∞ + (R₀ − R∞)(h₀/h)^((κ+κ̄)/2), R∞ = 2√(κκ̄)/(κ+κ̄): VR solves the equation of C")
def correlation(limit=LIMIT, power=(kappa + kappa_bar) / 2):
    h = beta**2 / V
    kept = (h0 / h) ** power
    R = limit + (R0 - limit) * kept
    scales_ = {eps: kappa * optimal, eps_bar: kappa_bar * optimal}
    rate = (g + g_bar).subs(scales_)
    # (VR)˙ = (g + ḡ)VR + 2√(κκ̄) ε*, divided by V, with d kept/dt = −power (log h)˙ kept
    slope = -power * sp.log(h).diff(t) * kept * (R0 - limit)
    return {
        "kept": sp.expand_log(sp.log(kept), force=True).diff(t) + power * sp.log(h).diff(t),
        "equation": slope + (V.diff(t) / V - rate) * R - 2 * sp.sqrt(kappa * kappa_bar) * optimal / V,
        "at the start": (V / V * R).subs(kept, 1) - R0,
    }


@theorem.step("E|X̄ − X|²/V = 2(1 − R∞) = 2(√κ − √κ̄)²/(κ + κ̄): 0 only for κ̄ = κ")
def distance(gap=(sp.sqrt(kappa) - sp.sqrt(kappa_bar)) ** 2):
    return 2 * (1 - LIMIT) - 2 * gap / (kappa + kappa_bar)


@theorem.step("In the target's units: h is invariant, and V̄ = c²V(τ), so R is the correlation in any pair of schedules")
def invariance(scale=c**2):
    target = ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))
    bar = target.variance(rho)
    return {"V": bar - scale * V.subs(t, tau), "h": target.beta**2 / bar - (beta**2 / V).subs(t, tau)}


theorem.sabotage(moments, "independent noises", shared=sp.S.Zero)
theorem.sabotage(moments, "ε + ε̄ for 2√(εε̄)", shared=eps + eps_bar)
theorem.sabotage(clock, "ε*/α², the clock of r²", rate=optimal / alpha**2)
theorem.sabotage(correlation, "R∞ = 1", limit=sp.S.One)
theorem.sabotage(correlation, "κ + κ̄ for its half", power=kappa + kappa_bar)
theorem.sabotage(distance, "κ − κ̄ squared", gap=(kappa - kappa_bar) ** 2)
theorem.sabotage(invariance, "c for c²", scale=c)

# -- numbers --------------------------------------------------------------------------------------------------------


@theorem.values("R∞ = 4/5 for κ = 1 and κ̄ = ¼, and √8/3 for 1 and 2; the ODE (κ̄ = 0) forgets all that is noise")
def reference(limit=LIMIT):
    for first, second, known in ((1, sp.Rational(1, 4), sp.Rational(4, 5)), (1, 2, sp.sqrt(8) / 3), (1, 0, 0)):
        yield f"κ = {first}, κ̄ = {second}", limit.subs({kappa: first, kappa_bar: second}), known


@theorem.interval("0 < R∞ < 1 for κ = 1 and κ̄ = t in (0, 1); h increases in t, so the start is forgotten (ρ = 2)")
def bounded(sign=1):
    limit = LIMIT.subs({kappa: 1, kappa_bar: t})
    yield "R∞", sign * limit, "positive"
    yield "1 − R∞", sign * (1 - limit), "positive"
    for schedule in (ss.schedules.linear(), ss.schedules.vp()):
        yield f"log h, {schedule}", sign * schedule.eps_star / schedule.variance(2), "positive"


theorem.sabotage(reference, "the harmonic mean over the arithmetic one", limit=LIMIT**2)
theorem.sabotage(bounded, "wrong sign", sign=-1)

# -- paths: linear with κ = 1 becomes trigonometric with κ̄ = ¼ --------------------------------------------------------

LEVEL = 1e-6  # of each Monte Carlo check: the probability that it rejects a true claim
FIRST, LAST, STEPS = 0.1, 0.9, 32  # in the target's time
KAPPAS = (sp.S.One, sp.Rational(1, 4))
SCHEDULES = (ss.schedules.linear(), ss.schedules.vp())
GAUSSIAN = ss.Gaussian(0, 0.7)
MIXTURE = ss.GaussianMixture((0.3, 0.7), (-1.2, 0.8), (0.3, 0.5))


@cache
def clocks():
    """The target's grid, and τ and c there."""
    import numpy as np

    grid = np.linspace(FIRST, LAST, STEPS + 1)
    time, scale, *_ = ss.convert(*SCHEDULES).at(grid)
    return grid, time, scale


def undivided(sde, times, paths):
    """With √ε for √(2ε)."""
    return 2**0.5 * driving.read(sde, times, paths)


def undrifted(sde, times, paths):
    """The increment of the path for its noise."""
    import numpy as np

    return np.diff(paths, axis=0) / noise_variance(sde.eps, times)[:, None] ** 0.5


def pair(law, size, seed, reader):
    """Paths X of the source, and X̄ of the target made from nothing but them; both at the last time, X times c."""
    grid, time, scale = clocks()
    own, target = (ss.InterpolantSDE(one, law, kappa=power) for one, power in zip(SCHEDULES, KAPPAS, strict=True))
    result = ss.simulate(own, size, scheme="heun", grid=time, save=time, seed=seed, keep_paths=size)
    paths = result.paths
    made = driving.driven(target, grid, scale[0] * paths[0], reader(own, time, paths))
    return scale[-1] * paths[-1], made[-1]


def level(time, law):
    """V̄ and the signal's share h = β²/V̄ at a time of the target, for data of this law's variance."""
    import numpy as np

    a, b = np.cos(np.pi * time / 2), np.sin(np.pi * time / 2)
    variance = a**2 + float(law.covariance) * b**2
    return variance, b**2 / variance


@theorem.monte_carlo("Gaussian data: X̄, made from X alone, has variance V̄ and the stated correlation with c X_τ")
def gaussian(setting, reader=driving.read, limit=LIMIT):
    record = Record()
    (_, h_first), (V_last, h_last) = (level(time, GAUSSIAN) for time in (FIRST, LAST))

    def correlation_at_end(of):
        end = float(of.subs({kappa: KAPPAS[0], kappa_bar: KAPPAS[1]}))
        return end + (1 - end) * (h_first / h_last) ** float(sum(KAPPAS) / 2)  # R₀ = 1

    R, harmonic = correlation_at_end(limit), correlation_at_end(LIMIT**2)

    def test(size, seed):
        path, made = pair(GAUSSIAN, size, seed, reader)
        record.variance("Var X̄", made, V_last)
        record.mean("E[X̄ c X_τ]", path * made, R * V_last)
        rest = made - R * path
        laws = [ss.verdicts.sample_gaussian_p_value(rest, 0, (1 - R**2) * V_last)]
        return ss.verdicts.combine([*laws, ss.verdicts.correlation_p_value(rest, path)])

    size = setting.size(8_000)
    # Heun's method has weak order 2: its bias, 32 steps, is below 10⁻², half of what the sample resolves.
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    seen = (R - harmonic) / (1 - 2 * R * harmonic + harmonic**2) ** 0.5  # what the weakest twin leaves in `rest`
    power = ss.verdicts.correlation_power(seen, size, LEVEL / 2)
    measured = f"correlation {R:.4f}: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, power, record.points)


@theorem.monte_carlo("Mixture data: X̄, made from X alone, has the target's marginal law")
def mixture(setting, reader=driving.read):
    import numpy as np
    from scipy import stats

    a, b = np.cos(np.pi * LAST / 2), np.sin(np.pi * LAST / 2)
    parts = [tuple(map(float, part)) for part in zip(MIXTURE.weights, MIXTURE.means, MIXTURE.stds, strict=True)]

    def cdf(points):
        return sum(w * stats.norm.cdf(points, b * m, np.hypot(a, b * d)) for w, m, d in parts)

    def test(size, seed):
        return ss.verdicts.sample_ks_p_value(pair(MIXTURE, size, seed, reader)[1], cdf)

    size = setting.size(14_000)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    # The drift left in the noise acts as b + √(ε̄/ε) b_source: what it does to the law is not known in closed form, so
    # the stated power is against a law with another spread by one tenth.
    places = [k / 50 for k in range(-150, 151)]
    apart = max(abs(cdf(1.1 * place) - cdf(place)) for place in places)
    power = ss.verdicts.ks_power(apart, size, LEVEL)
    return Evidence(decision.accepted, f"mixture: p = {decision.p_values[-1]:.2g}", LEVEL, power)


theorem.sabotage(gaussian, "√ε for √(2ε)", reader=undivided)
theorem.sabotage(gaussian, "the drift left in the noise", reader=undrifted)
theorem.sabotage(gaussian, "the harmonic mean over the arithmetic one", limit=LIMIT**2)
theorem.sabotage(mixture, "√ε for √(2ε)", reader=undivided)
theorem.sabotage(mixture, "the drift left in the noise", reader=undrifted)
