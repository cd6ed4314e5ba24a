"""The exact law of a scheme's state after every step, for Gaussian data: a discretisation error without sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.data.numeric import Eigenframe
from symsched.discretize.affine import AffineSteps, affine_steps
from symsched.discretize.distances import kl_scalar
from symsched.precision import alone
from symsched.sde import InterpolantSDE
from symsched.sde.values import by_time

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SchemeLaws:
    """Gaussian laws at the times of a grid, independent along eigendirections.

    `deviation` is the error of the mean, E X − β m, and `variance` the variance, along the axes: (times, dim).
    `target` is the variance α² + ρ²β² of I_t there.
    """

    times: Array
    beta: Array
    deviation: Array
    variance: Array
    target: Array
    frame: Eigenframe

    @property
    def mean(self) -> Array:
        """(times,) in one dimension, (times, dim) in more."""
        full = self.beta[:, None] * self.frame.mean + self.frame.back(self.deviation)
        return full[:, 0] if len(self.frame.mean) == 1 else full

    @property
    def var(self) -> Array:
        """Variance (times,) in one dimension, covariance (times, dim, dim) in more."""
        return self.variance[:, 0] if len(self.frame.mean) == 1 else self._rotate(self.variance)

    @property
    def target_mean(self) -> Array:
        """Mean β m of I_t, shaped like `mean`."""
        full = self.beta[:, None] * self.frame.mean
        return full[:, 0] if len(self.frame.mean) == 1 else full

    @property
    def target_var(self) -> Array:
        """Covariance of I_t, shaped like `var`."""
        return self.target[:, 0] if len(self.frame.mean) == 1 else self._rotate(self.target)

    def _rotate(self, variances: Array) -> Array:
        axes = np.eye(len(self.frame.mean)) if self.frame.axes is None else self.frame.axes
        return (axes * variances[:, None, :]) @ axes.T

    def w2(self) -> Array:
        """W2 distance to the law of I_t at each time: (times,).  Both laws share their axes."""
        spread = np.sqrt(self.variance) - np.sqrt(self.target)
        return np.sqrt((self.deviation**2 + spread**2).sum(axis=1))

    def kl(self) -> Array:
        """KL(scheme ‖ I_t) at each time, in nats: (times,); 0 where both are the same point."""
        parts = kl_scalar(self.deviation, self.variance, self.target)
        same = (self.target == 0) & (self.variance == 0) & (self.deviation == 0)
        return np.where(same, 0.0, parts).sum(axis=1)


@alone
def trajectory(sde: InterpolantSDE, grid: Any, scheme: str = "euler", centre: bool = False) -> SchemeLaws:
    """The law of the scheme's state at every time of the grid, started from the exact law of I at the first time.

    `grid` is a number of uniform steps over [0, 1] or an increasing array of times; `scheme` is one of
    `symsched.discretize.SCHEMES`; for `centre` and errors see `affine_steps`.  Mean and variance obey
    d' = a d + s and v' = a² v + q in each eigendirection (theory C11).
    """
    steps = affine_steps(sde, grid, scheme, centre)
    alpha, beta = by_time((sde.schedule.alpha, sde.schedule.beta), steps.times)
    target = alpha[:, None] ** 2 + (steps.frame.stds * beta[:, None]) ** 2
    deviation, variance = recursion(steps)
    return SchemeLaws(steps.times, beta, deviation, variance, target, steps.frame)


def recursion(steps: AffineSteps) -> tuple[Array, Array]:
    """Deviation of the mean and variance along the axes after every step: two arrays (steps + 1, dim)."""
    deviation = np.zeros((len(steps) + 1, len(steps.start_variance)))
    variance = np.zeros_like(deviation)
    variance[0] = steps.start_variance
    for k, (slope, source, noise) in enumerate(zip(steps.slope, steps.source, steps.noise, strict=True)):
        deviation[k + 1] = slope * deviation[k] + source
        variance[k + 1] = slope**2 * variance[k] + noise
    return deviation, variance
