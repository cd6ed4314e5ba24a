"""Faults put into the rewriter, and who notices: the exact route accepts something false, the numeric route does not.

The statements are false by hand.  Each fault lets exactly one of them through `decide_zero`; the numeric route reads
the formula by itself, and the values that `decide_zero` looks at in points, which share its reading of jets, notice
faults of the algebra alone.
"""

import pytest
import sympy as sp

from symsched.errors import InputError
from symsched.exact import rewriter, undefined, zero
from symsched.exact.zero import decide_zero
from symsched.routes import evaluated

x, y = sp.symbols("x y", real=True)
u, v = sp.symbols("u v")
g = sp.Function("g")
A, B = sp.symbols("A B", commutative=False)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """No decision is remembered, before or after a fault."""
    monkeypatch.setattr(zero, "_decided", zero._decided.__wrapped__)


def _commute_everything(monkeypatch):
    true = zero._admitted
    monkeypatch.setattr(zero, "_admitted", lambda expr: true(expr.xreplace({A: x, B: y})))


def _first_slot_only(monkeypatch):
    """∂/∂x g(x, 2x) is ∂₁g alone: the sum over the slots loses a term."""

    def sloppy(expr, v):
        slots = [k for k, arg in enumerate(expr.args) if arg.has(v)]
        if isinstance(expr, undefined._Applied) and slots:
            return expr.fdiff(slots[0] + 1) * expr.args[slots[0]].diff(v)
        return expr.diff(v)

    monkeypatch.setattr(undefined, "_slope", sloppy)


first = sp.Subs(sp.Derivative(g(u, 2 * x), u), u, x)
FAULTS = {
    "commute everything": (_commute_everything, A * B - B * A),
    "drop a chain term": (_first_slot_only, sp.Derivative(g(x, 2 * x), x) - first),
}


def _exactly(statement):
    try:
        return decide_zero(statement).zero
    except InputError:
        return "refused"


@pytest.mark.parametrize(("fault", "statement"), FAULTS.values(), ids=FAULTS)
def test_the_exact_route_alone_would_let_it_through(fault, statement, monkeypatch):
    assert _exactly(statement) in (False, "refused")
    fault(monkeypatch)
    assert _exactly(statement) is True


@pytest.mark.parametrize(("fault", "statement"), FAULTS.values(), ids=FAULTS)
def test_the_numeric_route_notices(fault, statement, monkeypatch):
    """It shares nothing with what was spoilt: it refutes, or refuses letters that are no numbers."""
    fault(monkeypatch)
    if not statement.is_commutative:
        with pytest.raises(InputError, match="do not commute"):
            evaluated({"residual": statement})
        return
    outcome = evaluated({"residual": statement})
    assert not outcome.passed
    assert not outcome.error  # refuted, and not merely left open


def test_the_numeric_route_accepts_what_is_true():
    """Its twin: what it notices is the fault."""
    both = first + 2 * sp.Subs(sp.Derivative(g(x, u), u), u, 2 * x)
    own = sp.Function("own")  # SymPy's cache hands out a Subs of the same function with other bound letters
    for statement in (sp.Derivative(g(x, 2 * x), x) - both, sp.Subs(own(u, v), (u, v), (y, x)) - own(y, x)):
        assert decide_zero(statement).zero is True
        assert evaluated({"residual": statement}).passed


PRODUCT = rewriter.Rewriter._product


def first_order(self, expr):
    """exp(x) = 1 + x."""
    return 1 + self.rewrite(expr.exp) if isinstance(expr, sp.exp) else PRODUCT(self, expr)


@pytest.mark.parametrize(
    ("name", "wrong", "statement"),
    [
        ("_root", lambda self, base: self.rewrite(sp.S.One) * base, sp.Abs(x) - x**2),
        ("_logarithm", lambda self, argument: self.rewrite(argument), sp.log(1 + x**2) - 1 - x**2),
        ("_product", first_order, sp.exp(x) - 1 - x),
    ],
)
def test_values_at_points_notice_faults_of_the_algebra(name, wrong, statement, monkeypatch):
    """`decide_zero` evaluates the expression as it stands: a wrong normal form of 0 is not believed."""
    monkeypatch.setattr(rewriter.Rewriter, name, wrong)
    assert decide_zero(statement).zero is False
