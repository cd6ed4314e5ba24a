"""Grids tried on paths that are kept, without asking the model again.

A table's error on a grid could be known from the kept paths alone, were it not that the table visits inputs beside
them.  What the model answers there is guessed from the answer on the path, as for normal data of the ends' covariance:
E(y + δ) = E(y) + η_X′ δ along a direction in which the data's standard deviation is s ρ, in the lazy frame of ρ, which
turns noise and data as the variance preserving schedule does; and not at all across the directions in which the ends
vary.  It only has to rank grids: the table of the best is then
fitted by the model's own answers.  GITS (arXiv:2405.11326) places levels by kept paths too, for a given solver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
import torch

from symsched.bridge.fitting import Array, Fitter
from symsched.bridge.pilot import LEAST
from symsched.catalog import vp
from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.precision import cached_property
from symsched.symbols import t, x

LOOKED_AT = 60  # grids, which cost no evaluation
FEWEST, ENOUGH, EACH = 2, 16, 8  # paths at all, before a pilot takes more steps, and for each grid that is tried
SETTLED, MOST_TRIES = 64, 28  # steps of a pilot and grids beyond which more are of no use
FAINT = 1e-6  # of the largest singular value


class Stored(Fitter):
    """A fitter whose answers are those of the pilot's paths, continued beside them."""

    @cached_property
    def modes(self) -> tuple[Any, Any]:
        """(directions in rows, s² of each) of the ends about their mean."""
        ends = self.pilot.paths[-1].double().flatten(1)
        _, size, rows = torch.linalg.svd(ends - ends.mean(0), full_matrices=False)
        kept = size > FAINT * size[0]
        return rows[kept], size[kept].square() / (len(ends) - 1)

    def _answers(self, angles: Array) -> Callable[[int, Any], Any]:
        rows, square = self.modes

        def answer(k: int, y: Any) -> Any:
            angle = float(angles[k])
            beside = (y - self.pilot.at(angle)).double().flatten(1) @ rows.T
            moved = (beside * _gain()(angle, square)) @ rows
            return self.pilot.at(angle, self.pilot.answers) + moved.reshape(y.shape).to(y.dtype)

        return answer


@cache
def _gain() -> Callable[[float, Any], Any]:
    """dη_X/dx of normal data at an angle of the frame, of their variance s²."""
    square, angle = sp.Dummy("square", positive=True), sp.Dummy("angle", positive=True)
    slope = Gaussian(0, sp.sqrt(square)).eta_x(vp()).diff(x).subs(t, 2 * angle / sp.pi)
    made: Callable[[float, Any], Any] = sp.lambdify((angle, square), slope, "math")
    return made


@dataclass(frozen=True)
class Spending:
    """What a budget is spent on: paths, steps of the pilot, grids that the model is asked about for each table."""

    count: int
    pilot_steps: int
    tries: int


def spend(budget: int, evaluations: int, refine: int = 0, most: int | None = None, gone: int = 0) -> Spending:
    """How to spend so many evaluations of one sample on tables that take `evaluations` of each path together.

    Steps of the pilot come first, while there are `ENOUGH` paths; then paths, `most` of them, and tried grids grow
    together.  `gone` of them were spent before.

    Raises InputError for a budget below `FEWEST` paths of `LEAST` steps with one table each.
    """
    refining = refine * evaluations
    least = FEWEST * (LEAST + evaluations + refining)
    left = budget - gone
    if left < least:
        raise InputError(
            f"budget = {budget}: expected {least + gone} evaluations at least, for {FEWEST} paths of {LEAST} steps and "
            f"one pass of the tables, {evaluations + refining} each"
        )
    paths = ENOUGH if most is None else min(ENOUGH, most)
    steps = int(np.clip(left // paths - evaluations - refining, LEAST, SETTLED))

    def count(tries: int) -> int:
        found = left // (steps + refining + tries * evaluations)
        return found if most is None else min(found, most)

    tries = max((n for n in range(1, MOST_TRIES + 1) if count(n) >= EACH * n), default=1)
    if most is not None:  # more paths are not to be had: what they leave buys grids
        tries = max((n for n in range(tries, MOST_TRIES + 1) if count(n) == most), default=tries)
    return Spending(count(tries), steps, tries)
