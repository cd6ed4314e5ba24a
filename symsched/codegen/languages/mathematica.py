"""Mathematica: the exact formulas, which it evaluates to any number of digits; no float, so no form for floats."""

from __future__ import annotations

import textwrap

import sympy as sp
from sympy.printing.mathematica import MCodePrinter

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.printing.language import Language
from symsched.codegen.program import Routine
from symsched.codegen.quantities import TAU, explicit
from symsched.inversion import R, closed_inverse
from symsched.symbols import t

NOTES = (
    "Functions of exact numbers, or of numbers of any precision: schedule[1/3], schedule[0.25`50].  Each returns an",
    "association of exact values; next to the ends give a machine number as SetPrecision[t, 50].",
)
PRINTER = MCodePrinter()


class Mathematica(Language):
    """A file of definitions, for Get; no name of it has an underscore."""

    def text(self, module: Module, test: bool = False) -> str:  # noqa: ARG002
        rows = [_harmless(row) for row in [*header.exact_lines(module), "", *NOTES]]
        top = "\n".join(["(*", *(f"   {row}".rstrip() for row in rows), "*)"])
        functions = [_function(module, function) for function in module.functions]
        return "\n\n".join([top, *_source_time(module), *functions]) + "\n"


def name_of(name: str) -> str:
    """alphaDot for alpha_dot; a capital in front would be a name of Mathematica's own."""
    first, *rest = name.split("_")
    joined = "".join([first, *(word[:1].upper() + word[1:] for word in rest)])
    return joined if joined[:1].islower() else f"p{joined}"


def shown(form: sp.Expr) -> str:
    """A formula, with a name for every letter."""
    put = {s: sp.Symbol(name_of(s.name)) for s in form.free_symbols}
    return str(PRINTER.doprint(form.xreplace(put)))


def _function(module: Module, function: Routine) -> str:
    """The formulas between the ends, and the limits there."""
    name, own = name_of(function.name), {o.name: explicit(o.quantity.exact, _pace(module)) for o in function.outputs}
    implicit = any(form.has(TAU) for form in own.values())
    given = "".join(f", {name_of(s.name)}_" for s in _parameters(module, function, implicit))
    rows = [f"(* {', '.join(own)}: {_harmless(function.summary)} *)"]
    for end in (0, 1):
        fields = ", ".join(f'"{o.name}" -> {_limit(o.quantity.ends[end])}' for o in function.outputs)
        rows += _folded(f"{name}[{end}{given}] := <|{fields}|>")
    fields = ",\n    ".join(f'"{key}" -> {shown(form)}' for key, form in own.items())
    inside = "" if function.covered is None else " /; {!r} <= t <= {!r}".format(*function.covered)
    body = f"<|\n    {fields}|>"
    call = f"sourceTime[{', '.join(['t', *_solved_with(module)])}]"
    solved = f"With[{{{shown(TAU)} = {call}}}, {body}]" if implicit else body
    return "\n".join([*rows, f"{name}[t_{given}] := {solved}{inside}"])


def _pace(module: Module) -> sp.Expr:
    return sp.S.Zero if module.source is None else module.ledger.pace


def _parameters(module: Module, function: Routine, implicit: bool) -> list[sp.Symbol]:
    """Of the exact formulas, and of the source time where one has it; κ last."""
    forms = [form for o in function.outputs for form in (o.quantity.exact, *filter(None, o.quantity.ends))]
    found = {s for form in forms for s in form.free_symbols if s != t} | (_of_time(module) if implicit else set())
    return sorted({sp.Symbol(s.name) for s in found}, key=lambda s: (s.name == "kappa", s.name))


def _of_time(module: Module) -> set[sp.Symbol]:
    """Every function that has τ takes all parameters of the two schedules, and passes them on."""
    return set(module.target.parameters) | (set() if module.source is None else set(module.source.parameters))


def _solved_with(module: Module) -> list[str]:
    return sorted(name_of(s.name) for s in _of_time(module))


def _source_time(module: Module) -> list[str]:
    """τ: in closed form where there is one, or as the one root of a monotone equation."""
    if module.source is None:
        return []
    given = "".join(f", {name}_" for name in _solved_with(module))
    inverse = closed_inverse(module.source)
    if inverse is not None:
        return [f"(* Source time. *)\nsourceTime[t_{given}] := {shown(inverse.subs(R, module.target.r))}"]
    ratios = [shown(sp.log(r)) for r in (module.source.r.subs(t, TAU), module.target.r)]
    reach = "WorkingPrecision -> Min[Precision[t], 50]"
    return [
        "(* Source time: r of the source grows, and takes the value of the target once. *)\n"
        f"sourceTime[t_?NumericQ{given}] := tau /.\n    FindRoot[{' == '.join(ratios)},\n"
        f'        {{tau, 10^-40, 1 - 10^-40}}, Method -> "Brent", {reach}]'
    ]


def _limit(limit: sp.Expr | None) -> str:
    if limit is None or limit is sp.nan:
        return "Indeterminate"
    if isinstance(limit, sp.Piecewise):
        *cases, (last, _) = limit.args
        rows = ", ".join(f"{{{_limit(value)}, {_condition(when)}}}" for value, when in cases)
        return f"Piecewise[{{{rows}}}, {_limit(last)}]"
    if limit in (sp.oo, -sp.oo):
        return "Infinity" if limit == sp.oo else "-Infinity"
    return shown(limit)


def _condition(when: sp.Expr) -> str:
    return f"{shown(when.lhs)} {'==' if isinstance(when, sp.Eq) else '<'} {shown(when.rhs)}"


def _folded(row: str) -> list[str]:
    return textwrap.wrap(row, 112, subsequent_indent=" " * 4, break_long_words=False, break_on_hyphens=False)


def _harmless(row: str) -> str:
    """A row of a comment that ends none and begins none."""
    for mark in ("*)", "(*"):
        row = row.replace(mark, " ".join(mark))
    return row
