"""Systems that have less than Linux: Windows has no users' numbers, forks, alarms or limits, macOS no /proc.

What is missing there is taken away here, in a process of its own, before symsched is imported.
"""

import os
import re
import subprocess
import sys

import pytest

#: What Python's own documentation says is there on Unix only, of all that this project asks for.
TAKE_AWAY = """
import os, signal, sys, time
import numba, numpy, sympy, concurrent.futures.process, multiprocessing.forkserver  # know the system that they are on
for module, names in {
    os: "getuid geteuid fork register_at_fork O_NOFOLLOW O_NONBLOCK O_ASYNC memfd_create sched_getaffinity sysconf",
    signal: "SIGALRM SIGHUP SIGUSR1 SIGXCPU SIGKILL SIGIO alarm pthread_sigmask setitimer",
    time: "pthread_getcpuclockid clock_gettime",
}.items():
    for name in names.split():
        delattr(module, name)
for name in ("resource", "fcntl", "pwd", "grp", "termios"):
    sys.modules[name] = None
sys.platform = "elsewhere"
"""

KERNELS = """
import warnings
warnings.simplefilter("error")
from numba.core import event
from symsched.montecarlo import Diffusion, simulate
with event.install_recorder("numba:compile") as compiled:
    found = simulate(Diffusion("-x**3 + sin(t)/3", "1/2", 0), 300, 5, seed=1)
print(repr(float(found.mean[-1])), len(compiled.buffer))
"""

COMMAND = """
import sys
from symsched.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run(text, own, *args, expect=0):
    env = {**os.environ, "SYMSCHED_CACHE_DIR": str(own), "COLUMNS": "100"}
    found = subprocess.run([sys.executable, "-c", text, *args], env=env, capture_output=True, text=True, timeout=240)
    assert found.returncode == expect, found.stderr[-2000:]
    return found


def timeless(text):
    """Without seconds and rates, and without the room that columns leave for them."""
    return re.sub(r" +", " ", re.sub(r" *[\d.]+ (s\b|million path-steps/s)", "", text))


@pytest.mark.slow
def test_kernels_are_kept_and_found_again(tmp_path):
    first, second = (run(TAKE_AWAY + KERNELS, tmp_path).stdout.split() for _ in range(2))
    assert first == [run(KERNELS, tmp_path / "here").stdout.split()[0], first[1]]
    assert second[0] == first[0]
    assert int(second[1]) == 0 < int(first[1])  # the second process compiled nothing


@pytest.mark.slow
@pytest.mark.parametrize(
    "args",
    [
        ["convert", "--from", "vp", "--to", "linear", "--at", "0.5"],
        ["simulate", "--schedule", "linear", "--data", "gaussian(0,1)", "--paths", "100", "--steps", "4"],
        ["codegen", "--from", "vp", "--to", "follmer", "--lang", "numpy"],
        ["verify", "C4", "--level", "symbolic"],
    ],
    ids=lambda args: args[0],
)
def test_commands_say_what_they_say_here(args, tmp_path):
    there, here = run(TAKE_AWAY + COMMAND, tmp_path, *args), run(COMMAND, tmp_path, *args)
    assert timeless(there.stdout) == timeless(here.stdout) != ""


def test_the_twin_a_system_without_more_is_noticed(tmp_path):
    run(TAKE_AWAY + "del os.replace\n" + KERNELS, tmp_path, expect=1)
