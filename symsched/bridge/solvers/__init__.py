"""Solvers by name; each is a float64 function from a frame and its times to a table of stages.

    euler heun midpoint ab2 ab3 ab2c ab3c      classical methods in the target's coordinates and time, κ = 0
    ddim dpmpp2m dpmpp3m unipc2 unipc3         data prediction, exponential in log r
    deis                                       data prediction, a polynomial in the target's time, κ = 0
    em lazy                                    κ > 0 in the target's coordinates
    ddim sde-dpmpp                             κ > 0 in log r; the last step adds no noise
    lazy-auto                                  the recommended default

A builder takes (frame, times) by position; its keywords are the solver's options: "lazy(clean=1)".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from symsched.bridge.options import read_call
from symsched.errors import InputError

if TYPE_CHECKING:
    from symsched.bridge.levels import Array, Frame
    from symsched.bridge.plan import Stage

Builder = Callable[..., "tuple[Stage, ...]"]

HOMES = {
    "euler": "classical",
    "heun": "classical",
    "midpoint": "classical",
    "ab2": "adams",
    "ab3": "adams",
    "ab2c": "adams",
    "ab3c": "adams",
    "ddim": "exponential",
    "dpmpp2m": "exponential",
    "dpmpp3m": "exponential",
    "sde-dpmpp": "exponential",
    "deis": "deis",
    "unipc2": "unipc",
    "unipc3": "unipc",
    "em": "stochastic",
    "lazy": "stochastic",
    "lazy-auto": "auto",
}


def find(name: str) -> Builder:
    """The builder of a solver that `HOMES` names, "-" written "_"."""
    return getattr(import_module(f"symsched.bridge.solvers.{HOMES[name]}"), name.replace("-", "_"))


def as_solver(solver: str | Builder) -> tuple[str, Callable[[Frame, Array], tuple[Stage, ...]]]:
    """(name, function of frame and times) from text such as "lazy(clean=1)", or a builder itself.

    Raises InputError for an unknown name or option.
    """
    if callable(solver):
        return getattr(solver, "__name__", "custom"), solver
    if not isinstance(solver, str):
        raise InputError(f"solver = {solver!r}: expected a name such as 'lazy-auto', or a builder")
    chosen, options = read_call(solver, HOMES, find, "solver")
    return solver, partial(chosen, **options)
