"""Sobol' points, scrambled: numbers addressed by (seed, shift, coordinate, point) that fill the cube evenly.

Point i of a coordinate is the exclusive or of the direction numbers at the binary digits of i.  Each shift scrambles
every coordinate by a random permutation that keeps the elementary intervals nested (Owen's scrambling, by a hash), so
each shift's points are uniform, its averages unbiased, and those of smooth integrands off by some n^(−3/2).  A number
depends on its address alone: points are added without drawing the first ones again.

Direction numbers: S. Joe, F. Y. Kuo, SIAM J. Sci. Comput. 30 (2008) 2635–2654, doi:10.1137/070709359, as SciPy has
them.  Hash: B. Burley, "Practical hash-based Owen scrambling", J. Comput. Graph. Tech. 9(4), 2020, after S. Laine and
T. Karras, "Stratified sampling for stochastic transparency", Comput. Graph. Forum 30 (2011) 1197–1204.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
#: Binary digits of a number, and so the logarithm of the most points of a shift.
BITS = 32
_HASH = (0x6C50B47C, 0xB82F1E52, 0xC7AFE638, 0x8D22F6E6)
_SWAPS = ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF), (16, 0x0000FFFF))


def uniforms(keys: Words, first: int, count: int) -> NDArray[np.float64]:
    """Numbers in (0, 1), shape (coordinates, shifts, count), of the points first … first + count − 1.

    `keys` has one word for each coordinate and shift; `count` is a power of two that divides `first`.
    """
    digits = (first + count - 1).bit_length()
    mirrored = _mirrored(len(keys), max(12, -(-digits // 4) * 4))
    points = np.zeros((len(keys), 1), np.uint32)
    for k in range(digits):
        if first >> k & 1:
            points ^= mirrored[:, k : k + 1]
    for k in range(count.bit_length() - 1):
        points = np.concatenate([points, points ^ mirrored[:, k : k + 1]], axis=1)
    found = np.float64(2.0**-BITS) * (_reversed(_hashed(points[:, None, :], keys[:, :, None])) + 0.5)
    return found


def keys(seed: int, coordinates: int, shifts: int) -> Words:
    """A word for each coordinate and shift."""
    words = np.random.SeedSequence(seed).generate_state(coordinates * shifts, np.uint32)
    return words.astype(np.uint32).reshape(coordinates, shifts)


def _hashed(x: Words, key: Words) -> Words:
    """A permutation of words in which no digit depends on higher ones: of mirrored points, a nested scrambling."""
    x = x + key
    for factor in _HASH:
        x ^= x * np.uint32(factor)
    return x


def _reversed(x: Words) -> Words:
    """The digits in the opposite order."""
    for width, mask in _SWAPS:
        x = ((x >> np.uint32(width)) & np.uint32(mask)) | ((x & np.uint32(mask)) << np.uint32(width))
    return x


@lru_cache(maxsize=8)
def _mirrored(coordinates: int, digits: int) -> Words:
    """The first direction numbers (coordinates, digits), their own digits in the opposite order.

    SciPy has no public way to ask for them; its points up to 2ᵈ tell them, at a cost of that many.
    """
    from scipy.stats import qmc

    sequence: Any = qmc.Sobol(coordinates, scramble=False, bits=BITS)
    found = np.zeros((coordinates, digits), np.uint32)
    at = 0
    for k in range(digits):  # point 2ᵏ of SciPy's order, which is Gray's, is the exclusive or of numbers k and k − 1
        sequence.fast_forward(2**k - at)
        found[:, k] = (sequence.random(1)[0] * 2.0**BITS).astype(np.uint32) ^ (found[:, k - 1] if k else 0)
        at = 2**k + 1
    return _reversed(found)
