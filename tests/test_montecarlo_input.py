"""Every mistake of a user gets one line that names what was given and what would be right."""

from functools import reduce

import numpy as np
import pytest
import sympy as sp
from slowness import quick, slow

from symsched.data import Gaussian
from symsched.errors import InputError
from symsched.montecarlo import Diffusion, System, couple, estimate, simulate
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import rho, state, t, x

OU = Diffusion(-x, 0.5, 0)
LINEAR = Schedule(1 - t, t)
EXPLODES = Diffusion(x**3, 1, 10)

MISTAKES = {
    "no paths": (lambda: simulate(OU, 0), "paths is 0; it should be >= 1"),
    "negative steps": (lambda: simulate(OU, 10, -1), "steps is -1; it should be >= 1"),
    "a fraction of paths": (lambda: simulate(OU, 1.5), "paths is 1.5; it should be an integer >= 1"),
    "unknown scheme": (lambda: simulate(OU, 10, 5, "rk4"), "unknown scheme 'rk4' .known: euler, lazy"),
    "negative seed": (lambda: simulate(OU, 10, seed=-1), "seed is -1"),
    "large seed": (lambda: simulate(OU, 10, seed=2**64), r"below 2\*\*64"),
    "bad dtype": (lambda: simulate(OU, 10, dtype="int8"), "dtype is 'int8'; it should be 'float64' or 'float32'"),
    "grid not increasing": (lambda: simulate(OU, 10, grid=[0, 0.5, 0.5, 1]), "grid goes from 0.5 to 0.5"),
    "grid outside": (lambda: simulate(OU, 10, grid=[0, 1.5]), r"grid has the time 1.5; times should lie in \[0, 1\]"),
    "grid of NaN": (lambda: simulate(OU, 10, grid=[0, float("nan")]), "grid has the time nan"),
    "grid of one": (lambda: simulate(OU, 10, grid=[0.5]), "grid has one time"),
    "grid of words": (lambda: simulate(OU, 10, grid=["a"]), "grid is"),
    "save outside": (lambda: simulate(OU, 10, save=[-0.1]), "save has the time -0.1"),
    "save before start": (lambda: simulate(OU, 10, start=0.5, save=[0.1]), r"outside the grid's \[0.5, 1\]"),
    "start at the end": (lambda: simulate(OU, 10, start=1), r"start is 1; it should be one time in \[0, 1\)"),
    "start and grid": (lambda: simulate(OU, 10, start=0.3, grid=[0, 1]), "give one of them"),
    "no threads": (lambda: simulate(OU, 10, threads=0), "threads is 0"),
    "negative keep": (lambda: simulate(OU, 10, keep_paths=-2), "keep_paths is -2"),
    "not an executor": (lambda: simulate(OU, 10, executor=3), "executor is a int; give a concurrent.futures executor"),
    "not an SDE": (lambda: simulate("x"), "cannot simulate a str; give an InterpolantSDE or a Diffusion"),
    "unknown symbol": (lambda: Diffusion(sp.Symbol("k") * x, 1), "the drift contains k, which has no value"),
    "unknown symbol in eps": (lambda: Diffusion(-x, x), "eps contains x"),
    "unknown name in text": (lambda: Diffusion("k*x", 1), "unknown name 'k'"),
    "not an expression": (lambda: Diffusion(None, 1), "drift is None; it should be an expression"),
    "empty drift": (lambda: Diffusion([], 1), "drift is empty"),
    "open parameter": (lambda: simulate(InterpolantSDE(LINEAR, Gaussian(0, rho))), "parameters without a value: rho"),
    "unprintable": (lambda: simulate(Diffusion(sp.besselj(0, x), 1), 10, 5), "no kernel can be made of besselj"),
    "initial of wrong shape": (lambda: simulate(Diffusion(-x, 1, [1, 2]), 10), "initial has shape"),
    "initial of NaN": (lambda: simulate(Diffusion(-x, 1, np.nan), 10), "not finite"),
    "initial of words": (lambda: simulate(Diffusion(-x, 1, "here"), 10), "initial is 'here'"),
    "exponential of anything": (lambda: simulate(EXPLODES, 10, 5, "exponential"), "scheme 'exponential' needs"),
    "memory": (
        lambda: simulate(OU, 10**12, keep_paths=10**12),
        "1000000000000 stored paths of dimension 1 at 2 times need 14901.2 GiB",
    ),
    "pole inside": (lambda: simulate(Diffusion(1 / (t - sp.Rational(1, 2)), 1), 10, 4), "not finite at t = 0.5"),
    "infinite at 0 and saved there": (
        lambda: simulate(InterpolantSDE(LINEAR, Gaussian(0, 1), kappa=1), 10, 4, save=[0, 1]),
        "infinite at t = 0, so nothing can be saved there; save times from 0.25 on",
    ),
    "infinite at 0 and one step": (
        lambda: simulate(InterpolantSDE(LINEAR, Gaussian(0, 1), kappa=1), 10, 1),
        "there is one step only",
    ),
    "one system": (lambda: couple(System(OU, 4)), "couple got 1 systems; it needs at least two"),
    "different ends": (
        lambda: couple(System(OU, 4), System(OU, grid=[0, 0.5])), "coupled systems should share both ends",
    ),
    "no steps": (lambda: couple(System(OU, 4), System(OU)), "steps is None"),
    "different dimensions": (
        lambda: couple(System(OU, 4), System(Diffusion(["-x0", "-x1"], 1, 0), 4)), "the systems have dimensions",
    ),
    "paths beyond counting": (lambda: simulate(OU, 10**70), r"it should be at most 2\^48"),
    "steps beyond memory": (lambda: simulate(OU, 10, 10**13), "10000000000000 steps need .* GiB"),
    "eps negative somewhere": (lambda: Diffusion(-x, "sin(9*t)"), "eps = .* is negative at t = 0.5"),
    "eps negative at a step": (lambda: simulate(Diffusion(-x, "Min(t,1/2)-1/4"), 9), "is negative at t = 0"),
    "drift not finite": (lambda: Diffusion(sp.oo * x), "it should be finite and real"),
    "drift with floor": (lambda: Diffusion("floor(x)"), r"unknown function 'floor' \(known: .*Abs, .*Max, .*sign\)"),
    "coupled paths lost": (lambda: couple(System(EXPLODES, 4), System(EXPLODES, 8), paths=9), "not finite on 9 of 9"),
    "tolerance out of reach": (lambda: estimate(OU, x, 1e-14), "tolerance 1e-14 takes some .* steps of paths"),
    "log of what is negative": (lambda: simulate(Diffusion("log(x)", 0, -1), 9), "not finite at t = 0 on some paths"),
    "angles without digits": (lambda: simulate(Diffusion("sin(10**20*x)", 0, 1), 9), r"sin and cos are known up to"),
    "drift of a sum": (lambda: simulate(Diffusion(sp.Sum(x**2, (sp.Symbol("k"), 1, 3))), 9), "no kernel .* of Sum"),
    "a time of one's own": (lambda: Diffusion(sp.Symbol("t") * x), "the drift uses a symbol t of its own"),
    "an open initial law": (lambda: simulate(Diffusion(-x, 0, Gaussian(sp.Symbol("m"), 1)), 9), "leaves m open"),
    "checkpoint, a number": (lambda: simulate(OU, 9, checkpoint=3), "checkpoint is '3'; it should be the name"),
    "checkpoint, bytes": (lambda: simulate(OU, 9, checkpoint=b"x"), "should be the name of a file"),
    "checkpoint, a null": (lambda: simulate(OU, 9, checkpoint="a\0b"), "should be the name of a file"),
    "checkpoint, a long name": (lambda: simulate(OU, 9, checkpoint="a" * 300), "File name too long"),
    "checkpoint, a directory": (lambda: simulate(OU, 9, checkpoint="."), "checkpoint is '.', a directory"),
    "save off the grid": (lambda: couple(System(OU, 4), System(OU, 3), save=[0.5]), "not on every grid"),
}  # fmt: skip


@pytest.mark.parametrize("name", [slow(m) if m == "angles without digits" else m for m in MISTAKES])
def test_one_clear_line(name):
    call, message = MISTAKES[name]
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_lost_paths_are_counted_and_the_time_is_named():
    with pytest.raises(InputError, match=r"not finite at t = 0\.\d+ on some paths: 1000 of 1000 were lost") as caught:
        simulate(EXPLODES, 1000, 100)
    assert "with 100 steps; use more steps" in str(caught.value)


def test_some_lost_paths_among_many():
    with pytest.raises(InputError, match=r": (\d+) of 4000 were lost") as caught:
        simulate(Diffusion(x**3, 1, [[0.0], [0.0], [0.0], [30.0]]), 4000, 100)
    lost = int(str(caught.value).split(" of 4000")[0].split()[-1])
    assert 1000 <= lost < 2500


SUMS = {
    "sines": sum(sp.sin(x + sp.Rational(k, 7)) for k in range(150)) / 150,
    "with t": sum(sp.sin(x + k) * sp.cos(k * t) for k in range(60)) / 60,
    "cases": sp.Piecewise(*((k - x, x < sp.Rational(k, 20)) for k in range(120)), (0, True)),
    "nested": reduce(lambda f, _: sp.sin(f + 1), range(40), x),
    "kinks": -sp.Abs(x) + sp.Max(x, t) - sp.sign(x - 2) + sp.sec(x / 9),
}


@pytest.mark.parametrize("name", quick(["kinks", "cases"], SUMS))
def test_drifts_of_any_length_and_with_kinks(name):
    """One Euler step by hand, in float64 NumPy, from several places."""
    places = np.linspace(-0.3, 1.1, 7)
    r = simulate(Diffusion(SUMS[name], 0, places[:, None]), 7, 1, grid=[0.25, 0.5], keep_paths=7)
    by_hand = places + 0.25 * sp.lambdify((x, t), SUMS[name], "numpy")(places, 0.25)
    np.testing.assert_allclose(r.paths[1], by_hand, rtol=1e-13, atol=1e-14)
    assert np.array_equal(Diffusion("-Abs(x)").drift, (-sp.Abs(x),))


def test_expressions_in_an_array_or_a_matrix_are_a_drift():
    one, two = state(2)
    for given in (np.array([-one, one - two]), sp.Matrix([-one, one - two]), sp.ImmutableMatrix([-one, one - two])):
        assert Diffusion(given).drift == (-one, one - two)
