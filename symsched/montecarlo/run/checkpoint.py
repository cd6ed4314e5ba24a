"""The state of a run on disk: written whole under another name, then renamed, so that a kill leaves the last one.

Only complete units are in it, summed in the order of the paths: going on from it gives the same bits as never
having stopped.  It holds numbers only (no pickles) and the hash of the job that made it.
"""

from __future__ import annotations

import hashlib
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from symsched.errors import InputError
from symsched.montecarlo.run.chunks import Job
from symsched.montecarlo.run.result import Totals
from symsched.parsing import quoted
from symsched.writing import whole

#: Seconds between two writes.
EVERY = 2.0
_CANNOT_READ = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def job_hash(job: Job) -> str:
    """Hash of everything that the numbers depend on, the number of paths apart."""
    table, steps, start = job.table, job.table.steps, job.table.start
    arrays: list[Any] = [*steps.arrays, table.grid, table.save, start.rows, table.basis]
    arrays += [inside.times for inside in table.between]
    for block in start.blocks:
        arrays += [getattr(block, name, None) for name in ("log_weight", "mean", "stds", "axes", "points")]
    digest = hashlib.sha256(steps.text.encode())
    digest.update(repr((start.alpha, start.beta, job.seed, steps.kind.dtype, job.keep, job.digits)).encode())
    for array in arrays:
        content = b"none" if array is None else np.ascontiguousarray(array).tobytes()
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


def _file(given: Any) -> Path:
    """The path of a file in a directory that exists.  Raises InputError for anything else."""
    try:
        path = Path(given)
        path.resolve().stat()
    except FileNotFoundError:
        pass
    except (TypeError, ValueError, OSError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InputError(f"checkpoint is {quoted(given)}; it should be the name of a file ({reason})") from None
    if path.is_dir():
        raise InputError(f"checkpoint is {quoted(given)}, a directory; it should be the name of a file")
    if not path.resolve().parent.is_dir():
        raise InputError(f"checkpoint is {quoted(given)}; its directory does not exist")
    return path


class Checkpoint:
    """Reads a file if there is one, and writes it every few seconds and at the end; does nothing without a path."""

    def __init__(self, path: Any, job: Job) -> None:
        self.path = None if path is None else _file(path)
        self.job, self.last = job, time.monotonic()
        self.name = "" if path is None else job_hash(job)

    def load(self) -> Totals:
        """The totals so far; empty ones when there is no file.

        Raises InputError when the file belongs to another run, holds more paths than are asked for, or is damaged.
        """
        if self.path is None or not self.path.exists():
            return Totals.empty(self.job)
        try:
            with np.load(self.path, allow_pickle=False) as file:
                found = {name: file[name] for name in ("job", "rows", "counts", "kept", "next_unit", "lost")}
        except _CANNOT_READ as problem:
            raise InputError(f"checkpoint {self.path} cannot be read; delete it to start anew") from problem
        if str(found["job"]) != self.name:
            raise InputError(f"checkpoint {self.path} belongs to another run; give another file, or delete it")
        totals = Totals(found["rows"], found["counts"], [], int(found["next_unit"]), int(found["lost"]))
        if found["kept"].size:
            totals.kept.append(found["kept"])
        if totals.rows[0, 0] > self.job.paths:
            raise InputError(
                f"checkpoint {self.path} holds {int(totals.rows[0, 0])} paths and {self.job.paths} are asked for"
            )
        return totals

    def save(self, totals: Totals, final: bool = False) -> None:
        """Write the totals if it is time to, or if they are final; never with an incomplete last unit.

        Where nothing can be written (a full disk), the run goes on without, with one warning.
        """
        if self.path is None or (not final and time.monotonic() - self.last < EVERY):
            return
        try:
            self._write(self.path, totals)
        except OSError as problem:
            warnings.warn(
                f"checkpoint {self.path} could not be written ({problem.strerror or problem}); "
                "the run goes on, but cannot be continued from here",
                RuntimeWarning,
                stacklevel=3,
            )
            self.path = None
        self.last = time.monotonic()

    def _write(self, path: Path, totals: Totals) -> None:
        kept = np.concatenate(totals.kept, axis=1) if totals.kept else np.zeros(0)
        numbers = {"next_unit": totals.next_unit, "lost": totals.lost, "job": self.name}
        with whole(path, "wb", private=True) as file:
            np.savez(file, rows=totals.rows, counts=totals.counts, kept=kept, **numbers)  # type: ignore[arg-type]
