"""C24.  Any base, any coupling: what a conversion uses, and what it does not.

Let (Z, X) be any pair of random variables, with any joint law.  A conversion is Ī_t = ᾱZ + β̄X = c (α(τ)Z + β(τ)X): it
uses neither that Z is Gaussian nor that Z and X are independent.  So C2 holds for the fields η_Z, η_X, b and the score
of every such interpolant, C3 for its SDEs, b + ε ∂log p with any ε ≥ 0, and C4, which speaks of τ, c and ε alone.

What needs a Gaussian Z that is independent of X:

- Tweedie's formula s = −η_Z/α.  A single data point has it only if (log f)′(z) = −z for the density f of the base.
- ε*.  The linear SDE from data to noise, with f = −β̇/β (C7), leaves in the logarithm of the moment generating function
  the residual v(ε*/α)(L′(αv) − (g/ε*) αv), L = log E e^(vZ).  It vanishes only for L = ky²/2: a Gaussian base, g = kε*.

What does not, though one may think so: laziness.  For jointly Gaussian (Z, X) C9 holds with the variance V of I_t, the
covariance included.  And *any* base is lazy with X = Z + G, G Gaussian and independent of Z: on α + β = 1 the drift is
β̇(1 − ε/(σ²ββ̇)) E[G | I_t], zero at ε = σ²ββ̇.  Independence is what made lazy data Gaussian (C16), not the base.

Two-sided interpolants αX₀ + βX₁ + γz have three coefficients and one time to match them.  One becomes the other, for
all laws of (X₀, X₁), if and only if the curves [α:β:γ] in the projective plane are one and the same: γ/α is then the
same function of r in both.  All (α, β, √(2aαβ)) lie on one curve, whatever α and β, and on it the scale a(αβ̇ − α̇β)
makes the drift a function of x and E[X₁ | x] alone: the Brownian bridges between X₀ and X₁, in every schedule.

Source: derived here; the framework is that of Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, eps, rho, t, x
from symsched.theorem import Evidence, Theorem
from symsched.two_sided import RATIO, carried_gamma

theorem = Theorem(
    name="C24",
    title="Any base, any coupling",
    statement="C2 to C4 hold for every joint law of (Z, X); Tweedie's formula and ε* need a Gaussian, independent Z,"
    " laziness does not. αX₀ + βX₁ + γz is convertible for all laws if and only if the curves [α:β:γ] coincide.",
    hypotheses=(
        "the conversion (τ, c) of C2",
        "I_t has a density p where its score is used",
        "two-sided: z ~ N(0, 1) independent of (X₀, X₁)",
    ),
    assumptions=(
        "a conditional expectation depends on the event alone: {Ī_t = x} = {I_τ = x/c}",
        "differentiation under the expectation",
    ),
    source="derived here; arXiv:2303.08797 (the framework)",
)

tau = sp.Function("tau", positive=True)(t)
c = sp.Function("c", positive=True)(t)
z, xi = sp.symbols("z xi", real=True)
s, y = sp.Symbol("s", positive=True), sp.Symbol("y", real=True)
catalogue = ss.schedules
source = ss.Schedule(alpha, beta)
target = ss.Schedule(c * alpha.subs(t, tau), c * beta.subs(t, tau))


def seen(field, scale=c):
    """A source field of (s, y), seen from the target's (t, x): at (τ, x/c)."""
    return field.subs(s, tau).subs(y, x / scale)


# -- conversion of any pair -----------------------------------------------------------------------------------------

joint = sp.Symbol("k", positive=True)  # the density of (Z, X) at X = ξ and the Z that I_t = x leaves: any


def left_for_z(schedule, state):
    """Z, when I_t = state and X = ξ."""
    return (state - schedule.beta * xi) / schedule.alpha


@theorem.step(
    "Any coupling: I_t = x and X = ξ leave the same Z, so the density k(Z, ξ)/α is carried, with Jacobian 1/c"
)
def posterior(jacobian=1 / c):
    return {
        "Z": left_for_z(target, x) - left_for_z(source, y).subs(t, tau).subs(y, x / c),
        "density": joint / target.alpha - jacobian * (joint / source.alpha).subs(t, tau),
    }


test = sp.Function("phi", real=True)


@theorem.step("Any coupling: d/dt φ(I_t) = (α̇Z + β̇X) φ′(I_t), so b = E[α̇Z + β̇X | I_t] transports the law")
def weak_continuity(speed=alpha.diff(t) * z + beta.diff(t) * xi):
    along = sp.Symbol("i", real=True)
    here = alpha * z + beta * xi
    return test(here).diff(t) - speed * test(along).diff(along).subs(along, here)


eta_z, eta_x = (sp.Function(name, real=True)(s, y) for name in ("eta_Z", "eta_X"))
score = sp.Function("score", real=True)(s, y)
a, b = (coefficient.subs(t, s) for coefficient in (alpha, beta))
velocity = a.diff(s) * eta_z + b.diff(s) * eta_x
eps_bar = c**2 * tau.diff(t) * eps.subs(t, tau)


@theorem.step("So b̄ is (ċ/c)x + cτ̇ b(τ, x/c), where α η_Z + β η_X = x is all that is known of the two")
def drift(field=c.diff(t) / c * x + c * tau.diff(t) * seen(velocity)):
    wanted = target.alpha_dot * seen(eta_z) + target.beta_dot * seen(eta_x)
    return (wanted - field).subs(seen(eta_z), (x / c - beta.subs(t, tau) * seen(eta_x)) / alpha.subs(t, tau))


@theorem.step("and b̄ + ε̄ s̄, with s̄ = s(τ, x/c)/c, is the drift of c X_τ, for any score and ε̄ = c²τ̇ε(τ)")
def scaled_drift(scale=eps_bar):
    bar = c.diff(t) / c * x + c * tau.diff(t) * seen(velocity) + scale * seen(score) / c
    return bar - c.diff(t) / c * x - c * tau.diff(t) * seen(velocity + eps.subs(t, s) * score)


p = sp.Function("p", positive=True)(s, y)
u = sp.Function("u", real=True)(s, y)


@theorem.step("The Fokker–Planck equation of any (p, u, ε) is carried: its residual is multiplied by τ̇/c")
def fokker_planck(scale=eps_bar):
    own = p.diff(s) + (u * p).diff(y) - eps.subs(t, s) * p.diff(y, 2)
    carried = c.diff(t) / c * x + c * tau.diff(t) * seen(u)
    bar = (seen(p) / c).diff(t) + (carried * seen(p) / c).diff(x) - scale * (seen(p) / c).diff(x, 2)
    return bar - tau.diff(t) / c * seen(own.expand())


theorem.sabotage(posterior, "no Jacobian", jacobian=1)
theorem.sabotage(weak_continuity, "the speed of X alone", speed=beta.diff(t) * xi)
theorem.sabotage(drift, "τ̇ dropped", field=c.diff(t) / c * x + c * seen(velocity))
theorem.sabotage(scaled_drift, "τ̇ dropped from ε̄", scale=c**2 * eps.subs(t, tau))
theorem.sabotage(fokker_planck, "c for c²", scale=c * tau.diff(t) * eps.subs(t, tau))

# -- what needs a Gaussian base, and independence -------------------------------------------------------------------

base = sp.Function("f", positive=True)(z)
LOGISTIC = sp.exp(-z) / (1 + sp.exp(-z)) ** 2


@theorem.step("One data point, any base: s + η_Z/α = ((log f)′(z) + z)/α, zero for all z only if f is Gaussian")
def tweedie(slope=-z):
    at = (x - beta * xi) / alpha
    own_score = sp.log(base.subs(z, at) / alpha).diff(x)
    gap = own_score + at / alpha - (sp.log(base).diff(z).subs(z, at) + at) / alpha
    constant = base * sp.exp(z**2 / 2)  # if f′ = −zf
    return {"gap": gap, "Gaussian": constant.diff(z) - (base.diff(z) - slope * base) * sp.exp(z**2 / 2)}


corr = sp.Symbol("varrho", real=True)


@theorem.step("Independence: for jointly Gaussian Z and X of correlation ϱ, s + η_Z/α = ϱρβx/(αV)")
def dependence(excess=corr * rho * beta * x):
    V = alpha**2 + 2 * corr * rho * alpha * beta + rho**2 * beta**2
    own_eta_z = (alpha + corr * rho * beta) * x / V  # Cov(Z, I_t)/V
    return -x / V + own_eta_z / alpha - excess / (alpha * V)


generating = sp.Function("L", real=True)  # log E e^(vZ)
v, k, g = sp.symbols("v k g", positive=True)


@theorem.step("The linear SDE from data to noise has the marginals if L′(αv) = (g/ε*) αv: L = ky²/2 and g = kε*")
def only_gaussian(diffusion=k * source.eps_star):
    # log E e^(vY) of Y = βξ + αZ; along −t it must solve  ∂M = f v M′ + g v² M  with f = −β̇/β (its part in ξ).
    level = sp.Symbol("w", real=True)
    slope = generating(level).diff(level).subs(level, alpha * v)
    log_moment = v * beta * xi + generating(alpha * v)
    backward = -log_moment.diff(t) - (-beta.diff(t) / beta) * v * log_moment.diff(v) - g * v**2
    left = backward - v * source.eps_star / alpha * (slope - g / source.eps_star * alpha * v)
    gaussian = (k * level**2 / 2).diff(level).subs(level, alpha * v)
    return {"what is left": left, "Gaussian": gaussian - diffusion / source.eps_star * alpha * v}


theorem.sabotage(tweedie, "half the slope", slope=-z / 2)
theorem.sabotage(dependence, "ϱ² for ϱ", excess=corr**2 * rho * beta * x)
theorem.sabotage(only_gaussian, "g = ε* for every k", diffusion=source.eps_star)


# -- what does not --------------------------------------------------------------------------------------------------

sigma = sp.Symbol("sigma", positive=True)
added = sp.Symbol("eta_G", real=True)  # E[G | I_t]


@theorem.step("Jointly Gaussian (Z, X): b^ε = ((V̇/2 − ε)/V) x, so C9 holds with V = Var I_t, covariance included")
def lazy_coupling(scale=eps):
    V = alpha**2 + 2 * corr * rho * alpha * beta + rho**2 * beta**2
    own_eta_z, own_eta_x = (alpha + corr * rho * beta) * x / V, (corr * rho * alpha + rho**2 * beta) * x / V
    own_drift = alpha.diff(t) * own_eta_z + beta.diff(t) * own_eta_x - eps * x / V
    return own_drift - (V.diff(t) / 2 - scale) * x / V


@theorem.step("X = Z + G on α + β = 1: I_t = Z + βG, s = −η_G/(σ²β), and the drift is 0 at ε = σ²ββ̇: any base is lazy")
def lazy_base(scale=sigma**2 * beta * beta.diff(t)):
    # Given Z, βG is Gaussian: Tweedie's formula holds for it.  α̇Z + β̇X = β̇G as α̇ = −β̇.
    own_score = -added / (sigma**2 * beta)
    speed = (-beta.diff(t) * z + beta.diff(t) * (z + xi)).expand().subs(xi, added)
    return speed + scale * own_score


theorem.sabotage(lazy_coupling, "2ε", scale=2 * eps)
theorem.sabotage(lazy_base, "ε of independent Z and X in place of that of G", scale=sigma**2 * beta.diff(t))

# -- two-sided ------------------------------------------------------------------------------------------------------

gamma = sp.Function("gamma", positive=True)(t)
one_sided = sp.symbols("eta_0 eta_1 eta_z", real=True)  # E[X₀ | x], E[X₁ | x], E[z | x] at (τ, x/c)
three = (alpha, beta, gamma)


@theorem.step("On one curve: with (ᾱ, β̄, γ̄) = c (α, β, γ)(τ), b̄ = (ċ/c)x + cτ̇ b(τ, x/c) and s̄ = −η_z/γ̄ = s(τ, x/c)/c")
def two_sided(stretch=c.diff(t) / c):
    bars = [c * part.subs(t, tau) for part in three]
    state = sum(bar * eta for bar, eta in zip(bars, one_sided, strict=True))  # x = ᾱη₀ + β̄η₁ + γ̄η_z
    speed = sum(bar.diff(t) * eta for bar, eta in zip(bars, one_sided, strict=True))
    own = sum(part.diff(t).subs(t, tau).doit() * eta for part, eta in zip(three, one_sided, strict=True))
    return {
        "velocity": speed - stretch * state - c * tau.diff(t) * own,
        "score": -one_sided[2] / bars[2] + one_sided[2] / gamma.subs(t, tau) / c,
    }


@theorem.step("Only on one curve: the laws of Gaussian X₀, X₁ of three pairs of variances force ᾱ = cα, β̄ = cβ, γ̄ = cγ")
def necessary(square=2):
    squares, own = sp.symbols("A B C", positive=True), sp.symbols("a b c", positive=True)
    scale = sp.Symbol("k", positive=True)

    def variance(parts, first, second):
        return first * parts[0] + second * parts[1] + parts[2]

    pairs = ((1, 1), (2, 1), (1, 2))
    equations = [variance(squares, *p) - scale**square * variance([o**2 for o in own], *p) for p in pairs]
    (found,) = sp.solve(equations, squares, dict=True)
    return {str(part): sp.sqrt(found[part]) - scale * mine for part, mine in zip(squares, own, strict=True)}


size = sp.Symbol("a", positive=True)


@theorem.step("γ = √(2aαβ) is one curve: c γ(τ) = √(2aᾱβ̄) for all α, β, τ, c")
def bridge_curve(power=sp.S.Half):
    curve = (2 * size * alpha * beta) ** power
    bar = (2 * size * target.alpha * target.beta) ** power
    return c * curve.subs(t, tau) - bar


@theorem.step("On it ε = a(αβ̇ − α̇β) frees the drift of X₀: it is (α̇/α)x + (β̇ − βα̇/α)η₁, Brownian bridges")
def bridge_scale(scale=size * (alpha * beta.diff(t) - alpha.diff(t) * beta)):
    curve = sp.sqrt(2 * size * alpha * beta)
    first, last, fresh = one_sided
    state = alpha * first + beta * last + curve * fresh
    speed = alpha.diff(t) * first + beta.diff(t) * last + curve.diff(t) * fresh - scale * fresh / curve
    return speed - alpha.diff(t) / alpha * state - (beta.diff(t) - beta * alpha.diff(t) / alpha) * last


@theorem.step("and that scale is carried by C3: c²τ̇ a(αβ̇ − α̇β)(τ) = a(ᾱβ̄̇ − ᾱ̇β̄)")
def bridge_scale_carried(rate=tau.diff(t)):
    def area(pair):
        return pair.alpha * pair.beta_dot - pair.alpha_dot * pair.beta

    return size * area(target) - c**2 * rate * size * area(source).subs(t, tau).doit()


@theorem.step("The package carries γ to cγ(τ), and knows the curve γ/α as a function of r: √(2ar) in linear and in VP")
def package_curve(weight=2):
    own, curves = sp.Function("gamma", positive=True)(t), {}
    for one in (catalogue.linear(), catalogue.vp()):
        bridge = ss.TwoSided(one.alpha, one.beta, sp.sqrt(weight * 3 * one.alpha * one.beta))
        curves[f"curve, {one}"] = bridge.curve - sp.sqrt(6 * RATIO)
    return {"γ": carried_gamma(own, tau, c) - c * own.subs(t, tau), **curves}


theorem.sabotage(package_curve, "a for 2a", weight=1)
theorem.sabotage(two_sided, "wrong sign of ċ/c", stretch=-c.diff(t) / c)
theorem.sabotage(necessary, "c for c²", square=1)
theorem.sabotage(bridge_curve, "γ = 2aαβ, whose curve depends on c", power=1)
theorem.sabotage(bridge_scale, "the sum for the difference", scale=size * (alpha * beta).diff(t))
theorem.sabotage(bridge_scale_carried, "τ̇ dropped", rate=1)

# -- numbers --------------------------------------------------------------------------------------------------------

QUARTER = sp.Rational(1, 4)


@theorem.values("A logistic base: at z = 2 its score is −tanh 1, where Tweedie's formula would say −2")
def logistic(said=-sp.tanh(1)):
    yield "score", sp.log(LOGISTIC).diff(z).subs(z, 2), said


@theorem.values("Linear with γ² = t(1 − t) becomes the trigonometric schedule with γ̄² = c²γ(τ)² = ½ sin(πt)")
def converted_curve(power=2):
    conversion = ss.convert(catalogue.linear(), catalogue.vp())
    for here in (QUARTER, sp.Rational(2, 3)):
        time, scale = conversion.tau.subs(t, here), conversion.scale.subs(t, here)
        yield f"γ̄² at {here}", scale**power * time * (1 - time), sp.sin(sp.pi * here) / 2


@theorem.interval("γ = √(t(1 − t)) and γ = t(1 − t), both on linear: r is the same, so τ = t and c = 1, but γ is not")
def two_curves(sign=1):
    yield "difference", sign * (sp.sqrt(t * (1 - t)) - t * (1 - t)), "positive"
    for one in (catalogue.linear(), catalogue.vp(), catalogue.follmer()):
        yield f"αβ̇ − α̇β of {one}", sign * (one.alpha * one.beta_dot - one.alpha_dot * one.beta), "positive"


theorem.sabotage(logistic, "Tweedie's formula", said=-sp.S(2))
theorem.sabotage(converted_curve, "c for c²", power=1)
theorem.sabotage(two_curves, "wrong sign", sign=-1)

# -- paths: a base of two humps, coupled to the data ----------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
#: (weight, E Z, E X, std Z, std X, correlation): no Gaussian base, and Z knows which half its X comes from.
PARTS = ((0.35, -1.0, 1.5, 0.5, 0.4, 0.8), (0.65, 0.8, -0.5, 0.6, 0.7, -0.6))
LAST, STEPS = 0.75, 32


def independent(parts):
    """The same marginal laws within each half, uncorrelated."""
    return tuple((*part[:-1], 0.0) for part in parts)


def moments(parts, alpha_, beta_):
    """Weights, means, variances and Cov(Z, I), Cov(X, I) of the halves of I = αZ + βX, each of shape (2, 1)."""
    import numpy as np

    w, m, n, d, e, rho_ = (np.array(column)[:, None] for column in zip(*parts, strict=True))
    with_z, with_x = alpha_ * d**2 + beta_ * rho_ * d * e, alpha_ * rho_ * d * e + beta_ * e**2
    return w, alpha_ * m + beta_ * n, alpha_ * with_z + beta_ * with_x, (m, n), (with_z, with_x)


def fields(parts, time, state):
    """Velocity, score and −η_Z/α of the linear interpolant."""
    import numpy as np

    w, centre, V, (m, n), (with_z, with_x) = moments(parts, 1 - time, time)
    gap = (state - centre) / V
    weight = w / np.sqrt(V) * np.exp(-gap * (state - centre) / 2)
    weight /= weight.sum(axis=0)
    own_z, own_x = (weight * (m + with_z * gap)).sum(axis=0), (weight * (n + with_x * gap)).sum(axis=0)
    return own_x - own_z, -(weight * gap).sum(axis=0), -own_z / (1 - time)


def true_score(_velocity, own_score, _tweedie):
    return own_score


def by_tweedie(_velocity, _score, said):
    return said


@cache
def clocks():
    """τ, c, τ̇, ċ of linear → trigonometric on the grid."""
    import numpy as np

    return np.array(ss.convert(catalogue.linear(), catalogue.vp()).at(np.linspace(0, LAST, STEPS + 1))).T


def carried_paths(parts, scale, which, rate, size, seed):
    """The target's SDE with fields and scale of the source, both by C2 and C3: Heun's method, weak order 2."""
    import numpy as np

    rng = np.random.default_rng(seed)
    w, m, *_ = (np.array(column) for column in zip(*PARTS, strict=True))
    half = (rng.random(size) > w[0]).astype(int)
    state = m[half] + np.array([part[3] for part in PARTS])[half] * rng.standard_normal(size)  # I_0 = Z

    def drift_at(clock, now):
        time, c_, speed, stretch = clock
        found = fields(parts, time, now / c_)
        noise = c_**2 * speed * scale
        return stretch / c_ * now + c_ * speed**rate * found[0] + noise * which(*found) / c_, noise

    h = LAST / STEPS
    for now, then in zip(clocks()[:-1], clocks()[1:], strict=True):
        first, eps_now = drift_at(now, state)
        fresh = np.sqrt(h * (eps_now + then[1] ** 2 * then[2] * scale)) * rng.standard_normal(size)
        second, _ = drift_at(then, state + h * first + fresh)
        state = state + h / 2 * (first + second) + fresh
    return state


def law_of(parts):
    """The distribution function of Ī at the last time."""
    from scipy import stats

    alpha_, beta_ = (float(part.subs(t, LAST)) for part in (catalogue.vp().alpha, catalogue.vp().beta))
    w, centre, V, *_ = moments(parts, alpha_, beta_)
    return lambda points: (w * stats.norm.cdf(points, centre, V**0.5)).sum(axis=0)


@theorem.monte_carlo("A base of two humps, dependent data: the carried fields, with noise, have the law of Ī_t")
def law(setting, coupling=lambda parts: parts, which=true_score, rate=1):
    import numpy as np

    record = Record()
    exact = law_of(PARTS)
    w, centre, V, *_ = moments(PARTS, *(float(p.subs(t, LAST)) for p in (catalogue.vp().alpha, catalogue.vp().beta)))
    mean_ = float((w * centre).sum())

    def run(size, seed):
        states = carried_paths(coupling(PARTS), 0.5, which, rate, size, seed)
        record.mean("E X̄", states, mean_)
        record.variance("Var X̄", states, float((w * (V + centre**2)).sum()) - mean_**2)
        return ss.verdicts.sample_ks_p_value(states, exact)

    size_ = setting.size(30_000)
    decision = ss.verdicts.sequential(run, size=size_, level=LEVEL, seed=setting.seed)
    # The fields of uncorrelated halves transport the same base to another law, which is known.
    places = np.linspace(-5, 5, 1001)
    apart = abs(law_of(independent(PARTS))(places) - exact(places)).max()
    power = ss.verdicts.ks_power(apart, size_, LEVEL)
    return Evidence(decision.accepted, f"any base: p = {decision.p_values[-1]:.2g}", LEVEL, power, record.points)


theorem.sabotage(law, "the coupling ignored", coupling=independent)
theorem.sabotage(law, "Tweedie's formula for a base that is not Gaussian", which=by_tweedie)
theorem.sabotage(law, "τ̇ dropped", rate=0)
