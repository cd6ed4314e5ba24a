"""UniPC with B(h) = e^h − 1 and data prediction (Zhao et al., arXiv:2302.04867), for κ = 0.

A predictor of order p, and once the next D is known a corrector of the same order that takes it in, at no further
evaluation.  With r_j = (λ_j − λ_k)/h of the other nodes, the weights ρ of (D_j − D_k)/r_j solve Σ_j ρ_j r_j^i = b_i, b
from the exponential integrals φ of powers.  As published, a single weight is ½ instead of the solution.
"""

from __future__ import annotations

import numpy as np

from symsched.bridge.levels import Array, Frame, Levels
from symsched.bridge.plan import IDENTITY, Row, Stage
from symsched.bridge.solvers.common import require_ode, stage
from symsched.bridge.solvers.exponential import held


def unipc2(frame: Frame, times: Array, /, lower: float = 1) -> tuple[Stage, ...]:
    """UniPC-2; the last step has order 1 unless lower = 0.  Order 2."""
    return unipc(frame, times, 2, bool(lower), "unipc2")


def unipc3(frame: Frame, times: Array, /, lower: float = 1) -> tuple[Stage, ...]:
    """UniPC-3; the order falls towards the last step unless lower = 0.  Order 3."""
    return unipc(frame, times, 3, bool(lower), "unipc3")


def unipc(frame: Frame, times: Array, order: int, lower: bool, name: str) -> tuple[Stage, ...]:
    """The table of either; the order begins at 1."""
    require_ode(frame, name)
    levels, last = frame.levels(times), len(times) - 2
    orders = [min(order, k + 1, last - k + 1 if lower or k == last else order) for k in range(last + 1)]
    stages = []
    for k, here in enumerate(orders):
        correct = _row(levels, k - 1, orders[k - 1], corrects=True) if k else None
        stages.append(stage(levels, k, IDENTITY, _row(levels, k, here, corrects=False), correct))
    return tuple(stages)


def _row(levels: Levels, k: int, order: int, *, corrects: bool) -> Row:
    """From level k to the next: predicted from D_k, D_{k−1}, …, or corrected with D_{k+1} before them."""
    state, data, _ = held(levels, k)
    h = levels.log_r[k + 1] - levels.log_r[k]
    past = [(levels.log_r[k - j] - levels.log_r[k]) / h for j in range(1, order)]
    nodes = np.array([*past, 1.0] if corrects else past)
    rho = _weights(nodes, h) / nodes
    change = np.concatenate([[-rho.sum()], rho[: len(past)]])
    weights = data * np.concatenate([rho[len(past) :], [1.0], np.zeros(len(past))])
    weights[len(weights) - len(change) :] += data * change
    return Row(state, tuple(float(w) for w in weights))


def _weights(nodes: Array, h: float) -> Array:
    """ρ; a node at r = 0 is infinitely far, and the system without it is the limit."""
    if len(nodes) == 1:
        return np.array([0.5])
    near = np.isfinite(nodes)
    rho, size = np.zeros(len(nodes)), int(near.sum())
    powers = np.vander(nodes[near], size, increasing=True).T
    rho[near] = np.linalg.solve(powers, _moments(h, size)) if size else 0.0
    return rho


def _moments(h: float, count: int) -> Array:
    """b_i = i! φ_{i+1}(−h) (−h)/(e^{−h} − 1), by the recursion φ_{i+1}(z) = (φ_i(z) − 1/i!)/z."""
    scale = np.expm1(-h)
    phi, factorial, found = scale / -h - 1.0, 1.0, []
    for i in range(1, count + 1):
        found.append(phi * factorial / scale)
        factorial *= i + 1
        phi = phi / -h - 1.0 / factorial
    return np.array(found)
