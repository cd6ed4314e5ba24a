"""As a person would write it: the shortest of several equal forms, for 0 < t < 1.

From the inside out, every part of a formula is written anew:

- *sums and quotients* as reduced quotients, factored, with sin² + cos² = 1 used either way, and κ + 1 kept together;
- *roots and |f|* of products as products of roots of what is positive on (0, 1): √(t²/(1−t)² + 1) is
  √(2t² − 2t + 1)/(1 − t);
- *inverse functions* where they meet their function in its principal range, atan(tan(πt/2)) is πt/2, or where another
  inverse function is shorter, atan(√t/√(1−t)) is asin(√t).

What comes out is decided to equal what went in, or what went in is given back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cmp_to_key, lru_cache, partial

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.trigonometric import InverseTrigonometricFunction, TrigonometricFunction
from sympy.polys.polyerrors import BasePolynomialError
from sympy.utilities.iterables import uniq

from symsched.errors import InputError, UndecidedError
from symsched.exact.balls import enclose
from symsched.exact.budget import remembered, within
from symsched.exact.generators import canonical, has_root_of_large_degree
from symsched.exact.points import admissible
from symsched.exact.signs.proof import sign_on_unit
from symsched.exact.zero import decide_zero, expansion
from symsched.symbols import t

SHORT, LONG = 45, 120  # operations up to which a form is written anew at once, and within a budget
WIDE = 80  # terms multiplied out, up to which quotients are reduced
STEEPEST = 64  # powers of which are not multiplied out
BITS = 256
HIDDEN, APART = 12, 3  # characters
BETTER = 1.25
PASSES = 3
CALLS, DECISION = 1_000_000, 1_000_000  # of Python functions; about three seconds each
BROKEN = (BasePolynomialError, NotImplementedError, RecursionError, UndecidedError, InputError, ArithmeticError)
OPAQUE = (AppliedUndef, sp.Derivative, sp.Integral, sp.Sum, sp.Product, sp.Subs, sp.Piecewise, sp.Limit)


@remembered(maxsize=2048)
def neat(expr: sp.Expr) -> sp.Expr:
    """The shortest equal form that is found within a budget; the expression itself where there is none."""
    sums = rooted_sums(expr)
    letters = _letters(expr.xreplace(sums))
    short = _turned(expr.xreplace(sums).xreplace(letters))
    for _ in range(PASSES):
        found = _once(short)
        if found == short:
            break
        short = found
    short = short.xreplace({letter: part for part, letter in letters.items()})
    return put_as_it_is(short, {letter: total for total, letter in sums.items()})


def rooted_sums(*exprs: sp.Expr) -> dict[sp.Expr, sp.Symbol]:
    """Letters for sums such as 80^(1/7) (1 − t) + …: when it makes a power of a polynomial with such numbers, SymPy
    looks for its roots, for a second each."""
    totals = {total for expr in exprs for total in expr.atoms(sp.Add) if total.has(t) and has_root(total)}
    inner = [total for total in sorted(totals, key=sp.default_sort_key) if not total.atoms(sp.Add) & totals - {total}]
    return {total: sp.Dummy(f"s{k}", positive=True) for k, total in enumerate(inner) if _proved_side(total) > 0}


def put_as_it_is(expr: sp.Expr, parts: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """With sums in the places of letters, nothing evaluated or asked about the powers and functions around them."""
    if expr in parts:
        return parts[expr]
    if not parts or not expr.has(*parts):
        return expr
    args = [put_as_it_is(arg, parts) for arg in expr.args]
    flat = expr.is_Add or expr.is_Mul
    if not isinstance(expr, (sp.Add, sp.Mul, sp.Pow, sp.Function)) or (flat and any(arg in parts for arg in expr.args)):
        return expr.func(*args)  # a sum in a sum is one sum
    if flat:
        args = sorted(args, key=cmp_to_key(sp.Basic.compare))  # as SymPy keeps them
    return expr.func(*args, evaluate=False)


def _turned(expr: sp.Expr) -> sp.Expr:
    """With angles multiplied out, in which SymPy sees quarter turns: cos(π (½ − t)) is sin(πt)."""
    return expr.replace(
        lambda part: isinstance(part, TrigonometricFunction), lambda part: part.func(sp.expand_mul(part.args[0]))
    )


def _letters(expr: sp.Expr) -> dict[sp.Expr, sp.Symbol]:
    """Letters for α(t), its derivatives, cos(π/252) and its like: what holds for all numbers holds for them.

    So for 80^(1/7) where it is added to something, of which SymPy would look for the minimal polynomial.
    """
    parts = expr.atoms(sp.Derivative, AppliedUndef)
    if not expr.has(InverseTrigonometricFunction):  # of which balls will ask for points where they are defined
        parts |= {f for f in expr.atoms(sp.Function) if f.is_number and not isinstance(f, sp.exp)}
    if any(total.free_symbols and has_root(total) for total in expr.atoms(sp.Add)):
        parts |= {p for p in expr.atoms(sp.Pow) if p.is_number and not p.exp.is_Integer}
    known = [p for p in sorted(parts, key=sp.default_sort_key) if p.is_positive or not p.is_number]
    facts = ({"positive": True} if p.is_positive else {"real": True} for p in known)
    return {p: sp.Dummy(f"f{k}", **fact) for k, (p, fact) in enumerate(zip(known, facts, strict=True))}


def _once(expr: sp.Expr) -> sp.Expr:
    if not expr.args or expr.has(*OPAQUE) or not expr.is_commutative:
        return expr
    operations = expr.count_ops()
    if operations > LONG:
        return expr
    found = _at_the_top(expr) if operations > SHORT or expr.has(sp.exp) else expr
    if found == expr:
        found = _both(expr) if operations <= SHORT else within(CALLS, partial(_both, expr))
    if found is None or found == expr or _shortest(expr, found) == expr:
        return expr
    return found if _defined_as_far(expr, found) and _equal(expr, found) else expr


def _at_the_top(expr: sp.Expr) -> sp.Expr:
    """The best that a budget allows with the whole reduced at once: one part after the other would take long."""
    found: list[sp.Expr] = []

    def reduce() -> bool:
        kernels = _with_parts(expr, partial(_kernel, apart=False), lambda total: total)
        lettered, back = _lettered(_joined(kernels))
        for form in uniq(_rational_forms(lettered)):
            shown = _oriented(form.xreplace(back))
            found.append(shown)
            if _has_moving_power(shown):
                found.append(_oriented(_met(shown, apart=False)))
        return True

    within(CALLS, reduce)
    return _shortest(expr, *found)


def _joined(expr: sp.Expr) -> sp.Expr:
    """With sines and cosines for tangents, and one exponential for a product of several."""
    expr = expr.replace(sp.tan, lambda angle: sp.sin(angle) / sp.cos(angle))
    return sp.powsimp(expr, combine="exp", deep=True) if len(expr.atoms(sp.exp)) > 1 else expr


def has_root(total: sp.Expr) -> bool:
    """Whether there are numbers such as 80^(1/7) in it."""
    return any(p.exp.is_Rational and p.exp.q > 2 and p.is_number for p in total.atoms(sp.Pow))


@lru_cache(maxsize=8192)
def length(expr: sp.Expr) -> tuple[int, int]:
    """What it takes to write a form: its characters, then its operations; a root √(t − t²) that hides where it
    vanishes, and loses its digits there, counts as more than √t √(1 − t)."""
    hidden = sum(_hides_an_end(power.base) for power in expr.atoms(sp.Pow) if not power.exp.is_Integer)
    apart = sum(map(_has_a_factor, expr.atoms(sp.Add)))
    return len(str(expr)) + HIDDEN * hidden + APART * apart, int(expr.count_ops())


def _has_a_factor(total: sp.Expr) -> bool:
    """Whether 3 − 3t or t − t² could be written as a product."""
    numbers, parts = zip(*(term.as_coeff_Mul() for term in total.args), strict=True)
    if all(number.is_Integer for number in numbers) and sp.igcd(*numbers) > 1:
        return True
    first, *others = ({f.as_base_exp()[0] for f in sp.Mul.make_args(part)} - {sp.S.One} for part in parts)
    return bool(first.intersection(*others))


def _hides_an_end(base: sp.Expr) -> bool:
    return base.is_Add and base.is_polynomial(t) and base.subs(t, 0) == 0


def _equal(one: sp.Expr, other: sp.Expr) -> bool:
    """Decided exactly.  Inverse functions are gone from the derivatives of what is left of both: where these are
    decided to be equal in every letter, whatever numbers such as cos(π/252) are, the two differ by a constant, and
    balls say at points that it is 0."""
    one, other = (form.replace(lambda part: isinstance(part, sp.Abs), _without_abs) for form in (one, other))
    if one.has(InverseTrigonometricFunction):
        gap = one - other
        numbers = {f: sp.Dummy(positive=True) for f in gap.atoms(sp.Function) if f.is_number and f.is_positive}
        slopes = (gap.diff(letter).xreplace(numbers) for letter in sorted(gap.free_symbols, key=sp.default_sort_key))
        return _agree(one, other) and all(decide_zero(slope).zero for slope in slopes)
    return bool(within(DECISION, lambda: decide_zero(one - other).zero))


def _defined_as_far(one: sp.Expr, other: sp.Expr) -> bool:
    """Whether `other` has a value where a letter is 0 and `one` has: q/qᵗ has none at q = 0, where q^(1 − t) is 0."""
    source = random.Random(0)
    letters = sorted(other.free_symbols, key=sp.default_sort_key)
    for zero in (letter for letter in letters if letter != t and letter.is_zero is None):
        point = {letter: admissible(letter, source, 0.0) for letter in letters} | {zero: sp.S.Zero}
        if None in point.values() or not _has_value(one, point):
            continue
        if not _has_value(other, point):
            return False
    return True


def _has_value(form: sp.Expr, point: dict[sp.Expr, sp.Expr]) -> bool:
    try:
        return bool(enclose(form, point, bits=BITS).is_finite())
    except InputError:  # no ball is known for a part of it
        return False


def _agree(one: sp.Expr, other: sp.Expr) -> bool:
    functions = {f: sp.Dummy(positive=True) for f in one.atoms(AppliedUndef) | other.atoms(AppliedUndef)}
    one, other = one.xreplace(functions), other.xreplace(functions)
    letters = sorted(one.free_symbols | other.free_symbols, key=sp.default_sort_key)
    seen = 0
    for k in range(1, 6):
        point = {letter: sp.Rational(2 * k + 1, 13 + 2 * i) for i, letter in enumerate(letters)}
        gap, size = (enclose(form, point, bits=BITS) for form in (one - other, one))
        if not gap.is_finite():
            continue
        if not gap.contains(0):
            return False
        seen += gap.rad() < (1 + abs(size).upper()) * arb(2) ** (-BITS // 2)
    return seen >= 3


def _shortest(given: sp.Expr, *forms: sp.Expr) -> sp.Expr:
    """The shortest of the forms, which are reduced; what is given has to be a good deal shorter."""
    best = min(forms, key=length, default=given)
    return given if length(given)[0] * BETTER < length(best)[0] else best


def _both(expr: sp.Expr) -> sp.Expr:
    """With roots of products as one, and apart."""
    return min((_written(expr, apart) for apart in (False, True)), key=length)


@remembered(maxsize=4096)
def _written(expr: sp.Expr, apart: bool) -> sp.Expr:
    """Every part written anew, from the inside out; roots of products `apart`, or where something comes out of them."""
    if not expr.args or isinstance(expr, OPAQUE):
        return expr
    if expr.is_Add or expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer):
        return _quotient(_with_parts(expr, partial(_kernel, apart=apart), partial(_quotient, apart=apart)), apart)
    return _kernel(expr, apart)


def _with_parts(expr: sp.Expr, write: Callable[[sp.Expr], sp.Expr], total: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """A rational function with its kernels written anew, and the sums in its products too."""
    if expr.is_Add or expr.is_Mul:
        return expr.func(*(_part(part, write, total) for part in expr.args))
    if expr.is_Pow and expr.exp.is_Integer:
        return _part(expr.base, write, total) ** expr.exp
    return write(expr)


def _part(expr: sp.Expr, write: Callable[[sp.Expr], sp.Expr], total: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    new = _with_parts(expr, write, total)
    return total(new) if expr.is_Add else new


def _kernel(expr: sp.Expr, apart: bool) -> sp.Expr:
    """What is no sum, product or whole power."""
    if not expr.args or isinstance(expr, OPAQUE):
        return expr
    new = expr.func(*(_written(part, apart) for part in expr.args))
    if isinstance(new, sp.Abs):
        new = _without_abs(new)
    elif isinstance(new, InverseTrigonometricFunction):
        new = _inverse(new, apart)
    elif isinstance(new, TrigonometricFunction):
        new = new.func(sp.expand_mul(new.args[0]))
    if new.is_Pow and not new.exp.is_Integer and new.base.free_symbols:
        new = _power(new.base, new.exp, apart)
    return new


# -- roots --------------------------------------------------------------------------------------------------------


def side(expr: sp.Expr) -> int:
    """1 or −1 if the expression is shown to be positive or negative on (0, 1); else 0."""
    if not expr.is_Add:
        if expr.is_positive or expr.is_negative:
            return 1 if expr.is_positive else -1
        return _proved_side(expr) if expr.free_symbols else 0
    if all(part.is_positive for part in expr.args):
        return 1
    algebraic = any(part.is_number and not part.is_Rational for part in expr.atoms(sp.Pow, TrigonometricFunction))
    return 0 if algebraic else _proved_side(expr)


@lru_cache(maxsize=4096)
def _proved_side(expr: sp.Expr) -> int:
    try:
        sign = sign_on_unit(expr, balls=False)
    except BROKEN:
        return 0
    return {"positive": 1, "negative": -1}.get(sign.value, 0)


def _power(base: sp.Expr, exponent: sp.Expr, apart: bool) -> sp.Expr:
    """base^exponent as a product of powers of what is positive; what is not known to be stays together."""
    done, left = [], []
    for factor in sp.Mul.make_args(_factored(base, exponent, apart)):
        inner, power = factor.as_base_exp()
        way = side(inner)
        if way and power.is_Rational:
            done.append((way * inner) ** (power * exponent))
            left += [sp.S.NegativeOne] * (way < 0 and not power.is_even)
        elif inner.is_positive:
            done.append(inner ** (power * exponent))
        else:
            left.append(factor)
    return sp.Mul(*done) * sp.Mul(*left) ** exponent


def _factored(base: sp.Expr, exponent: sp.Expr, apart: bool) -> sp.Expr:
    """In factors, where one of them comes out of the root or all are wanted `apart`."""
    if not base.is_Add or not exponent.is_Rational:
        return base
    for form in _quotient_forms(base, apart):
        factors = [f.as_base_exp() for f in sp.Mul.make_args(form) if f.free_symbols]
        comes_out = any((power * exponent).is_Integer for _, power in factors)
        if form.is_Mul and (apart or comes_out or all(inner in (t, 1 - t) for inner, _ in factors)):
            return form
    return base


def _without_abs(expr: sp.Abs) -> sp.Expr:
    done = []
    for factor in sp.Mul.make_args(expr.args[0]):
        inner, power = factor.as_base_exp()
        way = side(inner)
        done.append((way * inner) ** power if way else sp.Abs(factor))
    return sp.Mul(*done)


# -- sums and quotients -------------------------------------------------------------------------------------------


def _quotient(expr: sp.Expr, apart: bool) -> sp.Expr:
    """The shortest form of a rational function of kernels."""
    return _shortest(expr, *_quotient_forms(expr, apart))


def _quotient_forms(expr: sp.Expr, apart: bool) -> Iterator[sp.Expr]:
    if not (expr.is_Add or expr.is_Mul or expr.is_Pow):
        return
    if not expr.free_symbols:
        yield sp.factor_terms(expr)
        return
    expr = _joined(expr)
    if expr.is_Add and (joined := _one_logarithm(expr, apart)) != expr:
        yield joined
        expr = joined
    lettered, back = _lettered(expr)
    waves = {f: sp.Dummy() for f in lettered.atoms(sp.sin, sp.cos)}
    if lettered.count_ops() > LONG or expansion(lettered.xreplace(waves)) > WIDE or has_root_of_large_degree(lettered):
        yield sp.factor_terms(expr)
        return
    for form in uniq(_rational_forms(lettered)):
        shown = _oriented(form.xreplace(back))
        yield shown
        if _has_moving_power(shown):
            yield _oriented(_met(shown, apart))


def _lettered(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """With letters for roots, functions and irrational numbers, so that only polynomials are left: t is (√t)²."""
    put: dict[sp.Expr, sp.Expr] = {}
    roots: dict[sp.Expr, int] = {}
    for power in expr.atoms(sp.Pow):
        if power.exp.is_Rational and not power.exp.is_Integer and power.base.free_symbols:
            roots[power.base] = sp.ilcm(roots.get(power.base, 1), power.exp.q)
    letters = {base: sp.Dummy(positive=True) for base, q in roots.items() if q <= STEEPEST}
    powers, units = _powers_of_one(expr)

    def letter(part: sp.Expr) -> sp.Expr:
        base, power = part.as_base_exp()
        if base in letters and power.is_Rational and (base.is_Symbol or not power.is_Integer):
            return letters[base] ** (power * roots[base])
        if part.is_Rational or (not part.args and not part.is_NumberSymbol):
            return part
        if part in powers:
            return powers[part]
        if part.is_Function and not isinstance(part, (sp.sin, sp.cos)):  # SymPy would turn their arguments round
            return put.setdefault(part, sp.Dummy(positive=True) if part.is_positive else sp.Dummy(real=True))
        if part.is_number and not part.is_Add and not part.is_Mul and not (part.is_Pow and part.exp.is_Integer):
            return put.setdefault(part, sp.Dummy(positive=True) if part.is_positive else sp.Dummy(real=True))
        return part

    lettered = _with_parts(expr, letter, lambda total: total)
    back = {letter: part for part, letter in put.items()} | units
    return lettered, back | {letter: base ** sp.Rational(1, roots[base]) for base, letter in letters.items()}


def _powers_of_one(expr: sp.Expr) -> tuple[dict[sp.Expr, sp.Expr], dict[sp.Expr, sp.Expr]]:
    """exp(2f − g) as letters, a²/b, one for each term of an exponent: to SymPy exp(199t²/20) has degree 199.

    The letters by part, and what they stand for.
    """
    powers: dict[sp.Expr, dict[sp.Expr, sp.Expr]] = {}  # exponents that move, by base, by part
    for part in sorted(expr.atoms(sp.exp, sp.Pow), key=sp.default_sort_key):
        base, exponent = part.as_base_exp()
        if exponent.free_symbols:
            powers.setdefault(base, {})[part] = exponent
    terms: dict[tuple[sp.Expr, sp.Expr], list[sp.Rational]] = {}  # multiples of (base, what moves in the exponent)
    split: dict[sp.Expr, list[tuple[sp.Rational, tuple[sp.Expr, sp.Expr]]]] = {}
    for base, exponents in powers.items():
        multiples = _multiples(list(exponents.values()))
        for part, exponent in exponents.items():
            parts = multiples.get(exponent) or map(_multiple, sp.Add.make_args(sp.expand(exponent)))
            split[part] = [(number, (base, of)) for number, of in parts]
            for number, key in split[part]:
                terms.setdefault(key, []).append(number)
    unit = {key: sp.gcd_list([abs(number) for number in numbers]) for key, numbers in terms.items()}
    whole = {key: base ** (unit[key] * moving) for key in terms for base, moving in [key]}
    letters = {key: sp.Dummy(positive=True) if form.is_positive else sp.Dummy(real=True) for key, form in whole.items()}
    found = {part: sp.Mul(*(letters[key] ** (number / unit[key]) for number, key in of)) for part, of in split.items()}
    return found, {letters[key]: form for key, form in whole.items()}


def _multiple(term: sp.Expr) -> tuple[sp.Rational, sp.Expr]:
    number, of = term.as_coeff_Mul()
    return (number, of) if number.is_Rational else (sp.S.One, term)


def _multiples(exponents: list[sp.Expr]) -> dict[sp.Expr, list[tuple[sp.Rational, sp.Expr]]]:
    """What each is of the shortest of them, if all are sums and rational multiples of one another."""
    shown = min(exponents, key=length)
    whole = sp.expand(shown)
    number, term = sp.Add.make_args(whole)[0].as_coeff_Mul()
    if number.is_negative:
        number, shown, whole = -number, -shown, -whole
    found = {}
    for exponent in exponents:
        own = sp.expand(exponent)
        ratio = own.coeff(term) / number
        if not own.is_Add or not ratio.is_Rational or sp.expand(own - ratio * whole) != 0:
            return {}
        found[exponent] = [(ratio, shown)]
    return found


def _one_logarithm(total: sp.Expr, apart: bool) -> sp.Expr:
    """log a − 2 log b as log(a/b²), and c log a² as 2c log a; for a, b > 0."""
    found: list[tuple[sp.Expr, sp.Expr]] = []  # the number before, and what is under the logarithm
    left = []
    for term in total.args:
        logs = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.log) and f.free_symbols]
        if len(logs) != 1 or side(logs[0].args[0]) <= 0:
            left.append(term)
            continue
        number, inside = term / logs[0], logs[0].args[0]
        for k, (other, under) in enumerate(found):
            ratio = sp.cancel(number / other)
            if ratio.is_Integer or (1 / ratio).is_Integer:
                whole = ratio.is_Integer
                found[k] = (other, under * inside**ratio) if whole else (number, inside * under ** (1 / ratio))
                break
        else:
            found.append((number, inside))
    if len(found) + len(left) == len(total.args):
        return total
    joined = []
    for number, inside in found:
        base, power = _written(inside, apart).as_base_exp()
        joined.append(number * power * sp.log(base) if side(base) > 0 else number * sp.log(inside))
    return sp.Add(*left, *joined)


def _rational_forms(expr: sp.Expr) -> Iterator[sp.Expr]:
    try:
        reduced = canonical(expr)
        yield reduced
        factored = sp.factor(reduced)
        yield factored
        yield sp.factor_terms(reduced)
        yield from _trigonometric(factored)
        for total in (form for form in (expr, reduced) if form.is_Add):
            yield from (sp.collect(total, letter) for letter in sorted(total.free_symbols, key=str))
        for letter in reduced.free_symbols:
            if letter.is_nonnegative and letter != t and not isinstance(letter, sp.Dummy):
                yield from _collected(factored, letter)
    except BROKEN:
        return


def _collected(expr: sp.Expr, letter: sp.Symbol) -> Iterator[sp.Expr]:
    """With κ + 1 kept together, in the numerator and in the denominator."""
    one_more = sp.Dummy(positive=True)

    def collect(total: sp.Expr) -> sp.Expr:
        moved = sp.expand(total.subs(letter, one_more - 1))
        return min(total, sp.collect(moved, one_more).subs(one_more, letter + 1), key=length)

    yield expr.replace(lambda e: e.is_Add and e.has(letter) and e.is_polynomial(letter), collect)


def _trigonometric(expr: sp.Expr) -> Iterator[sp.Expr]:
    """With tangents, with the sine of the double angle, and with sin² as 1 − cos² and the other way round."""
    angles = {f.args[0] for f in expr.atoms(sp.sin, sp.cos)}
    for angle in sorted(angles, key=sp.default_sort_key):
        s, c = sp.sin(angle), sp.cos(angle)
        ratio = sp.Dummy()  # the tangent; the sine of the double angle
        yield canonical(expr.xreplace({s: ratio * c})).xreplace({ratio: sp.tan(angle)})
        yield canonical(expr.xreplace({c: ratio / (2 * s)})).xreplace({ratio: sp.sin(2 * angle)})
        parts = [[part] for part in sp.fraction(expr)]
        for of, by in ((s, c), (c, s)):
            for forms in parts:
                forms.append(sp.factor(canonical(_reduced_squares(forms[0], of, 1 - by**2))))
        numerator, denominator = (min(forms, key=length) for forms in parts)
        yield numerator / denominator


def _reduced_squares(expr: sp.Expr, of: sp.Expr, square: sp.Expr) -> sp.Expr:
    """f^(2n + k) as square^n f^k."""
    return expr.replace(
        lambda e: e.is_Pow and e.base == of and e.exp.is_Integer and abs(e.exp) > 1,
        lambda e: square ** int(e.exp / 2) * of ** (e.exp - 2 * int(e.exp / 2)),
    )


def _oriented(expr: sp.Expr) -> sp.Expr:
    """Factors that are negative on (0, 1) turned round, so that roots of 1 − t meet 1 − t and not t − 1."""
    if expr.is_Add:
        return sp.Add(*map(_oriented, expr.args))
    sign = 1
    done: list[sp.Expr] = []
    open_: list[sp.Expr] = []
    for factor in sp.Mul.make_args(expr):
        inner, power = factor.as_base_exp()
        way = side(inner) if inner.is_Add and power.is_Integer else 1
        if way < 0:
            inner, sign = -inner, -sign if power.is_odd else sign
        (done if way or power != 1 else open_).append(inner**power)
    if sign < 0 and open_:
        open_[0], sign = -open_[0], 1
    return sign * sp.Mul(*done, *open_)


def _has_moving_power(expr: sp.Expr) -> bool:
    """Whether there are powers that SymPy does not bring together by itself."""
    return any(power.exp.free_symbols for power in expr.atoms(sp.Pow, sp.exp))


def _met(expr: sp.Expr, apart: bool) -> sp.Expr:
    """With powers of one base brought together, and their exponents written anew."""
    joined = sp.powsimp(expr, combine="exp", deep=True)
    if joined.has(sp.exp):
        joined = sp.powsimp(joined.replace(lambda e: e.is_Add and e.has(sp.exp), _one_out), combine="exp", deep=True)
    return joined.replace(
        lambda e: (e.is_Pow or isinstance(e, sp.exp)) and bool(e.exp.free_symbols),
        lambda e: e.base ** _written(e.exp, apart) if e.is_Pow else sp.exp(_written(e.exp, apart)),
    )


def _one_out(total: sp.Expr) -> sp.Expr:
    """exp(f) (1 − exp(g − f)) for exp(f) − exp(g), whichever of the two comes out."""
    powers = [sp.Mul(*(f for f in sp.Mul.make_args(term) if isinstance(f, sp.exp))) for term in total.args]
    if not all(power.free_symbols for power in powers):
        return total
    ways = [(power, sp.Add(*(sp.powsimp(term / power, combine="exp") for term in total.args))) for power in powers]
    return sp.Mul(*min(ways, key=lambda way: length(way[1])))


# -- inverse functions --------------------------------------------------------------------------------------------


def _inverse(expr: sp.Expr, apart: bool) -> sp.Expr:
    """asin, acos or atan, whichever is shorter; or the angle itself."""
    value = expr.args[0]
    angle = _angle(expr.func, value)
    if angle is not None:
        return angle
    squared = value**2
    if value.has(TrigonometricFunction) or not value.free_symbols:
        return expr
    if isinstance(expr, sp.atan) and side(value) > 0:
        return min(expr, sp.asin(_written(value / sp.sqrt(1 + squared), apart)), key=length)
    elif isinstance(expr, sp.asin) and side(value) > 0 and side(1 - squared) > 0:
        return min(expr, sp.atan(_written(value / sp.sqrt(1 - squared), apart)), key=length)
    return expr


PRINCIPAL: dict[type, tuple[sp.Expr, sp.Expr]] = {
    sp.asin: (-sp.pi / 2, sp.pi / 2),
    sp.atan: (-sp.pi / 2, sp.pi / 2),
    sp.acos: (sp.S.Zero, sp.pi),
}
OF: dict[type, type] = {sp.asin: sp.sin, sp.acos: sp.cos, sp.atan: sp.tan}


def _angle(inverse: type, value: sp.Expr) -> sp.Expr | None:
    """x where `value` is the function of x and x is in the principal range."""
    if inverse not in OF:
        return None
    low, high = PRINCIPAL[inverse]
    for func in value.atoms(TrigonometricFunction):
        for angle in (func.args[0], sp.pi / 2 - func.args[0]):
            values = (OF[inverse](angle), sp.sin(angle) / sp.cos(angle) if inverse is sp.atan else None)
            if value in values and side(angle - low) > 0 and side(high - angle) > 0:
                return sp.expand(angle)
    return None
