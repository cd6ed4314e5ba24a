"""Samplers for k-diffusion and ComfyUI: functions of (model, x, sigmas, …), where model(x, σ) is the denoised image.

x = X + σ Z (variance exploding); flow models in ComfyUI keep x = σ Z + (1 − σ) X instead: `flow=True`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from symsched.bridge.adapters.loops import Recipe, VarianceExploding
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
) -> Any:
    """Sample in a target schedule.

    Args:
        model: model(x, sigma · ones(batch), **extra_args) returns the data prediction.
        x: the state at sigmas[0], such as noise · sigmas[0].
        sigmas: decreasing, of any length ≥ 2, the last 0.
        extra_args, callback, disable: as in k-diffusion; the callback gets x, i, sigma, sigma_hat and denoised.
        target, kappa, solver, seed: see `symsched.bridge.sample`.
        flow: σ is the noise level of a linear flow, σ ≤ 1.

    Raises InputError for sigmas that do not decrease to 0, and what `sample` raises.
    """
    levels = torch.as_tensor(sigmas).detach().double().cpu().numpy()
    if levels.ndim != 1 or len(levels) < 2 or levels[-1] != 0 or not (np.diff(levels) < 0).all():
        raise InputError(f"sigmas {np.array2string(levels, precision=4)}: expected them to decrease strictly, to 0")
    if flow and levels[0] > 1:
        raise InputError(f"sigmas begin at {levels[0]:g}: a flow's noise level is at most 1")
    native = as_native("linear") if flow else VarianceExploding(float(levels[0]))
    ratios = (1 - levels[:-1]) / levels[:-1] if flow else 1 / levels[:-1]
    loop = Recipe(native, "data", target, kappa, solver, seed).begin(ratios, x)
    ones = x.new_ones([len(x)])
    for i in _bar(len(ratios), disable):
        denoised = model(x, float(levels[i]) * ones, **(extra_args or {}))
        if callback is not None:
            sigma = ones.new_tensor(levels[i])
            callback({"x": x, "i": i, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})
        x = loop.advance(denoised, x)
    return x


def lazy_sigmas(n: int, sigma_min: float, sigma_max: float, rho: float = 1.0, device: Any = "cpu") -> Any:
    """n noise levels σ = α/β, uniform in the lazy angle atan(ρ/σ), from σ_max to σ_min; then 0.

    ρ is the data's standard deviation.  Raises InputError unless 0 < σ_min < σ_max, ρ > 0 and n ≥ 1.
    """
    if not (0 < sigma_min < sigma_max < np.inf and rho > 0):
        raise InputError(
            f"sigma_min = {sigma_min}, sigma_max = {sigma_max}, rho = {rho}: expected 0 < min < max, rho > 0"
        )
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError(f"n = {n!r}: expected a whole number ≥ 1")
    angles = np.linspace(np.arctan(rho / sigma_max), np.arctan(rho / sigma_min), n)
    return torch.tensor(np.append(rho / np.tan(angles), 0.0), dtype=torch.float32, device=device)


def _bar(count: int, disable: bool | None) -> Any:
    """k-diffusion's progress bar, where tqdm is installed."""
    try:
        from tqdm.auto import trange
    except ModuleNotFoundError:
        return range(count)
    return trange(count, disable=disable)
