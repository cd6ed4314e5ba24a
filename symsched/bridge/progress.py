"""A progress bar on a terminal, nothing when piped."""

from __future__ import annotations

import sys
from typing import Any


class Bar:
    """Counts up to `total`; shown only if asked for and standard error is a terminal."""

    def __init__(self, total: int, wanted: bool, unit: str) -> None:
        self.total, self.shown, self.unit = total, wanted and sys.stderr.isatty(), unit

    def __enter__(self) -> Bar:
        if self.shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            columns = (BarColumn(), MofNCompleteColumn(), self.unit, TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task("", total=self.total)
        return self

    def add(self) -> None:
        """One more is done."""
        if self.shown:
            self.bar.advance(self.task)

    def __exit__(self, *_: Any) -> None:
        if self.shown:
            self.bar.stop()
