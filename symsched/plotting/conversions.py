"""Conversion maps: the source time τ and the scale c that carry one schedule to another (theory C2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symsched.conversion import Conversion
from symsched.plotting.canvas import entitle, panels
from symsched.plotting.inputs import schedules_of
from symsched.plotting.style import GREY, label_of, labels, look, styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 161


def conversion(
    source: Any = "linear",
    targets: Any = ("vp", "ddpm", "lazy(kappa=0, rho=0.5)", "follmer"),
    title: str | None = None,
    ax: Any = None,
) -> Figure:
    """τ(t) and c(t) from one source schedule to each target: X̄_t = c_t X_τ(t).

    Args:
        source: a schedule or its text.
        targets: one or several.
        title: instead of the finding.
        ax: two axes to draw on.

    Raises:
        InputError: bad input, or a target with noise levels that a truncated source never reaches.
    """
    (origin,), goals = schedules_of([source], "source"), schedules_of(targets, "targets")
    with look():
        figure, axes = panels(ax, 1, 2, (9, 4.2))
        times = np.linspace(0, 1, _POINTS)
        axes[0].plot(times, times, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)), gid="identity")
        axes[1].axhline(1, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
        for goal, style, label in zip(goals, styles(goals), labels(goals), strict=True):
            tau, scale, *_ = Conversion(origin, goal).at(times)
            axes[0].plot(times, tau, **style.line(label=label))
            axes[1].plot(times, np.where(np.isfinite(scale), scale, np.nan), **style.line(label=label))
        name = label_of(origin)
        axes[0].set(xlabel="target time $t$", ylabel=rf"time $\tau$ of {name}", xlim=(0, 1), ylim=(0, 1))
        axes[0].set_title(r"when to ask the source: $\tau=r^{-1}(\bar r(t))$")
        axes[1].set(xlabel="target time $t$", ylabel="scale $c$", xlim=(0, 1), ylim=(0, None))
        axes[1].set_title(r"how to scale its state: $\bar X_t=c_t\,X_{\tau(t)}$")
        axes[0].legend()
        entitle(figure, axes, ax, title or f"From {name} to any schedule: a change of time and of scale")
    return figure
