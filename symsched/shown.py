"""What a thing says of itself: one line in a session, and in a notebook its formulas or a table.

A class that is `Shown` says the line, and the formulas or the rows if it has any; how a session, Jupyter, Colab and
their like ask for them is known here alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from symsched.errors import InputError, UndecidedError, clipped

WIDTH = 200  # of the line
ROWS = 40  # of the table
SIM = r"\sim"  # a right side that begins with it is a law, and no value
Table = tuple[Sequence[str], Iterable[Sequence[object]]]


class Shown:
    """Base of classes that are looked at in a session or a notebook."""

    def _line(self) -> str:
        """All of it that one line can say."""
        raise NotImplementedError

    def _formulas(self) -> Mapping[str, Any]:
        """Right sides, expressions or LaTeX, by their left sides in LaTeX."""
        return {}

    def _table(self) -> Table | None:
        """The heads of the columns, and the rows."""
        return None

    def __repr__(self) -> str:
        return clipped(self._line(), WIDTH)

    def _repr_latex_(self) -> str | None:
        try:
            sides = [(left, _latex(right)) for left, right in self._formulas().items()]
        except (InputError, UndecidedError):
            return None  # the line is shown instead
        if not sides:
            return None
        lines = r" \\ ".join(f"{left} &{'' if right[:4] == SIM else '='} {right}" for left, right in sides)
        return rf"$$\begin{{aligned}} {lines} \end{{aligned}}$$"

    def _repr_html_(self) -> str | None:
        table = self._table()
        if table is None:
            return None
        head, rows = table[0], list(table[1])
        shown = [*map(_row, rows[:ROWS]), *([f"<tr><td>… {len(rows) - ROWS} more</td></tr>"] * (len(rows) > ROWS))]
        heads = "".join(f"<th>{escape(name)}</th>" for name in head)
        caption = f"<caption>{escape(repr(self))}</caption>"
        return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{''.join(shown)}</tbody></table>"


def _row(cells: Sequence[object]) -> str:
    return "<tr>" + "".join(f"<td>{escape(brief(cell))}</td>" for cell in cells) + "</tr>"


def _latex(value: Any) -> str:
    if isinstance(value, str):
        return value
    from sympy import latex

    return str(latex(value))


def brief(value: object) -> str:
    """A number in six digits, and anything else as its text."""
    return f"{value:.6g}" if hasattr(value, "dtype") or isinstance(value, float) else str(value)
