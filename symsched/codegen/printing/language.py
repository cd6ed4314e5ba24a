"""What every language does: the walk over a module, the lines of a function, and the statements of the Newton inverse.

A language is a subclass of `Code` in a file of its own, and says there how each of these reads.
"""

from __future__ import annotations

import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp

from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse, above
from symsched.codegen.printing.forms import Forms
from symsched.codegen.program import DISTANCES, Output, Routine
from symsched.codegen.stable import product_error, sum_error

LEFT = {"t": "u", "t_next": "u_next"}  # a time, and what is left of the unit interval
WHY = "Source time tau and 1 - tau at given noise and data coefficients."
START = "logit tau to six digits: guarded Newton steps in log SNR."
Lines = Sequence[tuple[sp.Symbol, sp.Expr]]


class Language(ABC):
    """A language or a format; `name` is that of what is emitted, linear_to_follmer."""

    tested = False  # whether it computes, and so carries a self-test and is checked
    binary = False  # whether its files are bytes

    def __init__(self, name: str = "emitted") -> None:
        self.name = name

    @abstractmethod
    def text(self, module: Module, test: bool = False) -> str | Any:
        """The whole file, with a self-test if wanted; bytes where it is no text."""

    def absent(self, forms: Iterable[sp.Expr]) -> str | None:  # noqa: ARG002
        """A function in the forms that the language has not."""
        return None


class Code(Language):
    """A language that computes."""

    tested = True
    forms: Forms
    error_helpers: str  # the functions of `carry`: sum_error and product_error
    unit = "1"
    apart = "\n\n"  # between two parts of a file
    ending = ""  # what closes it

    def text(self, module: Module, test: bool = False) -> str | Any:
        parts = [*self.parts(module), *([self.self_test(module)] if test else [])]
        return self.heading(module, test) + self.joined(parts) + self.ending

    def body(self, module: Module) -> str:
        """Imports and functions, without a word that anybody else wrote."""
        return self.joined(self.parts(module))

    def parts(self, module: Module) -> list[str]:
        functions = (*module.functions, *module.steps)
        parts = [self.error_helpers] if carries_errors(functions) else []
        parts += [] if module.closed else [self.newton(module)]
        return parts + [self.function(f) for f in functions]

    def joined(self, parts: Iterable[str]) -> str:
        return self.apart.join(part.rstrip("\n") for part in parts) + "\n"

    def absent(self, forms: Iterable[sp.Expr]) -> str | None:
        return self.forms.absent(forms)

    @abstractmethod
    def heading(self, module: Module, test: bool) -> str:
        """The comment at the top, and what must come first."""

    @abstractmethod
    def newton(self, module: Module) -> str:
        """The function _source_time, by `search` and `polish`."""

    @abstractmethod
    def function(self, function: Routine) -> str:
        """One function: its lines, and the limits at the ends."""

    @abstractmethod
    def self_test(self, module: Module) -> str:
        """The reference values, and a function that compares with them."""

    # -- the lines of a function --------------------------------------------------------------------------------

    def let(self, name: str, text: str) -> str:
        """A name that is given once; for the first of many times is `variable`, for the others `put`."""
        return f"{name} = {text}"

    variable = put = let

    def lines(self, function: Routine) -> Lines:
        return unused_left_out(function)

    def computed(self, function: Routine) -> list[str]:
        """The lines, with the call of the Newton inverse, if there is one, just before τ is used."""
        lines = self.lines(function)
        used = {s.name for _, form in lines for s in form.free_symbols}
        first = [self.let(left, f"{self.unit} - {time}") for time, left in LEFT.items() if left in used]
        rows = [self.let(symbol.name, self.forms.form(form)) for symbol, form in lines]
        if function.implicit:
            solved = (k for k, (_, f) in enumerate(lines) if f.has(sp.Symbol("tau"), sp.Symbol("tau_left")))
            at = next(solved, len(rows))
            rows[at:at] = self.solved(function, used)
        return first + rows

    def solved(self, function: Routine, used: set[str]) -> list[str]:  # noqa: ARG002
        """The call of the Newton inverse."""
        return [f"tau, tau_left = _source_time({', '.join(inverse_arguments(function))})"]

    # -- the Newton inverse: its statements, in the same order everywhere ---------------------------------------

    floored: str  # a distance from a truncated end, never quite 0
    narrowed: Sequence[str]  # z becomes `low` or `high`, by the sign of `gap`
    moved: Sequence[str]  # z becomes `newton`, or the middle where that leaves the bracket; whether that is the end
    shifted: Sequence[str] = ("s, left = s - nudge, left + nudge",)

    def search(self, inverse: Inverse) -> list[str]:
        """A step for z = logit s that stays between `low` and `high`, of which one moves to z."""
        form = self.forms.form
        slope = form(inverse.pace * inverse.slope)
        return [
            *self.logit(),
            self.put("log_r", self.logarithm(form(inverse.ratio))),
            *(self.put(str(symbol), self.floored.format(form(expr))) for symbol, expr in inverse.distances),
            self.let("gap", f"{form(inverse.place)} - goal"),
            *self.narrowed,
            self.let("newton", f"z - gap / (({slope}) * s * left)"),
            *self.moved,
        ]

    def polish(self, inverse: Inverse) -> list[str]:
        """A step on s and 1 − s themselves, by the stable distances next to an end that source and target lack."""
        form = self.forms.form
        given = self.variable if inverse.near else self.let
        rows = [self.let("close", form(inverse.close)), given("gap", form(inverse.gap))]
        for symbol, expr, most in inverse.near:
            own = f"own_{symbol}"
            gap = "own_above - near_above" if symbol == above else "near_below - own_below"
            rows.append(self.let(own, form(expr)))
            rows.append(self.put("gap", self.forms.choice.format(f"{own} < {most!r}", gap, "gap")))
        return [*rows, self.let("nudge", f"gap / ({form(inverse.pace)})"), *self.shifted]

    @abstractmethod
    def repeat(self, count: int, rows: Iterable[str]) -> list[str]:
        """A loop."""

    def logit(self) -> list[str]:
        """s and 1 − s at z."""
        exp = self.forms.name_of(sp.exp)
        return [f"s, left = 1 / (1 + {exp}(-z)), 1 / (1 + {exp}(z))"]

    def logarithm(self, text: str) -> str:
        return f"{self.forms.name_of(sp.log)}({text})"


def indented(rows: Iterable[str]) -> list[str]:
    return [f"    {row}" for row in rows]


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


def carries_errors(functions: Iterable[Routine]) -> bool:
    """Whether one of the functions needs the helpers of `carry`."""
    return any(form.has(sum_error, product_error) for f in functions for _, form in f.lines)


def documentation(function: Routine) -> str:
    """What is returned, and what it is."""
    text = f"{', '.join(o.name for o in function.outputs)}: {function.summary}."
    if function.covered is not None:
        low, high = function.covered
        text += f"  NaN unless {low!r} <= t <= {high!r}: the source has no other noise levels."
    return text


def is_constant(function: Routine, output: Output) -> bool:
    """Whether a returned quantity has no time in it, and must be given the shape of t."""
    moving: set[str] = {*LEFT, *LEFT.values()} | ({"tau", "tau_left"} if function.implicit else set())
    for symbol, form in function.lines:
        if any(s.name in moving for s in form.free_symbols):
            moving.add(symbol.name)
    return output.name not in moving


def unused_left_out(function: Routine) -> Lines:
    """The lines, without those that only an unneeded quantity used."""
    wanted = {o.name for o in function.outputs} | ({"alpha", "beta", *DISTANCES} if function.implicit else set())
    wanted |= {s.name for o in function.outputs for end in o.ends if end is not None for s in end.free_symbols}
    kept = []
    for symbol, form in reversed(function.lines):
        if symbol.name in wanted:
            kept.append((symbol, form))
            wanted |= {s.name for s in form.free_symbols}
    return kept[::-1]


def inverse_arguments(function: Routine) -> list[str]:
    """What the Newton inverse is called with."""
    near = [s.name for s, _ in function.lines if s.name in DISTANCES]
    return ["alpha", "beta", *near, *(s.name for s in function.parameters if s.name != "kappa")]
