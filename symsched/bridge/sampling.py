"""Sampling: a field, a plan, noise that belongs to each sample, and one loop.

images = sample(field, (16, 1, 28, 28), steps=8, seed=0)
images = sample(field, 10_000, target="lazy(kappa=1)", kappa=1, solver="sde-dpmpp", steps=24, seed=0, batch=500)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from symsched.bridge.fields import Asker, FlowField
from symsched.bridge.noise import Stream, normal
from symsched.bridge.plan import Plan
from symsched.bridge.planning import build_plan
from symsched.bridge.progress import Bar
from symsched.bridge.stepping import Stepper, Table
from symsched.errors import InputError

FLOATS = {name: getattr(torch, name) for name in ("float16", "bfloat16", "float32", "float64")}
CHECKS = ("end", "step")
PILOT, TRIES = 64, 12  # paths, and grids tried, where `sample` calibrates by itself
Conditions = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What a callback sees after each evaluation: its number, native time, the model's input and its answer."""

    index: int
    time: float
    state: Any
    output: Any


Watch = Callable[[Step], None]


@dataclass(frozen=True)
class Trajectory:
    """Native times (evaluations + 1,) and the states there (evaluations + 1, count, …); the last are the samples."""

    times: Any
    states: Any


class Sampler:
    """A field and a plan made ready: everything but the states is computed here, once.

    Calling it runs the loop for some samples.  Nothing in the call waits for the device, allocates a table or branches
    on data, so it may be compiled, or captured as a CUDA graph.
    """

    def __init__(
        self,
        field: FlowField,
        plan: Plan,
        shape: Sequence[int],
        seed: int = 0,
        *,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.plan, self.shape, self.seed = plan, tuple(shape), seed
        self.device, self.dtype = _device(device, field), _dtype(dtype, field)
        self.state_dtype = torch.promote_types(self.dtype, torch.float32)
        times = np.array([stage.time for stage in plan.stages])
        like = torch.empty((1, *self.shape), dtype=self.state_dtype, device=self.device)
        self.asker = Asker(field, times, self.dtype)
        self.table = Table(plan, like, self.asker.relations)

    def __call__(
        self, numbers: Any, z: Any = None, conditions: Conditions | None = None, watch: Watch | None = None
    ) -> Any:
        """Samples of these numbers (int64, on the device), from their own noise or from z.

        Noise 0 of a sample is its start, noise k + 1 belongs to evaluation k.
        """
        noise = Stream(self.seed, numbers, self.plan.nfe + 1, self.shape, self.state_dtype)
        start = normal(self.seed, numbers, 0, self.shape, self.state_dtype) if z is None else z
        stepper = Stepper(self.table, start, lambda k: noise(k + 1))
        for k in range(self.plan.nfe):
            state = stepper.input
            output = self.asker.output(k, state, conditions or {})
            stepper.advance(output)
            if watch is not None:
                watch(Step(k, self.plan.stages[k].time, state, output))
        return stepper.input


@torch.no_grad()
def sample(
    field: FlowField,
    shape: int | Sequence[int] | None = None,
    *,
    noise: Any = None,
    target: Any = "auto",
    kappa: Any = 0,
    steps: int = 8,
    solver: Any = "lazy-auto",
    grid: Any = None,
    calibration: Any = None,
    plan: Plan | None = None,
    seed: int | None = None,
    indices: Sequence[int] | None = None,
    batch: int | None = None,
    conditions: Conditions | None = None,
    callback: Watch | None = None,
    progress: bool = False,
    trajectory: bool = False,
    check: str = "end",
    compile: bool | str = False,
    device: Any = None,
    dtype: Any = None,
) -> Any:
    """Samples of the field's data law, float32 (float64 for a float64 model), of shape (count, …).

    Args:
        field: the model.
        shape: (count, …), or the count where the field knows the shape of a sample; not needed with `noise`.
        noise: standard normal noise (count, …) to start from, instead of that of the seed.
        target, kappa, steps, solver, grid: see `build_plan`; or `plan`, a table made before.
        calibration: the field's own by default; False for none; True makes one if the field has none for `steps`, from
            a pilot of at most 64 of the samples (about 80 + 12 N evaluations of each), and leaves it with the field.
            Without one, lazy-auto takes the data's scale to be about 1/2, which suits images in [−1, 1].
        seed: noise belongs to (seed, sample number, evaluation), so a sample does not depend on its batch.
        indices: the samples' numbers, by default 0, 1, …; a shard draws its own part.
        batch: how many samples the model takes at a time; by default all.
        conditions: passed to the model; tensors whose first axis is the count are split with the samples.
        callback: called with a `Step` after each evaluation of each batch.
        progress: a bar, on a terminal.
        trajectory: return (samples, Trajectory).
        check: "end" looks for NaN once, after the loop, and for the step only if there is one; "step" looks each time.
        compile: True compiles the model, "loop" the whole loop (torch.compile).
        device, dtype: of the model's input, instead of the field's own.

    Raises InputError for bad input, an answer of another shape or dtype, and NaN (with the step and the time).
    """
    size = _shape(field, shape, noise, indices)
    if calibration is True and plan is None:
        _calibrate(field, size, steps, batch, conditions or {})
    known = field.calibration if calibration in (None, True) else calibration or None
    table = plan or build_plan(field.native, target, kappa, steps, solver, grid, known)
    sampler = Sampler(field, table, size[1:], _seed(seed), device=device, dtype=dtype)
    numbers = _numbers(indices, size[0], sampler.device)
    run = _compiled(sampler, compile)
    z = None if noise is None else noise.to(sampler.device, sampler.state_dtype)
    given = {key: _moved(value, sampler.device) for key, value in (conditions or {}).items()}
    record: list[Any] = []
    parts = list(_parts(size[0], batch))
    with Bar(len(parts) * table.nfe, progress, "evaluations") as bar:
        watch = _watch(callback, _check(check), record if trajectory else None, bar)
        out = [run(numbers[p], None if z is None else z[p], part_of(given, p, size[0]), watch) for p in parts]
    samples = torch.cat(out)
    if not bool(torch.isfinite(samples).all()):
        _explain(sampler, numbers, z, given, parts)
    return (samples, _trajectory(table, record, out)) if trajectory else samples


def _calibrate(field: FlowField, size: tuple[int, ...], steps: int, batch: int | None, conditions: Conditions) -> None:
    """See to it that the field has a calibration for `steps`."""
    from symsched.bridge.calibration import calibrate

    old = field.calibration
    if old is not None and steps in old.tables:
        return
    count = min(size[0], PILOT)
    given = part_of(conditions, slice(0, count), size[0])
    new = calibrate(field, (count, *size[1:]), steps=(steps,), tries=TRIES, batch=batch, conditions=given)
    same = old is not None and np.array_equal(old.mean, new.mean) and old.rho == new.rho  # tables belong to both
    field.calibration = replace(new, tables={**old.tables, **new.tables}) if same else new


def _watch(callback: Watch | None, check: str, record: list[Any] | None, bar: Bar) -> Watch | None:
    """Everybody who wants to see each evaluation; None if there is nobody."""
    watchers = [callback] if callback is not None else []
    watchers += [_refuse_nan] if check == "step" else []
    watchers += [lambda step: record.append(step.state)] if record is not None else []
    watchers += [lambda _: bar.add()] if bar.shown else []
    return partial(_tell, watchers) if watchers else None


def _tell(watchers: Sequence[Watch], step: Step) -> None:
    for watch in watchers:
        watch(step)


def _trajectory(plan: Plan, record: list[Any], out: list[Any]) -> Trajectory:
    """The states of all batches, side by side."""
    by_stage = [torch.cat(record[k :: plan.nfe]) for k in range(plan.nfe)]
    return Trajectory(np.array([*(s.time for s in plan.stages), 1.0]), torch.stack([*by_stage, torch.cat(out)]))


# -- NaN -----------------------------------------------------------------------------------------------------------


def _refuse_nan(step: Step) -> None:
    if not bool(torch.isfinite(step.output).all()):
        bad = int((~torch.isfinite(step.output)).flatten(1).any(1).sum())
        raise InputError(
            f"the model returned NaN or infinity at step {step.index}, native time {step.time:.6g}, for {bad} of "
            f"{len(step.output)} samples: check its dtype and its times"
        )


def _explain(sampler: Sampler, numbers: Any, z: Any, given: Conditions, parts: Sequence[slice]) -> None:
    """Run again, looking at each step."""
    for part in parts:
        sampler(numbers[part], None if z is None else z[part], part_of(given, part, len(numbers)), _refuse_nan)
    raise InputError("the samples are not finite, but in a second run each answer of the model was: use check='step'")


# -- what was asked for --------------------------------------------------------------------------------------------


def _shape(field: FlowField, shape: int | Sequence[int] | None, noise: Any, indices: Any) -> tuple[int, ...]:
    if noise is not None:
        if not isinstance(noise, torch.Tensor) or not noise.is_floating_point() or noise.ndim < 2:
            raise InputError("noise: expected a floating-point tensor of shape (count, …)")
        found = tuple(noise.shape)
    elif isinstance(shape, int) and not isinstance(shape, bool) and field.shape is not None:
        found = (shape, *field.shape)
    elif isinstance(shape, Sequence) and all(isinstance(n, int) for n in shape):
        found = tuple(shape)
    else:
        raise InputError(f"shape = {shape!r}: expected (count, …), a count where the field has a shape, or noise=")
    if len(found) < 2 or min(found) < 1:
        raise InputError(f"shape = {found}: expected (count, …) of positive sizes")
    if indices is not None and len(indices) != found[0]:
        raise InputError(f"{len(indices)} indices for {found[0]} samples: expected one for each")
    return found


def _seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbits(63)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"seed = {seed!r}: expected a whole number from 0 to 2^64 − 1")
    return int(seed)


def _numbers(indices: Sequence[int] | None, count: int, device: Any) -> Any:
    numbers = torch.arange(count) if indices is None else torch.as_tensor(np.asarray(indices))
    if numbers.is_floating_point() or numbers.ndim != 1 or int(numbers.min()) < 0:
        raise InputError("indices: expected whole numbers ≥ 0, one for each sample")
    return numbers.to(device, torch.int64)


def _device(device: Any, field: FlowField) -> Any:
    chosen, home = as_device(field.device if device is None else device), field.device
    if device is not None and field.has_parameters and chosen.type != home.type:
        raise InputError(f"device = {chosen}: the model is on {home}; move it there first, model.to({str(chosen)!r})")
    return chosen


def as_device(device: Any) -> Any:
    """A torch device that is there.  Raises InputError for one that is not, or that torch does not know."""
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        raise InputError(f"device = {device!r}: expected cpu, cuda or cuda:N") from None
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device = {chosen}: this machine (or this build of torch) has no CUDA device; use cpu")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device = {chosen}: there are {torch.cuda.device_count()} CUDA devices, numbered from 0")
    return chosen


def _dtype(dtype: Any, field: FlowField) -> Any:
    chosen = field.dtype if dtype is None else FLOATS.get(dtype, dtype) if isinstance(dtype, str) else dtype
    if chosen not in FLOATS.values():
        raise InputError(f"dtype = {dtype!r}: expected one of {', '.join(FLOATS)}")
    return chosen


def _check(check: str) -> str:
    if check not in CHECKS:
        raise InputError(f"check = {check!r}: expected one of {', '.join(CHECKS)}")
    return check


def _compiled(sampler: Sampler, compile: bool | str) -> Callable[..., Any]:
    if compile == "loop":
        return torch.compile(sampler.__call__, dynamic=False)
    if compile is True:
        sampler.asker.field = sampler.asker.field.compiled()
    elif compile is not False:
        raise InputError(f"compile = {compile!r}: expected False, True (the model) or 'loop'")
    return sampler


def _parts(count: int, batch: int | None) -> Iterator[slice]:
    size = count if batch is None else batch
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise InputError(f"batch = {batch!r}: expected a whole number ≥ 1")
    return (slice(k, k + int(size)) for k in range(0, count, int(size)))


def _moved(value: Any, device: Any) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value


def part_of(conditions: Conditions, part: slice, count: int) -> dict[str, Any]:
    """The conditions of some of the samples."""
    split = {key for key, v in conditions.items() if isinstance(v, torch.Tensor) and v.ndim and len(v) == count}
    return {key: value[part] if key in split else value for key, value in conditions.items()}
