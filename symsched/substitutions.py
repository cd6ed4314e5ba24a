"""Substitutions that can be read in one way alone, and what tells them apart."""

from __future__ import annotations

import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.errors import InputError, clipped


def substitutions(expr: sp.Basic) -> tuple[sp.Basic, ...]:
    """The parts of every `Subs` in `expr`: to SymPy two are equal if their points are printed alike.

    Raises:
        InputError: letters or functions of one name, which a `Subs` confuses; or one put into another, which SymPy
            writes as one: that of x, then of y, is not that of both at once.
    """
    found = [part for part in sp.preorder_traversal(expr) if isinstance(part, sp.Subs)]
    if not found:
        return ()
    names: dict[str, sp.Basic] = {}
    for part in (p for one in found for point in one.point for p in sp.preorder_traversal(point)):
        head = part.func if isinstance(part, AppliedUndef) else part
        if not isinstance(part, (sp.Symbol, AppliedUndef)) or isinstance(part, sp.Dummy):
            continue
        if names.setdefault(str(head), head) != head:
            raise InputError(f"{clipped(expr)}: two letters are named {head}, which Subs confuses; rename one")
    for one in found:
        later = set[sp.Basic]()
        for variable, point in reversed(list(zip(one.variables, one.point, strict=True))):
            if variable in later or any(point.has(v) for v in later):
                raise InputError(
                    f"{clipped(one)}: all at once, or one after the other? Put in for letters of their own"
                )
            later.add(variable)
    return tuple(arg for one in found for arg in one.args)
