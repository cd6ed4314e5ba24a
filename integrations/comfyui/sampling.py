"""The SAMPLER node and the SIGMAS node."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import torch

from symsched.bridge import Recipe, lazy_sigmas, sample_lazy
from symsched.bridge.grids import as_grid
from symsched.bridge.levels import as_native
from symsched.bridge.planning import AUTO, LARGEST, blind
from symsched.bridge.solvers import HOMES, as_solver
from symsched.errors import InputError

from .engine import Known, is_flow, schedule_of

MENU = "sampling/custom_sampling/symsched"
CALIBRATION = "SYMSCHED_CALIBRATION"
TWICE = ("heun", "midpoint")  # these ask the model twice a step, which a list of levels has no room for
MOST = 10_000  # levels in all, each of which takes a fraction of a millisecond
SOLVERS = [AUTO, *(name for name in HOMES if name not in (AUTO, *TWICE))]


class LazySigmas:
    """Noise levels for the Lazy Sampler: a calibration's own, or those for a model of which nothing is known."""

    CATEGORY = MENU
    DESCRIPTION = "Noise levels for the Lazy Sampler, of a calibration or without one."
    RETURN_TYPES = ("SIGMAS",)
    FUNCTION = "get_sigmas"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "model": ("MODEL",),
                "steps": ("INT", {"default": 8, "min": 1, "max": 1000, "tooltip": "Evaluations of the model."}),
                "denoise": (
                    "FLOAT",
                    {
                        "default": 1.0,
                        "min": 0.0,
                        "max": 1.0,
                        "step": 0.01,
                        "tooltip": "Below 1, the last of steps/denoise levels: image to image.",
                    },
                ),
            },
            "optional": {"calibration": (CALIBRATION, {"tooltip": "The one that the Lazy Sampler gets."})},
        }

    def get_sigmas(self, model: Any, steps: int, denoise: float, calibration: Known | None = None) -> tuple[Any]:
        if denoise <= 0:
            return (torch.zeros(0),)
        total, sampling = int(steps / denoise), model.get_model_object("model_sampling")
        flow = is_flow(sampling)
        if total > MOST:
            raise InputError(
                f"steps = {steps} at denoise = {denoise:g} are the last of {total} levels: expected at most {MOST}, so "
                "fewer steps or a larger denoise"
            )
        if calibration is None:
            how = blind(total, LARGEST)  # of latents none is smaller
            frame = how.frame(as_native(schedule_of(sampling)))
            at = frame.levels(as_grid(how.grid).times(frame, total)[:-1])
            levels = torch.tensor([*(at.alpha / (at.alpha + at.beta if flow else at.beta)), 0.0], dtype=torch.float32)
        else:
            tables = calibration.calibration.tables
            if total not in tables:
                told = f"steps = {steps}" + f" at denoise = {denoise:g}, the last of {total} levels" * (denoise < 1)
                raise InputError(f"{told}: the calibration has levels for {', '.join(map(str, tables)) or 'no'} steps")
            known, top = calibration.calibration, None if flow else float(sampling.sigma_max)
            levels = lazy_sigmas(total, sigma_max=top, calibration=known, flow=flow)
        return (levels[-(steps + 1) :],)


class LazySampler:
    """A sampler in any target schedule, for SamplerCustom and SamplerCustomAdvanced."""

    CATEGORY = MENU
    DESCRIPTION = "Samples in a lazy schedule, or any other, with few steps. The defaults are the recommended ones."
    RETURN_TYPES = ("SAMPLER",)
    FUNCTION = "get_sampler"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "solver": (SOLVERS, {"default": AUTO}),
                "target": (
                    "STRING",
                    {"default": "auto", "tooltip": "auto, or a schedule such as lazy(kappa=1, rho=0.5) or vp."},
                ),
                "kappa": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 100.0,
                        "step": 0.05,
                        "tooltip": "How much noise the sampler adds; 0 is none, 1 the most even amount.",
                    },
                ),
            },
            "optional": {"calibration": (CALIBRATION, {"tooltip": "The one that Lazy Sigmas gets."})},
        }

    def get_sampler(self, solver: str, target: str, kappa: float, calibration: Known | None = None) -> tuple[Any]:
        recipe = Recipe(target=target.strip(), kappa=kappa, solver=solver)
        as_solver(solver), recipe.frame(as_native("linear"))  # refused here, before any model is loaded
        if calibration is not None and not recipe.automatic:
            raise InputError(
                f"a calibration beside target = {target}, kappa = {kappa:g}, solver = {solver}: its tables are for "
                f"target auto, kappa 0 and {AUTO}; leave either away"
            )
        return (Sampler(calibration, recipe),)


class Sampler(comfy.samplers.KSAMPLER):
    """`sample_lazy` where ComfyUI expects one of its own samplers."""

    def __init__(self, known: Known | None, recipe: Recipe) -> None:
        super().__init__(self.run)
        self.known, self.recipe = known, recipe

    def max_denoise(self, model_wrap: Any, sigmas: Any) -> bool:
        # a fitted table begins at σ z, and the engine would take √(1 + σ²) z at a model's first level
        return self.known is None and super().max_denoise(model_wrap, sigmas)

    def run(self, model: Any, x: Any, sigmas: Any, extra_args: Any, callback: Any, disable: Any) -> Any:
        guider, recipe, known = model.inner_model, self.recipe, self.known
        if known is not None:
            known.compare(guider, x)
            # a table weights its start as noise alone; with an image in it, the same levels are stepped through
            fresh = extra_args.get("denoise_mask") is None and not torch.count_nonzero(model.latent_image)
            known = known if fresh and sigmas[-1] == 0 else None
        if known is None and recipe.automatic:
            how = blind(len(sigmas) - 1, LARGEST)
            recipe = Recipe(target=how.target, solver=how.solver)
        return sample_lazy(
            model,
            x,
            sigmas,
            extra_args,
            callback,
            disable,
            target=recipe.target,
            kappa=recipe.kappa,
            solver=recipe.solver,
            flow=is_flow(guider.inner_model.model_sampling),
            calibration=None if known is None else known.calibration,
        )
