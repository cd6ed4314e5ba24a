"""What can be derived: one short function per quantity, each asking the library for its expressions."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr, sqrt

from symsched.conversion import Conversion, convert
from symsched.derived.asked import Asked
from symsched.derived.formula import Derived, Formula, short
from symsched.derived.lazy_family import lazy
from symsched.errors import UndecidedError
from symsched.parsing import one_of

WITHOUT_DATA = "where η_X(t, x) = E[X | I_t = x] is the data prediction"


def _schedule(asked: Asked) -> Derived:
    s = asked.schedule
    return Derived(
        (
            short("alpha", "α", r"\alpha", s.alpha),
            short("beta", "β", r"\beta", s.beta),
            short("alpha_dot", "α̇", r"\dot{\alpha}", s.alpha_dot),
            short("beta_dot", "β̇", r"\dot{\beta}", s.beta_dot),
        )
    )


def _ratio(asked: Asked) -> Derived:
    s = asked.schedule
    return Derived(
        (
            short("r", "r", "r", s.r),
            short("snr", "SNR", r"\mathrm{SNR}", s.snr),
            short("log_r_dot", "d/dt log r", r"\frac{d}{dt}\log r", s.log_r_dot),
        )
    )


def _epsstar(asked: Asked) -> Derived:
    return Derived((short("eps_star", "ε*", r"\varepsilon^{*}", asked.schedule.eps_star),))


def _variance(asked: Asked) -> Derived:
    s = asked.schedule
    found = s.variance(asked.spread) if asked.data is None else asked.data.moments(s.alpha, s.beta)[1]
    return Derived((short("variance", "V", "V", found),))


def _diffusion(asked: Asked) -> Derived:
    eps = asked.equation().eps
    noise = short("diffusion", "√(2ε)", r"\sqrt{2\varepsilon}", sqrt(2 * eps))
    return Derived((short("eps", "ε", r"\varepsilon", eps), noise))


def _drift(asked: Asked) -> Derived:
    sde = asked.equation()
    scale = short("eps", "ε", r"\varepsilon", sde.eps)
    return Derived((Formula("drift", "b", "b", sde.simplified()), scale), _notes(asked))


def _velocity(asked: Asked) -> Derived:
    return Derived((Formula("velocity", "b", "b", asked.equation(kappa=0).simplified()),), _notes(asked))


def _score(asked: Asked) -> Derived:
    return Derived((short("score", "s", "s", asked.equation().score),), _notes(asked))


def _eta_x(asked: Asked) -> Derived:
    asked.need("eta_x depends on the data", "data")
    return Derived((short("eta_x", "η_X", r"\eta_X", asked.equation().eta_x),))


def _eta_z(asked: Asked) -> Derived:
    return Derived((short("eta_z", "η_Z", r"\eta_Z", asked.equation().eta_z),), _notes(asked))


def _notes(asked: Asked) -> tuple[str, ...]:
    return () if asked.data else (WITHOUT_DATA,)


def _kind(asked: Asked) -> Derived:
    asked.need("kind belongs to one schedule", "schedule")
    validity = asked.schedule.validate()
    proofs = (f"  {c.statement}  ({c.method})" for c in validity.conditions)
    return Derived(notes=(f"{validity.kind}", *proofs))


LIMITS = {
    "alpha": ("α", r"\alpha"),
    "beta": ("β", r"\beta"),
    "alpha_dot": ("α̇", r"\dot{\alpha}"),
    "beta_dot": ("β̇", r"\dot{\beta}"),
    "r": ("r", "r"),
    "eps_star": ("ε*", r"\varepsilon^{*}"),
}


def _limits(asked: Asked) -> Derived:
    asked.need("limits belong to one schedule", "schedule")
    formulas, notes = [], []
    for name, (left, tex) in LIMITS.items():
        for end in (0, 1):
            try:
                value = asked.schedule.limit(name, end)
            except UndecidedError as error:
                notes.append(str(error))
                continue
            formulas.append(Formula(f"{name}({end})", f"{left}({end})", f"{tex}({end})", value))
    return Derived(tuple(formulas), tuple(notes))


def converted(asked: Asked) -> Derived:
    """τ, c, their derivatives, and the target's diffusion scale when a source scale was given."""
    asked.need("a conversion needs two schedules", "schedule", "target")
    conversion = conversion_of(asked)
    formulas = [
        source_time(conversion),
        short("scale", "c", "c", conversion.scale),
        short("tau_dot", "τ̇", r"\dot{\tau}", conversion.tau_dot),
        short("scale_dot", "ċ", r"\dot{c}", conversion.scale_dot),
    ]
    scale = source_scale(asked)
    if scale is not None:
        formulas.append(short("eps", "ε̄", r"\bar{\varepsilon}", conversion.eps(scale)))
    note = "r of the source has no closed inverse: τ(t) stays a function; --at prints its values in full precision"
    return Derived(tuple(formulas), () if conversion.closed_form else (note,))


def source_time(conversion: Conversion) -> Formula:
    """τ; without a closed inverse of r, what it is."""
    if conversion.closed_form:
        return short("tau", "τ", r"\tau", conversion.tau)
    ratio = short("r", "r", "r", conversion.target.r)
    spelled = f"r⁻¹({ratio.text.partition(' = ')[2]})", rf"r^{{-1}}\left({ratio.right}\right)"
    return Formula("tau", "τ", r"\tau", conversion.tau, spelled)


def conversion_of(asked: Asked) -> Conversion:
    """From the schedule to the target."""
    assert asked.given is not None
    assert asked.target is not None
    return convert(asked.given, asked.target)


def source_scale(asked: Asked) -> Expr | None:
    """ε of the source: given, or κ ε*; None when neither was given."""
    if asked.eps is not None:
        return asked.eps
    return None if asked.kappa is None else asked.kappa * asked.schedule.eps_star


QUANTITIES: dict[str, Callable[[Asked], Derived]] = {
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
    "conversion": converted,
}
TAKEN = {  # what each depends on beside the schedule
    "drift": ("data", "kappa", "eps"),
    "diffusion": ("kappa", "eps"),
    "variance": ("data", "rho"),
    "conversion": ("target", "kappa", "eps"),
    **dict.fromkeys(("score", "velocity", "eta_x", "eta_z"), ("data",)),
}


def answer(quantity: str, asked: Asked) -> Derived:
    """Raises InputError for an unknown quantity, and for what was given and would be ignored."""
    one_of(quantity, QUANTITIES, "quantity")
    taken = TAKEN.get(quantity, ())
    if quantity == "lazy":
        taken = ("kappa", "eps", "rho") if asked.given is None else ("data", "rho")
    asked.only(quantity, tuple(name for name in taken if name != "rho" or asked.data is None or "data" not in taken))
    return QUANTITIES[quantity](asked)
