"""Two-sided interpolants (theory C24): convertible if and only if the curves [α:β:γ] are one."""

import numpy as np
import pytest
import sympy as sp

import symsched as ss
from symsched.symbols import t

PAIRS = {
    "linear": ("1 - t", "t"),
    "vp": ("cos(pi*t/2)", "sin(pi*t/2)"),
    "power": ("1 - t**2", "t**3"),
    "square": ("(1 - t)**2", "t**2"),
}
#: On one curve by C24: γ² = aαβ, of the Brownian bridges; here a = 1.
GAMMAS = {name: f"sqrt(({a})*({b}))" for name, (a, b) in PAIRS.items()} | {"square": "t*(1 - t)"}
BRIDGES = {name: ss.TwoSided(*pair, GAMMAS[name]) for name, pair in PAIRS.items()}


@pytest.mark.parametrize("target", PAIRS)
@pytest.mark.parametrize("source", PAIRS)
def test_bridges_lie_on_one_curve(source, target):
    """Paths αx₀ + βx₁ + γz of one become those of the other, whatever x₀, x₁ and z are."""
    conversion = BRIDGES[source].convert(BRIDGES[target])
    parts = np.random.default_rng(0).standard_normal((3, 7))
    times = np.array([0.1, 0.4, 0.8])
    paths = np.array(BRIDGES[source].at(times)).T @ parts
    made_times, made = conversion.path(times, paths)
    np.testing.assert_allclose(made, np.array(BRIDGES[target].at(made_times)).T @ parts, atol=1e-12)


def test_the_curve_is_known_as_a_function_of_r():
    r = sp.Symbol("r", positive=True)
    for name in ("linear", "vp", "square"):
        assert sp.simplify(BRIDGES[name].curve - sp.sqrt(r)) == 0
    assert BRIDGES["power"].curve is None
    assert ss.TwoSided("1 - t", "t", "t*(1 - t)").curve == r / (r + 1)


def test_theorys_own_number():
    """C24: linear with γ² = t(1 − t) becomes trigonometric with γ̄² = ½ sin πt."""
    linear, vp = BRIDGES["linear"], ss.TwoSided(*PAIRS["vp"], "sqrt(sin(pi*t)/2)")
    conversion = linear.convert(vp)
    (tau,), (scale,), *_ = conversion.at([0.25])
    assert scale**2 * tau * (1 - tau) == pytest.approx(np.sin(np.pi / 4) / 2)
    assert vp.convert(linear).then(conversion).source == vp.schedule


def test_without_noise_any_pair_converts():
    plain = [ss.TwoSided(*pair) for pair in PAIRS.values()]
    assert all(one.convert(other).target == other.schedule for one in plain for other in plain)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("factor", [0, sp.Rational(1, 2), 1 + t, sp.Rational(1000001, 1000000)])
def test_a_curve_beside_it_is_refused_and_both_are_shown(name, factor):
    target = ss.TwoSided(*PAIRS[name], factor * BRIDGES[name].gamma)
    for one, other in ((BRIDGES["linear"], target), (target, BRIDGES["vp"])):
        with pytest.raises(ss.InputError, match=r"no conversion .* gamma/alpha is .* on the curve of the first and"):
            one.convert(other)


def test_what_is_not_known_is_said():
    """Neither ratio has a closed inverse, and a letter has no number to compare."""
    k = sp.Symbol("k", positive=True)
    with pytest.raises(ss.UndecidedError, match=r"give k a number$"):
        ss.TwoSided("1 - t**2", "t**3", k * t).convert(ss.TwoSided("1 - t**3", "t**4", 2 * k * t))
    with pytest.raises(ss.InputError, match=r"gamma/alpha is k\*r on the curve of the first and 2\*k\*r"):
        ss.TwoSided("1 - t", "t", k * t).convert(ss.TwoSided("1 - t", "t", 2 * k * t))


@pytest.mark.slow
def test_a_long_formula_is_compared_in_numbers():
    ddpm = ss.schedules.ddpm()
    with pytest.raises(ss.InputError, match=r"where beta/alpha = 0\.05"):
        ss.TwoSided(ddpm.alpha, ddpm.beta, 1).convert(BRIDGES["linear"])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ss.TwoSided("1 - t", "t", "t - 1/2"), "gamma = .* is negative at t = "),
        (lambda: ss.TwoSided("1 - t", "t", -1), "is negative on"),
        (lambda: ss.TwoSided("t", "1 - t", 1), "r"),
        (lambda: ss.TwoSided("1 - t", "t", "x"), "gamma|x"),
        (lambda: ss.TwoSided("1 - t", "t", None), "gamma = None"),
        (lambda: ss.TwoSided("1 - t", "t", sp.Symbol("t")), "symsched.t"),
        (lambda: ss.TwoSided("1 - t", "t", sp.I), "real"),
        (lambda: ss.TwoSided("1 - t", "t", sp.oo), "finite"),
        (lambda: ss.TwoSided("1 - t", "t", sp.Function("g", positive=True)(t)), "in symsched.t alone"),
        (lambda: BRIDGES["linear"].convert(ss.schedules.linear()), "should be a TwoSided"),
        (lambda: BRIDGES["linear"].at(2), "outside"),
    ],
)
def test_bad_input_gets_one_line(make, match):
    with pytest.raises(ss.InputError, match=match) as caught:
        make()
    assert "\n" not in str(caught.value)
