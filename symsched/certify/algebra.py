"""A residual as a lemma: the formula as the theorem's author wrote it, for all functions and letters in it, is 0.

Undefined functions stay functions of Coq, applied to their arguments, and their derivatives are functions of their own:
what holds for all functions in the place of a derivative holds for the derivative.  Substitutions are applications.
The hypotheses are written out: the signs that letters were declared with, divisors that are not 0, positive bases.

How it is proved is a matter of hints, found by SymPy and checked by Coq: roots become letters whose squares are known,
and exponentials, powers and logarithms are replaced by products of a few of them, each replacement with a proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy as sp

from symsched.certify.coq import Names, Printer, comment, domain, signs
from symsched.certify.hints import Product, Total, replacements
from symsched.certify.jets import jet_of, parts

MOST_WORK = 400  # operations of a divisor that is factored


@dataclass(frozen=True)
class Lemma:
    """A statement and its proof, as Coq text; `refuted` says that numbers speak against it."""

    name: str
    about: str
    statement: str
    proof: tuple[str, ...]
    hypotheses: tuple[str, ...] = ()
    derivative: bool = False
    refuted: bool = False

    def text(self) -> str:
        """The lemma as it stands in a file."""
        script = "\n".join(f"  {step}." for step in self.proof)
        return f"(* {comment(self.about)} *)\nLemma {self.name} :\n  {self.statement}.\nProof.\n{script}\nQed.\n"

    def attempt(self, label: str, seconds: int) -> str:
        """The same as an experiment that compiles either way and prints what became of it: proved, open, or late."""
        script = "; [> ".join(self.proof) + "]" * (len(self.proof) - 1)
        asked = f'tryif (solve [{script}]) then idtac "{label} PROVED" else idtac "{label} OPEN"'
        tries = f'tryif (timeout {seconds} ({asked})) then idtac else idtac "{label} LATE"'
        return f"Goal\n  {self.statement}.\nProof.\n  {tries}.\nAbort.\n"


def lemma(name: str, about: str, residual: sp.Expr) -> Lemma:
    """The lemma that the residual vanishes.

    Raises:
        UnsupportedError: the formula has something that the certificates have no term for.
    """
    printer = Printer(Names())
    goal = printer.text(residual)
    symbols = sorted(residual.free_symbols, key=sp.default_sort_key)
    applied = sorted((e for e in parts(residual) if e.is_Function and jet_of(e)), key=str)
    bounds = [hypothesis for hypothesis, *_ in domain(residual, printer)]
    hypotheses = tuple(dict.fromkeys([*signs([*symbols, *applied], printer), *bounds]))
    proof = tuple(_proof(residual, printer))
    # Letters are bound after the functions, whose names were given while printing.
    kinds = [f"({n} : {'R -> ' * arity}R)" for n, arity in printer.functions.items()]
    letters = f"({' '.join(printer.text(s) for s in symbols)} : R)" if symbols else ""
    binder = f"forall {' '.join([*kinds, letters])},\n  " if kinds or letters else ""
    statement = binder + "".join(f"{h} ->\n  " for h in hypotheses) + f"{goal} = 0"
    return Lemma(name, about, statement, proof, hypotheses)


def supposed(residual: sp.Expr) -> list[str]:
    """Where the lemma says less than the residual does: parts that it supposes to be positive, beyond what was
    declared."""
    printer = Printer(Names())
    return list(dict.fromkeys(str(part) for _, part, free in domain(residual, printer) if not free))


@dataclass
class _Letters:
    """The formula's parts as rational functions of letters, as the proof has them after its replacements."""

    printer: Printer
    known: dict[sp.Basic, sp.Expr] = field(default_factory=dict)

    def letter(self, expr: sp.Expr, wanted: str) -> sp.Dummy:
        """The letter for a part that is not taken apart, which in Coq is `expr` as it is printed."""
        if expr not in self.known:
            dummy = sp.Dummy(wanted, positive=True if expr.is_positive else None)
            self.printer.letters[dummy] = self.printer.text(expr)
            self.known[expr] = dummy
        return self.known[expr]

    def flat(self, expr: sp.Expr) -> sp.Expr:
        """`expr` in letters."""
        if expr in self.known:
            return self.known[expr]
        if expr.is_Rational or expr.is_Symbol:
            return expr
        if expr.is_Add or expr.is_Mul:
            return expr.func(*map(self.flat, expr.args))
        if expr.is_Pow and expr.exp.is_Integer:
            return self.flat(expr.base) ** expr.exp
        if _is_root(expr):
            whole, _ = divmod(expr.exp, 1)
            return self.flat(expr.base) ** whole * self.letter(sp.sqrt(expr.base), "root")
        return self.letter(expr, "u")

    def replaced(self, one: Product | Total) -> None:
        """What a part has become."""
        if isinstance(one, Product):
            self.known[one.before] = sp.Mul(*(self.flat(base) ** n for base, n in one.factors))
        else:
            terms = one.after.as_coefficients_dict().items()
            self.known[one.before] = sp.Add(*(c * self.letter(m, "l") for m, c in terms))


def _proof(residual: sp.Expr, printer: Printer) -> Iterator[str]:
    """Roots become letters, exponentials and logarithms products and sums of common ones; the rest is algebra."""
    yield "intros; cbv beta"
    letters, found = _Letters(printer), replacements(residual)
    for k, one in enumerate(found):
        after = _product(one, printer) if isinstance(one, Product) else printer.text(one.after)
        tactic = "powers" if isinstance(one, Product) else "logarithms"
        pairs = [f"try replace {printer.text(a)} with {printer.text(b)} by (field; nz); " for a, b in one.bases]
        yield f"try (assert (E{k} : {printer.text(one.before)} = {after}) by ({''.join(pairs)}{tactic}))"
    known = {one.before for one in found}
    plain = dict.fromkeys(p.base for p in parts(residual) if _is_root(p) and p not in known)
    made = dict.fromkeys(b.base for one in found if isinstance(one, Product) for b, _ in one.factors if _is_root(b))
    roots = {base: printer.names.of(("root", base), "r") for base in [*plain, *made]}
    for k, base in enumerate(plain):
        yield f"try (root {printer.text(base)} as Root{k} called {roots[base]})"
    for k in range(len(found)):
        yield f"try (rewrite E{k} in *; clear E{k})"
    for k, base in enumerate(b for b in made if b not in plain):
        yield f"try (root {printer.text(base)} as Root{len(plain) + k} called {roots[base]})"
    for base, name in roots.items():
        printer.letters[letters.letter(sp.sqrt(base), "root")] = name
    for one in found:
        letters.replaced(one)
    squares = [f"Root{k}" for k in range(len(roots))]
    yield from _divisors(residual, letters, squares)
    yield f"first [ring | field; nz{''.join(f' | {how}' for how in _with_squares(squares))}]"


def _with_squares(squares: list[str]) -> Iterator[str]:
    """With all roots' squares, or each alone: some are not there."""
    for known in [squares, *([one] for one in squares if len(squares) > 1)] if squares else []:
        yield f"ring [{' '.join(known)}] | field [{' '.join(known)}]; nz"


def _divisors(residual: sp.Expr, letters: _Letters, squares: list[str]) -> Iterator[str]:
    """The factors of the numerators of divisors are not 0 either."""
    seen, known = dict[sp.Expr, None](), " ".join(squares)
    for hypothesis, base, _ in domain(residual, letters.printer):
        if base.count_ops() > MOST_WORK or not hypothesis.endswith("<> 0"):
            continue
        above, below = sp.fraction(sp.together(letters.flat(base)))
        try:
            constant, factors = sp.factor_list(above)
        except sp.PolynomialError:
            continue  # a hint less
        product = sp.Mul(constant, *(f**n for f, n in factors))
        forms = [*((f, product) for f, _ in factors), (sp.expand(above), sp.expand(above))]
        for part, whole in forms:
            if part.is_Add and part not in seen:
                seen[part] = None
                text, own = (
                    letters.printer.text(part),
                    f"({letters.printer.text(whole)} / {letters.printer.text(below)})",
                )
                swap = f"replace d with {own} by (field{f' [{known}]' if squares else ''}; nz)"
                inside = f"match goal with H : ?d <> 0 |- _ => apply H; {swap}; rewrite Z; field; nz end"
                yield f"try (assert ({text} <> 0) by (let Z := fresh in intro Z; {inside}))"


def _is_root(part: sp.Basic) -> bool:
    return bool(part.is_Pow and part.exp.is_Rational and part.exp.q == 2 and part.base.free_symbols)


def _product(one: Product, printer: Printer) -> str:
    """Whole powers, those with negative exponents as inverses."""
    texts = ((printer.text(base), n) for base, n in one.factors)
    return f"({' * '.join(f'({b} ^ {n})' if n >= 0 else f'(/ ({b} ^ {-n}))' for b, n in texts) or '1'})"
