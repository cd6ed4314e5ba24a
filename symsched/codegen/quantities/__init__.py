"""What a module states: named quantities in an immutable ledger, each in the shortest form that keeps its digits.

    Brief(target, source, kappa, eps).ledger     α, β, their derivatives, r, ε*, ε and the drift; τ, c, τ̇ and ċ

The rest of the code generator imports from here and from nowhere inside.  Below: `ledger`, to which all is added;
`coefficients` and `drift` add what a schedule determines, `times`, `scaling` and `slopes` what a `change` does.
"""

from symsched.codegen.quantities.alphabet import (
    TAU,
    TIME,
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    eps,
    eps_star,
    explicit,
    log_snr,
    r,
    rate,
    scale,
    scale_dot,
    tau,
    tau_dot,
    tau_left,
    weight_symbols,
)
from symsched.codegen.quantities.brief import Brief
from symsched.codegen.quantities.change import near_both_ends
from symsched.codegen.quantities.coverage import covered, source_time
from symsched.codegen.quantities.drift import PREDICTIONS, prediction_weights
from symsched.codegen.quantities.ledger import Ends, Ledger, Quantity
from symsched.codegen.quantities.sources import source_forms

__all__ = [
    "PREDICTIONS", "TAU", "TIME", "Brief", "Ends", "Ledger", "Quantity", "alpha", "alpha_dot", "beta", "beta_dot",
    "covered", "eps", "eps_star", "explicit", "log_snr", "near_both_ends", "prediction_weights", "r", "rate", "scale",
    "scale_dot", "source_forms", "source_time", "tau", "tau_dot", "tau_left", "weight_symbols",
]  # fmt: skip
