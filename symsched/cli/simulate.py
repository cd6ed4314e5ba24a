"""`symsched simulate`: Monte Carlo of an interpolant's SDE, with moments and quantiles at any times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from symsched.cli.help import SCHEDULES, Json, among, folded

if TYPE_CHECKING:
    from symsched.montecarlo import Result

SCHEMES = ("euler", "lazy", "exponential", "heun", "sra1")
HELP = folded("""
Simulate dX = b dt + √(2ε) dW for a schedule and a law of the data, and print mean, variance and quantiles.

The result depends on the seed and the number of paths alone, not on the threads; more paths leave the first ones as
they are.  Ctrl-C prints what was done so far, marked as partial, and exits with 130; with --checkpoint a later run goes
on from there.

[bold]Schemes[/bold]

  euler          one evaluation a step
  lazy           the noise's exact variance: exact where the drift vanishes
  exponential    exact for Gaussian data in any schedule
  heun, sra1     two evaluations a step; sra1 has strong order 3/2

[bold]Examples[/bold]

  symsched simulate --schedule follmer --data "gaussian(0,1)" --kappa 1 --scheme lazy --steps 1
  symsched simulate --schedule linear --data "mixture(weights=[.5,.5],means=[-1,1],stds=[.3,.3])" --eps 1/2
  symsched simulate --schedule vp --data "gaussian(1,.5)" --kappa 1 --save 0.5,1 --paths 1000000 --json
""")


#: Seconds to derive and compile, and of a step of one path in one dimension, each some hundred times the usual.
PREPARING, SLOWEST = 300, 1e-5


def simulate(
    schedule: Annotated[
        str, typer.Option(help='The schedule: a catalogue call, or "alpha=…; beta=…".', autocompletion=SCHEDULES)
    ],
    data: Annotated[str, typer.Option(help='The law of the data, such as "gaussian(0,1)".')],
    kappa: Annotated[str | None, typer.Option(help="Diffusion scale κ = ε/ε*, in units of the optimal one.")] = None,
    eps: Annotated[str | None, typer.Option(help="Diffusion scale ε, an expression in t; neither: ε = 0.")] = None,
    paths: Annotated[int, typer.Option(help="Number of paths.")] = 100_000,
    steps: Annotated[int, typer.Option(help="Equal steps from the start to t = 1.")] = 200,
    scheme: Annotated[
        str, typer.Option(help="euler, lazy, exponential, heun or sra1.", autocompletion=among(*SCHEMES))
    ] = "euler",
    save: Annotated[str | None, typer.Option(metavar="t,t,…", help="Times to report (default: first, last).")] = None,
    start: Annotated[str | None, typer.Option(metavar="t", help="Time of the first state (default 0).")] = None,
    quantiles: Annotated[str, typer.Option(metavar="q,q,…", help="Quantiles to report.")] = "0.05,0.5,0.95",
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    threads: Annotated[int | None, typer.Option(help="Worker threads (default: all cores).")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keep the state of the run in FILE, and go on from it.")
    ] = None,
    json: Json = None,
) -> None:
    from symsched.cli.convert import times_from_text
    from symsched.cli.output import writable, write_json
    from symsched.cli.warden import patience
    from symsched.derived import Asked
    from symsched.montecarlo import simulate as run

    writable(checkpoint, "--checkpoint")
    file = writable(json, "--json")
    asked = Asked.read(schedule, None, data, kappa, eps, None, "--")
    levels = times_from_text(quantiles, "--quantiles", "number")
    first = times_from_text(start, "--start")
    sde = asked.equation(kappa=asked.kappa, eps=asked.eps)
    patience(PREPARING + SLOWEST * paths * steps * sde.data.dim)
    found = run(
        sde, paths, steps, scheme, seed=seed, save=times_from_text(save, "--save") or None,
        start=first[0] if first else None, dtype=dtype, threads=threads, checkpoint=checkpoint, progress=True,
    )  # fmt: skip
    if file is not None:
        write_json(file, _document(found, asked, levels, scheme, seed))
    if file != "-":
        _show(found, levels)
    if found.partial:  # what was done is shown, and whoever waits for all of it is told
        raise SystemExit(130)


def _document(found: Result, asked: Any, levels: list[float], scheme: str, seed: int) -> dict[str, Any]:
    import symsched
    from symsched.cli.output import described

    table = found.quantiles(levels)
    return {
        "version": symsched.__version__,
        "schedule": described(asked.given),
        "data": asked.data.summary,
        "kappa": None if asked.kappa is None else str(asked.kappa),
        "eps": None if asked.eps is None else str(asked.eps),
        "scheme": scheme,
        "seed": seed,
        "steps": len(found.grid) - 1,
        "paths": found.n_paths,
        "partial": found.partial,
        "seconds": found.seconds,
        "values": [
            {
                "t": float(found.times[k]),
                "mean": found.mean[k].tolist(),
                "mean_error": found.mean_error[k].tolist(),
                "var": found.var[k].tolist(),
                "var_error": found.var_error[k].tolist(),
                "cov": found.cov[k].tolist(),
                "quantiles": {str(q): table[k, i].tolist() for i, q in enumerate(levels)},
            }
            for k in range(len(found.times))
        ],
    }


def _rows(found: Result, levels: list[float]) -> list[dict[str, float]]:
    """One row for each time and coordinate."""
    import numpy as np

    d, table = found.dim, found.quantiles(levels)
    columns = {"mean": found.mean, "±": found.mean_error, "var": found.var, "± ": found.var_error}
    columns |= {f"q{q:g}": table[:, i] for i, q in enumerate(levels)}
    shaped = {name: np.reshape(values, (-1, d)) for name, values in columns.items()}
    rows = []
    for k, time in enumerate(found.times):
        for i in range(d):
            place = {"t": float(time)} | ({"i": float(i)} if d > 1 else {})
            rows.append(place | {name: float(values[k, i]) for name, values in shaped.items()})
    return rows


def _show(found: Result, levels: list[float]) -> None:
    import sys

    from symsched.cli.output import show_rows

    show_rows(_rows(found, levels), digits=6)
    rate = found.n_paths * (len(found.grid) - 1) / max(found.seconds, 1e-9) / 1e6
    partial = " (partial: the run was interrupted)" if found.partial else ""
    steps = f"{len(found.grid) - 1} step" + "s" * (len(found.grid) != 2)
    remark = f"{found.n_paths} paths, {steps}, {found.seconds:.2f} s, {rate:.3g} million path-steps/s{partial}"
    typer.echo(remark, err=not sys.stdout.isatty())  # whoever reads columns wants columns alone
