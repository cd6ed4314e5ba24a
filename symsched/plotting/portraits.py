"""Families of schedules: their coefficients against time, and the (α, β) plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import sympy as sp

from symsched import lazy
from symsched.exact import values
from symsched.plotting.inputs import numbers_of, schedules_of
from symsched.plotting.style import Style, halo, lazy_dash, number, styles
from symsched.plotting.wishes import Wishes, page
from symsched.symbols import kappa as kappa_symbol
from symsched.symbols import rho as rho_symbol
from symsched.symbols import t

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from symsched.schedule import Schedule

DEFAULT = ("linear", "vp", "ddpm", "geometric(0.5)", "lazy(kappa=1/4)", "follmer")
#: Beyond these the curves only run to infinity: log SNR, and ε*.
_LOG_SNR, _EPS = 10.0, 2.5
_POINTS = 301


def families(
    schedules: Any = None, kappa: Any = None, rho: Any = 1, ax: Any = None, **wishes: Unpack[Wishes]
) -> Figure:
    """α, β, log SNR, V = α² + ρ²β² and ε* against t, and the (α, β) plane, one curve for each schedule.

    Args:
        schedules: one or several schedules or their text; by default a selection of the catalogue.
        kappa: instead, one or several κ ≥ 0: the lazy schedules of these.
        rho: standard deviation of the data, in V; with `kappa`, one or several, one family for each.
        ax: six axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: an empty list, too many curves, or something that is not a schedule.
    """
    scales = numbers_of(rho, "rho", positive=True)
    found = _chosen(schedules, kappa, scales)
    with page(ax, 2, 3, (10.5, 6.4), wishes) as sheet:
        axes = sheet.axes
        for schedule, spread, style, label in zip(
            found, _spreads(found, scales, kappa), styles(found), sheet.names(found), strict=True
        ):
            _draw(axes, schedule, spread, style, label)
        _name(axes)
        sheet.shared = True
        axes[0].legend()
        sheet.finding = _finding(schedules, kappa)
    return sheet.figure


def _chosen(schedules: Any, kappa: Any, scales: Sequence[Any]) -> list[Schedule]:
    if kappa is None:
        return schedules_of(DEFAULT if schedules is None else schedules)
    given = [] if schedules is None else schedules_of(schedules)
    made = [f"lazy(kappa={k}, rho={r})" for r in scales for k in numbers_of(kappa, "kappa")]
    return schedules_of([*given, *made])


def _spreads(found: Sequence[Schedule], scales: Sequence[Any], kappa: Any) -> list[Any]:
    """The ρ of each schedule's V: with several ρ, the one that the lazy schedule was made for."""
    each = 0 if kappa is None else len(numbers_of(kappa, "kappa"))
    others = len(found) - each * len(scales) if each else len(found)
    return [scales[0]] * others + [r for r in scales for _ in range(each)]


def _draw(axes: Sequence[Axes], schedule: Schedule, rho: Any, style: Style, label: str) -> None:
    times = np.linspace(0, 1, _POINTS)
    alpha, beta, *_ = schedule.at(times)
    quantities = (schedule.log_snr, schedule.variance(rho), schedule.eps_star)
    log_snr, variance, eps = (np.where(np.isfinite(v), v, np.nan) for v in values(quantities, times))
    for panel, curve in zip(axes, (alpha, beta, log_snr, variance, eps), strict=False):
        panel.plot(times, curve, **style.line(label=label))
    axes[5].plot(alpha, beta, **style.line(label=label))


def _name(axes: Sequence[Axes]) -> None:
    titles = (
        r"noise coefficient $\alpha_t$",
        r"data coefficient $\beta_t$",
        r"log SNR, $2\,\log(\beta/\alpha)$",
        r"variance $V=\alpha^2+\rho^2\beta^2$",
        r"optimal diffusion scale $\varepsilon^{\ast}$",
        r"the $(\alpha,\beta)$ plane",
    )
    for panel, text in zip(axes, titles, strict=True):
        panel.set_title(text)
        panel.set(xlabel="time $t$", xlim=(0, 1))
    for panel, name in zip(axes, (r"$\alpha$", r"$\beta$", "log SNR", "$V$", r"$\varepsilon^{\ast}$"), strict=False):
        panel.set_ylabel(name)
    for panel in (axes[0], axes[1], axes[3]):
        panel.set_ylim(bottom=0)
    axes[2].set_ylim(-_LOG_SNR, _LOG_SNR)
    axes[4].set_ylim(0, min(_EPS, 1.05 * axes[4].dataLim.ymax) if axes[4].dataLim.ymax > 0 else _EPS)
    _plane_axes(axes[5])


def _finding(schedules: Any, kappa: Any) -> str:
    if kappa is not None:
        return "Lazy schedules: the larger κ, the less noise is ever mixed in"
    if schedules is not None:
        return "How these schedules spend their noise"
    return "Starting at a point (lazy, Föllmer) keeps the optimal diffusion scale finite at t = 0"


# -- the plane ----------------------------------------------------------------------------------------------------

#: Lighter with ρ, and unlike the colours of any schedule.
RHO_COLORS = ("#0d0887", "#5c01a6", "#9c179e", "#cc4778", "#ed7953", "#fdb42f")


def plane(
    kappa: Any = (0, "1/4", 1, 4, "inf"), rho: Any = ("1/2", 1, 2), ax: Any = None, **wishes: Unpack[Wishes]
) -> Figure:
    """Lazy schedules in the (α, β) plane: dashes for κ from 0 to ∞, colour for ρ.

    Args:
        kappa: one or several κ in [0, ∞]; "inf" is the limit.
        rho: one or several standard deviations, at most six.
        ax: the axes to draw on.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: an empty list, or a number out of range.
    """
    scales, kappas = numbers_of(rho, "rho", positive=True, most=6), numbers_of(kappa, "kappa", infinite=True)
    with page(ax, 1, 1, (6.2, 5.0), wishes) as sheet:
        (panel,) = sheet.axes
        tallest = max(scales, key=float)
        for k in kappas:
            for color, scale in zip(rho_colors(len(scales)), scales, strict=True):
                alpha, beta = lazy_curve(k, scale)
                panel.plot(alpha, beta, color=color, linestyle=lazy_dash(float(k)), linewidth=2, gid=f"{k},{scale}")
                if scale == tallest:
                    _mark(panel, alpha, beta, k)
        _plane_axes(panel)
        panel.set_xlim((-0.2 if sp.oo in kappas else -0.01) * float(tallest), 1.16 * float(tallest))
        _legend(panel, scales)
        sheet.finding = _plane_finding(kappas)
    return sheet.figure


def _plane_finding(kappas: Sequence[Any]) -> str:
    if kappas[0] == 0 and kappas[-1] == sp.oo:
        return "Lazy schedules: from constant variance to no noise at all"
    return "Lazy schedules: the larger κ, the less noise is ever mixed in"


def rho_colors(count: int) -> list[str]:
    """`count` colours spread over the ramp, the darkest first."""
    return [RHO_COLORS[round(k * (len(RHO_COLORS) - 1) / max(1, count - 1))] for k in range(count)]


def lazy_curve(kappa: Any, rho: Any) -> tuple[np.ndarray, np.ndarray]:
    """(α, β) along the lazy family, β even in [0, 1]; κ = ∞ by SymPy's limit."""
    square = lazy.family().alpha_squared.subs(rho_symbol, rho)
    square = sp.limit(square, kappa_symbol, sp.oo) if kappa == sp.oo else square.subs(kappa_symbol, kappa)
    angles = (1 - np.cos(np.linspace(0, np.pi, _POINTS))) / 2  # dense where α turns
    (found,) = values((sp.sqrt(square),), angles) if square.has(t) else (np.full(_POINTS, float(sp.sqrt(square))),)
    return found, angles


def _mark(panel: Axes, alpha: np.ndarray, beta: np.ndarray, kappa: Any) -> None:
    """κ written at the widest point of its curve."""
    place = int(np.argmax(alpha)) if alpha.max() > 0 else _POINTS // 2
    shown = r"\infty" if kappa == sp.oo else number(kappa)
    name = rf"$\kappa={shown}$"
    offset, side = ((4, 4), "left") if alpha.max() > 0 else ((-4, 0), "right")
    panel.annotate(
        name,
        (alpha[place], beta[place]),
        offset,
        textcoords="offset points",
        ha=side,
        va="bottom",
        path_effects=halo(),
        zorder=5,
    )


def _legend(panel: Axes, scales: Sequence[Any]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=c, linewidth=3) for c in rho_colors(len(scales))]
    names = [rf"$\rho={number(s)}$" for s in scales]
    panel.legend(lines, names, title="data std", loc="upper right", handlelength=1.6)


def _plane_axes(panel: Axes) -> None:
    panel.set(xlabel=r"noise coefficient $\alpha$", ylabel=r"data coefficient $\beta$", ylim=(0, 1.03))
    panel.set_xlim(left=-0.01, right=max(1.03, 1.03 * panel.dataLim.xmax))
