"""Adams methods with variable steps in the target's coordinates and time (κ = 0).

The drift F is replaced by the polynomial through its last values, integrated exactly over the step.  A corrected method
(…c) goes back once the next F is known, at no further evaluation: the step is redone with the new F among the nodes,
and the next step starts from there.  In the lazy frame the drift is small (0 for Gaussian data of standard deviation
ρ), so it is the frame for these methods: take target = "lazy(kappa=0, rho=…)".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symsched.bridge.levels import Array, Frame
from symsched.bridge.plan import Coefficient, Stage
from symsched.bridge.solvers.classical import row, slopes
from symsched.bridge.solvers.common import finished, require_ode, stage


def weights(nodes: Array, start: Coefficient, end: Coefficient) -> tuple[Any, ...]:
    """∫ from start to end of each Lagrange polynomial of the nodes, exact by Gauss's rule.

    Nodes (n,) and numbers, or nodes (n, modes) and arrays (modes,): each mode has a variable of its own.
    """
    points, gauss = np.polynomial.legendre.leggauss(len(nodes))
    shifted = (np.asarray(nodes) - start) / (end - start)
    at = ((points + 1) / 2).reshape(-1, *(1 for _ in shifted.shape[1:]))
    lagrange = [
        # + 0 · at: of a single node the product is empty, and its polynomial is 1 at each of Gauss's points
        np.prod([(at - other) / (node - other) for j, other in enumerate(shifted) if j != k], axis=0) + 0 * at
        for k, node in enumerate(shifted)
    ]
    found = [np.tensordot(gauss, value, 1) / 2 * (end - start) for value in lagrange]
    return tuple(float(value) if np.ndim(value) == 0 else np.broadcast_to(value, np.shape(end)) for value in found)


def adams(frame: Frame, times: Array, order: int, corrected: bool, name: str) -> tuple[Stage, ...]:
    """The table of an Adams method that begins with one order less each step back."""
    require_ode(frame, name)
    levels = frame.levels(times)
    table, stages = slopes(frame, levels), []
    for k in range(len(times) - 1):
        past = times[k::-1][:order]
        correct = None
        if corrected and k > 0:
            correct = row(levels, k - 1, k, weights(past, times[k - 1], times[k]))
        predict = row(levels, k, k + 1, weights(past, times[k], times[k + 1]))
        stages.append(stage(levels, k, table[k], predict, correct))
    return finished(stages, frame)


def ab2(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """Adams-Bashforth of order 2; the first step is Euler's."""
    return adams(frame, times, 2, False, "ab2")


def ab3(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """Adams-Bashforth of order 3; its Euler start leaves an error of order 2 in all but the lazy frame's best cases."""
    return adams(frame, times, 3, False, "ab3")


def ab2c(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """Adams-Bashforth 2, corrected by the trapezoid rule.  Order 2."""
    return adams(frame, times, 2, True, "ab2c")


def ab3c(frame: Frame, times: Array, /) -> tuple[Stage, ...]:
    """Adams-Bashforth 3, corrected by Adams-Moulton 3 (the trapezoid rule for the first step).  Order 3."""
    return adams(frame, times, 3, True, "ab3c")
