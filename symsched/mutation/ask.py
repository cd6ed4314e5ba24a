"""The lemmas of the mutants, put to Coq."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

from symsched.certify.prelude import ALGEBRA
from symsched.certify.runner import Coq, find_coq, run_coq
from symsched.mutation.decide import Trial
from symsched.mutation.journal import Journal

BATCH = 25  # lemmas in one Coq file


def ask_coq(trials: list[Trial], workers: int, until: float, known: Journal, tell: Callable[[int, int], None]) -> None:
    """Every lemma of every mutant, in batches; a mutant is noticed when one of its lemmas stays open.

    An answer that did not come in time is none: it does not count as noticed.
    """
    coq = find_coq()
    texts = list(dict.fromkeys(text for trial in trials for text in trial.attempts))
    batches = [texts[k : k + BATCH] for k in range(0, len(texts), BATCH)]
    said: dict[str, str] = {}
    with ThreadPoolExecutor(workers) as pool:
        answers = [pool.submit(_said, coq, batch, until, known) for batch in batches]
        for done, answer in enumerate(as_completed(answers), 1):
            said |= answer.result()
            tell(done, len(batches))
    for trial in trials:
        verdicts = {said.get(text, "LATE") for text in trial.attempts}
        trial.coq = "OPEN" in verdicts if verdicts - {"LATE"} else None


def _said(coq: Coq, batch: list[str], until: float, known: Journal) -> dict[str, str]:
    """PROVED, OPEN or LATE for each lemma."""
    name = "Coq " + hashlib.sha256("\n".join(batch).encode()).hexdigest()
    if name not in known.found:
        if time.perf_counter() > until:
            return {}
        lines = [ALGEBRA, *(text.replace('"@ ', f'"M{k} ') for k, text in enumerate(batch))]
        known.note(name, re.findall(r"^M(\d+) (PROVED|OPEN|LATE)$", run_coq(coq, "\n".join(lines))[1], re.MULTILINE))
    return {batch[int(k)]: verdict for k, verdict in known.found[name]}
