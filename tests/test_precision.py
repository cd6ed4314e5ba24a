"""No answer depends on another thread, nor on the precision that somebody left in force."""

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mpmath
import pytest
import sympy as sp
from flint import arb, ctx

import symsched as ss
from symsched.exact.balls import enclose
from symsched.precision import alone, alone_all, cached_property, digits, precision, turn, working_bits
from symsched.symbols import t

PACKAGE = Path(ss.__file__).parent


def test_the_precision_is_set_and_put_back():
    before = working_bits(), ctx.cap, mpmath.mp.prec
    with precision(300, terms=7):
        assert (working_bits(), ctx.cap) == (300, 7)
        with precision(90), digits(40):
            assert (working_bits(), ctx.cap, mpmath.mp.dps) == (90, 7, 40)
        assert (working_bits(), ctx.cap) == (300, 7)
    with pytest.raises(ZeroDivisionError), precision(500), digits(70):
        raise ZeroDivisionError
    assert (working_bits(), ctx.cap, mpmath.mp.prec) == before


def test_a_raised_precision_is_seen_by_no_other_thread():
    seen = []
    entered, left = threading.Event(), threading.Event()

    def other():
        entered.wait()
        with precision(64):
            seen.append((working_bits(), left.is_set()))

    thread = threading.Thread(target=other)
    thread.start()
    with precision(2000):
        entered.set()
        thread.join(0.2)
        assert working_bits() == 2000
        left.set()
    thread.join()
    assert seen == [(64, True)]  # the other waited; without the lock it is (64, False)


def test_a_door_keeps_its_name_and_its_words():
    @alone_all
    class House:
        @alone
        def room(self):
            """A room."""
            return working_bits()

        @property
        def window(self):
            """A window."""
            return 3

    assert (House.room.__name__, House.room.__doc__, House.window.__doc__) == ("room", "A room.", "A window.")
    assert (House().window, House().room()) == (3, 53)


def test_a_property_and_a_turn_do_not_wait_for_each_other():
    """One thread computes a property that needs a turn, and the one whose turn it is needs the property of another
    instance.  functools' own of Python 3.11 holds one lock for both, and neither ever went on."""
    computing, taken = threading.Event(), threading.Event()

    class House:
        @cached_property
        def room(self):
            computing.set()
            taken.wait(5)
            with turn():
                return threading.get_ident()

    def in_turn():
        computing.wait(5)
        with turn():
            taken.set()
            found.append(House().room)

    found = []
    threads = [threading.Thread(target=target, daemon=True) for target in (lambda: found.append(House().room), in_turn)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(set(found)) == 2


def test_a_property_that_two_threads_compute_is_the_first_ones():
    together = threading.Barrier(2)

    class House:
        @cached_property
        def room(self):
            together.wait(10)
            return object()

    house = House()
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: house.room, range(2))
    assert one is other is house.room


def test_no_property_holds_a_lock():
    assert [
        p.name for p in PACKAGE.rglob("*.py") if re.search(r"functools import .*cached_property", p.read_text())
    ] == []


def owners(name):
    return sorted(p.name for p in PACKAGE.rglob("*.py") if name in p.read_text())


def test_the_context_has_one_owner():
    """check_signs.py is shipped to run alone, in a process of its own."""
    assert owners("ctx.prec") == owners("ctx.cap") == ["check_signs.py", "precision.py"]
    assert owners("workprec") == owners("workdps") == []


# -- the same questions, in other circumstances ------------------------------------------------------------------

QUESTIONS = """
import sys, zlib
from concurrent.futures import ThreadPoolExecutor
import flint, mpmath
import symsched as ss
from symsched.exact.balls import Evaluator
from symsched.exact.limits import end_value, limit_at
from symsched.exact.zero import decide_zero
from symsched.exact.signs import sign_on_unit
from sympy import Rational, erf, exp, log, sin, sqrt
from symsched.symbols import t

def code(schedule):
    return ss.codegen(schedule, lang="numpy", self_test=True)

def conversion(schedule):
    return [v.tobytes() for v in ss.convert(schedule, ss.schedules.vp()).at([0, 1e-12, 0.4, 1 - 2**-53, 1])]

def ends(schedule):
    return [schedule.limit(name, end) for name in ("eps_star", "r") for end in (0, 1)]

def newton(schedule):
    return [v.tobytes() for v in ss.convert(ss.schedules.vp(), schedule).at([1e-12, 0.4, 1 - 2**-53])]

TEXTS = (
    "alpha=cos(pi*t/2)**2; beta=sin(pi*t/2)", "alpha=(1-t)**(7/5); beta=t**(3/2)*(2-t)",
    "alpha=1-t**3; beta=t*exp(t-1)",
)
DOORS = (code, conversion, newton, ends, ss.Schedule.validate)
JOBS = [lambda text=text, door=door: door(ss.schedules.from_text(text)) for text in TEXTS for door in DOORS]
JOBS += [
    lambda: decide_zero(sqrt(2) * sqrt(3) - sqrt(6) + Rational(1, 10**40)),
    lambda: sign_on_unit(sin(9 * t) ** 2 + exp(-t) / 50),
    lambda: limit_at(sin(t) * log(t) + 1, 0),
    lambda: end_value((exp(t) - 1 - t) / t**2, 0),
    lambda: Evaluator((erf(t) - erf(t - t**9),)).at(0.01),
    lambda: ss.lazy.solve(kappa="1/3", rho=2),
]

circumstance = sys.argv[1]
if circumstance == "coarse":
    flint.ctx.prec, flint.ctx.cap, mpmath.mp.dps = 2, 1, 3
if circumstance == "fine and backwards":
    flint.ctx.prec, flint.ctx.cap, mpmath.mp.dps = 5000, 40, 700
if circumstance == "crowd":
    sys.setswitchinterval(1e-5)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda job: job(), JOBS))
else:
    step = -1 if circumstance == "fine and backwards" else 1
    found = [job() for job in JOBS[::step]][::step]
print([zlib.crc32(str(one).encode()) for one in found])
"""


def said(circumstance):
    """What a fresh process answers: nothing is remembered from elsewhere."""
    ask = [sys.executable, "-c", QUESTIONS, circumstance]
    return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=600).stdout


@pytest.fixture(scope="module")
def usual():
    return said("usual")


@pytest.mark.parametrize("circumstance", ["coarse", "fine and backwards"])
def test_no_answer_depends_on_the_precision_in_force_or_on_what_was_asked_before(usual, circumstance):
    assert said(circumstance) == usual


def test_eight_threads_give_the_answers_of_one(usual):
    assert said("crowd") == usual


WAVES = sp.Add(*[sp.sin(k * t) / k for k in range(1, 60)])


def lost_bits(bits):
    """How many of the bits asked for are missing from the worst of many evaluations."""
    point = {t: sp.Rational(1, 3)}
    return bits - min(enclose(WAVES, point, bits=bits).rel_accuracy_bits() for _ in range(60))


def test_a_bound_is_computed_at_its_own_precision():
    """Eight threads that each work at another one.  Without turns, thousands of bits were missing in every run."""
    sizes = [64, 4000, 96, 3000, 128, 2000, 192, 1000]
    patience = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            lost = list(pool.map(lost_bits, sizes))
    finally:
        sys.setswitchinterval(patience)
    assert max(lost) <= 16


def test_a_ball_in_the_open_would_be_noticed():
    """The twin of the coarse and the fine process: what is computed under no owner does depend on them."""
    with precision(2):
        coarse = arb(2).sqrt()
    with precision(500):
        assert coarse.rad() > 2**-8 > arb(2).sqrt().rad()
        assert enclose(sp.sqrt(2), {}, bits=64).rad() < 2**-50


def test_a_turn_that_was_never_left_keeps_nobody_waiting():
    """As an interruption from outside may do it: the outermost turn gives back whatever was taken inside."""
    with turn():
        precision(300).__enter__()
        turn().__enter__()
    found = []

    def ask():
        with turn():
            found.append(working_bits())

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(20)
    assert found == [53]
