"""Algebra on kernels: rational manipulation with every exponential, sine, root … held as a letter.

Computer algebra would tear e^(199 t²/20) into the 398th power of e^(t²/40) and then factor polynomials of that degree.
Here a kernel is a letter; kernels whose arguments are small multiples of each other share one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import sympy as sp

from symsched.codegen.stable.rounding import u
from symsched.exact import MAX_DEGREE, canonical, has_root_of_large_degree, within
from symsched.symbols import t

STEEP = 24  # a larger power is not multiplied out: t^200 is no polynomial of degree 200, but a kernel

LONG = 120  # operations from which algebra is given a ceiling
CALLS = 300_000


def is_steep(expr: sp.Expr) -> bool:
    """Whether it is a power whose polynomial would have too many terms, or whose root too large a degree."""
    if not expr.is_Pow or isinstance(expr, sp.exp) or not expr.exp.is_Rational or not expr.base.free_symbols:
        return False
    return bool(max(abs(expr.exp.p), expr.exp.q) > STEEP)


def expanded(expr: sp.Expr, **hints: bool) -> sp.Expr:
    """Multiplied out, but for steep powers, which stay as they are."""
    letters = {p: sp.Dummy(positive=True) for p in expr.atoms(sp.Pow) if is_steep(p)}
    found = bounded(partial(sp.expand, **hints), expr.xreplace(letters))
    return found.xreplace({letter: power for power, letter in letters.items()})


def bounded(change: Callable[[sp.Expr], sp.Expr], expr: sp.Expr) -> sp.Expr:
    """The changed expression; a long one as it is, where the change takes more than `CALLS` calls."""
    if expr.count_ops() <= LONG:
        return change(expr)
    found = within(CALLS, partial(change, expr))
    return expr if found is None else found


def _held(expr: sp.Expr, letters: dict[sp.Expr, sp.Expr]) -> sp.Expr:
    """`expr` with its outermost kernels, irrational constants among them, replaced.

    `letters` is filled with kernel -> letter (or power of one)."""
    if expr.is_Atom:
        return expr
    if expr.is_Add or expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer and not is_steep(expr)):
        return expr.func(*[_held(a, letters) for a in expr.args])
    if not expr.free_symbols and not expr.is_positive:
        return expr
    if expr not in letters:
        letters[expr] = _related(expr, letters) or sp.Dummy(f"k{len(letters)}", positive=True)
    return letters[expr]


def _related(expr: sp.Expr, letters: dict[sp.Expr, sp.Expr]) -> sp.Expr | None:
    """A power of a letter that is already there: e^(2x) = (e^x)², x^(3/2) = (√x)³."""
    for other, letter in letters.items():
        if not letter.is_Symbol or other.func != expr.func:
            continue
        if isinstance(expr, sp.exp) or (expr.is_Pow and expr.base == other.base):
            ratio = sp.cancel(expr.exp / other.exp)
        else:
            continue
        apart = expr.exp - other.exp
        if is_steep(expr) and apart.is_Integer and abs(apart) <= STEEP:
            return letter * expr.base**apart
        if ratio.is_Integer and abs(ratio) <= 6:
            return letter**ratio
    return None


def with_letters(change: Callable[[sp.Expr], sp.Expr], expr: sp.Expr) -> sp.Expr:
    """`change` applied while kernels are letters."""
    letters: dict[sp.Expr, sp.Expr] = {}
    # Smaller kernels first, so that larger ones are their powers.
    for kernel in sorted(_kernels(expr), key=lambda k: (k.count_ops(), abs_coefficient(k), sp.default_sort_key(k))):
        _held(kernel, letters)
    back = {letter: kernel for kernel, letter in letters.items() if letter.is_Symbol}
    held = _held(expr, letters)
    return change(held).xreplace(back)


def abs_coefficient(kernel: sp.Expr) -> sp.Expr:
    """The size of the number in front of a kernel's argument."""
    inner = kernel.exp if kernel.is_Pow else kernel.args[0]
    return abs(inner.as_coeff_Mul()[0])


def _kernels(expr: sp.Expr) -> set[sp.Expr]:
    letters: dict[sp.Expr, sp.Expr] = {}
    _held(expr, letters)
    return set(letters)


def reduced(expr: sp.Expr) -> sp.Expr:
    """The reduced quotient."""
    return bounded(partial(with_letters, canonical), expr)


def joined(expr: sp.Expr) -> sp.Expr:
    """One quotient, not reduced."""
    return bounded(partial(with_letters, sp.together), expr)


def factored(expr: sp.Expr) -> sp.Expr:
    """The quotient of products of factors."""
    return bounded(partial(with_letters, sp.factor), expr)


def in_factors(expr: sp.Expr) -> sp.Expr:
    """A product of factors of polynomials in all that stands in it, or in kernels, where powers are steep."""
    return factored(expr) if expr.find(is_steep) else bounded(sp.factor, expr)


def simplified(expr: sp.Expr) -> sp.Expr:
    """As short as SymPy gets it; where powers are steep, the reduced quotient."""
    steep = has_root_of_large_degree(expr) or bool(expr.find(lambda e: is_steep(e) or _hides_a_power(e)))
    return reduced(expr) if steep else bounded(sp.simplify, expr)


def _hides_a_power(expr: sp.Expr) -> bool:
    """n log f, which SymPy reads as the logarithm of the polynomial f^n."""
    return bool(expr.is_Mul and expr.args[0].is_Rational and abs(expr.args[0].p) > MAX_DEGREE and expr.has(sp.log))


def paired(form: sp.Expr) -> sp.Expr:
    """1 − t and t − 1 written as ±u, 1 − u as t, and so on."""
    short = {1 - t: u, t - 1: -u, 1 - u: t, u - 1: -t, 2 - u: 1 + t, 2 - t: 1 + u}
    return form.replace(lambda e: e.is_Add, lambda total: short.get(total, total))


def spread(form: sp.Expr, rational: bool = False) -> sp.Expr:
    """c x (a y + b) as x ((c a) y + c b): c is folded, a rounding or two are gone.

    Where an irrational constant is in it, nothing was exact before; if `rational`, elsewhere too."""
    return form.replace(lambda e: e.is_Mul, lambda product: _spread(product, rational))


def _spread(product: sp.Mul, rational: bool) -> sp.Expr:
    constant, moving = product.as_independent(*product.free_symbols, as_Add=False)
    sums = [factor for factor in sp.Mul.make_args(moving) if factor.is_Add]
    if len(sums) != 1 or constant in (1, -1):
        return product
    numbers = [term.as_independent(*term.free_symbols, as_Add=False)[0] for term in sums[0].args]
    moves = [abs(n) for n, term in zip(numbers, sums[0].args, strict=True) if term.free_symbols]
    if moves.count(1) > 1 or not (rational or any(not n.is_Rational for n in (constant, *numbers))):
        return product
    return moving / sums[0] * sp.expand_mul(constant * sums[0], deep=False)
