"""Languages of statements, whose numbers are all floats: declarations, blocks, the ends, and the Newton inverse."""

from __future__ import annotations

import re
import textwrap
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sympy as sp
from sympy.printing.c import C99CodePrinter

from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.forms import Forms
from symsched.codegen.printing.language import LEFT, indented
from symsched.codegen.printing.scalars import FLOOR, MOST, REACH, SMALLEST, Scalars
from symsched.codegen.program import Routine
from symsched.codegen.references import Reference, Value

WIDTH = 110


class TypedForms(Forms, C99CodePrinter):
    """Forms in which 2 is 2.0: an integer is another type, or is none."""

    choice = "{0} ? {1} : {2}"
    kind = ""  # what stands behind a number

    def __init__(self) -> None:
        self.one = self.number(1.0)
        C99CodePrinter.__init__(self, {"strict": False})

    def number(self, value: float) -> str:
        return repr(value) + self.kind

    def helper(self, kind: str) -> str:
        return kind  # in a space of names of its own

    def _print_Integer(self, expr: sp.Integer) -> str:
        return f"{expr.p}.0{self.kind}"

    def _print_int(self, expr: int) -> str:
        return f"{expr}.0{self.kind}"

    def _print_Rational(self, expr: sp.Rational) -> str:
        whole = expr.q & (expr.q - 1)
        return f"{expr.p}.0{self.kind}/{expr.q}.0{self.kind}" if whole else self.number(float(expr))

    def _print_Add(self, expr: sp.Add, order: Any = None) -> str:
        """A product of one name needs its parentheses in a denominator, not as a term."""
        text = C99CodePrinter._print_Add(self, expr, order)
        return str(re.sub(r"(^|[+-] ?)\((\w+(?:\*\w+)+)\)(?= [+-]|$)", r"\1\2", text))

    def _print_Infinity(self, _: Any) -> str:
        return self.infinity

    def _print_NegativeInfinity(self, _: Any) -> str:
        return f"-{self.infinity}"

    def _print_NaN(self, _: Any) -> str:
        return self.nan


class Statements(Scalars):
    """Declarations and blocks, in braces where it is not said otherwise; a result whose fields take their limits."""

    forms: TypedForms
    unit, smallest = "1.0", SMALLEST
    constant, moving = "const double", "double"  # declare a name that is given once, and one that changes
    condition, counted = "({})", "for (int step = 0; step < {0}; ++step)"
    inside, outside, stop = "{0} && {1}", "!({0})", "break;"
    field, returned = "result.{}", "return result;"

    def let(self, name: str, text: str) -> str:
        return f"{self.constant} {self.put(name, text)}"

    def variable(self, name: str, text: str) -> str:
        return f"{self.moving} {self.put(name, text)}"

    def put(self, name: str, text: str) -> str:
        tight = re.sub(r"^\((\w+(?:\*\w+)+)\)$", r"\1", re.sub(" ([*/]) ", r"\1", text))
        return f"{name} = {tight};"

    def when(self, condition: str, rows: list[str]) -> list[str]:
        """An if, in one line where it fits."""
        head = f"if {self.condition.format(condition)} {{"
        line = f"{head} {' '.join(rows)} }}"
        return [line] if len(line) < WIDTH - 4 else [head, *indented(rows), "}"]

    def repeat(self, count: int, rows: Iterable[str]) -> list[str]:
        return [f"{self.counted.format(count)} {{", *indented(rows), "}"]

    def folded(self, rows: Iterable[str]) -> list[str]:
        """Rows, the long ones over as many lines as they need."""
        return [part for row in rows for part in wrapped(row)]

    # -- a function ---------------------------------------------------------------------------------------------

    def function(self, function: Routine) -> str:
        body = [*self.given(function), *self.computed(function), *self.result(function)]
        return "\n".join([*self.head(function), *self.folded(indented(body)), "}"])

    @abstractmethod
    def head(self, function: Routine) -> list[str]:
        """What is declared, up to the brace."""

    @abstractmethod
    def unused(self, time: str) -> list[str]:
        """What tells a compiler that a time is not used on purpose."""

    @abstractmethod
    def made(self, function: Routine, changes: bool) -> str:
        """`result`, of the values computed; `changes` says whether some are put in afterwards."""

    def zeroed(self) -> list[str]:
        """A time whose inverse is no float is 0."""
        return self.when(f"t < {self.smallest}", [self.put("t", self.forms.number(0.0))])

    def given(self, function: Routine) -> list[str]:
        """Times that are not used are said to be so; the inverse of a subnormal number is no float."""
        used = {s.name for _, f in self.lines(function) for s in f.free_symbols} | {o.name for o in function.outputs}
        used |= {"t"} if any(o.ends != (None, None) for o in function.outputs) or function.covered else set()
        rows = [row for time in function.times if not used & {time, LEFT[time]} for row in self.unused(time)]
        return [*rows, *(self.zeroed() if used & {"t", "u"} else [])]

    def result(self, function: Routine) -> list[str]:
        """What the formulas give, then the ends: plain assignments, which compilers turn into vector selects."""
        changes = [row for end in (0, 1) for row in self._end(function, end)]
        if function.covered is not None:
            low, high = map(self.forms.number, function.covered)
            inside = self.inside.format(f"t >= {low}", f"t <= {high}")
            nan = self.forms.limit(sp.nan)
            put = [self.put(self.field.format(o.name), nan) for o in function.outputs]
            changes += self.when(self.outside.format(inside), put)
        return [self.made(function, bool(changes)), *changes, self.returned]

    def _end(self, function: Routine, end: int) -> list[str]:
        limits = [(o.name, o.ends[end]) for o in function.outputs if o.ends[end] is not None]
        rows = [self.put(self.field.format(name), self.forms.limit(limit)) for name, limit in limits]
        return self.when(f"t == {self.forms.number(float(end))}", rows) if rows else []

    # -- the Newton inverse -------------------------------------------------------------------------------------

    def newton(self, module: Module) -> str:
        return "\n".join(self.folded(super().newton(module).splitlines()))

    def start(self, inverse: Inverse) -> list[str]:
        form = self.forms.form
        rows = [self.variable("log_r", f"{self.logarithm('beta')} - {self.logarithm('alpha')}")]
        rows += [self.variable(str(symbol), self.floored.format(form(expr))) for symbol, expr in inverse.distances]
        rows += [self.let("goal", form(inverse.place))]
        rows += [self.variable("low", f"-{REACH}"), self.variable("high", REACH), self.variable("z", self.clamped)]
        return [*rows, *(self.variable(name, text) for name, text in self._logistic())]

    def _logistic(self) -> list[tuple[str, str]]:
        exp = self.forms.name_of(sp.exp)
        return [("s", f"1.0/(1.0 + {exp}(-z))"), ("left", f"1.0/(1.0 + {exp}(z))")]

    def logit(self) -> list[str]:
        """Nothing: s and left are declared before the loop, and move with z."""
        return []

    @property
    def floored(self) -> str:  # type: ignore[override]
        return f"{self.larger}({{}}, {FLOOR})"

    @property
    def clamped(self) -> str:  # type: ignore[override]
        return f"{self.smaller}({self.larger}(goal, low), high)"

    larger, smaller = "fmax", "fmin"

    @property
    def narrowed(self) -> Sequence[str]:  # type: ignore[override]
        low, high = self.put("low", "z"), self.put("high", "z")
        return [f"if {self.condition.format('gap < 0.0')} {{ {low} }} else {{ {high} }}"]

    @property
    def moved(self) -> Sequence[str]:  # type: ignore[override]
        inside = self.inside.format("newton >= low", "newton <= high")
        return [
            self.let("off", f"{self.forms.name_of(sp.Abs)}(newton - z)"),
            self.put("z", self.forms.choice.format(inside, "newton", "0.5*(low + high)")),
            *(self.put(name, text) for name, text in self._logistic()),
            *self.when("off < 1e-6", [self.stop]),
        ]

    @property
    def shifted(self) -> Sequence[str]:  # type: ignore[override]
        return [self.put("s", "s - nudge"), self.put("left", "left + nudge")]

    @property
    def exit(self) -> Sequence[str]:  # type: ignore[override]
        """0 or 1 where no float is that time."""
        far = [self.put("s", self.forms.choice.format("z < 0.0", "0.0", "1.0")), self.put("left", "1.0 - s")]
        rows = self.when(f"{self.forms.name_of(sp.Abs)}(z) > {MOST}", far)
        return [*indented([*rows, *self.solution()]), "}"]

    @abstractmethod
    def solution(self) -> list[str]:
        """Returns s and left."""

    def trials(self, module: Module) -> Iterator[tuple[Routine, Reference, list[tuple[str, Value]]]]:
        """What the self-test calls, and what it then compares: names and values."""
        by_name = {f.name: f for f in (*module.functions, *module.steps)}
        for reference in module.references:
            function = by_name[reference.function]
            pairs = zip(function.outputs, reference.expected, strict=True)
            yield function, reference, [(o.name, value) for o, value in pairs if value is not None]


def camel(name: str) -> str:
    """DriftData, the type of what drift_data returns."""
    return "".join(word.capitalize() for word in name.split("_"))


def used_names(inverse: Inverse) -> set[str]:
    """The names in the forms of an inverse."""
    forms = (inverse.ratio, inverse.pace, inverse.place, *(row[1] for row in (*inverse.distances, *inverse.near)))
    return {x.name for f in forms for x in f.free_symbols}


def wrapped(row: str) -> list[str]:
    """A row, over as many lines as it needs."""
    indent = " " * (len(row) - len(row.lstrip()) + 8)
    kept = textwrap.wrap(row, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    comment = row.lstrip()[:1] in ("/", "*", "!", "%")
    return [row] if comment or len(row) <= WIDTH else kept


def without_marks(row: str) -> str:
    """A row of a comment that ends no comment, begins none, and holds no trigraph and no joint of two lines."""
    for mark in ("*/", "/*", "??"):
        row = row.replace(mark, " ".join(mark))
    return row + "." if row.endswith("\\") else row
