"""What keeps conversions within four units: the bound, forms without roots and exponentials, jets, limits."""

import numpy as np
import pytest
import sympy as sp
from slowness import slow

from benchmarks import codegen_pairs as sweep
from symsched import catalog
from symsched.codegen.emit import emit
from symsched.codegen.lines import _bare
from symsched.codegen.module import Module
from symsched.codegen.program import _gives
from symsched.codegen.quantities import alpha, alpha_dot, beta, beta_dot
from symsched.codegen.quantities.brief import target_ledger
from symsched.codegen.quantities.change import Change
from symsched.codegen.quantities.slopes import _jets, _moved
from symsched.codegen.stable.ieee import ORDERS, evaluate
from symsched.codegen.stable.letters import spread
from symsched.codegen.stable.logslope import without_exponentials
from symsched.codegen.stable.rewriting import cost, operations
from symsched.codegen.stable.rounding import expm1, named, u, unit_samples, worst, written_out
from symsched.symbols import t

WITHIN = 4.0
AT = {t: sp.Rational(3, 10), u: sp.Rational(7, 10)}


def schedule(name):
    return catalog.from_text(sweep.EXAMPLES.get(name, name))


def change(source, target):
    return Change(schedule(source), schedule(target), target_ledger(schedule(target), sp.S.One, ()))


def same(one, other):
    return abs(sp.N((written_out(one) - written_out(other)).subs(AT), 40)) < sp.Rational(1, 10**35)


# -- the bound and the cost -------------------------------------------------------------------------------------


def test_constants_are_folded_before_roundings_are_counted():
    samples = unit_samples()
    angle = sp.pi * (125 * u + 2) / 252
    assert worst(samples, sp.sin(sp.expand(angle))) < worst(samples, sp.sin(angle)) - 0.4
    held = sp.Symbol("held", positive=True)  # the twin: a constant that is not folded costs its own roundings
    samples = named(samples, held, sp.pi)
    assert worst(samples, sp.Rational(1, 3) * held * u) > worst(samples, sp.pi * u / 3) + 0.4


def test_constants_cost_nothing():
    heavy = sp.sqrt(1 + sp.exp(3)) * sp.exp(sp.Rational(3, 2)) / sp.log(7)
    assert operations(heavy * t) == operations(sp.pi * t) == 1
    assert cost(heavy * t) == cost(sp.pi * t)
    assert cost(sp.exp(t) * t) > cost(heavy * t)


def test_constants_go_into_sums_where_that_saves_an_operation():
    assert spread(sp.pi * (sp.Rational(1, 2) - t)) == sp.pi / 2 - sp.pi * t
    assert spread(sp.pi * (t + u) / 2) == sp.pi * (t + u) / 2
    exponent = u * (-199 * u - 2) / 20
    assert spread(exponent) == exponent  # exact integers
    wide = spread(exponent, rational=True)
    assert wide != exponent
    assert sp.expand(wide - exponent) == 0
    assert worst(unit_samples(), wide) < worst(unit_samples(), exponent)


# -- exponentials and roots -------------------------------------------------------------------------------------


def test_exponentials_become_hyperbolic_with_half_the_argument():
    form = expm1(6 * t) / (1 + sp.exp(3) * sp.exp(-6 * u))
    found = [made for made in without_exponentials(form) if made.has(sp.cosh)]
    assert found
    for made in found:
        assert same(made, form)
        assert not made.atoms(sp.exp) or all(not e.free_symbols for e in made.atoms(sp.exp))
        assert not same(made.replace(sp.cosh, lambda a: sp.cosh(a + sp.Rational(1, 99))), form)


def test_a_difference_is_no_cosh():
    assert not any(made.has(sp.cosh) for made in without_exponentials(expm1(6 * t) / (2 - sp.exp(-u))))


def test_two_roots_are_one():
    x, y = sp.symbols("x y")
    assert _bare(sp.sqrt(x) / sp.sqrt(y)) == sp.sqrt(x / y)
    assert _bare(2 * sp.sqrt(x) / y) == 2 * sp.sqrt(x) / y


# -- conversions ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_the_target_keeps_shortens_the_scale():
    preserving, straight = change("follmer", "vp"), change("follmer", "linear")
    form = beta + alpha**2 / beta
    assert preserving.with_sums(form) == 1 / beta
    assert straight.with_sums(form) == form


@pytest.mark.parametrize(("target", "kept"), [slow("vp", 3), ("linear", 3), ("follmer", 1)])
def test_slopes_by_one_jet_alone_are_the_slope(target, kept):
    forms = change("trigflow", target)
    jets = {x: getattr(schedule(target), str(x)) for x in (alpha, beta, alpha_dot, beta_dot)}
    form = sp.sqrt(4 * alpha**2 + beta**2)
    wanted = form.subs(jets).diff(t)
    found = [moved.subs(jets, simultaneous=True) for moved in _moved(forms, form)]
    assert len(_jets(forms)) == kept
    assert all(same(moved, wanted) for moved in found)
    wrong = [moved.subs(alpha_dot, -alpha_dot).subs(jets, simultaneous=True) for moved in _moved(forms, form)]
    assert not all(same(moved, wanted) for moved in wrong)


def test_roots_go_where_a_square_is_meant():
    forms = change("follmer", "linear_vp")
    (made,) = forms.rootless(alpha**2)
    assert same(made, u * (1 + t))
    assert not made.has(sp.sqrt(u))
    assert list(forms.rootless(beta)) == []


# -- ends -------------------------------------------------------------------------------------------------------


def test_a_limit_counts_as_given_only_if_every_order_of_operations_gives_it():
    w = sp.symbols("w1:4")
    end = sp.Symbol("t")
    lines = [(s, sp.Float(v) * (1 - end)) for s, v in zip(w, (0.1, 0.7, 0.3), strict=True)]
    product = sp.Symbol("product")
    lines.append((product, w[0] * w[1] * w[2]))
    values = {"w1": 0.1, "w2": 0.7, "w3": 0.3}
    found = {order: evaluate(lines[-1][1], values, order) for order in ORDERS}
    assert len(set(found.values())) > 1
    for value in found.values():  # one order would have given it
        assert not _gives(sp.Float(value, 17), product, 0, lines)
    assert _gives(sp.S.Zero, product, 1, lines)


def test_a_power_gives_no_limit_to_the_last_digit():
    """Arrays and numbers may round it apart; a square and a root are rounded right."""
    end, power = sp.symbols("t power")
    base = sp.Float(0.3, 17) + end
    for exponent, given in ((2, True), (sp.S.Half, True), (7, False), (sp.Rational(-7, 2), False)):
        lines = [(power, base**exponent)]
        limit = sp.Float(evaluate(lines[0][1], {"t": 0.0}), 17)
        assert _gives(limit, power, 0, lines) == given


# -- the pairs that were beyond ---------------------------------------------------------------------------------

BEYOND = {
    "cosine": ("ddpm", "follmer", "lazy"),
    "cosmap": ("scaled_linear",),
    "geometric": ("follmer", "lazy"),
    "sigmoid": ("follmer", "geometric", "lazy", "linear_vp", "simple_linear", "sub_vp", "trigflow"),
}
PAIRS = [f"{source}:{target}" for target, sources in BEYOND.items() for source in sources]
QUICK = {"follmer:geometric"}


def loaded(text):
    names = {"__name__": "emitted"}
    exec(compile(text, "emitted", "exec"), names)  # noqa: S102 - our own output
    return names


@pytest.mark.parametrize(
    "pair", [pytest.param(p, marks=pytest.mark.slow if p in QUICK else pytest.mark.exhaustive) for p in PAIRS]
)
def test_conversions_keep_to_four_units(pair):
    source, target = map(schedule, pair.split(":"))
    module = Module(target, source)
    names = loaded(emit(module, "numpy"))
    worst_errors, _ = sweep.measure(module, names, ("conversion",), np.float64)
    assert max(worst_errors.values()) <= WITHIN
    assert sweep.ends(module, names, ("conversion",)) == []


@pytest.mark.slow
def test_the_difference_of_two_slopes_is_beyond():
    """The twin: ċ as c (β̇/β − τ̇/τ), as it was emitted, where 1/β does."""
    module = Module(schedule("geometric"), schedule("follmer"))
    text = emit(module, "numpy")
    start = text.index("scale_dot = ", text.index("def conversion"))
    line = text[start : text.index("\n", start)]
    older = "scale_dot = scale*(0.5*tau_dot/beta**2 - tau_dot/tau)"
    found = [
        sweep.measure(module, loaded(given), ("conversion",), np.float64)[0]["scale_dot"]
        for given in (text, text.replace(line, older))
    ]
    assert found[0] < found[1]
