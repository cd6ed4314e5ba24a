"""Score models of galaxies that nobody here trained: Sampson's MLP-Mixers from the package galaxygrad.

The weights carry no licence: pip fetches them into a cache folder when they are first asked for, and nothing of them is
kept here.  They are scores of a VP-SDE with β = 1 on t in [0, 10], for images log(1 + x)/0.1 of the surveys HSC, ZTF,
LSST and Roman, and of lensed quasars.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from symsched.bridge import FlowField
from symsched.errors import InputError

PACKAGE = "galaxygrad==0.2.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "symsched" / "galaxies"
LAST = 10.0  # the SDE's time of noise alone
SCHEDULE, TIME = "alpha=sqrt(1-exp(-10*(1-t))); beta=exp(-5*(1-t))", "10*(1-t)"
PATCH, CHANNELS = 4, 64
SIDES = {"hsc_ScoreNet32": 32, "hsc_ScoreNet64": 64, "ZTF_ScoreNet32": 32, "ZTF_ScoreNet64": 64}
SIDES |= {"lsst_ScoreNet60": 60, "quasar_lens72": 72, "roman_Scorenet120": 120}
NAMES = {"HSC 32": "hsc_ScoreNet32", "HSC 64": "hsc_ScoreNet64", "ZTF 32": "ZTF_ScoreNet32", "ZTF 64": "ZTF_ScoreNet64"}
NAMES |= {"LSST 60": "lsst_ScoreNet60", "quasars 72": "quasar_lens72", "Roman 120": "roman_Scorenet120"}


class Perceptron(nn.Sequential):
    """Two layers over the last axis."""

    def __init__(self, width: int, hidden: int = 512) -> None:
        super().__init__(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


class Mixer(nn.Module):
    """Mixes patches, then channels; states are (batch, channels, patches)."""

    def __init__(self, patches: int) -> None:
        super().__init__()
        self.patches, self.channels = Perceptron(patches), Perceptron(CHANNELS)
        self.norm1, self.norm2 = nn.LayerNorm((CHANNELS, patches)), nn.LayerNorm((patches, CHANNELS))

    def forward(self, y: Tensor) -> Tensor:
        y = (y + self.patches(self.norm1(y))).mT
        return (y + self.channels(self.norm2(y))).mT


class ScoreNet(nn.Module):
    """An MLP-Mixer (Tolstikhin et al., arXiv:2105.01601): the image and t/10 as channels in, the score out."""

    def __init__(self, side: int) -> None:
        super().__init__()
        patches = (side // PATCH) ** 2
        self.into = nn.Conv2d(2, CHANNELS, PATCH, PATCH)
        self.out = nn.ConvTranspose2d(CHANNELS, 1, PATCH, PATCH)
        self.blocks = nn.ModuleList(Mixer(patches) for _ in range(4))
        self.norm = nn.LayerNorm((CHANNELS, patches))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        clock = (time.to(x.dtype) / LAST).view(-1, 1, 1, 1).expand_as(x)
        y = self.into(torch.cat([x, clock], dim=1))
        size, y = y.shape, y.flatten(2)
        for block in self.blocks:
            y = block(y)
        return self.out(self.norm(y).view(size))

    def read(self, arrays: list[NDArray[np.float32]]) -> ScoreNet:
        """Take Equinox's leaves, in its order and its layout."""
        given = iter(arrays)
        with torch.no_grad():
            for name, place in self.named_parameters():
                part = torch.from_numpy(next(given).copy())
                if name == "out.weight":  # theirs is the kernel of a correlation, (out, in, height, width)
                    part = part.transpose(0, 1).flip(2, 3)
                place.copy_(part.reshape(place.shape) if name.endswith("bias") else part)
        return self


def field(name: str) -> FlowField:
    """The model of that name, one of NAMES, as a field.  Raises InputError where the package cannot be had."""
    net = ScoreNet(SIDES[NAMES[name]])
    net.read(leaves(NAMES[name]))
    side = SIDES[NAMES[name]]
    return FlowField(net.eval().requires_grad_(False), SCHEDULE, "score", time=TIME, shape=(1, side, side))


def leaves(name: str) -> list[NDArray[np.float32]]:
    """The arrays of a checkpoint, in its order."""
    with zipfile.ZipFile(wheel()) as archive, archive.open(f"galaxygrad/eqx_{name}.eqx") as file:
        return list(_arrays(file))


def _arrays(file: zipfile.ZipExtFile) -> Iterator[NDArray[np.float32]]:
    while file.peek(1):
        yield np.load(file, allow_pickle=False)


def wheel() -> Path:
    """The package's file, fetched if need be.  Raises InputError where pip cannot have it."""
    if not (found := sorted(CACHE.glob("galaxygrad-*.whl"))):
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(CACHE), PACKAGE]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode or not (found := sorted(CACHE.glob("galaxygrad-*.whl"))):
            reason = (answer.stderr.strip() or "pip said nothing").splitlines()[-1]
            raise InputError(f"the galaxy models need {PACKAGE} from a package index, and pip has none: {reason}")
    return found[-1]
