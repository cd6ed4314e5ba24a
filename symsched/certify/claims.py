"""`certify`: certificates of claims, written in parallel processes and checked by Coq."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from symsched.certify.files import Certificate, certificate
from symsched.certify.runner import Checked
from symsched.certify.runner import check as ask
from symsched.collection import Key, collect
from symsched.errors import InputError
from symsched.processes import fresh
from symsched.writing import whole

Progress = Callable[[int, int, str], None]


def certificates(keys: Sequence[Key], progress: Progress | None = None) -> list[Certificate]:
    """A certificate of each theorem, in order, each written in a fresh process: nothing that was derived before is
    remembered there, so that every derivative is seen."""
    found: dict[Key, Certificate] = {}
    workers = min(len(keys), os.cpu_count() or 1, 2)
    with fresh(workers, __name__, tasks_per_child=1) as pool:
        waiting = {pool.submit(certificate, key): key for key in keys}
        for future in as_completed(waiting):
            found[waiting[future]] = future.result()
            if progress is not None:
                progress(len(found), 2 * len(keys), f"{waiting[future][1]} written")
    return [found[key] for key in keys]


def certify(
    names: Sequence[str] | None = None,
    folder: str | None = None,
    progress: Progress | None = None,
    check: bool = True,
) -> list[tuple[Certificate, Checked | None]]:
    """Write the certificates of claims into a folder, if one is given, and have Coq check them.

    Returns each certificate, without the lemmas that Coq found no proof of, with what Coq said; None where Coq was not
    asked, by `check`, or because a claim has nothing to certify.

    Raises:
        InputError: unknown names, or a folder that cannot be written.
        CoqError: Coq is missing or of another version; the files are written all the same.
    """
    keys = collect(list(names) if names else None)
    written = certificates(keys, progress)
    if folder is not None:
        write(written, folder)
    asked, count = [one for one in written if one.text and check], 0

    def done(one: Checked) -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(len(keys) + count, len(keys) + len(asked), f"{one.name} checked")

    said = dict(zip([one.name for one in asked], ask(asked, done), strict=True)) if asked else {}
    kept = [one.without(said[one.name].open) if one.name in said else one for one in written]
    if folder is not None and kept != written:
        write(kept, folder)  # a file has only lemmas that Coq accepts
    return [(one, said.get(one.name)) for one in kept]


def write(written: Sequence[Certificate], folder: str) -> list[Path]:
    """NAME.v in the folder for each certificate, whole or not at all.

    Raises:
        InputError: the folder cannot be made or written.
    """
    paths = []
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for one in written:
            if one.text:
                path = Path(folder, f"{''.join(c if c.isalnum() else '_' for c in one.name)}.v")
                with whole(path) as file:
                    file.write(one.text)
                paths.append(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a folder name"
        raise InputError(f"-o {folder}: certificates cannot be written there ({why}); give a folder you own") from None
    return paths
