"""Checks signs.json, written by `symsched certify --schedule`, with python-flint alone: `python check_signs.py FILE`.

A formula is a tape of operations on earlier entries.  It is proved positive on (0, 1) when balls show it on pieces
that leave no gap between the ends, and next to an end by Taylor's theorem, after m coefficients that are 0.
"""

import json
import sys
from fractions import Fraction
from typing import Any

from flint import arb, arb_series, ctx, fmpq

BITS, TERMS = 256, 2


def ball(text: Any) -> Any:
    ratio = Fraction(text)
    return arb(fmpq(ratio.numerator, ratio.denominator))


def run(tape: Any, x: Any) -> Any:
    """The formula at x: a power series of balls."""
    value: list[Any] = []
    given: Any = {"t": lambda: x, "pi": lambda: arb_series([arb.pi()])}
    for op, *args in tape:
        a: Any = value[args[0]] if args and isinstance(args[0], int) else None
        if op in ("exp", "log", "sin", "cos", "sqrt", "atan"):
            value.append(getattr(a, op)())
        elif op == "power":
            value.append(a ** args[1] if isinstance(args[1], int) else (a.log() * ball(args[1])).exp())
        elif op in ("add", "mul"):
            b = value[args[1]]
            value.append(a + b if op == "add" else a * b)
        else:
            value.append(given[op]() if op in given else arb_series([ball(op)]))
    return value[-1]


def positive(tape: Any, low: str, high: str) -> bool:
    """On [low, high]: by its value there, or by its value in the middle and its slope."""
    whole, middle = ball(low).union(ball(high)), ball((Fraction(low) + Fraction(high)) / 2)
    over, at = run(tape, arb_series([whole, 1])), run(tape, arb_series([middle]))
    return bool(over[0] > 0 or at[0] + over[1] * (whole - middle) > 0)


def end(tape: Any, order: int, reach: str) -> bool:
    """On (0, reach]: coefficients below `order` are 0 as far as balls tell, and that of `order` is positive."""
    ctx.cap = order + 1
    exact, over = run(tape, arb_series([0, 1])), run(tape, arb_series([ball(0).union(ball(reach)), 1]))
    ctx.cap = TERMS
    return all(exact[k].contains(0) and exact[k].rad() < 1e-60 for k in range(order)) and bool(over[order] > 0)


def same(one: Any, other: Any, there: Any) -> bool:
    """Whether two tapes may be one formula, at points t = there(s)."""
    points = [arb(k) / 64 for k in (1, 5, 23, 40)]
    gaps = [run(one, arb_series([there(s)]))[0] - run(other, arb_series([s]))[0] for s in points]
    return all(gap.contains(0) and gap.rad() < 1e-60 for gap in gaps)


def proved(certificate: Any) -> bool:
    """Whether the certificate proves that its formula is positive on (0, 1)."""
    found = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = BITS, TERMS
    try:
        return _proved(certificate)
    finally:
        ctx.prec, ctx.cap = found


def _proved(certificate: Any) -> bool:
    tape, pieces, low, high = (certificate[key] for key in ("tape", "pieces", "low", "high"))
    edges = [Fraction(low["reach"]) ** low["root"], 1 - Fraction(high["reach"]) ** high["root"]]
    chain = [edges[0], *(Fraction(b) for _, b in pieces)]
    joined = all(Fraction(a) == before for (a, _), before in zip(pieces, chain, strict=False)) and chain[-1] == edges[1]
    at_ends = all(end(side["tape"], side["order"], side["reach"]) for side in (low, high))
    at_ends = at_ends and same(tape, low["tape"], lambda s: s ** low["root"])
    at_ends = at_ends and same(tape, high["tape"], lambda s: 1 - s ** high["root"])
    return joined and at_ends and all(positive(tape, a, b) for a, b in pieces)


if __name__ == "__main__":
    bad = 0
    with open(sys.argv[1], encoding="utf-8") as file:
        certificates = json.load(file)["certificates"]
    for one in certificates:
        claimed = one["outcome"] == "proved"
        outcome = one["outcome"] if not claimed else "identically 0, not checked here" if "zero" in one else "confirmed"
        if claimed and "zero" not in one and not proved(one):
            outcome, bad = "WRONG", bad + 1
        print(f"{one['statement']}: {outcome}")
    sys.exit(bad > 0)
