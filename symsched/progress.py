"""The progress bar: on standard error where that is a terminal, in a notebook under the cell; else nothing."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any


class Page:
    """A bar in a notebook: HTML that every front end draws, with no widgets; it has rich's methods that `Bar` calls."""

    def __init__(self, unit: str) -> None:
        self.unit, self.done, self.drawn = unit, 0, 0.0

    def start(self) -> None:
        self.handle: Any = None

    def add_task(self, what: str, total: int | None) -> int:
        from IPython.display import HTML, display

        self.what, self.total, self.html = what, total, HTML
        self.handle = display(HTML(self._text()), display_id=True)
        return 0

    def advance(self, task: int) -> None:
        self.update(task, completed=self.done + 1)

    def update(self, _: int, completed: int, total: int | None = None, description: str | None = None) -> None:
        """Drawn four times a second at most, and at the end."""
        self.done, self.total, self.what = completed, total or self.total, description or self.what
        if time.monotonic() - self.drawn > 0.25 or completed == self.total:
            self.drawn = time.monotonic()
            self.handle.update(self.html(self._text()))

    def stop(self) -> None:
        """Leaves nothing, like the one on a terminal."""
        if self.handle is not None:
            self.handle.update(self.html(""))

    def _text(self) -> str:
        size = f" value={self.done} max={self.total}" if self.total else ""
        counted = f"{self.done}/{self.total}" if self.total else str(self.done)
        return f"<progress{size}></progress> {escape(self.what)} {counted} {escape(self.unit)}"


def in_notebook() -> bool:
    """Whether this is a kernel of Jupyter's, and not a session in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class Bar:
    """Counts up to `total`, which may be told later; shown only if wanted, on a terminal or in a notebook."""

    def __init__(self, total: int | None, wanted: bool, unit: str = "", what: str = "") -> None:
        self.total, self.unit, self.what, self.page = total, unit, what, in_notebook()
        self.shown = wanted and (self.page or sys.stderr.isatty())

    def __enter__(self) -> Bar:
        if self.shown:
            self.bar: Any = Page(self.unit) if self.page else self._line()
            self.bar.start()
            self.task = self.bar.add_task(self.what, total=self.total)
        return self

    def _line(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Left

        shown = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        clock = TimeElapsedColumn() if self.total is None else Left()
        return Progress(*shown, self.unit, clock, console=Console(stderr=True), transient=True)

    def add(self) -> None:
        """One more is done."""
        if self.shown:
            self.bar.advance(self.task)

    def at(self, done: int, total: int | None = None, what: str | None = None) -> None:
        """So many are done, of so many, and this is under way."""
        if self.shown:
            title = None if what is None else what[:60]
            self.bar.update(self.task, completed=done, total=total or self.total, description=title)

    def __exit__(self, *_: Any) -> None:
        if self.shown:
            self.bar.stop()


#: Seconds that a call may take without a word.
PATIENCE = 180.0


def foretold(seconds: float, what: str) -> bool:
    """Say on standard error, in one line, what a call is measured to take, where that is more than a few minutes."""
    if seconds <= PATIENCE:
        return False
    size, unit = next(((s, u) for s, u in ((86400, "days"), (3600, "hours")) if seconds > 1.5 * s), (60, "minutes"))
    print(f"symsched: {what}: about {seconds / size:.3g} {unit}, by what is done so far", file=sys.stderr, flush=True)
    return True
