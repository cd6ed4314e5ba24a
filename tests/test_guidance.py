"""Guided fields and laws (theory C25): reference numbers, the tilted limit, quadrature beside exact laws and paths."""

from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp
from slowness import slow

import symsched as ss
from symsched.symbols import kappa, t, x

LINEAR, VP = ss.schedules.linear(), ss.schedules.vp()
QUARTER, ONE = ss.Gaussian(0, 0.5), ss.Gaussian(0, 1)
C, U = ss.Gaussian(1, 0.5), ss.Gaussian(-0.5, 1)
HUMPS = ss.GaussianMixture([0.5, 0.5], [-1, 1], [0.3, 0.3])
RIGHT = ss.Gaussian(1, 0.3)


def twice(law):
    """The same law as a mixture, which has no closed form here."""
    return ss.GaussianMixture([0.5, 0.5], [law.mean] * 2, [law.std] * 2)


@pytest.mark.parametrize("schedule", [LINEAR, VP, ss.schedules.follmer()])
@pytest.mark.parametrize(("kappa", "variance"), [(0, 0.0156), (0.5, 0.0518), (1, 0.0666), (2, 0.0794)])
def test_the_reference_numbers_in_every_schedule(schedule, kappa, variance):
    """shared/theory.md, C25: w = 2, a² = ¼ and 1."""
    assert ss.guided(schedule, QUARTER, ONE, 2, kappa).law_at(1) == (0, pytest.approx(variance, rel=2e-3))


def test_weight_0_is_the_conditional_law_and_weight_minus_1_the_other():
    for power in (0, 0.7, 3):
        assert ss.guided(LINEAR, C, U, 0, power).law_at(0.6) == pytest.approx((0.6, 0.16 + 0.25 * 0.36))
        assert ss.guided(LINEAR, C, U, -1, power).law_at(0.6) == pytest.approx((-0.3, 0.16 + 0.36))


def moments_by_the_drift(guided, time):
    """Mean and variance by their own equations, ṁ = g m + c, V̇ = 2gV + 2ε, from next to pure noise."""
    slope, constant, scale = (sp.lambdify(t, f) for f in (guided.drift.diff(x), guided.drift.subs(x, 0), guided.eps))
    first = 1e-4
    found = solve_ivp(
        lambda s, y: [slope(s) * y[0] + constant(s), 2 * slope(s) * y[1] + 2 * scale(s)],
        (first, time),
        guided.law_at(first),
        method="LSODA",
        rtol=1e-10,
        atol=1e-12,
    )
    return found.y[:, -1]


@pytest.mark.parametrize(("power", "weight"), [(0, 2), (0.5, 2), (1, 0.3), (2, -0.5)])
def test_the_law_solves_the_equations_of_its_moments(power, weight):
    guided = ss.guided(LINEAR, C, U, weight, power)
    found = moments_by_the_drift(guided, 0.9)
    assert guided.law_at(0.9) == pytest.approx(tuple(found), rel=1e-6)
    other = ss.guided(LINEAR, C, U, weight, 2 * power + 0.5)
    assert abs(other.law_at(0.9)[1] / found[1] - 1) > 0.01, "another kappa must not pass"


def test_the_limit_is_the_tilted_law_and_no_finite_kappa_has_it():
    tilted = ss.guided(LINEAR, C, U, 2).tilted()
    assert (float(tilted.mean), float(tilted.covariance)) == pytest.approx((1.3, 0.1))  # 3/¼ − 2/1 = 10
    laws = [ss.guided(LINEAR, C, U, 2, power).law_at(1)[1] for power in (1, 10, 100, 1000)]
    gaps = [0.1 - law for law in laws]
    assert gaps[-1] == pytest.approx(gaps[-2] / 10, rel=0.1)
    assert all(gap > 0 for gap in gaps)


@pytest.mark.parametrize(("power", "weight"), [(0, 2), (0.5, -0.5), (2, 1)])
def test_quadrature_finds_the_exact_law_of_gaussian_data(power, weight):
    exact = ss.guided(LINEAR, C, U, weight, power)
    found = ss.guided(LINEAR, twice(C), twice(U), weight, power)
    mean, variance = exact.law_at(1)
    std = variance**0.5
    assert found.law_at(1) == (pytest.approx(mean, abs=1e-4 * std), pytest.approx(variance, rel=2e-4))
    states = mean + std * np.linspace(-3, 3, 7)
    np.testing.assert_allclose(found.density_at(1, states), exact.density_at(1, states), atol=1e-3 / std)


@pytest.mark.slow
def test_quadrature_finds_what_the_ode_makes_of_a_mixture():
    """κ = 0 is a monotone map: the density is that of the noise over the map's slope."""
    guided = ss.guided(VP, RIGHT, HUMPS, 1.5)
    start, first, last = np.linspace(-2, 2, 41), 1e-3, 0.8
    run = solve_ivp(lambda s, y: guided.drift_at(s, y), (first, last), start, rtol=1e-9, atol=1e-10)
    ends = run.y[:, -1]
    density = np.exp(-(start**2) / 2) / np.sqrt(2 * np.pi) / np.gradient(ends, start)
    np.testing.assert_allclose(guided.density_at(last, ends)[2:-2], density[2:-2], rtol=0.03)


@pytest.mark.slow
def test_quadrature_finds_what_paths_of_a_mixture_do():
    """κ = 1, by plain Euler steps from pure noise; κ = 0 has another law."""
    guided, rng = ss.guided(VP, RIGHT, HUMPS, 1.5, kappa=1), np.random.default_rng(0)
    last, grid = 0.8, np.geomspace(0.02, 0.8, 150)
    state = rng.standard_normal(4000)
    for now, then in pairwise(grid):
        noise = np.sqrt(2 * np.pi / 2 / np.tan(np.pi * (now + then) / 4) * (then - now))  # ε* = (π/2) cot(πt/2)
        state = state + (then - now) * guided.drift_at(now, state) + noise * rng.standard_normal(state.size)
    mean, variance = guided.law_at(last)
    error = (variance / state.size) ** 0.5
    assert state.mean() == pytest.approx(mean, abs=5 * error)
    assert state.var() / variance == pytest.approx(1, abs=0.12)
    assert abs(ss.guided(VP, RIGHT, HUMPS, 1.5).law_at(last)[0] - mean) > 10 * error


def test_fields_are_mixed():
    guided = ss.guided(LINEAR, HUMPS, ONE, 2, kappa=1)
    here = np.array([-0.3, 0.4])
    own = [ss.InterpolantSDE(LINEAR, law, kappa=1).drift_at(0.5, here) for law in (HUMPS, ONE)]
    np.testing.assert_allclose(guided.drift_at(0.5, here), 3 * own[0] - 2 * own[1])
    assert float(guided.drift.subs({t: 0.5, x: 0.4})) == pytest.approx(guided.drift_at(0.5, 0.4))
    plane = ss.guided(LINEAR, ss.Gaussian([0, 0], 1), ss.Gaussian([1, 0], 2), 1)
    assert plane.drift_at(0.5, np.zeros((3, 2))).shape == (3, 2)


def test_next_to_pure_noise_the_law_is_that_of_the_noise():
    guided = ss.guided(LINEAR, HUMPS, RIGHT, 1)
    assert guided.law_at(0) == (pytest.approx(0, abs=1e-12), pytest.approx(1, rel=1e-6))
    assert guided.law_at(1e-5)[0] == pytest.approx(-1e-5, rel=1e-3)  # β((1 + w) E X_c − w E X_u)
    assert np.isnan(guided.density_at(0, float("nan")))


@pytest.mark.parametrize(
    "guided",
    [
        slow(ss.guided(LINEAR, RIGHT, ONE, 1, 1e6)),
        ss.guided(LINEAR, ss.GaussianMixture([0.5, 0.5], [-50, 50], [0.1, 0.1]), ONE, 1, 1),
    ],
)
def test_what_is_out_of_reach_is_undecided(guided):
    with pytest.raises(ss.UndecidedError, match="the guided law"):
        guided.law_at(1)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ss.guided(LINEAR, ss.Gaussian(0, 2), ONE, 1).tilted(), "would be negative.*give w < 1/3"),
        (lambda: ss.guided(LINEAR, ss.Gaussian(0, 2), ONE, "1/3").tilted(), "should be a number"),
        (lambda: ss.guided(LINEAR, ss.Gaussian(0, 2**0.5), ONE, 1).tilted(), "would be infinite|negative"),
        (lambda: ss.guided(LINEAR, C, U, -3).tilted(), "would be negative.*give w > -4/3"),
        (lambda: ss.guided(LINEAR, HUMPS, U, 1).tilted(), "Gaussian laws of one dimension"),
        (lambda: ss.guided(LINEAR, C, U, float("nan")), "weight is nan"),
        (lambda: ss.guided(LINEAR, C, U, 1, -1), "negative"),
        (lambda: ss.guided(LINEAR, C, ss.Gaussian([0, 0], 1), 1), "dimensions 1 and 2"),
        (lambda: ss.guided(LINEAR, C, U, 1, t).law_at(1), "does not depend on t"),
        (lambda: ss.guided(LINEAR, C, U, kappa).law_at(1), "value"),
        (lambda: ss.guided(ss.schedules.ddpm(), C, U, 1).law_at(1), "pure noise"),
        (lambda: ss.guided(LINEAR, C, U, 1).law_at(2), "outside"),
        (lambda: ss.guided(LINEAR, C, U, 1).law_at([0, 1]), "one time"),
        (lambda: ss.guided(LINEAR, ss.Gaussian(0, 9), ss.Gaussian(0, "1"), 1), "should be a number"),
        (lambda: ss.guided(LINEAR, ss.Gaussian(0, 9), ONE, 400).law_at(1), "beyond the floats"),
        (lambda: ss.guided(3, C, U, 1), "should be a Schedule"),
        (lambda: ss.guided(LINEAR, 3, U, 1), "conditional is '3'"),
    ],
)
def test_bad_input_gets_one_line(make, match):
    with pytest.raises(ss.InputError, match=match) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_far_states_have_density_0_without_a_warning(recwarn):
    assert ss.guided(LINEAR, C, U, 1).density_at(0.5, [1e200, -1e300]).tolist() == [0, 0]
    assert not recwarn
