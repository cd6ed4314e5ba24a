"""The doors answer as they did before the house was rebuilt."""

import json
import math

import pytest
from golden.doors import DOORS, GOLDEN, emitted

KEPT = json.loads(GOLDEN.read_text())


def same(one, other):
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other)) or abs(one - other) <= 1e-14 * abs(one)
    return one == other


LONG = (emitted,)  # minutes


@pytest.mark.parametrize(
    "door", [pytest.param(d, marks=pytest.mark.exhaustive if d in LONG else (), id=d.__name__) for d in DOORS]
)
def test_a_door_answers_as_before(door):
    found = dict(door())
    changed = [name for name, value in found.items() if not same(KEPT[name], value)]
    assert not changed
