"""The vector functions against mpmath, with bounds in units in the last place that the module states."""

import mpmath
import numpy as np
import pytest
from numba import njit

from symsched.kernels import vectormath as vm

GENERATOR = np.random.default_rng(20)
CASES = {
    "exp64": (vm.exp64, mpmath.exp, GENERATOR.uniform(-700, 700, 2000), 2),
    "share64": (vm.share64, mpmath.exp, GENERATOR.uniform(-700, 0, 2000), 2),
    "share32": (vm.share32, mpmath.exp, GENERATOR.uniform(-85, 0, 2000).astype(np.float32), 2),
    "log64": (vm.log64, mpmath.log, np.exp(GENERATOR.uniform(-600, 600, 2000)), 2),
    "log64 near 1": (vm.log64, mpmath.log, 1 + GENERATOR.uniform(-0.3, 0.3, 2000), 2.5),
    "tanh64": (vm.tanh64, mpmath.tanh, GENERATOR.uniform(-10, 10, 2000), 8),
    "tanh64 near 0": (vm.tanh64, mpmath.tanh, GENERATOR.uniform(-0.2, 0.2, 2000), 8),
    "sinpi64": (vm.sinpi64, lambda v: mpmath.sin(mpmath.pi * v), GENERATOR.uniform(-0.5, 0.5, 2000), 3),
    "exp32": (vm.exp32, mpmath.exp, GENERATOR.uniform(-85, 85, 2000).astype(np.float32), 2),
    "log32": (vm.log32, mpmath.log, np.exp(GENERATOR.uniform(-60, 60, 2000)).astype(np.float32), 2.5),
    "sinpi32": (
        vm.sinpi32, lambda v: mpmath.sin(mpmath.pi * v), GENERATOR.uniform(-0.5, 0.5, 2000).astype(np.float32), 3,
    ),
}  # fmt: skip
ABSOLUTE = {
    "cospi64": (vm.cospi64, lambda v: mpmath.cos(mpmath.pi * v), GENERATOR.uniform(-0.5, 0.5, 2000), 4e-16),
    "sin64": (vm.sin64, mpmath.sin, GENERATOR.uniform(-1e4, 1e4, 2000), 6e-16),
    "cos64": (vm.cos64, mpmath.cos, GENERATOR.uniform(-1e4, 1e4, 2000), 6e-16),
}


def apply(function, values):
    @njit(error_model="numpy")
    def loop(values, out):
        for i in range(values.size):
            out[i] = function(values[i])

    out = np.empty_like(values)
    loop(values, out)
    return out


@pytest.mark.parametrize("name", CASES)
def test_relative_error(name):
    function, exact, values, bound = CASES[name]
    found = apply(function, values)
    assert found.dtype == values.dtype
    with mpmath.workprec(200):
        true = [exact(mpmath.mpf(float(v))) for v in values]
        gaps = [abs(mpmath.mpf(float(f)) - w) for f, w in zip(found, true, strict=True)]
    ulps = [float(g) / float(np.spacing(values.dtype.type(abs(float(w))))) for g, w in zip(gaps, true, strict=True)]
    assert max(ulps) < bound


@pytest.mark.parametrize("name", ABSOLUTE)
def test_absolute_error(name):
    function, exact, values, bound = ABSOLUTE[name]
    found = apply(function, values)
    with mpmath.workprec(200):
        gaps = [abs(mpmath.mpf(float(f)) - exact(mpmath.mpf(float(v)))) for f, v in zip(found, values, strict=True)]
    assert float(max(gaps)) < bound


def test_shares_far_below_are_as_good_as_zero():
    assert (apply(vm.share64, np.array([-1e300, -np.inf, -709.0])) < 1e-307).all()
    assert np.isnan(apply(vm.share64, np.array([np.nan])))[0]


def test_exp_at_its_ends():
    found = apply(vm.exp64, np.array([-1e300, -709.0, 710.0, 1e300, np.inf, -np.inf, np.nan]))
    assert found[:6].tolist() == [0, 0, np.inf, np.inf, np.inf, 0]
    assert np.isnan(found[6])
