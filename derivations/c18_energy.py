"""C18.  Energy identity: what the lazy drift costs is how far the data is from Gaussian.

In the lazy frame of κ > 0 the drift is b = B(η_X − η_X^G), B = (ε* + ε)β/α² (C17), and ε = κε*.  As ε* β²/α⁴ is
½ d(r²)/dt (C6), its energy per unit of noise is

    E|b|²/(4ε) dt = (1 + κ)²/(4κ) · ½ G d(r²),    G = E|η_X − η_X^G|²,

in which no schedule is left.  Let p and g be the densities of X + √s Z, s = 1/r², for the data and for N(0, ρ²): both
solve the heat equation, and with L = log p/g

    ∂ₛ(p L) = −½ p (∂L)² + ½ ∂(L∂p + p∂L),

so that d/ds KL(p‖g) = −½ E|∂L|²; and ∂L = (η_X − η_X^G)/s by Tweedie.  Hence d KL/d(r²) = ½ G: relative entropy grows
from 0 (all noise) to that of the data, and

    ∫₀¹ E|b|²/(4ε) dt = (1 + κ)²/(4κ) · KL(ρ_X ‖ N(0, ρ²)).

κ = 1 makes the factor least, 1: the entropy identity of the Föllmer process.  With S = E|X|²,

    KL(ρ_X ‖ N(0, ρ²)) = KL(ρ_X ‖ N(0, S)) + ½(S/ρ² − 1 − log(S/ρ²)):

ρ² = S makes it least, and then it is the negentropy of the data (about 0): how non-Gaussian it is, in a currency that a
sampler pays.  By Girsanov the left side is also the entropy of the SDE's paths from those without a drift.

Source: derived here from C6 and C17; d KL/d(r²) is mismatched I-MMSE (Verdú), see Kong et al., arXiv:2302.03792; for
κ = 1 see arXiv:2403.13724 (Föllmer).
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.sde.equation import data_form
from symsched.symbols import alpha, beta, kappa, rho, t
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C18",
    title="Energy identity",
    statement="Lazy frame of κ > 0: ∫E|b|²/(4ε) dt = (1 + κ)²/(4κ) KL(ρ_X ‖ N(0, ρ²)).  κ = 1 and ρ² = E|X|² make it "
    "least, the negentropy of the data.",
    hypotheses=("κ > 0", "ρ > 0", "E|X|² < ∞ and KL(ρ_X ‖ N(0, ρ²)) < ∞", "α, β > 0 and C¹ on (0, 1), r from 0 to ∞"),
    assumptions=(
        "KL of the laws of X + √s Z tends to that of the data as s → 0 and to 0 as s → ∞ (lower semicontinuity, data "
        "processing)",
        "the flux ½(L∂p + p∂L) vanishes at infinity for s > 0, and ∂ₛ may be taken under the integral",
    ),
    source="derived here; mismatched I-MMSE (Verdú; arXiv:2302.03792); κ = 1: Föllmer, arXiv:2403.13724",
)

q = 2 * kappa / (1 + kappa)
w = beta ** (2 - q)
own = ss.Schedule(sp.sqrt(rho**2 * (beta**q - beta**2)), beta)
general = ss.Schedule(alpha, beta)
gap = sp.Symbol("G", positive=True)  # E|η_X − η_X^G|²

# -- the rate -----------------------------------------------------------------------------------------------------


@theorem.step("E|b|²/(4ε) = (1 + κ)²/(4κ) · ½ G d(r²)/dt, for b = B(η_X − η_X^G) in any schedule")
def rate(factor=(1 + kappa) ** 2 / (4 * kappa), measure=general.snr.diff(t) / 2):
    _, weight = data_form(general, kappa * general.eps_star)
    return {
        "B": weight - (1 + kappa) * general.eps_star * beta / alpha**2,
        "rate": weight**2 * gap / (4 * kappa * general.eps_star) - factor * measure * gap,
    }


@theorem.step("In the lazy family B is β̇/(1 − w), and ε = V̇/2 = ½ρ² d(β^q)/dt")
def lazy_rate(power=q):
    weight = (1 + kappa) * own.eps_star * beta / own.alpha**2  # (ε* + ε)β/α²
    return {
        "B": weight - beta.diff(t) / (1 - w),
        "ε": kappa * own.eps_star - (rho**2 * beta**power).diff(t) / 2,
    }


@theorem.step("The factor is least at κ = 1: (1 + κ)²/(4κ) − 1 = (1 − κ)²/(4κ); κ and 1/κ cost the same")
def factor(excess=(1 - kappa) ** 2 / (4 * kappa)):
    whole = (1 + kappa) ** 2 / (4 * kappa)
    return {"excess": whole - 1 - excess, "symmetry": whole - whole.subs(kappa, 1 / kappa)}


# -- relative entropy along noise ---------------------------------------------------------------------------------

s = sp.Symbol("s", positive=True)
y = sp.Symbol("y", real=True)
p, g = (sp.Function(name, positive=True)(s, y) for name in "pg")
ratio = sp.log(p / g)
heat = {p.diff(s): p.diff(y, 2) / 2, g.diff(s): g.diff(y, 2) / 2}


@theorem.step("Two solutions of the heat equation: ∂ₛ(pL) = −½p(∂L)² + ½∂(L∂p + p∂L), L = log p/g")
def dissipation(half=sp.S.Half):
    flux = (ratio * p.diff(y) + p * ratio.diff(y)) / 2
    return (p * ratio).diff(s).subs(heat) + half * p * ratio.diff(y) ** 2 - flux.diff(y)


@theorem.step("The densities of X + √s Z solve it, for one value of X, so for all")
def heat_kernel(speed=sp.S.Half):
    point = sp.Symbol("xi", real=True)
    kernel = sp.exp(-((y - point) ** 2) / (2 * s)) / sp.sqrt(2 * sp.pi * s)
    return kernel.diff(s) - speed * kernel.diff(y, 2)


@theorem.step("Tweedie in y = x/β, s = 1/r²: η_X = y + s ∂log p, so ∂L = (η_X − η_X^G)/s, and dKL/d(r²) = ½G")
def in_noise_levels(power=1):
    level = sp.Symbol("gamma", positive=True)  # r²
    point = sp.Symbol("xi", real=True)
    kernel = sp.exp(-((y - point) ** 2) / (2 * s))
    by_s = -gap / s**2 / 2  # −½E|∂L|²
    return {
        "Tweedie": y * kernel + s**power * kernel.diff(y) - point * kernel,
        "dKL/d(r²)": by_s.subs(s, 1 / level) * (1 / level).diff(level) - gap / 2,
    }


second = sp.Symbol("S", positive=True)  # E|X|²


@theorem.step("KL(ρ_X‖N(0, ρ²)) − KL(ρ_X‖N(0, S)) = ½(S/ρ² − 1 − log(S/ρ²)), stationary at ρ² = S alone")
def best_width(mismatch=(second / rho**2 - 1 - sp.log(second / rho**2)) / 2):
    entropy = sp.Symbol("h", real=True)

    def divergence(square):
        return -entropy + sp.log(2 * sp.pi * square) / 2 + second / (2 * square)

    difference = sp.expand_log(divergence(rho**2) - divergence(second) - mismatch, force=True)
    slope = mismatch.diff(rho)
    return {"difference": difference, "slope": slope - (rho**2 - second) / rho**3}


@theorem.step("Gaussian data N(0, S), exactly: d/d(r²) of ½(v − 1 − log v), v = (S + s)/(ρ² + s), is ½G")
def gaussian_data(half=sp.S.Half):
    level = sp.Symbol("gamma", positive=True)
    width, believed = (sp.Symbol(name, positive=True) for name in ("S", "R"))  # variances
    share = lambda square: square * level / (1 + square * level)  # noqa: E731  η_X = share · y
    size = (share(width) - share(believed)) ** 2 * (width + 1 / level)
    v = (width + 1 / level) / (believed + 1 / level)
    return ((v - 1 - sp.log(v)) / 2).diff(level) - half * size


# -- numbers ------------------------------------------------------------------------------------------------------

#: Mean 0, variance 1, skewed.
WEIGHTS, CENTRES, WIDTH = (0.25, 0.75), (-1.5, 0.5), 0.5
MIXTURE = ss.GaussianMixture(WEIGHTS, CENTRES, (WIDTH, WIDTH))


def density_and_field(points, a, b):
    """(density of I, η_X) of the mixture: one formula for all times and states, without the library's care."""
    import numpy as np

    spread = a**2 + (WIDTH * b) ** 2
    gaps = [points - b * c for c in CENTRES]
    parts = [v * np.exp(-(gap**2) / (2 * spread)) for v, gap in zip(WEIGHTS, gaps, strict=True)]
    means = [c + WIDTH**2 * b * gap / spread for c, gap in zip(CENTRES, gaps, strict=True)]
    total = parts[0] + parts[1]
    return total / np.sqrt(2 * np.pi * spread), (parts[0] * means[0] + parts[1] * means[1]) / total


@cache
def negentropy(width=1.0):
    """KL(ρ_X ‖ N(0, ρ²)) of the mixture, by the trapezium rule."""
    import numpy as np

    points = np.linspace(-8, 8, 1601)
    density, _ = density_and_field(points, 0, 1)
    other = -(points**2) / (2 * width**2) - np.log(2 * np.pi * width**2) / 2
    return float(np.trapezoid(density * (np.log(density) - other), points))


def frame(power, width, b, distance):
    """(α, w, ε per unit of β̇) of the lazy frame of κ; `distance` is 1 − β, whose digits are kept."""
    import numpy as np

    exponent = 2 * power / (1 + power)
    rest = -np.expm1((2 - exponent) * np.log1p(-distance))  # 1 − w
    return width * np.sqrt(b**exponent * rest), 1 - rest, width**2 * exponent * b ** (exponent - 1) / 2


def rate_of_energy(state, a, b, weight, scale):
    """(density, |b|²/(4ε) per unit of β)."""
    density, field = density_and_field(state, a, b)
    return density, ((field - weight / b * state) / (1 - weight)) ** 2 / (4 * scale)


@theorem.values(
    "A skewed mixture, κ = ½, 1, 2 and ρ = 1, 3/2: energy by quadrature over time and state", tolerance=1e-9
)
def by_quadrature(factor=lambda power: (1 + power) ** 2 / (4 * power)):
    import numpy as np

    found, nodes = [], np.linspace(-9, 9, 181)[:, None]
    logit = np.arange(-36, 36.01, 0.25)
    b, distance = 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(logit))
    for power in (0.5, 1.0, 2.0):
        for width in (1.0, 1.5):
            a, weight, scale = frame(power, width, b, distance)
            spread = np.sqrt(a**2 + b**2)
            density, rate = rate_of_energy(nodes * spread, a, b, weight, scale)
            total = float((np.trapezoid(density * rate, nodes, axis=0) * spread * b * distance).sum() * 0.25)
            found.append((f"κ = {power}, ρ = {width}", total, factor(power) * negentropy(width)))
    return found


@theorem.interval("½(v − 1 − log v) > 0 for v ≠ 1: another ρ costs more; and (1 − κ)²/(4κ) > 0 for κ ≠ 1")
def signs(flip=1):
    return [
        ("v < 1", flip * (t - 1 - sp.log(t)), "positive"),
        ("v > 1", flip * (1 / t - 1 + sp.log(t)), "positive"),
        ("excess of the factor", flip * (1 - t) ** 2 / (4 * t), "positive"),
    ]


# -- samples ------------------------------------------------------------------------------------------------------


@theorem.monte_carlo(
    "At random times on samples of the interpolant, κ = ½, 2: E|b|²/(4ε) has the mean (1 + κ)²/(4κ) KL"
)
def on_samples(setting, factor=lambda power: (1 + power) ** 2 / (4 * power)):
    import numpy as np

    from symsched import verdicts

    seen = Record()

    def test(size, seed):
        rng, found = np.random.default_rng(seed), []
        data, noise, b = MIXTURE.sample(size, rng), rng.standard_normal(size), rng.uniform(size=size)
        for power in (0.5, 2.0):
            a, weight, scale = frame(power, 1.0, b, 1 - b)
            _, sample = rate_of_energy(a * noise + b * data, a, b, weight, scale)
            exact = factor(power) * negentropy()
            seen.mean(f"energy, κ = {power}", sample, exact)
            found.append(verdicts.difference_p_value(sample, exact))
        return verdicts.combine(found)

    size = setting.size(PATHS // 16)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    chance = verdicts.mean_power(negentropy() / 4, 0.5, size, found.level)
    measured = f"energy of the drift, κ = ½, 2: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, chance, seen.points)


theorem.sabotage(rate, "(1 + κ²)/(2κ)", factor=(1 + kappa**2) / (2 * kappa))
theorem.sabotage(rate, "d(r²) without ½", measure=general.snr.diff(t))
theorem.sabotage(lazy_rate, "q = κ/(1 + κ)", power=q / 2)
theorem.sabotage(factor, "(1 − κ²)/(4κ)", excess=(1 - kappa**2) / (4 * kappa))
theorem.sabotage(dissipation, "without ½", half=1)
theorem.sabotage(heat_kernel, "∂ₛ = ∂²", speed=1)
theorem.sabotage(in_noise_levels, "√s in Tweedie's formula", power=sp.S.Half)
theorem.sabotage(best_width, "without the logarithm", mismatch=(second / rho**2 - 1) / 2)
theorem.sabotage(gaussian_data, "without ½", half=1)
theorem.sabotage(by_quadrature, "the factor of κ = 1", factor=lambda _: 1)
theorem.sabotage(signs, "wrong sign", flip=-1)
theorem.sabotage(on_samples, "the factor of κ = 1", factor=lambda _: 1)
theorem.sabotage(on_samples, "(1 + κ²)/(2κ)", factor=lambda power: (1 + power**2) / (2 * power))
