"""Formulas as answers: one line of text, LaTeX, and the expression; and what is derived together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from sympy import Add, Expr, Symbol, cse

from symsched.exact import neat, put_as_it_is, rooted_sums
from symsched.notation import latex_line, named, oriented, unicode_line
from symsched.parsing import one_of
from symsched.precision import cached_property
from symsched.shown import Shown

LONG, WORTH, BETTER = 110, 12, 1.25  # characters of a line, and of a part worth a name; what a name must gain


@dataclass(frozen=True)
class Formula:
    """`left = expr`: the machine's name, the left side in Unicode and LaTeX, the right side an expression."""

    name: str
    left: str
    left_latex: str
    expr: Expr
    spelled: tuple[str, str] | None = None  # the right side in Unicode and LaTeX, where the expression says less

    @cached_property
    def _parts(self) -> list[tuple[Expr | None, Expr]]:
        """The right side, and the names of what is written more than once in a long one."""
        sums = rooted_sums(self.expr)
        expr = named(self.expr.xreplace(sums))
        inside = {letter: total for total, letter in sums.items() if any(form.has(letter) for form in expr.atoms(Add))}
        expr = oriented(put_as_it_is(expr, {letter: total for total, letter in sums.items() if letter not in inside}))
        parts = [(None, expr)] if len(unicode_line(expr)) <= LONG else _with_names(expr)
        names = dict(
            zip(inside, _letters(*(form for part in parts for form in part if form is not None)), strict=False)
        )
        whole = [(name, form.xreplace(names)) for name, form in parts]
        return [*whole, *((names[letter], oriented(total)) for letter, total in inside.items())]

    @property
    def right(self) -> str:
        """The right side in LaTeX."""
        if self.spelled is not None:
            return self.spelled[1]
        (_, expr), *names = self._parts
        return r", \quad ".join([latex_line(expr), *(f"{latex_line(n)} = {latex_line(part)}" for n, part in names)])

    @property
    def text(self) -> str:
        """One line of Unicode."""
        if self.spelled is not None:
            return f"{self.left} = {self.spelled[0]}"
        (_, expr), *names = self._parts
        told = ", ".join(f"{unicode_line(name)} = {unicode_line(part)}" for name, part in names)
        return f"{self.left} = {unicode_line(expr)}{' with ' if told else ''}{told}"

    @property
    def latex(self) -> str:
        """The same in LaTeX."""
        return f"{self.left_latex} = {self.right}"


def _with_names(expr: Expr) -> list[tuple[Expr | None, Expr]]:
    """What stands at several places gets a name, if that makes it a good deal shorter."""
    found, (body,) = cse(expr, symbols=(Symbol(f"_{k}") for k in count()))
    kept: list[tuple[Symbol, Expr]] = []
    rest = [part for _, part in found] + [body]
    for k, (name, part) in enumerate(found):
        part = rest[k]
        often = sum(form.count(name) for form in rest[k + 1 :])
        if often > 1 and len(str(part)) >= WORTH:
            kept.append((name, part))
        else:
            rest[k + 1 :] = [form.xreplace({name: part}) for form in rest[k + 1 :]]
    letters = {name: letter for (name, _), letter in zip(kept, _letters(expr), strict=False)}
    named_parts = [(letters[name], oriented(part.xreplace(letters))) for name, part in kept]
    whole: list[tuple[Expr | None, Expr]] = [(None, oriented(rest[-1].xreplace(letters))), *named_parts]
    length = sum(len(str(part)) + 6 for _, part in whole)
    return whole if BETTER * length < len(str(expr)) else [(None, expr)]


def _letters(*forms: Expr) -> Iterator[Symbol]:
    """w₁, w₂, … that are not used in the forms."""
    taken = {symbol.name for form in forms for symbol in form.free_symbols}
    return (Symbol(f"w{k}") for k in count(1) if f"w{k}" not in taken)


def short(name: str, left: str, left_latex: str, expr: Expr) -> Formula:
    """A formula in a form to read."""
    return Formula(name, left, left_latex, neat(expr))


@dataclass(frozen=True, repr=False)
class Derived(Shown, Mapping[str, Any]):
    """The formulas of one quantity by name, and remarks in words: `found["drift"]` is a SymPy expression.

    `str` is what the command line prints, `latex` the same for a paper.
    """

    formulas: tuple[Formula, ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Expr:
        return {f.name: f.expr for f in self.formulas}[one_of(name, self, "formula")]

    def __iter__(self) -> Iterator[str]:
        return iter([f.name for f in self.formulas])

    def __len__(self) -> int:
        return len(self.formulas)

    def __str__(self) -> str:
        return "\n".join([*(f.text for f in self.formulas), *self.notes])

    @property
    def latex(self) -> str:
        """A line for each formula."""
        return "\n".join(f.latex for f in self.formulas)

    def _line(self) -> str:
        return "; ".join(str(self).splitlines())

    def _formulas(self) -> dict[str, Any]:
        return {f.left_latex: f.right for f in self.formulas}
