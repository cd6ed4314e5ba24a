"""What becomes of one mutant: by normal form, at 50 digits, and as a lemma for Coq."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import sympy as sp

from symsched.certify.algebra import lemma
from symsched.certify.coq import UnsupportedError
from symsched.collection import Key, load
from symsched.errors import InputError, UndecidedError
from symsched.exact import decide_zero
from symsched.mutation.library import changed
from symsched.mutation.mutants import Spoiling, spoiled
from symsched.routes import evaluated, labelled
from symsched.schedule import Schedule
from symsched.theorem import Check, Theorem

MOST_LEMMAS = 3  # residuals of one mutant that are put to Coq
COQ_SECONDS = 20  # for one lemma


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


def try_formula(key: Key, name: str, parameter: str, change: Spoiling, own: Any, trial: Trial) -> Trial:
    """A formula of a claim, spoiled."""
    check = _named(load(key[0]), key, name)
    seen = _Seen()
    wrong = change.apply(own)
    if not callable(own):
        seen.note(own, wrong)
    elif not isinstance(own, sp.Basic):
        wrong = lambda *args, **named: seen.note(own(*args, **named), change.apply(own)(*args, **named))  # noqa: E731

    _guarded(trial, lambda: _judge(trial, check, {parameter: wrong}))
    return seen.told(trial)


def try_library(uses: Iterable[tuple[Key, str]], place: str, kind: str, trial: Trial, which: int = 0) -> Trial:
    """A formula of the library, of those of a place that of this number, spoiled, as the checks that use it see it."""
    seen = _Seen()
    with changed(place, lambda value: seen.note(value, spoiled(kind, value, which))):
        for key, name in uses:
            if not (trial.exact and trial.numeric):
                _guarded(trial, partial(_judge_freshly, trial, key, name))
    if trial.exact or trial.numeric:
        trial.refused = trial.broken = ""  # one check could not be computed, another one could
    return seen.told(trial)


def _judge_freshly(trial: Trial, key: Key, name: str) -> None:
    _judge(trial, _fresh(key, name), {})


@dataclass
class _Seen:
    """Right values beside wrong ones: whether anything was spoiled, and whether that changed a meaning."""

    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    def note(self, right: Any, wrong: Any) -> Any:
        """The wrong value."""
        if not _alike(right, wrong):
            self.pairs.append((right, wrong))
        return wrong

    def told(self, trial: Trial) -> Trial:
        trial.void = not self.pairs
        if not trial.void and not trial.exact and not trial.broken:
            _guarded(trial, lambda: setattr(trial, "same", all(_equal(*pair) for pair in self.pairs)))
        return trial


def _fresh(key: Key, name: str) -> Check:
    """The check of a theorem, freshly loaded: nothing was derived with the right formulas before."""
    return _named(load.__wrapped__(key[0]), key, name)


def _named(theorems: Iterable[Theorem], key: Key, name: str) -> Check:
    theorem = next(one for one in theorems if one.name == key[1])
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
    """Both routes, the simplest residuals first, up to one that is not 0.

    To Coq go the residuals that a route found not to be 0, and then the simplest: one that stays open is enough.
    """
    residuals = sorted(labelled(check.function(**wrong)).values(), key=sp.count_ops)
    exact = next((r for r in residuals if decide_zero(r, bounded=False).zero is False), None)
    trial.exact = bool(trial.exact) or exact is not None
    asked = [exact]
    if check.options.get("numeric", True):
        asked.append(next((r for r in residuals if _refuted(r)), None))
        trial.numeric = bool(trial.numeric) or asked[-1] is not None
    if not any(asked):
        _require_values(residuals)
    chosen = dict.fromkeys(r for r in (*asked, *residuals) if r is not None)
    for residual in list(chosen)[:MOST_LEMMAS]:
        with suppress(TimeoutError, UnsupportedError):  # no lemma for Coq: the other routes have answered
            trial.attempts.append(_attempt(residual))


def _require_values(residuals: Iterable[sp.Expr]) -> None:
    """Raises InputError for a residual that neither route can answer: the mutant has left the domain of the formula."""
    for residual in residuals:
        if decide_zero(residual, bounded=False).zero is None and (found := evaluated({"residual": residual})).error:
            raise InputError(found.detail)


@lru_cache(maxsize=4096)
def _refuted(residual: sp.Expr) -> bool:
    found = evaluated({"residual": residual})
    return not found.passed and not found.error


@lru_cache(maxsize=4096)
def _attempt(residual: sp.Expr) -> str:
    return lemma("mutant", "", residual).attempt("@", COQ_SECONDS)


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Schedule) and isinstance(other, Schedule):
        return bool((one.alpha, one.beta) == (other.alpha, other.beta))
    return bool(one == other)


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are known to be the same function."""
    if isinstance(one, Schedule) and isinstance(other, Schedule):
        return _equal((one.alpha, one.beta), (other.alpha, other.beta))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, sp.Expr) and isinstance(other, sp.Expr):
        return one == other or bool(decide_zero(one - other))
    return _alike(one, other)
