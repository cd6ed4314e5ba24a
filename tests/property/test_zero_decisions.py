"""decide_zero on random claims over the whole grammar, with letters of every assumption, beside 60-digit values.

No claim that has another value at an admissible point may be accepted; none that is an identity by construction may
be refuted, and none that has a value may be refused.  What stays undecided is counted.
"""

import random
from collections import Counter

import pytest
import random_claims
import sympy as sp
from mpmath import mp
from slowness import slow
from tree_values import NoValueError, judged, value

from symsched.errors import InputError
from symsched.exact.zero import decide_zero

CLAIMS = 150
NO_VALUE = (sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I)


def excluded(hypotheses, at, letters=random_claims.LETTERS):
    """Whether the point does not meet a hypothesis that was told: "x > 0" or "x ≠ 0"."""
    names = {str(s): s for s in letters} | {"f": random_claims.F, "g": random_claims.G}
    for text in hypotheses:
        if text.endswith(("> 0", "≠ 0")):
            with mp.workdps(60):
                try:
                    found = value(sp.sympify(text[:-4], locals=names), at)
                except NoValueError:
                    return True
            if not (found > 0 if text.endswith("> 0") else found != 0):
                return True
    return False


def _wrong(expr, identity, seed):
    """What is wrong with the answer, or nothing, and the answer."""
    seen, elsewhere = judged(expr, random_claims.draw, seed)
    try:
        decision = decide_zero(expr)
    except InputError as error:
        return f"refused, though it has values: {error}" if seen or elsewhere else "", "refused"
    if decision.zero is True and elsewhere is not None and not excluded(decision.hypotheses, elsewhere):
        return f"accepted, but not 0 at {elsewhere}", True
    if identity is True and elsewhere is not None:
        return f"the identity fails at {elsewhere}: the test itself is wrong", decision.zero
    if decision.zero is False and identity is True:
        return f"an identity, refuted: {decision.witness}", False
    return "", decision.zero


def _claims(start, count):
    for seed in range(start, start + count):
        claim = _claim(seed)
        if claim is not None:
            yield seed, *claim


def _claim(seed):
    try:
        expr, identity = random_claims.claim(random.Random(seed))
    except (TypeError, ValueError, RecursionError):  # SymPy could not build it
        return None
    return None if expr.has(*NO_VALUE) else (expr, identity)


def asked(seed):
    """One claim, for `long_run`."""
    claim = _claim(seed)
    if claim is None:
        return None
    wrong, answer = _wrong(*claim, seed)
    return str(claim[0]), wrong, (claim[1], answer)


@pytest.mark.parametrize("start", [0, slow(1), slow(2)])
def test_random_claims(start, record_property):
    answers = Counter()
    for seed, expr, identity in _claims(1000 * start, CLAIMS // 3):
        wrong, answer = _wrong(expr, identity, seed)
        assert not wrong, f"{expr} (seed {seed}): {wrong}"
        answers[identity, answer] += 1
    record_property("answers", str(dict(answers)))
    print(dict(answers))
    assert answers[True, True] > answers[True, None]
    assert answers[False, False] > answers[False, None]


def test_the_judge_itself_tells_a_wrong_answer(monkeypatch):
    """Its twin: were everything accepted, the test above would fail."""
    from symsched.exact import zero

    monkeypatch.setattr("test_zero_decisions.decide_zero", lambda _: zero.Decision(True, sp.S.Zero))
    assert any(_wrong(expr, identity, seed)[0] for seed, expr, identity in _claims(0, 12))
