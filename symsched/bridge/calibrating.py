"""A pilot of a model is run, and tables are fitted to its paths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from symsched.bridge.calibration import Calibration
from symsched.bridge.fitting import Fitter, GridShape, best
from symsched.bridge.pilot import FAR, LEAST, run_pilot
from symsched.bridge.pilot import spectrum as measure
from symsched.bridge.refining import refined
from symsched.bridge.requests import part_of, sizes
from symsched.bridge.running import Running
from symsched.bridge.stored import FEWEST, LOOKED_AT, Spending, Stored, spend
from symsched.bridge.validity import made_for
from symsched.errors import InputError
from symsched.given import MOST, memory, whole
from symsched.progress import Bar

COUNT, PILOT_STEPS, TRIES = 64, 64, 28
SCOUTS, SCOUTED = 4, 640  # paths that go first, to find the size of the data; the least budget that has them


def calibrate(
    model: Any,
    shape: Sequence[int] | int | None = None,
    *,
    steps: Sequence[int] = (4, 6, 8, 12, 16),
    pilot_steps: int = PILOT_STEPS,
    tries: int = TRIES,
    from_noise: bool = False,
    spectrum: bool = False,
    refine: int = 0,
    budget: int | None = None,
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
        shape: (count, …) of the pilot, or its count where the field knows the shape of a sample; by default 64.  With a
            budget it is the most, and by default as many as the budget makes best use of.
        steps: numbers of evaluations to fit; () measures the data only.
        pilot_steps: of the converged paths, at least 16; fewer where so many do not fit between the model's levels.
        tries: grids tried for each number.
        from_noise: give the model z itself first, as pipelines of other software do (`LazyScheduler`).  By default the
            first level is fitted too, which saves an evaluation.
        spectrum: also measure the cosine spectrum (samples of at least two axes).
        refine: gradients of the end's error by which each table goes down from its fit, levels and weights together;
            some 40 do most of it.  It needs a model that autograd sees through, and memory for N of its graphs; where
            either is missing a warning says so, and the fit stays.
        budget: evaluations of one sample in all, in the place of the pilot's count, `pilot_steps` and `tries`.  Grids
            are then tried on the pilot's paths (`stored`), and the model asked for the table of the best; a larger
            budget buys more steps of the pilot, then more paths, and grids that the model itself is asked about.
        seed: of the pilot's noise.
        batch, conditions, progress: as in `sample`.

    Raises InputError for bad input, and whatever `sample` raises.
    """
    counts, refine = counts_of(steps), whole(refine, "refine", 0)
    spending = Spending(0, whole(pilot_steps, "pilot_steps", LEAST), whole(tries, "tries"))
    scouting, about = 0, (1.0, None)
    how = Running(seed=seed, batch=batch, conditions=conditions, progress=progress)
    if budget is None:
        size = _size(model, COUNT if shape is None else shape)
    else:
        size = _size(model, FEWEST if shape is None else shape)
        _require_room(budget, shape, conditions, (pilot_steps, tries))
        if budget >= SCOUTED:
            scouting, about = _scout(model, size, how)
        spending = spend(budget, sum(counts), refine, None if shape is None else size[0], scouting)
        how = _first(how, spending.count, size[0])
        size = (spending.count, *size[1:])
    kept = 8 * math.prod(size) * spending.pilot_steps * (1 if budget is None else 2)
    memory(kept, f"a pilot of shape {size} in {spending.pilot_steps} steps")
    pilot, tries = run_pilot(model, size, spending.pilot_steps, how, budget is not None, about), spending.tries
    fitter, tables, shape_now = Fitter(model, pilot, how, from_noise), {}, GridShape()
    shape_now = usual = replace(shape_now, rho=shape_now.rho * pilot.scale)
    with Bar((tries + refine) * len(counts), progress, "grids") as bar:
        for n in counts:
            if budget is None:
                fit = fitter.search(n, shape_now, tries, bar.add)
            else:
                guess = Stored(model, pilot, how, from_noise).search(n, shape_now, LOOKED_AT)
                fit = fitter.search(n, guess.shape, max(1, tries - 1), bar.add)
                fit = best(fit, fitter.fit(usual, n)) if tries > 1 else fit
            if refine:
                fit = refined(fitter, fit, refine, bar.add)
            tables[n], shape_now = asdict(fit), fit.shape
    end = pilot.rho * pilot.paths[-1] + pilot.mean
    spent = pilot.evaluations + (tries + refine) * sum(counts)
    told = {"scouting": scouting} if scouting else {}
    return Calibration(
        source=str(model.native),
        mean=pilot.mean.double().cpu().numpy(),
        rho=pilot.rho,
        tables=tables,
        spectrum=measure(end, pilot.mean) if spectrum else None,
        pilot={"count": size[0], "steps": len(pilot.angles) - 1, "seed": seed, "evaluations": spent} | told,
        valid=made_for(model, size[1:]),
    )


def counts_of(steps: Any) -> list[int]:
    """The numbers of steps, in order.  Raises InputError for what is no list of them."""
    listed = isinstance(steps, Iterable) and not isinstance(steps, str | bytes)
    if not listed or not (found := sorted({whole(n, "steps") for n in steps})):
        example = [steps] if isinstance(steps, int) else [4, 8]
        raise InputError(f"steps = {str(steps)[:60]}: expected a list of whole numbers, steps={example}")
    return found


def _size(model: Any, shape: Any) -> tuple[int, ...]:
    """(count, …) of the pilot, checked."""
    size = (shape, *(model.shape or ())) if isinstance(shape, int) else tuple(shape)
    whole(size[0] if size else 0, "the pilot's count", 2, MOST)
    sizes(model, size, None, None)
    return size


def _require_room(budget: Any, shape: Any, conditions: Any, asked: tuple[int, int]) -> None:
    """Refuse a budget that is none, or beside what it decides."""
    whole(budget, "budget", most=MOST)
    if asked != (PILOT_STEPS, TRIES):
        raise InputError(f"budget = {budget} with pilot_steps or tries: a budget decides them; give either")
    if shape is None and conditions:
        raise InputError(f"budget = {budget} with conditions: give shape too, whose count is that of the conditions")


def _first(how: Running, count: int, given: int) -> Running:
    """The same for the first paths alone."""
    return replace(how, conditions=part_of(how.conditions or {}, slice(0, count), given))


def _scout(model: Any, size: tuple[int, ...], how: Running) -> tuple[int, tuple[float, Any]]:
    """What it cost to find the data's size on a few rough paths, and their scale and mean where they are unusual."""
    count = SCOUTS if how.conditions is None else min(SCOUTS, size[0])
    found = run_pilot(model, (count, *size[1:]), LEAST, _first(replace(how, progress=False), count, size[0]))
    usual = 1 / FAR <= found.scale <= FAR  # so few paths know it roughly
    return count * found.evaluations, (1.0 if usual else found.scale, found.mean if found.centred else None)
