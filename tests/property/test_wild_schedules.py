"""Random schedules beside numbers of their own: validity, values, ε*, ends and conversions, at 50 digits by mpmath.

Nothing of symsched computes the expected values: formulas are walked by the tests' evaluator, slopes are differences,
and τ is found by bisection.
"""

import random
from collections import Counter

import numpy as np
import pytest
import sympy as sp
import wild_schedules
from mpmath import mp
from tree_values import value

import symsched as ss
from symsched.errors import InputError, UndecidedError
from symsched.exact import values
from symsched.symbols import t

TIMES = (2.0**-40, 1e-9, 1 / 64, 0.2, 0.5, 0.8125, 1 - 1e-3, 1 - 2.0**-30)
GRID = [k / 257 for k in range(1, 257)]
ULP = 2.0**-52
DIGITS = 60
AT = ss.Schedule.at


class Numbers:
    """α, β and what follows from them, as numbers at the working precision of mpmath."""

    def __init__(self, alpha, beta):
        self.of = [sp.lambdify(t, form, "mpmath") for form in (alpha, beta)]

    def slope(self, k, time):
        """By a central difference, whose error is of the order of the step squared."""
        count = mp.dps
        with mp.workdps(2 * count):
            step = min(time, 1 - time) * mp.mpf(10) ** -(count // 3)
            return (self.of[k](time + step) - self.of[k](time - step)) / (2 * step)

    def r(self, time):
        return self.of[1](time) / self.of[0](time)

    def rate(self, time):
        """d log r/dt."""
        return self.slope(1, time) / self.of[1](time) - self.slope(0, time) / self.of[0](time)

    def eps_star(self, time):
        return self.of[0](time) ** 2 * self.rate(time)

    def time_of(self, ratio):
        """r⁻¹ by bisection in log(t/(1 − t)), which finds times next to both ends.

        At 1 the digits of t end where those of 1 − t are wanted: no time is found that is nearer than these."""
        low, high = -(mp.mpf(10) ** 8), mp.mpf(2) * mp.dps
        for _ in range(int(3.5 * mp.dps) + 30):
            middle = (low + high) / 2
            low, high = (middle, high) if self.r(1 / (1 + mp.exp(-middle))) < ratio else (low, middle)
        return 1 / (1 + mp.exp(-high))


def sure(compute):
    """The numbers that `compute` gives at 60 and at 150 digits; None for those that differ, or are none."""
    found = []
    for count in (DIGITS, 5 * DIGITS // 2):
        with mp.workdps(count):
            try:
                found.append(compute())
            except (ZeroDivisionError, OverflowError, ValueError):
                found.append(None)
    if None in found:
        return [None] * 4
    return [_settled(one, other) for one, other in zip(*found, strict=True)]


def _settled(one, other):
    if None in (one, other) or not mp.isfinite(other) or mp.im(other) != 0:
        return None
    return other if abs(one - other) <= mp.mpf(10) ** -25 * abs(other) else None


def off(found, expected):
    """Relative to what one rounding may do."""
    with mp.workdps(DIGITS):
        least = mp.mpf(2) ** -1022
        return float(abs(mp.mpf(float(found)) - expected) / max(abs(expected), least) / ULP)


def falls(numbers):
    """A time at which r falls, α < 0 or β < 0; None where none is seen."""
    for time in GRID:
        for compute in (numbers.of[0], numbers.of[1], numbers.rate):
            with mp.workdps(30):
                if compute(mp.mpf(time)) < -1e-9:
                    return time
    return None


def asked(seed):
    """(schedule, what is wrong with an answer or nothing, (kind, answer))."""
    r = random.Random(seed)
    alpha, beta, kind = wild_schedules.schedule(r)
    what = f"alpha={alpha}; beta={beta}"
    numbers = Numbers(alpha, beta)
    fallen = falls(numbers)
    try:
        schedule = ss.Schedule(alpha, beta)
        found = schedule.validate()
    except UndecidedError:
        return what, "", (kind, "undecided")
    except InputError as error:
        wrong = "" if kind == "spoiled" else f"refused: {error}"
        return what, wrong, (kind, "refused")
    if fallen is not None:
        wrong = "accepted" if kind == "spoiled" else "the test itself is wrong:"
        if found.proved or kind != "spoiled":
            return what, f"{wrong}, and r falls at t = {fallen}", (kind, "valid")
    if kind not in ("spoiled", found.kind):
        return what, f"{kind}, said to be {found.kind}", (kind, "valid")
    wrong = _values(schedule, numbers) or _ends(schedule, numbers)
    return what, wrong, (kind, "proved" if found.proved else "open")


def _values(schedule, numbers):
    tables = [*schedule.at(TIMES), values((schedule.eps_star,), TIMES)[0]]
    for k, time in enumerate(map(mp.mpf, TIMES)):
        expected = lambda: [f(time) for f in numbers.of] + [numbers.slope(j, time) for j in (0, 1)]  # noqa: B023, E731
        for name, table, right in zip(("α", "β", "α̇", "β̇"), tables, sure(expected), strict=False):
            if right is not None and off(table[k], right) > 0.52:
                return f"{name} at {TIMES[k]!r} is {table[k]!r}, not {mp.nstr(right, 20)}"
        right = sure(lambda: [numbers.eps_star(time)])[0]  # noqa: B023
        if right is not None and off(tables[4][k], right) > 0.52:
            return f"ε* at {TIMES[k]!r} is {tables[4][k]!r}, not {mp.nstr(right, 20)}"
    return ""


def _ends(schedule, numbers):
    """Limits, beside values at 10⁻³⁰ and 10⁻⁴⁰ of an end where these agree or grow."""
    forms = {
        "alpha": numbers.of[0],
        "alpha_dot": lambda s: numbers.slope(0, s),
        "beta_dot": lambda s: numbers.slope(1, s),
        "eps_star": numbers.eps_star,
    }
    for end in (0, 1):
        for name, form in forms.items():
            near = [sure(lambda: [form(abs(end - mp.mpf(10) ** -k))])[0] for k in (30, 40)]  # noqa: B023
            try:
                said = schedule.limit(name, end)
            except UndecidedError:
                continue
            if None in near:
                continue
            with mp.workdps(DIGITS):
                if said.is_infinite:
                    right = abs(near[1]) > max(2, abs(near[0])) and (near[1] > 0) == (said == sp.oo)
                else:
                    right = abs(near[0] - near[1]) > 1e-12 or abs(value(said, {}) - near[1]) < 1e-9
            if not right:
                return f"{name} tends to {said} at {end}, but is {mp.nstr(near[1], 8)} near it"
    return ""


def asked_conversion(seed):
    """A conversion between two random schedules, at some times."""
    r = random.Random(seed)
    pairs = []
    while len(pairs) < 2:
        alpha, beta, kind = wild_schedules.schedule(r)
        if kind not in ("spoiled", "truncated"):
            pairs.append((alpha, beta))
    if r.random() < 0.5:
        pairs[r.randrange(2)] = r.choice((ss.schedules.linear(), ss.schedules.vp(), ss.schedules.follmer()))
        pairs = [(p.alpha, p.beta) if isinstance(p, ss.Schedule) else p for p in pairs]
    what = " → ".join(f"alpha={a}; beta={b}" for a, b in pairs)
    source, target = (Numbers(*pair) for pair in pairs)
    times = np.array([1e-6, 0.125, 0.75, 1 - 2.0**-20])
    try:
        conversion = ss.convert(*(ss.Schedule(*pair) for pair in pairs))
        found = conversion.at(times)
        ends = [conversion.at([end]) for end in (0, 1)] if conversion.closed_form else []
    except UndecidedError:
        return what, "", ("undecided",)
    except InputError as error:
        return what, f"refused: {error}", ("refused",)
    del ends

    def expected(time):
        tau = source.time_of(target.r(time))
        k = int(tau > 0.5)
        scale, speed = target.of[k](time) / source.of[k](tau), target.rate(time) / source.rate(tau)
        slope = scale * (target.slope(k, time) / target.of[k](time) - speed * source.slope(k, tau) / source.of[k](tau))
        return tau, scale, speed, slope

    for k, time in enumerate(map(mp.mpf, times)):
        rights = sure(lambda: expected(time))  # noqa: B023 - called at once
        for name, table, right in zip(("τ", "c", "τ̇", "ċ"), found, rights, strict=True):
            if right is not None and off(table[k], right) > 0.52:
                return what, f"{name} at {times[k]!r} is {table[k]!r}, not {mp.nstr(right, 20)}", ("wrong",)
    return what, "", ("closed" if conversion.closed_form else "implicit",)


@pytest.mark.parametrize(
    ("family", "seeds"),
    [
        (asked, range(5)),
        (asked_conversion, range(1)),
        pytest.param(asked, range(1000, 1150), marks=pytest.mark.exhaustive),
        pytest.param(asked_conversion, range(1000, 1060), marks=pytest.mark.exhaustive),
    ],
)
def test_wild_schedules(family, seeds, record_property):
    """Undecided, by a refusal or by a condition that is left open, is no more than half of them."""
    answers = Counter()
    for seed in seeds:
        text, wrong, answer = family(seed)
        assert not wrong, f"{text} (seed {seed}): {wrong}"
        answers[answer] += 1
    record_property("answers", str(dict(answers)))
    print(dict(answers))
    assert sum(n for answer, n in answers.items() if answer[-1] in ("open", "undecided")) <= answers.total() / 2


def test_the_judge_tells_a_value_that_is_off(monkeypatch):
    """Its twin: one unit in the last place, at one of eight times."""

    def off_by_one(schedule, times):
        tables = [table.copy() for table in AT(schedule, times)]
        tables[1][3] = np.nextafter(tables[1][3], 2)
        return tables

    monkeypatch.setattr(ss.Schedule, "at", off_by_one)
    schedule = ss.schedules.vp()
    assert "β at 0.2" in _values(schedule, Numbers(schedule.alpha, schedule.beta))
