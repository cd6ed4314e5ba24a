"""Laws of conversion on random schedules: a groupoid, covariance of ε*, laziness, equal marginals.

Values are right to the last bit, so a law may be off by a few roundings of its own operands and by nothing else: every
bound below is computed from the slopes, none is chosen.
"""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from random_schedules import TIMES, clocks, combinations, kappas, lazies, reparametrised, rhos, schedules

from symsched import catalog
from symsched.conversion import convert
from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.exact.limits import values
from symsched.exact.zero import decide_zero
from symsched.lazy import condition
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import t, x

ULP = 2.0**-52
INSIDE = np.array(TIMES)


def composed(first, second, times):
    """(τ, c) of `first` followed by `second`, with bounds on the roundings of this composition."""
    middle, outer, _, _ = second.at(times)
    tau, inner, tau_dot, scale_dot = first.at(middle)
    rounding = ULP * middle  # what the middle time, itself rounded, may be off by
    tau_bound = 2 * ULP * np.abs(tau) + 2 * np.abs(tau_dot) * rounding
    scale_bound = 4 * ULP * np.abs(inner * outer) + 2 * np.abs(outer * scale_dot) * rounding
    return (tau, outer * inner), (tau_bound, scale_bound)


def assert_groupoid(first, second, direct):
    # At an end of (0, 1) the middle time may round to 0 or 1, where slopes are infinite: stay where they are not.
    times = INSIDE[2:-2]
    found, bounds = composed(first, second, times)
    for value, exact, bound in zip(found, direct.at(times), bounds, strict=False):
        assert (np.abs(value - exact) <= bound).all(), (value - exact, bound)


@pytest.mark.slow
@given(schedules, schedules, schedules, rhos)
def test_conversions_are_a_groupoid_that_carries_scales_and_marginals(a, b, c, rho):
    """Composition, inverse, ε̄* and Var c I_τ = Var Ī_t for data of any ρ: each conversion is derived once."""
    there, back = convert(a, b), convert(b, a)
    assert_groupoid(there, convert(b, c), convert(a, c))
    assert_groupoid(there, back, convert(a, a))
    carried = there.eps(a.eps_star), there.scale**2 * a.variance(rho).subs(t, there.tau)
    pushed, moved, own, exact = there.values((*carried, b.eps_star, b.variance(rho)), INSIDE)
    assert_equal_to_the_last_bits([pushed, moved], [own, exact])


def test_a_wrong_composition_is_seen():
    linear, vp, follmer = catalog.linear(), catalog.vp(), catalog.follmer()
    with pytest.raises(AssertionError):
        assert_groupoid(convert(linear, vp), convert(vp, follmer), convert(linear, vp))


def assert_equal_to_the_last_bits(ones, others, ulps=4):
    for one, other in zip(ones, others, strict=True):
        assert (np.abs(one - other) <= ulps * ULP * np.abs(other)).all(), (one, other)


def test_another_scale_is_not_covariant():
    conversion = convert(catalog.linear(), catalog.vp())
    carried, own = conversion.values((conversion.eps(sp.Integer(1)), sp.Integer(1)), INSIDE)
    with pytest.raises(AssertionError):
        assert_equal_to_the_last_bits([carried], [own])


@pytest.mark.slow
@given(lazies(), clocks)
def test_laziness_is_preserved_by_reparametrisation(lazy, clock):
    schedule, kappa, rho = lazy
    found = condition(reparametrised(schedule, clock), Gaussian(0, rho))
    assert found.possible is True
    (measured,) = values((found.kappa,), INSIDE)
    assert_equal_to_the_last_bits([measured], [np.full_like(measured, float(kappa))])


LAZY_OR_NOT = st.tuples(combinations(), rhos) | lazies().map(lambda drawn: (drawn[0], drawn[2]))


@pytest.mark.slow
@given(LAZY_OR_NOT)
def test_the_lazy_scale_makes_the_drift_vanish_or_is_refused(drawn):
    schedule, rho = drawn
    data, found = Gaussian(0, rho), condition(schedule, Gaussian(0, rho))
    if found.possible is False:
        with pytest.raises(InputError, match="a diffusion scale should be >= 0"):
            InterpolantSDE(schedule, data, eps=found.eps)
        return
    right = InterpolantSDE(schedule, data, eps=found.eps).drift
    wrong = InterpolantSDE(schedule, data, eps=found.eps + 1).drift
    assert decide_zero(right).zero is True
    (moving,) = values((wrong.subs(x, sp.Rational(3, 4)),), INSIDE)
    assert (np.abs(moving) > 1e-3).all()


@pytest.mark.slow
@given(combinations(), rhos, kappas)
def test_the_sde_keeps_the_marginals_of_the_interpolant(schedule, rho, kappa):
    """Moments of dX = b dt + σ dW: V̇ = 2 b' V + σ² and ṁ = b(m), for every κ."""
    sde = InterpolantSDE(schedule, Gaussian(sp.Rational(1, 3), rho), kappa=kappa)
    variance, mean = schedule.variance(rho), schedule.beta / 3
    slope = 2 * sde.drift.diff(x) * variance + sde.diffusion**2
    pairs = (slope, variance.diff(t), sde.drift.subs(x, mean), mean.diff(t))
    got_v, want_v, got_m, want_m = values(pairs, INSIDE)
    assert_equal_to_the_last_bits([got_m], [want_m])
    assert (np.abs(got_v - want_v) <= 4 * ULP * (np.abs(want_v) + np.abs(got_v)) + 1e-300).all()


def test_reparametrised_lazy_schedules_are_valid():
    schedule = reparametrised(catalog.lazy(kappa=1), t**2)
    assert isinstance(schedule, Schedule)
    assert schedule.validate().kind == "point-mass"
