"""A pilot: paths of a model that have converged, and what they tell about the data.

Everything is kept in the lazy frame of the data's own scale, where a path neither grows nor shrinks and is smooth at
both ends: with θ = atan(ρ r), from 0 (noise) to π/2 (data),

    y = (x − β m) / √(α² + ρ² β²) = cos θ · Z + sin θ · (X − m)/ρ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symsched.bridge.fields import FlowField
from symsched.bridge.levels import Native
from symsched.bridge.noise import normal
from symsched.bridge.plan import Plan
from symsched.bridge.planning import ODE_SCALE, Recipe
from symsched.bridge.running import Running, Step, run
from symsched.errors import InputError

Array = NDArray[np.float64]
NEAREST = 6  # nodes of the polynomial between which paths are read
FULL_MEAN = 4096  # larger samples keep one mean for each channel
LEAST, FEWER = 16, 4  # steps of a pilot; how many less are tried where they do not fit
FAR, AGAIN = 16.0, 8  # data so many times larger, smaller or farther from 0: again at their scale and mean, so often


@dataclass(frozen=True)
class AngleLevels:
    """Native times and coefficients at angles θ of the lazy frame with scale ρ; V = √(α² + ρ²β²)."""

    times: Array
    alpha: Array
    beta: Array
    norm: Array


def levels_at(native: Native, angles: Array, rho: float) -> AngleLevels:
    """The levels at angles in [0, π/2]; at π/2 the data, α = 0 and β = 1."""
    end = angles >= math.pi / 2
    ratios = np.where(end, np.inf, np.tan(np.where(end, 0.0, angles)) / rho)
    times, alpha, beta = native.find(ratios)
    alpha, beta = np.where(end, 0.0, alpha), np.where(end, 1.0, beta)
    return AngleLevels(np.asarray(times), alpha, beta, np.hypot(alpha, rho * beta))


@dataclass(frozen=True)
class Pilot:
    """Converged paths in the lazy frame of the data.

    Attributes:
        noise: z of each path, (count, …).
        angles: (n,), increasing from the model's start to π/2.
        paths: y there, (n, count, …).
        mean: the data's mean, broadcastable to a sample.
        rho: the data's standard deviation about it, over all elements.
        evaluations: what each path cost.
        scale: the data's, for grids: 1, unless theirs is far from it.
        answers: E = (D − m)/ρ at the angles, like `paths`, where they were asked for; at π/2 the end itself.
        centred: whether the run was about the mean, as it is where that is far from 0.
    """

    noise: Any
    angles: Array
    paths: Any
    mean: Any
    rho: float
    evaluations: int
    scale: float = 1.0
    answers: Any = None
    centred: bool = False

    def at(self, angle: float, what: Any = None) -> Any:
        """y at an angle, or what else is known at the nodes, by the polynomial through the nearest of them."""
        known = self.paths if what is None else what
        first = int(np.clip(np.searchsorted(self.angles, angle) - NEAREST // 2, 0, len(self.angles) - NEAREST))
        nodes = self.angles[first : first + NEAREST]
        apart = nodes[:, None] - nodes + np.eye(NEAREST)  # a node's distance to itself is not used; 1 instead of 0
        weights = [
            np.prod([(angle - nodes[j]) / apart[k, j] for j in range(NEAREST) if j != k]) for k in range(NEAREST)
        ]
        return sum(float(w) * known[first + k] for k, w in enumerate(weights))


def run_pilot(
    field: FlowField,
    shape: tuple[int, ...],
    steps: int,
    how: Running,
    once: bool = False,
    about: tuple[float, Any] = (1.0, None),
) -> Pilot:
    """`shape[0]` paths from the noise of the seed, in `steps` corrected Adams steps of order 3.

    Where so many do not fit between the model's levels, it is as many as do, 16 at least.
    `once` keeps the model's answers, and refuses data of another size instead of asking again; `about` is the scale and
    the mean (None for 0) to begin with.
    A model that begins at β₀ > 0 is given α₀ z there, as its own samplers do; that β₀ m is missing counts as its law.
    """
    noise = normal(how.seed or 0, torch.arange(shape[0], device=field.device), 0, tuple(shape[1:]))
    how = replace(how, noise=noise, trajectory=True)
    (scale, mean), spent = about, 0
    for _ in range(AGAIN):
        plan = _plan(field.native, steps, scale)
        if mean is not None:
            plan = replace(plan, mean=mean.double().cpu().numpy())
        seen: list[list[Any]] = [[] for _ in plan.stages]
        watched = replace(how, callback=partial(_note, seen)) if once else how
        samples, trajectory = run(field, plan, shape, watched)
        mean, spent = _mean(samples), spent + plan.nfe
        rho = float((samples - mean).double().square().mean().sqrt())
        # a mean far from 0 is the same fault as a wrong scale, and once the plan has it, it is no more
        near = plan.mean is not None or float(mean.abs().max()) <= FAR * rho
        if not rho > 0 or (near and 1 / FAR <= rho / scale <= FAR):
            break
        scale = float(f"{rho:.2g}")
        if once:
            raise InputError(
                f"budget: the pilot found data of mean {float(mean.abs().max()):.3g} and scale {rho:.3g}, and would "
                "have to be run again: take a larger budget, or units in which they are about 0 and 1"
            )
    else:
        raise InputError(
            f"the pilot found no scale of the data in {AGAIN} runs: the last had ρ = {rho:g} in a grid for {scale:g}; "
            "the model answers in other units than its schedule's, or is no model of one law"
        )
    alpha = np.array([*(stage.alpha for stage in plan.stages), 0.0])
    beta = np.array([*(stage.beta for stage in plan.stages), 1.0])
    paths, told = trajectory.states, None
    if once:
        told = paths.clone()
        for k, (p, q) in enumerate(field.relations(trajectory.times[:-1])):
            told[k] = (p * paths[k] + q * torch.cat(seen[k]).to(paths.dtype) - mean) / rho
    for k, (a, b) in enumerate(zip(alpha, beta, strict=True)):
        paths[k] = (paths[k] - float(b) * mean) / math.hypot(a, rho * b)
    if told is not None:
        told[-1] = paths[-1]
    centred = plan.mean is not None
    return Pilot(noise.to(samples.dtype), np.arctan2(rho * beta, alpha), paths, mean, rho, spent, scale, told, centred)


def _note(seen: list[list[Any]], step: Step) -> None:
    seen[step.index].append(step.output)


def _plan(native: Native, steps: int, scale: float) -> Plan:
    rho = ODE_SCALE * scale
    frame, grid = f"lazy(kappa=0, rho={rho!r})", f"logistic(rho={rho!r}, power=0.8)"
    try:
        return Recipe(target=frame, steps=steps, solver="ab3c", grid=grid).plan_for(native)
    except InputError:
        if steps < LEAST + FEWER:
            raise
        return _plan(native, steps - FEWER, scale)


def _mean(samples: Any) -> Any:
    """The mean image; of large samples, the mean of each channel."""
    if samples[0].numel() <= FULL_MEAN:
        return samples.mean(0)
    rest = tuple(range(2, samples.ndim))
    return samples.mean((0, *rest)).reshape(-1, *(1 for _ in rest))


def spectrum(samples: Any, mean: Any) -> Array:
    """Standard deviation of each two-dimensional cosine mode over samples and channels, shape (height, width)."""
    from symsched.bridge.basis import cosines

    rows, columns = (
        torch.as_tensor(cosines(n), dtype=samples.dtype, device=samples.device) for n in samples.shape[-2:]
    )
    modes = rows.T @ (samples - mean) @ columns
    return modes.double().square().flatten(0, -3).mean(0).sqrt().cpu().numpy()
