"""The number of Newton steps, proved: seen to hold, and no proof where slopes are wrong or steps creep."""

import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from symsched import catalog
from symsched.codegen.header import _promise
from symsched.codegen.languages.torch import Torch
from symsched.codegen.module import Module
from symsched.codegen.newton import PLACES, STEPS, Inverse, above, inverse_of, log_r
from symsched.codegen.passes import MOVED, SPARE, counted, prove
from symsched.codegen.stable.ieee import on_arrays
from symsched.codegen.stable.rounding import expm1

s, left = sp.symbols("s left")
PLAIN = Inverse(
    ratio=s * (1 + s) / left, pace=1 / s + 1 / (1 + s) + 1 / left, ends=(), distances=(), place=log_r,
    slope=sp.S.One, close=sp.S.One, gap=log_r, near=(), parameters=(),
)  # fmt: skip
TRUNCATED = replace(
    PLAIN, ratio=(1 + s) / left, pace=1 / (1 + s) + 1 / left, ends=(0,), distances=((above, log_r),),
    place=PLACES[(0,)][0], slope=-1 / expm1(-above),
)  # fmt: skip


@pytest.fixture(scope="module")
def edm():
    made = Module(catalog.linear(), catalog.edm())
    assert made.ledger.implicit
    return made


def passes(inverse, low, high):
    """Through the emitted loop, for noise levels from low to high, and whether it ever bisects."""
    step = inverse.pace * inverse.slope * s * left

    def at(z):
        values = {"s": 1 / (1 + np.exp(-z)), "left": 1 / (1 + np.exp(z))}
        values["log_r"] = np.log(on_arrays(inverse.ratio, values) + 0 * z)
        values |= {symbol.name: on_arrays(form, values) for symbol, form in inverse.distances}
        return on_arrays(inverse.place, values), on_arrays(step, values)

    goal = z = at(np.linspace(low, high, 4001))[0]
    lows, highs = np.full_like(z, -670), np.full_like(z, 670)
    for count in range(1, STEPS):
        value, slope = at(z)
        lows, highs = np.where(value < goal, z, lows), np.where(value < goal, highs, z)
        moved = z - (value - goal) / slope
        # Where nothing is left to solve, rounding decides on which side of z the next step is.
        assert np.all((np.abs(moved - z) < 1e-9) | ((lows <= moved) & (moved <= highs)))
        if np.all(np.abs(moved - z) < MOVED):
            return count
        z = moved
    return STEPS


@pytest.mark.parametrize("inverse", [PLAIN, TRUNCATED], ids=["plain", "truncated"])
def test_no_more_steps_than_proved(inverse):
    proved = prove(inverse)
    assert proved is not None
    # A float next to a truncated end knows log r too badly to stop; inside, what is proved is what is seen.
    assert passes(inverse, proved.low + 9 * len(inverse.ends), proved.high) <= proved.count <= 6
    assert proved.count <= counted(inverse) - SPARE + 3
    assert proved.error < 2**-60


def test_no_proof_with_a_wrong_slope():
    assert prove(replace(PLAIN, pace=PLAIN.pace * sp.Rational(101, 100)), finest=64) is None


def test_no_proof_for_steps_that_creep():
    """log r itself, next to where it is truncated."""
    assert prove(replace(TRUNCATED, place=log_r, slope=sp.S.One), finest=64) is None


@pytest.mark.slow
def test_the_header_says_how_it_is_known(edm, monkeypatch):
    proved = prove(inverse_of(edm))
    text = " ".join(_promise(edm))
    assert f"at most {proved.count}, and two on tau itself: proved with interval arithmetic" in text
    low = float(text.split(" for ")[1].split(" <= tau")[0])
    assert 1 / (1 + math.exp(-proved.low)) <= low
    monkeypatch.setattr("symsched.codegen.header.prove", lambda _: None)
    assert "counted" not in " ".join(_promise(edm))  # floats never settled
    monkeypatch.setattr("symsched.codegen.header.inverse_of", lambda _: PLAIN)
    unproved = " ".join(_promise(edm))
    assert f"{counted(PLAIN) - SPARE + 1} were enough at" in unproved
    assert "counted, not proved" in unproved
    assert f"at most {STEPS}" in unproved


def test_with_open_parameters_nothing_is_promised(monkeypatch):
    open_source = replace(PLAIN, ratio=PLAIN.ratio ** sp.Symbol("p"))
    assert prove(open_source) is None
    assert counted(open_source) == STEPS
    monkeypatch.setattr("symsched.codegen.header.inverse_of", lambda _: open_source)
    assert "depends on the parameters" in " ".join(_promise(None))


@pytest.mark.slow
def test_torch_takes_the_proved_steps(edm):
    """Next to a truncated end floats never settle: counting alone would say sixty."""
    inverse = inverse_of(edm)
    assert counted(inverse) == STEPS
    assert f"for _ in range({prove(inverse).count + SPARE}):" in Torch().newton(edm)
