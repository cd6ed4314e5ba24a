"""C12.  Point-mass start: a finite drift along the paths and a finite scale at t = 0, by limits and without a clamp.

In a lazy family with κ > 0 (C10) every path starts at exactly 0, and (for any data, whatever ρ)

    b = β̇ (η_X − (w/β) x)/(1 − w),  w = β^(2−q),        ε = V̇/2 = ½ρ² d(β^q)/dt,        q = 2κ/(1 + κ).

Paths have the size x = y√V = yρ β^(q/2), y of order 1.  Along them (w/β) x = yρ β^(1−q/2) → 0, because q < 2.  And
η_X → E[X]: it is the mean of X with the weight e^(zrX − r²X²/2), z = x/α, which tends to 1 as r → 0 and is at most
e^(z²/2), where z² = y²V/α² = y²/(1 − w) stays bounded; so dominated convergence gives it for every law with a mean.
So at the start

    b ~ β̇ (E[X] + O(β^(1−q/2))),        ε = ½ρ² d(β^q)/dt:

both are finite iff β̇(0) and d(β^q)/dt(0) are.  For a clock β ~ t^p this is p ≥ 1 and pq ≥ 1, p ≥ max(1, 1/q).  The
least such clock is β = t for κ ≥ 1 and β = t^(1/q) for κ ≤ 1.  In other clocks something diverges, and how fast is
read off: with β = t and κ < 1, ε ~ t^(q−1); with β = t^(1/q) and κ > 1, b ~ t^(1/q−1) E[X].  Although the drift is
finite along paths, its slope −β̇w/(β(1 − w)) may diverge: with β = t it is ~ −t^(1−q), infinite for κ > 1.

For κ = 1, ρ = 1, β = t the start is dX = E[X] dt + dW.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; the rates are derived here.  See also arXiv:2602.10989 and
arXiv:2602.20070 (point sources, divergent scales).
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exact import limit_at
from symsched.exhibit import Record
from symsched.symbols import kappa, rho, t, x
from symsched.symbols import mean as m
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C12",
    title="Point-mass start",
    statement="Lazy family, κ > 0, β ~ t^p: along paths x = O(√V) the drift tends to β̇(0) E[X] and ε to "
    "½ρ² d(β^q)/dt(0); both are finite iff p ≥ max(1, 1/q).  κ = 1, ρ = 1, β = t: dX = E[X] dt + dW at t = 0.",
    hypotheses=("κ > 0", "ρ > 0", "β ~ t^p at 0", "E|X| < ∞"),
    assumptions=("dominated convergence",),
    source="Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789",
)

q = 2 * kappa / (1 + kappa)
b = sp.Symbol("b", positive=True)  # β; what is proved in b holds in every clock, with the factor β̇
y, centre, width = sp.symbols("y mu s", real=True)


def in_beta(std=rho):
    """The family in the clock β = t, its SDE on data N(mu, s²), and the state y√V."""
    schedule = ss.Schedule(sp.sqrt(std**2 * (t**q - t**2)), t)
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, 1), kappa=kappa)
    return schedule, sde, y * rho * t ** (q / 2)


# -- limits, for every κ ---------------------------------------------------------------------------------------

w = t ** (2 - q)


@theorem.step("A = −w/(β(1 − w)) and B = 1/(1 − w), in units of β̇: exactly, for every κ")
def coefficients(weight=w):
    _, sde, _ = in_beta()
    return {"A": sde.A + weight / (t * (1 - weight)), "B": sde.B - 1 / (1 - weight)}


@theorem.step("Along paths: A x = −yρ β^(1/(1+κ))/(1 − w) with an exponent 1 − q/2 = 1/(1 + κ) > 0, so A x → 0")
def along_paths(exponent=1 / (1 + kappa)):
    _, sde, path = in_beta()
    return {"A x": sde.A * path + y * rho * t**exponent / (1 - w), "exponent": 1 - q / 2 - exponent}


@theorem.step("Any data: the weight e^(zrX − r²X²/2) of X in η_X is at most e^(z²/2), and z² = y²/(1 − w) along paths")
def weight_is_bounded(half=sp.S.Half):
    value, z, ratio = sp.Symbol("X", real=True), sp.Symbol("z", real=True), sp.Symbol("r", positive=True)
    size = sp.Symbol("a", positive=True)  # α, so that β = ra and x = za
    density = -((z * size - ratio * size * value) ** 2) / (2 * size**2)  # log of that of x, given X
    exponent = z * ratio * value - ratio**2 * value**2 / 2
    schedule, _, path = in_beta()
    return {
        "weight": density + z**2 / 2 - exponent,
        "bound": z**2 / 2 - exponent - half * (z - ratio * value) ** 2,
        "r → 0": exponent.subs(ratio, 0),
        "z": path**2 / schedule.alpha**2 - y**2 / (1 - w),
    }


@theorem.step("Gaussian data: η_X − E[X] = (s²/ρ²) w (x/β − mu)/(1 + (s²/ρ² − 1) w), which tends to 0 along paths")
def prediction(weight=w):
    schedule, _, path = in_beta()
    share = width**2 / rho**2
    field = ss.Gaussian(centre, sp.Abs(width)).eta_x(schedule).subs(x, path)
    return field - centre - share * weight * (path / t - centre) / (1 + (share - 1) * weight)


@theorem.step("ε = ½ρ² d(β^q)/dt in every clock: with β = t^p it is ½ρ²pq t^(pq−1)")
def scale(power=q):
    p = sp.Symbol("p", positive=True)
    schedule = ss.Schedule(sp.sqrt(rho**2 * (t ** (p * q) - t ** (2 * p))), t**p)
    return t * kappa * schedule.eps_star - rho**2 * p * power * t ** (p * power) / 2


# -- limits, member by member ----------------------------------------------------------------------------------

KAPPAS = tuple(sp.Rational(k) for k in ("1/3", "1/2", "1", "3/2", "2", "4"))


@cache
def start(k, p):
    """(limit of the drift along the path y√V, limit of ε) at t = 0 for data N(3, (1/2)²), ρ = 2, β = t^p, y = 1."""
    power = q.subs(kappa, k)
    schedule = ss.Schedule(2 * t ** (p * power / 2) * sp.sqrt(1 - t ** (p * (2 - power))), t**p)
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(3, sp.Rational(1, 2)), kappa=k)
    path = 2 * t ** (p * power / 2)
    return sp.powsimp(sp.expand((sde.A * x + sde.B * sde.eta_x).subs(x, path))), sp.powsimp(sde.eps)


def exponents(k):
    """The least good power p of the clock."""
    return sp.Max(1, 1 / q.subs(kappa, k))


@theorem.values("In the right clock, β = t (κ ≥ 1) or t^(1/q) (κ ≤ 1): b → β̇(0) E[X] and ε → ½ρ² d(β^q)/dt(0)")
def right_clock(expected=3):
    triples = []
    for k in KAPPAS:
        drift, eps = start(k, exponents(k))
        triples.append((f"b, κ = {k}", limit_at(drift, 0), expected if k >= 1 else 0))
        triples.append((f"ε, κ = {k}", limit_at(eps, 0), 2 if k <= 1 else 0))
    return triples


@theorem.values("Other clocks: β = t with κ < 1 has ε t^(1−q) → ½ρ²q; β = t^(1/q) with κ > 1 has b t^(1−1/q) → E[X]/q")
def wrong_clock(shift=0):
    triples = []
    for k in KAPPAS:
        power = q.subs(kappa, k)
        if k < 1:
            drift, eps = start(k, sp.Integer(1))
            triples.append((f"b, β = t, κ = {k}", limit_at(drift, 0), 3))
            triples.append((f"ε t^(1−q), κ = {k}", limit_at(sp.powsimp(eps * t ** (1 - power + shift)), 0), 2 * power))
        elif k in (sp.Rational(3, 2), 2):
            drift, _ = start(k, 1 / power)
            rated = sp.powsimp(sp.expand(drift * t ** (1 - 1 / power + shift)))
            triples.append((f"b t^(1−1/q), κ = {k}", limit_at(rated, 0), 3 / power))
    return triples


@theorem.values("The slope of the drift: with β = t, −A ~ t^(1−q): 0, 1 or ∞ for κ <, =, > 1, though A x → 0")
def slope(finite=1):
    def at_start(k):
        power = q.subs(kappa, sp.Rational(k))
        return -limit_at(-(t ** (1 - power)) / (1 - t ** (2 - power)), 0)

    return [
        ("κ = ½", at_start("1/2"), 0),
        ("κ = 1", at_start("1"), finite),
        ("1/slope, κ = 2", 1 / at_start("2"), 0),
    ]


@theorem.step("κ = 1, ρ = 1, β = t: at t = 0 the SDE is dX = E[X] dt + dW, for any data")
def follmer_start(drift=m, noise=1):
    eta_x = sp.Function("eta_X", real=True)
    schedule = ss.schedules.follmer()
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, 1), kappa=1)
    general = sde.A * x + sde.B * eta_x(t, x)
    at_start = general.subs({x: 0, eta_x(t, x): m, eta_x(t, 0): m}).subs(t, 0)
    return {"drift": at_start - drift, "noise": 2 * sde.eps - noise}


@theorem.interval("ε ≥ 0 on (0, 1), also where it diverges at the start; w < 1, so the drift has no other singularity")
def signs(flip=1):
    found = []
    for k in KAPPAS:
        power = q.subs(kappa, k)
        found += [
            (f"ε, κ = {k}, β = t", flip * (t**power).diff(t), "nonnegative"),
            (f"1 − w, κ = {k}", flip * (1 - t ** (2 - power)), "positive"),
        ]
    return found


# -- Monte Carlo -----------------------------------------------------------------------------------------------

LAW = (2, sp.Rational(1, 2))  # mean and standard deviation of the data: not those the schedule is lazy for
EARLY = 2.0**-12


def sde_of(k):
    return ss.InterpolantSDE(ss.schedules.lazy(k), ss.Gaussian(*LAW), kappa=k)


@theorem.monte_carlo("From exactly 0: the law of I_t just after the start and at t = 1, κ = ½, 1, 3, by exact steps")
def from_a_point(setting, spread=lambda v: v, beta_power=1):
    from symsched import verdicts

    grid, cases, seen = [0.0, EARLY, 0.5, 1.0], [], Record()
    for k in (sp.Rational(1, 2), sp.Integer(1), sp.Integer(3)):
        sde = sde_of(k)
        exact = [[float(part.subs(t, s)) for s in (sp.Rational(EARLY), 1)] for part in sde.marginal]
        cases.append((sde, exact))

    def test(size, seed):
        found = []
        for sde, (mean, variance) in cases:
            run = ss.simulate(sde, paths=size, grid=grid, save=[0, EARLY, 1], scheme="exponential", seed=seed)
            found.append(verdicts.gaussian_variance_p_value(run, 0, 0))  # every path starts at exactly 0
            for index, value, v in zip((1, 2), mean, variance, strict=True):
                found.append(verdicts.mean_p_value(run, value**beta_power, index))
                found.append(verdicts.gaussian_variance_p_value(run, spread(v), index))
                seen.moments(f"X at t = {run.times[index]:.3g}, κ = {sde.kappa}", run, value, v, index)
        return verdicts.combine(found)

    size = setting.size(PATHS)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(0.5, size, found.level)
    measured = f"from 0, κ = ½, 1, 3: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


@theorem.monte_carlo(
    "One Euler step from 0 uses the limits alone: X_h ~ N(E[X] h, h) for κ = 1, then the scheme's own law"
)
def euler_from_zero(setting, drift=LAW[0], noise=1):
    """Euler is biased, so it is compared with the exact law of the scheme, whose first step is N(drift·h, noise·h)."""
    from symsched import verdicts
    from symsched.discretize import trajectory

    sde, h, seen = sde_of(sp.Integer(1)), 1 / 8, Record()
    after = trajectory(sde, 8, "euler")

    def test(size, seed):
        run = ss.simulate(sde, paths=size, steps=8, scheme="euler", seed=seed, save=[0, h, 1])
        seen.moments("X after the first Euler step", run, float(drift) * h, float(noise) * h, 1)
        seen.moments("X₁ after 8 Euler steps", run, after.mean[-1], after.var[-1])
        return verdicts.combine(
            [
                verdicts.gaussian_variance_p_value(run, 0, 0),
                verdicts.mean_p_value(run, float(drift) * h, 1),
                verdicts.gaussian_variance_p_value(run, noise * h, 1),
                verdicts.mean_p_value(run, after.mean[-1], 2),
                verdicts.gaussian_variance_p_value(run, after.var[-1], 2),
            ]
        )

    size = setting.size(PATHS)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(0.5, size, found.level)
    measured = f"first Euler step: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


theorem.sabotage(coefficients, "w = β^q", weight=t**q)
theorem.sabotage(along_paths, "exponent of paths that grow like √β", exponent=(1 - kappa) / (1 + kappa) + sp.S.Half)
theorem.sabotage(weight_is_bounded, "the square without ½", half=1)
theorem.sabotage(prediction, "w = β^q", weight=t**q)
theorem.sabotage(scale, "q = κ/(1 + κ)", power=q / 2)
theorem.sabotage(right_clock, "drift 0 at the start", expected=0)
theorem.sabotage(wrong_clock, "t^(1/16) slower", shift=sp.Rational(1, 16))
theorem.sabotage(slope, "twice the slope", finite=2)
theorem.sabotage(follmer_start, "drift −E[X]", drift=-m)
theorem.sabotage(follmer_start, "2 dW for dW", noise=4)
theorem.sabotage(signs, "V decreasing", flip=-1)
theorem.sabotage(from_a_point, "√V for V", spread=lambda v: v**0.5)
theorem.sabotage(from_a_point, "β² for β in the mean", beta_power=2)
theorem.sabotage(euler_from_zero, "no drift at the start", drift=0)
theorem.sabotage(euler_from_zero, "half of the noise at the start", noise=0.5)
