"""The law after n uniform steps as a formula in n, for Gaussian data in one dimension (theory C11).

    variance_n = P(0)² V(0) + Σ_j q_j P(j+1)²,   mean_n = β(1) m + m Σ_j s_j P(j+1),   P(j) = ∏_{k ≥ j} a_k

with a, s, q the slope, source and noise of one step.  Products of rational functions of k become powers, telescope,
or become rising factorials; sums of rational functions become polygamma functions.  What has no such form is left as
an unevaluated `Product` or `Sum`, which is still exact, and `closed` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import (
    Dummy,
    Expr,
    Integer,
    Piecewise,
    Poly,
    Product,
    Rational,
    RisingFactorial,
    Sum,
    Symbol,
    apart,
    cancel,
    factorial,
    fraction,
    gamma,
    integrate,
    nan,
    oo,
    polygamma,
    product,
    roots,
    simplify,
    summation,
    zoo,
)

from symsched.data import Gaussian
from symsched.discretize.affine import check_scheme, leaves_point
from symsched.errors import InputError, UndecidedError
from symsched.given import MOST_MADE, count
from symsched.precision import alone
from symsched.sde import InterpolantSDE
from symsched.sde.equation import tidy
from symsched.steps import integrals, laws
from symsched.symbols import t

#: The number of steps, as answers show it, unless a letter of the equation has that name.
n = Symbol("n", integer=True, positive=True)
_n = Dummy("n", integer=True, positive=True)
_k, _j = (Dummy(name, integer=True, nonnegative=True) for name in ("k", "j"))


@dataclass(frozen=True)
class ClosedForm:
    """Mean and variance at t = 1 after n uniform steps, expressions in `steps` (and any letters of the equation)."""

    mean: Expr
    variance: Expr
    steps: Symbol = n

    @property
    def closed(self) -> bool:
        """Whether no unevaluated product, sum or integral is left."""
        return not any(form.has(Product, Sum) for form in (self.mean, self.variance))

    @alone
    def at(self, steps: int, digits: int = 30) -> tuple[Expr, Expr]:
        """(mean, variance) for a number of steps, evaluated to that many digits when no letters are left.

        Raises InputError for fewer than one step, UndecidedError where the formula has a pole and the law has none.
        """
        steps, digits = count(steps, "steps"), count(digits, "digits", most=10_000)
        mean, variance = (_value(form.subs(self.steps, steps).doit(), digits) for form in (self.mean, self.variance))
        return mean, variance


def _value(expr: Expr, digits: int) -> Expr:
    """Rising factorials of complex roots have a real product: the imaginary part is rounding."""
    value = expr if expr.free_symbols else expr.evalf(digits).as_real_imag()[0]
    if value.has(nan, zoo, oo):
        raise UndecidedError("the closed form has a pole for these letters and steps; exact_law(…) has the value")
    return value


@dataclass(frozen=True)
class StepForms:
    """Slope a, source s (to be multiplied by m) and noise q of a step, in private letters for step k of n."""

    slope: Expr
    source: Expr
    noise: Expr

    def at(self, step: Any, steps: Any) -> tuple[Expr, Expr, Expr]:
        """(a, s, q) of one step (numbered from 0) of so many, numbers or expressions."""
        put = {_k: step, _n: steps}
        return tuple(form.subs(put, simultaneous=True) for form in (self.slope, self.source, self.noise))


@alone
def closed_form(sde: InterpolantSDE, scheme: str = "euler") -> ClosedForm:
    """The law at t = 1 after n uniform steps of `euler`, `lazy` or `heun`; parameters may stay symbolic.

    Raises InputError for data that is not Gaussian in one dimension, a scheme without a symbolic step, and
    coefficients that are infinite at t = 0, except from a point start that paths leave in one way (theory C19).
    """
    if sde.dim > 1 or not isinstance(sde.data, Gaussian):
        raise InputError(f"closed forms are for Gaussian data in one dimension, and the data is {sde.data.summary}")
    forms = step_forms(sde, scheme)
    alpha, beta = (sde.schedule.limit(name, 0) for name in ("alpha", "beta"))
    start = sde.data.moments(alpha, beta)[1]
    tail = _products(forms.slope)
    after = tail.subs(_j, _j + 1)
    centre = sde.data.expectation
    mean = sde.schedule.limit("beta", 1) * centre + centre * _sum(forms.source * after)
    carried = Integer(0) if start == 0 else cancel(tail.subs(_j, 0)) ** 2 * start
    variance = carried + _sum(forms.noise * after**2)
    steps = _free(sde)
    return ClosedForm(mean.xreplace({_n: steps}), variance.xreplace({_n: steps}), steps)


def _free(sde: InterpolantSDE) -> Symbol:
    """`n`, or the first of n_, n__, … that names no letter of the equation."""
    taken, name = {letter.name for letter in sde.parameters}, n.name
    while name in taken:
        name += "_"
    return Symbol(name, integer=True, positive=True)


def step_forms(sde: InterpolantSDE, scheme: str) -> StepForms:
    """One step of the scheme, as expressions in private letters: the twin of `symsched.discretize.affine`, exact."""
    check_scheme(scheme, sde)
    if scheme == "exponential":
        raise InputError("the exponential step has no closed form here; use 'euler', 'lazy', 'heun' or trajectory(…)")
    left, right = _k / _n, (_k + 1) / _n
    slope, beta = sde.affine[0], sde.schedule.beta
    moved = _at(beta, right) - _at(beta, left)

    def rest(time: Expr) -> Expr:
        """What is left of β̇ beside the mean's own movement: a constant of the deviation's drift, per unit of m."""
        return _at(beta.diff(t), time) - moved * _n

    put = {"h": 1 / _n, "drift": _from_start(sde, slope, left), "rest": rest(left)}
    if scheme == "heun":
        step = laws.trapezoid().put(**put, drift_next=_at(slope, right), rest_next=rest(right))
        noise: Expr = Integer(0)
    else:
        step = laws.explicit().put(**put)
        noise = 2 / _n * _at(sde.eps, left) if scheme == "euler" else _exact_noise(sde, left, right)
    return StepForms(cancel(step.state), cancel(step.data), cancel(noise))


def _from_start(sde: InterpolantSDE, slope: Expr, left: Expr) -> Expr:
    """The slope at the left of step k, which nothing is multiplied by in the step that leaves a point (theory C19)."""
    try:
        return _at(slope, left)
    except InputError:
        if not leaves_point(sde):
            raise
        return _at(slope, left, first=1)


def _at(expr: Expr, time: Expr, first: int = 0) -> Expr:
    """`expr` at the time of step k, refused when putting in the first or the last step needs a limit."""
    found = tidy(expr).subs(t, time)
    for step in (first, _n - 1):
        if found.subs(_k, step).has(nan, zoo, oo):
            where = simplify(time.subs(_k, step)).subs(_n, n)
            raise InputError(
                f"{expr} is infinite or 0/0 at t = {where}, a time of the scheme: no closed form on [0, 1]"
            )
    return found


def _exact_noise(sde: InterpolantSDE, left: Expr, right: Expr) -> Expr:
    """∫ 2ε dt over a step, by V when ε = V̇/2 and by an elementary antiderivative otherwise."""
    lazy = integrals.lazy_primitive(sde.eps, sde.marginal[1])
    primitive = integrals.antiderivative(2 * sde.eps) if lazy is None else lazy
    if primitive is None:
        primitive = integrate(2 * sde.eps, t)
    return primitive.subs(t, right) - primitive.subs(t, left)


def _products(slope: Expr) -> Expr:
    """P(j) = ∏_{k=j}^{n−1} slope(k), in closed form when there is one."""
    if not slope.has(_k):
        return slope ** (_n - _j)
    telescoped = _telescope(slope)
    if telescoped is not None:
        return telescoped
    if slope.is_rational_function(_k):
        try:
            found = product(slope, (_k, _j, _n - 1))
        except (AttributeError, TypeError):  # SymPy, of factors whose roots are complex or have no formula
            found = Product(slope, (_k, _j, _n - 1))
        if not found.has(Product, Piecewise):
            return found
    return Product(slope, (_k, _j, _n - 1))


def _telescope(slope: Expr) -> Expr | None:
    """a(k) = c F(k+1)/F(k) gives P(j) = c^{n−j} F(n)/F(j); F is sought as the denominator of a."""
    if not slope.is_rational_function(_k):
        return None
    base = fraction(slope)[1]
    constant = cancel(slope * base / base.subs(_k, _k + 1))
    if constant.has(_k):
        return None
    return constant ** (_n - _j) * cancel(base.subs(_k, _n) / base.subs(_k, _j))


def _sum(term: Expr) -> Expr:
    """Σ_{j=0}^{n−1} of a term in k (the step) and j, both the same index here."""
    term = term.subs(_k, _j)
    if term.has(Product):
        return Sum(term, (_j, 0, _n - 1))
    term = cancel(term) if term.is_rational_function(_j) else term
    if term == 0 or not term.has(_j):
        return _n * term
    rational = _rational_sum(term) if term.is_rational_function(_j) else None
    if rational is not None:
        return rational
    found = summation(term, (_j, 0, _n - 1)) if _is_geometric(term) else None
    return Sum(term, (_j, 0, _n - 1)) if found is None or found.has(Piecewise) else found


def _is_geometric(term: Expr) -> bool:
    """Whether the term is a constant times a constant to a linear power of j."""
    if term.has(RisingFactorial, gamma):  # never; and SymPy breaks on those of complex numbers
        return False
    ratio = cancel((term.subs(_j, _j + 1) / term).simplify())
    return not ratio.has(_j)


def _rational_sum(term: Expr) -> Expr | None:
    """Σ_{j=0}^{n−1} of a rational function of j whose poles are known: polynomials by Faulhaber, poles by polygamma.

    Σ_{j=0}^{n−1} (j + a)^{−p} = (−1)^p [ψ^{(p−1)}(a) − ψ^{(p−1)}(a + n)]/(p−1)!  (DLMF 5.15.1); the sum of the
    p = 1 residues need not vanish for a finite sum.
    """
    index = Dummy("i")  # without assumptions, so that roots of any sign are found
    total = Integer(0)
    for part in apart(term.subs(_j, index), index).as_ordered_terms():
        numerator, denominator = fraction(part)
        if not denominator.has(index):
            total += summation(part.subs(index, _j), (_j, 0, _n - 1))
            continue
        found = roots(denominator, index)
        if len(found) != 1 or numerator.has(index):
            return None
        ((pole, power),) = found.items()
        first, turn = -pole, Rational((-1) ** power)
        if not first.is_positive:  # the same terms, counted from the last: j + a = −(i + 1 − a − n)
            first, turn = 1 + pole - _n, Integer(1)
        if not first.is_positive:
            first, turn = -pole, Rational((-1) ** power)
            if pole.free_symbols <= {_n}:
                return None  # ψ may have a pole there for some n; with letters, `at` sees it
        shift = polygamma(power - 1, first) - polygamma(power - 1, first + _n)
        total += numerator / Poly(denominator, index).LC() * turn / factorial(power - 1) * shift
    return total


@alone
def exact_law(sde: InterpolantSDE, steps: int, scheme: str = "euler") -> tuple[Expr, Expr]:
    """(mean, variance) at t = 1 after a given number of uniform steps, by the recursion in exact arithmetic.

    Rational coefficients give rational numbers; letters stay letters.  Errors as for `closed_form`.
    """
    steps = count(steps, "steps", most=MOST_MADE)
    forms = step_forms(sde, scheme)
    alpha, beta = (sde.schedule.limit(name, 0) for name in ("alpha", "beta"))
    deviation, variance = Integer(0), sde.data.moments(alpha, beta)[1]
    for k in range(steps):
        slope, source, noise = forms.at(k, steps)
        # Nothing is carried from a point, where the slope may be infinite.
        old = (Integer(0), Integer(0)) if variance == 0 and deviation == 0 else (slope * deviation, slope**2 * variance)
        deviation, variance = old[0] + source, old[1] + noise
    return (sde.schedule.limit("beta", 1) + deviation) * sde.data.expectation, variance
