"""Models whose answers are exact: the mean fields of a data law, for tests and benchmarks of samplers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from symsched.bridge.fields import FlowField
from symsched.bridge.levels import Native, as_native
from symsched.bridge.prediction import outputs_at
from symsched.data.law import DataLaw
from symsched.schedule import Schedule


def exact_field(
    law: DataLaw, schedule: Schedule | str | Native = "linear", prediction: str = "data", dtype: Any = torch.float64
) -> FlowField:
    """A field whose model is the law itself, answering in float64 arithmetic; samples have shape (dim,).

    Raises InputError where the prediction does not exist (noise at β = 0), or for a law with open parameters.
    """
    source = as_native(schedule)

    def model(x: Any, time: Any) -> Any:
        now = np.array([float(time[0].detach())])
        (alpha,), (beta,) = source.at(now)
        ((state, data),) = outputs_at(source, prediction, now)
        seen = x.detach().cpu().numpy().astype(np.float64) / field.input_scales(now)
        flat = seen[:, 0] if law.dim == 1 else seen
        estimate = law.eta_x_at(alpha, beta, flat).reshape(seen.shape)
        return torch.as_tensor(state * seen + data * estimate, dtype=x.dtype, device=x.device)

    field = FlowField(model, source, prediction, shape=(law.dim,), dtype=dtype)
    return field
