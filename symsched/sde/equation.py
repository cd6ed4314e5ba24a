"""The stochastic differential equation of an interpolant, and its limits at both ends.

dX = b^ε(t, X) dt + √(2ε) dW with b^ε = b + ε s has the law of I_t = αZ + βX at every t, whatever ε ≥ 0 (theory C1;
Albergo, Boffi, Vanden-Eijnden, arXiv:2303.08797).  Written in the state and one mean field,

    b^ε = A x + B η_X,   A = α̇/α − ε/α²,   B = β̇ − βα̇/α + εβ/α².

With ε = κ ε* the powers of α cancel: A = (1+κ) α̇/α − κ β̇/β, so that both ends have limits whenever they can.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from sympy import Dummy, Expr, I, Integer, Symbol, diff, expand, latex, nan, oo, sqrt, zoo
from sympy.core.function import AppliedUndef

from symsched.catalog import as_schedule
from symsched.data import ANY_DATA, ETA_X, DataLaw, Gaussian, as_law
from symsched.data.checks import exact
from symsched.errors import InputError, UndecidedError, clipped
from symsched.exact import canonical, decide_zero, limit_at, neat, shortest, sign_on_unit, values
from symsched.parsing import parse_expression
from symsched.precision import alone_all, cached_property
from symsched.schedule import Schedule, is_long
from symsched.sde.energy import energy
from symsched.sde.values import drift_values
from symsched.shown import Shown
from symsched.steps import identities
from symsched.steps.identities import JETS
from symsched.symbols import assigned, check_names, check_real, foreign_time, kappa, rho, t, x

rate, beta_rate = (Dummy(name, positive=True) for name in ("a'/a", "b'/b"))
_mean, _std = Dummy("m", real=True), Dummy("rho", positive=True)


@dataclass(frozen=True)
class DriftForms:
    """Coefficients of the drift: A and B of b = A x + B η_X, and the C of b = C s + β̇ η_X.

    They are expressions in α, β, ε (`JETS`) and the logarithmic rates `rate` = α̇/α, `beta_rate` = β̇/β.
    """

    state: Expr
    data: Expr
    score: Expr


@cache
def drift_forms() -> DriftForms:
    """The identities of `symsched.steps`, with logarithmic rates."""
    rates = {"alpha_dot": JETS.alpha * rate, "beta_dot": JETS.beta * beta_rate}
    forms = (*identities.drift("data"), identities.drift_by_score()[0])
    return DriftForms(*(expand(JETS.put(form, **rates)) for form in forms))


def data_form(schedule: Schedule, eps: Expr) -> tuple[Expr, Expr]:
    """(A, B) of b^ε = A x + B η_X as the formulas give them: nothing is cancelled, and α, β, ε may be undefined.

    `InterpolantSDE.A` and `.B` are their tidied forms.  Uncancelled, all schedules have the same shape, and so (with
    one data law) one compiled kernel.
    """
    a, b = schedule.alpha, schedule.beta
    jets = {rate: diff(a, t) / a, beta_rate: diff(b, t) / b, JETS.eps: eps, JETS.alpha: a, JETS.beta: b}
    forms = drift_forms()
    return forms.state.subs(jets, simultaneous=True), forms.data.subs(jets, simultaneous=True)


@alone_all
@dataclass(frozen=True, repr=False)
class InterpolantSDE(Shown):
    """dX = b^ε(t, X) dt + √(2ε) dW for a schedule, a data law, and a diffusion scale.

    Schedule and law may be texts, as on the command line.  Without a law the drift is A x + B η_X, in the letter eta_X,
    and what depends on the data is refused.

    Give at most one of `eps` (ε itself) and `kappa` (κ = ε/ε*, a number or a function of t); neither means κ = 0,
    the probability-flow ODE.  Text, numbers and expressions in t are accepted.  Symbolic properties need one
    dimension; `drift_at`, `eps_at` and the coefficients A, B work in any.

    Raises InputError when both scales are given, when the scale is negative somewhere on (0, 1), or when the schedule
    has the state x for a parameter.
    """

    schedule: Schedule
    data: DataLaw = ANY_DATA
    eps: Any = None
    kappa: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        object.__setattr__(self, "data", ANY_DATA if self.data is None else as_law(self.data))
        if self.eps is not None and self.kappa is not None:
            raise InputError(
                f"eps = {self.eps} and kappa = {self.kappa} are both given; give one: kappa is eps/eps_star"
            )
        if x in self.schedule.parameters:
            raise InputError(f"{self.schedule} has a parameter {x}, which is the state of the equation; rename it")
        name = "kappa" if self.eps is None else "eps"
        given = 0 if self.eps is None and self.kappa is None else getattr(self, name)
        scale = diffusion_scale(given, name, self.schedule)
        object.__setattr__(self, name, scale)
        if name == "kappa":
            object.__setattr__(self, "eps", tidy(scale * self.schedule.eps_star))

    def _line(self) -> str:
        scale = f"eps={clipped(self.eps)}" if self.kappa is None else f"kappa={clipped(self.kappa)}"
        law = "" if self.data == ANY_DATA else f", {clipped(self.data)}"
        return f"InterpolantSDE({clipped(self.schedule)}{law}, {scale})"

    def _formulas(self) -> dict[str, Any]:
        """The equation, with the drift written out for one Gaussian and with η_X for other data; of a long schedule in
        α and β, because what no line holds takes a minute to derive.
        """
        if is_long(self.schedule):
            return {**self._general(), **self.schedule._formulas(), **self.data._formulas()}
        drift = rf"\left({latex(neat(self.A))}\right) X_t + \left({latex(neat(self.B))}\right) \eta_X(t, X_t)"
        if isinstance(self.data, Gaussian) and self.data.dim == 1:
            drift = latex(self.simplified())
        return {r"\mathrm{d}X_t": self._sides(drift), **self.data._formulas()}

    def _general(self) -> dict[str, Any]:
        """The equation in letters: A, B and ε by the identities that they are derived from."""
        a, b, eps = (Symbol(name) for name in (r"\alpha", r"\beta", r"\varepsilon"))
        dots = {rate: Symbol(r"\dot{\alpha}") / a, beta_rate: Symbol(r"\dot{\beta}") / b}
        letters = {**dots, JETS.alpha: a, JETS.beta: b, JETS.eps: eps if self.eps != 0 else Integer(0)}
        forms, scale = drift_forms(), self.eps
        if self.kappa is not None:
            scale = (self.kappa * JETS.alpha**2 * (beta_rate - rate)).subs(letters, simultaneous=True)
        noise = r" + \sqrt{2 \varepsilon}\,\mathrm{d}W_t" if self.eps != 0 else ""
        equation = rf"\left(A X_t + B\,\eta_X(t, X_t)\right)\mathrm{{d}}t{noise}"
        named = {"A": forms.state, "B": forms.data}
        put = {name: form.subs(letters, simultaneous=True) for name, form in named.items()}
        return {r"\mathrm{d}X_t": equation, **put, **({r"\varepsilon": scale} if self.eps != 0 else {})}

    def _sides(self, drift: str) -> str:
        """The right side, of which what is nothing is left out."""
        scale = neat(2 * self.eps)
        root = "" if scale == 1 else rf"\sqrt{{{latex(scale)}}}\,"
        terms = [rf"\left({drift}\right)\mathrm{{d}}t"] * (drift != "0") + [rf"{root}\mathrm{{d}}W_t"] * (scale != 0)
        return " + ".join(terms) or "0"

    # -- coefficients, expressions in t -------------------------------------------------------------------------

    @cached_property
    def A(self) -> Expr:
        """Coefficient of the state in b = A x + B η_X, cancelled; an expression in t."""
        return self._coefficient(drift_forms().state)

    @cached_property
    def B(self) -> Expr:
        """Coefficient of η_X in b = A x + B η_X, cancelled; an expression in t."""
        return self._coefficient(drift_forms().data)

    @cached_property
    def score_weight(self) -> Expr:
        """ε − αα̇, the coefficient of the score in b = (ε − αα̇) s + β̇ η_X: the form that is finite at t = 1."""
        return self._coefficient(drift_forms().score)

    @cached_property
    def noise_weight(self) -> Expr:
        """α̇ − ε/α, the coefficient of η_Z in b = (α̇ − ε/α) η_Z + β̇ η_X."""
        return tidy(-self.score_weight / self.schedule.alpha)

    def _coefficient(self, form: Expr) -> Expr:
        a, b = self.schedule.alpha, self.schedule.beta
        jets = {rate: log_rate(a), beta_rate: log_rate(b)}
        if self.kappa is not None:
            # ε* = α² d/dt log(β/α): put in before the schedule, the powers of α cancel identically.
            form = canonical(form.subs(JETS.eps, self.kappa * JETS.alpha**2 * (beta_rate - rate)))
        return tidy(form.subs({**jets, JETS.eps: self.eps, JETS.alpha: a, JETS.beta: b}, simultaneous=True))

    def coefficients(self) -> dict[str, tuple[Expr | None, Expr | None]]:
        """Limits at t = 0 and t = 1 of A, B, eps, score_weight, noise_weight; None where a limit is not decided."""
        named = {"A": self.A, "B": self.B, "eps": self.eps}
        named |= {"score_weight": self.score_weight, "noise_weight": self.noise_weight}
        return {name: (_limit(expr, 0), _limit(expr, 1)) for name, expr in named.items()}

    # -- fields, expressions in t and x --------------------------------------------------------------------------

    @cached_property
    def eta_x(self) -> Expr:
        """η_X(t, x)."""
        return self.data.eta_x(self.schedule)

    @cached_property
    def eta_z(self) -> Expr:
        """η_Z(t, x)."""
        return self.data.eta_z(self.schedule)

    @cached_property
    def score(self) -> Expr:
        """s(t, x)."""
        return self.data.score(self.schedule)

    @cached_property
    def velocity(self) -> Expr:
        """b(t, x) = α̇ η_Z + β̇ η_X, the drift of the ODE."""
        return self.data.velocity(self.schedule)

    @cached_property
    def drift(self) -> Expr:
        """b^ε(t, x) = A x + B η_X."""
        return self.A * x + self.B * self._mean

    @property
    def _mean(self) -> Expr:
        """η_X, or the letter that stands for it."""
        return ETA_X if self.data == ANY_DATA else self.eta_x

    @property
    def diffusion(self) -> Expr:
        """√(2ε), the coefficient of dW."""
        return sqrt(2 * self.eps)

    @cached_property
    def affine(self) -> tuple[Expr, Expr]:
        """(g, c) with b^ε = g x + c, for Gaussian data in one dimension (theory C8): tidied expressions in t."""
        if not isinstance(self.data, Gaussian):
            raise InputError(f"the drift is affine for Gaussian data only, and the data is {self.data.summary}")
        # In the letters first: of a schedule's own numbers, such as 80^(1/7), SymPy's diff asks whether they are 0.
        mean = self.data.eta_x(JETS)
        gain, rest = (JETS.put(f, alpha=self.schedule.alpha, beta=self.schedule.beta) for f in (diff(mean, x), mean))
        return tidy(self.A + self.B * gain), tidy(self.B * rest.subs(x, 0))

    @property
    def direction(self) -> tuple[Expr, Expr]:
        """(g, c/m): the affine drift g x + c of this schedule and scale for N(m, ρ²) data, in t and rho.

        Raises InputError where rho is a parameter of the schedule or the scale already; see `along`.
        """
        if rho in self.schedule.parameters | self.eps.free_symbols:
            raise InputError(
                f"{self.schedule} and eps = {self.eps} use {rho} already; ask along(std) for another letter"
            )
        return self.along(rho)

    def along(self, std: Any) -> tuple[Expr, Expr]:
        """(g, c/m): the affine drift g x + c of this schedule and scale for N(m, std²) data, whatever its own data."""
        slope, per_mean = _direction(self.schedule, self.eps)
        return slope.subs(_std, std), per_mean.subs(_std, std)

    @property
    def marginal(self) -> tuple[Any, Any]:
        """Mean and covariance of I_t; expressions in t in one dimension."""
        if self.dim > 1:
            raise InputError(f"marginal is symbolic in one dimension and this law has {self.dim}; use marginal_at(t)")
        return self.data.moments(self.schedule.alpha, self.schedule.beta)

    @property
    def dim(self) -> int:
        """Dimension of the state."""
        return self.data.dim

    @property
    def parameters(self) -> frozenset[Symbol]:
        """Letters left open, besides t."""
        own = self.schedule.alpha.free_symbols | self.schedule.beta.free_symbols | self.eps.free_symbols
        return frozenset(own | self.data.parameters) - {t}

    def subs(self, **values: Any) -> InterpolantSDE:
        """The equation with letters replaced by name, wherever they stand: schedule, data, scale.

        Raises InputError for a name that is not a parameter, or that of two; or a value its assumptions exclude.
        """
        table = assigned(self.parameters, {k: exact(value, k) for k, value in values.items()}, "the equation")
        schedule = self.schedule.subs(**_named(values, self.schedule.parameters))
        data = self.data.subs(**_named(values, self.data.parameters))
        if self.kappa is not None:
            return InterpolantSDE(schedule, data, kappa=self.kappa.subs(table, simultaneous=True))
        return InterpolantSDE(schedule, data, eps=self.eps.subs(table, simultaneous=True))

    # -- display ---------------------------------------------------------------------------------------------------

    @cached_property
    def _simplified(self) -> Expr:
        if decide_zero(self.drift):
            return Integer(0)
        if isinstance(self.data, Gaussian):
            slope, constant = (neat(part) for part in self.affine)
            return slope * x + constant
        return neat(self.A) * x + neat(self.B) * self._mean

    def simplified(self) -> Expr:
        """The drift, in a form to read; exactly 0 when the drift vanishes (decided, not guessed)."""
        return self._simplified

    def latex(self) -> str:
        """The equation in LaTeX.  Raises InputError when two symbols would be printed alike."""
        check_names({*self.parameters, x, t}, "the equation")
        return rf"\mathrm{{d}}X_t = {self._sides(latex(self.simplified()))}"

    # -- numbers ---------------------------------------------------------------------------------------------------

    def eps_at(self, times: Any) -> Any:
        """ε at times in [0, 1], float64 of their shape; limits at the ends, `inf` where ε diverges."""
        return values((self.eps,), times)[0]

    def marginal_at(self, time: float) -> tuple[Any, Any]:
        """Mean and covariance of I_t at one time, as numbers."""
        alpha, beta = (float(value) for value in values((self.schedule.alpha, self.schedule.beta), time))
        mean, cov = self.data.moments(alpha, beta)
        return (float(mean), float(cov)) if self.dim == 1 else (mean, cov)

    def drift_at(self, times: Any, states: Any) -> Any:
        """b^ε at times that broadcast over the batch shape of `states` (…,) or (…, dim); float64.

        At t = 0 and t = 1 the value is the limit.  Raises InputError where the limit is infinite, and says which
        coefficient is.
        """
        return drift_values(self, times, states)

    def energy(self) -> float:
        """∫₀¹ E|b|²/(4ε) dt, the energy of the drift per unit of noise, to nine digits; in nats.

        In a lazy frame of κ it is (1 + κ)²/(4κ) KL(ρ_X ‖ N(0, ρ²)): how far the data are from Gaussian, in the currency
        that a sampler pays in steps (theory C18); in other frames the linear part of the drift comes on top, and as a
        rule is infinite.  Gaussian data of any dimension, and mixtures in one.

        Raises InputError for other data, letters without a value, a scale that is not positive on (0, 1) (κ = 0:
        infinite per unit of noise), and an energy that is infinite; UndecidedError where an integral converges too
        slowly.
        """
        return energy(self)


@lru_cache(maxsize=256)
def _direction(schedule: Schedule, eps: Expr) -> tuple[Expr, Expr]:
    """In t and `_std`."""
    slope, constant = InterpolantSDE(schedule, Gaussian(_mean, _std), eps=eps).affine
    return slope, constant.subs(_mean, 1) - constant.subs(_mean, 0)


def _named(values: dict[str, Any], symbols: frozenset[Symbol]) -> dict[str, Any]:
    found = {symbol.name for symbol in symbols}
    return {name: value for name, value in values.items() if name in found}


def _limit(expr: Expr, end: int) -> Expr | None:
    try:
        return limit_at(expr, end)
    except UndecidedError:
        return None


def log_rate(coefficient: Expr) -> Expr:
    """d/dt log of a coefficient, by way of its square, in which square roots cancel."""
    square = coefficient**2
    return diff(square, t) / (2 * square)


def tidy(expr: Expr) -> Expr:
    """The shorter of an expression and its reduced quotient; 0 when it is decided to be 0."""
    if decide_zero(expr):
        return Integer(0)
    return shortest(canonical(expr), expr)


def diffusion_scale(value: Any, name: str, schedule: Schedule | None = None) -> Expr:
    """ε or κ as an expression in t that is not known to be negative anywhere.

    A text may have κ, ρ and the parameters of the schedule in it.
    """
    own = {} if schedule is None else {letter.name: letter for letter in schedule.parameters}
    known = {"t": t, "kappa": kappa, "rho": rho, **own}
    given = parse_expression(value, known) if isinstance(value, str) else value
    expr = given if isinstance(given, Expr) else exact(given, name)
    if foreign_time(expr):
        raise InputError(f"{name} = {expr} uses a symbol t of its own: write it in symsched.t, which is positive")
    if expr.has(x):
        raise InputError(f"{name} = {expr} depends on the state x; it should depend on t alone")
    if expr.has(oo, -oo, zoo, nan, I):
        raise InputError(f"{name} = {expr}: expected finite real values")
    check_real(expr, name)
    if expr.has(AppliedUndef) or expr.is_nonnegative:
        return expr
    sign = sign_on_unit(expr)
    if sign.decided and not sign.nonnegative:
        where = f"at t = {sign.witness[0]:.6g}" if sign.value == "mixed" and sign.witness else "on (0, 1)"
        raise InputError(f"{name} = {value} is negative {where}; a diffusion scale should be >= 0")
    return expr
