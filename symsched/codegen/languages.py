"""Functions of arrays: NumPy, torch and JAX; and what the emitters of all languages share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from symsched.codegen.printers import JaxForms, NumPyForms, TorchForms
from symsched.codegen.products import shared_products
from symsched.codegen.program import DISTANCES, Function, Output
from symsched.codegen.rounding import log1p
from symsched.codegen.tidy import folded_rows

LEFT = {"t": "u", "t_next": "u_next"}  # a time, and what is left of the unit interval


def is_constant(function: Function, output: Output) -> bool:
    """Whether a returned quantity has no time in it, and must be given the shape of t."""
    moving: set[str] = {*LEFT, *LEFT.values()} | ({"tau", "tau_left"} if function.implicit else set())
    for symbol, form in function.lines:
        if any(s.name in moving for s in form.free_symbols):
            moving.add(symbol.name)
    return output.name not in moving


def signature(function: Function) -> str:
    """The times, then the parameters; κ, always last, is 0 unless given."""
    names = [s.name for s in function.parameters if s.name != "kappa"]
    return ", ".join([*function.times, *names, *(["kappa=0.0"] if len(names) < len(function.parameters) else [])])


def documentation(function: Function) -> str:
    """What is returned, and what it is."""
    text = f"{', '.join(o.name for o in function.outputs)}: {function.summary}."
    if function.covered is not None:
        low, high = function.covered
        text += f"  NaN unless {low!r} <= t <= {high!r}: the source has no other noise levels."
    return text


def unused_left_out(function: Function) -> list[tuple[sp.Symbol, sp.Expr]]:
    """The lines, without those that only an unneeded quantity used."""
    wanted = {o.name for o in function.outputs} | ({"alpha", "beta", *DISTANCES} if function.implicit else set())
    kept = []
    for symbol, form in reversed(function.lines):
        if symbol.name in wanted:
            kept.append((symbol, form))
            wanted |= {s.name for s in form.free_symbols}
    return kept[::-1]


# -- arrays: NumPy, torch, JAX ----------------------------------------------------------------------------------

Lines = Sequence[tuple[sp.Symbol, sp.Expr]]
Ends = tuple[sp.Expr | None, sp.Expr | None]
AT = sp.Symbol("at")
_AT = {"zero": "t == 0", "one": "t == 1"}


@dataclass(frozen=True)
class Arrays:
    """A library of arrays: how it prints, what a module starts with, and how the ends are put in."""

    forms: Callable[[], NumPyForms | TorchForms]
    prefix: str
    prelude: str
    decorator: str
    start: str
    safe: bool  # whether the formulas see a harmless time at the ends, so that gradients stay finite

    def opening(self, text: str) -> str:
        """What a module of this text starts with."""
        before, after, helper = ERROR_FUNCTIONS.get(self.prefix, ("", "", ""))
        used = [name for name in ("erf", "erfc") if re.search(rf"\b(_|jsp\.){name}\(", text)]
        prelude = self.prelude.replace(before, after, 1) if used else self.prelude
        return "\n\n".join([prelude.rstrip("\n") + "\n", *(helper.format(name) for name in used if helper)])

    def write(self, function: Function) -> str:
        printer = self.forms()
        ends = {o.name: self._ends(function, o) for o in function.outputs}
        rows = [self.decorator] if self.decorator else []
        rows += [f"def {function.name}({signature(function)}):", f'    """{documentation(function)}"""']
        rows += [f"    {line}" for line in self._opening(function, list(ends.values()))]
        rows += [f"    {line}" for line in self._body(function, printer)]
        returned = [self._returned(function, output, ends[output.name], printer) for output in function.outputs]
        if function.covered is not None:
            returned = [f"{self.prefix}where(covered, {text}, {self.prefix}nan)" for text in returned]
        rows += [f"    return {', '.join(returned)}"] if sum(map(len, returned)) < 100 else self._long(returned)
        return "\n".join(folded_rows(rows))

    def _long(self, returned: Sequence[str]) -> list[str]:
        return ["    return (", *[f"        {r}," for r in returned], "    )"]

    def _opening(self, function: Function, ends: Sequence[Ends]) -> list[str]:
        """Where t is an end, and the time that the formulas are given there."""
        rows = [f"{time} = {self.start.format(time)}" for time in function.times if self.start]
        if function.covered is not None:
            rows.append("covered = (t >= {!r}) & (t <= {!r})".format(*function.covered))
        rows += self._marks(function, ends)
        if self.prefix == "torch.":
            rows += [f"{time} = torch.as_tensor({time}, dtype=t.dtype)" for time in function.times[1:]]
            chosen = {s for pair in ends for e in pair if isinstance(e, sp.Piecewise) for s in e.free_symbols}
            names = {s.name for s in chosen | _inside_functions(function)}
            rows += [f"{p} = torch.as_tensor({p}, dtype=t.dtype)" for p in map(str, function.parameters) if p in names]
        return rows

    def _marks(self, function: Function, ends: Sequence[Ends]) -> list[str]:
        """Where t is an end (`at` the ends, t itself), and the time that the formulas are given there."""
        found = [name for k, name in enumerate(("zero", "one")) if any(e[k] is not None for e in ends)]
        guarded = [name for k, name in enumerate(("zero", "one")) if name in found and self._guarded(function, k)]
        put = [change for e in ends for change in self._changes(e)]
        single = [name for name in found if any(mark == name for mark, _ in put) or guarded == [name]]
        both = len(guarded) == 2 or any(mark == "end" for mark, _ in put)
        rows = [f"{', '.join(single)} = {', '.join(_AT[name] for name in single)}"] if single else []
        if both:
            one_by_one = [name if name in single else f"({_AT[name]})" for name in _AT]
            rows.append(f"end = {' | '.join(one_by_one)}")
        rows += ["at = t.detach()"] if any(value == AT for _, value in put) else []
        if guarded:
            rows.append(f"t = {self.prefix}where({'end' if len(guarded) == 2 else guarded[0]}, 0.5, t)")
        return rows

    def _changes(self, ends: Ends) -> list[tuple[str, sp.Expr]]:
        """(where, limit) to be put in: both ends at once where their limits are the same, or are the time itself."""
        zero, one = ends
        if self.safe and zero is not None and one is not None:
            if zero == one:
                return [("end", zero)]
            if self.prefix == "torch." and zero.is_zero and (one - 1).is_zero:
                return [("end", AT)]
        return [(mark, limit) for mark, limit in zip(_AT, ends, strict=True) if limit is not None]

    def _body(self, function: Function, printer: NumPyForms | TorchForms) -> list[str]:
        lines = unused_left_out(function)
        if self.prefix == "torch.":  # a root of a plain number is no tensor
            numbers = {s: f for s, f in lines if not f.free_symbols and s in _inside_functions(function)}
            lines = shared_products([(s, f.xreplace(numbers)) for s, f in lines])
        used = set().union(*(f.free_symbols for _, f in lines))
        rows = [f"{left} = 1 - {time}" for time, left in LEFT.items() if sp.Symbol(left) in used]
        return rows + assignments(lines, printer.form, function)

    def _guarded(self, function: Function, end: int) -> bool:
        """Whether the formulas are given a harmless time at this end: they have a pole or a root, all limits known."""
        limits = [o.quantity.ends[end] for o in function.outputs if not is_constant(function, o)]
        names = {s.name for s in function.parameters}
        known = all(e is not None and {s.name for s in e.free_symbols} <= names for e in limits)
        needed = any(o.ends[end] is not None for o in function.outputs)
        return self.safe and known and (needed or has_singular_form(function))

    def _ends(self, function: Function, output: Output) -> Ends:
        """The limits to put in, where the formula gives none or is not to be asked."""
        if is_constant(function, output):
            return None, None
        zero, one = (
            limit if self._guarded(function, k) else missing
            for k, (limit, missing) in enumerate(zip(output.quantity.ends, output.ends, strict=True))
        )
        return zero, one

    def _returned(self, function: Function, output: Output, ends: Ends, printer: NumPyForms | TorchForms) -> str:
        if is_constant(function, output):
            return self._constant(function, output)
        text = output.name
        for mark, limit in self._changes(ends):
            text = self.put(mark, "at" if limit == AT else printer.limit(limit), text)
        return self._own(text) if text == output.name and is_time(function, output) else text

    def _constant(self, function: Function, output: Output) -> str:
        """A quantity without time in it, in the shape of t (and of a parameter that is an array)."""
        form = dict(function.lines)[sp.Symbol(output.name)]
        if form.free_symbols:
            return f"{output.name} + {self.prefix}zeros_like(t)"
        return f"{self.prefix}full_like(t, {output.name})"

    def _own(self, name: str) -> str:
        """A result that is t itself, but not the caller's array."""
        return {"np.": f"{name}.copy()", "torch.": f"{name}.clone()"}.get(self.prefix, name)

    def put(self, mark: str, limit: str, text: str) -> str:
        if self.prefix == "np.":
            return f"_put({mark}, {limit}, {text})"
        return f"{self.prefix}where({mark}, {limit}, {text})"


def _inside_functions(function: Function) -> set[sp.Symbol]:
    """Names that a function or a root is applied to: torch takes no plain numbers there."""
    nodes = [a for _, f in function.lines for a in f.atoms(sp.Function, sp.Pow)]
    limits = {e for o in function.outputs for e in (*o.ends, *o.quantity.ends) if e is not None}
    nodes += [a for e in limits for a in e.atoms(sp.Function, sp.Pow)]
    return {s for a in nodes if not (a.is_Pow and a.exp.is_Integer) for s in a.free_symbols}


def has_singular_form(function: Function) -> bool:
    """Whether a line divides, takes a root or a logarithm: what may have no derivative at an end."""
    powers = [p for _, f in function.lines for p in f.atoms(sp.Pow) if not isinstance(p, sp.exp)]
    return (
        function.implicit
        or any(not (p.exp.is_Integer and p.exp > 0) and p.free_symbols for p in powers)
        or any(f.has(sp.log, log1p) for _, f in function.lines)
    )


def is_time(function: Function, output: Output) -> bool:
    """Whether a quantity is t itself."""
    form: sp.Expr = sp.Symbol(output.name)
    lines = dict(function.lines)
    while form in lines:
        form = lines[form]
    return bool(form == sp.Symbol("t"))


def assignments(lines: Lines, form: Callable[[sp.Expr], str], function: Function) -> list[str]:
    """The lines as assignments, with the call of the Newton inverse, if there is one, just before τ is used."""
    rows = [f"{symbol.name} = {form(expr)}" for symbol, expr in lines]
    if function.implicit:
        solved = (k for k, (_, f) in enumerate(lines) if f.has(sp.Symbol("tau"), sp.Symbol("tau_left")))
        rows.insert(next(solved, len(rows)), f"tau, tau_left = _source_time({', '.join(inverse_arguments(function))})")
    return rows


def inverse_arguments(function: Function) -> list[str]:
    """What the Newton inverse is called with."""
    near = [s.name for s, _ in function.lines if s.name in DISTANCES]
    return ["alpha", "beta", *near, *(s.name for s in function.parameters if s.name != "kappa")]


NUMPY_PRELUDE = '''import numpy as np


def _times(t):
    """Floats of at least single precision; subnormal ones, whose inverse is none, are 0."""
    t = np.asarray(t)
    t = t.astype(np.promote_types(t.dtype, np.float32), copy=False)
    return np.where(np.abs(t) < np.finfo(t.dtype).tiny, 0, t)


def _put(where, limit, value):
    """`limit` at an end, where the formula itself has none to give."""
    if where.any():
        value = np.asarray(value)
        np.copyto(value, limit, where=where, casting="same_kind")
    return value
'''
TORCH_PRELUDE = '''import functools

import torch


def _floating(function):
    """Numbers become tensors; half precision is computed in single and rounded once, at the end."""

    @functools.wraps(function)
    def widened(t, *parameters, **named):
        t = torch.as_tensor(t)
        dtype = t.dtype if t.is_floating_point() else torch.get_default_dtype()
        wide = torch.promote_types(dtype, torch.float32)
        t = t.to(wide)
        t = torch.where(t.abs() < torch.finfo(wide).tiny, 0.0, t)  # the inverse of a subnormal number is none
        parameters = [p.to(wide) if torch.is_tensor(p) else p for p in parameters]
        found = function(t, *parameters, **named)
        return tuple(v.to(dtype) for v in found) if isinstance(found, tuple) else found.to(dtype)

    return widened
'''
JAX_PRELUDE = '''import functools

import jax.numpy as jnp


def _floating(function):
    """Numbers become arrays; half precision is computed in single and rounded once, at the end."""

    @functools.wraps(function)
    def widened(t, *parameters, **named):
        t = jnp.asarray(t)
        dtype = t.dtype if jnp.issubdtype(t.dtype, jnp.floating) else jnp.result_type(float)
        wide = jnp.promote_types(dtype, jnp.float32)
        parameters = [jnp.asarray(p, dtype=wide) for p in parameters]
        t = t.astype(wide)
        t = jnp.where(jnp.abs(t) < jnp.finfo(wide).tiny, 0, t)  # the inverse of a subnormal number is none
        found = function(t, *parameters, **named)
        return tuple(v.astype(dtype) for v in found) if isinstance(found, tuple) else found.astype(dtype)

    return widened
'''
ERROR_FUNCTIONS = {  # NumPy has none, and JAX has them elsewhere
    "np.": (
        "import numpy as np",
        "import math\n\nimport numpy as np",
        '''def _{0}(x):
    """math.{0} of every number."""
    x = np.asarray(x)
    return np.vectorize(math.{0}, otypes=[x.dtype])(x)
''',
    ),
    "jnp.": ("import jax.numpy as jnp", "import jax.numpy as jnp\nimport jax.scipy.special as jsp", ""),
}
QUIET = '@np.errstate(all="ignore")'
NUMPY = Arrays(NumPyForms, "np.", NUMPY_PRELUDE, QUIET, "_times({})", False)
TORCH = Arrays(TorchForms, "torch.", TORCH_PRELUDE, "@_floating", "", True)
JAX = Arrays(JaxForms, "jnp.", JAX_PRELUDE, "@_floating", "", True)
