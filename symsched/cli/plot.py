"""`symsched plot …`: one command for each figure; all write a png, svg or pdf."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symsched.cli.help import SCHEDULES, Commands, folded
from symsched.cli.plot_help import SHORT, help_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HELP = folded("""
Draw schedules, conversions, paths, drifts and errors to a PNG, SVG or PDF file.

A schedule has the same colour and dashes in every figure.  The data come from the derived formulas; laws after N steps
are exact, not sampled.

[bold]Examples[/bold]

  symsched plot families --kappa 0,0.25,1,4 --rho 1 -o families.svg
  symsched plot plane --kappa 0,1,inf --rho 0.5,1,2 -o plane.pdf
  symsched plot paths --from linear --to follmer --kappa 1 -o paths.png
  symsched plot error --schedule linear --schedule "lazy(kappa=0, rho=0.5)" --data "gaussian(0, 0.5)" -o error.svg
""")

plots = Commands(name="plot", help=HELP)

Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The file: .png, .svg or .pdf.")]
Title = Annotated[str | None, typer.Option(help="A title instead of the finding; '' for none.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="A schedule's name; repeat in their order.")]
Legend = Annotated[str | None, typer.Option(help='"none", "outside", or a place such as "upper left".')]
Look = Annotated[str, typer.Option("--style", help="screen, paper or slides.")]
Size = Annotated[str | None, typer.Option(metavar="WxH", help="Width and height in inches, such as 8x5.")]
Dpi = Annotated[float, typer.Option(help="Dots per inch of a PNG, 30 to 1200.")]
Schedules = Annotated[
    list[str] | None, typer.Option("--schedule", help="A schedule; repeat for several.", autocompletion=SCHEDULES)
]
From = Annotated[str, typer.Option("--from", help="The source schedule.", autocompletion=SCHEDULES)]
To = Annotated[str, typer.Option("--to", help="The target schedule.", autocompletion=SCHEDULES)]
Kappa = Annotated[
    str | None, typer.Option(metavar="κ,κ,…", help="Diffusion scale κ = ε/ε*: one, or one for each schedule.")
]
OneKappa = Annotated[str, typer.Option(help="Diffusion scale κ = ε/ε*, in units of the optimal one.")]
Data = Annotated[str | None, typer.Option(help='The law of the data, such as "gaussian(0, 0.5)".')]
Steps = Annotated[str | None, typer.Option(metavar="N,N,…", help="Numbers of steps, such as 1,2,4,8.")]
Scheme = Annotated[str, typer.Option(help="euler, lazy, exponential or heun.")]
Seed = Annotated[int, typer.Option(help="Seed of the Brownian motion.")]


Given = dict[str, Any]


def _command(name: str) -> Callable[[Callable[..., Given]], Callable[..., None]]:
    """A command that draws what its function was given; where to, and how it looks, is asked of every plot."""

    def made(function: Callable[..., Given]) -> Callable[..., None]:
        def command(
            *,
            output: Output,
            title: Title = None,
            label: Labels = None,
            legend: Legend = None,
            style: Look = "screen",
            size: Size = None,
            dpi: Dpi = 200,
            **own: Any,
        ) -> None:
            wishes = {"title": title, "labels": label, "legend": legend, "style": style}
            _draw(name, output, size, dpi, **function(**own), **wishes)

        first, *common = [p for p in signature(command, eval_str=True).parameters.values() if p.kind != p.VAR_KEYWORD]
        own = [p.replace(kind=p.KEYWORD_ONLY) for p in signature(function, eval_str=True).parameters.values()]
        asked = [first, *own, *common]
        command.__signature__ = Signature(asked)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in asked}
        return plots.command(name, short_help=SHORT[name], help=help_of(name))(command)

    return made


@_command("families")
def families(
    schedule: Schedules = None,
    kappa: Annotated[str | None, typer.Option(metavar="κ,κ,…", help="The lazy schedules of these κ.")] = None,
    rho: Annotated[str, typer.Option(metavar="ρ,ρ,…", help="Standard deviations of the data.")] = "1",
) -> Given:
    kappas = None if kappa is None else _list(kappa, "--kappa")
    return {"schedules": schedule, "kappa": kappas, "rho": _list(rho, "--rho")}


@_command("plane")
def plane(
    kappa: Annotated[str, typer.Option(metavar="κ,κ,…", help="κ from 0 to inf.")] = "0,1/4,1,4,inf",
    rho: Annotated[str, typer.Option(metavar="ρ,ρ,…", help="Standard deviations of the data, at most 6.")] = "1/2,1,2",
) -> Given:
    return {"kappa": _list(kappa, "--kappa"), "rho": _list(rho, "--rho")}


@_command("claim")
def claim(
    names: Annotated[list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Claims, such as C21 C22.")] = None,
) -> Given:
    return {"names": names}


@_command("conversion")
def conversion(
    source: From = "linear",
    target: Annotated[
        list[str] | None, typer.Option("--to", help="A target schedule; repeat for several.", autocompletion=SCHEDULES)
    ] = None,
) -> Given:
    return {"source": source, "targets": target}


@_command("paths")
def paths(
    source: From = "linear",
    target: To = "follmer",
    data: Data = None,
    kappa: OneKappa = "1",
    number: Annotated[int, typer.Option("--paths", help="Number of paths, 1 to 12.")] = 5,
    steps: Annotated[int, typer.Option(help="Steps of the simulation, 10 to 20000.")] = 600,
    seed: Seed = 7,
    field: Annotated[bool, typer.Option(help="Show the drift behind the paths.")] = True,
) -> Given:
    return {
        "source": source,
        "target": target,
        "data": data,
        "kappa": kappa,
        "n_paths": number,
        "steps": steps,
        "seed": seed,
        "field": field,
    }


@_command("drift")
def drift(
    source: From = "linear",
    target: To = "follmer",
    data: Annotated[list[str] | None, typer.Option(help="A law of the data; repeat for several rows.")] = None,
    kappa: OneKappa = "1",
    reach: Annotated[float, typer.Option(help="States shown, from −reach to reach.")] = 2.5,
) -> Given:
    return {"source": source, "target": target, "data": data, "kappa": kappa, "reach": reach}


@_command("energy")
def energy(
    kappa: Annotated[str | None, typer.Option(metavar="κ,κ,…", help="κ > 0, at most four.")] = None,
    separation: Annotated[
        str | None, typer.Option(metavar="d,d,…", help="Distances of the modes in their standard deviations.")
    ] = None,
) -> Given:
    kappas = None if kappa is None else _list(kappa, "--kappa")
    apart = None if separation is None else _list(separation, "--separation")
    return {"kappa": kappas, "separation": apart}


@_command("error")
def error(
    schedule: Schedules = None,
    data: Data = None,
    kappa: Kappa = None,
    steps: Steps = None,
    scheme: Scheme = "euler",
) -> Given:
    given = {"kappa": _kappas(kappa), "steps": _counts(steps), "scheme": scheme}
    return {"schedules": schedule, "data": data, **given}


@_command("law")
def law(
    schedule: Schedules = None,
    data: Data = None,
    kappa: Kappa = None,
    steps: Steps = None,
    scheme: Scheme = "euler",
) -> Given:
    given = {"kappa": _kappas(kappa), "steps": _counts(steps), "scheme": scheme}
    return {"schedules": schedule, "data": data, **given}


@_command("orders")
def orders(
    schedule: Schedules = None,
    data: Data = None,
    kappa: Kappa = None,
    steps: Steps = None,
    start: Annotated[float, typer.Option(help="The first time, between 0 and 1.")] = 0.1,
    number: Annotated[int, typer.Option("--paths", help="Number of coupled paths.")] = 400,
    seed: Seed = 0,
) -> Given:
    given = {"kappa": _kappas(kappa), "steps": _counts(steps), "start": start, "n_paths": number, "seed": seed}
    return {"schedules": schedule, "data": data, **given}


@_command("guidance")
def guidance(
    data: Data = None,
    unconditional: Annotated[str | None, typer.Option(help="The law without condition; Gaussian.")] = None,
    weight: Annotated[str | None, typer.Option(metavar="w,w,…", help="Weights w > 0, at most three.")] = None,
    kappa: Annotated[str | None, typer.Option(metavar="κ,κ,…", help="At least three κ > 0.")] = None,
) -> Given:
    weights = None if weight is None else _list(weight, "--weight")
    kappas = None if kappa is None else _list(kappa, "--kappa")
    given = {"conditional": data, "unconditional": unconditional, "weight": weights, "kappa": kappas}
    return {**given}


@_command("kl")
def kl(
    schedule: Schedules = None,
    data: Data = None,
    model: Annotated[str | None, typer.Option(help="What the model takes the data for; Gaussian.")] = None,
    kappa: Annotated[str | None, typer.Option(metavar="κ,κ,…", help="At least three κ > 0.")] = None,
) -> Given:
    kappas = None if kappa is None else _list(kappa, "--kappa")
    return {"schedules": schedule, "data": data, "model": model, "kappa": kappas}


@_command("spacing")
def spacing(
    rho: Annotated[str | None, typer.Option(metavar="ρ,ρ,…", help="Standard deviations of two to five modes.")] = None,
    steps: Steps = None,
) -> Given:
    modes = None if rho is None else _list(rho, "--rho")
    return {"spectrum": modes, "steps": _counts(steps)}


@_command("start")
def start(
    kappa: Annotated[str | None, typer.Option(metavar="κ,κ,…", help="Scales over the lazy one, two or more.")] = None,
    steps: Steps = None,
) -> Given:
    kappas = None if kappa is None else _list(kappa, "--kappa")
    return {"kappa": kappas, "steps": _counts(steps)}


@_command("overview")
def overview(seed: Seed = 3) -> Given:
    return {"seed": seed}


def _draw(plot: str, output: str, size: str | None, dpi: float, **given: Any) -> None:
    """Check where to write before the work, draw, write.  Options not given keep the library's defaults."""
    from symsched import plotting
    from symsched.cli.output import writable

    plotting.check_output(output, dpi)
    writable(output, "-o")
    inches = None if size is None else _inches(size)
    options = {name: value for name, value in given.items() if value is not None and value != []}
    figure: Figure = getattr(plotting, plot)(**options)
    if inches is not None:
        plotting.resize(figure, inches)
    plotting.save(figure, output, dpi)


def _list(text: str, option: str) -> list[str]:
    """Items separated by commas.  Raises InputError for an empty list or item."""
    from symsched.errors import InputError
    from symsched.parsing import quoted

    items = [part.strip() for part in text.split(",")]
    if not all(items):
        raise InputError(f"{option} {quoted(text)}: expected numbers separated by single commas, such as 0,1/4,1")
    return items


def _kappas(text: str | None) -> Any:
    if text is None:
        return None
    items = _list(text, "--kappa")
    return items[0] if len(items) == 1 else items


def _counts(text: str | None) -> list[int] | None:
    """Whole numbers separated by commas.  Raises InputError for anything else."""
    from symsched.errors import InputError
    from symsched.parsing import quoted

    if text is None:
        return None
    items = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in items):
        raise InputError(f"--steps {quoted(text)}: expected whole numbers separated by single commas, such as 1,2,4,8")
    return [int(part) for part in items]


def _inches(text: str) -> tuple[float, float]:
    from symsched import plotting
    from symsched.errors import InputError
    from symsched.parsing import quoted

    try:
        width, height = (float(part) for part in text.lower().split("x"))
    except ValueError:
        raise InputError(f"--size {quoted(text)}: expected width x height in inches, such as 8x5") from None
    return plotting.check_size((width, height))
