"""Names of bound variables: what stands under an integral, a sum, a limit or a substitution has letters of its own.

SymPy's `as_dummy` gives the innermost variables their names first, and may give an outer one the same name: the two
are one from then on.  Here the outermost come first, and what is further in has another name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import sympy as sp

from symsched.errors import UndecidedError

WITH_LIMITS = (sp.Integral, sp.Sum, sp.Product)
BINDING = (*WITH_LIMITS, sp.Limit)  # what has variables of its own, and a value that is not worked out


@lru_cache(maxsize=256)
def _by_depth(depth: int) -> sp.Dummy:
    return sp.Dummy(f"b{depth}")


def alike(expr: sp.Expr) -> sp.Expr:
    """`expr` with its bound variables named by their depth: the same for all that differ in those names alone.

    Raises:
        UndecidedError: something that binds variables in a way that is not known here.
    """
    return _renamed(expr, {}, 0, _by_depth)


def apart(expr: sp.Expr) -> sp.Expr:
    """`expr` with bound variables that are used nowhere else, so that whatever is put in stays as free as it was.

    Raises:
        UndecidedError: something that binds variables in a way that is not known here.
    """
    return _renamed(expr, {}, 0, lambda depth: sp.Dummy(f"b{depth}"))


def terms(series: sp.Sum | sp.Product) -> list[sp.Expr]:
    """The terms or factors of a series over its outermost letter, between whole numbers; those inside stay bound."""
    *inner, (variable, low, high) = series.limits
    body = series.func(series.function, *inner) if inner else series.function
    return [body.subs(variable, k) for k in range(int(low), int(high) + 1)]


def _renamed(
    expr: sp.Basic, names: Mapping[sp.Basic, sp.Basic], depth: int, new: Callable[[int], sp.Dummy]
) -> sp.Basic:
    if expr in names:
        return names[expr]
    if not expr.args:
        return expr
    if isinstance(expr, WITH_LIMITS):
        limits, inside = [], dict(names)
        for variable, *ends in reversed(expr.limits):  # the last is the outermost
            bounds = [_renamed(end, inside, depth, new) for end in ends]
            if bounds:
                inside, depth = {**inside, variable: new(depth)}, depth + 1
            limits.append((inside.get(variable, variable), *bounds))  # without bounds it is not bound
        return expr.func(_renamed(expr.function, inside, depth, new), *reversed(limits))
    if isinstance(expr, sp.Limit):
        body, variable, *others = expr.args
        inside = {**names, variable: new(depth)}
        place, *direction = (_renamed(arg, names, depth, new) for arg in others)
        return sp.Limit(_renamed(body, inside, depth + 1, new), inside[variable], place, *direction)
    if isinstance(expr, sp.Subs):
        inside = {**names, **{v: new(depth + k) for k, v in enumerate(expr.variables) if v.is_Symbol}}
        below = depth + len(expr.variables)
        variables = [_renamed(v, inside, below, new) for v in expr.variables]
        points = [_renamed(p, names, depth, new) for p in expr.point]
        return sp.Subs(_renamed(expr.expr, inside, below, new), variables, points)
    if getattr(expr, "bound_symbols", None):
        raise UndecidedError(f"the bound variables of {type(expr).__name__} are not known")
    return expr.func(*(_renamed(arg, names, depth, new) for arg in expr.args))
