"""The derivatives that SymPy took while a theorem was stated and its residuals were built.

A residual is certified as algebra, after differentiation.  So that SymPy's differentiation need not be believed
either, every derivative asked for by a theorem or by the library's formulas is noted here, and certified by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import sympy as sp

# Where the library's own formulas are; elsewhere it differentiates in search of proofs, limits and inverses.
FORMULAS = ("schedule.py", "conversion.py", "lazy.py", "sde", "data", "discretize", "derivations")
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Derivative:
    """d expr / d symbol = result."""

    expr: sp.Expr
    symbol: sp.Symbol
    result: sp.Expr


@contextmanager
def recorded() -> Iterator[list[Derivative]]:
    """Notes the derivatives of first order (a higher one as a chain of these), each once, in order."""
    found: dict[Derivative, None] = {}
    original, deep = sp.Expr.diff, False

    def diff(self: sp.Expr, *symbols: Any, **assumptions: Any) -> Any:
        nonlocal deep
        if deep or not _asked_by_formula():
            return original(self, *symbols, **assumptions)
        deep = True
        try:
            result = original(self, *symbols, **assumptions)
            found.update(dict.fromkeys(_chain(self, symbols, result)))
        finally:
            deep = False
        return result

    sp.Expr.diff = diff
    noted: list[Derivative] = []
    try:
        yield noted
    finally:
        sp.Expr.diff = original
        noted += found


def _asked_by_formula() -> bool:
    """Whether the caller is a theorem or a formula of the library, and not SymPy or a search for a proof."""
    frame = sys._getframe(2)
    while frame.f_back is not None and (frame.f_code.co_name == "diff" or "/sympy/matrices/" in _file(frame)):
        frame = frame.f_back  # sp.diff(f, t) and matrix.diff(t) are asked for by their callers
    if "/sympy/" in _file(frame):
        return False
    path = Path(_file(frame)).resolve()
    return not path.is_relative_to(_PACKAGE) or path.relative_to(_PACKAGE).parts[0] in FORMULAS


def _file(frame: FrameType) -> str:
    return Path(frame.f_code.co_filename).as_posix()


def _chain(expr: sp.Expr, symbols: tuple[Any, ...], result: sp.Expr) -> Iterator[Derivative]:
    """x, 2 and x, x are two derivatives; the last is what the caller got."""
    steps: list[sp.Symbol] = []
    for s in symbols:
        if isinstance(s, sp.Symbol):
            steps.append(s)
        elif isinstance(s, tuple | sp.Tuple):
            steps += [s[0]] * int(s[1])
        else:
            steps += [steps[-1]] * (int(s) - 1)
    current = sp.sympify(expr, strict=True)
    for k, step in enumerate(steps):
        after = result if k == len(steps) - 1 else current.diff(step)
        if isinstance(step, sp.Symbol) and not _by_definition(current, after):
            yield Derivative(current, step, sp.sympify(after, strict=True))
        current = after


def _by_definition(expr: sp.Expr, result: sp.Expr) -> bool:
    """u(t) ↦ u'(t), or something that does not move."""
    own = isinstance(result, sp.Derivative) and result.expr == expr
    return own or (result == 0 and not expr.has(sp.Function))
