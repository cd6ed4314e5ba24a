"""The loop: it runs any plan, one evaluation of the model at a time.

    stepper = Stepper(plan, z)
    while not stepper.done:
        stepper.advance(estimate_of_the_data(stepper.input, stepper.time))
    stepper.input                                                         # the sample

Nothing here waits for the device: coefficients are numbers known beforehand, and there is no branch on data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from symsched.bridge.basis import Basis
from symsched.bridge.plan import Plan, Row, Stage
from symsched.errors import InputError

Noise = Callable[[int], Any]  # stage → standard normal tensor of the state's shape


def combine(dtype: Any, *terms: tuple[Any, Any]) -> Any:
    """Σ coefficient · tensor in the given dtype; terms with coefficient 0 are not looked at.

    It is a tensor of its own: a model may answer into one buffer again and again, as a captured graph does.
    """
    total: Any = None
    for coefficient, tensor in terms:
        if isinstance(coefficient, float):
            if coefficient == 0.0:  # saves a pass over the images, and 0 · inf would be NaN
                continue
            if total is not None:
                total = torch.add(total, tensor, alpha=coefficient)
            else:
                total = tensor.to(dtype) if coefficient == 1.0 else coefficient * tensor.to(dtype)
        else:
            part = coefficient * tensor.to(dtype)
            total = part if total is None else total + part
    if total is None:
        return torch.zeros_like(terms[0][1], dtype=dtype)
    return total.clone() if any(total is tensor for _, tensor in terms) else total


class Table:
    """A plan made ready for samples like `like` (batch, …): coefficients as numbers, per-mode ones as tensors.

    `relations` are (p, q) of each stage where the answers will be raw outputs with D = p x + q output; else they are D.
    """

    def __init__(self, plan: Plan, like: Any, relations: list[tuple[float, float]] | None = None) -> None:
        _require_mean(plan, like)
        table = plan.predicting(relations or [(0.0, 1.0)] * plan.nfe)
        self.basis, self.dtype, self.depth, self.start = Basis(plan, like), like.dtype, plan.depth, plan.start
        self.stages = tuple(map(self.basis.stage, table.stages))


def _require_mean(plan: Plan, like: Any) -> None:
    """Refuse a mean of other samples."""
    if plan.mean is None:
        return
    mean, sample = np.shape(plan.mean), tuple(like.shape[1:])
    try:
        fits = np.broadcast_shapes(mean, sample) == sample
    except ValueError:
        fits = False
    if not fits:
        raise InputError(
            f"{plan.label or 'plan'}: its mean has shape {mean}, and the samples {sample}: take the calibration of a "
            "model of such samples"
        )


class Stepper:
    """Runs a plan from noise z of shape (batch, …).

    Args:
        table: the plan, or the `Table` made from it.
        z: standard normal noise; its dtype is the state's.
        noise: for stochastic plans, a function of the stage's number.
        state: the first input itself, instead of start · z (img2img).
    """

    def __init__(self, table: Plan | Table, z: Any, noise: Noise | None = None, *, state: Any = None) -> None:
        self.table = Table(table, z) if isinstance(table, Plan) else table
        self.noise, self.index, self.basis = noise, 0, self.table.basis
        self.current = self.basis.into(self.table.start * z) if state is None else self.basis.centred(state, self.beta)
        self.base = self.current
        self.history: tuple[Any, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the last answer has been given."""
        return self.index == len(self.table.stages)

    @property
    def stage(self) -> Stage:
        """The stage whose answer is awaited."""
        return self.table.stages[self.index]

    @property
    def time(self) -> float:
        """The native time at which the model is asked; 1 when done, whatever the model calls its last time."""
        return 1.0 if self.done else self.stage.time

    @property
    def beta(self) -> float:
        """β of the input; 1 when done."""
        return 1.0 if self.done else self.stage.beta

    @property
    def input(self) -> Any:
        """What the model is to see; when done, the sample."""
        return self.basis.back(self.current, self.beta)

    def advance(self, answer: Any, edit: Any = None) -> None:
        """Take the model's answer at `input`: D, or the raw output that the table was made for.

        `edit` is what somebody else added to `input` before the model saw it, as inpainting does.
        """
        stage, basis = self.stage, self.basis
        if edit is not None:
            self.current = self.current + basis.into(edit)
        weights = (stage.slope.state, stage.slope.data, stage.slope.mean)
        value = combine(self.table.dtype, *zip(weights, (self.current, basis.into(answer), basis.mean), strict=True))
        self.history = (value, *self.history)[: self.table.depth]  # whole images: no more than the table looks back on
        if stage.correct is None:
            self.base = self.current
        else:
            self.base = self._row(stage.correct)
            # the corrector goes back to before the edit, which is to stay in the image all the same
            self.base = self.base if edit is None else self.base + basis.into(edit)
        self.current = self._row(stage.predict)
        self.index += 1

    def _row(self, row: Row) -> Any:
        terms = [(row.state, self.base), *zip(row.data, self.history, strict=False)]
        if not (isinstance(row.noise, float) and row.noise == 0.0):
            terms.append((row.noise, self.basis.into(self.noise(self.index))))  # type: ignore[misc]
        return combine(self.table.dtype, *terms)
