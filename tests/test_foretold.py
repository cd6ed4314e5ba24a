"""What takes hours says so once, on standard error, by the rate that was measured; what takes minutes says nothing."""

from __future__ import annotations

import pytest

import symsched as ss
from symsched import progress
from symsched.montecarlo.run import workers

NORMAL = ss.InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, 1), kappa=1)


class StoppedError(Exception):
    """In place of the hours."""


@pytest.mark.parametrize(
    ("seconds", "told"), [(100, ""), (600, "about 10 minutes"), (7200, "about 2 hours"), (864000, "about 10 days")]
)
def test_minutes_are_not_told_hours_are(seconds, told, capsys):
    assert progress.foretold(seconds, "it") == bool(told)
    found = capsys.readouterr().err
    assert told in found
    assert found.count("\n") == bool(told)


def stopping(monkeypatch, module):
    def told(seconds, what):
        if progress.foretold(seconds, what):
            raise StoppedError
        return False

    monkeypatch.setattr(module, "foretold", told)


def test_a_simulation_of_too_many_paths_says_so(monkeypatch, capsys):
    monkeypatch.setattr(workers, "PILOT", 0.05)
    stopping(monkeypatch, workers)
    with pytest.raises(StoppedError):
        ss.simulate(NORMAL, 10**13, 100)
    assert "10000000000000 paths of 100 steps: about" in capsys.readouterr().err


def test_an_estimate_of_too_many_digits_says_so(monkeypatch, capsys):
    from symsched.montecarlo import pointsets

    monkeypatch.setattr(pointsets, "PILOT", 0.05)
    stopping(monkeypatch, pointsets)
    with pytest.raises(StoppedError):
        ss.estimate(NORMAL, "x**2", 1e-5, points="random")
    assert "a tolerance of 1e-05: about" in capsys.readouterr().err


def test_a_short_run_is_silent(capsys):
    ss.simulate(NORMAL, 1000, 10)
    ss.estimate(NORMAL, "x", 0.05)
    assert capsys.readouterr().err == ""
