"""One step of each scheme on sample paths of any data law: the literal, readable twin of the compiled kernels.

`PathStepper` draws nothing: it takes the normal numbers, so that two implementations can be compared path by path, and
its law for Gaussian data is the one `symsched.discretize.trajectory` states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.data.checks import generator, known
from symsched.discretize.affine import as_grid, check_scheme, noise_variance, retention
from symsched.given import count, joint_shape, reals
from symsched.precision import cached_property
from symsched.sde import InterpolantSDE
from symsched.sde.values import by_time

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PathStepper:
    """Steps of a scheme for an equation and any data law.

    `grid` is a number of uniform steps over [0, 1] or increasing times; see `symsched.discretize.affine` for the
    schemes.  Raises InputError as `InterpolantSDE.drift_at` does, and for unknown schemes and bad grids.
    """

    sde: InterpolantSDE
    grid: Any
    scheme: str = "euler"

    def __post_init__(self) -> None:
        check_scheme(self.scheme, self.sde)
        known(self.sde.parameters, "the equation", "asking for numbers")
        object.__setattr__(self, "grid", as_grid(self.grid))

    def __len__(self) -> int:
        return len(self.grid) - 1

    @cached_property
    def noise(self) -> Array:
        """Variance of the noise of each step (of `euler` and `lazy`)."""
        if self.scheme == "euler":
            return 2 * by_time((self.sde.eps,), self.grid[:-1])[0] * np.diff(self.grid)
        return noise_variance(self.sde, self.grid)

    @cached_property
    def _retention(self) -> tuple[Array, Array]:
        return retention(self.sde, self.grid)

    @cached_property
    def _schedule(self) -> list[Array]:
        return by_time((self.sde.schedule.alpha, self.sde.schedule.beta), self.grid)

    def step(self, k: int, states: Any, noise: Any) -> Any:
        """States at grid[k+1] from states at grid[k] and standard normal `noise` of the same shape."""
        k, states, noise = count(k, "k", 0, len(self) - 1), reals(states, "states"), reals(noise, "noise")
        joint_shape("states and noise", states.shape, noise.shape)
        if self.scheme == "exponential":
            return self._exponential(k, states, noise)
        low, high = self.grid[k], self.grid[k + 1]
        slope = self.sde.drift_at(low, states)
        moved = states + (high - low) * slope
        if self.scheme == "heun":
            return states + (high - low) / 2 * (slope + self.sde.drift_at(high, moved))
        return moved + np.sqrt(self.noise[k]) * noise

    def _exponential(self, k: int, states: Any, noise: Any) -> Any:
        alpha, beta = self._schedule
        kept, fresh = (float(table[k]) for table in self._retention)
        data = self.sde.data.eta_x_at(alpha[k], beta[k], states)
        old = kept * self.sde.data.eta_z_at(alpha[k], beta[k], states) if kept else 0.0
        return beta[k + 1] * data + alpha[k + 1] * (old + np.sqrt(fresh) * noise)

    def start(self, paths: int, rng: np.random.Generator) -> Array:
        """Draws of I at the first time: shape (paths,) in one dimension, (paths, dim) in more."""
        data = self.sde.data.sample(paths, rng)
        alpha, beta = self._schedule
        return alpha[0] * rng.standard_normal(data.shape) + beta[0] * data

    def run(self, paths: int, seed: int | np.random.Generator | None = None) -> Array:
        """States at the last time of `paths` independent paths."""
        rng = generator(seed)
        states = self.start(paths, rng)
        for k in range(len(self)):
            states = self.step(k, states, rng.standard_normal(states.shape))
        return states
