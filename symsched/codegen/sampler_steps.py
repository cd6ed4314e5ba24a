"""Sampler steps as weights: x(t') = X x + P p + Z z, p the data prediction E[X | x], z standard normal.

`symsched.steps.laws` has the steps; here they get forms that keep their digits.  euler_step and lazy_step hold the
drift (the second is emitted where ∫ 2ε dt is elementary), data_step the data prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sympy as sp

from symsched.codegen.lines import Lines, plain
from symsched.codegen.program import Output, Routine, kappa_last, routine
from symsched.codegen.quantities import TIME, Brief, Quantity, alpha, beta, eps, weight_symbols
from symsched.codegen.stable import (
    EDGES,
    T_NEXT,
    difference,
    evaluate,
    expm1,
    growth,
    h,
    in_factors,
    misses_zero,
    named,
    quotient,
    sample_at,
    simplified,
)
from symsched.errors import InputError, UndecidedError
from symsched.exact import decide_zero, limit_at
from symsched.precision import precision
from symsched.steps import laws
from symsched.steps.integrals import antiderivative
from symsched.symbols import kappa, t

WEIGHTS = x_weight, p_weight, z_weight = sp.symbols("x_weight p_weight z_weight")
NEXT = {sp.Symbol("t"): sp.Symbol("t_next"), sp.Symbol("u"): sp.Symbol("u_next")}
keep, ratio, grown, fallen = sp.symbols("keep ratio grown fallen")
NEVER = sp.Rational(1, 2**100)  # beside 1/log(r'/r), so that κ = 0 keeps all across an end
PAIRS = ((0.0625, 0.5), (0.25, 0.75), (0.5, 0.9375))  # from t to t'
SHORT = ((0.0625, 0.0625 + 2.0**-20), (0.5, 0.5 + 2.0**-40), (0.9375, 0.9375 + 2.0**-30))
MOST = 200.0  # ulps: a step that may lose more is not emitted


def sampler_steps(brief: Brief) -> tuple[Routine, ...]:
    """The step functions of a module."""
    made = [_euler(brief), _lazy(brief), _data(brief)]
    return tuple(f for f in made if f is not None)


# -- the three steps --------------------------------------------------------------------------------------------


def _euler(brief: Brief) -> Routine:
    exact = brief.ledger.made[eps].exact
    noise = [(z_weight, sp.S.Zero if exact == 0 else sp.sqrt(2 * plain(eps) * h))]
    summary = "drift and diffusion scale held at t (Euler-Maruyama)"
    return _held_drift(brief, "euler_step", summary, noise, [] if exact == 0 else [eps], 2 * (T_NEXT - t) * exact)


def _lazy(brief: Brief) -> Routine | None:
    """Where 2ε has an elementary integral that keeps its digits, and ε is not 0."""
    exact = brief.ledger.made[eps].exact
    summary = "drift held at t, noise exact (right in one step in a lazy schedule)"
    if brief.source_eps is None and exact != 0 and not brief.target.beta.has(t):
        return _held_drift(brief, "lazy_step", summary, *_exploding(brief))
    whole = None if exact == 0 else _variance(brief, exact)
    if whole is None:
        return None
    variance = in_factors(whole.subs(t, T_NEXT) - whole)
    forms = sorted((variance, simplified(variance.subs(T_NEXT, t + h))), key=lambda f: (f.count_ops(), f.has(t)))
    made = [
        _held_drift(brief, "lazy_step", summary, [(z_weight, sp.sqrt(plain(form)))], [], variance)
        for form in (*forms, difference(whole))
    ]
    # the shortest that keeps its digits in short steps too, where the integral is a small difference; or the best
    lost = {one: rounding_of(one, (*PAIRS, *SHORT)) for one in made}
    best = next((one for one in made if lost[one] < MOST), min(made, key=lost.__getitem__))
    return best if rounding_of(best) < MOST else None


def _exploding(brief: Brief) -> tuple[Lines, list[sp.Symbol], sp.Expr]:
    """β constant: 2ε = −κ d(α²)/dt, so that the variance is −κ α² expm1(2 log(α'/α))."""
    at = plain(kappa) if brief.kappa is None else brief.kappa
    change = plain(growth(brief.ledger.made[alpha].shape))
    after = brief.target.alpha.subs(t, T_NEXT)
    line = (z_weight, plain(alpha) * sp.sqrt(-at * expm1(2 * change)))
    return [line], [alpha], brief.shown_kappa * (brief.target.alpha**2 - after**2)


def _variance(brief: Brief, exact: sp.Expr) -> sp.Expr | None:
    """∫ 2ε dt, if it is elementary: α² + ρ² β² where the schedule is lazy for some ρ, or a rational integral."""
    if brief.source_eps is None and not exact.has(kappa):
        squares = brief.target.alpha**2, brief.target.beta**2
        rho_squared = ((2 * exact - squares[0].diff(t)) / squares[1].diff(t)).subs(t, sp.Rational(1, 3))
        lazy = squares[0] + simplified(rho_squared) * squares[1]
        if decide_zero(lazy.diff(t) - 2 * exact).zero:
            return simplified(lazy)
    if exact.has(TIME):
        return None
    try:
        return antiderivative(2 * exact)
    except (InputError, UndecidedError):
        return None


def _held_drift(
    brief: Brief, called: str, summary: str, noise: Lines, more: Sequence[sp.Symbol], variance: sp.Expr
) -> Routine:
    symbols = weight_symbols("data")
    base = routine(called, "", brief.ledger, [*symbols, *more])
    a, b = (plain(s) for s in symbols)
    step = laws.explicit().put(h=h, drift=a, rest=b)
    passed = (h, sp.Symbol("t_next") - sp.Symbol("t"))
    lines = [*base.lines, passed, (x_weight, step.state), (p_weight, step.data), *noise]
    ends = {o.name: o.ends[0] for o in base.outputs}
    # ∫ε may be finite where ε is not; where it is infinite, the form says 0·∞ at κ = 0, or ∞ − ∞
    at_start = _at_start(lines, z_weight)
    whole = at_start == sp.oo or (at_start != at_start and _diverges(variance))
    infinite = brief.ledger.made[eps].ends[0] if whole else None
    starts = [
        _mapped(ends[a.name], lambda limit: 1 + h * limit),
        _mapped(ends[b.name], lambda limit: h * limit),
        _mapped(ends.get("eps", infinite), lambda limit: sp.sqrt(2 * h * limit)),
    ]
    exact = [brief.ledger.made[s].exact * (T_NEXT - t) for s in symbols]
    return _step(called, summary, base, lines, starts, [1 + exact[0], exact[1], sp.sqrt(variance)])


def _data(brief: Brief) -> Routine | None:
    """For ε = κ ε* only.

    Of the weights, b' − b a'E/a is asked as b' − b, and b expm1(log a'E/a), of the same sign, and a'√(1 − E²) as expm1
    of log r'/r, where that keeps more digits in short steps.
    """
    if brief.source_eps is not None:
        return None
    now = routine("data_step", "", brief.ledger, (alpha, beta))
    at = plain(kappa) if brief.kappa is None else brief.kappa
    kept, added = (e.subs({laws.ratio: ratio, kappa: at}, simultaneous=True) for e in laws.retained())
    a, b, a_next, b_next = sp.symbols("alpha beta alpha_next beta_next")
    shapes = brief.ledger.made[beta].shape, brief.ledger.made[alpha].shape
    ends = {
        one: sp.Abs(one) if misses_zero(shape, end) else one
        for one, shape, end in zip((b, a_next), shapes, (0, 1), strict=True)
    }
    passed: list[tuple[sp.Symbol, sp.Expr]] = [(h, sp.Symbol("t_next") - sp.Symbol("t"))]
    rises, falls = (
        _quotient(shape, passed) if _leaves_floats(shape) else after / one
        for shape, one, after in zip(shapes, (b, a), (b_next, a_next), strict=True)
    )
    lines = [*now.lines, *_later(now.lines), *passed, *_by_growth(*shapes, at)]
    lines.append((ratio, (falls / rises).xreplace(ends)))
    if kept not in (1, ratio):  # e^−1000 is no float, and its power of κ = 0.01 is one
        lines.append((keep, sp.exp(-at * grown) if (falls / rises).has(sp.exp) else kept))
        added = added.subs(kept, keep) if added.has(kept) else 1 - keep**2
        kept = keep
    step = laws.held().put(alpha=a, beta=b, alpha_next=a_next, beta_next=b_next, kept=kept)
    state = step.state.subs(a_next, a * falls)
    far = [*lines, (x_weight, state), (p_weight, step.data.subs(step.state, x_weight))]
    far.append((z_weight, _spread(added, kept)))
    # A point mass says nothing about the noise: the first step draws it afresh.
    point_mass = brief.ledger.made[alpha].ends[0] == 0
    from_nothing = brief.ledger.made[beta].ends[0] == 0
    summary = "only the data prediction held, all else exact (DDIM for kappa = 0)"
    near = [*lines, (x_weight, state)]
    near.append((p_weight, plain(difference(shapes[0])) - b * expm1(fallen - at * grown)))
    near.append((z_weight, a_next * sp.sqrt(-expm1(-2 * at * grown))))
    made = []
    for rows in (near, far):
        # b' − b a'E/a with b = 0, which a form with a factor b alone may call 0·∞
        lost = from_nothing and any(_at_start(rows, p_weight - b_next, k) != 0 for k in (0.0, 0.75))
        starts = [sp.S.Zero, b_next, a_next] if point_mass else [None, b_next if lost else None, None]
        made.append(_step("data_step", summary, now, rows, starts, _exact_data(brief)))
    return min(made, key=lambda one: rounding_of(one, (*PAIRS, *SHORT)))


def _leaves_floats(shape: sp.Expr) -> bool:
    """Whether a level is 0 to the machine next to an end: of two of them the quotient says nothing."""
    others = {s.name: 0.8125 for s in shape.free_symbols}
    return any(evaluate(shape, others | {"t": x, "u": 1 - x}) == 0 for x in EDGES)


def _quotient(shape: sp.Expr, lines: list[tuple[sp.Symbol, sp.Expr]]) -> sp.Expr:
    def helper(form: sp.Expr) -> sp.Expr:
        known = {made: symbol for symbol, made in lines}
        if form not in known:
            known[form] = sp.Symbol(f"grows_{len(lines)}")
            lines.append((known[form], form))
        return known[form]

    return plain(quotient(shape, lambda form: helper(plain(form))))


def _by_growth(data: sp.Expr, noise: sp.Expr, at: sp.Expr) -> Lines:
    """log α'/α, and log r'/r: finite, as it is to be multiplied by a κ that may be 0."""
    whole = plain(growth(data)) - fallen
    return [(fallen, plain(growth(noise))), (grown, 1 / (1 / whole + NEVER) if at.free_symbols else whole)]


def _exact_data(brief: Brief) -> list[sp.Expr]:
    """The weights of the data step, in t and t'."""
    target = brief.target
    after = {"alpha_next": target.alpha.subs(t, T_NEXT), "beta_next": target.beta.subs(t, T_NEXT)}
    at = {laws.ratio: target.r / target.r.subs(t, T_NEXT), kappa: brief.shown_kappa}
    kept, added = (e.subs(at, simultaneous=True) for e in laws.retained())
    step = laws.held().put(alpha=target.alpha, beta=target.beta, kept=kept, fresh=added, **after)
    return [step.state, step.data, step.noise]


def _spread(added: sp.Expr, kept: sp.Expr) -> sp.Expr:
    """α' √(1 − E²), as a product."""
    if added == 0:
        return sp.S.Zero
    if sp.expand(added - 1 + kept**2) != 0:
        raise UndecidedError(f"the variance {added} of a step is not 1 - {kept}^2")
    return sp.Symbol("alpha_next") * sp.sqrt((1 - kept) * (1 + kept))


def trial_values(routine: Routine) -> dict[str, sp.Rational]:
    """The parameter values of the self-test: dyadic, so that they are exact everywhere."""
    values = {}
    for k, symbol in enumerate(routine.parameters):
        values[symbol.name] = sp.Rational(3, 4) if symbol.name == "kappa" else sp.Rational(13 + 4 * k, 16)
    return values


def rounding_of(routine: Routine, pairs: Sequence[tuple[float, float]] = PAIRS) -> float:
    """The bound of a step's own rounding errors, in ulps, the worst of these pairs of times."""
    return max(_rounding(routine, *pair) for pair in pairs)


def _rounding(routine: Routine, now: float, then: float) -> float:
    at = {"t": sp.Rational(now), "t_next": sp.Rational(then), **trial_values(routine)}
    known = {sp.Symbol(n): v for n, v in at.items()}
    known |= {sp.Symbol(left): 1 - at[time] for time, left in (("t", "u"), ("t_next", "u_next"))}
    sample = sample_at(known)
    for symbol, form in routine.lines:
        (sample,) = named([sample], symbol, form)
    with precision(sample.bits):
        return max(sample.known[sp.Symbol(o.name)].ulps for o in routine.outputs)


# -- pieces -----------------------------------------------------------------------------------------------------


def _later(lines: Lines) -> Lines:
    """The same lines at t'."""
    names = {s: sp.Symbol(f"{s.name}_next") for s, _ in lines}
    return [(names[s], f.xreplace({**NEXT, **names})) for s, f in lines]


def _mapped(limit: sp.Expr | None, change: Callable[[sp.Expr], sp.Expr]) -> sp.Expr | None:
    """The limit of a weight from the limit of what it is made of."""
    if limit is None:
        return None
    if isinstance(limit, sp.Piecewise):
        return sp.Piecewise(*((_mapped(v, change), c) for v, c in limit.args), evaluate=False)
    return limit if limit in (sp.oo, -sp.oo) else change(limit)


def _at_start(lines: Lines, wanted: sp.Expr, at_kappa: float = 0.75) -> float:
    """What plain evaluation says of `wanted` in a step from t = 0."""
    letters = sorted({s.name for _, form in lines for s in form.free_symbols})
    values = {s: 0.8125 + k / 8 for k, s in enumerate(letters)}
    values |= {"t": 0.0, "u": 1.0, "t_next": 0.5, "u_next": 0.5, "kappa": at_kappa}
    for symbol, form in lines:
        values[symbol.name] = evaluate(form, values)
    return evaluate(wanted, values)


def _diverges(variance: sp.Expr) -> bool:
    """Whether the variance of a step from t = 0 is infinite."""
    given = {s: sp.Rational(13 + 4 * k, 16) for k, s in enumerate(sorted(variance.free_symbols - {t, T_NEXT}, key=str))}
    try:
        return limit_at(variance.subs({T_NEXT: sp.S.Half, **given}), 0) == sp.oo
    except (InputError, UndecidedError):
        return False


def _step(
    called: str,
    summary: str,
    base: Routine,
    lines: Lines,
    starts: Sequence[sp.Expr | None],
    exacts: Sequence[sp.Expr],
) -> Routine:
    outputs = tuple(
        Output(Quantity(w, w, exact, float("inf")), (start, None))
        for w, exact, start in zip(WEIGHTS, exacts, starts, strict=True)
    )
    local = {s for s, _ in lines} | {sp.Symbol(n) for n in ("t", "u", "t_next", "u_next", "tau", "tau_left")}
    free = set().union(*(f.free_symbols for _, f in lines)) - local | set(base.parameters)
    made = replace(base, name=called, summary=summary, parameters=kappa_last(free), lines=tuple(lines), outputs=outputs)
    return replace(made, times=("t", "t_next")).tidied()
