"""The library's own formulas, as places where a mutant can be put."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from symsched.precision import cached_property

Wrong = Callable[[Any], Any]

# module : class.attribute, or module : function
PLACES = (
    *(f"symsched.schedule:Schedule.{name}" for name in ("alpha_dot", "beta_dot", "r", "snr", "log_r_dot", "eps_star")),
    "symsched.schedule:Schedule.variance",
    *(f"symsched.conversion:Conversion.{name}" for name in ("tau", "scale", "tau_dot", "scale_dot", "eps")),
    *(f"symsched.steps.identities:{name}" for name in ("means", "drift", "drift_by_score")),
    *(f"symsched.steps.laws:{name}" for name in ("explicit", "trapezoid", "held", "held_in_log_r", "retained")),
    "symsched.sde.equation:drift_forms",
    "symsched.sde.equation:data_form",
    "symsched.sde.equation:log_rate",
    *(f"symsched.sde.equation:InterpolantSDE.{name}" for name in ("A", "B", "score_weight", "noise_weight", "drift")),
    *(f"symsched.sde.equation:InterpolantSDE.{name}" for name in ("diffusion", "affine", "marginal")),
    *(
        f"symsched.data.law:DataLaw.{name}"
        for name in ("eta_x", "eta_z", "score", "velocity", "log_density", "moments")
    ),
    *(f"symsched.families:{name}" for name in ("family", "solve")),
    *(f"symsched.lazy:{name}" for name in ("condition", "frame_beta", "frame")),
    *(f"symsched.discretize.closed:{name}" for name in ("step_forms", "closed_form", "exact_law")),
    *(f"symsched.sde.energy:{name}" for name in ("pace", "affine_rate")),
    *(f"symsched.sde.driving:{name}" for name in ("pushed", "noise_of", "step_of")),
    *(f"symsched.guidance:{name}" for name in ("mixed", "tilt", "variance_terms", "push_terms")),
    *(f"symsched.guidance:{name}" for name in ("Guided.eta_x", "Guided.drift", "PowerMean.integrand")),
    *(f"symsched.flowmaps:{name}" for name in ("carried", "averaged", "mapped", "stretched")),
    "symsched.two_sided:carried_gamma",
    "symsched.two_sided:TwoSided.curve",
    "symsched.likelihood:gained",
    "symsched.spacing:turning",
)


def places() -> list[str]:
    """The places that exist in this version of the library."""
    return [place for place in PLACES if _found(place) is not None]


def _found(place: str) -> tuple[Any, str, Any] | None:
    """(owner, attribute, what is there)."""
    module, path = place.split(":")
    try:
        owner: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
    except (ImportError, AttributeError):
        return None
    for holder in getattr(owner, "__mro__", (owner,)):
        if name in vars(holder):
            return owner, name, vars(holder)[name]
    return None


@contextmanager
def changed(place: str, wrong: Wrong) -> Iterator[None]:
    """What the place computes passes through `wrong` while this lasts, also where it was imported by name."""
    found = _found(place)
    if found is None:
        raise LookupError(place)
    owner, name, original = found
    holders = [(owner, name)] + [
        (module, key)
        for module in list(sys.modules.values())
        if module is not owner and getattr(module, "__name__", "").startswith("symsched")
        for key, value in list(vars(module).items())
        if value is original
    ]
    inherited = isinstance(owner, type) and name not in vars(owner)
    replacement = _wrapped(original, name, wrong)
    for holder, key in holders:
        setattr(holder, key, replacement)
    try:
        yield
    finally:
        for holder, key in holders:
            if inherited and holder is owner:
                delattr(holder, key)
            else:
                setattr(holder, key, original)


def _wrapped(original: Any, name: str, wrong: Wrong) -> Any:
    if isinstance(original, cached_property):
        lazy = cached_property(lambda self: wrong(original.func(self)))
        lazy.__set_name__(object, name)
        return lazy
    if isinstance(original, property) and original.fget is not None:
        getter = original.fget
        return property(lambda self: wrong(getter(self)))
    return lambda *args, **named: wrong(original(*args, **named))
