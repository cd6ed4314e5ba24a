"""Formulas as answers: one line of text, LaTeX, and the expression; and what is derived together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sympy import Expr

from symsched.exact import neat
from symsched.notation import latex_line, named, oriented, unicode_line
from symsched.parsing import one_of
from symsched.shown import Shown


@dataclass(frozen=True)
class Formula:
    """`left = expr`: the machine's name, the left side in Unicode and LaTeX, the right side an expression."""

    name: str
    left: str
    left_latex: str
    expr: Expr

    @property
    def right(self) -> str:
        """The right side in LaTeX."""
        return latex_line(oriented(named(self.expr)))

    @property
    def text(self) -> str:
        """One line of Unicode."""
        return f"{self.left} = {unicode_line(oriented(named(self.expr)))}"

    @property
    def latex(self) -> str:
        """The same in LaTeX."""
        return f"{self.left_latex} = {self.right}"


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
