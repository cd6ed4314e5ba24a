"""Names for what several lines share: a subexpression that is a quantity bears its name, a square is x_squared."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace

import sympy as sp

from symsched.codegen.program import Function

Lines = Sequence[tuple[sp.Symbol, sp.Expr]]


def tidied(function: Function) -> Function:
    """The same function, without a line that only gives a second name."""
    lines = _numbered(_described(_without_aliases(_without_constants(function.lines))))
    return replace(function, lines=tuple(lines))


def folded_rows(rows: Iterable[str], width: int = 112) -> list[str]:
    """Rows of Python or Julia; an assignment that is too long goes on in parentheses."""
    found = []
    for row in rows:
        name, equals, text = row.partition(" = ")
        if len(row) > width and equals and re.fullmatch(r"\s*\w+", name):
            indent = " " * (len(name) - len(name.lstrip()) + 4)
            wrapped = textwrap.wrap(text, width - len(indent), break_long_words=False, break_on_hyphens=False)
            found += [f"{name} = (", *[indent + part for part in wrapped], f"{indent[4:]})"]
        else:
            found.append(row)
    return found


def is_helper(symbol: sp.Symbol) -> bool:
    return re.fullmatch(r"w\d+", symbol.name) is not None


def _without_constants(lines: Lines) -> Lines:
    """A number needs no name."""
    numbers = {s: f for s, f in lines if is_helper(s) and not f.free_symbols and not f.is_Rational}
    return [(s, f.xreplace(numbers)) for s, f in lines if s not in numbers]


def _without_aliases(lines: Lines) -> Lines:
    """w1 = …; rate = w1  becomes  rate = …, where the helper stood."""
    names: dict[sp.Symbol, sp.Symbol] = {}
    for symbol, form in lines:
        if form.is_Symbol and is_helper(form) and form not in names:
            names[form] = symbol
    return [(names.get(s, s), f.xreplace(names)) for s, f in lines if names.get(f) != s]


def _described(lines: Lines) -> Lines:
    """Squares and reciprocals of names are called that."""
    taken = {s.name for s, _ in lines}
    names: dict[sp.Symbol, sp.Symbol] = {}
    for symbol, form in lines:
        if is_helper(symbol) and form.is_Pow and form.base.is_Symbol and form.exp in (2, -1):
            base = names.get(form.base, form.base)
            name = f"{base}_squared" if form.exp == 2 else f"inverse_{base}"
            if name not in taken and not is_helper(base):
                names[symbol] = sp.Symbol(name)
                taken.add(name)
    return [(names.get(s, s), f.xreplace(names)) for s, f in lines]


def _numbered(lines: Lines) -> Lines:
    """The helpers that are left count from 1."""
    names: dict[sp.Symbol, sp.Symbol] = {}
    for symbol, _ in lines:
        if is_helper(symbol):
            names[symbol] = sp.Symbol(f"w{len(names) + 1}")
    return [(names.get(s, s), f.xreplace(names)) for s, f in lines]
