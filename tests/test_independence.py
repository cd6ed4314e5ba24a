"""A fault in what the exact route rests on is noticed by the other routes: they share nothing with it.

Each fault is put before `decide_zero`, which then answers as a rewriter with that fault would: "it is 0".
"""

import pytest
import sympy as sp

import symsched.routes
from symsched.certify.algebra import lemma
from symsched.certify.coq import UnsupportedError
from symsched.exact.zero import decide_zero
from symsched.routes import decide_all, evaluated
from symsched.theorem import Setting, Theorem, run_check

x, y = sp.symbols("x y", real=True)
a = sp.Symbol("a", positive=True)
A, B = sp.symbols("A B", commutative=False)
f = sp.Function("f")
slot = sp.Subs(sp.Derivative(f(a, y), a), (a, y), (x, 2 * x))


def commute_everything(expr):
    return expr.xreplace({s: sp.Symbol(s.name) for s in expr.free_symbols if not s.is_commutative})


def drop_a_chain_term(expr):
    return expr.replace(sp.Derivative, lambda body, *by: slot if body == f(x, 2 * x) else sp.Derivative(body, *by))


def forget_signs(expr):
    """Every symbol is taken for a positive one."""
    return expr.xreplace({s: sp.Symbol(s.name, positive=True) for s in expr.free_symbols})


FAULTS = {
    "commute everything": (commute_everything, A * B - B * A),
    "drop a chain term": (drop_a_chain_term, sp.Derivative(f(x, 2 * x), x) - slot),
    "positive bases": (forget_signs, sp.sqrt(x**2) - x),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_rewriting_is_noticed_by_the_numbers(name, monkeypatch):
    fault, false = FAULTS[name]
    monkeypatch.setattr(symsched.routes, "decide_zero", lambda e, **options: decide_zero(fault(e).doit(), **options))
    assert decide_all({"fooled": false}).passed
    theorem = Theorem("F", "a false theorem", name)

    @theorem.step("false")
    def false_step():
        return false

    found = run_check(false_step, Setting())
    assert not found.passed
    if false.is_commutative:  # otherwise the numbers refuse to answer
        assert not evaluated({"seen": false}).error


@pytest.mark.parametrize("name", FAULTS)
def test_coq_is_asked_about_the_formula_before_the_fault(name):
    """Its lemma is that of the formula as it stands, which differs from that of what the fault makes of it."""
    fault, false = FAULTS[name]
    try:
        asked = lemma("one", "", false).statement
    except UnsupportedError:
        return  # no lemma: nothing is ticked
    assert asked != lemma("one", "", fault(false).doit()).statement
