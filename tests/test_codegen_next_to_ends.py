"""Next to an end a level may be no float where what is made of it is one: such numbers are right all the same."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from slowness import quick

import symsched.codegen as codegen
from symsched.codegen.languages.numpy import NumPy
from symsched.codegen.stable import Stabiliser, unit_samples
from symsched.codegen.stable.rounding import SMALLEST, sample_at
from symsched.schedule import Schedule
from symsched.symbols import t

LEVELS = {  # noise, data: β = t^(3/2), both, and one of which β̇/β has no form that serves both ends
    "3/2": ("1 - t", "t**(3/2)"),
    "both": ("t**2*(1 - t)", "t**4"),
    "cosine": ("1 - t", "1 - cos(pi*t/2)"),
}
TIMES = (1e-300, 1e-250, 1e-120, 1e-9, 0.3, 1 - 2.0**-40, 1 - 2.0**-53)
KAPPA = 0.75


def exact(alpha, beta, time):
    """(A, B) of every prediction by mpmath: from α, β, their derivatives by differences, and nothing of ours."""
    with mpmath.workdps(1500 if time < 1e-100 else 400):
        names = {"cos": mpmath.cos, "pi": mpmath.pi, "mpf": mpmath.mpf}

        def read(text):
            return lambda x: eval(text.replace("3/2", "mpf(3)/2"), names | {"t": x})  # noqa: S307 - written above

        x, (a, b) = mpmath.mpf(time), (read(alpha), read(beta))
        a1, b1 = (mpmath.diff(f, x, h=min(x, 1 - x) * mpmath.mpf(10) ** -100) for f in (a, b))
        a0, b0, k = a(x), b(x), mpmath.mpf(KAPPA)
        gap, square = a0 * b1 - b0 * a1, a0**2 + b0**2
        rate = gap / (a0 * b0)
        found = {
            "drift_data": (a1 / a0 - k * rate, (1 + k) * b0 * rate),
            "drift_noise": (b1 / b0, -(1 + k) * a0 * rate),
            "drift_v": ((a0 * a1 + b0 * b1 - k * a0**2 * rate) / square, -(1 + k) * gap / square),
        }
        return {name: tuple(map(float, pair)) for name, pair in found.items()}


@pytest.mark.parametrize("name", quick(["3/2"], LEVELS))
def test_weights_are_right_where_a_level_is_no_float(name):
    names = {"__name__": "emitted"}
    exec(codegen.generate(Schedule(*LEVELS[name]), "numpy"), names)  # noqa: S102 - our own output
    for time in TIMES:
        for function, expected in exact(*LEVELS[name], time).items():
            assert names[function](time, KAPPA) == pytest.approx(expected, rel=1e-12, abs=1e-300), (function, time)


def test_the_rounding_of_a_product_is_exact_up_to_the_largest_floats():
    names = {}
    exec("import numpy as np\n" + NumPy.error_helpers, names)  # noqa: S102 - our own text
    draw = np.random.default_rng(0)
    for size in (1.0, 2.0**500, 2.0**1000, 2.0**1022):
        for a, b in draw.uniform(1, 2, (50, 2)):
            big = a * size
            error = Fraction(big) * Fraction(b / 2) - Fraction(big * (b / 2))
            assert Fraction(float(names["_product_error"](big, b / 2))) == error


def test_a_lost_level_is_0_and_no_more():
    """β = t^(3/2) at 2⁻⁹⁵⁰ is lost as a whole, and then 1/β too; √t β̇ is not."""
    near = sample_at({t: sp.Rational(1, 2**950)})
    beta = near.evaluate(t ** sp.Rational(3, 2))
    assert beta.value < SMALLEST
    assert beta.ulps == pytest.approx(2**52)
    assert near.evaluate(1 / (t ** sp.Rational(3, 2) + t**2)).ulps == float("inf")
    assert near.evaluate(sp.exp(-1 / t) / t**2).error.is_finite()


def test_a_tangent_that_is_bad_at_both_ends_is_a_quotient():
    assert Stabiliser(unit_samples())(sp.tan(sp.pi * t / 2)).has(sp.sin)
