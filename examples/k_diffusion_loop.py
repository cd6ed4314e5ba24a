"""sample_lazy where a k-diffusion or ComfyUI sampler goes: model(x, σ) is the denoised image.

    pip install '.[torch]' && python examples/k_diffusion_loop.py

The model is the exact denoiser of a Gaussian mixture in the plane, so the error is known.
"""

import torch

import symsched as ss
from symsched.bridge import FlowField, calibrate, lazy_sigmas, sample_lazy

LAW = ss.GaussianMixture([0.5, 0.5], [[-1, 0], [1, 0]], [0.3, 0.3])
SIGMA_MIN, SIGMA_MAX = 0.02, 80.0


def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """E[X | X + σ Z = x]."""
    return torch.as_tensor(LAW.eta_x_at(float(sigma[0]), 1.0, x.double().numpy())).to(x.dtype)


def main() -> None:
    """Ten lazy steps against two hundred, ten of Euler on the same levels, and ten calibrated ones."""
    noise = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    many, few = (lazy_sigmas(n, SIGMA_MIN, SIGMA_MAX) for n in (200, 10))
    converged, x = sample_lazy(denoise, SIGMA_MAX * noise, many, disable=True), SIGMA_MAX * noise
    found = {
        "Euler, VE": sample_lazy(denoise, x, few, solver="euler", target="edm", disable=True),
        "lazy-auto": sample_lazy(denoise, x, few, disable=True),
    }
    field = FlowField(denoise, "edm", "data", time="alpha/beta", shape=(2,))
    known = calibrate(field, 64, steps=[10], tries=12)
    fitted = lazy_sigmas(10, sigma_max=SIGMA_MAX, calibration=known)
    found["calibrated"] = sample_lazy(denoise, fitted[0] * noise, fitted, calibration=known, disable=True)
    for name, points in found.items():
        print(f"{name:10s} 10 steps: rms distance to 200 steps {(points - converged).square().mean().sqrt():.2e}")


if __name__ == "__main__":
    main()
