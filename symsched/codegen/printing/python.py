"""What the languages that are Python share: the docstring on top, error helpers, loops, the self-test, running it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.printing.language import Code, indented
from symsched.codegen.program import Routine
from symsched.codegen.references import Value


class Python(Code):
    """Python: what the self-test does first, and how it gives a time."""

    apart = "\n\n\n"
    test_start = ""
    test_time = "t"

    def heading(self, module: Module, test: bool) -> str:  # noqa: ARG002
        return header.docstring([*header.lines(module), ""]) + "\n\n"

    def signature(self, function: Routine) -> str:
        """The times, then the parameters; κ, always last, is 0 unless given."""
        names = [s.name for s in function.parameters if s.name != "kappa"]
        return ", ".join([*function.times, *names, *(["kappa=0.0"] if len(names) < len(function.parameters) else [])])

    def repeat(self, count: int, rows: Iterable[str]) -> list[str]:
        return [f"for _ in range({count}):", *indented(rows)]

    def self_test(self, module: Module) -> str:
        rows = [
            "# function, arguments, allowed error in units of 2^-52; expected values at 50 digits, and what their",
            "# errors are measured by where that is larger: min(t, 1 - t) |df/dt|, next to a zero",
            "_REFERENCE = (",
        ]
        for reference in module.references:
            arguments = ", ".join(map(repr, reference.arguments))
            rows.append(f"    ({reference.function}, ({arguments},), {reference.ulps}, (")
            rows += [f"        {_shown(value)}," for value in reference.expected]
            rows.append("    )),")
        check = CHECK.format(start=self.test_start, time=self.test_time)
        return "\n".join([*rows, ")", '_INF = float("inf")', "", "", check])


def executed(text: str, library: Any = None) -> dict[str, Any]:
    """The names that emitted code makes: our own text, printed from whitelisted nodes.  `np` is the `library`."""
    names = {"__name__": "emitted", "np": library}
    exec(compile(text, "<emitted>", "exec"), names)  # noqa: S102 - no text of others is in it
    return names


def _shown(value: Value | None) -> str:
    """(digits, size) of a value; None where there is nothing to compare with."""
    return "None" if value is None else f"({value.text!r}, {value.shown_size!r})"


HELPERS = '''def _sum_error(a, b):
    """a + b minus its rounded value."""
    total = a + b
    back = total - a
    return (a - (total - back)) + (b - back)


def _split(a, wide):
    """The upper and the lower half of the digits of a, which may be next to the largest float."""
    small = a * (2.0**-28 if wide else 2.0**-13)
    big = (134217729.0 if wide else 4097.0) * small
    upper = (big - (big - small)) * (2.0**28 if wide else 2.0**13)
    return upper, a - upper


def _product_error(a, b):
    """a b minus its rounded value."""
{start}    (a, a_low), (b, b_low) = _split(a, wide), _split(b, wide)
    return ((a * b - product) + a * b_low + a_low * b) + a_low * b_low
'''


def helpers(start: str) -> str:
    """The functions of `carry`, where _product_error begins with `start`."""
    return HELPERS.format(start=start)


CHECK = '''def self_test():
    """Compare with the reference values; returns the worst error in units of 2^-52.

    Raises AssertionError where a value differs by more than its bound.
    """
{start}    worst = 0.0
    for function, (t, *parameters), allowed, expected in _REFERENCE:
        found = function({time}, *parameters)
        for value, reference in zip(found if isinstance(found, tuple) else (found,), expected):
            if reference is None:
                continue
            got, want, size = float(value), float(reference[0]), max(abs(float(reference[0])), reference[1])
            if got == want:
                continue
            error = abs(got - want) / (2.0**-52 * size) if 0 < size < _INF else _INF
            assert error <= allowed, f"{{function.__name__}}({{t}}): {{got}}, expected {{want}}"
            worst = max(worst, error)
    return worst


if __name__ == "__main__":
    print(f"self-test passed, worst error {{self_test():.2f}} x 2^-52")
'''
