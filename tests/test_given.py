"""What a door makes of numbers that are none, or none of its kind: one line, never NumPy's words and never a guess."""

import datetime
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

import symsched as ss
from symsched.data import Empirical, Gaussian, GaussianMixture
from symsched.discretize import Stepper, closed_form, exact_law, kl, trajectory, w2
from symsched.errors import InputError
from symsched.given import count, joint_shape, reals
from symsched.montecarlo import Diffusion, simulate
from symsched.symbols import t, x

LINEAR = ss.schedules.linear()
SDE = ss.InterpolantSDE(LINEAR, Gaussian(0, 1))
PLANE = Gaussian([0, 1], [[1, 0.5], [0.5, 2]])
NONE_OF_THEM = {
    "complex": 0.5 + 1j,
    "complex array": np.array([0.5 + 1j]),
    "text": "0.5",
    "texts": ["0.5", "a"],
    "bytes": b"0.5",
    "None": None,
    "None inside": [0.5, None],
    "ragged": [[0.1], [0.1, 0.2]],
    "set": {0.5},
    "dict": {0: 0.5},
    "generator": (i for i in [0.5]),
    "date": np.datetime64("2020-01-01"),
    "span": np.timedelta64(1),
    "own date": datetime.date(2020, 1, 1),
    "symbol": t,
    "imaginary": sp.I,
    "beyond the floats": 10**400,
    "beyond printing": 10**6000,
}
DOORS = {
    "Schedule.at": LINEAR.at,
    "Conversion.at": ss.convert(LINEAR, ss.schedules.follmer()).at,
    "Conversion.path, times": lambda v: ss.convert(LINEAR, LINEAR).path(v, np.ones((1, 2))),
    "Conversion.path, paths": lambda v: ss.convert(LINEAR, LINEAR).path([0.5], v),
    "eta_x_at": lambda v: Gaussian(0, 1).eta_x_at(0.5, 0.5, v),
    "score_at": lambda v: GaussianMixture([0.5, 0.5], [0, 1], [1, 1]).score_at(0.5, 0.5, v),
    "alpha": lambda v: Empirical([0, 1]).eta_z_at(v, 0.5, 0.0),
    "beta": lambda v: PLANE.log_density_at(0.5, v, [0.0, 0.0]),
    "drift_at, time": lambda v: SDE.drift_at(v, 0.0),
    "drift_at, state": lambda v: SDE.drift_at(0.5, v),
    "eps_at": SDE.eps_at,
    "Empirical": lambda v: Empirical([[0.0, 0.0], v]),
    "grid": lambda v: trajectory(SDE, v),
    "step": lambda v: Stepper(SDE, 4).step(0, v, 0.0),
    "w2": lambda v: w2(v, 1, 0, 1),
    "kl": lambda v: kl(0, 1, 0, v),
    "save": lambda v: simulate(SDE, 10, 2, save=v),
    "simulate, grid": lambda v: simulate(SDE, 10, grid=v),
    "start": lambda v: simulate(SDE, 10, 2 if v is not None else 0, start=v),
    "initial": lambda v: simulate(Diffusion(-x, 0, v), 10, 2),
    "quantiles": lambda v: simulate(Diffusion(-x, 0, 1), 10, 2).quantiles(v),
    "spectral": lambda v: ss.lazy.spectral([0, 1], [[1, 0.5], [0.5, 2]]).into(0.5, v),
}


@pytest.mark.parametrize("door", DOORS)
def test_no_number_is_bent_into_shape(door):
    for name, value in NONE_OF_THEM.items():
        if (door, name) in {("save", "None"), ("simulate, grid", "None")}:
            continue  # the default
        with pytest.raises(InputError) as caught:
            DOORS[door](value)
        assert "\n" not in str(caught.value), name
        assert len(str(caught.value)) < 400, name


def test_numbers_of_every_kind_are_taken():
    third = [Fraction(1, 3), sp.Rational(1, 3), mpmath.mpf(1) / 3, np.longdouble(1) / 3, 1 / 3]
    assert {float(reals(value, "x")) for value in third} == {1 / 3}
    assert reals([Decimal("0.5"), sp.sqrt(4), True, np.float32(0.25)], "x").tolist() == [0.5, 2.0, 1.0, 0.25]
    assert np.isnan(reals([np.nan], "x")).all()
    assert reals([], "x").shape == (0,)
    assert ss.InterpolantSDE(LINEAR, Gaussian(0, 1), kappa=Fraction(1, 3)).kappa == sp.Rational(1, 3)
    assert Gaussian(Decimal("0.1"), 1).mean == sp.Rational(1, 10)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Gaussian(0, 1).eta_x_at([0.1, 0.2], [0.1, 0.2, 0.3], 0.0),
        lambda: PLANE.score_at(np.ones(3), 1, np.zeros((2, 2))),
        lambda: SDE.drift_at([0.1, 0.2], np.zeros((3, 3))),
        lambda: Stepper(SDE, 4).step(0, np.zeros(3), np.zeros(4)),
        lambda: w2([1, 2], [1, 2], [1, 2], [1, 2, 3]),
        lambda: joint_shape("a and b", (2,), (3,)),
    ],
)
def test_shapes_that_do_not_fit(ask):
    with pytest.raises(InputError, match="which do not fit together"):
        ask()


@pytest.mark.parametrize("value", [-1, 2.5, "3", None, True, np.nan, 10**30, np.array([1, 2])])
def test_counts_are_whole_numbers_in_reach(value):
    doors = [
        lambda: Gaussian(0, 1).sample(value),
        lambda: exact_law(SDE, value),
        lambda: closed_form(SDE).at(value),
        lambda: closed_form(SDE).at(3, value),
        lambda: Stepper(SDE, 4).step(value, 0.0, 0.0),
        lambda: Stepper(SDE, 4).run(value),
    ]
    for door in doors:
        with pytest.raises(InputError):
            door()


def test_what_a_machine_cannot_hold_is_refused():
    for ask in (lambda: Gaussian(0, 1).sample(10**13), lambda: trajectory(SDE, 10**12), lambda: Stepper(SDE, 10**12)):
        with pytest.raises(InputError, match="GiB are free"):
            ask()
    with pytest.raises(InputError, match="at most 3"):
        Stepper(SDE, 4).step(4, 0.0, 0.0)
    with pytest.raises(InputError, match=r"below 2\*\*64"):
        count(1 << 64, "seed", 0, (1 << 64) - 1)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True, [1, 2]])
def test_seeds_are_whole_numbers_or_generators(seed):
    for draw in (lambda: PLANE.sample(3, seed), lambda: Stepper(SDE, 4).run(3, seed)):
        with pytest.raises(InputError, match="seed"):
            draw()
    assert PLANE.sample(3, np.random.default_rng(1)).tolist() == PLANE.sample(3, 1).tolist()


def test_distances_are_of_laws():
    for wrong in ([[1, 2], [2, 1]], [[np.nan, 0], [0, 1]]):
        for distance in (w2, kl):
            with pytest.raises(InputError, match="covariance"):
                distance([0, 0], wrong, [0, 0], np.eye(2))
    with pytest.raises(InputError, match="finite"):
        kl(0, np.inf, 0, 1)


def test_an_equation_is_of_a_schedule_and_a_law():
    for schedule, data, message in (
        ("1 - t", Gaussian(0, 1), "expected a name with arguments"),
        (None, Gaussian(0, 1), "schedule is 'None'"),
        (LINEAR, "gauss(0, 1)", "data 'gauss' is not known"),
        (LINEAR, 3, "data is '3'"),
    ):
        with pytest.raises(InputError, match=message):
            ss.InterpolantSDE(schedule, data)
