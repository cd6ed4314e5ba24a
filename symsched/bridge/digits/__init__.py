"""The shipped model: handwritten digits, 28 × 28, made by the linear flow. It was trained by training/digits.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from symsched.bridge.calibration import Calibration
from symsched.bridge.digits.network import DigitsUNet
from symsched.bridge.fields import FlowField
from symsched.errors import InputError

WEIGHTS = Path(__file__).with_name("digits.safetensors")
CALIBRATION = Path(__file__).with_name("digits.json")  # made by training/calibration.py
SHAPE = (1, 28, 28)


def load(device: Any = None, dtype: Any = None, path: str | Path = WEIGHTS) -> FlowField:
    """The velocity field b(t, x) of x_t = (1−t) z + t x over digits in [−1, 1], of shape (1, 28, 28).

    Args:
        device, dtype: of the network; by default the CPU and float32 (the weights are stored in float16).
        path: other weights of the same network, a safetensors file.

    Raises InputError for a file that is missing, is not safetensors, or holds another network.
    """
    model = DigitsUNet()
    weights = _read(Path(path))
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if {name: tuple(value.shape) for name, value in weights.items()} != expected:
        raise InputError(f"'{path}' holds the weights of another network; expected those of DigitsUNet")
    model.load_state_dict(weights)
    model = model.to(device=device, dtype=dtype or torch.float32).eval().requires_grad_(False)
    known = Calibration.load(CALIBRATION) if Path(path) == WEIGHTS and CALIBRATION.exists() else None
    return FlowField(model, "linear", "velocity", shape=SHAPE, calibration=known)


def _read(path: Path) -> dict[str, Any]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(f"no weights at '{path}'; expected a safetensors file") from None
    except (OSError, SafetensorError) as error:
        raise InputError(f"'{path}' is not a safetensors file ({error}); other formats are not read") from None
