"""The routes by which a formula is decided: exact normal forms, 50 digits at random points, proved signs.

Each takes what a check returned, labelled residuals, triples to compare or expressions with a sign, and gives one
`Outcome`: passed or not, and what was seen.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.exhibit import Exhibit, Point
from symsched.normalform import decide_zero
from symsched.rewriter import as_jet
from symsched.signs import sign_on_unit

DIGITS = 50
SLACK = 8  # digits lost to rounding in a residual that is evaluated with 10 guard digits
POINTS = 3


@dataclass(frozen=True)
class Outcome:
    """The result of one route on one check: passed, or not, and what was seen.

    `error` marks a failure that refutes nothing: the question was left undecided, or the check itself broke.
    """

    route: str
    passed: bool
    detail: str
    error: bool = False
    exhibits: tuple[Exhibit, ...] = ()
    points: tuple[Point, ...] = ()
    false_positive: float = 0.0


def labelled(found: Any) -> dict[str, sp.Expr]:
    """The residuals that a step returned, by name: one expression, several, a matrix or a mapping."""
    if isinstance(found, Mapping):
        return {str(label): sp.sympify(residual, strict=True) for label, residual in found.items()}
    if isinstance(found, sp.MatrixBase):
        found = list(found)
    if isinstance(found, (list, tuple)):
        return {f"residual {k + 1}": sp.sympify(residual, strict=True) for k, residual in enumerate(found)}
    return {"residual": sp.sympify(found, strict=True)}


def decide_all(residuals: Mapping[str, sp.Expr]) -> Outcome:
    """The exact route: every normal form is 0."""
    seen: list[Exhibit] = []
    for label, residual in residuals.items():
        decision = decide_zero(residual, bounded=False)
        seen.append(Exhibit(label, residual, decision.normal_form, decision.witness or ""))
        if not decision:
            kind = "is undecided, it reduces to" if decision.zero is None else "="
            witness = f" ({decision.witness})" if decision.witness else ""
            detail = f"{label} {kind} {_clip(decision.normal_form)}{witness}"
            return Outcome("exact", False, detail, decision.zero is None, tuple(seen))
    detail = f"{len(residuals)} normal form{'s' * (len(residuals) != 1)} = 0"
    return Outcome("exact", True, detail, exhibits=tuple(seen))


def evaluated(residuals: Mapping[str, sp.Expr]) -> Outcome:
    """The numeric route: concrete functions, random points, 50 digits."""
    worst = mpmath.mpf(0)
    for label, residual in residuals.items():
        size = max(_relative_sizes(residual))
        worst = max(worst, size)
        if not size < mpmath.mpf(10) ** (SLACK - DIGITS):
            return Outcome("numeric", False, f"{label} is {mpmath.nstr(size, 3)} of its terms at a random point")
    return Outcome("numeric", True, f"|residual| < {mpmath.nstr(worst + mpmath.mpf(10) ** -DIGITS, 2)}")


def _relative_sizes(residual: sp.Expr) -> list[mpmath.mpf]:
    """|residual| relative to the largest of its terms, at each random point."""
    jets: dict[sp.Expr, _Jet] = {}
    expr = _flatten(residual.doit(), jets)
    terms = sp.Add.make_args(sp.expand_mul(expr)) if expr.count_ops() < 400 else sp.Add.make_args(expr)
    symbols = sorted(residual.free_symbols, key=str)
    evaluate = sp.lambdify([*symbols, *(jet.letter for jet in jets.values())], [expr, *terms], "mpmath")
    sizes = []
    with mpmath.workdps(DIGITS + 10):
        for k in range(POINTS):
            point = {s: _coordinate(str(s), k) for s in symbols}
            for jet in jets.values():
                point[jet.letter] = jet.at(point)
            total, *parts = (abs(mpmath.mpmathify(v)) for v in evaluate(*point.values()))
            sizes.append(total / max([*parts, mpmath.mpf(1)]))
    return sizes


@dataclass(frozen=True)
class _Jet:
    """A derivative of an undefined function, at arguments written in symbols and letters of earlier jets."""

    letter: sp.Dummy
    name: str
    orders: tuple[int, ...]
    args: tuple[sp.Expr, ...]

    def at(self, point: Mapping[sp.Symbol, mpmath.mpf]) -> mpmath.mpf:
        """Its value when the function is 3/2 + sin(φ)/2 + exp(−φ)/3 with a phase φ linear in the arguments."""
        seeds = [zlib.crc32(f"{self.name}:{i}".encode()) % 97 + 3 for i in range(len(self.args) + 1)]
        phase, slopes = mpmath.mpf(seeds[-1]) / 40, mpmath.mpf(1)
        for seed, order, arg in zip(seeds, self.orders, self.args, strict=False):
            place = point[arg] if arg in point else sp.lambdify(list(point), arg, "mpmath")(*point.values())
            phase += mpmath.mpf(seed) / 61 * place
            slopes *= (mpmath.mpf(seed) / 61) ** order
        order = sum(self.orders)
        wave = mpmath.sin(phase + order * mpmath.pi / 2) / 2 + (-1) ** order * mpmath.exp(-phase) / 3
        return slopes * (wave + mpmath.mpf(3) / 2 * (order == 0))


def _flatten(expr: sp.Expr, jets: dict[sp.Expr, _Jet]) -> sp.Expr:
    """`expr` with a letter for each jet, inner ones first; `jets` collects what the letters stand for."""
    found = as_jet(expr)
    if found is not None:
        head, orders, args = found
        if expr not in jets:
            inner = tuple(_flatten(arg, jets) for arg in args)
            jets[expr] = _Jet(sp.Dummy(f"u{len(jets)}"), str(head), orders, inner)
        return jets[expr].letter
    if not expr.has(AppliedUndef):
        return expr
    return expr.func(*(_flatten(arg, jets) for arg in expr.args))


def _coordinate(name: str, k: int) -> mpmath.mpf:
    """A number in (0.1, 0.9) that depends on the name alone, so that runs repeat."""
    with mpmath.workdps(DIGITS + 10):
        return mpmath.mpf(1) / 10 + mpmath.mpf(zlib.crc32(f"{name}/{k}".encode()) % 79_999) / 100_000


def compare_all(triples: Iterable[tuple[str, Any, Any]], tolerance: float) -> Outcome:
    """The numeric route on numbers: each value is the expected one."""
    worst, seen = mpmath.mpf(0), list[Exhibit]()
    for label, value, expected in triples:
        with mpmath.workdps(DIGITS + 10):
            one, other = _number(value), _number(expected)
            gap = abs(one - other) / max(1, abs(other))
        worst = max(worst, gap)
        seen.append(Exhibit(label, mpmath.nstr(one, 30), mpmath.nstr(other, 30), mpmath.nstr(gap, 2)))
        if not gap <= tolerance:
            shown = f"{mpmath.nstr(one, 17)} instead of {mpmath.nstr(other, 17)}"
            return Outcome("numeric", False, f"{label} is {shown}", exhibits=tuple(seen))
    detail = f"agrees to {mpmath.nstr(worst + mpmath.mpf(10) ** -DIGITS, 2)}"
    return Outcome("numeric", True, detail, exhibits=tuple(seen))


def _number(value: Any) -> Any:
    if value in (sp.oo, -sp.oo):
        return mpmath.mpf("inf" if value == sp.oo else "-inf")
    if isinstance(value, sp.Basic):
        return mpmath.mpmathify(sp.N(value, DIGITS + 10))
    return mpmath.mpmathify(value)


def prove_signs(triples: Iterable[tuple[str, sp.Expr, str]]) -> Outcome:
    """The interval route: each expression has its sign on the whole of (0, 1)."""
    seen, methods = list[Exhibit](), set[str]()
    for label, expr, wanted in triples:
        sign = sign_on_unit(expr)
        seen.append(Exhibit(label, sp.sympify(expr, strict=True), sign.value, sign.method))
        if not (sign.positive if wanted == "positive" else sign.nonnegative):
            where = f" at t = {sign.witness[0]:.6g}" if sign.witness else ""
            detail = f"{label} is {sign.value}{where}, not {wanted}"
            return Outcome("interval", False, detail, not sign.decided, tuple(seen))
        methods |= {sign.method}
    detail = f"{len(seen)} signs proved ({', '.join(sorted(methods))})"
    return Outcome("interval", True, detail, exhibits=tuple(seen))


def _clip(expr: sp.Expr, width: int = 160) -> str:
    text = str(expr)
    return text if len(text) <= width else text[: width - 1] + "…"
