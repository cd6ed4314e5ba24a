"""Elements of a page: everything is escaped unless an element made it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
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


def table(caption: str, heads: Sequence[Child], rows: Iterable[Sequence[Child]], kind: str) -> Html:
    """A table whose first column names its rows.

    It scrolls by itself where the page is narrow; of kind "stacked" its rows become blocks there instead.  Its roles
    are spelled out, because a browser forgets that blocks are a table.
    """
    body = [element("tr", *map(_cell, [None, *heads[1:]], row), role="row") for row in rows]
    head = element("tr", *(element("th", h, scope="col", role="columnheader") for h in heads), role="row")
    inner = element(
        "table",
        element("caption", caption),
        element("thead", head, role="rowgroup"),
        element("tbody", *body, role="rowgroup"),
        class_=kind,
        role="table",
    )
    return element("div", inner, class_="wide", tabindex="0", role="region", aria_label=caption)


def _cell(head: Child, content: Child) -> Html:
    if head is None:
        return element("th", content, scope="row", role="rowheader")
    name = head if isinstance(head, str) and not isinstance(head, Html) else None
    kind = name.split()[0].lower() if name else None
    return element("td", content, role="cell", data_label=name, class_=kind)
