"""The section of one theorem: statement, derivation, values, signs, Monte Carlo, and the sabotaged twins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import sympy as sp

from symsched.exhibit import Exhibit, Point
from symsched.report.html import Child, Html, element, join, table
from symsched.report.mathml import formula, math
from symsched.report.picture import axis, scale_of, strip
from symsched.report.words import finding, number, prose, statement

if TYPE_CHECKING:
    from symsched.routes import Outcome
    from symsched.theorem import CheckResult
    from symsched.verification import Verdict

OPEN = 3  # residuals of a step that are shown without unfolding
LONG = 60  # operations above which a residual is folded
WIDE = 30  # operations above which what a twin leaves is counted, not shown: it has a column only
HEADINGS = {
    "step": "Derivation",
    "values": "Values",
    "interval": "Signs on the whole of (0, 1)",
    "monte_carlo": "Monte Carlo",
}

Numbered = tuple[str, "CheckResult"]  # the check and its number, such as "C3.2"


def anchor(name: str) -> str:
    """The identifier of a theorem's section."""
    return "claim-" + "".join(c if c.isalnum() and c.isascii() else f"-{ord(c):x}-" for c in name)


def section(verdict: Verdict) -> Html:
    """Everything about one theorem."""
    checks = [(f"{verdict.name}.{k + 1}", check) for k, check in enumerate(verdict.checks)]
    parts = [_group(kind, [numbered for numbered in checks if numbered[1].kind == kind]) for kind in HEADINGS]
    title = element("h2", element("span", verdict.name, class_="name"), " ", prose(verdict.title))
    return element(
        "section",
        element(
            "div", title, badge(verdict.passed, "holds", "fails" if verdict.failed else "not checked"), class_="head"
        ),
        element("p", statement(verdict.statement), class_="statement"),
        _suppositions(verdict),
        _failures(verdict),
        *parts,
        _sabotage(checks),
        id=anchor(verdict.name),
        class_="claim",
    )


def badge(passed: bool, yes: str, no: str) -> Html:
    """A verdict that can be read without its colour."""
    return element(
        "span", "✓ " if passed else "✗ ", yes if passed else no, class_="badge good" if passed else "badge bad"
    )


def duration(seconds: float) -> Html:
    """A time that was measured; the only thing on the page, with its date, that differs from run to run."""
    text = f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds / 60:.1f} min"
    return element("time", text, datetime=f"PT{seconds:.1f}S")


def _suppositions(verdict: Verdict) -> Html:
    rows = (
        ("Hypotheses", verdict.hypotheses),
        ("Taken for granted, not proved here", verdict.assumptions),
        ("Source", (verdict.source,) if verdict.source else ()),
    )
    pairs = [(element("dt", term), element("dd", _items(items))) for term, items in rows if items]
    return element("dl", *pairs) if pairs else Html("")


def _items(items: Sequence[str]) -> Html:
    if len(items) == 1:
        return statement(items[0])
    return element("ul", *(element("li", statement(item)) for item in items))


def _failures(verdict: Verdict) -> Html | None:
    if not verdict.failures:
        return None
    lines = [element("li", finding(line)) for line in verdict.failures]
    return element("div", element("h3", "What failed"), element("ul", *lines), class_="failures")


def _group(kind: str, checks: Sequence[Numbered]) -> Html | None:
    if not checks:
        return None
    show: dict[str, Callable[[Outcome], Child]] = {
        "step": _residuals,
        "values": _values,
        "interval": _signs,
        "monte_carlo": _evidence,
    }
    items = []
    for label, check in checks:
        outcome = check.outcomes[0]
        body = [show[kind](outcome) if outcome.exhibits or outcome.points or kind == "monte_carlo" else None]
        items.append(element("li", _title(label, check), *body, _verdicts(check), class_="check"))
    return element("div", element("h3", HEADINGS[kind]), element("ol", *items, class_="checks", role="list"))


def _title(label: str, check: CheckResult) -> Html:
    return element("p", element("span", label, class_="number"), " ", prose(check.description), class_="what")


def _verdicts(check: CheckResult) -> Html:
    digits = "50 digits" if check.kind == "step" else "numeric"
    names = {"exact": "exact", "numeric": digits, "interval": "interval", "montecarlo": "Monte Carlo"}
    lines = []
    for outcome in check.outcomes:
        kind = "good" if outcome.passed else "bad"
        word = "✓" if outcome.passed else "undecided" if outcome.error else "✗"
        detail = f"{names.get(outcome.route, outcome.route)}: {outcome.detail}"
        lines.append(element("span", element("span", word, class_=kind), " ", finding(detail), class_="outcome"))
    return element("p", *lines, class_="outcomes")


# -- symbolic steps --------------------------------------------------------------------------------------------


def _residuals(outcome: Outcome) -> Html:
    lines = [_residual(e, len(outcome.exhibits) > 1) for e in outcome.exhibits]
    more = len(lines) - OPEN
    if more <= 1:
        return join(lines)
    return join([*lines[:OPEN], _folded(f"{more} more residuals, each decided alike", lines[OPEN:])])


def _residual(shown: Exhibit, labelled: bool) -> Html:
    label = element("span", prose(shown.label), class_="label") if labelled else None
    if not isinstance(shown.before, sp.Basic):
        return element("div", label, element("code", str(shown.before)), class_="formula")
    if shown.before == 0:
        return _line(label, math(element("mn", "0")), "the two sides already cancel term by term")
    if shown.after == 0:
        size = int(shown.before.count_ops())
        typeset, remark = _equation(shown.before), math(element("mo", "→"), element("mn", "0"))
        remark = join(["difference ", remark, " by normal form"])
        if size > LONG:
            name = join([prose(shown.label), ": "]) if labelled else None
            return _folded([name, f"a residual of {size} operations, = 0 by normal form"], [_line(None, typeset)])
        return _line(label, typeset, remark)
    return _line(label, formula(shown.before, "≠ 0"), join(["normal form ", _left(shown)]))


def _equation(residual: sp.Basic) -> Html:
    """A residual as the equation that it was: what is taken away stands on the right."""
    terms = sp.Add.make_args(residual)
    taken = [-term for term in terms if term.could_extract_minus_sign()]
    if not 0 < len(taken) < len(terms):
        return formula(residual, "= 0")
    left = sp.Add(*(term for term in terms if -term not in taken))
    return element("span", formula(left, "="), " ", formula(sp.Add(*taken)), class_="sum")


def _line(label: Html | None, typeset: Html, remark: Child = None) -> Html:
    note = element("span", remark, class_="remark") if remark else None
    box = element("div", typeset, class_="scroll", tabindex="0", role="group", aria_label="formula")
    return element("div", label, box, note, class_="formula")


def _left(shown: Exhibit) -> Html:
    """What is left of a residual that does not vanish, and where that was seen."""
    if isinstance(shown.after, sp.Basic) and shown.after.count_ops() > WIDE:
        what: Html = element("span", f"a normal form of {_numerator_terms(shown.after)} terms")
    else:
        what = formula(shown.after) if isinstance(shown.after, sp.Basic) else element("code", str(shown.after))
    return join([what, finding(f", {shown.note}") if shown.note else None])


def _numerator_terms(expr: sp.Basic) -> int:
    return len(sp.Add.make_args(sp.expand(sp.fraction(expr)[0])))


def _folded(summary: Child, content: Sequence[Child]) -> Html:
    return element("details", element("summary", summary), *content)


# -- values and signs ------------------------------------------------------------------------------------------


def _values(outcome: Outcome) -> Html:
    rows = [
        (prose(e.label), element("code", str(e.before)), element("code", str(e.after)), finding(e.note))
        for e in outcome.exhibits
    ]
    return table("Values to 30 digits", ("Quantity", "Derived", "Expected", "Gap"), rows, "numbers")


def _signs(outcome: Outcome) -> Html:
    rows = [(prose(e.label), _expression(e.before), str(e.after), e.note) for e in outcome.exhibits]
    return table("Signs proved on (0, 1)", ("Quantity", "Expression", "Sign", "Proof"), rows, "signs")


def _expression(value: object) -> Html:
    return formula(value) if isinstance(value, sp.Basic) else element("code", str(value))


# -- Monte Carlo -----------------------------------------------------------------------------------------------


def _evidence(outcome: Outcome) -> Child:
    if not outcome.points:
        return None
    rate = outcome.false_positive
    scale = scale_of(outcome.points, rate)
    heads = ("Quantity", "Estimate", "Std. error", "Exact", join(["Deviation in standard errors", axis(scale)]))
    rows = [(prose(p.label), *_numbers(p), strip(p, scale, rate)) for p in outcome.points]
    caption = "Estimates (dot: estimate; bar: 95% interval; line: interval at the check's level) against exact values"
    return table(caption, heads, rows, "points")


def _numbers(point: Point) -> tuple[Html, Html, Html]:
    return number(point.estimate), number(point.standard_error, 2), number(point.exact)


# -- sabotage --------------------------------------------------------------------------------------------------


def _sabotage(checks: Sequence[Numbered]) -> Html | None:
    rows = [row for label, check in checks for row in _twins(label, check)]
    if bare := [label for label, check in checks if not check.twins]:
        told = f"No twin of {', '.join(bare)}: nothing shows that these checks could fail."
        none = element("p", told, class_="bad")
        if not rows:
            return join([element("h3", "Sabotaged twins"), none])
    else:
        none = None
    if not rows:
        return None
    heads = ("Check", "Made wrong", "Verdict", "How it showed")
    return join(
        [
            element("h3", "Sabotaged twins"),
            none,
            table("Each check run again with a wrong formula", heads, rows, "stacked twins"),
        ]
    )


def _twins(label: str, check: CheckResult) -> list[tuple[Child, ...]]:
    outcomes = check.twin_outcomes or ((),) * len(check.twins)
    return [
        (label, prose(wrong), badge(rejected, "rejected", "not rejected"), _how(detail, found))
        for (wrong, rejected, detail), found in zip(check.twins, outcomes, strict=True)
    ]


def _how(detail: str, outcomes: Sequence[Outcome]) -> Html:
    """What was left of a step, typeset; the simulated numbers; otherwise the check's own words."""
    if not outcomes:
        return finding(detail)
    first, *rest = outcomes
    last = first.exhibits[-1] if first.exhibits else None
    if first.route == "exact" and last is not None and isinstance(last.after, sp.Basic):
        equation = join([prose(last.label), " = ", _left(last)])
        return element("div", equation, *(join(["; ", finding(o.detail)]) for o in rest), class_="found")
    told = "; ".join(o.detail.partition(" [false positives")[0] for o in outcomes)
    worst = max(first.points, key=lambda p: abs(p.deviation), default=None)
    seen = [element("br"), finding(_sentence(worst))] if worst else None
    return element("div", finding(told), seen, class_="found")


def _sentence(p: Point) -> str:
    gap = f"{abs(p.deviation):.3g} standard errors away"
    return f"{p.label}: {p.estimate:.5g} ± {p.standard_error:.2g} against {p.exact:.5g}, {gap}"
