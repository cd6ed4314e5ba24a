"""The digits: 28 × 28 images as torch tensors in [−1, 1], the last hundred of each class held out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from symsched.errors import InputError

VARIABLE = "SYMSCHED_DIGITS"
HELD_OUT = 100  # of each class


class Images(NamedTuple):
    """Images (N, 1, 28, 28) in [−1, 1] and their labels (N,)."""

    x: Tensor
    y: Tensor


def find(given: Path | None) -> Path:
    """The file named on the command line, else the one that SYMSCHED_DIGITS names; InputError if neither is a file."""
    named = given or Path(os.environ.get(VARIABLE, "mnist10k.npz"))
    if not named.is_file():
        raise InputError(f"no file '{named}': give --data mnist10k.npz or set {VARIABLE} to it")
    return named


def digits(path: Path) -> tuple[Images, Images]:
    """(train, held out) from an .npz of x uint8 (N, 28, 28) and y uint8 (N,); InputError for any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            pixels, labels = file["x"], file["y"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"'{path}' is not an .npz file with arrays x (images) and y (labels): {error}") from error
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (28, 28) or labels.shape != pixels.shape[:1]:
        raise InputError(
            f"'{path}' holds x {pixels.dtype} {pixels.shape}, y {labels.shape}: want uint8 (N, 28, 28), (N,)"
        )
    last = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        last[np.flatnonzero(labels == label)[-HELD_OUT:]] = True
    x = torch.from_numpy(pixels).float()[:, None] / 127.5 - 1
    y = torch.from_numpy(labels.astype(np.int64))
    held = torch.from_numpy(last)
    return Images(x[~held], y[~held]), Images(x[held], y[held])


def run(main: Callable[[], None]) -> None:
    """Run a script; bad input is one line on standard error and exit code 2."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
