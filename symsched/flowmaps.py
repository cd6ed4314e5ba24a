"""Flow maps Φ_{s,t}(x): the state at t of the probability flow that is at x at s, and their conversion (theory C23).

Under a conversion (τ, c) of schedules

    Φ̄_{s,t}(x) = c_t Φ_{τ_s,τ_t}(x/c_s).

So every flow map is carried from that of one schedule: here (cos θ, sin θ), whose flow has a smooth right-hand side at
both ends.  For data N(m, ρ²) it is β_t m + √(V_t/V_s) (x − β_s m).  Consistency models are Φ_{s,1}; MeanFlow's average
velocity is (Φ_{s,t}(x) − x)/(t − s) (Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797, for the framework).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.catalog import as_schedule
from symsched.conversion import convert
from symsched.data import DataLaw, Gaussian, as_law
from symsched.data.checks import known
from symsched.errors import InputError
from symsched.exact import times_array, values
from symsched.given import reals
from symsched.parsing import quoted
from symsched.schedule import Schedule

Array = NDArray[np.float64]
#: Relative and absolute error of a step of the integrator.
PRECISION = 1e-10


@dataclass(frozen=True)
class FlowMap:
    """Φ_{s,t}(x) of one schedule, of a data law or of any model.

    `flow(s, t, x)` is an array of x's shape; s and t are single times in [0, 1], in either order.
    """

    schedule: Schedule
    function: Callable[[float, float, Any], Any] = field(repr=False)
    name: str = "a model"

    def __call__(self, s: float, t: float, states: Any) -> Any:
        """Φ_{s,t} at states (…,) or (…, dim): the state at time t of what is there at time s.

        Raises InputError for times that are not single ones in [0, 1], at a time where the schedule is a point
        (α = β = 0 or a point-mass start), from which no flow begins, and for a model that answers in another shape.
        """
        first, last = _time(s, "s"), _time(t, "t")
        x = reals(states, "x", "real states, in an array")
        if not np.isfinite(x).all():
            raise InputError("x holds a number that is not finite")
        found = reals(self.function(first, last, x), f"the answer of {self.name}", "an array of the shape of x")
        if found.shape != x.shape:
            raise InputError(f"{self.name} answered states of shape {x.shape} with the shape {found.shape}")
        return found[()]

    def consistency(self, s: float, states: Any) -> Any:
        """f(s, x) = Φ_{s,1}(x): invariant under conversion where c₁ = 1, asked at τ_s and x/c_s."""
        return self(s, 1.0, states)

    def average(self, s: float, t: float, states: Any) -> Any:
        """u_{s,t}(x) = (Φ_{s,t}(x) − x)/(t − s).  Raises InputError for s = t, where it is the velocity."""
        first, last = _time(s, "s"), _time(t, "t")
        if first == last:
            raise InputError(f"s = t = {first:.6g}: the average is the velocity there; ask InterpolantSDE.drift_at")
        x = reals(states, "x", "real states, in an array")
        return averaged(self(first, last, x), x, last - first)

    def convert(self, target: Schedule | str) -> FlowMap:
        """The flow map of another schedule: Φ̄_{s,t}(x) = c_t Φ_{τ_s,τ_t}(x/c_s).

        Raises InputError, when asked, at a time where c is 0 or infinite: where one of the two is a point.
        """
        conversion = convert(self.schedule, target)
        inner = self.function

        def moved(s: float, t: float, x: Array) -> Any:
            tau, scale, *_ = conversion.at([s, t])
            for time, factor in zip((s, t), scale, strict=True):
                if not (np.isfinite(factor) and factor > 0):
                    raise InputError(f"{conversion}: c = {factor:g} at t = {time:.6g}: a point has no flow; ask inside")
            return carried(lambda y: inner(float(tau[0]), float(tau[1]), y), scale[0], scale[1], x)

        return FlowMap(conversion.target, moved, self.name)

    def __str__(self) -> str:
        return f"the flow map of {self.name} in {self.schedule}"


# -- formulas, of numbers, arrays or expressions alike; theory C23 decides them --------------------------------------


def carried(inner: Callable[[Any], Any], first: Any, last: Any, x: Any) -> Any:
    """c_t Φ(x/c_s), of the source's map between τ_s and τ_t, with c_s and c_t."""
    return last * inner(x / first)


def averaged(reached: Any, x: Any, length: Any) -> Any:
    """The average velocity of a map that brings x to `reached` in this time."""
    return (reached - x) / length


def mapped(velocity: Any, x: Any, length: Any) -> Any:
    """Where an average velocity brings x in this time."""
    return x + length * velocity


def stretched(deviation: Any, first: Any, last: Any) -> Any:
    """√(V_t/V_s) (x − β_s m), of the deviation, √V_s and √V_t: the flow of N(m, ρ²), from β_t m."""
    return last / first * deviation


def flow_map(
    schedule: Schedule | str,
    data: DataLaw | str | Callable[[float, float, Any], Any] | None = None,
    *,
    average: Callable[[float, float, Any], Any] | None = None,
) -> FlowMap:
    """The flow map of a schedule: of a data law, or of a model.

    Args:
        schedule: the schedule, for a model that of its training.
        data: a data law, whose flow is exact for Gaussian data and integrated to 1e-10 a step for others; or a model
            of the map, a function (s, t, x) ↦ Φ_{s,t}(x).
        average: in place of `data` a model of the average velocity, a function (s, t, x) ↦ u_{s,t}(x).

    Raises:
        InputError: neither or both given, something that is no law and cannot be called, letters without values, a
            schedule that is not valid.
    """
    schedule = as_schedule(schedule)
    schedule.validate()
    if (data is None) == (average is None):
        raise InputError("give one of data (a law, or a model of the map) and average (a model of the mean velocity)")
    if average is not None:
        if not callable(average):
            raise InputError(f"average is {quoted(average)}; it should be a function of s, t and x")
        return FlowMap(schedule, lambda s, t, x: mapped(average(s, t, x), x, t - s))
    if isinstance(data, DataLaw | str):
        data = as_law(data)
        known(data.parameters, str(data), "asking for a flow map")
        law = data
        return FlowMap(schedule, lambda s, t, x: _exact(schedule, law, s, t, x), law.summary)
    if not callable(data):
        raise InputError(f"data is {quoted(data)}; it should be a data law, or a function of s, t and x")
    return FlowMap(schedule, data)


def _exact(schedule: Schedule, law: DataLaw, s: float, t: float, x: Array) -> Any:
    """Through the frame (cos θ, sin θ), in which the law's own flow is known."""
    if law.dim > 1 and (x.ndim == 0 or x.shape[-1] != law.dim):
        raise InputError(f"states have shape {x.shape}; this law needs the last axis to be {law.dim}")
    alpha, beta = values((schedule.alpha, schedule.beta), np.array([s, t]))
    # In units of the data, whatever their size, the states are of size 1, for which the precision is meant.
    mean, covariance = (np.asarray(moment, dtype=np.float64) for moment in (law.expectation, law.covariance))
    unit = float(np.sqrt(np.diagonal(np.atleast_2d(covariance)).mean() + np.mean(mean**2))) or 1.0
    size, angle = np.hypot(alpha, unit * beta), np.arctan2(unit * beta, alpha)
    if not (size > 0).all():
        raise InputError(f"{schedule} is a point at t = {(s, t)[int(size[0] > 0)]:g}, which has no flow; ask inside")
    inner = _gaussian if isinstance(law, Gaussian) else _integrated
    return size[1] * inner(law, unit, float(angle[0]), float(angle[1]), x / size[0])


def _gaussian(law: Any, unit: float, first: float, last: float, x: Array) -> Any:
    """β m + √(V/V_s)(x − β_s m), along the axes of the covariance."""
    frame = law.frame
    column = x[..., None] if law.dim == 1 else x
    beta = [np.sin(angle) / unit for angle in (first, last)]
    spreads = (np.hypot(np.cos(angle), frame.stds * b) for angle, b in zip((first, last), beta, strict=True))
    moved = frame.back(stretched(frame.offset(beta[0], column), *spreads)) + beta[1] * frame.mean
    return moved[..., 0] if law.dim == 1 else moved


def _integrated(law: DataLaw, unit: float, first: float, last: float, x: Array) -> Any:
    """dx/dθ = cos θ η_X/unit − sin θ η_Z."""
    from scipy.integrate import solve_ivp

    def velocity(angle: float, flat: Array) -> Array:
        alpha, beta = max(float(np.cos(angle)), 0.0), float(np.sin(angle))
        return np.ravel(law.velocity_at(alpha, beta / unit, -beta, alpha / unit, flat.reshape(x.shape)))

    if first == last or not x.size:
        return x.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        run = solve_ivp(velocity, (first, last), x.ravel(), method="DOP853", rtol=PRECISION, atol=PRECISION)
    if not run.success or not np.isfinite(run.y).all():
        told = run.message if not run.success else "it leaves the floats"
        raise InputError(f"the flow of {law.summary} could not be followed: {told}")
    return run.y[:, -1].reshape(x.shape)


def _time(value: Any, name: str) -> float:
    grid = times_array(value)
    if grid.ndim:
        raise InputError(f"{name} has shape {grid.shape}; it should be one time in [0, 1]")
    return float(grid)
