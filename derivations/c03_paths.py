"""C3.  Path conversion: one SDE is another one, at another time and in another unit.

Let X solve the source SDE with scale ε, driven by the Brownian motion W, and let τ, c be the conversion of C2.  Then
X̄_t = c_t X_τ(t) solves the target SDE with scale

    ε̄_t = c_t² τ̇_t ε_τ(t),        driven by        W̄_t = ∫₀ᵗ τ̇_u^(−1/2) dW_τ(u).

Proof.  Time change: Y_t = X_τ(t) has dY = τ̇ a(τ, Y) dt + √(2ε(τ)) dW_τ, where a is the drift of X.  The increments of W̄
are independent of the past and have variance (τ̇^(−1/2))² dτ = dt, so W̄ is a Brownian motion (Lévy) and
dW_τ = √τ̇ dW̄.  Scaling by c, by the product rule (c is smooth: there is no correction of Itô's),

    dX̄ = [ (ċ/c) X̄ + c τ̇ a(τ, X̄/c) ] dt + c √(2 τ̇ ε(τ)) dW̄.

The diffusion is √(2ε̄), and the bracket is b̄ + ε̄ s̄, because b̄ and s̄ are what C2 says.  The converse: given ε̄, the only
source scale that leads to it is ε = (ε̄/(c²τ̇)) ∘ τ⁻¹.

What is reached: every target schedule, and in it the one scale with the source's κ = ε/ε* (C5).  No map of points
changes κ; a path of one κ goes to another by its noise (C26).  Times are those of the open interval: with κ > 0 in a
standard schedule ∫₀ ε/α² dt = ∞ and a path forgets its first state, so X solves its SDE on (0, 1), from the law at any
time inside.

All of this holds for undefined α, β, τ, c, ε, for any drift a and any score; the simulation below then drives two
different SDEs by one Brownian motion and watches their paths meet.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; time change: Øksendal, Stochastic Differential Equations, 8.5.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Point
from symsched.sde.equation import data_form
from symsched.symbols import alpha, beta, eps, mean, rho, t, x
from symsched.theorem import Evidence, Theorem

theorem = Theorem(
    name="C3",
    title="Path conversion",
    statement="If X solves the source SDE with scale ε, then c X_τ solves the target SDE with scale ε̄ = c²τ̇ ε(τ), "
    "driven by W̄ = ∫ τ̇^(−1/2) dW_τ, on (0, 1); ε̄ comes from exactly one ε, that of the same κ.",
    hypotheses=("the conversion (τ, c) of C2, with τ̇ > 0", "ε ≥ 0 continuous"),
    assumptions=("the time change of Itô integrals", "Lévy's characterisation of Brownian motion"),
    source="arXiv:2602.03789",
)

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
s, y = sp.Symbol("s", positive=True), sp.Symbol("y", real=True)


def seen(field, scale=c):
    """A source field of (s, y), seen from the target's (t, x): at (τ, x/c)."""
    return field.subs(s, tau).subs(y, x / scale)


eps_bar = c**2 * tau.diff(t) * eps.subs(t, tau)

# -- time change and Itô, for any drift -------------------------------------------------------------------------

a = sp.Function("a", real=True)(s, y)
scale = eps.subs(t, s)
test = sp.Function("f", real=True)(t, x)
carried = c.diff(t) / c * x + c * tau.diff(t) * seen(a)


@theorem.step("W̄ = ∫ τ̇^(−1/2) dW_τ has d⟨W̄⟩ = dt, and dW_τ = √τ̇ dW̄")
def brownian(integrand=tau.diff(t) ** sp.Rational(-1, 2)):
    return {"⟨W̄⟩": integrand**2 * tau.diff(t) - 1, "back": integrand * sp.sqrt(tau.diff(t)) - 1}


@theorem.step("Itô for c X_τ: the diffusion coefficient √(2ε(τ)) dW_τ = √(2ε(τ)τ̇) dW̄, times c, is √(2ε̄)")
def diffusion(target=eps_bar):
    return (c * sp.sqrt(2 * eps.subs(t, tau) * tau.diff(t))) ** 2 - 2 * target


@theorem.step("Generators intertwine: (∂ + τ̇L_τ) of f(t, cy) is (∂ + L̄)f at (t, cy), for every test function f")
def intertwining(drift=carried, target=eps_bar):
    # y is the state of X_τ and x = c y that of X̄; L = a ∂ + ε ∂² generates X.
    pulled = test.subs(x, c * y)
    source_side = pulled.diff(t) + tau.diff(t) * (a * pulled.diff(y) + scale * pulled.diff(y, 2)).subs(s, tau)
    generator = test.diff(t) + drift * test.diff(x) + target * test.diff(x, 2)
    moved = sp.Symbol("moved", real=True)
    return source_side - generator.subs(x, moved).subs(moved, c * y)


theorem.sabotage(brownian, "τ̇ for its root", integrand=1 / tau.diff(t))
theorem.sabotage(diffusion, "τ̇ dropped", target=c**2 * eps.subs(t, tau))
theorem.sabotage(intertwining, "τ̇ dropped in the drift", drift=c.diff(t) / c * x + c * seen(a))
theorem.sabotage(intertwining, "c for c²", target=c * tau.diff(t) * eps.subs(t, tau))

# -- the target's own SDE -----------------------------------------------------------------------------------------

score = sp.Function("score", real=True)(s, y)
velocity = sp.Function("b", real=True)(s, y)


@theorem.step("The drift of c X_τ is b̄ + ε̄ s̄, for any velocity and any score")
def drift_is_the_target(target=eps_bar):
    source_drift = velocity + scale * score
    target_drift = c.diff(t) / c * x + c * tau.diff(t) * seen(velocity) + target * seen(score) / c
    return carried.subs(seen(a), seen(source_drift)) - target_drift


@theorem.step("In data form: the library's Ā x + B̄ η̄_X of the target is the drift of c X_τ, for undefined schedules")
def in_the_library(target=eps_bar):
    eta = seen(sp.Function("eta_X", real=True)(s, y))
    (A, B), bar = data_form(ss.Schedule(alpha, beta), eps), ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))
    A_bar, B_bar = data_form(bar, target)
    moved = c.diff(t) / c * x + c * tau.diff(t) * (A.subs(t, tau) * x / c + B.subs(t, tau) * eta)
    return A_bar * x + B_bar * eta - moved


theorem.sabotage(drift_is_the_target, "ε̄ without τ̇", target=c**2 * eps.subs(t, tau))
theorem.sabotage(in_the_library, "ε̄ without c", target=tau.diff(t) * eps.subs(t, tau))

# -- the converse ---------------------------------------------------------------------------------------------------

u = sp.Symbol("u", positive=True)  # target time as a variable; θ is the inverse of τ
theta = sp.Function("theta", positive=True)


@theorem.step("The only source scale that leads to ε̄ is (ε̄/(c²τ̇)) ∘ τ⁻¹")
def converse(power=2):
    wanted = sp.Function("epsilonbar", nonnegative=True)(t)
    scale_at_tau = sp.Symbol("e", nonnegative=True)
    (solved,) = sp.solve(eps_bar.subs(eps.subs(t, tau), scale_at_tau) - wanted, scale_at_tau)
    pulled_back = (wanted / (c**power * tau.diff(t))).subs(t, u).subs(u, theta(s))  # as a function of source time
    at_tau = pulled_back.subs(s, tau).subs(theta(tau), t).doit()  # τ⁻¹(τ(t)) = t
    return {"solved": solved - at_tau, "pushed forward": eps_bar.subs(eps.subs(t, tau), at_tau) - wanted}


theorem.sabotage(converse, "c for c²", power=1)

# -- the catalogue --------------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def conversions():
    """To a point mass, and from it to exponentials."""
    pairs = (
        (catalogue.linear(), catalogue.follmer()),
        (catalogue.follmer(), catalogue.ddpm()),
    )
    return tuple(ss.convert(one, other) for one, other in pairs)


@theorem.step("Catalogue: Ā = ċ/c + τ̇A(τ) and B̄ = cτ̇B(τ) for the assembled SDEs, whatever the data")
def catalogue_drifts(push=lambda conversion, scale: conversion.eps(scale)):
    residuals, data = {}, ss.Gaussian(mean, rho)
    for conversion in conversions():
        scale, c_, rate_ = t * (1 - t), conversion.scale, conversion.tau_dot
        one = ss.InterpolantSDE(conversion.source, data, eps=scale)
        other = ss.InterpolantSDE(conversion.target, data, eps=push(conversion, scale))
        A, B = (part.subs(t, conversion.tau) for part in (one.A, one.B))
        residuals[f"A, {conversion}"] = other.A - conversion.scale_dot / c_ - rate_ * A
        residuals[f"B, {conversion}"] = other.B - c_ * rate_ * B
    return residuals


def without_rate(conversion, scale):
    return conversion.scale**2 * scale.subs(t, conversion.tau)


theorem.sabotage(catalogue_drifts, "τ̇ dropped", push=without_rate)


@theorem.values("Linear with ε* = (1 − s)/s becomes Föllmer with ε̄ = 1/2")
def reference(factor=1):
    conversion = conversions()[0]
    pushed = factor * conversion.eps(conversion.source.eps_star)
    for here in (sp.Rational(1, 7), sp.Rational(1, 4), sp.Rational(9, 10)):
        yield f"ε̄({here})", pushed.subs(t, here), sp.Rational(1, 2)


@theorem.interval("ε̄ > 0 where ε > 0, here for ε = ε*")
def positive(sign=1):
    for conversion in conversions():
        yield str(conversion), sign * conversion.eps(conversion.source.eps_star), "positive"


theorem.sabotage(reference, "2ε for ε", factor=2)
theorem.sabotage(positive, "wrong sign", sign=-1)

# -- two SDEs, one Brownian motion ----------------------------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
STEPS = (16, 32, 64, 128)
SAVED = (0.2, 0.35, 0.5, 0.65, 0.8)
MIXTURE = ss.GaussianMixture([0.25, 0.75], [-1, 1], [0.5, 0.5])


def written_out(schedule, scale):
    """The interpolant's SDE for the mixture, A x + B η_X: one compiled kernel for every schedule and scale."""
    from symsched.montecarlo.program.averages import written_out as stable_eta_x

    (eta,) = stable_eta_x(ss.InterpolantSDE(schedule, MIXTURE), (x,))
    A, B = data_form(schedule, scale)
    return ss.Diffusion(A * x + B * eta, scale, ss.Gaussian(0, sp.S.Half))  # the claim holds from any start


def pushed(conversion, scale):
    return conversion.eps(scale)


@theorem.monte_carlo("Paths: c X_τ and the target's own X̄, both by Euler's scheme, meet at strong order 1")
def pathwise(setting, push=pushed):
    import numpy as np
    from scipy import stats

    from symsched.montecarlo import System

    conversion, scale = conversions()[0], t / 2 + sp.Rational(1, 4)
    one = written_out(conversion.source, scale)
    other = written_out(conversion.target, push(conversion, scale))
    errors = []
    for k, steps in enumerate(STEPS):
        grid = np.linspace(SAVED[0], SAVED[-1], steps + 1)
        pair = System(one, grid=grid, through=conversion), System(other, grid=grid)
        run = ss.couple(*pair, paths=setting.size(20_000), seed=4 * setting.seed + k, save=SAVED)
        errors.append(run.strong_error())
    fit = ss.verdicts.fit_order([1 / n for n in STEPS], *zip(*errors, strict=True))
    # With additive noise Euler has strong order 1.  The alternatives are 1/2 (multiplicative noise) and 0 (the paths do
    # not meet), so the measured order must be nearer to 1 than to 1/2, statistical error included.
    accepted = abs(fit.order - 1) + 5 * fit.error < 0.25
    point = Point("strong order", fit.order, fit.error, 1)
    # At a true order of 1/2 the slope would have to be off by 1/4 and five standard errors.
    power = stats.norm.cdf(1 / 4 / fit.error + 5)
    return Evidence(accepted, f"strong order {fit.order:.3f} ± {fit.error:.3f}", LEVEL, power, (point,))


def doubled(conversion, scale):
    return 2 * conversion.eps(scale)


theorem.sabotage(pathwise, "τ̇ dropped from ε̄", push=without_rate)
theorem.sabotage(pathwise, "2ε̄", push=doubled)
