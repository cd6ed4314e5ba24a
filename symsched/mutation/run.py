"""The mutation run: mutants of every claim and of the library, each decided by three routes that share little.

- normal form: SymPy's rational functions over generators;
- numeric: mpmath, concrete functions at random points, 50 digits;
- Coq: the residual as a lemma, which must not be provable.
"""

from __future__ import annotations

import inspect
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from symsched.certify.runner import JOBS, find_coq
from symsched.collection import Key, collect, find, load
from symsched.mutation.ask import ask_coq
from symsched.mutation.decide import Trial, try_formula, try_library
from symsched.mutation.journal import Journal, code
from symsched.mutation.library import changed, places
from symsched.mutation.mutants import KINDS, formulas, mutants
from symsched.processes import fresh
from symsched.routes import labelled
from symsched.theorem import Check
from symsched.version import __version__

Progress = Callable[[int, int, str], None]
PER_CHECK = 10  # mutants of each check of a claim
CHECKS_PER_PLACE = 12  # checks on which a mutant of the library is tried, the quickest that use the formula
SECONDS = 90  # for one mutant
USES_SECONDS = 5  # of one process, to see which checks of a claim use the library; the quick ones come first
LIMIT = 3600.0  # seconds for a whole run


@dataclass(frozen=True)
class Mutant:
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

    rows: tuple[Mutant, ...]
    seconds: float
    untried: int = 0

    @property
    def changed(self) -> list[Mutant]:
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
    journal: str | Path | None = None,
    workers: int = JOBS,
) -> Mutation:
    """Mutants of the claims, and of the library's formulas as these claims use them.

    Args:
        names: claims or files; the whole theory by default.
        progress: called with (done, total, what).
        library: also the library's own formulas.
        per_check: at most so many mutants of each check, and one at least of each of its formulas.
        limit: seconds, about; every formula has its first mutant before any has its second, and those that are not
            reached are counted as untried.
        journal: a file for what was found so far; a run that was stopped goes on from there.
        workers: processes at a time.

    Raises:
        InputError: unknown names.
        CoqError: Coq is missing or of another version.
    """
    find_coq()
    start = time.perf_counter()
    keys = collect(list(names) if names else None)
    tell, known = progress or (lambda _done, _total, _what: None), Journal(journal, f"{code()} {per_check}")
    jobs = _claim_jobs(keys, per_check)
    trials, untried = _tried(
        jobs, workers, 0, start + limit * (0.4 if library else 0.7), known, partial(_told, tell, "claims")
    )
    if library:
        jobs = _library_jobs(keys, workers, known, tell)
        until = start + limit * 0.75
        more, left = _tried(jobs, workers, 1, until, known, partial(_told, tell, "library"))
        trials, untried = trials + more, untried + left
    trials = [trial for trial in trials if not trial.void]
    ask_coq(trials, workers, start + limit, known, partial(_told, tell, "Coq"))
    if not untried:
        known.done()
    return Mutation(tuple(_row(trial) for trial in trials), time.perf_counter() - start, untried)


def _told(tell: Progress, what: str, done: int, total: int) -> None:
    tell(done, total, what)


# -- what to try -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Job:
    """A mutant to try; changes hold functions, and are made anew where they run."""

    name: str  # in the journal
    turn: int  # the first mutants of all formulas come first
    function: Callable[..., Trial]
    args: tuple[Any, ...]


def _claim_jobs(keys: Sequence[Key], per_check: int) -> list[_Job]:
    jobs: list[_Job] = []
    for key in keys:
        for check in _steps(key):
            formulas, name = _formulas(check), check.function.__name__
            each = max(1, per_check // max(1, len(formulas)))
            for parameter, own in formulas.items():
                for k in range(len(mutants(own, each))):
                    label = f"{key[1]} {name}({parameter}) {k}"
                    jobs.append(_Job(label, k, _run_formula, (key, name, parameter, k, each)))
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


def _library_jobs(keys: Sequence[Key], workers: int, known: Journal, tell: Progress) -> list[_Job]:
    """Each place with the quickest checks that use it, as seen in one run of all with the right formulas."""
    users: dict[str, list[tuple[float, str, str, str]]] = {place: [] for place in places()}
    held = dict.fromkeys(users, 1)
    with _processes(workers, 1) as pool:
        asked = {pool.submit(_uses, key): key for key in keys if f"uses {key[1]}" not in known.found}
        for done, future in enumerate(as_completed(asked), 1):
            known.note(f"uses {asked[future][1]}", future.result())
            tell(done, len(asked), "uses of the library")
    for key in keys:
        for place, seconds, name, formulas_ in known.found[f"uses {key[1]}"]:
            users[place].append((seconds, *key, name))
            held[place] = max(held[place], formulas_)
    jobs: list[_Job] = []
    for place, found in users.items():
        chosen = [((path, claim), name) for _, path, claim, name in sorted(found)[:CHECKS_PER_PLACE]]
        turns = enumerate(product(range(held[place]), KINDS) if chosen else ())
        jobs += [
            _Job(f"{place} {which} {kind}", k, _run_library, (chosen, place, kind, which)) for k, (which, kind) in turns
        ]
    return jobs


def _uses(key: Key) -> list[tuple[str, float, str, int]]:
    """(place, seconds, check, how many formulas it gave) for the checks of a theorem that compute with a place."""
    touched: dict[str, int] = {}

    def noting(place: str, value: Any) -> Any:
        touched[place] = max(touched.get(place, 0), formulas(value))
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
                found += [(place, seconds, check.function.__name__, touched[place]) for place in sorted(touched)]
    return found


def _run_library(uses: list[tuple[Key, str]], place: str, kind: str, which: int) -> Trial:
    trial = Trial(place.split(":")[1], kind, f"result: {kind}" + (f", formula {which + 1}" if which else ""))
    return try_library(uses, place, kind, trial, which)


# -- running ---------------------------------------------------------------------------------------------------


def _processes(workers: int, tasks_per_child: int) -> ProcessPoolExecutor:
    """One task for each process where what was computed must not be remembered."""
    return fresh(min(workers, os.cpu_count() or 1), __name__, tasks_per_child or None)


def _tried(
    jobs: list[_Job], workers: int, tasks_per_child: int, until: float, known: Journal, tell: Callable[[int, int], None]
) -> tuple[list[Trial], int]:
    """The trials in the order of the jobs, and how many were not reached by the time `until`."""
    open_jobs = [job for job in sorted(jobs, key=lambda job: job.turn) if job.name not in known.found]
    with _processes(workers, tasks_per_child) as pool:
        waiting = {pool.submit(_bounded, job.function, *job.args): job for job in open_jobs}
        for future in _ended(pool, waiting, until):
            known.note(waiting[future].name, vars(future.result()))
            tell(sum(job.name in known.found for job in jobs), len(jobs))
    found = [Trial(**known.found[job.name]) for job in jobs if job.name in known.found]
    return found, len(jobs) - len(found)


def _ended(pool: Executor, waiting: Iterable[Future[Trial]], until: float) -> Iterator[Future[Trial]]:
    """Futures as they end; at the time `until` what has not begun is cancelled, and what runs is waited for."""
    told: set[Future[Trial]] = set()
    try:
        for future in as_completed(waiting, timeout=max(until - time.perf_counter(), 0)):
            told.add(future)
            yield future
    except TimeoutError:
        pool.shutdown(wait=True, cancel_futures=True)
        yield from (future for future in waiting if future not in told and not future.cancelled())


def _bounded(function: Callable[..., Trial], *args: Any) -> Trial:
    """One mutant within its time; what takes longer is "broken", and is reported as that."""

    def late(_signal: int, _frame: Any) -> None:
        raise TimeoutError(f"no answer within {SECONDS} s")

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, late)
        signal.alarm(SECONDS)
    try:
        return function(*args)
    except Exception as error:  # before the mutant was made
        return Trial(str(args[1]), "", "", broken=f"{type(error).__name__}: {error}"[:200])
    finally:
        if hasattr(signal, "SIGALRM"):
            signal.alarm(0)


def _row(trial: Trial) -> Mutant:
    seen = replace(trial)
    row = Mutant(trial.place, trial.kind, trial.description, seen.exact, seen.numeric, seen.coq, "changed")
    status, detail = "changed", ""
    if trial.same:
        status = "equivalent"
    elif not (trial.exact or trial.numeric) and (trial.refused or trial.broken):  # Coq saw a part of it at most
        status, detail = ("refused", trial.refused) if trial.refused else ("broken", trial.broken)
    elif row.noticed == 0:
        status = "survives"
    return replace(row, status=status, detail=detail)
