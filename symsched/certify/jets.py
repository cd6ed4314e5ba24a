"""Undefined functions and their derivatives, as functions applied to arguments.  Read from the formula as it stands:
nothing of the rewriting that the exact route rests on is used here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

BINDERS = (sp.Subs, sp.Integral, sp.Sum, sp.Product, sp.Lambda)


@dataclass(frozen=True)
class Jet:
    """The function `head`, differentiated `orders[k]` times by its k-th argument, at `args`."""

    head: Any
    orders: tuple[int, ...]
    args: tuple[sp.Expr, ...]

    def raised(self, slot: int) -> Jet:
        """Once more by one argument."""
        return Jet(self.head, tuple(n + (k == slot) for k, n in enumerate(self.orders)), self.args)


def jet_of(expr: sp.Basic) -> Jet | None:
    """f(…), a derivative of f by variables that are arguments and in no other, or one of these with other arguments
    put in, all at once; None for everything else."""
    if isinstance(expr, AppliedUndef):
        return Jet(expr.func, (0,) * len(expr.args), expr.args)
    if isinstance(expr, sp.Derivative) and isinstance(expr.expr, AppliedUndef):
        jet = Jet(expr.expr.func, (0,) * len(expr.expr.args), expr.expr.args)
        for variable, count in expr.variable_count:
            slots = [k for k, arg in enumerate(jet.args) if arg.has(variable)]
            if len(slots) != 1 or jet.args[slots[0]] != variable or not count.is_Integer:
                return None
            for _ in range(int(count)):
                jet = jet.raised(slots[0])
        return jet
    if isinstance(expr, sp.Subs):
        inner, places = jet_of(expr.expr), dict(zip(expr.variables, expr.point, strict=True))
        if inner is None or any(arg.has(*BINDERS, sp.Derivative) for arg in inner.args):
            return None
        return Jet(inner.head, inner.orders, tuple(arg.xreplace(places) for arg in inner.args))
    return None


def parts(expr: sp.Basic) -> Iterator[sp.Basic]:
    """The subexpressions, outer ones first; of a jet only its arguments, and nothing in which a variable is bound."""
    yield expr
    jet = jet_of(expr)
    if jet is not None or not isinstance(expr, (*BINDERS, sp.Derivative)):
        for arg in expr.args if jet is None else jet.args:
            yield from parts(arg)
    elif isinstance(expr, sp.Subs):
        for arg in expr.point:
            yield from parts(arg)
