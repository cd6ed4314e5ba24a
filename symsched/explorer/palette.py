"""Colours and dashes of the page: those of the figures, lightened where the ground is dark."""

from __future__ import annotations

from collections.abc import Sequence

from symsched import catalog
from symsched.explorer.entries import NAMES
from symsched.plotting.paths import PATH_COLORS
from symsched.plotting.style import lazy_color, style_of

DARK = "#14171b"
CONTRAST = 4.5


def looks(kappas: Sequence[float]) -> dict[str, dict[str, str | list[str]]]:
    """The colour of each schedule on light and dark ground; of the lazy ones, for each κ."""
    fixed = {name: style_of(catalog.from_text(name)).color for name in NAMES if name != "lazy"}
    lazies = [lazy_color(k) for k in kappas]
    dark = {name: on_dark(color) for name, color in fixed.items()}
    return {"light": {**fixed, "lazy": lazies}, "dark": {**dark, "lazy": [on_dark(c) for c in lazies]}}


def dashes() -> dict[str, list[float]]:
    """The dashes of each schedule, in pixels."""
    fixed = {name: style_of(catalog.from_text(name)).dash[1] for name in NAMES if name != "lazy"}
    return {**{name: [2 * d for d in dash] for name, dash in fixed.items()}, "lazy": []}


def path_colors() -> dict[str, list[str]]:
    """Colours of single paths."""
    return {"light": list(PATH_COLORS), "dark": [on_dark(color) for color in PATH_COLORS]}


def on_dark(color: str) -> str:
    """The colour mixed with white until it can be seen on the dark ground (contrast 4.5)."""
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    for share in range(0, 101, 4):
        mixed = [round(p + (255 - p) * share / 100) for p in parts]
        found = "#" + "".join(f"{p:02x}" for p in mixed)
        if contrast(found, DARK) >= CONTRAST:
            return found
    return "#ffffff"


def contrast(one: str, two: str) -> float:
    """The contrast ratio of two colours, between 1 and 21 (WCAG 2)."""
    high, low = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
