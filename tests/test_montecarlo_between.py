"""Saved times inside steps: the paths do not change, and what is saved has the law of the Brownian motion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import stats
from slowness import slow

from symsched.data import Empirical, Gaussian
from symsched.errors import InputError
from symsched.kernels.random import BROWNIAN, normals, step_normals
from symsched.montecarlo import Diffusion, simulate
from symsched.montecarlo.arguments import make_grid, snapped
from symsched.montecarlo.tables.between import _conditional
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import t, x
from symsched.verdicts import combine, covariance_p_value, gaussian_variance_p_value, sequential

NOISY = Diffusion(sp.sin(2 * x) - x + sp.cos(3 * t), 1 + t, 0.5)
LINEAR, BRIDGE = Schedule(1 - t, t), Schedule(sp.sqrt(t - t**2), t)
PLANE = Gaussian([1, -1], [[1.0, 0.6], [0.6, 0.8]])
SDES = {
    "euler": NOISY, "lazy": NOISY, "heun": NOISY, "sra1": NOISY,
    "exponential": InterpolantSDE(BRIDGE, PLANE, kappa=1),
    "affine": InterpolantSDE(LINEAR, PLANE, eps=0.3),
    "points": InterpolantSDE(BRIDGE, Empirical([-1.0, 0.5, 2.0]), kappa=1),
}  # fmt: skip
SCHEMES = {"affine": "heun", "points": "exponential"}


@pytest.mark.parametrize("dtype", ["float64", slow("float32")])
@pytest.mark.parametrize("name", SDES)
def test_saved_times_do_not_change_the_paths(name: str, dtype: str) -> None:
    """Bit for bit, with times inside the first, the last and one same step, and with the grid in float32."""

    def run(save: Any) -> Any:
        scheme = SCHEMES.get(name, name)
        return simulate(SDES[name], 300, 10, scheme, seed=3, save=save, keep_paths=300, dtype=dtype)

    plain = run(np.linspace(0, 1, 11))
    single = run(np.linspace(0, 1, 11, dtype=np.float32))
    more = run([*np.linspace(0, 1, 11), 0.01, 0.5004, 0.57, 0.99])
    assert plain.grid.tolist() == single.grid.tolist() == more.grid.tolist()
    assert np.array_equal(plain.paths, single.paths)
    assert np.array_equal(plain.paths, more.paths[np.isin(more.times, plain.times)])
    alone = run([0.5004])
    assert np.array_equal(alone.paths[0], more.paths[more.times == 0.5004][0])
    other = simulate(SDES[name], 300, 10, SCHEMES.get(name, name), seed=4, save=[0.5004], keep_paths=300, dtype=dtype)
    assert not np.array_equal(alone.paths, other.paths)


@pytest.mark.parametrize("scheme", ["euler", "sra1", "lazy"])
def test_without_drift_it_is_one_brownian_motion(scheme: str) -> None:
    """Cov(W_s, W_t) = min(s, t) for times of which several lie in one step; twins: independent steps, another clock."""
    times = np.array([0.1, 0.25, 0.3, 0.5, 0.6, 0.9, 1.0])
    r = simulate(Diffusion(0, sp.Rational(1, 2), 0), 40_000, 2, scheme, seed=5, save=times, keep_paths=40_000)
    found = np.cov(r.paths)
    exact = np.minimum.outer(times, times)
    spread = np.sqrt((np.outer(times, times) + exact**2) / 40_000)
    assert (np.abs(found - exact) < 5 * spread).all()
    for wrong in (np.minimum.outer(times, times) * (times != 0.3), np.minimum.outer(times**2, times**2)):
        assert not (np.abs(found - wrong) < 5 * spread).all()


def _by_quadrature(clock: np.ndarray) -> np.ndarray:
    """Covariance of (B(s), ∫₀^s B) for s in clock and 1, by sums over a grid."""
    fine = (np.arange(2000) + 0.5) / 2000
    steps = [fine < s for s in (*clock, 1.0)]  # B(s) = Σ dW over the steps before s
    rows = [np.where(on, 1.0, 0) for on in steps] + [
        np.where(on, s - fine, 0) for on, s in zip(steps, (*clock, 1), strict=True)
    ]
    return np.array(rows) @ np.array(rows).T / 2000


def test_the_normals_of_shorter_steps_have_the_covariance_of_brownian_integrals() -> None:
    clock = np.array([0.2, 0.55, 0.9])
    gain, root = _conditional(clock, area=True)
    ours = gain @ gain.T + root @ root.T
    cov, ends = _by_quadrature(clock), np.append(clock, 1.0)
    place, area = np.diag(ends**-0.5), np.diag(2 * np.sqrt(3) * ends**-1.5)
    make = np.block([[place, 0 * place], [-np.sqrt(3) * place, area]])
    normal, free, given = make @ cov @ make.T, [0, 4, 1, 5, 2, 6], [3, 7]
    assert np.allclose(ours, normal[np.ix_(free, free)], atol=5e-3)
    assert np.allclose(gain, normal[np.ix_(free, given)], atol=5e-3)
    assert not np.allclose(gain[::-1], normal[np.ix_(free, given)], atol=5e-3)


def test_exact_schemes_have_the_exact_law_inside_their_steps() -> None:
    """Two steps, several times: the covariance of I_t for correlated data, whatever the start."""
    times = [0.2, 0.7, 0.9]

    def test(size: int, seed: int, factor: float = 1.0) -> float:
        r = simulate(SDES["exponential"], size, 2, "exponential", seed=seed, save=times)
        found = []
        for k, time in enumerate(times):
            cov = (time - time**2) * np.eye(2) + time**2 * np.asarray(PLANE.covariance) * factor
            found.append(covariance_p_value(r, cov, k))
        return combine(found)

    assert sequential(test)
    assert not sequential(lambda size, seed: test(size, seed, 1.15)), "the sabotaged twin must be rejected"


def test_a_lazy_step_is_exact_inside_too() -> None:
    sde = InterpolantSDE(BRIDGE, Gaussian(0, 1), kappa=1)

    def test(size: int, seed: int, v: float = 0.3) -> float:
        return gaussian_variance_p_value(simulate(sde, size, 1, "lazy", seed=seed, save=[0.3]), v)

    assert sequential(test)
    assert not sequential(lambda size, seed: test(size, seed, 0.33)), "the sabotaged twin must be rejected"


def test_inside_a_step_the_scheme_converges_as_it_does_at_its_ends() -> None:
    """The noiseless logistic equation at 0.333: Heun's error goes down by 4 where the step is halved."""
    sde, truth = Diffusion(x * (1 - x), 0, 0.1), 1 / (1 + 9 * np.exp(-0.333))
    errors = [abs(simulate(sde, 1, n, "heun", save=[0.333]).mean[0] - truth) for n in (10, 20, 40)]
    assert errors[2] < errors[0] / 8


def test_step_normals_are_those_of_the_run() -> None:
    table = normals(7, 100, 300, 9, 2)
    for step in (0, 3, 8):
        assert np.array_equal(step_normals(7, 100, 300, step, 2, "float64", BROWNIAN), table[step])


@pytest.mark.parametrize("count", [3, 10, 333, 1000, 4096])
def test_grids_in_float32_are_recognised(count: int) -> None:
    grid = np.linspace(0, 1, count + 1)
    for given in (
        np.linspace(0, 1, count + 1, dtype=np.float32),
        grid.astype(np.float32)[::-1],
        np.cumsum(np.full(count, 1 / count)),
    ):
        times, saved = make_grid(count, None, None, np.clip(given, 0, 1))
        assert np.isin(saved, times).all()


def test_a_time_that_is_another_is_left_alone() -> None:
    grid = np.array([0, 1e-13, 0.1, 0.1 + 1e-9, 0.5, 1])
    for time in (5e-14, 2e-13, 0.1 + 5e-10, float(np.float32(0.1)), 0.5 + 1e-7, 0.5 - 1e-11):
        assert snapped(np.array([time]), grid)[0] == time
    assert snapped(np.array([0.5 + 1e-16, np.float32(1e-13), 0.1]), grid).tolist() == [0.5, 1e-13, 0.1]


def test_ks_of_one_time_inside() -> None:
    """Euler from a point: X_s is N(x + s f, 2 ε s) exactly, for s inside the first step."""
    r = simulate(Diffusion(3 - 2 * x, 0.5, 1), 20_000, 2, save=[0.2], keep_paths=20_000, seed=1)
    assert stats.kstest(r.paths[0], stats.norm(1.2, np.sqrt(0.2)).cdf).pvalue > 1e-6
    assert stats.kstest(r.paths[0], stats.norm(1.2, np.sqrt(0.5)).cdf).pvalue < 1e-6


def test_a_time_before_the_first_state_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"infinite at t = 0, so paths begin at 0.1, after the saved time 0.05; .*start=0.05"
    ):
        simulate(InterpolantSDE(LINEAR, Gaussian(0, 1), kappa=1), 10, 10, save=[0.05, 1])
