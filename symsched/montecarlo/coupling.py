"""couple: several systems driven by one Brownian motion, for strong errors and pathwise conversion (theory C3).

The normals are drawn on the union of all grids and summed up to each system's steps, so a coarse grid sees exactly
the Brownian motion of the fine one.  A system that is seen `through` a conversion runs in its own clock τ(t) and is
reported as c_t X_τ(t).  Its Brownian motion W and the common one W̄ obey dW_τ = √τ̇ dW̄, so over a step their
increments are two Gaussians with covariance ∫√τ̇ dt: drawn as such, each with exactly its own law.

With `kappa` one system is joined by the one that its own noise drives at another scale, in another schedule if asked
(theory C26).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symsched.catalog import as_schedule
from symsched.conversion import convert, same_schedule
from symsched.errors import InputError
from symsched.given import count, memory, seed_of
from symsched.kernels.random import AREA, BROWNIAN, CLOCK, joined, normals
from symsched.montecarlo.arguments import SAME, grid_of, snapped, times_of, workers_of
from symsched.montecarlo.model import Model, model_of
from symsched.montecarlo.program import Program, program_of
from symsched.montecarlo.run import stepped
from symsched.montecarlo.tables import Start, Tables, fill, start_of, variance_increments
from symsched.parsing import quoted
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.shown import Shown
from symsched.steps.integrals import gauss, nodes

Array = NDArray[np.float64]
#: Normals (steps, dim, paths) of a purpose.
Noise = Callable[[np.uint64], Array]
#: Bytes of normals that one chunk of paths may hold.
CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class System:
    """One of the coupled systems: an SDE, its scheme, and its times (`steps` equal ones from `start`, or `grid`).

    `through` is a Conversion whose source this SDE belongs to; `grid` is then in the target's time, and the states
    reported are c_t X_τ(t).
    """

    sde: Any
    steps: int | None = None
    scheme: str = "euler"
    grid: Any = None
    through: Any = None


@dataclass(frozen=True, repr=False)
class Coupled(Shown):
    """States of the coupled systems at common times: states[k] has shape (T, paths) or (T, paths, d)."""

    times: Array
    states: tuple[Array, ...]

    def _line(self) -> str:
        return f"Coupled({len(self.states)} systems, {len(self.times)} times, {self.states[0].shape[1]} paths)"

    def rms(self, i: int = 0, j: int = 1) -> Array:
        """Root mean square over the paths of |X_i − X_j| at each time, shape (T,)."""
        return np.sqrt(self._squares(i, j).mean(axis=1))

    def strong_error(self, i: int = 0, j: int = 1) -> tuple[float, float]:
        """(E sup_t |X_i − X_j|²)^½ over the saved times, and its standard error (NaN for one path)."""
        worst = self._squares(i, j).max(axis=0)
        value = float(np.sqrt(worst.mean()))
        spread = float(worst.std(ddof=1) / np.sqrt(worst.size)) if worst.size > 1 else float("nan")
        return value, spread / (2 * value) if value > 0 else 0.0

    def _squares(self, i: int, j: int) -> Array:
        i, j = (count(k, "a system", least=0, most=len(self.states) - 1) for k in (i, j))
        gap = (self.states[i] - self.states[j]) ** 2
        return gap if gap.ndim == 2 else gap.sum(axis=2)


@dataclass(frozen=True)
class _Plan:
    """One system on the union grid; `shares` is what each fine step's normal contributes to its coarse step's."""

    model: Model
    tables: Tables
    starts: NDArray[np.int64]
    shares: Array
    widths: Array
    save: NDArray[np.int64]
    share: Array | None
    scale: Array | None


def couple(
    *systems: System,
    paths: int = 10_000,
    seed: int = 0,
    start: float | None = None,
    save: Sequence[float] | None = None,
    threads: int | None = None,
    kappa: Any = None,
    schedule: Schedule | str | None = None,
) -> Coupled:
    """Run the systems on one Brownian motion from one start, and return their states side by side.

    With `kappa`, one system is given, and the second is made: the path of scale κ' ε* that the noise of the first
    drives, dX' = b'(t, X') dt + √(κ'/κ) (dX − b(t, X) dt) in one schedule (theory C26).  For data N(m, ρ²) the
    correlation of the two is R∞ + (1 − R∞)(h₀/h)^((κ+κ')/2), R∞ = 2√(κκ')/(κ+κ'), h = β²/V: R∞ from pure noise.

    Args:
        systems: two or more `System`s of one dimension; the first without `through` gives the law of the start.
        paths, seed: as in `simulate`; the random numbers are addressed in the same way.
        start: common first time of systems that give `steps` (default 0).
        save: times in common (default: every time that all grids have).
        threads: worker threads (default: all cores); the result does not depend on it.
        kappa: κ' of the second system, a number or an expression in t (≥ 0), for the one `InterpolantSDE` given.
        schedule: schedule of the second (default: the same).  All times are then this schedule's, and both systems are
            reported in it: states[0] is c_t X_τ(t).

    Raises:
        InputError: as `simulate`; grids with different ends, no common times, a start that a conversion cannot map;
            `kappa` for a system without noise (its scale is 0), for several, or for one that is no interpolant.
    """
    paths = count(paths, "paths")
    for given in systems:
        if not isinstance(given, System):
            raise InputError(f"couple got {quoted(given)}; it should be a System, as in System(sde, steps=100)")
    if kappa is not None or schedule is not None:
        systems = _with_carried(systems, kappa, schedule)
    if len(systems) < 2:
        raise InputError(f"couple got {len(systems)} systems; it needs at least two")
    coupler = Coupler(systems, seed_of(seed), start, save)
    saved, dim = coupler.saved, coupler.dim
    memory(8 * len(saved) * paths * dim * len(systems), f"{paths} coupled paths at {len(saved)} times")
    states = tuple(np.empty((len(saved), dim, paths)) for _ in systems)
    with ThreadPoolExecutor(workers_of(threads)) as pool:
        chunks = [(first, min(coupler.size, paths - first)) for first in range(0, paths, coupler.size)]
        for (first, width), found in zip(chunks, pool.map(lambda c: coupler.chunk(*c), chunks), strict=True):
            for out, part in zip(states, found, strict=True):
                out[:, :, first : first + width] = part
    for k, reached in enumerate(states):
        lost = int(paths - np.isfinite(reached).all(axis=(0, 1)).sum())
        if lost:
            raise InputError(f"system {k} is not finite on {lost} of {paths} paths; use more steps or another scheme")
    ordered = (s.transpose(0, 2, 1) for s in states)
    return Coupled(saved, tuple(s[..., 0] if dim == 1 else s for s in ordered))


def _with_carried(systems: Sequence[System], kappa: Any, schedule: Schedule | str | None) -> tuple[System, System]:
    """The system, seen in the target schedule, and the one of scale kappa that its noise drives."""
    if kappa is None:
        raise InputError(f"schedule = {schedule} without kappa; give the kappa of the path that is to be made there")
    if len(systems) != 1:
        raise InputError(f"kappa = {kappa} makes the second system of one, and {len(systems)} are given; give one")
    (system,) = systems
    sde = system.sde
    if not isinstance(sde, InterpolantSDE):
        raise InputError(f"kappa = {kappa} needs an InterpolantSDE, which has an eps_star, not a {type(sde).__name__}")
    if system.through is not None:
        raise InputError("kappa needs a system in its own time, not through a conversion; give the target as schedule=")
    if sde.eps == 0:
        raise InputError("the system has eps = 0: its paths hold no noise to drive another; give it a kappa > 0")
    target = InterpolantSDE(sde.schedule if schedule is None else as_schedule(schedule), sde.data, kappa=kappa)
    moved = not same_schedule(sde.schedule, target.schedule)
    through = convert(sde.schedule, target.schedule) if moved else None
    return replace(system, through=through), replace(system, sde=target)


class Coupler:
    """The systems on their union grid; `chunk` runs any range of paths."""

    def __init__(self, systems: Sequence[System], seed: int, start: float | None, save: Sequence[float] | None) -> None:
        first, *others = (grid_of(s.steps, s.grid, start) for s in systems)
        grids = [first, *(snapped(grid, first) for grid in others)]
        self.seed = seed
        self.union, self.saved = _common(grids, save)
        models = [model_of(s.sde) for s in systems]
        if len({m.dim for m in models}) > 1:
            raise InputError(f"the systems have dimensions {[m.dim for m in models]}; they should agree")
        self.dim = models[0].dim
        self.law = _start(systems, models, float(self.union[0]))
        parts = zip(systems, models, grids, strict=True)
        self.plans = [_plan(s, m, g, self.union, self.saved, self.law) for s, m, g in parts]
        self.size = max(256, CHUNK_BYTES // (8 * self.dim * (len(self.union) - 1)) // 256 * 256)

    def chunk(self, first: int, width: int) -> list[Array]:
        """States (T, dim, width) of each system, for the paths from `first` on."""
        noise = _Noise(self.seed, first, width, self.steps, self.dim)
        return self.driven(self.law.sample(first, width, self.seed), noise.of)

    def driven(self, x0: Array, noise: Noise) -> list[Array]:
        """States (T, dim, paths) of each system from x0 (dim, paths), by the normals of each purpose."""
        return [_follow(plan, x0, noise, self.union) for plan in self.plans]

    @property
    def steps(self) -> int:
        """Steps of the union grid."""
        return len(self.union) - 1

    @property
    def purposes(self) -> tuple[np.uint64, ...]:
        """What normals are asked for by systems in their own time."""
        return (BROWNIAN, AREA) if any(plan.tables.kind.area for plan in self.plans) else (BROWNIAN,)


def _common(grids: list[Array], save: Sequence[float] | None) -> tuple[Array, Array]:
    firsts, lasts = [g[0] for g in grids], [g[-1] for g in grids]
    if max(firsts) - min(firsts) > SAME or max(lasts) - min(lasts) > SAME:
        raise InputError(f"the grids run from {firsts} to {lasts}; coupled systems should share both ends")
    union = np.unique(np.concatenate(grids))
    union = union[np.append(True, np.diff(union) > SAME)]
    shared = reduce(np.intersect1d, [_places(union, g) for g in grids])
    wanted = shared if save is None else _places(union, np.unique(snapped(times_of(save, "save"), union)))
    lacking = np.setdiff1d(wanted, shared)
    if lacking.size:
        raise InputError(f"save has the time {union[lacking[0]]:.6g}, which is not on every grid")
    return union, union[wanted]


def _places(union: Array, times: Array) -> NDArray[np.int64]:
    right = np.clip(np.searchsorted(union, times), 1, len(union) - 1)
    found = np.where(times - union[right - 1] < union[right] - times, right - 1, right)
    off = np.abs(union[found] - times) > SAME
    if off.any():
        raise InputError(f"the time {times[off][0]:.6g} is not on the grids")
    return found.astype(np.int64)


def _start(systems: Sequence[System], models: list[Model], time: float) -> Start:
    own = [m for s, m in zip(systems, models, strict=True) if s.through is None]
    if not own:
        raise InputError("every system is seen through a conversion; one should run in the common time itself")
    return start_of(own[0], time)


def _plan(system: System, model: Model, grid: Array, union: Array, saved: Array, law: Start) -> _Plan:
    program, places = program_of(model, system.scheme, "float64"), _places(union, grid)
    clock, scale, share, fine = union[places], None, None, union
    if system.through is not None:
        tau, factor, *_ = system.through.at(union)
        if not (np.isfinite(factor).all() and factor[0] > 0 and np.diff(tau).min() > 0):
            raise InputError(
                f"the conversion cannot carry a start at t = {union[0]:.6g} (c = {factor[0]:.6g}); use start > 0"
            )
        fine, clock, scale = tau, tau[places], factor
        share = _clock_share(system.through, union, tau)
    tables = fill(program, clock, law.at_zero)
    if not tables.finite_rows().all():
        where = union[places[int(np.argmin(tables.finite_rows()))]]
        raise InputError(f"a coefficient is not finite at t = {where:.6g}; use start or grid to keep away from it")
    shares = _shares(_weights(program, fine, places), places[:-1])
    kept = _places(union[places], saved)
    return _Plan(model, tables, places[:-1], shares, np.diff(fine), kept, share, scale)


def _clock_share(conversion: Any, union: Array, tau: Array) -> Array:
    """Correlation of the increments of W and W̄ over each step: ∫√τ̇ dt/√(Δt Δτ)."""
    at = nodes(union)
    rate = conversion.at(at.ravel())[2].reshape(at.shape)
    mixed = (np.sqrt(rate) @ gauss()[1]) * np.diff(union)
    return np.minimum(mixed / np.sqrt(np.diff(union) * np.diff(tau)), 1.0)


def _weights(program: Program, fine: Array, places: NDArray[np.int64]) -> Array:
    """Standard deviation that each fine step contributes to its coarse step's noise: (fine steps, dim or 1)."""
    if program.scheme == "lazy":
        return np.sqrt(variance_increments(program.model, fine))[:, None]
    if program.scheme != "exponential":
        return np.sqrt(np.diff(fine))[:, None]
    S, modes = fill(program, fine, at_zero=False).S, program.model.dim if program.kind.form == "affine" else 1
    P, u = S[:, :modes], S[:, -modes:]
    weights = u.copy()
    for begin, end in pairwise(places):
        for j in range(end - 2, begin - 1, -1):
            weights[begin : j + 1] *= P[j + 1]
    return weights


def _shares(weights: Array, starts: NDArray[np.int64]) -> Array:
    """The weights of each coarse step, of which the squares sum to 1; 0 where there is no noise."""
    whole = np.sqrt(np.add.reduceat(weights**2, starts, axis=0))
    whole = np.repeat(whole, np.diff(np.append(starts, len(weights))), axis=0)
    return np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0)


class _Noise:
    """Normals (fine steps, dim, paths) of one chunk, made when first asked for."""

    def __init__(self, seed: int, first: int, width: int, steps: int, dim: int) -> None:
        self.address = (seed, first, width, steps, dim)
        self.made: dict[int, Array] = {}

    def of(self, purpose: np.uint64) -> Array:
        if int(purpose) not in self.made:
            self.made[int(purpose)] = normals(*self.address, purpose)
        return self.made[int(purpose)]


def _follow(plan: _Plan, x0: Array, noise: Noise, union: Array) -> Array:
    """States (T, dim, paths) of one system, in the common frame."""
    z = noise(BROWNIAN)
    if plan.share is not None:
        r = plan.share[:, None, None]
        z = r * z + np.sqrt(1 - r**2) * noise(CLOCK)
    begin, basis = x0 if plan.scale is None else x0 / plan.scale[0], plan.model.basis
    second = noise(AREA) if plan.tables.kind.area else None
    if basis is not None:
        z, begin = np.einsum("ij,nip->njp", basis, z), basis.T @ begin
    area = None if second is None else _area(plan, z, second)
    out = stepped(plan.tables, begin, plan.save, given=joined(z, plan.shares, plan.starts), area=area)
    out = out if basis is None else np.einsum("ij,tjp->tip", basis, out)
    if plan.scale is not None:
        ends = np.append(plan.starts, len(union) - 1)
        out *= plan.scale[ends[plan.save]][:, None, None]
    return out


def _area(plan: _Plan, z: Array, second: Array) -> Array:
    """The second normals of the coarse steps: z′ in I₁₀ = ½ H^{3/2} (z + z′/√3), I₁₀ = ∫(W − W_start) dt."""
    h = plan.widths[:, None, None]
    w = np.cumsum(np.sqrt(h) * z, axis=0)
    left = np.concatenate([np.zeros((1, *w.shape[1:])), w[:-1]])
    own = h**1.5 / 2 * (z + second / np.sqrt(3))
    H = np.add.reduceat(h, plan.starts, axis=0)
    total = np.add.reduceat(left * h + own, plan.starts, axis=0) - left[plan.starts] * H
    coarse = np.add.reduceat(np.sqrt(h) * z, plan.starts, axis=0) / np.sqrt(H)
    return np.sqrt(3) * (2 * total / H**1.5 - coarse)
