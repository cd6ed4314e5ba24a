"""C29.  Matrix conversions: a frame of any shape, that need not commute with anything.

Let X solve dX = b(t, X) dt + S(t) dW in d dimensions, with the scale matrix D = SSᵀ (2ε1 for an interpolant), and let
C_t be an invertible matrix, C¹ in t, and τ a time change.  Then X̄_t = C_t X_τ(t) solves

    dX̄ = (ĊC⁻¹ X̄ + τ̇ C b(τ, C⁻¹X̄)) dt + √τ̇ C S(τ) dW̄,      D̄ = τ̇ C D(τ) Cᵀ,

driven by the W̄ of C3.  These conversions form a groupoid: (C, τ) followed by (K, σ) is (K C_σ, τ∘σ), the inverse is
(C⁻¹ at τ⁻¹, τ⁻¹), in the order of the matrices, which need not commute.  A scalar frame c1 is C3; a diagonal frame in
the axes of the data is C14.

Matrix interpolants I = AZ + BX, with A and B invertible, obey Ī = C I_τ for all (Z, X) exactly if A⁻¹B is the same
function of time up to a change of it: then C = Ā A(τ)⁻¹ = B̄ B(τ)⁻¹.  Two scalar schedules always do; two diagonal ones
with several r_k only if one τ serves all of them.

What is kept: for the score s of p, s̄ = C⁻ᵀ s(τ, C⁻¹x); D̄s̄ = τ̇ C D s, so that drifts b + ½Ds are carried as b is.

Proof.  The product rule, written out for 2 × 2 matrices of undefined functions; the identities are those of matrices,
and hold in every dimension.

Source: derived here; matrix-valued schedules: cf. arXiv:2508.04605, arXiv:2602.19512.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import eps, t
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C29",
    title="Matrix conversions",
    statement="X̄ = C_t X_τ has the scale matrix τ̇CDCᵀ and the drift ĊC⁻¹x + τ̇C b(τ, C⁻¹x): a groupoid, for frames that "
    "need not commute. ĀZ + B̄X is C (AZ + BX)_τ for all (Z, X) if and only if Ā⁻¹B̄ = A⁻¹B at τ.",
    hypotheses=("C_t invertible and C¹ on (0, 1)", "τ̇ > 0"),
    assumptions=("the time change of Itô integrals; Lévy's characterisation in d dimensions", "Itô's product rule"),
    source="derived here; cf. arXiv:2508.04605, arXiv:2602.19512",
)

tau = sp.Function("tau", positive=True)(t)
rate = tau.diff(t)


def matrix_of(name, time=t):
    """A 2 × 2 matrix of undefined functions."""
    return sp.Matrix(2, 2, lambda i, j: sp.Function(f"{name}{i + 1}{j + 1}", real=True)(time))


def letters(name):
    """A 2 × 2 matrix of numbers."""
    return sp.Matrix(2, 2, lambda i, j: sp.Symbol(f"{name}{i + 1}{j + 1}", real=True))


def entries(matrix, name=""):
    return {f"{name}({i + 1}, {j + 1})": matrix[i, j] for i in range(matrix.rows) for j in range(matrix.cols)}


def adjugate(m):
    """det(m) m⁻¹."""
    return sp.Matrix([[m[1, 1], -m[0, 1]], [-m[1, 0], m[0, 0]]])


def inverse(m):
    return adjugate(m) / (m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0])


def square(four):
    """A 2 × 2 matrix from its entries."""
    return sp.Matrix(2, 2, four)


C, dot = matrix_of("c"), matrix_of("c").diff(t)
m, slope = letters("m"), letters("c'")  # C and Ċ at one time
state = sp.Matrix(sp.symbols("x1 x2", real=True))
speed = sp.Matrix(sp.symbols("b1 b2", real=True))  # b(τ, X_τ)
S = letters("s")
D = sp.Matrix([sp.symbols("d11 d12", real=True), sp.symbols("d12 d22", real=True)])  # any scale matrix at τ

# -- one conversion -------------------------------------------------------------------------------------------------


@theorem.step("Product rule: d(C X_τ) = Ċ X_τ dt + C τ̇ b dt is ĊC⁻¹X̄ + τ̇ C b at X̄ = C X_τ")
def drift(linear=tuple(dot * inverse(C)), pushed=tuple(rate * C)):
    return entries((dot * state + rate * C * speed) - (square(linear) * (C * state) + square(pushed) * speed))


@theorem.step("Noise: C S dW_τ = √τ̇ C S dW̄ has the scale matrix τ̇ C D Cᵀ, D = SSᵀ")
def scale(wanted=tuple(rate * C * (S * S.T) * C.T)):
    noise = sp.sqrt(rate) * C * S
    return entries(noise * noise.T - square(wanted))


test = sp.Matrix(sp.symbols("f1 f2", real=True))  # the gradient of a test function at X̄
hessian = sp.Matrix([sp.symbols("h11 h12", real=True), sp.symbols("h12 h22", real=True)])


@theorem.step("Generators: of f(C y) under (τ̇b, τ̇D) is that of f under the target, for every gradient and Hessian")
def intertwining(transposed=tuple(C.T)):
    # ∇_y f(Cy) = Cᵀ∇f and its Hessian is Cᵀ(∇²f)C; the drift in t of f(C_t y) is ∇f · Ċy.
    frame = square(transposed)
    own = (test.T * dot * state)[0] + rate * ((frame * test).T * speed)[0]
    own += rate * (D * (frame * hessian * frame.T)).trace() / 2
    bar = (test.T * (dot * inverse(C) * (C * state) + rate * C * speed))[0]
    bar += (rate * C * D * C.T * hessian).trace() / 2
    return own - bar


@theorem.step("Score: s̄ = C⁻ᵀs gives D̄s̄ = τ̇ C D s, so b + ½Ds is carried as b is")
def score(frame=tuple(inverse(C).T)):
    own = sp.Matrix(sp.symbols("s1' s2'", real=True))
    return entries(rate * C * D * C.T * (square(frame) * own) - rate * C * D * own)


@theorem.step("A scalar frame is C3: D = 2ε1 becomes 2c²τ̇ε 1, and the drift (ċ/c)x + cτ̇b")
def scalar(power=2):
    c = sp.Function("c", positive=True)(t)
    frame = c * sp.eye(2)
    scale_matrix = rate * frame * (2 * eps.subs(t, tau) * sp.eye(2)) * frame.T
    own = entries(scale_matrix - 2 * c**power * rate * eps.subs(t, tau) * sp.eye(2), "D")
    return own | entries(frame.diff(t) * inverse(frame) * state - c.diff(t) / c * state, "b")


theorem.sabotage(drift, "C⁻¹Ċ for ĊC⁻¹: they do not commute", linear=tuple(inverse(C) * dot))
theorem.sabotage(scale, "CᵀDC for CDCᵀ", wanted=tuple(rate * C.T * (S * S.T) * C))
theorem.sabotage(scale, "τ̇ dropped", wanted=tuple(C * (S * S.T) * C.T))
theorem.sabotage(intertwining, "C for Cᵀ", transposed=tuple(C))
theorem.sabotage(score, "C⁻¹ for C⁻ᵀ", frame=tuple(inverse(C)))
theorem.sabotage(scalar, "c for c²", power=1)

# -- the groupoid ---------------------------------------------------------------------------------------------------

sigma = sp.Function("sigma", positive=True)(t)
K = matrix_of("k")
C_dot = letters("c'")  # Ċ at σ
at_sigma = letters("m")  # C at σ
tau_dot, sigma_dot = sp.symbols("tau' sigma'", positive=True)


@theorem.step("Composition: (C, τ) then (K, σ) is (K C_σ, τ∘σ), in drift and scale")
def composition(joined=tuple(K * at_sigma), slope=tuple(K.diff(t) * at_sigma + sigma_dot * K * C_dot)):
    # Drifts by what is known of the first one, ĊC⁻¹X̄ + τ̇Cb = Ċx + τ̇Cb at X̄ = Cx.
    both = square(joined)
    first = C_dot * state + tau_dot * at_sigma * speed
    second = K.diff(t) * at_sigma * state + sigma_dot * K * first
    direct = square(slope) * state + tau_dot * sigma_dot * both * speed
    twice = sigma_dot * K * (tau_dot * at_sigma * D * at_sigma.T) * K.T
    return entries(second - direct, "b") | entries(twice - tau_dot * sigma_dot * both * D * both.T, "D")


@theorem.step("Inverse: (C⁻¹)˙ = −C⁻¹ĊC⁻¹ gives back b and D")
def undone(back=tuple(-inverse(m) * slope * inverse(m))):
    there = dot * state + rate * C * speed
    put = {C[i, j].diff(t): slope[i, j] for i in range(2) for j in range(2)}
    put |= {C[i, j]: m[i, j] for i in range(2) for j in range(2)}
    there = there.subs(put)
    returned = (square(back) * m * state + inverse(m) * there) / rate  # time runs at 1/τ̇ on the way back
    return entries(returned - speed)


theorem.sabotage(composition, "C_σ K for K C_σ", joined=tuple(at_sigma * K))
theorem.sabotage(undone, "wrong sign", back=tuple(inverse(m) * slope * inverse(m)))

# -- interpolants ---------------------------------------------------------------------------------------------------

A, B, A_bar = letters("a"), letters("b"), letters("a'")


@theorem.step("Matrix interpolants: Ā⁻¹B̄ = A⁻¹B at τ makes C = ĀA⁻¹ also B̄B⁻¹, and only then")
def matrix_interpolant(frame=tuple(A_bar * inverse(A))):
    ratio = inverse(A) * B
    B_bar = A_bar * ratio  # Ā⁻¹B̄ = A⁻¹B
    found = square(frame)
    return (
        entries(found * A - A_bar, "Ā")
        | entries(found * B - B_bar, "B̄")
        | entries(C * A * ratio - C * B, "only then: (CA)⁻¹CB = A⁻¹B for every C")
    )


@theorem.step("Gaussian data in a frame: Cov X̄ = C(α²1 + β²Σ)Cᵀ, and its drift matrix is (ĊC⁻¹ + τ̇CGC⁻¹)")
def gaussian(half=sp.S.Half):
    # G V + V Gᵀ + D = V̇ for the source; then Ḡ V̄ + V̄ Ḡᵀ + D̄ is the derivative of V̄ = C V_τ Cᵀ.
    V, G = sp.Matrix([sp.symbols("v11 v12", real=True), sp.symbols("v12 v22", real=True)]), letters("g")
    V_dot = G * V + V * G.T + D
    bar_V, bar_G = m * V * m.T, slope * inverse(m) + tau_dot * m * G * inverse(m)
    wanted = slope * V * m.T + tau_dot * m * V_dot * m.T + m * V * slope.T
    return entries(bar_G * bar_V + bar_V * bar_G.T + 2 * half * tau_dot * m * D * m.T - wanted)


theorem.sabotage(matrix_interpolant, "A⁻¹Ā for ĀA⁻¹", frame=tuple(inverse(A) * A_bar))
theorem.sabotage(gaussian, "half of the noise", half=sp.Rational(1, 4))

# -- numbers: a frame that turns and shears -------------------------------------------------------------------------

FRAME = sp.Matrix([[1 + t, 3 * t**2], [-t, 2 - t / 2]])
TURN = sp.Matrix([[1, -t], [t, 1]])


@theorem.values("The frame does not commute with a turning one: at t = ½ the commutator's first entry is 1/8")
def commutator(sign=-1):
    found = FRAME * TURN + sign * TURN * FRAME
    yield "(1, 1)", found[0, 0].subs(t, sp.S.Half), sp.Rational(1, 8)


@theorem.interval("The frame is invertible on (0, 1): det C > 0")
def invertible(sign=1):
    yield "det C", sign * FRAME.det(), "positive"


theorem.sabotage(commutator, "the anticommutator", sign=1)
theorem.sabotage(invertible, "wrong sign", sign=-1)

# -- paths ----------------------------------------------------------------------------------------------------------

LEVEL = 1e-6  # the probability that the check rejects a true claim
TIMES = (0.2, 0.8)
COVARIANCE = ((2.0, 0.9), (0.9, 1.0))


@cache
def linear_algebra():
    """A grid of the target's time, and there Ċ, C, τ̇ for τ = t², and the source's G and V, for ε = ½."""
    import numpy as np

    grid = np.linspace(*TIMES, 65)
    frame = sp.lambdify(t, FRAME, "numpy")
    slope = sp.lambdify(t, FRAME.diff(t), "numpy")
    found = []
    for time in grid:
        tau_, speed_ = time**2, 2 * time
        a, b = 1 - tau_, tau_
        V = a**2 * np.eye(2) + b**2 * np.array(COVARIANCE)
        V_dot = -2 * a * np.eye(2) + 2 * b * np.array(COVARIANCE)
        G = (V_dot / 2 - np.eye(2) / 2) @ np.linalg.inv(V)  # ε = ½
        m, m_dot = np.array(frame(time), float), np.array(slope(time), float)
        found.append((m_dot, m, speed_, G, V))
    return grid, found


def transposed(m, D):
    return m.T @ D @ m


def right(m, D):
    return m @ D @ m.T


def target_paths(size, seed, noise, drift_order):
    """(X̄ at the first time, X̄ at the last) of the target's own SDE: Heun's method, weak order 2."""
    import numpy as np

    rng = np.random.default_rng(seed)
    grid, parts = linear_algebra()
    m, V = parts[0][1], parts[0][4]
    begin = m @ np.linalg.cholesky(V) @ rng.standard_normal((2, size))
    now, h = begin, grid[1] - grid[0]
    drifts, scales = [], []
    for m_dot, m, speed_, G, _ in parts:
        inv = np.linalg.inv(m)
        drifts.append(drift_order(m_dot, inv) + speed_ * m @ G @ inv)
        scales.append(speed_ * noise(m, np.eye(2)))  # D = 2ε1 = 1
    for k in range(len(grid) - 1):
        root = np.linalg.cholesky(h * (scales[k] + scales[k + 1]) / 2)
        fresh = root @ rng.standard_normal((2, size))
        first = drifts[k] @ now
        now = now + h / 2 * (first + drifts[k + 1] @ (now + h * first + fresh)) + fresh
    return begin, now


def joint_law():
    """Covariance of (X̄ first, X̄ last), from the source: Cov(X_s, X_t) = V_s Ψᵀ, Ψ′ = GΨ, exact for commuting G."""
    import numpy as np
    from scipy import integrate

    (_, m0, _, _, V0), (_, m1, _, _, V1) = linear_algebra()[1][0], linear_algebra()[1][-1]
    values, axes = np.linalg.eigh(np.array(COVARIANCE))

    def kept(variance):
        def slope(u):
            V = (1 - u) ** 2 + variance * u**2
            return (-(1 - u) + variance * u - 0.5) / V

        return np.exp(integrate.quad(slope, TIMES[0] ** 2, TIMES[1] ** 2)[0])

    flow = axes @ np.diag([kept(value) for value in values]) @ axes.T
    cross = m1 @ flow @ V0 @ m0.T
    first, last = m0 @ V0 @ m0.T, m1 @ V1 @ m1.T
    return np.block([[first, cross.T], [cross, last]])


@theorem.monte_carlo("The target's SDE in a frame that commutes with nothing has the two-time covariance of C X_τ")
def paths(setting, noise=right, drift_order=lambda one, other: one @ other):
    import numpy as np

    record, law = Record(), joint_law()
    root = np.linalg.cholesky(law)

    def test(size, seed):
        both = np.concatenate(target_paths(size, seed, noise, drift_order))
        for i in range(2):
            for j in range(2):
                record.mean(f"E[X̄{i + 1} first X̄{j + 1} last]", both[i] * both[2 + j], law[i, 2 + j])
        white = np.linalg.solve(root, both)
        found = [ss.verdicts.sample_gaussian_p_value(row, 0, 1) for row in white]
        found += [ss.verdicts.correlation_p_value(white[i], white[j]) for i in range(4) for j in range(i)]
        return ss.verdicts.combine(found)

    size = setting.size(PATHS // 50)
    decision = ss.verdicts.sequential(test, size=size, level=LEVEL, seed=setting.seed)
    power = ss.verdicts.variance_power(1.2, size, LEVEL / 10)
    measured = f"2-D, two times: p = {decision.p_values[-1]:.2g}"
    return Evidence(decision.accepted, measured, LEVEL, power, record.points)


theorem.sabotage(paths, "CᵀDC for CDCᵀ", noise=transposed)
theorem.sabotage(paths, "C⁻¹Ċ for ĊC⁻¹", drift_order=lambda one, other: other @ one)
