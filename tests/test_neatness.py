"""The shortest form is written only where it is decided to be equal."""

import pytest
import sympy as sp

from symsched.exact import neatness
from symsched.exact.neatness import neat
from symsched.symbols import t

ROOT = sp.atan(sp.sqrt(t) / sp.sqrt(1 - t))
#: Too little for balls of 256 bits, too much for an identity.
SPECK = sp.Rational(1, 10**90)
q = sp.Symbol("q", nonnegative=True)


@pytest.mark.parametrize(
    ("form", "short"),
    [
        (ROOT, sp.asin(sp.sqrt(t))),
        (sp.atan(sp.tan(sp.pi * t / 2)), sp.pi * t / 2),
        (sp.cos(sp.pi * t / 2) / sp.Abs(sp.cos(sp.pi * t / 2)), sp.S.One),
        (sp.sqrt(t**2 / (1 - t) ** 2 + 1), sp.sqrt(2 * t**2 - 2 * t + 1) / (1 - t)),
        (sp.sqrt(t) * sp.sqrt(1 - t) * sp.sqrt(1 / (1 - t)), sp.sqrt(t)),
    ],
    ids=str,
)
def test_short_forms(form, short):
    assert neat(form) == short


@pytest.mark.parametrize("wrong", [SPECK * t, SPECK * sp.sqrt(t), sp.Rational(1, 3)], ids=["line", "root", "constant"])
def test_what_differs_by_a_speck_is_not_equal(wrong):
    assert neatness._equal(ROOT, sp.asin(sp.sqrt(t)))
    assert not neatness._equal(ROOT, sp.asin(sp.sqrt(t)) + wrong)


def test_an_angle_out_of_its_range_is_given_back(monkeypatch):
    """Twin: a range taken for granted makes atan(tan(pi t)) pi t, of the same slope: a point tells them apart."""
    over = sp.atan(sp.tan(sp.pi * t))
    assert neat(over) == over
    monkeypatch.setattr(neatness, "side", lambda _: 1)
    assert neatness._inverse(over, apart=False) == sp.pi * t
    assert not neatness._equal(over, sp.pi * t)


@pytest.mark.parametrize(
    "form", [q**t + q ** (1 - t), (q ** (1 - t) + t) / (1 + q**t), q ** (2 - t) + 2 * q**t], ids=str
)
def test_no_value_is_lost_where_a_letter_is_0(form):
    """q/q^t is shorter than q^(1 - t), and not a number at q = 0, where that is 0."""
    assert neat(form).subs({q: 0, t: sp.Rational(1, 3)}) == form.subs({q: 0, t: sp.Rational(1, 3)})
    assert neatness._equal(q ** (1 - t), q / q**t)
    assert not neatness._defined_as_far(q ** (1 - t), q / q**t)


def test_sums_with_roots_of_numbers_are_left_where_nothing_is_rewritten():
    r, n = sp.root(80, 7), sp.Symbol("n", integer=True)
    total = r * t + 1
    opaque = [
        sp.Integral(total, (t, 0, t)),
        sp.Sum(1 / total**n, (n, 1, 3)),
        sp.Limit(1 / total, t, 1),
        sp.Piecewise((total, t > sp.Rational(1, 2)), (t, True)),
        sp.Piecewise((t, total > 2), (1 / total, True)),
    ]
    for form in opaque:
        assert neat(form) == form
    assert neat(t + (t + r * (1 - t))) == 2 * t + r * (1 - t)
