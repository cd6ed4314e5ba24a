"""A pilot of a model is run, and tables are fitted to its paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from symsched.bridge.calibration import Calibration
from symsched.bridge.fitting import Fitter, GridShape
from symsched.bridge.pilot import run_pilot
from symsched.bridge.pilot import spectrum as measure
from symsched.bridge.requests import sizes
from symsched.bridge.running import Running
from symsched.errors import InputError
from symsched.progress import Bar

PILOT_STEPS, TRIES = 64, 28


def calibrate(
    model: Any,
    shape: Sequence[int] | int = 64,
    *,
    steps: Sequence[int] = (4, 6, 8, 12, 16),
    pilot_steps: int = PILOT_STEPS,
    tries: int = TRIES,
    from_noise: bool = False,
    spectrum: bool = False,
    seed: int = 0,
    batch: int | None = None,
    conditions: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Calibration:
    """Run a pilot of a `FlowField` and fit tables for each number of evaluations in `steps`.

    It costs, for each path of the pilot, `pilot_steps` evaluations of the model, and `tries` × N for each N of `steps`.
    The data are taken to be of scale 1; where the pilot finds another it is run again, in grids of that scale.

    Args:
        model: the field.
        shape: (count, …) of the pilot, or its count where the field knows the shape of a sample.
        steps: numbers of evaluations to fit; () measures the data only.
        pilot_steps: of the converged paths, at least 16; fewer where so many do not fit between the model's levels.
        tries: grids tried for each number.
        from_noise: give the model z itself first, as pipelines of other software do (`LazyScheduler`).  By default the
            first level is fitted too, which saves an evaluation.
        spectrum: also measure the cosine spectrum (samples of at least two axes).
        seed: of the pilot's noise.
        batch, conditions, progress: as in `sample`.

    Raises InputError for bad input, and whatever `sample` raises.
    """
    if isinstance(steps, int):
        raise InputError(f"steps = {steps}: expected a list of whole numbers, steps=[{steps}]")
    counts = sorted({_whole("steps", n, 1) for n in steps})
    size = (shape, *(model.shape or ())) if isinstance(shape, int) else tuple(shape)
    _whole("the pilot's count", size[0] if size else 0, 2)
    sizes(model, size, None, None)
    how = Running(seed=seed, batch=batch, conditions=conditions, progress=progress)
    pilot = run_pilot(model, size, _whole("pilot_steps", pilot_steps, 16), how)
    fitter, tables, shape_now = Fitter(model, pilot, how, from_noise), {}, GridShape()
    shape_now = replace(shape_now, rho=shape_now.rho * pilot.scale)
    with Bar(_whole("tries", tries, 1) * len(counts), progress, "grids") as bar:
        for n in counts:
            fit = fitter.search(n, shape_now, tries, bar.add)
            tables[n], shape_now = asdict(fit), fit.shape
    end = pilot.rho * pilot.paths[-1] + pilot.mean
    spent = pilot.evaluations + tries * sum(counts)
    return Calibration(
        source=str(model.native),
        mean=pilot.mean.double().cpu().numpy(),
        rho=pilot.rho,
        tables=tables,
        spectrum=measure(end, pilot.mean) if spectrum else None,
        pilot={"count": size[0], "steps": len(pilot.angles) - 1, "seed": seed, "evaluations": spent},
    )


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} = {value!r}: expected a whole number ≥ {least}")
    return int(value)
