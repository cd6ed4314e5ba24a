"""A sampler is a table: every solver here is linear in the state, the model's answers so far, and noise.

So a solver is a float64 function that fills a `Plan`, and one small loop (see `stepping`) runs any plan.  The state
lives in the model's own coordinates, x = α Z + β X.  At each stage the model is asked once, at the stage's input; with
D its estimate of the data,

    F     ← slope.state · input + slope.data · D                     remembered, newest first
    base  ← correct.state · base + Σ_j correct.data[j] · F_j         (base ← input where there is no corrector)
    input ← predict.state · base + Σ_j predict.data[j] · F_j + predict.noise · ξ

and the input that the last stage makes is the sample.  Heun and midpoint keep their base by the corrector (1; 0).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.errors import InputError
from symsched.shown import Shown, Table, brief

Array = NDArray[np.float64]
Coefficient = float | Array  # a number, or one per mode of the plan's basis


@dataclass(frozen=True)
class Slope:
    """What is remembered of one evaluation, F = state · x + data · D + mean · m, with m the plan's mean."""

    state: Coefficient
    data: Coefficient
    mean: Coefficient = 0.0


@dataclass(frozen=True)
class Row:
    """A linear combination of the base state, remembered F (newest first) and standard normal noise."""

    state: Coefficient
    data: tuple[Coefficient, ...]
    noise: Coefficient = 0.0


KEEP = Row(1.0, ())  # as a corrector: the base stays where it was
IDENTITY = Slope(0.0, 1.0)  # F = D
PLACE = ("target", "time", "alpha", "beta")  # of a stage: where it is


@dataclass(frozen=True, repr=False)
class Stage(Shown):
    """One evaluation: at native time `time` with coefficients `alpha`, `beta`; `target` is the target's time."""

    time: float
    alpha: float
    beta: float
    target: float
    slope: Slope
    predict: Row
    correct: Row | None = None

    def _line(self) -> str:
        return f"Stage({', '.join(f'{name}={brief(getattr(self, name))}' for name in PLACE)})"


@dataclass(frozen=True, repr=False)
class Plan(Shown):
    """The stages of a sampler.

    Attributes:
        stages: in order; the model is asked once in each.
        start: α at the start: the first input is start · z (in the basis, less the mean).
        label: what made the plan, for messages and records.
        basis: None (pixels), "dct" (orthonormal cosines over the last two axes) or an orthonormal matrix (d, d) whose
            columns are the modes; coefficients that are arrays have one entry per mode.
        mean: the data's mean, of the sample's shape; the table then acts on x − β m and D − m.
    """

    stages: tuple[Stage, ...]
    start: float
    label: str = ""
    basis: Any = None
    mean: Any = None

    def _line(self) -> str:
        noise = "with noise" if self.stochastic else "no noise"
        return f"Plan({self.label or 'custom'}: {self.nfe} evaluations, {noise})"

    def _table(self) -> Table:
        return ("step", *PLACE), [(k, *(getattr(s, name) for name in PLACE)) for k, s in enumerate(self.stages, 1)]

    @property
    def nfe(self) -> int:
        """Evaluations of the model."""
        return len(self.stages)

    @property
    def depth(self) -> int:
        """How many F the table looks back on."""
        rows = [row for stage in self.stages for row in (stage.predict, stage.correct) if row is not None]
        return max(len(row.data) for row in rows)

    @property
    def stochastic(self) -> bool:
        """Whether any stage adds noise."""
        return any(np.any(stage.predict.noise) for stage in self.stages)

    def validate(self) -> Plan:
        """The plan itself.  Raises InputError for no stages, or a coefficient that is not finite."""
        if not self.stages:
            raise InputError(f"{self.label or 'plan'}: no stages; a plan needs at least one evaluation")
        for k, stage in enumerate(self.stages):
            for name, value in _coefficients(stage):
                if not np.all(np.isfinite(value)):
                    raise InputError(
                        f"{self.label or 'plan'}: {name} of step {k} (target t = {stage.target:.6g}) is infinite: "
                        "take another clock or solver for this target, or a grid that avoids this end"
                    )
        return self

    def predicting(self, relations: list[tuple[float, float]]) -> Plan:
        """The plan that takes the model's raw answers, where D = p x + q answer with (p, q) of each stage."""
        stages = tuple(_merged(stage, *pair) for stage, pair in zip(self.stages, relations, strict=True))
        return replace(self, stages=stages)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; `from_json` reads it back to the last bit."""
        return _listed(asdict(self))

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Plan:
        """The plan that `to_json` wrote.  Raises InputError for anything else."""
        try:
            stages = tuple(_read_stage(stage) for stage in document["stages"])
            basis, mean = document.get("basis"), document.get("mean")
            basis = np.asarray(basis) if isinstance(basis, list) else basis
            mean = None if mean is None else np.asarray(mean)
            return cls(stages, float(document["start"]), str(document.get("label", "")), basis, mean).validate()
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is not a plan ({error!r}); expected what Plan.to_json wrote") from None


def _merged(stage: Stage, p: float, q: float) -> Stage:
    # the table acts on x − β m and D − m, the model sees x and answers D = p x + q out: what is left over multiplies m
    a, b, offset = stage.slope.state, stage.slope.data, stage.slope.mean
    return replace(stage, slope=Slope(a + b * p, b * q, offset + b * (p * stage.beta - 1.0)))


def _coefficients(stage: Stage) -> list[tuple[str, Coefficient]]:
    named = [(f"slope.{key}", value) for key, value in vars(stage.slope).items()]
    for name, row in (("predict", stage.predict), ("correct", stage.correct)):
        if row is not None:
            named += [(f"{name}.state", row.state), (f"{name}.noise", row.noise)]
            named += [(f"{name}.data[{j}]", value) for j, value in enumerate(row.data)]
    return named


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _read_stage(given: dict[str, Any]) -> Stage:
    time, alpha, beta, target = (float(given[name]) for name in ("time", "alpha", "beta", "target"))
    slope = Slope(*(_read(given["slope"][name]) for name in ("state", "data", "mean")))
    correct = given.get("correct")
    correct = None if correct is None else _read_row(correct)
    return Stage(time, alpha, beta, target, slope, _read_row(given["predict"]), correct)


def _read_row(given: dict[str, Any]) -> Row:
    return Row(_read(given["state"]), tuple(map(_read, given["data"])), _read(given["noise"]))


def _read(value: Any) -> Coefficient:
    return np.asarray(value, dtype=np.float64) if isinstance(value, list) else float(value)
