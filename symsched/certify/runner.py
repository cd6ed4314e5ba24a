"""Running Coq on certificates: found, of a known version, at most two at once, and never twice on the same text."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from symsched.certify.files import Certificate
from symsched.certify.prelude import ALGEBRA, CALCULUS
from symsched.errors import InputError
from symsched.kernels.store import home
from symsched.writing import whole

JOBS = 2
LEMMA_SECONDS = 60  # for one lemma, where the file as a whole was not accepted
TIMEOUT = 3600  # seconds for one file; the largest takes about half a minute on an idle core
OLDEST, NEWEST = (8, 16), (8, 20)
# What Coq's own real numbers rest on; nothing else may be assumed.
AXIOMS = frozenset(
    {
        "ClassicalDedekindReals.sig_forall_dec",
        "ClassicalDedekindReals.sig_not_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)


class CoqError(InputError):
    """Coq is missing, of an unknown version, or lacks a library: nothing was refuted, nothing proved."""


@dataclass(frozen=True)
class Checked:
    """What Coq said about a certificate: `failure` is empty when every lemma was accepted but those named in `open`,
    for which no proof was found, though nothing speaks against them."""

    name: str
    failure: str
    axioms: tuple[str, ...]
    seconds: float
    cached: bool = False
    open: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every other lemma was accepted, on no axioms but those of the real numbers."""
        return not self.failure


@dataclass(frozen=True)
class Coq:
    """An installed Coq."""

    path: str
    version: str


@lru_cache(maxsize=1)
def find_coq() -> Coq:
    """The installed Coq.

    Raises:
        CoqError: there is none, it does not run, or the certificates are not written for its version.
    """
    path = shutil.which("coqc")
    needs = f"certificates are checked with Coq {_dotted(OLDEST)} to {_dotted(NEWEST)} and its library Coquelicot"
    if path is None:
        raise CoqError(f"coqc was not found: {needs} (Debian: coq, libcoq-coquelicot)")
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise CoqError(f"{path} --version failed ({type(error).__name__}): {needs}") from None
    found = re.search(r"version (\d+)\.(\d+)[.\w]*", said)
    if found is None or not OLDEST <= (int(found[1]), int(found[2])) <= NEWEST:
        what = found[0] if found else " ".join(said.split())[:60]
        raise CoqError(f"{path} is {what}: {needs}")
    return Coq(path, found[0].removeprefix("version "))


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def check(certificates: Sequence[Certificate], done: Callable[[Checked], None] | None = None) -> list[Checked]:
    """Compile each certificate, two at once; `done` is called with each result as it comes.

    Raises:
        CoqError: Coq or its library Coquelicot is missing, or of another version.
    """
    coq = find_coq()

    def one(certificate: Certificate) -> Checked:
        found = _recalled(coq, certificate) or _kept(coq, certificate, compiled(coq, certificate))
        if done is not None:
            done(found)
        return found

    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(one, certificates))


def compiled(coq: Coq, certificate: Certificate) -> Checked:
    """What Coq says about a certificate, asked now."""
    start = time.perf_counter()
    code, said = run_coq(coq, certificate.text)
    if code == 0:
        return _accepted(certificate.name, said, time.perf_counter() - start)
    lost = _unproved(coq, certificate) if _lemma_of(said, certificate) else ()
    rest, seconds = certificate.without(lost), time.perf_counter() - start
    if not lost or any(one.refuted for one in certificate.lemmas if one.name in lost):
        return Checked(certificate.name, _failure(said, certificate), (), seconds)
    if not rest.text:
        return Checked(certificate.name, "", (), seconds, open=lost)
    code, said = run_coq(coq, rest.text)
    seconds = time.perf_counter() - start
    if code != 0:
        return Checked(certificate.name, _failure(said, rest), (), seconds)
    return replace(_accepted(certificate.name, said, seconds), open=lost)


def _accepted(name: str, said: str, seconds: float) -> Checked:
    axioms = tuple(sorted(set(_axioms(said))))
    strange = [a for a in axioms if a not in AXIOMS]
    failure = f"rests on {', '.join(strange)}" if strange else ""
    if "Axioms:" not in said and "Closed under the global context" not in said:
        failure = "Coq did not say on which axioms it rests"
    return Checked(name, failure, axioms, seconds)


def _unproved(coq: Coq, certificate: Certificate) -> tuple[str, ...]:
    """The lemmas for which Coq finds no proof in time."""
    tries = [one.attempt(one.name, LEMMA_SECONDS) for one in certificate.lemmas]
    _, said = run_coq(coq, "\n".join([ALGEBRA, CALCULUS, *tries]))
    proved = set(re.findall(r"^(\w+) PROVED$", said, re.MULTILINE))
    return tuple(one.name for one in certificate.lemmas if one.name not in proved)


def run_coq(coq: Coq, text: str) -> tuple[int, str]:
    """(exit code, what was printed) for a file with this text, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="symsched-coq-") as folder:
        Path(folder, "certificate.v").write_text(text, encoding="utf-8")
        command = [coq.path, "-q", "-w", "none", "certificate.v"]
        try:
            ran = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            return 124, f"Error: no answer within {TIMEOUT} s"
    if "Coquelicot" in ran.stderr and "Cannot find" in ran.stderr:
        raise CoqError(f"{coq.path} has no library Coquelicot (Debian: libcoq-coquelicot)")
    return ran.returncode, ran.stdout + ran.stderr


def _failure(said: str, certificate: Certificate) -> str:
    """The lemma that Coq stopped at, and what it said."""
    name, message = _lemma_of(said, certificate), " ".join(said[said.rfind("Error") :].split())[:200]
    return f"lemma {name} is not proved: {message}" if name else message


def _lemma_of(said: str, certificate: Certificate) -> str:
    """The lemma in whose proof an error is; empty where it is elsewhere."""
    line = re.search(r"line (\d+)", said)
    before = certificate.text.splitlines()[: int(line[1])] if line else []
    names = [found[1] for text in before if (found := re.match(r"Lemma (\w+)", text))]
    own = {one.name for one in certificate.lemmas}
    return names[-1] if names and names[-1] in own else ""


def _axioms(said: str) -> Iterator[str]:
    listed = said.split("Axioms:", 1)[1] if "Axioms:" in said else ""
    for line in listed.splitlines():
        found = re.match(r"([A-Za-z_][\w.']*)\s*(:|$)", line)
        if found:
            yield found[1]


# -- memory ----------------------------------------------------------------------------------------------------


def _memory(coq: Coq, certificate: Certificate) -> Path:
    key = hashlib.sha256(f"{coq.path}\n{coq.version}\n{certificate.text}".encode()).hexdigest()
    return home() / "certificates" / f"{key}.json"


def _recalled(coq: Coq, certificate: Certificate) -> Checked | None:
    """What Coq said about this very text before."""
    try:
        kept = json.loads(_memory(coq, certificate).read_text(encoding="utf-8"))
        axioms = tuple(str(a) for a in kept["axioms"])
        if kept["failure"] or not AXIOMS.issuperset(axioms) or kept["digest"] != certificate.digest:
            return None
        lost = tuple(str(name) for name in kept["open"])
        if not {one.name for one in certificate.lemmas if not one.refuted}.issuperset(lost):
            return None
        return Checked(certificate.name, "", axioms, float(kept["seconds"]), cached=True, open=lost)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # nothing kept, or not by us


def _kept(coq: Coq, certificate: Certificate, checked: Checked) -> Checked:
    """Remember a success; a failure is worth another try."""
    if checked.passed:
        target = _memory(coq, certificate)
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with whole(target, private=True) as file:
                json.dump(asdict(checked) | {"digest": certificate.digest}, file)
    return checked
