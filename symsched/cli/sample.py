"""`symsched sample`: images from a pretrained model, in any schedule, in few steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symsched.cli.help import SCHEDULES, Json, folded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HELP = folded("""
Sample a flow model and write a sheet of the images.

The model was trained with one schedule; it is sampled in another, the target, without retraining.  κ = 0 follows the
ODE: the noise decides the image.  κ > 0 adds the diffusion κ ε* on the way; κ = 1 is the statistical optimum.  An image
belongs to its seed and its number, whatever the batch.

[bold]Model[/bold]

  digits         the one that comes with symsched, 28 × 28
  FILE           other weights of that network, as safetensors

[bold]Solvers[/bold]

  lazy-auto                             the recommended default
  euler ab2 ab3 ab2c ab3c               in the target's coordinates
  heun midpoint                         the same, two evaluations a step
  ddim dpmpp2m dpmpp3m unipc2 unipc3    data prediction, in log r
  deis                                  data prediction, in the target's time
  em lazy ddim sde-dpmpp                for κ > 0

[bold]Grids[/bold]

  uniform, "angle(rho=2)", "shift(s=3)", "karras(rho=7)",
  "logsnr(low=0.01, high=100)", "flow([1, 0.8, 0.5, 0.2])"

[bold]Examples[/bold]

  symsched sample --model digits --steps 8 -o digits.png
  symsched sample --solver euler --grid "shift(s=3)" -o euler.png
  symsched sample --steps 24 --kappa 1 --count 100 --seed 7 -o sde.png
  symsched sample --steps 8 -o digits.png --json | jq .evaluations

It needs torch: pip install 'symsched\\[torch]'.
""")

DPI, DOTS = 100, 2  # dots to an inch of the sheet, and to a pixel of an image


def sample(
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The sheet: .png, .svg or .pdf.")],
    model: Annotated[str, typer.Option(help="digits, or a safetensors file.")] = "digits",
    target: Annotated[
        str, typer.Option(help="The schedule to sample in; auto is the lazy one of κ.", autocompletion=SCHEDULES)
    ] = "auto",
    kappa: Annotated[str, typer.Option(help="Diffusion scale κ = ε/ε*, in units of the optimal one.")] = "0",
    steps: Annotated[int, typer.Option(help="Number of steps.")] = 8,
    solver: Annotated[str, typer.Option(help="See above.")] = "lazy-auto",
    grid: Annotated[str | None, typer.Option(help="See above (default: the solver's own).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    count: Annotated[int, typer.Option(help="Number of images, at most 10000.")] = 64,
    batch: Annotated[int, typer.Option(help="Images that the model takes at a time.")] = 256,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N.")] = None,
    json: Json = None,
) -> None:
    import time

    from symsched import bridge
    from symsched.cli.output import writable, write_json
    from symsched.cli.warden import patience
    from symsched.errors import InputError
    from symsched.plotting import check_output, save

    check_output(output, DPI)
    writable(output, "--output")
    file = writable(json, "--json")
    if not 1 <= count <= 10_000:
        raise InputError(f"--count {count}: expected 1 to 10000 images")
    run = bridge.sample
    field = _load(model, device)
    recipe = bridge.Recipe(
        target=target, kappa=_number(kappa), steps=steps, solver=solver, grid=grid, calibration=field.calibration
    )
    plan = recipe.plan_for(field.native, math.prod(field.shape))
    patience(math.inf)  # from here on the network works, as often as was asked for
    started = time.perf_counter()
    images = run(field, count, plan=plan, seed=seed, batch=batch, progress=True)
    seconds = time.perf_counter() - started
    save(sheet(images.float().cpu().numpy()), output, DPI)
    if file is not None:
        write_json(file, _document(plan, model, seed, count, seconds, output))
    if file != "-":
        typer.echo(f"{output}: {count} images, {plan.nfe} evaluations each, {seconds:.2f} s ({plan.label})")


def _load(model: str, device: str | None) -> Any:
    """The field of the shipped model, or of other weights of its network, on a device that is there."""
    from symsched.bridge import digits
    from symsched.bridge.requests import as_device

    place = as_device(device or "cpu")
    return digits.load(device=place) if model == "digits" else digits.load(device=place, path=model)


def _number(kappa: str) -> Any:
    from symsched.parsing import parse_expression

    return parse_expression(kappa)


def sheet(images: Any) -> Figure:
    """Images (count, channels, height, width) with values in [−1, 1], on one sheet that is nearly square."""
    import numpy as np
    from matplotlib.figure import Figure

    count, channels, height, width = images.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cells = np.full((rows * columns, height, width, channels), -1.0)
    cells[:count] = images.transpose(0, 2, 3, 1)
    page = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2).reshape(rows * height, -1, channels)
    shown = np.clip((page + 1) / 2, 0, 1)
    scale = DOTS / DPI
    figure = Figure(figsize=(shown.shape[1] * scale, shown.shape[0] * scale))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(shown[..., 0] if channels == 1 else shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    return figure


def _document(plan: Any, model: str, seed: int, count: int, seconds: float, output: str) -> dict[str, Any]:
    import symsched

    return {
        "version": symsched.__version__,
        "model": model,
        "plan": plan.label,
        "evaluations": plan.nfe,
        "times": [stage.time for stage in plan.stages],
        "seed": seed,
        "count": count,
        "seconds": seconds,
        "file": output,
    }
