"""C21.  DDIM(η) is a κ.

A sampler that asks its model once per step holds the answer p = η_X while it moves from t to t′.  With ε = κε* the SDE
with a held prediction is linear, dX = (A X + B p) dt + √(2ε) dW, and Aβ + B = β̇: y = X − βp obeys dy = A y dt + noise.
With A = d/dt log(α r^(−κ)) and 2ε = 2κα² d/dt log r,

    X′ = β′p + α′ (r/r′)^κ (X − βp)/α + α′ √(1 − (r/r′)^(2κ)) ξ.

This is DDIM's step, X′ = β′p + √(α′² − σ²) ẑ + σξ, with σ² = α′²(1 − (r/r′)^(2κ)).  DDIM chooses σ by a number η, in
its own letters ᾱ = β², 1 − ᾱ = α²:  σ = η √((1 − ᾱ′)/(1 − ᾱ)) √(1 − ᾱ/ᾱ′), which is

    σ² = η² α′² (1 − (r/r′)²),    so that    η² (1 − s²) = 1 − s^(2κ),    s = r/r′ < 1.

In this form no schedule is left in it, and it is DDIM(η) in schedules that do not preserve the variance, too.

- η = 0 is κ = 0 and η = 1 is κ = 1, in steps of any length; otherwise κ depends on the length of the step,
  κ = log(1 − η²(1 − s²))/log s², and it tends to η² as the step becomes short: κ = η² − η²(1 − η²) log(1/s) + ….
- For η < 1 a long step is less noisy than the κ of its limit: κ < η², and κ → 0 as s → 0.  For η > 1 it is noisier, and
  there is such a step only while η²(1 − s²) ≤ 1, where κ becomes infinite: all noise is replaced.
- Steps of one κ compose: two steps with one held prediction are one long step.  Those of one η compose only for
  η = 0 and η = 1; else the two steps differ from the one by η²(η² − 1)(1 − s₁²)(1 − s₂²) in the noise that is kept.

So η is a κ that moves with the grid, and κ is the parameter that belongs to the equation.

Source: the step is that of Song, Meng, Ermon (DDIM); the SDE form of such steps is Lu et al., arXiv:2211.01095 (κ = 1),
and Zhang, Tao, Chen, arXiv:2206.05564 (gDDIM: DDIM as an SDE's step with something held, for every κ);
the identity is derived here.
"""

import mpmath
import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.precision import digits
from symsched.sde.equation import data_form
from symsched.steps import laws
from symsched.symbols import alpha, beta, kappa, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C21",
    title="DDIM(η) is a κ",
    statement="With η_X held over a step, scale κε* gives noise of variance α′²(1 − s^(2κ)), s = r/r′.  DDIM's η is "
    "η²(1 − s²) = 1 − s^(2κ): κ = η² in the limit of short steps, κ = η in steps of any length for η = 0, 1 alone.",
    hypotheses=("α, β > 0 and C¹ on (0, 1), r increasing", "κ ≥ 0", "η_X is held over the step", "η²(1 − s²) < 1"),
    assumptions=("a linear SDE has the variation-of-constants solution (Itô isometry for its variance)",),
    source="DDIM (Song, Meng, Ermon); arXiv:2211.01095; cf. arXiv:2206.05564; the relation is derived here",
)

general = ss.Schedule(alpha, beta)
p = sp.Symbol("p", real=True)  # the prediction that is held
a0, b0 = sp.symbols("alpha_0 beta_0", positive=True)  # where the step begins
a1, b1 = sp.symbols("alpha_1 beta_1", positive=True)  # where it ends
s = sp.Symbol("s", positive=True)  # r/r′
eta = sp.Symbol("eta", positive=True)
scale = kappa * general.eps_star
A, B = data_form(general, scale)

# -- the step with a held prediction ------------------------------------------------------------------------------


@theorem.step("y = X − βp obeys dy = A y dt + √(2ε) dW, for every prediction p")
def deviation(follows=beta.diff(t)):
    return {"whatever ε": A * beta + B - follows, "drift": A * x + B * p - follows * p - A * (x - beta * p)}


@theorem.step("A is the logarithmic slope of α r^(−κ): without noise, y keeps its multiple of α r^(−κ)")
def integrating_factor(power=kappa):
    return A - sp.log(alpha).diff(t) + power * sp.log(general.r).diff(t)


@theorem.step("The variance α²(1 − (r₀/r)^(2κ)) solves v̇ = 2A v + 2ε and begins at 0")
def noise_gained(power=2 * kappa):
    ratio = (b0 / a0) / general.r
    variance = alpha**2 * (1 - ratio**power)
    return {
        "equation": variance.diff(t) - 2 * A * variance - 2 * scale,
        "start": variance.subs({alpha: a0, beta: b0}, simultaneous=True),
    }


def held_step(power, ratio):
    """(weight of X, of p, variance) of the step from α₀, β₀ to α₁, β₁."""
    stays = ratio**power
    return a1 / a0 * stays, b1 - a1 / a0 * stays * b0, a1**2 * (1 - stays**2)


@theorem.step("The package's step with η_X held, for ε = κε*, is this one")
def of_the_package(power=kappa):
    ratio = (b0 / a0) / (b1 / a1)
    keeps, gains = (form.subs({laws.ratio: ratio, laws.kappa: kappa}) for form in laws.retained())
    put = {"alpha": a0, "beta": b0, "alpha_next": a1, "beta_next": b1, "kept": keeps, "fresh": gains}
    weights = laws.held().put(**put)
    state, data, variance = held_step(power, ratio)
    return {"X": weights.state - state, "η_X": weights.data - data, "noise": weights.noise**2 - variance}


# -- DDIM ---------------------------------------------------------------------------------------------------------


def ddim(now, after, number, root=sp.sqrt):
    """DDIM's step from ᾱ to ᾱ′ as it is printed: (weight of X, of the data prediction, σ)."""
    sigma = number * root((1 - after) / (1 - now)) * root(1 - now / after)
    direction = root(1 - after - sigma**2)  # times (X − √ᾱ p)/√(1 − ᾱ)
    return direction / root(1 - now), root(after) - direction * root(now) / root(1 - now), sigma


low, more = sp.symbols("u d", positive=True)  # ᾱ = u/(1 + u + d) and ᾱ′ = (u + d)/(1 + u + d): ᾱ < ᾱ′ < 1
abar, abar_next = low / (1 + low + more), (low + more) / (1 + low + more)
preserving = {a0: sp.sqrt(1 - abar), b0: sp.sqrt(abar), a1: sp.sqrt(1 - abar_next), b1: sp.sqrt(abar_next)}
ratio_squared = abar * (1 - abar_next) / ((1 - abar) * abar_next)


@theorem.step("DDIM's σ² is η²α′²(1 − (r/r′)²): no schedule is left in η")
def ddim_noise(power=1):
    *_, sigma = ddim(abar, abar_next, eta)
    return sigma**2 - eta**2 * (1 - abar_next) * (1 - ratio_squared**power)


@theorem.step("η²(1 − s²) = 1 − s^(2κ) makes DDIM's step the step of κ: state, prediction and noise")
def matching(square=(1 - s ** (2 * kappa)) / (1 - s**2)):
    # σ and √(α′² − σ²) from η, beside the step of κ; s is free, as in a schedule of any kind.
    variance = a1**2 * square * (1 - s**2)
    state, data, noise = held_step(kappa, s)
    return {
        "noise": variance - noise,
        "state": (a1**2 - variance) / a0**2 - state**2,
        "prediction": b1 - b0 * state - data,
    }


@theorem.step("κ = log(1 − η²(1 − s²))/log s² solves it for κ; η = 1 is κ = 1 for every s")
def solved(power=sp.log(1 - eta**2 * (1 - s**2)) / sp.log(s**2)):
    return {
        "κ of η": sp.log(s) * 2 * power - sp.log(1 - eta**2 * (1 - s**2)),
        "η = 1": (power * sp.log(s**2)).subs(eta, 1) - 2 * sp.log(s),
    }


@theorem.step(
    "κ = 1 in DDIM's letters is the DDPM posterior: weights √ᾱ′(1 − ᾱ/ᾱ′)/(1 − ᾱ) and √(ᾱ/ᾱ′)(1 − ᾱ′)/(1 − ᾱ)"
)
def ddpm(share=1):
    # The state's weight α′/α · r/r′, squared, so that no root is left.
    state, data, noise = held_step(1, (b0 / a0) / (b1 / a1))
    put = {letter**2: value**2 for letter, value in preserving.items()}
    beta_now = 1 - abar / abar_next  # DDPM's β_t
    weight = beta_now * share / (1 - abar)
    return {
        "state": (state**2).expand().subs(put) - abar / abar_next * (1 - abar_next) ** 2 / (1 - abar) ** 2,
        "prediction": (data / b1).expand().subs(put) - weight,
        "noise": noise.expand().subs(put) - beta_now * (1 - abar_next) / (1 - abar),
    }


@theorem.step(
    "Conversion carries the step: c′ times the source's step at X/c is the target's, for every κ, so for every η"
)
def conversion(weight=1):
    c, d = sp.symbols("c c'", positive=True)
    ratio = (b0 / a0) / (b1 / a1)
    state, data, noise = held_step(kappa, ratio)
    put = {a0: c * a0, b0: c * b0, a1: d * a1, b1: d * b1}
    moved = [form.subs(put, simultaneous=True) for form in (state, data, noise)]
    return [moved[0] - d * state / c, moved[1] - d**weight * data, moved[2] - d**2 * noise]


# -- η is not κ ---------------------------------------------------------------------------------------------------

s1, s2 = sp.symbols("s1 s2", positive=True)


@theorem.step("Two steps of κ are one; two of η keep η²(η² − 1)(1 − s₁²)(1 − s₂²) more of the noise than one")
def composition(defect=eta**2 * (eta**2 - 1)):
    def keeps(ratio):
        return 1 - eta**2 * (1 - ratio**2)

    return {
        "κ": s1 ** (2 * kappa) * s2 ** (2 * kappa) - (s1 * s2) ** (2 * kappa),
        "η": keeps(s1) * keeps(s2) - keeps(s1 * s2) - defect * (1 - s1**2) * (1 - s2**2),
    }


@theorem.step("Short steps: κ = η² − η²(1 − η²)h + O(h²), h = log(r′/r)")
def short_steps(first=eta**2, second=-(eta**2) * (1 - eta**2)):
    h = sp.Symbol("h", positive=True)
    kept = sp.series(sp.log(1 - eta**2 * (1 - sp.exp(-2 * h))), h, 0, 3).removeO()
    order = sp.Poly(sp.expand(kept / (-2 * h)), h)
    return {"κ(0)": order.coeff_monomial(1) - first, "slope": order.coeff_monomial(h) - second}


def kappa_of(number, ratio):
    return sp.log(1 - number**2 * (1 - ratio**2)) / sp.log(ratio**2)


@theorem.values(
    "Numbers: η = ½ in steps that multiply r by 2 and by 10¹², by 1 + 10⁻²⁰, and η = 1 and √2", tolerance=1e-18
)
def numbers(square=sp.Rational(1, 4)):
    half, short = sp.S.Half, 1 / (1 + sp.Rational(1, 10**20))
    return [
        ("η = ½, s = ½", kappa_of(half, half), sp.log(sp.Rational(16, 13)) / (2 * sp.log(2))),
        ("η = ½, s → 1", kappa_of(half, short), square),
        ("η = ½, s → 0: κ log s²", sp.limit(sp.log(1 - square * (1 - s**2)), s, 0), sp.log(sp.Rational(3, 4))),
        ("η = 1, s = 1/3", kappa_of(1, sp.Rational(1, 3)), 1),
        ("η = √2, s = ¾", kappa_of(sp.sqrt(2), sp.Rational(3, 4)), sp.log(8) / sp.log(sp.Rational(16, 9))),
    ]


@theorem.values("The variance of the held step by quadrature of 2ε Ψ², in two schedules, κ = ⅓ and 2", tolerance=1e-35)
def by_quadrature(power=2):
    low, high = sp.Rational(1, 5), sp.Rational(7, 10)
    schedules = (ss.schedules.vp(), ss.Schedule("(1 - t)*exp(-t)", "t*(3 + t)/4"))
    for schedule in schedules:
        for k in (sp.Rational(1, 3), sp.Integer(2)):
            with digits(50):
                a, b, rate = (sp.lambdify(t, f, "mpmath") for f in (schedule.alpha, schedule.beta, schedule.log_r_dot))
                number = mpmath.mpf(k.p) / k.q

                def integrand(time, a=a, b=b, rate=rate, number=number):
                    factor = (a(time) / b(time)) ** -number / a(time)  # 1/Ψ, Ψ = α r^(−κ)
                    return 2 * number * a(time) ** 2 * rate(time) * factor**2

                start, end = (mpmath.mpf(v.p) / v.q for v in (low, high))
                gained = mpmath.quad(integrand, [start, (start + end) / 2, end])
                variance = gained * (a(end) * (a(end) / b(end)) ** number) ** 2
                ratio = b(start) * a(end) / (a(start) * b(end))
                yield f"{schedule}, κ = {k}", variance, a(end) ** 2 * (1 - ratio ** (power * number))


@theorem.interval("For η < 1 the κ of a step is below η²; for η > 1 it is above; so η is κ at 1 and nowhere else")
def sides(flip=1):
    # 1 − η²(1 − s²) = s^(2κ) > s^(2η²) says κ < η²; t stands for s².  For η² = 2, s² = (1 + t)/2 > ½.
    below = [sp.Rational(k, 4) for k in (1, 2, 3)]
    found = [(f"η² = {n}", flip * (1 - n * (1 - t) - t**n), "positive") for n in below]
    level = (1 + t) / 2
    return [*found, ("η² = 2", flip * (level**2 - (1 - 2 * (1 - level))), "positive")]


# -- Monte Carlo --------------------------------------------------------------------------------------------------

STOPS = (0.2, 0.5, 0.9)
FIRST, PREDICTED = 0.7, -0.4


@theorem.monte_carlo(
    "The SDE with η_X held, simulated in α² = 1 − t, β² = t, has the law of DDIM's printed step, ᾱ = t"
)
def held_paths(setting, square=lambda k, ratio: (1 - ratio**k) / (1 - ratio)):
    """The paths know κ alone, the law they should have knows η alone; ratio is (r/r′)²."""
    from symsched import verdicts

    schedule, cases, seen = ss.Schedule(sp.sqrt(1 - t), sp.sqrt(t)), [], Record()
    for k in (sp.Rational(1, 3), sp.Integer(2)):
        sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, 1), kappa=k)  # A and B do not depend on the data
        held = ss.Diffusion(sde.A * x + sde.B * sp.Rational(str(PREDICTED)), sde.eps, FIRST)
        laws_there = []
        for stop in STOPS[1:]:
            ratio = STOPS[0] * (1 - stop) / ((1 - STOPS[0]) * stop)
            number = float(square(float(k), ratio)) ** 0.5
            state, data, sigma = ddim(STOPS[0], stop, number, lambda v: v**0.5)
            laws_there.append((state * FIRST + data * PREDICTED, sigma**2))
        cases.append((k, held, laws_there))

    def test(size, seed):
        found = []
        for k, held, laws_there in cases:
            run = ss.simulate(held, paths=size, grid=STOPS, save=STOPS, scheme="exponential", seed=seed)
            for index, (mean, variance) in enumerate(laws_there, 1):
                found.append(verdicts.mean_p_value(run, mean, index))
                found.append(verdicts.gaussian_variance_p_value(run, variance, index))
                seen.moments(f"X at ᾱ = {STOPS[index]}, κ = {k}", run, mean, variance, index)
        return verdicts.combine(found)

    size = setting.size(PATHS // 10)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(0.9, size, found.level)
    measured = f"η of κ = ⅓, 2: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


theorem.sabotage(deviation, "β for β̇", follows=beta)
theorem.sabotage(integrating_factor, "r^(−2κ)", power=2 * kappa)
theorem.sabotage(noise_gained, "r^κ for r^(2κ)", power=kappa)
theorem.sabotage(of_the_package, "(r/r′)^(2κ) is kept", power=2 * kappa)
theorem.sabotage(ddim_noise, "r/r′ not squared", power=sp.S.Half)
theorem.sabotage(matching, "η² = κ in long steps", square=kappa)
theorem.sabotage(matching, "s^κ for s^(2κ)", square=(1 - s**kappa) / (1 - s**2))
theorem.sabotage(solved, "η for η²", power=sp.log(1 - eta * (1 - s**2)) / sp.log(s**2))
theorem.sabotage(ddpm, "half the prediction", share=sp.S.Half)
theorem.sabotage(conversion, "c′ for the prediction left out", weight=0)
theorem.sabotage(composition, "η²(η² + 1)", defect=eta**2 * (eta**2 + 1))
theorem.sabotage(short_steps, "κ = η", first=eta)
theorem.sabotage(short_steps, "no dependence on the step", second=0)
theorem.sabotage(numbers, "κ = η", square=sp.S.Half)
theorem.sabotage(by_quadrature, "r^κ for r^(2κ)", power=1)
theorem.sabotage(sides, "κ > η² for η < 1", flip=-1)
theorem.sabotage(held_paths, "η² = κ in long steps", square=lambda k, _: k if k < 1 else 1)
theorem.sabotage(held_paths, "s^κ for s^(2κ)", square=lambda k, ratio: (1 - ratio ** (k / 2)) / (1 - ratio))
