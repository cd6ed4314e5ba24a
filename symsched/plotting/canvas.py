"""Figures and axes: made here or taken from the caller, and saved whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from symsched.errors import InputError
from symsched.parsing.text import quoted
from symsched.plotting.style import look
from symsched.writing import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
_LARGEST = 60.0  # inches: a poster
_PIXELS = 1e8


def panels(ax: Any, rows: int, columns: int, size: tuple[float, float], **extra: Any) -> tuple[Figure, list[Axes]]:
    """A figure and rows × columns axes: new ones, or the caller's `ax` (one, or a sequence of that many).

    Raises:
        InputError: `ax` is not that many axes.
    """
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    count = rows * columns
    if ax is None:
        figure = Figure(figsize=size, layout="constrained")
        figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.06, wspace=0.03, hspace=0.04)
        return figure, list(figure.subplots(rows, columns, squeeze=False, **extra).ravel())
    given = list(getattr(ax, "flat", ax)) if isinstance(ax, Iterable) else [ax]
    if len(given) != count or not all(isinstance(a, Axes) for a in given):
        raise InputError(f"ax: {len(given)} given; this plot draws on {count} axes, so pass {count} matplotlib axes")
    return _root(given[0]), given


def _root(panel: Axes) -> Figure:
    """The figure that the axes are in, also when they lie in a part of it."""
    found: Any = panel.figure
    while found.figure is not None and found.figure is not found:
        found = found.figure
    return cast("Figure", found)


def check_size(size: Any) -> tuple[float, float]:
    """The size as two numbers.  Raises InputError unless both lie between 1 and 60 inches."""
    try:
        width, height = (float(v) for v in size)
    except (TypeError, ValueError):
        raise InputError(f"size {size!r}: expected width and height in inches, such as (6, 4)") from None
    if not (1 <= width <= _LARGEST and 1 <= height <= _LARGEST):
        raise InputError(f"size {width:g} x {height:g}: expected a width and height from 1 to {_LARGEST:g} inches")
    return width, height


def format_of(path: Any) -> str:
    """The format that a file name asks for.  Raises InputError unless it is png, svg or pdf."""
    suffix = Path(str(path)).suffix
    if suffix.lower().lstrip(".") not in FORMATS:
        what = f"the format {quoted(suffix[1:])} is not drawn" if suffix else "the name has no ending"
        raise InputError(f"{quoted(str(path))}: {what}; end it in .png, .svg or .pdf")
    return suffix.lower().lstrip(".")


def check_output(path: Any, dpi: float) -> None:
    """Raises InputError unless `save` knows the ending of the path and the resolution is from 30 to 1200."""
    format_of(path)
    if isinstance(dpi, bool) or not isinstance(dpi, int | float) or not 30 <= dpi <= 1200:
        raise InputError(f"dpi {dpi}: expected a resolution from 30 to 1200")


def save(figure: Figure, path: Any, dpi: float = 200, palette: bool = False) -> Path:
    """Write the figure to a temporary neighbour that then replaces `path`; the ending chooses the format.

    The bytes depend on the figure and matplotlib alone (no dates).  `palette` keeps 256 colours of a PNG, which
    makes it about three times smaller.

    Raises:
        InputError: an unknown ending, a resolution outside 30 to 1200, or a path that cannot be written.
    """
    check_output(path, dpi)
    kind, target = format_of(path), Path(str(path))
    if kind == "png" and np.prod(figure.get_size_inches()) * dpi**2 > _PIXELS:
        width, height = (round(v * dpi) for v in figure.get_size_inches())
        raise InputError(f"{width} x {height} pixels: expected at most 100 million; take a smaller size or dpi")
    metadata: dict[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    try:
        with whole(target, "wb", suffix=f".{kind}") as file, look():
            figure.savefig(file, format=kind, dpi=dpi, metadata=metadata)
            if palette and kind == "png":
                file.flush()
                _fewer_colors(file.name)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{quoted(str(path))}: could not be written ({why})") from None
    return target


def _fewer_colors(name: str) -> None:
    from PIL import Image

    with Image.open(name) as image:
        small = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(name, format="PNG", optimize=True)
