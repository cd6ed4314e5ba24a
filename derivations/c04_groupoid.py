"""C4.  Conversions form a groupoid: they compose, each has an inverse, and the identity does nothing.

Let A, B, C be schedules, (τ₁, c₁) the conversion A → B and (τ₂, c₂) the conversion B → C.  Then A → C is

    τ = τ₁ ∘ τ₂,      c = c₂ · c₁(τ₂),      ε ↦ (c²τ̇) ε(τ),

which is the second conversion after the first; the inverse of (τ, c) is (θ, 1/c(θ)) with θ = τ⁻¹.

Proof.  C2's two relations α(τ)c = ᾱ, β(τ)c = β̄ determine τ, because r is injective, and then c.  So it is enough to see
that the composed pair satisfies the relations of A → C, and that the composed scales agree by the chain rule.  The
schedule A and both conversions are undefined functions here, so this is said of every three schedules.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; the groupoid of a transitive action in general.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.symbols import alpha, beta, eps, t
from symsched.theorem import Theorem

theorem = Theorem(
    name="C4",
    title="Conversions form a groupoid",
    statement="conv(B→C) ∘ conv(A→B) = conv(A→C) for τ, c and ε; conv(A→B)⁻¹ = conv(B→A); conv(A→A) = id.",
    hypotheses=("schedules as in C2, each with r strictly increasing",),
    source="arXiv:2602.03789",
)

tau1, tau2, tau3 = (sp.Function(f"tau{k}", positive=True)(t) for k in (1, 2, 3))
c1, c2, c3 = (sp.Function(f"c{k}", positive=True)(t) for k in (1, 2, 3))

Map = tuple[sp.Expr, sp.Expr]  # (τ, c), expressions in t


def then(first: Map, second: Map) -> Map:
    """The composition: first A → B, then B → C."""
    (inner, unit), (time, scale) = first, second
    return inner.subs(t, time), scale * unit.subs(t, time)


def carry(schedule: ss.Schedule, by: Map) -> ss.Schedule:
    """The target of a conversion: (c α(τ), c β(τ))."""
    time, scale = by
    return ss.Schedule(scale * schedule.alpha.subs(t, time), scale * schedule.beta.subs(t, time))


def push(scale: sp.Expr, by: Map) -> sp.Expr:
    """c² τ̇ ε(τ)."""
    time, unit = by
    return unit**2 * time.diff(t) * scale.subs(t, time)


A = ss.Schedule(alpha, beta)
first, second, third = (tau1, c1), (tau2, c2), (tau3, c3)


def wrong_order(one: Map, other: Map) -> Map:
    return then(other, one)


def inner_scale_in_place(one: Map, other: Map) -> Map:
    return then(one, other)[0], other[1] * one[1]


@theorem.step("r is injective: d log r/dt = ε*/α², so r(τ) = r(τ′) only for τ = τ′ where ε* > 0")
def injective(rate=A.eps_star / alpha**2):
    return A.log_r_dot - rate


@theorem.step("The composed pair satisfies the relations of A → C")
def relations(compose=then):
    stepwise, direct = carry(carry(A, first), second), carry(A, compose(first, second))
    return {"α": stepwise.alpha - direct.alpha, "β": stepwise.beta - direct.beta}


@theorem.step("Scales: pushing ε twice is pushing it by the composed pair (chain rule for τ₁ ∘ τ₂)")
def scales(compose=then):
    return push(push(eps, first), second) - push(eps, compose(first, second))


@theorem.step("Composition is associative")
def associative(compose=then):
    left, right = then(compose(first, second), third), then(first, compose(second, third))
    return {"τ": left[0] - right[0], "c": left[1] - right[1]}


theorem.sabotage(injective, "α for α²", rate=A.eps_star / alpha)
theorem.sabotage(relations, "conversions in the wrong order", compose=wrong_order)
theorem.sabotage(relations, "c₁ not taken at τ₂", compose=inner_scale_in_place)
theorem.sabotage(scales, "conversions in the wrong order", compose=wrong_order)
theorem.sabotage(scales, "c₁ not taken at τ₂", compose=inner_scale_in_place)
theorem.sabotage(associative, "c₁ not taken at τ₂ in one of the two", compose=inner_scale_in_place)

# -- the inverse ------------------------------------------------------------------------------------------------

theta = sp.Function("theta", positive=True)
u = sp.Symbol("u", positive=True)


def at_image(expr):
    """An expression with θ, taken at τ₁(t), where θ(τ₁) = t; its derivative there follows from θ(τ₁(t)) = t."""
    slope = sp.Symbol("slope", positive=True)
    found = expr.subs(theta(u).diff(u), slope).subs(u, tau1).subs(theta(tau1), t)
    (chain,) = sp.solve(slope * tau1.diff(t) - 1, slope)
    return found.subs(slope, chain)


@theorem.step("The inverse is (θ, 1/c(θ)) with θ = τ⁻¹: it undoes τ, c and the scale")
def inverse(scale_back=lambda time: 1 / c1.subs(t, time)):
    back = scale_back(theta(u))  # as functions of the source time u
    return {
        "α": at_image(back * carry(A, first).alpha.subs(t, theta(u))) - alpha.subs(t, tau1),
        "β": at_image(back * carry(A, first).beta.subs(t, theta(u))) - beta.subs(t, tau1),
        "ε": at_image(back**2 * theta(u).diff(u) * push(eps, first).subs(t, theta(u))) - eps.subs(t, tau1),
    }


@theorem.step("The identity: from a schedule to itself τ = t, c = 1, and every scale stays")
def identity(pair=(t, sp.S.One)):
    same = carry(A, pair)
    return {"α": same.alpha - alpha, "β": same.beta - beta, "ε": push(eps, pair) - eps}


theorem.sabotage(inverse, "c for 1/c", scale_back=lambda time: c1.subs(t, time))
theorem.sabotage(inverse, "c not taken at θ", scale_back=lambda _: 1 / c1.subs(t, tau1))
theorem.sabotage(identity, "a scale of 2", pair=(t, sp.S(2)))

# -- the catalogue ----------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def triples():
    """(A → B, B → C, A → C): through a point mass, and from one to a truncated schedule."""
    linear, follmer, root, ddpm = catalogue.linear(), catalogue.follmer(), catalogue.linear_vp(), catalogue.ddpm()
    names = ((linear, follmer, root), (follmer, linear, ddpm))
    return tuple((ss.convert(a, b), ss.convert(b, c), ss.convert(a, c)) for a, b, c in names)


def pair_of(conversion):
    return conversion.tau, conversion.scale


@theorem.step("Catalogue: the library's conversions compose, in time, scale and ε")
def catalogue_composition(compose=then):
    residuals = {}
    for one, two, whole in triples():
        time, unit = compose(pair_of(one), pair_of(two))
        residuals[f"τ: {one}, {two}"] = time - whole.tau
        residuals[f"c: {one}, {two}"] = unit - whole.scale
    one, two, whole = triples()[0]
    residuals[f"ε: {one}, {two}"] = push(eps, compose(pair_of(one), pair_of(two))) - whole.eps(eps)
    return residuals


@theorem.step("Catalogue: `inverse` and `then` are the groupoid's, and give the identity")
def catalogue_inverse(back=lambda conversion: pair_of(conversion.inverse())):
    residuals = {}
    for conversion in (triples()[0][0], triples()[0][1]):
        time, unit = then(pair_of(conversion), back(conversion))
        residuals[f"τ: {conversion}"] = time - t
        residuals[f"c: {conversion}"] = unit - 1
    return residuals


@theorem.values("There and back at 50 digits, and through a third schedule")
def round_trip(compose=then):
    for k, (one, two, whole) in enumerate(triples()):
        here = sp.Rational(3 * k + 2, 13)
        time, unit = compose(pair_of(one), pair_of(two))
        yield f"τ of {whole}", time.subs(t, here), whole.tau.subs(t, here)
        yield f"c of {whole}", unit.subs(t, here), whole.scale.subs(t, here)


theorem.sabotage(catalogue_composition, "conversions in the wrong order", compose=wrong_order)
theorem.sabotage(
    catalogue_inverse, "c not taken at θ", back=lambda conversion: (conversion.inverse().tau, 1 / conversion.scale)
)
theorem.sabotage(round_trip, "c₁ not taken at τ₂", compose=inner_scale_in_place)


@theorem.interval("d log r/dt > 0 on (0, 1): r is injective, so that τ and c are unique")
def increasing(sign=1):
    for one, two, _ in triples():
        for schedule in (one.source, two.source, two.target):
            yield str(schedule), sign * schedule.log_r_dot, "positive"


theorem.sabotage(increasing, "wrong sign", sign=-1)

# -- without a closed form ---------------------------------------------------------------------------------------


@theorem.values("Where r has no closed inverse, numbers compose to the last bit of a float", tolerance=4e-16)
def numeric_inverse(shift=0.0):
    odd = ss.Schedule("(1 - t)*exp(-t)", "log(1 + t)/log(2)")
    there = ss.convert(catalogue.linear(), odd)
    back = there.inverse()
    assert not back.closed_form
    for here in (0.125, 0.5, 0.9375):
        time, unit, rate, _ = (float(v) for v in there.at(here))
        theta_, scale, slope, _ = (float(v) for v in back.at(time + shift))
        yield f"θ(τ({here}))", theta_, here
        yield f"c(θ)c({here})", scale * unit, 1
        yield f"θ̇(τ)τ̇({here})", slope * rate, 1


theorem.sabotage(numeric_inverse, "τ off by 10⁻⁹", shift=1e-9)
