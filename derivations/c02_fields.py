"""C2.  Fields under conversion: one interpolant is another one, at another time and in another unit.

Let (α, β) be the source and (ᾱ, β̄) the target, r = β/α and r̄ = β̄/ᾱ.  Both ratios increase, so there is one time
change τ = r⁻¹ ∘ r̄, and with it one scale c = β̄/β(τ) = ᾱ/α(τ).  By definition

    ᾱ = c α(τ),   β̄ = c β(τ),   hence   Ī_t = ᾱZ + β̄X = c_t I_τ(t),

for the same Z and X.  To see Ī_t = x is to see I_τ = x/c, so the mean fields are η̄(t, x) = η(τ, x/c), and then

    s̄(t, x) = s(τ, x/c)/c,      b̄(t, x) = (ċ/c) x + c τ̇ b(τ, x/c).

Proof.  Differentiating the two relations gives two linear equations for ċ and τ̇.  Everything else is a substitution,
made here for undefined functions α, β, τ, c, η_X and p: for every pair of schedules at once.  The fields of the source
are functions of its own time `s` and state `y`.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; as a change of sampling path, Karras et al., arXiv:2206.00364;
the transfer of fields between schedules also in Chen, Vanden-Eijnden, Xu, arXiv:2509.01629.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exact import limit_at
from symsched.symbols import alpha, beta, mean, rho, t, x
from symsched.theorem import Theorem

theorem = Theorem(
    name="C2",
    title="Fields under conversion",
    statement="Ī_t = c I_τ with τ = r⁻¹∘r̄, c = β̄/β(τ) = ᾱ/α(τ); η̄ = η(τ, x/c), s̄ = s(τ, x/c)/c, "
    "b̄ = (ċ/c)x + cτ̇ b(τ, x/c).",
    hypotheses=("both schedules positive and C¹ on (0, 1)", "ṙ > 0 and r̄ in the range of r"),
    assumptions=("a conditional expectation depends on the event alone: {Ī_t = x} = {I_τ = x/c}",),
    source="arXiv:2602.03789; cf. arXiv:2509.01629",
)

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
s, y = sp.Symbol("s", positive=True), sp.Symbol("y", real=True)


def seen(field, scale=c):
    """A source field of (s, y), seen from the target's (t, x): at (τ, x/c)."""
    return field.subs(s, tau).subs(y, x / scale)


source = ss.Schedule(alpha, beta)
target = ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))

# -- the time change and the scale ------------------------------------------------------------------------------


@theorem.step("The two definitions of c agree exactly when r(τ) = r̄")
def one_scale(product=target.r):
    bar_alpha, bar_beta = sp.symbols("abar bbar", positive=True)
    gap = bar_beta / beta.subs(t, tau) - bar_alpha / alpha.subs(t, tau)
    return {
        "difference of the definitions": gap - bar_alpha / beta.subs(t, tau) * (bar_beta / bar_alpha - product),
    }


def rates():
    """ċ and τ̇, solved from the derivatives of α(τ) c = ᾱ and β(τ) c = β̄ for undefined ᾱ, β̄."""
    bar_alpha, bar_beta = (sp.Function(name, positive=True)(t) for name in ("alphabar", "betabar"))
    defining = (c * alpha.subs(t, tau) - bar_alpha, c * beta.subs(t, tau) - bar_beta)
    (found,) = sp.solve([relation.diff(t) for relation in defining], [c.diff(t), tau.diff(t)], dict=True)
    known = {bar_alpha: target.alpha, bar_beta: target.beta}
    return {rate: value.subs(known).doit() for rate, value in found.items()}


@theorem.step("τ̇ = (d log r̄/dt) / (d log r/ds)(τ): the relations determine it")
def time_rate(source_rate=source.log_r_dot):
    wanted = target.log_r_dot / source_rate.subs(t, tau)
    return {"solved": rates()[tau.diff(t)] - tau.diff(t), "as rates": wanted - tau.diff(t)}


@theorem.step("ċ/c = d log ᾱ/dt − τ̇ (d log α/ds)(τ) = d log β̄/dt − τ̇ (d log β/ds)(τ)")
def scale_rate(sign=-1):
    pairs = {"solved": rates()[c.diff(t)] - c.diff(t)}
    for name, bar, own in (("α", target.alpha, alpha), ("β", target.beta, beta)):
        log_rate = sp.log(own).diff(t).subs(t, tau)
        pairs[f"through {name}"] = sp.log(bar).diff(t) + sign * tau.diff(t) * log_rate - c.diff(t) / c
    return pairs


theorem.sabotage(one_scale, "inverse ratio", product=1 / target.r)
theorem.sabotage(time_rate, "rate of r² for the rate of r", source_rate=2 * source.log_r_dot)
theorem.sabotage(scale_rate, "wrong sign", sign=1)

# -- the law and the fields -------------------------------------------------------------------------------------

xi = sp.Symbol("xi", real=True)


def kernel(schedule, state):
    """Density at `state` of the interpolant from the one data point ξ."""
    noise = (state - schedule.beta * xi) / schedule.alpha
    return sp.exp(-(noise**2) / 2) / (sp.sqrt(2 * sp.pi) * schedule.alpha)


@theorem.step("The kernel of each data point is carried over, with Jacobian 1/c: so are p and every posterior of X")
def law(jacobian=1 / c):
    return kernel(target, x) - jacobian * kernel(source, y).subs(t, tau).subs(y, x / c)


eta_x = sp.Function("eta_X", real=True)(s, y)
a, b = (coefficient.subs(t, s) for coefficient in (alpha, beta))
eta_z = (y - b * eta_x) / a
velocity = a.diff(s) * eta_z + b.diff(s) * eta_x

target_eta_x = seen(eta_x)
target_eta_z = (x - target.beta * target_eta_x) / target.alpha


@theorem.step("η̄_Z = η_Z(τ, x/c), given that for η_X")
def noise_prediction(field=seen(eta_z)):
    return target_eta_z - field


@theorem.step("s̄ = −η̄_Z/ᾱ is s(τ, x/c)/c")
def score(field=seen(-eta_z / a) / c):
    return -target_eta_z / target.alpha - field


@theorem.step("b̄ is (ċ/c) x + c τ̇ b(τ, x/c)")
def drift(field=c.diff(t) / c * x + c * tau.diff(t) * seen(velocity)):
    return target.alpha_dot * target_eta_z + target.beta_dot * target_eta_x - field


theorem.sabotage(law, "no Jacobian", jacobian=1)
theorem.sabotage(noise_prediction, "state not divided by c", field=seen(eta_z, scale=1))
theorem.sabotage(score, "score without 1/c", field=seen(-eta_z / a))
theorem.sabotage(drift, "τ̇ dropped", field=c.diff(t) / c * x + c * seen(velocity))
theorem.sabotage(drift, "the term of ċ dropped", field=c * tau.diff(t) * seen(velocity))

# The same from the density alone, without interpolants: for any p and any velocity that transports it.
p = sp.Function("p", positive=True)(s, y)
u = sp.Function("u", real=True)(s, y)


@theorem.step("For any density p carried over, the score is (∂ log p)(τ, x/c)/c")
def score_of_density(field=seen(sp.log(p).diff(y)) / c):
    return sp.log(seen(p) / c).diff(x) - field


@theorem.step("If u transports p, then ū = (ċ/c) x + c τ̇ u(τ, x/c) transports p̄")
def transport(stretch=c.diff(t) / c * x):
    carried = stretch + c * tau.diff(t) * seen(u)
    continuity = (p.diff(s) + (u * p).diff(y)).expand()
    return (seen(p) / c).diff(t) + (carried * seen(p) / c).diff(x) - tau.diff(t) / c * seen(continuity)


theorem.sabotage(score_of_density, "score of the source at the target's state", field=seen(sp.log(p).diff(y), 1) / c)
theorem.sabotage(transport, "wrong sign of ċ/c", stretch=-c.diff(t) / c * x)

# -- the catalogue ----------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def conversions():
    """Pairs of each kind: to and from a point mass, radicals, exponentials, a schedule that nobody has named."""
    pairs = (
        (catalogue.linear(), catalogue.follmer()),
        (catalogue.follmer(), catalogue.ddpm()),
        (catalogue.vp(), ss.Schedule("(1 - t)*exp(-t)", "log(1 + t)/log(2)")),
    )
    return tuple(ss.convert(one, other) for one, other in pairs)


@theorem.step("Catalogue: the library's τ, c, τ̇ and ċ satisfy the definitions")
def catalogue_conversions(power=1):
    residuals = {}
    for conversion in conversions():
        one, other, time, scale = conversion.source, conversion.target, conversion.tau, conversion.scale**power
        residuals[f"{conversion}: α"] = scale * one.alpha.subs(t, time) - other.alpha
        residuals[f"{conversion}: β"] = scale * one.beta.subs(t, time) - other.beta
        residuals[f"{conversion}: τ̇"] = time.diff(t) - conversion.tau_dot
        residuals[f"{conversion}: ċ"] = scale.diff(t) - conversion.scale_dot
    return residuals


@theorem.step("Catalogue: the score of Gaussian and the data prediction of mixture data are carried over")
def catalogue_fields(unit=lambda scale: scale):
    conversion = conversions()[0]
    there = {t: conversion.tau, x: x / conversion.scale}
    gaussian, mixture = ss.Gaussian(mean, rho), ss.GaussianMixture([0.25, 0.75], [-1, 1], [0.5, 0.5])
    one, other = conversion.source, conversion.target
    score = gaussian.score(one).subs(there, simultaneous=True)
    return {
        "score": unit(conversion.scale) * gaussian.score(other) - score,
        "η_X": mixture.eta_x(other) - mixture.eta_x(one).subs(there, simultaneous=True),
    }


@theorem.step("Closed forms: from linear τ = β̄/(ᾱ + β̄), c = ᾱ + β̄; from variance preserving c = √(ᾱ² + β̄²)")
def closed_forms(join=lambda one, other: one + other):
    residuals = {}
    for target in (catalogue.follmer(), catalogue.polynomial(2, 3)):
        straight, circle = (ss.convert(own, target) for own in (catalogue.linear(), catalogue.vp()))
        total = join(target.alpha, target.beta)
        residuals[f"linear → {target}: τ"] = straight.tau - target.beta / total
        residuals[f"linear → {target}: c"] = straight.scale - total
        residuals[f"vp → {target}: c"] = circle.scale - sp.sqrt(join(target.alpha**2, target.beta**2))
        # τ = (2/π) atan r̄: an angle between 0 and a right one is known by its tangent.
        residuals[f"vp → {target}: τ"] = sp.tan(sp.pi / 2 * circle.tau) - target.r
    return residuals


theorem.sabotage(catalogue_conversions, "1/c for c", power=-1)
theorem.sabotage(catalogue_fields, "score without c", unit=lambda _: 1)
theorem.sabotage(closed_forms, "difference for the sum", join=lambda one, other: one - other)

QUARTER = sp.Rational(1, 4)


@theorem.values("Linear → Föllmer at t = 1/4, to the digits that are known", tolerance=1e-15)
def reference(scale=0.6830127018922193, time=0.3660254037844386):
    conversion = conversions()[0]
    yield "ᾱ", conversion.target.alpha.subs(t, QUARTER), 0.4330127018922193
    yield "c", conversion.scale.subs(t, QUARTER), scale
    yield "τ", conversion.tau.subs(t, QUARTER), time


@theorem.values("c α(τ) = ᾱ and c β(τ) = β̄ in numbers, to 50 digits")
def definitions(place=lambda conversion: conversion.tau):
    for k, conversion in enumerate(conversions()):
        here = sp.Rational(2 * k + 3, 17)
        time, scale = place(conversion).subs(t, here), conversion.scale.subs(t, here)
        one, other = conversion.source, conversion.target
        yield f"{conversion}: ᾱ", scale * one.alpha.subs(t, time), other.alpha.subs(t, here)
        yield f"{conversion}: β̄", scale * one.beta.subs(t, time), other.beta.subs(t, here)


@theorem.values("τ joins the ends: τ → 0 as t → 0 and τ → 1 as t → 1")
def ends(first=0):
    for conversion in (conversions()[0], conversions()[2]):  # DDPM, left out, is truncated at t = 0
        for end in (first, 1 - first):
            yield f"τ({end}) of {conversion}", limit_at(conversion.tau, end), abs(end - first)


@theorem.interval("τ̇ > 0 and c > 0: time is never turned back")
def monotone(sign=1):
    for conversion in conversions():
        yield f"τ̇ of {conversion}", sign * conversion.tau_dot, "positive"
        yield f"c of {conversion}", conversion.scale, "positive"


theorem.sabotage(reference, "τ and c exchanged", scale=0.3660254037844386, time=0.6830127018922193)
theorem.sabotage(definitions, "τ = t", place=lambda _: t)
theorem.sabotage(ends, "ends exchanged", first=1)
theorem.sabotage(monotone, "time runs back", sign=-1)
