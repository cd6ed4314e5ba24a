"""A path carried to another scale by its own noise (theory C26): sampled paths, and systems on one Brownian motion."""

import numpy as np
import pytest
from scipy import stats
from slowness import slow

import symsched as ss
from symsched.sde.driving import driven, read
from symsched.symbols import t

LINEAR, VP = ss.schedules.linear(), ss.schedules.vp()
STD, SIZE = 0.7, 8_000
LAW = ss.Gaussian(0, 0.7)
MIXTURE = ss.GaussianMixture([0.3, 0.7], [-1.2, 0.8], [0.3, 0.5])
CONV = ss.convert(LINEAR, VP)
FIRST, LAST = 0.1, 0.9


def grids(steps):
    """Equal times in VP, and the source times τ there."""
    times = np.linspace(FIRST, LAST, steps + 1)
    return CONV.at(times)[0], times


def gaussian_paths(times, kappa, seed=0):
    """Exact paths of the linear schedule for N(0, STD²): the slope (V̇/2 − κε*)/V is that of √V h^(−κ/2), h = β²/V."""
    rng = np.random.default_rng(seed)
    V = (1 - times) ** 2 + STD**2 * times**2
    keep = np.sqrt(V[1:] / V[:-1]) * ((times[:-1] ** 2 / V[:-1]) / (times[1:] ** 2 / V[1:])) ** (kappa / 2)
    states = [np.sqrt(V[0]) * rng.standard_normal(SIZE)]
    for factor, spread in zip(keep, np.sqrt(V[1:] - keep**2 * V[:-1]), strict=True):
        states.append(factor * states[-1] + spread * rng.standard_normal(SIZE))
    return np.array(states)


def expected(kappa, other):
    """R∞ + (1 − R∞)(h₀/h)^((κ+κ')/2)."""
    (_, first), (_, last) = ((None, np.sin(np.pi * time / 2) ** 2) for time in (FIRST, LAST))
    share = first / (1 - first + STD**2 * first) / (last / (1 - last + STD**2 * last))
    limit = 2 * np.sqrt(kappa * other) / (kappa + other)
    return limit + (1 - limit) * share ** ((kappa + other) / 2)


def carried(paths, times, kappa, other, factor=1, law=LAW):
    scales = {"eps_from": factor * kappa * LINEAR.eps_star, "eps_to": other * VP.eps_star}
    return CONV.path(times, paths, **scales, data=law)[1]


@pytest.mark.slow
@pytest.mark.parametrize(("kappa", "other"), [(1, 0.25), slow(0.5, 2)])
def test_the_correlation_on_gaussian_data_is_that_of_c26(kappa, other):
    source, _ = grids(64)
    paths = gaussian_paths(source, kappa)
    made = carried(paths, source, kappa, other)
    V = np.cos(np.pi * LAST / 2) ** 2 + STD**2 * np.sin(np.pi * LAST / 2) ** 2
    assert made[-1].var() / V == pytest.approx(1, abs=0.07)
    found, right = np.corrcoef(made[-1], paths[-1])[0, 1], expected(kappa, other)
    assert found == pytest.approx(right, abs=0.02)
    limit = 2 * np.sqrt(kappa * other) / (kappa + other)
    assert abs(right - limit) < 0.05  # the start is all but forgotten
    assert abs(found - limit**2) > 0.05, "the harmonic mean over the arithmetic one must be noticed"
    wrong = carried(paths, source, kappa, other, factor=2)
    assert abs(wrong[-1].var() / V - 1) > 0.15, "a scale twice as large must be noticed"


def test_the_noise_read_is_white():
    """Standard normals, independent from step to step; with half the scale their variance would be 2."""

    source, _ = grids(64)
    paths = gaussian_paths(source, 1)
    noise = read(ss.InterpolantSDE(LINEAR, LAW, kappa=1), source, paths)
    assert noise.shape == (64, SIZE)
    assert noise.var(axis=1) == pytest.approx(np.ones(64), abs=0.1)
    assert np.abs((noise[1:] * noise[:-1]).mean(axis=1)).max() < 0.06


@pytest.mark.parametrize("law", [LAW, MIXTURE, ss.GaussianMixture([0.5, 0.5], [[1, 0], [0, -1]], [0.3, 0.4])])
def test_the_way_back_gives_back_the_paths(law):
    source, _ = grids(24)
    shape = (25, 40) if law.dim == 1 else (25, 40, law.dim)
    paths = np.random.default_rng(0).standard_normal(shape).cumsum(axis=0) / 5
    scales = {"eps_from": LINEAR.eps_star, "eps_to": VP.eps_star / 4}
    times, made = CONV.path(source, paths, **scales, data=law)
    assert made.shape == shape
    turned = {"eps_from": scales["eps_to"], "eps_to": scales["eps_from"]}
    again_times, again = CONV.inverse().path(times, made, **turned, data=law)
    np.testing.assert_allclose(again, paths, atol=1e-12)
    np.testing.assert_allclose(again_times, source, atol=1e-14)


@pytest.mark.slow
def test_with_the_scale_of_c3_it_is_the_pointwise_map_to_first_order():
    def gap(steps, eps_to):
        source, _ = grids(64)
        every = slice(None, None, 64 // steps)
        times, paths = source[every], gaussian_paths(source, 1)[every, :200]
        made = CONV.path(times, paths, eps_from=LINEAR.eps_star, eps_to=eps_to, data=MIXTURE)[1]
        return np.sqrt(((made - CONV.path(times, paths)[1])[-1] ** 2).mean())

    right = CONV.eps(LINEAR.eps_star)
    errors = [gap(steps, right) for steps in (16, 32, 64)]
    assert errors[0] > 1.5 * errors[1] > 2.25 * errors[2]
    assert gap(64, 2 * right) > 8 * errors[2], "another scale must not pass for it"


@pytest.mark.slow
def test_a_mixture_reaches_its_own_law_at_another_scale():
    """Started from the exact law; κ = 1 → ¼.  The twin reads the noise of another data law."""

    source, _ = grids(64)
    rng, size = np.random.default_rng(1), 3000
    a, b = 1 - source[0], source[0]
    start = a * rng.standard_normal(size) + b * MIXTURE.sample(size, 2)
    paths = driven(ss.InterpolantSDE(LINEAR, MIXTURE, kappa=1), source, start, rng.standard_normal((64, size)))
    a, b = np.cos(np.pi * LAST / 2), np.sin(np.pi * LAST / 2)

    def p_value(law):
        parts = [(0.3, -1.2, 0.3), (0.7, 0.8, 0.5)]
        made = carried(paths, source, 1, 0.25, law=law)[-1]
        cdf = lambda x: sum(w * stats.norm.cdf(x, b * m, np.hypot(a, b * s)) for w, m, s in parts)  # noqa: E731
        return stats.kstest(made, cdf).pvalue

    assert p_value(MIXTURE) > 1e-4
    assert p_value(ss.Gaussian(0.2, 1)) < 1e-6


def test_the_same_scale_in_one_schedule_is_no_change():
    source, _ = grids(24)
    paths = gaussian_paths(source, 1)[:, :50]
    same = ss.convert(LINEAR, LINEAR).path(
        source, paths, eps_from=LINEAR.eps_star, eps_to=LINEAR.eps_star, data=MIXTURE
    )
    np.testing.assert_allclose(same[1], paths, atol=1e-12)


TIMES = np.linspace(0.1, 0.9, 9)


@pytest.mark.parametrize(
    ("times", "shape", "given", "match"),
    [
        (TIMES, (9, 5), {"eps_from": 1}, "eps_to and data missing"),
        (TIMES, (9, 5), {"eps_from": 0, "eps_to": 1, "data": LAW}, "no.* noise|without noise"),
        (TIMES, (9, 5), {"eps_from": -1, "eps_to": 1, "data": LAW}, "negative"),
        (TIMES, (9, 5), {"eps_from": 1, "eps_to": -t, "data": LAW}, "negative"),
        (TIMES, (9, 5), {"eps_from": 1, "eps_to": 1, "data": 3}, "should be a data law"),
        (TIMES[::-1], (9, 5), {"eps_from": 1, "eps_to": 1, "data": LAW}, "increase strictly"),
        (TIMES, (5, 9), {"eps_from": 1, "eps_to": 1, "data": LAW}, "time axis leads"),
        (TIMES, (9, 5), {"eps_from": 1, "eps_to": 1, "data": ss.Gaussian([0, 0], 1)}, "last axis to be 2"),
        (np.linspace(0, 1, 9), (9, 5), {"eps_from": 1, "eps_to": 1, "data": LAW}, "^$"),
        ([0, 0.5, 1], (3, 5), {"eps_from": LINEAR.eps_star, "eps_to": 1, "data": LAW}, "diverges at t = 0"),
        ([0.001, 0.5, 0.9], (3, 5), {"eps_from": 1, "eps_to": 9 * VP.eps_star, "data": LAW}, "too long for the drift"),
    ],
)
def test_bad_input_gets_one_line(times, shape, given, match):
    paths = np.random.default_rng(0).standard_normal(shape)
    if match == "^$":  # finite scales are finite at both ends: nothing is wrong
        assert np.isfinite(CONV.path(times, paths, **given)[1]).all()
        return
    with pytest.raises(ss.InputError, match=match) as caught:
        CONV.path(times, paths, **given)
    assert "\n" not in str(caught.value)


def test_paths_that_are_not_finite_are_refused():
    with pytest.raises(ss.InputError, match="not finite"):
        CONV.path(TIMES, np.full((9, 2), np.nan), eps_from=1, eps_to=1, data=LAW)


# -- couple(kappa=) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [None, VP])
def test_couple_makes_the_second_system(schedule):
    """κ = 1 and ¼ from t = 0.1 to 0.9 of the target, against C26's correlation; independent paths have none."""
    grid = np.linspace(FIRST, LAST, 65) if schedule else grids(64)[0]
    system = ss.System(ss.InterpolantSDE(LINEAR, LAW, kappa=1), grid=grid, scheme="exponential")
    made = ss.couple(system, paths=SIZE, kappa=0.25, schedule=schedule)
    one, other = (states[-1] for states in made.states)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(expected(1, 0.25), abs=0.01)
    a, b = (np.cos(np.pi * LAST / 2), np.sin(np.pi * LAST / 2)) if schedule else (1 - grid[-1], grid[-1])
    for states in (one, other):
        assert states.var() / (a**2 + STD**2 * b**2) == pytest.approx(1, abs=0.07)


def test_couple_refuses_in_one_line():
    sde = ss.InterpolantSDE(LINEAR, LAW, kappa=1)
    one = ss.System(sde, grid=[0.1, 0.5])
    silent = ss.System(ss.InterpolantSDE(LINEAR, LAW), grid=[0.1, 0.5])
    seen = ss.System(sde, grid=[0.1, 0.5], through=CONV)
    plain = ss.System(ss.Diffusion("-x", 1), grid=[0.1, 0.5])
    for systems, given, match in (
        ((one,), {"schedule": VP}, "without kappa"),
        ((one, one), {"kappa": 1}, "makes the second system of one"),
        ((silent,), {"kappa": 1}, "hold no noise"),
        ((plain,), {"kappa": 1}, "needs an InterpolantSDE"),
        ((seen,), {"kappa": 1}, "schedule="),
        ((one,), {"kappa": -1}, "negative"),
        ((one,), {"kappa": 1, "schedule": 3}, "should be a Schedule"),
        ((sde,), {"kappa": 1}, "should be a System"),
        ((sde, sde), {}, "should be a System"),
    ):
        with pytest.raises(ss.InputError, match=match):
            ss.couple(*systems, paths=10, **given)
    both = ss.couple(one, kappa=2, paths=2)
    with pytest.raises(ss.InputError, match=r"a system is .* at most 1"):
        both.rms(0, 2)
    with pytest.raises(ss.InputError, match="at no times"):
        CONV.path([], np.zeros((0, 3)), eps_from=1, eps_to=1, data=LAW)


def test_the_noise_of_a_step_is_exact_however_its_scale_varies():
    """A lazy frame with V = t^(2/3): no drift, and ξ = ΔX/√ΔV; one Gauss rule over [10⁻⁶, ½] would be off."""
    schedule = ss.Schedule("sqrt(t**(2/3) - t**2)", "t")
    times, paths = np.array([1e-6, 0.5, 0.9]), np.random.default_rng(1).standard_normal((3, 4))
    found = read(ss.InterpolantSDE(schedule, ss.Gaussian(0, 1), kappa="1/2"), times, paths)
    exact = np.diff(paths, axis=0) / np.sqrt(np.diff(times ** (2 / 3)))[:, None]
    np.testing.assert_allclose(found, exact, rtol=1e-12)
