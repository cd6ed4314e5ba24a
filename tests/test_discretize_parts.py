"""The parts of the discretisation laws: distances between Gaussians and integrals over the cells of a grid."""

from __future__ import annotations

from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symsched.data import Gaussian, GaussianMixture
from symsched.discretize import kl, noise_variance, retention, trajectory, w2
from symsched.discretize.distances import excess
from symsched.errors import InputError
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.steps.integrals import antiderivative, over
from symsched.symbols import t

FOLLMER = Schedule("sqrt(t*(1 - t))", "t")
PLANE = Gaussian([1, -2], [[1.0, 0.5], [0.5, 2.0]])


# -- distances -------------------------------------------------------------------------------------


def _kl_truth(gap: float, one: float, other: float) -> float:
    with mpmath.workdps(60):
        ratio = mpmath.mpf(one) / mpmath.mpf(other)
        return float((ratio - 1 - mpmath.log(ratio) + mpmath.mpf(gap) ** 2 / mpmath.mpf(other)) / 2)


@settings(max_examples=60, deadline=None)
@given(delta=st.floats(-0.999, 1e3), scale=st.floats(1e-3, 1e3))
def test_kl_of_scalars_is_accurate_however_close(delta: float, scale: float) -> None:
    for shrink in (1.0, 1e-4, 1e-9):
        variance = scale * (1 + shrink * delta)
        truth = _kl_truth(0.0, variance, scale)
        # The input variances are exact; their difference is exact near equality, and rounded once elsewhere.
        assert float(kl(0.0, variance, 0.0, scale)) == pytest.approx(truth, rel=1e-12, abs=1e-300)


def test_the_usual_kl_formula_would_fail_that_test() -> None:
    ratio = 1 + 1e-9
    naive = np.log(1 / np.sqrt(ratio)) + ratio / 2 - 0.5
    assert naive != pytest.approx(_kl_truth(0.0, ratio, 1.0), rel=0.5, abs=1e-300)


def test_excess_at_its_ends() -> None:
    assert excess(0.0) == 0
    assert excess(-1.0) == np.inf
    assert kl(0.0, 1.0, 0.0, 0.0) == np.inf
    assert kl([0.0, 0.0], np.eye(2), [0.0, 0.0], np.diag([1.0, 0.0])) == np.inf


def _random_covariance(rng: np.random.Generator, dim: int) -> np.ndarray:
    factor = rng.normal(size=(dim, dim))
    return factor @ factor.T + 0.1 * np.eye(dim)


def test_matrix_distances_against_the_textbook() -> None:
    rng = np.random.default_rng(11)
    one, other, gap = _random_covariance(rng, 4), _random_covariance(rng, 4), rng.normal(size=4)
    with mpmath.workdps(40):
        first, second = mpmath.matrix(one.tolist()), mpmath.matrix(other.tolist())
        root = mpmath.sqrtm(first)
        cross = mpmath.sqrtm(root * second * root)
        trace = sum((first + second - 2 * cross)[i, i] for i in range(4))
        bures = float(mpmath.sqrt(sum(mpmath.mpf(g) ** 2 for g in gap) + trace))
        ratio = mpmath.inverse(second) * first
        quadratic = (mpmath.matrix(gap).T * mpmath.inverse(second) * mpmath.matrix(gap))[0]
        divergence = float((sum(ratio[i, i] for i in range(4)) - 4 - mpmath.log(mpmath.det(ratio)) + quadratic) / 2)
    assert w2(gap, one, np.zeros(4), other) == pytest.approx(bures, rel=1e-13)
    assert kl(gap, one, np.zeros(4), other) == pytest.approx(divergence, rel=1e-12)
    assert kl(gap, other, np.zeros(4), one) != pytest.approx(divergence, rel=1e-3)


def test_matrix_distances_near_equality() -> None:
    """N(0, C) against N(0, (1+δ)² C): W2 = δ √tr C, KL = d/2 (δ' − log1p δ') with δ' = 2δ + δ²."""
    base = _random_covariance(np.random.default_rng(2), 5)
    for delta in (1e-3, 1e-6):
        near = (1 + delta) ** 2 * base
        zero = np.zeros(5)
        assert w2(zero, near, zero, base) == pytest.approx(delta * np.sqrt(np.trace(base)), rel=1e-7)
        assert kl(zero, near, zero, base) == pytest.approx(5 / 2 * excess(2 * delta + delta**2), rel=1e-6)
    assert w2(zero, base, zero, base) <= 1e-14 * np.sqrt(np.trace(base))


def test_trajectory_distances_are_the_general_ones() -> None:
    found = trajectory(InterpolantSDE(FOLLMER, PLANE, kappa=1), 5)
    for k in (2, 5):
        laws = (found.mean[k], found.var[k], found.target_mean[k], found.target_var[k])
        assert found.w2()[k] == pytest.approx(w2(*laws), rel=1e-12)
        assert found.kl()[k] == pytest.approx(kl(*laws), rel=1e-12)
    assert (found.w2()[0], found.kl()[0]) == (0, 0)


# -- integrals -------------------------------------------------------------------------------------

INTEGRALS: list[tuple[str, list[float], bool]] = [
    ("1/(1 + t)", [0, 0.3, 1], True),
    ("1/(2 - t) + 1/(1 + t**2)", [0, 0.3, 1], True),
    ("t**3 - t + 1", [0, 0.5, 1], True),
    ("exp(-t)*sin(3*t)", [0, 0.1, 0.7, 1], False),
    ("t**(-1/2)", [0, 0.25, 1], False),
    ("1/sqrt(1 - t)", [0.5, 0.9, 1], False),
    ("log(t)*sqrt(1-t)", [0, 1], False),
    ("1/t**(3/2)", [1e-6, 0.5], False),
]


@pytest.mark.parametrize(("text", "grid", "exact"), INTEGRALS, ids=str)
def test_integrals_over_cells(text: str, grid: list[float], exact: bool) -> None:
    expr = Schedule(text, "t").alpha
    assert (antiderivative(expr) is not None) == exact
    function = sp.lambdify(t, expr, "mpmath")
    with mpmath.workdps(40):
        truth = [float(mpmath.quad(function, [a, (a + b) / 2, b], maxdegree=12)) for a, b in pairwise(grid)]
    assert over(expr, np.array(grid)) == pytest.approx(truth, rel=1e-13)
    assert over(sp.Rational(1001, 1000) * expr, np.array(grid)) != pytest.approx(truth, rel=1e-5)


# Features that a few nodes would miss, or would make a rule halve for ever.  The whole bump of width w is π w sech's.
NARROW = [
    ("sech(500*(t-1/3))", [0, 0.5], [np.pi / 500]),
    ("sech(10**7*(t-1/3))", [0, 1], [np.pi / 1e7]),
    ("1+sin(500*t)", [0, 0.5, 1], [0.5 + (1 - np.cos(250)) / 500, 0.5 + (np.cos(250) - np.cos(500)) / 500]),
    ("sqrt(t*(1-t))", [0, 0.5, 1], [np.pi / 16, np.pi / 16]),
    ("asin(t)", [0, 1], [np.pi / 2 - 1]),  # not known on complex balls: by halving
]


@pytest.mark.parametrize(("text", "grid", "truth"), NARROW, ids=str)
def test_integrals_of_what_a_few_nodes_would_miss(text: str, grid: list[float], truth: list[float]) -> None:
    assert over(Schedule(text, "t").alpha, np.array(grid)) == pytest.approx(truth, rel=1e-14)


@pytest.mark.parametrize("text", ["1/(t*(1-log(t)))", "1/(t*(1-log(t))**2)", "t**(-99/100)", "1/(t*(1-log(t/2))**3)"])
def test_what_grows_too_fast_at_an_end_for_the_rule_is_refused(text: str) -> None:
    """The first diverges; of the others 10⁻³ to 0.1 lies nearer to 0 than any float."""
    with pytest.raises(InputError, match=r"^the integral of .* (could not be computed|diverges)"):
        over(Schedule(text, "t").alpha, np.array([0, 0.5]))


def test_the_noise_of_a_lazy_step_is_the_growth_of_the_variance() -> None:
    sde = InterpolantSDE(Schedule("2*sqrt(t**(4/3) - t**4)", "t**2"), Gaussian(0, 2), kappa=sp.Rational(1, 2))
    grid = np.array([0, 0.3, 0.5, 1.0])
    variance = sde.data.moments(*sde.schedule.at(grid)[:2])[1]
    assert noise_variance(sde, grid) == pytest.approx(np.diff(np.asarray(variance, dtype=float)), rel=1e-13)
    general = InterpolantSDE(sde.schedule, GaussianMixture([1], [0], [2]), kappa=sp.Rational(1, 2))
    assert noise_variance(general, grid) == pytest.approx(noise_variance(sde, grid), rel=1e-13)  # by quadrature


def test_retention_of_the_noise() -> None:
    """E = (r/r')^κ: for the linear schedule r = t/(1−t), so (1/3)^κ from 1/4 to 1/2, and 0 across either end."""
    schedule, grid = Schedule("1 - t", "t"), np.array([0, 0.25, 0.5, 1])
    for kappa in (1, 2):
        kept, fresh = retention(InterpolantSDE(schedule, PLANE, kappa=kappa), grid)
        assert kept == pytest.approx([0, 3.0**-kappa, 0], rel=1e-14)
        assert fresh == pytest.approx([1, 1 - 9.0**-kappa, 1], rel=1e-14)
    by_eps = retention(InterpolantSDE(schedule, PLANE, eps=2 * schedule.eps_star), grid)
    assert by_eps[0] == pytest.approx(kept, rel=1e-13)
    fading = retention(InterpolantSDE(schedule, PLANE, kappa="t"), grid)[0]
    assert fading == pytest.approx([3 / 4, 2 / 3, 0], rel=1e-13)  # exp(−∫ dt/(1−t)), which converges at 0
    assert retention(InterpolantSDE(schedule, PLANE), grid)[0].tolist() == [1, 1, 1]
