"""Numba: functions of one number for loops and kernels; the ends are plain branches."""

from __future__ import annotations

import sympy as sp

from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse
from symsched.codegen.printing.forms import PythonForms
from symsched.codegen.printing.language import documentation, folded_rows, indented, is_constant
from symsched.codegen.printing.python import Python, helpers
from symsched.codegen.printing.scalars import MOST, NOTE, SMALLEST, Scalars
from symsched.codegen.program import Routine

JIT = '@njit(error_model="numpy")'


class NumbaForms(PythonForms):
    """Functions of the standard `math` module, which Numba compiles."""

    prefix = "math."
    names = ((sp.Abs, "abs"),)

    def _print_sign(self, expr: sp.Expr) -> str:
        return f"math.copysign(1.0, {self._print(expr.args[0])})"


class Numba(Scalars, Python):
    """Functions that Numba compiles."""

    forms = NumbaForms()
    unit = "1.0"
    error_helpers = "@njit\n" + helpers("    product, wide = a * b, True\n").replace("\n\ndef ", "\n\n@njit\ndef ")

    def parts(self, module: Module) -> list[str]:
        return ["import math\n\nfrom numba import njit", *super().parts(module)]

    def function(self, function: Routine) -> str:
        rows = [f"t = 0.0 if abs(t) < {SMALLEST} else t", *self.computed(function)]
        for end in (0, 1):
            given = [(o.name, self.forms.limit(o.ends[end])) for o in function.outputs if o.ends[end] is not None]
            rows += [f"if t == {end}:", *(f"    {name} = {value}" for name, value in given)] if given else []
        if function.covered is not None:
            rows.append("if not ({!r} <= t <= {!r}):".format(*function.covered))
            rows.append(f"    {' = '.join(o.name for o in function.outputs)} = math.nan")
        names = ", ".join(f"float({o.name})" if is_constant(function, o) else o.name for o in function.outputs)
        top = [JIT, f"def {function.name}({self.signature(function)}):", f'    """{documentation(function)}"""']
        return "\n".join(folded_rows([*top, *indented(rows), f"    return {names}"]))

    # -- the Newton inverse -------------------------------------------------------------------------------------

    clamped = "min(max(goal, low), high)"
    narrowed = "if gap < 0:", "    low = z", "else:", "    high = z"
    moved = (
        "done = abs(newton - z) < 1e-6",
        "z = newton if low <= newton <= high else (low + high) / 2",
        "if done:",
        "    break",
    )
    exit = (
        f"    if abs(z) > {MOST}:  # no float is that time",
        "        return (0.0, 1.0) if z < 0 else (1.0, 0.0)",
        "    return s, left",
    )

    def entry(self, inverse: Inverse) -> list[str]:
        rows = [JIT, f"def _source_time({', '.join(inverse.arguments)}):", f'    """{NOTE}"""']
        return [*rows, "    if not (alpha > 0 and beta > 0):", "        return math.nan, math.nan"]
