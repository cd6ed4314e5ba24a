"""The edges of the zero test: letters of every assumption, jets, domains, branches, and what is no number at all.

The right answers are known by hand; where a point is named, it is one at which the expression has that value.
"""

import numpy as np
import pytest
import sympy as sp
from sympy.core.cache import clear_cache

from symsched.errors import InputError
from symsched.exact import zero
from symsched.exact.undefined import as_jet, as_written, carried_out
from symsched.exact.zero import decide_zero
from symsched.pointwise import read
from symsched.symbols import t

x, y = sp.symbols("x y", real=True)
n, m = sp.symbols("n m", integer=True)
u, v = sp.symbols("u v")
p = sp.Symbol("p", positive=True)
negative = sp.Symbol("w", negative=True)
even, odd, prime = sp.Symbol("e", even=True), sp.Symbol("o", odd=True), sp.Symbol("q", prime=True)
A, B = sp.symbols("A B", commutative=False)
M = sp.MatrixSymbol("M", 2, 2)
f, g = sp.Function("f"), sp.Function("g")
ONE_ = sp.sin(x) ** 2 + sp.cos(x) ** 2  # 1, not seen to be so
NIL = ONE_ - 1
D = sp.Derivative
F1 = D(f(u), u)


def slot(k, *args):
    """∂g in its slot k at (a, b)."""
    return sp.Subs(D(g(u, args[1]) if k == 0 else g(args[0], u), u), u, args[k])


def cases(one, other, condition):
    """`one` where the condition holds, `other` elsewhere."""
    return sp.Piecewise((one, condition), (other, True))


ZERO = {
    "a condition on a bound letter": sp.Sum(cases(f(n), g(n, n), n < 2), (n, 1, 2)) - f(1) - g(2, 2),
    "cases inside a function": f(cases(x, y, x > y)) - cases(f(x), f(y), x > y),
    "cases that exclude each other": cases(x, 0, x > y) * cases(0, y, x > y),
    "Γ steps up": sp.gamma(x + 2) - (x + 1) * x * sp.gamma(x),
    "Γ at a number": sp.gamma(sp.Rational(7, 4)) - 3 * sp.gamma(sp.Rational(3, 4)) / 4 + NIL,
    "Γ steps down": sp.gamma(p - 1) * (p - 1) - sp.gamma(p),
    "a sum in a sum": sp.Sum(n * m, (n, 1, m), (m, 1, 3)) - 25,  # 1 + 2·3 + 3·6
    "one letter bound twice": sp.Sum(sp.Sum(n, (n, 1, 2)), (n, 1, 3)) - 9,
    "hyperbolic of a wave": 2 * sp.sinh(sp.cos(x)) - sp.exp(sp.cos(x)) + sp.exp(-sp.cos(x)),
    "hyperbolic of a power": sp.tanh(negative**x) * sp.cosh(negative**x) - sp.sinh(negative**x),
    "simultaneous substitution": sp.Subs(g(u, v), (u, v), (y, x)) - g(y, x),
    "substitution into a product": sp.Subs(f(u) * g(u, v), (u, v), (y, x)) - f(y) * g(y, x),
    "substitution in a substitution": sp.Subs(sp.Subs(g(u, v), u, x) + v, v, u) - g(x, u) - u,
    "chain rule in both slots": D(g(x, 2 * x), x) - slot(0, x, 2 * x) - 2 * slot(1, x, 2 * x),
    "repeated argument": D(g(x, x), x) - slot(0, x, x) - slot(1, x, x),
    "chain rule through another": D(f(f(x)), x) - sp.Subs(F1, u, f(x)) * D(f(x), x),
    "second derivative": D(f(x**2), x, x) - 2 * sp.Subs(F1, u, x**2) - 4 * x**2 * sp.Subs(D(f(u), u, u), u, x**2),
    "by an expression": D(f(g(x, y)), g(x, y)) - sp.Subs(F1, u, g(x, y)),
    "by a function": D(f(x) ** 2 * f(x).diff(x), f(x)) - 2 * f(x) * f(x).diff(x),
    "mixed order": D(g(x, y), x, y) - D(g(x, y), y, x),
    "a plain derivative": D(sp.sin(t), t) - sp.cos(t),
    "d/dt of an integral": D(sp.Integral(f(u), (u, 0, t)), t) - f(t),
    "with both bounds": D(sp.Integral(f(u), (u, x, x**2)), x) - 2 * x * f(x**2) + f(x),
    "names of bound variables": sp.Integral(f(u), (u, 0, 1)) - sp.Integral(f(v), (v, 0, 1)),
    "short sum": sp.Sum(u**2, (u, 1, 3)) - 14,
    "root of nothing": sp.sqrt(NIL),
    "√(x²) is |x|": sp.sqrt(x**2) - sp.Abs(x),
    "a declared sign": sp.sqrt(negative**2) + negative,
    "powers add": u**n * u**m - u ** (n + m),
    "whole powers of products": (x * y) ** n - x**n * y**n,
    "a square to a power": (x**2 + 2 * x + 1) ** n - (x + 1) ** (2 * n),
    "√(x^2n) is |x^n|": sp.sqrt(x ** (2 * n)) - sp.Abs(x**n),
    "signs": sp.Abs(x * y) - sp.Abs(x) * sp.Abs(y),
    "maximum": sp.Max(x, y) + sp.Min(x, y) - x - y,
    "known maximum": sp.Max(t, t**2) - t,
    "zero letter": sp.Symbol("z", zero=True) * x + NIL,
    "even power of -1": (-1) ** even - ONE_,
    "branches": sp.Piecewise((NIL, x > 0), (sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1, True)),
    "a half is a float": sp.Float(0.5) * x - x / 2,
    "the exact value of a float": sp.Float("0.1", 50) - sp.Rational(sp.Float("0.1", 50)) + NIL,
    "inverse sine and cosine": sp.asin(x) + sp.acos(x) - sp.pi / 2,
    "tangent": sp.tan(x) * sp.cos(x) - sp.sin(x),
    "logarithm undone": sp.log(sp.exp(x)) - x,
    "golden": sp.GoldenRatio**2 - sp.GoldenRatio - 1,
}
NOT_ZERO = {
    "a condition on a bound letter, at n = 1": sp.Sum(cases(1, 0, n < 2), (n, 1, 3)) - cases(3, 0, n < 2),
    "a condition on what is put in, at x = 0": sp.Subs(cases(1, 2, x < 1), x, 5) - cases(1, 2, x < 1),
    "Γ steps up by another factor": sp.gamma(x + 1) - (x + 1) * sp.gamma(x),
    "two sums of one letter": sp.Sum(sp.Sum(n, (n, 1, 2)), (n, 1, 3)) - 18,
    "g(y, x) is not g(x, x)": sp.Subs(g(u, v), (u, v), (y, x)) - g(x, x),
    "a term of the chain rule": D(g(x, 2 * x), x) - slot(0, x, 2 * x),
    "one slot for both": D(g(x, x), x) - 2 * slot(0, x, x),
    "√(x^n), at x = -1 and n = 2": sp.sqrt(x**n) - x ** (n / 2),
    "the same of a negative letter": sp.sqrt(negative**n) - negative ** (n / 2),
    "√(x^2n), at x = -1 and n = 1": sp.sqrt(x ** (2 * n)) - x**n,
    "√(u²), at u = -1": sp.sqrt(u**2) - u,
    "sign² at 0": sp.sign(x) ** 2 - 1,
    "not all primes": prime - 2,
    "odd power of -1": (-1) ** odd - 1,
    "asin sin, at 2": sp.asin(sp.sin(x)) - x,
    "atan tan, at 2": sp.atan(sp.tan(x)) - x,
    "acos cos, at -1": sp.acos(sp.cos(x)) - x,
    "atan of 1/x, at -1": sp.atan(1 / x) + sp.atan(x) - sp.pi / 2,
    "atan2, at (1, -1)": sp.atan2(x, y) - sp.atan(x / y),
    "Lambert W, at -2": sp.LambertW(x * sp.exp(x)) - x,
    "branch, at 1": sp.Piecewise((1, x > 0), (0, True)),
    "the 17th digit of a float": sp.sqrt(x**2 + sp.Float(0.1)) - sp.sqrt(x**2 + sp.Rational(1, 10)),
    "50 digits of pi": sp.Float("3.14159265358979323846264338327950288419716939937510", 50) - sp.pi,
    "25 digits": sp.sin(t) - sp.sin(t + sp.Rational(1, 10**25)),
    "200 digits": sp.sqrt(x**2 + sp.Rational(1, 10**200)) - sp.Abs(x),
    "Ramanujan's near miss": sp.exp(sp.pi * sp.sqrt(163)) - 262537412640768744,
}
BRANCHES = sp.Integral(cases(f(x), f(y), x < 1), (x, 0, 2))
UNDECIDED = {
    "no case ever holds": sp.Piecewise((NIL, sp.sin(x) > 2)),
    "no case holds, and two": sp.Piecewise((NIL, sp.And(sp.cosh(y) < 1, x > 0)), (NIL, sp.Eq(sp.cos(x), 3))),
    "a condition on what is integrated over": BRANCHES - cases(*(sp.Integral(f(s), (x, 0, 2)) for s in (x, y)), x < 1),
    "a limit": sp.Limit(cases(f(y), f(0), x < 1), x, 5) - cases(sp.Limit(f(y), x, 5), sp.Limit(f(0), x, 5), x < 1),
    "the slope of 0, at x = 1": D(cases(x - 1, 0, sp.Eq(x, 1)), x) - cases(1, 0, sp.Eq(x, 1)),
    "a polygamma of no whole order": sp.polygamma(sp.Rational(1, 2), p) - 1,
    "0/0": NIL / (sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1),
    "0/0 and five": NIL / (sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1) - 5,
    "x/0 times 0": x / NIL * (sp.cosh(y) ** 2 - sp.sinh(y) ** 2 - 1),
    "the logarithm of 0": sp.log(NIL) - sp.log(NIL) * ONE_,
    "atanh 1": sp.atanh(ONE_) * NIL,
    "asin beyond 1": sp.asin(2 + x**2) + sp.acos(2 + x**2) - sp.pi / 2,
    "complex branch of W": sp.LambertW(x, 2) - sp.LambertW(x, -1),
    "under the integral sign": D(sp.Integral(g(u, t), (u, 0, t)), t) - g(t, t),
    "a derivative of floor": D(sp.floor(x), x),
    "equal to SymPy": D(g(x, x), x) - 2 * sp.Subs(D(g(u, v), u), (u, v), (x, x)),
    "an unknown order": D(f(x), (x, n)) - f(x),
    "entries with unknown indices": sp.IndexedBase("a")[n] - sp.IndexedBase("a")[m],
    "a named root": sp.CRootOf(x**3 - x - 1, 0) ** 3 - sp.CRootOf(x**3 - x - 1, 0) - 1,
}
REFUSED = {
    "A does not commute": A * B - B * A,
    "does not commute; expected real numbers": f(A * B) - f(B * A),
    "(MatAdd): expected one real expression": M * M.T - M.T * M,
    "M does not commute": sp.Trace(M) - sp.Trace(M.T),
    "(Equality): expected one real expression": sp.Eq(x, y),
    "(BooleanTrue): expected one real expression": True,
    "(ndarray): expected": np.zeros(3),
    "(ImmutableDenseNDimArray): expected": sp.Array([0, 0]),
    "(list): expected": [sp.Matrix([0])],
    "(ImmutableDenseMatrix): expected": sp.Matrix([0]),
    "(str): expected": "0",
    "im is imaginary; expected real letters": sp.Symbol("im", imaginary=True),
    "c is complex; expected real letters": sp.Symbol("c", complex=True),
    "big is infinite; expected real letters": sp.Symbol("big", infinite=True),
    "is not a number; expected": x * sp.DiracDelta(x),
    "O(x**2) is not a number": x + sp.O(x**2),
    "expected a finite real expression": sp.I * x,
    "-x**2 - 1 is negative: its roots and its logarithm are not real": sp.sqrt(-1 - x**2) * ONE_,
    "w is negative: its roots": sp.sqrt(negative) * NIL,
}


@pytest.mark.parametrize("expr", ZERO.values(), ids=ZERO)
def test_zero(expr):
    assert decide_zero(expr).zero is True


@pytest.mark.parametrize("expr", ZERO.values(), ids=ZERO)
def test_zero_and_a_little_is_not(expr):
    assert decide_zero(expr + sp.exp(y) / 10**40).zero is not True


@pytest.mark.parametrize("expr", NOT_ZERO.values(), ids=NOT_ZERO)
def test_not_zero(expr):
    decision = decide_zero(expr)
    assert decision.zero is False
    assert decision.witness


@pytest.mark.parametrize("expr", UNDECIDED.values(), ids=UNDECIDED)
def test_undecided(expr):
    assert decide_zero(expr).zero is None


@pytest.mark.parametrize(("words", "expr"), REFUSED.items(), ids=list(REFUSED))
def test_refused_in_one_line(words, expr):
    with pytest.raises(InputError) as caught:
        decide_zero(expr)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_real_at_the_edge_alone_is_not_refused():
    """√d of a d ≤ 0 is real at 0, and H(n) − 1 is 0 for n > 0: neither is "negative"."""
    d = sp.Symbol("d", nonpositive=True)
    least, step = sp.Min(sp.Rational(5, 2), sp.sqrt(d)), sp.Heaviside(n)
    assert decide_zero(sp.cbrt(least**3) - least).zero is not False
    assert decide_zero(sp.acosh(step) - sp.log(step + sp.sqrt(step - 1) * sp.sqrt(step + 1))).zero is not False


def test_what_is_nowhere_defined_says_so():
    assert "divides by something that vanishes identically" in decide_zero(UNDECIDED["0/0"]).reason
    assert "vanishes identically" in decide_zero(UNDECIDED["the logarithm of 0"]).reason


@pytest.mark.parametrize(
    ("expr", "hypotheses"),
    [
        (sp.cbrt(x**3) - x, ("x > 0",)),  # real only there
        (sp.log(x * y) - sp.log(x) - sp.log(y), ("x > 0", "y > 0")),
        ((u**x) ** y - u ** (x * y), ("u > 0",)),
        (sp.Heaviside(x) + sp.Heaviside(-x) - 1, ("x ≠ 0",)),
        (sp.sqrt(p**n) - p ** (n / 2), ()),
        (sp.Integral(f(u), (u, 0, 1)) * NIL, ("Integral(f(u), (u, 0, 1)) is real and finite",)),
    ],
)
def test_conventions_that_were_used_are_told(expr, hypotheses):
    decision = decide_zero(expr)
    assert decision.zero is True
    assert set(decision.hypotheses) - {"x*y > 0"} == set(hypotheses)  # which follows, and may be told too


def test_a_refutation_within_a_budget_stays_one(monkeypatch):
    """`within(…) or Decision(None)` made every refutation of a heavy formula undecided: a refutation is falsy."""
    monkeypatch.setattr(zero, "MAX_EXPANSION", 0)  # everything is heavy
    assert decide_zero(x**2 + 1 - u, ((u, x),)).zero is False


def test_the_witness_keeps_every_assumption():
    """Each letter minus what it may be is not 0; the witness names a number of its kind."""
    kinds = {"negative": "-", "nonpositive": "-", "positive": "0123456789"}
    for kind, starts in kinds.items():
        letter = sp.Symbol("s", **{kind: True})
        value = decide_zero(letter - sp.Rational(1, 7)).witness.split("s = ")[1]
        assert value[0] in starts
    assert decide_zero(sp.Symbol("s", even=True, prime=True) - 3).zero is False


@pytest.mark.parametrize(
    "jet",
    [
        (f, (0,), (x,)),
        (f, (2,), (x**2,)),
        (g, (1, 0), (x, 2 * x)),
        (g, (1, 2), (x, x)),
        (g, (0, 1), (f(x), y)),
    ],
)
def test_a_jet_is_read_as_it_is_written(jet):
    assert as_jet(as_written(jet)) == jet


def test_derivatives_are_carried_out_as_with_concrete_functions():
    """carried_out on ∂(…) with f = sin, g = (a, b) ↦ a² e^b is SymPy's own derivative of what is put in."""
    concrete = {f: sp.sin, g: lambda a, b: a**2 * sp.exp(b)}

    def put_in(expr):
        if not expr.args:
            return expr
        args = [put_in(a) for a in expr.args]
        jet = as_jet(expr)
        if jet is None:
            return expr.func(*args)
        function, orders, _ = jet
        letters = sp.symbols("r0:2", real=True)[: len(args)]
        slope = concrete[function](*letters).diff(*zip(letters, orders, strict=True))
        return slope.subs(dict(zip(letters, args, strict=True)), simultaneous=True)

    for inside in (g(x, 2 * x), f(g(x, f(x))), g(f(x), x) ** 2, g(sp.sin(x), y * x) * f(x)):
        for order in (1, 2):
            right = inside.replace(f, concrete[f]).replace(g, concrete[g]).diff(x, order)
            assert sp.simplify(put_in(carried_out(D(inside, (x, order)))) - right) == 0


def bound(kind, body, letter):
    return kind(body, (letter, 1, 3 if kind is sp.Integral else sp.Symbol("N", integer=True, positive=True)))


@pytest.mark.parametrize("outer", [sp.Integral, sp.Sum, sp.Product])
@pytest.mark.parametrize("inner", [sp.Integral, sp.Sum, sp.Product])
def test_an_inner_variable_is_not_the_outer_one(outer, inner):
    """Σ_i i(1 + Σ_k i k) is not Σ_i i(1 + Σ_k k²), and does not depend on the letters."""
    i, k, a, b = sp.symbols("i k a b", real=True)

    def nested(i, k, body):
        return bound(outer, i * (1 + bound(inner, body, k)), i)

    right = nested(i, k, i * k)
    assert decide_zero(right - nested(i, k, k * k)).zero is not True
    assert decide_zero(right - nested(i, k, i * i)).zero is not True
    assert decide_zero(right - nested(a, b, a * b)).zero is True
    assert decide_zero(right - nested(k, i, k * i)).zero is True


@pytest.mark.parametrize("inner", [sp.Integral, sp.Sum, sp.Product])
def test_what_the_rule_of_leibniz_puts_in_stays_free(inner):
    """d/dy ∫_0^y (1 + ∫ s y' dy') ds = 1 + ∫ y y' dy', where y' is not y."""
    s, other = sp.symbols("s o", real=True)
    slope = D(sp.Integral(1 + bound(inner, s * y, y), (s, 0, y)), y)
    assert decide_zero(slope - 1 - bound(inner, y * other, other)).zero is True
    assert decide_zero(slope - 1 - bound(inner, y * y, y)).zero is not True


def test_a_limit_and_a_sum_around_keep_their_letters():
    s, size = sp.Symbol("s", real=True), sp.Symbol("N", integer=True, positive=True)
    limit = D(sp.Integral(sp.Limit(g(y, s), y, 0), (s, 0, y)), y)
    assert decide_zero(limit - sp.Limit(g(y, y), y, 0)).zero is not True
    summed = D(sp.Sum(sp.Integral(f(s), (s, 0, y * n)), (n, 1, size)), y)
    assert decide_zero(summed - size * n * f(y * n)).zero is not True


@pytest.mark.parametrize("digits", [120, 700])  # beyond the first and beyond the last precision of the points
def test_a_root_that_is_real_nowhere_is_no_zero(digits):
    """√(π − N) with N a little more than π; with N a little less it is real, and the statement true."""
    around, step = sp.Rational(str(sp.pi.evalf(digits))), sp.Rational(1, 10 ** (digits - 5))
    for number, right in ((around + step, (None,)), (around - step, (None, True) if digits > 500 else (True,))):
        root = sp.sqrt(sp.pi - number)
        assert decide_zero((root + x) ** 2 - (sp.pi - number) - 2 * x * root - x**2).zero in right


@pytest.mark.parametrize("exponent", [10**30, -(10**30), sp.Rational(10**30 + 1, 7)])
@pytest.mark.parametrize("bounded", [True, False])
def test_a_power_beyond_all_work_is_left_open(exponent, bounded):
    decision = decide_zero(p**exponent - p ** (exponent + 1), bounded=bounded)
    assert decision.zero is None
    assert "in its exponent" in decision.reason


def test_a_multiple_of_an_angle_beyond_all_work_is_left_without_its_formula():
    assert decide_zero(sp.sin(10**30 * sp.asin(x)) - x).zero is not True


@pytest.mark.parametrize("decide", [decide_zero, read])
def test_a_substitution_of_two_letters_of_one_name_is_refused(decide):
    """SymPy compares points by how they are printed."""
    twin, positive_f = sp.Symbol("x", positive=True), sp.Function("f", positive=True)
    for one, other in ((x, twin), (twin, x), (f(x), positive_f(x))):
        with pytest.raises(InputError, match="rename one"):
            decide(sp.Subs(g(u, v), (u, v), (one, other)) - g(one, other))


def _zero(residual):
    return decide_zero(residual).zero


def _seen(residual):
    return read(residual).zero


@pytest.mark.parametrize("zero", [_zero, _seen])
def test_what_is_known_of_one_letter_is_not_told_of_its_namesake(zero):
    """Both statements are equal to SymPy, and so to every cache that goes by its equality."""
    twin = sp.Symbol("x", positive=True)
    clear_cache()
    true = f(x) * y - sp.Subs(f(u), u, x) * y
    clear_cache()  # or SymPy gives the first for the second
    false = f(x) * y - sp.Subs(f(u), u, twin) * y
    assert true == false
    assert zero(true) is True
    clear_cache()
    assert zero(false) is False


@pytest.mark.parametrize("decide", [decide_zero, read])
@pytest.mark.parametrize(
    "ambiguous",
    [
        sp.Subs(sp.Subs(g(x, y), x, y), y, x),  # is g(x, x), and the same to SymPy as g(y, x) with both at once
        sp.Subs(g(x, y), (x, y), (y, x)),
        sp.Subs(sp.Subs(f(x), x, x + 1), x, y),
        sp.Subs(sp.Subs(f(x), x, y**2), y, 2),
    ],
)
def test_one_after_the_other_is_not_all_at_once(decide, ambiguous):
    for claimed in (g(x, x), g(y, x), f(y), f(y + 1)):
        with pytest.raises(InputError, match="one after the other"):
            decide(ambiguous - claimed)


@pytest.mark.parametrize(
    "number",
    [
        sp.Integral(1, (u, 0, x)),
        sp.Sum(n * x, (n, 1, sp.Symbol("N", integer=True))),
        sp.sinc(x),
        sp.sin(sp.Integral(u, (u, 0, x))),
        g(sp.Integral(u, (u, 0, x)), x),
    ],
    ids=str,
)
def test_a_function_of_what_has_no_ball_may_be_that_of_something_else(number):
    """f(∫_0^x 1) is f(x): two values of one function were drawn as if nothing could make their arguments equal."""
    assert decide_zero(f(number) - f(x)).zero is None
    assert decide_zero(D(f(number), x) - D(f(x), x)).zero is None
    assert decide_zero(f(number) - 2 * f(number)).zero is False


def test_a_base_that_is_a_square_may_be_0():
    """cos(n)² − 1 is negative at every whole n but 0, where its root is 0."""
    root = sp.sqrt(sp.cos(n) ** 2 - 1)
    assert decide_zero(root * NIL).zero is not False


def test_a_letter_that_nobody_declared_real_is_said_to_be_taken_for_real():
    """SymPy's own symbols are complex: of those |w|² is not w², and the decision says what it supposed."""
    w, declared = sp.symbols("w"), sp.symbols("v", real=True)
    for residual in (sp.conjugate(w) - w, sp.re(w) - w, sp.Abs(w) ** 2 - w**2):
        found = decide_zero(residual)
        assert found.zero is True
        assert found.hypotheses == ("w is real",)
    assert decide_zero(sp.Abs(declared) ** 2 - declared**2).hypotheses == ()
    assert decide_zero(sp.sin(w) ** 2 + sp.cos(w) ** 2 - 1).hypotheses == ()  # an identity of complex numbers too
