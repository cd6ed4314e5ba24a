"""Rust: a module of functions that return structs, with no crate to depend on and no unsafe."""

from __future__ import annotations

import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.forms import ERROR_FUNCTIONS
from symsched.codegen.printing.language import documentation, inverse_arguments
from symsched.codegen.printing.scalars import NOTE
from symsched.codegen.printing.statements import Statements, TypedForms, camel, used_names
from symsched.codegen.program import Routine
from symsched.codegen.stable import expm1, log1p

HELPERS = """/// a + b minus its rounded value.
fn sum_error(a: f64, b: f64) -> f64 {
    let total = a + b;
    let back = total - a;
    (a - (total - back)) + (b - back)
}

/// a b minus its rounded value.
fn product_error(a: f64, b: f64) -> f64 {
    f64::mul_add(a, b, -(a*b))
}"""
CHECK = """#[cfg(test)]
mod tests {
    use super::*;

    fn check(worst: &mut f64, name: &str, t: f64, got: f64, want: f64, size: f64, allowed: f64) {
        if got != want {
            let error = (got - want).abs()/(f64::EPSILON*want.abs().max(size));
            assert!(error <= allowed, "{name} at t = {t}: {got}, expected {want}");
            *worst = worst.max(error);
        }
    }

    #[test]
    fn self_test() {
        let mut worst = 0.0;"""
PASSED = """        println!("self-test passed, worst error {worst:.2} x 2^-52");
    }
}"""


class RustForms(TypedForms):
    """Functions of f64."""

    prefix = "f64::"
    lacks = ERROR_FUNCTIONS  # not stable yet
    names = ((sp.log, "f64::ln"), (log1p, "f64::ln_1p"), (expm1, "f64::exp_m1"), (sp.sign, "f64::signum"))
    infinity, nan = "f64::INFINITY", "f64::NAN"
    choice = "if {0} {{ {1} }} else {{ {2} }}"

    def conditional(self, test: str, yes: str, no: str) -> str:
        """In the braces of another, or the whole of what is assigned: rustc warns of parentheses."""
        return self.choice.format(test, yes, no)

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"f64::powf({self._print(base)}, {self._print(exponent)})"


class Rust(Statements):
    """A file that `mod` takes in."""

    forms = RustForms()
    constant, moving = "let", "let mut"
    larger, smaller = "f64::max", "f64::min"
    condition, counted = "{}", "for _ in 0..{0}"
    returned = "result"
    error_helpers = HELPERS

    def heading(self, module: Module, test: bool) -> str:
        rows = [f"// {row}".rstrip() for row in [*header.lines(module), "", f"Take it in by `mod {self.name};`."]]
        rows += ["// Test it: rustc --edition 2021 --test FILE -o check && ./check --nocapture"] if test else []
        return "\n".join([*rows, "#![allow(dead_code, non_snake_case)]", "", ""])

    def head(self, function: Routine) -> list[str]:
        kind = camel(function.name)
        fields = [f"    pub {o.name}: f64," for o in function.outputs]
        given = ", ".join(f"{n}: f64" for n in [*function.times, *map(str, function.parameters)])
        rows = ["#[derive(Clone, Copy, Debug, PartialEq)]", f"pub struct {kind} {{", *fields, "}", ""]
        return [*rows, f"/// {documentation(function)}", f"pub fn {function.name}({given}) -> {kind} {{"]

    def unused(self, time: str) -> list[str]:
        return [f"let _ = {time};"]

    def zeroed(self) -> list[str]:
        return [f"let t = if t < {self.smallest} {{ 0.0 }} else {{ t }};"]

    def made(self, function: Routine, changes: bool) -> str:
        fields = ", ".join(o.name for o in function.outputs)
        return f"let {'mut ' if changes else ''}result = {camel(function.name)} {{ {fields} }};"

    def solved(self, function: Routine, used: set[str]) -> list[str]:
        wanted = used | {o.name for o in function.outputs}
        names = [x if x in wanted else "_" for x in ("tau", "tau_left")]
        return [f"let ({', '.join(names)}) = source_time({', '.join(inverse_arguments(function))});"]

    def entry(self, inverse: Inverse) -> list[str]:
        given = ", ".join(f"{n}: f64" for n in inverse.arguments)
        rows = [f"/// {NOTE}", f"fn source_time({given}) -> (f64, f64) {{"]
        return rows + [f"    let _ = {name};" for name in inverse.parameters if name not in used_names(inverse)]

    def solution(self) -> list[str]:
        return ["(s, left)"]

    def self_test(self, module: Module) -> str:
        rows = [CHECK]
        for function, reference, values in self.trials(module):
            if values:
                rows.append(f"        let v = {function.name}({', '.join(map(repr, reference.arguments))});")
            for name, value in values:
                what = f'"{function.name}.{name}", {reference.arguments[0]!r}, v.{name}'
                want = f"{value.literal('f64::INFINITY')}, {value.shown_size!r}, {reference.ulps}.0"
                rows.append(f"        check(&mut worst, {what}, {want});")
        return "\n".join([*rows, PASSED])
