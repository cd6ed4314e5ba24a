"""A covariance matrix along its axes, so that directions without variance stay without variance.

`eigh` finds eigenvalues to 10⁻¹⁶ of the largest one: of a singular matrix it finds 10⁻¹⁶ where 0 is right, and at
α = 10⁻⁹ that is all the variance there is.  An ill-conditioned matrix is therefore taken apart with 60 digits, an entry
meaning its shortest decimal (0.1 is 1/10) as everywhere in the package, and its rank is decided exactly.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import mpmath
import numpy as np
from flint import fmpz_mat

from symsched.data.checks import Array
from symsched.precision import digits

#: Ratio of the eigenvalues up to which `eigh` is right to twelve digits.
WELL = 1e4
#: Size up to which 60 digits take less than a second.
LARGEST = 24
_DIGITS = 60


def decimal(value: float) -> Fraction:
    """The shortest decimal that rounds to the float."""
    return Fraction(repr(float(value)))


def diagonalise(matrix: Array) -> tuple[Array, Array, Array | None]:
    """(stds, Q, what Q lacks in float64) with matrix = Q diag(stds²) Qᵀ; the last is None where `eigh` is enough."""
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    if values[0] * WELL >= values[-1]:
        return np.sqrt(values), axes, None
    if len(matrix) > LARGEST:
        return np.sqrt(np.maximum(values, 0.0)), axes, None
    both = zip(matrix, matrix.T, strict=True)
    exact = [[(decimal(a) + decimal(b)) / 2 for a, b in zip(*pair, strict=True)] for pair in both]
    with digits(_DIGITS):
        wide = mpmath.matrix([[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in exact])
        found, turned = mpmath.mp.eigsy(wide)
        found = list(found)
        # A negative eigenvalue is rounding of the entries; what is no larger than it is rounding too.
        floor = max(0, -min(found))
        order = sorted(range(len(found)), key=lambda k: abs(found[k]))
        for k in order[: len(found) - _rank(exact)]:
            found[k] = mpmath.mpf(0)
        stds = np.array([float(mpmath.sqrt(v)) if v > floor else 0.0 for v in found])
        high = np.array(turned.tolist(), dtype=np.float64)
        low = np.array((turned - mpmath.matrix(high.tolist())).tolist(), dtype=np.float64)
    return stds, high, low


def _rank(exact: list[list[Fraction]]) -> int:
    scale = lcm(*(v.denominator for row in exact for v in row))
    return int(fmpz_mat([[int(v * scale) for v in row] for row in exact]).rank())
