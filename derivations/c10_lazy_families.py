"""C10.  The lazy families: with ε = κε* the lazy schedules are α² = ρ²(β^q − β²), q = 2κ/(1 + κ).

Put u = α².  The lazy condition κ ε* = V̇/2 (C9) reads κ (u β̇/β − u̇/2) = u̇/2 + ρ²ββ̇.  Every term carries one time
derivative, so the clock drops out: as a function of b = β,

    (1 + κ) u′(b) = 2κ u/b − 2ρ² b,

a linear equation of first order.  Its solutions are C b^q − ρ² b²; those that end in the data, u(1) = 0, have C = ρ².
The time parametrisation β is free, and V = ρ²β^q.

One consequence holds for ANY data.  With w = β^(2−q) the drift of the scale κε* in such a schedule is

    b = β̇ (η_X − (w/β) x)/(1 − w),

whatever ρ: for κ = 1 this is the Föllmer drift β̇(η_X − x)/(1 − β), for κ = 0 it is β̇(η_X − βx)/(1 − β²).

If κ = κ(t) moves, the same equation is solved with an integrating factor; if ε is given outright, V̇ = 2ε is.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; κ = 1: Chen et al., arXiv:2403.13724.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, kappa, rho, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C10",
    title="Lazy families",
    statement="ε = κε*, α₁ = 0, β₁ = 1: the schedule is lazy for N(0, ρ²) ⇔ α² = ρ²(β^q − β²), q = 2κ/(1 + κ), with "
    "any increasing β.  For any data b = β̇(η_X − (w/β)x)/(1 − w), w = β^(2−q).  κ > 0: a point mass; κ → ∞: α → 0.",
    hypotheses=("κ ≥ 0", "ρ > 0", "β increasing from 0 to 1, C¹ on (0, 1)", "for a point mass: β ~ t^p, p ≥ 1/q"),
    assumptions=("a linear equation of first order has one solution through (b, u) = (1, 0) (Picard)",),
    source="Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789",
)

q = 2 * kappa / (1 + kappa)
b = sp.Symbol("b", positive=True)  # the value of β, as the independent variable
u = sp.Function("u", positive=True)


def lazy_equation(schedule, scale):
    """ε − V̇/2, which a lazy schedule makes zero."""
    return scale * schedule.eps_star - schedule.variance(rho).diff(t) / 2


in_clock = sp.Eq(lazy_equation(ss.Schedule(sp.sqrt(u(t)), t), kappa), 0).subs(t, b)  # the clock β = t, named b


# -- derivation ------------------------------------------------------------------------------------------------


@theorem.step("The clock drops out: in any clock the condition is β̇ times the equation in b = β")
def clock_is_free(factor=beta.diff(t)):
    level, slope = sp.symbols("u_b u_b'", positive=True)  # u and u′ at b = β(t), so that u̇ = u′β̇
    general = lazy_equation(ss.Schedule(sp.sqrt(u(t)), beta), kappa)
    general = general.subs(u(t).diff(t), slope * beta.diff(t)).subs(u(t), level)
    one = in_clock.lhs.subs(u(b).diff(b), slope).subs(u(b), level)
    return general - factor * one.subs(b, beta)


constant = sp.Symbol("C1")


@cache
def solved():
    """The general solution, by `dsolve`; exp(c log b) is written b^c."""
    return sp.dsolve(in_clock, u(b), hint="1st_linear").rhs.rewrite(sp.Pow)


@theorem.step("dsolve: the general solution is C b^q − ρ² b², and checkodesol confirms it")
def general_solution(power=q, drive=rho**2):
    formula = constant * b**power - drive * b**2
    return {
        "dsolve": solved() - formula,
        "residual": in_clock.lhs.subs(u(b), formula).doit(),
        "checkodesol": 1 - int(confirmed()),
    }


@cache
def confirmed():
    return sp.checkodesol(in_clock, sp.Eq(u(b), solved()), solve_for_func=False)[0]


@theorem.step("u(1) = 0 fixes C = ρ²: one member for each κ and ρ")
def ends_in_data(final=rho**2 * (b**q - b**2)):
    roots = sp.solve(solved().subs(b, 1), constant)
    return {"one root": len(roots) - 1, "member": solved().subs(constant, roots[0]) - final}


def family(power=q, square=rho**2, clock=beta):
    """α² = ρ²(β^q − β²)."""
    return ss.Schedule(sp.sqrt(square * (clock**power - clock**2)), clock)


@theorem.step("For every clock β(t), every κ and ρ: the family is lazy and V = ρ²β^q")
def lazy_in_every_clock(power=q, square=rho**2):
    schedule = family(power, square)
    return {
        "ε − V̇/2": lazy_equation(schedule, kappa),
        "V": schedule.variance(rho) - rho**2 * beta**power,
    }


@theorem.step("Every schedule has a member with its own clock: `lazy.frame` keeps r, and is in the family")
def frame_of_any_schedule(power=q):
    own = ss.Schedule(alpha, beta)
    found = ss.lazy.frame(own, kappa, rho)
    return {"r": found.r - own.r, "family": found.alpha**2 - rho**2 * (found.beta**power - found.beta**2)}


@theorem.step("The drift on N(0, ρ²) is zero, assembled by the package")
def zero_drift(power=q):
    sde = ss.InterpolantSDE(family(power), ss.Gaussian(0, rho), kappa=kappa)
    return sde.A * x + sde.B * sde.eta_x


# -- any data --------------------------------------------------------------------------------------------------

eta_x = sp.Function("eta_X", real=True)(t, x)  # the mean field of data that nothing is known about
w = beta ** (2 - q)


def drift_of_any_data(schedule, scale):
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, 1), kappa=scale)  # A and B do not depend on the data
    return sde.A * x + sde.B * eta_x


@theorem.step("Any data: b = β̇(η_X − (w/β)x)/(1 − w), w = β^(2−q), whatever ρ")
def any_data(weight=w):
    return drift_of_any_data(family(), kappa) - beta.diff(t) * (eta_x - weight / beta * x) / (1 - weight)


@theorem.step("κ = 1, β = t: the Föllmer drift (η_X − x)/(1 − t) for any data, and ε = ρ²/2")
def follmer(drift=(eta_x - x) / (1 - t), scale=rho**2 / 2):
    schedule = family(1, clock=t)
    return {"drift": drift_of_any_data(schedule, 1) - drift, "ε": schedule.eps_star - scale}


@theorem.step("κ = 1, β = t, Gaussian data: ρ times Brownian motion (V = ρ²t, drift 0)")
def brownian(variance=rho**2 * t):
    schedule = family(1, clock=t)
    sde = ss.InterpolantSDE(schedule, ss.Gaussian(0, rho), kappa=1)
    return {"V": schedule.variance(rho) - variance, "drift": sde.drift, "2ε": 2 * sde.eps - variance.diff(t)}


# -- special members -------------------------------------------------------------------------------------------


@theorem.step("κ = 0 preserves the variance, α² + ρ²β² = ρ²; κ = 1 is α² = ρ²β(1 − β)")
def named_members(power=q):
    ode, sde = (family(power.subs(kappa, k)) for k in (0, 1))
    return {
        "κ = 0": ode.variance(rho) - rho**2,
        "κ = 1": sde.alpha**2 - rho**2 * beta * (1 - beta),
        "ε at κ = 0": ode.variance(rho).diff(t),
    }


p = sp.Symbol("p", positive=True)  # 1/q, for κ = 1/(2p − 1) > 0


@theorem.step("κ > 0, β = t^(1/q): V = ρ²t and ε = ρ²/2, a Brownian clock for every κ")
def brownian_clock(clock=t**p):
    schedule, scale = family(1 / p, clock=clock), 1 / (2 * p - 1)
    return {
        "κ in terms of q": q.subs(kappa, scale) - 1 / p,
        "V": schedule.variance(rho) - rho**2 * t,
        "ε": scale * schedule.eps_star - rho**2 / 2,
    }


@theorem.step("Point mass: in the clock t^p, t(α²)′ = ρ²(pq t^(pq) − 2p t^(2p)): (α²)′(0) is finite iff p ≥ 1/q")
def slope_at_start(power=q):
    first, second = p * power, 2 * p
    return t * (family(clock=t**p).alpha ** 2).diff(t) - rho**2 * (first * t**first - second * t**second)


member = cache(ss.schedules.lazy)  # in its own clock: t for κ ≥ 1, t^(1/q) for κ < 1
MEMBERS = tuple(sp.Rational(k) for k in ("1/3", "1/2", "1", "2", "5"))


@theorem.values("Every κ > 0 is a point mass: in its clock I₀ = 0, (α²)′(0) is finite, and α/β → ∞")
def point_mass(start=0):
    triples = []
    for k in MEMBERS:
        schedule = member(k)
        slope = {-1: 1, 0: 1, 1: 0}[sp.sign(k - 1)]  # V = t for κ ≤ 1; t^q with q > 1 for κ > 1
        triples += [
            (f"α(0), κ = {k}", schedule.limit("alpha", 0), start),
            (f"(α²)′(0), κ = {k}", sp.limit((schedule.alpha**2).diff(t), t, 0), slope),
            (f"r(0), κ = {k}", schedule.limit("r", 0), 0),
            (f"kind, κ = {k}", int(schedule.kind == "point-mass"), 1),
        ]
    return triples


@theorem.values("With β = t and κ < 1 the slope (α²)′(0) is infinite: §2's point mass needs the other clock")
def clock_matters(clock=t):
    slopes = [(family(q.subs(kappa, k), 1, clock=clock).alpha ** 2).diff(t) for k in MEMBERS[:2]]
    return [(f"1/(α²)′(0), κ = {k}", sp.limit(1 / s, t, 0), 0) for k, s in zip(MEMBERS, slopes, strict=False)]


@theorem.values("κ → ∞: q → 2, α → 0, and κα² → 2ρ²β² log(1/β)")
def large_kappa(limit=2):
    half, std = sp.Rational(1, 2), sp.Rational(3, 2)
    size = std**2 * (half**q - half**2)
    return [
        ("q", sp.limit(q, kappa, sp.oo), limit),
        ("α² at β = ½", sp.limit(size, kappa, sp.oo), 0),
        ("κα² at β = ½", sp.limit(kappa * size, kappa, sp.oo), limit * std**2 * half**2 * sp.log(2)),
    ]


# -- moving κ, and ε given outright ----------------------------------------------------------------------------


@theorem.step("κ(t): u = e^Q ∫ₜ¹ρ²(2 − q)s e^(−Q(s)) ds with Q′ = q/t solves the same equation in the clock β = t")
def moving_kappa(rate=lambda power: power / t):
    moving = sp.Function("kappa_t", positive=True)(t)
    power = q.subs(kappa, moving)
    primitive, integral = (sp.Function(name, real=True)(t) for name in ("Q", "J"))
    jets = {primitive.diff(t): rate(power), integral.diff(t): -(rho**2) * (2 - power) * t * sp.exp(-primitive)}
    schedule = ss.Schedule(sp.sqrt(sp.exp(primitive) * integral), t)
    return lazy_equation(schedule, moving).subs(jets)


@theorem.step("κ(t) solved by the package, for κ = t and κ = 1 + 2t")
def moving_examples(factor=1):
    residuals = {f"κ = {scale}": lazy_equation(solved_moving(scale), factor * scale) for scale in (t, 1 + 2 * t)}
    return residuals | {"the schedule of C9": solved_moving(1 + 2 * t).alpha ** 2 - rho**2 * t * (1 - t) / 2}


@cache
def solved_moving(scale):
    return ss.lazy.solve(kappa=scale, rho=rho)


@theorem.step("ε given outright: V̇ = 2ε with V(1) = ρ² and α² = V − ρ²β²")
def given_scale(ends_at=rho**2):
    made = sp.Function("E", real=True)(t)  # ∫ₜ¹ 2ε
    scale = -made.diff(t) / 2
    schedule = ss.Schedule(sp.sqrt(ends_at - made - rho**2 * beta**2), beta)
    example = ss.lazy.solve(eps=rho**2 / 2, rho=rho)
    return {
        "ε − V̇/2": scale - schedule.variance(rho).diff(t) / 2,
        "V at the end": schedule.variance(rho) + made - rho**2,
        "ε = ρ²/2 is the Föllmer member": example.alpha**2 - rho**2 * t * (1 - t),
    }


# -- the catalogue, signs, numbers -----------------------------------------------------------------------------


@theorem.step("Clocks of the catalogue put in: lazy for every κ and ρ")
def catalogue_clocks(power=q):
    clocks = (t, sp.sin(sp.pi * t / 2), t**2 * (3 - 2 * t), ss.schedules.ddpm().beta)
    return {str(clock): lazy_equation(family(power, clock=clock), kappa) for clock in clocks}


@theorem.interval("α² > 0, ε ≥ 0 and r increasing on the whole of (0, 1)")
def signs(flip=1):
    found = []
    for k in (0, *MEMBERS):
        schedule = member(k)
        found += [
            (f"α², κ = {k}", flip * schedule.alpha**2, "positive"),
            (f"ε, κ = {k}", flip * k * schedule.eps_star, "nonnegative"),
            (f"d/dt log r, κ = {k}", flip * schedule.log_r_dot, "positive"),
        ]
    return found


@theorem.values("Reference numbers: linear → Föllmer at t = ¼, and ε* of three schedules", tolerance=1e-15)
def reference(square=1):
    target = family(1, square, t)
    carried, quarter = ss.convert(ss.schedules.linear(), target), {t: sp.Rational(1, 4)}
    vp = ss.schedules.vp().eps_star.subs(quarter)
    return [
        ("ᾱ", target.alpha.subs(quarter), sp.Rational("0.4330127018922193")),
        ("c", carried.scale.subs(quarter), sp.Rational("0.6830127018922193")),
        ("τ", carried.tau.subs(quarter), sp.Rational("0.3660254037844386")),
        ("ε* Föllmer", target.eps_star.subs(quarter), sp.Rational(1, 2)),
        ("ε* linear", ss.schedules.linear().eps_star.subs(quarter), 3),
        ("ε* VP", vp, sp.pi / 2 * sp.cot(sp.pi / 8)),
    ]


# -- Monte Carlo -----------------------------------------------------------------------------------------------

TIMES = (0.05, 0.3, 0.7, 1.0)
STD = sp.Rational(3, 2)


@cache
def carried(k, power):
    """The source SDE with κ = k, the family of the exponent, and τ, c at the times."""
    target = family(power, STD**2, t ** sp.Max(1, 1 / power))
    conversion = ss.convert(ss.schedules.linear(), target)
    tau, scale = conversion.values((conversion.tau, conversion.scale), TIMES)
    return ss.InterpolantSDE(conversion.source, ss.Gaussian(0, STD), kappa=k), target, tau, scale


@theorem.monte_carlo("κ = ½, 1, 3: linear-schedule paths carried to the family are N(0, ρ²β^q), without drift")
def laws_in_between(setting, power=q, variance=lambda clock, power: STD**2 * clock**power):
    """The source has a drift, and is simulated exactly; the family takes the drift away at every intermediate time."""
    import numpy as np

    from symsched import verdicts

    seen = Record()

    def p_value(k, size, seed):
        sde, target, tau, scale = carried(k, power.subs(kappa, k))
        run = ss.simulate(sde, paths=size, grid=tau, save=tau, scheme="exponential", seed=seed, keep_paths=size)
        states = scale[:, None] * run.paths
        steps = np.diff(states, axis=0)
        wanted = [float(variance(target.beta, power.subs(kappa, k)).subs(t, s)) for s in TIMES]
        for y, v, s in zip(states, wanted, TIMES, strict=True):
            seen.variance(f"κ = {k}: Var X̄ at t = {s}", y, v)
        laws = [verdicts.sample_gaussian_p_value(y, 0, v) for y, v in zip(states, wanted, strict=True)]
        return laws + [verdicts.correlation_p_value(d, y) for d, y in zip(steps, states, strict=False)]

    def test(size, seed):
        kappas = (sp.Rational(1, 2), sp.Integer(1), sp.Integer(3))
        return verdicts.combine([p for k in kappas for p in p_value(k, size, seed)])

    size = setting.size(PATHS)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power_of = verdicts.correlation_power(0.1, size, found.level)
    measured = f"κ = ½, 1, 3: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power_of, seen.points)


half_q = kappa / (1 + kappa)
theorem.sabotage(clock_is_free, "β for β̇", factor=beta)
theorem.sabotage(general_solution, "q = κ/(1 + κ)", power=half_q)
theorem.sabotage(general_solution, "ρ for ρ²", drive=rho)
theorem.sabotage(ends_in_data, "wrong sign of the constant", final=-(rho**2) * (b**q + b**2))
theorem.sabotage(lazy_in_every_clock, "q = κ/(1 + κ)", power=half_q)
theorem.sabotage(lazy_in_every_clock, "ρ for ρ²", square=rho)
theorem.sabotage(zero_drift, "q = 2κ", power=2 * kappa)
theorem.sabotage(any_data, "w = β^q", weight=beta**q)
theorem.sabotage(follmer, "wrong sign of x", drift=(eta_x + x) / (1 - t))
theorem.sabotage(follmer, "ε = ρ²", scale=rho**2)
theorem.sabotage(frame_of_any_schedule, "q halved", power=q / 2)
theorem.sabotage(brownian, "V = ρt", variance=rho * t)
theorem.sabotage(named_members, "q = κ/(1 + κ)", power=half_q)
theorem.sabotage(brownian_clock, "β = t^q", clock=t ** (1 / p))
theorem.sabotage(slope_at_start, "q = κ/(1 + κ)", power=half_q)
theorem.sabotage(point_mass, "α(0) = 1", start=1)
theorem.sabotage(clock_matters, "the same of β = t²", clock=t**2)
theorem.sabotage(large_kappa, "q → 1", limit=1)
theorem.sabotage(moving_kappa, "q for q/t in the integrating factor", rate=lambda power: power)
theorem.sabotage(moving_examples, "half of κ", factor=sp.Rational(1, 2))
theorem.sabotage(given_scale, "V(1) = ρ", ends_at=rho)
theorem.sabotage(catalogue_clocks, "q = κ/(1 + κ)", power=half_q)
theorem.sabotage(signs, "r decreasing", flip=-1)
theorem.sabotage(reference, "α² = 2β(1 − β)", square=2)
theorem.sabotage(laws_in_between, "q = κ/(1 + κ)", power=half_q)
theorem.sabotage(laws_in_between, "ρ for ρ² in V", variance=lambda clock, power: STD * clock**power)
