"""Faults: killed processes, damaged caches, two at once, no home, no room.  Afterwards everything works, whole."""

import fcntl
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slowness import quick, slow

from symsched.kernels import store
from symsched.kernels.machinecode import _opened, _sealed, compiler

# -- kill -9 while a file is written ----------------------------------------------------------------------------------

WRITERS = {
    "json": "write_json(target, {'new': list(range(5000))})",
    "text": "write_text(target, 'new\\n' * 20_000, '-o')",
    "figure": "save(Figure(), target, 60)",
    "checkpoint": "Checkpoint(target, None)._write(Path(target), Totals())",
    "cache": "store.write('symsched_code_x.bin', b'new' * 9000)",
    "certificate": "write([Certificate('C', '', (), (Lemma('a', 'new' * 9000, 'True', ()),))], Path(target).parent)",
    "calibration": "calibration.save(target)",
    "model": "digits.save(nn.Linear(40, 40), Path(target))",
}
NEED_TORCH = """
from torch import nn
from symsched.bridge.calibration import Calibration
from training import digits
calibration = Calibration.load("symsched/bridge/digits/digits.json")
"""
SCRIPT = """
import os, signal, sys
from pathlib import Path
import numpy as np
from symsched.certify.claims import write
from symsched.certify.files import Certificate, Lemma
from symsched.cli.output import write_json, write_text
from symsched.kernels import store
from symsched.montecarlo.run.checkpoint import Checkpoint
if "figure" in sys.argv[1]:
    from matplotlib.figure import Figure
    from symsched.plotting import save

class Totals:
    kept, rows, counts, next_unit, lost = [], np.ones((50, 50)), np.zeros((9, 9), int), 1, 0

Checkpoint.__init__ = lambda self, path, job: setattr(self, "name", "job")

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def attempt(target, when):
    if when == "before the rename":
        os.replace = die
    if when == "in the middle":
        from symsched import writing
        class Dying:
            def __init__(self, file): self.file = file
            def __enter__(self): return self
            def __exit__(self, *_): die()
            def __getattr__(self, name): return getattr(self.file, name)
            def write(self, data):
                self.file.write(data[: max(1, len(data) // 2)])
                self.file.flush()
                die()
        writing.open = lambda *a, **k: Dying(open(*a, **k))
    WRITE

for when in ("in the middle", "before the rename", "never"):  # the imports are the same for all
    if (child := os.fork()) == 0:
        attempt(sys.argv[1], when)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(when, status, Path(sys.argv[1]).stat().st_size, sep=":", flush=True)
"""


def write(name, target):
    """Run one writer in processes that die at a given moment, and in one that lives: exit statuses, sizes after it."""
    script = SCRIPT.replace("WRITE", WRITERS[name])
    if name in ("calibration", "model"):
        script = script.replace("class Totals", f"{NEED_TORCH}\nclass Totals")
    environment = {**os.environ, "SYMSCHED_CACHE_DIR": str(target.parents[name == "cache"])}
    call = [sys.executable, "-c", script, str(target)]
    run = subprocess.run(call, env=environment, cwd=Path(__file__).parents[1], text=True, stdout=subprocess.PIPE)
    return [tuple(map(int, line.split(":")[1:])) for line in run.stdout.splitlines()]


@pytest.mark.parametrize("name", quick(["json"], WRITERS))
def test_a_kill_while_writing_leaves_the_old_file_whole(name, tmp_path):
    if name in ("calibration", "model"):
        pytest.importorskip("torch", reason="PyTorch is not installed: models are not written here")
        pytest.importorskip("safetensors", reason="safetensors is not installed: models are not written here")
    own = {"figure": "figure.svg", "cache": "kernels/symsched_code_x.bin", "certificate": "C.v"}
    target = tmp_path / own.get(name, "file")
    target.parent.mkdir(exist_ok=True, mode=0o700)
    target.write_bytes(b"old")
    *killed, (status, size) = write(name, target)
    assert killed == [(-signal.SIGKILL, len(b"old"))] * 2
    assert status == 0
    assert size == target.stat().st_size > 1000
    litter = [p.name for p in target.parent.iterdir() if p != target]
    assert all(n.startswith(".") or n.endswith(".tmp") for n in litter), litter


def test_litter_of_killed_processes_is_swept_after_an_hour(tmp_path):
    old, new, other = (tmp_path / n for n in ("a.tmp", "b.tmp", "c.bin"))
    for file in (old, new, other):
        file.touch()
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    store._sweep(tmp_path)
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)


# -- the cache --------------------------------------------------------------------------------------------------------


def total(n):
    found = 0.0
    for k in range(n):
        found += k
    return found


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMSCHED_CACHE_DIR", str(tmp_path))
    return store.directory()


def compiled():
    """(was it read from the cache, the value)."""
    function = compiler(nogil=True)(total)
    value = function(5)
    return sum(function.stats.cache_hits.values()) == 1, value


def entry(cache):
    (found,) = cache.glob("*.bin")
    return found


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "empty": lambda _: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "one bit": flipped,
    "garbage": lambda _: os.urandom(500),
    "another's": lambda content: _sealed("symsched_code_of_another.bin", content[64:]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_or_foreign_entry_is_detected_and_rebuilt(cache, damage):
    assert compiled() == (False, 10.0)
    assert compiled() == (True, 10.0)
    file = entry(cache)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert compiled() == (False, 10.0)
    assert compiled() == (True, 10.0)
    assert _opened(file.name, file.read_bytes()) is not None


def test_entries_that_others_could_have_written_are_not_read(cache):
    compiled()
    file = entry(cache)
    file.chmod(0o666)
    assert compiled() == (False, 10.0)
    assert compiled() == (True, 10.0)
    target = cache / "elsewhere"
    shutil.move(file, target)
    file.symlink_to(target)
    assert compiled() == (False, 10.0)
    assert not file.is_symlink()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_an_entry_of_another_user_is_not_read(cache):
    compiled()
    os.chown(entry(cache), 65534, 65534)
    assert compiled() == (False, 10.0)


def test_a_directory_in_the_place_of_an_entry_does_no_harm(cache):
    compiled()
    file = entry(cache)
    file.unlink()
    file.mkdir()
    with pytest.warns(RuntimeWarning, match="cannot keep compiled kernels"):
        assert compiled() == (False, 10.0)


KERNEL = """
import sys
from symsched.kernels import store
module = store.load("from symsched.kernels.compiled import kernel\\n\\n@kernel\\ndef f(x):\\n    s = 0.0\\n"
                    "    for k in range(100):\\n        s += x * k\\n    return s\\n")
print(module.f(2.0), sum(module.f.stats.cache_hits.values()))
"""


def start(folder):
    environment = {**os.environ, "SYMSCHED_CACHE_DIR": str(folder)}
    return subprocess.Popen([sys.executable, "-c", KERNEL], env=environment, text=True, stdout=subprocess.PIPE)


def whole(folder):
    """The machine code in a cache, each entry of which must be whole."""
    files = list((folder / "kernels").glob("*.bin"))
    assert all(_opened(f.name, f.read_bytes()) is not None for f in files)
    return files


@pytest.mark.slow
def test_two_processes_that_compile_the_same_kernel_do_not_collide(tmp_path):
    both = [start(tmp_path) for _ in range(2)]
    assert [p.communicate()[0].split()[0] for p in both] == ["9900.0", "9900.0"]
    assert len(whole(tmp_path)) == 1
    assert start(tmp_path).communicate()[0].split() == ["9900.0", "1"]


@pytest.mark.slow
def test_a_kill_during_compilation_leaves_a_cache_that_works(tmp_path):
    process = start(tmp_path)
    while process.poll() is None and not list((tmp_path / "kernels").glob("*.py")):
        time.sleep(0.001)  # its source is written just before it is compiled
    process.kill()
    process.communicate()
    whole(tmp_path)
    assert start(tmp_path).communicate()[0].split()[0] == "9900.0"
    assert len(whole(tmp_path)) == 1


# -- no home, no room -------------------------------------------------------------------------------------------------

LAW = ["--schedule", "follmer", "--data", "gaussian(0,1)", "--kappa", "1"]
SIMULATE = ["simulate", *LAW, "--paths", "64", "--steps", "1", "--json"]


def command(*args, limit=None, **environment):
    """One command in a process of its own, that may write files of at most `limit` bytes."""

    def bound():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    env = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
    call = [sys.executable, "-m", "symsched.cli", *args]
    return subprocess.run(call, env=env, preexec_fn=bound, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_home_that_cannot_be_written_costs_a_warning_only():
    nowhere = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": None, "SYMSCHED_CACHE_DIR": None}
    run = command(*SIMULATE, **nowhere)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["paths"] == 64
    (line,) = run.stderr.splitlines()
    assert line.startswith("symsched: warning: symsched cannot keep compiled kernels in /proc/nowhere/.cache")
    assert "Set SYMSCHED_CACHE_DIR to a directory that you own" in line


@pytest.mark.slow
def test_a_full_disk_costs_a_warning_for_what_is_only_kept(tmp_path):
    checkpoint = tmp_path / "run"
    run = command(*SIMULATE, "--checkpoint", str(checkpoint), limit=200, SYMSCHED_CACHE_DIR=str(tmp_path / "cache"))
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["paths"] == 64
    kernels, kept = run.stderr.splitlines()
    assert "cannot keep compiled kernels" in kernels
    assert "checkpoint" in kept
    assert "the run goes on, but cannot be continued" in kept
    assert not checkpoint.exists()
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".py"] == []


@pytest.mark.parametrize(
    "args",
    [
        ("schedules", "--json", "FILE"),
        slow(("codegen", "--to", "linear", "--lang", "latex", "-o", "FILE")),
        slow(("plot", "plane", "-o", "FILE.svg")),
    ],
)
def test_a_full_disk_is_one_line_for_what_was_asked_for(args, tmp_path):
    target = tmp_path / "file.svg"
    target.write_text("old")
    args = [a.replace("FILE.svg", str(target)).replace("FILE", str(target)) for a in args]
    run = command(*args, *(["--force"] if "codegen" in args else []), limit=200, MPLCONFIGDIR=str(tmp_path / "mpl"))
    assert run.returncode == 2
    assert "could not be written (File too large)" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if p.name not in ("file.svg", "mpl")] == []


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_one_line():
    with open("/dev/full", "w") as full:
        call = [sys.executable, "-m", "symsched.cli", "schedules"]
        run = subprocess.run(call, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr == "symsched: the output could not be read or written (No space left on device)\n"


def test_a_device_is_written_into_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 1 << 20)
    assert command("schedules", "--json", str(pipe)).returncode == 0
    assert json.loads(os.read(reader, 1 << 20))["schedules"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
