"""The algebraic core of a step, as a lemma: for all values of the generators, the residual is 0.

A residual is a rational function of generators (jets, symbols, and what stands for powers, exponentials and angles).
The lemma says so with its hypotheses written out: generators that are positive, denominators that do not vanish, and
the relations G^q = base of radicals.  Coq's `field` and `ring` do the algebra.  Where there are relations, the
cofactors that SymPy found are only a hint, which Coq checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import sympy as sp

from symsched.certify.coq import Names, Printer, comment
from symsched.generators import Relation
from symsched.rewriter import Rewriter, as_jet
from symsched.symbols import t


@dataclass(frozen=True)
class Lemma:
    """A statement and its proof, as Coq text; `trivial` when SymPy's own evaluation had already left 0."""

    name: str
    about: str
    statement: str
    proof: tuple[str, ...]
    trivial: bool = False
    hypotheses: tuple[str, ...] = ()

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


@dataclass(frozen=True)
class Core:
    """A residual as a rational function without fractions in fractions, and the relations of its radicals.

    `denominators` are the polynomials that are divided by, but for plain letters, each with a letter of its own.
    """

    rational: sp.Expr
    relations: tuple[Relation, ...]
    shown: dict[sp.Dummy, sp.Expr]
    denominators: dict[sp.Expr, sp.Dummy] = field(default_factory=dict)

    @property
    def letters(self) -> list[sp.Dummy]:
        """The generators that occur, in the order in which they were met."""
        used = self.rational.free_symbols.union(*(base.free_symbols | {root} for root, _, base in self.relations))
        return [dummy for dummy in self.shown if dummy in used]


def core_of(residual: sp.Expr) -> Core:
    """The residual over its generators, by the rewriting on which `decide_zero` rests."""
    rewriter = Rewriter()
    for _ in range(2):  # what is met late may split what was met early
        rewriter.rewrite(residual)
        rewriter.known.measure_angles()
        rewriter.restart()
    rational, relations = rewriter.known.unify(rewriter.rewrite(residual))
    flat = flatten(rational)
    needed = [(root, q, flatten(base)) for root, q, base in _needed(flat, relations)]
    powers = [power for expr in (flat, *(base for _, _, base in needed)) for power in expr.atoms(sp.Pow)]
    divided = {p.base for p in powers if p.exp.is_negative and p.base.free_symbols}
    bases = {base for base in divided if not (base.is_Symbol and base.is_positive)}
    largest_first = sorted(bases, key=lambda base: (-base.count_ops(), str(base)))
    below = {base: sp.Dummy(f"d{k}", real=True) for k, base in enumerate(largest_first)}
    return Core(flat, tuple(needed), dict(rewriter.known.shown), below)


def flatten(expr: sp.Expr) -> sp.Expr:
    """`expr` with every denominator a polynomial: 1/(n/d) becomes d (1/n)."""
    if not expr.args:
        return expr
    args = [flatten(a) for a in expr.args]
    if expr.is_Pow and expr.exp.is_negative and not args[0].is_polynomial():
        above, below = sp.fraction(sp.together(args[0]))
        return below**-expr.exp * sp.Mul(*(f**expr.exp for f in sp.Mul.make_args(above)))
    return expr.func(*args)


def _needed(rational: sp.Expr, relations: list[Relation]) -> Iterator[Relation]:
    """The relations of radicals that occur, also in the bases of others."""
    used = set(rational.free_symbols)
    for root, q, base in relations:  # a base has only earlier radicals in it
        if root in used:
            used |= base.free_symbols
            yield root, q, base


def lemma(name: str, about: str, residual: sp.Expr) -> Lemma:
    """The lemma that the residual vanishes."""
    core = core_of(residual)
    letters = _letters(core)
    printer = Printer(Names(), letters)
    names = [letters[d] for d in core.letters]
    binder = f"forall ({' '.join(names)} : R),\n  " if names else ""
    below = _denominators(core.denominators)
    hypotheses = (
        *(f"0 < {letters[d]}" for d in core.letters if d.is_positive),
        *(f"{letters[d]} < 1" for d in core.letters if core.shown[d] == t),
        *(f"{printer.text(factor)} <> 0" for factor in below.assumed),
        *(f"{printer.text(root**q)} = {printer.text(base)}" for root, q, base in core.relations),
    )
    statement = binder + "".join(f"{h} ->\n  " for h in hypotheses) + f"{printer.text(core.rational)} = 0"
    glossary = "; ".join(f"{letters[d]} = {core.shown[d]}" for d in core.letters if str(core.shown[d]) != letters[d])
    full = about if not glossary else f"{about}. Here {glossary}"
    return Lemma(name, full, statement, tuple(_proof(core, printer, below)), residual == 0, hypotheses)


def _letters(core: Core) -> dict[sp.Basic, str]:
    """A readable name for each generator."""
    names, letters = Names(), dict[sp.Basic, str]()
    for k, dummy in enumerate(core.letters):
        letters[dummy] = names.of(dummy, _wanted(core.shown[dummy], k))
    return letters


def _wanted(shown: sp.Expr, k: int) -> str:
    if shown.is_Symbol:
        return str(shown.name)
    jet = as_jet(shown)
    if jet is None:
        return "pi" if shown == sp.pi else f"g{k}"
    function, orders, args = jet
    mark = "" if not any(orders) else "_" + "".join(map(str, orders))
    at = "" if all(a.is_Symbol for a in args) else "_at_" + "_".join(str(a) for a in args if not a.is_Symbol)
    return f"{function}{mark}{at}" if len(at) < 16 else f"g{k}"


# -- denominators ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Denominators:
    """What must not be 0: `assumed` (irreducible, a hypothesis each), and `products` of these and positive terms."""

    assumed: tuple[sp.Expr, ...]
    products: tuple[tuple[sp.Expr, sp.Expr], ...]  # (as it stands, factored)


def _denominators(bases: Iterable[sp.Expr]) -> Denominators:
    assumed: dict[sp.Expr, None] = {}
    products: list[tuple[sp.Expr, sp.Expr]] = []
    for base in bases:
        constant, factors = (number, []) if (number := sp.expand(base)).is_number else sp.factor_list(base)
        unsure = [f for f, _ in factors if not f.is_positive]
        single = len(factors) == 1 and factors[0][1] == 1 and constant == 1
        if not single or not unsure:
            products.append((base, sp.Mul(constant, *(f**n for f, n in factors))))
        assumed.update(dict.fromkeys([base] if single and unsure else unsure))
    return Denominators(tuple(assumed), tuple(products))


# -- the proof -------------------------------------------------------------------------------------------------


def _proof(core: Core, printer: Printer, below: Denominators) -> Iterator[str]:
    """Give each denominator a letter, clear it, put it back, and compare polynomials."""
    yield "intros"
    for k, (base, factored) in enumerate(below.products):
        product = f"replace {printer.text(base)} with {printer.text(factored)} by field"
        yield f"assert (Nz{k} : {printer.text(base)} <> 0) by ({product}; nz)"
    gaps = [f"({printer.text(root**q)} - {printer.text(base)})" for root, q, base in core.relations]
    for k, gap in enumerate(gaps):
        yield f"assert (Gap{k} : {gap} = 0) by lra"
    if gaps:
        total = " + ".join(f"{printer.text(c)} * {g}" for c, g in zip(_cofactors(core), gaps, strict=True))
        rewrites = ", ".join(f"Gap{k}" for k in range(len(gaps)))
        yield f"transitivity ({total}); [clear {rewrites.replace(',', '')} | rewrite {rewrites}; ring]"
    sums = [base for base in core.denominators if not base.is_Symbol]  # largest first: one may be part of another
    if not sums:
        yield "first [ring | field; nz]"
        return
    for k, base in enumerate(sums):
        yield f"remember {printer.text(base)} as Dd{k} eqn:Ed{k}"
    put_back = f"subst {' '.join(f'Dd{k}' for k in range(len(sums)))}"
    yield f"first [field_simplify_eq; [{put_back}; first [ring | field] | nz] | {put_back}; field]"


def _cofactors(core: Core) -> list[sp.Expr]:
    """C with residual = Σ C (root^q − base), if the residual vanishes; else what the same steps give."""
    back = {letter: base for base, letter in core.denominators.items()}
    numerator, denominator = _cleared(core.rational, core.denominators)
    numerator, cofactors = sp.expand(numerator.xreplace(back)), []
    for root, q, base in core.relations:
        quotient, rest = sp.S.Zero, sp.S.Zero
        for (k,), c in sp.Poly(numerator, root).terms():
            m, low = divmod(k, q)
            rest += c * root**low * base**m
            quotient += c * root**low * sp.Add(*[root ** (q * j) * base ** (m - 1 - j) for j in range(m)])
        cofactors.append(quotient / denominator.xreplace(back))
        numerator, factor = _cleared(rest, core.denominators)
        numerator, denominator = sp.expand(numerator.xreplace(back)), denominator * factor
    return cofactors


def _cleared(expr: sp.Expr, denominators: dict[sp.Expr, sp.Dummy]) -> tuple[sp.Expr, sp.Expr]:
    """(numerator, denominator) where the denominators are letters, so that none is multiplied out."""
    return sp.fraction(sp.together(_lettered(expr, denominators)))


def _lettered(expr: sp.Expr, denominators: dict[sp.Expr, sp.Dummy]) -> sp.Expr:
    if not expr.args:
        return expr
    if expr.is_Pow and expr.exp.is_negative and expr.base in denominators:
        return denominators[expr.base] ** expr.exp
    return expr.func(*(_lettered(a, denominators) for a in expr.args))
