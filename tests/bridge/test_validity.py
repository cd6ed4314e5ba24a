"""What a calibration is valid for: it is kept in the file, and elsewhere one warning names all that differs."""

from __future__ import annotations

import copy
import json
import warnings

import pytest
from torched import torch

from symsched.bridge import Calibration, FlowField, calibrate, sample


class Network(torch.nn.Module):
    """A velocity of two numbers, with a condition."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x, time, y=None):  # noqa: ARG002
        return self.layer(torch.cat([x, time[:, None].to(x.dtype)], 1)) - x


CONDITIONS = {"y": torch.zeros(6)}


@pytest.fixture(scope="module")
def network():
    return Network()


def field(network, guidance=None, **options):
    return FlowField(network, "linear", shape=(2,), guidance=guidance, null={"y": 0.0}, **options)


@pytest.fixture(scope="module")
def known(network):
    found = calibrate(field(network, 2.0), 6, steps=[3], pilot_steps=16, tries=1, conditions=CONDITIONS)
    return Calibration.from_json(json.loads(json.dumps(found.to_json())))


def told(field, known, **options):
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        sample(field, 6, calibration=known, **{"steps": 3, "seed": 0, "conditions": CONDITIONS} | options)
    return [str(one.message) for one in found]


def test_the_file_says_what_it_is_for(known):
    assert known.valid["shape"] == [2]
    assert known.valid["dtype"] == "float32"
    assert known.valid["guidance"] == 2
    assert known.valid["model"]["parameters"] == 8


def test_where_all_is_the_same_nothing_is_said(network, known):
    assert told(field(network, 2.0), known) == []
    assert told(field(copy.deepcopy(network), 2), known) == []
    older = Calibration(known.source, known.mean, known.rho, known.tables)
    assert told(field(Network(1)), older) == []  # a file of before says nothing
    assert told(field(Network(1), 3.0), known, steps=4) == []  # no table is used
    assert told(field(Network(1), 3.0), known, grid="uniform") == []


def test_what_differs_is_named(network, known):
    for other, options, said in (
        (field(network, 3.0), {}, "guidance 2, and here it is 3"),
        (field(network, 2.0), {"guidance": 7.5}, "guidance 2, and here it is 7.5"),
        (field(network), {}, "guidance 2, and here it is none"),
        (field(Network(1), 2.0), {}, "another model's weights"),
        (field(copy.deepcopy(network).double(), 2.0), {}, "dtype float32, and here it is float64"),
    ):
        (line,) = told(other, known, **options)
        assert said in line
        assert "calibrate anew" in line
        assert (said == "another model's weights") == ("weights" in line)  # another dtype is the same model
    (line,) = told(field(Network(1), 3.0), known)
    assert "weights; for guidance" in line


def test_the_warning_is_at_the_callers_line(network, known):
    with pytest.warns(UserWarning, match="guidance") as found:
        sample(field(network, 4.0), 6, steps=3, calibration=known, conditions=CONDITIONS)
    assert found[0].filename == __file__


def test_guidance_of_one_is_none():
    plain = calibrate(field(Network()), 6, steps=[3], pilot_steps=16, tries=1, conditions=CONDITIONS)
    assert told(field(Network(), 1.0), plain) == []


def test_a_function_has_no_weights_to_tell_apart():
    points = FlowField(lambda x, time: -x, "linear", shape=(2,))  # noqa: ARG005
    known = calibrate(points, 6, steps=[3], pilot_steps=16, tries=1)
    assert known.valid["model"] is None
    assert told(field(Network()), known) == []


def test_a_pipelines_samples_are_looked_at():
    pytest.importorskip("diffusers")
    from symsched.bridge import LazyScheduler

    points = FlowField(lambda x, time: -x, "linear", shape=(2, 4))  # noqa: ARG005
    known = calibrate(points, 6, steps=[3], pilot_steps=16, tries=1, from_noise=True)
    known = Calibration(known.source, known.mean.mean(keepdims=True), known.rho, known.tables, valid=known.valid)
    for shape, dtype, said in (
        ((2, 4), torch.float32, []),
        ((2, 8), torch.float32, ["shape [2, 4], and here it is [2, 8]"]),
        ((2, 4), torch.float64, ["dtype float32, and here it is float64"]),
    ):
        scheduler = LazyScheduler(calibration=known)
        scheduler.set_timesteps(3)
        x = torch.zeros(1, *shape, dtype=dtype)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            scheduler.step(x, scheduler.timesteps[0], x)
        assert [part in str(one.message) for part, one in zip(said, found, strict=True)] == [True] * len(said)
