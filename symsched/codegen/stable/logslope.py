"""d/dt log f of a form, factor by factor: a product gives a sum in which no factor is divided by itself.

Roots and common factors of r = β/α are gone before anything is differentiated, and e^x/(e^x − 1) is −1/expm1(−x): for
the sigmoid schedule λ is then a sum of two positive terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy as sp

from symsched.codegen.stable.letters import expanded
from symsched.codegen.stable.rounding import expm1, log1p, u
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
    """The form with e^x − 1 as 2 e^(x/2) sinh(x/2), or as −e^x (e^−x − 1), where all factors e^… then cancel.

    In the first, c + d e^x with positive c, d is 2 √(cd) e^(x/2) cosh((x + log d/c)/2): half the argument, so half of
    what is rounded off it."""
    if form.has(expm1):
        halved = form.replace(expm1, _by_sinh)
        rules = (halved, halved.replace(lambda e: e.is_Add, _by_cosh), form.replace(expm1, _by_mirror))
        yield from filter(None, map(_cancelled, dict.fromkeys(rules)))


def _by_sinh(x: sp.Expr) -> sp.Expr:
    return 2 * sp.exp(x / 2) * sp.sinh(x / 2)


def _by_cosh(total: sp.Add) -> sp.Expr:
    """e^x + e^y with x + y, x − y without logarithms of anything that moves; else what is given."""
    if len(total.args) != 2 or not total.free_symbols:
        return total
    one, other = (sp.expand_log(sp.log(term), force=True) for term in total.args)
    if any(log.has(sp.I) or any(a.free_symbols for a in log.atoms(sp.log)) for log in (one, other)):
        return total
    return 2 * sp.exp((one + other) / 2) * sp.cosh((one - other) / 2)


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
    total = expanded(total.subs(u, 1 - t))
    return None if total.free_symbols else rest * sp.exp(total)
