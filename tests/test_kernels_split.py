"""Splitting by dependence, the log-sum-exp rewriting, the printer's whitelist."""

import numpy as np
import pytest
import sympy as sp
from numba import njit

from symsched.errors import InputError
from symsched.kernels.compiled import fma
from symsched.kernels.vectormath import cos64, exp64, larger, ln64, share64, sin64, smaller, tanh64
from symsched.montecarlo.program.printer import LoopPrinter
from symsched.montecarlo.program.split import Top, affine_parts, degree, monomials, stabilise, state_code
from symsched.symbols import state, t, x


def test_time_only_parts_go_to_the_table():
    code = state_code([sp.sin(t) * sp.exp(t) * sp.tanh(x / t + sp.log(t)) + 3 * sp.exp(-t)], (x,))
    assert set(code.table) == {sp.sin(t) * sp.exp(t), 1 / t, sp.log(t), sp.exp(-t)}
    assert not any(o.has(t) for o in code.outputs)


def test_a_polynomial_has_one_entry_for_each_monomial():
    code = state_code([(x - t) ** 2 / (1 + t) + t * x], (x,))
    assert len(code.table) == 3


@pytest.mark.parametrize(
    ("drift", "parts"),
    [
        ((t * x + sp.sin(t),), ((t, sp.sin(t)),)),
        ((sp.Integer(0),), ((0, 0),)),
        ((x**2,), None),
        ((sp.sin(x),), None),
    ],
)
def test_affine_parts(drift, parts):
    assert affine_parts(drift, (x,)) == parts


def test_coupled_coordinates_are_not_diagonal():
    a, b = state(2)
    assert affine_parts((a + b, b), (a, b)) is None
    assert affine_parts((2 * a, t * b + 1), (a, b)) == ((2, 0), (t, 1))


def test_degree_of_homogeneity():
    e, f = sp.symbols("e f", positive=True)
    letters = frozenset((e, f))
    assert degree((e + 2 * f) / (e + f), letters) == 0
    assert degree(e * f, letters) == 2
    assert degree(e + 1, letters) is None
    assert degree(sp.sqrt(e * f), letters) == 1


def test_ratios_of_exponentials_are_shifted_and_nothing_else_is():
    ratio = (sp.exp(x * 900) - sp.exp(-x * 900)) / (sp.exp(x * 900) + sp.exp(-x * 900))
    assert stabilise([ratio], (x,))[0].has(Top)
    other = sp.exp(x) + sp.exp(2 * x)
    assert stabilise([other], (x,)) == [other]


def compiled(expr):
    code = state_code([expr], (x,))
    printer = LoopPrinter("float64", {x: "x"} | {s: str(s) for s, _ in code.temps})
    lines = [f"    {s} = {printer.show(e)}" for s, e in code.temps]
    source = "\n".join(["def f(x):", *lines, f"    return {printer.show(code.outputs[0])}"])
    import math

    space = {"np": np, "math": math, "f64": np.float64, "fma": fma, "exp64": exp64, "ln64": ln64}
    space |= {
        "sin64": sin64,
        "cos64": cos64,
        "tanh64": tanh64,
        "larger": larger,
        "share64": share64,
        "smaller": smaller,
    }
    exec(compile(source, "<generated>", "exec"), space)  # noqa: S102  (source generated from the whitelist above)
    return njit(error_model="numpy")(space["f"])


@pytest.mark.parametrize(
    "expr",
    [
        x**3 - 2 * x / 7 + sp.pi,
        sp.exp(-(x**2)) * sp.sin(3 * x) + sp.log(2 + x**2),
        sp.tanh(x) / sp.sqrt(1 + x**2) + sp.cos(x) ** 5,
        (1 + x**2) ** sp.Rational(-3, 2) + sp.Abs(x) + sp.Max(x, 0) + sp.Min(x, 1),
        sp.Piecewise((x**2, x > 0), (-x, True)),
        sp.erf(x) + sp.atan(x) + sp.sinh(x) + sp.Pow(1 + x**2, sp.Rational(1, 3)),
        (sp.exp(5 * x) - sp.exp(-3 * x)) / (sp.exp(5 * x) + 2 * sp.exp(-3 * x)),
    ],
)
def test_printed_code_computes_the_expression(expr):
    f = compiled(expr)
    for value in (-1.75, -0.3, 0.2, 2.5):
        assert f(value) == pytest.approx(float(expr.subs(x, sp.Rational(value))), rel=1e-14)


def test_a_mixture_does_not_overflow():
    k = sp.Integer(5000)
    f = compiled((sp.exp(k * x) - sp.exp(-k * x)) / (sp.exp(k * x) + sp.exp(-k * x)))
    assert [f(-1.0), f(1.0)] == [-1.0, 1.0]


def test_unknown_functions_are_refused_by_name():
    with pytest.raises(InputError, match="no kernel can be made of besselj"):
        LoopPrinter("float64", {x: "x"}).show(sp.besselj(0, x))


def test_a_coefficient_may_hold_roots_of_numbers():
    """Over 80^(1/7) and 20000^(1/7) SymPy's Poly builds a field of degree 49, for hours."""
    a, b = sp.Integer(80) ** sp.Rational(1, 7), sp.Integer(20000) ** sp.Rational(1, 7)
    root = (b * t / 10 + a * (1 - t)) ** 7
    assert monomials(x * root + root / (1 + root), (x,)) == {(1,): root, (0,): root / (1 + root)}
    y = sp.Symbol("y", real=True)
    assert monomials((x + root) ** 2 - y * t, (x, y)) == {(2, 0): 1, (1, 0): 2 * root, (0, 0): root**2, (0, 1): -t}
    assert monomials(sp.S.Zero, (x,)) == {}
    for other in (sp.sin(x), 1 / x, sp.sqrt(x), t**x, x * sp.exp(t * x)):
        assert monomials(other, (x,)) is None
