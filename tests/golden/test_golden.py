"""The doors answer as they did before the house was rebuilt."""

import json
import math

import pytest
from golden.doors import DOORS, GOLDEN, samples

KEPT = json.loads(GOLDEN.read_text())


def same(one, other, tolerance=1e-14):
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key], tolerance) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other)) or abs(one - other) <= tolerance * abs(one)
    return one == other


@pytest.mark.exhaustive  # for whoever moves the house: -m exhaustive tests/golden
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_door_answers_as_before(door):
    found = dict(door())
    tolerance = 1e-5 if door is samples else 1e-14  # a network in float32, on any number of threads
    changed = [name for name, value in found.items() if not same(KEPT[name], value, tolerance)]
    assert not changed
