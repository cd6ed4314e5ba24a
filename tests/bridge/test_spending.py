"""A calibration within a budget: what it costs, what it is worth, and grids that are found without asking the model."""

from __future__ import annotations

import numpy as np
import pytest
from torched import torch

import symsched as ss
from symsched.bridge import FlowField, calibrate, exact_field, sample
from symsched.bridge.fitting import Fitter, GridShape
from symsched.bridge.pilot import run_pilot
from symsched.bridge.running import Running
from symsched.bridge.stored import Stored, spend

MEANS = np.random.default_rng(1).uniform(-0.6, 0.6, (3, 16)).tolist()
LAW = ss.GaussianMixture([0.5, 0.3, 0.2], MEANS, [0.2, 0.25, 0.3])


def counted(law=LAW, schedule="linear", prediction="data"):
    """A field, and the number of samples that its model is asked about."""
    field, asked = exact_field(law, schedule, prediction), []
    inner = field.model
    field.model = lambda x, time: asked.append(len(x)) or inner(x, time)
    return field, asked


@pytest.mark.parametrize(
    ("budget", "steps", "options"),
    [
        (100, [6], {}), (300, [4, 6], {}), (1000, [8], {}), (1000, [4, 6, 8, 12, 16], {}), (1000, [6], {"shape": 20}),
        (700, [6], {"shape": 5, "from_noise": True}),
    ],
)  # fmt: skip
def test_a_budget_is_kept_and_nearly_spent(budget, steps, options):
    field, asked = counted()
    known = calibrate(field, steps=steps, budget=budget, **options)
    assert 0.8 * budget <= sum(asked) <= budget
    spent = known.pilot["evaluations"] * known.pilot["count"] + known.pilot.get("scouting", 0)
    assert sum(asked) == spent
    assert set(known.tables) == set(steps)


@pytest.mark.parametrize("budget", [100, 300, 1000, 10_000, 100_000, 10**7])
@pytest.mark.parametrize("evaluations", [0, 4, 46])
@pytest.mark.parametrize("most", [None, 2, 40])
def test_spending(budget, evaluations, most):
    """It is within the budget; a larger one buys more of everything, or as much."""
    if budget < 2 * (16 + evaluations):
        pytest.skip("too small")
    found, larger = (spend(b, evaluations, 0, most) for b in (budget, 3 * budget))
    assert found.count * (found.pilot_steps + found.tries * evaluations) <= budget
    assert 2 <= found.count <= (most or budget)
    assert 16 <= found.pilot_steps <= 64
    assert larger.pilot_steps >= found.pilot_steps
    assert larger.tries >= found.tries


def test_the_issues_example():
    assert vars(spend(1000, 8)) == {"count": 16, "pilot_steps": 54, "tries": 1}


def test_answers_that_are_kept_are_the_models():
    field, _ = counted()
    pilot = run_pilot(field, (6, 16), 32, Running(seed=1, batch=4), once=True)
    fitter = Fitter(field, pilot, Running())
    for k in (0, 7, 31):
        answer = fitter._answers(np.append(pilot.angles[k], np.pi / 2))(0, pilot.paths[k])
        assert torch.allclose(answer, pilot.answers[k], atol=1e-12)
    assert torch.equal(pilot.answers[-1], pilot.paths[-1])


def test_on_normal_data_the_kept_paths_know_every_answer():
    """The response beside the path is exact there, in the directions that the ends tell of."""
    field, asked = counted(ss.Gaussian([0.2, -0.1], [[0.09, 0], [0, 1.44]]))
    pilot = run_pilot(field, (400, 2), 48, Running(seed=1), once=True)
    asked.clear()
    angles, y = np.array([0.3, 0.9, np.pi / 2]), pilot.at(0.9) + 0.3
    found = Stored(field, pilot, Running())._answers(angles)(1, y)
    assert not asked
    exact = Fitter(field, pilot, Running())._answers(angles)(1, y)
    still = pilot.at(0.9, pilot.answers)
    assert (found - exact).abs().max() < (still - exact).abs().max() / 5


def test_a_grid_of_kept_paths_is_nearly_that_of_a_search():
    """As good as many tries that each ask the model; the twin takes the answers to be the same beside the path."""
    field, asked = counted()
    pilot = run_pilot(field, (64, 16), 48, Running(seed=1), once=True)
    fitter, stored = Fitter(field, pilot, Running()), Stored(field, pilot, Running())
    asked.clear()
    guess = stored.search(6, GridShape(), 60)
    assert not asked
    stiff = Stored(field, pilot, Running())
    stiff.__dict__["modes"] = (stored.modes[0], 0 * stored.modes[1])
    found, searched, usual, twin = (
        fit.error * fit.typical
        for fit in (
            fitter.fit(guess.shape, 6), fitter.search(6, GridShape(), 20), fitter.fit(GridShape(), 6),
            fitter.fit(stiff.search(6, GridShape(), 60).shape, 6),
        )
    )  # fmt: skip
    assert found < 1.3 * searched
    assert found < usual / 2
    assert found < twin


@pytest.mark.slow
def test_a_budget_of_a_thousand_is_worth_its_evaluations():
    """Within half a decibel of the full calibration on this law, at a hundredth of its cost."""
    field, _ = counted()
    z = torch.randn(256, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    end = sample(field, noise=z, target="lazy(kappa=0, rho=2)", steps=128, solver="ab3", calibration=False)

    def level(known):
        return float(-10 * (sample(field, noise=z, steps=6, calibration=known) - end).square().mean(1).log10().mean())

    small, full = calibrate(field, steps=[6], budget=1000), calibrate(field, 96, steps=[6], tries=16)
    assert level(small) > level(full) - 0.5
    assert level(small) > level(False) + 10


def test_data_of_another_size_are_found_on_a_few_paths():
    """As unusual as a galaxy's centre, or in other units; where even that is too dear, one line says so."""
    for mean, std in ((100.0, 3.0), (0.0, 100.0)):
        field, asked = counted(ss.Gaussian(mean, std))
        known = calibrate(field, steps=[4], budget=700)
        assert sum(asked) <= 700
        assert known.rho == pytest.approx(std, rel=0.6)
        assert known.mean == pytest.approx(mean, abs=std)
        asked.clear()
        with pytest.raises(ss.InputError, match="would have to be run again: take a larger budget"):
            calibrate(field, steps=[4], budget=200)
        assert sum(asked) <= 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": 40}, "budget = 40: expected 44 evaluations at least"),
        ({"budget": 100, "refine": 30}, "expected 404 evaluations at least"),
        ({"budget": 0}, "budget = 0"),
        ({"budget": 1e3}, "budget = 1000.0: expected a whole number"),
        ({"budget": "all"}, "budget = 'all'"),
        ({"budget": 1000, "tries": 3}, "budget decides them"),
        ({"budget": 1000, "pilot_steps": 32}, "budget decides them"),
        ({"budget": 1000, "conditions": {"y": torch.zeros(4)}}, "give shape too"),
        ({"budget": 1000, "shape": 1}, "the pilot's count = 1"),
    ],
)
def test_bad_input(options, said):
    with pytest.raises(ss.InputError, match=said):
        calibrate(counted()[0], steps=[6], **options)


def test_conditions_are_those_of_the_paths_that_are_taken():
    seen = []

    def model(x, time, y):  # noqa: ARG001
        seen.append(y)
        return -x

    field = FlowField(model, "linear", "velocity", shape=(2,), dtype=torch.float64)
    calibrate(field, 400, steps=[4], budget=500, conditions={"y": torch.arange(400)})
    assert all(torch.equal(y, torch.arange(len(y))) for y in seen)
    assert len(seen[0]) < 30
