"""Chunks on other processes and on a Dask cluster: the same bits, and a lost worker costs only its chunk."""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from symsched.montecarlo import Diffusion, simulate
from symsched.symbols import t, x

SDE = Diffusion(t - x**3, 0.5, 0)


def equal(one, other):
    return np.array_equal(one.totals.rows, other.totals.rows) and np.array_equal(one.totals.counts, other.totals.counts)


@pytest.mark.slow
def test_processes_give_the_same_bits(monkeypatch):
    here = simulate(SDE, 6000, 20, threads=1)
    monkeypatch.setattr("symsched.montecarlo.engine.CHUNK_WORK", 1)
    with ProcessPoolExecutor(2) as pool:
        assert equal(here, simulate(SDE, 6000, 20, executor=pool))


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bits_even_when_a_worker_dies(monkeypatch):
    distributed = pytest.importorskip("distributed")
    here = simulate(SDE, 60_000, 200, threads=1)
    monkeypatch.setattr("symsched.montecarlo.engine.CHUNK_WORK", 1)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert equal(here, simulate(SDE, 60_000, 200, executor=client))
        victim = next(iter(cluster.workers.values()))
        killed = client.submit(_die, workers=[victim.worker_address], pure=False)
        assert equal(here, simulate(SDE, 60_000, 200, executor=client))
        killed.cancel()


def _die():
    import os

    os._exit(1)
