"""Rounding errors carried along: where no equal form keeps its digits, the error of each operation is computed too.

An argument of e^x of size 5 loses 5 times its own rounding, a seventh power 7 times.  Every sum and product below is
followed by its exact rounding error (Knuth's for a sum, Dekker's for a product: no fused operation is needed), those
errors are carried to first order through what follows, and added at the end.  A constant that no float holds is two:
its first 24 bits, which are exact in float32 too, and the rest.

References: T. Dekker, Numer. Math. 18 (1971) 224; D. Knuth, TAOCP 2, 4.2.2; P. Langlois, "Automatic linear correction
of rounding errors", BIT 41 (2001) 515.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from symsched.codegen.stable.constants import number, split
from symsched.codegen.stable.rounding import expm1, product_error, sum_error, u
from symsched.symbols import t

u_low = sp.Symbol("u_low", real=True)  # (1 − t) − u
MAX_OPERATIONS = 24
_x = sp.Dummy("x", positive=True)


@dataclass
class Carrier:
    """Turns a form into lines of single operations, each with its error where it has one."""

    stem: str
    lines: list[tuple[sp.Symbol, sp.Expr]] = field(default_factory=list)
    count: int = 0

    def run(self, form: sp.Expr) -> sp.Expr:
        """The final form, in the names of `lines`."""
        high, low = self._walk(form)
        return high + low

    def _walk(self, expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        if expr == u:
            if (u_low, sum_error(1, -t)) not in self.lines:
                self.lines.append((u_low, sum_error(1, -t)))
            return u, u_low
        if expr.is_Atom or not expr.free_symbols:
            return expr, sp.S.Zero
        if expr.is_Add:
            return self._chain(expr, self._plus)
        if expr.is_Mul:
            return self._chain(expr, self._times)
        if expr.is_Pow and expr.exp in (2, 3) and not isinstance(expr, sp.exp):
            return self._power(expr)
        return self._function(expr)

    def _power(self, expr: sp.Pow) -> tuple[sp.Expr, sp.Expr]:
        total = self._walk(expr.base)
        for _ in range(int(expr.exp) - 1):
            total = self._times(total, expr.base)
        return total

    def _chain(self, expr: sp.Expr, join):  # type: ignore[no-untyped-def]
        """One operation at a time, constants last."""
        terms = sorted(expr.args, key=lambda a: (not a.free_symbols, sp.default_sort_key(a)))
        total = self._walk(terms[0])
        for term in terms[1:]:
            total = join(total, term)
        return total

    def _plus(self, one: tuple[sp.Expr, sp.Expr], term: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        high, low = one
        parts = [(part, sp.S.Zero) for part in split(term)] if not term.free_symbols else [self._walk(term)]
        for part, error in parts:
            made = self._line(high + part)
            high, low = made, low + error + sum_error(high, part)
        return high, self._low(high, low)

    def _times(self, one: tuple[sp.Expr, sp.Expr], factor: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        high, low = one
        if not factor.free_symbols:
            return self._scaled(high, low, factor)
        other, error = self._walk(factor)
        made = self._line(high * other)
        return made, self._low(made, product_error(high, other) + high * error + other * low)

    def _scaled(self, high: sp.Expr, low: sp.Expr, factor: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        if factor.is_Rational and all(n & (n - 1) == 0 for n in (abs(factor.p), factor.q)):
            return factor * high, factor * low
        first, *rest = split(factor)
        product = self._line(first * high)
        error = product_error(first, high) + sp.Float(number(factor), 17) * low
        if not rest:
            return product, self._low(product, error)
        small = self._line(rest[0] * high)
        made = self._line(product + small)
        return made, self._low(made, error + sum_error(product, small))

    def _function(self, expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        inner = expr.exp if isinstance(expr, sp.exp) else expr.args[0]
        if expr.is_Pow and not isinstance(expr, sp.exp) and expr.exp.free_symbols:
            base, inner = expr.base, expr.exp  # cˣ with x moving: its error is log c times that of x
            high, low = self._walk(inner)
            made = self._line(base**high)
            return made, low and sp.log(base) * made * low
        high, low = self._walk(inner)
        made = self._line(_rebuilt(expr, high))
        return made, low and _slope(expr, high, made) * low

    def _line(self, form: sp.Expr) -> sp.Expr:
        for symbol, known in self.lines:
            if known == form:
                return symbol
        if form.is_Symbol or (-form).is_Symbol:
            return form
        self.count += 1
        symbol = sp.Symbol(f"{self.stem}_{self.count}", real=True)
        self.lines.append((symbol, form))
        return symbol

    def _low(self, high: sp.Expr, low: sp.Expr) -> sp.Expr:
        if low == 0 or low.is_Symbol:
            return low
        symbol = sp.Symbol(f"{high}_low", real=True)
        self.lines.append((symbol, low))
        return symbol


def _rebuilt(expr: sp.Expr, inner: sp.Expr) -> sp.Expr:
    if isinstance(expr, sp.exp):
        return sp.exp(inner)
    return sp.Pow(inner, expr.exp) if expr.is_Pow else expr.func(inner, *expr.args[1:])


def _slope(expr: sp.Expr, at: sp.Expr, made: sp.Expr) -> sp.Expr:
    """f′ at `at`, by the value f itself where that gives it."""
    if isinstance(expr, sp.exp):
        return made
    if isinstance(expr, expm1):
        return made + 1
    if expr.is_Pow:
        return expr.exp * sp.Pow(at, expr.exp - 1)
    return _rebuilt(expr, _x).diff(_x).subs(_x, at)


def carried(stem: str, form: sp.Expr) -> tuple[list[tuple[sp.Symbol, sp.Expr]], sp.Expr]:
    """The lines before, and the form in their names that stands for `form`."""
    carrier = Carrier(stem)
    final = carrier.run(form)
    return carrier.lines, final
