"""Schedules of diffusion models.  Their papers run time s from data to noise; here s = 1 - t."""

from sympy import Dummy, Expr, cos, exp, integrate, log, pi, sin, sqrt

from symsched.catalog.registry import NONNEGATIVE, POSITIVE, Domain, Number, Pair, schedule
from symsched.errors import InputError
from symsched.symbols import t

s = 1 - t
_u = Dummy("u", positive=True)
FINITE = Domain("a finite number", lambda v: v.is_finite)


def _signal(rate: Expr) -> Expr:
    """Data coefficient exp(-½ ∫₀ˢ b(u) du) of dX = -½ b X ds + √b dW; `rate` is b in u."""
    return exp(-integrate(rate, (_u, 0, s)) / 2)


def _linear_rate(b0: Expr, b1: Expr) -> Expr:
    return b0 + _u * (b1 - b0)


@schedule(
    source="Ho, Jain, Abbeel, arXiv:2006.11239; as an SDE: Song et al., arXiv:2011.13456",
    kind="truncated",
    b0=NONNEGATIVE,
    b1=POSITIVE,
)
def ddpm(b0: Number = 0.1, b1: Number = 20) -> Pair:
    """Variance preserving with the noise rate linear in time (VP-linear, DDPM).

    β = exp(-¼ s²(b₁ - b₀) - ½ s b₀) with s = 1 - t, α² = 1 - β².  Truncated at t = 0, where a little data is left:
    β_0 = exp(-(b₀ + b₁)/4), 0.0066 by default; b0 >= 0, b1 > 0.
    """
    beta = _signal(_linear_rate(b0, b1))
    return sqrt(1 - beta**2), beta


@schedule(source="Song et al., arXiv:2011.13456 (sub-VP SDE)", kind="truncated", b0=NONNEGATIVE, b1=POSITIVE)
def sub_vp(b0: Number = 0.1, b1: Number = 20) -> Pair:
    """Sub-variance-preserving: the data coefficient of `ddpm`, less noise.

    β as in `ddpm`, α = 1 - β², so α² + β² <= 1.  Truncated at t = 0; b0 >= 0, b1 > 0.
    """
    beta = _signal(_linear_rate(b0, b1))
    return 1 - beta**2, beta


@schedule(source="Rombach et al., arXiv:2112.10752 (Stable Diffusion)", kind="truncated", b0=POSITIVE, b1=POSITIVE)
def scaled_linear(b0: Number = 0.85, b1: Number = 12) -> Pair:
    """Variance preserving with the root of the noise rate linear in time (Stable Diffusion 1 and 2).

    β = exp(-½ ∫₀ˢ (√b₀ + u(√b₁ - √b₀))² du) with s = 1 - t, α² = 1 - β²: the limit of a thousand steps whose betas
    run from b₀/1000 to b₁/1000.  Truncated at t = 0; b0 > 0, b1 > 0.
    """
    beta = _signal(_linear_rate(sqrt(b0), sqrt(b1)) ** 2)
    return sqrt(1 - beta**2), beta


@schedule(source="Nichol, Dhariwal, arXiv:2102.09672", kind="standard", offset=NONNEGATIVE)
def cosine(offset: Number = 0.008) -> Pair:
    """Cosine with a small offset (improved DDPM).

    β = cos(½π(s + o)/(1 + o)) / cos(½π o/(1 + o)) with s = 1 - t and o the offset, α² = 1 - β².  Standard: the clipping
    of single steps at 0.999 belongs to the discretisation.  With o = 0 it is `vp`; o >= 0.
    """
    beta = cos(pi / 2 * (s + offset) / (1 + offset)) / cos(pi / 2 * offset / (1 + offset))
    return sqrt(1 - beta**2), beta


@schedule(
    source="Jabri, Fleet, Chen, arXiv:2212.11972; Chen, arXiv:2301.10972",
    kind="standard",
    start=FINITE,
    end=FINITE,
    tau=POSITIVE,
)
def sigmoid(start: Number = -3, end: Number = 3, tau: Number = 1) -> Pair:
    """Variance preserving with the data variance a piece of a sigmoid.

    β² = (S(end/τ) - S((start + s(end - start))/τ)) / (S(end/τ) - S(start/τ)) with S(u) = 1/(1 + e⁻ᵘ) and s = 1 - t,
    α² = 1 - β².  Standard; start < end, tau > 0.
    """
    if (end - start).is_positive is False:
        raise InputError(f"sigmoid: start is {start} and end is {end}, but start must be below end")
    top, bottom, here = (_logistic(u / tau) for u in (end, start, start + s * (end - start)))
    return sqrt((here - bottom) / (top - bottom)), sqrt((top - here) / (top - bottom))


def _logistic(u: Expr) -> Expr:
    return 1 / (1 + exp(-u))


@schedule(source="Song et al., arXiv:2011.13456 (VE SDE)", kind="truncated", sigma_min=POSITIVE, sigma_max=POSITIVE)
def ve(sigma_min: Number = 0.01, sigma_max: Number = 50) -> Pair:
    """Variance exploding with a geometric noise level.

    α = σ_max (σ_min/σ_max)^t, β = 1.  Truncated at both ends; 0 < sigma_min < sigma_max.
    """
    _check_levels("ve", sigma_min, sigma_max)
    return sigma_max * exp(t * log(sigma_min / sigma_max)), t**0


@schedule(
    source="Karras et al., arXiv:2206.00364",
    kind="truncated",
    sigma_min=POSITIVE,
    sigma_max=POSITIVE,
    power=POSITIVE,
)
def edm(sigma_min: Number = 0.002, sigma_max: Number = 80, power: Number = 7) -> Pair:
    """Variance exploding with the noise levels of EDM.

    α = ((1 - t) σ_max^(1/p) + t σ_min^(1/p))^p with p the power (called rho in the source), β = 1.
    Truncated at both ends; 0 < sigma_min < sigma_max, power > 0.
    """
    _check_levels("edm", sigma_min, sigma_max)
    low, high = sigma_min ** (1 / power), sigma_max ** (1 / power)
    return (s * high + t * low) ** power, t**0


def _check_levels(name: str, low: Expr, high: Expr) -> None:
    if (high - low).is_positive is False:
        raise InputError(f"{name}: sigma_min is {low} and sigma_max is {high}, but sigma_min must be the smaller")


@schedule(source="Lu, Song, arXiv:2410.11081 (TrigFlow)", kind="scaled", sigma_data=POSITIVE)
def trigflow(sigma_data: Number = 0.5) -> Pair:
    """Trigonometric with the base scaled to the data.

    α = σ_data cos(πt/2), β = sin(πt/2): lazy for κ = 0 and ρ = σ_data.  Scaled (standard if sigma_data = 1);
    sigma_data > 0.
    """
    return sigma_data * cos(pi * t / 2), sin(pi * t / 2)
