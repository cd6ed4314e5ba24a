"""Formats that people paste: a list of sigmas for N steps, and a scheduler class with the data coefficient first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sympy as sp

from symsched.codegen import header, newton
from symsched.codegen.check import check
from symsched.codegen.languages.torch import Torch
from symsched.codegen.lines import plain
from symsched.codegen.module import Module
from symsched.codegen.printing.language import Language, carries_errors, unused_left_out
from symsched.codegen.program import DISTANCES, Routine, routine
from symsched.errors import InputError
from symsched.exact import values
from symsched.given import whole
from symsched.schedule import Schedule
from symsched.symbols import t

TORCH = Torch()


class Sigmas(Language):
    """A list of numbers."""

    def text(self, module: Module, test: bool = False, steps: int = 20) -> str:  # noqa: ARG002
        """Noise levels of the target at N + 1 uniform times, for a flow model: σ = α/(α + β), descending, last 0.

        Timesteps are 1000 σ.  `sigmas_ve` is α/β, what k-diffusion calls sigma (its first may be infinite).
        """
        steps = whole(steps, "steps")
        s = module.target
        if s.parameters:
            names = ", ".join(sorted(map(str, s.parameters)))
            raise InputError(f"sigmas need numbers, but {s} leaves {names} open: fix it in the schedule")
        grid = [k / steps for k in range(steps + 1)]
        flow, ratio = values((s.alpha / (s.alpha + s.beta), s.alpha / s.beta), grid)
        # Python looks for the encoding of a file in its first two lines: a label is no such thing.
        rows = ["# Noise levels, one for each time; their schedule:", "#"]
        rows += [f"# {row}".rstrip() for row in header.lines(Module(s), whole=False)]
        rows += [
            "#",
            "# sigma = alpha/(alpha + beta) at uniform t: what FlowMatchEuler and ComfyUI flow models call sigma.",
            "# In diffusers: FlowMatchEulerDiscreteScheduler(shift=1).set_timesteps(sigmas=sigmas[:-1]); it adds "
            "the 0.",
        ]
        rows += _list("sigmas", flow) + _list("timesteps", 1000 * flow[:-1])
        return "\n".join([*rows, "# alpha/beta, what k-diffusion calls sigma.", *_list("sigmas_ve", ratio)]) + "\n"


def _list(name: str, numbers: object) -> list[str]:
    shown = [repr(float(v)).replace("inf", 'float("inf")') for v in numbers]  # type: ignore[attr-defined]
    return [f"{name} = [", *[f"    {v}," for v in shown], "]"]


class FlowMatching(Language):
    """A scheduler class in the manner of flow_matching: alpha multiplies the data, sigma the noise."""

    def absent(self, forms: Iterable[sp.Expr]) -> str | None:
        return TORCH.absent(forms)

    def text(self, module: Module, test: bool = False) -> str:  # noqa: ARG002
        alone = Module(module.target)
        back = Module(Schedule(1 - t, t, name="linear"), module.target)
        name = "".join(word.capitalize() for word in alone.name.split("_")) + "Scheduler"
        rows = header.lines(alone, whole=False)
        top = "\n".join([*rows, "", "In the class alpha multiplies the DATA and sigma the noise, as in flow_matching."])
        parts = [header.docstring([top, ""]) + "\n\n" + TORCH.prelude + _SUPER]
        schedule = alone.functions[0]
        if carries_errors([schedule, *([_inverse(back)] if back.closed else [])]):
            parts.append(TORCH.error_helpers)
        if not back.closed:
            parts.append(TORCH.newton(back))
        parts += [TORCH.function(schedule), _class(name, schedule, back)]
        check(alone)
        check(back)
        return TORCH.joined(parts)


_SUPER = '''
try:
    from flow_matching.path.scheduler.scheduler import Scheduler, SchedulerOutput
except ImportError:  # the class also stands alone
    from typing import NamedTuple

    Scheduler = object

    class SchedulerOutput(NamedTuple):
        """Data and noise coefficients and their time derivatives."""

        alpha_t: torch.Tensor
        sigma_t: torch.Tensor
        d_alpha_t: torch.Tensor
        d_sigma_t: torch.Tensor
'''


def _class(name: str, schedule: Routine, back: Module) -> str:
    parameters = [p.name for p in sorted(back.source.parameters, key=str)] if back.source is not None else []
    summary = f"{header.title(Module(back.source or back.target))}."
    rows = [f"class {name}(Scheduler):", f"    {header.docstring([summary])}"]
    if parameters:
        rows += ["", f"    def __init__(self, {', '.join(parameters)}):"]
        rows += [f"        self.{p} = {p}" for p in parameters]
    passed = "".join(f", self.{p.name}" for p in schedule.parameters)
    rows += ["", "    def __call__(self, t):"]
    rows.append(f"        noise, data, noise_dot, data_dot = schedule(t{passed})")
    rows.append("        return SchedulerOutput(alpha_t=data, sigma_t=noise, d_alpha_t=data_dot, d_sigma_t=noise_dot)")
    rows += [
        "",
        "    def snr_inverse(self, snr):",
        '        """The time at which alpha/sigma is `snr`, 0 and inf included."""',
    ]
    rows.append("        alpha, beta = 1 / (1 + snr), 1 / (1 + 1 / snr)")
    rows += [f"        {p} = self.{p}" for p in parameters]
    return "\n".join([*rows, *(f"        {line}" for line in _inverse_lines(back))])


def _inverse(back: Module) -> Routine:
    return routine("snr_inverse", "", back.ledger, (sp.Symbol("tau", positive=True),))


def _inverse_lines(back: Module) -> list[str]:
    if not back.closed:
        inverse, form = newton.inverse_of(back), TORCH.forms.form
        near = [(s, plain(q.form)) for s, q in back.ledger.made.items()]
        rows = [f"{s} = {form(f)}" for s, f in near if s.name in DISTANCES]
        inside = f"_source_time({', '.join(inverse.arguments)})[0]"
        return [
            *rows,
            f"inside = {inside}",
            "return torch.where(snr == 0, 0.0, torch.where(torch.isinf(snr), 1.0, inside))",
        ]
    # In the linear schedule t is beta and 1 - t is alpha.
    time = {sp.Symbol("t"): sp.Symbol("beta"), sp.Symbol("u"): sp.Symbol("alpha")}
    solved = _inverse(back)
    lines = tuple((s, f.xreplace(time)) for s, f in solved.lines if s.name not in ("alpha", "beta"))
    kept = unused_left_out(replace(solved, lines=lines))
    return [*(f"{symbol} = {TORCH.forms.form(form)}" for symbol, form in kept), "return tau"]
