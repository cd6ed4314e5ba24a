"""Text to SymPy through a whitelist: nothing is evaluated, imported or called that is not listed here.

    parse_expression("1 - t**2")                   # an expression in t
    parse_pair("alpha=1-t; beta=t")                # a schedule, (alpha, beta)
    parse_call("lazy(kappa=1, rho=0.5)")           # a catalogue entry or a data law
    declarations("alpha=(1-t)**p; beta=t; p>0")    # letters of one's own

Numbers stay exact (0.1 is 1/10), `^` is a power, and text that is hostile, huge or undefined is refused at
once with one line that says what would be right.
"""

from symsched.parsing.calls import Call, Value, parse_call, parse_pair
from symsched.parsing.declared import Letter, declarations
from symsched.parsing.expressions import parse_expression, too_fine
from symsched.parsing.text import did_you_mean, one_of, quoted
from symsched.parsing.whitelist import FUNCTIONS

__all__ = [
    "FUNCTIONS",
    "Call",
    "Letter",
    "Value",
    "declarations",
    "did_you_mean",
    "one_of",
    "parse_call",
    "parse_expression",
    "parse_pair",
    "quoted",
    "too_fine",
]
