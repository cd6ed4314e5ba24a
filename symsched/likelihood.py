"""The likelihood of a point by denoising it, through any schedule (theory C28).

Given X = ξ, I = αn + βξ with the noise n ~ N(0, 1), and ξ − η_X = (η_Z − n)/r.  So with γ = r² the likelihood is

    log p(ξ) = −½ log 2πe + ½ ∫ (γ/(1+γ) − E[(n − η_Z(αn + βξ))²]) d log γ,      d log γ = 2 (d log r/dt) dt,

in which a schedule is a way to go through γ, and changes no value.

Source: Guo, Shamai, Verdú, doi:10.1109/TIT.2005.844072; pointwise: Kong et al., arXiv:2302.03792.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import oo

from symsched.catalog import as_schedule
from symsched.data import DataLaw, Gaussian, GaussianMixture, as_law
from symsched.data.checks import known
from symsched.data.numeric import Eigenframe
from symsched.errors import InputError
from symsched.given import reals
from symsched.precision import alone
from symsched.schedule import Schedule
from symsched.sde.time_integrals import over_time

Array = NDArray[np.float64]
Places = NDArray[np.signedinteger[Any]]
SPAN = 9.0  # of the noise: beyond it there is 1e-18 of it
BLIND = 1e10  # ratio of noise to what is looked for, or back
MOST = 128  # points times components, in about half a minute
PANELS, CHUNK = 18, 8_000  # even panels of the noise; times, times components, that are treated at once
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(10)


@alone
def log_likelihood(data: DataLaw | str, points: Any, schedule: Schedule | str) -> Any:
    """log p(ξ) at `points`, float64 of their shape, from the law's denoiser along the schedule alone.

    `data` is Gaussian or a mixture in one dimension; the exact value is `data.log_density_at(0, 1, points)`, so that
    the difference is what the integrals lose: about 1e-9, of a value beyond 1 its share, also midway between modes
    that are 1e-7 of their distance wide.

    Raises InputError for other data, points that are not finite or too many (128 over the number of components),
    letters without a value, and a schedule whose β/α does not go from 0 to ∞; UndecidedError where the integral
    converges too slowly, or would take more than a minute, as of tens of narrow components.
    """
    data, schedule = as_law(data), as_schedule(schedule)
    if not isinstance(data, Gaussian | GaussianMixture) or data.dim > 1:
        what = f"{data.summary}, of dimension {data.dim}"
        raise InputError(f"data is {what}; a likelihood is computed for a Gaussian or a mixture in one dimension")
    known(schedule.parameters | data.parameters, f"({schedule}, {data.summary})", "asking for a likelihood")
    ends = tuple(schedule.limit("r", end) for end in (0, 1))
    if ends != (0, oo):
        raise InputError(
            f"{schedule} goes through β/α from {ends[0]} to {ends[1]}; a likelihood needs all from 0 to oo: take a "
            "schedule from pure noise to the data, such as ss.schedules.linear()"
        )
    given = reals(points, "points", "real numbers, in an array")
    most = MOST // len(list(data.blocks()))
    if given.size > most or not np.isfinite(given).all():
        told = f"{given.size} points" if given.size > most else "points with NaN or infinity"
        raise InputError(f"{told}: expected at most {most} finite numbers for {data.summary}")

    blocks = [block for block in data.blocks() if isinstance(block, Eigenframe)]
    narrow = min(float(block.stds[0]) for block in blocks)
    wide = max(float(block.stds[0] + abs(block.mean[0])) for block in blocks) + np.abs(given).max(initial=0.0)

    def rate(tables: list[Array], _level: int) -> Array:
        alpha, beta, pace = tables
        # Elsewhere the noise hides all of the data, or none of what its density shows: 1e-20 is left to sum.
        seen = np.flatnonzero((beta * narrow < BLIND * alpha) & (beta * wide * BLIND > alpha))
        found = np.zeros((given.size, len(alpha)))
        for row, point in zip(found, given.flat, strict=True):
            for some in np.array_split(seen, 1 + len(seen) * len(blocks) // CHUNK):
                a, b = alpha[some], beta[some]
                row[some] = gained(pace[some], (b / np.hypot(a, b)) ** 2, _lost(data, a, b, float(point)))
        return found

    exprs = (schedule.alpha, schedule.beta, schedule.log_r_dot)
    whole = over_time(exprs, rate, f"the likelihood along {schedule}", floor=1.0)
    found = (whole - np.log(2 * np.pi * np.e) / 2).reshape(given.shape)
    return found if found.shape else found[()]


# -- E[(n − η_Z)²], by Gauss' rule on panels of the noise that are short where η_Z turns quickly -----------------------


def _lost(data: DataLaw, alpha: Array, beta: Array, point: float) -> Array:
    """E[(n − η_Z(αn + βξ))²] at each time."""
    times, low, high = _panels(len(alpha), *_turns(data, alpha, beta, point))
    half, a, b = (high - low)[:, None] / 2, alpha[times, None], beta[times, None]
    noise = low[:, None] + half * (1 + POINTS)
    density = np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi)
    parts = (noise - data.eta_z_at(a, b, a * noise + b * point)) ** 2 * density * half * WEIGHTS
    return np.bincount(times, parts.sum(axis=1), len(alpha)).astype(np.float64)


def _panels(count: int, times: Places, centres: Array, paces: Array) -> tuple[Places, Array, Array]:
    """(time, lower end, upper end) of all panels: even ones, and around each turn others that grow twofold from it."""
    even = np.linspace(-SPAN, SPAN, PANELS + 1)
    steps = 2.0 ** np.arange(-1, np.log2(paces.max(initial=1.0)) + 2)
    away = np.concatenate([[0.0], steps, -steps]) / paces[:, None]
    edges = centres[:, None] + away
    kept = (np.abs(away) < 1) & (np.abs(edges) < SPAN)
    times = np.concatenate([np.repeat(np.arange(count), len(even)), times[np.nonzero(kept)[0]]])
    edges = np.concatenate([np.tile(even, count), edges[kept]])
    order = np.lexsort((edges, times))
    times, edges = times[order], edges[order]
    real = (np.diff(times) == 0) & (np.diff(edges) > 0)
    return times[:-1][real], edges[:-1][real], edges[1:][real]


def _turns(data: DataLaw, alpha: Array, beta: Array, point: float) -> tuple[Places, Array, Array]:
    """(time, noise, pace) where one component of the mixture takes over from another: η_Z turns within a width 1/pace.

    Nothing else is narrow: the log of each component is a parabola in the noise, of curvature α²/V ≤ 1.
    """
    parts = [tuple(float(value) for value in (one.weight, one.mean, one.std)) for one in data.components()]
    weights, means, stds = (np.array(column) for column in zip(*parts, strict=True))
    a, gap = alpha[:, None], beta[:, None] * (point - means)
    variance = a**2 + (beta[:, None] * stds) ** 2
    # log w_k N(αn + βξ; βm_k, V_k) = level + slope n − bend n²
    forms = np.log(weights / np.sqrt(variance)) - gap**2 / (2 * variance), -a * gap / variance, a**2 / (2 * variance)

    def largest(times: Places, noise: Array) -> Places:
        level, slope, bend = (form[times] for form in forms)
        return np.asarray((level + noise[:, None] * (slope - noise[:, None] * bend)).argmax(axis=1))

    even = np.linspace(-SPAN, SPAN, 8 * PANELS + 1)
    first = largest(np.repeat(np.arange(len(alpha)), len(even)), np.tile(even, len(alpha))).reshape(len(alpha), -1)
    times, cell = np.nonzero(first[:, 1:] != first[:, :-1])
    one, other, low, high = first[times, cell], first[times, cell + 1], even[cell], even[cell + 1]
    found = []
    for _ in means:  # between two components a third may be the largest
        level, slope, bend = (form[times, one] - form[times, other] for form in forms)
        middle = _root(level, slope, -bend, low, high)
        found.append((times, middle, np.abs(slope - 2 * bend * middle)))
        third = largest(times, middle)
        new = (third != one) & (third != other)
        if not new.any():
            break
        times, middle, third = times[new], middle[new], third[new]
        one, other = np.append(one[new], third), np.append(third, other[new])
        low, high, times = np.append(low[new], middle), np.append(middle, high[new]), np.append(times, times)
    where, middles, paces = (np.concatenate(column) for column in zip(*found, strict=True))
    return where, middles, paces


def _root(c: Array, b: Array, a: Array, low: Array, high: Array) -> Array:
    """The root of c + bn + an² in [low, high], at whose ends its signs differ."""
    q = -(b + np.copysign(np.sqrt(np.maximum(b**2 - 4 * a * c, 0)), b)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        pair = np.nan_to_num(np.array([q / a, c / q]), nan=np.inf)
    off = np.abs(pair - (low + high) / 2)
    return np.clip(np.where(off[0] < off[1], *pair), low, high)


def gained(pace: Any, share: Any, lost: Any) -> Any:
    """What log p gains per unit of time, of d log r/dt, γ/(1+γ) and E[(n − η_Z)²]; theory C28 decides it."""
    return pace * (share - lost)
