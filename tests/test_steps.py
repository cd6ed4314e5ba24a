"""The laws of one step, against literal twins and mpmath."""

import math
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symsched as ss
from symsched.catalog import as_schedule
from symsched.errors import InputError
from symsched.steps import identities, integrals, laws
from symsched.steps.identities import JETS, PREDICTIONS
from symsched.symbols import kappa, t

AT = {"alpha": sp.Rational(3, 5), "beta": sp.Rational(4, 7), "alpha_dot": -sp.Rational(1, 3), "beta_dot": sp.Integer(2)}
AT |= {"eps": sp.Rational(5, 4), "width": sp.Rational(1, 2)}
STATE, DATA = sp.Rational(7, 10), sp.Rational(-3, 4)
NOISE = (STATE - AT["beta"] * DATA) / AT["alpha"]


def literal(name):
    """What a model predicts at this state, typed."""
    a, b, width = AT["alpha"], AT["beta"], AT["width"]
    sigma = a / b
    root = sp.sqrt(sigma**2 + width**2)
    return {
        "data": DATA,
        "noise": NOISE,
        "score": -NOISE / a,
        "velocity": AT["alpha_dot"] * NOISE + AT["beta_dot"] * DATA,
        "v": b * NOISE - a * DATA,
        "edm": (DATA - width**2 / root**2 * STATE / b) * root / (sigma * width),
    }[name]


@pytest.mark.parametrize("given", PREDICTIONS)
def test_one_prediction_determines_the_others_and_the_drift(given):
    value = literal(given)
    for wanted in PREDICTIONS:
        p, q = (JETS.put(form, **AT) for form in identities.means(wanted, given))
        assert sp.nsimplify(p * STATE + q * value - literal(wanted)) == 0
    state, out = (JETS.put(form, **AT) for form in identities.drift(given))
    drift = literal("velocity") + AT["eps"] * literal("score")
    assert sp.simplify(state * STATE + out * value - drift) == 0
    by_score, by_data = (JETS.put(form, **AT) for form in identities.drift_by_score())
    assert by_score * literal("score") + by_data * DATA == drift


def test_the_explicit_and_the_trapezoid_step_are_the_literal_ones():
    h, a, a2, b, b2, u, state, z = (sp.Symbol(name) for name in ["h", "a", "a2", "b", "b2", "u", "state", "z"])
    put = {"h": h, "drift": a, "drift_next": a2, "rest": b, "rest_next": b2, "width": u}
    euler = state + h * (a * state + b) + u * z
    heun = state + h / 2 * ((a * state + b) + (a2 * euler + b2)) + u * z
    for weights, step in ((laws.explicit(), euler), (laws.trapezoid(), heun)):
        found = weights.put(**put)
        assert sp.expand(found.state * state + found.data + found.noise * z - step) == 0


@pytest.mark.parametrize("at", [0, sp.Rational(1, 3), 1, 2])
def test_the_held_step_solves_its_equation(at):
    """x' of dx = (A x + B p) dt + √(2ε) dW from r to r' in the clock log r, where α = 1: by mpmath."""
    alpha, alpha_next, beta, beta_next = sp.Rational(9, 10), sp.Rational(1, 2), sp.Rational(1, 5), sp.Rational(7, 8)
    span = sp.log(beta_next / alpha_next * alpha / beta)
    step = laws.held_in_log_r().put(
        alpha=alpha, alpha_next=alpha_next, beta_next=beta_next, kappa=sp.sympify(at), growth=span
    )
    kept, fresh = (e.subs({laws.ratio: beta * alpha_next / (alpha * beta_next), kappa: at}) for e in laws.retained())
    long = laws.held().put(alpha=alpha, beta=beta, alpha_next=alpha_next, beta_next=beta_next, kept=kept, fresh=fresh)
    with mp.workdps(30):
        decay = mp.exp(-at * mp.mpf(span.evalf(40)))
        literal = (alpha_next / alpha * decay, beta_next - beta * alpha_next / alpha * decay)
        for weights in (step, long):
            assert mp.almosteq(mp.mpf(weights.state.evalf(30)), literal[0], 1e-25)
            assert mp.almosteq(mp.mpf(weights.data.evalf(30)), literal[1], 1e-25)
            assert mp.almosteq(mp.mpf(weights.noise.evalf(30)), alpha_next * mp.sqrt(1 - decay**2), 1e-25)


def test_the_held_step_is_a_difference_of_nothing():
    """1 − e^(−h) for h = 1e-12 keeps its digits."""
    step = laws.held_in_log_r().put(kappa=sp.Integer(1))
    state, data, noise = laws.evaluated(lambda: step, laws.alpha, laws.alpha_next, laws.beta_next, laws.growth)(
        1.0, 1.0, 1.0, 1e-12
    )
    assert (state, data, noise) == pytest.approx((1 - 1e-12, 2e-12 - 2e-24, math.sqrt(2e-12 - 2e-24)), rel=1e-15)


SCALES = {
    "rational": (1 - t) / t,
    "root": sp.sqrt(t) * sp.exp(t),
    "narrow": sp.exp(-(((t - sp.Rational(1234, 10000)) * 5000) ** 2)),
    "singular": t ** sp.Rational(-1, 2) + (1 - t) ** sp.Rational(-2, 3),
}


@pytest.mark.parametrize("name", SCALES)
def test_what_a_step_accumulates(name):
    grid = np.linspace(0.05, 0.95, 7) if name == "rational" else np.linspace(0, 1, 7)
    found = integrals.noise_variance(SCALES[name], grid)
    value = sp.lambdify(t, 2 * SCALES[name], "mpmath")

    def closed(time):
        return 4 * mp.sqrt(time) - 6 * (1 - mp.mpf(time)) ** (mp.mpf(1) / 3)

    with mp.workdps(30):
        for k, (low, high) in enumerate(pairwise(grid.tolist())):
            inner = [p for p in (0.1234 - 1e-3, 0.1234, 0.1234 + 1e-3) if low < p < high and name == "narrow"]
            exact = mp.quad(value, [low, *inner, high]) if name != "singular" else closed(high) - closed(low)
            assert found[k] == pytest.approx(float(exact), rel=1e-13, abs=1e-300)


def test_an_integral_that_diverges_is_refused_or_given_the_value_asked_for():
    grid = np.array([0.0, 0.5, 1.0])
    with pytest.raises(InputError, match="diverges at t = 0"):
        integrals.over(1 / t, grid)
    found = integrals.over(1 / t, grid, diverging=np.inf)
    assert found[0] == np.inf
    assert found[1] == pytest.approx(math.log(2), rel=1e-15)


def test_algebraic_coefficients_do_not_keep_an_integral_waiting():
    """ε* of EDM is a polynomial of degree 13 whose coefficients are roots: its antiderivative took minutes."""
    edm = as_schedule("edm")
    found = integrals.noise_variance(edm.eps_star, np.array([0.25, 0.5]))
    squares = edm.alpha.subs(t, sp.Rational(1, 4)) ** 2 - edm.alpha.subs(t, sp.Rational(1, 2)) ** 2
    assert found[0] == pytest.approx(float(squares), rel=1e-13)


@pytest.mark.parametrize("rho", [0, sp.Rational(1, 2)])
def test_what_a_state_keeps_is_the_same_by_the_ratio_and_by_the_integral(rho):
    vp, grid = ss.schedules.vp(), np.array([0.0, 0.1, 0.6, 1.0])
    by_ratio = integrals.retained(vp.alpha, vp.beta, vp.eps_star / 2, sp.Rational(1, 2), grid, sp.sympify(rho))
    by_integral = integrals.retained(vp.alpha, vp.beta, vp.eps_star / 2, None, grid, sp.sympify(rho))
    for one, other in zip(by_ratio, by_integral, strict=True):
        assert one == pytest.approx(other, rel=1e-13, abs=1e-15)
    assert by_ratio[0][0] == 0
