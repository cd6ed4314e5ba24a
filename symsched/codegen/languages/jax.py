"""JAX: functions of arrays, with finite gradients at the ends, and loops that XLA compiles."""

from __future__ import annotations

import sympy as sp

from symsched.codegen.newton import STEPS, Inverse
from symsched.codegen.printing.arrays import ArrayForms, Arrays, numpy_names
from symsched.codegen.printing.forms import ERROR_FUNCTIONS, NAMES
from symsched.codegen.printing.language import indented
from symsched.codegen.printing.python import helpers


class JaxForms(ArrayForms):
    """`jnp.` functions; error functions are elsewhere."""

    prefix = "jnp."
    names = (*numpy_names(prefix), *((function, f"jsp.{NAMES[function]}") for function in ERROR_FUNCTIONS))
    choice = "jnp.where({}, {}, {})"

    def _print_atanh(self, expr: sp.Expr) -> str:
        """JAX's own takes the difference of two logarithms, which cancels: it loses 30 units at 1/4."""
        inside = self._print(expr.args[0])
        return f"(0.5*jnp.log1p(2*({inside})/(1 - ({inside}))))"


class Jax(Arrays):
    """Functions of arrays."""

    forms = JaxForms()
    decorator = "@_floating"
    floored = "jnp.maximum(({}), floor)"
    solver_imports = "import math\n\nimport jax"
    test_start = '    import jax\n\n    jax.config.update("jax_enable_x64", True)\n'
    error_helpers = helpers("""    product = jnp.multiply(a, b)
    wide = product.dtype == jnp.float64
    a, b = (jnp.asarray(x, dtype=product.dtype) for x in (a, b))
""")
    prelude = '''import functools

import jax.numpy as jnp


def _floating(function):
    """Numbers become arrays; half precision is computed in single and rounded once, at the end."""

    @functools.wraps(function)
    def widened(t, *parameters, **named):
        t = jnp.asarray(t)
        dtype = t.dtype if jnp.issubdtype(t.dtype, jnp.floating) else jnp.result_type(float)
        wide = jnp.promote_types(dtype, jnp.float32)
        parameters = [jnp.asarray(p, dtype=wide) for p in parameters]
        t = t.astype(wide)
        t = jnp.where(jnp.abs(t) < jnp.finfo(wide).tiny, 0, t)  # the inverse of a subnormal number is none
        found = function(t, *parameters, **named)
        return tuple(v.astype(dtype) for v in found) if isinstance(found, tuple) else found.astype(dtype)

    return widened
'''

    def opening(self, text: str) -> list[str]:
        library = "import jax.numpy as jnp\n"
        return [self.prelude.replace(library, library + "import jax.scipy.special as jsp\n" * ("jsp." in text))]

    def fixed(self, names: str) -> str:
        return f"*map(jax.lax.stop_gradient, ({names}))"

    def loop(self, inverse: Inverse) -> list[str]:
        return [
            "def going(state):",
            f"    return (state[0] < {STEPS}) & (state[1] > 1e-6)",
            "",
            "def step(state):",
            "    k, _, z, low, high = state",
            *indented(self.search(inverse)),
            "    return k + 1, jnp.max(jnp.abs(newton - z), initial=0.0), moved, low, high",
            "",
            "z = jax.lax.while_loop(going, step, (0, jnp.asarray(1.0, goal.dtype), z, low, high))[2]",
        ]
