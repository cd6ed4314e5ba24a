"""What the languages of arrays share, NumPy, torch and JAX: how the ends are put in, and the Newton inverse."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import sympy as sp

from symsched.codegen.module import Module
from symsched.codegen.newton import Inverse, inverse_of
from symsched.codegen.passes import unrolled
from symsched.codegen.printing.forms import NAMES, PythonForms
from symsched.codegen.printing.language import START, WHY, documentation, folded_rows, indented, is_constant
from symsched.codegen.printing.python import Python
from symsched.codegen.program import Output, Routine
from symsched.codegen.quantities import Ends
from symsched.codegen.stable import log1p

AT = sp.Symbol("at")
_AT = {"zero": "t == 0", "one": "t == 1"}


def numpy_names(prefix: str) -> Iterator[tuple[type, str]]:
    """arcsin for asin, and so on."""
    inverse = (sp.asin, sp.acos, sp.atan, sp.atan2, sp.asinh, sp.acosh, sp.atanh)
    return ((function, f"{prefix}arc{NAMES[function][1:]}") for function in inverse)


class ArrayForms(PythonForms):
    """Functions of arrays, and a choice for each element."""

    def conditional(self, test: str, yes: str, no: str) -> str:
        return self.choice.format(test, yes, no)


class Arrays(Python):
    """A library of arrays: what a module starts with, and how the ends are put in."""

    prelude: str
    decorator: str
    start = ""  # how a time is made an array
    safe = True  # whether the formulas see a harmless time at the ends, so that gradients stay finite
    itself = ""  # the time as a limit of its own, where it is one
    own = "{}"  # a result that is t itself, but not the caller's array

    def __init__(self, name: str = "emitted") -> None:
        super().__init__(name)
        self.prefix = np = self.forms.prefix
        self.narrowed = (f"low, high = {np}where(gap < 0, z, low), {np}where(gap < 0, high, z)",)
        self.moved = (f"moved = {np}where((newton >= low) & (newton <= high), newton, (low + high) / 2)",)

    def parts(self, module: Module) -> list[str]:
        parts = super().parts(module)
        return [*self.opening("\n".join(parts)), *parts]

    def opening(self, text: str) -> list[str]:  # noqa: ARG002
        """What a module of this text starts with."""
        return [self.prelude]

    def function(self, function: Routine) -> str:
        ends = {o.name: self._ends(function, o) for o in function.outputs}
        rows = [
            self.decorator,
            f"def {function.name}({self.signature(function)}):",
            f'    """{documentation(function)}"""',
        ]
        rows += indented([*self._marks(function, list(ends.values())), *self.computed(function)])
        returned = [self._returned(function, output, ends[output.name]) for output in function.outputs]
        if function.covered is not None:
            returned = [f"{self.prefix}where(covered, {text}, {self.prefix}nan)" for text in returned]
        long = ["    return (", *[f"        {r}," for r in returned], "    )"]
        rows += [f"    return {', '.join(returned)}"] if sum(map(len, returned)) < 100 else long
        return "\n".join(folded_rows(rows))

    def converted(self, function: Routine, ends: Sequence[Ends]) -> list[str]:  # noqa: ARG002
        """What must become an array like t, as far as the library does not do so itself."""
        return []

    def _marks(self, function: Routine, ends: Sequence[Ends]) -> list[str]:
        """Where t is an end (`at` the ends, t itself), and the time that the formulas are given there."""
        rows = [f"{time} = {self.start.format(time)}" for time in function.times if self.start]
        if function.covered is not None:
            rows.append("covered = (t >= {!r}) & (t <= {!r})".format(*function.covered))
        found = [name for k, name in enumerate(("zero", "one")) if any(e[k] is not None for e in ends)]
        guarded = [name for k, name in enumerate(("zero", "one")) if name in found and self._guarded(function, k)]
        put = [change for e in ends for change in self._changes(e)]
        single = [name for name in found if any(mark == name for mark, _ in put) or guarded == [name]]
        both = len(guarded) == 2 or any(mark == "end" for mark, _ in put)
        rows += [f"{', '.join(single)} = {', '.join(_AT[name] for name in single)}"] if single else []
        if both:
            one_by_one = [name if name in single else f"({_AT[name]})" for name in _AT]
            rows.append(f"end = {' | '.join(one_by_one)}")
        rows += [f"at = {self.itself}"] if any(value == AT for _, value in put) else []
        if guarded:
            rows.append(f"t = {self.prefix}where({'end' if len(guarded) == 2 else guarded[0]}, 0.5, t)")
        return rows + self.converted(function, ends)

    def _changes(self, ends: Ends) -> list[tuple[str, sp.Expr]]:
        """(where, limit) to be put in: both ends at once where their limits are the same, or are the time itself."""
        zero, one = ends
        if self.safe and zero is not None and one is not None:
            if zero == one:
                return [("end", zero)]
            if self.itself and zero.is_zero and (one - 1).is_zero:
                return [("end", AT)]
        return [(mark, limit) for mark, limit in zip(_AT, ends, strict=True) if limit is not None]

    def _guarded(self, function: Routine, end: int) -> bool:
        """Whether the formulas are given a harmless time at this end: they have a pole or a root, all limits known."""
        limits = [o.quantity.ends[end] for o in function.outputs if not is_constant(function, o)]
        names = {s.name for s in function.parameters}
        known = all(e is not None and {s.name for s in e.free_symbols} <= names for e in limits)
        needed = any(o.ends[end] is not None for o in function.outputs)
        return self.safe and known and (needed or has_singular_form(function))

    def _ends(self, function: Routine, output: Output) -> Ends:
        """The limits to put in, where the formula gives none or is not to be asked."""
        if is_constant(function, output):
            return output.ends
        zero, one = (
            limit if self._guarded(function, k) else missing
            for k, (limit, missing) in enumerate(zip(output.quantity.ends, output.ends, strict=True))
        )
        return zero, one

    def _returned(self, function: Routine, output: Output, ends: Ends) -> str:
        text = output.name
        if is_constant(function, output):  # in the shape of the times, and of a parameter that is an array
            moving = dict(function.lines)[sp.Symbol(output.name)].free_symbols
            shaped = "{1} + {0}zeros_like({2})" if moving else "{0}full_like({2}, {1})"
            text = shaped.format(self.prefix, output.name, " + ".join(function.times))
        for mark, limit in self._changes(ends):
            text = self.at_end(mark, "at" if limit == AT else self.forms.limit(limit), text)
        return self.own.format(text) if text == output.name and is_time(function, output) else text

    def at_end(self, mark: str, limit: str, text: str) -> str:
        """The value, with its limit where `mark` is true."""
        return f"{self.prefix}where({mark}, {limit}, {text})"

    # -- the Newton inverse -------------------------------------------------------------------------------------

    solver_imports = "import math"
    untraced = ""  # a decorator, where gradients are not taken through the search

    def newton(self, module: Module) -> str:
        inverse, form, np = inverse_of(module), self.forms.form, self.prefix
        names = ", ".join(["alpha", "beta", *inverse.parameters])
        rows = [
            f"log_r = {np}log(beta) - {np}log(alpha)",
            f"tiny, floor = {np}finfo(log_r.dtype).tiny, 64 * {np}finfo(log_r.dtype).eps",
            *(f"{symbol} = {self.floored.format(form(expr))}" for symbol, expr in inverse.distances),
            f"goal = {form(inverse.place)}",
            f"high = {np}full_like(goal, -math.log(tiny) - 0.375)",
            "low = -high",
            f"z = {np}minimum({np}maximum(goal, low), high)",
            *self.loop(inverse),
            "return z",
        ]
        last = [
            f"one = {np}ones_like(alpha * beta)",
            "alpha, beta = alpha * one, beta * one",
            "inside = (alpha > 0) & (beta > 0)",
            f"alpha, beta = {np}where(inside, alpha, one), {np}where(inside, beta, one)",
            f"inverse_r = {np}where(inside, inverse_r, one)",
            f"z = _logit_time({self.fixed(names)})",
            *self.logit(),
            *self.repeat(2, self.polish(inverse)),
            f"most = -math.log({np}finfo(z.dtype).tiny) - 0.5  # beyond, no float is that time",
            f"s = {np}where(z < -most, 0.0, {np}where(z > most, 1.0, s))",
            f"return s, {np}where(z < -most, 1.0, {np}where(z > most, 0.0, left))",
        ]
        search = [self.untraced] if self.untraced else []
        search += [f"def _logit_time({names}):", f'    """{START}"""', *indented(rows), "", ""]
        whole = [f"def _source_time({', '.join(inverse.arguments)}):", f'    """{WHY}"""', *indented(last)]
        return "\n".join([self.solver_imports, "", "", *search, *whole])

    @abstractmethod
    def loop(self, inverse: Inverse) -> list[str]:
        """`search`, as often as it takes."""

    def unrolled(self, inverse: Inverse) -> list[str]:
        """`search`, so often as is enough where the guard does not bisect.

        It does where the next step leaves all floats: that is where τ is, then."""
        far = f"{self.prefix}abs(newton) > -math.log(tiny)"
        rows = self.repeat(unrolled(inverse), [*self.search(inverse), "z = moved"])
        return [*rows, f"z = {self.prefix}where({far}, newton, z)"]

    def fixed(self, names: str) -> str:
        """The arguments of the search, through which no gradient goes."""
        return names

    def logarithm(self, text: str) -> str:
        return f"{self.prefix}log({text} + 0 * s)"


def has_singular_form(function: Routine) -> bool:
    """Whether a line divides, takes a root or a logarithm: what may have no derivative at an end."""
    powers = [p for _, f in function.lines for p in f.atoms(sp.Pow) if not isinstance(p, sp.exp)]
    return (
        function.implicit
        or any(not (p.exp.is_Integer and p.exp > 0) and p.free_symbols for p in powers)
        or any(f.has(sp.log, log1p) for _, f in function.lines)
    )


def is_time(function: Routine, output: Output) -> bool:
    """Whether a quantity is t itself."""
    form: sp.Expr = sp.Symbol(output.name)
    lines = dict(function.lines)
    while form in lines:
        form = lines[form]
    return bool(form == sp.Symbol("t"))
