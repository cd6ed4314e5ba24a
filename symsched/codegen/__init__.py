"""Closed-form schedule code for any stack: `symsched.codegen(conversion_or_schedule, lang=…)`.

    symsched.codegen(schedule, lang="numpy")
    symsched.codegen(symsched.convert(source, target), lang="c", kappa=1, self_test=True)

The emitted module needs nothing of symsched: coefficients, derivatives, signal-to-noise ratio, conversion, diffusion
scale and drift coefficients, each derived, in a form that is accurate on all of (0, 1), with its limits at both ends.
"""

from __future__ import annotations

import sys
import types
from typing import Any

from symsched.catalog import as_schedule
from symsched.codegen.emit import REGISTRY, emit, language
from symsched.conversion import Conversion
from symsched.errors import InputError
from symsched.precision import alone
from symsched.schedule import Schedule

LANGUAGES = tuple(REGISTRY)

__all__ = ["LANGUAGES", "generate"]


@alone
def generate(
    what: Conversion | Schedule | str,
    lang: str = "numpy",
    *,
    kappa: Any = None,
    eps: Any = None,
    self_test: bool = False,
    steps: int = 20,
) -> str | Any:
    """Source text of a self-contained module; for "onnx" its bytes.

    Args:
        what: a schedule or its text, or a conversion (then τ, c and their derivatives are emitted too).
        lang: one of `LANGUAGES`; "python" means numpy.
        kappa: diffusion scale in units of the optimal one, ε = κ ε*; by default κ stays a parameter.
        eps: instead, a diffusion scale of the source, an expression in t; ε̄ = c² τ̇ ε(τ) is emitted.
        self_test: carry reference values at 50 digits and a function that checks them.
        steps: for "sigmas" only, the number of steps.

    Raises:
        InputError: unknown language, one that carries no self-test when that is asked for, an invalid schedule,
            both scales given, a negative ε, or ε without a source.
    """
    from symsched.codegen.check import check
    from symsched.codegen.formats import Sigmas
    from symsched.codegen.module import Module

    kind = language(lang)
    if not isinstance(what, Conversion):
        what = as_schedule(what, "what to generate code from")
    if self_test and not kind.tested:
        tested = ", ".join(name for name in LANGUAGES if language(name).tested)
        raise InputError(f"{lang} carries no self-test: expected one of {tested}")
    source, target = (what.source, what.target) if isinstance(what, Conversion) else (None, what)
    for schedule in (source, target):  # before anything is derived for it
        if schedule is not None and (found := kind().absent((schedule.alpha, schedule.beta))) is not None:
            raise InputError(
                f"there is no {found} in {lang} alone, and {schedule} has it: choose another language (latex, sigmas "
                "take every function), or another schedule"
            )
    module = Module(target, source, kappa, eps)
    if lang == "sigmas":
        return Sigmas().text(module, steps=steps)
    if not kind.tested:
        return emit(module, lang, self_test)
    try:
        check(module)
    except InputError:
        if source is None or not module.closed:
            raise
        module = Module(target, source, kappa, eps, newton=True)
        check(module)
    return emit(module, lang, self_test)


class _Callable(types.ModuleType):
    """`symsched.codegen` is both the package and the function."""

    __call__ = staticmethod(generate)


sys.modules[__name__].__class__ = _Callable
