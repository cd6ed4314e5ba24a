"""The page: a verdict, a table of all claims, a section for each, and where it all was made."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from symsched.report.html import Child, Html, element, join, table
from symsched.report.machine import machine, versions
from symsched.report.section import anchor, badge, duration, section
from symsched.report.words import finding, prose

if TYPE_CHECKING:
    from symsched.verification import Report, Verdict

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
)
ROUTES = ("exact", "numeric", "interval", "coq", "montecarlo")
COLUMNS = (
    *("Claim", "Title", "Exact", "Numeric", "Interval", "Coq", "Monte Carlo"),
    *("Sabotage rejected", "Time", "Measured"),
)
PAPER = (
    "Damsholt, Frellsen, Ditlevsen: Fast Sampling for Flows and Diffusions with Lazy and Point Mass Stochastic "
    "Interpolants, 2026, arXiv:2602.03789"
)
RATES = re.compile(r" \[false positives[^\]]*\]")  # in the section of the claim; too long for the table
FAILS = element("span", " fails", class_="bad")
READING = (
    ("Exact", "the residual of the claim, with every function left undefined, is rewritten as a rational function of "
     "its independent parts; its normal form is 0. This is a decision, not a simplification that happened to work."),
    ("Numeric", "the same residuals, with concrete functions put in, vanish to 50 digits at random points; and numbers "
     "agree with their closed forms."),
    ("Interval", "signs and bounds proved on the whole of (0, 1), by ball arithmetic or by root counting."),
    ("Coq", "with --certify: the derivatives and the residuals, as rational functions of their independent parts, are "
     "lemmas that the Coq kernel accepts, on no axioms but those of its real numbers."),
    ("Monte Carlo", "the stochastic differential equation itself is simulated and compared with its exact law. The "
     "probability of rejecting a true claim is at most the stated false-positive rate."),
    ("Sabotage", "every check is run again with a wrong formula put in, and must reject it: a check that accepts its "
     "twin proves nothing, and fails the claim."),
    ("–", "the route does not apply to the claim, or was not asked for."),
)  # fmt: skip


def render(report: Report) -> str:
    """The report as one HTML page that needs nothing else: no network, no script, and a font of its own for formulas.

    Args:
        report: the result of `verify(..., record=True)`; without `record` the expressions are missing.

    Two reports of the same run settings differ in their <time> elements alone.
    """
    title = f"symsched verification report: {report.outcome}"
    page = element("html", _head(title), _body(report), lang="en")
    return "<!DOCTYPE html>\n" + page.encode("utf-8", "replace").decode() + "\n"


def _head(title: str) -> Html:
    here = files("symsched.report")
    font = base64.b64encode(here.joinpath("maths.woff").read_bytes()).decode("ascii")
    rules = here.joinpath("style.css").read_text(encoding="utf-8")
    style = rules.replace("maths.woff", f"data:font/woff;base64,{font}")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="symsched"),
        element("title", title),
        element("style", Html(style)),
    )


def _body(report: Report) -> Html:
    return element(
        "body",
        element("a", "Skip to the claims", href="#claims", class_="skip"),
        _header(report),
        element("main", _summary(report), _reading(), *map(section, report), id="claims"),
        _footer(report),
    )


def _header(report: Report) -> Html:
    now = datetime.now(UTC)
    facts: list[Child] = [
        f"symsched {versions()['symsched']}",
        f"level: {report.level}",
        f"seed {report.seed}",
        element("time", f"{now.day} {now:%B %Y}, {now:%H:%M} UTC", datetime=f"{now:%Y-%m-%dT%H:%MZ}"),
        join(["took ", duration(report.seconds)]),
    ]
    line = [join([" · " if k else "", fact]) for k, fact in enumerate(facts)]
    outcome = report.outcome
    return element(
        "header",
        element("h1", "Verification report"),
        element("p", "Schedules for stochastic interpolants: every claim derived, decided and simulated", class_="sub"),
        element("p", badge(report.passed, outcome, outcome), class_="outcome-line"),
        element("p", *line, class_="facts"),
    )


# -- the table on top ------------------------------------------------------------------------------------------


def _summary(report: Report) -> Html:
    caption = "One row for each claim; its name leads to its section"
    inside = table(caption, COLUMNS, map(_row, report), "stacked summary")
    return element("section", element("h2", "Summary"), inside, id="summary")


def _row(verdict: Verdict) -> list[Child]:
    tried, rejected = verdict.sabotage
    twins: Child = f"{rejected} of {tried}"
    if rejected < tried:
        twins = element("span", "✗ ", twins, class_="bad")
    return [
        join([element("a", verdict.name, href=f"#{anchor(verdict.name)}"), FAILS if verdict.failed else None]),
        prose(verdict.title),
        *(mark(getattr(verdict, route)) for route in ROUTES),
        twins if tried else mark(None),
        duration(verdict.seconds),
        finding(RATES.sub("", verdict.measured)),
    ]


def mark(passed: bool | None) -> Html:
    """✓, ✗ or –, with its meaning in words for those who do not see it."""
    sign, word, kind = {
        None: ("–", "not applicable", "none"),
        True: ("✓", "holds", "good"),
        False: ("✗", "failed", "bad"),
    }[passed]
    return join([element("span", sign, class_=kind, aria_hidden="true"), element("span", word, class_="hidden")])


def _reading() -> Html:
    pairs = [(element("dt", term), element("dd", text)) for term, text in READING]
    notation = (
        "Notation: the interpolant is I = αZ + βX with noise Z and data X; α, β, ε are functions of time. A dot is a "
        "derivative by time, a prime by the argument, a bar belongs to the target of a conversion; ρ is the data's "
        "standard deviation, s the score, b the velocity, η_X and η_Z the mean fields, and ε = κε*."
    )
    return element(
        "section",
        element("h2", "How to read this"),
        element("dl", *pairs, class_="reading"),
        element("p", prose(notation)),
    )


# -- the colophon ----------------------------------------------------------------------------------------------


def _footer(report: Report) -> Html:
    paths = "what each check needs" if report.paths is None else str(report.paths)
    rows: list[tuple[str, Child]] = [
        ("Versions", ", ".join(f"{name} {number}" for name, number in versions().items())),
        ("Machine", machine()),
        ("Seed", str(report.seed)),
        ("Monte Carlo paths", paths),
        ("Total time", duration(report.seconds)),
        ("Run again", element("code", _command(report))),
    ]
    pairs = [(element("dt", term), element("dd", value)) for term, value in rows]
    return element(
        "footer",
        element("h2", "How this was made"),
        element("dl", *pairs),
        element("h2", "How to cite"),
        element("p", prose(f"Cite the theory as {PAPER}, and this software as")),
        element("pre", element("code", _bibtex())),
    )


def _command(report: Report) -> str:
    paths = "" if report.paths is None else f" --paths {report.paths}"
    return f"symsched verify {' '.join(v.name for v in report)} --level {report.level} --seed {report.seed}{paths}"


def _bibtex() -> str:
    number = versions()["symsched"]
    return (
        "@software{symsched,\n"
        "  title   = {symsched: derive, prove, simulate and ship interpolation schedules},\n"
        "  author  = {{The symsched maintainers}},\n"
        f"  version = {{{number}}},\n"
        "}"
    )
