"""Products in an order that stays inside the floats: α β λ at t = 10⁻³⁰⁰ is (β λ) α, since α β would underflow.

Emitted code multiplies from left to right.  Where the factors of a product, next to an end, are so small and so large
that some order of them leaves the floats although the product does not, the largest and the smallest of them are
multiplied first, on a line of their own, until no order of what is left does.  A root of two squares that are no floats
is taken by way of a quotient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import sympy as sp

from symsched.codegen.stable.ieee import evaluate
from symsched.codegen.stable.rounding import singles

EDGES = (1e-300, 1 - 2.0**-53)
LOWEST, HIGHEST = -1022.0, 1023.0  # binary exponents of floats
Lines = Sequence[tuple[sp.Symbol, sp.Expr]]
Helper = Callable[[sp.Expr], sp.Symbol]
Values = list[dict[str, float]]  # of every name so far, at each edge


def grouped(lines: Lines) -> list[tuple[sp.Symbol, sp.Expr]]:
    """The same lines, and before them what is to be multiplied first."""
    letters = {s.name for _, form in lines for s in form.free_symbols}
    others = {name: 0.8125 + k / 8 for k, name in enumerate(sorted(letters))}
    known: Values = [others | {"t": x, "u": 1 - x, "tau": x, "tau_left": 1 - x} for x in EDGES]
    made: list[tuple[sp.Symbol, sp.Expr]] = []

    def helper(form: sp.Expr) -> sp.Symbol:
        for symbol, other in made:
            if other == form:
                return symbol
        symbol = sp.Symbol(f"w{900 + len(made)}")
        add(symbol, form)
        return symbol

    def add(symbol: sp.Symbol, form: sp.Expr) -> None:
        made.append((symbol, form))
        for values in known:
            values[symbol.name] = evaluate(form, values)

    lost: dict[sp.Symbol, sp.Expr] = {}
    for symbol, given in lines:
        form = given.xreplace(lost)
        if _is_lost(form, known) or (symbol.name.startswith("w") and _is_lost_product(form, known)):
            lost[symbol] = form
        form = form.replace(_is_norm, lambda e: _norm(e, known, helper))
        add(symbol, form.replace(lambda e: e.is_Mul, lambda e: _ordered(e, known, helper)))
    used = {s for _, form in made for s in form.free_symbols}
    return [(s, form) for s, form in made if s not in lost or s in used or not s.name.startswith("w")]


def _is_square(form: sp.Expr) -> bool:
    """Whether it is the square of a name, or some of it."""
    number, square = form.as_coeff_Mul()
    return bool(number > 0 and square.is_Pow and square.exp == 2 and square.base.is_Symbol)


def _root(square: sp.Expr) -> sp.Expr:
    number, power = square.as_coeff_Mul()
    return sp.sqrt(number) * power.base


def _is_sum_of_squares(form: sp.Expr) -> bool:
    return bool(form.is_Add and len(form.args) == 2 and all(map(_is_square, form.args)))


def _is_norm(form: sp.Expr) -> bool:
    """√(a² + b²), or one over it, or over its square."""
    return bool(form.is_Pow and form.exp in (sp.S.Half, -sp.S.Half, -1) and _is_sum_of_squares(form.base))


def _is_lost(form: sp.Expr, known: Values) -> bool:
    """Whether a power, or a sum of two squares, is no float next to an end, although what it is a power of is one."""
    exponent = 2 if _is_sum_of_squares(form) else _power_of_name(form)
    letters = [s.name for s in form.free_symbols]
    sizes = [max(abs(values[name]) for name in letters) for values in known] if exponent else []
    return any(0 < size < np.inf and not LOWEST < exponent * np.log2(size) < HIGHEST - 1 for size in sizes)


def _power_of_name(form: sp.Expr) -> int:
    """2, 3, −2 or −3 for such a power of a name, or some of it; else 0."""
    number, power = form.as_coeff_Mul()
    return int(power.exp) if number > 0 and len(singles(power)) > 1 else 0


def _is_lost_product(form: sp.Expr, known: Values) -> bool:
    """Whether what is shared leaves the floats next to an end, which what it is used for need not do."""
    if not form.is_Mul:
        return False
    for values in known:
        given = [values[s.name] for s in form.free_symbols]
        if all(np.isfinite(given)) and all(given) and evaluate(form, values) in (0.0, np.inf, -np.inf):
            return True
    return False


def _norm(form: sp.Expr, known: Values, helper: Helper) -> sp.Expr:
    """b √(1 + (a/b)²) for √(a² + b²) where both squares, next to an end, are no floats."""
    if not _is_lost(form.base, known):
        return form
    a, b = map(_root, form.base.args)
    for one, other in ((a, b), (b, a)):
        quotients = [evaluate(one / other, values) for values in known]
        if all(abs(q) < 1e150 for q in quotients):
            size = other * sp.sqrt(1 + helper(one / other) ** 2)
            return helper(1 / size) ** 2 if form.exp == -1 else size ** (2 * form.exp)
    return form


def _ordered(product: sp.Mul, known: Values, helper: Helper) -> sp.Expr:
    factors = [f for factor in product.args for f in singles(factor)]
    while len(factors) > 2:
        sizes = [_sizes(factors, values) for values in known]
        at = next((row for row in sizes if _may_leave(row)), None)
        if at is None:
            break
        moving = [k for k, f in enumerate(factors) if f.free_symbols]
        low, high = (pick(moving, key=at.__getitem__) for pick in (min, max))
        pair = factors[low] * factors[high]
        if low == high or not pair.is_Mul:
            break
        factors = [f for k, f in enumerate(factors) if k not in (low, high)] + [helper(pair)]
    else:
        return sp.Mul(*factors)
    return sp.Mul(*factors) if len(factors) < len(product.args) or _has_helper(factors, product) else product


def _has_helper(factors: Sequence[sp.Expr], product: sp.Mul) -> bool:
    return bool(set().union(*(f.free_symbols for f in factors)) - product.free_symbols)


def _sizes(factors: Sequence[sp.Expr], values: Mapping[str, float]) -> list[float]:
    with np.errstate(all="ignore"):
        return [float(np.log2(abs(evaluate(f, values)))) for f in factors]


def _may_leave(sizes: Sequence[float]) -> bool:
    """Whether the product is a float, and some order of multiplying leaves the floats on the way."""
    if -np.inf in sizes and not any(s == np.inf or np.isnan(s) for s in sizes):  # 0, unless the others come to ∞ first
        return sum(s for s in sizes if s > 0) > HIGHEST
    if not all(np.isfinite(sizes)) or not LOWEST < sum(sizes) < HIGHEST:
        return False
    return sum(s for s in sizes if s < 0) < LOWEST or sum(s for s in sizes if s > 0) > HIGHEST
