"""C6.  Optimality: ε* is the scale that hurts least when the score is wrong, and then the harm is the same in every
schedule.

A model predicts data with an error Δη_X(t, x); equivalently its score is wrong by Δs = βΔη_X/α².  Its drift is then
wrong by Δb = (ε* + ε) Δs.  By Girsanov the relative entropy of the path laws is ∫ E|Δb|²/(2·2ε) dt, that is

    KL(ε) = ∫ (ε* + ε)²/(4ε) E|Δs|² dt      and, with ε = κε*,      (1 + κ)²/(4κ) · ∫ ε* E|Δs|² dt.

Since (ε* + ε)²/(4ε) = ε* + (ε − ε*)²/(4ε), the minimum is at ε = ε*, pointwise and for every error.  Its value is

    ∫ ε* E|Δs|² dt = ½ ∫ E|Δη_X|² d(r²),

an integral over noise levels, in which the schedule has disappeared.

Source: Ma et al., SiT, arXiv:2401.08740 (bound for interpolants); Chen et al., arXiv:2403.13724 (optimal scale);
Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; the value without a schedule also in arXiv:2509.01629 and
arXiv:2602.10989.  Girsanov: Øksendal, Stochastic Differential Equations, 8.6.
"""

from functools import cache

import mpmath
import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.precision import digits
from symsched.sde.equation import data_form
from symsched.symbols import alpha, beta, eps, kappa, t, x
from symsched.theorem import Evidence, Theorem

theorem = Theorem(
    name="C6",
    title="Optimality of ε*",
    statement="KL = ∫ (ε* + ε)²/(4ε) E|Δs|² dt, least at ε = ε* with value ∫ε* E|Δs|² dt = ½∫E|Δη_X|² d(r²); "
    "with ε = κε* it is (1 + κ)²/(4κ) times that.",
    hypotheses=("ε > 0", "∫ E|Δb|²/ε dt < ∞, expectations under the true marginals", "one law at the start"),
    assumptions=("Girsanov's theorem",),
    source="arXiv:2401.08740, arXiv:2403.13724; cf. arXiv:2509.01629, arXiv:2602.10989",
)

source = ss.Schedule(alpha, beta)
scale = sp.Symbol("e", positive=True)  # ε at one time
best = sp.Symbol("e_star", positive=True)  # ε* there
harm = sp.Symbol("D", positive=True)  # E|Δs|² there

# -- the error of the drift -------------------------------------------------------------------------------------

eta, error = sp.symbols("eta_X Delta", real=True)


def score(prediction):
    """s = −η_Z/α with αη_Z = x − βη_X."""
    return -(x - beta * prediction) / alpha**2


def drift(prediction):
    """b + ε s, with the velocity α̇η_Z + β̇η_X."""
    noise = (x - beta * prediction) / alpha
    return alpha.diff(t) * noise + beta.diff(t) * prediction + eps * score(prediction)


@theorem.step("The score is wrong by βΔη_X/α²")
def score_error(wrong=beta * error / alpha**2):
    return score(eta + error) - score(eta) - wrong


@theorem.step("The drift is wrong by (ε* + ε) Δs")
def drift_error(weight=source.eps_star + eps):
    return drift(eta + error) - drift(eta) - weight * (score(eta + error) - score(eta))


theorem.sabotage(score_error, "α for α²", wrong=beta * error / alpha)
theorem.sabotage(drift_error, "ε* left out", weight=eps)

# -- the entropy of the paths -----------------------------------------------------------------------------------

h = sp.Symbol("h", positive=True)
b1, b2, z = sp.symbols("b1 b2 z", real=True)


def log_step(drift, to):
    """Log density of a step of length h, up to a constant: N(h b, 2εh)."""
    return -((to - h * drift) ** 2) / (2 * 2 * scale * h)


def gaussian_mean(expr, letter):
    """E of a polynomial in a standard normal."""
    moments = {0: 1, 1: 0, 2: 1}
    return sum(c * moments[k] for (k,), c in sp.Poly(sp.expand(expr), letter).terms())


@theorem.step("Girsanov, step by step: the log ratio of two steps has mean h |b₁ − b₂|²/(4ε) and twice that variance")
def girsanov(rate=(b1 - b2) ** 2 / (4 * scale)):
    to = h * b1 + sp.sqrt(2 * scale * h) * z
    ratio = log_step(b1, to) - log_step(b2, to)
    mean = gaussian_mean(ratio, z)
    return {"mean": mean - h * rate, "variance": gaussian_mean((ratio - mean) ** 2, z) - 2 * h * rate}


@theorem.step("So the rate of entropy is (ε* + ε)²/(4ε) |Δs|²")
def entropy_rate(rate=(best + scale) ** 2 / (4 * scale)):
    small = sp.Symbol("Delta_s", real=True)
    wrong_by = (best + scale) * small
    return wrong_by**2 / (4 * scale) - rate * small**2


theorem.sabotage(girsanov, "Girsanov with √ε for √(2ε)", rate=(b1 - b2) ** 2 / (2 * scale))
theorem.sabotage(entropy_rate, "ε* left out", rate=scale / 4)

# -- the minimum ------------------------------------------------------------------------------------------------

entropy = (best + scale) ** 2 / (4 * scale) * harm


@theorem.step("The derivative in ε vanishes at ε*, and only there")
def stationary(minimum=best):
    slope = entropy.diff(scale)
    (found,) = [root for root in sp.solve(slope, scale) if root.is_positive]
    return {"slope there": slope.subs(scale, minimum), "only root": found - minimum}


@theorem.step("KL − KL(ε*) = (ε − ε*)²/(4ε) E|Δs|² ≥ 0, and KL(ε*) = ε* E|Δs|²")
def completed_square(minimum=best):
    excess = (scale - minimum) ** 2 / (4 * scale) * harm
    return {"excess": entropy - minimum * harm - excess, "value": entropy.subs(scale, minimum) - minimum * harm}


@theorem.step("The second derivative is ε*²/(2ε³) E|Δs|²: the integrand is convex in ε")
def convex(second=best**2 / (2 * scale**3)):
    return entropy.diff(scale, 2) - second * harm


@theorem.step("With ε = κε*, the factor is (1 + κ)²/(4κ), symmetric under κ → 1/κ")
def factor(multiple=(1 + kappa) ** 2 / (4 * kappa)):
    return {
        "factor": entropy.subs(scale, kappa * best) - multiple * best * harm,
        "symmetry": multiple - multiple.subs(kappa, 1 / kappa),
    }


theorem.sabotage(stationary, "2ε*", minimum=2 * best)
theorem.sabotage(completed_square, "2ε*", minimum=2 * best)
theorem.sabotage(convex, "ε² for ε³", second=best**2 / (2 * scale**2))
theorem.sabotage(factor, "(1 + κ²)/(2κ)", multiple=(1 + kappa**2) / (2 * kappa))

# -- the value ----------------------------------------------------------------------------------------------------

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
target = ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))


@theorem.step("ε* |Δs|² dt = ½ |Δη_X|² d(r²)")
def over_noise_levels(measure=source.snr.diff(t) / 2):
    return source.eps_star * (beta / alpha**2) ** 2 - measure


@theorem.step("Under conversion the integrand is carried like a one-form: the integral stays")
def invariance(rate=tau.diff(t)):
    def integrand(schedule):
        return schedule.eps_star * (schedule.beta / schedule.alpha**2) ** 2

    return integrand(target) - rate * integrand(source).subs(t, tau)


theorem.sabotage(over_noise_levels, "d(r²) without ½", measure=source.snr.diff(t))
theorem.sabotage(invariance, "τ̇ dropped", rate=1)

# -- the catalogue ------------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def schedules():
    return (
        catalogue.linear(),
        catalogue.vp(),
        catalogue.follmer(),
        catalogue.ddpm(),
        catalogue.lazy(sp.Rational(1, 2)),
        ss.Schedule("(1 - t)*exp(-t)", "log(1 + t)/log(2)"),
    )


@theorem.step("Catalogue: ε* (β/α²)² = ½ d(r²)/dt")
def catalogue_levels(half=sp.S.Half):
    return {str(one): one.eps_star * (one.beta / one.alpha**2) ** 2 - half * one.snr.diff(t) for one in schedules()}


theorem.sabotage(catalogue_levels, "without ½", half=1)


def least_entropy(schedule, true=1, believed=sp.Rational(1, 2)):
    """∫ ε* E|Δs|² dt when the model believes in data N(0, ρ̂²) and the data is N(0, ρ²)."""
    one, other = (ss.Gaussian(0, std).eta_x(schedule).coeff(x) for std in (true, believed))
    mean_square = (one - other) ** 2 * schedule.variance(true) * (schedule.beta / schedule.alpha**2) ** 2
    integrand = sp.lambdify(t, schedule.eps_star * mean_square, "mpmath")
    with digits(60):
        return mpmath.quad(integrand, [0, mpmath.mpf(1) / 2, 1])


def entropy_of_data(true, believed):
    """KL of N(0, ρ²) from N(0, ρ̂²)."""
    ratio = sp.S(true) ** 2 / sp.S(believed) ** 2
    return (ratio - 1 - sp.log(ratio)) / 2


@theorem.values(
    "A wrong variance of Gaussian data: in every schedule the least KL is that of the data laws", tolerance=1e-40
)
def believed(multiple=1):
    # With ε = ε* both path laws are reversals of one forward SDE (C7), so all entropy is in the data they start from.
    expected = multiple * entropy_of_data(1, sp.Rational(1, 2))
    for schedule in schedules()[:3]:
        yield str(schedule), least_entropy(schedule), expected


theorem.sabotage(believed, "half of it", multiple=sp.S.Half)


@theorem.interval("ε* > 0, so that there is something to minimise over and the least KL is positive")
def positive(sign=1):
    for schedule in schedules():
        yield str(schedule), sign * schedule.eps_star, "positive"


theorem.sabotage(positive, "wrong sign", sign=-1)

# -- paths ----------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
KAPPAS = (sp.Rational(1, 4), sp.S.One, sp.S(4))
MIXTURE = ss.GaussianMixture([0.25, 0.75], [-1, 1], [0.5, 0.5])
STEPS = 64


@cache
def log_weights(power, size, seed):
    """log dP/dP̂ of Euler paths of the Föllmer SDE with ε = κ/2, for a model whose score is wrong by ±1, by sign x.

    |Δs| = 1 everywhere and ε* = 1/2, so the entropy of the chains is that of the SDEs: no discretisation error.
    """
    import numpy as np

    schedule = catalogue.follmer()
    exact = ss.InterpolantSDE(schedule, MIXTURE, kappa=power)
    grid, h = np.linspace(0, 1, STEPS + 1), 1 / STEPS
    scale, weight = (float(part.subs(t, sp.S.Half)) for part in (exact.eps, (1 + power) * schedule.eps_star))
    sde = written_out(schedule, exact.eps)
    states = ss.simulate(sde, size, grid=grid, save=grid, seed=seed, keep_paths=size).paths
    before = states[1:-1]  # the first step starts at the origin, where the sign of the error is 0
    drift = exact.drift_at(grid[1:-1, None], before)
    noise = states[2:] - before - h * drift  # √(2ε) ΔW
    wrong_by = weight * np.sign(before)
    return ((wrong_by**2 * h / 2 - wrong_by * noise) / (2 * scale)).sum(axis=0)


def written_out(schedule, scale):
    """The interpolant's SDE for the mixture, A x + B η_X: one compiled kernel for every schedule and scale."""
    from symsched.montecarlo.program.averages import written_out as stable_eta_x

    (eta,) = stable_eta_x(ss.InterpolantSDE(schedule, MIXTURE), (x,))
    A, B = data_form(schedule, scale)
    return ss.Diffusion(A * x + B * eta, scale, 0)


@theorem.monte_carlo("Girsanov weights of simulated paths: KL(κ) = (1 + κ)²/(4κ) KL(1), least at κ = 1")
def entropy_of_paths(setting, multiple=lambda power: (1 + power) ** 2 / (4 * power)):
    least, seen = (STEPS - 1) / STEPS / 2, Record()  # ∫ ε* E|Δs|² dt

    def weights(size, seed):
        return [log_weights(power, size, seed + k) for k, power in enumerate(KAPPAS)]

    def test(size, seed):
        # Given its past, each step's log ratio is Gaussian with variance twice its mean: so is the sum.
        claimed = [float(multiple(power)) * least for power in KAPPAS]
        pairs = list(zip(weights(size, seed), claimed, strict=True))
        for power, (logs, kl) in zip(KAPPAS, pairs, strict=True):
            seen.mean(f"KL of the paths at κ = {power}", logs, kl)
        return ss.verdicts.combine([ss.verdicts.sample_gaussian_p_value(logs, kl, 2 * kl) for logs, kl in pairs])

    size = setting.size(10_000)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    means = [logs.mean() for logs in weights(size, ss.verdicts.derived_seed(setting.seed, 0))]
    lowest = means[1] < min(means[0], means[2])  # sixteen standard errors apart, so no error rate to speak of
    measured = "KL at κ = 1/4, 1, 4: " + ", ".join(f"{value:.3f}" for value in means)
    power = ss.verdicts.mean_power(least * (17 / 8 - 25 / 16), (2 * least * 25 / 16) ** 0.5, size, LEVEL / 6)
    return Evidence(decision.accepted and bool(lowest), measured, LEVEL, power, seen.points)


theorem.sabotage(entropy_of_paths, "ε* left out of the error of the drift: κ/4", multiple=lambda power: power / 4)
theorem.sabotage(entropy_of_paths, "(1 + κ²)/(2κ)", multiple=lambda power: (1 + power**2) / (2 * power))
