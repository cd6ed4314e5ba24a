"""C5.  Covariance of ε*: the optimal scale of the target is the converted optimal scale of the source.

    ε̄* = c² τ̇ ε*(τ),       so that       κ = ε/ε*       is the same number before and after a conversion.

Proof.  ε* = α² d/dt log r.  Under the conversion of C2, ᾱ = c α(τ) brings c² and r̄ = r(τ) brings τ̇: these are the
factors that C3 gives to every scale.  In other words (ε*/α²) dt = d log r does not know which schedule it belongs to.

What can be seen of κ: for Gaussian data the correlation of the SDE between two times depends on the two noise levels
and κ alone, so paths of the source, converted, have the two-time covariance of the target with the same κ.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, eps, kappa, rho, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C5",
    title="Covariance of ε*",
    statement="ε̄* = c²τ̇ ε*(τ), so κ = ε/ε* is invariant under conversion.",
    hypotheses=("the conversion (τ, c) of C2",),
    source="arXiv:2602.03789",
)

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
source = ss.Schedule(alpha, beta)
target = ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))


def push(scale, rate=tau.diff(t)):
    """C3: c² τ̇ ε(τ)."""
    return c**2 * rate * scale.subs(t, tau)


@theorem.step("ε* of the target is the pushed ε* of the source")
def covariance(pushed=push(source.eps_star)):
    return target.eps_star - pushed


@theorem.step("The same as one-forms: (ε̄*/ᾱ²) dt = (ε*/α²)(τ) dτ = d log r")
def one_form(rate=tau.diff(t)):
    own = source.eps_star / alpha**2
    return {"target": target.eps_star / target.alpha**2 - own.subs(t, tau) * rate, "log r": own - source.log_r_dot}


@theorem.step("κ is invariant: κ(τ) ε* pushed is κ(τ) ε̄*, also when κ moves with time")
def invariance(pushed=push):
    moving = sp.Function("kappa", nonnegative=True)(t)
    return {
        "constant": pushed(kappa * source.eps_star) - kappa * target.eps_star,
        "moving": pushed(moving * source.eps_star) - moving.subs(t, tau) * target.eps_star,
        "ratio": pushed(eps) / target.eps_star - (eps / source.eps_star).subs(t, tau),
    }


theorem.sabotage(covariance, "τ̇ dropped", pushed=push(source.eps_star, rate=1))
theorem.sabotage(covariance, "ε* with β̇ and α̇ exchanged", pushed=push(alpha**2 * alpha.diff(t) / alpha))
theorem.sabotage(one_form, "τ̇ dropped", rate=1)
theorem.sabotage(invariance, "τ̇ dropped", pushed=lambda scale: push(scale, rate=1))

# What κ does to paths: X ~ N(0, ρ²), V = α² + ρ²β², b^ε = ((V̇/2 − ε)/V) x (C8).
V = source.variance(rho)
s = sp.Symbol("s", positive=True)


@theorem.step("Gaussian data: Cov(X_s, X_t) = √(V_s V_t) (β_s√V_t/(β_t√V_s))^κ solves dCov/dt = ((V̇/2 − κε*)/V) Cov")
def covariance_in_time(power=kappa):
    start = {part: part.subs(t, s) for part in (alpha, beta)}
    V_s = V.subs(start)
    kept = (start[beta] * sp.sqrt(V) / (beta * sp.sqrt(V_s))) ** power
    cov = sp.sqrt(V_s * V) * kept
    slope = (V.diff(t) / 2 - kappa * source.eps_star) / V
    return {"slope": cov.diff(t) / cov - slope, "start": cov.subs(s, t) - V}


@theorem.step("In units of the standard deviations it is a function of r alone: the same for every schedule")
def correlation_by_ratio(level=source.snr):
    share = level / (1 + rho**2 * level)  # β²/V
    return {
        "source": source.beta**2 / V - share,
        "target": target.beta**2 / target.variance(rho) - share.subs(t, tau),
    }


theorem.sabotage(covariance_in_time, "κ doubled", power=2 * kappa)
theorem.sabotage(correlation_by_ratio, "r for r²", level=source.r)

# -- the catalogue ----------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def conversions():
    """From a standard schedule to a point mass, from radicals to powers, from a point mass to exponentials."""
    pairs = (
        (catalogue.linear(), catalogue.follmer()),
        (catalogue.linear_vp(), catalogue.polynomial(2, 3)),
        (catalogue.follmer(), catalogue.ddpm()),
        (catalogue.linear(), ss.Schedule("(1 - t)*exp(-t)", "log(1 + t)/log(2)")),
    )
    return tuple(ss.convert(one, other) for one, other in pairs)


def pushed_by_library(conversion):
    return conversion.eps(conversion.source.eps_star)


def without_square(conversion):
    return pushed_by_library(conversion) / conversion.scale


@theorem.step("Catalogue: the library's pushed ε* is the target's ε*")
def catalogue_covariance(pushed=pushed_by_library):
    return {str(one): one.target.eps_star - pushed(one) for one in conversions()}


@theorem.values("ε* of linear at 1/4 is 3, of Föllmer 1/2, of the trigonometric schedule (π/2) cot(πt/2)")
def reference(factor=1):
    here = sp.Rational(1, 4)
    yield "linear", factor * catalogue.linear().eps_star.subs(t, here), 3
    yield "follmer", factor * catalogue.follmer().eps_star.subs(t, here), sp.Rational(1, 2)
    yield "vp", factor * catalogue.vp().eps_star.subs(t, here), sp.pi / 2 * sp.cot(sp.pi / 8)


@theorem.values("Catalogue at 50 digits")
def numbers(pushed=pushed_by_library):
    for k, one in enumerate(conversions()):
        here = sp.Rational(2 * k + 5, 19)
        yield str(one), pushed(one).subs(t, here), one.target.eps_star.subs(t, here)


@theorem.interval("ε* > 0 on (0, 1): it is positive in every schedule or in none")
def positive(sign=1):
    for one in conversions():
        yield str(one.source), sign * one.source.eps_star, "positive"
        yield str(one.target), sign * one.target.eps_star, "positive"


theorem.sabotage(catalogue_covariance, "c for c²", pushed=without_square)
theorem.sabotage(reference, "factor 2", factor=2)
theorem.sabotage(numbers, "c for c²", pushed=without_square)
theorem.sabotage(positive, "wrong sign", sign=-1)

# -- paths --------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
TIMES = (0.25, 0.75)
KAPPAS = (sp.S.Half, sp.S(2))


def two_time_covariance(schedule, power, std):
    """The exact Cov(X_s, X_t) at TIMES, by the formula decided above."""
    first, last = (sp.Rational(time) for time in TIMES)
    V_s, V_t = (schedule.variance(std).subs(t, time) for time in (first, last))
    ratio = (schedule.beta.subs(t, first) * sp.sqrt(V_t)) / (schedule.beta.subs(t, last) * sp.sqrt(V_s))
    return float(sp.sqrt(V_s * V_t) * ratio**power), float(V_s), float(V_t)


def source_pairs(conversion, power, std, size, seed):
    """c X_τ at the two target times, from the source's SDE with scale κε*, integrated exactly from the law at τ_s."""
    import numpy as np

    source, (time, scale, *_) = conversion.source, conversion.at(TIMES)
    slope, constant = ss.InterpolantSDE(source, ss.Gaussian(0, std), kappa=power).affine
    start = float(source.variance(std).subs(t, sp.Rational(time[0]))) ** 0.5
    sde = ss.Diffusion(slope * x + constant, power * source.eps_star, ss.Gaussian(0, start))
    grid = np.linspace(time[0], time[1], 9)
    run = ss.simulate(sde, size, scheme="exponential", grid=grid, save=[grid[0], grid[-1]], seed=seed, keep_paths=size)
    return run.paths * scale[:, None]


def regression_p_value(pairs, exact):
    """p-value of a joint Gaussian law: X_t less its regression on X_s is Gaussian, and independent of X_s."""
    cov, V_s, V_t = exact
    rest = pairs[1] - cov / V_s * pairs[0]
    own_law = ss.verdicts.sample_gaussian_p_value(rest, 0, V_t - cov**2 / V_s)
    return ss.verdicts.combine([own_law, ss.verdicts.correlation_p_value(rest, pairs[0])])


def regression_power(exact, other, size):
    """Power of its second half when the covariance is `exact` and `other` is claimed."""
    (cov, V_s, V_t), (wrong, *_) = exact, other
    spread = V_t - cov**2 / V_s + (cov - wrong) ** 2 / V_s
    return ss.verdicts.correlation_power((cov - wrong) / (V_s * spread) ** 0.5, size, LEVEL / 4)


@theorem.monte_carlo("Converted paths of the source with κ have the two-time covariance of the target with the same κ")
def same_kappa(setting, carried=lambda power: power):
    conversion, std, seen = conversions()[0], sp.Rational(1, 2), Record()
    exact = {power: two_time_covariance(conversion.target, carried(power), std) for power in KAPPAS}

    def test(size, seed):
        # Exact start, exact transitions (16-point quadrature of the linear SDE): nothing is left but sampling error.
        runs = [(source_pairs(conversion, power, std, size, seed + k), exact[power]) for k, power in enumerate(KAPPAS)]
        for power, (pairs, law) in zip(KAPPAS, runs, strict=True):
            seen.mean(f"Cov(X̄_s, X̄_t), κ = {power}", pairs[0] * pairs[1], law[0])  # both have mean 0
        return ss.verdicts.combine([regression_p_value(pairs, law) for pairs, law in runs])

    size = setting.size(PATHS)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    laws = [two_time_covariance(conversion.target, KAPPAS[0] * share, std) for share in (1, sp.Rational(3, 2))]
    measured = f"κ = 1/2 and 2 carried over: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, regression_power(*laws, size), seen.points)


theorem.sabotage(same_kappa, "κ multiplied by 3/2 on the way", carried=lambda power: power * sp.Rational(3, 2))
