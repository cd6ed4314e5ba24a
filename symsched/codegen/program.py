"""The emitted module before it has a language: functions of named, stable forms and the limits at the ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from symsched.codegen.lines import Lines, plain, shared, tidied
from symsched.codegen.quantities import Ends, Ledger, Quantity, alpha, beta
from symsched.codegen.stable import ORDERS, evaluate, grouped

PAIR = frozenset((sp.Symbol("t"), sp.Symbol("u")))


@dataclass(frozen=True)
class Output:
    """A returned quantity; `ends` are the limits that the formula alone does not give (None: it does)."""

    quantity: Quantity
    ends: Ends

    @property
    def name(self) -> str:
        return str(self.quantity.name)


@dataclass(frozen=True)
class Routine:
    """One emitted function of t and of `parameters`: lines of (name, form) in order, then what is returned."""

    name: str
    summary: str
    parameters: tuple[sp.Symbol, ...]
    lines: tuple[tuple[sp.Symbol, sp.Expr], ...]
    outputs: tuple[Output, ...]
    implicit: bool = False  # τ comes from the Newton inverse
    times: tuple[str, ...] = ("t",)  # a step has two
    covered: tuple[float, float] | None = None  # the times that a truncated source reaches, if not all

    def tidied(self) -> Routine:
        return replace(self, lines=tuple(tidied(self.lines)))


def routine(name: str, summary: str, ledger: Ledger, wanted: Sequence[sp.Symbol]) -> Routine:
    """The function that returns the quantities `wanted`, with exactly the lines that they need."""
    needed = _needed(ledger, wanted)
    lines = grouped(shared([(q.name, q.form) for q in ledger.made.values() if q.name in needed and q.form != q.name]))
    local = {symbol for symbol, _ in lines}
    free = set().union(*(form.free_symbols for _, form in lines)) - local - PAIR
    implicit = bool(free & IMPLICIT) or bool({plain(w) for w in wanted} & IMPLICIT and ledger.implicit)
    covered = ledger.covered if needed & ledger.of_source else None
    ends = {w: ledger.made[w].ends if implicit else _missing(ledger.made[w], lines) for w in wanted}
    if covered is not None:  # it says NaN at such an end anyway
        ends = {w: (None if a is sp.nan else a, None if b is sp.nan else b) for w, (a, b) in ends.items()}
    outputs = tuple(Output(ledger.made[w], ends[w]) for w in wanted)
    free -= IMPLICIT
    if implicit:
        free |= {plain(p) for p in ledger.parameters if p.name != "kappa"}
    for output in outputs:
        free |= {plain(s) for e in output.ends if e is not None for s in e.free_symbols}
    return Routine(name, summary, kappa_last(free), tuple(lines), outputs, implicit, covered=covered)


def kappa_last(symbols: Iterable[sp.Symbol]) -> tuple[sp.Symbol, ...]:
    return tuple(sorted(symbols, key=lambda symbol: (symbol.name == "kappa", symbol.name)))


DISTANCES = ("inverse_r", "near_above", "near_below")  # what the Newton inverse is given besides α and β
IMPLICIT = frozenset((sp.Symbol("tau"), sp.Symbol("tau_left")))


def _needed(ledger: Ledger, wanted: Sequence[sp.Symbol]) -> set[sp.Symbol]:
    found, todo = set(), list(wanted)
    while todo:
        symbol = todo.pop()
        if symbol in ledger.made and symbol not in found:
            found.add(symbol)
            todo += ledger.made[symbol].form.free_symbols
            if plain(symbol) in IMPLICIT:
                todo += [alpha, beta, *(s for s in ledger.made if s.name in DISTANCES)]
    return found


def _missing(quantity: Quantity, lines: Lines) -> Ends:
    """The limits that plain evaluation at t = 0 or 1 does not give."""
    given = [limit is None or _gives(limit, quantity.name, end, lines) for end, limit in enumerate(quantity.ends)]
    return None if given[0] else quantity.ends[0], None if given[1] else quantity.ends[1]


def _gives(limit: sp.Expr, wanted: sp.Symbol, end: int, lines: Lines) -> bool:
    at = {"t": float(end), "u": 1.0 - end, "tau": float(end), "tau_left": 1.0 - end}
    local = {symbol.name for symbol, _ in lines}
    known = {s.name for form in (limit, *(f for _, f in lines)) for s in form.free_symbols}
    free = known - set(at) - local
    if isinstance(limit, sp.Piecewise):
        return False
    results = []
    # At κ = 0 a product such as κ/t is no longer infinite but 0·∞.
    kappas = (0.0, 0.75, 1.0, 1.625) if "kappa" in free else (0.75, 0.75)
    for sample, at_kappa in zip((0.75, 1.625, 0.875, 1.25), kappas, strict=False):
        given = {**at, **{s: sample + k / 8 for k, s in enumerate(sorted(free))}, "kappa": at_kappa}
        for order in ORDERS:  # a printer, or a compiler, may have another than this one
            values = dict(given)
            for symbol, form in lines:
                values[symbol.name] = evaluate(form, values, order)
            target, found = evaluate(limit, values), values[wanted.name]
            near = limit.free_symbols and target != 0 and abs(found - target) <= 4e-16 * abs(target)
            results.append(found == target or bool(near))
    return all(results)
