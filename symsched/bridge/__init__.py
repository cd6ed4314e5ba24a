"""The bridge to torch: pretrained flow and diffusion models, sampled in any schedule, in fewer steps.

    field = ss.bridge.FlowField(model, "linear")                 # velocity model of a linear flow
    images = ss.bridge.sample(field, (16, 3, 32, 32), steps=8, seed=0)
    plan = ss.bridge.build_plan("linear", "lazy(kappa=0, rho=2)", steps=8, solver="ab2c")       # needs no torch
    pipe.scheduler = ss.bridge.LazyScheduler.from_config(pipe.scheduler.config)                 # diffusers

Everything is imported on first use; torch only where a name needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symsched.errors import InputError

_HOMES = {
    "FlowField": "fields",
    "exact_field": "exact",
    "sample": "sampling",
    "Sampler": "running",
    "Step": "running",
    "Trajectory": "running",
    "Stepper": "stepping",
    "Table": "stepping",
    "Plan": "plan",
    "Stage": "plan",
    "Slope": "plan",
    "Row": "plan",
    "build_plan": "planning",
    "Recipe": "planning",
    "Calibration": "calibration",
    "calibrate": "calibrating",
    "Frame": "levels",
    "Levels": "levels",
    "TabulatedNative": "levels",
    "Grid": "grids",
    "LazyScheduler": "adapters.diffusers",
    "LazyVPScheduler": "adapters.diffusers",
    "calibrate_pipeline": "adapters.pipelines",
    "sample_lazy": "adapters.k_diffusion",
    "lazy_sigmas": "adapters.k_diffusion",
    "LazyModel": "adapters.flow_matching",
    "LazySolver": "adapters.flow_matching",
    "SymbolicScheduler": "adapters.flow_matching",
}
#: What of others' libraries the bridge is to, and the extra that installs it.
_EXTRAS = {"torch": "torch", "diffusers": "diffusers", "flow_matching": "bridge", "k_diffusion": "bridge"}
_MODULES = ("digits", "grids", "solvers")

__all__ = [*_HOMES, *_MODULES]

if TYPE_CHECKING:
    from symsched.bridge import digits as digits
    from symsched.bridge import grids as grids
    from symsched.bridge import solvers as solvers
    from symsched.bridge.adapters.diffusers import LazyScheduler as LazyScheduler
    from symsched.bridge.adapters.diffusers import LazyVPScheduler as LazyVPScheduler
    from symsched.bridge.adapters.flow_matching import LazyModel as LazyModel
    from symsched.bridge.adapters.flow_matching import LazySolver as LazySolver
    from symsched.bridge.adapters.flow_matching import SymbolicScheduler as SymbolicScheduler
    from symsched.bridge.adapters.k_diffusion import lazy_sigmas as lazy_sigmas
    from symsched.bridge.adapters.k_diffusion import sample_lazy as sample_lazy
    from symsched.bridge.adapters.pipelines import calibrate_pipeline as calibrate_pipeline
    from symsched.bridge.calibrating import calibrate
    from symsched.bridge.calibration import Calibration
    from symsched.bridge.exact import exact_field as exact_field
    from symsched.bridge.fields import FlowField as FlowField
    from symsched.bridge.grids import Grid as Grid
    from symsched.bridge.levels import Frame as Frame
    from symsched.bridge.levels import Levels as Levels
    from symsched.bridge.levels import TabulatedNative as TabulatedNative
    from symsched.bridge.plan import Plan as Plan
    from symsched.bridge.plan import Row as Row
    from symsched.bridge.plan import Slope as Slope
    from symsched.bridge.plan import Stage as Stage
    from symsched.bridge.planning import Recipe as Recipe
    from symsched.bridge.planning import build_plan as build_plan
    from symsched.bridge.running import Sampler as Sampler
    from symsched.bridge.running import Step as Step
    from symsched.bridge.running import Trajectory as Trajectory
    from symsched.bridge.sampling import sample as sample
    from symsched.bridge.stepping import Stepper as Stepper
    from symsched.bridge.stepping import Table as Table


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) or (name if name in _MODULES else None)
    if home is None:
        raise AttributeError(f"module 'symsched.bridge' has no attribute {name!r}")
    try:
        module = import_module(f"symsched.bridge.{home}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRAS:
            raise
        raise InputError(
            f"symsched.bridge.{name} needs {missing}: pip install 'symsched[{_EXTRAS[missing]}]'"
        ) from None
    return module if name in _MODULES else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
