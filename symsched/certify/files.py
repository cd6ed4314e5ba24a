"""From a theorem to its Coq file: the derivatives that were taken, the residuals, and what is left to believe."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symsched.certify.algebra import Lemma, lemma, supposed
from symsched.certify.calculus import derivative_lemma
from symsched.certify.coq import Names, UnsupportedError, comment
from symsched.certify.prelude import ALGEBRA, CALCULUS
from symsched.certify.trace import Derivative, recorded
from symsched.collection import Key, load
from symsched.errors import InputError
from symsched.pointwise import read
from symsched.precision import cached_property
from symsched.residuals import labelled
from symsched.theorem import Theorem
from symsched.version import __version__


@dataclass(frozen=True)
class Certificate:
    """A claim's Coq file: its lemmas in order, what is not certified, and how many residuals were 0 from the start.

    `header` is the file's comment.  Without lemmas there is nothing to certify, and `text` is empty.
    """

    name: str
    title: str
    header: tuple[str, ...]
    lemmas: tuple[Lemma, ...]
    left: tuple[str, ...] = ()  # residuals
    left_derivatives: tuple[str, ...] = ()
    trivial: int = 0

    @property
    def residuals(self) -> int:
        """How many residuals have a lemma."""
        return sum(not one.derivative for one in self.lemmas)

    @property
    def derivatives(self) -> int:
        """How many derivatives have a lemma."""
        return len(self.lemmas) - self.residuals

    @property
    def complete(self) -> bool:
        """Whether something is certified, and nothing is left out."""
        return self.residuals > 0 and not self.left and not self.left_derivatives

    @cached_property
    def text(self) -> str:
        """The Coq file."""
        return _file(self) if self.lemmas else ""

    @property
    def digest(self) -> str:
        """The hash of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def without(self, names: Collection[str]) -> Certificate:
        """The same without the lemmas of these names, for which no proof was found."""
        lost = [one for one in self.lemmas if one.name in names]
        residuals = [f"{one.about} (no proof was found)" for one in lost if not one.derivative]
        derivatives = [f"{one.about} (no proof was found)" for one in lost if one.derivative]
        return replace(
            self,
            lemmas=tuple(one for one in self.lemmas if one.name not in names),
            left=(*self.left, *residuals),
            left_derivatives=(*self.left_derivatives, *derivatives),
        )

    def summary(self) -> str:
        """What is certified, in words."""
        asked = self.residuals + len(self.left)
        already = f", {self.trivial} more 0 = 0 by SymPy's evaluation" if self.trivial else ""
        return f"{_share(self.residuals, asked, 'residual')}{already}, {self._of_derivatives()}"

    def _of_derivatives(self) -> str:
        return _share(self.derivatives, self.derivatives + len(self.left_derivatives), "derivative")


def _share(some: int, every: int, what: str) -> str:
    return f"{some}{'' if some == every else f' of {every}'} {what}{'s' * (every != 1)}"


def certificate(key: Key, wrong: Mapping[str, Mapping[str, Any]] | None = None) -> Certificate:
    """The certificate of a theorem, whose file is run anew so that its derivatives are seen.

    `wrong` puts formulas into checks by the name of their function: a sabotaged twin, which must not be provable.
    """
    with recorded() as taken:
        theorem = next(one for one in load.__wrapped__(key[0]) if one.name == key[1])
        residuals = list(_residuals(theorem, wrong or {}))
    names, left, left_derivatives = Names(), list[str](), list[str]()
    derivatives = list(_derivatives(taken, names, left_derivatives))
    algebra = list(_algebra([one for one in residuals if one[2] != 0], names, left))
    trivial = sum(residual == 0 for *_, residual in residuals)
    lemmas = (*derivatives, *algebra)
    header = tuple(_header(theorem))
    return Certificate(theorem.name, theorem.title, header, lemmas, tuple(left), tuple(left_derivatives), trivial)


def _residuals(theorem: Theorem, wrong: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    for check in theorem.checks:
        if check.kind == "step":
            name = getattr(check.function, "__name__", "step")
            found = labelled(check.function(**wrong.get(name, {})))
            for k, (label, residual) in enumerate(found.items(), 1):
                about = check.description if len(found) == 1 else f"{check.description}: {label}"
                yield f"{name}_{k}", about, residual


def _algebra(residuals: Sequence[tuple[str, str, Any]], names: Names, left: list[str]) -> Iterator[Lemma]:
    for k, (name, about, residual) in enumerate(residuals):
        try:
            zero, beyond = _zero(residual), supposed(residual)
            made = lemma(names.of(k, name), about, residual)
        except UnsupportedError as why:
            left.append(f"{about} ({why})")
            continue
        if zero is True or (zero is False and not beyond):
            yield replace(made, refuted=not zero)
        else:
            why_not = f"would suppose {' and '.join(f'{b} > 0' for b in beyond)}" if beyond else "no value in numbers"
            left.append(f"{about} ({why_not[:200]})")


def _zero(residual: Any) -> bool | None:
    """What the numbers say.  A lemma whose hypotheses cannot be met proves nothing, and one that supposes more than
    was declared proves less than was claimed: so only what has values, and is 0 there, is certified."""
    try:
        return read(residual).zero
    except InputError:
        return None


def _derivatives(taken: Iterable[Derivative], names: Names, left: list[str]) -> Iterator[Lemma]:
    for k, one in enumerate(taken, 1):
        try:
            yield derivative_lemma(names.of(("derivative", k), f"derivative_{k}"), one)
        except UnsupportedError as why:
            left.append(f"d/d{one.symbol} of {str(one.expr)[:120]} ({why})")


def _file(one: Certificate) -> str:
    names = [lemma.name for lemma in one.lemmas]
    everything = names[0] if len(names) == 1 else f"{' '.join(f'(conj {n}' for n in names[:-1])} {names[-1]}"
    closing = f"Definition everything := {everything}{')' * (len(names) - 1)}.\nPrint Assumptions everything.\n"
    calculus = [CALCULUS] if any(lemma.derivative for lemma in one.lemmas) else []
    lines = [*one.header, *(f"Not certified: {left}." for left in (*one.left, *one.left_derivatives))]
    header = "".join(f"(* {comment(line)} *)\n" for line in lines)
    return "\n".join([header, ALGEBRA, *calculus, *(lemma.text() for lemma in one.lemmas), closing])


def _header(theorem: Theorem) -> list[str]:
    return [
        f"{theorem.name}. {theorem.title}. {theorem.statement}",
        f"Written by symsched {__version__}.",
        "Certified here: each derivative that the derivation takes, and each of its residuals as it was handed over, "
        "for all functions and letters in it under the hypotheses of its lemma.",
        "Not certified here: that the residuals state the claim, and what SymPy evaluates while they are written.",
        *(f"Taken for granted: {one}." for one in theorem.assumptions),
    ]
