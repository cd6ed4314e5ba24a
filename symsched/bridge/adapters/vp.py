"""The scheduler for DDPM and DDIM pipelines of diffusers; import it from `adapters.diffusers`.

The first level of such a model is noise with a little data in it, r_0 = β_0/α_0 > 0, and a pipeline gives it the noise
z itself.  The right first input has the law of α_0 Z + β_0 X: for data of mean m and scale ρ, which a calibration
knows, √(α_0² + ρ²β_0²) z + β_0 m, where `sample` begins too.  Pipelines that call `scale_model_input`, as those of
Stable Diffusion do, show it to the model.  In the others the model answers at z, and its estimate of the data is taken
for the right input's: E[X | x] at r_0 hardly depends on x, so that the images differ by about r_0², 1e-4 or less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler
from diffusers.configuration_utils import register_to_config
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteSchedulerOutput

from symsched.bridge.adapters.borrowing import Borrowing, answering, place_of, require_positive, source_of
from symsched.bridge.adapters.configs import vp_config
from symsched.bridge.adapters.draws import Draws
from symsched.bridge.adapters.loops import Guest, Limit, Loop, read_calibration
from symsched.bridge.fields import FlowField
from symsched.bridge.grids import as_grid
from symsched.bridge.levels import TabulatedNative
from symsched.bridge.plan import Plan
from symsched.bridge.planning import Recipe
from symsched.errors import InputError
from symsched.given import whole

PREDICTIONS = {"epsilon": "noise", "sample": "data", "v_prediction": "v"}
REMEDY = "calibrate the field that LazyVPScheduler.field makes of the pipeline's own model"


class LazyVPScheduler(Borrowing, DDIMScheduler):
    """A scheduler for DDPM and DDIM pipelines that steps in any target schedule.

    Args:
        target, kappa, solver, grid, seed, indices: as in `LazyScheduler`; levels of a `grid` are taken to the nearest
            of the model's own.  Pipelines of this kind hand their generator to `step`, so that it decides the noise.
        calibration: the file, or its contents, of `calibrate(scheduler.field(unet), …, from_noise=True)`; where it has
            a table for the number of steps, and the run starts from noise, its levels and weights are used, and
            timestep_spacing and grid are not.  Its levels lie between the model's own: timesteps are then not whole.

    The other arguments are DDIMScheduler's: betas, prediction_type (epsilon, sample or v_prediction), timestep_spacing,
    and clip_sample or thresholding of each estimate of the data.

    Raises InputError for unknown names.
    """

    _compatibles = ["DDIMScheduler", "DDPMScheduler"]  # noqa: RUF012 - diffusers' own convention
    _read_config = staticmethod(vp_config)
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
        seed: int | None = None,
        indices: list[int] | None = None,
        calibration: str | dict[str, Any] | None = None,
    ) -> None:
        require_positive(num_train_timesteps=num_train_timesteps, clip_sample_range=clip_sample_range)
        if not 0 < dynamic_thresholding_ratio <= 1:
            raise InputError(f"dynamic_thresholding_ratio = {dynamic_thresholding_ratio}: expected a number in (0, 1]")
        as_grid(grid)
        self._built(
            num_train_timesteps=num_train_timesteps, beta_start=beta_start, beta_end=beta_end,
            beta_schedule=beta_schedule, trained_betas=trained_betas, clip_sample=clip_sample,
            set_alpha_to_one=set_alpha_to_one, steps_offset=steps_offset, prediction_type=prediction_type,
            thresholding=thresholding, dynamic_thresholding_ratio=dynamic_thresholding_ratio,
            clip_sample_range=clip_sample_range, sample_max_value=sample_max_value, timestep_spacing=timestep_spacing,
            rescale_betas_zero_snr=rescale_betas_zero_snr,
        )  # fmt: skip
        if prediction_type not in PREDICTIONS:
            raise InputError(f"prediction_type = {prediction_type!r}: expected one of {', '.join(PREDICTIONS)}")
        native = _native(self.alphas_cumprod.double().numpy(), prediction_type, num_train_timesteps)
        self._last = len(native.times) - 1
        self._guest = Guest(native, PREDICTIONS[prediction_type], Recipe(target=target, kappa=kappa, solver=solver))
        self._guest.plan([native.span[1] / 2, native.span[1]])
        self._known = read_calibration(calibration)
        self._guest.require_automatic(self._known)
        self._fitted: Plan | None = None
        self._restart()

    def _restart(self) -> None:
        self._draws, self._shown, self._next = Draws(self.config.seed, self.config.indices), False, 0
        self._loop: Loop | None = None

    def field(self, model: Callable[..., Any], **options: Any) -> FlowField:
        """The pipeline's own model, such as its U-Net, as a field: what `calibrate` and `sample` take.

        It is called as model(x, timesteps, **conditions) and returns a tensor, or has it as `.sample`.  Options are
        FlowField's: shape, guidance, null, dtype, device.
        """

        given: dict[str, Any] = {name: getattr(model, name, None) for name in ("dtype", "device")} | options
        guest = self._guest
        return FlowField(answering(model), guest.native, guest.prediction, time=lambda t: self._last - t, **given)

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """The times at which the model is asked: by `timestep_spacing`, nearest to the levels of `grid`, or fitted.

        Raises InputError for a calibration of another schedule, another prediction, or not made `from_noise`.
        """
        whole(num_inference_steps, "num_inference_steps")
        try:
            super().set_timesteps(num_inference_steps, device)
        except ValueError as error:
            raise InputError(f"set_timesteps: {error}") from None
        if (first := int(self.timesteps.max())) > self._last:
            raise InputError(
                f"steps_offset = {self.config.steps_offset} with {num_inference_steps} steps begins at {first}:"
                f" the model knows timesteps 0 to {self._last}; take another steps_offset or timestep_spacing"
            )
        self._restart()
        self._fitted = self._guest.fitted(self._known, num_inference_steps, REMEDY)
        if self._fitted is not None:
            times = [self._last - stage.time for stage in self._fitted.stages]
            self.timesteps: Any = torch.tensor(times, dtype=torch.float32, device=device)
        elif self.config.grid is not None:
            self.timesteps = torch.from_numpy(self._nearest(num_inference_steps)).to(device)

    def _nearest(self, count: int) -> Any:
        """The model's own timesteps that are nearest to the levels of `grid`."""
        guest = self._guest
        wanted = guest.frame.ratio_at(as_grid(self.config.grid).times(guest.frame, count)[:-1])
        nearest = np.rint(guest.native.find(wanted)[0]).astype(np.int64)
        if len(set(nearest.tolist())) < count:
            raise InputError(f"grid {self.config.grid}: {count} levels do not fit between the model's own")
        return self._last - nearest

    def scale_model_input(self, sample: Any, timestep: Any = None) -> Any:
        """The sample; at the start of a calibrated run the first input that belongs to this noise."""
        if self._fitted is None or place_of(timestep, self.timesteps):
            return sample
        self._shown = True
        return self._first(sample)

    def _first(self, noise: Any) -> Any:
        plan: Any = self._fitted
        mean = torch.as_tensor(plan.mean, dtype=noise.dtype, device=noise.device)
        return plan.start * noise + plan.stages[0].beta * mean

    def add_noise(self, original_samples: Any, noise: Any, timesteps: Any) -> Any:
        """α noise + β image at timesteps, which need not be whole.

        Raises InputError for timesteps outside the model's, or neither one nor as many as there are images.
        """
        asked = torch.as_tensor(timesteps).double().cpu().numpy()
        if not ((asked >= 0) & (asked <= self._last)).all():
            raise InputError(f"timesteps = {asked.tolist()}: expected times from 0 to {self._last}, those of the model")
        if asked.size not in (1, len(noise)):
            raise InputError(f"{asked.size} timesteps for {len(noise)} images: expected one for each, or one")
        times = self._last - asked
        alpha, beta = (
            torch.as_tensor(part).to(noise.device, noise.dtype).reshape(-1, *(1 for _ in noise.shape[1:]))
            for part in self._guest.native.at(times)
        )
        return alpha * noise + beta * original_samples.to(noise.dtype)

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
        """The next sample from the model's answer at `timestep`; eta must be 0 (κ is the noise here).

        A timestep out of turn begins there anew: with the first one a run, with another (as in image to image, or where
        a pipeline goes back) the steps from it on.  The noise of a seed begins anew with `set_timesteps` or the first
        timestep, and goes on where a pipeline goes back.  `variance_noise` is the noise of this step.
        """
        if eta:
            raise InputError(f"eta = {eta}: LazyVPScheduler takes its noise from kappa (kappa = 1 is eta = 1)")
        if self.num_inference_steps is None:
            raise InputError("step: no run has begun; call set_timesteps first")
        place = place_of(timestep, self.timesteps)
        if place != self._next and self._loop is not None:
            self._loop = None
            self._draws = Draws(self.config.seed, self.config.indices) if place == 0 else self._draws
        self._next = place + 1
        source = source_of(generator, self.config.indices, variance_noise)
        if self._loop is None and place == 0 and self._fitted is not None:
            self._loop = Loop(self._guest, self._fitted, sample, self._draws, noise=True, limit=self._limit)
            result = self._loop.advance_from(model_output, self._first(sample) if self._shown else sample)
            self._shown = False
        else:
            self._loop = self._loop or self._begin(place, sample)
            result = self._loop.advance(model_output, sample, source)
        return FlowMatchEulerDiscreteSchedulerOutput(prev_sample=result) if return_dict else (result,)

    @property
    def _limit(self) -> Limit | None:
        """What the config wants of each estimate of the data."""
        if self.config.thresholding:
            return self._threshold_sample
        return self._clip if self.config.clip_sample else None

    def _clip(self, data: Any) -> Any:
        return data.clamp(-self.config.clip_sample_range, self.config.clip_sample_range)

    def _begin(self, place: int, sample: Any) -> Loop:
        """The loop from this level on, by the analytic solver."""
        alpha, beta = self._guest.native.at(self._last - self.timesteps[place:].double().cpu().numpy())
        return self._guest.begin(beta / alpha, sample, self._draws, self._limit)


def _native(kept: Any, predicts: str, count: int) -> TabulatedNative:
    """The model's schedule from its ᾱ; its name tells calibrations apart."""
    if kept.shape != (count,) or count < 2:
        raise InputError(f"{kept.size} betas with num_train_timesteps = {count}: expected as many, and at least 2")
    kept = kept[::-1]  # noisiest first
    if not (kept[0] >= 0 and kept[-1] < 1 and (np.diff(kept) > 0).all()):
        raise InputError(
            "betas: expected numbers in (0, 1) (the last may be 1), so that the signal falls at each of them"
        )
    first, some = kept[0], kept[kept > 0]
    if first <= 0 and predicts == "epsilon":
        raise InputError(
            "rescale_betas_zero_snr with prediction_type = 'epsilon': a noise prediction says nothing about the data "
            "at the first level, which has none; such models predict v_prediction or sample"
        )
    middle = np.log(some / (1 - some)).mean() / 2
    name = f"{len(kept)} betas, first r {np.sqrt(first / (1 - first)):.3g}, mean log r {middle:.3g}, {predicts}"
    return TabulatedNative(np.arange(len(kept), dtype=np.float64), np.sqrt(1 - kept), np.sqrt(kept), name)
