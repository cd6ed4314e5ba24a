"""Hints for Coq: which exponentials, powers, roots and logarithms are products and sums of which.

Nothing here is believed.  Each hint becomes a step of a proof that Coq checks; a wrong one leaves the lemma open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp

from symsched.certify.jets import jet_of, parts
from symsched.exact import split_exponent
from symsched.symbols import t

MOST_WORK = 400  # operations of what is factored


@dataclass(frozen=True)
class Product:
    """`before` is the product of powers: pairs of a base and a whole exponent.

    `bases` are what was factored on the way: (as it stands, factored).
    """

    before: sp.Expr
    factors: tuple[tuple[sp.Expr, int], ...]
    bases: tuple[tuple[sp.Expr, sp.Expr], ...]

    @property
    def idle(self) -> bool:
        """Whether it says nothing, or strays into complex numbers."""
        return self.factors == ((self.before, 1),) or any(base.has(sp.I) for base, _ in self.factors)


@dataclass(frozen=True)
class Total:
    """`before`, a logarithm, is the sum of the terms; `bases` as above."""

    before: sp.Expr
    after: sp.Expr
    bases: tuple[tuple[sp.Expr, sp.Expr], ...]

    @property
    def idle(self) -> bool:
        """As above."""
        return bool(self.after == self.before or self.after.has(sp.I))


def replacements(residual: sp.Expr) -> list[Product | Total]:
    """For each exponential, power with a symbolic exponent and logarithm: the same in units that all share."""
    found = list(dict.fromkeys(_transcendental(residual)))
    exponents = {one: dict(_exponent(one)) for one in found if not isinstance(one, sp.log)}
    units: dict[sp.Expr, sp.Rational] = {}
    for monomials in exponents.values():
        for monomial, c in monomials.items():
            units[monomial] = _common(units.get(monomial, sp.S.Zero), c)
    made: list[Product | Total] = []
    for one in found:
        if isinstance(one, sp.log):
            made.append(Total(one, _log(one.args[0]), tuple(_factored(one))))
        else:
            factors = tuple(_factor(m, c, units[m]) for m, c in exponents[one].items())
            made.append(Product(one, factors, tuple(_factored(one))))
    return [one for one in made if not one.idle]


def _factored(expr: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """The arguments of logarithms, and bases, that are products in disguise."""
    for part in parts(expr):
        inner = part.args[0] if isinstance(part, sp.log) else part.base if part.is_Pow else None
        if inner is not None and inner.free_symbols:
            product = sp.Mul(*(base**power for base, power in _factors(inner)))
            if product != inner:
                yield inner, product


def _transcendental(residual: sp.Expr) -> Iterator[sp.Expr]:
    for part in parts(residual):
        power = part.is_Pow and not part.exp.is_Integer and not part.is_number
        if isinstance(part, sp.exp) or power or (isinstance(part, sp.log) and part.args[0].free_symbols):
            yield part


def _exponent(power: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Rational]]:
    """e^(Σ c·m): the pairs (m, c)."""
    argument = power.exp if isinstance(power, sp.exp) else power.exp * sp.log(power.base)
    letters: dict[sp.Expr, sp.Dummy] = {}
    plain = _plain(sp.expand(_logs(argument)), letters)
    back = {letter: expr for expr, letter in letters.items()}
    for monomial, c in split_exponent(plain):
        yield monomial.xreplace(back), c


def _logs(expr: sp.Expr) -> sp.Expr:
    """Logarithms of products as sums of logarithms."""
    return expr.replace(lambda e: isinstance(e, sp.log), lambda e: _log(e.args[0]))


def _log(argument: sp.Expr) -> sp.Expr:
    """ln of a product as a sum."""
    total = sp.S.Zero
    for base, power in _factors(argument):
        total += power * (base.exp if isinstance(base, sp.exp) else 1 if base == sp.E else sp.log(base))
    return total


def _factors(expr: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """Bases and exponents of factors that are positive, as far as is quickly seen; else the whole as it is."""
    sign, found = sp.S.One, list[tuple[sp.Expr, sp.Expr]]()
    product = sp.factor(sp.together(expr)) if expr.count_ops() < MOST_WORK else expr
    for factor in sp.Mul.make_args(product):
        base, power = (factor, sp.S.One) if isinstance(factor, sp.exp) else factor.as_base_exp()
        if power.is_Integer and (base.is_negative or _below_zero(base)):
            sign, base = sign * (-1) ** power, -base
        if base != 1:
            found.append((base, power))
    return found if sign == 1 and not product.has(sp.I) else [(expr, sp.S.One)]


def _below_zero(expr: sp.Expr) -> bool:
    """A guess, at one point."""
    if not expr.is_Add or any(jet_of(e) for e in parts(expr)):
        return False
    value = sp.N(expr.subs({s: sp.Rational(37, 100) if s == t else sp.Rational(7, 10) for s in expr.free_symbols}))
    return bool(value.is_real and value < 0)


def _plain(expr: sp.Expr, letters: dict[sp.Expr, sp.Dummy]) -> sp.Expr:
    """A rational function of letters for everything that is none."""
    if expr.is_Rational:
        return expr
    if expr.is_Add or expr.is_Mul:
        return expr.func(*(_plain(a, letters) for a in expr.args))
    if expr.is_Pow and expr.exp.is_Integer:
        return _plain(expr.base, letters) ** expr.exp
    if expr.is_Symbol and jet_of(expr) is None:
        return letters.setdefault(expr, sp.Dummy(expr.name))
    return letters.setdefault(expr, sp.Dummy(f"u{len(letters)}"))


def _common(one: sp.Rational, other: sp.Rational) -> sp.Rational:
    """The largest number of which both are multiples."""
    return sp.Rational(sp.igcd(one.p * other.q, other.p * one.q), one.q * other.q)


def _factor(monomial: sp.Expr, c: sp.Rational, unit: sp.Rational) -> tuple[sp.Expr, int]:
    """e^(c m) as a whole power of e^(unit m)."""
    if isinstance(monomial, sp.log) and unit.q <= 2:
        return (monomial.args[0], int(c)) if unit.q == 1 else (sp.sqrt(monomial.args[0]), int(2 * c))
    return sp.exp(unit * monomial, evaluate=False), int(c / unit)
