"""flow_matching's own ODE solver on a model seen through the lazy schedule, and a calibrated solver beside it.

    pip install '.[bridge]' && python examples/flow_matching_solver.py

The model is the exact velocity of a Gaussian mixture in the plane, trained (so to say) on the linear path.
"""

import torch
from flow_matching.solver import ODESolver

import symsched as ss
from symsched.bridge import LazyModel, LazySolver, calibrate, exact_field

FIELD = exact_field(ss.GaussianMixture([0.5, 0.5], [[-1, 0], [1, 0]], [0.3, 0.3]), "linear", "velocity")


def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """b(t, x) of the linear path."""
    return FIELD.velocity(x.double(), float(t)).to(x.dtype)


def main() -> None:
    """Eight steps of the midpoint rule along either path, and a calibrated table of as many evaluations, sixteen."""
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    exact = ODESolver(velocity).sample(x_init=x, step_size=1 / 400, method="midpoint")
    known = calibrate(LazySolver(velocity).field((2,)), 64, steps=[16], tries=12)
    found = {
        name: ODESolver(LazyModel(velocity, "linear", target)).sample(x_init=x, step_size=1 / 8, method="midpoint")
        for name, target in (("linear", "linear"), ("lazy", "lazy(kappa=0, rho=1)"))
    }
    found["calibrated"] = LazySolver(velocity, calibration=known).sample(x_init=x, step_size=1 / 16)
    for name, points in found.items():
        error = (points - exact).square().mean().sqrt()
        print(f"{name:10s} 16 evaluations: rms distance to 400 steps {error:.2e}")


if __name__ == "__main__":
    main()
