"""Schedules and models for flow_matching, whose letters are swapped: its α multiplies data, its σ noise.

    scheduler = SymbolicScheduler("follmer")                               # in place of CondOTScheduler()
    solver = ODESolver(LazyModel(velocity_model, "linear", "lazy(kappa=0)"))
    solver.sample(x_init=x, step_size=1 / 8, method="midpoint")

    solver = LazySolver(velocity_model)                                    # in place of ODESolver
    known = calibrate(solver.field((3, 32, 32)), 64, steps=[8])
    LazySolver(velocity_model, calibration=known).sample(x_init=x, step_size=1 / 8)

A calibration needs the second: ODESolver's methods know a velocity and no more, while a fitted table combines the noise
and all answers so far.

Where ScheduleTransformedModel divides 0 by 0 at an end, these take the limit.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from flow_matching.path.scheduler import Scheduler, SchedulerOutput
from flow_matching.solver.solver import Solver
from flow_matching.utils import ModelWrapper

from symsched.bridge.adapters.loops import Given, read_calibration, require_floats, require_numbers, require_source
from symsched.bridge.fields import FlowField
from symsched.bridge.levels import SymbolicNative, times_of
from symsched.bridge.requests import as_seed
from symsched.bridge.sampling import sample
from symsched.catalog import as_schedule
from symsched.conversion import convert
from symsched.errors import InputError
from symsched.exact import limit_at, values
from symsched.parsing import did_you_mean
from symsched.schedule import Schedule
from symsched.symbols import t

KEPT = 4096  # times whose coefficients are remembered
MADE_HERE = {"field", "shape", "noise", "steps", "conditions", "calibration", "recipe", "guidance"}
THEIRS = {"method", "atol", "rtol", "time_grid", "return_intermediates", "enable_grad"}
INSTEAD = "LazySolver runs from noise to data by its own solver and grid; use ODESolver with LazyModel for the others"


class SymbolicScheduler(Scheduler):
    """Any `Schedule`, or its text, as a scheduler of flow_matching: derivatives by SymPy, limits at both ends."""

    def __init__(self, schedule: Schedule | str) -> None:
        self.schedule = as_schedule(schedule)
        self.schedule.validate()

    def __call__(self, t: Any) -> SchedulerOutput:
        """(β, α, β̇, α̇) of our letters, of t's shape, dtype and device, and differentiable in t as theirs are."""
        own = self.schedule
        return SchedulerOutput(*_Forms.apply(_floats(t, "t"), (own.beta, own.alpha, own.beta_dot, own.alpha_dot)))

    def snr_inverse(self, snr: Any) -> Any:
        """The time at which data over noise, r = β/α, is `snr` in [0, ∞].  Raises InputError for others, and NaN."""
        snr = _floats(snr, "snr")
        if not (_numbers(snr) >= 0).all():
            raise InputError("snr: NaN or below 0; expected data over noise, from 0 to infinity")
        span = SymbolicNative(self.schedule).span
        return _like(times_of(self.schedule, span, np.atleast_1d(_numbers(snr))).reshape(snr.shape), snr)


class LazyModel(ModelWrapper):
    """The velocity of a model, trained on `source`, along `target`: b̄(t, x) = (ċ/c) x + c τ̇ b(τ, x/c)  (theory C2).

    It starts from ᾱ_0 Z: for lazy(kappa=0, rho=2), say, from noise twice as wide.

    Raises InputError at a time where that velocity is infinite, with the end it happens at.
    """

    def __init__(self, model: Any, source: Schedule | str, target: Schedule | str) -> None:
        super().__init__(model if isinstance(model, torch.nn.Module) else _Called(model))
        self.conversion = convert(source, target)
        self._at = lru_cache(KEPT)(self._coefficients)

    def forward(self, x: Any, t: Any, **extras: Any) -> Any:
        """The velocity at x (batch, …) and t, 0-d or (batch,)."""
        t = _floats(t, "t")
        times = _numbers(t)
        table = np.array([self._at(float(time)) for time in np.atleast_1d(times)])
        shape = (-1, *[1] * (x.ndim - 1))
        tau, scale, pull, push = (_like(column, x).reshape(shape) for column in table.T)
        inner = tau.flatten().to(t.dtype)
        velocity = self.model(x=x / scale, t=inner if t.ndim else inner[0], **extras)
        return pull * x + push * velocity

    def _coefficients(self, time: float) -> tuple[float, float, float, float]:
        """(τ, c, ċ/c, c τ̇); at the ends the limits of the last two as wholes."""
        conv = self.conversion
        if not 0 <= time <= 1:
            raise InputError(
                f"t = {time:g} is outside [0, 1], where {conv} has no velocity: dopri5 and other methods that choose "
                "their steps go beyond the end; take midpoint, rk4 or euler with a step_size"
            )
        tau, scale, tau_dot, scale_dot = (float(part) for part in conv.at(time))
        found: Any = (tau, scale, scale_dot / scale if scale else np.nan, scale * tau_dot)
        if time in (0.0, 1.0) and not np.isfinite(found).all() and conv.closed_form:
            pull, push = conv.scale_dot / conv.scale, conv.scale * conv.tau_dot
            found = (tau, scale, *(float(limit_at(form, int(time), t)) for form in (pull, push)))
        if scale == 0 or not np.isfinite(found).all():
            raise InputError(f"{conv}: the velocity is infinite at t = {time:g}; start or stop a little inside")
        return found


class LazySolver(Solver):
    """A solver with ODESolver's `sample`, for Gaussian x_init: the loop is that of `symsched.bridge.sample`.

    Args:
        velocity_model: as for ODESolver, called as velocity_model(x=…, t=…, **extras) with a t of no axes.
        source: the schedule it was trained with.
        calibration: a `Calibration` of it, its file, or the file's contents; either kind of start will do.
        options: target, kappa, solver, grid, seed, batch, …, of `symsched.bridge.sample`.

    Raises InputError for a calibration of another schedule, and for options that `sample` has not or is given here.
    """

    def __init__(
        self, velocity_model: Any, source: Schedule | str = "linear", calibration: Given = None, **options: Any
    ) -> None:
        super().__init__()
        self.velocity_model, self.source, self.options = velocity_model, as_schedule(source), options
        known = sorted(inspect.signature(sample).parameters.keys() - MADE_HERE)
        for name in sorted(options.keys() - set(known)):
            close = did_you_mean(name, known)
            raise InputError(f"LazySolver has no option {name}{close} (it has: {', '.join(known)})")
        self.calibration = read_calibration(calibration)
        self.last_seed: int | None = None
        if self.calibration is not None:
            require_source(self.calibration, SymbolicNative(self.source), "calibrate LazySolver(…).field(shape)")

    def field(self, shape: Sequence[int] | None = None, dtype: Any = None, device: Any = None) -> FlowField:
        """The model as a field for samples of this shape: what `calibrate` takes."""
        parameters = getattr(self.velocity_model, "parameters", tuple)
        like = next(iter(parameters()), torch.empty(0))

        @torch.no_grad()
        def velocity(x: Any, time: Any, **extras: Any) -> Any:
            return self.velocity_model(x=x, t=time[0], **extras)

        home = {"dtype": dtype or like.dtype, "device": device or like.device, "calibration": self.calibration}
        return FlowField(velocity, self.source, shape=None if shape is None else tuple(shape), **home)

    def sample(
        self, x_init: Any, step_size: float, *, seed: int | None = None, indices: Any = None, **model_extras: Any
    ) -> Any:
        """The samples that the noise x_init (batch, …) ends in, in round(1/step_size) evaluations.

        For κ > 0 `seed` and `indices` are those of `symsched.bridge.sample`, by default the solver's options, else a
        fresh seed for each call; `last_seed` is the one that was used.

        Raises InputError for a step size outside (0, 1], for ODESolver's own options (a method, a time grid, …), and
        what `symsched.bridge.sample` raises.
        """
        for name in sorted(THEIRS & model_extras.keys()):
            raise InputError(f"{name} = {str(model_extras[name])[:60]}: an option of ODESolver; {INSTEAD}")
        require_floats("x_init", x_init)
        require_numbers(step_size=step_size)
        if not 0 < step_size <= 1:
            raise InputError(f"step_size = {step_size}: expected a number in (0, 1]")
        field = self.field(dtype=x_init.dtype, device=x_init.device)
        self.last_seed = as_seed(self.options.get("seed") if seed is None else seed)
        given = {"seed": self.last_seed} | ({} if indices is None else {"indices": indices})
        return sample(
            field, noise=x_init, steps=round(1 / float(step_size)), conditions=model_extras, **{**self.options, **given}
        )


class _Called(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any, t: Any, **extras: Any) -> Any:
        return self.function(x=x, t=t, **extras)


class _Forms(torch.autograd.Function):
    """Tables of formulas in t, each with the table of its derivative as gradient."""

    @staticmethod
    def forward(times: Any, forms: tuple[Any, ...]) -> Any:
        return tuple(_like(part, times) for part in values(forms, times.detach().double().cpu().numpy()))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's own names
        times, ctx.forms = inputs
        ctx.save_for_backward(times)
        ctx.save_for_forward(times)

    @staticmethod
    def _slopes(ctx: Any) -> Any:
        return _Forms.apply(ctx.saved_tensors[0], tuple(form.diff(t) for form in ctx.forms))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return sum(grad * slope for grad, slope in zip(grads, _Forms._slopes(ctx), strict=True)), None

    @staticmethod
    def jvp(ctx: Any, tangent: Any, _: Any) -> Any:
        return tuple(tangent * slope for slope in _Forms._slopes(ctx))

    @staticmethod
    def vmap(_info: Any, dims: Any, times: Any, forms: tuple[Any, ...]) -> Any:
        return _Forms.apply(times, forms), (dims[0],) * len(forms)


def _floats(given: Any, what: str) -> Any:
    """A tensor of floating-point numbers, as torch's own arithmetic makes of one of whole numbers."""
    if not isinstance(given, torch.Tensor):
        raise InputError(f"{what} is {type(given).__name__}: expected a tensor, such as torch.tensor({given!r:.20})")
    return given if given.is_floating_point() else given.to(torch.get_default_dtype())


def _numbers(given: Any) -> Any:
    """The numbers of a tensor.  Raises InputError where a derivative by them is wanted, which would be lost."""
    traced = torch._C._functorch.is_functorch_wrapped_tensor(given)
    if traced or (given.requires_grad and torch.is_grad_enabled()):
        raise InputError("a derivative in t is not known here (SymbolicScheduler(…)(t) has one): detach the times")
    return given.detach().double().cpu().numpy()


def _like(values: Any, like: Any) -> Any:
    return torch.as_tensor(np.asarray(values)).to(like.device, like.dtype)
