"""One emitter per language: functions of a `Module` as source text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from symsched.codegen.printers import CForms, JaxForms, JuliaForms, NumbaForms, NumPyForms, TorchForms
from symsched.codegen.program import PAIR, Function, Output

CONSTANT = "full_like(t, {})"


def is_constant(function: Function, output: Output) -> bool:
    """Whether a returned quantity has no time in it, and must be given the shape of t."""
    moving: set[str] = {s.name for s in PAIR} | ({"tau", "tau_left"} if function.implicit else set())
    for symbol, form in function.lines:
        if any(s.name in moving for s in form.free_symbols):
            moving.add(symbol.name)
    return output.name not in moving


def signature(function: Function) -> str:
    """t, then the parameters; κ, always last, is 0 unless given."""
    names = [s.name for s in function.parameters if s.name != "kappa"]
    return ", ".join(["t", *names, *(["kappa=0.0"] if len(names) < len(function.parameters) else [])])


def documentation(function: Function) -> str:
    """What is returned, and what it is."""
    return f"{', '.join(o.name for o in function.outputs)}: {function.summary}."


def unused_left_out(function: Function) -> list[tuple[sp.Symbol, sp.Expr]]:
    """The lines, without those that only an unneeded quantity used."""
    wanted = {o.name for o in function.outputs} | ({"alpha", "beta"} if function.implicit else set())
    kept = []
    for symbol, form in reversed(function.lines):
        if symbol.name in wanted:
            kept.append((symbol, form))
            wanted |= {s.name for s in form.free_symbols}
    return kept[::-1]


# -- arrays: NumPy, torch, JAX ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arrays:
    """A library of arrays: how it prints, what a module starts with, and how the ends are put in."""

    forms: Callable[[], NumPyForms | TorchForms]
    prefix: str
    prelude: str
    decorator: str
    start: str
    safe: bool  # whether the formulas see a harmless time at the ends, so that gradients stay finite

    def write(self, function: Function) -> str:
        printer = self.forms()
        rows = [f"def {function.name}({signature(function)}):", f'    """{documentation(function)}"""']
        rows += [f"    {line}" for line in self.start.splitlines()]
        ends = {o.name: self._ends(function, o) for o in function.outputs}
        if any(ends.values()):
            rows.append("    zero, one = t == 0, t == 1")
            if self._guarded(function):
                rows.append(f"    t = {self.prefix}where(zero | one, 0.5, t)")
        rows += [f"    {line}" for line in self._body(function, printer)]
        returned = [self._returned(function, output, ends[output.name], printer) for output in function.outputs]
        rows += [f"    return {', '.join(returned)}"] if sum(map(len, returned)) < 100 else self._long(returned)
        return "\n".join([*([self.decorator] if self.decorator else []), *rows])

    def _long(self, returned: Sequence[str]) -> list[str]:
        return ["    return (", *[f"        {r}," for r in returned], "    )"]

    def _body(self, function: Function, printer: NumPyForms | TorchForms) -> list[str]:
        lines = unused_left_out(function)
        used = set().union(*(f.free_symbols for _, f in lines))
        rows = ["u = 1 - t"] if sp.Symbol("u") in used else []
        if function.implicit:
            rows += _with_inverse(lines, printer.form, function)
        else:
            rows += [f"{s.name} = {printer.form(f)}" for s, f in lines]
        return rows

    def _guarded(self, function: Function) -> bool:
        """Every end value known: then the formulas may be given a harmless time there."""
        return self.safe and all(e is not None for o in function.outputs for e in o.quantity.ends)

    def _ends(self, function: Function, output: Output) -> tuple[sp.Expr | None, sp.Expr | None] | None:
        if is_constant(function, output):
            return None
        some = any(e is not None for o in function.outputs for e in o.ends)
        ends = output.quantity.ends if some and self._guarded(function) else output.ends
        return ends if any(e is not None for e in ends) else None

    def _returned(
        self,
        function: Function,
        output: Output,
        ends: tuple[sp.Expr | None, sp.Expr | None] | None,
        printer: NumPyForms | TorchForms,
    ) -> str:
        if is_constant(function, output):
            return f"{self.prefix}full_like(t, {output.name})"
        text = output.name
        for mark, end in zip(("zero", "one"), ends or (None, None), strict=True):
            if end is not None:
                text = self.put(mark, printer.limit(end), text)
        return text

    def put(self, mark: str, limit: str, text: str) -> str:
        if self.prefix == "np.":
            return f"_put({mark}, {limit}, {text})"
        return f"{self.prefix}where({mark}, {limit}, {text})"


def _with_inverse(lines: Sequence[tuple[sp.Symbol, sp.Expr]], form: Callable[[sp.Expr], str], f: Function) -> list[str]:
    """The lines, with the call of the Newton inverse as soon as α and β are there."""
    rows, called = [], False
    for symbol, expr in lines:
        if not called and expr.has(sp.Symbol("tau"), sp.Symbol("tau_left")):
            rows.append(_call_inverse(f))
            called = True
        rows.append(f"{symbol.name} = {form(expr)}")
    if not called:
        rows.append(_call_inverse(f))
    return rows


def _call_inverse(function: Function) -> str:
    names = ", ".join(["alpha", "beta", *[s.name for s in function.parameters if s.name != "kappa"]])
    return f"tau, tau_left = _source_time({names})"


NUMPY_PRELUDE = '''import numpy as np


def _times(t):
    t = np.asarray(t)
    return t if t.dtype.kind == "f" else t.astype(float)


def _put(where, limit, value):
    """`limit` at an end, where the formula itself has none to give."""
    if not where.any():
        return value
    if value.ndim == 0:
        return np.where(where, limit, value)
    np.putmask(value, where, limit)
    return value
'''

NUMPY = Arrays(
    NumPyForms,
    "np.",
    NUMPY_PRELUDE,
    '@np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")',
    "t = _times(t)",
    False,
)
TORCH = Arrays(TorchForms, "torch.", "import torch\n", "", "", True)
JAX = Arrays(
    JaxForms, "jnp.", "import jax.numpy as jnp\n", "", "t = jnp.asarray(t, dtype=jnp.result_type(t, 0.5))", True
)


# -- scalars: Numba, C, Julia -----------------------------------------------------------------------------------


def numba_function(function: Function) -> str:
    """A scalar function for loops and kernels; the ends are plain branches."""
    printer = NumbaForms()
    rows = ['@njit(error_model="numpy")', f"def {function.name}({signature(function)}):"]
    rows.append(f'    """{documentation(function)}"""')
    lines = unused_left_out(function)
    if any(f.has(sp.Symbol("u")) for _, f in lines):
        rows.append("    u = 1.0 - t")
    body = (
        _with_inverse(lines, printer.form, function)
        if function.implicit
        else [f"{s.name} = {printer.form(f)}" for s, f in lines]
    )
    rows += [f"    {row}" for row in body]
    for end in (0, 1):
        given = [(o.name, printer.limit(o.ends[end])) for o in function.outputs if o.ends[end] is not None]
        if given:
            rows.append(f"    if t == {end}:")
            rows += [f"        {name} = {value}" for name, value in given]
    names = ", ".join(f"float({o.name})" if is_constant(function, o) else o.name for o in function.outputs)
    return "\n".join([*rows, f"    return {names}"])


def c_function(function: Function, prefix: str) -> str:
    """A `static inline` function that returns a struct; selects instead of branches, so that loops vectorise."""
    printer = CForms()
    fields = ", ".join(o.name for o in function.outputs)
    arguments = ", ".join(f"double {n}" for n in ["t", *[s.name for s in function.parameters]])
    kind = f"{prefix}_{function.name}_t"
    rows = [f"/* {documentation(function)} */", f"typedef struct {{ double {fields}; }} {kind};", ""]
    rows += [f"static inline {kind} {prefix}_{function.name}({arguments})", "{"]
    lines = unused_left_out(function)
    used = set().union(*(f.free_symbols for _, f in lines))
    if sp.Symbol("u") in used:
        rows.append("    const double u = 1.0 - t;")
    declared = [f"const double {s.name} = {printer.form(f)};" for s, f in lines]
    if function.implicit:
        at = next((k for k, (_, f) in enumerate(lines) if f.has(sp.Symbol("tau"), sp.Symbol("tau_left"))), len(lines))
        names = ", ".join(["alpha", "beta", *[s.name for s in function.parameters if s.name != "kappa"]])
        call = f"const {prefix}_time_t source = {prefix}_source_time({names});"
        declared[at:at] = [call, "const double tau = source.tau, tau_left = source.tau_left;", "(void)tau_left;"]
    rows += [f"    {row}" for row in declared]
    time_used = (
        any(o.ends != (None, None) for o in function.outputs) or sp.Symbol("t") in used or sp.Symbol("u") in used
    )
    rows += [] if time_used else ["    (void)t;"]
    returned = []
    for output in function.outputs:
        text = output.name
        for end, limit in enumerate(output.ends):
            if limit is not None:
                text = f"t == {end}.0 ? {printer.limit(limit)} : {text}"
        returned.append(text)
    separator = ", " if sum(map(len, returned)) < 70 else ",\n        "
    rows.append(f"    const {kind} result = {{{separator.lstrip(',') if len(separator) > 2 else ''}"
                f"{separator.join(returned)}}};")  # fmt: skip
    return "\n".join([*rows, "    return result;", "}"])


def julia_function(function: Function) -> str:
    """A scalar function that returns a named tuple; broadcast it with a dot."""
    printer = JuliaForms()
    names = [s.name for s in function.parameters if s.name != "kappa"]
    arguments = ", ".join(["t", *names]) + ("; kappa=0.0" if len(names) < len(function.parameters) else "")
    rows = [f'"{documentation(function)}"', f"function {function.name}({arguments})"]
    lines = unused_left_out(function)
    if any(f.has(sp.Symbol("u")) for _, f in lines):
        rows.append("    u = 1 - t")
    body = (
        _with_inverse(lines, printer.form, function)
        if function.implicit
        else [f"{s.name} = {printer.form(f)}" for s, f in lines]
    )
    rows += [f"    {row}" for row in body]
    for output in function.outputs:
        for end, limit in enumerate(output.ends):
            if limit is not None:
                rows.append(f"    t == {end} && ({output.name} = {printer.limit(limit)})")
    rows.append(f"    return (; {', '.join(o.name for o in function.outputs)})")
    return "\n".join([*rows, "end"])
