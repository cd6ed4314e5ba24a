"""Products that several lines begin with, computed once: torch computes what it is told, one array after another.

Only what a line computes first anyway is taken out of it, so that every rounding stays the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import sympy as sp

Line = tuple[sp.Symbol, sp.Expr]
Pair = tuple[sp.Symbol, sp.Symbol]


def shared_products(lines: Sequence[Line]) -> list[Line]:
    """The lines, with a name for each product of two names that at least two of them begin with, and fewer signs."""
    found = [(symbol, _turned(form)) for symbol, form in lines]
    while True:
        counted = Counter(pair for _, form in found for pair in set(_pairs(form)))
        pair, times = max(counted.items(), key=lambda item: (item[1], str(item[0])), default=(None, 0))
        if pair is None or times < 2:
            return found
        name = _next(found)
        first = next(k for k, (_, form) in enumerate(found) if pair in set(_pairs(form)))
        changed = [(symbol, _with(form, pair, name)) for symbol, form in found]
        found = [*changed[:first], (name, pair[0] * pair[1]), *changed[first:]]
        found = [(s, name if f == pair[0] * pair[1] and s != name else f) for s, f in found]


def _turned(form: sp.Expr) -> sp.Expr:
    """−a (b − c) as a (c − b): a sign is an operation too."""
    return form.replace(lambda e: e.is_Mul and e.as_coeff_Mul()[0].is_negative, _without_sign)


def _without_sign(product: sp.Mul) -> sp.Expr:
    for factor in product.args:
        if factor.is_Add and any(term.could_extract_minus_sign() for term in factor.args):
            rest = [-f if f.is_number else f for f in product.args if f is not factor]
            if not all(f.is_number for f in rest):  # SymPy would multiply a number out
                return sp.Mul(*rest, sp.Add(*[-term for term in factor.args]))
    return product


def _pairs(form: sp.Expr) -> Iterator[Pair]:
    for node in form.atoms(sp.Mul):
        for pair in map(_start, _parts(node)):
            if pair is not None:
                yield pair


def _parts(node: sp.Mul) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Numerator and denominator as they are printed, without a sign or a power of two in front."""
    above: list[sp.Expr] = []
    below: list[sp.Expr] = []
    for factor in node.as_ordered_factors():
        inverted = factor.is_Pow and factor.exp.is_Rational and factor.exp < 0 and not isinstance(factor, sp.exp)
        (below if inverted else above).append(1 / factor if inverted else factor)
    return above if _is_exact(node) else [], below


def _is_exact(node: sp.Mul) -> bool:
    """Whether the number in front of a product is no rounding."""
    above, below = sp.fraction(abs(node.as_coeff_Mul()[0]))
    return bool(above == 1 and below.is_Integer and int(below) & (int(below) - 1) == 0)


def _start(factors: list[sp.Expr]) -> Pair | None:
    """The two names that are multiplied first, where at most one factor follows."""
    moving = [f for f in factors if not f.is_number]
    start = tuple(moving[:2])
    return start if len(start) == 2 and len(moving) <= 3 and all(f.is_Symbol for f in start) else None


def _with(form: sp.Expr, pair: Pair, name: sp.Symbol) -> sp.Expr:
    if form.is_Atom:
        return form
    args = [_with(a, pair, name) for a in form.args]
    if not form.is_Mul:
        return form if args == list(form.args) else form.func(*args)
    above, below = (_start(part) == pair for part in _parts(form))
    left = [a for a, was in zip(args, form.args, strict=True) if not (above and was in pair)]
    left = [a for a in left if not (below and a in (1 / pair[0], 1 / pair[1]))]
    return sp.Mul(*left, *([name] * above), *([1 / name] * below))


def _next(lines: Sequence[Line]) -> sp.Symbol:
    """A name w… that is not taken."""
    taken = {s.name for symbol, form in lines for s in (symbol, *form.free_symbols)}
    return next(sp.Symbol(f"w{k}") for k in range(1, 1000) if f"w{k}" not in taken)
