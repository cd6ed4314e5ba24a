"""A whole pipeline of diffusers as a field, and its calibration within a budget.

    known = calibrate_pipeline(pipe, ["a lighthouse", "two owls"], steps=[8], budget=1000, guidance_scale=3.5)
    known.save("model.json")
    pipe.scheduler = LazyScheduler.from_config(pipe.scheduler.config, calibration="model.json")

An evaluation is a run of the pipeline itself with one step: it is given the latents, and a scheduler that asks at one
time and keeps what `step` is handed.  Packing, prompts, guidance, ids and devices stay the pipeline's; the VAE is not
called.  A prompt is encoded once.  The pipeline and its scheduler are not changed.
"""

from __future__ import annotations

import copy
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from symsched.bridge.adapters.configs import FLOWS
from symsched.bridge.calibrating import calibrate, counts_of
from symsched.bridge.calibration import Calibration
from symsched.bridge.fields import FlowField
from symsched.bridge.requests import as_seed
from symsched.bridge.stored import ENOUGH, spend
from symsched.errors import InputError
from symsched.given import MOST, whole
from symsched.parsing import did_you_mean

ASKED = 2  # evaluations for shape and time, before the pilot
NEEDED = ("prompt", "latents", "num_inference_steps", "output_type")
DECIDED = (*NEEDED, "generator", "sigmas", "timesteps", "num_images_per_prompt", "return_dict", "callback_on_step_end")


class Asking(FlowMatchEulerDiscreteScheduler):
    """A scheduler of one step, at the time that it was told; it keeps the latents and the answer."""

    moment: float = 1.0

    def set_timesteps(  # a pipeline looks in the names whether it can give these
        self,
        num_inference_steps: Any = None,
        device: Any = None,
        sigmas: Any = None,
        mu: Any = None,
        timesteps: Any = None,
    ) -> None:
        del num_inference_steps, sigmas, mu, timesteps
        self.timesteps = torch.tensor([self.moment], dtype=torch.float32, device=device)
        self.sigmas, self.num_inference_steps = torch.zeros(2), 1

    def step(self, model_output: Any, timestep: Any, sample: Any, *_: Any, return_dict: bool = True, **__: Any) -> Any:
        self.answer, self.latents = model_output, sample
        return type("Kept", (), {"prev_sample": sample}) if return_dict else (sample,)


class PipelineModel:
    """A pipeline as a velocity model(x, time, prompt), with time that of its own scheduler.

    Raises InputError for what is no pipeline of a flow model, and options that are decided here.
    """

    def __init__(self, pipe: Any, options: Mapping[str, Any]) -> None:
        _require_flow(pipe, options)
        self.scheduler, self.options = Asking(), dict(options)
        own = copy.copy(pipe)  # its components are shared, its attributes are not
        encode = getattr(pipe, "encode_prompt", None)
        shadow: dict[str, Any] = {"scheduler": self.scheduler, "maybe_free_model_hooks": lambda: None}
        shadow |= {} if encode is None else {"encode_prompt": _remembered(encode)}
        own.__dict__.update(shadow)
        own.set_progress_bar_config(disable=True)
        self.pipe = own
        self.network: Any = getattr(pipe, "transformer", None) or getattr(pipe, "unet", None)

    def latents(self, prompt: str) -> Any:
        """The pipeline's own first latents for a prompt, at the cost of one evaluation."""
        self._run([prompt], self._last, None)
        return self.scheduler.latents

    def parameters(self) -> Iterator[Any]:
        """Those of the pipeline's network."""
        return iter(()) if self.network is None else self.network.parameters()

    def __call__(self, x: Any, time: Any, prompt: Sequence[str]) -> Any:
        self._run(list(prompt), float(time[0]), x)
        return -self.scheduler.answer.to(x.dtype)  # diffusers' velocity is Z − X

    @property
    def _last(self) -> float:
        return float(self.scheduler.config.num_train_timesteps)

    @torch.no_grad()
    def _run(self, prompts: list[str], moment: float, latents: Any) -> None:
        self.scheduler.moment = moment
        self.pipe(prompt=prompts, num_inference_steps=1, output_type="latent", latents=latents, **self.options)


def pipeline_field(pipe: Any, prompt: str, **options: Any) -> FlowField:
    """The pipeline as a field of packed latents, with `prompt` as its condition: a list of one for each sample.

    `prompt` here is one to ask about once, for shape, dtype and device.  Options are those of the pipeline's call.
    """
    asked = PipelineModel(pipe, options)
    first = asked.latents(prompt)
    total = asked.scheduler.config.num_train_timesteps
    field = FlowField(
        asked, "linear", "velocity", time=f"{total}*(1-t)", shape=tuple(first.shape[1:]), dtype=first.dtype,
        device=first.device,
    )  # fmt: skip
    return field


def calibrate_pipeline(
    pipe: Any,
    prompts: Sequence[str],
    *,
    steps: Sequence[int] = (8,),
    budget: int = 1000,
    seed: int = 0,
    batch: int = 1,
    progress: bool = True,
    **options: Any,
) -> Calibration:
    """A calibration for `LazyScheduler`, from runs of the pipeline itself.

    What it will cost is written to standard error before it starts, and how long that takes once it was asked once.
    An evaluation is one step of the pipeline: with a negative prompt it asks the network twice.

    Args:
        pipe: a pipeline of a flow model, such as Flux or Stable Diffusion 3; it is not changed.
        prompts: what the paths are of, in turn.
        steps: numbers of evaluations to fit tables for.
        budget: evaluations in all; see `calibrate`.
        seed: of the paths' noise.
        batch: how many prompts the pipeline is given at a time.
        progress: a bar, on a terminal.
        options: of the pipeline's call, such as guidance_scale, height and width: those that it will be used with.

    Raises InputError for bad input, a pipeline of another kind, and a budget that is too small.
    """
    texts = [prompts] if isinstance(prompts, str) else list(prompts) if isinstance(prompts, Sequence) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f"prompts = {str(prompts)[:60]!r}: expected a list of texts")
    counts = counts_of([steps] if isinstance(steps, int) else steps)
    seed, batch = as_seed(seed), whole(batch, "batch", most=MOST)
    spending = spend(whole(budget, "budget", most=MOST), sum(counts), gone=ASKED)
    _require_flow(pipe, options)
    _say(
        f"calibrate_pipeline: {budget:,} evaluations of {type(pipe).__name__}, as many as {budget / max(counts):,.0f} "
        f"pictures of {max(counts)} steps: {spending.count} paths of {spending.pilot_steps} steps, and tables for "
        f"{', '.join(map(str, counts))}"
    )
    field, began = pipeline_field(pipe, texts[0], **options), time.perf_counter()
    _warm(field, texts[:1])
    each = time.perf_counter() - began
    _say(f"calibrate_pipeline: an evaluation takes {each:.2g} s, all about {each * budget / 60:.2g} minutes")
    count = max(spending.count, ENOUGH)
    chosen = [texts[k % len(texts)] for k in range(count)]
    try:
        found = calibrate(
            field, (count, *(field.shape or ())), steps=counts, from_noise=True, budget=budget - ASKED, seed=seed,
            batch=batch, conditions={"prompt": chosen}, progress=progress,
        )  # fmt: skip
    finally:
        pipe.maybe_free_model_hooks()
    told = {"guidance_scale": takes["guidance_scale"].default} if "guidance_scale" in (takes := _taken(pipe)) else {}
    plain = {key: value for key, value in {**told, **options}.items() if isinstance(value, str | int | float)}
    return replace(found, valid={**found.valid, "options": plain})


def _taken(pipe: Any) -> Mapping[str, inspect.Parameter]:
    """What its call takes; nothing for what cannot be called, or does not tell."""
    try:
        return inspect.signature(pipe).parameters
    except (TypeError, ValueError):
        return {}


def _warm(field: FlowField, prompt: list[str]) -> None:
    """One evaluation more, to time: the first encoded the prompt too."""
    x = torch.zeros(1, *(field.shape or ()), dtype=field.dtype, device=field.device)
    field.data(x, 0.0, prompt=prompt)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _require_flow(pipe: Any, options: Mapping[str, Any]) -> None:
    """Refuse what cannot be asked so, and what is decided here."""
    takes = _taken(pipe)
    missing = [name for name in NEEDED if name not in takes]
    if missing or not hasattr(pipe, "scheduler"):
        raise InputError(
            f"pipe = {type(pipe).__name__}: expected a pipeline of diffusers whose call takes {', '.join(NEEDED)}"
        )
    kinds = {base.__name__ for base in type(pipe.scheduler).__mro__}
    if not kinds & set(FLOWS):
        raise InputError(
            f"the pipeline's scheduler is a {type(pipe.scheduler).__name__}: expected one of a flow model "
            f"({', '.join(FLOWS)}); for models of betas: calibrate(LazyVPScheduler….field(pipe.unet), …)"
        )
    for name in options:
        if name in DECIDED:
            raise InputError(
                f"{name}: calibrate_pipeline decides it; options are for guidance_scale, height and the like"
            )
        if name not in takes:
            near = did_you_mean(name, [*inspect.signature(calibrate_pipeline).parameters, *takes])
            raise InputError(f"{name}: the call of {type(pipe).__name__} takes no such option{near}")


def _remembered(encode: Callable[..., Any]) -> Callable[..., Any]:
    """A function of texts and plain options, asked once for each; what comes with tensors is asked each time."""
    known: dict[str, Any] = {}

    def remembered(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(value, torch.Tensor) for value in (*args, *kwargs.values())):
            return encode(*args, **kwargs)
        key = repr((args, sorted(kwargs.items())))
        if key not in known:
            known[key] = encode(*args, **kwargs)
        return known[key]

    return remembered
