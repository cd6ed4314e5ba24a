"""Derivatives as lemmas: SymPy's derivative is the derivative, by Coquelicot's `auto_derive`.

Undefined functions stay functions R -> R (or R -> R -> R), supposed differentiable where they are used; powers that
are not whole are exp(e ln b), roots are `sqrt`, and the conditions under which these are smooth are hypotheses.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.certify.algebra import Lemma
from symsched.certify.coq import QUOTIENTS, Names, Printer, UnsupportedError, domain, signs
from symsched.certify.jets import Jet, jet_of, parts
from symsched.certify.trace import Derivative


def derivative_lemma(name: str, taken: Derivative) -> Lemma:
    """The lemma that `taken.result` is the derivative of `taken.expr`.

    Raises:
        UnsupportedError: a function that Coquelicot does not differentiate, or a field that moves in three arguments.
    """
    printer = Printer(Names())
    moving = printer.text(taken.symbol)
    body, result = printer.text(taken.expr), printer.text(taken.result)
    jets = list(_jets(taken, printer))
    symbols = sorted(taken.expr.free_symbols | taken.result.free_symbols | {taken.symbol}, key=str)
    # Letters are bound after the functions, whose names were given while printing.
    used = [e for e in parts(taken.expr) if isinstance(e, AppliedUndef)]
    bounds = [hypothesis for expr in (taken.expr, taken.result) for hypothesis, *_ in domain(expr, printer)]
    hypotheses = list(dict.fromkeys([*signs([*symbols, *used], printer), *jets, *bounds]))
    kinds = [f"({n} : {'R -> ' * arity}R)" for n, arity in printer.functions.items()]
    letters = " ".join(printer.text(s) for s in symbols)
    binder = f"forall {' '.join(kinds)} ({letters} : R)"
    goal = f"is_derive (fun {moving} : R => {body}) {moving} {result}"
    statement = f"{binder},\n  " + "".join(f"{h} ->\n  " for h in hypotheses) + goal
    about = f"d/d{taken.symbol} {taken.expr} = {taken.result}"
    proof = ("intros", *_composed(taken, printer, result), *_proof(taken, printer))
    return Lemma(name, about, statement, proof, tuple(hypotheses), derivative=True)


def _proof(taken: Derivative, printer: Printer) -> Iterator[str]:
    """Roots become letters whose squares are known."""
    powers = {p for e in (taken.expr, taken.result) for p in e.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q == 2}
    radicands = sorted({p.base for p in powers if p.base.free_symbols}, key=lambda b: (-b.count_ops(), str(b)))
    for base in radicands:
        if any(p.exp.is_negative for p in base.atoms(sp.Pow)):
            raise UnsupportedError(f"the root of a quotient {base}")
    yield "differentiate"
    for k, base in enumerate(radicands):
        yield f"root {printer.text(base)} as Root{k} called {printer.names.of(('root', base), 'r')}"
    squares = " ".join(f"Root{k}" for k in range(len(radicands)))
    if taken.expr.has(*QUOTIENTS.keys()) or taken.result.has(*QUOTIENTS.keys()):
        yield "angle Circle"
        squares += " Circle"
    by_squares = f" | ring [{squares}] | field [{squares}]; side" if squares else ""
    closing = f"field [{squares.strip()}]; side" if squares else "field; side"
    by_exponentials = f" | doubles; {closing} | as_supposed exp; doubles; {closing}" if taken.expr.has(sp.exp) else ""
    yield f"first [ring | field; side{by_squares}{by_exponentials}]"


def _jets(taken: Derivative, printer: Printer) -> Iterator[str]:
    """Each undefined function that moves has its derivative where it is used."""
    for expr in sorted((e for e in parts(taken.expr) if jet_of(e)), key=str):
        jet = jet_of(expr)
        assert jet is not None
        slots = _slots(jet, taken)
        if len(slots) > 2:
            raise UnsupportedError(f"{jet.head} moves in {len(slots)} arguments at once: {expr}")
        if len(slots) == 2:
            places = " ".join(printer.text(arg) for arg in jet.args)
            slopes = " ".join(f"({printer.jet(jet.raised(k))} {places})" for k in slots)
            yield f"differentiable_pt_lim {printer.jet(jet)} {places} {slopes}"
        else:
            yield from (_differentiable(printer, jet, k) for k in slots)


def _slots(jet: Jet, taken: Derivative) -> list[int]:
    return [k for k, arg in enumerate(jet.args) if arg.has(taken.symbol)]


def _composed(taken: Derivative, printer: Printer, result: str) -> Iterator[str]:
    """A function that moves in both of its arguments becomes one of the moving letter, whose derivative is by the chain
    rule: `auto_derive` knows no other."""
    moving, named, values = printer.text(taken.symbol), taken.expr, list[str]()
    for k, expr in enumerate(sorted((e for e in parts(taken.expr) if jet_of(e)), key=str)):
        jet = jet_of(expr)
        assert jet is not None
        if len(_slots(jet, taken)) < 2:
            continue
        if len(jet.args) > 2:
            raise UnsupportedError(f"{jet.head} has {len(jet.args)} arguments, of which two move at once: {expr}")
        whole = sp.Function(f"Composed{k}")(taken.symbol)
        own, places = printer.text(whole.func(taken.symbol)).split()[0].lstrip("("), [printer.text(a) for a in jet.args]
        slopes = [printer.text(sp.diff(arg, taken.symbol)) for arg in jet.args]
        parts_ = " + ".join(f"{printer.jet(jet.raised(i))} {' '.join(places)} * {slopes[i]}" for i in (0, 1))
        functions = " ".join(f"(fun {moving} : R => {place})" for place in places)
        yield f"pose ({own} := fun {moving} : R => {printer.text(expr)})"
        yield (
            f"assert (is_derive {own} {moving} ({parts_})) by "
            f"(apply (chain {printer.jet(jet)} {functions}); [ assumption | inner | inner ])"
        )
        values.append(f"try rewrite (eq_refl : {printer.text(expr)} = {printer.text(whole)})")
        named = named.xreplace({expr: whole})
    if named != taken.expr:
        yield f"change (is_derive (fun {moving} : R => {printer.text(named)}) {moving} {result})"
        yield from values  # in the result, where the function itself is left
        yield "repeat match goal with P := _ : R -> R |- _ => clearbody P end"


def _differentiable(printer: Printer, jet: Jet, k: int) -> str:
    own, next_ = printer.jet(jet), printer.jet(jet.raised(k))
    places = [printer.text(a) for a in jet.args]
    slot = " ".join("z" if i == k else place for i, place in enumerate(places))
    return f"is_derive (fun z : R => {own} {slot}) {places[k]} ({next_} {' '.join(places)})"
