"""Is this expression zero?  A decision, not a heuristic.

An expression is rewritten as a rational function of generators (see `generators`).  If the expanded numerator has
no terms left, only equals were put for equals, and the expression is zero wherever it is defined, provided it is
defined somewhere: so it is evaluated, as it stands, in balls at random admissible points (see `points`), and found
to be real, finite and around 0.  If a ball excludes 0, that is a *witness* that the expression is not zero, whatever
the rewriting says.  When neither happens (a relation between generators that is not known here, an expression that is
real nowhere), the answer is "undecided", never a guess.

Conventions.  All is real: a letter without assumptions is a real number, the letter t lies in (0, 1), and a power or a
logarithm of a negative number, even inside, is not defined.  An expression is zero when it is 0 at every admissible
point where it is defined, under the `hypotheses` that are told with the answer; these name each base that was not
known to be positive, and what is taken to be a finite number.  A `Float` is its exact binary value, so write 1/10 for
0.1.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef
from sympy.polys.polyerrors import BasePolynomialError

from symsched.errors import InputError, UndecidedError, clipped
from symsched.exact.binders import BINDING
from symsched.exact.budget import remembered, within
from symsched.exact.functions import TRIGONOMETRIC
from symsched.exact.generators import Generators, defined, reduce_radicals
from symsched.exact.points import admissible, known_function, value
from symsched.exact.rewriter import Rewriter
from symsched.exact.undefined import OPAQUE
from symsched.precision import alone, precision
from symsched.substitutions import substitutions
from symsched.symbols import t, unreal

MAX_EXPANSION = 400  # terms; a schedule's formula of more than that is worked on within a budget
HEAVY_CALLS = 1_000_000  # of Python functions, some 3 s; see `within`
MAX_EXPONENT = 10_000  # of a power that is multiplied out; above, not even theorems wait for it
MOST_BRANCHES = 32  # two to the fifth: five independent conditions
WITH_OWN_LETTERS = (*BINDING, sp.Subs)


WHEREVER = arb(0, "inf")  # overlaps every ball
READABLE = 500  # terms of a normal form that are put in order to be read
POINTS = 3  # at which an expression that reduces to 0 is looked at
TRIES = 24  # random points among which those are sought, and a witness
BITS, MORE_BITS = 256, 2048  # every eighth point is looked at more sharply, for near misses

NOT_REAL = (sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I)
NO_NUMBER = (sp.DiracDelta, sp.SingularityFunction, sp.Order, sp.AccumBounds, sp.Lambda, sp.MatrixExpr, sp.MatrixBase)
#: |a| is √(a²), and the others are written by it.
ROOTED = (sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside)
#: What SymPy may raise on an expression that it does not understand.
BROKEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, NotImplementedError)


#: What a real number makes something simpler of than a complex one.
COMPLEX_PARTS = (sp.re, sp.im, sp.conjugate, sp.arg, sp.Abs, sp.sign)


@dataclass(frozen=True)
class Decision:
    """Outcome of a zero test: `zero` is True, False or None (undecided); `normal_form` is what was left.

    `witness` is an enclosed value of the expression, and the point where, when it is not zero.  `hypotheses` were used
    where it is; `reason` says why it is undecided.  A `Decision` counts as true only if the expression is zero: False
    and undecided are told apart by `zero` alone.
    """

    zero: bool | None
    normal_form: sp.Expr
    witness: str | None = None
    hypotheses: tuple[str, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        return self.zero is True


@alone
def decide_zero(expr: sp.Expr, where: tuple[tuple[sp.Symbol, sp.Expr], ...] = (), bounded: bool = True) -> Decision:
    """Decide whether `expr` vanishes identically, for t in (0, 1) and other symbols within their assumptions.

    Args:
        expr: a real expression; undefined functions and their derivatives are free.
        where: symbols that stand for expressions, as pairs.
        bounded: give up, undecided, on expressions whose expansion is too much work for a formula typed by a user;
            theorems, whose authors can wait, switch this off.

    Returns a `Decision`: zero is True with normal form 0; False with a witness; None when undecided, and then the
    normal form shows what remains.

    Raises:
        InputError: not one real number: a matrix, a relation, ∞, NaN, i, a letter that is not real or does not
            commute, the root of a negative number.
    """
    admitted = _admitted(expr)
    written = substitutions(sp.Tuple(admitted, *(meant for _, meant in where)))
    return _decided(admitted, where, bounded, written)


def _admitted(expr: Any) -> sp.Expr:
    """The expression with exact numbers, if it can be a real one."""
    try:
        expr = sp.sympify(expr, strict=True)
    except (sp.SympifyError, *BROKEN) as error:
        kind = type(expr).__name__
        raise InputError(f"cannot decide {clipped(expr)} ({kind}): expected a SymPy expression") from error
    if not isinstance(expr, sp.Expr) or isinstance(expr, NO_NUMBER):
        raise InputError(f"cannot decide {clipped(expr)} ({type(expr).__name__}): expected one real expression")
    parts = list(parts_of(expr))
    for part in parts:
        if part in NOT_REAL:
            raise InputError(f"cannot decide {clipped(expr)}: expected a finite real expression")
        if _mixes(part):
            raise InputError(f"cannot decide {clipped(expr)}: {part} does not commute; expected real numbers")
    for part in parts:
        if isinstance(part, NO_NUMBER):
            raise InputError(
                f"cannot decide {clipped(expr)}: {clipped(part)} is not a number; expected a real expression"
            )
        if isinstance(part, (sp.Symbol, AppliedUndef)) and (why := unreal(part)):
            raise InputError(f"cannot decide {clipped(expr)}: {part} is {why}; expected real letters")
    exact = {number: sp.Rational(number) for number in expr.atoms(sp.Float)}
    return expr.xreplace({**exact, sp.GoldenRatio: (1 + sp.sqrt(5)) / 2})


def parts_of(expr: sp.Basic) -> Iterator[sp.Basic]:
    """All parts of an expression, but for infinite bounds of integrals and sums."""
    left = [expr]
    while left:
        part = left.pop()
        yield part
        bounds = isinstance(part, (sp.Tuple, sp.Limit))
        left += [arg for arg in part.args if not (bounds and arg in (sp.oo, -sp.oo))]


def _mixes(part: sp.Basic) -> bool:
    """Whether it is here that the order of factors begins to matter (SymPy says so of every `Limit`, for nothing)."""
    if part.is_commutative is not False or isinstance(part, (sp.Add, sp.Mul, sp.Limit)):
        return False
    return all(arg.is_commutative is not False for arg in part.args)


@remembered(maxsize=4096)
def _decided(
    expr: sp.Expr, where: tuple[tuple[sp.Symbol, sp.Expr], ...], bounded: bool, _written: Any = ()
) -> Decision:
    """`_written` tells apart what SymPy takes for equal."""
    try:
        powers = sp.Tuple(expr, *(meant for _, meant in where)).atoms(sp.Pow)
        most = max((abs(int(power.exp)) for power in powers if power.exp.is_Rational), default=1)
        if most > MAX_EXPONENT:
            return Decision(None, expr, reason=f"a power with {len(str(most))} digits in its exponent is too much work")
        if not bounded or expansion(expr) <= MAX_EXPANSION:
            return _decide_twice(expr, where)
        # A witness needs no normal form: what is not 0 is mostly seen here, at the price of a few values.
        looked = None if where else within(HEAVY_CALLS, lambda: _look(expr, Rewriter(), 0))
        if looked is not None and looked[1]:
            return Decision(False, expr, looked[1])
        found = within(HEAVY_CALLS, lambda: _decide_twice(expr, where))
        return Decision(None, expr, reason="it is too much work") if found is None else found
    except UndecidedError as error:
        return Decision(None, expr, reason=str(error))
    except InputError:
        raise
    except (BasePolynomialError, *BROKEN) as error:
        return Decision(None, expr, reason=f"SymPy broke off ({type(error).__name__})")


def expansion(expr: sp.Expr) -> float:
    """About how many terms `expr` has when multiplied out, in all its parts."""
    if not expr.args or isinstance(expr, OPAQUE):
        return 1.0
    if isinstance(expr, TRIGONOMETRIC):
        return 3.0 ** min(expansion(expr.args[0]), 12)  # 1 − T² over 1 + T², for each term of the angle
    sizes = [expansion(a) for a in expr.args]
    if isinstance(expr, ROOTED):
        return min(sum(sizes) ** 2, 1e9)
    if expr.is_Mul:
        return min(math.prod(sizes), 1e9)
    if expr.is_Pow and expr.exp.is_Integer:
        n = min(abs(int(expr.exp)), 1000)
        return float(math.comb(int(min(sizes[0], 1000)) + n - 1, n))
    return sum(sizes) if expr.is_Add else max(sum(sizes), 1.0)


def _decide_twice(expr: sp.Expr, where: tuple[tuple[sp.Symbol, sp.Expr], ...]) -> Decision:
    rewriter = Rewriter(dict(where))
    cases = _branches(expr)
    # Where each case is 0, it is left to see that one of them is met and defined somewhere.
    if cases and all(decide_zero(case, where, bounded=False) for case, _ in cases):
        known = [decide_zero(case, where, bounded=False).hypotheses for case, _ in cases]
        supposed = tuple(dict.fromkeys(h for some in known for h in some))
        return _where_defined(sp.Piecewise(*cases, evaluate=False), rewriter, supposed)
    rewriter.rewrite(expr)
    if rewriter.known.measure_angles():
        rewriter.restart()
    decision = _decide(expr, rewriter)
    if decision.zero is None and not decision.reason:  # powers met late may split the base of a radical met early
        rewriter.restart()
        decision = _decide(expr, rewriter)
    return decision


def _branches(expr: sp.Expr) -> list[tuple[sp.Expr, Any]]:
    """The cases of an expression with a few `Piecewise` in it, and their conditions, which exclude each other."""
    cases = list(islice(_cases(expr, sp.true), MOST_BRANCHES + 1))
    return [] if cases == [(expr, sp.true)] or len(cases) > MOST_BRANCHES else cases


def _cases(expr: sp.Expr, met: Any) -> Iterator[tuple[sp.Expr, Any]]:
    """What `expr` is in each way in which its conditions may be met, given those that are `met`."""
    piece = _open_piece(expr)
    if piece is None:
        yield expr, met
        return
    for branch, condition in piece.args:
        holds = sp.And(met, condition)
        if holds != sp.false:
            yield from _cases(_put(expr, piece, branch), holds)
        met = sp.And(met, sp.Not(condition))


def _open_piece(expr: sp.Basic) -> sp.Piecewise | None:
    """A `Piecewise` whose conditions are of the whole expression: not on a letter that is bound around it, of which
    SymPy's `piecewise_fold` makes a free one."""
    if isinstance(expr, sp.Piecewise):
        return expr
    found = map(_open_piece, () if isinstance(expr, WITH_OWN_LETTERS) else expr.args)
    return next((piece for piece in found if piece is not None and not _closes(expr, piece)), None)


def _put(expr: sp.Basic, piece: sp.Piecewise, branch: sp.Expr) -> sp.Basic:
    """`expr` with a branch for the piece, wherever it is open."""
    if expr == piece:
        return branch
    if not expr.args or _closes(expr, piece):
        return expr
    return expr.func(*(_put(arg, piece, branch) for arg in expr.args))


def _closes(expr: sp.Basic, piece: sp.Piecewise) -> bool:
    """Whether the cases of `piece` inside `expr` are no cases of `expr`: a slope at a jump is none of the slopes."""
    if isinstance(expr, sp.Derivative):
        return any(condition.has(*expr.variables) for _, condition in piece.args)
    return isinstance(expr, WITH_OWN_LETTERS)


def _decide(expr: sp.Expr, rewriter: Rewriter) -> Decision:
    rational, relations = rewriter.known.unify(defined(rewriter.rewrite(expr)))
    numerator, denominator = reduce_radicals(defined(rational), relations)
    if numerator == 0 or (numerator.free_symbols and sp.Poly(numerator, *numerator.free_symbols).is_zero):
        return _where_defined(expr, rewriter, tuple(rewriter.known.hypotheses))
    _, witness = _look(expr, rewriter, 0)
    short = sp.factor_terms(numerator) if len(sp.Add.make_args(numerator)) <= READABLE else numerator
    normal_form = rewriter.known.show(short / denominator)
    return Decision(None if witness is None else False, normal_form, witness)


def _where_defined(expr: sp.Expr, rewriter: Rewriter, supposed: tuple[str, ...]) -> Decision:
    """What reduces to 0, by equals for equals, is 0 if it is defined anywhere and no value says otherwise."""
    seen, witness = _look(expr, rewriter, POINTS)
    if witness is not None:
        return Decision(False, expr, witness)
    if not seen:
        return Decision(None, expr, reason="no point was found where all its parts are real and finite")
    return Decision(True, sp.S.Zero, hypotheses=(*supposed, *_taken_for_real(expr)))


def _taken_for_real(expr: sp.Expr) -> tuple[str, ...]:
    """What is said to be real by nobody, where it matters: SymPy's symbols are complex unless they are declared."""
    open_ = {leaf for part in expr.atoms(*COMPLEX_PARTS) for leaf in part.atoms(sp.Symbol, AppliedUndef)}
    return tuple(f"{leaf} is real" for leaf in sorted(open_, key=str) if leaf.is_extended_real is None)


def _look(expr: sp.Expr, rewriter: Rewriter, enough: int) -> tuple[int, str | None]:
    """At how many admissible points `expr` is defined and around 0 (no more than `enough` are looked for), and a
    value that balls prove to differ from 0 with the point where, if there is one."""
    known = rewriter.known
    leaves = {leaf: rewriter.rewrite(leaf) for leaf in _leaves(expr)}
    free = not any(written.free_symbols & known.sealed for written in leaves.values())
    source, seen = random.Random(0), 0
    if known.restricted:  # it may be otherwise where the hypotheses do not hold
        enough = 0
    for k in range(TRIES * (4 if known.restricted else 1)):
        with precision(MORE_BITS if k % 8 == 7 else BITS):
            values = _sample(known, source, 0.6 if known.restricted else 0.15)
            if values is None:
                continue
            at = {leaf: value(written, values) for leaf, written in leaves.items()}
            clipped = list[sp.Expr]()
            ball = value(expr, at, clipped)
            if not ball.is_finite():
                continue
            if ball.contains(0):  # a root is real there if its base is seen not to be negative, or is 0 everywhere
                seen += all(map(rewriter.vanishes, clipped))
            elif free and _allowed(at) and not _confused(known, values):
                return seen, f"value {ball.str(8, radius=False)}{_where(known, values)}"
        if seen and seen == enough:
            break
    return seen, None


def _leaves(expr: sp.Basic) -> set[sp.Basic]:
    """The letters of an expression, and what in it has no ball of its own."""
    if expr.is_Symbol or isinstance(expr, (*OPAQUE, *BINDING)):
        return {expr}
    own = not isinstance(expr, sp.Expr) or isinstance(expr, sp.Piecewise) or known_function(expr)
    return set().union(*map(_leaves, expr.args)) if own else {expr}


def _allowed(at: dict[sp.Basic, Any]) -> bool:
    """Whether the letters have the signs they should have: one may stand for an expression."""
    for letter, ball in at.items():
        if (letter.is_positive and not ball > 0) or (letter.is_negative and not ball < 0):
            return False
        if letter == t and not ball < 1:
            return False
    return True


def _confused(known: Generators, values: dict[sp.Dummy, Any]) -> bool:
    """Whether two generators may be one value of one function, at equal arguments that nothing showed to be equal."""
    seen: dict[Any, list[list[Any]]] = {}
    for function, orders, args in known.jets.values():
        places = [WHEREVER if known.is_sealed(arg) else value(arg, values) for arg in args]
        others = seen.setdefault((function, orders), [])
        if any(all(a.overlaps(b) for a, b in zip(places, other, strict=True)) for other in others):
            return True
        others.append(places)
    return False


def _where(known: Generators, values: dict[sp.Dummy, Any]) -> str:
    free = [d for d in values if known.meaning[d] is None and d not in known.sealed][:4]
    point = ", ".join(f"{known.shown[d]} = {values[d].str(4, radius=False)}" for d in free)
    return f" at {point}" if point else ""


def _sample(known: Generators, source: random.Random, special: float = 0.15) -> dict[sp.Dummy, Any] | None:
    """A random admissible value for each free generator, and the ball that follows for each other one; a value may be
    one of a few `special` ones with that probability."""
    values: dict[sp.Dummy, Any] = {}
    for dummy, meaning in known.meaning.items():
        if meaning is None:
            meaning = admissible(known.shown[dummy], source, special)
            if meaning is None and dummy not in known.sealed:
                raise InputError(
                    f"no real number meets what is assumed of {known.shown[dummy]}: expected a real letter"
                )
            if meaning is None:
                return None
        values[dummy] = value(meaning, values)
        if not values[dummy].is_finite():
            return None
    return values
