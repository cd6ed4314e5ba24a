"""The toolkit at a glance: one Brownian motion under two schedules, and what that does to the steps needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched.data import Gaussian
from symsched.plotting.discretisation import draw_error
from symsched.plotting.drifts import draw_field
from symsched.plotting.inputs import equation, schedules_of
from symsched.plotting.paths import draw_paths, driven
from symsched.plotting.style import GREEN, INK
from symsched.plotting.wishes import Wishes, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = (("linear", 0), ("vp", 0), ("geometric(0.5)", 0), ("lazy(kappa=0, rho=0.5)", 0), ("lazy(kappa=1, rho=0.5)", 1))


def overview(seed: int = 3, ax: Any = None, **wishes: Unpack[Wishes]) -> Figure:
    """Left and middle: paths of the linear schedule and their lazy twins; right: W2 after N Euler steps.

    Args:
        seed: of the Brownian motion.
        ax: three axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.
    """
    with page(ax, 1, 3, (12, 6), wishes, width_ratios=(1, 1, 1.12)) as sheet:
        axes = sheet.axes
        law = Gaussian(0, 0.5)
        source, target = schedules_of(["linear", "lazy(kappa=1, rho=0.5)"])
        found = driven(source, target, law, 1, 4, 500, seed)
        reach = float(1.02 * np.abs(found.source_states).max())
        draw_paths(axes[0], found.source_times, found.source_states, reach)
        draw_paths(axes[1], found.times, found.states, reach)
        for panel, schedule in zip(axes, (source, target), strict=False):
            draw_field(panel, equation(schedule, law, 1), reach)
            panel.set(xlabel="time $t$, from noise to data", ylabel="state $x$")
        _annotate(axes, reach)
        curves, kappas = zip(*SHOWN, strict=True)
        draw_error(axes[2], schedules_of(curves), law, kappas, (1, 2, 4, 8, 16, 32, 64))
        axes[2].legend(loc="upper right", borderaxespad=0)
        axes[2].set_ylabel("$W_2$ distance to the data, $N(0, 0.5^2)$")
        axes[0].set_title("Linear schedule: the drift does the work")
        axes[1].set_title("Its lazy twin, same Brownian motion: no drift")
        axes[2].set_title("Without drift, one Euler step is exact")
        sheet.finding = "Any schedule converts to any other, without retraining"
    return sheet.figure


def _annotate(axes: Sequence[Axes], reach: float) -> None:
    box = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for panel, height, text in (
        (axes[0], 0.8, "drift pulls down"),
        (axes[0], -0.8, "drift pushes up"),
        (axes[1], 0.8, "drift = 0"),
        (axes[1], -0.8, "drift = 0"),
    ):
        panel.text(0.56, height * reach, text, ha="center", va="center", bbox=box, zorder=6)
    start = axes[1]
    start.annotate(
        "every path starts\nat one point",
        (0.012, 0),
        (0.06, -0.42 * reach),
        ha="left",
        va="top",
        arrowprops={"arrowstyle": "->", "color": INK, "shrinkB": 6},
        zorder=6,
    )
    axes[2].text(0.98, 0.045, "error 0 for every $N$", transform=axes[2].transAxes, ha="right", color=GREEN)
