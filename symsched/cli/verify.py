"""`symsched verify`: every claim derived, decided and simulated; one row each."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from symsched.cli.help import Json, among, folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from symsched.verification import Report

REPORT = "report.html"
LEVELS = ("symbolic", "interval", "montecarlo", "all")
HELP = folded("""
Verify claims of the theory, or theorems of your own.

NAME is a claim (C1, C2, …), PATH a Python file that states theorems in the same form as those in derivations/; without
either, all claims are verified. Each is decided exactly, checked at 50 digits, bounded in interval arithmetic and
confirmed by Monte Carlo where it applies, and each check must also reject its sabotaged twins.

[bold]Examples[/bold]

  symsched verify                               # everything, about 90 seconds
  symsched verify --level symbolic              # exact decisions only
  symsched verify C3 C10 --paths 200000 --seed 7
  symsched verify my_theorem.py                 # runs this file
  symsched verify --json | jq .passed
  symsched verify --report out                  # a page, out/report.html
  symsched verify --certify                     # Coq checks the derivations
  symsched verify --mutate --json mutation.json # spoils every formula

--mutate tells which route notices each spoiled formula, and takes about ten minutes; a run that was stopped goes on
from mutation.json.part.

Exit codes: 0 all that was checked held, 1 a claim failed or nothing was checked at this level, 2 bad input.
""")


def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME|PATH", help="Claims or files.")] = None,
    level: Annotated[
        str, typer.Option(help="symbolic, interval, montecarlo or all.", autocompletion=among(*LEVELS))
    ] = "all",
    paths: Annotated[str | None, typer.Option(metavar="N", help="Monte Carlo paths per check.")] = None,
    seed: Annotated[str, typer.Option(metavar="N", help="Seed; the same seed gives the same report.")] = "0",
    json: Json = None,
    report: Annotated[
        str | None, typer.Option("--report", metavar="DIR", help="Write DIR/report.html, one page for readers.")
    ] = None,
    certify: Annotated[bool, typer.Option("--certify", help="Have Coq check the derivations, too.")] = False,
    mutate: Annotated[bool, typer.Option("--mutate", help="Spoil every formula; report who notices.")] = False,
) -> None:
    from symsched.cli.output import writable, writable_in, write_json
    from symsched.parsing import one_of

    one_of(level, LEVELS, "--level")
    count = None if paths is None else _whole(paths, "--paths", least=2)
    start = _whole(seed, "--seed", least=0)
    target = writable(json, "--json")
    page = writable_in(report, REPORT, "--report")
    from symsched.verification import verify as run

    if mutate:
        _mutate(names, target, refuse=certify or page is not None)
    if certify:
        _require_coq()
    # A theorem file may print: on stdout that would spoil the table or the JSON.
    with contextlib.redirect_stdout(sys.stderr), progress_bar("verifying") as progress:
        found = run(names or None, level, start, count, progress, record=page is not None)
        if certify:
            found = found.certified(_said_by_coq(names, progress))
    if target is not None:
        write_json(target, found.document())
    if page is not None:
        _write_page(page, found)
    if target != "-":
        _show(found)
        if page is not None:
            typer.echo(f"report: {page}")
    raise typer.Exit(0 if found.passed else 1)


def _mutate(names: list[str] | None, target: str | None, refuse: bool) -> None:
    """Run the mutants instead of the claims, and leave with the exit code."""
    from symsched.cli.mutation import show
    from symsched.cli.output import write_json
    from symsched.errors import InputError
    from symsched.mutation import mutate

    if refuse:
        raise InputError("--mutate: runs mutants and nothing else; leave out --certify and --report")
    with contextlib.redirect_stdout(sys.stderr), progress_bar("mutating") as progress:
        found = mutate(names or None, progress, journal=_journal(target))
    if target is not None:
        write_json(target, found.document())
    if target != "-":
        show(found)
    raise typer.Exit(0 if found.passed else 1)


def _journal(target: str | None) -> str | None:
    """Where a run that is stopped leaves what it found: beside its JSON, if that is a file."""
    from pathlib import Path

    if target is None or target == "-" or (Path(target).exists() and not Path(target).is_file()):
        return None
    return f"{target}.part"


def _require_coq() -> None:
    """Better before the work than after it."""
    from symsched.certify import find_coq

    find_coq()


def _said_by_coq(
    names: list[str] | None, progress: Callable[[int, int, str], None] | None
) -> dict[str, tuple[bool | None, str]]:
    """What Coq proved of each claim: True for all of it, None for a part or nothing, False where a proof failed."""
    from symsched.certify import certify as run

    found = run(names or None, None, progress)
    told: dict[str, tuple[bool | None, str]] = {}
    for one, said in found:
        failure = "" if said is None else said.failure
        told[one.name] = (False if failure else True if said and one.complete else None, failure or one.summary())
    return told


def _write_page(target: str, found: Report) -> None:
    from symsched.cli.output import write_text
    from symsched.report import render

    write_text(target, render(found), "--report")


def _whole(text: str, option: str, least: int) -> int:
    """A whole number in decimal digits, at least `least` and at most 2**63 - 1."""
    from symsched.errors import InputError
    from symsched.parsing import quoted

    digits = text.replace("_", "")
    if not (digits.isdecimal() and digits.isascii() and len(digits) < 20 and least <= int(digits) < 2**63):
        raise InputError(f"{option} {quoted(text)}: expected a whole number >= {least} and below 2**63")
    return int(digits)


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int, str], None] | None]:
    """A bar on a terminal, drawn on stderr; nothing when stderr is piped."""
    from symsched.progress import Bar

    with Bar(None, True, what=what) as bar:
        yield bar.at if bar.shown else None


ALL_COLUMNS = 110  # characters: where it is narrower, what was measured would be cut


def _show(report: Report) -> None:
    rows = [verdict.cells for verdict in report]
    if sys.stdout.isatty():
        _show_table(rows)
    else:
        _show_plain(rows)
    for verdict in report:
        for line in verdict.failures:
            typer.echo(f"{verdict.name} failed: {line}")
    _show_trust(report)
    typer.echo(f"{report.outcome} ({report.seconds:.1f} s)")


def _show_trust(report: Report) -> None:
    """The rates of the simulations, what Coq proved, and what is left to believe."""
    from symsched.verification import RATES

    rates = dict.fromkeys(rate for verdict in report for rate in RATES.findall(verdict.measured))
    if rates:
        typer.echo(f"Monte Carlo, each check: {' or '.join(rates)}")
    for verdict in report:
        if verdict.coq is not False and verdict.coq_detail:
            typer.echo(f"{verdict.name} in Coq: {verdict.coq_detail}")
    for verdict in report:
        if verdict.supposed:
            typer.echo(f"{verdict.name} is decided supposing {'; '.join(verdict.supposed)}")
    for verdict in report:
        if verdict.assumptions:
            typer.echo(f"{verdict.name} rests on what is not proved here: {'; '.join(verdict.assumptions)}")
    nothing = [verdict.name for verdict in report if not verdict.assumptions]
    if 0 < len(nothing) < len(report.verdicts):
        typer.echo(f"nothing unproved is taken by {', '.join(nothing)}")


def _show_plain(rows: list[tuple[str, ...]]) -> None:
    """Columns padded to their widest cell: readable in a log, and no escape codes."""
    from symsched.verification import COLUMNS

    widths = [max(len(row[i]) for row in [COLUMNS, *rows]) for i in range(len(COLUMNS))]
    for row in [COLUMNS, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _show_table(rows: list[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from symsched.verification import COLUMNS

    console = Console()
    shown = COLUMNS if console.width >= ALL_COLUMNS else COLUMNS[:-1]
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in shown:
        wraps = name in ("title", "measured")
        table.add_column(name if wraps else name.replace(" ", "\n"), no_wrap=not wraps)
    colours = {"✓": "green", "✗": "bold red", "–": "dim"}
    for row in rows:
        table.add_row(*(Text(cell, style=colours.get(cell, "")) for cell in row[: len(shown)]))
    console.print(table)
    if shown != COLUMNS:
        typer.echo("what was measured: in a wider window, in a pipe, or with --json or --report")
