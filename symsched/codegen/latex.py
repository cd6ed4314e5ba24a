"""An equation sheet: every formula in the letters of the paper, and the limits at the ends."""

from __future__ import annotations

import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.conversion import tau_function
from symsched.symbols import t

LETTERS = {
    "alpha": r"\bar\alpha_t", "beta": r"\bar\beta_t", "alpha_dot": r"\dot{\bar\alpha}_t",
    "beta_dot": r"\dot{\bar\beta}_t", "r": r"\bar r_t", "log_snr": r"\log \bar r_t^2",
    "eps_star": r"\bar\varepsilon^*_t", "tau": r"\tau_t", "scale": "c_t", "tau_dot": r"\dot\tau_t",
    "scale_dot": r"\dot c_t", "eps": r"\bar\varepsilon_t",
}  # fmt: skip
PREDICTED = {"data": r"\eta_X", "noise": r"\eta_Z", "score": "s", "velocity": "b", "v": "v"}


def latex(module: Module, test: bool) -> str:  # noqa: ARG001
    """A document that compiles with article and amsmath."""
    rows = [f"% {row}".rstrip() for row in header.lines(module)]
    rows += [r"\documentclass{article}", r"\usepackage{amsmath}", r"\setlength{\parindent}{0pt}", r"\begin{document}"]
    rows += [rf"\section*{{{_escaped(header.title(module))}}}"]
    rows.append(r"Time $t$ runs from 0 (noise) to 1 (data); $I_t = \alpha_t Z + \beta_t X$.")
    if module.source is not None:
        rows.append(r"Source: $\alpha_s = " + sp.latex(module.source.alpha.subs(t, sp.Symbol("s"))) + r"$, $\beta_s = "
                    + sp.latex(module.source.beta.subs(t, sp.Symbol("s"))) + r"$.")  # fmt: skip
    for function in module.functions:
        rows += ["", rf"\subsection*{{{_escaped(function.name)}}}", _escaped(function.summary) + "."]
        for output in function.outputs:
            rows += ["{\\small\\[", rf"  {_letter(output.name)} = {_formula(output.quantity.exact)}", "\\]}"]
            limits = list(output.quantity.ends)
            if None not in limits:
                low, high = (sp.latex(e) for e in limits)
                rows.append(rf"with limits ${low}$ at $t = 0$ and ${high}$ at $t = 1$.")
    return "\n".join([*rows, r"\end{document}", ""])


def _letter(name: str) -> str:
    if name in LETTERS:
        return LETTERS[name]
    letter, prediction = name.split("_", 1)
    return f"{letter}_{{{PREDICTED[prediction]}}}"


def _formula(expr: sp.Expr) -> str:
    shown = expr.subs(tau_function(t), sp.Symbol(r"\tau_t"))
    return str(sp.latex(sp.factor_terms(shown)))


_MARKS = {
    **{mark: "\\" + mark for mark in "&%$#_{}"},
    "\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}",
}  # fmt: skip


def _escaped(text: str) -> str:
    """Plain text for a document: no character of it is a command."""
    return "".join(_MARKS.get(mark, mark) for mark in text)
