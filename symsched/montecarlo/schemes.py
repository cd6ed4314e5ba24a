"""Time-stepping schemes as tables for the generated kernels (see `kernels.source` for the three forms of step).

- euler        x + h f(t, x) + √(2ε(t) h) z                                           strong order 1 (additive noise)
- lazy         x + h f(t, x) + √(∫2ε) z: exact variance increments                    strong order 1; exact if f = 0
- exponential  exact for Gaussian data and every affine drift; else the data prediction is frozen over a step:
               (`symsched.steps.laws`)                                            exact when η_X is constant
- heun         predictor and trapezoidal corrector                     order 2 for ε = 0, strong 1 and weak 2 otherwise
- sra1         two stages and two normals a step                              strong order 3/2 (additive noise)

The last is SRA1 of A. Rößler, SIAM J. Numer. Anal. 48 (2010) 922–952, doi:10.1137/09076636X.  A two-stage scheme
whose second stage falls on a time where a coefficient is infinite takes an Euler step there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.kernels.components import LoopCode
from symsched.kernels.source import Shape, module_text
from symsched.kernels.split import StateCode, state_code
from symsched.montecarlo.mixture import looped
from symsched.montecarlo.model import Model
from symsched.montecarlo.timetables import table
from symsched.steps import integrals, laws

Array = NDArray[np.float64]
Flow = tuple[Array, Array, Array]
SCHEMES = ("euler", "lazy", "exponential", "heun", "sra1")
#: The laws of one step for arrays: weights of the state, of a constant or the data prediction, and of the noise.
_explicit = laws.evaluated(laws.explicit(), laws.h, laws.drift, laws.rest, laws.width)
_trapezoid = laws.evaluated(
    laws.trapezoid(), laws.h, laws.drift, laws.drift_next, laws.rest, laws.rest_next, laws.width
)
_held = laws.evaluated(laws.held(), laws.alpha, laws.beta, laws.alpha_next, laws.beta_next, laws.kept, laws.fresh)
#: Share of a step at which a two-stage scheme evaluates its second stage.
SECOND = {"heun": 1.0, "sra1": 0.75}


def no_law() -> Array:
    """Stands for the components of a law that needs no loop."""
    return np.zeros((0, 0))


@dataclass(frozen=True)
class Tables:
    """A scheme on a grid: the module's source, its tables, the first step of a point-mass start, and the components
    of a law that is looped over."""

    shape: Shape
    text: str
    S: Array
    C: Array
    D: Array
    jump: Array
    law: Array = field(default_factory=no_law)

    @property
    def arrays(self) -> tuple[Array, ...]:
        """What the kernel reads, in its order."""
        return self.S, self.C, self.D, self.jump, self.law

    def finite_rows(self) -> NDArray[np.bool_]:
        """Which steps have finite coefficients."""
        return np.isfinite(np.concatenate([self.S, self.C, self.D], axis=1)).all(axis=1)


def check_scheme(scheme: str) -> None:
    """Raise InputError for a scheme that is not there."""
    if scheme not in SCHEMES:
        raise InputError(f"scheme is {scheme!r}; it should be one of {', '.join(SCHEMES)}")


def build(model: Model, scheme: str, grid: Array, dtype: str, at_zero: bool) -> Tables:
    """Tables of `scheme` for the model on the grid; `at_zero` says that every path starts at exactly 0."""
    check_scheme(scheme)
    if scheme == "exponential":
        made = _exponential(model, grid, dtype)
    elif scheme in SECOND and not (scheme == "heun" and model.affine):
        made = _two_stage(model, scheme, grid, dtype)
    elif model.affine:
        made = _affine(model, scheme, grid, dtype)
    else:
        made = _one_stage(model, scheme, grid, dtype)
    return _with_jump(made, model, scheme, grid) if at_zero and not made.finite_rows()[0] else made


def noise(model: Model, scheme: str, grid: Array) -> Array:
    """Standard deviation of the noise of each step: √(2ε h) at the left end, or √∫2ε for exact schemes."""
    if scheme in ("lazy", "exponential"):
        return np.sqrt(variance_increments(model, grid))
    return np.sqrt(_scale(model, grid[:-1]) * np.diff(grid))


def _scale(model: Model, times: Array) -> Array:
    """2ε at the times.  Raises InputError where ε is negative."""
    found = 2 * table((model.eps,), times)[:, 0]
    if (found < 0).any():
        where = times[int(np.argmax(found < 0))]
        raise InputError(f"eps = {model.eps} is negative at t = {where:.6g}; a diffusion scale should be >= 0")
    return found


def variance_increments(model: Model, grid: Array) -> Array:
    """∫2ε over each step; ∞ where it diverges."""
    sde = model.interpolant
    normal = sde is not None and sde.dim == 1 and isinstance(sde.data, Gaussian)
    _scale(model, grid)
    return integrals.noise_variance(model.eps, grid, sde.marginal[1] if sde is not None and normal else None, np.inf)


def _code(exprs: tuple[sp.Expr, ...], model: Model, shape: Shape) -> tuple[StateCode | LoopCode, str]:
    if model.law is None:
        return _written_out(exprs, model.states, shape)
    code = looped(exprs[0], model.states[0], model.law)
    return code, module_text(shape, code)


@lru_cache(maxsize=64)
def _written_out(exprs: tuple[sp.Expr, ...], states: tuple[sp.Symbol, ...], shape: Shape) -> tuple[StateCode, str]:
    code = state_code(exprs, states)
    return code, module_text(shape, code)


def _law(model: Model) -> Array:
    return no_law() if model.law is None else np.asarray(model.law.rows)


def _one_stage(model: Model, scheme: str, grid: Array, dtype: str) -> Tables:
    shape, h = Shape("one", dtype), np.diff(grid)
    code, text = _code(model.drift, model, shape)
    S = np.stack([np.ones_like(h), h, noise(model, scheme, grid)], axis=1)
    return Tables(shape, text, S, table(code.table, grid[:-1]), np.zeros((len(h), 0)), np.zeros(0), _law(model))


def _two_stage(model: Model, scheme: str, grid: Array, dtype: str) -> Tables:
    shape, h, late = Shape("two", dtype, scheme == "sra1"), np.diff(grid), SECOND[scheme]
    code, text = _code(model.drift, model, shape)
    second = grid[1:] if late == 1 else grid[:-1] + late * h
    C, D = table(code.table, grid[:-1]), table(code.table, second)
    g = np.sqrt(_scale(model, grid))
    S = _heun_rows(h, g[:-1]) if scheme == "heun" else _sra1_rows(h, g[:-1], g[1:])
    bad = ~(np.isfinite(D).all(axis=1) & np.isfinite(S).all(axis=1))
    S[bad] = np.stack([0 * h, 0 * h, 0 * h, h, 0 * h, g[:-1] * np.sqrt(h), 0 * h], axis=1)[bad]
    D[bad] = C[bad]
    return Tables(shape, text, S, C, D, np.zeros(0), _law(model))


def _heun_rows(h: Array, g: Array) -> Array:
    s = g * np.sqrt(h)
    return np.stack([h, s, 0 * h, h / 2, h / 2, s, 0 * h], axis=1)


def _sra1_rows(h: Array, left: Array, right: Array) -> Array:
    # I₁₀/h = √h (z + z′/√3)/2 is the time average of W over the step, less its left value.
    root, share = np.sqrt(h) / 2, 1 / np.sqrt(3)
    p = 1.5 * right * root
    u = (right + left) * root
    v = (left - right) * root * share
    return np.stack([0.75 * h, p, p * share, h / 3, 2 * h / 3, u, v], axis=1)


def _affine_tables(dtype: str, P: Array, Q: Array, u: Array) -> Tables:
    shape, empty = Shape("affine", dtype), np.zeros((len(P), 0))
    return Tables(shape, module_text(shape), np.concatenate([P, Q, u], axis=1), empty, empty, np.zeros(0))


def _coefficients(model: Model, times: Array) -> tuple[Array, Array]:
    """a and c of the affine drift at the times: arrays (times, dim)."""
    assert model.affine is not None
    distinct = sorted({e for pair in model.affine for e in pair}, key=sp.default_sort_key)
    found = table(tuple(distinct), times)
    place = {e: k for k, e in enumerate(distinct)}
    a, c = ([place[pair[j]] for pair in model.affine] for j in (0, 1))
    return found[:, a], found[:, c]


def _affine(model: Model, scheme: str, grid: Array, dtype: str) -> Tables:
    h = np.diff(grid)[:, None]
    u = np.repeat(noise(model, scheme, grid)[:, None], model.dim, axis=1)
    if scheme != "heun":
        a, c = _coefficients(model, grid[:-1])
        return _affine_tables(dtype, *_explicit(h, a, c, u))
    a, c = _coefficients(model, grid)
    with np.errstate(invalid="ignore"):
        made = _trapezoid(h, a[:-1], a[1:], c[:-1], c[1:], u)
    plain = _explicit(h, a[:-1], c[:-1], u)
    bad = ~np.isfinite(sum(made)).all(axis=1) & np.isfinite(sum(plain)).all(axis=1)
    for part, instead in zip(made, plain, strict=True):
        part[bad] = instead[bad]
    return _affine_tables(dtype, *made)


# -- exponential ---------------------------------------------------------------------------------------------------


def _exponential(model: Model, grid: Array, dtype: str) -> Tables:
    sde = model.interpolant
    if sde is None:
        if model.affine is None:
            raise InputError(
                "scheme 'exponential' needs an InterpolantSDE or a drift a(t) x + c(t); use 'euler', 'heun' or 'sra1'"
            )
        return _affine_tables(dtype, *_linear_flow(model, grid))
    if isinstance(sde.data, Gaussian):
        return _affine_tables(dtype, *_gaussian_flow(model, grid))
    shape = Shape("one", dtype)
    code, text = _code(model.data_prediction, model, shape)
    S = np.stack(_transition(model, sp.S.Zero, 1.0, grid), axis=1)
    return Tables(shape, text, S, table(code.table, grid[:-1]), np.zeros((len(S), 0)), np.zeros(0), _law(model))


def _transition(model: Model, rho: sp.Expr, mean: float, grid: Array) -> Flow:
    """Weights of the state, of the data prediction (or the mean), and of the noise: the step that holds η_X for ρ = 0,
    and the exact transition from one marginal to the next for N(mean, ρ²) data."""
    sde = model.interpolant
    assert sde is not None
    own = sde.schedule
    beta, variance = table((own.beta, own.variance(rho)), grid).T
    kept, fresh = integrals.retained(own.alpha, own.beta, model.eps, sde.kappa, grid, rho)
    width = np.sqrt(variance)
    before = np.where(width[:-1] == 0, 1.0, width[:-1])  # of a point nothing is kept: no 0/0
    return _held(before, beta[:-1] * mean, width[1:], beta[1:] * mean, kept, fresh)


def _gaussian_flow(model: Model, grid: Array) -> Flow:
    """P, Q, u of every mode: the exact transition of the affine SDE, from the marginals it must keep."""
    assert model.interpolant is not None
    assert isinstance(model.interpolant.data, Gaussian)
    frame = model.interpolant.data.frame
    unit = {s: _transition(model, sp.Rational(float(s)), 1.0, grid) for s in np.unique(frame.stds)}
    P, Q, u = (np.stack([unit[s][k] for s in frame.stds], axis=1) for k in range(3))
    return P, Q * frame.into(frame.mean), u


def _linear_flow(model: Model, grid: Array) -> Flow:
    """P = e^∫a, Q = ∫ e^∫ₛa c ds, u² = ∫ e^2∫ₛa 2ε ds by 16-point Gauss quadrature on each step."""
    h, at = np.diff(grid)[:, None, None], integrals.nodes(grid)
    a, c = (part.reshape(*at.shape, model.dim) for part in _coefficients(model, at.ravel()))
    weights, lift = integrals.gauss()[1][None, :, None], integrals.lift()
    total = (weights * a).sum(axis=1, keepdims=True)
    rest = np.exp(h * (total - np.einsum("jk,nkd->njd", lift, a)))
    scale = _scale(model, at.ravel()).reshape(*at.shape, 1)
    Q, variance = ((h * weights * part).sum(axis=1) for part in (rest * c, rest**2 * scale))
    return np.exp(h * total)[:, 0], Q, np.sqrt(variance)


# -- the first step of a point-mass start --------------------------------------------------------------------------


def _with_jump(made: Tables, model: Model, scheme: str, grid: Array) -> Tables:
    """From X = 0 the first step needs the drift at (0, 0) alone: its limit, though coefficients diverge there."""
    width = grid[1] - grid[0]
    first = grid[:2]
    if scheme == "exponential" and model.interpolant is not None:
        move = table((model.interpolant.schedule.beta,), first)[1, 0] * _expectation(model)
        spread = made.S[0, 2] if made.shape.form == "one" else made.S[0, 2 * model.dim]
    else:
        move, spread = width * _drift_at_origin(model), noise(model, scheme, first)[0]
        if spread == 0 and model.interpolant is not None:  # and no finer grid would help (theory C19)
            raise InputError(
                "paths start at one point at t = 0, and without noise all of them would be the same one; give a scale, "
                "start > 0, or scheme 'exponential', which draws the law after the first step"
            )
    jump = np.concatenate([np.broadcast_to(move, model.dim), np.full(model.dim, spread)])
    if not np.isfinite(jump).all():
        return made
    S, C, D = (part.copy() for part in (made.S, made.C, made.D))
    S[0], C[0], D[0] = 0, 0, 0
    return replace(made, S=S, C=C, D=D, jump=jump)


def _expectation(model: Model) -> Array:
    assert model.interpolant is not None
    found = np.asarray(model.interpolant.data.expectation, dtype=float).reshape(-1)
    return found if model.basis is None else found @ model.basis


def _drift_at_origin(model: Model) -> Array:
    """The drift's limit at t = 0, x = 0; there the data prediction is E[X], because the state says nothing yet."""
    start = np.zeros(1)
    if model.affine is None and model.interpolant is not None:
        return table((model.interpolant.B,), start)[0] * _expectation(model)
    origin = dict.fromkeys(model.states, sp.S.Zero)
    return table(tuple(sp.sympify(f, strict=True).subs(origin) for f in model.drift), start)[0]


__all__ = ["SCHEMES", "Tables", "build", "check_scheme", "noise", "variance_increments"]
