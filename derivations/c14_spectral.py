"""C14.  Spectral lazy schedules: one matrix makes every direction of the data lazy at once.

Let X ~ N(m, Σ), Σ = Q diag(ρ_k²) Qᵀ, in any dimension.  The score of I_t is −S⁻¹(x − βm) with S = α²1 + β²Σ, so the
drift of the SDE with scale ε is

    b^ε = β̇ m + (ṡ/2 − ε) S⁻¹ (x − βm),        Ṡ/2 = αα̇ 1 + ββ̇ Σ.

Everything here is a function of Σ, so it is diagonal in the fixed basis Q: direction k has the scalar drift of C8 with
ρ = ρ_k and V_k = α² + ρ_k²β².  A matrix C_t = Q diag(c_k) Qᵀ that scales each direction makes X̄ = C_t(X − βm), with

    dX̄ = Q diag(ċ_k/c_k + (V̇_k/2 − ε)/V_k) Qᵀ X̄ dt + √(2ε) C_t dW,

driftless iff ċ_k/c_k = (ε − V̇_k/2)/V_k for each k.  With ε = κε* the solution with c_k(1) = 1 is

    c_k = (ρ_k²/V_k)^((1+κ)/2) β^κ,        κ = 0:  c_k = ρ_k V_k^(−1/2),

which is β̄_k/β for the lazy schedule of ρ_k (C10) in the model's own clock.  What remains is noise: the variance along
axis k is c_k²V_k, whose derivative is 2c_k²ε, so one step of any length has exactly the covariance QΛQᵀ.

Beyond the paper, which has one ρ for all directions.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.inversion import R
from symsched.symbols import alpha, beta, eps, kappa, rho, t
from symsched.theorem import Evidence, Theorem

theorem = Theorem(
    name="C14",
    title="Spectral lazy schedules",
    statement="X ~ N(m, Q diag(ρ_k²) Qᵀ): X̄ = Q diag(c_k) Qᵀ (X − βm), c_k = (ρ_k²/V_k)^((1+κ)/2) β^κ, has no drift, and "
    "one step is exact for the full covariance.",
    hypotheses=("α, β > 0 and C¹ on (0, 1)", "ρ_k > 0", "ε = κε*, κ ≥ 0 constant"),
    assumptions=("a symmetric matrix has an orthonormal eigenbasis",),
    source="this project; κ = 0 and one ρ: arXiv:2602.03789",
)

# -- two dimensions, any angle ----------------------------------------------------------------------------------

theta = sp.Symbol("theta", real=True)
first, second = sp.symbols("rho1 rho2", positive=True)
Q = sp.Matrix([[sp.cos(theta), -sp.sin(theta)], [sp.sin(theta), sp.cos(theta)]])
cov = Q * sp.diag(first**2, second**2) * Q.T
spread = alpha**2 * sp.eye(2) + beta**2 * cov  # Cov I_t
schedule = ss.Schedule(alpha, beta)


def drift_matrix(scale):
    """G of b^ε = β̇m + G(x − βm): α̇ E[Z|x] + β̇ E[X − m|x] + ε s, by conditioning the joint Gaussian."""
    inverse = spread.inv()
    noise, data, score = alpha * inverse, beta * cov * inverse, -inverse
    return alpha.diff(t) * noise + beta.diff(t) * data + scale * score


def along_axes(scales):
    """Q diag(c) Qᵀ."""
    return Q * sp.diag(*scales) * Q.T


def variance(k=rho):
    """V_k."""
    return schedule.variance(k)


@theorem.step("The drift matrix is (Ṡ/2 − ε1) S⁻¹")
def drift_of_gaussian(half=sp.Rational(1, 2)):
    return (drift_matrix(eps) * spread - (half * spread.diff(t) - eps * sp.eye(2))).applyfunc(sp.together)


@theorem.step("In the basis Q it is diagonal, with C8's slope (V̇_k/2 − ε)/V_k in direction k")
def diagonal(slope=lambda v: (v.diff(t) / 2 - eps) / v):
    wanted = along_axes([slope(variance(first)), slope(variance(second))])
    return drift_matrix(eps) * spread - wanted * spread


@theorem.step("κ = 0, any angle: C_t = Q diag(V_k^(−1/2)) Qᵀ solves Ċ + C G = 0, so X̄ does not move")
def driftless_flow(power=-sp.Rational(1, 2)):
    C = along_axes([variance(first) ** power, variance(second) ** power])
    return (C.diff(t) + C * drift_matrix(0)) * spread


# -- any dimension, direction by direction ------------------------------------------------------------------------

lazy_scale = (rho**2 / variance()) ** ((1 + kappa) / 2) * beta**kappa
eps_kappa = kappa * schedule.eps_star


@theorem.step("ċ_k/c_k = (κε* − V̇_k/2)/V_k for every κ: direction k has no drift")
def driftless(scale=lazy_scale):
    return scale.diff(t) / scale - (eps_kappa - variance().diff(t) / 2) / variance()


@theorem.step("c_k is β̄_k/β, where β̄_k is the lazy schedule of ρ_k in the model's clock")
def lazy_clock(scale=lazy_scale):
    return scale * beta - ss.lazy.frame_beta().subs(R, schedule.r)


@theorem.step("Ends: c_k = 1 at the data, where α = 0 and β = 1")
def normalised(scale=lazy_scale):
    a, b = sp.symbols("a b", positive=True)
    return scale.subs({alpha: a, beta: b}).subs(b, 1).subs(a, 0) - 1


@theorem.step("Noise makes all of the variance: d/dt (c_k²V_k) = 2c_k²ε, so a step of any length is exact")
def variance_made(noise=2):
    return (lazy_scale**2 * variance()).diff(t) - noise * lazy_scale**2 * eps_kappa


@theorem.step("κ = 0 keeps the variance ρ_k²; κ > 0 makes it from 0, as ρ_k² β̄_k^(2κ/(1+κ))")
def variance_law(power=2 * kappa / (1 + kappa)):
    return {
        "flow": (lazy_scale**2 * variance()).subs(kappa, 0) - rho**2,
        "diffusion": lazy_scale**2 * variance() - rho**2 * (lazy_scale * beta) ** power,
    }


# -- the package's frame, and the process itself --------------------------------------------------------------------

COV = ((2.0, 0.9), (0.9, 1.0))
MEAN = (1.0, -0.5)


@theorem.values("The package's scales and variances are these formulas", tolerance=1e-14)
def package(scale=lazy_scale):
    frame = ss.lazy.spectral(MEAN, COV, kappa=1)
    time = sp.Rational(3, 10)
    rows = []
    for k, std in enumerate(frame.stds):
        exact = scale.subs({kappa: 1, rho: sp.Rational(std)}).subs({alpha: 1 - time, beta: time})
        rows.append((f"c_{k + 1}", float(frame.scales(float(time))[k]), exact))
        rows.append((f"V_{k + 1}(1)", float(frame.variances(1.0)[k]), sp.Rational(std) ** 2))
    return rows


@cache
def source():
    """The linear-schedule SDE of correlated data at κ = 1: its drift is far from zero."""
    return ss.InterpolantSDE(ss.schedules.linear(), ss.Gaussian(MEAN, COV), kappa=1)


TIMES = (0.1, 0.5, 1.0)


@theorem.monte_carlo("Linear-schedule paths in the frame: independent increments of covariance Q diag(ΔV̄_k) Qᵀ")
def in_the_frame(setting, doubled=1, kappa=1):
    """The source runs with an exact scheme, so no step size enters.  In the frame each increment must be Gaussian
    with the predicted variance along each axis, uncorrelated across axes and with the past."""
    import numpy as np

    from symsched import verdicts

    frame = ss.lazy.spectral(MEAN, COV, kappa=kappa)
    made = doubled * np.diff(frame.variances(TIMES), axis=0)

    def test(size, seed):
        run = ss.simulate(
            source(), paths=size, grid=TIMES, save=TIMES, scheme="exponential", seed=seed, keep_paths=size
        )
        lazy = np.stack([frame.into(at, x) @ frame.axes for at, x in zip(TIMES, run.paths, strict=True)])
        steps = np.diff(lazy, axis=0)
        laws = [
            verdicts.sample_gaussian_p_value(d[:, k], 0, v[k]) for d, v in zip(steps, made, strict=True) for k in (0, 1)
        ]
        past = [
            verdicts.correlation_p_value(d[:, k], y[:, k]) for d, y in zip(steps, lazy, strict=False) for k in (0, 1)
        ]
        across = [verdicts.correlation_p_value(d[:, 0], d[:, 1]) for d in steps]
        return verdicts.combine(laws + past + across)

    size = setting.size(20_000)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(1.3, size, found.level)
    return Evidence(bool(found), f"matrix frame: p = {found.p_values[-1]:.2g} (n = {size})", found.level, power)


theorem.sabotage(drift_of_gaussian, "Ṡ for Ṡ/2", half=1)
theorem.sabotage(diagonal, "V̇_k for V̇_k/2", slope=lambda v: (v.diff(t) - eps) / v)
theorem.sabotage(driftless_flow, "V_k^(−1) for V_k^(−1/2)", power=-1)
theorem.sabotage(driftless, "(1+κ) for (1+κ)/2", scale=(rho**2 / variance()) ** (1 + kappa) * beta**kappa)
theorem.sabotage(driftless, "no β^κ", scale=(rho**2 / variance()) ** ((1 + kappa) / 2))
theorem.sabotage(lazy_clock, "ρ for ρ²", scale=(rho / variance()) ** ((1 + kappa) / 2) * beta**kappa)
theorem.sabotage(normalised, "without ρ", scale=variance() ** (-(1 + kappa) / 2) * beta**kappa)
theorem.sabotage(variance_made, "ε for 2ε", noise=1)
theorem.sabotage(variance_law, "κ/(1+κ)", power=kappa / (1 + kappa))
theorem.sabotage(package, "ρ for ρ²", scale=(rho / variance()) ** ((1 + kappa) / 2) * beta**kappa)
theorem.sabotage(in_the_frame, "the frame of the flow, κ = 0, on paths of κ = 1", kappa=0)
theorem.sabotage(in_the_frame, "twice the variance", doubled=2)
