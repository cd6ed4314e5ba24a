"""C13.  The timestep shift of flow models is a change of the noise scale.

Flow models run in σ = 1 − t (noise) and 1 − σ (data), and "shift" their noise levels by

    σ′ = sσ/(1 + (s − 1)σ).

The shifted pair is (σ′, 1 − σ′) = (sσ, 1 − σ)/(1 + (s − 1)σ): up to a common factor, which a conversion carries along
as c, the noise is multiplied by s.  Therefore r is divided by s; shifts compose by multiplication, and s and 1/s are
inverse.  The same happens in any schedule, (α, β) ↦ (sα, β): the shift is the conversion of a model for data of
standard deviation 1 to data whose scale, relative to the noise, is 1/s.

Which ρ is it?  In a lazy family α is proportional to ρ, so at a fixed clock r is proportional to 1/ρ: on a grid that
is uniform in the clock of a lazy family, shift s is exactly ρ = s.  On other grids the two are matched level by level:
with the angle clock of κ = 0 the shifted linear grid has the ρ

    ρ(t) = s tan(πt/2)(1 − t)/t,

which is s at t = ½ and between 2s/π (data end) and πs/2 (noise end).

Source: the formula for σ′ is that of public flow models (Esser et al., arXiv:2403.03206); the rest is derived here.
"""

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, kappa, rho, t
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C13",
    title="Timestep shift",
    statement="σ′ = sσ/(1 + (s − 1)σ) divides r by s: it is the conversion that multiplies the noise by s.  On a grid "
    "uniform in the clock of a lazy family, shift s is ρ = s; on the linear grid ρ(t) = s tan(πt/2)(1 − t)/t (κ = 0).",
    hypotheses=("s > 0", "σ = 1 − t"),
    source="arXiv:2403.03206 (the formula)",
)

s, other = sp.symbols("s s'", positive=True)
sigma = sp.Symbol("sigma", positive=True)


def shift(level, factor):
    """σ ↦ σ′."""
    return factor * level / (1 + (factor - 1) * level)


linear = ss.schedules.linear()
shifted = ss.Schedule(shift(1 - t, s), 1 - shift(1 - t, s))


@theorem.step("r is divided by s")
def ratio(factor=1 / s):
    return shifted.r - factor * linear.r


@theorem.step("The pair is (sα, β) up to the common factor c = 1/(1 + (s − 1)σ)")
def noise_times_shift(multiple=s):
    c = 1 / (1 + (s - 1) * (1 - t))
    return {"noise": shifted.alpha - c * multiple * linear.alpha, "data": shifted.beta - c * linear.beta}


@theorem.step("Shifts form a group: s after s′ is ss′, s = 1 is nothing, 1/s undoes s")
def group(product=s * other):
    twice = shift(shift(sigma, other), s)
    return {
        "composition": twice - shift(sigma, product),
        "identity": shift(sigma, 1) - sigma,
        "inverse": shift(shift(sigma, s), 1 / s) - sigma,
    }


std = sp.Symbol("ell", positive=True)


@theorem.step("Any schedule: data ℓX in (α, β) are data X in (α, ℓβ), whose r is r̃ = ℓr; the shift is ℓ = 1/s")
def data_scale(scale=1 / s):
    stretched = ss.Schedule(alpha, beta * std)
    return {
        "r": stretched.r.subs(std, scale) - beta / alpha / s,
        "r²": stretched.snr.subs(std, scale) - beta**2 / alpha**2 / s**2,
        "V": stretched.variance(1) - ss.Schedule(alpha, beta).variance(std),
        "ε* is unchanged": stretched.eps_star - ss.Schedule(alpha, beta).eps_star,
    }


@theorem.step("The package converts linear to shifted: τ is the shifted data level, c = 1 and ε* follows C5")
def conversion(factor=s):
    target = shifted.subs(s=3)
    carried = ss.convert(linear, target)
    return {
        "τ": carried.tau - (1 - shift(1 - t, factor)).subs(s, 3),
        "c": carried.scale - 1,
        "ε*": carried.eps(linear.eps_star) - target.eps_star,
    }


@theorem.step("The catalogue's schedule is this one")
def catalogue(factor=3):
    named = ss.schedules.shifted(3)
    one = ss.Schedule(shift(1 - t, factor), 1 - shift(1 - t, factor))
    return {"α": named.alpha - one.alpha, "β": named.beta - one.beta}


# -- the ρ of a shift ------------------------------------------------------------------------------------------


@theorem.step("Lazy family at a fixed clock: r(ρ = s) = r(ρ = 1)/s for every κ, so shift s is ρ = s")
def lazy_scale(chosen=s):
    q = 2 * kappa / (1 + kappa)
    one, scaled = (ss.Schedule(std * sp.sqrt(beta**q - beta**2), beta) for std in (sp.Integer(1), chosen))
    return scaled.r - one.r / s


@theorem.step("In the model's time: the angle grid of ρ is the angle grid of ρ = 1, shifted by s = ρ")
def model_times(chosen=rho):
    tangent = sp.Symbol("T", positive=True)  # (α, β) = (ρ cos, sin) of an angle with this tangent
    noise_level = rho / (rho + tangent)  # σ = α/(α + β), the time of a linear model
    return noise_level - shift(noise_level.subs(rho, 1), chosen)


matched = s * sp.tan(sp.pi * t / 2) * (1 - t) / t


@theorem.step("Level by level: at the times of the shifted linear grid, the angle clock has the ρ(t) above")
def matched_scale(found=matched):
    fall = (sp.sin(sp.pi * t) - sp.pi * t * (1 - t)) / (t * (1 - t) * sp.sin(sp.pi * t))
    return {"r": sp.tan(sp.pi * t / 2) / found - shifted.r, "slope": sp.log(matched).diff(t) + fall}


@theorem.values("ρ(½) = s, between πs/2 at the noise end and 2s/π at the data end; SD3's s = 3 takes σ = ½ to ¾")
def numbers(power=1):
    three = matched.subs(s, 3)
    return [
        ("ρ(½)", three.subs(t, sp.S.Half), 3**power),
        ("ρ(0)", sp.limit(three, t, 0), sp.pi * 3**power / 2),
        ("ρ(1)", sp.limit(three, t, 1), 2 * 3**power / sp.pi),
        ("σ′", shift(sp.S.Half, 3), sp.Rational(3, 4) ** power),
    ]


@theorem.interval("ρ(t) falls from πs/2 to 2s/π; the shifted schedule is positive and increasing (s = 3)")
def signs(flip=1):
    target = shifted.subs(s=3)
    return [
        ("α", flip * target.alpha, "positive"),
        ("β", flip * target.beta, "positive"),
        ("d/dt log r", flip * target.log_r_dot, "positive"),
        ("−ρ̇", flip * (sp.sin(sp.pi * t) - sp.pi * t * (1 - t)), "positive"),  # times a positive factor
    ]


ANGLES = (0.3, 0.8, 1.2)


@theorem.monte_carlo(
    "Data of scale ρ = 3 on the angle grid shifted by 3 correlate in time as unit data do: sin θ/sin θ′"
)
def on_the_shifted_grid(setting, applied=lambda scale: scale):
    """Linear schedule, κ = 1, exact steps.  In the lazy family V = ρ²β and tan²θ = ρ²r² = β/(1 − β), so β = sin²θ, and
    the correlation of two times, √(V/V′), is the ratio of the sines: no ρ in it, if the grid is shifted by ρ."""
    import numpy as np

    from symsched import verdicts

    std, angles, seen = 3, np.array(ANGLES), Record()
    grid = 1 - shift(1 / (1 + np.tan(angles)), applied(std))  # model times t = 1 − σ′
    sde = ss.InterpolantSDE(linear, ss.Gaussian(0, std), kappa=1)
    expected = np.sin(angles[:-1]) / np.sin(angles[1:])
    widths = np.sqrt((1 - grid) ** 2 + (std * grid) ** 2)

    def test(size, seed):
        run = ss.simulate(sde, paths=size, grid=grid, save=grid, scheme="exponential", seed=seed, keep_paths=size)
        states, found = run.paths / widths[:, None], []
        for k, r in enumerate(expected):
            fresh = states[k + 1] - r * states[k]  # N(0, 1 − r²), independent of the past
            seen.variance(f"1 − r² from θ = {angles[k]} to {angles[k + 1]}", fresh, 1 - r**2)
            found.append(verdicts.sample_gaussian_p_value(fresh, 0, 1 - r**2))
            found.append(verdicts.correlation_p_value(fresh, states[k]))
        return verdicts.combine(found)

    size = setting.size(PATHS)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.correlation_power(0.1, size, found.level)
    measured = f"correlations on the shifted grid: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


theorem.sabotage(on_the_shifted_grid, "no shift", applied=lambda scale: scale**0)
theorem.sabotage(on_the_shifted_grid, "shift ρ² for ρ", applied=lambda scale: scale**2)
theorem.sabotage(ratio, "r multiplied by s", factor=s)
theorem.sabotage(noise_times_shift, "√s for s", multiple=sp.sqrt(s))
theorem.sabotage(group, "shifts add", product=s + other)
theorem.sabotage(data_scale, "ℓ = s for 1/s", scale=s)
theorem.sabotage(conversion, "1/s for s", factor=1 / s)
theorem.sabotage(catalogue, "√s for s", factor=sp.sqrt(3))
theorem.sabotage(lazy_scale, "ρ = 1/s", chosen=1 / s)
theorem.sabotage(model_times, "s = 2ρ for ρ", chosen=2 * rho)
theorem.sabotage(matched_scale, "s/2 for s", found=matched / 2)
theorem.sabotage(numbers, "s² for s", power=2)
theorem.sabotage(signs, "r decreasing", flip=-1)
