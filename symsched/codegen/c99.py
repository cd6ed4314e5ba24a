"""Functions in C99: structs by value, selects instead of branches, and loops over arrays that vectorise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symsched.codegen.languages import LEFT, documentation, unused_left_out
from symsched.codegen.printers import CForms
from symsched.codegen.program import Function, Output

WIDTH = 110


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
        rows += [f"    {row}" for row in [*self._body(function), *self._result(function, f"{name}_t")]]
        return "\n".join([*rows, "}", "", *self._loop(function, name)])

    def _body(self, function: Function) -> list[str]:
        lines = unused_left_out(function)
        used = {s.name for _, f in lines for s in f.free_symbols} | {o.name for o in function.outputs}
        used |= {"t"} if any(o.ends != (None, None) for o in function.outputs) or function.covered else set()
        one = self.printer.number(1.0)
        rows = [f"(void){time};" for time in function.times if not used & {time, LEFT[time]}]
        rows += [f"const {self.real} {left} = {one} - {time};" for time, left in LEFT.items() if left in used]
        declared = [f"const {self.real} {s.name} = {self.printer.form(f)};" for s, f in lines]
        if function.implicit:
            solved = (k for k, (_, f) in enumerate(lines) if f.has(sp.Symbol("tau"), sp.Symbol("tau_left")))
            at = next(solved, len(lines))
            declared[at:at] = self._source_time(function, used)
        return rows + declared

    def _source_time(self, function: Function, used: set[str]) -> list[str]:
        """The Newton inverse, always in double: its last steps need the digits."""
        names = ", ".join(["alpha", "beta", *[s.name for s in function.parameters if s.name != "kappa"]])
        cast = "(float)" if self.single else ""
        rows = [f"const {self.prefix}_time_t source = {self.prefix}_source_time({names});"]
        return rows + [f"const {self.real} {x} = {cast}source.{x};" for x in ("tau", "tau_left") if x in used]

    def _result(self, function: Function, kind: str) -> list[str]:
        returned = [self._chosen(output) for output in function.outputs]
        if function.covered is not None:
            low, high = map(self.printer.number, function.covered)
            returned = [f"t >= {low} && t <= {high} ? ({text}) : {self.printer.limit(sp.nan)}" for text in returned]
        line = f"const {kind} result = {{{', '.join(returned)}}};"
        if len(line) > WIDTH - 10:
            line = f"const {kind} result = {{\n        " + ",\n        ".join(returned) + "};"
        return [line, "return result;"]

    def _chosen(self, output: Output) -> str:
        text = output.name
        for end, limit in enumerate(output.ends):
            if limit is not None:
                text = f"t == {self.printer.number(float(end))} ? {self.printer.limit(limit)} : {text}"
        return text

    def _loop(self, function: Function, name: str) -> list[str]:
        times = [f"const {self.real} *restrict {s}" for s in function.times]
        outputs = [f"{self.real} *restrict {o.name}" for o in function.outputs]
        arguments = ["size_t n", *times, *(f"{self.real} {s}" for s in function.parameters), *outputs]
        given = ", ".join([*(f"{s}[k]" for s in function.times), *map(str, function.parameters)])
        rows = [f"static inline void {name}_n(", *_wrapped(arguments), "{", "    for (size_t k = 0; k < n; ++k) {"]
        rows.append(f"        const {name}_t v = {name}({given});")
        rows += [f"        {o.name}[k] = v.{o.name};" for o in function.outputs]
        return [*rows, "    }", "}"]


def _wrapped(arguments: Iterable[str]) -> list[str]:
    """Arguments over as many lines as they need."""
    rows = [""]
    for argument in arguments:
        if len(rows[-1]) + len(argument) > WIDTH - 8:
            rows.append("")
        rows[-1] += f"{argument}, "
    return [f"    {row.rstrip()}" for row in rows[:-1]] + [f"    {rows[-1].rstrip(', ')})"]
