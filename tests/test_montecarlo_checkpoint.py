"""Checkpoints: a run that was killed, interrupted or extended ends in the bits of one that was not."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from symsched.errors import InputError
from symsched.kernels.moments import UNIT
from symsched.montecarlo import Diffusion, simulate
from symsched.montecarlo.run.result import Totals
from symsched.symbols import t, x

OU = Diffusion(t - x, 0.5, 0)


def equal(one, other):
    same = np.array_equal(one.totals.rows, other.totals.rows) and np.array_equal(one.totals.counts, other.totals.counts)
    return same and np.array_equal(one.paths, other.paths)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr("symsched.montecarlo.run.chunks.CHUNK_WORK", 1)
    monkeypatch.setattr("symsched.montecarlo.run.checkpoint.EVERY", 0.0)


def test_an_extended_run_equals_one_run(tmp_path):
    file, whole = tmp_path / "run", simulate(OU, 5 * UNIT + 300, 6, keep_paths=9)
    for paths in (UNIT + 7, 3 * UNIT, 5 * UNIT + 300):
        last = simulate(OU, paths, 6, keep_paths=9, checkpoint=file)
    assert equal(last, whole)


@pytest.mark.usefixtures("small_chunks")
def test_an_interrupt_returns_what_was_done_and_the_rest_follows(tmp_path, monkeypatch):
    original, calls = Totals.add, []

    def add(self, part, dim):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(part)
        original(self, part, dim)

    file = tmp_path / "run"
    monkeypatch.setattr(Totals, "add", add)
    cut = simulate(OU, 9 * UNIT, 6, keep_paths=9, checkpoint=file)
    assert (cut.partial, cut.n_paths) == (True, 4 * UNIT)
    monkeypatch.setattr(Totals, "add", original)
    assert equal(cut, simulate(OU, 4 * UNIT, 6, keep_paths=9))
    rest = simulate(OU, 9 * UNIT, 6, keep_paths=9, checkpoint=file)
    assert not rest.partial
    assert equal(rest, simulate(OU, 9 * UNIT, 6, keep_paths=9))


PROGRAM = """
import sys
from symsched.montecarlo import Diffusion, simulate
from symsched.montecarlo.run import checkpoint, chunks
from symsched.symbols import t, x
chunks.CHUNK_WORK, checkpoint.EVERY = 1, 0.0
simulate(Diffusion(t - x, 0.5, 0), 40_000 * 1024, 6, keep_paths=9, checkpoint=sys.argv[1], threads=1)
"""


@pytest.mark.slow
def test_a_run_survives_a_kill(tmp_path):
    file = tmp_path / "run"
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(file)])
    try:
        for _ in range(1200):
            if file.exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with np.load(file) as content:
        done = int(content["next_unit"])
    assert 0 < done < 40_000
    units = done + 5
    resumed = simulate(OU, units * UNIT + 11, 6, keep_paths=9, checkpoint=file)
    assert equal(resumed, simulate(OU, units * UNIT + 11, 6, keep_paths=9))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    file = tmp_path / "run"
    simulate(OU, UNIT, 6, checkpoint=file)
    with pytest.raises(InputError, match="belongs to another run; give another file, or delete it"):
        simulate(OU, UNIT, 6, seed=1, checkpoint=file)
    with pytest.raises(InputError, match="belongs to another run"):
        simulate(Diffusion(t - 2 * x, 0.5, 0), UNIT, 6, checkpoint=file)


def test_a_checkpoint_of_more_paths_is_refused(tmp_path):
    file = tmp_path / "run"
    simulate(OU, 3 * UNIT, 6, checkpoint=file)
    with pytest.raises(InputError, match=f"holds {3 * UNIT} paths and 10 are asked for"):
        simulate(OU, 10, 6, checkpoint=file)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    file = tmp_path / "run"
    file.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError, match="cannot be read; delete it to start anew"):
        simulate(OU, UNIT, 6, checkpoint=file)


def test_a_missing_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match="its directory does not exist"):
        simulate(OU, UNIT, 6, checkpoint=tmp_path / "none" / "run")
