"""A function whose keywords are the fields of a dataclass: names, types, defaults and help are written there, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from inspect import Parameter, cleandoc, signature
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
First = TypeVar("First")
Answer = TypeVar("Answer")


def keywords_of(
    kind: Callable[P, Any],
) -> Callable[[Callable[[First, Mapping[str, Any]], Answer]], Callable[Concatenate[First, P], Answer]]:
    """A decorator: f(first, {keyword: value, …}) is called as f(first, keyword=value, …), by the names of `kind`.

    The function is told what was given and no defaults, so that it can refuse two answers to one question.  In its
    docstring {keywords} stands for the "Attributes" of `kind` and its bases.
    """

    def dress(function: Callable[[First, Mapping[str, Any]], Answer]) -> Callable[Concatenate[First, P], Answer]:
        first = next(iter(signature(function).parameters.values())).replace(kind=Parameter.POSITIONAL_OR_KEYWORD)
        # a type checker reads P; help(), editors and Sphinx read this
        face = signature(function).replace(parameters=[first, *signature(kind).parameters.values()])

        @wraps(function)
        def asked(*args: Any, **kwargs: Any) -> Answer:
            try:
                given = face.bind(*args, **kwargs).arguments
            except TypeError as error:
                raise TypeError(f"{function.__name__}() {error}") from None
            return function(given.pop(first.name), given)

        asked.__signature__ = face  # type: ignore[attr-defined]
        if function.__doc__:  # python -OO has none
            asked.__doc__ = function.__doc__.replace("{keywords}", ("\n" + " " * 8).join(_attributes(kind)))
        return asked

    return dress


def _attributes(kind: Any) -> Iterator[str]:
    """The lines below "Attributes:" in the docstrings of a class and its bases, its own first."""
    for one in (kind, *reversed(kind.__mro__[1:])):
        below = cleandoc(one.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
        yield from (line.removeprefix("    ") for line in below.splitlines())
