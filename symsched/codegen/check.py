"""Every module is run before it is handed out: what it returns is held to values in ball arithmetic.

Whatever the language, the same functions are written for NumPy and run, in float64; the values are those of the
self-test, whether that is asked for or not.  A library of another language may still differ by some units in the last
place of an elementary function, which is what its own self-test is for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from symsched.codegen.header import title
from symsched.codegen.languages.numpy import NumPy
from symsched.codegen.module import Module
from symsched.codegen.printing.python import executed
from symsched.codegen.references import Reference, Value
from symsched.errors import InputError

UNIT = 2.0**-52


@dataclass(frozen=True)
class Miss:
    """A value that is off by more than its bound."""

    what: str
    time: float
    found: float
    value: Value
    ulps: float
    allowed: int

    def __str__(self) -> str:
        off = "" if not math.isfinite(self.ulps) else f" ({self.ulps:.3g} times 2^-52 off; {self.allowed} are allowed)"
        return f"{self.what} at t = {self.time!r} would be {self.found!r}, and is {self.value.number!r}{off}"


def misses(module: Module, text: str) -> Iterator[Miss]:
    """What the module `text`, written for NumPy, gets wrong, in the order of its functions."""
    names = executed(text)
    outputs = {f.name: [o.name for o in f.outputs] for f in (*module.functions, *module.steps)}
    for reference in module.references:
        found = names[reference.function](*reference.arguments)
        values = found if isinstance(found, tuple) else (found,)
        yield from _wrong(reference, outputs[reference.function], [float(v) for v in values])


def _wrong(reference: Reference, names: list[str], found: list[float]) -> Iterator[Miss]:
    for name, got, value in zip(names, found, reference.expected, strict=True):
        if value is None or got == value.number:
            continue
        size = value.measure
        ulps = abs(got - value.number) / (UNIT * size) if 0 < size < math.inf else math.inf
        if not ulps <= reference.ulps:
            yield Miss(f"{reference.function}.{name}", reference.arguments[0], got, value, ulps, reference.ulps)


def check(module: Module) -> None:
    """Raises InputError, with the worst value that the module would return, where it is not what it should be."""
    worst = max(
        misses(module, NumPy().body(module)), key=lambda miss: (not math.isnan(miss.found), miss.ulps), default=None
    )
    if worst is not None:
        raise InputError(f"no code for {title(module)}: {worst}; give it in another form, or convert() for its values")
