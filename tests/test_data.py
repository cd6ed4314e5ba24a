"""Data laws: the derived fields against independent oracles, both ends, any dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from data_laws import COVARIANCE, SCALARS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from slowness import slow

import symsched.data.careful as careful
import symsched.data.numeric as numeric
from symsched.data import DataLaw, Empirical, Gaussian, GaussianMixture
from symsched.data.conditioning import conditional, spread
from symsched.data.conditioning import m as any_mean
from symsched.errors import InputError
from symsched.exact.zero import decide_zero
from symsched.schedule import Schedule
from symsched.symbols import alpha, beta, rho, t, x
from symsched.symbols import mean as m

ANY = Schedule(alpha, beta)
LINEAR = Schedule("1 - t", "t")
FOLLMER = Schedule("sqrt(t*(1 - t))", "t")


# -- symbolic ---------------------------------------------------------------------------------------------------------


def test_gaussian_fields_satisfy_the_identities_for_every_schedule() -> None:
    law = Gaussian(m, rho)
    eta_z, eta_x, score = law.eta_z(ANY), law.eta_x(ANY), law.score(ANY)
    assert decide_zero(alpha * eta_z + beta * eta_x - x)
    assert decide_zero(score + eta_z / alpha)
    assert decide_zero(score - sp.diff(law.log_density(ANY), x))
    assert decide_zero(law.velocity(ANY) - ANY.alpha_dot * eta_z - ANY.beta_dot * eta_x)


@pytest.mark.parametrize("wrong", [lambda s: -s, lambda s: 2 * s, lambda s: s.subs(rho, 1), lambda s: s.subs(m, 0)])
def test_the_identity_check_rejects_a_wrong_score(wrong: Callable[[sp.Expr], sp.Expr]) -> None:
    law = Gaussian(m, rho)
    assert decide_zero(wrong(law.score(ANY)) + law.eta_z(ANY) / alpha).zero is False


def test_gaussian_closed_forms_are_those_of_the_theory() -> None:
    law, variance = Gaussian(m, rho), alpha**2 + rho**2 * beta**2
    assert decide_zero(law.eta_x(ANY) - m - rho**2 * beta * (x - beta * m) / variance)
    assert decide_zero(law.eta_z(ANY) - alpha * (x - beta * m) / variance)
    assert law.moments(alpha, beta) == (beta * m, alpha**2 + rho**2 * beta**2)


def _at(expr: sp.Expr, time: Any, state: Any) -> mpmath.mpf:
    return mpmath.mpf(str(expr.subs({t: time, x: state}).evalf(40)))


def _continuity_residual(law: DataLaw, velocity: sp.Expr, schedule: Schedule) -> float:
    """Largest |∂ log p/∂t + b ∂ log p/∂x + ∂b/∂x| over a few rational points: 0 when b transports p."""
    log_p = law.log_density(schedule)
    residual = sp.diff(log_p, t) + velocity * sp.diff(log_p, x) + sp.diff(velocity, x)
    points = [(sp.Rational(k, 7), sp.Rational(j, 3)) for k in (1, 3, 6) for j in (-5, 1, 4)]
    return max(abs(float(_at(residual, *point))) for point in points)


@pytest.mark.parametrize("schedule", [LINEAR, slow(FOLLMER)], ids=str)
@pytest.mark.parametrize("law", SCALARS[1:3], ids=lambda law: law.summary)
def test_velocity_transports_the_density(law: DataLaw, schedule: Schedule) -> None:
    velocity = law.velocity(schedule)
    assert _continuity_residual(law, velocity, schedule) < 1e-25
    for wrong in (-velocity, velocity + law.score(schedule) / 10, velocity.subs(x, -x)):
        assert _continuity_residual(law, wrong, schedule) > 1e-3


@pytest.mark.parametrize("law", SCALARS, ids=lambda law: law.summary)
def test_score_is_the_gradient_of_log_density(law: DataLaw) -> None:
    gap = law.score(LINEAR) - sp.diff(law.log_density(LINEAR), x)
    for time in (sp.Rational(1, 5), sp.Rational(4, 5)):
        assert abs(_at(gap, time, sp.Rational(2, 3))) < mpmath.mpf(10) ** -30


def test_points_are_the_case_of_no_spread() -> None:
    form = conditional()
    assert form.eta_x.subs(spread, 0) == any_mean
    assert Empirical([3]).eta_x(LINEAR) == 3


def test_symbolic_weights_do_not_become_nan_far_away() -> None:
    field = sp.lambdify((t, x), SCALARS[1].eta_x(LINEAR), "numpy")
    with np.errstate(over="ignore"):
        assert np.isfinite(field(0.9999, np.array([-300.0, -40.0, 0.0, 40.0, 300.0]))).all()


def test_many_components_and_many_dimensions_point_to_the_numeric_methods() -> None:
    with pytest.raises(InputError, match=r"eta_x of 65 components .*limit is 64.*eta_x_at"):
        Empirical(np.arange(65.0)).eta_x(LINEAR)
    with pytest.raises(InputError, match=r"score is symbolic in one dimension only and this law has 2; .*score_at"):
        Gaussian([0, 0], COVARIANCE).score(LINEAR)


# -- numeric ----------------------------------------------------------------------------------------------------------

FIELDS = ["eta_x", "eta_z", "score", "log_density"]


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("law", SCALARS, ids=lambda law: law.summary)
def test_numbers_agree_with_the_formulas_at_forty_digits(law: DataLaw, name: str) -> None:
    formula, states = getattr(law, name)(FOLLMER), np.array([-3.0, -0.5, 0.25, 4.0])
    for time in (0.125, 0.5, 0.875):
        found = getattr(law, f"{name}_at")(np.sqrt(time * (1 - time)), time, states)
        for state, value in zip(states, found, strict=True):
            truth = float(_at(formula, sp.Rational(time), sp.Rational(float(state))))
            assert abs(value - truth) <= 1e-12 * max(1.0, abs(truth))


def _posterior_mean(law: GaussianMixture, a: float, b: float, state: float) -> float:
    """E[X | aZ + bX = state] by quadrature of Bayes' formula."""
    parts = [tuple(map(float, row)) for row in zip(law.weights, law.means, law.stds, strict=True)]

    def joint(y: float) -> float:
        prior = sum(w / s * np.exp(-(((y - c) / s) ** 2) / 2) for w, c, s in parts)
        return prior * np.exp(-(((state - b * y) / a) ** 2) / 2)

    mass, first = (quad(f, -8, 8, limit=400, points=[-1, 0, 1])[0] for f in (joint, lambda y: y * joint(y)))
    return first / mass


def test_eta_x_is_the_posterior_mean() -> None:
    law = SCALARS[1]
    for a, b, state in [(0.7, 0.3, 0.4), (0.3, 0.7, -0.6), (0.5, 0.5, 1.2)]:
        truth = _posterior_mean(law, a, b, state)
        assert abs(law.eta_x_at(a, b, state) - truth) < 1e-9
        assert abs(law.eta_x_at(b, a, state) - truth) > 1e-3 or a == b
        assert abs(-law.eta_x_at(a, b, -state) - truth) > 1e-3


@settings(max_examples=40, deadline=None)
@given(
    a=st.just(0.0) | st.floats(1e-300, 2),  # below, x/a and x/b are beyond float64
    b=st.just(0.0) | st.floats(1e-300, 2),
    state=st.floats(-50, 50),
    which=st.integers(0, len(SCALARS) - 1),
)
def test_fields_are_finite_and_consistent_everywhere(a: float, b: float, state: float, which: int) -> None:
    law = SCALARS[which]
    eta_x, eta_z = law.eta_x_at(a, b, state), law.eta_z_at(a, b, state)
    assert np.isfinite([eta_x, eta_z]).all()
    if a > 1e-3:
        assert abs(a * eta_z + b * eta_x - state) <= 1e-9 * (1 + abs(state))


def test_the_ends_are_limits() -> None:
    mixture, points = SCALARS[1], SCALARS[3]
    assert points.eta_x_at(0, 1, [-1, 0.1, 2.5]).tolist() == [-1, 0, 2.5]
    assert points.eta_z_at(0, 1, [-1, 0, 2.5]).tolist() == [0, 0, 0]
    states = np.array([-1.0, 0.3, 2.0])
    assert np.allclose(mixture.eta_x_at(0, 1, states), states, rtol=0, atol=1e-14)
    assert np.allclose(mixture.score_at(0, 1, states), mixture.score_at(1e-9, 1, states), rtol=1e-8, atol=0)
    for law in (mixture, points):
        assert np.allclose(law.eta_x_at(1, 0, states), float(law.expectation), rtol=0, atol=1e-14)
        assert np.allclose(law.eta_z_at(1, 0, states), states, rtol=0, atol=1e-14)
        assert law.eta_x_at(0, 0, 0.0) == pytest.approx(float(law.expectation), abs=1e-14)
    with pytest.raises(InputError, match=r"3 empirical points has no density at alpha = 0, beta = 1.*eta_x_at"):
        points.score_at(0, 1, states)


def test_noise_survives_a_tiny_alpha() -> None:
    law, z = SCALARS[3], np.array([-1.5, 0.25, 2.0])
    for a in (1e-3, 1e-8, 1e-12):
        assert np.allclose(law.eta_z_at(a, 1.0, a * z), z, rtol=1e-10, atol=0)  # near the point 0


def _matrix_fields(a: float, b: float, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, total = np.array([1.0, -2.0]), a**2 * np.eye(2) + b**2 * COVARIANCE
    offset = np.linalg.solve(total, (states - b * mean).T).T
    return mean + b * offset @ COVARIANCE, -offset


def test_full_covariance_against_matrix_algebra() -> None:
    law, states = Gaussian([1, -2], COVARIANCE), np.random.default_rng(3).normal(size=(5, 4, 2))
    for a, b in [(0.6, 0.4), (1.0, 0.0), (0.0, 1.0)]:
        eta_x, score = _matrix_fields(a, b, states.reshape(-1, 2))
        assert np.allclose(law.eta_x_at(a, b, states).reshape(-1, 2), eta_x, rtol=0, atol=1e-12)
        assert np.allclose(law.score_at(a, b, states).reshape(-1, 2), score, rtol=0, atol=1e-12)
    assert not np.allclose(law.eta_x_at(0.4, 0.6, states), law.eta_x_at(0.6, 0.4, states), rtol=0, atol=1e-3)


def test_a_mixture_in_the_plane_reduces_to_its_marginals() -> None:
    """Independent coordinates: the first coordinate of the plane's field is the field of the line."""
    line = GaussianMixture([0.3, 0.7], [-1, 1], [0.5, 0.8])
    plane = GaussianMixture([0.3, 0.7], [[-1, 2], [1, 2]], [np.diag([0.25, 0.09]), np.diag([0.64, 0.09])])
    states = np.random.default_rng(1).normal(size=(6, 2))
    for name in ("eta_x_at", "eta_z_at", "score_at"):
        both = [
            getattr(law, name)(0.6, 0.5, states[:, :d].reshape(6, *[2] * (d - 1))) for law, d in ((line, 1), (plane, 2))
        ]
        assert np.allclose(both[0], both[1][:, 0], rtol=0, atol=1e-13)


def _softmax_mean(points: np.ndarray, a: float, b: float, states: np.ndarray) -> np.ndarray:
    wide = points.astype(np.longdouble)
    logs = -((states[:, None, :].astype(np.longdouble) - b * wide) ** 2).sum(-1) / (2 * a**2)
    shares = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray((shares / shares.sum(1, keepdims=True)) @ wide, dtype=np.float64)


@pytest.mark.slow
def test_empirical_in_chunks_agrees_with_one_softmax(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    points, states = rng.normal(size=(9001, 3)), rng.normal(size=(11, 3))
    law = Empirical(points)
    for a in (1.0, 0.1, 1e-3):
        truth = _softmax_mean(points, a, 0.9, states)
        assert np.allclose(law.eta_x_at(a, 0.9, states), truth, rtol=0, atol=1e-9)
        with monkeypatch.context() as other:
            other.setattr(numeric, "LOG_WEIGHT_ERROR", 0.0)  # differences instead of a matrix product,
            other.setattr(careful, "WORK", 0.0)  # and nothing put right afterwards
            assert np.allclose(law.eta_x_at(a, 0.9, states), truth, rtol=0, atol=1e-12)
    assert not np.allclose(law.eta_x_at(0.1, 0.8, states), _softmax_mean(points, 0.1, 0.9, states), atol=1e-3)


def test_batches_of_times_and_float32() -> None:
    law, states = SCALARS[1], np.linspace(-2, 2, 5)
    times = np.array([[0.2], [0.7], [1.0]])
    table = law.eta_x_at(1 - times, times, states)
    rows = [law.eta_x_at(1 - s, s, states) for s in (0.2, 0.7, 1.0)]
    assert np.array_equal(table, np.stack(rows))
    single = law.eta_x_at(0.5, 0.5, states.astype(np.float32))
    assert single.dtype == np.float32
    assert np.allclose(single, law.eta_x_at(0.5, 0.5, states), rtol=1e-6, atol=1e-7)
    assert law.eta_x_at(0.5, 0.5, states[:0]).shape == (0,)
    assert Gaussian([0, 0], 1).log_density_at(1, 1, np.zeros((3, 4, 2))).shape == (3, 4)
    assert np.ndim(law.score_at(0.5, 0.5, 0.3)) == 0


def test_velocity_at_is_the_symbolic_velocity() -> None:
    law, states = SCALARS[2], np.linspace(-2, 2, 5)
    formula = sp.lambdify((t, x), law.velocity(LINEAR), "numpy")(0.3, states)
    assert np.allclose(law.velocity_at(0.7, 0.3, -1.0, 1.0, states), formula, rtol=0, atol=1e-13)
