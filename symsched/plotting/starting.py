"""Euler from a point: its order is that of the noise it starts with (theory C19).

The Föllmer process is lazy at κ = 1, in the clock V = t, and is run with κ′ instead.  The first step leaves the point
with the noise alone; all others are the library's own recursion.  Below 1 there are other solutions from the point:
this is the one whose law is the interpolant's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched import catalog
from symsched.data import Gaussian
from symsched.discretize import affine_steps
from symsched.discretize.recursion import recursion
from symsched.errors import InputError
from symsched.plotting.discretisation import EXACT, step_axes
from symsched.plotting.inputs import equation, numbers_of, steps_of
from symsched.plotting.style import GREY, INK, number, styles
from symsched.plotting.wishes import Wishes, page
from symsched.sde.values import by_time
from symsched.verdicts import fit_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from symsched.schedule import Schedule

STEPS = (16, 32, 64, 128, 256, 512, 1024)
RATIOS = ("1/8", "1/4", "1/2", "3/4", 1, 2, 3)
ORDER_GAP = 0.1  # an order within this of min(1, κ′) agrees with it


def excess(kappa: Any, steps: int) -> float:
    """Var X₁ − 1 after N Euler steps from the point, for N(0, 1) data in the clock V = t, with the scale κ′ε*."""
    sde = equation(catalog.follmer(), Gaussian(0, 1), kappa)
    times = np.linspace(0, 1, steps + 1)
    first = 2 * by_time((sde.eps,), times[:1])[0] * times[1]
    if steps == 1:
        return float(first[0] - 1)
    rest = replace(affine_steps(sde, times[1:], "euler"), start_variance=first)
    return float(recursion(rest)[1][-1, 0] - 1)


def order(steps: Sequence[int], errors: np.ndarray) -> float:
    """The slope fitted to the upper half of the levels."""
    half = len(steps) // 2
    sizes, found = 1 / np.array(steps[half:]), np.abs(errors[half:])
    return float(fit_order(sizes, found, 1e-3 * found).order)


def start(
    kappa: Any = RATIOS,
    steps: Sequence[int] = STEPS,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """Error of the variance after N Euler steps from a point, for scales κ′ on both sides of the lazy κ = 1.

    Args:
        kappa: κ′/κ > 0, two or more.
        steps: six numbers of steps N or more, at most 4096.
        ax: two axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input.
    """
    ratios, counts = numbers_of(kappa, "kappa", positive=True), steps_of(steps)
    if len(ratios) < 2 or len(counts) < 6:
        raise InputError(
            f"{len(ratios)} kappa and {len(counts)} numbers of steps: an order is read off two and six at least"
        )
    with page(ax, 1, 2, (9.4, 4.3), wishes) as sheet:
        axes = sheet.axes
        rows = np.array([[excess(k, n) for n in counts] for k in ratios])
        rows = np.where(np.abs(rows) < EXACT, 0.0, rows)
        _errors(axes[0], ratios, counts, rows)
        known = [(float(k), order(counts, row)) for k, row in zip(ratios, rows, strict=True) if row.all()]
        _orders(axes[1], known)
        sheet.finding = _finding(known)
    return sheet.figure


def _errors(panel: Axes, ratios: Sequence[Any], steps: Sequence[int], rows: np.ndarray) -> None:
    frames: list[Schedule] = [catalog.lazy(k, 1) for k in ratios]
    for ratio, row, style in zip(ratios, rows, styles(frames), strict=True):
        panel.plot(steps, np.abs(row), **style.points(label=rf"$\kappa^\prime/\kappa={number(ratio)}$", clip_on=False))
        panel.annotate(
            number(ratio) if row.any() else f"{number(ratio)}, exact",
            (steps[-1], abs(row[-1])),
            (8, 0),
            textcoords="offset points",
            va="center" if row.any() else "bottom",
            color=style.color,
        )
    step_axes(panel, np.array(steps), np.abs(rows))
    panel.set(xlabel="number of Euler steps $N$", ylabel=r"$|\mathrm{Var}\,X_1-V_1|/V_1$")
    panel.set_xlim(right=3 * steps[-1])
    panel.set_title(r"error of the variance; at the ends, $\kappa^\prime/\kappa$")


def _orders(panel: Axes, known: Sequence[tuple[float, float]]) -> None:
    """Fitted orders, over the line min(1, κ′/κ)."""
    most = max((k for k, _ in known), default=1.0)
    line = np.linspace(0, max(most, 1) * 1.05, 200)
    panel.plot(
        line,
        np.minimum(1, line),
        color=GREY,
        linewidth=1.2,
        linestyle=(0, (6, 1.6)),
        label=r"$\min(1,\kappa^\prime/\kappa)$",
    )
    panel.plot(*np.array(known).reshape(-1, 2).T, "o", color=INK, markersize=6, label="fitted", zorder=3)
    panel.set(xlabel=r"scale over the lazy one, $\kappa^\prime/\kappa$", ylabel="order of Euler's variance")
    panel.set_title("orders")
    panel.set_xlim(0, line[-1])
    panel.set_ylim(0, 1.15)
    panel.legend(loc="lower right")


def _finding(known: Sequence[tuple[float, float]]) -> str:
    if any(k < 1 for k, _ in known) and all(abs(found - min(1.0, k)) < ORDER_GAP for k, found in known):
        return "From a point, less noise than the lazy scale costs Euler its order"
    return "How Euler converges from a point, against its noise"
