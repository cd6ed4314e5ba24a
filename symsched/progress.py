"""The progress bar: on a terminal, on standard error; nothing when that is piped."""

from __future__ import annotations

import sys
from typing import Any


class Bar:
    """Counts up to `total`, which may be told later; shown only if wanted and standard error is a terminal."""

    def __init__(self, total: int | None, wanted: bool, unit: str = "", what: str = "") -> None:
        self.total, self.shown, self.unit, self.what = total, wanted and sys.stderr.isatty(), unit, what

    def __enter__(self) -> Bar:
        if self.shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
            from rich.progress import TimeRemainingColumn as Left

            shown = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
            clock = TimeElapsedColumn() if self.total is None else Left()
            self.bar = Progress(*shown, self.unit, clock, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.what, total=self.total)
        return self

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
