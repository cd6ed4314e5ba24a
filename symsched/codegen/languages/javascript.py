"""JavaScript: an ES module of functions that return an object, with types in comments that TypeScript reads."""

from __future__ import annotations

import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.forms import ERROR_FUNCTIONS
from symsched.codegen.printing.language import documentation, inverse_arguments
from symsched.codegen.printing.scalars import NOTE
from symsched.codegen.printing.statements import Statements, TypedForms, without_marks
from symsched.codegen.program import Routine

HELPERS = """/** a + b minus its rounded value. @param {number} a @param {number} b @returns {number} */
function sum_error(a, b) {
    const total = a + b, back = total - a;
    return (a - (total - back)) + (b - back);
}

/** The upper half of the digits of a, which may be next to the largest number. @param {number} a @returns {number} */
function upper_half(a) {
    const small = a/268435456, big = 134217729*small;
    return (big - (big - small))*268435456;
}

/** a b minus its rounded value. @param {number} a @param {number} b @returns {number} */
function product_error(a, b) {
    const a_up = upper_half(a), b_up = upper_half(b), a_low = a - a_up, b_low = b - b_up;
    return ((a_up*b_up - a*b) + a_up*b_low + a_low*b_up) + a_low*b_low;
}"""
CHECK = """    ];
    let worst = 0;
    for (const [name, t, got, want, size, allowed] of checks) {
        if (got === want) continue;
        const error = Math.abs(got - want)/(2**-52*Math.max(Math.abs(want), size));
        if (!(error <= allowed)) throw new Error(`${name} at t = ${t}: ${got}, expected ${want}`);
        worst = Math.max(worst, error);
    }
    return worst;
}"""


class JavaScriptForms(TypedForms):
    """Functions of Math; numbers are floats as they stand."""

    prefix = "Math."
    lacks = ERROR_FUNCTIONS  # of no standard

    def _print_Integer(self, expr: sp.Integer) -> str:
        return str(expr.p)

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"{expr.p}/{expr.q}" if expr.q & (expr.q - 1) else self.number(float(expr))

    infinity, nan, one = "Infinity", "NaN", "1"

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"Math.pow({self._print(base)}, {self._print(exponent)})"


class JavaScript(Statements):
    """A module for node, browsers, deno and bundlers."""

    forms = JavaScriptForms()
    constant, moving = "const", "let"
    larger, smaller = "Math.max", "Math.min"
    counted = "for (let step = 0; step < {0}; ++step)"
    error_helpers = HELPERS

    def heading(self, module: Module, test: bool) -> str:
        rows = [f" * {row}".rstrip() for row in header.lines(module)]
        top = ["/*", *map(without_marks, rows), " *", " * An ES module: import it, by a name that ends in .mjs or .js."]
        top += [""" * Test it: node -e 'import("./FILE").then((m) => console.log(m.self_test()))'"""] if test else []
        return "\n".join([*top, " */", "", ""])

    def head(self, function: Routine) -> list[str]:
        names = [*function.times, *map(str, function.parameters)]
        shown = ", ".join(f"{o.name}: number" for o in function.outputs)
        rows = ["/**", f" * {documentation(function)}"]
        rows += [f" * @param {{number}} {'[kappa]' if n == 'kappa' else n}" for n in names]
        given = ", ".join(f"{n} = 0" if n == "kappa" else n for n in names)
        return [*rows, f" * @returns {{{{ {shown} }}}}", " */", f"export function {function.name}({given}) {{"]

    def unused(self, time: str) -> list[str]:  # noqa: ARG002
        return []

    def made(self, function: Routine, changes: bool) -> str:  # noqa: ARG002
        return f"const result = {{ {', '.join(o.name for o in function.outputs)} }};"

    def solved(self, function: Routine, used: set[str]) -> list[str]:
        wanted = used | {o.name for o in function.outputs}
        names = ["tau", "tau_left"] if "tau_left" in wanted else ["tau"]
        return [f"const [{', '.join(names)}] = source_time({', '.join(inverse_arguments(function))});"]

    def entry(self, inverse: Inverse) -> list[str]:
        rows = ["/**", f" * {NOTE}", *(f" * @param {{number}} {name}" for name in inverse.arguments)]
        return [
            *rows,
            " * @returns {[number, number]}",
            " */",
            f"function source_time({', '.join(inverse.arguments)}) {{",
        ]

    def solution(self) -> list[str]:
        return ["return [s, left];"]

    def self_test(self, module: Module) -> str:
        rows = ["/**", " * Compares with reference values; throws where one differs by more than its bound."]
        rows += [" * @returns {number} the worst error, in units of 2^-52", " */", "export function self_test() {"]
        rows += ["    /** @type {[string, number, number, number, number, number][]} */", "    const checks = ["]
        for function, reference, values in self.trials(module):
            call = f"{function.name}({', '.join(map(repr, reference.arguments))})"
            for name, value in values:
                what = f'"{function.name}.{name}", {reference.arguments[0]!r}, {call}.{name}'
                rows.append(f"        [{what}, {value.literal('Infinity')}, {value.shown_size!r}, {reference.ulps}],")
        return "\n".join([*rows, CHECK])
