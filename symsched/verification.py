"""`verify`: run the checks of theorems, and report a verdict for each.

Symbolic work runs in processes, Monte Carlo in this one, on compiled kernels that use all cores.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from symsched.ceiling import lifted
from symsched.collection import Key, collect, find
from symsched.errors import InputError
from symsched.parsing import one_of
from symsched.processes import Inline, quick
from symsched.shown import Shown, Table
from symsched.theorem import KINDS, CheckResult, Setting, run_check, well_formed
from symsched.version import __version__

Progress = Callable[[int, int, str], None]


RATES = re.compile(r" ?\[(false positives[^\]]*)\]")  # the same for nearly all: said once
ROUTES = ("exact", "numeric", "interval", "coq", "montecarlo")
COLUMNS = (
    *("claim", "title", "exact", "numeric", "interval", "Coq", "Monte Carlo"),
    *("sabotage rejected", "time", "measured"),
)


@dataclass(frozen=True, repr=False)
class Verdict(Shown):
    """What became of one theorem; a route is True, False, or None where it does not apply or was not asked for."""

    name: str
    title: str
    statement: str
    hypotheses: tuple[str, ...]
    assumptions: tuple[str, ...]
    source: str
    checks: tuple[CheckResult, ...]
    empty: bool = False  # the theorem has no checks of any kind
    coq: bool | None = None
    coq_detail: str = ""

    def _route(self, route: str) -> bool | None:
        found = [o.passed for c in self.checks for o in c.outcomes if o.route == route]
        return all(found) if found else None

    @property
    def exact(self) -> bool | None:
        return self._route("exact")

    @property
    def numeric(self) -> bool | None:
        return self._route("numeric")

    @property
    def interval(self) -> bool | None:
        return self._route("interval")

    @property
    def montecarlo(self) -> bool | None:
        return self._route("montecarlo")

    @property
    def sabotage(self) -> tuple[int, int]:
        """(tried, rejected)."""
        twins = [rejected for c in self.checks for _, rejected, _ in c.twins]
        return len(twins), sum(twins)

    @property
    def unguarded(self) -> int:
        """How many checks have no sabotaged twin: nothing shows that these can fail."""
        return sum(not c.twins for c in self.checks)

    @property
    def checked(self) -> bool:
        """Whether anything was asked at this level, and answered."""
        return bool(self.checks) or self.coq is not None

    @property
    def passed(self) -> bool:
        """Whether something was checked, and all that was passed."""
        return self.checked and not self.failed

    @property
    def failed(self) -> bool:
        """Whether a check failed, or there is none at any level."""
        return self.empty or not all(c.passed for c in self.checks) or self.coq is False

    @property
    def seconds(self) -> float:
        return sum(c.seconds for c in self.checks)

    @property
    def measured(self) -> str:
        """What the Monte Carlo checks measured; without them, how many steps or signs were decided."""
        runs = [o.detail for c in self.checks for o in c.outcomes if o.route == "montecarlo"]
        if runs:
            return "; ".join(runs)
        return _decided("step", "exact", self.checks) or _decided("interval", "interval", self.checks)

    @property
    def supposed(self) -> list[str]:
        """What the exact decisions rest on beyond the declared assumptions, such as bases that are positive."""
        return list(dict.fromkeys(one for c in self.checks for o in c.outcomes for one in o.supposed))

    @property
    def failures(self) -> list[str]:
        """One line for each check that failed: which, and with what residual or measurement."""
        lines = ["no checks: nothing is derived, compared, bounded or simulated"] if self.empty else []
        lines += [f"coq: {self.coq_detail}"] if self.coq is False else []
        for check in self.checks:
            lines += [f"{check.kind} {check.description!r}: {o.detail}" for o in check.outcomes if not o.passed]
            for wrong, rejected, how in check.twins:
                if not rejected:
                    lines.append(f"{check.kind} {check.description!r}: sabotage {wrong!r} was not rejected: {how}")
        return lines

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table with `COLUMNS`."""
        tried, rejected = self.sabotage
        return (
            self.name,
            self.title,
            *("–" if (said := getattr(self, route)) is None else "✓" if said else "✗" for route in ROUTES),
            f"{rejected} of {tried}" if tried else "no twins" if self.checks else "–",
            f"{self.seconds:.1f} s",
            RATES.sub("", self.measured),
        )

    def _line(self) -> str:
        return f"Verdict({self.name}, {self.title}: {self._state}; {self.seconds:.1f} s)"

    def _table(self) -> Table:
        return COLUMNS, [self.cells]

    @property
    def _state(self) -> str:
        return "failed" if self.failed else "passed" if self.checked else "not checked"

    def document(self) -> dict[str, Any]:
        """The stable JSON form; null where a route does not apply."""
        tried, rejected = self.sabotage
        return {
            "name": self.name,
            "state": self._state,
            "title": self.title,
            "exact": self.exact,
            "numeric": self.numeric,
            "interval": self.interval,
            "coq": self.coq,
            "certificate": self.coq_detail or None,
            "montecarlo": self.montecarlo,
            "measured": self.measured,
            "sabotage": {"tried": tried, "rejected": rejected},
            "assumptions": list(self.assumptions),
            "supposed": self.supposed,
            "failures": self.failures,
            "seconds": round(self.seconds, 3),
        }


def _decided(kind: str, route: str, checks: Sequence[CheckResult]) -> str:
    """How many checks of a kind got an answer, yes or no."""
    found = [o for c in checks if c.kind == kind for o in c.outcomes if o.route == route]
    answered = sum(not o.error for o in found)
    what = {"step": "step", "interval": "sign check"}[kind] + "s" * (len(found) != 1)
    share = f"{answered}" if answered == len(found) else f"{answered} of {len(found)}"
    return f"{share} {what} decided" if found else ""


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """The verdicts, in the order of the theorems."""

    verdicts: tuple[Verdict, ...]
    level: str
    seed: int
    seconds: float
    paths: int | None = None

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    @property
    def passed(self) -> bool:
        """Whether at least one claim was checked at this level, and none of them failed."""
        return any(v.passed for v in self.verdicts) and not any(v.failed for v in self.verdicts)

    def _line(self) -> str:
        return f"Report({self.outcome}; {self.seconds:.1f} s)"

    def _table(self) -> Table:
        return COLUMNS, [verdict.cells for verdict in self]

    @property
    def outcome(self) -> str:
        """One line: what failed, what holds, and what was not looked at."""
        failed = [v.name for v in self if v.failed]
        silent = [v.name for v in self if not v.failed and not v.checked]
        held, at = len(self) - len(failed) - len(silent), "" if self.level == "all" else f" at level {self.level}"
        claims = "1 claim holds" if held == 1 else f"{'all ' * (held == len(self))}{held} claims hold"
        parts = (
            [f"{len(failed)} of {len(self)} failed: {', '.join(failed)}"] if failed else [claims + at] if held else []
        )
        bare = [f"{v.name} ({v.unguarded} of {len(v.checks)})" for v in self if v.unguarded]
        parts += [f"nothing was checked{at} of {', '.join(silent)}"] if silent else []
        parts += [f"checks without a sabotaged twin, which nothing shows could fail: {', '.join(bare)}"] if bare else []
        return "; ".join(parts)

    def certified(self, said: Mapping[str, tuple[bool | None, str]]) -> Report:
        """The same with what Coq said of each claim, by name: (all of it, a part, or not accepted; in words)."""
        told = [replace(v, coq=said[v.name][0], coq_detail=said[v.name][1]) if v.name in said else v for v in self]
        return replace(self, verdicts=tuple(told))

    def document(self) -> dict[str, Any]:
        """The stable JSON form of `symsched verify --json`."""
        return {
            "version": __version__,
            "level": self.level,
            "seed": self.seed,
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "claims": [v.document() for v in self.verdicts],
        }


# -- running ---------------------------------------------------------------------------------------------------


def verify(
    names: Sequence[str] | str | None = None,
    level: str = "all",
    seed: int = 0,
    paths: int | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
    record: bool = False,
) -> Report:
    """Run the checks of theorems and report a verdict for each.

    Args:
        names: claims ("C3") or paths of files with theorems; the whole theory by default.
        level: "symbolic" (exact decisions and 50-digit values), "interval", "montecarlo" or "all".
        seed: of the Monte Carlo; the same seed gives the same report.
        paths: Monte Carlo paths per check; by default what each check needs.
        progress: called with (done, total, title) after each theorem.
        workers: processes for the symbolic work; by default one per core.
        record: keep the expressions that were decided on, for `symsched.report`.

    Raises:
        InputError: unknown names or level, or a file that cannot be run.
    """
    one_of(level, (*KINDS, "all"), "level")
    start = time.perf_counter()
    keys = collect([names] if isinstance(names, str) else names)
    kinds = [k for name, group in KINDS.items() if level in (name, "all") for k in group]
    found = _run(keys, kinds, Setting(seed, paths, record), progress, workers)
    verdicts = []
    for key in keys:
        one = find(key)
        told = one.name, one.title, one.statement, one.hypotheses, one.assumptions, one.source
        verdicts.append(Verdict(*told, tuple(found[key]), empty=not one.checks))
    return Report(tuple(verdicts), level, seed, time.perf_counter() - start, paths)


def _run(
    keys: list[Key], kinds: list[str], setting: Setting, progress: Progress | None, workers: int | None
) -> dict[Key, list[CheckResult]]:
    exact = [k for k in kinds if k != "monte_carlo"]
    parts = len(keys) * (bool(exact) + ("monte_carlo" in kinds))
    done = 0

    def advance(title: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, parts, title)

    found: dict[Key, list[CheckResult]] = {key: [] for key in keys}
    with _pool(len(keys), workers) as pool:
        futures: dict[Future[list[CheckResult]], Key] = {}
        if exact:
            futures = {pool.submit(run_kinds, key, exact, setting): key for key in keys}
        if "monte_carlo" in kinds:  # here, on all cores, while the processes derive
            for key in keys:
                found[key] += run_kinds(key, ["monte_carlo"], setting)
                advance(f"{key[1]} simulated")
        for future in as_completed(futures):
            key = futures[future]
            found[key] = _answer(future) + found[key]
            advance(f"{key[1]} derived")
    return found


def _answer(future: Future[list[CheckResult]]) -> list[CheckResult]:
    try:
        return future.result()
    except BrokenProcessPool:
        guard = 'in a script, work belongs under `if __name__ == "__main__":` where threads or JAX run'
        wrong = "a process of this run ended early"
        raise InputError(f"{wrong}: {guard}, and no check may end its process; or take workers=1") from None


def run_kinds(key: Key, kinds: Sequence[str], setting: Setting) -> list[CheckResult]:
    """The results of a theorem's checks of the given kinds."""
    well_formed(find(key))  # another check may have changed it
    with lifted():
        return [run_check(check, setting) for check in find(key).checks if check.kind in kinds]


def _pool(tasks: int, workers: int | None) -> Executor:
    """Processes for symbolic work; none for one task."""
    count = min(tasks, workers or os.cpu_count() or 1)
    return quick(count, __name__) if count > 1 else Inline()
