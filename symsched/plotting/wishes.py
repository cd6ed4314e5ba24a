"""The page that a plot is drawn on: made here in one of three styles, or the caller's axes in the caller's own fonts.

What every plot can be told is said once, in `Wishes`; `page` carries it out when the plot is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, cast

from symsched.errors import InputError
from symsched.parsing import one_of, quoted
from symsched.plotting.canvas import check_size, panels
from symsched.plotting.style import LOOKS, label_of, labels, look, rc_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from symsched.schedule import Schedule

PLACES = (
    "best", "upper left", "upper center", "upper right", "center left", "center", "center right",
    "lower left", "lower center", "lower right", "outside", "none",
)  # fmt: skip
_WORD = re.compile(r"(?:\\.|\$[^$]*\$|[^\s$])+")
_GAP, _SHARE = 6.0, 0.97  # pixels to the right of a title, and of its place: letters are wider at other resolutions


class Wishes(TypedDict, total=False):
    """What every plot can be told.

    title: instead of the finding; '' for none.
    labels: names of the schedules, in their order.
    legend: False or "none" for none, "outside" for one below the figure, or a place such as "upper left".
    style: "screen" (the default), "paper" (columns of 3.25 and 6.75 inches, 8 point) or "slides".  On the caller's axes
        the caller's fonts and sizes are kept, unless a style is given.
    """

    title: str | None
    labels: Sequence[str] | None
    legend: bool | str
    style: str


@dataclass
class Drawing:
    """A figure in the making."""

    figure: Figure
    axes: list[Axes]
    own: bool
    wishes: Wishes
    finding: str = ""
    shared: bool = field(default=False, kw_only=True)  # one legend, below the figure
    _named: bool = False

    def name(self, schedule: Schedule) -> str:
        """What one schedule is called."""
        return self.names([schedule])[0]

    def names(self, schedules: Sequence[Schedule], found: Sequence[str] | None = None) -> list[str]:
        """What the schedules are called: as was wished, else `found`, else their short labels."""
        self._named = True
        wished = self.wishes.get("labels")
        if wished is None:
            return list(found or (labels(schedules) if len(schedules) > 1 else map(label_of, schedules)))
        if len(wished) != len(schedules):
            raise InputError(f"labels: {len(wished)} given for {len(schedules)} schedules; give one for each")
        return list(wished)


@contextmanager
def page(
    ax: Any, rows: int, columns: int, size: tuple[float, float], wishes: Wishes, **extra: Any
) -> Iterator[Drawing]:
    """A page of rows × columns axes, new or the caller's; what was wished is done when the block ends.

    Raises:
        InputError: `ax` is not that many axes, or a wish that cannot be met.
    """
    _check(wishes)
    own, style = ax is None, wishes.get("style")
    with look(style or "screen") if own or style else nullcontext():
        figure, axes = panels(ax, rows, columns, LOOKS[style or "screen"].fitted(size, columns), **extra)
        made = Drawing(figure, axes, own, wishes)
        yield made
        if wishes.get("labels") is not None and not made._named:
            raise InputError("labels: this plot draws no schedules that were given; its curves have names of their own")
        _finish(made, LOOKS[style or "screen"].lines)


def _check(wishes: Wishes) -> None:
    unknown = sorted(set(wishes) - set(Wishes.__annotations__))
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}")
    one_of(wishes.get("style", "screen"), tuple(LOOKS), "style")
    title, names, legend = wishes.get("title"), wishes.get("labels"), wishes.get("legend", True)
    if title is not None and not isinstance(title, str):
        raise InputError(f"title = {quoted(title)}: expected text, or '' for no title")
    if not isinstance(legend, bool):
        one_of(legend, PLACES, "legend")
    if names is not None and (isinstance(names, str) or not all(isinstance(n, str) for n in names)):
        raise InputError(f"labels = {quoted(names)}: expected a list of texts, one for each schedule")


def _finish(made: Drawing, lines: float) -> None:
    _put_legend(made)
    title = made.wishes.get("title")
    title = made.finding if title is None else title
    if len(made.axes) == 1 and (made.finding or title):
        made.axes[0].set_title(title, fontweight="bold")
    elif len(made.axes) > 1 and made.own and title:
        made.figure.suptitle(title, x=0.01, ha="left")
    if made.own or "style" in made.wishes:
        rc = rc_of(made.wishes.get("style", "screen"))
        for panel in made.figure.axes if made.own else made.axes:  # ticks that are made later look the same
            panel.tick_params(labelsize=rc["xtick.labelsize"], labelfontfamily=rc["font.family"])
        if lines != 1:
            _thicken(made, lines)
    fit(made.figure, made.axes, made.own)


def _put_legend(made: Drawing) -> None:
    wished = made.wishes.get("legend", True)
    place = ("outside" if made.shared and made.own else None) if wished is True else wished or "none"
    if place is None:
        return
    kept = [(panel, legend) for panel in made.axes if (legend := panel.get_legend())]
    if place not in ("outside", "none"):
        for _, legend in kept:
            legend.set_loc(cast("Any", place))
        return
    for _, legend in kept:
        legend.remove()
    if place == "outside":
        shown: dict[str, Any] = {}
        for panel in made.axes:
            for handle, name in zip(*panel.get_legend_handles_labels(), strict=True):
                shown.setdefault(name, handle)
        rows = made.figure.get_size_inches()[0] / 1.7
        made.figure.legend(
            list(shown.values()), list(shown), loc="outside lower center", ncols=max(1, min(len(shown), int(rows)))
        )


def _thicken(made: Drawing, factor: float) -> None:
    legends = [panel.get_legend() for panel in made.axes] + made.figure.legends
    drawn = [line for panel in made.axes for line in panel.lines]
    drawn += [line for legend in legends if legend is not None for line in legend.get_lines()]
    for line in drawn:
        line.set_linewidth(factor * line.get_linewidth())
        line.set_markersize(factor * line.get_markersize())
        line.set_markeredgewidth(factor * line.get_markeredgewidth())


# -- titles that fit ----------------------------------------------------------------------------------------------


def fit(figure: Figure, axes: Sequence[Axes], own: bool = True) -> None:
    """Break titles that are wider than their place.  Text that leaves the caller's figure moves the axes inwards."""
    figure.draw_without_rendering()
    edge, above = figure.bbox.x1, figure._suptitle if own else None  # type: ignore[attr-defined]
    places = [(text, _room(text, panel, axes, edge)) for panel in axes for text in _titles(panel)]
    if above is not None:
        places.append((above, edge - above.get_window_extent().x0))
    for text, limit in places:
        text.set_text(_broken(text.get_text(), _measure(text), _SHARE * limit - _GAP))
    if not own and figure.get_layout_engine() is None:
        boxes = [box for panel in axes if (box := panel.get_tightbbox()) is not None]
        whole = figure.bbox.padded(1)
        if any(b.x0 < whole.x0 or b.y0 < whole.y0 or b.x1 > whole.x1 or b.y1 > whole.y1 for b in boxes):
            figure.set_layout_engine("constrained")
            fit(figure, axes, own)  # there is less room now


def resize(figure: Figure, size: Any) -> Figure:
    """Give the figure a width and height in inches.  Raises InputError unless both lie between 1 and 60."""
    figure.set_size_inches(*check_size(size))
    fit(figure, figure.axes)
    return figure


def _titles(panel: Axes) -> list[Text]:
    """The titles of axes, wherever the settings put them."""
    found: list[Text] = [panel.title, panel._left_title, panel._right_title]  # type: ignore[attr-defined]
    return [text for text in found if text.get_text()]


def _room(text: Text, panel: Axes, axes: Sequence[Axes], edge: float) -> float:
    """The width up to the next axes or the end of the figure; of a title in the middle, on both sides."""
    own = panel.bbox
    others = [one.bbox for one in axes if one is not panel]
    right = float(min([b.x0 for b in others if b.x0 > own.x1 and b.y0 < own.y1 and b.y1 > own.y0], default=edge))
    if text.get_horizontalalignment() != "center":
        return right - own.x0
    middle = (own.x0 + own.x1) / 2
    return float(2 * min(right - middle, middle))


def _measure(text: Any) -> Callable[[str], float]:
    def width(line: str) -> float:
        text.set_text(line)
        return float(text.get_window_extent().width)

    return width


def _broken(title: str, width: Callable[[str], float], limit: float) -> str:
    """The title in lines that are no wider than the limit, formulas kept whole."""
    lines: list[str] = []
    for word in _WORD.findall(title):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer) <= limit:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


__all__ = ["Drawing", "Wishes", "fit", "page", "resize"]
