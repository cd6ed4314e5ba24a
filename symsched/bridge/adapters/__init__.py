"""Adapters: the bridge inside other people's loops.

    diffusers      LazyScheduler (flow models: Flux, SD3, …), LazyVPScheduler (DDPM and DDIM pipelines)
    k_diffusion    sample_lazy, lazy_sigmas (k-diffusion, ComfyUI)
    flow_matching  LazyScheduler's counterpart: SymbolicScheduler, LazyModel

Each is imported by itself: `from symsched.bridge.adapters.diffusers import LazyScheduler`.
"""
