"""What a long run has found so far, in a file: a run that was stopped goes on from there."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from symsched.collection import theory

_PACKAGE = Path(__file__).resolve().parent.parent


class Journal:
    """Answers by name, one JSON line each, written as they come; without a path nothing is kept.

    The first line says of which code the answers are.  A journal of other code is not believed, and begun anew; a line
    that was cut short is asked again.
    """

    def __init__(self, path: str | Path | None, about: str) -> None:
        self.path = Path(path) if path is not None else None
        self.found: dict[str, Any] = {}
        self._one_at_a_time = Lock()
        if self.path is not None and not self._read(about):
            self.path.write_text(json.dumps({"about": about}) + "\n", encoding="utf-8")

    def _read(self, about: str) -> bool:
        assert self.path is not None
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        answers = [found for found in map(_parsed, lines) if found is not None]
        if not answers or answers[0] != {"about": about}:
            return False
        self.found = {one["name"]: one["answer"] for one in answers[1:] if one.keys() == {"name", "answer"}}
        return True

    def note(self, name: str, answer: Any) -> None:
        """Keep an answer that can be written as JSON."""
        self.found[name] = answer
        if self.path is not None:
            with self._one_at_a_time, self.path.open("a", encoding="utf-8") as file:
                file.write("\n" * (not self._ends_well()) + json.dumps({"name": name, "answer": answer}) + "\n")

    def _ends_well(self) -> bool:
        assert self.path is not None
        with self.path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"

    def done(self) -> None:
        """The run is over: nothing is left to go on from."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@lru_cache(maxsize=1)
def code() -> str:
    """A hash of the package's own formulas, of the claims, and of what decides about them."""
    parts = ("mutation", "certify", "exact", "steps", "sde", "data", "discretize")
    files = [*_PACKAGE.glob("*.py"), *(file for part in parts for file in (_PACKAGE / part).rglob("*.py")), *theory()]
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()
