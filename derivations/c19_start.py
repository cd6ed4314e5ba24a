"""C19.  The start theorem: from a point, less noise than the lazy scale does not know where to go.

Take the lazy family of κ > 0 for N(0, ρ²), V = ρ²β^q, but run it with another scale, κ′ε*, from exactly the point 0.
With k = κ′/κ, and V itself as the clock, the SDE on Gaussian data is, in every member of the family,

    dX = (1 − k)/(2V) X dV + √k dB_V.

Y = X V^(−(1−k)/2) has no drift, and gains the variance ∫k V^(k−1) dV = V^k: every solution is

    X = V^((1−k)/2) (C + M),    M a Gaussian martingale with Var M = V^k, C constant in time.

For k > 0, C = 0 gives Var X = V, the law of the interpolant.  Two solutions with the same noise differ by
C V^((1−k)/2), and this vanishes at V → 0, for C ≠ 0, iff k < 1.  So from the point there is one solution iff κ′ ≥ κ.
For 0 < κ′ < κ there are others, which begin at 0 too, and their variance V + Var(C) V^(1−k) ends wrong.  For κ′ = 0
there is no noise to leave with: X = C√V, and C ~ N(0, 1) would have to be put in from outside.

Euler in the clock V = ρ²t, N steps, with b = 0 at the point itself: with a = (1 − k)/2, v_n = ρ²(n + e_n)/N and

    e₁ = −2a,    e_(n+1) = (1 + a/n)² e_n + a²/n,    e_N = Π_N (−2a + Σ_(j<N) a²/(j Π_(j+1))),
    Π_n = (Γ(n + a)/(Γ(n)Γ(1 + a)))² ~ n^(2a)/Γ(1 + a)².

- k = 1: e = 0, exact.
- k < 1: the sum converges, to C(a) = −2a + (a/(1+a))² ₃F₂(1, 1, 2; 2+a, 2+a; 1), and the relative error of the variance
  is C(a)/Γ(1 + a)² N^(−k): order k.  As f = e + a/2 obeys f_(n+1) = (1 + a/n)² f_n − a³/(2n²) and f₁ = −3a/2, it stays
  negative, and −2a < C(a) < −3a/2: the constant is never 0, the variance always too small.
- k > 1: f → 0 by the same recursion, so that e → −a/2 and the error is (k − 1)/(4N) to leading order: order 1.

So the order is min(1, κ′/κ).  A ratio of Gamma functions is the growth Π_N; the constant C(a) is a ₃F₂ at 1, for
which no form in Gamma functions was found.

Source: derived here; cf. arXiv:2602.20070 (integrators when the scale diverges), arXiv:2602.10989 (point sources).
"""

from functools import cache

import mpmath
import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import beta, kappa, rho, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C19",
    title="Start theorem",
    statement="Lazy family of κ for N(0, ρ²), scale κ′ε*, started at the point 0: the solution is unique iff κ′ ≥ κ; "
    "κ′ = 0 cannot start.  Euler in the clock V = ρ²t has a variance error of order min(1, κ′/κ) at t = 1: "
    "(κ′/κ − 1)/(4N) above, C(a)Γ(1 + a)^(−2) N^(−κ′/κ) below, a = (1 − κ′/κ)/2, −2a < C(a) < −3a/2.",
    hypotheses=("κ > 0, κ′ ≥ 0", "X ~ N(0, ρ²), ρ > 0", "β increasing from 0 to 1, C¹", "Euler: b = 0 at the point"),
    assumptions=("Γ(n + a)/Γ(n) ~ n^a (Stirling)", "∫f dW is Gaussian with variance ∫f² dt (Itô isometry)"),
    source="derived here; cf. arXiv:2602.20070, arXiv:2602.10989",
)

q = 2 * kappa / (1 + kappa)
k = sp.Symbol("k", positive=True)  # κ′/κ
own = ss.Schedule(sp.sqrt(rho**2 * (beta**q - beta**2)), beta)
V = sp.Symbol("V", positive=True)

# -- the equation -------------------------------------------------------------------------------------------------


@theorem.step("In every member of the family: slope (1 − k)V̇/(2V), noise 2ε = k V̇, V = ρ²β^q")
def in_the_clock(slope=(1 - k) / 2, noise=k):
    law, scale = ss.Gaussian(0, rho), k * kappa * own.eps_star
    variance = rho**2 * beta**q
    half = (own.alpha**2).diff(t) / 2 - scale  # α̇α − ε, the weight of η_Z/α; no root is differentiated
    field = law.eta_x(own)
    drift = half * (x - beta * field) / own.alpha**2 + beta.diff(t) * field
    return {
        "slope": drift - slope * variance.diff(t) / variance * x,
        "noise": 2 * scale - noise * variance.diff(t),
    }


@theorem.step("Y = X V^(−(1−k)/2) has no drift, and gains dV^k of variance")
def without_drift(power=(1 - k) / 2):
    factor = V ** (-power)
    return {
        "drift": factor.diff(V) * x + factor * (1 - k) / (2 * V) * x,
        "variance": factor**2 * k - (V**k).diff(V),
        "Var X with C = 0": V ** (2 * power) * V**k - V,
    }


@theorem.step("Two solutions with the same noise differ by D with dD/dV = (1 − k)D/(2V): D = C V^((1−k)/2)")
def difference(power=(1 - k) / 2):
    D, C = sp.Function("D", positive=True), sp.Symbol("C", positive=True)
    solution = C * V**power
    invariant = (D(V) / V**power).diff(V).subs(D(V).diff(V), (1 - k) / (2 * V) * D(V))
    return {"solves": solution.diff(V) - (1 - k) / (2 * V) * solution, "nothing else": invariant}


@theorem.step("With a C the variance is V + Var(C) V^(1−k): it solves the same equation of moments")
def other_solutions(power=1 - k):
    spread = sp.Symbol("c", positive=True)
    variance = V + spread * V**power
    return variance.diff(V) - ((1 - k) / V * variance + k)


@theorem.values("The difference V^((1−k)/2) at V → 0: 0 for k = ½ and 9/10, 1 for k = 1, infinite for k = 3/2 and 2")
def vanishes(one=1):
    limits = [(sp.Rational(n), e) for n, e in (("1/2", 0), ("9/10", 0), ("1", one), ("3/2", sp.oo), ("2", sp.oo))]
    return [(f"k = {n}", sp.limit(V ** ((1 - n) / 2), V, 0), expected) for n, expected in limits]


# -- Euler --------------------------------------------------------------------------------------------------------

n, a = sp.Symbol("n", positive=True), sp.Symbol("a", real=True)
e = sp.Symbol("e", real=True)


@theorem.step("v = ρ²(n + e)/N: Euler's step in V = ρ²t is e ← (1 + a/n)² e + a²/n, a = (1 − k)/2, from e₁ = −2a")
def recursion(source=a**2 / n):
    count, ratio = sp.Symbol("N", positive=True), 1 - 2 * a  # k
    h, now = 1 / count, n / count
    variance = rho**2 * (n + e) / count
    stepped = (1 + h * (1 - ratio) / (2 * now)) ** 2 * variance + rho**2 * ratio * h
    after = (1 + a / n) ** 2 * e + source
    return {
        "step": stepped - rho**2 * (n + 1 + after) / count,
        "first": rho**2 * ratio * h - rho**2 * (1 - 2 * a) / count,
    }


def gammas(above, below, one, power=2):
    """Π_n from Γ(n + a), Γ(n) and Γ(1 + a)."""
    return (above / (below * one)) ** power


@theorem.step("Π_n = (Γ(n + a)/(Γ(n)Γ(1 + a)))² grows by (1 + a/n)², as Γ(z + 1) = zΓ(z); and Π₁ = 1")
def growth(power=2):
    above, below, one = sp.symbols("Gamma_na Gamma_n Gamma_1a", positive=True)
    after = gammas((n + a) * above, n * below, one, power)
    return {"step": after - (1 + a / n) ** 2 * gammas(above, below, one, power), "start": gammas(one, 1, one) - 1}


@theorem.values("Π₇ for a = ¼: SymPy's Gamma function and the product")
def product(power=2):
    half = sp.Rational(1, 4)
    made = sp.prod((1 + half / j) ** 2 for j in range(1, 7))
    return [("Π₇", gammas(sp.gamma(7 + half), sp.gamma(7), sp.gamma(1 + half), power), made)]


@theorem.step("e_n = Π_n S_n with S_(n+1) = S_n + a²/(nΠ_(n+1)) solves the recursion")
def solution(source=a**2 / n):
    whole, summed = sp.symbols("Pi S", positive=True)
    grown = (1 + a / n) ** 2 * whole
    return grown * (summed + source / grown) - ((1 + a / n) ** 2 * whole * summed + a**2 / n)


@theorem.step("f = e + a/2: f ← (1 + a/n)² f − a³/(2n²), from −3a/2; so −2a < C(a) < −3a/2, and e → −a/2 for k > 1")
def centred(shift=a / 2):
    f = sp.Symbol("f", real=True)
    after = (1 + a / n) ** 2 * (f - shift) + a**2 / n + shift
    return {"step": after - ((1 + a / n) ** 2 * f - a**3 / (2 * n**2)), "start": -2 * a + shift + 3 * a / 2}


@theorem.step("The sum is the ₃F₂: its terms a²/(jΠ_(j+1)), j = m + 1, begin at (a/(1+a))² and have this ratio")
def series(lower=2):
    # Π_(j+2)/Π_(j+1) = (1 + a/(j + 1))², and terms of the ₃F₂ have the ratio (m + 1)²(m + 2)/((m + 2 + a)²(m + 1)).
    m = sp.Symbol("m", nonnegative=True)
    ratio = (m + 1) / (m + 2) / (1 + a / (m + 2)) ** 2
    first = a**2 / (1 + a) ** 2
    return {
        "ratio": ratio - (m + 1) ** 2 * (m + 2) / ((m + lower + a) ** 2 * (m + 1)),
        "first": a**2 / (1 * (1 + a / 1) ** 2) - first,
    }


# -- numbers ------------------------------------------------------------------------------------------------------


def error(ratio, count):
    """e_N by the recursion, exactly for rational k."""
    half = (1 - ratio) / 2
    found = -2 * half
    for j in range(1, count):
        found = (1 + half / j) ** 2 * found + half**2 / j
    return found


@theorem.values("The recursion against Euler itself, v ← (1 + h b)² v + ρ²kh, in exact arithmetic: N = 1, 2, 7")
def against_euler(first=1):
    found = []
    for ratio in (sp.Rational(1, 4), sp.Rational(1, 2), sp.Integer(1), sp.Integer(3)):
        for count in (1, 2, 7):
            variance = first * ratio / count
            for j in range(1, count):
                variance = (1 + (1 - ratio) / (2 * j)) ** 2 * variance + ratio / count
            found.append((f"k = {ratio}, N = {count}", variance, 1 + error(ratio, count) / count))
    return found


@cache
def constant(ratio):
    """C(a)/Γ(1 + a)²."""
    half = mpmath.mpf(1 - ratio) / 2
    summed = mpmath.hyp3f2(1, 1, 2, 2 + half, 2 + half, 1)
    return (-2 * half + (half / (1 + half)) ** 2 * summed) / mpmath.gamma(1 + half) ** 2


@theorem.values("N^k times the error at N = 20 000 is C(a)/Γ(1 + a)² for k = ¼, ½, ¾", tolerance=2e-3)
def below(exponent=1):
    return [
        (f"k = {ratio}", error(ratio, 20_000) * 20_000.0 ** (exponent * ratio - 1), float(constant(ratio)))
        for ratio in (0.25, 0.5)
    ] + [("k = 0.75", (error(0.75, 20_000) + 0.0625) * 20_000.0 ** (exponent * 0.75 - 1), float(constant(0.75)))]


@theorem.values(
    "Above, N times the error is (k − 1)/4, for k = 2, 3, 5, and Gamma's recursion makes k = 1 exact", tolerance=2e-3
)
def above(share=sp.Rational(1, 4)):
    found = [(f"k = {ratio}", error(float(ratio), 20_000), share * (ratio - 1)) for ratio in (2, 3, 5)]
    return [*found, ("k = 1", 1 + error(sp.Integer(1), 50), 1)]


@theorem.values("κ′ = 0: Euler from the point stays there; C(½) = −π/4 = −Γ(3/2)²", tolerance=1e-12)
def no_noise(ended=-1):
    return [("e_N/N", error(sp.Integer(0), 12) / sp.Integer(12), ended), ("C/Γ²", float(constant(0)), ended)]


@theorem.interval("For k < 1, a in (0, ½): f₁ = −3a/2 and its source −a³/2 are negative, and V^(1−k) grows from 0")
def signs(flip=1):
    half = t / 2  # a
    found = [("f₁", flip * -3 * half / 2, "negative"), ("source of f", flip * -(half**3) / 2, "negative")]
    return [*found, ("d V^(1−k)/dV, k = ½", flip * sp.sqrt(t).diff(t), "positive")]


# -- paths --------------------------------------------------------------------------------------------------------

EARLY = 2.0**-20


def sde_of(ratio, start):
    """The SDE in the clock V = ρ²t, ρ = 1, from a Gaussian of this variance at a time that the grid begins with."""
    return ss.Diffusion((1 - ratio) / (2 * t) * x, sp.S(ratio) / 2, ss.Gaussian(0, sp.sqrt(start)))


@theorem.monte_carlo(
    "A start √V^(1−k) beside the point is forgotten for k = 2, and for k = ½ doubles the variance at the end"
)
def other_starts(setting, kept=1):
    from symsched import verdicts

    grid, seen = [2.0**j for j in range(-20, 1)], Record()
    spread = sp.Rational(EARLY) ** sp.S.Half  # V^(1−k) for k = ½: paths that begin within 1/32 of the point
    cases = ((sp.S.Half, 1 + kept), (sp.Integer(2), 1 + float(spread) * EARLY))

    def test(size, seed):
        found = []
        for ratio, exact in cases:
            sde = sde_of(ratio, sp.Rational(EARLY) + spread)
            run = ss.simulate(sde, paths=size, grid=grid, scheme="exponential", seed=seed)
            seen.moments(f"X₁, k = {ratio}", run, 0, exact)
            found += [verdicts.mean_p_value(run, 0), verdicts.gaussian_variance_p_value(run, float(exact))]
        return verdicts.combine(found)

    return judged(setting, test, seen, "starts beside the point", 0.5)


@theorem.monte_carlo("Euler's paths from the point have the variance 1 + e_N/N: N = 4 and 16, k = ½ and 2")
def euler_paths(setting, biased=1):
    from symsched import verdicts

    seen, cases = Record(), []
    for ratio in (sp.S.Half, sp.Integer(2)):
        for count in (4, 16):
            exact = float(1 + biased * error(ratio, count) / count)
            # The first step, from the point with b = 0, is N(0, kh).
            cases.append((ratio, count, sde_of(ratio, ratio / count), exact))

    def test(size, seed):
        found = []
        for ratio, count, sde, exact in cases:
            grid = [j / count for j in range(1, count + 1)]
            run = ss.simulate(sde, paths=size, grid=grid, scheme="euler", seed=seed)
            seen.moments(f"X₁, k = {ratio}, N = {count}", run, 0, exact)
            found += [verdicts.mean_p_value(run, 0), verdicts.gaussian_variance_p_value(run, exact)]
        return verdicts.combine(found)

    return judged(setting, test, seen, "Euler from the point", 0.8)


def judged(setting, test, seen, what, ratio):
    from symsched import verdicts

    size = setting.size(PATHS // 10)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    chance = verdicts.variance_power(ratio, size, found.level)
    return Evidence(bool(found), f"{what}: p = {found.p_values[-1]:.2g} (n = {size})", found.level, chance, seen.points)


theorem.sabotage(in_the_clock, "1 − k for (1 − k)/2", slope=1 - k)
theorem.sabotage(in_the_clock, "noise V̇", noise=1)
theorem.sabotage(without_drift, "V^(1−k)", power=1 - k)
theorem.sabotage(difference, "V^(1−k)", power=1 - k)
theorem.sabotage(other_solutions, "V^((1−k)/2)", power=(1 - k) / 2)
theorem.sabotage(vanishes, "a difference of 0 at k = 1", one=0)
theorem.sabotage(recursion, "a/n for a²/n", source=a / n)
theorem.sabotage(growth, "Γ not squared", power=1)
theorem.sabotage(product, "Γ not squared", power=1)
theorem.sabotage(solution, "a/n for a²/n", source=a / n)
theorem.sabotage(centred, "e → −a", shift=a)
theorem.sabotage(series, "₃F₂ of 1 + a", lower=1)
theorem.sabotage(against_euler, "the first step with the noise of κ", first=2)
theorem.sabotage(below, "order 2k", exponent=2)
theorem.sabotage(above, "(k − 1)/2", share=sp.S.Half)
theorem.sabotage(no_noise, "it leaves the point", ended=-sp.S.Half)
theorem.sabotage(signs, "wrong sign", flip=-1)
theorem.sabotage(other_starts, "k = ½ forgets its start, too", kept=0)
theorem.sabotage(euler_paths, "Euler without an error", biased=0)
