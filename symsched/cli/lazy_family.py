"""`symsched derive lazy`: the lazy family, or the lazy condition of a given schedule."""

from __future__ import annotations

from typing import Any

from sympy import Expr, factor, factor_terms

from symsched import symbols as letters
from symsched.cli.request import Formula, Found, Request, shorter
from symsched.data import Gaussian
from symsched.exact import shortest
from symsched.lazy import condition, family, solve
from symsched.symbols import t

EPS = ("ε", r"\varepsilon")


def lazy(request: Request) -> Found:
    """What makes the drift vanish on N(0, ρ²): for a schedule its scale, for a scale its schedules."""
    if request.given is not None:
        return _condition(request)
    if request.eps is not None or (request.kappa is not None and request.kappa.has(t)):
        return _solution(request)
    return _family(request)


def _condition(request: Request) -> Found:
    data: Any = request.data or Gaussian(0, request.spread)
    found = condition(request.schedule, data)
    formulas = (
        Formula("eps", *EPS, shorter(found.eps)),
        Formula("kappa", "κ", r"\kappa", shorter(found.kappa)),
        Formula("variance", "V", "V", shorter(found.variance)),
    )
    answer = {
        True: "V never decreases: with this scale, and no other, the drift vanishes",
        False: "V decreases somewhere, so this ε is negative there: the schedule cannot be lazy for these data",
        None: "the sign of ε could not be decided: where it is negative the schedule cannot be lazy",
    }
    centre = ("the mean of the data must be removed first",) if found.centre else ()
    return Found(formulas, (answer[found.possible], *centre))


def _family(request: Request) -> Found:
    kappa = letters.kappa if request.kappa is None else request.kappa
    found = family(kappa, request.spread)
    squared = found.alpha_squared.subs(t, letters.beta)
    eps = (squared + request.spread**2 * letters.beta**2).diff(t) / 2
    notes = ["for every increasing β with β(0) = 0 and β(1) = 1; solved by dsolve, confirmed by checkodesol"]
    return Found((_alpha_squared(squared), Formula("eps", *EPS, shorter(eps))), tuple(notes))


def _solution(request: Request) -> Found:
    scale = {"eps": request.eps} if request.eps is not None else {"kappa": request.kappa}
    found = solve(rho=request.spread, **scale)
    return Found((_alpha_squared(found.alpha**2), Formula("beta", "β", r"\beta", found.beta)))


def _alpha_squared(squared: Expr) -> Formula:
    return Formula("alpha_squared", "α²", r"\alpha^{2}", shortest(factor_terms(squared), factor(squared)))
