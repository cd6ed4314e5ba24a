"""Which processes are used when, and that they run."""

import os
import sys
import threading

import pytest

from symsched.processes import fresh, quick

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is ever forked")
OWN = "symsched.processes"


def method(pool):
    with pool:
        return pool._mp_context.get_start_method()


@pytest.fixture
def alone(monkeypatch):
    """A process without threads and without JAX, whatever other tests left here."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    return monkeypatch


@linux
@pytest.mark.usefixtures("alone")
def test_a_process_that_is_alone_forks():
    assert method(quick(2, OWN)) == "fork"


@linux
def test_beside_a_thread_nothing_is_forked(alone):
    alone.undo()
    rest = threading.Event()
    thread = threading.Thread(target=rest.wait)
    thread.start()
    try:
        assert method(quick(2, OWN)) == "forkserver"
    finally:
        rest.set()
        thread.join()


@linux
def test_beside_jax_nothing_is_forked(alone):
    alone.setitem(sys.modules, "jax", None)
    assert method(quick(2, OWN)) == "forkserver"


def test_fresh_processes_run_and_are_others():
    with fresh(1, OWN, tasks_per_child=1) as pool:
        first, second = pool.submit(os.getpid).result(), pool.submit(os.getpid).result()
    assert len({first, second, os.getpid()}) == 3
