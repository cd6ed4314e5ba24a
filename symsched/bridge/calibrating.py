"""A pilot of a model is run, and tables are fitted to its paths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from symsched.bridge.calibration import Calibration
from symsched.bridge.fitting import Fitter, GridShape
from symsched.bridge.pilot import run_pilot
from symsched.bridge.pilot import spectrum as measure
from symsched.bridge.refining import refined
from symsched.bridge.requests import sizes
from symsched.bridge.running import Running
from symsched.errors import InputError
from symsched.given import MOST, memory, whole
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
    refine: int = 0,
    seed: int = 0,
    batch: int | None = None,
    conditions: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Calibration:
    """Run a pilot of a `FlowField` and fit tables for each number of evaluations in `steps`.

    It costs, for each path of the pilot, `pilot_steps` evaluations of the model, and `tries` × N for each N of `steps`;
    with `refine` as many gradients more, of N evaluations forward and back.
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
        refine: gradients of the end's error by which each table goes down from its fit, levels and weights together;
            some 40 do most of it.  It needs a model that autograd sees through, and memory for N of its graphs; where
            either is missing a warning says so, and the fit stays.
        seed: of the pilot's noise.
        batch, conditions, progress: as in `sample`.

    Raises InputError for bad input, and whatever `sample` raises.
    """
    if isinstance(steps, int):
        raise InputError(f"steps = {steps}: expected a list of whole numbers, steps=[{steps}]")
    counts = sorted({whole(n, "steps") for n in steps})
    size = (shape, *(model.shape or ())) if isinstance(shape, int) else tuple(shape)
    whole(size[0] if size else 0, "the pilot's count", 2, MOST)
    sizes(model, size, None, None)
    pilot_steps, tries = whole(pilot_steps, "pilot_steps", 16), whole(tries, "tries")
    refine = whole(refine, "refine", 0)
    memory(8 * math.prod(size) * pilot_steps, f"a pilot of shape {size} in {pilot_steps} steps")
    how = Running(seed=seed, batch=batch, conditions=conditions, progress=progress)
    pilot = run_pilot(model, size, pilot_steps, how)
    fitter, tables, shape_now = Fitter(model, pilot, how, from_noise), {}, GridShape()
    shape_now = replace(shape_now, rho=shape_now.rho * pilot.scale)
    with Bar((tries + refine) * len(counts), progress, "grids") as bar:
        for n in counts:
            fit = fitter.search(n, shape_now, tries, bar.add)
            if refine:
                fit = refined(fitter, fit, refine, bar.add)
            tables[n], shape_now = asdict(fit), fit.shape
    end = pilot.rho * pilot.paths[-1] + pilot.mean
    spent = pilot.evaluations + (tries + refine) * sum(counts)
    return Calibration(
        source=str(model.native),
        mean=pilot.mean.double().cpu().numpy(),
        rho=pilot.rho,
        tables=tables,
        spectrum=measure(end, pilot.mean) if spectrum else None,
        pilot={"count": size[0], "steps": len(pilot.angles) - 1, "seed": seed, "evaluations": spent},
    )
