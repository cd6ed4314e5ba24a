"""Conversion: τ, c and scales by independent root finding, groupoid laws, covariance, ends, paths, refusals."""

import math
import re
from functools import cache
from itertools import pairwise, permutations

import mpmath
import numpy as np
import pytest
import sympy as sp
from slowness import slow

import symsched as ss
from symsched.catalog import as_schedule
from symsched.conversion import Conversion, convert, same_schedule, tau_function
from symsched.errors import InputError, UndecidedError
from symsched.exact.limits import limit_at
from symsched.exact.zero import decide_zero
from symsched.schedule import Schedule
from symsched.symbols import rho, t

SCHEDULES = {
    "linear": ("1-t", "t"),
    "follmer": ("sqrt(t-t**2)", "t"),
    "vp": ("cos(pi*t/2)", "sin(pi*t/2)"),
    "cos2": ("cos(pi*t/2)**2", "sin(pi*t/2)"),
    "log": ("(1-t)*exp(-t)", "log(1+t)/log(2)"),
    "square": ("1-t**2", "t"),
    "cube": ("1-t**2", "t**3"),
    "ddpm": ("sqrt(1-exp(-199*(1-t)**2/20-(1-t)/10))", "exp(-199*(1-t)**2/40-(1-t)/20)"),
    "ve": ("80**(1-t)/50**t", "1"),
}
S = {name: Schedule(*pair, name=name) for name, pair in SCHEDULES.items()}
FULL = [name for name in S if S[name].kind != "truncated"]
IMPLICIT = {"log", "cube"}
TIMES = [1e-12, 0.1, 0.6, 1 - 1e-12]
PAIRS = list(permutations(S, 2))
HEAVY = {"cos2", "cube", "ddpm", "log"}  # both implicit ones, and the two with the longest forms


def some(pairs):
    """The pairs, of which those with a heavy schedule are slow but for a few."""
    few = [("linear", "cube"), ("log", "vp"), ("ddpm", "vp")]
    return [pair if pair in few or not HEAVY & set(pair) else slow(*pair) for pair in pairs]


@cache
def between(source, target):
    """A conversion derives its forms once: each of the questions below is about the same ones."""
    return convert(S[source], S[target])


def covered(source, target):
    """Times at which the target has noise levels that the source knows."""
    if S[source].kind != "truncated":
        return TIMES
    return [0.55, 0.6, 0.7, 0.9] if S[target].kind != "truncated" else [0.4, 0.5, 0.6, 0.65]


def pair_at(name, time):
    """(α, β) by mpmath at the working precision."""
    return [sp.lambdify(t, e, "mpmath")(mpmath.mpf(time)) for e in (S[name].alpha, S[name].beta)]


@pytest.mark.parametrize(("source", "target"), some(PAIRS))
def test_tau_and_scale_solve_their_defining_equations(source, target):
    """At 100 digits r(τ ± 0.51 ulp) brackets r̄(t), and c is ᾱ/α(τ) to the last bit, whichever way it was found."""
    times = covered(source, target)
    tau, scale, _, _ = between(source, target).at(times)
    with mpmath.workdps(100):
        for time, s, c in zip(times, tau, scale, strict=True):
            alpha, beta = pair_at(target, time)
            half = mpmath.mpf(math.ulp(s)) * 51 / 100
            below, above = (pair_at(source, min(s + side * half, 1 - mpmath.mpf(10) ** -90)) for side in (-1, 1))
            assert below[1] * alpha < beta * below[0]
            assert above[1] * alpha > beta * above[0]
            bounds = sorted(alpha / a for a in (below[0], above[0])) + sorted(beta / b for b in (below[1], above[1]))
            slack = mpmath.mpf(math.ulp(c)) * 51 / 100
            assert max(bounds[0], bounds[2]) - slack <= c <= min(bounds[1], bounds[3]) + slack


@pytest.mark.parametrize(("source", "target"), some(PAIRS[::5]))
def test_derivatives_agree_with_differences(source, target):
    conversion = between(source, target)
    middle = covered(source, target)[2]
    step = 2.0**-20
    tau, scale, tau_dot, scale_dot = conversion.at([middle - step, middle, middle + step])
    assert tau_dot[1] == pytest.approx((tau[2] - tau[0]) / (2 * step), rel=1e-8)
    assert scale_dot[1] == pytest.approx((scale[2] - scale[0]) / (2 * step), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(("source", "target"), some(permutations(FULL, 2)))
def test_round_trip(source, target):
    there = between(source, target)
    times = [0.02, 0.3, 0.5, 0.8]
    tau, scale, tau_dot, _ = there.at(times)
    back, scale_back, tau_dot_back, _ = there.inverse().at(tau)
    assert back == pytest.approx(times, rel=1e-13)
    assert scale * scale_back == pytest.approx(1, rel=1e-12)
    assert tau_dot * tau_dot_back == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize(
    ("first", "second", "third"),
    some([trio for trio in permutations(FULL, 3) if FULL.index(trio[0]) < FULL.index(trio[2])][::5]),
)
def test_groupoid(first, second, third):
    """conv(B→C) ∘ conv(A→B) = conv(A→C): τ compose, c multiply."""
    one, other = between(first, second), between(second, third)
    times = np.array([0.1, 0.5, 0.9])
    middle, outer_scale, _, _ = other.at(times)
    tau, inner_scale, _, _ = one.at(middle)
    direct, scale, _, _ = one.then(other).at(times)
    assert tau == pytest.approx(direct, rel=1e-13)
    assert inner_scale * outer_scale == pytest.approx(scale, rel=1e-12)


@pytest.mark.parametrize(("source", "target"), some(permutations(FULL, 2)))
def test_eps_star_is_covariant(source, target):
    """ε̄* = c² τ̇ ε*∘τ (theory C5); with c in place of c² it is not."""
    conversion = between(source, target)
    times = [0.1, 0.4, 0.7]
    (pushed,) = conversion.values((conversion.eps(S[source].eps_star),), times)
    (own,) = conversion.values((S[target].eps_star,), times)
    assert pushed == pytest.approx(own, rel=1e-13)
    _, scale, _, _ = conversion.at(times)
    if not np.allclose(scale, 1):
        assert pushed / scale != pytest.approx(own, rel=1e-3)


def test_pushing_and_pulling_a_scale_are_inverse():
    conversion = between("linear", "follmer")
    assert decide_zero(conversion.inverse().eps(conversion.eps("1+t")) - 1 - t).zero is True
    assert decide_zero(conversion.inverse().eps(conversion.eps("1+t")) - 1 - 2 * t).zero is False


# -- closed forms -------------------------------------------------------------------------------------------------


def test_the_reference_values():
    conversion = between("linear", "follmer")
    tau, scale, _, _ = conversion.at(0.25)
    assert float(tau) == 0.36602540378443865
    assert float(scale) == 0.6830127018922193
    assert conversion.eps(S["linear"].eps_star) == sp.Rational(1, 2)


@pytest.mark.parametrize("target", [slow(n) if n == "ddpm" else n for n in S if n != "linear"])
def test_from_the_straight_line(target):
    """τ = β̄/(ᾱ+β̄), c = ᾱ+β̄."""
    conversion = convert(S["linear"], S[target])
    assert conversion.closed_form
    total = S[target].alpha + S[target].beta
    times = [0.1, 0.5, 0.9]
    tau, scale, _, _ = conversion.at(times)
    expected = conversion.values((S[target].beta / total, total), times)
    assert tau.tolist() == expected[0].tolist()
    assert scale.tolist() == expected[1].tolist()


@pytest.mark.parametrize(("source", "target"), some(permutations(FULL, 2)))
def test_implicit_exactly_where_there_is_no_closed_inverse(source, target):
    conversion = between(source, target)
    assert conversion.closed_form == (source not in IMPLICIT)
    assert conversion.tau.has(tau_function) == (source in IMPLICIT)


def test_parameters_are_carried():
    conversion = convert(Schedule(rho * (1 - t), t), S["linear"])
    assert sp.simplify(conversion.tau.subs(rho, 1) - t) == 0
    with pytest.raises(InputError, match="no value for rho"):
        conversion.at(0.5)


def test_a_letter_without_a_value_is_told_without_the_letters_of_the_inversion():
    p = sp.Symbol("p", positive=True)
    conversion = convert(Schedule((1 - t) ** p, t), S["vp"])
    assert not conversion.closed_form
    with pytest.raises(InputError, match=r"^no value for p(?!.*_s).*: give every parameter a number"):
        conversion.at(0.5)


def test_the_identity_is_trivial():
    conversion = between("log", "log")
    tau, scale, tau_dot, scale_dot = conversion.at([0.0, 1e-300, 0.3, 1.0])
    assert tau.tolist() == [0.0, 1e-300, 0.3, 1.0]
    assert scale.tolist() == [1.0] * 4
    assert tau_dot == pytest.approx(1)
    assert scale_dot == pytest.approx(0, abs=1e-15)


# -- ends -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), some(permutations(FULL, 2)))
def test_ends_are_limits(source, target):
    """τ(0) = 0, τ(1) = 1, c(1) = 1; at both ends no NaN, and values from inside approach them."""
    conversion = between(source, target)
    tau, scale, tau_dot, scale_dot = conversion.at([0.0, 2.0**-1000, 1.0])
    assert (tau[0], tau[-1], scale[-1]) == (0.0, 1.0, 1.0)
    assert not np.isnan([tau_dot, scale_dot]).any()
    if math.isfinite(scale[0]):
        assert scale[1] == pytest.approx(scale[0], rel=1e-12, abs=1e-100)
    else:
        assert scale[1] > 1e100


def test_high_powers_at_the_ends():
    conversion = convert(Schedule("1-t", "t**40"), S["linear"])
    tau, scale, tau_dot, _ = conversion.at([0.0, 1e-300, 0.5, 1.0])
    assert tau.tolist()[0::3] == [0.0, 1.0]
    assert scale.tolist()[0::3] == [1.0, 1.0]
    assert tau[1] == pytest.approx(10**-7.5, rel=1e-6)
    assert tau_dot[0] == math.inf


def test_what_cannot_be_resolved_says_so():
    slow = Schedule("1-t", "1/(1-log(t))")
    with pytest.raises(UndecidedError, match="a limit at t = 0 could not be determined"):
        convert(slow, S["linear"]).at([0.0])


@pytest.mark.parametrize("time", [1e-300, 1e-12, 1e-6, 0.01])
def test_a_source_that_starts_slowly(time):
    """β = 1/(1 − log s) = R α: s = exp(1 − 1/(R (1 − s))), which is below every float at t = 10^-6, and c = ᾱ/α → 1."""
    slow = Schedule("1-t", "1/(1-log(t))")
    tau, scale, tau_dot, scale_dot = (float(v) for v in convert(slow, S["linear"]).at(time))
    with mpmath.workdps(40):
        ratio, s = mpmath.mpf(time) / (1 - mpmath.mpf(time)), mpmath.mpf(0)
        for _ in range(60):
            s = mpmath.exp(1 - 1 / (ratio * (1 - s)))
        assert tau == pytest.approx(float(s), rel=1e-14)
        assert scale == pytest.approx(float((1 - mpmath.mpf(time)) / (1 - s)), rel=1e-15)
    assert tau_dot >= 0
    assert scale_dot == pytest.approx(-1, rel=1e-9 if time < 0.01 else 0.5)
    back = convert(S["linear"], slow).at(time)
    assert float(back[0]) == pytest.approx(float(mpmath.mpf(1) / (1 + (1 - mpmath.mpf(time)) * (1 - mpmath.log(time)))))


# -- truncated schedules --------------------------------------------------------------------------------------------


def test_noise_levels_a_truncated_source_never_had():
    message = (
        "ve → linear: at t = 0.001 the target has r = 0.001001, but the truncated source only covers 0.0125 ≤ r ≤ 50"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        between("ve", "linear").at([0.5, 0.001])


def test_a_truncated_target_is_covered_to_its_ends():
    tau, scale, _, _ = between("linear", "ve").at([0.0, 1.0])
    assert tau == pytest.approx([1 / 81, 50 / 51])
    assert scale == pytest.approx([81, 1 + 1 / 50])


# -- paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), [("linear", "follmer"), ("log", "vp"), ("follmer", "linear")])
def test_paths_are_carried_along(source, target):
    """The path α_s z + β_s x of the source becomes ᾱ_t z + β̄_t x of the target, at the returned times."""
    z, x = np.array([0.3, -1.2, 2.0]), np.array([1.0, 0.5, -0.7])
    times = np.array([0.1, 0.4, 0.75, 1.0])
    alpha, beta, _, _ = S[source].at(times)
    paths = z * alpha[:, None] + x * beta[:, None]
    new_times, new_paths = between(source, target).path(times, paths)
    assert (np.diff(new_times) > 0).all()
    alpha, beta, _, _ = S[target].at(new_times)
    assert new_paths == pytest.approx(z * alpha[:, None] + x * beta[:, None], abs=1e-12)
    many = between(source, target).path(times, np.stack([paths, -paths], axis=-1))[1]
    assert many.shape == (4, 3, 2)
    assert many[..., 1] == pytest.approx(-new_paths)


def test_paths_of_a_simulation_convert_as_they_are():
    """`simulate` and `path` have one order; on N(0, 1) data the vp frame has variance 1 at all times (theory C10)."""
    sde = ss.InterpolantSDE(S["linear"], ss.Gaussian(0, 1), kappa=1)
    run = ss.simulate(sde, paths=2000, steps=8, scheme="exponential", seed=3, keep_paths=2000, save=[0, 0.5, 1])
    _, paths = between("linear", "vp").path(run.times, run.paths)
    assert paths.shape == run.paths.shape == (3, 2000)
    assert (np.abs(paths.std(axis=1) - 1) < 6 / np.sqrt(2 * 2000)).all()


def test_paths_of_the_wrong_shape():
    conversion, times = between("linear", "vp"), [0.1, 0.2, 0.3, 0.4]
    for shape, turned in ((3, 2), ""), ((2, 4), "; turn them round, the time axis leads"), ((4,), ""):
        message = f"paths of shape {shape} at 4 times: expected (n_times, n_paths, ...){turned}"
        with pytest.raises(InputError, match=re.escape(message) + "$"):
            conversion.path(times, np.zeros(shape))
    with pytest.raises(InputError, match="outside"):
        conversion.path([0.1, 1.2], np.zeros((2, 3)))
    with pytest.raises(InputError, match="should be numbers"):
        conversion.path(["a"], np.zeros((1, 3)))
    with pytest.raises(InputError, match="should be real numbers, in an array"):
        conversion.path([0.1], np.array([["a", "b"]]))


def test_a_point_is_not_carried_to_what_is_none():
    """Where the source is a point and the target is not, c is infinite: ∞ · 0 is no state."""
    with pytest.raises(InputError, match=r"at t = 0 the source is a point, .*; start later"):
        between("follmer", "linear").path([0, 0.5], np.zeros((2, 3)))
    _, states = between("linear", "follmer").path([0, 0.5], np.ones((2, 3)))
    assert states[0] == pytest.approx(0)


# -- refusals -------------------------------------------------------------------------------------------------------


def test_refusals():
    with pytest.raises(
        InputError, match=re.escape("cannot follow linear → vp by cos2 → log: expected a conversion from vp")
    ):
        between("linear", "vp").then(between("cos2", "log"))
    with pytest.raises(InputError, match="alpha must be positive"):
        convert(Schedule("1/2-t", "t"), S["linear"])
    with pytest.raises(InputError, match=re.escape("t = -0.5 is outside [0, 1]")):
        between("linear", "vp").at([-0.5])
    with pytest.raises(InputError, match="eps = None: expected"):
        between("linear", "vp").eps(None)
    for scale, message in ((sp.oo, "expected finite real values"), (sp.Symbol("t"), "uses a symbol t of its own")):
        with pytest.raises(InputError, match=message):
            between("linear", "vp").eps(scale)
    with pytest.raises(InputError, match="it should be a Schedule, or its text"):
        convert(S["linear"], 3)


def test_same_schedule_sees_through_the_writing():
    assert same_schedule(Schedule("1-t", "t"), Schedule("(1-t**2)/(1+t)", "t"))
    assert same_schedule(Schedule("cos(t)**2", "t"), Schedule("1-sin(t)**2", "t"))
    assert not same_schedule(Schedule("1-t", "t"), Schedule("1-t", "t**2"))


def test_monotone_over_a_dense_grid():
    for source, target in (("log", "ddpm"), ("cube", "vp"), ("cos2", "cube")):
        tau = between(source, target).at(np.linspace(0.001, 0.999, 60))[0]
        assert all(a < b for a, b in pairwise(tau))


def test_conversions_are_values():
    assert Conversion(S["linear"], S["vp"]) == between("linear", "vp")
    assert str(between("linear", "vp")) == "linear → vp"


@pytest.mark.parametrize("source", ["linear", "vp", "simple_linear"])
def test_an_end_where_a_root_of_an_exact_zero_stands(source):
    """sin(125π/252) = cos(π/252): the noise of the cosine schedule ends, and a ball about √0 has no real value."""
    conv = convert(getattr(ss.schedules, source)(), ss.schedules.cosine())
    assert [float(part) for part in conv.at(1.0)[:2]] == pytest.approx([1, 1], abs=1e-15)
    assert limit_at(sp.sqrt(sp.cos(sp.pi / 252) ** 2 - sp.sin(125 * sp.pi * t / 252) ** 2) + t, 1) == 1


@pytest.mark.slow
def test_a_function_meets_its_inverse():
    """c of cosine → linear is α/α(τ) with α(τ) = cos(π (½ − asin(x)/π)): x, and ċ as short as one writes it."""
    conv = convert(ss.schedules.cosine(), S["linear"])
    assert conv.scale == sp.sqrt(2 * t**2 - 2 * t + 1)
    assert decide_zero(conv.scale_dot - (2 * t - 1) / sp.sqrt(2 * t**2 - 2 * t + 1))
    assert not conv.scale_dot.has(sp.cos, sp.sin)


@pytest.mark.parametrize(
    ("source", "target", "tau", "scale"),
    [
        ("vp", "follmer", 2 * sp.asin(sp.sqrt(t)) / sp.pi, sp.sqrt(t)),
        ("vp", "lazy(kappa=0)", t, sp.S.One),
        ("trigflow", "trigflow", t, sp.S.One),
        ("lazy(kappa=2)", "follmer", t ** sp.Rational(3, 2), 1 / sp.sqrt(t)),
    ],
)
def test_formulas_as_a_person_would_write_them(source, target, tau, scale):
    """By hand: r̄ = √(t/(1−t)) is tan of asin √t; the lazy frame of κ = 2 has α² = β^(4/3) − β², so r⁻¹ is β^(3/2)."""
    conv = convert(as_schedule(source), as_schedule(target))
    assert (conv.tau, conv.scale) == (tau, scale)


@pytest.mark.slow
def test_a_closed_inverse_that_is_0_over_0_inside():
    """τ solves R τ² − (R + 2) τ + 1 = 0 with R = log((1 − t)/t), which is 0 at t = 1/2: by symmetry τ = 1/2 there."""
    conv = convert(Schedule("exp(1 - 1/(1 - t))", "exp(1 - 1/t)"), ss.schedules.linear())
    assert conv.closed_form
    tau, scale, tau_dot, scale_dot = conv.at([0.25, 0.5])
    ratio = mpmath.log(3)
    wanted = (ratio + 2 - mpmath.sqrt(ratio**2 + 4)) / (2 * ratio)
    assert tau == pytest.approx([float(wanted), 0.5], rel=4e-16)
    assert scale[1] == pytest.approx(math.e / 2, rel=4e-16)  # ½ / exp(1 − 2)
    assert tau_dot[1] == pytest.approx(0.5, rel=4e-16)  # 4 = (1/τ² + 1/(1 − τ)²) τ̇ = 8 τ̇
    assert abs(scale_dot[1]) < 1e-15
