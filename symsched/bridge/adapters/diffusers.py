"""Schedulers for diffusers: the same pipelines, sampled in another schedule.

    pipe.scheduler = LazyScheduler.from_config(pipe.scheduler.config)                  # Flux, SD3 and other flow models
    pipe.scheduler = LazyVPScheduler.from_config(pipe.scheduler.config)                # DDPM and DDIM pipelines

A pipeline keeps its latents in the model's own coordinates and calls `step` once for each of `timesteps`; the
conversion to the target and back happens inside.  Noise levels are the pipeline's own (custom sigmas, mu and shift are
honoured, each exactly once) unless `grid` or a calibration is set.  Interface facts: diffusers 0.42.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.configuration_utils import register_to_config
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteSchedulerOutput

from symsched.bridge.adapters.borrowing import Borrowing, answering, on_device, place_of, require_positive, source_of
from symsched.bridge.adapters.configs import flow_config
from symsched.bridge.adapters.draws import Draws
from symsched.bridge.adapters.loops import Guest, Loop, flow_ratios, read_calibration, require_floats, require_numbers
from symsched.bridge.adapters.vp import LazyVPScheduler as LazyVPScheduler
from symsched.bridge.fields import FlowField, named_device
from symsched.bridge.grids import as_grid
from symsched.bridge.levels import as_native
from symsched.bridge.plan import Plan
from symsched.bridge.planning import Recipe
from symsched.bridge.validity import of_samples, require_valid
from symsched.errors import InputError
from symsched.given import reals, whole
from symsched.parsing import quoted

REMEDY = "calibrate_pipeline, or calibrate the field that LazyScheduler.field makes of the pipeline's own model"


class LazyScheduler(Borrowing, FlowMatchEulerDiscreteScheduler):
    """A flow-matching scheduler that steps in any target schedule.

    Args:
        target: the schedule to sample in, as text; "auto" is the lazy schedule of κ.
        kappa: diffusion scale κ = ε/ε*; 0 is the ODE.
        solver: a solver of `symsched.bridge.solvers` that asks the model once a step.
        grid: noise levels by name, such as "angle(rho=2)", instead of equal ones and of those that use_karras_sigmas
            and its like make of them; they are shifted like those.
        seed: of the noise for κ > 0, in every run; None draws a fresh one for each run (`set_timesteps` begins it) from
            torch's own generator, and leaves it in `last_seed`.  A generator given to `step`, or a list of one for each
            sample, comes before it; pipelines of flow models give none.
        indices: the samples' numbers in the noise of the seed, by default 0, 1, …: [3] redraws the fourth alone.
        calibration: the file, or its contents, of `calibrate(…, from_noise=True)`; where it has a table for the number
            of steps, and the run starts from noise, its levels and weights are used; sigmas, shift, mu, grid are not.
            Its weights are for an untouched run: what a callback adds to the latents between steps fades sooner than
            it would in the flow, so inpainting and the like are for runs without one.

    The other arguments are FlowMatchEulerDiscreteScheduler's.  With target="linear", kappa=0 and solver="euler" the
    arithmetic is that class's own, to the bit, at the same `sigmas`.  Without any the levels differ: here they are
    equal ones from 1 to 1/N, as pipelines give them, and there from 1 to the last level of training.

    Raises InputError for unknown names and for options that have no meaning here (invert_sigmas, stochastic_sampling).
    """

    _compatibles = ["FlowMatchEulerDiscreteScheduler"]  # noqa: RUF012 - diffusers' own convention
    _read_config = staticmethod(flow_config)
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
        seed: int | None = None,
        indices: list[int] | None = None,
        calibration: str | dict[str, Any] | None = None,
    ) -> None:
        if invert_sigmas or stochastic_sampling:
            raise InputError("invert_sigmas and stochastic_sampling are not for LazyScheduler: use kappa for noise")
        require_positive(shift=shift, num_train_timesteps=num_train_timesteps)
        if shift_terminal and not 0 < shift_terminal < 1:
            raise InputError(f"shift_terminal = {shift_terminal}: expected a noise level between 0 and 1, or None")
        as_grid(grid)
        self._built(
            num_train_timesteps=num_train_timesteps, shift=shift, use_dynamic_shifting=use_dynamic_shifting,
            base_shift=base_shift, max_shift=max_shift, base_image_seq_len=base_image_seq_len,
            max_image_seq_len=max_image_seq_len, invert_sigmas=invert_sigmas, shift_terminal=shift_terminal,
            use_karras_sigmas=use_karras_sigmas, use_exponential_sigmas=use_exponential_sigmas,
            use_beta_sigmas=use_beta_sigmas, time_shift_type=time_shift_type, stochastic_sampling=stochastic_sampling,
        )  # fmt: skip
        self._guest = Guest(as_native("linear"), "velocity", Recipe(target=target, kappa=kappa, solver=solver), sign=-1)
        self.num_inference_steps: int | None = None
        self._guest.plan([0.5, 1.0])  # names and options are refused here, not after a model was loaded
        self._known = read_calibration(calibration)
        self._guest.require_automatic(self._known)
        self._stock = (target, self._guest.frame.kappa, solver) == ("linear", 0, "euler")
        self._restart(None)

    def _restart(self, fitted: Plan | None) -> None:
        self._draws, self._fitted = Draws(self.config.seed, self.config.indices), fitted
        self._loop: Loop | None = None

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: Any = None,
        sigmas: Any = None,
        mu: float | None = None,
        timesteps: Any = None,
    ) -> None:
        """Begin a run: N noise levels, `sigmas` if given (or `grid`, or equal ones from 1 to 1/N), then shifted, once.

        With `timesteps` beside them the model is asked at those, for models whose time is not their noise level.
        """
        device = device if device is None else named_device(device)
        if mu is not None:
            require_numbers(mu=mu)
        sigmas, timesteps = _in_a_row(sigmas, "sigmas"), _in_a_row(timesteps, "timesteps")
        count = _count(num_inference_steps, sigmas, timesteps)
        self._restart(self._guest.fitted(self._known, count, REMEDY) if timesteps is None else None)
        if self._fitted is not None:
            self._take(self._known.sigmas(count), device)  # type: ignore[union-attr]
            return
        alone = sigmas is None
        if self.config.grid is not None and timesteps is None:
            levels = self._guest.frame.ratio_at(as_grid(self.config.grid).times(self._guest.frame, count)[:-1])
            sigmas = (1 / (1 + levels)).tolist()
        elif alone and timesteps is None:
            sigmas = np.linspace(1.0, 1 / count, count).tolist()
        try:
            super().set_timesteps(num_inference_steps, device, sigmas, mu, timesteps)
        except ValueError as error:
            raise InputError(f"set_timesteps: {error}") from None
        self.sigmas: Any = self.sigmas.cpu()  # read as numbers once a run, never from the device
        levels = self.sigmas[:-1].double().numpy()
        flow_ratios(levels)
        if (
            timesteps is not None
            and alone
            and np.abs(np.asarray(timesteps) - self.config.num_train_timesteps * levels).max() > 1e-3
        ):
            raise InputError(
                "timesteps without sigmas: this config shifts the levels, not the times at which the model is asked; "
                "give sigmas, or both"
            )

    def field(self, model: Callable[..., Any], **options: Any) -> FlowField:
        """The pipeline's own model as a field: what `calibrate` and `sample` take; of a whole pipeline, its calls are
        `calibrate_pipeline`'s.

        It is called as model(x, timesteps, **conditions), with timesteps as in `timesteps`, and returns the velocity of
        diffusers, towards the noise, as a tensor or as `.sample`.  Options are FlowField's: shape, guidance, null,
        dtype, device.
        """
        given: dict[str, Any] = {name: getattr(model, name, None) for name in ("dtype", "device")} | options
        guest, total = self._guest, self.config.num_train_timesteps
        clock = given.pop("time", f"{total}*(1-t)")
        return FlowField(answering(model, guest.sign), guest.native, guest.prediction, time=clock, **given)

    def stretch_shift_to_terminal(self, t: Any) -> Any:
        """Levels stretched to end at `shift_terminal`; one step from noise alone has nothing to stretch."""
        return t if t[-1] == 1 else super().stretch_shift_to_terminal(t)

    def _convert_to_karras(self, in_sigmas: Any, num_inference_steps: int) -> Any:
        return self._placed(in_sigmas, super()._convert_to_karras, num_inference_steps)

    def _convert_to_exponential(self, in_sigmas: Any, num_inference_steps: int) -> Any:
        return self._placed(in_sigmas, super()._convert_to_exponential, num_inference_steps)

    def _convert_to_beta(self, in_sigmas: Any, num_inference_steps: int, *shape: Any, **more: Any) -> Any:
        return self._placed(in_sigmas, super()._convert_to_beta, num_inference_steps, *shape, **more)

    def _placed(self, levels: Any, rule: Any, *arguments: Any, **options: Any) -> Any:
        """The stock class's rule for levels, which `grid` takes the place of."""
        return rule(levels, *arguments, **options) if self.config.grid is None else levels

    def _take(self, levels: Any, device: Any) -> None:
        """Exactly these noise levels."""
        flow_ratios(levels[:-1])
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
        if s_churn or s_noise != 1:
            raise InputError(f"s_churn = {s_churn}, s_noise = {s_noise}: LazyScheduler takes its noise from kappa")
        self._find_step(timestep)
        if self._stock:
            require_floats("sample", sample)
            require_floats("the model's answer", model_output, sample)
            return self._stock_step(model_output, timestep, sample, return_dict)
        if self._loop is None:
            self._loop = self._begin(sample)
        following = self._loop.advance(model_output, sample, source_of(generator, self.config.indices))
        self._step_index += 1
        return FlowMatchEulerDiscreteSchedulerOutput(prev_sample=following) if return_dict else (following,)

    def _stock_step(self, model_output: Any, timestep: Any, sample: Any, return_dict: bool) -> Any:
        """The stock class's step; NaN is looked for once, at the end, where it stays in the sample."""
        out = super().step(model_output, timestep, sample, return_dict=return_dict)
        if self._step_index == self.num_inference_steps and not bool(torch.isfinite(out[0]).all()):
            raise InputError("the sample ends in NaN or infinity: check the first noise, the model's dtype and times")
        return out

    def _find_step(self, timestep: Any) -> None:
        """See to it that the step index is that of the timestep."""
        if self.num_inference_steps is None:
            raise InputError("step: no run has begun; call set_timesteps first")
        first = self._step_index is None  # later ones would make the host wait for the device
        if first:
            self._step_index = (
                self._begin_index if self._begin_index is not None else place_of(timestep, self.timesteps)
            )
        if self._step_index >= self.num_inference_steps:
            raise InputError(f"step: this run of {self.num_inference_steps} steps is over; call set_timesteps again")
        if (first or not on_device(timestep, self.timesteps)) and place_of(
            timestep, self.timesteps
        ) != self._step_index:
            raise InputError(
                f"timestep = {float(timestep):g}: expected {float(self.timesteps[self._step_index]):g}, that of step "
                f"{self._step_index}; give each of scheduler.timesteps in turn, from the begin index on"
            )

    def _begin(self, sample: Any) -> Loop:
        if self._fitted is not None and self._step_index == 0:
            require_valid(self._known, of_samples(sample.dtype, sample.shape[1:]), stacklevel=4)  # type: ignore[arg-type]
            return Loop(self._guest, self._fitted, sample, self._draws)
        sigma = self.sigmas[self._step_index : -1].double().numpy()
        return self._guest.begin(flow_ratios(sigma), sample, self._draws)


def _in_a_row(given: Any, name: str) -> list[float] | None:
    if given is None:
        return None
    expected = "real numbers, in a row"
    found = reals(given.detach().cpu() if isinstance(given, torch.Tensor) else given, name, expected)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise InputError(f"{name} is {quoted(given)}; it should be {expected}")
    return list(map(float, found))


def _count(steps: Any, sigmas: Any, timesteps: Any) -> int:
    """How many steps were asked for.  Raises InputError for none, and for two answers to it."""
    counts = {len(levels) for levels in (sigmas, timesteps) if levels is not None} | ({steps} - {None})
    if len(counts) > 1:
        raise InputError(
            f"num_inference_steps = {steps} with {' and '.join(map(str, counts - {steps}))} levels: expected one each"
        )
    count = next(iter(counts), None)
    return whole(count, "num_inference_steps")
