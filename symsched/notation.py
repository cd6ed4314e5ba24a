"""Formulas for people: one line of Unicode, or LaTeX.  The machine's form is `str`, which parses back."""

import re

from sympy import Derivative, Expr, Integer, Mul, Pow, Rational, Symbol, latex
from sympy.core.function import AppliedUndef
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pretty.pretty_symbology import pretty_symbol
from sympy.printing.str import StrPrinter

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LETTER = "[A-Za-zα-ωΑ-Ω]\u0307*"
_JUXTAPOSED = re.compile(rf"(?<![A-Za-zα-ω_])({_LETTER}[²³⁴-⁹]*)\*(?={_LETTER}(?![A-Za-zα-ω_(ₐ-ₜ]))")


def named(expr: Expr) -> Expr:
    """α(t) as the symbol α and its derivative as α̇, so that both printers show letters and not functions."""

    def symbol(node: Expr) -> Symbol:
        if isinstance(node, Derivative):
            order = int(node.derivative_count)
            return Symbol(node.expr.func.__name__ + "d" * (order - 1) + "dot")
        return Symbol(node.func.__name__)

    nodes = expr.atoms(AppliedUndef) | expr.atoms(Derivative)
    derivatives_first = sorted(nodes, key=lambda node: (not isinstance(node, Derivative), str(node)))
    return expr.subs([(node, symbol(node)) for node in derivatives_first])


def oriented(expr: Expr) -> Expr:
    """Sums that are negative for 0 < t < 1 turned round: β(1 - β) for -β(β - 1), 1/(1 - t) for -1/(t - 1)."""
    if expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer):
        return _turned(expr)
    parts = tuple(map(oriented, expr.args)) if expr.is_Add else expr.args
    return expr if parts == expr.args else expr.func(*parts)


def _turned(expr: Expr) -> Expr:
    sign, turned = 1, []
    factors = [factor.as_base_exp() for factor in Mul.make_args(expr)]
    for base, power in factors:
        negative = base.is_Add and power.is_Integer and _negative(base)
        sign *= (-1) ** int(power) if negative else 1
        turned.append((oriented(-base if negative else base), power))
    if turned == factors:  # to make it anew is not for nothing
        return expr
    product = Mul(*(base**power for base, power in turned))
    return product if sign > 0 else Mul(-1, product) if not product.is_Add else -product


def _negative(total: Expr) -> bool:
    """Whether a sum is negative in the middle, t = 1/2 and every other symbol 1/2: a guess, only for looks."""
    value = total.subs({symbol: Rational(1, 2) for symbol in total.free_symbols})
    return bool(value.is_number and value.is_negative)


def unicode_line(expr: Expr) -> str:
    """The expression on one line, as on a blackboard: α²·β̇/β, √(t(1 − t)), ∞."""
    text = _Line({"order": None}).doprint(named(expr))
    text = re.sub(r"(?<![\w.])(\d+)\*(?=√|[^\W\d](?![A-Za-z(]))", r"\1", text)
    while (joined := _JUXTAPOSED.sub(r"\1", text)) != text:
        text = joined
    text = re.sub(r"(?<=[\w)²³⁴-⁹\u0307])\*(?=\()", "", text)
    return text.replace("*", "·").replace("-", "−")


def latex_line(expr: Expr) -> str:
    """The expression in LaTeX."""
    return str(latex(named(expr)))


class _Line(StrPrinter):
    def _as_ordered_terms(self, expr: Expr, order: str | None = None) -> list[Expr]:
        """SymPy's order, but a sum starts with a term that needs no minus sign if it has one."""
        terms = list(super()._as_ordered_terms(expr, order=order))
        first = next((i for i, term in enumerate(terms) if not term.could_extract_minus_sign()), 0)
        return [terms[first], *terms[:first], *terms[first + 1 :]]

    def _print_Symbol(self, expr: Symbol) -> str:
        return str(pretty_symbol(expr.name))

    def _print_Pi(self, _: Expr) -> str:
        return "π"

    def _print_Exp1(self, _: Expr) -> str:
        return "e"

    def _print_Infinity(self, _: Expr) -> str:
        return "∞"

    def _print_NegativeInfinity(self, _: Expr) -> str:
        return "-∞"

    def _print_Pow(self, expr: Pow, rational: bool = False) -> str:  # noqa: ARG002
        base, exponent = expr.base, expr.exp
        if exponent.is_Rational and exponent.is_negative:
            return f"1/{self.parenthesize(Pow(base, -exponent, evaluate=False), PRECEDENCE['Mul'])}"
        if exponent == 1:
            return self.parenthesize(base, PRECEDENCE["Pow"])
        if exponent == Rational(1, 2):
            inner = self._print(base)
            return f"√{inner}" if base.is_Symbol or (base.is_Integer and base >= 0) else f"√({inner})"
        base_text = self.parenthesize(base, PRECEDENCE["Pow"])
        if isinstance(exponent, Integer):
            return base_text + str(exponent).translate(_SUPERSCRIPTS)
        power = self._print(exponent)
        return f"{base_text}^{power}" if exponent.is_Symbol else f"{base_text}^({power})"
