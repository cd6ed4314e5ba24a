"""τ and 1 − τ: in closed form, or what the Newton inverse needs."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from symsched.codegen.quantities.alphabet import INVERSE_R, NEAR, alpha, beta, tau, tau_left
from symsched.codegen.quantities.change import BETTER, Change
from symsched.codegen.quantities.coefficients import ratio_forms
from symsched.codegen.quantities.ledger import Ledger
from symsched.codegen.stable import distance, ends_of, log_end, number

CLOSEST = 2.5  # ulps for what goes into the Newton inverse
SOLVED = 4.0  # ulps to within which it gives τ and 1 − τ


def add_time(change: Change, ledger: Ledger) -> Ledger:
    if change.times is None:
        ledger = _with_distances(change, replace(ledger, implicit=True))
        for symbol in (tau, tau_left):
            ledger = ledger.solved(symbol, change.exact[symbol], SOLVED)
        return ledger
    for symbol, form in zip((tau, tau_left), change.times, strict=True):
        ledger = change.choose(ledger, symbol, (form, *change.rootless(form)))
    return ledger


def _with_distances(change: Change, ledger: Ledger) -> Ledger:
    """1/r of the target, and how far its log r is from each truncated end of the source, precise next to it."""
    target, origin = change.target, change.origin
    forms = (alpha / beta, *(1 / form for form in ratio_forms(target, ledger)))
    ledger = ledger.add(INVERSE_R, 1 / target.r, forms, limits=False, enough=CLOSEST, better=BETTER)
    for end in ends_of(origin):
        gap = log_end(target, end) - log_end(origin, end) if end in ends_of(target) else None
        side = 1 - 2 * end
        if gap is None:
            form = -side * _log_of_product(INVERSE_R, origin.limit("r", end))
        else:
            form = distance(ratio_forms(target, ledger), end, ledger.stabilise) + side * gap
        ledger = ledger.give(NEAR[end], side * (sp.log(target.r) - log_end(origin, end)), form)
    return ledger


def _log_of_product(name: sp.Symbol, ratio: sp.Expr) -> sp.Expr:
    """One logarithm, which is precise where the product is near 1; two where the ratio is no float."""
    if ratio.free_symbols or 1e-300 < number(ratio) < 1e300:
        return sp.log(name * ratio)
    return sp.log(name) + sp.expand_log(sp.log(ratio), force=True)
