"""`symsched derive`: one quantity, derived and printed."""

from typing import Annotated

import typer

from symsched.cli.help import folded

HELP = folded("""
Derive a formula and print it as text, LaTeX or JSON.

QUANTITY is one of [bold]drift, score, velocity, eta_x, eta_z, diffusion, epsstar, variance, schedule, ratio, kind,
limits, lazy, conversion[/bold].

What is not given stays a symbol: without --schedule the formula holds for every (α, β), without --kappa for every κ,
without --rho for every ρ, and without --data the fields are written in η_X = E[X | I = x].

[bold]Examples[/bold]

  symsched derive lazy --kappa 1 --rho 1        # α² = β(1 − β)
  symsched derive lazy --schedule vp            # the scale that makes vp lazy
  symsched derive drift --schedule follmer --data "gaussian(0,1)" --kappa 1
  symsched derive epsstar --schedule "alpha=1-t; beta=t" --format latex
  symsched derive conversion --schedule linear --target follmer --kappa 1
  symsched derive limits --schedule ddpm --format json
""")


def derive(
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY", help="What to derive; see the list above.")],
    schedule: Annotated[str | None, typer.Option("--schedule", "-s", help="The schedule, as text.")] = None,
    target: Annotated[str | None, typer.Option(help="For a conversion: the schedule to convert to.")] = None,
    data: Annotated[str | None, typer.Option(help='The law of the data, such as "gaussian(0,1)".')] = None,
    kappa: Annotated[str | None, typer.Option(help="κ = ε/ε*: a number, or an expression in t.")] = None,
    eps: Annotated[str | None, typer.Option(help="The diffusion scale ε itself, an expression in t.")] = None,
    rho: Annotated[str | None, typer.Option(help="Standard deviation of the data (lazy, variance).")] = None,
    form: Annotated[str, typer.Option("--format", help="text, latex or json.")] = "text",
) -> None:
    from symsched.cli.derivable import QUANTITIES
    from symsched.cli.output import write_json
    from symsched.cli.request import Request, document
    from symsched.errors import InputError
    from symsched.parsing import did_you_mean, quoted

    if form not in ("text", "latex", "json"):
        raise InputError(f"--format {quoted(form)}: expected text, latex or json")
    if quantity not in QUANTITIES:
        known = ", ".join(QUANTITIES)
        raise InputError(f"cannot derive {quoted(quantity)}{did_you_mean(quantity, QUANTITIES)} (known: {known})")
    request = Request.read(schedule, target, data, kappa, eps, rho)
    found = QUANTITIES[quantity](request)
    if form == "json":
        write_json("-", document(quantity, request, found))
        return
    for formula in found.formulas:
        typer.echo(formula.latex if form == "latex" else formula.text)
    for note in found.notes if form == "text" else ():
        typer.echo(note)
