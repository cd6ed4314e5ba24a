"""C9.  The lazy condition: on Gaussian data the drift vanishes if and only if ε = V̇/2.

For X ~ N(0, ρ²) the drift is ((V̇/2 − ε)/V) x (C8), V = α² + ρ²β² > 0.  A multiple of x vanishes for every x only if
its coefficient does, and V is positive, so

    b^ε ≡ 0   ⇔   ε = V̇/2:

the diffusion alone makes the variance.  The equation is linear in ε with the coefficient −1/V ≠ 0, so the lazy scale
of a schedule is unique; and because a scale is nonnegative, a schedule can be lazy iff V does not decrease.

If m ≠ 0 the drift of a lazy scale is the translation β̇ m and nothing else.  Centring, Y = X − βm, which is the
interpolant of the data X − m, removes it; then the same equivalence holds.

Where V increases ε is positive; the linear schedule starts with V̇(0) = −2 whatever ρ, so it is never lazy.

Source: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789.
"""

from functools import cache

import sympy as sp

import symsched as ss
from symsched.exhibit import Record
from symsched.symbols import alpha, beta, eps, rho, t, x
from symsched.symbols import mean as m
from symsched.theorem import PATHS, Evidence, Theorem

theorem = Theorem(
    name="C9",
    title="Lazy condition",
    statement="X ~ N(0, ρ²): b^ε ≡ 0 ⇔ ε = V̇/2; a schedule can be lazy iff V is non-decreasing, and its lazy scale "
    "is unique.  X ~ N(m, ρ²): the same after centring, Y = X − βm.",
    hypotheses=("α, β > 0 and C¹ on (0, 1)", "X ~ N(m, ρ²), ρ > 0", "ε ≥ 0"),
    source="Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789",
)

schedule = ss.Schedule(alpha, beta)
variance = schedule.variance(rho)
lazy_scale = variance.diff(t) / 2


def drift(scale, mean=0):
    """b + ε s from the mean fields of N(m, ρ²) data, nothing cancelled."""
    law = ss.Gaussian(mean, rho)
    return law.velocity(schedule) + scale * law.score(schedule)


@theorem.step("⇐: with ε = V̇/2 the drift is zero")
def sufficient(scale=lazy_scale):
    return drift(scale)


@theorem.step("⇒: the drift is linear in the state, and V times its slope is V̇/2 − ε")
def necessary(scale=lazy_scale):
    general = drift(eps)
    return {
        "linear in x": general.diff(x, 2),
        "no constant": general.subs(x, 0),
        "slope": variance * general.diff(x) - (scale - eps),
    }


@theorem.step("Uniqueness: the slope is affine in ε with the coefficient −1/V ≠ 0; its only root is V̇/2")
def unique(scale=lazy_scale):
    unknown = sp.Symbol("e", real=True)
    slope = drift(unknown).diff(x)
    roots = sp.solve(slope, unknown)
    return {
        "coefficient": slope.diff(unknown) + 1 / variance,
        "one root": len(roots) - 1,
        "the root": roots[0] - scale,
    }


@theorem.step("In units of the optimal scale: V̇/2 = κε* with κ = (V̇/2)/(α² d/dt log r), for every schedule")
def in_units(ratio=lazy_scale / schedule.eps_star):
    return drift(ratio * alpha**2 * sp.log(beta / alpha).diff(t))


@theorem.step("m ≠ 0: a lazy scale leaves the translation β̇m, and the centred state Y = X − βm has no drift")
def centring(translation=beta.diff(t) * m):
    y = sp.Symbol("y", real=True)
    moved = drift(lazy_scale, m)
    return {
        "translation": moved - translation,
        "dY": moved.subs(x, y + beta * m) - (beta * m).diff(t),
    }


@theorem.step("The centred state is the interpolant of the data X − m: both have the drift of N(0, ρ²), for every ε")
def centred_data(shift=beta * m):
    y = sp.Symbol("y", real=True)
    return drift(eps, m).subs(x, y + shift) - beta.diff(t) * m - drift(eps).subs(x, y)


@theorem.step("The package's condition gives the same scale for catalogue schedules that can be lazy")
def catalogue(share=sp.Rational(1, 2)):
    residuals = {}
    for pair in increasing():
        found = ss.lazy.condition(pair, ss.Gaussian(0, 1))
        sde = ss.InterpolantSDE(pair, ss.Gaussian(0, 1), eps=found.eps)
        residuals[f"scale of {pair}"] = found.eps - share * pair.variance(1).diff(t)
        residuals[f"variance of {pair}"] = found.variance - pair.variance(1)
        residuals[f"κ of {pair}"] = found.kappa * pair.eps_star - found.eps
        residuals[f"drift of {pair}"] = sde.A * x + sde.B * sde.eta_x
    return residuals


@cache
def increasing():
    """Schedules whose variance does not decrease for data of standard deviation 1."""
    return (
        ss.schedules.vp(),
        ss.schedules.ddpm(),
        ss.schedules.follmer(),
        ss.schedules.lazy(2),
        moving,
    )


#: A lazy schedule outside the families of C10: V = ρ²t(1 + t)/2, so that κ = 1 + 2t moves.
moving = ss.Schedule(sp.sqrt(t * (1 - t) / 2), t, "moving")


@theorem.interval("V does not decrease: these schedules can be lazy")
def possible(pairs=increasing):
    return [(f"V̇/2 of {pair}", pair.variance(1).diff(t) / 2, "nonnegative") for pair in pairs()]


@theorem.values("The linear schedule cannot: V̇(0) = −2 whatever ρ")
def impossible(start=-2):
    slope = ss.schedules.linear().variance(rho).diff(t)
    return [("V̇(0)", sp.limit(slope, t, 0), start)]


TIMES = (0.1, 0.4, 0.7, 0.95)


@theorem.monte_carlo("Linear-schedule paths carried to a lazy schedule: increments N(0, ΔV), independent of the past")
def zero_drift(setting, factor=1, centre=1):
    """The source runs in the linear schedule, where the drift is far from zero, with an exact scheme; a lazy target
    turns its paths into a process with independent increments.  No step size enters."""
    import numpy as np

    from symsched import verdicts

    law, seen = ss.Gaussian(1, 1), Record()
    carried = ss.convert(ss.schedules.linear(), moving)
    lazy = ss.lazy.condition(moving, law).eps
    source = ss.InterpolantSDE(carried.source, law, eps=carried.inverse().eps(factor * lazy))
    tau, scale = carried.values((carried.tau, carried.scale), TIMES)
    beta_at, made = moving.at(TIMES)[1], np.diff(sp.lambdify(t, moving.variance(1))(np.array(TIMES)))

    def test(size, seed):
        run = ss.simulate(source, paths=size, grid=tau, save=tau, scheme="exponential", seed=seed, keep_paths=size)
        lazy_paths = scale[:, None] * run.paths - centre * beta_at[:, None]
        steps = np.diff(lazy_paths, axis=0)
        for d, v, y, start in zip(steps, made, lazy_paths, TIMES, strict=False):
            seen.variance(f"Var of the increment from t = {start}", d, v)
            seen.correlation(f"its correlation with X̄ at t = {start}", d, y)
        laws = [verdicts.sample_gaussian_p_value(d, 0, v) for d, v in zip(steps, made, strict=True)]
        past = [verdicts.correlation_p_value(d, y) for d, y in zip(steps, lazy_paths, strict=False)]
        return verdicts.combine(laws + past)

    size = setting.size(PATHS)
    found = verdicts.sequential(test, size=size, seed=setting.seed)
    power = verdicts.variance_power(1.3, size, found.level)
    measured = f"zero drift: p = {found.p_values[-1]:.2g} (n = {size})"
    return Evidence(bool(found), measured, found.level, power, seen.points)


theorem.sabotage(sufficient, "V̇ for V̇/2", scale=2 * lazy_scale)
theorem.sabotage(sufficient, "the optimal scale ε*", scale=schedule.eps_star)
theorem.sabotage(necessary, "wrong sign of V̇/2", scale=-lazy_scale)
theorem.sabotage(unique, "ρ for ρ² in V", scale=schedule.variance(sp.sqrt(rho)).diff(t) / 2)
theorem.sabotage(in_units, "κ halved", ratio=lazy_scale / schedule.eps_star / 2)
theorem.sabotage(centring, "translation βm for β̇m", translation=beta * m)
theorem.sabotage(centred_data, "centred by m for βm", shift=m)
theorem.sabotage(catalogue, "V̇ for V̇/2", share=1)
theorem.sabotage(possible, "the linear schedule called lazy", pairs=lambda: (ss.schedules.linear(),))
theorem.sabotage(impossible, "V̇(0) = 0 claimed", start=0)
theorem.sabotage(zero_drift, "V̇ for V̇/2", factor=2)
theorem.sabotage(zero_drift, "mean not removed", centre=0)
