"""Path-space KL against κ: what a wrong score costs, and why κ = 1 costs least (theory C6).

The curve is not the formula of the theorem: the drifts of the SDE with the true data and with a model's wrong data
are derived, and Girsanov's ∫ E|Δb|²/(4ε) dt of their difference is integrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import sympy as sp

from symsched.errors import InputError
from symsched.exact import values
from symsched.plotting.inputs import equation, gaussian_of, listed, numbers_of, schedules_of
from symsched.plotting.style import GREY, law_label, number, plain, styles
from symsched.plotting.wishes import Wishes, page
from symsched.symbols import kappa as kappa_symbol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from symsched.data import Gaussian
    from symsched.schedule import Schedule

KAPPAS = tuple(2.0 ** (k / 4) for k in range(-16, 17))
_NODES = 48


def path_kl(schedule: Schedule, data: Gaussian, model: Gaussian, kappas: Sequence[Any]) -> np.ndarray:
    """KL between the path laws of the true SDE and of the model's, for each κ, by Gauss-Legendre in t."""
    integrand = girsanov(schedule, data, model)
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    rows = [values((integrand.subs(kappa_symbol, kappa),), (points + 1) / 2)[0] for kappa in kappas]
    return np.array(rows) @ weights / 2


def girsanov(schedule: Schedule, data: Gaussian, model: Gaussian) -> sp.Expr:
    """E|Δb|²/(4ε) under the true law, an expression in t and κ; Δb is the difference of the two derived drifts."""
    true, wrong = (equation(schedule, law, kappa_symbol) for law in (data, model))
    (slope, constant), (slope_model, constant_model) = true.affine, wrong.affine
    mean, variance = true.marginal
    gap, offset = slope_model - slope, constant_model - constant
    mean_square = gap**2 * variance + (gap * mean + offset) ** 2
    return sp.together(mean_square) / (4 * true.eps)


def kl(
    schedules: Any = ("linear", "vp", "follmer"),
    data: Any = "gaussian(0, 1)",
    model: Any = "gaussian(0, 0.8)",
    kappa: Any = KAPPAS,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """KL divergence between the paths of the data and of a model with a wrong score, against κ = ε/ε*.

    Args:
        schedules: one or several schedules or their text; the curves coincide (theory C6).
        data, model: one-dimensional Gaussian laws: the truth, and what the model took it for.
        kappa: at least three numbers > 0.
        ax: the axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input, or a model equal to the data.
    """
    found, truth, guess = schedules_of(schedules), gaussian_of(data), gaussian_of(model)
    scales = numbers_of(listed(kappa, "kappa"), "kappa", positive=True, most=64)
    if len(scales) < 3:
        raise InputError(f"kappa: {len(scales)} given; a minimum shows among at least three")
    if truth == guess:
        raise InputError(f"model {guess}: equal to the data, so that nothing is lost; give another law")
    with page(ax, 1, 1, (6.2, 4.3), wishes) as sheet:
        (panel,) = sheet.axes
        rows = [path_kl(s, truth, guess, scales) for s in found]
        xs = np.array([float(k) for k in scales])
        for k, (row, style, label) in enumerate(zip(rows, styles(found), sheet.names(found), strict=True)):
            # Curves that coincide are told apart by their widths and dashes; each has its markers in other places.
            every = max(1, len(xs) // 6)
            shown = style.points(label=label, markevery=(k * every // len(found), every))
            panel.plot(xs, row, **shown)
        best = scales[int(np.argmin(rows[0]))]
        panel.axvline(float(best), color=GREY, linewidth=1, linestyle=(0, (1, 2)), zorder=0)
        _axes(panel, xs)
        panel.legend(title=f"{law_label(truth)}, model {law_label(guess).removesuffix(' data')}", loc="upper center")
        sheet.finding = _finding(best, rows)
    return sheet.figure


def _axes(panel: Any, xs: np.ndarray) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    panel.set_xscale("log", base=2)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}" if k >= 1 else f"1/{1 / k:g}"))
    panel.set(xlabel=r"diffusion scale $\kappa=\varepsilon/\varepsilon^{\ast}$", ylabel="KL of the paths (nats)")
    panel.set_xlim(xs[0] / 1.2, xs[-1] * 1.2)
    panel.set_ylim(bottom=0)


def _finding(best: Any, rows: Sequence[np.ndarray]) -> str:
    """Read off the curves: where the least value is, and whether the schedules agree."""
    title = plain(rf"A wrong score costs least at $\kappa={number(best)}$")
    same = len(rows) > 1 and all(np.allclose(row, rows[0], rtol=1e-6) for row in rows)
    return title + (", in every schedule" if same else "")
