"""The interpolant SDE: coefficients decided exactly, limits at both ends, numbers in any dimension, messages."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

from symsched import catalog as schedules
from symsched.data import DataLaw, Empirical, Gaussian, GaussianMixture
from symsched.errors import InputError
from symsched.exact.zero import decide_zero
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import alpha, beta, eps, kappa, rho, t, x
from symsched.symbols import mean as m

ANY = Schedule(alpha, beta)
SCHEDULES = {
    "linear": Schedule("1 - t", "t"),
    "follmer": Schedule("sqrt(t*(1 - t))", "t"),
    "trig": Schedule("cos(pi*t/2)", "sin(pi*t/2)"),
    "squared": Schedule("cos(pi*t/2)**2", "sin(pi*t/2)"),
    "logarithm": Schedule("(1 - t)*exp(-t)", "log(1 + t)/log(2)"),
    "powers": Schedule("1 - t**2", "t**3"),
}
UNIT = Gaussian(0, 1)
MIXTURE = GaussianMixture([0.25, 0.75], [-1, 1], [0.3, 0.5])
COVARIANCE = np.array([[1.0, 0.5], [0.5, 2.0]])


# -- the drift as an expression ----------------------------------------------------------------------------------------


def test_drift_is_velocity_plus_eps_score_for_every_schedule_and_scale() -> None:
    sde = InterpolantSDE(ANY, Gaussian(m, rho), eps=eps)
    assert decide_zero(sde.drift - sde.velocity - eps * sde.score)
    assert decide_zero(sde.score_weight * sde.score + ANY.beta_dot * sde.eta_x - sde.drift)
    assert decide_zero(sde.noise_weight * sde.eta_z + ANY.beta_dot * sde.eta_x - sde.drift)


def test_coefficients_are_those_of_the_theory() -> None:
    sde = InterpolantSDE(ANY, UNIT, eps=eps)
    a, b, da, db = ANY.alpha, ANY.beta, ANY.alpha_dot, ANY.beta_dot
    assert decide_zero(sde.A - (da / a - eps / a**2))
    assert decide_zero(sde.B - (db - b * da / a + eps * b / a**2))
    for wrong in (sde.A - (da / a + eps / a**2), sde.A - (da / a - 2 * eps / a**2), sde.B - (db - eps * b / a**2)):
        assert decide_zero(wrong).zero is False


def test_a_wrong_score_sign_is_not_the_drift() -> None:
    sde = InterpolantSDE(ANY, Gaussian(m, rho), eps=eps)
    assert decide_zero(sde.drift - sde.velocity + eps * sde.score).zero is False
    assert decide_zero(sde.drift - sde.velocity - 2 * eps * sde.score).zero is False


def test_the_variance_equation_holds_for_every_scale() -> None:
    """The SDE's second moment obeys V̇ = 2 g V + 2 ε, and its mean ṁ = g m + c: marginals do not depend on ε."""
    sde = InterpolantSDE(ANY, Gaussian(m, rho), eps=eps)
    slope, constant = sde.affine
    mean, variance = sde.marginal
    assert decide_zero(sp.diff(variance, t) - 2 * slope * variance - 2 * eps)
    assert decide_zero(sp.diff(mean, t) - slope * mean - constant)
    assert decide_zero(sp.diff(variance, t) - 2 * slope * variance - eps).zero is False
    assert decide_zero(sp.diff(mean, t) - slope * mean).zero is False


@pytest.mark.parametrize("name", SCHEDULES)
def test_kappa_and_eps_give_the_same_equation(name: str) -> None:
    schedule = SCHEDULES[name]
    by_kappa = InterpolantSDE(schedule, UNIT, kappa=1 - t)
    by_eps = InterpolantSDE(schedule, UNIT, eps=(1 - t) * schedule.eps_star)
    for which in ("A", "B", "eps", "score_weight", "noise_weight"):
        assert decide_zero(getattr(by_kappa, which) - getattr(by_eps, which)), which
    other = InterpolantSDE(schedule, UNIT, kappa=1 - t**2)
    assert decide_zero(by_kappa.A - other.A).zero is False


def test_follmer_is_cancelled() -> None:
    sde = InterpolantSDE(SCHEDULES["follmer"], UNIT, kappa=1)
    assert 1 / (t - 1) == sde.A
    assert -1 / (t - 1) == sde.B
    assert sde.eps == sp.Rational(1, 2)
    assert sde.simplified() == 0
    assert sde.diffusion == 1
    assert sde.latex() == r"\mathrm{d}X_t = \mathrm{d}W_t"
    assert InterpolantSDE(SCHEDULES["follmer"], Gaussian(0, 2), kappa=1).simplified() != 0
    assert InterpolantSDE(SCHEDULES["follmer"], UNIT, kappa=2).simplified() != 0


def test_the_ode_is_the_default() -> None:
    sde = InterpolantSDE(SCHEDULES["trig"], Gaussian(0, 1))
    assert (sde.kappa, sde.eps, sde.diffusion) == (0, 0, 0)
    assert sde.simplified() == 0
    assert r"W_t" not in sde.latex()


def test_limits_of_the_coefficients() -> None:
    sde = InterpolantSDE(SCHEDULES["follmer"], UNIT, kappa=1)
    assert sde.coefficients() == {
        "A": (-1, -sp.oo),
        "B": (1, sp.oo),
        "eps": (sp.Rational(1, 2), sp.Rational(1, 2)),
        "score_weight": (0, 1),
        "noise_weight": (0, -sp.oo),
    }


def test_letters_may_stay() -> None:
    sde = InterpolantSDE(SCHEDULES["linear"], Gaussian(m, rho), kappa=kappa)
    assert sde.parameters == {m, rho, kappa}
    with pytest.raises(InputError, match=r"leaves kappa, m, rho open; give values"):
        sde.drift_at(0.5, 0.0)
    numbers = sde.subs(m=1, rho=2, kappa=1)
    assert numbers == InterpolantSDE(SCHEDULES["linear"], Gaussian(1, 2), kappa=1)
    assert sde.subs(rho=2).parameters == {m, kappa}
    with pytest.raises(InputError, match="no parameter sigma; its parameters are kappa, m, rho"):
        sde.subs(sigma=1)


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("scale", [0, 1, "1 - t"])
def test_numbers_agree_with_the_expression_at_forty_digits(name: str, scale: Any) -> None:
    sde, states = InterpolantSDE(SCHEDULES[name], MIXTURE, kappa=scale), np.array([-1.5, 0.25, 2.0])
    wrong = InterpolantSDE(SCHEDULES[name], MIXTURE, kappa=2)
    for time in (0.125, 0.75):
        found = sde.drift_at(time, states)
        truth = [float(sde.drift.subs({t: sp.Rational(time), x: sp.Rational(state)}).evalf(40)) for state in states]
        assert np.allclose(found, truth, rtol=1e-12, atol=1e-12)
        assert not np.allclose(wrong.drift_at(time, states), truth, rtol=1e-3, atol=1e-3)


FINITE_AT_1: list[tuple[str, Any]] = [(name, scale) for name in SCHEDULES for scale in (0, 1, "1 - t")]
FINITE_AT_0: list[tuple[str, Any]] = [(name, 0) for name in SCHEDULES if name != "follmer"]
FINITE_AT_0 += [("follmer", 1), ("follmer", "1 - t")]
LAWS: list[DataLaw] = [MIXTURE, Gaussian(0.5, 2), Gaussian([1, -2], COVARIANCE)]


def _is_limit(sde: InterpolantSDE, end: int) -> bool:
    """Drift values at distances 2^-10, 2^-20, 2^-30 approach the end value, from a state inside the law."""
    mean, cov = sde.marginal_at(end)
    state = np.asarray(mean) + 0.3 * np.sqrt(np.diag(np.atleast_2d(cov)) if sde.dim > 1 else cov)
    at_end = np.asarray(sde.drift_at(end, state))
    gaps = [np.abs(sde.drift_at(abs(end - 2.0**-k), state) - at_end).max() for k in (10, 20, 30)]
    return bool(gaps[2] <= max(gaps[1] / 8, 1e-12) and gaps[1] <= max(gaps[0] / 8, 1e-12))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.summary)
@pytest.mark.parametrize(("name", "scale"), FINITE_AT_1)
def test_the_drift_at_one_is_a_limit(name: str, scale: Any, law: DataLaw) -> None:
    assert _is_limit(InterpolantSDE(SCHEDULES[name], law, kappa=scale), 1)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.summary)
@pytest.mark.parametrize(("name", "scale"), FINITE_AT_0)
def test_the_drift_at_zero_is_a_limit(name: str, scale: Any, law: DataLaw) -> None:
    assert _is_limit(InterpolantSDE(SCHEDULES[name], law, kappa=scale), 0)


def test_the_limit_check_rejects_a_wrong_end_value(monkeypatch: pytest.MonkeyPatch) -> None:
    sde = InterpolantSDE(SCHEDULES["linear"], MIXTURE, kappa=1)
    honest = InterpolantSDE.drift_at
    shifted: Callable[..., Any] = lambda self, s, y: honest(self, s, y) + (0.01 if s == 1 else 0)  # noqa: E731
    monkeypatch.setattr(InterpolantSDE, "drift_at", shifted)
    assert not _is_limit(sde, 1)


def test_point_mass_start_is_brownian_motion_with_drift() -> None:
    """Theory C12: for κ = 1, ρ = 1, β = t the equation starts as dX = E[X] dt + dW."""
    for law in (MIXTURE, Empirical([-1, 0, 2.5]), Gaussian(3, 1)):
        sde = InterpolantSDE(SCHEDULES["follmer"], law, kappa=1)
        assert sde.drift_at(0, 0.0) == pytest.approx(float(law.expectation), abs=1e-14)
        assert sde.eps_at(0) == 0.5


def test_a_start_with_an_infinite_coefficient_but_no_infinite_drift() -> None:
    """κ = 2, β = t: A ~ −t^(−1/3) while X_t ~ t^(2/3), so the path's drift starts as B(0) E[X]."""
    schedule = Schedule("sqrt(t**(4/3) - t**2)", "t")
    for law in (MIXTURE, Gaussian(3, 2), Gaussian([1, -2], COVARIANCE)):
        sde = InterpolantSDE(schedule, law, kappa=2)
        origin = np.zeros(law.dim) if law.dim > 1 else 0.0
        expected = np.asarray(law.expectation, dtype=np.float64)
        assert np.allclose(sde.drift_at(0, origin), expected, rtol=0, atol=1e-14)
        assert np.allclose(sde.drift_at(1e-9, origin), expected, rtol=1e-2, atol=0)
        with pytest.raises(InputError, match="infinite at t = 0"):
            sde.drift_at(0, origin + 1)
    with pytest.raises(InputError, match="infinite at t = 0: A → inf"):
        InterpolantSDE(SCHEDULES["follmer"], MIXTURE).drift_at(0, 0.0)


def test_points_at_one() -> None:
    sde = InterpolantSDE(SCHEDULES["linear"], Empirical([-1, 0, 2.5]))
    assert sde.drift_at(1, np.array([-1, 0, 2.5])).tolist() == [-1, 0, 2.5]
    with pytest.raises(InputError, match=r"infinite at t = 1: A → -inf, B → inf there; stop before t = 1"):
        InterpolantSDE(SCHEDULES["follmer"], Empirical([-1, 1])).drift_at(1, 0.5)


def test_several_dimensions_agree_with_one() -> None:
    states = np.array([[0.3, -1.0], [2.0, 0.5]])
    for name in ("linear", "follmer"):
        plane = InterpolantSDE(SCHEDULES[name], Gaussian([1, -2], np.diag([4.0, 0.25])), kappa=1)
        lines = [InterpolantSDE(SCHEDULES[name], Gaussian(c, s), kappa=1) for c, s in ((1, 2), (-2, 0.5))]
        for time in (0.25, 1.0):
            expected = np.stack([line.drift_at(time, states[:, k]) for k, line in enumerate(lines)], axis=1)
            assert np.allclose(plane.drift_at(time, states), expected, rtol=1e-14, atol=1e-14)
    equal = InterpolantSDE(SCHEDULES["linear"], Gaussian([1, -2], COVARIANCE), kappa=1)
    mixed = GaussianMixture([0.5, 0.5], [[1, -2], [1, -2]], [COVARIANCE, COVARIANCE])
    general = InterpolantSDE(SCHEDULES["linear"], mixed, kappa=1)
    for time in (0.25, 0.999, 1.0):
        assert np.allclose(equal.drift_at(time, states), general.drift_at(time, states), rtol=1e-12, atol=1e-12)


def test_times_broadcast() -> None:
    sde, states = InterpolantSDE(SCHEDULES["linear"], MIXTURE, kappa=1), np.linspace(-1, 1, 4)
    times = np.array([0.25, 0.5, 1.0])
    table = sde.drift_at(times[:, None], states)
    assert np.array_equal(table, np.stack([sde.drift_at(s, states) for s in times]))
    assert np.ndim(sde.drift_at(0.5, 0.5)) == 0
    assert sde.eps_at([0, 0.5, 1]).tolist() == [np.inf, 1.0, 0.0]


def test_the_lazy_frame_has_no_rounding_left() -> None:
    sde = InterpolantSDE(SCHEDULES["follmer"], Gaussian(0, 1), kappa=1)
    assert not sde.drift_at(np.linspace(0, 1, 9), 3.7).any()


def test_hash_equality_and_pickle() -> None:
    sde = InterpolantSDE(SCHEDULES["linear"], MIXTURE, kappa=1)
    assert sde.drift.has(x)
    copy = pickle.loads(pickle.dumps(sde))
    assert copy == sde
    assert hash(copy) == hash(sde)
    assert copy != InterpolantSDE(SCHEDULES["linear"], MIXTURE, kappa=2)


# -- messages ----------------------------------------------------------------------------------------------------------

LINEAR = SCHEDULES["linear"]
BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: InterpolantSDE(LINEAR, UNIT, eps=1, kappa=1), "eps = 1 and kappa = 1 are both given; give one"),
    (lambda: InterpolantSDE(LINEAR, UNIT, eps=-1), r"eps = -1 is negative on \(0, 1\)"),
    (lambda: InterpolantSDE(LINEAR, UNIT, kappa="-0.5"), r"kappa = -0.5 is negative on \(0, 1\); .* >= 0"),
    (lambda: InterpolantSDE(LINEAR, UNIT, eps="t - 1/2"), "eps = t - 1/2 is negative at t = 0.43"),
    (lambda: InterpolantSDE(LINEAR, UNIT, kappa="cos(4*t)"), "kappa = .* is negative at t = "),
    (lambda: InterpolantSDE(LINEAR, UNIT, eps=x), "depends on the state x; it should depend on t alone"),
    (lambda: InterpolantSDE(LINEAR, UNIT, kappa=float("nan")), "kappa is nan; it should be finite"),
    (lambda: InterpolantSDE(LINEAR, UNIT, kappa=sp.oo), "kappa = oo: expected finite real values"),
    (lambda: InterpolantSDE(LINEAR, UNIT, eps=sp.I * t), r"eps = I\*t: expected finite real values"),
    (lambda: InterpolantSDE(LINEAR, UNIT, kappa=sp.Symbol("k", complex=True)), "kappa = k: k is complex; expected"),
    (lambda: InterpolantSDE(LINEAR, Gaussian(0, sp.Symbol("s", complex=True))), "std = s: s is complex; expected"),
    (lambda: InterpolantSDE(LINEAR, UNIT, eps="eval(1)"), "."),
    (lambda: InterpolantSDE(LINEAR, UNIT, kappa=1).drift_at(0, 1.0), "infinite at t = 0: its slope tends to -inf"),
    (lambda: InterpolantSDE(LINEAR, MIXTURE, kappa=1).drift_at(0, 1.0), "t = 0: A → -inf.*; start after t = 0"),
    (lambda: InterpolantSDE(LINEAR, UNIT).drift_at(1.5, 1.0), r"t = 1.5 is outside \[0, 1\]"),
    (lambda: InterpolantSDE(LINEAR, Gaussian([0, 0], 1)).drift_at(0.5, [1.0]), "last axis to be 2"),
    (lambda: InterpolantSDE(LINEAR, Gaussian([0, 0], 1)).drift, "symbolic in one dimension only"),
    (lambda: InterpolantSDE(LINEAR, Gaussian([0, 0], 1)).marginal, r"use marginal_at\(t\)"),
    (lambda: InterpolantSDE(LINEAR, MIXTURE).affine, "affine for Gaussian data only"),
]


@pytest.mark.parametrize(("build", "message"), BAD)
def test_bad_input_is_one_clear_line(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_a_weight_of_nothing_takes_no_part_of_a_field_beyond_the_floats() -> None:
    """At t = 1/2 the velocity of the Föllmer schedule is η_X alone: αα̇ = 0; the score at 10³⁰⁸ is no float."""
    sde = InterpolantSDE(Schedule("sqrt(t*(1 - t))", "t"), Empirical([1, 2]), kappa=0)
    assert sde.drift_at(0.5, [-1e308, 1e308]).tolist() == [1.0, 2.0]


@pytest.mark.slow
def test_the_slope_of_a_schedule_with_roots_of_large_numbers_is_soon_found():
    """EDM's α holds 80^(1/7); by theory C8 the slope is (V̇/2 − ε)/V."""
    edm, law = schedules.edm(), Gaussian(2, 3)
    alpha, beta, alpha_dot, *_ = (float(part) for part in edm.at(0.5))
    variance = alpha**2 + 9 * beta**2
    found = InterpolantSDE(edm, law, eps=1).drift_at(0.5, 1.0)
    assert found == pytest.approx((alpha * alpha_dot - 1) / variance * (1 - 2 * beta), rel=1e-12)
