"""What DDIM loses of Gaussian data's spread on a grid of noise levels (theory C20).

Every number is the recursion of the steps themselves: neither the cosine law nor the best grid's leading order is
typed.  Euler in the linear schedule at κ = 0 is DDIM (C22), and a conversion keeps the levels r = β/α.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched import catalog
from symsched.data import Gaussian
from symsched.discretize import trajectory
from symsched.errors import InputError
from symsched.plotting.discretisation import step_axes
from symsched.plotting.inputs import equation, numbers_of, steps_of
from symsched.plotting.style import BLUE, DASHES, GREEN, GREY, ORANGE, PURPLE, RED, SKY, number
from symsched.plotting.wishes import Wishes, page
from symsched.spacing import optimal_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEPS = (4, 8, 16, 32, 64)
SPECTRUM = ("1/10", 1, 4)
#: The best grid is the whole line; others are broken.
_COLORS, _MARKERS = (RED, BLUE, ORANGE, PURPLE, SKY), "osD^v"


def kept(std: Any, ratios: np.ndarray) -> float:
    """Var X₁ / ρ² after DDIM through the levels r = β/α, from 0 to ∞, for data N(0, ρ²)."""
    inner = ratios[1:-1]
    grid = np.concatenate([[0.0], inner / (1 + inner), [1.0]])
    run = trajectory(equation(catalog.linear(), Gaussian(0, std), 0), grid, "euler")
    return float(run.var[-1] / run.target_var[-1])


def lost(stds: Sequence[Any], ratios: np.ndarray) -> float:
    """½ log(det Σ/det Σ_N) of the modes, in nats."""
    return -0.5 * float(np.sum([np.log(kept(std, ratios)) for std in stds]))


def uniform(steps: int) -> np.ndarray:
    """Levels of equal steps of the linear schedule's time."""
    times = np.linspace(0, 1, steps + 1)
    with np.errstate(divide="ignore"):
        return np.asarray(times / (1 - times))


def spacing(
    spectrum: Any = SPECTRUM,
    steps: Sequence[int] = STEPS,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """DDIM on Gaussian data: the variance kept of one mode on its best grid, and the loss of all modes on one grid.

    Left, one mode: equal angles against equal times.  Right, all modes: the best grid of the spectrum, against those
    that are best for one of its modes.  Several modes' grid is best to leading order in 1/N: at N = 2 it need not be.

    Args:
        spectrum: standard deviations of two to five modes.
        steps: numbers of steps N, from 2 to 1024.
        ax: two axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input.
    """
    stds, counts = numbers_of(spectrum, "spectrum", positive=True), steps_of(steps, 1024)
    if not 2 <= len(stds) <= len(_COLORS):
        raise InputError(f"spectrum: {len(stds)} modes; expected two to {len(_COLORS)}")
    if counts[0] < 2:
        raise InputError("steps: 1 step keeps nothing of the spread; expected 2 or more")
    with page(ax, 1, 2, (9.4, 4.3), wishes) as sheet:
        axes = sheet.axes
        law = _one(axes[0], stds, counts)
        grids = [("best grid of the spectrum", stds), *((rf"equal angles of $\rho={number(s)}$", [s]) for s in stds)]
        rows = [[lost(stds, optimal_grid(np.array(modes, dtype=float), n)) for n in counts] for _, modes in grids]
        looks = [(GREEN, "*"), *zip(_COLORS, _MARKERS, strict=True)]
        for row, (label, _), (color, mark), dash in zip(rows, grids, looks, DASHES, strict=False):
            width = 2.6 if color == GREEN else 1.8
            axes[1].plot(counts, row, **_points(color, mark, dash, width, label))
        table = np.array(rows)
        step_axes(axes[1], np.array(counts), table)
        axes[1].set_yscale("log")
        axes[1].set_ylim(0.6 * table.min(), 1.6 * table.max())
        axes[1].set(xlabel="number of DDIM steps $N$", ylabel=r"$\frac{1}{2}\log(\det\Sigma/\det\Sigma_N)$ (nats)")
        modes = ", ".join(number(s) for s in stds)
        axes[1].set_title(rf"{len(stds)} modes on one grid, $\rho={modes}$")
        axes[1].legend(loc="lower left")
        sheet.finding = _finding(law, table)
    return sheet.figure


def _one(panel: Axes, stds: Sequence[Any], steps: Sequence[int]) -> np.ndarray:
    """Variance kept of each mode, on its own equal angles: (modes, steps); and on equal times, below."""
    equal = np.array([[kept(s, optimal_grid(float(s), n)) for n in steps] for s in stds])
    panel.plot(steps, equal[0], **_points(GREEN, "*", DASHES[0], 2.6, r"equal angles, every $\rho$"))
    for std, color, mark, dash in zip(stds, _COLORS, _MARKERS, DASHES[1:], strict=False):
        row = [kept(std, uniform(n)) for n in steps]
        panel.plot(steps, row, **_points(color, mark, dash, 1.8, rf"equal times, $\rho={number(std)}$"))
    panel.axhline(1, color=GREY, linewidth=0.8)
    panel.set_xscale("log", base=2)
    _plain_steps(panel, steps)
    panel.set_ylim(0, 1.06)
    panel.set(xlabel="number of DDIM steps $N$", ylabel=r"variance kept, $\mathrm{Var}\,X_1/\rho^2$")
    panel.set_title("one mode")
    panel.legend(loc="lower right")
    return equal


def _plain_steps(panel: Axes, steps: Sequence[int]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    panel.xaxis.set_major_locator(FixedLocator([float(n) for n in steps[:: 1 + len(steps) // 9]]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:g}"))


def _points(color: str, marker: str, dash: Any, width: float, label: str) -> dict[str, Any]:
    return {
        "color": color, "marker": marker, "linestyle": dash, "linewidth": width, "label": label,
        "markersize": 9 if marker == "*" else 5.5,
        "markeredgecolor": "white", "markeredgewidth": 0.6, "clip_on": False, "zorder": 3 if color == GREEN else 2,
    }  # fmt: skip


def _finding(law: np.ndarray, table: np.ndarray) -> str:
    """Read off the curves: whether equal angles keep the same of every mode, and which grid loses least."""
    same = np.allclose(law, law[0], rtol=1e-9)
    best = (table[0] <= table.min(axis=0) * (1 + 1e-9)).all()
    if same and best:
        return "Equal angles keep the same of any one mode; many modes share one best grid"
    return "What DDIM keeps of Gaussian data's variance depends on the grid"
