"""C14.  Spectral lazy schedules: every direction of the data is driftless at once.

Let X ~ N(m, QΛQᵀ) with Q orthogonal and Λ = diag(ρ_k²).  In the direction q_k the interpolant has the variance
V_k = α² + ρ_k²β², and no scalar scale c_t can make all of them lazy unless the ρ_k agree.  A matrix can:

    X̄ = C_t (X_t − β_t m),   C_t = Q diag(c_k) Qᵀ.

κ = 0: c_k = V_k^(−1/2).  The centred ODE is Ẏ = G Y with G = Q diag(V̇_k/2V_k) Qᵀ (C8 in each direction), so that
dX̄/dt = (Ċ + C G) C⁻¹ X̄, and Ċ + C G = 0.  X̄ is constant: X₁ = m + C₁⁻¹ C₀ X₀ has the covariance QΛQᵀ after one step
of any length.

κ > 0: c_k = (ρ_k²/V_k)^((1+κ)/2) β^κ, normed to c_k(1) = 1.  The drift of X̄_k is zero for the scale κε* that all
directions share, and its variance c_k²V_k = ρ_k²(ρ_k²β²/V_k)^κ increases: X̄ is a vector of independent Brownian
motions, each in a clock of its own, in the model's times; one step of any length has the exact covariance.

All matrices here have the same eigenvectors and commute, so that what holds for one direction with a symbolic ρ_k
holds in every dimension; a rotation by a symbolic angle and a rational orthogonal 3 × 3 matrix are put in besides.

Source: beyond Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789; derived here.  Matrix-valued schedules also in
arXiv:2602.19512 and arXiv:2508.04605.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, eps, kappa, rho, t
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C14",
    title="Spectral lazy schedules",
    statement="X ~ N(m, QΛQᵀ): X̄ = C_t(X_t − βm), C_t = Q diag(c_k)Qᵀ, c_k = V_k^(−1/2) (κ = 0) or "
    "(ρ_k²/V_k)^((1+κ)/2)β^κ, has no drift in any direction, and one step has the full covariance exactly.",
    hypotheses=("Q orthogonal", "ρ_k > 0", "κ ≥ 0", "α, β > 0 and C¹ on (0, 1)"),
    assumptions=("Itô's formula for the linear map C_t",),
    source="derived here; extends arXiv:2602.03789; cf. arXiv:2602.19512, arXiv:2508.04605",
)

schedule = ss.Schedule(alpha, beta)
optimal = schedule.eps_star


def variance(std):
    return schedule.variance(std)


def slope(std, scale):
    """Slope of the centred drift in a direction of standard deviation `std` (C8)."""
    return (variance(std).diff(t) / 2 - scale) / variance(std)


def frame_scale(std, power=kappa):
    """c_k for the scale κε*, with c_k = 1 at the data end."""
    return (std**2 / variance(std)) ** ((1 + power) / 2) * beta**power


# -- one direction with a symbolic ρ: any dimension ------------------------------------------------------------


@theorem.step("One direction, any κ: d/dt log c_k + slope = 0, with the scale κε* shared by all directions")
def driftless(scale=frame_scale(rho)):
    return sp.expand_log(sp.log(scale), force=True).diff(t) + slope(rho, kappa * optimal)


@theorem.step("κ = 0: c_k = ρ_k V_k^(−1/2), the frame of the ODE up to the constant that fixes c_k(1) = 1")
def ode_frame(power=-sp.Rational(1, 2)):
    return frame_scale(rho, 0) - rho * variance(rho) ** power


@theorem.step("The variance c_k²V_k = ρ_k²(ρ_k²β²/V_k)^κ grows by the noise: its derivative is 2κε* c_k²")
def noise(factor=2):
    level = frame_scale(rho) ** 2 * variance(rho)
    return {
        "variance": level - rho**2 * (rho**2 * beta**2 / variance(rho)) ** kappa,
        "growth": (level.diff(t) - factor * kappa * optimal * frame_scale(rho) ** 2) / level,
    }


@theorem.step("It is the lazy family of C10 in the model's clock: V̄ = ρ²β̄^q with β̄ = c_k β, so c_k = β̄_k/β")
def member_of_family(power=2 * kappa / (1 + kappa)):
    return frame_scale(rho) ** 2 * variance(rho) - rho**2 * (frame_scale(rho) * beta) ** power


# -- matrices --------------------------------------------------------------------------------------------------

half_tangent = sp.Symbol("T", real=True)  # of half the angle: every rotation but one, as rational functions
rotation = sp.Matrix([[1 - half_tangent**2, -2 * half_tangent], [2 * half_tangent, 1 - half_tangent**2]])
rotation /= 1 + half_tangent**2
reflection = sp.Matrix([[1, 2, 2], [2, 1, -2], [2, -2, 1]]) / 3  # orthogonal in three dimensions
stds = sp.symbols("rho1:4", positive=True)
BASES = ((rotation, stds[:2]), (reflection, stds))


def conjugate(axes, values):
    """Q diag(values) Qᵀ."""
    return axes * sp.diag(*values) * axes.T


def labelled(matrices):
    """The entries of each matrix, named."""
    return {
        f"{len(m.col(0))}-D ({i + 1}, {j + 1})": m[i, j] for m in matrices for i in range(m.rows) for j in range(m.cols)
    }


@theorem.step("The axes diagonalise: Cov I_t = α²1 + β²QΛQᵀ is Q diag(V_k) Qᵀ, for every rotation and in 3-D")
def covariance(square=2):
    found = []
    for axes, scales in BASES:
        data = conjugate(axes, [std**square for std in scales])
        total = alpha**2 * sp.eye(len(scales)) + beta**2 * data
        found.append(total - conjugate(axes, [variance(std) for std in scales]))
    return labelled(found)


@theorem.step("The drift matrix G = Q diag(slope_k) Qᵀ is that of the joint Gaussian: G Cov I_t = ½ d/dt Cov I_t − ε1")
def drift_matrix(half=sp.Rational(1, 2)):
    found = []
    for axes, scales in BASES:
        levels, rates = sp.symbols(f"V1:{len(scales) + 1}", positive=True), sp.symbols(f"V'1:{len(scales) + 1}")
        G = conjugate(axes, [(rate / 2 - eps) / level for level, rate in zip(levels, rates, strict=True)])
        found.append(G * conjugate(axes, levels) - half * conjugate(axes, rates) + eps * sp.eye(len(scales)))
    return labelled(found)


@theorem.step("With ċ_k = −slope_k c_k in every direction, Ċ + C G = 0 in matrices: X̄ has no drift at all")
def matrix_frame(sign=-1):
    found = []
    for axes, scales in BASES:
        levels, slopes = sp.symbols(f"c1:{len(scales) + 1}", positive=True), sp.symbols(f"g1:{len(scales) + 1}")
        rates = [sign * g * c for g, c in zip(slopes, levels, strict=True)]  # ċ_k, by the step `driftless`
        found.append(conjugate(axes, rates) + conjugate(axes, levels) * conjugate(axes, slopes))
    return labelled(found)


@theorem.step("One step of κ = 0: from Z ~ N(0, a²1), C₁⁻¹C₀ Z has the covariance QΛQᵀ of the data")
def one_step_covariance(square=2):
    base, found = sp.Symbol("a", positive=True), []  # α(0) = a, β(0) = 0; α(1) = 0, β(1) = 1
    for axes, scales in BASES:
        carry = conjugate(axes, [std / base for std in scales])  # √(V_k(1)/V_k(0))
        found.append(base**2 * carry * carry.T - conjugate(axes, [std**square for std in scales]))
    return labelled(found)


@theorem.step("A scalar c is not enough: lazy in two directions at once only if their ρ agree")
def scalar_is_not_enough(first=1, second=-1):
    """The slopes of two directions differ by (ρ₁² − ρ₂²)β²(ε* + ε)/(V₁V₂), and ε* + ε > 0."""
    one, two = (slope(std, eps) for std in stds[:2])
    gap = (stds[0] ** 2 * first + stds[1] ** 2 * second) * beta**2 * (optimal + eps)
    return one - two - gap / (variance(stds[0]) * variance(stds[1]))


@theorem.values("At the data end c_k = 1, for every κ, and at the noise end c_k = 0 for κ > 0 (linear schedule)")
def ends(at_data=1):
    put = {alpha: 1 - t, beta: t, rho: sp.Rational(3, 2)}
    triples = []
    for k in (sp.Integer(0), sp.Rational(1, 2), sp.Integer(2)):
        scale = frame_scale(rho, k).subs(put)
        triples += [
            (f"c(1), κ = {k}", scale.subs(t, 1), at_data),
            (f"c(0), κ = {k}", sp.limit(scale, t, 0), sp.Rational(3, 2) if k == 0 else 0),
        ]
    return triples


@theorem.interval("The variance of X̄ grows in every direction: d/dt log(β²/V) > 0 (ρ = ½, 2; three schedules)")
def growth(flip=1):
    found = []
    for pair in (ss.schedules.linear(), ss.schedules.vp(), ss.schedules.ddpm()):
        for std in (sp.Rational(1, 2), 2):
            rate = 2 * pair.alpha**2 * pair.log_r_dot  # times 1/V > 0
            found.append((f"{pair}, ρ = {std}", flip * rate / pair.variance(std), "positive"))
    return found


# -- Monte Carlo -----------------------------------------------------------------------------------------------

MEAN = (1.0, -2.0, 0.5)
COVARIANCE = ((2.0, 0.9, 0.1), (0.9, 1.0, -0.4), (0.1, -0.4, 0.6))
TIMES = (0.0, 0.2, 0.6, 1.0)


@cache
def model(kappa_value):
    return ss.InterpolantSDE(ss.schedules.linear(), ss.Gaussian(MEAN, COVARIANCE), kappa=kappa_value)


@theorem.monte_carlo("κ = 0: one step from N(0, I) in the spectral frame gives the full covariance of the data (d = 3)")
def one_step(setting, spectral=lambda mean, cov: ss.lazy.spectral(mean, cov)):
    import numpy as np

    from symsched import verdicts

    frame, seen = spectral(MEAN, COVARIANCE), Record()

    def test(size, seed):
        run = ss.simulate(
            model(0), paths=size, grid=TIMES, save=TIMES, scheme="exponential", seed=seed, keep_paths=size
        )
        jumped = frame.back(1.0, frame.into(0.0, run.paths[0]))  # one step: X̄ is constant
        stepped = float(np.abs(jumped - run.paths[-1]).max())  # and the exact scheme agrees path by path
        for i in range(3):
            seen.mean(f"E X{i} after one step", jumped[:, i], MEAN[i])
            seen.variance(f"Var X{i} after one step", jumped[:, i], COVARIANCE[i][i])
        law = covariance_p_value(jumped, np.array(MEAN), np.array(COVARIANCE))
        return law if stepped < 1e-9 else 0.0

    size = setting.size(PATHS // 4)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(0.6, size, found.level)
    measured = f"one step in 3-D: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


@theorem.monte_carlo(
    "κ = ½: in the frame, exact paths have increments of the stated covariance, independent of the past"
)
def increments(setting, kappa_frame=sp.Rational(1, 2), power=1):
    import numpy as np

    from symsched import verdicts

    frame, seen = ss.lazy.spectral(MEAN, COVARIANCE, kappa=kappa_frame), Record()
    made = np.diff(frame.variances(np.array(TIMES)), axis=0) ** power

    def test(size, seed):
        sde = model(sp.Rational(1, 2))
        run = ss.simulate(sde, paths=size, grid=TIMES, save=TIMES, scheme="exponential", seed=seed, keep_paths=size)
        states = np.stack([frame.into(time, x) for time, x in zip(TIMES, run.paths, strict=True)])
        steps, found = np.diff(states, axis=0), []
        for d, v, past, time in zip(steps, made, states, TIMES, strict=False):
            for i, along in enumerate((d @ frame.axes).T):
                seen.variance(f"Var of the increment from t = {time}, axis {i}", along, v[i])
            found.append(covariance_p_value(d, np.zeros(3), frame.axes @ np.diag(v) @ frame.axes.T))
            if past.any():
                found += [verdicts.correlation_p_value(d[:, i], past[:, i]) for i in range(3)]
        return verdicts.combine(found)

    size = setting.size(PATHS // 4)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power_of = verdicts.variance_power(1.3, size, found.level)
    measured = f"κ = ½: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power_of, seen.points)


def covariance_p_value(values, mean, covariance):
    """Exact law of every whitened coordinate, and independence of every pair."""
    import numpy as np

    from symsched import verdicts

    white = np.linalg.solve(np.linalg.cholesky(covariance), (values - mean).T)
    laws = [verdicts.sample_gaussian_p_value(row, 0, 1) for row in white]
    pairs = [verdicts.correlation_p_value(white[i], white[j]) for i in range(len(white)) for j in range(i)]
    return verdicts.combine(laws + pairs)


def diagonal_only(mean, cov):
    """What a per-coordinate schedule would do: the correlations are ignored."""
    import numpy as np

    return ss.lazy.spectral(mean, np.diag(np.diag(cov)))


theorem.sabotage(driftless, "c of κ = 0 for every κ", scale=frame_scale(rho, 0))
theorem.sabotage(ode_frame, "1/V for V^(−1/2)", power=-1)
theorem.sabotage(noise, "noise ε for 2ε", factor=1)
theorem.sabotage(member_of_family, "q = κ/(1 + κ)", power=kappa / (1 + kappa))
theorem.sabotage(covariance, "Λ^(1/2) for Λ", square=1)
theorem.sabotage(drift_matrix, "d/dt Cov for ½ d/dt Cov", half=1)
theorem.sabotage(matrix_frame, "wrong sign of ċ", sign=1)
theorem.sabotage(one_step_covariance, "Λ^(1/2) for Λ", square=1)
theorem.sabotage(scalar_is_not_enough, "ρ₁² + ρ₂² for ρ₁² − ρ₂²", second=1)
theorem.sabotage(ends, "c(1) = 2", at_data=2)
theorem.sabotage(growth, "variance falls", flip=-1)
theorem.sabotage(one_step, "correlations ignored", spectral=diagonal_only)
theorem.sabotage(increments, "the frame of κ = 1", kappa_frame=sp.Integer(1))
theorem.sabotage(increments, "standard deviations for variances", power=0.5)
