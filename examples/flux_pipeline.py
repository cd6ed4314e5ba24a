"""A Flux pipeline in the lazy schedule: one line changes. The pipeline here is tiny and random, so it runs offline.

    pip install '.[diffusers]' && python examples/flux_pipeline.py

With a real one:  pipe = FluxPipeline.from_pretrained("black-forest-labs/FLUX.1-dev", torch_dtype=torch.bfloat16)
"""

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

from symsched.bridge import LazyScheduler


def tiny_pipeline() -> FluxPipeline:
    """Random weights, latents of 4 × 8 × 8; the text encoders are replaced by embeddings given outright."""
    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=[4, 4, 8],
    )  # fmt: skip
    vae = AutoencoderKL(
        sample_size=32, in_channels=3, out_channels=3, block_out_channels=(4,), layers_per_block=1, latent_channels=4,
        norm_num_groups=1, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5,
    )  # fmt: skip
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    nothing = dict.fromkeys(("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"))
    pipe = FluxPipeline(scheduler, vae=vae, transformer=transformer, **nothing)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def images(pipe: FluxPipeline, steps: int) -> torch.Tensor:
    """Latents for two prompts."""
    generator = torch.Generator().manual_seed(1)
    prompt, pooled = torch.randn(2, 7, 32, generator=generator), torch.randn(2, 32, generator=generator)
    return pipe(
        prompt_embeds=prompt, pooled_prompt_embeds=pooled, num_inference_steps=steps, height=16, width=16,
        generator=generator, output_type="latent", guidance_scale=3.5,
    ).images  # fmt: skip


def main() -> None:
    """Eight lazy steps against the stock scheduler's, both against two hundred."""
    pipe = tiny_pipeline()
    converged, stock = images(pipe, 200), images(pipe, 8)
    pipe.scheduler = LazyScheduler.from_config(pipe.scheduler.config)
    lazy = images(pipe, 8)
    for name, found in (("Euler, linear", stock), ("lazy", lazy)):
        print(f"{name:14s} 8 steps: rms distance to 200 steps {(found - converged).square().mean().sqrt():.2e}")


if __name__ == "__main__":
    main()
