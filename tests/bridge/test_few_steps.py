"""The few-steps benchmark: contenders ask as often as they say, peers run as they should, the verdict adds up."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import numpy as np  # noqa: E402

import symsched as ss  # noqa: E402
from benchmarks import few_steps, quality, verdicts  # noqa: E402
from benchmarks.arenas import Arena  # noqa: E402
from benchmarks.contenders import CONTENDERS, Contender, diffusers, planned, shifted  # noqa: E402
from symsched.bridge import Calibration, exact_field  # noqa: E402

LAW = ss.GaussianMixture([0.5, 0.5], [[-0.6, 0.1], [0.5, -0.2]], [0.1, 0.2])


@pytest.fixture(scope="module")
def field():
    made = exact_field(LAW)
    made.calibration = Calibration("linear", np.zeros(2), 0.5, {})
    return made


@pytest.fixture(scope="module")
def z():
    return torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_a_contender_asks_the_model_as_often_as_it_may(contender, field, z, monkeypatch):
    calls, model = [], field.model
    monkeypatch.setattr(field, "model", lambda *given: calls.append(given) or model(*given))
    samples = contender.run(field, z, 6, contender.options[len(contender.options) // 2])
    if samples is None:
        assert contender.name == "spectral lazy"  # needs images
        return
    assert bool(torch.isfinite(samples).all())
    assert len(calls) == (5 if contender.name.startswith("Heun") else 6)


def test_a_shift_is_applied_once():
    assert shifted(4, 3.0, 1.0) == pytest.approx([1, 0.9, 0.75, 0.5, 0])
    twice = 3 * shifted(4, 3.0, 1.0) / (1 + 2 * shifted(4, 3.0, 1.0))  # the twin
    assert abs(twice - shifted(4, 3.0, 1.0)).max() > 0.05


def test_the_peer_of_order_one_is_euler_on_the_same_levels(field, z):
    """One-step DPM-Solver++ of a linear flow is Euler's method: a wrong time, shift or prediction would show."""
    peer = diffusers("DPMSolverMultistepScheduler", 1)(field, z, 8, (2.0, 1 - 1e-6))
    ours = planned("euler", grid="shift({})")(field, z, 8, 2.0)
    assert (peer - ours).abs().max() < 1e-4
    other = planned("euler", grid="shift({})")(field, z, 8, 0.5)  # the twin: the shift upside down
    assert (peer - other).abs().max() > 1e-2


@pytest.mark.slow
def test_the_endpoint_is_nearer_than_its_stated_error(field, z):
    place = Arena("small", field, torch.zeros(2, 2), endpoints=40, samples=40, fine=64)
    end, stated = place.endpoint(z)
    finer, _ = replace(place, fine=512).endpoint(z)
    assert float((end - finer).square().mean().sqrt()) < stated


def test_the_best_option_is_chosen(field, z):
    place = Arena("small", field, torch.zeros(2, 2), endpoints=40, samples=40)
    run = lambda field, z, count, option: z + option  # noqa: E731, ARG005
    ground = few_steps.Ground({few_steps.PILOT: z}, {few_steps.PILOT: z}, 0.0, None)
    assert few_steps.choose(Contender("?", "ours", run, (0.3, -0.1, 0.2)), place, ground, 6) == -0.1


def table(gain):
    """Rows of two peers, one strong at few evaluations and one at many, and of ours, `gain` above both."""
    rows = []
    for n in verdicts.JUDGED:
        peers = {"early": 30.0 - n / 2, "late": 20.0 + n}
        rows += [
            {"field": "f", "contender": k, "group": "rival", "evaluations": n, "psnr": v} for k, v in peers.items()
        ]
        rows.append(rows[-1] | {"contender": "ours", "group": "ours", "psnr": max(peers.values()) + gain})
    return rows


@pytest.fixture(scope="module")
def judged(field):
    """An arena, its ground, and the distances of a good and of a bad law."""
    place = Arena("f", field, torch.as_tensor(LAW.sample(200, seed=1)), endpoints=8, samples=100)
    ground = few_steps.Ground({}, {few_steps.OTHER: torch.as_tensor(LAW.sample(100, seed=3))}, 0.0, None)
    samples = torch.as_tensor(LAW.sample(100, seed=2))
    return tuple(
        {key: quality.bootstrap(d) for key, d in few_steps.distances(points, place, ground).items()}
        for points in (samples, samples + 0.2)
    )


def laws(good, bad, worse_at):
    found = {(name, n): good for name in ("early", "late") for n in verdicts.LAW_COUNTS}
    return found | {("ours", n): bad if n == worse_at else good for n in verdicts.LAW_COUNTS}


def test_the_verdict_is_against_the_strongest_peer(judged):
    found = verdicts.verdict("f", table(2.0), laws(*judged, 8), "ours")
    assert found["strongest"] == "late"
    assert found["gain_over_best_at_each_count_db"] == pytest.approx(dict.fromkeys(verdicts.JUDGED, 2.0))
    late = np.mean([20 + n for n in verdicts.JUDGED])
    best = np.mean([max(30 - n / 2, 20 + n) for n in verdicts.JUDGED])
    assert found["mean_gain_over_strongest_db"] == pytest.approx(2 + best - late)
    for key, own in (("law_to_data", False), ("law_to_converged", True)):
        assert {entry["evaluations"] for entry in found[key]["farther_than"]} == {8}
        assert all(entry["measure"].startswith(verdicts.OWN) == own for entry in found[key]["farther_than"])
        assert found[key]["comparisons"] == 2 * 2 * len(verdicts.LAW_COUNTS)  # peers, measures, counts
        assert found[key]["farther_together"] > 0


def test_a_law_that_is_no_farther_is_not_called_so(judged):
    good, bad = judged
    found = verdicts.verdict("f", table(2.0), laws(good, bad, worse_at=None), "ours")
    assert found["law_to_data"]["farther_than"] == []
    turned = {key: (good if key[0] == "ours" else bad) for key in laws(good, bad, None)}
    assert verdicts.verdict("f", table(2.0), turned, "ours")["law_to_data"]["closer_together"] > 0


def test_the_converged_law_is_compared_as_well(judged):
    found = laws(*judged, 8) | {("converged", n): judged[0] for n in verdicts.LAW_COUNTS}
    kept = verdicts.control("f", found, "converged", ["early", "late"])
    assert kept["law_to_data"]["comparisons"] == 2 * 2 * len(verdicts.LAW_COUNTS)
    assert kept["law_to_data"]["farther_than"] == []


def test_among_many_comparisons_a_small_gap_is_not_significant():
    rng = np.random.default_rng(0)
    gap = quality.Draws(2.2, 2.2 + rng.standard_normal(400))
    assert verdicts.side(gap, 1) == 1
    assert verdicts.side(gap, 100) == 0
    assert verdicts.side(quality.Draws(-5.0, -5 + rng.standard_normal(400)), 100) == -1


def test_a_run_goes_on_where_it_was(field, z, tmp_path, monkeypatch):
    """What a contender gave is read from its file; a second call computes nothing, and says the same."""
    draws = {6: {"mmd": quality.Draws(1.0, np.array([0.5, 1.5]))}}
    calls = []
    monkeypatch.setattr(few_steps, "compute", lambda *given: calls.append(given) or ([{"psnr": 1.5}], draws))
    first, second = (few_steps.contest("f", "UniPC-3", None, tmp_path, True, tmp_path) for _ in range(2))
    assert len(calls) == 1
    assert first[0] == second[0] == [{"psnr": 1.5}]
    assert second[1][6]["mmd"].drawn.tolist() == [0.5, 1.5]
    ground = few_steps.Ground({1: z}, {1: z + 1}, 0.5, field.calibration)
    ground.save(tmp_path / "f.pt")
    again = few_steps.prepare("f", tmp_path, True, tmp_path)
    assert torch.equal(again.ends[1], z + 1)
    assert again.calibration.rho == field.calibration.rho
