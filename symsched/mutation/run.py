"""The mutation run: mutants of every claim and of the library, each decided by three routes that share little.

- normal form: SymPy's rational functions over generators;
- numeric: mpmath, concrete functions at random points, 50 digits;
- Coq: the residual as a lemma, which must not be provable.
"""

from __future__ import annotations

import inspect
import multiprocessing
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from symsched.certify.prelude import ALGEBRA
from symsched.certify.runner import JOBS, Coq, find_coq, run_coq
from symsched.errors import InputError
from symsched.mutation.decide import Trial, try_formula, try_library
from symsched.mutation.formulas import KINDS, mutants
from symsched.mutation.library import changed, places
from symsched.routes import labelled
from symsched.theorem import Check
from symsched.verification import Key, collect, find, load
from symsched.version import __version__

Progress = Callable[[int, int, str], None]
PER_CHECK = 5  # mutants of each check of a claim
CHECKS_PER_PLACE = 4  # checks on which a mutant of the library is tried, the quickest that use the formula
SECONDS = 120  # for one mutant
BATCH = 25  # lemmas in one Coq file
COQ_SECONDS = 20  # for one lemma
USES_SECONDS = 5  # of one process, to see which checks of a claim use the library; the quick ones come first
LIMIT = 3600.0  # seconds for a whole run


@dataclass(frozen=True)
class Row:
    """One mutant and which routes noticed it; None where a route does not apply."""

    place: str
    kind: str
    description: str
    normal_form: bool | None
    numeric: bool | None
    coq: bool | None
    status: str  # changed, equivalent, survives, refused, broken
    detail: str = ""

    @property
    def noticed(self) -> int:
        """By how many routes."""
        return sum(found is True for found in (self.normal_form, self.numeric, self.coq))


@dataclass(frozen=True)
class Mutation:
    """All mutants, with the shares that each route noticed."""

    rows: tuple[Row, ...]
    seconds: float
    untried: int = 0

    @property
    def changed(self) -> list[Row]:
        """Those that change meaning: not shown to be equivalent, and that the library computes with."""
        return [row for row in self.rows if row.status in ("changed", "survives")]

    @property
    def passed(self) -> bool:
        """Whether at least two routes noticed every mutant that changes meaning."""
        return all(row.noticed >= 2 for row in self.changed)

    def share(self, route: str) -> tuple[int, int]:
        """(noticed, tried) by one route among those that change meaning."""
        found = [getattr(row, route) for row in self.changed]
        return sum(one is True for one in found), sum(one is not None for one in found)

    def document(self) -> dict[str, Any]:
        """The stable JSON form."""
        counts = {status: sum(row.status == status for row in self.rows) for status in STATUSES}
        shares = {route: dict(zip(("noticed", "tried"), self.share(route), strict=True)) for route in ROUTES}
        twice = sum(row.noticed >= 2 for row in self.changed)
        return {
            "version": __version__,
            "mutants": len(self.rows),
            "untried": self.untried,
            "status": counts,
            "routes": shares,
            "by_two_or_more": {"noticed": twice, "of": len(self.changed)},
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "rows": [vars(row) | {"noticed": row.noticed} for row in self.rows],
        }


ROUTES = ("normal_form", "numeric", "coq")
STATUSES = ("changed", "survives", "equivalent", "refused", "broken")


def mutate(
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
    library: bool = True,
    per_check: int = PER_CHECK,
    limit: float = LIMIT,
) -> Mutation:
    """Mutants of the claims, and of the library's formulas as these claims use them.

    Args:
        names: claims or files; the whole theory by default.
        progress: called with (done, total, what).
        library: also the library's own formulas.
        per_check: at most so many mutants of each check.
        limit: seconds, about; mutants come in random order, and those that are not reached are counted as untried.

    Raises:
        InputError: unknown names.
        CoqError: Coq is missing or of another version.
    """
    find_coq()
    start = time.perf_counter()
    keys = collect(list(names) if names else None)
    tell = progress or (lambda _done, _total, _what: None)
    jobs = _claim_jobs(keys, per_check)
    trials, untried = _tried(jobs, 0, start + limit * (0.4 if library else 0.7), partial(_told, tell, "claims"))
    if library:
        jobs = _library_jobs(keys, tell)
        more, left = _tried(jobs, 1, start + limit * 0.75, partial(_told, tell, "library"))
        trials, untried = trials + more, untried + left
    trials = [trial for trial in trials if not trial.void]
    _ask_coq(trials, start + limit, partial(_told, tell, "Coq"))
    return Mutation(tuple(_row(trial) for trial in trials), time.perf_counter() - start, untried)


def _told(tell: Progress, what: str, done: int, total: int) -> None:
    tell(done, total, what)


# -- what to try -----------------------------------------------------------------------------------------------


def _claim_jobs(keys: Sequence[Key], per_check: int) -> list[tuple[Any, ...]]:
    """(claim, check, parameter, index of the change, …): changes hold functions, and are made anew where they run."""
    jobs: list[tuple[Any, ...]] = []
    for key in keys:
        for check in _steps(key):
            formulas = _formulas(check)
            each = max(1, per_check // max(1, len(formulas)))
            for parameter, own in formulas.items():
                count = len(mutants(own, each))
                jobs += [(_run_formula, key, check.function.__name__, parameter, k, each) for k in range(count)]
    return jobs


def _steps(key: Key) -> list[Check]:
    return [check for check in find(key).checks if check.kind == "step"]


def _formulas(check: Check) -> dict[str, Any]:
    """The formulas under test: the defaults of the check's function."""
    given = inspect.signature(check.function).parameters.values()
    return {p.name: p.default for p in given if p.default is not p.empty}


def _run_formula(key: Key, name: str, parameter: str, k: int, each: int) -> Trial:
    check = next(c for c in load(key[0])[_index(key)].checks if c.function.__name__ == name)
    own = _formulas(check)[parameter]
    change = mutants(own, each)[k]
    trial = Trial(f"{key[1]} {name}({parameter})", change.kind, change.description)
    return try_formula(key, name, parameter, change, own, trial)


def _index(key: Key) -> int:
    return [theorem.name for theorem in load(key[0])].index(key[1])


def _library_jobs(keys: Sequence[Key], tell: Progress) -> list[tuple[Any, ...]]:
    """Each place with the quickest checks that use it, as seen in one run of all with the right formulas."""
    users: dict[str, list[tuple[float, Key, str]]] = {place: [] for place in places()}
    with _processes(1) as pool:
        waiting = {pool.submit(_uses, key): key for key in keys}
        for done, future in enumerate(as_completed(waiting), 1):
            for place, seconds, name in future.result():
                users[place].append((seconds, waiting[future], name))
            tell(done, len(keys), "uses of the library")
    jobs: list[tuple[Any, ...]] = []
    for place, found in users.items():
        chosen = [(key, name) for _, key, name in sorted(found)[:CHECKS_PER_PLACE]]
        jobs += [(_run_library, chosen, place, kind) for kind in KINDS if chosen]
    return jobs


def _uses(key: Key) -> list[tuple[str, float, str]]:
    """(place, seconds, check) for the checks of a theorem that compute with a place."""
    touched: set[str] = set()

    def noting(place: str, value: Any) -> Any:
        touched.add(place)
        return value

    found = []
    with ExitStack() as stack:
        for place in places():
            stack.enter_context(changed(place, partial(noting, place)))
        for check in load.__wrapped__(key[0])[_index(key)].checks:
            if check.kind == "step" and time.process_time() < USES_SECONDS:
                touched.clear()
                start = time.perf_counter()
                labelled(check.function())
                seconds = time.perf_counter() - start
                found += [(place, seconds, check.function.__name__) for place in sorted(touched)]
    return found


def _run_library(uses: list[tuple[Key, str]], place: str, kind: str) -> Trial:
    trial = Trial(place.split(":")[1], kind, f"result: {kind}")
    return try_library(uses, place, kind, trial)


# -- running ---------------------------------------------------------------------------------------------------


def _processes(tasks_per_child: int) -> ProcessPoolExecutor:
    """Two processes; one task each where what was computed must not be remembered."""
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["symsched.mutation.run"])
    return ProcessPoolExecutor(min(2, os.cpu_count() or 1), context, max_tasks_per_child=tasks_per_child or None)


def _tried(
    jobs: list[tuple[Any, ...]], tasks_per_child: int, until: float, tell: Callable[[int, int], None]
) -> tuple[list[Trial], int]:
    """The trials in the order of the jobs, and how many were not reached by the time `until`."""
    order = random.Random(0).sample(range(len(jobs)), len(jobs))
    found: dict[int, Trial] = {}
    with _processes(tasks_per_child) as pool:
        waiting: dict[Future[Trial], int] = {pool.submit(_bounded, *jobs[k]): k for k in order}
        try:
            for future in as_completed(waiting, timeout=max(until - time.perf_counter(), 0)):
                found[waiting[future]] = future.result()
                tell(len(found), len(jobs))
        except TimeoutError:
            pool.shutdown(wait=True, cancel_futures=True)
    found |= {k: f.result() for f, k in waiting.items() if f.done() and not f.cancelled()}
    return [found[k] for k in sorted(found)], len(jobs) - len(found)


def _bounded(function: Callable[..., Trial], *args: Any) -> Trial:
    """One mutant within its time; what takes longer is "broken", and is reported as that."""

    def late(_signal: int, _frame: Any) -> None:
        raise TimeoutError(f"no answer within {SECONDS} s")

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, late)
        signal.alarm(SECONDS)
    try:
        return function(*args)
    except (TimeoutError, InputError) as error:
        return Trial(str(args[1]), "", "", broken=str(error))
    finally:
        if hasattr(signal, "SIGALRM"):
            signal.alarm(0)


def _ask_coq(trials: list[Trial], until: float, tell: Callable[[int, int], None]) -> None:
    """Every lemma of every mutant, in batches; a mutant is noticed when one of its lemmas stays open."""
    coq = find_coq()
    asked = [(f"M{i}", text) for i, trial in enumerate(trials) for text in trial.attempts]
    asked = [asked[k] for k in random.Random(0).sample(range(len(asked)), len(asked))]
    batches = [asked[k : k + BATCH] for k in range(0, len(asked), BATCH)]
    said: list[tuple[str, str]] = []
    with ThreadPoolExecutor(JOBS) as pool:
        answers = [pool.submit(_said, coq, batch, until) for batch in batches]
        for done, answer in enumerate(as_completed(answers), 1):
            said += re.findall(r"^(M\d+) (PROVED|OPEN)$", answer.result(), re.MULTILINE)
            tell(done, len(batches))
    for label, verdict in said:
        trial = trials[int(label[1:])]
        trial.coq = bool(trial.coq) or verdict == "OPEN"


def _said(coq: Coq, batch: list[tuple[str, str]], until: float) -> str:
    return run_coq(coq, _batch(batch))[1] if time.perf_counter() < until else ""


def _batch(attempts: Iterable[tuple[str, str]]) -> str:
    return "\n".join([ALGEBRA, *_labelled_attempts(attempts)])


def _labelled_attempts(attempts: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, text in attempts:
        yield text.replace('"@ ', f'"{label} ').replace("tryif (solve", f"tryif (timeout {COQ_SECONDS} solve")


def _row(trial: Trial) -> Row:
    seen = replace(trial)
    row = Row(trial.place, trial.kind, trial.description, seen.exact, seen.numeric, seen.coq, "changed")
    status, detail = "changed", ""
    if trial.same:
        status = "equivalent"
    elif trial.refused or trial.broken:
        status, detail = ("refused", trial.refused) if trial.refused else ("broken", trial.broken)
    elif row.noticed == 0:
        status = "survives"
    return replace(row, status=status, detail=detail)
