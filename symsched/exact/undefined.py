"""Undefined functions and their derivatives: every one of them is ∂^orders f at some arguments, a *jet*.

SymPy writes the same jet in many ways: f(x, 2x), ∂f(x, y)/∂x, ∂f(ξ, 2x)/∂ξ at ξ = x.  `as_jet` reads those that are
one jet as they stand; `carried_out` does the rest: it takes derivatives by the chain rule and substitutes, all at once,
so that ∂/∂x f(x, 2x) becomes f₁(x, 2x) + 2 f₂(x, 2x).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.function import UndefinedFunction as Undefined

from symsched.exact.binders import BINDING, apart, terms

Jet = tuple[Any, tuple[int, ...], tuple[sp.Expr, ...]]  # f, its order in each slot, the arguments

OPAQUE = (AppliedUndef, sp.Derivative, sp.Subs, sp.Integral)
MOST_TERMS = 200  # of a sum or a product that is written out
MOST_ORDER = 12  # of a derivative that is carried out: its terms may double with each order


class _Applied(sp.Function):
    """A jet as a function of its arguments whose derivative in a slot is a jet again; see `_slots`."""

    jet: tuple[Any, tuple[int, ...]]

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        function, orders = self.jet
        return _slots(function, tuple(n + (k == argindex - 1) for k, n in enumerate(orders)))(*self.args)


@lru_cache(maxsize=4096)
def _slots(function: Undefined, orders: tuple[int, ...]) -> Any:
    """∂^orders f as a SymPy function; what is assumed of f is assumed of its values, not of its derivatives."""
    known = {} if any(orders) else {f"is_{fact}": value for fact, value in function._kwargs.items()}
    mark = "" if not any(orders) else "_" + "".join(map(str, orders))
    return type(f"{function}{mark}", (_Applied,), {"jet": (function, orders), **known})


def as_jet(expr: sp.Expr) -> Jet | None:
    """f, its order of differentiation in each slot, and the arguments: for f(…), ∂f(…) and ∂f|_{v = point}.

    None where the chain rule has something to say, as for ∂/∂x f(x, 2x): see `carried_out`.
    """
    if isinstance(expr, _Applied):
        return *expr.jet, expr.args
    points: dict[sp.Expr, sp.Expr] = {}
    if isinstance(expr, sp.Subs):
        points = dict(zip(expr.variables, expr.point, strict=True))
        expr = expr.expr
    counts: dict[sp.Expr, int] = {}
    if isinstance(expr, sp.Derivative):
        if not all(n.is_Integer for _, n in expr.variable_count):
            return None
        for v, n in expr.variable_count:
            counts[v] = counts.get(v, 0) + int(n)
        expr = expr.expr
    if not isinstance(expr, AppliedUndef) or any([a for a in expr.args if a.has(v)] != [v] for v in counts):
        return None  # ∂/∂v is not the derivative in one slot alone
    orders = tuple(counts.get(a, 0) for a in expr.args)
    if not points:
        return expr.func, orders, expr.args
    if any(
        a.has(sp.Derivative, sp.Subs, *BINDING) for a in expr.args
    ):  # what is substituted there may be the variable of a derivative
        return None
    return expr.func, orders, tuple(a.subs(points, simultaneous=True) for a in expr.args)


def is_ambiguous(expr: sp.Expr) -> bool:
    """Whether SymPy takes `expr` for equal to other jets: ∂f/∂u and ∂f/∂v with (x, x) put in for (u, v) compare equal
    there (seen in 1.14), so that their difference is gone before anyone can look."""
    return isinstance(expr, sp.Subs) and len(set(expr.point)) < len(expr.point) and expr.expr.has(sp.Derivative)


def carried_out(expr: sp.Expr) -> sp.Expr:
    """`expr` with its derivatives taken, its substitutions made and its short sums written out, as far as that goes.

    A derivative by an expression is a derivative by a letter in its place.  Under an integral sign nothing is
    differentiated (that needs an argument of its own), but d/dt ∫_a^t f = f(t) is used.
    """
    if isinstance(expr, AppliedUndef):
        return _slots(expr.func, (0,) * len(expr.args))(*map(carried_out, expr.args))
    if isinstance(expr, sp.Derivative):
        inner = carried_out(expr.expr)
        for v, count in expr.variable_count:
            if not (count.is_Integer and count <= MOST_ORDER):
                return expr
            for _ in range(int(count)):
                inner = _slope(inner, carried_out(v))
        return inner
    if isinstance(expr, sp.Subs):
        points = dict(zip(map(carried_out, expr.variables), map(carried_out, expr.point), strict=True))
        inner = carried_out(expr.expr)
        if inner.has(sp.Derivative, sp.Subs):
            return expr
        return (apart(inner) if inner.has(*BINDING) else inner).subs(points, simultaneous=True)
    if isinstance(expr, (sp.Sum, sp.Product)) and _is_short(expr):
        return (sp.Add if isinstance(expr, sp.Sum) else sp.Mul)(*map(carried_out, terms(expr)))
    if not expr.args or not expr.has(*OPAQUE, sp.Sum, sp.Product):
        return expr
    return expr.func(*map(carried_out, expr.args))


def _is_short(expr: sp.Sum | sp.Product) -> bool:
    if len(expr.limits[-1]) != 3:
        return False
    _, low, high = expr.limits[-1]
    return bool(low.is_Integer and high.is_Integer and 0 <= high - low < MOST_TERMS)


def _slope(expr: sp.Expr, v: sp.Expr) -> sp.Expr:
    """d expr/dv."""
    if not v.is_Symbol:
        letter = sp.Dummy("v", real=True)
        return _slope(expr.xreplace({v: letter}), letter).xreplace({letter: v})
    if any(condition.has(v) for piece in expr.atoms(sp.Piecewise) for _, condition in piece.args):
        return sp.Derivative(expr, v, evaluate=False)  # SymPy's is that of each case, at a jump too
    integrals = {i: sp.Dummy("I") for i in expr.atoms(sp.Integral) if v in i.free_symbols}
    if not integrals:
        return expr.diff(v)
    if any(binder.has(sp.Integral) and v in binder.free_symbols for binder in expr.atoms(sp.Sum, sp.Product, sp.Limit)):
        return sp.Derivative(expr, v, evaluate=False)  # the integral may depend on what is bound around it
    lettered = expr.xreplace(integrals)
    total = lettered.diff(v)
    for integral, letter in integrals.items():
        total += lettered.diff(letter) * _slope_of_integral(integral, v)
    return total.xreplace({letter: integral for integral, letter in integrals.items()})


def _slope_of_integral(integral: sp.Integral, v: sp.Symbol) -> sp.Expr:
    """f(b) b' − f(a) a', where v is in the bounds a, b alone; the derivative as it stands otherwise."""
    limits = integral.limits[0]
    if len(integral.limits) != 1 or len(limits) != 3 or v in integral.function.free_symbols - {limits[0]}:
        return sp.Derivative(integral, v, evaluate=False)
    variable, low, high = limits
    function = apart(integral.function) if integral.function.has(*BINDING, sp.Subs) else integral.function
    ends = [function.subs(variable, end) * end.diff(v) for end in (high, low) if v in end.free_symbols]
    first = ends[0] if v in high.free_symbols else 0
    return first - (ends[-1] if v in low.free_symbols else 0)


def as_written(jet: Jet) -> sp.Expr:
    """The jet in SymPy's own terms."""
    function, orders, args = jet
    letters = [a if a.is_Symbol and args.count(a) == 1 else sp.Dummy(f"xi_{k + 1}") for k, a in enumerate(args)]
    by = [(v, n) for v, n in zip(letters, orders, strict=True) if n]
    if not by:
        return function(*args)
    moving = {v: a for v, a, n in zip(letters, args, orders, strict=True) if n and v != a}
    inside = [v if n else a for v, a, n in zip(letters, args, orders, strict=True)]
    if any(v in a.free_symbols for v, _ in by for a in inside if a != v):  # f₁(x, 2x): x is free there
        letters = [sp.Dummy(f"xi_{k + 1}") for k in range(len(args))]
        by = [(v, n) for v, n in zip(letters, orders, strict=True) if n]
        moving = {v: a for v, a, n in zip(letters, args, orders, strict=True) if n}
        inside = [v if n else a for v, a, n in zip(letters, args, orders, strict=True)]
    derivative = sp.Derivative(function(*inside), *by, evaluate=False)
    return sp.Subs(derivative, tuple(moving), tuple(moving.values())) if moving else derivative
