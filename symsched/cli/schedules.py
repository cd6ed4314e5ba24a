"""`symsched schedules`: the catalogue, with formulas and sources."""

from typing import Annotated, Any

import typer

from symsched.cli.help import Json, folded

HELP = folded("""
List the catalogue of schedules: formula, kind, parameters and source of each.

[bold]Examples[/bold]

  symsched schedules                            # all of them
  symsched schedules lazy ddpm                  # some of them
  symsched schedules --json | jq .              # for a program
""")


def schedules(
    names: Annotated[list[str] | None, typer.Argument(help="Names to show; all if none is given.")] = None,
    json: Json = None,
) -> None:
    from symsched import catalog
    from symsched.cli.output import writable, write_json

    target = writable(json, "--json")
    entries = [catalog.entry(name) for name in (names or catalog.names())]
    rows = [_row(entry) for entry in entries]
    if target is not None:
        write_json(target, {"schedules": rows})
    if target != "-":
        for row in rows:
            _show(row)


def _row(entry: Any) -> dict[str, str]:
    from symsched.notation import unicode_line

    general = entry.general()
    return {
        "name": entry.name,
        "signature": entry.signature,
        "domain": entry.domain,
        "kind": entry.kind,
        "summary": entry.summary,
        "alpha": str(general.alpha),
        "beta": str(general.beta),
        "formula": f"α = {unicode_line(general.alpha)}, β = {unicode_line(general.beta)}",
        "source": entry.source,
    }


def _show(row: dict[str, str]) -> None:
    domain = f"   ({row['domain']})" if row["domain"] else ""
    typer.echo(typer.style(row["signature"], fg=typer.colors.CYAN, bold=True) + domain)
    for line in (row["summary"], row["formula"], f"{row['kind']}; {row['source']}"):
        typer.echo(f"    {line}")
