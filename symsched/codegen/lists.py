"""Formats that people paste: a list of sigmas for N steps, and a scheduler class with the data coefficient first."""

from __future__ import annotations

import sympy as sp

from symsched.codegen import header, newton
from symsched.codegen.emit import identifier
from symsched.codegen.languages import TORCH
from symsched.codegen.module import Module
from symsched.codegen.printers import TorchForms
from symsched.codegen.program import plain
from symsched.endpoints import values
from symsched.errors import InputError
from symsched.schedule import Schedule
from symsched.symbols import t


def sigmas(module: Module, steps: int) -> str:
    """Noise levels of the target at N + 1 uniform times, for a flow model: σ = α/(α + β), descending, last 0.

    Timesteps are 1000 σ.  `sigmas_ve` is α/β, what k-diffusion calls sigma (its first may be infinite).
    """
    if not isinstance(steps, int) or isinstance(steps, bool) or not 1 <= steps <= 100_000:
        raise InputError(f"steps = {steps}: expected a whole number from 1 to 100000")
    s = module.target
    if s.parameters:
        names = ", ".join(sorted(map(str, s.parameters)))
        raise InputError(f"sigmas need numbers, but {s} leaves {names} open: fix it in the schedule")
    grid = [k / steps for k in range(steps + 1)]
    flow, ratio = values((s.alpha / (s.alpha + s.beta), s.alpha / s.beta), grid)
    rows = [f"# {row}".rstrip() for row in header.lines(module)]
    rows += ["# sigma = alpha/(alpha + beta) at uniform t: what FlowMatchEuler and ComfyUI flow models call sigma."]
    rows += _list("sigmas", flow) + _list("timesteps", 1000 * flow[:-1])
    return "\n".join([*rows, "# alpha/beta, what k-diffusion calls sigma.", *_list("sigmas_ve", ratio)]) + "\n"


def _list(name: str, numbers: object) -> list[str]:
    shown = [repr(float(v)).replace("inf", 'float("inf")') for v in numbers]  # type: ignore[attr-defined]
    return [f"{name} = [", *[f"    {v}," for v in shown], "]"]


def flow_matching(module: Module, test: bool) -> str:  # noqa: ARG001
    """A scheduler class in the manner of flow_matching: alpha multiplies the data, sigma the noise."""
    target = module.target
    linear = Schedule(1 - t, t, name="linear")
    back = Module(linear, target)
    schedule = module.functions[0]
    name = "".join(word.capitalize() for word in identifier(Module(target)).split("_")) + "Scheduler"
    parameters = [p.name for p in sorted(target.parameters, key=str)]
    rows = ['"""' + "\n".join(header.lines(module)).replace("\\", "\\\\"), "",
            "In the class alpha multiplies the DATA and sigma the noise, as in flow_matching.", '"""', "",
            "from typing import NamedTuple", "", "import torch", "", ""]  # fmt: skip
    back.shop  # noqa: B018 - derives the inverse
    inverse = newton.arrays(TORCH, back) + "\n\n\n" if not back.closed else ""
    rows += [inverse + TORCH.write(schedule), "", "", _CLASS_OUTPUT, "", "", f"class {name}:"]
    rows.append(f'    """{header.title(Module(target))}."""')
    if parameters:
        rows += ["", f"    def __init__(self, {', '.join(parameters)}):"]
        rows += [f"        self.{p} = {p}" for p in parameters]
    passed = "".join(f", self.{p}" for p in parameters)
    rows += ["", "    def __call__(self, t):"]
    rows.append(f"        noise, data, noise_dot, data_dot = schedule(t{passed})")
    rows.append("        return SchedulerOutput(data, noise, data_dot, noise_dot)")
    rows += ["", "    def snr_inverse(self, snr):", '        """The time at which alpha/sigma is `snr`."""']
    rows.append("        alpha, beta = 1 / (1 + snr), 1 / (1 + 1 / snr)")
    rows += [f"        {p} = self.{p}" for p in parameters]
    rows += [f"        {line}" for line in _inverse_lines(back)]
    return "\n".join(rows) + "\n"


_CLASS_OUTPUT = '''class SchedulerOutput(NamedTuple):
    """Data and noise coefficients and their time derivatives."""

    alpha_t: torch.Tensor
    sigma_t: torch.Tensor
    d_alpha_t: torch.Tensor
    d_sigma_t: torch.Tensor'''


def _inverse_lines(back: Module) -> list[str]:
    if not back.closed:
        names = ", ".join(["alpha", "beta", *newton.parameters(back)])
        return [f"return _source_time({names})[0]"]
    form = back.shop.made[sp.Symbol("tau", positive=True)].form
    form = form.xreplace({s: plain(s) for s in form.free_symbols})
    return [f"return {TorchForms().form(form)}"]
