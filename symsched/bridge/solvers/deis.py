"""Data prediction held to a polynomial in the target's time, κ = 0: DEIS (Zhang and Chen, arXiv:2204.13902) for η_X.

With d(x/α)/dr = η_X a step is x'/α' = x/α + ∫ η_X dr, where η_X is the polynomial in the target's time t through its
last values, integrated over r(t).  In a direction in which the data do not vary, η_X does not either, and any step is
right: nearly all directions of an image are such, and a lazy frame, which is of one scale in all, is wrong there.  In a
direction of standard deviation ρ, η_X of Gaussian data goes with sin t in lazy(κ=0, ρ), smooth up to the data: the last
step reads the polynomial there, where solvers in log r fall back to order 1.  Once the next answer is known the step is
done again with it, as in UniPC (Zhao et al., arXiv:2302.04867).
"""

from __future__ import annotations

import numpy as np

from symsched.bridge.levels import Array, Frame, Levels
from symsched.bridge.plan import IDENTITY, Row, Stage
from symsched.bridge.solvers.common import finished, require_ode, stage
from symsched.errors import InputError

POINTS = 32  # of Gauss's rule over a step


def deis(frame: Frame, times: Array, /, order: float = 2, corrected: float = 1) -> tuple[Stage, ...]:
    """A polynomial through `order` answers, fewer to begin with; corrected = 0 leaves steps as they are.  Order 2."""
    require_ode(frame, "deis")
    if not (order >= 1 and order == int(order)):
        raise InputError(f"solver deis: order = {order:g}; expected a whole number ≥ 1")
    if corrected not in (0, 1):
        raise InputError(f"solver deis: corrected = {corrected:g}; expected 1, or 0 for steps as they are")
    levels, stages = frame.levels(times), []
    for k in range(len(times) - 1):
        past = times[k::-1][: int(order)]
        correct = _row(frame, levels, k - 1, past) if corrected and k else None
        stages.append(stage(levels, k, IDENTITY, _row(frame, levels, k, past), correct))
    return finished(stages, frame)


def _row(frame: Frame, levels: Levels, k: int, nodes: Array) -> Row:
    """From level k to the next, η_X the polynomial through its values at `nodes`, newest first."""
    alpha, beta = levels.alpha[k + 1], levels.beta[k + 1]
    if alpha == 0.0:  # r → ∞: the polynomial's value at the data is all that is left of the integral
        state, means = 0.0, np.array([np.polyval(p, levels.times[k + 1]) for p in lagrange(nodes)])
    else:
        state = alpha / levels.alpha[k]
        means = averages(frame, levels.times[k], levels.times[k + 1], nodes)
    return Row(float(state), tuple(float(w) for w in (beta - state * levels.beta[k]) * means))


def averages(frame: Frame, start: float, end: float, nodes: Array) -> Array:
    """The mean of each Lagrange polynomial of the nodes over r from r(start) to r(end)."""
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    inside = start + (end - start) * (points + 1) / 2
    ratios = frame.ratio_at(np.array([start, *inside, end]))
    gone = (ratios - ratios[0]) / (ratios[-1] - ratios[0])
    # by parts, which spares r': ∫ p dr/Δr = p(end) − ∫ p' (r − r(start))/Δr dt
    slopes = [np.polyval(np.polyder(p), inside) for p in lagrange(nodes)]
    lost = np.array([weights @ (slope * gone[1:-1]) * (end - start) / 2 for slope in slopes])
    return np.array([np.polyval(p, end) for p in lagrange(nodes)]) - lost


def lagrange(nodes: Array) -> list[Array]:
    """The coefficients of the polynomials that are 1 at one node and 0 at the others."""
    others = [np.delete(nodes, j) for j in range(len(nodes))]
    return [np.atleast_1d(np.poly(rest) / np.prod(nodes[j] - rest)) for j, rest in enumerate(others)]
