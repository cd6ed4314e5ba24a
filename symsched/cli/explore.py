"""`symsched explore`: the offline explorer page."""

from __future__ import annotations

from typing import Annotated

import typer

from symsched.cli.help import folded

HELP = folded("""
Write the explorer: one HTML page that works offline, in any browser, on a phone too.

Sliders for κ, ρ, the clock and the number of steps; a source and a target schedule; their curves, the same Brownian
paths under both, the exact error after N steps, the formulas, and generated code to copy.  Every formula on the page is
derived by SymPy when the page is written.  The address of a view can be shared.

[bold]Examples[/bold]

  symsched explore                              # explorer.html, here
  symsched explore -o docs/explorer.html
  symsched explore -o - > page.html
""")


def explore(
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Where to write ('-': stdout).")
    ] = "explorer.html",
) -> None:
    from symsched.cli.output import writable, write_text

    target = writable(output, "-o")
    from symsched.explorer import render

    write_text(target or "-", render(), "-o")
    if target != "-":
        typer.echo(f"wrote {output}: open it in a browser")
