"""Fortran 2008: a module of elemental subroutines, for numbers and arrays of any shape alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.language import documentation, indented, inverse_arguments
from symsched.codegen.printing.scalars import FLOOR, NOTE
from symsched.codegen.printing.statements import Statements, TypedForms, wrapped
from symsched.codegen.program import Routine
from symsched.codegen.stable import expm1, log1p
from symsched.errors import InputError

TOP = """module {name}
    use, intrinsic :: ieee_arithmetic, only: ieee_positive_inf, ieee_quiet_nan, ieee_value
    use, intrinsic :: iso_c_binding, only: dp => c_double
    implicit none
    private
    public :: {public}

    interface
        pure function c_expm1(x) bind(c, name="expm1") result(y)
            import :: dp
            real(dp), value :: x
            real(dp) :: y
        end function c_expm1

        pure function c_log1p(x) bind(c, name="log1p") result(y)
            import :: dp
            real(dp), value :: x
            real(dp) :: y
        end function c_log1p
    end interface
contains
"""
HELPERS = """! a + b minus its rounded value, and a b minus its rounded value.
elemental function sum_error(a, b) result(error)
    real(dp), intent(in) :: a, b
    real(dp) :: error, back, total
    total = a + b
    back = total - a
    error = (a - (total - back)) + (b - back)
end function sum_error

elemental function upper_half(a) result(upper)
    real(dp), intent(in) :: a ! it may be next to the largest number
    real(dp) :: upper, big
    big = 134217729.0_dp*(a/268435456.0_dp)
    upper = (big - (big - a/268435456.0_dp))*268435456.0_dp
end function upper_half

elemental function product_error(a, b) result(error)
    real(dp), intent(in) :: a, b
    real(dp) :: error, a_up, b_up, a_low, b_low
    a_up = upper_half(a)
    b_up = upper_half(b)
    a_low = a - a_up
    b_low = b - b_up
    error = (((a_up*b_up - a*b) + a_up*b_low) + a_low*b_up) + a_low*b_low
end function product_error
"""
CHECK = """end function self_test

subroutine check(name, t, got, want, size, allowed, worst)
    character(*), intent(in) :: name
    real(dp), intent(in) :: t, got, want, size, allowed
    real(dp), intent(inout) :: worst
    real(dp) :: error
    character(200) :: message ! in a string: whoever prints the worst error is printing already
    if (got == want) return
    error = abs(got - want)/(epsilon(1.0_dp)*max(abs(want), size))
    if (.not. error <= allowed) then
        write (message, *) name, " at t =", t, ":", got, ", expected", want
        error stop message
    end if
    worst = max(worst, error)
end subroutine check
"""


class FortranForms(TypedForms):
    """Intrinsic functions, and two of C's."""

    kind = "_dp"
    names = ((expm1, "c_expm1"), (log1p, "c_log1p"))
    infinity, nan = "ieee_value(1.0_dp, ieee_positive_inf)", "ieee_value(1.0_dp, ieee_quiet_nan)"
    choice = "merge({1}, {2}, {0})"

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"sign(1.0_dp, {self._print(expr.args[0])})"

    def conditional(self, test: str, yes: str, no: str) -> str:
        return self.choice.format(test, yes, no)

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"{self._tight(base)}**({self._print(exponent)})"


class Fortran(Statements):
    """A module; what is computed comes last among the arguments."""

    forms = FortranForms()
    unit, smallest = "1.0_dp", "tiny(t)"
    larger, smaller = "max", "min"
    inside, outside, stop = "{0} .and. {1}", ".not. ({0})", "exit"
    field = "{}"
    error_helpers = HELPERS

    def text(self, module: Module, test: bool = False) -> str:
        _check_case(module)
        return super().text(module, test)

    def heading(self, module: Module, test: bool) -> str:
        rows = [f"! {row}".rstrip() for row in header.lines(module)]
        rows += ["!", "! Elemental: give arrays for t and for what is returned, and each element is computed."]
        functions = [f.name for f in (*module.functions, *module.steps)] + ["self_test"] * test
        public = ", ".join(functions)
        return "\n".join([*rows, *_continued(TOP.format(name=self.name, public=public)), "", ""])

    def joined(self, parts: Iterable[str]) -> str:
        return "\n".join([super().joined(parts), f"end module {self.name}", ""])

    def put(self, name: str, text: str) -> str:
        return super().put(name, text).rstrip(";")

    let = variable = put

    def when(self, condition: str, rows: list[str]) -> list[str]:
        return [f"if ({condition}) then", *indented(rows), "end if"]

    @property
    def narrowed(self) -> Sequence[str]:  # type: ignore[override]
        return ["if (gap < 0.0) then", "    low = z", "else", "    high = z", "end if"]

    def repeat(self, count: int, rows: Iterable[str]) -> list[str]:
        return [f"do step = 1, {count}", *indented(rows), "end do"]

    def folded(self, rows: Iterable[str]) -> list[str]:
        """As they are: `_continued` folds them when all is declared."""
        return list(rows)

    @property
    def floored(self) -> str:  # type: ignore[override]
        return f"max({{}}, {FLOOR}_dp)"

    def function(self, function: Routine) -> str:
        outputs = [o.name for o in function.outputs]
        body = [*self.given(function), *self.computed(function), *self.result(function)]
        names = [*function.times, *map(str, function.parameters)]
        summary = documentation(function)
        call = "t" if function.times == ("t",) else "t, t_next"
        rows = [f"! {summary}", f"elemental subroutine {function.name}({', '.join([*names, *outputs])})"]
        declared = [f"real(dp), value :: {call}"]
        declared += [f"real(dp), intent(in) :: {', '.join(map(str, function.parameters))}"] * bool(function.parameters)
        declared += [f"real(dp), intent(out) :: {', '.join(outputs)}"]
        local = _assigned(body, {*outputs, *names}) + ["tau", "tau_left"] * function.implicit
        local = [name for name in dict.fromkeys(local) if name not in outputs]
        declared += [f"real(dp) :: {', '.join(local)}"] * bool(local)
        return _written(rows, [*declared, *body], f"end subroutine {function.name}")

    def head(self, function: Routine) -> list[str]:
        raise NotImplementedError  # `function` declares what it has computed

    def unused(self, time: str) -> list[str]:  # noqa: ARG002
        return []

    def made(self, function: Routine, changes: bool) -> str:  # noqa: ARG002
        return ""

    returned = ""

    def solved(self, function: Routine, used: set[str]) -> list[str]:  # noqa: ARG002
        return [f"call source_time({', '.join([*inverse_arguments(function), 'tau', 'tau_left'])})"]

    def newton(self, module: Module) -> str:
        rows = super().newton(module).splitlines()
        return _written(rows[:2], _declared(rows[2:-1]), rows[-1])

    def entry(self, inverse: Inverse) -> list[str]:
        names = ", ".join(inverse.arguments)
        rows = [f"! {NOTE}", f"elemental subroutine source_time({names}, s, left)"]
        return [*rows, f"    real(dp), intent(in) :: {names}", "    real(dp), intent(out) :: s, left"]

    @property
    def exit(self) -> Sequence[str]:  # type: ignore[override]
        return [*super().exit[:-1], "end subroutine source_time"]

    def solution(self) -> list[str]:
        return []

    def self_test(self, module: Module) -> str:
        rows = ["! Compares with reference values at 50 digits; the worst error in units of 2^-52, or an error stop."]
        rows += ["function self_test() result(worst)"]
        most = max(len(f.outputs) for f in (*module.functions, *module.steps))
        body = [f"real(dp) :: worst, v({most})", "worst = 0.0_dp"]
        for function, reference, values in self.trials(module):
            given = [*map(self.forms.number, reference.arguments)]
            outputs = [o.name for o in function.outputs]
            body.append(f"call {function.name}({', '.join([*given, *(f'v({k + 1})' for k in range(len(outputs)))])})")
            for name, value in values:
                want = value.literal(self.forms.infinity) + ("" if "inf" in value.text else "_dp")
                what = f'"{function.name}.{name}", {given[0]}, v({outputs.index(name) + 1})'
                body.append(f"call check({what}, {want}, {value.shown_size!r}_dp, {reference.ulps}.0_dp, worst)")
        return _written(rows, body, CHECK)


def _assigned(rows: Iterable[str], known: set[str]) -> list[str]:
    """The names that rows give a value to."""
    found = (re.match(r"\s*(\w+) = ", row) for row in rows)
    return list(dict.fromkeys(name.group(1) for name in found if name and name.group(1) not in known))


def _declared(rows: list[str]) -> list[str]:
    """The body of source_time, after the declarations of its names."""
    intents = [row for row in rows if ":: " in row]
    rest = [row for row in rows if row not in intents]
    local = ", ".join(_assigned(rest, {"s", "left"}))
    return [row[4:] for row in [*intents, f"    real(dp) :: {local}", "    integer :: step", *rest]]


def _written(top: list[str], body: Iterable[str], last: str) -> str:
    return "\n".join([*top[:-1], *_continued(top[-1]), *_continued("\n".join(indented(filter(None, body)))), last])


def _continued(text: str) -> list[str]:
    """Rows of at most 132 characters, which & connects."""
    found = []
    for row in text.splitlines():
        parts = wrapped(row) if max(map(len, wrapped(row))) <= 128 else wrapped(re.sub(r"(?<!\*)\*(?!\*)", " * ", row))
        found += [f"{part} &" for part in parts[:-1]] + parts[-1:]
    return found


def _check_case(module: Module) -> None:
    """Raises InputError for two names that differ by case alone: to Fortran they are one."""
    functions = (*module.functions, *module.steps)
    names = {s.name for f in functions for s in (*f.parameters, *(x for x, _ in f.lines))} | {"t", "u", "s", "z", "x"}
    for parameter in sorted(p.name for p in module.parameters):
        if any(name != parameter and name.lower() == parameter.lower() for name in names):
            raise InputError(
                f"fortran: '{parameter}' and '{parameter.swapcase()}' are one name there; rename the first"
            )
