"""From a theorem to its Coq file: the derivatives that were taken, the residuals, and what is left to believe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from symsched.certify.algebra import Lemma, lemma
from symsched.certify.calculus import derivative_lemma
from symsched.certify.coq import Names, UnsupportedError, comment
from symsched.certify.prelude import ALGEBRA, CALCULUS
from symsched.certify.trace import Derivative, recorded
from symsched.routes import labelled
from symsched.theorem import Theorem
from symsched.verification import Key, load
from symsched.version import __version__


@dataclass(frozen=True)
class Certificate:
    """A claim's Coq file; `lemmas` in its order, `left` says what the file does not certify.  Without lemmas there is
    nothing to certify, and `text` is empty."""

    name: str
    title: str
    lemmas: tuple[Lemma, ...]
    derivatives: int
    left: tuple[str, ...]
    text: str

    @property
    def residuals(self) -> int:
        """How many residuals are certified."""
        return len(self.lemmas) - self.derivatives

    @property
    def trivial(self) -> int:
        """How many of these SymPy had evaluated to 0 before anything was decided."""
        return sum(one.trivial for one in self.lemmas)

    @property
    def digest(self) -> str:
        """The hash of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def summary(self) -> str:
        """What is certified, in words."""
        already = f" ({self.trivial} by evaluation alone)" if self.trivial else ""
        out = f", {len(self.left)} derivatives left out" if self.left else ""
        return f"{self.residuals} residuals{already}, {self.derivatives} derivatives{out}"


def certificate(key: Key, wrong: Mapping[str, Mapping[str, Any]] | None = None) -> Certificate:
    """The certificate of a theorem, whose file is run anew so that its derivatives are seen.

    `wrong` puts formulas into checks by the name of their function: a sabotaged twin, which must not be provable.
    """
    with recorded() as taken:
        theorem = next(one for one in load.__wrapped__(key[0]) if one.name == key[1])
        residuals = list(_residuals(theorem, wrong or {}))
    names, left = Names(), list[str]()
    derivatives = list(_derivatives(taken, names, left))
    algebra = (lemma(names.of((n, k), f"{n}_{k}"), about, r) for n, k, about, r in residuals)
    lemmas = (*derivatives, *algebra)
    text = _file(theorem, lemmas, left) if lemmas else ""
    return Certificate(theorem.name, theorem.title, lemmas, len(derivatives), tuple(left), text)


def _residuals(theorem: Theorem, wrong: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, int, str, Any]]:
    for check in theorem.checks:
        if check.kind == "step":
            name = getattr(check.function, "__name__", "step")
            found = labelled(check.function(**wrong.get(name, {})))
            for k, (label, residual) in enumerate(found.items(), 1):
                yield name, k, check.description if len(found) == 1 else f"{check.description}: {label}", residual


def _derivatives(taken: Iterable[Derivative], names: Names, left: list[str]) -> Iterator[Lemma]:
    for k, one in enumerate(taken, 1):
        try:
            yield derivative_lemma(names.of(("derivative", k), f"derivative_{k}"), one)
        except UnsupportedError as why:
            left.append(f"d/d{one.symbol} of {str(one.expr)[:120]} ({why})")


def _file(theorem: Theorem, lemmas: tuple[Lemma, ...], left: list[str]) -> str:
    names = [one.name for one in lemmas]
    everything = names[0] if len(names) == 1 else f"{' '.join(f'(conj {n}' for n in names[:-1])} {names[-1]}"
    closing = f"Definition everything := {everything}{')' * (len(names) - 1)}.\nPrint Assumptions everything.\n"
    calculus = [CALCULUS] if any("is_derive" in one.statement for one in lemmas) else []
    return "\n".join([_header(theorem, left), ALGEBRA, *calculus, *(one.text() for one in lemmas), closing])


def _header(theorem: Theorem, left: list[str]) -> str:
    lines = [f"{theorem.name}. {theorem.title}. {theorem.statement}", f"Written by symsched {__version__}."]
    lines += [
        "Certified here: each derivative that the derivation takes, and each of its residuals as a rational function "
        "of generators, for all their values under the hypotheses of its lemma.",
        "Not certified here: that the residuals state the claim, and that exponentials, powers, logarithms and angles "
        "obey the laws by which they were written in generators (the 50-digit route evaluates them unwritten).",
    ]
    lines += [f"Taken from the literature: {one}." for one in theorem.assumptions]
    lines += [f"A derivative not certified: {one}." for one in left]
    return "".join(f"(* {comment(line)} *)\n" for line in lines)
