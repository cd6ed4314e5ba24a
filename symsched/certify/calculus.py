"""Derivatives as lemmas: SymPy's derivative is the derivative, by Coquelicot's `auto_derive`.

Undefined functions stay functions R -> R (or R -> R -> R), supposed differentiable where they are used; powers that
are not whole are exp(e ln b), roots are `sqrt`, and the conditions under which these are smooth are hypotheses.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.certify.algebra import Lemma
from symsched.certify.coq import QUOTIENTS, Names, Printer, UnsupportedError
from symsched.certify.trace import Derivative
from symsched.rewriter import as_jet
from symsched.symbols import t


def derivative_lemma(name: str, taken: Derivative) -> Lemma:
    """The lemma that `taken.result` is the derivative of `taken.expr`.

    Raises:
        UnsupportedError: a function that Coquelicot does not differentiate, or a field that moves in two arguments.
    """
    printer = Printer(Names())
    moving = printer.text(taken.symbol)
    body, result = printer.text(taken.expr), printer.text(taken.result)
    jets = list(_jets(taken, printer))
    symbols = sorted(taken.expr.free_symbols | taken.result.free_symbols | {taken.symbol}, key=str)
    # Letters are bound after the functions, whose names were given while printing.
    hypotheses = list(dict.fromkeys([*_signs(symbols, printer), *jets, *_domain(taken, printer)]))
    kinds = [f"({n} : {'R -> ' * arity}R)" for n, arity in printer.functions.items()]
    letters = " ".join(printer.text(s) for s in symbols)
    binder = f"forall {' '.join(kinds)} ({letters} : R)"
    goal = f"is_derive (fun {moving} : R => {body}) {moving} {result}"
    statement = f"{binder},\n  " + "".join(f"{h} ->\n  " for h in hypotheses) + goal
    about = f"d/d{taken.symbol} {taken.expr} = {taken.result}"
    return Lemma(name, about, statement, tuple(_proof(taken, printer)), hypotheses=tuple(hypotheses))


def _proof(taken: Derivative, printer: Printer) -> Iterator[str]:
    """Roots become letters whose squares are known."""
    powers = {p for e in (taken.expr, taken.result) for p in e.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q == 2}
    radicands = sorted({p.base for p in powers if p.base.free_symbols}, key=lambda b: (-b.count_ops(), str(b)))
    for base in radicands:
        if any(p.exp.is_negative for p in base.atoms(sp.Pow)):
            raise UnsupportedError(f"the root of a quotient {base}")
    yield "intros; differentiate"
    for k, base in enumerate(radicands):
        yield f"root {printer.text(base)} as Root{k}"
    squares = " ".join(f"Root{k}" for k in range(len(radicands)))
    if taken.expr.has(*QUOTIENTS.keys()) or taken.result.has(*QUOTIENTS.keys()):
        yield "angle Circle"
        squares += " Circle"
    by_squares = f" | ring [{squares}] | field [{squares}]; side" if squares else ""
    closing = f"field [{squares.strip()}]; side" if squares else "field; side"
    by_exponentials = f" | doubles; {closing} | as_supposed exp; doubles; {closing}" if taken.expr.has(sp.exp) else ""
    yield f"first [ring | field; side{by_squares}{by_exponentials}]"


def _signs(symbols: list[sp.Symbol], printer: Printer) -> Iterator[str]:
    for s in symbols:
        if s.is_positive:
            yield f"0 < {printer.text(s)}"
        elif s.is_nonnegative:
            yield f"0 <= {printer.text(s)}"
        if s == t:
            yield f"{printer.text(s)} < 1"


def _jets(taken: Derivative, printer: Printer) -> Iterator[str]:
    """Each undefined function that moves has its derivative where it is used, and the positive ones are positive."""
    for jet in sorted((e for e in sp.preorder_traversal(taken.expr) if as_jet(e)), key=str):
        found = as_jet(jet)
        assert found is not None
        function, orders, args = found
        if isinstance(jet, AppliedUndef) and jet.is_positive:
            yield f"0 < {printer.text(jet)}"
        slots = [k for k, arg in enumerate(args) if arg.has(taken.symbol)]
        if len(slots) > 1:
            raise UnsupportedError(f"{function} moves in {len(slots)} arguments at once: {jet}")
        for k in slots:
            higher = tuple(n + (i == k) for i, n in enumerate(orders))
            yield _differentiable(printer, str(function), orders, higher, args, k)


def _differentiable(
    printer: Printer, name: str, orders: tuple[int, ...], higher: tuple[int, ...], args: tuple[sp.Expr, ...], k: int
) -> str:
    own, next_ = printer.jet(name, orders), printer.jet(name, higher)
    places = [printer.text(a) for a in args]
    slot = " ".join("z" if i == k else place for i, place in enumerate(places))
    return f"is_derive (fun z : R => {own} {slot}) {places[k]} ({next_} {' '.join(places)})"


def _domain(taken: Derivative, printer: Printer) -> Iterator[str]:
    """Denominators that do not vanish; roots and logarithms of positive numbers."""
    for expr in (taken.expr, taken.result):
        for part in sp.postorder_traversal(expr):
            if isinstance(part, sp.log) and part.args[0].free_symbols:
                yield f"0 < {printer.text(part.args[0])}"
            elif part.is_Pow and not isinstance(part, sp.exp) and part.base.free_symbols:
                if not part.exp.is_Integer:
                    yield f"0 < {printer.text(part.base)}"
                elif part.exp.is_negative and not part.base.is_positive:
                    yield f"{printer.text(part.base)} <> 0"
            elif isinstance(part, sp.tan | sp.sec):
                yield f"{printer.text(sp.cos(part.args[0]))} <> 0"
            elif isinstance(part, sp.cot | sp.csc):
                yield f"{printer.text(sp.sin(part.args[0]))} <> 0"
