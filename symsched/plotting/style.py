"""One look for every figure: a schedule keeps its colour, dashes and marker wherever it appears.

Colours are those of Okabe and Ito (safe for the colour-blind), with a ramp of one green for the lazy families;
dashes and markers tell the curves apart in grey.  Labels are mathtext: no LaTeX installation is needed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import sympy as sp

from symsched.data import DataLaw, Gaussian, GaussianMixture
from symsched.errors import InputError
from symsched.parsing import parse_call
from symsched.parsing.calls import Call
from symsched.schedule import Schedule, as_expression

Dash = tuple[float, tuple[float, ...]]

SOLID: Dash = (0, ())
LONG: Dash = (0, (6, 1.6))
DASH_DOT: Dash = (0, (5, 1.3, 1.2, 1.3))
DOT: Dash = (0, (1.1, 1.1))
SHORT: Dash = (0, (2.6, 1.2))
TWO_DOTS: Dash = (0, (5, 1.2, 1.2, 1.2, 1.2, 1.2))
DASHES = (SOLID, LONG, DASH_DOT, DOT, SHORT, TWO_DOTS)

INK, GREY, PALE = "#1a1a1a", "#6b6b6b", "#d9d9d9"
RED, BLUE, SKY, ORANGE, PURPLE, GREEN = "#D55E00", "#0072B2", "#56B4E9", "#E69F00", "#CC79A7", "#007a5a"


@dataclass(frozen=True)
class Style:
    """How a schedule is drawn."""

    color: str
    dash: Dash
    marker: str
    width: float = 1.8

    def line(self, **extra: Any) -> dict[str, Any]:
        """Keyword arguments of a curve."""
        return {"color": self.color, "linestyle": self.dash, "linewidth": self.width, "zorder": self.height, **extra}

    @property
    def height(self) -> float:
        """Where curves coincide, the broken one lies over the whole one, and the thin one over the thick one."""
        return 2 + 0.1 * DASHES.index(self.dash) - 0.05 * self.width

    @property
    def size(self) -> float:
        """Of the marker: a star has less in it than a square of its width."""
        return 9.0 if self.marker == "*" else 5.5

    def points(self, **extra: Any) -> dict[str, Any]:
        """Keyword arguments of a curve with markers."""
        return self.line(
            marker=self.marker, markersize=self.size, markeredgecolor="white", markeredgewidth=0.6, **extra
        )


_NAMED = {
    "linear": Style(RED, SOLID, "o"),
    "simple_linear": Style(RED, LONG, "o"),
    "polynomial": Style(RED, DASH_DOT, "o"),
    "shifted": Style(RED, SHORT, "o"),
    "vp": Style(BLUE, LONG, "s"),
    "linear_vp": Style(BLUE, SOLID, "s"),
    "cosmap": Style(BLUE, DASH_DOT, "s"),
    "trigflow": Style(BLUE, SHORT, "s"),
    "cosine": Style(SKY, DASH_DOT, "^"),
    "sigmoid": Style(SKY, DOT, "^"),
    "ddpm": Style(ORANGE, TWO_DOTS, "D"),
    "scaled_linear": Style(ORANGE, SHORT, "D"),
    "sub_vp": Style(ORANGE, LONG, "D"),
    "ve": Style(PURPLE, SOLID, "v"),
    "edm": Style(PURPLE, SHORT, "v"),
    "geometric": Style("#4d4d4d", DOT, "P"),
}
_OTHERS = ("#332288", "#882255", "#44AA99", "#661100", "#999933")
_LAZY_WIDTH = 2.6


def style_of(schedule: Schedule) -> Style:
    """The style of a schedule: the same in every figure and every process."""
    call = _call(schedule)
    if call is None:
        return _other(str(schedule))
    if call.name in ("lazy", "follmer"):
        return _lazy(_parameter(call, "kappa", 0, sp.S.One if call.name == "follmer" else None))
    return _NAMED.get(call.name) or _other(call.name)


def styles(schedules: Sequence[Schedule]) -> list[Style]:
    """Styles of schedules drawn together: two that would look alike are told apart by their dashes."""
    taken: set[tuple[str, Dash]] = set()
    found = []
    for schedule in schedules:
        style = style_of(schedule)
        if (style.color, style.dash) in taken:
            free = [d for d in DASHES if (style.color, d) not in taken]
            style = replace(style, dash=free[0]) if free else style
        taken.add((style.color, style.dash))
        found.append(style)
    return found


def _other(name: str) -> Style:
    code = zlib.crc32(name.encode())
    return Style(_OTHERS[code % len(_OTHERS)], DASHES[code // 7 % len(DASHES)], "X")


def _lazy(kappa: Any) -> Style:
    """Green, the lighter the larger κ; the dashes tell κ = 0, below 1, 1 and above."""
    if kappa is None or not kappa.is_number:
        return Style(GREEN, TWO_DOTS, "*", _LAZY_WIDTH)
    value = float(kappa)
    return Style(lazy_color(value), lazy_dash(value), "h" if value == 0 else "*", _LAZY_WIDTH)


def lazy_dash(kappa: float) -> Dash:
    """The dashes of κ in [0, ∞]."""
    return SOLID if kappa == 1 else LONG if kappa == 0 else DASH_DOT if kappa < 1 else DOT


def lazy_color(kappa: float) -> str:
    """The shade of green of κ in [0, ∞]: dark at 0, the named green at 1, pale at ∞."""
    place = 1.0 if kappa == float("inf") else kappa / (1 + kappa)
    low, middle, high = (0, 48, 38), (0, 122, 90), (96, 205, 168)
    first, second, share = (low, middle, 2 * place) if place < 0.5 else (middle, high, 2 * place - 1)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(first, second, strict=True))


# -- labels -------------------------------------------------------------------------------------------------------

_GREEK = {"kappa": r"\kappa", "rho": r"\rho", "beta": r"\beta", "alpha": r"\alpha", "sigma_data": r"\sigma"}
_TITLES = {"follmer": "Föllmer", "vp": "VP", "ddpm": "DDPM", "edm": "EDM", "ve": "VE", "linear_vp": "linear VP"}


def label_of(schedule: Schedule) -> str:
    """A short mathtext label: "linear", "lazy, κ = 1", or the formulas of an unnamed pair."""
    call = _call(schedule)
    if call is None:
        return _pair_label(schedule)
    title = _TITLES.get(call.name, call.name.replace("_", " "))
    given = [_argument(None, v) for v in call.args]
    given += [_argument(k, v) for k, v in call.kwargs.items() if not (k == "rho" and v == 1)]
    return ", ".join([title, *given])


def labels(schedules: Sequence[Schedule]) -> list[str]:
    """Labels of schedules drawn together, numbered where two coincide."""
    found = [label_of(s) for s in schedules]
    return [f"{name} ({found[: k + 1].count(name)})" if found.count(name) > 1 else name for k, name in enumerate(found)]


def law_label(law: DataLaw) -> str:
    """A data law in mathematics: "N(0, 0.5²)", or its kind."""
    if isinstance(law, Gaussian) and law.dim == 1:
        spread = law.std
        return f"$N({number(law.mean)}, {number(spread)}{'' if spread == 1 else '^2'})$ data"
    if isinstance(law, GaussianMixture):
        return f"mixture of {len(law.weights)} Gaussians"
    return "empirical data"


def plain(label: str) -> str:
    """A label without mathematics and with a capital, for bold titles; where only mathematics can say it, as it was."""
    text = label
    for name, letter in ((r"\kappa", "κ"), (r"\rho", "ρ"), (r"\sigma", "σ"), ("^2", "²"), ("=", " = ")):
        text = text.replace(name, letter)
    return label if "\\" in text or "^" in text else text[:1].upper() + text[1:].replace("$", "")


def number(value: Any) -> str:
    """A number for a label: decimals of at most four digits; thirds, π and roots in mathematics."""
    expr = as_expression(value, "number")
    if not expr.is_Rational or expr.q in (1, 3, 6):
        return str(sp.latex(expr))
    return f"{float(expr):.4g}"


def _argument(name: str | None, value: Any) -> str:
    if isinstance(value, Call):
        return value.name.replace("_", " ")
    shown = number(value) if isinstance(value, sp.Expr) else str(value)
    return f"${_GREEK.get(name, name)}={shown}$" if name else f"${shown}$"


def _pair_label(schedule: Schedule) -> str:
    if schedule.name and not schedule.name.startswith("alpha="):
        return schedule.name.replace("$", r"\$")[:40]
    label = rf"$\alpha={sp.latex(schedule.alpha)},\ \beta={sp.latex(schedule.beta)}$"
    return label if len(label) <= 90 and _typesets(label) else "user schedule"


@lru_cache(maxsize=256)
def _typesets(label: str) -> bool:
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(label)
    except ValueError:
        return False
    return True


def _call(schedule: Schedule) -> Call | None:
    """The catalogue call that a schedule is named by, if it is."""
    if not schedule.name or "=" in schedule.name.split("(")[0]:
        return None
    try:
        return parse_call(schedule.name)
    except InputError:
        return None


def _parameter(call: Call, name: str, place: int, default: Any) -> Any:
    found = call.kwargs.get(name, call.args[place] if len(call.args) > place else default)
    return found if isinstance(found, sp.Expr) else None


# -- the look -----------------------------------------------------------------------------------------------------

RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "figure.titlesize": 12.5,
    "figure.titleweight": "bold",
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "svg.fonttype": "path",
    "svg.hashsalt": "symsched",
    "pdf.fonttype": 42,
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
}


@contextmanager
def look() -> Iterator[None]:
    """The settings under which everything is drawn and saved; the user's own come back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # leaves the backend alone
        mpl.rcParams.update(cast("Any", RC))
        yield
