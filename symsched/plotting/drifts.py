"""Drift fields b(t, x) over time and state; a lazy schedule's is blank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched.errors import InputError
from symsched.plotting.inputs import equation, laws_of, numbers_of, schedules_of
from symsched.plotting.style import INK, law_label, plain
from symsched.plotting.wishes import Wishes, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure

    from symsched.data import DataLaw
    from symsched.schedule import Schedule
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
    colors = [*reversed(DOWN), "#ffffff", *UP]
    norm = BoundaryNorm(levels, len(colors), extend="both")
    filled = panel.contourf(
        times, states, table, levels, cmap=ListedColormap(colors), norm=norm, extend="both", zorder=0
    )
    panel.grid(False)
    panel.set_xlim(0, 1)
    if lines and not np.nanmax(np.abs(table)) > 1e-12:
        panel.text(0.5, 0.5, "$b(t,x)=0$", transform=panel.transAxes, ha="center", va="center", fontsize="large")
    if lines and np.nanmax(np.abs(table)) > LEVELS[0]:
        _draw_contours(panel, times, states, table)
    return filled


def _draw_contours(panel: Axes, times: np.ndarray, states: np.ndarray, table: np.ndarray) -> None:
    signed = sorted([*LEVELS[1:], *(-v for v in LEVELS[1:])])
    lines = panel.contour(times, states, table, levels=signed, colors=INK, linewidths=0.7, linestyles="solid", zorder=2)
    shown = [v for v in signed if abs(v) in (1.0, 4.0)]
    # Lines are whole on either side of 0: beside the dashes of a line its label's minus sign is another dash.
    panel.clabel(lines, shown, fmt=lambda v: f"{v:g}".replace("-", "\u2212"), fontsize="x-small", inline_spacing=3)


def drift(
    source: Any = "linear",
    target: Any = "follmer",
    data: Any = ("gaussian(0, 1)", "mixture(weights=[0.5, 0.5], means=[-0.9, 0.9], stds=[0.4359, 0.4359])"),
    kappa: Any = 1,
    reach: float = 2.5,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """The drift b(t, x) before (left) and after (right) conversion, one row for each data law.

    Orange pushes up, purple pulls down; where the field is white there is next to no drift.  κ is the same on
    either side, since conversion keeps ε/ε*.

    Args:
        source, target: schedules or their text.
        data: one or several one-dimensional laws or their text, at most four.
        kappa: diffusion scale in units of ε*.
        reach: the states shown, −reach to reach.
        ax: twice as many axes as data laws.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input.
    """
    laws = laws_of(data, most=4)
    scale = numbers_of(kappa, "kappa")[0]
    if not 0 < reach <= 1e6:
        raise InputError(f"reach {reach!r}: expected a positive number up to 1e6")
    schedules = schedules_of([source, target], "source and target")
    size = (9, 0.9 + 3.2 * len(laws))
    with page(ax, len(laws), 2, size, wishes, sharex=True, sharey=True) as sheet:
        axes, names = sheet.axes, sheet.names(schedules)
        for k, panel in enumerate(axes):
            law, schedule = laws[k // 2], schedules[k % 2]
            filled = draw_field(panel, equation(schedule, law, scale), reach, lines=True)
            panel.set_title(f"{names[k % 2]}, {law_label(law)}")
        for panel in axes[-2:]:
            panel.set_xlabel("time $t$ (noise to data)")
        for panel in axes[::2]:
            panel.set_ylabel("state $x$")
        bar = sheet.figure.colorbar(filled, ax=axes, ticks=[-8, -4, -2, -1, 0, 1, 2, 4, 8], pad=0.02, aspect=30)
        bar.set_label("drift $b(t,x)$")
        sheet.finding = _finding(schedules[1], names[1], laws, scale)
    return sheet.figure


def _finding(target: Schedule, name: str, laws: Sequence[DataLaw], kappa: Any) -> str:
    """Whether the target is lazy for the first law is asked of its SDE, not assumed."""
    table = drift_table(equation(target, laws[0], kappa), np.array([0.25, 0.5, 0.75]), np.linspace(-2, 2, 5))
    if np.nanmax(np.abs(table)) > 1e-12:
        return plain(f"Drift before and after conversion to {name}")
    return plain(f"Conversion to {name} leaves no drift for {law_label(laws[0])}")
