"""The law after N steps against its target, from the exact oracle: nothing is sampled (theory C11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched.discretize import SCHEMES, trajectory
from symsched.errors import InputError
from symsched.parsing import one_of
from symsched.plotting.inputs import equation, gaussian_of, kappas_for, schedules_of, steps_of
from symsched.plotting.style import Style, label_of, law_label, number, plain, styles
from symsched.plotting.wishes import Wishes, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from symsched.data import Gaussian
    from symsched.schedule import Schedule

STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
MEASURES = {"w2": "$W_2$ distance to the data", "kl": "KL divergence from the data (nats)"}
EXACT = 1e-12  # below it only rounding is left


def errors_of(
    schedule: Schedule, data: Gaussian, kappa: Any, steps: Sequence[int], scheme: str, measure: str
) -> np.ndarray:
    """The distance of the law after N steps to the data, for each N.

    Raises InputError, naming the schedule, where the scheme cannot start.
    """
    sde = equation(schedule, data, kappa)
    try:
        return np.array([float(getattr(trajectory(sde, n, scheme), measure)()[-1]) for n in steps])
    except InputError as error:
        raise InputError(f"{schedule}, kappa = {kappa}: {error}") from None


def error(
    schedules: Any = ("linear", "vp", "geometric(0.5)", "lazy(kappa=0, rho=0.5)"),
    data: Any = "gaussian(0, 0.5)",
    kappa: Any = 0,
    steps: Sequence[int] = STEPS,
    scheme: str = "euler",
    measures: Sequence[str] = ("w2", "kl"),
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """W2 and KL between the law after N steps and Gaussian data, against N, exactly.

    Args:
        schedules: one or several schedules or their text.
        data: a one-dimensional Gaussian law or its text.
        kappa: diffusion scale in units of ε*, one for all or one for each schedule.
        steps: numbers of steps N, 1 to 4096.
        scheme: "euler", "lazy", "exponential" or "heun".
        measures: which of "w2" and "kl"; one panel each.
        ax: as many axes as measures.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input, or a schedule whose first step is infinite (such as linear with κ > 0).
    """
    law, found, counts = gaussian_of(data), schedules_of(schedules), steps_of(steps)
    scales = kappas_for(kappa, found)
    check_scheme(scheme)
    if not measures or not set(measures) <= set(MEASURES):
        raise InputError(f"measures {list(measures)}: expected one or both of w2 and kl")
    with page(ax, 1, len(measures), (4.7 * len(measures), 4.2), wishes) as sheet:
        names = sheet.names(found, _labels(found, scales))
        tables = [
            draw_error(panel, found, law, scales, counts, scheme, m, names)
            for panel, m in zip(sheet.axes, measures, strict=True)
        ]
        sheet.axes[-1].legend(loc="best")
        exact = [name for name, row in zip(names, tables[0], strict=True) if not row.any()]
        sheet.finding = _finding(exact, len(found), scheme, law)
    return sheet.figure


def check_scheme(scheme: str) -> None:
    """Raises InputError unless the scheme is known."""
    one_of(scheme, SCHEMES, "scheme")


def draw_error(
    panel: Axes,
    schedules: Sequence[Schedule],
    data: Gaussian,
    kappas: Sequence[Any],
    steps: Sequence[int],
    scheme: str = "euler",
    measure: str = "w2",
    names: Sequence[str] = (),
) -> np.ndarray:
    """One panel of `error`; returns the table (schedules, steps)."""
    rows = []
    for schedule, kappa, style, label in zip(
        schedules, kappas, styles(schedules), names or _labels(schedules, kappas), strict=True
    ):
        row = errors_of(schedule, data, kappa, steps, scheme, measure)
        rows.append(np.where(row < EXACT, 0.0, row))
        _draw_curve(panel, np.asarray(steps), rows[-1], style, label)
    table = np.array(rows)
    step_axes(panel, np.asarray(steps), table)
    for row, style in zip(table, styles(schedules), strict=True):
        for n in np.asarray(steps)[np.isposinf(row)]:
            panel.text(n, 1.01, "∞", transform=panel.get_xaxis_transform(), color=style.color, ha="center", va="bottom")
    panel.set(xlabel=f"number of {scheme.capitalize()} steps $N$", ylabel=MEASURES[measure])
    return table


def _labels(schedules: Sequence[Schedule], kappas: Sequence[Any]) -> list[str]:
    """Labels with κ where the schedules do not share one."""
    if len({float(k) for k in kappas}) == 1:
        return [label_of(s) for s in schedules]
    return [
        label_of(s) if "kappa" in label_of(s) else rf"{label_of(s)}, $\kappa={number(k)}$"
        for s, k in zip(schedules, kappas, strict=True)
    ]


def _draw_curve(panel: Axes, steps: np.ndarray, row: np.ndarray, style: Style, label: str) -> None:
    # Exact curves coincide at 0: the dashed ones lie on the solid one, so that each is seen.
    order = 3 + 0.1 * len(style.dash[1])
    panel.plot(steps, row, **style.points(label=label, clip_on=False, zorder=order))


def step_axes(panel: Axes, steps: np.ndarray, table: np.ndarray) -> None:
    """Logarithmic, with 0 kept on the axis: an exact schedule is drawn, not left out."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    positive = table[np.isfinite(table) & (table > 0)]
    low = 10.0 ** np.floor(np.log10(positive.min())) if positive.size else 1e-3
    high = 10.0 ** np.ceil(np.log10(positive.max())) if positive.size else 1.0
    panel.set_yscale("symlog", linthresh=low, linscale=0.6)
    panel.set_ylim(0, high * 1.15)
    powers = np.arange(np.log10(low), np.log10(high) + 0.5)
    panel.yaxis.set_major_locator(FixedLocator([0.0, *10.0 ** powers[:: 1 + len(powers) // 7]]))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: "0" if y == 0 else f"$10^{{{round(np.log10(y))}}}$"))
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_locator(FixedLocator(steps[:: 1 + len(steps) // 9].tolist()))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:g}"))


def _finding(exact: Sequence[str], drawn: int, scheme: str, data: Gaussian) -> str:
    law = law_label(data)
    if not exact:
        return plain(f"How fast the law of N {scheme.capitalize()} steps approaches {law}")
    if len(exact) == drawn:
        which = exact[0] if drawn == 1 else "Every schedule"
        return plain(f"{which}: exact for {law} from one step")
    names = exact[0] if len(exact) == 1 else f"{len(exact)} of {drawn} schedules"
    return plain(f"{names}: exact for {law} from one step, while the others need many")
