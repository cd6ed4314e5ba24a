"""The kernels' form of η_X is the data law's own."""

import numpy as np
import pytest
import sympy as sp

from symsched.data import Empirical, GaussianMixture
from symsched.errors import InputError
from symsched.kernels.split import state_code
from symsched.montecarlo.mixture import eta_x
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import state, t

LINEAR = Schedule(1 - t, t)
TILTED = [[1.0, 0.3], [0.3, 0.5]]
LAWS = {
    "one width": GaussianMixture([0.5, 0.3, 0.2], [-1, 1, 2], [0.3, 0.3, 0.3]),
    "equal weights": GaussianMixture([0.5, 0.5], [-1, 1], [0.3, 0.4]),
    "all different": GaussianMixture([0.5, 0.3, 0.2], [-1, 1, 2], [0.3, 0.3, 0.4]),
    "points": Empirical([-1.0, 1.0, 3.0]),
    "points in the plane": Empirical([[0.0, 1], [2, 1], [1, 1]]),
    "plane": GaussianMixture([0.4, 0.6], [[-1, 0], [1, 0.5]], [0.3, 0.2]),
    "plane of one width": GaussianMixture([0.4, 0.6], [[-1, 0], [1, 0.5]], [0.3, 0.3]),
    "tilted": GaussianMixture([0.4, 0.6], [[-1, 0], [1, 0.5]], [TILTED, np.eye(2)]),
}


@pytest.mark.parametrize("name", LAWS)
def test_it_equals_the_data_law(name):
    law, rng = LAWS[name], np.random.default_rng(3)
    letters = state(law.dim)
    numeric = sp.lambdify((t, *letters), eta_x(InterpolantSDE(LINEAR, law), letters))
    for time in (0.1, 0.5, 0.8):
        for row in rng.normal(size=(4, law.dim)):
            exact = law.eta_x_at(1 - time, time, row if law.dim > 1 else row[0])
            np.testing.assert_allclose(np.ravel(numeric(time, *row)), np.ravel(exact), rtol=1e-12, atol=1e-14)


def test_one_exponential_for_each_component():
    letters = state(1)
    code = state_code(eta_x(InterpolantSDE(LINEAR, LAWS["all different"]), letters), letters)
    shares = {a for _, e in code.temps for a in e.atoms(sp.Function) if type(a).__name__ == "Share"}
    assert len(shares) == 3


def test_far_too_many_points_are_refused():
    with pytest.raises(InputError, match="1000 components in 1 dimensions is too large"):
        eta_x(InterpolantSDE(LINEAR, Empirical(np.arange(1000.0))), state(1))
