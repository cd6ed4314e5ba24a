"""C30.  The leading error of Euler–Maruyama on Gaussian data, for every schedule, κ and grid.

For data N(0, ρ²) the SDE is dX = g X dt + √(2ε) dW with g = (V̇/2 − ε)/V (C8), and N Euler steps leave a Gaussian law:
its variance v, known exactly by recursion (C11), is all that can be wrong.  One step from the right law misses V by

    (1 + hg)²V + 2εh − V(t + h) = h²(g²V − V̈/2) + O(h³),

and what is missed at t reaches t = 1 multiplied by exp(2∫g) = (V₁/V_t)(h_t/h₁)^κ, h = β²/V, for ε = κε*.  With steps of
length γ(t)/N, ∫dt/γ = 1, therefore

    N (v/V₁ − 1) → E = ∫ (h_t/h₁)^κ w γ dt,        w = g² − V̈/(2V).

All weak errors of first order are E/N times V ∂_V of the expectation.  For data of mean m the mean is off by
−½∫ exp(∫g) β̈ m γ dt/N.

- κ = 0: w = −σ̈/σ with σ = √V.  Where α and β are affine in t, w = −θ̇² with θ = atan(ρr): Euler is DDIM there, it always
  loses variance, and E = −∫θ̇²γ dt.  For linear and ρ = 1, E = −(1 + π/2) on a uniform grid.
- The best frame: w = 0 throughout if g = 0 and V̈ = 0: the lazy frame in the clock V = ρ²t (C10), or V constant.
- The best grid, where w keeps its sign: γ ∝ 1/√|f|, f = (h/h₁)^κ w, equal steps of ∫√|f|, and |E| = (∫√|f| dt)².  For
  κ = 0 and affine α, β: equal steps of the angle θ, −E = (π/2)² from noise to data, as cos^(2N)(π/2N) has it (C20).
- The best κ of a schedule is a zero of E, if there is one: noise makes variance, contraction loses it.  For linear,
  ρ = 1, from t = ¼ it is κ = 1.682…; at κ = 1, E = −9/25.

Source: derived here; on discretisation errors of Gaussian data cf. arXiv:2605.08392, arXiv:2601.13602.
"""

from functools import cache
from itertools import pairwise

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, kappa, rho, t, x
from symsched.theorem import Evidence, Theorem

theorem = Theorem(
    name="C30",
    title="Leading error of Euler–Maruyama",
    statement="N(0, ρ²), N steps of length γ/N, ε = κε*: N(v/V₁ − 1) → ∫ (h_t/h₁)^κ (g² − V̈/2V) γ dt, h = β²/V, "
    "g = (V̇/2 − ε)/V; zero in the lazy frame with V = ρ²t, and least in size where γ ∝ 1/√|f|.",
    hypotheses=(
        "α, β of class C³ and ε of class C² on the closed interval of the steps, β > 0",
        "the start has the exact law",
        "the best grid: f keeps its sign",
    ),
    assumptions=("a one-step error h²δ + O(h³) sums to ∫δγ dt/N + O(N⁻²), each part carried by exp(2∫g)",),
    source="derived here; cf. arXiv:2605.08392, arXiv:2601.13602",
)

source = ss.Schedule(alpha, beta)
optimal = source.eps_star
VARIANCE = alpha**2 + rho**2 * beta**2
V = sp.Function("V", positive=True)(t)
eps = sp.Function("epsilon", nonnegative=True)(t)
h, old = sp.symbols("h v", positive=True)

# -- one step -------------------------------------------------------------------------------------------------------

g = (V.diff(t) / 2 - eps) / V


@theorem.step("One step: (1 + hg)²V + 2εh − V(t + h) and its slope in h are 0 at h = 0; half its second is g²V − V̈/2")
def local_error(coefficient=g**2 * V - V.diff(t, 2) / 2):
    missed = (1 + h * g) ** 2 * V + 2 * eps * h  # of V(t + h), whose Taylor series is V + hV̇ + h²V̈/2
    return {
        "at 0": missed.subs(h, 0) - V,
        "slope": missed.diff(h).subs(h, 0) - V.diff(t),
        "second": missed.diff(h, 2) / 2 - V.diff(t, 2) / 2 - coefficient,
    }


@theorem.step("An error is carried linearly: (1 + hg)²v + 2εh of v = V + e is that of V and (1 + hg)²e, of rate 2g")
def carried(rate=2):
    e, slope, scale, level = sp.symbols("e g epsilon V", real=True)

    def step(variance):
        return (1 + h * slope) ** 2 * variance + 2 * scale * h

    kept = (step(level + e) - step(level)) / e
    return {
        "linear": step(level + e) - step(level) - (1 + h * slope) ** 2 * e,
        "rate": kept.diff(h).subs(h, 0) - rate * slope,
    }


share = beta**2 / VARIANCE  # h of the text
slope_of = (VARIANCE.diff(t) / 2 - kappa * optimal) / VARIANCE


@theorem.step("ε = κε*: V h^(−κ) has the logarithmic rate 2g, so exp(2∫g) from t to 1 is (V₁/V_t)(h_t/h₁)^κ")
def propagator(power=kappa):
    log_kept = sp.log(VARIANCE) - power * (2 * sp.log(beta) - sp.log(VARIANCE))
    return log_kept.diff(t) - 2 * slope_of


error = sp.Function("e", real=True)(t)
density = sp.Function("gamma", positive=True)(t)


@theorem.step("If ė = 2ge + (g²V − V̈/2)γ, then e/V h^κ has the rate h^κ (g² − V̈/2V) γ: the integral E")
def integral(weight=slope_of**2 - VARIANCE.diff(t, 2) / (2 * VARIANCE)):
    rate = 2 * slope_of * error + (slope_of**2 * VARIANCE - VARIANCE.diff(t, 2) / 2) * density
    log_factor = kappa * (2 * sp.log(beta) - sp.log(VARIANCE)) - sp.log(VARIANCE)
    return rate / VARIANCE + log_factor.diff(t) * error / VARIANCE - weight * density


m = sp.Symbol("m", real=True)


@theorem.step("The mean: one step from βm misses β(t + h)m by −½h²β̈m, with slope g (x − βm) + β̇m")
def mean_error(half=sp.S.Half):
    at, slope = sp.Symbol("x'", real=True), sp.Symbol("g", real=True)
    missed = at + h * (slope * (at - beta * m) + beta.diff(t) * m)
    missed = missed.subs(at, beta * m) - (beta + h * beta.diff(t) + h**2 / 2 * beta.diff(t, 2)) * m
    return missed + half * h**2 * beta.diff(t, 2) * m


theorem.sabotage(local_error, "V̈ for V̈/2", coefficient=g**2 * V - V.diff(t, 2))
theorem.sabotage(carried, "g for 2g", rate=1)
theorem.sabotage(propagator, "2κ", power=2 * kappa)
theorem.sabotage(integral, "V̈/V for V̈/2V", weight=slope_of**2 - VARIANCE.diff(t, 2) / VARIANCE)
theorem.sabotage(mean_error, "h²β̈m", half=1)

# -- what follows ---------------------------------------------------------------------------------------------------

std = sp.Function("sigma", positive=True)(t)
area = alpha * beta.diff(t) - alpha.diff(t) * beta


@theorem.step("κ = 0: w = −σ̈/σ, σ = √V; and σ³σ̈ = ρ²(αβ̇ − α̇β)² + V(αα̈ + ρ²ββ̈), so w = −θ̇² for affine α, β")
def deterministic(sign=-1):
    level = std**2
    weight = (level.diff(t) / (2 * level)) ** 2 - level.diff(t, 2) / (2 * level)
    curved = VARIANCE * VARIANCE.diff(t, 2) / 2 - VARIANCE.diff(t) ** 2 / 4  # σ³σ̈
    bent = VARIANCE * (alpha * alpha.diff(t, 2) + rho**2 * beta * beta.diff(t, 2))
    return {
        "w": weight - sign * std.diff(t, 2) / std,
        "curvature": curved - rho**2 * area**2 - bent,
        "θ̇": sp.atan(rho * beta / alpha).diff(t) - rho * area / VARIANCE,
    }


@theorem.step("The lazy frame α² = ρ²(β^q − β²), κε* = V̇/2: g = 0, and w = −V̈/2V is 0 in the clock β = t^(1/q)")
def best_frame(q=2 * kappa / (1 + kappa)):
    put = {alpha: rho * sp.sqrt(beta**q - beta**2)}
    level = VARIANCE.subs(put)
    # ε* = α² d/dt log(β/α) by way of α², in which the root cancels
    scale = put[alpha] ** 2 * (beta.diff(t) / beta) - (put[alpha] ** 2).diff(t) / 2
    return {
        "g": (level.diff(t) / 2 - kappa * scale) / level,
        "clock": level.subs(beta, t ** (1 / q)).doit() - rho**2 * t,
    }


f, lam = sp.symbols("f lambda", positive=True)
step = sp.Symbol("gamma", positive=True)


@theorem.step("The best grid: fγ + λ²/γ − 2λ√f is a square, 0 at γ = λ/√f; with ∫1/γ = 1 and λ = ∫√f, E ≥ λ²")
def best_grid(best=lam / sp.sqrt(f)):
    gap = f * step + lam**2 / step - 2 * lam * sp.sqrt(f)
    return {
        "square": gap - (sp.sqrt(f * step) - lam / sp.sqrt(step)) ** 2,
        "at its zero": gap.subs(step, best),
        "value": f * best - lam * sp.sqrt(f),
    }


theorem.sabotage(deterministic, "gains variance", sign=1)
theorem.sabotage(best_frame, "q = κ/(1 + κ)", q=kappa / (1 + kappa))
theorem.sabotage(best_grid, "γ = λ/f", best=lam / f)

# -- numbers --------------------------------------------------------------------------------------------------------

QUARTER = sp.Rational(1, 4)


def leading(power, width, first=QUARTER, factor=1):
    """E of the linear schedule on a uniform grid from `first` to 1, by quadrature of the integral above."""
    import mpmath

    put = {alpha: 1 - t, beta: t, rho: width, kappa: power}
    weight, kept = (
        part.subs(put).doit() for part in (slope_of**2 - factor * VARIANCE.diff(t, 2) / (2 * VARIANCE), share**kappa)
    )
    density_of = sp.lambdify(t, (weight * kept / kept.subs(t, 1)).factor(), "mpmath")
    return float((1 - first) * mpmath.quad(density_of, [mpmath.mpf(first.p) / first.q, 0.5, 1]))


def missed(power, width, steps, first=QUARTER):
    """v/V₁ − 1 after so many Euler steps, by the exact recursion of C11 in the library."""
    import numpy as np

    from symsched.discretize import trajectory

    schedule = ss.schedules.linear()
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, width), kappa=power)
    found = trajectory(sde, np.linspace(float(first), 1, steps + 1))
    return float(found.var[-1] / found.target_var[-1]) - 1


def extrapolated(power, width, first=QUARTER):
    """The limit of N (v/V₁ − 1), by Richardson: the error is a power series in 1/N."""
    row = [steps * missed(power, width, steps, first) for steps in (32, 64, 128, 256, 512)]
    for order in range(1, len(row)):
        row = [(2**order * b - a) / (2**order - 1) for a, b in pairwise(row)]
    return row[0]


@theorem.values(
    "Linear from ¼: the integral is the limit of the exact recursion, κ = ½ and 2, ρ = ½ and 1", tolerance=1e-7
)
def oracle(factor=1):
    for power, width in ((sp.S.Half, sp.S.Half), (2, 1)):
        yield f"κ = {power}, ρ = {width}", leading(power, width, factor=factor), extrapolated(power, width)


@theorem.values(
    "Linear, ρ = 1: −9/25 at κ = 1 and 0 at κ = 1.6824878867 from ¼; −(1 + π/2) at κ = 0 from 0", tolerance=1e-10
)
def closed(factor=1):
    yield "κ = 1", leading(1, 1, factor=factor), sp.Rational(-9, 25)
    yield "1 + E, the best κ", 1 + leading(sp.Rational(16824878867, 10**10), 1, factor=factor), 1
    yield "κ = 0", leading(0, 1, sp.S.Zero, factor), -(1 + sp.pi / 2)


@theorem.values("The best grid of κ = 0: equal angles leave −E = (π/2)², the limit of N(1 − cos^(2N)(π/2N))")
def best_value(power=2):
    n = sp.Symbol("n", positive=True)  # 1/N
    loss = sp.series(1 - sp.exp(2 / n * sp.log(sp.cos(sp.pi * n / 2))), n, 0, 2).removeO().coeff(n, 1)
    yield "limit", loss, (sp.pi / 2) ** power


@theorem.interval("On linear Euler's ODE always loses variance: σ̈/σ = ρ²/V² > 0, for ρ = ½, 1, 2")
def signs(sign=1):
    for width in (sp.S.Half, sp.S.One, sp.S(2)):
        level = ss.schedules.linear().variance(width)
        yield f"ρ = {width}", sign * (level.diff(t, 2) / 2 - level.diff(t) ** 2 / (4 * level)) / level, "positive"


theorem.sabotage(oracle, "V̈/V for V̈/2V", factor=2)
theorem.sabotage(closed, "V̈/V for V̈/2V", factor=2)
theorem.sabotage(best_value, "π/2 for its square", power=1)
theorem.sabotage(signs, "wrong sign", sign=-1)

# -- paths ----------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
STEPS, KAPPA, WIDTH = 12, sp.Rational(1, 4), sp.S.Half


@cache
def setup():
    """The SDE from its law at t = ¼, its variance at 1, E and the exact error after the steps."""
    schedule = ss.schedules.linear()
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, WIDTH), kappa=KAPPA)
    slope, _ = sde.affine
    start = ss.Gaussian(0, sp.sqrt(schedule.variance(WIDTH).subs(t, QUARTER)))
    run = ss.Diffusion(slope * x, sde.eps, start)
    return run, float(schedule.variance(WIDTH).subs(t, 1)), leading(KAPPA, WIDTH), missed(KAPPA, WIDTH, STEPS)


@theorem.monte_carlo(
    "Euler–Maruyama itself, 12 steps: the variance is V₁(1 + E/N), up to the second order that C11 knows"
)
def simulated(setting, multiple=1):
    import math

    import numpy as np

    record = Record()
    sde, variance, first_order, exact = setup()
    rest = abs(exact - first_order / STEPS)

    def test(size, seed):
        run = ss.simulate(sde, size, grid=np.linspace(0.25, 1, STEPS + 1), seed=seed)
        found = float(run.var[-1]) / variance - 1
        record.moments(f"X after {STEPS} steps", run, var=variance * (1 + exact))
        gap = max(0.0, abs(found - multiple * first_order / STEPS) - rest)
        return math.erfc(gap / (1 + exact) / (2 / size) ** 0.5 / math.sqrt(2))

    size = setting.size(100_000)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    power = ss.verdicts.mean_power(abs(first_order) / STEPS - 2 * rest, (1 + exact) * 2**0.5, size, LEVEL)
    measured = f"E/N = {first_order / STEPS:.4f}: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, power, record.points)


theorem.sabotage(simulated, "2E", multiple=2)
theorem.sabotage(simulated, "−E", multiple=-1)
