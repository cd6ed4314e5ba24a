"""A DDPM pipeline in the lazy schedule, and with a calibration. The U-Net is tiny and random.

    pip install '.[diffusers]' && python examples/ddpm_pipeline.py

It prints how far each sampler stays from converged images.
"""

import numpy as np
import torch
from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

from symsched.bridge import LazyVPScheduler, calibrate


def tiny_pipeline() -> DDIMPipeline:
    """Random weights, images of 3 × 16 × 16."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=16, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    ).requires_grad_(False)  # fmt: skip
    unet.time_embedding.linear_1.weight.zero_()  # these two make it as smooth as training makes a network:
    unet.conv_out.weight *= 0.2  # at random it jumps with time and state, and no number of steps is enough
    pipe = DDIMPipeline(unet, DDIMScheduler(prediction_type="sample", timestep_spacing="trailing", clip_sample=False))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def images(pipe: DDIMPipeline, steps: int) -> np.ndarray:
    """Two images of one seed."""
    return pipe(2, generator=torch.Generator().manual_seed(1), num_inference_steps=steps, output_type="np").images


def main() -> None:
    """Ten lazy steps and ten calibrated ones against ten of DDIM, all against two hundred."""
    pipe = tiny_pipeline()
    converged, stock = images(pipe, 200), images(pipe, 10)
    pipe.scheduler = LazyVPScheduler.from_config(pipe.scheduler.config, grid="angle(rho=1)")
    lazy = images(pipe, 10)
    field = pipe.scheduler.field(pipe.unet, shape=(3, 16, 16))
    known = calibrate(field, 8, steps=[10], tries=4, from_noise=True)
    pipe.scheduler = LazyVPScheduler.from_config(pipe.scheduler.config, calibration=known.to_json())
    fitted = images(pipe, 10)
    for name, found in (("DDIM", stock), ("lazy", lazy), ("calibrated", fitted)):
        print(f"{name:10s} 10 steps: rms distance to 200 steps {np.sqrt(np.mean((found - converged) ** 2)):.2e}")


if __name__ == "__main__":
    main()
