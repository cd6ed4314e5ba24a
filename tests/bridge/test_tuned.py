"""The benchmark of tuned tables: BNS begins at Euler's method, to rounding."""

import pytest
from torched import torch

from benchmarks.tuned import euler, halves
from symsched.bridge import FlowField, sample
from symsched.bridge.fitting import Fitter
from symsched.bridge.pilot import run_pilot
from symsched.bridge.running import Running


def test_bns_begins_at_eulers_method():
    field = FlowField(lambda x, t: torch.tanh(2 * x) * t[:, None] - x, "linear", shape=(2,), dtype=torch.float64)
    first, second = halves(run_pilot(field, (12, 2), 32, Running(seed=1)), 8)
    assert (len(first.noise), second.paths.shape[1]) == (8, 4)
    fit = euler(Fitter(field, first, Running(), from_noise=True), 5)
    ends = sample(field, noise=first.noise, target="linear", solver="euler", steps=5)
    goal = first.rho * first.paths[-1] + first.mean
    assert fit.error == pytest.approx(float((ends - goal).square().mean().sqrt()), rel=1e-6)
