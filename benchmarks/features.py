"""A small digits classifier whose 64 features compare sets of images; trained by training/classifier.py."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("classifier.safetensors")
FEATURES = 64


class Classifier(nn.Module):
    """Images (B, 1, 28, 28) in [−1, 1] -> logits (B, 10), by way of 64 features."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_layer(1, 16, stride=1),
            *_layer(16, 32, stride=2),
            *_layer(32, 64, stride=2),
            *_layer(64, 64, stride=2),
            nn.Flatten(),
            nn.Linear(64 * 16, FEATURES),
            nn.SiLU(),
        )
        self.head = nn.Linear(FEATURES, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def _layer(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.GroupNorm(4, outputs), nn.SiLU()


@lru_cache(1)
def classifier() -> Classifier:
    """The trained classifier."""
    model = Classifier().eval()
    model.load_state_dict(load_file(WEIGHTS))
    return model


@torch.no_grad()
def features(images: Tensor) -> NDArray[np.float64]:
    """Images (n, 1, 28, 28) in [−1, 1] -> their features (n, 64); values outside are clipped, as a picture would be."""
    body = classifier().body
    return torch.cat([body(part.clamp(-1, 1)) for part in images.float().split(500)]).double().numpy()
