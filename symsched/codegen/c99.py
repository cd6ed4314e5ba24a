"""Functions in C99: structs by value, ends as plain assignments, and loops over arrays that vectorise."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symsched.codegen.languages import LEFT, documentation, inverse_arguments, unused_left_out
from symsched.codegen.printers import CForms
from symsched.codegen.program import Function

WIDTH = 110
SMALLEST = "2.2250738585072014e-308", "1.17549435e-38f"


@dataclass(frozen=True)
class C99:
    """The emitter of one header; `prefix` starts every name, `single` makes it a header of floats."""

    prefix: str
    single: bool = False

    @property
    def real(self) -> str:
        return "float" if self.single else "double"

    @property
    def printer(self) -> CForms:
        return CForms(self.single)

    def write(self, function: Function) -> str:
        """The struct, the function of one time, and the function of n times."""
        name = f"{self.prefix}_{function.name}"
        fields = ", ".join(o.name for o in function.outputs)
        arguments = ", ".join(f"{self.real} {s}" for s in [*function.times, *function.parameters])
        rows = [f"/* {documentation(function)} */", f"typedef struct {{ {self.real} {fields}; }} {name}_t;", ""]
        rows += [f"static inline {name}_t {name}({arguments})", "{"]
        body = [*self._body(function), *self._result(function, f"{name}_t")]
        rows += [part for row in body for part in _long(f"    {row}")]
        return "\n".join([*rows, "}", "", *self._loop(function, name)])

    def _body(self, function: Function) -> list[str]:
        lines = unused_left_out(function)
        used = {s.name for _, f in lines for s in f.free_symbols} | {o.name for o in function.outputs}
        used |= {"t"} if any(o.ends != (None, None) for o in function.outputs) or function.covered else set()
        one = self.printer.number(1.0)
        rows = [f"(void){time};" for time in function.times if not used & {time, LEFT[time]}]
        if used & {"t", "u"}:  # the inverse of a subnormal number is no float
            rows.append(f"if (t < {SMALLEST[self.single]}) t = {self.printer.number(0.0)};")
        rows += [f"const {self.real} {left} = {one} - {time};" for time, left in LEFT.items() if left in used]
        declared = [f"const {self.real} {s.name} = {self.printer.form(f)};" for s, f in lines]
        if function.implicit:
            solved = (k for k, (_, f) in enumerate(lines) if f.has(sp.Symbol("tau"), sp.Symbol("tau_left")))
            at = next(solved, len(lines))
            declared[at:at] = self._source_time(function, used)
        return rows + declared

    def _source_time(self, function: Function, used: set[str]) -> list[str]:
        """The Newton inverse, always in double: its last steps need the digits."""
        names = ", ".join(inverse_arguments(function))
        cast = "(float)" if self.single else ""
        rows = [f"const {self.prefix}_time_t source = {self.prefix}_source_time({names});"]
        return rows + [f"const {self.real} {x} = {cast}source.{x};" for x in ("tau", "tau_left") if x in used]

    def _result(self, function: Function, kind: str) -> list[str]:
        """What the formulas give, then the ends: plain assignments, which compilers turn into vector selects."""
        names = [o.name for o in function.outputs]
        changes = [row for end in (0, 1) for row in self._end(function, end)]
        if function.covered is not None:
            low, high = map(self.printer.number, function.covered)
            nan = self.printer.limit(sp.nan)
            changes += _block(f"!(t >= {low} && t <= {high})", [f"result.{name} = {nan};" for name in names])
        return [f"{'' if changes else 'const '}{kind} result = {{{', '.join(names)}}};", *changes, "return result;"]

    def _end(self, function: Function, end: int) -> list[str]:
        limits = [(o.name, o.ends[end]) for o in function.outputs if o.ends[end] is not None]
        rows = [f"result.{name} = {self.printer.limit(limit)};" for name, limit in limits]
        return _block(f"t == {self.printer.number(float(end))}", rows) if rows else []

    def _loop(self, function: Function, name: str) -> list[str]:
        times = [f"const {self.real} *restrict {s}" for s in function.times]
        outputs = [f"{self.real} *restrict {o.name}" for o in function.outputs]
        arguments = ["size_t n", *times, *(f"{self.real} {s}" for s in function.parameters), *outputs]
        given = ", ".join([*(f"{s}[k]" for s in function.times), *map(str, function.parameters)])
        rows = [f"static inline void {name}_n(", *_wrapped(arguments), "{", "    for (size_t k = 0; k < n; ++k) {"]
        rows.append(f"        const {name}_t v = {name}({given});")
        rows += [f"        {o.name}[k] = v.{o.name};" for o in function.outputs]
        return [*rows, "    }", "}"]


def _long(row: str) -> list[str]:
    return textwrap.wrap(row, WIDTH, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)


def _block(condition: str, rows: list[str]) -> list[str]:
    """An if, in one line where it fits."""
    line = f"if ({condition}) {{ {' '.join(rows)} }}"
    return [line] if len(line) < WIDTH - 4 else [f"if ({condition}) {{", *(f"    {row}" for row in rows), "}"]


def _wrapped(arguments: Iterable[str]) -> list[str]:
    """Arguments over as many lines as they need."""
    rows = [""]
    for argument in arguments:
        if len(rows[-1]) + len(argument) > WIDTH - 8:
            rows.append("")
        rows[-1] += f"{argument}, "
    return [f"    {row.rstrip()}" for row in rows[:-1]] + [f"    {rows[-1].rstrip(', ')})"]
