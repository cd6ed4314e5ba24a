"""c = β/β_source(τ), and the diffusion scale ε̄ = c² τ̇ ε(τ) that comes with it."""

from __future__ import annotations

import sympy as sp

from symsched.codegen.quantities.alphabet import TIME, alpha, beta, beta_dot, rate, scale, tau_dot
from symsched.codegen.quantities.change import Change
from symsched.codegen.quantities.ledger import Ledger
from symsched.symbols import t

MEAN_BOUND = 5.0  # ulps: the mean of two quotients, each of a few roundings


def add_scale(change: Change, ledger: Ledger) -> Ledger:
    if ledger.always(change.exact[scale], 1):
        return ledger.add(scale, change.exact[scale], [sp.S.One], limits=False)
    if change.source.scale is not None:
        return change.choose(ledger, scale, [change.with_sums(change.source.scale)])
    # c = (β/β_s)(1 + w (α β_s/(α_s β) − 1)) with w = β̇_s/(β_s λ_s): errors of τ cancel to first order.
    noise, data, slope, pace = names = [change.named(x) for x in (alpha, beta, beta_dot, rate)]
    for name in names:
        ledger = ledger.with_offers(name)
    form = beta / data * (1 + slope / (data * pace) * (alpha * data / (noise * beta) - 1))
    return ledger.add(scale, change.exact[scale], [form], limits=False, most=MEAN_BOUND)


def scaled_eps(change: Change, given: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """ε̄ of a diffusion scale of the source: exactly, and as it is computed."""
    exact = change.exact[scale] ** 2 * change.exact[tau_dot] * given.subs(t, TIME)
    return exact, scale**2 * tau_dot * change.at(change.source.own.ledger.stabilise(given))
