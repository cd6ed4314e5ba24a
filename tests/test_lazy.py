"""Lazy schedules: families out of `dsolve`, given scales, moving κ, frames, and what is refused."""

import numpy as np
import pytest
import sympy as sp
from slowness import slow

from symsched import lazy
from symsched.data import Gaussian
from symsched.errors import InputError, UndecidedError
from symsched.exact.zero import decide_zero
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import kappa, rho, t


def drift_vanishes(schedule, ratio, spread):
    """Whether the drift on N(0, ρ²) is 0, decided exactly."""
    return InterpolantSDE(schedule, Gaussian(0, spread), kappa=ratio).simplified() == 0


def test_the_family_is_solved_and_confirmed():
    found = lazy.family()
    assert found.confirmed
    assert decide_zero(found.alpha_squared - rho**2 * (t ** (2 * kappa / (1 + kappa)) - t**2))


@pytest.mark.parametrize("spread", [1, sp.Rational(1, 2), 3])
@pytest.mark.parametrize("ratio", [0, "1/3", 1, 4])
def test_solved_schedules_are_valid_and_lazy_at_their_own_scale_only(ratio, spread):
    schedule = lazy.solve(kappa=ratio, rho=spread)
    assert schedule.validate().proved
    assert drift_vanishes(schedule, ratio, spread)
    assert not drift_vanishes(schedule, sp.Rational(ratio) + 1, spread)


def test_the_clock_is_free():
    clock = sp.sin(sp.pi * t / 2) ** 2
    assert drift_vanishes(lazy.solve(kappa=1, beta=clock), 1, 1)


@pytest.mark.parametrize("moving", [slow("t"), "1 + t", "1 + 2*t"])
def test_a_moving_kappa_is_lazy(moving):
    assert drift_vanishes(lazy.solve(kappa=moving), moving, 1)


def test_a_given_scale_makes_the_variance():
    schedule = lazy.solve(eps="1/2")
    assert schedule.kind == "point-mass"
    assert decide_zero(schedule.variance(1) - t)


@pytest.mark.parametrize("ratio", [0, 1])
def test_a_frame_keeps_the_clock_and_is_lazy(ratio):
    linear = Schedule("1-t", "t")
    frame = lazy.frame(linear, ratio, 2)
    assert decide_zero(frame.r - linear.r)
    assert drift_vanishes(frame, ratio, 2)


@pytest.mark.parametrize("ratio", [0, 1])
def test_the_spectral_frame_carries_each_axis_to_its_lazy_variance(ratio):
    frame = lazy.spectral([1.0, -1.0], [[2.0, 0.6], [0.6, 1.0]], kappa=ratio)
    times = np.array([0.2, 0.7, 1.0])
    for k, std in enumerate(frame.stds):
        axis = lazy.frame(frame.schedule, ratio, float(std))
        alpha, beta, *_ = axis.at(times)
        np.testing.assert_allclose(frame.variances(times)[:, k], alpha**2 + std**2 * beta**2, rtol=1e-13)
    states = np.array([[0.3, -0.4], [1.0, 2.0]])
    np.testing.assert_allclose(frame.back(0.5, frame.into(0.5, states)), states, rtol=1e-13)


def test_the_condition_says_whether_a_schedule_can_be_lazy():
    linear = lazy.condition(Schedule("1-t", "t"), Gaussian(0, 1))
    follmer = lazy.condition(Schedule("sqrt(t-t**2)", "t"), Gaussian(1, 1))
    assert linear.possible is False
    assert follmer.possible is True
    assert follmer.kappa == 1
    assert follmer.centre


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({}, "exactly one of kappa and eps"),
        ({"kappa": 1, "eps": 1}, "exactly one of kappa and eps"),
        ({"kappa": -1}, "kappa = -1 is negative"),
        ({"kappa": "t - 1/2"}, "kappa = t - 1/2 is negative at t = "),
        ({"kappa": 1, "rho": 0}, "rho = 0: expected a finite number > 0"),
        ({"kappa": 1, "beta": "1 - t"}, "must increase strictly"),
        ({"eps": "t", "beta": "t"}, "alpha must be positive"),
    ],
)
def test_bad_input_is_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        lazy.solve(**call)
    assert "\n" not in str(caught.value)


def test_an_equation_without_a_closed_solution_is_undecided():
    with pytest.raises(UndecidedError, match="rational function of t"):
        lazy.solve(kappa="exp(t)")


def test_a_singular_covariance_is_refused():
    with pytest.raises(InputError, match="every direction needs a positive variance"):
        lazy.spectral([0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]])


def test_a_scale_that_no_variance_grows_by():
    """∫₀ dt/t = ∞: V = ρ² + 2 log t is below 0 near the start for every ρ, a number or a letter."""
    for std in (1, sp.Symbol("rho", positive=True)):
        with pytest.raises(InputError, match="integral from t = 0 is infinite"):
            lazy.solve(eps="1/t", rho=std)
    assert lazy.solve(eps="1/(2*sqrt(t))", rho=2).limit("alpha", 1) == 0
