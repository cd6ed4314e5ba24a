"""The guarded Newton inverse, for sources whose r has no closed inverse that is also stable.

log r is solved for z = logit τ inside a bracket that only shrinks: a Newton step that leaves it becomes a bisection, so
60 steps always suffice for the last two, which act on τ and 1 − τ directly and bring both to full relative precision.
"""

from __future__ import annotations

import sympy as sp

from symsched.codegen.languages import Arrays
from symsched.codegen.module import Module
from symsched.codegen.printers import CForms, JuliaForms, NumbaForms
from symsched.codegen.program import plain
from symsched.codegen.quantities import alpha, beta, rate

STEPS = 60
WHY = "Source time tau and 1 - tau at given noise and data coefficients: guarded Newton steps in logit tau."


def _source(module: Module) -> tuple[sp.Expr, ...]:
    """α, β and λ of the source, in the letters `s` and `left` = 1 − s."""
    source = module.forms.source
    letters = {sp.Symbol("t"): sp.Symbol("s"), sp.Symbol("u"): sp.Symbol("left")}
    forms = [source.alone(x) for x in (alpha, beta, rate)]
    return tuple(f.xreplace({s: plain(s) for s in f.free_symbols}).xreplace(letters) for f in forms)


def parameters(module: Module) -> list[str]:
    """The parameters of both schedules: every call passes them all."""
    return [s.name for s in sorted(module.shop.parameters, key=str) if s.name != "kappa"]


def _used(module: Module) -> set[str]:
    return {s.name for form in _source(module) for s in form.free_symbols}


def arrays(dialect: Arrays, module: Module) -> str:
    np, printer = dialect.prefix, dialect.forms()
    a, b, pace = (printer.form(f) for f in _source(module))
    names = ", ".join(["alpha", "beta", *parameters(module)])
    ones = f"{np}ones_like(alpha * beta)" if np != "torch." else "torch.ones_like(alpha * beta)"
    stop = ["        if done:", "            break"] if np == "np." else []
    rows = [
        f"def _source_time({names}):",
        f'    """{WHY}"""',
        f"    one = {ones}",
        "    alpha, beta = alpha * one, beta * one",
        "    inside = (alpha > 0) & (beta > 0)",
        f"    alpha, beta = {np}where(inside, alpha, one), {np}where(inside, beta, one)",
        f"    goal = {np}log(beta) - {np}log(alpha)",
        f"    reach = -0.98 * math.log({np}finfo(one.dtype).tiny)",
        "    low, high = -reach * one, reach * one",
        f"    z = {np}minimum({np}maximum(goal, low), high)",
        f"    for _ in range({STEPS}):",
        f"        s, left = 1 / (1 + {np}exp(-z)), 1 / (1 + {np}exp(z))",
        f"        gap = {np}log({b} + 0 * s) - {np}log({a} + 0 * s) - goal",
        f"        low, high = {np}where(gap < 0, z, low), {np}where(gap < 0, high, z)",
        f"        newton = z - gap / (({pace}) * s * left)",
        "        good = (newton >= low) & (newton <= high)",
        *(["        done = np.all(np.abs(newton - z) < 1e-6)"] if np == "np." else []),
        f"        z = {np}where(good, newton, (low + high) / 2)",
        *stop,
        f"    s, left = 1 / (1 + {np}exp(-z)), 1 / (1 + {np}exp(z))",
        "    for _ in range(2):",
        f"        move = {np}log(({b}) / ({a}) * (alpha / beta)) / ({pace})",
        "        s, left = s - move, left + move",
        "    return s, left",
    ]
    return "import math\n\n\n" + "\n".join(rows)


def numba(module: Module) -> str:
    printer = NumbaForms()
    a, b, pace = (printer.form(f) for f in _source(module))
    rows = [
        '@njit(error_model="numpy")',
        f"def _source_time({', '.join(['alpha', 'beta', *parameters(module)])}):",
        f'    """{WHY}"""',
        "    if not (alpha > 0 and beta > 0):",
        "        return math.nan, math.nan",
        "    goal, low, high = math.log(beta) - math.log(alpha), -690.0, 690.0",
        "    z = min(max(goal, low), high)",
        f"    for _ in range({STEPS}):",
        "        s, left = 1 / (1 + math.exp(-z)), 1 / (1 + math.exp(z))",
        f"        gap = math.log({b}) - math.log({a}) - goal",
        "        if gap < 0:",
        "            low = z",
        "        else:",
        "            high = z",
        f"        newton = z - gap / (({pace}) * s * left)",
        "        done = abs(newton - z) < 1e-6",
        "        z = newton if low <= newton <= high else (low + high) / 2",
        "        if done:",
        "            break",
        "    s, left = 1 / (1 + math.exp(-z)), 1 / (1 + math.exp(z))",
        "    for _ in range(2):",
        f"        move = math.log(({b}) / ({a}) * (alpha / beta)) / ({pace})",
        "        s, left = s - move, left + move",
        "    return s, left",
    ]
    return "\n".join(rows)


def c(module: Module, prefix: str) -> str:
    printer = CForms()
    a, b, pace = (printer.form(f) for f in _source(module))
    arguments = ", ".join(f"double {n}" for n in ["alpha", "beta", *parameters(module)])
    rows = [
        f"/* {WHY} */",
        f"typedef struct {{ double tau, tau_left; }} {prefix}_time_t;",
        "",
        f"static inline {prefix}_time_t {prefix}_source_time({arguments})",
        "{",
        *(f"    (void){name};" for name in parameters(module) if name not in _used(module)),
        "    const double goal = log(beta) - log(alpha);",
        "    double low = -690.0, high = 690.0, z = fmin(fmax(goal, low), high);",
        "    double s = 1.0/(1.0 + exp(-z)), left = 1.0/(1.0 + exp(z));",
        f"    for (int step = 0; step < {STEPS}; ++step) {{",
        f"        const double gap = log({b}) - log({a}) - goal;",
        "        if (gap < 0.0) low = z; else high = z;",
        f"        const double newton = z - gap/(({pace})*s*left);",
        "        const int done = fabs(newton - z) < 1e-6;",
        "        z = newton >= low && newton <= high ? newton : 0.5*(low + high);",
        "        s = 1.0/(1.0 + exp(-z));",
        "        left = 1.0/(1.0 + exp(z));",
        "        if (done) break;",
        "    }",
        "    for (int step = 0; step < 2; ++step) {",
        f"        const double move = log(({b})/({a})*(alpha/beta))/({pace});",
        "        s -= move;",
        "        left += move;",
        "    }",
        f"    const {prefix}_time_t found = {{s, left}};",
        "    return found;",
        "}",
    ]
    return "\n".join(rows)


def julia(module: Module) -> str:
    printer = JuliaForms()
    a, b, pace = (printer.form(f) for f in _source(module))
    rows = [
        f'"{WHY}"',
        f"function _source_time({', '.join(['alpha', 'beta', *parameters(module)])})",
        "    (alpha > 0 && beta > 0) || return (NaN, NaN)",
        "    goal, low, high = log(beta) - log(alpha), -690.0, 690.0",
        "    z = clamp(goal, low, high)",
        f"    for _ in 1:{STEPS}",
        "        s, left = 1 / (1 + exp(-z)), 1 / (1 + exp(z))",
        f"        gap = log({b}) - log({a}) - goal",
        "        gap < 0 ? (low = z) : (high = z)",
        f"        newton = z - gap / (({pace}) * s * left)",
        "        done = abs(newton - z) < 1e-6",
        "        z = low <= newton <= high ? newton : (low + high) / 2",
        "        done && break",
        "    end",
        "    s, left = 1 / (1 + exp(-z)), 1 / (1 + exp(z))",
        "    for _ in 1:2",
        f"        move = log(({b}) / ({a}) * (alpha / beta)) / ({pace})",
        "        s, left = s - move, left + move",
        "    end",
        "    return s, left",
        "end",
    ]
    return "\n".join(rows)
