"""What a calibration was made for, and what is not that: weights of the model, guidance, dtype, shape of a sample.

A model is known by how many parameters it has and by a few of their values, which stay about the same in another dtype;
a function has none, and is not told apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from symsched.bridge.calibration import Calibration
from symsched.bridge.fields import FlowField

LOOKED_AT = 12  # parameters, of which one value each is kept
ALIKE = 0.02  # relative to their size: what bfloat16 leaves of a value


def made_for(field: FlowField, shape: Sequence[int]) -> dict[str, Any]:
    """What a calibration of this field, from samples of this shape, is valid for; JSON-able."""
    guidance = None if field.guidance is None else float(field.guidance)
    return {"model": fingerprint(field.model), "guidance": guidance, **of_samples(field.dtype, shape)}


def of_samples(dtype: Any, shape: Sequence[int]) -> dict[str, Any]:
    """The part of it that a loop of other software tells."""
    return {"dtype": str(dtype).removeprefix("torch."), "shape": list(map(int, shape))}


def fingerprint(model: Any) -> dict[str, Any] | None:
    """How many parameters a module has, and some of their values; None for what has none to read."""
    found = getattr(model, "parameters", None)
    try:
        parts = [part.detach() for part in found()] if callable(found) else []
        chosen = [parts[k] for k in np.linspace(0, len(parts) - 1, LOOKED_AT).astype(int)] if parts else []
        values = [float(part.flatten()[len(part.flatten()) // 2]) for part in chosen if part.numel()]
    except (RuntimeError, NotImplementedError, TypeError):  # on meta, or packed by a quantisation
        return None
    return {"parameters": sum(part.numel() for part in parts), "values": values} if values else None


def require_valid(known: Calibration, now: Mapping[str, Any], stacklevel: int) -> None:
    """Warn of all that is other than what a calibration was made for; what either does not know is not compared."""
    was, told = known.valid, []
    if not _same_model(was.get("model"), now.get("model")):
        told.append("another model's weights")
    if {"guidance"} <= was.keys() & now.keys() and (was["guidance"] or 1.0) != (now["guidance"] or 1.0):
        told.append(f"guidance {_told(was['guidance'])}, and here it is {_told(now['guidance'])}")
    both = [name for name in ("dtype", "shape") if name in was and name in now and was[name] != now[name]]
    told += [f"{name} {was[name]}, and here it is {now[name]}" for name in both]
    if told:
        warnings.warn(
            f"the calibration was made for {'; for '.join(told)}: its tables may serve worse here than none; calibrate "
            "anew, or compare with calibration=False",
            stacklevel=stacklevel,
        )


def _told(guidance: float | None) -> str:
    return "none" if guidance is None else f"{guidance:g}"


def _same_model(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> bool:
    if was is None or now is None:
        return True
    if was["parameters"] != now["parameters"] or len(was["values"]) != len(now["values"]):
        return False
    first, second = torch.tensor([was["values"], now["values"]], dtype=torch.float64)
    return bool((first - second).abs().max() <= ALIKE * first.abs().max())
