"""The kernels' form of η_X is the data law's own."""

from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from slowness import quick, slow

from symsched import catalog
from symsched.data import Empirical, GaussianMixture
from symsched.kernels.random import normals
from symsched.montecarlo import simulate
from symsched.montecarlo.model import ETA
from symsched.montecarlo.program.averages import MEAN, PLACE, STD, loop_code, tabulated, written_out
from symsched.montecarlo.program.split import state_code
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import state, t, x

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
    numeric = sp.lambdify((t, *letters), written_out(InterpolantSDE(LINEAR, law), letters))
    for time in (0.1, 0.5, 0.8):
        for row in rng.normal(size=(4, law.dim)):
            exact = law.eta_x_at(1 - time, time, row if law.dim > 1 else row[0])
            np.testing.assert_allclose(np.ravel(numeric(time, *row)), np.ravel(exact), rtol=1e-12, atol=1e-14)


def test_one_exponential_for_each_component():
    letters = state(1)
    code = state_code(written_out(InterpolantSDE(LINEAR, LAWS["all different"]), letters), letters)
    shares = {a for _, e in code.temps for a in e.atoms(sp.Function) if type(a).__name__ == "Share"}
    assert len(shares) == 3


def endings(monkeypatch, law, scheme, unrolled, dtype="float64"):
    """States of a few paths, with laws of up to `unrolled` components times dimensions written out."""
    monkeypatch.setattr("symsched.montecarlo.program.averages.UNROLLED", unrolled)
    run = simulate(InterpolantSDE(LINEAR, law, eps=t / 2), 300, 4, scheme, keep_paths=300, dtype=dtype, start=0.1)
    assert ("def average" in run.job.table.steps.text) == (unrolled == 0)
    return run.paths[-1]


@pytest.mark.parametrize(
    ("name", "scheme"), [("one width", "euler"), slow("all different", "sra1"), slow("tilted", "euler")]
)
def test_a_loop_over_components_equals_the_written_out_form(monkeypatch, name, scheme):
    written = endings(monkeypatch, LAWS[name], scheme, 10**6)
    np.testing.assert_allclose(endings(monkeypatch, LAWS[name], scheme, 0), written, rtol=1e-10, atol=1e-12)


def euler_twin(law, run, paths, eps, field):
    """Literal Euler-Maruyama with a field η_X, on the normals of the run."""
    sde = InterpolantSDE(LINEAR, law, eps=eps)
    a, b, scale = (sp.lambdify(t, coefficient) for coefficient in (sde.A, sde.B, sde.eps))
    z = normals(0, 0, paths, len(run.grid) - 1, law.dim).transpose(0, 2, 1)
    x = run.paths[0].reshape(paths, law.dim)
    for n, (time, after) in enumerate(pairwise(run.grid)):
        h, eta = after - time, field(1 - time, time, x if law.dim > 1 else x[:, 0]).reshape(x.shape)
        x = x + h * (a(time) * x + b(time) * eta) + np.sqrt(2 * scale(time) * h) * z[n]
    return x


LARGE = {
    "thousands of points": Empirical(np.random.default_rng(1).normal(size=3000)),
    "points in 3 dimensions": Empirical(np.random.default_rng(2).normal(size=(1100, 3))),
    "50 tilted components": GaussianMixture(
        [sp.Rational(1, 50)] * 50,
        np.random.default_rng(4).normal(size=(50, 2)),
        [np.diag([0.1 + 0.01 * k, 0.3]) + 0.05 for k in range(50)],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", quick(["points in 3 dimensions"], LARGE))
def test_large_laws_follow_the_literal_twin(name):
    law, paths = LARGE[name], 40
    run = simulate(InterpolantSDE(LINEAR, law, eps=t / 2), paths, 12, keep_paths=paths, start=0.1)
    found = run.paths[-1].reshape(paths, law.dim)
    np.testing.assert_allclose(found, euler_twin(law, run, paths, t / 2, law.eta_x_at), rtol=1e-9, atol=1e-9)
    mean = np.asarray(law.expectation, float)
    flat = euler_twin(law, run, paths, t / 2, lambda _a, _b, x: np.broadcast_to(mean, x.shape))
    assert abs(found - flat).max() > 0.1


@pytest.mark.slow
def test_large_laws_in_float32_follow_the_literal_twin():
    law, paths = LARGE["points in 3 dimensions"], 40
    run = simulate(InterpolantSDE(LINEAR, law, eps=0), paths, 12, keep_paths=paths, start=0.1, dtype="float32")
    gaps = abs(run.paths[-1] - euler_twin(law, run, paths, sp.S.Zero, law.eta_x_at))
    assert np.median(gaps) < 1e-6
    assert gaps.max() < 1e-4


def test_a_large_law_is_the_same_for_any_threads_and_any_number_of_paths():
    sde = InterpolantSDE(LINEAR, LARGE["points in 3 dimensions"], eps=t / 2)
    one = simulate(sde, 1500, 3, keep_paths=1500, threads=1, start=0.1)
    two = simulate(sde, 2500, 3, keep_paths=1500, threads=2, start=0.1)
    assert np.array_equal(one.paths, two.paths)


@pytest.mark.slow
def test_a_large_law_exponential_scheme_and_point_mass_start():
    law, follmer = LARGE["thousands of points"], catalog.follmer()
    run = simulate(InterpolantSDE(follmer, law, kappa=1), 20_000, 60, "exponential")
    assert abs(run.mean[-1] - law.points.mean()) < 0.04
    assert abs(run.var[-1] - law.points.var()) < 0.1


@pytest.mark.slow
def test_two_stage_schemes_may_end_where_points_have_no_width():
    run = simulate(InterpolantSDE(LINEAR, LARGE["thousands of points"], eps=0), 200, 20, "heun", keep_paths=200)
    nearest = abs(run.paths[-1][:, None] - LARGE["thousands of points"].points).min(axis=1)
    assert np.median(nearest) < 0.01


def test_parts_are_computed_where_they_change():
    law = tabulated(InterpolantSDE(LINEAR, LARGE["50 tilted components"]))
    code = loop_code(law, sp.exp(t) * x + ETA, x)
    assert not any(expr.has(MEAN, STD, PLACE) for expr in code.table)
    assert not any(expr.has(t, PLACE) for expr in code.per_component.outputs)
