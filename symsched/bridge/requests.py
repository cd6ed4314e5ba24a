"""What `sample` was asked for, read and checked: shapes, seeds, devices, dtypes, batches."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from symsched.bridge.fields import FlowField, named_device
from symsched.bridge.plan import Plan
from symsched.bridge.planning import Recipe
from symsched.errors import InputError
from symsched.given import MOST, memory, whole
from symsched.parsing import one_of

FLOATS = {name: getattr(torch, name) for name in ("float16", "bfloat16", "float32", "float64")}
CHECKS = ("end", "step")
Conditions = Mapping[str, Any]


def sizes(field: FlowField, shape: int | Sequence[int] | None, noise: Any, indices: Any) -> tuple[int, ...]:
    """(count, …), from the shape, a count of samples of the field's shape, or the noise."""
    if noise is not None:
        if not isinstance(noise, torch.Tensor) or not noise.is_floating_point() or noise.ndim < 2:
            raise InputError("noise: expected a floating-point tensor of shape (count, …)")
        if not bool(torch.isfinite(noise).all()):
            raise InputError("noise: it holds NaN or infinity; expected standard normal numbers")
        found = tuple(noise.shape)
        if shape is not None and (shape != found[0] if isinstance(shape, int) else tuple(shape) != found):
            raise InputError(f"shape = {shape} and noise of shape {found}: expected the same, or noise alone")
    elif _is_whole(shape) and field.shape is not None:
        found = (int(shape), *field.shape)  # type: ignore[arg-type]
    elif isinstance(shape, Sequence) and all(map(_is_whole, shape)):
        found = tuple(map(int, shape))
    else:
        raise InputError(f"shape = {shape!r}: expected (count, …), a count where the field has a shape, or noise=")
    if len(found) < 2 or min(found) < 1:
        raise InputError(f"shape = {found}: expected (count, …) of positive sizes")
    if field.shape is not None and found[1:] != field.shape:
        raise InputError(f"samples of shape {found[1:]}, and the field's have {field.shape}: expected the same")
    if indices is not None and (count := len(sample_numbers(indices, 0, "cpu"))) != found[0]:
        raise InputError(f"{count} indices for {found[0]} samples: expected one for each")
    memory(8 * math.prod(found), f"samples of shape {found}")
    return found


def _is_whole(given: Any) -> bool:
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def check_kinds(field: Any, asked: Any, recipe: Any) -> None:
    """One line for what is not even of the right kind."""
    if not isinstance(recipe, Recipe):
        raise InputError(f"recipe = {str(recipe)[:60]!r}: expected a Recipe(target=…, steps=…, …)")
    plan, conditions, callback = asked.plan, asked.conditions, asked.callback
    calibration, solver = recipe.calibration, recipe.solver
    named = isinstance(conditions, Mapping) and all(isinstance(key, str) for key in conditions)
    told = isinstance(calibration, bool) or calibration is None or hasattr(calibration, "tables")
    kinds = (
        ("field", field, isinstance(field, FlowField), "a FlowField, made as FlowField(model, schedule, prediction)"),
        ("plan", plan, plan is None or isinstance(plan, Plan), "a Plan, as build_plan makes it"),
        ("calibration", calibration, told, "a Calibration (Calibration.load reads a file), True or False"),
        ("solver", solver, isinstance(solver, str) or callable(solver), "a name such as 'lazy-auto', or a builder"),
        ("conditions", conditions, conditions is None or named, "a dict of tensors by name"),
        ("callback", callback, callback is None or callable(callback), "a function, called with a Step"),
    )
    for name, value, right, wanted in kinds:
        if not right:
            raise InputError(f"{name} = {str(value)[:60]!r}: expected {wanted}")


def as_seed(seed: int | None) -> int:
    """The seed, or one of the system's."""
    if seed is None:
        return secrets.randbits(63)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"seed = {seed!r}: expected a whole number from 0 to 2^64 − 1")
    return int(seed)


def sample_numbers(indices: Sequence[int] | None, count: int, device: Any) -> Any:
    """The samples' numbers, int64 on the device."""
    given = np.arange(count) if indices is None else np.asarray(indices)
    if given.dtype.kind not in "iu" or given.ndim != 1 or not len(given) or given.min() < 0:
        raise InputError("indices: expected whole numbers ≥ 0, one for each sample")
    return torch.as_tensor(given.astype(np.int64)).to(device)


def device_of(device: Any, field: FlowField) -> Any:
    """The device of the model's input."""
    chosen, home = named_device(field.device if device is None else device), field.device
    if device is not None and field.has_parameters and chosen.type != home.type:
        raise InputError(f"device = {chosen}: the model is on {home}; move it there first, model.to({str(chosen)!r})")
    return chosen if chosen.type == "meta" else as_device(chosen)  # a Sampler can be traced there


def as_device(device: Any) -> Any:
    """A torch device that is there.  Raises InputError for one that is not, or that torch does not know."""
    chosen = named_device(device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device = {chosen}: this machine (or this build of torch) has no CUDA device; use cpu")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device = {chosen}: there are {torch.cuda.device_count()} CUDA devices, numbered from 0")
    if chosen.type == "meta":
        raise InputError("device = meta: it holds shapes and no numbers; use cpu or cuda")
    try:
        torch.empty(1, device=chosen)
    except (RuntimeError, NotImplementedError, AssertionError):  # mps, xpu, hpu … where torch was built without
        raise InputError(f"device = {chosen}: this build of torch cannot use it here; use cpu") from None
    return chosen


def dtype_of(dtype: Any, field: FlowField) -> Any:
    """The dtype of the model's input."""
    chosen = field.dtype if dtype is None else FLOATS.get(dtype, dtype) if isinstance(dtype, str) else dtype
    if chosen not in FLOATS.values():
        raise InputError(f"dtype = {dtype or chosen!r}: expected one of {', '.join(FLOATS)}")
    return chosen


def as_check(check: str) -> str:
    """When to look for NaN: end or step."""
    return one_of(check, CHECKS, "check")


def parts_of(count: int, batch: int | None) -> Iterator[slice]:
    """The batches."""
    size = count if batch is None else whole(batch, "batch", most=MOST)
    return (slice(k, k + size) for k in range(0, count, size))


def moved(value: Any, device: Any) -> Any:
    """Tensors on the device, in lists and dicts too; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    return _mapped(lambda inner: moved(inner, device), value)


def part_of(conditions: Conditions, part: slice, count: int) -> dict[str, Any]:
    """The conditions of some of the samples.

    Raises InputError for a list that may hold one thing for each sample, or several for all of them.
    """
    if part.start == 0 and part.stop >= count:
        return dict(conditions)
    return {key: _part(key, value, part, count) for key, value in conditions.items()}


def _part(key: str, value: Any, part: slice, count: int) -> Any:
    if _of_all(value, count):
        return value[part]
    if type(value) in (list, tuple) and len(value) == count:
        if any(_of_all(one, count) for one in value):
            raise InputError(
                f"condition {key}: {count} tensors of {count} rows for {count} samples may be split either way; give "
                "one tensor, or take all samples at once (no batch)"
            )
        return value[part]
    return _mapped(lambda inner: _part(key, inner, part, count), value)


def _of_all(value: Any, count: int) -> bool:
    """Whether it has a row for each sample."""
    return isinstance(value, torch.Tensor | np.ndarray) and value.ndim > 0 and len(value) == count


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """A list, tuple or dict with the function of each of its members; anything else as it is."""
    if type(value) in (list, tuple):
        return type(value)(map(function, value))
    return {key: function(inner) for key, inner in value.items()} if type(value) is dict else value
