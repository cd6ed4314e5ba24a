"""Who may write on which tensor: what is handed out is the caller's, and what is handed in is read once.

Each run is compared with the same one whose model and caller make a new tensor each time.
"""

from __future__ import annotations

import pytest
from torched import torch

from symsched.bridge import FlowField, sample
from symsched.bridge.adapters.k_diffusion import lazy_sigmas, sample_lazy

SOLVERS = ("euler", "ab3c", "dpmpp3m", "unipc3", "heun", "lazy-auto")
Z = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def fresh(x, time):
    return torch.tanh(x * (1 + time.reshape(-1, 1)))


class Buffered:
    """A model that answers into one buffer for each shape, as a captured graph does."""

    def __init__(self):
        self.buffers = {}

    def __call__(self, x, time):
        answer = fresh(x, time)
        return self.buffers.setdefault(answer.shape, torch.empty_like(answer)).copy_(answer)


def overwriting(x, time):
    """A model that begins with an operation in place, such as ReLU(inplace=True)."""
    answer = fresh(x, time)
    x.zero_()
    return answer


def run(model, solver, prediction="data", **options):
    return sample(FlowField(model, "linear", prediction, shape=(3,)), noise=Z, steps=5, solver=solver, **options)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("batch", [None, 2])
def test_a_model_that_answers_into_one_buffer(solver, batch):
    for prediction in ("data", "velocity"):
        right = run(fresh, solver, prediction)
        assert torch.equal(run(Buffered(), solver, prediction, batch=batch), right)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_model_that_writes_on_its_input(solver):
    assert torch.equal(run(overwriting, solver), run(fresh, solver))


def test_noise_and_buffers_with_kappa():
    options = {"kappa": 1, "seed": 4}
    assert torch.equal(run(Buffered(), "sde-dpmpp", **options), run(fresh, "sde-dpmpp", **options))
    before = Z.clone()
    run(overwriting, "lazy", **options)
    assert torch.equal(Z, before)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_that_writes_on_what_it_sees(solver):
    def spoil(step):
        step.state.zero_()
        step.output.fill_(7)

    right, path = run(fresh, solver, trajectory=True)
    found, seen = run(fresh, solver, trajectory=True, callback=spoil)
    assert torch.equal(found, right)
    assert torch.equal(seen.states, path.states)


@pytest.mark.parametrize("solver", ["ddim", "dpmpp2m", "unipc3", "lazy-auto"])
def test_buffers_in_a_loop_of_k_diffusion(solver):
    sigmas = lazy_sigmas(5, 0.1, 10.0)
    right, found = (
        sample_lazy(model, sigmas[0] * Z, sigmas, solver=solver, disable=True) for model in (fresh, Buffered())
    )
    assert torch.equal(found, right)


def schedulers():
    diffusers = pytest.importorskip("symsched.bridge.adapters.diffusers", reason="needs diffusers")
    return (diffusers.LazyScheduler, lambda **o: diffusers.LazyVPScheduler(prediction_type="sample", **o))


@pytest.mark.parametrize("solver", ["ab3c", "dpmpp2m", "unipc3", "lazy-auto"])
@pytest.mark.parametrize("which", [0, 1], ids=["flow", "vp"])
def test_latents_edited_in_place_between_steps(which, solver):
    """`latents += 0.1` and `latents = latents + 0.1` are the same edit; so are answers in one buffer."""
    ends = []
    for in_place in (False, True):
        scheduler, x, buffer = schedulers()[which](solver=solver), Z.clone(), torch.empty_like(Z)
        scheduler.set_timesteps(5)
        for time in scheduler.timesteps:
            answer = torch.tanh(x)
            x = scheduler.step(buffer.copy_(answer) if in_place else answer, time, x).prev_sample
            if in_place:
                x += 0.1
            else:
                x = x + 0.1
        ends.append(x)
    assert torch.allclose(*ends, atol=1e-6)
