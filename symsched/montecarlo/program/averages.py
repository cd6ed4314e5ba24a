"""Laws of several components: η_X as a posterior average, with one exponential for each component and state.

`data.eta_x` divides by each component in turn, which is exact at the ends and costs K² exponentials.  Here
η_X = Σ π_k E[X | I, k] with π_k ∝ e^(log w_k + log p_k); `split` moves the largest exponent to 0.  Where all
components have one width, E[X | I, k] is affine in the mean m_k, so the average goes inside: m_k → Σ π_k m_k.

Few components are written out (`written_out`).  Many are a table (`Components`) that the kernel loops over, with lanes
of paths innermost: component k adds log weights ℓ_k + Σ_i e(x_i; m_ki, s_ki), coordinate by coordinate (along its own
axes where it has some); the average of y(x_i; m_ki, s_ki) under the weights exp(ℓ_k + Σ e) is taken with a running
largest exponent, `GROUP` components at a time.  Parts of e and y are computed where they change: once per step, per
component, or per path.  The scheme's right-hand side is one expression in a coordinate and that coordinate's average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symsched.data.conditioning import Component, conditional
from symsched.data.numeric import Eigenframe
from symsched.montecarlo.model import ETA
from symsched.montecarlo.program.printer import LoopPrinter
from symsched.montecarlo.program.split import StateCode, split_code, state_code
from symsched.sde import InterpolantSDE
from symsched.symbols import x

#: Components times dimensions up to which writing out is faster: beyond, the symbolic work outweighs it.
UNROLLED = 12
#: Components whose exponents wait for their common maximum.
GROUP = 8
#: Letters of one coordinate: its state, the component's mean and standard deviation, the posterior average.
PLACE, MEAN, STD, AVERAGE = sp.symbols("place mean_k std_k average", real=True)


def is_small(law: Any) -> bool:
    """Whether the law is small enough to be written out."""
    count = sum(1 if isinstance(block, Eigenframe) else len(block.points) for block in law.blocks())
    return count * law.dim <= UNROLLED


def _put(sde: InterpolantSDE, name: str, mean: sp.Expr, std: sp.Expr, place: sp.Expr) -> sp.Expr:
    """A closed form of `data.conditioning` for one coordinate of one component, at the state `place`."""
    at_mean = sp.Dummy("m", real=True)
    form = conditional().put(name, sde.schedule.alpha, sde.schedule.beta, Component(sp.S.One, at_mean, std))
    return form.subs({at_mean: mean, x: place}, simultaneous=True)


# -- few components -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExactComponent:
    """One Gaussian: log weight, mean, standard deviations along `axes` (None for the coordinates)."""

    log_weight: sp.Expr
    mean: tuple[sp.Expr, ...]
    stds: tuple[sp.Expr, ...]
    axes: Any = None

    def along(self, vector: Sequence[sp.Expr], j: int) -> sp.Expr:
        """The coordinate of a vector along axis j."""
        return vector[j] if self.axes is None else _dot(self.axes[:, j], vector)

    def back(self, vector: Sequence[sp.Expr], i: int) -> sp.Expr:
        """Coordinate i of a vector given along the axes."""
        return vector[i] if self.axes is None else _dot(self.axes[i], vector)


def _dot(shares: Any, vector: Sequence[sp.Expr]) -> sp.Expr:
    exact = [sp.Integer(int(s)) if float(s).is_integer() else sp.Float(float(s), 17) for s in shares]
    return sp.Add(*(share * part for share, part in zip(exact, vector, strict=True)))


def _exact(values: Any) -> tuple[sp.Expr, ...]:
    return tuple(sp.Rational(float(value)) for value in values)


def _exact_components(sde: InterpolantSDE) -> list[ExactComponent]:
    """Every component; of one dimension with the numbers as they were given."""
    if sde.dim == 1:
        return [ExactComponent(sp.log(c.weight), (c.mean,), (c.std,)) for c in sde.data.components()]
    found: list[ExactComponent] = []
    for block in sde.data.blocks():
        weight, stds = sp.Rational(float(block.log_weight)), _exact(np.broadcast_to(block.stds, sde.dim))
        means, axes = (block.mean[None], block.axes) if isinstance(block, Eigenframe) else (block.points, None)
        found += [ExactComponent(weight, _exact(mean), stds, axes) for mean in means]
    return found


@lru_cache(maxsize=32)
def written_out(sde: InterpolantSDE, letters: tuple[sp.Symbol, ...]) -> tuple[sp.Expr, ...]:
    """η_X(t, x) in the coordinates `letters`: for laws that are small."""
    parts, dims = _exact_components(sde), range(sde.dim)
    weights = [sp.exp(exponent) for exponent in _exponents(sde, parts, letters)]
    under = sp.Add(*weights)
    if parts[0].axes is None and len({(part.stds, part.axes is None) for part in parts}) == 1:
        means = [sp.Add(*(w * part.mean[i] for w, part in zip(weights, parts, strict=True))) / under for i in dims]
        return tuple(_put(sde, "eta_x", means[i], parts[0].stds[i], letters[i]) for i in dims)
    inner = []  # E[X | I, component], along its axes
    for part in parts:
        places = [(part.along(part.mean, j), std, part.along(letters, j)) for j, std in enumerate(part.stds)]
        inner.append([_put(sde, "eta_x", *place) for place in places])
    averaged = ((w * part.back(own, i) for w, part, own in zip(weights, parts, inner, strict=True)) for i in dims)
    return tuple(sp.Add(*terms) / under for terms in averaged)


def _exponents(sde: InterpolantSDE, parts: list[ExactComponent], letters: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """log w_k + log p_k up to what all components share: equal weights and equal widths cancel."""
    one_weight = len({part.log_weight for part in parts}) == 1
    one_width = len({tuple(sorted(part.stds, key=sp.default_sort_key)) for part in parts}) == 1
    found = []
    for part in parts:
        terms = [] if one_weight else [part.log_weight]
        for j, std in enumerate(part.stds):
            mean, place = part.along(part.mean, j), part.along(letters, j)
            terms.append(_put(sde, "exponent", mean, std, place))
            terms += [] if one_width else [-sp.log(_put(sde, "variance", mean, std, place)) / 2]
        found.append(sp.Add(*terms))
    return found


# -- many components ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Components:
    """e (`exponent`) and y (`inner`) in PLACE, MEAN, STD and t, and rows (ℓ, means, then stds and axes if they differ).

    `outer` is what takes the place of the average of y, in PLACE, AVERAGE and t: the average itself, or what follows
    from it.
    """

    exponent: sp.Expr
    inner: sp.Expr
    outer: sp.Expr
    rows: Any
    dim: int
    spreads: bool
    tilted: bool


@lru_cache(maxsize=32)
def tabulated(sde: InterpolantSDE) -> Components:
    """The same η_X as a table of components and what is to be done with each."""
    blocks = list(sde.data.blocks())
    one_width = len({float(s) for block in blocks for s in np.ravel(block.stds)}) == 1
    tilted = not one_width and any(getattr(block, "axes", None) is not None for block in blocks)
    std = sp.Rational(float(np.ravel(blocks[0].stds)[0])) if one_width else STD
    exponent = _put(sde, "exponent", MEAN, std, PLACE)
    inner = MEAN if one_width else _put(sde, "eta_x", MEAN, std, PLACE)
    outer = _put(sde, "eta_x", AVERAGE, std, PLACE) if one_width else AVERAGE
    exponent -= 0 if one_width else sp.log(_put(sde, "variance", MEAN, std, PLACE)) / 2
    rows = np.concatenate([_rows(block, sde.dim, not one_width, tilted) for block in blocks])
    return Components(exponent, inner, outer, rows, sde.dim, not one_width, tilted)


def _rows(block: Any, dim: int, spreads: bool, tilted: bool) -> Any:
    """(log weight, mean, stds, axes) of a block's components; the mean along the axes, where there are some."""
    if not isinstance(block, Eigenframe):
        return np.column_stack([np.full(len(block.points), block.log_weight), block.points])
    axes = np.eye(dim) if block.axes is None else block.axes
    parts: list[Any] = [[block.log_weight], block.mean @ axes if tilted else block.mean]
    parts += [np.broadcast_to(block.stds, dim)] if spreads else []
    return np.concatenate([*parts, axes.ravel()] if tilted else parts)[None, :]


@dataclass(frozen=True)
class LoopCode:
    """The parts of the generated functions, and the time-only expressions that C and D hold."""

    components: Components
    per_path: StateCode
    per_component: StateCode
    outside: StateCode

    @property
    def table(self) -> tuple[sp.Expr, ...]:
        """Columns of C and D: what the components need, then what the right-hand side needs."""
        return self.per_component.table + self.outside.table


def loop_code(law: Components, right_hand_side: sp.Expr, letter: sp.Symbol) -> LoopCode:
    """Split everything by what it depends on; `right_hand_side` is in one coordinate, `letter`, and ETA."""
    per_path = split_code((law.exponent, law.inner), (PLACE,), "p")
    per_component = split_code(per_path.table, (MEAN, STD), "q")
    outside = right_hand_side.subs({ETA: law.outer, letter: PLACE}, simultaneous=True)
    return LoopCode(law, per_path, per_component, state_code((outside,), (PLACE, AVERAGE), "r"))


_FIELD = '''

@kernel
def average(x, dim, law, T, n, out):
    """out[i * LANES + lane]: the average over the components, at the states x."""
{columns}
    logs = np.empty(GROUP * LANES, np.{dtype})
    top = np.full(LANES, -np.inf, np.{dtype})
    best = np.empty(LANES, np.{dtype})
    total = np.zeros(LANES, np.{dtype})
    u = np.empty(dim * LANES, np.{dtype})
    v = np.empty(dim * LANES, np.{dtype})
    out[:] = 0
    for first in range(0, law.shape[0], GROUP):
        group = min(GROUP, law.shape[0] - first)
        for g in range(group):
            row, e = law[first + g], logs[g * LANES : (g + 1) * LANES]
            for lane in range(LANES):
                e[lane] = row[0]
{into}
            for i in range(dim):
{component}
                ui = {states}[i * LANES : (i + 1) * LANES]
                for lane in range(LANES):
                    place = ui[lane]
{exponent}
        for lane in range(LANES):
            best[lane] = top[lane]
        for g in range(group):
            e = logs[g * LANES : (g + 1) * LANES]
            for lane in range(LANES):
                best[lane] = larger(e[lane], best[lane])
        for lane in range(LANES):
            old = top[lane]
            top[lane] = best[lane]
            best[lane] = share{bits}(old - best[lane])
            total[lane] *= best[lane]
        for i in range(dim):
            o = out[i * LANES : (i + 1) * LANES]
            for lane in range(LANES):
                o[lane] *= best[lane]
        for g in range(group):
            row, e = law[first + g], logs[g * LANES : (g + 1) * LANES]
            for lane in range(LANES):
                e[lane] = share{bits}(e[lane] - top[lane])
                total[lane] += e[lane]
{into}
            for i in range(dim):
{component}
                o = {targets}[i * LANES : (i + 1) * LANES]
                ui = {states}[i * LANES : (i + 1) * LANES]
                for lane in range(LANES):
                    place = ui[lane]
{inner}
{back}
    for i in range(dim):
        o = out[i * LANES : (i + 1) * LANES]
        for lane in range(LANES):
            o[lane] /= total[lane]
'''

_INTO = """            for i in range(dim):
                ui = u[i * LANES : (i + 1) * LANES]
                for lane in range(LANES):
                    ui[lane] = 0
                for k in range(dim):
                    share_, xk = row[1 + 2 * dim + k * dim + i], x[k * LANES : (k + 1) * LANES]
                    for lane in range(LANES):
                        ui[lane] = fma(share_, xk[lane], ui[lane])"""

_BACK = """            for i in range(dim):
                o = out[i * LANES : (i + 1) * LANES]
                for k in range(dim):
                    share_, vk = row[1 + 2 * dim + i * dim + k], v[k * LANES : (k + 1) * LANES]
                    for lane in range(LANES):
                        o[lane] = fma(share_ * e[lane], vk[lane], o[lane])"""

_ONE = """

@kernel
def step(x, z, y, j, S, C, D, n, law):
    P, W, U = S[n, 0], S[n, 1], S[n, 2]
{columns}
    dim = x.size // LANES
    h = np.empty(x.size, np.{dtype})
    average(x, dim, law, C, n, h)
    for i in range(dim):
        {states}
        {normals}
        for lane in range(LANES):
            place, mean = xi[lane], hi[lane]
{lines}
            xi[lane] = fma(P, place, fma(W, {slope}, U * zi[lane]))
"""

_TWO = """

@kernel
def step(x, z, y, j, S, C, D, n, law):
    A, P, Q, W0, W1, U, V = S[n, 0], S[n, 1], S[n, 2], S[n, 3], S[n, 4], S[n, 5], S[n, 6]
{columns}
{later}
    dim = x.size // LANES
    f, g, h = np.empty(x.size, np.{dtype}), np.empty(x.size, np.{dtype}), np.empty(x.size, np.{dtype})
    average(x, dim, law, C, n, h)
    for i in range(dim):
        {states}
        {slopes}
        {normals}
        for lane in range(LANES):
            place, mean = xi[lane], hi[lane]
{lines}
            fi[lane] = {slope}
            gi[lane] = place + fma(A, fi[lane], fma(P, zi[lane], Q * yi[lane]))
    average(g, dim, law, D, n, h)
    for i in range(dim):
        {states}
        {slopes}
        {normals}
        for lane in range(LANES):
            place, mean = gi[lane], hi[lane]
{second}
            kick = fma(U, zi[lane], V * yi[lane])
            xi[lane] = xi[lane] + fma(W0, fi[lane], fma(W1, {end}, kick))
"""


def _columns(first: int, count: int, table: str, mark: str) -> str:
    return "\n".join(f"    {mark}{k} = {table}[n, {k}]" for k in range(first, first + count))


def _indent(lines: list[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)


def _average_text(code: LoopCode, dtype: str) -> str:
    """The function `average`, generated from the three levels of the split."""
    tilted = code.components.tilted
    names: dict[sp.Symbol, str] = {MEAN: "m", STD: "s", PLACE: "place"}
    names |= {symbol: f"c{k}" for k, symbol in enumerate(code.per_component.table_symbols)}
    component = ["m = row[1 + i]"] + ["s = row[1 + dim + i]"] * code.components.spreads
    names |= {symbol: str(symbol) for symbol, _ in code.per_component.temps + code.per_path.temps}
    printer = LoopPrinter(dtype, names)
    component += [f"{symbol} = {printer.show(expr)}" for symbol, expr in code.per_component.temps]
    component += [f"k{k} = {printer.show(expr)}" for k, expr in enumerate(code.per_component.outputs)]
    printer.names |= {symbol: f"k{k}" for k, symbol in enumerate(code.per_path.table_symbols)}
    lines = [f"{symbol} = {printer.show(expr)}" for symbol, expr in code.per_path.temps]
    exponent, inner = map(printer.show, code.per_path.outputs)
    add = f"o[lane] = {inner}" if tilted else f"o[lane] = fma(e[lane], {inner}, o[lane])"
    return _FIELD.format(
        columns=_columns(0, len(code.per_component.table), "T", "c"),
        dtype=dtype,
        bits=printer.bits,
        into=_INTO if tilted else "",
        back=_BACK if tilted else "",
        states="u" if tilted else "x",
        targets="v" if tilted else "out",
        component=_indent(component, 16),
        exponent=_indent([*lines, f"e[lane] += {exponent}"], 20),
        inner=_indent([*lines, add], 20),
    )


def _outside(code: LoopCode, dtype: str, table: str, mark: str) -> tuple[str, str, str]:
    """Columns, temporaries and value of the right-hand side, with the coefficients of one table."""
    first = len(code.per_component.table)
    names: dict[sp.Symbol, str] = {PLACE: "place", AVERAGE: "mean"}
    names |= {symbol: f"{mark}{first + k}" for k, symbol in enumerate(code.outside.table_symbols)}
    names |= {symbol: str(symbol) for symbol, _ in code.outside.temps}
    printer = LoopPrinter(dtype, names)
    lines = [f"{symbol} = {printer.show(expr)}" for symbol, expr in code.outside.temps]
    columns = _columns(first, len(code.outside.table), table, mark)
    return columns, _indent(lines, 12), printer.show(code.outside.outputs[0])


def _views(names: str, start: str, stop: str) -> str:
    """The line that gives coordinate i of each array its name: `xi, hi = x[…], h[…]`."""
    return ", ".join(f"{n}i" for n in names) + " = " + ", ".join(f"{n}[{start} : {stop}]" for n in names)


def _lanes(names: str) -> str:
    return _views(names, "i * LANES", "(i + 1) * LANES")


def _normals(names: str) -> str:
    return _views(names, "i * STRIDE + j", "i * STRIDE + j + LANES")


def loop_text(code: LoopCode, form: str, dtype: str) -> str:
    """The functions `average` and `step` of one right-hand side."""
    columns, lines, slope = _outside(code, dtype, "C", "c")
    text = _average_text(code, dtype)
    parts = {"columns": columns, "lines": lines, "slope": slope, "states": _lanes("xh")}
    if form == "one":
        return text + _ONE.format(dtype=dtype, normals=_normals("z"), **parts)
    later, second, end = _outside(code, dtype, "D", "d")
    parts |= {"later": later, "second": second, "end": end, "slopes": _lanes("fg"), "normals": _normals("zy")}
    return text + _TWO.format(dtype=dtype, **parts)
