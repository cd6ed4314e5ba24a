"""DPM-Solver++, its SDE and UniPC against diffusers' schedulers, on the same field and the same sigmas."""

import numpy as np
import pytest
from oracle import GAUSSIAN, MIXTURE, plan_of, run
from torched import torch

import symsched as ss
from symsched.bridge import grids
from symsched.bridge.levels import Frame, as_native
from symsched.bridge.solvers import find

diffusers = pytest.importorskip("diffusers", reason="compares with diffusers: pip install 'symsched[diffusers]'")

COUNTS = (1, 2, 3, 5, 8, 16, 20)
CASES = {
    "dpmpp2m": ("DPMSolverMultistepScheduler", {"solver_order": 2}),
    "dpmpp3m": ("DPMSolverMultistepScheduler", {"solver_order": 3}),
    "unipc2": ("UniPCMultistepScheduler", {"solver_order": 2, "solver_type": "bh2", "predict_x0": True}),
    "unipc3": ("UniPCMultistepScheduler", {"solver_order": 3, "solver_type": "bh2", "predict_x0": True}),
}
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "lower_order_final": True}


def theirs(solver, steps, shift, law, z, noise=None, **more):
    """Their loop in float64, and the sigmas it took."""
    name, options = CASES.get(solver, ("DPMSolverMultistepScheduler", {"solver_order": 2}))
    scheduler = getattr(diffusers, name)(**options, **FLOW, flow_shift=shift, **more)
    scheduler.set_timesteps(steps)
    sigmas = scheduler.sigmas.double()
    scheduler.sigmas, x = sigmas, torch.as_tensor(z)
    for k, time in enumerate(scheduler.timesteps):
        sigma = float(sigmas[k])
        state = x.numpy()
        data = law.eta_x_at(sigma, 1 - sigma, state[:, 0]).reshape(state.shape)
        given = {} if noise is None else {"variance_noise": torch.as_tensor(noise[k])}
        output = torch.as_tensor((state - data) / sigma)  # their flow points from data to noise
        x = scheduler.step(output, time, x, **given).prev_sample
    return x.numpy(), sigmas.numpy()


def ours(solver, sigmas, law, z, kappa=0, noise=None, **options):
    frame = Frame(as_native("linear"), ss.schedules.linear(), kappa)
    plan = plan_of(find(solver), frame, grids.flow(sigmas).times(frame, len(sigmas) - 1), **options)
    start = plan.stages[0].alpha  # their state begins as z, whatever the first sigma
    return run(plan, law, z / start, noise), plan


@pytest.fixture(scope="module")
def z():
    return np.random.default_rng(5).standard_normal((40, 1))


@pytest.mark.parametrize("law", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("solver", CASES)
def test_the_numbers_are_those_of_diffusers(solver, shift, law, z):
    for steps in COUNTS:
        expected, sigmas = theirs(solver, steps, shift, law, z)
        lower = {"lower": float(steps < 15)} if solver == "dpmpp3m" else {}
        found, _ = ours(solver, sigmas, law, z, **lower)
        np.testing.assert_allclose(found, expected, atol=3e-6, rtol=0)  # they round each step to float32


@pytest.mark.parametrize("steps", COUNTS)
def test_the_sde_step_is_theirs_with_the_same_noise(steps, z):
    noise = np.random.default_rng(7).standard_normal((steps, *z.shape))
    expected, sigmas = theirs("sde-dpmpp", steps, 3.0, GAUSSIAN, z, noise, algorithm_type="sde-dpmsolver++")
    found, plan = ours("sde-dpmpp", sigmas, GAUSSIAN, z, kappa=1, noise=noise)
    np.testing.assert_allclose(found, expected, atol=3e-6, rtol=0)
    assert plan.stages[-1].predict.noise == 0


@pytest.mark.parametrize("solver", CASES)
def test_another_solver_would_be_told_apart(solver, z):
    expected, sigmas = theirs(solver, 8, 3.0, MIXTURE, z)
    for other in {*CASES, "ddim"} - {solver}:
        assert np.abs(ours(other, sigmas, MIXTURE, z)[0] - expected).max() > 1e-3
