"""What `symsched derive` can derive: one short function per quantity, each asking the library for its expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Symbol, sqrt

import symsched
from symsched import symbols as letters
from symsched.catalog import from_text as schedule_from_text
from symsched.cli.notation import latex_line, named, oriented, unicode_line
from symsched.data import DataLaw, Gaussian
from symsched.data import from_text as data_from_text
from symsched.errors import InputError, UndecidedError
from symsched.parsing import parse_expression, quoted
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.sde.equation import readable
from symsched.symbols import t, x

MAX_SIMPLIFIED = 40
ETA_X = Symbol("eta_X")
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
    """A form to read; long expressions are left alone, because simplifying them takes longer than reading them."""
    return readable(expr) if expr.count_ops() <= MAX_SIMPLIFIED else expr


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


# -- quantities -------------------------------------------------------------------------------------------------------


def _schedule(request: Request) -> Found:
    s = request.schedule
    return Found(
        (
            Formula("alpha", "α", r"\alpha", s.alpha),
            Formula("beta", "β", r"\beta", s.beta),
            Formula("alpha_dot", "α̇", r"\dot{\alpha}", shorter(s.alpha_dot)),
            Formula("beta_dot", "β̇", r"\dot{\beta}", shorter(s.beta_dot)),
        )
    )


def _ratio(request: Request) -> Found:
    s = request.schedule
    return Found(
        (
            Formula("r", "r", "r", shorter(s.r)),
            Formula("snr", "SNR", r"\mathrm{SNR}", shorter(s.snr)),
            Formula("log_r_dot", "d/dt log r", r"\frac{d}{dt}\log r", shorter(s.log_r_dot)),
        )
    )


def _epsstar(request: Request) -> Found:
    return Found((Formula("eps_star", "ε*", r"\varepsilon^{*}", shorter(request.schedule.eps_star)),))


def _variance(request: Request) -> Found:
    s = request.schedule
    found = s.variance(request.spread) if request.data is None else request.data.moments(s.alpha, s.beta)[1]
    return Found((Formula("variance", "V", "V", shorter(found)),))


def _sde(request: Request) -> InterpolantSDE:
    return InterpolantSDE(request.schedule, request.data or Gaussian(0, 1), **request.scale)


def _diffusion(request: Request) -> Found:
    sde = _sde(request)
    return Found(
        (
            Formula("eps", "ε", r"\varepsilon", shorter(sde.eps)),
            Formula("diffusion", "√(2ε)", r"\sqrt{2\varepsilon}", shorter(sqrt(2 * sde.eps))),
        )
    )


def _drift(request: Request) -> Found:
    sde = _sde(request)
    drift = sde.simplified() if request.data else shorter(sde.A) * x + shorter(sde.B) * ETA_X
    scale = Formula("eps", "ε", r"\varepsilon", shorter(sde.eps))
    return Found((Formula("drift", "b", "b", drift), scale), _general(request))


def _velocity(request: Request) -> Found:
    flow = InterpolantSDE(request.schedule, request.data or Gaussian(0, 1), kappa=0)
    drift = flow.simplified() if request.data else shorter(flow.A) * x + shorter(flow.B) * ETA_X
    return Found((Formula("velocity", "b", "b", drift),), _general(request))


def _score(request: Request) -> Found:
    s = request.schedule
    score = request.data.score(s) if request.data else (s.beta * ETA_X - x) / s.alpha**2
    return Found((Formula("score", "s", "s", shorter(score)),), _general(request))


def _eta_x(request: Request) -> Found:
    if request.data is None:
        raise InputError('eta_x depends on the data: give --data, such as --data "gaussian(m, rho)"')
    return Found((Formula("eta_x", "η_X", r"\eta_X", shorter(request.data.eta_x(request.schedule))),))


def _eta_z(request: Request) -> Found:
    s = request.schedule
    found = request.data.eta_z(s) if request.data else (x - s.beta * ETA_X) / s.alpha
    return Found((Formula("eta_z", "η_Z", r"\eta_Z", shorter(found)),), _general(request))


def _general(request: Request) -> tuple[str, ...]:
    return () if request.data else ("where η_X(t, x) = E[X | I_t = x] is the data prediction",)


def _kind(request: Request) -> Found:
    if request.given is None:
        raise InputError("kind belongs to one schedule: give --schedule, such as --schedule follmer")
    validity = request.given.validate()
    proofs = (f"  {c.statement}  ({c.method})" for c in validity.conditions)
    return Found(notes=(f"{validity.kind}", *proofs))


LIMITS = {
    "alpha": ("α", r"\alpha"),
    "beta": ("β", r"\beta"),
    "alpha_dot": ("α̇", r"\dot{\alpha}"),
    "beta_dot": ("β̇", r"\dot{\beta}"),
    "r": ("r", "r"),
    "eps_star": ("ε*", r"\varepsilon^{*}"),
}


def _limits(request: Request) -> Found:
    if request.given is None:
        raise InputError("limits belong to one schedule: give --schedule, such as --schedule follmer")
    formulas, notes = [], []
    for name, (left, tex) in LIMITS.items():
        for end in (0, 1):
            try:
                value = request.schedule.limit(name, end)
            except UndecidedError as error:
                notes.append(str(error))
                continue
            formulas.append(Formula(f"{name}({end})", f"{left}({end})", f"{tex}({end})", value))
    return Found(tuple(formulas), tuple(notes))


def _lazy(request: Request) -> Found:
    from symsched.cli.lazy import lazy

    return lazy(request)


def _conversion(request: Request) -> Found:
    from symsched.cli.convert import converted

    if request.target is None or request.given is None:
        raise InputError("a conversion needs two schedules: give --schedule and --target, such as --target follmer")
    return converted(request)


QUANTITIES: dict[str, Callable[[Request], Found]] = {
    "drift": _drift,
    "score": _score,
    "velocity": _velocity,
    "eta_x": _eta_x,
    "eta_z": _eta_z,
    "diffusion": _diffusion,
    "epsstar": _epsstar,
    "variance": _variance,
    "schedule": _schedule,
    "ratio": _ratio,
    "kind": _kind,
    "limits": _limits,
    "lazy": _lazy,
    "conversion": _conversion,
}


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
