"""Sampler steps as weights: x(t') = X x + P p + Z z, p the data prediction E[X | x], z standard normal.

`symsched.steps.laws` has the steps; here they get forms that keep their digits.  euler_step and lazy_step hold the
drift (the second is emitted where ∫ 2ε dt is elementary), data_step the data prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy as sp

from symsched.codegen.changes import eps
from symsched.codegen.derive import weight_symbols
from symsched.codegen.kernels import expanded, in_factors, simplified
from symsched.codegen.program import Function, Output, function, plain
from symsched.codegen.quantities import TIME, Quantity, alpha, beta
from symsched.codegen.rounding import expm1, log1p, name, point, u, written_out
from symsched.codegen.tidy import tidied
from symsched.errors import InputError, UndecidedError
from symsched.exact import decide_zero, limit_at
from symsched.precision import precision
from symsched.steps import laws
from symsched.steps.integrals import antiderivative
from symsched.symbols import kappa, t

if TYPE_CHECKING:
    from symsched.codegen.module import Module

Lines = Sequence[tuple[sp.Symbol, sp.Expr]]
WEIGHTS = x_weight, p_weight, z_weight = sp.symbols("x_weight p_weight z_weight")
NEXT = {sp.Symbol("t"): sp.Symbol("t_next"), sp.Symbol("u"): sp.Symbol("u_next")}
h, keep, ratio = sp.symbols("h keep ratio")
T_NEXT = sp.Symbol("t_next", positive=True)
PAIRS = ((0.0625, 0.5), (0.25, 0.75), (0.5, 0.9375))  # from t to t'
MOST = 200.0  # ulps: a step that may lose more is not emitted


def steps(module: Module) -> tuple[Function, ...]:
    """The step functions of a module."""
    made = [_euler(module), _lazy(module), _data(module)]
    return tuple(f for f in made if f is not None)


# -- the three steps --------------------------------------------------------------------------------------------


def _euler(module: Module) -> Function:
    exact = module.shop.made[eps].exact
    noise = [(z_weight, sp.S.Zero if exact == 0 else sp.sqrt(2 * plain(eps) * h))]
    summary = "drift and diffusion scale held at t (Euler-Maruyama)"
    return _held_drift(module, "euler_step", summary, noise, [] if exact == 0 else [eps], 2 * (T_NEXT - t) * exact)


def _lazy(module: Module) -> Function | None:
    """Where 2ε has an elementary integral that keeps its digits, and ε is not 0."""
    exact = module.shop.made[eps].exact
    summary = "drift held at t, noise exact (right in one step in a lazy schedule)"
    if module.source_eps is None and exact != 0 and not module.target.beta.has(t):
        return _held_drift(module, "lazy_step", summary, *_exploding(module))
    grown = None if exact == 0 else _variance(module, exact)
    if grown is None:
        return None
    variance = in_factors(grown.subs(t, T_NEXT) - grown)
    forms = variance, simplified(variance.subs(T_NEXT, t + h))
    short = min(forms, key=lambda f: (f.count_ops(), f.has(t)))
    bare = short.xreplace({s: plain(s) for s in short.free_symbols})
    made = _held_drift(module, "lazy_step", summary, [(z_weight, sp.sqrt(bare))], [], variance)
    return made if rounding_of(made) < MOST else None


def _exploding(module: Module) -> tuple[Lines, list[sp.Symbol], sp.Expr]:
    """β constant: 2ε = −κ d(α²)/dt, so that the variance is −κ α² expm1(2 log(α'/α))."""
    at = plain(kappa) if module.kappa is None else module.kappa
    grown = growth(module.shop.made[alpha].shape)
    grown = grown.xreplace({s: plain(s) for s in grown.free_symbols})
    after = module.target.alpha.subs(t, T_NEXT)
    line = (z_weight, plain(alpha) * sp.sqrt(-at * expm1(2 * grown)))
    return [line], [alpha], module.shown_kappa * (module.target.alpha**2 - after**2)


def growth(form: sp.Expr) -> sp.Expr:
    """log f(t')/f(t) for a form in t and u, factor by factor, in which t' − t is the factor h."""
    if form.is_Mul:
        return sp.Add(*[growth(factor) for factor in form.args])
    if not form.has(t, u):
        return sp.S.Zero
    if form.is_Pow and not isinstance(form, sp.exp) and not form.exp.has(t, u):
        return form.exp * growth(form.base)
    base, exponent = form.as_base_exp()
    if not base.has(t, u):
        return sp.log(base) * _moved(exponent)
    return log1p(_moved(form) / form)


def _moved(form: sp.Expr) -> sp.Expr:
    """f(t + h) − f(t)."""
    whole = written_out(form)
    return in_factors(expanded(whole.subs(t, t + h) - whole))


def _variance(module: Module, exact: sp.Expr) -> sp.Expr | None:
    """∫ 2ε dt, if it is elementary: α² + ρ² β² where the schedule is lazy for some ρ, or a rational integral."""
    if module.source_eps is None and not exact.has(kappa):
        squares = module.target.alpha**2, module.target.beta**2
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
    module: Module, called: str, summary: str, noise: Lines, more: Sequence[sp.Symbol], variance: sp.Expr
) -> Function:
    symbols = weight_symbols("data")
    base = function(called, "", module.shop, [*symbols, *more])
    a, b = (plain(s) for s in symbols)
    step = laws.explicit().put(h=h, drift=a, rest=b)
    lines = [
        *base.lines,
        (h, sp.Symbol("t_next") - sp.Symbol("t")),
        (x_weight, step.state),
        (p_weight, step.data),
        *noise,
    ]
    ends = {o.name: o.ends[0] for o in base.outputs}
    starts = [
        _mapped(ends[a.name], lambda limit: 1 + h * limit),
        _mapped(ends[b.name], lambda limit: h * limit),
        _mapped(ends.get("eps"), lambda limit: sp.sqrt(2 * h * limit)),
    ]
    exact = [module.shop.made[s].exact * (T_NEXT - t) for s in symbols]
    return _step(called, summary, base, lines, starts, [1 + exact[0], exact[1], sp.sqrt(variance)])


def _data(module: Module) -> Function | None:
    """For ε = κ ε* only."""
    if module.source_eps is not None:
        return None
    now = function("data_step", "", module.shop, (alpha, beta))
    at = plain(kappa) if module.kappa is None else module.kappa
    kept, added = (e.subs({laws.ratio: ratio, kappa: at}, simultaneous=True) for e in laws.retained())
    a, b, a_next, b_next = sp.symbols("alpha beta alpha_next beta_next")
    lines = [*now.lines, *_later(now.lines), (ratio, b * a_next / (a * b_next))]
    if kept not in (1, ratio):
        lines.append((keep, kept))
        added = added.subs(kept, keep) if added.has(kept) else 1 - keep**2
        kept = keep
    step = laws.held().put(alpha=a, beta=b, alpha_next=a_next, beta_next=b_next, kept=kept)
    lines += [
        (x_weight, step.state),
        (p_weight, step.data.subs(step.state, x_weight)),
        (z_weight, _spread(added, kept)),
    ]
    # A point mass says nothing about the noise: the first step draws it afresh.
    starts = [sp.S.Zero, b_next, a_next] if _is_point_mass(module) else [None] * 3
    summary = "only the data prediction held, all else exact (DDIM for kappa = 0)"
    return _step("data_step", summary, now, lines, starts, _exact_data(module))


def _exact_data(module: Module) -> list[sp.Expr]:
    """The weights of the data step, in t and t'."""
    target = module.target
    after = {"alpha_next": target.alpha.subs(t, T_NEXT), "beta_next": target.beta.subs(t, T_NEXT)}
    at = {laws.ratio: target.r / target.r.subs(t, T_NEXT), kappa: module.shown_kappa}
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


def _is_point_mass(module: Module) -> bool:
    try:
        return bool(limit_at(module.target.alpha, 0) == 0)
    except UndecidedError:
        return False


def samples(function: Function) -> dict[str, sp.Rational]:
    """The parameter values of the self-test: dyadic, so that they are exact everywhere."""
    values = {}
    for k, symbol in enumerate(function.parameters):
        values[symbol.name] = sp.Rational(3, 4) if symbol.name == "kappa" else sp.Rational(13 + 4 * k, 16)
    return values


def rounding_of(function: Function, pairs: Sequence[tuple[float, float]] = PAIRS) -> float:
    """The bound of a step's own rounding errors, in ulps, the worst of these pairs of times."""
    return max(_rounding(function, *pair) for pair in pairs)


def _rounding(function: Function, now: float, then: float) -> float:
    at = {"t": sp.Rational(now), "t_next": sp.Rational(then), **samples(function)}
    known = {sp.Symbol(n): v for n, v in at.items()}
    known |= {sp.Symbol(left): 1 - at[time] for time, left in (("t", "u"), ("t_next", "u_next"))}
    sample = point(known)
    for symbol, form in function.lines:
        name([sample], symbol, form)
    with precision(sample.bits):
        return max(sample.known[sp.Symbol(o.name)].ulps for o in function.outputs)


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


def _step(
    called: str,
    summary: str,
    base: Function,
    lines: Lines,
    starts: Sequence[sp.Expr | None],
    exacts: Sequence[sp.Expr],
) -> Function:
    outputs = tuple(
        Output(Quantity(w, w, exact, float("inf"), (None, None)), (start, None))
        for w, exact, start in zip(WEIGHTS, exacts, starts, strict=True)
    )
    local = {s for s, _ in lines} | {sp.Symbol(n) for n in ("t", "u", "t_next", "u_next", "tau", "tau_left")}
    free = set().union(*(f.free_symbols for _, f in lines)) - local | set(base.parameters)
    ordered = tuple(sorted(free, key=lambda s: (s.name == "kappa", s.name)))
    made = replace(base, name=called, summary=summary, parameters=ordered, lines=tuple(lines), outputs=outputs)
    return tidied(replace(made, times=("t", "t_next")))
