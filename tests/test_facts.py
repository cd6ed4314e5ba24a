"""What SymPy concludes from a letter that is whole or rational is believed where numbers do not contradict it."""

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from symsched.errors import UndecidedError
from symsched.exact import limit_at, sign_on_unit
from symsched.exact.facts import known
from symsched.symbols import t

m, k = sp.symbols("m k", integer=True, nonnegative=True)
n = sp.Symbol("n", integer=True)
q = sp.Symbol("q", rational=True)
p = sp.Symbol("p", positive=True)


@pytest.mark.parametrize("open_", [sp.atan(m), sp.atan(q) ** 2, abs(sp.asin(q)), sp.acos(n), sp.atan(m) + sp.atan(k)])
def test_what_is_0_for_one_of_the_numbers_is_not_positive(open_):
    assert known(open_, "positive") is None
    assert known(open_, "nonzero") is None


def test_a_binomial_coefficient_is_not_negative_where_it_is_10():
    assert sp.binomial(5, 3) == 10
    assert known(sp.binomial(n, 3), "negative") is None


@pytest.mark.parametrize(
    "form", [m + 1, sp.exp(q), q**2 + p, sp.factorial(m), 2 ** (m + 1), 1 + sp.atan(m), p * sp.cosh(n)]
)
def test_what_holds_is_known(form):
    assert known(form, "positive") is True


@given(st.integers(0, 6), st.sampled_from([sp.atan, sp.asin, sp.erf, sp.sinh, sp.LambertW, sp.sqrt, lambda x: x**2]))
def test_a_fact_holds_at_every_number(value, function):
    for form in (function(m), function(m) + 1, function(m) ** 2, function(m) * p):
        for fact in ("positive", "negative", "zero", "nonnegative", "nonpositive", "nonzero"):
            told, true = known(form, fact), getattr(form.subs(m, value), f"is_{fact}")
            assert None in (told, true) or told == true


@pytest.mark.parametrize("form", [t * (sp.atan(m) + sp.atan(q) ** 2), t * sp.atan(q) ** 2 + sp.atan(n) ** 4])
def test_a_sign_that_a_whole_number_takes_away_is_open(form):
    assert sign_on_unit(form).value == "unknown"


@pytest.mark.parametrize(
    "form",
    [t ** sp.atan(m), sp.atan(m) / t, sp.exp(-sp.atan(m) / t), t ** abs(sp.atan(q)), t ** -sp.binomial(n, 3)],
    ids=str,
)
def test_a_limit_that_hangs_on_a_whole_number_is_open(form):
    """t^(atan m) tends to 1 for m = 0 and to 0 for others, t^(−C(n, 3)) to ∞ for n = 5."""
    with pytest.raises(UndecidedError):
        limit_at(form, 0)
