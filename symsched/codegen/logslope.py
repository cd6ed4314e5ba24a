"""d/dt log f of a form, factor by factor: a product gives a sum in which no factor is divided by itself.

Roots and common factors of r = β/α are gone before anything is differentiated, and e^x/(e^x − 1) is −1/expm1(−x): for
the sigmoid schedule λ is then a sum of two positive terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy as sp

from symsched.codegen.rounding import expm1, log1p, u
from symsched.symbols import t


def slope(form: sp.Expr) -> sp.Expr:
    """d/dt of a form in t and u."""
    return form.diff(t) - form.diff(u)


def log_slope(form: sp.Expr) -> sp.Expr:
    """d/dt log f of a form in t and u."""
    if not form.free_symbols & {t, u}:
        return sp.S.Zero
    if form.is_Mul:
        return sp.Add(*[log_slope(factor) for factor in form.args])
    if isinstance(form, sp.exp):
        return slope(form.exp)
    if form.is_Pow and not form.exp.free_symbols & {t, u}:
        return form.exp * log_slope(form.base)
    if form.is_Pow and not form.base.free_symbols & {t, u}:
        return sp.log(form.base) * slope(form.exp)
    rule = RULES.get(form.func)
    return slope(form) / form if rule is None else slope(form.args[0]) * rule(form.args[0])


RULES: dict[type, Callable[[sp.Expr], sp.Expr]] = {
    expm1: lambda x: -1 / expm1(-x),
    sp.sin: lambda x: 1 / sp.tan(x),
    sp.cos: lambda x: -sp.tan(x),
    sp.tan: lambda x: 1 / (sp.sin(x) * sp.cos(x)),
    log1p: lambda x: 1 / ((1 + x) * log1p(x)),
    sp.sinh: lambda x: 1 / sp.tanh(x),
}


def without_exponentials(form: sp.Expr) -> Iterator[sp.Expr]:
    """The form with e^x − 1 as 2 e^(x/2) sinh(x/2), or as −e^x (e^−x − 1), where all factors e^… then cancel."""
    if form.has(expm1):
        yield from filter(None, (_cancelled(form.replace(expm1, rule)) for rule in (_by_sinh, _by_mirror)))


def _by_sinh(x: sp.Expr) -> sp.Expr:
    return 2 * sp.exp(x / 2) * sp.sinh(x / 2)


def _by_mirror(x: sp.Expr) -> sp.Expr:
    return -sp.exp(x) * expm1(-x)


def _cancelled(form: sp.Expr) -> sp.Expr | None:
    """The form without its factors e^…, if their product is constant."""
    total, rest = sp.S.Zero, sp.S.One
    for factor in sp.Mul.make_args(sp.powdenest(sp.expand_power_base(form, force=True), force=True)):
        if isinstance(factor, sp.exp):
            total += factor.exp
        elif factor.is_Pow and not factor.base.free_symbols:
            total += sp.log(factor.base) * factor.exp
        else:
            rest *= factor
    total = sp.expand(total.subs(u, 1 - t))
    return None if total.free_symbols else rest * sp.exp(total)
