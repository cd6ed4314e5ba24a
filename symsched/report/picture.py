"""Estimates against exact values, as strips: one row of a table each, all on one scale of standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from symsched.exhibit import Point
from symsched.report.html import Html, element

WIDTH, HEIGHT = 240, 22
CENTRE = HEIGHT / 2


def normal_quantile(false_positive: float) -> float:
    """z with P(|N(0,1)| > z) = the false-positive rate; between 2 and 8."""
    return min(8.0, max(2.0, NormalDist().inv_cdf(1 - min(max(false_positive, 1e-15), 0.05) / 2)))


def scale_of(points: Sequence[Point], false_positive: float) -> float:
    """Half the width of the scale, in standard errors: room for every whisker of an accepted check."""
    far = max((abs(p.deviation) for p in points if math.isfinite(p.deviation)), default=0.0)
    reach = normal_quantile(false_positive)
    return math.ceil(min(far, 1.5 * reach) + reach) + 0.5


def strip(point: Point, scale: float, false_positive: float) -> Html:
    """The estimate (dot), its 95% interval (bar), its interval at the check's level (line), the exact value (rule).

    An estimate beyond the scale is an arrow at its edge.
    """
    z, reach = point.deviation, normal_quantile(false_positive)
    if not abs(z) <= scale:
        return _svg(_describe(point), _rule(0, scale, "exact"), _arrow(z))
    marks = (_line(z - reach, z + reach, scale, "whisker"), _line(z - 1.96, z + 1.96, scale, "bar"))
    dot = element("circle", cx=_at(z, scale), cy=_number(CENTRE), r="4.5", class_="dot")
    return _svg(_describe(point), _rule(0, scale, "exact"), *marks, dot)


def axis(scale: float) -> Html:
    """The ticks of the strips, for the head of their column."""
    step = max(1, math.floor(scale / 3))
    ticks = [k for k in range(-3 * step, 3 * step + 1, step) if abs(k) < scale - 0.3]
    labels = [
        element("text", f"{k:+d}".replace("-", "−") if k else "0", x=_at(k, scale), y="14", text_anchor="middle")
        for k in ticks
    ]
    marks = [element("line", x1=_at(k, scale), x2=_at(k, scale), y1="18", y2=str(HEIGHT)) for k in ticks]
    about = f"scale from {ticks[0]} to {ticks[-1]} standard errors; the exact value is at 0"
    return _svg(about, *labels, *marks, extra=" axis")


def _describe(point: Point) -> str:
    low, high = (point.estimate + s * 1.96 * point.standard_error for s in (-1, 1))
    return (
        f"{point.label}: estimate {point.estimate:.5g}, 95% interval {low:.5g} to {high:.5g}, exact value "
        f"{point.exact:.5g}, {abs(point.deviation):.2g} standard errors {'above' if point.deviation > 0 else 'below'}"
    )


def _svg(label: str, *shapes: Html, extra: str = "") -> Html:
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", *shapes, viewBox=box, role="img", aria_label=label, class_=f"strip{extra}")


def _at(z: float, scale: float) -> str:
    return _number(WIDTH / 2 * (1 + max(-1.0, min(1.0, z / scale))))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _line(low: float, high: float, scale: float, kind: str) -> Html:
    y = _number(CENTRE)
    return element("line", x1=_at(low, scale), x2=_at(high, scale), y1=y, y2=y, class_=kind)


def _rule(z: float, scale: float, kind: str) -> Html:
    return element("line", x1=_at(z, scale), x2=_at(z, scale), y1="0", y2=str(HEIGHT), class_=kind)


def _arrow(z: float) -> Html:
    tip, tail = (WIDTH - 2, WIDTH - 14) if z > 0 else (2, 14)
    top, bottom = _number(CENTRE - 6), _number(CENTRE + 6)
    return element("path", d=f"M{tip} {_number(CENTRE)} L{tail} {top} L{tail} {bottom} Z", class_="arrow")
