"""`symsched convert`: closed forms and values of the conversion between two schedules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symsched.cli.help import SCHEDULES, Json, folded

if TYPE_CHECKING:
    from sympy import Expr

    from symsched.cli.request import Formula, Found, Request
    from symsched.conversion import Conversion

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
    from symsched.cli.request import Request

    file = writable(json, "--json")
    request = Request.read(source, target, None, kappa, eps, None)
    times = times_from_text(at, "--at")
    found = converted(request)
    rows = _rows(request, times)
    if file is not None:
        write_json(file, _document(request, found, rows))
    if file == "-":
        return
    for formula in found.formulas:
        typer.echo(formula.text)
    for note in found.notes:
        typer.echo(note)
    if rows:
        show_rows(rows)


def converted(request: Request) -> Found:
    """τ, c, their derivatives, and the target's diffusion scale when a source scale was given."""
    from symsched.cli.request import Formula, Found, shorter

    conversion = _conversion(request)
    formulas = [
        Formula("tau", "τ", r"\tau", shorter(conversion.tau)),
        Formula("scale", "c", "c", shorter(conversion.scale)),
        Formula("tau_dot", "τ̇", r"\dot{\tau}", shorter(conversion.tau_dot)),
        Formula("scale_dot", "ċ", r"\dot{c}", shorter(conversion.scale_dot)),
    ]
    scale = _source_scale(request)
    if scale is not None:
        formulas.append(Formula("eps", "ε̄", r"\bar{\varepsilon}", shorter(conversion.eps(scale))))
    note = "r of the source has no closed inverse: τ(t) stays a function; --at prints its values in full precision"
    return Found(tuple(formulas), () if conversion.closed_form else (note,))


def _conversion(request: Request) -> Conversion:
    from symsched.conversion import Conversion

    assert request.given is not None
    assert request.target is not None
    return Conversion(request.given, request.target)


def _source_scale(request: Request) -> Expr | None:
    """ε of the source: given, or κ ε*; None when neither was given."""
    if request.eps is not None:
        return request.eps
    return None if request.kappa is None else request.kappa * request.schedule.eps_star


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


def _rows(request: Request, times: list[float]) -> list[dict[str, float]]:
    """One row per time: t, τ, c, τ̇, ċ, and ε̄ when a scale was given."""
    if not times:
        return []
    conversion = _conversion(request)
    exprs = {name: getattr(conversion, name) for name in ("tau", "scale", "tau_dot", "scale_dot")}
    scale = _source_scale(request)
    if scale is not None:
        exprs["eps"] = conversion.eps(scale)
    columns = dict(zip(exprs, conversion.values(tuple(exprs.values()), times), strict=True))
    return [{"t": time, **{k: float(v[i]) for k, v in columns.items()}} for i, time in enumerate(times)]


def _document(request: Request, found: Found, rows: list[dict[str, float]]) -> dict[str, Any]:
    import symsched
    from symsched.cli.notation import latex_line
    from symsched.cli.request import described

    closed: dict[str, Formula] = {f.name: f for f in found.formulas}
    return {
        "version": symsched.__version__,
        "from": described(request.given),
        "to": described(request.target),
        "kappa": None if request.kappa is None else str(request.kappa),
        "eps": None if request.eps is None else str(request.eps),
        "closed_form": not found.notes,
        "formulas": {name: {"expression": str(f.expr), "latex": latex_line(f.expr)} for name, f in closed.items()},
        "values": rows,
    }
