"""Forms that keep their digits, and how that is known: a small Herbie whose errors are bounds in ball arithmetic.

    worst(samples, form)         the error bound of a form, in units of 2^-52          (`rounding`)
    Stabiliser(samples)(expr)    an equal form in t and u = 1 − t that loses little    (`rewriting`)
    log_slope, distance          d/dt log f, and |log r(t)/r(end)|, without cancelling (`logslope`, `end_distance`)
    difference, growth, quotient f(t + h) − f(t), log f(t + h)/f(t), f(t + h)/f(t)    (`differences`)
    carried(stem, form)          what no form mends: the rounding errors themselves    (`carry`)
    grouped(lines)               products in an order that stays inside the floats     (`ranges`)
    evaluate(form, values)       what IEEE arithmetic makes of a form                  (`ieee`)

The rest of the code generator imports from here and from nowhere inside.  Below: `letters` is algebra that SymPy
survives, `constants` what is done with numbers.
"""

from symsched.codegen.stable.carry import MAX_OPERATIONS, carried
from symsched.codegen.stable.constants import number, with_constants
from symsched.codegen.stable.differences import T_NEXT, difference, growth, h, misses_zero, quotient
from symsched.codegen.stable.end_distance import distance, ends_of, log_end
from symsched.codegen.stable.ieee import ORDERS, evaluate, on_arrays
from symsched.codegen.stable.letters import expanded, in_factors, paired, reduced, simplified, spread
from symsched.codegen.stable.logslope import log_slope, slope, without_exponentials
from symsched.codegen.stable.ranges import EDGES, grouped
from symsched.codegen.stable.rewriting import Stabiliser, bucket, cost, operations
from symsched.codegen.stable.rounding import (
    HALF_ULP,
    SMALLEST,
    Rounded,
    Sample,
    expm1,
    is_exact,
    log1p,
    named,
    product_error,
    sample_at,
    sum_error,
    u,
    unit_samples,
    worst,
    written_out,
)

__all__ = [
    "EDGES", "HALF_ULP", "MAX_OPERATIONS", "ORDERS", "SMALLEST", "T_NEXT", "Rounded", "Sample", "Stabiliser", "bucket",
    "carried", "cost", "difference", "distance", "ends_of", "evaluate", "expanded", "expm1", "grouped",
    "growth", "h", "in_factors", "is_exact", "log1p", "log_end", "log_slope", "misses_zero", "named", "number",
    "on_arrays", "operations", "paired", "product_error", "quotient", "reduced", "sample_at", "simplified", "slope",
    "spread", "sum_error", "u", "unit_samples", "with_constants", "without_exponentials", "worst", "written_out",
]  # fmt: skip
