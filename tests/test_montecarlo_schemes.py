"""Each scheme against its literal twin on the same normals, and its order measured on coupled grids."""

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy as sp
from slowness import slow

from symsched.data import Gaussian, GaussianMixture
from symsched.errors import InputError
from symsched.kernels.random import AREA, normals
from symsched.montecarlo import Diffusion, System, couple, simulate
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import state, t, x
from symsched.verdicts import fit_order

LINEAR = Schedule(1 - t, t)
MIXTURE = GaussianMixture([0.5, 0.3, 0.2], [-1, 1, 2], [0.3, 0.3, 0.5])


# -- the literal twins: one path, one step at a time -------------------------------------------------------------


def euler(f, eps, u, v, x, z, _):
    return x + (v - u) * f(u, x) + math.sqrt(2 * eps(u) * (v - u)) * z


def heun(f, eps, u, v, x, z, _):
    h, noise = v - u, math.sqrt(2 * eps(u) * (v - u)) * z
    guess = x + h * f(u, x) + noise
    return x + h / 2 * (f(u, x) + f(v, guess)) + noise


def sra1(f, eps, u, v, x, z, y):
    """Rößler's SRA1: c0 = (0, 3/4), a0 = 3/4, b0 = 3/2, c1 = (1, 0), α = (1/3, 2/3), β1 = (1, 0), β2 = (−1, 1)."""
    h = v - u
    dw = math.sqrt(h) * z
    mean_w = math.sqrt(h) / 2 * (z + y / math.sqrt(3))
    g = (math.sqrt(2 * eps(v)), math.sqrt(2 * eps(u)))
    first = f(u, x)
    second = f(u + 0.75 * h, x + 0.75 * h * first + 1.5 * g[0] * mean_w)
    return x + h / 3 * first + 2 * h / 3 * second + (dw - mean_w) * g[0] + mean_w * g[1]


def twin(step, drift, eps, grid, start, seed, path):
    """The path that `simulate` must give: the same addresses, plain Python."""
    f, scale = sp.lambdify((t, x), drift, "math"), sp.lambdify(t, eps, "math")
    z = normals(seed, 0, path + 1, len(grid) - 1)[:, 0, path]
    y = normals(seed, 0, path + 1, len(grid) - 1, 1, AREA)[:, 0, path]
    points = [start]
    for n in range(len(grid) - 1):
        points.append(step(f, scale, grid[n], grid[n + 1], points[-1], z[n], y[n]))
    return points


RIGHT_HAND_SIDES = {
    "affine": (sp.sin(3 * t) - (1 + t) * x, (1 + t**2) / 3),
    "nonlinear": (-(x**3) + sp.exp(-t) * sp.sin(2 * x) + x / (1 + t), sp.exp(-t) / 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", RIGHT_HAND_SIDES)
@pytest.mark.parametrize("scheme", [euler, heun, sra1])
def test_scheme_equals_its_literal_twin(scheme, kind):
    drift, eps = RIGHT_HAND_SIDES[kind]
    grid = np.array([0, 0.1, 0.25, 0.3, 0.55, 0.8, 0.9, 1.0])
    found = simulate(
        Diffusion(drift, eps, 0.7), 300, scheme=scheme.__name__, grid=grid, save=grid, keep_paths=300, seed=3
    )
    for path in (0, 1, 299):
        expected = twin(scheme, drift, eps, grid, 0.7, 3, path)
        np.testing.assert_allclose(found.paths[:, path], expected, rtol=1e-12, atol=1e-14)
    wrong = twin(scheme, -drift, eps, grid, 0.7, 3, 0)
    assert np.abs(found.paths[:, 0] - wrong).max() > 1e-3, "the sabotaged twin must differ"


def test_lazy_equals_its_literal_twin():
    drift, eps = -(x**3), t**2
    grid = np.array([0, 0.2, 0.5, 1.0])
    found = simulate(Diffusion(drift, eps, 0.7), 8, scheme="lazy", grid=grid, save=grid, keep_paths=8, seed=3).paths
    z = normals(3, 0, 8, 3)[:, 0]
    states = [np.full(8, 0.7)]
    for n, (u, v) in enumerate(pairwise(grid)):
        states.append(states[-1] - (v - u) * states[-1] ** 3 + np.sqrt(2 * (v**3 - u**3) / 3) * z[n])
    np.testing.assert_allclose(found, states, rtol=1e-12)


def test_exponential_equals_its_literal_twin_with_the_data_prediction_frozen():
    sde = InterpolantSDE(LINEAR, MIXTURE, kappa=1)
    grid = np.array([0.1, 0.3, 0.5, 0.9])
    found = simulate(sde, 50, scheme="exponential", grid=grid, save=grid, keep_paths=50, seed=3).paths
    z = normals(3, 0, 50, 3)[:, 0]
    eta = sp.lambdify((t, x), MIXTURE.eta_x(LINEAR), "numpy")
    for n, (u, v) in enumerate(pairwise(grid)):
        phi = (1 - v) / (1 - u) * (u / (1 - u) * (1 - v) / v)
        step = phi * found[n] + (v - phi * u) * eta(u, found[n]) + np.sqrt((1 - v) ** 2 - (phi * (1 - u)) ** 2) * z[n]
        np.testing.assert_allclose(found[n + 1], step, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("scheme", ["euler", "heun", slow("sra1"), "exponential"])
def test_two_dimensions_are_two_of_one_when_they_do_not_touch(scheme):
    a, b = state(2)
    drifts = (-a / (1 + t), sp.sin(t) - 2 * b)
    plane = simulate(Diffusion(drifts, t / 2, [1, 2]), 400, 20, scheme, seed=2, keep_paths=400, save=[0.5, 1])
    line = simulate(Diffusion(-x / (1 + t), t / 2, 1), 400, 20, scheme, seed=2, keep_paths=400, save=[0.5, 1])
    np.testing.assert_allclose(plane.paths[..., 0], line.paths, rtol=1e-12)
    assert abs(np.corrcoef(plane.paths[1].T)[0, 1]) < 0.3


def test_coupled_coordinates():
    a, b = state(2)
    grid = np.linspace(0, 1, 5)
    found = simulate(Diffusion((b, -sp.sin(a) - b), 0.3, [1, 0]), 64, scheme="euler", grid=grid, keep_paths=64, seed=9)
    z, s = normals(9, 0, 64, 4, 2), np.array([[1.0], [0.0]]) * np.ones(64)
    for n in range(4):
        s = s + 0.25 * np.array([s[1], -np.sin(s[0]) - s[1]]) + math.sqrt(0.15) * z[n]
    np.testing.assert_allclose(found.paths[-1].T, s, rtol=1e-12)


# -- orders ------------------------------------------------------------------------------------------------------

# Strong errors by coupling with the same scheme at twice the steps: E|X_h − X_{h/2}| has the order of the scheme,
# and there is no reference solution with an error of its own.
NOISY = Diffusion(sp.sin(2 * x) - x + sp.cos(3 * t), 1 + t, 0.5)
SMOOTH = Diffusion(sp.sin(2 * x) - x + sp.cos(3 * t), 0, [[0.1], [0.5], [1.1]])


def measured_order(sde, scheme, levels, paths):
    steps = [2**k for k in levels]
    systems = [System(sde, n, scheme) for n in [*steps, 2 * steps[-1]]]
    c = couple(*systems, paths=paths, seed=6, save=[0.25, 0.5, 0.75, 1])
    errors = [c.strong_error(k, k + 1) for k in range(len(steps))]
    return fit_order([1 / n for n in steps], *zip(*errors, strict=True))


@pytest.mark.parametrize(
    ("scheme", "sde", "order", "levels", "paths"),
    [
        ("euler", NOISY, 1.0, range(5, 10), 3000),
        ("lazy", NOISY, 1.0, range(5, 10), 3000),
        ("heun", NOISY, 1.0, range(5, 10), 3000),
        ("sra1", NOISY, 1.5, range(5, 10), 3000),
        ("heun", SMOOTH, 2.0, range(6, 11), 300),
        ("euler", SMOOTH, 1.0, range(6, 11), 300),
    ],
)
def test_strong_order(scheme, sde, order, levels, paths):
    """Slopes carry a term of the next order: with the finest h = 2^-9 and constants of order one, below 0.1."""
    fit = measured_order(sde, scheme, levels, paths)
    assert fit.agrees(order, curvature=0.1), fit
    assert not fit.agrees(order + 0.5, curvature=0.1), fit


def test_exponential_has_strong_order_one_on_a_mixture():
    sde = InterpolantSDE(LINEAR, MIXTURE, eps=0.3)
    steps = [32, 64, 128, 256]
    grids = [np.linspace(0.05, 0.9, n + 1) for n in [*steps, 512]]
    c = couple(*(System(sde, scheme="exponential", grid=g) for g in grids), paths=3000, seed=6)
    errors = [c.strong_error(k, k + 1) for k in range(len(steps))]
    fit = fit_order([1 / n for n in steps], *zip(*errors, strict=True))
    assert fit.agrees(1, curvature=0.1), fit


def test_exponential_is_exact_for_gaussian_data_on_any_grid():
    """Coupled grids of 1, 3 and 40 steps agree to rounding, path by path."""
    for scale in ({"kappa": 1}, {"kappa": sp.Rational(1, 3)}, {"eps": sp.Rational(1, 5) + t}):
        sde = InterpolantSDE(Schedule(sp.cos(sp.pi * t / 2), sp.sin(sp.pi * t / 2)), Gaussian(1, 0.5), **scale)
        systems = [System(sde, n, "exponential") for n in (1, 3, 40)]
        c = couple(*systems, paths=500, save=[0, 1])
        assert c.strong_error(0, 2)[0] < 1e-12
        assert c.strong_error(1, 2)[0] < 1e-12
        assert np.ptp(c.states[0][1]) > 1


def test_exponential_flow_of_any_affine_drift():
    """Ornstein–Uhlenbeck with a forcing: one step against the closed form."""
    found = simulate(Diffusion(3 - 2 * x, 0.5, 1), 5, 1, "exponential", keep_paths=5, seed=1).paths[-1]
    z = normals(1, 0, 5, 1)[0, 0]
    exact = math.exp(-2) + 1.5 * (1 - math.exp(-2)) + math.sqrt((1 - math.exp(-4)) / 4) * z
    np.testing.assert_allclose(found, exact, rtol=1e-13)


@pytest.mark.parametrize(
    ("drift", "start", "kept", "variance", "rtol"),
    [
        (x / (4 * t), 2.0**-20, 32, 2 * (1 - 2.0**-10), 1e-12),
        (-x / (2 * sp.sqrt(t)), 0, math.exp(-1), (1 + math.exp(-2)) / 2, 1e-7),  # infinite at 0, and integrable
        (1000 - 1000 * x, 0, 0, 1 / 2000, 1e-12),
    ],
)
def test_one_step_is_exact_however_the_drift_varies(drift, start, kept, variance, rtol):
    """P = e^∫a and u² = ∫ e^2∫ₛa ds in closed form, by hand: one Gauss rule over the step is 1e-3 to 10 off."""
    rest = 1 if drift.subs(x, 0) else 0
    found = simulate(Diffusion(drift, 0.5, 1), 5, scheme="exponential", grid=[start, 1], keep_paths=5, seed=1).paths[-1]
    exact = kept + rest + math.sqrt(variance) * normals(1, 0, 5, 1)[0, 0]
    np.testing.assert_allclose(found, exact, rtol=rtol)


@pytest.mark.parametrize("drift", [x / (4 * t), -x / (1 - t), -x / (2 * sp.sqrt(1 - t))])
def test_a_drift_too_steep_for_an_exact_step_is_refused(drift):
    with pytest.raises(InputError, match=r"finds no exact step at t = .*; use start or grid"):
        simulate(Diffusion(drift, 0.5, 1), 5, scheme="exponential", grid=[0, 0.5, 1])
