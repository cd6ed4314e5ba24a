"""C11.  In the lazy frame one step is exact; elsewhere Euler's error is known in closed form.

A lazy SDE on Gaussian data has no drift (C9): X_t = X_s + ∫ₛᵗ √(2ε) dW is Gaussian with variance
V(s) + ∫ₛᵗ 2ε = V(t), because ε = V̇/2.  So a step with noise of variance V(t) − V(s) has exactly the law of the
process, however long it is, and so have any number of steps on any grid: the variances telescope.

For any other schedule one Euler step x + h g x + √(2εh) ξ multiplies the variance by (1 + h g)² and adds 2εh.  By
induction, with a_k = 1 + h g(t_k) and q_k = 2hε(t_k),

    v_n = v_0 ∏ a_k² + Σ_j q_j ∏_{k>j} a_k².

For rational coefficients the products are rising factorials and the sums polygamma functions of the number of steps:
an exact oracle of the discretisation error, with no sampling in it.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789 (one lazy step); elementary.  Errors on Gaussian data
are exact in arXiv:2405.14250 and arXiv:2502.00180 too.
"""

from functools import cache
from itertools import pairwise

import sympy as sp

import symsched as ss
from symsched.discretize import closed_form, exact_law
from symsched.discretize.closed import step_forms
from symsched.exhibit import Record
from symsched.symbols import eps, kappa, rho, t, x
from symsched.symbols import mean as m
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C11",
    title="One step is exact",
    statement="Gaussian data, lazy frame, noise of variance V(t′) − V(t): one step, or any number on any grid, has "
    "exactly the law N(0, ρ²).  Euler elsewhere: v_n = v_0 ∏(1 + h g_k)² + Σ_j 2hε_j ∏_{k>j}(1 + h g_k)².",
    hypotheses=("X ~ N(0, ρ²), ρ > 0", "ε = V̇/2 (lazy), or any ε ≥ 0 (Euler)"),
    assumptions=("∫√(2ε) dW is Gaussian with variance ∫2ε (Itô isometry)",),
    source="Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; cf. arXiv:2405.14250, arXiv:2502.00180",
)

# -- the lazy step ---------------------------------------------------------------------------------------------

start, stop = sp.symbols("s s'", positive=True)
V = sp.Function("V", positive=True)


@theorem.step("One step: without drift, the variance of X_t solves v̇ = 2ε = V̇; from V(s) it arrives at V(t)")
def one_step(noise=V(t).diff(t)):
    variance = sp.Function("v", positive=True)
    solution = sp.dsolve(variance(t).diff(t) - noise, variance(t), ics={variance(start): V(start)})
    return solution.rhs.subs(t, stop).doit() - V(stop)


@theorem.step("Any grid: the increments telescope, V(t₀) + Σ (V(t_{k+1}) − V(t_k)) = V(t_n)")
def any_grid(first=V):
    residuals = {}
    for count in (1, 2, 5):
        times = sp.symbols(f"t0:{count + 1}", positive=True)
        made = sum((V(b) - V(a) for a, b in pairwise(times)), start=first(times[0]))
        residuals[f"{count} steps"] = made - V(times[-1])
    return residuals


@theorem.step("The families of C10, any κ and ρ: ε integrates to V/2, and V ends at ρ²")
def families(square=rho**2):
    q = 2 * kappa / (1 + kappa)
    schedule = ss.Schedule(sp.sqrt(square * (t**q - t**2)), t)
    variance = schedule.variance(rho)
    return {
        "2ε = V̇": 2 * kappa * schedule.eps_star - variance.diff(t),
        "V(1) = ρ²": variance.subs(t, 1) - rho**2,
        "(V/ρ²)^(1/q) is the clock": variance - square * t**q,
    }


@cache
def lazy_after(k, count, scheme="lazy"):
    sde = ss.InterpolantSDE(ss.schedules.lazy(k, rho=2), ss.Gaussian(0, 2), kappa=k)
    return exact_law(sde, count, scheme)[1]


@theorem.step("In exact arithmetic: N(0, ρ²) after 1, 2 and 5 lazy steps, κ = ½, 1, 2")
def exact_members(target=4):
    cases = [(k, count) for k in (sp.Rational(1, 2), 1, 2) for count in (1, 2, 5)]
    return {f"κ = {k}, {count} steps": lazy_after(k, count) - target for k, count in cases}


# -- Euler elsewhere -------------------------------------------------------------------------------------------


def euler(slopes, noises, initial):
    """The recursion v ← a² v + q, from the step itself: Var(a X + √q ξ)."""
    variance = initial
    for a, q in zip(slopes, noises, strict=True):
        variance = a**2 * variance + q
    return variance


def product_form(slopes, noises, initial, power=2):
    """v_0 ∏ a_k^p + Σ_j q_j ∏_{k>j} a_k^p."""
    tails = [sp.Mul(*(a**power for a in slopes[j:])) for j in range(len(slopes) + 1)]
    return initial * tails[0] + sum(q * tail for q, tail in zip(noises, tails[1:], strict=True))


@theorem.step("Euler: the recursion equals the product form, for free coefficients, and the induction step holds")
def euler_product(power=2):
    initial, head, tail, a, q = sp.symbols("v0 P S a q", positive=True)
    residuals = {}
    for count in (1, 2, 4):
        slopes, noises = sp.symbols(f"a0:{count}", real=True), sp.symbols(f"q0:{count}", positive=True)
        residuals[f"{count} steps"] = euler(slopes, noises, initial) - product_form(slopes, noises, initial, power)
    known = initial * head + tail  # P and S of n steps; one more multiplies both by a² and adds q
    return residuals | {"next step": a**2 * known + q - (initial * a**power * head + a**power * tail + q)}


@theorem.step("The slope of the drift and the noise of one step, from the SDE of C8")
def euler_step(noise=lambda h: 2 * h * eps):
    h, xi = sp.symbols("h xi", positive=True)
    alpha, beta = (sp.Function(name, positive=True)(t) for name in ("alpha", "beta"))
    schedule = ss.Schedule(alpha, beta)
    law = ss.Gaussian(0, rho)
    moved = x + h * (law.velocity(schedule) + eps * law.score(schedule)) + sp.sqrt(2 * eps * h) * xi
    variance = schedule.variance(rho)
    slope = 1 + h * (variance.diff(t) / 2 - eps) / variance
    return {"slope": moved.diff(x) - slope, "noise": moved.diff(xi) ** 2 - noise(h)}


@theorem.step("The package's Euler step of the linear schedule has this slope and noise")
def library_step(noise=1):
    schedule, scale, count = ss.schedules.linear(), sp.Rational(1, 2), 4
    forms = step_forms(ss.InterpolantSDE(schedule, ss.Gaussian(0, 2), eps=scale * noise), "euler")
    variance = schedule.variance(2)
    slope = 1 + (variance.diff(t) / 2 - scale) / variance / count
    residuals = {}
    for k in range(count):
        found, _, added = forms.at(k, count)
        residuals |= {
            f"slope {k}": found - slope.subs(t, sp.Rational(k, count)),
            f"noise {k}": added - 2 * scale / count,
        }
    return residuals


@theorem.step(
    "In a curved clock the deviation from βm moves by (hβ̇ − Δβ)m beside its slope, in the package's steps too"
)
def library_source(clock=t**3):
    count = 3
    forms = step_forms(ss.InterpolantSDE(ss.Schedule(1 - t, t**3), ss.Gaussian(m, 2)), "euler")
    now, then = (sp.Rational(k, count) for k in (1, 2))
    moved = clock.diff(t).subs(t, now) / count - (clock.subs(t, then) - clock.subs(t, now))
    return forms.at(1, count)[1] - moved


@theorem.step("The package's closed form in n is its recursion: linear, κ = 0, N(m, 4)")
def library_closed_form(count=3):
    sde = ss.InterpolantSDE(ss.schedules.linear(), ss.Gaussian(m, 2))
    found, recursion = closed_form(sde).at(count), exact_law(sde, 3)
    return {"mean": found[0] - recursion[0], "variance": found[1] - recursion[1]}


SCHEMES = {
    "linear, κ = 0": ss.InterpolantSDE(ss.schedules.linear(), ss.Gaussian(0, 2)),
    "Föllmer, κ = 1, ρ = 2": ss.InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, 2), kappa=1),
}


@cache
def closed(name):
    return closed_form(SCHEMES[name], "euler")


@theorem.values("The closed forms in n equal the recursion in exact arithmetic")
def closed_forms(shift=0):
    return [
        (f"{name}, {n} steps", closed(name).at(n + shift, 60)[1], exact_law(sde, n)[1])
        for name, sde in SCHEMES.items()
        for n in (2, 3, 7)
    ]


@theorem.values(
    "Known numbers: one linear step of the ODE collapses to a point; Euler in the lazy frame of κ = 1 is exact"
)
def known_numbers(noise=2):
    lazy = ss.InterpolantSDE(ss.schedules.lazy(1, rho=2), ss.Gaussian(0, 2), kappa=1)
    trigamma = 16 * 3 * (sp.polygamma(1, sp.Integer(2)) - sp.polygamma(1, sp.Integer(5))) / 9
    return [
        ("linear ODE, 1 step", exact_law(SCHEMES["linear, κ = 0"], 1)[1], 0),
        ("Euler, lazy κ = 1, 3 steps", exact_law(lazy, 3)[1], 2 * noise),
        ("Föllmer, κ = 1, ρ = 2, 3 steps", closed("Föllmer, κ = 1, ρ = 2").at(3, 60)[1], trigamma),
    ]


@theorem.interval("V never decreases in a lazy family, so the variance V(t′) − V(t) of a step is never negative")
def increments(sign=1):
    members = [ss.schedules.lazy(k, rho=2) for k in (0, sp.Rational(1, 2), 1, 2)]
    return [(f"V̇ of {member}", sign * member.variance(2).diff(t), "nonnegative") for member in members]


# -- Monte Carlo -----------------------------------------------------------------------------------------------

LADDER = (0.0, 0.02, 0.5, 0.6, 1.0)


@theorem.monte_carlo("One lazy step from a point, and four of very unequal length, give N(0, ρ²): exact χ² and KS")
def lazy_steps(setting, spread=lambda std: std**2):
    from scipy import stats

    from symsched import verdicts

    std, seen = 1.5, Record()
    noise = spread(sp.Rational(3, 2)) / 2  # ε of the clock in which V = ρ²t
    lazy = ss.Diffusion(0, noise, 0)
    fixed = ss.InterpolantSDE(ss.schedules.lazy(2, sp.Rational(3, 2)), ss.Gaussian(0, sp.Rational(3, 2)), kappa=2)

    def test(size, seed):
        found = []
        cases = (
            ("V = ρ²t", lazy, [0.0, 1.0]),
            ("V = ρ²t", lazy, LADDER),
            ("κ = 2", fixed, [0.0, 1.0]),
            ("κ = 2", fixed, LADDER),
        )
        for name, sde, grid in cases:
            run = ss.simulate(sde, paths=size, grid=grid, scheme="lazy", seed=seed)
            seen.moments(f"X₁ after {len(grid) - 1} lazy steps, {name}", run, mean=0, var=std**2)
            found += [verdicts.gaussian_variance_p_value(run, std**2), verdicts.mean_p_value(run, 0)]
            found += [verdicts.ks_p_value(run, stats.norm(0, std).cdf)]
        return verdicts.combine(found)

    size = setting.size(PATHS)
    decision = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(1 / std, size, decision.level)
    measured = f"one step: p = {decision.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(decision), measured, decision.level, power, seen.points)


@theorem.monte_carlo("Euler in other schedules has the variance of the product form, bias and all")
def euler_paths(setting, power=2, biased=True):
    from symsched import verdicts

    grid, cases, seen = [0.0, 0.25, 0.5, 0.75, 1.0], [], Record()
    for name, sde in SCHEMES.items():
        affine = [1 + sde.affine[0].subs(t, sp.Rational(k, 4)) / 4 for k in range(4)]
        noises = [sde.eps.subs(t, sp.Rational(k, 4)) / 2 for k in range(4)]
        initial = sde.marginal[1].subs(t, 0)
        cases.append((name, sde, float(product_form(affine, noises, initial, power)) if biased else 4.0))

    def test(size, seed):
        found = []
        for name, sde, variance in cases:
            run = ss.simulate(sde, paths=size, grid=grid, scheme="euler", seed=seed)
            seen.moments(f"X₁ after 4 Euler steps, {name}", run, var=variance)
            found.append(verdicts.gaussian_variance_p_value(run, variance))
        return verdicts.combine(found)

    size = setting.size(PATHS)
    decision = verdicts.sequential(test, size=size, seed=setting.seed)
    power_of = verdicts.variance_power(0.5, size, decision.level)
    shown = ", ".join(f"{v:.4g}" for *_, v in cases)
    measured = f"Euler, 4 steps, variances {shown} for 4: p = {decision.p_values[-1]:.2g}"
    return Evidence(bool(decision), measured, decision.level, power_of, seen.points)


theorem.sabotage(one_step, "noise V̇/2 for V̇", noise=V(t).diff(t) / 2)
theorem.sabotage(any_grid, "√V at the start", first=lambda time: sp.sqrt(V(time)))
theorem.sabotage(families, "ρ for ρ²", square=rho)
theorem.sabotage(exact_members, "N(0, ρ) for N(0, ρ²)", target=2)
theorem.sabotage(euler_product, "(1 + h g) not squared", power=1)
theorem.sabotage(euler_step, "noise εh for 2εh", noise=lambda h: h * eps)
theorem.sabotage(library_step, "ε halved", noise=sp.Rational(1, 2))
theorem.sabotage(library_source, "the clock t²", clock=t**2)
theorem.sabotage(library_closed_form, "one step more", count=4)
theorem.sabotage(closed_forms, "one step too many", shift=1)
theorem.sabotage(known_numbers, "noise ε for 2ε", noise=1)
theorem.sabotage(increments, "steps backwards in time", sign=-1)
theorem.sabotage(lazy_steps, "noise ρ for ρ²", spread=lambda std: std)
theorem.sabotage(euler_paths, "(1 + h g) not squared", power=1)
theorem.sabotage(euler_paths, "no bias: the variance of the data", biased=False)
