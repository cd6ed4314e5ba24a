"""Stable forms: equal expressions in t and u = 1 − t whose evaluation in floating point loses nothing.

Only sums that cancel, and functions near their zeros, lose digits.  Every such node is rewritten by exact identities
until its error bound (see `rounding`) is a few ulps: factors and Bernstein form for polynomials, e^x − e^y =
e^y expm1(x − y) for differences of positive products, conjugates for roots, cos x = sin(π/2 − x), sums of cosines
as products.  Since u is exact where it is small, one form serves all of (0, 1) without a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import sympy as sp
from sympy.simplify.fu import TR8, TR9

from symsched.codegen.stable.constants import with_constants
from symsched.codegen.stable.letters import expanded, factored, is_steep, joined, paired, reduced
from symsched.codegen.stable.rounding import Sample, expm1, log1p, u, worst
from symsched.exact import HYPERBOLIC, canonical, without_cancellation
from symsched.symbols import t

GOOD = 2.6  # ulps at which a node is left as it is
MAX_DEPTH = 3
MAX_OPERATIONS = 60  # larger sums are left as they are: their parts are tried instead
MAX_FORMS = 160
MAX_STEPS = 2000  # of a bucket: no error is as bad as an infinite one
MOST = 15_000  # operations of all forms tried on one set of samples: cosine, say, takes 4,000
_constant = sp.Dummy("c", positive=True)
SLOW = (sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.atan, sp.sinh, sp.cosh, sp.tanh, expm1, log1p, sp.Pow)


Rewrite = Callable[[sp.Expr], sp.Expr]
Rules = Callable[[sp.Expr, Rewrite], Iterator[sp.Expr]]


class Stabiliser:
    """Finds stable forms over samples of t in (0, 1); `u` may stand for 1 − t in what it is given and returns."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self._left = MAX_FORMS
        self._work = 0
        self._memo: dict[sp.Expr, sp.Expr] = {}

    def __call__(self, expr: sp.Expr) -> sp.Expr:
        """The best form found; equal to `expr` once 1 − t is put for u."""
        if self.spent:
            return expr
        self._left = MAX_FORMS
        forms = dict.fromkeys(_whole_forms(expr))
        return self.best([paired(self.rewrite(form)) for form in forms])

    def best(self, forms: Sequence[sp.Expr]) -> sp.Expr:
        """The shortest of the forms that are good enough, else the most accurate."""
        errors = {form: worst(self.samples, form) for form in forms}
        return min(errors, key=lambda f: (bucket(errors[f]), cost(f), sp.default_sort_key(f)))

    @property
    def spent(self) -> bool:
        """Whether so much was tried that what is given is now left as it is."""
        return self._work > MOST

    def rewrite(self, expr: sp.Expr, depth: int = 0) -> sp.Expr:
        """Stabilise from the leaves up."""
        if expr.is_Atom or depth > MAX_DEPTH or self.spent or not expr.free_symbols:
            return expr
        if expr not in self._memo:
            self._memo[expr] = self._rewrite(expr, depth)
        return self._memo[expr]

    def _rewrite(self, expr: sp.Expr, depth: int) -> sp.Expr:
        if expr.is_Add:
            return self._choose(expr, _sums(self, expr, depth))
        made = expr.func(*[self.rewrite(a, depth) for a in expr.args])
        if expr.func in ALTERNATIVES:
            others = ALTERNATIVES[expr.func](expr.args[0], lambda e: self.rewrite(e, depth + 1))
            return self._choose(made, chain([made], others))
        return made

    def _choose(self, expr: sp.Expr, forms: Iterator[sp.Expr]) -> sp.Expr:
        """The first good form; else the best of all."""
        seen: list[sp.Expr] = []
        for form in forms:
            if form in seen or form.has(sp.nan, sp.zoo, sp.I):
                continue
            seen.append(form)
            self._left -= 1
            self._work += form.count_ops()
            if worst(self.samples, form) <= GOOD:
                return form
            if self._left < 0 or self.spent:
                break
        return self.best(seen or [expr])


def cost(form: sp.Expr) -> int:
    """Operations, a transcendental function counting for several."""
    return operations(form) + 2 * sum(bool(k.free_symbols) for f in SLOW for k in form.atoms(f))


def operations(form: sp.Expr) -> int:
    """What is left to do at run time: constants are folded."""
    return int(with_constants(form, lambda _: _constant).count_ops())


def bucket(error: float, enough: float = 4, better: float = 1.25) -> int:
    """Errors up to `enough` ulps are as good as none; beyond, a form must be `better` times as good to be preferred."""
    steps = 0
    while error > enough and steps < MAX_STEPS:
        error, steps = error / better, steps + 1
    return steps


def _whole_forms(expr: sp.Expr) -> Iterator[sp.Expr]:
    yield expr
    for form in (reduced, sp.factor_terms, joined):
        try:
            yield form(expr)
        except (sp.PolynomialError, RecursionError):
            continue
    if expr.has(t) and not expr.has(u):
        yield expanded(expr.subs(t, 1 - u), trig=False) if expr.is_polynomial(t) else expr.subs(t, 1 - u)


# -- sums -----------------------------------------------------------------------------------------------------


def _sums(to: Stabiliser, expr: sp.Add, depth: int) -> Iterator[sp.Expr]:
    """Forms of a sum, the simplest first."""
    yield sp.Add(*[to.rewrite(a, depth) for a in expr.args])
    if expr.count_ops() > MAX_OPERATIONS:
        return
    whole = expr.subs(u, 1 - t)
    yield from _polynomials(whole)
    for form in dict.fromkeys((expr, whole, expanded(whole.subs(t, 1 - u)))):
        yield from _tried(form, expr, to, depth)
    for one, other in ((sp.cos, sp.sin), (sp.sin, sp.cos)):
        swapped = expr.replace(
            lambda e, f=one: e.is_Pow and e.base.func == f and e.exp == 2, lambda e, f=other: 1 - f(e.base.args[0]) ** 2
        )
        if swapped != expr and not expanded(swapped).is_Add:
            yield to.rewrite(expanded(swapped), depth + 1)
    cosines = _as_cosines(whole)
    if cosines != whole:
        yield to.rewrite(cosines, depth + 1)
    halved = expanded(whole.replace(sp.cos, lambda x: 1 - 2 * sp.sin(x / 2) ** 2))
    if whole.has(sp.cos) and not halved.is_Add:
        yield to.rewrite(halved, depth + 1)
    if whole.has(*HYPERBOLIC):  # 1 − tanh 3t/tanh 3 is 2 (e⁶ − e⁶ᵗ)/((e⁶ᵗ + 1)(e⁶ − 1))
        yield sp.Mul(*[to.rewrite(f, depth + 1) for f in sp.Mul.make_args(_factor(without_cancellation(whole)))])
    if depth == 0 and len(expr.args) == 3:
        yield from _cancelling_pairs(expr, to, depth)


def _cancelling_pairs(expr: sp.Add, to: Stabiliser, depth: int) -> Iterator[sp.Expr]:
    """1 − tᵖ + f as −expm1(p log t) + f: two terms of opposite signs apart from the third."""
    for k, lone in enumerate(expr.args):
        one, other = expr.args[:k] + expr.args[k + 1 :]
        if one.could_extract_minus_sign() != other.could_extract_minus_sign():
            yield to.rewrite(one + other, depth + 1) + to.rewrite(lone, depth + 1)


def _tried(form: sp.Expr, expr: sp.Expr, to: Stabiliser, depth: int) -> Iterator[sp.Expr]:
    if form.is_Add:
        if form != expr:
            yield sp.Add(*[to.rewrite(a, depth + 1) for a in form.args])
        yield from (to_form for parts in _splits(form) for to_form in _differences(*parts, to, depth))
    for made in (joined(form), _factor(form)):
        if made.is_Mul and made != expr:
            yield sp.Mul(*[to.rewrite(f, depth + 1) for f in made.args])


def _factor(form: sp.Expr) -> sp.Expr:
    try:
        return factored(form)
    except (sp.PolynomialError, RecursionError):
        return form


def _polynomials(expr: sp.Expr) -> Iterator[sp.Expr]:
    """A polynomial or quotient of polynomials in t: its factors, each in Bernstein form, t or u."""
    if not expr.is_rational_function(t) or not expr.has(t) or expr.count_ops() > 80 or expr.find(is_steep):
        return
    above, below = sp.fraction(canonical(expr))
    picks: tuple[Rewrite, ...] = (lambda f: f.subs(u, 1 - t), _mirrored_polynomial, _bernstein, _shortest)
    for pick in picks:
        yield _factored(above, pick) / _factored(below, pick)


def _factored(polynomial: sp.Expr, pick: Rewrite) -> sp.Expr:
    content, factors = sp.factor_list(polynomial)
    return sp.Mul(content, *[pick(f) ** n for f, n in factors])


def _mirrored_polynomial(factor: sp.Expr) -> sp.Expr:
    return sp.expand(factor.subs(t, 1 - u)) if factor.has(t) else factor


def _bernstein(factor: sp.Expr) -> sp.Expr:
    """Σ b_k t^k u^(n−k): where all b_k have one sign nothing cancels."""
    if not factor.has(t):
        return factor
    polynomial = sp.Poly(factor, t)
    n, given = polynomial.degree(), polynomial.all_coeffs()[::-1]
    weights = [sum(sp.binomial(n - j, k - j) * given[j] for j in range(k + 1)) for k in range(n + 1)]
    return sp.Add(*[sp.expand(w) * t**k * u ** (n - k) for k, w in enumerate(weights)])


def _shortest(factor: sp.Expr) -> sp.Expr:
    """Of the three, the shortest without a sign change among its terms."""
    forms = [factor, _mirrored_polynomial(factor), _bernstein(factor)]
    signs = [{bool(term.could_extract_minus_sign()) for term in sp.Add.make_args(form)} for form in forms]
    return min(zip(forms, signs, strict=True), key=lambda pair: (len(pair[1]) > 1, sp.count_ops(pair[0])))[0]


def _splits(form: sp.Add) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """(X, Z) with form = X − Z, both products; for three terms, those that share a factor are joined."""
    terms = form.args
    if len(terms) == 2:
        first, second = terms
        yield (first, -second) if second.could_extract_minus_sign() else (second, -first)
    elif len(terms) <= 4:
        for k, lone in enumerate(terms):
            rest = sp.factor_terms(sp.Add(*terms[:k], *terms[k + 1 :]))
            if not rest.is_Add or all(not a.free_symbols for a in rest.args):
                yield (rest, -lone)


def _differences(x: sp.Expr, z: sp.Expr, to: Stabiliser, depth: int) -> Iterator[sp.Expr]:
    """X − Z for positive X, Z: by conjugates of roots, or Z expm1(log(X/Z))."""
    if depth < 2 and (x.has(sp.Pow) or z.has(sp.Pow)):
        squares = [expanded(x**2), expanded(z**2)]
        if not any(_has_root(s) for s in squares) and (_has_root(x) or _has_root(z)):
            yield to.rewrite(reduced(squares[0] - squares[1]), depth + 1) / to.rewrite(x + z, depth + 1)
    if _moves_exponentially(x) or _moves_exponentially(z):
        gap = sp.expand_log(sp.log(x), force=True) - sp.expand_log(sp.log(z), force=True)
        forward = to.rewrite(expanded(gap), depth + 1)
        yield to.rewrite(z, depth + 1) * expm1(forward)
        yield -to.rewrite(x, depth + 1) * expm1(to.rewrite(expanded(-gap), depth + 1))


def _has_root(expr: sp.Expr) -> bool:
    return any(p.exp.is_Rational and not p.exp.is_Integer and p.free_symbols for p in expr.atoms(sp.Pow))


def _moves_exponentially(expr: sp.Expr) -> bool:
    """Whether the expression is a product with an exponential, a power of symbolic exponent, or such."""
    return any(
        isinstance(f, sp.exp) or (f.is_Pow and not f.exp.is_Integer and (f.base.is_Atom or not f.exp.is_number))
        for f in sp.Mul.make_args(expr)
        if f.free_symbols
    )


def _as_cosines(expr: sp.Expr) -> sp.Expr:
    """Squares and products of sines and cosines as cosines of multiples, then their differences as products."""
    if not expr.has(sp.sin, sp.cos) or len(expr.atoms(sp.sin, sp.cos)) > 4 or expr.count_ops() > 30:
        return expr
    above, below = sp.fraction(joined(expr))
    return sp.factor_terms(TR9(expanded(TR8(expanded(above))))) / below


# -- functions near their zeros ---------------------------------------------------------------------------------


def _exponential(x: sp.Expr, to: Rewrite) -> Iterator[sp.Expr]:
    for factor in sp.Mul.make_args(x):
        if isinstance(factor, sp.log) and factor.is_number:
            yield sp.Pow(factor.args[0], to(x / factor), evaluate=False)
    if expanded(x).is_Add:
        yield sp.exp(to(_about(x)))


def _logarithm(x: sp.Expr, to: Rewrite) -> Iterator[sp.Expr]:
    yield log1p(to(_about(x - 1)))
    above, below = sp.fraction(sp.together(x))
    if below != 1:
        yield log1p(to(_about(above - below)) / to(below))


def _about(expr: sp.Expr) -> sp.Expr:
    """A sum brought to its simplest form, whichever of t and u it was written in."""
    return expanded(expr.subs(u, 1 - t))


def _one_by_one(*rules: Callable[[sp.Expr, Rewrite], sp.Expr]) -> Rules:
    return lambda x, to: (rule(x, to) for rule in rules)


ALTERNATIVES: dict[type, Rules] = {
    sp.exp: _exponential,
    sp.log: _logarithm,
    sp.cos: _one_by_one(lambda x, to: sp.sin(to(_about(sp.pi / 2 - x)), evaluate=False)),
    sp.sin: _one_by_one(
        lambda x, to: sp.sin(to(_about(sp.pi - x)), evaluate=False),
        lambda x, to: sp.cos(to(_about(sp.pi / 2 - x)), evaluate=False),
    ),
    sp.tan: _one_by_one(
        lambda x, to: 1 / sp.tan(to(_about(sp.pi / 2 - x)), evaluate=False),
        lambda x, to: to(sp.sin(x)) / to(sp.cos(x)),
    ),
    sp.cot: _one_by_one(
        lambda x, to: 1 / sp.tan(to(x)),
        lambda x, to: sp.tan(to(_about(sp.pi / 2 - x)), evaluate=False),
        lambda x, to: to(sp.cos(x)) / to(sp.sin(x)),
    ),
    sp.acos: _one_by_one(
        lambda x, to: sp.atan2(sp.sqrt(to(_about(1 - x**2))), to(x)),
        lambda x, to: 2 * sp.asin(sp.sqrt(to(_about((1 - x) / 2)))),
    ),
    sp.asin: _one_by_one(lambda x, to: sp.atan2(to(x), sp.sqrt(to(_about(1 - x**2))))),
    sp.atanh: _one_by_one(
        lambda x, to: log1p(to(_about(2 * x / (1 - x)))) / 2,
        lambda x, to: sp.log(to(1 + x) / to(_about(1 - x))) / 2,
    ),
}
