"""The self-test that a module carries: reference values at 50 digits, and a function that compares with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress

import numpy as np
import sympy as sp
from flint import arb

from symsched.codegen.changes import source_time
from symsched.codegen.module import Module
from symsched.codegen.program import Function, Output
from symsched.codegen.quantities import TAU, TIME, Workshop
from symsched.codegen.rounding import point
from symsched.codegen.steps import PAIRS, rounding_of, samples
from symsched.enclose import Tape, compile_tape, to_ball
from symsched.errors import InputError, UndecidedError
from symsched.precision import precision
from symsched.schedule import Schedule
from symsched.symbols import kappa, t

TIMES = (1e-12, 0.0625, 0.25, 0.5, 0.75, 0.9375, 1 - 2.0**-40)
DIGITS = 50
HOPELESS = 1e6  # ulps


@dataclass(frozen=True)
class Reference:
    """What `function` must return at `time`: digits, or inf, or None where there is nothing to compare."""

    function: str
    arguments: tuple[float, ...]
    ulps: int
    expected: tuple[str | None, ...]


def references(module: Module) -> Iterator[Reference]:
    """All reference values of a module."""
    for function in module.functions:
        given = samples(function)
        sure = [o.quantity.bound < HOPELESS for o in function.outputs]  # else digits are lost next to a zero
        ulps = 4 + int(max((o.quantity.bound for o in compress(function.outputs, sure)), default=0.0))
        for time in (0.0, *_times(function), 1.0):
            expected = tuple(
                _value(module, output, time, given) if ok or time in (0.0, 1.0) else None
                for output, ok in zip(function.outputs, sure, strict=True)
            )
            yield Reference(function.name, (time, *(float(v) for v in given.values())), ulps, expected)
    for function in module.steps:
        yield from step_references(function)


def _times(function: Function) -> tuple[float, ...]:
    """Interior times, drawn together into what a truncated source covers."""
    low, high = function.covered or (0.0, 1.0)
    return TIMES if function.covered is None else tuple(low + (high - low) * time for time in TIMES)


def _value(module: Module, output: Output, time: float, given: dict[str, sp.Rational]) -> str | None:
    if time in (0.0, 1.0):
        return _limit(output.quantity.ends[int(time)], given)
    exact = output.quantity.exact
    try:
        value, slope = evaluate(module, exact, time, given)
    except (InputError, UndecidedError):
        return None
    near = min(time, 1 - time)
    if not value.is_finite() or abs(slope) * near > 4 * abs(value):
        return None  # next to a zero inside (0, 1) relative error means nothing
    return digits(value)


def step_references(function: Function) -> Iterator[Reference]:
    """Reference values of a step from t to t_next, with the bound of its own rounding there."""
    given = samples(function)
    exacts = [o.quantity.exact for o in function.outputs]
    symbols = sorted(set().union(*(e.free_symbols for e in exacts)), key=str)
    if any(e.has(TIME) for e in exacts):
        return
    for pair in PAIRS:
        at = {**given, "t": sp.Rational(pair[0]), "t_next": sp.Rational(pair[1])}
        with precision(700):
            values = compile_tape(tuple(exacts), tuple(symbols)).run([to_ball(at[s.name]) for s in symbols])
        expected = tuple(digits(v) if v.is_finite() else None for v in values)
        ulps = 4 + int(rounding_of(function, [pair]))
        yield Reference(function.name, (*pair, *(float(v) for v in given.values())), ulps, expected)


def digits(value: arb) -> str:
    """50 significant digits."""
    if value.contains(0):
        return "0.0"  # 700 bits do not tell it from 0: it is 0
    text = value.str(DIGITS, radius=False)
    return text if "." in text or "e" in text else text + ".0"


def evaluate(module: Module, exact: sp.Expr, time: float, given: Mapping[str, sp.Rational]) -> tuple[arb, arb]:
    """The exact value at a float time as a narrow ball, and its slope there.

    Raises:
        InputError: the truncated source never has the ratio of the target at this time.
    """
    # A parameter that the function does not have cannot matter to it: any value serves.
    numbers = {s: given.get(s.name, sp.Rational(13, 16)) for s in (*module.parameters, kappa)}
    values, slopes = _tapes(module, exact, tuple(numbers))
    with precision(700):
        known = tuple((s, v) for s, v in numbers.items() if s != kappa)
        tau = _solved(module.source, module.target, time, known) if exact.has(TIME) else arb(0)
        inputs = [to_ball(sp.Rational(time)), tau, *map(to_ball, numbers.values())]
        return values.run(inputs)[0], slopes.run(inputs)[0]


def _tapes(module: Module, exact: sp.Expr, names: tuple[sp.Symbol, ...]) -> tuple[Tape, Tape]:
    """Programs for an exact expression and its derivative in time, with the source time as a letter."""
    return _compiled(exact, module.shop.pace if exact.has(TIME) else sp.S.Zero, (t, TAU, *names))


@lru_cache(maxsize=1024)
def _compiled(exact: sp.Expr, pace: sp.Expr, where: tuple[sp.Symbol, ...]) -> tuple[Tape, Tape]:
    explicit = Workshop(points=[point({t: sp.S.Half})], pace=pace).explicit
    return compile_tape((explicit(exact),), where), compile_tape((explicit(exact.diff(t)),), where)


@lru_cache(maxsize=4096)
def _solved(source: Schedule, target: Schedule, time: float, given: tuple[tuple[sp.Symbol, sp.Rational], ...]) -> arb:
    return source_time(source, target, to_ball(sp.Rational(time)), dict(given))


def _limit(limit: sp.Expr | None, given: dict[str, sp.Rational]) -> str | None:
    if limit in (None, sp.nan):
        return None
    if isinstance(limit, sp.Piecewise):
        limit = limit.subs({s: given[s.name] for s in limit.free_symbols})
    if limit in (sp.oo, -sp.oo):
        return "inf" if limit == sp.oo else "-inf"
    symbols = sorted(limit.free_symbols, key=str)
    if limit.is_Float:
        return repr(float(limit))
    with precision(400):
        return digits(compile_tape((limit,), tuple(symbols)).run([to_ball(given[s.name]) for s in symbols])[0])


START = {
    "numpy": "",
    "numba": "",
    "torch": "    torch.set_default_dtype(torch.float64)\n",
    "jax": '    import jax\n\n    jax.config.update("jax_enable_x64", True)\n',
}
TIME_ARGUMENT = {"numpy": "t", "numba": "t", "torch": "torch.tensor(t, dtype=torch.float64)", "jax": "t"}


def python(module: Module, lang: str) -> str:
    rows = ["# function, arguments, allowed error in units of 2^-52, expected values at 50 digits", "_REFERENCE = ("]
    for reference in references(module):
        arguments = ", ".join(map(repr, reference.arguments))
        rows.append(f"    ({reference.function}, ({arguments},), {reference.ulps}, (")
        rows += [f"        {text!r}," if text else "        None," for text in reference.expected]
        rows.append("    )),")
    rows += [")", '_INF = float("inf")', "", "", f"{_CHECK.format(start=START[lang], time=TIME_ARGUMENT[lang])}"]
    return "\n".join(rows)


_CHECK = '''def self_test():
    """Compare with the reference values; returns the worst relative error in units of 2^-52.

    Raises AssertionError where a value differs by more than its bound.
    """
{start}    worst = 0.0
    for function, (t, *parameters), allowed, expected in _REFERENCE:
        found = function({time}, *parameters)
        for value, text in zip(found if isinstance(found, tuple) else (found,), expected):
            got, want = float(value), float(text or "nan")
            if text is None or got == want:
                continue
            error = abs(got - want) / (2.0**-52 * abs(want)) if want not in (0, _INF, -_INF) else _INF
            assert error <= allowed, f"{{function.__name__}}({{t}}): {{got}}, expected {{want}}"
            worst = max(worst, error)
    return worst


if __name__ == "__main__":
    print(f"self-test passed, worst error {{self_test():.2f}} x 2^-52")
'''


def c(module: Module, prefix: str, single: bool = False) -> str:
    """The check; a header of floats is asked only at times that are floats."""
    rows = [_C_CHECK.replace("2.220446049250313e-16", "1.1920928955078125e-07" if single else "2.220446049250313e-16")]
    by_name = {f.name: f for f in (*module.functions, *module.steps)}
    for reference in references(module):
        if single and float(np.float32(reference.arguments[0])) != reference.arguments[0]:
            continue
        call = f"{prefix}_{reference.function}({', '.join(map(repr, reference.arguments))})"
        rows.append(f"    {{ const {prefix}_{reference.function}_t v = {call};")
        for output, text in zip(by_name[reference.function].outputs, reference.expected, strict=True):
            if text is not None:
                want = text.replace("inf", "HUGE_VAL")
                rows.append(f"      bad += check(\"{reference.function}.{output.name}\", {reference.arguments[0]!r}, "
                            f"v.{output.name}, {want}, {reference.ulps});")  # fmt: skip
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

static int check(const char *name, double t, double got, double want, double allowed)
{
    if (got == want) return 0;
    const double error = fabs(got - want)/(2.220446049250313e-16*fabs(want));
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
    for reference in references(module):
        function = by_name[reference.function]
        names = [*function.times[1:], *(s.name for s in function.parameters)]
        time, *rest = map(repr, reference.arguments)
        keyed = [f"kappa={v}" if n == "kappa" else v for n, v in zip(names, rest, strict=True)]
        texts = ["nothing" if x is None else x.replace("inf", "Inf") for x in reference.expected]
        call = f"{reference.function}({', '.join([time, *keyed])})"
        rows.append(f"        ({call}, {reference.ulps}, ({', '.join(texts)},)),")
    rows += ["    )", "        for (got, want) in zip(found, expected)"]
    rows += ["            (want === nothing || got == want) && continue"]
    rows += ["            error = abs(got - want) / (2.0^-52 * abs(want))"]
    rows += ['            error <= allowed || throw(ErrorException("$got, expected $want"))']
    rows += ["            worst = max(worst, error)", "        end", "    end", "    return worst", "end"]
    return "\n".join(rows)
