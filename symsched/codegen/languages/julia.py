"""Julia: functions of one number that return a named tuple; broadcast them with a dot."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp
from sympy.printing.julia import JuliaCodePrinter

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.forms import ERROR_FUNCTIONS, Forms
from symsched.codegen.printing.language import documentation, folded_rows, indented
from symsched.codegen.printing.scalars import MOST, NOTE, SMALLEST, Scalars
from symsched.codegen.program import Routine


class JuliaForms(Forms, JuliaCodePrinter):
    """Julia on scalars."""

    lacks = ERROR_FUNCTIONS  # of a package, not of Julia itself
    names = ((sp.atan2, "atan"),)
    infinity, nan, power_sign, choice = "Inf", "NaN", "^", "{0} ? {1} : {2}"

    def helper(self, kind: str) -> str:
        return kind

    def product(self, base: str, times: int) -> str:
        return f"{base}^{times}"

    def __init__(self) -> None:
        JuliaCodePrinter.__init__(self, {"strict": False})

    def _print_Mul(self, expr: sp.Mul) -> str:
        return JuliaCodePrinter._print_Mul(self, expr).replace(" .* ", " * ").replace(" ./ ", " / ")


class Julia(Scalars):
    """A module of functions."""

    forms = JuliaForms()

    def heading(self, module: Module, test: bool) -> str:  # noqa: ARG002
        name = "".join(word.capitalize() for word in self.name.split("_"))
        return "\n".join(f"# {row}".rstrip() for row in header.lines(module)) + f"\nmodule {name}\n\n"

    ending = "\nend\n"
    error_helpers = """sum_error(a, b) = (s = a + b; v = s - a; (a - (s - v)) + (b - v))
product_error(a, b) = fma(a, b, -(a * b))"""

    def function(self, function: Routine) -> str:
        names = [s.name for s in function.parameters if s.name != "kappa"]
        keyword = "; kappa=0.0" if len(names) < len(function.parameters) else ""
        rows = [f"t = abs(t) < {SMALLEST} ? 0.0 : t", *self.computed(function)]
        for output in function.outputs:
            for end, limit in enumerate(output.ends):
                if limit is not None:
                    rows.append(f"t == {end} && ({output.name} = {self.forms.limit(limit)})")
        if function.covered is not None:
            low, high = function.covered
            rows.append(f"{low!r} <= t <= {high!r} || ({' = '.join(o.name for o in function.outputs)} = NaN)")
        rows.append(f"return (; {', '.join(o.name for o in function.outputs)})")
        top = f"function {function.name}({', '.join([*function.times, *names])}{keyword})"
        return "\n".join(folded_rows([f'"{documentation(function)}"', top, *indented(rows), "end"]))

    # -- the Newton inverse -------------------------------------------------------------------------------------

    clamped = "clamp(goal, low, high)"
    narrowed = ("gap < 0 ? (low = z) : (high = z)",)
    moved = (
        "done = abs(newton - z) < 1e-6",
        "z = low <= newton <= high ? newton : (low + high) / 2",
        "done && break",
    )
    exit = (
        f"    abs(z) > {MOST} && return z < 0 ? (0.0, 1.0) : (1.0, 0.0)  # no float is that time",
        "    return s, left",
        "end",
    )

    def entry(self, inverse: Inverse) -> list[str]:
        rows = [f'"{NOTE}"', f"function _source_time({', '.join(inverse.arguments)})"]
        return [*rows, "    (alpha > 0 && beta > 0) || return (NaN, NaN)"]

    def repeat(self, count: int, rows: Iterable[str]) -> list[str]:
        return [f"for _ in 1:{count}", *indented(rows), "end"]

    # -- the self-test ------------------------------------------------------------------------------------------

    def self_test(self, module: Module) -> str:
        by_name = {f.name: f for f in (*module.functions, *module.steps)}
        rows = ['"Compare with reference values computed at 50 digits; returns the worst error in units of 2^-52."']
        rows += ["function self_test()", "    worst = 0.0", "    for (found, allowed, expected) in ("]
        for reference in module.references:
            function = by_name[reference.function]
            names = [*function.times[1:], *(s.name for s in function.parameters)]
            time, *rest = map(repr, reference.arguments)
            keyed = [f"kappa={v}" if n == "kappa" else v for n, v in zip(names, rest, strict=True)]
            texts = ["nothing" if v is None else f"({v.literal('Inf')}, {v.shown_size!r})" for v in reference.expected]
            call = f"{reference.function}({', '.join([time, *keyed])})"
            rows.append(f"        ({call}, {reference.ulps}, ({', '.join(texts)},)),")
        return "\n".join([*rows, CHECK])


CHECK = """    )
        for (got, value) in zip(found, expected)
            (value === nothing || got == value[1]) && continue
            (want, size) = value
            error = abs(got - want) / (2.0^-52 * max(abs(want), size))
            error <= allowed || throw(ErrorException("$got, expected $want"))
            worst = max(worst, error)
        end
    end
    return worst
end"""
