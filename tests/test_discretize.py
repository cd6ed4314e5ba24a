"""Exact discretisation laws: one lazy step is exact, orders, closed forms, distances, and the paths themselves."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import chi2
from slowness import slow

from symsched.data import Gaussian, GaussianMixture
from symsched.discretize import (
    SCHEMES,
    Stepper,
    affine_steps,
    closed_form,
    exact_law,
    trajectory,
    w2,
)
from symsched.discretize.closed import n
from symsched.errors import InputError
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import mean as m
from symsched.symbols import rho, t

LINEAR = Schedule("1 - t", "t")
FOLLMER = Schedule("sqrt(t*(1 - t))", "t")
TRIG = Schedule("cos(pi*t/2)", "sin(pi*t/2)")
COVARIANCE = np.array([[1.0, 0.5], [0.5, 2.0]])
PLANE = Gaussian([1, -2], COVARIANCE)


def lazy_schedule(kappa: Any, data_std: Any, beta: sp.Expr = t) -> Schedule:
    """Theory C10: α² = ρ²(β^q − β²), q = 2κ/(1+κ)."""
    kappa, data_std = sp.Rational(kappa), sp.Rational(data_std)
    return Schedule(data_std * sp.sqrt(beta ** (2 * kappa / (1 + kappa)) - beta**2), beta)


# -- one lazy step is exact ------------------------------------------------------------------------

LAZY = [
    ("0", "1", t),
    ("0", "2", t**2),
    ("1/2", "2", t),
    ("1/2", "1/3", t**3),
    ("1", "1", t),
    ("1", "3", t),
    ("2", "1/2", t),
]


def _grid(cuts: list[float]) -> np.ndarray:
    return np.unique(np.concatenate([[0.0, 1.0], cuts]))


@pytest.mark.parametrize(("kappa", "data_std", "beta"), LAZY, ids=str)
@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.floats(1e-6, 1 - 1e-6), max_size=4))
def test_the_lazy_step_is_exact_on_any_grid(kappa: str, data_std: str, beta: sp.Expr, cuts: list[float]) -> None:
    law = Gaussian(3, sp.Rational(data_std))
    sde = InterpolantSDE(lazy_schedule(kappa, data_std, beta), law, kappa=sp.Rational(kappa))
    found = trajectory(sde, _grid(cuts), "lazy", centre=True)
    scale = float(sp.Rational(data_std))
    assert found.w2().max() <= 1e-14 * scale
    assert found.mean[-1] == 3
    assert found.var[-1] == pytest.approx(scale**2, rel=1e-14, abs=0)


def test_the_mean_needs_no_centring_when_beta_is_linear() -> None:
    sde = InterpolantSDE(lazy_schedule(1, 2), Gaussian(3, 2), kappa=1)
    for grid in (1, 7, [0, 0.2, 0.9, 1]):
        assert trajectory(sde, grid, "lazy").w2().max() <= 1e-14


def _exact_in_one_step(sde: InterpolantSDE, scheme: str = "lazy") -> bool:
    return bool(trajectory(sde, 1, scheme, centre=True).w2()[-1] < 1e-12)


def test_what_is_not_lazy_is_not_exact() -> None:
    schedule = lazy_schedule("1/2", 2)
    assert _exact_in_one_step(InterpolantSDE(schedule, Gaussian(0, 2), kappa=sp.Rational(1, 2)))
    assert not _exact_in_one_step(InterpolantSDE(schedule, Gaussian(0, sp.Rational(21, 10)), kappa=sp.Rational(1, 2)))
    assert not _exact_in_one_step(InterpolantSDE(lazy_schedule(1, 2), Gaussian(0, 2), eps=2 + t / 100))
    assert not _exact_in_one_step(InterpolantSDE(LINEAR, Gaussian(0, 2)))
    # The right frame with noise frozen at the left of the step, in a time where ε is not constant.
    assert not _exact_in_one_step(InterpolantSDE(lazy_schedule(1, 1, t**2), Gaussian(0, 1), kappa=1), "euler")


def test_a_point_start_at_rest_needs_no_finite_slope() -> None:
    """κ = 2, β = t for data of another spread: the slope is infinite at t = 0, where there is nothing to move."""
    sde = InterpolantSDE(lazy_schedule(2, 1), Gaussian(0, 2), kappa=2)
    assert sde.schedule.limit("alpha", 0) == 0
    with pytest.raises(InputError, match="infinite at t = 0"):
        sde.drift_at(0, 1.0)
    coarse, fine = (trajectory(sde, steps, "lazy").w2()[-1] for steps in (100, 400))
    assert fine < coarse / 2 < 0.1


@pytest.mark.parametrize("ratio", [2, 3, 5])
def test_a_point_start_with_more_noise_than_the_lazy_scale(ratio: int) -> None:
    """C19's recursion in the clock V = ρ²t, by hand: v ← (1 + (1 − k)/(2j))² v + k/N from k/N."""
    sde, steps = InterpolantSDE(lazy_schedule(1, 2), Gaussian(3, 2), kappa=ratio), 8
    wanted = sp.Rational(ratio, steps)
    for j in range(1, steps):
        wanted = (1 + sp.Rational(1 - ratio, 2 * j)) ** 2 * wanted + sp.Rational(ratio, steps)
    assert exact_law(sde, steps) == (3, 4 * wanted)
    assert trajectory(sde, steps).var[-1] == pytest.approx(float(4 * wanted), rel=1e-13)
    assert closed_form(sde).at(steps)[1] == pytest.approx(4 * wanted, rel=1e-13)
    assert 400 * (trajectory(sde, 400).var[-1] / 4 - 1) == pytest.approx((ratio - 1) / 4, rel=0.05)
    assert wanted != 1  # the twin with the noise of κ, which is exact


def test_a_point_start_with_less_noise_is_refused() -> None:
    for kappa in (0, sp.Rational(1, 2)):
        sde = InterpolantSDE(lazy_schedule(1, 2), Gaussian(0, 2), kappa=kappa)
        for law in (lambda: trajectory(sde, 4), lambda: closed_form(sde), lambda: exact_law(sde, 4)):  # noqa: B023
            with pytest.raises(InputError, match="no unique start"):
                law()


def test_lazy_is_exact_for_an_isotropic_plane_and_not_for_another() -> None:
    schedule = lazy_schedule(1, 2)
    assert _exact_in_one_step(InterpolantSDE(schedule, Gaussian([1, 5], 2), kappa=1))
    assert not _exact_in_one_step(InterpolantSDE(schedule, PLANE, kappa=1))


# -- orders ----------------------------------------------------------------------------------------

ORDERS: list[tuple[str, Schedule, Any, int]] = [
    ("euler", LINEAR, 0, 1),
    ("euler", TRIG, 0, 1),
    ("euler", FOLLMER, 1, 1),
    ("lazy", FOLLMER, 1, 1),
    ("lazy", FOLLMER, "1 - t", 1),
    ("heun", LINEAR, 0, 2),
    ("heun", TRIG, 0, 2),
    ("exponential", LINEAR, 0, 1),
    ("exponential", LINEAR, 1, 1),
    ("exponential", TRIG, "1 - t/2", 1),
]
LEVELS = [64, 128, 256, 512]


def _has_order(errors: np.ndarray, order: int) -> bool:
    """log₂ ratios of errors on halved grids tend to the order, their own error at least nearly halving each time."""
    gaps = [abs(np.log2(coarse / fine) - order) for coarse, fine in pairwise(errors)]
    return gaps[-1] < 0.1 and all(fine <= 0.8 * coarse for coarse, fine in pairwise(gaps))


@pytest.mark.parametrize(("scheme", "schedule", "scale", "order"), ORDERS, ids=str)
def test_schemes_converge_at_their_order_in_w2(scheme: str, schedule: Schedule, scale: Any, order: int) -> None:
    sde = InterpolantSDE(schedule, Gaussian(1, 2), kappa=scale)
    errors = np.array([trajectory(sde, steps, scheme).w2()[-1] for steps in LEVELS])
    assert _has_order(errors, order)
    assert not _has_order(errors, 3 - order)
    assert not _has_order(errors + errors[-1], order), "an error that does not vanish must be seen"


def test_every_direction_of_a_plane_is_a_line() -> None:
    values, axes = np.linalg.eigh(COVARIANCE)
    for scheme in ("euler", "lazy", "exponential"):
        plane = trajectory(InterpolantSDE(FOLLMER, PLANE, kappa=1), 6, scheme)
        for value, axis in zip(values, axes.T, strict=True):
            line = Gaussian(float(axis @ [1, -2]), sp.sqrt(sp.Rational(float(value))))
            alone = trajectory(InterpolantSDE(FOLLMER, line, kappa=1), 6, scheme)
            assert np.allclose(plane.var @ axis @ axis, alone.var, rtol=1e-13, atol=1e-14)
            assert np.allclose(plane.mean @ axis, alone.mean, rtol=1e-13, atol=1e-13)


# -- closed forms ----------------------------------------------------------------------------------

CLOSED: list[tuple[str, Schedule, Gaussian, Any, str]] = [
    ("constant", FOLLMER, Gaussian(1, 1), 1, "euler"),
    ("telescoping", FOLLMER, Gaussian(1, 2), 1, "euler"),
    ("telescoping", FOLLMER, Gaussian(0, sp.Rational(1, 3)), 1, "lazy"),
    ("linear ODE", LINEAR, Gaussian(1, sp.Rational(1, 2)), 0, "euler"),
    ("linear ODE", LINEAR, Gaussian(0, 3), 0, "heun"),
    ("geometric", Schedule("sqrt(4**t - 4*t**2)", "t"), Gaussian(0, 2), 0, "euler"),
    ("geometric", Schedule("sqrt(4**t - 4*t**2)", "t"), Gaussian(0, 2), 0, "heun"),
]


@pytest.mark.parametrize(
    ("name", "schedule", "law", "scale", "scheme"),
    [slow(*c) if c[::4] == ("linear ODE", "heun") else c for c in CLOSED],
    ids=str,
)
def test_closed_forms_are_the_recursion(name: str, schedule: Schedule, law: Gaussian, scale: Any, scheme: str) -> None:
    sde = InterpolantSDE(schedule, law, kappa=scale)
    form = closed_form(sde, scheme)
    assert form.closed
    for steps in (1, 2, 5) if scheme == "heun" else (1, 2, 5, 17):
        mean, variance = (float(part) for part in form.at(steps))
        found = trajectory(sde, steps, scheme)
        assert mean == pytest.approx(found.mean[-1], rel=1e-14, abs=1e-14)
        assert variance == pytest.approx(found.var[-1], rel=1e-14 * steps, abs=1e-14)
        if name != "constant":
            other = float(form.variance.subs(n, steps + 1).evalf(30).as_real_imag()[0])
            assert other != pytest.approx(found.var[-1], rel=1e-6)


def test_closed_forms_one_can_read() -> None:
    follmer = closed_form(InterpolantSDE(FOLLMER, Gaussian(0, 2), kappa=1))
    assert (
        sp.simplify(follmer.variance - 16 * n * (sp.polygamma(1, n / 3 + 1) - sp.polygamma(1, 4 * n / 3 + 1)) / 9) == 0
    )
    geometric = closed_form(InterpolantSDE(Schedule("sqrt(4**t - 4*t**2)", "t"), Gaussian(0, 2)))
    assert sp.simplify(geometric.variance - (1 + sp.log(2) / n) ** (2 * n)) == 0


def test_letters_may_stay_in_a_closed_form() -> None:
    form = closed_form(InterpolantSDE(FOLLMER, Gaussian(m, rho), kappa=1))
    assert form.closed
    assert form.mean == m
    special = form.variance.subs({rho: 2, n: 5}).evalf(30)
    assert float(special) == pytest.approx(trajectory(InterpolantSDE(FOLLMER, Gaussian(0, 2), kappa=1), 5).var[-1])


def test_a_closed_form_has_no_poles_at_whole_numbers_of_steps() -> None:
    """n/3 steps back from the end are a pole of both ψ′ in the plain formula; the exact recursion gives 49/108."""
    sde = InterpolantSDE(Schedule("sqrt(t*(1-t))", "t"), Gaussian(2, sp.Rational(1, 2)), kappa=1)
    form = closed_form(sde)
    assert form.closed
    for steps in (1, 2, 3, 6, 7):
        assert abs(form.at(steps)[1] - exact_law(sde, steps)[1]) < 1e-25
    assert exact_law(sde, 3)[1] == sp.Rational(49, 108)


@pytest.mark.parametrize("eps", ["1", "t", "t*(1-t)"])
def test_products_with_complex_roots_are_left_or_right(eps: str) -> None:
    sde = InterpolantSDE(Schedule("1-t", "t"), Gaussian(0, 1), eps=eps)
    for steps in (1, 4):
        assert abs(closed_form(sde).at(steps)[1] - exact_law(sde, steps)[1]) < 1e-25


def test_what_has_no_closed_form_says_so_and_is_still_exact() -> None:
    sde = InterpolantSDE(TRIG, Gaussian(1, 2))
    form = closed_form(sde)
    assert not form.closed
    assert float(form.at(4)[1]) == pytest.approx(trajectory(sde, 4).var[-1], rel=1e-13)


def test_exact_recursion_gives_rational_numbers() -> None:
    sde = InterpolantSDE(LINEAR, Gaussian(1, 2))
    for scheme in ("euler", "heun"):
        mean, variance = exact_law(sde, 6, scheme)
        assert variance.is_Rational
        assert mean == 1
        assert float(variance) == pytest.approx(trajectory(sde, 6, scheme).var[-1], rel=1e-14)
    assert exact_law(sde, 1) == (1, 0)  # one Euler step of the linear ODE goes to the mean


# -- paths -----------------------------------------------------------------------------------------

PATHS: list[tuple[str, Schedule, Any, Any]] = [
    ("euler", FOLLMER, 1, 5),
    ("lazy", FOLLMER, "1 - t", 4),
    ("heun", LINEAR, 0, 3),
    ("exponential", LINEAR, 1, 4),
    ("exponential", TRIG, "1 - t/2", 3),
    ("euler", LINEAR, 1, [0.1, 0.5, 0.8, 1.0]),
]


@pytest.mark.parametrize("law", [Gaussian(1, 2), PLANE], ids=lambda law: law.summary)
@pytest.mark.parametrize(("scheme", "schedule", "scale", "grid"), PATHS, ids=str)
def test_the_step_on_paths_is_the_affine_step(
    scheme: str, schedule: Schedule, scale: Any, grid: Any, law: Gaussian
) -> None:
    sde = InterpolantSDE(schedule, law, kappa=scale)
    stepper, steps = Stepper(sde, grid, scheme), affine_steps(sde, grid, scheme)
    rng = np.random.default_rng(4)
    states = stepper.start(6, rng)
    for k in range(len(stepper)):
        noise = rng.standard_normal(states.shape)
        moved = stepper.step(k, states, noise)
        assert np.allclose(steps.advance(k, states, noise), moved, rtol=1e-12, atol=1e-12)
        states = moved


FALSE_POSITIVES = 1e-6
PATH_COUNT = 20_000


def _law_rejected(paths: np.ndarray, mean: float, variance: float) -> bool:
    """A z-test of the mean and a χ² test of the variance of Gaussian samples, FALSE_POSITIVES over all cases."""
    share = FALSE_POSITIVES / (2 * 2 * len(PATHS))
    score = (paths.mean() - mean) * np.sqrt(len(paths) / variance)
    statistic = ((paths - mean) ** 2).sum() / variance
    low, high = chi2.ppf([share, 1 - share], len(paths))
    return bool(abs(score) > -ndtri(share) or not low < statistic < high)


@pytest.mark.parametrize(("scheme", "schedule", "scale", "grid"), PATHS, ids=str)
def test_sampled_paths_have_the_law_of_the_scheme(scheme: str, schedule: Schedule, scale: Any, grid: Any) -> None:
    """Power: a standard deviation wrong by 5 % is 14 standard errors of the variance away."""
    sde = InterpolantSDE(schedule, Gaussian(1, 2), kappa=scale)
    law = trajectory(sde, grid, scheme)
    paths = Stepper(sde, grid, scheme).run(PATH_COUNT, seed=8)
    mean, variance = law.mean[-1], law.var[-1]
    assert not _law_rejected(paths, mean, variance)
    assert _law_rejected(paths, mean, 1.1 * variance)
    assert _law_rejected(paths, mean + 0.1 * np.sqrt(variance), variance)
    target = float(law.target_var[-1])
    assert abs(variance - target) < 0.1 * target or _law_rejected(paths, mean, target), "the scheme's law, not I_1's"


def test_a_step_on_other_data_is_the_scheme_too() -> None:
    """For a mixture with one component, the general step is the Gaussian one."""
    laws = Gaussian(1, 2), GaussianMixture([1], [1], [2])
    states, noise = np.linspace(-2, 3, 5), np.linspace(1, -1, 5)
    for scheme in ("euler", "lazy", "exponential"):
        one, other = (Stepper(InterpolantSDE(FOLLMER, law, kappa=1), 3, scheme).step(1, states, noise) for law in laws)
        assert np.allclose(one, other, rtol=1e-13, atol=1e-13)


# -- messages --------------------------------------------------------------------------------------

UNIT = Gaussian(0, 1)
BAD: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: trajectory(InterpolantSDE(LINEAR, UNIT), 4, "rk4"),
        "unknown scheme 'rk4' .known: euler",
    ),
    (lambda: trajectory(InterpolantSDE(LINEAR, UNIT, eps=1), 4, "heun"), "'heun' is for the ODE, and eps = 1"),
    (lambda: trajectory(InterpolantSDE(LINEAR, UNIT), 0), "steps is 0; it should be >= 1"),
    (lambda: trajectory(InterpolantSDE(LINEAR, UNIT), [0, 0.5, 0.5]), r"grid \[0, 0.5, 0.5\] should increase strictly"),
    (lambda: trajectory(InterpolantSDE(LINEAR, UNIT), [0, 1.5]), r"inside \[0, 1\]"),
    (lambda: trajectory(InterpolantSDE(LINEAR, UNIT), [0.5]), "at least two times"),
    (
        lambda: trajectory(InterpolantSDE(LINEAR, UNIT, kappa=1), 4),
        "slope of the euler step from t = 0 to 0.25 is infinite",
    ),
    (lambda: trajectory(InterpolantSDE(LINEAR, UNIT, kappa=1), 4, "lazy"), "diverges at t = 0; start after 0"),
    (lambda: trajectory(InterpolantSDE(LINEAR, GaussianMixture([1], [0], [1])), 4), "known for Gaussian data"),
    (lambda: trajectory(InterpolantSDE(LINEAR, Gaussian(m, 1)), 4), "leaves m open"),
    (lambda: closed_form(InterpolantSDE(LINEAR, PLANE)), "Gaussian data in one dimension"),
    (lambda: closed_form(InterpolantSDE(LINEAR, UNIT, kappa=1)), "is infinite or 0/0 at t = 0, a time of the scheme"),
    (lambda: closed_form(InterpolantSDE(LINEAR, UNIT), "exponential"), "no closed form here"),
    (lambda: exact_law(InterpolantSDE(LINEAR, UNIT), 0), "steps is 0"),
    (lambda: w2(0, -1, 0, 1), "variance -1.0 is not allowed"),
    (lambda: w2([0, 0], np.eye(2), [0, 0], np.eye(3)), "do not fit means of length 2"),
    (lambda: w2([0, 0], [1, 1], [0, 0], np.eye(2)), "do not fit means of length 2"),
    (lambda: w2([0, 0], np.eye(2), [0, 0], 1), "do not fit means of length 2"),
    (lambda: Stepper(InterpolantSDE(LINEAR, UNIT), 4, "midpoint"), f"known: {', '.join(SCHEMES)}"),
]


@pytest.mark.parametrize(("build", "message"), BAD)
def test_bad_input_is_one_clear_line(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_from_a_point_the_exponential_step_draws_its_noise_whatever_the_scale() -> None:
    """As the compiled scheme does: x' = β' E X + α' ξ after the first step, for any scale."""
    for kappa in (0, "1/4", 1):
        sde = InterpolantSDE(FOLLMER, UNIT, kappa=kappa)
        found = trajectory(sde, [0, 0.25, 1], "exponential")
        assert found.var[1] == pytest.approx(0.25 * 0.75, rel=1e-15)
        sampled = Stepper(sde, [0, 0.25], "exponential").run(4000, 0)
        assert abs(sampled.var() - 0.1875) < 5 * 0.1875 * (2 / 4000) ** 0.5


@pytest.mark.parametrize("h", [1e-3, 1e-8, 1e-11, 1e-14])
def test_a_step_of_any_length_keeps_its_digits(h: float) -> None:
    """1 − (r/r')^(2κ) and h β̇ − Δβ by mpmath at 60 digits: what doubles leave of such differences is noise."""
    grid, mean, kappa = [0.3, 0.3 + h], 1.5, 0.75
    sde = InterpolantSDE(TRIG, Gaussian(mean, 2), kappa=kappa)
    with mpmath.workdps(60):
        x, y = map(mpmath.mpf, grid)
        ratio = mpmath.tan(mpmath.pi * x / 2) / mpmath.tan(mpmath.pi * y / 2)
        noise = mpmath.cos(mpmath.pi * y / 2) ** 2 * (1 - ratio ** (2 * mpmath.mpf(kappa)))
        slope = [mpmath.pi / 2 * mpmath.cos(mpmath.pi * z / 2) for z in (x, y)]
        moved = mpmath.sin(mpmath.pi * y / 2) - mpmath.sin(mpmath.pi * x / 2)
        rests = [float(mean * ((y - x) * s - moved)) for s in slope]
    assert affine_steps(sde, grid, "exponential").noise[0, 0] == pytest.approx(float(noise), rel=1e-15)
    assert affine_steps(sde, grid).source[0, 0] == pytest.approx(rests[0], rel=1e-15)


def test_a_first_step_of_any_length_keeps_its_digits() -> None:
    """h β̇(0) − β(h) = π h/2 − sin(π h/2), of third order."""
    h = 1e-9
    sde = InterpolantSDE(TRIG, Gaussian(1, 2))
    with mpmath.workdps(60):
        expected = float(mpmath.pi * h / 2 - mpmath.sin(mpmath.pi * mpmath.mpf(h) / 2))
    assert affine_steps(sde, [0, h]).source[0, 0] == pytest.approx(expected, rel=1e-15)
