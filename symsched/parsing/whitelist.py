"""The functions a formula may use: those that ball arithmetic encloses and that are smooth where defined.

Each entry pairs the SymPy function with a float twin that bounds sizes and finds undefined numbers early.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import sympy
from sympy import Expr

from symsched.precision import digits


@dataclass(frozen=True)
class Function:
    """One whitelisted function: how SymPy builds it, its value on floats, how many arguments it takes."""

    build: Callable[..., Expr]
    value: Callable[..., float]
    most: int = 1


def _reciprocal(f: Callable[[float], float]) -> Callable[[float], float]:
    return lambda u: 1 / f(u)


def _cbrt(u: float) -> float:
    return math.pow(u, 1 / 3)


def _lambert(u: float, branch: float = 0) -> float:
    if branch in (0, -1) and abs(u * math.e + 1) < 4e-16:
        return -1.0  # the branch point −1/e, which no float is
    with digits(16):
        w = mpmath.lambertw(u, int(branch))
    if w.imag:
        raise ValueError("complex")
    return float(w.real)


FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(sympy.sqrt, math.sqrt),
    "cbrt": Function(sympy.cbrt, _cbrt),
    "exp": Function(sympy.exp, math.exp),
    "log": Function(sympy.log, math.log, most=2),
    "sin": Function(sympy.sin, math.sin),
    "cos": Function(sympy.cos, math.cos),
    "tan": Function(sympy.tan, math.tan),
    "cot": Function(sympy.cot, _reciprocal(math.tan)),
    "sec": Function(sympy.sec, _reciprocal(math.cos)),
    "csc": Function(sympy.csc, _reciprocal(math.sin)),
    "asin": Function(sympy.asin, math.asin),
    "acos": Function(sympy.acos, math.acos),
    "atan": Function(sympy.atan, math.atan),
    "sinh": Function(sympy.sinh, math.sinh),
    "cosh": Function(sympy.cosh, math.cosh),
    "tanh": Function(sympy.tanh, math.tanh),
    "coth": Function(sympy.coth, _reciprocal(math.tanh)),
    "sech": Function(sympy.sech, _reciprocal(math.cosh)),
    "csch": Function(sympy.csch, _reciprocal(math.sinh)),
    "asinh": Function(sympy.asinh, math.asinh),
    "acosh": Function(sympy.acosh, math.acosh),
    "atanh": Function(sympy.atanh, math.atanh),
    "erf": Function(sympy.erf, math.erf),
    "erfc": Function(sympy.erfc, math.erfc),
    "LambertW": Function(sympy.LambertW, _lambert, most=2),
}

ALIASES = {
    "ln": "log",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "lambertw": "LambertW",
}

REFUSED = {
    **dict.fromkeys(
        (
            "min",
            "max",
            "Min",
            "Max",
            "abs",
            "Abs",
            "sign",
            "clip",
            "floor",
            "ceil",
            "ceiling",
            "Piecewise",
            "where",
        ),
        "it has a kink or a jump, and a schedule must be continuously differentiable",
    ),
    **dict.fromkeys(
        ("factorial", "gamma", "binomial", "Sum", "Product", "Integral", "diff"),
        "only elementary functions, erf, erfc and LambertW are read",
    ),
}

#: What right-hand sides of simulations may have besides: kinks and jumps, which no schedule has.
ROUGH: dict[str, Function] = {
    **dict.fromkeys(("Abs", "abs"), Function(sympy.Abs, abs)),
    **dict.fromkeys(("Max", "max"), Function(sympy.Max, max, most=8)),
    **dict.fromkeys(("Min", "min"), Function(sympy.Min, min, most=8)),
    "sign": Function(sympy.sign, lambda u: float((u > 0) - (u < 0))),
}

GROWING = frozenset({"exp", "sinh", "cosh"})
CLASSES: tuple[type, ...] = tuple(f.build for f in FUNCTIONS.values() if isinstance(f.build, type))
ROUGH_CLASSES: tuple[type, ...] = (sympy.Abs, sympy.Max, sympy.Min, sympy.sign)
