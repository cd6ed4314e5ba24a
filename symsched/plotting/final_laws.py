"""The law after N steps beside its target, schedule by schedule, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched.data import Gaussian
from symsched.discretize import trajectory
from symsched.errors import InputError
from symsched.plotting.discretisation import EXACT, check_scheme
from symsched.plotting.inputs import equation, gaussian_of, kappas_for, schedules_of, steps_of
from symsched.plotting.style import DASHES, GREY, INK, law_label, plain
from symsched.plotting.wishes import Wishes, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Darker with more steps; the dashes tell them apart as well.
STEP_COLORS = ("#f0b27a", "#d9793c", "#a3512b", "#6d2f1d", "#3b1710", "#1f0c08")


def law(
    schedules: Any = ("linear", "geometric(0.5)", "lazy(kappa=0, rho=0.5)"),
    data: Any = "gaussian(0, 0.5)",
    kappa: Any = 0,
    steps: Sequence[int] = (1, 2, 4, 8),
    scheme: str = "euler",
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """The exact density after N steps against that of Gaussian data, one panel for each schedule.

    A law that has collapsed to a point is a vertical line.

    Args:
        schedules: one to four schedules or their text.
        data: a one-dimensional Gaussian law or its text.
        kappa: diffusion scale in units of ε*, one for all or one for each schedule.
        steps: one to six numbers of steps.
        scheme: "euler", "lazy", "exponential" or "heun".
        ax: as many axes as schedules.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input, or a schedule whose first step is infinite.
    """
    target, found, counts = gaussian_of(data), schedules_of(schedules), steps_of(steps)
    scales = kappas_for(kappa, found)
    check_scheme(scheme)
    if len(found) > 4 or len(counts) > len(STEP_COLORS):
        raise InputError(f"{len(found)} schedules, {len(counts)} numbers of steps: at most 4 and {len(STEP_COLORS)}")
    size = (1 + 3.3 * len(found), 3.9)
    with page(ax, 1, len(found), size, wishes, sharex=True, sharey=True) as sheet:
        axes, names = sheet.axes, sheet.names(found)
        reach = 3.6 * float(target.std)
        states = float(target.mean) + np.linspace(-reach, reach, 241)
        exact = []
        for panel, schedule, scale, name in zip(axes, found, scales, names, strict=True):
            laws = [_final(trajectory(equation(schedule, target, scale), n, scheme)) for n in counts]
            _draw(panel, states, target, laws, counts)
            panel.set_title(name)
            exact.append(all(abs(v - float(target.std) ** 2) < EXACT for _, v in laws))
        axes[0].set_ylabel("density at $t=1$")
        axes[0].set_ylim(0, 2.6 * density(target, states).max())
        axes[-1].legend(title=f"{scheme.capitalize()} steps", loc="upper right")
        sheet.finding = _finding([name for name, is_exact in zip(names, exact, strict=True) if is_exact], target)
    return sheet.figure


def _final(run: Any) -> tuple[float, float]:
    return float(run.mean[-1]), float(run.var[-1])


def density(law: Gaussian, states: np.ndarray) -> np.ndarray:
    """The density of a Gaussian law."""
    return np.exp(law.log_density_at(0.0, 1.0, states))


def _draw(
    panel: Axes, states: np.ndarray, target: Gaussian, laws: Sequence[tuple[float, float]], steps: Sequence[int]
) -> None:
    panel.fill_between(states, density(target, states), color="#dddddd", zorder=1, label="data")
    for (mean, variance), n, color, dash in zip(laws, steps, STEP_COLORS, DASHES, strict=False):
        how: dict[str, Any] = {"color": color, "linestyle": dash, "linewidth": 1.8, "label": f"$N={n}$"}
        if variance < EXACT:
            panel.axvline(mean, **how)
        else:
            panel.plot(states, density(Gaussian(mean, variance**0.5), states), **how)
    panel.plot(states, density(target, states), color=INK, linewidth=0.8, zorder=1.5)
    panel.axhline(0, color=GREY, linewidth=0.8)
    panel.set_xlabel("state $x$")


def _finding(exact: Sequence[str], target: Gaussian) -> str:
    if not exact:
        return plain(f"The law of N steps approaches {law_label(target)}")
    return plain(f"{exact[0]}: one step already has the law of {law_label(target)}")
