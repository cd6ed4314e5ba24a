"""C++17: a header of inline functions in a namespace, which return structs, for `auto [tau, scale, …]`."""

from __future__ import annotations

import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.language import documentation, inverse_arguments
from symsched.codegen.printing.scalars import NOTE
from symsched.codegen.printing.statements import Statements, TypedForms, camel, used_names, without_marks
from symsched.codegen.program import Routine

NOTES = "Header only, C++17, no allocation: include it; every name is in the namespace {name}."
HELPERS = """// a + b minus its rounded value, and a b minus its rounded value: compile without -ffast-math.
inline double sum_error(double a, double b) noexcept
{
    const double total = a + b;
    const double back = total - a;
    const double rest = total - back;
    return (a - rest) + (b - back);
}

inline double product_error(double a, double b) noexcept
{
    return std::fma(a, b, -(a*b));
}"""
CHECK = """#ifdef SELF_TEST
#include <cstdio>

namespace {

double worst = 0.0;

int check(const char *name, double t, double got, double want, double size, double allowed)
{
    if (got == want) return 0;
    const double error = std::fabs(got - want)/(2.220446049250313e-16*std::fmax(std::fabs(want), size));
    if (!(error <= allowed)) {
        std::printf("%s at t = %.17g: %.17g, expected %.17g\\n", name, t, got, want);
        return 1;
    }
    if (error > worst) worst = error;
    return 0;
}

} // namespace

int main()
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    (void)infinity;
    int bad = 0;"""
PASSED = """    if (!bad) std::printf("self-test passed, worst error %.2f x 2^-52\\n", worst);
    return bad != 0;
}
#endif // SELF_TEST"""


class CppForms(TypedForms):
    """Functions of <cmath>."""

    prefix = "std::"
    infinity, nan = (f"std::numeric_limits<double>::{name}()" for name in ("infinity", "quiet_NaN"))

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"std::copysign(1.0, {self._print(expr.args[0])})"

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"std::pow({self._print(base)}, {self._print(exponent)})"


class Cpp(Statements):
    """A namespace of functions of one number; κ is 0 unless given."""

    forms = CppForms()
    larger, smaller = "std::fmax", "std::fmin"
    error_helpers = HELPERS

    def heading(self, module: Module, test: bool) -> str:
        guard = f"{self.name.upper()}_HPP"
        rows = [f" * {row}".rstrip() for row in header.lines(module)]
        top = ["/*", *map(without_marks, rows), " *", f" * {NOTES.format(name=self.name)}"]
        top += [" * Test it: c++ -std=c++17 -DSELF_TEST -x c++ FILE"] if test else []
        top += [" */", f"#ifndef {guard}", f"#define {guard}", "", "#include <cmath>", "#include <limits>"]
        return "\n".join([*top, "", f"namespace {self.name} {{", "", ""])

    def parts(self, module: Module) -> list[str]:
        return [*super().parts(module), f"}} // namespace {self.name}\n\n#endif"]

    def head(self, function: Routine) -> list[str]:
        fields = ", ".join(o.name for o in function.outputs)
        names = [*function.times, *map(str, function.parameters)]
        given = ", ".join(f"double {n}{' = 0.0' if n == 'kappa' else ''}" for n in names)
        kind = camel(function.name)
        rows = [f"/// {documentation(function)}", f"struct {kind} {{ double {fields}; }};", ""]
        return [*rows, f"inline {kind} {function.name}({given}) noexcept", "{"]

    def unused(self, time: str) -> list[str]:
        return [f"(void){time};"]

    def made(self, function: Routine, changes: bool) -> str:
        values = ", ".join(o.name for o in function.outputs)
        return f"{'' if changes else 'const '}{camel(function.name)} result{{{values}}};"

    def solved(self, function: Routine, used: set[str]) -> list[str]:
        rows = [f"const SourceTime source = source_time({', '.join(inverse_arguments(function))});"]
        wanted = used | {o.name for o in function.outputs}
        return rows + [self.let(x, f"source.{x}") for x in ("tau", "tau_left") if x in wanted]

    def entry(self, inverse: Inverse) -> list[str]:
        rows = [f"/// {NOTE}", "struct SourceTime { double tau, tau_left; };", ""]
        rows += [f"inline SourceTime source_time({', '.join(f'double {n}' for n in inverse.arguments)}) noexcept", "{"]
        return rows + [f"    (void){name};" for name in inverse.parameters if name not in used_names(inverse)]

    def solution(self) -> list[str]:
        return ["return {s, left};"]

    def self_test(self, module: Module) -> str:
        rows = [CHECK]
        for function, reference, values in self.trials(module):
            given = ", ".join(map(repr, reference.arguments))
            rows.append(f"    {{ [[maybe_unused]] const auto v = {self.name}::{function.name}({given});")
            for name, value in values:
                what = f'"{function.name}.{name}", {reference.arguments[0]!r}, v.{name}'
                want = f"{value.literal('infinity')}, {value.shown_size!r}, {reference.ulps}"
                rows.append(f"      bad += check({what}, {want});")
            rows.append("    }")
        return "\n".join([*rows, PASSED])
