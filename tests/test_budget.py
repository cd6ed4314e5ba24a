"""Ceilings of work: they hold everywhere, leave nothing changed, and do not depend on what was asked before."""

import cProfile
import functools
import json
import os
import random
import subprocess
import sys
import threading
import time

import mpmath
import pytest
import sympy as sp
from flint import ctx
from sympy.core.parameters import global_parameters

from symsched.ceiling import lifted
from symsched.errors import UndecidedError
from symsched.exact.budget import remembered, within
from symsched.precision import alone, digits, precision, working_bits


def step(k):
    return k


def endless():
    while True:
        step(0)


def test_a_budget_holds_under_profilers_and_gives_them_back():
    profiler = cProfile.Profile()
    profiler.enable()
    assert within(1000, endless) is None
    step(1)
    profiler.disable()
    assert any("step" in str(row.code) for row in profiler.getstats())
    seen = []

    def hook(*_):
        seen.append(1)

    sys.setprofile(hook)
    try:
        assert within(1000, endless) is None
        assert sys.getprofile() is hook
    finally:
        sys.setprofile(None)


def test_a_budget_holds_in_threads():
    found = []
    threads = [threading.Thread(target=lambda: found.append(within(1000, endless))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [None] * 3


@pytest.mark.parametrize("calls", range(20, 60))
def test_a_budget_spent_anywhere_leaves_no_setting_changed(calls):
    """Each number of calls cuts at another point: on the way into a `with`, in it, and on the way out."""

    def work():
        while True:
            with precision(300), digits(40), sp.evaluate(False):
                step(mpmath.mp.dps)

    before = ctx.prec, ctx.cap, mpmath.mp.prec
    assert within(calls, work) is None
    assert (ctx.prec, ctx.cap, mpmath.mp.prec) == before
    assert global_parameters.evaluate is True
    free = []
    other = threading.Thread(target=lambda: free.append(alone(working_bits)()))
    other.start()
    other.join(10)
    assert free == [53]  # the lock is free, too


def test_what_another_budget_cut_off_is_not_remembered():
    """An answer that was cut short for want of the outer budget is none: it must not be kept as the inner's own."""

    @functools.cache
    def inner():
        return within(5000, lambda: sum(step(k) for k in range(300)))

    assert within(100, inner) is None
    assert inner() == sum(range(300))


def test_what_is_remembered_outside_does_not_make_a_budget_last_longer():
    @remembered(maxsize=8)
    def dear(n):
        return sum(step(k) for k in range(n))

    def question():
        return dear(300)

    assert within(200, question) is None
    assert dear(300) == sum(range(300))
    assert within(200, question) is None  # as before
    assert within(4000, lambda: [dear(1200) for _ in range(9)]) == [sum(range(1200))] * 9  # remembered within


# -- the ceiling of a door --------------------------------------------------------------------------------------------


@alone
def burn():
    while True:
        with precision(200):
            step(0)


@pytest.mark.parametrize("profiled", [False, True])
def test_a_door_has_a_ceiling_in_threads_and_under_a_profiler(monkeypatch, profiled):
    monkeypatch.setenv("SYMSCHED_SECONDS", "0.3")
    found = []

    def ask():
        profiler = cProfile.Profile()
        if profiled:
            profiler.enable()
        try:
            burn()
        except UndecidedError as error:
            found.append(str(error))
        profiler.disable()

    before = working_bits()
    thread = threading.Thread(target=ask)
    ask()
    thread.start()
    thread.join()
    assert found == ["burn: more than 0.3 s of a processor were needed; give a simpler formula"] * 2
    assert working_bits() == before


def test_nothing_arrives_late_and_theorems_may_wait(monkeypatch):
    monkeypatch.setenv("SYMSCHED_SECONDS", "0.05")

    @alone
    def long():
        end = time.process_time() + 0.8
        while time.process_time() < end:
            step(0)
        return 1

    with lifted():
        assert long() == 1
    with pytest.raises(UndecidedError):
        long()
    for _ in range(100_000):
        step(0)


# -- order ------------------------------------------------------------------------------------------------------------

QUESTIONS = """
import json, sys
import sympy as sp
import symsched as ss
from symsched.catalog import from_text
from symsched.exact.limits import limit_at
from symsched.exact.zero import decide_zero
t = ss.t

def conversion(a, b):
    found = ss.convert(from_text(a), from_text(b))
    return [str(found.tau), str(found.scale), str(found.tau_dot)]

def refused(ask):
    try:
        return str(ask())
    except ss.InputError as error:
        return str(error)

QUESTIONS = [
    lambda: conversion("linear", "ddpm()"),
    lambda: conversion("lazy(kappa=0, rho=2)", "cosine()"),
    lambda: str(ss.lazy.solve(eps=(1 - t) / 4).alpha),
    lambda: refused(lambda: ss.lazy.solve(eps=sp.exp(sp.sin(t)))),
    lambda: refused(lambda: limit_at(sp.exp(sp.sin(sp.exp(1 / sp.log(t)) / t)) ** sp.log(3 - sp.log(t)), 0)),
    lambda: str(decide_zero(sp.prod([t + k for k in range(30)]) - sp.prod([t + k for k in range(1, 31)])).zero),
    lambda: str(ss.InterpolantSDE(from_text("cosine()"), ss.Gaussian(0, 1), kappa=1).simplified()),
]
print(json.dumps([[k, QUESTIONS[k]()] for k in json.loads(sys.argv[1])]))
"""


def answers(order):
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    call = [sys.executable, "-c", QUESTIONS, json.dumps(order)]
    return dict(json.loads(subprocess.run(call, env=environment, capture_output=True, check=True).stdout))


@pytest.mark.slow
def test_no_answer_depends_on_what_was_asked_before():
    count = QUESTIONS.count("    lambda: ")
    shuffled = random.Random(0).sample(range(count), count)
    assert answers(shuffled) == answers(shuffled[::-1])
