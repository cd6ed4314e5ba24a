"""MATLAB and Octave: a function that returns handles, each of which takes arrays of times element by element."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.language import documentation, indented, inverse_arguments, is_constant
from symsched.codegen.printing.scalars import MOST, NOTE
from symsched.codegen.printing.statements import Statements, TypedForms, wrapped
from symsched.codegen.program import Routine

NOTES = """%
% MATLAB and Octave.  Save it as {name}.m:  m = {name}();  [a, b] = m.schedule(linspace(0, 1, 9));
"""
PICK = """% yes where test is true, else no; each is one number, or they are of one size.
function out = pick(test, yes, no)
    none = zeros(size(test)) + zeros(size(yes)) + zeros(size(no));
    out = no + none;
    yes = yes + none;
    test = test | none;
    out(test) = yes(test);
end"""
HELPERS = """% a + b minus its rounded value.
function out = sum_error(a, b)
    total = a + b;
    back = total - a;
    out = (a - (total - back)) + (b - back);
end

% The upper half of the digits of a, which may be next to the largest number.
function out = upper_half(a)
    if isa(a, 'single'), room = 13; split = 4097; else, room = 28; split = 134217729; end
    small = a.*2^-room;
    big = split.*small;
    out = (big - (big - small)).*2^room;
end

% a b minus its rounded value.
function out = product_error(a, b)
    product = a.*b;
    a = a + zeros(size(product), class(product));
    b = b + zeros(size(product), class(product));
    a_up = upper_half(a);
    b_up = upper_half(b);
    a_low = a - a_up;
    b_low = b - b_up;
    out = ((a_up.*b_up - product) + a_up.*b_low + a_low.*b_up) + a_low.*b_low;
end"""
CHECK = """end

function worst = check(worst, name, t, got, want, size, allowed)
    if got == want, return, end
    error_of = abs(got - want)/(2^-52*max(abs(want), size));
    if ~(error_of <= allowed), error('%s at t = %.17g: %.17g, expected %.17g', name, t, got, want), end
    worst = max(worst, error_of);
end"""


class MatlabForms(TypedForms):
    """Functions of both."""

    infinity, nan, choice, one = "Inf", "NaN", "pick({0}, {1}, {2})", "1"

    def _print_Integer(self, expr: sp.Integer) -> str:
        return str(expr.p)

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"{expr.p}/{expr.q}" if expr.q & (expr.q - 1) else self.number(float(expr))

    def conditional(self, test: str, yes: str, no: str) -> str:
        return self.choice.format(test, yes, no)

    def power(self, base: sp.Expr, exponent: sp.Expr) -> str:
        return f"({self._print(base)}).^({self._print(exponent)})"


class Matlab(Statements):
    """A file named like its first function; κ is 0 unless given."""

    forms = MatlabForms()
    unit, larger, smaller = "1", "max", "min"
    inside, stop = "{0} & {1}", "break"
    error_helpers = HELPERS

    def heading(self, module: Module, test: bool) -> str:
        rows = "".join(f"% {row}".rstrip() + "\n" for row in header.lines(module))
        names = [f.name for f in (*module.functions, *module.steps)] + ["self_test"] * test
        handles = "".join(f"    module.{name} = @{name};\n" for name in names)
        return f"{rows}{NOTES.format(name=self.name)}\nfunction module = {self.name}()\n{handles}end\n\n"

    def parts(self, module: Module) -> list[str]:
        return [PICK, *super().parts(module)]

    def put(self, name: str, text: str) -> str:
        """Element by element: .* and ./"""
        return re.sub(r"(?<!\.)([*/])", r".\1", super().put(name, text))

    let = variable = put

    def repeat(self, count: int, rows: Iterable[str]) -> list[str]:
        return [f"for step = 1:{count}", *indented(rows), "end"]

    def folded(self, rows: Iterable[str]) -> list[str]:
        found = []
        for row in rows:
            *parts, last = wrapped(row)
            found += [*(f"{part} ..." for part in parts), last]
        return found

    def head(self, function: Routine) -> list[str]:
        names = [*function.times, *map(str, function.parameters)]
        outputs = ", ".join(o.name for o in function.outputs)
        default = [f"    if nargin < {len(names)}, kappa = 0; end"] if "kappa" in names else []
        top = f"function [{outputs}] = {function.name}({', '.join(names)})"
        return [f"% {documentation(function)}", *self.folded([top]), *default]

    def function(self, function: Routine) -> str:
        rows = [*self.given(function), *self.computed(function), *self.result(function)]
        return "\n".join([*self.head(function), *self.folded(indented(rows)), "end"])

    def unused(self, time: str) -> list[str]:  # noqa: ARG002
        return []

    def given(self, function: Routine) -> list[str]:
        """Beside small times, those that the source lacks: NaN, of which no root or logarithm is complex."""
        rows = ["t(abs(t) < realmin) = 0;"]
        if function.covered is not None:
            low, high = function.covered
            rows.append(f"t(~(t >= {low!r} & t <= {high!r})) = NaN;")
        return rows

    def made(self, function: Routine, changes: bool) -> str:
        raise NotImplementedError  # what is returned has names of its own

    def result(self, function: Routine) -> list[str]:
        """The limits, element by element, and constants in the shape of t."""
        rows = [self.put(o.name, f"{o.name} + 0*t") for o in function.outputs if is_constant(function, o)]
        for output in function.outputs:
            for end, limit in enumerate(output.ends):
                if limit is not None:
                    rows.append(self.put(output.name, f"pick(t == {end}, {self.forms.limit(limit)}, {output.name})"))
        return rows

    def solved(self, function: Routine, used: set[str]) -> list[str]:  # noqa: ARG002
        return [f"[tau, tau_left] = source_time({', '.join(inverse_arguments(function))});"]

    # -- the Newton inverse -------------------------------------------------------------------------------------

    def entry(self, inverse: Inverse) -> list[str]:
        return [f"% {NOTE}", f"function [s, left] = source_time({', '.join(inverse.arguments)})"]

    narrowed = ("low = pick(gap < 0, z, low);", "high = pick(gap < 0, high, z);")

    @property
    def moved(self) -> Sequence[str]:  # type: ignore[override]
        *rows, _ = super().moved
        return [*rows, "if all(off(:) < 1e-6), break, end"]

    exit = (
        f"    far = abs(z) > {MOST}; % no float is that time",
        "    s = pick(far, pick(z < 0, 0, 1), s);",
        "    left = pick(far, 1 - s, left);",
        "end",
    )

    def solution(self) -> list[str]:
        return []

    # -- the self-test ------------------------------------------------------------------------------------------

    def self_test(self, module: Module) -> str:
        rows = ["% Compares with reference values at 50 digits; returns the worst error in units of 2^-52."]
        rows += ["function worst = self_test()", "    worst = 0;"]
        for function, reference, values in self.trials(module):
            outputs = [o.name for o in function.outputs]
            given = ", ".join(map(repr, reference.arguments))
            rows += [f"    v = cell(1, {len(outputs)});", f"    [v{{:}}] = {function.name}({given});"]
            for name, value in values:
                got = f"'{function.name}.{name}', {reference.arguments[0]!r}, v{{{outputs.index(name) + 1}}}"
                want = f"{value.literal('Inf')}, {value.shown_size!r}, {reference.ulps}"
                rows.append(f"    worst = check(worst, {got}, {want});")
        return "\n".join([*rows, CHECK])
