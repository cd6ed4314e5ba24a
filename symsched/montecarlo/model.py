"""First station, the model: what is simulated, from an interpolant or from any symbolic right-hand side.

dX = f(t, X) dt + √(2 ε(t)) dW in d dimensions, with scalar ε: the form of theory.md's section 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from symsched.data import Gaussian
from symsched.data.checks import known
from symsched.errors import InputError
from symsched.exact import sign_on_unit
from symsched.given import reals
from symsched.parsing import parse_expression
from symsched.parsing.whitelist import ROUGH_CLASSES
from symsched.precision import alone
from symsched.sde import InterpolantSDE
from symsched.symbols import state, t, x

Array = NDArray[np.float64]
#: Stands for a coordinate of η_X in right-hand sides of laws with several components: the program works it out.
ETA = sp.Symbol("eta_X", real=True)


@dataclass(frozen=True)
class Diffusion:
    """dX = drift(t, X) dt + √(2 eps(t)) dW for any SymPy right-hand side.

    `drift` is an expression (dimension 1, in t and x) or a sequence of d expressions in t and x0, x1, …
    (`symbols.state(d)`); `eps` an expression in t, or a number.  `initial` is where paths start: a number or
    vector, an array of shape (n, d) of which path k takes row k mod n, or a data law, sampled exactly.
    Texts are parsed.  Raises InputError for unknown symbols and shapes that do not fit.
    """

    drift: Any
    eps: Any = 0
    initial: Any = 0
    name: str = "dX = f dt + sqrt(2 eps) dW"

    def __post_init__(self) -> None:
        several = isinstance(self.drift, Sequence | sp.MatrixBase | np.ndarray) and not isinstance(self.drift, str)
        given = tuple(self.drift) if several else (self.drift,)
        if not given:
            raise InputError("drift is empty; give one expression for each coordinate")
        letters = state(len(given))
        named = {str(s): s for s in (t, *letters)}
        drift = tuple(_expression(f, named, "drift") for f in given)
        eps = _expression(self.eps, {"t": t}, "eps")
        _check_symbols(drift, letters, "the drift")
        _check_symbols((eps,), (), "the diffusion scale eps")
        _check_scale(eps)
        object.__setattr__(self, "drift", drift)
        object.__setattr__(self, "eps", eps)

    @property
    def dim(self) -> int:
        """Dimension of the state."""
        return len(self.drift)


def _expression(given: Any, named: dict[str, sp.Symbol], what: str) -> sp.Expr:
    if isinstance(given, str):
        return parse_expression(given, named, rough=True)
    try:
        found = sp.sympify(given, strict=True)
    except sp.SympifyError:
        found = None
    if not isinstance(found, sp.Expr):
        raise InputError(f"{what} is {given!r}; it should be an expression, a number or text")
    if found.has(sp.nan, sp.oo, -sp.oo, sp.zoo, sp.I):
        raise InputError(f"{what} is {str(found)[:80]}; it should be finite and real")
    return found


def _check_symbols(exprs: Iterable[sp.Expr], states: Sequence[sp.Symbol], what: str) -> None:
    """Raise InputError if an expression has symbols other than t and the states."""
    unknown = set().union(*(e.free_symbols for e in exprs)) - {t, *states}
    if unknown:
        names = ", ".join(sorted(map(str, unknown)))
        known = ", ".join(map(str, (t, *states)))
        if own := sorted({str(s) for s in unknown} & {str(s) for s in (t, *states)}):
            raise InputError(f"{what} uses a symbol {own[0]} of its own: write it in symsched's t, x and state(dim)")
        raise InputError(f"{what} contains {names}, which has no value; known are {known}: substitute a number first")


def _check_scale(eps: sp.Expr) -> None:
    """Raise InputError where ε is known to be negative somewhere; the kernels' tables are looked at again."""
    sign = sign_on_unit(eps) if eps.free_symbols and not eps.has(*ROUGH_CLASSES) else None
    if eps.is_negative or (sign is not None and sign.decided and not sign.nonnegative):
        where = f"at t = {sign.witness[0]:.6g}" if sign and sign.value == "mixed" and sign.witness else "on (0, 1)"
        raise InputError(f"eps = {eps} is negative {where}; a diffusion scale should be >= 0")


@dataclass(frozen=True)
class Model:
    """The right-hand side in working coordinates, in t, the states and (where `averages` says so) ETA.

    `basis` is Q when the working coordinates are Qᵀx (a Gaussian law of full covariance: its eigendirections, in
    which the drift is diagonal); W is isotropic, so this is the same SDE.  `initial` is what a `Diffusion` gave: rows,
    or a data law.
    """

    source: Any
    states: tuple[sp.Symbol, ...]
    drift: tuple[sp.Expr, ...]
    eps: sp.Expr
    basis: Array | None = None
    initial: Any = field(default=None, compare=False)

    @property
    def dim(self) -> int:
        """Dimension of the state."""
        return len(self.states)

    @property
    def interpolant(self) -> InterpolantSDE | None:
        """The interpolant behind it, if there is one."""
        return self.source if isinstance(self.source, InterpolantSDE) else None

    @property
    def gaussian(self) -> Gaussian | None:
        """The Gaussian law of an interpolant, if it has one."""
        law = None if self.interpolant is None else self.interpolant.data
        return law if isinstance(law, Gaussian) else None

    @property
    def averages(self) -> InterpolantSDE | None:
        """The interpolant whose η_X is an average over components: it stands as ETA in the drift."""
        return self.interpolant if self.gaussian is None else None

    @property
    def label(self) -> str:
        """The SDE in words, for messages."""
        sde = self.interpolant
        return str(self.source.name) if sde is None else f"the SDE of {sde.schedule} for {sde.data.summary}"


@alone
def model_of(sde: Any) -> Model:
    """The model of an InterpolantSDE or a Diffusion.  Raises InputError for anything else, or open parameters."""
    if isinstance(sde, Diffusion):
        return Model(sde, state(sde.dim), sde.drift, sde.eps, None, _initial(sde.initial, sde.dim))
    if not isinstance(sde, InterpolantSDE):
        raise InputError(f"cannot simulate a {type(sde).__name__}; give an InterpolantSDE or a Diffusion")
    if sde.parameters:
        names = ", ".join(sorted(map(str, sde.parameters)))
        raise InputError(f"the SDE has parameters without a value: {names}; substitute numbers first")
    return _interpolant(sde)


@lru_cache(maxsize=32)
def _interpolant(sde: InterpolantSDE) -> Model:
    letters = state(sde.dim)
    if isinstance(sde.data, Gaussian):
        if sde.dim == 1:
            slope, constant = sde.affine
            return Model(sde, letters, (slope * x + constant,), sde.eps)
        return _spectral(sde, letters)
    return Model(sde, letters, tuple(sde.A * xi + sde.B * ETA for xi in letters), sde.eps)


def _spectral(sde: InterpolantSDE, letters: tuple[sp.Symbol, ...]) -> Model:
    """One scalar Gaussian problem for each eigendirection of the covariance."""
    assert isinstance(sde.data, Gaussian)
    frame = sde.data.frame
    means = frame.into(frame.mean)
    found: dict[tuple[float, float], tuple[sp.Expr, sp.Expr]] = {}
    for m, s in zip(means, frame.stds, strict=True):
        if (m, s) not in found:
            law = Gaussian(float(m), float(s)) if s > 0 else None
            if law is None:
                raise InputError("the covariance is singular; the engine needs a positive definite one")
            scale = {"eps": sde.eps} if sde.kappa is None else {"kappa": sde.kappa}
            found[m, s] = InterpolantSDE(sde.schedule, law, **scale).affine
    pairs = [found[m, s] for m, s in zip(means, frame.stds, strict=True)]
    drift = tuple(a * xi + c for (a, c), xi in zip(pairs, letters, strict=True))
    return Model(sde, letters, drift, sde.eps, frame.axes)


def _initial(initial: Any, dim: int) -> Any:
    if hasattr(initial, "blocks"):
        if initial.dim != dim:
            raise InputError(f"initial has dimension {initial.dim} and the drift {dim}; they should agree")
        known(initial.parameters, "the initial law", "a simulation")
        return initial
    rows = reals(initial, "initial", "a number, a vector, rows or a data law")
    rows = np.full((1, dim), rows) if rows.ndim == 0 else rows
    rows = rows[None, :] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != dim or not len(rows):
        raise InputError(f"initial has shape {np.shape(initial)}; it should be a number, ({dim},) or (n, {dim})")
    if not np.isfinite(rows).all():
        raise InputError("initial holds a number that is not finite")
    return rows
