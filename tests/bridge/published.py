"""Scheduler configs of published models, as their public repositories had them: facts, written down by us.

Values: shift, dynamic shift and its range, terminal level, betas, prediction.  What a class adds by itself is left out.
"""

from __future__ import annotations

from typing import Any

LATENT = {  # the latent diffusion models' betas
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "trained_betas": None,
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "clip_sample": False,
}
FLOW: dict[str, Any] = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "num_train_timesteps": 1000,
    "shift": 1.0,
}
DYNAMIC = FLOW | {
    "use_dynamic_shifting": True,
    "time_shift_type": "exponential",
    "base_image_seq_len": 256,
    "max_image_seq_len": 4096,
    "base_shift": 0.5,
    "max_shift": 1.15,
    "invert_sigmas": False,
    "stochastic_sampling": False,
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
}
SOLVER: dict[str, Any] = {  # a flow model with a class that is for betas too
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "trained_betas": None,
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "flow_shift": 3.0,
    "solver_order": 2,
    "lower_order_final": True,
    "final_sigmas_type": "zero",
    "thresholding": False,
    "dynamic_thresholding_ratio": 0.995,
    "sample_max_value": 1.0,
    "rescale_betas_zero_snr": False,
    "timestep_spacing": "linspace",
    "steps_offset": 0,
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
}

CONFIGS: dict[str, dict[str, Any]] = {
    "SD1": LATENT | {"_class_name": "PNDMScheduler"},
    "SDXL": LATENT
    | {
        "_class_name": "EulerDiscreteScheduler",
        "prediction_type": "epsilon",
        "timestep_spacing": "leading",
        "interpolation_type": "linear",
        "sample_max_value": 1.0,
        "use_karras_sigmas": False,
    },
    "SD3": FLOW | {"shift": 3.0},
    "Flux": DYNAMIC | {"shift": 3.0},
    "Flux schnell": DYNAMIC | {"use_dynamic_shifting": False},
    "Flux2": DYNAMIC | {"shift": 3.0, "shift_terminal": None},
    "Wan": SOLVER
    | {
        "_class_name": "UniPCMultistepScheduler",
        "predict_x0": True,
        "solver_type": "bh2",
        "disable_corrector": [],
        "solver_p": None,
    },
    "Qwen-Image": DYNAMIC | {"max_image_seq_len": 8192, "max_shift": 0.9, "shift_terminal": 0.02},
    "Z-Image": FLOW | {"shift": 3.0, "use_dynamic_shifting": False},
    "LTX": DYNAMIC | {"base_image_seq_len": 1024, "base_shift": 0.95, "max_shift": 2.05, "shift_terminal": 0.1},
    "Sana": SOLVER
    | {
        "_class_name": "DPMSolverMultistepScheduler",
        "algorithm_type": "dpmsolver++",
        "solver_type": "midpoint",
        "euler_at_final": False,
        "lambda_min_clipped": float("-inf"),
        "use_lu_lambdas": False,
        "variance_type": None,
    },
}
