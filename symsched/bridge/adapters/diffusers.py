"""Schedulers for diffusers: the same pipelines, sampled in another schedule.

    pipe.scheduler = LazyScheduler.from_config(pipe.scheduler.config)                  # Flux, SD3 and other flow models
    pipe.scheduler = LazyVPScheduler.from_config(pipe.scheduler.config)                # DDPM and DDIM pipelines

A pipeline keeps its latents in the model's own coordinates and calls `step` once for each of `timesteps`; the
conversion to the target and back happens inside.  Noise levels are the pipeline's own (custom sigmas, mu and shift are
honoured, each exactly once) unless `grid` or a calibration is set.  Interface facts: diffusers 0.42.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler
from diffusers.configuration_utils import register_to_config
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteSchedulerOutput

from symsched.bridge.adapters.loops import Loop, Recipe
from symsched.bridge.calibration import Calibration
from symsched.bridge.grids import as_grid
from symsched.bridge.levels import TabulatedNative, as_native
from symsched.bridge.plan import Plan
from symsched.errors import InputError

PREDICTIONS = {"epsilon": "noise", "sample": "data", "v_prediction": "v"}


class LazyScheduler(FlowMatchEulerDiscreteScheduler):
    """A flow-matching scheduler that steps in any target schedule.

    Args:
        target: the schedule to sample in, as text; "auto" is the lazy schedule of κ.
        kappa: diffusion scale κ = ε/ε*; 0 is the ODE.
        solver: a solver of `symsched.bridge.solvers` that asks the model once a step.
        grid: noise levels by name, such as "angle(rho=2)", instead of equal ones; they are shifted like those.
        seed: of the noise for κ > 0; pipelines give `step` no generator.
        calibration: the file, or its contents, of `calibrate(…, from_noise=True)`; where it has a table for the number
            of steps, and the run starts from noise, its levels and weights are used; sigmas, shift, mu, grid are not.

    The other arguments are FlowMatchEulerDiscreteScheduler's.  With target="linear", kappa=0 and solver="euler" the
    arithmetic is that class's own, to the bit.

    Raises InputError for unknown names and for options that have no meaning here (invert_sigmas, stochastic_sampling).
    """

    _compatibles = ["FlowMatchEulerDiscreteScheduler"]  # noqa: RUF012 - diffusers' own convention
    order = 1

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        shift: float = 1.0,
        use_dynamic_shifting: bool = False,
        base_shift: float | None = 0.5,
        max_shift: float | None = 1.15,
        base_image_seq_len: int = 256,
        max_image_seq_len: int = 4096,
        invert_sigmas: bool = False,
        shift_terminal: float | None = None,
        use_karras_sigmas: bool = False,
        use_exponential_sigmas: bool = False,
        use_beta_sigmas: bool = False,
        time_shift_type: Literal["exponential", "linear"] = "exponential",
        stochastic_sampling: bool = False,
        target: str = "auto",
        kappa: float = 0,
        solver: str = "lazy-auto",
        grid: str | None = None,
        seed: int = 0,
        calibration: str | dict[str, Any] | None = None,
    ) -> None:
        if invert_sigmas or stochastic_sampling:
            raise InputError("invert_sigmas and stochastic_sampling are not for LazyScheduler: use kappa for noise")
        super().__init__(
            num_train_timesteps, shift, use_dynamic_shifting, base_shift, max_shift, base_image_seq_len,
            max_image_seq_len, invert_sigmas, shift_terminal, use_karras_sigmas, use_exponential_sigmas,
            use_beta_sigmas, time_shift_type, stochastic_sampling,
        )  # fmt: skip
        self._recipe = Recipe(as_native("linear"), "velocity", target, kappa, solver, seed, sign=-1)
        self._recipe.plan([0.5, 1.0])  # names and options are refused here, not after a model was loaded
        self._known = _calibration(calibration)
        self._fitted: Plan | None = None
        self._stock = (target, float(kappa), solver) == ("linear", 0.0, "euler")
        self._loop: Loop | None = None

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: Any = None,
        sigmas: Any = None,
        mu: float | None = None,
        timesteps: Any = None,
    ) -> None:
        """Noise levels for N steps: `sigmas` if given (or `grid`, or equal ones from 1 to 1/N), then shifted, once."""
        count = num_inference_steps or len(sigmas if sigmas is not None else timesteps if timesteps is not None else ())
        if count < 1:
            raise InputError(f"num_inference_steps = {num_inference_steps}: expected a whole number ≥ 1")
        self._loop, self._fitted = None, None
        if self._known is not None and timesteps is None:
            self._fitted = self._recipe.fitted(self._known, count)
            if self._fitted is not None:
                self._take(self._known.sigmas(count), device)
                return
        if self.config.grid is not None and timesteps is None:
            levels = self._recipe.frame.ratio_at(as_grid(self.config.grid).times(self._recipe.frame, count)[:-1])
            sigmas = (1 / (1 + levels)).tolist()
        elif sigmas is None and timesteps is None:
            sigmas = np.linspace(1.0, 1 / count, count).tolist()
        super().set_timesteps(num_inference_steps, device, sigmas, mu, timesteps)
        self.sigmas: Any = self.sigmas.cpu()  # read as numbers once a run, never from the device
        levels = self.sigmas.double().numpy()
        if not (np.diff(levels) < 0).all():
            raise InputError(f"sigmas {levels.tolist()}: expected them to decrease strictly towards 0")

    def _take(self, levels: Any, device: Any) -> None:
        """Exactly these noise levels."""
        self.sigmas = torch.tensor(levels, dtype=torch.float32)
        self.timesteps = (self.sigmas[:-1] * self.config.num_train_timesteps).to(device)
        self.num_inference_steps = len(levels) - 1
        self._step_index: Any = None
        self._begin_index = None

    def step(
        self,
        model_output: Any,
        timestep: Any,
        sample: Any,
        s_churn: float = 0.0,
        s_tmin: float = 0.0,
        s_tmax: float = float("inf"),
        s_noise: float = 1.0,
        generator: Any = None,
        per_token_timesteps: Any = None,
        return_dict: bool = True,
    ) -> Any:
        """The next latents from the model's velocity at `timestep`, in the output's dtype."""
        if per_token_timesteps is not None:
            raise InputError("per_token_timesteps: LazyScheduler takes one time for all tokens")
        if self._stock:
            return super().step(
                model_output, timestep, sample, s_churn, s_tmin, s_tmax, s_noise, generator, return_dict=return_dict
            )
        if self._step_index is None:
            self._init_step_index(timestep)
        if self._loop is None:
            self._loop = self._begin(sample)
        following = self._loop.advance(model_output, sample)
        self._step_index += 1
        return FlowMatchEulerDiscreteSchedulerOutput(prev_sample=following) if return_dict else (following,)

    def _begin(self, sample: Any) -> Loop:
        if self._fitted is not None and self._step_index == 0:
            return Loop(self._recipe, self._fitted, sample)
        sigma = self.sigmas[self._step_index : -1].double().numpy()
        return self._recipe.begin((1 - sigma) / sigma, sample)


def _calibration(given: str | dict[str, Any] | None) -> Calibration | None:
    if given is None:
        return None
    return Calibration.load(given) if isinstance(given, str | Path) else Calibration.from_json(given)


class LazyVPScheduler(DDIMScheduler):
    """A scheduler for DDPM and DDIM pipelines that steps in any target schedule.

    Args:
        target, kappa, solver, grid, seed: as in `LazyScheduler`; levels of a `grid` are taken to the nearest of the
            model's own.

    The other arguments are DDIMScheduler's: betas, prediction_type (epsilon, sample or v_prediction), timestep_spacing.

    Raises InputError for unknown names.  Thresholding and clip_sample belong to other solvers and are ignored.
    """

    _compatibles = ["DDIMScheduler", "DDPMScheduler"]  # noqa: RUF012 - diffusers' own convention
    order = 1

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.0001,
        beta_end: float = 0.02,
        beta_schedule: str = "linear",
        trained_betas: Any = None,
        clip_sample: bool = False,
        set_alpha_to_one: bool = True,
        steps_offset: int = 0,
        prediction_type: str = "epsilon",
        thresholding: bool = False,
        dynamic_thresholding_ratio: float = 0.995,
        clip_sample_range: float = 1.0,
        sample_max_value: float = 1.0,
        timestep_spacing: str = "trailing",
        rescale_betas_zero_snr: bool = False,
        target: str = "auto",
        kappa: float = 0,
        solver: str = "lazy-auto",
        grid: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas, clip_sample, set_alpha_to_one,
            steps_offset, prediction_type, thresholding, dynamic_thresholding_ratio, clip_sample_range,
            sample_max_value, timestep_spacing, rescale_betas_zero_snr,
        )  # fmt: skip
        if prediction_type not in PREDICTIONS:
            raise InputError(f"prediction_type = {prediction_type!r}: expected one of {', '.join(PREDICTIONS)}")
        kept = self.alphas_cumprod.double().numpy()[::-1]
        if kept[0] <= 0:
            raise InputError("rescale_betas_zero_snr: the first level has no data at all; noise predictions end there")
        native = TabulatedNative(np.arange(len(kept), dtype=np.float64), np.sqrt(1 - kept), np.sqrt(kept), "the betas")
        self._recipe = Recipe(native, PREDICTIONS[prediction_type], target, kappa, solver, seed)
        self._ratios = np.sqrt(kept / (1 - kept))
        self._recipe.plan(self._ratios[[len(kept) // 2, -1]])
        self._loop: Loop | None = None

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """The model's own times at which to ask it: by `timestep_spacing`, or nearest to the levels of `grid`."""
        super().set_timesteps(num_inference_steps, device)
        self._loop = None
        if self.config.grid is None:
            return
        frame = self._recipe.frame
        wanted = frame.ratio_at(as_grid(self.config.grid).times(frame, num_inference_steps)[:-1])
        last = len(self._ratios) - 1
        nearest = np.rint(np.interp(np.log(wanted), np.log(self._ratios), np.arange(last + 1))).astype(np.int64)
        if len(set(nearest.tolist())) < num_inference_steps:
            raise InputError(
                f"grid {self.config.grid}: {num_inference_steps} levels do not fit between the model's own"
            )
        self.timesteps = torch.from_numpy(last - nearest).to(device)

    def step(
        self,
        model_output: Any,
        timestep: Any,
        sample: Any,
        eta: float = 0.0,
        use_clipped_model_output: bool = False,
        generator: Any = None,
        variance_noise: Any = None,
        return_dict: bool = True,
    ) -> Any:
        """The next sample from the model's answer at `timestep`; eta must be 0 (κ is the noise here)."""
        if eta:
            raise InputError(f"eta = {eta}: LazyVPScheduler takes its noise from kappa (kappa = 1 is eta = 1)")
        if self._loop is None:
            following = self.timesteps.cpu().numpy()
            following = following[following <= int(timestep)]
            self._loop = self._recipe.begin(self._ratios[len(self._ratios) - 1 - following], sample)
        result = self._loop.advance(model_output, sample)
        return FlowMatchEulerDiscreteSchedulerOutput(prev_sample=result) if return_dict else (result,)
