"""SymPy to the source of a Numba inner loop: a whitelist of nodes, vectorisable functions, no libm where avoidable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from symsched.errors import InputError
from symsched.exact import RECIPROCALS, WRITTEN
from symsched.montecarlo.program.split import Share, Top

#: Functions with a vector version here: the name is completed with 64 or 32.
VECTOR: Mapping[type, str] = {
    Share: "share",
    sp.exp: "exp",
    sp.log: "ln",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tanh: "tanh",
}
#: Functions that the C library computes path by path: right, but slow.
SCALAR: Mapping[type, str] = {
    sp.tan: "tan", sp.sinh: "sinh", sp.cosh: "cosh", sp.asin: "asin", sp.acos: "acos", sp.atan: "atan",
    sp.asinh: "asinh", sp.acosh: "acosh", sp.atanh: "atanh", sp.erf: "erf", sp.erfc: "erfc",
    sp.gamma: "gamma",
}  # fmt: skip

#: Functions that are written in others.
RECIPROCAL: Mapping[type, Callable[[sp.Expr], sp.Expr]] = {
    **{f: WRITTEN[f] for f in RECIPROCALS},
    sp.Heaviside: lambda v: (1 + sp.sign(v)) / 2,
}


class LoopPrinter:
    """Prints expressions; `names` says what each symbol is called in the loop."""

    def __init__(self, dtype: str, names: Mapping[sp.Symbol, str]) -> None:
        self.bits = "32" if dtype == "float32" else "64"
        self.names = dict(names)
        self.by_type: dict[type, Callable[..., str]] = {
            sp.Add: self._sum,
            sp.Mul: self._product,
            sp.Pow: self._power,
            Top: lambda e: self._chain(e.args, "larger"),
            sp.Max: lambda e: self._chain(e.args, "larger"),
            sp.Min: lambda e: self._chain(e.args, "smaller"),
            sp.Abs: lambda e: f"abs({self.show(e.args[0])})",
            sp.Piecewise: self._piecewise,
            sp.loggamma: self._loggamma,
            sp.sign: lambda e: f"f{self.bits}(np.sign({self.show(e.args[0])}))",
        }

    def number(self, value: sp.Expr) -> str:
        """A literal of the working type."""
        return f"f{self.bits}({float(value)!r})"

    def show(self, expr: sp.Expr) -> str:
        """Source text of `expr`.  Raises InputError for a node outside the whitelist, by name."""
        if isinstance(expr, sp.Symbol):
            return self.names[expr]
        if expr.is_number and expr.is_finite and expr.is_real:
            return self.number(expr)
        if expr.func in RECIPROCAL:
            return self.show(RECIPROCAL[expr.func](expr.args[0]))
        if expr.func in self.by_type:
            return self.by_type[expr.func](expr)
        if expr.func in VECTOR:
            return f"{VECTOR[expr.func]}{self.bits}({self.show(expr.args[0])})"
        if expr.func in SCALAR:
            return f"f{self.bits}(math.{SCALAR[expr.func]}({self.show(expr.args[0])}))"
        raise InputError(f"no kernel can be made of {expr.func.__name__}, in {str(expr)[:80]}; rewrite the drift")

    def _sum(self, expr: sp.Add) -> str:
        """a + b c + d e … as nested fused multiply-adds, in SymPy's canonical order."""
        products = [arg for arg in expr.args if isinstance(arg, sp.Mul) and not _has_inverse(arg)]
        others = [arg for arg in expr.args if arg not in products]
        if not others:
            others.append(products.pop())
        text = " + ".join(map(self.show, others))
        for product in products:
            first, rest = product.args[0], product.func(*product.args[1:])
            text = f"fma({self.show(first)}, {self.show(rest)}, {text})"
        return f"({text})"

    def _product(self, expr: sp.Mul) -> str:
        over: list[sp.Expr] = []
        under: list[sp.Expr] = []
        for arg in expr.args:
            inverse = isinstance(arg, sp.Pow) and arg.exp.is_Integer and arg.exp < 0
            (under if inverse else over).append(1 / arg if inverse else arg)
        top = " * ".join(map(self.show, over)) or self.number(sp.S.One)
        return f"({top})" if not under else f"({top} / ({' * '.join(map(self.show, under))}))"

    def _power(self, expr: sp.Pow) -> str:
        base, exponent = expr.args
        if exponent.is_Integer and 0 < exponent <= 64:
            return self._repeated(self.show(base), int(exponent))
        if exponent.is_Rational and exponent < 0:
            return f"({self.number(sp.S.One)} / {self.show(base**-exponent)})"
        if exponent.is_Rational and exponent.q == 2 and exponent.p <= 64:
            root = f"np.sqrt({self.show(base)})"
            return root if exponent.p == 1 else f"({self._repeated(self.show(base), exponent.p // 2)} * {root})"
        return f"f{self.bits}(math.pow({self.show(base)}, {self.show(exponent)}))"

    @staticmethod
    def _repeated(base: str, exponent: int) -> str:
        return "(" + " * ".join([base] * exponent) + ")" if exponent <= 4 else f"({base} ** {exponent})"

    def _loggamma(self, expr: sp.Expr) -> str:
        """log Γ(x), which is a real number for x > 0 only; below, C gives log |Γ|."""
        shown = self.show(expr.args[0])
        return f"(f{self.bits}(math.lgamma({shown})) if {shown} > 0 else f{self.bits}(np.nan))"

    def _chain(self, args: tuple[sp.Expr, ...], name: str) -> str:
        shown = list(map(self.show, args))
        while len(shown) > 1:
            a, b = shown.pop(0), shown.pop(0)
            shown.append(f"{name}({a}, {b})")
        return shown[0]

    def _piecewise(self, expr: sp.Piecewise) -> str:
        text = f"f{self.bits}(np.nan)"
        for value, condition in reversed(expr.args):
            shown = self.show(value)
            text = shown if condition == sp.true else f"({shown} if {self._test(condition)} else {text})"
        return text

    def _test(self, condition: sp.Basic) -> str:
        if isinstance(condition, sp.core.relational.Relational):
            return f"{self.show(condition.lhs)} {condition.rel_op} {self.show(condition.rhs)}"
        if isinstance(condition, sp.And | sp.Or):
            word = " and " if isinstance(condition, sp.And) else " or "
            return "(" + word.join(sorted(map(self._test, condition.args))) + ")"
        raise InputError(f"the condition {condition} of a Piecewise should be made of inequalities, with & and |")


def _has_inverse(product: sp.Mul) -> bool:
    return any(isinstance(arg, sp.Pow) and arg.exp.is_negative for arg in product.args)
