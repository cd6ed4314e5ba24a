"""What a check may return, and how it is refused: residuals by name, triples of numbers, triples of signs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import GeneratorType
from typing import Any

import sympy as sp

from symsched.errors import InputError, clipped

MOST = 100_000  # parts of what one check returns
SIDES = "return left − right, which must vanish"


def labelled(found: Any) -> dict[str, sp.Expr]:
    """The residuals that a check returned, by name.

    An expression or an equation, or any nesting of matrices, arrays, lists, generators and mappings of these.

    Raises:
        InputError: there is none, two have one name, or something is neither an expression nor an equation.
    """
    named: dict[str, sp.Expr] = {}
    for label, residual in _flat(None, found):
        if label in named:
            raise InputError(f"two residuals are named {label!r}: one of them would not be looked at; rename it")
        named[label] = residual
    if not named:
        raise InputError(f"a check returned {_what(found)}: nothing would be checked; {SIDES}")
    return named


def _flat(label: str | None, found: Any) -> Iterator[tuple[str, sp.Expr]]:
    """(label, residual) for each leaf; a part of several adds its place to the label of the whole, which has none."""
    if isinstance(found, Mapping):
        _something(label, found)
        for key, part in found.items():
            yield from _flat(str(key) if label is None else f"{label}: {key}", part)
        return
    parts = _parts(found)
    if parts is None:
        yield label or "residual", expression(found)
        return
    _something(label, parts)
    for k, part in enumerate(parts, 1):
        yield from _flat(f"{label or 'residual'} {k}", part)


def _something(label: str | None, parts: Any) -> None:
    """Raises InputError for a part that is empty: it looks like a claim, and is none."""
    if label is not None and not parts:
        raise InputError(f"{label or 'a part'} is empty: nothing would be checked under that name; {SIDES}")


def _parts(found: Any) -> list[Any] | None:
    """The entries of a container; None where `found` is no container."""
    if isinstance(found, sp.MatrixExpr):
        found = _explicit(found)
    if isinstance(found, (list, tuple, sp.Tuple, sp.MatrixBase, GeneratorType)):
        return _listed(found)
    if isinstance(found, sp.NDimArray):
        return list(sp.flatten(found.tolist())) if found.rank() else [found[()]]
    if hasattr(found, "__array__") and hasattr(found, "ravel"):  # NumPy, which is not imported for this
        return list(found.ravel().tolist())
    return None


def _listed(found: Iterable[Any]) -> list[Any]:
    """Raises InputError for more than anyone means: a generator may go on for ever."""
    listed = list(islice(found, MOST + 1))
    if len(listed) > MOST:
        raise InputError(f"a check returned more than {MOST} parts: does its loop end?")
    return listed


def _explicit(matrix: sp.MatrixExpr) -> Any:
    try:
        return matrix.doit().as_explicit()
    except (ValueError, TypeError, AttributeError, NotImplementedError):
        raise InputError(f"a check returned {_what(matrix)}: its entries are not known; return a Matrix") from None


def expression(found: Any) -> sp.Expr:
    """One expression, of an equation its left side less its right one.

    Raises:
        InputError: it is neither.
    """
    if isinstance(found, sp.Eq):
        return expression(found.lhs) - expression(found.rhs)
    if isinstance(found, (bool, str, bytes)) or found is None:
        raise InputError(f"a check returned {_what(found)}: expected an expression; {SIDES}")
    try:
        residual = sp.sympify(found, strict=True)
    except (sp.SympifyError, TypeError, ValueError):
        raise InputError(f"a check returned {_what(found)}: expected an expression; {SIDES}") from None
    if not isinstance(residual, sp.Expr) or getattr(residual, "is_Vector", False):
        raise InputError(f"a check returned {_what(found)}: expected an expression; {SIDES}")
    return residual


def triples(found: Any, form: str) -> list[tuple[str, Any, Any]]:
    """The triples that a check of numbers or signs returned or yielded; `form` names their parts.

    Raises:
        InputError: there is none, or something is not a triple.
    """
    if found is None or isinstance(found, (str, Mapping)) or not isinstance(found, Iterable):
        raise InputError(f"a check returned {_what(found)}: expected {form} triples")
    listed = _listed(found)
    for one in listed:
        if not isinstance(one, (tuple, list, sp.Tuple)) or len(one) != 3:
            raise InputError(f"a check returned {_what(one)}: expected {form} triples")
    if not listed:
        raise InputError(f"a check returned no triples: nothing would be checked; expected {form}")
    return [(str(label), one, other) for label, one, other in listed]


def _what(found: Any) -> str:
    """A short name for what was returned."""
    return clipped(found, 60) or repr(found)
