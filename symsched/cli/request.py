"""What commands about formulas ask and answer: the options read and checked, formulas in three notations, JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Expr

import symsched
from symsched import symbols as letters
from symsched.catalog import from_text as schedule_from_text
from symsched.cli.notation import latex_line, named, oriented, unicode_line
from symsched.data import DataLaw
from symsched.data import from_text as data_from_text
from symsched.errors import InputError
from symsched.exact import neat
from symsched.parsing import parse_expression, quoted
from symsched.schedule import Schedule
from symsched.symbols import t

SCALE_SYMBOLS = {"t": t, "kappa": letters.kappa, "rho": letters.rho}


@dataclass(frozen=True)
class Formula:
    """`lhs = rhs`: the machine's name, the left side in Unicode and LaTeX, the right side an expression."""

    name: str
    left: str
    left_latex: str
    expr: Expr

    @property
    def text(self) -> str:
        return f"{self.left} = {unicode_line(oriented(named(self.expr)))}"

    @property
    def latex(self) -> str:
        return f"{self.left_latex} = {latex_line(oriented(named(self.expr)))}"


@dataclass(frozen=True)
class Found:
    """The formulas of one quantity, and remarks in words."""

    formulas: tuple[Formula, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """The options of `derive`, read and checked; None where the user gave nothing."""

    given: Schedule | None
    target: Schedule | None
    data: DataLaw | None
    kappa: Expr | None
    eps: Expr | None
    rho: Expr | None

    @classmethod
    def read(cls, schedule: Any, target: Any, data: Any, kappa: Any, eps: Any, rho: Any) -> Request:
        if kappa is not None and eps is not None:
            raise InputError("--kappa and --eps are both given; give one: kappa is eps/eps_star")
        return cls(
            None if schedule is None else schedule_from_text(schedule),
            None if target is None else schedule_from_text(target),
            None if data is None else data_from_text(data),
            scale(kappa, "--kappa"),
            scale(eps, "--eps"),
            _positive(rho, "--rho"),
        )

    @property
    def schedule(self) -> Schedule:
        """The given schedule, proved valid; or the general pair α(t), β(t)."""
        if self.given is None:
            return Schedule(letters.alpha, letters.beta, name="any schedule")
        self.given.validate()
        return self.given

    @property
    def scale(self) -> dict[str, Expr]:
        """The diffusion scale as the library's keyword: κ stays a symbol unless given."""
        if self.eps is not None:
            return {"eps": self.eps}
        return {"kappa": letters.kappa if self.kappa is None else self.kappa}

    @property
    def spread(self) -> Expr:
        return letters.rho if self.rho is None else self.rho


def shorter(expr: Expr) -> Expr:
    """A form to read."""
    return neat(expr)


def scale(text: str | None, option: str) -> Expr | None:
    """A diffusion scale: an expression in t that is not negative (its sign on (0, 1) is checked where it is used)."""
    if text is None:
        return None
    expr = parse_expression(text, SCALE_SYMBOLS)
    if expr.is_negative:
        raise InputError(
            f"{option} {quoted(text)}: must be >= 0; 0 is the deterministic flow, kappa = 1 the optimal scale"
        )
    return expr


def _positive(text: str | None, option: str) -> Expr | None:
    if text is None:
        return None
    expr = parse_expression(text, {"rho": letters.rho})
    if not expr.is_positive:
        raise InputError(f"{option} {quoted(text)}: a standard deviation must be > 0")
    return expr


def described(schedule: Schedule | None) -> dict[str, Any] | None:
    """A schedule in JSON: its text and its formulas."""
    if schedule is None:
        return None
    return {"text": str(schedule), "alpha": str(schedule.alpha), "beta": str(schedule.beta)}


def document(quantity: str, request: Request, found: Found) -> dict[str, Any]:
    """The JSON of one derivation; "expression" parses back to the formula, oo stands for infinity."""
    return {
        "version": symsched.__version__,
        "quantity": quantity,
        "schedule": described(request.given),
        "target": described(request.target),
        "data": None if request.data is None else str(request.data),
        "kappa": None if request.kappa is None else str(request.kappa),
        "eps": None if request.eps is None else str(request.eps),
        "rho": None if request.rho is None else str(request.rho),
        "formulas": [
            {"name": f.name, "text": f.text, "latex": f.latex, "expression": str(f.expr)} for f in found.formulas
        ],
        "notes": list(found.notes),
    }
