"""Refining: the gradient is right, the descent helps on fresh noise, and what cannot be refined stays as it was."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from torched import torch

import symsched as ss
from symsched.bridge import FlowField, calibrate, exact_field, sample
from symsched.bridge.fitting import Fitter, GridShape
from symsched.bridge.pilot import run_pilot
from symsched.bridge.refining import Descent, refined
from symsched.bridge.running import Running

MEANS = torch.tensor([[1.0, 0.2, -0.4], [-0.8, 0.5, 0.3], [0.1, -0.9, 0.6]], dtype=torch.float64)
WIDTHS = torch.tensor([0.4, 0.5, 0.6], dtype=torch.float64)


def data(x, alpha, beta):
    """η_X of three equal normal laws, written in torch: autograd sees through it."""
    spread = alpha**2 + (beta * WIDTHS) ** 2
    apart = x[:, None] - beta[:, None] * MEANS
    share = torch.softmax(-apart.square().sum(-1) / (2 * spread) - 1.5 * spread.log(), dim=1)
    return (share[:, :, None] * (MEANS + (WIDTHS**2 * beta / spread)[..., None] * apart)).sum(1)


def velocity(x, time):
    t = time[:, None].to(x.dtype)
    return (data(x, 1 - t, t) - x) / (1 - t)


def noise(x, time):
    """Of the schedule vp, asked in degrees."""
    angle = time[:, None].to(x.dtype) * math.pi / 180
    alpha, beta = angle.cos(), angle.sin()
    return (x - beta * data(x, alpha, beta)) / alpha


FIELDS = {
    "velocity": FlowField(velocity, "linear", "velocity", shape=(3,), dtype=torch.float64),
    "noise": FlowField(noise, "vp", "noise", time="90*t", shape=(3,), dtype=torch.float64),
}


def fitters(name, count=48, from_noise=False, batch=None):
    """A fitter, and one of paths that it does not know."""
    how = Running(seed=3, batch=batch)
    pilot = run_pilot(FIELDS[name], (count + 256, 3), 32, how)
    parts = (
        replace(pilot, noise=pilot.noise[part], paths=pilot.paths[:, part])
        for part in (slice(count), slice(count, None))
    )
    return tuple(Fitter(FIELDS[name], part, how, from_noise) for part in parts)


@pytest.mark.parametrize(
    ("name", "from_noise", "batch"), [("velocity", False, None), ("velocity", True, 20), ("noise", False, 7)]
)
def test_the_gradient_is_that_of_the_error(name, from_noise, batch):
    fitter, _ = fitters(name, 24, from_noise, batch)
    descent = Descent(fitter, fitter.fit(GridShape(0.7, 1.0, 0.0 if from_noise else 0.6), 4))
    rng = np.random.default_rng(0)
    here, *ways = 0.02 * rng.standard_normal((4, descent.table.size))
    _, slope = descent(here)
    ways.append(0.1 * slope / np.linalg.norm(slope))
    # the model's clock is float32: nearer differences see its rounding where a level moves
    apart = np.array([(descent(here + way / 20)[0] - descent(here - way / 20)[0]) * 10 for way in ways])
    found, room = ways @ slope, 0.01 * np.linalg.norm(slope) * np.linalg.norm(ways, axis=1)
    assert (np.abs(found - apart) < room).all()
    assert not (np.abs(1.1 * found - apart) < room).all()


def test_at_the_start_it_is_the_error_of_the_fit():
    fitter, _ = fitters("velocity")
    fit = fitter.fit(GridShape(0.7, 1.0, 0.6), 4)
    value, _ = Descent(fitter, fit)(np.zeros(Descent(fitter, fit).table.size))
    assert math.exp(value) / math.sqrt(48 * 3) * fitter.pilot.rho == pytest.approx(fit.error, rel=1e-6)


@pytest.mark.parametrize("name", FIELDS)
def test_a_refined_table_is_better_on_noise_it_does_not_know(name):
    fitter, judge = fitters(name, 96)
    fit = fitter.search(4, GridShape(), 10)
    better = refined(fitter, fit, 40)
    assert better.error < fit.error / 1.2
    assert (np.diff(better.angles) > 0).all()
    first, second = (judge.judged(one.angles, one.rows, one.shape).error for one in (fit, better))
    assert second < first / 1.1


def test_a_pipelines_first_input_stays_the_noise():
    fitter, _ = fitters("velocity", from_noise=True)
    fit = fitter.fit(GridShape(0.7, 1.0, 0.0), 4)
    better = refined(fitter, fit, 10)
    assert better.error < fit.error
    assert better.rows[0] == (1.0,)
    assert better.angles[0] == pytest.approx(fit.angles[0])


def test_calibrate_refines_where_it_is_asked_to():
    field = FIELDS["velocity"]
    with torch.inference_mode():
        plain, better = (calibrate(field, 64, steps=[4], pilot_steps=32, tries=6, refine=n) for n in (0, 20))
    assert better.tables[4]["error"] < plain.tables[4]["error"]
    assert better.pilot["evaluations"] == plain.pilot["evaluations"] + 20 * 4
    z = torch.randn(64, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(*(sample(field, noise=z, steps=4, calibration=c) for c in (plain, better)))


# -- what cannot be refined ------------------------------------------------------------------------------------------


class Small:
    """The velocity of a machine that has no room for the graph of more than `room` samples."""

    def __init__(self, room):
        self.room, self.refused = room, 0

    def __call__(self, x, time):
        if x.requires_grad and len(x) > self.room:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return velocity(x, time)


def of(model):
    how = Running(seed=3)
    field = FlowField(model, "linear", "velocity", shape=(3,), dtype=torch.float64)
    return Fitter(field, run_pilot(field, (16, 3), 32, how), how)


def test_batches_are_halved_where_memory_ends():
    small, plain = of(Small(5)), of(velocity)
    fit = plain.fit(GridShape(0.7, 1.0, 0.6), 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        halved, whole = (refined(fitter, fit, 5) for fitter in (small, plain))
    assert small.field.model.refused == 2  # 16 and 8; 4 fit
    assert halved.error == pytest.approx(whole.error, rel=1e-6)


def broken(x, time):
    if x.requires_grad:
        raise RuntimeError("derivative for aten::such is not implemented\nmore")
    return velocity(x, time)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Small(0), "out of memory for the graph of one path"),
        (torch.no_grad()(velocity), "carry no gradient"),
        (exact_field(ss.Gaussian([0.0] * 3, 0.5)).model, "carry no gradient"),
        (broken, "aten::such is not implemented; the table stays"),
    ],
)
def test_a_model_that_cannot_be_refined_keeps_its_fit(model, said):
    field = FlowField(
        model, "linear", "data" if "exact" in repr(model) else "velocity", shape=(3,), dtype=torch.float64
    )
    known = calibrate(field, 8, steps=[2], pilot_steps=16, tries=1)
    with pytest.warns(UserWarning, match=said) as told:
        again = calibrate(field, 8, steps=[2], pilot_steps=16, tries=1, refine=3)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert again.tables[2]["rows"] == known.tables[2]["rows"]


@pytest.mark.parametrize("refine", [-1, 2.5, "many", True])
def test_bad_input(refine):
    with pytest.raises(ss.InputError, match="refine = "):
        calibrate(FIELDS["velocity"], 8, steps=[2], tries=1, refine=refine)
