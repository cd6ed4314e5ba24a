"""Theorems as data: what is claimed, under which hypotheses, how it is derived, and what would refute it.

A theorem is a list of checks of four kinds, each a plain function with keyword defaults that hold the formulas under
test:

- `step`: returns residuals that must vanish.  The verdict is exact (`decide_zero`), and the same residuals, with
  every undefined function replaced by a concrete one, must vanish to 50 digits at random points (mpmath).
- `values`: returns (label, value, expected) triples that must agree to 45 digits.
- `interval`: returns (label, expression, sign) triples whose sign must be proved on the whole of (0, 1).
- `monte_carlo`: runs the SDE itself and returns `Evidence`, with its false-positive rate and its power.

Every check can have sabotaged twins, `theorem.sabotage(check, "what is wrong", formula=wrong)`: the same function with
a wrong formula put in, which it must reject.  A check that accepts its twin proves nothing and fails the theorem.

A file that binds `Theorem` objects at module level is a derivation: `symsched verify my_file.py` runs it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.errors import InputError, UndecidedError
from symsched.exhibit import Exhibit, Point
from symsched.normalform import decide_zero
from symsched.rewriter import as_jet
from symsched.signs import sign_on_unit

DIGITS = 50
SLACK = 8  # digits lost to rounding in a residual that is evaluated with 10 guard digits
POINTS = 3
#: A resolution of 10⁻³ standard deviations in a mean (and √2 times that, relatively, in a Gaussian's variance).
PATHS = 1_000_000
#: Paths that show a twin to be wrong.
TWIN_PATHS = 20_000


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
class Outcome:
    """The result of one route on one check: passed, or not, and what was seen.

    `error` marks a failure that refutes nothing: the question was left undecided, or the check itself broke.
    """

    route: str
    passed: bool
    detail: str
    error: bool = False
    exhibits: tuple[Exhibit, ...] = ()
    points: tuple[Point, ...] = ()
    false_positive: float = 0.0


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

    def __call__(self, *args: Any, **formulas: Any) -> Any:
        return self.function(*args, **formulas)

    def run(self, setting: Setting, wrong: Mapping[str, Any] | None = None) -> list[Outcome]:
        """Every route that applies to this kind of check."""
        formulas = dict(wrong or {})
        if self.kind == "monte_carlo":
            evidence = self.function(setting, **formulas)
            points = tuple(Point(*point) for point in evidence.points)
            rate = evidence.false_positive
            return [Outcome("montecarlo", evidence.accepted, _evidence_text(evidence), False, (), points, rate)]
        found = self.function(**formulas)
        if self.kind == "step":
            residuals = labelled(found)
            routes = [_decide_all(residuals)]
            return [*routes, evaluated(residuals)] if self.options.get("numeric", True) else routes
        return [_compare_all(found, **self.options)] if self.kind == "values" else [_prove_signs(found)]


@dataclass
class Theorem:
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

    def step(self, description: str, *, numeric: bool = True) -> Callable[[Callable[..., Any]], Check]:
        """Register a derivation step: a function that returns residuals which must be identically zero.

        `numeric=False` leaves out the 50-digit evaluation, for residuals that only vanish for particular functions.
        """
        return self._register("step", description, numeric=numeric)

    def values(self, description: str, *, tolerance: float = 1e-45) -> Callable[[Callable[..., Any]], Check]:
        """Register numbers: a function that returns (label, value, expected) triples."""
        return self._register("values", description, tolerance=tolerance)

    def interval(self, description: str) -> Callable[[Callable[..., Any]], Check]:
        """Register signs: a function that returns (label, expression in t, "positive" | "nonnegative") triples."""
        return self._register("interval", description)

    def monte_carlo(self, description: str) -> Callable[[Callable[..., Any]], Check]:
        """Register a simulation: a function of a `Setting` that returns `Evidence`."""
        return self._register("monte_carlo", description)

    def _register(self, kind: str, description: str, **options: Any) -> Callable[[Callable[..., Any]], Check]:
        def register(function: Callable[..., Any]) -> Check:
            check = Check(kind, description, function, options)
            self.checks.append(check)
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


# -- the routes ------------------------------------------------------------------------------------------------


def labelled(found: Any) -> dict[str, sp.Expr]:
    if isinstance(found, Mapping):
        return {str(label): sp.sympify(residual, strict=True) for label, residual in found.items()}
    if isinstance(found, sp.MatrixBase):
        found = list(found)
    if isinstance(found, (list, tuple)):
        return {f"residual {k + 1}": sp.sympify(residual, strict=True) for k, residual in enumerate(found)}
    return {"residual": sp.sympify(found, strict=True)}


def _decide_all(residuals: Mapping[str, sp.Expr]) -> Outcome:
    """The exact route: every normal form is 0."""
    seen: list[Exhibit] = []
    for label, residual in residuals.items():
        decision = decide_zero(residual, bounded=False)
        seen.append(Exhibit(label, residual, decision.normal_form, decision.witness or ""))
        if not decision:
            kind = "is undecided, it reduces to" if decision.zero is None else "="
            witness = f" ({decision.witness})" if decision.witness else ""
            detail = f"{label} {kind} {_clip(decision.normal_form)}{witness}"
            return Outcome("exact", False, detail, decision.zero is None, tuple(seen))
    detail = f"{len(residuals)} normal form{'s' * (len(residuals) != 1)} = 0"
    return Outcome("exact", True, detail, exhibits=tuple(seen))


def evaluated(residuals: Mapping[str, sp.Expr]) -> Outcome:
    """The numeric route: concrete functions, random points, 50 digits."""
    worst = mpmath.mpf(0)
    for label, residual in residuals.items():
        size = max(_relative_sizes(residual))
        worst = max(worst, size)
        if not size < mpmath.mpf(10) ** (SLACK - DIGITS):
            return Outcome("numeric", False, f"{label} is {mpmath.nstr(size, 3)} of its terms at a random point")
    return Outcome("numeric", True, f"|residual| < {mpmath.nstr(worst + mpmath.mpf(10) ** -DIGITS, 2)}")


def _relative_sizes(residual: sp.Expr) -> list[mpmath.mpf]:
    """|residual| relative to the largest of its terms, at each random point."""
    jets: dict[sp.Expr, _Jet] = {}
    expr = _flatten(residual.doit(), jets)
    terms = sp.Add.make_args(sp.expand_mul(expr)) if expr.count_ops() < 400 else sp.Add.make_args(expr)
    symbols = sorted(residual.free_symbols, key=str)
    evaluate = sp.lambdify([*symbols, *(jet.letter for jet in jets.values())], [expr, *terms], "mpmath")
    sizes = []
    with mpmath.workdps(DIGITS + 10):
        for k in range(POINTS):
            point = {s: _coordinate(str(s), k) for s in symbols}
            for jet in jets.values():
                point[jet.letter] = jet.at(point)
            total, *parts = (abs(mpmath.mpmathify(v)) for v in evaluate(*point.values()))
            sizes.append(total / max([*parts, mpmath.mpf(1)]))
    return sizes


@dataclass(frozen=True)
class _Jet:
    """A derivative of an undefined function, at arguments written in symbols and letters of earlier jets."""

    letter: sp.Dummy
    name: str
    orders: tuple[int, ...]
    args: tuple[sp.Expr, ...]

    def at(self, point: Mapping[sp.Symbol, mpmath.mpf]) -> mpmath.mpf:
        """Its value when the function is 3/2 + sin(φ)/2 + exp(−φ)/3 with a phase φ linear in the arguments."""
        seeds = [zlib.crc32(f"{self.name}:{i}".encode()) % 97 + 3 for i in range(len(self.args) + 1)]
        phase, slopes = mpmath.mpf(seeds[-1]) / 40, mpmath.mpf(1)
        for seed, order, arg in zip(seeds, self.orders, self.args, strict=False):
            place = point[arg] if arg in point else sp.lambdify(list(point), arg, "mpmath")(*point.values())
            phase += mpmath.mpf(seed) / 61 * place
            slopes *= (mpmath.mpf(seed) / 61) ** order
        order = sum(self.orders)
        wave = mpmath.sin(phase + order * mpmath.pi / 2) / 2 + (-1) ** order * mpmath.exp(-phase) / 3
        return slopes * (wave + mpmath.mpf(3) / 2 * (order == 0))


def _flatten(expr: sp.Expr, jets: dict[sp.Expr, _Jet]) -> sp.Expr:
    """`expr` with a letter for each jet, inner ones first; `jets` collects what the letters stand for."""
    found = as_jet(expr)
    if found is not None:
        head, orders, args = found
        if expr not in jets:
            inner = tuple(_flatten(arg, jets) for arg in args)
            jets[expr] = _Jet(sp.Dummy(f"u{len(jets)}"), str(head), orders, inner)
        return jets[expr].letter
    if not expr.has(AppliedUndef):
        return expr
    return expr.func(*(_flatten(arg, jets) for arg in expr.args))


def _coordinate(name: str, k: int) -> mpmath.mpf:
    """A number in (0.1, 0.9) that depends on the name alone, so that runs repeat."""
    with mpmath.workdps(DIGITS + 10):
        return mpmath.mpf(1) / 10 + mpmath.mpf(zlib.crc32(f"{name}/{k}".encode()) % 79_999) / 100_000


def _compare_all(triples: Iterable[tuple[str, Any, Any]], tolerance: float) -> Outcome:
    worst, seen = mpmath.mpf(0), list[Exhibit]()
    for label, value, expected in triples:
        with mpmath.workdps(DIGITS + 10):
            one, other = _number(value), _number(expected)
            gap = abs(one - other) / max(1, abs(other))
        worst = max(worst, gap)
        seen.append(Exhibit(label, mpmath.nstr(one, 30), mpmath.nstr(other, 30), mpmath.nstr(gap, 2)))
        if not gap <= tolerance:
            shown = f"{mpmath.nstr(one, 17)} instead of {mpmath.nstr(other, 17)}"
            return Outcome("numeric", False, f"{label} is {shown}", exhibits=tuple(seen))
    detail = f"agrees to {mpmath.nstr(worst + mpmath.mpf(10) ** -DIGITS, 2)}"
    return Outcome("numeric", True, detail, exhibits=tuple(seen))


def _number(value: Any) -> Any:
    if value in (sp.oo, -sp.oo):
        return mpmath.mpf("inf" if value == sp.oo else "-inf")
    if isinstance(value, sp.Basic):
        return mpmath.mpmathify(sp.N(value, DIGITS + 10))
    return mpmath.mpmathify(value)


def _prove_signs(triples: Iterable[tuple[str, sp.Expr, str]]) -> Outcome:
    seen, methods = list[Exhibit](), set[str]()
    for label, expr, wanted in triples:
        sign = sign_on_unit(expr)
        seen.append(Exhibit(label, sp.sympify(expr, strict=True), sign.value, sign.method))
        if not (sign.positive if wanted == "positive" else sign.nonnegative):
            where = f" at t = {sign.witness[0]:.6g}" if sign.witness else ""
            detail = f"{label} is {sign.value}{where}, not {wanted}"
            return Outcome("interval", False, detail, not sign.decided, tuple(seen))
        methods |= {sign.method}
    detail = f"{len(seen)} signs proved ({', '.join(sorted(methods))})"
    return Outcome("interval", True, detail, exhibits=tuple(seen))


def _evidence_text(evidence: Evidence) -> str:
    power = "" if evidence.power is None else f", power {_share(evidence.power)}"
    return f"{evidence.measured} [false positives ≤ {evidence.false_positive:.0e}{power}]"


def _share(power: float) -> str:
    return "> 99.9%" if power > 0.999 else f"{power:.1%}"


def _clip(expr: sp.Expr, width: int = 160) -> str:
    text = str(expr)
    return text if len(text) <= width else text[: width - 1] + "…"


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
        return all(o.passed for o in self.outcomes) and all(rejected for _, rejected, _ in self.twins)


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
    try:
        return check.run(setting, wrong)
    except Exception as error:  # a broken check is a finding about the theorem, whatever broke it
        route = {"step": "exact", "values": "numeric", "interval": "interval"}.get(check.kind, "montecarlo")
        return [Outcome(route, False, f"{type(error).__name__}: {error}", error=not _is_refusal(error))]


def _is_refusal(error: Exception) -> bool:
    """Whether the library understood the formula and refused it, as opposed to breaking on it."""
    return isinstance(error, InputError) and not isinstance(error, UndecidedError)


def _rejected(outcomes: list[Outcome]) -> tuple[bool, str]:
    """A twin is rejected when every route that applies rejects it: an undecided or broken check rejects nothing."""
    failed = [o for o in outcomes if not o.passed and not o.error]
    return len(failed) == len(outcomes), "; ".join(o.detail for o in outcomes)
