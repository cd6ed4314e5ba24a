"""What both schedulers for diffusers ask of a step: where it is in the run, and whose noise it gets."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp
import torch

from symsched.bridge.adapters.draws import Draws, Source, from_generators
from symsched.bridge.adapters.loops import require_floats
from symsched.bridge.calibration import Calibration
from symsched.errors import InputError
from symsched.schedule import Schedule

CLOSE = 1e-3  # between a timestep and the same one in another dtype


class Borrowing:
    """What both schedulers are besides the class of diffusers that each is made of."""

    _read_config: Any
    _draws: Draws

    @classmethod
    def from_config(cls, config: Any = None, return_unused_kwargs: bool = False, **kwargs: Any) -> Any:
        """The scheduler of another scheduler's config, or of its own; keyword arguments come before the config's.

        Raises InputError for a class or a setting that would be ignored: see `adapters.configs`.
        """
        told, kept = cls._read_config(cls, config, kwargs, keep_unknown=return_unused_kwargs)
        kwargs = {key: value for key, value in kwargs.items() if key in told or key not in kept}
        built, unused = super().from_config(told, True, **kwargs)  # type: ignore[misc]
        built.register_to_config(**kept)
        return (built, {**unused, **kept}) if return_unused_kwargs else built

    def _built(self, **options: Any) -> None:
        """The other base, made by keyword: options given by position its decorator takes for defaults."""
        try:
            super().__init__(**options)
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            raise InputError(f"{type(self).__name__}: {error}") from None
        own: Any = self  # what the other base brings
        own.register_to_config(**{key: as_json(value) for key, value in own.config.items() if key[:1] != "_"})

    @property
    def last_seed(self) -> int | None:
        """The seed of the current or last run's noise; None where it drew none, or from generators."""
        return self._draws.seed


def answering(model: Callable[..., Any], sign: int = 1) -> Callable[..., Any]:
    """A pipeline's own model, which returns a tensor or has it as `.sample`, as a field asks it; × sign."""

    @torch.no_grad()
    def answer(x: Any, time: Any, **conditions: Any) -> Any:
        out = model(x, time, **conditions)
        return sign * (out if isinstance(out, torch.Tensor) else out.sample)

    return answer


def as_json(value: Any) -> Any:
    """A setting as a scheduler's file has it: numbers, text, and lists and dicts of these."""
    if isinstance(value, Calibration):
        return value.to_json()
    if isinstance(value, Schedule):  # not its name, which may be another's
        return f"alpha={value.alpha}; beta={value.beta}"
    if isinstance(value, sp.Basic | Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()  # of an array or a tensor a list, of one number of NumPy's a number
    return list(value) if isinstance(value, tuple | range) else value


def place_of(timestep: Any, timesteps: Any) -> int:
    """The number of a timestep in the run's list.  Raises InputError where it is not in it."""
    if isinstance(timestep, torch.Tensor) and timestep.numel() != 1:
        raise InputError(f"timestep of shape {tuple(timestep.shape)}: expected one time for the whole batch")
    here, listed = float(timestep), timesteps.double().cpu()
    place = int((listed - here).abs().argmin())
    if not abs(float(listed[place]) - here) <= CLOSE * max(1.0, abs(here)):
        raise InputError(
            f"timestep = {here:g} is not one of this run's ({float(listed[0]):g} to {float(listed[-1]):g}): take them "
            "from scheduler.timesteps"
        )
    return place


def require_positive(**numbers: Any) -> None:
    """Refuse settings that are no numbers above 0."""
    for name, value in numbers.items():
        real = isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool)
        if not (real and 0 < value < math.inf):
            raise InputError(f"{name} = {value!r}: expected a number > 0")


def on_device(*tensors: Any) -> bool:
    """Whether reading one of these as a number would wait for a device."""
    return any(isinstance(tensor, torch.Tensor) and tensor.device.type != "cpu" for tensor in tensors)


def source_of(generator: Any, indices: Any, given: Any = None) -> Source | None:
    """The noise of the caller's generators, or what it gives as such; None for the run's own.

    Raises InputError for more than one of these.
    """
    # the config's indices alone are no second answer: without the others they number the noise of the seed
    if sum(what is not None for what in (generator, indices, given)) > 1 and (generator, given) != (None, None):
        raise InputError(
            "generator, variance_noise and the config's indices: expected one; indices number the noise of the seed, "
            "and with generators an image alone is that of its own"
        )
    return from_generators(generator) if generator is not None else None if given is None else _Given(given)


class _Given:
    """Noise that the caller made."""

    def __init__(self, noise: Any) -> None:
        self.noise = noise

    def __call__(self, like: Any) -> Any:
        require_floats("variance_noise", self.noise, like)
        return self.noise.to(like.dtype)
