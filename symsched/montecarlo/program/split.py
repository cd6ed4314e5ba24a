"""Split right-hand sides by what they depend on: time-only parts to tables, state parts to the inner loop.

A maximal subexpression without a state symbol is computed once per step, to the last bit (`exact.values`), and
read from a table; only what depends on the state is computed for every path.  Ratios of sums of exponentials
(mixtures) are rewritten so that the largest exponent is 0: no overflow, no 0/0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from symsched.errors import InputError

#: Parts of a Piecewise that are no expressions (a symbol counts as a Boolean too, and is none of these).
CONDITIONS = (sp.core.relational.Relational, BooleanFunction, BooleanAtom, ExprCondPair)
#: Terms of a sum, or branches of a case, that one expression of the source may nest; and brackets inside a term.
WIDE, DEEP = 32, 48


class Top(sp.Function):
    """The largest of its arguments, left unevaluated."""

    @classmethod
    def eval(cls, *_: sp.Expr) -> None:
        return None


class Share(sp.Function):
    """exp of a number that is not positive, left unevaluated: it needs no guard against overflow."""

    @classmethod
    def eval(cls, *_: sp.Expr) -> None:
        return None


@dataclass(frozen=True)
class StateCode:
    """outputs as functions of the states and of the table symbols; `temps` are shared subexpressions, in order."""

    states: tuple[sp.Symbol, ...]
    table: tuple[sp.Expr, ...]
    table_symbols: tuple[sp.Symbol, ...]
    temps: tuple[tuple[sp.Symbol, sp.Expr], ...]
    outputs: tuple[sp.Expr, ...]


@lru_cache(maxsize=64)
def affine_parts(
    drift: tuple[sp.Expr, ...], states: tuple[sp.Symbol, ...]
) -> tuple[tuple[sp.Expr, sp.Expr], ...] | None:
    """(a, c) per coordinate when drift_i = a(t) x_i + c(t); None when it has any other form."""
    parts = []
    for expr, x in zip(drift, states, strict=True):
        others = set(states) - {x}
        terms = None if expr.free_symbols & others else monomials(expr, (x,))
        if terms is None or not set(terms) <= {(0,), (1,)}:
            return None
        parts.append((terms.get((1,), sp.S.Zero), terms.get((0,), sp.S.Zero)))
    return tuple(parts)


def monomials(expr: sp.Expr, states: Sequence[sp.Symbol]) -> dict[tuple[int, ...], sp.Expr] | None:
    """{powers of the states: coefficient} of a polynomial in the states, {} for 0; None for anything else.

    Coefficients stand for themselves while it is multiplied out: SymPy would build a number field for one that holds
    80^(1/7), for hours.
    """
    letters = frozenset(states)
    hidden: dict[sp.Expr, sp.Symbol] = {}

    def hide(part: sp.Expr) -> sp.Expr:
        if part.is_Rational or part in letters:
            return part
        if not part.free_symbols & letters:
            return hidden.setdefault(part, sp.Dummy())
        if isinstance(part, sp.Add | sp.Mul):
            own = [arg for arg in part.args if not arg.free_symbols & letters]
            return part.func(hide(part.func(*own)), *(hide(arg) for arg in part.args if arg.free_symbols & letters))
        return part.func(hide(part.base), part.exp) if isinstance(part, sp.Pow) else part

    bare = hide(expr)
    if not bare.is_polynomial(*states):
        return None
    shown = {letter: part for part, letter in hidden.items()}
    return {powers: c.xreplace(shown) for powers, c in sp.Poly(bare, *states).terms() if c != 0}


def degree(expr: sp.Expr, letters: frozenset[sp.Symbol]) -> sp.Expr | None:
    """Degree of homogeneity of `expr` in `letters`, None if it is not homogeneous (or not seen to be)."""
    if not expr.free_symbols & letters:
        return sp.S.Zero
    if expr in letters:
        return sp.S.One
    if isinstance(expr, sp.Add):
        degrees = {degree(arg, letters) for arg in expr.args}
        return degrees.pop() if len(degrees) == 1 else None
    if isinstance(expr, sp.Mul):
        found = [degree(arg, letters) for arg in expr.args]
        return None if None in found else sp.Add(*found)
    if isinstance(expr, sp.Pow) and expr.exp.is_Rational:
        inner = degree(expr.base, letters)
        return None if inner is None else inner * expr.exp
    return None


def stabilise(exprs: Sequence[sp.Expr], states: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """Divide numerator and denominator of ratios of exponentials by the largest exponential, where that is exact.

    It is exact when every expression is homogeneous of degree 0 in its exponentials: decided, not guessed.
    """
    powers = sorted(
        {e for expr in exprs for e in expr.atoms(sp.exp) if e.free_symbols & set(states)}, key=sp.default_sort_key
    )
    if len(powers) < 2:
        return list(exprs)
    letters = [sp.Dummy(f"E{i}", positive=True) for i in range(len(powers))]
    bare = [expr.xreplace(dict(zip(powers, letters, strict=True))) for expr in exprs]
    if any(degree(expr, frozenset(letters)) != 0 for expr in bare):
        return list(exprs)
    top = Top(*(power.args[0] for power in powers))
    shifted = {
        letter: Share(sp.Add(power.args[0], -top, evaluate=False))
        for letter, power in zip(letters, powers, strict=True)
    }
    return [expr.xreplace(shifted) for expr in bare]


class _Splitter:
    """Replaces maximal time-only subexpressions by table symbols."""

    def __init__(self, states: Sequence[sp.Symbol]) -> None:
        self.states = frozenset(states)
        self.table: dict[sp.Expr, sp.Symbol] = {}
        self.done: dict[sp.Expr, sp.Expr] = {}

    def entry(self, expr: sp.Expr) -> sp.Expr:
        """A symbol for a time-only expression; numeric factors stay outside, so that multiples share one column."""
        if not expr.free_symbols:
            return expr
        factor, rest = expr.as_coeff_Mul()
        if factor != 1:
            return factor * self.entry(rest)
        return self.table.setdefault(expr, sp.Symbol(f"T{len(self.table)}", real=True))

    def split(self, expr: sp.Expr) -> sp.Expr:
        if expr not in self.done:
            self.done[expr] = self._split(expr)
        return self.done[expr]

    def _split(self, expr: sp.Expr) -> sp.Expr:
        if isinstance(expr, CONDITIONS):
            return expr.func(*(self.split(arg) for arg in expr.args)) if expr.args else expr
        if not expr.free_symbols & self.states:
            return self.entry(expr)
        if isinstance(expr, sp.Add | sp.Mul):
            timed = [arg for arg in expr.args if not arg.free_symbols & self.states]
            rest = [self.split(arg) for arg in expr.args if arg.free_symbols & self.states]
            return expr.func(self.entry(expr.func(*timed)), *rest) if timed else expr.func(*rest)
        if not expr.args:
            return expr
        if not all(isinstance(arg, (sp.Expr, *CONDITIONS)) for arg in expr.args):  # a sum, an integral and their bounds
            raise InputError(f"no kernel can be made of {expr.func.__name__}, in {str(expr)[:80]}; rewrite the drift")
        return expr.func(*(self.split(arg) for arg in expr.args))


def _collected(expr: sp.Expr, states: Sequence[sp.Symbol]) -> sp.Expr:
    """Polynomials in the states by monomial, so that each coefficient becomes one table entry."""
    terms = monomials(expr, states)
    if terms is None:
        return expr
    shown = terms.items()
    return sp.Add(*(c * sp.Mul(*(x**k for x, k in zip(states, powers, strict=True))) for powers, c in shown))


def state_code(exprs: Sequence[sp.Expr], states: Sequence[sp.Symbol], prefix: str = "v") -> StateCode:
    """The split and shared form of `exprs`, polynomials collected and ratios of exponentials made stable."""
    return split_code(
        stabilise([_collected(sp.sympify(e, strict=True), states) for e in exprs], states), states, prefix
    )


def split_code(exprs: Sequence[sp.Expr], states: Sequence[sp.Symbol], prefix: str = "v") -> StateCode:
    """The split and shared form of `exprs` as they stand."""
    splitter = _Splitter(states)
    parts = [splitter.split(e) for e in exprs]
    temps, outputs = sp.cse(parts, symbols=sp.numbered_symbols(prefix, real=True), optimizations=[])
    flat = _Flat(prefix)
    for symbol, expr in temps:
        flat.temps.append((symbol, flat.shallow(expr)[0]))
    outputs = [flat.shallow(expr)[0] for expr in outputs]
    table, letters = tuple(splitter.table), tuple(splitter.table.values())
    return StateCode(tuple(states), table, letters, tuple(flat.temps), tuple(outputs))


class _Flat:
    """Cuts expressions whose source would nest more brackets than a parser takes: the inner parts become temporaries.

    What nests little is left as it is, to the last bit of its values.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix, self.count = prefix, 0
        self.temps: list[tuple[sp.Symbol, sp.Expr]] = []

    def named(self, expr: sp.Expr) -> sp.Symbol:
        """A temporary for an expression."""
        self.count += 1
        symbol = sp.Symbol(f"{self.prefix}_{self.count}", real=True)
        self.temps.append((symbol, expr))
        return symbol

    def shallow(self, expr: sp.Basic) -> tuple[Any, int]:
        """The expression, and how deep the brackets of its source nest."""
        if not expr.args:
            return expr, 0
        if isinstance(expr, sp.Piecewise) and len(expr.args) > WIDE:
            rest = self.named(self.shallow(expr.func(*expr.args[WIDE - 1 :]))[0])
            return self.shallow(expr.func(*expr.args[: WIDE - 1], (rest, True)))
        found = [self.shallow(arg) for arg in expr.args]
        if any(depth > DEEP for _, depth in found):
            found = [(self.named(arg), 0) if depth > DEEP else (arg, depth) for arg, depth in found]
        parts = [arg for arg, _ in found]
        if isinstance(expr, sp.Add):
            while len(parts) > WIDE:  # in order: what was a sum so far is the first term of the next
                parts = [self.named(expr.func(*parts[:WIDE])), *parts[WIDE:]]
        unchanged = all(a is b for a, b in zip(parts, expr.args, strict=False)) and len(parts) == len(expr.args)
        branches = len(parts) if isinstance(expr, sp.Add | sp.Piecewise) else 3
        return expr if unchanged else expr.func(*parts), max(depth for _, depth in found) + branches
