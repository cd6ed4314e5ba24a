"""The node that calibrates, and the node that reads what it wrote."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import comfy.sample
import comfy.samplers
import comfy.utils
import folder_paths
import torch

from symsched.bridge import FlowField, calibrate
from symsched.bridge.calibrating import PILOT_STEPS, TRIES
from symsched.errors import InputError

from .engine import Known, described, is_flow, schedule_of
from .sampling import CALIBRATION, MENU

FOLDER = "symsched"
FEWEST_TRIES = 4
folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))
folder_paths.folder_names_and_paths[FOLDER][1].add(".json")


class Calibrate:
    """Runs a pilot of the loaded model under its conditions, fits tables to it, and keeps them in models/symsched."""

    CATEGORY = MENU
    DESCRIPTION = "Fits the levels and weights of the Lazy Sampler to this model, its conditions and its guidance."
    RETURN_TYPES = (CALIBRATION,)
    RETURN_NAMES = ("calibration",)
    FUNCTION = "calibrate"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        def count(default: int, least: int, tooltip: str) -> tuple[str, dict[str, Any]]:
            return "INT", {"default": default, "min": least, "max": 1_000_000, "tooltip": tooltip}

        return {
            "required": {
                "guider": ("GUIDER", {"tooltip": "The model with its conditions and guidance."}),
                "latent_image": (
                    "LATENT",
                    {"tooltip": "Its size is the images', its batch how many are asked at once."},
                ),
                "steps": ("STRING", {"default": "8", "tooltip": "The numbers of steps to fit, such as 4, 6, 8."}),
                "paths": count(8, 2, "Images in the pilot."),
                "budget": count(2000, 1, "Evaluations of the model in all, as many as the pilot's images take steps."),
                "name": ("STRING", {"default": "my_model", "tooltip": "The file's in models/symsched, without .json."}),
            }
        }

    def calibrate(self, guider: Any, latent_image: Any, steps: str, paths: int, budget: int, name: str) -> tuple[Known]:
        path, counts = _path(name), _counts(steps)
        pilot = Pilot(counts, paths, _tries(budget, paths, counts))
        latent = comfy.sample.fix_empty_latent_channels(guider.model_patcher, latent_image["samples"])
        top = guider.model_patcher.get_model_object("model_sampling").sigma_max
        guider.sample(torch.zeros_like(latent), latent, pilot, torch.tensor([float(top), 0.0]), seed=0)
        pilot.known.save(path)
        logging.info("symsched: %s in %s", pilot.known.calibration, path)
        return (pilot.known,)


class Pilot(comfy.samplers.Sampler):
    """To the engine a sampler, so that the model is loaded and its conditions are made ready; it calibrates."""

    known: Known

    def __init__(self, counts: list[int], paths: int, tries: int) -> None:
        self.counts, self.paths, self.tries = counts, paths, tries

    def sample(
        self,
        model_wrap: Any,
        sigmas: Any,  # noqa: ARG002
        extra_args: Any,
        callback: Any,  # noqa: ARG002
        noise: Any,
        latent_image: Any = None,  # noqa: ARG002
        denoise_mask: Any = None,  # noqa: ARG002
        disable_pbar: bool = False,  # noqa: ARG002
    ) -> Any:
        bar = comfy.utils.ProgressBar(self.paths * (PILOT_STEPS + self.tries * sum(self.counts)))

        def ask(x: Any, sigma: Any) -> Any:
            bar.update(len(x))
            return model_wrap(x, sigma, **extra_args).to(x.dtype)

        sampling, shape = model_wrap.inner_model.model_sampling, tuple(noise.shape[1:])
        field = FlowField(
            ask,
            schedule_of(sampling),
            "data",
            time="alpha" if is_flow(sampling) else "alpha/beta",
            shape=shape,
            dtype=torch.float32,
            device=noise.device,
        )
        found = calibrate(field, self.paths, steps=self.counts, tries=self.tries, batch=min(len(noise), self.paths))
        bar.update_absolute(bar.total)  # a model of few levels has a shorter pilot
        self.known = Known(found, described(model_wrap, noise))
        return noise


class LoadCalibration:
    """A calibration from models/symsched."""

    CATEGORY = MENU
    DESCRIPTION = "A calibration that 'Calibrate Lazy Sampler' made, for Lazy Sampler and Lazy Sigmas."
    RETURN_TYPES = (CALIBRATION,)
    RETURN_NAMES = ("calibration",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"calibration": (folder_paths.get_filename_list(FOLDER),)}}

    @classmethod
    def VALIDATE_INPUTS(cls, calibration: str) -> bool | str:
        if folder_paths.get_full_path(FOLDER, str(calibration)) is None:
            return f"no '{calibration}' in models/{FOLDER}: run 'Calibrate Lazy Sampler', or put the file there"
        return True

    @classmethod
    def IS_CHANGED(cls, calibration: str) -> int:
        return Path(folder_paths.get_full_path_or_raise(FOLDER, calibration)).stat().st_mtime_ns

    def load(self, calibration: str) -> tuple[Known]:
        return (Known.load(Path(folder_paths.get_full_path_or_raise(FOLDER, calibration))),)


def _path(name: str) -> Path:
    name = name.strip().removesuffix(".json")
    if not name or Path(name).name != name or set(name) & set('\\:*?"<>|'):
        raise InputError(f"name = {name!r}: expected a plain file name, such as flux_4_to_8")
    return Path(folder_paths.get_folder_paths(FOLDER)[0]) / f"{name}.json"


def _counts(steps: str) -> list[int]:
    words = str(steps).replace(",", " ").split()
    if not words or not all(word.isascii() and word.isdigit() and 0 < int(word) <= 1000 for word in words):
        raise InputError(f"steps = {steps!r}: expected whole numbers from 1 to 1000, such as 4, 6, 8")
    return sorted({int(word) for word in words})


def _tries(budget: int, paths: int, counts: list[int]) -> int:
    """How many grids are tried for each number of steps."""
    tries = (budget // paths - PILOT_STEPS) // sum(counts)
    if tries < FEWEST_TRIES:
        least = paths * (PILOT_STEPS + FEWEST_TRIES * sum(counts))
        raise InputError(
            f"budget = {budget}: {paths} paths of {PILOT_STEPS} evaluations and {FEWEST_TRIES} grids for each number of"
            f" steps are {least}; take as many, or fewer paths or steps"
        )
    return min(tries, TRIES)
