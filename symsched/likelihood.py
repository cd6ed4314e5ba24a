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

from symsched.data import DataLaw, Gaussian, GaussianMixture
from symsched.data.checks import known
from symsched.data.numeric import Eigenframe
from symsched.errors import InputError
from symsched.given import reals
from symsched.parsing import quoted
from symsched.precision import alone
from symsched.schedule import Schedule
from symsched.sde.time_integrals import over_time

Array = NDArray[np.float64]
SPAN = 9.0  # of the noise: beyond it there is 1e-18 of it
BLIND = 1e10  # ratio of noise to what is looked for, or back
MOST = 128  # points times components, in about half a minute


@alone
def log_likelihood(data: DataLaw, points: Any, schedule: Schedule) -> Any:
    """log p(ξ) at `points`, float64 of their shape, from the law's denoiser along the schedule alone.

    `data` is Gaussian or a mixture in one dimension; the exact value is `data.log_density_at(0, 1, points)`, so that
    the difference is what the integrals lose: about 1e-9.

    Raises InputError for other data, points that are not finite or too many (128 over the number of components),
    letters without a value, and a schedule whose β/α does not go from 0 to ∞; UndecidedError where the integral
    converges too slowly.
    """
    if not isinstance(data, Gaussian | GaussianMixture) or data.dim > 1:
        what = f"{data.summary}, of dimension {data.dim}" if isinstance(data, DataLaw) else quoted(data)
        raise InputError(f"data is {what}; a likelihood is computed for a Gaussian or a mixture in one dimension")
    if not isinstance(schedule, Schedule):
        raise InputError(f"schedule is {quoted(schedule)}; it should be a Schedule")
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

    def rate(tables: list[Array], level: int) -> Array:
        alpha, beta, pace = tables
        step = 2.0 ** -(level + 3)
        noise = step * np.arange(-round(SPAN / step), round(SPAN / step) + 1)
        weight = step * np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi)
        a, b = alpha[:, None], beta[:, None]
        # Elsewhere the noise hides all of the data, or none of what its density shows: 1e-20 is left to sum.
        seen = (beta * narrow < BLIND * alpha) & (beta * wide * BLIND > alpha)
        a, b, found = a[seen], b[seen], np.zeros((given.size, len(alpha)))
        for row, point in zip(found, given.flat, strict=True):
            lost = (noise - data.eta_z_at(a, b, a * noise + b * point)) ** 2 @ weight
            row[seen] = gained(pace[seen], (beta / np.hypot(alpha, beta))[seen] ** 2, lost)
        return found

    exprs = (schedule.alpha, schedule.beta, schedule.log_r_dot)
    whole = over_time(exprs, rate, f"the likelihood along {schedule}", floor=1.0)
    found = (whole - np.log(2 * np.pi * np.e) / 2).reshape(given.shape)
    return found if found.shape else found[()]


def gained(pace: Any, share: Any, lost: Any) -> Any:
    """What log p gains per unit of time, of d log r/dt, γ/(1+γ) and E[(n − η_Z)²]; theory C28 decides it."""
    return pace * (share - lost)
