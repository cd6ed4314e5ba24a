"""What the config of another scheduler means for ours: taken over, of no account, or refused by name.

A config says two things.  What the model is (betas, prediction type, clock) must be taken over exactly or refused: read
otherwise, the images are wrong and nothing shows it.  How the stock class samples (order, algorithm, last step) is what
our classes replace, so it is of no account.  Where the levels lie is between the two: a rule that we do not have is
refused, unless `grid` or `calibration` says where they lie instead.

A key that nobody here has judged is refused too, as is a class.  Facts: diffusers 0.42; a test walks its classes.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import diffusers
from diffusers.configuration_utils import FrozenDict

from symsched.errors import InputError
from symsched.parsing import did_you_mean

BETAS = (
    "DDIMScheduler", "DDIMParallelScheduler", "DDPMScheduler", "DDPMParallelScheduler", "PNDMScheduler",
    "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler",
    "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "DPMSolverSDEScheduler",
)  # fmt: skip
# Models of either kind: of betas, or of a flow with use_flow_sigmas and flow_prediction.
EITHER = (
    "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "UniPCMultistepScheduler", "DEISMultistepScheduler",
    "SASolverScheduler",
)  # fmt: skip
FLOWS = ("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler")

UNNAMED = "no named class"
CONSISTENCY = "its models jump to the end of the path instead of predicting a mean, which no path can be made of"
EDM = "its models are asked in EDM's coordinates; make a FlowField(model, 'edm', 'data' or 'edm') and use sample"
SHIFTED = "snr_shift_scale shifts the betas: give LazyVPScheduler trained_betas = 1 - a[1:]/a[:-1] of alphas_cumprod"
INVERSE = "it runs from the data to the noise"
OTHERS = {
    "LCMScheduler": CONSISTENCY,
    "TCDScheduler": CONSISTENCY,
    "FlowMatchLCMScheduler": CONSISTENCY,
    "CMStochasticIterativeScheduler": CONSISTENCY,
    "ConsistencyDecoderScheduler": CONSISTENCY,
    "SCMScheduler": CONSISTENCY,
    "EDMEulerScheduler": EDM,
    "EDMDPMSolverMultistepScheduler": EDM,
    "CosineDPMSolverMultistepScheduler": EDM,
    "ScoreSdeVeScheduler": "its models are scores of x = X + sigma Z; make a FlowField(model, 've', 'score')",
    "DDIMInverseScheduler": INVERSE,
    "DPMSolverMultistepInverseScheduler": INVERSE,
    "CogVideoXDDIMScheduler": SHIFTED,
    "CogVideoXDPMScheduler": SHIFTED,
}

TAKEN = (*BETAS, *EITHER, *FLOWS)
RANK = (*TAKEN, *OTHERS)

# How the stock class samples.
REPLACED = (
    "algorithm_type", "solver_order", "solver_type", "solver_p", "predictor_order", "corrector_order", "predict_x0",
    "disable_corrector", "lower_order_final", "euler_at_final", "final_sigmas_type", "set_alpha_to_one", "tau_func",
    "skip_prk_steps", "interpolation_type", "dynamic_thresholding_ratio", "sample_max_value", "clip_sample_range",
)  # fmt: skip
PLACING = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")
VARIANCES = (None, "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log")  # of noise that κ decides here


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda given: given in values


def _nothing(given: Any) -> bool:
    return given is None or given is False


# Keys that neither class has: the values at which they mean nothing, and what is wrong with others.
SPECIAL: dict[str, tuple[Callable[[Any], bool], str]] = {
    "variance_type": (_one_of(*VARIANCES), "the model returns a variance beside its answer: wrap it to drop that half"),
    "timestep_type": (_one_of("discrete"), "the model's clock is log sigma / 4, and ours the number of the beta"),
    "snr_shift_scale": (
        _one_of(1, 1.0),
        "it shifts the betas: give trained_betas = 1 - a[1:]/a[:-1] of alphas_cumprod",
    ),
    "sigma_data": (_nothing, EDM),
    "sigma_min": (_nothing, "a range of levels: give grid instead"),
    "sigma_max": (_nothing, "a range of levels: give grid instead"),
    "lambda_min_clipped": (lambda given: given == -math.inf, "a range of levels: give grid instead"),
    "noise_sampler_seed": (_nothing, "a seed of the noise: give seed instead"),
    "timestep_scaling": (_nothing, CONSISTENCY),
    "original_inference_steps": (_nothing, CONSISTENCY),
}
OF_BETAS = ("beta_start", "beta_end", "beta_schedule", "trained_betas", "timestep_spacing", "steps_offset")
MODEL = (
    "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type",
    "rescale_betas_zero_snr", "clip_sample", "clip_sample_range", "thresholding", "dynamic_thresholding_ratio",
    "sample_max_value",
)  # fmt: skip


Told = tuple[dict[str, Any], dict[str, Any]]  # the config to build from, and what is kept for the way back


def vp_config(cls: type, config: Any, given: Mapping[str, Any], *, keep_unknown: bool = False) -> Told:
    """The config for `LazyVPScheduler`: what the model is, with the defaults of the config's own class.

    Raises InputError for a class whose models are no DDPM, and for a key that means something we would ignore.
    """
    judge = _Judge(cls, config, given, keep_unknown)
    judge.require(BETAS, EITHER)
    if judge.said("prediction_type") == "flow_prediction" or judge.said("use_flow_sigmas"):
        judge.refuse("use_flow_sigmas", "the model is a flow's: take LazyScheduler")
    judge.require_betas()
    shaped = judge.said("beta_schedule")
    if judge.said("trained_betas") is None and shaped not in ("linear", "scaled_linear", "squaredcos_cap_v2", None):
        judge.refuse("beta_schedule", "known are linear, scaled_linear, squaredcos_cap_v2; give trained_betas instead")
    for key in ("shift", "flow_shift"):
        judge.only(key, _one_of(1, 1.0), "a shift belongs to flow models: take LazyScheduler")
    for key in ("use_dynamic_shifting", "shift_terminal", "use_flow_sigmas"):
        judge.only(key, _nothing, "it belongs to flow models: take LazyScheduler")
    judge.nothing("time_shift_type", "base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len")
    judge.placing()
    return judge.finish(MODEL)


def flow_config(cls: type, config: Any, given: Mapping[str, Any], *, keep_unknown: bool = False) -> Told:
    """The config for `LazyScheduler`; a `flow_shift` is its shift.

    Raises InputError for a class whose models are no flow's, and for a key that means something we would ignore.
    """
    judge = _Judge(cls, config, given, keep_unknown)
    judge.require(FLOWS, EITHER)
    theirs = judge.source in EITHER
    if theirs and judge.said("prediction_type") != "flow_prediction":
        judge.refuse("prediction_type", "the model is no flow's: take LazyVPScheduler")
    judge.only("prediction_type", _one_of("flow_prediction"), "the model is no flow's: take LazyVPScheduler")
    if theirs and not judge.said("use_flow_sigmas"):
        judge.refuse("use_flow_sigmas", "flow_prediction on levels of betas: expected use_flow_sigmas=True")
    if not theirs and judge.source != judge.name:  # ours may have kept theirs
        for key in ("beta_start", "beta_end", "beta_schedule", "trained_betas"):
            judge.only(key, _nothing, "betas belong to DDPM models: take LazyVPScheduler")
    judge.only("clip_sample", _nothing, "LazyScheduler does not clip: say False")
    judge.only("thresholding", _nothing, "LazyScheduler does not threshold: say False")
    judge.only("rescale_betas_zero_snr", _nothing, "betas belong to DDPM models: take LazyVPScheduler")
    if judge.source not in FLOWS:
        judge.placing()  # the flow classes place them as the class that ours is made of
    judge.nothing("use_flow_sigmas", *OF_BETAS)
    judge.rename("flow_shift", "shift")
    return judge.finish(("num_train_timesteps", "shift"))


class _Judge:
    """A config on its way to one of our classes."""

    def __init__(self, cls: type, config: Any, given: Mapping[str, Any], keep_unknown: bool) -> None:
        if not isinstance(config, Mapping):
            raise InputError(
                f"from_config({str(config)[:60]!r}): expected a scheduler's config, such as pipe.scheduler.config; "
                "from_pretrained reads a folder"
            )
        self.name, self.ours = cls.__name__, set(inspect.signature(cls).parameters)
        self.source = self._source(config)
        defaulted = config.get("_use_default_values", ())
        self.told = {key: value for key, value in config.items() if key[:1] != "_" and key not in defaulted}
        self.given, self.keep_unknown = given, keep_unknown
        self.effective = _defaults(self.source) | {k: v for k, v in config.items() if k[:1] != "_"} | dict(given)
        self.settled: set[str] = set(SPECIAL) | set(REPLACED)

    def _source(self, config: Mapping[str, Any]) -> str:
        """The class of the config.  One that was never saved does not say; its keys are then all of that class's."""
        named = config.get("_class_name")
        if named is not None:
            return str(named if isinstance(named, str) else named[-1]).split(".")[-1]
        keys = set(config)
        if keys >= self.ours:
            return self.name
        if "_use_default_values" not in keys and not isinstance(config, FrozenDict):
            return UNNAMED  # written by hand: its keys are what somebody chose to say
        found = {name: set(known) for name, known in _classes().items() if known and keys >= set(known)}
        most = max(map(len, found.values()), default=0)
        likely = [name for name, known in found.items() if len(known) == most] or [UNNAMED]
        ranked = sorted(likely, key=lambda name: RANK.index(name) if name in RANK else len(RANK))
        if ranked[0] in TAKEN and ranked[-1] not in TAKEN:
            raise InputError(
                f"{self.name}: this config may be of {' or '.join(ranked)}, whose models differ; say which: "
                f"from_config({{**config, '_class_name': '{ranked[0]}'}})"
            )
        return ranked[0]

    def said(self, key: str) -> Any:
        return self.effective.get(key)

    def refuse(self, key: str, why: str) -> None:
        raise InputError(f"{key} = {self.said(key)!r} in the config of {self.source}: {why}")

    def require(self, *families: tuple[str, ...]) -> None:
        known = [name for family in families for name in family]
        if self.source not in (*known, self.name, UNNAMED):
            takes = "LazyScheduler" if self.source in FLOWS else "LazyVPScheduler" if self.source in BETAS else None
            fits = f"take {takes}" if takes else f"{self.name} takes the configs of {', '.join(known)}"
            raise InputError(f"{self.name}: a config of {self.source}; {OTHERS.get(self.source, fits)}")

    def require_betas(self) -> None:
        """A config without a class, which would have defaults of its own, must say all of them."""
        missing = [key for key in ("beta_schedule", "beta_start", "beta_end") if self.said(key) is None]
        if self.source == UNNAMED and missing and self.said("trained_betas") is None:
            raise InputError(
                f"{self.name}: {', '.join(missing)} missing in a config of {UNNAMED}: give them, trained_betas, or "
                "_class_name; for a flow, which has none, take LazyScheduler"
            )

    def only(self, key: str, fine: Callable[[Any], bool], why: str) -> None:
        """Refuse a value that means something."""
        self.settled.add(key)
        if key in self.effective and not fine(self.effective[key]):
            self.refuse(key, why)

    def nothing(self, *keys: str) -> None:
        """These mean nothing here."""
        self.settled.update(keys)

    def rename(self, theirs: str, ours: str) -> None:
        """Their word for one of ours."""
        self.settled.add(theirs)
        both = {key: self.given[key] for key in (theirs, ours) if key in self.given}
        if len(both) == 2 and both[theirs] != both[ours]:
            raise InputError(f"{theirs} = {both[theirs]} and {ours} = {both[ours]}: they are one; give either")
        if theirs in self.effective and (theirs in both or ours not in {**self.given, **self.told}):
            self.effective[ours] = self.effective[theirs]
        if theirs in self.told:  # for the way back
            self.told[theirs] = self.effective[ours]

    def placing(self) -> None:
        """Rules for the levels, which `grid` or `calibration` takes the place of."""
        instead = any(self.said(key) is not None for key in ("grid", "calibration"))
        for key in PLACING:
            self.only(key, (lambda _: True) if instead else _nothing, "say False, or where they lie: grid, calibration")

    def finish(self, model: tuple[str, ...]) -> Told:
        """The config to build from, and the keys of other classes, kept for the way back to them."""
        for key, (fine, why) in SPECIAL.items():
            if key not in self.ours:
                self.only(key, fine, why)
        known = self.ours | self.settled | set(PLACING)
        for key in {**self.told, **({} if self.keep_unknown else self.given)}:
            if key not in known:
                close = did_you_mean(key, sorted(self.ours))
                where = f"in the config of {self.source}" if key in self.told else "given to from_config"
                raise InputError(f"{key} {where} is not known to {self.name}, which would ignore it{close}")
        fixed = {key: self.effective[key] for key in model if key in self.effective and key in self.ours}
        taken = {key: value for key, value in self.told.items() if key in self.ours}
        kept = {key: value for key, value in self.told.items() if key not in self.ours}
        return {**taken, **fixed, "_class_name": self.name}, kept


@cache
def _classes() -> dict[str, dict[str, Any]]:
    """The schedulers of diffusers, with the arguments that each takes and their defaults."""
    named = {name: getattr(diffusers, name) for name in dir(diffusers) if name.endswith("Scheduler")}
    return {name: _arguments(cls) for name, cls in named.items() if isinstance(cls, type)}


def _arguments(cls: type) -> dict[str, Any]:
    parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    return {p.name: p.default for p in parameters if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD}


def _defaults(source: str) -> dict[str, Any]:
    """What a class takes where its config is silent."""
    return {key: value for key, value in _classes().get(source, {}).items() if value is not inspect.Parameter.empty}
