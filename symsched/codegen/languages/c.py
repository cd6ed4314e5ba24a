"""C99, of doubles or of floats: structs by value, ends as plain assignments, and loops over arrays that vectorise."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.c import C99CodePrinter

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.forms import Forms
from symsched.codegen.printing.language import LEFT, documentation, indented, inverse_arguments
from symsched.codegen.printing.scalars import FLOOR, MOST, NOTE, REACH, SMALLEST, Scalars
from symsched.codegen.program import Routine

WIDTH = 110


NOTES = """\
 * Header only, C99, no allocation: include it and link with -lm.  The loops over arrays (suffix _n) become
 * vector code with -O3 -fno-math-errno -fno-trapping-math, where the formulas need no function but sqrt."""
HELPERS = """#ifndef SYMSCHED_ERRORS{upper}
#define SYMSCHED_ERRORS{upper}
/* a + b minus its rounded value, and a b minus its rounded value: compile without -ffast-math. */
static inline {real} symsched_sum_error{suffix}({real} a, {real} b)
{{
    const {real} total = a + b;
    const {real} back = total - a;
    const {real} rest = total - back;
    return (a - rest) + (b - back);
}}

static inline {real} symsched_product_error{suffix}({real} a, {real} b)
{{
    const {real} product = a*b, a_small = a/{room}, b_small = b/{room}; /* a, b may be next to the largest number */
    const {real} a_big = {split}*a_small, b_big = {split}*b_small;
    const {real} a_up = (a_big - (a_big - a_small))*{room}, b_up = (b_big - (b_big - b_small))*{room};
    const {real} a_low = a - a_up, b_low = b - b_up;
    return ((a_up*b_up - product) + a_up*b_low + a_low*b_up) + a_low*b_low;
}}
#endif"""
CHECK = """#ifdef SELF_TEST
#include <stdio.h>

static double worst = 0.0;

static int check(const char *name, double t, double got, double want, double size, double allowed)
{
    if (got == want) return 0;
    const double error = fabs(got - want)/(EPSILON*fmax(fabs(want), size));
    if (!(error <= allowed)) {
        printf("%s at t = %.17g: %.17g, expected %.17g\\n", name, t, got, want);
        return 1;
    }
    if (error > worst) worst = error;
    return 0;
}

int main(void)
{
    int bad = 0;"""


class CForms(Forms, C99CodePrinter):
    """C99, with no macro that strict C99 lacks; in single precision with the suffix f everywhere."""

    names = ((sp.Abs, "fabs"),)
    nan, choice = "NAN", "{0} ? {1} : {2}"

    def __init__(self, single: bool = False) -> None:
        self.suffix = "f" if single else ""
        self.one, self.infinity = self.number(1.0), f"HUGE_VAL{self.suffix.upper()}"
        C99CodePrinter.__init__(self, {"strict": False})

    def number(self, value: float) -> str:
        return repr(value) + self.suffix

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"copysign{self.suffix}({self.number(1.0)}, {self._print(expr.args[0])})"

    def helper(self, kind: str) -> str:
        return f"symsched_{kind}{self.suffix}"

    def _print_Integer(self, expr: sp.Integer) -> str:
        return f"{expr.p}.0{self.suffix}"

    def _print_int(self, expr: int) -> str:
        return f"{expr}.0{self.suffix}"

    def _print_Rational(self, expr: sp.Rational) -> str:
        whole = expr.q & (expr.q - 1)
        return f"{expr.p}.0{self.suffix}/{expr.q}.0{self.suffix}" if whole else self.number(float(expr))

    def _print_Add(self, expr: sp.Add, order: Any = None) -> str:
        """A product of one name needs its parentheses in a denominator, not as a term."""
        text = C99CodePrinter._print_Add(self, expr, order)
        return str(re.sub(r"(^|[+-] ?)\((\w+(?:\*\w+)+)\)(?= [+-]|$)", r"\1\2", text))

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"pow{self.suffix}({self._print(base)}, {self._print(exponent)})"


class C(Scalars):
    """A header, in which every name begins with that of the module."""

    forms = CForms()
    unit = "1.0"
    real, cast, smallest = "double", "", SMALLEST
    rounded: type = float
    mark, epsilon, digits = "", "2.220446049250313e-16", "52"  # of the names; of the self-test
    error_helpers = HELPERS.format(upper="", real="double", suffix="", split="134217729.0", room="268435456.0")

    def __init__(self, name: str = "emitted") -> None:
        super().__init__(name + self.mark.lower())
        self.ending = f"\n#endif /* {self.name.upper()}_H */\n"
        self.exit = (
            f"    if (fabs(z) > {MOST}) {{ s = z < 0.0 ? 0.0 : 1.0; left = 1.0 - s; }} /* no float is that time */",
            f"    const {self.name}_time_t found = {{s, left}};",
            "    return found;",
            "}",
        )

    def heading(self, module: Module, test: bool) -> str:
        guard = f"{self.name.upper()}_H"
        rows = [f" * {row}".rstrip() for row in header.lines(module)]
        top = ["/*", *map(_harmless, rows), " *", NOTES]
        top += [" * Test it: cc -std=c99 -DSELF_TEST -x c FILE -lm"] if test else []
        top += [" */", f"#ifndef {guard}", f"#define {guard}", "", "#include <math.h>", "#include <stddef.h>"]
        return "\n".join(top) + "\n\n"

    def let(self, name: str, text: str) -> str:
        return f"const {self.variable(name, text)}"

    def variable(self, name: str, text: str) -> str:
        return f"{self.real} {self.put(name, text)}"

    def put(self, name: str, text: str) -> str:
        tight = re.sub(" ([*/]) ", r"\1", text)
        return f"{name} = {tight};"

    def function(self, function: Routine) -> str:
        """The struct, the function of one time, and the function of n times."""
        name = f"{self.name}_{function.name}"
        fields = ", ".join(o.name for o in function.outputs)
        arguments = ", ".join(f"{self.real} {s}" for s in [*function.times, *function.parameters])
        rows = [f"/* {documentation(function)} */", f"typedef struct {{ {self.real} {fields}; }} {name}_t;", ""]
        rows += [f"static inline {name}_t {name}({arguments})", "{"]
        body = [*self._times(function), *self.computed(function), *self._result(function, f"{name}_t")]
        rows += [part for row in indented(body) for part in _long(row)]
        return "\n".join([*rows, "}", "", *self._loop(function, name)])

    def _times(self, function: Routine) -> list[str]:
        """Times that are not used are voided; the inverse of a subnormal number is no float."""
        used = {s.name for _, f in self.lines(function) for s in f.free_symbols} | {o.name for o in function.outputs}
        used |= {"t"} if any(o.ends != (None, None) for o in function.outputs) or function.covered else set()
        rows = [f"(void){time};" for time in function.times if not used & {time, LEFT[time]}]
        if used & {"t", "u"}:
            rows.append(f"if (t < {self.smallest}) t = {self.forms.number(0.0)};")
        return rows

    def solved(self, function: Routine, used: set[str]) -> list[str]:
        """The Newton inverse, always in double: its last steps need the digits."""
        names = ", ".join(inverse_arguments(function))
        rows = [f"const {self.name}_time_t source = {self.name}_source_time({names});"]
        wanted = used | {o.name for o in function.outputs}
        return rows + [self.let(x, f"{self.cast}source.{x}") for x in ("tau", "tau_left") if x in wanted]

    def _result(self, function: Routine, kind: str) -> list[str]:
        """What the formulas give, then the ends: plain assignments, which compilers turn into vector selects."""
        names = [o.name for o in function.outputs]
        changes = [row for end in (0, 1) for row in self._end(function, end)]
        if function.covered is not None:
            low, high = map(self.forms.number, function.covered)
            nan = self.forms.limit(sp.nan)
            changes += _block(f"!(t >= {low} && t <= {high})", [f"result.{name} = {nan};" for name in names])
        return [f"{'' if changes else 'const '}{kind} result = {{{', '.join(names)}}};", *changes, "return result;"]

    def _end(self, function: Routine, end: int) -> list[str]:
        limits = [(o.name, o.ends[end]) for o in function.outputs if o.ends[end] is not None]
        rows = [f"result.{name} = {self.forms.limit(limit)};" for name, limit in limits]
        return _block(f"t == {self.forms.number(float(end))}", rows) if rows else []

    def _loop(self, function: Routine, name: str) -> list[str]:
        times = [f"const {self.real} *restrict {s}" for s in function.times]
        outputs = [f"{self.real} *restrict {o.name}" for o in function.outputs]
        arguments = ["size_t n", *times, *(f"{self.real} {s}" for s in function.parameters), *outputs]
        given = ", ".join([*(f"{s}[k]" for s in function.times), *map(str, function.parameters)])
        rows = [f"static inline void {name}_n(", *_wrapped(arguments), "{", "    for (size_t k = 0; k < n; ++k) {"]
        rows.append(f"        const {name}_t v = {name}({given});")
        rows += [f"        {o.name}[k] = v.{o.name};" for o in function.outputs]
        return [*rows, "    }", "}"]

    # -- the Newton inverse -------------------------------------------------------------------------------------

    floored = f"fmax({{}}, {FLOOR})"
    clamped = "fmin(fmax(goal, low), high)"
    narrowed = ("if (gap < 0.0) low = z; else high = z;",)
    moved = (
        "const int done = fabs(newton - z) < 1e-6;",
        "z = newton >= low && newton <= high ? newton : 0.5*(low + high);",
        "s = 1.0/(1.0 + exp(-z));",
        "left = 1.0/(1.0 + exp(z));",
        "if (done) break;",
    )
    shifted = "s -= move;", "left += move;"

    def entry(self, inverse: Inverse) -> list[str]:
        forms = (inverse.ratio, inverse.pace, inverse.place, *(row[1] for row in (*inverse.distances, *inverse.near)))
        used = {x.name for f in forms for x in f.free_symbols}
        return [
            f"/* {NOTE} */",
            f"typedef struct {{ double tau, tau_left; }} {self.name}_time_t;",
            "",
            f"static inline {self.name}_time_t {self.name}_source_time("
            f"{', '.join(f'double {n}' for n in inverse.arguments)})",
            "{",
            *(f"    (void){name};" for name in inverse.parameters if name not in used),
        ]

    def start(self, inverse: Inverse) -> list[str]:
        form = self.forms.form
        return [
            f"double log_r = log(beta) - log(alpha), low = -{REACH}, high = {REACH};",
            *(self.variable(str(symbol), self.floored.format(form(expr))) for symbol, expr in inverse.distances),
            self.let("goal", form(inverse.place)),
            self.variable("z", self.clamped),
            "double s = 1.0/(1.0 + exp(-z)), left = 1.0/(1.0 + exp(z));",
        ]

    def repeat(self, count: int, rows: Iterable[str]) -> list[str]:
        return [f"for (int step = 0; step < {count}; ++step) {{", *indented(rows), "}"]

    def logit(self) -> list[str]:
        """Nothing: s and left are declared before the loop, and move with z."""
        return []

    # -- the self-test ------------------------------------------------------------------------------------------

    def self_test(self, module: Module) -> str:
        rows = [CHECK.replace("EPSILON", self.epsilon)]
        by_name = {f.name: f for f in (*module.functions, *module.steps)}
        for reference in module.references:
            time, function = reference.arguments[0], by_name[reference.function]
            if float(self.rounded(time)) != time:  # no number of the language
                continue
            kind, given = f"{self.name}_{function.name}", ", ".join(map(repr, reference.arguments))
            rows.append(f"    {{ const {kind}_t v = {kind}({given});")
            for output, value in zip(function.outputs, reference.expected, strict=True):
                if value is not None:
                    want, size = value.literal("HUGE_VAL"), f"{value.shown_size!r}, {reference.ulps}"
                    what = f'"{function.name}.{output.name}", {time!r}, v.{output.name}'
                    rows.append(f"      bad += check({what}, {want}, {size});")
            rows.append("    (void)v; }")
        passed = f'"self-test passed, worst error %.2f x 2^-{self.digits}\\n", worst'
        return "\n".join(
            [*rows, f"    if (!bad) printf({passed});", "    return bad != 0;", "}", "#endif /* SELF_TEST */"]
        )


class CFloat(C):
    """The same of floats."""

    forms = CForms(single=True)
    unit, real, cast, smallest = "1.0f", "float", "(float)", "1.17549435e-38f"
    rounded = np.float32
    mark, epsilon, digits = "_F32", "1.1920928955078125e-07", "23"
    error_helpers = HELPERS.format(upper=mark, real=real, suffix="f", split="4097.0f", room="8192.0f")

    def newton(self, module: Module) -> str:
        """In double: its last steps need the digits."""
        return C(self.name).newton(module)


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


def _harmless(row: str) -> str:
    """A row of a comment that ends no comment, begins none, and holds no trigraph and no joint of two lines."""
    for mark in ("*/", "/*", "??"):
        row = row.replace(mark, " ".join(mark))
    return row + "." if row.endswith("\\") else row
