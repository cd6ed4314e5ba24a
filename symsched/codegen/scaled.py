"""The drift beside a diffusion scale of the source: b = α̇ η_Z + β̇ η_X + ε̄ s, with ε̄ as it was carried over."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from symsched.codegen.changes import ConversionForms, eps
from symsched.codegen.derive import PREDICTIONS, eps_star, prediction_weights, weight_symbols
from symsched.codegen.quantities import alpha, alpha_dot, beta, beta_dot, rate
from symsched.symbols import kappa


def add_scaled_drift(forms: ConversionForms) -> None:
    """The pairs (A, B), with ε̄ in place of κ ε*."""
    shop, target = forms.shop, forms.target
    jets = {alpha: target.alpha, beta: target.beta, alpha_dot: target.alpha_dot, beta_dot: target.beta_dot}
    share = shop.made[eps].exact / target.eps_star
    for prediction in PREDICTIONS:
        for symbol, weight in zip(weight_symbols(prediction), prediction_weights(prediction), strict=True):
            exact = weight.subs(jets, simultaneous=True).subs(kappa, share)
            shop.add(symbol, exact, _forms(weight), limits=False)
            ends = forms._end(exact, 0), forms._end(exact, 1)
            shop.made[symbol] = replace(shop.made[symbol], ends=ends)
            shop.of_source |= {symbol}


def _forms(weight: sp.Expr) -> list[sp.Expr]:
    """The weight with κ α² λ = ε̄: as it is, and with α̇, or β̇, eliminated in favour of λ or of ε* = α² λ."""
    whole = sp.expand(weight.subs(kappa, eps / (alpha**2 * (beta_dot / beta - alpha_dot / alpha))).cancel())
    puts: tuple[dict[sp.Symbol, sp.Expr], ...] = (
        {},
        {beta_dot: beta * (rate + alpha_dot / alpha)},
        {alpha_dot: alpha * (beta_dot / beta - rate)},
    )
    found = [sp.expand(sp.cancel(whole.subs(put))) for put in puts]
    found += [sp.expand(form.subs(rate, eps_star / alpha**2)) for form in found[1:]]
    return list(dict.fromkeys([*found, *map(sp.factor_terms, found)]))
