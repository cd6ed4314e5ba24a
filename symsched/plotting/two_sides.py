"""Claims in pictures, one panel each: both sides of a claim in numbers, and what a wrong twin would say.

A panel draws one side as a line and the other, found in another way, as dots on it; a broken grey line is a twin that
is wrong.  Nothing of a claim is typed: both sides are the library's own schedules, steps, laws and maps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import sympy as sp

from symsched import catalog, lazy
from symsched.conversion import Conversion
from symsched.data import Gaussian, GaussianMixture
from symsched.discretize import trajectory
from symsched.discretize.pathwise import PathStepper
from symsched.errors import InputError
from symsched.exact import values
from symsched.flowmaps import flow_map
from symsched.likelihood import log_likelihood
from symsched.parsing import one_of
from symsched.plotting.discretisation import step_axes
from symsched.plotting.inputs import equation, listed
from symsched.plotting.style import BLUE, DASHES, GREEN, GREY, ORANGE, PURPLE, RED, number, style_of
from symsched.plotting.wishes import Wishes, page
from symsched.steps import laws
from symsched.symbols import kappa as kappa_symbol
from symsched.symbols import t
from symsched.two_sided import TwoSided

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SAME = 1e-6  # sides that differ by less of their size are one
COLORS = (BLUE, RED, GREEN, PURPLE)
MIXTURE = GaussianMixture((0.6, 0.4), (-0.8, 1.2), (0.4, 0.3))


def both(panel: Axes, x: np.ndarray, one: np.ndarray, other: np.ndarray, color: str, label: str) -> bool:
    """One side as a line, the other as dots; whether they are the same."""
    every = max(1, len(x) // 13)
    panel.plot(x, one, color=color, linewidth=1.8, label=label, zorder=2)
    panel.plot(x[::every], other[::every], "o", color=color, markersize=5, markeredgecolor="white", zorder=3)
    return bool(np.allclose(one, other, rtol=SAME, atol=SAME))


def dots(panel: Axes, label: str) -> None:
    """What the dots are, in the legend."""
    panel.plot([], [], "o", color=GREY, markersize=5, markeredgecolor="white", label=label)


def twin(panel: Axes, x: np.ndarray, wrong: np.ndarray, label: str) -> None:
    """What would be there if the claim were another."""
    panel.plot(x, wrong, color=GREY, linestyle=DASHES[1], linewidth=1.2, label=label, zorder=1)


# -- relatives ----------------------------------------------------------------------------------------------------


def shift(panel: Axes) -> str | None:
    """C13: the times that a lazy clock asks of a linear model: of ρ = s, and of ρ = 1 shifted by s."""
    linear, times = catalog.linear(), np.linspace(0, 1, 121)
    plain = Conversion(linear, catalog.lazy(0, 1)).at(times)[0]
    same = []
    for s, color in zip(("1/4", 4), COLORS, strict=False):
        own = Conversion(linear, catalog.lazy(0, sp.Rational(s))).at(times)[0]
        shifted = Conversion(linear, catalog.shifted(sp.Rational(s))).at(plain)[0]
        same.append(both(panel, times, own, shifted, color, rf"$\rho=s={s}$"))
    dots(panel, r"$\rho=1$, shifted")
    twin(panel, times, Conversion(linear, catalog.shifted(4)).at(times)[0], "$s=4$, linear clock")
    panel.set(xlabel="time $t$ of the lazy schedule", ylabel=r"time $\tau$ of the linear model", xlim=(0, 1))
    panel.legend(loc=(0.24, 0.37), fontsize="small")
    return r"In a lazy clock, shift $s$ is $\rho=s$" if all(same) else None


def spectral(panel: Axes) -> str | None:
    """C14: the variance after one step of each direction: in one lazy schedule for all, and in one for each."""
    stds = np.geomspace(0.1, 10, 41)
    law = Gaussian(np.zeros(len(stds)), np.diag(stds**2))
    rows = []
    for std, dash in ((1, DASHES[0]), ("1/4", DASHES[1])):
        run = trajectory(equation(catalog.lazy(0, sp.Rational(std)), law, 0), 1)
        rows.append(np.diag(run.var[-1]) / stds**2)
        panel.plot(stds, rows[-1], color=RED, linestyle=dash, linewidth=1.8, label=rf"one for all, $\rho={std}$")
    frame = lazy.spectral(np.zeros(len(stds)), np.diag(stds**2), kappa=0)
    begin = np.diag(float(frame.schedule.at(0.0)[0]) * np.ones(len(stds)))  # a root of the covariance of pure noise
    each = (frame.back(1.0, frame.into(0.0, begin)) ** 2).sum(axis=0) / stds**2  # without drift the state stays
    panel.plot(stds, np.ones(len(stds)), color=GREEN, linewidth=1.8, label="the data")
    panel.plot(stds[::3], each[::3], "o", color=GREEN, markeredgecolor="white", label="one for each")
    panel.set(xscale="log", yscale="log", xlabel=r"std $\rho_k$ of a direction")
    panel.set_ylabel("variance after 1 step / of the data")
    exact = np.allclose(each, 1) and (np.abs(np.array(rows) - 1) < SAME).sum() <= len(rows)
    return "One lazy schedule fits one direction, a frame all" if exact else None


def lipschitz(panel: Axes) -> str | None:
    """C15: the slope of the ODE's drift on N(0, M²) data, and its mean square."""
    M, times = 8, np.linspace(1e-3, 1 - 1e-3, 301)
    schedules = (catalog.linear(), catalog.vp(), catalog.geometric(M), catalog.lazy(0, M))
    costs = []
    for schedule, name in zip(schedules, ("linear", "VP", f"geometric, $M={M}$", rf"lazy, $\rho={M}$"), strict=True):
        (slopes,) = values((equation(schedule, Gaussian(0, M), 0).affine[0],), times)
        costs.append(float(np.trapezoid(slopes**2, times)))
        panel.plot(times, np.abs(slopes), **style_of(schedule).line(label=f"{name}: {costs[-1]:.2f}"))
    panel.set(xlabel="time $t$", ylabel=f"Lipschitz constant, $N(0,{M}^2)$ data", xlim=(0, 1))
    panel.set_ylim(0, 1.2 * panel.dataLim.ymax)
    panel.legend(title="mean square", loc="upper right")
    best = costs[2] == min(costs[:3]) and costs[3] < SAME
    return r"Steady is least from $N(0,1)$; from $N(0,\rho^2)$ lazy is 0" if best else None


# -- solvers ------------------------------------------------------------------------------------------------------


def ddim_eta(panel: Axes) -> str | None:
    """C21: the share of the ancestral step's noise that a step of κ has, η², for steps of several lengths."""
    scales = np.linspace(0, 2, 121)
    fresh = sp.lambdify((kappa_symbol, laws.ratio), laws.retained()[1], "numpy")
    rows = []
    for ratio, color in zip((0.98, 0.5, 0.1), COLORS, strict=False):
        share = fresh(scales, ratio) / fresh(1, ratio)
        composed = np.array([_composed(fresh, kappa, ratio) for kappa in scales]) / fresh(1, ratio)
        rows.append(both(panel, scales, share, composed, color, rf"$r/r^\prime={ratio}$"))
    dots(panel, "two steps of half the length")
    twin(panel, scales, scales, r"$\eta^2=\kappa$")
    panel.plot([0, 1], [0, 1], "o", color="black", markersize=7, markerfacecolor="none", zorder=4)
    panel.set(xlabel=r"$\kappa$ of the step", ylabel=r"$\eta^2$ of DDIM", xlim=(0, 2), ylim=(0, 2))
    return r"DDIM's $\eta$ is a $\kappa$ that moves with the step" if all(rows) else None


def _composed(fresh: Callable[..., Any], kappa: float, ratio: float) -> float:
    """The noise after two steps of half the length in log r: what was there is kept by the second."""
    half = float(fresh(kappa, ratio**0.5))
    return half * (1 - half) + half


def solvers(panel: Axes) -> str | None:
    """C22: convert, then step, against step, then convert: one and the same, or not."""
    counts, points = (2, 4, 8, 16, 32, 64), np.random.default_rng(0)
    maps = Conversion(catalog.linear(), catalog.vp())
    states = points.standard_normal(64)
    table = []
    for (scheme, kappa), color, mark in zip(
        (("euler", 0), ("heun", 0), ("exponential", 0), ("exponential", 1)), (RED, ORANGE, BLUE, GREEN), "osD*",
        strict=True,
    ):  # fmt: skip
        row = [_apart(maps, scheme, kappa, n, states, points) for n in counts]
        table.append([0.0 if gap < 1e-9 else gap for gap in row])
        name = rf"$\eta_X$ held, $\kappa={kappa}$" if scheme == "exponential" else scheme.capitalize()
        panel.plot(
            counts, table[-1], color=color, marker=mark, markersize=8 if mark == "D" else 6, markeredgecolor="white",
            label=name, clip_on=False,
        )  # fmt: skip
    step_axes(panel, np.array(counts), np.array(table))
    panel.set(xlabel="number of steps $N$", ylabel="convert and step, or step and convert: gap")
    found = [any(row) for row in table]
    return r"A step with $\eta_X$ held knows no schedule" if found == [True, True, False, False] else None


def _apart(maps: Conversion, scheme: str, kappa: int, steps: int, states: np.ndarray, noises: Any) -> float:
    """Root mean square gap at the last time between N steps in the target and N in the source, carried."""
    grid = np.linspace(0.02, 0.98, steps + 1)
    tau, scale, *_ = maps.at(grid)
    here, there = (
        PathStepper(equation(schedule, MIXTURE, kappa), times, scheme)
        for schedule, times in ((maps.source, tau), (maps.target, grid))
    )
    one, other = states, scale[0] * states
    for k in range(steps):
        fresh = noises.standard_normal(states.shape)
        one, other = here.step(k, one, fresh), there.step(k, other, fresh)
    return float(np.sqrt(np.mean((scale[-1] * one - other) ** 2)))


# -- beyond one base and one field --------------------------------------------------------------------------------


def curves(panel: Axes) -> str | None:
    """C24: noise against r = β/α of two-sided interpolants: those that convert into each other lie on one curve."""
    times, same = 1 / (1 + np.exp(-np.linspace(-4, 4, 97))), []
    bridge = "sqrt(2*{}*({})*({}))"
    pairs = (("1-t", "t"), ("cos(pi*t/2)", "sin(pi*t/2)"))
    for a, color in zip(("1/4", 1), COLORS, strict=False):
        one, other = (TwoSided(*pair, bridge.format(a, *pair)) for pair in pairs)
        tau, scale, *_ = one.convert(other).at(times)
        (alpha, beta, gamma), carried = other.at(times), scale * one.at(tau)[2]
        same.append(both(panel, beta / alpha, gamma / alpha, carried / alpha, color, rf"bridges, $a={a}$"))
    dots(panel, "linear, converted to VP")
    alpha, beta, gamma = TwoSided("1-t", "t", "2*t*(1-t)").at(times)
    twin(panel, beta / alpha, gamma / alpha, r"$\gamma=2\alpha\beta$ on $\alpha+\beta=1$")
    panel.set(xscale="log", yscale="log", xlabel=r"$\beta/\alpha$", ylabel=r"noise $\gamma/\alpha$")
    return "The bridges of linear and VP are one curve" if all(same) else None


def doob(panel: Axes) -> str | None:
    """C27: the drift of a mixture, and that of Gaussian data plus 2ε ∂log of the ratio of their densities."""
    schedule, reference, time = catalog.linear(), Gaussian(0, 1), 0.6
    states, alpha, beta = np.linspace(-2, 2, 161), *(float(v) for v in schedule.at(time)[:2])
    pull = MIXTURE.score_at(alpha, beta, states) - reference.score_at(alpha, beta, states)
    found = []
    for kappa, color in ((1, GREEN), ("1/4", RED)):
        own, base = (equation(schedule, law, kappa) for law in (MIXTURE, reference))
        moved = base.drift_at(time, states) + 2 * float(own.eps_at(time)) * pull
        drift = own.drift_at(time, states)
        found.append(both(panel, states, drift, moved, color, rf"$\kappa={number(kappa)}$"))
    dots(panel, r"reference $+\ 2\varepsilon\,\partial_x \log h$")
    panel.set(xlabel="state $x$", ylabel=f"drift $b({time}, x)$ of a mixture", xlim=(-2, 2))
    return r"At $\kappa=1$ alone the data condition the reference" if found == [True, False] else None


def likelihood(panel: Axes) -> str | None:
    """C28: −log p by the denoiser, integrated along several schedules, against the density itself."""
    points = np.linspace(-2.2, 2.2, 25)
    exact = -MIXTURE.log_density_at(0.0, 1.0, points)
    panel.plot(points, exact, color=GREY, linewidth=5, alpha=0.35, label="the density's", zorder=1)
    same = []
    for k, (schedule, name) in enumerate(
        ((catalog.linear(), "linear"), (catalog.vp(), "VP"), (catalog.follmer(), "Föllmer"))
    ):
        style, chosen = style_of(schedule), points[k::3]
        found = -log_likelihood(MIXTURE, chosen, schedule)
        panel.plot(
            chosen, found, style.marker, color=style.color, markersize=style.size, markeredgecolor="white", label=name
        )
        same.append(np.allclose(found, exact[k::3], rtol=SAME))
    panel.set(xlabel=r"point $\xi$", ylabel=r"$-\log p(\xi)$ of a mixture (nats)")
    return "The denoiser alone has the likelihood, in any schedule" if all(same) else None


def matrices(panel: Axes) -> str | None:
    """C29: paths of the source carried by a frame C_t, and those of the target's own equation."""
    law, source, clock = Gaussian([0, 0], [[2.0, 0.9], [0.9, 1.0]]), catalog.linear(), t**2
    frame = sp.Matrix([[1 + t, 3 * t**2], [-t, 2 - t / 2]])  # commutes with nothing
    C, slope, tau, rate = (sp.lambdify(t, form, "numpy") for form in (frame, frame.diff(t), clock, clock.diff(t)))
    flow, ode = flow_map(source, law), equation(source, law, 0)
    times = np.linspace(0.2, 0.95, 61)
    same = []

    def speed(time: float, state: np.ndarray, turned: bool) -> np.ndarray:
        m, back = np.array(C(time), float), np.linalg.inv(np.array(C(time), float))
        own = np.array(slope(time), float)
        inner = ode.drift_at(float(tau(time)), back @ state)
        return (back @ own if turned else own @ back) @ state + rate(time) * m @ inner

    for begin, color in zip(np.array([[1.0, 0.5], [-1.2, 0.4], [0.3, -1.0]]), COLORS, strict=False):
        carried = np.array([C(s) @ flow(float(tau(times[0])), float(tau(s)), begin) for s in times])
        own, wrong = (_solved(lambda s, x, w=w: speed(s, x, w), times, carried[0]) for w in (False, True))
        panel.plot(*carried.T, color=color, linewidth=1.8, zorder=2)
        panel.plot(*own[::5].T, "o", color=color, markersize=5, markeredgecolor="white", zorder=3)
        panel.plot(*wrong.T, color=GREY, linestyle=DASHES[1], linewidth=1.2, zorder=1)
        same.append(np.allclose(carried, own, rtol=1e-4, atol=1e-4) and not np.allclose(carried, wrong, atol=0.05))
    handles = (
        (DASHES[0], "", BLUE, r"$C_t X_{\tau}$"),
        ("", "o", BLUE, "its own equation"),
        (DASHES[1], "", GREY, r"$C^{-1}\dot C$ for $\dot C C^{-1}$"),
    )
    for dash, mark, color, label in handles:
        panel.plot([], [], linestyle=dash, marker=mark, color=color, markeredgecolor="white", label=label)
    panel.set(xlabel="$x_1$", ylabel="$x_2$")
    return "Frames that do not commute carry paths as well" if all(same) else None


def _solved(slope: Callable[..., np.ndarray], times: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Runge and Kutta's fourth order."""
    rows = [begin]
    for low, high in pairwise(times):
        h, x = high - low, rows[-1]
        a = slope(low, x)
        b = slope(low + h / 2, x + h / 2 * a)
        c = slope(low + h / 2, x + h / 2 * b)
        rows.append(x + h / 6 * (a + 2 * b + 2 * c + slope(high, x + h * c)))
    return np.array(rows)


PANELS: dict[str, Callable[[Axes], str | None]] = {
    "C13": shift,
    "C14": spectral,
    "C15": lipschitz,
    "C21": ddim_eta,
    "C22": solvers,
    "C24": curves,
    "C27": doob,
    "C28": likelihood,
    "C29": matrices,
}


def claim(names: Any = ("C13", "C14", "C15"), ax: Any = None, **wishes: Unpack[Wishes]) -> Figure:
    """Both sides of claims of the theory, one panel each: a line and dots on it; broken, what a wrong twin would say.

    Args:
        names: one to nine of C13, C14, C15, C21, C22, C24, C27, C28 and C29.
        ax: as many axes as claims.
        wishes: `title`, `labels`, `legend` and `style`, as of every plot.

    Raises:
        InputError: a claim that is not drawn here.
    """
    chosen = [names] if isinstance(names, str) else listed(names, "names")
    if not chosen or len(chosen) > len(PANELS):
        raise InputError(f"names: {len(chosen)} claims given; expected one to {len(PANELS)}")
    for name in chosen:
        one_of(name, tuple(PANELS), "claim")
    columns = len(chosen) if len(chosen) <= 3 else -(-len(chosen) // 2) if len(chosen) <= 4 else 3
    rows = -(-len(chosen) // columns)
    with page(ax, rows, columns, (4.6 * columns, 4.1 * rows), wishes) as sheet:
        axes = sheet.axes
        for name, panel in zip(chosen, axes, strict=False):
            finding = PANELS[name](panel)
            panel.set_title(f"{name}: {finding or 'the two sides differ'}", fontsize="medium")
            if panel.get_legend() is None:
                panel.legend(loc="best", fontsize="small")
        for panel in axes[len(chosen) :]:
            panel.set_visible(False)
    return sheet.figure
