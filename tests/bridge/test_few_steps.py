"""The few-steps benchmark: contenders ask as often as they say, peers run as they should, the verdict adds up."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import numpy as np  # noqa: E402

import symsched as ss  # noqa: E402
from benchmarks import few_steps, quality  # noqa: E402
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
    for n in few_steps.JUDGED:
        peers = {"early": 30.0 - n / 2, "late": 20.0 + n}
        rows += [
            {"field": "f", "contender": k, "group": "rival", "evaluations": n, "psnr": v} for k, v in peers.items()
        ]
        rows.append(rows[-1] | {"contender": "ours", "group": "ours", "psnr": max(peers.values()) + gain})
    return rows


def test_the_verdict_is_against_the_strongest_peer(field):
    place = Arena("f", field, torch.as_tensor(LAW.sample(200, seed=1)), endpoints=8, samples=100)
    samples = LAW.sample(100, seed=2)
    good, bad = (
        {key: quality.bootstrap(d) for key, d in few_steps.distances(points, place).items()}
        for points in (samples, samples + 0.2)
    )
    laws = {(name, n): good for name in ("early", "late") for n in few_steps.LAW_COUNTS}
    laws |= {("ours", n): bad if n == 8 else good for n in few_steps.LAW_COUNTS}
    found = few_steps.verdict("f", table(2.0), laws, "ours")
    assert found["strongest"] == "late"
    assert found["gain_over_best_at_each_count_db"] == pytest.approx(dict.fromkeys(few_steps.JUDGED, 2.0))
    late = np.mean([20 + n for n in few_steps.JUDGED])
    best = np.mean([max(30 - n / 2, 20 + n) for n in few_steps.JUDGED])
    assert found["mean_gain_over_strongest_db"] == pytest.approx(2 + best - late)
    assert list(found["worse_in_law_than"]) == [8]
