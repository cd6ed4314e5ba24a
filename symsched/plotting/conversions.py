"""Conversion maps: the source time τ and the scale c that carry one schedule to another (theory C2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched.conversion import Conversion
from symsched.plotting.covering import span_of, told, within
from symsched.plotting.inputs import schedules_of
from symsched.plotting.style import GREY, label_of, plain, styles
from symsched.plotting.wishes import Wishes, page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 161


def conversion(
    source: Any = "linear",
    targets: Any = ("vp", "ddpm", "lazy(kappa=0, rho=0.5)", "follmer"),
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """τ(t) and c(t) from one source schedule to each target: X̄_t = c_t X_τ(t).

    A truncated source has not all noise levels: its curves are drawn where it has the target's, and the legend says so.

    Args:
        source: a schedule or its text.
        targets: one or several.
        ax: two axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input, or a target with no noise level that a truncated source has.
    """
    (origin,), goals = schedules_of([source], "source"), schedules_of(targets, "targets")
    with page(ax, 1, 2, (9, 4.2), wishes) as sheet:
        axes = sheet.axes
        spans: list[str] = []
        times = np.linspace(0, 1, _POINTS)
        axes[0].plot(times, times, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)), gid="identity")
        axes[1].axhline(1, color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
        for goal, style, label in zip(goals, styles(goals), sheet.names(goals), strict=True):
            maps = Conversion(origin, goal)
            span = span_of(maps)
            shown, spans = within(span, times), [*spans, told(span)]
            tau, scale, *_ = maps.at(shown)
            label = f"{label}, {spans[-1]}" if spans[-1] else label
            axes[0].plot(shown, tau, **style.line(label=label))
            axes[1].plot(shown, np.where(np.isfinite(scale), scale, np.nan), **style.line(label=label))
        name = label_of(origin)
        axes[0].set(xlabel="target time $t$", ylabel=rf"time $\tau$ of {name}", xlim=(0, 1), ylim=(0, 1))
        axes[0].set_title(r"when to ask the source: $\tau=r^{-1}(\bar r(t))$")
        axes[1].set(xlabel="target time $t$", ylabel="scale $c$", xlim=(0, 1), ylim=(0, None))
        axes[1].set_title(r"how to scale its state: $\bar X_t=c_t\,X_{\tau(t)}$")
        axes[0].legend()
        sheet.finding = _finding(name, any(spans))
    return sheet.figure


def _finding(name: str, partial: bool) -> str:
    if partial:
        return plain(f"{name} is truncated: it converts where it has the target's noise levels")
    return f"From {name} to any schedule: a change of time and of scale"
