"""What ComfyUI's model is to symsched: the schedule of its states, and what a calibration was made for.

A sampler there holds σ Z + (1 − σ) X of a flow model, and X + σ Z of any other, and asks model(x, σ) for the data.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_sampling

from symsched.bridge import Calibration
from symsched.errors import InputError
from symsched.writing import whole

LOOKED_AT, NUMBERS = 16, 64  # weights of a model by which it is known again, and how many numbers of each
MADE_FOR = "made_for"  # in a calibration's file, beside what symsched wrote


def is_flow(model_sampling: Any) -> bool:
    """Whether the states are those of a linear flow."""
    return isinstance(model_sampling, comfy.model_sampling.CONST)


def schedule_of(model_sampling: Any) -> str:
    """The schedule of the states, as text."""
    if is_flow(model_sampling):
        return "linear"
    low, high = (float(getattr(model_sampling, end)) for end in ("sigma_min", "sigma_max"))
    return f"edm(sigma_min={low:.9g}, sigma_max={high:.9g})"


@dataclass(frozen=True)
class Known:
    """A calibration, and what it was made for: {"model", "guidance", "latent"}."""

    calibration: Calibration
    made_for: dict[str, Any]

    def save(self, path: Path) -> None:
        """A file that `Calibration.load` reads too."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as out:
                json.dump(self.calibration.to_json() | {MADE_FOR: self.made_for}, out, separators=(",", ":"))
        except OSError as error:
            raise InputError(f"cannot write '{path}': {error.strerror or error}") from None

    @classmethod
    def load(cls, path: Path) -> Known:
        """What `save` or `Calibration.save` wrote.  Raises InputError for anything else."""
        calibration, made_for = Calibration.load(path), json.loads(path.read_text()).get(MADE_FOR)
        return cls(calibration, made_for if isinstance(made_for, dict) else {})

    def compare(self, guider: Any, latent: Any) -> None:
        """One line in the log where it was made for something else; latents that it cannot serve are refused."""
        mean, here = self.calibration.mean, list(latent.shape[1:])
        fits = mean.ndim in (0, len(here)) and all(n in (1, m) for n, m in zip(mean.shape, here, strict=False))
        if not fits:
            raise InputError(
                f"the calibration is of latents {self.made_for.get('latent', list(mean.shape))}, and here they are "
                f"{here}: run 'Calibrate Lazy Sampler' on these, or leave the calibration away"
            )
        now = described(guider, latent)
        other = [f"{key} {was}, here {now[key]}" for key, was in self.made_for.items() if now.get(key, was) != was]
        if other:
            logging.warning(
                "symsched: this calibration was made for another %s: results may be worse than without it",
                "; ".join(other),
            )


def described(guider: Any, latent: Any) -> dict[str, Any]:
    """What a calibration is for, of a guider whose model is loaded."""
    return {
        "model": fingerprint(guider.model_patcher),
        "guidance": getattr(guider, "cfg", None),
        "latent": list(latent.shape[1:]),
    }


def fingerprint(patcher: Any) -> str:
    """Short text that tells models apart: class, sizes of all weights, some numbers of a few, strengths of patches."""
    inner = patcher.model.diffusion_model
    weights = sorted(inner.named_parameters())
    told = [type(inner).__name__, *(f"{name} {tuple(weight.shape)}" for name, weight in weights)]
    for name, weight in weights[:: max(1, len(weights) // LOOKED_AT)]:
        kept = patcher.backup.get(f"diffusion_model.{name}")  # a loaded model's weights have the patches in them
        numbers = (weight if kept is None else kept.weight).detach().flatten()[:NUMBERS]
        # two digits: the same weights in another precision are the same model
        told.append(f"{float(numbers.float().abs().mean()):.1e}" if numbers.is_floating_point() else "")
    told += [f"{key} {[(patch[0], patch[2]) for patch in found]}" for key, found in sorted(patcher.patches.items())]
    return f"{type(patcher.model).__name__} {hashlib.sha256('|'.join(told).encode()).hexdigest()[:12]}"
