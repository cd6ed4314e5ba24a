"""Whose noise a run gets: the generator's, else a fresh seed's that is recorded, and each image its own.

Correlations are judged at a total false-positive rate of about 1e-6: over n independent pixels the correlation of two
independent images is normal with deviation 1/√n, and no pair of at most 200 lies beyond 5.5 of them.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from torched import torch

import symsched as ss
from symsched.bridge import sample
from symsched.bridge.adapters.flow_matching import LazySolver
from symsched.bridge.adapters.k_diffusion import sample_lazy

pytest.importorskip("diffusers", reason="needs diffusers: pip install 'symsched[diffusers]'")

from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, UNet2DModel

from symsched.bridge.adapters.diffusers import LazyScheduler, LazyVPScheduler

SHAPE, STEPS, BOUND = (3, 24, 24), 4, 5.5
SIGMAS = torch.tensor([20.0, 5.0, 1.0, 0.3, 0.0])


def start(count, seed=0):
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def correlation(a, b):
    """In units of its deviation for independent images, about a mean of 0."""
    a, b = a.double().flatten(), b.double().flatten()
    return abs(float(a @ b / (a.norm() * b.norm()))) * np.sqrt(len(a))


def loop(scheduler, z, generator=None):
    """A pipeline's loop over a network that always answers 0: what is left at the end is the start and the noise."""
    scheduler.set_timesteps(STEPS)
    for time in scheduler.timesteps[:-1]:  # the last step ends in the estimate of the data, without noise
        z = scheduler.step(torch.zeros_like(z), time, z, generator=generator, return_dict=False)[0]
    return z


def flow(**options):
    return LazyScheduler(kappa=1, **options)


def noisy(**options):
    return LazyVPScheduler(kappa=1, prediction_type="sample", **options)


@pytest.fixture(params=[flow, noisy], ids=["flow", "vp"])
def make(request):
    return request.param


def test_runs_without_a_generator_are_independent(make):
    """Fifteen pairs of six runs from the same state z = 0; the twin repeats one seed, as every run once did."""
    scheduler, zero, ends, seeds = make(), torch.zeros(1, *SHAPE), [], []
    for _ in range(6):
        ends.append(loop(scheduler, zero))
        seeds.append(scheduler.last_seed)
    assert len(set(seeds)) == 6
    assert max(correlation(a, b) for a, b in itertools.combinations(ends, 2)) < BOUND
    twin = [loop(make(seed=0), zero) for _ in range(2)]
    assert correlation(*twin) == pytest.approx(np.sqrt(np.prod(SHAPE)))


def test_the_mean_over_runs_falls_as_for_independent_noise(make):
    """Var of the mean of 40 runs is σ²/40, to within 5.5 deviations √(2/n) of χ² over n pixels; of one seed's, σ²."""
    scheduler, zero = make(), torch.zeros(1, *SHAPE)
    runs = torch.stack([loop(scheduler, zero).double() for _ in range(40)])
    spread = float(40 * runs.mean(0).square().mean() / runs.square().mean())
    assert abs(spread - 1) < BOUND * np.sqrt(2 / np.prod(SHAPE))
    fixed = make(seed=3)
    twin = torch.stack([loop(fixed, zero).double() for _ in range(4)])
    assert float(4 * twin.mean(0).square().mean() / twin.square().mean()) == pytest.approx(4)


def test_a_run_is_repeated_from_its_seed_and_by_torchs_own(make):
    scheduler, z = make(), start(3)
    end = loop(scheduler, z)
    assert torch.equal(loop(make(seed=scheduler.last_seed), z), end)
    again = type(scheduler).from_config(scheduler.config, seed=scheduler.last_seed)
    assert torch.equal(loop(again, z), end)
    torch.manual_seed(5)
    one = loop(scheduler, z)
    assert not torch.equal(one, end)
    torch.manual_seed(5)
    assert torch.equal(loop(scheduler, z), one)


def test_no_noise_leaves_torchs_generator_alone(make):
    """κ = 0, and runs that are given a generator, draw no seed."""
    before = torch.get_rng_state()
    quiet = type(make())(prediction_type="sample") if make is noisy else LazyScheduler()
    loop(quiet, start(1))
    given = make()
    loop(given, start(1), torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert quiet.last_seed is None
    assert given.last_seed is None


def test_the_generator_decides(make):
    zero = torch.zeros(1, *SHAPE)
    ends = [loop(make(), zero, torch.Generator().manual_seed(k)) for k in range(6)]
    assert max(correlation(a, b) for a, b in itertools.combinations(ends, 2)) < BOUND
    assert torch.equal(loop(make(), zero, torch.Generator().manual_seed(4)), ends[4])
    assert torch.equal(loop(make(seed=9), zero, torch.Generator().manual_seed(4)), ends[4])


def test_an_image_is_redrawn_alone_from_its_own_generator(make):
    zero = torch.zeros(4, *SHAPE)
    ends = loop(make(), zero, [torch.Generator().manual_seed(k) for k in range(4)])
    assert max(correlation(a, b) for a, b in itertools.combinations(ends, 2)) < BOUND
    alone = loop(make(), zero[:1], [torch.Generator().manual_seed(2)])
    assert torch.allclose(alone[0], ends[2])
    assert torch.equal(loop(make(), zero[:1], torch.Generator().manual_seed(2)), alone)


def test_an_image_is_redrawn_alone_by_its_number(make):
    z = start(4)
    scheduler = make()
    ends = loop(scheduler, z)
    noise = ends - loop(make(seed=scheduler.last_seed), z.flip(0)).flip(0)  # images inside a batch differ
    assert float(noise.abs().max()) > 0.1
    alone = loop(make(seed=scheduler.last_seed, indices=[2]), z[2:3])
    assert torch.allclose(alone[0], ends[2], atol=1e-6)
    with pytest.raises(ss.InputError, match=r"1 indices for 4 samples"):
        loop(make(seed=1, indices=[2]), z)


def test_images_of_a_batch_and_steps_of_a_run_are_independent(make):
    scheduler = make()
    scheduler.set_timesteps(STEPS)
    zero = torch.zeros(3, *SHAPE)  # each step starts from it again
    states = [scheduler.step(zero, time, zero).prev_sample for time in scheduler.timesteps[:-1]]
    ends = [image for state in states for image in state if float(image.abs().max())]
    assert len(ends) == 9
    assert max(correlation(a, b) for a, b in itertools.combinations(ends, 2)) < BOUND


def test_it_is_the_noise_of_sample():
    """The scheduler's run from its seed is `sample`'s from the same: the noise of (seed, number, evaluation)."""
    field = ss.bridge.FlowField(lambda x, _: -torch.tanh(x), shape=SHAPE)
    z = start(2)
    own = sample(field, noise=z, kappa=1, steps=STEPS, seed=11, indices=[4, 7], grid="flow([1, 0.75, 0.5, 0.25])")
    scheduler = flow(seed=11, indices=[4, 7])
    scheduler.set_timesteps(STEPS)
    for time in scheduler.timesteps:
        z = scheduler.step(torch.tanh(z), time, z).prev_sample
    assert torch.allclose(z, own, atol=1e-5)


def test_a_second_loop_over_the_same_timesteps_is_a_run_of_its_own():
    scheduler, zero = noisy(), torch.zeros(1, *SHAPE)
    scheduler.set_timesteps(STEPS)
    ends = []
    for _ in range(2):
        x = zero
        for time in scheduler.timesteps[:-1]:
            x = scheduler.step(zero, time, x).prev_sample
        ends.append(x)
    assert correlation(*ends) < BOUND


def test_a_pipeline_that_goes_back_gets_new_noise():
    """RePaint's loops: the same timestep twice in a run."""
    scheduler, zero = noisy(), torch.zeros(1, *SHAPE)
    scheduler.set_timesteps(STEPS)
    scheduler.step(zero, scheduler.timesteps[0], zero)
    once, twice = (scheduler.step(zero, scheduler.timesteps[1], zero).prev_sample for _ in range(2))
    assert correlation(once, twice) < BOUND


@pytest.mark.parametrize("generator", [3, "a", [3], [], [torch.Generator()] * 3])
def test_a_generator_that_is_none(make, generator):
    with pytest.raises(ss.InputError, match="generator"):
        loop(make(), torch.zeros(2, *SHAPE), generator)


# -- whole pipelines -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    return UNet2DModel(16, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
                       down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2)  # fmt: skip


def images(pipe, generator=None, count=1):
    steps = {"num_inference_steps": 6, "output_type": "np"}
    return torch.as_tensor(pipe(count, generator=generator, **steps).images) - 0.5


@pytest.mark.parametrize("pipeline", [DDIMPipeline, DDPMPipeline])
def test_six_seeds_through_a_pipeline_are_no_nearer_than_the_stock_ones(pipeline, unet):
    """All fifteen pairs once correlated 1: noise that did not depend on the generator swamped the start.

    A network of this kind answers much the same everywhere, so that images of the stock scheduler correlate too; with
    κ = 1 they may not do so more than with DDIM at η = 1, by more than 0.1.
    """

    def most(pipe):
        ends = [images(pipe, torch.Generator().manual_seed(k)).flatten() for k in range(6)]
        ends = [end - torch.stack(ends).mean() for end in ends]
        return max(float(torch.corrcoef(torch.stack(pair))[0, 1]) for pair in itertools.combinations(ends, 2))

    pipe = pipeline(unet, DDIMScheduler(prediction_type="sample"))
    pipe.set_progress_bar_config(disable=True)
    config = DDIMScheduler(prediction_type="sample").config
    plain = most(_with(pipe, DDIMScheduler.from_config(config)))
    assert most(_with(pipe, LazyVPScheduler.from_config(config, kappa=1))) < plain + 0.1
    assert most(_with(pipe, Deaf.from_config(config, kappa=1, seed=0))) > plain + 0.2


class Deaf(LazyVPScheduler):
    """What it was: the generator is not heard."""

    def step(self, *args, **options):
        return super().step(*args, **options | {"generator": None})


def _with(pipe, scheduler):
    pipe.scheduler = scheduler
    return pipe


@pytest.mark.parametrize("pipeline", [DDIMPipeline, DDPMPipeline])
def test_a_pipelines_images_belong_to_their_generators(pipeline, unet):
    pipe = pipeline(unet, DDIMScheduler(prediction_type="sample"))
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = LazyVPScheduler.from_config(pipe.scheduler.config, kappa=1)
    one = images(pipe, torch.Generator().manual_seed(1))
    assert torch.equal(images(pipe, torch.Generator().manual_seed(1)), one)
    assert not torch.allclose(images(pipe, torch.Generator().manual_seed(2)), one, atol=0.05)
    both = images(pipe, [torch.Generator().manual_seed(k) for k in (2, 1)], 2)
    assert torch.allclose(both[1], one[0], atol=1e-4)


# -- k-diffusion, ComfyUI, flow_matching -----------------------------------------------------------------------------


def lazy(x, extra=None, **options):
    """The state before the last step, which ends in the estimate 0."""
    seen = []
    sample_lazy(lambda x, _, **__: 0 * x, x, SIGMAS, extra, seen.append, True, kappa=1, **options)
    return seen[-1]["x"], seen[-1]["seed"]


def test_calls_of_sample_lazy_are_independent():
    zero = torch.zeros(2, *SHAPE)
    ends = [lazy(zero)[0] for _ in range(4)]
    flat = [image for end in ends for image in end]
    assert max(correlation(a, b) for a, b in itertools.combinations(flat, 2)) < BOUND
    assert torch.equal(lazy(zero, seed=5)[0], lazy(zero, seed=5)[0])
    end, seed = lazy(zero)
    assert torch.equal(lazy(zero, seed=seed)[0], end)
    torch.manual_seed(1)
    one = lazy(zero)[0]
    torch.manual_seed(1)
    assert torch.equal(lazy(zero)[0], one)


def test_comfys_seed_is_honoured():
    """extra_args["seed"] decides unless `seed` is given; six seeds, fifteen pairs."""
    zero = torch.zeros(1, *SHAPE)
    ends = [lazy(zero, {"seed": k})[0] for k in range(6)]
    assert max(correlation(a, b) for a, b in itertools.combinations(ends, 2)) < BOUND
    assert torch.equal(lazy(zero, {"seed": 2})[0], ends[2])
    assert torch.equal(lazy(zero, {"seed": 9}, seed=2)[0], ends[2])
    assert not torch.equal(lazy(zero, {"seed": None})[0], lazy(zero, {"seed": None})[0])


def test_sample_lazy_redraws_one_image():
    x = 20 * start(4)
    whole, _ = lazy(x, seed=3)
    assert torch.equal(lazy(x[2:3], seed=3, indices=[2])[0][0], whole[2])
    assert not torch.equal(lazy(x[2:3], seed=3)[0][0], whole[2])


def test_k_diffusions_noise_sampler_is_asked():
    asked = []

    def noise_sampler(sigma, following):
        asked.append((float(sigma), float(following)))
        return torch.ones(1, *SHAPE)

    end, seed = lazy(torch.zeros(1, *SHAPE), noise_sampler=noise_sampler)
    assert asked == [pytest.approx(pair) for pair in itertools.pairwise(SIGMAS.tolist())][:-1]
    assert seed is None
    assert end.unique().numel() == 1
    assert float(end.mean()) > 0
    with pytest.raises(ss.InputError, match="noise_sampler with seed"):
        lazy(torch.zeros(1, *SHAPE), seed=1, noise_sampler=noise_sampler)


def test_lazy_solver_records_its_seed():
    solver = LazySolver(lambda x, **_: -x, kappa=1)
    z = start(3)
    one, seed = solver.sample(z, 1 / 4), solver.last_seed
    assert not torch.equal(solver.sample(z, 1 / 4), one)
    assert torch.equal(solver.sample(z, 1 / 4, seed=seed), one)
    assert torch.allclose(solver.sample(z[1:2], 1 / 4, seed=seed, indices=[1])[0], one[1], atol=1e-6)
