"""`symsched convert`: closed forms and values of the conversion between two schedules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symsched.cli.help import SCHEDULES, Json, folded

if TYPE_CHECKING:
    from symsched.derived import Asked, Derived

_COMMA = re.compile(r",(?![^()]*\))")  # not those between the arguments of a function
HELP = folded("""
Convert one schedule (and diffusion scale) to another.

If X solves the SDE of the source, c X_τ solves that of the target: a model trained on the source is asked at time τ and
at the state x/c.  With --kappa or --eps (of the source) the diffusion scale of the target, ε̄ = c² τ̇ ε(τ), is shown too.

[bold]Examples[/bold]

  symsched convert --from linear --to follmer
  symsched convert --from linear --to follmer --at 0.25 --json
  symsched convert --from vp --to "lazy(kappa=0)" --kappa 1 --at 0,1/4,1
""")


def convert(
    source: Annotated[str, typer.Option("--from", help="The schedule to convert from.", autocompletion=SCHEDULES)],
    target: Annotated[str, typer.Option("--to", help="The schedule to convert to.", autocompletion=SCHEDULES)],
    eps: Annotated[str | None, typer.Option(help="Diffusion scale ε of the source, an expression in t.")] = None,
    kappa: Annotated[str | None, typer.Option(help="The same in units of the optimal scale: κ = ε/ε*.")] = None,
    at: Annotated[str | None, typer.Option(metavar="t,t,…", help="Times in [0, 1] at which to print values.")] = None,
    json: Json = None,
) -> None:
    from symsched.cli.output import show_rows, writable, write_json
    from symsched.derived import Asked
    from symsched.derived.quantities import converted

    file = writable(json, "--json")
    asked = Asked.read(source, target, None, kappa, eps, None, "--")
    times = times_from_text(at, "--at")
    found = converted(asked)
    rows = _rows(asked, times)
    if file is not None:
        write_json(file, _document(asked, found, rows))
    if file == "-":
        return
    typer.echo(str(found))
    if rows:
        show_rows(rows)


def times_from_text(text: str | None, option: str, what: str = "time") -> list[float]:
    """Numbers in [0, 1] such as '0,1/4,0.5'; none for None."""
    from symsched.errors import InputError
    from symsched.parsing import parse_expression, quoted

    times = []
    for part in [] if text is None else _COMMA.split(text):
        if not part.strip():
            raise InputError(f"{option} {quoted(text)}: expected {what}s separated by single commas, such as 0,0.25,1")
        time = parse_expression(part, {})
        if not (time.is_real and 0 <= time <= 1):
            raise InputError(f"{option} {quoted(text)}: {quoted(part.strip())} is not a {what} in [0, 1]")
        times.append(float(time))
    return times


def _rows(asked: Asked, times: list[float]) -> list[dict[str, float]]:
    """One row per time: t, τ, c, τ̇, ċ, and ε̄ when a scale was given."""
    if not times:
        return []
    from symsched.derived.quantities import conversion_of, source_scale

    conversion = conversion_of(asked)
    exprs = {name: getattr(conversion, name) for name in ("tau", "scale", "tau_dot", "scale_dot")}
    scale = source_scale(asked)
    if scale is not None:
        exprs["eps"] = conversion.eps(scale)
    columns = dict(zip(exprs, conversion.values(tuple(exprs.values()), times), strict=True))
    return [{"t": time, **{k: float(v[i]) for k, v in columns.items()}} for i, time in enumerate(times)]


def _document(asked: Asked, found: Derived, rows: list[dict[str, float]]) -> dict[str, Any]:
    import symsched
    from symsched.cli.output import described
    from symsched.notation import latex_line

    return {
        "version": symsched.__version__,
        "from": described(asked.given),
        "to": described(asked.target),
        "kappa": None if asked.kappa is None else str(asked.kappa),
        "eps": None if asked.eps is None else str(asked.eps),
        "closed_form": not found.notes,
        "formulas": {f.name: {"expression": str(f.expr), "latex": latex_line(f.expr)} for f in found.formulas},
        "values": rows,
    }
