"""τ̇ = λ̄/λ(τ) and ċ: by the jets of the target alone where that is short, else by those of the source too."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symsched.codegen.quantities.alphabet import alpha, alpha_dot, beta, beta_dot, rate, scale, scale_dot, tau, tau_dot
from symsched.codegen.quantities.change import Change, roots
from symsched.codegen.quantities.ledger import ENOUGH, Ledger
from symsched.codegen.stable import in_factors, log_slope, spread, u
from symsched.symbols import t

MOVABLE = 24  # operations of a form that is differentiated


def add_slopes(change: Change, ledger: Ledger) -> Ledger:
    ledger = change.choose(ledger, tau_dot, _pace_forms(change, ledger))
    return change.choose(ledger, scale_dot, _slope_forms(change, ledger))


def _pace_forms(change: Change, ledger: Ledger) -> Iterator[sp.Expr]:
    source = change.source
    if ledger.always(change.exact[tau_dot], 1):
        yield sp.S.One
    if source.pace is not None:
        # τ̇/(λ̄ τ): for the linear source 1 − τ = ᾱ/(ᾱ + β̄), one division where the sum of quotients takes three
        share = in_factors(sp.together(1 / (source.pace * ledger.made[tau].form)))
        if share.count_ops() <= 3:
            short = rate * tau * change.with_sums(share)
            yield short
            if ledger.bound(short) <= 2 * ENOUGH:
                return
        pace = change.with_sums(source.pace)
        yield from (rate / form for form in (pace, *change.rootless(pace)))
    if change.times is not None:
        yield from _moved(change, change.times[0])
    whole = spread(change.inlined(rate), rational=ledger.implicit)
    if not whole.has(sp.Add) or not roots(whole):
        yield rate / whole
    yield rate / change.named(rate)


def _moved(change: Change, form: sp.Expr, root: sp.Expr = sp.S.One) -> Iterator[sp.Expr]:
    """d/dt of a form in α and β, by one jet alone too where the target keeps α + β or α² + β².

    Powers of what `root`, which is c, is the root of are written as powers of c."""
    if not form.free_symbols <= {alpha, beta, scale} or form.count_ops() > MOVABLE:
        return
    slope = form.diff(alpha) * alpha_dot + form.diff(beta) * beta_dot
    for put in _jets(change):
        moved = in_factors(slope.subs(put))
        if root.is_Pow:
            moved = moved.replace(lambda e: e.is_Pow and e.base == root.base, lambda e: scale ** (e.exp / root.exp))
        yield from (moved, *change.rootless(moved))


def _jets(change: Change) -> list[dict[sp.Symbol, sp.Expr]]:
    jets: list[dict[sp.Symbol, sp.Expr]] = [{}]
    for kept in change.kept:
        weights = kept.diff(alpha), kept.diff(beta)
        jets.append({alpha_dot: -beta_dot * weights[1] / weights[0]})
        jets.append({beta_dot: -alpha_dot * weights[0] / weights[1]})
    return jets


def _slope_forms(change: Change, ledger: Ledger) -> Iterator[sp.Expr]:
    c = ledger.made[scale].shape
    if c == 1:
        yield sp.S.Zero
        return
    if c.free_symbols <= {alpha, beta}:
        if not c.has(sp.Add):
            yield scale * log_slope(c.xreplace({x: ledger.made[x].shape for x in (alpha, beta)}))
        yield sp.factor_terms(c.diff(alpha) * alpha_dot + c.diff(beta) * beta_dot)
        yield from _moved(change, c, c)
        if change.source.kept is not None:
            law = change.source.kept.subs({alpha: alpha / scale, beta: beta / scale}, simultaneous=True)
            for moved in _moved(change, law):
                yield in_factors(sp.cancel(-moved / law.diff(scale)))
    by_noise = alpha_dot / alpha - tau_dot * change.named(alpha_dot) / change.named(alpha)
    by_data = beta_dot / beta - tau_dot * change.named(beta_dot) / change.named(beta)
    # Each cancels at one end, like 1/u and 1/t: their mean with weights u and t nowhere; where ċ is 0 at that end,
    # what is rounded must be too, and the weights are of second order.
    yield scale * (u * by_noise + t * by_data)
    yield scale * (u**2 * (1 + 2 * t) * by_noise + t**2 * (1 + 2 * u) * by_data)
    yield scale * by_noise
    yield scale * by_data
