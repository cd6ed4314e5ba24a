"""Signs on (0, 1) and limits at its ends, of functions whose signs and limits are known by construction."""

import random
from collections import Counter

import pytest
import random_signs
import sympy as sp
from mpmath import mp
from tree_values import NoValueError, value

from symsched.errors import InputError, UndecidedError
from symsched.exact import Sign, end_value, limit_at, sign_on_unit
from symsched.symbols import t

BROKEN = (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError)  # SymPy, in building it
#: The answers that are right for each truth; a claim with letters may also be left open.
RIGHT = {
    "positive": ("positive", "nonnegative"),
    "touching": ("nonnegative",),
    "mixed": ("mixed",),
    "zero": ("zero",),
    "jump": ("mixed", "refused"),
    "hole": ("mixed", "refused"),
}
NEGATIVE = {"positive": "negative", "nonnegative": "nonpositive"}


def asked(seed):
    """(function, what is wrong with the answer or nothing, (truth, answer))."""
    try:
        expr, truth = random_signs.sign_claim(random.Random(seed))
        if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
            return None
    except BROKEN:
        return None
    try:
        sign = sign_on_unit(expr)
        answer, witness = sign.value, sign.witness
    except UndecidedError as error:
        answer, witness = "unknown", str(error)
    except InputError as error:
        answer, witness = "refused", str(error)
    minus = truth.startswith("-")
    right = RIGHT[truth.lstrip("-")]
    if answer == "unknown" or answer in [NEGATIVE.get(a, a) if minus else a for a in right]:
        wrong = ""
        if truth.lstrip("-") == "positive" and witness is not None:
            wrong = f"a zero at {witness} of what has none"
    else:
        wrong = f"{truth}, said to be {answer} ({witness})"
    if truth in ("positive", "-positive") and (place := _contradiction(expr, minus, seed)):
        wrong = f"the test itself is wrong: {place}"
    return str(expr), wrong, (truth.lstrip("-"), answer)


def _contradiction(expr, minus, seed):
    source = random.Random(seed)
    for k in range(8):
        at = {letter: make(source) for letter, make in random_signs.DRAWN.items()}
        at[t] = mp.mpf(k + 1) / 9
        with mp.workdps(60):
            try:
                found = value(expr, at)
            except (NoValueError, OverflowError):
                continue
            if (found > 0) is minus and abs(found) > mp.mpf(10) ** -40:
                return f"{mp.nstr(found, 5)} at {at}"
    return ""


def asked_limit(seed):
    """(function and end, what is wrong with the answer or nothing, (kind of limit, answer))."""
    try:
        expr, limit, end = random_signs.limit_claim(random.Random(seed))
        if expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
            return None
    except BROKEN:
        return None
    what, limit = f"{expr} at {end}", None if limit is None else sp.sympify(limit)
    kind = "none" if limit is None else "infinite" if limit.is_infinite else "finite"
    try:
        found = limit_at(expr, end)
        if not expr.free_symbols - {t}:
            end_value(expr, end)
    except UndecidedError:
        return what, "", (kind, "undecided")
    except InputError as error:
        return what, f"refused: {error}", (kind, "refused")
    if limit is None or limit.is_infinite or found.is_infinite:
        return what, "" if found == limit else f"{limit}, said to be {found}", (kind, "limit")
    for k in range(3):
        with mp.workdps(60):
            at = {random_signs.p: mp.mpf(2 * k + 1) / 7}
            one, other = value(found, at), value(limit, at)
            if abs(one - other) > mp.mpf(10) ** -40 * (1 + abs(other)):
                return what, f"{limit}, said to be {found}", (kind, "limit")
    return what, "", (kind, "limit")


@pytest.mark.parametrize("seeds", [range(25), pytest.param(range(1000, 2000), marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("family", [asked, asked_limit])
def test_random_functions(family, seeds, record_property):
    """Undecided is less than half of them."""
    answers = Counter()
    for seed in seeds:
        found = family(seed)
        if found is not None:
            text, wrong, answer = found
            assert not wrong, f"{text} (seed {seed}): {wrong}"
            answers[answer] += 1
    record_property("answers", str(dict(answers)))
    print(dict(answers))
    assert sum(n for (_, answer), n in answers.items() if answer in ("unknown", "undecided")) < answers.total() / 2


def test_the_judges_tell_a_wrong_answer(monkeypatch):
    """Their twins: were every sign positive and every limit 0, the tests above would fail."""
    monkeypatch.setattr("test_random_signs.sign_on_unit", lambda _: Sign("positive", "guessed"))
    monkeypatch.setattr("test_random_signs.limit_at", lambda *_: sp.S.Zero)
    for family in (asked, asked_limit):
        assert any(found is not None and found[1] for found in map(family, range(12)))
