"""Two processes for one command: the work, within limits that the kernel keeps, and a warden that only waits.

What a formula costs in computer algebra cannot be told beforehand, and much of it runs in C, where no Python code can
stop it.  So the child does the work under a ceiling of processor time and of memory, and the warden says in one line
how it ended.  A signal to stop reaches the warden, which asks the child, waits for `GRACE` seconds, and then ends every
process that the child has started.  If the warden itself is killed, the kernel kills the child.

Nothing heavy is imported before the fork: it costs about a millisecond.  Where there is no Linux, or where threads
run already, the command runs as it is.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from symsched.processes import die_with_parent

Code = str | int | None

#: Seconds of a processor for commands that only derive; the others are as long as their own numbers say.
SECONDS = {"derive": 60, "convert": 60, "schedules": 60, "codegen": 90, "plot": 120, "simulate": 60, "sample": 60}
#: GiB that computer algebra may take; what was asked for in numbers may take three quarters of the machine.
GIBIBYTES = 4
GRACE = 2.0
#: `simulate` prints what it has when it is stopped, and for that it finishes the chunks that are running.
GRACE_TO_FINISH = 20.0

_STOPPING = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
_GIB = 1 << 30
INTERRUPTED = 130


def guarded(args: Sequence[str], run: Callable[[Sequence[str]], int]) -> int:
    """The exit code of `run(args)`, run in a child within limits; of `run` itself where nothing can be forked."""
    if not _can_fork():
        return run(args)
    _open_streams()
    said = os.memfd_create("symsched")  # what libraries below Python say on their own
    before = set(_children())
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    warden = os.getpid()
    child = os.fork()
    if child == 0:
        _be_the_child(warden, said, list(args))
        os._exit(_worked(args, run))
    return _Warden(child, list(args), said, before).wait()


def _open_streams() -> None:
    """Streams that were closed when the command began lead nowhere, so that no file takes their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def _can_fork() -> bool:
    threading = sys.modules.get("threading")
    return sys.platform == "linux" and (threading is None or threading.active_count() == 1)


# -- the child ------------------------------------------------------------------------------------------------------


def _be_the_child(warden: int, said: int, args: list[str]) -> None:
    die_with_parent(warden)
    for number in (signal.SIGUSR1, signal.SIGALRM):
        signal.signal(number, _stop)
    sys.unraisablehook = _stop_later
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the warden passes it on, once
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    # Python keeps the streams; C libraries, which say many lines before they give up, write where the warden reads.
    sys.stdout, sys.stderr = _own(sys.stdout, 1), _own(sys.stderr, 2)
    os.dup2(said, 1)
    os.dup2(said, 2)
    _bound(args)


def _own(stream: Any, number: int) -> Any:
    """The stream again, on a number of its own."""
    stream.flush()
    lines = number == 2 or stream.isatty()
    errors = "backslashreplace" if number == 2 else stream.errors
    return os.fdopen(os.dup(number), "w", buffering=1 if lines else -1, encoding=stream.encoding, errors=errors)


def _stop(*_: Any) -> None:
    raise KeyboardInterrupt


def _stop_later(unraisable: Any) -> None:
    """A stop that came where Python may not raise it, in a callback of a fork or of the collector, comes again."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.02)
    else:
        sys.__unraisablehook__(unraisable)


def _worked(args: Sequence[str], run: Callable[[Sequence[str]], int]) -> int:
    """The exit code, known to the warden before this process tidies up."""
    try:
        code = run(args)
    except KeyboardInterrupt:  # before the command began
        print("symsched: interrupted", file=sys.stderr)
        code = INTERRUPTED
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os.write(2, b"\0%d\n" % code)  # all is said, whatever happens to what is left of this process
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    _leave()
    return code


def _leave() -> None:
    """What Python does at the end of a process, which `os._exit` leaves out."""
    import atexit

    threading = sys.modules.get("threading")
    if threading is not None:
        with suppress(OSError):  # an interrupted pool's thread may close the pipe that its exit function writes to
            threading._shutdown()
    atexit._run_exitfuncs()


def _bound(args: Sequence[str]) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    memory, seconds = memory_for(args), seconds_for(args)
    _lower(resource.RLIMIT_DATA, memory)
    if seconds:
        _lower(resource.RLIMIT_CPU, seconds)


def _lower(which: int, limit: int) -> None:
    import resource

    soft, hard = resource.getrlimit(which)
    known = [one for one in (soft, hard) if one != resource.RLIM_INFINITY]
    resource.setrlimit(which, (min([limit, *known]), hard))


def patience(seconds: float) -> None:
    """From here on the work is as long as the numbers that were given say: at most `seconds` of a processor more."""
    if sys.platform == "linux" and "SYMSCHED_SECONDS" not in os.environ:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        if soft != resource.RLIM_INFINITY:
            limit = min(time.process_time() + seconds + 1, 2**31)
            known = [] if hard == resource.RLIM_INFINITY else [hard]
            resource.setrlimit(resource.RLIMIT_CPU, (min([int(limit), *known]), hard))


def _command(args: Sequence[str]) -> str:
    return next((arg for arg in args if not arg.startswith("-")), "")


def seconds_for(args: Sequence[str]) -> int:
    """Seconds of a processor for a command; 0 where its length is what was asked for."""
    command = "derive" if "--schedule" in args and _command(args) == "certify" else _command(args)
    return int(_setting("SYMSCHED_SECONDS", SECONDS.get(command, 0)))


def memory_for(args: Sequence[str]) -> int:
    """Bytes for a command."""
    machine = 3 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    symbolic = _command(args) in SECONDS and _command(args) not in ("simulate", "sample")
    return int(_setting("SYMSCHED_GIB", GIBIBYTES if symbolic else machine / _GIB) * _GIB)


def _setting(name: str, default: float) -> float:
    """A limit that the environment sets, if it is a number above 0."""
    try:
        given = float(os.environ.get(name, ""))
    except ValueError:
        return default
    return given if 0 < given < 1e9 else default


# -- the warden -----------------------------------------------------------------------------------------------------


class _Warden:
    """Waits for a child; `asked` is the signal that someone sent to stop it."""

    def __init__(self, child: int, args: list[str], said: int, before: set[int]) -> None:
        self.child, self.args, self.said, self.before = child, args, said, before
        self.asked = 0

    def wait(self) -> int:
        """The exit code."""
        kept = {number: signal.getsignal(number) for number in (*_STOPPING, signal.SIGALRM)}
        for number in _STOPPING:
            if kept[number] is not signal.SIG_IGN:
                signal.signal(number, self._asked)
        signal.signal(signal.SIGALRM, self._kill)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        _adopt_orphans()
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            if self.asked:
                self._end_all()
            for number, handler in kept.items():
                signal.signal(number, handler)
        text, _, code = self._heard().partition("\0")
        done = code.partition("\n")[0]  # a library may have said more since
        if status < 0 and not done:
            self._end_all()
            return self._ended_by(-status)
        sys.stderr.write(text)
        sys.stderr.flush()
        if not done.isdecimal():
            self._end_all()
            self._say(f"{self._what()}: it left with exit code {status} before it was done")
            return 128 + self.asked if self.asked else 1
        return 128 + self.asked if self.asked and int(done) == INTERRUPTED else int(done)

    def _asked(self, number: int, _frame: Any) -> None:
        """The child is asked once; whoever asks twice does not want to wait."""
        if self.asked:
            self._kill()
            return
        self.asked = number
        os.kill(self.child, signal.SIGUSR1)
        patient = number == signal.SIGINT and _command(self.args) == "simulate"
        signal.setitimer(signal.ITIMER_REAL, GRACE_TO_FINISH if patient else GRACE)

    def _kill(self, *_: Any) -> None:
        os.kill(self.child, signal.SIGKILL)

    def _end_all(self) -> None:
        """Kill what the child started, and what that started, until nothing is left: orphans come here."""
        for _ in range(100):
            left = [pid for pid in _children() if pid not in self.before]
            for pid in left:
                _kill_and_reap(pid)
            if not left:
                return

    def _heard(self) -> str:
        """The end of it, which says whether the work was done."""
        start = max(os.fstat(self.said).st_size - (1 << 16), 0)
        return os.pread(self.said, 1 << 16, start).decode("utf-8", "replace")

    def _ended_by(self, number: int) -> int:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K\x1b[?25h")  # a progress bar may have hidden the cursor
        if self.asked:
            self._say("interrupted")
            return 128 + self.asked
        self._say(f"{self._what()}: {self._why(number)}")
        return 2 if number not in _STOPPING else 128 + number

    def _say(self, line: str) -> None:
        print(f"symsched: {line}", file=sys.stderr)

    def _what(self) -> str:
        """The command with its longest argument, which is the likeliest cause."""
        longest = max(self.args, key=len, default="")
        return f"{_command(self.args)} {_shown(longest)}"

    def _why(self, number: int) -> str:
        memory = f"{memory_for(self.args) / _GIB:.3g} GiB of memory"
        if number == signal.SIGXCPU:
            return f"more than {seconds_for(self.args)} s of a processor were needed; write a simpler formula"
        if number == signal.SIGFPE:
            return "a number grew beyond what the library of big numbers takes; write a simpler formula"
        if number == signal.SIGSEGV:
            return "nested too deeply for a library below; write a simpler formula"
        if number == signal.SIGABRT and any(word in self._heard() for word in ("memory", "alloc")):
            return f"more than {memory} was needed; write a simpler formula, or ask for less"
        if number == signal.SIGKILL:
            return "the system ended it, for want of memory or by someone's wish"
        return f"it was ended by {signal.Signals(number).name} ({_shown(self._heard().strip() or 'no reason given')})"


def _shown(text: str) -> str:
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text[:4000].split()))
    return f"'{line[:40]} … {line[-15:]}'" if len(line) > 60 else f"'{line}'"


def _adopt_orphans() -> None:
    """Processes whose parent ends become this one's, and can be found."""
    import ctypes

    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = file.read().rpartition(b")")[2].split()[1]
            except (OSError, IndexError):
                continue  # it ended meanwhile
            if int(parent) == os.getpid():
                yield int(name)


def _kill_and_reap(pid: int) -> None:
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
