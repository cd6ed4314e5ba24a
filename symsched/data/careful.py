"""Fields at the few states where float64 is not enough: the conditional Gaussian in ball arithmetic, to the last bit.

Far away (|x| ≫ √V) the components' log masses are large and nearly equal; where a field vanishes, its parts cancel; at
10²⁰⁰ squares leave the range.  Balls have no such range, and their precision is raised until the answer is settled
(`enclose.sharpen`).  In matrices, with V = α²I + β²C, r = x − βm and y = V⁻¹r,

    E[Z | I] = α y,   E[X | I] = m + β C y,   ∇ log p = −y,   log p = −½ r·y − ½ log det 2πV.

At α = 0 the limit α → 0 is meant: α is then a number smaller than any float by as much as matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from flint import arb, arb_mat, fmpq
from numpy.typing import NDArray
from sympy import Expr, Rational

from symsched.data.axes import decimal
from symsched.data.checks import Array
from symsched.errors import InputError, UndecidedError
from symsched.exact import compile_tape, sharpen

Ball = Any
Mask = NDArray[np.bool_]
#: Components times coordinates of all states of one question: some seconds.
WORK = 4e6
#: log₂ of what stands for α = 0.
_NOTHING = -6000


class Law(Protocol):
    """What is asked of a law here; see `DataLaw`."""

    @property
    def dim(self) -> int: ...
    @property
    def summary(self) -> str: ...
    def components(self) -> Iterator[Any]: ...
    def blocks(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Part:
    """One Gaussian: its weight, mean, and stds or a covariance, exactly."""

    weight: Expr
    mean: tuple[Any, ...]
    stds: tuple[Any, ...] = ()
    matrix: tuple[Fraction, ...] = ()


def redo(law: Law, name: str, alpha: Array, beta: Array, x: Array, out: Array, unsure: Mask, nothing: Mask) -> None:
    """Put the settled values into the unsure rows of `out`; equal states are worked out once.

    Raises InputError where that is too much work and rows have nothing else to show; others keep what they have.
    """
    where = np.flatnonzero(unsure & np.isfinite(x).all(axis=1))
    if not where.size:
        return
    tilted = any(getattr(block, "axes", None) is not None for block in law.blocks())
    columns = [np.broadcast_to(value, (len(x), 1))[where] for value in (alpha, beta)]
    keyed = np.concatenate([~nothing[where, None], *columns, x[where]], axis=1)
    rows, back = np.unique(keyed, axis=0, return_inverse=True)  # those with nothing come first
    work, back = 0.0, back.reshape(-1)
    for k, (_, a, b, *place) in enumerate(rows):
        parts = list(_parts(law, a, b, np.array(place)))
        work += len(parts) * (law.dim**3 if tilted else law.dim)
        mine = where[back == k]
        if work > WORK and nothing[mine].any():
            raise InputError(
                f"the {name} of {law.summary} at x = {place[:3]}, alpha = {a:g} needs more digits than float64 has, "
                f"and {len(rows)} such states are too many to work out; ask for fewer of them at a time"
            )
        if work <= WORK:
            out[mine] = np.reshape(_settled(law, name, parts, (a, b), place), out.shape[1:])


def _settled(law: Law, name: str, parts: list[Part], schedule: tuple[float, float], x: Sequence[float]) -> list[float]:
    alpha, beta = schedule
    if name == "noise" and alpha == 0:
        return [0.0] * len(x)
    exprs = tuple(e for part in parts for e in (part.weight, *part.mean, *part.stds) if isinstance(e, Expr))
    tape = compile_tape(exprs, ())

    def compute() -> list[Ball]:
        known = iter(tape.run([]))
        small = arb(2) ** _NOTHING if alpha == 0 else arb(alpha)
        try:
            return _average(name, [_one(part, known, small, arb(beta), x) for part in parts])
        except ZeroDivisionError:
            raise UndecidedError("a variance is not separated from 0") from None

    return sharpen(compute, lambda: f"the {name} of {law.summary} at x = {list(x)}")


def _parts(law: Law, alpha: float, beta: float, x: Array) -> Iterator[Part]:
    """The components that can matter at x, as exact numbers."""
    from symsched.data.numeric import Points

    blocks = [block for block in law.blocks() if isinstance(block, Points)]
    if law.dim == 1 and not blocks:
        yield from (Part(c.weight, (c.mean,), (c.std,)) for c in law.components())
    elif not blocks:
        for block in law.blocks():
            mean = tuple(map(Fraction, block.mean))
            if block.matrix is None:
                yield Part(block.weight, mean, tuple(map(Fraction, block.stds)))
            else:
                yield Part(block.weight, mean, matrix=_entries(block))
    else:
        weight, none = Rational(1, sum(len(block.points) for block in blocks)), (Fraction(0),) * law.dim
        read = decimal if law.dim == 1 else Fraction
        yield from (Part(weight, tuple(map(read, point)), none) for point in _near(blocks, alpha, beta, x))


def _entries(block: Any) -> tuple[Fraction, ...]:
    """The covariance by its decimals; where rounding has made it indefinite, what its axes say."""
    n = len(block.mean)
    if block.axes_low is None or (block.stds > 0).all():
        exact = [[decimal(v) for v in row] for row in block.matrix]
        return tuple((exact[i][j] + exact[j][i]) / 2 for i in range(n) for j in range(n))
    high, low, stds = block.axes, block.axes_low, [Fraction(s) for s in block.stds]
    roots = [[(Fraction(high[i, k]) + Fraction(low[i, k])) * stds[k] for k in range(n) if stds[k]] for i in range(n)]
    return tuple(
        sum((a * b for a, b in zip(roots[i], roots[j], strict=True)), Fraction(0)) for i in range(n) for j in range(n)
    )


def _near(blocks: list[Any], alpha: float, beta: float, x: Array) -> Iterator[Array]:
    """The points whose log weights may be within reach of the largest."""
    from symsched.data.numeric import BEYOND

    with np.errstate(all="ignore"):
        a, b = np.array([[alpha]]), np.array([[beta]])
        found = [tuple(part[0] for part in block.logs(a, b, x[None, :])) for block in blocks]
        floor = max(float(np.max(logs - lost)) for logs, lost in found) - BEYOND
        for block, (logs, lost) in zip(blocks, found, strict=True):
            yield from block.points[~(logs + lost < floor)]


def _ball(value: Any, known: Iterator[Ball]) -> Ball:
    return next(known) if isinstance(value, Expr) else arb(fmpq(value.numerator, value.denominator))


def _one(
    part: Part, known: Iterator[Ball], alpha: Ball, beta: Ball, x: Sequence[float]
) -> tuple[Ball, dict[str, list[Ball]]]:
    """Log mass and fields of one component."""
    log_weight = _ball(part.weight, known).log()
    mean = [_ball(value, known) for value in part.mean]
    r = [arb(float(place)) - beta * m for place, m in zip(x, mean, strict=True)]
    n, square = len(r), alpha * alpha
    if part.matrix:
        spread = arb_mat(n, n, [arb(fmpq(v.numerator, v.denominator)) for v in part.matrix])
        variance = beta * beta * spread + arb_mat(n, n, [square if i % (n + 1) == 0 else arb(0) for i in range(n * n)])
        column = variance.solve(arb_mat(n, 1, r))
        y, drawn, volume = column.entries(), (spread * column).entries(), variance.det().log()
    else:
        own = [_ball(value, known) for value in part.stds]
        variances = [square + (beta * s) ** 2 for s in own]
        y = [v / w for v, w in zip(r, variances, strict=True)]
        drawn = [s * s * v for s, v in zip(own, y, strict=True)]
        volume = sum((w.log() for w in variances), arb(0))
    square_length = sum((p * q for p, q in zip(r, y, strict=True)), arb(0))
    log_mass = log_weight - (square_length + volume + n * (2 * arb.pi()).log()) / 2
    data = [m + beta * v for m, v in zip(mean, drawn, strict=True)]
    return log_mass, {"noise": [alpha * v for v in y], "score": [-v for v in y], "data": data}


def _average(name: str, found: list[tuple[Ball, dict[str, list[Ball]]]]) -> list[Ball]:
    top = max((mass for mass, _ in found), key=lambda mass: mass.mid())
    shares = [(mass - top).exp() for mass, _ in found]
    total = sum(shares, arb(0))
    if name == "log_density":
        return [top + total.log()]
    fields = [fields[name] for _, fields in found]
    return [sum((s * f[i] for s, f in zip(shares, fields, strict=True)), arb(0)) / total for i in range(len(fields[0]))]
