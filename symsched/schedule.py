"""Schedules: the pair (α, β) of an interpolant I_t = α_t Z + β_t X, and everything derived from it.

Z ~ N(0, I) is noise and X data; t = 0 is noise and t = 1 data; α is the NOISE coefficient and β the DATA
coefficient.  Only α and β are given: derivatives, ε*, limits and kinds are derived by SymPy.

Reference: Albergo, Boffi, Vanden-Eijnden, "Stochastic interpolants", arXiv:2303.08797.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from numbers import Real
from typing import TYPE_CHECKING, Any

import sympy as sp

from symsched.errors import InputError, UndecidedError, clipped
from symsched.exact import (
    Sign,
    canonical,
    decide_zero,
    enclose,
    give_a_value,
    limit_at,
    parts_of,
    sign_of_number,
    sign_on_unit,
    values,
)
from symsched.parsing import Letter, one_of, parse_expression, quoted, too_fine
from symsched.precision import alone_all, cached_property
from symsched.shown import Shown
from symsched.symbols import assigned, check_real, foreign_time, t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

KINKED = (sp.Piecewise, sp.Max, sp.Min, sp.floor, sp.ceiling, sp.frac, sp.sign, sp.Heaviside)
UNREAL = (sp.I, sp.nan, sp.oo, -sp.oo, sp.zoo)
#: The largest power of t that is worked with; algebra takes time and room in proportion, and doubles end far before.
LONG = 18  # operations in α and β
STEEPEST, STEEP = 2000, 120
SHORT_TIMES = tuple(sorted({sp.Rational(k, n) for n in (*range(2, 13), 16, 20) for k in range(1, n)}))
KINDS = ("standard", "scaled", "point-mass", "truncated")
NAMES = ("alpha", "beta", "alpha_dot", "beta_dot", "r", "snr", "log_snr", "log_r_dot", "eps_star", "variance")


@dataclass(frozen=True)
class Condition:
    """One requirement on a schedule and how it was settled; `method` is "undecided" when nothing settled it."""

    statement: str
    method: str

    @property
    def decided(self) -> bool:
        return self.method != "undecided"


@dataclass(frozen=True)
class Validity:
    """The kind of a valid schedule and the proof of each condition."""

    kind: str
    conditions: tuple[Condition, ...]

    @property
    def proved(self) -> bool:
        """False when a condition could not be decided (free parameters, or no proof found)."""
        return all(c.decided for c in self.conditions)


def is_long(schedule: Schedule) -> bool:
    """Whether formulas with it fill lines, so that they are better read in α and β."""
    return bool(schedule.alpha.count_ops() + schedule.beta.count_ops() > LONG)


def as_expression(given: Any, what: str) -> sp.Expr:
    """A SymPy expression from an expression, a number or text; decimals become the rationals they denote."""
    if isinstance(given, str):
        return parse_expression(given)
    if isinstance(given, sp.Expr):
        check_real(given, what)
        return given.xreplace({f: sp.Rational(str(f)) for f in given.atoms(sp.Float)})
    if isinstance(given, Real) and not isinstance(given, bool) and math.isfinite(given):
        return sp.Rational(str(given))
    raise InputError(f"{what} = {given!r}: expected a SymPy expression in t, a number, or text")


@alone_all
@dataclass(frozen=True, repr=False)
class Schedule(Shown):
    """The schedule (α, β): C¹ and positive on (0, 1), continuous on [0, 1], with r = β/α strictly increasing.

    Args:
        alpha: noise coefficient, an expression in `symsched.t` (or text such as "1 - t").
        beta: data coefficient.
        name: how to call it in tables; by default its formulas.
        source: where it comes from.
        letters: what the text said of its parameters, `p>0` or `0<p<1`; their symbols know the sign alone.

    Raises:
        InputError: unparsable text, something that is not an expression in t, or a name that is not one line of
            printable text.  Whether the conditions hold
            is asked by `validate`, and by everything that relies on them.
    """

    alpha: sp.Expr
    beta: sp.Expr
    name: str | None = field(default=None, compare=False)
    source: str | None = field(default=None, compare=False)
    letters: tuple[Letter, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", as_expression(self.alpha, "alpha"))
        object.__setattr__(self, "beta", as_expression(self.beta, "beta"))
        for name, expr in (("alpha", self.alpha), ("beta", self.beta)):
            _check_formula(name, expr)
        if wrong := too_fine(self.alpha, self.beta):
            raise InputError(wrong)
        _check_label("name", self.name)
        _check_label("source", self.source)

    def __str__(self) -> str:
        return "; ".join([self.name or f"alpha={self.alpha}; beta={self.beta}", *map(str, self.letters)])

    def _line(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        return f"Schedule({clipped(self.alpha)}, {clipped(self.beta)}{name})"

    def _formulas(self) -> dict[str, sp.Expr]:
        return {r"\alpha": self.alpha, r"\beta": self.beta}

    # -- derived quantities ---------------------------------------------------------------------------------------

    @cached_property
    def alpha_dot(self) -> sp.Expr:
        """dα/dt."""
        return self.alpha.diff(t)

    @cached_property
    def beta_dot(self) -> sp.Expr:
        """dβ/dt."""
        return self.beta.diff(t)

    @property
    def r(self) -> sp.Expr:
        """Signal-to-noise ratio in amplitude, r = β/α."""
        return self.beta / self.alpha

    @property
    def snr(self) -> sp.Expr:
        """SNR = r² = β²/α²."""
        return self.beta**2 / self.alpha**2

    @property
    def log_snr(self) -> sp.Expr:
        """log SNR = 2 log r, written so that neither ratio over- nor underflows."""
        return 2 * (sp.log(self.beta) - sp.log(self.alpha))

    @cached_property
    def log_r_dot(self) -> sp.Expr:
        """d/dt log r = β̇/β − α̇/α, in which square roots cancel."""
        alpha_squared = self.alpha**2
        return self.beta_dot / self.beta - alpha_squared.diff(t) / (2 * alpha_squared)

    @cached_property
    def eps_star(self) -> sp.Expr:
        """The optimal diffusion scale ε* = α² d/dt log r = α²β̇/β − αα̇ (theory C1, C6, C7)."""
        alpha_squared = self.alpha**2
        return alpha_squared * self.beta_dot / self.beta - alpha_squared.diff(t) / 2

    def variance(self, rho: Any = 1) -> sp.Expr:
        """Var I_t = α² + ρ²β² for data of standard deviation ρ."""
        return self.alpha**2 + as_expression(rho, "rho") ** 2 * self.beta**2

    @property
    def parameters(self) -> frozenset[sp.Symbol]:
        """Symbols other than t that still lack a value."""
        return frozenset((self.alpha.free_symbols | self.beta.free_symbols) - {t})

    def subs(self, **parameters: Any) -> Schedule:
        """The schedule with the named parameters replaced.

        Raises:
            InputError: a name is not a parameter, or that of two; or the assumptions of one exclude its value.
        """
        put = assigned(self.parameters, {k: as_expression(v, k) for k, v in parameters.items()}, str(self))
        for letter in self.letters:
            if letter.symbol in put and letter.excludes(put[letter.symbol]):
                raise InputError(f"{letter.symbol} = {put[letter.symbol]}: it was declared as {letter}")
        alpha, beta = (form.subs(put, simultaneous=True) for form in (self.alpha, self.beta))
        return Schedule(alpha, beta, self.name, self.source, tuple(e for e in self.letters if e.symbol not in put))

    # -- limits and numbers ---------------------------------------------------------------------------------------

    def limit(self, name: str, at: int) -> sp.Expr:
        """The exact limit of a derived quantity at t = 0 or 1, possibly ∞.

        Raises:
            InputError: unknown name, or `at` is neither 0 nor 1.
            UndecidedError: no limit was found that survives a numeric check, and is one for all that a letter may be.
        """
        found = getattr(self, one_of(name, NAMES, "quantity"))
        expr = found() if callable(found) else found
        try:
            limits = [_back(limit_at(expr.xreplace(put), at), back) for put, back in self.ranges]
        except UndecidedError:
            limits = []
        if not limits or any(not _is_alike(limits[0], other) for other in limits[1:]):  # t^(1 − p), 0 < p ≤ 1
            advice = give_a_value(expr.free_symbols - {t})
            raise UndecidedError(f"the limit of {clipped(expr)} at t = {at} could not be determined{advice}")
        return limits[0]

    @cached_property
    def ranges(self) -> list[tuple[dict[sp.Symbol, sp.Expr], dict[sp.Symbol, sp.Expr]]]:
        """What to put for the letters, so that signs are asked for the declared numbers only; and the way back."""
        found = []
        for forms in product(*(letter.forms() for letter in self.letters)):
            put = {letter.symbol: form for letter, (form, _) in zip(self.letters, forms, strict=True)}
            found.append((put, {free: form for _, back in forms for free, form in back.items()}))
        return found

    def at(self, times: ArrayLike) -> tuple[NDArray[np.float64], ...]:
        """(α, β, α̇, β̇) at `times` in [0, 1]: float64 arrays of that shape, limits at the ends (maybe ±inf).

        Raises:
            InputError: a time outside [0, 1], or a parameter without a value.
        """
        return tuple(values((self.alpha, self.beta, self.alpha_dot, self.beta_dot), times))

    # -- validity -------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """ "standard", "scaled", "point-mass" or "truncated" (theory 2).  Raises InputError if invalid."""
        return self._ends[0]

    def validate(self) -> Validity:
        """Prove the conditions of a schedule.

        Returns the kind, and for each condition the method that proved it (or "undecided").

        Raises:
            InputError: a condition fails; the message says which and where.
        """
        return self._validity

    @cached_property
    def _validity(self) -> Validity:
        if any(part in UNREAL for form in (self.alpha, self.beta) for part in parts_of(form)):
            raise InputError(f"{self}: expected real, finite coefficients")
        conditions = [
            self._require_positive("alpha", self.alpha),
            self._require_positive("beta", self.beta),
            self._require_increasing(),
        ]
        kind, reason = self._ends
        return Validity(kind, (*conditions, Condition(reason, "limits")))

    def _require_positive(self, name: str, expr: sp.Expr) -> Condition:
        sign = self._sign(expr)
        if sign.positive or not sign.decided:
            return Condition(f"{name} > 0 on (0, 1)", sign.method if sign.decided else "undecided")
        raise InputError(f"{self}: {name} must be positive on (0, 1), but {_where(name, expr, sign)}")

    def _require_increasing(self) -> Condition:
        name, sign = "d/dt log r", Sign("unknown", "too steep")
        if not self._is_steep:  # SymPy looks for all roots of t − t^2000 as soon as it divides by it
            sign = self._sign(self.log_r_dot, balls=False)
        if not sign.decided:  # balls thrive where nothing diverges
            name, sign = "2 alpha² beta d/dt log r", self._sign(self._wronskian)
        if not sign.decided:
            name, sign = "d/dt log r", self._sign(self.log_r_dot)
        if not sign.decided:
            self._refuse_rest()
            return Condition("r = beta/alpha strictly increasing", "undecided")
        if not sign.positive:
            where = _where(name, self.log_r_dot, sign)
            raise InputError(f"{self}: r = beta/alpha must increase strictly, but {where}")
        return Condition("r = beta/alpha strictly increasing", sign.method)

    def _refuse_rest(self) -> None:
        """Refuse ṙ = 0 at a time that is a short fraction, where it is decided exactly."""
        for time in () if self.parameters else SHORT_TIMES:
            speed = self.log_r_dot.subs(t, time)
            if not speed.has(sp.nan, sp.zoo, sp.oo) and enclose(speed, {}).contains(0) and decide_zero(speed):
                shown = f"d/dt log r = 0 at t = {time}"
                raise InputError(f"{self}: r = beta/alpha must increase strictly, but {shown}")

    @property
    def _wronskian(self) -> sp.Expr:
        """2α²β d/dt log r, without the denominators that blow up at the ends."""
        alpha_squared = self.alpha**2
        product = 2 * alpha_squared * self.beta_dot - self.beta * alpha_squared.diff(t)
        return sp.expand(product) if self._is_steep else product

    @property
    def _is_steep(self) -> bool:
        powers = self.alpha.atoms(sp.Pow) | self.beta.atoms(sp.Pow)
        return any(p.base == t and p.exp.is_Rational and abs(p.exp) > STEEP for p in powers)

    def _sign(self, expr: sp.Expr, *, balls: bool = True) -> Sign:
        """For all numbers that the letters stand for: the worst of them."""
        try:
            found = [sign_on_unit(expr.xreplace(put), balls=balls) for put, _ in self.ranges]
            worst = [sign for sign in found if sign.decided and not sign.positive]
            return next(iter(worst or [sign for sign in found if not sign.decided] or found))
        except InputError as error:
            raise InputError(f"{self}: {error}; a schedule must be real and finite on (0, 1), and C¹") from None

    @cached_property
    def _ends(self) -> tuple[str, str]:
        """The kind, and the end values that make it so."""
        ends = {}
        for name in ("alpha", "beta"):
            for end in (0, 1):
                ends[name, end] = limit = self.limit(name, end)
                if limit.is_finite is False or limit.is_negative:
                    raise InputError(f"{self}: {name} tends to {limit} at t = {end}: expected a finite value ≥ 0")
        a0, b0, a1, b1 = ends["alpha", 0], ends["beta", 0], ends["alpha", 1], ends["beta", 1]
        shown = f"alpha: {a0} → {a1}, beta: {b0} → {b1}"
        if not _is(a1, 0) or not _is(b0, 0):
            return self._truncated(a0, b1, shown)
        if not _is(b1, 1):
            raise InputError(f"{self}: beta(1) = {b1}: the data must arrive unscaled, beta(1) = 1")
        if _is(a0, 0):
            return self._point_mass(shown)
        return ("standard" if _is(a0, 1) else "scaled"), shown

    def _truncated(self, a0: sp.Expr, b1: sp.Expr, shown: str) -> tuple[str, str]:
        if _is(a0, 0):
            other = "beta(0) > 0: t = 0 must be the noisy end"
            if self.beta != 0 and _is(self.limit("beta", 0), 0):
                other = "alpha(1) > 0: a point-mass start must end in the data, alpha(1) = 0"
            raise InputError(f"{self}: alpha(0) = 0 while {other}")
        if _is(b1, 0):
            raise InputError(f"{self}: beta(1) = 0: no data would arrive at t = 1")
        return "truncated", shown

    def _point_mass(self, shown: str) -> tuple[str, str]:
        if not _is(self.limit("r", 0), 0):
            raise InputError(f"{self}: a point-mass start needs r(0) = 0, but r tends to {self.limit('r', 0)}")
        slope = limit_at((self.alpha**2).diff(t), 0)
        if slope.is_finite is False:
            raise InputError(f"{self}: a point-mass start needs a finite (alpha²)'(0), but it tends to {slope}")
        return "point-mass", f"{shown}, (alpha²)'(0) = {slope}"


def _check_label(what: str, text: Any) -> None:
    """Names go into tables, pages and the comments of generated code: one line of printable characters, or none."""
    if text is not None and not (isinstance(text, str) and text.isprintable() and 0 < len(text) <= 300):
        raise InputError(f"{what} = {quoted(text)}: expected one line of at most 300 printable characters")


def _check_formula(name: str, expr: sp.Expr) -> None:
    if foreign_time(expr):
        raise InputError(f"{name} = {expr} uses a symbol t of its own: write it in symsched.t, which is positive")
    steep = [p for p in expr.atoms(sp.Pow) if p.base.has(t) and p.exp.is_Rational and abs(p.exp) > STEEPEST]
    if steep:
        raise InputError(f"{name} contains a power {float(steep[0].exp):.4g} of t: expected powers up to {STEEPEST}")
    if kinked := expr.atoms(*KINKED):
        raise InputError(f"{name} contains {kinked.pop()}, which has a kink or a jump: a schedule must be C¹ on (0, 1)")


def _back(limit: sp.Expr, letters: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    return canonical(limit.xreplace(letters)) if limit.free_symbols & letters.keys() else limit


def _is_alike(one: sp.Expr, other: sp.Expr) -> bool:
    return one == other or bool(not (one - other).has(*UNREAL) and decide_zero(one - other))


def _is(limit: sp.Expr, number: int) -> bool:
    if limit.is_infinite:
        return False
    decision = decide_zero(limit - number)
    if decision.zero is None:
        if not limit.free_symbols and sign_of_number(limit - number):
            return False
        raise UndecidedError(f"could not decide whether {limit} equals {number}{give_a_value(limit.free_symbols)}")
    return decision.zero


def _where(name: str, expr: sp.Expr, sign: Sign) -> str:
    if sign.witness is not None:
        point, value = sign.witness
        return f"{name} = {value:.4g} at t = {point:.6g}"
    return f"{name} is identically 0" if sign.value == "zero" else f"{name} = {expr} is {sign.value} there"
