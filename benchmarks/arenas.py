"""Where few_steps.py competes: a field, the noise, reference data, and the space in which laws are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import symsched as ss
from symsched.bridge import FlowField, build_plan, calibrate, exact_field, sample
from symsched.data.law import DataLaw

Array = NDArray[np.float64]
FITTED = (2, 4, 6, 8, 12, 16, 24)  # counts for which a calibration fits tables
FINE = ("lazy(kappa=0, rho=2)", "ab3")  # target and solver of the converged endpoint
FEATURES = "feature_"  # prefix of distances between features, where there is a Fréchet distance too
MEMORY = 400  # digits that the empirical law remembers


def plain(x: Tensor) -> Array:
    return x.flatten(1).double().numpy()


@dataclass(frozen=True)
class Arena:
    """A field and what is measured on it. Each of `views` maps samples to points (n, d) whose law is compared."""

    name: str
    field: FlowField
    reference: Tensor
    endpoints: int  # samples compared one by one with the converged endpoint
    samples: int  # whose law is compared
    views: Mapping[str, Callable[[Tensor], Array]] = field(default_factory=lambda: {"": plain})
    fine: int = 256  # steps to the converged endpoint
    settled: int = 256  # steps after which a law no longer moves
    paths: int = 192  # of the pilot of a calibration

    @property
    def pilot(self) -> int:
        """Samples on which the contenders' options are chosen."""
        return max(8, self.endpoints // 5)

    def calibrated(self) -> Any:
        """The field's calibration: what it ships with, or one on noise that is used for nothing else."""
        return self.field.calibration or calibrate(self.field, self.paths, steps=FITTED, tries=16, seed=2026)

    def noise(self, count: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(count, *self.field.shape, generator=generator, dtype=self.field.dtype)

    def endpoint(self, z: Tensor) -> tuple[Tensor, float]:
        """The ODE's endpoint by `fine` steps of the third order, and its RMS difference from half as many."""
        ends = [self._solve(z, steps) for steps in (self.fine // 2, self.fine)]
        return ends[1], float((ends[1] - ends[0]).square().mean().sqrt())

    def converged(self, z: Tensor) -> Tensor:
        """Endpoints near enough for a law or a choice."""
        return self._solve(z, self.settled)

    def _solve(self, z: Tensor, steps: int) -> Tensor:
        return sample(self.field, noise=z, plan=build_plan(self.field.native, FINE[0], 0, steps, FINE[1]))


def ring(quick: bool) -> Arena:
    """Eight normal laws on a circle in the plane."""
    angles = np.arange(8) * np.pi / 4
    means = 0.8 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    law = ss.GaussianMixture([1 / 8] * 8, means.tolist(), [0.06 + 0.01 * k for k in range(8)])
    return _exact("mixture2", law, 64 if quick else 1000, quick)


def cloud(quick: bool) -> Arena:
    """Ten normal laws in 64 dimensions, with the centres and widths of nothing in particular."""
    rng = np.random.default_rng(0)
    means = rng.uniform(-0.6, 0.6, (10, 64))
    law = ss.GaussianMixture([0.1] * 10, means.tolist(), rng.uniform(0.05, 0.3, 10).tolist())
    return _exact("mixture64", law, 64 if quick else 500, quick)


def memory(images: Tensor, quick: bool) -> Arena:
    """The exact field of a few hundred digits: every endpoint is one of them."""
    law = ss.Empirical(images[:: len(images) // MEMORY][:MEMORY].flatten(1).double().numpy())
    return _exact("empirical", law, 32 if quick else 100, quick, samples=500)


def _exact(name: str, law: DataLaw, endpoints: int, quick: bool, samples: int = 2000) -> Arena:
    reference = torch.as_tensor(law.sample(2000, seed=5), dtype=torch.float64)
    sizes = {"samples": 200, "paths": 32, "settled": 64} if quick else {"samples": samples, "fine": 512, "paths": 96}
    return Arena(name, exact_field(law), reference, endpoints, **sizes)


class Split(torch.nn.Module):
    """A network that is given a few samples at a time, so that what it computes stays in the processor's cache."""

    def __init__(self, network: torch.nn.Module, size: int = 16) -> None:
        super().__init__()
        self.network, self.size = network, size

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return torch.cat([self.network(*pair) for pair in zip(x.split(self.size), time.split(self.size), strict=True)])


def digits(held_out: Tensor, quick: bool) -> Arena:
    """The shipped model, against held-out digits, in the 64 features of a classifier and in pixels."""
    from benchmarks.features import features
    from symsched.bridge.digits import load

    field, sizes = load(), (16, 100) if quick else (160, 500)
    field.model = Split(field.model.to(memory_format=torch.channels_last))
    return Arena("digits", field, held_out, *sizes, {FEATURES: features, "pixel_": plain}, 64 if quick else 256, 64)


def make(name: str, data: Path, quick: bool) -> Arena:
    """The arena of that name."""
    from training.data import digits as read

    if name in ("mixture2", "mixture64"):
        return {"mixture2": ring, "mixture64": cloud}[name](quick)
    train, held_out = read(data)
    return digits(held_out.x, quick) if name == "digits" else memory(train.x, quick)


ARENAS = ("digits", "mixture2", "mixture64", "empirical")
