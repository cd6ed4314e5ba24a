"""The noise of a run inside a loop that is not ours.

The caller decides where it says so, with a generator, one generator for each sample, or the noise itself.  Else the
noise belongs to (seed, number of the sample, draw) as in `sample`, and a seed that nobody named is fresh for each run:
it comes from torch's own generator, so that `torch.manual_seed` repeats it, and is kept in `Draws.seed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from symsched.bridge.noise import normal
from symsched.bridge.requests import as_seed, sample_numbers
from symsched.errors import InputError

Source = Callable[[Any], Any]  # a tensor → standard normal numbers of its shape


class Draws:
    """The noise of one run, draw by draw.

    Args:
        seed: None for a fresh one, chosen when noise is first needed.
        indices: the samples' numbers, by default 0, 1, …

    Raises InputError for a seed or numbers that are none.
    """

    def __init__(self, seed: int | None = None, indices: Sequence[int] | None = None) -> None:
        self.seed = None if seed is None else as_seed(seed)
        self.indices, self.count = indices, 0
        if indices is not None:
            sample_numbers(indices, 0, "cpu")

    def __call__(self, like: Any) -> Any:
        """The next draw; draw 0 is left to the start of a run."""
        if self.indices is not None and len(self.indices) != len(like):
            raise InputError(f"{len(self.indices)} indices for {len(like)} samples: expected one for each")
        if self.seed is None:
            self.seed = int(torch.randint(2**63 - 1, (), device="cpu"))
        self.count += 1
        numbers = sample_numbers(self.indices, len(like), like.device)
        return normal(self.seed, numbers, self.count, tuple(like.shape[1:]), like.dtype)


def from_generators(generator: Any) -> Source:
    """Numbers from a torch generator, or from one for each sample; a sample alone repeats those of its generator.

    Raises InputError for anything else, and for a list of another length than the batch.
    """
    several = isinstance(generator, list | tuple)
    found = list(generator) if several else [generator]
    if not found or not all(isinstance(one, torch.Generator) for one in found):
        raise InputError(f"generator = {str(generator)[:60]}: expected a torch.Generator, or a list of one per sample")

    def draw(like: Any) -> Any:
        if not several:
            return _normal(like.shape, generator, like)
        if len(found) != len(like):
            raise InputError(f"{len(found)} generators for {len(like)} samples: expected one for each")
        return torch.cat([_normal((1, *like.shape[1:]), one, like) for one in found])

    return draw


def _normal(shape: Any, generator: Any, like: Any) -> Any:
    """On the generator's device, as pipelines draw their first noise: seeds then mean the same on CPU and GPU."""
    return torch.randn(shape, generator=generator, device=generator.device, dtype=like.dtype).to(like.device)
