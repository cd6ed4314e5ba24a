"""The network of the shipped digits model: a small U-Net, the velocity of the linear flow on 28 × 28 images.

Pixels are unshuffled to 14 × 14 with four channels; blocks work at 14 × 14 and, with attention, at 7 × 7. Every block's
second normalisation is scaled and shifted by the time (FiLM: Perez et al., arXiv:1709.07871). The U-Net is that of Ho
et al., arXiv:2006.11239, cut down.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

GROUPS = 8
FREQUENCIES = 16  # of the time embedding: π/2 up to 16π, low enough that the field is smooth in t


def conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The same layer, all its weights 0: the branch it ends starts as silence."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class TimeEmbedding(nn.Module):
    """t of shape (B,) -> (B, width): sines and cosines of ω t, ω geometric from π/2 to 16π, then one hidden layer."""

    omega: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        omega = math.pi / 2 * 2.0 ** torch.linspace(0, 5, FREQUENCIES)
        self.register_buffer("omega", omega, persistent=False)
        self.mlp = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, t: Tensor) -> Tensor:
        angle = t[:, None] * self.omega
        return self.mlp(torch.cat((angle.sin(), angle.cos()), dim=1).to(self.mlp[0].weight.dtype))


class Block(nn.Module):
    """x + conv(SiLU(norm(conv(SiLU(norm x))) · (1 + scale(t)) + shift(t)))): two convolutions, one look at the time."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(GROUPS, channels)
        self.conv_in = conv3(channels, channels)
        self.norm_out = nn.GroupNorm(GROUPS, channels)
        self.conv_out = zeroed(conv3(channels, channels))
        self.film = nn.Linear(width, 2 * channels)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.film(time)[:, :, None, None].chunk(2, dim=1)
        h = self.conv_in(nn.functional.silu(self.norm_in(x)))
        return x + self.conv_out(nn.functional.silu(self.norm_out(h) * (1 + scale) + shift))


class Attention(nn.Module):
    """x + projection of self-attention over the pixels of x, (B, C, H, W), with heads of 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // 32
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        rows = self.qkv(self.norm(x)).reshape(len(x), 3, self.heads, 32, -1).transpose(3, 4)
        mixed = nn.functional.scaled_dot_product_attention(rows[:, 0], rows[:, 1], rows[:, 2])
        return x + self.out(mixed.transpose(2, 3).reshape(x.shape))


class DigitsUNet(nn.Module):
    """Velocity b(t, x) of x_t = (1−t) z + t x for images x in [−1, 1].

    `forward(x, t)`: x of shape (B, 1, 28, 28), t of shape (B,) in [0, 1]; returns the shape of x.
    """

    def __init__(self, channels: int = 48, width: int = 128) -> None:
        super().__init__()
        c = channels
        self.time = TimeEmbedding(width)
        self.stem = conv3(4, c)
        self.encode = nn.ModuleList([Block(c, width), Block(c, width)])
        self.down = conv3(c, 2 * c, stride=2)
        self.middle = nn.ModuleList([Block(2 * c, width) for _ in range(3)])
        self.attend = nn.ModuleList([Attention(2 * c) for _ in range(2)])
        self.up = nn.Conv2d(2 * c, 4 * c, 1)
        self.decode = nn.ModuleList([Block(c, width), Block(c, width)])
        self.head = nn.Sequential(nn.GroupNorm(GROUPS, c), nn.SiLU(), zeroed(conv3(c, 4)))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        time = self.time(t)
        h = self.stem(nn.functional.pixel_unshuffle(x, 2))
        for block in self.encode:
            h = block(h, time)
        fine, h = h, self.down(h)
        h = self.attend[0](self.middle[0](h, time))
        h = self.attend[1](self.middle[1](h, time))
        h = self.middle[2](h, time)
        h = fine + nn.functional.pixel_shuffle(self.up(h), 2)
        for block in self.decode:
            h = block(h, time)
        return nn.functional.pixel_shuffle(self.head(h), 2)
