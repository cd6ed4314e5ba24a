"""Languages whose functions take one number: the Newton inverse as one loop, which ends when z has settled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from symsched.codegen.module import Module
from symsched.codegen.newton import STEPS, Inverse, inverse_of
from symsched.codegen.printing.language import START, WHY, Code, indented

SMALLEST = "2.2250738585072014e-308"  # a smaller time, whose inverse is no float, is 0
NOTE = f"{WHY[:-1]}: {START}"
REACH = "708.0"  # e^z and its inverse stay normal floats
MOST = "707.9"
FLOOR = repr(64 * 2.0**-52)


class Scalars(Code):
    """Functions of one number."""

    floored = f"max({{}}, {FLOOR})"
    clamped: str  # `goal`, between `low` and `high`
    exit: Sequence[str]  # what is returned: 0 or 1 where no float is that time

    def newton(self, module: Module) -> str:
        inverse = inverse_of(module)
        rows = [*self.start(inverse), *self.repeat(STEPS, self.search(inverse)), *self.logit()]
        rows += self.repeat(2, self.polish(inverse))
        return "\n".join([*self.entry(inverse), *indented(rows), *self.exit])

    def start(self, inverse: Inverse) -> list[str]:
        """What is solved, and where the search begins."""
        form = self.forms.form
        return [
            self.let("log_r", f"{self.logarithm('beta')} - {self.logarithm('alpha')}"),
            *(self.let(str(symbol), self.floored.format(form(expr))) for symbol, expr in inverse.distances),
            f"goal, low, high = {form(inverse.place)}, -{REACH}, {REACH}",
            self.let("z", self.clamped),
        ]

    @abstractmethod
    def entry(self, inverse: Inverse) -> list[str]:
        """The head of _source_time, and NaN where no time is asked for."""
