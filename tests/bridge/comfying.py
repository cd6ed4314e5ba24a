"""ComfyUI for tests: the engine where one is found, tiny models of its own classes, and our nodes as it loads them.

SYMSCHED_COMFYUI names a checkout; else `comfy` is imported where it is installed.  Nothing is downloaded: weights are
random, or a model is exact.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path

import pytest
from torched import torch

NODES = Path(__file__).parents[2] / "integrations" / "comfyui"
PACKAGE = "symsched_comfyui"


def found():
    """Whether the engine is here."""
    checkout = os.environ.get("SYMSCHED_COMFYUI")
    if checkout and checkout not in sys.path:
        sys.path.append(checkout)  # last: its names are as plain as `utils`
    return getattr(sys.modules.get("comfy"), "__file__", None) or importlib.util.find_spec("comfy") is not None


def engine():
    """The engine on the CPU, or a skipped test."""
    if not found():
        pytest.skip("needs ComfyUI: SYMSCHED_COMFYUI=… names a checkout whose requirements are installed")
    cli_args = importlib.import_module("comfy.cli_args")
    cli_args.args.cpu = True
    # `nodes` puts a folder with a utils.py first
    for name in ("utils.extra_config", "nodes", "execution", "comfy.supported_models"):
        importlib.import_module(name)
    return importlib.import_module("comfy")


def stand_in(monkeypatch, folder):
    """The least of the engine that our nodes name, where it is not here: they import, and say what they are."""

    class Sampler:
        def __init__(self, *_):
            pass

    names = {
        "comfy": {},
        "comfy.model_sampling": {"CONST": type("CONST", (), {})},
        "comfy.samplers": {"Sampler": Sampler, "KSAMPLER": Sampler},
        "comfy.sample": {},
        "comfy.utils": {},
        "folder_paths": {
            "models_dir": str(folder),
            "folder_names_and_paths": (kept := {}),
            "add_model_folder_path": lambda name, path: kept.update({name: ([path], set())}),
            "get_folder_paths": lambda name: kept[name][0],
            "get_filename_list": lambda name: [path.name for path in Path(kept[name][0][0]).glob("*.json")],
            "get_full_path": lambda name, file: path if os.path.isfile(path := f"{kept[name][0][0]}/{file}") else None,
            "get_full_path_or_raise": lambda name, file: f"{kept[name][0][0]}/{file}",
        },
    }
    for name, holds in names.items():
        module = types.ModuleType(name)
        vars(module).update(holds)
        monkeypatch.setitem(sys.modules, name, module)
        if "." in name:
            setattr(sys.modules["comfy"], name.partition(".")[2], module)


def package():
    """Our nodes, imported by their path as the engine does."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location(PACKAGE, NODES / "__init__.py")
    module = sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Exact(torch.nn.Module):
    """The answer of a network for Gaussian latents of mean `context` and standard deviation `std`."""

    dtype = torch.float32

    def __init__(self, std=0.5, **_):
        super().__init__()
        self.std = std
        self.weight = torch.nn.Parameter(torch.full((4,), float(std)))  # by which it is known again

    def forward(self, x, timesteps, context=None, **_):
        from comfy.model_sampling import CONST, EDM, V_PREDICTION

        sampling = self.home.model_sampling
        flow = isinstance(sampling, CONST)  # its shift moves levels, not the model's clock
        sigma = timesteps / getattr(sampling, "multiplier", 1.0) if flow else sampling.sigma(timesteps)
        sigma = sigma.view(-1, *(1 for _ in x.shape[1:])).double()
        mean, scale = context.double().mean((1, 2)).view(sigma.shape), (1 + sigma**2).sqrt()
        beta, state = (1 - sigma, x.double()) if flow else (torch.ones_like(sigma), x.double() * scale)
        data = mean + beta * self.std**2 / (sigma**2 + (beta * self.std) ** 2) * (state - beta * mean)
        if isinstance(sampling, V_PREDICTION):
            answer = (state / scale**2 - data) * scale / sigma
            return (-answer if isinstance(sampling, EDM) else answer).float()
        return ((state - data) / sigma).float()


def exact_model(kind, std=0.5, **settings):
    """A patcher around an exact model of a `ModelType`."""
    comfy = engine()
    config = comfy.supported_models.SD15({"disable_unet_model_creation": True, "in_channels": 4})
    config.sampling_settings = settings
    config.latent_format.scale_factor = 1.0
    model = comfy.model_base.BaseModel(config, comfy.model_base.ModelType[kind])
    model.diffusion_model = Exact(std)
    object.__setattr__(model.diffusion_model, "home", model)
    return patched(model)


def patched(model):
    import comfy.model_patcher

    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(model.eval(), cpu, cpu)


def unet(kind="EPS", seed=0):
    """A tiny UNet of the engine's, of random weights."""
    comfy = engine()
    torch.manual_seed(seed)
    config = comfy.supported_models.SD15({
        "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "num_res_blocks": [1, 1],
        "channel_mult": [1, 2], "transformer_depth": [1, 0], "transformer_depth_output": [1, 1, 0, 0],
        "transformer_depth_middle": 0, "context_dim": 8, "use_spatial_transformer": True, "legacy": False,
        "dtype": torch.float32, "adm_in_channels": None, "use_linear_in_transformer": False,
    })  # fmt: skip
    return randomised(comfy.model_base.BaseModel(config, comfy.model_base.ModelType[kind]))


def transformer(seed=0):
    """A tiny Flux of the engine's, of random weights."""
    comfy = engine()
    torch.manual_seed(seed)
    config = comfy.supported_models.Flux({
        "image_model": "flux", "in_channels": 4, "out_channels": 4, "vec_in_dim": 6, "context_in_dim": 8,
        "hidden_size": 24, "mlp_ratio": 2.0, "num_heads": 2, "depth": 1, "depth_single_blocks": 1, "axes_dim": [4] * 3,
        "theta": 10000, "patch_size": 2, "qkv_bias": True, "guidance_embed": False, "dtype": torch.float32,
    })  # fmt: skip
    config.latent_format.latent_channels = 4
    return randomised(comfy.model_base.Flux(config))


def randomised(model):
    """Weights so large that the answer depends on all of the input: the engine leaves them unset."""
    for weight in model.diffusion_model.parameters():
        torch.nn.init.normal_(weight, std=0.3 / max(1, weight[0].numel() if weight.ndim > 1 else 4) ** 0.5)
    return patched(model)


def conditioning(mean=0.0):
    return [[torch.full((1, 3, 8), float(mean)), {"pooled_output": torch.full((1, 6), float(mean))}]]
