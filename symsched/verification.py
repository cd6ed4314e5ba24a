"""`verify`: collect theorems, run their checks, and report a verdict for each.

Theorems live in files: the project's own in `derivations/`, a user's anywhere.  Symbolic work runs in processes,
Monte Carlo in this one, on compiled kernels that use all cores.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from symsched.errors import InputError
from symsched.processes import quick
from symsched.theorem import KINDS, CheckResult, Setting, Theorem, run_check
from symsched.version import __version__

Progress = Callable[[int, int, str], None]
Key = tuple[str, str]  # (file, theorem name)


@dataclass(frozen=True)
class Verdict:
    """What became of one theorem; a route is True, False, or None where it does not apply or was not asked for."""

    name: str
    title: str
    statement: str
    hypotheses: tuple[str, ...]
    assumptions: tuple[str, ...]
    source: str
    checks: tuple[CheckResult, ...]
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
    def passed(self) -> bool:
        return all(c.passed for c in self.checks) and self.coq is not False

    @property
    def seconds(self) -> float:
        return sum(c.seconds for c in self.checks)

    @property
    def measured(self) -> str:
        """What the Monte Carlo checks measured; without them, the number of exact residuals."""
        runs = [o.detail for c in self.checks for o in c.outcomes if o.route == "montecarlo"]
        exact = sum(c.kind == "step" for c in self.checks)
        return "; ".join(runs) if runs else f"{exact} step{'s' * (exact != 1)} decided"

    @property
    def failures(self) -> list[str]:
        """One line for each check that failed: which, and with what residual or measurement."""
        lines = [f"coq: {self.coq_detail}"] if self.coq is False else []
        for check in self.checks:
            lines += [f"{check.kind} {check.description!r}: {o.detail}" for o in check.outcomes if not o.passed]
            for wrong, rejected, how in check.twins:
                if not rejected:
                    lines.append(f"{check.kind} {check.description!r}: sabotage {wrong!r} was not rejected: {how}")
        return lines

    def document(self) -> dict[str, Any]:
        """The stable JSON form; null where a route does not apply."""
        tried, rejected = self.sabotage
        return {
            "name": self.name,
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
            "failures": self.failures,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Report:
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
        return all(v.passed for v in self.verdicts)

    def certified(self, said: Mapping[str, tuple[bool, str]]) -> Report:
        """The same with what Coq said of each claim, by name: (accepted, in words)."""
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


# -- collecting ------------------------------------------------------------------------------------------------


def derivations_folder() -> Path:
    """Where the project's own derivations are: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parent
    for folder in (package / "derivations", package.parent / "derivations"):
        if folder.is_dir():
            return folder
    raise InputError("the derivations are missing from this installation: reinstall symsched")


def theory() -> list[Path]:
    """The files of the project's own theorems, in order."""
    return sorted(derivations_folder().glob("c[0-9]*.py"))


@lru_cache(maxsize=64)
def load(path: str) -> tuple[Theorem, ...]:
    """The theorems bound at module level in a Python file, in order of definition.  Runs the file.

    Raises:
        InputError: the file cannot be read or run, or binds no theorem.
    """
    spec = importlib.util.spec_from_file_location(f"symsched_derivation_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise InputError(f"{path}: expected a Python file that binds Theorem objects")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = _line_of(error, path)
        raise InputError(f"{path}{line}: the file does not run: {type(error).__name__}: {error}") from error
    found = [value for value in vars(module).values() if isinstance(value, Theorem)]
    if not found:
        raise InputError(f"{path}: binds no Theorem; bind one at module level, as the files in derivations do")
    return tuple(found)


def _line_of(error: BaseException, path: str) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f", line {line}" if line else ""


def collect(names: Sequence[str] | None) -> list[Key]:
    """(file, theorem) for each name or path; the whole theory when there is none.

    Raises:
        InputError: an unknown claim, or a file that binds no theorem.
    """
    own = {theorem.name.lower(): (str(path), theorem.name) for path in theory() for theorem in load(str(path))}
    if not names:
        return list(own.values())
    keys: list[Key] = []
    for name in names:
        if name.lower() in own:
            keys.append(own[name.lower()])
        elif name.endswith(".py") or os.sep in name:
            keys += [(str(Path(name).resolve()), theorem.name) for theorem in load(str(Path(name).resolve()))]
        else:
            close = get_close_matches(name.lower(), own, 1)
            hint = f"did you mean {own[close[0]][1]}? " if close else ""
            known = ", ".join(key[1] for key in own.values())
            raise InputError(f"no claim {name!r}: {hint}expected one of {known}, or a path to a .py file")
    return keys


def find(key: Key) -> Theorem:
    """The theorem of a key."""
    return next(theorem for theorem in load(key[0]) if theorem.name == key[1])


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
    if level not in (*KINDS, "all"):
        raise InputError(f"level {level!r}: expected one of {', '.join(KINDS)}, all")
    start = time.perf_counter()
    keys = collect([names] if isinstance(names, str) else names)
    kinds = [k for name, group in KINDS.items() if level in (name, "all") for k in group]
    found = _run(keys, kinds, Setting(seed, paths, record), progress, workers)
    verdicts = tuple(_verdict(find(key), found[key]) for key in keys)
    return Report(verdicts, level, seed, time.perf_counter() - start, paths)


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
        if "monte_carlo" in kinds:
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
        raise InputError(f"a process of this run ended early: {guard}; or take workers=1") from None


def run_kinds(key: Key, kinds: Sequence[str], setting: Setting) -> list[CheckResult]:
    """The results of a theorem's checks of the given kinds."""
    return [run_check(check, setting) for check in find(key).checks if check.kind in kinds]


def _verdict(theorem: Theorem, results: list[CheckResult]) -> Verdict:
    return Verdict(
        theorem.name,
        theorem.title,
        theorem.statement,
        theorem.hypotheses,
        theorem.assumptions,
        theorem.source,
        tuple(results),
    )


class _Inline(Executor):
    """Runs each task at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _pool(tasks: int, workers: int | None) -> Executor:
    """Processes for symbolic work; none for one task."""
    count = min(tasks, workers or os.cpu_count() or 1)
    return quick(count, __name__) if count > 1 else _Inline()
