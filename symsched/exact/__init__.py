"""The engine of decisions: is it zero, what sign has it, where does it tend, what is its value.

    decide_zero(expr)          True, False with a witness, or undecided with a reason       (`zero`)
    sign_on_unit(expr)         its sign on all of (0, 1), proved                            (`signs`)
    limit_at(expr, end)        its limit at 0 or 1, exactly                                 (`limits`, `series`)
    values(exprs, times)       float64, right to the last bit, limits at the ends           (`limits`, `balls`)
    within(calls, compute)     what a computation gives within a budget                     (`budget`)

The rest of the library imports from here and from nowhere inside.  `generators`, `rewriter`, `undefined`, `binders`
and `points` bring an expression to a normal form; `balls`, `functions` and `quadrature` enclose it.
"""

from symsched.exact.balls import (
    NEEDED_BITS,
    Evaluator,
    Tape,
    compile_tape,
    enclose,
    sharpen,
    sign_of_number,
    to_ball,
    without_cancellation,
)
from symsched.exact.budget import remembered, within
from symsched.exact.factors import split_exponent
from symsched.exact.facts import may_be
from symsched.exact.functions import BALLS, HYPERBOLIC, INVERSES, RECIPROCALS, WRITTEN, Ball
from symsched.exact.generators import MAX_DEGREE, canonical, has_root_of_large_degree, shortest
from symsched.exact.limits import (
    continuous_value,
    end_value,
    give_a_value,
    limit_at,
    times_array,
    values,
    without_roots_of_zero,
)
from symsched.exact.neatness import neat, put_as_it_is, rooted_sums
from symsched.exact.quadrature import enclosed, settled
from symsched.exact.series import leading_term, limit_along
from symsched.exact.signs import Sign, resolve_abs, sign_on_unit
from symsched.exact.signs.proof import PROBES
from symsched.exact.terms import BeyondSeriesError
from symsched.exact.zero import Decision, decide_zero, expansion, parts_of

__all__ = [
    "BALLS", "HYPERBOLIC", "INVERSES", "MAX_DEGREE", "NEEDED_BITS", "PROBES", "RECIPROCALS", "WRITTEN", "Ball",
    "BeyondSeriesError", "Decision", "Evaluator", "Sign", "Tape", "canonical", "compile_tape", "continuous_value",
    "decide_zero", "enclose", "enclosed", "end_value", "expansion", "give_a_value", "has_root_of_large_degree",
    "leading_term", "limit_along", "limit_at", "may_be", "neat", "parts_of", "put_as_it_is", "remembered",
    "resolve_abs", "rooted_sums", "settled", "sharpen", "shortest", "sign_of_number", "sign_on_unit",
    "split_exponent", "times_array", "to_ball", "values", "within", "without_cancellation", "without_roots_of_zero",
]  # fmt: skip
