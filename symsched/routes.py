"""The routes by which a formula is decided: exact normal forms, numbers at random points, proved signs.

Each takes what a check returned, labelled residuals, triples to compare or expressions with a sign, and gives one
`Outcome`: passed, refuted, or neither (an error), and what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from symsched.agreement import agree
from symsched.errors import InputError, clipped
from symsched.exact import Decision, Sign, decide_zero, sign_on_unit
from symsched.exhibit import Exhibit, Point
from symsched.pointwise import read
from symsched.residuals import expression, labelled, triples

__all__ = ["Outcome", "compare_all", "decide_all", "evaluated", "labelled", "prove_signs"]


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
    supposed: tuple[str, ...] = ()  # what a decision rests on beyond the declared assumptions


def decide_all(residuals: Mapping[str, sp.Expr]) -> Outcome:
    """The exact route: every normal form is 0.  One that is not refutes, also where another is undecided."""
    seen, supposed, open_ = list[Exhibit](), dict[str, None](), list[str]()
    for label, residual in residuals.items():
        decision = decide_zero(residual, bounded=False)
        seen.append(Exhibit(label, residual, decision.normal_form, decision.witness or ""))
        supposed |= dict.fromkeys(decision.hypotheses)
        if decision.zero is False:
            return Outcome("exact", False, _left(label, "=", decision), exhibits=tuple(seen))
        if decision.zero is None:
            open_.append(_left(label, "is undecided, it reduces to", decision))
    if open_:
        return Outcome("exact", False, "; ".join(open_[:3]), True, tuple(seen))
    detail = f"{len(residuals)} normal form{'s' * (len(residuals) != 1)} = 0"
    supposing = f", supposing {', '.join(supposed)}" if supposed else ""
    return Outcome("exact", True, detail + supposing, exhibits=tuple(seen), supposed=tuple(supposed))


def _left(label: str, verb: str, decision: Decision) -> str:
    witness = f" ({decision.witness})" if decision.witness else ""
    return f"{label} {verb} {clipped(decision.normal_form, 160)}{witness}"


def evaluated(residuals: Mapping[str, sp.Expr]) -> Outcome:
    """The numeric route: concrete functions, random points, 50 digits and more."""
    worst, open_ = 0.0, list[str]()
    for label, residual in residuals.items():
        found = read(residual)
        if found.zero is False:
            return Outcome("numeric", False, f"{label} {found.detail}")
        if found.zero is None:
            open_.append(f"{label} {found.detail}")
        worst = max(worst, found.size)
    if open_:
        return Outcome("numeric", False, "; ".join(open_[:3]), True)
    return Outcome("numeric", True, f"|residual| < {mpmath.nstr(worst + mpmath.mpf(10) ** -60, 2)} of its terms")


def compare_all(found: Any, tolerance: float) -> Outcome:
    """The numeric route on numbers: each value is the expected one, relative to its own size."""
    worst, seen, open_ = mpmath.mpf(0), list[Exhibit](), list[str]()
    for label, value, expected in triples(found, "(label, value, expected)"):
        said = agree(value, expected, tolerance)
        one, other = mpmath.nstr(said.value, 17), mpmath.nstr(said.expected, 17)
        note = mpmath.nstr(said.gap, 2)
        seen.append(Exhibit(label, mpmath.nstr(said.value, 30), mpmath.nstr(said.expected, 30), note))
        if said.same is False:
            detail = f"{label} is {one} instead of {other}, off by {note} of it"
            return Outcome("numeric", False, detail, exhibits=tuple(seen))
        if said.same is None:
            open_.append(f"{label} is undecided: {one} and {other} have no digit that is sure")
        worst = max(worst, said.gap)
    if open_:
        return Outcome("numeric", False, "; ".join(open_[:3]), True, tuple(seen))
    detail = f"agrees to {mpmath.nstr(worst + mpmath.mpf(10) ** -50, 2)}"
    return Outcome("numeric", True, detail, exhibits=tuple(seen))


SIGNS = ("positive", "nonnegative", "negative", "nonpositive")


def prove_signs(found: Any) -> Outcome:
    """The interval route: each expression has its sign on the whole of (0, 1)."""
    seen, methods, open_ = list[Exhibit](), dict[str, None](), list[str]()
    for label, expr, wanted in triples(found, "(label, expression, sign)"):
        if type(wanted) is not str or wanted not in SIGNS:  # a word of another class may be equal to all of them
            raise InputError(f"{label}: the sign {wanted!r} is not known; expected one of {', '.join(SIGNS)}")
        formula = expression(expr)
        sign = sign_on_unit(formula)
        seen.append(Exhibit(label, formula, sign.value, sign.method))
        if not _has(sign, wanted):
            where = f" at t = {sign.witness[0]:.6g}" if sign.witness else ""
            detail = f"{label} is {sign.value}{where}, not {wanted}"
            if _refuted(sign, wanted):
                return Outcome("interval", False, detail, exhibits=tuple(seen))
            open_.append(detail)
        methods[sign.method] = None
    if open_:
        return Outcome("interval", False, "; ".join(open_[:3]), True, tuple(seen))
    detail = f"{len(seen)} sign{'s' * (len(seen) != 1)} proved ({', '.join(sorted(methods))})"
    return Outcome("interval", True, detail, exhibits=tuple(seen))


def _has(sign: Sign, wanted: str) -> bool:
    own = -sign if wanted in ("negative", "nonpositive") else sign
    return own.positive if wanted in ("positive", "negative") else own.nonnegative


def _refuted(sign: Sign, wanted: str) -> bool:
    """Whether there is a t with another sign: "nonnegative" with no zero to show for it may still be positive."""
    own = -sign if wanted in ("negative", "nonpositive") else sign
    if own.value in ("negative", "mixed"):
        return True
    strict = wanted in ("positive", "negative")
    return (strict and own.value in ("zero", "nonpositive")) or (sign.witness is not None and not _has(sign, wanted))
