"""The drift that is left in the lazy frame: what data that are not Gaussian cost (theory C17, C18).

The data are two equal modes of variance 1 in all, so that one lazy family is everybody's.  Energies are quadratures
of the library's own drift; neither the relative entropy of C18 nor its factor of κ is typed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from symsched import catalog
from symsched.data import GaussianMixture
from symsched.errors import InputError
from symsched.plotting.final_laws import STEP_COLORS
from symsched.plotting.inputs import equation, numbers_of
from symsched.plotting.style import DASHES, label_of, number, plain, styles
from symsched.plotting.wishes import Wishes, page
from symsched.sde.energy import energy_rates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

APART = (0, 1, 2, 3, 4, 5, 6, 8)
SHOWN = 4  # separations whose rates are drawn
_TIMES = np.linspace(1e-4, 1 - 1e-4, 251)


def parted(distance: float) -> GaussianMixture:
    """Two equal modes, `distance` of their standard deviations apart, with mean 0 and variance 1."""
    width = 1 / float(np.hypot(1, distance / 2))
    return GaussianMixture((0.5, 0.5), (-width * distance / 2, width * distance / 2), (width, width))


def energy(
    kappa: Any = ("1/4", 1, 4, 16),
    separation: Any = APART,
    ax: Any = None,
    **wishes: Unpack[Wishes],
) -> Figure:
    """Energy ∫E|b|²/(4ε) dt of the drift in the lazy frame of κ, as two modes part; and when it is spent, at one κ.

    Args:
        kappa: κ > 0, at most four; the rates are drawn for the one next to 1.
        separation: at least two distances of the modes, in standard deviations of one, up to 20.
        ax: two axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: bad input.
    """
    scales = numbers_of(kappa, "kappa", positive=True, most=4)
    apart = [float(d) for d in numbers_of(separation, "separation", most=64)]
    if len(apart) < 2 or apart[-1] > 20:
        raise InputError(f"separation: {len(apart)} given, up to {apart[-1]:g}; expected two or more, up to 20")
    with page(ax, 1, 2, (9.4, 4.2), wishes) as sheet:
        axes = sheet.axes
        frames = [catalog.lazy(k, 1) for k in scales]
        rows = [
            np.array([equation(frame, parted(d), k).energy() for d in apart])
            for frame, k in zip(frames, scales, strict=True)
        ]
        for row, style, scale in zip(rows, styles(frames), scales, strict=True):
            axes[0].plot(apart, row, **style.points(label=rf"$\kappa={number(scale)}$", clip_on=False))
        axes[0].set(xlabel="distance of the modes (standard deviations of one)", ylabel="energy of the drift (nats)")
        axes[0].set_title("what is left in all")
        axes[0].set_ylim(bottom=0)
        axes[0].legend(loc="upper left")
        middle = min(range(len(scales)), key=lambda k: abs(np.log(float(scales[k]))))
        _rates(axes[1], frames[middle], scales[middle], [d for d in apart if d > 0])
        sheet.finding = _finding(scales, np.array(rows))
    return sheet.figure


def _rates(panel: Axes, frame: Any, kappa: Any, apart: Sequence[float]) -> None:
    """E|b|²/(4ε) against t, darker with the distance."""
    chosen = sorted({apart[round(k)] for k in np.linspace(0, len(apart) - 1, SHOWN)})
    for distance, color, dash in zip(chosen, STEP_COLORS, DASHES, strict=False):
        linear, modes = energy_rates(equation(frame, parted(distance), kappa), _TIMES)
        panel.plot(_TIMES, linear + modes, color=color, linestyle=dash, linewidth=1.8, label=f"{distance:g} apart")
    panel.set(xlabel="time $t$ (noise to data)", ylabel=r"$E|b|^2/4\varepsilon$ (nats per time)")
    panel.set_title(f"when, for {label_of(frame)}")
    panel.set_xlim(0, 1)
    panel.set_ylim(bottom=0)
    panel.legend(loc="upper left")


def _finding(scales: Sequence[Any], rows: np.ndarray) -> str:
    """Read off the curves: whether they grow, and which κ is the cheapest throughout."""
    if not (np.diff(rows, axis=1) > 0).all():
        return "Energy of the drift that is left as two modes part"
    text = "The further the modes part, the more drift is left"
    cheapest = set(np.argmin(rows[:, 1:], axis=0))
    if len(scales) == 1 or len(cheapest) > 1:
        return text
    return plain(rf"{text}; it costs least at $\kappa={number(scales[cheapest.pop()])}$")
