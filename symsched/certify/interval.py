"""Interval certificates: the sign of a formula on all of (0, 1), with the subdivision that proves it.

For each condition on a schedule a formula g of the same sign without denominators (N D for N/D) is shown positive:

- on pieces [a, b], by the ball g([a, b]) or by g(m) + g'([a, b])([a, b] − m), m the middle;
- next to an end, where g(s) = c s^m + … in s = u^(1/n), u the distance from the end: by a ball of the m-th Taylor
  coefficient over the whole of [0, δ].

The certificate holds the formula as a tape of operations, so that `check_signs.py`, which knows nothing of symsched,
can check it again.  A formula that is proved otherwise (`signs`), but not so, is "undecided" here.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import sympy as sp

from symsched.catalog import as_schedule
from symsched.certify import check_signs
from symsched.errors import InputError
from symsched.exact import PROBES, BeyondSeriesError, decide_zero, enclose, leading_term, sign_on_unit
from symsched.precision import alone, precision
from symsched.schedule import Schedule, as_expression
from symsched.symbols import t
from symsched.writing import whole

MAX_PIECES = 2000
REACHES = tuple(Fraction(1, 2**k) for k in (2, 4, 6, 10, 14))
MAX_ORDER = 12
SAME = {sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.atan: "atan"}
s = sp.Dummy("s", positive=True)


@dataclass(frozen=True)
class SignCertificate:
    """One condition: "proved" with its evidence, "refuted" with a witness, or "undecided"."""

    statement: str
    outcome: str
    how: str
    evidence: dict[str, Any] = field(default_factory=dict)


class _NoTapeError(Exception):
    """A node that the checker does not know."""


@alone
def certify_schedule(schedule: Schedule | str, rho: Any = 1) -> list[SignCertificate]:
    """α > 0, β > 0, d log r/dt > 0, ε* ≥ 0, dV/dt ≥ 0, each certified, refuted or undecided.

    Raises:
        InputError: the schedule has free parameters, or ρ is no number.
    """
    schedule = _with_numbers(schedule)
    spread = as_expression(rho, "rho")
    if not spread.is_number or not spread.is_positive:
        raise InputError(f"rho = {rho}: expected a positive number")
    conditions = (
        ("alpha > 0", schedule.alpha),
        ("beta > 0", schedule.beta),
        ("r increasing: d log r/dt > 0", schedule.log_r_dot),
        ("eps_star >= 0", schedule.eps_star),
        (f"V non-decreasing at rho = {spread}", schedule.variance(spread).diff(t)),
    )
    return [certify_sign(statement, expr) for statement, expr in conditions]


@alone
def certify_newton(schedule: Schedule | str) -> list[SignCertificate]:
    """t(1 − t) |λ̇| ≤ 4λ for λ = d log r/dt: the bound that the emitted Newton inverse rests on.

    With δ the error of τ relative to τ(1 − τ), a Newton step on log r leaves at most ½ sup |λ̇/λ| τ(1 − τ) δ² ≤ 2δ²
    (and a factor 1 + O(δ)): the two steps that follow δ = 10^-6 leave less than 10^-23.

    Raises:
        InputError: the schedule has free parameters.
    """
    schedule = _with_numbers(schedule)
    rate = schedule.log_r_dot
    terms = 4 * rate, t * (1 - t) * rate.diff(t)
    signs = {"4 lambda + t(1-t) dlambda/dt >= 0": 1, "4 lambda - t(1-t) dlambda/dt >= 0": -1}
    return [certify_sign(f"Newton: {text}", sp.together(terms[0] + sign * terms[1])) for text, sign in signs.items()]


def _with_numbers(given: Schedule | str) -> Schedule:
    schedule = as_schedule(given)
    if schedule.parameters:
        names = ", ".join(sorted(map(str, schedule.parameters)))
        raise InputError(f"{schedule}: {names} has no value; an interval certificate needs numbers")
    return schedule


def certify_sign(statement: str, expr: sp.Expr) -> SignCertificate:
    """The certificate that `expr` is positive on (0, 1); or zero, where the statement allows it."""
    try:
        if decide_zero(expr):
            strict = ">=" not in statement and "non-decreasing" not in statement
            return SignCertificate(statement, "refuted" if strict else "proved", "identically 0", {"zero": True})
        sign = sign_on_unit(expr)
    except InputError as error:
        return SignCertificate(statement, "undecided", str(error))
    where = None if sign.nonnegative else _negative(expr)
    if where is not None:
        how = f"{where['value']:.4g} at t = {where['t']}"
        return SignCertificate(statement, "refuted", how, {"witness": where})
    with precision(check_signs.BITS, check_signs.TERMS):
        evidence = _evidence(expr)
    if evidence is None:
        known = f"no subdivision found; {sign.value} by {sign.method}" if sign.decided else "no subdivision found"
        return SignCertificate(statement, "undecided", known)
    return SignCertificate(statement, "proved", f"{len(evidence['pieces'])} pieces, Taylor at the ends", evidence)


def _negative(expr: sp.Expr) -> dict[str, Any] | None:
    """A rational time at which a ball shows that the formula is negative."""
    for probe in PROBES:
        ball = enclose(expr, {t: probe}, 256)
        if ball < 0:
            return {"t": str(probe), "value": float(ball.mid())}
    return None


def _evidence(expr: sp.Expr) -> dict[str, Any] | None:
    """The tape, the pieces and the ends, if they are found."""
    try:
        formula = _without_denominators(expr)
        low, high = _end(formula.subs(t, s)), _end(formula.subs(t, 1 - s))
        if low is None or high is None:
            return None
        written = _tape(formula, t)
        edges = Fraction(low["reach"]) ** low["root"], 1 - Fraction(high["reach"]) ** high["root"]
        pieces = list(_pieces(written, *edges))
    except (_NoTapeError, BeyondSeriesError, InputError, ValueError, ZeroDivisionError):
        return None
    found = {"formula": str(formula), "tape": written, "pieces": pieces, "low": low, "high": high}
    return found if check_signs.proved(found) else None


def _without_denominators(expr: sp.Expr) -> sp.Expr:
    """N D for expr = N/D: of the same sign, and finite where expr has a pole; a root is as positive as its base."""
    expr = sp.Mul(*(f.base if f.is_Pow and f.exp.is_Rational and f.exp > 0 else f for f in sp.Mul.make_args(expr)))
    plain = expr.rewrite((sp.tan, sp.cot, sp.sec, sp.csc), sp.cos).rewrite((sp.sinh, sp.cosh, sp.tanh), sp.exp)
    above, below = sp.fraction(sp.together(sp.powsimp(plain)))
    return above * below


def _end(near: sp.Expr) -> dict[str, Any] | None:
    """How the formula is positive for s in (0, δ], s^n the distance from the end."""
    roots = [p.exp.q for p in near.atoms(sp.Pow) if p.exp.is_Rational and not p.exp.is_Integer and p.base == s]
    root = math.lcm(*(int(q) for q in roots)) if roots else 1
    formula = sp.powdenest(near.subs(s, s**root), force=True)
    order, _ = leading_term(formula, s)
    if not order.is_Integer or not 0 <= order <= MAX_ORDER:
        return None
    written = _tape(formula, s)
    for reach in REACHES:
        if check_signs.end(written, int(order), str(reach)):
            return {"root": root, "order": int(order), "reach": str(reach), "tape": written}
    return None


def _pieces(written: list[list[Any]], low: Fraction, high: Fraction) -> Iterator[list[str]]:
    """Bisection, from left to right, until balls show the sign on each piece."""
    waiting, budget = [(low, high)], MAX_PIECES
    while waiting:
        a, b = waiting.pop()
        budget -= 1
        if budget < 0:
            raise _NoTapeError
        if check_signs.positive(written, str(a), str(b)):
            yield [str(a), str(b)]
        else:
            middle = (a + b) / 2
            waiting += [(middle, b), (a, middle)]


# -- tapes -----------------------------------------------------------------------------------------------------


def _tape(expr: sp.Expr, symbol: sp.Symbol) -> list[list[Any]]:
    """The formula as operations on earlier entries.

    Raises:
        _NoTapeError: a function that the checker does not know.
    """
    tape: list[list[Any]] = []
    places: dict[sp.Expr, int] = {}

    def entry(*operation: Any) -> int:
        tape.append(list(operation))
        return len(tape) - 1

    def place(node: sp.Expr) -> int:
        if node not in places:
            places[node] = _operation(node, symbol, place, entry)
        return places[node]

    place(expr)
    return tape


def _operation(node: sp.Expr, symbol: sp.Symbol, place: Any, entry: Any) -> int:
    if node == symbol:
        return entry("t")
    if node == sp.pi:
        return entry("pi")
    if node.is_Rational:
        return entry(str(node))
    if isinstance(node, sp.exp) or node == sp.E:
        return entry("exp", place(node.exp if node != sp.E else sp.S.One))
    if node.is_Add or node.is_Mul:
        index = place(node.args[0])
        for arg in node.args[1:]:
            index = entry("add" if node.is_Add else "mul", index, place(arg))
        return index
    if node.is_Pow and node.exp == sp.S.Half:
        return entry("sqrt", place(node.base))
    if node.is_Pow and node.exp.is_Rational:
        return entry("power", place(node.base), int(node.exp) if node.exp.is_Integer else str(node.exp))
    if node.is_Pow:
        return place(sp.exp(node.exp * sp.log(node.base), evaluate=False))
    if node.func in SAME:
        return entry(SAME[node.func], place(node.args[0]))
    raise _NoTapeError


# -- files -----------------------------------------------------------------------------------------------------


def document(found: list[SignCertificate]) -> dict[str, Any]:
    """The JSON form: {"certificates": […]}."""
    rows = [{"statement": c.statement, "outcome": c.outcome, "how": c.how, **c.evidence} for c in found]
    return {"certificates": rows}


def write(found: list[SignCertificate], folder: str) -> Path:
    """signs.json in the folder, whole or not at all, and the checker beside it.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with whole(Path(folder, "signs.json")) as file:
            json.dump(document(found), file, indent=1)
        shutil.copyfile(check_signs.__file__, Path(folder, "check_signs.py"))
    except OSError as error:
        raise InputError(f"-o {folder}: certificates cannot be written there ({error.strerror})") from None
    return Path(folder, "signs.json")
