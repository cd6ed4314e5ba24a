"""Drift fields b(t, x) over time and state; a lazy schedule's is blank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symsched.errors import InputError
from symsched.plotting.canvas import entitle, panels
from symsched.plotting.inputs import data_of, equation, numbers_of, schedules_of
from symsched.plotting.style import INK, label_of, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure

    from symsched.sde import InterpolantSDE

#: Drifts at which the colour changes; white is |b| below the first.
LEVELS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
#: Purple pushes down, orange up: far apart for the colour-blind, and pale enough that paths stand out.
UP = ("#fff3df", "#fde5bf", "#fad59b", "#f7c378", "#f3b157", "#ee9f3a")
DOWN = ("#f1eef8", "#e0daef", "#cdc3e4", "#b9acd9", "#a595cd", "#917fc1")
_CELLS = 121


def drift_table(sde: InterpolantSDE, times: np.ndarray, states: np.ndarray) -> np.ndarray:
    """b(t, x) of shape (states, times); NaN at a time where the drift is infinite."""
    columns = []
    for time in times:
        try:
            columns.append(sde.drift_at(float(time), states))
        except InputError:
            columns.append(np.full(states.shape, np.nan))
    return np.array(columns).T


def draw_field(panel: Axes, sde: InterpolantSDE, reach: float, lines: bool = False) -> QuadContourSet:
    """Colour the panel by the drift: orange pushes up, purple pulls down, white is next to none."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    times = np.linspace(0, 1, _CELLS)
    times[[0, -1]] = 1e-4, 1 - 1e-4  # the ends themselves may be infinite
    states = np.linspace(-reach, reach, _CELLS)
    table = drift_table(sde, times, states)
    levels = [*(-v for v in reversed(LEVELS)), *LEVELS]
    colors = ListedColormap([*reversed(DOWN), "#ffffff", *UP])
    norm = BoundaryNorm(levels, len(colors.colors), extend="both")
    filled = panel.contourf(times, states, table, levels, cmap=colors, norm=norm, extend="both", zorder=0)
    panel.grid(False)
    if lines and np.nanmax(np.abs(table)) > LEVELS[0]:
        _draw_contours(panel, times, states, table)
    return filled


def _draw_contours(panel: Axes, times: np.ndarray, states: np.ndarray, table: np.ndarray) -> None:
    signed = sorted([*LEVELS[1:], *(-v for v in LEVELS[1:])])
    lines = panel.contour(times, states, table, levels=signed, colors=INK, linewidths=0.7, zorder=2)
    panel.clabel(lines, fmt="%g", fontsize=7.5, inline_spacing=2)
