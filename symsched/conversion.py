"""Conversion between interpolants: Ī_t = c_t I_τ(t) (theory C2 to C5).

Given a source (α, β) and a target (ᾱ, β̄), with r = β/α,

    τ = r⁻¹ ∘ r̄,    c = β̄ / β∘τ = ᾱ / α∘τ,

carry fields, paths and diffusion scales of the source to the target.  Where r has a closed inverse, τ and c are
closed expressions; where it has none they contain the undefined function `tau(t)`, and numbers come from the
monotone inverse in ball arithmetic.  Either way numeric values are right to the last bit over the open interval,
and limits at the ends.

Reference: Damsholt, Frellsen, Ditlevsen, arXiv:2602.03789.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.trigonometric import InverseTrigonometricFunction, TrigonometricFunction

from symsched.catalog import as_schedule
from symsched.errors import InputError, UndecidedError, clipped
from symsched.exact import (
    Ball,
    BeyondSeriesError,
    Evaluator,
    compile_tape,
    continuous_value,
    decide_zero,
    end_value,
    limit_along,
    limit_at,
    neat,
    put_as_it_is,
    rooted_sums,
    sharpen,
    shortest,
    times_array,
    values,
    without_roots_of_zero,
)
from symsched.given import reals
from symsched.inversion import MonotoneInverse, R, closed_inverse
from symsched.precision import alone, alone_all, cached_property
from symsched.schedule import Schedule, as_expression, is_long
from symsched.shown import Shown
from symsched.symbols import foreign_time, t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

SHORT = 20  # operations of a τ that is differentiated as it is, without numbers such as 80^(1/7), which is slow
tau_function = sp.Function("tau", positive=True)
_s = sp.Dummy("s", positive=True)  # the source time, once it is a number
_u = sp.Dummy("u", positive=True)  # the distance of t from an end
_alpha, _beta = sp.Dummy("alpha", positive=True), sp.Dummy("beta", positive=True)  # of any target
_log_r_dot = sp.Dummy("log_r_dot", positive=True)


@alone_all
@dataclass(frozen=True, repr=False)
class Conversion(Shown):
    """The map from the interpolant with schedule `source` to that with schedule `target`; texts are read.

    Raises:
        InputError: one of the schedules is not valid.
    """

    source: Schedule
    target: Schedule

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            given = as_schedule(getattr(self, name), name)
            object.__setattr__(self, name, given)
            given.validate()

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"

    def _line(self) -> str:
        return f"Conversion({clipped(self.source)} → {clipped(self.target)})"

    def _formulas(self) -> dict[str, Any]:
        """τ and c; without a closed inverse, or of long schedules, what they are."""
        if not is_long(self.source) and not is_long(self.target) and self.closed_form:
            return {r"\tau": self.tau, "c": self.scale}
        sides = {r"\tau": r"r^{-1}(\bar{r}(t))", "c": r"\bar{\beta} / \beta(\tau)"}
        return {**sides, "r": self.source.r, r"\bar{r}": self.target.r, r"\bar{\beta}": self.target.beta}

    # -- formulas --------------------------------------------------------------------------------------------------

    @cached_property
    def closed_form(self) -> bool:
        """Whether r of the source has a closed inverse, or none is needed."""
        return self._forms is not None

    @cached_property
    def tau(self) -> sp.Expr:
        """The source time τ = r⁻¹(r̄(t)); `tau(t)` when there is no closed form."""
        return tau_function(t) if self._forms is None else self._put(self._forms.tau)

    @cached_property
    def scale(self) -> sp.Expr:
        """c = β̄/β(τ) = ᾱ/α(τ), whichever of the two is shorter."""
        return shortest(*self._scales) if self._forms is None else self._put(self._forms.scale)

    @cached_property
    def _scales(self) -> list[sp.Expr]:
        kept = _kept_scale(self.source)
        if kept is not None:
            return [self._put(kept)]
        pairs = (self.target.alpha, self.source.alpha), (self.target.beta, self.source.beta)
        return [bar / source.subs(t, self.tau) for bar, source in pairs]

    @cached_property
    def tau_dot(self) -> sp.Expr:
        """dτ/dt = (d log r̄/dt) / (d log r/ds at s = τ)."""
        if self._forms is None:
            return self.target.log_r_dot / self.source.log_r_dot.subs(t, self.tau)
        if self.tau.count_ops() <= SHORT and not any(
            p.is_number and not p.exp.is_Integer for p in self.tau.atoms(sp.Pow)
        ):
            return _if_short(self.tau.diff(t))
        return self._whole(_if_short(self._forms.pace.xreplace(self._bar) * self._bar[_log_r_dot]))

    @cached_property
    def scale_dot(self) -> sp.Expr:
        """dc/dt."""
        if self._forms is None:
            return self.scale.diff(t).subs(self.tau.diff(t), self.tau_dot).doit()
        scale = self.scale.xreplace(self._sums)
        slopes = (scale.diff(letter) * total.diff(t) for total, letter in self._sums.items())
        return self._whole(_if_short(scale.diff(t) + sp.Add(*slopes)))

    @cached_property
    def _forms(self) -> _InLetters | None:
        if (self.source.alpha, self.source.beta) == (self.target.alpha, self.target.beta):
            return _InLetters(t, sp.S.One, 1 / _log_r_dot)
        return _in_letters(self.source, self.source.letters)

    def _put(self, form: sp.Expr) -> sp.Expr:
        """A form in the target's coefficients, written out."""
        return self._whole(neat(_met(form.xreplace(self._bar))))

    @cached_property
    def _sums(self) -> dict[sp.Expr, sp.Symbol]:
        """Letters for what SymPy is slow with in the target's coefficients."""
        return rooted_sums(self.target.alpha, self.target.beta)

    @cached_property
    def _bar(self) -> dict[sp.Expr, sp.Expr]:
        """The target's coefficients, with letters for such sums."""
        bar = {_alpha: self.target.alpha, _beta: self.target.beta, _log_r_dot: self.target.log_r_dot}
        return {letter: value.xreplace(self._sums) for letter, value in bar.items()}

    def _whole(self, form: sp.Expr) -> sp.Expr:
        """With the sums back in the places of their letters."""
        return put_as_it_is(form, {letter: total for total, letter in self._sums.items()})

    def eps(self, eps: Any) -> sp.Expr:
        """The target diffusion scale ε̄ = c² τ̇ ε(τ) of a source scale ε (theory C3).

        The source scale that a target scale comes from is `inverse().eps(target_scale)`.  Raises InputError for a scale
        in the letter that stands for τ, in a letter t of its own, or that is not finite.
        """
        given = as_expression(eps, "eps")
        if foreign_time(given):
            raise InputError(f"eps = {given} uses a symbol t of its own: write it in symsched.t, which is positive")
        if given.has(sp.oo, -sp.oo, sp.zoo, sp.nan, sp.I):
            raise InputError(f"eps = {given}: expected finite real values")
        if not self.closed_form and given.atoms(AppliedUndef) & {tau_function(t)}:
            raise InputError(f"eps = {given} uses {tau_function(t)}, which is the source time of {self}; rename it")
        if self._forms is None:
            return self.scale**2 * self.tau_dot * given.subs(t, self.tau)
        there = _met(given.subs(t, self._forms.tau))
        return self._put(neat(self._forms.scale**2 * self._forms.pace * there) * _log_r_dot)

    def inverse(self) -> Conversion:
        """The conversion back: target to source."""
        return Conversion(self.target, self.source)

    def then(self, other: Conversion) -> Conversion:
        """First this conversion, then `other` (theory C4).

        Raises:
            InputError: `other` does not start from this target.
        """
        if not same_schedule(self.target, other.source):
            raise InputError(f"cannot follow {self} by {other}: expected a conversion from {self.target}")
        return Conversion(self.source, other.target)

    # -- numbers ---------------------------------------------------------------------------------------------------

    def at(self, times: ArrayLike) -> tuple[NDArray[np.float64], ...]:
        """(τ, c, τ̇, ċ) at target `times` in [0, 1]: float64 arrays of that shape, limits (maybe ±inf) at the ends.

        Raises:
            InputError: a time outside [0, 1], a parameter without a value, or a noise level that a truncated
                source never reaches.
        """
        return tuple(self.values((self.tau, self.scale, self.tau_dot, self.scale_dot), times))

    def values(self, exprs: tuple[sp.Expr, ...], times: ArrayLike) -> list[NDArray[np.float64]]:
        """float64 tables of expressions in t (and `tau(t)`) at target `times`.  Raises as `at`."""
        import numpy as np

        grid = times_array(times)
        self._require_covered(grid)
        if self.closed_form:
            try:
                return values(exprs, grid, end=self._end)
            except UndecidedError:  # 0/0 where an inverse such as (1 − √(1 − R²))/R has R = 0: τ is solved for instead
                if not all(e in self._in_tau for e in exprs):
                    raise
            rows = [self._solved(exprs, float(point)) for point in grid.ravel()]
        else:
            rows = [self._implicit(exprs, float(point)) for point in grid.ravel()]
        table = np.array(rows, dtype=np.float64).reshape(grid.size, len(exprs))
        return [table[:, k].reshape(grid.shape) for k in range(len(exprs))]

    def _implicit(self, exprs: tuple[sp.Expr, ...], point: float) -> list[float]:
        if 0 < point < 1:
            return self._solve(exprs, lambda: arb(point), f"t = {point!r}")
        return [self._implicit_end(self._scales if e == self.scale else [e], int(point)) for e in exprs]

    def _solved(self, exprs: tuple[sp.Expr, ...], point: float) -> list[float]:
        """Values of closed forms at one time, from τ as a number."""
        if not 0 < point < 1:
            return [self._end(e, int(point)) for e in exprs]
        return self._implicit(tuple(self._in_tau[e][0] for e in exprs), point)

    def _end(self, expr: sp.Expr, end: int, symbol: sp.Symbol = t) -> float:
        """The limit of a closed form; by way of τ where it can, since the formulas of two schedules are shorter than
        those of their composition."""
        if continuous_value(expr.subs(symbol, _near(_u, end)), _u) is None and expr in self._in_tau:
            try:
                return self._implicit_end(self._in_tau[expr], end)
            except UndecidedError:
                pass
        return end_value(expr, end, symbol)

    @cached_property
    def _in_tau(self) -> dict[sp.Expr, list[sp.Expr]]:
        """τ, c, τ̇ and ċ as expressions in t and `tau(t)`."""
        pairs = (self.target.alpha, self.source.alpha), (self.target.beta, self.source.beta)
        tau = tau_function(t)
        speed = self.target.log_r_dot / self.source.log_r_dot.subs(t, tau)
        scales = [bar / own.subs(t, tau) for bar, own in pairs]
        slopes = [scale.diff(t).subs(tau.diff(t), speed).doit() for scale in scales]
        return {self.scale_dot: slopes, self.tau_dot: [speed], self.scale: scales, self.tau: [tau]}

    def _implicit_end(self, forms: list[sp.Expr], end: int) -> float:
        """The limit at an end: by continuity, or by the series of τ where it ends with t."""
        forms = [f.xreplace({t: _near(_u, end), tau_function(t): _s}) for f in forms]
        ratios = [limit_at(schedule.r, end) for schedule in (self.source, self.target)]
        if ratios[0] != ratios[1] and not _same_number(*ratios):
            return self._end_inside(forms, ratios[1], end)
        joint = [f.xreplace({_s: _near(_s, end)}) for f in forms]
        found = next((v for f in joint if (v := continuous_value(f, _u, _s)) is not None), None)
        if found is None:
            found = self._end_by_series(joint, ratios[1], end)
        return float(found) if found in (sp.oo, -sp.oo) else Evaluator((without_roots_of_zero(found),)).at(0.5)[0]

    def _end_inside(self, forms: list[sp.Expr], ratio: sp.Expr, end: int) -> float:
        """At a source time inside (0, 1), where the source is smooth."""
        found = next((v for f in forms if (v := continuous_value(f, _u)) is not None), None)
        if found is None or not ratio.is_finite:
            raise UndecidedError(f"{self}: a limit at t = {end} could not be determined")
        tape, log_r = compile_tape((found,), (_s,)), compile_tape((sp.log(ratio),), ())
        inverse = MonotoneInverse(self.source)
        return sharpen(lambda: tape.run([inverse.solve(log_r.run([])[0])]), lambda: f"{self} at t = {end}")[0]

    def _end_by_series(self, joint: list[sp.Expr], ratio: sp.Expr, end: int) -> sp.Expr:
        f, g = (schedule.r.subs(t, _near(u, end)) for schedule, u in ((self.source, _s), (self.target, _u)))
        f, g = (1 / f, 1 / g) if ratio == sp.oo else (f - ratio, g - ratio)
        sign = -1 if ratio not in (0, sp.oo) and end == 1 else 1
        for form in joint:
            try:
                return limit_along(form, _u, _s, sign * f, sign * g)
            except BeyondSeriesError:
                continue
        raise UndecidedError(f"{self}: a limit at t = {end} could not be determined")

    def _solve(self, exprs: tuple[sp.Expr, ...], point: Callable[[], Ball], where: str) -> list[float]:
        """Values at one target time, with the source time solved for at each working precision."""
        put = {tau_function(t): _s}
        tape = compile_tape(tuple(e.xreplace(put) for e in exprs), (t, _s))
        ratio = compile_tape((sp.log(self.target.beta) - sp.log(self.target.alpha),), (t,))
        inverse = MonotoneInverse(self.source)

        def compute() -> list[Ball]:
            here = point()
            return tape.run([here, inverse.solve(ratio.run([here])[0])])

        return sharpen(compute, lambda: f"{self} at {where}")

    # -- truncated schedules ---------------------------------------------------------------------------------------

    def _require_covered(self, grid: NDArray[np.float64]) -> None:
        """A truncated source knows only the noise levels between its ends."""
        if self.source.kind != "truncated" or grid.size == 0:
            return
        low, high = (end_value(self.source.r, end) for end in (0, 1))
        (ratios,) = values((self.target.r,), grid)
        # Equal ends may differ by a rounding; everything else beyond them is refused.
        outside = (ratios < low * (1 - 1e-15)) | (ratios > high * (1 + 1e-15))
        if outside.any():
            time, ratio = float(grid[outside].flat[0]), float(ratios[outside].flat[0])
            raise InputError(
                f"{self}: at t = {time:.6g} the target has r = {ratio:.6g}, but the truncated source only covers "
                f"{low:.6g} ≤ r ≤ {high:.6g}: ask for times between, or use an untruncated source"
            )

    # -- paths -----------------------------------------------------------------------------------------------------

    def path(
        self, times: ArrayLike, paths: ArrayLike, *, eps_from: Any = None, eps_to: Any = None, data: Any = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Carry sampled source paths to the target: X̄_{t'} = c(t') X_s at t' = τ⁻¹(s) (theory C3).

        With `eps_from`, `eps_to` and `data`, to any scale there by their own noise (theory C26): from c X of the first
        time, dX̄ = b̄ dt + √(2ε̄) dW̄ with the noise dW = (dX − b dt)/√(2ε) that is read from the paths, in the target's
        clock.  The way back gives back the paths, to rounding; the strong error is of first order in the steps, which
        must resolve the noise.

        Args:
            times: source times, shape (n_times,).
            paths: states at those times, shape (n_times, n_paths, ...): the time axis leads, as in `Result.paths`.
            eps_from: the scale ε > 0 with which the paths were made, an expression in the source's t.
            eps_to: the scale ε̄ ≥ 0 that they shall have, an expression in the target's t.
            data: the law of the data.  In more than one dimension the last axis of `paths` is the state.

        Returns the target times (n_times,) and the target paths, of the shape of `paths`.

        Raises:
            InputError: the first axis of `paths` is not that of `times`, a time is outside [0, 1], or the source is a
                point at one of them and the target is not, so that its states cannot be told from the source's.  With
                scales: one of the three is missing; times that do not increase; ε = 0 over a step; an infinite drift
                at a time; a step that is too long.
        """
        import numpy as np

        grid, states = times_array(times), reals(paths, "paths")
        if grid.ndim != 1 or states.ndim < 2 or states.shape[0] != grid.size:
            turned = "; turn them round, the time axis leads" if grid.size in states.shape[1:2] else ""
            raise InputError(
                f"paths of shape {states.shape} at {grid.size} times: expected (n_times, n_paths, ...){turned}"
            )
        back = self.inverse()
        target_times, scale_back = back.values((back.tau, back.scale), grid)
        with np.errstate(divide="ignore"):
            scale = self._scale_at_ends(1 / scale_back, target_times)
        if not np.isfinite(scale).all():
            time = float(grid[~np.isfinite(scale)][0])
            raise InputError(
                f"{self}: at t = {time:.6g} the source is a point, of which the target is not made; start later"
            )
        moved = states * scale.reshape(-1, *[1] * (states.ndim - 1))
        given = {"eps_from": eps_from, "eps_to": eps_to, "data": data}
        if all(value is None for value in given.values()):
            return target_times, moved
        if missing := [name for name, value in given.items() if value is None]:
            raise InputError(f"{' and '.join(missing)} missing: eps_from, eps_to and data go together")
        if not grid.size:
            raise InputError("paths at no times hold no noise; give at least one time")
        if not np.isfinite(states).all():
            raise InputError("paths hold a number that is not finite, from which no noise is read")
        if np.any(np.diff(grid) <= 0):
            raise InputError("the times of paths whose noise is read should increase strictly; turn them round")
        from symsched.sde import InterpolantSDE
        from symsched.sde.driving import driven, read

        noise = read(InterpolantSDE(self.source, data, eps=eps_from), grid, states)
        return target_times, driven(InterpolantSDE(self.target, data, eps=eps_to), target_times, moved[0], noise)

    def _scale_at_ends(self, scale: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
        for end in (0, 1):
            if (times == end).any():
                scale[times == end] = self.values((self.scale,), [float(end)])[0][0]
        return scale


def _near(distance: sp.Symbol, end: int) -> sp.Expr:
    """The time at this distance from an end."""
    return distance if end == 0 else 1 - distance


def _same_number(one: sp.Expr, other: sp.Expr) -> bool:
    """Whether two finite constants are equal."""
    return bool(one.is_finite and other.is_finite and decide_zero(one - other))


@alone
def convert(source: Schedule | str, target: Schedule | str) -> Conversion:
    """The conversion from `source` to `target`; see `Conversion`."""
    return Conversion(source, target)  # type: ignore[arg-type]


@alone
def same_schedule(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules are equal as functions of t; raises UndecidedError where that is not known."""
    if one == other:
        return True
    found = [decide_zero(a - b).zero for a, b in ((one.alpha, other.alpha), (one.beta, other.beta))]
    if False not in found and None in found:
        raise UndecidedError(f"could not decide whether {one} equals {other}: write them in the same form")
    return False not in found


@dataclass(frozen=True)
class _InLetters:
    """τ, c and dτ/d log r̄ of a source in the coefficients ᾱ and β̄ of any target, in `_alpha` and `_beta`."""

    tau: sp.Expr
    scale: sp.Expr
    pace: sp.Expr


@lru_cache(maxsize=256)
def _in_letters(source: Schedule, _declared: Any) -> _InLetters | None:
    """Written anew where they are short: for one source, once for all targets.  None without a closed inverse."""
    inverse = closed_inverse(source)
    if inverse is None:
        return None
    tau, kept = neat(inverse.subs(R, _beta / _alpha)), _kept_scale(source)
    pairs = (_alpha, source.alpha), (_beta, source.beta)
    scales = [neat(_met(bar / own.subs(t, tau))) for bar, own in pairs] if kept is None else [kept]
    return _InLetters(tau, shortest(*scales), neat(_beta * tau.diff(_beta)))


@lru_cache(maxsize=256)
def _kept_scale(source: Schedule) -> sp.Expr | None:
    """c, without τ: α + β, β or α² + β² that does not move is the target's by c, or c²."""
    forms: tuple[Callable[[sp.Expr, sp.Expr], sp.Expr], ...] = (
        lambda a, b: a + b,
        lambda _, b: b,
        lambda a, b: a**2 + b**2,
    )
    own = {_alpha: source.alpha, _beta: source.beta}
    for form, power in zip(forms, (1, 1, 2), strict=True):
        kept = form(_alpha, _beta)
        slope = sum(kept.diff(letter).xreplace(own) * part.diff(t) for letter, part in own.items())
        if decide_zero(slope).zero:
            value = sp.expand(kept.xreplace(own)).subs(t, sp.Rational(1, 2))
            return (kept if decide_zero(value - 1).zero else kept / value) ** sp.Rational(1, power)
    return None


def _if_short(slope: sp.Expr) -> sp.Expr:
    """Neat, where that is quick: numbers are made of slopes more often than print."""
    return neat(slope) if slope.count_ops() <= SHORT else slope


def _met(expr: sp.Expr) -> sp.Expr:
    """With products of an angle multiplied out, where a function may meet its inverse: cos(π (½ − asin(x)/π)) is x."""
    return expr.replace(
        lambda part: isinstance(part, TrigonometricFunction) and part.has(InverseTrigonometricFunction),
        lambda part: part.func(sp.expand_mul(part.args[0])),
    )
