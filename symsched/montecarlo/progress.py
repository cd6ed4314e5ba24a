"""A progress bar on a terminal, nothing when piped."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


class Bar:
    """Counts paths; silent unless asked for and standard error is a terminal."""

    def __init__(self, total: int, wanted: bool) -> None:
        self.total = total
        self.bar: Any = None
        if wanted and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            columns = (BarColumn(), MofNCompleteColumn(), "paths", TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)

    def __enter__(self) -> Bar:
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task("", total=self.total)
        return self

    def at(self, done: int) -> None:
        """Move the bar to `done` paths."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
