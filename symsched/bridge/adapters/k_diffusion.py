"""Samplers for k-diffusion and ComfyUI: functions of (model, x, sigmas, …), where model(x, σ) is the denoised image.

x = X + σ Z (variance exploding); flow models in ComfyUI keep x = σ Z + (1 − σ) X instead: `flow=True`.

    sigmas = lazy_sigmas(8, sigma_max=80, calibration="model.json")        # the fitted levels
    images = sample_lazy(model, sigmas[0] * noise, sigmas, calibration="model.json")

A loop here holds x = σ_0 z at its first level, without the data's mean, though X + σ_0 Z has it.  With a calibration
z is x/σ_0, and the first input is `sample`'s, a √(σ_0² + ρ²) z + m.  So a table whose start was fitted serves as well
as one made `from_noise`, and any schedule that the model was calibrated in is right: η_X depends on σ and x alone
(theory C2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from symsched.bridge.adapters.draws import Draws
from symsched.bridge.adapters.loops import (
    RESTARTS,
    Array,
    Given,
    Guest,
    Loop,
    VarianceExploding,
    ratios_of,
    read_calibration,
    require_floats,
    require_numbers,
)
from symsched.bridge.calibration import Calibration
from symsched.bridge.grids import ROUNDING
from symsched.bridge.levels import SAME_LEVEL, as_native
from symsched.bridge.planning import Recipe
from symsched.bridge.requests import as_device
from symsched.errors import InputError
from symsched.given import whole
from symsched.progress import Bar


@torch.no_grad()
def sample_lazy(
    model: Callable[..., Any],
    x: Any,
    sigmas: Any,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callable[[dict[str, Any]], None] | None = None,
    disable: bool | None = None,
    *,
    target: str = "auto",
    kappa: float = 0,
    solver: str = "lazy-auto",
    seed: int | None = None,
    indices: Sequence[int] | None = None,
    noise_sampler: Callable[[Any, Any], Any] | None = None,
    flow: bool = False,
    calibration: Given = None,
) -> Any:
    """Sample in a target schedule.

    Args:
        model: model(x, sigma · ones(batch), **extra_args) returns the data prediction.
        x: the state at sigmas[0], such as noise · sigmas[0].
        sigmas: decreasing, of any length ≥ 2, the last 0; or above 0, where a run ends that another goes on with.
        extra_args, callback, disable: as in k-diffusion; the callback gets x, i, sigma, sigma_hat, denoised, and the
            seed of the noise (None until noise was drawn from one).
        target, kappa, solver: see `symsched.bridge.sample`.
        seed: of the noise for κ > 0; by default extra_args["seed"], as ComfyUI gives it, else a fresh one for each
            call, from torch's own generator.
        indices: the samples' numbers in the noise of the seed, by default 0, 1, …: [3] redraws the fourth alone.
        noise_sampler: noise_sampler(σ, σ_next), as in k-diffusion, makes the noise in the place of the seed.
        flow: σ is the noise level of a linear flow, σ ≤ 1.
        calibration: a `Calibration`, its file, or the file's contents, for sigmas from `lazy_sigmas(…, calibration=…)`
            and x = noise · sigmas[0]; a part of them, for image to image, is stepped through without its table.

    Raises InputError for sigmas that do not decrease from a finite level or are not the calibration's, and what
    `sample` raises.
    """
    for name, given in (("model", model), ("callback", callback), ("noise_sampler", noise_sampler)):
        if not callable(given) and (given is not None or name == "model"):
            raise InputError(f"{name} = {str(given)[:60]!r}: expected a function")
    if not isinstance(extra_args, Mapping | None):
        raise InputError(f"extra_args = {str(extra_args)[:60]!r}: expected a dict of the model's own arguments")
    levels = _levels(sigmas, flow)
    native = as_native("linear") if flow else VarianceExploding(float(levels[0]))
    guest = Guest(native, "data", Recipe(target=target, kappa=kappa, solver=solver))
    draws = _draws(seed, extra_args, indices, noise_sampler)
    loop = _begin(guest, read_calibration(calibration), x, levels, flow, draws)
    x, ones = loop.input.to(x.dtype), x.new_ones([len(x)])
    with Bar(len(levels) - 1, not disable, "steps") as bar:
        for i in range(len(levels) - 1):
            denoised = model(x, float(levels[i]) * ones, **(extra_args or {}))
            if callback is not None:
                sigma = ones.new_tensor(levels[i])
                seen = {"x": x, "i": i, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised}
                callback({**seen, "seed": None if noise_sampler else draws.seed})
            source = None if noise_sampler is None else _Sampled(noise_sampler, *ones.new_tensor(levels[i : i + 2]))
            x = loop.advance(denoised, x, source)
            bar.add()
    return x


def _levels(sigmas: Any, flow: bool) -> Array:
    """The noise levels as numbers, with what rounding put above a flow's 1 taken back."""
    try:
        levels = torch.as_tensor(sigmas).detach().double().cpu().numpy()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"sigmas = {str(sigmas)[:60]!r}: expected a tensor of noise levels") from None
    if flow and levels.ndim == 1 and len(levels):
        levels = np.where((levels > 1) & (levels <= 1 + ROUNDING), 1.0, levels)
    falling = levels.ndim == 1 and len(levels) >= 2 and levels[-1] >= 0 and (np.diff(levels) < 0).all()
    if not falling or levels[0] == np.inf:
        raise InputError(
            f"sigmas {np.array2string(levels, precision=4)}: expected them to decrease strictly from a finite level to "
            f"0, or to one where another run begins; {RESTARTS}"
        )
    if flow and levels[0] > 1:
        raise InputError(f"sigmas begin at {levels[0]:g}: a flow's noise level is at most 1")
    return levels


def _draws(seed: int | None, extra_args: Mapping[str, Any] | None, indices: Any, noise_sampler: Any) -> Draws:
    if noise_sampler is not None and (seed is not None or indices is not None):
        raise InputError("noise_sampler with seed or indices: expected one of them; both say what the noise is")
    given = (extra_args or {}).get("seed") if seed is None else seed
    return Draws(given, indices)


class _Sampled:
    """One step's noise, by k-diffusion's noise_sampler."""

    def __init__(self, sampler: Callable[[Any, Any], Any], sigma: Any, following: Any) -> None:
        self.sampler, self.levels = sampler, (sigma, following)

    def __call__(self, like: Any) -> Any:
        noise = self.sampler(*self.levels)
        require_floats("noise_sampler's noise", noise, like)
        return noise.to(like.dtype)


def _begin(guest: Guest, known: Calibration | None, x: Any, levels: Array, flow: bool, draws: Draws) -> Loop:
    """The loop through the calibration's table where these are its levels, else through the levels by the solver."""
    steps = len(levels) - 1
    guest.require_automatic(known)
    if known is not None and steps in known.tables and levels[-1] == 0 and _are(levels, known, steps, flow):
        plan: Any = known.plan(guest.native, steps)
        require_floats("x", x)
        return Loop(guest, plan, x / levels[0], draws, noise=True)
    if known is not None and not any(_are(levels, known, n, flow) for n in known.tables if n >= steps):
        raise InputError(
            f"sigmas {np.array2string(levels, precision=4)} are not the levels that the calibration fitted for any of "
            f"{', '.join(map(str, known.tables))} steps: take those of lazy_sigmas(n, …, calibration=…), in "
            "ComfyUI of Lazy Sigmas with this calibration"
        )
    with np.errstate(divide="ignore"):
        ratios = (1 - levels) / levels if flow else 1 / levels
    return guest.begin(ratios[:-1], x, draws, end=float(ratios[-1]))


def _are(levels: Array, known: Calibration, count: int, flow: bool) -> bool:
    """Whether these are among the levels fitted for `count` evaluations, side by side; the first is the model's own."""
    if count not in known.tables or len(levels) > count + 1:
        return False
    parts = np.lib.stride_tricks.sliding_window_view(_fitted(known, count, float(levels[0]), flow), len(levels))
    return bool(np.isclose(parts, levels, rtol=SAME_LEVEL, atol=0).all(1).any())


def _fitted(known: Calibration, count: int, largest: float, flow: bool) -> Array:
    """The fitted levels, at most the largest; then 0."""
    ratios = ratios_of(known, count)
    return np.append(np.minimum(1 / (1 + ratios) if flow else 1 / ratios, largest), 0.0)


def lazy_sigmas(
    n: int,
    sigma_min: float = 0.02,
    sigma_max: float | None = None,
    rho: float = 1.0,
    device: Any = "cpu",
    *,
    calibration: Given = None,
    flow: bool = False,
) -> Any:
    """n noise levels σ = α/β, uniform in the lazy angle atan(ρ/σ), from σ_max (80) to σ_min; then 0.

    With `flow=True` they are noise levels of a linear flow, α = σ = 1 − β, uniform in atan(ρ (1 − σ)/σ), σ_max ≤ 1 (1).
    ρ is the data's standard deviation.  With a calibration they are those that it fitted for n evaluations, none above
    σ_max, and σ_min and ρ are not used.

    Raises InputError unless 0 < σ_min < σ_max, ρ > 0 and n ≥ 1, and where there is no table for n or σ_max cuts it.
    """
    if sigma_max is None:
        sigma_max = 1.0 if flow else 80.0
    require_numbers(sigma_min=sigma_min, sigma_max=sigma_max, rho=rho)
    if flow and sigma_max > 1:
        raise InputError(f"sigma_max = {sigma_max}: a flow's noise level is at most 1")
    device = as_device(device)
    if not (0 < sigma_min < sigma_max < np.inf and rho > 0):
        raise InputError(
            f"sigma_min = {sigma_min}, sigma_max = {sigma_max}, rho = {rho}: expected 0 < min < max, rho > 0"
        )
    n = whole(n, "n")
    known = read_calibration(calibration)
    if known is None:
        ends = np.array([sigma_max, sigma_min])
        first, last = np.arctan2(rho * (1 - ends if flow else 1.0), ends)
        angles = np.linspace(first, last, n)
        levels = rho * np.cos(angles) / (rho * np.cos(angles) + np.sin(angles)) if flow else rho / np.tan(angles)
        levels = np.append(levels, 0.0)
    else:
        levels = _known_levels(known, n, sigma_max, flow)
    return torch.tensor(levels, dtype=torch.float32, device=device)


def _known_levels(known: Calibration, n: int, largest: float, flow: bool) -> Array:
    if n not in known.tables:
        raise InputError(f"no table for {n} evaluations (there are: {', '.join(map(str, known.tables))})")
    levels = _fitted(known, n, largest, flow)
    if not (np.diff(levels) < 0).all():
        raise InputError(f"sigma_max = {largest:g} cuts off levels that the calibration fitted for {n} evaluations")
    return levels
