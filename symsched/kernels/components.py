"""Laws of many components: the posterior average as a loop over components, with lanes of paths innermost.

Every component k adds log weights ℓ_k + Σ_i e(x_i; m_ki, s_ki), coordinate by coordinate (along its own axes where it
has some); the average of y(x_i; m_ki, s_ki) under the weights exp(ℓ_k + Σ e) is taken with a running largest exponent,
`GROUP` components at a time.  Parts of e and y are computed where they change: once per step, per component, or per
path.  The scheme's right-hand side is one expression in a coordinate and that coordinate's average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symsched.kernels.printer import LoopPrinter
from symsched.kernels.split import StateCode, split_code, state_code

#: Components whose exponents wait for their common maximum.
GROUP = 8
#: Letters of one coordinate: its state, the component's mean and standard deviation, the posterior average.
PLACE, MEAN, STD, AVERAGE = sp.symbols("place mean_k std_k average", real=True)


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


def loop_code(components: Components, right_hand_side: sp.Expr) -> LoopCode:
    """Split everything by what it depends on; `right_hand_side` is in PLACE and AVERAGE (of y)."""
    per_path = split_code((components.exponent, components.inner), (PLACE,), "p")
    per_component = split_code(per_path.table, (MEAN, STD), "q")
    return LoopCode(components, per_path, per_component, state_code((right_hand_side,), (PLACE, AVERAGE), "r"))


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
