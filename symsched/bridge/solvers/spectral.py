"""Spectral lazy sampling (theory C14): each cosine mode in the lazy frame of its own data scale ρ_k, all at once.

For Gaussian data with this spectrum the drift vanishes in every mode, and one step has the exact law N(m, Q Λ Qᵀ).  On
other data each mode takes the corrected Adams-Bashforth 2 steps in its own angle θ_k = atan(ρ_k r), with

    y_k = (x − β m)_k / V_k,   V_k² = α² + ρ_k²β²,   dy_k/dθ_k = ((D − m)_k − (ρ_k²β/V_k²) (x − β m)_k) / (ρ_k cos θ_k).
"""

from __future__ import annotations

import numpy as np

from symsched.bridge.levels import Array, Native
from symsched.bridge.plan import Plan, Row, Slope, Stage
from symsched.bridge.solvers.adams import weights
from symsched.errors import InputError

ORDER = 2
FLOOR = 1e-3  # of the largest scale: modes below it are rounding


def spectral(native: Native, scales: Array | None, mean: Array, ratios: Array) -> Plan:
    """The plan through signal-to-noise ratios `ratios` (increasing, the last ∞); `scales` as in `Calibration.spectrum`.

    Raises InputError without a spectrum.
    """
    if scales is None:
        raise InputError("a spectral plan needs a spectrum: calibrate(…, spectrum=True)")
    rho = np.maximum(scales, FLOOR * scales.max()).ravel()
    inside = np.clip(ratios[:-1], *native.span)
    times, alpha, beta = native.find(inside)
    norms = [np.hypot(a, rho * b) for a, b in zip(alpha, beta, strict=True)] + [rho]
    angles = np.vstack([np.arctan(np.outer(inside, rho)), np.full(len(rho), np.pi / 2)])
    stages = []
    for k, norm in enumerate(norms[:-1]):
        unit = rho * alpha[k] / norm  # ρ cos θ
        slope = Slope(-(rho**2) * beta[k] / norm**2 / unit, 1 / unit)
        past = angles[k::-1][:ORDER]
        correct = _row(norms[k - 1], norm, weights(past, angles[k - 1], angles[k])) if k else None
        predict = _row(norm, norms[k + 1], weights(past, angles[k], angles[k + 1]))
        stages.append(Stage(float(times[k]), float(alpha[k]), float(beta[k]), k / len(inside), slope, predict, correct))
    label = f"spectral lazy, steps={len(stages)}"
    return Plan(tuple(stages), start=float(alpha[0]), label=label, basis="dct", mean=mean).validate()


def _row(start: Array, end: Array, weight: tuple[Array, ...]) -> Row:
    return Row(end / start, tuple(w * end for w in weight))
