"""One look for every figure: a schedule keeps its colour, dashes and marker wherever it appears.

Colours are those of Okabe and Ito (safe for the colour-blind), with a ramp over green for the lazy families;
dashes and markers tell the curves apart in grey.  Labels are mathtext: no LaTeX installation is needed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, cast

import sympy as sp

from symsched.data import DataLaw, Gaussian, GaussianMixture
from symsched.errors import InputError
from symsched.parsing import parse_call
from symsched.parsing.calls import Call
from symsched.schedule import Schedule, as_expression

T = TypeVar("T")
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
    """Styles of schedules drawn together: those that are in no catalogue differ in colour and in dashes, as long as
    there are others, and two that would still look alike in their dashes."""
    found: list[Style] = []
    for schedule in schedules:
        style = style_of(schedule)
        if style.color in _OTHERS:
            style = replace(style, color=_free(style.color, _OTHERS, [s.color for s in found]))
            style = replace(style, dash=_free(style.dash, DASHES, [s.dash for s in found if s.color in _OTHERS]))
        taken = [s.dash for s in found if s.color == style.color]
        found.append(replace(style, dash=_free(style.dash, DASHES, taken)))
    return found


def _free(wanted: T, known: Sequence[T], taken: Sequence[T]) -> T:
    """What is wanted, or the first that is not taken."""
    return wanted if wanted not in taken else next((one for one in known if one not in taken), wanted)


def _other(name: str) -> Style:
    code = zlib.crc32(name.encode())
    return Style(_OTHERS[code % len(_OTHERS)], DASHES[code // 7 % len(DASHES)], "X")


def _lazy(kappa: Any) -> Style:
    """From ink over green to lime, the lighter the larger κ; the dashes tell κ = 0, below 1, 1 and above."""
    if kappa is None or not kappa.is_number:
        return Style(GREEN, TWO_DOTS, "*", _LAZY_WIDTH)
    value = float(kappa)
    return Style(lazy_color(value), lazy_dash(value), "h" if value == 0 else "*", _LAZY_WIDTH)


def lazy_dash(kappa: float) -> Dash:
    """The dashes of κ in [0, ∞]."""
    return SOLID if kappa == 1 else LONG if kappa == 0 else DASH_DOT if kappa < 1 else DOT


def lazy_color(kappa: float) -> str:
    """The colour of κ in [0, ∞]: ink at 0, the named green at 1, lime at ∞."""
    place = 1.0 if kappa == float("inf") else kappa / (1 + kappa)
    low, middle, high = (13, 35, 82), (0, 122, 90), (178, 200, 40)
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
        name = schedule.name if len(schedule.name) <= 32 else schedule.name[:31] + "…"
        return name.replace("$", r"\$")
    parts = [rf"$\{name}={sp.latex(part)}$" for name, part in (("alpha", schedule.alpha), ("beta", schedule.beta))]
    widths = [_width(part) for part in parts]
    if max(widths) > _WIDEST:
        return "own schedule"
    return (", " if sum(widths) <= _WIDEST else ",\n").join(parts)


_WIDEST = 150.0  # points at a legend's size: a third of a panel


@lru_cache(maxsize=256)
def _width(label: str) -> float:
    """Of a formula, in points; infinite where it cannot be typeset."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    try:
        return float(MathTextParser("path").parse(label, 72, FontProperties(size=9))[0])
    except ValueError:
        return float("inf")


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


@dataclass(frozen=True)
class Look:
    """How large everything is: fonts and lines beside those of the screen, and widths of figures in inches."""

    fonts: float = 1.0
    lines: float = 1.0
    widths: tuple[float, float] | None = None  # of one column of axes, and of several

    def fitted(self, size: tuple[float, float], columns: int) -> tuple[float, float]:
        """The size of a figure, its shape kept."""
        if self.widths is None:
            return size
        width = self.widths[columns > 1]
        return width, size[1] * width / size[0]


LOOKS = {"screen": Look(), "paper": Look(0.8, 0.7, (3.25, 6.75)), "slides": Look(1.6, 1.6, (8.0, 13.0))}

_SIZES: dict[str, float] = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.5,
    "figure.titlesize": 12.5,
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
FONT = "DejaVu Sans"  # by name: a family such as "sans-serif" becomes another font under the caller's settings
RC: dict[str, Any] = {
    "font.family": FONT,
    "mathtext.fontset": "dejavusans",
    "figure.titleweight": "bold",
    "legend.frameon": False,
    "legend.handlelength": 3.2,
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


def rc_of(style: str = "screen") -> dict[str, Any]:
    """Matplotlib's settings for a style."""
    return RC | {name: size * LOOKS[style].fonts for name, size in _SIZES.items()}


@contextmanager
def look(style: str = "screen") -> Iterator[None]:
    """The settings under which everything is drawn and saved; the user's own come back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # leaves the backend alone
        mpl.rcParams.update(cast("Any", rc_of(style)))
        yield


def halo(width: float = 2.5) -> list[Any]:
    """Path effects that keep a curve from striking a text through."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="white")]
