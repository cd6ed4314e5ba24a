"""The bare loop: a field, a plan, noise that belongs to each sample, and whoever looks on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from symsched.bridge.fields import Asker, FlowField
from symsched.bridge.levels import SAME_LEVEL
from symsched.bridge.noise import Stream, normal
from symsched.bridge.plan import Plan
from symsched.bridge.requests import (
    Conditions,
    as_check,
    as_device,
    as_seed,
    device_of,
    dtype_of,
    moved,
    part_of,
    parts_of,
    sample_numbers,
)
from symsched.bridge.stepping import Stepper, Table
from symsched.errors import InputError
from symsched.given import MOST, memory, whole
from symsched.progress import Bar


@dataclass(frozen=True)
class Step:
    """What a callback sees after each evaluation: its number, native time, the model's input and its answer."""

    index: int
    time: float
    state: Any
    output: Any


Watch = Callable[[Step], None]
Part = tuple[Any, Any, Conditions]  # of a batch: the samples' numbers, their noise or None, their conditions


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
        self.device, self.dtype = device_of(device, field), dtype_of(dtype, field)
        # a model may work in half precision, but its steps are small beside the state, and would be rounded away there
        self.state_dtype = torch.promote_types(self.dtype, torch.float32)
        _require_schedule(plan, field)
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
            if watch is None:
                stepper.advance(output)
            else:  # who watches may write on what is shown
                seen = Step(k, self.plan.stages[k].time, state.clone(), output.clone())
                stepper.advance(output)
                watch(seen)
        return stepper.input


@dataclass(frozen=True, kw_only=True, eq=False)
class Running:
    """How a plan is run, whatever the plan: the keywords that `sample` and a pilot share.

    Attributes:
        noise: standard normal noise (count, …) to start from, instead of that of the seed.
        seed: noise belongs to (seed, sample number, evaluation), so a sample does not depend on its batch.
        indices: the samples' numbers, by default 0, 1, …; a shard draws its own part.
        batch: how many samples the model takes at a time; by default all.
        conditions: passed to the model; tensors, arrays and lists whose first axis is the count, in dicts and lists
            too, are split with the samples.
        callback: called with a `Step` after each evaluation of each batch.
        progress: a bar, on a terminal.
        trajectory: return (samples, Trajectory).
        check: "end" looks for NaN once, after the loop, and for the step only if there is one; "step" looks each time.
        compile: True compiles the model, "loop" the whole loop (torch.compile).
        device, dtype: of the model's input, instead of the field's own.
    """

    noise: Any = None
    seed: int | None = None
    indices: Sequence[int] | None = None
    batch: int | None = None
    conditions: Conditions | None = None
    callback: Watch | None = None
    progress: bool = False
    trajectory: bool = False
    check: str = "end"
    compile: bool | str = False
    device: Any = None
    dtype: Any = None


@torch.no_grad()
def run(field: FlowField, plan: Plan, size: Sequence[int], how: Running) -> Any:
    """Samples of `size` (count, …) by a plan."""
    sampler = Sampler(field, plan, size[1:], as_seed(how.seed), device=how.device, dtype=how.dtype)
    if sampler.device.type == "cpu":
        at_once = size[0] if how.batch is None else min(whole(how.batch, "batch", most=MOST), size[0])
        needed = (4 * size[0] + 64 * at_once) * math.prod(size[1:])  # noise is drawn in float64, from words of int64
        memory(needed, f"samples of shape {tuple(size)}, {at_once} at a time,")
    as_device(sampler.device)  # a place where numbers are
    work = _work(sampler, size[0], how)
    step, record = _compiled(sampler, how.compile), list[Any]()
    with Bar(len(work) * plan.nfe, how.progress, "evaluations") as bar:
        watch = _watch(how.callback, as_check(how.check), record if how.trajectory else None, bar)
        out = [step(*part, watch) for part in work]
    samples = torch.cat(out)
    if not bool(
        torch.isfinite(samples).all()
    ):  # asked once: to look at each step would make the host wait for the device
        _explain(sampler, work)
    return (samples, _trajectory(sampler, record, out)) if how.trajectory else samples


def _require_schedule(plan: Plan, field: FlowField) -> None:
    """Refuse a plan whose levels are not the field's."""
    times, *theirs = (np.array([getattr(stage, name) for stage in plan.stages]) for name in ("time", "alpha", "beta"))
    ours = field.native.at(times)
    if not np.hypot(ours[0] - theirs[0], ours[1] - theirs[1]).max() <= SAME_LEVEL * np.hypot(*theirs).max():
        raise InputError(
            f"{plan.label or 'plan'}: its levels are not those of the field's schedule, {field.native}: "
            "make it by build_plan(field.native, …)"
        )


def _work(sampler: Sampler, count: int, how: Running) -> list[Part]:
    """What the sampler is called with for each batch, on its device."""
    numbers = sample_numbers(how.indices, count, sampler.device)
    z = None if how.noise is None else how.noise.to(sampler.device, sampler.state_dtype)
    given = {key: moved(value, sampler.device) for key, value in (how.conditions or {}).items()}
    return [(numbers[p], None if z is None else z[p], part_of(given, p, count)) for p in parts_of(count, how.batch)]


def _watch(callback: Watch | None, check: str, record: list[Any] | None, bar: Bar) -> Watch | None:
    """Everybody who wants to see each evaluation; None if there is nobody."""
    watchers: list[Watch] = [lambda step: record.append(step.state.clone())] if record is not None else []
    watchers += [callback] if callback is not None else []
    watchers += [_refuse_nan] if check == "step" else []
    watchers += [lambda _: bar.add()] if bar.shown else []
    return partial(_tell, watchers) if watchers else None


def _tell(watchers: Sequence[Watch], step: Step) -> None:
    for watch in watchers:
        watch(step)


def _trajectory(sampler: Sampler, record: list[Any], out: list[Any]) -> Trajectory:
    """The states of all batches, side by side; the last are at the last of the native times."""
    plan, (last,) = sampler.plan, sampler.asker.field.native.find(np.array([np.inf]))[0]
    by_stage = [torch.cat(record[k :: plan.nfe]) for k in range(plan.nfe)]
    return Trajectory(np.array([*(s.time for s in plan.stages), last]), torch.stack([*by_stage, torch.cat(out)]))


# -- NaN -----------------------------------------------------------------------------------------------------------


def _refuse_nan(step: Step) -> None:
    if not bool(torch.isfinite(step.output).all()):
        bad = int((~torch.isfinite(step.output)).flatten(1).any(1).sum())
        raise InputError(
            f"the model returned NaN or infinity at step {step.index}, native time {step.time:.6g}, for {bad} of "
            f"{len(step.output)} samples: check its dtype and its times"
        )


def _explain(sampler: Sampler, work: Sequence[Part]) -> None:
    """Run again, looking at each step."""
    for part in work:
        sampler(*part, _refuse_nan)
    raise InputError("the samples are not finite, but in a second run each answer of the model was: use check='step'")


def _compiled(sampler: Sampler, compile: bool | str) -> Callable[..., Any]:
    if compile == "loop":
        return torch.compile(sampler.__call__, dynamic=False)
    if compile is True:
        sampler.asker.field = sampler.asker.field.compiled()
    elif compile is not False:
        raise InputError(f"compile = {compile!r}: expected False, True (the model) or 'loop'")
    return sampler
