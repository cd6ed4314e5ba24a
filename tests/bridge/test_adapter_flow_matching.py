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
