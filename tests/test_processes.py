"""Which processes are used when, and that they run."""

import os
import pickle
import signal
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


def seen(key, known=[]):  # noqa: B006 - what a process remembers
    known.append(key)
    return known


def failing(key):
    raise KeyError(key)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_no_task_remembers_another():
    with fresh(2, OWN, tasks_per_child=1) as pool:
        assert list(pool.map(seen, range(12))) == [[k] for k in range(12)]


def test_many_quick_tasks_are_all_answered():
    """In Python 3.11 a process could end before its pool knew of it, and then nobody was answered."""
    for _ in range(10):
        with fresh(2, OWN, tasks_per_child=1) as pool:
            assert [one.result(60) for one in [pool.submit(abs, -k) for k in range(40)]] == list(range(40))


def test_what_a_task_raises_arrives():
    with fresh(1, OWN, tasks_per_child=1) as pool:
        with pytest.raises(KeyError, match="gone"):
            pool.submit(failing, "gone").result(60)
        with pytest.raises(pickle.PicklingError):  # no pickle holds a function without a name
            pool.submit(eval, "lambda: 0").result(60)
        assert pool.submit(abs, -3).result(60) == 3


@linux
def test_a_task_that_is_killed_ends_alone():
    with fresh(1, OWN, tasks_per_child=1) as pool:
        with pytest.raises(RuntimeError, match="ended before its task did"):
            pool.submit(killed).result(60)
        assert pool.submit(abs, -3).result(60) == 3
