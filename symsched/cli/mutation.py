"""The tables of `symsched verify --mutate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from symsched.mutation import Mutant, Mutation

NAMES = {"normal_form": "normal form", "numeric": "50 digits", "coq": "Coq"}


def show(found: Mutation) -> None:
    """The shares, then every mutant that is not plainly caught."""
    for line in table(found):
        typer.echo(line)
    for row in found.rows:
        if row.status in ("survives", "broken") or (row.status == "changed" and row.noticed < 2):
            typer.echo(f"{row.status}: {row.place}: {row.description}{_by(row)}")
    least = sum(row.noticed >= 2 for row in found.changed)
    left = f", {found.untried} not reached in time" if found.untried else ""
    typer.echo(f"{least} of {len(found.changed)} noticed by two routes or more{left} ({found.seconds:.0f} s)")


def _by(row: Mutant) -> str:
    by = [name for route, name in NAMES.items() if getattr(row, route)]
    return f" ({row.detail or 'noticed by ' + (', '.join(by) or 'none')})"


def table(found: Mutation) -> list[str]:
    """What became of the mutants by kind, and the share that each route noticed of those that change meaning."""
    lines = [f"{'':12}{'mutants':>9}{'equivalent':>12}{'refused':>9}{'broken':>8}{'change':>8}" + _heads()]
    kinds = list(dict.fromkeys(row.kind for row in found.rows))
    lines += [_line(kind, [row for row in found.rows if row.kind == kind]) for kind in kinds]
    return [*lines, _line("all", list(found.rows))]


def _heads() -> str:
    return "".join(f"{name:>13}" for name in NAMES.values()) + f"{'two or more':>13}"


def _line(name: str, rows: list[Mutant]) -> str:
    counts = [sum(row.status == status for row in rows) for status in ("equivalent", "refused", "broken")]
    moved = [row for row in rows if row.status in ("changed", "survives")]
    shares = [_share([getattr(row, route) for row in moved]) for route in NAMES]
    shares.append(_share([row.noticed >= 2 for row in moved]))
    counted = f"{len(rows):>9}{counts[0]:>12}{counts[1]:>9}{counts[2]:>8}{len(moved):>8}"
    return f"{name:12}{counted}" + "".join(f"{share:>13}" for share in shares)


def _share(found: list[bool | None]) -> str:
    asked = [one for one in found if one is not None]
    return f"{sum(asked)} of {len(asked)}" if asked else "–"
