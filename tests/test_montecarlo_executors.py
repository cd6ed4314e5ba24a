"""Chunks on other processes and on a Dask cluster: the same bits, and a lost worker costs only its chunk."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from symsched.montecarlo import Diffusion, simulate
from symsched.montecarlo.run.chunks import work
from symsched.symbols import t, x

SDE = Diffusion(t - x**3, 0.5, 0)


def equal(one, other):
    return np.array_equal(one.totals.rows, other.totals.rows) and np.array_equal(one.totals.counts, other.totals.counts)


@pytest.mark.slow
def test_processes_give_the_same_bits(monkeypatch):
    here = simulate(SDE, 6000, 20, threads=1)
    monkeypatch.setattr("symsched.montecarlo.run.chunks.CHUNK_WORK", 1)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:  # nothing in common but the job
        assert equal(here, simulate(SDE, 6000, 20, executor=pool))
        assert not equal(here, simulate(SDE, 6000, 20, executor=pool, seed=1))


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("cloudpickle").register_pickle_by_value(sys.modules[__name__])
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


class Counted:
    """The work of a chunk, slowed down; every beginning leaves a line in a file."""

    def __init__(self, log):
        self.log = str(log)

    def __call__(self, job, unit, units):
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()} {unit}\n")
        time.sleep(0.05)
        return work(job, unit, units)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bits_and_a_lost_worker_costs_only_its_chunks(monkeypatch, cluster, tmp_path):
    monkeypatch.setattr("symsched.montecarlo.run.chunks.CHUNK_WORK", 1)
    here = simulate(SDE, 60_000, 200, threads=1)
    assert equal(here, simulate(SDE, 60_000, 200, executor=cluster))

    log = tmp_path / "begun"
    monkeypatch.setattr("symsched.montecarlo.run.workers.work", Counted(log))
    before = set(cluster.run(os.getpid).values())
    killer = threading.Thread(target=_kill_one, args=(log, min(before)))
    killer.start()
    assert equal(here, simulate(SDE, 60_000, 200, executor=cluster))
    killer.join()
    begun = [line.split() for line in log.read_text().splitlines()]
    units = [int(unit) for _, unit in begun]
    assert str(min(before)) in {pid for pid, _ in begun}
    assert min(before) not in set(cluster.run(os.getpid).values())
    assert set(units) == set(range(here.job.units))
    assert len(units) - here.job.units <= 4 * (os.cpu_count() or 1)  # what was in flight, at most


def _kill_one(log, worker):
    """End the worker once it has begun three chunks."""
    mine = 0
    while mine < 3:
        time.sleep(0.02)
        mine = sum(line.startswith(f"{worker} ") for line in log.read_text().splitlines()) if log.exists() else 0
    os.kill(worker, signal.SIGKILL)
