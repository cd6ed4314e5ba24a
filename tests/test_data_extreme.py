"""Fields far away, of huge and tiny laws, close to both ends: against Bayes' formula at 400 to 1000 digits.

The oracle knows nothing of the package: it multiplies out the densities of the components as mpmath numbers.
"""

from __future__ import annotations

import random
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from slowness import slow

import symsched.data.careful as careful
import symsched.data.numeric as numeric
from symsched.data import DataLaw, Empirical, Gaussian, GaussianMixture
from symsched.errors import InputError
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.symbols import t, x

NAMES = ("eta_x", "eta_z", "score", "log_density")
Parts = list[tuple[Any, Any, Any]]


def _mp(value: Any) -> Any:
    """A float by its shortest decimal, as the laws read it."""
    ratio = sp.Rational(value if isinstance(value, sp.Basic) else repr(float(value)))
    return mpmath.mpf(int(ratio.p)) / int(ratio.q)


def _vector(values: Any) -> Any:
    return mpmath.matrix([mpmath.mpf(float(value)) for value in values])


def _column(value: Any) -> Any:
    return value if isinstance(value, mpmath.matrix) else mpmath.matrix([value])


def bayes(parts: Parts, a: float, b: float, state: Any) -> dict[str, Any]:
    """Fields of a mixture of (weight, mean, covariance), dense matrices and all."""
    n, small = len(state), mpmath.mpf(a) or mpmath.mpf(10) ** (-2 * mpmath.mp.dps // 5)
    rows = []
    for weight, mean, cov in parts:
        variance = small**2 * mpmath.eye(n) + mpmath.mpf(b) ** 2 * cov
        r = _vector(state) - b * mean
        y = mpmath.lu_solve(variance, r)
        square = sum(r[i] * y[i] for i in range(n))
        mass = mpmath.log(_mp(weight)) - (square + mpmath.log(mpmath.det(variance))) / 2
        rows.append((mass, {"eta_z": small * y, "score": -y, "eta_x": mean + b * (cov * y)}))
    top = max(mass for mass, _ in rows)
    shares = [mpmath.exp(mass - top) for mass, _ in rows]
    found = {name: mpmath.matrix(n, 1) for name in NAMES[:3]}
    for name in found:
        for share, (_, fields) in zip(shares, rows, strict=True):
            found[name] += share * fields[name] / sum(shares)
    return found | {"log_density": top + mpmath.log(sum(shares)) - n * mpmath.log(2 * mpmath.pi) / 2}


def error(found: Any, truth: Any) -> float:
    """Relative, in the norm; against the least normal float64 where the truth is below it."""
    own, truth = _vector(np.atleast_1d(found)), _column(truth)
    return float(mpmath.norm(own - truth) / max(mpmath.norm(truth), mpmath.mpf(10) ** -300))


def _line(rng: random.Random) -> tuple[DataLaw, Parts, Any]:
    """A law on the line, of any size, and a state near it, between its components, or far away."""
    base, size = rng.choice([0, 1, 1e6, -1e8, 1e9, 1e150]), rng.choice([1, 1, 1e-6, 1e8, 1e150, 1e-200])
    means = [float(base + size * rng.choice([rng.gauss(0, 1), rng.randint(-3, 3)])) for _ in range(rng.randint(1, 4))]
    if rng.random() < 0.4:
        means = sorted(set(means))
        law: DataLaw = Empirical(means)
        weights, stds = [sp.Rational(1, len(means))] * len(means), [0.0] * len(means)
    else:
        weights = [sp.Rational(rng.randint(1, 9)) for _ in means]
        weights[0] *= sp.Rational(10) ** -rng.choice([0, 0, 10, 400, 3000])
        weights = [weight / sum(weights) for weight in weights]
        stds = [float(size * rng.choice([1, 1, 0.5, 1e-5, 1 + 1e-10])) for _ in means]
        law = GaussianMixture(weights, means, stds) if len(means) > 1 else Gaussian(means[0], stds[0])
    parts = [
        (w, mpmath.matrix([_mp(m)]), mpmath.matrix([_mp(s) ** 2])) for w, m, s in zip(weights, means, stds, strict=True)
    ]

    def state(a: float, b: float) -> list[float]:
        m, n, s = rng.choice(means), rng.choice(means), max(stds)
        near = b * m + a * rng.gauss(0, 1) + b * s * rng.gauss(0, 1)
        return [float(rng.choice([near, near, b * (m + n) / 2 + a * rng.gauss(0, 0.1), 1e6, -1e9, 1e200, 0.0]))]

    return law, parts, state


def _plane(rng: random.Random) -> tuple[DataLaw, Parts, Any]:
    """A law of vectors whose covariances may be singular, by their decimals or by integers."""
    own, dim, count = np.random.default_rng(rng.getrandbits(32)), rng.choice([2, 3, 5]), rng.randint(1, 3)
    means = rng.choice([0, 0, 1e6, 1e9]) + np.round(own.normal(size=(count, dim)), rng.choice([0, 2, 16]))
    covs = []
    for _ in means:
        tenths = own.integers(1, 9, dim)
        integers = own.integers(-3, 4, size=(dim, dim - 1))
        full = own.normal(size=(dim, dim))
        covs.append(rng.choice([np.outer(tenths, tenths) / 100, integers @ integers.T, full @ full.T, np.eye(dim)]))
    weights = [sp.Rational(1, count)] * count
    law: DataLaw = Gaussian(means[0], covs[0]) if count == 1 else GaussianMixture(weights, means, covs)
    if rng.random() < 0.3:
        law, covs = Empirical(means), [np.zeros((dim, dim))] * count
    exact = [mpmath.matrix([[_mp(v) for v in row] for row in (cov + cov.T) / 2]) for cov in covs]
    parts = [(w, _vector(m), c) for w, m, c in zip(weights, means, exact, strict=True)]

    def state(a: float, b: float) -> Any:
        values, axes = np.linalg.eigh(covs[0])
        drawn = axes @ (np.sqrt(np.maximum(values, 0)) * own.normal(size=dim))
        near = b * means[0] + a * own.normal(size=dim) + b * drawn
        return rng.choice([near, near, b * (means[0] + means[-1]) / 2, np.full(dim, 1e9)])

    return law, parts, state


def _wrong(family: Any, seed: int, count: int, digits: int) -> tuple[int, list[str]]:
    """How many answers were looked at, and those that are off by more than 10⁻¹²."""
    rng, looked, wrong = random.Random(seed), 0, []
    with mpmath.workdps(digits):
        for _ in range(count):
            law, parts, state = family(rng)
            time = rng.choice([1e-12, 0.25, rng.random(), 1 - 1e-6, 1 - 1e-9, 1 - 1e-12, 0.0, 1.0])
            a, b = 1 - time, time
            at = state(a, b)
            truth = bayes(parts, a, b, at)
            for name in NAMES[: 2 if a == 0 else 4]:
                if (name == "eta_z" and a == 0) or max(abs(v) for v in _column(truth[name])) > 1e300:
                    continue
                looked += 1
                found = getattr(law, f"{name}_at")(a, b, at[0] if law.dim == 1 else at)
                if not error(found, truth[name]) < 1e-12:
                    wrong.append(f"{name} of {law!r} at a = {a}, b = {b}, x = {at}: {found}")
    return looked, wrong


@pytest.mark.parametrize(("family", "seed", "count", "digits"), [slow(_line, 1, 60, 1000), (_plane, 2, 80, 450)])
def test_every_field_of_every_size_is_right_to_twelve_digits(family: Any, seed: int, count: int, digits: int) -> None:
    looked, wrong = _wrong(family, seed, count, digits)
    assert looked > 2 * count
    assert not wrong, wrong[0]


def test_without_the_careful_rows_the_family_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: float64 alone, as it was."""
    monkeypatch.setattr(careful, "redo", lambda *_: None)
    assert len(_wrong(_line, 1, 20, 1000)[1]) > 3


def _sigmoid(logit: float) -> float:
    return 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize("base", [1e6, 1e9, -1e9, 2.0**40])
def test_large_points_are_told_apart(base: float) -> None:
    """At α = β = ½ and x half a unit above the middle, the logit of the upper of two points is ½ · ½ / ¼ = 1."""
    law = Empirical([base, base + 1])
    assert law.eta_x_at(0.5, 0.5, (2 * base + 1) / 4 + 0.5) - base == pytest.approx(
        _sigmoid(1.0), abs=2e-16 * abs(base)
    )
    assert law.eta_z_at(0.5, 0.5, (2 * base + 1) / 4 + 0.5) == pytest.approx(1 + 0.5 - _sigmoid(1.0), rel=1e-12)


def test_a_weight_below_float64_still_counts() -> None:
    """log w = −400 log 10 is made good by a distance: logit −921.03 + 40 · (x − 10)."""
    tiny = sp.Rational(10) ** -400
    law = GaussianMixture([tiny, 1 - tiny], [20, -20], [1, 1])
    state = float(400 * np.log(10) / 40)
    assert law.eta_x_at(0.0, 1.0, state) == pytest.approx(state, rel=1e-12)
    logit = 40 * state - 400 * np.log(10)
    assert law.eta_x_at(1.0, 1.0, 2 * state) == pytest.approx(state + 20 * (2 * _sigmoid(logit) - 1) / 2, rel=1e-10)


def test_directions_without_variance_stay_so() -> None:
    """N(0, vvᵀ) with v = (1, 2)/√5 · …: across the line the score is −r/α², along it −r/(α² + 5β²)."""
    law, a = Gaussian([0, 0], [[1, 2], [2, 4]]), 1e-9
    along, across = np.array([1.0, 2.0]), np.array([2.0, -1.0])
    assert law.frame.stds[0] == 0.0
    assert np.allclose(law.score_at(a, 1.0, across), -across / a**2, rtol=1e-12)
    assert np.allclose(law.score_at(a, 1.0, along), -along / (a**2 + 5), rtol=1e-12)
    decimals = Gaussian([0, 0], [[1, 0.3], [0.3, 0.09]])  # 0.3² is 0.09, though not in float64
    assert decimals.frame.stds[0] == 0.0
    drift = InterpolantSDE(Schedule(1 - t, t), law).drift_at(1 - a, across)
    assert np.allclose(drift, -across / a, rtol=1e-6)


def test_a_covariance_that_rounding_made_indefinite_loses_that_direction() -> None:
    root = np.array([[0.1, 0.7], [0.3, 0.2], [0.9, 0.4]])
    frame = Gaussian([0, 0, 0], root @ root.T).frame
    assert frame.stds[0] <= 1e-8
    assert np.allclose(frame.covariance, root @ root.T, rtol=0, atol=1e-15)


def test_many_hard_states_are_refused_rather_than_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(careful, "WORK", 10.0)
    law = GaussianMixture([0.5, 0.5], [0, 0], [1, 1 + 3e-16])
    with pytest.raises(InputError, match=r"at x = \[[^]]*\].* needs more digits than float64 has.*ask for fewer"):
        law.eta_x_at(1e-9, 0.5, np.linspace(1e9, 2e9, 20))


def test_numbers_and_formulas_are_one_law() -> None:
    """The symbolic field at the very floats that the numeric one is asked at."""
    line = Schedule(1 - t, t)
    for law in (Empirical([1e9, 1e9 + 1]), GaussianMixture([0.3, 0.7], [-1e8, 1e8], [1, 2])):
        for state in (2.5e8, 2.5e8 + 1, -3e7, 1e12):
            exact = law.eta_x(line).subs({t: sp.Rational(1, 4), x: sp.Rational(state)}).evalf(60)
            assert law.eta_x_at(0.75, 0.25, state) == pytest.approx(float(exact), rel=1e-12)


def test_float32_states_are_answered_as_well_as_their_dtype() -> None:
    law, states = Empirical([1e6, 1e6 + 1]), np.float32([250000.0, 250000.25, 250000.5])
    wide = law.eta_x_at(0.75, 0.25, states.astype(np.float64))
    assert np.array_equal(law.eta_x_at(0.75, 0.25, states), wide.astype(np.float32))


def test_the_error_estimate_covers_the_error() -> None:
    """Points far from their origin: what `Points.logs` says of its own error is not less than the error."""
    points = np.linspace(-300, 700, 50)[:, None]
    block, at = numeric.Points(0.0, points), np.array([[123.456]])
    found, lost = block.logs(np.full((1, 1), 1e-3), np.full((1, 1), 0.7), at)
    with mpmath.workdps(60):
        a, b, x0 = mpmath.mpf(1e-3), mpmath.mpf(0.7), mpmath.mpf(123.456)
        truth = [
            -((x0 - b * mpmath.mpf(p)) ** 2) / (2 * a**2) - mpmath.log(2 * mpmath.pi * a**2) / 2 for p in points[:, 0]
        ]
        off = [abs(float(mpmath.mpf(float(v)) - w)) for v, w in zip(found[0], truth, strict=True)]
    assert (np.array(off) <= 4 * lost[0] + 1e-14).all()
    assert max(off) > 1e-8
