"""What `symsched derive` can derive: one short function per quantity, each asking the library for its expressions."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr, Symbol, sqrt

from symsched.cli.convert import converted
from symsched.cli.lazy_family import lazy
from symsched.cli.request import Formula, Found, Request, shorter
from symsched.data import Gaussian
from symsched.errors import InputError, UndecidedError
from symsched.schedule import Schedule
from symsched.sde import InterpolantSDE
from symsched.steps.identities import JETS, means
from symsched.symbols import x

ETA_X = Symbol("eta_X")


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
    score = request.data.score(s) if request.data else _by_data("score", s)
    return Found((Formula("score", "s", "s", shorter(score)),), _general(request))


def _eta_x(request: Request) -> Found:
    if request.data is None:
        raise InputError('eta_x depends on the data: give --data, such as --data "gaussian(m, rho)"')
    return Found((Formula("eta_x", "η_X", r"\eta_X", shorter(request.data.eta_x(request.schedule))),))


def _eta_z(request: Request) -> Found:
    s = request.schedule
    found = request.data.eta_z(s) if request.data else _by_data("noise", s)
    return Found((Formula("eta_z", "η_Z", r"\eta_Z", shorter(found)),), _general(request))


def _by_data(prediction: str, s: Schedule) -> Expr:
    """A prediction at the state x, in terms of η_X."""
    state, data = (JETS.put(form, alpha=s.alpha, beta=s.beta) for form in means(prediction, "data"))
    return state * x + data * ETA_X


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


def _conversion(request: Request) -> Found:
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
    "lazy": lazy,
    "conversion": _conversion,
}
