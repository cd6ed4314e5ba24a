"""Adapters: the bridge inside other people's loops.

    diffusers      LazyScheduler (flow models: Flux, SD3, …), LazyVPScheduler (DDPM and DDIM pipelines)
    k_diffusion    sample_lazy, lazy_sigmas (k-diffusion, ComfyUI)
    flow_matching  SymbolicScheduler, LazyModel, LazySolver

Their names stand in `symsched.bridge`: `ss.bridge.LazyScheduler`, imported on first use.
"""
