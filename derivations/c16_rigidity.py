"""C16.  Rigidity: only centred Gaussian data can be lazy.

Let b^ε(t, ·) ≡ 0 at one time t.  With b^ε = A x + B η_X and B = (ε* + ε)β/α² > 0 this says η_X = ℓx, ℓ = −A/B: the
regression of X on I_t = αZ + βX is linear.  Then E[X e^(iuI)] = ℓ E[I e^(iuI)] for every u, and in terms of the
characteristic function φ of X, with E e^(iuI + isX) = φ(βu + s) e^(−α²u²/2),

    (1 − ℓβ) φ′(βu) + ℓα²u φ(βu) = 0,    so with v = βu    φ′(v) = −σ²v φ(v),    σ² = (ε − αα̇)/(ββ̇).

With φ(0) = 1 there is one solution, φ = e^(−σ²v²/2): X ~ N(0, σ²), σ² ≥ 0 because |φ| ≤ 1.  Conversely C9 says that
N(0, σ²) has no drift iff ε = V̇/2 with V = α² + σ²β², which is the same equation.  One time is enough, no interval is
needed; and β̇ ≠ 0 need not be supposed, as ṙ > 0 gives it: where β̇ = 0, b = A(x − βη_X) with A = −(ε* + ε)/α² < 0, and
η_Z would be 0.

How far from lazy?  Let X have mean 0 and variance ρ², and φ = exp(−ρ²v²/2 + χ(v)), χ the non-Gaussian part of the
logarithm.  In a schedule that is lazy for N(0, ρ²), with its lazy scale,

    E[b e^(iuI)] = −i β̇ χ′(βu) E e^(iuI):

the drift has exactly the Fourier coefficients of the non-Gaussian part.  And whatever ε, in every schedule,

    E[b^ε (I² − V)] = β²β̇ k₃,      E[b^ε (I³ − 3V I)] = β³β̇ k₄      (k₃, k₄ the cumulants of X):

the scale drops out, and no scale makes the drift of a skewed or curtosed law vanish.

Source: derived here.  That linear regression on X + noise characterises the Gaussian is classical (Kagan, Linnik, Rao,
Characterization Problems in Mathematical Statistics; Akyol, Viswanatha, Rose, IEEE Trans. Inf. Theory 58 (2012) 3497:
a denoiser is linear iff characteristic functions match).
"""

import mpmath
import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.precision import digits
from symsched.sde.equation import data_form
from symsched.symbols import alpha, beta, eps, rho, t, x
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C16",
    title="Rigidity: lazy is Gaussian",
    statement="If b^ε(t, ·) ≡ 0 at one t, then X ~ N(0, σ²) with σ² = (ε − αα̇)/(ββ̇).  If X has mean 0 and variance ρ² "
    "and log φ = −ρ²v²/2 + χ, a lazy frame has E[b e^(iuI)] = −iβ̇χ′(βu) E e^(iuI); and E[b^ε(I³ − 3VI)] = β³β̇k₄, "
    "E[b^ε(I² − V)] = β²β̇k₃ for every ε.",
    hypotheses=("α, β > 0 and C¹ on (0, 1), ṙ > 0", "ε ≥ 0", "E|X| < ∞; four moments and E X = 0 for the last part"),
    assumptions=(
        "E[X f(I_t)] = E[η_X f(I_t)] (definition of a conditional mean)",
        "a law is determined by its characteristic function",
    ),
    source="derived here; characterisation by linear regression: Kagan, Linnik, Rao; Akyol, Viswanatha, Rose 2012",
)

general = ss.Schedule(alpha, beta)
A, B = data_form(general, eps)
linear = -A / B  # the ℓ of η_X = ℓx where the drift vanishes

u, s, v = sp.symbols("u s v", real=True)
phi = sp.Function("phi", real=True)  # the steps are linear in φ: a complex one is two real ones
a, b, ell = sp.symbols("a b ell", positive=True)  # α, β, ℓ at one time
sigma = sp.Symbol("sigma", positive=True)

# -- the drift vanishes -------------------------------------------------------------------------------------------


@theorem.step("A drift that vanishes is a linear denoiser: B = (ε* + ε)β/α², never 0, and b = B(η_X − ℓx), ℓ = −A/B")
def linear_denoiser(weight=(general.eps_star + eps) * beta / alpha**2):
    eta = sp.Symbol("eta_X", real=True)
    return {"B": B - weight, "drift": A * x + B * eta - weight * (eta - linear * x)}


def transform(exponent=2):
    """E e^(iuI + isX) without the i: φ(βu + s) e^(−α²u²/2); d/ds and d/du bring down iX and iI."""
    return phi(b * u + s) * sp.exp(-(a**exponent) * u**2 / 2)


@theorem.step("E[X e^(iuI)] = ℓ E[I e^(iuI)] reads (1 − ℓβ) φ′(βu) + ℓα²u φ(βu) = 0")
def fourier(exponent=2):
    pair = transform(exponent)
    asked = (pair.diff(s) - ell * pair.diff(u)).subs(s, 0).doit()
    slope = phi(v).diff(v).subs(v, b * u)
    claimed = (1 - ell * b) * slope + ell * a**2 * u * phi(b * u)
    return asked - sp.exp(-(a**2) * u**2 / 2) * claimed


@theorem.step("1 − ℓβ = β̇/B, and the equation is φ′ = −σ²v φ with σ² = (ε − αα̇)/(ββ̇)")
def equation(square=(eps - alpha * alpha.diff(t)) / (beta * beta.diff(t))):
    return {
        "1 − ℓβ": 1 - linear * beta - beta.diff(t) / B,
        "σ²": linear * alpha**2 / (beta * (1 - linear * beta)) - square,
    }


@theorem.step("One solution with φ(0) = 1: φ e^(σ²v²/2) is constant, and e^(−σ²v²/2) is the transform of N(0, σ²)")
def gaussian(half=sp.S.Half):
    decay = sp.exp(-half * sigma**2 * v**2)
    constant = (phi(v) / decay).diff(v).subs(phi(v).diff(v), -(sigma**2) * v * phi(v))
    moment = sp.Symbol("y", real=True)
    density = sp.exp(-(moment**2) / (2 * sigma**2)) / sp.sqrt(2 * sp.pi * sigma**2)
    whole = sp.integrate(density * sp.cos(v * moment), (moment, -sp.oo, sp.oo))
    return {"constant": constant, "start": decay.subs(v, 0) - 1, "N(0, σ²)": sp.simplify(whole) - decay}


@theorem.step("Conversely, with X ~ N(0, σ²) the scale is ε = V̇/2, V = α² + σ²β²: it is the lazy one of C9")
def converse(square=(eps - alpha * alpha.diff(t)) / (beta * beta.diff(t))):
    width = sp.Symbol("S", positive=True)  # σ²
    variance = alpha**2 + width * beta**2
    law = ss.Gaussian(0, sp.sqrt(width))
    drift = law.velocity(general) + eps * law.score(general)
    return {
        "ε": eps - (variance.diff(t) / 2).subs(width, square),
        "drift": variance * drift.diff(x) - (width - square) * beta * beta.diff(t),
    }


@theorem.step("Where β̇ = 0 the drift is A(x − βη_X) with A = −(ε* + ε)/α² < 0: it cannot vanish")
def standing_still(sign=-1):
    eta, still = sp.Symbol("eta_X", real=True), {beta.diff(t): 0}
    total = (general.eps_star + eps).subs(still)
    return {
        "drift": (A * x + B * eta - A * (x - beta * eta)).subs(still),
        "A": A - sign * total / alpha**2,
    }


# -- and if the data is not Gaussian --------------------------------------------------------------------------------

chi = sp.Function("chi", real=True)


@theorem.step("A lazy scale: E[b e^(iuI)] = −iβ̇χ′(βu) E e^(iuI), whatever the schedule")
def fourier_of_drift(scale=general.variance(rho).diff(t) / 2):
    # Divided by −i E e^(iuI): E[X e^(iuI)] is ψ′(βu), and E[I e^(iuI)] is βψ′(βu) − α²u, ψ = log φ.
    place = sp.Symbol("v", real=True)
    slope = (-(rho**2) * place**2 / 2 + chi(place)).diff(place).subs(place, beta * u)
    state, data = data_form(general, scale)
    found = state * (beta * slope - alpha**2 * u) + data * slope
    return found - beta.diff(t) * chi(place).diff(place).subs(place, beta * u)


X, Z = sp.symbols("X Z", real=True)
k3, k4 = sp.symbols("k_3 k_4", real=True)


def mean_of(polynomial):
    """E of a polynomial in X and Z: mean 0, variance ρ², third and fourth cumulants k₃, k₄, and a normal Z."""
    data = {0: 1, 1: 0, 2: rho**2, 3: k3, 4: k4 + 3 * rho**4}
    noise = {0: 1, 1: 0, 2: 1, 3: 0, 4: 3}
    return sum(c * data[m] * noise[n] for (m, n), c in sp.Poly(sp.expand(polynomial), X, Z).terms())


@theorem.step("Any ε: E[b^ε(I² − V)] = β²β̇k₃ and E[b^ε(I³ − 3VI)] = β³β̇k₄: the scale drops out")
def cumulants(third=3):
    state, variance = alpha * Z + beta * X, general.variance(rho)
    drift = A * state + B * X  # under E[· f(I)], X may stand for η_X
    return {
        "k₃": mean_of(drift * (state**2 - variance)) - beta**2 * beta.diff(t) * k3,
        "k₄": mean_of(drift * (state**3 - third * variance * state)) - beta**3 * beta.diff(t) * k4,
    }


# -- numbers ----------------------------------------------------------------------------------------------------------

#: Mean 0, variance 1, k₃ = −3/4, k₄ = −3/8.
WEIGHTS, CENTRES, WIDTH = (sp.Rational(1, 4), sp.Rational(3, 4)), (sp.Rational(-3, 2), sp.S.Half), sp.S.Half
MIXTURE = ss.GaussianMixture(WEIGHTS, CENTRES, (WIDTH, WIDTH))
THIRD, FOURTH = sp.Rational(-3, 4), sp.Rational(-3, 8)


@theorem.values("The cumulants of the mixture, from its moments")
def cumulants_of_mixture(normal=3):
    def moment(n):
        """E of (c + σz)^n over the parts, with E z² = 1 and E z⁴ = 3."""
        y = sp.Symbol("y", real=True)
        normal_moments = {0: 1, 1: 0, 2: 1, 3: 0, 4: 3}
        powers = [sp.Poly((centre + WIDTH * y) ** n, y).terms() for centre in CENTRES]
        return sum(w * sum(c * normal_moments[k] for (k,), c in one) for w, one in zip(WEIGHTS, powers, strict=True))

    found = [("1 + mean", 1 + moment(1), 1), ("variance", moment(2), 1), ("k₃", moment(3), THIRD)]
    return [*found, ("k₄", moment(4) - normal, FOURTH)]


@theorem.values(
    "The mixture's drift by quadrature, linear schedule at ⅖, ε = 0, ½, 3: k₃, k₄ and no ε", tolerance=1e-35
)
def by_quadrature(fourth=FOURTH):
    schedule, time, found = ss.schedules.linear(), sp.Rational(2, 5), []
    field = sp.lambdify(x, MIXTURE.eta_x(schedule).subs(t, time), "mpmath")
    density = sp.lambdify(x, sp.exp(MIXTURE.log_density(schedule)).subs(t, time), "mpmath")
    with digits(50):
        # The trapezium rule on the line: for such integrands its error falls like e^(−c/h).
        step = mpmath.mpf(1) / 16
        places = [n * step for n in range(-160, 161)]
        nodes = [(place, step * density(place), field(place)) for place in places]
        variance = mpmath.mpf(13) / 25
        for scale in (sp.S.Zero, sp.S.Half, sp.Integer(3)):
            state, data = (form.subs(t, time) for form in data_form(schedule, scale))
            state, data = mpmath.mpf(state.p) / state.q, mpmath.mpf(data.p) / data.q
            drifts = [(place, weight * (state * place + data * eta)) for place, weight, eta in nodes]
            skew = mpmath.fsum(d * (p**2 - variance) for p, d in drifts)
            tails = mpmath.fsum(d * (p**3 - 3 * variance * p) for p, d in drifts)
            found += [
                (f"k₃, ε = {scale}", skew, sp.Rational(4, 25) * THIRD),
                (f"k₄, ε = {scale}", tails, sp.Rational(8, 125) * fourth),
            ]
    return found


@theorem.interval("On all of (0, 1) the mixture has drift, whatever ε: β³β̇k₄ < 0 and β²β̇k₃ < 0")
def never_lazy(sign=1):
    found = []
    for schedule in (ss.schedules.linear(), ss.schedules.vp(), ss.schedules.follmer()):
        pushed = schedule.beta**2 * schedule.beta_dot
        found += [
            (f"k₃ in {schedule}", sign * pushed * THIRD, "negative"),
            (f"k₄ in {schedule}", sign * pushed * schedule.beta * FOURTH, "negative"),
        ]
    return found


# -- samples ----------------------------------------------------------------------------------------------------------


@theorem.monte_carlo(
    "The mixture has drift: E[b(I² − V)], E[b(I³ − 3VI)] on samples, the Föllmer frame and VP, three scales"
)
def on_samples(setting, third=THIRD, fourth=FOURTH):
    import numpy as np

    from symsched import verdicts

    seen, time = Record(), 0.6
    cases = [
        ss.InterpolantSDE(schedule, MIXTURE, kappa=k)
        for schedule, k in ((ss.schedules.follmer(), 1), (ss.schedules.vp(), 0), (ss.schedules.vp(), sp.S.Half))
    ]

    def test(size, seed):
        rng, found = np.random.default_rng(seed), []
        data, noise = MIXTURE.sample(size, rng), rng.standard_normal(size)
        for sde in cases:
            a, b, _, slope = (float(part[0]) for part in sde.schedule.at([time]))
            state, variance = a * noise + b * data, a**2 + b**2
            drift = sde.drift_at(time, state)
            skew, tails = drift * (state**2 - variance), drift * (state**3 - 3 * variance * state)
            for name, sample, exact in (
                ("k₃", skew, b**2 * slope * float(third)),
                ("k₄", tails, b**3 * slope * float(fourth)),
            ):
                seen.mean(f"{name}, {sde.schedule}, κ = {sde.kappa}", sample, exact)
                found.append(verdicts.difference_p_value(sample, exact))
        return verdicts.combine(found)

    size = setting.size(PATHS // 16)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.mean_power(0.2, 1.5, size, found.level)
    measured = f"k₃ and k₄ in the drift: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


square = (eps + alpha * alpha.diff(t)) / (beta * beta.diff(t))
theorem.sabotage(linear_denoiser, "ε* left out of B", weight=eps * beta / alpha**2)
theorem.sabotage(fourier, "α for α²", exponent=1)
theorem.sabotage(equation, "wrong sign of αα̇", square=square)
theorem.sabotage(gaussian, "e^(−σ²v²)", half=1)
theorem.sabotage(converse, "wrong sign of αα̇", square=square)
theorem.sabotage(standing_still, "A of the wrong sign", sign=1)
theorem.sabotage(fourier_of_drift, "V̇ for V̇/2", scale=general.variance(rho).diff(t))
theorem.sabotage(fourier_of_drift, "the scale of the ODE", scale=0)
theorem.sabotage(cumulants, "I³ − VI", third=1)
theorem.sabotage(cumulants_of_mixture, "E X⁴ for k₄", normal=0)
theorem.sabotage(by_quadrature, "no drift", fourth=0)
theorem.sabotage(never_lazy, "a mixture with heavy tails", sign=-1)
theorem.sabotage(on_samples, "no drift along I³ and I²", third=0, fourth=0)
theorem.sabotage(on_samples, "k₃ of the wrong sign", third=-THIRD)
