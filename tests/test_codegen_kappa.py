"""Ends whose value depends on κ: the right one for κ = 0, below, at and above the turn; never NaN."""

import math

import mpmath as mp
import pytest
import sympy as sp

import symsched as ss
from symsched.codegen.quantities import alpha, alpha_dot, beta, beta_dot, prediction_weights
from symsched.codegen.quantities.cases import by_kappa
from symsched.codegen.quantities.ends import numeric_limit
from symsched.errors import UndecidedError
from symsched.symbols import kappa, t

PREDICTIONS = ("data", "noise", "score", "velocity", "v")


def loaded(text):
    names = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output, from whitelisted nodes
    return names


def weights(schedule, prediction):
    jets = {alpha: schedule.alpha, beta: schedule.beta, alpha_dot: schedule.alpha_dot, beta_dot: schedule.beta_dot}
    return [w.subs(jets, simultaneous=True) for w in prediction_weights(prediction)]


def near(expr, end, at):
    """The value 1e-30 from the end, at 80 digits."""
    with mp.workdps(80):
        time = mp.mpf(10) ** -30 if end == 0 else 1 - mp.mpf(10) ** -30
        return sp.lambdify((t, kappa), expr, "mpmath")(time, mp.mpf(at))


def test_a_turn_inside():
    found = by_kappa((1 - kappa) / t, 0)
    assert [found.subs(kappa, k) for k in (0, 1, 2)] == [sp.oo, 0, -sp.oo]


def test_no_turn():
    assert by_kappa(-kappa / t, 0).subs(kappa, 0) == 0
    assert by_kappa(-(1 + kappa) / t, 0) == -sp.oo


def test_a_limit_that_moves_with_kappa_is_not_piecewise_constant():
    assert by_kappa(1 + kappa + t, 0) is None


@pytest.mark.parametrize("name", ["linear", "follmer", "vp"])
@pytest.mark.parametrize("at", [0.0, 0.5, 1.0, 2.5])
def test_ends_of_the_drift_are_the_limits(name, at):
    schedule = getattr(ss.schedules, name)()
    module = loaded(ss.codegen(schedule, lang="numpy"))
    for prediction in PREDICTIONS:
        for end in (0, 1):
            found = module[f"drift_{prediction}"](float(end), at)
            for got, exact in zip(found, weights(schedule, prediction), strict=True):
                close = near(exact, end, at)
                if math.isinf(got):
                    assert abs(close) > 1e10
                    assert mp.sign(close) == math.copysign(1, got)
                else:
                    assert abs(close - float(got)) < 1e-12, (prediction, end, at)


def test_numeric_limits_need_evidence():
    assert numeric_limit(lambda v: float(v) ** 0.5) == 0.0
    assert numeric_limit(lambda _: 3.0) == 3.0
    assert numeric_limit(lambda v: -1 / float(v)) == -math.inf
    with pytest.raises(UndecidedError, match="no limit emerges"):
        numeric_limit(lambda v: 1 / math.log(float(v)))
