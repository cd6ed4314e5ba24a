"""C23.  Flow maps convert: consistency maps do not change, average velocities do by a known law.

Let Φ_{s,t}(x) be the state at time t of the probability flow ẋ = b(t, x) that is at x at time s.  Under the conversion
(τ, c) of C2 the flow map of the target is

    Φ̄_{s,t}(x) = c_t Φ_{τ_s,τ_t}(x/c_s),

for the right-hand side starts at x, solves ẋ = b̄(t, x) in t, and its derivative in s is that of a flow map.  The same
with s > t, and for the flow of an SDE along one noise (C3).  So models of flow maps need not be trained again:

- a consistency map f(s, x) = Φ_{s,1}(x) becomes f̄(s, x) = c₁ f(τ_s, x/c_s), asked at another time and in another unit;
  where both schedules end in the data, c₁ = 1, and its values are the same;
- an average velocity (MeanFlow) u_{s,t}(x) = (Φ_{s,t}(x) − x)/(t − s) becomes

      ū_{s,t}(x) = (c_t (τ_t − τ_s) u_{τ_s,τ_t}(x/c_s) + (c_t/c_s − 1) x)/(t − s),

  and as t → s this is b̄ = (ċ/c)x + cτ̇ b(τ, x/c) of C2.  Both obey the identity
  b(t, Φ) = u + (t − s) ∂_t u.

For data N(m, ρ²): Φ_{s,t}(x) = β_t m + √(V_t/V_s) (x − β_s m).  It is the identity for centred data exactly in the lazy
frame V = const (C10, κ = 0), where a one-step model has nothing to learn; the slope of any other is √(V_t/V_s).

Source: derived here, from C2; flow maps in this framework: Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exact import limit_at
from symsched.exhibit import Record
from symsched.flowmaps import averaged, carried, mapped, stretched
from symsched.symbols import alpha, beta, mean, rho, t, x
from symsched.theorem import Evidence, Theorem

theorem = Theorem(
    name="C23",
    title="Flow maps convert",
    statement="Φ̄_{s,t}(x) = c_t Φ_{τ_s,τ_t}(x/c_s): consistency maps are invariant where c₁ = 1, and the average "
    "velocity becomes (c_t(τ_t − τ_s) u(x/c_s) + (c_t/c_s − 1)x)/(t − s). N(m, ρ²): Φ = β_t m + √(V_t/V_s)(x − β_s m).",
    hypotheses=("the conversion (τ, c) of C2", "b Lipschitz in x on closed subintervals of (0, 1), so that Φ exists"),
    assumptions=("a differential equation with Lipschitz right-hand side has one solution (Picard)",),
    source="derived here, from C2; cf. arXiv:2303.08797",
)

s = sp.Symbol("s", positive=True)  # the first time; t is the second
u = sp.Symbol("u", positive=True)  # a time of the source
y = sp.Symbol("y", real=True)
tau_of, c_of = (sp.Function(name, positive=True) for name in ("tau", "c"))
tau, c, tau_s, c_s = tau_of(t), c_of(t), tau_of(s), c_of(s)
velocity = sp.Function("b", real=True)  # of (time, state)
reached = sp.Function("Phi", real=True)(u)  # the source's path from (τ_s, x/c_s)

# -- along one path -------------------------------------------------------------------------------------------------


@theorem.step("In t: c_t Φ(τ_t) solves the target's equation ẋ = b̄(t, x), b̄ = (ċ/c)x + cτ̇ b(τ, x/c)")
def forward(rate=tau.diff(t)):
    here = c * reached.subs(u, tau)
    bar = c.diff(t) / c * here + c * rate * velocity(tau, here / c)
    moving = sp.Symbol("v", real=True)  # the path's own rate, b(τ, Φ)
    slope = c.diff(t) * reached.subs(u, tau) + c * tau.diff(t) * moving
    return slope - bar.subs(velocity(tau, reached.subs(u, tau)), moving)


first, along = sp.symbols("b_s J", real=True)  # b(τ_s, x/c_s) and ∂Φ/∂x there


@theorem.step("In s: from ∂_sΦ + b ∂_xΦ = 0 follows ∂_sΦ̄ + b̄ ∂_xΦ̄ = 0")
def backward(stretch=c_s.diff(s) / c_s):
    # Φ̄ = c_t Φ(τ_s, x/c_s): its derivatives by the chain rule, with ∂_σΦ = −b J of the source.
    in_time = c * (-first * along * tau_s.diff(s) + along * (x / c_s).diff(s))
    in_state = c * along / c_s
    return in_time + (stretch * x + c_s * tau_s.diff(s) * first) * in_state


@theorem.step("Maps compose: Φ̄_{r,t} ∘ Φ̄_{s,r} is c_t times Φ_{τ_r,τ_t} ∘ Φ_{τ_s,τ_r} at x/c_s; Φ̄_{s,s}(x) = x")
def composed(unit=1):
    c_r = sp.Symbol("c_r", positive=True)
    outer, inner = sp.Function("F1", real=True), sp.Function("F2", real=True)
    two = c * outer(c_r * inner(x / c_s) / c_r**unit)
    return {"composed": two - c * outer(inner(x / c_s)), "identity": c_s * (x / c_s) - x}


@theorem.step("Consistency maps: f̄ = c₁ f(τ_s, x/c_s) is constant along the target's paths, where x = c_s Φ(τ_s)")
def consistency(scale=c_s):
    end, path = sp.Function("f", real=True), reached.subs(u, tau_s)
    return end(scale * path / c_s) - end(path)


@theorem.step("The package's conversion is this one: c_t Φ(x/c_s), with Φ any map")
def package_map(scale=c_s):
    source_map = sp.Function("F", real=True)
    return carried(source_map, scale, c, x) - c * source_map(x / c_s)


theorem.sabotage(forward, "τ̇ dropped", rate=1)
theorem.sabotage(package_map, "the state not scaled", scale=1)
theorem.sabotage(backward, "wrong sign of ċ/c", stretch=-c_s.diff(s) / c_s)
theorem.sabotage(composed, "not divided by c between", unit=0)
theorem.sabotage(consistency, "the state not scaled", scale=1)

# -- average velocities ---------------------------------------------------------------------------------------------

average = sp.Symbol("ubar", real=True)  # of the source, over (τ_s, τ_t), at x/c_s


@theorem.step("Average velocity: ū = (c_t(τ_t − τ_s)u + (c_t/c_s − 1)x)/(t − s)")
def mean_flow(stretch=c / c_s - 1):
    source_map = x / c_s + (tau - tau_s) * average
    wanted = (c * (tau - tau_s) * average + stretch * x) / (t - s)
    return (c * source_map - x) / (t - s) - wanted


h = sp.Symbol("h", positive=True)


@theorem.step("As t → s it is b̄ of C2: the numerator is 0 at t = s, and its slope there is cτ̇ b + (ċ/c)x")
def short_step(speed=tau.diff(t)):
    numerator = c * (tau - tau_s) * average + (c / c_s - 1) * x
    slope = numerator.diff(t).subs({tau_s: tau, c_s: c})
    return {"at t = s": numerator.subs({tau_s: tau, c_s: c}), "slope": slope - c * speed * average - c.diff(t) / c * x}


@theorem.step("The identity of average velocities, b(t, Φ) = u + (t − s)∂_t u, holds for every path x(t)")
def identity(sign=1):
    path, start = sp.Function("X", real=True)(t), sp.Symbol("x0", real=True)
    own = (path - start) / (t - s)
    return path.diff(t) - own - sign * (t - s) * own.diff(t)


@theorem.step("The package's average velocity, and the map of one")
def package_average(length=t - s):
    return {
        "average": averaged(x + (t - s) * average, x, length) - average,
        "map": mapped(average, x, length) - x - (t - s) * average,
    }


theorem.sabotage(package_average, "t for t − s", length=t)
theorem.sabotage(mean_flow, "c_t − c_s for c_t/c_s − 1", stretch=c - c_s)
theorem.sabotage(short_step, "τ̇ dropped", speed=1)
theorem.sabotage(identity, "wrong sign", sign=-1)

# -- Gaussian data --------------------------------------------------------------------------------------------------

V = alpha**2 + rho**2 * beta**2
V_s, beta_s = (part.subs(t, s) for part in (V, beta))


@theorem.step("N(m, ρ²): Φ = β_t m + √(V_t/V_s)(x − β_s m) starts at x and solves ẋ = (V̇/2V)(x − βm) + β̇m (C8)")
def closed_form(power=sp.S.Half):
    formula = beta * mean + (V / V_s) ** power * (x - beta_s * mean)
    rate = V.diff(t) / (2 * V) * (formula - beta * mean) + beta.diff(t) * mean
    return {"equation": formula.diff(t) - rate, "start": formula.subs(s, t) - x}


@theorem.step("It is carried: c_t Φ_{τ_s,τ_t}(x/c_s) is the same formula of the target, as V̄ = c²V(τ)")
def closed_form_converted(unit=1 / c_s):
    bars = {alpha: c * alpha.subs(t, tau), beta: c * beta.subs(t, tau)}
    bar_V, bar_beta = (part.subs(bars) for part in (V, beta))
    slope = sp.Symbol("k", positive=True)  # √(V_t/V_s) of the source at (τ_s, τ_t)
    moved = beta.subs(t, tau) * mean + slope * (x * unit - beta_s.subs(s, tau_s) * mean)
    target = bar_beta * mean + c / c_s * slope * (x - bar_beta.subs(t, s) * mean)
    return {
        "map": target - c * moved,
        "slope": bar_V / bar_V.subs(t, s) - (c / c_s) ** 2 * V.subs(t, tau) / V_s.subs(s, tau_s),
    }


@theorem.step("m = 0: Φ is the identity in the lazy frame V = ρ² of κ = 0, α² = ρ²(1 − β²)")
def lazy(square=2):
    put = {alpha: rho * sp.sqrt(1 - beta**square)}
    return (V / V_s).subs(put | {alpha.subs(t, s): put[alpha].subs(t, s)}) - 1


@theorem.step("The package's map of Gaussian data, from √V_s and √V_t, is this one")
def package_gaussian(spread=sp.sqrt(V)):
    return stretched(x - beta_s * mean, sp.sqrt(V_s), spread) - sp.sqrt(V / V_s) * (x - beta_s * mean)


theorem.sabotage(package_gaussian, "V_t for its root", spread=V)
theorem.sabotage(closed_form, "V_t/V_s without the root", power=1)
theorem.sabotage(closed_form_converted, "the state not divided by c_s", unit=1)
theorem.sabotage(lazy, "β for β²", square=1)

# -- numbers --------------------------------------------------------------------------------------------------------

catalogue = ss.schedules


@cache
def conversion():
    return ss.convert(catalogue.linear(), catalogue.vp())


@theorem.values("Linear → trigonometric: c_t √(V_t/V_s)(τ)/c_s is √(V̄_t/V̄_s); for ρ = 1 it is 1, the identity")
def slopes(std=1):
    found, times = conversion(), (sp.Rational(1, 5), sp.Rational(4, 5))
    variance = found.source.variance(std)
    sides = [found.scale.subs(t, at) * sp.sqrt(variance.subs(t, found.tau.subs(t, at))) for at in times]
    yield "slope", sides[1] / sides[0], 1


@theorem.values("Both end in the data: c₁ = 1, so consistency maps have the same values")
def last_scale(power=1):
    yield "c₁", limit_at(conversion().scale, 1), 1
    yield "c at ½", conversion().scale.subs(t, sp.S.Half) ** power, sp.sqrt(2)


@theorem.interval("A flow map preserves order, Φ′ > 0; for ρ = ½ it contracts in VP, V̇ < 0, and for ρ = 2 it expands")
def order(sign=1):
    vp = catalogue.vp()
    yield "slope, linear from ½", sign * sp.sqrt(catalogue.linear().variance(2) * 4 / 5), "positive"
    yield "ρ = ½", sign * -vp.variance(sp.S.Half).diff(t), "positive"
    yield "ρ = 2", sign * vp.variance(2).diff(t), "positive"


theorem.sabotage(slopes, "ρ = 2, which is not the identity", std=2)
theorem.sabotage(last_scale, "c² for c", power=2)
theorem.sabotage(order, "wrong sign", sign=-1)

# -- samples --------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
FIRST, LAST, STEPS = 0.1, 0.9, 20
MIXTURE = ss.GaussianMixture((0.3, 0.7), (-1.2, 0.8), (0.3, 0.5))


def runge_kutta(first, last, state):
    """Φ of the linear schedule, by the classical method: no conversion is in it."""
    h = (last - first) / STEPS

    def velocity(time, state):
        return MIXTURE.velocity_at(1 - time, time, -1, 1, state)

    for k in range(STEPS):
        time = first + k * h
        one = velocity(time, state)
        two = velocity(time + h / 2, state + h / 2 * one)
        three = velocity(time + h / 2, state + h / 2 * two)
        state = state + h / 6 * (one + 2 * two + 2 * three + velocity(time + h, state + h * three))
    return state


def converted_map(_times, _scales, state):
    """The package's conversion of that model."""
    return ss.flow_map(catalogue.linear(), runge_kutta).convert(catalogue.vp())(FIRST, LAST, state)


def without_unit(times, scales, state):
    return scales[1] * runge_kutta(*times, state)


def without_clock(_times, scales, state):
    return scales[1] * runge_kutta(FIRST, LAST, state / scales[0])


@theorem.monte_carlo(
    "Mixture data: Φ̄, made from the linear model alone, carries samples of Ī_s to the law of Ī_t in VP"
)
def pushed(setting, carried=converted_map):
    import numpy as np
    from scipy import stats

    times, scales, *_ = conversion().at([FIRST, LAST])
    (a0, b0), (a1, b1) = ((np.cos(np.pi * at / 2), np.sin(np.pi * at / 2)) for at in (FIRST, LAST))
    w, m, d = (np.array(column, dtype=float) for column in (MIXTURE.weights, MIXTURE.means, MIXTURE.stds))
    record = Record()

    def cdf(points, shift=0.0):
        return w @ stats.norm.cdf(points, b1 * m[:, None] + shift, np.hypot(a1, b1 * d)[:, None])

    def test(size, seed):
        rng = np.random.default_rng(seed)
        states = carried(times, scales, a0 * rng.standard_normal(size) + b0 * MIXTURE.sample(size, rng))
        record.mean("E Ī_t", states, b1 * w @ m)
        record.mean("E Ī_t²", states**2, a1**2 + b1**2 * w @ (d**2 + m**2))
        return ss.verdicts.sample_ks_p_value(states, cdf)

    size = setting.size(20_000)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    places = np.linspace(-3, 3, 601)
    power = ss.verdicts.ks_power(abs(cdf(places, 0.1) - cdf(places)).max(), size, LEVEL)
    measured = f"one converted map: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, power, record.points)


theorem.sabotage(pushed, "the state not divided by c_s", carried=without_unit)
theorem.sabotage(pushed, "the target's times for τ", carried=without_clock)
