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

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from symsched.bridge.adapters.loops import (
    NEAR,
    Array,
    Given,
    Loop,
    Recipe,
    VarianceExploding,
    ratios_of,
    read_calibration,
)
from symsched.bridge.calibration import Calibration
from symsched.bridge.levels import as_native
from symsched.errors import InputError


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
    seed: int = 0,
    flow: bool = False,
    calibration: Given = None,
) -> Any:
    """Sample in a target schedule.

    Args:
        model: model(x, sigma · ones(batch), **extra_args) returns the data prediction.
        x: the state at sigmas[0], such as noise · sigmas[0].
        sigmas: decreasing, of any length ≥ 2, the last 0.
        extra_args, callback, disable: as in k-diffusion; the callback gets x, i, sigma, sigma_hat and denoised.
        target, kappa, solver, seed: see `symsched.bridge.sample`.
        flow: σ is the noise level of a linear flow, σ ≤ 1.
        calibration: a `Calibration`, its file, or the file's contents, for sigmas from `lazy_sigmas(…, calibration=…)`
            and x = noise · sigmas[0]; the last few of them, for image to image, are stepped through without its table.

    Raises InputError for sigmas that do not decrease to 0 or are not the calibration's, and what `sample` raises.
    """
    levels = torch.as_tensor(sigmas).detach().double().cpu().numpy()
    if levels.ndim != 1 or len(levels) < 2 or levels[-1] != 0 or not (np.diff(levels) < 0).all():
        raise InputError(f"sigmas {np.array2string(levels, precision=4)}: expected them to decrease strictly, to 0")
    if flow and levels[0] > 1:
        raise InputError(f"sigmas begin at {levels[0]:g}: a flow's noise level is at most 1")
    native = as_native("linear") if flow else VarianceExploding(float(levels[0]))
    recipe = Recipe(native, "data", target, kappa, solver, seed)
    loop = _begin(recipe, read_calibration(calibration), x, levels, flow)
    x, ones = loop.input.to(x.dtype), x.new_ones([len(x)])
    for i in _bar(len(levels) - 1, disable):
        denoised = model(x, float(levels[i]) * ones, **(extra_args or {}))
        if callback is not None:
            sigma = ones.new_tensor(levels[i])
            callback({"x": x, "i": i, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})
        x = loop.advance(denoised, x)
    return x


def _begin(recipe: Recipe, known: Calibration | None, x: Any, levels: Array, flow: bool) -> Loop:
    """The loop through the calibration's table where these are its levels, else through the levels by the solver."""
    steps = len(levels) - 1
    if known is not None and _are(levels, known, steps, flow) and recipe.chooses(known, steps):
        plan: Any = known.plan(recipe.native, steps)
        return Loop(recipe, plan, x / levels[0], noise=True)
    if known is not None and not any(_are(levels, known, n, flow) for n in known.tables if n >= steps):
        raise InputError(
            f"sigmas {np.array2string(levels, precision=4)} are not the levels that the calibration fitted for any of "
            f"{', '.join(map(str, known.tables))} steps: take lazy_sigmas(n, …, calibration=…)"
        )
    return recipe.begin((1 - levels[:-1]) / levels[:-1] if flow else 1 / levels[:-1], x)


def _are(levels: Array, known: Calibration, count: int, flow: bool) -> bool:
    """Whether these are the last of the levels fitted for `count` evaluations; the very first is the model's own."""
    if count not in known.tables or len(levels) > count + 1:
        return False
    fitted = _fitted(known, count, float(levels[0]), flow)[-len(levels) :]
    return np.allclose(levels, fitted, rtol=NEAR, atol=0)


def _fitted(known: Calibration, count: int, largest: float, flow: bool) -> Array:
    """The fitted levels, at most the largest; then 0."""
    ratios = ratios_of(known, count)
    return np.append(np.minimum(1 / (1 + ratios) if flow else 1 / ratios, largest), 0.0)


def lazy_sigmas(
    n: int,
    sigma_min: float = 0.02,
    sigma_max: float = 80.0,
    rho: float = 1.0,
    device: Any = "cpu",
    *,
    calibration: Given = None,
    flow: bool = False,
) -> Any:
    """n noise levels σ = α/β, uniform in the lazy angle atan(ρ/σ), from σ_max to σ_min; then 0.

    ρ is the data's standard deviation.  With a calibration they are those that it fitted for n evaluations, none above
    σ_max (in noise levels of a linear flow: `flow=True`), and σ_min and ρ are not used.

    Raises InputError unless 0 < σ_min < σ_max, ρ > 0 and n ≥ 1, and where there is no table for n or σ_max cuts it.
    """
    if not (0 < sigma_min < sigma_max < np.inf and rho > 0):
        raise InputError(
            f"sigma_min = {sigma_min}, sigma_max = {sigma_max}, rho = {rho}: expected 0 < min < max, rho > 0"
        )
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError(f"n = {n!r}: expected a whole number ≥ 1")
    known = read_calibration(calibration)
    if known is None:
        angles = np.linspace(np.arctan(rho / sigma_max), np.arctan(rho / sigma_min), n)
        levels = np.append(rho / np.tan(angles), 0.0)
    else:
        levels = _known_levels(known, n, 1.0 if flow else sigma_max, flow)
    return torch.tensor(levels, dtype=torch.float32, device=device)


def _known_levels(known: Calibration, n: int, largest: float, flow: bool) -> Array:
    if n not in known.tables:
        raise InputError(f"no table for {n} evaluations (there are: {', '.join(map(str, known.tables))})")
    levels = _fitted(known, n, largest, flow)
    if not (np.diff(levels) < 0).all():
        raise InputError(f"sigma_max = {largest:g} cuts off levels that the calibration fitted for {n} evaluations")
    return levels


def _bar(count: int, disable: bool | None) -> Any:
    """k-diffusion's progress bar, where tqdm is installed."""
    try:
        from tqdm.auto import trange
    except ModuleNotFoundError:
        return range(count)
    return trange(count, disable=disable)
