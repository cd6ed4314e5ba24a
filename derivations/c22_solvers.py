"""C22.  Solvers and conversion: a step with η_X held does not know its schedule; Euler's step does.

In the coordinates y = x/α and u = log r the SDE with ε = κε* reads, for every schedule,

    dy = (−κ y + (1 + κ) r η_X) du + √(2κ) dW_u.

A conversion keeps r, η_X and x/α (C2), so it keeps this equation and every solver that is built on y, u and the model's
answers alone.  The first of these holds η_X over the step (DDIM for κ = 0, see C21): with s = r/r′,

    x′ = β′p + (α′/α) s^κ (x − βp) + α′ √(1 − s^(2κ)) ξ,        p = η_X(t, x),

commutes with every conversion, for every κ: convert, step, or step, convert.  Solvers of higher order in u do, too.

Euler's step x + h (A x + B p) + √(2εh) ξ is built on t.  With Ψ = α r^(−κ), for which A = Ψ̇/Ψ, it differs from the step
with η_X held by −½h²[(Ψ̈/Ψ)(x − βp) + β̈ p] + O(h³): for κ = 0 by −½h²(α̈ η_Z + β̈ η_X), the curvature of the interpolant
itself.  The two are equal in every step

- for κ = 0 iff α and β are affine in t;
- for κ > 0 only for κ = 1, and then iff β is affine and α² is a multiple of β: the process X = tX₁ + √t Z, for which
  dX = η_X dt + dW (stochastic localisation).  If the noise is drawn with its exact variance, and only the means are to
  agree, then for every κ > 0 iff β and α^(1+κ) β^(−κ) are affine.

Proof of "only if".  Euler's weights are affine in t′.  The other step's weight of x is Ψ(t′)/Ψ(t), so Ψ is affine; that
of p is β(t′) − β(t)Ψ(t′)/Ψ(t), so β is affine.  Euler's noise is affine in t′, and the other one has the second
derivative (α²)¨(t′) − 2p₁² r(t)^(2κ), p₁ the slope of Ψ: one term knows t′ alone and the other t alone, and r
increases, so p₁ = 0.  Then α^(1+κ) is a multiple of β^κ, α² one of β^q with q = 2κ/(1 + κ), and this must be affine:
(β^q)¨ = q(q − 1)β^(q−2) β̇² vanishes for q = 1 alone.  (It is κ = 0 alone for which "iff α and β are affine" holds.)

Source: the form in log r is that of DPM-Solver++, Lu et al., arXiv:2211.01095; commutation by C2 of arXiv:2602.03789;
the characterisation of Euler's step is derived here.
"""

from itertools import pairwise

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.sde.equation import data_form
from symsched.steps import laws
from symsched.symbols import alpha, beta, kappa, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C22",
    title="Solvers and conversion",
    statement="A step with η_X held commutes with every conversion, for every κ, and so does every solver in x/α and "
    "log r.  Euler's step equals it iff κ = 0 with α, β affine, or κ = 1 with β affine and α² a multiple of β.",
    hypotheses=("α, β > 0 and C² on (0, 1), r increasing", "ε = κε*, κ ≥ 0", "equal in every step from t to t′ > t"),
    assumptions=("a linear SDE has the variation-of-constants solution (Itô isometry for its variance)",),
    source="arXiv:2211.01095, arXiv:2602.03789; Euler's part is derived here",
)

general = ss.Schedule(alpha, beta)
p = sp.Symbol("p", real=True)  # the model's answer
later = sp.Symbol("t'", positive=True)
A, B = data_form(general, kappa * general.eps_star)


def at(expr, time):
    return expr.subs(t, time)


def held(schedule, power=kappa, noise_power=2):
    """(weight of x, of p, variance of the noise) of the step from t to t′ with η_X held; C21 derives it."""
    a, b, after, data = schedule.alpha, schedule.beta, at(schedule.alpha, later), at(schedule.beta, later)
    s = (b / a) / (data / after)
    return after / a * s**power, data - after / a * s**power * b, after**2 * (1 - s ** (noise_power * power))


def euler(schedule, power=kappa):
    """The same of Euler's step."""
    scale, h = power * schedule.eps_star, later - t
    state, data = data_form(schedule, scale)
    return 1 + h * state, h * data, 2 * scale * h


# -- conversion ---------------------------------------------------------------------------------------------------

tau = sp.Function("tau", positive=True)
c = sp.Function("c", positive=True)
target = ss.Schedule(c(t) * alpha.subs(t, tau(t)), c(t) * beta.subs(t, tau(t)))


@theorem.step("In y = x/α and u = log r: dy = (−κy + (1 + κ) r η_X) du + √(2κ) dW: no schedule is left")
def without_schedule(decay=kappa, gain=1 + kappa):
    pace = general.log_r_dot
    return {
        "y": (A - alpha.diff(t) / alpha) / pace + decay,
        "η_X": B / alpha / pace - gain * general.r,
        "noise": 2 * kappa * general.eps_star / alpha**2 / pace - 2 * kappa,
    }


@theorem.step("Conversion keeps x/α and r: with x̄ = c x, at τ, both are the source's")
def coordinates(power=1):
    return {
        "y": c(t) ** power * x / target.alpha - x / alpha.subs(t, tau(t)),
        "r": target.r - general.r.subs(t, tau(t)),
    }


def carried(weights, power=1):
    """The source's step from τ to τ′, on x̄/c, times c′."""
    moved = [w.subs({t: tau(t), later: tau(later)}, simultaneous=True) for w in weights]
    return c(later) / c(t) * moved[0], c(later) ** power * moved[1], c(later) ** 2 * moved[2]


@theorem.step(
    "The step with η_X held commutes with conversion: c′ · step_τ→τ′(x̄/c) is the target's own step, for every κ"
)
def commutes(power=1):
    pairs = zip(("x", "η_X", "noise"), held(target), carried(held(general), power), strict=True)
    return {name: own - other for name, own, other in pairs}


@theorem.step("It solves the SDE with p in the place of η_X: d/dt′ of its three weights is that of the moments")
def held_is_exact(noise_power=2):
    state, data, noise = held(general, noise_power=noise_power)
    ahead = {name: at(form, later) for name, form in (("A", A), ("B", B), ("ε", kappa * general.eps_star))}
    return {
        "x": state.diff(later) - ahead["A"] * state,
        "p": data.diff(later) - ahead["A"] * data - ahead["B"],
        "noise": noise.diff(later) - 2 * ahead["A"] * noise - 2 * ahead["ε"],
        "at t′ = t": [form.subs(later, t) - start for form, start in ((state, 1), (data, 0), (noise, 0))],
    }


@theorem.step(
    "The package's weights in log r'/r: the state's weight over α′/α, and all others over α′, know r and κ alone"
)
def package_weights(power=kappa):
    weights = laws.held_in_log_r()
    put = {laws.growth: -sp.log(sp.Symbol("s", positive=True)), laws.kappa: kappa}
    s = sp.Symbol("s", positive=True)
    state, data, noise = (form.subs(put).rewrite(sp.exp) for form in (weights.state, weights.data, weights.noise))
    after, own = laws.alpha_next, laws.alpha
    r_next = laws.beta_next / after
    return {
        "x": state * own / after - s**power,
        "η_X": data / after - r_next * (1 - s ** (1 + power)),
        "noise": noise / after - sp.sqrt(1 - s ** (2 * power)),
        "in r": laws.held().noise - after * sp.sqrt(laws.fresh),
    }


@theorem.step("The package's explicit and Heun steps of x' = Ax + B; Heun's is exact to h² for constant A and B")
def package_explicit(half=sp.S.Half):
    one, two, h = laws.explicit(), laws.trapezoid(), laws.h
    now, then = (laws.drift, laws.rest), (laws.drift_next, laws.rest_next)
    still = {then[0]: now[0], then[1]: now[1]}
    step = (two.state * x + two.data).subs(still)
    slope = now[0] * x + now[1]
    return {
        "explicit x": one.state - 1 - h * now[0],
        "explicit constant": one.data - h * now[1],
        "explicit noise": one.noise - laws.width,
        "x": two.state - 1 - half * h * (now[0] + then[0] * (1 + h * now[0])),
        "constant": two.data - half * h * (now[1] + then[1] + then[0] * h * now[1]),
        "noise": two.noise - laws.width * (1 + half * h * then[0]),
        "exact to h²": step - x - h * slope - h**2 / 2 * now[0] * slope,
    }


# -- Euler --------------------------------------------------------------------------------------------------------

slopes = sp.symbols("a b", real=True)
starts = sp.symbols("a_0 b_0", positive=True)


def straight(index):
    return starts[index] + slopes[index] * t


@theorem.step("κ = 0: if α and β are affine in t, Euler's step is the step with η_X held")
def affine_suffices(bend=0):
    schedule = ss.Schedule(straight(0) + bend * t**2, straight(1))
    pairs = zip(("x", "η_X", "noise"), euler(schedule, sp.S.Zero), held(schedule, sp.S.Zero), strict=True)
    return {name: one - other for name, one, other in pairs}


factor = sp.Symbol("e", positive=True)
gained = factor * slopes[1] * (later - t)  # e(β′ − β)


@theorem.step("κ = 1: if β is affine and α² = e·β, both steps are x + (β′ − β)η_X with noise of variance e(β′ − β)")
def localisation(noise=gained):
    schedule = ss.Schedule(sp.sqrt(factor * straight(1)), straight(1))
    claimed = (sp.S.One, slopes[1] * (later - t), noise)
    return {
        name: [one - other for one, other in zip(step(schedule, sp.S.One), claimed, strict=True)]
        for name, step in (("Euler", euler), ("held", held))
    }


@theorem.step("There the drift has no state in it: dX = β̇ η_X dt + √(eβ̇) dW, stochastic localisation")
def localised_equation(own=0):
    schedule = ss.Schedule(sp.sqrt(factor * beta), beta)
    state, data = data_form(schedule, schedule.eps_star)
    return {
        "x": state - own / t,
        "η_X": data - beta.diff(t),
        "2ε": 2 * schedule.eps_star - factor * beta.diff(t),
    }


@theorem.step("Any κ: A = Ψ̇/Ψ and the held weights are Ψ′/Ψ and β′ − βΨ′/Ψ; Euler's are these if Ψ and β are affine")
def means_suffice(power=kappa):
    psi = alpha * general.r ** (-power)
    ratio, line, data = at(psi, later) / psi, straight(0), straight(1)
    one = held(general)
    return {
        "A": A - sp.log(alpha).diff(t) + power * sp.log(general.r).diff(t),
        "B": B - beta.diff(t) + beta * A,
        "held": [one[0] - ratio, one[1] - at(beta, later) + beta * ratio],
        "x": 1 + (later - t) * slopes[0] / line - at(line, later) / line,
        "p": (later - t) * (slopes[1] - data * slopes[0] / line) - at(data, later) + data * at(line, later) / line,
    }


@theorem.step("Only if, the means: Ψ″(t′)/Ψ(t) and β″(t′) − β(t)Ψ″(t′)/Ψ(t) must vanish")
def means_need(power=kappa):
    psi = alpha * general.r ** (-power)
    bend = at(psi.diff(t, 2), later) / psi
    state, data, _ = (one - other for one, other in zip(held(general), euler(general), strict=True))
    return {
        "x": state.diff(later, 2) - bend,
        "p": data.diff(later, 2) - (at(beta.diff(t, 2), later) - beta * bend),
    }


@theorem.step("Only if, the noise, Ψ affine of slope p₁: its second derivative is (α²)¨(t′) − 2p₁² r(t)^(2κ)")
def noise_needs(slope_power=2):
    level = sp.Function("R", positive=True)  # r^κ
    slope = sp.Symbol("p_1", real=True)
    psi = lambda time: sp.Symbol("p_0", positive=True) + slope * time  # noqa: E731
    own = lambda time: psi(time) * level(time)  # noqa: E731  α = Ψ r^κ
    noise = own(later) ** 2 * (1 - (level(t) / level(later)) ** 2)  # α′²(1 − s^(2κ))
    return noise.diff(later, 2) - ((own(later) ** 2).diff(later, 2) - 2 * slope**slope_power * level(t) ** 2)


@theorem.step("p₁ = 0 makes α² a multiple of β^q, q = 2κ/(1 + κ), and for affine β (β^q)¨ = q(q − 1)β^(q−2)β̇²")
def powers(power=2 * kappa / (1 + kappa)):
    constant = sp.Symbol("P", positive=True)
    q = 2 * kappa / (1 + kappa)
    line = straight(1)
    root = constant * beta ** (power / 2)  # α, with Ψ^(1/(1+κ)) = P
    return {
        "Ψ is constant": (sp.log(root) * (1 + kappa) - kappa * sp.log(beta)).diff(t),
        "bend": (line**q).diff(t, 2) - q * (q - 1) * line ** (q - 2) * slopes[1] ** 2,
        "q = 1": (q - 1) - (kappa - 1) / (kappa + 1),
    }


@theorem.step("In short steps the two differ by −½h²[(Ψ̈/Ψ)(x − βp) + β̈ p]; for κ = 0 by −½h²(α̈η_Z + β̈η_X)")
def local_difference(half=sp.S.Half):
    psi = alpha * general.r ** (-kappa)
    pairs = zip(euler(general), held(general), strict=True)
    state, data, _ = ((one - other).diff(later, 2).subs(later, t).doit() / 2 for one, other in pairs)
    curvature = psi.diff(t, 2) / psi * (x - beta * p) + beta.diff(t, 2) * p
    noise = (x - beta * p) / alpha
    bend = alpha.diff(t, 2) * noise + beta.diff(t, 2) * p
    return {"every κ": state * x + data * p + half * curvature, "κ = 0": curvature.subs(kappa, 0).doit() - bend}


# -- numbers and signs --------------------------------------------------------------------------------------------


def numbers_of(step, schedule, power, start, stop):
    put = {t: sp.Rational(start), later: sp.Rational(stop)}
    return [form.subs(put, simultaneous=True).doit() for form in step(schedule, power)]


@theorem.values("From ¼ to ½: linear, κ = 0: the same; linear, κ = 1: not; t-localisation, κ = 1: the same")
def numbers(unlike=sp.Rational(-2, 3)):
    linear, local = ss.schedules.linear(), ss.Schedule(sp.sqrt(t), t)
    rows = []
    for schedule, power in ((linear, sp.S.Zero), (local, sp.S.One)):
        one, other = (numbers_of(step, schedule, power, "1/4", "1/2") for step in (euler, held))
        rows += [(f"weight {k} of {schedule}", *pair) for k, pair in enumerate(zip(one, other, strict=True))]
    one, other = (numbers_of(step, linear, sp.S.One, "1/4", "1/2") for step in (euler, held))
    return [*rows, ("linear, κ = 1: Euler", one[0], unlike), ("held", other[0], sp.Rational(2, 9))]


@theorem.values("VP, κ = 0: Euler leaves the circle, (α + hα̇)² + (β + hβ̇)² = 1 + (πh/2)²")
def off_the_circle(factor=sp.pi / 2):
    vp, length = ss.schedules.vp(), sp.Rational(1, 8)
    state, data, _ = numbers_of(euler, vp, sp.S.Zero, "1/4", "3/8")
    a, b = (form.subs(t, sp.Rational(1, 4)) for form in (vp.alpha, vp.beta))
    moved = (a * state, b * state + data)  # the weights of η_Z and η_X after the step
    return [("radius²", moved[0] ** 2 + moved[1] ** 2, 1 + (factor * length) ** 2)]


@theorem.interval("The variance 1 − s^(2κ) is positive for s < 1; in VP Euler bends outwards: α̈ < 0, β̈ < 0")
def signs(flip=1):
    vp = ss.schedules.vp()
    found = [(f"1 − s^(2κ), κ = {k}", flip * (1 - t ** (2 * k)), "positive") for k in (sp.Rational(1, 3), 1, 2)]
    bends = [(name, flip * form.diff(t, 2), "negative") for name, form in (("α̈", vp.alpha), ("β̈", vp.beta))]
    return found + bends


# -- paths --------------------------------------------------------------------------------------------------------

GRID = (0.1, 0.15, 0.3, 0.6, 1.0)


@theorem.monte_carlo(
    "Euler in the localisation, carried to the linear schedule: the law of η_X-held steps there, κ = 1"
)
def carried_paths(setting, power=1, scale=lambda time: 1 / (time**0.5 + time)):
    """α = √t, β = t and N(0, 4): dX = η_X dt + dW.  The linear schedule has the ratio √t at √t/(1 + √t)."""
    from symsched import verdicts

    seen, width = Record(), 4
    sde = ss.Diffusion(width * x / (1 + width * t), sp.S.Half, ss.Gaussian(0, sp.sqrt(GRID[0] + width * GRID[0] ** 2)))
    ends = [time**0.5 / (1 + time**0.5) for time in GRID]
    variance = (1 - ends[0]) ** 2 + width * ends[0] ** 2
    for now, after in pairwise(ends):
        put = {t: now, later: after}
        state, data, noise = (float(f.subs(put, simultaneous=True)) for f in held(ss.schedules.linear(), power))
        linear = width * now / ((1 - now) ** 2 + width * now**2)
        variance = (state + data * linear) ** 2 * variance + noise
    exact = variance / scale(GRID[-1]) ** 2

    def test(size, seed):
        run = ss.simulate(sde, paths=size, grid=GRID, scheme="euler", seed=seed)
        seen.moments("X after four Euler steps", run, 0, exact)
        return verdicts.combine([verdicts.mean_p_value(run, 0), verdicts.gaussian_variance_p_value(run, exact)])

    size = setting.size(PATHS // 8)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    chance = verdicts.variance_power(0.9, size, found.level)
    measured = f"four steps: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, chance, seen.points)


theorem.sabotage(without_schedule, "decay −κy for κy", decay=-kappa)
theorem.sabotage(without_schedule, "η_X with the weight 1", gain=1)
theorem.sabotage(coordinates, "c left out", power=0)
theorem.sabotage(commutes, "c′ for the prediction left out", power=0)
theorem.sabotage(held_is_exact, "s^κ in the noise", noise_power=1)
theorem.sabotage(package_explicit, "h for h/2", half=1)
theorem.sabotage(package_weights, "s^(2κ) is kept", power=2 * kappa)
theorem.sabotage(affine_suffices, "α bent", bend=1)
theorem.sabotage(localisation, "noise β′ − β for e(β′ − β)", noise=slopes[1] * (later - t))
theorem.sabotage(localised_equation, "x/t in the drift", own=1)
theorem.sabotage(means_suffice, "Ψ of 2κ", power=2 * kappa)
theorem.sabotage(means_need, "α for Ψ", power=0)
theorem.sabotage(noise_needs, "slope not squared", slope_power=1)
theorem.sabotage(powers, "q = κ/(1 + κ)", power=kappa / (1 + kappa))
theorem.sabotage(local_difference, "without ½", half=1)
theorem.sabotage(numbers, "Euler is the held step for κ = 1, too", unlike=sp.Rational(2, 9))
theorem.sabotage(off_the_circle, "π for π/2", factor=sp.pi)
theorem.sabotage(signs, "wrong sign", flip=-1)
theorem.sabotage(carried_paths, "κ = 0", power=0)
theorem.sabotage(carried_paths, "c left out", scale=lambda _: 1)
