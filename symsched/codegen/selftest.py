"""The self-test that a module carries: its reference values, and a function that compares with them."""

from __future__ import annotations

from math import isinf

import numpy as np

from symsched.codegen.module import Module
from symsched.codegen.references import Value

START = {
    "numpy": "",
    "numba": "",
    "torch": "    torch.set_default_dtype(torch.float64)\n",
    "jax": '    import jax\n\n    jax.config.update("jax_enable_x64", True)\n',
}
TIME_ARGUMENT = {"numpy": "t", "numba": "t", "torch": "torch.tensor(t, dtype=torch.float64)", "jax": "t"}


def python(module: Module, lang: str) -> str:
    rows = [
        "# function, arguments, allowed error in units of 2^-52; expected values at 50 digits, and what their",
        "# errors are measured by where that is larger: min(t, 1 - t) |df/dt|, next to a zero",
        "_REFERENCE = (",
    ]
    for reference in module.references:
        arguments = ", ".join(map(repr, reference.arguments))
        rows.append(f"    ({reference.function}, ({arguments},), {reference.ulps}, (")
        rows += [f"        {_shown(value)}," for value in reference.expected]
        rows.append("    )),")
    rows += [")", '_INF = float("inf")', "", "", f"{_CHECK.format(start=START[lang], time=TIME_ARGUMENT[lang])}"]
    return "\n".join(rows)


def _shown(value: Value | None) -> str:
    """(digits, size) of a value; None where there is nothing to compare with."""
    return "None" if value is None else f"({value.text!r}, {_size(value)!r})"


def _size(value: Value) -> float:
    """What the error is measured by, to three digits: 0 for the value itself."""
    return float(f"{value.size:.2e}")


_CHECK = '''def self_test():
    """Compare with the reference values; returns the worst error in units of 2^-52.

    Raises AssertionError where a value differs by more than its bound.
    """
{start}    worst = 0.0
    for function, (t, *parameters), allowed, expected in _REFERENCE:
        found = function({time}, *parameters)
        for value, reference in zip(found if isinstance(found, tuple) else (found,), expected):
            if reference is None:
                continue
            got, want, size = float(value), float(reference[0]), max(abs(float(reference[0])), reference[1])
            if got == want:
                continue
            error = abs(got - want) / (2.0**-52 * size) if 0 < size < _INF else _INF
            assert error <= allowed, f"{{function.__name__}}({{t}}): {{got}}, expected {{want}}"
            worst = max(worst, error)
    return worst


if __name__ == "__main__":
    print(f"self-test passed, worst error {{self_test():.2f}} x 2^-52")
'''


def _literal(value: Value, infinity: str) -> str:
    """The digits for a compiler, which takes none that denote no double: t^2 at 1e-300 is 0 to it."""
    if value.number == 0:
        return "0.0"
    return ("-" if value.number < 0 else "") + infinity if isinf(value.number) else value.text


def c(module: Module, prefix: str, single: bool = False) -> str:
    """The check; a header of floats is asked only at times that are floats."""
    rows = [_C_CHECK.replace("2.220446049250313e-16", "1.1920928955078125e-07" if single else "2.220446049250313e-16")]
    by_name = {f.name: f for f in (*module.functions, *module.steps)}
    for reference in module.references:
        if single and float(np.float32(reference.arguments[0])) != reference.arguments[0]:
            continue
        call = f"{prefix}_{reference.function}({', '.join(map(repr, reference.arguments))})"
        rows.append(f"    {{ const {prefix}_{reference.function}_t v = {call};")
        for output, value in zip(by_name[reference.function].outputs, reference.expected, strict=True):
            if value is not None:
                want = _literal(value, "HUGE_VAL")
                rows.append(f"      bad += check(\"{reference.function}.{output.name}\", {reference.arguments[0]!r}, "
                            f"v.{output.name}, {want}, {_size(value)!r}, {reference.ulps});")  # fmt: skip
        rows.append("    (void)v; }")
    rows += [
        '    if (!bad) printf("self-test passed, worst error %.2f x 2^-52\\n", worst);'.replace(
            "52", "23" if single else "52"
        ),
        "    return bad != 0;",
        "}",
    ]
    return "\n".join([*rows, "#endif /* SELF_TEST */"])


_C_CHECK = """#ifdef SELF_TEST
#include <stdio.h>

static double worst = 0.0;

static int check(const char *name, double t, double got, double want, double size, double allowed)
{
    if (got == want) return 0;
    const double error = fabs(got - want)/(2.220446049250313e-16*fmax(fabs(want), size));
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


def julia(module: Module) -> str:
    by_name = {f.name: f for f in (*module.functions, *module.steps)}
    rows = ['"Compare with reference values computed at 50 digits; returns the worst error in units of 2^-52."']
    rows += ["function self_test()", "    worst = 0.0", "    for (found, allowed, expected) in ("]
    for reference in module.references:
        function = by_name[reference.function]
        names = [*function.times[1:], *(s.name for s in function.parameters)]
        time, *rest = map(repr, reference.arguments)
        keyed = [f"kappa={v}" if n == "kappa" else v for n, v in zip(names, rest, strict=True)]
        texts = ["nothing" if v is None else f"({_literal(v, 'Inf')}, {_size(v)!r})" for v in reference.expected]
        call = f"{reference.function}({', '.join([time, *keyed])})"
        rows.append(f"        ({call}, {reference.ulps}, ({', '.join(texts)},)),")
    rows += ["    )", "        for (got, value) in zip(found, expected)"]
    rows += ["            (value === nothing || got == value[1]) && continue"]
    rows += ["            (want, size) = value"]
    rows += ["            error = abs(got - want) / (2.0^-52 * max(abs(want), size))"]
    rows += ['            error <= allowed || throw(ErrorException("$got, expected $want"))']
    rows += ["            worst = max(worst, error)", "        end", "    end", "    return worst", "end"]
    return "\n".join(rows)
