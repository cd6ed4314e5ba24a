"""The letters of emitted code, and the source time as exact expressions have it."""

from __future__ import annotations

import sympy as sp

from symsched.conversion import tau_function
from symsched.symbols import t


def _positive(names: str) -> tuple[sp.Symbol, ...]:
    return sp.symbols(names, positive=True)


alpha, beta, rate = _positive("alpha beta rate")  # rate is λ = d/dt log r
alpha_dot, beta_dot = sp.symbols("alpha_dot beta_dot", real=True)
r, log_snr, eps_star = sp.Symbol("r", positive=True), sp.Symbol("log_snr"), sp.Symbol("eps_star")
tau, tau_left, scale, tau_dot, eps = _positive("tau tau_left scale tau_dot eps")
scale_dot = sp.Symbol("scale_dot", real=True)
INVERSE_R = sp.Symbol("inverse_r", positive=True)  # what the Newton inverse is given besides α and β …
NEAR = sp.symbols("near_above near_below", real=True)  # … and how far log r is from each truncated end
IN_SOURCE = {s: s.func(f"{s.name}_source", **s.assumptions0) for s in (alpha_dot, alpha, beta_dot, beta, rate)}
TIME = tau_function(t)
TAU = sp.Dummy("tau", positive=True)  # the source time, where it is known as a ball


def weight_symbols(prediction: str) -> tuple[sp.Symbol, sp.Symbol]:
    """A and B of b = A x + B p."""
    return sp.Symbol(f"A_{prediction}", real=True), sp.Symbol(f"B_{prediction}", real=True)


def explicit(expr: sp.Expr, pace: sp.Expr) -> sp.Expr:
    """An exact expression with the source time as a letter, whose derivative is `pace`."""
    return expr.xreplace({TIME.diff(t): pace}).xreplace({TIME: TAU})
