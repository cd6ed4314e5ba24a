"""An equation sheet: every formula in the letters of the paper, and the limits at the ends."""

from __future__ import annotations

import re

import sympy as sp

from symsched.codegen import header
from symsched.codegen.module import Module
from symsched.codegen.printing.language import Language
from symsched.codegen.program import Routine
from symsched.codegen.quantities import (
    TIME,
    Quantity,
    alpha,
    alpha_dot,
    beta,
    beta_dot,
    prediction_weights,
    scale,
    tau,
    tau_dot,
)
from symsched.codegen.stable import u
from symsched.conversion import tau_function
from symsched.derived.formula import short
from symsched.exact import neat
from symsched.steps import laws
from symsched.symbols import kappa, t

LETTERS = {
    "alpha": r"\bar\alpha_t", "beta": r"\bar\beta_t", "alpha_dot": r"\dot{\bar\alpha}_t",
    "beta_dot": r"\dot{\bar\beta}_t", "r": r"\bar r_t", "log_snr": r"\log \bar r_t^2",
    "eps_star": r"\bar\varepsilon^*_t", "tau": r"\tau_t", "scale": "c_t", "tau_dot": r"\dot\tau_t",
    "scale_dot": r"\dot c_t", "eps": r"\bar\varepsilon_t",
}  # fmt: skip
PREDICTION = {
    "data": r"\eta_X", "noise": r"\eta_Z", "score": "s", "velocity": r"b^0",
    "v": r"\bar\beta_t \eta_Z - \bar\alpha_t \eta_X",
}  # fmt: skip
PREDICTED = {"data": r"\eta_X", "noise": r"\eta_Z", "score": "s", "velocity": "b", "v": "v"}


PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,color,graphicx}
\setlength{\parindent}{0pt}
\pagestyle{plain}
\newsavebox{\formula}\newsavebox{\margin}
% A formula, its limits at t = 0 and t = 1 at the right margin; on a line of their own where they do not fit.
\newcommand{\between}[2]{{\small\color[gray]{0.35}$#1$\hspace{0.7em}$\to$\hspace{0.7em}$#2$}}
\newcommand{\entry}[3]{\par\vspace{1.1ex}%
  \sbox{\formula}{$\displaystyle #1$}\sbox{\margin}{\between{#2}{#3}}%
  \ifdim\dimexpr\wd\formula+\wd\margin+2em\relax>\linewidth
    \ifdim\wd\formula>\linewidth\resizebox{\linewidth}{!}{\usebox{\formula}}\else\usebox{\formula}\fi
    \par\nopagebreak\hspace*{\fill}\usebox{\margin}%
  \else\usebox{\formula}\hfill\usebox{\margin}\fi}
\newcommand{\group}[2]{\par\vspace{2.6ex}\textbf{#1}\enspace #2\par\nopagebreak}
\begin{document}
"""


class LaTeX(Language):
    """A document that compiles with article, amsmath and the graphics bundle."""

    def text(self, module: Module, test: bool = False) -> str:  # noqa: ARG002
        rows = [*(f"% {row}".rstrip() for row in header.lines(module)), PREAMBLE.rstrip()]
        rows += [rf"\begin{{center}}\Large {_escaped(header.title(module))}\end{{center}}", "", *_conventions(module)]
        for function in module.functions:
            rows += ["", rf"\group{{{_title(function)}}}{{{_summary(function)}}}"]
            for output in function.outputs:
                low, high = (_limit(e) for e in output.quantity.ends)
                rows.append(rf"\entry{{{_letter(output.name)} = {_shown(output.quantity, module)}}}{{{low}}}{{{high}}}")
        rows += [
            "",
            *_steps(module),
            "",
            r"\vspace{3ex}\small\raggedright",
            *map(_escaped, header.citation(module)),
            r"\end{document}",
        ]
        return "\n".join([*rows, ""])


def _title(function: Routine) -> str:
    if function.name.startswith("drift_"):
        return f"Drift by the {function.name.removeprefix('drift_')} prediction"
    return function.name.capitalize()


def _summary(function: Routine) -> str:
    if function.name.startswith("drift_"):
        prediction = function.name.removeprefix("drift_")
        return rf"$b = A x + B p$ with $p = {PREDICTION[prediction]}$."
    text = _escaped(function.summary[0].upper() + function.summary[1:]) + "."
    for plain, letter in ((r"beta/alpha", r"$\bar\beta_t/\bar\alpha_t$"), ("Diffusion scale eps of dX.*", "")):
        text = re.sub(plain, lambda _, letter=letter: letter, text)  # type: ignore[misc]
    return text


def _conventions(module: Module) -> list[str]:
    rows = [r"Time $t$ runs from 0 (noise) to 1 (data).  $I_t = \bar\alpha_t Z + \bar\beta_t X$ with $Z \sim N(0, I)$;",
            r"$\eta_X = E[X \mid x]$, $\eta_Z = E[Z \mid x]$, $s = -\eta_Z/\bar\alpha_t$;",
            r"$dX = b\,dt + \sqrt{2\bar\varepsilon_t}\,dW$.",
            r"At the right: limits as $t \to 0$ and as $t \to 1$."]  # fmt: skip
    if module.source is not None:
        s = sp.Symbol("s")
        alpha, beta = (sp.latex(e.subs(t, s)) for e in (module.source.alpha, module.source.beta))
        rows.append(rf"Source: $\alpha_s = {alpha}$, $\beta_s = {beta}$; if $X_s$ solves its SDE,")
        rows.append(r"$c_t X_{\tau_t}$ solves that of the target.")
    return rows


def _steps(module: Module) -> list[str]:
    """The steps of a sampler from t to t', with ' for what is taken at t'."""
    rows = [r"\group{Steps}{From $t$ to $t' = t + h$, with $p = \eta_X$ held and $z \sim N(0, I)$.}"]
    names = {function.name for function in module.steps}
    held = r"x' = x + h\,(A_{\eta_X} x + B_{\eta_X} p)"
    rows.append(_step("Euler--Maruyama", rf"{held} + \sqrt{{2 h \bar\varepsilon_t}}\, z"))
    if "lazy_step" in names:
        (lazy,) = (f for f in module.steps if f.name == "lazy_step")
        weight = _formula(lazy.outputs[2].quantity.exact).replace("t_{next}", "t'")
        rows.append(_step("lazy", rf"{held} + {weight}\, z"))
    if "data_step" in names:
        kept, added = (e.subs(kappa, module.shown_kappa) for e in laws.retained())
        put = {laws.ratio: sp.Symbol(r"(\bar r_t/\bar r_{t'})")}
        kept_text, added_text = (sp.latex(e.subs(put)) for e in (kept, sp.sqrt(added)))
        noise = r"\frac{x - \bar\beta_t p}{\bar\alpha_t}"
        text = rf"x' = \bar\beta_{{t'}} p + \bar\alpha_{{t'}} \left[ {kept_text} {noise} + {added_text}\, z \right]"
        rows.append(_step("data prediction held", text))
    return rows


def _step(name: str, text: str) -> str:
    return rf"\par\vspace{{1.1ex}}$\displaystyle {text}$\hfill{{\small\color[gray]{{0.35}}{name}}}"


def _letter(name: str) -> str:
    if name in LETTERS:
        return LETTERS[name]
    letter, prediction = name.split("_", 1)
    return f"{letter}_{{{PREDICTED[prediction]}}}"


def _limit(limit: sp.Expr | None) -> str:
    if limit is None:
        return "?"
    if isinstance(limit, sp.Piecewise):
        *cases, (last, _) = limit.args
        ordered = sorted((c for _, c in cases), key=lambda c: (c.rhs, isinstance(c, sp.Eq)))
        values = {c: v for v, c in cases}
        shown = [
            f"{_limit(values[c])}\\;({sp.latex(c.lhs)} {'=' if isinstance(c, sp.Eq) else '<'} {sp.latex(c.rhs)})"
            for c in ordered
        ]
        beyond = ">" if isinstance(ordered[-1], sp.Eq) else r"\ge"
        return r",\;".join(
            [*shown, f"{_limit(last)}\\;({sp.latex(ordered[-1].lhs)} {beyond} {sp.latex(ordered[-1].rhs)})"]
        )
    return r"\text{--}" if limit is sp.nan else str(sp.latex(sp.nsimplify(limit) if limit.is_Rational else limit))


def _shown(quantity: Quantity, module: Module) -> str:
    """A quantity in t; what a conversion adds, in the letters of the target."""
    if quantity.name == tau and not module.closed:
        return r"r^{-1}(\bar r_t)"
    if quantity.form.free_symbols <= set(_LETTERS) and quantity.exact.has(TIME):
        return str(sp.latex(quantity.form.xreplace(_LETTERS)))
    kind, _, prediction = str(quantity.name).partition("_")
    if kind in ("A", "B") and quantity.exact.count_ops() > LONG:
        weight = prediction_weights(prediction)["AB".index(kind)].subs(kappa, module.shown_kappa)
        return str(sp.latex(neat(weight).xreplace(_LETTERS)))
    return _formula(quantity.exact)


LONG = 60  # operations; a longer weight is shown in the letters of the schedule
_LETTERS = {s: sp.Symbol(LETTERS[s.name]) for s in (alpha, beta, alpha_dot, beta_dot, tau, scale, tau_dot)}
_SOURCE_TIME = sp.Symbol(r"\tau_t", positive=True)


def _formula(expr: sp.Expr) -> str:
    """As a person would write it, in t and the source time."""
    shown = expr.subs(tau_function(t), _SOURCE_TIME).xreplace({TIME: _SOURCE_TIME, u: 1 - t})
    return short("", "", "", shown).right


_MARKS = {
    **{mark: "\\" + mark for mark in "&%$#_{}"},
    "\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}",
}  # fmt: skip


def _escaped(text: str) -> str:
    """Plain text for a document: no character of it is a command."""
    return "".join(_MARKS.get(mark, mark) for mark in text)
