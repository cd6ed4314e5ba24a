"""The lines of a function: what several of them compute has a name of its own, which says what it is where it can."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sympy as sp

from symsched.codegen.stable import with_constants

Lines = Sequence[tuple[sp.Symbol, sp.Expr]]


def shared(lines: Lines) -> Lines:
    """What several lines compute is computed once; a form that is a name already is used by that name."""
    known: dict[sp.Expr, sp.Symbol] = {}
    named = []
    for symbol, form in lines:
        short = form.xreplace({k: v for k, v in known.items() if form.has(k)})
        named.append((symbol, short))
        if not form.is_Atom and form.free_symbols and not form.is_Symbol:
            known[form] = symbol
    held: dict[
        sp.Expr, sp.Symbol
    ] = {}  # irrational constants, as large as they go: nothing of them is left to run time
    forms = [with_constants(_bare(form), lambda c: held.setdefault(c, sp.Dummy(f"c{len(held)}"))) for _, form in named]
    helpers, reduced = sp.cse(forms, symbols=(sp.Symbol(f"w{k}") for k in range(1, 200)), order="none")
    back = {letter: constant for constant, letter in held.items()}
    helpers = [(s, form.xreplace(back)) for s, form in helpers]
    reduced = [form.xreplace(back) for form in reduced]
    result: list[tuple[sp.Symbol, sp.Expr]] = []
    for (symbol, _), form in zip(named, reduced, strict=True):
        needed = _needed(helpers, form)  # just before what needs them
        result += [(s, e) for s, e in helpers if s in needed]
        result.append((plain(symbol), form))
        helpers = [(s, e) for s, e in helpers if s not in needed]
    return result


def _needed(helpers: Lines, form: sp.Expr) -> set[sp.Symbol]:
    """The helpers that a form needs, and theirs."""
    table, todo = dict(helpers), [form]
    needed: set[sp.Symbol] = set()
    while todo:
        found = {s for s in todo.pop().free_symbols if s in table} - needed
        needed |= found
        todo += [table[s] for s in found]
    return needed


def _bare(form: sp.Expr) -> sp.Expr:
    """The form in letters without assumptions: √t √u is then one root, √(t u), and stays one, as does √a/√b."""
    bare = sp.powsimp(plain(form), combine="base", force=True)
    return bare.replace(lambda e: e.is_Mul, _one_root)


def _one_root(product: sp.Mul) -> sp.Expr:
    roots = [f for f in product.args if f.is_Pow and abs(f.exp) == sp.S.Half and f.free_symbols]
    if len({f.exp for f in roots}) < 2:
        return product
    inside = sp.Mul(*[f.base ** (2 * f.exp) for f in roots])
    return sp.Mul(*[f for f in product.args if f not in roots]) * sp.sqrt(inside)


def plain(form: sp.Expr) -> sp.Expr:
    """The form in bare letters, as emitted code knows them."""
    return form.xreplace({s: sp.Symbol(s.name) for s in form.free_symbols})


def tidied(lines: Lines) -> Lines:
    """Without a line that only gives a second name: what is a quantity bears its name, a square is x_squared."""
    return _numbered(_described(_without_aliases(_without_constants(lines))))


def _is_helper(symbol: sp.Symbol) -> bool:
    return re.fullmatch(r"w\d+", symbol.name) is not None


def _without_constants(lines: Lines) -> Lines:
    """A number needs no name."""
    numbers = {s: f for s, f in lines if _is_helper(s) and not f.free_symbols and not f.is_Rational}
    return [(s, f.xreplace(numbers)) for s, f in lines if s not in numbers]


def _without_aliases(lines: Lines) -> Lines:
    """w1 = …; rate = w1  becomes  rate = …, where the helper stood."""
    names: dict[sp.Symbol, sp.Symbol] = {}
    for symbol, form in lines:
        if form.is_Symbol and _is_helper(form) and form not in names:
            names[form] = symbol
    return [(names.get(s, s), f.xreplace(names)) for s, f in lines if names.get(f) != s]


def _described(lines: Lines) -> Lines:
    """Squares and reciprocals of names are called that."""
    taken = {s.name for s, _ in lines}
    names: dict[sp.Symbol, sp.Symbol] = {}
    for symbol, form in lines:
        if _is_helper(symbol) and form.is_Pow and form.base.is_Symbol and form.exp in (2, -1):
            base = names.get(form.base, form.base)
            name = f"{base}_squared" if form.exp == 2 else f"inverse_{base}"
            if name not in taken and not _is_helper(base):
                names[symbol] = sp.Symbol(name)
                taken.add(name)
    return [(names.get(s, s), f.xreplace(names)) for s, f in lines]


def _numbered(lines: Lines) -> Lines:
    """The helpers that are left count from 1."""
    names: dict[sp.Symbol, sp.Symbol] = {}
    for symbol, _ in lines:
        if _is_helper(symbol):
            names[symbol] = sp.Symbol(f"w{len(names) + 1}")
    return [(names.get(s, s), f.xreplace(names)) for s, f in lines]
