"""Fractional powers of t: rational functions of t^(1/n), decided like any other."""

import pytest
from sympy import Rational, sqrt

from symsched.exact.signs import sign_on_unit
from symsched.symbols import t

third = t ** Rational(1, 3)


@pytest.mark.parametrize("power", ["4/3", "3/2", "5/3", "2/3"])
def test_a_lower_power_is_larger(power):
    gap = t ** Rational(power) - t**2
    assert sign_on_unit(gap).value == "positive"
    assert sign_on_unit(-gap).value == "negative"
    assert sign_on_unit(sqrt(gap)).value == "positive"


def test_a_quotient_of_fractional_powers_is_decided_by_its_roots():
    growth = 1 / t - (4 * third / 3 - 2 * t) / (2 * t * third - 2 * t**2)
    assert sign_on_unit(growth).value == "positive"
    assert sign_on_unit(-growth).value == "negative"


def test_a_double_root_is_found_where_it_is():
    found = sign_on_unit((sqrt(t) - Rational(1, 3)) ** 2)
    assert found.value == "nonnegative"
    assert found.witness[0] == pytest.approx(1 / 9)


def test_a_crossing_is_not_called_positive():
    assert sign_on_unit(sqrt(t) - third + Rational(1, 50)).value == "mixed"
