"""C99, of doubles or of floats: structs by value, ends as plain assignments, and loops over arrays that vectorise."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.language import documentation, inverse_arguments
from symsched.codegen.printing.scalars import NOTE
from symsched.codegen.printing.statements import WIDTH, Statements, TypedForms, used_names, without_marks
from symsched.codegen.program import Routine

NOTES = """\
 * Header only, C99 and C++, no allocation: include it and link with -lm.  The loops over arrays (suffix _n) become
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
OPENING = """
#include <math.h>
#include <stddef.h>

#ifndef SYMSCHED_RESTRICT
#if !defined(__cplusplus)
#define SYMSCHED_RESTRICT restrict
#elif defined(__GNUC__) || defined(_MSC_VER)
#define SYMSCHED_RESTRICT __restrict
#else
#define SYMSCHED_RESTRICT
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

"""
CLOSING = """#ifdef __cplusplus
}
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


class CForms(TypedForms):
    """C99, with no macro that strict C99 lacks; in single precision with the suffix f everywhere."""

    names = ((sp.Abs, "fabs"),)
    nan = "NAN"

    def __init__(self, single: bool = False) -> None:
        self.suffix = self.kind = "f" if single else ""
        self.infinity = f"HUGE_VAL{self.suffix.upper()}"
        super().__init__()

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"copysign{self.suffix}({self.number(1.0)}, {self._print(expr.args[0])})"

    def helper(self, kind: str) -> str:
        return f"symsched_{kind}{self.suffix}"

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"pow{self.suffix}({self._print(base)}, {self._print(exponent)})"


class C(Statements):
    """A header, in which every name begins with that of the module."""

    forms = CForms()
    real, cast = "double", ""
    rounded: type = float
    mark, epsilon, digits = "", "2.220446049250313e-16", "52"  # of the names; of the self-test
    error_helpers = HELPERS.format(upper="", real="double", suffix="", split="134217729.0", room="268435456.0")

    def __init__(self, name: str = "emitted") -> None:
        super().__init__(name + self.mark.lower())
        self.constant, self.moving = f"const {self.real}", self.real
        self.ending = f"\n#endif /* {self.name.upper()}_H */\n"

    def heading(self, module: Module, test: bool) -> str:
        guard = f"{self.name.upper()}_H"
        rows = [f" * {row}".rstrip() for row in header.lines(module)]
        top = ["/*", *map(without_marks, rows), " *", NOTES]
        top += [" * Test it: cc -std=c99 -DSELF_TEST -x c FILE -lm"] if test else []
        return "\n".join([*top, " */", f"#ifndef {guard}", f"#define {guard}", OPENING])

    def parts(self, module: Module) -> list[str]:
        return [*super().parts(module), CLOSING]

    def function(self, function: Routine) -> str:
        """The struct, the function of one time, and the function of n times."""
        return "\n".join([super().function(function), "", *self._loop(function, f"{self.name}_{function.name}")])

    def head(self, function: Routine) -> list[str]:
        name = f"{self.name}_{function.name}"
        fields = ", ".join(o.name for o in function.outputs)
        arguments = ", ".join(f"{self.real} {s}" for s in [*function.times, *function.parameters])
        rows = [f"/* {documentation(function)} */", f"typedef struct {{ {self.real} {fields}; }} {name}_t;", ""]
        return [*rows, f"static inline {name}_t {name}({arguments})", "{"]

    def unused(self, time: str) -> list[str]:
        return [f"(void){time};"]

    def made(self, function: Routine, changes: bool) -> str:
        values = ", ".join(o.name for o in function.outputs)
        return f"{'' if changes else 'const '}{self.name}_{function.name}_t result = {{{values}}};"

    def solved(self, function: Routine, used: set[str]) -> list[str]:
        """The Newton inverse, always in double: its last steps need the digits."""
        names = ", ".join(inverse_arguments(function))
        rows = [f"const {self.name}_time_t source = {self.name}_source_time({names});"]
        wanted = used | {o.name for o in function.outputs}
        return rows + [self.let(x, f"{self.cast}source.{x}") for x in ("tau", "tau_left") if x in wanted]

    def _loop(self, function: Routine, name: str) -> list[str]:
        times = [f"const {self.real} *SYMSCHED_RESTRICT {s}" for s in function.times]
        outputs = [f"{self.real} *SYMSCHED_RESTRICT {o.name}" for o in function.outputs]
        arguments = ["size_t n", *times, *(f"{self.real} {s}" for s in function.parameters), *outputs]
        given = ", ".join([*(f"{s}[k]" for s in function.times), *map(str, function.parameters)])
        rows = [f"static inline void {name}_n(", *_wrapped(arguments), "{", "    for (size_t k = 0; k < n; ++k) {"]
        rows.append(f"        const {name}_t v = {name}({given});")
        rows += [f"        {o.name}[k] = v.{o.name};" for o in function.outputs]
        return [*rows, "    }", "}"]

    # -- the Newton inverse -------------------------------------------------------------------------------------

    def entry(self, inverse: Inverse) -> list[str]:
        return [
            f"/* {NOTE} */",
            f"typedef struct {{ double tau, tau_left; }} {self.name}_time_t;",
            "",
            f"static inline {self.name}_time_t {self.name}_source_time("
            f"{', '.join(f'double {n}' for n in inverse.arguments)})",
            "{",
            *(f"    (void){name};" for name in inverse.parameters if name not in used_names(inverse)),
        ]

    def solution(self) -> list[str]:
        return [f"const {self.name}_time_t found = {{s, left}};", "return found;"]

    # -- the self-test ------------------------------------------------------------------------------------------

    def self_test(self, module: Module) -> str:
        rows = [CHECK.replace("EPSILON", self.epsilon)]
        for function, reference, values in self.trials(module):
            time = reference.arguments[0]
            if float(self.rounded(time)) != time:  # no number of the language
                continue
            kind, given = f"{self.name}_{function.name}", ", ".join(map(repr, reference.arguments))
            rows.append(f"    {{ const {kind}_t v = {kind}({given});")
            for name, value in values:
                want, size = value.literal("HUGE_VAL"), f"{value.shown_size!r}, {reference.ulps}"
                rows.append(f'      bad += check("{function.name}.{name}", {time!r}, v.{name}, {want}, {size});')
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


def _wrapped(arguments: Iterable[str]) -> list[str]:
    """Arguments over as many lines as they need."""
    rows = [""]
    for argument in arguments:
        if len(rows[-1]) + len(argument) > WIDTH - 8:
            rows.append("")
        rows[-1] += f"{argument}, "
    return [f"    {row.rstrip()}" for row in rows[:-1]] + [f"    {rows[-1].rstrip(', ')})"]
