"""NumPy: functions of arrays of any float type."""

from __future__ import annotations

from symsched.codegen.newton import STEPS, Inverse
from symsched.codegen.printing.arrays import ArrayForms, Arrays, numpy_names
from symsched.codegen.printing.forms import ERROR_FUNCTIONS, NAMES
from symsched.codegen.printing.python import helpers


class NumPyForms(ArrayForms):
    """`np.` functions; error functions are helpers."""

    prefix = "np."
    names = (*numpy_names(prefix), *((function, f"_{NAMES[function]}") for function in ERROR_FUNCTIONS))
    choice = "np.where({}, {}, {})"


class NumPy(Arrays):
    """Functions of arrays."""

    forms = NumPyForms()
    decorator = '@np.errstate(all="ignore")'
    start = "_times({})"
    safe = False
    own = "{}.copy()"
    floored = "np.maximum(({}), floor)"
    error_helpers = helpers("""    product = np.multiply(a, b)
    wide = product.dtype == np.float64
    a, b = (np.asarray(x, dtype=product.dtype) for x in (a, b))
""")
    prelude = '''import numpy as np


def _times(t):
    """Floats of at least single precision; subnormal ones, whose inverse is none, are 0."""
    t = np.asarray(t)
    t = t.astype(np.promote_types(t.dtype, np.float32), copy=False)
    return np.where(np.abs(t) < np.finfo(t.dtype).tiny, 0, t)


def _put(where, limit, value):
    """`limit` at an end, where the formula itself has none to give."""
    if where.any():
        value = np.asarray(value)
        np.copyto(value, limit, where=where, casting="same_kind")
    return value
'''

    def opening(self, text: str) -> list[str]:
        """NumPy has no error functions: those that are used are made of Python's."""
        used = [name for name in map(NAMES.get, ERROR_FUNCTIONS) if f"_{name}(" in text]
        return ["import math\n\n" * bool(used) + self.prelude, *map(ERROR_FUNCTION.format, used)]

    def at_end(self, mark: str, limit: str, text: str) -> str:
        return f"_put({mark}, {limit}, {text})"

    def loop(self, inverse: Inverse) -> list[str]:
        settled = ["done = np.all(np.abs(newton - z) < 1e-6)", "z = moved", "if done:", "    break"]
        return self.repeat(STEPS, [*self.search(inverse), *settled])


ERROR_FUNCTION = '''def _{0}(x):
    """math.{0} of every number."""
    x = np.asarray(x)
    return np.vectorize(math.{0}, otypes=[x.dtype])(x)
'''
