"""C20.  DDIM on Gaussian data: every step is a cosine, and equal angles are best.

For X ~ N(m, ρ²) let V = α² + ρ²β² and θ = atan(ρr), an angle that a conversion keeps, as it keeps r.  DDIM's step,
which holds η_X (C21 with κ = 0), moves the mean βm to β′m and multiplies x − βm by

    α′/α + (β′ − α′β/α) ρ²β/V = (αα′ + ρ²ββ′)/V,    that is    std/√V by    cos Δθ,    Δθ = θ′ − θ.

So after N steps of a standard schedule, where the angles Δθ₁ + … + Δθ_N = π/2,

    std/ρ = cos Δθ₁ ⋯ cos Δθ_N:

always too small, 0 for N = 1, and largest for equal angles, for every N.  For two steps whose sum is kept,

    cos²((a + b)/2) − cos a cos b = sin²((a − b)/2) > 0    unless a = b,

so whenever two angles differ, both can be made equal, and the product grows; on the compact set of grids it has a
maximum, and this is it: variance ratio cos^(2N)(π/2N) = 1 − π²/(4N) + O(N⁻²).  (From angle θ₀ to θ₁ put θ₁ − θ₀ for
π/2.)  As the ratio is below 1, the same grid is best in every distance of N(m, v) from N(m, ρ²) that falls as v rises
to ρ².

Data with a covariance of eigenvalues ρ_k²: each mode has its own angle θ_k = atan(ρ_k r), and no grid is right for
all.  Measure the loss by ½ log(det Σ/det Σ_N) = −ΣₖΣₙ log cos Δθ_kn.  In N steps that are equal in a clock s,

    loss = 1/(2N) ∫₀¹ Σ_k (dθ_k/ds)² ds + O(N⁻²),

least in the clock in which Σ_k (dθ_k/ds)² is constant: the best grid equidistributes the length ℓ = ∫√Σ_k dθ_k² of
the curve of all angles, and its loss is ℓ²/(2N).  The curve runs from one corner of the cube [0, π/2]^K to the opposite
one, so that ℓ ≥ √K π/2, with equality iff all ρ_k are equal: what is lost to unequal modes is the detour of that curve.
(Other losses weigh the modes, in leading order by constants, and have other best grids.)

Source: leading order: Sun, Poor, Zhang, arXiv:2601.13602 (a tangent law), cf. arXiv:2502.00180; exact errors of
samplers on Gaussian data: Pierret, Galerne, arXiv:2405.14250.  The cosine and the optimum for every N are derived here.
"""

from functools import cache
from itertools import pairwise

import mpmath
import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.precision import digits
from symsched.spacing import LEVEL, turning
from symsched.steps import laws
from symsched.symbols import alpha, beta, rho, t
from symsched.symbols import mean as m
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C20",
    title="DDIM on Gaussian data",
    statement="X ~ N(m, ρ²), θ = atan(ρr): a DDIM step multiplies std/√V by cos Δθ; of all grids with N steps, equal "
    "Δθ are best, with the variance ratio cos^(2N)(π/2N).  Modes ρ_k: ½ log(det Σ/det Σ_N) is 1/(2N) ∫Σθ̇_k² to leading "
    "order, least on the grid that equidistributes √Σθ̇_k².",
    hypotheses=(
        "X ~ N(m, ρ²), ρ > 0, or modes ρ_k > 0",
        "α, β > 0 and C¹, r increasing",
        "the start has the law of I₀",
    ),
    assumptions=("a continuous function on a compact set has a maximum",),
    source="derived here; cf. arXiv:2601.13602, arXiv:2502.00180, arXiv:2405.14250",
)

a0, b0, a1, b1 = sp.symbols("alpha_0 beta_0 alpha_1 beta_1", positive=True)
one_angle, other_angle = sp.symbols("a b", positive=True)


def ddim(now, after):
    """(weight of x, of η_X) of the package's step with η_X held, κ = 0."""
    put = {"alpha": now[0], "beta": now[1], "alpha_next": after[0], "beta_next": after[1]}
    weights = laws.held().put(**put, kept=sp.S.One, fresh=sp.S.Zero)
    return weights.state, weights.data


def gain(now, after, width=rho):
    """What the step multiplies x − βm by: the weight of x and, through the denoiser, that of η_X."""
    state, data = ddim(now, after)
    own = {alpha: now[0], beta: now[1]}
    slope = ss.Gaussian(0, width).eta_x(ss.Schedule(alpha, beta)).diff(sp.Symbol("x", real=True))
    return state + data * slope.subs(own, simultaneous=True)


def variance(pair, width=rho):
    return pair[0] ** 2 + width**2 * pair[1] ** 2


# -- one step ---------------------------------------------------------------------------------------------------


@theorem.step("The step multiplies x − βm by (αα′ + ρ²ββ′)/V, and its mean is β′m")
def one_step(width=rho**2):
    now, after = (a0, b0), (a1, b1)
    state, data = ddim(now, after)
    return {
        "gain": gain(now, after) - (a0 * a1 + width * b0 * b1) / variance(now),
        "mean": state * b0 * m + data * m - b1 * m,  # the denoiser says m at βm
    }


@theorem.step("This is √(V′/V) cos Δθ with θ = atan(ρr): both are positive, and their squares are equal")
def cosine(multiple=1):
    now, after = (a0, b0), (a1, b1)
    turned = sp.together(sp.expand_trig(sp.cos(sp.atan(rho * b1 / a1) - sp.atan(rho * b0 / a0))))
    return gain(now, after) ** 2 - multiple * variance(after) / variance(now) * turned**2


@theorem.step("α = √V cos θ and ρβ = √V sin θ: a turn by Δθ, of which the step keeps the projection")
def projection(keeps=sp.cos):
    radius, radius_next = sp.symbols("R R'", positive=True)
    now = (radius * sp.cos(one_angle), radius * sp.sin(one_angle) / rho)
    after = (radius_next * sp.cos(other_angle), radius_next * sp.sin(other_angle) / rho)
    claimed = radius_next / radius * keeps(other_angle - one_angle)
    # Gains of the projection formula, so that no division by a vanishing cosine is left.
    formula = (now[0] * after[0] + rho**2 * now[1] * after[1]) / radius**2
    return {
        "gain": formula - sp.expand_trig(claimed),
        "V": variance(now) - radius**2 * (sp.sin(one_angle) ** 2 + sp.cos(one_angle) ** 2),
    }


@theorem.step("A conversion keeps θ, and with it every step's cosine: no schedule is better than another on its grid")
def invariant(weight=1):
    c, d = sp.symbols("c c'", positive=True)
    own = gain((a0, b0), (a1, b1))
    moved = gain((c * a0, c * b0), (d * a1, d * b1))
    return moved * c / d**weight - own


# -- the best grid ------------------------------------------------------------------------------------------------


@theorem.step("Two steps: cos²((a + b)/2) − cos a cos b = sin²((a − b)/2), for a = 2 atan p and b = 2 atan q")
def two_steps(excess=lambda half_difference: sp.sin(half_difference) ** 2):
    p, q = (sp.atan(sp.Symbol(name, positive=True)) for name in "pq")
    middle = sp.expand_trig(sp.cos(p + q)) ** 2
    return middle - sp.expand_trig(sp.cos(2 * p)) * sp.expand_trig(sp.cos(2 * q)) - sp.expand_trig(excess(p - q))


@theorem.step(
    "A grid is stationary iff neighbours have equal tangents; −log cos is convex: its second derivative is 1 + tan²"
)
def stationary(slope=sp.tan):
    left, right = sp.symbols("theta_0 theta_2", positive=True)
    middle = sp.Symbol("theta_1", positive=True)
    loss = -sp.log(sp.cos(middle - left)) - sp.log(sp.cos(right - middle))
    return {
        "first": loss.diff(middle) - (slope(middle - left) - slope(right - middle)),
        "second": (-sp.log(sp.cos(middle))).diff(middle, 2) - 1 - (sp.sin(middle) / sp.cos(middle)) ** 2,
    }


@theorem.step("N log cos(Θ/N) = −Θ²/(2N) − Θ⁴/(12N³) − …")
def expansion(first=sp.Rational(1, 2)):
    step, total = sp.symbols("h Theta", positive=True)
    terms = sp.Poly(sp.series(sp.log(sp.cos(total * step)), step, 0, 6).removeO(), step)
    return {
        "h²": terms.coeff_monomial(step**2) + first * total**2,
        "h⁴": terms.coeff_monomial(step**4) + total**4 / 12,
    }


# -- several modes --------------------------------------------------------------------------------------------------

level, clock = sp.Function("u", real=True), sp.Symbol("s", real=True)  # log r as a function of the clock
metric = sp.Function("g", positive=True)  # Σ_k (dθ_k/du)²


@theorem.step("dθ/d log r = ½ sin 2θ, so that Σθ̇_k² = ¼ Σ sin²(2θ_k) (d log r/ds)²")
def speed(angle=lambda ratio: sp.atan(rho * ratio)):
    log_ratio = sp.Symbol("u", real=True)
    theta = angle(sp.exp(log_ratio))
    return theta.diff(log_ratio) - sp.expand_trig(sp.sin(2 * sp.atan(rho * sp.exp(log_ratio)))) / 2


@theorem.step("The package's grid turns by this rate, ½/cosh(log ρr)")
def package_rate(level=sp.log(rho)):
    log_ratio = sp.Symbol("u", real=True)
    rate = turning().subs(LEVEL, level + log_ratio)
    return rate.rewrite(sp.exp) - sp.atan(rho * sp.exp(log_ratio)).diff(log_ratio)


@theorem.step("A step of length h in the clock costs ½θ̇²h²: the loss of N steps is 1/(2N) ∫Σθ̇² ds")
def local_loss(half=sp.S.Half):
    step, pace, bend = sp.Symbol("h", positive=True), *sp.symbols("v c", real=True)
    cost = (step * pace + step**2 * bend) ** 2 / 2  # −log cos Δθ but for Δθ⁴/12, with θ̇ = v and some c by Taylor
    return cost - half * pace**2 * step**2 - step**3 * (pace * bend + step * bend**2 / 2)


@theorem.step("The best clock: Euler–Lagrange of g(u)u̇² is 2√g d/ds(√g u̇), so that √g u̇ is constant")
def best_clock(power=sp.S.Half):
    u = level(clock)
    position, moving = sp.symbols("u u'", real=True)
    lagrangian = metric(position) * moving**2
    put = {position: u, moving: u.diff(clock)}
    momentum = lagrangian.diff(moving).subs(put, simultaneous=True)
    force = lagrangian.diff(position).subs(put, simultaneous=True).doit()
    conserved = metric(u) ** power * u.diff(clock)
    return momentum.diff(clock) - force - 2 * sp.sqrt(metric(u)) * conserved.diff(clock)


@theorem.step("It is a minimum: ∫v² − (∫v)² = ∫(v − ℓ)² for the speed v = √g u̇ and the length ℓ = ∫v, in N pieces")
def minimum(pieces=1):
    speeds = sp.symbols("v0:4", positive=True)
    length = sum(speeds) / 4
    return sum(v**2 for v in speeds) / 4 - pieces * length**2 - sum((v - length) ** 2 for v in speeds) / 4


# -- numbers --------------------------------------------------------------------------------------------------------


@cache
def measured_gain():
    return sp.lambdify((a0, b0, a1, b1, rho), gain((a0, b0), (a1, b1)), "mpmath")


def linear_pair(ratio):
    return 1 / (1 + ratio), ratio / (1 + ratio)


def vp_pair(ratio):
    return 1 / mpmath.sqrt(1 + ratio**2), ratio / mpmath.sqrt(1 + ratio**2)


def variance_ratio(ratios, width, pair_of):
    """Variance over ρ² after DDIM through these noise levels r and then to the data, by the package's steps."""
    pairs = [*map(pair_of, ratios), (mpmath.mpf(0), mpmath.mpf(1))]
    first = pairs[0][0] ** 2 + width**2 * pairs[0][1] ** 2
    gains = [measured_gain()(*now, *after, width) for now, after in pairwise(pairs)]
    return mpmath.fprod(gains) ** 2 * first / width**2


@theorem.values(
    "The recursion of the package's steps at equal angles, linear and VP, ρ = 2, N = 1, 2, 3, 5: cos^(2N)(π/2N)"
)
def recursion(power=2):
    found = []
    with digits(60):
        for name, pair_of in (("linear", linear_pair), ("VP", vp_pair)):
            for count in (1, 2, 3, 5):
                ratios = [mpmath.tan(mpmath.pi * k / (2 * count)) / 2 for k in range(count)]
                expected = 1 + mpmath.cos(mpmath.pi / (2 * count)) ** (power * count)
                found.append((f"{name}, N = {count}", 1 + variance_ratio(ratios, 2, pair_of), expected))
    return found


@theorem.values("Known numbers: N = 2 keeps ¼, N = 3 keeps 27/64, N = 4 (2 + √2)⁴/256; N(1 − ratio) → π²/4")
def known(limit=sp.pi**2 / 4):
    count = sp.Symbol("N", positive=True)
    ratio = [sp.cos(sp.pi / (2 * n)) ** (2 * n) for n in (2, 3, 4)]
    lost = (1 - sp.exp(2 * sp.log(sp.cos(sp.pi * count / 2)) / count)) / count  # 1/N for N
    return [
        ("N = 2", ratio[0], sp.Rational(1, 4)),
        ("N = 3", ratio[1], sp.Rational(27, 64)),
        ("N = 4", ratio[2], (2 + sp.sqrt(2)) ** 4 / 256),
        ("limit", sp.limit(lost.series(count, 0, 2).removeO(), count, 0), limit),
    ]


MODES = (1, 10)  # the ρ_k of two modes


@cache
def curve():
    """(log r, length of the curve of angles up to there): the arc length on a fine grid, by Simpson's rule."""
    import numpy as np
    from scipy.integrate import cumulative_simpson

    u = np.linspace(-30, 30, 60_001)
    pace = sum((width * np.exp(u) / (1 + (width * np.exp(u)) ** 2)) ** 2 for width in MODES) ** 0.5
    return u, cumulative_simpson(pace, x=u, initial=0)


def loss(log_ratios):
    """−Σ log cos Δθ over modes and steps, from r = 0 through these levels to r = ∞."""
    import numpy as np

    stops = [[0, *np.arctan(width * np.exp(log_ratios)), np.pi / 2] for width in MODES]
    return -np.log(np.cos(np.diff(stops))).sum()


def best_grid(count):
    import numpy as np

    u, length = curve()
    return np.interp(length[-1] * np.arange(1, count) / count, length, u)


@theorem.values("Two modes, ρ = 1 and 10: N · loss on the grid of equal arc length tends to ℓ²/2", tolerance=1e-4)
def two_modes(exponent=2):
    length = curve()[1][-1]
    return [("N = 200", 200 * loss(best_grid(200)), length**exponent / 2)]


@theorem.values("No grid of one mode does as well: its loss over the best one's, at N = 200", tolerance=1e-3)
def one_mode_grids(best=None):
    import numpy as np

    found, least = [], loss(best_grid(200) if best is None else best)
    length = curve()[1][-1]
    u = np.linspace(-30, 30, 60_001)
    for width in MODES:
        # The clock of one mode: 1/(2N) ∫ Σθ̇_k² with θ̇ = π/2 of that mode.
        paces = [w * np.exp(u) / (1 + (w * np.exp(u)) ** 2) for w in MODES]
        own = width * np.exp(u) / (1 + (width * np.exp(u)) ** 2)
        claimed = np.trapezoid(sum(p**2 for p in paces) / own, u) * np.pi / 2 / length**2
        grid = np.log(np.tan(np.pi / 2 * np.arange(1, 200) / 200) / width)
        found.append((f"equal angles of ρ = {width}", loss(grid) / least, claimed))
    return found


@theorem.interval(
    "(log cos x)/x decreases on (0, π/2): more steps are better; and 0 < cos Δθ < 1: the variance is too small"
)
def signs(flip=1):
    angle = sp.pi * t / 2
    return [
        ("x² d/dx (log cos x)/x", flip * (-angle * sp.sin(angle) - sp.cos(angle) * sp.log(sp.cos(angle))), "negative"),
        ("sin² of half a difference", flip * sp.sin(angle / 2) ** 2, "positive"),
        ("1 − cos Δθ", flip * (1 - sp.cos(angle)), "positive"),
    ]


# -- Monte Carlo ----------------------------------------------------------------------------------------------------


@theorem.monte_carlo(
    "Euler in the linear schedule, which is DDIM (C22), at equal angles, ρ = 2: variance 4 cos^(2N)(π/2N)"
)
def paths(setting, power=2, spacing=lambda count: [math_tan(k, count) for k in range(1, count)]):
    from symsched import verdicts

    cases, seen = [], Record()
    for count in (2, 4, 8):
        ratios = spacing(count)
        grid = [0.0, *(r / (1 + r) for r in ratios), 1.0]
        cases.append((count, grid, float(4 * mpmath.cos(mpmath.pi / (2 * count)) ** (power * count))))
    sde = ss.InterpolantSDE(ss.schedules.linear(), ss.Gaussian(0, 2), kappa=0)

    def test(size, seed):
        found = []
        for count, grid, exact in cases:
            run = ss.simulate(sde, paths=size, grid=grid, scheme="euler", seed=seed)
            seen.moments(f"X₁ after {count} steps", run, 0, exact)
            found += [verdicts.mean_p_value(run, 0), verdicts.gaussian_variance_p_value(run, exact)]
        return verdicts.combine(found)

    size = setting.size(PATHS // 8)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    chance = verdicts.variance_power(0.9, size, found.level)
    measured = f"N = 2, 4, 8: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, chance, seen.points)


def math_tan(k, count):
    """r at the angle kπ/(2N) for ρ = 2."""
    return float(mpmath.tan(mpmath.pi * k / (2 * count))) / 2


theorem.sabotage(one_step, "ρ for ρ²", width=rho)
theorem.sabotage(cosine, "twice the projection", multiple=4)
theorem.sabotage(projection, "sin Δθ", keeps=sp.sin)
theorem.sabotage(invariant, "c′ left out", weight=0)
theorem.sabotage(
    two_steps, "sin² of the whole difference", excess=lambda half_difference: sp.sin(2 * half_difference) ** 2
)
theorem.sabotage(stationary, "sines for tangents", slope=sp.sin)
theorem.sabotage(expansion, "Θ²/N", first=1)
theorem.sabotage(speed, "θ = atan r", angle=sp.atan)
theorem.sabotage(package_rate, "log ρ² for log ρ", level=2 * sp.log(rho))
theorem.sabotage(local_loss, "θ̇² without ½", half=1)
theorem.sabotage(best_clock, "g for √g", power=1)
theorem.sabotage(minimum, "half of ℓ²", pieces=sp.S.Half)
theorem.sabotage(recursion, "cos^N", power=1)
theorem.sabotage(known, "N(1 − ratio) → π²/8", limit=sp.pi**2 / 8)
theorem.sabotage(two_modes, "ℓ/2", exponent=1)
theorem.sabotage(one_mode_grids, "one grid is as good as the best", best=[k / 100 for k in range(-99, 100)])
theorem.sabotage(signs, "wrong sign", flip=-1)
theorem.sabotage(paths, "cos^N", power=1)
theorem.sabotage(paths, "equal steps in log r", spacing=lambda count: [2.0 ** (2 * k - count) for k in range(1, count)])
