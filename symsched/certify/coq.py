"""SymPy expressions as terms of Coq's real numbers.

Only whitelisted nodes are printed: numbers, letters, sums, products, powers and the functions that Coq's library
differentiates.  Powers that are neither whole nor square roots are exp(e ln b), which is what they are for b > 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import sympy as sp

from symsched.certify.jets import Jet, jet_of, parts
from symsched.errors import InputError
from symsched.exact import WRITTEN
from symsched.symbols import t

RESERVED = {
    *("forall", "exists", "fun", "let", "in", "match", "with", "end", "if", "then", "else", "return", "as", "at"),
    *("fix", "cofix", "for", "where", "using", "Prop", "Set", "Type", "R", "Z", "N", "C", "Q", "PI", "IZR", "INR"),
    *("exp", "ln", "sqrt", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "pow", "Derive", "zero", "one", "plus"),
    *("E", "S", "O", "P", "H", "D", "I", "sum", "mult", "opp", "minus", "norm", "ball", "abs", "scal", "is_derive"),
}
FUNCTIONS = {sp.exp: "exp", sp.log: "ln", sp.sin: "sin", sp.cos: "cos", sp.atan: "atan"}
FUNCTIONS |= {sp.sinh: "sinh", sp.cosh: "cosh"}
QUOTIENTS = {f: WRITTEN[f] for f in (sp.tan, sp.cot, sp.sec, sp.csc, sp.tanh)}
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


class UnsupportedError(InputError):
    """An expression with a node that has no counterpart in the certificates."""


class Names:
    """Coq identifiers for SymPy's letters: the same name for the same key, another one for another."""

    def __init__(self) -> None:
        self._names: dict[object, str] = {}

    def of(self, key: object, wanted: str) -> str:
        """The name filed under `key`, near to `wanted`."""
        if key not in self._names:
            self._names[key] = self._fresh(identifier(wanted))
        return self._names[key]

    def _fresh(self, wanted: str) -> str:
        taken, name, k = set(self._names.values()) | RESERVED, wanted, 2
        while name in taken:
            name, k = f"{wanted}_{k}", k + 1
        return name


def identifier(text: str) -> str:
    """ASCII letters, digits and underscores, a letter first."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text.translate(SUBSCRIPTS)).strip("_")
    return plain if plain[:1].isalpha() else f"v{plain}"


def comment(text: str) -> str:
    """Text made safe for a Coq comment, on one line."""
    return " ".join(text.replace("(*", "( *").replace("*)", "* )").replace('"', "'").split())


class Printer:
    """Prints expressions; `letters` gives the Coq text of symbols, `functions` names undefined functions."""

    def __init__(self, names: Names, letters: Mapping[sp.Basic, str] | None = None) -> None:
        self.names = names
        self.letters = dict(letters or {})
        self.functions: dict[str, int] = {}  # Coq name of each undefined function met, and its number of arguments

    def text(self, expr: sp.Expr) -> str:
        """The term, in parentheses where it is not an atom.

        Raises:
            UnsupportedError: a node that is not on the whitelist.
        """
        if expr in self.letters:
            return self.letters[expr]
        if not expr.is_commutative and not expr.args:
            raise UnsupportedError(f"{expr} does not commute: Coq's real numbers do")
        if expr.is_Symbol:
            if expr.is_extended_real is False or expr.is_infinite:
                raise UnsupportedError(f"{expr} is not a real number")
            return self.names.of(expr, expr.name)
        if expr.is_Float:
            return self.text(sp.Rational(expr))
        if expr.is_Rational:
            return _rational(expr)
        if expr.is_Add:
            return "(" + " + ".join(self.text(a) for a in expr.args) + ")"
        if expr.is_Mul:
            return self._product(expr)
        if expr == sp.pi:
            return "PI"
        if expr == sp.E:
            return "(exp 1)"
        if isinstance(expr, sp.exp):
            return f"(exp {self.text(expr.exp)})"
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        return self._function(expr)

    def _product(self, expr: sp.Expr) -> str:
        above, below = [], []
        for factor in expr.args:
            base, power = (factor, sp.S.One) if isinstance(factor, sp.exp) else factor.as_base_exp()
            if power.is_Rational and power < 0 and not factor.is_Rational:
                below.append(base**-power)
            else:
                above.append(factor)
        product = " * ".join(self.text(f) for f in above) or "1"
        if not below:
            return f"({product})"
        return f"({product} / ({' * '.join(self.text(f) for f in below)}))"

    def _power(self, base: sp.Expr, power: sp.Expr) -> str:
        if power.is_Rational and power < 0:
            return f"(/ {self.text(base**-power)})"
        if power.is_Integer:
            return f"({self.text(base)} ^ {int(power)})"
        if power.is_Rational:
            whole, rest = divmod(power, 1)
            exponent = f"(exp ({self.text(rest)} * ln {self.text(base)}))"
            root = f"(sqrt {self.text(base)})" if power.q == 2 else exponent
            return root if whole == 0 else f"({self.text(base)} ^ {int(whole)} * {root})"
        return f"(exp ({self.text(power)} * ln {self.text(base)}))"

    def _function(self, expr: sp.Expr) -> str:
        if expr.func in FUNCTIONS:
            return f"({FUNCTIONS[expr.func]} {self.text(expr.args[0])})"
        if expr.func in QUOTIENTS:
            return self.text(QUOTIENTS[expr.func](expr.args[0]))
        jet = jet_of(expr)
        if jet is not None:
            if not expr.is_commutative or expr.is_extended_real is False:
                raise UnsupportedError(f"{expr} is not a function with real values")
            return f"({self.jet(jet)} {' '.join(self.text(a) for a in jet.args)})"
        if isinstance(expr, sp.Subs) and all(v.is_Symbol for v in expr.variables):
            # Coq puts in all points at once, and knows what is bound.
            inside, points = self.text(expr.expr), " ".join(self.text(p) for p in expr.point)
            return f"((fun {' '.join(self.text(v) for v in expr.variables)} : R => {inside}) {points})"
        raise UnsupportedError(f"no Coq term for {type(expr).__name__}: {str(expr)[:80]}")

    def jet(self, jet: Jet) -> str:
        """The Coq name of a derivative of an undefined function, itself a function."""
        mark = "" if not any(jet.orders) else "_" + "".join(map(str, jet.orders))
        name = self.names.of((jet.head, jet.orders), str(jet.head) + mark)
        self.functions[name] = len(jet.orders)
        return name


def signs(letters: list[sp.Basic], printer: Printer) -> Iterator[str]:
    """What is supposed of symbols and of undefined functions where they are applied: their signs, and t in (0, 1)."""
    for one in letters:
        text = printer.text(one)
        if one.is_zero:
            yield f"{text} = 0"
        elif one.is_positive or one.is_negative:
            yield f"0 < {text}" if one.is_positive else f"{text} < 0"
        elif one.is_nonnegative or one.is_nonpositive:
            yield f"0 <= {text}" if one.is_nonnegative else f"{text} <= 0"
        elif one.is_zero is False:
            yield f"{text} <> 0"
        if one == t:
            yield f"{text} < 1"


def domain(expr: sp.Basic, printer: Printer) -> Iterator[tuple[str, sp.Basic, bool]]:
    """(hypothesis, part, whether it only keeps out what has no value): divisors that are not 0, and the positive
    bases and arguments of roots, powers and logarithms, where SymPy would go on with complex numbers."""
    for part in parts(expr):
        if isinstance(part, sp.log) and part.args[0].free_symbols:
            yield f"0 < {printer.text(part.args[0])}", part.args[0], bool(part.args[0].is_positive)
        elif part.is_Pow and not isinstance(part, sp.exp) and part.base.free_symbols:
            if not part.exp.is_Integer:
                yield f"0 < {printer.text(part.base)}", part.base, bool(part.base.is_positive)
            elif part.exp.is_negative and not part.base.is_positive:
                yield f"{printer.text(part.base)} <> 0", part.base, True
        elif isinstance(part, sp.tan | sp.sec):
            yield f"{printer.text(sp.cos(part.args[0]))} <> 0", part.args[0], True
        elif isinstance(part, sp.cot | sp.csc):
            yield f"{printer.text(sp.sin(part.args[0]))} <> 0", part.args[0], True


def _rational(number: sp.Rational) -> str:
    if number.q == 1:
        return str(number.p) if number.p >= 0 else f"({number.p})"
    return f"({number.p} / {number.q})"
