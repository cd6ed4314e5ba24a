"""The inverse of the signal-to-noise ratio, t = r⁻¹(R): in closed form when there is one, else in balls.

*Closed form.*  r(s) = R is peeled like an onion: a polynomial of degree at most two in one kernel (s itself, a
power, an exponential, a sine …) is solved for the kernel, which is then inverted in turn.  Guesses about branches
are allowed on the way, because every candidate is proved at the end: r(candidate(R)) − R has normal form 0, and
candidate(r(t)) meets t at times from end to end.  Since the candidate is continuous and can never meet an end (r is
0 and ∞ there, or whatever bounds R), it then stays in (0, 1), where r is injective: it *is* the inverse.

*No closed form.*  log r is solved for z = logit(s) by bracketed Newton steps at rising precision, and the root is
verified by a change of sign of balls: s is known to the last bit as close to 0 or 1 as float64 goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache, partial
from itertools import islice, pairwise, product
from typing import Any

import sympy as sp
from flint import arb
from sympy.functions.elementary.trigonometric import TrigonometricFunction

from symsched.errors import BeyondReachError, InputError, UndecidedError
from symsched.exact import (
    INVERSES,
    Tape,
    canonical,
    compile_tape,
    decide_zero,
    enclose,
    limit_at,
    may_be,
    sign_on_unit,
    to_ball,
    within,
)
from symsched.precision import working_bits
from symsched.schedule import STEEP, Schedule
from symsched.symbols import t

# One number in all processes, below those that SymPy gives: answers with it are sent from one to another.
R = sp.Dummy("R", dummy_index=1, positive=True)
R_ = sp.Dummy("R")  # stands for the right-hand side while a kernel is solved for
COEFFICIENTS = tuple(sp.Dummy(name) for name in ("c0", "c1", "c2"))
FORM_CALLS = 300_000
MAX_TERMS = 8  # a quotient of more monomials than this is not a polynomial of degree two in one of them
NUMBERS = tuple(sp.Rational(n, 4) for n in (3, -3, 0, 6, 4, -6, -4, 8, -8))
CHOICES, MOST_SAMPLES = 3, 27

Samples = tuple[dict[sp.Symbol, sp.Expr], ...]  # values of the parameters

TIMES = tuple(sp.Rational(k, 37) for k in range(1, 37, 3))
TIMES += tuple(edge for k in (7, 14, 30) for edge in (sp.Rational(1, 2**k), 1 - sp.Rational(1, 2**k)))


def closed_inverse(schedule: Schedule) -> sp.Expr | None:
    """r⁻¹ as an expression in `R`, proved; None when peeling finds none."""
    return _closed_inverse(schedule, schedule.letters)


@lru_cache(maxsize=512)
def _closed_inverse(schedule: Schedule, _declared: Any) -> sp.Expr | None:
    """Of schedules that are alike but for what is declared of their letters, each has its own."""
    samples = _samples(schedule)
    for form, value in _forms(schedule):
        for candidate in _peel(form, value, depth=0):
            if not _has_a_pole(candidate, schedule, samples) and _is_inverse(candidate, schedule, samples):
                return candidate
    return None


def _forms(schedule: Schedule) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """Equations equivalent to r(t) = R, the most promising first."""
    ratios = (_turned(schedule.r), R), (_turned(schedule.snr), R**2)
    for ratio, value in ratios:
        yield _without_powers(ratio, value) if ratio.is_rational_function(t) else (ratio, value)
        if ratio.is_rational_function(t):  # cancellation would tear exponentials apart into powers of small ones
            yield canonical(ratio), value
    for ratio, value in ratios:  # identities of sines are slow to look for
        if ratio.has(sp.sin, sp.cos):
            yield from ((form, value) for form in _trigonometric_forms(ratio))
    yield sp.expand_log(sp.log(schedule.r), force=True), sp.log(R)


def _turned(ratio: sp.Expr) -> sp.Expr:
    """With angles multiplied out, in which SymPy sees quarter turns: cos(π (½ − t)) is sin(πt)."""
    return ratio.replace(
        lambda part: isinstance(part, TrigonometricFunction), lambda part: part.func(sp.expand_mul(part.args[0]))
    )


def _trigonometric_forms(ratio: sp.Expr) -> Iterator[sp.Expr]:
    swaps = (partial(_without_squares, of=of, by=by) for of, by in ((sp.cos, sp.sin), (sp.sin, sp.cos)))
    for rewrite in (*swaps, sp.trigsimp):
        form = within(FORM_CALLS, lambda rewrite=rewrite: canonical(rewrite(ratio)))  # type: ignore[misc]
        if form is not None:
            yield form


def _without_powers(ratio: sp.Expr, value: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """c f(t)ⁿ = value as f(t) = (value/c)^(1/n), for the largest n; f is positive, as the ratio is."""
    constant, moving = ratio.as_independent(t, as_Add=False)
    powers = moving.as_powers_dict()
    if not constant.is_positive or not all(p.is_Integer for p in powers.values()):
        return ratio, value
    n = sp.igcd(*powers.values(), 0)
    root = sp.Mul(*[base ** (p // n) for base, p in powers.items()])
    sign = 1 if n % 2 else sp.sign(root.subs(t, sp.Rational(1, 2)))
    return sign * root, (value / constant) ** sp.Rational(1, n)


def _without_squares(expr: sp.Expr, of: Any, by: Any) -> sp.Expr:
    """cos² as 1 − sin², or the other way round."""
    return expr.replace(
        lambda e: e.is_Pow and isinstance(e.base, of) and e.exp.is_even,
        lambda e: (1 - by(e.base.args[0]) ** 2) ** (e.exp / 2),
    )


def _peel(expr: sp.Expr, value: sp.Expr, depth: int) -> Iterator[sp.Expr]:
    """Solutions s of expr(s) = value."""
    if depth > 12:
        return
    if expr == t:
        yield value
        return
    fixed, moving = expr.as_independent(t, as_Add=expr.is_Add) if expr.is_Add or expr.is_Mul else (None, expr)
    if fixed is not None and fixed != (0 if expr.is_Add else 1):
        yield from _peel(moving, value - fixed if expr.is_Add else value / fixed, depth + 1)
    elif isinstance(expr, sp.exp):
        yield from _peel(expr.exp, sp.log(value), depth + 1)
    elif expr.is_Pow and not expr.base.has(t):
        yield from _peel(expr.exp, sp.log(value) / sp.log(expr.base), depth + 1)
    elif expr.is_Pow and not expr.exp.has(t):
        yield from _peel(expr.base, canonical(value) ** (1 / expr.exp), depth + 1)
    elif expr.func in INVERSES:
        yield from _peel(expr.args[0], INVERSES[expr.func](value), depth + 1)
    else:
        yield from _peel_rational(expr, value, depth)


def _peel_rational(expr: sp.Expr, value: sp.Expr, depth: int) -> Iterator[sp.Expr]:
    """expr is a quotient of sums: a polynomial in one kernel, solved when its degree is at most two."""
    k = sp.Dummy("k", positive=True)
    for kernel, numerator, denominator in _single_kernels(expr, k):
        if kernel.count_ops() >= expr.count_ops():
            continue  # a kernel as large as the whole would go round in circles
        polynomial = sp.Poly(sp.expand(numerator - R_ * denominator), k)
        if 1 <= polynomial.degree() <= 2:
            coefficients = dict(zip(COEFFICIENTS, polynomial.all_coeffs()[::-1], strict=False))
            roots = [sp.radsimp(root.xreplace(coefficients)) for root in _generic_roots(polynomial.degree())]
            if polynomial.degree() == 2 and coefficients[COEFFICIENTS[2]].free_symbols:  # it may be 0
                roots += [root.xreplace(coefficients) for root in _other_roots()]
            for root in roots:
                yield from _peel(kernel, _constants_out(root.subs(R_, value)), depth + 1)


def _constants_out(root: sp.Expr) -> sp.Expr:
    """R/√(R² + 1) for cR/√(c²R² + c²), with an irrational c: proved in a fourth of the time."""

    def without(power: sp.Pow) -> sp.Expr:
        constant, left = sp.factor_terms(power.base).as_independent(R, as_Add=False)
        return power if constant.is_Rational or not constant.is_positive else constant**power.exp * left**power.exp

    return root.replace(lambda e: e.is_Pow and e.base.is_Add, without)


@cache
def _generic_roots(degree: int) -> list[sp.Expr]:
    """Roots of c₀ + c₁k (+ c₂k²); solved once, so that SymPy does not rework the logarithms in the coefficients."""
    k = sp.Dummy("k")
    return sp.roots(sum(c * k**n for n, c in enumerate(COEFFICIENTS[: degree + 1])), k, multiple=True)


@cache
def _other_roots() -> list[sp.Expr]:
    """Those of degree two, as 2c₀/(−c₁ ∓ √…): c₂ may be 0 on the way."""
    c0, c1, c2 = COEFFICIENTS
    return [2 * c0 / (-c1 - sign * sp.sqrt(c1**2 - 4 * c0 * c2)) for sign in (1, -1)]


def _single_kernels(expr: sp.Expr, k: sp.Symbol) -> Iterator[tuple[sp.Expr, sp.Expr, sp.Expr]]:
    """Ways to read `expr` as a quotient of polynomials in one kernel k(t)."""
    kernels = _kernels(expr)
    if len(kernels) == 1:
        kernel = kernels.pop()
        # Replaced before anything is brought together, which would tear exponentials apart.
        yield kernel, *sp.fraction(sp.together(expr.xreplace({kernel: k})))
    numerator, denominator = sp.fraction(sp.together(expr))
    terms = [sp.Add.make_args(_multiplied_out(part)) for part in (numerator, denominator)]
    if sum(map(len, terms)) > MAX_TERMS:
        return
    for lead in (*terms[0], *terms[1]):
        reduced = [[sp.powsimp(term / lead) for term in part] for part in terms]
        steps = {term.as_independent(t)[1] for part in reduced for term in part} - {sp.S.One}
        if len(steps) == 1:
            kernel = steps.pop()
            parts = [sp.Add(*[term.subs(kernel, k) for term in part]) for part in reduced]
            yield kernel, parts[0], parts[1]


def _multiplied_out(expr: sp.Expr) -> sp.Expr:
    """Expanded as a sum of monomials, with exponentials and logarithms left whole."""
    return sp.expand(expr, power_exp=False, power_base=False, log=False)


def _kernels(expr: sp.Expr) -> set[sp.Expr]:
    """The outermost non-rational subexpressions that move with t, and t itself where it stands bare."""
    if not expr.has(t):
        return set()
    if expr.is_Add or expr.is_Mul:
        return set().union(*(_kernels(a) for a in expr.args))
    if expr.is_Pow and expr.exp.is_Integer:
        return _kernels(expr.base)
    return {expr}


def _has_a_pole(candidate: sp.Expr, schedule: Schedule, samples: Samples) -> bool:
    """Whether a denominator is seen to be 0 for some ratio that is reached: there is no value, and on the other side
    of it perhaps another branch."""
    divisor = sp.fraction(sp.together(candidate))[1].subs(R, schedule.r)
    if not divisor.has(t):
        return False
    try:
        signs = (sign_on_unit(divisor.subs(sample), balls=False) for sample in samples)
        return any(sign.value in ("mixed", "nonnegative", "nonpositive", "zero") for sign in signs)
    except InputError:
        return False


def _is_inverse(candidate: sp.Expr, schedule: Schedule, samples: Samples) -> bool:
    if candidate.has(sp.I, sp.nan, sp.zoo, t) or _is_steep(candidate):
        return False
    try:
        if not samples or not all(_meets_the_times(candidate.subs(at), schedule.r.subs(at)) for at in samples):
            return False
        return bool(decide_zero(schedule.r - R, ((t, candidate),)))
    except InputError:
        return False


def _samples(schedule: Schedule) -> Samples:
    """Values of the parameters, of either sign where both are allowed, for which the schedule is one: a root that is
    the inverse for some may be another branch for those on the other side of a gap."""
    moving, points = schedule.r.free_symbols - {t}, list[dict[sp.Symbol, sp.Expr]]()
    for put, _ in schedule.ranges:
        forms = {letter: put.get(letter, letter) for letter in moving}
        letters = sorted(set().union(*(form.free_symbols for form in forms.values())), key=sp.default_sort_key)
        choices = [list(islice((n for n in NUMBERS if may_be(letter, n)), CHOICES)) for letter in letters]
        for numbers in islice(product(*choices), MOST_SAMPLES):
            point = dict(zip(letters, numbers, strict=True))
            points.append({letter: form.xreplace(point) for letter, form in forms.items()})
    return tuple(point for point in points if _rises(schedule.r.subs(point)))


def _rises(ratio: sp.Expr) -> bool:
    """Whether the ratio is positive and increases from each of the times to the next."""
    try:
        balls = [enclose(ratio, {t: time}, bits=1024) for time in sorted(TIMES)]
    except InputError:
        return False
    return all(ball.is_finite() for ball in balls) and balls[0] > 0 and all(a < b for a, b in pairwise(balls))


def _is_steep(candidate: sp.Expr) -> bool:
    """Whether a proof would multiply out a power of a sum that is beyond use, (1 + R²)^(1001/2) say."""
    powers = (p for p in candidate.atoms(sp.Pow) if p.exp.is_Rational and p.base.is_Add)
    return any(abs(power.exp) > STEEP for power in powers)


def _meets_the_times(candidate: sp.Expr, ratio: sp.Expr) -> bool:
    """Whether candidate(r(t)) encloses t, next to both ends too: a branch may be left anywhere on the way."""
    for time in TIMES:
        back = enclose(candidate, {R: enclose(ratio, {t: time}, bits=1024)}, bits=1024)
        if not (back.is_finite() and back.overlaps(to_ball(time)) and back.rad() < 1e-12):
            return False
    return True


# -- no closed form -------------------------------------------------------------------------------------------


class MonotoneInverse:
    """s = r⁻¹(R) for a schedule without parameters, as balls at the working precision in force."""

    # |logit s| from which it is asked whether r gets there, and to which: 1/(1 − log s) is 10^-300 at e^(−10^300).
    DOUBTFUL, REACH = 8192.0, 2.0**1023
    STEPS = 96  # bracketed Newton needs about twenty; when rounding hides the root, more would not find it

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        log_r = sp.log(schedule.beta) - sp.log(schedule.alpha)
        self._tape: Tape = compile_tape((log_r, schedule.log_r_dot), (t,))

    def solve(self, log_r: Any) -> Any:
        """The ball of s with log r(s) = `log_r` (a ball).

        Raises:
            InputError: the schedule never reaches this ratio (it is truncated).
            UndecidedError: the working precision does not separate the root (raise it).
        """
        low, high = self._bracket(log_r)
        z = (low + high) / 2
        for _ in range(self.STEPS):
            value, slope = self._at(z)
            gap = log_r - value
            # What the residual, with the rounding in it, says about the distance to the root.
            radius = (abs(gap).upper() / slope.lower()).upper()
            if radius < 4 * (gap.rad() / slope.lower()).upper() + arb(2) ** -working_bits():
                return self._verified(z, radius, log_r)
            low, high = (z, high) if gap > 0 else (low, z)
            following = (z + gap / slope).mid()
            z = following if low < following < high else ((low + high) / 2).mid()
        raise UndecidedError("the inverse of r did not converge at this precision")

    def _at(self, z: Any) -> tuple[Any, Any]:
        """log r and its derivative with respect to z = logit s."""
        s = 1 / (1 + (-z).exp())
        value, slope = self._tape.run([s])
        return value, slope * s * (1 - s)

    def _bracket(self, log_r: Any) -> tuple[Any, Any]:
        low, high = arb(-1), arb(1)
        while self._at(low)[0] > log_r:
            low = 2 * low
            self._check_reach(low, log_r)
        while self._at(high)[0] < log_r:
            high = 2 * high
            self._check_reach(high, log_r)
        return low, high

    def _check_reach(self, z: Any, log_r: Any) -> None:
        if abs(z) <= self.DOUBTFUL:
            return
        number = float(log_r.exp().mid())
        ratio = f"{number:.6g}" if number else f"exp({float(log_r.mid()):.6g})"  # below all floats
        low, high = self._bounds
        if not (log_r > low if z < 0 else log_r < high):
            raise InputError(f"{self.schedule} never has r = {ratio}: it is truncated; choose a narrower target")
        if abs(z) > self.REACH:
            raise BeyondReachError(f"{self.schedule} has r = {ratio} too close to an end to be resolved")

    @property
    def _bounds(self) -> tuple[Any, Any]:
        """log r at the ends, in balls of the precision in force."""
        ends = (limit_at(self.schedule.r, 0), limit_at(self.schedule.r, 1))
        at_ends = {sp.S.Zero: arb.neg_inf(), sp.oo: arb.pos_inf()}
        low, high = (at_ends[e] if e in at_ends else enclose(sp.log(e), {}, working_bits()) for e in ends)
        return low, high

    def _verified(self, z: Any, radius: Any, log_r: Any) -> Any:
        """A ball around z, wide enough that the sign of log r − R is seen to change across it."""
        for reach in (2 * radius, 16 * radius, 256 * radius):
            if self._at(z - reach)[0] < log_r and self._at(z + reach)[0] > log_r:
                ball = (z - reach).union(z + reach)
                return 1 / (1 + (-ball).exp())
        raise UndecidedError("the root is not separated at this precision")
