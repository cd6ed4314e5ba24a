"""η_X of a mixture in a form for kernels: one exponential for each component and state.

`data.eta_x` divides by each component in turn, which is exact at the ends and costs K² exponentials.  Here
η_X = Σ π_k E[X | I, k] with π_k ∝ e^(log w_k + log p_k); `kernels.split` moves the largest exponent to 0.  Where all
components have one width, E[X | I, k] is affine in the mean m_k, so the average goes inside: m_k → Σ π_k m_k.

Laws of few components are written out (`eta_x`), those of many are a table that the kernel loops over (`components`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symsched.data.conditioning import Component, conditional
from symsched.data.numeric import Eigenframe
from symsched.kernels.components import AVERAGE, MEAN, PLACE, STD, Components, LoopCode, loop_code
from symsched.sde import InterpolantSDE
from symsched.symbols import x

#: Components times dimensions up to which writing out is faster: beyond, the symbolic work outweighs it.
UNROLLED = 12
#: Stands for η_X in right-hand sides whose law is looped over.
ETA = sp.Symbol("eta_X", real=True)


@dataclass(frozen=True)
class Frame:
    """One Gaussian: log weight, mean, standard deviations along `axes` (None for the coordinates)."""

    log_weight: sp.Expr
    mean: tuple[sp.Expr, ...]
    stds: tuple[sp.Expr, ...]
    axes: Any = None

    def along(self, vector: Sequence[sp.Expr], j: int) -> sp.Expr:
        """The coordinate of a vector along axis j."""
        if self.axes is None:
            return vector[j]
        return sp.Add(*(_number(self.axes[i, j]) * vector[i] for i in range(len(vector))))

    def back(self, vector: Sequence[sp.Expr], i: int) -> sp.Expr:
        """Coordinate i of a vector given along the axes."""
        if self.axes is None:
            return vector[i]
        return sp.Add(*(_number(self.axes[i, j]) * vector[j] for j in range(len(vector))))


def eta_x(sde: InterpolantSDE, letters: Sequence[sp.Symbol]) -> tuple[sp.Expr, ...]:
    """η_X(t, x) in the coordinates `letters`, written out: for laws that are small."""
    frames = _frames(sde)
    weights = [sp.exp(exponent) for exponent in _exponents(sde, frames, letters)]
    under = sp.Add(*weights)
    dims = range(sde.dim)
    if len({(frame.stds, frame.axes is None) for frame in frames}) == 1 and frames[0].axes is None:
        means = [sp.Add(*(w * f.mean[i] for w, f in zip(weights, frames, strict=True))) / under for i in dims]
        return tuple(_put(sde, "eta_x", means[i], frames[0].stds[i], letters[i]) for i in dims)
    inner = [_inner(sde, frame, letters) for frame in frames]
    return tuple(sp.Add(*(w * part[i] for w, part in zip(weights, inner, strict=True))) / under for i in dims)


def _put(sde: InterpolantSDE, name: str, mean: sp.Expr, std: sp.Expr, place: sp.Expr) -> sp.Expr:
    """A closed form of `data.conditioning` for one coordinate of one component, at the state `place`."""
    at_mean = sp.Dummy("m", real=True)
    form = conditional().put(name, sde.schedule.alpha, sde.schedule.beta, Component(sp.S.One, at_mean, std))
    return form.subs({at_mean: mean, x: place}, simultaneous=True)


def _exponents(sde: InterpolantSDE, frames: list[Frame], letters: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """log w_k + log p_k up to what all components share: equal weights and equal widths cancel."""
    one_weight = len({frame.log_weight for frame in frames}) == 1
    one_width = len({tuple(sorted(frame.stds, key=sp.default_sort_key)) for frame in frames}) == 1
    found = []
    for frame in frames:
        terms = [] if one_weight else [frame.log_weight]
        for j, std in enumerate(frame.stds):
            mean, place = frame.along(frame.mean, j), frame.along(letters, j)
            terms.append(_put(sde, "exponent", mean, std, place))
            terms += [] if one_width else [-sp.log(_put(sde, "variance", mean, std, place)) / 2]
        found.append(sp.Add(*terms))
    return found


def _inner(sde: InterpolantSDE, frame: Frame, letters: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """E[X | I, component]."""
    parts = [
        _put(sde, "eta_x", frame.along(frame.mean, j), std, frame.along(letters, j)) for j, std in enumerate(frame.stds)
    ]
    return [frame.back(parts, i) for i in range(len(letters))]


def _number(value: float) -> sp.Expr:
    return sp.Integer(int(value)) if float(value).is_integer() else sp.Float(float(value), 17)


def _frames(sde: InterpolantSDE) -> list[Frame]:
    """Every component, exact in one dimension."""
    if sde.dim == 1:
        return [Frame(sp.log(c.weight), (c.mean,), (c.std,)) for c in sde.data.components()]
    frames: list[Frame] = []
    for block in sde.data.blocks():
        weight = sp.Rational(float(block.log_weight))
        if isinstance(block, Eigenframe):
            frames.append(Frame(weight, _exact(block.mean), _exact(np.broadcast_to(block.stds, sde.dim)), block.axes))
        else:
            frames += [Frame(weight, _exact(point), (sp.S.Zero,) * sde.dim) for point in block.points]
    return frames


def _exact(values: Any) -> tuple[sp.Expr, ...]:
    return tuple(sp.Rational(float(value)) for value in values)


# -- many components ----------------------------------------------------------------------------------------------


def is_small(law: Any) -> bool:
    """Whether the law is small enough to be written out."""
    return _count(law) * law.dim <= UNROLLED


def _count(law: Any) -> int:
    return sum(1 if isinstance(block, Eigenframe) else len(block.points) for block in law.blocks())


def components(sde: InterpolantSDE) -> Components:
    """The same η_X as a table of components and what is to be done with each."""
    blocks = list(sde.data.blocks())
    one_width = len({float(s) for block in blocks for s in np.ravel(block.stds)}) == 1
    tilted = any(getattr(block, "axes", None) is not None for block in blocks)
    std = sp.Rational(float(np.ravel(blocks[0].stds)[0])) if one_width else STD
    exponent = _put(sde, "exponent", MEAN, std, PLACE)
    inner = MEAN if one_width else _put(sde, "eta_x", MEAN, std, PLACE)
    outer = _put(sde, "eta_x", AVERAGE, std, PLACE) if one_width else AVERAGE
    exponent -= 0 if one_width else sp.log(_put(sde, "variance", MEAN, std, PLACE)) / 2
    rows = np.concatenate([_rows(block, sde.dim, not one_width, tilted and not one_width) for block in blocks])
    return Components(exponent, inner, outer, rows, sde.dim, not one_width, tilted and not one_width)


def _rows(block: Any, dim: int, spreads: bool, tilted: bool) -> Any:
    """(log weight, mean, stds, axes) of a block's components; the mean along the axes, where there are some."""
    if not isinstance(block, Eigenframe):
        return np.column_stack([np.full(len(block.points), block.log_weight), block.points])
    axes = np.eye(dim) if block.axes is None else block.axes
    parts: list[Any] = [[block.log_weight], block.mean @ axes if tilted else block.mean]
    parts += [np.broadcast_to(block.stds, dim)] if spreads else []
    return np.concatenate([*parts, axes.ravel()] if tilted else parts)[None, :]


def looped(right_hand_side: sp.Expr, letter: sp.Symbol, law: Components) -> LoopCode:
    """The kernel code of a right-hand side in one coordinate and ETA."""
    return loop_code(law, right_hand_side.subs({ETA: law.outer, letter: PLACE}, simultaneous=True))
