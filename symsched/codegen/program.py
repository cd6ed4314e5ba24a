"""The emitted module before it has a language: functions of named, stable forms and the limits at the ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symsched.codegen.ieee import ORDERS, evaluate
from symsched.codegen.quantities import Quantity, Workshop
from symsched.codegen.ranges import grouped

PAIR = frozenset((sp.Symbol("t"), sp.Symbol("u")))


@dataclass(frozen=True)
class Output:
    """A returned quantity; `ends` are the limits that the formula alone does not give (None: it does)."""

    quantity: Quantity
    ends: tuple[sp.Expr | None, sp.Expr | None]

    @property
    def name(self) -> str:
        return str(self.quantity.name)


@dataclass(frozen=True)
class Function:
    """One emitted function of t and of `parameters`: lines of (name, form) in order, then what is returned."""

    name: str
    summary: str
    parameters: tuple[sp.Symbol, ...]
    lines: tuple[tuple[sp.Symbol, sp.Expr], ...]
    outputs: tuple[Output, ...]
    implicit: bool = False  # τ comes from the Newton inverse
    times: tuple[str, ...] = ("t",)  # a step has two
    covered: tuple[float, float] | None = None  # the times that a truncated source reaches, if not all


def function(name: str, summary: str, shop: Workshop, wanted: Sequence[sp.Symbol]) -> Function:
    """The function that returns the quantities `wanted`, with exactly the lines that they need."""
    needed = _needed(shop, wanted)
    lines = grouped(_shared([(q.name, q.form) for q in shop.made.values() if q.name in needed and q.form != q.name]))
    local = {symbol for symbol, _ in lines}
    free = set().union(*(form.free_symbols for _, form in lines)) - local - PAIR
    implicit = bool(free & IMPLICIT) or bool({plain(w) for w in wanted} & IMPLICIT and shop.implicit)
    covered = shop.covered if needed & shop.of_source else None
    ends = {w: shop.made[w].ends if implicit else _missing(shop.made[w], lines) for w in wanted}
    if covered is not None:  # it says NaN at such an end anyway
        ends = {w: (None if a is sp.nan else a, None if b is sp.nan else b) for w, (a, b) in ends.items()}
    outputs = tuple(Output(shop.made[w], ends[w]) for w in wanted)
    free -= IMPLICIT
    if implicit:
        free |= {plain(p) for p in shop.parameters if p.name != "kappa"}
    for output in outputs:
        free |= {plain(s) for e in output.ends if e is not None for s in e.free_symbols}
    return Function(
        name, summary, tuple(sorted(free, key=_kappa_last)), tuple(lines), outputs, implicit, covered=covered
    )


def _kappa_last(symbol: sp.Symbol) -> tuple[bool, str]:
    return symbol.name == "kappa", symbol.name


DISTANCES = ("inverse_r", "near_above", "near_below")  # what the Newton inverse is given besides α and β
IMPLICIT = frozenset((sp.Symbol("tau"), sp.Symbol("tau_left")))


def _needed(shop: Workshop, wanted: Sequence[sp.Symbol]) -> set[sp.Symbol]:
    found, todo = set(), list(wanted)
    while todo:
        symbol = todo.pop()
        if symbol in shop.made and symbol not in found:
            found.add(symbol)
            todo += shop.made[symbol].form.free_symbols
            if plain(symbol) in IMPLICIT:
                todo += [sp.Symbol("alpha", positive=True), sp.Symbol("beta", positive=True)]
                todo += [s for s in shop.made if s.name in DISTANCES]
    return found


def _shared(lines: list[tuple[sp.Symbol, sp.Expr]]) -> list[tuple[sp.Symbol, sp.Expr]]:
    """What several lines compute is computed once; a form that is a name already is used by that name."""
    known: dict[sp.Expr, sp.Symbol] = {}
    named = []
    for symbol, form in lines:
        short = form.xreplace({k: v for k, v in known.items() if form.has(k)})
        named.append((symbol, short))
        if not form.is_Atom and form.free_symbols and not form.is_Symbol:
            known[form] = symbol
    held: dict[sp.Expr, sp.Symbol] = {}
    forms = [_constants_held(_plain(form), held) for _, form in named]
    helpers, reduced = sp.cse(forms, symbols=(sp.Symbol(f"w{k}") for k in range(1, 200)), order="none")
    back = {letter: constant for constant, letter in held.items()}
    helpers = [(s, form.xreplace(back)) for s, form in helpers]
    reduced = [form.xreplace(back) for form in reduced]
    result: list[tuple[sp.Symbol, sp.Expr]] = []
    pending = list(helpers)
    for (full, _), form in zip(named, reduced, strict=True):
        symbol = plain(full)
        ready = {s for s, _ in result}
        pending = _flush(pending, form, ready, result)
        result.append((symbol, form))
    return result


def _constants_held(form: sp.Expr, held: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """The form with its irrational constants, as large as they go, as letters: nothing of them is left to run time."""
    if form.is_Symbol or form.is_Rational or form.is_Float:
        return form
    if not form.free_symbols:
        return held.setdefault(form, sp.Dummy(f"c{len(held)}"))
    if form.is_Add or form.is_Mul:
        constant, moving = form.as_independent(*form.free_symbols, as_Add=form.is_Add)
        parts = [_constants_held(part, held) for part in form.func.make_args(moving)]
        return form.func(_constants_held(constant, held), *parts)
    args = [_constants_held(a, held) for a in form.args]
    return sp.exp(args[-1]) if isinstance(form, sp.exp) else form.func(*args)


def _flush(
    pending: list[tuple[sp.Symbol, sp.Expr]],
    form: sp.Expr,
    ready: set[sp.Symbol],
    result: list[tuple[sp.Symbol, sp.Expr]],
) -> list[tuple[sp.Symbol, sp.Expr]]:
    """Append the helpers that `form` needs (and theirs), just before it."""
    table = dict(pending)
    needed: set[sp.Symbol] = set()
    todo = [s for s in form.free_symbols if s in table]
    while todo:
        symbol = todo.pop()
        if symbol not in needed and symbol not in ready:
            needed.add(symbol)
            todo += [s for s in table[symbol].free_symbols if s in table]
    result += [(s, e) for s, e in pending if s in needed]
    return [(s, e) for s, e in pending if s not in needed]


def _plain(form: sp.Expr) -> sp.Expr:
    """The form in letters without assumptions: √t √u is then one root, √(t u), and stays one, as does √a/√b."""
    bare = sp.powsimp(form.xreplace({s: plain(s) for s in form.free_symbols}), combine="base", force=True)
    return bare.replace(lambda e: e.is_Mul, _one_root)


def _one_root(product: sp.Mul) -> sp.Expr:
    roots = [f for f in product.args if f.is_Pow and abs(f.exp) == sp.S.Half and f.free_symbols]
    if len({f.exp for f in roots}) < 2:
        return product
    inside = sp.Mul(*[f.base ** (2 * f.exp) for f in roots])
    return sp.Mul(*[f for f in product.args if f not in roots]) * sp.sqrt(inside)


def plain(symbol: sp.Symbol) -> sp.Symbol:
    """The bare letter, as emitted code knows it."""
    return sp.Symbol(symbol.name)


def _missing(quantity: Quantity, lines: list[tuple[sp.Symbol, sp.Expr]]) -> tuple[sp.Expr | None, sp.Expr | None]:
    """The limits that plain evaluation at t = 0 or 1 does not give."""
    missing = []
    for end, limit in enumerate(quantity.ends):
        missing.append(None if limit is None or _gives(limit, quantity.name, end, lines) else limit)
    return missing[0], missing[1]


def _gives(limit: sp.Expr, wanted: sp.Symbol, end: int, lines: list[tuple[sp.Symbol, sp.Expr]]) -> bool:
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
            results.append(_near(found, target) if limit.free_symbols else found == target)
    return all(results)


def _near(one: float, other: float) -> bool:
    return one == other or (other != 0 and abs(one - other) <= 4e-16 * abs(other))
