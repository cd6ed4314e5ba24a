"""Differences and products of float64 numbers with what rounding took from them: error-free transformations.

T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18 (1971) 224–242.
Near 10³⁰⁰ the splitting overflows; the low part is then NaN, which the caller has to notice.
"""

from __future__ import annotations

from symsched.data.checks import Array

_SPLIT = 134217729.0  # 2²⁷ + 1


def _halves(a: Array) -> tuple[Array, Array]:
    scaled = _SPLIT * a
    high = scaled - (scaled - a)
    return high, a - high


def product(a: Array, b: Array) -> tuple[Array, Array]:
    """(p, e) with p + e = a b exactly."""
    p = a * b
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


def total(a: Array, b: Array) -> tuple[Array, Array]:
    """(s, e) with s + e = a + b exactly."""
    s = a + b
    part = s - a
    return s, (a - (s - part)) + (b - part)


def residual(x: Array, beta: Array, mean: Array, low: Array | float) -> tuple[Array, Array]:
    """x − β (mean + low) as a number and its remainder."""
    p, e = product(beta, mean)
    s, rest = total(x, -p)
    return total(s, rest - e - beta * low)


def turned(vector: tuple[Array, Array], axes: Array, low: Array) -> Array:
    """(vector + its remainder) @ (axes + low), summed without the rounding of the terms: shape (rows, columns)."""
    high, rest = product(vector[0][..., 0, None], axes[0])
    for k in range(1, len(axes)):
        p, e = product(vector[0][..., k, None], axes[k])
        high, lost = total(high, p)
        rest = rest + (e + lost)
    return high + (rest + vector[0] @ low + vector[1] @ axes)
