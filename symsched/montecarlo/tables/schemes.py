"""Time-stepping schemes as tables of numbers for the programs (see `program.source` for the three forms of step).

- euler        x + h f(t, x) + √(2ε(t) h) z                                           strong order 1 (additive noise)
- lazy         x + h f(t, x) + √(∫2ε) z: exact variance increments                    strong order 1; exact if f = 0
- exponential  exact for Gaussian data and affine drifts (or refused); else the data prediction is frozen over a step:
               (`symsched.steps.laws`)                                            exact when η_X is constant
- heun         predictor and trapezoidal corrector                     order 2 for ε = 0, strong 1 and weak 2 otherwise
- sra1         two stages and two normals a step                              strong order 3/2 (additive noise)

The last is SRA1 of A. Rößler, SIAM J. Numer. Anal. 48 (2010) 922–952, doi:10.1137/09076636X.  A two-stage scheme
whose second stage falls on a time where a coefficient is infinite takes an Euler step there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.errors import InputError, UndecidedError
from symsched.exact import decide_zero, values
from symsched.montecarlo.model import Model
from symsched.montecarlo.program import Program, StepKind
from symsched.steps import integrals, laws
from symsched.symbols import t

Array = NDArray[np.float64]
Flow = tuple[Array, Array, Array]
#: Share of a step at which a two-stage scheme evaluates its second stage.
SECOND = {"heun": 1.0, "sra1": 0.75}
#: By what share an exact step may differ from its halves; what is left at t = 0, 2⁻⁴⁸ of a step, by more.  A slope of
#: 1/t is seen there: it misses the same share however close one comes.
AGREE, SLIGHT = 1e-13, 1e-6
#: How often steps are split in splits.
SPLITS = 4
#: Numbers of the largest table that is kept for the next run on the same grid.
KEPT = 1 << 16


@dataclass(frozen=True)
class Tables:
    """A program's numbers on a grid, and no more than a worker needs: picklable, without a formula.

    `jump` is the first step of a point-mass start (empty where there is none), `law` the components that are looped
    over.
    """

    kind: StepKind
    text: str
    S: Array
    C: Array
    D: Array
    jump: Array
    law: Array

    @property
    def arrays(self) -> tuple[Array, ...]:
        """What the kernel reads, in its order."""
        return self.S, self.C, self.D, self.jump, self.law

    def finite_rows(self) -> NDArray[np.bool_]:
        """Which steps have finite coefficients."""
        return np.isfinite(np.concatenate([self.S, self.C, self.D], axis=1)).all(axis=1)

    def noise(self, dim: int) -> Array:
        """Standard deviation of the first step's noise, in each coordinate."""
        if self.jump.size:
            return self.jump[dim:]
        return self.S[0, 2 * dim :] if self.kind.form == "affine" else np.full(dim, self.S[0, 2])

    def kept(self, dim: int) -> Array:
        """What a deviation at the first step's begin is multiplied by."""
        return self.S[0, :dim] if self.kind.form == "affine" else np.full(dim, self.S[0, 0])


def fill(program: Program, grid: Array, at_zero: bool) -> Tables:
    """The program's tables on the grid; `at_zero` says that every path starts at exactly 0."""
    model, h = program.model, np.diff(grid)
    C, D = table(program.columns, grid[:-1]), np.zeros((len(h), 0))
    if program.kind.form == "two":
        S, D = _two_stages(program, grid, C)
    elif program.kind.form == "affine":
        S = np.concatenate(_affine_flow(program, grid), axis=1)
    elif program.scheme == "exponential":
        S = np.stack(_transition(model, sp.S.Zero, 1.0, grid), axis=1)
    else:
        S = np.stack([np.ones_like(h), h, _noise(program, grid)], axis=1)
    made = Tables(program.kind, program.text, S, C, D, np.zeros(0), program.law)
    return _with_jump(made, program, grid) if at_zero and not made.finite_rows()[0] else made


def _noise(program: Program, grid: Array) -> Array:
    """Standard deviation of the noise of each step: √(2ε h) at the left end, or √∫2ε for exact schemes."""
    if program.scheme in ("lazy", "exponential"):
        return np.sqrt(variance_increments(program.model, grid))
    return np.sqrt(_scale(program.model, grid[:-1]) * np.diff(grid))


def _scale(model: Model, times: Array) -> Array:
    """2ε at the times.  Raises InputError where ε is negative."""
    found = 2 * table((model.eps,), times)[:, 0]
    if (found < 0).any():
        where = times[int(np.argmax(found < 0))]
        raise InputError(f"eps = {model.eps} is negative at t = {where:.6g}; a diffusion scale should be >= 0")
    return found


def variance_increments(model: Model, grid: Array) -> Array:
    """∫2ε over each step; ∞ where it diverges."""
    sde = model.interpolant if model.gaussian is not None and model.dim == 1 else None
    _scale(model, grid)
    return integrals.noise_variance(model.eps, grid, None if sde is None else sde.marginal[1], np.inf)


def _two_stages(program: Program, grid: Array, C: Array) -> tuple[Array, Array]:
    """S, and the coefficients D at the second stage."""
    h, late = np.diff(grid), SECOND[program.scheme]
    D = table(program.columns, grid[1:] if late == 1 else grid[:-1] + late * h)
    g = np.sqrt(_scale(program.model, grid))
    left, right, root, none = g[:-1], g[1:], np.sqrt(h), 0 * h
    if program.scheme == "heun":
        rows = [h, left * root, none, h / 2, h / 2, left * root, none]
    else:
        # I₁₀/h = √h (z + z′/√3)/2 is the time average of W over the step, less its left value.
        share, late_noise = 1 / np.sqrt(3), 1.5 * right * (root / 2)
        kicks = [(right + left) * (root / 2), (left - right) * (root / 2) * share]
        rows = [0.75 * h, late_noise, late_noise * share, h / 3, 2 * h / 3, *kicks]
    S = np.stack(rows, axis=1)
    bad = ~(np.isfinite(D).all(axis=1) & np.isfinite(S).all(axis=1))
    S[bad] = np.stack([none, none, none, h, none, left * root, none], axis=1)[bad]
    D[bad] = C[bad]
    return S, D


def _coefficients(program: Program, times: Array) -> tuple[Array, Array]:
    """a and c of the affine drift at the times: arrays (times, dim)."""
    assert program.affine is not None
    distinct = sorted({e for pair in program.affine for e in pair}, key=sp.default_sort_key)
    found = table(tuple(distinct), times)
    place = {e: k for k, e in enumerate(distinct)}
    a, c = ([place[pair[j]] for pair in program.affine] for j in (0, 1))
    return found[:, a], found[:, c]


def _affine_flow(program: Program, grid: Array) -> Flow:
    """P, Q, u of every coordinate."""
    if program.scheme == "exponential":
        return _linear_flow(program, grid) if program.model.gaussian is None else _gaussian_flow(program.model, grid)
    h = np.diff(grid)[:, None]
    u = np.repeat(_noise(program, grid)[:, None], program.model.dim, axis=1)
    if program.scheme != "heun":
        return laws.explicit_at(h, *_coefficients(program, grid[:-1]), u)
    a, c = _coefficients(program, grid)
    plain = laws.explicit_at(h, a[:-1], c[:-1], u)
    with np.errstate(invalid="ignore"):
        made = laws.trapezoid_at(h, a[:-1], a[1:], c[:-1], c[1:], u)
        bad = ~np.isfinite(sum(made)).all(axis=1) & np.isfinite(sum(plain)).all(axis=1)
    for part, instead in zip(made, plain, strict=True):
        part[bad] = instead[bad]
    return made


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
    return laws.held_at(before, beta[:-1] * mean, width[1:], beta[1:] * mean, kept, fresh)


def _gaussian_flow(model: Model, grid: Array) -> Flow:
    """The exact transition of the affine SDE, mode by mode, from the marginals it must keep."""
    assert model.gaussian is not None
    frame = model.gaussian.frame
    unit = {s: _transition(model, sp.Rational(float(s)), 1.0, grid) for s in np.unique(frame.stds)}
    P, Q, u = (np.stack([unit[s][k] for s in frame.stds], axis=1) for k in range(3))
    return P, Q * frame.into(frame.mean), u


def _linear_flow(program: Program, grid: Array, depth: int = 0) -> Flow:
    """P = e^∫a, Q = ∫ e^∫ₛa c ds, u² = ∫ e^2∫ₛa 2ε ds on each step; one that its halves contradict is split."""
    *whole, size = _by_rule(program, grid)
    *halves, _ = _by_rule(program, np.insert(grid, np.arange(1, len(grid)), grid[:-1] + np.diff(grid) / 2))
    pairs = [_composed([part[2 * k : 2 * k + 2] for part in halves]) for k in range(len(grid) - 1)]
    for k, scale in enumerate(zip(whole[0], size, whole[2], strict=True)):
        # A step with infinite values stays as it is: the start replaces or refuses it.
        apart = [
            abs(part[k] - two) / np.where(one > 0, one, 1)
            for part, two, one in zip(whole, pairs[k], scale, strict=True)
        ]
        least = SLIGHT if depth and grid[k] == 0 else AGREE
        if (np.array(apart) > least).any():
            if depth == SPLITS or least == SLIGHT:
                raise InputError(
                    f"scheme 'exponential' finds no exact step at t = {grid[k]:.6g}: the drift is too steep there; "
                    "use start or grid to keep away from it, or another scheme"
                )
            split = _composed(_linear_flow(program, _split(grid[k], grid[k + 1]), depth + 1))
            for part, instead in zip(whole, split, strict=True):
                part[k] = instead
    return whole[0], whole[1], whole[2]


def _composed(flows: Sequence[Array]) -> Flow:
    """One step for several that follow each other."""
    P, Q, u = (part[0] for part in flows)
    for P_next, Q_next, u_next in zip(*(part[1:] for part in flows), strict=True):
        P, Q, u = P * P_next, P_next * Q + Q_next, np.hypot(P_next * u, u_next)
    return P, Q, u


def _split(low: float, high: float) -> Array:
    """Times within a step: ever closer ones towards t = 0, where a drift may be infinite."""
    if low == 0:
        return high * np.concatenate([[0.0], 0.5 ** np.arange(48, -1, -1)])
    return (np.geomspace if high > 4 * low else np.linspace)(low, high, 17)


def _by_rule(program: Program, grid: Array) -> tuple[Array, Array, Array, Array]:
    """P, Q, u by 16-point Gauss quadrature on each step, and ∫ e^∫ₛa |c| ds, against which Q may cancel."""
    h, at = np.diff(grid)[:, None, None], integrals.nodes(grid)
    a, c = (part.reshape(*at.shape, program.model.dim) for part in _coefficients(program, at.ravel()))
    weights, lift = integrals.gauss()[1][None, :, None], integrals.lift()
    total = (weights * a).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite at an end: seen in the result
        rest = np.exp(h * (total - np.einsum("jk,nkd->njd", lift, a)))
    scale = _scale(program.model, at.ravel()).reshape(*at.shape, 1)
    Q, variance, size = ((h * weights * part).sum(axis=1) for part in (rest * c, rest**2 * scale, rest * abs(c)))
    return np.exp(h * total)[:, 0], Q, np.sqrt(variance), size


# -- the first step of a point-mass start --------------------------------------------------------------------------


def _with_jump(made: Tables, program: Program, grid: Array) -> Tables:
    """From X = 0 the first step needs the drift at (0, 0) alone: its limit, though coefficients diverge there."""
    model, first = program.model, grid[:2]
    if program.scheme == "exponential" and model.interpolant is not None:
        move = table((model.interpolant.schedule.beta,), first)[1, 0] * _expectation(model)
        spread = made.noise(model.dim)[0]
    else:
        move, spread = (grid[1] - grid[0]) * _drift_at_origin(program), _noise(program, first)[0]
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


def _drift_at_origin(program: Program) -> Array:
    """The drift's limit at t = 0, x = 0; there the data prediction is E[X], because the state says nothing yet."""
    start, model = np.zeros(1), program.model
    if program.affine is None and model.interpolant is not None:
        return table((model.interpolant.B,), start)[0] * _expectation(model)
    origin = dict.fromkeys(model.states, sp.S.Zero)
    return table(tuple(sp.sympify(f, strict=True).subs(origin) for f in program.drift), start)[0]


# -- last-bit-correct values of what depends on time alone ---------------------------------------------------------


def table(exprs: tuple[sp.Expr, ...], times: Array) -> Array:
    """values(exprs, times) as an array (times, exprs); NaN where an expression has no limit at an end."""
    if len(times) * len(exprs) > KEPT:
        return _table(exprs, times)
    return _kept(exprs, np.asarray(times, dtype=np.float64).tobytes()).copy()


@lru_cache(maxsize=64)
def _kept(exprs: tuple[sp.Expr, ...], times: bytes) -> Array:
    return _table(exprs, np.frombuffer(times))


def _table(exprs: tuple[sp.Expr, ...], times: Array) -> Array:
    columns = np.empty((len(times), len(exprs)))
    moving = [k for k, expr in enumerate(exprs) if expr.has(t)]
    for k in set(range(len(exprs))) - set(moving):
        columns[:, k] = values((exprs[k],), 0.5)[0]
    changing = tuple(exprs[k] for k in moving)
    try:
        columns[:, moving] = np.stack(values(changing, times), axis=1) if changing else 0
    except UndecidedError:
        columns[:, moving] = [[_value(expr, float(time)) for expr in changing] for time in times]
    return columns


def _value(expr: sp.Expr, time: float) -> float:
    """One value; an exact zero, which no ball can settle, is recognised exactly."""
    try:
        return float(values((expr,), time)[0])
    except UndecidedError:
        if 0 < time < 1:
            exact = expr.subs(t, sp.Rational(time))
            if exact.has(sp.zoo, sp.oo, sp.nan):
                return float("inf")
            if not decide_zero(exact):
                raise
            return 0.0
        return float("nan")
