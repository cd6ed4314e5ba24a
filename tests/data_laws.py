"""Laws that the tests of symsched.data share."""

from __future__ import annotations

import numpy as np
import sympy as sp

from symsched.data import Empirical, Gaussian, GaussianMixture

SCALARS = [
    Gaussian(sp.Rational(1, 2), 2),
    GaussianMixture([0.25, 0.75], [-1, 1], [0.3, 0.5]),
    GaussianMixture([0.2, 0.3, 0.5], [-2, 0, 1], [0.4, 0.4, 0.4]),
    Empirical([-1, 0, 2.5]),
]
COVARIANCE = np.array([[1.0, 0.5], [0.5, 2.0]])
SAMPLED = [
    *SCALARS,
    Gaussian([1, -2], COVARIANCE),
    Gaussian([0, 1, 2], 0.5),
    GaussianMixture([0.4, 0.6], [[0, 0], [2, 1]], [COVARIANCE, np.eye(2)]),
    Empirical([[0, 1], [2, 3], [5, -1]]),
]
