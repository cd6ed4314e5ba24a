"""What of a target's time a truncated source covers: conversions are drawn there, and the figure says where that is."""

from __future__ import annotations

import numpy as np

from symsched.codegen.quantities import covered
from symsched.conversion import Conversion
from symsched.errors import InputError


def span_of(conversion: Conversion) -> tuple[float, float]:
    """The target times whose noise levels the source has.  Raises InputError where it has none of them."""
    low, high = covered(conversion.source, conversion.target) or (0.0, 1.0)
    if not low < high:
        raise InputError(f"{conversion}: the truncated source has none of the target's noise levels")
    return low, high


def within(span: tuple[float, float], times: np.ndarray) -> np.ndarray:
    """The times in the span, its ends with them."""
    low, high = span
    return np.concatenate([[low], times[(times > low) & (times < high)], [high]])


def told(span: tuple[float, float]) -> str:
    """The span for a label: "" where it is everything."""
    low, high = span
    if span == (0.0, 1.0):
        return ""
    first, last = _spelled(low, 2), _spelled(high, 4)
    if high == 1:
        return rf"$t\geq {first}$"
    return rf"$t\leq {last}$" if low == 0 else rf"${first}\leq t\leq {last}$"


def _spelled(number: float, digits: int) -> str:
    mantissa, _, power = f"{number:.{digits}g}".partition("e")
    return rf"{mantissa}\times 10^{{{int(power)}}}" if power else mantissa
