"""The guarded Newton inverse of `newton` for one number at a time: Numba, C and Julia."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from symsched.codegen.module import Module
from symsched.codegen.newton import START, STEPS, WHY, Inverse, gaps, inverse_of
from symsched.codegen.printers import CForms, JuliaForms, NumbaForms

NOTE = f"{WHY[:-1]}: {START}"
REACH = "708.0"  # e^z and its inverse stay normal floats
MOST = "707.9"
FLOOR = repr(64 * 2.0**-52)


@dataclass(frozen=True)
class Texts:
    """What all three write, in the words of one."""

    inverse: Inverse
    form: Callable[[sp.Expr], str]
    larger: str  # of two numbers

    def of(self, name: str) -> str:
        """`ratio`, `pace`, `place`, `close` or `gap`."""
        return self.form(getattr(self.inverse, name))

    @property
    def slope(self) -> str:
        return self.form(self.inverse.pace * self.inverse.slope)

    @property
    def arguments(self) -> list[str]:
        near = [f"near_{symbol}" for symbol, *_ in self.inverse.near]
        return ["alpha", "beta", "inverse_r", *near, *self.inverse.parameters]

    @property
    def distances(self) -> list[str]:
        return [f"{symbol} = {self.larger}({self.form(expr)}, {FLOOR})" for symbol, expr in self.inverse.distances]

    def gaps(self, choose: str) -> list[tuple[str, str]]:
        return gaps(self.inverse, self.form, choose)


def numba(module: Module) -> str:
    text = Texts(inverse_of(module), NumbaForms().form, "max")
    logit = "s, left = 1 / (1 + math.exp(-z)), 1 / (1 + math.exp(z))"
    rows = [
        '@njit(error_model="numpy")',
        f"def _source_time({', '.join(text.arguments)}):",
        f'    """{NOTE}"""',
        "    if not (alpha > 0 and beta > 0):",
        "        return math.nan, math.nan",
        "    log_r = math.log(beta) - math.log(alpha)",
        *(f"    {row}" for row in text.distances),
        f"    goal, low, high = {text.of('place')}, -{REACH}, {REACH}",
        "    z = min(max(goal, low), high)",
        f"    for _ in range({STEPS}):",
        f"        {logit}",
        f"        log_r = math.log({text.of('ratio')})",
        *(f"        {row}" for row in text.distances),
        f"        gap = {text.of('place')} - goal",
        "        if gap < 0:",
        "            low = z",
        "        else:",
        "            high = z",
        f"        newton = z - gap / (({text.slope}) * s * left)",
        "        done = abs(newton - z) < 1e-6",
        "        z = newton if low <= newton <= high else (low + high) / 2",
        "        if done:",
        "            break",
        f"    {logit}",
        "    for _ in range(2):",
        f"        close = {text.of('close')}",
        f"        gap = {text.of('gap')}",
        *(f"        {name} = {value}" for name, value in text.gaps("{1} if {0} else {2}")),
        f"        move = gap / ({text.of('pace')})",
        "        s, left = s - move, left + move",
        f"    if abs(z) > {MOST}:  # no float is that time",
        "        return (0.0, 1.0) if z < 0 else (1.0, 0.0)",
        "    return s, left",
    ]
    return "\n".join(rows)


def c(module: Module, prefix: str) -> str:
    inverse = inverse_of(module)
    text = Texts(inverse, CForms().form, "fmax")
    arguments = ", ".join(f"double {n}" for n in text.arguments)
    forms = (inverse.ratio, inverse.pace, inverse.place, *(row[1] for row in (*inverse.distances, *inverse.near)))
    used = {x.name for f in forms for x in f.free_symbols}
    rows = [
        f"/* {NOTE} */",
        f"typedef struct {{ double tau, tau_left; }} {prefix}_time_t;",
        "",
        f"static inline {prefix}_time_t {prefix}_source_time({arguments})",
        "{",
        *(f"    (void){name};" for name in inverse.parameters if name not in used),
        f"    double log_r = log(beta) - log(alpha), low = -{REACH}, high = {REACH};",
        *(f"    double {row};" for row in text.distances),
        f"    const double goal = {text.of('place')};",
        "    double z = fmin(fmax(goal, low), high);",
        "    double s = 1.0/(1.0 + exp(-z)), left = 1.0/(1.0 + exp(z));",
        f"    for (int step = 0; step < {STEPS}; ++step) {{",
        f"        log_r = log({text.of('ratio')});",
        *(f"        {row};" for row in text.distances),
        f"        const double gap = {text.of('place')} - goal;",
        "        if (gap < 0.0) low = z; else high = z;",
        f"        const double newton = z - gap/(({text.slope})*s*left);",
        "        const int done = fabs(newton - z) < 1e-6;",
        "        z = newton >= low && newton <= high ? newton : 0.5*(low + high);",
        "        s = 1.0/(1.0 + exp(-z));",
        "        left = 1.0/(1.0 + exp(z));",
        "        if (done) break;",
        "    }",
        "    for (int step = 0; step < 2; ++step) {",
        f"        const double close = {text.of('close')};",
        f"        double gap = {text.of('gap')};",
        *(f"        {'const double ' * (name != 'gap')}{name} = {value};" for name, value in text.gaps("{} ? {} : {}")),
        f"        const double move = gap/({text.of('pace')});",
        "        s -= move;",
        "        left += move;",
        "    }",
        f"    if (fabs(z) > {MOST}) {{ s = z < 0.0 ? 0.0 : 1.0; left = 1.0 - s; }} /* no float is that time */",
        f"    const {prefix}_time_t found = {{s, left}};",
        "    return found;",
        "}",
    ]
    return "\n".join(rows)


def julia(module: Module) -> str:
    text = Texts(inverse_of(module), JuliaForms().form, "max")
    logit = "s, left = 1 / (1 + exp(-z)), 1 / (1 + exp(z))"
    rows = [
        f'"{NOTE}"',
        f"function _source_time({', '.join(text.arguments)})",
        "    (alpha > 0 && beta > 0) || return (NaN, NaN)",
        "    log_r = log(beta) - log(alpha)",
        *(f"    {row}" for row in text.distances),
        f"    goal, low, high = {text.of('place')}, -{REACH}, {REACH}",
        "    z = clamp(goal, low, high)",
        f"    for _ in 1:{STEPS}",
        f"        {logit}",
        f"        log_r = log({text.of('ratio')})",
        *(f"        {row}" for row in text.distances),
        f"        gap = {text.of('place')} - goal",
        "        gap < 0 ? (low = z) : (high = z)",
        f"        newton = z - gap / (({text.slope}) * s * left)",
        "        done = abs(newton - z) < 1e-6",
        "        z = low <= newton <= high ? newton : (low + high) / 2",
        "        done && break",
        "    end",
        f"    {logit}",
        "    for _ in 1:2",
        f"        close = {text.of('close')}",
        f"        gap = {text.of('gap')}",
        *(f"        {name} = {value}" for name, value in text.gaps("{} ? {} : {}")),
        f"        move = gap / ({text.of('pace')})",
        "        s, left = s - move, left + move",
        "    end",
        f"    abs(z) > {MOST} && return z < 0 ? (0.0, 1.0) : (1.0, 0.0)  # no float is that time",
        "    return s, left",
        "end",
    ]
    return "\n".join(rows)
