"""Schedules, models and a solver for flow_matching."""

from __future__ import annotations

import pytest
from adapting import FIELD, converged, noise, rms
from torched import torch

import symsched as ss
from symsched.bridge import calibrate, sample


@pytest.fixture(scope="module")
def matching():
    pytest.importorskip("flow_matching", reason="needs flow_matching")
    from symsched.bridge.adapters import flow_matching

    return flow_matching


def velocity(x, t):
    """A network answers at t = 1 too; the exact field is 0/0 there."""
    return FIELD.velocity(x.double(), min(float(t), 1 - 1e-6)).to(x.dtype)


def test_symbolic_schedulers_have_limits_where_the_stock_ones_have_nan(matching):
    from flow_matching.path.scheduler import CondOTScheduler, CosineScheduler

    times = torch.linspace(0, 1, 11)
    for ours, stock in (("linear", CondOTScheduler()), ("vp", CosineScheduler())):
        scheduler = matching.SymbolicScheduler(ours)
        for one, other in zip(vars(scheduler(times)).values(), vars(stock(times)).values(), strict=True):
            assert torch.allclose(one, other.expand(11), atol=1e-6)
        assert torch.allclose(
            scheduler.snr_inverse(torch.tensor([0.0, 0.5, 2.0])), stock.snr_inverse(torch.tensor([0.0, 0.5, 2.0]))
        )
    assert matching.SymbolicScheduler("vp").snr_inverse(torch.tensor([torch.inf])) == 1


@pytest.mark.slow
def test_lazy_model_in_the_real_solver(matching):
    from flow_matching.solver import ODESolver

    z = noise(dtype=torch.float64)
    for target, start in (("vp", 1), ("lazy(kappa=0, rho=2)", 2), ("linear", 1)):
        model = matching.LazyModel(velocity, "linear", target)
        end = ODESolver(model).sample(x_init=start * z, step_size=0.01, method="midpoint")
        assert rms(end, converged(z)) < 1e-3
    for t in (0.0, 1.0):
        assert torch.isfinite(matching.LazyModel(velocity, "linear", "vp")(z, torch.tensor(t))).all()
    with pytest.raises(ss.InputError, match="infinite at t = 0"):
        matching.LazyModel(velocity, "linear", "follmer")(z, torch.tensor(0.0))


def test_lazy_model_transforms_as_the_library_does_inside(matching):
    from flow_matching.path.scheduler import CondOTScheduler, CosineScheduler
    from flow_matching.path.scheduler.schedule_transform import ScheduleTransformedModel
    from flow_matching.utils import ModelWrapper

    class Wrapped(ModelWrapper):
        def forward(self, x, t, **_):
            return velocity(x, t)

    theirs = ScheduleTransformedModel(Wrapped(torch.nn.Identity()), CondOTScheduler(), CosineScheduler())
    ours = matching.LazyModel(velocity, "linear", "vp")
    z = noise(dtype=torch.float64)
    for t in (0.2, 0.5, 0.8):
        assert torch.allclose(theirs(z, torch.tensor(t)), ours(z, torch.tensor(t)), atol=1e-5)


# -- the solver ------------------------------------------------------------------------------------------------------


class Labelled(torch.nn.Module):
    """A network as the library's examples have them: t of no axes, a label among the extras."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x, t, label=None):
        assert t.ndim == 0
        return self.gain * velocity(x, t) + (0 if label is None else label[:, None])


@pytest.fixture(scope="module", params=[False, True], ids=["fitted start", "from noise"])
def fitted(request, matching):
    solver = matching.LazySolver(Labelled())
    return calibrate(solver.field((2,)), 48, steps=(6,), tries=6, pilot_steps=48, from_noise=request.param)


@pytest.mark.slow
def test_a_calibrated_solver_is_our_own_sampler(matching, fitted, tmp_path):
    from flow_matching.solver import ODESolver

    z = noise(dtype=torch.float64, seed=4)
    fitted.save(tmp_path / "model.json")
    solver = matching.LazySolver(Labelled(), calibration=tmp_path / "model.json")
    made = solver.sample(x_init=z, step_size=1 / 6)
    assert rms(made, sample(FIELD, noise=z, steps=6, calibration=fitted)) < 1e-4  # the file keeps five digits
    theirs = ODESolver(velocity).sample(x_init=z, step_size=1 / 3, method="midpoint")  # six evaluations as well
    assert rms(made, converged(z)) < rms(theirs, converged(z))
    label = torch.linspace(0, 1, 64, dtype=torch.float64)
    assert rms(solver.sample(x_init=z, step_size=1 / 6, label=label), made) > 0.1


def test_without_a_calibration_it_is_sample_too(matching):
    z = noise(dtype=torch.float64, seed=5)
    made = matching.LazySolver(velocity, solver="ab3c", target="vp").sample(x_init=z, step_size=0.1)
    assert rms(made, sample(FIELD, noise=z, steps=10, solver="ab3c", target="vp")) < 1e-6
    assert matching.LazySolver(velocity).sample(x_init=noise(), step_size=0.25).dtype == torch.float32


def test_what_the_solver_refuses(matching, fitted):
    with pytest.raises(ss.InputError, match="'linear', and here it is 'vp'"):
        matching.LazySolver(velocity, "vp", calibration=fitted)
    with pytest.raises(ss.InputError, match="step_size = 0"):
        matching.LazySolver(velocity).sample(x_init=noise(), step_size=0)


# -- times as torch has them -----------------------------------------------------------------------------------------


def trig(t):
    """(β, α, β̇, α̇) of vp by torch's own functions: flow_matching's letters."""
    quarter = torch.pi / 2
    beta, alpha = torch.sin(quarter * t), torch.cos(quarter * t)
    return beta, alpha, quarter * alpha, -quarter * beta


def test_a_schedule_is_differentiable_in_its_times(matching):
    """As flow_matching's own classes are; what came was a gradient of 0."""
    schedule = matching.SymbolicScheduler("vp")
    times = torch.rand(5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def ours(t):
        return tuple(vars(schedule(t)).values())

    assert torch.autograd.gradcheck(ours, (times,))
    assert torch.autograd.gradgradcheck(ours, (times,))
    for transform in (torch.func.jacfwd, torch.func.jacrev):
        for k in range(4):
            found = torch.vmap(transform(lambda t, k=k: ours(t)[k]))(times.detach())
            right = torch.vmap(transform(lambda t, k=k: trig(t)[k]))(times.detach())
            assert torch.allclose(found, right, atol=1e-12)


def test_whole_times_are_numbers_like_any(matching):
    """What came was truncated to whole numbers: α̇ = 1 for π/2, and times of 0 for 1/2 and 3/4."""
    found = tuple(vars(matching.SymbolicScheduler("vp")(torch.tensor([0, 1]))).values())
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, trig(torch.tensor([0.0, 1.0])), strict=True))
    assert matching.SymbolicScheduler("linear").snr_inverse(torch.tensor([1, 3])).tolist() == [0.5, 0.75]
    x = torch.ones(1, 1)
    model = matching.LazyModel(lambda x, **_: x, "linear", "vp")
    assert torch.equal(model(x=x, t=torch.tensor(0)), model(x=x, t=torch.tensor(0.0)))


def test_times_that_are_none_or_whose_derivative_would_be_lost(matching):
    schedule, model = matching.SymbolicScheduler("vp"), matching.LazyModel(lambda x, **_: x, "linear", "vp")
    x, time = torch.ones(1, 1), torch.tensor(0.3, requires_grad=True)
    for ask in (lambda: schedule(0.3), lambda: schedule.snr_inverse(2), lambda: model(x=x, t=0.3)):
        with pytest.raises(ss.InputError, match="expected a tensor"):
            ask()
    for ask in (lambda: model(x=x, t=time), lambda: torch.func.jacfwd(lambda t: model(x=x, t=t))(time.detach())):
        with pytest.raises(ss.InputError, match="derivative"):
            ask()
    with torch.no_grad():
        assert model(x=x, t=time).shape == (1, 1)


@pytest.mark.parametrize("target", ["alpha=(1-t)^2; beta=t", "vp", "lazy(kappa=0, rho=2)"])
def test_a_likelihood_in_another_schedule(matching, target):
    """N(0.4, 0.6²) has a known density, whatever schedule it is computed in; it begins at t = 1."""
    from flow_matching.solver import ODESolver

    mean, std = 0.4, 0.6

    def exact(x, t):
        variance = (1 - t) ** 2 + (std * t) ** 2
        return mean + (std**2 * t - (1 - t)) / variance * (x - t * mean)

    model = matching.LazyModel(exact, "linear", target)
    base = torch.distributions.Normal(0.0, float(model.conversion.target.at(0.0)[0]))
    x = torch.linspace(-1, 1.5, 7, dtype=torch.float64)[:, None]
    _, found = ODESolver(model).compute_likelihood(
        x_1=x, log_p0=lambda x: base.log_prob(x).sum(1), step_size=0.02, method="midpoint", exact_divergence=True
    )
    right = torch.distributions.Normal(mean, std).log_prob(x)[:, 0]
    assert torch.allclose(found, right, atol=5e-3)


@pytest.mark.parametrize("size", ["float32", "float64"])
def test_a_step_size_of_numpy(matching, size):
    import numpy as np

    solver, z = matching.LazySolver(velocity), noise()
    assert torch.equal(solver.sample(z, getattr(np, size)(0.25)), solver.sample(z, 0.25))
