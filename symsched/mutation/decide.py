"""What becomes of one mutant: by normal form, at 50 digits, and as a lemma for Coq."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from symsched.certify.algebra import lemma
from symsched.errors import InputError, UndecidedError
from symsched.mutation.formulas import Change, spoiled
from symsched.mutation.library import changed
from symsched.normalform import decide_zero
from symsched.routes import evaluated, labelled
from symsched.theorem import Check
from symsched.verification import Key, load

MOST_LEMMAS = 4  # residuals of one mutant that are put to Coq


@dataclass
class Trial:
    """A mutant and what was seen: `exact` and `numeric` are True where the route noticed it; `attempts` is for Coq.

    `void` says that there was nothing to spoil, `same` that the mutant was shown to equal the formula it replaces,
    `refused` that the library would not compute with it, and `broken` that something else went wrong.
    """

    place: str
    kind: str
    description: str
    exact: bool | None = None
    numeric: bool | None = None
    coq: bool | None = None
    void: bool = False
    same: bool = False
    refused: str = ""
    broken: str = ""
    attempts: list[str] = field(default_factory=list)


def try_formula(key: Key, name: str, parameter: str, change: Change, own: Any, trial: Trial) -> Trial:
    """A formula of a claim, spoiled."""
    check = _check(key, name)

    def decide() -> None:
        wrong = change.apply(own)
        _judge(trial, check, {parameter: wrong})
        if isinstance(own, sp.Expr):
            trial.same = bool(decide_zero(wrong - own))
        elif trial.exact is False:
            before, after = labelled(check.function()), labelled(check.function(**{parameter: wrong}))
            trial.void, trial.same = before == after, _unchanged(before, after)

    return _guarded(trial, decide)


def try_library(uses: Iterable[tuple[Key, str]], place: str, kind: str, trial: Trial) -> Trial:
    """A formula of the library, spoiled, as the checks that use it see it."""
    touched, moved = [False], [False]

    def wrong(value: Any) -> Any:
        spoilt = spoiled(kind, value)
        touched[0] = touched[0] or value != spoilt
        moved[0] = moved[0] or not _equal(value, spoilt)
        return spoilt

    def decide() -> None:
        for key, name in uses:
            if trial.exact and trial.numeric:
                return
            _judge(trial, _check(key, name), {})

    with changed(place, wrong):
        _guarded(trial, decide)
    trial.void, trial.same = not touched[0], not moved[0]
    return trial


def _check(key: Key, name: str) -> Check:
    """The check of a theorem, freshly loaded: nothing was derived with the right formulas before."""
    theorem = next(one for one in load.__wrapped__(key[0]) if one.name == key[1])
    return next(c for c in theorem.checks if getattr(c.function, "__name__", "") == name)


def _guarded(trial: Trial, decide: Callable[[], None]) -> Trial:
    try:
        decide()
    except UndecidedError as error:
        trial.broken = str(error)[:200]
    except InputError as error:
        trial.refused = str(error)[:200]
    except Exception as error:  # whatever a wrong formula leads to is a finding
        trial.broken = f"{type(error).__name__}: {error}"[:200]
    return trial


def _judge(trial: Trial, check: Check, wrong: Mapping[str, Any]) -> None:
    """Both routes on every residual; the longest ones go to Coq, whatever the other routes found."""
    residuals = labelled(check.function(**wrong))
    decided = [decide_zero(residual, bounded=False).zero for residual in residuals.values()]
    trial.exact = bool(trial.exact) or any(zero is False for zero in decided)
    if check.options.get("numeric", True):
        trial.numeric = bool(trial.numeric) or not evaluated(residuals).passed
    for k, residual in enumerate(sorted(residuals.values(), key=sp.count_ops)[-MOST_LEMMAS:]):
        trial.attempts.append(lemma(f"mutant_{k}", "", residual).attempt("@"))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, sp.Expr) and isinstance(other, sp.Expr):
        return one == other or bool(decide_zero(one - other))
    return bool(one == other)


def _unchanged(before: Mapping[str, sp.Expr], after: Mapping[str, sp.Expr]) -> bool:
    return before.keys() == after.keys() and all(_equal(before[k], after[k]) for k in before)
