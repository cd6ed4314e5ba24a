"""symsched: derive, prove, simulate and ship interpolation schedules for flows and diffusions.

    import symsched as ss

    sched = ss.Schedule("1 - t", "t")                       # α (noise), β (data), in ss.t
    conv = ss.convert(ss.schedules.linear(), ss.schedules.follmer())
    sde = ss.InterpolantSDE(ss.schedules.follmer(), ss.Gaussian(0, 1), kappa=1)
    result = ss.simulate(sde, paths=100_000, steps=100)
    report = ss.verify()

Everything below is imported on first use, so that `import symsched` costs what SymPy costs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symsched.version import __version__ as __version__

_HOMES = {
    "t": "symbols",
    "x": "symbols",
    "Schedule": "schedule",
    "Gaussian": "data",
    "GaussianMixture": "data",
    "Empirical": "data",
    "InterpolantSDE": "sde",
    "Conversion": "conversion",
    "convert": "conversion",
    "derive": "derived",
    "TwoSided": "two_sided",
    "guided": "guidance",
    "flow_map": "flowmaps",
    "log_likelihood": "likelihood",
    "optimal_grid": "spacing",
    "Diffusion": "montecarlo",
    "simulate": "montecarlo",
    "couple": "montecarlo",
    "System": "montecarlo",
    "estimate": "montecarlo",
    "Theorem": "theorem",
    "verify": "verification",
    "InputError": "errors",
    "UndecidedError": "errors",
}
_MODULES = {
    "schedules": "catalog",
    "lazy": "lazy",
    "discretize": "discretize",
    "plot": "plotting",
    "verdicts": "verdicts",
    "bridge": "bridge",
    "codegen": "codegen",  # the package is callable: ss.codegen(what, lang=…)
}

__all__ = [*_HOMES, *_MODULES]

if TYPE_CHECKING:
    from symsched import bridge, discretize, lazy, verdicts
    from symsched import catalog as schedules
    from symsched import plotting as plot
    from symsched.codegen import generate as codegen
    from symsched.conversion import Conversion, convert
    from symsched.data import Empirical, Gaussian, GaussianMixture
    from symsched.derived import derive
    from symsched.errors import InputError, UndecidedError
    from symsched.flowmaps import flow_map
    from symsched.guidance import guided
    from symsched.likelihood import log_likelihood
    from symsched.montecarlo import Diffusion, System, couple, estimate, simulate
    from symsched.schedule import Schedule
    from symsched.sde import InterpolantSDE
    from symsched.spacing import optimal_grid
    from symsched.symbols import t, x
    from symsched.theorem import Theorem
    from symsched.two_sided import TwoSided
    from symsched.verification import verify


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"symsched.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"symsched.{_MODULES[name]}")
    raise AttributeError(f"module 'symsched' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, and not what importing some of them has left here."""
    return sorted([*__all__, "__version__"])
