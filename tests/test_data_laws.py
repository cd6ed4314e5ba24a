"""Data laws: moments and samples, text and identity, and the messages."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from data_laws import COVARIANCE, SAMPLED, SCALARS
from scipy.special import ndtri

from symsched.data import DataLaw, Empirical, Gaussian, GaussianMixture, from_text
from symsched.errors import InputError
from symsched.symbols import mean as m
from symsched.symbols import rho, t

# -- moments and samples -----------------------------------------------------------------------------------------------

FALSE_POSITIVES = 1e-6


def _moments_rejected(sample: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> bool:
    """Two-sided z-tests of every first and second moment, Bonferroni-corrected to FALSE_POSITIVES in all."""
    offsets = sample.reshape(len(sample), -1) - np.reshape(mean, -1)
    products = offsets[:, :, None] * offsets[:, None, :] - np.atleast_2d(cov)
    statistics = np.concatenate([offsets, products.reshape(len(sample), -1)], axis=1)
    scores = np.sqrt(len(sample)) * statistics.mean(0) / (statistics.std(0) + 1e-300)
    limit = -ndtri(FALSE_POSITIVES / 2 / (len(SAMPLED) * statistics.shape[1]))
    return bool((np.abs(scores) > limit).any())


@pytest.mark.parametrize("law", SAMPLED, ids=lambda law: law.summary)
def test_samples_have_the_stated_moments(law: DataLaw) -> None:
    sample = law.sample(40_000, seed=5)
    mean, cov = (np.asarray(value, dtype=np.float64) for value in (law.expectation, law.covariance))
    assert sample.shape == (40_000,) if law.dim == 1 else (40_000, law.dim)
    assert not _moments_rejected(sample, mean, cov)
    assert _moments_rejected(sample, mean + 0.1, cov)
    assert _moments_rejected(sample, mean, 1.1 * cov)


def test_moments_of_the_interpolant() -> None:
    mean, cov = Gaussian([1, -2], COVARIANCE).moments(0.6, 0.5)
    assert np.allclose(mean, [0.5, -1.0])
    assert np.allclose(cov, 0.36 * np.eye(2) + 0.25 * COVARIANCE)
    assert SCALARS[1].moments(1 - t, t)[0] == t / 2


# -- text, identity, messages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", SAMPLED, ids=lambda law: law.summary)
def test_text_form_equality_and_pickle(law: DataLaw) -> None:
    assert from_text(str(law)) == law
    assert pickle.loads(pickle.dumps(law)) == law
    assert hash(from_text(str(law))) == hash(law)
    assert len({law, Gaussian(0, 7)}) == 2


def test_parameters_and_substitution() -> None:
    law = Gaussian(m, rho)
    assert law.parameters == {m, rho}
    assert law.subs(rho=2).subs(m=0.5) == Gaussian(sp.Rational(1, 2), 2)
    with pytest.raises(InputError, match=r"gaussian\(m, rho\) leaves m, rho open; give values with .subs"):
        law.eta_x_at(1, 0, 0)
    with pytest.raises(InputError, match="no parameter sigma; its parameters are"):
        law.subs(sigma=1)


def test_one_coordinate_is_one_dimension() -> None:
    assert Gaussian([1], [[4]]) == Gaussian(1, 2)
    assert GaussianMixture([0.5, 0.5], [[0], [1]], [[[4]], [[9]]]) == GaussianMixture([0.5, 0.5], [0, 1], [2, 3])
    assert Empirical([[1], [2]]) == Empirical([1, 2])


def test_decimals_are_exact_and_thirds_are_weights() -> None:
    assert Gaussian(0, 0.1).std == sp.Rational(1, 10)
    assert GaussianMixture([1 / 3] * 3, [0, 1, 2], [1, 1, 1]).weights == (sp.Rational(1, 3),) * 3


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: Gaussian(0, 0), "std is 0; it should be positive"),
    (lambda: Gaussian(0, -1.5), "std is -3/2; it should be positive"),
    (lambda: Gaussian(float("nan"), 1), "mean is nan; it should be finite"),
    (lambda: Gaussian(t, 1), "free of t and x"),
    (lambda: Gaussian("0", 1), "should be a number or a SymPy expression"),
    (lambda: Gaussian(0, [[1]]), "needs a mean vector"),
    (lambda: Gaussian([0, 0], [[1, 2], [0, 1]]), "covariance is not symmetric: entries differ by 2"),
    (lambda: Gaussian([0, 0], [[1, 2], [2, 1]]), "negative eigenvalue -1; it should be positive semidefinite"),
    (lambda: Gaussian([0, 0], np.eye(3)), r"shape \(3, 3\); a mean of length 2 needs shape \(2, 2\)"),
    (lambda: Gaussian([0, np.inf], np.eye(2)), "1 NaN or infinite entries"),
    (lambda: GaussianMixture([0.5, 0.6], [0, 1], [1, 1]), "weights sum to 1.1; they should sum to 1"),
    (lambda: GaussianMixture([1.5, -0.5], [0, 1], [1, 1]), "mixture weight 1 is -1/2; it should be positive"),
    (lambda: GaussianMixture([0.5, 0.5], [0, 1], [1]), "2 weights, 2 means, 1 stds; give as many of each"),
    (lambda: GaussianMixture([1], [0], [0]), "std 0 is 0; it should be positive"),
    (lambda: GaussianMixture([], [], []), "no components"),
    (lambda: GaussianMixture(1, [0], [1]), "mixture weights is 1; it should be a list"),
    (lambda: GaussianMixture([1], [[0, 0]], [[[1, 0], [1, 1]]]), "covariance 0 is not symmetric"),
    (lambda: Empirical([]), "there are none; give at least one"),
    (lambda: Empirical([1, float("nan")]), "empirical points has 1 NaN"),
    (lambda: Empirical([[1, 2], [3]]), "should be real numbers, in an array"),
    (lambda: Empirical(np.zeros((2, 2, 2))), "flatten each"),
    (lambda: Empirical(3), "give a list of numbers or of vectors"),
    (lambda: SCALARS[0].eta_x_at(-1, 1, 0), "alpha is -1.0; the schedule's values should be finite and not negative"),
    (lambda: Gaussian([0, 0], 1).eta_x_at(1, 1, [1, 2, 3]), "last axis to be 2"),
    (lambda: SCALARS[0].sample(-1), "number of samples is -1"),
    (lambda: from_text("gauss(0,1)"), "data 'gauss' is not known; it should be gaussian"),
    (lambda: from_text("gaussian(0,1,2)"), "gaussian takes 2 arguments"),
    (lambda: from_text("gaussian(0,sigma=1)"), "'sigma' is not an argument of gaussian"),
    (lambda: from_text("gaussian(0,mean=1)"), "'mean' is given twice"),
    (lambda: from_text("mixture(weights=[1])"), "mixture lacks means, stds"),
    (lambda: from_text("__import__('os').system('true')"), "."),
]


@pytest.mark.parametrize(("build", "message"), BAD)
def test_bad_input_is_one_clear_line(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_a_mixture_of_a_number_and_a_matrix() -> None:
    """A std stands for std² times the identity."""
    weights, means = [0.25, 0.75], [[0, 0], [3, 1]]
    mixed = GaussianMixture(weights, means, [2, [[1, 0.5], [0.5, 1]]])
    written = GaussianMixture(weights, means, [[[4, 0], [0, 4]], [[1, 0.5], [0.5, 1]]])
    states = np.array([[0.3, -1.0], [2.0, 2.0]])
    for name in ("eta_x_at", "eta_z_at", "score_at", "log_density_at"):
        assert np.allclose(getattr(mixed, name)(0.6, 0.4, states), getattr(written, name)(0.6, 0.4, states), rtol=1e-13)
    assert np.allclose(mixed.covariance, written.covariance)
    assert mixed.sample(5, 0).shape == (5, 2)
    assert (
        str(mixed)
        == "mixture(weights=[1/4, 3/4], means=[[0.0, 0.0], [3.0, 1.0]], stds=[2.0, [[1.0, 0.5], [0.5, 1.0]]])"
    )
    assert mixed == GaussianMixture(weights, means, [2, [[1, 0.5], [0.5, 1]]]) != written
    assert len({mixed, written}) == 2
