"""Time grids by name: N evaluations, and the data at the end.

    uniform              equal steps of the target's time
    angle(rho=1)         equal steps of atan(ρ r): the target's time where the target is lazy(kappa=0, rho)
    optimal([1, 10])     equal steps of the length of the curve of angles of these standard deviations (theory C20)
    shift(s=3)           equal steps of s r/(1 + s r): the flow models' timestep shift, for any target
    logistic(rho, power) equal steps of (ρ r)^p/(1 + (ρ r)^p): a shift by 1/ρ at p = 1, longer tails at p < 1
    tailed(rho, p, q)    equal steps of u with ρ r = u^p/(1 − u)^q: with q > 1 more of them near the data
    logsnr(low, high)    equal steps of log r between the two ratios
    karras(rho=7)        equal steps of σ^(1/ρ) with σ = 1/r (Karras et al., arXiv:2206.00364)

A list of numbers is a grid of target times; `sigmas([…])` are noise-to-signal ratios α/β as in k-diffusion, `flow([…])`
noise levels α/(α + β) as in diffusers' flow models; both descend, may end in 0, and are interpolated in log σ where
another number of steps is asked for (as with the lists of Sabour et al., "Align your steps", arXiv:2404.14507).
A named grid begins at the model's own start; a list where it says, within the model's levels; all end in the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symsched.bridge.levels import Frame
from symsched.bridge.options import read_call
from symsched.errors import InputError
from symsched.given import whole
from symsched.spacing import optimal_grid

Array = NDArray[np.float64]
Rule = Callable[[Frame, int], Array]
ROUNDING = 1e-6  # of float32, in which noise levels travel: so far above the top they are the top


@dataclass(frozen=True)
class Grid:
    """A rule that places N + 1 target times for a frame; `text` names it in records."""

    text: str
    rule: Rule

    def times(self, frame: Frame, steps: int) -> Array:
        """N + 1 increasing target times, the last 1.  Raises InputError where the model's levels leave no room."""
        steps = whole(steps, "steps")
        low, high = frame.span
        times = self.rule(frame, steps)
        times = np.concatenate([np.clip(times[:-1], low, high), [1.0]])
        if len(times) > 2 and not (np.diff(times[:-1]) > 0).all():
            raise InputError(
                f"grid {self.text}: {steps} steps do not fit between the first and last level of {frame.source} "
                f"(target times {low:.6g} to {high:.6g}); take fewer steps, or a grid inside them"
            )
        return times


def uniform() -> Grid:
    """Equal steps of the target's time."""
    return Grid("uniform", lambda frame, steps: np.linspace(frame.span[0], 1.0, steps + 1))


def angle(rho: float = 1.0) -> Grid:
    """Equal steps of atan(ρ r)."""
    _require_positive("angle", rho=rho)
    return _coordinate(f"angle(rho={rho:g})", lambda r: np.arctan(rho * r), lambda u: np.tan(u) / rho, np.pi / 2)


def optimal(stds: ArrayLike) -> Grid:
    """Equal steps of ∫ √Σ dθ_k², θ_k = atan(ρ_k r), for data with these standard deviations; `angle` is one of them."""
    optimal_grid(stds, 1)  # refused here, not at the first use

    def rule(frame: Frame, steps: int) -> Array:
        return _with_ends(frame.time_at(optimal_grid(stds, steps, start=frame.source.span[0])[1:-1]))

    return Grid(f"optimal({brief(np.atleast_1d(np.asarray(stds, dtype=np.float64)))})", rule)


def shift(s: float = 3.0) -> Grid:
    """Equal steps of s r/(1 + s r): with s > 1 more of the steps go to the noise; the timestep shift, once."""
    _require_positive("shift", s=s)
    return _coordinate(f"shift(s={s:g})", lambda r: s * r / (1 + s * r), lambda u: u / (1 - u) / s, 1.0)


def logistic(rho: float = 2.0, power: float = 1.0) -> Grid:
    """Equal steps of the logistic function of p log(ρ r)."""
    _require_positive("logistic", rho=rho, power=power)
    text = f"logistic(rho={rho:g}, power={power:g})"
    return _coordinate(text, lambda r: logistic_of(r, rho, power), lambda u: ratio_of(u, rho, power), 1.0)


def logistic_of(ratio: Any, rho: float, power: float) -> Any:
    """u = (ρ r)^p/(1 + (ρ r)^p)."""
    return (rho * ratio) ** power / (1 + (rho * ratio) ** power)


def ratio_of(u: Any, rho: float, power: float) -> Any:
    """r = (u/(1 − u))^(1/p)/ρ, its inverse."""
    return (u / (1 - u)) ** (1 / power) / rho


def tailed(rho: float = 2.0, p: float = 0.9, q: float = 1.4) -> Grid:
    """Equal steps of u with ρ r = u^p/(1 − u)^q: the timestep shift at p = q = 1, longer in its tail at q > 1."""
    _require_positive("tailed", rho=rho, p=p, q=q)

    def rule(frame: Frame, steps: int) -> Array:
        first, last = (_tailed_inverse(rho * end, p, q) for end in frame.source.span)
        u = np.linspace(first, 1.0, steps + 1)[:-1]
        # a truncated model: the levels end at its last one, whence the data are one step
        u = np.linspace(first, last, steps) if u[-1] > last else u
        return _with_ends(frame.time_at(u[1:] ** p / (1 - u[1:]) ** q / rho))

    return Grid(f"tailed(rho={rho:g}, p={p:g}, q={q:g})", rule)


def _tailed_inverse(level: float, p: float, q: float) -> float:
    """u of u^p/(1 − u)^q = level, in [0, 1]."""
    from scipy.optimize import brentq

    if level in (0.0, np.inf):
        return 0.0 if level == 0 else 1.0
    # u = 1/(1 + e^−x) with |x| ≤ 500 reaches ratios beyond those of floats; in u itself the ends would be rounded away
    logit = brentq(lambda x: q * np.logaddexp(0, x) - p * np.logaddexp(0, -x) - np.log(level), -500.0, 500.0)
    return float(1 / (1 + np.exp(-logit)))


def _coordinate(text: str, forward: Callable[[Any], Any], back: Callable[[Any], Any], end: float) -> Grid:
    def rule(frame: Frame, steps: int) -> Array:
        inside = np.linspace(forward(frame.source.span[0]), end, steps + 1)[1:-1]
        return _with_ends(frame.time_at(back(inside)))

    return Grid(text, rule)


def logsnr(low: float = 0.01, high: float = 100.0) -> Grid:
    """Equal steps of log r from `low` (or the model's start, if later) to `high`, then the data."""
    _require_levels("logsnr", low, high)
    return _between(f"logsnr(low={low:g}, high={high:g})", low, high, np.log, np.exp)


def karras(rho: float = 7.0, sigma_min: float = 0.01, sigma_max: float = 100.0) -> Grid:
    """Equal steps of σ^(1/ρ), σ = 1/r, from σ_max (or the model's start, if less) to σ_min, then the data."""
    _require_levels("karras", sigma_min, sigma_max)
    _require_positive("karras", rho=rho)
    text = f"karras(rho={rho:g}, sigma_min={sigma_min:g}, sigma_max={sigma_max:g})"
    return _between(text, 1 / sigma_max, 1 / sigma_min, lambda r: r ** (-1 / rho), lambda u: u**-rho)


def _between(text: str, low: float, high: float, forward: Callable[[Any], Any], back: Callable[[Any], Any]) -> Grid:
    def rule(frame: Frame, steps: int) -> Array:
        first, last = max(low, frame.source.span[0]), min(high, frame.source.span[1])
        nodes = back(np.linspace(forward(first), forward(last), steps))
        return _with_ends(frame.time_at(nodes[1:]))

    return Grid(text, rule)


def _with_ends(inside: Array) -> Array:
    return np.concatenate([[0.0], inside, [1.0]])


def _require_positive(name: str, **options: float) -> None:
    for key, value in options.items():
        if not 0 < value < np.inf:
            raise InputError(f"grid {name}: {key} = {value:g}; expected a number > 0")


def _require_levels(name: str, low: float, high: float) -> None:
    if not 0 < low < high < np.inf:
        raise InputError(f"grid {name}: the levels are {low:g} and {high:g}; expected 0 < lower < upper < inf")


def listed(times: ArrayLike) -> Grid:
    """Target times, increasing within [0, 1] and ending at 1."""
    grid = _numbers(times, "grid")
    if not (grid[0] >= 0 and grid[-1] == 1 and (np.diff(grid) > 0).all()):
        raise InputError(f"grid {brief(grid)}: expected target times that increase strictly from ≥ 0 to 1")

    def rule(_: Frame, steps: int) -> Array:
        if steps != len(grid) - 1:
            raise InputError(f"grid of {len(grid)} times with steps = {steps}: expected steps = {len(grid) - 1}")
        return grid

    return Grid("listed", rule)


def sigmas(levels: ArrayLike) -> Grid:
    """Noise-to-signal ratios α/β, descending; a trailing 0 may be left out."""
    return _noise_levels(levels, "sigmas", np.inf, lambda sigma: 1 / sigma)


def flow(levels: ArrayLike) -> Grid:
    """Noise levels α/(α + β) in (0, 1], descending; a trailing 0 may be left out."""
    return _noise_levels(levels, "flow", 1.0, lambda sigma: (1 - sigma) / sigma)


def _noise_levels(levels: ArrayLike, name: str, top: float, ratio: Callable[[Array], Array]) -> Grid:
    given = _numbers(levels, name)
    inside = given[:-1] if given[-1] == 0 else given
    inside = np.where((inside > top) & (inside <= top * (1 + ROUNDING)), top, inside)
    if not (len(inside) and (inside > 0).all() and inside[0] <= top and (np.diff(inside) < 0).all()):
        room = "" if top == np.inf else f" of at most {top:g}"
        raise InputError(f"{name} {brief(given)}: expected noise levels{room} that decrease strictly towards 0")

    def rule(frame: Frame, steps: int) -> Array:
        at = np.linspace(0, len(inside) - 1, steps)
        chosen = inside if steps == len(inside) else np.exp(np.interp(at, np.arange(len(inside)), np.log(inside)))
        return np.concatenate([frame.time_at(ratio(chosen)), [1.0]])

    return Grid(name, rule)


def _numbers(given: ArrayLike, what: str) -> Array:
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} {given!r}: expected a list of numbers") from None
    if numbers.ndim != 1 or len(numbers) < 2 or not np.isfinite(numbers).all():
        raise InputError(f"{what} of shape {numbers.shape}: expected a list of at least two finite numbers")
    return numbers


def brief(values: Sequence[float] | Array) -> str:
    """A list of numbers for a message, short."""
    shown = [f"{value:g}" for value in values]
    return f"[{', '.join(shown if len(shown) <= 6 else [*shown[:3], '…', *shown[-2:]])}]"


NAMED: dict[str, Callable[..., Grid]] = {
    "uniform": uniform,
    "angle": angle,
    "optimal": optimal,
    "shift": shift,
    "logistic": logistic,
    "tailed": tailed,
    "logsnr": logsnr,
    "karras": karras,
    "sigmas": sigmas,
    "flow": flow,
}


def as_grid(grid: Grid | str | ArrayLike | None) -> Grid:
    """A grid from itself, its text such as "angle(rho=2)", a list of target times, or None for `uniform`."""
    if grid is None or isinstance(grid, Grid):
        return grid or uniform()
    if isinstance(grid, str):
        maker, options = read_call(grid, NAMED, NAMED.__getitem__, "grid")
        return maker(**options)
    return listed(grid)
