"""Functions of one number: Numba and Julia."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symsched.codegen.languages import LEFT, assignments, documentation, is_constant, signature, unused_left_out
from symsched.codegen.printers import JuliaForms, NumbaForms
from symsched.codegen.program import Function
from symsched.codegen.tidy import folded_rows

SMALLEST = "2.2250738585072014e-308"  # a smaller time, whose inverse is no float, is 0


def _left(lines: Sequence[tuple[sp.Symbol, sp.Expr]], one: str) -> list[str]:
    used = {s.name for _, f in lines for s in f.free_symbols}
    return [f"    {left} = {one} - {time}" for time, left in LEFT.items() if left in used]


def numba_function(function: Function) -> str:
    """A scalar function for loops and kernels; the ends are plain branches."""
    printer = NumbaForms()
    rows = ['@njit(error_model="numpy")', f"def {function.name}({signature(function)}):"]
    rows.append(f'    """{documentation(function)}"""')
    lines = unused_left_out(function)
    rows.append(f"    t = 0.0 if abs(t) < {SMALLEST} else t")
    rows += _left(lines, "1.0")
    rows += [f"    {row}" for row in assignments(lines, printer.form, function)]
    for end in (0, 1):
        given = [(o.name, printer.limit(o.ends[end])) for o in function.outputs if o.ends[end] is not None]
        if given:
            rows.append(f"    if t == {end}:")
            rows += [f"        {name} = {value}" for name, value in given]
    if function.covered is not None:
        rows.append("    if not ({!r} <= t <= {!r}):".format(*function.covered))
        rows.append(f"        {' = '.join(o.name for o in function.outputs)} = math.nan")
    names = ", ".join(f"float({o.name})" if is_constant(function, o) else o.name for o in function.outputs)
    return "\n".join(folded_rows([*rows, f"    return {names}"]))


def julia_function(function: Function) -> str:
    """A scalar function that returns a named tuple; broadcast it with a dot."""
    printer = JuliaForms()
    names = [s.name for s in function.parameters if s.name != "kappa"]
    arguments = ", ".join([*function.times, *names]) + ("; kappa=0.0" if len(names) < len(function.parameters) else "")
    rows = [f'"{documentation(function)}"', f"function {function.name}({arguments})"]
    lines = unused_left_out(function)
    rows.append(f"    t = abs(t) < {SMALLEST} ? 0.0 : t")
    rows += _left(lines, "1")
    rows += [f"    {row}" for row in assignments(lines, printer.form, function)]
    for output in function.outputs:
        for end, limit in enumerate(output.ends):
            if limit is not None:
                rows.append(f"    t == {end} && ({output.name} = {printer.limit(limit)})")
    if function.covered is not None:
        low, high = function.covered
        rows.append(f"    {low!r} <= t <= {high!r} || ({' = '.join(o.name for o in function.outputs)} = NaN)")
    rows.append(f"    return (; {', '.join(o.name for o in function.outputs)})")
    return "\n".join(folded_rows([*rows, "end"]))
