"""One Brownian motion under two schedules: the conversion made visible (theory C3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched.conversion import Conversion, convert
from symsched.errors import InputError
from symsched.plotting.covering import span_of, told, within
from symsched.plotting.drifts import draw_field
from symsched.plotting.inputs import count_of, data_of, equation, numbers_of, schedules_of
from symsched.plotting.style import INK, PALE, law_label, plain
from symsched.plotting.wishes import Wishes, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from symsched.data import DataLaw

# Dark, and far apart in lightness: paths must stand out on a coloured field, and be told apart in grey.
PATH_COLORS = ("#000000", "#0072B2", "#D55E00", "#7d3f98", "#009E73", "#8c6d00")


@dataclass(frozen=True)
class Driven:
    """Paths of source and target driven by one Brownian motion: times (T,), states (paths, T) on either side."""

    conversion: Conversion
    source_times: np.ndarray
    source_states: np.ndarray
    times: np.ndarray
    states: np.ndarray
    spans: tuple[tuple[float, float], tuple[float, float]]  # of each side's time, that the other side covers


def driven(source: Any, target: Any, data: DataLaw, kappa: Any, paths: int, steps: int, seed: int) -> Driven:
    """Simulate the target, and carry its paths back to the source: X_τ = X̄_t / c_t.

    Stepped by the exponential scheme, which is exact for Gaussian data in any schedule, on times that are even in
    the clocks of both.  The collapse itself, at which c = 0, is left out.
    """
    from symsched.montecarlo import simulate

    conversion = convert(source, target)
    back = conversion.inverse()
    even, spans = np.linspace(0, 1, steps // 2 + 1), (span_of(back), span_of(conversion))
    grid = np.union1d(within(spans[1], even), back.values((back.tau,), within(spans[0], even))[0])
    grid = grid[np.concatenate([[True], np.diff(grid) > 1e-9])]
    grid[[0, -1]] = spans[1]
    sde = equation(conversion.target, data, kappa)
    scheme = "exponential" if kappa > 0 else "heun"
    run = simulate(sde, paths=paths, grid=grid, save=grid, scheme=scheme, seed=seed, keep_paths=paths)
    points = [schedule.kind == "point-mass" for schedule in (conversion.target, conversion.source)]
    late = slice(1 if points == [True, False] else 0, None)  # a point is not told from the other source's states
    source_times, source_states = back.path(run.times[late], run.paths[late])
    return Driven(conversion, source_times, source_states.T, run.times, run.paths.T, spans)


def paths(
    source: Any = "linear",
    target: Any = "follmer",
    data: Any = None,
    kappa: Any = 1,
    n_paths: int = 5,
    steps: int = 600,
    seed: int = 7,
    field: bool = True,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """The same paths under two schedules, side by side, each on the drift field that moves it.

    Left X_s solves the source SDE; right X̄_t = c_t X_τ(t) solves that of the target, for the same Brownian motion.
    A point-mass target starts every path at 0.

    Args:
        source, target: schedules or their text.
        data: a one-dimensional law or its text; by default gaussian(0, 1).
        kappa: diffusion scale in units of ε*.
        n_paths: 1 to 12 paths.
        steps: 10 to 20000 steps of the simulation.
        seed: of the Brownian motion.
        field: whether to show the drift b(t, x) behind the paths.
        ax: two axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input, or a conversion that does not exist.
    """
    law, scale = data_of(data), numbers_of(kappa, "kappa")[0]
    count_of(n_paths, "n_paths", 1, 12)
    count_of(steps, "steps", 10, 20_000)
    first, second = schedules_of([source, target], "source and target")
    with page(ax, 1, 2, (9, 4.2), wishes, sharey=True) as sheet:
        axes, names = sheet.axes, sheet.names([first, second])
        found = driven(first, second, law, scale, n_paths, steps, seed)
        reach = float(1.12 * max(np.abs(found.states).max(), np.abs(found.source_states).max()))
        draw_paths(axes[0], found.source_times, found.source_states, reach)
        draw_paths(axes[1], found.times, found.states, reach)
        for panel, schedule, name, side in zip(axes, (first, second), names, ("source", "target"), strict=True):
            if field:
                draw_field(panel, equation(schedule, law, scale), reach)
            span = found.spans[side == "target"]
            _shade(panel, span)
            panel.set_title(", ".join([f"{side}: {name}", *([told(span)] if told(span) else [])]))
            panel.set_xlabel("time $t$ (noise to data)")
        axes[0].set_ylabel("state $x$")
        sheet.finding = _finding(second, law)
    return sheet.figure


def _finding(target: Any, law: DataLaw) -> str:
    end = "target paths start at one point" if target.kind == "point-mass" else "twins meet at the data"
    return plain(f"One Brownian motion, two schedules, {law_label(law)}: {end}")


def _shade(panel: Axes, span: tuple[float, float]) -> None:
    """Grey where one of the schedules has not the other's noise levels."""
    for low, high in ((0.0, span[0]), (span[1], 1.0)):
        if low < high:
            panel.axvspan(low, high, color=PALE, zorder=1, gid="not covered")


def draw_paths(panel: Axes, times: np.ndarray, states: np.ndarray, reach: float) -> None:
    """Paths (n, T), their ends marked; the first is the thickest."""
    if reach <= 0:
        raise InputError(
            "the paths never leave 0: without noise a point stays a point; take κ > 0, or a target that starts in noise"
        )
    for k, row in enumerate(states):
        color = PATH_COLORS[k % len(PATH_COLORS)]
        panel.plot(times, row, color=color, linewidth=1.5 if k == 0 else 1.05, zorder=3, gid=f"path-{k}")
        panel.plot(times[-1:], row[-1:], "o", color=color, markersize=4.5, zorder=4, clip_on=False)
    if np.abs(states[:, 0]).max() == 0:
        panel.plot([times[0]], [0], "o", color=INK, markersize=7, zorder=5, clip_on=False, gid="point-mass")
    panel.set(xlim=(0, 1), ylim=(-reach, reach))
