"""The lazy family, or the lazy condition of a given schedule."""

from __future__ import annotations

from typing import Any

from sympy import Expr, factor, factor_terms

from symsched import symbols as letters
from symsched.data import Gaussian
from symsched.derived.asked import Asked
from symsched.derived.formula import Derived, Formula, short
from symsched.exact import shortest
from symsched.lazy import condition, family, solve
from symsched.symbols import t

EPS = ("ε", r"\varepsilon")


def lazy(asked: Asked) -> Derived:
    """What makes the drift vanish on N(0, ρ²): for a schedule its scale, for a scale its schedules."""
    if asked.given is not None:
        return _condition(asked)
    if asked.eps is not None or (asked.kappa is not None and asked.kappa.has(t)):
        return _solution(asked)
    return _family(asked)


def _condition(asked: Asked) -> Derived:
    data: Any = asked.data or Gaussian(0, asked.spread)
    found = condition(asked.schedule, data)
    formulas = (
        short("eps", *EPS, found.eps),
        short("kappa", "κ", r"\kappa", found.kappa),
        short("variance", "V", "V", found.variance),
    )
    answer = {
        True: "V never decreases: with this scale, and no other, the drift vanishes",
        False: "V decreases somewhere, so this ε is negative there: the schedule cannot be lazy for these data",
        None: "the sign of ε could not be decided: where it is negative the schedule cannot be lazy",
    }
    centre = ("the mean of the data must be removed first",) if found.centre else ()
    return Derived(formulas, (answer[found.possible], *centre))


def _family(asked: Asked) -> Derived:
    kappa = letters.kappa if asked.kappa is None else asked.kappa
    found = family(kappa, asked.spread)
    squared = found.alpha_squared.subs(t, letters.beta)
    eps = (squared + asked.spread**2 * letters.beta**2).diff(t) / 2
    notes = ["for every increasing β with β(0) = 0 and β(1) = 1; solved by dsolve, confirmed by checkodesol"]
    return Derived((_alpha_squared(squared), short("eps", *EPS, eps)), tuple(notes))


def _solution(asked: Asked) -> Derived:
    scale = {"eps": asked.eps} if asked.eps is not None else {"kappa": asked.kappa}
    found = solve(rho=asked.spread, **scale)
    return Derived((_alpha_squared(found.alpha**2), Formula("beta", "β", r"\beta", found.beta)))


def _alpha_squared(squared: Expr) -> Formula:
    return Formula("alpha_squared", "α²", r"\alpha^{2}", shortest(factor_terms(squared), factor(squared)))
