"""`symsched derive`: one quantity, derived and printed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symsched.cli.help import SCHEDULES, Json, among, folded

if TYPE_CHECKING:
    from symsched.derived import Asked, Derived

FORMS = ("text", "latex", "json")
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
  symsched derive limits --schedule ddpm --json
""")


def _quantities() -> Iterable[str]:
    from symsched.derived import QUANTITIES

    return QUANTITIES


def derive(
    quantity: Annotated[
        str,
        typer.Argument(
            metavar="QUANTITY", help="What to derive; see the list above.", autocompletion=among(heavy=_quantities)
        ),
    ],
    schedule: Annotated[
        str | None, typer.Option("--schedule", "-s", help="The schedule, as text.", autocompletion=SCHEDULES)
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="For a conversion: the schedule to convert to.", autocompletion=SCHEDULES)
    ] = None,
    data: Annotated[str | None, typer.Option(help='The law of the data, such as "gaussian(0,1)".')] = None,
    kappa: Annotated[str | None, typer.Option(help="κ = ε/ε*: a number, or an expression in t.")] = None,
    eps: Annotated[str | None, typer.Option(help="The diffusion scale ε itself, an expression in t.")] = None,
    rho: Annotated[str | None, typer.Option(help="Standard deviation of the data (lazy, variance).")] = None,
    form: Annotated[str, typer.Option("--format", help="text, latex or json.", autocompletion=among(*FORMS))] = "text",
    json: Json = None,
) -> None:
    from symsched.cli.output import writable, write_json
    from symsched.derived import Asked, answer
    from symsched.parsing import one_of

    one_of(form, FORMS, "--format")
    target_file = writable(json, "--json") or ("-" if form == "json" else None)
    asked = Asked.read(schedule, target, data, kappa, eps, rho, "--")
    found = answer(quantity, asked)
    if target_file is not None:
        write_json(target_file, _document(quantity, asked, found))
    if target_file != "-":
        typer.echo(found.latex if form == "latex" else str(found))


def _document(quantity: str, asked: Asked, found: Derived) -> dict[str, Any]:
    """The JSON of one derivation; "expression" parses back to the formula, oo stands for infinity."""
    import symsched
    from symsched.cli.output import described

    given = {name: getattr(asked, name) for name in ("data", "kappa", "eps", "rho")}
    return {
        "version": symsched.__version__,
        "quantity": quantity,
        "schedule": described(asked.given),
        "target": described(asked.target),
        **{name: None if value is None else str(value) for name, value in given.items()},
        "formulas": [
            {"name": f.name, "text": f.text, "latex": f.latex, "expression": str(f.expr)} for f in found.formulas
        ],
        "notes": list(found.notes),
    }
