"""What the tests of the adapters share: an exact model in the plane, its noise, and where its ODE ends."""

from torched import torch

import symsched as ss
from symsched.bridge import exact_field, sample

LAW = ss.GaussianMixture([0.4, 0.6], [[-1.0, 0.2], [0.8, -0.3]], [0.3, 0.2])
FIELD = exact_field(LAW)


def noise(count=64, dtype=torch.float32, seed=0):
    return torch.randn(count, 2, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def converged(z):
    return sample(FIELD, noise=z.double(), target="lazy(kappa=0, rho=1)", steps=400, solver="ab3c")


def rms(a, b):
    return float((a.double() - b.double()).square().mean().sqrt())
