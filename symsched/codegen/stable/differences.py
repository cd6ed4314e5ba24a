"""f(t + h) − f(t), and log f(t + h)/f(t), in forms that keep their digits however short h is.

Differences of functions are products by their addition theorems, of sums and products what the rules of calculus say.
log f'/f = 2 asinh((f' − f)/2√(f f')), which loses nothing of its argument, wherever f' is: above f, below it, or at 0.
f' − f of an exponential or a power is (f' + f) tanh(½ log f'/f), which is right too where one of them is no float.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from symsched.codegen.stable.ieee import evaluate
from symsched.codegen.stable.letters import in_factors
from symsched.codegen.stable.rounding import expm1, log1p, u, written_out
from symsched.symbols import t

h = sp.Symbol("h")
T_NEXT, U_NEXT = sp.Symbol("t_next", positive=True), sp.Symbol("u_next", positive=True)
NEARLY = 2.0**-40
_D = Callable[[sp.Expr, sp.Expr], sp.Expr]


def _cosine(sine: sp.Expr) -> sp.Expr:
    return sp.sqrt(1 - sine) * sp.sqrt(1 + sine)


#: f(g + d) − f(g).
_RULES: dict[type, _D] = {
    sp.exp: lambda g, d: (sp.exp(g) + sp.exp(later(g))) * sp.tanh(d / 2),
    expm1: lambda g, d: (sp.exp(g) + sp.exp(later(g))) * sp.tanh(d / 2),
    sp.log: lambda g, d: log1p(d / g),
    log1p: lambda g, d: log1p(d / (1 + g)),
    sp.sin: lambda g, d: 2 * sp.cos(g + d / 2) * sp.sin(d / 2),
    sp.cos: lambda g, d: -2 * sp.sin(g + d / 2) * sp.sin(d / 2),
    sp.tan: lambda g, d: sp.sin(d) / (sp.cos(g) * sp.cos(g + d)),
    sp.sinh: lambda g, d: 2 * sp.cosh(g + d / 2) * sp.sinh(d / 2),
    sp.cosh: lambda g, d: 2 * sp.sinh(g + d / 2) * sp.sinh(d / 2),
    sp.tanh: lambda g, d: sp.sinh(d) / (sp.cosh(g) * sp.cosh(g + d)),
    sp.cot: lambda g, d: -sp.sin(d) / (sp.sin(g) * sp.sin(g + d)),
    sp.asin: lambda g, d: 2 * sp.atan(d / (_cosine(g) + _cosine(g + d))),  # tan of half the angle between
    sp.acos: lambda g, d: -2 * sp.atan(d / (_cosine(g) + _cosine(g + d))),
    sp.atan: lambda g, d: sp.atan(d / (1 + g * (g + d))),
    sp.asinh: lambda g, d: 2 * sp.atanh(d / (sp.sqrt(1 + g**2) + sp.sqrt(1 + (g + d) ** 2))),
    sp.atanh: lambda g, d: sp.atanh(d / (1 - g * (g + d))),
}


def difference(form: sp.Expr) -> sp.Expr:
    """f(t + h) − f(t) of a form in t and u."""
    if not form.has(t, u):
        return sp.S.Zero
    if form.is_polynomial(t, u):
        whole, one = (
            (form, form.free_symbols & {t, u}) if not form.has(t) or not form.has(u) else (written_out(form), {t})
        )
        (letter,) = one
        slope = sp.cancel((later(whole) - whole) / (later(letter) - letter))  # in t and t', or in u and u'
        return (h if letter == t else -h) * in_factors(slope)
    if form.is_Add:
        return sp.Add(*map(difference, form.args))
    if form.is_Mul:
        first, rest = form.args[0], form.func(*form.args[1:])
        return difference(first) * rest + later(first) * difference(rest)
    if form.func in _RULES:
        return _RULES[form.func](form.args[0], difference(form.args[0]))
    if form.is_Pow and form.exp.is_negative:
        return -difference(1 / form) * form * later(form)
    if form.is_Pow and not (form.base.has(t, u) and form.exp.has(t, u)):
        return (form + later(form)) * sp.tanh(growth(form) / 2)
    return later(form) - form


def growth(form: sp.Expr) -> sp.Expr:
    """log f(t')/f(t) of a positive form, factor by factor."""
    if form.is_Mul:
        return sp.Add(*map(growth, form.args))
    if not form.has(t, u):
        return sp.S.Zero
    if form.is_Pow and not isinstance(form, sp.exp) and not form.exp.has(t, u):
        return form.exp * growth(form.base)
    base, exponent = form.as_base_exp()
    if not base.has(t, u):
        return sp.log(base) * difference(exponent)
    sign = -1 if _sampled(form, {"t": 0.375, "u": 0.625}) < 0 else 1
    sizes = [sp.Abs(f) if sign < 0 or any(misses_zero(form, end) for end in (0, 1)) else f for f in (form, later(form))]
    return 2 * sp.asinh(sign * difference(form) / (2 * sp.sqrt(sizes[0]) * sp.sqrt(sizes[1])))


def quotient(form: sp.Expr, helper: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """f(t')/f(t), factor by factor and power by power: right where neither is a float.

    `helper` names what a power is taken of, lest it be taken above and below."""
    if not form.has(t, u):
        return sp.S.One
    if form.is_Mul:
        return sp.Mul(*(quotient(factor, helper) for factor in form.args))
    base, exponent = form.as_base_exp()
    if not base.has(t, u):
        return sp.exp(sp.log(base) * difference(exponent))
    if exponent != 1 and not exponent.has(t, u):
        return helper(quotient(base, helper)) ** exponent
    return later(form) / form


def misses_zero(form: sp.Expr, end: int) -> bool:
    """Whether floats, by rounding, make a form that is 0 at an end something else there, which may be below 0."""
    return 0 < abs(_sampled(form, {"t": float(end), "u": 1.0 - end})) < NEARLY


def later(form: sp.Expr) -> sp.Expr:
    """The form at t + h, of which t' and u' are known without a rounding of h."""
    return form.xreplace({t: T_NEXT, u: U_NEXT})


def _sampled(form: sp.Expr, at: dict[str, float]) -> float:
    return evaluate(form, dict.fromkeys((s.name for s in form.free_symbols), 0.8125) | at)
