"""Calibration: what a short pilot tells about a model, kept in a small JSON file and used by `lazy-auto`.

    calibration = calibrate(field, (64, 3, 32, 32), steps=(6, 8, 12), progress=True)
    calibration.save("model.json")
    sample(field, (16, 3, 32, 32), steps=8, calibration=Calibration.load("model.json"))

The pilot's converged paths give the data's mean, its scale ρ and, on request, its spectrum in the cosine basis; and for
each number of evaluations asked for, the grid and the table of `fitting` that come nearest to those paths' ends.
Nothing is trained, and the model is only asked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.bridge.levels import Native
from symsched.bridge.plan import IDENTITY, KEEP, Plan, Row, Stage
from symsched.errors import InputError, clipped
from symsched.shown import Shown, Table, brief
from symsched.writing import whole

Array = NDArray[np.float64]
FORMAT = "symsched calibration 1"
DIGITS = 5  # of the mean and the spectrum in the file, in units of ρ or 1; tables keep all of theirs


@dataclass(frozen=True, repr=False)
class Calibration(Shown):
    """What was learnt of one model.

    Attributes:
        source: the model's schedule, as text.
        mean: the data's mean, broadcastable to a sample (for large samples one number for each channel).
        rho: the data's standard deviation about it.
        tables: by number of evaluations, {"angles", "rows", "error", "typical", "shape"} as in `fitting.Fit`.
        spectrum: standard deviation of each cosine mode (height, width), or None.
        pilot: {"count", "steps", "seed", "evaluations"}: what it cost, evaluations in all for one sample; with a budget
            also "scouting", those of the few paths that went ahead.
        valid: {"model", "guidance", "dtype", "shape"} that it was made for, and the "options" of a pipeline's call;
            elsewhere `sample` warns.
    """

    source: str
    mean: Array
    rho: float
    tables: Mapping[int, Mapping[str, Any]]
    spectrum: Array | None = None
    pilot: Mapping[str, int] = field(default_factory=dict)
    valid: Mapping[str, Any] = field(default_factory=dict)

    def _line(self) -> str:
        counts = ", ".join(map(str, sorted(self.tables))) or "no"
        return f"Calibration(of {clipped(self.source)}: rho={brief(float(self.rho))}, tables for {counts} evaluations)"

    def _table(self) -> Table:
        head = ("evaluations", "error", "scale of the frame", "from the noise itself")
        rows = [
            (steps, table["error"], table["shape"]["rho"], "yes" if self.from_noise(steps) else "no")
            for steps, table in sorted(self.tables.items())
        ]
        return head, rows

    def plan(self, native: Native, steps: int) -> Plan | None:
        """The fitted table for `steps` evaluations, or None if there is none."""
        from symsched.bridge.pilot import levels_at

        if steps not in self.tables:
            return None
        table = self.tables[steps]
        angles = np.asarray(table["angles"])
        levels = levels_at(native, angles, self.rho)
        # Rows weight z, then the answers in units of ρ, oldest first; a plan weights its first input, start · z,
        # then the answers as they are, newest first.
        start = float(levels.norm[0]) * table["rows"][0][0]
        stages = []
        for k, row in enumerate(table["rows"][1:]):
            unit = float(levels.norm[k + 1])
            predict = Row(unit * row[0] / start, tuple(unit / self.rho * c for c in reversed(row[1:])))
            time, alpha, beta = (float(part[k]) for part in (levels.times, levels.alpha, levels.beta))
            stages.append(Stage(time, alpha, beta, float(angles[k] / (np.pi / 2)), IDENTITY, predict, KEEP))
        return Plan(tuple(stages), start, f"lazy-auto, calibrated, steps={steps}", mean=self.mean).validate()

    def spectral(self, native: Native, steps: int, rho: float = 2.0) -> Plan:
        """Spectral lazy steps (theory C14) on levels uniform in atan(ρ r).  Raises InputError without a spectrum."""
        from symsched.bridge.solvers.spectral import spectral

        ratios = np.tan(np.linspace(0, np.pi / 2, steps + 1)[:-1]) / rho
        return spectral(native, self.spectrum, self.mean, np.append(ratios, np.inf))

    def sigmas(self, steps: int) -> Array:
        """The fitted levels as noise levels α/(α + β) of a linear flow, (N + 1,), from 1 to 0, for other software.

        Raises InputError where there is no table for `steps`.
        """
        if steps not in self.tables:
            raise InputError(f"no table for {steps} evaluations (there are: {', '.join(map(str, self.tables))})")
        angles = np.asarray(self.tables[steps]["angles"])
        noise, data = self.rho * np.cos(angles[1:-1]), np.sin(angles[1:-1])
        return np.concatenate([[1.0], noise / (noise + data), [0.0]])

    def from_noise(self, steps: int) -> bool:
        """Whether the table for `steps` gives the model the noise z itself first."""
        table = self.tables[steps]
        return tuple(table["rows"][0]) == (1.0,) and table["angles"][0] < 1e-6

    def scale(self, steps: int) -> float:
        """The data scale of the frame to step in where no table was fitted: that of the nearest grid."""
        return float(f"{self._nearest(steps)['rho']:.4g}")

    def _nearest(self, steps: int) -> Mapping[str, float]:
        if not self.tables:
            return {"rho": 1 / self.rho}
        return self.tables[min(self.tables, key=lambda known: abs(known - steps))]["shape"]

    # -- the file --------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """JSON-able; `from_json` reads it back."""
        document = asdict(self) | {"format": FORMAT, "mean": self._rounded(self.mean)}
        document["spectrum"] = None if self.spectrum is None else self._rounded(self.spectrum)
        document["tables"] = {str(steps): dict(table) for steps, table in sorted(self.tables.items())}
        return document

    def _rounded(self, values: Array) -> Any:
        places = DIGITS - math.floor(min(math.log10(self.rho), 0)) if self.rho > 0 else DIGITS
        return np.round(values, places).tolist()

    @classmethod
    def from_json(cls, document: Any) -> Calibration:
        """What `to_json` wrote.  Raises InputError for anything else."""
        try:
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']!r}")
            tables = {int(steps): _checked(int(steps), table) for steps, table in document["tables"].items()}
            spectrum = document["spectrum"]
            return cls(
                str(document["source"]),
                _numbers(document["mean"]),
                float(document["rho"]),
                tables,
                None if spectrum is None else _numbers(spectrum),
                {str(key): int(value) for key, value in document["pilot"].items()},
                dict(document.get("valid", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this is not a calibration ({error}): expected what Calibration.save wrote") from None

    def save(self, path: str | Path) -> None:
        """Write the file whole or not at all.  Raises InputError where it cannot be written."""
        try:
            with whole(path) as out:
                json.dump(self.to_json(), out, separators=(",", ":"))
                out.write("\n")
        except OSError as error:
            raise InputError(f"cannot write '{path}': {error.strerror or error}") from None

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote.  Raises InputError for a missing or another file."""
        try:
            return cls.from_json(json.loads(Path(path).read_text()))
        except OSError as error:
            raise InputError(f"cannot read '{path}': {error.strerror or error}") from None
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise InputError(f"'{path}' is not a calibration: expected the JSON that Calibration.save wrote") from None


def _checked(steps: int, table: Mapping[str, Any]) -> Mapping[str, Any]:
    angles, rows = _numbers(table["angles"]), [tuple(map(float, row)) for row in table["rows"]]
    if len(angles) != steps + 1 or [len(row) for row in rows] != list(range(1, steps + 2)):
        raise ValueError(f"the table for {steps} evaluations has other sizes")
    if not (np.diff(angles) > 0).all():
        raise ValueError(f"the angles for {steps} evaluations do not increase")
    errors = {name: float(table[name]) for name in ("error", "typical")}
    shape = {name: float(table["shape"][name]) for name in ("rho", "power", "start")}
    return {"angles": tuple(map(float, angles)), "rows": rows, **errors, "shape": shape}


def _numbers(given: Any) -> Array:
    found = np.asarray(given, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("a number that is not finite")
    return found
