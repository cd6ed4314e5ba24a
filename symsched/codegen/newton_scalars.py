"""The guarded Newton inverse of `newton` for one number at a time: Numba, C and Julia."""

from __future__ import annotations

from symsched.codegen.module import Module
from symsched.codegen.newton import START, STEPS, WHY, gaps, inverse_of
from symsched.codegen.printers import CForms, JuliaForms, NumbaForms

NOTE = f"{WHY[:-1]}: {START}"
REACH = "670.0"  # e^z and its inverse stay floats
FLOOR = repr(64 * 2.0**-52)


def numba(module: Module) -> str:
    inverse, form = inverse_of(module), NumbaForms().form
    ratio, pace = form(inverse.ratio), form(inverse.pace)
    logit = "s, left = 1 / (1 + math.exp(-z)), 1 / (1 + math.exp(z))"
    distances = [f"{symbol} = max({form(expr)}, {FLOOR})" for symbol, expr in inverse.distances]
    given = [f"near_{symbol}" for symbol, *_ in inverse.near]
    rows = [
        '@njit(error_model="numpy")',
        f"def _source_time({', '.join(['alpha', 'beta', 'inverse_r', *given, *inverse.parameters])}):",
        f'    """{NOTE}"""',
        "    if not (alpha > 0 and beta > 0):",
        "        return math.nan, math.nan",
        "    log_r = math.log(beta) - math.log(alpha)",
        *(f"    {row}" for row in distances),
        f"    goal, low, high = {form(inverse.place)}, -{REACH}, {REACH}",
        "    z = min(max(goal, low), high)",
        f"    for _ in range({STEPS}):",
        f"        {logit}",
        f"        log_r = math.log({ratio})",
        *(f"        {row}" for row in distances),
        f"        gap = {form(inverse.place)} - goal",
        "        if gap < 0:",
        "            low = z",
        "        else:",
        "            high = z",
        f"        newton = z - gap / (({form(inverse.pace * inverse.slope)}) * s * left)",
        "        done = abs(newton - z) < 1e-6",
        "        z = newton if low <= newton <= high else (low + high) / 2",
        "        if done:",
        "            break",
        f"    {logit}",
        "    for _ in range(2):",
        f"        gap = {form(inverse.gap)}",
        *(f"        {name} = {text}" for name, text in gaps(inverse, form, "{1} if {0} else {2}", "near_")),
        f"        move = gap / ({pace})",
        "        s, left = s - move, left + move",
        "    return s, left",
    ]
    return "\n".join(rows)


def c(module: Module, prefix: str) -> str:
    inverse, form = inverse_of(module), CForms().form
    ratio, pace = form(inverse.ratio), form(inverse.pace)
    given = [f"near_{symbol}" for symbol, *_ in inverse.near]
    arguments = ", ".join(f"double {n}" for n in ["alpha", "beta", "inverse_r", *given, *inverse.parameters])
    forms = (inverse.ratio, inverse.pace, inverse.place, *(row[1] for row in (*inverse.distances, *inverse.near)))
    used = {x.name for f in forms for x in f.free_symbols}
    distances = [f"{symbol} = fmax({form(expr)}, {FLOOR});" for symbol, expr in inverse.distances]
    rows = [
        f"/* {NOTE} */",
        f"typedef struct {{ double tau, tau_left; }} {prefix}_time_t;",
        "",
        f"static inline {prefix}_time_t {prefix}_source_time({arguments})",
        "{",
        *(f"    (void){name};" for name in inverse.parameters if name not in used),
        f"    double log_r = log(beta) - log(alpha), low = -{REACH}, high = {REACH};",
        *(f"    double {row}" for row in distances),
        f"    const double goal = {form(inverse.place)};",
        "    double z = fmin(fmax(goal, low), high);",
        "    double s = 1.0/(1.0 + exp(-z)), left = 1.0/(1.0 + exp(z));",
        f"    for (int step = 0; step < {STEPS}; ++step) {{",
        f"        log_r = log({ratio});",
        *(f"        {row}" for row in distances),
        f"        const double gap = {form(inverse.place)} - goal;",
        "        if (gap < 0.0) low = z; else high = z;",
        f"        const double newton = z - gap/(({form(inverse.pace * inverse.slope)})*s*left);",
        "        const int done = fabs(newton - z) < 1e-6;",
        "        z = newton >= low && newton <= high ? newton : 0.5*(low + high);",
        "        s = 1.0/(1.0 + exp(-z));",
        "        left = 1.0/(1.0 + exp(z));",
        "        if (done) break;",
        "    }",
        "    for (int step = 0; step < 2; ++step) {",
        f"        double gap = {form(inverse.gap)};",
        *(
            f"        {'const double ' * (name != 'gap')}{name} = {text};"
            for name, text in gaps(inverse, form, "{} ? {} : {}", "near_")
        ),
        f"        const double move = gap/({pace});",
        "        s -= move;",
        "        left += move;",
        "    }",
        f"    const {prefix}_time_t found = {{s, left}};",
        "    return found;",
        "}",
    ]
    return "\n".join(rows)


def julia(module: Module) -> str:
    inverse, form = inverse_of(module), JuliaForms().form
    ratio, pace = form(inverse.ratio), form(inverse.pace)
    logit = "s, left = 1 / (1 + exp(-z)), 1 / (1 + exp(z))"
    distances = [f"{symbol} = max({form(expr)}, {FLOOR})" for symbol, expr in inverse.distances]
    given = [f"near_{symbol}" for symbol, *_ in inverse.near]
    rows = [
        f'"{NOTE}"',
        f"function _source_time({', '.join(['alpha', 'beta', 'inverse_r', *given, *inverse.parameters])})",
        "    (alpha > 0 && beta > 0) || return (NaN, NaN)",
        "    log_r = log(beta) - log(alpha)",
        *(f"    {row}" for row in distances),
        f"    goal, low, high = {form(inverse.place)}, -{REACH}, {REACH}",
        "    z = clamp(goal, low, high)",
        f"    for _ in 1:{STEPS}",
        f"        {logit}",
        f"        log_r = log({ratio})",
        *(f"        {row}" for row in distances),
        f"        gap = {form(inverse.place)} - goal",
        "        gap < 0 ? (low = z) : (high = z)",
        f"        newton = z - gap / (({form(inverse.pace * inverse.slope)}) * s * left)",
        "        done = abs(newton - z) < 1e-6",
        "        z = low <= newton <= high ? newton : (low + high) / 2",
        "        done && break",
        "    end",
        f"    {logit}",
        "    for _ in 1:2",
        f"        gap = {form(inverse.gap)}",
        *(f"        {name} = {text}" for name, text in gaps(inverse, form, "{} ? {} : {}", "near_")),
        f"        move = gap / ({pace})",
        "        s, left = s - move, left + move",
        "    end",
        "    return s, left",
        "end",
    ]
    return "\n".join(rows)
