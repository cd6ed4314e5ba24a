"""Each command ends within its limits and with all it started: signals, ceilings, and what is said."""

import os
import signal
import subprocess
import sys
import time

import pytest
from slowness import quick

from symsched.cli.warden import memory_for, seconds_for

linux = pytest.mark.skipif(sys.platform != "linux", reason="the warden forks on Linux alone")
pytestmark = linux
COMMAND = [sys.executable, "-m", "symsched.cli"]


def descendants(root):
    """Every process below one, by /proc."""
    below = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            below.setdefault(int(parent), []).append(int(name))
    found, todo = [], [root]
    while todo:
        todo += (children := below.get(todo.pop(), []))
        found += children
    return found


def running(pids):
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}") and state(pid) not in "ZX"]


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _hear_signals():
    """What a shell in the background and `nohup` have children ignore, and a terminal does not."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def begun(args, below, patience=120):
    """A command in a group of its own, once it has started so many processes."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    heard = {"preexec_fn": _hear_signals, "start_new_session": True}
    process = subprocess.Popen([*COMMAND, *args], **quiet, **heard, text=True)
    until = time.monotonic() + patience
    while len(descendants(process.pid)) < below and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    return process, descendants(process.pid)


VERIFY = ["verify", "C3", "C10", "--level", "symbolic"]
WAYS = {
    "Ctrl-C to the process": (lambda p: os.kill(p.pid, signal.SIGINT), 130),
    "Ctrl-C to the group": (lambda p: os.killpg(p.pid, signal.SIGINT), 130),
    "SIGTERM": (lambda p: os.kill(p.pid, signal.SIGTERM), 143),
    "SIGTERM to the group": (lambda p: os.killpg(p.pid, signal.SIGTERM), 143),
    "SIGHUP": (lambda p: os.kill(p.pid, signal.SIGHUP), 129),
}


@pytest.mark.parametrize("way", quick(["SIGTERM"], WAYS))
def test_a_signal_ends_verify_and_its_workers_with_one_line(way):
    send, code = WAYS[way]
    process, all_of_it = begun(VERIFY, below=3)  # the child and two workers
    assert len(all_of_it) == 3, process.communicate()
    started = time.monotonic()
    send(process)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - started < 3 + 3  # 3 s, and as much again for a busy machine
    assert process.returncode == code
    assert err == "symsched: interrupted\n"
    assert out == ""
    assert running(all_of_it) == []


@pytest.mark.parametrize("way", quick(list(WAYS)[:1], list(WAYS)[:2]))
def test_a_simulation_that_is_interrupted_shows_what_it_has(way, tmp_path):
    """More paths than a day would do; what is done by the first checkpoint is printed within the 3 s."""
    send, code = WAYS[way]
    kept = tmp_path / "run"
    law = ["--schedule", "linear", "--data", "gaussian(0,1)", "--paths", str(10**10), "--checkpoint", str(kept)]
    process, all_of_it = begun(["simulate", *law], below=1)
    until = time.monotonic() + 120
    while not kept.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)  # what is in the first checkpoint is counted by then
    started = time.monotonic()
    send(process)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - started < 3 + 3
    assert process.returncode == code, err
    assert out.splitlines()[0].split("\t")[:2] == ["t", "mean"]
    *cost, line = err.splitlines()
    assert len(cost) <= 1  # what the run would have taken
    assert "partial: the run was interrupted" in line
    assert running(all_of_it) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "args", [VERIFY, ["certify", "C3", "C10", "--no-check", "-o", "FOLDER"]], ids=["fork", "server"]
)
def test_kill_9_leaves_no_worker(args, tmp_path):
    args = [str(tmp_path) if a == "FOLDER" else a for a in args]
    process, all_of_it = begun(args, below=5 if "certify" in args else 3)
    assert len(all_of_it) >= 3
    process.kill()
    process.communicate(timeout=60)
    until = time.monotonic() + 10
    while running(all_of_it) and time.monotonic() < until:
        time.sleep(0.05)
    assert running(all_of_it) == []


def test_a_closed_pipe_is_quiet():
    process = subprocess.Popen([*COMMAND, "schedules"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141


@pytest.mark.slow
def test_closed_streams_are_no_error():
    for closed in ("<&-", "2>&-", ">&-", "<&- >&- 2>&-"):
        shell = f"exec {sys.executable} -m symsched.cli schedules linear {closed}"
        assert subprocess.run(["sh", "-c", shell], capture_output=True, check=False).returncode == 0


def ended(args, **limits):
    environment = {**os.environ, **{k: str(v) for k, v in limits.items()}}
    found = subprocess.run([*COMMAND, *args], env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 2, found
    (line,) = found.stderr.splitlines()
    return line


def test_more_time_than_the_ceiling_is_one_line():
    line = ended(["codegen", "--from", "linear", "--to", "sigmoid", "--lang", "numpy"], SYMSCHED_SECONDS=2)
    assert "more than 2 s of a processor were needed" in line


DYING = """
import os, signal, sys
from symsched.cli.warden import guarded
def run(args):
    if args[0] == "flint":
        import flint
        flint.fmpz_poly([1, 1]) ** 10**9
    os.kill(os.getpid(), int(args[0]))
sys.exit(guarded(sys.argv[1:], run))
"""
REASONS = {
    "flint": "more than 0.5 GiB of memory was needed",
    str(int(signal.SIGFPE)): "a number grew beyond what the library of big numbers takes",
    str(int(signal.SIGSEGV)): "nested too deeply for a library below",
    str(int(signal.SIGXCPU)): "s of a processor were needed",
    str(int(signal.SIGKILL)): "the system ended it",
    str(int(signal.SIGABRT)): "it was ended by SIGABRT",
}


@pytest.mark.parametrize("how", REASONS)
def test_what_dies_in_c_is_one_line_with_its_reason(how):
    environment = {**os.environ, "SYMSCHED_GIB": "0.5"}
    call = [sys.executable, "-c", DYING, how]
    found = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert REASONS[how] in found.stderr


def test_long_work_has_no_ceiling_of_time_and_algebra_has():
    assert seconds_for(["verify"]) == seconds_for(["explore"]) == seconds_for(["certify", "C3"]) == 0
    assert all(seconds_for([name]) > 0 for name in ("derive", "convert", "codegen", "plot", "schedules"))
    assert seconds_for(["certify", "--schedule", "vp"]) > 0
    assert memory_for(["derive"]) <= memory_for(["simulate"]) or memory_for(["derive"]) == 4 << 30


def test_a_stop_that_could_not_be_raised_comes_again():
    code = """if True:
        import gc, os, signal, sys, time
        from symsched.cli import warden
        signal.signal(signal.SIGALRM, warden._stop)
        sys.unraisablehook = warden._stop_later
        class Swallows:
            def __del__(self):
                raise KeyboardInterrupt  # Python says that it ignores it, and goes on
        Swallows()
        try:
            time.sleep(20)
        except KeyboardInterrupt:
            print("stopped")
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr) == ("stopped\n", "")
