"""Theorems as data: what is claimed, under which hypotheses, how it is derived, and what would refute it.

A theorem is a list of checks of four kinds, each a plain function with keyword defaults that hold the formulas under
test:

- `step`: returns residuals that must vanish.  The verdict is exact (`decide_zero`), and the same residuals, with
  every undefined function replaced by a concrete one, must vanish to 50 digits at random points (mpmath).
- `values`: returns (label, value, expected) triples that must agree to 45 digits, relative to their own size.
- `interval`: returns (label, expression, sign) triples whose sign must be proved on the whole of (0, 1).
- `monte_carlo`: runs the SDE itself and returns `Evidence`, with its false-positive rate and its power.

Every check can have sabotaged twins, `theorem.sabotage(check, "what is wrong", formula=wrong)`: the same function with
a wrong formula put in, which it must reject: understood, and refuted on every route that applies.  A check that
accepts its twin, breaks on it or leaves it undecided proves nothing and fails the theorem, as does a check that
returns nothing.

A file that binds `Theorem` objects at module level is a derivation: `symsched verify my_file.py` runs it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from symsched.agreement import known_tolerance
from symsched.errors import InputError
from symsched.exhibit import Point
from symsched.routes import Outcome, compare_all, decide_all, evaluated, labelled, prove_signs
from symsched.shown import Shown, Table

#: A resolution of 10⁻³ standard deviations in a mean (and √2 times that, relatively, in a Gaussian's variance).
PATHS = 1_000_000
#: Paths that show a twin to be wrong.
TWIN_PATHS = 20_000
#: Relative, of values.
TOLERANCE = 1e-45


@dataclass(frozen=True)
class Evidence:
    """What a Monte Carlo check found.

    `measured` says it in numbers; `false_positive` bounds the probability of rejecting a true claim, and `power` is
    the probability of rejecting a claim as wrong as the weakest of the twins.  `points` are estimates
    beside exact values, (label, estimate, standard error, exact), for the report to draw.
    """

    accepted: bool
    measured: str
    false_positive: float
    power: float | None = None
    points: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        """Raises InputError for rates that are no probabilities or say nothing, an answer that is neither yes nor no,
        and an acceptance that the points contradict.
        """
        if not isinstance(self.accepted, bool | np.bool_):
            raise InputError(f"Evidence(accepted={self.accepted!r}): expected True or False")
        if type(self.measured) is not str:
            raise InputError(f"Evidence(measured={told(self.measured)}): expected a text")
        if not _is_number(self.false_positive) or not 0 <= self.false_positive < 0.5:
            raise InputError(f"Evidence(false_positive={told(self.false_positive)}): expected a probability below 1/2")
        if self.power is not None and not (_is_number(self.power) and 0 <= self.power <= 1):
            raise InputError(f"Evidence(power={told(self.power)}): expected a probability, or None")
        if self.accepted and self.power is not None and self.power <= self.false_positive:
            what = f"accepted with power {self.power} and false positives of {self.false_positive}"
            raise InputError(f"Evidence: {what}: wrong claims would pass as often as true ones; take more paths")
        _check_points(self.points, bool(self.accepted))

    @property
    def text(self) -> str:
        """The measurement and its rates, in one line."""
        share = "" if self.power is None else "> 99.9%" if self.power > 0.999 else f"{self.power:.1%}"
        return f"{self.measured} [false positives ≤ {self.false_positive:.0e}{', power ' * bool(share)}{share}]"


#: Standard errors from the exact value beyond which no test accepts: by chance it happens once in 10¹⁵.
CONTRADICTION = 8
ROUNDING = 1e-12


def _check_points(points: Any, accepted: bool) -> None:
    """Raises InputError for what is no point, and for an accepted one that is far from the exact value."""
    if not isinstance(points, (tuple, list)):
        raise InputError(f"Evidence(points={told(points)}): expected a tuple of points")
    for point in points:
        if not isinstance(point, (tuple, list)) or len(point) != 4 or not all(map(_is_number, point[1:])):
            raise InputError(f"Evidence: point {told(point)}: expected (label, estimate, standard error, exact)")
        label, estimate, error, exact = point
        allowed = CONTRADICTION * error + ROUNDING * max(abs(estimate), abs(exact))
        if type(label) is not str or error < 0:
            raise InputError(f"Evidence: point {told(point)}: expected a text, and a standard error of at least 0")
        if accepted and abs(estimate - exact) > allowed:
            how = f"{estimate:.6g} ± {error:.2g} is far from {exact:.6g}"
            raise InputError(
                f"Evidence: accepted, but {label}: {how}; expected at most {CONTRADICTION} standard errors"
            )


def _is_number(value: Any) -> bool:
    """Finite and real, and no bool."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool | np.complexfloating)
    return number and bool(abs(value) < math.inf)


def told(value: Any) -> str:
    """What something says of itself, in one line, whatever comes of asking it."""
    try:
        text = str(value) if isinstance(value, BaseException) else repr(value)
        return " ".join(text.split())
    except KeyboardInterrupt:
        raise
    except BaseException:  # it is the author's code that runs here
        return f"a {type(value).__name__} that cannot be printed"


def line_of(error: BaseException, path: str) -> int | None:
    """The last line of a file that was running when the error came, or that cannot be read."""
    if isinstance(error, SyntaxError) and error.filename in (path, None):
        return error.lineno
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


@dataclass(frozen=True)
class Setting:
    """What a check is run with: a seed, the number of Monte Carlo paths (None: what the check needs) and a bound of
    it, and whether the expressions it decides on are kept for a report.
    """

    seed: int = 0
    paths: int | None = None
    record: bool = False
    most: int | None = None

    def size(self, default: int) -> int:
        """The number of paths to start from."""
        wanted = default if self.paths is None else self.paths
        return wanted if self.most is None else min(wanted, self.most)


@dataclass(frozen=True)
class Twin:
    """A sabotaged check: the same function with wrong formulas."""

    description: str
    wrong: Mapping[str, Any]


@dataclass
class Check:
    """One check of a theorem; calling it calls the function."""

    kind: str
    description: str
    function: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    twins: list[Twin] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises InputError for a kind that is not known, and for parts that are not what they should be."""
        well_formed_check(self)

    def __call__(self, *args: Any, **formulas: Any) -> Any:
        return self.function(*args, **formulas)

    def run(self, setting: Setting, wrong: Mapping[str, Any] | None = None) -> list[Outcome]:
        """Every route that applies to this kind of check."""
        formulas = dict(wrong or {})
        if self.kind == "monte_carlo":
            evidence = self.function(setting, **formulas)
            if not isinstance(evidence, Evidence):
                raise InputError(f"a simulation returned {type(evidence).__name__}: expected Evidence")
            # Looked at once more: it may be of another class, or have been changed since it was made.
            evidence = Evidence(*(getattr(evidence, part.name) for part in fields(Evidence)))
            points = tuple(Point(*point) for point in evidence.points)
            rate = evidence.false_positive
            return [Outcome("montecarlo", bool(evidence.accepted), evidence.text, False, (), points, rate)]
        found = self.function(**formulas)
        if self.kind == "step":
            residuals = labelled(found)
            routes = [decide_all(residuals)]
            return [*routes, evaluated(residuals)] if self.options.get("numeric", True) else routes
        if self.kind == "values":
            return [compare_all(found, known_tolerance(self.options.get("tolerance", TOLERANCE)))]
        return [prove_signs(found)]


_loads: list[list[Theorem]] = []  # one list for each file that is being loaded, and each check that runs


@contextmanager
def made() -> Iterator[list[Theorem]]:
    """The theorems that are made meanwhile, by whatever code, copies too."""
    noted: list[Theorem] = []
    _loads.append(noted)
    try:
        yield noted
    finally:
        del _loads[next(k for k, one in enumerate(_loads) if one is noted)]


@dataclass(repr=False)
class Theorem(Shown):
    """A claim of the theory.

    Args:
        name: short label, such as "C3".
        title: a few words.
        statement: the claim, with its formulas.
        hypotheses: what is supposed.
        assumptions: analytic facts that are cited and not proved here (existence, Girsanov, …).
        source: where it comes from.
    """

    name: str
    title: str
    statement: str
    hypotheses: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    source: str = ""
    checks: list[Check] = field(default_factory=list, repr=False)
    _announced: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __new__(cls, *_args: Any, **_parts: Any) -> Theorem:
        """Noted here and not after `__init__`, which a copy does not run."""
        theorem = super().__new__(cls)
        if _loads:
            _loads[-1].append(theorem)
        return theorem

    def __post_init__(self) -> None:
        """Raises InputError for a name that is no word of one line, and for parts that are not what they should be."""
        well_formed(self)

    def _line(self) -> str:
        twins = sum(len(check.twins) for check in self.checks)
        return f"Theorem({self.name}, {self.title}: {len(self.checks)} checks, {twins} sabotaged twins)"

    def _table(self) -> Table:
        rows = [("", "statement", self.statement)]
        rows += [("", "supposed", one) for one in self.hypotheses]
        rows += [("", "not proved here", one) for one in self.assumptions]
        rows += [(str(k), check.kind, check.description) for k, check in enumerate(self.checks, 1)]
        return ("", self.name, self.title), rows

    def step(self, description: str, *, numeric: bool = True) -> Callable[[Callable[..., Any]], Check]:
        """Register a derivation step: a function that returns residuals which must be identically zero.

        `numeric=False` leaves out the 50-digit evaluation, for residuals that only vanish for particular functions.
        """
        return self._register("step", description, numeric=numeric)

    def values(self, description: str, *, tolerance: float = TOLERANCE) -> Callable[[Callable[..., Any]], Check]:
        """Register numbers: a function that returns (label, value, expected) triples; the tolerance is relative.

        Raises:
            InputError: a tolerance of 1 or more, which lets everything pass.
        """
        return self._register("values", description, tolerance=known_tolerance(tolerance))

    def interval(self, description: str) -> Callable[[Callable[..., Any]], Check]:
        """Register signs: a function that returns (label, expression in t, sign) triples.

        A sign is "positive", "nonnegative", "negative" or "nonpositive".
        """
        return self._register("interval", description)

    def monte_carlo(self, description: str) -> Callable[[Callable[..., Any]], Check]:
        """Register a simulation: a function of a `Setting` that returns `Evidence`."""
        return self._register("monte_carlo", description)

    def _register(self, kind: str, description: str, **options: Any) -> Callable[[Callable[..., Any]], Check]:
        wanted = "a text that says what it shows, in brackets"
        _expect(f"theorem {self.name}: a {kind} check", description, wanted, _is_text)
        self._announced.append(description)

        def register(function: Callable[..., Any]) -> Check:
            check = Check(kind, description, function, options)
            self.checks.append(check)
            if description in self._announced:
                self._announced.remove(description)
            return check

        return register

    def sabotage(self, check: Check, description: str, **wrong: Any) -> None:
        """Register a twin of `check` with wrong formulas, which must be rejected.

        Raises:
            InputError: `check` does not belong to this theorem, or no formula is replaced.
        """
        if all(check is not own for own in self.checks) or not wrong:
            raise InputError(f"{self.name}: sabotage {description!r} needs a check of this theorem and a wrong formula")
        check.twins.append(Twin(description, wrong))


def well_formed(theorem: Theorem) -> None:
    """Raises InputError for a theorem with parts that are not what they should be; they may change after it is made."""
    name = getattr(theorem, "name", None)
    if type(name) is not str or not name.strip() or not name.isprintable():
        raise InputError(f"a theorem named {told(name)}: expected a short name on one line")
    for part in ("title", "statement", "source"):
        _expect(f"theorem {name}: {part}", getattr(theorem, part, None), "a text", _is_text)
    for part in ("hypotheses", "assumptions"):
        _expect(f"theorem {name}: {part}", getattr(theorem, part, None), "a tuple of texts", _are_texts)
    checks = getattr(theorem, "checks", None)
    _expect(f"theorem {name}: checks", checks, "a list of checks", lambda v: _are(v, Check))
    for check in checks or ():
        well_formed_check(check)
    for description in getattr(theorem, "_announced", ()):
        raise InputError(f"theorem {name}: {description!r} is announced and no function follows; put @ before it")


def well_formed_check(check: Check) -> None:
    """Raises InputError for a check of no known kind, or with parts that are not what they should be."""
    _expect("a check: description", check.description, "a text", _is_text)
    where = f"check {check.description!r}"
    kinds = [kind for group in KINDS.values() for kind in group]
    _expect(f"{where}: kind", check.kind, f"one of {', '.join(kinds)}", lambda v: _is_text(v) and v in kinds)
    _expect(f"{where}: function", check.function, "a function", callable)
    _expect(f"{where}: options", check.options, "a mapping", lambda v: isinstance(v, Mapping))
    _expect(f"{where}: twins", check.twins, "a list of twins", lambda v: _are(v, Twin))
    for twin in check.twins:
        _expect(f"{where}: a twin's description", twin.description, "a text", _is_text)
        _expect(f"{where}: a twin's formulas", twin.wrong, "a mapping of names", lambda v: isinstance(v, Mapping))


def _expect(what: str, value: Any, wanted: str, fits: Callable[[Any], bool]) -> None:
    if not fits(value):
        raise InputError(f"{what} = {told(value)}: expected {wanted}")


def _is_text(value: Any) -> bool:
    return type(value) is str  # a text of another class may not travel between processes


def _are_texts(value: Any) -> bool:
    return type(value) in (tuple, list) and all(map(_is_text, value))


def _are(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


# -- running ---------------------------------------------------------------------------------------------------

KINDS = {"symbolic": ("step", "values"), "interval": ("interval",), "montecarlo": ("monte_carlo",)}


@dataclass(frozen=True)
class CheckResult:
    """What one check, and each of its twins, came to."""

    kind: str
    description: str
    outcomes: tuple[Outcome, ...]
    twins: tuple[tuple[str, bool, str], ...]  # (what is wrong, rejected, how)
    seconds: float
    twin_outcomes: tuple[tuple[Outcome, ...], ...] = ()  # what each twin came to, route by route

    @property
    def passed(self) -> bool:
        every = bool(self.outcomes) and all(o.passed for o in self.outcomes)
        return every and all(rejected for _, rejected, _ in self.twins)


def run_check(check: Check, setting: Setting) -> CheckResult:
    """Run a check and its twins; an exception is a failure of the check, not of the program."""
    start = time.perf_counter()
    outcomes = _guarded(check, setting, None)
    wrong = [_guarded(check, replace(setting, most=TWIN_PATHS), twin.wrong) for twin in check.twins]
    twins = [(twin.description, *_rejected(found)) for twin, found in zip(check.twins, wrong, strict=True)]
    seconds = time.perf_counter() - start
    kept = [_kept(found, setting.record) for found in [outcomes, *wrong]]
    return CheckResult(check.kind, check.description, kept[0], tuple(twins), seconds, tuple(kept[1:]))


def _kept(outcomes: list[Outcome], record: bool) -> tuple[Outcome, ...]:
    """Outcomes as they travel between processes: with expressions only where someone will read them."""
    return tuple(replace(o, exhibits=tuple(e.portable() for e in o.exhibits if record)) for o in outcomes)


def _guarded(check: Check, setting: Setting, wrong: Mapping[str, Any] | None) -> list[Outcome]:
    route = {"step": "exact", "values": "numeric", "interval": "interval"}.get(check.kind, "montecarlo")
    try:
        with made() as new:
            found = check.run(setting, wrong)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a broken check is a finding about the theorem, whatever broke it
        if isinstance(error, InputError):
            return [Outcome(route, False, told(error), error=True)]
        path = getattr(getattr(check.function, "__code__", None), "co_filename", "")
        line = line_of(error, path)
        where = f" ({Path(path).name}, line {line})" if line else ""
        return [Outcome(route, False, f"{type(error).__name__}: {told(error)}{where}", error=True)]
    if new:
        return [Outcome(route, False, "a theorem is made in the check, where nothing looks at it", error=True)]
    return found


def _rejected(outcomes: list[Outcome]) -> tuple[bool, str]:
    """A twin is rejected when every route that applies refutes it: what is undecided, refused or broken is not."""
    failed = [o for o in outcomes if not o.passed and not o.error]
    return bool(failed) and len(failed) == len(outcomes), "; ".join(o.detail for o in outcomes)
