"""Mutants of a formula: a sign flipped, a factor or term dropped, α and β exchanged, a constant perturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import accumulate, islice
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

KINDS = ("sign", "factor", "swap", "constant", "term")
EXCHANGED = {"alpha": "beta", "beta": "alpha"}


@dataclass(frozen=True)
class Spoiling:
    """One way of spoiling a formula: its kind, in words, and what does it."""

    kind: str
    description: str
    apply: Callable[[Any], Any]


def mutants(value: Any, most: int) -> list[Spoiling]:
    """At most `most` changes of a formula given as an expression, a number, a tuple or a function, kinds in turn."""
    if isinstance(value, sp.Expr):
        found = {kind: list(islice(_of_kind(kind, value), most)) for kind in KINDS}
        return [Spoiling(kind, text, _to(wrong)) for kind, text, wrong in _in_turn(found)][:most]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [
            Spoiling("sign", f"{-value} for {value}", lambda v: -v),
            Spoiling("constant", "one more", lambda v: v + 1),
        ]
    if isinstance(value, tuple) and value and all(isinstance(v, sp.Expr) for v in value):
        return [Spoiling(c.kind, f"first of {len(value)}: {c.description}", _first(c)) for c in mutants(value[0], most)]
    if callable(value):
        return [Spoiling(kind, f"result: {kind}", _on_result(kind)) for kind in KINDS][:most]
    return []


def spoiled(kind: str, value: Any, which: int = 0) -> Any:
    """A value with the first change of this kind in the formula of this number that it holds; the value itself where
    there is none."""
    if isinstance(value, sp.Expr):
        return next((wrong for _, wrong in _of_kind(kind, value)), value) if which == 0 else value
    if isinstance(value, tuple):
        before = list(accumulate(map(formulas, value), initial=0))
        parts = [spoiled(kind, part, which - past) for part, past in zip(value, before, strict=False)]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if is_dataclass(value) and not isinstance(value, type):
        own = _own(value)
        return (
            replace(value, **{own[which]: spoiled(kind, getattr(value, own[which]))})
            if which in range(len(own))
            else value
        )
    return value


def formulas(value: Any) -> int:
    """How many formulas a value holds: an expression, those of a tuple, the expressions of a dataclass."""
    if isinstance(value, tuple):
        return sum(map(formulas, value))
    if is_dataclass(value) and not isinstance(value, type):
        return len(_own(value))
    return int(isinstance(value, sp.Expr))


def _own(value: Any) -> list[str]:
    """Fields of a dataclass that hold a formula; one that is declared a Symbol holds a name."""
    return [f.name for f in fields(value) if isinstance(getattr(value, f.name), sp.Expr) and f.type != "Symbol"]


def _to(wrong: sp.Expr) -> Callable[[Any], Any]:
    return lambda _: wrong


def _first(change: Spoiling) -> Callable[[Any], Any]:
    return lambda value: (change.apply(value[0]), *value[1:])


def _on_result(kind: str) -> Callable[[Any], Any]:
    def wrong(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **named: spoiled(kind, function(*args, **named))

    return wrong


def _in_turn(found: dict[str, list[tuple[str, sp.Expr]]]) -> Iterator[tuple[str, str, sp.Expr]]:
    seen: set[sp.Expr] = set()
    while any(found.values()):
        for kind, options in found.items():
            if options:
                text, wrong = options.pop(0)
                if wrong not in seen:
                    seen.add(wrong)
                    yield kind, text, wrong


# -- the kinds -------------------------------------------------------------------------------------------------


def _of_kind(kind: str, expr: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    makers = {"sign": _signs, "factor": _factors, "swap": _swaps, "constant": _constants, "term": _terms}
    for text, wrong in makers[kind](expr):
        if wrong != expr and not wrong.has(sp.nan, sp.zoo, sp.oo):
            yield text, wrong


def _short(expr: sp.Basic) -> str:
    text = str(expr)
    return text if len(text) <= 40 else text[:39] + "…"


def _signs(expr: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    for part in _parts(expr, sp.Add):
        for term in part.args:
            yield f"sign of {_short(term)}", expr.xreplace({part: part - 2 * term})
    yield "sign of all", -expr


def _terms(expr: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    for part in _parts(expr, sp.Add):
        for term in part.args:
            yield f"without the term {_short(term)}", expr.xreplace({part: part - term})


def _factors(expr: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    for part in _parts(expr, sp.Mul):
        for factor in part.args:
            if not factor.is_number:
                yield f"without the factor {_short(factor)}", expr.xreplace({part: part / factor})


def _swaps(expr: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    """α and β exchanged everywhere, with their derivatives."""
    heads = {f.func: sp.Function(EXCHANGED[str(f.func)], positive=True) for f in _coefficients(expr)}
    if heads:
        yield (
            "alpha and beta exchanged",
            expr.replace(lambda e: e.func in heads, lambda e: heads[e.func](*e.args), simultaneous=True).doit(),
        )


def _coefficients(expr: sp.Expr) -> set[AppliedUndef]:
    return {f for f in expr.atoms(AppliedUndef) if str(f.func) in EXCHANGED}


def _constants(expr: sp.Expr) -> Iterator[tuple[str, sp.Expr]]:
    for part in _parts(expr, (sp.Mul, sp.Pow)):
        if part.is_Pow and part.exp.is_Rational:
            yield f"exponent {part.exp + 1} of {_short(part.base)}", expr.xreplace({part: part.base ** (part.exp + 1)})
        elif part.is_Mul and part.args[0].is_Rational:
            wrong = part * (part.args[0] + 1) / part.args[0] if part.args[0] != -1 else 2 * part
            yield f"coefficient of {_short(part)}", expr.xreplace({part: wrong})
    yield "twice", 2 * expr


def _parts(expr: sp.Expr, kind: Any) -> list[sp.Expr]:
    """Subexpressions of a kind, outermost first, not inside the derivative of an undefined function."""
    found: dict[sp.Expr, None] = {}
    waiting = [expr]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, kind):
            found.setdefault(part)
        if not isinstance(part, sp.Derivative | sp.Subs | AppliedUndef):
            waiting += [a for a in part.args if isinstance(a, sp.Expr)]
    return list(found)
