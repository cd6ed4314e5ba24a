"""What guidance samples, against κ, and the tilted law that it is said to sample (theory C25)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched import catalog
from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.guidance import guided
from symsched.plotting.final_laws import density
from symsched.plotting.inputs import gaussian_of, numbers_of
from symsched.plotting.style import BLUE, GREY, INK, PURPLE, RED, lazy_color, lazy_dash, number, plain
from symsched.plotting.wishes import Wishes, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KAPPAS = tuple(2.0 ** (k / 2) for k in range(-8, 17))
SHOWN = (0, 1, 16)  # κ whose densities are drawn
_COLORS, _MARKERS = (BLUE, RED, PURPLE), "osD"


def guidance(
    conditional: Any = "gaussian(1, 0.5)",
    unconditional: Any = "gaussian(0, 1)",
    weight: Any = (1, 2, 4),
    kappa: Any = KAPPAS,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """Variance of the guided law over that of p_c^(1+w)/p_u^w, against κ; and densities of the first weight.

    Args:
        conditional, unconditional: one-dimensional Gaussian laws or their text.
        weight: one to three weights w > 0, for which the tilted law exists.
        kappa: at least three numbers > 0.
        ax: two axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input, or a weight for which p_c^(1+w)/p_u^w is no law.
    """
    own, other = gaussian_of(conditional), gaussian_of(unconditional)
    weights = numbers_of(weight, "weight", positive=True, most=len(_COLORS))
    scales = [float(k) for k in numbers_of(kappa, "kappa", positive=True, most=64)]
    if len(scales) < 3:
        raise InputError(f"kappa: {len(scales)} given; a limit shows among at least three")
    limits = [guided(catalog.linear(), own, other, w).tilted() for w in weights]
    with page(ax, 1, 2, (9.4, 4.2), wishes) as sheet:
        axes = sheet.axes
        rows = np.array([_shares(own, other, w, scales, limit) for w, limit in zip(weights, limits, strict=True)])
        for row, w, color, marker in zip(rows, weights, _COLORS, _MARKERS, strict=False):
            axes[0].plot(
                scales, row, color=color, marker=marker, markersize=5.5, markeredgecolor="white", linewidth=1.8,
                markevery=max(1, len(scales) // 8), label=f"$w={number(w)}$", zorder=3,
            )  # fmt: skip
        _axes(axes[0], scales)
        _densities(axes[1], own, other, weights[0], limits[0])
        sheet.finding = _finding(rows)
    return sheet.figure


def _shares(own: Gaussian, other: Gaussian, w: Any, scales: Sequence[float], limit: Gaussian) -> np.ndarray:
    """Variance of the guided law at t = 1, over the tilted one's."""
    found = [guided(catalog.linear(), own, other, w, kappa).law_at(1.0)[1] for kappa in scales]
    return np.array(found) / float(limit.std) ** 2


def _axes(panel: Axes, scales: Sequence[float]) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    panel.axhline(1, color=INK, linewidth=1.2, linestyle=(0, (6, 1.6)), zorder=2, label=r"$p_c^{1+w}/p_u^w$")
    panel.set_xscale("log", base=2)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}" if k >= 1 else f"1/{1 / k:g}"))
    panel.set_xlim(scales[0], scales[-1])
    panel.set_ylim(bottom=0)
    panel.set(
        xlabel=r"diffusion scale $\kappa=\varepsilon/\varepsilon^{\ast}$", ylabel="guided variance / tilted variance"
    )
    panel.set_title("variance at $t=1$, in every schedule")
    panel.legend(loc="lower right")


def _densities(panel: Axes, own: Gaussian, other: Gaussian, w: Any, limit: Gaussian) -> None:
    reach = 3.4 * float(limit.std)
    laws = [(k, guided(catalog.linear(), own, other, w, k)) for k in SHOWN]
    centres = [g.law_at(1.0)[0] for _, g in laws]
    states = np.linspace(min(*centres, float(limit.mean)) - reach, max(*centres, float(limit.mean)) + reach, 321)
    panel.fill_between(states, density(limit, states), color="#dddddd", zorder=1, label=r"$p_c^{1+w}/p_u^w$")
    panel.plot(states, density(own, states), color=GREY, linewidth=1, linestyle=(0, (1, 2)), zorder=2, label="$p_c$")
    for kappa, law in laws:
        how: dict[str, Any] = {"color": lazy_color(kappa), "linestyle": lazy_dash(kappa), "linewidth": 2.2}
        panel.plot(states, law.density_at(1.0, states), label=rf"$\kappa={kappa:g}$", zorder=3, **how)
    panel.axhline(0, color=GREY, linewidth=0.8)
    panel.set_ylim(bottom=0)
    panel.set(xlabel="state $x$", ylabel="density at $t=1$")
    panel.set_title(f"laws for $w={number(w)}$")
    panel.legend(loc="upper left")


def _finding(rows: np.ndarray) -> str:
    """Read off the curves: whether they rise towards the tilted law and stay below it."""
    if (np.diff(rows, axis=1) > 0).all() and (rows < 1).all():
        return plain(r"Guidance samples the tilted law only as $\kappa$ grows; before, it is too narrow")
    return "The law that guidance samples depends on the noise"
