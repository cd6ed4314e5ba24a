"""Flow maps (theory C23): closed forms, conversion, composition, average velocities; a law carried to a law."""

import numpy as np
import pytest
import sympy as sp
from scipy import stats
from scipy.integrate import solve_ivp

import symsched as ss
from symsched.symbols import rho

LINEAR, VP, FOLLMER = ss.schedules.linear(), ss.schedules.vp(), ss.schedules.follmer()
MIXTURE = ss.GaussianMixture([0.3, 0.7], [-1.2, 0.8], [0.3, 0.5])
STATES = np.array([-1.5, -0.2, 0.7, 2.0])


def test_the_closed_form_of_gaussian_data():
    """β_t m + √(V_t/V_s)(x − β_s m), linear, N(2, ¼), s = 1/5, t = 4/5."""
    flow = ss.flow_map(LINEAR, ss.Gaussian(2, 0.5))
    root = np.sqrt((0.2**2 + 0.25 * 0.8**2) / (0.8**2 + 0.25 * 0.2**2))
    np.testing.assert_allclose(flow(0.2, 0.8, STATES), 1.6 + root * (STATES - 0.4), rtol=1e-14)
    wrong = 1.6 + root**2 * (STATES - 0.4)
    assert np.abs(flow(0.2, 0.8, STATES) - wrong).max() > 0.1
    assert flow(0, 1, 0.0) == pytest.approx(2)


def test_the_axes_of_a_covariance_flow_apart():
    law = ss.Gaussian([1, 0], [[1, 0.5], [0.5, 2]])
    flow = ss.flow_map(VP, law)
    states = np.random.default_rng(0).standard_normal((5, 2))
    sde = ss.InterpolantSDE(VP, law)
    run = solve_ivp(lambda s, y: sde.drift_at(s, y.reshape(5, 2)).ravel(), (0.1, 0.7), states.ravel(), rtol=1e-9)
    np.testing.assert_allclose(flow(0.1, 0.7, states), run.y[:, -1].reshape(5, 2), atol=1e-6)


@pytest.mark.parametrize("schedule", [LINEAR, VP])
def test_a_mixture_flows_along_its_own_velocity(schedule):
    sde = ss.InterpolantSDE(schedule, MIXTURE)
    run = solve_ivp(sde.drift_at, (0.1, 0.9), STATES, rtol=1e-9, atol=1e-10)
    flow = ss.flow_map(schedule, MIXTURE)
    np.testing.assert_allclose(flow(0.1, 0.9, STATES), run.y[:, -1], atol=1e-6)
    np.testing.assert_allclose(flow(0.9, 0.1, run.y[:, -1]), STATES, atol=1e-6)


@pytest.mark.parametrize("target", [VP, FOLLMER, ss.Schedule("1 - t**2", "t**3")])
@pytest.mark.parametrize("law", [ss.Gaussian(1, 0.4), MIXTURE])
def test_conversion_is_the_targets_own_flow(target, law):
    flow, own = ss.flow_map(LINEAR, law).convert(target), ss.flow_map(target, law)
    np.testing.assert_allclose(flow(0.3, 0.8, STATES), own(0.3, 0.8, STATES), atol=1e-8)
    assert np.abs(ss.flow_map(LINEAR, law)(0.3, 0.8, STATES) - own(0.3, 0.8, STATES)).max() > 0.01
    np.testing.assert_allclose(flow(0.4, 0.8, flow(0.2, 0.4, STATES)), own(0.2, 0.8, STATES), atol=1e-8)


def test_a_model_is_carried_as_it_stands():
    """A trained map is a function of (s, t, x); so is a MeanFlow, whose conversion is that of C23."""
    flow = ss.flow_map(LINEAR, MIXTURE)
    map_model = ss.flow_map(LINEAR, lambda s, t, x: flow(s, t, x))
    mean_model = ss.flow_map(LINEAR, average=lambda s, t, x: flow.average(s, t, x))
    own = ss.flow_map(VP, MIXTURE)
    for model in (map_model, mean_model):
        np.testing.assert_allclose(model.convert(VP)(0.2, 0.9, STATES), own(0.2, 0.9, STATES), atol=1e-8)
    s, t = 0.2, 0.9
    (ts, tt), (cs, ct), *_ = ss.convert(LINEAR, VP).at([s, t])
    said = (ct * (tt - ts) * flow.average(ts, tt, STATES / cs) + (ct / cs - 1) * STATES) / (t - s)
    np.testing.assert_allclose(mean_model.convert(VP).average(s, t, STATES), said, atol=1e-12)


def test_consistency_maps_keep_their_values():
    """c₁ = 1: f̄(s, x) = f(τ_s, x/c_s)."""
    (tau,), (scale,), *_ = ss.convert(LINEAR, VP).at([0.4])
    one, other = ss.flow_map(LINEAR, MIXTURE), ss.flow_map(VP, MIXTURE)
    np.testing.assert_allclose(other.consistency(0.4, STATES), one.consistency(tau, STATES / scale), atol=1e-8)


def test_the_lazy_frame_has_nothing_to_learn():
    flow = ss.flow_map(VP, ss.Gaussian(0, 1))
    np.testing.assert_allclose(flow(0, 1, STATES), STATES, rtol=1e-14)


def test_noise_is_carried_to_the_data():
    ends = ss.flow_map(LINEAR, MIXTURE)(0, 1, np.random.default_rng(0).standard_normal(4000))

    def cdf(x):
        return 0.3 * stats.norm.cdf(x, -1.2, 0.3) + 0.7 * stats.norm.cdf(x, 0.8, 0.5)

    assert stats.kstest(ends, cdf).pvalue > 1e-4
    assert stats.kstest(ends + 0.1, cdf).pvalue < 1e-6


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ss.flow_map(LINEAR), "give one of data"),
        (lambda: ss.flow_map(LINEAR, MIXTURE, average=np.add), "give one of data"),
        (lambda: ss.flow_map(LINEAR, 3), "data law, or a function"),
        (lambda: ss.flow_map(LINEAR, average=3), "should be a function"),
        (lambda: ss.flow_map(3, MIXTURE), "should be a Schedule"),
        (lambda: ss.flow_map(ss.Schedule("t", "1 - t"), MIXTURE), "r"),
        (lambda: ss.flow_map(LINEAR, ss.Gaussian(0, rho)), "rho"),
        (lambda: ss.flow_map(LINEAR, MIXTURE)(0, 2, 0.0), "outside"),
        (lambda: ss.flow_map(LINEAR, MIXTURE)([0, 1], 1, 0.0), "one time"),
        (lambda: ss.flow_map(LINEAR, MIXTURE)(0, 1, "x"), "real states"),
        (lambda: ss.flow_map(LINEAR, MIXTURE)(0, 1, float("nan")), "not finite"),
        (lambda: ss.flow_map(LINEAR, ss.Empirical([-1, 1]))(1, 0, 0.5), "could not be followed"),
        (lambda: ss.flow_map(FOLLMER, MIXTURE)(0, 1, 0.0), "a point at t = 0"),
        (lambda: ss.flow_map(LINEAR, MIXTURE).convert(FOLLMER)(0, 1, 0.0), "c = 0 at t = 0"),
        (lambda: ss.flow_map(LINEAR, ss.Gaussian([0, 0], 1))(0, 1, np.zeros(3)), "last axis to be 2"),
        (lambda: ss.flow_map(LINEAR, MIXTURE).average(0.5, 0.5, 0.0), "the velocity there"),
        (lambda: ss.flow_map(LINEAR, MIXTURE).convert(3), "should be a Schedule"),
        (lambda: ss.flow_map(LINEAR, MIXTURE).average("a", 1, 0.0), "numbers in"),
        (lambda: ss.flow_map(LINEAR, MIXTURE).average(0, None, 0.0), "numbers in"),
        (lambda: ss.flow_map(LINEAR, MIXTURE).average([0, 0.5], 1, 0.0), "one time"),
        (lambda: ss.flow_map(LINEAR, lambda *_: np.ones(5))(0, 1, np.ones(3)), r"\(3,\) with the shape \(5,\)"),
        (lambda: ss.flow_map(LINEAR, lambda *_: None)(0, 1, np.ones(3)), "the answer of a model"),
        (lambda: ss.flow_map(LINEAR, MIXTURE)(0, 1, 1e308), "could not be followed"),
    ],
)
def test_bad_input_gets_one_line(make, match):
    with pytest.raises(ss.InputError, match=match) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_sympy_is_not_asked_for_numbers():
    assert isinstance(ss.flow_map(LINEAR, ss.Gaussian(0, sp.Rational(1, 2)))(sp.Rational(1, 2), 1, 1.0), float)


@pytest.mark.parametrize("size", [1e-12, 1, 1e9])
def test_data_of_any_size_flow_as_exactly(size):
    """In one dimension the flow keeps ranks: Φ is the data's quantile of the noise's probability."""
    law = ss.GaussianMixture([0.5, 0.5], [-size, size], [size / 10, size / 10])
    noise = np.array([-2.0, -0.4, 0.3, 1.5])
    found = ss.flow_map(LINEAR, law)(0, 1, noise) / size
    rank = stats.norm.cdf(np.abs(noise))  # in the right component up to e^-50
    np.testing.assert_allclose(found, np.sign(noise) * (1 + 0.1 * stats.norm.ppf(2 * rank - 1)), rtol=1e-8)


def test_times_are_numbers_of_any_kind():
    flow = ss.flow_map(LINEAR, MIXTURE)
    assert flow.average(sp.Rational(1, 2), 1, np.ones(2)).dtype == float
    assert flow.average(sp.Rational(1, 2), 1, 1.0) == flow.average(0.5, 1, 1.0)
