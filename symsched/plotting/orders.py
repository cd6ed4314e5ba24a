"""Orders of convergence: pathwise from coupled paths, in law from the exact oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched.discretize import trajectory
from symsched.errors import InputError
from symsched.plotting.discretisation import EXACT, step_axes
from symsched.plotting.inputs import count_of, equation, gaussian_of, kappas_for, schedules_of, steps_of
from symsched.plotting.style import GREY, law_label, plain, styles
from symsched.plotting.wishes import Wishes, page
from symsched.verdicts import fit_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from symsched.data import Gaussian
    from symsched.schedule import Schedule

STEPS = (32, 64, 128, 256, 512)
ORDER_GAP = 0.25  # an order within this of 1 is called 1 in a title; the legend has the number


@dataclass(frozen=True)
class StepErrors:
    """Errors of one schedule at each number of steps, and their standard errors."""

    steps: np.ndarray
    errors: np.ndarray
    standard_errors: np.ndarray
    one_sign: bool = True

    @property
    def slope(self) -> float | None:
        """The order fitted to the levels; None where there is no error, or one that changes sign between them."""
        if len(self.steps) < 3 or not self.one_sign or not (self.errors > 0).all():
            return None
        return fit_order(1 / self.steps, self.errors, self.standard_errors).order


def strong_levels(
    schedule: Schedule, data: Gaussian, kappa: Any, steps: Sequence[int], start: float, paths: int, seed: int
) -> StepErrors:
    """(E sup_t |X^N − X^2N|²)^½ of Euler with N and with 2N steps on the same Brownian motion.

    Its slope is the strong order; one fixed fine reference would steepen it at the finest levels.
    """
    from symsched.montecarlo import couple
    from symsched.montecarlo.coupling import System

    sde = equation(schedule, data, kappa)
    found = []
    for n in steps:
        run = couple(System(sde, n), System(sde, 2 * n), paths=paths, seed=seed, start=start)
        found.append(run.strong_error(0, 1))
    errors, spreads = np.array(found).T
    return StepErrors(np.array(steps), np.where(errors < EXACT, 0.0, errors), spreads)


def weak_levels(schedule: Schedule, data: Gaussian, kappa: Any, steps: Sequence[int], start: float) -> StepErrors:
    """|E X² − its target| of Euler with N steps from the exact law at `start`: no sampling, no error."""
    sde = equation(schedule, data, kappa)
    runs = [trajectory(sde, np.linspace(start, 1, n + 1), "euler") for n in steps]
    second = [(r.var[-1] + r.mean[-1] ** 2, r.target_var[-1] + r.target_mean[-1] ** 2) for r in runs]
    signed = np.array([float(a) - float(b) for a, b in second])
    errors = np.where(np.abs(signed) < EXACT, 0.0, np.abs(signed))
    one_sign = len(set(np.sign(signed))) == 1
    return StepErrors(np.array(steps), errors, np.maximum(1e-15, 1e-12 * errors), one_sign)


def orders(
    schedules: Any = ("linear", "vp", "lazy(kappa=1/2, rho=0.5)"),
    data: Any = "gaussian(0, 0.5)",
    kappa: Any = "1/2",
    steps: Sequence[int] = STEPS,
    start: float = 0.1,
    n_paths: int = 400,
    seed: int = 0,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """Strong error (coupled paths of N and 2N steps) and weak error (exact) of Euler, with fitted slopes.

    The noise is additive, so Euler has strong order 1, not ½; in a lazy frame it has no error at all.

    Args:
        schedules: one or several schedules or their text.
        data: a one-dimensional Gaussian law or its text.
        kappa: diffusion scale in units of ε*, one for all or one for each schedule.
        steps: numbers of steps, at most 1024.
        start: the first time, in (0, 1): ε* is infinite at 0 for standard schedules.
        n_paths: 2 to 100000 coupled paths.
        seed: of the Brownian motion.
        ax: two axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input.
    """
    law, found, counts = gaussian_of(data), schedules_of(schedules), steps_of(steps, 1024)
    scales = kappas_for(kappa, found)
    count_of(n_paths, "n_paths", 2, 100_000)
    if not 0 < start < 1:
        raise InputError(f"start = {start!r}: expected a time between 0 and 1")
    with page(ax, 1, 2, (9.4, 4.3), wishes) as sheet:
        axes = sheet.axes
        strong = [strong_levels(s, law, k, counts, start, n_paths, seed) for s, k in zip(found, scales, strict=True)]
        weak = [weak_levels(s, law, k, counts, start) for s, k in zip(found, scales, strict=True)]
        names = sheet.names(found)
        _draw(axes[0], found, names, strong)
        _draw(axes[1], found, names, weak)
        axes[0].set_ylabel(r"strong error, $(E\,\mathrm{sup}_t|X^N_t-X^{2N}_t|^2)^{1/2}$")
        axes[1].set_ylabel(r"weak error, $|E\,(X^N_1)^2-E\,X_1^2|$")
        axes[0].set_title(f"path by path, {n_paths} coupled paths")
        axes[1].set_title("in law, exact")
        sheet.finding = _finding(names, strong, weak, law)
    return sheet.figure


def _draw(panel: Axes, schedules: Sequence[Schedule], names: Sequence[str], levels: Sequence[StepErrors]) -> None:
    for name, style, found in zip(names, styles(schedules), levels, strict=True):
        label = f"{name}: {_verdict(found)}"
        bars = 1.96 * found.standard_errors if found.errors.any() else None
        panel.errorbar(found.steps, found.errors, yerr=bars, capsize=2.5, **style.points(label=label, clip_on=False))
    step_axes(panel, levels[0].steps, np.array([f.errors for f in levels]))
    _guide(panel, levels)
    panel.set_xlabel("number of Euler steps $N$")
    panel.legend(loc="best")


def _verdict(found: StepErrors) -> str:
    if not found.errors.any():
        return "exact"
    if not found.one_sign:
        return "changes sign"
    return "order not fitted" if found.slope is None else f"order {found.slope:.2f}"


def _guide(panel: Axes, levels: Sequence[StepErrors]) -> None:
    """A line of slope −1, under the largest errors."""
    steps, top = levels[0].steps, max(f.errors[0] for f in levels)
    if top > 0:
        panel.plot(steps, 0.4 * top * steps[0] / steps, color=GREY, linewidth=1, linestyle=(0, (1, 2)), label="order 1")


def _finding(names: Sequence[str], strong: Sequence[StepErrors], weak: Sequence[StepErrors], data: Gaussian) -> str:
    exact = [name for name, found in zip(names, strong, strict=True) if not found.errors.any()]
    if not all(found.slope and abs(found.slope - 1) < ORDER_GAP for found in (*strong, *weak) if found.errors.any()):
        return "How the error of Euler steps shrinks, path by path and in law"
    if len(exact) == len(names):
        return plain(f"Euler steps have no error on {law_label(data)}, path by path or in law")
    if not exact:
        return "Euler converges with order 1, path by path and in law"
    return plain(f"Euler converges with order 1; for {exact[0]} it has no error on {law_label(data)}")
