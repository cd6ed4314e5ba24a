"""The vector functions against mpmath, with bounds in units in the last place that the module states."""

import mpmath
import numpy as np
import pytest
from numba import njit

from symsched.kernels import vectormath as vm
from symsched.kernels.compiled import inline

GENERATOR = np.random.default_rng(20)
single = np.float32
CASES = {
    "exp64": (vm.exp64, mpmath.exp, GENERATOR.uniform(-700, 700, 2000), 2),
    "share64": (vm.share64, mpmath.exp, GENERATOR.uniform(-700, 0, 2000), 2),
    "share32": (vm.share32, mpmath.exp, GENERATOR.uniform(-85, 0, 2000).astype(np.float32), 2),
    "log64": (vm.log64, mpmath.log, np.exp(GENERATOR.uniform(-600, 600, 2000)), 2),
    "log64 near 1": (vm.log64, mpmath.log, 1 + GENERATOR.uniform(-0.3, 0.3, 2000), 2.5),
    "tanh64": (vm.tanh64, mpmath.tanh, GENERATOR.uniform(-10, 10, 2000), 2.5),
    "tanh64 near 0": (vm.tanh64, mpmath.tanh, GENERATOR.uniform(-0.7, 0.7, 2000), 2.5),
    "sin64": (vm.sin64, mpmath.sin, GENERATOR.uniform(-10, 10, 2000), 2.5),
    "sin64 far": (vm.sin64, mpmath.sin, GENERATOR.uniform(-1e6, 1e6, 2000), 2.5),
    "sin64 at its zeros": (vm.sin64, mpmath.sin, np.pi * GENERATOR.integers(1, 300_000, 2000), 2.5),
    "cos64": (vm.cos64, mpmath.cos, GENERATOR.uniform(-10, 10, 2000), 2.5),
    "cos64 at its zeros": (vm.cos64, mpmath.cos, np.pi * (GENERATOR.integers(1, 300_000, 2000) + 0.5), 2.5),
    "tanh32": (vm.tanh32, mpmath.tanh, single(GENERATOR.uniform(-10, 10, 4000)), 2.5),
    "tanh32 near 0": (vm.tanh32, mpmath.tanh, single(GENERATOR.uniform(-0.7, 0.7, 4000)), 2.5),
    "sin32": (vm.sin32, mpmath.sin, single(GENERATOR.uniform(-10, 10, 4000)), 2.5),
    "sin32 far": (vm.sin32, mpmath.sin, single(GENERATOR.uniform(-1e5, 1e5, 4000)), 2.5),
    "sin32 at its zeros": (vm.sin32, mpmath.sin, single(np.pi * GENERATOR.integers(1, 30_000, 4000)), 2.5),
    "cos32": (vm.cos32, mpmath.cos, single(GENERATOR.uniform(-10, 10, 4000)), 2.5),
    "cos32 far": (vm.cos32, mpmath.cos, single(GENERATOR.uniform(-1e5, 1e5, 4000)), 2.5),
    "cos32 at its zeros": (vm.cos32, mpmath.cos, single(np.pi * (GENERATOR.integers(1, 30_000, 4000) + 0.5)), 2.5),
    "sinpi64": (vm.sinpi64, lambda v: mpmath.sin(mpmath.pi * v), GENERATOR.uniform(-0.5, 0.5, 2000), 3),
    "exp32": (vm.exp32, mpmath.exp, GENERATOR.uniform(-85, 85, 2000).astype(np.float32), 2),
    "log32": (vm.log32, mpmath.log, np.exp(GENERATOR.uniform(-60, 60, 2000)).astype(np.float32), 2.5),
    "sinpi32": (
        vm.sinpi32, lambda v: mpmath.sin(mpmath.pi * v), GENERATOR.uniform(-0.5, 0.5, 2000).astype(np.float32), 3,
    ),
}  # fmt: skip
ABSOLUTE = {
    "cospi64": (vm.cospi64, lambda v: mpmath.cos(mpmath.pi * v), GENERATOR.uniform(-0.5, 0.5, 2000), 4e-16),
}


def apply(function, values):
    @njit(error_model="numpy")
    def loop(values, out):
        for i in range(values.size):
            out[i] = function(values[i])

    out = np.empty_like(values)
    loop(values, out)
    return out


def worst_error(function, exact, values):
    """In units in the last place of the exact value."""
    found = apply(function, values)
    assert found.dtype == values.dtype
    with mpmath.workprec(200):
        true = [exact(mpmath.mpf(float(v))) for v in values]
        gaps = [abs(mpmath.mpf(float(f)) - w) for f, w in zip(found, true, strict=True)]
    return max(float(g) / float(np.spacing(values.dtype.type(abs(float(w))))) for g, w in zip(gaps, true, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_relative_error(name):
    function, exact, values, bound = CASES[name]
    assert worst_error(function, exact, values) < bound


@inline
def short_tanh(x):
    """The series as far as x⁵: the twin of a polynomial that is cut short."""
    return x - x * x * x * single(1 / 3) + x * x * x * x * x * single(2 / 15)


@inline
def near_sine(x):
    """Reduced by float32 π alone: the twin of a careless reduction."""
    return vm.sinpi32(x * single(1 / np.pi) - np.rint(x * single(1 / np.pi)))


@inline
def shifted_sine(x):
    """The twin of a cosine that adds π/2 to its argument."""
    return vm.sin32(x + single(np.pi / 2))


TWINS = {
    "tanh32 near 0": short_tanh,
    "sin32 far": near_sine,
    "sin32 at its zeros": near_sine,
    "cos32 at its zeros": shifted_sine,
}


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_of_small_errors_is_rejected(name):
    _, exact, values, bound = CASES[name]
    assert worst_error(TWINS[name], exact, values) > bound


@pytest.mark.parametrize("bits", [32, 64])
def test_odd_even_and_not_a_number(bits):
    kind = np.dtype(f"float{bits}").type
    values = np.array([0.0, -0.0, 0.1, 0.54999, 0.55001, 3.0, 40.0, np.inf], kind)
    tanh = apply(getattr(vm, f"tanh{bits}"), np.concatenate([values, -values]))
    np.testing.assert_array_equal(tanh[:8], -tanh[8:])
    assert tanh[[0, 6, 7]].tolist() == [0, 1, 1]
    for name in ("tanh", "sin", "cos"):
        assert np.isnan(apply(getattr(vm, f"{name}{bits}"), np.array([np.nan], kind)))[0]


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


EDGES = [-np.inf, -1e300, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1e-310, 2.0**-1022, 1.0, 1e300, np.inf, np.nan]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_logarithm_knows_every_float(kind):
    """NumPy's, which is right to an ulp: -inf at 0, NaN below, subnormal numbers, infinity."""
    with np.errstate(all="ignore"):
        values = np.array([*EDGES, 1e-45, 1e-39, 1e30], kind)
        want = np.log(values)
    found = apply(vm.ln64 if kind is np.float64 else vm.ln32, values)
    np.testing.assert_array_max_ulp(found[np.isfinite(want)], want[np.isfinite(want)], 2)
    assert np.array_equal(found[~np.isfinite(want)], want[~np.isfinite(want)], equal_nan=True)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_angles_beyond_all_digits_are_no_numbers(kind):
    far = 1e14 if kind is np.float64 else 1e6
    pair = (vm.sin64, vm.cos64) if kind is np.float64 else (vm.sin32, vm.cos32)
    inside, beyond = kind(np.array([-far, 0.97 * far, far])), kind(np.array([-1e22, 1.1 * far, 1e30, np.inf, np.nan]))
    for function, exact in zip(pair, (mpmath.sin, mpmath.cos), strict=True):
        assert worst_error(function, exact, inside) < 2.5
        assert np.isnan(apply(function, beyond)).all()
