"""Tables fitted to a pilot: a linear method for this model, grid and number of evaluations, by least squares.

Every Adams, exponential or predictor-corrector method, in any schedule, makes its next input from the noise and the
answers so far, y_{k+1} = a z + Σ_j c_j E_j with E = (D − m)/ρ; they differ in the numbers.  Here the numbers are the
least squares solution over the pilot, at the inputs that the method itself visits: at each stage Σ |y_{k+1} − path|²
is least.  The start costs nothing: to first order the lazy frame has no drift, so the first input is a z at an angle
beyond 0, and the evaluation that others spend on pure noise (which answers with the mean) is spent later.

Others choose from the same span: OLSS (arXiv:2305.14677) by least squares at the teacher's inputs, BNS
(arXiv:2403.01329) and GS (arXiv:2510.17699) by descent on the end's error, with which `refining` goes on from here
where a model's gradients can be had; LD3 (arXiv:2405.15506), GITS (arXiv:2405.11326) and BézierFlow (arXiv:2512.13255)
fit the levels alone.

The angles follow log r uniformly in the logit, r = (u/(1 − u))^(1/p)/ρ': steps in the middle, thinning out to both ends
like the flow models' shifted grid at p = 1.  ρ', p and the start are searched for, least error first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symsched.bridge.fields import Asker, FlowField
from symsched.bridge.grids import ratio_of
from symsched.bridge.pilot import Pilot, levels_at
from symsched.bridge.requests import part_of
from symsched.bridge.running import Running

Array = NDArray[np.float64]
RIDGE = 1e-8  # of the mean square of what is combined: far below what a solver could use, enough for twins
TALLEST, SHORTEST = 3.0, 0.4  # bounds of the power p
NOISE = 1e-9  # the least r: below it is the noise itself
LAST_START = 2.5  # of the first angle, in steps
LOOKS = (1.0, 0.5, 2.0, 0.25, 4.0, 0.125)  # at multiples of ρ' before the search proper


@dataclass(frozen=True)
class GridShape:
    """A grid's parameters: ρ', the power p, and the first level in steps."""

    rho: float = 2.0
    power: float = 0.9
    start: float = 0.5

    def ratios(self, steps: int) -> Array:
        """r at the N evaluations, then ∞ for the data."""
        u = np.linspace(self.start / steps, 1.0, steps + 1)[:-1]
        return np.append(ratio_of(u, self.rho, self.power), np.inf)


@dataclass(frozen=True)
class Fit:
    """A fitted table: angles (N + 1,) ending at π/2, and row k = (a, c_0 … c_{k−1}) that makes input k.

    `error` is the root mean square distance of the pilot to its converged ends, in data units, and `typical` the mean
    of the samples' own; their product is what the search makes least, so that neither do a few samples that went
    elsewhere decide, nor are they forgotten.
    """

    angles: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]
    error: float
    typical: float
    shape: GridShape


def apart(ratios: Array, high: float) -> Array:
    """Levels that were brought to one end of what a model knows, evenly in log r from there to the next one inside."""
    first, last = int((ratios == ratios[0]).sum()), int((ratios == ratios[-1]).sum())
    if first == len(ratios):
        return np.geomspace(ratios[0], min(high, max(1.0, 2 * ratios[0])), first + 1)[:-1]
    found = ratios.copy()
    found[: first + 1] = np.geomspace(ratios[0], ratios[first], first + 1)
    found[-last - 1 :] = np.geomspace(found[-last - 1], ratios[-1], last + 1)
    return found


class Fitter:
    """Fits tables of a field to a pilot; `from_noise` for loops that give the model z itself first."""

    def __init__(self, field: FlowField, pilot: Pilot, how: Running, from_noise: bool = False) -> None:
        self.field, self.pilot, self.from_noise = field, pilot, from_noise
        self.batch, self.conditions = how.batch or len(pilot.noise), how.conditions or {}

    @torch.no_grad()
    def fit(self, shape: GridShape, steps: int) -> Fit:
        """The table for one grid; `steps` evaluations of each path."""
        angles, rows = self._angles(shape, steps), list[tuple[float, ...]]()

        def fitted(k: int, known: LeastSquares) -> tuple[float, ...]:
            rows.append((1.0,) if k == 0 and self.from_noise else known.solve(self.pilot.at(angles[k])))
            return rows[-1]  # not the goal: later rows must make up for what this one missed

        end, _ = self._run(angles, fitted)
        return self._fit(angles, rows, end, shape)

    @torch.no_grad()
    def judged(self, angles: Sequence[float], rows: Sequence[tuple[float, ...]], shape: GridShape) -> Fit:
        """A table made elsewhere, with its errors on this pilot."""
        end, _ = self._run(np.asarray(angles), lambda k, _: rows[k])
        return self._fit(angles, rows, end, shape)

    @torch.no_grad()
    def products(self, fit: Fit) -> Array:
        """The inner products of the noise and the answers at the inputs that a table visits."""
        return self._run(np.asarray(fit.angles), lambda k, _: fit.rows[k])[1].products

    def _run(self, angles: Array, row: Callable[[int, LeastSquares], tuple[float, ...]]) -> tuple[Any, LeastSquares]:
        """The end, and the noise and all answers, of the table whose k-th row is made when the run comes to it."""
        answer, known = self._answers(angles), LeastSquares(self.pilot.noise)
        for k in range(len(angles) - 1):
            known.add(answer(k, known.combine(row(k, known))))
        return known.combine(row(len(angles) - 1, known)), known

    def _answers(self, angles: Array) -> Callable[[int, Any], Any]:
        """The function (k, y) → E, the model's answer at the k-th angle in units of ρ."""
        levels, pilot = levels_at(self.field.native, angles, self.pilot.rho), self.pilot
        asker = Asker(self.field, levels.times[:-1])

        def answer(k: int, y: Any) -> Any:
            x = float(levels.norm[k]) * y + float(levels.beta[k]) * pilot.mean
            return (self._data(asker, k, x) - pilot.mean) / pilot.rho

        return answer

    def _fit(self, angles: Any, rows: Sequence[tuple[float, ...]], end: Any, shape: GridShape) -> Fit:
        miss = (end - self.pilot.paths[-1]).double().flatten(1).square().mean(1)
        error, typical = (self.pilot.rho * float(part) for part in (miss.mean().sqrt(), miss.sqrt().mean()))
        return Fit(tuple(map(float, angles)), tuple(rows), error, typical, shape)

    def _angles(self, shape: GridShape, steps: int) -> Array:
        low, high = self.field.native.span
        ratios = shape.ratios(steps)
        inside = apart(np.clip(ratios[:-1], max(low, NOISE), high), high)
        return np.append(np.arctan(self.pilot.rho * inside), math.pi / 2)

    def _data(self, asker: Asker, k: int, x: Any) -> Any:
        """The model's estimate of the data at stage k, a batch at a time."""
        parts = [slice(i, i + self.batch) for i in range(0, len(x), self.batch)]
        return torch.cat([asker.data(k, x[part], part_of(self.conditions, part, len(x))) for part in parts])

    def search(self, steps: int, begin: GridShape, tries: int, done: Callable[[], None] = lambda: None) -> Fit:
        """The best of `tries` grids: a coarse look at ρ', then the simplex method from the best."""
        from scipy.optimize import minimize

        found: list[Fit] = []
        begin = replace(begin, start=0.0) if self.from_noise else begin
        begin = self._scan(steps, begin, found, min(len(LOOKS), tries // 4), done)

        def loss(p: Array) -> float:
            shape = GridShape(math.exp(p[0]), math.exp(p[1]), 0.0 if self.from_noise else float(p[2]))
            if not (SHORTEST < shape.power < TALLEST and (self.from_noise or 0 < shape.start < min(LAST_START, steps))):
                # the simplex method knows no bounds: worse than any fit, and worse the farther, so that it comes back
                return 10.0 + float(np.abs(p).sum())
            found.append(self.fit(shape, steps))
            done()
            return _score(found[-1])

        free = 2 if self.from_noise else 3
        first = np.array([math.log(begin.rho), math.log(begin.power), begin.start])[:free]
        simplex = first + np.vstack([np.zeros(free), np.diag([0.3, 0.2, 0.5])[:free, :free]])
        minimize(loss, first, method="Nelder-Mead", options={"maxfev": tries - len(found), "initial_simplex": simplex})
        return best(*found)

    def _scan(self, steps: int, begin: GridShape, found: list[Fit], looks: int, done: Callable[[], None]) -> GridShape:
        for factor in LOOKS[:looks]:
            found.append(self.fit(replace(begin, rho=begin.rho * factor, start=min(begin.start, steps / 2)), steps))
            done()
        return best(*found).shape if found else begin


def _score(fit: Fit) -> float:
    return math.log(fit.error * fit.typical)


def best(*fits: Fit) -> Fit:
    """The one of the least error."""
    return min(fits, key=_score)


class LeastSquares:
    """The noise and the answers so far, with their inner products, in float64."""

    def __init__(self, noise: Any) -> None:
        self.terms = [noise]
        self.products = np.array([[_dot(noise, noise)]])

    def add(self, term: Any) -> None:
        """One more answer."""
        self.terms.append(term)
        row = [_dot(term, other) for other in self.terms]
        grown = np.empty((len(row), len(row)))
        grown[:-1, :-1], grown[-1], grown[:, -1] = self.products, row, row
        self.products = grown

    def solve(self, goal: Any) -> tuple[float, ...]:
        """The coefficients that make the goal, by ridge regression."""
        right = np.array([_dot(term, goal) for term in self.terms])
        # near the data one answer is nearly the next: without a ridge their weights would be huge and cancel
        ridge = RIDGE * np.trace(self.products) / len(right)
        return tuple(map(float, np.linalg.solve(self.products + ridge * np.eye(len(right)), right)))

    def combine(self, row: tuple[float, ...]) -> Any:
        """Σ coefficient · term."""
        total = row[0] * self.terms[0]
        for coefficient, term in zip(row[1:], self.terms[1:], strict=True):
            total = torch.add(total, term, alpha=coefficient)
        return total


def _dot(one: Any, other: Any) -> float:
    return float((one.double() * other.double()).sum())
