"""Schedules of flow models and interpolants: straight, trigonometric, polynomial, and their timestep shifts."""

from collections.abc import Callable

from sympy import Expr, Rational, cos, expand, pi, sin, sqrt

from symsched.catalog.registry import ANY, POSITIVE, Number, Pair, as_schedule, schedule
from symsched.exact import decide_zero
from symsched.schedule import Schedule
from symsched.symbols import t


@schedule(source="Lipman et al., arXiv:2210.02747; Liu et al., arXiv:2209.03003", kind="standard")
def linear() -> Pair:
    """Straight line from noise to data (rectified flow, conditional OT).

    α = 1 - t, β = t.  Standard; no parameters.
    """
    return 1 - t, t


@schedule(
    source="Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797; as GVP: Ma et al., arXiv:2401.08740",
    kind="standard",
)
def vp() -> Pair:
    """Trigonometric, variance preserving (GVP).

    α = cos(πt/2), β = sin(πt/2), so α² + β² = 1.  Standard; no parameters.
    """
    return cos(pi * t / 2), sin(pi * t / 2)


@schedule(source="Lipman et al., arXiv:2412.06264 (LinearVP)", kind="standard")
def linear_vp() -> Pair:
    """Variance preserving with the data coefficient linear in time.

    α = √(1 - t²), β = t; it is the lazy schedule of κ = 0, ρ = 1 with β = t.  Standard; no parameters.
    """
    return sqrt(1 - t**2), t


@schedule(source="Chen, arXiv:2301.10972", kind="standard")
def simple_linear() -> Pair:
    """Variance preserving with the data variance linear in time (γ = 1 - s in the source).

    α = √(1 - t), β = √t.  Standard; no parameters.
    """
    return sqrt(1 - t), sqrt(t)


@schedule(source="Lipman et al., arXiv:2412.06264 (convex polynomial, p = q)", kind="standard", p=POSITIVE, q=POSITIVE)
def polynomial(p: Number = 2, q: Number = None) -> Pair:
    """Powers of time.

    α = 1 - t^p, β = t^q; q = p unless given.  Standard; p > 0, q > 0.
    """
    return 1 - t**p, t ** (p if q is None else q)


@schedule(source="Esser et al., arXiv:2403.03206 (CosMap)", kind="standard")
def cosmap() -> Pair:
    """The straight line, timed so that its signal-to-noise ratio is that of `vp`.

    α = cos(πt/2)/(cos(πt/2) + sin(πt/2)), β = 1 - α, so r = tan(πt/2).  Standard; no parameters.
    """
    return tuple(part / (cos(pi * t / 2) + sin(pi * t / 2)) for part in (cos(pi * t / 2), sin(pi * t / 2)))


@schedule(
    source="Esser et al., arXiv:2403.03206 (timestep shift); Hoogeboom et al., arXiv:2301.11093 (log-SNR shift)",
    kind="that of the base",
    s=POSITIVE,
    base=ANY,
)
def shifted(s: Number, base: Schedule | str = "linear") -> Pair:
    """Another schedule with its signal-to-noise ratio divided by s: the timestep shift of flow models.

    (sα, β)·n, with n chosen to keep α + β, β, or α² + β², the first of them that is constant for the base (the last
    if none is).  For `linear`, α = s(1-t)/(1+(s-1)(1-t)).  The kind of the base; s > 0, base a schedule or its text.
    """
    source = as_schedule(base)
    keep, kept = _kept(source.alpha, source.beta)
    factor = kept / keep(s * source.alpha, source.beta)
    return s * source.alpha * factor, source.beta * factor


def _sum(alpha: Expr, beta: Expr) -> Expr:
    return alpha + beta


def _data(_: Expr, beta: Expr) -> Expr:
    return beta


def _norm(alpha: Expr, beta: Expr) -> Expr:
    return sqrt(expand(alpha**2) + expand(beta**2))


def _kept(alpha: Expr, beta: Expr) -> tuple[Callable[[Expr, Expr], Expr], Expr]:
    """What the shift preserves, and its value: a constant one makes the shift a mere change of time."""
    for keep in (_sum, _data, _norm):
        value = keep(alpha, beta)
        if decide_zero(value.diff(t)).zero:
            return keep, value.subs(t, Rational(1, 2))
    return _norm, value
