"""Noise that belongs to a sample: the same for any batch, any split over machines, CPU or GPU.

The normal number of (seed, sample, step, place) is computed from these four by Philox4x32-10, a counter-based generator
without state or order of drawing (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).  It
is written in int64 tensors, so it runs wherever torch runs, inside compiled graphs too.  Box-Muller in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

LOW = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
AT_ONCE = 1 << 22  # numbers in one draw: few kernels for small samples, little memory for large ones
Words = tuple[Any, Any, Any, Any]


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Four 32-bit words from a counter of four and a key of two, in int64 tensors."""
    a, b, c, d = counter
    for k in range(ROUNDS):
        left, right = (key[j] + k * WEYL[j] & LOW for j in (0, 1))
        first, second = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        # The product's 64 bits are exact though int64 reads them as signed: the mask drops what the shift copied.
        a, b, c, d = (second >> 32 & LOW) ^ b ^ left, second & LOW, (first >> 32 & LOW) ^ d ^ right, first & LOW
    return a, b, c, d


def normals(seed: int, samples: Any, steps: Sequence[int], shape: tuple[int, ...], dtype: Any = torch.float32) -> Any:
    """Standard normal numbers (steps, samples, *shape), on the device of `samples` (int64 sample numbers)."""
    places = math.prod(shape)
    block = torch.arange((places + 3) // 4, device=samples.device)
    step = torch.stack([torch.full_like(block[:1], k) for k in steps])[:, :, None]
    number = samples[:, None] + 0 * (block + step)
    counter = (block + 0 * number, step + 0 * number, number & LOW, number >> 32 & LOW)
    words = philox(counter, (seed & LOW, seed >> 32 & LOW))
    pairs = [_box_muller(words[j], words[j + 1]) for j in (0, 2)]
    drawn = torch.stack([value for pair in pairs for value in pair], dim=-1).flatten(2)[:, :, :places]
    return drawn.to(dtype).reshape(len(steps), len(samples), *shape)


def normal(seed: int, samples: Any, step: int, shape: tuple[int, ...], dtype: Any = torch.float32) -> Any:
    """The numbers of one step, (samples, *shape)."""
    return normals(seed, samples, (step,), shape, dtype)[0]


class Stream:
    """The noise of some samples step by step, drawn for as many steps at once as `AT_ONCE` numbers allow."""

    def __init__(self, seed: int, samples: Any, steps: int, shape: tuple[int, ...], dtype: Any) -> None:
        self.draw = partial(normals, seed, samples, shape=shape, dtype=dtype)
        self.steps, self.stride = steps, max(1, AT_ONCE // (len(samples) * math.prod(shape)))
        self.first = 0
        self.ready: Any = None

    def __call__(self, step: int) -> Any:
        """The noise of a step; steps are asked for in increasing order."""
        if self.ready is None or step >= self.first + self.stride:
            self.first = step
            self.ready = self.draw(range(step, min(step + self.stride, self.steps)))
        return self.ready[step - self.first]


def _box_muller(first: Any, second: Any) -> tuple[Any, Any]:
    """Two normal numbers from two 32-bit words: radius √(−2 log u) with u in (0, 1), angle 2π v."""
    radius = (-2 * torch.log((first + 0.5) * 2.0**-32)).sqrt()
    turn = (second + 0.5) * (math.pi * 2.0**-31)
    return radius * torch.cos(turn), radius * torch.sin(turn)
