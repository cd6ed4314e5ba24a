"""Elements of a page: everything is escaped unless an element made it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Union

Child = Union[str, None, Iterable["Child"]]  # noqa: UP007  (a recursive alias needs the older spelling)

VOID = frozenset({"meta", "link", "br", "line", "circle", "rect", "path"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """<name attributes>children</name>; children that are plain text are escaped, None is left out.

    An attribute's trailing underscore is dropped and others become hyphens: class_, aria_label.  True gives a bare
    attribute; False and None leave it out.
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{head}>" if name in ("meta", "link", "br") else f"<{name}{head}/>")
    return Html(f"<{name}{head}>{join(children)}</{name}>")


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'


def join(children: Iterable[Child]) -> Html:
    """Children one after the other."""
    return Html("".join(_markup(child) for child in children))


def _markup(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, str):
        return child if isinstance(child, Html) else html.escape(child)
    return join(child)
