"""simulate: laws against exact ones, reproducibility, what a result holds."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sympy as sp
from scipy import stats
from slowness import slow

from symsched.data import Empirical, Gaussian, GaussianMixture
from symsched.errors import InputError
from symsched.montecarlo import Diffusion, simulate
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import state, t, x
from symsched.verdicts import (
    combine,
    covariance_p_value,
    gaussian_variance_p_value,
    ks_p_value,
    mean_p_value,
    sequential,
    variance_p_value,
)

LINEAR = Schedule(1 - t, t)
TRIG = Schedule(sp.cos(sp.pi * t / 2), sp.sin(sp.pi * t / 2))
BRIDGE = Schedule(sp.sqrt(t - t**2), t)
MIXTURE = GaussianMixture([0.5, 0.3, 0.2], [-1, 1, 2], [0.3, 0.3, 0.5])
SPIN = Diffusion(-(x**3) + sp.sin(3 * t), (1 + t) / 3, 0.2)


def same(one, other):
    return np.array_equal(one.totals.rows, other.totals.rows) and np.array_equal(one.totals.counts, other.totals.counts)


# -- reproducibility ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bits_do_not_depend_on_threads_or_executor(dtype, monkeypatch):
    arguments = {"paths": 9_000, "steps": 12, "seed": 5, "keep_paths": 7, "dtype": dtype}
    one = simulate(SPIN, threads=1, **arguments)
    monkeypatch.setattr("symsched.montecarlo.run.chunks.CHUNK_WORK", 1)
    with ThreadPoolExecutor(5) as pool:
        others = [simulate(SPIN, threads=3, **arguments), simulate(SPIN, executor=pool, **arguments)]
    for other in others:
        assert same(one, other)
        assert np.array_equal(one.paths, other.paths)


def test_more_paths_leave_the_first_ones_alone():
    few = simulate(SPIN, 300, 9, seed=8, keep_paths=300, dtype="float64")
    many = simulate(SPIN, 3000, 9, seed=8, keep_paths=3000)
    assert np.array_equal(few.paths, many.paths[:, :300])


def test_seeds_differ():
    a, b = (simulate(SPIN, 500, 9, seed=s, keep_paths=500).paths[-1] for s in (1, 2))
    assert np.abs(np.corrcoef(a, b)[0, 1]) < 0.25


def test_float32_is_close_to_its_own_rounding():
    """A noiseless drift in both precisions."""
    sde = Diffusion(-(x**3) + sp.sin(3 * t), 0, 0.7)
    a, b = (simulate(sde, 1, 50, dtype=d).mean[-1] for d in ("float64", "float32"))
    assert abs(a - b) < 50 * np.finfo(np.float32).eps


# -- what a result holds -----------------------------------------------------------------------------------------


def test_moments_are_those_of_the_paths():
    a, b = state(2)
    r = simulate(Diffusion((-a, a - b), 0.5, [1, 2]), 2500, 9, seed=8, keep_paths=2500, save=[0.2, 1])
    x_ = r.paths
    assert x_.shape == (2, 2500, 2)
    np.testing.assert_allclose(r.mean, x_.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(r.var, x_.var(axis=1, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(r.cov[1], np.cov(x_[1].T), rtol=1e-12)
    np.testing.assert_allclose(r.moments[3], stats.moment(x_, 3, axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(r.moments[4], stats.moment(x_, 4, axis=1), rtol=1e-11)
    assert (r.n_paths, r.partial, r.dim) == (2500, False, 2)
    q = [0, 0.01, 0.5, 0.99, 1]
    # Between the neighbouring order statistics, up to the width of a bin.
    low, high = (
        np.quantile(x_, np.clip(np.array(q) + shift / 2500, 0, 1), axis=1, method=method).transpose(1, 0, 2)
        for shift, method in ((-1, "lower"), (1, "higher"))
    )
    slack = 2.0**-10 * np.maximum(np.abs(low), np.abs(high))
    assert ((low - slack <= r.quantiles(q)) & (r.quantiles(q) <= high + slack)).all()


def test_quantiles_of_a_point_at_zero_are_zero():
    assert simulate(Diffusion(0 * x, 0.5, 0), 100, 4).quantiles([0, 0.3, 1])[0].tolist() == [0, 0, 0]


def test_saved_times_leave_the_grid_alone():
    r = simulate(SPIN, 10, 4, save=[1, 0.25, 0.3, 0.3])
    assert r.grid.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert r.times.tolist() == [0.25, 0.3, 1]


def test_defaults_are_the_first_and_the_last_time():
    assert simulate(SPIN, 10, 4).times.tolist() == [0, 1]
    assert simulate(SPIN, 10, 4, start=0.5).times.tolist() == [0.5, 1]


def test_memory_does_not_grow_with_the_paths():
    few, many = (simulate(SPIN, n, 2) for n in (10, 300_000))
    assert few.totals.rows.nbytes == many.totals.rows.nbytes
    assert few.job.table.steps.S.nbytes == many.job.table.steps.S.nbytes


# -- laws --------------------------------------------------------------------------------------------------------

GAUSSIAN_CASES = [
    (LINEAR, {"kappa": 0}), (LINEAR, {"kappa": 1}), (TRIG, {"eps": t}), (BRIDGE, {"kappa": 1}), (BRIDGE, {"kappa": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "scale"), GAUSSIAN_CASES)
def test_the_exponential_scheme_has_the_exact_marginals(schedule, scale):
    """C1 for Gaussian data: mean, variance and law at three times, with any scale, from three steps."""
    mean, std, times = 0.8, 0.5, [0.4, 0.7, 1]
    sde = InterpolantSDE(schedule, Gaussian(mean, std), **scale)

    def test(size, seed, factor=1.0):
        r = simulate(sde, size, 3, "exponential", seed=seed, save=times)
        found = []
        for k, (alpha, beta) in enumerate(zip(*schedule.at(r.times)[:2], strict=True)):
            m, v = beta * mean, (alpha**2 + beta**2 * std**2) * factor
            found += [mean_p_value(r, m, k), gaussian_variance_p_value(r, v, k)]
            found.append(ks_p_value(r, stats.norm(m, math.sqrt(v)).cdf, k))
        return combine(found)

    assert sequential(test)
    assert not sequential(lambda size, seed: test(size, seed, 1.1)), "the sabotaged twin must be rejected"


def test_lazy_steps_are_exact_in_one_step():
    """C11: the bridge schedule with κ = 1 and N(0, 1) data has no drift, and one step gives the law of the data."""
    sde = InterpolantSDE(BRIDGE, Gaussian(0, 1), kappa=1)

    def test(size, seed, v=1.0):
        r = simulate(sde, size, 1, "lazy", seed=seed)
        return combine([gaussian_variance_p_value(r, v), ks_p_value(r, stats.norm(0, math.sqrt(v)).cdf)])

    assert sequential(test)
    assert not sequential(lambda size, seed: test(size, seed, 1.1)), "the sabotaged twin must be rejected"


def test_full_covariance():
    cov = np.array([[1.0, 0.6, 0], [0.6, 0.8, 0.1], [0, 0.1, 0.3]])
    sde = InterpolantSDE(TRIG, Gaussian([1, 0, -1], cov), eps=0.4)

    def test(size, seed, wanted=cov):
        r = simulate(sde, size, 4, "exponential", seed=seed)
        means = [mean_p_value(r, m, -1, i) for i, m in enumerate([1, 0, -1])]
        return combine([covariance_p_value(r, wanted), *means])

    assert sequential(test)
    assert not sequential(lambda size, seed: test(size, seed, np.diag(np.diag(cov)))), "must be rejected"


def start_p_value(r, moments_, cdf):
    mean, var = moments_
    return combine([mean_p_value(r, mean, 0), variance_p_value(r, var, 0), ks_p_value(r, cdf, 0)])


def mixture_cdf(alpha, beta):
    parts = [(0.5, -1, 0.3), (0.3, 1, 0.3), (0.2, 2, 0.5)]
    return lambda v: sum(w * stats.norm(beta * m, np.hypot(alpha, beta * s)).cdf(v) for w, m, s in parts)


def test_the_start_is_sampled_exactly():
    sde = InterpolantSDE(LINEAR, MIXTURE, eps=0.1)

    def test(size, seed, time=0.6):
        r = simulate(sde, size, 1, seed=seed, start=0.6)
        return start_p_value(r, [float(v) for v in MIXTURE.moments(1 - time, time)], mixture_cdf(1 - time, time))

    assert sequential(test)
    assert not sequential(lambda size, seed: test(size, seed, 0.55)), "the sabotaged twin must be rejected"


def test_empirical_points_are_drawn_with_their_frequencies():
    sde = InterpolantSDE(LINEAR, Empirical([-1.0, 1.0, 2.0, 2.0]), eps=0.1)
    r = simulate(sde, 40_000, 1, start=0.9, seed=2)
    assert mean_p_value(r, 0.9, 0) > 1e-6
    assert mean_p_value(r, 0.9 * 2 / 3, 0) < 1e-6


def test_a_point_mass_starts_at_exactly_zero_and_moves_by_its_limit_drift():
    """C12: for the bridge with κ = 1 the drift at (0, 0) is E X, and ε = ½."""
    r = simulate(InterpolantSDE(BRIDGE, MIXTURE, kappa=1), 200, 100, keep_paths=200, save=[0, 0.01], seed=4)
    assert (r.paths[0] == 0).all()
    from symsched.kernels.random import normals

    expected = 0.01 * 0.2 + math.sqrt(0.01) * normals(4, 0, 200, 1)[0, 0]
    np.testing.assert_allclose(r.paths[1], expected, rtol=1e-12)


def test_a_divergent_scale_starts_at_the_first_later_time():
    r = simulate(InterpolantSDE(LINEAR, MIXTURE, kappa=1), 100, 10)
    assert r.times[0] == pytest.approx(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("law", [MIXTURE, GaussianMixture([0.4, 0.6], [[-1, 0], [1, 0.5]], [0.3, 0.2])])
def test_mixture_marginals_up_to_the_bias_that_halving_the_step_shows(law):
    """C1 for mixtures: E X² at t = 1, with the bias removed by Richardson's rule on coupled grids.

    Heun has weak order 2 here, so 4/3 f(h/2) − 1/3 f(h) leaves a bias of order h³: below 10⁻⁴ at h = 1/128.
    """
    from symsched.montecarlo import System, couple
    from symsched.verdicts import difference_p_value

    sde = InterpolantSDE(LINEAR, law, eps=0.2)
    mean, cov = law.moments(0.0, 1.0)
    exact = float(np.sum(np.square(np.asarray(mean, float))) + np.trace(np.atleast_2d(np.asarray(cov, float))))

    def test(size, seed, factor=1.0):
        c = couple(System(sde, 128, "heun"), System(sde, 256, "heun"), paths=size, seed=seed, save=[1])
        coarse, fine = (np.square(s[0].reshape(size, -1)).sum(axis=1) for s in c.states)
        return difference_p_value(4 * fine / 3 - coarse / 3, exact * factor)

    assert sequential(test, size=4000, growth=2)
    assert not sequential(lambda size, seed: test(size, seed, 1.2), size=4000, growth=2), "must be rejected"


@pytest.mark.parametrize("scheme", ["euler", "lazy", slow("heun"), slow("sra1")])
@pytest.mark.parametrize(
    "data", [Gaussian(0, 1), GaussianMixture([0.5, 0.5], [-1, 1], [0.3, 0.3]), slow(Empirical([0, 1]))]
)
def test_without_noise_nothing_leaves_a_point(scheme, data):
    """All paths would be one: variance 0 for any number of steps, where 1 is right (theory C19)."""
    sde = InterpolantSDE(Schedule(sp.sqrt(t * (1 - t)), t), data)
    with pytest.raises(InputError, match="without noise all of them would be the same one"):
        simulate(sde, 10, 20, scheme)
    later = simulate(sde, 4000, 400, scheme, start=0.1)
    assert abs(later.var[-1] - float(data.covariance)) < 0.1
    drawn = simulate(sde, 4000, 100, "exponential")
    assert abs(drawn.var[-1] - float(data.covariance)) < 0.1


def test_sums_beyond_the_floats_are_refused():
    with pytest.raises(InputError, match=r"variance at t = .* is beyond the floats"):
        simulate(Diffusion(x, 0, np.array([[1e200], [-1e200]])), 100, 4)
